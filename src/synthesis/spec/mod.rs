//! The specification of a dataset: a TOML file. What the paper leaves open is a key here.

mod agents;
mod check;
mod checks;
mod difficulty;
mod graph;
mod law;
mod line;
mod model;
mod pattern;
mod roles;
mod written;

pub use agents::{AgentsSpec, Cite, Quotes, RewardSpec, TaskShares};
pub use checks::{ChecksSpec, JudgeSpec, Unanswered, Without};
pub use difficulty::{BinsOf, DifficultySpec, RetrospectiveSpec};
pub use graph::{ClusterSpec, ExtractSpec, GraphSpec, Obfuscation, ReadSpec, StyleShares};
pub use law::{Bin, Length, Spread, figure_3, weighted};
pub use model::ModelSpec;
pub use pattern::Pattern;
pub use roles::{GrammarFiles, PromptFiles, ReplyTokens, RoleSpec};
pub use written::WrittenSpec;

use longlab_documents::{Filter, Kind, Limits};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How a dataset is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Name of the dataset; `data_source` of its rows begins with it.
    pub name: String,
    /// Seed of every draw.
    #[serde(default)]
    pub seed: u64,
    /// Who plays the model that checks and agents ask: the name, folder or file of a model on this machine, or a table with the `url` of a server.
    #[serde(default)]
    pub model: Option<ModelSpec>,
    /// Who plays the judge of documents and of answers that the rules call wrong; left out, `model` does.
    #[serde(default)]
    pub judge: Option<ModelSpec>,
    /// The documents.
    pub corpus: CorpusSpec,
    /// What makes items.
    pub engines: EnginesSpec,
    /// The contexts.
    #[serde(default)]
    pub context: ContextSpec,
    /// What items are put to.
    #[serde(default)]
    pub checks: ChecksSpec,
    /// Bins of difficulty.
    #[serde(default)]
    pub difficulty: DifficultySpec,
    /// Evaluation files that nothing may come from.
    #[serde(default)]
    pub decontamination: DecontaminationSpec,
    /// Hard items of an earlier stage that come again.
    pub retrospective: Option<RetrospectiveSpec>,
    /// Where the dataset goes.
    pub output: OutputSpec,
}

/// `[corpus]`: the documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusSpec {
    /// The folder; links in it are not followed.
    pub folder: PathBuf,
    /// Kinds by path; the first rule that fits counts. A file that none fits has the kind that its reader takes it for.
    #[serde(default)]
    pub rules: Vec<KindRule>,
    /// Files that are not read.
    #[serde(default)]
    pub skip: Vec<Pattern>,
    /// Kinds that are kept; empty: all.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// What a file may ask for.
    #[serde(default)]
    pub limits: Limits,
    /// What documents must be like.
    #[serde(default)]
    pub filters: Filter,
    /// Which documents count as the same.
    #[serde(default)]
    pub duplicates: DuplicateSpec,
    /// A model that says which documents are good enough.
    pub judge: Option<JudgeSpec>,
}

/// A kind for paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// Which files, below the corpus folder.
    pub path: Pattern,
    /// Their kind.
    pub kind: Kind,
}

/// `[corpus.duplicates]`: which documents count as the same. Those of equal words always do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DuplicateSpec {
    /// Also those whose runs of words are this alike (Jaccard, estimated by MinHash), in (0, 1]; 0: no others.
    pub near: f64,
}

impl Default for DuplicateSpec {
    fn default() -> Self {
        DuplicateSpec { near: 0.8 }
    }
}

/// `[engines]`: what makes items, and how many. An engine that is left out makes none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnginesSpec {
    /// Paths through a graph of what documents say.
    pub graph: Option<GraphSpec>,
    /// Tables of many documents and SQL over them.
    pub table: Option<TableSpec>,
    /// Agents that propose, solve and verify.
    pub agents: Option<AgentsSpec>,
    /// Conversations with alike requests.
    pub dialogue: Option<DialogueSpec>,
}

/// `[engines.table]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// Items to make.
    pub items: usize,
    /// Fewest and most documents whose tables a question is over.
    #[serde(default = "defaults::documents")]
    pub documents: [usize; 2],
    /// Fewest rows of a table.
    #[serde(default = "defaults::fewest_rows")]
    pub fewest_rows: usize,
    /// Most rows that a question is over.
    #[serde(default = "defaults::most_rows")]
    pub most_rows: usize,
    /// How alike the columns of tables must be to be taken together (Jaccard), in (0, 1].
    #[serde(default = "defaults::half")]
    pub alike: f64,
    /// Shares of the levels.
    #[serde(default)]
    pub levels: LevelShares,
    /// Most tries for each wanted item, after which the corpus is taken to have no more.
    #[serde(default = "defaults::patience")]
    pub patience: usize,
    /// Questions and queries that a model writes; left out, all are those of templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<WrittenSpec>,
}

/// `[engines.table.levels]`: shares of the levels; they need not add up to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LevelShares {
    /// One condition, or a ranking.
    pub easy: f64,
    /// Ratios, or several conditions.
    pub medium: f64,
    /// Several steps, or a measure of the question's own.
    pub hard: f64,
}

impl Default for LevelShares {
    fn default() -> Self {
        LevelShares { easy: 1.0, medium: 1.0, hard: 1.0 }
    }
}

/// `[engines.dialogue]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialogueSpec {
    /// Items to make.
    pub items: usize,
    /// How often the request is repeated, one of these an item, each as often as the others; MRCR has 2, 4 and 8.
    #[serde(default = "defaults::needles")]
    pub needles: Vec<usize>,
    /// Shortest and longest reply, words.
    #[serde(default = "defaults::reply_words")]
    pub words: [usize; 2],
    /// Most tries for each wanted item, after which the corpus is taken to have no more.
    #[serde(default = "defaults::patience")]
    pub patience: usize,
}

/// `[context]`: the contexts that items are put into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContextSpec {
    /// How long prompts are to be.
    pub length: Length,
    /// Longest prompt, tokens; the longest of the paper's training set has 119,932.
    pub most: usize,
    /// Where in a context the evidence stands.
    pub spread: Spread,
    /// Share of the irrelevant text that is near in topic; the rest is drawn from the whole corpus.
    pub near: f64,
    /// Longest passage of an irrelevant document, tokens.
    pub passage: usize,
    /// `tokenizer.json` of the model to be trained; left out, tokens are estimated from bytes.
    pub tokenizer: Option<PathBuf>,
    /// Bytes around an evidence that always come with it.
    pub margin: usize,
    /// Share of a prompt that the documents of the evidence may fill beyond what they must.
    pub room: f64,
    /// Tokens of a prompt that may stay unfilled, and fewest of a passage.
    pub slack: usize,
    /// Times that irrelevant passages are drawn: what the layout adds is only reckoned until all is counted.
    pub top_ups: usize,
    /// Times that the last passage is shortened before it is given up.
    pub shortenings: usize,
    /// Irrelevant documents tried in a row that give nothing, after which the corpus is taken to have no more.
    pub patience: usize,
    /// Most documents near in topic that are asked for.
    pub most_near: usize,
}

impl Default for ContextSpec {
    fn default() -> Self {
        ContextSpec {
            length: Length::default(),
            most: 119_932,
            spread: Spread::Uniform,
            near: 0.5,
            passage: 8_000,
            tokenizer: None,
            margin: 600,
            room: 0.4,
            slack: 32,
            top_ups: 3,
            shortenings: 4,
            patience: 200,
            most_near: 2_000,
        }
    }
}

/// `[decontamination]`: evaluation files that nothing may come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecontaminationSpec {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Words in a row that count as copied.
    pub words: usize,
}

impl Default for DecontaminationSpec {
    fn default() -> Self {
        DecontaminationSpec { files: vec![], words: 13 }
    }
}

/// `[output]`: where the dataset goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// The folder.
    pub folder: PathBuf,
    /// Share of the items that is set aside for testing; items whose first evidence is of one document lie on one side.
    #[serde(default = "defaults::test")]
    pub test: f64,
    /// Whether Parquet is written beside JSONL.
    #[serde(default = "defaults::yes")]
    pub parquet: bool,
}

mod defaults {
    pub fn patience() -> usize {
        40
    }
    pub fn half() -> f64 {
        0.5
    }
    pub fn documents() -> [usize; 2] {
        [2, 8]
    }
    pub fn fewest_rows() -> usize {
        3
    }
    pub fn most_rows() -> usize {
        200
    }
    pub fn needles() -> Vec<usize> {
        vec![2, 4, 8]
    }
    pub fn reply_words() -> [usize; 2] {
        [60, 200]
    }
    pub fn test() -> f64 {
        0.05
    }
    pub fn yes() -> bool {
        true
    }
}

impl Spec {
    /// Reads a specification and checks it. Paths in it that are not absolute are below the folder of the file.
    ///
    /// # Errors
    /// [`SpecError`], with the key and the mend.
    pub fn read(path: &Path) -> Result<Spec, SpecError> {
        let text =
            std::fs::read_to_string(path).map_err(|cause| SpecError::Unreadable { path: path.to_path_buf(), cause })?;
        let mut spec = Spec::parse(&text)?;
        spec.move_below(path.parent().unwrap_or(Path::new("")));
        Ok(spec)
    }

    /// A specification from its text, checked.
    ///
    /// # Errors
    /// [`SpecError`], with the key and the mend.
    pub fn parse(text: &str) -> Result<Spec, SpecError> {
        let spec: Spec = toml::from_str(text).map_err(|error| SpecError::Mistake(error.to_string()))?;
        spec.check().map_err(|error| line::found(error, text))?;
        Ok(spec)
    }

    fn move_below(&mut self, folder: &Path) {
        let paths = [&mut self.corpus.folder, &mut self.output.folder].into_iter();
        let paths = paths.chain(&mut self.context.tokenizer).chain(&mut self.decontamination.files);
        let paths = paths.chain(self.corpus.judge.as_mut().and_then(|judge| judge.prompt.as_mut()));
        let earlier = self.retrospective.as_mut().map(|own| std::iter::once(&mut own.dataset).chain(&mut own.rewards));
        let paths = paths.chain(earlier.into_iter().flatten());
        let paths = paths.chain(self.engines.agents.iter_mut().flat_map(AgentsSpec::paths));
        paths.for_each(|path| *path = folder.join(&path));
        for model in [&mut self.model, &mut self.judge].into_iter().flatten() {
            model.move_below(folder);
        }
    }
}

/// What is wrong with a specification.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}; give the path of a TOML file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it.
        cause: std::io::Error,
    },
    /// It is no TOML, or has a key that is not known, or lacks one.
    #[error("{0}")]
    Mistake(String),
    /// A value is out of its range.
    #[error("`{key}`{} is {given}; {mend}", line.map(|line| format!(" (line {line})")).unwrap_or_default())]
    Value {
        /// The key.
        key: &'static str,
        /// The line of the file that it stands in; none where it is left out.
        line: Option<usize>,
        /// Its value.
        given: String,
        /// What it may be.
        mend: &'static str,
    },
}
