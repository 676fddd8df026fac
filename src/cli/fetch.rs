//! `longlab fetch MODEL`, and how other commands get a model by its name.

use super::Exit;
use crate::lm::fetch::{Event, FetchError, KNOWN, Settings, fetch};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

/// Get a model: a known one by its short name, or a repository of the Hugging Face hub
///
/// Known models lie in $LONGLAB_MODELS or ~/.cache/longlab/models, those of the hub in HF_HOME as its own tools keep them. Downloads go on
/// where they were stopped, and have their final name only when their hash is right. Prints the file or folder.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab fetch smol                         SmolLM2-135M-Instruct, 93 MB
  longlab fetch Qwen/Qwen3-4B-Thinking-2507  a repository of the hub
  longlab fetch org/name@revision            at a branch, tag or commit
  LONGLAB_OFFLINE=1 longlab fetch smol       only look whether it is here")]
pub(super) struct FetchArgs {
    /// A known model, or org/name[@revision]; without it the known ones are listed
    model: Option<String>,
}

pub(super) fn run(args: &FetchArgs) -> Result<Exit> {
    let Some(model) = &args.model else {
        KNOWN.iter().for_each(|known| println!("{:8} {} ({})", known.name, known.about, known.licence));
        return Ok(Exit::Done);
    };
    println!("{}", get(model)?.display());
    Ok(Exit::Done)
}

/// The file or folder of a model: a path that exists, or one that is fetched.
pub(super) fn place(model: &str) -> Result<PathBuf> {
    if Path::new(model).exists() { Ok(PathBuf::from(model)) } else { Ok(get(model)?) }
}

fn get(model: &str) -> Result<PathBuf, FetchError> {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    let got = fetch(model, &Settings::from_environment()?, &mut |event| match event {
        Event::Bytes { file, have, of } => {
            bar.set_message(file);
            bar.set_length(of.unwrap_or(have));
            bar.set_position(have);
        }
        Event::Waiting => bar.set_message("another process fetches it; waits"),
        Event::Checking { file } => bar.set_message(format!("checks {file}")),
        Event::Unpacking { file } => bar.set_message(format!("unpacks {file}")),
        Event::Again { file, cause, after } => {
            bar.println(format!("{file}: {cause}; tries again in {:.0} s", after.as_secs_f64()));
        }
    });
    bar.finish_and_clear();
    got
}
