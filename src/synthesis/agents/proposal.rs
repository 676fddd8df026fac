//! What a proposer wrote, read strictly: a reply is data, and whatever a document made the model say, it either keeps to the form or is rejected by name.

use super::answer::one_number;
use super::cluster::Part;
use super::rejection::Rejection;
use super::transcript::{Pair, Task};
use crate::item::Evidence;
use crate::name::{Said, words};
use crate::spec::{AgentsSpec, Quotes};
use longlab_documents::Span;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Longest question with its options, bytes.
const QUESTION: usize = 4_000;

/// Longest option, bytes.
const OPTION: usize = 1_000;

/// Fewest words and most bytes of a quote.
const QUOTE: (usize, usize) = (3, 1_000);

/// Most quotes.
const QUOTES: usize = 32;

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
    evidence: Vec<Quote>,
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
struct Quote {
    document: usize,
    quote: String,
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
    let answer = answer(task, &reply.answer.text(), &asked, rules)?;
    let question = match reply.options {
        Some(options) => format!("{asked}\nChoices:\n{}", listed(options)?),
        None => asked,
    };
    if solved.iter().any(|pair| words(&pair.question).eq(words(&question))) {
        return Err(Rejection::Repeated);
    }
    Ok(Proposal { question, answer, evidence: evidence(reply.evidence, shown, rules)? })
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
fn listed(options: Options) -> Result<String, Rejection> {
    let texts = [options.a, options.b, options.c, options.d].map(|option| option.text());
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

/// The places of the quotes.
fn evidence(quotes: Vec<Quote>, shown: &[Part], rules: &AgentsSpec) -> Result<Vec<Evidence>, Rejection> {
    let mut evidence: Vec<Evidence> = vec![];
    for quote in quotes.into_iter().take(QUOTES) {
        match placed(&quote, shown) {
            Ok(found) if !evidence.contains(&found) => evidence.push(found),
            Ok(_) => {}
            Err(_) if rules.quotes == Quotes::Some => {}
            Err(rejection) => return Err(rejection),
        }
    }
    let mut documents: Vec<&str> = evidence.iter().map(|evidence| evidence.document.0.as_str()).collect();
    documents.sort_unstable();
    documents.dedup();
    if documents.len() < rules.sources { Err(Rejection::Sources) } else { Ok(evidence) }
}

fn placed(quote: &Quote, shown: &[Part]) -> Result<Evidence, Rejection> {
    let part = quote.document.checked_sub(1).and_then(|at| shown.get(at)).ok_or(Rejection::UnknownDocument)?;
    let long_enough = words(&quote.quote).count() >= QUOTE.0 && quote.quote.len() <= QUOTE.1;
    let found = if long_enough { find(&part.text, &quote.quote) } else { None };
    let Span { start, end } = found.ok_or(Rejection::Quote)?;
    let offset = part.place.span.start;
    Ok(Evidence {
        document: part.place.document.clone(),
        span: Span { start: offset + start, end: offset + end },
        quote: part.text[start..end].into(),
    })
}

/// Where a quote first stands in a text, whatever white space is between its words: lines are broken otherwise in a quote.
fn find(text: &str, quote: &str) -> Option<Span> {
    let parts: Vec<&str> = quote.split_whitespace().collect();
    let first = *parts.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].find(first) {
        let start = from + at;
        if let Some(end) = follows(text, start + first.len(), &parts[1..]) {
            return Some(Span { start, end });
        }
        from = start + first.chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// The end of parts that stand in a text from a place on, with white space before each.
fn follows(text: &str, from: usize, parts: &[&str]) -> Option<usize> {
    parts.iter().try_fold(from, |at, part| {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        let gap = rest.len() - trimmed.len();
        (gap > 0 && trimmed.starts_with(part)).then_some(at + gap + part.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::{part, rules};
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
        for wrong in ["\"0\"", "\"0.0\"", "\"many\"", "\"from 3 to 4\"", "\"3 million\"", "\"\"", "\"1e999\""] {
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

        #[test]
        fn quotes_are_found_however_their_lines_are_broken(words in prop::collection::vec("[a-zé]{1,5}", 3..12), gaps in prop::collection::vec("[ \n\t]{1,3}", 12)) {
            let text: String = words.iter().zip(&gaps).flat_map(|(word, gap)| [word.as_str(), gap.as_str()]).collect();
            let found = find(&format!("é {text}"), &words.join(" "));
            prop_assert!(found.is_some());
        }
    }
}
