//! The pools that names are drawn from: plain word lists, one file a kind (`words/`).

use longlab_kernels::stream::Stream;
use std::sync::LazyLock;

/// What kind of thing a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A person, first and last name.
    Person,
    /// A firm.
    Firm,
    /// A town.
    Town,
    /// A musical instrument: a value that has no facts of its own, as all that follow.
    Instrument,
    /// A dish.
    Dish,
    /// What a firm makes.
    Product,
    /// A river.
    River,
    /// A day of the week.
    Day,
    /// A year of birth.
    Birth,
    /// The year in which a firm was founded.
    Founding,
}

/// Days on which markets are held.
pub const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Years of birth, from and to.
const BIRTHS: (u32, u32) = (1942, 2001);
/// Years in which firms were founded, from and to.
const FOUNDINGS: (u32, u32) = (1891, 1989);

macro_rules! lists {
    ($($(#[doc = $doc:literal])* $name:ident = $file:literal, $separator:literal;)*) => {$(
        $(#[doc = $doc])*
        pub static $name: LazyLock<Vec<&'static str>> = LazyLock::new(|| listed(include_str!($file), $separator));
    )*};
}

lists! {
    /// First names of people.
    FIRST = "words/first.txt", ' ';
    /// Last names of people.
    LAST = "words/last.txt", ' ';
    /// Towns.
    TOWNS = "words/towns.txt", '\n';
    /// First words of firms.
    FIRMS = "words/firms.txt", '\n';
    /// Last words of firms.
    ENDINGS = "words/endings.txt", '\n';
    /// Rivers.
    RIVERS = "words/rivers.txt", '\n';
    /// Instruments.
    INSTRUMENTS = "words/instruments.txt", '\n';
    /// Dishes.
    DISHES = "words/dishes.txt", '\n';
    /// Products of firms.
    PRODUCTS = "words/products.txt", '\n';
    /// Streets.
    STREETS = "words/streets.txt", '\n';
}

/// The entries of a word list.
fn listed(text: &'static str, separator: char) -> Vec<&'static str> {
    text.split(['\n', separator]).map(str::trim).filter(|word| !word.is_empty()).collect()
}

/// `count` different people; no two of them share a first or a last name.
pub fn people(stream: &mut Stream, count: usize) -> Vec<String> {
    let last = stream.choose_distinct(LAST.len(), count);
    let first = stream.choose_distinct(FIRST.len(), count);
    first.into_iter().zip(last).map(|(first, last)| format!("{} {}", FIRST[first], LAST[last])).collect()
}

/// `count` different firms; no two of them share their first word.
pub fn firms(stream: &mut Stream, count: usize) -> Vec<String> {
    let first = stream.choose_distinct(FIRMS.len(), count);
    first.into_iter().map(|first| format!("{} {}", FIRMS[first], stream.pick(&ENDINGS))).collect()
}

/// `count` different entries of a list.
pub fn some(stream: &mut Stream, list: &[&str], count: usize) -> Vec<String> {
    stream.choose_distinct(list.len(), count).into_iter().map(|place| list[place].to_string()).collect()
}

/// `count` different names of a kind.
///
/// # Panics
/// If the kind has fewer; there are 7 days, and 26 or more names of all other kinds.
pub fn draw(stream: &mut Stream, kind: Kind, count: usize) -> Vec<String> {
    match kind {
        Kind::Person => people(stream, count),
        Kind::Firm => firms(stream, count),
        Kind::Town => some(stream, &TOWNS, count),
        Kind::Instrument => some(stream, &INSTRUMENTS, count),
        Kind::Dish => some(stream, &DISHES, count),
        Kind::Product => some(stream, &PRODUCTS, count),
        Kind::River => some(stream, &RIVERS, count),
        Kind::Day => some(stream, &DAYS, count),
        Kind::Birth => years(stream, BIRTHS, count),
        Kind::Founding => years(stream, FOUNDINGS, count),
    }
}

fn years(stream: &mut Stream, (first, last): (u32, u32), count: usize) -> Vec<String> {
    let span = (last - first + 1) as usize;
    stream.choose_distinct(span, count).into_iter().map(|year| (first + year as u32).to_string()).collect()
}
