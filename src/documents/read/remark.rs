//! What a reader left out, cut or guessed.

use crate::encoding::Encoding;
use serde::Serialize;

/// Something that a reader did and that its caller should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "remark")]
pub enum Remark {
    /// The bytes are no UTF-8 and were taken for another encoding.
    Guessed {
        /// The encoding.
        encoding: Encoding,
    },
    /// Bytes that are no letters in the encoding of the file; the replacement character stands for them.
    LettersLost {
        /// How many.
        lost: usize,
    },
    /// Only the beginning was read (`file_bytes`, `inflated_bytes`).
    FileCut {
        /// Bytes that were read.
        read: u64,
        /// Bytes of the whole, or 0 where they are not known.
        of: u64,
    },
    /// A long text became several documents (`document_bytes`).
    Split {
        /// How many.
        parts: usize,
        /// Tables, links and notes that lay across a cut and are gone.
        lost: usize,
    },
    /// Rows of tables were left out (`cells`).
    RowsCut {
        /// How many.
        left_out: usize,
    },
    /// Cells of rows that are longer than the head, or than a table can be wide, were left out.
    CellsCut {
        /// How many.
        left_out: usize,
    },
    /// Notes or links were left out (`notes`).
    NotesCut {
        /// How many.
        left_out: usize,
    },
    /// Pages were left out (`pages`, or because they are damaged).
    PagesCut {
        /// How many.
        left_out: usize,
    },
    /// Lines that are no JSON were left out.
    BadLines {
        /// How many.
        left_out: usize,
        /// The first of them, from 1.
        first: usize,
    },
    /// Chapters that the book names were missing or damaged.
    ChaptersLost {
        /// How many.
        left_out: usize,
    },
    /// Source code was read as plain text.
    NotParsed {
        /// Why.
        reason: &'static str,
    },
}

impl Remark {
    /// One word for it, to count by.
    pub fn name(&self) -> &'static str {
        match self {
            Remark::Guessed { encoding: Encoding::Latin1 } => "taken_for_latin1",
            Remark::Guessed { .. } => "taken_for_windows1252",
            Remark::LettersLost { .. } => "letters_lost",
            Remark::FileCut { .. } => "file_cut",
            Remark::Split { .. } => "split",
            Remark::RowsCut { .. } => "rows_cut",
            Remark::CellsCut { .. } => "cells_cut",
            Remark::NotesCut { .. } => "notes_cut",
            Remark::PagesCut { .. } => "pages_cut",
            Remark::BadLines { .. } => "bad_lines",
            Remark::ChaptersLost { .. } => "chapters_lost",
            Remark::NotParsed { .. } => "not_parsed",
        }
    }
}

/// Remarks of the same word as one, so that a file of many documents has few.
pub(super) fn gathered(remarks: Vec<Remark>) -> Vec<Remark> {
    let mut gathered: Vec<Remark> = Vec::new();
    for remark in remarks {
        match gathered.iter_mut().find(|other| other.name() == remark.name()) {
            Some(other) => add(other, remark),
            None => gathered.push(remark),
        }
    }
    gathered
}

fn add(to: &mut Remark, more: Remark) {
    match (to, more) {
        (Remark::Split { parts, lost }, Remark::Split { parts: p, lost: l }) => {
            (*parts, *lost) = (*parts + p, *lost + l)
        }
        (
            Remark::RowsCut { left_out }
            | Remark::NotesCut { left_out }
            | Remark::PagesCut { left_out }
            | Remark::ChaptersLost { left_out }
            | Remark::BadLines { left_out, .. },
            Remark::RowsCut { left_out: more }
            | Remark::NotesCut { left_out: more }
            | Remark::PagesCut { left_out: more }
            | Remark::ChaptersLost { left_out: more }
            | Remark::BadLines { left_out: more, .. },
        ) => *left_out += more,
        _ => {}
    }
}
