//! Long-context questions from real documents, each with a certificate by which its answer can be computed again without a model.
//!
//! | module | what it holds |
//! |---|---|
//! | [`spec`] | the specification of a dataset, a TOML file |
//! | [`tools`] | what the pipeline is handed: readers, filters, search, models, further engines |
//! | `pipeline`, [`stages`] | the way from documents to a dataset, stage by stage |
//! | [`corpus`] | documents on disk, as stages read them |
//! | [`table`], [`dialogue`] | the engines that need no model |
//! | [`agents`] | the engine whose roles models play |
//! | [`extend`] | irrelevant documents around the evidence |
//! | [`Standard`] | the tools that `longlab_documents` has |
//! | [`score`] | replies of models held against answers |
//! | `item` | an item and its certificate |
//! | [`mod@verify`] | certificates executed again |
//! | [`dataset`] | what is written, and what is in it |

pub mod agents;
mod answers;
pub mod corpus;
pub mod dataset;
pub mod dialogue;
pub mod error;
pub mod extend;
mod files;
pub mod funnel;
pub mod graph;
mod item;
pub mod name;
pub mod observer;
mod pipeline;
pub mod prompt;
pub mod score;
pub mod spec;
pub mod stages;
mod standard;
pub mod table;
#[cfg(test)]
#[allow(dead_code)]
mod testing;
mod tokens;
pub mod tools;
mod tries;
pub mod verify;

pub use error::{Result, SynthesisError};
pub use item::{
    Answer, Certificate, Column, ColumnKind, Engine, Evidence, Form, Item, Level, Passage, Proof, Row, Shape, Step,
    Style, Work,
};
pub use observer::{Observer, Silent};
pub use pipeline::{Options, STAGES, Summary, run};
pub use spec::Spec;
pub use standard::Standard;
pub use tokens::Counter;
pub use tools::Tools;
