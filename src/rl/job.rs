//! A training job from start or checkpoint to its last step.

use super::checkpoint::{self, State};
use super::dataset;
use super::gates::Memory;
use super::judging::Asking;
use super::metrics::{Events, MetricsRow, StepLog, TimingRow};
use super::optimizer::AdamW;
use super::play::{self, GameRow};
use super::progress::{Event, Observer, Stopped};
use super::receipt::{self, Receipt, Receipts};
use super::record::Record;
use super::train::{Step, Trainer};
use super::warm::{self, Course, WarmRow};
use crate::data::{Sample, pool};
use crate::files;
use crate::lm::{Adapter, Beside, Config, Decoder, Tokenizer, build_wordpiece};
use crate::spec::Kind;
use crate::spec::settings::{Compute, Settings};
use crate::synth::Maker;
use crate::task::template;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// A policy with its tokenizer.
pub struct Policy {
    /// The model.
    pub model: Decoder,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Small files that a folder has beside them, by name: chat template, defaults of generation.
    beside: Vec<Beside>,
}

/// What transformers reads beside weights and tokenizer.
const BESIDE: [&str; 5] = [
    "tokenizer_config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
];

impl Policy {
    /// Reads a policy from a folder in Hugging Face layout.
    pub fn load(dir: &Path) -> Result<Policy> {
        let model = Decoder::load(dir).with_context(|| format!("loading the base policy {}", dir.display()))?;
        let tokenizer = Tokenizer::load(&dir.join("tokenizer.json"))?;
        let beside = BESIDE.iter().filter_map(|name| Some((*name, std::fs::read(dir.join(name)).ok()?))).collect();
        Ok(Policy { model, tokenizer, beside })
    }

    /// Reads a policy that a job of these settings trains: in their type of computation, with a fresh adapter where they ask for one.
    pub fn begin(dir: &Path, settings: &Settings, seed: u64) -> Result<Policy> {
        Policy::load(dir)?.prepared(settings, seed)
    }

    /// Reads the policy that a job of these settings begins from, as a reference that is not trained.
    pub fn reference(dir: &Path, settings: &Settings) -> Result<Policy> {
        let Policy { model, tokenizer, beside } = Policy::load(dir)?;
        Ok(Policy { model: model.computing_in(settings.train.compute.into()), tokenizer, beside })
    }

    fn prepared(self, settings: &Settings, seed: u64) -> Result<Policy> {
        let Policy { model, tokenizer, beside } = self;
        let (mut model, lora) = (model.computing_in(settings.train.compute.into()), &settings.lora);
        if lora.rank > 0 {
            let adapter = Adapter { rank: lora.rank, alpha: lora.alpha, targets: lora.targets.projections() };
            model = model.with_lora(&adapter, seed)?;
        }
        Ok(Policy { model, tokenizer, beside })
    }

    /// Writes the policy to a folder in Hugging Face layout, merged where it has an adapter. That one stands in `adapter/` besides, in
    /// PEFT's format, as one of the model `base`.
    pub fn save(&self, dir: &Path, base: &str) -> Result<()> {
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        self.model.save(dir)?;
        self.tokenizer.save(&dir.join("tokenizer.json"))?;
        for (name, bytes) in &self.beside {
            files::write_whole(&dir.join(name), bytes)
                .with_context(|| format!("writing {name} in {}", dir.display()))?;
        }
        if let Some(lora) = self.model.lora() {
            lora.save(&dir.join("adapter"), base)?;
        }
        Ok(())
    }
}

impl From<Compute> for tch::Kind {
    fn from(compute: Compute) -> tch::Kind {
        match compute {
            Compute::F32 => tch::Kind::Float,
            Compute::Bf16 => tch::Kind::BFloat16,
        }
    }
}

/// Where a training job keeps its files.
pub struct Places {
    /// `metrics.csv`.
    pub metrics: PathBuf,
    /// `timing.csv`.
    pub timing: PathBuf,
    /// TensorBoard folder.
    pub events: PathBuf,
    /// `checkpoint/`.
    pub checkpoint: PathBuf,
    /// `rollouts/`, one file a step.
    pub rollouts: PathBuf,
    /// `receipt.jsonl`.
    pub receipts: PathBuf,
    /// `judged/`: what a judge said.
    pub judged: PathBuf,
    /// `selfplay/`: the questions of self-play, one file a step.
    pub selfplay: PathBuf,
    /// `selfplay.csv`.
    pub game: PathBuf,
}

impl Places {
    /// The places inside a job directory.
    pub fn inside(dir: &Path) -> Places {
        Places {
            metrics: dir.join("metrics.csv"),
            timing: dir.join("timing.csv"),
            events: dir.join("tb"),
            checkpoint: dir.join("checkpoint"),
            rollouts: dir.join("rollouts"),
            receipts: dir.join("receipt.jsonl"),
            judged: dir.join("judged"),
            selfplay: dir.join("selfplay"),
            game: dir.join("selfplay.csv"),
        }
    }

    fn state(&self) -> PathBuf {
        self.checkpoint.join("state.safetensors")
    }
}

/// Opens the state a job stands at: its checkpoint, or the beginning.
fn stand(places: &Places, model: &Decoder, optimizer: &mut AdamW) -> Result<State> {
    std::fs::create_dir_all(&places.checkpoint).with_context(|| format!("making {}", places.checkpoint.display()))?;
    if places.state().exists() { checkpoint::load(&places.state(), model, optimizer) } else { Ok(State::default()) }
}

/// The samples that a job trains on: drawn in its world, or those of `data.file`; contexts in words are measured by the policy's tokenizer.
///
/// # Errors
/// Those of [`dataset::training`].
pub fn training_pool(settings: &Settings, tokenizer: &Tokenizer) -> Result<Vec<Sample>> {
    if let Some(file) = settings.data.dataset() {
        return dataset::training(Path::new(file), settings, tokenizer);
    }
    let maker = Maker { world: settings.data.world, tokenizer };
    let draw = |address, id, task, tokens| maker.sample(address, id, task, maker.flavour(task), tokens);
    Ok(pool::draw(&settings.data, draw))
}

/// Trains a policy by reinforcement learning for `train.steps` steps, going on from its checkpoint where there is one.
///
/// # Errors
/// [`Stopped`], with a checkpoint of the last step, when the observer asks to end; else what files and tensors say.
pub fn reinforce(
    settings: &Settings,
    seed: u64,
    policy: &Policy,
    places: &Places,
    observer: &mut dyn Observer,
) -> Result<()> {
    let train = &settings.train;
    std::fs::create_dir_all(&places.rollouts).with_context(|| format!("making {}", places.rollouts.display()))?;
    let pool = training_pool(settings, &policy.tokenizer)?;
    let trainer = Trainer::new(settings, seed, policy, &pool).with_reference_for(&[settings])?;
    let mut trainer = trainer.with_judge(&places.judged, Asking::Live)?;
    let state = stand(places, &policy.model, &mut trainer.optimizer)?;
    trainer.memory = state.memory;
    trainer.past = play::past(settings, places, state.step)?;
    let mut metrics = StepLog::open::<MetricsRow>(&places.metrics, state.step)?;
    let mut timing = StepLog::open::<TimingRow>(&places.timing, state.step)?;
    let first = || Receipt::first(settings, seed, receipt::weights(policy.model.parameters()));
    let mut receipts = Receipts::open(&places.receipts, state.step, first)?;
    let mut events = Events::open(&places.events, &places.metrics)?;
    let mut game = match play::is_on(settings) {
        true => Some(StepLog::open::<GameRow>(&places.game, state.step)?),
        false => None,
    };
    events.replay(&places.game);
    observer.on(&Event::Stage { name: "train".into(), done: state.step, total: train.steps })?;
    for step in state.step + 1..=train.steps {
        let Step { row, timing: seconds, record, decision, made, played } = trainer.step(step)?;
        record.save(&Record::path(&places.rollouts, step))?;
        receipts.push(Receipt::of(step, &record, &decision, row.loss, made, receipts.chain()))?;
        metrics.push(&row)?;
        timing.push(&seconds)?;
        events.push(&row);
        if let (Some(game), Some((lines, row))) = (&mut game, &played) {
            play::save(&places.selfplay, step, lines)?;
            game.push(row)?;
            events.push(row);
        }
        let stopping = observer.stopping();
        if step % train.checkpoint_every == 0 || step == train.steps || stopping {
            let state = State { step, updates: trainer.optimizer.updates, memory: trainer.memory, course: None };
            checkpoint::save(&places.state(), &policy.model, &trainer.optimizer, &state)?;
        }
        observer.on(&Event::Step {
            done: step,
            reward: Some(row.reward),
            entropy: Some(row.entropy),
            loss: Some(row.loss),
        })?;
        ensure!(!stopping || step == train.steps, Stopped);
    }
    Ok(())
}

/// The policy that a warm start begins from: the one of `warm.from`, else a fresh one of the shape that the spec asks for, with
/// the micro world's vocabulary.
pub fn fresh(settings: &Settings, seed: u64) -> Result<Policy> {
    if let Some(folder) = settings.begins_from(Kind::Base) {
        return Policy::begin(Path::new(folder), settings, seed);
    }
    let words = warm::vocabulary();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let tokenizer = build_wordpiece(&words, &template::SPECIALS)?;
    let shape = &settings.model;
    let config = Config {
        hidden_size: shape.width,
        intermediate_size: shape.ffn,
        num_hidden_layers: shape.layers,
        num_attention_heads: shape.heads,
        num_key_value_heads: shape.kv_heads,
        head_dim: shape.head_dim,
        rope_theta: shape.theta,
        ..Config::micro(tokenizer.vocab_size())
    };
    let beside = tokenizer.beside(template::END, template::PAD, "<unk>", config.max_position_embeddings);
    Policy { model: Decoder::init(config, seed)?, tokenizer, beside }.prepared(settings, seed)
}

/// Trains a fresh policy on traces for `warm.steps` steps, going on from its checkpoint where there is one.
pub fn warm_start(
    settings: &Settings,
    seed: u64,
    policy: &Policy,
    places: &Places,
    observer: &mut dyn Observer,
) -> Result<()> {
    let steps = settings.warm.steps;
    let mut optimizer = AdamW::new(policy.model.parameters(), &settings.train);
    let state = stand(places, &policy.model, &mut optimizer)?;
    let mut course = state.course.unwrap_or_else(|| Course::new(&settings.warm));
    let mut metrics = StepLog::open::<WarmRow>(&places.metrics, state.step)?;
    let mut events = Events::open(&places.events, &places.metrics)?;
    observer.on(&Event::Stage { name: "warm".into(), done: state.step, total: steps })?;
    for step in state.step + 1..=steps {
        let row = warm::step(settings, &policy.model, &policy.tokenizer, &mut optimizer, &mut course, seed, step)?;
        metrics.push(&row)?;
        events.push(&row);
        let stopping = observer.stopping();
        if step % settings.train.checkpoint_every == 0 || step == steps || stopping {
            let state = State { step, updates: optimizer.updates, memory: Memory::default(), course: Some(course) };
            checkpoint::save(&places.state(), &policy.model, &optimizer, &state)?;
        }
        observer.on(&Event::Step { done: step, reward: None, entropy: None, loss: Some(row.loss) })?;
        ensure!(!stopping || step == steps, Stopped);
    }
    Ok(())
}
