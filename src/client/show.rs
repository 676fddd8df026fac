//! Text shown to the caller as it grows.

use crate::trouble::Trouble;
use crate::{ChatFailure, ChatReply};

/// What is put before thinking that the server has split off, and between it and the answer.
const OPEN: &str = "<think>\n";
const CLOSE: &str = "\n</think>\n\n";

/// The caller's view of an answer. When a broken answer is begun again, what was shown is not shown twice.
pub(crate) struct Show<'a> {
    see: &'a mut dyn FnMut(&str) -> bool,
    shown: String,
    /// How far the present try has come in what was shown.
    place: usize,
    /// Whether thinking came, and nothing behind it yet.
    thinking: bool,
}

impl Show<'_> {
    pub fn new(see: &mut dyn FnMut(&str) -> bool) -> Show<'_> {
        Show { see, shown: String::new(), place: 0, thinking: false }
    }

    /// The answer begins again.
    pub fn restart(&mut self) {
        (self.place, self.thinking) = (0, false);
    }

    /// Bytes of text that came in the present try.
    pub fn came(&self) -> usize {
        self.place
    }

    /// Shows a piece of thinking that the server has split off.
    pub fn think(&mut self, text: &str) -> Result<(), Trouble> {
        if !text.is_empty() && self.place == 0 {
            self.piece(OPEN)?;
        }
        self.thinking |= !text.is_empty();
        self.piece(text)
    }

    /// Shows a piece of the answer.
    pub fn say(&mut self, text: &str) -> Result<(), Trouble> {
        if !text.is_empty() && std::mem::take(&mut self.thinking) {
            self.piece(CLOSE)?;
        }
        self.piece(text)
    }

    /// Shows an answer that came whole, unless it was shown as it came.
    pub fn whole(&mut self, reply: &ChatReply) -> Result<(), ChatFailure> {
        if !self.shown.is_empty() {
            return Ok(());
        }
        let text = match &reply.reasoning {
            Some(reasoning) => format!("{OPEN}{reasoning}{CLOSE}{}", reply.content),
            None => reply.content.clone(),
        };
        if text.is_empty() || (self.see)(&text) { Ok(()) } else { Err(ChatFailure::Stopped) }
    }

    fn piece(&mut self, text: &str) -> Result<(), Trouble> {
        let before = &self.shown.as_bytes()[self.place..];
        let known = before.len().min(text.len());
        let new = text.get(known..).filter(|_| before[..known] == text.as_bytes()[..known]);
        let Some(new) = new else {
            return Err(Trouble::failed(
                "the connection broke amid the answer, and asked again the model said something else; ask without streaming",
            ));
        };
        self.place += text.len();
        self.shown.push_str(new);
        if new.is_empty() || (self.see)(new) { Ok(()) } else { Err(Trouble::Final(ChatFailure::Stopped)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_not_shown_twice() {
        let mut seen = Vec::new();
        let mut see = |text: &str| {
            seen.push(text.to_owned());
            true
        };
        let mut show = Show::new(&mut see);
        for text in ["Zü", "ri"] {
            show.say(text).unwrap();
        }
        show.restart();
        for text in ["Z", "üric", "h"] {
            show.say(text).unwrap();
        }
        show.restart();
        assert!(matches!(show.say("Bern"), Err(Trouble::Final(ChatFailure::Failed { .. }))));
        assert_eq!(seen, ["Zü", "ri", "c", "h"]);
    }

    #[test]
    fn thinking_that_the_server_split_off_is_opened_and_closed_once() {
        let mut seen = String::new();
        let mut see = |text: &str| {
            seen.push_str(text);
            true
        };
        let mut show = Show::new(&mut see);
        for text in ["", "a", "b"] {
            show.think(text).unwrap();
        }
        for text in ["", "c", "d"] {
            show.say(text).unwrap();
        }
        assert_eq!(seen, "<think>\nab\n</think>\n\ncd");
    }

    #[test]
    fn the_caller_ends_it() {
        let mut see = |_: &str| false;
        assert_eq!(Show::new(&mut see).say("a"), Err(Trouble::Final(ChatFailure::Stopped)));
    }
}
