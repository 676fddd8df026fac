//! Checks that need more than one key, or other files.

mod play;

use super::choice::{AepoMode, GateLevel, Kind, Scale, World};
use super::error::{SpecError, Spot};
use super::file::{Draft, Place, inside};
use super::layer::Layer;
use super::level::Bound;
use super::settings::Settings;
use super::suggest::nearest;
use crate::shards::{ShardsError, weight_files};
use std::collections::BTreeSet;
use std::path::Path;

/// Folder of the published tables, relative to the working directory.
const PAPER: &str = "experiments/paper";

/// Refuses a name that could not be the name of a file.
pub(super) fn file_name(spot: &Spot<'_>, noun: &str, name: &str) -> Result<(), SpecError> {
    let most = if noun == "cell" { 200 } else { 100 };
    let bad = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let why = match name.chars().find(|c| bad(*c)) {
        Some(c) => format!("it contains {c:?}"),
        None if name.starts_with(['.', '-']) => "it starts with a dot or a dash".to_string(),
        None if name.trim() != name => "it starts or ends with a space".to_string(),
        None if name.len() > most => format!("it is {} bytes long, {most} are allowed", name.len()),
        None => return Ok(()),
    };
    let help = match noun {
        "cell" => "cells are named by their variant and their labels; write shorter labels = [...] for the axes",
        _ => "results and reports are stored under it; take letters, digits, spaces, `-`, `_`, `+`",
    };
    Err(spot.error(format!("the {noun} name {name:?} cannot be a file name: {why}"), help))
}

/// Refuses a name of an axis or of one of its values that could not stand in the name of a cell.
pub(super) fn label(spot: &Spot<'_>, noun: &str, name: &str) -> Result<(), SpecError> {
    let bad = |c: char| c.is_control() || "/\\:*?\"<>|,=".contains(c);
    let why = match name.chars().find(|c| bad(*c)) {
        Some(c) => format!("it contains {c:?}"),
        None if name.trim() != name => "it starts or ends with a space".to_string(),
        None if name.len() > 60 => format!("it is {} bytes long, 60 are allowed", name.len()),
        None => return Ok(()),
    };
    let help = match noun {
        "label" => "cells are named by it; write labels = [...], one plain word for each value",
        _ => "cells are named by it; take letters, digits, spaces, `-`, `_`, `+`",
    };
    Err(spot.error(format!("the {noun} {name:?} cannot name a cell: {why}"), help))
}

/// A contradiction between keys: the keys, what is wrong, and the mend.
struct Clash {
    keys: &'static [&'static str],
    message: String,
    help: &'static str,
}

/// Checks that need more than one key; `cell` is the name of the cell where axes made it, `name` the place of its variant.
pub(super) fn layer(layer: &Layer<'_>, kind: Kind, name: &Spot<'_>, cell: Option<&str>) -> Result<(), SpecError> {
    let settings = &layer.settings;
    let shape = if kind == Kind::Base { shape(settings) } else { None };
    let clash = bounds(settings).or_else(|| lengths(settings)).or_else(|| mix(settings));
    let clash = clash.or_else(|| dataset(settings, kind)).or_else(|| english(settings, kind));
    let clash = clash.or_else(|| play::clash(settings)).or(shape);
    match clash.or_else(|| idle(layer)) {
        None => Ok(()),
        Some(Clash { keys, message, help }) => {
            let spot = layer.spot_of(keys).unwrap_or(name.clone());
            Err(match cell {
                None => spot.error(message, help),
                Some(cell) => {
                    spot.error(format!("{message}, in the cell `{cell}`"), format!("{help}; or [[exclude]] the cell"))
                }
            })
        }
    }
}

/// The low bound of AEPO must not lie above the high one. A factor and a number of nats can only be compared in training.
fn bounds(settings: &Settings) -> Option<Clash> {
    let (low, high) = (settings.aepo.low, settings.aepo.high);
    let crossed = match (low, high) {
        (Bound::Times(low), Bound::Times(high)) | (Bound::Nats(low), Bound::Nats(high)) => low > high,
        _ => false,
    };
    crossed.then(|| Clash {
        keys: &["aepo.low", "aepo.high"],
        message: format!("aepo.low ({low}) lies above aepo.high ({high})"),
        help: "the latch takes negative gradient away above aepo.high and gives it back below aepo.low",
    })
}

fn lengths(settings: &Settings) -> Option<Clash> {
    let (data, eval) = (&settings.data, &settings.eval);
    let spans: [(&'static [&'static str], usize, usize); 3] = [
        (&["data.min_tokens", "data.max_tokens"], data.min_tokens, data.max_tokens),
        (&["eval.min_tokens", "eval.max_tokens"], eval.min_tokens, eval.max_tokens),
        (&["eval.long_min", "eval.long_max"], eval.long_min, eval.long_max),
    ];
    spans.into_iter().find(|(_, least, most)| least > most).map(|(keys, least, most)| Clash {
        keys,
        message: format!("{} ({least}) is greater than {} ({most})", keys[0], keys[1]),
        help: "raise the greatest length or lower the least one",
    })
}

fn mix(settings: &Settings) -> Option<Clash> {
    let mix = &settings.data.mix;
    let sum = mix.multiple_choice + mix.multi_hop + mix.reading + mix.dialogue + mix.numeric;
    (sum <= 0.0).then(|| Clash {
        keys: &[
            "data.mix.multiple_choice",
            "data.mix.multi_hop",
            "data.mix.reading",
            "data.mix.dialogue",
            "data.mix.numeric",
        ],
        message: "all shares of data.mix are 0: the pool would be empty".to_string(),
        help: "give at least one task type a share above 0",
    })
}

/// A dataset is trained on by reinforcement learning alone.
fn dataset(settings: &Settings, kind: Kind) -> Option<Clash> {
    (kind == Kind::Base && settings.data.dataset().is_some()).then(|| Clash {
        keys: &["data.file"],
        message: "data.file is set in an experiment of kind `base`, whose warm start learns traces of a world"
            .to_string(),
        help: "leave it out here, and set it in the experiment that goes on from the base policy",
    })
}

/// Shortest English context, tokens: what must be said in it is that long; and the longest, for there is no more to say.
const ENGLISH_TOKENS: (usize, usize) = (250, 4000);

/// What the English world asks for.
fn english(settings: &Settings, kind: Kind) -> Option<Clash> {
    let (data, eval) = (&settings.data, &settings.eval);
    if data.world != World::English || data.dataset().is_some() {
        return None;
    }
    if kind == Kind::Base && settings.begins_from(kind).is_none() {
        return Some(Clash {
            keys: &["data.world", "warm.from"],
            message: "data.world is `english` and warm.from is `scratch`: nobody learns English from the warm start"
                .to_string(),
            help: "set warm.from to the folder of a policy that was pretrained on text (docs/smol.md)",
        });
    }
    let (least, most) = ENGLISH_TOKENS;
    let lengths: [(&'static [&'static str], usize); 6] = [
        (&["data.min_tokens"], data.min_tokens),
        (&["data.max_tokens"], data.max_tokens),
        (&["eval.min_tokens"], eval.min_tokens),
        (&["eval.max_tokens"], eval.max_tokens),
        (&["eval.long_min"], eval.long_min),
        (&["eval.long_max"], eval.long_max),
    ];
    // The lengths of an empty long split say nothing.
    let used = if eval.long_items > 0 { 6 } else { 4 };
    let outside = lengths.into_iter().take(used).find(|(_, tokens)| !(least..=most).contains(tokens));
    outside.map(|(keys, tokens)| Clash {
        keys,
        message: format!(
            "{} is {tokens} and data.world is `english`, whose documents have {least} to {most} tokens",
            keys[0]
        ),
        help: "choose a length between them",
    })
}

/// The shape of a model that is built from scratch.
fn shape(settings: &Settings) -> Option<Clash> {
    let model = &settings.model;
    if !model.heads.is_multiple_of(model.kv_heads) {
        return Some(Clash {
            keys: &["model.kv_heads", "model.heads"],
            message: format!("model.kv_heads ({}) does not divide model.heads ({})", model.kv_heads, model.heads),
            help: "each key/value head serves the same number of query heads",
        });
    }
    if !model.head_dim.is_multiple_of(2) {
        return Some(Clash {
            keys: &["model.head_dim"],
            message: format!("model.head_dim ({}) is odd", model.head_dim),
            help: "rotary embeddings turn pairs of numbers; take an even width",
        });
    }
    warm_lengths(settings)
}

fn warm_lengths(settings: &Settings) -> Option<Clash> {
    let (warm, most) = (&settings.warm, settings.data.max_tokens);
    if warm.start_tokens > most {
        return Some(Clash {
            keys: &["warm.start_tokens", "data.max_tokens"],
            message: format!("warm.start_tokens ({}) is greater than data.max_tokens ({most})", warm.start_tokens),
            help: "contexts grow from warm.start_tokens to data.max_tokens",
        });
    }
    (warm.long_share > 0.0 && warm.long_tokens < most).then(|| Clash {
        keys: &["warm.long_tokens", "data.max_tokens"],
        message: format!("warm.long_tokens ({}) is less than data.max_tokens ({most})", warm.long_tokens),
        help: "long contexts are drawn from data.max_tokens to warm.long_tokens; raise it or set warm.long_share to 0",
    })
}

/// A variant that sets a part of a gate without switching it on or off would silently be plain GRPO.
fn idle(layer: &Layer<'_>) -> Option<Clash> {
    let settings = &layer.settings;
    let own = |keys: &[&str]| keys.iter().any(|key| layer.own.contains_key(key));
    let unset = |key: &str| !layer.set.contains_key(key);
    if unset("gate.level") && settings.gate.level == GateLevel::None && own(&["gate.side", "gate.threshold"]) {
        return Some(Clash {
            keys: &["gate.threshold", "gate.side"],
            message: "the gate is set but `gate.level` is not, so nothing would be clipped".to_string(),
            help: "add \"gate.level\" = \"token\" or \"sequence\" (or \"none\", to say that it is meant)",
        });
    }
    if unset("aepo.mode") && settings.aepo.mode == AepoMode::Off && own(&["aepo.low", "aepo.high"]) {
        return Some(Clash {
            keys: &["aepo.low", "aepo.high"],
            message: "the bounds of AEPO are swept but `aepo.mode` is not set, so they would do nothing".to_string(),
            help: "add \"aepo.mode\" = \"latch\" to the variant, or when = { \"aepo.mode\" = \"latch\" } to the axis",
        });
    }
    let switched = own(&["aepo.low", "aepo.high"]) || !unset("aepo.mode");
    (!switched && own(&["aepo.removal", "aepo.lag"])).then(|| Clash {
        keys: &["aepo.removal", "aepo.lag"],
        message: "AEPO is set but `aepo.mode` is not, so it would do nothing".to_string(),
        help: "add \"aepo.mode\" = \"latch\" (or \"off\", to say that it is meant); an axis takes when = { ... }",
    })
}

/// Checks everything that needs other files, which are named relative to `root`.
pub(super) fn files(draft: &Draft<'_>, root: &Path) -> Result<(), SpecError> {
    let experiment = &draft.experiment;
    // The cells of a grid mostly share one base policy.
    let (mut seen, mut datasets) = (BTreeSet::new(), BTreeSet::new());
    for (variant, place) in experiment.variants.iter().zip(&draft.variants) {
        if let Some(folder) = variant.settings.begins_from(experiment.kind)
            && seen.insert(folder)
        {
            base_policy(folder, place, experiment.scale, root)?;
        }
        if let Some(file) = variant.settings.data.dataset()
            && datasets.insert(file)
        {
            dataset_files(file, place, root)?;
        }
    }
    published(draft, root)?;
    for (figure, spot) in experiment.figures.iter().zip(&draft.figures) {
        exists(spot, "figure", &root.join(PAPER).join("figures"), &figure.file)?;
    }
    Ok(())
}

fn base_policy(base: &str, place: &Place<'_>, scale: Scale, root: &Path) -> Result<(), SpecError> {
    let spot = place.base.as_ref().unwrap_or(&place.name);
    if !inside(base) {
        let help = "it is relative to the working directory; put the policy, or a link to it, into the project";
        return Err(spot.error(format!("the base policy `{base}` lies outside the project"), help));
    }
    let folder = root.join(base);
    let lacks = |name: &str| (!folder.join(name).is_file()).then(|| format!("{name} is missing"));
    let weights = || match weight_files(&folder) {
        Ok(_) => None,
        Err(ShardsError::NoModel { .. }) => Some("model.safetensors is missing".to_string()),
        Err(error) => Some(error.to_string()),
    };
    let Some(cause) = lacks("config.json").or_else(weights).or_else(|| lacks("tokenizer.json")) else {
        return Ok(());
    };
    let message = format!("there is no base policy in `{base}`: {cause}");
    let published = |name: &str| format!("get it with `ln -s \"$(./lab fetch Qwen/{name})\" models/{name}`");
    let first = match scale {
        Scale::Micro => "build one with `./lab run experiments/micro/base.toml`".to_string(),
        Scale::Smol => "build one with `./lab run experiments/smol/base.toml` (docs/smol.md says how)".to_string(),
        Scale::B4 => published("Qwen3-4B-Thinking-2507"),
        Scale::B30 => published("Qwen3-30B-A3B-Thinking-2507"),
    };
    let help = format!("{first}, or set `model.base` to a folder that has one (relative to the working directory)");
    Err(spot.error(message, help))
}

fn dataset_files(file: &str, place: &Place<'_>, root: &Path) -> Result<(), SpecError> {
    let spot = place.data.as_ref().unwrap_or(&place.name);
    if !inside(file) {
        let help = "it is relative to the working directory; put the dataset, or a link to it, into the project";
        return Err(spot.error(format!("the dataset `{file}` lies outside the project"), help));
    }
    let help =
        "make one with `longlab synth` (docs/synthesis.md), or name its folder relative to the working directory";
    match longlab_synthesis::dataset::files(&root.join(file), None) {
        Ok(_) => Ok(()),
        Err(error) => Err(spot.error(format!("there is no dataset in `{file}`: {error}"), help)),
    }
}

/// The published table must be there, and so must the rows of it that variants name.
fn published(draft: &Draft<'_>, root: &Path) -> Result<(), SpecError> {
    let (Some(table), Some(spot)) = (&draft.experiment.paper, &draft.paper) else {
        return Ok(());
    };
    let (folder, file) = (root.join(PAPER), format!("{table}.csv"));
    exists(spot, "published table", &folder, &file)?;
    let unreadable = |error| spot.error(format!("cannot read {PAPER}/{file}: {error}"), "mend that file");
    let rows = rows_of(&folder.join(&file)).map_err(unreadable)?;
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    for (variant, place) in draft.experiment.variants.iter().zip(&draft.variants) {
        if let Some(spot) = &place.row
            && !rows.contains(&variant.paper_row.as_str())
        {
            let message = format!("{PAPER}/{file} has no row `{}`", variant.paper_row);
            return Err(spot.unknown(message, nearest(&variant.paper_row, rows.iter().copied()), &rows));
        }
    }
    Ok(())
}

fn rows_of(path: &Path) -> Result<Vec<String>, csv::Error> {
    let mut reader = csv::Reader::from_path(path)?;
    let first = |row: Result<csv::StringRecord, csv::Error>| row.map(|row| row.get(0).unwrap_or_default().to_string());
    reader.records().map(first).collect()
}

/// Refuses a file that is not in `folder`, and offers the nearest that is.
fn exists(spot: &Spot<'_>, noun: &str, folder: &Path, file: &str) -> Result<(), SpecError> {
    if folder.join(file).is_file() {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".csv"));
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = format!("there is no {noun} {}", folder.join(file).display());
    Err(spot.unknown(message, nearest(file, names.iter().copied()), &names))
}
