//! What a job needs of a machine, as flags over the `[resources]` of its spec.

use crate::lab::export::Needs;
use crate::spec::Resources;

/// Flags for what a job needs.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct NeedsArgs {
    /// Memory of a job, MiB [default: that of [resources] in the spec, else 1536]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,
    /// GPUs of a job [default: those of [resources] in the spec, else 0]
    #[arg(long, value_name = "N")]
    gpus: Option<u32>,
    /// Longest time of one go of a job, minutes [default: those of [resources] in the spec, else a day]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    minutes: Option<u64>,
    /// How often a job whose process died (by a signal, out of memory say) is started again, with what it did kept
    #[arg(long, value_name = "N", default_value_t = 2)]
    retries: u32,
}

impl NeedsArgs {
    /// The flags over the resources of the spec.
    pub(super) fn over(&self, spec: &Resources) -> Needs {
        Needs {
            memory: self.memory.unwrap_or(spec.memory),
            gpus: self.gpus.unwrap_or(spec.gpus),
            seconds: 60 * self.minutes.unwrap_or(spec.minutes),
            retries: self.retries,
        }
    }
}
