//! Names and phrases compared: what counts as the same name, and what it means that a text says a phrase.

/// Whether two names are the same but for case and blanks.
pub fn same(one: &str, other: &str) -> bool {
    one == other || words(one).eq(words(other))
}

/// The words of a text in lower case: stretches of letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    stretches(text).map(str::to_lowercase)
}

fn stretches(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A word in the singular, by the endings of regular plurals.
pub fn singular(word: &str) -> String {
    let keeps = ["ss", "us", "is", "as", "os"].iter().any(|end| word.ends_with(end));
    if word.chars().count() <= 4 || keeps || !word.ends_with('s') {
        return word.to_string();
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let hissing = ["xes", "ches", "shes", "sses"].iter().any(|end| word.ends_with(end));
    word[..word.len() - if hissing { 2 } else { 1 }].to_string()
}

/// What two spellings of a name share that differ in number alone, `sizes` and `size`; for comparing, not for saying.
pub fn stem(word: &str) -> String {
    let singular = singular(word);
    match singular.trim_end_matches('s') {
        "" => singular,
        stem => stem.to_string(),
    }
}

/// The months, in order.
pub const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A text made ready to be searched for phrases: its words, each with one blank before and after.
pub struct Said(String);

impl Said {
    /// Makes a text ready.
    pub fn of(text: &str) -> Said {
        let mut said = String::with_capacity(text.len() + 2);
        said.push(' ');
        for word in stretches(text) {
            // Most words are of plain letters, and need no text of their own.
            match word.is_ascii() {
                true => said.extend(word.chars().map(|c| c.to_ascii_lowercase())),
                false => said.push_str(&word.to_lowercase()),
            }
            said.push(' ');
        }
        Said(said)
    }

    /// Whether the text says the phrase: its words stand in it in a row, whatever their case and what is between them. A phrase without words is
    /// never said.
    ///
    /// ```
    /// use longlab_synthesis::name::Said;
    /// let text = Said::of("The *Origin* of Species, 1859");
    /// assert!(text.says("origin of species") && !text.says("origin of spec") && !text.says("--"));
    /// ```
    pub fn says(&self, phrase: &str) -> bool {
        self.holds(&Said::of(phrase))
    }

    /// [`Said::says`] for a phrase that is made ready.
    pub fn holds(&self, phrase: &Said) -> bool {
        phrase.0.len() > 1 && self.0.contains(&phrase.0)
    }

    /// The words, in lower case.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.words().count()
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_whatever_their_case_and_marks() {
        assert!(same("Henry D. Thoreau", "henry  d thoreau"));
        assert!(!same("Thoreau", "Thoreaus"));
    }

    #[test]
    fn spellings_in_another_number_have_one_stem() {
        for (one, many) in
            [("package", "packages"), ("country", "countries"), ("row", "rows"), ("box", "boxes"), ("class", "classes")]
        {
            assert_eq!(stem(one), stem(many), "{one}");
        }
        assert_eq!((stem("s"), stem("year") == stem("yearly")), ("s".to_string(), false));
    }

    #[test]
    fn an_empty_text_says_nothing() {
        assert!(!Said::of("").says("a") && !Said::of("a").says(""));
    }
}
