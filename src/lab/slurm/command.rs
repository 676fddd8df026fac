//! Slurm's own commands: `sbatch`, `squeue`, `scancel`, `sacct`, `scontrol`, found on the search path.

use super::queue::{self, Entry};
use std::ffi::OsStr;
use std::io;
use std::process::Command;

/// What went wrong with a command of Slurm.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// It is not there.
    #[error(
        "cannot start {program}: {source}; run this where Slurm's commands are on the search path, or take --executor local"
    )]
    Missing {
        /// The command.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{program} refused: {said}")]
    Refused {
        /// The command.
        program: &'static str,
        /// Its words.
        said: String,
    },
    /// It answered in a form that is not known.
    #[error("{program} answered what cannot be read: {reason}")]
    Unreadable {
        /// The command.
        program: &'static str,
        /// Why.
        reason: String,
    },
}

/// Runs a command to its end; its standard output.
fn output<A: AsRef<OsStr>>(program: &'static str, args: &[A]) -> Result<Vec<u8>, SlurmError> {
    let ran = Command::new(program)
        .args(args)
        // Lists of array tasks are cut at 64 characters unless this says otherwise.
        .env("SLURM_BITSTR_LEN", "0")
        .output()
        .map_err(|source| SlurmError::Missing { program, source })?;
    if ran.status.success() {
        return Ok(ran.stdout);
    }
    let said =
        String::from_utf8_lossy(if ran.stderr.is_empty() { &ran.stdout } else { &ran.stderr }).trim().to_string();
    let said = said.lines().map(str::trim).collect::<Vec<_>>().join("; ");
    Err(SlurmError::Refused { program, said: if said.is_empty() { ran.status.to_string() } else { said } })
}

/// Submits a job and returns its id.
pub fn sbatch<A: AsRef<OsStr>>(args: &[A]) -> Result<u64, SlurmError> {
    let text = String::from_utf8_lossy(&output("sbatch", args)?).trim().to_string();
    // `--parsable` prints `id` or `id;cluster`; a site's own filters may print lines before it.
    let id = text.lines().next_back().unwrap_or_default().split(';').next().unwrap_or_default();
    id.trim()
        .parse()
        .map_err(|_| SlurmError::Unreadable { program: "sbatch", reason: format!("{text:?} holds no job id") })
}

/// All jobs of this user that Slurm still knows; those that ended go away some minutes later.
pub fn squeue() -> Result<Vec<Entry>, SlurmError> {
    let unreadable = |reason| SlurmError::Unreadable { program: "squeue", reason };
    match output("squeue", &["--me", "--json"]) {
        Ok(json) => queue::of_json(&json).map_err(unreadable),
        // An installation without the JSON plugin, or of before 21.08.
        Err(SlurmError::Refused { .. }) => {
            let text =
                output("squeue", &["--me", "--noheader", "--array", "--states=all", "--format=%F|%K|%j|%T|%r|%N"])?;
            queue::of_text(&String::from_utf8_lossy(&text)).map_err(unreadable)
        }
        Err(error) => Err(error),
    }
}

/// How a task of an array ended by Slurm's accounting, `TIMEOUT` say; none where there is no accounting or it does not know the job.
pub fn sacct(job: u64, task: usize) -> Option<String> {
    let id = format!("--jobs={job}_{task}");
    let text = output("sacct", &["--allocations", "--noheader", "--parsable2", "--format=State", &id]).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    // `CANCELLED by 1000` is one of its states.
    text.lines().next_back()?.split_whitespace().next().map(str::to_string)
}

/// Cancels jobs. Their running processes get a SIGTERM and, as long after as the cluster's KillWait says, a SIGKILL.
pub fn scancel(jobs: &[u64]) -> Result<(), SlurmError> {
    let ids: Vec<String> = jobs.iter().map(u64::to_string).collect();
    output("scancel", &ids).map(drop)
}

/// How many tasks an array may have, where the cluster says it.
pub fn max_array_size() -> Option<usize> {
    let text = String::from_utf8_lossy(&output("scontrol", &["show", "config"]).ok()?).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("MaxArraySize"))?;
    line.trim_start_matches([' ', '=']).trim().parse().ok()
}
