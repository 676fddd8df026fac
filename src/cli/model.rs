//! `longlab model MODEL`

use super::{Exit, fetch};
use crate::lab::machine::Machine;
use crate::lm::Checkpoint;
use crate::lm::describe::Description;
use anyhow::Result;

/// Show what a checkpoint is and what it needs
///
/// Family, parameters, stored types, memory of weights, cache and training, and whether a machine can serve or train it. Reads headers
/// only. A model that is not here is fetched first.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab model smol                        SmolLM2-135M-Instruct, on this machine
  longlab model checkpoints/step40          a Hugging Face folder
  longlab model model.gguf --memory 8       for a machine of 8 GiB
  longlab model model.gguf --positions 32768 --json")]
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
}

pub(super) fn run(args: &ModelArgs) -> Result<Exit> {
    let checkpoint = Checkpoint::open(&fetch::place(&args.model)?)?;
    let memory = args.memory.map_or_else(|| Machine::look().memory, |gib| gib.saturating_mul(1 << 30));
    let description = Description::new(&checkpoint, memory, args.positions);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&description)?);
    } else {
        print!("{description}");
    }
    Ok(Exit::Done)
}
