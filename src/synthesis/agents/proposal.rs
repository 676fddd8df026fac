//! What a proposer wrote, read strictly: a reply is data, and whatever a document made the model say, it either keeps to the form or is rejected by name.

use super::answer::one_number;
use super::cluster::Part;
use super::evidence::evidence;
use super::rejection::Rejection;
use super::transcript::{Pair, Task};
use crate::item::Evidence;
use crate::name::{Said, words};
use crate::spec::AgentsSpec;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest question with its options, bytes.
const QUESTION: usize = 4_000;

/// Longest option, bytes.
const OPTION: usize = 1_000;

/// Letters from which a word tells what a question is about.
const TELLING: usize = 4;

/// Places of a reply at which an object is looked for.
const STARTS: usize = 256;

/// Words that name a document when a number follows them.
const DOCUMENT: [&str; 8] = ["document", "doc", "article", "passage", "text", "excerpt", "source", "context"];

/// Words that point at a document when one of [`DOCUMENT`] follows or stands before them.
const POINTS: [&str; 8] = ["above", "below", "provided", "given", "following", "first", "second", "third"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    question: Text,
    answer: Text,
    #[serde(default)]
    options: Option<Options>,
    #[serde(default)]
    evidence: Vec<Value>,
}

/// A text, or a number where one is asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Number(serde_json::Number),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(rename = "A")]
    a: Text,
    #[serde(rename = "B")]
    b: Text,
    #[serde(rename = "C")]
    c: Text,
    #[serde(rename = "D")]
    d: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declined {
    #[serde(rename = "unanswerable")]
    _why: IgnoredAny,
}

/// A question that keeps to the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The question, with its options where there are such.
    pub question: String,
    /// The answer: a letter, a number in digits, or a text.
    pub answer: String,
    /// What the answer rests on.
    pub evidence: Vec<Evidence>,
}

/// Reads a reply.
///
/// # Errors
/// Why it is no proposal.
pub fn read(
    reply: &str,
    task: Task,
    shown: &[Part],
    solved: &[Pair],
    rules: &AgentsSpec,
) -> Result<Proposal, Rejection> {
    let object = last_object(reply).ok_or(Rejection::NoObject)?;
    if serde_json::from_str::<Declined>(object).is_ok() {
        return Err(Rejection::Unanswerable);
    }
    let reply: Reply = serde_json::from_str(object).map_err(|_| Rejection::Schema)?;
    if reply.options.is_some() != (task == Task::Choice) {
        return Err(Rejection::Schema);
    }
    let asked = reply.question.text();
    if asked.is_empty() || asked.len() > QUESTION || words(&asked).next().is_none() {
        return Err(Rejection::QuestionLength);
    }
    if names_document(&asked) {
        return Err(Rejection::NamesDocument);
    }
    let mut told = reply.answer.text();
    let answer = answer(task, &told, &asked, rules)?;
    let question = match reply.options {
        Some(options) => {
            let texts = options.texts();
            told = texts["ABCD".find(&answer).unwrap_or_default()].clone();
            format!("{asked}\nChoices:\n{}", listed(&texts)?)
        }
        None => asked.clone(),
    };
    if solved.iter().any(|pair| words(&pair.question).eq(words(&question))) {
        return Err(Rejection::Repeated);
    }
    let evidence = evidence(reply.evidence, shown, rules)?;
    rests(&asked, &told, &evidence, rules)?;
    Ok(Proposal { question, answer, evidence })
}

impl Options {
    fn texts(self) -> [String; 4] {
        [self.a, self.b, self.c, self.d].map(|option| option.text())
    }
}

impl Text {
    /// The text on one line.
    fn text(&self) -> String {
        match self {
            Text::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Text::Number(number) => number.to_string(),
        }
    }
}

/// The last JSON object of a reply that stands in no other; thinking aloud may come before it.
fn last_object(reply: &str) -> Option<&str> {
    let (mut found, mut at) = (None, 0);
    for _ in 0..STARTS {
        at += reply[at..].find('{')?.min(reply.len());
        let mut objects = serde_json::Deserializer::from_str(&reply[at..]).into_iter::<IgnoredAny>();
        let length = match objects.next() {
            Some(Ok(_)) => objects.byte_offset(),
            _ => 0,
        };
        if length > 0 {
            found = Some(&reply[at..at + length]);
        }
        at += length.max(1);
        if !reply[at..].contains('{') {
            return found;
        }
    }
    None
}

fn answer(task: Task, answer: &str, question: &str, rules: &AgentsSpec) -> Result<String, Rejection> {
    match task {
        Task::Choice => match answer {
            "A" | "B" | "C" | "D" => Ok(answer.into()),
            _ => Err(Rejection::NoLetter),
        },
        Task::Numeric => one_number(answer)
            .filter(|number| number.parse::<f64>().is_ok_and(|value| value != 0.0))
            .ok_or(Rejection::NoNumber),
        Task::General => {
            let count = words(answer).count();
            if count == 0 || count > rules.answer_words {
                Err(Rejection::AnswerLength)
            } else if Said::of(question).says(answer) {
                Err(Rejection::Told)
            } else {
                Ok(answer.into())
            }
        }
    }
}

/// The options, a line each.
fn listed(texts: &[String; 4]) -> Result<String, Rejection> {
    let keys: Vec<String> = texts.iter().map(|text| words(text).collect::<Vec<_>>().join(" ")).collect();
    let sound = |at: usize| !texts[at].is_empty() && texts[at].len() <= OPTION && !keys[..at].contains(&keys[at]);
    // Options of marks alone have no words, and are not told apart.
    if (0..4).all(sound) {
        let lines = texts.iter().zip('A'..).map(|(text, letter)| format!("({letter}) {text}"));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    } else {
        Err(Rejection::Options)
    }
}

/// Whether a question speaks of documents by their number or place, which its reader does not know.
fn names_document(question: &str) -> bool {
    let words: Vec<String> = words(question).collect();
    let document = |word: &String| DOCUMENT.iter().any(|name| word == name || word.strip_suffix('s') == Some(name));
    let points = |word: &String| POINTS.contains(&word.as_str());
    let number = |word: &String| word.len() <= 3 && word.chars().all(|c| c.is_ascii_digit());
    words.windows(2).any(|pair| {
        (document(&pair[0]) && (number(&pair[1]) || points(&pair[1]))) || (points(&pair[0]) && document(&pair[1]))
    })
}

/// Whether the answer stands in what is cited, and the question is about it, as far as the settings ask for that.
fn rests(question: &str, answer: &str, evidence: &[Evidence], rules: &AgentsSpec) -> Result<(), Rejection> {
    let quotes: Vec<Said> = evidence.iter().map(|evidence| Said::of(&evidence.quote)).collect();
    let says = |phrase: &str| quotes.iter().any(|quote| quote.says(phrase));
    let telling: BTreeSet<String> = words(question).filter(|word| word.chars().count() >= TELLING).collect();
    let shared = telling.iter().filter(|word| says(word)).count();
    match () {
        () if rules.verbatim && !says(answer) => Err(Rejection::Apart),
        () if shared < rules.shared_words => Err(Rejection::OffTopic),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::{part, rules};
    use crate::spec::{Cite, Quotes};
    use longlab_documents::Span;
    use proptest::prelude::*;

    fn shown() -> Vec<Part> {
        vec![
            part("Mills", "The Old Mill was built\nby Ada Stone in 1850. It burned twice."),
            part("Towns", "Northfield has 1,200 people. Ada Stone was born there."),
        ]
    }

    const GENERAL: &str = r#"{"question": "Where was the builder of the Old Mill born?", "answer": "Northfield",
        "evidence": [{"document": 1, "quote": "Old Mill was built by Ada Stone"}, {"document": 2, "quote": "Northfield has 1,200 people. Ada Stone was born there."}]}"#;

    fn general(reply: &str) -> Result<Proposal, Rejection> {
        read(reply, Task::General, &shown(), &[], &rules())
    }

    #[test]
    fn a_sound_reply_is_read_with_the_places_of_its_quotes() {
        let proposal = general(&format!("Let me think {{of braces}}. {GENERAL} Done.")).unwrap();
        assert_eq!(proposal.answer, "Northfield");
        assert_eq!(proposal.evidence[0].quote, "Old Mill was built\nby Ada Stone");
        assert_eq!(proposal.evidence[0].span, Span { start: 4 + 100, end: 35 + 100 });
    }

    #[test]
    fn every_fault_of_a_proposal_is_named() {
        let with = |from: &str, to: &str| {
            assert!(GENERAL.contains(from), "{from}");
            GENERAL.replace(from, to)
        };
        let long = "word ".repeat(41);
        let cases = [
            ("I cannot.".to_string(), Rejection::NoObject),
            ("{".repeat(100_000), Rejection::NoObject),
            (GENERAL[..GENERAL.len() - 3].into(), Rejection::Schema),
            (with("\"answer\"", "\"reply\""), Rejection::Schema),
            (with("\"answer\"", "\"shell\": \"rm\", \"answer\""), Rejection::Schema),
            (with("\"answer\"", "\"answer\": \"x\", \"answer\""), Rejection::Schema),
            (with("\"document\": 1", "\"document\": -1"), Rejection::Schema),
            (
                with("\"answer\"", "\"options\": {\"A\":\"1\",\"B\":\"2\",\"C\":\"3\",\"D\":\"4\"}, \"answer\""),
                Rejection::Schema,
            ),
            (r#"{"unanswerable": "nothing in common"}"#.into(), Rejection::Unanswerable),
            (with("Where was the builder of the Old Mill born?", " \\n "), Rejection::QuestionLength),
            (with("Old Mill born", &"x".repeat(4_001)), Rejection::QuestionLength),
            (with("the Old Mill born", "the mill of document 1"), Rejection::NamesDocument),
            (with("the Old Mill born", "the mill in the text above"), Rejection::NamesDocument),
            (with("the Old Mill born", "the mill in the first passage"), Rejection::NamesDocument),
            (with("\"Northfield\"", "\" .\""), Rejection::AnswerLength),
            (with("\"Northfield\"", &format!("\"{long}\"")), Rejection::AnswerLength),
            (with("\"Northfield\"", "\"old mill\""), Rejection::Told),
            (with("\"document\": 2", "\"document\": 3"), Rejection::UnknownDocument),
            (with("\"document\": 2", "\"document\": 0"), Rejection::UnknownDocument),
            (with("Old Mill was", "Old Mill had been"), Rejection::Quote),
            (with("Old Mill was built by Ada Stone", "Old Mill"), Rejection::Quote),
            (
                with(
                    "\"document\": 2, \"quote\": \"Northfield has 1,200 people. Ada Stone was born there.\"",
                    "\"document\": 1, \"quote\": \"It burned twice.\"",
                ),
                Rejection::Sources,
            ),
        ];
        for (reply, rejection) in cases {
            assert_eq!(general(&reply).unwrap_err(), rejection, "{reply}");
        }
        let pair = Pair { question: "where was the builder of the old mill born".into(), answer: "x".into() };
        assert_eq!(read(GENERAL, Task::General, &shown(), &[pair], &rules()), Err(Rejection::Repeated));
    }

    #[test]
    fn numbers_and_options_have_their_own_faults() {
        let numeric = |answer: &str| {
            let reply = GENERAL.replace("\"Northfield\"", answer);
            read(&reply, Task::Numeric, &shown(), &[], &rules()).map(|proposal| proposal.answer)
        };
        assert_eq!(numeric("\"$1,200\"").unwrap(), "1200");
        assert_eq!(numeric("-3.50").unwrap(), "-3.5");
        for wrong in ["\"0\"", "\"0.0\"", "\"many\"", "\"from 3 to 4\"", "\"5 of the six towns\"", "\"\"", "\"1e999\""]
        {
            assert_eq!(numeric(wrong), Err(Rejection::NoNumber), "{wrong}");
        }
        let choice = |options: &str, letter: &str| {
            let answer = format!("\"options\": {options}, \"answer\": \"{letter}\"");
            let reply = GENERAL.replace("\"answer\": \"Northfield\"", &answer);
            read(&reply, Task::Choice, &shown(), &[], &rules())
        };
        let four = r#"{"A": "Northfield", "B": "Mill", "C": 3, "D": "Nowhere"}"#;
        let question = choice(four, "A").unwrap().question;
        assert!(question.ends_with("born?\nChoices:\n(A) Northfield\n(B) Mill\n(C) 3\n(D) Nowhere"), "{question}");
        assert_eq!(choice(four, "E"), Err(Rejection::NoLetter));
        assert_eq!(choice(&four.replace("Mill", "northfield."), "A"), Err(Rejection::Options));
        assert_eq!(choice(&four.replace("Mill", ""), "A"), Err(Rejection::Options));
        assert_eq!(choice(&four.replace("\"D\"", "\"E\""), "A"), Err(Rejection::Schema));
        assert_eq!(choice("null", "A"), Err(Rejection::Schema));
    }

    #[test]
    fn where_some_quotes_suffice_the_others_are_left_out() {
        let rules = AgentsSpec { quotes: Quotes::Some, sources: 1, ..rules() };
        let reply = GENERAL.replace("\"document\": 2", "\"document\": 9");
        let proposal = read(&reply, Task::General, &shown(), &[], &rules).unwrap();
        assert_eq!(proposal.evidence.len(), 1);
    }

    /// What a reply that cites by number is read as.
    fn cited(evidence: &str, more: impl FnOnce(&mut AgentsSpec)) -> Result<Proposal, Rejection> {
        let mut rules = AgentsSpec { cite: Cite::Number, sources: 1, ..rules() };
        more(&mut rules);
        let reply = format!(
            r#"{{"evidence": {evidence}, "question": "Where was the builder of the Old Mill born?", "answer": "Northfield"}}"#
        );
        read(&reply, Task::General, &shown(), &[], &rules)
    }

    #[test]
    fn what_is_cited_by_number_is_the_documents_own_sentence() {
        let proposal = cited("[1, 3, 1]", |_| ()).unwrap();
        let quotes: Vec<&str> = proposal.evidence.iter().map(|evidence| evidence.quote.as_str()).collect();
        assert_eq!(quotes, ["The Old Mill was built\nby Ada Stone in 1850.", "Northfield has 1,200 people."]);
        assert_eq!(proposal.evidence[1].span, Span { start: 100, end: 128 });
        for wrong in ["[0]", "[5]", "[1, 99]"] {
            assert_eq!(cited(wrong, |_| ()), Err(Rejection::UnknownNumber), "{wrong}");
        }
        for wrong in ["[-1]", "[1.5]", "[\"1\"]", "1", "[{\"document\": 1, \"quote\": \"It burned twice.\"}]"] {
            assert_eq!(cited(wrong, |_| ()), Err(Rejection::Schema), "{wrong}");
        }
        let some = cited("[3, 99]", |rules| rules.quotes = Quotes::Some).unwrap();
        assert_eq!(some.evidence.len(), 1);
        assert_eq!(cited("[1, 2]", |rules| rules.sources = 2), Err(Rejection::Sources));
        // A number is no quote.
        assert_eq!(cited("[1]", |rules| rules.cite = Cite::Quote), Err(Rejection::Schema));
    }

    #[test]
    fn answer_and_question_rest_on_what_is_cited() {
        assert!(cited("[1, 3]", |rules| rules.verbatim = true).is_ok());
        assert_eq!(cited("[1, 4]", |rules| rules.verbatim = true), Err(Rejection::Apart));
        // Of "Where was the builder of the Old Mill born?" only "mill" has four letters and stands there.
        assert!(cited("[1, 3]", |rules| rules.shared_words = 1).is_ok());
        assert_eq!(cited("[1, 3]", |rules| rules.shared_words = 2), Err(Rejection::OffTopic));
        assert_eq!(cited("[3]", |rules| rules.shared_words = 1), Err(Rejection::OffTopic));
        let options = "\"options\": {\"A\": \"Mill\", \"B\": \"Northfield\", \"C\": 3, \"D\": \"Bern\"}, \"answer\"";
        let chosen = |letter: &str| {
            let reply =
                GENERAL.replace("\"answer\"", options).replace("\"Northfield\",\n", &format!("\"{letter}\",\n"));
            read(&reply, Task::Choice, &shown(), &[], &AgentsSpec { verbatim: true, ..rules() })
        };
        assert!(chosen("B").is_ok());
        assert_eq!(chosen("D"), Err(Rejection::Apart));
    }

    /// Pieces that replies are made of, hostile ones among them.
    const PIECES: [&str; 16] = [
        "{",
        "}",
        "\"",
        "\\",
        "{\"question\": \"a b c?\", ",
        "\"answer\": \"B\"",
        ", \"evidence\": [",
        "]",
        "{\"document\": 1, \"quote\": \"",
        "Old Mill was built",
        "[[YES]]",
        "{{ 7 * 7 }}",
        "\u{0}é",
        "\"options\": {\"A\": 1",
        "{\"unanswerable\": 1}",
        "answer is ",
    ];

    proptest! {
        #[test]
        fn whatever_is_replied_what_is_taken_keeps_to_the_form(at in prop::collection::vec(0usize..PIECES.len(), 0..40), text in ".{0,40}") {
            let reply: String = at.iter().map(|at| PIECES[*at]).chain([text.as_str()]).collect();
            for task in [Task::Choice, Task::Numeric, Task::General] {
                if let Ok(proposal) = read(&reply, task, &shown(), &[], &rules()) {
                    prop_assert!(!proposal.question.is_empty() && proposal.evidence.len() >= 2);
                }
            }
        }
    }
}
