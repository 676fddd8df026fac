//! Keys and values of a sequence.

use longlab_kernels::attention::{POSITIONS, Page};
use std::ops::Range;
use std::sync::Arc;

/// A sequence of tokens that a model has read: its keys and values. A clone shares all full pages with it, and copies the last one
/// when either goes on.
#[derive(Clone, Default)]
pub struct Sequence {
    /// Of each layer and key/value head, in this order.
    heads: Vec<Vec<Arc<Page>>>,
    length: usize,
}

impl Sequence {
    /// Tokens.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes of its pages, those that it shares with others too.
    pub fn bytes(&self) -> usize {
        self.heads.iter().flatten().map(|page| page.bytes()).sum()
    }

    /// Its first `positions` tokens (all, where it has fewer), in the same pages.
    pub fn beginning(&self, positions: usize) -> Sequence {
        let length = positions.min(self.length);
        let pages = length.div_ceil(POSITIONS);
        Sequence { heads: self.heads.iter().map(|head| head[..pages].to_vec()).collect(), length }
    }

    /// Positions that memory is held for: those of its pages, and of a page that several sequences share each one's part.
    pub fn held(&self) -> f64 {
        let pages = self.heads.first().into_iter().flatten();
        pages.map(|page| POSITIONS as f64 / Arc::strong_count(page) as f64).sum()
    }

    /// Positions that new memory is needed for when it reads `more` tokens: new pages, and a copy of a shared last one.
    pub fn growth(&self, more: usize) -> usize {
        let pages = self.heads.first().map_or(&[][..], Vec::as_slice);
        let new = (self.length + more).div_ceil(POSITIONS).saturating_sub(pages.len());
        let partial =
            !self.length.is_multiple_of(POSITIONS) && pages.last().is_some_and(|page| Arc::strong_count(page) > 1);
        (new + usize::from(partial && more > 0)) * POSITIONS
    }

    /// Makes room for `more` tokens with heads of `width` numbers.
    pub(super) fn grow(&mut self, heads: usize, width: usize, more: usize) {
        self.heads.resize_with(heads, Vec::new);
        let pages = (self.length + more).div_ceil(POSITIONS);
        for head in &mut self.heads {
            head.resize_with(pages, || Arc::new(Page::new(width)));
        }
    }

    /// The pages of some heads.
    pub(super) fn heads(&mut self, heads: Range<usize>) -> &mut [Vec<Arc<Page>>] {
        &mut self.heads[heads]
    }

    /// The pages of a head.
    pub(super) fn pages(&self, head: usize) -> Vec<&Page> {
        self.heads[head].iter().map(Arc::as_ref).collect()
    }

    /// Counts tokens whose keys and values are in all layers.
    pub(super) fn add(&mut self, tokens: usize) {
        self.length += tokens;
    }
}
