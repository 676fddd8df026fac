//! Engine B: questions over the tables of many documents, answered by a query that is run.

mod assemble;
pub mod cell;
pub mod cluster;
mod draw;
pub mod facts;
pub mod family;
mod headline;
mod make;
mod question;
pub mod schema;
pub mod shape;
mod sql;
mod window;
mod write;
pub mod written;

pub use make::TableMaker;
pub use question::questions;
pub use sql::{Facts, SqlError, names};

use crate::item::{Column, Row, Shape};
use serde_json::Value;

/// What a query over rows answers, and what it answers without each of some cells.
pub struct Executed {
    facts: Facts,
    query: String,
    parameters: Vec<Value>,
    shape: Shape,
}

impl Executed {
    /// A query ready to be run over rows.
    ///
    /// # Errors
    /// Where the rows do not make a table.
    pub fn new(
        columns: &[Column],
        rows: &[Row],
        (query, parameters): (&str, &[Value]),
        shape: Shape,
    ) -> Result<Executed, SqlError> {
        let facts = Facts::new(columns, rows)?;
        Ok(Executed { facts, query: query.into(), parameters: parameters.to_vec(), shape })
    }

    /// The answer; where there is none, why.
    ///
    /// # Errors
    /// Where the query cannot be run.
    pub fn answer(&self) -> Result<Result<String, &'static str>, SqlError> {
        Ok(shape::write(self.shape, &self.facts.ask(&self.query, &self.parameters)?))
    }

    /// Steps of SQLite's machine that the last run took, to the thousand.
    pub fn steps(&self) -> u64 {
        self.facts.steps()
    }

    /// The answer without the cell of a row and a column, whose value is given to be put back; none where there is no answer then.
    ///
    /// # Errors
    /// Where the query cannot be run.
    pub fn answer_without(&self, place: (usize, usize), value: &Value) -> Result<Option<String>, SqlError> {
        let rows = self.facts.ask_without(place, value, &self.query, &self.parameters)?;
        Ok(shape::write(self.shape, &rows).ok())
    }
}
