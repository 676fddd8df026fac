//! Paths followed again: the facts read from their documents again, the question put into words again, the answer computed again, and no other fact of
//! the documents shown that would answer a hop.

use super::fault::{Fault, Faults};
use super::proof::{is_answer, necessity};
use crate::corpus::Corpus;
use crate::error::Result;
use crate::graph::{Again, Asked, Goal, Hop, Link, Operation, Start, evaluate, evaluate_without, states};
use crate::item::{Item, Step};
use longlab_documents::{Document, Hash};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A path of a certificate.
pub(super) struct Path<'a> {
    /// The item.
    pub item: &'a Item,
    /// Its steps.
    pub steps: &'a [Step],
    /// What is computed.
    pub operation: &'a str,
    /// How the question was put together.
    pub asked: &'a Asked,
}

impl Path<'_> {
    /// Faults of the path.
    pub fn check(&self, corpus: &Corpus, again: &Again, faults: &mut Faults) -> Result<()> {
        let Path { item, steps, operation, asked } = self;
        let (proof, evidence) = (&item.certificate.proof, &item.certificate.evidence);
        faults.demand(operation.parse::<Operation>().is_ok(), Fault::UnknownRule, || (*operation).into());
        for (at, step) in steps.iter().enumerate() {
            let stated = evidence.get(step.3).is_some_and(|evidence| states(&evidence.quote, &step.2));
            faults.demand(stated, Fault::EvidenceAltered, || format!("step {at}: {step:?}"));
        }
        let same_steps = asked.has_steps(steps);
        faults.demand(same_steps, Fault::EvidenceAltered, || "the steps are not the facts of the question".into());
        let same_operation = *operation == asked.operation();
        faults.demand(same_operation, Fault::QueryAltered, || format!("{} by the plan", asked.operation()));
        let question = asked.question()?;
        let same_question = question.as_ref() == Some(&item.question);
        faults.demand(same_question, Fault::QuestionAltered, || format!("{question:?} by the plan"));
        let found: Vec<usize> = asked.queries.iter().map(|query| query.found).collect();
        faults.demand(found == asked.found(), Fault::NotUnique, || format!("{found:?} found by the queries"));
        let computed = evaluate(proof, evidence);
        let right = computed.as_deref().is_some_and(|computed| is_answer(item, computed));
        faults.demand(right, Fault::AnswerDiffers, || format!("{computed:?} computed"));
        let without: Vec<Option<String>> =
            (0..evidence.len()).map(|at| evaluate_without(proof, evidence, at)).collect();
        necessity(item, &without, faults);
        if same_steps && question.is_some() {
            self.ask_documents(corpus, again, faults)?;
        }
        Ok(())
    }

    /// The facts must be stated where the evidence stands, and nothing else that is shown may answer a hop.
    fn ask_documents(&self, corpus: &Corpus, again: &Again, faults: &mut Faults) -> Result<()> {
        let mut shown: BTreeMap<&Hash, Arc<Document>> = BTreeMap::new();
        for passage in &self.item.passages {
            if let Some(document) = corpus.find(&passage.document)? {
                shown.insert(&passage.document, document);
            }
        }
        let facts: Vec<[Vec<u64>; 3]> = self.asked.facts.iter().map(|fact| self.keys(fact)).collect();
        for (step, fact) in self.steps.iter().zip(self.asked.facts_of_steps()) {
            let Some(evidence) = self.item.certificate.evidence.get(step.3) else { continue };
            let [heads, relations, tails] = &facts[fact];
            let own = shown.get(&evidence.document);
            let stated = match self.asked.facts[fact].by_model {
                // What a model read is checked as it was taken: both names stand in the quote.
                true => states(&evidence.quote, &step.0) && self.read_by_model(),
                false => {
                    own.is_some_and(|document| again.stated(document).states(heads, relations, tails, evidence.span))
                }
            };
            faults.demand(stated, Fault::EvidenceAltered, || format!("{step:?} is not stated there"));
        }
        for document in shown.values() {
            let stated = again.stated(document);
            for hop in self.hops() {
                let [heads, relations, tails] = &facts[hop.edge.index()];
                // What is said of a thing and itself is no fact.
                let differs = |key: u64| !heads.contains(&key) && !tails.contains(&key);
                let other = match hop.forward {
                    true => stated.tails(heads, relations).any(differs),
                    false => stated.heads(tails, relations).any(differs),
                };
                let said =
                    || format!("{} answers {:?} otherwise", document.source, self.asked.steps().get(hop.edge.index()));
                faults.demand(!other, Fault::NotUnique, said);
            }
        }
        Ok(())
    }

    /// The hops that must lead to one entity only; the last of what nothing else uses also back.
    fn hops(&self) -> Vec<Hop> {
        let parts = &self.asked.plan.parts;
        let told = parts.iter().filter_map(|part| match &part.start {
            Start::Described(_, hops) if hops.len() == 1 => hops.first(),
            _ => None,
        });
        let last = parts.last().and_then(|part| part.hops.last()).filter(|_| self.asked.plan.goal == Goal::Unused);
        let back = last.map(|hop| Hop { forward: !hop.forward, ..*hop });
        parts.iter().flat_map(|part| &part.hops).chain(told).copied().chain(back).collect()
    }

    fn read_by_model(&self) -> bool {
        self.item.certificate.work.iter().any(|work| work.step == "extract" && work.model.is_some())
    }

    fn keys(&self, fact: &Link) -> [Vec<u64>; 3] {
        let numbers = |keys: Option<&Vec<String>>| {
            keys.into_iter().flatten().filter_map(|key| u64::from_str_radix(key, 16).ok()).collect()
        };
        let thing = |at: usize| numbers(self.asked.entities.get(at).map(|thing| &thing.keys));
        let tie = numbers(self.asked.relations.get(fact.relation).map(|tie| &tie.keys));
        [thing(fact.head), tie, thing(fact.tail)]
    }
}
