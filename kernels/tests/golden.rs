//! Golden vectors from reference implementations; the scripts that made them lie beside them in `golden/`.
//!
//! Every line is compared, compared in part, or excluded with a reason, and the counts of each are asserted: a new line
//! must be judged, and none can drop out. `cargo test --test golden -- --nocapture` prints the largest deviations.

#[path = "golden/facts.rs"]
mod facts;
#[path = "golden/merges.rs"]
mod merges;
#[path = "golden/pairs.rs"]
mod pairs;
#[path = "golden/scores.rs"]
mod scores;
#[path = "golden/trl.rs"]
mod trl;
#[path = "golden/verl.rs"]
mod verl;

use facts::{Fact, Verdict, ledger};
use longlab_kernels::similarity::ratio;

#[test]
fn similarity_is_cpythons_number_exactly() {
    let mut lengths = (false, false);
    for (line, text) in include_str!("golden/difflib.jsonl").lines().enumerate() {
        let [a, b, number]: [String; 3] = serde_json::from_str(text).expect("a line is [a, b, ratio]");
        let expected: f64 = number.parse().expect("a ratio is a number");
        assert_eq!(ratio(&a, &b), expected, "line {}: {a:?} against {b:?}", line + 1);
        let long = b.chars().count() >= 200;
        lengths = (lengths.0 || !long, lengths.1 || long);
    }
    assert_eq!(lengths, (true, true), "both sides of the autojunk length must be covered");
}

#[test]
fn similarity_is_cpythons_number_on_ten_thousand_pairs() {
    let expected = include_bytes!("golden/difflib.f64").chunks_exact(8);
    assert_eq!(expected.len(), 10_000);
    for (number, bytes) in expected.enumerate() {
        let expected = f64::from_le_bytes(bytes.try_into().expect("a chunk has 8 bytes"));
        let (a, b) = pairs::case(number as u64);
        let got = ratio(&a, &b);
        assert_eq!(got.to_bits(), expected.to_bits(), "pair {number}: {got} {expected}\n{a:?}\n{b:?}");
    }
}

const VERL: &str = "verl 0.9.1";
const TRL: &str = "TRL 1.16.0";
const BATCH: &str = "a batch, which the cases name";

/// 1e-12, and in f32 what it can hold.
fn tolerance(fact: &Fact) -> f64 {
    match fact.text("name") {
        // Rewards of 0.5 that are 1e-6 apart: a rounding of their mean is 1e-10 of the difference.
        "nearly equal" => 1e-9,
        _ if fact.single() => 1e-6,
        _ => 1e-12,
    }
}

#[test]
fn losses_are_verls_and_trls() {
    let facts = Fact::all(include_str!("golden/losses.jsonl"));
    let judge = |fact: &Fact| match fact.text("kind") {
        "policy_loss" => verl::policy_loss(fact, &facts),
        "aggregation" => verl::aggregated(fact, &facts),
        "kl" => verl::kl(fact, &facts),
        "grpo_loss" => trl::grpo_loss(fact, &facts),
        "adaptive_entropy" => trl::adaptive_entropy(fact, &facts),
        "" => Verdict::Excluded(BATCH),
        other => panic!("unknown kind {other}"),
    };
    let counts = ledger(&facts, tolerance, judge);
    let compared = [
        (TRL, "adaptive_entropy", 4),
        (TRL, "grpo_loss", 90),
        (VERL, "agg_loss", 32),
        (VERL, "cispo", 6),
        (VERL, "clip_cov", 10),
        (VERL, "dppo_kl", 6),
        (VERL, "dppo_tv", 6),
        (VERL, "dro", 6),
        (VERL, "geo_mean", 8),
        (VERL, "gpg", 6),
        (VERL, "gspo", 11),
        (VERL, "kl_cov", 7),
        (VERL, "kl_penalty", 33),
        (VERL, "sapo", 10),
        (VERL, "vanilla", 23),
    ];
    let aside = [
        ("", "", BATCH, 4),
        (TRL, "grpo_loss", verl::PAST_BOUND, 7),
        (TRL, "grpo_loss", trl::REFUSED, 1),
        (VERL, "clip_cov", verl::PAST_BOUND, 1),
        (VERL, "geo_mean", verl::PAST_BOUND, 1),
        (VERL, "geo_mean", verl::TOKEN_ADVANTAGES, 1),
        (VERL, "kl_cov", verl::PAST_BOUND, 1),
    ];
    counts.are(274, &compared, &aside);
}

#[test]
fn advantages_are_verls_and_trls() {
    let facts = Fact::all(include_str!("golden/advantages.jsonl"));
    let counts = ledger(&facts, tolerance, scores::advantage);
    let compared = [
        (TRL, "grpo_advantages", 49),
        (VERL, "compute_gpg_outcome_advantage", 13),
        (VERL, "compute_grpo_outcome_advantage", 26),
        (VERL, "compute_grpo_passk_outcome_advantage", 22),
        (VERL, "compute_opo_outcome_advantage", 13),
        (VERL, "compute_reinforce_plus_plus_baseline_outcome_advantage", 13),
        (VERL, "compute_reinforce_plus_plus_outcome_advantage", 26),
        (VERL, "compute_rloo_outcome_advantage", 13),
        (VERL, "compute_rloo_vectorized_outcome_advantage", 13),
        (VERL, "masked_whiten", 4),
    ];
    let aside = [
        (TRL, "grpo_advantages", scores::ONE_DIGIT, 3),
        (VERL, "compute_gpg_outcome_advantage", scores::ONE_DIGIT, 1),
        (VERL, "compute_grpo_outcome_advantage", scores::ONE_DIGIT, 2),
        (VERL, "compute_grpo_passk_outcome_advantage", scores::ONE_DIGIT, 2),
        (VERL, "compute_opo_outcome_advantage", scores::ONE_DIGIT, 1),
        (VERL, "compute_reinforce_plus_plus_baseline_outcome_advantage", scores::ONE_DIGIT, 1),
        (VERL, "compute_reinforce_plus_plus_outcome_advantage", scores::ONE_DIGIT, 2),
        (VERL, "compute_rloo_outcome_advantage", scores::ONE_DIGIT, 1),
        (VERL, "compute_rloo_vectorized_outcome_advantage", scores::ONE_DIGIT, 1),
    ];
    counts.are(206, &compared, &aside);
}

#[test]
fn sce_is_mergekits_and_the_authors() {
    let facts = Fact::all(include_str!("golden/sce.jsonl"));
    let counts = ledger(&facts, tolerance, merges::sce);
    counts.are(75, &[("FuseAI, restated", "sce", 28), ("mergekit 0.1.5", "sce", 47)], &[]);
}

#[test]
fn linear_task_arithmetic_ties_and_dare_are_mergekits() {
    const MERGEKIT: &str = "mergekit 0.1.5";
    let facts = Fact::all(include_str!("golden/tasks.jsonl"));
    let counts = ledger(&facts, tolerance, merges::task);
    let compared = [
        (MERGEKIT, "dare_linear", 10),
        (MERGEKIT, "dare_ties", 10),
        (MERGEKIT, "linear", 10),
        (MERGEKIT, "task_arithmetic", 22),
        (MERGEKIT, "ties", 62),
    ];
    let aside = [(MERGEKIT, "dare_linear", merges::FACTORS, 10), (MERGEKIT, "dare_ties", merges::FACTORS, 10)];
    counts.are(134, &compared, &aside);
}
