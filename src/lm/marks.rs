//! Marks in a text that comes piece by piece.

/// Bytes at the end of a text that may be the beginning of a mark; a whole mark does not count.
pub(super) fn begun(text: &str, mark: &str) -> usize {
    let mut lengths = mark.char_indices().map(|(at, _)| at).rev();
    lengths.find(|&length| text.ends_with(&mark[..length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::begun;

    #[test]
    fn the_longest_beginning_counts() {
        for (text, mark, length) in [
            ("", "ab", 0),
            ("xa", "ab", 1),
            ("xab", "ab", 0),
            ("xaab", "aabaab", 3),
            ("aabaa", "aabaab", 5),
            ("x</thi", "</think>", 5),
            ("né", "éé", 2),
            ("a", "", 0),
        ] {
            assert_eq!(begun(text, mark), length, "{text} {mark}");
        }
    }
}
