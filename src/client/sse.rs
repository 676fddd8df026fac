//! Server-sent events, as the HTML standard reads them: bytes in, events out.

use std::collections::VecDeque;

/// Longest line, and most data of one event, bytes.
pub(crate) const LARGEST_EVENT: usize = 8 << 20;

/// A line or an event is longer than [`LARGEST_EVENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Reads events from bytes that come in any pieces: lines end with LF, CR or CR LF, comments and unknown fields are left out, lines of
/// `data` are joined by line feeds. What stands behind the last blank line is no event.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    /// A CR came: an LF right behind it belongs to it.
    returned: bool,
    begun: bool,
    ready: VecDeque<String>,
}

impl Events {
    /// Takes bytes in.
    ///
    /// # Errors
    /// A line or an event that is too large. Nothing more can be read then.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        if self.returned && !bytes.is_empty() {
            self.returned = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.grow(&bytes[..end])?;
            self.end_line()?;
            let returned = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if returned {
                self.returned = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
        }
        self.grow(bytes)
    }

    /// The data of the next event.
    pub fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + bytes.len() > LARGEST_EVENT {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        let mut text = String::from_utf8_lossy(&line);
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix('\u{feff}').map(|rest| rest.to_owned().into()).unwrap_or(text);
        }
        if text.is_empty() {
            self.end_event();
            return Ok(());
        }
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        if field == "data" { self.add(value.strip_prefix(' ').unwrap_or(value)) } else { Ok(()) }
    }

    fn add(&mut self, value: &str) -> Result<(), TooLarge> {
        if self.data.len() + value.len() > LARGEST_EVENT {
            return Err(TooLarge);
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push('\n');
        }
        self.data.push_str(value);
        Ok(())
    }

    fn end_event(&mut self) {
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) && !data.is_empty() {
            self.ready.push_back(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut events = Events::default();
        for piece in pieces {
            events.feed(piece).unwrap();
        }
        std::iter::from_fn(|| events.next()).collect()
    }

    #[test]
    fn the_fields_of_an_event_are_read_as_the_standard_says() {
        let text = "\u{feff}: hello\r\nid: 1\nevent: x\ndata: a\rdata:b\ndata\ndata:  c\n\nretry: 5\n\ndata: [DONE]\r\n\r\ndata: cut";
        assert_eq!(read([text.as_bytes()]), ["a\nb\n\n c", "[DONE]"]);
    }

    #[test]
    fn any_cut_gives_the_same_events() {
        let text =
            "data: {\"a\":\"Zürich 東京 🙂\"}\r\n\r\n: comment\r\ndata: one\rdata: two\r\rdata: [DONE]\n\n".as_bytes();
        let whole = read([text]);
        assert_eq!(whole, ["{\"a\":\"Zürich 東京 🙂\"}", "one\ntwo", "[DONE]"]);
        for cut in 0..=text.len() {
            assert_eq!(read([&text[..cut], &text[cut..]]), whole, "cut at {cut}");
        }
        assert_eq!(read(text.chunks(1)), whole);
    }

    #[test]
    fn endless_lines_and_endless_events_end_in_an_error() {
        let mut events = Events::default();
        let piece = vec![b'a'; 1 << 20];
        assert!((0..=LARGEST_EVENT >> 20).any(|_| events.feed(&piece) == Err(TooLarge)));
        let mut events = Events::default();
        let piece = [&b"data: "[..], &piece, b"\n"].concat();
        assert!((0..=LARGEST_EVENT >> 20).any(|_| events.feed(&piece) == Err(TooLarge)));
    }

    proptest! {
        #[test]
        fn events_come_back_whatever_ends_lines_and_pieces(
            texts in prop::collection::vec("[^\r\n\u{feff}]{1,20}(\n[^\r\n]{0,9}){0,3}", 0..6),
            ending in prop::sample::select(vec!["\n", "\r", "\r\n"]),
            noise in "(: ?[a-z]{0,5}|id: 7|nothing)",
            cuts in prop::collection::vec(1usize..30, 1..40),
        ) {
            let event = |text: &String| {
                let lines: Vec<_> = text.split('\n').map(|line| format!("data: {line}{ending}")).collect();
                format!("{noise}{ending}{}{ending}", lines.concat())
            };
            let stream: String = texts.iter().map(event).collect();
            let mut rest = stream.as_bytes();
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = left;
                if rest.is_empty() { break; }
            }
            prop_assert_eq!(read(pieces), texts);
        }

        #[test]
        fn any_bytes_in_any_pieces_are_the_same_events(bytes in prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), Just(b'a'), Just(b't'), any::<u8>()], 0..200
        ), cut in 0usize..200) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(read([&bytes[..cut], &bytes[cut..]]), read([&bytes[..]]));
            prop_assert_eq!(read(bytes.chunks(1)), read([&bytes[..]]));
        }
    }
}
