//! Learning from a batch by any loss of the kernels crate: several updates a batch, old log-probabilities, a reference policy,
//! entropy terms. The plain case (one update, ratio 1, no terms) takes the short way, with the same gradient.
//!
//! A forward pass gives the log-probability and the entropy of each token; the kernels crate gives the exact gradient of the
//! objective in those numbers; the backward pass carries on from there.

use super::batch::{self, Part, Row, Way, pass};
use super::decide::{Decision, Flat};
use super::job::Policy;
use super::rollout::Group;
use crate::lm::{Decoder, LmError, Tokenizer};
use crate::spec::settings::{Loss, LossKind, Settings};
use crate::task::template;
use anyhow::{Context, Result};
use longlab_kernels::entropy_control::AdaptiveBonus;
use longlab_kernels::loss::{
    self, Batch, Cispo, ClipCov, Divergence, Dppo, Dro, EntropyBonus, Gmpo, Gradient, Gspo, GspoLevel, KlCov,
    KlPenalty, Needs, OnPolicy, PolicyLoss, PpoClip, Reinforce, Sapo, Sum, Vespo,
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

/// One forward and backward pass of an update: which prompts and rollouts, and the share of each token in the mean.
pub struct Portion {
    /// Places of the prompts in the batch.
    pub prompts: Vec<usize>,
    /// Places of their rollouts.
    pub rollouts: Vec<usize>,
    /// Prompt of each of these.
    groups: Vec<usize>,
    /// Share of each token, 0 where masked.
    shares: Rows,
    /// Where random choices of the loss are drawn.
    address: Address,
}

/// Updates that a batch of so many prompts is split into.
pub fn updates(settings: &Settings, prompts: usize) -> usize {
    settings.train.updates.min(prompts).max(1)
}

/// The passes of an update. The prompts are split into `train.updates` parts of like size, each of which is normalised and
/// learned from by itself.
///
/// # Errors
/// More steps than a stream has addresses for.
pub fn portions(
    settings: &Settings,
    seed: u64,
    step: u64,
    update: usize,
    flat: &Flat,
    decision: &Decision,
) -> Result<Vec<Portion>> {
    let (train, prompts) = (&settings.train, flat.groups.last().map_or(0, |last| last + 1));
    let updates = updates(settings, prompts);
    // Rollouts of a prompt stand side by side, prompts in their order.
    let from = |place: usize| flat.groups.partition_point(|&group| group < place);
    let of = |places: &[usize]| places.iter().flat_map(|&place| from(place)..from(place + 1)).collect::<Vec<_>>();
    // Every n-th prompt, so that each part holds short and long ones.
    let mine: Vec<usize> = (0..prompts).filter(|place| place % updates == update).collect();
    let mut shares = decision.shares_of(settings, flat, &of(&mine)).into_iter();
    let address = Address::new(seed, Purpose::Loss).step(u32::try_from(step)?).sample(update as u64);
    let portion = |(n, chunk): (usize, &[usize])| {
        let rollouts = of(chunk);
        let shares = shares.by_ref().take(rollouts.len()).collect();
        let groups = rollouts.iter().map(|&i| flat.groups[i]).collect();
        Portion { prompts: chunk.to_vec(), rollouts, groups, shares, address: address.rollout(n as u32) }
    };
    Ok(mine.chunks(train.micro_prompts).enumerate().map(portion).collect())
}

/// What a loss reads of the rollouts of a portion, rollouts by tokens.
pub struct Numbers {
    /// Log-probabilities of the policy.
    pub logp: Rows,
    /// Log-probabilities of the policy that sampled; none where the policy is that one (ratio 1, as in the paper).
    pub old: Option<Rows>,
    /// Entropies of the policy, where the loss reads them.
    pub entropies: Option<Rows>,
    /// Log-probabilities of the reference policy, where the loss reads them.
    pub reference: Option<Rows>,
}

/// The exact gradient of the objective in the log-probabilities and entropies of a portion.
///
/// # Errors
/// Log-probabilities that are not finite (the weights have diverged), or a column that the loss needs and `numbers` lacks.
pub fn gradient(settings: &Settings, decision: &Decision, portion: &Portion, numbers: &Numbers) -> Result<Gradient> {
    let advantages: Vec<f64> = portion.rollouts.iter().map(|&i| decision.advantages[i]).collect();
    let old = numbers.old.as_ref().unwrap_or(&numbers.logp);
    let mut batch = Batch::new(&numbers.logp, old, &advantages, &portion.groups, &portion.shares)
        .context("the policy has diverged")?;
    if let Some(entropies) = &numbers.entropies {
        batch = batch.with_entropies(entropies)?;
    }
    if let Some(reference) = &numbers.reference {
        batch = batch.with_reference(reference)?;
    }
    Ok(loss::evaluate(&*whole_loss(settings, decision, portion.address), &batch)?.1)
}

/// What the loss of the settings reads beside log-probabilities.
pub fn needs(settings: &Settings, decision: &Decision) -> Needs {
    whole_loss(settings, decision, Address::new(0, Purpose::Loss)).needs()
}

/// The loss of the settings with its terms.
fn whole_loss(settings: &Settings, decision: &Decision, address: Address) -> Box<dyn PolicyLoss> {
    let settings = &settings.loss;
    let base = policy_loss(settings, address);
    if decision.bonus == 0.0 && settings.kl == 0.0 {
        return base;
    }
    let mut sum = Sum::of(base);
    if decision.bonus != 0.0 {
        sum = sum.plus(1.0, EntropyBonus { coefficient: decision.bonus });
    }
    if settings.kl != 0.0 {
        let estimator = settings.kl_estimator.into();
        sum = sum.plus(1.0, KlPenalty { coefficient: settings.kl, estimator, straight_through: false });
    }
    Box::new(sum)
}

/// Turns a batch and what was decided about it into gradients of the parameters.
pub struct Learner<'a> {
    /// Resolved settings.
    pub settings: &'a Settings,
    /// Seed of the job.
    pub seed: u64,
    /// Policy.
    pub model: &'a Decoder,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// The base policy, where the loss has a KL term.
    pub reference: Option<&'a Policy>,
}

impl Learner<'_> {
    /// Adds the gradient of an update (downhill) to the gradients of the parameters.
    ///
    /// With one update a batch the old log-probabilities are the policy's own; with more they are those of the rollouts.
    ///
    /// # Errors
    /// Log-probabilities that are not finite: the weights have diverged.
    pub fn accumulate(
        &self,
        step: u64,
        update: usize,
        groups: &[Group],
        flat: &Flat,
        decision: &Decision,
    ) -> Result<()> {
        if is_plain(self.settings) {
            return self.plain(groups, &decision.weights);
        }
        for portion in portions(self.settings, self.seed, step, update, flat, decision)? {
            self.learn(groups, &portion, decision)?;
        }
        Ok(())
    }

    /// The gradient of the weighted log-probabilities.
    fn plain(&self, groups: &[Group], weights: &[Vec<f32>]) -> Result<()> {
        let mut rest = weights;
        let mut weighed = Vec::with_capacity(groups.len());
        for group in groups {
            let (own, after) = rest.split_at(group.rollouts.len());
            weighed.push((group, own));
            rest = after;
        }
        for groups in weighed.chunks(self.settings.train.micro_prompts) {
            // A group of equal rewards has nothing to teach.
            let live = groups.iter().filter(|(_, weights)| weights.iter().flatten().any(|&w| w != 0.0));
            let parts: Vec<Part> = live.map(|(group, weights)| part(group, weights)).collect();
            if parts.is_empty() {
                continue;
            }
            batch::learn(self.model, &parts, self.way(), false)?;
        }
        Ok(())
    }

    /// The gradient of one forward and backward pass.
    fn learn(&self, groups: &[Group], portion: &Portion, decision: &Decision) -> Result<()> {
        let needs = needs(self.settings, decision);
        let parts: Vec<Part> = portion.prompts.iter().map(|&place| whole(&groups[place])).collect();
        let pass_of = |model, entropies| pass(model, &parts, self.way(), entropies);
        let found = pass_of(self.model, needs.entropies)?;
        let responses = || portion.prompts.iter().flat_map(|&place| &groups[place].rollouts).map(|r| &r.response);
        let shape: Vec<usize> = responses().map(|response| response.tokens.len()).collect();
        let sampled = || responses().map(|r| r.logprobs.iter().map(|&value| f64::from(value)).collect()).collect();
        let reference = self.reference.filter(|_| needs.reference).map(|policy| {
            let _guard = tch::no_grad_guard();
            Ok::<_, LmError>(rows(&pass_of(&policy.model, false)?.logp, &shape))
        });
        let numbers = Numbers {
            logp: rows(&found.logp, &shape),
            old: (updates(self.settings, groups.len()) > 1).then(sampled),
            entropies: found.entropy.as_ref().map(|entropy| rows(entropy, &shape)),
            reference: reference.transpose()?,
        };
        let gradient = gradient(self.settings, decision, portion, &numbers)?;
        let entropies = if needs.entropies { flat(&gradient.entropy) } else { vec![] };
        Ok(found.backward(&flat(&gradient.logp), &entropies)?)
    }

    fn way(&self) -> Way {
        let pad = self.tokenizer.id(template::PAD).unwrap_or_default();
        Way::of(self.settings, pad, self.settings.rollout.temperature)
    }
}

/// A group as the forward pass takes it, with the weight of each token.
fn part<'a>(group: &'a Group, weights: &[Vec<f32>]) -> Part<'a> {
    let (last, prefix) = group.prompt.split_last().expect("a prompt ends with <think>");
    let rows = group.rollouts.iter().zip(weights);
    Part { prefix, rows: rows.map(|(r, w)| Row::response(*last, &r.response.tokens, w)).collect() }
}

/// A group with all tokens of all its rollouts, whatever their weight.
fn whole<'a>(group: &'a Group) -> Part<'a> {
    let ones: Vec<Vec<f32>> = group.rollouts.iter().map(|rollout| vec![1.0; rollout.response.tokens.len()]).collect();
    part(group, &ones)
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

fn flat(rows: &[Vec<f64>]) -> Vec<f32> {
    rows.iter().flatten().map(|&value| value as f32).collect()
}
