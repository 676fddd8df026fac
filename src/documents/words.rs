//! Words of a text.

/// The words: longest runs of letters and digits, with the byte at which each begins.
pub fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(char::is_alphanumeric)?;
        let rest = &text[start..];
        let length = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
        at = start + length;
        Some((start, &rest[..length]))
    })
}

/// A word's hash, case left aside: FNV-1a over the lowercase letters, then mixed.
pub(crate) fn hash_of(word: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    if word.is_ascii() {
        word.bytes().for_each(|byte| eat(byte.to_ascii_lowercase()));
    } else {
        let mut room = [0; 4];
        word.chars()
            .flat_map(char::to_lowercase)
            .for_each(|letter| letter.encode_utf8(&mut room).bytes().for_each(&mut eat));
    }
    mixed(hash)
}

/// The finisher of SplitMix64 (Steele, Lea and Flood 2014): every bit of the input moves half of the bits of the output.
pub(crate) fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The hash of a run of words out of their hashes; the order counts.
pub(crate) fn hash_of_run(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |run, &word| mixed(run.rotate_left(5) ^ word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let found: Vec<_> = words("Wörter, 3.5 x\u{301}_y").collect();
        assert_eq!(found, [(0, "Wörter"), (9, "3"), (11, "5"), (13, "x"), (17, "y")]);
        assert_eq!(words(" .,").count(), 0);
        assert_eq!(hash_of("ÄB"), hash_of("äb"));
        assert_ne!(hash_of_run(&[1, 2]), hash_of_run(&[2, 1]));
    }
}
