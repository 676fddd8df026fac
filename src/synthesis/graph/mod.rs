//! Engine A: questions over paths through a graph of what documents state (section 5.3 of the notes on QwenLong-L1.5).
//!
//! | step | file |
//! |---|---|
//! | triplets with their places, from structure | `triplet`, `code`, `scope`, `macros`, `markup`, `date`, `table`, `sentence`, `name` |
//! | triplets from prose by a model, voted and checked against the text | `model` |
//! | the graph across documents, entities and relations joined | `builder`, `cluster`, `network`, `index` |
//! | paths to a target | `walk` |
//! | starts told without their name | `obfuscate` |
//! | plans in four styles, and the proof that each has one answer | `draw`, `plan` |
//! | words | `wording`, `../templates/graph_*.j2` |
//! | items with certificates | `make`, `assemble`, `asked`, `evaluate` |
//! | documents asked again what they state, for verification | `again` |
//! | the engine as a stage | `maker`, `read` |
//!
//! A question is asked only if queries over the whole graph give it one answer, at every step of its path. A document is in the graph with all
//! that it states or not at all; those that are not are named in [`Statistics::left_out`] and must not be shown beside a question.

mod again;
mod asked;
mod assemble;
mod builder;
mod cluster;
mod code;
mod date;
mod draw;
mod evaluate;
mod index;
mod kept;
mod macros;
mod make;
mod maker;
mod markup;
mod model;
mod name;
mod network;
mod obfuscate;
mod plan;
mod read;
mod scope;
pub(crate) mod sentence;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod triplet;
mod walk;
mod wording;

pub use again::Again;
pub use asked::{Asked, Link, Thing, Tie};
pub use evaluate::{Operation, evaluate, evaluate_without, states, year};
pub use make::{Tally, make};
pub use maker::GraphMaker;
pub use model::{Reading, read_by_model};
pub use name::Name;
pub use network::{Edge, Entity, Fact, Hop, Network, Node, Prose, RelationInfo, Statement, Statistics};
pub use plan::{Goal, Match, Part, Period, Plan, Solution, Start};
pub use read::{Corpus, Page};
pub use triplet::{Extraction, Family, Relation, Triplet, triplets};
pub use wording::Wording;

use crate::Item;
use crate::error::Result;
use crate::spec::GraphSpec;
use longlab_kernels::stream::Address;

/// Items with what was counted on the way.
#[derive(Clone, Debug)]
pub struct Items {
    /// The items, their evidence not yet in a context.
    pub items: Vec<Item>,
    /// What was drawn.
    pub tally: Tally,
    /// What was counted in the graph.
    pub statistics: Statistics,
}

/// All items of a corpus that is in memory.
///
/// # Errors
/// Where a setting cannot be, or a wording cannot be rendered.
pub fn items(corpus: &dyn Corpus, settings: &GraphSpec, address: Address) -> Result<Items> {
    settings.check()?;
    items_of(&Network::of(corpus, settings, None)?, corpus, settings, address)
}

/// [`items`] from a graph that was made before, from the same corpus, perhaps with a model that read its prose.
///
/// # Errors
/// As [`items`].
pub fn items_of(network: &Network, corpus: &dyn Corpus, settings: &GraphSpec, address: Address) -> Result<Items> {
    settings.check()?;
    let mut items = vec![];
    let mut put = |item| {
        items.push(item);
        Ok(())
    };
    let tally = make(network, corpus, settings, address, &mut put)?;
    Ok(Items { items, tally, statistics: network.statistics.clone() })
}
