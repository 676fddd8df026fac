//! The graph engine in the pipeline: what it makes is proved, spoiled and found, and a model may read prose for it.

use crate::corruption::{Bench, asked, path};
use crate::testing::Model;
use crate::world::{World, bytes};
use longlab_client::ChatRequest;
use longlab_synthesis::graph::Asked;
use longlab_synthesis::verify::{Fault, verify};
use longlab_synthesis::{Engine, Item, Proof, Silent, Spec, SynthesisError, dataset};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn every_planted_corruption_of_a_path_is_found_and_named() {
    let bench = Bench::new();
    let found = |name: &str, spoil: &dyn Fn(&mut Item), wanted: Fault| {
        let faults = bench.faults(path, spoil);
        assert!(faults.contains(&wanted), "{name}: {faults:?} and not {wanted:?}");
    };
    let plan = |spoil: fn(&mut Asked)| move |item: &mut Item| spoil(asked(item));
    found("question", &|item| item.question.push_str(" Please."), Fault::QuestionAltered);
    found("another wording", &plan(|asked| asked.way += 1), Fault::QuestionAltered);
    found("entity", &plan(|asked| asked.entities[0].name = "Nobody Known".into()), Fault::EvidenceAltered);
    found("relation", &plan(|asked| asked.relations[0].name = "enemy".into()), Fault::EvidenceAltered);
    found("keys of an entity", &plan(|asked| asked.entities[0].keys = vec!["0".repeat(16)]), Fault::EvidenceAltered);
    found("keys of a relation", &plan(|asked| asked.relations[0].keys.clear()), Fault::EvidenceAltered);
    found("places", &plan(|asked| asked.facts[0].places += 1), Fault::EvidenceAltered);
    found("number that leads nowhere", &plan(|asked| asked.facts[0].head = 99), Fault::QuestionAltered);
    found("query", &plan(|asked| asked.queries[0].found = 2), Fault::NotUnique);
    found("query gone", &plan(|asked| drop(asked.queries.pop())), Fault::NotUnique);
    found(
        "read by a model",
        &plan(|asked| asked.facts.iter_mut().for_each(|fact| fact.by_model = true)),
        Fault::EvidenceAltered,
    );
    found("operation", &|item| swap_operation(item), Fault::QueryAltered);
    found("step gone", &|item| drop(steps(item).pop()), Fault::EvidenceAltered);
    found("narrower evidence", &narrow, Fault::EvidenceAltered);
    found("another answer in the documents", &confuse, Fault::NotUnique);
}

fn steps(item: &mut Item) -> &mut Vec<(String, String, String, usize)> {
    let Proof::Path { steps, .. } = &mut item.certificate.proof else { panic!("not a path") };
    steps
}

fn swap_operation(item: &mut Item) {
    let Proof::Path { operation, .. } = &mut item.certificate.proof else { panic!("not a path") };
    *operation = if operation == "tail" { "head".into() } else { "tail".into() };
}

/// Evidence that is cut down to the name of its tail: its words still stand there and say the tail, but not the fact.
fn narrow(item: &mut Item) {
    let step = steps(item).last().unwrap().clone();
    let evidence = &mut item.certificate.evidence[step.3];
    let at = evidence.quote.find(&step.2).unwrap();
    evidence.span.start += at;
    evidence.span.end = evidence.span.start + step.2.len();
    evidence.quote = step.2;
}

/// Where the first hop leads is told to be something else: what the documents say is then another answer.
fn confuse(item: &mut Item) {
    let asked = asked(item);
    let hop = asked.plan.parts[0].hops[0];
    let fact = asked.facts[hop.edge.index()];
    let to = if hop.forward { fact.tail } else { fact.head };
    asked.entities[to].keys = vec!["0".repeat(16)];
}

#[test]
fn documents_that_the_graph_left_out_stand_beside_no_question() {
    let world = World::new();
    let full: String = (0..30).map(|at| format!("Nobody X{at} is the keeper of Old Tower X{at}.\n")).collect();
    world.file("notices/full.txt", &format!("{}{full}", crate::world::prose(900, 30)));
    let made = world.made("out", "[engines.graph]\nitems = 8\nfacts_per_document = 29\n");
    let counts = made.funnel.counts("graph").unwrap();
    assert_eq!(counts.remarks["documents left out of the graph: more facts than facts_per_document"], 1);
    dataset::each(&made.folder, &mut |_, record| {
        let item = record.unwrap().item;
        let shown = item.passages.iter().any(|passage| passage.title == "full");
        assert!(item.engine != Engine::Graph || !shown, "{}", item.question);
        Ok(true)
    })
    .unwrap();
}

#[test]
fn mistakes_in_the_specification_name_line_and_mend() {
    let text = |graph: &str| {
        format!("name = \"x\"\n[corpus]\nfolder = \"c\"\n[output]\nfolder = \"o\"\n[engines.graph]\nitems = 3\n{graph}")
    };
    let mistake = |graph: &str| Spec::parse(&text(graph)).unwrap_err().to_string();
    for (graph, said) in [
        ("walk = 1.5\n", ["`engines.graph.walk` (line 8)", "a share from 0 to 1"]),
        ("walks = \"many\"\n", ["line 8", "expected usize"]),
        ("hops = 3\n", ["line 8", "unknown field `hops`"]),
        ("facts = [4, 2]\n", ["(line 8)", "in this order"]),
        ("[engines.graph.extract]\nrepeats = 3\nvotes = 4\n", ["(line 10)", "at most `repeats`"]),
        ("obfuscations = [\"poetic\"]\n", ["poetic", "institutional"]),
    ] {
        let message = mistake(graph);
        assert!(said.iter().all(|part| message.contains(part)), "{graph}: {message}");
    }
    assert!(Spec::parse(&text("")).is_ok());
}

const EXTRACT: &str = "[engines.graph]\nitems = 6\n[engines.graph.extract]\nrepeats = 3\n";

/// Reads "NAME guards PLACE near TOWN." as two facts, but makes one up every other time.
fn reader(request: &ChatRequest) -> String {
    let text = &request.messages[0].content;
    let text = text.split_once("Text, up to the line").map_or("", |(_, rest)| rest);
    let mut facts = vec![];
    for line in text.lines() {
        let Some((who, (place, town))) = line
            .split_once(" guards ")
            .and_then(|(who, rest)| Some((who, rest.strip_suffix('.')?.split_once(" near ")?)))
        else {
            continue;
        };
        for (head, relation, tail) in [(place, "guardian", who), (place, "nearest town", town)] {
            facts.push(format!(
                "{{\"head\": \"{head}\", \"relation\": \"{relation}\", \"tail\": \"{tail}\", \"quote\": \"{line}\"}}"
            ));
        }
        if request.seed.unwrap_or_default().is_multiple_of(2) {
            facts.push(format!(
                "{{\"head\": \"{place}\", \"relation\": \"owner\", \"tail\": \"Nobody\", \"quote\": \"{line}\"}}"
            ));
        }
    }
    format!("Here you are: {{\"facts\": [{}]}}", facts.join(", "))
}

fn guarded() -> World {
    let world = World::new();
    for (at, (place, who)) in [
        ("Fort Alder", "Ira Senn"),
        ("Fort Briar", "Jon Teague"),
        ("Fort Cedar", "Kim Ulrich"),
        ("Fort Dogwood", "Lea Voss"),
        ("Fort Elder", "Max Wend"),
        ("Fort Furze", "Nia Yost"),
    ]
    .into_iter()
    .enumerate()
    {
        let town = ["Upton", "Veltham", "Wexcombe", "Yardly", "Zennor", "Tolland"][at];
        let prose = crate::world::prose(950 + at as u64, 6);
        world.file(&format!("forts/{at}.txt"), &format!("{prose}{who} guards {place} near {town}.\n{prose}"));
        let prose = crate::world::prose(970 + at as u64, 9);
        world.file(
            &format!("dogs/{at}.txt"),
            &format!("{prose}Rex {} is the dog of {who}.\n", ["One", "Two", "Three", "Four", "Five", "Six"][at]),
        );
    }
    world
}

#[test]
fn a_model_reads_prose_and_its_calls_are_in_the_certificate() {
    let world = guarded();
    let spec = world.spec("out", EXTRACT);
    let model = |dies_after| Model { answer: reader, calls: AtomicUsize::new(0), dies_after };
    let dying = model(40);
    let error = world.run_reading(&spec, &dying).unwrap_err();
    let SynthesisError::Model { kept, .. } = &error else { panic!("{error}") };
    assert!((30..=40).contains(kept) && error.to_string().contains("the server is gone"), "{error}");
    let healthy = model(usize::MAX);
    let made = world.run_reading(&spec, &healthy).unwrap();
    let asked_again = healthy.calls.load(Ordering::SeqCst);
    let whole = model(usize::MAX);
    let other = world.run_reading(&world.spec("whole", EXTRACT), &whole).unwrap();
    assert!(bytes(&made.folder) == bytes(&other.folder));
    assert_eq!(asked_again + kept, whole.calls.load(Ordering::SeqCst));
    let report = verify(&made.folder, Some(&world.path("tokenizer.json"))).unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
    let mut read = 0;
    dataset::each(&made.folder, &mut |_, record| {
        let item = record.unwrap().item;
        if let Proof::Path { asked, .. } = &item.certificate.proof {
            assert!(!item.question.contains("owner"));
            let by_model = asked.facts.iter().any(|fact| fact.by_model);
            let calls = item.certificate.work.iter().filter(|work| work.step == "extract").count();
            assert!(calls.is_multiple_of(3) && (!by_model || calls >= 3), "{calls}");
            read += usize::from(by_model);
        }
        Ok(true)
    })
    .unwrap();
    assert!(read >= 1, "{}", made.funnel.markdown());
}

#[test]
fn a_specification_that_has_prose_read_needs_a_model() {
    let world = World::new();
    let error = world.run(&world.spec("out", EXTRACT), 1, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("engines.graph.extract"), "{error}");
}
