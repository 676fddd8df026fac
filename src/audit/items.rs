//! What is said about a table: items of each benchmark, averages, the scale of the scores.

use super::{AuditError, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest number of items.
pub const MOST_ITEMS: u64 = 1_000_000_000;
/// The largest number of answers an item.
pub const MOST_SAMPLES: u64 = 1_000_000;

/// What the numbers of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// A share of right answers: k of `items` times `samples`.
    Share {
        /// Questions.
        items: u64,
        /// Answers to each question.
        samples: u64,
    },
    /// A mean of scores between nothing and everything, such as a similarity ratio or partial credit.
    Dense {
        /// Questions, if known.
        items: Option<u64>,
    },
}

impl Metric {
    /// Reads `800`, `30x32`, `dense` or `dense:1500`; `name` is for the message.
    ///
    /// ```
    /// use longlab::audit::Metric;
    /// assert_eq!(Metric::parse("aime", "30x32").unwrap(), Metric::Share { items: 30, samples: 32 });
    /// assert!(Metric::parse("aime", "0").unwrap_err().to_string().contains("no items"));
    /// ```
    pub fn parse(name: &str, text: &str) -> Result<Self, AuditError> {
        let text = text.trim();
        if text == "dense" {
            return Ok(Self::Dense { items: None });
        }
        if let Some(count) = text.strip_prefix("dense:") {
            return Ok(Self::Dense { items: Some(count_of(name, count, "items", MOST_ITEMS)?) });
        }
        let (items, samples) = text.split_once('x').unwrap_or((text, "1"));
        let items = count_of(name, items, "items", MOST_ITEMS)?;
        Ok(Self::Share { items, samples: count_of(name, samples, "answers an item", MOST_SAMPLES)? })
    }

    /// The answers that a share is counted over.
    pub fn trials(self) -> Option<u64> {
        match self {
            Self::Share { items, samples } => Some(items * samples),
            Self::Dense { .. } => None,
        }
    }

    /// The questions, if known.
    pub fn items(self) -> Option<u64> {
        match self {
            Self::Share { items, .. } => Some(items),
            Self::Dense { items } => items,
        }
    }
}

fn count_of(name: &str, text: &str, what: &'static str, limit: u64) -> Result<u64, AuditError> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuditError::Count { text: format!("{name}={text}") });
    }
    match text.parse::<u64>() {
        Ok(0) => Err(AuditError::Zero { name: name.into() }),
        Ok(count) if count <= limit => Ok(count),
        _ => Err(AuditError::Huge { name: name.into(), given: text.into(), what, limit }),
    }
}

/// Two names that differ in nothing but case and the choice between `-`, `_` and space.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let plain = |name: &str| name.trim().to_lowercase().replace(['-', ' '], "_");
    plain(a) == plain(b)
}

/// The benchmarks by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items {
    list: Vec<Item>,
}

/// A benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// Its name, that of a column or of a row.
    pub name: String,
    /// What its numbers are.
    pub metric: Metric,
    /// Where the count was taken from.
    pub source: Option<String>,
    /// Given for this very table, so that it must be in it.
    required: bool,
}

impl Items {
    /// Adds `docmath=800,lbv2=503`.
    ///
    /// # Errors
    /// A part that cannot be read, a count of 0 or beyond the limits, a name given twice.
    pub fn add_list(&mut self, text: &str) -> Result<(), AuditError> {
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, count) = part.rsplit_once('=').ok_or_else(|| AuditError::Count { text: part.into() })?;
            let metric = Metric::parse(name.trim(), count)?;
            self.add(Item { name: name.trim().into(), metric, source: None, required: true })?;
        }
        Ok(())
    }

    /// Adds a benchmark. What is given for the table goes before what a file says.
    fn add(&mut self, item: Item) -> Result<(), AuditError> {
        match self.list.iter().position(|old| same(&old.name, &item.name)) {
            Some(at) if self.list[at].required == item.required => Err(AuditError::Twice { name: item.name }),
            Some(at) => {
                if item.required {
                    self.list[at] = item;
                }
                Ok(())
            }
            None => {
                self.list.push(item);
                Ok(())
            }
        }
    }

    /// All benchmarks, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        self.list.iter()
    }

    /// What a column or row holds.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.find(name).map(|item| item.metric)
    }

    /// Named in a list that was given for the very tables, not only in a file.
    pub(super) fn is_for_these_tables(&self, name: &str) -> bool {
        self.find(name).is_some_and(|item| item.required)
    }

    /// The benchmark of this name.
    pub fn find(&self, name: &str) -> Option<&Item> {
        self.list.iter().find(|item| same(&item.name, name))
    }
}

/// What is said about tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Items of the benchmarks.
    pub items: Items,
    /// Averages and their parts, where the table does not make them plain.
    pub averages: Vec<(String, Vec<String>)>,
    /// Averages given for the very tables, so that one of them must have it.
    required_averages: Vec<String>,
    /// Scores run from 0 to 1 instead of 0 to 100.
    pub shares: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    items: BTreeMap<String, Entry>,
    #[serde(default)]
    averages: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Count(u64),
    Text(String),
    Table { count: Box<Entry>, source: Option<String> },
}

impl Entry {
    fn read(self, name: &str) -> Result<(Metric, Option<String>), AuditError> {
        match self {
            Self::Count(count) => Ok((Metric::parse(name, &count.to_string())?, None)),
            Self::Text(text) => Ok((Metric::parse(name, &text)?, None)),
            Self::Table { count, source } => count.read(name).map(|(metric, inner)| (metric, source.or(inner))),
        }
    }
}

impl Settings {
    /// Nothing said yet, but whether scores run from 0 to 1 instead of 0 to 100.
    pub fn new(shares: bool) -> Self {
        Self { shares, ..Self::default() }
    }

    /// The score of one who gets everything right.
    pub fn full(&self) -> u64 {
        if self.shares { 1 } else { 100 }
    }

    /// Refuses a name that was given for these tables and is in none of them; files may speak of other tables too.
    ///
    /// # Errors
    /// [`AuditError::Unknown`] with the nearest name.
    pub fn must_be_known(&self, tables: &[&Table]) -> Result<(), AuditError> {
        let known: Vec<&str> = tables.iter().flat_map(|table| table.names()).collect();
        let items = self.items.iter().filter(|item| item.required).map(|item| item.name.as_str());
        let mut given = items.chain(self.required_averages.iter().map(String::as_str));
        let Some(stray) = given.find(|name| !known.iter().any(|one| same(one, name))) else { return Ok(()) };
        let tables: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        Err(AuditError::unknown(stray, &tables.join(", "), &known))
    }

    /// Adds `avg=docmath+lbv2`.
    ///
    /// # Errors
    /// Text without `=` or with fewer than two parts.
    pub fn add_average(&mut self, text: &str) -> Result<(), AuditError> {
        let wrong = || AuditError::Average { text: text.into() };
        let (name, parts) = text.split_once('=').ok_or_else(wrong)?;
        let parts: Vec<String> = parts.split('+').map(|part| part.trim().to_owned()).collect();
        if name.trim().is_empty() || parts.len() < 2 || parts.iter().any(String::is_empty) {
            return Err(wrong());
        }
        self.averages.push((name.trim().into(), parts));
        self.required_averages.push(name.trim().into());
        Ok(())
    }

    /// Adds a TOML file of counts (`[items]`) and averages (`[averages]`) that may serve many tables; `file` is for messages.
    ///
    /// # Errors
    /// TOML that is none, an unknown key, a count that cannot be.
    pub fn add_file(&mut self, file: &str, text: &str) -> Result<(), AuditError> {
        let wrong = |error: toml::de::Error| AuditError::ItemsFile { file: file.into(), what: error.to_string() };
        let parsed: File = toml::from_str(text).map_err(wrong)?;
        for (name, entry) in parsed.items {
            let (metric, source) = entry.read(&name)?;
            self.items.add(Item { name, metric, source, required: false })?;
        }
        self.averages.extend(parsed.averages);
        Ok(())
    }
}
