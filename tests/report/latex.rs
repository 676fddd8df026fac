//! `table.tex`: sound by structure always, and by LaTeX itself where there is one.

use super::{input, row, text, tree};
use longlab::report::input::Input;
use longlab::report::{render, reread};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Names with everything that LaTeX takes for something else.
const NAMES: [&str; 5] =
    ["[1em] x", "*y*", "a & b_c 50% #1 {x} $y$", "back\\slash ~ ^ <left> |bar| \"quoted\"", "−1 × 0.9 ≤ x ≥ y → é"];

fn nasty() -> Input {
    let rows = NAMES.iter().zip([0.0, 0.25, 0.5, 0.75, 1.0]).map(|(name, score)| row(name, score)).collect();
    Input { rows, claims: vec![], scale: "micro_100%".into(), ..input() }
}

fn table(input: &Input) -> String {
    let folder = TempDir::new().expect("a folder");
    render(input, folder.path()).expect("rendered");
    text(&tree(folder.path()), "table.tex")
}

fn committed() -> Vec<String> {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let data = ["table2", "table4", "table5"].map(|name| reports.join(name).join("data"));
    data.iter().map(|data| table(&reread(data).expect("a committed report"))).collect()
}

/// Cells of a row: what stands between ampersands that are not escaped.
fn cells(line: &str) -> usize {
    line.replace("\\\\", "").replace("\\&", "").matches('&').count() + 1
}

fn check(latex: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut columns = 0;
    for line in latex.lines() {
        if let Some(name) = line.strip_prefix("\\begin{").and_then(|rest| rest.split('}').next()) {
            open.push(name);
            if let Some(layout) = line.split("}{").nth(1).filter(|_| name == "tabular") {
                columns = layout.trim_end_matches('}').len();
            }
        } else if let Some(name) = line.strip_prefix("\\end{") {
            assert_eq!(open.pop(), name.split('}').next(), "{line}");
        } else if line.ends_with("\\\\") {
            assert_eq!(cells(line), columns, "{line}");
        }
        assert!(!line.starts_with('%') || line.contains("booktabs"), "a row has become a comment: {line}");
    }
    let braces = latex.replace("\\{", "").replace("\\}", "");
    assert_eq!(braces.matches('{').count(), braces.matches('}').count());
    assert!(open.is_empty() && columns > 0, "{open:?}");
    for rule in ["\\toprule", "\\midrule", "\\bottomrule"] {
        assert_eq!(latex.matches(rule).count(), latex.matches("\\begin{tabular}").count(), "{rule}");
    }
}

#[test]
fn environments_are_closed_rows_are_even_and_signs_are_escaped() {
    committed().iter().for_each(|latex| check(latex));
    let latex = table(&nasty());
    check(&latex);
    for part in [
        "{[}1em] x &",
        "{*}y{*} &",
        "a \\& b\\_c 50\\% \\#1 \\{x\\} \\$y\\$ &",
        "back\\textbackslash{}slash \\textasciitilde{} \\textasciicircum{} \\textless{}left\\textgreater{} \\textbar{}bar\\textbar{} ''quoted'' &",
        "$-$1 $\\times$ 0.9 $\\leq$ x $\\geq$ y $\\rightarrow$ é &",
        "scale micro\\_100\\%",
    ] {
        assert!(latex.contains(part), "{part:?} is not in\n{latex}");
    }
}

/// Whether a program answers.
fn there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn latex_sets_the_tables() {
    let Some(program) = ["pdflatex", "tectonic"].into_iter().find(|program| there(program)) else {
        eprintln!(
            "SKIPPED: neither pdflatex (texlive-latex-recommended) nor tectonic is installed; nothing was compiled"
        );
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let tables: String =
        committed().into_iter().chain([table(&nasty())]).map(|table| table + "\\clearpage\n").collect();
    let document = format!(
        "\\documentclass{{article}}\n\\usepackage{{booktabs,graphicx}}\n\\begin{{document}}\n{tables}\\end{{document}}\n"
    );
    fs::write(folder.path().join("all.tex"), document).expect("written");
    let mut command = Command::new(program);
    if program == "pdflatex" {
        command.args(["-halt-on-error", "-interaction=nonstopmode"]);
    }
    let output = command.arg("all.tex").current_dir(folder.path()).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let lost: Vec<&str> = told.lines().filter(|line| line.contains("Missing character")).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let wide: Vec<&str> = told.lines().filter(|line| line.contains("Overfull \\hbox")).collect();
    assert!(wide.is_empty(), "tables run over the margin: {wide:?}");
    assert!(fs::read(folder.path().join("all.pdf")).expect("a PDF").starts_with(b"%PDF"));
}
