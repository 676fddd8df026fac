//! EPUB files: bytes as they are, or entries that are packed into an archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::documents::read;
use longlab_fuzz::foreign::{halves, parts};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An archive of entries: a name, a line feed, what is in it. One whose name begins with `*` is deflated, with `**` it is a thousandfold.
fn packed(input: &[u8]) -> Option<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for part in parts(input) {
        let (name, bytes) = halves(part, b'\n');
        let name = String::from_utf8_lossy(name);
        let (times, plain) = match (name.strip_prefix("**"), name.strip_prefix('*')) {
            (Some(plain), _) => (1000, plain),
            (_, Some(plain)) => (1, plain),
            _ => (0, &*name),
        };
        let method = if times > 0 { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        archive.start_file(plain, SimpleFileOptions::default().compression_method(method)).ok()?;
        archive.write_all(&bytes.unwrap_or_default().repeat(times.max(1))).ok()?;
    }
    Some(archive.finish().ok()?.into_inner())
}

fuzz_target!(|input: &[u8]| {
    let (name, input) = match input.strip_prefix(b"!") {
        Some(rest) => ("!x.epub", rest),
        None => ("x.epub", input),
    };
    if input.starts_with(b"PK") {
        return read(name, input);
    }
    if let Some(archive) = packed(input) {
        read(name, &archive);
    }
});
