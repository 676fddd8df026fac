//! `longlab log JOB`

use super::{Exit, replay::find};
use crate::lab::{LabError, Layout, layout, lock};
use anyhow::Result;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Show what a job wrote to its log
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab log 0123456789abcdef
  longlab log 0123456789abcdef --lines 20
  longlab log 0123456789abcdef --follow      go on while the job runs")]
pub(super) struct LogArgs {
    /// The job: its directory or its id
    #[arg(value_name = "JOB")]
    job: PathBuf,
    /// Only the last lines
    #[arg(long, value_name = "N")]
    lines: Option<usize>,
    /// Print what is added until the job ends
    #[arg(long)]
    follow: bool,
}

/// How often a followed log is looked at.
const PAUSE: Duration = Duration::from_millis(300);

pub(super) fn run(args: &LogArgs, layout: &Layout) -> Result<Exit> {
    let dir = find(&args.job, layout);
    let path = layout::log_txt(&dir);
    let mend = "; a job has a log once `longlab run` has started it";
    let unreadable = |source| LabError::Unreadable { path: path.clone(), source, mend };
    let mut file = File::open(&path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let mut place = bytes.len() as u64;
    let mut out = std::io::stdout();
    out.write_all(last_lines(&bytes, args.lines))?;
    if !args.follow {
        return Ok(Exit::Done);
    }
    loop {
        // Asked before reading: what is written until then is still printed.
        let running = lock::is_held(&dir);
        bytes.clear();
        file.seek(SeekFrom::Start(place)).and_then(|_| file.read_to_end(&mut bytes)).map_err(unreadable)?;
        place += bytes.len() as u64;
        out.write_all(&bytes)?;
        out.flush()?;
        if !running {
            return Ok(Exit::Done);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The last `lines` lines of a text, all of it without a number.
fn last_lines(text: &[u8], lines: Option<usize>) -> &[u8] {
    let Some(lines) = lines else { return text };
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let mut ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place + 1);
    match lines {
        0 => &[],
        _ => &text[ends.nth(lines - 1).unwrap_or(0)..],
    }
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_end_of_a_log() {
        let text = b"one\ntwo\nthree\n";
        assert_eq!(last_lines(text, None), text);
        assert_eq!(last_lines(text, Some(2)), b"two\nthree\n");
        assert_eq!(last_lines(text, Some(9)), text);
        assert_eq!(last_lines(text, Some(0)), b"");
        assert_eq!(last_lines(b"one\ntorn", Some(1)), b"torn");
        assert_eq!(last_lines(b"", Some(1)), b"");
    }
}
