//! `table.tex`: the tables for `booktabs`. Measured and published rows stand in tables of their own.

use super::analysis::{Analysis, ScoreRow};
use super::error::ReportError;
use super::input::{Input, SUITES};
use super::published::{MARK, PublishedTable};
use super::sections::seeds;
use std::fmt::Write as _;

/// The tables as LaTeX for `booktabs`; one that is wider than the text is made smaller (`graphicx`).
pub fn latex(input: &Input, analysis: &Analysis) -> Result<String, ReportError> {
    let mut text = String::from("% needs \\usepackage{booktabs,graphicx}\n");
    for (split, rows) in [("main", &analysis.main), ("long", &analysis.long)] {
        if split == "main" || !rows.is_empty() {
            let scale = escape(&input.scale);
            let caption = format!("Measured at scale {scale}, {split} split: score x 100, mean and 95\\% interval");
            write_table(&mut text, &caption, true, rows.iter().flat_map(measured_lines));
        }
    }
    if let Some(path) = &input.paper {
        let rows = PublishedTable::read(path)?.rows;
        let body = rows.iter().map(|row| {
            let cells = row.cells.map(|cell| cell.map_or(NOTHING.into(), |value| format!("{value:.2}")));
            line(&row.name, cells)
        });
        write_table(&mut text, &escape(MARK), false, body);
    }
    Ok(text)
}

const NOTHING: &str = "--";

/// A line of means and, where there are any, one of intervals below them: side by side they would not fit on a page.
fn measured_lines(row: &ScoreRow) -> Vec<String> {
    let means = row.cells.iter().map(|cell| cell.map_or(NOTHING.into(), |cell| format!("{:.2}", cell.mean)));
    let ends = row
        .cells
        .iter()
        .map(|cell| cell.map_or(String::new(), |cell| format!("{{\\scriptsize [{:.1}, {:.1}]}}", cell.low, cell.high)));
    let mut lines = vec![line(&row.variant, [seeds(row.done, row.seeds)].into_iter().chain(means))];
    if row.cells.iter().any(Option::is_some) {
        lines.push(line("", [String::new()].into_iter().chain(ends)));
    }
    lines
}

fn line(name: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = [escape(name)].into_iter().chain(cells).collect();
    format!("{} \\\\", cells.join(" & "))
}

fn write_table(text: &mut String, caption: &str, seeds: bool, lines: impl Iterator<Item = String>) {
    let extra = if seeds { ("r", " & Seeds") } else { ("", "") };
    let suites: String = SUITES.iter().map(|(name, _)| format!(" & {name}")).collect();
    let _ = writeln!(text, "\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n{FIT}%");
    let _ = writeln!(text, "\\begin{{tabular}}{{l{}rrrrrrr}}\n\\toprule", extra.0);
    let _ = writeln!(text, "Variant{} & Avg{suites} \\\\\n\\midrule", extra.1);
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text.push_str("\\bottomrule\n\\end{tabular}}\n\\end{table}\n");
}

/// Opens a box that is as wide as its contents, or as the text where that is less.
const FIT: &str = "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{";

/// Text with everything that LaTeX would take as a command, or set as another sign, written out.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', letter]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            // At the start of a row they would belong to the `\\` before it.
            '[' => escaped.push_str("{[}"),
            '*' => escaped.push_str("{*}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            // The straight mark is in no font that LaTeX begins with.
            '"' => escaped.push_str("''"),
            '−' => escaped.push_str("$-$"),
            '×' => escaped.push_str("$\\times$"),
            '≤' => escaped.push_str("$\\leq$"),
            '≥' => escaped.push_str("$\\geq$"),
            '→' => escaped.push_str("$\\rightarrow$"),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
