//! Text similarity: the ratio of CPython's `difflib.SequenceMatcher`, the dense reward of dialogue tasks.
//!
//! What is counted is defined by a recursion (Ratcliff and Obershelp 1988, as `difflib` reads it): the longest common
//! block of a window, then the windows left and right of it. How it is counted here is not that recursion. Two facts
//! carry it:
//!
//! 1. A block of a window is never longer than that of the window it was cut from, and windows do not touch each other.
//!    So all windows can be worked off together by block length, longest first, one sweep over sorted runs a length.
//! 2. Where the longest block is one character, the recursion is a greedy walk: the first character of `a` that has a
//!    place in the rest of the window takes the earliest such place.
//!
//! Only runs of two characters or more are ever listed, by their start; single characters are never paired up.

mod index;
mod runs;
mod symbols;

use index::Index;
use runs::Scratch;
use symbols::{Alphabet, Symbol};

/// The symbol in `a` of what `b` does not have, where symbols are bytes.
const ABSENT: u8 = 254;

/// `difflib.SequenceMatcher(None, a, b).ratio()` on Unicode code points: 2 M / T for M matched characters out of T in both.
///
/// Bit for bit CPython 3.11's number, autojunk included: with 200 or more characters in `b`, a character that occurs more
/// than `len(b) / 100 + 1` times cannot start a match. Not symmetric, like the original. Two empty texts have ratio 1.
/// No unit, within 0..=1. For several texts against one `b` see [`Matcher`].
///
/// ```
/// use longlab_kernels::similarity::ratio;
/// assert_eq!(ratio("abcd", "bcde"), 0.75);
/// assert_eq!((ratio("tide", "diet"), ratio("diet", "tide")), (0.25, 0.5));
/// assert_eq!(ratio("", ""), 1.0);
/// ```
///
/// # Panics
/// If a text has 2^32 - 2 characters or more.
pub fn ratio(a: &str, b: &str) -> f64 {
    Matcher::new(b).ratio(a)
}

/// One text `b`, indexed once, to compare many texts with: [`ratio`] without the work that depends on `b` alone.
///
/// Holds its working memory, so that after the first texts a call allocates nothing, or only `a` as numbers where a text is
/// not ASCII.
///
/// ```
/// use longlab_kernels::similarity::{Matcher, ratio};
/// let mut matcher = Matcher::new("the old stones");
/// let scores = ["the old stones", "old stone", ""].map(|a| matcher.ratio(a));
/// assert_eq!(scores, [1.0, 18.0 / 23.0, 0.0]);
/// assert_eq!(scores[1], ratio("old stone", "the old stones"));
/// ```
#[derive(Clone, Debug)]
pub struct Matcher {
    alphabet: Alphabet,
    side: Side,
    scratch: Scratch,
}

/// `b`, with symbols as narrow as its number of distinct characters allows.
#[derive(Clone, Debug)]
enum Side {
    Narrow(Index<u8>),
    Wide(Index<u32>),
}

impl Matcher {
    /// Indexes `b`. Time and memory linear in its length.
    ///
    /// # Panics
    /// If `b` has 2^32 - 2 characters or more.
    pub fn new(b: &str) -> Self {
        let (alphabet, side) = if b.is_ascii() {
            (Alphabet::ascii(), Side::Narrow(Index::new(b.as_bytes().to_vec(), ABSENT)))
        } else {
            let (alphabet, symbols) = Alphabet::of(b);
            let distinct = alphabet.distinct();
            let side = if distinct <= u32::from(ABSENT) {
                Side::Narrow(Index::new(symbols.into_iter().map(u8::of).collect(), ABSENT))
            } else {
                Side::Wide(Index::new(symbols, distinct))
            };
            (alphabet, side)
        };
        Matcher { alphabet, side, scratch: Scratch::default() }
    }

    /// [`ratio`]`(a, b)` for the `b` of this matcher.
    ///
    /// # Panics
    /// If `a` has 2^32 - 2 characters or more.
    pub fn ratio(&mut self, a: &str) -> f64 {
        let (matched, total) = match &self.side {
            Side::Narrow(b) => score(a, &self.alphabet, b, &mut self.scratch),
            Side::Wide(b) => score(a, &self.alphabet, b, &mut self.scratch),
        };
        if total == 0 { 1.0 } else { 2.0 * matched as f64 / total as f64 }
    }
}

/// Characters matched, and characters in both texts.
fn score<S: Symbol>(a: &str, alphabet: &Alphabet, b: &Index<S>, scratch: &mut Scratch) -> (usize, usize) {
    let a = alphabet.read(a, b.absent());
    (scratch.matched(&a, b), a.len() + b.text().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_code_points_not_bytes() {
        assert_eq!(ratio("é", "é"), 1.0);
        assert_eq!(ratio("éa", "éb"), 0.5);
    }

    #[test]
    fn popular_characters_only_extend_matches() {
        let plain = "ab".repeat(100);
        // Every character of b is popular: nothing can start a match, and only what stands at the window's corner matches.
        assert_eq!(ratio(&plain, &plain), 1.0);
        assert_eq!(ratio(&format!("x{plain}"), &plain), 0.0);
        let short = "ab".repeat(99);
        assert!(ratio(&format!("x{short}"), &short) > 0.99);
    }

    #[test]
    fn a_text_with_more_characters_than_a_byte_can_number() {
        let wide: String = ('一'..).take(300).collect();
        assert_eq!(ratio(&wide, &wide), 1.0);
        assert_eq!(ratio(&format!("🙂{wide}é"), &wide), 600.0 / 602.0);
        assert_eq!(ratio("abc", &wide), 0.0);
    }
}
