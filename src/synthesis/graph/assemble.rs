//! Items out of plans: evidence read from the documents again, and the certificate.

use super::Corpus;
use super::asked::Asked;
use super::draw::Reason;
use super::evaluate::{evaluate, evaluate_without, states};
use super::name::JOINTS;
use super::network::{Edge, Network};
use super::plan::{Goal, Plan, Solution};
use super::read::Page;
use crate::extend::cut::readable;
use crate::spec::GraphSpec;
use crate::{Answer, Certificate, Engine, Evidence, Form, Item, Proof, Step, Work};
use longlab_documents::{Hash, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Longest other spelling of an answer, bytes.
const LONGEST_ALIAS: usize = 120;

/// A question that is proved over the graph and put into words.
pub(super) struct Draft {
    pub plan: Plan,
    pub solution: Solution,
    pub question: String,
    pub way: usize,
}

/// The pages that state the facts of a draft, by number.
type Pages<'a> = BTreeMap<u32, Page<'a>>;

/// An item of a draft, with everything read from the documents again and the proof evaluated again without the graph.
pub(super) fn item(
    network: &Network,
    corpus: &dyn Corpus,
    settings: &GraphSpec,
    draft: &Draft,
) -> Result<Item, Reason> {
    let pages = pages(network, corpus, draft)?;
    let (steps, evidence) = stated(network, &pages, draft)?;
    let queries = draft.solution.matches.clone();
    let asked = Asked::of(network, &draft.plan, draft.way, settings.nested, queries);
    let proof = Proof::Path { steps, operation: asked.operation(), asked: Box::new(asked) };
    let text = draft.solution.answer.clone();
    if evaluate(&proof, &evidence).as_deref() != Some(&text) {
        return Err(Reason::NotStated);
    }
    let answer = answer(network, draft);
    let necessity: Vec<Option<String>> =
        (0..evidence.len()).map(|at| evaluate_without(&proof, &evidence, at)).collect();
    if necessity.iter().flatten().any(|left| *left == text || answer.aliases.contains(left)) {
        return Err(Reason::NotNeeded);
    }
    let far = |page: &Page, span: Span| {
        let shown = readable(page, span);
        shown.end - shown.start > settings.passage
    };
    let page_of = |piece: &Evidence| pages.values().find(|page| page.hash == piece.document);
    if evidence.iter().any(|piece| page_of(piece).is_none_or(|page| far(page, piece.span))) {
        return Err(Reason::TooLong);
    }
    let certificate = Certificate {
        work: read_by(network, &pages, &evidence),
        evidence,
        proof,
        necessity,
        absent: answer.aliases.clone(),
        tokens: 0,
        tokenizer: None,
    };
    Ok(Item {
        id: Hash(String::new()),
        engine: Engine::Graph,
        form: form(&draft.plan),
        style: Some(draft.plan.style),
        difficulty: draft.plan.facts().into_iter().collect::<BTreeSet<_>>().len(),
        question: draft.question.clone(),
        answer,
        passages: vec![],
        certificate,
    })
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
    let page = draft.solution.node.is_some_and(|node| network.noun(node) == "page");
    let own = without_site(&text).filter(|_| page).map(String::from);
    let aliases = spellings.iter().map(|alias| alias.to_string()).chain(own);
    Answer { aliases: aliases.filter(|alias| *alias != text && alias.len() <= LONGEST_ALIAS).collect(), text }
}

/// The title of a page without what it belongs to, `Alpha release notes — Handbook`, where two words or more are left.
fn without_site(title: &str) -> Option<&str> {
    let at = JOINTS.iter().filter_map(|joint| title.rfind(joint)).min()?;
    let own = title[..at].trim();
    (own.split_whitespace().count() >= 2).then_some(own)
}

/// The documents that state the facts of a draft.
fn pages<'a>(network: &Network, corpus: &'a dyn Corpus, draft: &Draft) -> Result<Pages<'a>, Reason> {
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
fn stated(network: &Network, pages: &Pages, draft: &Draft) -> Result<(Vec<Step>, Vec<Evidence>), Reason> {
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

/// The calls of a model that read the evidence.
fn read_by(network: &Network, pages: &Pages, evidence: &[Evidence]) -> Vec<Work> {
    let calls = pages.iter().flat_map(|(number, page)| network.work(*number).iter().map(move |call| (page, call)));
    let reads = |page: &Page, window: &Span| {
        let inside = |piece: &Evidence| window.start <= piece.span.start && piece.span.end <= window.end;
        evidence.iter().any(|piece| piece.document == page.hash && inside(piece))
    };
    calls.filter(|(page, (window, _))| reads(page, window)).map(|(_, (_, work))| work.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::without_site;

    #[test]
    fn a_page_goes_by_its_title_without_its_site() {
        assert_eq!(without_site("Alpha 1.6 release notes — Alpha documentation"), Some("Alpha 1.6 release notes"));
        assert_eq!(without_site("Index — Alpha documentation"), None);
        assert_eq!(without_site("Alpha - and Omega"), None);
    }
}
