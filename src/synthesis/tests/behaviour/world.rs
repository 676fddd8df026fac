//! A small world of documents, and tools for tests.

use crate::testing::document;
use longlab_client::ChatModel;
use longlab_documents::{Document, Kind};
use longlab_kernels::stream::{Address, Purpose, Stream};
use longlab_synthesis::tools::{Index, Judge, Reader, Reading, Search};
use longlab_synthesis::{Item, Observer, Options, Result, Silent, Spec, Summary, SynthesisError, Tools, run};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with a corpus and a place for what is made of it.
pub struct World {
    folder: tempfile::TempDir,
}

const WORDS: [&str; 40] = [
    "river", "stone", "lantern", "harbour", "winter", "meadow", "copper", "letter", "garden", "mountain", "window",
    "sailor", "market", "bridge", "silver", "forest", "candle", "village", "thunder", "orchard", "mirror", "carpet",
    "engine", "feather", "island", "kettle", "ladder", "museum", "needle", "ocean", "pocket", "quarry", "ribbon",
    "saddle", "temple", "umbrella", "valley", "whistle", "yarn", "zephyr",
];

const HOMES: [&str; 8] = ["Arden", "Belmont", "Corinth", "Dunsinane", "Elsinore", "Fife", "Gascony", "Harfleur"];
const PEOPLE: [&str; 8] =
    ["Ada Lorn", "Bram Okoye", "Cleo Vance", "Dina Brandt", "Edgar Holm", "Faye Ilic", "Gus Rowan", "Hedda Strom"];
const TOWERS: [&str; 8] =
    ["Amber Tower", "Birch Tower", "Crow Tower", "Dove Tower", "Elm Tower", "Finch Tower", "Gull Tower", "Heron Tower"];

impl World {
    /// Twelve reports with tables, six books, twelve essays, and sixteen notices that state a fact each.
    pub fn new() -> World {
        let world = World::empty();
        for number in 0..12 {
            world.file(&format!("reports/report {number}.txt"), &report(number));
        }
        for (number, word) in WORDS.iter().enumerate().take(6) {
            world.file(&format!("books/The Book of {word}.txt"), &prose(100 + number as u64, 260));
        }
        for number in 0..12 {
            world.file(&format!("essays/On {}.txt", WORDS[20 + number]), &prose(200 + number as u64, 30));
        }
        for number in 0..8 {
            let (tower, person, home) = (TOWERS[number], PEOPLE[number], HOMES[number]);
            let tower =
                format!("{}\n{person} is the keeper of {tower}.\n{}", prose(300 + number as u64, 9), prose(310, 4));
            world.file(&format!("notices/tower {number}.txt"), &tower);
            let home = format!("{}\n{home} is the home of {person}.\n{}", prose(400 + number as u64, 9), prose(410, 4));
            world.file(&format!("notices/home {number}.txt"), &home);
        }
        world
    }

    /// No documents at all.
    pub fn empty() -> World {
        let world = World { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(world.path("corpus")).unwrap();
        fs::write(world.path("tokenizer.json"), TOKENIZER).unwrap();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the corpus.
    pub fn file(&self, name: &str, text: &str) {
        let path = self.path("corpus").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A specification whose output is the folder `out`; `more` is put after it.
    pub fn spec(&self, out: &str, more: &str) -> Spec {
        let text = format!(
            "name = \"test\"\nseed = 5\n[corpus]\nfolder = \"corpus\"\nduplicates = {{ near = 0.95 }}\n\
             filters = {{ fewest_words = 5, least_english = 0.0, repetition = {LOOSE} }}\n\
             [context]\ntokenizer = \"tokenizer.json\"\nlength = {{ law = \"uniform\", low = 600, high = 1500 }}\nmost = 3000\n\
             passage = 300\n[output]\nfolder = \"{out}\"\ntest = 0.3\n[engines.dialogue]\nitems = 10\nneedles = [2, 4]\nwords = [12, 30]\n\
             [engines.table]\nitems = 24\ndocuments = [2, 4]\nmost_rows = 40\n{more}"
        );
        let path = self.path("spec.toml");
        fs::write(&path, text).unwrap();
        Spec::read(&path).unwrap()
    }

    /// Makes a dataset with all engines there are for tests.
    pub fn run(&self, spec: &Spec, threads: usize, observer: &mut dyn Observer) -> Result<Summary> {
        self.run_with(spec, threads, observer, None)
    }

    pub fn run_with(
        &self,
        spec: &Spec,
        threads: usize,
        observer: &mut dyn Observer,
        model: Option<(&dyn ChatModel, &dyn Judge)>,
    ) -> Result<Summary> {
        self.run_tools(spec, threads, observer, |tools| tools.model = model)
    }

    /// Makes a dataset with tools that are put together by the caller.
    pub fn run_tools<'a>(
        &self,
        spec: &Spec,
        threads: usize,
        observer: &mut dyn Observer,
        put: impl FnOnce(&mut Tools<'a>),
    ) -> Result<Summary> {
        let mut tools = Tools::new(&Plain);
        tools.search = Some(&Overlap);
        put(&mut tools);
        run(spec, &Options { threads: Some(threads), again: false }, &tools, observer)
    }

    /// Makes a dataset with a model that reads prose.
    pub fn run_reading(&self, spec: &Spec, model: &dyn ChatModel) -> Result<Summary> {
        let mut tools = Tools::new(&Plain);
        tools.search = Some(&Overlap);
        tools.prose = Some(model);
        run(spec, &Options { threads: Some(2), again: false }, &tools, &mut Silent)
    }

    /// The dataset of a specification, made.
    pub fn made(&self, out: &str, more: &str) -> Summary {
        self.run(&self.spec(out, more), 2, &mut Silent).unwrap()
    }
}

/// Made-up prose repeats itself.
const LOOSE: &str = "{ lines = 1.0, paragraphs = 1.0, line_letters = 1.0, paragraph_letters = 1.0, top_runs = [1.0, 1.0, 1.0], \
                     repeated_runs = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0] }";

/// The tokens of a text are its words and marks.
const TOKENIZER: &str = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
    "pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
    "model":{"type":"WordLevel","vocab":{"[UNK]":0},"unk_token":"[UNK]"}}"#;

fn stream(number: u64) -> Stream {
    Address::new(11, Purpose::Test).sample(number).stream()
}

/// So many lines of words that no other number gives.
pub fn prose(number: u64, lines: usize) -> String {
    let mut stream = stream(number);
    let mut line = || {
        let mut words: Vec<&str> = (0..stream.range(7..=14)).map(|_| *stream.pick(&WORDS)).collect();
        words.dedup();
        format!("The {} {}.\n", words.join(" "), stream.below(100_000))
    };
    (0..lines).map(|_| line()).collect()
}

/// A report with a table of six rows.
pub fn report(number: u64) -> String {
    let mut stream = stream(500 + number);
    let mut text = format!("{}\nName|Mass (kg)|Price|Kind|Founded\n", prose(600 + number, 3));
    for row in 0..6 {
        let kind = stream.pick(&["glass", "iron", "wood"]);
        let (mass, price, year) = (stream.range(1..=900), stream.range(1..=400), stream.range(1900..=1990));
        text.push_str(&format!("Unit {number}-{row} {}|{mass}.{row}|{price}|{kind}|{year}\n", WORDS[row * 3]));
    }
    text
}

/// Reads files as texts; lines with `|` are tables.
pub struct Plain;

impl Reader for Plain {
    fn version(&self) -> String {
        "plain 1".into()
    }

    fn read(&self, path: &Path, source: &str, kind: Option<Kind>) -> Reading {
        let title = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => {
                let read = document(&title, &text);
                let kind = kind.unwrap_or(Kind::General);
                Reading { documents: vec![Document { source: source.into(), kind, ..read }], ..Reading::default() }
            }
            _ => Reading { refused: vec!["not UTF-8".into()], ..Reading::default() },
        }
    }
}

/// Nearest is what shares most words.
pub struct Overlap;

struct Texts(Vec<HashSet<String>>);

fn words(text: &str) -> HashSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect()
}

impl Search for Overlap {
    fn version(&self) -> String {
        "overlap 1".into()
    }

    fn index(&self, texts: &mut dyn Iterator<Item = Result<String>>) -> Result<Box<dyn Index>> {
        Ok(Box::new(Texts(texts.map(|text| Ok(words(&text?))).collect::<Result<_>>()?)))
    }
}

impl Index for Texts {
    fn near(&self, query: &str, most: usize) -> Vec<usize> {
        let query = words(query);
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(self.0[*at].intersection(&query).count()), *at));
        order.truncate(most);
        order
    }
}

/// Bytes of every file of a folder, by name.
pub fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// Ends a run when it was asked so many times whether it goes on.
pub struct StopsAfter(pub usize);

impl Observer for StopsAfter {
    fn goes_on(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

/// Whether a run was ended by its observer.
pub fn is_stopped(result: &Result<Summary>) -> bool {
    matches!(result, Err(SynthesisError::Stopped))
}

/// Right is what holds the answer.
pub struct Holds;

impl Judge for Holds {
    fn version(&self) -> String {
        "holds 1".into()
    }

    fn right(&self, item: &Item, reply: &str) -> bool {
        reply.contains(&item.answer.text)
    }
}
