//! Statistics beside scipy, rliable, statsmodels and inspect_ai, and by simulation: do 95% intervals hold the truth?
//!
//! `cargo test --release --test stats -- --nocapture` prints the largest deviations and every coverage.

#[path = "stats/coverage.rs"]
mod coverage;
#[allow(dead_code, reason = "batches are not read here")]
#[path = "golden/facts.rs"]
mod facts;
#[path = "golden/stats.rs"]
mod golden;
