//! What self-play came to: the rows of `selfplay.csv` of some jobs, the beginning of each run beside its end, and questions as they were posed.

use crate::rl::metrics::Table;
use crate::rl::play::{self, Fate, GameRow, Line};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A job that plays.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// Its directory.
    pub dir: PathBuf,
}

/// The steps of a job by column; cells without a value are missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// Whose.
    pub job: Job,
    /// One map a step.
    pub rows: Vec<BTreeMap<String, f64>>,
}

/// What each column says, in the order of the page.
const MEASURES: [(&str, &str); 16] = [
    ("malformed", "questions malformed"),
    ("ungrounded", "questions answered without documents"),
    ("unsolved", "questions that no response solved"),
    ("trivial", "questions that every response solved"),
    ("open", "questions with different rewards"),
    ("sound", "references that the documents bear out (well-formed questions)"),
    ("hops", "relations a question"),
    ("before", "earlier questions seen"),
    ("worth", "reward of the questioner"),
    ("solved", "reward of the responder"),
    ("rule", "responses that give the reference"),
    ("right", "responses that give what the documents say"),
    ("agrees", "majorities that say what the rule says"),
    ("lifted", "answers right by the verifier alone"),
    ("spoilt", "votes malformed"),
    ("verdicts", "groups of votes learned from"),
];

/// Reads the steps of the jobs that have played so far.
///
/// # Errors
/// A table that is damaged.
pub fn gather(jobs: &[Job]) -> Result<Vec<Steps>> {
    let there = jobs.iter().filter(|job| table(job).exists());
    there.map(|job| read(job).with_context(|| format!("reading {}", table(job).display()))).collect()
}

fn table(job: &Job) -> PathBuf {
    job.dir.join("selfplay.csv")
}

fn read(job: &Job) -> Result<Steps> {
    let mut reader = csv::Reader::from_path(table(job))?;
    let names: Vec<String> = reader.headers()?.iter().map(String::from).collect();
    let row = |record: csv::Result<csv::StringRecord>| -> Result<BTreeMap<String, f64>> {
        let record = record?;
        let cells = names.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(name, cell)| Ok((name.clone(), cell.parse()?))).collect()
    };
    Ok(Steps { job: job.clone(), rows: reader.records().map(row).collect::<Result<_>>()? })
}

impl Steps {
    /// Mean of a column over the first or the last quarter of the steps (at least one); none where no step has a value.
    pub fn quarter(&self, column: &str, last: bool) -> Option<f64> {
        let count = self.rows.len().div_ceil(4);
        let rows = if last { &self.rows[self.rows.len() - count..] } else { &self.rows[..count] };
        let values: Vec<f64> = rows.iter().filter_map(|row| row.get(column).copied()).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// Mean over seeds, with the least and the greatest where there are several.
fn over_seeds(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    match values {
        [] => "-".to_string(),
        [_] => format!("{mean:.2}"),
        _ => format!("{mean:.2} ({low:.2} to {high:.2})"),
    }
}

/// The variants in their order with their jobs.
fn variants(all: &[Steps]) -> Vec<(&str, Vec<&Steps>)> {
    let mut variants: Vec<(&str, Vec<&Steps>)> = Vec::new();
    for steps in all {
        match variants.iter_mut().find(|(name, _)| *name == steps.job.variant) {
            Some((_, own)) => own.push(steps),
            None => variants.push((&steps.job.variant, vec![steps])),
        }
    }
    variants
}

/// The page: a table a variant, and its first seed's questions of the first and the last step.
///
/// # Errors
/// Questions that cannot be read.
pub fn page(title: &str, all: &[Steps], questions: usize) -> Result<String> {
    let mut page = format!(
        "# {title}: the game\n\nMeans over the first and the last quarter of the steps, then over seeds (least to greatest seed in brackets). \
         `selfplay.csv` of a job has every step, `selfplay/` every question; docs/spell.md says what is what.\n"
    );
    for (name, own) in variants(all) {
        let steps = own.iter().map(|steps| steps.rows.len()).max().unwrap_or(0);
        let seeds = own.len();
        page += &format!("\n## {name}\n\n{steps} steps, {seeds} seed{}.\n\n", if seeds == 1 { "" } else { "s" });
        page += "| | first quarter | last quarter |\n|---|---:|---:|\n";
        for (column, words) in MEASURES {
            let of = |last: bool| {
                let values: Vec<f64> = own.iter().filter_map(|steps| steps.quarter(column, last)).collect();
                over_seeds(&values)
            };
            page += &format!("| {words} | {} | {} |\n", of(false), of(true));
        }
        if let (Some(first), true) = (own.first(), questions > 0) {
            for step in [1, first.rows.len() as u64] {
                page += &format!("\nQuestions of step {step}, seed {}:\n\n", first.job.seed);
                for line in play::load(&first.job.dir.join("selfplay"), step)?.iter().take(questions) {
                    page += &format!("- {}\n", in_words(line));
                }
            }
        }
    }
    Ok(page)
}

/// A question in a line.
pub fn in_words(line: &Line) -> String {
    let Some(question) = &line.question else {
        let said = line.said.replace("<|im_end|>", "");
        return format!("malformed ({:+.2}): `{}`", line.reward, said.trim());
    };
    let truth = match (&line.truth, line.truth == line.reference) {
        (_, true) => "as the documents say".to_string(),
        (Some(truth), _) => format!("the documents say {truth}"),
        (None, _) => "the documents do not say".to_string(),
    };
    let reference = line.reference.as_deref().unwrap_or_default();
    let fate = match (line.fate, line.mean) {
        (Fate::Ungrounded, _) => "answered without documents".to_string(),
        (_, Some(mean)) => format!("mean reward {mean:.2} of {} responses", line.answers.len()),
        _ => "not asked".to_string(),
    };
    format!("{question} {reference} ({truth}); {fate}; worth {:+.2}", line.reward)
}

/// All steps of all jobs as one table.
fn as_csv(all: &[Steps]) -> Result<Vec<u8>> {
    let columns = GameRow::columns();
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["variant", "seed"].into_iter().chain(columns.iter().map(String::as_str)))?;
    for steps in all {
        let seed = steps.job.seed.to_string();
        for row in &steps.rows {
            let cells: Vec<String> =
                columns.iter().map(|name| row.get(name).map_or(String::new(), f64::to_string)).collect();
            let named = [steps.job.variant.as_str(), &seed];
            table.write_record(named.into_iter().chain(cells.iter().map(String::as_str)))?;
        }
    }
    Ok(table.into_inner()?)
}

/// The quarters as JSON.
pub fn as_json(all: &[Steps]) -> Value {
    let one = |steps: &Steps| {
        let quarter = |last: bool| {
            let cells = MEASURES.iter().map(|(column, _)| (column.to_string(), json!(steps.quarter(column, last))));
            Value::Object(cells.collect())
        };
        json!({
            "variant": steps.job.variant, "seed": steps.job.seed, "steps": steps.rows.len(),
            "first_quarter": quarter(false), "last_quarter": quarter(true),
        })
    };
    Value::Array(all.iter().map(one).collect())
}

/// Writes `game.md` and `game.csv` into the folder of a report; gives the path of the page.
///
/// # Errors
/// Questions that cannot be read, a folder that cannot be written.
pub fn write(title: &str, all: &[Steps], questions: usize, out: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let path = out.join("game.md");
    for (path, bytes) in [(&path, page(title, all, questions)?.into_bytes()), (&out.join("game.csv"), as_csv(all)?)] {
        crate::files::write_whole(path, &bytes).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(variant: &str, seed: u64, values: &[Option<f64>]) -> Steps {
        let row = |value: &Option<f64>| value.map(|value| ("solved".to_string(), value)).into_iter().collect();
        let dir = PathBuf::from("nowhere");
        Steps { job: Job { variant: variant.to_string(), seed, dir }, rows: values.iter().map(row).collect() }
    }

    #[test]
    fn quarters_stand_side_by_side() {
        let all = [
            steps("SPELL", 0, &[Some(0.25), Some(0.75), None, None, None, None, None, Some(1.0)]),
            steps("SPELL", 1, &[Some(0.0), Some(1.0), None, None, None, None, Some(0.5), None]),
            steps("other", 0, &[None]),
        ];
        let page = page("Title", &all, 0).expect("a page");
        assert!(page.contains("| reward of the responder | 0.50 (0.50 to 0.50) | 0.75 (0.50 to 1.00) |"), "{page}");
        assert!(page.contains("## other\n\n1 steps, 1 seed."), "{page}");
        let table = String::from_utf8(as_csv(&all).expect("a table")).expect("text");
        assert_eq!(table.lines().count(), 18);
        assert!(table.lines().nth(9).is_some_and(|line| line.starts_with("SPELL,1,")), "{table}");
        assert_eq!(as_json(&all)[0]["last_quarter"]["solved"], 1.0);
    }
}
