//! `[engines.table.written]`: questions over tables that a model writes, and the queries that answer them.

use super::check::{demand, share};
use super::{SpecError, Unanswered};
use serde::{Deserialize, Serialize};

/// `[engines.table.written]`: a model writes a question after the manner of a template, then queries for it; those of them that are run to the same answer
/// decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenSpec {
    /// Share of the engine's items that a model writes; the others are those of the templates.
    pub share: f64,
    /// Queries that are asked for a question, each without sight of the others.
    pub queries: usize,
    /// Queries that must give the same answer: more than half of them.
    pub agree: usize,
    /// Rows that the model is shown.
    pub rows: usize,
    /// Longest question, characters.
    pub longest: usize,
    /// Temperature of the answers.
    pub temperature: f64,
    /// Longest answer, tokens.
    pub tokens: usize,
    /// Most questions that are asked for each wanted item.
    pub patience: usize,
    /// What happens when the model gives no answer: the run ends and the next one asks again, or the question is dropped.
    pub unanswered: Unanswered,
    /// Questions that are worked on at the same time. Changes nothing that comes out.
    pub parallel: usize,
}

impl Default for WrittenSpec {
    fn default() -> Self {
        WrittenSpec {
            share: 0.5,
            queries: 5,
            agree: 3,
            rows: 6,
            longest: 400,
            temperature: 0.7,
            tokens: 512,
            patience: 8,
            unanswered: Unanswered::Stop,
            parallel: 8,
        }
    }
}

impl WrittenSpec {
    /// How many of so many items a model writes.
    pub fn of(&self, items: usize) -> usize {
        (items as f64 * self.share).round() as usize
    }

    pub(super) fn check(&self) -> Result<(), SpecError> {
        let WrittenSpec { queries, agree, rows, longest, temperature, tokens, patience, parallel, .. } = self;
        share("engines.table.written.share", self.share)?;
        demand((1..=64).contains(queries), "engines.table.written.queries", queries, "use 1 to 64 queries")?;
        let most = 2 * agree > *queries && agree <= queries;
        demand(most, "engines.table.written.agree", agree, "give more than half of `queries` and at most all of them")?;
        demand((1..=1_000).contains(rows), "engines.table.written.rows", rows, "show 1 to 1000 rows")?;
        let length = (20..=10_000).contains(longest);
        demand(length, "engines.table.written.longest", longest, "allow 20 to 10000 characters")?;
        let warmth = (0.0..=2.0).contains(temperature);
        demand(warmth, "engines.table.written.temperature", temperature, "use 0 to 2")?;
        demand(*tokens > 0, "engines.table.written.tokens", tokens, "give at least one token")?;
        let tries = (1..=1_000_000).contains(patience);
        demand(tries, "engines.table.written.patience", patience, "give at least one try for an item")?;
        demand((1..=256).contains(parallel), "engines.table.written.parallel", parallel, "use 1 to 256")?;
        let mend = "use `stop` or `drop`: a question without queries is no item";
        demand(self.unanswered != Unanswered::Keep, "engines.table.written.unanswered", self.unanswered, mend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_are_refused() {
        let refused = |spec: WrittenSpec| spec.check().unwrap_err().to_string();
        let spec = WrittenSpec::default;
        assert_eq!(spec().check().err().map(|error| error.to_string()), None);
        assert!(refused(WrittenSpec { share: 1.5, ..spec() }).contains("`engines.table.written.share`"));
        assert!(refused(WrittenSpec { queries: 6, ..spec() }).contains("more than half"));
        assert!(refused(WrittenSpec { agree: 6, ..spec() }).contains("at most all"));
        assert!(refused(WrittenSpec { queries: 0, agree: 0, ..spec() }).contains("1 to 64"));
        assert!(refused(WrittenSpec { rows: 0, ..spec() }).contains("rows"));
        assert!(refused(WrittenSpec { longest: 3, ..spec() }).contains("longest"));
        assert!(refused(WrittenSpec { temperature: 3.0, ..spec() }).contains("temperature"));
        assert!(refused(WrittenSpec { tokens: 0, ..spec() }).contains("tokens"));
        assert!(refused(WrittenSpec { patience: 0, ..spec() }).contains("patience"));
        assert!(refused(WrittenSpec { parallel: 0, ..spec() }).contains("parallel"));
        assert!(refused(WrittenSpec { unanswered: Unanswered::Keep, ..spec() }).contains("`stop` or `drop`"));
    }

    #[test]
    fn shares_are_rounded() {
        let spec = WrittenSpec::default();
        assert_eq!([0, 1, 2, 5].map(|items| spec.of(items)), [0, 1, 1, 3]);
    }
}
