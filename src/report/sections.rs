//! The report in its order: summary, claims, tables, outcomes, curves, method.

use super::analysis::{Analysis, Change, ScoreRow, TrainingRow, WINDOW, measures};
use super::doc::{Block, Cell, Document, Table};
use super::error::ReportError;
use super::input::{Input, STATUSES};
use super::method;
use super::plots::Plot;
use super::published::{MARK, PublishedTable};
use super::rows;
use super::summary;
use super::text::{NOTHING, ends, interval, probability, signed};
use super::verdict::Verdict;
use super::{readings, scatter};

/// The whole document. `jobs` leads from the report to the job folders.
pub fn document(input: &Input, analysis: &Analysis, plots: &[Plot], jobs: &str) -> Result<Document, ReportError> {
    let mut blocks = vec![Block::Text(summary::paragraph(input, analysis))];
    blocks.extend(summary::warnings(input));
    if !analysis.verdicts.is_empty() {
        blocks.extend([
            Block::Heading("Claims".into()),
            Block::Table(claims(&analysis.verdicts)),
            Block::Text(claims_legend()),
        ]);
        blocks.extend(readings::blocks(&analysis.verdicts));
    }
    let details: Vec<Vec<Block>> = input.rows.iter().map(|row| rows::of_variant(row, jobs, analysis.window)).collect();
    let scored = input.paper.is_some() || analysis.main.iter().any(|row| row.answers > 0);
    if scored {
        let table = Table { details: details.clone(), ..measured(input, &analysis.main, "main split") };
        blocks.extend([Block::Heading("Scores".into()), Block::Table(table)]);
    }
    if let Some(path) = &input.paper {
        blocks.push(Block::Table(published(&PublishedTable::read(path)?)));
        blocks.push(Block::Text(NOT_ALIKE.into()));
    }
    blocks.extend(plot(plots, "scores"));
    if !analysis.long.is_empty() {
        blocks.push(Block::Heading("Longer contexts".into()));
        blocks.push(Block::Table(measured(input, &analysis.long, "long split")));
        blocks.extend(plot(plots, "long"));
    }
    blocks.extend(by_task(analysis));
    blocks.extend(outcomes(analysis));
    // Without scores the table of training is the first that has a row a variant.
    blocks.extend(training(analysis, if scored { vec![] } else { details }));
    blocks.extend(scatter::blocks(input));
    blocks.extend(plot(plots, "scatter"));
    for name in ["curves", "tasks", "published"] {
        blocks.extend(headed(plots, name));
    }
    blocks.extend(method::blocks(input, analysis));
    Ok(Document { title: input.title.clone(), blocks })
}

const NOT_ALIKE: &str = "The published numbers come from another model, other data and full-length benchmarks; each suite here only stands for \
    its benchmark. Compare the order and the direction of differences, not the levels.";

fn plot(plots: &[Plot], name: &str) -> Option<Block> {
    let plot = plots.iter().find(|plot| plot.name == name)?;
    Some(Block::Plot { name: plot.name.into(), caption: plot.caption.clone(), published: plot.published })
}

fn headed(plots: &[Plot], name: &str) -> Vec<Block> {
    let heading = plots.iter().find(|plot| plot.name == name).map(|plot| Block::Heading(plot.heading.clone()));
    heading.into_iter().chain(plot(plots, name)).collect()
}

fn claims(verdicts: &[Verdict]) -> Table {
    let head = [
        "claim",
        "measure",
        "verdict",
        "difference (measured)",
        "p, Holm",
        "detectable",
        "error: seeds / items",
        "seeds",
        "difference (published)",
    ];
    let rows = verdicts.iter().map(|verdict| {
        let decimals = if verdict.unit == "points" { 2 } else { 3 };
        let difference = verdict.paired.map(|paired| Cell {
            main: format!("{} {}", signed(paired.difference, decimals), verdict.unit),
            interval: Some(ends(paired.low, paired.high, decimals)),
            ..Cell::default()
        });
        let published = verdict.published.map(|value| format!("{} points", signed(value, 2)));
        let detectable = verdict.spread.map(|spread| format!("{:.decimals$}", spread.detectable));
        let errors = verdict.spread.map(|spread| {
            let items = spread.items.map_or(NOTHING.to_string(), |items| format!("{items:.decimals$}"));
            format!("{:.decimals$} / {items}", spread.seeds)
        });
        vec![
            verdict.claim.text.clone().into(),
            verdict.claim.measure.clone().into(),
            format!("{} ({})", verdict.word(), verdict.reason()).into(),
            difference.unwrap_or_else(|| NOTHING.into()),
            verdict.holm.map_or(NOTHING.into(), probability).into(),
            detectable.unwrap_or(NOTHING.into()).into(),
            errors.unwrap_or(NOTHING.into()).into(),
            verdict.seeds.to_string().into(),
            published.unwrap_or_else(|| NOTHING.into()).into(),
        ]
    });
    Table {
        caption: "Claims: measured difference with its 95% paired interval".into(),
        head: head.map(str::to_owned).into(),
        rows: rows.collect(),
        ..Table::default()
    }
}

fn claims_legend() -> String {
    format!(
        "Differences are the variant claimed to be better minus the other, paired by seed and item. Scores: crossed bootstrap over seeds and items. \
         Reward, entropy and response tokens: mean of the last {WINDOW} steps, Student's t over seeds. \"Reproduced\": the whole interval is on the \
         claimed side and p, adjusted by Holm's method for the number of claims, is at most 0.05; \"contradicted\": the same on the other side, or, at \
         the paper's own scale, an effect of the published size is excluded and would have been found; \"not resolved\": neither. Detectable: the \
         smallest difference that this design finds with 80% power. Error: the standard error of the difference, as far as it comes from the luck of \
         training (seeds) and from items and sampled answers; their squares add up."
    )
}

/// Seeds of a row, with the missing ones in sight.
pub(crate) fn seeds(done: usize, all: usize) -> String {
    if done == all { all.to_string() } else { format!("{done} of {all}") }
}

fn measured(input: &Input, rows: &[ScoreRow], split: &str) -> Table {
    let head = ["variant", "seeds", "Avg"].into_iter().chain(measures().skip(1));
    let body = rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| cell.as_ref().map_or(NOTHING.into(), score));
        [row.variant.clone().into(), seeds(row.done, row.seeds).into()].into_iter().chain(cells).collect()
    });
    Table {
        caption: format!(
            "Measured, scale {}, {split}: score x 100, mean and 95% interval over seeds and items",
            input.scale
        ),
        head: head.map(str::to_owned).collect(),
        rows: body.collect(),
        ..Table::default()
    }
}

fn score(cell: &super::estimate::Interval) -> Cell {
    Cell { main: format!("{:.2}", cell.mean), interval: Some(interval(cell, 1)), ..Cell::default() }
}

fn published(table: &PublishedTable) -> Table {
    let head = ["variant", "Avg"].into_iter().chain(measures().skip(1));
    let rows = table.rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| cell.map_or(NOTHING.into(), |value| format!("{value:.2}")).into());
        std::iter::once(row.name.clone().into()).chain(cells).collect()
    });
    Table {
        caption: MARK.into(),
        published: true,
        head: head.map(str::to_owned).collect(),
        rows: rows.collect(),
        ..Table::default()
    }
}

fn by_task(analysis: &Analysis) -> Vec<Block> {
    let tasks = &analysis.tasks;
    if tasks.tasks.is_empty() {
        return vec![];
    }
    let head = std::iter::once("variant".to_owned()).chain(tasks.tasks.iter().map(|task| task.replace('_', " ")));
    let rows = tasks.rows.iter().map(|(variant, cells)| {
        let cells = cells.iter().map(|cell| cell.as_ref().map_or(NOTHING.into(), score));
        std::iter::once(variant.clone().into()).chain(cells).collect()
    });
    let table = Table {
        caption: "Measured score x 100 by task type over all suites of the main split, mean and 95% interval".into(),
        head: head.collect(),
        rows: rows.collect(),
        ..Table::default()
    };
    vec![Block::Heading("Scores by task type".into()), Block::Table(table)]
}

fn outcomes(analysis: &Analysis) -> Vec<Block> {
    let splits = [("main", &analysis.main), ("long", &analysis.long)];
    let head = ["variant", "split", "answers"].into_iter().chain(STATUSES);
    let rows: Vec<Vec<Cell>> = splits
        .into_iter()
        .flat_map(|(split, rows)| rows.iter().filter(|row| row.answers > 0).map(move |row| outcome_row(split, row)))
        .collect();
    if rows.is_empty() {
        return vec![];
    }
    let table = Table {
        caption: "How the answers ended: every answer counts once, and all of them are the denominator".into(),
        head: head.map(str::to_owned).collect(),
        rows,
        ..Table::default()
    };
    vec![Block::Heading("Outcomes".into()), Block::Table(table)]
}

fn outcome_row(split: &str, row: &ScoreRow) -> Vec<Cell> {
    let share = |count: u64| Cell {
        main: count.to_string(),
        interval: Some(format!("{:.1}%", 100.0 * count as f64 / row.answers as f64)),
        ..Cell::default()
    };
    let fixed = [row.variant.clone().into(), split.into(), row.answers.to_string().into()];
    fixed.into_iter().chain(row.counts.map(share)).collect()
}

fn training(analysis: &Analysis, details: Vec<Vec<Block>>) -> Vec<Block> {
    if analysis.training.iter().all(|row| row.reward.is_none()) {
        return vec![];
    }
    let window = analysis.window;
    let head = [
        "variant",
        "steps",
        "reward, first",
        "reward, last",
        "reward gain",
        "entropy, last (nats)",
        "tokens a response, last",
        "latch on",
    ];
    let table = Table {
        caption: format!(
            "Training: means of the first and the last {window} steps, 95% interval over seeds (Student's t)"
        ),
        head: head.map(str::to_owned).into(),
        rows: analysis.training.iter().map(training_cells).collect(),
        details,
        ..Table::default()
    };
    vec![Block::Heading("Training".into()), Block::Table(table)]
}

fn training_cells(row: &TrainingRow) -> Vec<Cell> {
    let cell =
        |change: &Option<Change>, pick: fn(&Change) -> &super::estimate::Interval, decimals: usize, sign: bool| {
            let Some(value) = change.as_ref().map(pick) else { return NOTHING.into() };
            let main = if sign { signed(value.mean, decimals) } else { format!("{:.decimals$}", value.mean) };
            // One seed has no interval over seeds.
            Cell { main, interval: (row.done > 1).then(|| interval(value, decimals)), ..Cell::default() }
        };
    vec![
        row.variant.clone().into(),
        row.steps.to_string().into(),
        cell(&row.reward, |change| &change.first, 3, false),
        cell(&row.reward, |change| &change.last, 3, false),
        cell(&row.reward, |change| &change.gain, 3, true),
        cell(&row.entropy, |change| &change.last, 3, false),
        cell(&row.length, |change| &change.last, 1, false),
        row.latch.map_or(NOTHING.into(), |share| format!("{:.0}% of steps", 100.0 * share)).into(),
    ]
}
