//! The texts of `pairs.py`, made alike: the same draws in the same order.

#![allow(dead_code, missing_docs)] // each user of this file needs a part of it

struct Rng(u64);

impl Rng {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn of(&mut self, letters: &[char]) -> char {
        letters[self.below(letters.len())]
    }
}

const ALPHABETS: [&str; 7] = [
    "a",
    "ab",
    "abcd",
    "abcdefgh",
    "abcdefghijklmnopqrstuvwxyz",
    "etaoin shrdlu,.ETAOINSHRDLU0123456789cmfwypvbgkjqxz",
    "aé\u{301}\u{308}ß雨\u{1f642}\u{1d4b3}\u{10ffff}\0\u{200d}\u{d7ff}\u{e000} ",
];

fn words() -> Vec<&'static str> {
    include_str!("words.txt").split_whitespace().collect()
}

fn ascii_words() -> Vec<&'static str> {
    words().into_iter().filter(|word| word.is_ascii()).collect()
}

fn block(first: char, size: usize) -> Vec<char> {
    (first..).take(size).collect()
}

fn alphabet(rng: &mut Rng) -> Vec<char> {
    match rng.below(10) {
        7 => block('\u{4e00}', 2 + rng.below(60)),
        8 => block('\u{1f600}', 40 + rng.below(200)),
        9 => block('\u{3400}', 300 + rng.below(1000)),
        kind => ALPHABETS[kind].chars().collect(),
    }
}

fn noise(rng: &mut Rng, letters: &[char], size: usize) -> Vec<char> {
    (0..size).map(|_| rng.of(letters)).collect()
}

fn prose(rng: &mut Rng, words: &[&str], size: usize) -> Vec<char> {
    let mut text = Vec::new();
    while text.len() < size {
        text.extend(words[rng.below(words.len()) * rng.below(words.len()) / words.len()].chars());
        let end = match rng.below(20) {
            0 => ". ",
            1 => ", ",
            2 => "\n",
            _ => " ",
        };
        text.extend(end.chars());
    }
    text.truncate(size);
    text
}

fn edited(rng: &mut Rng, text: &[char], letters: &[char], edits: usize) -> Vec<char> {
    let mut text = text.to_vec();
    for _ in 0..edits {
        let at = rng.below(text.len() + 1);
        match rng.below(3) {
            1 if at < text.len() => {
                text.remove(at);
            }
            2 if at < text.len() => text[at] = rng.of(letters),
            _ => text.insert(at, rng.of(letters)),
        }
    }
    text
}

fn permuted(rng: &mut Rng, text: &[char]) -> Vec<char> {
    let mut words: Vec<&[char]> = text.split(|&c| c == ' ').collect();
    for last in (1..words.len()).rev() {
        words.swap(last, rng.below(last + 1));
    }
    words.join(&' ')
}

fn repeated(rng: &mut Rng, letters: &[char], size: usize) -> Vec<char> {
    let span = 1 + rng.below(1 + size.min(2 * letters.len()));
    let unit = noise(rng, letters, span);
    let text: Vec<char> = unit.iter().copied().cycle().take(size).collect();
    let edits = rng.below(4);
    edited(rng, &text, &['~'], edits)
}

fn junky(rng: &mut Rng, size: usize) -> Vec<char> {
    let rare = block('A', 1 + rng.below(26));
    (0..size).map(|_| if rng.below(12) == 0 { rng.of(&rare) } else { rng.of(&['a', 'b']) }).collect()
}

fn length(rng: &mut Rng) -> usize {
    match rng.below(8) {
        0 => rng.below(4),
        1 => rng.below(30),
        2 => 190 + rng.below(22),
        3 => 197 + rng.below(6),
        4 => rng.below(200),
        5 => 200 + rng.below(120),
        6 => rng.below(700),
        _ => 40,
    }
}

type Pair = (String, String);

fn texts(a: Vec<char>, b: Vec<char>) -> Pair {
    (a.into_iter().collect(), b.into_iter().collect())
}

/// Test pair `number`: random and adversarial, up to some 700 characters.
pub fn case(number: u64) -> Pair {
    let rng = &mut Rng(number);
    let letters = alphabet(rng);
    let size = length(rng);
    let kind = rng.below(10);
    let a = match kind {
        2 | 3 | 4 | 6 => prose(rng, &words(), size),
        7 => repeated(rng, &letters, size),
        8 => junky(rng, size),
        _ => noise(rng, &letters, size),
    };
    let b = counterpart(rng, kind, &a, &letters, size);
    if rng.below(2) == 1 { texts(b, a) } else { texts(a, b) }
}

fn counterpart(rng: &mut Rng, kind: usize, a: &[char], letters: &[char], size: usize) -> Vec<char> {
    match kind {
        0 => {
            let size = length(rng);
            noise(rng, letters, size)
        }
        1 => {
            let edits = rng.below(20);
            edited(rng, a, letters, edits)
        }
        2 => {
            let edits = rng.below(40);
            edited(rng, a, letters, edits)
        }
        3 => {
            let size = length(rng);
            prose(rng, &words(), size)
        }
        4 => permuted(rng, a),
        5 => {
            let at = rng.below(size + 1);
            [&a[at..], &a[..at]].concat()
        }
        6 => {
            let at = rng.below(size + 1);
            let edits = rng.below(3);
            edited(rng, &a[at..], letters, edits)
        }
        7 => {
            // Edits may have shortened `a`; like a slice in Python, a start behind its end gives nothing.
            let at = rng.below(size + 1).min(a.len());
            let edits = rng.below(5);
            edited(rng, &[&a[at..], a].concat(), letters, edits)
        }
        8 => {
            let edits = rng.below(30);
            edited(rng, a, &['a', 'b', 'X', 'Y'], edits)
        }
        _ if rng.below(2) == 0 => a.to_vec(),
        _ => {
            let letters = alphabet(rng);
            let size = length(rng);
            noise(rng, &letters, size)
        }
    }
}

pub const KINDS: [&str; 10] = [
    "equal",
    "edited lightly",
    "edited heavily",
    "edited, not ASCII",
    "words permuted",
    "different texts",
    "random letters",
    "random, 128 symbols",
    "random, 1000 ideographs",
    "ideographs edited",
];

/// The pair of a benchmark, by its place in [`KINDS`]: about `size` characters each.
pub fn timed(kind: usize, size: usize) -> Pair {
    let rng = &mut Rng(kind as u64);
    let letters: Vec<char> = match kind {
        7 => block('\u{400}', 128),
        8 | 9 => block('\u{4e00}', 1000),
        _ => ALPHABETS[4].chars().collect(),
    };
    let first = match kind {
        3 => prose(rng, &words(), size),
        0..=5 => prose(rng, &ascii_words(), size),
        _ => noise(rng, &letters, size),
    };
    let second = match kind {
        0 => first.clone(),
        1 => edited(rng, &first, &letters, size / 200),
        2 => edited(rng, &first, &letters, size / 20),
        3 | 9 => edited(rng, &first, &letters, size / 50),
        4 => permuted(rng, &first),
        5 => prose(rng, &ascii_words(), size),
        _ => noise(rng, &letters, size),
    };
    // An edited text is compared with its source, so it is `a`; of the others the first made is.
    if matches!(kind, 0 | 5..=8) { texts(first, second) } else { texts(second, first) }
}
