//! Lists of texts.

use super::text::words;

/// The texts of a JSON list of texts; none of anything else.
pub fn read(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if text.starts_with('[') { serde_json::from_str(text).ok() } else { None }
}

/// Whether an answer lists the same texts in any order; none where it is no list. Read are JSON, texts in single quotes or in none between brackets, and
/// texts between semicolons or commas; `none` and `[]` are empty lists.
pub fn same(gold: &[String], answer: &str) -> Option<bool> {
    let gold = normal(gold.iter().map(String::as_str));
    if let Some(listed) = read(answer) {
        return Some(normal(listed.iter().map(String::as_str)) == gold);
    }
    let inner = answer.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(answer);
    if words(inner).is_empty() || inner.trim().eq_ignore_ascii_case("none") {
        return (answer.contains('[') || !inner.trim().is_empty()).then_some(gold.is_empty());
    }
    // A text may hold the mark that another writer puts between texts.
    Some([';', ','].into_iter().any(|mark| normal(inner.split(mark)) == gold))
}

/// The words of each text, sorted.
fn normal<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Vec<String>> {
    let mut texts: Vec<Vec<String>> = texts.map(words).filter(|words| !words.is_empty()).collect();
    texts.sort();
    texts
}
