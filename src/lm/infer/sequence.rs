//! Keys and values of a sequence.

use longlab_kernels::attention::{POSITIONS, Page};
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

    /// Makes room for `more` tokens with heads of `width` numbers.
    pub(super) fn grow(&mut self, heads: usize, width: usize, more: usize) {
        self.heads.resize_with(heads, Vec::new);
        let pages = (self.length + more).div_ceil(POSITIONS);
        for head in &mut self.heads {
            head.resize_with(pages, || Arc::new(Page::new(width)));
        }
    }

    /// Puts key and value at a position of a head.
    pub(super) fn put(&mut self, head: usize, position: usize, key: &[f32], value: &[f32]) {
        Arc::make_mut(&mut self.heads[head][position / POSITIONS]).put(position % POSITIONS, key, value);
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
