//! `longlab plan SPEC`

mod disk;
mod page;
mod power;

use super::{Exit, chosen::Chosen};
use crate::lab::Layout;
use crate::lab::estimate::Pace;
use crate::lab::experiment::Plan;
use crate::spec::{Experiment, Job};
use disk::Disk;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// Show the cells and jobs of an experiment, what is not among them and why, and how long they will take
///
/// Minutes and disk are estimated from finished jobs of the same kind in the results folder. Nothing is run.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab plan experiments/table5.toml
  longlab plan experiments/table5.toml --scale smol  as it would be at another scale
  longlab plan experiments/table5.toml --resolved    every setting of every cell, as TOML
  longlab plan experiments/table5.toml --power       seeds and items that each claim needs
  longlab plan experiments/mine.toml --power --like experiments/table5.toml --effect 2
  longlab plan experiments/table5.toml --json | jq '.jobs[].id'")]
pub(super) struct PlanArgs {
    #[command(flatten)]
    chosen: Chosen,
    /// Print the whole spec with every setting resolved
    #[arg(long)]
    resolved: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print how many seeds and items each claim on scores needs for 80% power, from the variances of finished jobs
    #[arg(long, conflicts_with = "resolved")]
    power: bool,
    /// With --power: take the variances of another experiment where there are none
    #[arg(long, value_name = "SPEC", requires = "power")]
    like: Option<PathBuf>,
    /// With --power: stated standard deviations of a difference, points
    #[arg(long, value_name = "seed=A,item=B,within=C", requires = "power", conflicts_with = "like")]
    spread: Option<String>,
    /// With --power: the effect to be found, points [default: the published one, else 1]
    #[arg(long, value_name = "POINTS", requires = "power", allow_negative_numbers = true)]
    effect: Option<f64>,
}

pub(super) fn run(args: &PlanArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = args.chosen.load()?;
    let text = if args.power {
        power::page(args, &experiment, layout)?
    } else if args.resolved && !args.json {
        experiment.resolved()
    } else {
        let plan = Plan::new(&experiment, layout)?;
        let outlook = Outlook::of(&experiment, &plan, layout);
        match args.json {
            true => format!("{:#}\n", outlook.as_json(args.resolved)?),
            false => page::render(&outlook),
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// What is known of an experiment before it is run.
struct Outlook<'a> {
    experiment: &'a Experiment,
    plan: &'a Plan,
    pace: Pace,
    disk: Disk,
    rows: Vec<Row<'a>>,
}

/// One job as the plan shows it.
struct Row<'a> {
    job: &'a Job,
    /// Position of its cell among the variants of the experiment.
    cell: usize,
    cached: bool,
    /// Whether an earlier row has the same id.
    again: bool,
    minutes: Option<f64>,
    /// Bytes that it will leave on the disk.
    bytes: Option<f64>,
}

impl<'a> Outlook<'a> {
    fn of(experiment: &'a Experiment, plan: &'a Plan, layout: &Layout) -> Outlook<'a> {
        let (pace, disk) = (Pace::of(layout, experiment.kind), Disk::of(layout, experiment.kind));
        let finished = plan.finished();
        let mut seen = vec![false; plan.tasks.len()];
        let row = |(index, job): (usize, &'a Job)| {
            let position = plan.position(job);
            let again = std::mem::replace(&mut seen[position], true);
            let free = finished[position] || again;
            let minutes = if free { Some(0.0) } else { pace.minutes(job) };
            let bytes = if free { Some(0.0) } else { disk.bytes(job) };
            Row { job, cell: index / experiment.seeds.len(), cached: finished[position], again, minutes, bytes }
        };
        let rows = plan.jobs.iter().enumerate().map(row).collect();
        Outlook { experiment, plan, pace, disk, rows }
    }

    /// The minutes of all jobs; none when those of one are unknown.
    fn minutes(&self) -> Option<f64> {
        self.rows.iter().map(|row| row.minutes).sum()
    }

    /// The bytes that all jobs will add; none when those of one are unknown.
    fn bytes(&self) -> Option<f64> {
        self.rows.iter().map(|row| row.bytes).sum()
    }

    fn cached(&self) -> usize {
        self.rows.iter().filter(|row| row.cached && !row.again).count()
    }

    fn as_json(&self, resolved: bool) -> anyhow::Result<Value> {
        let grid = &self.experiment.grid;
        let jobs = self.rows.iter().map(|row| self.job_json(row, resolved)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(json!({
            "experiment": self.experiment.name,
            "scale": self.experiment.scale.name(),
            "minutes": self.minutes(),
            "measured_jobs": self.pace.jobs,
            "disk_bytes": self.bytes(),
            "disk_measured_jobs": self.disk.jobs(),
            "cells": self.experiment.variants.len(),
            "seeds": self.experiment.seeds,
            "cached": self.cached(),
            "axes": grid.axes,
            "excluded": grid.excluded,
            "collapsed": grid.collapsed,
            "notes": grid.notes,
            "jobs": jobs,
        }))
    }

    fn job_json(&self, row: &Row<'_>, resolved: bool) -> anyhow::Result<Value> {
        let (job, grid) = (row.job, &self.experiment.grid);
        let mut value = json!({
            "id": job.id, "kind": job.kind, "variant": job.variant, "seed": job.seed,
            "cached": row.cached, "minutes": row.minutes, "disk_bytes": row.bytes,
        });
        if let Some(cell) = grid.cells.get(row.cell) {
            let points = grid
                .axes
                .iter()
                .zip(&cell.at)
                .filter_map(|(axis, label)| Some((axis.name.clone(), Value::from(label.clone()?))));
            value["of"] = cell.variant.as_str().into();
            value["at"] = Value::Object(points.collect());
        }
        if resolved {
            value["settings"] = serde_json::to_value(&job.settings)?;
        }
        Ok(value)
    }
}
