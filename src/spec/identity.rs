//! Job identity: a hash of everything that can change the result of a job, and of nothing else.

use super::choice::{AdvantageScale, AepoMode, GateLevel, Kind, LossKind, World, Worth};
use super::error::SpecError;
use super::key::Key;
use super::settings::{KEYS, Settings, Spell};
use crate::shards::{ShardsError, weight_files};
use serde_json::{Map, Value, json};
use std::io;
use std::path::Path;
use std::sync::LazyLock;

/// Part of every identity. Add one when a change of an algorithm alters results: all jobs are then run anew.
pub const RESULTS_VERSION: u32 = 3;

/// The pinned version of libtorch (setup/libtorch.txt; a test compares them): its bits differ between versions.
pub const LIBTORCH: &str = "2.13.0";

/// What of a machine changes bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Version of libtorch.
    pub libtorch: String,
    /// Vendor, family and model of the CPU: libtorch and MKL choose their code by it.
    pub cpu: String,
}

impl Machine {
    /// The machine that this process runs on.
    pub fn here() -> Self {
        // Not on Linux, or in a container without /proc: the architecture is all that can be told.
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Machine { libtorch: LIBTORCH.to_string(), cpu: cpu_of(&info) }
    }
}

/// The kind of CPU in a text in the form of /proc/cpuinfo.
///
/// ```
/// use longlab::spec::identity::cpu_of;
/// let info = "processor : 0\nvendor_id : AuthenticAMD\ncpu family : 26\nmodel : 2\nmodel name : AMD EPYC\ncpu MHz : 4000\n";
/// assert_eq!(cpu_of(info), format!("{} AuthenticAMD 26 2", std::env::consts::ARCH));
/// ```
pub fn cpu_of(info: &str) -> String {
    let names = ["vendor_id", "cpu family", "model", "CPU implementer", "CPU part"];
    let mut words = vec![std::env::consts::ARCH.to_string()];
    for name in names {
        let mut pairs = info.lines().filter_map(|line| line.split_once(':'));
        words.extend(pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_string()));
    }
    words.join(" ")
}

/// What identifies a job.
#[derive(Clone, Debug)]
pub struct Identity<'a> {
    /// What the job makes.
    pub kind: Kind,
    /// Its seed.
    pub seed: u64,
    /// Its settings.
    pub settings: &'a Settings,
    /// Hash of the content of the base policy ([`base_hash`]); none for kind base.
    pub base: Option<&'a str>,
    /// Hash of the content of the dataset of `data.file` ([`data_hash`]); none where there is none.
    pub data: Option<&'a str>,
    /// Where it runs.
    pub machine: &'a Machine,
}

impl Identity<'_> {
    /// The id: the first 16 hexadecimal digits of BLAKE3 over [`Identity::canonical`].
    pub fn id(&self) -> String {
        blake3::hash(self.canonical().as_bytes()).to_hex()[..16].to_string()
    }

    /// Everything that the id stands for, as JSON in one fixed form.
    pub fn canonical(&self) -> String {
        let (before, after) = self.around_seed();
        format!("{before}{}{after}", self.seed)
    }

    /// The ids of this job under each of `seeds`: what is before and after the seed is written once.
    pub(super) fn ids(&self, seeds: &[u64]) -> Vec<String> {
        let (before, after) = self.around_seed();
        let id = |seed: &u64| blake3::hash(format!("{before}{seed}{after}").as_bytes()).to_hex()[..16].to_string();
        seeds.iter().map(id).collect()
    }

    /// The text before and after the seed.
    fn around_seed(&self) -> (String, String) {
        let (version, kind) = (RESULTS_VERSION, self.kind.name());
        let mut rest = json!({
            "base": self.base,
            "libtorch": self.machine.libtorch,
            "cpu": self.machine.cpu,
            "settings": acting(self.kind, self.settings),
        });
        if let Some(data) = self.data {
            rest["data"] = json!(data);
        }
        let rest = rest.to_string();
        (format!("{{\"version\":{version},\"kind\":\"{kind}\",\"seed\":"), format!(",{}", &rest[1..]))
    }
}

/// Whether two jobs of a kind that begin from the same policy and seed are one job.
pub(super) fn same(kind: Kind, one: &Settings, other: &Settings) -> bool {
    one.begins_from(kind) == other.begins_from(kind) && acting(kind, one) == acting(kind, other)
}

/// The keys that can change the result of a job, with their values.
fn acting(kind: Kind, settings: &Settings) -> Map<String, Value> {
    let acts = |path: &str| {
        acts_later(path, settings)
            && match kind {
                Kind::Rl => acts_in_rl(path, settings),
                Kind::Base => acts_in_base(path, settings),
            }
    };
    let acting = SORTED.iter().filter(|key| acts(key.path));
    acting.map(|key| (key.path.to_string(), json(&key.get(settings)))).collect()
}

/// All keys by their paths, so that the order of the declaration is no part of an identity.
static SORTED: LazyLock<Vec<&'static Key>> = LazyLock::new(|| {
    let mut keys: Vec<&'static Key> = KEYS.iter().collect();
    keys.sort_by_key(|key| key.path);
    keys
});

/// Settings hold numbers in one type a key, so 40 and 40.0 have become the same long before this.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}

/// Keys that came after the first results: at their defaults they change nothing, and are no part of an identity, so that jobs keep
/// theirs.
fn acts_later(path: &str, settings: &Settings) -> bool {
    let settled = Settings::default();
    match path {
        "data.world" => settings.data.dataset().is_none() && settings.data.world != settled.data.world,
        "data.file" => settings.data.dataset().is_some(),
        "train.compute" => settings.train.compute != settled.train.compute,
        "train.recompute" => settings.train.recompute != settled.train.recompute,
        "reward.judge" | "reward.judge_model" | "reward.judge_tokens" => settings.reward.judge != settled.reward.judge,
        "reward.judge_url" => false,
        "warm.riddles" => settings.warm.riddles > 0,
        "warm.verdicts" => settings.warm.verdicts > 0,
        _ if group(path) == "spell" => settings.spell.learn.is_on(),
        "lora.rank" | "lora.alpha" | "lora.targets" => settings.lora.rank > 0,
        _ => true,
    }
}

/// Whether a key says nothing in these settings that was not said before there was such a key.
pub fn is_silent(path: &str, settings: &Settings) -> bool {
    !acts_later(path, settings)
}

fn group(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

fn acts_in_rl(path: &str, settings: &Settings) -> bool {
    match (group(path), path) {
        // The dataset is there by its content, and has a mix of its own.
        (_, "data.file") => false,
        ("data", _) if path.starts_with("data.mix.") && settings.data.dataset().is_some() => false,
        // The base policy is there by its content; its path and the shape of others say nothing.
        ("model" | "warm", _) => false,
        ("eval", _) => acts_in_eval(path, settings),
        // A judge has the last word in the evaluation too.
        ("reward", _) => true,
        (_, "train.steps" | "train.threads" | "train.compute" | "data.world") => true,
        // Nothing is trained: only the evaluation of the base policy is left.
        _ if settings.train.steps == 0 => false,
        (_, "gate.level" | "aepo.mode" | "advantage.scale" | "advantage.centre") => true,
        (_, "gate.removal") => settings.gate.level == GateLevel::All,
        ("gate", _) => matches!(settings.gate.level, GateLevel::Token | GateLevel::Sequence),
        ("loss", _) => acts_in_loss(path, settings),
        ("aepo", _) => settings.aepo.mode != AepoMode::Off,
        ("advantage", _) => settings.advantage.scale != AdvantageScale::None,
        ("spell", _) => acts_in_play(path, &settings.spell),
        _ => path != "train.checkpoint_every",
    }
}

fn acts_in_play(path: &str, spell: &Spell) -> bool {
    match path {
        "spell.centre" | "spell.width" => spell.worth == Worth::Gaussian,
        "spell.solved_low" | "spell.solved_high" => spell.memory > 0,
        "spell.grounding_bar" | "spell.ungrounded" => spell.grounding > 0,
        "spell.ties" | "spell.combine" => spell.votes > 0,
        "spell.verdicts" | "spell.agree_low" | "spell.agree_high" | "spell.verifier_share" => {
            spell.votes > 0 && spell.learn.verifier()
        }
        "spell.bad_share" => spell.learn.questioner(),
        _ => true,
    }
}

fn acts_in_loss(path: &str, settings: &Settings) -> bool {
    let loss = &settings.loss;
    let clips = [
        LossKind::PpoClip,
        LossKind::Gspo,
        LossKind::GspoToken,
        LossKind::Gmpo,
        LossKind::Cispo,
        LossKind::ClipCov,
        LossKind::DppoTv,
        LossKind::DppoKl,
    ];
    match path {
        "loss.clip_low" | "loss.clip_high" => clips.contains(&loss.kind),
        "loss.dual_clip" => loss.kind == LossKind::PpoClip,
        "loss.cov_share" => [LossKind::ClipCov, LossKind::KlCov].contains(&loss.kind),
        "loss.cov_coefficient" => loss.kind == LossKind::KlCov,
        "loss.dro_beta" => loss.kind == LossKind::Dro,
        "loss.entropy_step" => loss.entropy_target > 0.0,
        "loss.kl_estimator" => loss.kl > 0.0,
        _ => true,
    }
}

/// The warm start, then the evaluation and the probe, which rolls out under training conditions.
fn acts_in_base(path: &str, settings: &Settings) -> bool {
    match (group(path), path) {
        ("sampler" | "advantage" | "loss" | "entropy" | "gate" | "aepo" | "spell", _) => false,
        ("eval", _) => acts_in_eval(path, settings),
        // No pool is drawn, and the warm start has steps and a rate of its own.
        (
            _,
            "data.samples"
            | "train.steps"
            | "train.rate"
            | "train.updates"
            | "train.checkpoint_every"
            | "model.base"
            | "data.file"
            | "warm.from",
        ) => false,
        // Contexts do not grow, and nothing but traces is learned.
        (
            "warm",
            "warm.echo" | "warm.sums" | "warm.start_tokens" | "warm.mastery" | "warm.patience" | "warm.growth"
            | "warm.long_share" | "warm.long_tokens" | "warm.drills" | "warm.riddles" | "warm.verdicts",
        ) if settings.data.world == World::English => false,
        (_, "warm.echo") => settings.warm.echo > 0,
        (_, "warm.sums") => settings.warm.sums > 0,
        (_, "warm.long_tokens") => settings.warm.long_share > 0.0,
        _ => !path.starts_with("data.mix."),
    }
}

fn acts_in_eval(path: &str, settings: &Settings) -> bool {
    settings.eval.long_items > 0 || !["eval.long_min", "eval.long_max"].contains(&path)
}

/// The files of a base policy, all of them part of the identity: shape, weights (one file, or an index and its shards), tokenizer. Weights are
/// known to exist, the others are not.
fn base_files(folder: &Path) -> Result<Vec<String>, ShardsError> {
    let weights = weight_files(folder)?;
    Ok(["config.json".to_owned()].into_iter().chain(weights).chain(["tokenizer.json".to_owned()]).collect())
}

/// A hash over the content of the files of a base policy.
pub fn base_hash(folder: &Path) -> Result<String, SpecError> {
    let unusable = |path: &Path, cause| SpecError::Base { path: path.to_owned(), cause };
    let mut whole = blake3::Hasher::new();
    for name in base_files(folder).map_err(|error| unusable(folder, io::Error::other(error)))? {
        let path = folder.join(name);
        let hash = file_hash(&path).map_err(|cause| unusable(&path, cause))?;
        // A hash a file, of fixed length: content cannot move from one file to the next unseen.
        whole.update(hash.as_bytes());
    }
    Ok(whole.finalize().to_hex().to_string())
}

/// A hash over the content of a dataset, and over the layouts of prompts that it is written in.
pub fn data_hash(path: &Path) -> Result<String, SpecError> {
    let unusable = |cause: String| SpecError::Data { path: path.to_path_buf(), cause };
    let mut whole = blake3::Hasher::new();
    whole.update(longlab_synthesis::prompt::layouts().as_bytes());
    for file in longlab_synthesis::dataset::files(path, None).map_err(|error| unusable(error.to_string()))? {
        whole.update(file_hash(&file).map_err(|error| unusable(error.to_string()))?.as_bytes());
    }
    Ok(whole.finalize().to_hex().to_string())
}

fn file_hash(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize())
}
