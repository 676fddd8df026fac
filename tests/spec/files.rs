//! Experiments and the files they name.

use super::{mistake, read, spec};
use longlab::spec::identity::Machine;
use longlab::spec::{SpecError, load, load_in};
use std::path::Path;
use tempfile::TempDir;

/// A folder with a base policy, a published table and an experiment file.
struct Room {
    dir: TempDir,
}

impl Room {
    fn new(text: &str) -> Room {
        let room = Room { dir: tempfile::tempdir().unwrap() };
        for file in ["config.json", "model.safetensors", "tokenizer.json"] {
            room.put(&format!("experiments/micro/base/{file}"), file);
        }
        room.put("experiments/paper/table5.csv", "variant,avg\nGRPO,56.07\nAEPO,59.36\n");
        room.put("experiments/paper/figures/fig8b_entropy.csv", "step,grpo\n1,0.1\n");
        room.put("demo.toml", text);
        room
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.dir.path().join(path)).unwrap();
    }

    fn load(&self) -> Result<longlab::spec::Experiment, SpecError> {
        load_in(&self.dir.path().join("demo.toml"), self.dir.path())
    }

    #[track_caller]
    fn refused(&self, place: (usize, usize), message: &str, help: &str) {
        match self.load() {
            Err(SpecError::Mistake(mistake)) => {
                assert!(mistake.message.contains(message), "{mistake}");
                assert!(mistake.help.clone().unwrap_or_default().contains(help), "{mistake}");
                assert_eq!((mistake.line, mistake.column), place, "{mistake}");
            }
            other => panic!("expected a mistake, got {other:?}"),
        }
    }
}

fn machine() -> Machine {
    Machine { libtorch: "1".to_string(), cpu: "x".to_string() }
}

#[test]
fn missing_and_unreadable_files() {
    let error = load(Path::new("no/such/file.toml")).unwrap_err().to_string();
    assert!(error.contains("no/such/file.toml") && error.contains("quickstart.toml"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("folder"), "{error}");
    let path = dir.path().join("latin.toml");
    std::fs::write(&path, b"# caf\xe9\n").unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn missing_base_policy() {
    let room = Room::new(&spec("", ""));
    room.load().unwrap_or_else(|error| panic!("{error}"));
    room.remove("experiments/micro/base/tokenizer.json");
    room.refused((9, 8), "`experiments/micro/base`: tokenizer.json is missing", "experiments/micro/base.toml");
    // Weights may lie in shards, all of which are needed.
    let shards = Room::new(&spec("", ""));
    let base = "experiments/micro/base";
    shards.remove(&format!("{base}/model.safetensors"));
    shards.refused((9, 8), "model.safetensors is missing", "experiments/micro/base.toml");
    shards.put(
        &format!("{base}/model.safetensors.index.json"),
        r#"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#,
    );
    shards.put(&format!("{base}/1.safetensors"), "");
    shards.refused((9, 8), "2.safetensors", "experiments/micro/base.toml");
    shards.put(&format!("{base}/2.safetensors"), "b");
    let hash = |room: &Room| {
        room.load().unwrap_or_else(|error| panic!("{error}")).jobs_in(room.dir.path(), &machine()).unwrap()[0]
            .id
            .clone()
    };
    let first = hash(&shards);
    shards.put(&format!("{base}/2.safetensors"), "c");
    assert_ne!(hash(&shards), first);
    let elsewhere = Room::new(&spec("\"model.base\" = \"no/where\"", ""));
    elsewhere.refused((6, 16), "there is no base policy in `no/where`: config.json is missing", "model.base");
    // Each scale has its own way to a base.
    for (scale, help) in [
        ("smol", "experiments/smol/base.toml"),
        ("4b", "./lab fetch Qwen/Qwen3-4B-Thinking-2507"),
        ("30b", "./lab fetch Qwen/Qwen3-30B-A3B-Thinking-2507"),
    ] {
        let text = spec("\"model.base\" = \"no/where\"", "").replace("seeds", &format!("scale = \"{scale}\"\nseeds"));
        Room::new(&text).refused((7, 16), "there is no base policy in `no/where`", help);
    }
    // A base that is built from scratch needs none.
    let text = spec("\"model.base\" = \"no/where\"", "").replace("seeds", "kind = \"base\"\nseeds");
    Room::new(&text).load().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn published_tables_rows_and_curves() {
    let with =
        |paper: &str, rest: &str| Room::new(&spec("", rest).replace("seeds", &format!("paper = \"{paper}\"\nseeds")));
    // A variant of our own needs no published row; one that names a row needs it.
    with("table5", "").load().unwrap_or_else(|error| panic!("{error}"));
    with("table5", "paper = \"AEPO\"").load().unwrap_or_else(|error| panic!("{error}"));
    with("table5", "paper = \"AEP\"").refused((11, 9), "experiments/paper/table5.csv has no row `AEP`", "`AEPO`");
    with("table6", "").refused((3, 9), "there is no published table", "did you mean `table5.csv`?");
    let figure =
        |file: &str| Room::new(&spec("", &format!("[[figure]]\ntitle = \"t\"\nunit = \"nats\"\nfile = \"{file}\"")));
    figure("fig8b_entropy.csv").load().unwrap_or_else(|error| panic!("{error}"));
    figure("fig8_entropy.csv").refused((13, 8), "there is no figure", "did you mean `fig8b_entropy.csv`?");
}

/// The path of a base policy is no part of an identity, each byte of its files is.
#[test]
fn the_content_of_the_base_policy_is_part_of_the_id() {
    let text = spec("", "");
    let room = Room::new(&text);
    let id = |text: &str| read(text).jobs_in(room.dir.path(), &machine()).unwrap()[0].id.clone();
    let first = id(&text);
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        room.put(&format!("copy/{file}"), file);
    }
    let copy = spec("\"model.base\" = \"copy\"", "");
    assert_eq!(id(&copy), first);
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        room.put(&format!("copy/{file}"), "changed");
        assert_ne!(id(&copy), first, "{file}");
        room.put(&format!("copy/{file}"), file);
    }
    room.remove("copy/config.json");
    let error = read(&copy).jobs_in(room.dir.path(), &machine()).unwrap_err().to_string();
    assert!(error.contains("copy/config.json"), "{error}");
}

/// A file from Windows: the place is right, and the line ends are not part of the message.
#[test]
fn line_ends_of_windows() {
    let mistake = mistake(&spec("\"train.stepz\" = 40", "").replace('\n', "\r\n"));
    assert_eq!((mistake.line, mistake.column), (6, 1));
    assert!(!mistake.to_string().contains('\r'));
}
