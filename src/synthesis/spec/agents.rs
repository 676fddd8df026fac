//! `[engines.agents]`: what the agents play, and who plays them.

use super::check::{bounds, demand, share, shares};
use super::{GrammarFiles, PromptFiles, ReplyTokens, RoleSpec, SpecError, Unanswered};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[engines.agents]`: a proposer asks about a cluster of documents, a solver answers, a verifier compares (section 3.2, engine C, after SPELL). What the
/// paper does not say has SPELL's value where SPELL has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentsSpec {
    /// Items to make.
    pub items: usize,
    /// Documents of a cluster; the solver sees all.
    #[serde(default = "defaults::documents")]
    pub documents: usize,
    /// Documents that the proposer sees in the first round; each round later it sees as many more. Left out, it sees all (MASE).
    #[serde(default)]
    pub shown: Option<usize>,
    /// Whether the documents of a cluster are near in topic; else they are any.
    #[serde(default = "defaults::yes")]
    pub near: bool,
    /// Longest part of a document that the agents see, bytes.
    #[serde(default = "defaults::part")]
    pub part: usize,
    /// Rounds over a cluster; each asks one question at most.
    #[serde(default = "defaults::rounds")]
    pub rounds: usize,
    /// Solved questions of the cluster, the latest ones, that the proposer sees.
    #[serde(default = "defaults::rounds")]
    pub history: usize,
    /// Shares of the tasks.
    #[serde(default)]
    pub tasks: TaskShares,
    /// How a question says what it rests on.
    #[serde(default)]
    pub cite: Cite,
    /// Fewest documents that a question must quote.
    #[serde(default = "defaults::sources")]
    pub sources: usize,
    /// Which quotes must stand in their documents.
    #[serde(default)]
    pub quotes: Quotes,
    /// Longest answer of a general question, words.
    #[serde(default = "defaults::answer_words")]
    pub answer_words: usize,
    /// Whether the answer (of a choice the right option) must stand in a quote word for word.
    #[serde(default)]
    pub verbatim: bool,
    /// Fewest words of a question, of four letters or more, that must stand in the quotes.
    #[serde(default)]
    pub shared_words: usize,
    /// Answers of the solver to a question.
    #[serde(default = "defaults::votes")]
    pub answers: usize,
    /// Votes of the verifier on an answer.
    #[serde(default = "defaults::votes")]
    pub votes: usize,
    /// Wrong answers to each question that the verifier must say no to before its votes count.
    #[serde(default)]
    pub decoys: usize,
    /// Whether an answer that is right by rule needs no votes: the reward is the greater of rule and vote.
    #[serde(default = "defaults::yes")]
    pub rule: bool,
    /// Least and greatest share of right answers with which a question is kept. The most common answer must be right in any case.
    #[serde(default = "defaults::solved")]
    pub solved: [f64; 2],
    /// Answers of the solver without the documents that must all be wrong by rule.
    #[serde(default = "defaults::one")]
    pub grounding: usize,
    /// Answers of the solver without the question that must all be wrong by rule.
    #[serde(default)]
    pub unasked: usize,
    /// Answers of the solver without each one of the quoted documents that must all be wrong by rule.
    #[serde(default)]
    pub necessity: usize,
    /// Temperature of all roles.
    #[serde(default = "defaults::temperature")]
    pub temperature: f64,
    /// What the roles are asked, in templates of one's own.
    #[serde(default)]
    pub prompts: PromptFiles,
    /// What the roles' replies are held to by their servers.
    #[serde(default)]
    pub grammars: GrammarFiles,
    /// Longest replies.
    #[serde(default)]
    pub tokens: ReplyTokens,
    /// The questioner's reward.
    #[serde(default)]
    pub reward: RewardSpec,
    /// Clusters that are played at once.
    #[serde(default = "defaults::parallel")]
    pub parallel: usize,
    /// What happens to a cluster that a model gave no answer to.
    #[serde(default = "defaults::unanswered")]
    pub unanswered: Unanswered,
    /// Who asks.
    #[serde(default)]
    pub proposer: RoleSpec,
    /// Who answers.
    #[serde(default)]
    pub solver: RoleSpec,
    /// Who compares.
    #[serde(default)]
    pub verifier: RoleSpec,
}

/// `[engines.agents.tasks]`: shares of the tasks; they need not add up to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskShares {
    /// One of four options.
    pub choice: f64,
    /// One number.
    pub numeric: f64,
    /// A short text.
    pub general: f64,
}

impl Default for TaskShares {
    fn default() -> Self {
        TaskShares { choice: 1.0, numeric: 1.0, general: 1.0 }
    }
}

/// How a proposal says what it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cite {
    /// It quotes: `{"document": 1, "quote": ".."}`.
    #[default]
    Quote,
    /// It names sentences by the numbers that they are shown with: `3`. The quotes are then the document's own.
    Number,
}

/// Which quotes of a proposal must stand in their documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quotes {
    /// All; one that does not ends the proposal.
    #[default]
    All,
    /// Those that do are taken, and the others left out.
    Some,
}

/// `[engines.agents.reward]`: SPELL's reward of the questioner, from the share of right answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardSpec {
    /// The share that is rewarded most.
    pub centre: f64,
    /// Standard deviation of the bell around it.
    pub width: f64,
    /// Where every answer is right.
    pub always: f64,
    /// Where the question is answered without the documents.
    pub ungrounded: f64,
    /// Where the proposal is none.
    pub malformed: f64,
}

impl Default for RewardSpec {
    fn default() -> Self {
        RewardSpec { centre: 0.5, width: 0.5 / 3.0, always: 0.0, ungrounded: -0.5, malformed: -1.0 }
    }
}

impl AgentsSpec {
    /// Who plays the three roles: proposer, solver, verifier.
    pub fn roles(&self) -> [&RoleSpec; 3] {
        [&self.proposer, &self.solver, &self.verifier]
    }

    /// The files that are named, to be found below the folder of the specification.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let PromptFiles { propose, solve, verify } = &mut self.prompts;
        let held = &mut self.grammars;
        let files = [propose, solve, verify, &mut held.propose, &mut held.solve, &mut held.verify];
        let caches =
            [&mut self.proposer, &mut self.solver, &mut self.verifier].into_iter().filter_map(|role| match role {
                RoleSpec::The => None,
                RoleSpec::Server(settings) => settings.cache.as_mut(),
            });
        files.into_iter().filter_map(Option::as_mut).chain(caches)
    }

    /// Checks every value against its range.
    pub(super) fn check(&self) -> Result<(), SpecError> {
        bounds("engines.agents.documents", [1, self.documents], 1, 100)?;
        bounds("engines.agents.rounds", [1, self.rounds], 1, 100)?;
        let shown = self.shown.is_none_or(|shown| (1..=self.documents).contains(&shown));
        demand(shown, "engines.agents.shown", self.shown, "use 1 to `documents`, or leave it out for all")?;
        demand(self.part >= 200, "engines.agents.part", self.part, "give at least 200 bytes")?;
        demand(self.sources <= self.documents, "engines.agents.sources", self.sources, "use 0 to `documents`")?;
        let words = self.answer_words;
        demand((1..=1_000).contains(&words), "engines.agents.answer_words", words, "use 1 to 1,000 words")?;
        bounds("engines.agents.answers", [1, self.answers], 1, 64)?;
        bounds("engines.agents.votes", [1, self.votes], 1, 64)?;
        demand(self.decoys <= 64, "engines.agents.decoys", self.decoys, "use 0 to 64 wrong answers")?;
        demand(self.shared_words <= 64, "engines.agents.shared_words", self.shared_words, "use 0 to 64 words")?;
        let [least, most] = self.solved;
        let ordered = 0.0 < least && least <= most && most <= 1.0;
        demand(ordered, "engines.agents.solved", self.solved, "give two shares above 0 and up to 1, in order")?;
        demand(self.grounding <= 64, "engines.agents.grounding", self.grounding, "use 0 to 64 answers")?;
        demand(self.unasked <= 64, "engines.agents.unasked", self.unasked, "use 0 to 64 answers")?;
        demand(self.necessity <= 64, "engines.agents.necessity", self.necessity, "use 0 to 64 answers")?;
        let warmth = self.temperature;
        demand((0.0..=2.0).contains(&warmth), "engines.agents.temperature", warmth, "use 0 to 2")?;
        let ReplyTokens { propose, solve, verify } = self.tokens;
        demand(propose.min(solve).min(verify) > 0, "engines.agents.tokens", 0, "give at least one token")?;
        bounds("engines.agents.parallel", [1, self.parallel], 1, 1_024)?;
        shares("engines.agents.tasks", &[self.tasks.choice, self.tasks.numeric, self.tasks.general])?;
        share("engines.agents.reward.centre", self.reward.centre)?;
        let width = self.reward.width;
        demand(width.is_finite() && width > 0.0, "engines.agents.reward.width", width, "use a number above 0")?;
        let RewardSpec { always, ungrounded, malformed, .. } = self.reward;
        let finite = [always, ungrounded, malformed].iter().all(|reward| reward.is_finite());
        demand(finite, "engines.agents.reward", &self.reward, "use finite numbers")?;
        self.check_roles()
    }

    fn check_roles(&self) -> Result<(), SpecError> {
        for (name, role) in ["proposer", "solver", "verifier"].into_iter().zip(self.roles()) {
            let RoleSpec::Server(settings) = role else { continue };
            let wrong = |reason: String| SpecError::Mistake(format!("`engines.agents.{name}`: {reason}"));
            settings.check().map_err(|error| wrong(error.to_string()))?;
            if settings.model.is_none() {
                return Err(wrong("name the `model`: answers are kept under its name".into()));
            }
        }
        Ok(())
    }
}

mod defaults {
    use super::Unanswered;

    pub fn documents() -> usize {
        5
    }
    pub fn yes() -> bool {
        true
    }
    pub fn part() -> usize {
        16_000
    }
    pub fn rounds() -> usize {
        3
    }
    pub fn sources() -> usize {
        2
    }
    pub fn answer_words() -> usize {
        40
    }
    pub fn votes() -> usize {
        8
    }
    pub fn solved() -> [f64; 2] {
        [0.01, 1.0]
    }
    pub fn one() -> usize {
        1
    }
    pub fn temperature() -> f64 {
        0.7
    }
    pub fn parallel() -> usize {
        8
    }
    pub fn unanswered() -> Unanswered {
        Unanswered::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spec;

    fn spec(agents: &str) -> Result<Spec, String> {
        let text = format!(
            "name = \"a\"\n[corpus]\nfolder = \"a\"\n[output]\nfolder = \"b\"\n[engines.agents]\nitems = 3\n{agents}"
        );
        Spec::parse(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn roles_are_the_model_or_servers() {
        use super::RoleSpec;
        let read = |more: &str| spec(more).map(|spec| spec.engines.agents.unwrap());
        assert_eq!(read("").unwrap().roles(), [&RoleSpec::The; 3]);
        let own = read("solver = \"the\"\n[engines.agents.verifier]\nurl = \"http://a:1\"\nmodel = \"m\"\n").unwrap();
        let RoleSpec::Server(settings) = &own.verifier else { panic!("{:?}", own.verifier) };
        assert_eq!((settings.url.as_str(), settings.model.as_deref()), ("http://a:1", Some("m")));
        let written = toml::to_string(&own).unwrap();
        assert_eq!(toml::from_str::<super::AgentsSpec>(&written).unwrap(), own);
    }

    #[test]
    fn mistakes_name_key_and_mend() {
        for (more, said) in [
            ("solver = \"gpt\"", "the model of the run"),
            ("[engines.agents.solver]\nurl = \"http://a:1\"", "name the `model`"),
            ("[engines.agents.solver]\nurll = \"http://a:1\"", "urll"),
            ("shown = 9", "engines.agents.shown"),
            ("sources = 9", "engines.agents.sources"),
            ("solved = [0.0, 1.0]", "engines.agents.solved"),
            ("votes = 0", "engines.agents.votes"),
            ("unasked = 65", "engines.agents.unasked"),
            ("decoys = 65", "engines.agents.decoys"),
            ("shared_words = 65", "engines.agents.shared_words"),
            ("cite = \"line\"", "`quote` or `number`"),
            ("grammars = { propose = \"a\", judge = \"b\" }", "judge"),
            ("reward = { width = 0.0 }", "engines.agents.reward.width"),
            ("tasks = { choice = 0.0, numeric = 0.0, general = 0.0 }", "engines.agents.tasks"),
        ] {
            let message = spec(more).unwrap_err();
            assert!(message.contains(said), "{more}: {message}");
        }
    }
}
