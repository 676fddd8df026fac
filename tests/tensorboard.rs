//! The TensorBoard files of a job, read back record by record: framing, checksums, and the numbers of `metrics.csv`.

use longlab::rl::metrics::{Events, StepLog, Table};
use longlab::rl::warm::WarmRow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// CRC-32C with the mask that TFRecord files use.
fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}

/// The records of an event file, checksums checked.
fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes")) as usize;
        assert_eq!(word(&rest[8..]), masked_crc(&rest[..8]), "checksum of a length");
        let data = &rest[12..12 + length];
        assert_eq!(word(&rest[12 + length..]), masked_crc(data), "checksum of a record");
        found.push(data.to_vec());
        rest = &rest[16 + length..];
    }
    found
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protocol buffer message by number.
fn fields(mut bytes: &[u8]) -> BTreeMap<u64, Field<'_>> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }
    let mut found = BTreeMap::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let width = match key & 7 {
            0 => {
                found.insert(key >> 3, Field::Number(varint(&mut bytes)));
                continue;
            }
            1 => 8,
            5 => 4,
            _ => varint(&mut bytes) as usize,
        };
        found.insert(key >> 3, Field::Bytes(&bytes[..width]));
        bytes = &bytes[width..];
    }
    found
}

fn bytes<'a>(message: &BTreeMap<u64, Field<'a>>, number: u64) -> Option<&'a [u8]> {
    match message.get(&number) {
        Some(Field::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

/// (step, tag, value) of every scalar in the event files of a folder.
fn scalars(dir: &Path) -> Vec<(u64, String, f32)> {
    let mut found = Vec::new();
    for file in fs::read_dir(dir).expect("the folder").flatten() {
        for record in records(&fs::read(file.path()).expect("an event file")) {
            let event = fields(&record);
            let step = if let Some(Field::Number(step)) = event.get(&2) { *step } else { 0 };
            let Some(summary) = bytes(&event, 5) else { continue };
            let value = fields(bytes(&fields(summary), 1).expect("a summary holds a value"));
            let tag = String::from_utf8(bytes(&value, 1).expect("a tag").to_vec()).expect("text");
            let number = bytes(&value, 2).expect("a scalar");
            found.push((step, tag, f32::from_le_bytes(number.try_into().expect("four bytes"))));
        }
    }
    found
}

fn row(step: u64) -> WarmRow {
    WarmRow { step, loss: 1.5 / step as f64, accuracy: 0.25, lookups: None, sums: None, context_tokens: 48.0 }
}

/// Prints (step, tag, value) of every scalar that PyPI's TensorBoard finds in a folder.
const READER: &str = r#"
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
for tag in events.Tags()["scalars"]:
    for scalar in events.Scalars(tag):
        print(scalar.step, tag, repr(scalar.value))
"#;

#[test]
fn tensorboard_itself_reads_the_same_numbers() {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join(".readers");
    assert!(packages.join("stamp").exists(), "no TensorBoard reader; mend: run ./lab test, which fetches it");
    let dir = tempfile::tempdir().expect("a folder");
    let (metrics, events) = (dir.path().join("metrics.csv"), dir.path().join("tb"));
    let mut log = StepLog::open::<WarmRow>(&metrics, 0).expect("a log");
    let mut board = Events::open(&events, &metrics).expect("events");
    for step in 1..=3 {
        log.push(&row(step)).expect("a row");
        board.push(&row(step));
    }
    drop(board);
    let python = fs::read_to_string(packages.join("python")).expect("the Python that the packages are for");
    let python = Command::new(python).env("PYTHONPATH", packages).args(["-c", READER]).arg(&events).output();
    let output = python.expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut seen: Vec<(u64, String, f32)> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| {
            let parts: Vec<&str> = line.split(' ').collect();
            (parts[0].parse().expect("a step"), parts[1].to_string(), parts[2].parse().expect("a number"))
        })
        .collect();
    let mut ours = scalars(&events);
    let order = |a: &(u64, String, f32), b: &(u64, String, f32)| (&a.1, a.0).cmp(&(&b.1, b.0));
    seen.sort_by(order);
    ours.sort_by(order);
    assert_eq!(seen, ours);
    assert_eq!(seen.iter().filter(|(_, tag, _)| tag == "train/loss").count(), 3);
}

#[test]
fn event_files_hold_the_numbers_of_the_metrics_once_even_after_a_resume() {
    let dir = tempfile::tempdir().expect("a folder");
    let (metrics, events) = (dir.path().join("metrics.csv"), dir.path().join("tb"));
    for (done, until) in [(0, 3), (2, 4)] {
        let mut log = StepLog::open::<WarmRow>(&metrics, done).expect("a log");
        let mut board = Events::open(&events, &metrics).expect("events");
        for step in done + 1..=until {
            log.push(&row(step)).expect("a row");
            board.push(&row(step));
        }
    }
    let losses: Vec<(u64, f32)> = scalars(&events)
        .into_iter()
        .filter(|(_, tag, _)| tag == "train/loss")
        .map(|(step, _, value)| (step, value))
        .collect();
    let expected: Vec<(u64, f32)> = (1..=4).map(|step| (step, row(step).loss as f32)).collect();
    assert_eq!(losses, expected);
    assert!(scalars(&events).iter().all(|(_, tag, _)| tag != "train/lookups"), "a missing value is no scalar");
    assert_eq!(WarmRow::columns().len(), row(1).cells().len());
}
