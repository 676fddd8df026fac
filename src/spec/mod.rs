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

mod axis;
mod check;
pub mod choice;
mod claims;
mod condition;
mod error;
mod file;
mod grid;
pub mod identity;
pub mod key;
mod layer;
pub mod level;
mod part;
mod reference;
mod resolved;
mod resources;
mod rule;
mod schema;
pub mod settings;
pub mod suggest;
mod texts;

pub use choice::*;
pub use error::{Mistake, SpecError};
pub use grid::{Axis, Cell, Collapsed, Excluded, Grid, MAX_JOBS};
pub use key::{Key, Misfit, Setting};
pub use level::{BadLevel, Bound, Threshold};
pub use reference::reference;
pub use resources::Resources;
pub use schema::schema;
pub use settings::{KEYS, Settings};

use identity::{Identity, Machine};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use texts::Texts;

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
    /// Whose entropies and gradient norms the report shows against one another, if any.
    pub scatter: Option<Scatter>,
    /// The cells: variants in the order of the file, each at all its points of the axes; at least one.
    pub variants: Vec<Variant>,
    /// Claims of the paper.
    pub claims: Vec<Claim>,
    /// Published curves shown in its report.
    pub figures: Vec<FigureRef>,
    /// What a job needs of the machine that runs it; no part of its identity.
    pub resources: Resources,
    /// What the cells came from: axes, and the cells that are not there, with reasons.
    pub grid: Grid,
    /// Where it was read from.
    pub path: PathBuf,
    /// All files that it was read from: those that it extends, itself, and the preset of its scale where the project has one.
    pub sources: Vec<PathBuf>,
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
    /// Where on the axes its cells lie (`mode=band`), if the file's claim is about more than these two; it ends the text too. Empty at
    /// the points without a name.
    pub at: Option<String>,
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

/// Reads an experiment file and checks it together with the files it names, relative to the working directory: the experiments that it
/// extends, the preset of its scale, the base policies, the published table and its rows, the published curves.
///
/// # Errors
/// [`SpecError`] with the first mistake in the files.
pub fn load(path: &Path) -> Result<Experiment, SpecError> {
    load_at(path, Path::new(""), None)
}

/// [`load`], with the files that the experiment names looked for under `root`.
pub fn load_in(path: &Path, root: &Path) -> Result<Experiment, SpecError> {
    load_at(path, root, None)
}

/// [`load_in`] under a stated scale, whose preset stands in place of that of the file. Under another scale than its own the experiment
/// is called `<name>-<scale>`, so that its results and reports stand beside those of the file and not in their place.
pub fn load_at(path: &Path, root: &Path, scale: Option<Scale>) -> Result<Experiment, SpecError> {
    let texts = Texts::gather(path, root)?;
    let mut experiment = made(&texts, scale, Some(root))?;
    if scale.is_some_and(|scale| experiment.scale != scale) {
        experiment.scale = scale.unwrap_or(experiment.scale);
        experiment.name = file::rescaled(&experiment.name, experiment.scale);
    }
    Ok(experiment)
}

/// Reads the text of an experiment file, without looking at other files (presets are those that came with longlab); `path` is for messages.
///
/// # Errors
/// [`SpecError`] with the first mistake in the text.
pub fn parse(text: &str, path: &Path) -> Result<Experiment, SpecError> {
    made(&Texts::alone(text, path)?, None, None)
}

/// The experiment of some texts, its scale still that of the file; the files that it names are checked under a root, if there is one.
fn made(texts: &Texts, scale: Option<Scale>, root: Option<&Path>) -> Result<Experiment, SpecError> {
    let docs = texts.docs()?;
    let own = file::scale(&docs)?;
    let preset = texts.preset(scale.unwrap_or(own))?;
    let mut draft = file::read(&docs, &preset, scale.unwrap_or(own))?;
    if let Some(root) = root {
        check::files(&draft, root)?;
    }
    draft.experiment.scale = own;
    draft.experiment.sources = texts.paths(scale.unwrap_or(own));
    Ok(draft.experiment)
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
        let mut datasets: BTreeMap<&str, String> = BTreeMap::new();
        let mut jobs = Vec::new();
        for variant in &self.variants {
            let folder = variant.settings.begins_from(self.kind);
            if let Some(folder) = folder
                && !hashes.contains_key(folder)
            {
                hashes.insert(folder, identity::base_hash(&root.join(folder))?);
            }
            let base = folder.and_then(|folder| hashes.get(folder)).map(String::as_str);
            let file = variant.settings.data.dataset();
            if let Some(file) = file
                && !datasets.contains_key(file)
            {
                datasets.insert(file, identity::data_hash(&root.join(file))?);
            }
            let data = file.and_then(|file| datasets.get(file)).map(String::as_str);
            jobs.extend(self.jobs_of(variant, (base, data), machine));
        }
        Ok(jobs)
    }

    fn jobs_of(&self, variant: &Variant, (base, data): (Option<&str>, Option<&str>), machine: &Machine) -> Vec<Job> {
        let settings = &variant.settings;
        let ids = Identity { kind: self.kind, seed: 0, settings, base, data, machine }.ids(&self.seeds);
        let job = |(id, seed): (String, &u64)| {
            let (variant, settings) = (variant.name.clone(), settings.clone());
            Job { id, kind: self.kind, variant, seed: *seed, settings }
        };
        ids.into_iter().zip(&self.seeds).map(job).collect()
    }

    /// The whole experiment as TOML: every setting of every variant written out. Reading it gives the same experiment.
    pub fn resolved(&self) -> String {
        resolved::write(self)
    }
}
