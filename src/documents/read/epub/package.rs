//! What the package file of a book says: its title and its chapters in order. Its XML is read as tokens of HTML, which forgive.

use html5gum::{StartTag, Token, Tokenizer};
use std::collections::{HashMap, HashSet};

/// What a package says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Package {
    pub title: Option<String>,
    /// Names of entries.
    pub chapters: Vec<String>,
}

/// The package file that a container names.
pub(super) fn path(container: &str) -> Option<String> {
    tags(container).find(|tag| local(tag) == b"rootfile").and_then(|tag| attribute(&tag, "full-path"))
}

/// Reads the package file that stands at `path`.
pub(super) fn read(text: &str, path: &str) -> Package {
    let mut items: HashMap<String, String> = HashMap::new();
    let mut chapters = Vec::new();
    let mut seen = HashSet::new();
    for tag in tags(text) {
        match local(&tag) {
            b"item" => {
                let kind = attribute(&tag, "media-type").unwrap_or_default();
                if let (Some(id), Some(href), true) =
                    (attribute(&tag, "id"), attribute(&tag, "href"), kind.contains("html"))
                {
                    items.insert(id, resolved(path, &href));
                }
            }
            // A chapter that the spine names again and again is read once.
            b"itemref" => {
                let chapter = attribute(&tag, "idref").and_then(|id| items.get(&id).cloned());
                chapters.extend(chapter.filter(|chapter| seen.insert(chapter.clone())));
            }
            _ => {}
        }
    }
    Package { title: title(text), chapters }
}

/// One after the other: a short text can have very many.
fn tags(text: &str) -> impl Iterator<Item = StartTag<()>> + '_ {
    let tokens = Tokenizer::new(text).map_while(Result::ok);
    tokens.filter_map(|token| if let Token::StartTag(tag) = token { Some(tag) } else { None })
}

/// The words of the first `dc:title`.
fn title(text: &str) -> Option<String> {
    let mut words: Option<String> = None;
    for token in Tokenizer::new(text).map_while(Result::ok) {
        match token {
            Token::StartTag(tag) if words.is_none() && tag.name.as_slice() == b"dc:title" => {
                words = Some(String::new())
            }
            Token::String(string) => {
                if let Some(words) = &mut words {
                    words.push_str(&String::from_utf8_lossy(&string));
                }
            }
            Token::EndTag(tag) if words.is_some() && tag.name.as_slice() == b"dc:title" => break,
            _ => {}
        }
    }
    words.map(|words| words.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|title| !title.is_empty())
}

/// A tag's name without what stands before the colon.
fn local(tag: &StartTag<()>) -> &[u8] {
    tag.name.rsplit(|&byte| byte == b':').next().unwrap_or(&tag.name)
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(&value.value).into_owned())
}

/// An address inside the archive, as seen from the package file: without `#...`, with `%20` and `..` resolved.
fn resolved(package: &str, href: &str) -> String {
    let href = unescaped(href.split('#').next().unwrap_or(href));
    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in href.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn unescaped(href: &str) -> String {
    let mut bytes = Vec::with_capacity(href.len());
    let mut rest = href.as_bytes();
    while let [byte, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *byte == b'%');
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spine_gives_the_order() {
        let text = r#"<?xml version="1.0"?><package><metadata><dc:title>Emma &amp;
            Co</dc:title></metadata><manifest>
            <item id="b" href="text/b%20c.xhtml#top" media-type="application/xhtml+xml"/>
            <item id="a" href="../a.xhtml" media-type="application/xhtml+xml"/>
            <item id="css" href="x.css" media-type="text/css"/></manifest>
            <spine><itemref idref="a"/><itemref idref="css"/><itemref idref="b"/><itemref idref="a"/></spine></package>"#;
        let package = read(text, "OEBPS/content.opf");
        assert_eq!(package.title.as_deref(), Some("Emma & Co"));
        assert_eq!(package.chapters, ["a.xhtml", "OEBPS/text/b c.xhtml"]);
        assert_eq!(
            path(r#"<rootfiles><rootfile full-path="OEBPS/content.opf"/>"#).as_deref(),
            Some("OEBPS/content.opf")
        );
    }
}
