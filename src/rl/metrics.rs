//! One row a step: `metrics.csv` (deterministic), `timing.csv` (clocks), and the same scalars as TensorBoard events.

use crate::rl::warm::WarmRow;
use crate::task::TaskType;
use anyhow::{Context, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use tensorboard_rs::summary_writer::SummaryWriter;

/// What one training step measured; every field is a function of the spec and the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsRow {
    /// Step, from 1.
    pub step: u64,
    /// Mean reward, 0..1.
    pub reward: f64,
    /// Mean reward a task type, in the order of [`TaskType::ALL`]; none when the batch held none.
    pub rewards: [Option<f64>; 5],
    /// Batch entropy, nats.
    pub entropy: f64,
    /// Mean response length, tokens.
    pub response_tokens: f64,
    /// Gradient norm before clipping.
    pub grad_norm: f64,
    /// Negative objective.
    pub loss: f64,
    /// Share of rollouts with positive advantage.
    pub positive: f64,
    /// Share with zero advantage.
    pub zero: f64,
    /// Share with negative advantage.
    pub negative: f64,
    /// Share of response tokens without gradient by a gate.
    pub masked: f64,
    /// Whether AEPO removed negatives in this step.
    pub latch: bool,
    /// Share of truncated responses.
    pub truncated: f64,
}

impl MetricsRow {
    /// The gradient norms of a job's `metrics.csv`, one a step.
    pub fn gradient_norms(path: &Path) -> Result<Vec<f64>> {
        let mut reader = csv::Reader::from_path(path).with_context(|| format!("reading {}", path.display()))?;
        let column = reader.headers()?.iter().position(|name| name == "grad_norm");
        let column = column.with_context(|| format!("{} has no column grad_norm", path.display()))?;
        let norm = |row: csv::Result<csv::StringRecord>| -> Result<f64> {
            let row = row?;
            row[column].parse().with_context(|| format!("{}: {:?} is no number", path.display(), &row[column]))
        };
        reader.records().map(norm).collect()
    }
}

/// How long the halves of a step took.
#[derive(Clone, Debug, PartialEq)]
pub struct TimingRow {
    /// Step, from 1.
    pub step: u64,
    /// Seconds of rollout and grading.
    pub rollout_seconds: f64,
    /// Response tokens drawn.
    pub rollout_tokens: usize,
    /// Seconds of the update.
    pub update_seconds: f64,
    /// Prompt and response tokens passed through the update.
    pub update_tokens: usize,
}

/// A row of some table, as names and cells.
pub trait Table {
    /// Column names.
    fn columns() -> Vec<String>;
    /// Cells; empty for a missing value.
    fn cells(&self) -> Vec<String>;
    /// Step of the row.
    fn step(&self) -> u64;
}

impl Table for MetricsRow {
    fn columns() -> Vec<String> {
        let mut names = vec!["step".to_string(), "reward".to_string()];
        names.extend(TaskType::ALL.map(|task| format!("reward_{task}")));
        let rest = [
            "entropy",
            "response_tokens",
            "grad_norm",
            "loss",
            "positive",
            "zero",
            "negative",
            "masked",
            "latch",
            "truncated",
        ];
        names.extend(rest.map(String::from));
        names
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.step.to_string(), self.reward.to_string()];
        cells.extend(self.rewards.map(|reward| reward.map_or(String::new(), |r| r.to_string())));
        let rest = [
            self.entropy,
            self.response_tokens,
            self.grad_norm,
            self.loss,
            self.positive,
            self.zero,
            self.negative,
            self.masked,
        ];
        cells.extend(rest.map(|value| value.to_string()));
        cells.push(u8::from(self.latch).to_string());
        cells.push(self.truncated.to_string());
        cells
    }

    fn step(&self) -> u64 {
        self.step
    }
}

impl Table for TimingRow {
    fn columns() -> Vec<String> {
        ["step", "rollout_seconds", "rollout_tokens", "update_seconds", "update_tokens"].map(String::from).to_vec()
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.step.to_string(),
            format!("{:.4}", self.rollout_seconds),
            self.rollout_tokens.to_string(),
            format!("{:.4}", self.update_seconds),
            self.update_tokens.to_string(),
        ]
    }

    fn step(&self) -> u64 {
        self.step
    }
}

impl Table for WarmRow {
    fn columns() -> Vec<String> {
        ["step", "loss", "accuracy", "lookups", "sums", "context_tokens"].map(String::from).to_vec()
    }

    fn cells(&self) -> Vec<String> {
        let share = |share: Option<f64>| share.map_or(String::new(), |share| share.to_string());
        vec![
            self.step.to_string(),
            self.loss.to_string(),
            self.accuracy.to_string(),
            share(self.lookups),
            share(self.sums),
            self.context_tokens.to_string(),
        ]
    }

    fn step(&self) -> u64 {
        self.step
    }
}

/// An append-only CSV of steps. Opened after a resume it first forgets every row past the step it resumes from.
pub struct StepLog {
    file: File,
    path: PathBuf,
}

impl StepLog {
    /// Opens `path` for the rows after `done` steps.
    pub fn open<T: Table>(path: &Path, done: u64) -> Result<StepLog> {
        let header = T::columns().join(",");
        let old = fs::read_to_string(path).unwrap_or_default();
        let within =
            |line: &&str| line.split(',').next().and_then(|c| c.parse::<u64>().ok()).is_some_and(|s| s <= done);
        // A torn last line has no newline after it and is dropped with the rest.
        let whole = old.rfind('\n').map_or("", |end| &old[..end]);
        let kept: Vec<&str> = whole.lines().skip(1).filter(within).collect();
        let mut text = header + "\n";
        for line in kept {
            text.push_str(line);
            text.push('\n');
        }
        crate::files::write_whole(path, text.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
        let file = OpenOptions::new().append(true).open(path).with_context(|| path.display().to_string())?;
        Ok(StepLog { file, path: path.to_path_buf() })
    }

    /// Appends a row.
    pub fn push<T: Table>(&mut self, row: &T) -> Result<()> {
        let line = row.cells().join(",") + "\n";
        self.file.write_all(line.as_bytes()).with_context(|| format!("writing {}", self.path.display()))
    }
}

/// TensorBoard events of a job, written anew from `metrics.csv` at every start, so that a resume leaves no doubles.
pub struct Events {
    writer: SummaryWriter,
}

impl Events {
    /// Starts the event file in `dir` and replays the rows of `metrics`.
    pub fn open(dir: &Path, metrics: &Path) -> Result<Events> {
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| dir.display().to_string())?;
        }
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let mut events = Events { writer: SummaryWriter::new(dir) };
        events.replay(metrics);
        Ok(events)
    }

    /// Adds the scalars of all rows of a table of steps, where there is one.
    pub fn replay(&mut self, table: &Path) {
        let text = fs::read_to_string(table).unwrap_or_default();
        let mut lines = text.lines();
        let columns: Vec<String> = lines.next().unwrap_or_default().split(',').map(String::from).collect();
        for line in lines {
            let cells: Vec<String> = line.split(',').map(String::from).collect();
            self.scalars(&columns, &cells);
        }
    }

    /// Adds the scalars of one row.
    pub fn push<T: Table>(&mut self, row: &T) {
        self.scalars(&T::columns(), &row.cells());
        self.writer.flush();
    }

    fn scalars(&mut self, columns: &[String], cells: &[String]) {
        let Some(step) = cells.first().and_then(|cell| cell.parse::<usize>().ok()) else { return };
        for (column, cell) in columns.iter().zip(cells).skip(1) {
            if let Ok(value) = cell.parse::<f32>() {
                self.writer.add_scalar(&format!("train/{column}"), value, step);
            }
        }
    }
}
