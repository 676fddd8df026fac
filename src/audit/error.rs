//! What can be wrong with a table or with what is said about it.

use crate::spec::suggest;

/// Names that a message lists.
const MOST_NAMES: usize = 24;

/// Why a table cannot be audited. Every message names the place and the mend.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AuditError {
    /// The file is no table of comma-separated cells.
    #[error("{table}, line {line}: {what}; {mend}")]
    NoTable {
        /// Name of the table.
        table: String,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: String,
    },
    /// A cell that must be a number is none.
    #[error(
        "{table}, line {line}, column {field} ({column}): {text:?} is no number; write digits such as 61.25, or - where \
         nothing was measured"
    )]
    NotANumber {
        /// Name of the table.
        table: String,
        /// Line, from 1.
        line: u64,
        /// Position of the column, from 1.
        field: usize,
        /// Name of the column.
        column: String,
        /// What stands there.
        text: String,
    },
    /// A column or row that no table has.
    #[error("no column or row `{name}` in {tables}{}; there are {known}", near.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
    Unknown {
        /// The name given.
        name: String,
        /// Names of the tables.
        tables: String,
        /// The nearest name.
        near: Option<String>,
        /// All names.
        known: String,
    },
    /// A count that cannot be read.
    #[error(
        "`{text}` says no count; write NAME=800, NAME=30x32 (32 answers to each of 30 items), NAME=dense or NAME=dense:1500 \
         (a score that is no share of right answers)"
    )]
    Count {
        /// What was given.
        text: String,
    },
    /// A benchmark without items.
    #[error("{name} has no items: its count is 0; give the number of questions in the benchmark, or leave {name} out")]
    Zero {
        /// Name of the benchmark.
        name: String,
    },
    /// More items than anything has.
    #[error("{name} has {given} {what}, more than the limit of {limit}; give the number of questions in the benchmark")]
    Huge {
        /// Name of the benchmark.
        name: String,
        /// What was given.
        given: String,
        /// `items` or `answers an item`.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A benchmark with two counts.
    #[error("{name} is given twice; give it once")]
    Twice {
        /// Name of the benchmark.
        name: String,
    },
    /// An average that cannot be read.
    #[error("`{text}` says no average; write AVERAGE=FIRST+SECOND, with at least two parts")]
    Average {
        /// What was given.
        text: String,
    },
    /// A file of counts that cannot be read.
    #[error(
        "{file}: {what}; write [items] with NAME = 800, NAME = \"30x32\" or NAME = {{ count = 800, source = \"...\" }}"
    )]
    ItemsFile {
        /// Name of the file.
        file: String,
        /// What the reader says.
        what: String,
    },
}

impl AuditError {
    /// A name that is not among the known ones.
    pub(super) fn unknown(name: &str, tables: &str, known: &[&str]) -> Self {
        let near = suggest::nearest(name, known.iter().copied()).map(str::to_owned);
        let mut names: Vec<&str> = Vec::new();
        for one in known {
            if !names.contains(one) {
                names.push(one);
            }
        }
        let more = names.len().saturating_sub(MOST_NAMES);
        names.truncate(MOST_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Self::Unknown { name: name.into(), tables: tables.into(), near, known: names.join(", ") + &more }
    }
}
