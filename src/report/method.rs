//! What a reader needs to judge the numbers: scale, seeds, items, jobs, cost, machine, commit.

use super::analysis::{Analysis, ScoreRow, averaged, finished};
use super::doc::{Block, Cell, Table};
use super::input::{Done, Input, SeedRun};
use super::text::{NOTHING, count};
use std::collections::{BTreeMap, BTreeSet};

/// The method section.
pub fn blocks(input: &Input, analysis: &Analysis) -> Vec<Block> {
    let mut entries = vec![format!("Scale: {}.", input.scale)];
    entries.push(format!("Seeds: {}.", list(seeds(input))));
    entries.extend(sizes("Main split", &analysis.main));
    entries.extend(sizes("Long split", &analysis.long));
    entries.extend(cost(input));
    entries.push(format!(
        "Intervals: 95%, crossed bootstrap over seeds and items for scores; answers of one item are averaged first. Avg is the mean of {}.",
        averaged(&analysis.main)
    ));
    entries.extend(provenance(input));
    entries.push("Data: data/items.csv holds every item's mean score, data/metrics.csv every training step.".into());
    vec![Block::Heading("Method".into()), Block::List(entries), Block::Table(jobs(input))]
}

fn seeds(input: &Input) -> impl Iterator<Item = String> {
    let seeds: BTreeSet<u64> = input.rows.iter().flat_map(|row| row.seeds.iter().map(|run| run.seed)).collect();
    seeds.into_iter().map(|seed| seed.to_string())
}

fn list(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(", ")
}

fn sizes(split: &str, rows: &[ScoreRow]) -> Option<String> {
    let row = rows.iter().find(|row| row.answers > 0)?;
    let each = row.answers as f64 / (row.items * row.done).max(1) as f64;
    let answers: u64 = rows.iter().map(|row| row.answers).sum();
    Some(format!("{split}: {} a seed, {each:.0} answers an item, {answers} answers in all.", count(row.items, "item")))
}

/// A job may stand in several rows (the same settings under two names); it was run and paid once.
fn unique(input: &Input) -> BTreeMap<&str, &SeedRun> {
    input.rows.iter().flat_map(finished).map(|run| (run.job.as_str(), run)).collect()
}

fn cost(input: &Input) -> Vec<String> {
    let done: Vec<Done> = unique(input).values().filter_map(|run| run.done).collect();
    if done.is_empty() {
        return vec![];
    }
    let minutes = |pick: fn(&Done) -> f64| done.iter().map(pick).sum::<f64>() / 60.0;
    let mut entries = vec![format!(
        "Compute: {:.1} minutes over {} ({:.1} training, {:.1} evaluation).",
        minutes(|done| done.seconds),
        count(done.len(), "job"),
        minutes(|done| done.train_seconds),
        minutes(|done| done.eval_seconds)
    )];
    let mean = |pick: fn(&Done) -> Option<f64>| {
        let rates: Vec<f64> = done.iter().filter_map(pick).collect();
        (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
    };
    if let (Some(rollout), Some(update)) = (mean(|done| done.rollout_rate), mean(|done| done.update_rate)) {
        entries.push(format!(
            "Speed of a job: {rollout:.0} response tokens a second in rollouts, {update:.0} tokens a second in updates."
        ));
    }
    entries
}

/// Every provenance field with its distinct values.
fn provenance(input: &Input) -> Vec<String> {
    let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for run in unique(input).values() {
        for (name, value) in &run.provenance {
            fields.entry(name).or_default().insert(value);
        }
    }
    fields.iter().map(|(name, values)| format!("{}: {}.", name.replace('_', " "), few(values))).collect()
}

/// Up to four values; more (dates) as a range.
fn few(values: &BTreeSet<&str>) -> String {
    match (values.first(), values.last()) {
        (Some(first), Some(last)) if values.len() > 4 => format!("{first} to {last}"),
        _ => values.iter().copied().collect::<Vec<_>>().join(", "),
    }
}

fn jobs(input: &Input) -> Table {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for row in &input.rows {
        for run in &row.seeds {
            let minutes = run.done.map_or(NOTHING.into(), |done| format!("{:.1}", done.seconds / 60.0));
            rows.push(vec![
                row.variant.clone().into(),
                run.seed.to_string().into(),
                run.job.clone().into(),
                run.status.name().into(),
                minutes.into(),
            ]);
        }
    }
    let head = ["variant", "seed", "job", "status", "minutes"].map(str::to_owned).into();
    Table { caption: "Jobs".into(), head, rows, ..Table::default() }
}
