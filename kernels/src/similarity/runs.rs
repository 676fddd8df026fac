//! From runs of equal symbols to the number of matched characters.

use super::index::Index;
use super::symbols::Symbol;
use std::ops::Range;

/// The shortest run that is listed; below it the greedy walk needs no list.
const SHORTEST: usize = 2;

/// Runs that may be listed at once, besides two for each character.
const ROOM: usize = 4096;

/// A range of `a` against a range of `b`.
#[derive(Clone, Copy, Debug)]
struct Window {
    a: (u32, u32),
    b: (u32, u32),
}

impl Window {
    fn is_empty(&self) -> bool {
        self.a.0 >= self.a.1 || self.b.0 >= self.b.1
    }

    /// What lies before a block.
    fn left(&self, block: &Run) -> Window {
        Window { a: (self.a.0, block.a), b: (self.b.0, block.b) }
    }

    /// What lies behind a block.
    fn right(&self, block: &Run) -> Window {
        Window { a: (block.a + block.size, self.a.1), b: (block.b + block.size, self.b.1) }
    }
}

/// Equal stretches `a[a..a + size]` and `b[b..b + size]`.
#[derive(Clone, Copy, Debug)]
struct Run {
    a: u32,
    b: u32,
    size: u32,
}

impl Run {
    /// The part within a window, if any.
    fn within(&self, window: &Window) -> Option<Run> {
        let skip = window.a.0.saturating_sub(self.a).max(window.b.0.saturating_sub(self.b));
        let stop = self.size.min(window.a.1.saturating_sub(self.a)).min(window.b.1.saturating_sub(self.b));
        (stop > skip).then(|| Run { a: self.a + skip, b: self.b + skip, size: stop - skip })
    }

    /// Grown over equal neighbours of any kind, popular ones too.
    fn grown<S: Symbol>(&self, a: &[S], b: &[S], window: &Window) -> Run {
        let alike = |pair: &(&S, &S)| pair.0 == pair.1;
        let head = (&a[span(window.a.0, self.a)], &b[span(window.b.0, self.b)]);
        let tail = (&a[span(self.a + self.size, window.a.1)], &b[span(self.b + self.size, window.b.1)]);
        let before = head.0.iter().rev().zip(head.1.iter().rev()).take_while(alike).count() as u32;
        let behind = tail.0.iter().zip(tail.1).take_while(alike).count() as u32;
        Run { a: self.a - before, b: self.b - before, size: before + self.size + behind }
    }
}

fn span(from: u32, to: u32) -> Range<usize> {
    from as usize..to as usize
}

/// Working memory of one comparison, kept for the next.
#[derive(Clone, Debug)]
pub(super) struct Scratch {
    /// [`ROOM`], save in tests.
    room: usize,
    /// Where `a` has strong symbols, ascending.
    rows: Vec<u32>,
    /// Listed runs by size; each list is sorted by place in `a`, then in `b`, when its turn comes.
    lists: Vec<Vec<Run>>,
    /// Runs in all lists.
    listed: usize,
    /// What is not matched yet, in order; windows do not overlap in either text.
    windows: Vec<Window>,
    /// The windows after the sweep under way.
    parts: Vec<Window>,
    /// For each symbol the first entry of its list that is not left of the window at hand.
    heads: Vec<u32>,
}

impl Default for Scratch {
    fn default() -> Self {
        let (rows, lists, windows, parts, heads) = Default::default();
        Scratch { room: ROOM, rows, lists, listed: 0, windows, parts, heads }
    }
}

impl Scratch {
    /// Characters in all matching blocks.
    pub(super) fn matched<S: Symbol>(&mut self, a: &[S], b: &Index<S>) -> usize {
        assert!(a.len() < u32::MAX as usize - 1, "a text of 2^32 - 2 characters or more");
        self.windows.clear();
        self.windows.push(Window { a: (0, a.len() as u32), b: (0, b.text().len() as u32) });
        self.find_rows(a, b);
        let mut matched = 0;
        let mut shortest = usize::MAX;
        while shortest > SHORTEST {
            shortest = self.list_runs(a, b, shortest);
            for size in (shortest..self.lists.len()).rev() {
                matched += self.sweep(a, b.text(), size, shortest);
            }
        }
        matched + self.walk(a, b)
    }

    fn find_rows<S: Symbol>(&mut self, a: &[S], b: &Index<S>) {
        // Every row is written, and the end moves on only behind the strong ones: no branch to mispredict.
        self.rows.clear();
        self.rows.resize(a.len(), 0);
        let mut count = 0;
        for (i, &symbol) in a.iter().enumerate() {
            self.rows[count] = i as u32;
            count += usize::from(b.strong(symbol));
        }
        self.rows.truncate(count);
    }

    /// Lists the maximal runs within each window that have at least the returned size, which is below `below`.
    ///
    /// The size is [`SHORTEST`] unless the lists grow out of proportion: then short runs wait for a later call, when
    /// longer blocks have cut the windows, so that memory stays linear in the texts.
    fn list_runs<S: Symbol>(&mut self, a: &[S], b: &Index<S>, below: usize) -> usize {
        let room = self.room + 2 * (a.len() + b.text().len());
        let mut shortest = SHORTEST;
        self.heads.clear();
        self.heads.extend_from_slice(b.starts());
        self.listed = 0;
        let mut row = 0;
        for w in 0..self.windows.len() {
            let window = self.windows[w];
            row += self.rows[row..].partition_point(|&i| i < window.a.0);
            while let Some(&i) = self.rows.get(row).filter(|&&i| i < window.a.1) {
                row += 1;
                if self.rows.get(row) == Some(&(i + 1)) && i + 1 < window.a.1 {
                    self.list_row(a, b, &window, i, shortest);
                }
                while self.listed > room && 2 * shortest < below {
                    self.drop_lists(shortest, 2 * shortest);
                    shortest *= 2;
                }
            }
        }
        shortest
    }

    /// Lists the runs that start at `i`, where a strong symbol follows.
    fn list_row<S: Symbol>(&mut self, a: &[S], b: &Index<S>, window: &Window, i: u32, shortest: usize) {
        let at = i as usize;
        let last = if i > window.a.0 { a[at - 1] } else { b.absent() };
        let (mut from, end) = (self.head(b, a[at], window.b.0), b.end(a[at]));
        let mut first = true;
        while from < end && b.place(from) < window.b.1 {
            let to = end.min(from + 64);
            let mut starts = b.run_starts(from..to, last, a[at + 1]);
            if first && b.place(from) == window.b.0 {
                // At the window's edge a run starts whatever precedes it.
                starts |= b.run_starts(from..from + 1, b.absent(), a[at + 1]);
            }
            while starts != 0 {
                let j = b.place(from + starts.trailing_zeros() as usize);
                starts &= starts - 1;
                let size = b.run(&a[at..window.a.1 as usize], j.min(window.b.1) as usize..window.b.1 as usize);
                if size >= shortest {
                    self.list(Run { a: i, b: j, size: size as u32 });
                }
            }
            (from, first) = (to, false);
        }
    }

    /// The first entry of a symbol's list at or behind `from`, which never decreases between calls.
    fn head<S: Symbol>(&mut self, b: &Index<S>, symbol: S, from: u32) -> usize {
        let end = b.end(symbol);
        let head = &mut self.heads[symbol.place()];
        while (*head as usize) < end && b.place(*head as usize) < from {
            *head += 1;
        }
        *head as usize
    }

    fn list(&mut self, run: Run) {
        let size = run.size as usize;
        if self.lists.len() <= size {
            self.lists.resize(size + 1, Vec::new());
        }
        self.lists[size].push(run);
        self.listed += 1;
    }

    fn drop_lists(&mut self, from: usize, to: usize) {
        let to = to.min(self.lists.len());
        for list in &mut self.lists[from.min(to)..to] {
            self.listed -= list.len();
            list.clear();
        }
    }

    /// Takes the blocks of this size, when no longer one is left in any window. Returns the characters they match.
    ///
    /// Of equal blocks of a window the earliest in `a`, then in `b`, comes first. What lies left of it has no block of this
    /// size, so one pass in order finds them all. A run that a window cuts short waits for its new size; with blocks no
    /// shorter than itself between windows it lies in one of them at most, so no part is lost.
    fn sweep<S: Symbol>(&mut self, a: &[S], b: &[S], size: usize, shortest: usize) -> usize {
        if self.lists[size].is_empty() {
            return 0;
        }
        let mut runs = std::mem::take(&mut self.lists[size]);
        if !runs.is_sorted_by_key(|run| (run.a, run.b)) {
            runs.sort_unstable_by_key(|run| (run.a, run.b));
        }
        let (mut matched, mut w) = (0, 0);
        self.parts.clear();
        for run in &runs {
            while w < self.windows.len() && self.windows[w].a.1 <= run.a {
                self.keep(self.windows[w]);
                w += 1;
            }
            let mut at = w;
            while at < self.windows.len() && self.windows[at].a.0 < run.a + run.size {
                let window = self.windows[at];
                match run.within(&window) {
                    Some(part) if part.size == run.size => {
                        let block = part.grown(a, b, &window);
                        matched += block.size as usize;
                        self.keep(window.left(&block));
                        self.windows[at] = window.right(&block);
                    }
                    Some(part) if part.size as usize >= shortest => self.list(part),
                    _ => {}
                }
                at += 1;
            }
        }
        for w in w..self.windows.len() {
            self.keep(self.windows[w]);
        }
        std::mem::swap(&mut self.windows, &mut self.parts);
        runs.clear();
        self.lists[size] = runs;
        matched
    }

    fn keep(&mut self, window: Window) {
        if !window.is_empty() {
            self.parts.push(window);
        }
    }

    /// Matches what is left, when no window has a block of two strong symbols.
    fn walk<S: Symbol>(&mut self, a: &[S], b: &Index<S>) -> usize {
        self.heads.clear();
        self.heads.extend_from_slice(b.starts());
        let (mut matched, mut row) = (0, 0);
        for w in 0..self.windows.len() {
            let mut window = self.windows[w];
            row += self.rows[row..].partition_point(|&i| i < window.a.0);
            while let Some(&i) = self.rows.get(row).filter(|&&i| i < window.a.1) {
                row += 1;
                let symbol = a[i as usize];
                let head = self.head(b, symbol, window.b.0);
                if i < window.a.0 || head == b.end(symbol) || b.place(head) >= window.b.1 {
                    continue;
                }
                let block = Run { a: i, b: b.place(head), size: 1 }.grown(a, b.text(), &window);
                matched += (block.size + corner(a, b.text(), &window.left(&block))) as usize;
                window = window.right(&block);
            }
            matched += corner(a, b.text(), &window) as usize;
        }
        matched
    }
}

/// Equal symbols at the start of a window in which no match can start: an empty block there still grows.
fn corner<S: Symbol>(a: &[S], b: &[S], window: &Window) -> u32 {
    if window.is_empty() {
        return 0;
    }
    Run { a: window.a.0, b: window.b.0, size: 0 }.grown(a, b, window).size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_wait_for_a_later_call_change_nothing() {
        let mut state = 1u32;
        let mut letters = |size: usize, kinds: u32| -> Vec<u8> {
            let mut letter = |_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 16) % kinds) as u8
            };
            (0..size).map(&mut letter).collect()
        };
        let mut waited = 0;
        for case in 0..60 {
            let kinds = 2 + case % 3;
            let (a, b) = (letters(900, kinds), Index::new(letters(199, kinds), 254));
            let (mut tight, mut ample) = (Scratch { room: 0, ..Scratch::default() }, Scratch::default());
            ample.room = usize::MAX / 2;
            assert_eq!(tight.matched(&a, &b), ample.matched(&a, &b), "case {case}");
            tight.windows = vec![Window { a: (0, 900), b: (0, 199) }];
            tight.find_rows(&a, &b);
            waited += usize::from(tight.list_runs(&a, &b, usize::MAX) > SHORTEST);
        }
        assert!(waited >= 40, "{waited} cases were listed in more than one call");
    }
}
