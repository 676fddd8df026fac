//! PDF files made here, read back.

use longlab_documents::{Fault, Limits, ReadError, Reader, Reading, Remark};
use lopdf::content::{Content, Operation};
use lopdf::{Document, Object, Stream, dictionary};

/// A file with one page for each list of operations.
pub fn file(pages: Vec<Vec<Operation>>, title: &str) -> Document {
    let mut pdf = Document::with_version("1.5");
    let tree = pdf.new_object_id();
    let font = pdf.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding",
        "FirstChar" => 0, "Widths" => vec![Object::Integer(600); 256],
    });
    let kids: Vec<Object> = pages
        .into_iter()
        .map(|operations| {
            let content = pdf.add_object(Stream::new(dictionary! {}, Content { operations }.encode().unwrap()));
            let page = pdf.add_object(dictionary! {
                "Type" => "Page", "Parent" => tree, "Contents" => content,
                "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
            });
            page.into()
        })
        .collect();
    let count = kids.len() as i64;
    pdf.objects.insert(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    let info = pdf.add_object(dictionary! { "Title" => Object::string_literal(title) });
    pdf.trailer.set("Root", catalog);
    pdf.trailer.set("Info", info);
    pdf
}

pub fn bytes(mut pdf: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    pdf.compress();
    pdf.save_to(&mut bytes).unwrap();
    bytes
}

fn operation(operator: &str, operands: Vec<Object>) -> Operation {
    Operation::new(operator, operands)
}

fn words(text: &str) -> Object {
    Object::string_literal(text)
}

/// Lines, each at its own place.
pub fn page(lines: &[&str]) -> Vec<Operation> {
    let mut operations = vec![operation("BT", vec![]), operation("Tf", vec!["F1".into(), 10.into()])];
    for (number, line) in lines.iter().enumerate() {
        operations.push(operation("Td", vec![0.into(), if number == 0 { 700.into() } else { (-12).into() }]));
        operations.push(operation("Tj", vec![words(line)]));
    }
    operations.push(operation("ET", vec![]));
    operations
}

fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    Reader::default().read("a.pdf", bytes)
}

#[test]
fn pages_are_sections_and_gaps_are_spaces_lines_and_paragraphs() {
    let mut first = page(&["The Rhine", "is long."]);
    first.truncate(first.len() - 1);
    first.extend([
        operation("Td", vec![0.into(), (-40).into()]),
        operation("TJ", vec![Object::Array(vec![words("Sp"), 20.into(), words("eed"), (-300).into(), words("of")])]),
        // 11 letters of 6 points each; the gap of 1 em is a space, no gap is none.
        operation("Td", vec![Object::Real(57.0), 0.into()]),
        operation("Tj", vec![words("wat")]),
        operation("Td", vec![18.into(), 0.into()]),
        operation("Tj", vec![words("er")]),
        operation("T*", vec![]),
        operation("'", vec![words("\u{fc}ber")]),
        operation("ET", vec![]),
    ]);
    let reading = read(&bytes(file(vec![first, page(&["Second"])], "Rivers"))).unwrap();
    let document = &reading.documents[0];
    document.check().unwrap();
    assert_eq!(document.title, "Rivers");
    assert!(document.text.starts_with("[page 1]\nThe Rhine\nis long.\n\nSpeed of water\n"), "{:?}", document.text);
    assert!(document.text.ends_with("[page 2]\nSecond\n"), "{:?}", document.text);
    assert_eq!(document.sections.iter().map(|s| s.title.as_str()).collect::<Vec<_>>(), ["page 1", "page 2"]);
}

#[test]
fn a_page_without_text_is_a_picture() {
    let pdf = file(vec![vec![operation("re", vec![0.into(), 0.into(), 5.into(), 5.into()])], vec![]], "");
    assert!(matches!(read(&bytes(pdf)).unwrap_err().fault, Fault::Scanned { pages: 2 }));
}

#[test]
fn an_encrypted_file_is_named() {
    use lopdf::{EncryptionState, EncryptionVersion, Permissions};
    let mut pdf = file(vec![page(&["secret"])], "");
    pdf.trailer.set("ID", vec![Object::string_literal("0123456789abcdef"), Object::string_literal("0123456789abcdef")]);
    let version = EncryptionVersion::V2 {
        document: &pdf,
        owner_password: "owner",
        user_password: "user",
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    pdf.encrypt(&state).unwrap();
    let mut encrypted = Vec::new();
    pdf.save_to(&mut encrypted).unwrap();
    assert!(matches!(read(&encrypted).unwrap_err().fault, Fault::Encrypted));
}

#[test]
fn pages_beyond_the_limit_are_counted() {
    let pdf = bytes(file(vec![page(&["one"]), page(&["two"]), page(&["three"])], ""));
    let reader = Reader { limits: Limits { pages: 2, ..Limits::default() }, ..Reader::default() };
    let reading = reader.read("a.pdf", &pdf).unwrap();
    assert_eq!(reading.remarks, [Remark::PagesCut { left_out: 1 }]);
    assert!(!reading.documents[0].text.contains("three"));
    assert_eq!(reading.documents[0].title, "a.pdf");
}

#[test]
fn what_inflates_beyond_the_limit_is_left_out() {
    let long = "x".repeat(200_000);
    let pdf = bytes(file(vec![page(&["short"]), page(&[&long])], ""));
    let reader = Reader { limits: Limits { inflated_bytes: 100_000, ..Limits::default() }, ..Reader::default() };
    let reading = reader.read("a.pdf", &pdf).unwrap();
    assert_eq!(reading.remarks, [Remark::PagesCut { left_out: 1 }]);
}

#[test]
fn cut_files_are_damaged() {
    let whole = bytes(file(vec![page(&["The Rhine is long."])], "Rivers"));
    for length in [9, 50, 200, whole.len() / 2] {
        // What the format lets be recovered may be read; nothing else is said.
        if let Err(error) = read(&whole[..length]) {
            assert!(matches!(error.fault, Fault::Damaged { .. } | Fault::Scanned { .. }), "{error}");
        }
    }
    assert!(matches!(read(b"%PDF-1.7 and nothing else").unwrap_err().fault, Fault::Damaged { .. }));
}

/// A file of one page, whose font's table of texts is this, drawing so many letters A.
fn with_table(table: &str, letters: usize) -> Vec<u8> {
    let mut pdf = file(vec![page(&[&"A".repeat(letters)])], "");
    let stream = Stream::new(dictionary! {}, table.as_bytes().to_vec());
    let table = pdf.add_object(stream);
    for object in pdf.objects.values_mut() {
        if let Ok(font) = object.as_dict_mut()
            && font.has_type(b"Font")
        {
            font.set("ToUnicode", table);
        }
    }
    bytes(pdf)
}

fn table(inside: &str) -> String {
    format!(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) \
         /Supplement 0 >> def\n/CMapName /X def\n/CMapType 2 def\n1 begincodespacerange\n<00> <ff>\nendcodespacerange\n{inside}\n\
         endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    )
}

#[test]
fn a_table_says_what_codes_mean() {
    let reading = read(&with_table(&table("1 beginbfchar\n<41> <00d6>\nendbfchar"), 3)).unwrap();
    assert_eq!(reading.documents[0].text, "[page 1]\nÖÖÖ\n");
}

/// The library would list 16 million codes one by one; of four bytes there are 4,000 million.
#[test]
fn a_table_of_millions_of_codes_is_not_believed() {
    let inside = "1 beginbfchar\n<41> <00d6>\nendbfchar\n1 beginbfrange\n<00000000> <00ffffff> <0041>\nendbfrange";
    let error = read(&with_table(&table(inside), 3)).unwrap_err();
    assert!(matches!(error.fault, Fault::Scanned { pages: 1 }), "{error}");
}

/// Each letter stands for 256: a page of 100 KB would draw 25 MB.
#[test]
fn text_that_grows_out_of_its_codes_is_bounded() {
    let inside = format!("1 beginbfchar\n<41> <{}>\nendbfchar", "0078".repeat(256));
    let pdf = with_table(&table(&inside), 100_000);
    let reader = Reader { limits: Limits { inflated_bytes: 1 << 20, ..Limits::default() }, ..Reader::default() };
    let error = reader.read("a.pdf", &pdf).unwrap_err();
    assert!(matches!(error.fault, Fault::Damaged { .. }), "{error}");
}
