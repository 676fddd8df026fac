//! Reading one job folder: metrics, outcomes, cost and provenance.

use super::csvfile::CsvFile;
use super::error::ReportError;
use super::input::{Done, Item, Metrics, STATUSES};
use super::store::known_suite;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const MEND: &str = "delete the job folder and run the experiment again";

/// Reads `metrics.csv`.
pub fn metrics(path: &Path) -> Result<Metrics, ReportError> {
    let file = CsvFile::read(path, MEND)?;
    file.column("step")?;
    let width = file.header.len();
    let rows = file.records().map(|record| (0..width).map(|column| record.optional(column)).collect());
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(Metrics { columns: file.header, rows })
}

/// Reads `outcomes.csv` and folds the answers of each item; items come out ordered by split, suite and number.
pub fn outcomes(path: &Path) -> Result<Vec<Item>, ReportError> {
    let file = CsvFile::read(path, MEND)?;
    let [split, suite, item, task, status, score] =
        ["split", "suite", "item", "task", "status", "score"].map(|name| file.column(name));
    let (split, suite, item, task, status, score) = (split?, suite?, item?, task?, status?, score?);
    let mut items: BTreeMap<(String, String, u64), Item> = BTreeMap::new();
    for record in file.records() {
        let key = (record.text(split).to_owned(), known_suite(record, suite)?, record.parse(item)?);
        let ended = STATUSES.iter().position(|name| *name == record.text(status)).ok_or_else(|| {
            record.wrong(format!("status {:?} is none of {}", record.text(status), STATUSES.join(", ")))
        })?;
        let value = record.number(score)?;
        if !(0.0..=1.0).contains(&value) {
            return Err(record.wrong(format!("score {value} is not within 0..1")));
        }
        let fresh = || Item {
            split: key.0.clone(),
            suite: key.1.clone(),
            item: key.2,
            task: record.text(task).to_owned(),
            score: 0.0,
            counts: [0; 5],
        };
        let entry = items.entry(key.clone()).or_insert_with(fresh);
        // `score` holds the sum until all answers are in.
        entry.score += value;
        entry.counts[ended] += 1;
    }
    Ok(items.into_values().map(|item| Item { score: item.score / item.answers() as f64, ..item }).collect())
}

/// Reads `done.json` and, if it is there, `timing.csv`. `None` if the job is not finished.
pub fn done(folder: &Path) -> Result<Option<Done>, ReportError> {
    let path = folder.join("done.json");
    if !path.exists() {
        return Ok(None);
    }
    let value = json(&path)?;
    let mut done: Done =
        serde_json::from_value(value).map_err(|error| ReportError::malformed(&path, 1, error.to_string(), MEND))?;
    let timing = folder.join("timing.csv");
    if timing.exists() {
        let file = CsvFile::read(&timing, MEND)?;
        done.rollout_rate = rate(&file, "rollout_tokens", "rollout_seconds")?;
        done.update_rate = rate(&file, "update_tokens", "update_seconds")?;
    }
    Ok(Some(done))
}

fn rate(file: &CsvFile, tokens: &str, seconds: &str) -> Result<Option<f64>, ReportError> {
    if !file.header.iter().any(|name| name == tokens) {
        return Ok(None);
    }
    let (tokens, seconds) = (file.column(tokens)?, file.column(seconds)?);
    let (mut sum, mut time) = (0.0, 0.0);
    for record in file.records() {
        sum += record.number(tokens)?;
        time += record.number(seconds)?;
    }
    Ok((time > 0.0).then(|| sum / time))
}

/// Reads `provenance.json` as flat text; nested keys are joined by dots. A missing file is no provenance.
pub fn provenance(path: &Path) -> Result<BTreeMap<String, String>, ReportError> {
    let mut flat = BTreeMap::new();
    if path.exists() {
        flatten("", &json(path)?, &mut flat);
    }
    Ok(flat)
}

fn json(path: &Path) -> Result<Value, ReportError> {
    let text = std::fs::read_to_string(path).map_err(|source| ReportError::read(path, source, MEND))?;
    serde_json::from_str(&text)
        .map_err(|error| ReportError::malformed(path, error.line() as u64, error.to_string(), MEND))
}

fn flatten(prefix: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, value, flat);
            }
        }
        Value::Null => {}
        Value::Array(values) if values.is_empty() => {}
        Value::Array(values) => {
            let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let words: Vec<String> = values.iter().map(word).collect();
            flat.insert(prefix.to_owned(), words.join(" "));
        }
        Value::String(text) => drop(flat.insert(prefix.to_owned(), text.clone())),
        other => drop(flat.insert(prefix.to_owned(), other.to_string())),
    }
}
