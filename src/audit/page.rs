//! The report of an audit as a document.

use super::average::Average;
use super::effect::Reach;
use super::grid::Fit;
use super::{Audit, Level, Metric, Settings};
use crate::report::card::{Card, CardKind};
use crate::report::doc::{Block, Cell, Document, Table};
use crate::report::text::{NOTHING, fixed, signed};
use crate::report::{html, markdown};
use std::collections::BTreeMap;

/// The report as Markdown and as HTML.
pub fn report(title: &str, audits: &[Audit], settings: &Settings) -> (String, String) {
    let document = document(title, audits, settings);
    (markdown::render(&document), html::render(&document, &BTreeMap::new()))
}

/// The report in short, for the gallery; `files` are those that were written beside it.
pub fn card(title: &str, audits: &[Audit], files: &[&str]) -> Card {
    let cells: usize = audits.iter().map(|audit| audit.grid.len()).sum();
    let of = |level: Level| audits.iter().map(|audit| audit.count(level)).sum::<usize>();
    let facts = [("tables", audits.len()), ("cells", cells), ("wrong", of(Level::Wrong)), ("odd", of(Level::Odd))];
    Card {
        kind: CardKind::Audit,
        name: "audit".into(),
        title: title.into(),
        summary: INTRODUCTION.into(),
        facts: facts.map(|(name, number)| (name.to_owned(), number as f64)).into(),
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        ..Card::default()
    }
}

/// The report: an overview, what the benchmarks were taken to be, and each table in turn.
fn document(title: &str, audits: &[Audit], settings: &Settings) -> Document {
    let mut blocks = vec![Block::Text(INTRODUCTION.into()), Block::Table(overview(audits))];
    blocks.push(Block::Heading("Items".into()));
    blocks.push(Block::Table(items(audits, settings)));
    for audit in audits {
        blocks.extend(of_table(audit));
    }
    Document { title: title.into(), blocks }
}

const INTRODUCTION: &str = "Made by longlab audit from the printed digits alone. Wrong: cannot be true as printed with the stated \
     number of items. Odd: can be true, and asks for a look. Errors and smallest effects are in points, for one answer a question, \
     two-sided 5%, power 80%: apart if the answers of two rows do not go together, paired if the better one loses no question that \
     the other has. The truth lies between. Formulas: docs/audit.md.";

fn table(caption: &str, head: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    Table { caption: caption.into(), head: head.iter().map(|name| (*name).into()).collect(), rows, ..Table::default() }
}

fn overview(audits: &[Audit]) -> Table {
    let rows = audits.iter().map(|audit| {
        let off = audit.grid.iter().filter(|cell| matches!(cell.fit, Fit::None { .. })).count();
        let checked = audit.grid.iter().filter(|cell| cell.fit != Fit::Free).count();
        let averages: usize = audit.averages.iter().map(|average| average.rows.len()).sum();
        let lost =
            audit.averages.iter().flat_map(|average| &average.rows).filter(|row| row.readings.is_empty()).count();
        let deltas: usize = audit.deltas.iter().map(|delta| delta.cells.len()).sum();
        let astray = audit.deltas.iter().flat_map(|delta| &delta.cells).filter(|cell| !cell.follows).count();
        let share = |part: usize, all: usize| if all == 0 { NOTHING.to_owned() } else { format!("{part} of {all}") };
        let cells = [share(off, checked), share(lost, averages), share(astray, deltas)];
        let own = [audit.table.name.clone()].into_iter().chain(cells);
        own.chain([Level::Wrong, Level::Odd].map(|level| audit.count(level).to_string())).map(Cell::from).collect()
    });
    let head = [
        "table",
        "cells that are no share",
        "averages that do not follow",
        "differences that do not follow",
        "wrong",
        "odd",
    ];
    table("Overview", &head, rows.collect())
}

fn items(audits: &[Audit], settings: &Settings) -> Table {
    let used = settings.items.iter().filter(|item| {
        audits.iter().any(|audit| audit.table.columns.iter().any(|name| super::items::same(name, &item.name)))
    });
    let rows = used.map(|item| {
        let source = item.source.clone().unwrap_or_else(|| "given with the command".into());
        [item.name.clone(), metric_words(item.metric), source].map(Cell::from).to_vec()
    });
    table("What the numbers were taken to be", &["benchmark", "score", "source"], rows.collect())
}

fn metric_words(metric: Metric) -> String {
    match metric {
        Metric::Share { items, samples: 1 } => format!("share of {items}"),
        Metric::Share { items, samples } => format!("share of {items} x {samples}"),
        Metric::Dense { items: Some(items) } => format!("no share; mean over {items}"),
        Metric::Dense { items: None } => "no share; number of items unknown".into(),
    }
}

fn of_table(audit: &Audit) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(audit.table.name.clone())];
    blocks.push(match audit.findings.is_empty() {
        true => Block::Text("No finding.".into()),
        false => Block::Table(findings(audit)),
    });
    blocks.push(Block::Text(format!("Rounding: {}.", audit.convention.words())));
    let tables = [averages(audit), counts(audit), effects(audit), repeats(audit)];
    blocks.extend(tables.into_iter().filter(|table| !table.rows.is_empty()).map(Block::Table));
    blocks.extend(audit.averages.iter().filter_map(|average| differences(audit, average)).map(Block::Table));
    if !audit.notes.is_empty() {
        blocks.push(Block::List(audit.notes.clone()));
    }
    blocks
}

fn findings(audit: &Audit) -> Table {
    let rows = audit.findings.iter().map(|one| {
        let place = one.place.map_or(NOTHING.into(), |at| format!("{}:{}", at.line, at.field));
        let of = [one.row.clone(), one.column.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        [of, place, one.level.word().into(), one.check.word().into(), one.message.clone()].map(Cell::from).to_vec()
    });
    table("Findings", &["where", "line:column", "level", "check", "what"], rows.collect())
}

fn averages(audit: &Audit) -> Table {
    let rows = audit.averages.iter().flat_map(|average| {
        average.rows.iter().map(|row| {
            let reading = row.readings.first().map_or("does not follow", |reading| reading.words());
            let name = format!("{}, {}", audit.table.rows[row.row], audit.table.columns[average.column]);
            let numbers = [row.printed.to_string(), fixed(row.mean, 4), signed(row.gap, 4)];
            [name].into_iter().chain(numbers).chain([reading.to_owned()]).map(Cell::from).collect()
        })
    });
    table("Averages", &["row", "printed", "mean of the cells", "gap", "plainest reading"], rows.collect())
}

fn counts(audit: &Audit) -> Table {
    let rows = audit.counts.iter().map(|one| {
        let chance = one
            .chance
            .map_or(NOTHING.into(), |chance| if chance < 1e-3 { format!("{chance:.0e}") } else { fixed(chance, 3) });
        let samples = one.samples.map_or(NOTHING.into(), |samples| samples.to_string());
        let name = audit.table.columns[one.column].clone();
        [name, one.trials.to_string(), format!("{} of {}", one.fit, one.cells), chance, samples]
            .map(Cell::from)
            .to_vec()
    });
    let head = ["column", "answers", "cells that are shares", "by chance", "answers an item at which all fit"];
    table("Item counts", &head, rows.collect())
}

fn effects(audit: &Audit) -> Table {
    let rows = audit.effects.columns.iter().map(|effect| {
        let points = |value: Option<f64>| value.map_or(NOTHING.into(), |value| fixed(value, 2));
        let mut bound = String::new();
        if effect.dense {
            bound += "; apart is an upper bound";
        }
        if !effect.unknown.is_empty() {
            bound += "; items of a part unknown, so all are too small";
        }
        let numbers = [fixed(effect.mean, 2), fixed(effect.error, 2), fixed(effect.difference_error, 2)];
        let limits = [points(effect.apart), points(effect.paired)];
        let reached = [Reach::Apart, Reach::OnlyPaired, Reach::Below]
            .map(|reach| audit.effects.count(effect.column, reach).to_string());
        let own = [format!("{}{bound}", audit.table.columns[effect.column])];
        own.into_iter().chain(numbers).chain(limits).chain([reached.join(" / ")]).map(Cell::from).collect()
    });
    let head = [
        "column",
        "mean",
        "error",
        "error of a difference",
        "smallest, apart",
        "smallest, paired",
        "pairs of rows: reached / only if paired / not",
    ];
    table("What the table can show", &head, rows.collect())
}

fn repeats(audit: &Audit) -> Table {
    let rows = audit.repeats.values.iter().map(|own| {
        let rows =
            |rows: &[usize]| rows.iter().map(|row| audit.table.rows[*row].as_str()).collect::<Vec<_>>().join(", ");
        let values: Vec<String> = own.values.iter().map(|(value, of)| format!("{value} ({})", rows(of))).collect();
        let expected = own.expected.map_or(NOTHING.into(), |expected| fixed(expected, 2));
        let name = audit.table.columns[own.column].clone();
        [name, values.join("; "), own.pairs.to_string(), expected].map(Cell::from).to_vec()
    });
    table("Values that stand there twice", &["column", "values", "equal pairs", "chance gives at most"], rows.collect())
}

/// Differences in an average that the table cannot show whatever the pairing, or only if answers go together.
fn differences(audit: &Audit, average: &Average) -> Option<Table> {
    let own = audit.effects.differences.iter().filter(|one| one.column == average.column && one.reach != Reach::Apart);
    let mut own: Vec<_> = own.collect();
    own.sort_by(|a, b| b.points.abs().total_cmp(&a.points.abs()));
    let rows: Vec<Vec<Cell>> = own
        .iter()
        .map(|one| {
            let name = format!("{} less {}", audit.table.rows[one.rows.0], audit.table.rows[one.rows.1]);
            [name, signed(one.points, 2), one.reach.words().to_owned()].map(Cell::from).to_vec()
        })
        .collect();
    let name = &audit.table.columns[average.column];
    let caption = format!("Differences in {name} below the smallest effect with answers apart");
    (!rows.is_empty()).then(|| table(&caption, &["rows", "points", "smallest effect"], rows))
}
