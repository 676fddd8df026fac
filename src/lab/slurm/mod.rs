//! The Slurm executor: an array of job ids, a report job behind it, and a watcher that may come and go.
//!
//! Slurm starts, requeues and ends the jobs; longlab's own `done.json` says which are finished, so nothing hangs on Slurm's accounting. What
//! was submitted stands in the experiment's folder ([`record::Record`], written before and after each submission), so that a later `longlab
//! run` goes on watching what is there instead of submitting it twice. The order of states is a pure state machine ([`follow::Follow`]).

pub mod command;
pub mod follow;
pub mod queue;
pub mod record;
pub mod script;
pub mod submit;
mod watch;

pub use command::SlurmError;
pub use submit::{Order, adopt_or_submit};
pub use watch::{Watch, watch};
