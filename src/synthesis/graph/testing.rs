//! Small documents made by hand, for tests.

use super::network::{Edge, Network, Node};
use super::triplet::Extraction;
use crate::spec::GraphSpec;
use longlab_documents::{Cell, Document, Hash, Kind, Link, Note, Span, Table};

/// A document that grows by what it states.
pub(crate) struct Page(Document);

impl Page {
    pub(crate) fn text(title: &str) -> Page {
        Page::of(&format!("{}.md", title.to_lowercase().replace(' ', "_")), title, Kind::General)
    }

    pub(crate) fn code(source: &str) -> Page {
        Page::of(source, source, Kind::Code)
    }

    fn of(source: &str, title: &str, kind: Kind) -> Page {
        let (source, title, text) = (source.to_string(), title.to_string(), String::new());
        let (sections, tables, links, notes) = Default::default();
        Page(Document { source, kind, title, hash: Hash::of(&text), text, sections, tables, links, notes })
    }

    pub(crate) fn line(mut self, line: &str) -> Page {
        self.write(line);
        self.write("\n");
        self
    }

    pub(crate) fn note(mut self, subject: &str, relation: &str, object: &str, line: &str) -> Page {
        let span = self.write(line);
        self.0.notes.push(Note { subject: subject.into(), relation: relation.into(), object: object.into(), span });
        self
    }

    pub(crate) fn link(mut self, text: &str, target: &str) -> Page {
        let span = self.write(text);
        self.write("\n");
        self.0.links.push(Link { text: text.into(), target: target.into(), span });
        self
    }

    pub(crate) fn table<const N: usize>(mut self, head: &[&str; N], rows: &[[&str; N]]) -> Page {
        let start = self.0.text.len();
        let head = self.row(head);
        let rows = rows.iter().map(|row| self.row(row)).collect();
        let span = Span { start, end: self.0.text.len() };
        self.0.tables.push(Table { title: self.0.title.clone(), head, rows, span });
        self
    }

    fn row<const N: usize>(&mut self, row: &[&str; N]) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (at, text) in row.iter().enumerate() {
            if at > 0 {
                self.write(" | ");
            }
            let span = self.write(text);
            cells.push(Cell { text: text.to_string(), span });
        }
        self.write("\n");
        cells
    }

    fn write(&mut self, text: &str) -> Span {
        let start = self.0.text.len();
        self.0.text.push_str(text);
        Span { start, end: self.0.text.len() }
    }

    pub(crate) fn document(mut self) -> Document {
        self.0.hash = Hash::of(&self.0.text);
        self.0
    }
}

/// The facts of an extraction, `head|relation|tail`.
pub(crate) fn fact_texts(found: &Extraction) -> Vec<&'static str> {
    let texts = found.triplets.iter().map(|t| format!("{}|{}|{}", t.head.text, t.relation.text, t.tail.text));
    texts.map(|text| &*text.leak()).collect()
}

/// Keys by which small graphs have items.
pub(crate) fn loose() -> GraphSpec {
    GraphSpec { options: 2, repeats: 100, uses: 1000, sets: 1.0, ..GraphSpec::default() }
}

/// The graph of documents.
pub(crate) fn network(corpus: &[Document], settings: &GraphSpec) -> Network {
    Network::of(&corpus.to_vec(), settings, None).unwrap()
}

/// The entity of a name.
pub(crate) fn find(network: &Network, name: &str) -> Node {
    let facts = (0..network.statistics.facts).map(Edge::new);
    let mut ends = facts.flat_map(|edge| <[Node; 2]>::from(network.ends(edge)));
    ends.find(|node| *network.entity(*node).name == *name).unwrap()
}

/// Towns, countries, people and code, each in documents of its own.
pub(crate) fn world() -> Vec<Document> {
    let syllables = ["bar", "del", "fen", "gor", "hal", "kel", "lor", "mun", "nor", "pel", "ros", "sel"];
    let name = |at: usize, end: &str| {
        let text = format!("{}{}{end}", syllables[at % 12], syllables[(at * 5 + at / 12 + 3) % 12]);
        text[..1].to_uppercase() + &text[1..]
    };
    let mut pages = Vec::new();
    for country in 0..12 {
        let (title, capital) = (name(country, "land"), name(country * 4, "ton"));
        let (currency, river) = (name(country, "mark"), name(country, "water"));
        let page =
            Page::text(&title).note(&title, "currency", &currency, &format!("{title} has the currency {currency}\n"));
        let page = page.note(&title, "longest river", &river, &format!("Longest river of {title}: {river}\n"));
        pages.push(page.line(&format!("{capital} is the capital of {title}.")).document());
    }
    for quarter in 0..4 {
        let rows: Vec<[String; 4]> = (quarter * 12..quarter * 12 + 12)
            .map(|town| {
                [
                    name(town, "ton"),
                    name(town / 4, "land"),
                    (1203 + town * 16).to_string(),
                    (900 + town * 37 % 800).to_string(),
                ]
            })
            .collect();
        let rows: Vec<[&str; 4]> = rows.iter().map(|row| [0, 1, 2, 3].map(|at| row[at].as_str())).collect();
        pages.push(
            Page::text(&format!("Towns {quarter}")).table(&["Town", "Country", "Founded", "Houses"], &rows).document(),
        );
    }
    for person in 0..24 {
        let (who, town) = (format!("Ada {}", name(person, "son")), name(person * 2, "ton"));
        let page = Page::text(&who).line(&format!("{who} was born in {}.", 1700 + person * 11));
        pages.push(page.note(&who, "birthplace", &town, &format!("{who} comes from {town}\n")).document());
    }
    for file in 0..12 {
        let source = format!("lab/{}.py", name(file, "").to_lowercase());
        let (class, base) = (name(file, "Node"), name(if file == 0 { 40 } else { (file - 1) / 2 }, "Node"));
        let module = format!("lab.{}", name(if file == 0 { 40 } else { (file - 1) / 2 }, "").to_lowercase());
        let import = format!("from {module} import {base}\n");
        let header = format!("class {class}({base})");
        let page =
            Page::code(&source).note(&source, "imports", &module, &import).note(&source, "imports", &base, &import);
        let page =
            page.note(&source, "defines", &class, &header).note(&class, "inherits", &base, &format!("{header}:\n"));
        let run = format!("run_{}", name(file, "").to_lowercase());
        pages.push(page.note(&class, "defines", &run, &format!("    def {run}(self):\n")).document());
    }
    pages
}
