//! The largest of many scores without holding them: they are computed anew in each of a few passes.

use super::block::BLOCK;

/// Which scores are in: all above a value, and the first few of those that equal it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Threshold {
    bits: u64,
    ties: usize,
}

impl Threshold {
    const NONE: Threshold = Threshold { bits: u64::MAX, ties: 0 };
    const ALL: Threshold = Threshold { bits: 0, ties: usize::MAX };

    /// Marks the scores that are in. Blocks must come in order, as each uses up its equals.
    pub fn mark(&mut self, scores: &[f64], marks: &mut [bool]) {
        let mut equals = 0;
        for (mark, score) in marks.iter_mut().zip(scores) {
            *mark = score.to_bits() > self.bits;
            equals += usize::from(score.to_bits() == self.bits);
        }
        if equals == 0 || self.ties == 0 {
            return;
        }
        let equal = marks.iter_mut().zip(scores).filter(|(_, score)| score.to_bits() == self.bits);
        equal.take(self.ties).for_each(|(mark, _)| *mark = true);
        self.ties = self.ties.saturating_sub(equals);
    }
}

/// So many scores at most are held at once.
const HELD: usize = 1 << 20;
/// So few are held without a first look.
const FEW: usize = 1 << 12;
/// Bits that one look tells apart.
const LOOK: u32 = 18;

/// The threshold that lets in the `count(scores that are not 0)` largest scores, the earlier of two that are alike. Scores
/// are at least 0, so that their bits have their order; `scores` fills a block from a place on.
///
/// A look counts scores by their upper bits and finds the group in which the threshold lies; further looks go down into
/// that group until it is small enough to be held (or all alike).
pub(super) fn threshold(
    places: usize,
    mut scores: impl FnMut(usize, &mut [f64]),
    count: impl FnOnce(usize) -> usize,
) -> Threshold {
    let mut each = |visit: &mut dyn FnMut(&[f64])| {
        let mut block = [0.0; BLOCK];
        for from in (0..places).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(places - from)];
            scores(from, block);
            visit(block);
        }
    };
    if places <= FEW {
        let group = Group { shift: u64::BITS, prefix: 0, size: places, wanted: 0 };
        let mut held = group.held(&mut each);
        let wanted = count(held.iter().filter(|&&bits| bits != 0).count());
        return nth(&mut held, wanted.min(places));
    }
    let (mut counts, mut positive) = (vec![0u32; 1 << LOOK], 0);
    each(&mut |block| {
        for score in block {
            positive += usize::from(*score != 0.0);
            counts[(score.to_bits() << 1 >> (u64::BITS - LOOK)) as usize] += 1;
        }
    });
    let wanted = count(positive);
    if wanted == 0 || wanted >= places {
        return if wanted == 0 { Threshold::NONE } else { Threshold::ALL };
    }
    let mut group = Group { shift: u64::BITS - 1, prefix: 0, size: places, wanted }.part(&counts, LOOK);
    while group.shift > 0 && group.size > HELD {
        let width = LOOK.min(group.shift);
        counts.fill(0);
        each(&mut |block| group.count(block, width, &mut counts));
        group = group.part(&counts, width);
    }
    if group.shift == 0 {
        return Threshold { bits: group.prefix, ties: group.wanted };
    }
    nth(&mut group.held(&mut each), group.wanted)
}

/// Scores whose bits above `shift` are `prefix`; the threshold lets in `wanted` of them.
struct Group {
    shift: u32,
    prefix: u64,
    size: usize,
    wanted: usize,
}

impl Group {
    fn holds(&self, bits: u64) -> bool {
        bits.checked_shr(self.shift).unwrap_or(0) == self.prefix
    }

    /// Counts the group's scores by the next `width` bits.
    fn count(&self, block: &[f64], width: u32, counts: &mut [u32]) {
        let (shift, mask) = (self.shift - width, (1 << width) - 1);
        for bits in block.iter().map(|score| score.to_bits()).filter(|&bits| self.holds(bits)) {
            counts[(bits >> shift & mask) as usize] += 1;
        }
    }

    /// The part, by the next `width` bits, in which the threshold lies.
    fn part(&self, counts: &[u32], width: u32) -> Group {
        let mut wanted = self.wanted;
        for (number, &size) in counts.iter().enumerate().rev() {
            let size = size as usize;
            if wanted <= size {
                return Group { shift: self.shift - width, prefix: self.prefix << width | number as u64, size, wanted };
            }
            wanted -= size;
        }
        unreachable!("a group holds what is wanted of it")
    }

    fn held(&self, each: &mut impl FnMut(&mut dyn FnMut(&[f64]))) -> Vec<u64> {
        let mut held = Vec::with_capacity(self.size);
        each(&mut |block| held.extend(block.iter().map(|score| score.to_bits()).filter(|&bits| self.holds(bits))));
        held
    }
}

fn nth(held: &mut [u64], wanted: usize) -> Threshold {
    if wanted == 0 {
        return Threshold::NONE;
    }
    let (above, &mut bits, _) = held.select_nth_unstable_by(wanted - 1, |a, b| b.cmp(a));
    let more = above.iter().filter(|&&other| other > bits).count();
    Threshold { bits, ties: wanted - more }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Address, Purpose};

    /// By sorting.
    fn largest(scores: &[f64], count: usize) -> Vec<bool> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let mut marks = vec![false; scores.len()];
        order.into_iter().take(count).for_each(|place| marks[place] = true);
        marks
    }

    fn chosen(scores: &[f64], count: usize) -> Vec<bool> {
        let read = |from: usize, into: &mut [f64]| into.copy_from_slice(&scores[from..from + into.len()]);
        let mut threshold = threshold(scores.len(), read, |_| count);
        let mut marks = vec![false; scores.len()];
        scores.chunks(100).zip(marks.chunks_mut(100)).for_each(|(scores, marks)| threshold.mark(scores, marks));
        marks
    }

    #[test]
    fn few_and_many_and_equal_scores() {
        let mut stream = Address::new(3, Purpose::Test).stream();
        for places in [1, 5, FEW, FEW + 1, 3 * FEW] {
            let wide: Vec<f64> = (0..places).map(|_| stream.uniform() * 10f64.powi(stream.range(-200..=200))).collect();
            let coarse: Vec<f64> = (0..places).map(|_| stream.below(4) as f64).collect();
            for scores in [wide, coarse, vec![2.5; places], vec![0.0; places]] {
                for count in [0, 1, places / 10, places / 2, places - 1, places] {
                    assert_eq!(chosen(&scores, count), largest(&scores, count), "{count} of {places}");
                }
            }
        }
    }

    #[test]
    fn a_group_too_large_to_hold_is_looked_into() {
        // All in one group of the first look, and of the second: they part in the last bits, with many alike.
        let mut stream = Address::new(4, Purpose::Test).stream();
        let places = HELD + HELD / 4;
        let scores: Vec<f64> = (0..places).map(|_| f64::from_bits(1f64.to_bits() + stream.below(3) as u64)).collect();
        for count in [1, places / 3, places / 2, places - 1] {
            assert_eq!(chosen(&scores, count), largest(&scores, count), "{count} of {places}");
        }
    }
}
