use crate::{Fault, Limits, ReadError, Reader, Reading, Remark};
use std::io::{Cursor, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

const CONTAINER: &str = r#"<container><rootfiles><rootfile full-path="OPS/p.opf"/></rootfiles></container>"#;
const PACKAGE: &str = r#"<package><metadata><dc:title>Rivers</dc:title></metadata><manifest>
    <item id="1" href="1.xhtml" media-type="application/xhtml+xml"/>
    <item id="2" href="2.xhtml" media-type="application/xhtml+xml"/></manifest>
    <spine><itemref idref="2"/><itemref idref="1"/></spine></package>"#;

fn book(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("mimetype", stored).unwrap();
    zip.write_all(b"application/epub+zip").unwrap();
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in entries {
        zip.start_file(*name, packed).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn read(bytes: &[u8], limits: Limits) -> Result<Reading, ReadError> {
    Reader { limits, ..Reader::default() }.read("a.epub", bytes)
}

#[test]
fn chapters_stand_in_the_order_of_the_spine() {
    let bytes = book(&[
        ("META-INF/container.xml", CONTAINER.as_bytes()),
        ("OPS/p.opf", PACKAGE.as_bytes()),
        ("OPS/1.xhtml", b"<html><head><title/></head><body><h1>Two</h1><p>See <a href='x'>it</a>.</p></body></html>"),
        ("OPS/2.xhtml", b"<html><head><script src='x'/></head><body><h1>One</h1><p>text</p></body></html>"),
    ]);
    let reading = read(&bytes, Limits::default()).unwrap();
    let document = &reading.documents[0];
    document.check().unwrap();
    assert_eq!(document.text, "One\n\ntext\n\nTwo\n\nSee it.\n");
    assert_eq!((document.title.as_str(), document.sections.len(), document.links.len()), ("Rivers", 2, 1));
    // The content tells an EPUB whatever its name.
    assert_eq!(Reader::default().read("download", &bytes).unwrap().format, crate::Format::Epub);
}

#[test]
fn a_lost_chapter_is_counted_and_a_lost_book_named() {
    let parts: [(&str, &[u8]); 3] = [
        ("META-INF/container.xml", CONTAINER.as_bytes()),
        ("OPS/p.opf", PACKAGE.as_bytes()),
        ("OPS/1.xhtml", b"<p>text</p>"),
    ];
    assert_eq!(read(&book(&parts), Limits::default()).unwrap().remarks, [Remark::ChaptersLost { left_out: 1 }]);
    for count in 0..3 {
        let error = read(&book(&parts[..count]), Limits::default()).unwrap_err();
        assert!(matches!(error.fault, Fault::Damaged { .. }), "{error}");
    }
    let whole = book(&parts);
    for length in [0, 10, 60, whole.len() / 2, whole.len() - 1] {
        assert!(read(&whole[..length], Limits::default()).is_err());
    }
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![b'a'; 4 << 20];
    let parts: [(&str, &[u8]); 4] = [
        ("META-INF/container.xml", CONTAINER.as_bytes()),
        ("OPS/p.opf", PACKAGE.as_bytes()),
        ("OPS/1.xhtml", b"<p>text</p>"),
        ("OPS/2.xhtml", &zeros),
    ];
    let fault = |limits| read(&book(&parts), limits).unwrap_err().fault;
    assert!(matches!(fault(Limits::default()), Fault::Bomb { key: "ratio", .. }));
    let small = Limits { ratio: 10_000, inflated_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(fault(small), Fault::Bomb { key: "inflated_bytes", .. }));
    assert!(matches!(fault(Limits { entries: 3, ..Limits::default() }), Fault::Entries { entries: 5, limit: 3 }));
}
