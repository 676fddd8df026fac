//! Findings, cells and differences as CSV.

use super::Audit;
use super::grid::Fit;

/// CSV text of rows of cells.
fn sheet(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let quoted = |cell: &String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    };
    let lines = rows.map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n");
    [head.join(",") + "\n"].into_iter().chain(lines).collect()
}

/// Every finding with its place.
pub fn findings_csv(audits: &[Audit]) -> String {
    let rows = audits.iter().flat_map(|audit| {
        audit.findings.iter().map(|one| {
            let place =
                one.place.map_or([String::new(), String::new()], |at| [at.line.to_string(), at.field.to_string()]);
            let [line, field] = place;
            let names = [audit.table.name.clone(), one.level.word().into(), one.check.word().into()];
            let names = names.into_iter().chain([one.row.clone(), one.column.clone()].map(Option::unwrap_or_default));
            names.chain([line, field, one.message.clone()]).collect()
        })
    });
    sheet(&["table", "level", "check", "row", "column", "line", "field", "message"], rows)
}

/// Every checked cell with the counts it can be.
pub fn cells_csv(audits: &[Audit]) -> String {
    let rows = audits.iter().flat_map(|audit| {
        audit.grid.iter().map(|cell| {
            let (row, column) = (audit.table.rows[cell.row].clone(), audit.table.columns[cell.column].clone());
            let fit = match &cell.fit {
                Fit::Share { least, most, ways } => {
                    let yes = |way: bool| if way { "yes" } else { "no" }.to_owned();
                    let ways = [yes(ways.half_up), yes(ways.half_even), yes(ways.cut)];
                    [vec!["share".to_owned(), least.to_string(), most.to_string()], ways.to_vec()].concat()
                }
                Fit::None { .. } => [vec!["none".to_owned()], vec![String::new(); 5]].concat(),
                Fit::Free => [vec!["any".to_owned()], vec![String::new(); 5]].concat(),
            };
            let place = [cell.place.line.to_string(), cell.place.field.to_string()];
            let own = [audit.table.name.clone(), row, column].into_iter().chain(place);
            own.chain([cell.printed.to_string(), cell.trials.to_string()]).chain(fit).collect()
        })
    });
    let head = ["table", "row", "column", "line", "field", "printed", "answers", "fits", "least", "most"];
    sheet(&[&head[..], &["half_up", "half_even", "cut_off"]].concat(), rows)
}

/// Every difference of two rows beside the smallest effect of its column.
pub fn differences_csv(audits: &[Audit]) -> String {
    let points = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
    let rows = audits.iter().flat_map(move |audit| {
        audit.effects.differences.iter().map(move |one| {
            let effect = audit.effects.of_column(one.column);
            let name = |row: usize| audit.table.rows[row].clone();
            let own = [audit.table.name.clone(), audit.table.columns[one.column].clone()];
            let own = own.into_iter().chain([name(one.rows.0), name(one.rows.1), format!("{:.2}", one.points)]);
            let limits = [effect.and_then(|effect| effect.apart), effect.and_then(|effect| effect.paired)];
            own.chain(limits.map(points)).chain([one.reach.words().to_owned()]).collect()
        })
    });
    sheet(&["table", "column", "row", "less", "points", "smallest_apart", "smallest_paired", "effect"], rows)
}
