//! Folders: order, what is left out and why, links, threads.

use longlab_documents::{Corpus, Limits, Reader, Skip, Tally, Walk};
use std::fs;
use std::path::Path;

fn outcomes(root: &Path, walk: Walk, reader: Reader) -> Vec<(String, String)> {
    let name = |skip: Skip| skip.name().to_owned();
    let short = |outcome: longlab_documents::Outcome| {
        (outcome.source, outcome.result.map_or_else(name, |reading| reading.format.name().to_owned()))
    };
    Corpus::open(root, walk, reader).unwrap().map(short).collect()
}

fn write(root: &Path, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn is(found: Vec<(String, String)>, expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = found.iter().map(|(source, what)| (source.as_str(), what.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn files_come_in_order_and_nothing_is_left_out_in_silence() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        &[
            ("b/z.md", b"# Z"),
            ("b/a.txt", b"text"),
            ("a.py", b"x = 1"),
            ("README", b"text too"),
            ("data.bin", b"\x00\x01"),
            ("logo.png", b"\x89PNG"),
            ("empty.txt", b""),
            (".git/config", b"hidden"),
            ("node_modules/x/index.js", b"x()"),
            ("damaged.json", b"{"),
        ],
    );
    is(
        outcomes(root.path(), Walk::default(), Reader::default()),
        &[
            (".git", "hidden"),
            ("README", "text"),
            ("a.py", "python"),
            ("b/a.txt", "text"),
            ("b/z.md", "markdown"),
            ("damaged.json", "damaged"),
            ("data.bin", "binary"),
            ("empty.txt", "empty"),
            ("logo.png", "unread_format"),
            ("node_modules", "vendored"),
        ],
    );
    let mut tally = Tally::default();
    Corpus::open(root.path(), Walk::default(), Reader::default()).unwrap().for_each(|outcome| tally.add(&outcome));
    assert_eq!((tally.files, tally.documents, tally.skipped.values().sum::<usize>()), (4, 4, 6));
    assert_eq!(tally.kinds["code"], 1);
}

#[cfg(unix)]
#[test]
fn links_are_left_out_or_followed_once() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), &[("o.txt", b"outside")]);
    write(root.path(), &[("a/x.txt", b"text")]);
    symlink(root.path(), root.path().join("a/loop")).unwrap();
    symlink(outside.path(), root.path().join("b")).unwrap();
    symlink(outside.path(), root.path().join("c")).unwrap();
    symlink(root.path().join("nowhere"), root.path().join("d")).unwrap();
    is(
        outcomes(root.path(), Walk::default(), Reader::default()),
        &[("a/loop", "link"), ("a/x.txt", "text"), ("b", "link"), ("c", "link"), ("d", "link")],
    );
    let follow = Walk { follow_links: true, ..Walk::default() };
    is(
        outcomes(root.path(), follow, Reader::default()),
        &[("a/loop", "cycle"), ("a/x.txt", "text"), ("b/o.txt", "text"), ("c", "again"), ("d", "unlisted")],
    );
}

#[cfg(unix)]
#[test]
fn many_ways_to_the_same_folder_are_walked_once() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    // Sixty levels of two links each: 2^60 ways to the last file.
    for level in 0..60 {
        fs::create_dir(root.path().join(format!("d{level:02}"))).unwrap();
    }
    for level in 0..59 {
        let next = root.path().join(format!("d{:02}", level + 1));
        for name in ["l", "r"] {
            symlink(&next, root.path().join(format!("d{level:02}/{name}"))).unwrap();
        }
    }
    write(root.path(), &[("d59/x.txt", b"text")]);
    let follow = Walk { follow_links: true, ..Walk::default() };
    let found = outcomes(root.path(), follow, Reader::default());
    assert_eq!(found.iter().filter(|(_, what)| what == "text").count(), 1);
    assert!(found.len() < 300, "{}", found.len());
}

#[test]
fn the_number_of_threads_and_the_size_of_batches_change_nothing() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..60 {
        write(root.path(), &[(&format!("f{number:02}.md"), format!("# Title {number}\n\n[a](b{number})").as_bytes())]);
    }
    let read = |threads: usize, batch_bytes: u64| {
        let walk = Walk { batch_bytes, ..Walk::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let documents = || -> Vec<_> {
            let corpus = Corpus::open(root.path(), walk.clone(), Reader::default()).unwrap();
            corpus.flat_map(|outcome| outcome.result.unwrap().documents).collect()
        };
        pool.install(documents)
    };
    let one = read(1, 1);
    assert_eq!(one.len(), 60);
    assert_eq!(one, read(4, 1 << 20));
}

#[test]
fn limits_and_compressed_files() {
    use std::io::Write;
    let root = tempfile::tempdir().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(b"<h1>Packed</h1>").unwrap();
    write(
        root.path(),
        &[
            ("page.html.gz", &packed.finish().unwrap()),
            ("broken.txt.gz", b"\x1f\x8b\x08broken"),
            ("big.txt", &[b'a'; 900]),
        ],
    );
    let walk = Walk { largest: 500, depth: 0, ..Walk::default() };
    write(root.path(), &[("deep/x.txt", b"text")]);
    is(
        outcomes(root.path(), walk, Reader::default()),
        &[("big.txt", "huge"), ("broken.txt.gz", "damaged"), ("deep", "deep"), ("page.html.gz", "html")],
    );
    let small = Reader { limits: Limits { file_bytes: 100, ..Limits::default() }, ..Reader::default() };
    let outcome = Corpus::open(&root.path().join("big.txt"), Walk::default(), small).unwrap().next().unwrap();
    assert_eq!((outcome.source.as_str(), outcome.result.unwrap().documents[0].text.len()), ("big.txt", 100));
}
