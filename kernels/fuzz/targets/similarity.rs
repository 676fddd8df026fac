//! Texts against texts: the ratio is that of the plain definition, and a matcher remembers nothing.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::text::slow_ratio;
use longlab_kernels::similarity::{Matcher, ratio};

/// Letters of one to four bytes; those far apart lie in different pages.
const LETTERS: [char; 12] = ['a', 'b', 'c', ' ', 'é', '雨', '\u{0}', '\u{7f}', '\u{80}', '🙂', '\u{10ffff}', 'd'];

/// A text, as the fuzzer likes it or of few letters and often longer than 200 characters.
#[derive(Debug)]
struct Text(String);

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        match bytes.int_in_range(0..=3)? {
            0 => Ok(Text(bytes.arbitrary()?)),
            1 => {
                // Distinct characters, past what a byte can number.
                let (from, count) = (bytes.arbitrary::<u16>()?, bytes.int_in_range(200..=300)?);
                Ok(Text((u32::from(from)..).filter_map(char::from_u32).take(count).collect()))
            }
            _ => {
                let kinds = bytes.int_in_range(1..=LETTERS.len())?;
                let (times, length) = (bytes.int_in_range(1..=5)?, bytes.int_in_range(0..=80)?);
                let letters = bytes.bytes(length.min(bytes.len()))?;
                let text: String = letters.iter().map(|&byte| LETTERS[usize::from(byte) % kinds]).collect();
                Ok(Text(text.repeat(times)))
            }
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    b: Text,
    others: [Text; 2],
}

fuzz_target!(|input: Input| {
    let b: Vec<char> = input.b.0.chars().collect();
    let mut matcher = Matcher::new(&input.b.0);
    for Text(text) in &input.others {
        let a: Vec<char> = text.chars().collect();
        let got = matcher.ratio(text);
        assert_eq!(got, ratio(text, &input.b.0), "a matcher that has seen other texts");
        assert!((0.0..=1.0).contains(&got) && (got == 1.0) == (a == b), "{got}");
        if a.len() * b.len() <= 60_000 {
            assert_eq!(got, slow_ratio(&a, &b), "{text:?} against {:?}", input.b.0);
        }
    }
});
