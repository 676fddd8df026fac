//! `longlab compare SPEC`

use super::{Exit, chosen::Chosen, table, wiring};
use crate::lab::Layout;
use crate::report::{self, Compared};
use anyhow::Result;
use serde_json::json;

/// Compare the variants of an experiment in pairs, from what has been measured so far
///
/// Paired differences over the seeds and items that both variants have, with 95% intervals: A minus B, in points for scores.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab compare experiments/table5.toml                                  every variant with the first
  longlab compare experiments/table5.toml --variant AEPO --variant GRPO    AEPO less GRPO
  longlab compare experiments/table5.toml --measure reward --json")]
pub(super) struct CompareArgs {
    #[command(flatten)]
    chosen: Chosen,
    /// Two variants, A and B; without them every variant is held against the first
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
    /// What is compared; may be given several times [default: avg and all suites]
    #[arg(long, value_name = "MEASURE")]
    measure: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CompareArgs, layout: &Layout) -> Result<Exit> {
    let experiment = args.chosen.load()?;
    let names: Vec<&str> = experiment.variants.iter().map(|variant| variant.name.as_str()).collect();
    let pairs: Vec<(&str, &str)> = match &args.variant[..] {
        [] => names[1..].iter().map(|name| (*name, names[0])).collect(),
        [a, b] => vec![(a, b)],
        _ => anyhow::bail!("give --variant twice, for A and B, or not at all; the variants are {}", names.join(", ")),
    };
    let input = wiring::measured(&experiment, layout)?;
    let measures: Vec<&str> = match args.measure.is_empty() {
        true => report::suite_measures().collect(),
        false => args.measure.iter().map(String::as_str).collect(),
    };
    let compared = report::compare(&input, &pairs, &measures)?;
    if args.json {
        let one = |c: &Compared| {
            json!({"a": c.a, "b": c.b, "measure": c.measure, "unit": c.unit, "seeds": c.seeds,
                "difference": c.difference.map(|d| d.difference), "low": c.difference.map(|d| d.low),
                "high": c.difference.map(|d| d.high), "p": c.difference.map(|d| d.p),
                "incomparable": c.incomparable})
        };
        println!("{:#}", json!(compared.iter().map(one).collect::<Vec<_>>()));
    } else {
        print!("{}", page(&compared));
    }
    Ok(Exit::Done)
}

fn page(compared: &[Compared]) -> String {
    let rows = compared.iter().map(|c| {
        let number = |pick: fn(&report::Paired) -> f64| {
            let digits = if c.unit == "points" { 2 } else { 4 };
            c.difference.as_ref().map_or("-".to_string(), |d| format!("{:+.digits$}", pick(d)))
        };
        let p = c.difference.map_or("-".to_string(), |d| format!("{:.3}", d.p));
        let texts = [c.a.clone(), c.b.clone(), c.measure.clone(), number(|d| d.difference), number(|d| d.low)];
        texts.into_iter().chain([number(|d| d.high), p, c.seeds.to_string(), c.unit.to_string()]).collect()
    });
    let head = ["A", "B", "measure", "A - B", "low", "high", "p", "seeds", "unit"];
    let table = table::render(&head, &rows.collect::<Vec<Vec<String>>>(), &[3, 4, 5, 6, 7]);
    let apart = match compared.iter().any(|c| c.incomparable) {
        true => "A line without a difference, though seeds finished: the two measure it in different ways.\n",
        false => "",
    };
    format!("{table}\n{apart}95% intervals over seeds and items, paired; p is not adjusted for the number of lines.\n")
}
