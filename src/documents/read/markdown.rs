//! Markdown: headlines, tables, links, definitions, code blocks. The text stays as it is written.

mod inline;

use super::grid::{Cells, Grid};
use crate::draft::{Draft, trimmed};
use std::ops::Range;

/// Longest line that is taken for a headline, bytes.
const LONGEST_HEADLINE: usize = 500;

/// Where the reader stands.
struct Scan<'a> {
    text: &'a str,
    lines: Vec<Range<usize>>,
    draft: Draft,
    /// Stretches of running text, in which links are looked for.
    prose: Vec<Range<usize>>,
    cells: &'a mut Cells,
}

pub(super) fn read(text: String, cells: &mut Cells) -> Draft {
    let mut start = 0;
    let range = |line: &str| {
        start += line.len() + 1;
        start - line.len() - 1..start - 1
    };
    let lines = text.split('\n').map(range).collect();
    let mut scan = Scan { text: &text, lines, draft: Draft::of(text.as_str()), prose: Vec::new(), cells };
    let mut number = scan.front_matter();
    while number < scan.lines.len() {
        number = scan.block(number);
    }
    let Scan { mut draft, prose, .. } = scan;
    inline::links(&text, &prose, &mut draft);
    if draft.title.is_none() {
        draft.title = draft.first_headline().map(|(title, _)| title.to_owned());
    }
    draft
}

impl<'a> Scan<'a> {
    fn line(&self, number: usize) -> &'a str {
        self.lines.get(number).map_or("", |range| &self.text[range.clone()])
    }

    /// Properties between two `---` at the very beginning become notes; gives the line behind them.
    fn front_matter(&mut self) -> usize {
        if self.line(0).trim_end() != "---" {
            return 0;
        }
        let Some(end) = (1..self.lines.len().min(200)).find(|&at| self.line(at).trim_end() == "---") else { return 0 };
        let properties: Vec<(String, Range<usize>)> = (1..end).filter_map(|at| self.property(at)).collect();
        let says = |key: &str| properties.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        self.draft.title = says("title").map(|value| self.text[value].trim_matches(['"', '\'']).to_owned());
        let subject = self.draft.title.clone().unwrap_or_else(|| "this document".to_owned());
        for (name, value) in properties {
            self.draft.note(&subject, &name, value.clone(), value);
        }
        end + 1
    }

    fn property(&self, number: usize) -> Option<(String, Range<usize>)> {
        let line = self.line(number);
        let (name, _) = line.split_once(':')?;
        let is_name =
            !name.is_empty() && name.len() < 40 && name.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
        let value = trimmed(self.text, self.lines[number].start + name.len() + 1..self.lines[number].end);
        (is_name && !name.starts_with(' ') && !value.is_empty()).then(|| (name.to_owned(), value))
    }

    /// Reads the block that begins at a line; gives the line behind it.
    fn block(&mut self, number: usize) -> usize {
        let line = self.line(number);
        if let Some(fence) = fence(line) {
            return self.code(number, fence);
        }
        if let Some((level, title)) = hashes(line) {
            let title = self.lines[number].start + title.start..self.lines[number].start + title.end;
            self.headline(number, level, title);
            return number + 1;
        }
        if let Some(level) = underline(line, self.line(number + 1)) {
            self.headline(number, level, self.lines[number].clone());
            return number + 2;
        }
        if line.contains('|') && is_delimiter_row(self.line(number + 1)) {
            return self.table(number);
        }
        if !line.trim().is_empty() && self.line(number + 1).starts_with(": ") {
            return self.definition(number);
        }
        self.bold_definition(number);
        self.prose(number);
        number + 1
    }

    fn prose(&mut self, number: usize) {
        let range = self.lines[number].clone();
        match self.prose.last_mut() {
            // A paragraph is searched as a whole: links run over the ends of lines.
            Some(last) if last.end + 1 == range.start && !self.text[range.clone()].trim().is_empty() => {
                last.end = range.end
            }
            _ => self.prose.push(range),
        }
    }

    fn headline(&mut self, number: usize, level: u8, title: Range<usize>) {
        let title = plain(self.text, title);
        self.draft.headline(&self.text[title.clone()], level, self.lines[number].start);
        self.prose.push(title);
    }

    /// A fenced block; its language is noted.
    fn code(&mut self, number: usize, fence: Fence) -> usize {
        let closes =
            |at: &usize| self.line(*at).trim_start().starts_with(fence.marks) && is_bare(self.line(*at), fence.sign);
        let end = (number + 1..self.lines.len()).find(closes).unwrap_or(self.lines.len() - 1);
        let line = self.lines[number].clone();
        let language = line.start + fence.language.start..line.start + fence.language.end;
        if !language.is_empty() {
            let subject = self.draft.last_headline().unwrap_or("this document").to_owned();
            self.draft.note(&subject, "shows code in", language, line.start..self.lines[end].end);
        }
        end + 1
    }

    fn table(&mut self, number: usize) -> usize {
        let title = self.draft.last_headline().unwrap_or_default().to_owned();
        let mut grid = Grid::new(self.lines[number].start);
        grid.row(cells(self.text, self.lines[number].clone()));
        let width = cells(self.text, self.lines[number].clone()).len();
        let mut end = number + 2;
        while end < self.lines.len() && self.line(end).contains('|') {
            let mut row = cells(self.text, self.lines[end].clone());
            row.truncate(width);
            grid.row(row);
            end += 1;
        }
        self.prose.extend(self.lines[number..end].iter().cloned());
        grid.close(&mut self.draft, self.lines[end - 1].end, &title, self.cells);
        end
    }

    /// `Term` above `: what it is`.
    fn definition(&mut self, number: usize) -> usize {
        let term = plain(self.text, self.lines[number].clone());
        let mut at = number + 1;
        while self.line(at).starts_with(": ") {
            let said = self.lines[at].start + 2..self.lines[at].end;
            self.draft.note(&self.text[term.clone()], "is", said.clone(), term.start..said.end);
            self.prose.push(said);
            at += 1;
        }
        at
    }

    /// `- **Term**: what it is`, `**Term** - what it is`, `` - `term`: what it is ``.
    fn bold_definition(&mut self, number: usize) {
        let line = self.lines[number].clone();
        let whole = &self.text[line.clone()];
        let item = whole.trim_start().trim_start_matches(['-', '*', '+']).trim_start();
        let item = if whole.trim_start().starts_with("**") { whole.trim_start() } else { item };
        let Some(mark) = ["**", "__", "`"].into_iter().find(|mark| item.starts_with(mark)) else { return };
        let Some(length) = item[mark.len()..].find(mark).filter(|&length| length > 0) else { return };
        let behind = &item[2 * mark.len() + length..];
        let term = item[mark.len()..mark.len() + length].trim();
        let said = behind
            .strip_prefix(':')
            .or_else(|| [" - ", " – ", " — ", ": "].iter().find_map(|sign| behind.strip_prefix(sign)))
            .or_else(|| term.ends_with(':').then_some(behind));
        let Some(said) = said.map(str::trim).filter(|said| !said.is_empty()) else { return };
        let end = line.start + whole.trim_end().len();
        let start = line.start + whole.len() - item.len();
        self.draft.note(term.trim_end_matches(':'), "is", end - said.len()..end, start..end);
    }
}

struct Fence<'a> {
    marks: &'a str,
    sign: char,
    language: Range<usize>,
}

/// The signs that open a fenced block, and its language inside of the line.
fn fence(line: &str) -> Option<Fence<'_>> {
    let inner = line.trim_start();
    let sign = inner.chars().next().filter(|sign| "`~".contains(*sign))?;
    let length = inner.len() - inner.trim_start_matches(sign).len();
    let info = &inner[length..];
    if length < 3 || info.contains('`') {
        return None;
    }
    let word = info.trim_start().split([' ', '{', '}', ',']).find(|word| !word.is_empty()).unwrap_or("");
    let at = if word.is_empty() { line.len() } else { line.len() - info.len() + info.find(word)? };
    Some(Fence { marks: &inner[..length], sign, language: at..at + word.len() })
}

fn is_bare(line: &str, sign: char) -> bool {
    line.trim().chars().all(|other| other == sign)
}

/// Level and title of `## Title ##`.
fn hashes(line: &str) -> Option<(u8, Range<usize>)> {
    let level = line.len() - line.trim_start_matches('#').len();
    let body = &line[level..];
    if !(1..=6).contains(&level) || !body.starts_with([' ', '\t']) || line.len() > LONGEST_HEADLINE {
        return None;
    }
    let inner = body.trim().trim_end_matches('#').trim_end();
    let start = line.len() - body.trim_start().len();
    (!inner.is_empty()).then(|| (level as u8, start..start + inner.len()))
}

fn underline(line: &str, below: &str) -> Option<u8> {
    let is_text = line.chars().any(char::is_alphanumeric) && line.len() <= LONGEST_HEADLINE;
    let inner = below.trim_end();
    if !is_text || inner.len() < 3 || line.starts_with(['|', '>', '-', ' ']) {
        return None;
    }
    if inner.bytes().all(|byte| byte == b'=') {
        return Some(1);
    }
    inner.bytes().all(|byte| byte == b'-').then_some(2)
}

/// `|---|:-:|`, the row below a table's head.
fn is_delimiter_row(line: &str) -> bool {
    let line = line.trim();
    line.contains('|') && line.contains("--") && line.bytes().all(|byte| b"|-: ".contains(&byte))
}

/// The cells of a row; a bar behind a backslash belongs to its cell.
fn cells(text: &str, line: Range<usize>) -> Vec<Range<usize>> {
    let line = trimmed(text, line);
    let inner = &text[line.clone()];
    let start = line.start + usize::from(inner.starts_with('|'));
    let mut cells = Vec::new();
    let mut from = start;
    let mut escaped = false;
    for (at, byte) in text[start..line.end].bytes().enumerate() {
        if byte == b'|' && !escaped {
            cells.push(plain(text, from..start + at));
            from = start + at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    if from < line.end || cells.is_empty() {
        cells.push(plain(text, from..line.end));
    }
    cells
}

/// A range without white space and without the marks of emphasis and code that enclose all of it.
fn plain(text: &str, range: Range<usize>) -> Range<usize> {
    let mut range = trimmed(text, range);
    while let Some(mark) = ["**", "__", "*", "_", "`"].into_iter().find(|mark| encloses(&text[range.clone()], mark)) {
        range = trimmed(text, range.start + mark.len()..range.end - mark.len());
    }
    range
}

fn encloses(text: &str, mark: &str) -> bool {
    let inner = text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, Kind};

    fn document(text: &str) -> Document {
        let document = read(text.to_owned(), &mut Cells { room: 1000, left_out: 0 }).finish("a.md", Kind::Professional);
        document.check().unwrap();
        document
    }

    #[test]
    fn headlines_tables_and_blocks_of_code() {
        let text = "---\ntitle: \"Rivers\"\nauthor: Ann\n---\nIntro\n=====\n\n## **Lengths** ##\n\n| River | km \\| mi |\n|:--|--:|\n\
                    | `Rhine` | 1230 |\n| Elbe |\n\n```python\n# not a headline\n[no](link)\n```\n\nEnd\n---\n";
        let document = document(text);
        let titles: Vec<(&str, u8)> = document.sections.iter().map(|s| (s.title.as_str(), s.level)).collect();
        assert_eq!(titles, [("Intro", 1), ("Lengths", 2), ("End", 2)]);
        let table = &document.tables[0];
        assert_eq!((table.title.as_str(), table.head[1].text.as_str()), ("Lengths", "km \\| mi"));
        assert_eq!((table.rows[0][0].text.as_str(), table.rows[1][1].text.as_str()), ("Rhine", ""));
        assert_eq!(document.title, "Rivers");
        assert!(document.links.is_empty());
        let notes: Vec<(&str, &str, &str)> =
            document.notes.iter().map(|n| (n.subject.as_str(), n.relation.as_str(), n.object.as_str())).collect();
        assert_eq!(
            notes,
            [("Rivers", "title", "\"Rivers\""), ("Rivers", "author", "Ann"), ("Lengths", "shows code in", "python")]
        );
    }

    #[test]
    fn definitions_in_their_forms() {
        let text =
            "Weir\n: a low dam\n: a fence\n\n- **Lock**: lifts ships\n**Ford** — a shallow place\n* `bed` - not bold\n";
        let found: Vec<(String, String)> = document(text).notes.into_iter().map(|n| (n.subject, n.object)).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(term, said)| (term.as_str(), said.as_str())).collect();
        assert_eq!(
            found,
            [
                ("Weir", "a low dam"),
                ("Weir", "a fence"),
                ("Lock", "lifts ships"),
                ("Ford", "a shallow place"),
                ("bed", "not bold")
            ]
        );
    }

    #[test]
    fn an_open_fence_lasts_to_the_end() {
        assert!(document("```\n# no\n").sections.is_empty());
        assert_eq!(document("~~~ {.c}\n~~~\n# yes\n").sections.len(), 1);
    }
}
