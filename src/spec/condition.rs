//! What cells a rule, or an axis, is about.

use super::axis::AxisDraft;
use super::choice::listed;
use super::error::{SpecError, Spot};
use super::key::Key;
use super::layer::{Assignment, assignments, in_order, sized};
use super::part::{Part, Text};
use super::settings::Settings;
use super::suggest::nearest;

/// The names that a condition may use.
#[derive(Clone, Copy)]
pub(super) struct Names<'d, 'a> {
    pub variants: &'d [String],
    pub axes: &'d [AxisDraft<'a>],
}

/// Some of the cells. All that is said must hold; where several values are listed, one of them.
#[derive(Default)]
pub(super) struct Condition<'a> {
    variants: Option<Vec<String>>,
    /// Axis and points of it, by position.
    axes: Vec<(usize, Vec<usize>)>,
    keys: Vec<Wanted<'a>>,
}

/// A key and the values of which it must have one.
struct Wanted<'a> {
    key: &'static Key,
    values: Vec<toml::Value>,
    /// The place of the key.
    spot: Spot<'a>,
}

/// A cell as conditions see it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'c> {
    pub variant: &'c str,
    /// The point on each axis; none where the axis does not apply.
    pub at: &'c [Option<usize>],
    pub settings: &'c Settings,
}

impl<'a> Condition<'a> {
    /// Reads `variant`, `axis` and `when` of a table.
    pub fn read(part: Part<'a>, names: Names<'_, 'a>) -> Result<Condition<'a>, SpecError> {
        let variants = part.texts("variant")?.map(|texts| variants(texts, names.variants)).transpose()?;
        let axes = match part.inner("axis", "`axis`")? {
            Some(table) => axes(table, names.axes)?,
            None => Vec::new(),
        };
        let keys = match part.inner("when", "`when`")? {
            Some(table) => keys(table)?,
            None => Vec::new(),
        };
        Ok(Condition { variants, axes, keys })
    }

    /// Whether it says nothing, so that it holds for every cell.
    pub fn is_empty(&self) -> bool {
        self.variants.is_none() && self.axes.is_empty() && self.keys.is_empty()
    }

    /// The keys that it looks at.
    pub fn keys(&self) -> impl Iterator<Item = (&'static Key, &Spot<'a>)> {
        self.keys.iter().map(|wanted| (wanted.key, &wanted.spot))
    }

    /// Whether it holds for a cell; `elsewhere` is the answer of an axis that does not apply to the cell.
    pub fn holds(&self, cell: Seen<'_>, elsewhere: bool) -> bool {
        let on_axis = |(axis, points): &(usize, Vec<usize>)| {
            cell.at.get(*axis).copied().flatten().map_or(elsewhere, |point| points.contains(&point))
        };
        self.failed(cell.variant, cell.settings).is_none() && self.axes.iter().all(on_axis)
    }

    /// What of `variant` and `when` does not hold, in words.
    pub fn failed(&self, variant: &str, settings: &Settings) -> Option<String> {
        if let Some(variants) = &self.variants
            && !variants.iter().any(|name| name == variant)
        {
            return Some(format!("it is for {}", listed(variants)));
        }
        let wrong = |wanted: &&Wanted<'a>| !wanted.values.contains(&wanted.key.get(settings));
        self.keys.iter().find(wrong).map(|Wanted { key, values, .. }| {
            let values: Vec<String> = values.iter().map(toml::Value::to_string).collect();
            format!("`{}` is {}, not {}", key.path, key.get(settings), values.join(" or "))
        })
    }
}

fn variants(texts: Vec<Text<'_>>, known: &[String]) -> Result<Vec<String>, SpecError> {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let one = |(name, spot): Text<'_>| match known.contains(&name.as_str()) {
        true => Ok(name),
        false => {
            let near = nearest(&name, known.iter().copied());
            Err(spot.unknown(format!("there is no variant `{name}`"), near, &known))
        }
    };
    texts.into_iter().map(one).collect()
}

fn axes<'a>(table: Part<'a>, known: &[AxisDraft<'a>]) -> Result<Vec<(usize, Vec<usize>)>, SpecError> {
    let names: Vec<&str> = known.iter().map(|axis| axis.name.as_str()).collect();
    let mut found = Vec::new();
    for (name, value) in in_order(table.table) {
        let text = name.get_ref().as_ref();
        let Some(axis) = names.iter().position(|known| *known == text) else {
            let near = nearest(text, names.iter().copied());
            let spot = Spot { source: table.source, span: name.span() };
            return Err(spot.unknown(format!("there is no axis `{text}`"), near, &names));
        };
        let points = match value.get_ref().as_array() {
            Some(items) => items.iter().map(|item| point(table, item, &known[axis])).collect::<Result<_, _>>()?,
            None => vec![point(table, value, &known[axis])?],
        };
        found.push((axis, points));
    }
    Ok(found)
}

/// The point of an axis that is called by its label or, where there is one key, by its value.
fn point<'a>(
    table: Part<'a>,
    value: &toml::Spanned<toml::de::DeValue<'_>>,
    axis: &AxisDraft<'a>,
) -> Result<usize, SpecError> {
    let plain = sized(table.source, value)?;
    let by_label = axis.points.iter().position(|point| Some(point.label.as_str()) == plain.as_str());
    let held = |value: &toml::Value| {
        let mut settings = Settings::default();
        axis.keys[0].set(&mut settings, value).ok().map(|()| axis.keys[0].get(&settings))
    };
    let single = axis.keys.len() == 1;
    let by_value = || {
        axis.points
            .iter()
            .position(|point| single && held(&plain).is_some() && held(&point.assignments[0].value) == held(&plain))
    };
    by_label.or_else(by_value).ok_or_else(|| {
        let labels: Vec<&str> = axis.points.iter().map(|point| point.label.as_str()).collect();
        let near = plain.as_str().and_then(|text| nearest(text, labels.iter().copied()));
        table.spot_of(value).unknown(format!("axis `{}` has no value {plain}", axis.name), near, &labels)
    })
}

fn keys<'a>(table: Part<'a>) -> Result<Vec<Wanted<'a>>, SpecError> {
    let one = |assignment: Assignment<'a>| {
        let values = match &assignment.value {
            toml::Value::Array(items) => items.clone(),
            value => vec![value.clone()],
        };
        if values.is_empty() {
            return Err(assignment.spot.error("the list of values is empty", "write at least one value"));
        }
        let held = |value| Assignment { value, ..assignment.clone() }.held();
        let values = values.into_iter().map(held).collect::<Result<_, _>>()?;
        Ok(Wanted { key: assignment.key, values, spot: assignment.name.clone() })
    };
    let found = assignments(table.source, table.table, &[])?;
    if found.is_empty() {
        return Err(table
            .spot()
            .error("`when` is empty", "write when = { \"aepo.mode\" = \"latch\" }, or leave it out"));
    }
    found.into_iter().map(one).collect()
}
