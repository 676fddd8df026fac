//! The small files a report stands on: `data/report.json`, `data/metrics.csv`, `data/items.csv` and the published files.

use super::csvfile::{CsvFile, Record, write_whole};
use super::error::ReportError;
use super::input::{Input, Item, Response, STATUSES, SUITES, SeedRun, Status};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const MEND: &str = "restore reports/<experiment>/data from version control, or run the experiment again";
const PUBLISHED: &str = "published";
const RESPONSES: &str = "responses.csv";
const RUN_COLUMNS: [&str; 3] = ["variant", "seed", "job"];

/// Writes everything needed to render the report again into `<out>/data`.
pub(crate) fn write(input: &Input, out: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let data = out.join("data");
    let published = data.join(PUBLISHED);
    std::fs::create_dir_all(&published).map_err(|source| ReportError::Write { path: published.clone(), source })?;
    let mut stored = input.clone();
    let mut files = Vec::new();
    for path in stored.paper.iter_mut().chain(stored.figures.iter_mut().map(|figure| &mut figure.file)) {
        let copy = published.join(path.file_name().unwrap_or_default());
        let bytes = std::fs::read(&*path).map_err(|source| ReportError::read(path, source, MEND))?;
        write_whole(&copy, &bytes)?;
        *path = Path::new(PUBLISHED).join(path.file_name().unwrap_or_default());
        files.push(copy);
    }
    let mut json = serde_json::to_vec_pretty(&stored).expect("the input has string keys only");
    json.push(b'\n');
    let mut parts = vec![("metrics.csv", metrics_csv(input)?), ("items.csv", items_csv(input)?)];
    if input.scatter.is_some() {
        parts.push((RESPONSES, responses_csv(input)?));
    }
    parts.push(("report.json", json));
    for (name, bytes) in parts {
        write_whole(&data.join(name), &bytes)?;
        files.push(data.join(name));
    }
    Ok(files)
}

/// Reads the input of a report back from its `data` folder.
pub fn read(data: &Path) -> Result<Input, ReportError> {
    let path = data.join("report.json");
    let text = std::fs::read_to_string(&path).map_err(|source| ReportError::read(&path, source, MEND))?;
    let mut input: Input = serde_json::from_str(&text)
        .map_err(|error| ReportError::malformed(&path, error.line() as u64, error.to_string(), MEND))?;
    for file in input.paper.iter_mut().chain(input.figures.iter_mut().map(|figure| &mut figure.file)) {
        *file = data.join(&*file);
    }
    read_metrics(&mut input, &data.join("metrics.csv"))?;
    read_items(&mut input, &data.join("items.csv"))?;
    if input.scatter.is_some() {
        read_responses(&mut input, &data.join(RESPONSES))?;
    }
    Ok(input)
}

fn metrics_csv(input: &Input) -> Result<Vec<u8>, ReportError> {
    let mut columns: Vec<&str> = Vec::new();
    for name in done(input).flat_map(|(_, run)| &run.metrics.columns) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let mut rows = vec![RUN_COLUMNS.iter().copied().chain(columns.iter().copied()).map(str::to_owned).collect()];
    for (variant, run) in done(input) {
        let at: Vec<_> = columns.iter().map(|name| run.metrics.columns.iter().position(|own| own == name)).collect();
        for row in &run.metrics.rows {
            let mut cells = run_cells(variant, run);
            cells.extend(
                at.iter().map(|at| at.and_then(|at| row[at]).map(|value| value.to_string()).unwrap_or_default()),
            );
            rows.push(cells);
        }
    }
    csv_bytes(rows)
}

fn items_csv(input: &Input) -> Result<Vec<u8>, ReportError> {
    let fixed = ["split", "suite", "item", "task", "score", "answers"];
    let mut rows: Vec<Vec<String>> =
        vec![RUN_COLUMNS.iter().chain(&fixed).chain(&STATUSES).map(|name| (*name).to_owned()).collect()];
    for (variant, run) in done(input) {
        for item in &run.items {
            let mut cells = run_cells(variant, run);
            cells.extend([item.split.clone(), item.suite.clone(), item.item.to_string(), item.task.clone()]);
            cells.extend([item.score.to_string(), item.answers().to_string()]);
            cells.extend(item.counts.map(|count| count.to_string()));
            rows.push(cells);
        }
    }
    csv_bytes(rows)
}

fn responses_csv(input: &Input) -> Result<Vec<u8>, ReportError> {
    let fixed = ["step", "entropy", "slope"];
    let mut rows = vec![RUN_COLUMNS.iter().chain(&fixed).map(|name| (*name).to_owned()).collect::<Vec<String>>()];
    for (variant, run) in done(input) {
        for response in &run.responses {
            let mut cells = run_cells(variant, run);
            cells.extend([response.step.to_string(), response.entropy.to_string(), response.slope.to_string()]);
            rows.push(cells);
        }
    }
    csv_bytes(rows)
}

fn read_responses(input: &mut Input, path: &Path) -> Result<(), ReportError> {
    let file = CsvFile::read(path, MEND)?;
    let [step, entropy, slope] = ["step", "entropy", "slope"].map(|name| file.column(name));
    let (step, entropy, slope) = (step?, entropy?, slope?);
    for record in file.records() {
        let read =
            Response { step: record.parse(step)?, entropy: record.number(entropy)?, slope: record.number(slope)? };
        owner(input, record)?.responses.push(read);
    }
    Ok(())
}

fn done(input: &Input) -> impl Iterator<Item = (&str, &SeedRun)> {
    let runs = input.rows.iter().flat_map(|row| row.seeds.iter().map(|run| (row.variant.as_str(), run)));
    runs.filter(|(_, run)| run.status == Status::Done)
}

fn run_cells(variant: &str, run: &SeedRun) -> Vec<String> {
    vec![variant.to_owned(), run.seed.to_string(), run.job.clone()]
}

/// CSV text of rows of cells.
pub(crate) fn csv_bytes(rows: Vec<Vec<String>>) -> Result<Vec<u8>, ReportError> {
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    Ok(text.into_bytes())
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn read_metrics(input: &mut Input, path: &Path) -> Result<(), ReportError> {
    let file = CsvFile::read(path, MEND)?;
    for record in file.records() {
        let row = (3..file.header.len()).map(|column| record.optional(column)).collect::<Result<Vec<_>, _>>()?;
        let metrics = &mut owner(input, record)?.metrics;
        if metrics.columns.is_empty() {
            metrics.columns = file.header[3..].to_vec();
        }
        metrics.rows.push(row);
    }
    Ok(())
}

fn read_items(input: &mut Input, path: &Path) -> Result<(), ReportError> {
    let file = CsvFile::read(path, MEND)?;
    let names = ["split", "suite", "item", "task", "score"];
    let at = names.map(|name| file.column(name));
    let [split, suite, item, task, score] = at;
    let (split, suite, item, task, score) = (split?, suite?, item?, task?, score?);
    for record in file.records() {
        let mut counts = [0; 5];
        for (count, status) in counts.iter_mut().zip(STATUSES) {
            *count = record.parse(file.column(status)?)?;
        }
        let read = Item {
            split: record.text(split).into(),
            suite: known_suite(record, suite)?,
            item: record.parse(item)?,
            task: record.text(task).into(),
            score: record.number(score)?,
            counts,
        };
        owner(input, record)?.items.push(read);
    }
    Ok(())
}

/// The suite in a cell, which must be one of the six.
pub(crate) fn known_suite(record: Record<'_>, column: usize) -> Result<String, ReportError> {
    let name = record.text(column);
    if SUITES.iter().any(|(suite, _)| *suite == name) {
        return Ok(name.to_owned());
    }
    let names = SUITES.map(|(suite, _)| suite).join(", ");
    Err(record.wrong(format!("suite {name:?} is none of {names}")))
}

fn owner<'a>(input: &'a mut Input, record: Record<'_>) -> Result<&'a mut SeedRun, ReportError> {
    let (variant, job) = (record.text(0), record.text(2));
    let seed: u64 = record.parse(1)?;
    let row = input.rows.iter_mut().find(|row| row.variant == variant);
    let run = row.and_then(|row| row.seeds.iter_mut().find(|run| run.seed == seed && run.job == job));
    run.ok_or_else(|| record.wrong(format!("job {job} of variant {variant:?}, seed {seed} is not in report.json")))
}
