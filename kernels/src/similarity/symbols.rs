//! Characters as small numbers.

use std::borrow::Cow;

/// What stands for a character of `b`: equal symbols are equal characters.
pub(super) trait Symbol: Copy + Eq + Into<u32> + std::fmt::Debug + 'static {
    /// Stands where `b` has no character that can start a match; equal to no symbol of either text.
    const NOTHING: Self;

    /// The symbol with this number, which fits.
    fn of(number: u32) -> Self;

    /// These bytes as symbols, where bytes are symbols.
    fn bytes(text: &[u8]) -> Cow<'_, [Self]>;

    /// The number as a place in a table.
    fn place(self) -> usize {
        let number: u32 = self.into();
        number as usize
    }
}

impl Symbol for u8 {
    const NOTHING: u8 = 255;

    fn of(number: u32) -> u8 {
        number as u8
    }

    fn bytes(text: &[u8]) -> Cow<'_, [u8]> {
        Cow::Borrowed(text)
    }
}

impl Symbol for u32 {
    const NOTHING: u32 = u32::MAX;

    fn of(number: u32) -> u32 {
        number
    }

    fn bytes(text: &[u8]) -> Cow<'_, [u32]> {
        Cow::Owned(text.iter().map(|&byte| u32::from(byte)).collect())
    }
}

/// Symbols of a page.
const PAGE: usize = 256;
/// Pages of Unicode.
const PAGES: usize = (char::MAX as usize + 1) / PAGE;
/// In the table: a character that `b` does not have.
const UNSEEN: u32 = u32::MAX;

/// Which symbol a character has.
#[derive(Clone, Debug)]
pub(super) enum Alphabet {
    /// `b` is ASCII: a character's symbol is its byte.
    Ascii,
    /// The characters of `b`, numbered as they come. A two-level table: no hashing, and no text is slow.
    Table {
        /// Which page of `numbers` holds a character's page; 0 is the page of nothing seen.
        pages: Vec<u16>,
        /// The number of each character of each page in use.
        numbers: Vec<u32>,
        /// Characters seen.
        distinct: u32,
    },
}

impl Alphabet {
    pub(super) fn ascii() -> Self {
        Alphabet::Ascii
    }

    /// The alphabet of `b`, and `b` in it.
    pub(super) fn of(b: &str) -> (Self, Vec<u32>) {
        let (mut pages, mut numbers, mut distinct) = (vec![0u16; PAGES], vec![UNSEEN; PAGE], 0);
        let mut number = |c: char| {
            let (page, within) = (c as usize / PAGE, c as usize % PAGE);
            if pages[page] == 0 {
                pages[page] = (numbers.len() / PAGE) as u16;
                numbers.resize(numbers.len() + PAGE, UNSEEN);
            }
            let slot = &mut numbers[usize::from(pages[page]) * PAGE + within];
            if *slot == UNSEEN {
                *slot = distinct;
                distinct += 1;
            }
            *slot
        };
        let mut symbols = Vec::with_capacity(b.len());
        symbols.extend(b.chars().map(&mut number));
        (Alphabet::Table { pages, numbers, distinct }, symbols)
    }

    /// How many numbers are taken.
    pub(super) fn distinct(&self) -> u32 {
        match self {
            Alphabet::Ascii => 128,
            Alphabet::Table { distinct, .. } => *distinct,
        }
    }

    /// `a` in this alphabet, with `absent` for what `b` does not have.
    pub(super) fn read<'t, S: Symbol>(&self, a: &'t str, absent: S) -> Cow<'t, [S]> {
        match self {
            Alphabet::Ascii if a.is_ascii() => S::bytes(a.as_bytes()),
            Alphabet::Ascii => a.chars().map(|c| if c.is_ascii() { S::of(c as u32) } else { absent }).collect(),
            Alphabet::Table { pages, numbers, .. } => {
                let symbol = |c: char| {
                    let page = usize::from(pages[c as usize / PAGE]);
                    match numbers[page * PAGE + c as usize % PAGE] {
                        UNSEEN => absent,
                        number => S::of(number),
                    }
                };
                let mut symbols = Vec::with_capacity(a.len());
                symbols.extend(a.chars().map(symbol));
                Cow::Owned(symbols)
            }
        }
    }
}
