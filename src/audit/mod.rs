//! What a published table of scores can and cannot mean, from its printed digits alone.
//!
//! | check | question |
//! |---|---|
//! | [`grid`] | can the cell be a share of its items at all (GRIM), and what are the nearest shares |
//! | [`average`], [`whole`] | does the average follow from its cells, plain, weighted, rounded or cut off; do the parts add up to the whole |
//! | [`convention`] | are the cells rounded or cut off |
//! | [`delta`] | do printed differences follow |
//! | [`repeat`] | which rows and values stand there twice |
//! | [`effect`] | what is the smallest effect the table can show, and which differences reach it |
//!
//! Everything is exact: digits are whole numbers, shares are fractions; floating point enters with the standard errors.
//! Nothing here reads a file; [`Table::parse`] takes the bytes of a CSV file and [`Settings`] says what the columns are.
//!
//! ```
//! use longlab::audit::{Settings, Table, audit};
//! let mut settings = Settings::default();
//! settings.items.add_list("math=800,code=503").unwrap();
//! let table = Table::parse("t.csv", b"model,avg,math,code\nA,55.69,62.26,49.11\nB,58.43,61.25,55.27\n", &settings).unwrap();
//! let audit = audit(table, &settings).unwrap();
//! let wrong: Vec<&str> = audit.findings.iter().map(|finding| finding.message.as_str()).collect();
//! assert_eq!(wrong.len(), 2, "{wrong:?}");
//! assert!(wrong[0].contains("62.26 is no share of 800"), "{wrong:?}");
//! assert!(wrong[1].contains("58.43") && wrong[1].contains("58.260"), "{wrong:?}");
//! ```

pub mod average;
pub mod convention;
pub mod delta;
pub mod effect;
mod error;
mod finding;
pub mod grid;
pub mod items;
pub mod number;
mod page;
pub mod repeat;
mod sheet;
mod table;
pub mod whole;

pub use effect::{Reach, smallest_effect};
pub use error::AuditError;
pub use finding::{Check, Finding, Level};
pub use items::{Items, Metric, Settings};
pub use number::Printed;
pub use page::{card, report};
pub use sheet::{cells_csv, differences_csv, findings_csv};
pub use table::{Cell, Place, Table};

use serde::Serialize;

/// Everything that was found out about one table.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The table, its rows being what is compared and its columns the benchmarks.
    pub table: Table,
    /// What the columns were taken to be; `None` where no count was given.
    pub metrics: Vec<Option<Metric>>,
    /// Each cell of a metric that is a share, against the shares it can be.
    pub grid: Vec<grid::GridCell>,
    /// How well each column fits its item count, and what chance would give.
    pub counts: Vec<grid::ColumnFit>,
    /// Averages, with every row.
    pub averages: Vec<average::Average>,
    /// Columns that are parts of another one, with every row.
    pub wholes: Vec<whole::Whole>,
    /// How cells were brought to their digits.
    pub convention: convention::Convention,
    /// Printed differences.
    pub deltas: Vec<delta::Delta>,
    /// Rows and values that stand there twice.
    pub repeats: repeat::Repeats,
    /// What the table can show.
    pub effects: effect::Effects,
    /// What is wrong or odd, wrong first.
    pub findings: Vec<Finding>,
    /// What was not checked, and why.
    pub notes: Vec<String>,
}

impl Audit {
    /// The number of findings of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// Audits a table.
///
/// # Errors
/// An average of the settings names parts that the table lacks while having the average itself.
pub fn audit(table: Table, settings: &Settings) -> Result<Audit, AuditError> {
    let metrics: Vec<Option<Metric>> = table.columns.iter().map(|name| settings.items.metric(name)).collect();
    let full = table.full;
    let grid = grid::check(&table, &metrics, full);
    let counts = grid::columns(&metrics, &grid, full);
    let wholes = whole::check(&table, &metrics, &grid, full);
    let averages = average::check(&table, &metrics, &wholes, settings)?;
    let convention = convention::of(&grid);
    let deltas = delta::check(&table);
    let repeats = repeat::check(&table, &metrics, &averages, &wholes, full);
    let effects = effect::of(&table, &metrics, &averages, full);
    let mut audit = Audit {
        table,
        metrics,
        grid,
        counts,
        averages,
        wholes,
        convention,
        deltas,
        repeats,
        effects,
        findings: Vec::new(),
        notes: Vec::new(),
    };
    audit.findings = finding::all(&audit);
    audit.notes = finding::notes(&audit);
    Ok(audit)
}
