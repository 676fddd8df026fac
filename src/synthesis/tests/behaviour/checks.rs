//! Each verdict of the checks, by a scripted model and the rules of the crate; their lineage; their replay without a model.

use crate::testing::Model;
use crate::world::{World, bytes};
use longlab_client::{ChatFailure, ChatModel, ChatReply, ChatRequest};
use longlab_synthesis::dataset::{Record, each};
use longlab_synthesis::score::ByRule;
use longlab_synthesis::stages::{Check, Tried};
use longlab_synthesis::verify::{Fault, verify};
use longlab_synthesis::{Engine, Silent, Summary, SynthesisError};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHECKS: &str = "[checks]\nblind = 2\ngrounding = 1\nscarce = 4\nalone = 1\nrobustness = 2\n\
                      [engines.graph]\nitems = 16\n";

/// What is known of a question beforehand.
struct Known {
    question: String,
    quotes: Vec<String>,
    /// Passages of the documents that the evidence is from.
    documents: usize,
    answer: String,
}

/// A model that knows what it will be asked, from a dataset that was made without it.
struct Script(Vec<Known>);

/// What a prompt is about.
struct Prompt<'a> {
    /// Which question.
    number: usize,
    answer: &'a str,
    /// The question alone.
    alone: bool,
    documents: usize,
    /// Passages of the documents that the evidence is from.
    of: usize,
    /// Which pieces of evidence it holds.
    told: Vec<bool>,
}

impl Script {
    /// Questions of the graph engine whose evidence is from several documents.
    fn learnt(world: &World, checks: &str) -> Script {
        let engines = &checks[checks.find("[engines.graph]").unwrap()..];
        let engines = engines.split("[checks]").next().unwrap();
        let known = |record: Record| {
            let evidence = &record.item.certificate.evidence;
            let documents: BTreeSet<_> = evidence.iter().map(|own| own.document.clone()).collect();
            let quotes = evidence.iter().map(|own| own.quote.clone()).collect();
            let shown = record.item.passages.iter().filter(|own| documents.contains(&own.document)).count();
            let (question, answer) = (record.item.question, record.item.answer.text);
            (documents.len() > 1).then_some(Known { question, quotes, documents: shown, answer })
        };
        let made = records(&world.made("learnt", engines).folder);
        let of_graph = made.into_iter().filter(|record| record.item.engine == Engine::Graph);
        let mut all: Vec<Known> = of_graph.filter_map(known).collect();
        all.sort_by(|one, other| one.question.cmp(&other.question));
        assert!(all.len() >= 7, "{}", all.len());
        Script(all)
    }

    fn read(&self, request: &ChatRequest) -> Option<Prompt<'_>> {
        let text = &request.messages.last()?.content;
        let number = self.0.iter().position(|own| text.contains(&own.question))?;
        let Known { quotes, documents: of, answer, .. } = &self.0[number];
        let told = quotes.iter().map(|quote| text.contains(quote)).collect();
        let documents = text.matches("\nTITLE: ").count();
        Some(Prompt { number, answer, alone: !text.contains("<text>"), documents, of: *of, told })
    }

    /// Every seventh question has the same fault, the last of seven none.
    fn says(&self, request: &ChatRequest) -> String {
        let Some(prompt) = self.read(request) else { return says("nowhere") };
        let Prompt { number, answer, alone, documents, of, told } = prompt;
        let seen = told.iter().all(|told| *told);
        let right = match number % 7 {
            0 => alone || seen,
            1 => !alone && documents == 0 || seen,
            2 => told.contains(&true),
            3 => seen && documents > of,
            4 => seen && documents == of,
            // Right in about every other try.
            5 if documents > of => request.seed.is_some_and(|seed| seed % 2 == 0),
            _ => seen,
        };
        says(if right { answer } else { "nowhere" })
    }

    /// How many questions have a fault.
    fn count(&self, fault: usize) -> usize {
        (0..self.0.len()).filter(|number| number % 7 == fault).count()
    }

    fn fault(&self, question: &str) -> Option<usize> {
        self.0.iter().position(|own| own.question == question).map(|number| number % 7)
    }
}

fn says(answer: &str) -> String {
    format!("I looked for it. Therefore, the answer is {answer}.")
}

fn model<F: Fn(&ChatRequest) -> String>(answer: F, dies_after: usize) -> Model<F> {
    Model { answer, calls: AtomicUsize::new(0), dies_after }
}

fn made(world: &World, out: &str, checks: &str, solver: &dyn ChatModel) -> Summary {
    world.run_with(&world.spec(out, checks), 2, &mut Silent, Some((solver, &ByRule))).unwrap()
}

fn records(folder: &Path) -> Vec<Record> {
    let mut records = vec![];
    each(folder, &mut |_, record| {
        records.push(record.unwrap());
        Ok(true)
    })
    .unwrap();
    records
}

#[test]
fn every_verdict_drops_its_item_under_its_reason() {
    let world = World::new();
    let script = Script::learnt(&world, CHECKS);
    let solver = model(|request: &ChatRequest| script.says(request), usize::MAX);
    let made = made(&world, "out", CHECKS, &solver);
    let dropped = &made.funnel.counts("check").unwrap().dropped;
    let one = |reason: &str| dropped.iter().find(|(own, _)| own.contains(reason)).map_or(0, |(_, count)| *count);
    for (fault, reason) in ["blind knowledge", "knowledge grounding", "scarce knowledge"].into_iter().enumerate() {
        assert_eq!(one(reason), script.count(fault), "{reason}: {dropped:?}");
    }
    // All items of other engines too: this model never answers them.
    assert!(one("evidence alone") > script.count(3), "{dropped:?}");
    assert!(one("contextual robustness") >= script.count(4), "{dropped:?}");
    let kept = records(&made.folder);
    let faults: Vec<Option<usize>> = kept.iter().map(|own| script.fault(&own.item.question)).collect();
    assert!(faults.iter().all(|fault| matches!(fault, Some(5 | 6))), "{faults:?}");
    assert_eq!(faults.iter().filter(|fault| **fault == Some(6)).count(), script.count(6));
    for Record { item, placed } in &kept {
        let mut expected =
            vec![(Check::Blind, 0, 2), (Check::Ground, 0, 1), (Check::Scarce, 0, 4), (Check::Alone, 1, 1)];
        let (right, tries) = placed.rate.unwrap();
        expected.push((Check::Robust, right, 2));
        let tried: Vec<_> = placed.tried.iter().map(|Tried { check, right, tries }| (*check, *right, *tries)).collect();
        assert_eq!((tried, tries), (expected, 2));
        // Every call stands in the certificate, before the pipeline's own steps, under the name of what it was for.
        let steps: Vec<&str> = item.certificate.work.iter().map(|work| work.step.as_str()).collect();
        let calls = ["blind", "blind", "ground", "scarce", "scarce", "scarce", "scarce", "alone", "robust", "robust"];
        assert_eq!(steps, [&calls[..], &["make", "extend", "check"]].concat());
        assert!(
            item.certificate
                .work
                .iter()
                .all(|work| work.model.is_some() != ["make", "extend"].contains(&work.step.as_str()))
        );
    }
}

#[test]
fn grounding_may_keep_the_irrelevant_documents() {
    let world = World::new();
    let checks = "[engines.graph]\nitems = 16\n[checks]\nrobustness = 1\ngrounding = 1\nwithout = ";
    let script = Script::learnt(&world, checks);
    let shown = |request: &ChatRequest| match script.read(request) {
        // Right where there are documents and none of them tells, and where all of them do.
        Some(own) if own.documents > 0 && (!own.told.contains(&true) || !own.told.contains(&false)) => says(own.answer),
        _ => says("nowhere"),
    };
    let solver = model(shown, usize::MAX);
    let all = made(&world, "all", &format!("{checks}\"all\"\n"), &solver);
    assert_eq!(records(&all.folder).len(), script.0.len());
    let error = world.run_with(
        &world.spec("evidence", &format!("{checks}\"evidence\"\n")),
        2,
        &mut Silent,
        Some((&solver, &ByRule)),
    );
    // Now every item is answered without its own documents.
    assert!(matches!(error, Err(SynthesisError::NothingLeft { ref stage, .. }) if stage == "check"), "{error:?}");
}

#[test]
fn checks_are_played_again_without_a_model_and_each_corruption_is_found() {
    let world = World::new();
    let script = Script::learnt(&world, CHECKS);
    let solver = model(|request: &ChatRequest| script.says(request), usize::MAX);
    let folder = made(&world, "out", CHECKS, &solver).folder;
    let tokenizer = world.path("tokenizer.json");
    let report = verify(&folder, Some(&tokenizer)).unwrap();
    assert!(report.is_sound() && report.items >= 2, "{:#?}", report.findings);
    let found = |name: &str, from: &str, to: &str| {
        let path = folder.join(name);
        let whole = fs::read_to_string(&path).unwrap();
        assert!(whole.contains(from), "{name} has no {from}");
        // Files are links to those of the stages: write another one.
        fs::remove_file(&path).unwrap();
        fs::write(&path, whole.replacen(from, to, 1)).unwrap();
        let counts = verify(&folder, Some(&tokenizer)).unwrap().counts();
        fs::write(&path, whole).unwrap();
        counts.contains_key(&Fault::ChecksDiffer)
    };
    assert!(found("checked.jsonl", "the answer is nowhere", "the answer is elsewhere"));
    assert!(found("checked.jsonl", "\"asked\":\"", "\"asked\":\"0"));
    assert!(found("checks.json", "\"seed\": 5", "\"seed\": 6"));
    assert!(found("checks.json", "\"temperature\": 0.7", "\"temperature\": 0.8"));
    let split =
        if fs::read_to_string(folder.join("train.jsonl")).unwrap().is_empty() { "test.jsonl" } else { "train.jsonl" };
    assert!(found(split, "\"check\":\"ground\",\"right\":0", "\"check\":\"ground\",\"right\":1"));
    assert!(found(split, "\"step\":\"ground\",\"model\":\"stand-in\"", "\"step\":\"ground\",\"model\":\"another\""));
    assert!(verify(&folder, Some(&tokenizer)).unwrap().is_sound());
    fs::remove_file(folder.join("checks.json")).unwrap();
    assert!(verify(&folder, Some(&tokenizer)).unwrap().counts().contains_key(&Fault::ChecksDiffer));
}

#[test]
fn a_judge_has_the_last_word_where_the_rules_say_no() {
    let world = World::new();
    let checks = "[engines.graph]\nitems = 16\n[checks]\nrobustness = 1\ngrounding = 1\n";
    let script = Script::learnt(&world, checks);
    // Answers in other words, which the rules call wrong.
    let other_words = |request: &ChatRequest| match script.read(request) {
        Some(own) if !own.told.contains(&false) => says("that of which the documents speak"),
        _ => says("nowhere"),
    };
    let solver = model(other_words, usize::MAX);
    let agrees = |request: &ChatRequest| {
        let text = &request.messages.last().unwrap().content;
        if text.contains("Answer 1: that of which the documents speak\n") { "Same. [[YES]]" } else { "Differ. [[NO]]" }
            .to_string()
    };
    let silent = |_: &ChatRequest| "[[YES]] or [[NO]]".to_string();
    let without = world.run_with(&world.spec("without", checks), 2, &mut Silent, Some((&solver, &ByRule)));
    assert!(matches!(without, Err(SynthesisError::NothingLeft { .. })), "{without:?}");
    let spec = world.spec("out", &format!("{checks}judge = true\n"));
    let judge = model(agrees, usize::MAX);
    let made = world
        .run_tools(&spec, 2, &mut Silent, |tools| {
            tools.model = Some((&solver, &ByRule));
            tools.answer_judge = Some(&judge);
        })
        .unwrap();
    let kept = records(&made.folder);
    assert_eq!(kept.len(), script.0.len());
    // One call of the judge for each answer that the rules called wrong, without the documents and with them.
    assert!(kept.iter().all(|own| own.item.certificate.work.iter().filter(|work| work.step == "judge").count() == 2));
    assert!(verify(&made.folder, None).unwrap().is_sound());
    let judge = model(silent, usize::MAX);
    let spec = world.spec("silent", &format!("{checks}judge = true\n"));
    let error = world.run_tools(&spec, 2, &mut Silent, |tools| {
        tools.model = Some((&solver, &ByRule));
        tools.answer_judge = Some(&judge);
    });
    let Err(SynthesisError::NothingLeft { report, .. }) = error else { panic!("{error:?}") };
    assert!(fs::read_to_string(report).unwrap().contains("the judge of answers gave no verdict"));
}

/// Refuses every seventh question, or fails.
struct Refuses<'a>(&'a Script, ChatFailure);

impl ChatModel for Refuses<'_> {
    fn name(&self) -> String {
        "refuses".into()
    }

    fn chat(&self, request: &ChatRequest, _: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
        match self.0.read(request) {
            Some(own) if own.number % 7 == 0 => Err(self.1.clone()),
            _ => model(|request: &ChatRequest| self.0.says(request), usize::MAX).chat(request, &mut |_| true),
        }
    }
}

#[test]
fn what_a_model_refuses_is_counted_and_ends_nothing() {
    let world = World::new();
    let checks = "[engines.graph]\nitems = 16\n[checks]\nrobustness = 1\n";
    let script = Script::learnt(&world, checks);
    let refused = script.count(0);
    let refuses = Refuses(&script, ChatFailure::Refused { reason: "too long for the window".into() });
    let made = made(&world, "out", checks, &refuses);
    let dropped = &made.funnel.counts("check").unwrap().dropped;
    assert_eq!(dropped["a model refuses its prompt"], refused, "{dropped:?}");
    // What asking again may mend ends the run, unless it is to be dropped.
    let fails = Refuses(&script, ChatFailure::Failed { reason: "status 500".into() });
    let error = world.run_with(&world.spec("stop", checks), 2, &mut Silent, Some((&fails, &ByRule))).unwrap_err();
    assert!(error.to_string().contains(&format!("{refused} items or more have no answer: status 500")), "{error}");
    let spec = world.spec("drop", &format!("{checks}unanswered = \"drop\"\n"));
    let made = world.run_with(&spec, 2, &mut Silent, Some((&fails, &ByRule))).unwrap();
    assert_eq!(made.funnel.counts("check").unwrap().dropped["the model gave no answer"], refused);
}

#[test]
fn how_many_are_asked_at_once_changes_no_byte() {
    let world = World::new();
    let script = Script::learnt(&world, CHECKS);
    let solver = model(|request: &ChatRequest| script.says(request), usize::MAX);
    let one = made(&world, "one", &CHECKS.replace("blind = 2", "blind = 2\nparallel = 1"), &solver);
    let many = made(&world, "many", &CHECKS.replace("blind = 2", "blind = 2\nparallel = 16"), &solver);
    assert!(bytes(&one.folder) == bytes(&many.folder));
    // What was answered is not asked again by a run whose stage is made anew.
    let calls = solver.calls.load(Ordering::SeqCst);
    let stages = world.path("one/stages");
    let check = fs::read_dir(&stages).unwrap().map(|entry| entry.unwrap().path());
    let check =
        check.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("check-")).unwrap();
    fs::remove_dir_all(check).unwrap();
    made(&world, "one", &CHECKS.replace("blind = 2", "blind = 2\nparallel = 1"), &solver);
    assert_eq!(solver.calls.load(Ordering::SeqCst), calls);
}

#[test]
fn bins_are_those_of_pass_at_k_and_what_is_too_easy_is_dropped() {
    let world = World::new();
    let script = Script::learnt(&world, CHECKS);
    let solver = model(|request: &ChatRequest| script.says(request), usize::MAX);
    let checks = CHECKS.replace("robustness = 2", "robustness = 8");
    let difficulty = "[difficulty]\nbins = 2\nbins_of = \"widths\"\neasiest = 0.9\n";
    let made = made(&world, "out", &format!("{checks}{difficulty}"), &solver);
    let counts = made.funnel.counts("difficulty").unwrap();
    assert_eq!(counts.dropped["answered more often than `difficulty.easiest`"], script.count(6), "{counts:?}");
    let kept = records(&made.folder);
    assert_eq!(kept.len(), script.count(5));
    for Record { item, placed } in &kept {
        let (right, tries) = placed.rate.unwrap();
        assert!(script.fault(&item.question) == Some(5) && tries == 8 && right > 0 && right < 8);
        assert_eq!(placed.bin, usize::from(2 * (8 - right) >= 8));
    }
}
