//! What is to be merged and how.

use super::MergeFilesError;
use longlab_kernels::merge::{self, Format, Sce, SceReading, Task, Trim};
use longlab_kernels::stream::{Address, Purpose};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::str::FromStr;

/// The recipes, each with its source in [`longlab_kernels::merge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The weighted mean (arXiv 2203.05482).
    Linear,
    /// The base and the weighted sum of what models added to it (arXiv 2212.04089).
    TaskArithmetic,
    /// Trim, elect signs, average (arXiv 2306.01708).
    Ties,
    /// Drop at random and rescale (arXiv 2311.03099).
    Dare,
    /// DARE's dropping with the signs of TIES.
    DareTies,
    /// Select, calculate, erase (arXiv 2408.07990).
    Sce,
}

/// A merge as it is written down: keys of a TOML file, and flags of the command line. What is left out takes its default; what
/// the method does not read must be left out.
///
/// ```
/// use longlab::merge::{Method, Recipe};
/// let recipe: Recipe = toml::from_str(r#"
///     method = "sce"
///     base = "models/base"
///     models = ["models/math", "models/code"]
///     select = 0.1
///     shard_size = "1GB"
/// "#).unwrap();
/// assert_eq!(recipe.method, Method::Sce);
/// assert!(Recipe { density: Some(0.5), ..recipe }.check().unwrap_err().to_string().contains("sce does not read density"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// How.
    pub method: Method,
    /// Folder of the base; linear has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// Folders of the models.
    pub models: Vec<PathBuf>,
    /// A weight a model; 1 each if left out. Not for SCE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// SCE: share of the varied places that is selected; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<f64>,
    /// SCE: whose code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<SceReading>,
    /// TIES and DARE: share of each delta that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<f64>,
    /// All with weights and a base: what the merged delta is multiplied by; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// DARE: seed of what is dropped; 0 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Type of the result; that of each of the base's (or first model's) tensors if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<Format>,
    /// Largest shard of the result (a tensor is never cut); 5 GB if left out.
    #[serde(default)]
    pub shard_size: Size,
}

impl Recipe {
    /// Checks the settings, apart from the models.
    ///
    /// # Errors
    /// If a setting is missing, out of range, or not read by the method.
    pub fn check(&self) -> Result<(), MergeFilesError> {
        let method = self.name();
        let fail = |text: String| Err(MergeFilesError::Recipe(text));
        let given = [
            ("base", self.base.is_some()),
            ("weights", !self.weights.is_empty()),
            ("select", self.select.is_some()),
            ("reading", self.reading.is_some()),
            ("density", self.density.is_some()),
            ("lambda", self.lambda.is_some()),
            ("seed", self.seed.is_some()),
        ];
        let read = self.reads();
        if let Some((key, _)) = given.iter().find(|(key, given)| *given && !read.contains(key)) {
            return fail(format!("{method} does not read {key}; it reads {}", read.join(", ")));
        }
        for (key, given) in given {
            if !given && read.contains(&key) && ["base", "density"].contains(&key) {
                return fail(format!("{method} needs {key}"));
            }
        }
        self.numbers("").check(self.models.len()).or_else(|error| fail(error.to_string()))?;
        if self.models.is_empty() { fail("no models; give at least one".into()) } else { Ok(()) }
    }

    /// The keys that the method reads, besides those of the files.
    fn reads(&self) -> &'static [&'static str] {
        match self.method {
            Method::Linear => &["weights"],
            Method::TaskArithmetic => &["base", "weights", "lambda"],
            Method::Ties => &["base", "weights", "density", "lambda"],
            Method::Dare | Method::DareTies => &["base", "weights", "density", "lambda", "seed"],
            Method::Sce => &["base", "select", "reading"],
        }
    }

    /// The method as it is written.
    fn name(&self) -> String {
        serde_json::to_value(self.method).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
    }

    /// The recipe for a tensor. What DARE drops depends on the tensor's name and on no other tensor.
    pub(super) fn numbers(&self, tensor: &str) -> merge::Recipe {
        let weights = if self.weights.is_empty() { vec![1.0; self.models.len()] } else { self.weights.clone() };
        let density = self.density.unwrap_or(1.0);
        let address = Address::new(self.seed.unwrap_or(0), Purpose::Merge).sample(number_of(tensor));
        let task = match self.method {
            Method::Linear => return merge::Recipe::Linear(weights),
            Method::Sce => {
                let (select, reading) = (self.select.unwrap_or(1.0), self.reading.unwrap_or_default());
                return merge::Recipe::Sce(Sce { select, reading });
            }
            Method::TaskArithmetic => Task::arithmetic(),
            Method::Ties => Task::ties(density),
            Method::Dare => Task { trim: Trim::Random(density, address), ..Task::arithmetic() },
            Method::DareTies => Task::dare_ties(density, address),
        };
        merge::Recipe::Task(Task { scale: self.lambda.unwrap_or(1.0), ..task }, weights)
    }
}

fn number_of(name: &str) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(number)
}

/// A number of bytes, written `5GB`, `500 MB`, `2GiB` or as a plain number.
///
/// ```
/// use longlab::merge::Size;
/// assert_eq!("1.5GB".parse(), Ok(Size(1_500_000_000)));
/// assert_eq!("2 MiB".parse(), Ok(Size(2 << 20)));
/// assert!("5 apples".parse::<Size>().unwrap_err().contains("such as 5GB"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

impl Default for Size {
    fn default() -> Self {
        Size(5_000_000_000)
    }
}

const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size; write it such as 5GB, 500MB or 2GiB");
        let text = text.trim();
        let digits = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let unit = text[digits..].trim().to_ascii_uppercase();
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
        let bytes = (number * *factor as f64) as u64;
        if bytes == 0 { Err(wrong()) } else { Ok(Size(bytes)) }
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.0.to_string()
    }
}
