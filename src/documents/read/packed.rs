//! Compressed bytes, inflated within limits.

use crate::error::Fault;
use crate::{Format, Limits};
use flate2::read::MultiGzDecoder;
use std::io::Read;

/// The bytes inside of a gzip file, up to the limits, and how long the whole is at least where it was cut.
pub(super) fn inflate(bytes: &[u8], cut_from: Option<u64>, limits: &Limits) -> Result<(Vec<u8>, Option<u64>), Fault> {
    let room = limits.file_bytes.min(limits.inflated_bytes);
    let mut inflated = Vec::new();
    let done = MultiGzDecoder::new(bytes).take(room + 1).read_to_end(&mut inflated);
    let (compressed, length) = (bytes.len() as u64, inflated.len() as u64);
    if limits.is_bomb(compressed, length) {
        return Err(Fault::Bomb { compressed, inflated: length, key: "ratio" });
    }
    if length > room {
        inflated.truncate(room as usize);
        return Ok((inflated, Some(length)));
    }
    match (done, cut_from) {
        (Ok(_), cut_from) => Ok((inflated, cut_from.map(|_| length + 1))),
        // The compressed file itself was cut; what came out so far is its beginning.
        (Err(_), Some(_)) if length > 0 => Ok((inflated, Some(length + 1))),
        (Err(error), _) => Err(Fault::damaged(Format::Text, format!("gzip: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_refused_and_a_long_text_is_cut() {
        let limits = Limits::default();
        assert!(matches!(inflate(&gzip(&vec![b'a'; 8 << 20]), None, &limits), Err(Fault::Bomb { .. })));
        let small = Limits { file_bytes: 1000, ..limits };
        let text: Vec<u8> = (0..900u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let (cut, of) = inflate(&gzip(&text), None, &small).unwrap();
        assert_eq!((cut.as_slice(), of), (&text[..1000], Some(1001)));
    }

    #[test]
    fn half_a_file_is_damaged() {
        let whole = gzip(b"some text that is long enough to be cut");
        assert!(matches!(inflate(&whole[..20], None, &Limits::default()), Err(Fault::Damaged { .. })));
        assert_eq!(inflate(&whole, None, &Limits::default()).unwrap().1, None);
    }
}
