//! The nearest valid word to a misspelled one.

/// The number of single-character changes (insert, delete, replace, swap of neighbours) from `a` to `b`.
///
/// ```
/// use longlab::spec::suggest::distance;
/// assert_eq!(distance("latch", "lathc"), 1);
/// assert_eq!(distance("steps", "stepz"), 1);
/// assert_eq!(distance("", "abc"), 3);
/// ```
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    // Three rows of the table are enough: a swap looks two rows back.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut cost = replace.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// The candidate nearest to `word`, when one is near enough to be meant.
///
/// Case and the choice between `-`, `_` and space do not count. Dotted keys are also compared by their last part, so that
/// a key written without its group is found.
///
/// ```
/// use longlab::spec::suggest::nearest;
/// assert_eq!(nearest("train.stesp", ["train.steps", "warm.steps"]), Some("train.steps"));
/// assert_eq!(nearest("clip_norm", ["train.clip_norm", "train.rate"]), Some("train.clip_norm"));
/// assert_eq!(nearest("zebra", ["train.steps"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (cost(&word, &plain(candidate)), candidate))
        .min_by_key(|(cost, _)| *cost)
        .filter(|(cost, _)| *cost <= (word.chars().count() / 3).max(1))
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace(['-', ' '], "_")
}

fn cost(word: &str, candidate: &str) -> usize {
    let whole = distance(word, candidate);
    match candidate.rsplit_once('.') {
        Some((_, leaf)) if !word.contains('.') => whole.min(distance(word, leaf)),
        _ => whole,
    }
}
