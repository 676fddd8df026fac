//! What a report is made from: one plain value, without knowledge of specs, job folders or statistics.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The six suites as (name in outcomes and tables, column in the published tables), in the paper's order.
pub const SUITES: [(&str, &str); 6] = [
    ("DocMath", "docmath"),
    ("LBV2", "lbv2"),
    ("Frames", "frames"),
    ("MRCR", "mrcr"),
    ("CorpusQA", "corpusqa"),
    ("LBV1-QA", "lbv1_qa"),
];

/// The ways in which an answer can end, in the order of [`Item::counts`].
pub const STATUSES: [&str; 5] = ["right", "wrong", "unparsable", "truncated", "failed"];

/// Everything one report stands on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Name of the experiment; also the name of its report folder.
    pub name: String,
    /// Title of the experiment.
    pub title: String,
    /// Scale, as written in the spec (`micro`, ...).
    pub scale: String,
    /// Published table (`experiments/paper/table5.csv`), if the experiment has one.
    pub paper: Option<PathBuf>,
    /// One row a variant, in the order of the spec.
    pub rows: Vec<Row>,
    /// Claims to be judged.
    pub claims: Vec<Claim>,
    /// Published curves to show.
    pub figures: Vec<Figure>,
    /// Which responses are shown one by one, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scatter: Option<crate::spec::Scatter>,
}

/// One variant of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the variant.
    pub variant: String,
    /// Its row in the published table.
    pub paper_row: String,
    /// How it measures entropy, where that is not the usual way: entropies measured in different ways cannot be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<String>,
    /// One run a seed.
    pub seeds: Vec<SeedRun>,
}

/// One job: a variant under a seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedRun {
    /// The seed.
    pub seed: u64,
    /// Id of the job.
    pub job: String,
    /// How far the job came. Only a run that is done enters a mean.
    pub status: Status,
    /// One row a training step.
    #[serde(skip)]
    pub metrics: Metrics,
    /// One entry an evaluation item.
    #[serde(skip)]
    pub items: Vec<Item>,
    /// Responses of training that a scatter shows; empty where none is asked for.
    #[serde(skip)]
    pub responses: Vec<Response>,
    /// Seconds and tokens, when the job is done.
    pub done: Option<Done>,
    /// Flat provenance of the job (commit, versions, processor, date).
    pub provenance: BTreeMap<String, String>,
}

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Finished; its results are complete.
    Done,
    /// Ended with an error.
    Failed,
    /// Not finished yet.
    Pending,
}

impl Status {
    /// The word used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Pending => "pending",
        }
    }
}

/// What a finished job cost.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {
    /// Wall seconds of the whole job.
    pub seconds: f64,
    /// Wall seconds of training.
    pub train_seconds: f64,
    /// Wall seconds of evaluation.
    pub eval_seconds: f64,
    /// Response tokens a second while rolling out, when measured.
    pub rollout_rate: Option<f64>,
    /// Tokens a second while updating, when measured.
    pub update_rate: Option<f64>,
}

/// What is known of one response of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    /// Step, from 1.
    pub step: u64,
    /// Mean entropy of its tokens at the sampling temperature, nats.
    pub entropy: f64,
    /// Mean over its tokens of the norm of the gradient of their log-probability in the logits.
    pub slope: f64,
}

/// The columns of a job's `metrics.csv`; an empty cell is `None`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Metrics {
    /// Names of the columns, `step` first.
    pub columns: Vec<String>,
    /// One row a step, as long as `columns`.
    pub rows: Vec<Vec<Option<f64>>>,
}

impl Metrics {
    /// The values of a column by step, or `None` if there is no such column.
    ///
    /// ```
    /// use longlab::report::input::Metrics;
    /// let metrics = Metrics { columns: vec!["step".into(), "reward".into()], rows: vec![vec![Some(1.0), Some(0.25)]] };
    /// assert_eq!(metrics.column("reward"), Some(vec![Some(0.25)]));
    /// assert_eq!(metrics.column("entropy"), None);
    /// ```
    pub fn column(&self, name: &str) -> Option<Vec<Option<f64>>> {
        let at = self.columns.iter().position(|column| column == name)?;
        Some(self.rows.iter().map(|row| row[at]).collect())
    }
}

/// The outcome of one evaluation item over all its answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `main` or `long`.
    pub split: String,
    /// Name of the suite, one of [`SUITES`].
    pub suite: String,
    /// Number of the item within its suite and split.
    pub item: u64,
    /// Task type of the item.
    pub task: String,
    /// Mean score over all answers, failed ones included as 0 (0..1).
    pub score: f64,
    /// Answers by status, in the order of [`STATUSES`].
    pub counts: [u64; 5],
}

impl Item {
    /// Number of answers: each ends in exactly one status.
    pub fn answers(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// A statement of the paper, to be judged by the difference `better - worse`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The statement.
    pub text: String,
    /// Variant that is claimed to have the larger measure.
    pub better: String,
    /// Variant that is claimed to have the smaller measure.
    pub worse: String,
    /// `avg`, a suite, `reward`, `entropy` or `response_tokens`.
    pub measure: String,
    /// Which reading of a claim about swept variants this is; empty for the one without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A published curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Title of the panel.
    pub title: String,
    /// CSV file with a `step` column and one column a curve.
    pub file: PathBuf,
    /// Unit of the curves.
    pub unit: String,
}
