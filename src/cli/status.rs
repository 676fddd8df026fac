//! `longlab status SPEC`

use super::{Exit, chosen::Chosen, table};
use crate::lab::Layout;
use crate::lab::estimate::{Pace, steps};
use crate::lab::experiment::Plan;
use crate::lab::slurm::queue::Entry;
use crate::lab::slurm::record::{Places, Record};
use crate::lab::slurm::submit;
use crate::lab::status::{self, Stage, Status};
use crate::spec::{Experiment, Job};
use serde_json::{Value, json};

/// Show where the jobs of an experiment stand
///
/// Reads the results folder and changes nothing; it may be asked while jobs run, here or on another machine that shares the folder.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab status experiments/table5.toml
  watch -n 5 longlab status experiments/table5.toml
  longlab status experiments/table5.toml --json | jq '.jobs[] | select(.stage == \"stopped\").id'")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    chosen: Chosen,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StatusArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = args.chosen.load()?;
    let plan = Plan::new(&experiment, layout)?;
    let states: Vec<Status> = plan.tasks.iter().map(|task| status::of(&task.dir, &task.id)).collect();
    let pace = Pace::of(layout, experiment.kind);
    let rows: Vec<(&Job, &Status)> = plan.jobs.iter().map(|job| (job, &states[plan.position(job)])).collect();
    let queue = in_queue(layout, &plan.name);
    let places = queue.as_ref().map(|(record, queue)| Places::new(record, queue));
    match args.json {
        true => println!("{:#}", as_json(&experiment, &rows, &pace, places.as_ref())),
        false => print!("{}", as_table(&rows, &states, &pace, places.as_ref())),
    }
    Ok(Exit::Done)
}

/// What Slurm has of the experiment; a queue that cannot be asked is said and keeps nothing else from being shown.
fn in_queue(layout: &Layout, name: &str) -> Option<Queue> {
    submit::in_queue(layout, name).unwrap_or_else(|error| {
        eprintln!("Slurm's states are not known: {error}");
        None
    })
}

type Queue = (Record, Vec<Entry>);

/// Where Slurm has a job: its id there, and what the queue says.
fn place<'a>(places: Option<&Places<'a>>, job: &Job) -> Option<(String, &'a Entry)> {
    let place = places?.of(&job.id)?;
    Some((format!("{}_{}", place.array, place.task), place.entry?))
}

/// Minutes that a job will still take, from the pace of finished jobs.
fn left(job: &Job, status: &Status, pace: &Pace) -> Option<f64> {
    if status.stage == Stage::Done {
        return Some(0.0);
    }
    let open = steps(job).saturating_sub(status.step) as f64;
    Some((open * pace.step_seconds? + pace.eval_seconds?) / 60.0)
}

fn as_table(rows: &[(&Job, &Status)], states: &[Status], pace: &Pace, places: Option<&Places>) -> String {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
    let cells = rows.iter().map(|(job, status)| {
        let mut cells = vec![
            job.variant.clone(),
            job.seed.to_string(),
            job.id.clone(),
            status.stage.word().to_string(),
            format!("{}/{}", status.step, steps(job)),
            number(status.reward, 3),
            number(status.entropy, 3),
            status.latch.map_or("-", |on| if on { "on" } else { "off" }).to_string(),
            number(status.silent.filter(|_| status.stage == Stage::Running), 0),
            number(left(job, status, pace), 1),
        ];
        if places.is_some() {
            cells.push(place(places, job).map_or("-".into(), |(id, entry)| in_words(&id, entry)));
        }
        cells
    });
    let mut head =
        vec!["variant", "seed", "job", "stage", "step", "reward", "entropy", "latch", "silent s", "minutes left"];
    head.extend(places.map(|_| "Slurm"));
    let table = table::render(&head, &cells.collect::<Vec<_>>(), &[1, 4, 5, 6, 8, 9]);
    let count = |stage: Stage| states.iter().filter(|status| status.stage == stage).count();
    let parts = [Stage::Done, Stage::Running, Stage::Stopped, Stage::Waiting].map(|s| (count(s), s.word()));
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    format!("{table}\n{} jobs: {}\n", states.len(), parts.join(", "))
}

fn in_words(id: &str, entry: &Entry) -> String {
    let about = if entry.is_live() && entry.nodes.is_empty() { &entry.reason } else { &entry.nodes };
    format!("{id} {} {about}", entry.state.to_lowercase()).trim_end().to_string()
}

fn as_json(experiment: &Experiment, rows: &[(&Job, &Status)], pace: &Pace, places: Option<&Places>) -> Value {
    let one = |(job, status): &(&Job, &Status)| {
        let mut value = json!({"variant": job.variant, "seed": job.seed, "id": job.id, "steps": steps(job)});
        if let (Value::Object(all), Ok(Value::Object(own))) = (&mut value, serde_json::to_value(status)) {
            all.extend(own);
            all.insert("minutes_left".into(), json!(left(job, status, pace)));
            let slurm = |(id, entry): (String, &Entry)| json!({"job": id, "state": entry.state, "reason": entry.reason, "nodes": entry.nodes});
            all.extend(place(places, job).map(|place| ("slurm".to_string(), slurm(place))));
        }
        value
    };
    json!({"experiment": experiment.name, "jobs": rows.iter().map(one).collect::<Vec<_>>()})
}
