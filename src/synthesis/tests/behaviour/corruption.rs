//! Planted corruptions: each is found, and named.

use crate::world::World;
use longlab_documents::Hash;
use longlab_synthesis::dataset::{Record, each};
use longlab_synthesis::graph::Asked;
use longlab_synthesis::verify::{Fault, Report, verify};
use longlab_synthesis::{Evidence, Item, Passage, Proof, Row};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A dataset that is spoiled again and again.
pub struct Bench {
    world: World,
    folder: PathBuf,
    records: Vec<Record>,
}

impl Bench {
    pub fn new() -> Bench {
        let world = World::new();
        let folder = world.made("out", "[engines.graph]\nitems = 8\n").folder;
        Bench::of(world, folder)
    }

    /// A dataset that was made of a world.
    pub fn of(world: World, folder: PathBuf) -> Bench {
        let mut records = vec![];
        each(&folder, &mut |_, record| {
            records.push(record.unwrap());
            Ok(true)
        })
        .unwrap();
        Bench { world, folder, records }
    }

    /// A copy of the dataset whose training lines are these.
    fn spoiled(&self, lines: &[u8]) -> PathBuf {
        let copy = self.world.path("spoiled");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir(&copy).unwrap();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        fs::write(copy.join("train.jsonl"), lines).unwrap();
        fs::write(copy.join("test.jsonl"), "").unwrap();
        copy
    }

    fn verify(&self, folder: &Path) -> Report {
        verify(folder, Some(&self.world.path("tokenizer.json"))).unwrap()
    }

    /// The faults of an item of this kind that was spoiled, and whose id, lineage and tokens were made to fit again.
    pub fn faults(&self, kind: fn(&Item) -> bool, spoil: impl FnOnce(&mut Item)) -> Vec<Fault> {
        self.raw_faults(kind, |item| {
            spoil(item);
            item.id = item.hash();
            if let Some(last) = item.certificate.work.last_mut() {
                last.output = item.id.clone();
            }
        })
    }

    fn raw_faults(&self, kind: fn(&Item) -> bool, spoil: impl FnOnce(&mut Item)) -> Vec<Fault> {
        let mut record = self.records.iter().find(|record| kind(&record.item)).unwrap().clone();
        spoil(&mut record.item);
        let report = self.verify(&self.spoiled(&line(&record)));
        assert_eq!(report.sound, 0, "{:?}", report.findings);
        report.findings.into_iter().filter(|finding| finding.line == 1).map(|finding| finding.found.fault).collect()
    }
}

fn line(record: &Record) -> Vec<u8> {
    let mut line = serde_json::to_vec(&record.line().unwrap()).unwrap();
    line.push(b'\n');
    line
}

fn sql(item: &Item) -> bool {
    matches!(&item.certificate.proof, Proof::Sql { .. }) && item.certificate.evidence.len() >= 2
}

/// A path with a hop, whose evidence says a name and no number.
pub fn path(item: &Item) -> bool {
    let hops = |asked: &Asked| asked.plan.parts.len() == 1 && !asked.plan.parts[0].hops.is_empty();
    matches!(&item.certificate.proof, Proof::Path { asked, .. } if hops(asked) && item.certificate.evidence.len() >= 2)
}

/// How the question of a path was put together.
pub fn asked(item: &mut Item) -> &mut Asked {
    let Proof::Path { asked, .. } = &mut item.certificate.proof else { panic!("no path") };
    asked
}

fn turn(item: &Item) -> bool {
    matches!(&item.certificate.proof, Proof::Turn { of: 4, turn: 2.., .. })
}

/// The place of a passage that holds no evidence.
fn irrelevant(item: &Item) -> usize {
    let held = |document: &Hash| match &item.certificate.proof {
        Proof::Sql { sources, .. } => sources.contains(document),
        _ => item.certificate.evidence.iter().any(|evidence| evidence.document == *document),
    };
    item.passages.iter().position(|passage| !held(&passage.document)).unwrap()
}

fn rows(item: &mut Item) -> &mut Vec<Row> {
    let Proof::Sql { rows, .. } = &mut item.certificate.proof else { panic!("no rows") };
    rows
}

fn query(item: &mut Item) -> &mut String {
    let Proof::Sql { query, .. } = &mut item.certificate.proof else { panic!("no query") };
    query
}

#[test]
fn every_planted_corruption_is_found_and_named() {
    let bench = Bench::new();
    let found = |name: &str, faults: Vec<Fault>, wanted: Fault| {
        assert!(faults.contains(&wanted), "{name}: {faults:?} and not {wanted:?}");
    };
    let other = Hash::of("another");

    found("id", bench.raw_faults(sql, |item| item.id = other.clone()), Fault::WrongId);
    found("passage", bench.faults(sql, |item| item.passages[0].text.push('x')), Fault::PassageAltered);
    found("place", bench.faults(path, |item| item.passages[0].span.start += 1), Fault::PassageAltered);
    found(
        "unknown document",
        bench.faults(path, |item| item.passages[0].document = other.clone()),
        Fault::UnknownDocument,
    );
    found("quote", bench.faults(path, |item| item.certificate.evidence[0].quote.push('x')), Fault::QuoteAltered);
    found("span", bench.faults(sql, |item| item.certificate.evidence[0].span.end += 1), Fault::QuoteAltered);
    found("no evidence", bench.faults(path, |item| item.certificate.evidence.clear()), Fault::Empty);
    found(
        "passage gone",
        bench.faults(path, |item| {
            let document = item.certificate.evidence[1].document.clone();
            item.passages.retain(|passage| passage.document != document);
        }),
        Fault::EvidenceOutside,
    );
    found("number", bench.faults(sql, |item| item.answer.text = "123456789.25".into()), Fault::AnswerDiffers);
    found("name", bench.faults(path, |item| item.answer.text = "Elsinore Castle".into()), Fault::AnswerDiffers);
    found("turn", bench.faults(turn, |item| item.answer.text.push('.')), Fault::AnswerDiffers);
    found("query", bench.faults(sql, |item| query(item).push(' ')), Fault::QueryAltered);
    found("harm", bench.faults(sql, |item| *query(item) = "DROP TABLE facts".into()), Fault::QueryFails);
    found("row gone", bench.faults(sql, |item| drop(rows(item).pop())), Fault::RowsAltered);
    let value = |item: &mut Item| rows(item)[0].values[0] = Value::from("made up");
    found("value", bench.faults(sql, value), Fault::RowsAltered);
    let table_gone = |item: &mut Item| {
        let Proof::Sql { sources, .. } = &item.certificate.proof else { panic!("no sources") };
        let needed: Vec<&Hash> = item.certificate.evidence.iter().map(|evidence| &evidence.document).collect();
        let spare = sources.iter().find(|source| !needed.contains(source)).unwrap_or(&sources[0]).clone();
        item.passages.retain(|passage| passage.document != spare);
    };
    let faults = bench.faults(sql, table_gone);
    assert!(faults.contains(&Fault::RowsAltered) || faults.contains(&Fault::EvidenceOutside), "{faults:?}");
    let without = |item: &mut Item| item.certificate.necessity[0] = Some("made up".into());
    for kind in [sql, path, turn] {
        found("necessity", bench.faults(kind, without), Fault::NecessityDiffers);
    }
    found("not needed", bench.faults(path, add_spare_fact), Fault::NotNeeded);
    found("fact", bench.faults(path, alter_fact), Fault::EvidenceAltered);
    found("operation", bench.faults(path, |item| set_operation(item, "median")), Fault::UnknownRule);
    found("tokens", bench.faults(sql, |item| item.certificate.tokens += 1), Fault::TokensDiffer);
    found(
        "tokenizer",
        bench.faults(sql, |item| item.certificate.tokenizer = Some(other.clone())),
        Fault::TokenizerDiffers,
    );
    found(
        "lineage",
        bench.raw_faults(sql, |item| item.certificate.work[0].output = other.clone()),
        Fault::LineageBroken,
    );
    found("question", bench.faults(sql, |item| item.question.push_str(" Please.")), Fault::QuestionAltered);
    found(
        "asked turn",
        bench.faults(turn, |item| {
            item.question = item.question.replace("2nd", "1st").replace("3rd", "1st").replace("4th", "1st")
        }),
        Fault::QuestionAltered,
    );
    found("request", bench.faults(turn, repeat_request_once_more), Fault::RequestsAltered);
}

#[test]
fn irrelevant_passages_that_tell_are_found() {
    let bench = Bench::new();
    // A table with the columns of the question beside it.
    let spare = |item: &mut Item| {
        let Proof::Sql { sources, .. } = &item.certificate.proof else { panic!("no sources") };
        let tables = bench.records.iter().filter(|record| sql(&record.item));
        let others = tables.flat_map(|record| &record.item.passages);
        // With its rows: what is cut off after a headline tells nothing.
        let rows = |own: &Passage| own.text.lines().filter(|line| line.contains('|')).count();
        let told = others
            .into_iter()
            .find(|own| own.text.contains("Mass (kg)") && rows(own) > 2 && !sources.contains(&own.document));
        let at = irrelevant(item);
        item.passages[at] = told.unwrap().clone();
    };
    let faults = bench.faults(sql, spare);
    assert!(faults.contains(&Fault::DistractorTells), "{faults:?}");
    // The answer in another document's words: a passage that the certificate's phrases forbid.
    let forbidden = |item: &mut Item| {
        let at = irrelevant(item);
        let words: Vec<&str> = item.passages[at].text.split_whitespace().take(5).collect();
        item.certificate.absent.push(words.join(" "));
    };
    let faults = bench.faults(path, forbidden);
    assert!(faults.contains(&Fault::DistractorTells), "{faults:?}");
}

#[test]
fn spoiled_files_documents_and_lines_are_found() {
    let bench = Bench::new();
    let lines: Vec<Vec<u8>> = bench.records.iter().take(3).map(line).collect();

    let torn = [&lines[0][..], b"{\"id\": 3\n", &lines[1][..]].concat();
    let report = bench.verify(&bench.spoiled(&torn));
    let unreadable: Vec<usize> =
        report.findings.iter().filter(|own| own.found.fault == Fault::Unreadable).map(|own| own.line).collect();
    assert_eq!((unreadable, report.items, report.sound), (vec![2], 3, 2));
    assert!(report.counts().contains_key(&Fault::FileAltered));

    let twice = [&lines[0][..], &lines[0][..]].concat();
    assert_eq!(bench.verify(&bench.spoiled(&twice)).counts()[&Fault::DoubleId], 1);

    let copy = bench.spoiled(&lines.concat());
    let documents = copy.join("documents.jsonl");
    let text = fs::read_to_string(&documents).unwrap();
    // One letter for another keeps every offset.
    fs::write(&documents, text.replacen(" harbour ", " harbous ", 1)).unwrap();
    let report = bench.verify(&copy);
    assert_eq!(report.counts()[&Fault::DocumentAltered], 1, "{:?}", report.counts());
}

/// A fact that the answer does not rest on, stated by a stretch of the first passage.
fn add_spare_fact(item: &mut Item) {
    let passage = &item.passages[0];
    let (at, word) =
        passage.text.match_indices(char::is_alphabetic).next().map(|(at, _)| (at, &passage.text[at..])).unwrap();
    let word = word.split_whitespace().next().unwrap().to_string();
    let start = passage.span.start + at;
    let span = longlab_documents::Span { start, end: start + word.len() };
    item.certificate.evidence.push(Evidence { document: passage.document.clone(), span, quote: word });
    item.certificate.necessity.push(Some(item.answer.text.clone()));
}

fn alter_fact(item: &mut Item) {
    let Proof::Path { steps, .. } = &mut item.certificate.proof else { panic!("no path") };
    steps[0].2 = "Nobody Known".into();
    steps[1].0 = "Nobody Known".into();
}

fn set_operation(item: &mut Item, name: &str) {
    let Proof::Path { operation, .. } = &mut item.certificate.proof else { panic!("no path") };
    *operation = name.into();
}

fn repeat_request_once_more(item: &mut Item) {
    let at = irrelevant(item);
    let Proof::Turn { request, requests, .. } = &mut item.certificate.proof else { panic!("no turns") };
    requests[at] = request.clone();
}
