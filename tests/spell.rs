//! Self-play: rewards come out as the formulas say, and a killed job ends as an undisturbed one.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;
#[path = "spell/language.rs"]
mod language;

use longlab::lab::job::{JobSpec, execute, prepare};
use longlab::lab::work;
use longlab::rl::job::{Places, Policy, reinforce};
use longlab::rl::play::{self, Fate, Line, Role};
use longlab::rl::progress::{Event, Observer, Silent};
use longlab::rl::receipt;
use longlab::rl::record::Record;
use longlab::spec::Kind;
use longlab::spec::settings::{Combined, Learn, Settings, Worth};
use longlab_kernels::self_play::Verdict;
use longlab_kernels::stream::{Address, Purpose, Stream};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn stream(seed: u64) -> Stream {
    Address::new(seed, Purpose::Test).stream()
}

fn base() -> String {
    format!("{}/experiments/spell/base", env!("CARGO_MANIFEST_DIR"))
}

fn settings() -> Settings {
    let mut settings = common::short_job();
    settings.model.base = base();
    (settings.data.mix.dialogue, settings.data.mix.numeric) = (0.0, 0.0);
    // Few clusters, so that they are met again and earlier questions shown.
    (settings.data.samples, settings.data.min_tokens, settings.data.max_tokens) = (4, 96, 160);
    (settings.train.prompts, settings.train.group, settings.train.micro_prompts) = (4, 4, 3);
    (settings.train.steps, settings.train.checkpoint_every) = (4, 2);
    (settings.spell.learn, settings.spell.documents, settings.spell.votes, settings.spell.rounds) =
        (Learn::All, 2, 4, 2);
    settings.spell.verifier_share = 1.0;
    (settings.eval.items, settings.eval.long_items, settings.eval.answers) = (2, 0, 1);
    settings
}

fn policy(settings: &Settings) -> Policy {
    Policy::begin(Path::new(&settings.model.base), settings, 0).unwrap()
}

/// Stops the job after a number of steps, as a kill between two checkpoints would.
struct StopAfter(u64);

impl Observer for StopAfter {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Step { done, .. } if *done == self.0 => anyhow::bail!("stopped"),
            _ => Ok(()),
        }
    }
}

/// All that a job of self-play leaves but for its clocks.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let places = Places::inside(dir);
    let mut paths = vec![places.metrics, places.game, places.receipts, places.checkpoint.join("state.safetensors")];
    for folder in [places.selfplay, places.rollouts] {
        paths.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    let read =
        |path: &std::path::PathBuf| (path.strip_prefix(dir).unwrap().display().to_string(), fs::read(path).unwrap());
    paths.iter().map(read).collect()
}

#[test]
fn a_killed_game_goes_on_to_the_same_bytes() {
    let settings = settings();
    let whole = tempfile::tempdir().unwrap();
    reinforce(&settings, 3, &policy(&settings), &Places::inside(whole.path()), &mut Silent).unwrap();
    let whole = files(whole.path());
    assert_eq!(whole.len(), 4 + 2 * settings.train.steps as usize);
    for stop in [1, 3] {
        let parts = tempfile::tempdir().unwrap();
        let places = Places::inside(parts.path());
        assert!(reinforce(&settings, 3, &policy(&settings), &places, &mut StopAfter(stop)).is_err());
        reinforce(&settings, 3, &policy(&settings), &places, &mut Silent).unwrap();
        for (name, bytes) in files(parts.path()) {
            assert!(whole[&name] == bytes, "{name}, stopped after step {stop}");
        }
    }
    let lines: Vec<Line> = (1..=settings.train.steps)
        .flat_map(|step| {
            let text = String::from_utf8(whole[&format!("selfplay/{step:06}.jsonl")].clone()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Line>>()
        })
        .collect();
    assert!(lines.iter().any(|line| line.before > 0), "earlier questions are shown again");
    lines.iter().for_each(|line| holds(&settings, line));
}

/// A line says what the formulas say.
fn holds(settings: &Settings, line: &Line) {
    let spell = &settings.spell;
    let rewards: Vec<f64> = line.answers.iter().map(|answer| answer.reward).collect();
    let asked = !matches!(line.fate, Fate::Malformed | Fate::Ungrounded);
    assert_eq!(line.answers.len(), if asked { settings.train.group } else { 0 });
    assert_eq!(line.question.is_some(), line.fate != Fate::Malformed);
    let due = match line.fate {
        Fate::Malformed => spell.malformed,
        Fate::Ungrounded => spell.ungrounded,
        Fate::Even | Fate::Open => {
            let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
            if mean == 0.0 || mean == 1.0 { 0.0 } else { (-(mean - 0.5) * (mean - 0.5) * 18.0).exp() }
        }
    };
    assert!((line.reward - due).abs() < 1e-12, "{line:?}");
    for answer in &line.answers {
        assert_eq!(answer.votes.len(), if answer.said.is_some() { spell.votes } else { 0 });
        let vote = f64::from(u8::from(answer.majority == Some(Verdict::Yes)));
        assert_eq!(answer.reward, answer.rule.max(vote));
        let (said, reference) = (answer.said.clone().unwrap_or_default(), line.reference.clone().unwrap());
        assert!(if answer.rule == 1.0 { said.contains(&reference) } else { said != reference }, "{answer:?}");
    }
}

/// Rewards that the batch learns from are those of the lines; advantages are taken within the role's own peers.
#[test]
fn the_batch_holds_what_the_game_says() {
    let settings = settings();
    let dir = tempfile::tempdir().unwrap();
    let places = Places::inside(dir.path());
    reinforce(&settings, 5, &policy(&settings), &places, &mut Silent).unwrap();
    for step in 1..=settings.train.steps {
        let record = Record::load(&Record::path(&places.rollouts, step)).unwrap();
        let seats = record.seats.as_ref().expect("roles");
        let lines = play::load(&places.selfplay, step).unwrap();
        let (flat, sizes) = (record.flat(&settings), record.sizes());
        let mut first = 0;
        for (group, &role) in seats.roles.iter().enumerate() {
            let rewards = &record.rewards[first..first + sizes[group]];
            let peers: Vec<usize> = flat.peers[first..first + sizes[group]].to_vec();
            match Role::ALL[role as usize] {
                Role::Questioner => {
                    assert_eq!(sizes[group], 1);
                    assert!(lines.iter().any(|line| line.reward == rewards[0]));
                }
                Role::Responder => {
                    let is_it =
                        |line: &Line| line.answers.iter().map(|answer| answer.reward).eq(rewards.iter().copied());
                    assert!(lines.iter().any(|line| line.fate == Fate::Open && is_it(line)), "{rewards:?}");
                    assert_eq!(peers, vec![group; settings.train.group]);
                }
                Role::Verifier => {
                    assert_eq!(sizes[group], settings.spell.votes);
                    let agreeing = rewards.iter().filter(|reward| **reward == 1.0).count();
                    assert!(
                        agreeing * 2 > sizes[group] && agreeing < sizes[group] || rewards.contains(&-1.0),
                        "{rewards:?}"
                    );
                }
            }
            first += sizes[group];
        }
        let asked = flat.tasks.iter().filter(|task| **task == 5).count();
        let together = flat.peers.iter().zip(&flat.tasks).filter(|(_, task)| **task == 5).map(|(peer, _)| peer);
        assert!(asked == 0 || together.collect::<std::collections::BTreeSet<_>>().len() == 1);
    }
}

/// Every ablation and reading runs; a game without a learning questioner has no question in its batch.
#[test]
fn roles_can_be_left_out() {
    for (learn, votes) in [(Learn::Responder, 4), (Learn::WithoutQuestioner, 4), (Learn::WithoutVerifier, 0)] {
        let mut settings = settings();
        (settings.spell.learn, settings.spell.votes, settings.train.steps) = (learn, votes, 2);
        (settings.spell.combine, settings.spell.worth, settings.train.updates) = (Combined::Mean, Worth::Tent, 2);
        let dir = tempfile::tempdir().unwrap();
        let places = Places::inside(dir.path());
        reinforce(&settings, 1, &policy(&settings), &places, &mut Silent).unwrap();
        for step in 1..=2 {
            let record = Record::load(&Record::path(&places.rollouts, step)).unwrap();
            let roles = record.seats.unwrap().roles;
            let has = |role: Role| roles.contains(&role.index());
            assert!(learn == Learn::WithoutQuestioner || !has(Role::Verifier), "{learn} {roles:?}");
            assert!(
                learn == Learn::WithoutVerifier || !has(Role::Questioner) || !has(Role::Responder),
                "{learn} {roles:?}"
            );
        }
    }
}

/// A finished game checks out against its receipts, learned again and sampled anew; a planted change is named.
#[test]
fn receipts_hold_for_a_game() {
    let dir = tempfile::tempdir().unwrap();
    let spec = JobSpec { id: "0badcafe".into(), kind: Kind::Rl, seed: 5, settings: settings() };
    prepare(dir.path(), &spec, Some(&serde_json::json!({"libtorch": "2.13.0"}))).unwrap();
    execute(dir.path(), work::run, Duration::ZERO, &mut Silent).unwrap();
    let verify = |args: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_longlab")).arg("verify").arg(dir.path()).args(args).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, text) = verify(&["--all"]);
    assert!(code == Some(0) && text.contains("sampled anew: 1, 2, 3, 4"), "{text}");
    // Learned again from what is stored, then sampled anew on what was posed before.
    let (code, text) = verify(&["--steps", "1"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(receipt::read(&dir.path().join("receipt.jsonl")).unwrap().len(), 5);
    let selfplay = dir.path().join("selfplay");
    let was = play::load(&selfplay, 4).unwrap();
    let mut lines = was.clone();
    lines[0].truth = Some("nowhere".to_string());
    play::save(&selfplay, 4, &lines).unwrap();
    let (code, text) = verify(&["--all"]);
    assert!(code == Some(1) && text.contains("step 4, sampled") && text.contains("questions of the game"), "{text}");
    play::save(&selfplay, 4, &was).unwrap();
    let path = Record::path(&dir.path().join("rollouts"), 2);
    let mut record = Record::load(&path).unwrap();
    record.rewards[0] += 0.5;
    record.save(&path).unwrap();
    let (code, text) = verify(&["--steps", "0"]);
    assert!(code == Some(1) && text.contains("step 2, learned again") && text.contains("the rewards"), "{text}");
}

#[test]
fn what_was_posed_is_needed_to_go_on() {
    let settings = settings();
    let dir = tempfile::tempdir().unwrap();
    let places = Places::inside(dir.path());
    assert!(reinforce(&settings, 3, &policy(&settings), &places, &mut StopAfter(3)).is_err());
    fs::remove_file(places.selfplay.join("000002.jsonl")).unwrap();
    let error = reinforce(&settings, 3, &policy(&settings), &places, &mut Silent).unwrap_err();
    assert!(format!("{error:#}").contains("later steps build on it"), "{error:#}");
}

#[test]
fn an_experiment_without_self_play_is_refused() {
    let spec = format!("{}/experiments/quickstart.toml", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env!("CARGO_BIN_EXE_longlab"))
        .args(["spell", &spec])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && text.contains("spell.learn"), "{text}");
}
