//! Settings written in a table of an experiment file: from dotted keys or nested tables to [`Settings`].

use super::error::{Source, Span, SpecError, Spot};
use super::key::{Key, Misfit};
use super::settings::{GROUPS, KEYS, Settings};
use super::suggest::nearest;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Settings and where in the files each key was set.
#[derive(Clone, Default)]
pub(super) struct Layer<'a> {
    pub settings: Settings,
    /// The place of the value of each key that a file sets.
    pub set: BTreeMap<&'static str, Spot<'a>>,
    /// The keys set by the table that was laid on last.
    pub own: BTreeMap<&'static str, Spot<'a>>,
}

/// A key with the value that a table gives it.
#[derive(Clone)]
pub(super) struct Assignment<'a> {
    pub key: &'static Key,
    pub value: toml::Value,
    /// The place of the value.
    pub spot: Spot<'a>,
    /// The place of the key.
    pub name: Spot<'a>,
}

impl<'a> Layer<'a> {
    /// This layer with the keys of `table` laid on top; `words` are the keys of the table that are no settings.
    pub fn with(&self, source: Source<'a>, table: &DeTable<'_>, words: &[&str]) -> Result<Layer<'a>, SpecError> {
        let mut layer = Layer { own: BTreeMap::new(), ..self.clone() };
        for assignment in assignments(source, table, words)? {
            layer.put(&assignment)?;
        }
        Ok(layer)
    }

    /// Lays one key on top.
    pub fn put(&mut self, assignment: &Assignment<'a>) -> Result<(), SpecError> {
        assignment.apply(&mut self.settings)?;
        self.set.insert(assignment.key.path, assignment.spot.clone());
        self.own.insert(assignment.key.path, assignment.spot.clone());
        Ok(())
    }

    /// The place of the first of `paths` that a file sets, those of the last table first.
    pub fn spot_of(&self, paths: &[&str]) -> Option<Spot<'a>> {
        let own = paths.iter().find_map(|path| self.own.get(path));
        own.or_else(|| paths.iter().find_map(|path| self.set.get(path))).cloned()
    }
}

impl Assignment<'_> {
    /// Sets the key in `settings`.
    pub fn apply(&self, settings: &mut Settings) -> Result<(), SpecError> {
        self.key.set(settings, &self.value).map_err(|error| self.misfit(error))
    }

    /// The value as the key holds it: 40 for 40.0 where the key is a number.
    pub fn held(&self) -> Result<toml::Value, SpecError> {
        let mut settings = Settings::default();
        self.apply(&mut settings)?;
        Ok(self.key.get(&settings))
    }

    fn misfit(&self, error: Misfit) -> SpecError {
        // A message about the range names its key already.
        let named = error.message.contains(self.key.path);
        let message = if named { error.message } else { format!("`{}`: {}", self.key.path, error.message) };
        self.spot.source.error(self.spot.span.clone(), message, error.help)
    }
}

/// The settings keys in `table`, in the order of the file, each once.
pub(super) fn assignments<'a>(
    source: Source<'a>,
    table: &DeTable<'_>,
    words: &[&str],
) -> Result<Vec<Assignment<'a>>, SpecError> {
    let mut found = Vec::new();
    collect(source, table, "", words, &mut found)?;
    found.sort_by_key(|assignment| assignment.name.span.start);
    let mut seen = BTreeSet::new();
    for assignment in &found {
        if !seen.insert(assignment.key.path) {
            let message = format!("`{}` is set twice", assignment.key.path);
            return Err(assignment
                .name
                .error(message, "write it once, as \"group.key\" or inside a table of its group"));
        }
    }
    Ok(found)
}

fn collect<'a>(
    source: Source<'a>,
    table: &DeTable<'_>,
    prefix: &str,
    words: &[&str],
    found: &mut Vec<Assignment<'a>>,
) -> Result<(), SpecError> {
    for (name, value) in in_order(table) {
        let name_text = name.get_ref().as_ref();
        if prefix.is_empty() && words.contains(&name_text) {
            continue;
        }
        let path = format!("{prefix}{name_text}");
        let spot = |span| Spot { source, span };
        match (Key::find(&path), value.get_ref()) {
            (Some(key), _) => {
                found.push(Assignment {
                    key,
                    value: sized(source, value)?,
                    spot: spot(value.span()),
                    name: spot(name.span()),
                });
            }
            (None, DeValue::Table(inner)) if is_group(&path) => {
                collect(source, inner, &format!("{path}."), &[], found)?;
            }
            _ => return Err(unknown(source, name.span(), &path, words)),
        }
    }
    Ok(())
}

/// The value without spans; an error for a number that does not fit into 64 bits.
pub(super) fn sized(source: Source<'_>, value: &Spanned<DeValue<'_>>) -> Result<toml::Value, SpecError> {
    plain(value).ok_or_else(|| source.error(value.span(), "the number is too large", None))
}

fn is_group(path: &str) -> bool {
    GROUPS.iter().any(|(group, _)| *group == path)
}

pub(super) fn unknown(source: Source<'_>, span: Span, path: &str, words: &[&str]) -> SpecError {
    if is_group(path) {
        let keys = keys_of(path);
        let message = format!("`{path}` is a group of keys, not a key");
        return source.unknown(span, message, None, &keys);
    }
    let candidates = words.iter().copied().chain(KEYS.iter().map(|key| key.path));
    let groups = GROUPS.iter().map(|(group, _)| *group);
    let near = nearest(path, candidates.chain(groups));
    let siblings = path.rsplit_once('.').map(|(group, _)| keys_of(group)).unwrap_or_default();
    let message = format!("unknown key `{path}`");
    if near.is_some() || !siblings.is_empty() {
        return source.unknown(span, message, near, &siblings);
    }
    source.error(span, message, Some("docs/keys.md lists all keys".to_string()))
}

fn keys_of(group: &str) -> Vec<&'static str> {
    let inside = |path: &str| path.rsplit_once('.').is_some_and(|(of, _)| of == group);
    KEYS.iter().map(|key| key.path).filter(|path| inside(path)).collect()
}

type Entry<'t, 'i> = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

/// The entries of a table as they stand in the file, so that the first mistake is the one that is shown.
pub(super) fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// The value without spans; `None` for a number that does not fit into 64 bits.
pub(super) fn plain(value: &Spanned<DeValue<'_>>) -> Option<toml::Value> {
    Some(match value.get_ref() {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok()?.into(),
        DeValue::Float(digits) => digits.as_str().parse::<f64>().ok()?.into(),
        DeValue::Boolean(truth) => toml::Value::Boolean(*truth),
        DeValue::Datetime(date) => toml::Value::Datetime(*date),
        DeValue::Array(items) => items.iter().map(plain).collect::<Option<Vec<_>>>()?.into(),
        DeValue::Table(table) => {
            let entry = |(name, value): Entry<'_, '_>| Some((name.get_ref().to_string(), plain(value)?));
            table.iter().map(entry).collect::<Option<toml::Table>>()?.into()
        }
    })
}
