//! From the files of an experiment to an [`Experiment`] and the places of its parts.
//!
//! A file lies over the one that it extends: `[experiment]` and `[base]` key by key, variants and axes by name, claims by text, figures by
//! file; rules add up.

use super::axis::{self, AxisDraft};
use super::check;
use super::choice::{AepoMode, Kind, Scale};
use super::claims::{self, Read, Stage};
use super::condition::Names;
use super::error::{Source, SpecError, Spot};
use super::grid::{Grid, Ground, Grown, VariantDraft};
use super::layer::{Layer, plain};
use super::part::{Part, kind_of, known, parts};
use super::resources::{self, Resources};
use super::rule::{Deed, Rule};
use super::texts::Doc;
use super::{Claim, Experiment, FigureRef, Variant};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::Spanned;
use toml::de::DeValue;

/// An experiment and where its parts stand in the files.
pub(super) struct Draft<'a> {
    pub experiment: Experiment,
    /// The published table.
    pub paper: Option<Spot<'a>>,
    /// For each variant: its name, its published row if written, its base folder and its dataset if written.
    pub variants: Vec<Place<'a>>,
    /// The file of each figure.
    pub figures: Vec<Spot<'a>>,
}

/// Where a variant stands in the files.
pub(super) struct Place<'a> {
    pub name: Spot<'a>,
    pub row: Option<Spot<'a>>,
    pub base: Option<Spot<'a>>,
    pub data: Option<Spot<'a>>,
}

const SECTIONS: &[&str] = &[
    "extends",
    "experiment",
    "base",
    "resources",
    "variant",
    "axis",
    "include",
    "exclude",
    "override",
    "claim",
    "figure",
];
const HEAD_WORDS: &[&str] = &["name", "title", "paper", "scale", "kind", "seeds", "scatter"];
const VARIANT_WORDS: &[&str] = &["name", "paper"];

/// The scale that the files say, the last word first.
pub(super) fn scale(docs: &[Doc<'_>]) -> Result<Scale, SpecError> {
    for part in heads(docs)?.iter().rev() {
        if let Some(scale) = part.choice("scale")? {
            return Ok(scale);
        }
    }
    Ok(Scale::Micro)
}

/// Reads the files over the preset of their scale; checks everything that needs no other file.
pub(super) fn read<'a>(docs: &'a [Doc<'a>], preset: &'a Doc<'a>, scale: Scale) -> Result<Draft<'a>, SpecError> {
    let heads = heads(docs)?;
    let (mut experiment, paper) = read_head(&heads, scale)?;
    experiment.resources = resources::read(docs)?;
    let (base, notes) = read_base(docs, preset, scale)?;
    let variants = read_variants(docs, &heads, &base)?;
    let names: Vec<String> = variants.iter().map(|variant| variant.name.clone()).collect();
    let (cells, mut grid) = grow(docs, &experiment, &variants, &names)?;
    let stage = Stage { kind: experiment.kind, variants: &names, cells: &cells, grid: &grid };
    let (claims, dropped) = read_claims(docs, &stage)?;
    grid.notes = [notes, dropped].concat();
    let (figures, figure_spots) = read_figures(docs)?.into_iter().unzip();
    let (cells, places) = cells.into_iter().map(|cell| finish(cell, &variants)).unzip();
    (experiment.variants, experiment.claims, experiment.figures, experiment.grid) = (cells, claims, figures, grid);
    Ok(Draft { experiment, paper, variants: places, figures: figure_spots })
}

/// The cells of the variants: axes and rules laid on.
fn grow<'a>(
    docs: &'a [Doc<'a>],
    experiment: &Experiment,
    variants: &[VariantDraft<'a>],
    names: &[String],
) -> Result<(Vec<Grown<'a>>, Grid), SpecError> {
    let axes = read_axes(docs)?;
    let conditions = Ground::conditions(&axes, names)?;
    let rules = read_rules(docs, Names { variants: names, axes: &axes })?;
    let (kind, seeds) = (experiment.kind, experiment.seeds.len());
    Ground { kind, seeds, variants, axes: &axes, conditions, rules }.grow()
}

/// The [experiment] of each file; the file itself must have one.
fn heads<'a>(docs: &'a [Doc<'a>]) -> Result<Vec<Part<'a>>, SpecError> {
    docs.iter().try_for_each(|doc| known(doc.source, doc.root.get_ref(), "section", SECTIONS))?;
    let mut heads = Vec::new();
    for (index, doc) in docs.iter().enumerate() {
        match doc.root.get_ref().get("experiment") {
            Some(value) => heads.push(Part::new(doc.source, value, "[experiment]")?),
            None if index + 1 < docs.len() => {}
            None => {
                return Err(doc.source.error(0..0, "the [experiment] section is missing", Some(start_help())));
            }
        }
    }
    Ok(heads)
}

fn start_help() -> String {
    "begin with [experiment], name = \"...\" and seeds = [0, 1]; experiments/quickstart.toml is an example".to_string()
}

fn read_head<'a>(heads: &[Part<'a>], scale: Scale) -> Result<(Experiment, Option<Spot<'a>>), SpecError> {
    for head in heads {
        if let Some(value) = head.table.get("extends") {
            let help = "write it on a line above [experiment]";
            return Err(head.spot_of(value).error("`extends` stands in [experiment]", help));
        }
        head.known(HEAD_WORDS)?;
    }
    // The last file that says a thing has the last word; the name is the file's own, as it names its results.
    let own = heads[heads.len() - 1];
    let with = |name: &str| heads.iter().rev().copied().find(|head| head.table.contains_key(name)).unwrap_or(own);
    let name = read_name(own)?;
    let paper = with("paper").text("paper")?;
    if let Some((paper, spot)) = &paper {
        check::file_name(spot, "published table", paper)?;
    }
    let experiment = Experiment {
        title: with("title").text("title")?.map_or_else(|| name.clone(), |(title, _)| title),
        paper: paper.as_ref().map(|(paper, _)| paper.clone()),
        scale,
        kind: with("kind").choice("kind")?.unwrap_or(Kind::Rl),
        seeds: read_seeds(with("seeds"))?,
        scatter: with("scatter").choice("scatter")?,
        variants: Vec::new(),
        claims: Vec::new(),
        figures: Vec::new(),
        resources: Resources::default(),
        grid: Grid::default(),
        path: own.source.path.to_path_buf(),
        sources: Vec::new(),
        name,
    };
    Ok((experiment, paper.map(|(_, spot)| spot)))
}

fn read_name(head: Part<'_>) -> Result<String, SpecError> {
    let (name, spot) = head.required("name")?;
    check::file_name(&spot, "experiment", &name)?;
    if name == "jobs" {
        let help = "results/jobs holds the jobs of all experiments; take another name";
        return Err(spot.error("an experiment cannot be called `jobs`", help));
    }
    Ok(name)
}

fn read_seeds(head: Part<'_>) -> Result<Vec<u64>, SpecError> {
    const EXAMPLE: &str = "write seeds = [0, 1, 2]";
    let Some(value) = head.table.get("seeds") else {
        return Err(head.missing("seeds", EXAMPLE));
    };
    let Some(items) = value.get_ref().as_array() else {
        let message = format!("`seeds` is a list of integers, found {}", kind_of(value));
        return Err(head.spot_of(value).error(message, EXAMPLE));
    };
    if items.is_empty() {
        return Err(head.spot_of(value).error("`seeds` is empty: there is nothing to run", EXAMPLE));
    }
    let (mut seeds, mut seen) = (Vec::new(), BTreeSet::new());
    for item in items.iter() {
        let seed = read_seed(item).map_err(|message| head.spot_of(item).error(message, EXAMPLE))?;
        if !seen.insert(seed) {
            return Err(head.spot_of(item).error(format!("seed {seed} stands twice in `seeds`"), EXAMPLE));
        }
        seeds.push(seed);
    }
    Ok(seeds)
}

fn read_seed(item: &Spanned<DeValue<'_>>) -> Result<u64, String> {
    match plain(item) {
        Some(toml::Value::Integer(seed)) => {
            u64::try_from(seed).map_err(|_| format!("seed {seed} is negative: seeds are integers from 0"))
        }
        Some(_) => Err(format!("a seed is an integer, found {}", kind_of(item))),
        None => Err("the seed is too large".to_string()),
    }
}

/// The defaults, the preset, and [base] of each file; and a note for each key of the preset that a file holds fast.
fn read_base<'a>(
    docs: &'a [Doc<'a>],
    preset: &'a Doc<'a>,
    scale: Scale,
) -> Result<(Layer<'a>, Vec<String>), SpecError> {
    let swapped = Layer::default().with(preset.source, preset.root.get_ref(), &[])?;
    // A preset stands in place of the defaults: what it says nobody has set.
    let mut layer = Layer { settings: swapped.settings.clone(), ..Layer::default() };
    for doc in docs {
        if let Some(value) = doc.root.get_ref().get("base") {
            layer = layer.with(doc.source, Part::new(doc.source, value, "[base]")?.table, &[])?;
        }
    }
    let mut notes = Vec::new();
    for path in swapped.own.keys() {
        let key = super::Key::find(path).expect("a layer holds keys by their paths");
        let (preset, held) = (key.get(&swapped.settings), key.get(&layer.settings));
        let default = key.get(&super::Settings::default());
        if let Some(spot) = layer.set.get(path)
            && preset != held
            && preset != default
        {
            notes.push(format!(
                "`{path}` is {held} ({}), and {preset} in the preset of scale {}",
                spot.short(),
                scale.name()
            ));
        }
    }
    Ok((layer, notes))
}

/// How the sections of one list are told apart.
struct List {
    name: &'static str,
    title: &'static str,
    /// The key that says which section it is.
    by: &'static str,
    /// Whether one file may hold two of the same.
    once: bool,
}

const VARIANTS: List = List { name: "variant", title: "[[variant]]", by: "name", once: true };
const AXES: List = List { name: "axis", title: "[[axis]]", by: "name", once: true };
const CLAIMS: List = List { name: "claim", title: "[[claim]]", by: "text", once: false };
const FIGURES: List = List { name: "figure", title: "[[figure]]", by: "file", once: false };

/// The sections of a list in all files, those of one identity together, in the order of their first.
fn merged<'a>(docs: &'a [Doc<'a>], list: &List) -> Result<Vec<Vec<Part<'a>>>, SpecError> {
    let mut found: Vec<Vec<Part<'a>>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for doc in docs {
        let mut own: BTreeMap<String, usize> = BTreeMap::new();
        for part in parts(doc.source, doc.root.get_ref(), list.name, list.title)? {
            let (text, spot) = part.required(list.by)?;
            let first = own.insert(text.clone(), spot.line());
            if let (Some(line), true) = (first, list.once) {
                let message = format!("{} `{text}` is there already, on line {line}", list.name);
                return Err(spot.error(message, format!("give each {} a {} of its own", list.name, list.by)));
            }
            match places.get(&text) {
                Some(place) if first.is_none() => found[*place].push(part),
                _ => {
                    places.insert(text, found.len());
                    found.push(vec![part]);
                }
            }
        }
    }
    Ok(found)
}

fn read_variants<'a>(
    docs: &'a [Doc<'a>],
    heads: &[Part<'a>],
    base: &Layer<'a>,
) -> Result<Vec<VariantDraft<'a>>, SpecError> {
    let groups = merged(docs, &VARIANTS)?;
    if groups.is_empty() {
        let spot = heads[heads.len() - 1].spot();
        return Err(spot.error("the experiment has no variants", "add at least one [[variant]] with a name"));
    }
    groups.into_iter().map(|parts| read_variant(&parts, base)).collect()
}

/// A variant, of which later files may say more.
fn read_variant<'a>(parts: &[Part<'a>], base: &Layer<'a>) -> Result<VariantDraft<'a>, SpecError> {
    let mut layer = Layer { own: Default::default(), ..base.clone() };
    let mut row = None;
    for part in parts {
        let before = std::mem::take(&mut layer.own);
        layer = layer.with(part.source, part.table, VARIANT_WORDS)?;
        before.into_iter().for_each(|(path, spot)| {
            layer.own.entry(path).or_insert(spot);
        });
        row = part.text("paper")?.or(row);
    }
    let (name, spot) = parts[parts.len() - 1].required("name")?;
    check::file_name(&spot, "variant", &name)?;
    let bounded = layer.own.contains_key("aepo.low") || layer.own.contains_key("aepo.high");
    if bounded && !layer.set.contains_key("aepo.mode") {
        // A variant that names a bound wants AEPO; without this it would silently be plain GRPO.
        layer.settings.aepo.mode = AepoMode::Latch;
    }
    Ok(VariantDraft { name, spot, row, layer })
}

/// A cell as a variant of the experiment, and where it stands.
fn finish<'a>(cell: Grown<'a>, variants: &[VariantDraft<'a>]) -> (Variant, Place<'a>) {
    let draft = &variants[cell.variant];
    let place = Place {
        name: draft.spot.clone(),
        row: draft.row.as_ref().map(|(_, spot)| spot.clone()),
        base: cell.layer.spot_of(&["model.base"]),
        data: cell.layer.spot_of(&["data.file"]),
    };
    let paper_row = draft.row.as_ref().map_or_else(|| cell.name.clone(), |(row, _)| row.clone());
    (Variant { name: cell.name, paper_row, settings: cell.layer.settings }, place)
}

/// An axis that a later file writes again is that of the later file.
fn read_axes<'a>(docs: &'a [Doc<'a>]) -> Result<Vec<AxisDraft<'a>>, SpecError> {
    let groups = merged(docs, &AXES)?;
    groups.into_iter().map(|parts| axis::read(parts[parts.len() - 1])).collect()
}

fn read_rules<'a>(docs: &'a [Doc<'a>], names: Names<'_, 'a>) -> Result<Vec<Rule<'a>>, SpecError> {
    let mut rules = Vec::new();
    for (index, doc) in docs.iter().enumerate() {
        for deed in [Deed::Override, Deed::Include, Deed::Exclude] {
            let (name, title) = deed.names();
            for part in parts(doc.source, doc.root.get_ref(), name, title)? {
                rules.push(Rule::read(part, deed, names, index + 1 == docs.len())?);
            }
        }
    }
    Ok(rules)
}

/// The claims, and a note for each inherited one that has nothing to compare.
fn read_claims<'a>(docs: &'a [Doc<'a>], stage: &Stage<'_, 'a>) -> Result<(Vec<Claim>, Vec<String>), SpecError> {
    let (mut claims, mut notes) = (Vec::new(), Vec::new());
    let own: Option<Source<'_>> = docs.last().map(|doc| doc.source);
    for parts in merged(docs, &CLAIMS)? {
        let part = parts[parts.len() - 1];
        let written_here = own.is_some_and(|own| std::ptr::eq(own.text, part.source.text));
        match claims::read(part, stage, written_here)? {
            Read::Claims(read) => claims.extend(read),
            Read::Nothing(why) => notes.push(format!("claim left out: {why}")),
        }
    }
    Ok((claims, notes))
}

fn read_figures<'a>(docs: &'a [Doc<'a>]) -> Result<Vec<(FigureRef, Spot<'a>)>, SpecError> {
    let groups = merged(docs, &FIGURES)?;
    groups.into_iter().map(|parts| read_figure(parts[parts.len() - 1])).collect()
}

fn read_figure(part: Part<'_>) -> Result<(FigureRef, Spot<'_>), SpecError> {
    part.known(&["title", "file", "unit"])?;
    let (file, spot) = part.required("file")?;
    check::file_name(&spot, "figure file", &file)?;
    Ok((FigureRef { title: part.required("title")?.0, file, unit: part.required("unit")?.0 }, spot))
}

/// `base-smol` for an experiment that is looked at under another scale than its own.
pub(super) fn rescaled(name: &str, scale: Scale) -> String {
    format!("{name}-{}", scale.name())
}

/// Whether a path is that of a file under the working directory.
pub(super) fn inside(path: &str) -> bool {
    !super::texts::leaves(Path::new(path))
}
