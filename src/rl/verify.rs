//! A job run again from its beginning: every update from the stored rollouts, chosen steps with their sampling too, each step held
//! against its receipt.

use super::decide::decide;
use super::job::{self, Places, Policy};
use super::judging::Asking;
use super::play;
use super::receipt::{self, Receipt};
use super::replay;
use super::train::Trainer;
use crate::spec::settings::Settings;
use anyhow::{Result, ensure};
use std::collections::BTreeSet;
use std::path::Path;

/// What a step run again showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Step, from 1.
    pub step: u64,
    /// Whether its rollouts were sampled anew.
    pub sampled: bool,
    /// The first part that came out otherwise: one of [`receipt::PARTS`], or the questions of self-play; none when all agree.
    pub differs: Option<&'static str>,
}

/// Runs the job in `dir` again and holds each step against its receipt; `sampled` are the steps whose rollouts are drawn anew (for
/// the others the stored ones are taken, whose tokens and rewards the receipts vouch for). Ends at the first step that differs, since
/// all after it start from other weights.
///
/// # Errors
/// Files that are missing or damaged, a chain that does not hold, another base policy than the job's.
pub fn verify(
    dir: &Path,
    settings: &Settings,
    seed: u64,
    sampled: &BTreeSet<u64>,
    each: &mut dyn FnMut(&Checked) -> Result<()>,
) -> Result<()> {
    let places = Places::inside(dir);
    let receipts = receipt::read(&places.receipts)?;
    ensure!(
        receipts.len() as u64 == settings.train.steps + 1,
        "{} has {} lines where the job's {} steps and a beginning are due",
        places.receipts.display(),
        receipts.len(),
        settings.train.steps
    );
    let policy = Policy::begin(Path::new(&settings.model.base), settings, seed)?;
    let first = Receipt::first(settings, seed, receipt::weights(policy.model.parameters()));
    if let Some(part) = first.differs(&receipts[0]) {
        each(&Checked { step: 0, sampled: false, differs: Some(part) })?;
        return Ok(());
    }
    let pool = job::training_pool(settings, &policy.tokenizer)?;
    let trainer = Trainer::new(settings, seed, &policy, &pool).with_reference_for(&[settings])?;
    let mut trainer = trainer.with_judge(&places.judged, Asking::Kept)?;
    trainer.past = play::past(settings, &places, 0)?;
    for (receipt, before) in receipts[1..].iter().zip(&receipts) {
        let sampled = sampled.contains(&receipt.step);
        let (again, posed) = match sampled {
            true => step_again(&mut trainer, &places, receipt.step, &before.chain)?,
            false => (learn_again(&mut trainer, &places, &policy, receipt.step, &before.chain)?, None),
        };
        let checked = Checked { step: receipt.step, sampled, differs: again.differs(receipt).or(posed) };
        each(&checked)?;
        if checked.differs.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// A whole step, sampling included; and what of self-play is not as it was written down.
fn step_again(
    trainer: &mut Trainer,
    places: &Places,
    step: u64,
    before: &str,
) -> Result<(Receipt, Option<&'static str>)> {
    let made = trainer.step(step)?;
    let posed = match &made.played {
        Some((lines, _)) if *lines != play::load(&places.selfplay, step)? => Some("questions of the game"),
        _ => None,
    };
    Ok((Receipt::of(step, &made.record, &made.decision, made.row.loss, made.made, before), posed))
}

/// A step from its stored rollouts.
fn learn_again(trainer: &mut Trainer, places: &Places, policy: &Policy, step: u64, before: &str) -> Result<Receipt> {
    let record = replay::load(places, step)?;
    let groups = replay::groups(&record, policy, trainer.pool)?;
    let flat = record.flat(trainer.settings);
    let decision = decide(trainer.settings, &mut trainer.memory, &flat);
    let (_, made) = trainer.learn(step, &groups, &flat, &decision)?;
    if let Some(past) = &mut trainer.past {
        past.take(&play::load(&places.selfplay, step)?);
    }
    Ok(Receipt::of(step, &record, &decision, decision.loss(), made, before))
}
