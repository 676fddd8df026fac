//! `[[claim]]`: what the report is to judge. A claim about swept variants is one claim for each point that they share.

use super::choice::{Kind, listed};
use super::error::{SpecError, Spot};
use super::grid::{Grid, Grown, grouped};
use super::part::Part;
use super::suggest::nearest;
use super::{Claim, MEASURES};

/// The most pairs of cells that one claim may compare.
const MOST: usize = 10_000;

/// The cells that claims can be about.
pub(super) struct Stage<'s, 'a> {
    pub kind: Kind,
    /// The variants as they are written.
    pub variants: &'s [String],
    pub cells: &'s [Grown<'a>],
    pub grid: &'s Grid,
}

/// The claims of one section, or why there are none.
pub(super) enum Read {
    Claims(Vec<Claim>),
    /// No pair of cells is left to compare; of an inherited claim this is no mistake.
    Nothing(String),
}

const WORDS: &[&str] = &["text", "better", "worse", "measure"];

/// Reads a claim; `own` is whether the file itself wrote it.
pub(super) fn read<'a>(part: Part<'a>, stage: &Stage<'_, 'a>, own: bool) -> Result<Read, SpecError> {
    part.known(WORDS)?;
    let better = Side::read(part, "better", stage)?;
    let worse = Side::read(part, "worse", stage)?;
    if better.name == worse.name {
        let message = format!("`{}` is compared with itself", worse.name);
        return Err(worse.spot.error(message, "a claim compares two variants"));
    }
    let (measure, text) = (read_measure(part, stage.kind)?, part.required("text")?.0);
    let pairs = match pairs(&better, &worse)? {
        Ok(pairs) => pairs,
        Err(empty) if own => return Err(empty.spot.error(empty.message, empty.help)),
        Err(empty) => return Ok(Read::Nothing(format!("{text}: {}", empty.message))),
    };
    let swept = pairs.len() > 1;
    let claim = |(left, right): &Pair<'_, 'a>| {
        let at = stage.place(left, right, &better.name, &worse.name);
        let text = if at.is_empty() { text.clone() } else { format!("{text} [{at}]") };
        let (better, worse) = (left.name.clone(), right.name.clone());
        Claim { text, better, worse, measure: measure.clone(), at: swept.then_some(at) }
    };
    Ok(Read::Claims(pairs.iter().map(claim).collect()))
}

fn read_measure(part: Part<'_>, kind: Kind) -> Result<String, SpecError> {
    let (measure, spot) = part.one_of("measure", "measure", MEASURES)?;
    if kind == Kind::Base && ["reward", "entropy", "response_tokens"].contains(&measure.as_str()) {
        return Err(spot.error(format!("kind `base` does not measure `{measure}`"), "take `avg` or a suite"));
    }
    Ok(measure)
}

/// One side of a claim.
struct Side<'c, 'a> {
    name: String,
    spot: Spot<'a>,
    cells: Vec<&'c Grown<'a>>,
    /// Whether a cell is named and not a variant.
    single: bool,
}

impl<'c, 'a> Side<'c, 'a> {
    fn read(part: Part<'a>, key: &str, stage: &Stage<'c, 'a>) -> Result<Side<'c, 'a>, SpecError> {
        let (name, spot) = part.required(key)?;
        let (cells, single) = stage.named(&name, &spot)?;
        Ok(Side { name, spot, cells, single })
    }
}

/// Why there is nothing to compare.
struct Empty<'a> {
    spot: Spot<'a>,
    message: String,
    help: &'static str,
}

impl<'s, 'a> Stage<'s, 'a> {
    /// The cells of a written variant, or the one cell of that name, and whether it is that.
    fn named(&self, name: &str, spot: &Spot<'a>) -> Result<(Vec<&'s Grown<'a>>, bool), SpecError> {
        if let Some(variant) = self.variants.iter().position(|variant| variant == name) {
            return Ok((self.cells.iter().filter(|cell| cell.variant == variant).collect(), false));
        }
        if let Some(cell) = self.cells.iter().find(|cell| cell.name == name) {
            return Ok((vec![cell], true));
        }
        if let Some(out) = self.grid.excluded.iter().find(|out| out.cell == name) {
            return Err(
                spot.error(format!("the cell `{name}` is not there: {}", out.reason), "name a cell of the plan")
            );
        }
        let known = || self.variants.iter().map(String::as_str);
        let near = nearest(name, known().chain(self.cells.iter().map(|cell| cell.name.as_str())));
        Err(spot.unknown(format!("there is no variant `{name}`"), near, &known().collect::<Vec<_>>()))
    }

    /// Where two cells lie, for a claim about more than them.
    fn place(&self, left: &Grown<'_>, right: &Grown<'_>, better: &str, worse: &str) -> String {
        if left.name == *better && right.name == *worse {
            return String::new();
        }
        let at = self.grid.axes.iter().enumerate().filter_map(|(index, axis)| {
            let point = left.at[index].or(right.at[index])?;
            axis.named[point].then(|| format!("{}={}", axis.name, axis.labels[point]))
        });
        at.collect::<Vec<String>>().join(", ")
    }
}

type Pair<'c, 'a> = (&'c Grown<'a>, &'c Grown<'a>);

/// The pairs that agree on every axis which applies to both. Two cells that are named one by one are compared wherever they lie.
fn pairs<'c, 'a>(
    better: &Side<'c, 'a>,
    worse: &Side<'c, 'a>,
) -> Result<Result<Vec<Pair<'c, 'a>>, Empty<'a>>, SpecError> {
    if let Some(side) = [better, worse].into_iter().find(|side| side.cells.is_empty()) {
        let message = format!("no cell of `{}` is left to compare", side.name);
        let help = "the rules of the experiment take out all of its cells; take the claim out too";
        return Ok(Err(Empty { spot: side.spot.clone(), message, help }));
    }
    if better.single && worse.single {
        return Ok(Ok(vec![(better.cells[0], worse.cells[0])]));
    }
    let mut found = Vec::new();
    for &left in &better.cells {
        found.extend(worse.cells.iter().filter(|right| agree(left, right)).map(|right| (left, *right)));
        if found.len() > MOST {
            let message = format!("the claim compares more than {} pairs of cells", grouped(MOST as u128));
            let names = [&left.name, &worse.cells[0].name];
            return Err(worse.spot.error(message, format!("name two cells, such as {}", listed(&names))));
        }
    }
    if found.is_empty() {
        let message = format!("`{}` and `{}` share no point of the axes", better.name, worse.name);
        let help = "a claim compares cells that agree on every axis that applies to both; name two cells";
        return Ok(Err(Empty { spot: worse.spot.clone(), message, help }));
    }
    Ok(Ok(found))
}

fn agree(left: &Grown<'_>, right: &Grown<'_>) -> bool {
    let axis = |(left, right): (&Option<usize>, &Option<usize>)| left.is_none() || right.is_none() || left == right;
    left.name != right.name && left.at.iter().zip(&right.at).all(axis)
}
