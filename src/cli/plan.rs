//! `longlab plan SPEC`

use super::{Exit, table};
use crate::lab::Layout;
use crate::lab::estimate::Pace;
use crate::lab::experiment::Plan;
use crate::spec::{self, Experiment, Job};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// Show the jobs of an experiment and how long they will take
///
/// Minutes are estimated from the steps of finished jobs of the same kind in the results folder.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab plan experiments/table5.toml
  longlab plan experiments/table5.toml --resolved    every setting of every variant, as TOML
  longlab plan experiments/table5.toml --json | jq '.jobs[].id'")]
pub(super) struct PlanArgs {
    /// The experiment file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Print the whole spec with every setting resolved
    #[arg(long)]
    resolved: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &PlanArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = spec::load(&args.spec)?;
    let plan = Plan::new(&experiment, layout)?;
    let text = match (args.resolved, args.json) {
        (true, false) => experiment.resolved(),
        (resolved, true) => format!("{:#}\n", as_json(&experiment, &plan, layout, resolved)?),
        (false, false) => as_table(&experiment, &plan, layout),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// One job as the plan shows it.
struct Row<'a> {
    job: &'a Job,
    cached: bool,
    /// Whether an earlier row has the same id.
    again: bool,
    minutes: Option<f64>,
}

fn rows<'a>(plan: &'a Plan, pace: &Pace) -> Vec<Row<'a>> {
    let finished = plan.finished();
    let mut seen = vec![false; plan.tasks.len()];
    let row = |job: &'a Job| {
        let position = plan.position(job);
        let again = std::mem::replace(&mut seen[position], true);
        let free = finished[position] || again;
        let minutes = if free { Some(0.0) } else { pace.minutes(job) };
        Row { job, cached: finished[position], again, minutes }
    };
    plan.jobs.iter().map(row).collect()
}

/// The minutes of all rows; none when one of them is unknown.
fn total(rows: &[Row]) -> Option<f64> {
    rows.iter().map(|row| row.minutes).sum()
}

fn as_table(experiment: &Experiment, plan: &Plan, layout: &Layout) -> String {
    let pace = Pace::of(layout, experiment.kind);
    let rows = rows(plan, &pace);
    let minutes = |minutes: Option<f64>| minutes.map_or("unknown".to_string(), |minutes| format!("{minutes:.1}"));
    let cells = rows.iter().map(|row| {
        let status = if row.cached {
            "yes"
        } else if row.again {
            "shared"
        } else {
            "no"
        };
        let job = row.job;
        vec![job.id.clone(), job.variant.clone(), job.seed.to_string(), status.to_string(), minutes(row.minutes)]
    });
    let cells: Vec<_> = cells.collect();
    let table = table::render(&["id", "variant", "seed", "cached", "minutes"], &cells, &[2, 4]);
    let cached = rows.iter().filter(|row| row.cached && !row.again).count();
    let time = match total(&rows) {
        Some(minutes) => format!("{minutes:.1} minutes, one job at a time (measured on {} finished jobs)", pace.jobs),
        None => "time unknown, as no job of the kind has been measured yet".to_string(),
    };
    format!("{table}\n{} jobs, {cached} cached; {time}\n", plan.tasks.len())
}

fn as_json(experiment: &Experiment, plan: &Plan, layout: &Layout, resolved: bool) -> anyhow::Result<Value> {
    let pace = Pace::of(layout, experiment.kind);
    let rows = rows(plan, &pace);
    let one = |row: &Row| -> anyhow::Result<Value> {
        let job = row.job;
        let mut value = json!({
            "id": job.id, "kind": job.kind, "variant": job.variant, "seed": job.seed,
            "cached": row.cached, "minutes": row.minutes,
        });
        if resolved {
            value["settings"] = serde_json::to_value(&job.settings)?;
        }
        Ok(value)
    };
    let jobs = rows.iter().map(one).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(json!({ "experiment": experiment.name, "minutes": total(&rows), "jobs": jobs }))
}
