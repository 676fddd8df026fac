//! Running text: white space collapsed, lines broken where blocks begin and end.

use crate::draft::Draft;

/// Text that grows. Spaces and breaks wait until words come behind them.
#[derive(Default)]
pub(super) struct Flow {
    text: String,
    space: bool,
    breaks: usize,
    /// How many elements are open that keep white space as it is.
    pub kept: usize,
}

impl Flow {
    /// Where the text ends so far. Breaks that wait are not counted: a place that is marked here may have white space behind it. Spaces before a break that
    /// waits will go, and do not count either.
    pub fn end(&self) -> usize {
        if self.breaks > 0 { self.text.trim_end_matches(' ').len() } else { self.text.len() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Asks for a space.
    pub fn space(&mut self) {
        self.space = true;
    }

    /// Asks for the end of a line.
    pub fn line(&mut self) {
        self.breaks = self.breaks.max(1);
    }

    /// Asks for a blank line.
    pub fn paragraph(&mut self) {
        self.breaks = 2;
    }

    /// Adds words.
    pub fn words(&mut self, words: &str) {
        if self.kept > 0 {
            return self.kept_words(words);
        }
        self.space |= words.starts_with(is_space);
        for (number, word) in words.split(is_space).filter(|word| !word.is_empty()).enumerate() {
            self.space |= number > 0;
            self.settle();
            self.text.push_str(word);
        }
        self.space |= words.ends_with(is_space);
    }

    /// Adds signs as they are, in place of a space that waits.
    pub fn sign(&mut self, sign: &str) {
        self.space = false;
        self.settle();
        self.text.push_str(sign);
    }

    fn kept_words(&mut self, words: &str) {
        let words = if self.breaks > 0 { words.trim_start_matches('\n') } else { words };
        if !words.is_empty() {
            self.settle();
            // Carriage returns come in as numbers of characters, `&#13;`.
            self.text.extend(words.chars().map(|letter| if letter == '\r' { '\n' } else { letter }));
        }
    }

    /// Writes what waits.
    fn settle(&mut self) {
        if self.breaks > 0 {
            self.text.truncate(self.text.trim_end_matches(' ').len());
            if !self.text.is_empty() {
                let there = self.text.bytes().rev().take(2).take_while(|&byte| byte == b'\n').count();
                (there..self.breaks).for_each(|_| self.text.push('\n'));
            }
        } else if self.space && !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
        (self.space, self.breaks) = (false, 0);
    }

    /// Lets a draft have the text for as long as something is added to it that points into it.
    pub fn lend(&mut self, draft: &mut Draft, add: impl FnOnce(&mut Draft)) {
        std::mem::swap(&mut self.text, &mut draft.text);
        add(draft);
        std::mem::swap(&mut self.text, &mut draft.text);
    }

    /// The text, ended by a line end. Nothing before its end moves.
    pub fn finish(mut self) -> String {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text
    }
}

/// The white space of HTML, and the space that must not be broken.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\u{a0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_collapse_and_blocks_break() {
        let mut flow = Flow::default();
        flow.paragraph();
        flow.words("  a \n b");
        flow.words("c ");
        flow.words("d");
        flow.paragraph();
        flow.line();
        flow.words(" e");
        flow.kept = 1;
        flow.line();
        flow.words("\n  f\n");
        flow.kept = 0;
        flow.line();
        flow.words("g");
        assert_eq!(flow.finish(), "a bc d\n\ne\n  f\ng\n");
    }
}
