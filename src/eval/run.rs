//! Evaluates a policy on every suite.

use super::outcomes::{Outcome, Outcomes};
use super::suite::{Split, Suite};
use crate::data::Sample;
use crate::rl::dataset;
use crate::rl::job::Policy;
use crate::rl::judging::{Asking, Judging};
use crate::rl::progress::{Event, Observer, Stopped};
use crate::rl::rollout::{Drawing, roll_out, sampling};
use crate::spec::settings::{Eval, Settings};
use crate::synth::Maker;
use anyhow::{Result, ensure};
use longlab_kernels::stream::{Address, Purpose};
use std::path::Path;

/// Prompts decoded side by side; long contexts fewer, for their caches are large.
fn side_by_side(split: Split) -> usize {
    match split {
        Split::Main => 20,
        Split::Long => 5,
    }
}

/// Evaluates on all suites of both splits and writes `outcomes.csv`; goes on where an interrupted evaluation stopped.
/// Answers are drawn at the job's seed, items at `eval.seed`.
pub fn evaluate(
    settings: &Settings,
    seed: u64,
    policy: &Policy,
    dir: &Path,
    observer: &mut dyn Observer,
) -> Result<()> {
    let eval = &settings.eval;
    let maker = Maker { world: settings.data.world, tokenizer: &policy.tokenizer };
    if dir.join("outcomes.csv").exists() {
        return Ok(());
    }
    let mut outcomes = Outcomes::open(dir)?;
    let judging = Judging::open(&settings.reward, &dir.join("judged"), Asking::Live)?;
    let splits: &[Split] = if eval.long_items == 0 { &[Split::Main] } else { &[Split::Main, Split::Long] };
    let lengths: Vec<_> = splits.iter().map(|split| split.wanted(eval).1).collect();
    let asked = dataset::testing(settings, &lengths, &policy.tokenizer)?;
    let total = (splits.len() * Suite::ALL.len()) as u64;
    observer.on(&Event::Stage { name: "eval".into(), done: 0, total })?;
    let mut done = 0;
    for &split in splits {
        for suite in Suite::ALL {
            let items = match &asked {
                Some(samples) => suite.among(samples, split, eval),
                None => suite.items(split, eval, &maker),
            };
            if !outcomes.has(split, suite, items.len() * eval.answers)? {
                ensure!(!observer.stopping(), Stopped);
                outcomes.push(split, suite, &answer(eval, seed, policy, split, suite, &items, judging.as_ref())?)?;
            }
            done += 1;
            observer.on(&Event::Step { done, reward: None, entropy: None, loss: None })?;
        }
    }
    outcomes.finish()
}

fn answer(
    eval: &Eval,
    seed: u64,
    policy: &Policy,
    split: Split,
    suite: Suite,
    items: &[Sample],
    judging: Option<&Judging>,
) -> Result<Vec<Outcome>> {
    let drawing = Drawing {
        sampling: sampling(&policy.tokenizer, eval.temperature, eval.top_p, eval.max_response)?,
        rows: eval.answers,
        side_by_side: side_by_side(split),
    };
    let samples: Vec<&Sample> = items.iter().collect();
    let address = Address::new(seed, Purpose::Eval).step(suite.number(split));
    let mut groups = roll_out(&policy.model, &policy.tokenizer, &samples, &drawing, address)?;
    if let Some(judging) = judging {
        judging.judge(&mut groups, &policy.tokenizer, &format!("eval-{:04}", suite.number(split)))?;
    }
    let rows = groups.iter().enumerate().flat_map(|(item, group)| {
        group.rollouts.iter().enumerate().map(move |(answer, rollout)| Outcome {
            item,
            task: group.sample.task,
            answer,
            graded: rollout.graded,
            tokens: rollout.response.tokens.len(),
        })
    });
    Ok(rows.collect())
}
