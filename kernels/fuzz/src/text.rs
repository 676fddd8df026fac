//! The difflib ratio as CPython's documentation defines it: the longest block of a window, then the windows left and right
//! of it, by a table of run lengths.

use std::ops::Range;

/// `SequenceMatcher(None, a, b).ratio()`, in time of |a| times |b| a window.
pub fn slow_ratio(a: &[char], b: &[char]) -> f64 {
    let popular = |&c: &char| b.len() >= 200 && b.iter().filter(|&&x| x == c).count() > b.len() / 100 + 1;
    let popular: Vec<bool> = b.iter().map(popular).collect();
    let (mut matched, mut windows) = (0, vec![(0..a.len(), 0..b.len())]);
    while let Some((left, right)) = windows.pop() {
        let (i, j, size) = longest(a, b, &popular, left.clone(), right.clone());
        if size > 0 {
            matched += size;
            windows.push((left.start..i, right.start..j));
            windows.push((i + size..left.end, j + size..right.end));
        }
    }
    let total = a.len() + b.len();
    if total == 0 { 1.0 } else { 2.0 * matched as f64 / total as f64 }
}

/// The first of the longest blocks without popular elements, grown over equal neighbours of any kind.
fn longest(a: &[char], b: &[char], popular: &[bool], left: Range<usize>, right: Range<usize>) -> (usize, usize, usize) {
    let (mut i, mut j, mut size) = (left.start, right.start, 0);
    let mut above = vec![0; right.len() + 1];
    for x in left.clone() {
        let mut row = vec![0; right.len() + 1];
        for (at, y) in right.clone().enumerate() {
            row[at + 1] = if a[x] == b[y] && !popular[y] { above[at] + 1 } else { 0 };
            if row[at + 1] > size {
                size = row[at + 1];
                (i, j) = (x + 1 - size, y + 1 - size);
            }
        }
        above = row;
    }
    while i > left.start && j > right.start && a[i - 1] == b[j - 1] {
        (i, j, size) = (i - 1, j - 1, size + 1);
    }
    while i + size < left.end && j + size < right.end && a[i + size] == b[j + size] {
        size += 1;
    }
    (i, j, size)
}
