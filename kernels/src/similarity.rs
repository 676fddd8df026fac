//! Text similarity: the ratio of CPython's `difflib.SequenceMatcher`, the dense reward of dialogue tasks.

use std::collections::{HashMap, HashSet};

/// From this length of `b` on, CPython's autojunk drops popular elements.
const POPULAR_FROM: usize = 200;

/// `difflib.SequenceMatcher(None, a, b).ratio()` on Unicode code points: 2 M / T for M matched characters out of T in both.
///
/// Bit for bit CPython's number, autojunk included: with 200 or more characters in `b`, a character that occurs more than
/// `len(b) / 100 + 1` times cannot start a match. Not symmetric, like the original. Two empty texts have ratio 1.
///
/// ```
/// use longlab_kernels::similarity::ratio;
/// assert_eq!(ratio("abcd", "bcde"), 0.75);
/// assert_eq!(ratio("", ""), 1.0);
/// ```
pub fn ratio(a: &str, b: &str) -> f64 {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let total = a.len() + b.len();
    if total == 0 {
        return 1.0;
    }
    2.0 * Matcher::new(&a, &b).matched() as f64 / total as f64
}

/// A range of `a` against a range of `b`.
#[derive(Clone, Copy)]
struct Window {
    a: (usize, usize),
    b: (usize, usize),
}

/// Equal stretches `a[a..a + size]` and `b[b..b + size]`.
#[derive(Clone, Copy)]
struct Block {
    a: usize,
    b: usize,
    size: usize,
}

struct Matcher<'t> {
    a: &'t [char],
    b: &'t [char],
    /// Where each character of `b` stands, ascending, without the popular ones (`b2j`).
    places: HashMap<char, Vec<usize>>,
    /// Run lengths that end at each position of `b`, for the last and the present row.
    runs: (Vec<usize>, Vec<usize>),
}

impl<'t> Matcher<'t> {
    fn new(a: &'t [char], b: &'t [char]) -> Self {
        let wanted: HashSet<char> = a.iter().copied().collect();
        let mut places: HashMap<char, Vec<usize>> = HashMap::new();
        for (j, c) in b.iter().enumerate().filter(|(_, c)| wanted.contains(c)) {
            places.entry(*c).or_default().push(j);
        }
        if b.len() >= POPULAR_FROM {
            places.retain(|_, at| at.len() <= b.len() / 100 + 1);
        }
        // Index j + 1 holds the run that ends at j, so that j - 1 always exists.
        let runs = (vec![0; b.len() + 1], vec![0; b.len() + 1]);
        Matcher { a, b, places, runs }
    }

    /// Characters in all matching blocks: the longest block first, then what lies left and right of it.
    fn matched(&mut self) -> usize {
        let mut windows = vec![Window { a: (0, self.a.len()), b: (0, self.b.len()) }];
        let mut matched = 0;
        while let Some(window) = windows.pop() {
            let block = self.longest(window);
            if block.size == 0 {
                continue;
            }
            matched += block.size;
            windows.push(Window { a: (window.a.0, block.a), b: (window.b.0, block.b) });
            windows.push(Window { a: (block.a + block.size, window.a.1), b: (block.b + block.size, window.b.1) });
        }
        matched
    }

    /// `find_longest_match`: the longest block of unpopular characters, earliest in `a`, then earliest in `b`, grown over
    /// equal neighbours of any kind.
    fn longest(&mut self, window: Window) -> Block {
        let mut best = Block { a: window.a.0, b: window.b.0, size: 0 };
        let mut touched: Vec<usize> = Vec::new();
        for i in window.a.0..window.a.1 {
            let mut now: Vec<usize> = Vec::new();
            for &j in self.places.get(&self.a[i]).map_or(&[][..], Vec::as_slice) {
                if j < window.b.0 {
                    continue;
                }
                if j >= window.b.1 {
                    break;
                }
                let size = self.runs.0[j] + 1;
                self.runs.1[j + 1] = size;
                now.push(j + 1);
                if size > best.size {
                    best = Block { a: i + 1 - size, b: j + 1 - size, size };
                }
            }
            self.turn(&mut touched, now);
        }
        self.turn(&mut touched, Vec::new());
        self.grow(best, window)
    }

    /// The present row becomes the last one; the old last row is wiped where it was written.
    fn turn(&mut self, touched: &mut Vec<usize>, now: Vec<usize>) {
        for &place in touched.iter() {
            self.runs.0[place] = 0;
        }
        std::mem::swap(&mut self.runs.0, &mut self.runs.1);
        *touched = now;
    }

    fn grow(&self, mut block: Block, window: Window) -> Block {
        while block.a > window.a.0 && block.b > window.b.0 && self.a[block.a - 1] == self.b[block.b - 1] {
            block = Block { a: block.a - 1, b: block.b - 1, size: block.size + 1 };
        }
        while block.a + block.size < window.a.1
            && block.b + block.size < window.b.1
            && self.a[block.a + block.size] == self.b[block.b + block.size]
        {
            block.size += 1;
        }
        block
    }
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
}
