//! What the roles of self-play say: questions are read and executed as the world has them.

use super::{base, stream};
use longlab::lm::Tokenizer;
use longlab::synth::micro::facts::{Fact, RELATIONS, draw_facts};
use longlab::synth::micro::render::{Body, Context, ContextKind};
use longlab::synth::micro::{read, riddle};
use longlab::task::template;
use longlab_kernels::self_play::Verdict;
use proptest::prelude::*;
use std::path::Path;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever knows the language reads from the documents what they were made of.
    #[test]
    fn documents_are_read_back(seed in 0u64..1 << 40, tokens in 64usize..600) {
        let context = Context::draw(&mut stream(seed), ContextKind::Facts, tokens);
        let Body::Facts(mut facts) = context.body.clone() else { panic!("a context of facts") };
        let mut found = read::facts(&context.text());
        prop_assert_eq!(read::documents(&context.text()).len(), context.documents.len());
        let key = |fact: &Fact| (fact.relation, fact.head);
        facts.sort_by_key(key);
        found.sort_by_key(key);
        prop_assert_eq!(found, facts);
    }

    /// What the warm start teaches a questioner is well-formed, and without slips its reference is what the documents say.
    #[test]
    fn lessons_of_the_questioner_are_well_formed_and_true(seed in 0u64..1 << 40, tokens in 64usize..600) {
        let mut stream = stream(seed);
        let context = Context::draw(&mut stream, ContextKind::Facts, tokens);
        let turn = riddle::posed(&mut stream, &context, 0.0).unwrap();
        let riddle = riddle::parse(&template::response(&turn.thinking, &turn.answer)).expect("it is well-formed");
        prop_assert_eq!(riddle.answer(&read::facts(&context.text())), Some(riddle.reference));
        let slipped = riddle::posed(&mut stream, &context, 1.0).unwrap();
        let riddle = riddle::parse(&template::response(&slipped.thinking, &slipped.answer)).expect("it is well-formed");
        prop_assert!(riddle.path.len() <= 4);
    }

    #[test]
    fn lessons_of_the_verifier_are_votes(seed in 0u64..1 << 40) {
        let turn = riddle::judged(&mut stream(seed), 0.0);
        let (_, answers) = turn.ask.split_once("The first answer is ").unwrap();
        let (first, second) = answers.split_once(". The second answer is ").unwrap();
        let due = if first == second.trim_end_matches('.') { Verdict::Yes } else { Verdict::No };
        let response = template::response(&turn.thinking, &turn.answer);
        prop_assert_eq!(riddle::vote(&response, true), due);
        prop_assert_eq!(riddle::vote(&response, false), Verdict::Malformed);
    }

    /// No text, however close to a question, is a panic; and what is read is in the world's grammar.
    #[test]
    fn any_text_is_a_question_or_malformed(words in prop::collection::vec(prop::sample::select(vec![
        "What is", "the", "mayor", "home", "river", "of", "Anna", "Oslo", "Arno", "tea", "?", "The answer is", ".", "</think>", "<|im_end|>", "",
    ]), 0..24)) {
        if let Some(riddle) = riddle::parse(&words.join(" ")) {
            prop_assert!(!riddle.path.is_empty() && riddle.path.len() <= riddle::MOST_HOPS);
            prop_assert_eq!(RELATIONS[riddle.path[0]].head, read::kind_of(riddle.head).unwrap().0);
            for pair in riddle.path.windows(2) {
                prop_assert_eq!(RELATIONS[pair[0]].tail, RELATIONS[pair[1]].head);
            }
        }
    }
}

#[test]
fn malformed_questions_are_malformed() {
    let said = |text: &str| riddle::parse(&format!("It says so. </think> {text}<|im_end|>"));
    assert!(said("What is the mayor of the home of Anna? The answer is Boris.").is_some());
    for text in [
        "",
        "What is the mayor of the home of Anna?",
        "What is the mayor of the home of Anna? Boris.",
        "What is the mayor of the home of Anna? The answer is .",
        "What is the mayor of the home of Anna? The answer is Oslo.",
        "What is Anna? The answer is Anna.",
        "What is the mayor of Anna? The answer is Boris.",
        "What is the boss of Anna? The answer is Boris.",
        "What is mayor of Oslo? The answer is Boris.",
        "What is the mayor of the home of Anna The answer is Boris.",
        "Which is the mayor of Oslo? The answer is Boris.",
        "What is the home of the friend of the friend of the friend of the friend of the friend of the friend of the friend of the friend of Anna? The answer is Oslo.",
    ] {
        assert_eq!(said(text), None, "{text}");
    }
    assert_eq!(riddle::parse("What is the mayor of Oslo? The answer is Boris."), None, "thinking that does not close");
}

#[test]
fn what_documents_do_not_say_has_no_answer() {
    let facts = draw_facts(&mut stream(1), 6, 0);
    let known = facts[0];
    let noun = known.rel().noun;
    let response = format!("</think> What is the {noun} of {}? The answer is {}.", known.head, known.tail);
    let riddle = riddle::parse(&response).unwrap();
    assert_eq!(riddle.answer(&facts), Some(known.tail));
    assert_eq!(riddle.answer(&facts[1..]), None);
}

/// The roles speak the words that the shipped tokenizer knows.
#[test]
fn the_roles_use_known_words() {
    let tokenizer = Tokenizer::load(&Path::new(&base()).join("tokenizer.json")).unwrap();
    let unknown = tokenizer.id("<unk>");
    for seed in 0..200 {
        let mut stream = stream(seed);
        let context = Context::draw(&mut stream, ContextKind::Facts, 200);
        for turn in [riddle::posed(&mut stream, &context, 0.1).unwrap(), riddle::judged(&mut stream, 0.1)] {
            let text =
                format!("{} {}", template::question(&turn.ask), template::response(&turn.thinking, &turn.answer));
            let tokens = tokenizer.encode(&text).unwrap();
            assert!(tokens.iter().all(|&token| Some(token) != unknown), "{text}");
            assert_eq!(tokenizer.decode(&tokens, true).unwrap().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
