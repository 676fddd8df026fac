//! From rewards to advantages, gates, entropy control and token weights.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::numbers::{Number, about, indices, lengths, narrow, numbers, rows};
use longlab_kernels::advantage::{AdvantageError, Centre, Options, Scale, Single, try_advantages};
use longlab_kernels::baselines::{Whitening, gpg, opo, pass_at_k, returns};
use longlab_kernels::entropy_control::{AdaptiveBonus, BonusState, mask_negatives, top_entropy};
use longlab_kernels::gate::*;
use longlab_kernels::loss::{Normalizer, Rollouts, token_shares, token_weights};
use std::num::NonZeroUsize;

#[derive(Debug)]
struct Input {
    rewards: Vec<f64>,
    /// Groups and tasks may be more or fewer than the rewards.
    groups: Vec<usize>,
    tasks: Vec<usize>,
    options: Options,
    entropies: Vec<Vec<f32>>,
    keep: Vec<Vec<bool>>,
    micro: Vec<usize>,
    dropped: Vec<bool>,
    kind: [u8; 4],
    numbers: [f64; 3],
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let (lengths, wild) = (lengths(bytes)?, bytes.ratio(1, 2)?);
        let n = lengths.len();
        let counts = [about(bytes, n)?, about(bytes, n)?];
        let [scale, centre, single, ddof]: [u8; 4] = bytes.arbitrary()?;
        let options = Options {
            scale: [Scale::Group, Scale::Batch, Scale::TaskBatch, Scale::None][usize::from(scale % 4)],
            epsilon: if wild { bytes.arbitrary::<Number>()?.0 } else { 1e-6 },
            ddof: if wild && ddof > 99 { u32::MAX } else { u32::from(ddof % 4) },
            centre: [Centre::Group, Centre::LeaveOneOut][usize::from(centre % 2)],
            single: [Single::One, Single::Raw, Single::Zero, Single::Reward][usize::from(single % 4)],
        };
        Ok(Input {
            rewards: numbers(bytes, n, wild)?,
            groups: indices(bytes, counts[0])?,
            tasks: indices(bytes, counts[1])?,
            options,
            entropies: narrow(&rows(bytes, &lengths, wild)?),
            keep: lengths
                .iter()
                .map(|&length| (0..length).map(|_| bytes.arbitrary()).collect())
                .collect::<Result<_>>()?,
            micro: indices(bytes, n)?,
            dropped: (0..n).map(|_| bytes.arbitrary()).collect::<Result<_>>()?,
            kind: bytes.arbitrary()?,
            numbers: bytes.arbitrary::<[Number; 3]>()?.map(|number| number.0),
        })
    }
}

fn estimate(input: &Input) {
    let Input { rewards, groups, tasks, options, .. } = input;
    let sound = !rewards.is_empty()
        && groups.len() == rewards.len()
        && tasks.len() == rewards.len()
        && rewards.iter().all(|reward| reward.is_finite())
        && options.epsilon.is_finite()
        && options.epsilon >= 0.0;
    let made = try_advantages(rewards, groups, tasks, options);
    assert!(sound || made.is_err(), "{made:?}");
    // What is sound may still be too large for any number.
    let extreme = options.epsilon < 1e-100 || rewards.iter().any(|reward| reward.abs() > 1e100);
    let overflow = matches!(made, Err(AdvantageError::Overflow { .. }));
    assert!(!sound || made.is_ok() || (extreme && overflow), "{made:?}");
    if let Ok(made) = made {
        assert!(made.len() == rewards.len() && made.iter().all(|a| a.is_finite()), "{made:?}");
    }
}

fn baselines(input: &Input) {
    let Input { rewards, groups, numbers: [a, b, c], .. } = input;
    let lengths: Vec<usize> = input.keep.iter().map(Vec::len).collect();
    assert_eq!(returns(*a, lengths.len(), *b).len(), lengths.len());
    let white = Whitening { shift_mean: input.kind[0] % 2 == 0, epsilon: *b, count: *c };
    assert_eq!(white.of(rewards).len(), rewards.len());
    if groups.len() == rewards.len() {
        assert_eq!(opo(rewards, groups, &lengths).len(), rewards.len());
        assert_eq!(gpg(rewards, groups).len(), rewards.len());
        let best = pass_at_k(rewards, groups, (input.kind[1] % 2 == 0).then_some(*a));
        assert_eq!(best.len(), rewards.len());
    }
}

fn gates(input: &Input) {
    let Input { rewards, entropies, numbers: [a, b, c], kind, .. } = input;
    let level = [Level::None, Level::Token, Level::Sequence][usize::from(kind[0] % 3)];
    let side = [Side::High, Side::Low][usize::from(kind[1] % 2)];
    let threshold = [Threshold::Quantile(*a), Threshold::Absolute(*a)][usize::from(kind[2] % 2)];
    if entropies.len() == rewards.len() {
        let keep = clip_negatives(rewards, entropies, level, side, threshold);
        for ((keep, entropies), &advantage) in keep.iter().zip(entropies).zip(rewards) {
            assert_eq!(keep.len(), entropies.len());
            assert!(advantage < 0.0 || keep.iter().all(|&kept| kept), "what is not negative keeps its gradient");
        }
    }
    for measure in [EntropyMeasure::SequenceMean, EntropyMeasure::TokenMean] {
        let entropy = batch_entropy(entropies, measure);
        for mode in [AepoMode::Off, AepoMode::Latch, AepoMode::Band] {
            let mut latch = Latch { on: kind[3] % 2 == 0 };
            let before = latch.on;
            let on = mode.step(&mut latch, entropy, *b, *c);
            let between = !(entropy > *c || entropy < *b);
            assert!(mode != AepoMode::Latch || !between || on == before, "a latch keeps still inside its band");
        }
    }
    let kept = top_entropy(entropies, *b);
    assert!(kept.iter().zip(entropies).all(|(kept, row)| kept.len() == row.len()) && kept.len() == entropies.len());
    let rule = AdaptiveBonus { target: *a, step: *b, least: *c, most: *a };
    rule.applied(rule.next(BonusState { coefficient: *c, entropy: None }, *b));
}

fn weights(input: &Input) {
    let Input { rewards, groups, keep, micro, dropped, numbers, kind, .. } = input;
    let lengths: Vec<usize> = keep.iter().map(Vec::len).collect();
    assert_eq!(mask_negatives(rewards, &lengths).len(), rewards.len());
    if groups.len() != rewards.len() {
        return;
    }
    let constant = NonZeroUsize::MIN.saturating_add(numbers[0] as usize);
    let normalizer = [
        Normalizer::Group,
        Normalizer::MicroBatch,
        Normalizer::GlobalBatch,
        Normalizer::SequenceMean,
        Normalizer::SequenceSum(constant),
        Normalizer::TokenSum,
    ][usize::from(kind[0] % 6)];
    let shares = token_shares(&Rollouts { groups, lengths: &lengths, keep, dropped, micro }, normalizer);
    let all = || shares.iter().zip(keep).zip(dropped);
    let masked = |((shares, keep), &dropped): ((&Vec<f64>, &Vec<bool>), &bool)| {
        shares
            .iter()
            .zip(keep)
            .all(|(&share, &keep)| share >= 0.0 && share.is_finite() && (share == 0.0 || (keep && !dropped)))
    };
    assert!(all().all(masked), "{shares:?}");
    let total: f64 = shares.iter().flatten().sum();
    assert!(normalizer == Normalizer::TokenSum || total <= (lengths.iter().sum::<usize>() as f64).max(1.0) + 1e-9);
    if kind[0] % 6 < 4 {
        assert!(total <= 1.0 + 1e-9, "{total}");
    }
    let weights = token_weights(rewards, groups, &lengths, keep, dropped, micro, normalizer);
    let cells = weights.iter().flatten().zip(shares.iter().flatten());
    assert!(cells.into_iter().all(|(&weight, &share)| share != 0.0 || weight.to_bits() == 0), "a masked token is +0");
}

fuzz_target!(|input: Input| {
    estimate(&input);
    baselines(&input);
    gates(&input);
    weights(&input);
});
