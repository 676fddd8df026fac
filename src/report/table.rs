//! `table.csv` and `table.tex`: the tables for further use. Measured and published rows are apart by a column or a table of their own.

use super::analysis::{Analysis, ScoreRow};
use super::error::ReportError;
use super::input::{Input, SUITES};
use super::published::{MARK, PublishedTable};
use super::sections::seeds;
use super::store::csv_bytes;
use std::fmt::Write as _;

/// The tables as CSV: `source` is `measured` or `published`; scores in points.
pub fn csv(input: &Input, analysis: &Analysis) -> Result<Vec<u8>, ReportError> {
    let mut head: Vec<String> = ["source", "split", "variant", "seeds_done", "seeds"].map(str::to_owned).into();
    for key in keys() {
        head.extend([key.to_owned(), format!("{key}_low"), format!("{key}_high")]);
    }
    let mut rows = vec![head];
    for (split, scores) in [("main", &analysis.main), ("long", &analysis.long)] {
        rows.extend(scores.iter().map(|row| measured_cells(split, row)));
    }
    if let Some(path) = &input.paper {
        for row in PublishedTable::read(path)?.rows {
            let mut cells = vec!["published".to_owned(), String::new(), row.name, String::new(), String::new()];
            for cell in row.cells {
                cells.extend([cell.map_or(String::new(), |value| format!("{value:.2}")), String::new(), String::new()]);
            }
            rows.push(cells);
        }
    }
    csv_bytes(rows)
}

fn keys() -> impl Iterator<Item = &'static str> {
    std::iter::once("avg").chain(SUITES.iter().map(|(_, key)| *key))
}

fn measured_cells(split: &str, row: &ScoreRow) -> Vec<String> {
    let mut cells: Vec<String> = vec!["measured".into(), split.into(), row.variant.clone()];
    cells.extend([row.done.to_string(), row.seeds.to_string()]);
    for cell in row.cells {
        match cell {
            Some(cell) => cells.extend([cell.mean, cell.low, cell.high].map(|value| format!("{value:.2}"))),
            None => cells.extend([String::new(), String::new(), String::new()]),
        }
    }
    cells
}

/// The tables as LaTeX for `booktabs`.
pub fn latex(input: &Input, analysis: &Analysis) -> Result<String, ReportError> {
    let mut text = String::from("% needs \\usepackage{booktabs}\n");
    let measured =
        format!("Measured at scale {}, main split: score x 100, mean and 95\\% interval", escape(&input.scale));
    measured_table(&mut text, &measured, &analysis.main);
    if !analysis.long.is_empty() {
        let measured =
            format!("Measured at scale {}, long split: score x 100, mean and 95\\% interval", escape(&input.scale));
        measured_table(&mut text, &measured, &analysis.long);
    }
    if let Some(path) = &input.paper {
        let rows = PublishedTable::read(path)?.rows;
        let body = rows.iter().map(|row| {
            let cells = row.cells.map(|cell| cell.map_or("--".into(), |value| format!("{value:.2}")));
            (row.name.clone(), cells.to_vec())
        });
        write_table(&mut text, &escape(MARK), false, body);
    }
    Ok(text)
}

fn measured_table(text: &mut String, caption: &str, rows: &[ScoreRow]) {
    let body = rows.iter().map(|row| {
        let mut cells = vec![seeds(row.done, row.seeds)];
        cells.extend(row.cells.iter().map(|cell| match cell {
            Some(cell) => format!("{:.2} {{\\scriptsize [{:.1}, {:.1}]}}", cell.mean, cell.low, cell.high),
            None => "--".into(),
        }));
        (row.variant.clone(), cells)
    });
    write_table(text, caption, true, body);
}

fn write_table(text: &mut String, caption: &str, seeds: bool, rows: impl Iterator<Item = (String, Vec<String>)>) {
    let extra = if seeds { ("r", " & Seeds") } else { ("", "") };
    let suites: String = SUITES.iter().map(|(name, _)| format!(" & {name}")).collect();
    let _ = writeln!(text, "\\begin{{table}}\n\\centering\n\\caption{{{caption}}}");
    let _ = writeln!(text, "\\begin{{tabular}}{{l{}rrrrrrr}}\n\\toprule", extra.0);
    let _ = writeln!(text, "Variant{} & Avg{suites} \\\\\n\\midrule", extra.1);
    for (name, cells) in rows {
        let _ = writeln!(text, "{} & {} \\\\", escape(&name), cells.join(" & "));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', letter]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            other => escaped.push(other),
        }
    }
    escaped
}
