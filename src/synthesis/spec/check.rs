//! Ranges of the keys.

use super::{
    AgentsSpec, DialogueSpec, GraphSpec, JudgeSpec, RetrospectiveSpec, Spec, SpecError, TableSpec, Unanswered,
    WrittenSpec,
};
use std::fmt::Debug;

/// Most items of an engine: enough for the paper's 42.7K many times over, and few enough for their counts to stay in memory.
const MOST_ITEMS: usize = 10_000_000;

/// The mend of a patience of 0.
const PATIENCE: &str = "give at least one try for an item";

/// Most alike requests: beyond them the ordinals would be unreadable.
const MOST_NEEDLES: usize = 100;

impl Spec {
    /// Checks every value against its range.
    pub(super) fn check(&self) -> Result<(), SpecError> {
        let named = !self.name.is_empty() && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        demand(named, "name", &self.name, "use letters, digits, `-`, `_` and `.`")?;
        self.check_corpus()?;
        self.check_engines()?;
        self.check_context()?;
        self.check_checks()?;
        self.check_difficulty()?;
        let copied = self.decontamination.words;
        demand((4..=64).contains(&copied), "decontamination.words", copied, "use 4 to 64 words; 13 is common")?;
        share("output.test", self.output.test)?;
        self.model.as_ref().map_or(Ok(()), |model| model.check("model"))?;
        self.judge.as_ref().map_or(Ok(()), |judge| judge.check("judge"))
    }

    fn check_checks(&self) -> Result<(), SpecError> {
        let checks = &self.checks;
        let tries = [
            ("checks.blind", checks.blind),
            ("checks.grounding", checks.grounding),
            ("checks.scarce", checks.scarce),
            ("checks.alone", checks.alone),
            ("checks.robustness", checks.robustness),
        ];
        for (key, tries) in tries {
            demand(tries <= 64, key, tries, "use 0 to 64 tries")?;
        }
        share("checks.few", checks.few)?;
        demand(checks.answer > 0, "checks.answer", checks.answer, "give at least one token")?;
        demand((0.0..=2.0).contains(&checks.temperature), "checks.temperature", checks.temperature, "use 0 to 2")?;
        demand((1..=256).contains(&checks.parallel), "checks.parallel", checks.parallel, "use 1 to 256")?;
        let kept = checks.unanswered == Unanswered::Keep;
        demand(!kept, "checks.unanswered", checks.unanswered, "use `stop` or `drop`: an item must have been checked")
    }

    fn check_difficulty(&self) -> Result<(), SpecError> {
        let difficulty = &self.difficulty;
        demand((1..=20).contains(&difficulty.bins), "difficulty.bins", difficulty.bins, "use 1 to 20 bins")?;
        share("difficulty.easiest", difficulty.easiest)?;
        let quota = difficulty.quota;
        demand(quota != Some(0), "difficulty.quota", quota, "give at least one item, or leave it out")?;
        let Some(RetrospectiveSpec { share, power, .. }) = self.retrospective else { return Ok(()) };
        let most = share.is_finite() && (0.0..=10.0).contains(&share);
        demand(most, "retrospective.share", share, "use 0 to 10 times this stage's items")?;
        demand((0.0..=8.0).contains(&power), "retrospective.power", power, "use 0 to 8")
    }

    fn check_judge(judge: &JudgeSpec) -> Result<(), SpecError> {
        let JudgeSpec { votes, shown, answer, temperature, parallel, .. } = judge;
        demand((1..=64).contains(votes), "corpus.judge.votes", votes, "use 1 to 64 votes")?;
        demand(*shown >= 100, "corpus.judge.shown", shown, "show at least 100 characters")?;
        demand(*answer > 0, "corpus.judge.answer", answer, "give at least one token")?;
        demand((0.0..=2.0).contains(temperature), "corpus.judge.temperature", temperature, "use 0 to 2")?;
        demand((1..=256).contains(parallel), "corpus.judge.parallel", parallel, "use 1 to 256")
    }

    fn check_corpus(&self) -> Result<(), SpecError> {
        let filters = &self.corpus.filters;
        share("corpus.duplicates.near", self.corpus.duplicates.near)?;
        self.corpus.judge.as_ref().map_or(Ok(()), Spec::check_judge)?;
        let ordered = filters.fewest_words <= filters.most_words;
        demand(ordered, "corpus.filters.most_words", filters.most_words, "give at least `fewest_words`")
    }

    fn check_engines(&self) -> Result<(), SpecError> {
        let engines = &self.engines;
        let counts = [
            engines.graph.as_ref().map(|graph| graph.items),
            engines.table.as_ref().map(|table| table.items),
            engines.agents.as_ref().map(|agents| agents.items),
            engines.dialogue.as_ref().map(|dialogue| dialogue.items),
        ];
        let total: usize = counts.iter().flatten().fold(0, |sum, items| sum.saturating_add(*items));
        demand(
            total > 0,
            "engines",
            "without items",
            "name an engine and its `items`, such as [engines.table] items = 100",
        )?;
        demand(total <= MOST_ITEMS, "engines", total, "ask for at most 10,000,000 items")?;
        engines.graph.as_ref().map_or(Ok(()), GraphSpec::check)?;
        engines.table.as_ref().map_or(Ok(()), check_table)?;
        engines.agents.as_ref().map_or(Ok(()), AgentsSpec::check)?;
        engines.dialogue.as_ref().map_or(Ok(()), check_dialogue)
    }

    fn check_context(&self) -> Result<(), SpecError> {
        let context = &self.context;
        context.length.check()?;
        share("context.near", context.near)?;
        share("context.room", context.room)?;
        let tries = context.top_ups.min(context.shortenings).min(context.patience);
        let tried = "let `top_ups`, `shortenings` and `patience` be at least 1";
        demand(tries > 0, "context.patience", context.patience, tried)?;
        demand(context.most >= 256, "context.most", context.most, "give at least 256 tokens")?;
        demand(context.passage >= 32, "context.passage", context.passage, "give at least 32 tokens")
    }
}

fn check_table(table: &TableSpec) -> Result<(), SpecError> {
    shares("engines.table.levels", &[table.levels.easy, table.levels.medium, table.levels.hard])?;
    bounds("engines.table.documents", table.documents, 1, 1_000)?;
    bounds("engines.table.most_rows", [table.fewest_rows, table.most_rows], 2, 10_000)?;
    let alike = table.alike > 0.0 && table.alike <= 1.0;
    demand(alike, "engines.table.alike", table.alike, "use a share above 0 and up to 1")?;
    demand(table.patience > 0, "engines.table.patience", table.patience, PATIENCE)?;
    table.written.as_ref().map_or(Ok(()), WrittenSpec::check)
}

fn check_dialogue(dialogue: &DialogueSpec) -> Result<(), SpecError> {
    let needles = &dialogue.needles;
    let fit = !needles.is_empty() && needles.iter().all(|count| (2..=MOST_NEEDLES).contains(count));
    demand(fit, "engines.dialogue.needles", needles, "list numbers from 2 to 100, such as [2, 4, 8]")?;
    bounds("engines.dialogue.words", dialogue.words, 10, 5_000)?;
    demand(dialogue.patience > 0, "engines.dialogue.patience", dialogue.patience, PATIENCE)
}

/// A value that must fulfil a condition.
pub(super) fn demand(
    fulfilled: bool,
    key: &'static str,
    given: impl Debug,
    mend: &'static str,
) -> Result<(), SpecError> {
    if fulfilled { Ok(()) } else { Err(SpecError::Value { key, line: None, given: format!("{given:?}"), mend }) }
}

/// A share.
pub(super) fn share(key: &'static str, given: f64) -> Result<(), SpecError> {
    demand((0.0..=1.0).contains(&given), key, given, "use a share from 0 to 1")
}

/// Shares that are not all 0.
pub(super) fn shares(key: &'static str, given: &[f64]) -> Result<(), SpecError> {
    let fit = given.iter().all(|share| share.is_finite() && *share >= 0.0) && given.iter().sum::<f64>() > 0.0;
    demand(fit, key, given, "use shares of 0 or more, not all 0")
}

/// A least and a greatest number.
pub(super) fn bounds(key: &'static str, given: [usize; 2], low: usize, high: usize) -> Result<(), SpecError> {
    let fit = given[0] >= low.min(given[1]) && given[0] <= given[1] && given[1] <= high && given[1] >= low;
    demand(fit && given[0] >= 1, key, given, "give the fewest and the most, in this order and in bounds")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str =
        "name = \"real\"\n[corpus]\nfolder = \"texts\"\n[engines.table]\nitems = 10\n[output]\nfolder = \"out\"\n";

    fn mistake(from: &str, to: &str) -> String {
        assert!(SPEC.contains(from));
        Spec::parse(&SPEC.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn a_short_specification_has_defaults() {
        let spec = Spec::parse(SPEC).unwrap();
        assert_eq!((spec.seed, spec.context.most, spec.difficulty.bins), (0, 119_932, 3));
        assert_eq!(spec.engines.table.unwrap().documents, [2, 8]);
    }

    #[test]
    fn an_unknown_key_is_named_with_what_there_is() {
        let message = mistake("items = 10", "itmes = 10");
        assert!(message.contains("itmes") && message.contains("items") && message.contains("line 5"), "{message}");
    }

    #[test]
    fn values_out_of_range_name_key_and_mend() {
        let message = mistake("items = 10", "items = 10\ndocuments = [5, 2]");
        assert!(message.contains("engines.table.documents") && message.contains("in this order"), "{message}");
        assert!(message.contains("line 6"), "{message}");
        assert!(mistake("items = 10", "items = 0").contains("name an engine"));
        assert!(mistake("name = \"real\"", "name = \"a/b\"").contains("`name`"));
        let law = "[context]\nlength = { law = \"uniform\", low = 9, high = 3 }\n[output]";
        assert!(mistake("[output]", law).contains("context.length"));
        assert!(mistake("[output]", "[context]\nnear = 1.5\n[output]").contains("context.near"));
    }

    #[test]
    fn a_law_that_is_not_known_is_named() {
        let message = mistake("[output]", "[context]\nlength = { law = \"figure4\" }\n[output]");
        assert!(message.contains("figure4") && message.contains("figure3"), "{message}");
    }
}
