//! The mathematics as properties: what must hold for every batch, not for the examples alone.

#[path = "properties/advantages.rs"]
mod advantages;
#[path = "properties/bad_input.rs"]
mod bad_input;
#[path = "properties/batches.rs"]
mod batches;
#[path = "properties/fuzzed.rs"]
mod fuzzed;
#[path = "properties/gates.rs"]
mod gates;
#[path = "properties/losses.rs"]
mod losses;
#[path = "properties/merges.rs"]
mod merges;
#[path = "properties/optimizer.rs"]
mod optimizer;
#[path = "properties/plain.rs"]
mod plain;
#[path = "properties/randomness.rs"]
mod randomness;
#[path = "properties/self_play.rs"]
mod self_play;
#[path = "properties/statistics.rs"]
mod statistics;
#[path = "properties/text.rs"]
mod text;
#[path = "properties/wrong.rs"]
mod wrong;
#[path = "properties/zoo.rs"]
mod zoo;
