//! The engine as a stage of the pipeline.

use super::kept::Kept;
use super::make::{Tally, make};
use super::network::{Network, Prose, Statistics};
use super::wording;
use crate::corpus::Corpus;
use crate::error::Result;
use crate::funnel::Counts;
use crate::item::{Engine, Item};
use crate::spec::GraphSpec;
use crate::tools::Maker;
use longlab_client::ChatModel;
use longlab_documents::Hash;
use longlab_kernels::stream::{Address, Purpose};
use std::path::PathBuf;

/// The graph engine.
pub struct GraphMaker<'a> {
    spec: GraphSpec,
    /// Reads facts from prose, where the specification asks for it.
    model: Option<&'a dyn ChatModel>,
    /// Where its answers are kept.
    answers: PathBuf,
}

impl<'a> GraphMaker<'a> {
    /// The engine with its settings; answers of the model are kept in a folder.
    pub fn new(spec: GraphSpec, model: Option<&'a dyn ChatModel>, answers: PathBuf) -> GraphMaker<'a> {
        let model = model.filter(|_| spec.extract.is_some());
        GraphMaker { spec, model, answers }
    }

    fn network(&self, corpus: &Corpus, address: Address) -> Result<Network> {
        let (Some(model), Some(extract)) = (self.model, &self.spec.extract) else {
            return Network::of(corpus, &self.spec, None);
        };
        let kept = Kept::open(&self.answers, model, extract.unanswered)?;
        let network = Network::of(corpus, &self.spec, Some(Prose { model: &kept, address }))?;
        kept.demand_answers()?;
        Ok(network)
    }
}

impl Maker for GraphMaker<'_> {
    fn engine(&self) -> Engine {
        Engine::Graph
    }

    fn version(&self) -> String {
        let model = self.model.map(|model| model.name());
        format!("graph 4 {:?} {model:?} {}", self.spec, wording::version())
    }

    fn make(
        &self,
        corpus: &Corpus,
        seed: u64,
        counts: &mut Counts,
        put: &mut dyn FnMut(Item) -> Result<()>,
    ) -> Result<Vec<Hash>> {
        let address = Address::new(seed, Purpose::World).rollout(Engine::Graph as u32);
        let network = self.network(corpus, address.position(1))?;
        let tally = make(&network, corpus, &self.spec, address, put)?;
        count(counts, &tally, &network.statistics, self.spec.items);
        let out = network.statistics.left_out.values().flatten();
        Ok(out.filter_map(|number| corpus.entries().get(*number as usize)).map(|entry| entry.hash.clone()).collect())
    }
}

/// What the funnel says of the engine: draws, and what the graph holds.
fn count(counts: &mut Counts, tally: &Tally, graph: &Statistics, wanted: usize) {
    counts.taken += tally.kept + tally.rejected.values().sum::<usize>();
    counts.kept += tally.kept;
    for (reason, count) in &tally.rejected {
        *counts.dropped.entry((*reason).into()).or_default() += count;
    }
    let mut remark = |what: String, count: usize| *counts.remarks.entry(what).or_default() += count;
    remark("entities of the graph".into(), graph.entities);
    remark("facts of the graph".into(), graph.facts);
    graph.joined.iter().for_each(|(rule, count)| remark(format!("names joined: {rule}"), *count));
    for (reason, documents) in &graph.left_out {
        remark(format!("documents left out of the graph: {reason}"), documents.len());
    }
    if graph.calls > 0 {
        remark("calls of the model that reads prose".into(), graph.calls);
    }
    if tally.kept < wanted {
        remark("the corpus has no more than these".into(), 1);
    }
}
