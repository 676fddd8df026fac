//! Dates: how they are written, and what headlines, the lines under them, and notices of copyright state about them.

use super::name::{JOINTS, Name};
use super::sentence::counts;
use super::triplet::{Extraction, Family, Relation};
use crate::name::MONTHS;
use longlab_documents::{Document, Section, Span};

/// Bytes below a headline in which its date is looked for.
const BELOW: usize = 400;
/// Bytes at the beginning of a file in which a notice of copyright is looked for.
const NOTICE: usize = 4_000;
/// Bytes in which the date follows that stands on when a page was changed.
const CHANGE: usize = 80;
/// Longest headline, bytes.
const LONGEST: usize = 160;

/// The date that words begin with, `1887`, `May 1887`, `3 May 1887`, `May 3rd, 1887` or `1887-05-03`, and how many words it takes.
///
/// A year by itself is one of four digits from 1000 to 2199 that no hyphen, stroke or letter follows.
pub(super) fn date(words: &[&str]) -> Option<(String, usize)> {
    if let Some(day) = words.first().map(|word| bare(word)).filter(|word| is_day(word)) {
        return Some((day.to_string(), 1));
    }
    let is_year = |word: &str| word.len() == 4 && word.parse().is_ok_and(|year: u32| (1000..2200).contains(&year));
    let length = 1 + words.iter().take(3).position(|word| is_year(bare(word)))?;
    let before = words[..length - 1].iter().map(|word| bare(word).to_lowercase());
    let fits = before.clone().all(|word| MONTHS.contains(&word.as_str()) || is_number_of_day(&word));
    let month = length == 1 || before.clone().any(|word| MONTHS.contains(&word.as_str()));
    let closes = !words[length - 1].trim_start_matches('(').contains(['-', '–', '/', 's']);
    let text = words[..length].join(" ");
    (fits && month && closes).then(|| (text.trim_matches(|c: char| !c.is_alphanumeric()).to_string(), length))
}

/// `3`, `03` or `3rd`.
fn is_number_of_day(word: &str) -> bool {
    let number = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    matches!(&word[number.len()..], "" | "st" | "nd" | "rd" | "th")
        && number.parse().is_ok_and(|day: u32| (1..=31).contains(&day))
}

/// `1887-05-03`.
fn is_day(word: &str) -> bool {
    let numbers: Vec<&str> = word.split('-').collect();
    let [year, month, day] = numbers.as_slice() else { return false };
    let within = |text: &str, length: usize, low: u32, high: u32| {
        text.len() == length && text.parse().is_ok_and(|number: u32| (low..=high).contains(&number))
    };
    within(year, 4, 1000, 2199) && within(month, 2, 1, 12) && within(day, 2, 1, 31)
}

/// A word without the marks around it.
pub(super) fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// A headline without the date that it ends with, and the date: `Alpha 1.2 released on 3 May 1987`, `Alpha 1.2 (1987-05-03)`.
pub(super) fn dated(title: &str) -> Option<(&str, String)> {
    let words: Vec<&str> = title.split_whitespace().collect();
    let start =
        (1..words.len()).find(|&at| date(&words[at..]).is_some_and(|(_, length)| at + length == words.len()))?;
    let (text, _) = date(&words[start..])?;
    let at = words[start].as_ptr() as usize - title.as_ptr() as usize;
    let mut name = title[..at].trim_end();
    // What joins the date to the name.
    loop {
        let cut =
            name.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | ',' | ':' | '-' | '–' | '—'));
        let joint =
            [" on", " On", " released", " Released", " of", " as"].iter().find_map(|joint| cut.strip_suffix(joint));
        let shorter = joint.unwrap_or(cut);
        if shorter.len() == name.len() {
            break;
        }
        name = shorter;
    }
    // A year alone may be part of the name: `Survey of 1990`.
    let whole = text.len() > 4;
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    (whole && letters >= 3 && title.len() <= LONGEST).then_some((name, text))
}

/// Reads headlines with a date, and dates that stand right below a headline.
pub(super) fn read(document: &Document, page: &Name, found: &mut Extraction) {
    for section in &document.sections {
        headline(document, page, section, found);
    }
}

fn headline(document: &Document, page: &Name, section: &Section, found: &mut Extraction) {
    let text = &document.text;
    let title = section.title.trim();
    let whole = section.span.of(text).unwrap_or_default();
    let Some(at) = whole.find(title).filter(|_| !title.is_empty() && title.len() <= LONGEST) else { return };
    let start = section.span.start + at;
    let span = Span { start, end: start + title.len() };
    let own = is_title(document, section);
    let named = |name: &str| if own { Some(page.clone()) } else { Name::thing(unnumbered(name), "") };
    // `Version 2.1` is one of many, and its headline does not say of what.
    if !own && unnumbered(title).split_whitespace().next().is_some_and(counts) {
        return found.refuse("a version or chapter of something that its headline does not name");
    }
    if own && says_another_date(text) {
        return found.refuse("a date of a page that also says when it was changed");
    }
    if let Some((name, date)) = dated(title) {
        return found.add(
            text,
            named(name),
            Relation::new(Family::Attribute, "date"),
            Name::thing(&date, "date"),
            span,
        );
    }
    let below = &whole[at + title.len()..];
    let below = &below[..crate::extend::cut::floor(below, BELOW)];
    let mut offset = span.end;
    for line in below.split_inclusive('\n') {
        let begin = offset;
        offset += line.len();
        if line.trim().is_empty() {
            continue;
        }
        match dated_line(line) {
            Some((relation, date)) => {
                let span = Span { start, end: begin + line.trim_end().len() };
                return found.add(text, named(title), relation, Name::thing(&date, "date"), span);
            }
            // A date belongs to the headline only where nothing else stands between.
            None if line.trim().chars().count() > 3 && begin > span.end => return,
            None => {}
        }
    }
}

/// Whether a page says at the beginning of a line when it was last changed: that is a date of the page too.
fn says_another_date(text: &str) -> bool {
    const CHANGED: [&str; 10] = [
        "last update",
        "last modified",
        "last changed",
        "last edited",
        "last revised",
        "this page last",
        "this page was last",
        "page last",
        "updated on",
        "modified on",
    ];
    text.split('\n').any(|line| {
        let line_start = line.as_ptr() as usize - text.as_ptr() as usize;
        let begin = line_start + line.len() - line.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
        let says = |word: &&str| text[begin..].get(..word.len()).is_some_and(|own| own.eq_ignore_ascii_case(word));
        CHANGED.iter().any(says) && {
            let near = &text[begin..crate::extend::cut::floor(text, begin + CHANGE)];
            near.as_bytes().windows(4).any(|year| year.iter().all(u8::is_ascii_digit))
        }
    })
}

/// Whether a section is the page itself: it has the page's title, or the title goes on with what the page belongs to, `Alpha notes — Handbook`.
fn is_title(document: &Document, section: &Section) -> bool {
    let (title, own) = (document.title.trim(), section.title.trim());
    let goes_on = |rest: &str| JOINTS.iter().any(|joint| rest.starts_with(joint));
    title == own || !own.is_empty() && title.strip_prefix(own).is_some_and(goes_on)
}

/// A line that is nothing but a date, perhaps with what it is before a colon: `3 May 1987`, `Release date: 1987-05-03`, `Released May 1987.`
fn dated_line(line: &str) -> Option<(Option<Relation>, String)> {
    let line = line.trim().trim_matches(|c: char| matches!(c, '*' | '_' | '(' | ')' | '[' | ']' | '.'));
    let (key, value) = match line.split_once(':') {
        Some((key, value)) => (key.trim(), value),
        None => line.strip_prefix("Released ").map_or(("", line), |value| ("Released", value)),
    };
    let words: Vec<&str> = value.split_whitespace().collect();
    let (text, length) = date(&words)?;
    let fits = length == words.len() && text.len() > 4;
    let lower = key.to_lowercase();
    let relation = match lower.as_str() {
        "" => Relation::new(Family::Attribute, "date"),
        "released" => Relation::new(Family::Event, "released"),
        "published" => Relation::new(Family::Event, "published"),
        _ if lower.ends_with("date") && lower.split(' ').count() <= 3 => Relation::new(Family::Attribute, key),
        _ => return None,
    };
    fits.then_some((relation, text))
}

/// A headline without its number, `E.12. Release 15.9`.
fn unnumbered(title: &str) -> &str {
    let Some((number, rest)) = title.split_once(' ') else { return title };
    let numbered = number.ends_with('.') || number.contains('.');
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.' || c.is_ascii_uppercase());
    if numbered && plain && number.len() <= 12 { rest.trim_start() } else { title }
}

/// Reads the one notice of copyright of a file: its first year. A notice opens its line; what stands within markup is an example, and counts as a second one.
pub(super) fn copyright(document: &Document, page: &Name, found: &mut Extraction) {
    let text = &document.text;
    let head = &text[..crate::extend::cut::floor(text, NOTICE)];
    let lower = head.to_ascii_lowercase();
    let mut notices = lower.match_indices("copyright").filter_map(|(at, word)| {
        let rest = head[at + word.len()..].trim_start();
        let rest = ["(c)", "(C)", "©"].iter().find_map(|mark| rest.strip_prefix(mark)).unwrap_or(rest).trim_start();
        let year = rest.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
        let opens = rest.as_bytes().get(4).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let end = at + head[at..].find('\n').unwrap_or(head.len() - at);
        let start = head[..at].rfind('\n').map_or(0, |feed| feed + 1);
        let own = !head[start..at].contains(|c: char| c.is_alphanumeric()) && !head[at..end].contains("</");
        opens.then_some((year, own, Span { start: at, end }))
    });
    let Some((year, own, span)) = notices.next() else { return };
    if notices.next().is_some() {
        return found.refuse("one of several notices of copyright");
    }
    if !own {
        return found.refuse("a notice of copyright that may be an example");
    }
    let relation = Relation::new(Family::Attribute, "first copyright year");
    found.add(text, Some(page.clone()), relation, Name::thing(year, "year"), span);
}

/// The title of a page without the date that it ends with, which would tell the page's year.
pub(super) fn undated(title: &str) -> &str {
    dated(title.trim()).map_or(title.trim(), |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::{Page, fact_texts};
    use crate::graph::triplets;

    #[test]
    fn dates_are_read_in_their_usual_forms() {
        let read = |text: &str| date(&text.split_whitespace().collect::<Vec<_>>()).map(|(text, _)| text);
        for text in ["1887", "May 1887", "3 May 1887", "May 3, 1887", "July 29th 2009", "2013-08-26"] {
            assert_eq!(read(text).as_deref(), Some(text), "{text}");
        }
        for text in ["18870", "May 3", "2013-13-26", "1932-1934", "45 May 1887", "1990s"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn headlines_are_told_from_their_dates() {
        assert_eq!(dated("SQLite Release 3.8.0 On 2013-08-26"), Some(("SQLite Release 3.8.0", "2013-08-26".into())));
        assert_eq!(dated("Alpha 1.2 (3 May 1987)"), Some(("Alpha 1.2", "3 May 1987".into())));
        assert_eq!(dated("Survey of 1990"), None);
        assert_eq!(dated("1.2 - 2019-01-01"), None);
        assert_eq!((unnumbered("E.12. Release 15.9"), unnumbered("Python 3.8")), ("Release 15.9", "Python 3.8"));
    }

    fn page(title: &str, body: &str) -> Vec<&'static str> {
        let mut page = Page::text("Whole").line("Whole").document();
        let start = page.text.len();
        page.text.push_str(&format!("{title}\n{body}"));
        page.sections.push(Section { title: title.into(), level: 2, span: Span { start, end: page.text.len() } });
        let found = triplets(&page, &Default::default());
        fact_texts(&found).into_iter().filter(|fact| !fact.contains("section")).collect()
    }

    #[test]
    fn dates_under_headlines_belong_to_them() {
        assert_eq!(page("Alpha notes", "\n3 May 1987\n\nText.\n"), ["Alpha notes|date|3 May 1987"]);
        assert_eq!(page("E.1. Alpha 15.9", "Release date: 2024-11-14\n"), ["Alpha 15.9|Release date|2024-11-14"]);
        assert_eq!(page("E.1. Version 15.9", "Release date: 2024-11-14\n"), Vec::<&str>::new());
        assert_eq!(page("Alpha notes", "Released May, 1987.\n"), ["Alpha notes|released|May, 1987"]);
        assert_eq!(page("Alpha notes", "Some text.\n\n3 May 1987\n"), Vec::<&str>::new());
        assert_eq!(page("Alpha notes", "Best before: 3 May 1987\n"), Vec::<&str>::new());
        assert_eq!(page("Alpha of 3 May 1987", "Text.\n"), ["Alpha|date|3 May 1987"]);
    }

    #[test]
    fn a_page_that_says_when_it_was_changed_has_two_dates() {
        let facts = |foot: &str| {
            let mut page = Page::text("Alpha notes").document();
            page.text = format!("Alpha notes\n3 May 1987\n\nText.\n{foot}");
            page.sections =
                vec![Section { title: "Alpha notes".into(), level: 1, span: Span { start: 0, end: page.text.len() } }];
            let found = triplets(&page, &Default::default());
            fact_texts(&found).into_iter().filter(|fact| fact.contains("date")).collect::<Vec<_>>()
        };
        assert_eq!(facts("More.\n"), ["Alpha notes|date|3 May 1987"]);
        assert_eq!(facts("Last update:\u{a0}Nov 11, 2026\n"), Vec::<&str>::new());
        assert_eq!(facts("Last update:\n\nNov 11, 2026\n\nnext"), Vec::<&str>::new());
        assert_eq!(facts("  * Last modified 2026-11-11\n"), Vec::<&str>::new());
        assert_eq!(facts("*This page was last modified on 2022-12-28 UTC*\n"), Vec::<&str>::new());
        assert_eq!(facts("Updated versions exist.\n"), ["Alpha notes|date|3 May 1987"]);
    }

    #[test]
    fn a_file_with_one_notice_of_copyright_has_its_first_year() {
        let facts = |text: &str| {
            let found = triplets(&Page::code("pkg/a.py").line(text).document(), &Default::default());
            fact_texts(&found)
        };
        assert_eq!(facts("# Copyright (C) 2001-2026 Some Project"), ["pkg/a.py|first copyright year|2001"]);
        assert_eq!(facts("# Copyright 2011 Alex\n# Copyright 2012 Bo"), Vec::<&str>::new());
        assert_eq!(facts("# copyright notice in 2001"), Vec::<&str>::new());
        assert_eq!(facts("© Copyright 2023 Some Project."), ["pkg/a.py|first copyright year|2023"]);
        assert_eq!(facts("  &copy; Copyright 2010 by <a href=\"http://domain.invalid/\">you</a>."), Vec::<&str>::new());
        assert_eq!(facts("<p>Copyright 2010 by you</p>"), Vec::<&str>::new());
        assert_eq!(facts("# Copyright (C) 2001 Ada <ada@stone.org>"), ["pkg/a.py|first copyright year|2001"]);
    }
}
