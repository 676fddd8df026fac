//! Settings written in a table of an experiment file: from dotted keys or nested tables to [`Settings`].

use super::error::{Source, Span, SpecError};
use super::key::Key;
use super::settings::{GROUPS, KEYS, Settings};
use super::suggest::nearest;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Settings and where in the file each key was set.
#[derive(Clone, Default)]
pub(super) struct Layer {
    pub settings: Settings,
    /// The span of the value of each key that the file sets.
    pub set: BTreeMap<&'static str, Span>,
    /// The keys set by the table that was laid on last.
    pub own: BTreeMap<&'static str, Span>,
}

/// One key and value found in a table.
struct Leaf<'t, 'i> {
    key: &'static Key,
    span: Span,
    value: &'t Spanned<DeValue<'i>>,
}

impl Layer {
    /// This layer with the keys of `table` laid on top; `words` are the keys of the table that are no settings.
    pub fn with(&self, source: Source<'_>, table: &DeTable<'_>, words: &[&str]) -> Result<Layer, SpecError> {
        let mut leaves = Vec::new();
        leaves_of(source, table, "", words, &mut leaves)?;
        leaves.sort_by_key(|leaf| leaf.span.start);
        let mut layer = Layer { own: BTreeMap::new(), ..self.clone() };
        for leaf in leaves {
            layer.put(source, &leaf)?;
        }
        layer.set.extend(layer.own.clone());
        Ok(layer)
    }

    fn put(&mut self, source: Source<'_>, leaf: &Leaf<'_, '_>) -> Result<(), SpecError> {
        let (path, span) = (leaf.key.path, leaf.value.span());
        if self.own.insert(path, span.clone()).is_some() {
            let help = "write it once, as \"group.key\" or inside a table of its group";
            return Err(source.error(leaf.span.clone(), format!("`{path}` is set twice"), Some(help.to_string())));
        }
        let value = plain(leaf.value).ok_or_else(|| source.error(span.clone(), "the number is too large", None))?;
        let misfit = |error: super::key::Misfit| {
            // A message about the range names its key already.
            let named = error.message.contains(path);
            let message = if named { error.message } else { format!("`{path}`: {}", error.message) };
            source.error(span.clone(), message, error.help)
        };
        leaf.key.set(&mut self.settings, &value).map_err(misfit)
    }

    /// The span of the first of `paths` that the file sets, those of the last table first.
    pub fn span_of(&self, paths: &[&str]) -> Option<Span> {
        let own = paths.iter().find_map(|path| self.own.get(path));
        own.or_else(|| paths.iter().find_map(|path| self.set.get(path))).cloned()
    }
}

fn leaves_of<'t, 'i>(
    source: Source<'_>,
    table: &'t DeTable<'i>,
    prefix: &str,
    words: &[&str],
    leaves: &mut Vec<Leaf<'t, 'i>>,
) -> Result<(), SpecError> {
    for (name, value) in in_order(table) {
        let name_text = name.get_ref().as_ref();
        if prefix.is_empty() && words.contains(&name_text) {
            continue;
        }
        let path = format!("{prefix}{name_text}");
        match (Key::find(&path), value.get_ref()) {
            (Some(key), _) => leaves.push(Leaf { key, span: name.span(), value }),
            (None, DeValue::Table(inner)) if is_group(&path) => {
                leaves_of(source, inner, &format!("{path}."), &[], leaves)?;
            }
            _ => return Err(unknown(source, name.span(), &path, words)),
        }
    }
    Ok(())
}

fn is_group(path: &str) -> bool {
    GROUPS.iter().any(|(group, _)| *group == path)
}

fn unknown(source: Source<'_>, span: Span, path: &str, words: &[&str]) -> SpecError {
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
