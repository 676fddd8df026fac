//! Datasets that come from elsewhere: specifications, lines, and items of a sound dataset with some of their values changed. The first
//! byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::foreign::{halves, may_panic};
use longlab_synthesis::corpus::Corpus;
use longlab_synthesis::dataset::{Record, Stats, each, page};
use longlab_synthesis::verify::check;
use longlab_synthesis::{Options, Silent, Spec, Standard, run};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A dataset of a few tables and texts.
struct Made {
    _place: TempDir,
    records: Vec<Record>,
    corpus: Corpus,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a folder");
    let corpus = place.path().join("corpus");
    fs::create_dir(&corpus).expect("a folder");
    let words = ["river", "stone", "lantern", "harbour", "winter", "meadow", "copper", "letter", "garden", "mountain"];
    for number in 0..8usize {
        let mut table = "Name,Mass (kg),Price,Kind,Founded\n".to_owned();
        let mut prose = String::new();
        for row in 0..6 {
            let (word, mass) = (words[(number + row) % 10], (number * 131 + row * 37) % 900 + 1);
            let kind = ["glass", "iron", "wood"][(number + row * row) % 3];
            let (price, year) = (mass * 7 % 400 + 3, 1900 + (mass * 3 + row) % 90);
            writeln!(table, "Unit {number}-{row} {word},{mass}.{row},{price},{kind},{year}").expect("a text");
        }
        for line in 0..40 {
            let at = number * 17 + line * 7;
            let [one, two, three] = [at, at + 3, at / 3].map(|at| words[at % 10]);
            writeln!(prose, "The {one} {line} stood beside the {two} of {number}, near {three} {at}.\n")
                .expect("a text");
        }
        fs::write(corpus.join(format!("report {number}.csv")), table).expect("a file");
        fs::write(corpus.join(format!("book {number}.txt")), prose).expect("a file");
    }
    let path = place.path().join("spec.toml");
    fs::write(&path, SPEC).expect("a file");
    let spec = Spec::read(&path).expect("a specification");
    let standard = Standard::new(&spec).expect("tools");
    let options = Options { threads: Some(1), again: false };
    let made = run(&spec, &options, &standard.tools(), &mut Silent).expect("a dataset");
    let mut records = Vec::new();
    each(&made.folder, &mut |_, record| {
        records.push(record?);
        Ok(true)
    })
    .expect("a dataset");
    assert!(records.len() > 4, "{} items\n{}", records.len(), made.funnel.markdown());
    let corpus = Corpus::open(&made.folder).expect("documents");
    Made { _place: place, records, corpus }
});

const SPEC: &str = r#"name = "fuzzed"
seed = 5
[corpus]
folder = "corpus"
duplicates = { near = 0.99 }
[corpus.filters]
fewest_words = 5
least_english = 0.0
[corpus.filters.repetition]
lines = 1.0
paragraphs = 1.0
line_letters = 1.0
paragraph_letters = 1.0
top_runs = [1.0, 1.0, 1.0]
repeated_runs = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
[context]
length = { law = "uniform", low = 600, high = 1500 }
most = 3000
passage = 300
[output]
folder = "out"
[engines.dialogue]
items = 6
needles = [2]
words = [12, 30]
[engines.table]
items = 16
documents = [2, 4]
most_rows = 40
"#;

fn spec(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    match Spec::parse(text) {
        Ok(spec) => {
            let written = serde_json::to_string(&spec).expect("a specification is JSON too");
            assert_eq!(serde_json::from_str::<Spec>(&written).expect("what was written"), spec);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn record(line: &[u8]) {
    let record = match Record::parse(line) {
        Ok(record) => record,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = Value::Object(record.line().expect("a record is JSON")).to_string();
    assert_eq!(Record::parse(written.as_bytes()).expect("what was written"), record);
    let mut stats = Stats::default();
    stats.add(&record);
    assert!(!stats.markdown().is_empty());
    for whole in [false, true] {
        let _ = page(&record, whole);
    }
    // A fault or none; an error is one of the corpus's own files, which are sound.
    let faults = check(&record.item, &MADE.corpus, None);
    assert!(faults.is_ok(), "{faults:?}");
}

/// The line of a sound item, with values put in place of others: a pointer, a tab, and JSON, a line each.
fn changed(input: &[u8]) -> Option<Vec<u8>> {
    let (&number, changes) = input.split_first()?;
    let mut sound = MADE.records[usize::from(number) % MADE.records.len()].clone();
    let mut line = Value::Object(sound.line().ok()?);
    for change in changes.split(|&byte| byte == b'\n') {
        let (pointer, value) = halves(change, b'\t');
        let place = str::from_utf8(pointer).ok().and_then(|pointer| line.pointer_mut(pointer));
        if let (Some(place), Some(value)) = (place, value.and_then(|value| serde_json::from_slice(value).ok())) {
            *place = value;
        }
    }
    sound = Record::parse(line.to_string().as_bytes()).ok()?;
    sound.item.id = sound.item.hash();
    if let Some(last) = sound.item.certificate.work.last_mut() {
        last.output = sound.item.id.clone();
    }
    Some(Value::Object(sound.line().ok()?).to_string().into_bytes())
}

fuzz_target!(|input: &[u8]| {
    may_panic();
    if let Some(folder) = std::env::var_os("LONGLAB_FUZZ_SEEDS") {
        return seeds(Path::new(&folder));
    }
    match input.split_first() {
        Some((b's', text)) => spec(text),
        Some((b'r', line)) => record(line),
        Some((_, changes)) => {
            if let Some(line) = changed(changes) {
                record(&line);
            }
        }
        None => {}
    }
});

/// Writes inputs to begin with: every item as a line, and a change of every value of it.
fn seeds(folder: &Path) {
    for (number, record) in MADE.records.iter().enumerate() {
        let line = Value::Object(record.line().expect("a record is JSON"));
        fs::write(folder.join(format!("record-{number}")), format!("r{line}")).expect("a file");
        let mut changes = Vec::new();
        pointers(&line, String::new(), &mut changes);
        for (at, changes) in changes.chunks(12).enumerate() {
            let text = format!("p{}{}", number as u8 as char, changes.join("\n"));
            fs::write(folder.join(format!("change-{number}-{at}")), text).expect("a file");
        }
    }
    fs::write(folder.join("spec"), format!("s{SPEC}")).expect("a file");
}

fn pointers(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| pointers(value, format!("{pointer}/{name}"), found))
        }
        Value::Array(items) => {
            found.push(format!("{pointer}\t[]"));
            items.iter().take(2).enumerate().for_each(|(at, item)| pointers(item, format!("{pointer}/{at}"), found));
        }
        Value::String(text) if text.len() > 200 => found.push(format!("{pointer}\t\"\"")),
        value => found.push(format!("{pointer}\t{value}")),
    }
}
