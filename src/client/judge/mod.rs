//! A model that judges whether two answers agree.

mod template;

pub use template::{MissingSlot, Template};

use crate::{ChatFailure, ChatModel, ChatReply, ChatRequest, Progress, Usage, ask_all};
use serde::{Deserialize, Serialize};

/// What is to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Case {
    /// The question alone, without its documents.
    pub question: String,
    /// The answer of the model that is scored.
    pub predicted: String,
    /// The right answer.
    pub gold: String,
}

/// What a judge decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The answers agree.
    Yes,
    /// They do not.
    No,
    /// There is no verdict. Never to be counted as a wrong answer.
    Failed,
}

impl Verdict {
    /// Strict: `[[YES]]` without `[[NO]]` is yes, `[[NO]]` without `[[YES]]` is no, everything else is failed.
    ///
    /// ```
    /// use longlab_client::Verdict;
    /// assert_eq!(Verdict::of("Both are seven. [[YES]]"), Verdict::Yes);
    /// assert_eq!(Verdict::of("Seven is not eight. [[NO]]"), Verdict::No);
    /// assert_eq!(Verdict::of("[[YES]] or [[NO]]? YES"), Verdict::Failed);
    /// ```
    pub fn of(reply: &str) -> Verdict {
        match (reply.contains("[[YES]]"), reply.contains("[[NO]]")) {
            (true, false) => Verdict::Yes,
            (false, true) => Verdict::No,
            _ => Verdict::Failed,
        }
    }
}

/// A verdict with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The judge: the model as it calls itself, or as it was asked for where no answer came.
    pub model: String,
    /// BLAKE3 of the prompt's template, hexadecimal.
    pub template_hash: String,
    /// BLAKE3 of the filled prompt, hexadecimal.
    pub prompt_hash: String,
    /// What the judge said, without its thinking; or why there is no answer.
    pub words: String,
    /// Tokens.
    pub usage: Usage,
}

/// A judge: a model, the prompt, and how it is asked. The defaults are those of the released code: temperature 0, seed 42.
///
/// ```
/// # use longlab_client::*;
/// # struct Fixed;
/// # impl ChatModel for Fixed {
/// #     fn name(&self) -> String { "fixed".into() }
/// #     fn chat(&self, _: &ChatRequest, _: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
/// #         let (content, usage) = ("Both mean 7. [[YES]]".to_owned(), Usage::default());
/// #         Ok(ChatReply { content, reasoning: None, finish: Finish::Stop, usage, model: self.name(), logprobs: vec![] })
/// #     }
/// # }
/// # let model = Fixed;
/// let judge = Judge::new(&model);
/// let case = Case { question: "How many?".into(), predicted: "seven".into(), gold: "7".into() };
/// assert_eq!(judge.judge(&case).verdict, Verdict::Yes);
/// ```
pub struct Judge<'a> {
    /// The model that judges.
    pub model: &'a dyn ChatModel,
    /// Its prompt.
    pub template: Template,
    /// Longest reply, tokens, thinking included; some servers refuse what their window cannot hold.
    pub max_tokens: usize,
    /// Divides the logits.
    pub temperature: f64,
    /// Seed of its draws.
    pub seed: u64,
}

impl<'a> Judge<'a> {
    /// A judge with the paper's prompt.
    pub fn new(model: &'a dyn ChatModel) -> Judge<'a> {
        Judge { model, template: Template::default(), max_tokens: 8192, temperature: 0.0, seed: 42 }
    }

    /// What the model is asked about a case.
    pub fn request(&self, case: &Case) -> ChatRequest {
        let mut request = ChatRequest::new(self.template.filled(case), self.max_tokens);
        request.temperature = Some(self.temperature);
        request.seed = Some(self.seed);
        request
    }

    /// Judges a case.
    pub fn judge(&self, case: &Case) -> Judgement {
        let request = self.request(case);
        let outcome = self.model.chat(&request, &mut |_| true);
        self.judgement(&request, outcome)
    }

    /// Judges cases by so many threads; as [`ask_all`], judgements in the order of the cases.
    pub fn judge_all(
        &self,
        cases: &[Case],
        threads: usize,
        see: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Vec<Judgement> {
        let requests: Vec<_> = cases.iter().map(|case| self.request(case)).collect();
        let outcomes = ask_all(self.model, &requests, threads, see);
        requests.iter().zip(outcomes).map(|(request, outcome)| self.judgement(request, outcome)).collect()
    }

    fn judgement(&self, request: &ChatRequest, outcome: Result<ChatReply, ChatFailure>) -> Judgement {
        let (verdict, model, words, usage) = match outcome {
            Ok(reply) => (Verdict::of(&reply.content), reply.model, reply.content, reply.usage),
            Err(failure) => (Verdict::Failed, self.model.name(), failure.to_string(), Usage::default()),
        };
        let prompt_hash = template::hash(&request.messages);
        Judgement { verdict, model, template_hash: self.template.hash(), prompt_hash, words, usage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finish;

    /// Says what it is made with.
    struct Says(Result<&'static str, ChatFailure>);

    impl ChatModel for Says {
        fn name(&self) -> String {
            "asked".into()
        }

        fn chat(&self, _: &ChatRequest, _: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
            let (content, usage) = (self.0.clone()?.to_owned(), Usage { prompt_tokens: 3, completion_tokens: 4 });
            let reasoning = Some("[[YES]] or [[NO]]?".into());
            Ok(ChatReply {
                content,
                reasoning,
                finish: Finish::Stop,
                usage,
                model: "answered".into(),
                logprobs: vec![],
            })
        }
    }

    fn case(gold: &str) -> Case {
        Case { question: "How many?".into(), predicted: "seven".into(), gold: gold.into() }
    }

    #[test]
    fn verdicts_are_strict() {
        for (reply, verdict) in [
            ("Same. [[YES]]", Verdict::Yes),
            ("[[YES]] [[YES]]", Verdict::Yes),
            ("Differ.\n[[NO]]", Verdict::No),
            ("[[YES]] no, [[NO]]", Verdict::Failed),
            ("YES", Verdict::Failed),
            ("[YES]", Verdict::Failed),
            ("[[yes]]", Verdict::Failed),
            ("", Verdict::Failed),
        ] {
            assert_eq!(Verdict::of(reply), verdict, "{reply}");
        }
    }

    #[test]
    fn a_judgement_says_what_it_rests_on_and_thinking_decides_nothing() {
        let model = Says(Ok("Both mean 7. [[YES]]"));
        let judge = Judge::new(&model);
        let judgement = judge.judge(&case("7"));
        assert_eq!((judgement.verdict, judgement.model.as_str()), (Verdict::Yes, "answered"));
        assert_eq!(judgement.template_hash, Template::default().hash());
        assert_eq!(judgement.usage.completion_tokens, 4);
        let other = judge.judge(&case("8"));
        assert_eq!(other.template_hash, judgement.template_hash);
        assert_ne!(other.prompt_hash, judgement.prompt_hash);
        let request = judge.request(&case("7"));
        assert_eq!((request.temperature, request.seed), (Some(0.0), Some(42)));
        let written = serde_json::to_string(&judgement).unwrap();
        assert!(written.contains(r#""verdict":"yes""#));
        assert_eq!(serde_json::from_str::<Judgement>(&written).unwrap(), judgement);
    }

    #[test]
    fn every_failure_is_failed_and_never_no() {
        let reason = || "status 500".to_owned();
        for failure in [
            ChatFailure::Refused { reason: reason() },
            ChatFailure::Failed { reason: reason() },
            ChatFailure::Budget { reason: reason() },
            ChatFailure::Stopped,
        ] {
            let model = Says(Err(failure.clone()));
            let judgements = Judge::new(&model).judge_all(&[case("7"), case("8")], 2, &mut |_| true);
            for judgement in judgements {
                assert_eq!((judgement.verdict, judgement.words), (Verdict::Failed, failure.to_string()));
                assert_eq!(judgement.model, "asked");
            }
        }
    }
}
