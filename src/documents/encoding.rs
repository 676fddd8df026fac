//! Bytes to text.

use crate::error::Fault;
use serde::{Deserialize, Serialize};

/// How a text was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 behind a byte order mark.
    Utf8Mark,
    /// UTF-16, low byte first, behind a byte order mark.
    Utf16Low,
    /// UTF-16, high byte first, behind a byte order mark.
    Utf16High,
    /// One byte a letter, ISO 8859-1. A guess: nothing in a file says so.
    Latin1,
    /// One byte a letter, Windows code page 1252. A guess, as before.
    Windows1252,
}

/// Share of control characters above which bytes that are no UTF-8 are no text either.
const MOST_CONTROLS: f64 = 0.005;

/// Windows-1252 from 0x80 to 0x9f; what it leaves open is the replacement character.
const WINDOWS: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}', '\u{fffd}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
];

/// The text, lines ended by `\n`, and how it was stored. `cut` says that the file goes on behind the last byte, which may then lie
/// inside of a character.
pub(crate) fn decode(bytes: &[u8], cut: bool) -> Result<(String, Encoding), Fault> {
    let (text, encoding) = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => (utf8(rest, cut).ok_or(NOT_UTF8)?, Encoding::Utf8Mark),
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes), Encoding::Utf16Low),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes), Encoding::Utf16High),
        _ => match utf8(bytes, cut) {
            Some(text) => (text, Encoding::Utf8),
            None => single_bytes(bytes)?,
        },
    };
    if text.contains('\0') {
        return Err(Fault::Binary { reason: "a NUL in it" });
    }
    Ok((lines(text), encoding))
}

const NOT_UTF8: Fault = Fault::Binary { reason: "a UTF-8 mark, and bytes that are none behind it" };

fn utf8(bytes: &[u8], cut: bool) -> Option<String> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        // The last character is cut through.
        Err(error) if cut && error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(str::to_owned)
        }
        Err(_) => None,
    }
}

fn utf16(bytes: &[u8], number: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| number([pair[0], pair[1]]));
    char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn single_bytes(bytes: &[u8]) -> Result<(String, Encoding), Fault> {
    let is_control = |byte: u8| byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(&byte);
    let controls = bytes.iter().filter(|&&byte| is_control(byte)).count();
    if controls as f64 > MOST_CONTROLS * bytes.len() as f64 {
        return Err(Fault::Binary { reason: "no UTF-8, and many control characters" });
    }
    let windows = bytes.iter().any(|byte| (0x80..0xa0).contains(byte));
    let letter = |&byte: &u8| match byte {
        0x80..0xa0 => WINDOWS[usize::from(byte - 0x80)],
        byte => char::from(byte),
    };
    Ok((bytes.iter().map(letter).collect(), if windows { Encoding::Windows1252 } else { Encoding::Latin1 }))
}

/// Line ends of all systems as `\n`.
fn lines(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_bytes_tell_the_encoding() {
        let known: [(&[u8], &str, Encoding); 6] = [
            ("zwölf\r\nx\ry".as_bytes(), "zwölf\nx\ny", Encoding::Utf8),
            (b"\xef\xbb\xbfa", "a", Encoding::Utf8Mark),
            (b"\xff\xfea\0\xe4\0\x3d\xd8\x00\xde", "aä😀", Encoding::Utf16Low),
            (b"\xfe\xff\0a\0\xe4", "aä", Encoding::Utf16High),
            (b"caf\xe9 au lait", "café au lait", Encoding::Latin1),
            (b"\x93caf\xe9\x94 \x80 5", "“café” € 5", Encoding::Windows1252),
        ];
        for (bytes, text, encoding) in known {
            assert_eq!(decode(bytes, false).unwrap(), (text.to_owned(), encoding));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(matches!(decode(b"a\0b", false), Err(Fault::Binary { .. })));
        assert!(matches!(decode(b"\x01\x02\xff\x03", false), Err(Fault::Binary { .. })));
        assert!(matches!(decode(b"\xef\xbb\xbf\xff", false), Err(Fault::Binary { .. })));
    }

    #[test]
    fn a_character_that_is_cut_through_is_left_out() {
        assert_eq!(decode(b"ab\xc3", true).unwrap(), ("ab".to_owned(), Encoding::Utf8));
        assert_eq!(decode(b"ab\xc3", false).unwrap().1, Encoding::Latin1);
        assert_eq!(decode(b"\xff\xfea\0b", true).unwrap().0, "a");
    }
}
