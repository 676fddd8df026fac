//! What is in a dataset: lengths and types, with the paper's beside them.

use super::record::{Record, Split};
use crate::error::{Result, SynthesisError};
use crate::item::Proof;
use crate::spec::figure_3;
use crate::table::written::template;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Tokens of a bin of lengths: those of Figure 3.
const BIN: usize = 6_000;

/// Mean and longest prompt of the paper's training set, tokens (Table 1).
const PUBLISHED: (usize, usize) = (34_231, 119_932);

/// Lengths of prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// Sum of all, tokens.
    pub total: usize,
    /// The longest, tokens.
    pub longest: usize,
    /// Items by bin of 6,000 tokens.
    pub bins: BTreeMap<usize, usize>,
}

/// What is in a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Items.
    pub items: usize,
    /// Prompts.
    pub lengths: Lengths,
    /// Items by what is named: engine, form, style, level, topic, template, needles, bin, split; then by its value.
    pub by: BTreeMap<String, BTreeMap<String, usize>>,
    /// Passages, and those of them that hold evidence.
    pub passages: (usize, usize),
    /// Pieces of evidence.
    pub evidence: usize,
    /// Items by tenth of the prompt's passages in which their first evidence stands.
    pub places: BTreeMap<usize, usize>,
}

impl Stats {
    /// Adds a record.
    pub fn add(&mut self, record: &Record) {
        let Record { item, placed } = record;
        self.items += 1;
        let tokens = item.certificate.tokens;
        self.lengths.total += tokens;
        self.lengths.longest = self.lengths.longest.max(tokens);
        *self.lengths.bins.entry(tokens.saturating_sub(1) / BIN).or_default() += 1;
        self.evidence += item.certificate.evidence.len();
        let absence = crate::extend::absence::Absence::of(item);
        let holding: Vec<usize> =
            (0..item.passages.len()).filter(|at| absence.is_evidence(*at, &item.passages[*at])).collect();
        self.passages = (self.passages.0 + item.passages.len(), self.passages.1 + holding.len());
        if let Some(first) = holding.first() {
            *self.places.entry(10 * first / item.passages.len()).or_default() += 1;
        }
        let engine = item.engine.name();
        self.count("engine", engine);
        self.count("form", item.form.name());
        self.count("split", placed.split.name());
        self.count("bin", &format!("{engine} {}", placed.bin));
        if let Some(style) = item.style {
            self.count("style", &name_of(&style));
        }
        match &item.certificate.proof {
            Proof::Sql { family, level, shape, .. } => {
                self.count("level", &name_of(level));
                self.count("shape", &name_of(shape));
                self.count("topic", template(&item.certificate.proof).map_or("unknown", |family| family.topic.name()));
                self.count("template", family);
            }
            Proof::Turn { of, .. } => self.count("needles", &of.to_string()),
            Proof::Path { operation, .. } => self.count("operation", operation.split(' ').next().unwrap_or_default()),
            Proof::Models(transcript) => self.count("task", transcript.task.name()),
        }
    }

    fn count(&mut self, what: &str, value: &str) {
        *self.by.entry(what.into()).or_default().entry(value.into()).or_default() += 1;
    }

    /// As Markdown: measured and published numbers in columns of their own.
    pub fn markdown(&self) -> String {
        let items = self.items.max(1);
        let percent = |count: usize, of: usize| format!("{:.1}%", 100.0 * count as f64 / of.max(1) as f64);
        let mut text = String::from(
            "## Lengths of prompts\n\n| tokens | measured | share | published (Figure 3) | share |\n|---|---|---|---|---|\n",
        );
        let figure = figure_3();
        let published: usize = figure.iter().map(|bin| bin.2).sum();
        let bins = figure.len().max(self.lengths.bins.keys().last().map_or(0, |last| last + 1));
        for bin in 0..bins {
            let own = self.lengths.bins.get(&bin).copied().unwrap_or(0);
            let theirs = figure.get(bin).map_or(0, |bin| bin.2);
            text.push_str(&format!(
                "| {} to {} | {own} | {} | {theirs} | {} |\n",
                bin * BIN,
                (bin + 1) * BIN,
                percent(own, items),
                percent(theirs, published)
            ));
        }
        let (mean, longest) = (self.lengths.total / items, self.lengths.longest);
        text.push_str(&format!("| mean | {mean} | | {} (Table 1) | |\n", PUBLISHED.0));
        text.push_str(&format!("| longest | {longest} | | {} (Table 1) | |\n", PUBLISHED.1));
        text.push_str("\n## Types\n\nShares of types are not published.\n\n| what | value | measured | share |\n|---|---|---|---|\n");
        for (what, values) in &self.by {
            for (value, count) in values {
                text.push_str(&format!("| {what} | {value} | {count} | {} |\n", percent(*count, items)));
            }
        }
        text.push_str(
            "\n## Where the first evidence stands\n\n| tenth of the passages | measured | share |\n|---|---|---|\n",
        );
        for (tenth, count) in &self.places {
            text.push_str(&format!("| {} | {count} | {} |\n", tenth + 1, percent(*count, items)));
        }
        text
    }
}

/// The name of a value as files have it.
fn name_of(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(String::from)).unwrap_or_default()
}

/// What is in the dataset of a folder.
///
/// # Errors
/// Where a file cannot be read, or a line is no record.
pub fn stats(folder: &Path) -> Result<Stats> {
    let mut stats = Stats::default();
    each(folder, &mut |_, record| {
        stats.add(&record?);
        Ok(true)
    })?;
    Ok(stats)
}

/// Sees a file's name with a line's number, and the record of the line; says whether to go on.
pub type See<'a> = &'a mut dyn FnMut((&str, usize), Result<Record>) -> Result<bool>;

/// Reads the records of a dataset, split by split, each with its file's name and line; until it is told to end.
///
/// # Errors
/// Where a file cannot be read, or of `see`.
pub fn each(folder: &Path, see: See<'_>) -> Result<()> {
    for split in Split::ALL {
        let name = format!("{}.jsonl", split.name());
        let path = folder.join(&name);
        let mut reader = BufReader::new(File::open(&path).map_err(SynthesisError::reading(&path))?);
        let (mut line, mut number) = (vec![], 0);
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(SynthesisError::reading(&path))? == 0 {
                break;
            }
            number += 1;
            let torn = |error: serde_json::Error| SynthesisError::Torn {
                path: path.clone(),
                line: number,
                reason: error.to_string(),
            };
            if !see((&name, number), Record::parse(&line).map_err(torn))? {
                return Ok(());
            }
        }
    }
    Ok(())
}
