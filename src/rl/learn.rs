//! Learning from a batch by any loss of the kernels crate: several updates a batch, old log-probabilities, a reference policy,
//! entropy terms. The plain case (one update, ratio 1, no terms) takes the short way in `train.rs`, with the same gradient.
//!
//! A forward pass gives the log-probability and the entropy of each token; the kernels crate gives the exact gradient of the
//! objective in those numbers; the backward pass carries on from there.

use super::batch::{Part, Pass, pass};
use super::decide::{Decision, Flat};
use super::rollout::Group;
use super::train::Trainer;
use crate::spec::settings::{Loss, LossKind, Settings};
use crate::task::template;
use anyhow::{Context, Result};
use longlab_kernels::entropy_control::AdaptiveBonus;
use longlab_kernels::loss::{
    self, Batch, Cispo, ClipCov, Divergence, Dppo, Dro, EntropyBonus, Gmpo, Gspo, GspoLevel, KlCov, KlPenalty,
    OnPolicy, PolicyLoss, PpoClip, Reinforce, Sapo, Sum, Vespo,
};
use longlab_kernels::stream::{Address, Purpose};
use tch::{Kind, Tensor};

/// Whether the weighted log-probabilities of one update are all there is.
pub fn is_plain(settings: &Settings) -> bool {
    let (loss, train) = (&settings.loss, &settings.train);
    loss.kind == LossKind::OnPolicy
        && train.updates == 1
        && loss.entropy == 0.0
        && loss.entropy_target == 0.0
        && loss.kl == 0.0
}

/// The rule of the entropy bonus, where it has a target.
pub fn adaptive(loss: &Loss) -> Option<AdaptiveBonus> {
    let rule = AdaptiveBonus { target: loss.entropy_target, step: loss.entropy_step, ..AdaptiveBonus::default() };
    (loss.entropy_target > 0.0).then_some(rule)
}

/// The policy loss that the settings name, as it stands at an update.
fn policy_loss(loss: &Loss, address: Address) -> Box<dyn PolicyLoss> {
    let (low, high) = (loss.clip_low, loss.clip_high);
    match loss.kind {
        LossKind::OnPolicy => Box::new(OnPolicy),
        LossKind::Reinforce => Box::new(Reinforce),
        LossKind::PpoClip => Box::new(PpoClip { low, high, dual: (loss.dual_clip > 0.0).then_some(loss.dual_clip) }),
        LossKind::Gspo => Box::new(Gspo { low, high, level: GspoLevel::Sequence }),
        LossKind::GspoToken => Box::new(Gspo { low, high, level: GspoLevel::Token }),
        LossKind::Gmpo => Box::new(Gmpo { low, high }),
        LossKind::Cispo => Box::new(Cispo { low, high }),
        LossKind::Sapo => Box::new(Sapo::default()),
        LossKind::ClipCov => {
            Box::new(ClipCov { low, high, share: loss.cov_share, draw: Some(address), ..ClipCov::default() })
        }
        LossKind::KlCov => Box::new(KlCov { share: loss.cov_share, coefficient: loss.cov_coefficient }),
        LossKind::DppoTv => Box::new(Dppo { low, high, ..Dppo::default() }),
        LossKind::DppoKl => Box::new(Dppo { divergence: Divergence::Kl, low, high, ..Dppo::default() }),
        LossKind::Dro => Box::new(Dro { beta: loss.dro_beta }),
        LossKind::Vespo => Box::new(Vespo::default()),
    }
}

/// Rows of numbers, rollouts by tokens.
type Rows = Vec<Vec<f64>>;

impl Trainer<'_> {
    /// All updates of a batch; gives the mean gradient norm before clipping.
    ///
    /// The prompts are split into `train.updates` parts of like size, each of which is normalised and learned from by itself. With one update the old log-probabilities are the
    /// policy's own (ratio 1, as in the paper); with more they are those of the rollouts.
    ///
    /// # Errors
    /// Log-probabilities that are not finite: the weights have diverged.
    pub fn learn(&mut self, step: u64, groups: &[Group], flat: &Flat, decision: &Decision) -> Result<f64> {
        let (train, size) = (&self.settings.train, self.settings.train.group);
        let updates = train.updates.min(groups.len()).max(1);
        let mut norm = 0.0;
        for update in 0..updates {
            // Every n-th prompt, so that each part holds short and long ones.
            let mine: Vec<usize> = (0..groups.len()).filter(|place| place % updates == update).collect();
            let rollouts: Vec<usize> = mine.iter().flat_map(|&place| place * size..(place + 1) * size).collect();
            let shares = decision.shares_of(self.settings, flat, &rollouts);
            let address = Address::new(self.seed, Purpose::Loss).step(u32::try_from(step)?).sample(update as u64);
            for (n, chunk) in mine.chunks(train.micro_prompts).enumerate() {
                let from = n * train.micro_prompts * size;
                let shares = &shares[from..from + chunk.len() * size];
                self.learn_part(groups, chunk, shares, decision, address.rollout(n as u32), updates > 1)?;
            }
            norm += self.apply();
        }
        Ok(norm / updates as f64)
    }

    /// Adds the gradient of one forward and backward pass.
    fn learn_part(
        &self,
        groups: &[Group],
        chunk: &[usize],
        shares: &[Vec<f64>],
        decision: &Decision,
        address: Address,
        off_policy: bool,
    ) -> Result<()> {
        let loss = self.loss(decision, address);
        let size = self.settings.train.group;
        let parts: Vec<Part> = chunk.iter().map(|&place| whole(&groups[place])).collect();
        let temperature = self.settings.rollout.temperature;
        let pad = self.tokenizer.id(template::PAD).unwrap_or_default();
        let found = pass(self.model, &parts, pad, temperature, loss.needs().entropies);
        let rollouts: Vec<usize> = chunk.iter().flat_map(|&place| place * size..(place + 1) * size).collect();
        let shape: Vec<usize> =
            rollouts.iter().map(|&i| groups[i / size].rollouts[i % size].response.tokens.len()).collect();
        let logp = rows(&found.logp, &shape);
        let old: Rows = match off_policy {
            false => logp.clone(),
            true => {
                let of = |&i: &usize| &groups[i / size].rollouts[i % size].response.logprobs;
                rollouts.iter().map(|i| of(i).iter().map(|&value| f64::from(value)).collect()).collect()
            }
        };
        let advantages: Vec<f64> = rollouts.iter().map(|&i| decision.advantages[i]).collect();
        let prompts: Vec<usize> = rollouts.iter().map(|i| i / size).collect();
        let entropies = found.entropy.as_ref().map(|entropy| rows(entropy, &shape));
        let reference = self.reference.as_ref().filter(|_| loss.needs().reference).map(|policy| {
            let _guard = tch::no_grad_guard();
            rows(&pass(&policy.model, &parts, pad, temperature, false).logp, &shape)
        });
        let mut batch = Batch::new(&logp, &old, &advantages, &prompts, shares).context("the policy has diverged")?;
        if let Some(entropies) = &entropies {
            batch = batch.with_entropies(entropies)?;
        }
        if let Some(reference) = &reference {
            batch = batch.with_reference(reference)?;
        }
        let (_, gradient) = loss::evaluate(&*loss, &batch)?;
        let Pass { logp, entropy, .. } = found;
        let mut surrogate = (logp * flat(&gradient.logp)).sum(Kind::Float);
        if let Some(entropy) = entropy {
            surrogate += (entropy * flat(&gradient.entropy)).sum(Kind::Float);
        }
        (-surrogate).backward();
        Ok(())
    }

    /// The loss of the settings with its terms.
    fn loss(&self, decision: &Decision, address: Address) -> Box<dyn PolicyLoss> {
        let settings = &self.settings.loss;
        let base = policy_loss(settings, address);
        if decision.bonus == 0.0 && settings.kl == 0.0 {
            return base;
        }
        let mut sum = Sum::of(base);
        if decision.bonus != 0.0 {
            sum = sum.plus(1.0, EntropyBonus { coefficient: decision.bonus });
        }
        if settings.kl != 0.0 {
            let kl = KlPenalty {
                coefficient: settings.kl,
                estimator: settings.kl_estimator.into(),
                straight_through: false,
            };
            sum = sum.plus(1.0, kl);
        }
        Box::new(sum)
    }
}

/// A group with all tokens of all its rollouts, whatever their weight.
fn whole<'a>(group: &'a Group) -> Part<'a> {
    let ones: Vec<Vec<f32>> = group.rollouts.iter().map(|rollout| vec![1.0; rollout.response.tokens.len()]).collect();
    super::train::part(group, &ones)
}

/// A flat tensor as rows of the given lengths.
fn rows(tensor: &Tensor, lengths: &[usize]) -> Rows {
    let tensor = tensor.detach().to_kind(Kind::Double);
    let mut values = vec![0f64; tensor.numel()];
    let count = values.len();
    tensor.copy_data(&mut values, count);
    let mut rest = values.as_slice();
    let row = |&length: &usize| {
        let (row, after) = rest.split_at(length);
        rest = after;
        row.to_vec()
    };
    lengths.iter().map(row).collect()
}

fn flat(rows: &[Vec<f64>]) -> Tensor {
    let values: Vec<f32> = rows.iter().flatten().map(|&value| value as f32).collect();
    Tensor::from_slice(&values)
}
