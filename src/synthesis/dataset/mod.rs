//! The dataset: items as lines of JSON, rows for training as Parquet or lines of JSON, the documents they rest on, a card, and what the pipeline counted.

mod card;
mod convert;
mod parquet;
mod record;
mod row;
mod rows;
mod show;
mod stats;
mod write;

pub use self::parquet::SCHEMA;
pub use convert::convert;
pub use record::{Placed, Record, Split};
pub use row::{ExtraInfo, RewardModel, TrainingRow};
pub use rows::{files, rows};
pub use show::{Choice, page, show};
pub use stats::{Lengths, Stats, each, stats};
pub use write::{DATASET, MANIFEST, Manifest, Publishing, publish};
