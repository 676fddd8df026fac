//! `outcomes.csv`: one row an answer. Suites are appended whole; a resumed evaluation goes on after the last whole suite.

use super::suite::{Split, Suite};
use crate::task::{Graded, TaskType};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const HEADER: &str = "split,suite,item,task,answer,status,score,tokens";

/// One answer's outcome.
pub struct Outcome {
    /// Number of the item in its suite.
    pub item: usize,
    /// Task type of the item.
    pub task: TaskType,
    /// Number of the answer.
    pub answer: usize,
    /// Status and score.
    pub graded: Graded,
    /// Length of the response, tokens.
    pub tokens: usize,
}

/// Outcomes in the making: a file that becomes `outcomes.csv` when everything is in it.
pub struct Outcomes {
    partial: PathBuf,
    target: PathBuf,
    rows: Vec<String>,
}

impl Outcomes {
    /// Opens the outcomes of a job directory, with the whole rows of an interrupted evaluation.
    pub fn open(dir: &Path) -> Result<Outcomes> {
        let partial = dir.join("outcomes.partial.csv");
        let text = fs::read_to_string(&partial).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let rows = whole.lines().skip(1).map(String::from).collect();
        Ok(Outcomes { partial, target: dir.join("outcomes.csv"), rows })
    }

    /// How many answers of a suite are there.
    fn count(&self, split: Split, suite: Suite) -> usize {
        let prefix = format!("{},{},", split.name(), suite.name());
        self.rows.iter().filter(|row| row.starts_with(&prefix)).count()
    }

    /// Whether all `expected` answers of a suite are there. A suite that is there in part is forgotten.
    pub fn has(&mut self, split: Split, suite: Suite, expected: usize) -> Result<bool> {
        match self.count(split, suite) {
            n if n == expected => Ok(true),
            0 => Ok(false),
            _ => {
                let prefix = format!("{},{},", split.name(), suite.name());
                self.rows.retain(|row| !row.starts_with(&prefix));
                self.rewrite()?;
                Ok(false)
            }
        }
    }

    fn rewrite(&self) -> Result<()> {
        let mut text = format!("{HEADER}\n");
        for row in &self.rows {
            text.push_str(row);
            text.push('\n');
        }
        crate::files::write_whole(&self.partial, text.as_bytes())
            .with_context(|| format!("writing {}", self.partial.display()))
    }

    /// Appends all answers of a suite.
    pub fn push(&mut self, split: Split, suite: Suite, outcomes: &[Outcome]) -> Result<()> {
        if !self.partial.exists() {
            self.rewrite()?;
        }
        let mut text = String::new();
        for Outcome { item, task, answer, graded, tokens } in outcomes {
            let (status, score) = (graded.status.name(), graded.score);
            let row = format!("{},{},{item},{task},{answer},{status},{score},{tokens}", split.name(), suite.name());
            let _ = writeln!(text, "{row}");
            self.rows.push(row);
        }
        let writing = || format!("writing {}", self.partial.display());
        let mut file = OpenOptions::new().append(true).open(&self.partial).with_context(writing)?;
        file.write_all(text.as_bytes()).with_context(writing)
    }

    /// Gives the finished file its name. With no suites at all it holds the header alone.
    pub fn finish(self) -> Result<()> {
        self.rewrite()?;
        fs::rename(&self.partial, &self.target).with_context(|| format!("writing {}", self.target.display()))
    }
}
