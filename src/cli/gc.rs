//! `longlab gc`

use super::{Exit, table};
use crate::lab::Layout;
use crate::lab::gc::{Orphan, orphans, references, remove};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// Show the jobs that no experiment refers to, and remove them if asked to
///
/// A job is referred to by the job list of an experiment in the results folder, or by a spec in one of the folders given. Without
/// `--delete` nothing is changed. A job that a process works on is never removed.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab gc                        what could go
  longlab gc --delete               remove it
  longlab gc --specs my/specs       keep what these specs refer to as well")]
pub(super) struct GcArgs {
    /// Folders of specs whose jobs are kept
    #[arg(long, value_name = "DIR", default_values = ["experiments", "experiments/micro"])]
    specs: Vec<PathBuf>,
    /// Remove them
    #[arg(long)]
    delete: bool,
}

pub(super) fn run(args: &GcArgs, layout: &Layout) -> Result<Exit> {
    let found = references(layout, &args.specs)?;
    for (file, reason) in &found.unread {
        eprintln!("cannot read {}: {}", file.display(), reason.lines().next().unwrap_or_default());
    }
    if args.delete && !found.unread.is_empty() {
        bail!("nothing was removed, since the jobs of {} are unknown; mend or move these specs", list(&found.unread));
    }
    let orphans = orphans(layout, &found)?;
    print!("{}", page(&orphans, args.delete));
    if args.delete {
        orphans.iter().filter(|orphan| !orphan.busy).try_for_each(remove)?;
    }
    Ok(Exit::Done)
}

fn list(unread: &[(PathBuf, String)]) -> String {
    unread.iter().map(|(file, _)| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn page(orphans: &[Orphan], delete: bool) -> String {
    if orphans.is_empty() {
        return "every job is referred to by an experiment; nothing to remove\n".to_string();
    }
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    let rows = orphans.iter().map(|orphan| {
        let state = match (orphan.busy, delete) {
            (true, _) => "in use, kept",
            (false, true) => "removed",
            (false, false) => "can go",
        };
        vec![orphan.dir.display().to_string(), megabytes(orphan.bytes), state.to_string()]
    });
    let table = table::render(&["job", "MB", ""], &rows.collect::<Vec<_>>(), &[1]);
    let total: u64 = orphans.iter().filter(|orphan| !orphan.busy).map(|orphan| orphan.bytes).sum();
    let end = if delete { "removed" } else { "can go; give --delete to remove them" };
    format!("{table}\n{} MB {end}\n", megabytes(total))
}
