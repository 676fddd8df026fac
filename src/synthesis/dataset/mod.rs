//! The dataset: items as lines of JSON and as Parquet, the documents they rest on, a card, and what the pipeline counted.

mod card;
mod parquet;
mod record;
mod show;
mod stats;
mod write;

pub use self::parquet::SCHEMA;
pub use record::{Placed, Record, Split};
pub use show::{Choice, page, show};
pub use stats::{Lengths, Stats, each, stats};
pub use write::{DATASET, MANIFEST, Manifest, Publishing, publish};
