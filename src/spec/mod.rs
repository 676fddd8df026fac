//! Experiment files: schema, defaults, errors that point at the line, expansion to cells and jobs, job identity.
//!
//! ```
//! use longlab::spec::parse;
//! let text = r#"
//!     [experiment]
//!     name = "demo"
//!     seeds = [0, 1]
//!     [base]
//!     "train.steps" = 15
//!     [[variant]]
//!     name = "GRPO"
//!     [[variant]]
//!     name = "AEPO"
//!     "aepo.high" = "2x"
//! "#;
//! let experiment = parse(text, "demo.toml".as_ref()).unwrap();
//! assert_eq!(experiment.variants[1].settings.train.steps, 15);
//! let error = parse(&text.replace("steps", "stepz"), "demo.toml".as_ref()).unwrap_err();
//! assert!(error.to_string().contains("did you mean `train.steps`?"));
//! ```

mod check;
pub mod choice;
mod error;
mod file;
pub mod identity;
pub mod key;
mod layer;
pub mod level;
mod reference;
mod resolved;
pub mod settings;
pub mod suggest;

pub use choice::*;
pub use error::{Mistake, SpecError};
pub use key::{Key, Misfit, Setting};
pub use level::{BadLevel, Bound, Threshold};
pub use reference::reference;
pub use settings::{KEYS, Settings};

use error::Source;
use identity::{Identity, Machine};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a claim can compare: the average over the suites, one suite, or the mean over the last ten steps of a training curve.
pub const MEASURES: &[&str] =
    &["avg", "DocMath", "LBV2", "Frames", "MRCR", "CorpusQA", "LBV1-QA", "reward", "entropy", "response_tokens"];

/// One experiment file.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Names the folders of its results and reports.
    pub name: String,
    /// Heads its report.
    pub title: String,
    /// The published table that it is held against: `experiments/paper/<paper>.csv`.
    pub paper: Option<String>,
    /// The size of model and machine that it is for.
    pub scale: Scale,
    /// What its jobs make.
    pub kind: Kind,
    /// Seeds, each once, in the order of the file.
    pub seeds: Vec<u64>,
    /// Variants in the order of the file, at least one.
    pub variants: Vec<Variant>,
    /// Claims of the paper.
    pub claims: Vec<Claim>,
    /// Published curves shown in its report.
    pub figures: Vec<FigureRef>,
    /// Where it was read from.
    pub path: PathBuf,
}

/// A named setting inside an experiment, one row of its table.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name, unique in the experiment.
    pub name: String,
    /// Its row in the published table; its name unless the file says otherwise.
    pub paper_row: String,
    /// All its settings.
    pub settings: Settings,
}

/// A statement that one variant measures more than another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The statement in words.
    pub text: String,
    /// The variant whose measure is claimed to be greater.
    pub better: String,
    /// The variant whose measure is claimed to be smaller.
    pub worse: String,
    /// One of [`MEASURES`].
    pub measure: String,
}

/// Published curves shown in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureRef {
    /// Heads the plot.
    pub title: String,
    /// A CSV file under `experiments/paper/figures`.
    pub file: String,
    /// The unit of its values.
    pub unit: String,
}

/// One variant with one seed: the unit that is run, cached and resumed.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Hash of everything that can change its result.
    pub id: String,
    /// What it makes.
    pub kind: Kind,
    /// The variant that it belongs to.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// Its settings.
    pub settings: Settings,
}

/// Reads an experiment file and checks it together with the files it names, relative to the working directory: the base
/// policies, the published table and its rows, the published curves.
///
/// # Errors
/// [`SpecError`] with the first mistake in the file.
pub fn load(path: &Path) -> Result<Experiment, SpecError> {
    load_in(path, Path::new(""))
}

/// [`load`], with the files that the experiment names looked for under `root`.
pub fn load_in(path: &Path, root: &Path) -> Result<Experiment, SpecError> {
    let text = std::fs::read_to_string(path).map_err(|cause| SpecError::unreadable(path, cause))?;
    let source = Source { path, text: &text };
    let draft = file::read(source)?;
    check::files(source, &draft, root)?;
    Ok(draft.experiment)
}

/// Reads the text of an experiment file, without looking at other files; `path` is for messages.
///
/// # Errors
/// [`SpecError`] with the first mistake in the text.
pub fn parse(text: &str, path: &Path) -> Result<Experiment, SpecError> {
    file::read(Source { path, text }).map(|draft| draft.experiment)
}

impl Experiment {
    /// All jobs: variants in the order of the file, and the seeds of each. Jobs with the same id are one job.
    ///
    /// # Errors
    /// When a base policy cannot be read (its content is part of the identity).
    pub fn jobs(&self) -> Result<Vec<Job>, SpecError> {
        self.jobs_in(Path::new(""), &Machine::here())
    }

    /// [`Experiment::jobs`] on a stated machine, with base policies looked for under `root`.
    pub fn jobs_in(&self, root: &Path, machine: &Machine) -> Result<Vec<Job>, SpecError> {
        // Variants mostly share one base policy, which may be large: it is read once.
        let mut hashes: BTreeMap<&str, String> = BTreeMap::new();
        let mut jobs = Vec::new();
        for variant in &self.variants {
            let folder = variant.settings.begins_from(self.kind);
            if let Some(folder) = folder
                && !hashes.contains_key(folder)
            {
                hashes.insert(folder, identity::base_hash(&root.join(folder))?);
            }
            let base = folder.and_then(|folder| hashes.get(folder)).map(String::as_str);
            jobs.extend(self.seeds.iter().map(|seed| self.job(variant, *seed, base, machine)));
        }
        Ok(jobs)
    }

    fn job(&self, variant: &Variant, seed: u64, base: Option<&str>, machine: &Machine) -> Job {
        let settings = &variant.settings;
        let id = Identity { kind: self.kind, seed, settings, base, machine }.id();
        Job { id, kind: self.kind, variant: variant.name.clone(), seed, settings: settings.clone() }
    }

    /// The whole experiment as TOML: every setting of every variant written out. Reading it gives the same experiment.
    pub fn resolved(&self) -> String {
        resolved::write(self)
    }
}
