//! An answer on its way to the screen: thinking dimmed or left out, the answer after it.

use crate::lm::chat::{Part, Splitter};
use std::io::{self, Write};

/// What switches dim writing on and off on a terminal.
const DIM: (&str, &str) = ("\x1b[2m", "\x1b[0m");

/// Writes an answer as it comes.
pub(super) struct Voice<'a> {
    out: &'a mut dyn Write,
    splitter: Splitter,
    /// Whether thinking is shown, and dimmed.
    shows: bool,
    dims: bool,
    /// Whether thinking was written and no answer yet.
    thinking: bool,
    /// What came, marks included.
    pub text: String,
}

impl<'a> Voice<'a> {
    /// `thinks` says that the model begins with thinking without saying so.
    pub(super) fn new(out: &'a mut dyn Write, thinks: bool, shows: bool, dims: bool) -> Voice<'a> {
        Voice { out, splitter: Splitter::new(thinks), shows, dims, thinking: false, text: String::new() }
    }

    /// Takes a piece.
    pub(super) fn push(&mut self, piece: &str) -> io::Result<()> {
        self.text += piece;
        let part = self.splitter.push(piece);
        self.write(&part)
    }

    /// The answer has ended.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let part = self.splitter.finish();
        self.write(&part)?;
        self.close()?;
        writeln!(self.out)?;
        self.out.flush()
    }

    fn write(&mut self, part: &Part) -> io::Result<()> {
        if self.shows && !part.thinking.is_empty() {
            if self.dims && !self.thinking {
                write!(self.out, "{}", DIM.0)?;
            }
            self.thinking = true;
            write!(self.out, "{}", part.thinking)?;
        }
        if !part.answer.is_empty() {
            if self.close()? {
                write!(self.out, "\n\n")?;
            }
            write!(self.out, "{}", part.answer)?;
        }
        self.out.flush()
    }

    /// Ends the thinking, if there is any.
    fn close(&mut self) -> io::Result<bool> {
        let thinking = std::mem::take(&mut self.thinking);
        if thinking && self.dims {
            write!(self.out, "{}", DIM.1)?;
        }
        Ok(thinking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[&str], thinks: bool, shows: bool, dims: bool) -> String {
        let mut out = Vec::new();
        let mut voice = Voice::new(&mut out, thinks, shows, dims);
        pieces.iter().for_each(|piece| voice.push(piece).unwrap());
        voice.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn thinking_is_dimmed_left_out_or_plain() {
        let pieces = ["<think>\nAn", "na.\n</th", "ink>\n\nBern", "."];
        assert_eq!(written(&pieces, false, true, true), "\x1b[2mAnna.\x1b[0m\n\nBern.\n");
        assert_eq!(written(&pieces, false, true, false), "Anna.\n\nBern.\n");
        assert_eq!(written(&pieces, false, false, true), "Bern.\n");
        assert_eq!(written(&["Anna.\n</think>\n\nBern."], true, true, false), "Anna.\n\nBern.\n");
        assert_eq!(written(&["<think>An"], false, true, true), "\x1b[2mAn\x1b[0m\n", "cut off");
    }
}
