//! Fonts: what their codes mean and how wide they are.

use super::number;
use lopdf::{Dictionary, Document, Encoding, Object};
use std::collections::HashMap;

/// Bytes that a font's tables may inflate to.
const TABLE_BYTES: usize = 4 << 20;
/// Bytes of the tables of all fonts of a file.
const ALL_TABLES: usize = 64 << 20;
/// Codes of three and four bytes that a font's table may give a meaning to; the library lists them one by one.
const LONG_CODES: u64 = 1 << 16;
/// Codes of all fonts of a file that may have a width of their own.
const ALL_WIDTHS: usize = 1 << 22;
/// Width of a character where nothing is known, in thousandths of the size.
const USUAL_WIDTH: f32 = 500.0;

/// A font.
pub(super) struct Font<'a> {
    encoding: Option<Encoding<'a>>,
    /// Whether its glyphs are called by their codes, which are TeX's then.
    is_tex: bool,
    /// Whether a character has two bytes.
    is_wide: bool,
    widths: HashMap<u16, f32>,
    other: f32,
}

/// The fonts of a file, each of which is read once.
pub(super) struct Fonts<'a> {
    numbers: HashMap<*const Dictionary, usize>,
    fonts: Vec<Font<'a>>,
    room: Room,
}

/// What the fonts of a file may still ask for.
struct Room {
    /// Bytes of tables.
    tables: usize,
    /// Codes with a width of their own.
    widths: usize,
}

impl Default for Fonts<'_> {
    fn default() -> Self {
        let room = Room { tables: ALL_TABLES, widths: ALL_WIDTHS };
        Fonts { numbers: HashMap::new(), fonts: Vec::new(), room }
    }
}

impl<'a> Fonts<'a> {
    /// The number of a font.
    pub fn number(&mut self, pdf: &'a Document, font: &'a Dictionary) -> usize {
        *self.numbers.entry(std::ptr::from_ref(font)).or_insert_with(|| {
            self.fonts.push(Font::new(pdf, font, &mut self.room));
            self.fonts.len() - 1
        })
    }

    pub fn get(&self, number: usize) -> Option<&Font<'a>> {
        self.fonts.get(number)
    }
}

impl<'a> Font<'a> {
    fn new(pdf: &'a Document, font: &'a Dictionary, room: &mut Room) -> Self {
        let is_wide = font.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Type0");
        let (widths, other) = if is_wide { wide_widths(pdf, font, &mut room.widths) } else { widths(pdf, font) };
        Font { encoding: encoding(pdf, font, &mut room.tables), is_tex: is_tex(pdf, font), is_wide, widths, other }
    }

    /// What a string says; nothing where its codes mean nothing.
    pub fn text(&self, bytes: &[u8]) -> String {
        if self.is_tex {
            return tex(bytes);
        }
        let text = self.encoding.as_ref().and_then(|encoding| encoding.bytes_to_string(bytes).ok());
        spelt_out(&text.unwrap_or_default())
    }

    /// How wide a string is, in thousandths of the size.
    pub fn width(&self, bytes: &[u8]) -> f32 {
        let width = |code: u16| self.widths.get(&code).copied().unwrap_or(self.other);
        match self.is_wide {
            true => bytes.chunks_exact(2).map(|pair| width(u16::from_be_bytes([pair[0], pair[1]]))).sum(),
            false => bytes.iter().map(|&byte| width(u16::from(byte))).sum(),
        }
    }
}

/// Whether a font that is drawn in the file calls its glyphs `a65`, `a66`, ... by their codes, as TeX's bitmap fonts do. Programs that
/// know `a65` as the name of an ornament write tables that say so; those are not believed.
fn is_tex(pdf: &Document, font: &Dictionary) -> bool {
    let is_drawn = font.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Type3");
    let names =
        font.get_deref(b"Encoding", pdf).and_then(Object::as_dict).and_then(|e| e.get_deref(b"Differences", pdf));
    let Some(names) = names.and_then(Object::as_array).ok().filter(|_| is_drawn) else {
        return false;
    };
    let mut names = names.iter().filter_map(|name| name.as_name().ok()).filter(|name| *name != b".notdef").peekable();
    let is_code = |name: &[u8]| name.len() > 1 && name[0] == b'a' && name[1..].iter().all(u8::is_ascii_digit);
    names.peek().is_some() && names.all(is_code)
}

/// Codes of TeX's text fonts: ASCII, with ligatures from 11 in the old encoding (OT1) and from 27 in the newer (T1), and T1's quotes and dashes.
fn tex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            11 | 27 => text.push_str("ff"),
            12 | 28 => text.push_str("fi"),
            13 | 29 => text.push_str("fl"),
            14 | 30 => text.push_str("ffi"),
            15 | 31 => text.push_str("ffl"),
            16 => text.push('“'),
            17 => text.push('”'),
            21 => text.push('–'),
            22 => text.push('—'),
            32..=126 | 192..=255 => text.push(char::from(byte)),
            _ => {}
        }
    }
    text
}

/// The text with ligatures as letters, so that words can be found, and without signs that no text holds.
fn spelt_out(text: &str) -> String {
    let mut spelt = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\0' | '\r' => {}
            '\u{fb00}' => spelt.push_str("ff"),
            '\u{fb01}' => spelt.push_str("fi"),
            '\u{fb02}' => spelt.push_str("fl"),
            '\u{fb03}' => spelt.push_str("ffi"),
            '\u{fb04}' => spelt.push_str("ffl"),
            letter => spelt.push(letter),
        }
    }
    spelt
}

/// The table that says which text the codes mean comes before the names of the glyphs, which may be made up.
fn encoding<'a>(pdf: &'a Document, font: &'a Dictionary, room: &mut usize) -> Option<Encoding<'a>> {
    if let Ok(table) = font.get_deref(b"ToUnicode", pdf).and_then(Object::as_stream) {
        let table = table.get_plain_content_with_limit(TABLE_BYTES.min(*room)).ok()?;
        *room = room.saturating_sub(table.len());
        if table.len() > TABLE_BYTES || long_codes(&table) > LONG_CODES {
            return None;
        }
        let mut other = font.clone();
        other.remove(b"Encoding");
        if let Ok(Encoding::UnicodeMapEncoding(map)) = other.get_font_encoding_with_limit(pdf, TABLE_BYTES) {
            return Some(Encoding::UnicodeMapEncoding(map));
        }
    }
    font.get_font_encoding_with_limit(pdf, TABLE_BYTES).ok()
}

/// Codes of three and four bytes that ranges of a table speak of (`<low> <high>`, of as many digits each); of shorter ones there are
/// 65,536 at most.
fn long_codes(table: &[u8]) -> u64 {
    let (mut codes, mut before, mut rest) = (0u64, None, table);
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'<' | b'[')) {
        let close = if rest[at] == b'<' { b'>' } else { b']' };
        let inside = &rest[at + 1..];
        let end = inside.iter().position(|&byte| byte == close).unwrap_or(inside.len());
        let here = if close == b'>' { code(&inside[..end]) } else { None };
        if let (Some((low, digits)), Some((high, same))) = (before, here)
            && digits == same
            && digits > 4
        {
            codes = codes.saturating_add(u64::from(u32::saturating_sub(high, low)) + 1);
        }
        before = here;
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    codes
}

/// A code and its digits; none of what is no number, or is longer than four bytes.
fn code(digits: &[u8]) -> Option<(u32, usize)> {
    let text = str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(text, 16).ok()?, text.len()))
}

fn widths(pdf: &Document, font: &Dictionary) -> (HashMap<u16, f32>, f32) {
    let first = font.get(b"FirstChar").and_then(Object::as_i64).unwrap_or(0).clamp(0, 255) as u16;
    let Ok(list) = font.get_deref(b"Widths", pdf).and_then(Object::as_array) else {
        return (HashMap::new(), USUAL_WIDTH);
    };
    let widths = list.iter().take(256).enumerate().map(|(at, width)| (first + at as u16, number(Some(width))));
    // Fonts drawn in the file itself (Type 3) have a measure of their own.
    let scale =
        font.get(b"FontMatrix").and_then(Object::as_array).ok().map_or(1.0, |matrix| 1000.0 * number(matrix.first()));
    (widths.map(|(code, width)| (code, width * scale)).collect(), USUAL_WIDTH)
}

/// The widths of a font of two bytes a character: `first [w w w]` or `first last w`.
fn wide_widths(pdf: &Document, font: &Dictionary, room: &mut usize) -> (HashMap<u16, f32>, f32) {
    let inner = font.get_deref(b"DescendantFonts", pdf).and_then(Object::as_array).ok().and_then(|fonts| fonts.first());
    let inner = inner.and_then(|font| pdf.dereference(font).ok()).and_then(|(_, font)| font.as_dict().ok());
    let Some(inner) = inner else { return (HashMap::new(), 2.0 * USUAL_WIDTH) };
    let other = inner.get(b"DW").map_or(1000.0, |width| number(Some(width)));
    let mut widths = HashMap::new();
    let list = inner.get_deref(b"W", pdf).and_then(Object::as_array).map_or(&[][..], Vec::as_slice);
    let mut at = 0;
    while let Some(first) =
        list.get(at).and_then(|first| first.as_i64().ok()).and_then(|first| u16::try_from(first).ok())
    {
        match list.get(at + 1).and_then(|next| pdf.dereference(next).ok()).map(|(_, next)| next) {
            Some(Object::Array(run)) if run.len() <= *room => {
                *room -= run.len();
                widths.extend(
                    run.iter().enumerate().take(65_536).map(|(n, w)| (first.saturating_add(n as u16), number(Some(w)))),
                );
                at += 2;
            }
            Some(Object::Array(_)) => break,
            Some(last) => {
                let last = last.as_i64().ok().and_then(|last| u16::try_from(last).ok()).unwrap_or(first);
                let count = usize::from(last.saturating_sub(first)) + 1;
                if count > *room {
                    break;
                }
                *room -= count;
                widths.extend((first..=last).map(|code| (code, number(list.get(at + 2)))));
                at += 3;
            }
            None => break,
        }
    }
    (widths, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_tex_are_letters() {
        assert_eq!(tex(b"e\x1bect \x0ct \x00a\x15b\xe4"), "effect fit a–bä");
        let mut pdf = Document::with_version("1.5");
        let font = |pdf: &mut Document, names: [&str; 2]| {
            let names = vec![65.into(), Object::Name(names[0].into()), Object::Name(names[1].into())];
            let encoding = pdf.add_object(lopdf::dictionary! { "Type" => "Encoding", "Differences" => names });
            lopdf::dictionary! { "Type" => "Font", "Subtype" => "Type3", "Encoding" => encoding }
        };
        let (tex, named) = (font(&mut pdf, ["a65", "a66"]), font(&mut pdf, ["A", "a66"]));
        assert!(is_tex(&pdf, &tex) && !is_tex(&pdf, &named));
    }

    #[test]
    fn long_codes_of_ranges_are_counted() {
        let counted = [
            ("1 beginbfrange <0000> <ffff> <0041> endbfrange", 0),
            ("1 beginbfrange <00000000><ffffffff> <0041> endbfrange", 1 << 32),
            ("2 beginbfrange <000000> <0000ff> [<00660066> <d83dde42>] <000100> <0001ff> <0041> endbfrange", 512),
            ("2 beginbfchar <01> <00660066> <02> <d83dde42> endbfchar", 0),
            ("/CIDSystemInfo << /Registry (Adobe) >> def < [ <", 0),
        ];
        for (table, codes) in counted {
            assert_eq!(long_codes(table.as_bytes()), codes, "{table}");
        }
    }

    #[test]
    fn widths_end_where_there_is_no_room() {
        let mut pdf = Document::with_version("1.5");
        let run: Vec<Object> = (0..3).flat_map(|_| [0.into(), 65_535.into(), 600.into()]).collect();
        let inner = pdf.add_object(lopdf::dictionary! { "Type" => "Font", "W" => run });
        let font =
            lopdf::dictionary! { "Type" => "Font", "Subtype" => "Type0", "DescendantFonts" => vec![inner.into()] };
        let mut room = 65_536 + 100;
        let (widths, _) = wide_widths(&pdf, &font, &mut room);
        assert_eq!((widths.len(), room), (65_536, 100));
    }

    #[test]
    fn ligatures_are_letters() {
        assert_eq!(spelt_out("e\u{fb00}ects \u{fb01}t a\u{fb04}ict\0"), "effects fit afflict");
    }
}
