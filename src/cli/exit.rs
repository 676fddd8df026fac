//! Exit codes, and how an error becomes one.

use crate::lab::{LabError, error::says_full};
use crate::spec::SpecError;
use std::io;
use std::process::ExitCode;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is done: 0.
    Done,
    /// Jobs failed, or the machine did: 1.
    Failed,
    /// The command, the spec or a file given cannot be used: 2.
    Usage,
    /// Stopped by the user: 130.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// One line (or, for specs, the place in the file) on standard error, and the exit code.
pub(super) fn explain(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        return Exit::Done;
    }
    eprintln!("{}", message(error));
    let lab_input = error.downcast_ref::<LabError>().is_some_and(LabError::is_input);
    if lab_input || error.downcast_ref::<SpecError>().is_some() { Exit::Usage } else { Exit::Failed }
}

/// The text of an error: its chain in one line; a full disk anywhere in it gets its mend.
pub(super) fn message(error: &anyhow::Error) -> String {
    let full = says_full(error) && error.downcast_ref::<LabError>().is_none();
    let mend = if full { "; the disk is full: free some space and give the same command again" } else { "" };
    let text = format!("{error:#}{mend}");
    // A rendered spec error begins with its own `error:`.
    if text.starts_with("error") { text } else { format!("error: {text}") }
}

/// `longlab plan | head` is no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(broken))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_full_disk_is_named_however_deep_it_lies() {
        let full = || io::Error::from_raw_os_error(libc::ENOSPC);
        let wrapped = Err::<(), _>(csv::Error::from(full())).context("writing metrics.csv").unwrap_err();
        assert!(message(&wrapped).contains("the disk is full"), "{}", message(&wrapped));
        let own = LabError::writing("results/a.csv".as_ref(), full()).into();
        assert_eq!(message(&own).matches("the disk is full").count(), 1);
        assert!(!message(&anyhow::anyhow!("no base policy")).contains("disk"));
    }
}
