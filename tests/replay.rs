//! Counterfactual replay: the job's own settings come out again, others are compared with them, and what cannot be replayed is refused.

mod common;

use longlab::lab::job::{JobSpec, prepare};
use longlab::rl::job::{Places, Policy, reinforce};
use longlab::rl::progress::Silent;
use longlab::rl::record::Record;
use longlab::rl::replay::{Row, Space, replay};
use longlab::spec::settings::{AdvantageScale, AepoMode, GateLevel, LossKind, Settings};
use longlab::spec::{Bound, Kind, Threshold};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const SEED: u64 = 5;

fn settings() -> Settings {
    let mut settings = common::short_job();
    settings.train.steps = 3;
    settings
}

/// A short job trained from the shipped base policy.
fn job(settings: &Settings) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let policy = Policy::load(Path::new(&settings.model.base)).expect("the shipped base");
    reinforce(settings, SEED, &policy, &Places::inside(dir.path()), &mut Silent).expect("three steps");
    dir
}

fn rows(dir: &Path, other: &Settings, space: Space) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    replay(dir, &settings(), SEED, other, space, &mut |row| {
        rows.push(*row);
        Ok(())
    })?;
    Ok(rows)
}

#[test]
fn a_replay_compares_gradients_step_by_step() {
    let job = job(&settings());
    for space in [Space::LogProbs, Space::Parameters] {
        let same = rows(job.path(), &settings(), space).expect("a replay");
        assert_eq!(same.len(), 3);
        for row in &same {
            assert!(row.cosine.is_some_and(|cosine| (cosine - 1.0).abs() < 1e-6), "{row:?}");
            assert!(row.norm_ratio.is_some_and(|ratio| (ratio - 1.0).abs() < 1e-6), "{row:?}");
            assert!(!row.latch.1 && row.masked == (0.0, 0.0));
        }
        // Without a standard deviation every advantage is shorter, but none turns round.
        let mut other = settings();
        other.advantage.scale = AdvantageScale::None;
        for row in rows(job.path(), &other, space).expect("a replay") {
            assert!(row.cosine.is_some_and(|cosine| cosine > 0.0 && cosine < 1.0 - 1e-9), "{row:?}");
            assert!(row.norm_ratio.is_some_and(|ratio| ratio > 0.0 && ratio < 1.0), "{row:?}");
        }
    }
    let mut gated = settings();
    (gated.gate.level, gated.gate.threshold) = (GateLevel::Token, Threshold::Quantile(0.5));
    let rows = rows(job.path(), &gated, Space::LogProbs).expect("a replay");
    assert!(rows.iter().all(|row| row.masked.0 == 0.0 && row.masked.1 > 0.0 && row.norm_ratio < Some(1.0)), "{rows:?}");
}

#[test]
fn any_loss_can_be_replayed() {
    // A job of two updates a batch with terms; its own settings come out again, norms of metrics.csv included.
    let mut off_policy = settings();
    (off_policy.loss.kind, off_policy.train.updates) = (LossKind::PpoClip, 2);
    (off_policy.loss.entropy, off_policy.loss.kl) = (0.01, 0.05);
    let off = job(&off_policy);
    let replayed = |dir: &Path, settings: &Settings, other: &Settings, space| {
        let mut rows = Vec::new();
        let each = &mut |row: &Row| {
            rows.push(*row);
            Ok(())
        };
        replay(dir, settings, SEED, other, space, each).expect("a replay");
        assert_eq!(rows.len(), 3);
        rows
    };
    for row in replayed(off.path(), &off_policy, &off_policy, Space::Parameters) {
        assert!(row.cosine.is_some_and(|cosine| (cosine - 1.0).abs() < 1e-6), "{row:?}");
    }
    // At ratio 1 the surrogates have the gradient of the plain loss; an entropy bonus adds to it in coordinates of its own.
    let plain = job(&settings());
    let mut other = settings();
    other.loss.kind = LossKind::PpoClip;
    for space in [Space::LogProbs, Space::Parameters] {
        for row in replayed(plain.path(), &settings(), &other, space) {
            assert!(row.cosine.is_some_and(|cosine| (cosine - 1.0).abs() < 1e-5), "{space:?}: {row:?}");
        }
    }
    other.loss.entropy = 0.1;
    for space in [Space::LogProbs, Space::Parameters] {
        for row in replayed(plain.path(), &settings(), &other, space) {
            assert!(row.cosine.is_some_and(|cosine| cosine < 1.0 - 1e-6), "{space:?}: {row:?}");
            assert!(space == Space::Parameters || row.norm_ratio > Some(1.0), "{row:?}");
        }
    }
}

#[test]
fn the_latch_of_a_replay_has_a_memory_of_its_own() {
    let job = job(&settings());
    let mut other = settings();
    other.aepo.mode = AepoMode::Latch;
    (other.aepo.low, other.aepo.high) = (Bound::Nats(0.0), Bound::Nats(1e-6));
    let rows = rows(job.path(), &other, Space::LogProbs).expect("a replay");
    assert!(rows.iter().all(|row| row.latch == (false, true) && row.masked.1 > 0.0), "{rows:?}");
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let job = job(&settings());
    let refused = |other: &Settings, space| rows(job.path(), other, space).expect_err("refused").to_string();
    let mut other = settings();
    other.rollout.temperature = 1.0;
    let message = refused(&other, Space::LogProbs);
    assert!(message.contains("rollout.temperature") && message.contains("cannot be replayed"), "{message}");

    // Another reward than the job learned from: the path does not come out again.
    let path = Record::path(&job.path().join("rollouts"), 2);
    let mut record = Record::load(&path).expect("a record");
    record.rewards.iter_mut().for_each(|reward| *reward = 1.0 - *reward);
    record.save(&path).expect("written");
    let message = refused(&settings(), Space::Parameters);
    assert!(message.contains("step 2") || message.contains("step 3"), "{message}");

    fs::remove_file(&path).expect("it was there");
    let message = format!("{:#}", rows(job.path(), &settings(), Space::LogProbs).expect_err("no rollouts"));
    assert!(message.contains("000002.safetensors") && message.contains("run the job again"), "{message}");
}

#[test]
fn the_command_prints_steps_and_points_at_mistakes() {
    let job = job(&settings());
    let spec = JobSpec { id: "0badcafe".into(), kind: Kind::Rl, seed: SEED, settings: settings() };
    prepare(job.path(), &spec, Some(&serde_json::json!({}))).expect("a job directory");
    let longlab = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_longlab")).arg("replay").arg(job.path()).args(args).output();
        let output = output.expect("longlab starts");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, _) = longlab(&["--with", "advantage.scale=none", "--json"]);
    assert_eq!((code, out.lines().count()), (Some(0), 3), "{out}");
    assert!(
        out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok_and(|row| row["cosine"].is_f64()))
    );
    let (code, out, _) = longlab(&["--with", "aepo.low=0.9x", "--with", "aepo.high=1x"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("latch'") && out.contains("mean cosine"), "{out}");
    for (with, words) in [
        ("advantage.scal=none", "did you mean `advantage.scale`?"),
        ("advantage.scale=nobody", "is not one of"),
        ("advantage.scale", "write KEY=VALUE"),
        ("rollout.temperature=1.0", "cannot be replayed"),
        ("loss.kl=0.1", "give --parameters"),
    ] {
        let (code, out, error) = longlab(&["--with", with]);
        assert!(code != Some(0) && error.contains(words), "{with}: {code:?} {out} {error}");
    }
}
