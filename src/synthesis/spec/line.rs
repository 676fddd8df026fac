//! In which line of a specification a key stands.

use super::SpecError;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake with the line that its key, or the innermost table around it, stands in.
pub(super) fn found(error: SpecError, text: &str) -> SpecError {
    match error {
        SpecError::Value { key, given, mend, .. } => SpecError::Value { key, line: line(key, text), given, mend },
        other => other,
    }
}

fn line(key: &str, text: &str) -> Option<usize> {
    let whole = DeTable::parse(text).ok()?;
    let (mut table, mut at) = (whole.get_ref(), None);
    for part in key.split('.') {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == part) else { break };
        at = Some(name.span().start);
        match Spanned::get_ref(value) {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    at.map(|at| 1 + text[..at].matches('\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_tables_of_any_shape() {
        let text = "a = 1\n[b.c]\nd = 2\n[e]\nf = { g = 1,\n  h = 2 }\n";
        let lines = ["a", "b.c.d", "b.c", "e.f.h", "e.x", "z"].map(|key| line(key, text));
        assert_eq!(lines, [Some(1), Some(3), Some(2), Some(6), Some(4), None]);
    }
}
