//! Presets: what a scale swaps, and that scale micro swaps nothing.

use super::read;
use longlab::spec::{KEYS, Key, Scale, Settings, load_at, parse};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The keys that a preset writes, and the settings that it makes of the defaults.
fn preset(scale: Scale) -> (BTreeSet<String>, Settings) {
    let path = root().join(format!("experiments/scales/{}.toml", scale.name()));
    let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
    let mut settings = Settings::default();
    for (path, value) in &table {
        let key = Key::find(path).unwrap_or_else(|| panic!("{scale}: {path} is no key; write it dotted and in quotes"));
        key.set(&mut settings, value).unwrap_or_else(|error| panic!("{scale}: {error}"));
    }
    (table.keys().cloned().collect(), settings)
}

#[test]
fn scale_micro_is_the_defaults() {
    assert_eq!(preset(Scale::Micro).1, Settings::default());
}

/// A key that one preset forgot would keep the value of another scale.
#[test]
fn all_presets_write_the_same_keys() {
    for scale in Scale::ALL {
        assert_eq!(preset(*scale).0, preset(Scale::Micro).0, "{scale}");
    }
}

#[test]
fn the_scale_of_the_file_chooses_the_preset_and_the_file_has_the_last_word() {
    let text = "[experiment]\nname = \"a\"\nseeds = [0]\nscale = \"4b\"\n[base]\n\"train.prompts\" = 64\n[[variant]]\nname = \"A\"\n";
    let experiment = read(text);
    let mut expected = preset(Scale::B4).1;
    expected.train.prompts = 64;
    assert_eq!(experiment.variants[0].settings, expected);
    assert_eq!(experiment.grid.notes, ["`train.prompts` is 64 (demo.toml:6), and 128 in the preset of scale 4b"]);
    assert_eq!((expected.train.rate, expected.rollout.max_tokens), (2e-6, 12_000));
}

/// `--scale` swaps the preset and nothing else, and gives the experiment a name of its own.
#[test]
fn another_scale_swaps_the_keys_of_the_preset_only() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("a.toml");
    let text = "[experiment]\nname = \"a\"\nkind = \"base\"\nseeds = [0]\n[base]\n\"train.steps\" = 7\n[[variant]]\nname = \"A\"\n";
    std::fs::write(&spec, text).unwrap();
    // At scale smol a base policy is not made from scratch.
    let pretrained = folder.path().join("models/smol");
    std::fs::create_dir_all(&pretrained).unwrap();
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::write(pretrained.join(file), "").unwrap();
    }
    let load = |scale| load_at(&spec, folder.path(), scale).unwrap_or_else(|error| panic!("{error}"));
    let (own, same, smol) = (load(None), load(Some(Scale::Micro)), load(Some(Scale::Smol)));
    assert_eq!(own, same);
    assert_eq!((smol.name.as_str(), smol.scale), ("a-smol", Scale::Smol));
    let (written, expected) = preset(Scale::Smol);
    for key in KEYS {
        let [now, was] = [&smol, &own].map(|experiment| key.get(&experiment.variants[0].settings));
        let wanted = if written.contains(key.path) { key.get(&expected) } else { was };
        assert_eq!(now, wanted, "{}", key.path);
    }
    assert_eq!(smol.variants[0].settings.train.steps, 7);
}

/// A project may have presets of its own; a mistake in one is shown in it.
#[test]
fn the_presets_of_the_project_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("a.toml");
    std::fs::write(&spec, "[experiment]\nname = \"a\"\nkind = \"base\"\nseeds = [0]\n[[variant]]\nname = \"A\"\n")
        .unwrap();
    std::fs::create_dir_all(folder.path().join("experiments/scales")).unwrap();
    let own = folder.path().join("experiments/scales/smol.toml");
    std::fs::write(&own, "\"train.prompts\" = 3\n").unwrap();
    let experiment = load_at(&spec, folder.path(), Some(Scale::Smol)).unwrap();
    assert_eq!(experiment.variants[0].settings.train.prompts, 3);
    std::fs::write(&own, "\"train.prompt\" = 3\n").unwrap();
    let error = load_at(&spec, folder.path(), Some(Scale::Smol)).unwrap_err().to_string();
    assert!(error.contains("smol.toml:1:1") && error.contains("did you mean `train.prompts`?"), "{error}");
    load_at(&spec, folder.path(), None).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_resolved_text_keeps_its_settings_under_its_scale() {
    let text =
        "[experiment]\nname = \"a\"\nseeds = [0]\nscale = \"30b\"\n[[variant]]\nname = \"A\"\n\"train.steps\" = 203\n";
    let experiment = read(text);
    let again = parse(&experiment.resolved(), Path::new("resolved.toml")).unwrap();
    assert_eq!((again.scale, &again.variants), (Scale::B30, &experiment.variants));
}
