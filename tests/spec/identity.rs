//! What is part of a job's identity and what is not.

use super::{other_values, read, spec};
use longlab::spec::identity::{Identity, LIBTORCH, Machine};
use longlab::spec::settings::{Compute, JudgedBy, Learn, Train, Worth};
use longlab::spec::{AepoMode, GateLevel, KEYS, Key, Kind, LossKind, Settings, World};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

fn machine() -> Machine {
    Machine { libtorch: "1".to_string(), cpu: "x".to_string() }
}

fn id(kind: Kind, settings: &Settings) -> String {
    Identity { kind, seed: 0, settings, base: None, data: None, machine: &machine() }.id()
}

/// The keys of which some other value gives another id, the rest of the settings being `from`.
fn acting(kind: Kind, from: &Settings) -> BTreeSet<&'static str> {
    let acts = |key: &&Key| {
        let changed = |value: &toml::Value| {
            let mut settings = from.clone();
            key.set(&mut settings, value).unwrap();
            settings != *from && id(kind, &settings) != id(kind, from)
        };
        other_values(key).iter().any(changed)
    };
    KEYS.iter().filter(acts).map(|key| key.path).collect()
}

/// All keys but those of `groups` and `keys`; both must name something.
fn all_but(groups: &[&str], keys: &[&str]) -> BTreeSet<&'static str> {
    let in_group = |path: &str, group: &&str| path.starts_with(&format!("{group}."));
    assert!(keys.iter().all(|path| Key::find(path).is_some()));
    assert!(groups.iter().all(|group| KEYS.iter().any(|key| in_group(key.path, group))));
    let out = |path: &str| keys.contains(&path) || groups.iter().any(|group| in_group(path, group));
    KEYS.iter().map(|key| key.path).filter(|path| !out(path)).collect()
}

/// Everything switched on, so that every key of an rl job acts.
fn all_on() -> Settings {
    let mut settings = Settings::default();
    settings.gate.level = GateLevel::Sequence;
    settings.aepo.mode = AepoMode::Latch;
    settings.lora.rank = 4;
    settings
}

/// Keys of self-play that act where `spell.learn` is not off.
const PLAY: [&str; 19] = [
    "spell.agree_high",
    "spell.agree_low",
    "spell.bad_share",
    "spell.centre",
    "spell.combine",
    "spell.documents",
    "spell.grounding",
    "spell.grounding_bar",
    "spell.malformed",
    "spell.memory",
    "spell.rounds",
    "spell.solved_high",
    "spell.solved_low",
    "spell.ties",
    "spell.ungrounded",
    "spell.verdicts",
    "spell.verifier_share",
    "spell.votes",
    "spell.width",
];

/// Keys that act only beside a switch, and how often a job is saved and where its judge is.
static IDLE: LazyLock<Vec<&str>> = LazyLock::new(|| [&LOSS[..], &PLAY, &["spell.worth"]].concat());

const LOSS: [&str; 13] = [
    "train.checkpoint_every",
    "gate.removal",
    "loss.clip_low",
    "loss.clip_high",
    "loss.dual_clip",
    "loss.cov_share",
    "loss.dro_beta",
    "loss.cov_coefficient",
    "loss.entropy_step",
    "loss.kl_estimator",
    "reward.judge_url",
    "reward.judge_model",
    "reward.judge_tokens",
];

#[test]
fn keys_act_beside_their_switch() {
    let acts = |change: &dyn Fn(&mut Settings)| {
        let mut settings = all_on();
        change(&mut settings);
        let usual = acting(Kind::Rl, &all_on());
        acting(Kind::Rl, &settings).difference(&usual).copied().collect::<Vec<&str>>()
    };
    let clip = ["loss.clip_high", "loss.clip_low"];
    assert_eq!(acts(&|settings| settings.loss.kind = LossKind::Gspo), clip);
    assert_eq!(acts(&|settings| settings.loss.kind = LossKind::PpoClip), [clip[0], clip[1], "loss.dual_clip"]);
    assert_eq!(acts(&|settings| settings.loss.kind = LossKind::ClipCov), [clip[0], clip[1], "loss.cov_share"]);
    assert_eq!(acts(&|settings| settings.loss.kind = LossKind::KlCov), ["loss.cov_coefficient", "loss.cov_share"]);
    assert_eq!(acts(&|settings| settings.loss.kind = LossKind::DppoKl), clip);
    assert_eq!(acts(&|settings| settings.loss.kind = LossKind::Dro), ["loss.dro_beta"]);
    assert!(acts(&|settings| settings.loss.kind = LossKind::Vespo).is_empty());
    assert_eq!(acts(&|settings| settings.loss.entropy_target = 0.1), ["loss.entropy_step"]);
    assert_eq!(acts(&|settings| settings.loss.kl = 0.1), ["loss.kl_estimator"]);
    assert_eq!(acts(&|settings| settings.gate.level = GateLevel::All), ["gate.removal"]);
    assert_eq!(acts(&|settings| settings.spell.learn = Learn::All), [&PLAY[..], &["spell.worth"]].concat());
    let judge = ["reward.judge_model", "reward.judge_tokens"];
    assert_eq!(acts(&|settings| settings.reward.judge = JudgedBy::Server), judge);
}

#[test]
fn the_bell_of_a_question_acts_with_the_bell() {
    let mut tent = all_on();
    (tent.spell.learn, tent.spell.worth) = (Learn::All, Worth::Tent);
    let acts = acting(Kind::Rl, &tent);
    assert!(!acts.contains("spell.centre") && !acts.contains("spell.width") && acts.contains("spell.votes"));
}

/// What a part of the game needs says nothing where that part is not played, or its role does not learn.
#[test]
fn keys_of_a_part_of_self_play_act_with_it() {
    let idle = |change: &dyn Fn(&mut Settings)| -> Vec<&str> {
        let mut settings = Settings::default();
        settings.spell.learn = Learn::All;
        let all = acting(Kind::Rl, &settings);
        change(&mut settings);
        let left = acting(Kind::Rl, &settings);
        all.into_iter().filter(|key| !left.contains(key)).collect()
    };
    let judging = ["spell.agree_high", "spell.agree_low", "spell.verdicts", "spell.verifier_share"];
    assert_eq!(idle(&|settings| settings.spell.learn = Learn::WithoutVerifier), judging);
    assert_eq!(idle(&|settings| settings.spell.learn = Learn::WithoutQuestioner), ["spell.bad_share"]);
    assert_eq!(idle(&|settings| settings.spell.grounding = 0), ["spell.grounding_bar", "spell.ungrounded"]);
    assert_eq!(idle(&|settings| settings.spell.memory = 0), ["spell.solved_high", "spell.solved_low"]);
    let mut voting = [&judging[..], &["spell.combine", "spell.ties"]].concat();
    voting.sort_unstable();
    assert_eq!(idle(&|settings| settings.spell.votes = 0), voting);
}

#[test]
fn all_keys_of_a_gated_job_act_but_how_often_it_is_saved() {
    assert_eq!(acting(Kind::Rl, &all_on()), all_but(&["model", "warm"], &IDLE));
}

#[test]
fn what_is_switched_off_does_not_act() {
    let off = [
        "gate.side",
        "gate.threshold",
        "aepo.low",
        "aepo.high",
        "aepo.removal",
        "aepo.lag",
        "lora.alpha",
        "lora.targets",
    ];
    assert_eq!(acting(Kind::Rl, &Settings::default()), all_but(&["model", "warm"], &[&IDLE[..], &off].concat()));
}

#[test]
fn the_lengths_of_an_empty_long_split_do_not_act() {
    let mut settings = all_on();
    settings.eval.long_items = 0;
    let off = ["eval.long_min", "eval.long_max"];
    assert_eq!(acting(Kind::Rl, &settings), all_but(&["model", "warm"], &[&IDLE[..], &off].concat()));
}

#[test]
fn without_a_scale_its_details_do_not_act() {
    let mut settings = all_on();
    settings.advantage.scale = longlab::spec::AdvantageScale::None;
    let off = ["advantage.epsilon", "advantage.ddof", "advantage.single"];
    assert_eq!(acting(Kind::Rl, &settings), all_but(&["model", "warm"], &[&IDLE[..], &off].concat()));
}

#[test]
fn without_a_step_only_evaluation_acts() {
    let mut settings = all_on();
    settings.train.steps = 0;
    let mut expected: BTreeSet<_> = KEYS.iter().map(|key| key.path).filter(|path| path.starts_with("eval.")).collect();
    expected.extend(["reward.judge", "train.steps", "train.threads", "train.compute", "data.world"]);
    assert_eq!(acting(Kind::Rl, &settings), expected);
}

#[test]
fn a_base_is_made_by_its_shape_data_and_warm_start() {
    let groups = ["sampler", "advantage", "loss", "entropy", "gate", "aepo", "data.mix", "spell"];
    let keys = [
        "model.base",
        "data.file",
        "warm.from",
        "data.samples",
        "train.steps",
        "train.rate",
        "train.checkpoint_every",
        "train.updates",
        "reward.judge_url",
        "lora.alpha",
        "reward.judge_model",
        "reward.judge_tokens",
        "lora.targets",
    ];
    assert_eq!(acting(Kind::Base, &Settings::default()), all_but(&groups, &keys));
}

#[test]
fn seed_kind_base_policy_and_machine_act() {
    let settings = Settings::default();
    let here = machine();
    let first = Identity { kind: Kind::Rl, seed: 0, settings: &settings, base: Some("b"), data: None, machine: &here };
    let torch = Machine { libtorch: "2".to_string(), ..machine() };
    let cpu = Machine { cpu: "y".to_string(), ..machine() };
    let others = [
        Identity { seed: 1, ..first.clone() },
        Identity { kind: Kind::Base, ..first.clone() },
        Identity { base: Some("c"), ..first.clone() },
        Identity { data: Some("d"), ..first.clone() },
        Identity { machine: &torch, ..first.clone() },
        Identity { machine: &cpu, ..first.clone() },
    ];
    let ids: BTreeSet<String> = others.iter().chain([&first]).map(Identity::id).collect();
    assert_eq!(ids.len(), 7);
}

/// The text that is hashed keeps its form: another order or spelling would run every job anew.
#[test]
fn the_canonical_text_keeps_its_form() {
    let (settings, here) = (Settings::default(), machine());
    let identity =
        Identity { kind: Kind::Rl, seed: 7, settings: &settings, base: Some("b\"b"), data: None, machine: &here };
    let text = identity.canonical();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value.to_string(), text, "no spaces, and floats and texts as serde_json writes them");
    let fields: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["version", "kind", "seed", "base", "libtorch", "cpu", "settings"]);
    assert_eq!((value["seed"].as_u64(), value["base"].as_str()), (Some(7), Some("b\"b")));
    let paths: Vec<&String> = value["settings"].as_object().unwrap().keys().collect();
    assert!(paths.is_sorted());
    let later = ["train.compute", "train.recompute", "warm.riddles", "warm.verdicts"];
    let late =
        |path: &&&String| path.starts_with("lora.") || path.starts_with("spell.") || later.contains(&path.as_str());
    assert_eq!(paths.iter().filter(late).count(), 0, "keys that came later say nothing at their defaults");
    let half = Settings { train: Train { compute: Compute::Bf16, ..Train::default() }, ..Settings::default() };
    assert!(Identity { settings: &half, ..identity.clone() }.canonical().contains("\"train.compute\":\"bf16\""));
    assert_eq!(identity.id(), blake3::hash(text.as_bytes()).to_hex()[..16]);
}

#[test]
fn the_pinned_libtorch_is_that_of_the_set_up() {
    let pins = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/setup/libtorch.txt")).unwrap();
    assert!(pins.lines().any(|line| line.starts_with(&format!("torch=={LIBTORCH} "))), "{LIBTORCH} is not in\n{pins}");
}

proptest! {
    /// Order, spelling and place of keys say nothing: 40 and 40.0, defaults written or left out, `[base]` or `[[variant]]`.
    #[test]
    fn spelling_is_no_part_of_an_identity(
        keys in prop::sample::subsequence((0..KEYS.len()).collect::<Vec<_>>(), 0..20).prop_shuffle(),
        in_base in any::<prop::sample::Index>(),
    ) {
        let default = Settings::default();
        let whole = |number: f64| number.fract() == 0.0;
        let line = |index: &usize| {
            let key: &Key = &KEYS[*index];
            let value = match key.get(&default) {
                toml::Value::Float(number) if whole(number) => format!("{}", number as i64),
                value => value.to_string(),
            };
            format!("\"{}\" = {value}\n", key.path)
        };
        let lines: Vec<String> = keys.iter().map(line).collect();
        let cut = if lines.is_empty() { 0 } else { in_base.index(lines.len() + 1) };
        // Bounds in a variant without a mode would switch AEPO on; a gate without a level is refused.
        let rest = format!("\"gate.level\" = \"none\"\n{}", lines[cut..].concat());
        let rest = if rest.contains("\"gate.level\" = \"none\"\n") && lines[cut..].iter().any(|l| l.contains("gate.level")) {
            lines[cut..].concat()
        } else {
            rest
        };
        let mode = if lines.iter().any(|line| line.contains("aepo.mode")) { "" } else { "\"aepo.mode\" = \"off\"\n" };
        let written = read(&spec(&format!("{mode}{}", lines[..cut].concat()), &rest));
        prop_assert_eq!(&written.variants[0].settings, &default);
        prop_assert_eq!(id(Kind::Rl, &written.variants[0].settings), id(Kind::Rl, &default));
    }
}

/// A key that came later leaves the identity of older jobs alone, and acts in training, in evaluation and in the warm start.
#[test]
fn the_world_acts_where_it_is_not_micro() {
    for kind in [Kind::Rl, Kind::Base] {
        let micro = Settings::default();
        let machine = machine();
        let text =
            |settings| Identity { kind, seed: 0, settings, base: None, data: None, machine: &machine }.canonical();
        assert!(!text(&micro).contains("data.world"));
        let mut english = micro.clone();
        english.data.world = World::English;
        assert!(text(&english).contains("\"data.world\":\"english\""));
    }
    let mut english = Settings::default();
    english.data.world = World::English;
    let warm: Vec<&str> = acting(Kind::Base, &english).into_iter().filter(|path| path.starts_with("warm.")).collect();
    let keys = ["detours", "hasty", "mistakes", "questions", "rate", "steps", "tokens", "warmup"];
    assert_eq!(warm, keys.map(|key| format!("warm.{key}")));
}

/// A dataset is there by its content; world and mix say nothing beside it.
#[test]
fn a_dataset_takes_the_place_of_world_and_mix() {
    let mut settings = all_on();
    settings.data.file = "a".into();
    let acts = acting(Kind::Rl, &settings);
    let usual = acting(Kind::Rl, &all_on());
    let gone: Vec<&str> = usual.difference(&acts).copied().collect();
    let mix = ["dialogue", "multi_hop", "multiple_choice", "numeric", "reading"].map(|task| format!("data.mix.{task}"));
    // Without a dataset the key acts as the switch of the others.
    assert_eq!(gone, [&["data.file".to_string()], &mix[..], &["data.world".to_string()]].concat());
    assert!(acts.is_subset(&usual));
    let machine = machine();
    let identity =
        Identity { kind: Kind::Rl, seed: 0, settings: &settings, base: None, data: Some("d"), machine: &machine };
    assert!(identity.canonical().contains("\"data\":\"d\"") && !identity.canonical().contains("data.file"));
}
