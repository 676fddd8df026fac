//! The GGUF reader against the reference package's numbers, and against files that are not what they seem.

use longlab::lm::gguf::{Array, Gguf, GgufError, Header, Kind, Value, dequantise};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// The order in which make_gguf.py writes its tensors and their numbers.
const KINDS: [Kind; 11] = [
    Kind::F32,
    Kind::F16,
    Kind::Bf16,
    Kind::Q4_0,
    Kind::Q4_1,
    Kind::Q5_0,
    Kind::Q5_1,
    Kind::Q8_0,
    Kind::Q4K,
    Kind::Q5K,
    Kind::Q6K,
];

fn golden(name: &str) -> PathBuf {
    Path::new("tests/goldens/model").join(name)
}

fn expected() -> Vec<Vec<f32>> {
    let bytes = std::fs::read(golden("kinds.f32")).unwrap();
    let all: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&number| f32::from_le_bytes(number)).collect();
    all.chunks(all.len() / KINDS.len()).map(<[f32]>::to_vec).collect()
}

/// The same bits, but that any not-a-number is as good as another: which one an operation gives is the processor's choice.
fn assert_same(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        assert!(
            same,
            "{what}, number {place}: {found} ({:#x}), expected {expected} ({:#x})",
            found.to_bits(),
            expected.to_bits()
        );
    }
}

#[test]
fn every_type_dequantises_as_the_reference_does() {
    let file = Gguf::open(&golden("kinds.gguf")).unwrap();
    for (kind, expected) in KINDS.into_iter().zip(expected()) {
        let name = if kind == Kind::Bf16 { "BF16" } else { kind.name() };
        let info = file.info(name).unwrap();
        assert_eq!((info.kind, info.shape.as_slice()), (kind, &[6, 256][..]));
        let mut numbers = vec![0.0; 6 * 256];
        file.read(name, 0..6, &mut numbers).unwrap();
        assert_same(&numbers, &expected, name);
        assert!(expected.iter().filter(|number| number.is_finite() && **number != 0.0).count() > 512, "{name}");
    }
}

#[test]
fn rows_and_pieces_are_parts_of_the_whole() {
    let file = Gguf::open(&golden("kinds.gguf")).unwrap();
    for (kind, expected) in KINDS.into_iter().zip(expected()) {
        let mut two = vec![0.0; 2 * 256];
        file.read(kind.name(), 3..5, &mut two).unwrap();
        assert_same(&two, &expected[3 * 256..5 * 256], kind.name());
        for room in [1, 256, 1000, 1 << 20] {
            let mut all = Vec::new();
            file.stream::<GgufError>(kind.name(), room, |first, piece| {
                assert_eq!(first * 256, all.len());
                assert!(piece.len() <= room.max(256));
                all.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
            assert_same(&all, &expected, kind.name());
        }
    }
}

#[test]
fn metadata_of_every_type_is_read() {
    let file = Gguf::open(&golden("kinds.gguf")).unwrap();
    let header = file.header();
    assert_eq!(header.version, 3);
    let read = |key: &str| header.metadata[&format!("test.{key}")].clone();
    let pairs = [
        ("u8", Value::U8(255)),
        ("i8", Value::I8(-128)),
        ("u16", Value::U16(65535)),
        ("i16", Value::I16(-32768)),
        ("u32", Value::U32(u32::MAX)),
        ("i32", Value::I32(i32::MIN)),
        ("u64", Value::U64(u64::MAX)),
        ("i64", Value::I64(i64::MIN)),
        ("f32", Value::F32(0.1)),
        ("f64", Value::F64(0.1)),
        ("bool", Value::Bool(true)),
        ("text", Value::Text("Zürich\n".into())),
        ("texts", Value::Array(Array::Text(vec![String::new(), "a".into(), "é".into()]))),
        ("numbers", Value::Array(Array::I32(vec![1, -2, 3]))),
        ("floats", Value::Array(Array::F32(vec![0.5, -1.0]))),
        ("truths", Value::Array(Array::Bool(vec![true, false]))),
    ];
    for (key, value) in pairs {
        assert_eq!(read(key), value, "{key}");
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let file = Gguf::open(&golden("kinds.gguf")).unwrap();
    let mut room = vec![0.0; 256];
    let message = |error: GgufError| error.to_string();
    assert!(message(file.read("none", 0..1, &mut room).unwrap_err()).ends_with("holds no tensor `none`"));
    for rows in [0..2, 6..7, usize::MAX - 1..usize::MAX] {
        assert!(matches!(file.read("F32", rows, &mut room), Err(GgufError::Rows { .. })));
    }
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = file.read("F32", 2..1, &mut room);
    assert!(matches!(backwards, Err(GgufError::Rows { .. })));
    assert!(matches!(Gguf::open(Path::new("tests/goldens/model/none")), Err(GgufError::Unreadable { .. })));
}

/// A little-endian file by hand: metadata entries and tensors as bytes.
struct Hand {
    entries: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    data: usize,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

fn tensor(name: &str, sizes: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend((sizes.len() as u32).to_le_bytes());
    bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
    bytes.extend(kind.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [text(key), kind.to_le_bytes().to_vec(), value.to_vec()].concat()
}

impl Hand {
    fn bytes(&self, version: u32) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.entries.len() as u64).to_le_bytes());
        bytes.extend(self.entries.concat());
        bytes.extend(self.tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32) + self.data, 1);
        bytes
    }
}

fn refused(entries: Vec<Vec<u8>>, tensors: Vec<Vec<u8>>, words: &str) {
    let bytes = Hand { entries, tensors, data: 128 }.bytes(3);
    let fault = Header::parse(&bytes).expect_err(words);
    assert!(fault.to_string().contains(words), "{fault}");
}

#[test]
fn every_fault_names_the_place() {
    let huge = u64::MAX.to_le_bytes();
    refused(vec![entry("a", 13, &[0])], vec![], "metadata `a`: value type 13 is not known");
    refused(vec![entry("a", 7, &[2])], vec![], "a truth value is 0 or 1, not 2");
    refused(vec![entry("a", 0, &[1]), entry("a", 0, &[1])], vec![], "the key is there twice");
    refused(vec![entry("a", 8, &huge)], vec![], "18446744073709551615 bytes are announced");
    refused(vec![entry("a", 8, &[1, 0, 0, 0, 0, 0, 0, 0, 255])], vec![], "not UTF-8");
    refused(
        vec![entry("a", 9, &[&8u32.to_le_bytes()[..], &huge].concat())],
        vec![],
        "the rest of the file has room for",
    );
    refused(vec![entry("", 0, &[1])], vec![], "the name is empty");
    refused(vec![entry("general.alignment", 4, &3u32.to_le_bytes())], vec![], "is no power of two");
    let nested: Vec<u8> = (0..9).flat_map(|_| [&9u32.to_le_bytes()[..], &1u64.to_le_bytes()].concat()).collect();
    refused(vec![entry("a", 9, &nested)], vec![], "nested more than 4 deep");
    refused(vec![], vec![tensor("a", &[], 0, 0)], "tensor `a`: it has 0 dimensions");
    refused(vec![], vec![tensor("a", &[1, 1, 1, 1, 1], 0, 0)], "it has 5 dimensions");
    refused(vec![], vec![tensor("a", &[0, 4], 0, 0)], "hold a zero");
    refused(vec![], vec![tensor("a", &[4], 99, 0)], "stored type 99 is not known");
    refused(vec![], vec![tensor("a", &[33], 2, 0)], "rows of 33 numbers are no whole blocks of 32 (Q4_0)");
    refused(vec![], vec![tensor("a", &[1 << 40, 1 << 40], 0, 0)], "come to more than can be counted");
    refused(vec![], vec![tensor("a", &[1 << 62], 0, 0)], "come to more than can be counted");
    refused(vec![], vec![tensor("a", &[4], 0, 1)], "its offset 1 is no multiple of 32");
    refused(vec![], vec![tensor("a", &[33], 0, 0)], "reach beyond the end of the file");
    refused(vec![], vec![tensor("a", &[4], 0, u64::MAX - 31)], "reach beyond the end of the file");
    refused(vec![], vec![tensor("a", &[9], 0, 0), tensor("b", &[4], 0, 32)], "another tensor ends at");
    refused(vec![], vec![tensor("a", &[4], 0, 0), tensor("a", &[4], 0, 32)], "the name is there twice");
    for (version, words) in [(1, "version 1 is not read"), (4, "version 4"), (3u32.swap_bytes(), "big-endian")] {
        let bytes = Hand { entries: vec![], tensors: vec![], data: 0 }.bytes(version);
        assert!(Header::parse(&bytes).unwrap_err().to_string().contains(words), "{words}");
    }
    assert!(Header::parse(b"GGML....").unwrap_err().to_string().contains("begins with GGUF"));
}

fn small() -> Vec<u8> {
    let texts = [&8u32.to_le_bytes()[..], &2u64.to_le_bytes(), &text("ab"), &text("c")].concat();
    let numbers =
        [&9u32.to_le_bytes()[..], &1u64.to_le_bytes(), &4u32.to_le_bytes(), &1u64.to_le_bytes(), &[1; 4]].concat();
    let entries = vec![
        entry("general.alignment", 4, &32u32.to_le_bytes()),
        entry("a", 9, &texts),
        entry("b", 9, &numbers),
        entry("c", 7, &[1]),
        entry("d", 12, &1f64.to_le_bytes()),
    ];
    let tensors = vec![tensor("x", &[32, 2], 2, 0), tensor("y", &[3], 30, 64), tensor("z", &[256], 16, 96)];
    Hand { entries, tensors, data: 96 + 66 }.bytes(3)
}

/// What parses hangs together: every tensor lies in the file, upon no other, and can be read or is of a type that is not read.
fn consistent(bytes: &[u8], header: &Header) {
    let mut places: Vec<_> = header.tensors.values().map(|info| info.bytes.clone()).collect();
    places.sort_by_key(|place| (place.start, place.end));
    assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start));
    for info in header.tensors.values() {
        assert!(info.bytes.start as u64 >= header.data && info.bytes.end <= bytes.len());
        assert_eq!(info.bytes.len(), info.rows() * info.row_bytes());
        let mut row = vec![0.0; info.width()];
        let read = dequantise(info.kind, &bytes[info.bytes.start..][..info.row_bytes()], &mut row);
        assert_eq!(read, !matches!(info.kind, Kind::Other(_)));
    }
}

#[test]
fn the_small_file_is_sound_in_both_versions() {
    let mut bytes = small();
    for version in [2, 3] {
        bytes[4] = version;
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.tensors.len(), header.metadata.len()), (3, 5));
        consistent(&bytes, &header);
    }
}

#[test]
fn no_truncation_panics() {
    let bytes = small();
    for length in 0..bytes.len() {
        // The last tensor ends with the file, so no part of it is whole.
        assert!(Header::parse(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn no_flip_of_a_byte_panics() {
    let sound = small();
    let mut errors = 0;
    for place in 0..sound.len() {
        for value in 0..=255 {
            let mut bytes = sound.clone();
            bytes[place] = value;
            match Header::parse(&bytes) {
                Ok(header) => consistent(&bytes, &header),
                Err(_) => errors += 1,
            }
        }
    }
    assert!(errors > 10_000, "{errors}");
}

#[test]
fn a_lie_about_the_count_asks_for_no_memory() {
    // Two thousand million elements in a file of some bytes: refused before anything is made for them.
    for at in [8, 16] {
        let mut bytes = small();
        bytes[at..at + 8].copy_from_slice(&(1u64 << 41).to_le_bytes());
        assert!(Header::parse(&bytes).unwrap_err().to_string().contains("the rest of the file has room for"));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_error_or_a_sound_file(body in proptest::collection::vec(any::<u8>(), 0..400), version in 2u8..4, few in any::<bool>()) {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend([version, 0, 0, 0]);
        if few {
            // Small counts, so that more than the counts is read.
            bytes.extend([body.first().map_or(0, |b| b % 3), 0, 0, 0, 0, 0, 0, 0, body.last().map_or(0, |b| b % 3), 0, 0, 0, 0, 0, 0, 0]);
        }
        bytes.extend(body);
        if let Ok(header) = Header::parse(&bytes) {
            consistent(&bytes, &header);
        }
    }

    #[test]
    fn several_changes_are_an_error_or_a_sound_file(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = small();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(header) = Header::parse(&bytes) {
            consistent(&bytes, &header);
        }
    }

    #[test]
    fn any_block_dequantises(kind in 0usize..11, bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let kind = KINDS[kind];
        let blocks = bytes.len() / kind.bytes();
        let mut numbers = vec![0.25; blocks * kind.block()];
        prop_assert!(dequantise(kind, &bytes, &mut numbers));
    }
}
