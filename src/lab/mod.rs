//! Jobs: directory layout, locks, resume, process pool.
//!
//! A job is one process started as `longlab job <dir>`; the pool, a scheduler and a person start the same command. Everything
//! a job needs and everything it makes lies in its directory ([`layout::Layout`]); `done.json` is written last, so its presence
//! is the only thing that says "finished". The order of work is a pure state machine ([`schedule`]); processes, pipes and
//! signals are a thin shell around it ([`pool`]).

pub mod capacity;
pub mod error;
pub mod estimate;
pub mod experiment;
pub mod export;
pub mod files;
pub mod gc;
mod holder;
pub mod job;
pub mod layout;
pub mod lock;
pub mod machine;
pub mod pool;
pub mod rows;
pub mod schedule;
pub mod seal;
pub mod slurm;
pub mod status;
pub mod view;
pub mod work;
mod worker;

pub use error::LabError;
pub use layout::Layout;
