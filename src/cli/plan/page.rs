//! The plan as a person reads it.

use super::{Outlook, Row};
use crate::cli::table;
use crate::spec::{Collapsed, Grid};
use std::collections::BTreeMap;

/// The table of jobs, what is not there and why, and the sums.
pub(super) fn render(outlook: &Outlook<'_>) -> String {
    let cells: Vec<Vec<String>> = outlook.rows.iter().map(cells).collect();
    let table = table::render(&["id", "variant", "seed", "cached", "minutes"], &cells, &[2, 4]);
    format!("{table}\n{}{}", skips(&outlook.experiment.grid), sums(outlook))
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let status = match (row.cached, row.again) {
        (true, _) => "yes",
        (_, true) => "shared",
        _ => "no",
    };
    let minutes = row.minutes.map_or("unknown".to_string(), |minutes| format!("{minutes:.1}"));
    let job = row.job;
    vec![job.id.clone(), job.variant.clone(), job.seed.to_string(), status.to_string(), minutes]
}

/// Every cell that is excluded, by reason; every axis that does not apply; every note.
fn skips(grid: &Grid) -> String {
    let mut text = String::new();
    if !grid.excluded.is_empty() {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for out in &grid.excluded {
            reasons.entry(&out.reason).or_default().push(&out.cell);
        }
        text += &format!("excluded, {}:\n", count(grid.excluded.len(), "cell"));
        for (reason, cells) in reasons {
            text += &format!("  {reason}\n");
            cells.iter().for_each(|cell| text += &format!("    {cell}\n"));
        }
        text += "\n";
    }
    if !grid.collapsed.is_empty() {
        text += "one cell where an axis does not apply:\n";
        grid.collapsed.iter().for_each(|one| text += &collapsed(one));
        text += "\n";
    }
    if !grid.notes.is_empty() {
        grid.notes.iter().for_each(|note| text += &format!("note: {note}\n"));
        text += "\n";
    }
    text
}

fn collapsed(one: &Collapsed) -> String {
    let Collapsed { variant, axis, values, reason, cells } = one;
    let where_ = if *cells == 1 { String::new() } else { format!(", {cells} times") };
    format!("  {variant}: axis `{axis}` ({}){where_}: {reason}\n", count(*values, "value"))
}

fn sums(outlook: &Outlook<'_>) -> String {
    let time = match outlook.minutes() {
        Some(minutes) => {
            format!(
                "{minutes:.1} minutes, one job at a time (measured on {})",
                count(outlook.pace.jobs, "finished job")
            )
        }
        None => "time unknown, as no job of the kind has been measured yet".to_string(),
    };
    let disk = match outlook.bytes() {
        Some(bytes) => {
            format!("{} of disk to come (measured on {})", size(bytes), count(outlook.disk.jobs(), "finished job"))
        }
        None => "disk unknown, as no finished job of the kind began from the same policy".to_string(),
    };
    let (experiment, grid) = (outlook.experiment, &outlook.experiment.grid);
    let excluded = if grid.excluded.is_empty() { String::new() } else { format!(", {} excluded", grid.excluded.len()) };
    let jobs = format!("{} jobs, {} cached; {time}", outlook.plan.tasks.len(), outlook.cached());
    let (cells, seeds) = (count(experiment.variants.len(), "cell"), count(experiment.seeds.len(), "seed"));
    format!("{cells} x {seeds}{excluded}; {disk}\n{jobs}\n")
}

/// `1 cell`, `2 cells`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Bytes in the unit in which they are easiest to read.
fn size(bytes: f64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes / unit),
        None => format!("{bytes:.0} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable() {
        assert_eq!([0.0, 999.0, 2_500.0, 3.24e9].map(size), ["0 B", "999 B", "2.5 kB", "3.2 GB"]);
    }
}
