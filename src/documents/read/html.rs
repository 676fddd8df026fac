//! HTML: its text as a person would read it, with headlines, tables, links and definitions.
//!
//! The tokens are html5gum's. No tree is built: what is open is kept in short stacks, so that depth costs nothing and tags that
//! are never closed close at the end.

mod flow;
mod list;
mod skip;
mod table;

use super::Context;
use super::grid::Cells;
use crate::Limits;
use crate::draft::{Draft, trimmed};
use flow::Flow;
use html5gum::{StartTag, State, Token, Tokenizer};
use list::Lists;
use skip::Skip;
use table::Tables;

/// Longest headline, bytes.
const LONGEST_HEADLINE: usize = 500;

/// A page while it is read.
struct Page<'a> {
    draft: Draft,
    flow: Flow,
    skip: Skip,
    lists: Lists,
    tables: Tables,
    headline: Option<(u8, usize)>,
    link: Option<(String, usize)>,
    /// The words of `<title>`.
    title: Option<String>,
    limits: &'a Limits,
}

pub(super) fn read(text: &str, context: &mut Context) -> Draft {
    let room = context.cells.room;
    let (draft, unclosed) = page(text, context, true);
    if !unclosed {
        return draft;
    }
    // A menu that is never closed would hide the whole page.
    context.cells.room = room;
    page(text, context, false).0
}

fn page(text: &str, context: &mut Context, menus: bool) -> (Draft, bool) {
    let mut page = Page {
        draft: Draft::default(),
        flow: Flow::default(),
        skip: Skip::new(menus),
        lists: Lists::default(),
        tables: Tables::new(context.cells.room),
        headline: None,
        link: None,
        title: None,
        limits: context.limits,
    };
    let mut tokens = Tokenizer::new(text);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                if let Some(state) = raw_state(&tag) {
                    tokens.set_state(state);
                }
                page.start(&tag);
            }
            Token::EndTag(tag) => page.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(words) => page.words(&String::from_utf8_lossy(&words)),
            _ => {}
        }
    }
    let unclosed = page.skip.is_in_menu();
    let (draft, tables) = page.finish();
    context.cells.room = tables.room;
    let left_out = tables.left_out;
    if left_out > 0 && !unclosed {
        context.remarks.push(super::Remark::RowsCut { left_out });
    }
    (draft, unclosed)
}

/// How the words behind a tag are to be read where they are no HTML.
fn raw_state(tag: &StartTag<()>) -> Option<State> {
    if tag.self_closing {
        return None;
    }
    match tag.name.as_slice() {
        b"title" | b"textarea" => Some(State::RcData),
        b"script" => Some(State::ScriptData),
        b"style" | b"xmp" | b"iframe" | b"noembed" | b"noframes" => Some(State::RawText),
        _ => None,
    }
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(&value.value).into_owned())
}

fn span_of(tag: &StartTag<()>, name: &str) -> usize {
    attribute(tag, name).and_then(|number| number.trim().parse().ok()).unwrap_or(1).clamp(1, 1000)
}

impl Page<'_> {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        if self.skip.start(&name, tag) {
            return;
        }
        match name.as_str() {
            "title" if self.title.is_none() && !tag.self_closing => self.title = Some(String::new()),
            "a" => {
                self.end_link();
                self.link = attribute(tag, "href").map(|target| (target, self.flow.end()));
            }
            "br" => self.flow.line(),
            "hr" => self.flow.paragraph(),
            "img" | "input" => {}
            _ => self.start_block(&name, tag),
        }
    }

    fn start_block(&mut self, name: &str, tag: &StartTag<()>) {
        if let Some(level) = level(name) {
            self.end_headline();
            self.tables.is_layout();
            self.break_for("h");
            self.headline = Some((level, self.flow.end()));
            return;
        }
        match name {
            "pre" | "textarea" => {
                self.break_for("p");
                self.flow.kept += 1;
            }
            "ul" | "ol" => self.lists.open(name == "ol"),
            "li" => {
                self.break_for("li");
                let mark = self.lists.mark();
                self.flow.words(&mark);
            }
            "dl" => self.lists.open_terms(),
            "dt" => {
                self.close_said();
                self.break_for("dt");
                self.lists.start_term(self.flow.end());
            }
            "dd" => {
                self.close_said();
                self.break_for("dd");
                self.lists.start_said(self.flow.end());
            }
            "table" => {
                self.break_for("table");
                let title = self.draft.last_headline().unwrap_or_default().to_owned();
                let class = attribute(tag, "class").unwrap_or_default();
                self.tables.open(self.flow.end(), title, &class);
            }
            "caption" => self.tables.caption(self.flow.end()),
            "thead" => self.tables.in_head(true),
            "tbody" | "tfoot" => self.tables.in_head(false),
            "tr" => self.tables.row(&mut self.flow),
            "td" | "th" => {
                let spans = (span_of(tag, "colspan"), span_of(tag, "rowspan"));
                self.tables.cell(&mut self.flow, name == "th", spans);
            }
            _ if is_block(name) => self.break_for(name),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.skip.end(name) {
            return;
        }
        match name {
            "a" => self.end_link(),
            "pre" | "textarea" => {
                self.flow.kept = self.flow.kept.saturating_sub(1);
                self.break_for("p");
            }
            "ul" | "ol" => {
                self.lists.close();
                self.break_for("p");
            }
            "dt" => self.lists.end_term(self.flow.end()),
            "dd" => self.close_said(),
            "dl" => {
                self.close_said();
                self.lists.close_terms();
                self.break_for("p");
            }
            "caption" => self.tables.end_caption(&mut self.flow),
            "thead" => self.tables.in_head(false),
            "td" | "th" => self.tables.end_cell(&self.flow),
            "tr" => self.tables.end_row(&mut self.flow),
            "table" => self.close_table(),
            _ if level(name).is_some() => {
                self.end_headline();
                self.break_for("h");
            }
            _ if is_block(name) => self.break_for(name),
            _ => {}
        }
    }

    /// Breaks lines before and behind a block; in a cell of a table a space must do.
    fn break_for(&mut self, name: &str) {
        if self.tables.is_in_cell() {
            self.flow.space();
        } else if matches!(name, "li" | "dt" | "dd" | "div" | "tr") {
            self.flow.line();
        } else {
            self.flow.paragraph();
        }
    }

    fn words(&mut self, words: &str) {
        if let Some(title) = self.title.as_mut().filter(|_| self.skip.is_in_title()) {
            title.push_str(words);
        } else if !self.skip.is_on() {
            self.flow.words(words);
        }
    }

    fn end_link(&mut self) {
        if let Some((target, start)) = self.link.take() {
            let end = self.flow.end();
            self.flow.lend(&mut self.draft, |draft| draft.link(start.min(end)..end, &target));
        }
    }

    fn end_headline(&mut self) {
        if let Some((level, start)) = self.headline.take() {
            let end = self.flow.end();
            let range = trimmed(self.flow.text(), start.min(end)..end);
            if range.len() <= LONGEST_HEADLINE {
                let title = self.flow.text()[range.clone()].to_owned();
                self.draft.headline(&title, level, range.start);
            }
        }
    }

    fn close_said(&mut self) {
        let end = self.flow.end();
        if let Some((terms, said)) = self.lists.end_said(end)
            && self.draft.notes.len() <= self.limits.notes
        {
            self.flow.lend(&mut self.draft, |draft| list::define(draft, &terms, said));
        }
    }

    fn close_table(&mut self) {
        let subject = self.title.as_deref().map(joined);
        if let Some(closed) = self.tables.close(&mut self.flow) {
            let mut cells = Cells { room: self.tables.room, left_out: 0 };
            self.flow.lend(&mut self.draft, |draft| closed.put(draft, subject.as_deref(), &mut cells));
            self.tables.room = cells.room;
            self.tables.left_out += cells.left_out;
        }
        self.flow.paragraph();
    }

    fn finish(mut self) -> (Draft, Tables) {
        self.end_link();
        self.end_headline();
        while self.lists.has_terms() {
            self.close_said();
            self.lists.close_terms();
        }
        while self.tables.is_open() {
            self.close_table();
        }
        self.draft.text = self.flow.finish();
        let first = self.draft.first_headline().map(|(title, _)| title.to_owned());
        self.draft.title = self.title.as_deref().map(joined).filter(|title| !title.is_empty()).or(first);
        (self.draft, self.tables)
    }
}

/// Words with one space between them.
fn joined(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "main"
            | "header"
            | "footer"
            | "aside"
            | "blockquote"
            | "figure"
            | "figcaption"
            | "address"
            | "form"
            | "fieldset"
            | "details"
            | "summary"
            | "body"
            | "center"
    )
}

#[cfg(test)]
mod tests;
