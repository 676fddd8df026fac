//! Sequences that have ended and may be the beginning of others: the next turn of a dialogue, another question about a document.

use crate::lm::infer::Sequence;
use std::collections::VecDeque;

/// The sequences, the one used last at the end.
pub(super) struct Kept {
    sequences: VecDeque<(Vec<u32>, Sequence)>,
    most: usize,
}

impl Kept {
    pub(super) fn new(most: usize) -> Kept {
        Kept { sequences: VecDeque::new(), most }
    }

    /// Keeps what was read of some tokens; a sequence that is its beginning goes.
    pub(super) fn keep(&mut self, mut tokens: Vec<u32>, sequence: Sequence) {
        tokens.truncate(sequence.len());
        if self.most == 0 || tokens.is_empty() {
            return;
        }
        self.sequences.retain(|(old, _)| !tokens.starts_with(old));
        self.sequences.push_back((tokens, sequence));
        if self.sequences.len() > self.most {
            self.drop_oldest();
        }
    }

    /// The longest beginning that a sequence has in common with some tokens, as number of tokens and sequence.
    pub(super) fn find(&mut self, tokens: &[u32]) -> Option<(usize, &Sequence)> {
        let lengths = self.sequences.iter().enumerate().map(|(at, (old, _))| (common(old, tokens), at));
        let (length, at) = lengths.max().filter(|&(length, _)| length > 0)?;
        let used = self.sequences.remove(at)?;
        self.sequences.push_back(used);
        self.sequences.back().map(|(_, sequence)| (length, sequence))
    }

    /// Lets the sequence go that was not used for longest; false where there is none.
    pub(super) fn drop_oldest(&mut self) -> bool {
        self.sequences.pop_front().is_some()
    }

    /// Positions that memory is held for.
    pub(super) fn held(&self) -> f64 {
        self.sequences.iter().map(|(_, sequence)| sequence.held()).sum()
    }
}

/// Tokens at the beginning of both.
pub(super) fn common(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
