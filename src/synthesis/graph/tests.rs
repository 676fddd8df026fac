//! The engine on small corpora whose facts are known.

use super::draw::Reason;
use super::obfuscate::described;
use super::testing::{Page, find, loose, network, world};
use super::*;
use crate::spec::StyleShares;
use crate::{Form, Proof, Style};
use longlab_documents::{Document, Hash};
use longlab_kernels::stream::Purpose;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn address() -> Address {
    Address::new(3, Purpose::Test)
}

/// So many items.
fn some(corpus: &dyn Corpus, settings: &GraphSpec, address: Address, count: usize) -> Items {
    items(corpus, &GraphSpec { items: count, ..settings.clone() }, address).unwrap()
}

/// One style alone.
fn only_multi_fact() -> StyleShares {
    StyleShares { multi_fact: 1.0, temporal: 0.0, causal: 0.0, hypothetical: 0.0 }
}

/// All that must hold of every item.
fn check(made: &Items, corpus: &[Document], settings: &GraphSpec) {
    for item in &made.items {
        let evidence = &item.certificate.evidence;
        let answer = item.answer.text.as_str();
        assert_eq!(evaluate(&item.certificate.proof, evidence).as_deref(), Some(answer), "{}", item.question);
        assert_eq!(item.certificate.necessity.len(), evidence.len());
        for (at, left) in item.certificate.necessity.iter().enumerate() {
            assert_eq!(*left, evaluate_without(&item.certificate.proof, evidence, at));
            assert_ne!(left.as_deref(), Some(answer), "{}", item.question);
        }
        for piece in evidence {
            let document = corpus.iter().find(|document| document.hash == piece.document).unwrap();
            assert_eq!(piece.span.of(&document.text), Some(piece.quote.as_str()));
        }
        let documents: BTreeSet<&Hash> = evidence.iter().map(|piece| &piece.document).collect();
        assert!(item.difficulty >= settings.facts[0] && documents.len() >= settings.documents[0].min(item.difficulty));
        assert!(item.form == Form::Numeric || !states(&item.question, answer), "{} {answer}", item.question);
        let Proof::Path { steps, operation, asked } = &item.certificate.proof else { panic!("not a path") };
        assert!(asked.has_steps(steps) && *operation == asked.operation(), "{}", item.question);
        assert_eq!(asked.question().unwrap().as_ref(), Some(&item.question));
        assert_eq!(asked.queries.iter().map(|query| query.found).collect::<Vec<_>>(), asked.found());
        assert!(
            !item.question.contains("  ") && !item.question.contains("none") && !item.question.is_empty(),
            "{}",
            item.question
        );
    }
}

#[test]
fn every_item_is_proved_and_all_styles_are_asked() {
    let (corpus, settings) = (world(), loose());
    let made = some(&corpus, &settings, address(), 120);
    check(&made, &corpus, &settings);
    assert_eq!(made.items.len(), 120);
    let operations: BTreeSet<(Style, String)> =
        made.items.iter().map(|item| (item.style.unwrap(), operation(item))).collect();
    for (style, _) in settings.styles.each() {
        assert!(operations.iter().any(|(other, _)| *other == style), "{style:?} {operations:?}");
    }
    for wanted in ["year_of", "years_between", "earlier_of", "larger_of", "count", "left_without"] {
        assert!(operations.iter().any(|(_, operation)| operation.starts_with(wanted)), "{wanted} {operations:?}");
    }
    assert_eq!(made.tally.draws as usize, made.items.len() + made.tally.rejected.values().sum::<usize>());
}

fn operation(item: &Item) -> String {
    let Proof::Path { operation, .. } = &item.certificate.proof else { panic!("not a path") };
    operation.clone()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let corpus = world();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let made = pool.install(|| some(&corpus, &loose(), address(), 40));
        (serde_json::to_string(&made.items).unwrap(), made.tally, made.statistics)
    };
    let first = run(1);
    assert!(first == run(4) && first == run(4));
    let other = some(&corpus, &loose(), Address::new(4, Purpose::Test), 40);
    assert_ne!(first.0, serde_json::to_string(&other.items).unwrap());
}

#[test]
fn what_documents_contradict_is_never_asked() {
    let mut corpus = world();
    let before = network(&corpus, &loose()).statistics;
    let country = corpus[0].title.clone();
    let line = format!("{country} has the currency Doubtcoin\n");
    corpus.push(Page::text("Doubt").note(&country, "currency", "Doubtcoin", &line).document());
    let after = network(&corpus, &loose()).statistics;
    assert_eq!(after.ambiguous_tails, before.ambiguous_tails + 2);
    let made = some(&corpus, &loose(), address(), 150);
    check(&made, &corpus, &loose());
    for item in &made.items {
        let Proof::Path { steps, .. } = &item.certificate.proof else { panic!("not a path") };
        // Asked for the country of a currency, the fact is still good; asked for the currency, it is not.
        let asked =
            steps.last().is_some_and(|step| step.0 == country && step.1 == "currency" && operation(item) == "tail");
        assert!(!asked, "{}", item.question);
    }
}

#[test]
fn an_answer_that_is_stated_outright_has_a_short_cut() {
    let pages = |direct: bool| {
        let towns = Page::text("Towns").table(&["Town", "Country"], &[["Leiden", "Norland"], ["Delft", "Sorland"]]);
        let mut pages = vec![towns.document()];
        for (country, coin) in [("Norland", "Norcrown"), ("Sorland", "Sorcrown")] {
            pages.push(Page::text(country).note(country, "currency", coin, &format!("{country}: {coin}\n")).document());
            if direct {
                let town = if country == "Norland" { "Leiden" } else { "Delft" };
                pages.push(
                    Page::text(&format!("Pay in {town}"))
                        .note(town, "money", coin, &format!("{town}: {coin}\n"))
                        .document(),
                );
            }
        }
        pages
    };
    let settings = GraphSpec { styles: only_multi_fact(), options: 1, obfuscated: 0.0, repeats: 9, ..loose() };
    let open = some(&pages(false), &settings, address(), 10);
    assert!(open.items.iter().any(|item| item.answer.text == "Norcrown" && states(&item.question, "Leiden")));
    let closed = some(&pages(true), &settings, address(), 10);
    assert!(closed.items.is_empty(), "{:?}", closed.items.iter().map(|item| &item.question).collect::<Vec<_>>());
}

#[test]
fn descriptions_fit_one_entity_only() {
    let mills = |years: [&str; 3]| {
        let rows = [["Alpha Mill", years[0]], ["Beta Mill", years[1]], ["Gamma Mill", years[2]]];
        vec![Page::text("Mills").table(&["Mill", "Founded"], &rows).document()]
    };
    let described_by = |corpus: &[Document], name: &str| {
        let network = network(corpus, &loose());
        let node = find(&network, name);
        described(&network, node, &BTreeSet::new(), &BTreeSet::new(), &loose(), &mut address().stream())
            .map(|start| (start, network))
    };
    // 1877 and 1897 are told alike, 1872 is not.
    let corpus = mills(["1877", "1897", "1872"]);
    let starts: Vec<Start> = (0..20)
        .filter_map(|seed| {
            let network = network(&corpus, &loose());
            let mut stream = address().position(seed).stream();
            described(&network, find(&network, "Alpha Mill"), &BTreeSet::new(), &BTreeSet::new(), &loose(), &mut stream)
        })
        .collect();
    assert!(starts.iter().all(|start| !matches!(start, Start::Temporal(..))), "{starts:?}");
    let (start, _) = described_by(&mills(["1877", "1896", "1872"]), "Alpha Mill").unwrap();
    assert!(
        matches!(start, Start::Temporal(_, _, period) if period == Period::of(1877))
            || matches!(start, Start::Described(..))
    );
    // Type and place: two colleges in one place cannot be told apart by them.
    let colleges = |second: &str| {
        let first = "Orchard College is a small college in Northfield.";
        vec![Page::text("Some colleges").line(first).line(second).document()]
    };
    let (start, _) =
        described_by(&colleges("River College is a small college in Southfield."), "Orchard College").unwrap();
    assert!(matches!(start, Start::Institutional(..) | Start::Described(..)));
    let twins = described_by(&colleges("River College is a small college in Northfield."), "Orchard College");
    assert!(twins.is_none());
}

#[test]
fn a_fact_stated_in_two_documents_needs_both() {
    let mut corpus = world();
    let country = corpus[0].title.clone();
    let currency = corpus[0].notes[0].object.clone();
    let line = format!("In {country} one pays with {currency}\n");
    corpus.push(Page::text("Travel").note(&country, "currency", &currency, &line).document());
    let settings = GraphSpec { styles: only_multi_fact(), ..loose() };
    let made = some(&corpus, &settings, address(), 300);
    check(&made, &corpus, &settings);
    let uses = |item: &&Item| matches!(&item.certificate.proof, Proof::Path { steps, .. } if steps.iter().any(|s| s.0 == country && s.1 == "currency"));
    let using: Vec<&Item> = made.items.iter().filter(uses).collect();
    assert!(!using.is_empty());
    for item in using {
        let quotes = item
            .certificate
            .evidence
            .iter()
            .filter(|piece| piece.quote.contains(&currency) && piece.quote.contains(&country));
        assert_eq!(quotes.count(), 2, "{}", item.question);
    }
}

#[test]
fn a_hub_of_a_hundred_thousand_facts_is_passed_by() {
    let mut corpus = world();
    for page in 0..100 {
        let mut hub = Page::text(&format!("Hub page {page}"));
        for row in 0..1000 {
            let line = format!("thing {page} x {row} is in the Great Hub\n");
            hub = hub.note(&format!("thing {page} x {row}"), "place", "Great Hub", &line);
        }
        corpus.push(hub.document());
    }
    let network = network(&corpus, &loose());
    let made = items_of(&network, &corpus, &GraphSpec { items: 60, ..loose() }, address()).unwrap();
    assert!(made.statistics.facts > 100_000 && made.statistics.hubs >= 1);
    assert!(made.items.len() == 60);
    check(&made, &corpus, &loose());
    assert!(network.entity(find(&network, "Great Hub")).hub);
}

#[test]
fn names_with_syntax_of_templates_and_queries_are_said_as_they_are() {
    let odd = [
        "{{ settings.secret }} House",
        "{% for x in y %} House",
        "Ann'; DROP TABLE facts; -- House",
        "</text> House",
        "{# note #} House",
    ];
    let rows: Vec<[&str; 2]> =
        odd.iter().zip(["Abel", "Bork", "Cind", "Dorn", "Erst"]).map(|(house, street)| [*house, street]).collect();
    let mut corpus = vec![Page::text("Houses").table(&["House", "Street"], &rows).document()];
    for (at, street) in ["Abel", "Bork", "Cind", "Dorn", "Erst"].into_iter().enumerate() {
        let tree = ["Ash tree", "Birch", "Cedar", "Elm tree", "Fir tree"][at];
        corpus.push(
            Page::text(&format!("About {street}"))
                .note(street, "tree", tree, &format!("{street}: {tree}\n"))
                .document(),
        );
    }
    let settings = GraphSpec { styles: only_multi_fact(), options: 1, obfuscated: 0.0, ..loose() };
    let made = some(&corpus, &settings, address(), 40);
    check(&made, &corpus, &settings);
    for name in odd {
        let said = made.items.iter().any(|item| item.question.contains(name) || item.answer.text == name);
        assert!(said, "{name}: {:?}", made.items.iter().map(|item| &item.question).collect::<Vec<_>>());
    }
}

#[test]
fn loops_and_copies_are_counted() {
    let mut corpus = world();
    let copy = corpus[0].clone();
    corpus.push(Document { source: "copy.md".into(), ..copy });
    let text = "The Old Board of Trade (OBT) met. OBT helps the Old Board of Trade.";
    let page = Page::text("Board").line(text).note("OBT", "helper", "Old Board of Trade", "OBT Old Board of Trade\n");
    corpus.push(page.note("Same", "is", "same", "Same is same\n").document());
    let statistics = network(&corpus, &loose()).statistics;
    assert_eq!((statistics.copies, statistics.self_loops), (1, 1));
    assert_eq!(statistics.joined["name and short form"], 1);
    assert_eq!(statistics.refused["head and tail are the same"], 1);
}

#[test]
fn a_document_with_too_many_facts_is_left_out_whole() {
    let corpus = world();
    let settings = GraphSpec { facts_per_document: 20, ..loose() };
    let statistics = network(&corpus, &settings).statistics;
    assert_eq!(statistics.left_out["more facts than facts_per_document"], [12, 13, 14, 15]);
    let settings = GraphSpec { most_facts: 10, ..loose() };
    let statistics = network(&corpus, &settings).statistics;
    assert!(statistics.statements <= 10 && statistics.left_out.values().map(Vec::len).sum::<usize>() > 40);
}

/// A corpus whose documents change after they were read once.
struct Fickle(Vec<Document>, AtomicUsize);

impl Corpus for Fickle {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn document(&self, at: usize) -> Option<super::Page<'_>> {
        let calls = self.1.fetch_add(1, Ordering::SeqCst);
        let mut document = self.0[at].clone();
        if calls >= self.0.len() {
            document.text = document.text.replace(['a', 'e', '1'], "_");
        }
        Some(super::Page::Read(Arc::new(document)))
    }
}

#[test]
fn documents_that_change_give_no_items() {
    let corpus = Fickle(world(), AtomicUsize::new(0));
    let made = some(&corpus, &loose(), address(), 20);
    assert!(made.items.is_empty());
    assert!(made.tally.rejected[Reason::DocumentGone.name()] > 0);
}

#[test]
fn what_a_package_brings_comes_before_its_module_of_that_name() {
    let corpus = vec![
        Page::code("lib/short/__init__.py")
            .note("lib/short/__init__.py", "imports", "short", "from .short import short\n")
            .document(),
        Page::code("lib/short/short.py").note("lib/short/short.py", "defines", "short", "def short\n").document(),
        Page::code("lib/b.py").note("lib/b.py", "imports", "short", "from lib.short import short\n").document(),
    ];
    let network = network(&corpus, &loose());
    let edges = (0..network.statistics.facts).map(Edge::new);
    let imported = edges.filter(|edge| &*network.entity(network.ends(*edge).0).name == "lib/b.py");
    let names: Vec<&str> = imported.map(|edge| &*network.entity(network.ends(edge).1).name).collect();
    assert_eq!(names, ["short"]);
}

#[test]
fn no_documents_and_no_facts_give_nothing() {
    let none: Vec<Document> = Vec::new();
    let made = some(&none, &GraphSpec::default(), address(), 5);
    assert!(made.items.is_empty() && made.tally.rejected.contains_key("no fact to ask for"));
    let empty = vec![Page::text("Empty").line("nothing here").document()];
    assert!(some(&empty, &GraphSpec::default(), address(), 5).items.is_empty());
}

#[test]
fn a_far_answer_is_as_far_as_its_path() {
    let (corpus, settings) = (world(), GraphSpec { distant: true, ..loose() });
    let made = some(&corpus, &settings, address(), 40);
    check(&made, &corpus, &settings);
    assert!(!made.items.is_empty());
}

/// Prints items of the small world, to be read.
#[test]
#[ignore = "prints; run with --nocapture"]
fn print_items_of_the_small_world() {
    let made = some(&world(), &GraphSpec { sets: 0.15, ..loose() }, address(), 60);
    for item in &made.items {
        println!(
            "\n{:?} {} {}\n{}\n=> {} {:?}",
            item.style.unwrap(),
            item.difficulty,
            operation(item),
            item.question,
            item.answer.text,
            item.answer.aliases
        );
    }
    println!("{:?}\n{:#?}", made.tally.rejected, made.statistics);
}
