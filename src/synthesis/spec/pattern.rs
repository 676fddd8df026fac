//! Patterns of paths: `*` and `?` within a name, `**` over folders.

use serde::{Deserialize, Serialize};

/// A pattern of paths below the corpus folder, with `/` between names. A pattern without `/` fits the name of a file in any folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether a path fits.
    ///
    /// ```
    /// use longlab_synthesis::spec::Pattern;
    /// let pattern = |text: &str| Pattern(text.into());
    /// assert!(pattern("*.py").fits("lib/a.py") && pattern("books/**").fits("books/a/b.txt"));
    /// assert!(pattern("docs/**/*.md").fits("docs/a.md") && !pattern("docs/*.md").fits("docs/a/b.md"));
    /// ```
    pub fn fits(&self, path: &str) -> bool {
        if !self.0.contains('/') {
            return name_fits(&self.0, path.rsplit('/').next().unwrap_or(path));
        }
        let (pattern, path): (Vec<&str>, Vec<&str>) = (self.0.split('/').collect(), path.split('/').collect());
        run(&pattern, &path, |pattern| *pattern == "**", |pattern, name| name_fits(pattern, name))
    }
}

fn name_fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    run(&pattern, &name, |mark| *mark == '*', |mark, letter| *mark == '?' || mark == letter)
}

/// Whether the whole text fits the pattern, whose marks that are `many` stand for any stretch. Steps back to the last such mark only, so
/// the work is at most the product of the lengths.
fn run<P, T>(pattern: &[P], text: &[T], many: impl Fn(&P) -> bool, fits: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut here) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while here < text.len() {
        match pattern.get(at) {
            Some(mark) if many(mark) => {
                back = Some((at, here));
                at += 1;
            }
            Some(mark) if fits(mark, &text[here]) => (at, here) = (at + 1, here + 1),
            _ => match &mut back {
                Some((mark, from)) => {
                    *from += 1;
                    (at, here) = (*mark + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_many_stars_stay_quick() {
        let pattern = Pattern(format!("{}b", "a*".repeat(50)));
        assert!(!pattern.fits(&"a".repeat(5_000)));
    }

    #[test]
    fn a_whole_name_is_meant() {
        assert!(!Pattern("a?c".into()).fits("abcd") && Pattern("a?c".into()).fits("abc"));
        assert!(Pattern("**/x/*".into()).fits("a/b/x/y") && !Pattern("**/x/*".into()).fits("a/b/x/y/z"));
    }
}
