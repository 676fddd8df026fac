//! Rounded or cut off: the ways in which all shares of a table can have been brought to their digits.

use super::grid::{Fit, GridCell, Ways};
use serde::Serialize;

/// How many cells each way explains.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Convention {
    /// Cells that are shares of their items.
    pub cells: usize,
    /// Of these, cells whose digits tell the ways apart.
    pub telling: usize,
    /// Cells that rounding half up gives.
    pub half_up: usize,
    /// Cells that rounding half to even gives.
    pub half_even: usize,
    /// Cells that cutting off gives.
    pub cut: usize,
    /// Ways that give every cell.
    pub fits_all: Ways,
    /// Positions in the list of checked cells that the most common way does not give.
    pub against: Vec<usize>,
}

/// Weighs the ways over all checked cells.
pub fn of(grid: &[GridCell]) -> Convention {
    let shares = grid.iter().enumerate().filter_map(|(at, cell)| match cell.fit {
        Fit::Share { ways, .. } => Some((at, ways)),
        _ => None,
    });
    let shares: Vec<(usize, Ways)> = shares.collect();
    let count = |way: fn(Ways) -> bool| shares.iter().filter(|(_, ways)| way(*ways)).count();
    let (cells, half_up) = (shares.len(), count(|ways| ways.half_up));
    let (half_even, cut) = (count(|ways| ways.half_even), count(|ways| ways.cut));
    let best: fn(Ways) -> bool = match half_up.max(half_even).max(cut) {
        best if best == half_even => |ways| ways.half_even,
        best if best == half_up => |ways| ways.half_up,
        _ => |ways| ways.cut,
    };
    let against = shares.iter().filter(|(_, ways)| !best(*ways)).map(|(at, _)| *at).collect();
    let fits_all = Ways { half_up: half_up == cells, half_even: half_even == cells, cut: cut == cells };
    let telling = count(|ways| !ways.all());
    Convention { cells, telling, half_up, half_even, cut, fits_all, against }
}

impl Convention {
    /// What the digits say, in words.
    pub fn words(&self) -> String {
        if self.cells == 0 {
            return "no cell could be checked".into();
        }
        if self.telling == 0 {
            return format!("none of {} cells tells rounding from cutting off", self.cells);
        }
        let names = [
            (self.fits_all.half_even, "rounding half to even"),
            (self.fits_all.half_up, "rounding half up"),
            (self.fits_all.cut, "cutting off"),
        ];
        let fit: Vec<&str> = names.iter().filter(|(yes, _)| *yes).map(|(_, name)| *name).collect();
        let counts = format!(
            "of {} cells, {} of them telling, half to even gives {}, half up {}, cutting off {}",
            self.cells, self.telling, self.half_even, self.half_up, self.cut
        );
        match fit.as_slice() {
            [] => format!("no single way gives every cell: {counts}"),
            fit => format!("{} gives every cell: {counts}", fit.join(" or ")),
        }
    }
}
