//! Foreign documents: an input is the name of a file, a line feed, and its bytes. A name that begins with `!` stands for tight limits.

use crate::foreign::{halves, may_panic};
use longlab_documents::{Limits, Reader};

/// Reads the bytes of a file twice: a typed error, or documents that hold what they say.
pub fn read(name: &str, bytes: &[u8]) {
    may_panic();
    let (name, limits) = match name.strip_prefix('!') {
        Some(name) => (name, tight()),
        None => (name, Limits::default()),
    };
    let reader = Reader { limits, ..Reader::default() };
    let found = reader.read(name, bytes);
    match &found {
        Ok(reading) => {
            assert!(!reading.documents.is_empty(), "a reading without documents");
            for document in &reading.documents {
                document.check().unwrap_or_else(|unsound| panic!("{unsound}\n{document:?}"));
                let most = reader.limits.document_bytes;
                assert!(document.text.len() <= most, "{} bytes of {most}", document.text.len());
                assert!(document.notes.len() <= reader.limits.notes, "{} notes", document.notes.len());
                assert!(document.links.len() <= reader.limits.notes, "{} links", document.links.len());
            }
            let cells = reading.documents.iter().flat_map(|document| &document.tables);
            let cells: usize = cells.map(|table| table.rows.iter().map(Vec::len).sum::<usize>()).sum();
            assert!(cells <= reader.limits.cells, "{cells} cells");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if bytes.len() < 4096 {
        let again = reader.read(name, bytes);
        assert_eq!(found.as_ref().ok(), again.as_ref().ok(), "another reading of the same bytes");
    }
}

/// An input's name and bytes.
pub fn file(input: &[u8]) -> (&str, &[u8]) {
    let (name, bytes) = halves(input, b'\n');
    (str::from_utf8(name).unwrap_or("x"), bytes.unwrap_or_default())
}

/// So little that every limit is met.
fn tight() -> Limits {
    Limits {
        file_bytes: 2048,
        document_bytes: 200,
        json_bytes: 512,
        code_bytes: 512,
        cells: 12,
        notes: 3,
        entries: 4,
        inflated_bytes: 1500,
        ratio: 2,
        pages: 1,
    }
}
