//! What a base policy can do before reinforcement learning: reward, pass@k and entropy a task type, under training conditions.

use crate::data::Sample;
use crate::rl::job::Policy;
use crate::rl::rollout::{Drawing, Group, roll_out, sampling};
use crate::spec::settings::Settings;
use crate::synth::Maker;
use crate::task::{Status, TaskType, World};
use anyhow::{Context, Result};
use longlab_kernels::stream::{Address, Purpose};
use std::path::Path;

/// Samples a task type. A pretrained policy takes a hundred times as long for each.
fn samples(world: World) -> u64 {
    match world {
        World::Micro => 128,
        World::English => 32,
    }
}

/// What the probe found for one task type.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// Task type.
    pub task: TaskType,
    /// Mean reward, 0..1.
    pub reward: f64,
    /// Share of samples of which the best of `train.group` rollouts scores at least one half.
    pub pass: f64,
    /// Mean token entropy at the sampling temperature, nats.
    pub entropy: f64,
    /// Mean response length, tokens.
    pub tokens: f64,
    /// Share of truncated responses.
    pub truncated: f64,
}

/// Probes a policy on fresh samples of every task type.
pub fn probe(settings: &Settings, seed: u64, policy: &Policy) -> Result<Vec<Probe>> {
    TaskType::ALL.into_iter().map(|task| probe_task(settings, seed, policy, task)).collect()
}

fn probe_task(settings: &Settings, seed: u64, policy: &Policy, task: TaskType) -> Result<Probe> {
    let (rollout, data) = (&settings.rollout, &settings.data);
    let address = Address::new(data.seed, Purpose::Probe).step(task.index() as u32);
    let maker = Maker { world: data.world, tokenizer: &policy.tokenizer };
    let (flavour, tokens) = (maker.flavour(task), (data.min_tokens, data.max_tokens));
    let samples: Vec<Sample> =
        (0..samples(data.world)).map(|id| maker.sample(address, id, task, flavour, tokens)).collect();
    let drawing = Drawing {
        sampling: sampling(&policy.tokenizer, rollout.temperature, rollout.top_p, rollout.max_tokens)?,
        rows: settings.train.group,
        side_by_side: settings.train.prompts,
    };
    let samples: Vec<&Sample> = samples.iter().collect();
    let draws = Address::new(seed, Purpose::Rollout).step(u32::MAX - task.index() as u32);
    Ok(summary(task, &roll_out(&policy.model, &policy.tokenizer, &samples, &drawing, draws)?))
}

fn summary(task: TaskType, groups: &[Group]) -> Probe {
    let count = groups.iter().map(|group| group.rollouts.len()).sum::<usize>().max(1) as f64;
    let sum = |value: &dyn Fn(&crate::rl::rollout::Rollout) -> f64| {
        groups.iter().flat_map(|group| &group.rollouts).map(value).sum::<f64>() / count
    };
    let passed = groups.iter().filter(|group| group.rollouts.iter().any(|r| r.graded.score >= 0.5)).count();
    Probe {
        task,
        reward: sum(&|r| r.graded.score),
        pass: passed as f64 / groups.len().max(1) as f64,
        entropy: sum(&|r| {
            let entropies = &r.response.entropies;
            entropies.iter().map(|&e| f64::from(e)).sum::<f64>() / entropies.len().max(1) as f64
        }),
        tokens: sum(&|r| r.response.tokens.len() as f64),
        truncated: sum(&|r| f64::from(u8::from(r.graded.status == Status::Truncated))),
    }
}

/// Writes `probe.csv`.
pub fn write(path: &Path, probes: &[Probe]) -> Result<()> {
    let mut text = String::from("task,reward,pass_at_k,entropy,response_tokens,truncated\n");
    for Probe { task, reward, pass, entropy, tokens, truncated } in probes {
        text.push_str(&format!("{task},{reward:.4},{pass:.4},{entropy:.4},{tokens:.2},{truncated:.4}\n"));
    }
    crate::files::write_whole(path, text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}
