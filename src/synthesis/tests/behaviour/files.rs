//! A corpus with every bad file there is, read by the crate's own readers: all of it named and counted, nothing fatal, nothing of the good files lost.

use crate::world::{World, bytes, prose, report};
use flate2::{Compression, write::GzEncoder};
use longlab_documents::Hash;
use longlab_synthesis::corpus::Corpus;
use longlab_synthesis::verify::verify;
use longlab_synthesis::{Options, Silent, Spec, Standard, Summary, run};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

fn spec(world: &World, out: &str) -> Spec {
    let mut spec = world.spec(out, "");
    // A gigabyte and its limits, scaled down.
    spec.corpus.limits.file_bytes = 2 << 20;
    spec.corpus.limits.document_bytes = 500_000;
    spec.corpus.limits.json_bytes = 20_000;
    spec
}

fn made(spec: &Spec, threads: usize) -> Summary {
    let standard = Standard::new(spec).unwrap();
    run(spec, &Options { threads: Some(threads), again: false }, &standard.tools(), &mut Silent).unwrap()
}

/// Essays, and reports whose cells hold SQL.
fn good(world: &World) {
    for number in 0..12 {
        world.file(&format!("good/essay {number}.txt"), &prose(40 + number, 60));
        let report = report(number).replace("glass", "x'; DROP TABLE facts; --").replace("iron", "=1+1\" OR \"\"=\"");
        let rows = report.lines().enumerate().map(|(at, line)| match line.contains('|') {
            true if line.starts_with("Name|") => format!("\n| {} |\n|---|---|---|---|---|\n", line.replace('|', " | ")),
            true => format!("| {} |\n", line.replace('|', " | ")),
            false => format!("{line}{}\n", if at == 0 { "" } else { " " }),
        });
        world.file(&format!("good/report {number}.md"), &rows.collect::<String>());
    }
}

fn bomb() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let chapter = vec![b'a'; 8 << 20];
    let parts: [(&str, &[u8]); 3] = [
        ("META-INF/container.xml", br#"<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>"#),
        (
            "p.opf",
            br#"<package><manifest><item id="1" href="1.xhtml" media-type="application/xhtml+xml"/></manifest>
                <spine><itemref idref="1"/></spine></package>"#,
        ),
        ("1.xhtml", &chapter),
    ];
    zip.start_file("mimetype", stored).unwrap();
    zip.write_all(b"application/epub+zip").unwrap();
    for (name, bytes) in parts {
        zip.start_file(name, packed).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bad files; gives what becomes of each that is left out.
fn bad(world: &World) -> Vec<(&'static str, usize)> {
    let folder = world.path("corpus/bad");
    fs::create_dir_all(&folder).unwrap();
    let line: String = prose(900, 40_000).replace('\n', " ");
    let json = format!("{{\"text\": \"{}\"}}\n", &line[..100_000]);
    let nested = gzip(&gzip(&vec![b'a'; 8 << 20]));
    let files: [(&str, &[u8]); 12] = [
        ("latin.txt", b"Die Donau flie\xdft durch Gr\xfcnau, und der Rhein flie\xdft durch Basel.\n"),
        ("binary.txt", b"\x00\x01\x02\x03\x00\x00"),
        ("letters.txt", b"\xff\xfe\x00\xd8A\0\x00\xd8"),
        ("bomb.epub", &bomb()),
        ("bomb.txt.gz", &gzip(&vec![b'a'; 8 << 20])),
        ("nested.gz.gz", &nested),
        ("half.txt.gz", &gzip(line.as_bytes())[..60]),
        ("line.txt", line.as_bytes()),
        ("line.jsonl", json.as_bytes()),
        ("torn.json", b"{\"a\": [1, 2"),
        ("empty.txt", b" \n"),
        ("picture.png", b"\x89PNG\r\n"),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    fs::write(folder.join(OsStr::from_bytes(b"name \xff.txt")), prose(950, 20)).unwrap();
    symlink(&folder, folder.join("cycle")).unwrap();
    symlink(folder.join("nowhere"), folder.join("broken link")).unwrap();
    symlink("/etc/passwd", folder.join("outside.txt")).unwrap();
    UnixListener::bind(world.path("corpus/bad/socket")).unwrap();
    let deep = (0..70).fold(folder, |path, _| path.join("d"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("deep.txt"), prose(960, 20)).unwrap();
    vec![
        ("too short", 1),
        ("unread: bomb", 2),
        ("unread: binary", 2),
        ("unread: damaged", 2),
        ("unread: too large", 1),
        ("unread: empty", 1),
        ("unread: unread format", 1),
        ("link", 3),
        ("neither file nor folder", 1),
        ("folder too deep", 1),
    ]
}

fn hashes(folder: &Path) -> BTreeSet<Hash> {
    Corpus::open(folder).unwrap().entries().iter().map(|entry| entry.hash.clone()).collect()
}

/// The folder of the corpus stage.
fn corpus(world: &World, out: &str) -> BTreeSet<Hash> {
    let stages = fs::read_dir(world.path(out).join("stages")).unwrap().map(|entry| entry.unwrap().path());
    let folder = stages.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("corpus-"));
    hashes(&folder.unwrap())
}

#[test]
fn every_bad_file_is_named_and_counted_and_nothing_is_lost() {
    let world = World::empty();
    good(&world);
    made(&spec(&world, "clean"), 2);
    let reasons = bad(&world);
    let soiled = made(&spec(&world, "soiled"), 2);
    let counts = soiled.funnel.counts("corpus").unwrap();
    for (reason, count) in &reasons {
        assert_eq!(counts.dropped.get(*reason), Some(count), "{reason}: {counts:#?}");
    }
    assert_eq!(counts.dropped(), reasons.iter().map(|(_, count)| count).sum::<usize>(), "{counts:#?}");
    assert_eq!(counts.taken, counts.kept + counts.dropped());
    for remark in ["file taken for latin1", "file letters lost", "file file cut", "file split"] {
        assert_eq!(counts.remarks.get(remark), Some(&1), "{counts:#?}");
    }
    let (before, after) = (corpus(&world, "clean"), corpus(&world, "soiled"));
    assert!(before.len() == 24 && before.is_subset(&after));
    // What can be read of the bad files is there too: Latin letters, a name that is no UTF-8, the parts of the line.
    assert!(after.len() >= 24 + 2 + 4, "{}", after.len());
    let report = verify(&soiled.folder, Some(&world.path("tokenizer.json"))).unwrap();
    assert!(report.is_sound() && report.items >= 10, "{:#?}", report.findings);
    assert!(soiled.funnel.counts("table").unwrap().kept > 0, "{}", soiled.funnel.markdown());
    let again = made(&spec(&world, "again"), 5);
    assert!(bytes(&soiled.folder) == bytes(&again.folder));
}
