//! `longlab diff A B`

use super::replay::find;
use super::{Exit, table};
use crate::lab::{Layout, job};
use crate::rl::job::Places;
use crate::rl::receipt::{self, Receipt};
use crate::spec::KEYS;
use anyhow::Result;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Say where two jobs part: the first step, the first quantity, and the keys that differ
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab diff 0123456789abcdef fedcba9876543210
  longlab diff results/jobs/0123456789abcdef ../other/results/jobs/0123456789abcdef --json

Exit codes: 0 the jobs agree, 1 they part")]
pub(super) struct DiffArgs {
    /// One job: its directory or its id
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The other
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What tells two jobs apart.
#[derive(Debug, Serialize)]
struct Difference {
    /// Seeds, where they differ.
    seeds: Option<(u64, u64)>,
    /// Keys whose values differ, with both.
    keys: Vec<(String, String, String)>,
    /// The first step and quantity in which they part.
    parts: Option<Parting>,
    /// Steps that both have.
    steps: usize,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Parting {
    /// Step; 0 for what the jobs began with.
    step: u64,
    /// One of [`receipt::PARTS`].
    quantity: &'static str,
}

pub(super) fn run(args: &DiffArgs, layout: &Layout) -> Result<Exit> {
    let (a, b) = (find(&args.a, layout), find(&args.b, layout));
    let (ours, theirs) = (job::read(&a)?, job::read(&b)?);
    let receipts = |dir: &Path| receipt::read(&Places::inside(dir).receipts);
    let (left, right) = (receipts(&a)?, receipts(&b)?);
    let values =
        KEYS.iter().map(|key| (key, key.get(&ours.settings).to_string(), key.get(&theirs.settings).to_string()));
    let difference = Difference {
        seeds: (ours.seed != theirs.seed).then_some((ours.seed, theirs.seed)),
        keys: values.filter(|(_, a, b)| a != b).map(|(key, a, b)| (key.path.to_string(), a, b)).collect(),
        parts: parting(&left, &right),
        steps: left.len().min(right.len()).saturating_sub(1),
    };
    if args.json {
        println!("{}", serde_json::to_string(&difference)?)
    } else {
        print!("{}", page(&difference))
    }
    let agree = difference.parts.is_none() && left.len() == right.len();
    Ok(if agree { Exit::Done } else { Exit::Failed })
}

/// Settings that differ are told by their keys; here counts what was drawn and made.
fn parting(left: &[Receipt], right: &[Receipt]) -> Option<Parting> {
    let begin = |receipts: &[Receipt]| receipts.first().map(|receipt| receipt.weights.clone());
    if begin(left) != begin(right) {
        return Some(Parting { step: 0, quantity: "weights" });
    }
    let mut pairs = left.iter().zip(right).skip(1);
    pairs.find_map(|(a, b)| a.differs(b).map(|quantity| Parting { step: a.step, quantity }))
}

fn page(difference: &Difference) -> String {
    let Difference { seeds, keys, parts, steps } = difference;
    let mut text = String::new();
    if let Some((a, b)) = seeds {
        text += &format!("seeds differ: {a} and {b}\n");
    }
    if !keys.is_empty() {
        let rows: Vec<Vec<String>> = keys.iter().map(|(key, a, b)| vec![key.clone(), a.clone(), b.clone()]).collect();
        text += &table::render(&["key", "A", "B"], &rows, &[]);
        text.push('\n');
    }
    text += &match parts {
        None => format!("the jobs agree in all of {steps} steps: {}\n", receipt::PARTS.join(", ")),
        Some(Parting { step: 0, .. }) => {
            "the jobs part before the first step: they began with different weights\n".into()
        }
        Some(Parting { step, quantity }) => {
            let alike = match step {
                1 => "at once".to_string(),
                _ => format!("after {} steps that agree in everything", step - 1),
            };
            format!("the jobs part {alike}: at step {step} the {quantity} differ first\n")
        }
    };
    text
}
