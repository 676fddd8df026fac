//! Items out of plans: evidence and passages read from the documents again, and the certificate.

use super::Corpus;
use super::draw::Reason;
use super::evaluate::{evaluate, evaluate_without, states};
use super::network::{Edge, Network};
use super::passage::windows;
use super::plan::{Goal, Plan, Solution};
use super::settings::GraphSettings;
use crate::{Answer, Certificate, Engine, Evidence, Form, Item, Passage, Proof, Step, Work};
use longlab_documents::{Document, Hash, Span};
use longlab_kernels::stream::Stream;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a token, where no tokenizer has counted.
const BYTES_OF_A_TOKEN: usize = 4;

/// A question that is proved over the graph and put into words.
pub(super) struct Draft {
    pub plan: Plan,
    pub solution: Solution,
    pub question: String,
}

/// An item of a draft, with everything read from the documents again and the proof evaluated again without the graph.
pub(super) fn item(
    network: &Network,
    corpus: &dyn Corpus,
    settings: &GraphSettings,
    draft: &Draft,
    stream: &mut Stream,
) -> Result<Item, Reason> {
    let pages = pages(network, corpus, draft)?;
    let (steps, evidence) = stated(network, &pages, draft)?;
    let operation = draft.plan.operation(first_half(network, &draft.plan)).to_string();
    let proof = Proof::Path { steps, operation };
    let text = draft.solution.answer.clone();
    if evaluate(&proof, &evidence).as_deref() != Some(&text) {
        return Err(Reason::NotStated);
    }
    let necessity: Vec<Option<String>> =
        (0..evidence.len()).map(|at| evaluate_without(&proof, &evidence, at)).collect();
    if necessity.iter().any(|left| left.as_deref() == Some(&text)) {
        return Err(Reason::NotNeeded);
    }
    let mut passages = passages(&pages, &evidence, settings)?;
    stream.shuffle(&mut passages);
    let shown: usize = passages.iter().map(|passage| passage.text.len()).sum();
    let read = pages.keys().flat_map(|document| network.work(*document)).cloned();
    let queries = draft.solution.matches.iter().map(|found| Work {
        step: "query".into(),
        model: None,
        input: Hash::of(&found.query),
        output: Hash::of(&found.found.to_string()),
    });
    let work = read.chain(queries);
    let answer = answer(network, draft);
    let certificate = Certificate {
        evidence,
        proof,
        necessity,
        absent: answer.aliases.clone(),
        tokens: (shown + draft.question.len()) / BYTES_OF_A_TOKEN,
        tokenizer: None,
        work: work.collect(),
    };
    Ok(Item {
        id: id_of(&draft.question, &answer, &passages),
        engine: Engine::Graph,
        form: form(&draft.plan),
        style: Some(draft.plan.style),
        difficulty: draft.plan.facts().into_iter().collect::<BTreeSet<_>>().len(),
        question: draft.question.clone(),
        answer,
        passages,
        certificate,
    })
}

fn id_of(question: &str, answer: &Answer, passages: &[Passage]) -> Hash {
    let shown: Vec<String> =
        passages.iter().map(|p| format!("{} {} {}", p.document.0, p.span.start, p.span.end)).collect();
    Hash::of(&format!("graph\n{question}\n{}\n{}", answer.text, shown.join("\n")))
}

fn form(plan: &Plan) -> Form {
    match plan.goal {
        Goal::Year | Goal::YearsBetween | Goal::Count | Goal::CountWithout => Form::Numeric,
        _ => Form::MultiHop,
    }
}

fn answer(network: &Network, draft: &Draft) -> Answer {
    let text = draft.solution.answer.clone();
    let spellings = draft.solution.node.map(|node| network.aliases(node)).unwrap_or_default();
    let aliases = spellings.iter().map(|alias| alias.to_string()).filter(|alias| *alias != text && alias.len() <= 120);
    Answer { aliases: aliases.collect(), text }
}

/// The documents that state the facts of a draft.
fn pages<'a>(
    network: &Network,
    corpus: &'a dyn Corpus,
    draft: &Draft,
) -> Result<BTreeMap<u32, Cow<'a, Document>>, Reason> {
    let mut pages = BTreeMap::new();
    for edge in draft.plan.facts() {
        for place in network.places(edge) {
            if let std::collections::btree_map::Entry::Vacant(entry) = pages.entry(place.document) {
                let page = corpus.document(place.document as usize).ok_or(Reason::DocumentGone)?;
                if !network.knows(place.document, &Hash::of(&page.text)) {
                    return Err(Reason::DocumentGone);
                }
                entry.insert(page);
            }
        }
    }
    Ok(pages)
}

/// The steps of the proof, one for each place that states a fact, and the evidence.
fn stated(
    network: &Network,
    pages: &BTreeMap<u32, Cow<'_, Document>>,
    draft: &Draft,
) -> Result<(Vec<Step>, Vec<Evidence>), Reason> {
    let (mut steps, mut evidence): (Vec<Step>, Vec<Evidence>) = Default::default();
    for edge in draft.plan.facts() {
        let (head, relation, tail) = texts(network, edge);
        for place in network.places(edge) {
            let page = &pages[&place.document];
            let span = Span { start: place.start as usize, end: place.end as usize };
            let quote = span.of(&page.text).ok_or(Reason::DocumentGone)?.to_string();
            let names = network.aliases(network.ends(edge).1).iter().map(|alias| &**alias);
            if !names.chain([tail.as_str()]).any(|name| states(&quote, name)) {
                return Err(Reason::NotStated);
            }
            let piece = Evidence { document: page.hash.clone(), span, quote };
            let at = evidence.iter().position(|known| *known == piece).unwrap_or(evidence.len());
            if at == evidence.len() {
                evidence.push(piece);
            }
            steps.push((head.clone(), relation.clone(), tail.clone(), at));
        }
    }
    Ok((steps, evidence))
}

fn texts(network: &Network, edge: Edge) -> (String, String, String) {
    let (head, tail) = network.ends(edge);
    let name = |node| network.entity(node).name.to_string();
    (name(head), network.relation(edge).text.clone(), name(tail))
}

/// How many steps the first half of a plan's proof has.
fn first_half(network: &Network, plan: &Plan) -> usize {
    plan.facts().into_iter().take(plan.first_half()).map(|edge| network.places(edge).len()).sum()
}

fn passages(
    pages: &BTreeMap<u32, Cow<'_, Document>>,
    evidence: &[Evidence],
    settings: &GraphSettings,
) -> Result<Vec<Passage>, Reason> {
    let mut passages = Vec::new();
    for page in pages.values() {
        let spans: Vec<Span> =
            evidence.iter().filter(|piece| piece.document == page.hash).map(|piece| piece.span).collect();
        for span in windows(page, &spans, settings.passage).ok_or(Reason::TooLong)? {
            let text = span.of(&page.text).ok_or(Reason::DocumentGone)?.to_string();
            let title = super::triplet::page_name(page).text;
            passages.push(Passage { document: page.hash.clone(), title, span, text });
        }
    }
    Ok(passages)
}
