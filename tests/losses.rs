//! Every loss of the kernels crate as a spec key: it trains, and where theory says so its first step is that of the plain loss.

mod common;

use longlab::rl::job::{Places, Policy, reinforce};
use longlab::rl::progress::Silent;
use longlab::spec::settings::{Centre, GateLevel, KlEstimator, LossKind, Normalizer, Removal, Settings};
use std::fs;
use std::path::Path;

fn settings() -> Settings {
    let mut settings = common::short_job();
    settings.train.steps = 2;
    settings
}

/// A column of `metrics.csv` after training from the shipped base.
fn column(settings: &Settings, name: &str) -> Vec<f64> {
    let dir = tempfile::tempdir().expect("a folder");
    let policy = Policy::load(Path::new(&settings.model.base)).expect("the shipped base");
    reinforce(settings, 5, &policy, &Places::inside(dir.path()), &mut Silent).expect("it trains");
    let mut reader = csv::Reader::from_path(dir.path().join("metrics.csv")).expect("metrics");
    let at = reader.headers().expect("a header").iter().position(|column| column == name).expect("the column");
    reader.records().map(|row| row.expect("a row")[at].parse().expect("a number")).collect()
}

fn norms(settings: &Settings) -> Vec<f64> {
    column(settings, "grad_norm")
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-4 * right.abs()
}

#[test]
fn at_ratio_one_the_policy_losses_begin_alike() {
    let plain = norms(&settings());
    assert!(plain[0] > 0.0);
    let alike = [LossKind::Reinforce, LossKind::PpoClip, LossKind::Cispo, LossKind::GspoToken];
    for kind in alike {
        let mut other = settings();
        other.loss.kind = kind;
        let norms = norms(&other);
        assert!(close(norms[0], plain[0]), "{kind}: {norms:?} against {plain:?}");
        assert!(close(norms[1], plain[1]) || (norms[1] - plain[1]).abs() < 0.2 * plain[1], "{kind}: {norms:?}");
    }
}

#[test]
fn every_loss_trains() {
    let plain = norms(&settings());
    for &kind in LossKind::ALL {
        for updates in [1, 2] {
            let mut other = settings();
            (other.loss.kind, other.train.updates) = (kind, updates);
            let norms = norms(&other);
            assert!(norms.iter().all(|norm| norm.is_finite() && *norm > 0.0), "{kind}, {updates} updates: {norms:?}");
            assert!(updates == 1 || norms[0] != plain[0], "{kind}: two updates are not one");
        }
    }
}

#[test]
fn terms_normalisers_and_rivals_change_the_step() {
    let plain = norms(&settings());
    let differs = |change: &dyn Fn(&mut Settings)| {
        let mut other = settings();
        change(&mut other);
        let norms = norms(&other);
        assert!(norms.iter().all(|norm| norm.is_finite()), "{norms:?}");
        assert_ne!(norms[0], plain[0], "the first step is the plain one");
    };
    differs(&|settings| settings.loss.entropy = 0.1);
    differs(&|settings| settings.loss.top_entropy = 0.2);
    differs(&|settings| settings.loss.normalizer = Normalizer::SequenceMean);
    differs(&|settings| settings.loss.normalizer = Normalizer::SequenceSum);
    differs(&|settings| settings.loss.normalizer = Normalizer::TokenSum);
    differs(&|settings| settings.gate.level = GateLevel::All);
    differs(&|settings| (settings.gate.level, settings.gate.removal) = (GateLevel::All, Removal::Drop));
    differs(&|settings| settings.advantage.centre = Centre::LeaveOneOut);
}

#[test]
fn a_kl_term_pulls_back_only_once_the_policy_has_moved() {
    let plain = norms(&settings());
    for &estimator in KlEstimator::ALL {
        let mut other = settings();
        (other.loss.kl, other.loss.kl_estimator) = (1.0, estimator);
        let norms = norms(&other);
        // k1 has a slope everywhere, the others none where both policies agree.
        assert_eq!(close(norms[0], plain[0]), estimator != KlEstimator::K1, "{estimator}: {norms:?} {plain:?}");
        assert!(!close(norms[1], plain[1]), "{estimator}: {norms:?} {plain:?}");
    }
}

#[test]
fn an_adaptive_bonus_survives_a_checkpoint() {
    let mut settings = settings();
    (settings.loss.entropy_target, settings.loss.entropy_step, settings.train.steps) = (10.0, 0.05, 4);
    settings.train.checkpoint_every = 1;
    let whole = norms(&settings);
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::inside(dir.path());
    for steps in [2, 4] {
        let policy = Policy::load(Path::new(&settings.model.base)).expect("the shipped base");
        let part =
            Settings { train: longlab::spec::settings::Train { steps, ..settings.train.clone() }, ..settings.clone() };
        reinforce(&part, 5, &policy, &places, &mut Silent).expect("it trains");
    }
    let text = fs::read_to_string(&places.metrics).expect("metrics");
    let resumed: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(9).expect("the gradient norm").parse().expect("a number"))
        .collect();
    assert_eq!(resumed, whole);
    let mut plain = settings.clone();
    plain.loss.entropy_target = 0.0;
    assert_ne!(norms(&plain)[2], whole[2], "the bonus acts from the second step on");
}
