//! From the text of an experiment file to an [`Experiment`] and the places of its parts.

use super::check;
use super::choice::{AepoMode, Kind, Scale};
use super::error::{Source, Span, SpecError};
use super::layer::{Layer, in_order, plain};
use super::suggest::nearest;
use super::{Claim, Experiment, FigureRef, MEASURES, Variant};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// An experiment and where its parts stand in the file.
pub(super) struct Draft {
    pub experiment: Experiment,
    /// The published table.
    pub paper: Option<Span>,
    /// For each variant: its name, its published row if written, its base folder if written.
    pub variants: Vec<Place>,
    /// The file of each figure.
    pub figures: Vec<Span>,
}

/// Where a variant stands in the file.
pub(super) struct Place {
    pub name: Span,
    pub row: Option<Span>,
    pub base: Option<Span>,
}

/// A table of the file with what it is called in messages.
#[derive(Clone, Copy)]
struct Part<'a> {
    source: Source<'a>,
    table: &'a DeTable<'a>,
    title: &'static str,
    span: &'a Spanned<DeValue<'a>>,
}

const SECTIONS: &[&str] = &["experiment", "base", "variant", "claim", "figure"];
const VARIANT_WORDS: &[&str] = &["name", "paper"];

/// Reads the whole file; checks everything that needs no other file.
pub(super) fn read(source: Source<'_>) -> Result<Draft, SpecError> {
    let root = DeTable::parse(source.text).map_err(|error| source.syntax(&error))?;
    let root = root.get_ref();
    known(source, root, "section", SECTIONS)?;
    let head = match root.get("experiment") {
        Some(value) => Part::new(source, value, "[experiment]")?,
        None => {
            return Err(source.error(0..0, "the [experiment] section is missing", Some(start_help())));
        }
    };
    let mut draft = read_head(head)?;
    let base = match root.get("base") {
        Some(value) => Layer::default().with(source, Part::new(source, value, "[base]")?.table, &[])?,
        None => Layer::default(),
    };
    read_variants(&mut draft, head, parts(source, root, "variant", "[[variant]]")?, &base)?;
    for part in parts(source, root, "claim", "[[claim]]")? {
        let claim = read_claim(part, &draft.experiment)?;
        draft.experiment.claims.push(claim);
    }
    for part in parts(source, root, "figure", "[[figure]]")? {
        let (figure, span) = read_figure(part)?;
        draft.experiment.figures.push(figure);
        draft.figures.push(span);
    }
    Ok(draft)
}

fn start_help() -> String {
    "begin with [experiment], name = \"...\" and seeds = [0, 1]; experiments/quickstart.toml is an example".to_string()
}

fn read_head(head: Part<'_>) -> Result<Draft, SpecError> {
    known(head.source, head.table, "key", &["name", "title", "paper", "scale", "kind", "seeds"])?;
    let (name, span) = head.required("name")?;
    check::file_name(head.source, span.clone(), "experiment", &name)?;
    if name == "jobs" {
        let help = Some("results/jobs holds the jobs of all experiments; take another name".to_string());
        return Err(head.source.error(span, "an experiment cannot be called `jobs`", help));
    }
    let paper = head.text("paper")?;
    if let Some((paper, span)) = &paper {
        check::file_name(head.source, span.clone(), "published table", paper)?;
    }
    let experiment = Experiment {
        title: head.text("title")?.map_or_else(|| name.clone(), |(title, _)| title),
        paper: paper.as_ref().map(|(paper, _)| paper.clone()),
        scale: head.choice("scale")?.unwrap_or(Scale::Micro),
        kind: head.choice("kind")?.unwrap_or(Kind::Rl),
        seeds: read_seeds(head)?,
        variants: Vec::new(),
        claims: Vec::new(),
        figures: Vec::new(),
        path: head.source.path.to_path_buf(),
        name,
    };
    Ok(Draft { experiment, paper: paper.map(|(_, span)| span), variants: Vec::new(), figures: Vec::new() })
}

fn read_seeds(head: Part<'_>) -> Result<Vec<u64>, SpecError> {
    let example = || Some("write seeds = [0, 1, 2]".to_string());
    let Some(value) = head.table.get("seeds") else {
        return Err(head.source.error(head.span.span(), "[experiment] has no `seeds`", example()));
    };
    let error = |span, message: String| head.source.error(span, message, example());
    let Some(items) = value.get_ref().as_array() else {
        return Err(error(value.span(), format!("`seeds` is a list of integers, found {}", kind_of(value))));
    };
    if items.is_empty() {
        return Err(error(value.span(), "`seeds` is empty: there is nothing to run".to_string()));
    }
    let mut seeds = Vec::new();
    for item in items.iter() {
        let seed = read_seed(item).map_err(|message| error(item.span(), message))?;
        if seeds.contains(&seed) {
            return Err(error(item.span(), format!("seed {seed} stands twice in `seeds`")));
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

fn read_variants(draft: &mut Draft, head: Part<'_>, parts: Vec<Part<'_>>, base: &Layer) -> Result<(), SpecError> {
    if parts.is_empty() {
        let help = Some("add at least one [[variant]] with a name".to_string());
        return Err(head.source.error(head.span.span(), "the experiment has no variants", help));
    }
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for part in parts {
        let (variant, place) = read_variant(part, base, draft.experiment.kind)?;
        let line = part.source.text[..place.name.start].matches('\n').count() + 1;
        if let Some(first) = lines.insert(variant.name.clone(), line) {
            let message = format!("variant `{}` is there already, on line {first}", variant.name);
            let help = Some("give each variant a name of its own".to_string());
            return Err(part.source.error(place.name, message, help));
        }
        draft.experiment.variants.push(variant);
        draft.variants.push(place);
    }
    Ok(())
}

fn read_variant(part: Part<'_>, base: &Layer, kind: Kind) -> Result<(Variant, Place), SpecError> {
    let mut layer = base.with(part.source, part.table, VARIANT_WORDS)?;
    let (name, span) = part.required("name")?;
    check::file_name(part.source, span.clone(), "variant", &name)?;
    let row = part.text("paper")?;
    let bounded = layer.own.contains_key("aepo.low") || layer.own.contains_key("aepo.high");
    if bounded && !layer.set.contains_key("aepo.mode") {
        // A variant that names a bound wants AEPO; without this it would silently be plain GRPO.
        layer.settings.aepo.mode = AepoMode::Latch;
    }
    check::layer(part.source, &layer, kind, span.clone())?;
    let paper_row = row.as_ref().map_or_else(|| name.clone(), |(row, _)| row.clone());
    let base = layer.span_of(&["model.base"]);
    let place = Place { name: span, row: row.map(|(_, span)| span), base };
    Ok((Variant { name, paper_row, settings: layer.settings }, place))
}

fn read_claim(part: Part<'_>, experiment: &Experiment) -> Result<Claim, SpecError> {
    known(part.source, part.table, "key", &["text", "better", "worse", "measure"])?;
    let names: Vec<&str> = experiment.variants.iter().map(|variant| variant.name.as_str()).collect();
    let (better, _) = part.one_of("better", "variant", &names)?;
    let (worse, span) = part.one_of("worse", "variant", &names)?;
    if better == worse {
        let help = Some("a claim compares two variants".to_string());
        return Err(part.source.error(span, format!("`{worse}` is compared with itself"), help));
    }
    let (measure, span) = part.one_of("measure", "measure", MEASURES)?;
    if experiment.kind == Kind::Base && ["reward", "entropy", "response_tokens"].contains(&measure.as_str()) {
        let help = Some("take `avg` or a suite".to_string());
        return Err(part.source.error(span, format!("kind `base` does not measure `{measure}`"), help));
    }
    Ok(Claim { text: part.required("text")?.0, better, worse, measure })
}

fn read_figure(part: Part<'_>) -> Result<(FigureRef, Span), SpecError> {
    known(part.source, part.table, "key", &["title", "file", "unit"])?;
    let (file, span) = part.required("file")?;
    check::file_name(part.source, span.clone(), "figure file", &file)?;
    Ok((FigureRef { title: part.required("title")?.0, file, unit: part.required("unit")?.0 }, span))
}

impl<'a> Part<'a> {
    fn new(source: Source<'a>, value: &'a Spanned<DeValue<'a>>, title: &'static str) -> Result<Self, SpecError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Part { source, table, title, span: value }),
            _ => {
                let message = format!("{title} is a section, found {}", kind_of(value));
                Err(source.error(value.span(), message, Some(format!("write {title} on a line of its own"))))
            }
        }
    }

    /// A text that may be left out.
    fn text(&self, name: &str) -> Result<Option<(String, Span)>, SpecError> {
        let Some(value) = self.table.get(name) else {
            return Ok(None);
        };
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => Ok(Some((text.to_string(), value.span()))),
            Some(_) => Err(self.source.error(value.span(), format!("`{name}` is empty"), None)),
            None => {
                let message = format!("`{name}` is a text, found {}", kind_of(value));
                Err(self.source.error(value.span(), message, Some("put it in quotes".to_string())))
            }
        }
    }

    /// A text that must be there.
    fn required(&self, name: &str) -> Result<(String, Span), SpecError> {
        self.text(name)?.ok_or_else(|| {
            let help = Some(format!("add {name} = \"...\""));
            self.source.error(self.span.span(), format!("{} has no `{name}`", self.title), help)
        })
    }

    /// A text that must be there and be one of `words`.
    fn one_of(&self, name: &str, noun: &str, words: &[&str]) -> Result<(String, Span), SpecError> {
        let (text, span) = self.required(name)?;
        if words.contains(&text.as_str()) {
            return Ok((text, span));
        }
        let near = nearest(&text, words.iter().copied());
        Err(self.source.unknown(span, format!("there is no {noun} `{text}`"), near, words))
    }

    /// A choice that may be left out.
    fn choice<T: super::key::Setting>(&self, name: &str) -> Result<Option<T>, SpecError> {
        let Some((text, span)) = self.text(name)? else {
            return Ok(None);
        };
        match T::from_toml(&text.into()) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.source.error(span, format!("`{name}`: {}", error.message), error.help)),
        }
    }
}

/// The tables of an array of tables; none when it is not there.
fn parts<'a>(
    source: Source<'a>,
    root: &'a DeTable<'a>,
    name: &str,
    title: &'static str,
) -> Result<Vec<Part<'a>>, SpecError> {
    let Some(value) = root.get(name) else {
        return Ok(Vec::new());
    };
    let tables = |items: &'a DeArray<'a>| items.iter().map(|item| Part::new(source, item, title)).collect();
    value.get_ref().as_array().map(tables).unwrap_or_else(|| {
        let help = Some(format!("write {title}, with two brackets on each side"));
        Err(source.error(value.span(), format!("`{name}` is a list of sections, found {}", kind_of(value)), help))
    })
}

/// Refuses keys of `table` that are not `words`.
fn known(source: Source<'_>, table: &DeTable<'_>, noun: &str, words: &[&str]) -> Result<(), SpecError> {
    for (name, _) in in_order(table) {
        let text = name.get_ref().as_ref();
        if !words.contains(&text) {
            let near = nearest(text, words.iter().copied());
            return Err(source.unknown(name.span(), format!("unknown {noun} `{text}`"), near, words));
        }
    }
    Ok(())
}

/// `a string`, `an integer`.
fn kind_of(value: &Spanned<DeValue<'_>>) -> String {
    super::key::article(value.get_ref().type_str())
}
