//! The text `b`, and where in it a match can start.

use super::symbols::Symbol;
use std::ops::Range;

/// From this length of `b` on, CPython's autojunk drops popular elements.
const POPULAR_FROM: usize = 200;

/// `b` with the places of each symbol, ascending; popular symbols have none (`b2j`). The lists of all symbols lie in one
/// array; beside each place stand its neighbours, so that the search for runs reads memory in order.
#[derive(Clone, Debug)]
pub(super) struct Index<S> {
    text: Vec<S>,
    absent: S,
    /// The list of symbol s is `starts[s]..starts[s + 1]`.
    starts: Vec<u32>,
    /// Whether a symbol has places, that is, can start a match.
    strong: Vec<bool>,
    places: Vec<u32>,
    /// The strong symbol before each place, or nothing.
    before: Vec<S>,
    /// The strong symbol after each place, or nothing.
    after: Vec<S>,
}

impl<S: Symbol> Index<S> {
    /// `absent` is a number above those of all symbols of the text; it gets an empty list.
    pub(super) fn new(text: Vec<S>, absent: S) -> Self {
        assert!(text.len() < u32::MAX as usize - 1, "a text of 2^32 - 2 characters or more");
        let mut counts = vec![0u32; absent.place() + 1];
        for &symbol in &text {
            counts[symbol.place()] += 1;
        }
        if text.len() >= POPULAR_FROM {
            let most = (text.len() / 100 + 1) as u32;
            counts.iter_mut().filter(|count| **count > most).for_each(|count| *count = 0);
        }
        let strong: Vec<bool> = counts.iter().map(|&count| count > 0).collect();
        let mut starts = Vec::with_capacity(counts.len() + 1);
        let mut total = 0;
        starts.push(0);
        starts.extend(counts.iter().map(|count| {
            total += count;
            total
        }));
        let size = total as usize;
        let (places, before, after) = (vec![0; size], vec![S::NOTHING; size], vec![S::NOTHING; size]);
        let mut index = Index { text, absent, starts, strong, places, before, after };
        index.fill();
        index
    }

    /// Writes places and their neighbours.
    fn fill(&mut self) {
        if self.places.is_empty() {
            return;
        }
        let mut free = self.starts.clone();
        let mut last: Option<usize> = None;
        for (j, &symbol) in self.text.iter().enumerate() {
            if !self.strong[symbol.place()] {
                last = None;
                continue;
            }
            let slot = free[symbol.place()] as usize;
            free[symbol.place()] += 1;
            self.places[slot] = j as u32;
            if let Some(last) = last {
                self.before[slot] = self.text[j - 1];
                self.after[last] = symbol;
            }
            last = Some(slot);
        }
    }

    pub(super) fn text(&self) -> &[S] {
        &self.text
    }

    /// What stands in `a` for a character that is not in `b`.
    pub(super) fn absent(&self) -> S {
        self.absent
    }

    /// The first entry of each symbol's list.
    pub(super) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// One past the last entry of a symbol's list.
    pub(super) fn end(&self, symbol: S) -> usize {
        self.starts[symbol.place() + 1] as usize
    }

    /// Whether a match can start with this symbol.
    pub(super) fn strong(&self, symbol: S) -> bool {
        self.strong[symbol.place()]
    }

    pub(super) fn place(&self, entry: usize) -> u32 {
        self.places[entry]
    }

    /// Of at most 64 entries, those where a run of two or more can start, as bits: `next` follows, `last` does not precede.
    pub(super) fn run_starts(&self, entries: Range<usize>, last: S, next: S) -> u64 {
        let pairs = self.before[entries.clone()].iter().zip(&self.after[entries]);
        pairs.enumerate().fold(0, |bits, (k, (&before, &after))| bits | u64::from(after == next && before != last) << k)
    }

    /// The length of the common stretch of strong symbols at the head of `a` and at `j`.
    pub(super) fn run(&self, a: &[S], b: Range<usize>) -> usize {
        a.iter().zip(&self.text[b]).take_while(|&(x, y)| x == y && self.strong(*y)).count()
    }
}
