//! What is wrong and what is odd, in words.

use super::average::{AverageRow, Reading};
use super::grid::{Fit, GridCell};
use super::whole::{Follows, Whole, WholeRow};
use super::{Audit, Metric, Place};
use crate::report::text::{fixed, signed};
use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Cannot be true as printed and stated.
    Wrong,
    /// Can be true; asks for a look.
    Odd,
}

impl Level {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Odd => "odd",
        }
    }
}

/// Which check found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A cell that is no share of its items.
    Grid,
    /// An average that does not follow.
    Average,
    /// A whole that its parts do not give, or give only with items left out.
    Whole,
    /// Cells that were not all brought to their digits in one way.
    Convention,
    /// A printed difference that does not follow.
    Delta,
    /// Something that stands there twice.
    Repeat,
}

impl Check {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Grid => "share",
            Self::Average => "average",
            Self::Whole => "whole",
            Self::Convention => "rounding",
            Self::Delta => "difference",
            Self::Repeat => "repeat",
        }
    }
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Which check found it.
    pub check: Check,
    /// Name of the row, if it is about one.
    pub row: Option<String>,
    /// Name of the column, if it is about one.
    pub column: Option<String>,
    /// Where in the file, if it is about a cell.
    pub place: Option<Place>,
    /// What was found, with the numbers.
    pub message: String,
}

/// All findings of an audit, wrong first.
pub(super) fn all(audit: &Audit) -> Vec<Finding> {
    let mut findings: Vec<Finding> = audit.grid.iter().filter_map(|cell| off_grid(audit, cell)).collect();
    findings.extend(averages(audit));
    findings.extend(wholes(audit));
    findings.extend(deltas(audit));
    findings.extend(convention(audit));
    findings.extend(repeats(audit));
    // A stable sort: each level keeps the order of the checks.
    findings.sort_by_key(|finding| finding.level);
    findings
}

fn at(audit: &Audit, level: Level, check: Check, row: usize, column: usize, place: Place, message: String) -> Finding {
    let (row, column) = (Some(audit.table.rows[row].clone()), Some(audit.table.columns[column].clone()));
    Finding { level, check, row, column, place: Some(place), message }
}

fn off_grid(audit: &Audit, cell: &GridCell) -> Option<Finding> {
    let Fit::None { near, fewer } = &cell.fit else { return None };
    let shares: Vec<String> = near.iter().map(|(right, share)| format!("{right} is {share}")).collect();
    let shares = if shares.is_empty() { "it lies beyond the scale".into() } else { shares.join(", ") };
    let mut message = format!("{} is no share of {}: {shares}", cell.printed, cell.trials);
    // A hint that chance alone would give more often than not is none.
    if let Some(fewer) = fewer.filter(|fewer| fewer.chance < 0.5) {
        let (of, left, chance) = (fewer.of, cell.trials - fewer.of, fixed(fewer.chance, 2));
        message += &format!("; {} of {of} would be, with {left} left out (chance alone: {chance})", fewer.right);
    }
    Some(at(audit, Level::Wrong, Check::Grid, cell.row, cell.column, cell.place, message))
}

fn averages(audit: &Audit) -> Vec<Finding> {
    let mut findings = Vec::new();
    for average in &audit.averages {
        for row in average.rows.iter().filter(|row| row.readings.is_empty()) {
            let message = no_average(row, average.parts.len());
            findings.push(at(audit, Level::Wrong, Check::Average, row.row, average.column, row.place, message));
        }
    }
    findings
}

fn no_average(row: &AverageRow, parts: usize) -> String {
    let (mean, gap) = (fixed(row.mean, 3), signed(row.gap, 3));
    let weighted =
        row.weighted.map_or(String::new(), |mean| format!("; weighted by items they give {}", fixed(mean, 3)));
    format!(
        "{} is not the mean of its {parts} cells, rounded or cut off: they give {mean} ({gap}){weighted}",
        row.printed
    )
}

fn wholes(audit: &Audit) -> Vec<Finding> {
    let mut findings = Vec::new();
    for whole in &audit.wholes {
        for row in &whole.rows {
            let (level, message) = match &row.follows {
                Follows::Counts | Follows::Rounding => continue,
                Follows::Not => (Level::Wrong, no_whole(audit, whole, row)),
                Follows::Fewer { whole: all, parts, left_out } => {
                    (Level::Odd, left_out_words(audit, whole, row, *all, parts, *left_out))
                }
            };
            findings.push(at(audit, level, Check::Whole, row.row, whole.column, row.place, message));
        }
    }
    findings
}

fn no_whole(audit: &Audit, whole: &Whole, row: &WholeRow) -> String {
    let parts = names(audit, &whole.parts);
    format!("{} does not follow from {parts}: weighted by items they give {}", row.printed, fixed(row.mean, 3))
}

fn left_out_words(
    audit: &Audit,
    whole: &Whole,
    row: &WholeRow,
    all: (u64, u64),
    parts: &[(u64, u64)],
    left_out: u64,
) -> String {
    let sum: Vec<String> = parts.iter().map(|(right, of)| format!("{right}/{of}")).collect();
    let again = audit.wholes.iter().filter(|other| other.column == whole.column && other.parts != whole.parts);
    let again = again
        .flat_map(|other| &other.rows)
        .any(|other| other.row == row.row && matches!(&other.follows, Follows::Fewer { whole, .. } if *whole == all));
    let again = if again { "; the other division gives the same" } else { "" };
    format!(
        "all cells are shares that add up once {} left out: {}/{} = {} ({}){again}",
        if left_out == 1 { "1 question is".into() } else { format!("{left_out} questions are") },
        all.0,
        all.1,
        sum.join(" + "),
        names(audit, &whole.parts)
    )
}

fn names(audit: &Audit, columns: &[usize]) -> String {
    columns.iter().map(|column| audit.table.columns[*column].as_str()).collect::<Vec<_>>().join(" + ")
}

fn deltas(audit: &Audit) -> Vec<Finding> {
    let mut findings = Vec::new();
    for delta in &audit.deltas {
        let own = |other: &str, message: String, level: Level, place: Option<Place>| {
            let other = (!other.is_empty()).then(|| other.to_owned());
            let name = Some(delta.name.clone());
            let (row, column) = if delta.row { (name, other) } else { (other, name) };
            Finding { level, check: Check::Delta, row, column, place, message }
        };
        let Some((a, b)) = &delta.of else {
            findings.push(own("", "no two rows or columns give half of these differences".into(), Level::Odd, None));
            continue;
        };
        for cell in delta.cells.iter().filter(|cell| !cell.follows) {
            let (from, less) = cell.from;
            let message =
                format!("{} is not {from} less {less}, which is {} ({a} less {b})", cell.printed, cell.expected);
            findings.push(own(&cell.name, message, Level::Wrong, Some(cell.place)));
        }
    }
    findings
}

fn convention(audit: &Audit) -> Vec<Finding> {
    let own = &audit.convention;
    if own.fits_all.any() || own.cells == 0 {
        return Vec::new();
    }
    let most = own.half_even.max(own.half_up).max(own.cut);
    let cells = own.against.iter().map(|at| &audit.grid[*at]);
    let message = |cell: &GridCell| {
        let Fit::Share { least, .. } = cell.fit else { return String::new() };
        let exact =
            fixed(least as f64 / cell.trials as f64 * audit.table.full as f64, cell.printed.decimals as usize + 2);
        let way = if own.half_even == most {
            "half to even"
        } else if own.half_up == most {
            "half up"
        } else {
            "cut off"
        };
        format!("{} is {least}/{} = {exact} in another way than most cells ({way})", cell.printed, cell.trials)
    };
    cells
        .map(|cell| at(audit, Level::Odd, Check::Convention, cell.row, cell.column, cell.place, message(cell)))
        .collect()
}

fn repeats(audit: &Audit) -> Vec<Finding> {
    let odd = |row: Option<String>, column: Option<String>, message: String| Finding {
        level: Level::Odd,
        check: Check::Repeat,
        row,
        column,
        place: None,
        message,
    };
    let rows = &audit.table.rows;
    let pairs = audit.repeats.rows.iter().map(|pair| {
        let message = format!("{} of {} cells are those of {}", pair.equal, pair.cells, rows[pair.rows.0]);
        odd(Some(rows[pair.rows.1].clone()), None, message)
    });
    let values = audit.repeats.values.iter().filter(|own| own.chance.is_some_and(|chance| chance < 0.01)).map(|own| {
        let values: Vec<String> =
            own.values.iter().map(|(value, rows)| format!("{value} in {} rows", rows.len())).collect();
        let expected = fixed(own.expected.unwrap_or_default(), 2);
        let message = format!("{}: {} equal pairs where chance gives {expected} at most", values.join(", "), own.pairs);
        odd(None, Some(audit.table.columns[own.column].clone()), message)
    });
    pairs.chain(values).collect()
}

/// What was not checked, and what the checks took for granted.
pub(super) fn notes(audit: &Audit) -> Vec<String> {
    let table = &audit.table;
    let mut notes = Vec::new();
    if table.columns.is_empty() {
        notes.push("no column of numbers: nothing to check".into());
    }
    if table.turned {
        notes.push("the file has a row for each benchmark; rows and columns have changed places here".into());
    }
    let derived = |column: usize| {
        audit.averages.iter().any(|one| one.column == column) || audit.wholes.iter().any(|one| one.column == column)
    };
    for column in table.data_columns() {
        let name = &table.columns[column];
        match audit.metrics[column] {
            None if derived(column) => {}
            None => notes.push(format!("{name}: not checked as shares, no item count is given")),
            Some(Metric::Dense { .. }) => {
                notes.push(format!("{name}: not checkable as shares, its scores are no counts of right answers"))
            }
            Some(Metric::Share { .. }) if audit.counts.iter().any(|one| one.column == column) => {}
            Some(metric) => {
                let trials = metric.trials().unwrap_or_default();
                notes.push(format!("{name}: not checkable as shares, any such digits are a share of {trials}"));
            }
        }
    }
    notes.extend(averages_in_words(audit));
    notes.extend(audit.counts.iter().filter(|one| one.fit < one.cells).filter_map(|one| {
        let samples = one.samples.filter(|samples| *samples > 1)?;
        let name = &table.columns[one.column];
        Some(format!("{name}: all cells fit {samples} answers an item"))
    }));
    notes
}

fn averages_in_words(audit: &Audit) -> impl Iterator<Item = String> + '_ {
    audit.averages.iter().map(|average| {
        let follow = average.rows.iter().filter(|row| !row.readings.is_empty()).count();
        let name = &audit.table.columns[average.column];
        let parts = names(audit, &average.parts);
        let only = |row: &&AverageRow| row.readings.first().is_some_and(|first| *first != Reading::Rounded);
        let cut: Vec<String> = average
            .rows
            .iter()
            .filter(only)
            .map(|row| format!("{} ({}, {})", row.printed, fixed(row.mean, 4), row.readings[0].words()))
            .collect();
        let cut = if cut.is_empty() { String::new() } else { format!("; not plainly rounded: {}", cut.join("; ")) };
        let (rows, gap) = (average.rows.len(), fixed(average.largest_gap(), 4));
        format!("{name}: mean of {parts}; {follow} of {rows} rows follow, by {gap} at most{cut}")
    })
}
