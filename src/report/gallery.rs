//! `reports/index.html`: a card for every report in a folder, made from their `summary.json` alone.

use super::card::{Card, CardKind, ClaimCard};
use super::csvfile::write_whole;
use super::error::ReportError;
use super::html::{escape, page};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const TITLE: &str = "Experiments";
const MEND: &str = "give the folder of rendered reports by --reports";

/// What a gallery shows.
#[derive(Debug)]
pub struct Gallery {
    /// Its page.
    pub page: PathBuf,
    /// Cards on it.
    pub cards: usize,
    /// Folders with a page and no summary: reports of an older version, to be rendered again.
    pub without: Vec<String>,
}

/// Writes the gallery of a folder of reports. The same summaries give the same bytes, in whatever order they were made.
pub fn gallery(reports: &Path) -> Result<Gallery, ReportError> {
    let (mut cards, mut without) = (Vec::new(), Vec::new());
    for (name, folder) in folders(reports)? {
        match Card::read(&folder)? {
            // The folder is what links lead to, whatever the report calls itself.
            Some(card) if card.is_older() => without.push(name),
            Some(card) => cards.push(Card { name, ..card }),
            None if folder.join("report.html").exists() => without.push(name),
            None => {}
        }
    }
    // Experiments before audits, each by name.
    cards.sort_by(|left, right| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
    let page = reports.join("index.html");
    write_whole(&page, render(&cards).as_bytes())?;
    Ok(Gallery { page, cards: cards.len(), without })
}

fn folders(reports: &Path) -> Result<Vec<(String, PathBuf)>, ReportError> {
    let read = std::fs::read_dir(reports).map_err(|source| ReportError::read(reports, source, MEND))?;
    let mut folders = Vec::new();
    for entry in read {
        let path = entry.map_err(|source| ReportError::read(reports, source, MEND))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') {
            folders.push((name, path));
        }
    }
    folders.sort();
    Ok(folders)
}

fn render(cards: &[Card]) -> String {
    let mut body = String::new();
    // Experiments share jobs and take over claims: each counts once.
    let jobs: BTreeMap<&String, f64> =
        cards.iter().flat_map(|card| card.jobs.iter().map(|(id, seconds)| (id, *seconds))).collect();
    let claims = cards.iter().flat_map(|card| &card.claims);
    let claims: BTreeSet<_> = claims.map(|claim| (&claim.verdict, &claim.text, &claim.measure)).collect();
    let of = |word: &str| claims.iter().filter(|(verdict, ..)| *verdict == word).count();
    let experiments = cards.iter().filter(|card| card.kind == CardKind::Experiment).count();
    let _ = writeln!(
        body,
        "<p>{experiments} experiments, {} jobs, {:.0} minutes. Claims: {} reproduced, {} contradicted, {} not resolved. \
         All numbers were measured here unless they are marked as published.</p>\n<ul class=\"cards\">",
        jobs.len(),
        jobs.values().sum::<f64>() / 60.0,
        of("reproduced"),
        of("contradicted"),
        of("not resolved")
    );
    cards.iter().for_each(|card| write_card(&mut body, card));
    body.push_str("</ul>\n");
    page(TITLE, "", &body) + "</body>\n</html>\n"
}

fn write_card(text: &mut String, card: &Card) {
    let folder = escape(&card.name);
    let _ = writeln!(text, "<li class=\"card\">");
    if let Some(plot) = &card.plot {
        let (file, caption) = (escape(&plot.file), escape(&plot.caption));
        let _ = writeln!(
            text,
            "<a class=\"picture\" href=\"{folder}/report.html\"><img src=\"{folder}/{file}\" alt=\"{caption}\" loading=\"lazy\"></a>"
        );
    }
    let _ = writeln!(text, "<h2><a href=\"{folder}/report.html\">{}</a></h2>", escape(&card.title));
    let facts: Vec<String> = card.facts.iter().filter_map(fact).collect();
    let _ = writeln!(text, "<p class=\"facts\">{folder}: {}</p>", facts.join(", "));
    write_claims(text, &card.claims);
    let links: Vec<String> = card.files.iter().map(|file| link(&folder, file)).collect();
    let _ = writeln!(text, "<p class=\"links\">{}</p>\n</li>", links.join(" "));
}

/// Jobs that failed or wait are a fact only where there are any.
fn fact((name, number): &(String, f64)) -> Option<String> {
    let silent = *number == 0.0 && name.starts_with("jobs ");
    (!silent).then(|| escape(&format!("{number} {}", if *number == 1.0 { singular(name) } else { name })))
}

fn singular(name: &str) -> &str {
    match name {
        "jobs done" => "job done",
        "jobs failed" => "job failed",
        "jobs pending" => "job pending",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

fn link(folder: &str, file: &str) -> String {
    let file = escape(file);
    let name = if file == "report.html" { "report" } else { file.rsplit('.').next().unwrap_or(&file) };
    let name = if file.starts_with("report") || file.starts_with("table") { name } else { &file };
    format!("<a href=\"{folder}/{file}\">{name}</a>")
}

fn write_claims(text: &mut String, claims: &[ClaimCard]) {
    if claims.is_empty() {
        return;
    }
    let chip = |(word, class): (&str, &str)| {
        let number = claims.iter().filter(|claim| claim.verdict == word).count();
        (number > 0).then(|| format!("<span class=\"chip {class}\">{number} {word}</span>"))
    };
    let words = [("reproduced", "reproduced"), ("contradicted", "contradicted"), ("not resolved", "unresolved")];
    let chips: String = words.into_iter().filter_map(chip).collect();
    let entries: String = claims
        .iter()
        .map(|claim| format!("<li>{} ({}): {}</li>\n", escape(&claim.text), escape(&claim.measure), claim.verdict))
        .collect();
    let _ = writeln!(text, "<details><summary>{chips}</summary>\n<ul>\n{entries}</ul>\n</details>");
}
