//! Statistics of the report: plain summaries, intervals, and the crossed bootstrap over seeds and items.

mod summary;

pub use summary::{mean, quantile, sample_std};
