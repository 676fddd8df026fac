//! `longlab model MODEL`

use super::{Exit, fetch};
use crate::lab::machine::Machine;
use crate::lm::describe::Description;
use crate::lm::{Checkpoint, FolderNumbers, write_folder};
use anyhow::{Result, ensure};
use std::path::PathBuf;

/// Show what a checkpoint is and what it needs
///
/// Family, parameters, stored types, memory of weights, cache and training, and whether a machine can serve or train it. Reads headers
/// only. A model that is not here is fetched first. With --write the checkpoint is written as a Hugging Face folder, which longlab trains
/// and transformers loads.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab model smol                        SmolLM2-135M-Instruct, on this machine
  longlab model checkpoints/step40          a Hugging Face folder
  longlab model model.gguf --memory 8       for a machine of 8 GiB
  longlab model model.gguf --positions 32768 --json
  longlab model smol --write models/smol    as a Hugging Face folder, in f32
  longlab model smol --adapter experiments/smol/base --write models/smol-base")]
pub(super) struct ModelArgs {
    /// A Hugging Face folder, a GGUF file, a known model or org/name
    model: String,
    /// Memory of the machine, GiB [default: that of this one]
    #[arg(long, value_name = "GIB")]
    memory: Option<u64>,
    /// Length of the text to be served, positions [default: the model's longest]
    #[arg(long, value_name = "N")]
    positions: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write the checkpoint into this folder, which must not hold a model yet
    #[arg(long, value_name = "DIR", conflicts_with_all = ["json", "positions", "memory"])]
    write: Option<PathBuf>,
    /// With --write: add the adapter of this folder, in PEFT's format, to the weights
    #[arg(long, value_name = "DIR", requires = "write")]
    adapter: Option<PathBuf>,
    /// With --write: 16 bits a number and not 32
    #[arg(long, requires = "write")]
    bf16: bool,
}

pub(super) fn run(args: &ModelArgs) -> Result<Exit> {
    let checkpoint = Checkpoint::open(&fetch::place(&args.model)?)?;
    if let Some(folder) = &args.write {
        let taken = folder.join("config.json").exists();
        ensure!(!taken, "{} holds a model already; name another folder, or remove it", folder.display());
        write_folder(
            &checkpoint,
            args.adapter.as_deref(),
            folder,
            if args.bf16 { FolderNumbers::Bf16 } else { FolderNumbers::F32 },
        )?;
        eprintln!("{} written", folder.display());
        return Ok(Exit::Done);
    }
    let memory = args.memory.map_or_else(|| Machine::look().memory, |gib| gib.saturating_mul(1 << 30));
    let description = Description::new(&checkpoint, memory, args.positions);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&description)?);
    } else {
        print!("{description}");
    }
    Ok(Exit::Done)
}
