//! One training step in the paper's order: sample, roll out, score, advantage, gate, loss, update; supervised warm start; checkpoints.

pub mod progress;
