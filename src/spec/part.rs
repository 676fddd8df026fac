//! The tables of an experiment file, with what they are called in messages.

use super::error::{Source, SpecError, Spot};
use super::layer::in_order;
use super::suggest::nearest;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A table of a file with what it is called in messages.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub source: Source<'a>,
    pub table: &'a DeTable<'a>,
    pub title: &'static str,
    span: &'a Spanned<DeValue<'a>>,
}

/// A text and its place.
pub(super) type Text<'a> = (String, Spot<'a>);

impl<'a> Part<'a> {
    pub fn new(source: Source<'a>, value: &'a Spanned<DeValue<'a>>, title: &'static str) -> Result<Self, SpecError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Part { source, table, title, span: value }),
            _ => {
                let message = format!("{title} is a section, found {}", kind_of(value));
                Err(source.error(value.span(), message, Some(format!("write {title} on a line of its own"))))
            }
        }
    }

    /// The place of the whole table.
    pub fn spot(&self) -> Spot<'a> {
        self.spot_of(self.span)
    }

    /// The place of a value of the table.
    pub fn spot_of(&self, value: &Spanned<DeValue<'_>>) -> Spot<'a> {
        Spot { source: self.source, span: value.span() }
    }

    /// A text that may be left out.
    pub fn text(&self, name: &str) -> Result<Option<Text<'a>>, SpecError> {
        self.table.get(name).map(|value| self.as_text(name, value)).transpose()
    }

    fn as_text(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Text<'a>, SpecError> {
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => Ok((text.to_string(), self.spot_of(value))),
            Some(_) => Err(self.source.error(value.span(), format!("`{name}` is empty"), None)),
            None => {
                let message = format!("`{name}` is a text, found {}", kind_of(value));
                Err(self.spot_of(value).error(message, "put it in quotes"))
            }
        }
    }

    /// A text that must be there.
    pub fn required(&self, name: &str) -> Result<Text<'a>, SpecError> {
        self.text(name)?.ok_or_else(|| self.missing(name, &format!("add {name} = \"...\"")))
    }

    /// The error for a key that is not there.
    pub fn missing(&self, name: &str, help: &str) -> SpecError {
        self.spot().error(format!("{} has no `{name}`", self.title), help)
    }

    /// A text or a list of texts, at least one.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<Text<'a>>>, SpecError> {
        let Some(value) = self.table.get(name) else {
            return Ok(None);
        };
        match value.get_ref().as_array() {
            None => Ok(Some(vec![self.as_text(name, value)?])),
            Some(items) if items.is_empty() => Err(self.empty(name, value)),
            Some(items) => items.iter().map(|item| self.as_text(name, item)).collect::<Result<_, _>>().map(Some),
        }
    }

    /// A list with at least one item.
    pub fn list(&self, name: &str) -> Result<Option<&'a DeArray<'a>>, SpecError> {
        let Some(value) = self.table.get(name) else {
            return Ok(None);
        };
        match value.get_ref().as_array() {
            Some(items) if items.is_empty() => Err(self.empty(name, value)),
            Some(items) => Ok(Some(items)),
            None => {
                let message = format!("`{name}` is a list, found {}", kind_of(value));
                Err(self.spot_of(value).error(message, format!("write {name} = [...]")))
            }
        }
    }

    fn empty(&self, name: &str, value: &Spanned<DeValue<'_>>) -> SpecError {
        self.spot_of(value).error(format!("`{name}` is an empty list"), "give it at least one entry, or leave it out")
    }

    /// A table inside this one.
    pub fn inner(&self, name: &str, title: &'static str) -> Result<Option<Part<'a>>, SpecError> {
        let Some(value) = self.table.get(name) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::Table(table) => Ok(Some(Part { source: self.source, table, title, span: value })),
            _ => {
                let message = format!("`{name}` is a table, found {}", kind_of(value));
                Err(self.spot_of(value).error(message, format!("write {name} = {{ ... }}")))
            }
        }
    }

    /// A text that must be there and be one of `words`.
    pub fn one_of(&self, name: &str, noun: &str, words: &[&str]) -> Result<Text<'a>, SpecError> {
        let (text, spot) = self.required(name)?;
        if words.contains(&text.as_str()) {
            return Ok((text, spot));
        }
        let near = nearest(&text, words.iter().copied());
        Err(spot.unknown(format!("there is no {noun} `{text}`"), near, words))
    }

    /// A choice that may be left out.
    pub fn choice<T: super::key::Setting>(&self, name: &str) -> Result<Option<T>, SpecError> {
        let Some((text, spot)) = self.text(name)? else {
            return Ok(None);
        };
        let misfit = |error: super::key::Misfit| {
            spot.source.error(spot.span.clone(), format!("`{name}`: {}", error.message), error.help)
        };
        T::from_toml(&text.into()).map(Some).map_err(misfit)
    }

    /// Refuses keys that are not `words`.
    pub fn known(&self, words: &[&str]) -> Result<(), SpecError> {
        known(self.source, self.table, "key", words)
    }
}

/// The tables of an array of tables; none when it is not there.
pub(super) fn parts<'a>(
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
pub(super) fn known(source: Source<'_>, table: &DeTable<'_>, noun: &str, words: &[&str]) -> Result<(), SpecError> {
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
pub(super) fn kind_of(value: &Spanned<DeValue<'_>>) -> String {
    super::key::article(value.get_ref().type_str())
}
