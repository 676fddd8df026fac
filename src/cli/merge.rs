//! `longlab merge RECIPE` or `longlab merge --method METHOD ...`

use super::Exit;
use crate::merge::{Merge, MergeFilesError, Merged, Method, Recipe, Size};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use longlab_kernels::merge::{Format, SceReading};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Merge models that lie in Hugging Face folders
///
/// Reads safetensors, one file or shards, in F32, F16 or BF16, and writes a folder with the merged tensors, the base's
/// configuration and tokenizer, and merge.json, which holds the recipe and a hash of each model. A few megabytes of memory are
/// enough for any model. The folder appears when all of it is written.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab merge --method sce --base base --model math --model code --select 0.1 --out merged
  longlab merge --method ties --base base --model math --model code --density 0.2 --weight 1 --weight 0.5 --out merged
  longlab merge --method linear --model math --model code --dtype bf16 --shard-size 2GB --out soup
  longlab merge merge.toml --out merged    the same keys in a file: method, base, models, weights, select, ...")]
pub(super) struct MergeArgs {
    /// A TOML file with the keys of the flags
    #[arg(value_name = "RECIPE", conflicts_with_all = ["method", "base", "model", "weight", "select", "reading", "density", "lambda", "seed", "dtype", "shard_size"])]
    recipe: Option<PathBuf>,
    /// linear, task_arithmetic, ties, dare, dare_ties or sce
    #[arg(long, value_parser = named::<Method>, required_unless_present = "recipe")]
    method: Option<Method>,
    /// Folder of the base; linear has none
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Folder of a model; once for each
    #[arg(long, value_name = "DIR", required_unless_present = "recipe")]
    model: Vec<PathBuf>,
    /// Weight of a model, in the order of the models [default: 1 each]
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    weight: Vec<f64>,
    /// sce: share of the places that is selected [default: 1]
    #[arg(long, value_name = "SHARE")]
    select: Option<f64>,
    /// sce: whose code, mergekit or authors [default: mergekit]
    #[arg(long, value_parser = named::<SceReading>)]
    reading: Option<SceReading>,
    /// ties, dare, dare_ties: share of each model's changes that is kept
    #[arg(long, value_name = "SHARE")]
    density: Option<f64>,
    /// What the merged change is multiplied by [default: 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    lambda: Option<f64>,
    /// dare, dare_ties: seed of what is dropped [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Type of the result, f32, f16 or bf16 [default: that of the base]
    #[arg(long, value_parser = named::<Format>)]
    dtype: Option<Format>,
    /// Largest file of the result
    #[arg(long, value_name = "SIZE", default_value = "5GB")]
    shard_size: Size,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Folder to be written; must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// A value by the name it has in files.
fn named<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Error> {
    T::deserialize(text.into_deserializer())
}

pub(super) fn run(args: &MergeArgs) -> Result<Exit> {
    let recipe = match recipe(args) {
        Ok(recipe) => recipe,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(Exit::Usage);
        }
    };
    match merge(&recipe, args) {
        Ok(merged) => {
            println!("{}", words(&merged, &args.out));
            Ok(Exit::Done)
        }
        Err(error) => {
            eprintln!("error: {error}");
            Ok(if error.is_input() { Exit::Usage } else { Exit::Failed })
        }
    }
}

fn recipe(args: &MergeArgs) -> Result<Recipe> {
    if let Some(path) = &args.recipe {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        return toml::from_str(&text).with_context(|| format!("{} is no recipe", path.display()));
    }
    Ok(Recipe {
        method: args.method.context("no method")?,
        base: args.base.clone(),
        models: args.model.clone(),
        weights: args.weight.clone(),
        select: args.select,
        reading: args.reading,
        density: args.density,
        lambda: args.lambda,
        seed: args.seed,
        dtype: args.dtype,
        shard_size: args.shard_size,
    })
}

fn merge(recipe: &Recipe, args: &MergeArgs) -> Result<Merged, MergeFilesError> {
    let merge = Merge::open(recipe)?;
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    // Hidden where standard error is no terminal.
    let bar = ProgressBar::new(merge.bytes());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    let merged = merge.write(&args.out, args.threads.unwrap_or_else(cores), &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    merged
}

fn words(merged: &Merged, out: &Path) -> String {
    let Merged { tensors, places, bytes, shards, .. } = merged;
    let (files, size) = (if *shards == 1 { "file" } else { "files" }, *bytes as f64 / 1e6);
    format!("merged: {}, {tensors} tensors, {places} numbers, {size:.0} MB in {shards} {files}", out.display())
}
