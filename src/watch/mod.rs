//! A live view of the jobs of an experiment: progress, curves, latch, speed, time left.
//!
//! It reads job folders and nothing else: no job is started, locked or asked. So it may run beside `longlab run`, on another
//! machine that shares the folders, or when everything has ended. [`board`] holds what is known, [`draw`] shows it on any backend of
//! `ratatui`, [`screen`] is the loop on a terminal, [`plain`] what is printed without one.

pub mod board;
mod chart;
pub mod draw;
pub mod history;
pub mod plain;
pub mod screen;

pub use board::{Board, State};
