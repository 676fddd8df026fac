//! Variants x axes: the cells of an experiment, and what is not among them and why.

use super::axis::AxisDraft;
use super::choice::{Kind, listed};
use super::condition::{Condition, Names, Seen};
use super::error::{SpecError, Spot};
use super::layer::Layer;
use super::rule::{Deed, Rule};
use super::{check, identity};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most jobs, cells times seeds, that one experiment may have; more are refused before any of them is looked at.
pub const MAX_JOBS: usize = 50_000;

/// What the cells of an experiment came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Grid {
    /// The axes, in the order of the file.
    pub axes: Vec<Axis>,
    /// Where each variant of the experiment lies, in the same order; empty without axes.
    pub cells: Vec<Cell>,
    /// The cells that a rule takes out.
    pub excluded: Vec<Excluded>,
    /// Where an axis does not apply.
    pub collapsed: Vec<Collapsed>,
    /// What else a reader of the plan should know.
    pub notes: Vec<String>,
}

/// Keys swept over a list of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// The keys that it sets; several move together.
    pub keys: Vec<&'static str>,
    /// What its points are called.
    pub labels: Vec<String>,
    /// Whether the names of cells say so; the default reading of an axis may go without.
    pub named: Vec<bool>,
}

/// A point of variants and axes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The variant as it is written in the file.
    pub variant: String,
    /// For each axis the label of its point; none where the axis does not apply.
    pub at: Vec<Option<String>>,
}

/// A cell that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// The name that it would have.
    pub cell: String,
    /// Why, with the place of the rule.
    pub reason: String,
}

/// Cells in which an axis does not apply, so that they are one and not one a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Collapsed {
    /// The variant.
    pub variant: String,
    /// The axis.
    pub axis: String,
    /// How many values the axis has.
    pub values: usize,
    /// Why it does not apply.
    pub reason: String,
    /// In how many cells of the variant, counted before later axes and rules.
    pub cells: usize,
}

/// A variant before the axes are laid on.
pub(super) struct VariantDraft<'a> {
    pub name: String,
    pub spot: Spot<'a>,
    pub row: Option<(String, Spot<'a>)>,
    pub layer: Layer<'a>,
}

/// A cell with its settings.
pub(super) struct Grown<'a> {
    /// Position of its variant in the file.
    pub variant: usize,
    pub name: String,
    pub at: Vec<Option<usize>>,
    pub layer: Layer<'a>,
}

/// All that the cells grow from.
pub(super) struct Ground<'d, 'a> {
    pub kind: Kind,
    pub seeds: usize,
    pub variants: &'d [VariantDraft<'a>],
    pub axes: &'d [AxisDraft<'a>],
    /// For each axis, where it applies.
    pub conditions: Vec<Condition<'a>>,
    pub rules: Vec<Rule<'a>>,
}

impl<'d, 'a> Ground<'d, 'a> {
    /// Reads the conditions of the axes and refuses what cannot work.
    pub fn conditions(axes: &[AxisDraft<'a>], variants: &[String]) -> Result<Vec<Condition<'a>>, SpecError> {
        let names = Names { variants, axes };
        let conditions: Vec<_> = axes.iter().map(|axis| Condition::read(axis.part, names)).collect::<Result<_, _>>()?;
        keys_once(axes)?;
        for (index, condition) in conditions.iter().enumerate() {
            for (key, spot) in condition.keys() {
                let later = axes[index + 1..].iter().find(|axis| axis.keys.iter().any(|other| other.path == key.path));
                if let Some(later) = later {
                    let message = format!(
                        "axis `{}` looks at `{}`, which the later axis `{}` sets",
                        axes[index].name, key.path, later.name
                    );
                    return Err(spot.error(message, format!("put axis `{}` first", later.name)));
                }
            }
        }
        Ok(conditions)
    }

    /// All cells, variants in the order of the file and the last axis fastest, and what became of the others.
    pub fn grow(&self) -> Result<(Vec<Grown<'a>>, Grid), SpecError> {
        self.check_size()?;
        let mut growth =
            Growth { ground: self, cells: Vec::new(), visited: 0, excluded: Vec::new(), collapsed: BTreeMap::new() };
        for (index, variant) in self.variants.iter().enumerate() {
            growth.descend(index, &mut Vec::new(), &variant.layer)?;
        }
        self.rules.iter().try_for_each(Rule::check_used)?;
        let Growth { cells, excluded, collapsed, .. } = growth;
        if cells.is_empty() {
            let last = self.rules.last().map_or(&self.variants[0].spot, |rule| &rule.spot);
            return Err(last.error("no cell is left", "[[include]] and [[exclude]] take all of them out; loosen one"));
        }
        unique(&cells, self.variants)?;
        self.check_axes(&cells)?;
        let grid = Grid {
            axes: self.axes(),
            cells: self.places(&cells),
            excluded,
            collapsed: self.collapsed(collapsed),
            notes: Vec::new(),
        };
        Ok((cells, grid))
    }

    /// The axes that apply everywhere already say how many cells there are at least.
    fn check_size(&self) -> Result<(), SpecError> {
        let always = self.axes.iter().zip(&self.conditions).filter(|(_, condition)| condition.is_empty());
        let sizes: Vec<usize> = always.map(|(axis, _)| axis.points.len()).collect();
        let product = |count: u128, size: &usize| count.saturating_mul(*size as u128);
        let jobs = sizes.iter().chain([&self.seeds]).fold(self.variants.len() as u128, product);
        if jobs <= MAX_JOBS as u128 {
            return Ok(());
        }
        let axes: String = sizes.iter().map(|size| format!(" x {}", grouped(*size as u128))).collect();
        let [variants, seeds] = [(self.variants.len(), "variant"), (self.seeds, "seed")].map(plural);
        let counted = format!("{variants}{axes} x {seeds} = {} jobs", grouped(jobs));
        Err(self.too_many(&counted))
    }

    fn too_many(&self, counted: &str) -> SpecError {
        let spot = self.axes.last().map_or(&self.variants[0].spot, |axis| &axis.spot);
        let help = "take values out of an axis, zip axes that belong together (keys = [...]), or split the experiment";
        spot.error(format!("{counted}: an experiment has {} at most", grouped(MAX_JOBS as u128)), help)
    }

    fn axes(&self) -> Vec<Axis> {
        let axis = |axis: &AxisDraft<'_>| Axis {
            name: axis.name.clone(),
            keys: axis.keys.iter().map(|key| key.path).collect(),
            labels: axis.points.iter().map(|point| point.label.clone()).collect(),
            named: axis.points.iter().map(|point| point.named).collect(),
        };
        self.axes.iter().map(axis).collect()
    }

    fn places(&self, cells: &[Grown<'a>]) -> Vec<Cell> {
        if self.axes.is_empty() {
            return Vec::new();
        }
        let label =
            |(axis, point): (&AxisDraft<'_>, &Option<usize>)| point.map(|point| axis.points[point].label.clone());
        let place = |cell: &Grown<'_>| Cell {
            variant: self.variants[cell.variant].name.clone(),
            at: self.axes.iter().zip(&cell.at).map(label).collect(),
        };
        cells.iter().map(place).collect()
    }

    fn collapsed(&self, counts: BTreeMap<(usize, usize, String), usize>) -> Vec<Collapsed> {
        let one = |((variant, axis, reason), cells): ((usize, usize, String), usize)| Collapsed {
            variant: self.variants[variant].name.clone(),
            axis: self.axes[axis].name.clone(),
            values: self.axes[axis].points.len(),
            reason,
            cells,
        };
        counts.into_iter().map(one).collect()
    }

    /// Refuses an axis of several values that changes no job: a key that is swept and does not act would look like a result.
    fn check_axes(&self, cells: &[Grown<'a>]) -> Result<(), SpecError> {
        for (index, axis) in self.axes.iter().enumerate() {
            let mut first: BTreeMap<(usize, Vec<Option<usize>>), &Grown<'a>> = BTreeMap::new();
            let (mut met, mut acts) = (false, false);
            for cell in cells.iter().filter(|cell| cell.at[index].is_some()) {
                let mut rest = cell.at.clone();
                rest[index] = None;
                let other = first.entry((cell.variant, rest)).or_insert(cell);
                met |= other.at != cell.at;
                acts = acts || !identity::same(self.kind, &other.layer.settings, &cell.layer.settings);
                if acts {
                    break;
                }
            }
            if met && !acts {
                let message = format!("axis `{}` changes nothing in any cell", axis.name);
                return Err(axis.spot.error(
                    message,
                    "its keys do not act under the other settings (docs/keys.md says when each does)",
                ));
            }
        }
        Ok(())
    }
}

fn keys_once(axes: &[AxisDraft<'_>]) -> Result<(), SpecError> {
    let mut by: BTreeMap<&str, &str> = BTreeMap::new();
    for axis in axes {
        for key in &axis.keys {
            if let Some(other) = by.insert(key.path, &axis.name) {
                let message = format!("axis `{}` sets `{}`, and so does axis `{other}`", axis.name, key.path);
                return Err(axis.spot.error(message, "each key belongs to one axis; zip keys that move together"));
            }
        }
    }
    Ok(())
}

/// The walk through the tree of axes.
struct Growth<'g, 'd, 'a> {
    ground: &'g Ground<'d, 'a>,
    cells: Vec<Grown<'a>>,
    visited: usize,
    excluded: Vec<Excluded>,
    /// Variant, axis and reason to how often.
    collapsed: BTreeMap<(usize, usize, String), usize>,
}

impl<'a> Growth<'_, '_, 'a> {
    fn descend(&mut self, variant: usize, at: &mut Vec<Option<usize>>, layer: &Layer<'a>) -> Result<(), SpecError> {
        let ground = self.ground;
        let Some(axis) = ground.axes.get(at.len()) else {
            return self.arrive(variant, at, layer);
        };
        let failed = ground.conditions[at.len()].failed(&ground.variants[variant].name, &layer.settings);
        if let Some(reason) = failed {
            *self.collapsed.entry((variant, at.len(), reason)).or_default() += 1;
            at.push(None);
            self.descend(variant, at, layer)?;
            at.pop();
            return Ok(());
        }
        for (index, point) in axis.points.iter().enumerate() {
            let mut laid = layer.clone();
            point.assignments.iter().try_for_each(|assignment| laid.put(assignment))?;
            at.push(Some(index));
            self.descend(variant, at, &laid)?;
            at.pop();
        }
        Ok(())
    }

    fn arrive(&mut self, variant: usize, at: &[Option<usize>], layer: &Layer<'a>) -> Result<(), SpecError> {
        self.visited += 1;
        if self.visited.saturating_mul(self.ground.seeds) > MAX_JOBS {
            return Err(self.ground.too_many("the axes come to more jobs than that"));
        }
        let mut layer = layer.clone();
        let written = &self.ground.variants[variant].name;
        for rule in self.ground.rules.iter().filter(|rule| rule.deed == Deed::Override) {
            if rule.holds(Seen { variant: written, at, settings: &layer.settings }) {
                rule.set.iter().try_for_each(|assignment| layer.put(assignment))?;
            }
        }
        let name = self.name(variant, at);
        match self.refused(Seen { variant: written, at, settings: &layer.settings }) {
            Some(reason) => self.excluded.push(Excluded { cell: name, reason }),
            None => {
                self.check(variant, at, &name, &layer)?;
                self.cells.push(Grown { variant, name, at: at.to_vec(), layer });
            }
        }
        Ok(())
    }

    /// Why a cell is not there.
    fn refused(&self, cell: Seen<'_>) -> Option<String> {
        let rules = |deed: Deed| self.ground.rules.iter().filter(move |rule| rule.deed == deed);
        // Every rule is asked, so that each one that is about some cell is known as such.
        let excludes: Vec<&Rule<'_>> = rules(Deed::Exclude).filter(|rule| rule.holds(cell)).collect();
        let included = rules(Deed::Include).filter(|rule| rule.holds(cell)).count() > 0;
        if let Some(rule) = excludes.first() {
            return Some(rule.why());
        }
        let all: Vec<String> = rules(Deed::Include).map(|rule| rule.spot.short()).collect();
        (!all.is_empty() && !included).then(|| format!("no [[include]] is about it ({})", all.join(", ")))
    }

    /// `AEPO, lag=1, removal=drop`.
    fn name(&self, variant: usize, at: &[Option<usize>]) -> String {
        let mut name = self.ground.variants[variant].name.clone();
        for (axis, point) in self.ground.axes.iter().zip(at) {
            if let Some(point) = point.map(|point| &axis.points[point]).filter(|point| point.named) {
                name.push_str(&format!(", {}={}", axis.name, point.label));
            }
        }
        name
    }

    fn check(&self, variant: usize, at: &[Option<usize>], name: &str, layer: &Layer<'a>) -> Result<(), SpecError> {
        let (spot, kind) = (&self.ground.variants[variant].spot, self.ground.kind);
        let swept = at.iter().flatten().count() > 0;
        if swept {
            check::file_name(spot, "cell", name)?;
        }
        check::layer(layer, kind, spot, swept.then_some(name))
    }
}

/// Two cells of one name would be one row of the report.
fn unique(cells: &[Grown<'_>], variants: &[VariantDraft<'_>]) -> Result<(), SpecError> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in cells {
        if let Some(other) = names.insert(&cell.name, cell.variant) {
            let both = listed(&[&variants[other].name, &variants[cell.variant].name]);
            let message = format!("two cells are called `{}`: of the variants {both}", cell.name);
            return Err(variants[cell.variant].spot.error(message, "rename one of the variants"));
        }
    }
    Ok(())
}

/// `1 variant`, `2,000 seeds`.
fn plural((count, noun): (usize, &str)) -> String {
    format!("{} {noun}{}", grouped(count as u128), if count == 1 { "" } else { "s" })
}

/// 1,000,000 for a million.
pub(super) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
