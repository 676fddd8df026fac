//! The report room from outside: what is in a report, where it comes from, and what is refused.

#[path = "report/browser.rs"]
mod browser;
#[path = "report/gallery.rs"]
mod gallery;
#[path = "report/latex.rs"]
mod latex;
#[path = "report/page.rs"]
mod page;

use longlab::report::input::{Claim, Done, Figure, Input, Item, Metrics, Row, SUITES, SeedRun, Status};
use longlab::report::{ReportError, gather, gather_or_reread, render, reread};
use longlab::spec;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn paper() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/paper")
}

/// A run that scores the same on every item, so that every interval is its mean.
fn run(variant: &str, seed: u64, score: f64) -> SeedRun {
    let items = SUITES.iter().flat_map(|(suite, _)| {
        (0..3).map(move |item| Item {
            split: "main".into(),
            suite: (*suite).into(),
            item,
            task: "reading".into(),
            score,
            counts: [2, 1, 1, 0, 0],
        })
    });
    let latch = f64::from(u8::from(variant == "AEPO" && seed == 0));
    let rows = (1..=4).map(|step| {
        let step = f64::from(step);
        vec![Some(step), Some(0.1 * step), Some(0.3 + 0.01 * seed as f64), Some(40.0), Some(latch), None]
    });
    let columns = ["step", "reward", "entropy", "response_tokens", "latch", "reward_reading"];
    SeedRun {
        seed,
        job: format!("{variant}-{seed}"),
        status: Status::Done,
        metrics: Metrics { columns: columns.map(str::to_owned).into(), rows: rows.collect() },
        items: items.collect(),
        responses: vec![],
        done: Some(Done { seconds: 60.0, train_seconds: 45.0, eval_seconds: 15.0, ..Done::default() }),
        provenance: BTreeMap::from([("cpu".into(), "a < b & c".into())]),
    }
}

fn row(variant: &str, score: f64) -> Row {
    let seeds = (0..2).map(|seed| run(variant, seed, score)).collect();
    Row { variant: variant.into(), paper_row: variant.into(), entropy: None, seeds }
}

fn claim(better: &str, worse: &str, measure: &str) -> Claim {
    let text = format!("{better} beats {worse}");
    Claim { text, better: better.into(), worse: worse.into(), measure: measure.into(), at: None }
}

fn input() -> Input {
    Input {
        name: "tiny".into(),
        title: "AEPO & GRPO".into(),
        scale: "micro".into(),
        paper: Some(paper().join("table5.csv")),
        rows: vec![row("GRPO", 0.5), row("AEPO", 0.75)],
        claims: vec![claim("AEPO", "GRPO", "avg"), claim("GRPO", "AEPO", "MRCR"), claim("AEPO", "GRPO", "reward")],
        figures: vec![Figure {
            title: "Entropy".into(),
            file: paper().join("figures/fig11_aepo_entropy_30b.csv"),
            unit: "nats".into(),
        }],
        scatter: None,
    }
}

/// All files under a folder with their bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(
                tree(&path)
                    .into_iter()
                    .map(|(name, bytes)| (Path::new(path.file_name().expect("named")).join(name), bytes)),
            );
        } else {
            files.insert(path.file_name().expect("named").into(), fs::read(&path).expect("readable"));
        }
    }
    files
}

fn text(files: &BTreeMap<PathBuf, Vec<u8>>, name: &str) -> String {
    String::from_utf8(files[Path::new(name)].clone()).expect("text")
}

#[test]
fn a_report_holds_its_parts_and_is_rendered_again_from_its_data() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("tiny");
    let rendered = render(&input(), &out).expect("a sound input");
    let files = tree(&out);
    let words: Vec<&str> = rendered.verdicts.iter().map(|verdict| verdict.word()).collect();
    assert_eq!(words, ["reproduced", "contradicted", "not resolved"]);
    let published: Vec<Option<f64>> = rendered.verdicts.iter().map(|verdict| verdict.published).collect();
    assert!((published[0].expect("both rows are in Table 5") - 3.29).abs() < 1e-9, "{published:?}");
    assert!((published[1].expect("both rows are in Table 5") + 6.98).abs() < 1e-9, "{published:?}");
    assert_eq!(published[2], None);

    check_tables(&files);
    check_texts(&files);
    for name in ["scores", "curves", "published"] {
        let svg = text(&files, &format!("{name}.svg"));
        assert!(svg.starts_with("<svg") && svg.matches("<text").count() > 10, "{name}.svg");
        let png = &files[Path::new(&format!("{name}.png"))];
        assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000, "{name}.png has {} bytes", png.len());
    }
    assert!(!files.contains_key(Path::new("tasks.svg")), "no task type was in any batch");

    // The data folder is enough, and moving it changes nothing.
    let moved = folder.path().join("elsewhere");
    fs::rename(out.join("data"), &moved).expect("a free name");
    fs::remove_dir_all(&out).expect("the old report");
    render(&reread(&moved).expect("the data"), &out).expect("a sound input");
    let again = tree(&out);
    let differing: Vec<_> =
        files.iter().filter(|(name, bytes)| again.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    assert!(differing.is_empty() && again.len() == files.len(), "{differing:?}");
}

fn check_tables(files: &BTreeMap<PathBuf, Vec<u8>>) {
    let csv = text(files, "table.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("source,split,variant,seeds_done,seeds,avg,avg_low,avg_high,docmath,docmath_low,"));
    assert_eq!(lines[1], format!("measured,main,GRPO,2,2{}", ",50.00,50.00,50.00".repeat(7)));
    assert_eq!(lines[2], format!("measured,main,AEPO,2,2{}", ",75.00,75.00,75.00".repeat(7)));
    assert_eq!(lines[5], "published,,AEPO,,,59.36,,,62.50,,,47.91,,,67.35,,,47.88,,,64.69,,,65.80,,");
    assert_eq!(lines.len(), 6);
    let latex = text(files, "table.tex");
    let measured =
        format!("AEPO & 2{} \\\\\n & {} \\\\\n", " & 75.00".repeat(7), " & {\\scriptsize [75.0, 75.0]}".repeat(7));
    assert!(latex.contains(&measured), "{latex}");
    assert!(
        latex.lines().any(|line| line == "GRPO & 56.07 & 61.25 & 44.33 & 67.11 & 40.90 & 58.75 & 64.10 \\\\"),
        "{latex}"
    );
    // Measured and published stand in tables of their own.
    let tables: Vec<&str> = latex.split("\\begin{table}").skip(1).collect();
    assert_eq!(tables.len(), 2);
    assert!(!tables[0].contains("published") && !tables[0].contains("56.07"));
    assert!(
        tables[1].contains("published (QwenLong-L1.5, arXiv 2512.12967, Qwen3-4B)") && !tables[1].contains("75.00")
    );
    let items = text(files, "data/items.csv");
    assert!(
        items.starts_with(
            "variant,seed,job,split,suite,item,task,score,answers,right,wrong,unparsable,truncated,failed\n"
        )
    );
    assert_eq!(items.lines().nth(1), Some("GRPO,0,GRPO-0,main,DocMath,0,reading,0.5,4,2,1,1,0,0"));
}

fn check_texts(files: &BTreeMap<PathBuf, Vec<u8>>) {
    let html = text(files, "report.html");
    assert!(!html.contains("http:") && !html.contains("https:"), "an address in the page");
    assert!(!html.contains("url(") && !html.contains("<link") && !html.contains("src=") && !html.contains("@import"));
    assert_eq!(html.matches("<svg").count(), 3);
    assert!(html.contains("AEPO &amp; GRPO") && html.contains("a &lt; b &amp; c"));
    let markdown = text(files, "report.md");
    for part in [
        "Intervals over so few seeds are unreliable: 2 seeds",
        "| AEPO beats GRPO | avg | reproduced (the sign; no comparable size published) | +25.00 points <sub>25.00 to 25.00</sub> |",
        "| GRPO beats AEPO | MRCR | contradicted (an effect that was not claimed) | −25.00 points",
        "| +3.29 points |",
        "| AEPO | main | 144 | 72 <sub>50.0%</sub> | 36 <sub>25.0%</sub> | 36 <sub>25.0%</sub> | 0 <sub>0.0%</sub> | 0 <sub>0.0%</sub> |",
        "![Measured scores",
        "(scores.png)",
        "means of the first and the last 2 steps",
        "Compute: 4.0 minutes over 4 jobs (3.0 training, 1.0 evaluation).",
        "| AEPO | 1 | AEPO-1 | done | 1.0 |",
    ] {
        assert!(markdown.contains(part), "{part:?} is not in\n{markdown}");
    }
}

const SPEC: &str = r#"
[experiment]
name = "tiny"
title = "Tiny"
paper = "table5"
scale = "micro"
seeds = [0, 1]
[[variant]]
name = "GRPO"
[[variant]]
name = "AEPO"
"aepo.mode" = "latch"
[[claim]]
text = "AEPO beats GRPO"
better = "AEPO"
worse = "GRPO"
measure = "avg"
"#;

/// Result folders in which the job of AEPO, seed 1 failed.
fn results(folder: &Path) {
    let jobs = "variant,seed,id,status\nGRPO,0,a,done\nGRPO,1,b,done\nAEPO,0,c,done\nAEPO,1,d,failed\n";
    write(&folder.join("tiny/jobs.csv"), jobs);
    for (id, score) in [("a", "0"), ("b", "0.5"), ("c", "1")] {
        let job = folder.join("jobs").join(id);
        let answers = SUITES.iter().flat_map(|(suite, _)| {
            (0..2).map(move |answer| {
                format!("main,{suite},0,numeric,{answer},{},{score},20\n", if answer == 0 { "right" } else { "failed" })
            })
        });
        write(
            &job.join("outcomes.csv"),
            &format!("split,suite,item,task,answer,status,score,tokens\n{}", answers.collect::<String>()),
        );
        write(&job.join("metrics.csv"), "step,reward,entropy,response_tokens\n1,0.25,0.5,40\n2,0.5,0.5,41\n");
        write(
            &job.join("done.json"),
            &format!("{{\"id\":\"{id}\",\"seconds\":30,\"train_seconds\":20,\"eval_seconds\":10}}"),
        );
        write(&job.join("provenance.json"), "{\"git\":{\"commit\":\"abc\",\"dirty\":false},\"gpus\":[]}");
        write(
            &job.join("timing.csv"),
            "step,rollout_seconds,rollout_tokens,update_seconds,update_tokens\n1,2,400,1,900\n",
        );
    }
    write(&folder.join("jobs/d/log.txt"), "the job broke");
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a writable folder");
    fs::write(path, text).expect("a writable folder");
}

fn gathered(folder: &Path) -> Result<Input, ReportError> {
    let experiment = spec::parse(SPEC, Path::new("tiny.toml")).expect("a sound spec");
    gather(&experiment, folder, &paper())
}

#[test]
fn a_failed_seed_is_shown_and_enters_no_mean() {
    let folder = TempDir::new().expect("a folder");
    results(folder.path());
    let input = gathered(folder.path()).expect("sound results");
    let failed = &input.rows[1].seeds[1];
    assert_eq!((failed.status, failed.job.as_str(), failed.items.len()), (Status::Failed, "d", 0));
    let run = &input.rows[0].seeds[1];
    assert_eq!((run.items[0].score, run.items[0].counts), (0.5, [1, 0, 0, 0, 1]));
    assert_eq!(run.done.and_then(|done| done.rollout_rate), Some(200.0));
    assert_eq!(run.provenance["git.commit"], "abc");

    let out = folder.path().join("report");
    let rendered = render(&input, &out).expect("sound results");
    assert_eq!(rendered.verdicts[0].seeds, 1);
    let files = tree(&out);
    // The failed seed does not pull AEPO's mean below the score of the seed that finished.
    assert!(
        text(&files, "table.csv").contains(&format!("measured,main,AEPO,1,2{}", ",100.00,100.00,100.00".repeat(7)))
    );
    let markdown = text(&files, "report.md");
    for part in
        ["| AEPO | 1 of 2 |", "AEPO: seed 1 failed (job d)", "| AEPO | 1 | d | failed | – |", "18 answers failed"]
    {
        assert!(markdown.contains(part), "{part:?} is not in\n{markdown}");
    }
    // With the results gone, the report still has its data.
    let experiment = spec::parse(SPEC, Path::new("tiny.toml")).expect("a sound spec");
    let kept = gather_or_reread(&experiment, &folder.path().join("gone"), &paper(), &out).expect("the data");
    assert_eq!(kept.rows, input.rows);
}

#[test]
fn bad_results_name_the_file_the_line_and_the_mend() {
    let folder = TempDir::new().expect("a folder");
    results(folder.path());
    let outcomes = folder.path().join("jobs/b/outcomes.csv");
    let sound = fs::read_to_string(&outcomes).expect("written before");
    let message = |broken: &str| {
        fs::write(&outcomes, broken).expect("a writable folder");
        gathered(folder.path()).expect_err("broken outcomes").to_string()
    };
    let place = |line: u32| format!("jobs/b/outcomes.csv, line {line}: ");
    let cut = message(&sound[..sound.len() - 8]);
    assert!(cut.contains(&place(13)) && cut.contains("cut short") && cut.contains("delete the job folder"), "{cut}");
    let suite = message(&sound.replacen("LBV2", "LBV3", 1));
    assert!(suite.contains(&place(4)) && suite.contains("\"LBV3\" is none of DocMath"), "{suite}");
    let status = message(&sound.replacen("failed", "maybe", 1));
    assert!(status.contains(&place(3)) && status.contains("\"maybe\" is none of right"), "{status}");
    let score = message(&sound.replacen("0.5", "1.5", 1));
    assert!(score.contains(&place(2)) && score.contains("1.5 is not within 0..1"), "{score}");
    let column = message("split,suite\n");
    assert!(column.contains(&place(1)) && column.contains("no column \"item\" among split,suite"), "{column}");
    fs::remove_file(&outcomes).expect("written before");
    let missing = gathered(folder.path()).expect_err("no outcomes").to_string();
    assert!(
        missing.contains("cannot read")
            && missing.contains("jobs/b/outcomes.csv")
            && missing.contains("run the experiment again"),
        "{missing}"
    );
    let none = gathered(&folder.path().join("nowhere")).expect_err("no results").to_string();
    assert!(none.contains("tiny/jobs.csv") && none.contains("run the experiment first"), "{none}");
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_written() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("tiny");
    let message = |input: &Input| render(input, &out).expect_err("an unsound input").to_string();
    let mut unknown = input();
    unknown.claims[0].better = "AEP0".into();
    assert!(message(&unknown).contains("no variant \"AEP0\"; the variants are GRPO, AEPO"));
    let mut measure = input();
    measure.claims[0].measure = "average".into();
    assert!(message(&measure).contains("no measure \"average\"; the measures are avg, DocMath"));
    let mut short = input();
    short.rows[1].seeds[1].items.pop();
    assert!(
        message(&short).contains("variant AEPO: seed 1 has 2 items in LBV1-QA, seed 0 has 3"),
        "{}",
        message(&short)
    );
    let mut table = input();
    table.paper = Some(paper().join("table99.csv"));
    assert!(message(&table).contains("table99.csv") && message(&table).contains("restore the file"));
    assert!(!out.exists());
}

#[test]
fn every_published_table_and_curve_of_the_ablations_can_be_read() {
    let folder = TempDir::new().expect("a folder");
    // A report of published numbers alone: nothing has finished yet.
    let mut input = input();
    input.claims.clear();
    for run in input.rows.iter_mut().flat_map(|row| &mut row.seeds) {
        *run =
            SeedRun { status: Status::Pending, metrics: Metrics::default(), items: vec![], done: None, ..run.clone() };
    }
    let figures = ["fig8a_reward_score", "fig8b_entropy", "fig8c_response_length", "fig10a_entropy_token_clip"];
    let figure = |name: &str| Figure {
        title: name.into(),
        file: paper().join(format!("figures/{name}.csv")),
        unit: "unit".into(),
    };
    input.figures = figures.map(figure).into();
    for (table, rows) in [("table2", 5), ("table4", 7), ("table5", 3)] {
        input.paper = Some(paper().join(format!("{table}.csv")));
        let out = folder.path().join(table);
        render(&input, &out).expect("sound files");
        let files = tree(&out);
        let csv = text(&files, "table.csv");
        assert_eq!(csv.lines().filter(|line| line.starts_with("published,")).count(), rows, "{table}");
        assert!(csv.contains(&format!("measured,main,GRPO,0,2{}", ",".repeat(21))), "{csv}");
        assert!(text(&files, "report.md").contains("| GRPO | 0 of 2 | –"));
        assert!(text(&files, "published.svg").contains("task balanced sampling"));
    }
}

#[test]
fn a_variant_that_was_not_trained_has_no_key_among_the_curves() {
    let folder = TempDir::new().expect("a folder");
    let mut untrained = row("base", 0.25);
    untrained.seeds.iter_mut().for_each(|run| run.metrics.rows.clear());
    let input = Input { rows: vec![untrained, row("GRPO", 0.5)], claims: vec![], ..input() };
    render(&input, folder.path()).expect("rendered");
    let files = tree(folder.path());
    assert!(!text(&files, "curves.svg").contains("base") && text(&files, "scores.svg").contains("base"));
}

#[test]
fn entropies_that_are_measured_in_different_ways_are_not_compared() {
    let folder = TempDir::new().expect("a folder");
    let mut other = row("AEPO", 0.75);
    other.entropy = Some("token_mean at temperature one".into());
    other.seeds.iter_mut().flat_map(|run| &mut run.metrics.rows).for_each(|cells| cells[2] = cells[2].map(|e| e + 1.0));
    let claims = vec![claim("AEPO", "GRPO", "entropy"), claim("AEPO", "GRPO", "avg")];
    let apart = Input { rows: vec![row("GRPO", 0.5), other], claims, ..input() };
    render(&apart, folder.path()).expect("rendered");
    let report = text(&tree(folder.path()), "report.md");
    let rows: Vec<&str> = report.lines().filter(|line| line.contains("AEPO beats GRPO |")).collect();
    assert!(rows[0].contains("| entropy | not resolved (the two measure it in different ways) | – |"), "{rows:?}");
    assert!(rows[1].contains("| avg |") && rows[1].contains("points"), "scores compare as ever: {rows:?}");
    // Of another measure alone nothing is said to part two runs.
    let (mut twin, tokens) = (row("GRPO", 0.5), Some("token_mean at temperature one".to_owned()));
    (twin.variant, twin.entropy) = ("GRPO, tokens".into(), tokens);
    twin.seeds.iter_mut().flat_map(|run| &mut run.metrics.rows).for_each(|cells| cells[2] = cells[2].map(|e| e + 1.0));
    let twins = Input { rows: vec![row("GRPO", 0.5), twin], claims: vec![], ..input() };
    render(&twins, folder.path()).expect("rendered");
    let twins = text(&tree(folder.path()), "report.md");
    assert!(twins.contains("GRPO and GRPO, tokens are the same run in every seed"), "{twins}");
    assert!(report.contains("AEPO measures entropy as token\\_mean at temperature one"), "{report}");
}

#[test]
fn variants_that_never_parted_are_named() {
    let folder = TempDir::new().expect("a folder");
    let alike =
        Input { rows: vec![row("GRPO", 0.5), row("GRPO again", 0.5), row("AEPO", 0.5)], claims: vec![], ..input() };
    render(&alike, folder.path()).expect("rendered");
    let report = text(&tree(folder.path()), "report.md");
    assert!(report.contains("GRPO and GRPO again are the same run in every seed"), "{report}");
    assert!(report.contains("GRPO lies under GRPO again"), "the hidden curve is named: {report}");
    assert_eq!(report.matches("are the same run").count(), 1, "AEPO's latch was on for one seed: {report}");
}

#[test]
fn curves_that_cannot_be_told_apart_are_named_though_their_digits_differ() {
    let folder = TempDir::new().expect("a folder");
    let (mut short, mut clipped, mut other) = (row("short", 0.25), row("clipped", 0.5), row("other", 0.75));
    short.seeds.iter_mut().for_each(|run| run.metrics.rows.truncate(2));
    let shift = |row: &mut Row, by: f64| {
        let cells = row.seeds.iter_mut().flat_map(|run| &mut run.metrics.rows).flat_map(|cells| &mut cells[1..]);
        cells.for_each(|cell| *cell = cell.map(|value| value + by));
    };
    shift(&mut clipped, 1e-9);
    shift(&mut other, 0.1);
    let rows = vec![short, row("GRPO", 0.5), clipped, other];
    render(&Input { rows, claims: vec![], ..input() }, folder.path()).expect("rendered");
    let report = text(&tree(folder.path()), "report.md");
    assert!(report.contains("short lies under GRPO") && report.contains("GRPO lies under clipped"), "{report}");
    assert!(!report.contains("lies under other"), "{report}");
    assert!(
        report.contains("GRPO and clipped have the same outcomes") && !report.contains("are the same run"),
        "{report}"
    );
}
