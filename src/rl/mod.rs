//! One training step in the paper's order: sample, roll out, score, advantage, gate, loss, update; supervised warm start; checkpoints.

pub mod batch;
pub mod checkpoint;
pub mod dataset;
pub mod decide;
pub mod gates;
pub mod job;
pub mod judging;
pub mod learn;
pub mod metrics;
pub mod optimizer;
pub mod play;
pub mod progress;
pub mod receipt;
pub mod record;
pub mod replay;
pub mod rollout;
pub mod train;
pub mod verify;
pub mod warm;
