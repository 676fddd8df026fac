//! Attention in a pass: new keys and values into their pages, and what all rows take from them.

use super::layer::Pass;
use super::room::{self, Room, sized};
use super::sequence::Sequence;
use longlab_kernels::attention::{POSITIONS, attend};
use longlab_kernels::linear::Region;
use std::ops::Range;
use std::sync::Arc;

/// Tokens of a prompt whose attention is one piece of work.
const QUERIES: usize = 64;

/// Some rows of a sequence, one key/value head, and where its results go.
struct Piece<'a> {
    sequence: usize,
    rows: Range<usize>,
    head: usize,
    out: Region<'a>,
}

impl Pass<'_> {
    /// Puts new keys and values into the sequences.
    pub(super) fn keep(&self, layer: usize, k: &[f32], v: &[f32], sequences: &mut [&mut Sequence]) {
        let row_width = self.shared * self.width;
        let mut pages = Vec::new();
        for (sequence, (rows, first)) in sequences.iter_mut().zip(&self.spans) {
            let heads = sequence.heads(layer * self.shared..(layer + 1) * self.shared);
            for (head, own) in heads.iter_mut().enumerate() {
                let from = first / POSITIONS;
                pages.extend((from..).zip(&mut own[from..]).map(|(number, page)| (rows, *first, head, number, page)));
            }
        }
        self.team.crew().each(pages, |(rows, first, head, number, page)| {
            let page = Arc::make_mut(page);
            let begin = first.max(number * POSITIONS);
            for position in begin..(first + rows.len()).min((number + 1) * POSITIONS) {
                let place = (rows.start + position - first) * row_width + head * self.width;
                let place = place..place + self.width;
                page.put(position % POSITIONS, &k[place.clone()], &v[place]);
            }
        });
    }

    /// Attention of all rows, [rows, H d].
    pub(super) fn attend(&self, layer: usize, q: &[f32], sequences: &[&mut Sequence], out: &mut [f32]) {
        let (row_width, group) = (self.heads * self.width, self.heads / self.shared);
        let mut pieces = Vec::new();
        let mut rest = Region::new(out, row_width);
        for (sequence, (rows, _)) in self.spans.iter().enumerate() {
            for from in rows.clone().step_by(QUERIES) {
                let rows = from..(from + QUERIES).min(rows.end);
                let (mut own, below) = rest.split_rows(rows.len());
                rest = below;
                for head in 0..self.shared {
                    let (out, right) = own.split_columns(group * self.width);
                    own = right;
                    pieces.push(Piece { sequence, rows: rows.clone(), head, out });
                }
            }
        }
        // The last tokens of a prompt see most: the longest pieces begin.
        let work = |Piece { sequence, rows, head, mut out }: Piece<'_>| {
            let (span, first) = &self.spans[sequence];
            let pages = sequences[sequence].pages(layer * self.shared + head);
            room::with(|Room { unit, out: results, scratch, seen, .. }| {
                let chunk = group * self.width;
                let (queries, results) = (sized(unit, rows.len() * chunk), sized(results, rows.len() * chunk));
                seen.clear();
                for (row, queries) in rows.clone().zip(queries.chunks_exact_mut(chunk)) {
                    queries.copy_from_slice(&q[row * row_width + head * chunk..][..chunk]);
                    seen.resize(seen.len() + group, first + row - span.start + 1);
                }
                attend(self.team.crew().isa, queries, self.width, seen, &pages, scratch, results);
                results.chunks_exact(chunk).enumerate().for_each(|(row, from)| out.row(row).copy_from_slice(from));
            });
        };
        self.team.crew().each(pieces.into_iter().rev(), work);
    }
}
