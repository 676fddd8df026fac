//! `summary.json` and the gallery made from it.

use super::{claim, input, text, tree};
use longlab::report::card::{Card, CardKind};
use longlab::report::input::Input;
use longlab::report::{gallery, render};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn reports() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    render(&input(), &folder.path().join("tiny")).expect("rendered");
    let other = Input { title: "No claims & <none>".into(), claims: vec![], ..input() };
    render(&other, &folder.path().join("another")).expect("rendered");
    folder
}

#[test]
fn a_report_leaves_its_summary_for_programs() {
    let folder = reports();
    let card = Card::read(&folder.path().join("tiny")).expect("sound").expect("there");
    assert_eq!((card.kind, card.name.as_str()), (CardKind::Experiment, "tiny"));
    let facts = ["variants", "seeds", "jobs done", "jobs failed", "minutes", "answers"].map(|name| card.fact(name));
    assert_eq!(facts, [2.0, 2.0, 4.0, 0.0, 4.0, 288.0].map(Some));
    let verdicts: Vec<&str> = card.claims.iter().map(|claim| claim.verdict.as_str()).collect();
    assert_eq!(verdicts, ["reproduced", "contradicted", "not resolved"]);
    assert_eq!((card.claims[0].difference, card.claims[0].published), (Some(25.0), Some(3.29)));
    assert_eq!((card.variants[1].name.as_str(), card.variants[1].avg), ("AEPO", Some(75.0)));
    for file in card.files.iter().chain(card.plot.iter().map(|plot| &plot.file)) {
        assert!(folder.path().join("tiny").join(file).exists(), "{file}");
    }
    // No date and no path: the same report has the same summary wherever and whenever it is rendered.
    let written = fs::read_to_string(folder.path().join("tiny/summary.json")).expect("text");
    assert!(!written.contains("date") && !written.contains(&folder.path().display().to_string()), "{written}");
}

#[test]
fn the_gallery_is_a_function_of_the_summaries() {
    let folder = reports();
    fs::create_dir_all(folder.path().join("old")).expect("a folder");
    fs::write(folder.path().join("old/report.html"), "").expect("written");
    fs::create_dir_all(folder.path().join(".hidden")).expect("a folder");
    // A summary that does not name its jobs is one of an older version.
    fs::create_dir_all(folder.path().join("older")).expect("a folder");
    let summary = fs::read(folder.path().join("tiny/summary.json")).expect("a summary");
    let mut summary: serde_json::Value = serde_json::from_slice(&summary).expect("JSON");
    assert!(summary.as_object_mut().expect("an object").remove("jobs").is_some());
    fs::write(folder.path().join("older/summary.json"), summary.to_string()).expect("written");
    let made = gallery(folder.path()).expect("sound summaries");
    assert_eq!((made.cards, made.without), (2, vec!["old".to_string(), "older".to_string()]));
    let page = fs::read(&made.page).expect("a page");
    gallery(folder.path()).expect("sound summaries");
    assert_eq!(fs::read(&made.page).expect("a page"), page);
    let page = String::from_utf8(page).expect("text");
    for part in [
        "<a href=\"tiny/report.html\">AEPO &amp; GRPO</a>",
        "<img src=\"tiny/scores.svg\" alt=\"Measured scores",
        "tiny: 2 variants, 2 seeds, 4 jobs done, 4 minutes, 288 answers",
        "<span class=\"chip reproduced\">1 reproduced</span><span class=\"chip contradicted\">1 contradicted</span>",
        "<li>GRPO beats AEPO (MRCR): contradicted</li>",
        "<a href=\"tiny/table.tex\">tex</a>",
        "No claims &amp; &lt;none&gt;",
        // Both stand on the same four jobs.
        "2 experiments, 4 jobs, 4 minutes. Claims: 1 reproduced, 1 contradicted, 1 not resolved.",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    assert!(page.find("another/report.html") < page.find("tiny/report.html"), "by name");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("<script"));

    fs::write(folder.path().join("tiny/summary.json"), "{\"kind\": \"exper").expect("written");
    let error = gallery(folder.path()).expect_err("a torn summary").to_string();
    assert!(error.contains("tiny/summary.json, line 1") && error.contains("render the report again"), "{error}");
}

#[test]
fn the_summary_of_a_failed_claim_says_so() {
    let folder = TempDir::new().expect("a folder");
    let mut input = Input { claims: vec![claim("AEPO", "GRPO", "avg")], ..input() };
    input.rows[0].seeds.iter_mut().for_each(|run| run.status = longlab::report::input::Status::Failed);
    render(&input, folder.path()).expect("rendered");
    let card = Card::read(folder.path()).expect("sound").expect("there");
    assert_eq!((card.claims[0].verdict.as_str(), card.claims[0].difference), ("not resolved", None));
    assert_eq!((card.fact("jobs done"), card.fact("jobs failed")), (Some(2.0), Some(2.0)));
    assert!(text(&tree(folder.path()), "summary.json").contains("\"reason\": \"nothing measured\""));
}

#[test]
fn the_committed_gallery_is_that_of_the_committed_reports() {
    let committed = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/reports"));
    let folder = TempDir::new().expect("a folder");
    for entry in fs::read_dir(committed).expect("reports") {
        let path = entry.expect("readable").path();
        let summary = path.join("summary.json");
        if summary.exists() {
            let own = folder.path().join(path.file_name().expect("named"));
            fs::create_dir_all(&own).expect("a folder");
            fs::copy(summary, own.join("summary.json")).expect("copied");
        }
    }
    let made = gallery(folder.path()).expect("sound summaries");
    let read = |path: &Path| fs::read_to_string(path).expect("a gallery");
    assert!(made.cards > 0);
    assert!(read(&made.page) == read(&committed.join("index.html")), "give `longlab gallery` again");
}
