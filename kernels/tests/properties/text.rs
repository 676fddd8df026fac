//! The difflib ratio.

use longlab_kernels::similarity::{Matcher, ratio};
use proptest::prelude::*;

/// The definition, without any thought of speed: the longest block of a window by trying every pair of places.
fn slow_ratio(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let count = |c: char| b.iter().filter(|&&x| x == c).count();
    let weak: Vec<bool> = b.iter().map(|&c| b.len() >= 200 && count(c) > b.len() / 100 + 1).collect();
    let total = a.len() + b.len();
    if total == 0 { 1.0 } else { 2.0 * slow_matched(&a, &b, &weak) as f64 / total as f64 }
}

fn slow_matched(a: &[char], b: &[char], weak: &[bool]) -> usize {
    let (mut at, mut size) = ((0, 0), 0);
    for i in 0..a.len() {
        for j in 0..b.len() {
            let run = (0..(a.len() - i).min(b.len() - j)).take_while(|&k| a[i + k] == b[j + k] && !weak[j + k]).count();
            // Strictly longer: of equal ones the earliest in a, then in b.
            if run > size {
                (at, size) = ((i, j), run);
            }
        }
    }
    let (mut i, mut j) = at;
    while i > 0 && j > 0 && a[i - 1] == b[j - 1] {
        (i, j, size) = (i - 1, j - 1, size + 1);
    }
    while i + size < a.len() && j + size < b.len() && a[i + size] == b[j + size] {
        size += 1;
    }
    if size == 0 {
        return 0;
    }
    let (k, l) = (i + size, j + size);
    slow_matched(&a[..i], &b[..j], &weak[..j]) + size + slow_matched(&a[k..], &b[l..], &weak[l..])
}

proptest! {
    #[test]
    fn within_zero_and_one_and_one_only_for_equal_texts(a in "[ab é雨]{0,30}", b in "[ab é雨]{0,30}") {
        let (got, back) = (ratio(&a, &b), ratio(&b, &a));
        for value in [got, back] {
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert_eq!(value == 1.0, a == b);
        }
    }

    #[test]
    fn zero_exactly_without_a_common_character(a in "[abc]{1,20}", b in "[cde]{1,20}") {
        prop_assert_eq!(ratio(&a, &b) == 0.0, !(a.contains('c') && b.contains('c')));
    }

    #[test]
    fn a_text_is_equal_to_itself_at_any_length(a in "[ab é]{0,260}") {
        prop_assert_eq!(ratio(&a, &a), 1.0);
    }

    #[test]
    fn bounded_by_the_characters_in_common(a in "[abcd]{0,40}", b in "[abcd]{0,40}") {
        // CPython's quick_ratio: matched characters cannot exceed the common multiset.
        let count = |text: &str, c: char| text.chars().filter(|&x| x == c).count();
        let common: usize = "abcd".chars().map(|c| count(&a, c).min(count(&b, c))).sum();
        let total = a.len() + b.len();
        let bound = if total == 0 { 1.0 } else { 2.0 * common as f64 / total as f64 };
        prop_assert!(ratio(&a, &b) <= bound);
    }

    #[test]
    fn a_prefix_scores_by_its_length(a in "[a-z]{1,80}", cut in 0.0..=1.0f64) {
        let kept = (cut * a.len() as f64) as usize;
        prop_assert_eq!(ratio(&a[..kept], &a), 2.0 * kept as f64 / (kept + a.len()) as f64);
    }

    #[test]
    fn is_the_slow_definition_on_few_letters(a in "[ab]{0,40}", b in "[abc]{0,40}") {
        prop_assert_eq!(ratio(&a, &b), slow_ratio(&a, &b));
    }

    #[test]
    fn is_the_slow_definition_on_words(a in "((ab|abc|bc|cab|é雨) ?){0,20}", b in "((ab|abc|bc|cab|é雨) ?){0,20}") {
        prop_assert_eq!(ratio(&a, &b), slow_ratio(&a, &b));
    }

    #[test]
    fn is_the_slow_definition_with_popular_letters(a in "([ab]{1,9}[C-Z🙂]{0,3}){30,45}", b in "([ab]{1,9}[C-Z🙂]{0,3}){35,50}") {
        prop_assert_eq!(ratio(&a, &b), slow_ratio(&a, &b));
    }

    #[test]
    fn is_the_slow_definition_on_any_text(a in any::<String>(), b in any::<String>()) {
        prop_assert_eq!(ratio(&a, &b), slow_ratio(&a, &b));
    }

    #[test]
    fn is_the_slow_definition_on_moved_pieces(text in "[a-h一-鿿]{0,80}", cuts in (0.0..1.0f64, 0.0..1.0f64)) {
        let text: Vec<char> = text.chars().collect();
        let at = |share: f64| (share * text.len() as f64) as usize;
        let (low, high) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
        let of = |parts: &[&[char]]| parts.concat().into_iter().collect::<String>();
        let (a, b) = (of(&[&text]), of(&[&text[low..high], &text[high..], &text[..low], &text[low..high]]));
        prop_assert_eq!(ratio(&a, &b), slow_ratio(&a, &b));
        prop_assert_eq!(ratio(&b, &a), slow_ratio(&b, &a));
    }

    #[test]
    fn a_matcher_remembers_nothing_of_earlier_texts(texts in proptest::collection::vec("[abcé ]{0,60}", 1..6), b in "[abcé ]{0,60}") {
        let mut matcher = Matcher::new(&b);
        for a in &texts {
            prop_assert_eq!(matcher.ratio(a), ratio(a, &b));
        }
    }
}
