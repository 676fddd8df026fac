//! Tables: one line of text a row, cells between bars; cells that span rows or columns are repeated.

use super::super::grid::{Cells, Grid};
use super::flow::Flow;
use crate::draft::{Draft, trimmed};
use std::ops::Range;

/// Tables open at once; deeper ones are read as running text.
const DEEPEST: usize = 8;
/// Columns of a table; further cells are read as running text.
const COLUMNS: usize = 1000;
/// Longest cell that is repeated, bytes; longer ones leave what they span empty.
const LONGEST_REPEATED: usize = 200;
/// Bytes that repeated cells of a page may take; what spans more stays as it is.
const MOST_REPEATED: usize = 4 << 20;

#[derive(Clone)]
struct Slot {
    range: Range<usize>,
    is_head: bool,
    is_repeated: bool,
}

/// A cell that reaches into the rows below.
#[derive(Clone)]
struct Carried {
    rows: usize,
    text: String,
    is_head: bool,
}

#[derive(Default)]
struct Open {
    start: usize,
    title: String,
    is_infobox: bool,
    caption: Option<usize>,
    in_head: bool,
    /// The last row that stands in the head.
    head: Option<usize>,
    rows: Vec<Vec<Slot>>,
    carried: Vec<Option<Carried>>,
    row: Option<Vec<Slot>>,
    cell: Option<(usize, bool, (usize, usize))>,
    /// Whether it only arranges a page.
    is_layout: bool,
}

/// The tables that are open.
pub(super) struct Tables {
    open: Vec<Open>,
    /// Tables beyond the deepest.
    deeper: usize,
    /// Cells that may still be read.
    pub room: usize,
    /// Bytes that repeated cells may still take.
    repeated: usize,
    /// Rows that found no room.
    pub left_out: usize,
}

impl Tables {
    pub fn new(room: usize) -> Self {
        Tables { open: Vec::new(), deeper: 0, room, repeated: MOST_REPEATED, left_out: 0 }
    }

    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether words go into a cell of a table of data.
    pub fn is_in_cell(&self) -> bool {
        self.open.last().is_some_and(|table| (table.cell.is_some() || table.caption.is_some()) && !table.is_layout)
    }

    /// Says that the open tables arrange a page: there is a headline or a table inside.
    pub fn is_layout(&mut self) {
        self.open.iter_mut().filter(|table| table.cell.is_some()).for_each(|table| table.is_layout = true);
    }

    pub fn open(&mut self, start: usize, title: String, class: &str) {
        self.is_layout();
        if self.open.len() == DEEPEST {
            self.deeper += 1;
            return;
        }
        let is_infobox = class.split_whitespace().any(|word| word.starts_with("infobox") || word == "field-list");
        self.open.push(Open { start, title, is_infobox, ..Open::default() });
    }

    fn top(&mut self) -> Option<&mut Open> {
        if self.deeper > 0 { None } else { self.open.last_mut() }
    }

    /// Writes the cells that reach into this place of the row, from above or from the left.
    fn carry(&mut self, flow: &mut Flow) {
        let mut room = self.repeated;
        if let Some(table) = self.top() {
            table.carry(flow, &mut room);
        }
        self.repeated = room;
    }

    pub fn caption(&mut self, at: usize) {
        if let Some(table) = self.top() {
            table.caption = Some(at);
        }
    }

    pub fn end_caption(&mut self, flow: &mut Flow) {
        if let Some(table) = self.top()
            && let Some(start) = table.caption.take()
        {
            table.title = flow.text()[trimmed(flow.text(), start..flow.end())].to_owned();
            flow.line();
        }
    }

    pub fn in_head(&mut self, is: bool) {
        if let Some(table) = self.top() {
            table.in_head = is;
        }
    }

    pub fn row(&mut self, flow: &mut Flow) {
        self.end_row(flow);
        self.end_caption(flow);
        flow.line();
        if let Some(table) = self.top() {
            table.row = Some(Vec::new());
        }
    }

    pub fn cell(&mut self, flow: &mut Flow, is_head: bool, spans: (usize, usize)) {
        self.end_cell(flow);
        let Some(table) = self.top() else { return flow.space() };
        if table.row.is_none() {
            flow.line();
            table.row = Some(Vec::new());
        }
        self.carry(flow);
        let Some(table) = self.top() else { return };
        let Some(row) = table.row.as_ref().filter(|row| row.len() < COLUMNS) else { return flow.space() };
        if !row.is_empty() {
            flow.sign(" | ");
        }
        table.cell = Some((flow.end(), is_head, spans));
    }

    /// Ends the open cell.
    pub fn end_cell(&mut self, flow: &Flow) {
        if let Some(table) = self.top() {
            table.end_cell(flow);
        }
    }

    pub fn end_row(&mut self, flow: &mut Flow) {
        self.end_cell(flow);
        self.carry(flow);
        let room = self.room;
        let Some(table) = self.top() else { return };
        let Some(row) = table.row.take() else { return };
        flow.line();
        if row.len() > room {
            self.left_out += 1;
            return;
        }
        if table.in_head {
            table.head = Some(table.rows.len());
        }
        let cells = row.len();
        if !row.is_empty() {
            table.rows.push(row);
        }
        self.room = room - cells;
    }

    /// Closes the innermost table.
    pub fn close(&mut self, flow: &mut Flow) -> Option<Closed> {
        if self.deeper > 0 {
            self.deeper -= 1;
            return None;
        }
        self.end_row(flow);
        self.end_caption(flow);
        let open = self.open.pop()?;
        let end = flow.end();
        (!open.is_layout).then_some(Closed { open, end })
    }
}

impl Open {
    fn end_cell(&mut self, flow: &Flow) {
        if let (Some((start, is_head, spans)), Some(row)) = (self.cell.take(), &mut self.row) {
            let range = trimmed(flow.text(), start.min(flow.end())..flow.end());
            let text = &flow.text()[range.clone()];
            let text = if text.len() <= LONGEST_REPEATED && !self.is_layout { text.to_owned() } else { String::new() };
            let column = row.len();
            row.push(Slot { range, is_head, is_repeated: false });
            for number in 1..spans.0.min(COLUMNS - column) {
                self.set(column + number, Carried { rows: spans.1, text: text.clone(), is_head });
            }
            if spans.1 > 1 {
                self.set(column, Carried { rows: spans.1 - 1, text, is_head });
            }
        }
    }

    fn set(&mut self, column: usize, carried: Carried) {
        if self.carried.len() <= column {
            self.carried.resize(column + 1, None);
        }
        self.carried[column] = Some(carried);
    }

    fn carry(&mut self, flow: &mut Flow, room: &mut usize) {
        let Some(row) = &mut self.row else { return };
        while let Some(carried) = next_carried(&mut self.carried, row.len()) {
            let cost = carried.text.len() + 3;
            if cost > *room {
                return;
            }
            *room -= cost;
            if !row.is_empty() {
                flow.sign(" | ");
            }
            let start = flow.end();
            if !carried.text.is_empty() {
                flow.sign(&carried.text);
            }
            row.push(Slot { range: start..flow.end(), is_head: carried.is_head, is_repeated: true });
        }
    }
}

/// The cell that reaches into a column, which has one row less to reach into then.
fn next_carried(carried: &mut [Option<Carried>], column: usize) -> Option<Carried> {
    let place = carried.get_mut(column)?;
    let found = place.clone()?;
    *place = (found.rows > 1).then(|| Carried { rows: found.rows - 1, ..found.clone() });
    Some(found)
}

/// A table whose text is written.
pub(super) struct Closed {
    open: Open,
    end: usize,
}

impl Closed {
    /// Puts it into the draft: an infobox as notes, a table with a head as a table, whose cells take room anew.
    pub fn put(self, draft: &mut Draft, page: Option<&str>, cells: &mut Cells) {
        let Closed { open, end } = self;
        if open.is_infobox || is_infobox(&open.rows, open.head) {
            let own = open.rows.iter().find(|row| is_title(row)).map(|row| draft.cell(row[0].range.clone()).text);
            let caption = Some(open.title).filter(|title| !title.is_empty());
            let subject = own.or(caption).unwrap_or_else(|| page.unwrap_or("this page").to_owned());
            return properties(draft, &open.rows, &subject);
        }
        let Some(head) = open.head.or_else(|| guessed_head(&open.rows, draft)) else { return };
        // White space may wait before the first word.
        let start = trimmed(&draft.text, open.start.min(end)..end).start;
        cells.room += open.rows.iter().map(Vec::len).sum::<usize>();
        let mut grid = Grid::new(start);
        open.rows.into_iter().skip(head).for_each(|row| grid.row(row.into_iter().map(|slot| slot.range).collect()));
        grid.close(draft, end, &open.title, cells);
    }
}

/// Every row has a head and one thing said, or is a headline of its own.
fn is_infobox(rows: &[Vec<Slot>], head: Option<usize>) -> bool {
    let pairs = rows.iter().filter(|row| is_pair(row)).count();
    head.is_none() && pairs >= 2 && rows.iter().all(|row| is_pair(row) || is_title(row) || row.len() == 1)
}

fn is_pair(row: &[Slot]) -> bool {
    row.len() == 2 && row[0].is_head && !row[1].is_head
}

/// One head across the whole row.
fn is_title(row: &[Slot]) -> bool {
    row.first().is_some_and(|first| first.is_head) && row.iter().skip(1).all(|slot| slot.is_repeated) && row.len() < 3
}

fn properties(draft: &mut Draft, rows: &[Vec<Slot>], subject: &str) {
    for row in rows.iter().filter(|row| is_pair(row)) {
        let name = draft.cell(row[0].range.clone()).text;
        let name = name.trim_end_matches(':').trim();
        if !name.is_empty() && name.len() <= LONGEST_REPEATED {
            draft.note(subject, name, row[1].range.clone(), row[0].range.start..row[1].range.end);
        }
    }
}

/// The first row is the head if all its cells are marked as heads, or if they are all words and a row below has a number.
fn guessed_head(rows: &[Vec<Slot>], draft: &Draft) -> Option<usize> {
    let first = rows.first().filter(|row| row.len() >= 2)?;
    if first.iter().skip(1).all(|slot| slot.is_head) {
        return Some(0);
    }
    let text = |slot: &Slot| draft.text[slot.range.clone()].trim();
    let words = first.iter().all(|slot| !text(slot).is_empty() && !is_number(text(slot)));
    let numbers = rows.iter().skip(1).take(20).flatten().any(|slot| is_number(text(slot)));
    (words && numbers).then_some(0)
}

fn is_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits > 0 && 2 * digits >= text.len()
}
