//! Whatever is drawn is checked from the text and the bare facts, not by the way it was made.

use super::figures::TOPICS;
use super::genre::{GENRES, Genre};
use super::names::{self, FIRMS, FIRST, LAST, RIVERS, STREETS, TOWNS};
use super::question::{Operation, Plan as Way, flavour};
use super::relations::RELATIONS;
use super::render::Stated;
use super::sheet::{Sheet, filled};
use super::*;
use crate::synth::micro::render::count_tokens;
use longlab_kernels::stream::Purpose;
use std::collections::BTreeSet;

const LENGTHS: (usize, usize) = (300, 380);

/// Words and marks, one token each.
fn measure(text: &str) -> usize {
    count_tokens(text)
}

fn at(task: TaskType, id: u64) -> Address {
    Address::new(11, Purpose::Test).step(task.index() as u32).sample(id)
}

fn of(task: TaskType, id: u64) -> (Context, Ask) {
    drawn(&mut at(task, id).stream(), task, flavour(task), LENGTHS, &measure)
}

/// Runs over 200 samples of a task type.
fn each(task: TaskType, check: impl Fn(&Context, &Ask)) {
    for id in 0..200 {
        let (context, ask) = of(task, id);
        check(&context, &ask);
    }
}

/// Everybody whom a question may mean, read back by trying all descriptions of all heads up to three hops.
fn meant(facts: &[Stated<facts::Fact>], question: &str) -> Vec<String> {
    let heads: BTreeSet<&str> = facts.iter().map(|fact| fact.what.head.as_str()).collect();
    let mut described: Vec<(String, String)> = heads.into_iter().map(|name| (name.into(), name.into())).collect();
    let mut found = Vec::new();
    for _ in 0..MOST_HOPS {
        let mut further = Vec::new();
        for (words, who) in &described {
            for fact in facts.iter().map(|fact| &fact.what).filter(|fact| fact.head == *who) {
                let relation = &RELATIONS[fact.relation];
                let asked = relation.questions.iter().any(|form| form.replace("{x}", words) == question);
                found.extend(asked.then(|| fact.tail.clone()));
                further.push((relation.description.replace("{x}", words), fact.tail.clone()));
            }
        }
        described = further;
    }
    found
}

fn stated(context: &Context) -> &[Stated<facts::Fact>] {
    match &context.body {
        Body::Facts(facts) => facts,
        other => panic!("no facts: {other:?}"),
    }
}

#[test]
fn a_question_about_facts_has_one_answer() {
    for task in OVER_FACTS {
        each(task, |context, ask| {
            let facts = stated(context);
            let question = ask.question.lines().next().unwrap_or_default();
            let found = meant(facts, question);
            assert_eq!(found.len(), 1, "{question}: {found:?}");
            let gold = match task {
                TaskType::MultipleChoice => {
                    let options: Vec<(&str, &str)> =
                        ask.question.lines().filter_map(|line| line.split_once(". ")).collect();
                    let options: Vec<_> = options.into_iter().filter(|(letter, _)| letter.len() == 1).collect();
                    let names: BTreeSet<&str> = options.iter().map(|(_, name)| *name).collect();
                    assert_eq!((options.len(), names.len()), (4, 4), "{}", ask.question);
                    options.iter().find(|(letter, _)| *letter == ask.gold).expect("the gold option is there").1
                }
                _ => ask.gold.as_str(),
            };
            assert_eq!(found, [gold]);
        });
    }
}

/// The documents say each fact once, and of what is asked nothing else under the same head.
#[test]
fn documents_say_each_fact_once() {
    for task in OVER_FACTS {
        each(task, |context, ask| {
            let facts = stated(context);
            let text = context.text.to_lowercase();
            let times = |clause: &str| text.matches(&clause.to_lowercase()).count();
            for fact in facts {
                assert_eq!(times(&fact.clause), 1, "{}", fact.clause);
            }
            let Way::Hops(path, _) = &ask.plan else { panic!("no path") };
            for fact in path.iter().map(|&hop| &facts[hop].what) {
                let relation = fact.rel();
                let others = facts.iter().map(|other| &other.what.tail).filter(|tail| **tail != fact.tail);
                for tail in others.collect::<BTreeSet<_>>() {
                    let said = relation.clauses.iter().map(|clause| facts::said(clause, &fact.head, tail));
                    // Two relations may be worded alike where kinds of tails tell them apart.
                    let own = |clause: &String| facts.iter().any(|other| other.clause == *clause);
                    assert!(
                        said.filter(|clause| !own(clause)).all(|clause| times(&clause) == 0),
                        "{} {tail}",
                        fact.head
                    );
                }
            }
        });
    }
}

#[test]
fn the_facts_of_a_path_lie_in_different_documents() {
    each(TaskType::MultiHop, |context, ask| {
        let documents: Vec<&str> = context.text.split("\n\n").collect();
        let home = |sentence: &String| documents.iter().position(|text| text.contains(sentence.as_str()));
        let homes: BTreeSet<_> = ask.evidence.iter().map(home).collect();
        assert!(homes.len() == ask.evidence.len() && !homes.contains(&None));
    });
}

/// The number that the text has for a name: of the one row or sentence with both.
fn number_of(text: &str, name: &str) -> u32 {
    let pieces = text.lines().flat_map(|line| line.split_inclusive(". ")).filter(|piece| piece.contains(name));
    let digits = |piece: &str| piece.chars().filter(char::is_ascii_digit).collect::<String>();
    let numbers: Vec<String> = pieces.map(digits).collect();
    assert_eq!(numbers.len(), 1, "{name}: {numbers:?}");
    numbers[0].parse().expect("a number stands with the name")
}

#[test]
fn numbers_can_be_read_from_the_text_and_computed() {
    each(TaskType::Numeric, |context, ask| {
        let Body::Figures(ledgers) = &context.body else { panic!("no ledgers") };
        let names = ledgers.iter().flat_map(|(_, rows)| rows).map(|row| row.what.name.as_str());
        let mut asked: Vec<&str> = names.filter(|name| ask.question.contains(name)).collect();
        asked.sort_by_key(|name| ask.question.find(name));
        let numbers: Vec<u32> = asked.iter().map(|name| number_of(&context.text, name)).collect();
        let result = if ask.question.contains("in total?") {
            numbers.iter().sum()
        } else if ask.question.starts_with("How many more") {
            assert_eq!(numbers.len(), 2);
            numbers[0].checked_sub(numbers[1]).expect("the first is the larger")
        } else if ask.question.contains("the largest number") {
            *numbers.iter().max().expect("rows are named")
        } else {
            let (_, limit) = ask.question.split_once("more than ").expect("a threshold");
            let limit: u32 = limit.split(' ').next().and_then(|limit| limit.parse().ok()).expect("a number");
            numbers.iter().filter(|&&number| number > limit).count() as u32
        };
        assert_eq!(ask.gold, result.to_string(), "{}", ask.question);
        assert!((2..=4).contains(&asked.len()), "{}", ask.question);
    });
}

#[test]
fn the_chat_has_the_answer_where_the_question_says() {
    each(TaskType::Dialogue, |context, ask| {
        let lines: Vec<&str> = context.text.lines().collect();
        let matters = chat::MATTERS.iter().filter(|matter| ask.question.contains(matter.name));
        let names: Vec<&str> = matters.map(|matter| matter.name).collect();
        let [name] = names[..] else { panic!("{}: {names:?}", ask.question) };
        let asks = (0..lines.len()).filter(|&n| lines[n].contains(name) && lines[n].ends_with('?'));
        let answers: Vec<&str> = asks.map(|n| lines[n + 1].split_once(": ").expect("somebody answers").1).collect();
        let place = question::ORDINALS.iter().position(|ordinal| ask.question.contains(ordinal)).expect("an ordinal");
        assert_eq!(answers[place].strip_suffix('.'), Some(ask.gold.as_str()));
        assert!(ask.question.contains(question::NUMBERS[answers.len() - 1]), "{}", ask.question);
        assert_eq!(answers.iter().collect::<BTreeSet<_>>().len(), answers.len());
        assert!((8..=15).contains(&ask.gold.split(' ').count()), "{}", ask.gold);
    });
}

/// Every sentence of a text that is neither title nor row of a table.
fn sentences(text: &str) -> Vec<String> {
    let chat = text.contains("chat") || text.contains("Messages") || text.contains("Chat");
    let lines =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('|') && !line.starts_with("Document "));
    let lines = lines.map(|line| match line.split_once(": ") {
        Some((who, said)) if chat && FIRST.contains(&who) => said,
        _ => line,
    });
    let ends = |line: &str| line.replace("? ", "?\n").replace("! ", "!\n").replace(". ", ".\n");
    lines.flat_map(|line| ends(line).lines().map(String::from).collect::<Vec<_>>()).collect()
}

#[test]
fn texts_are_written_as_english_is() {
    for task in TaskType::ALL {
        each(task, |context, ask| {
            for sentence in sentences(&context.text) {
                let first = sentence.chars().next().expect("no sentence is empty");
                assert!(first.is_uppercase(), "{sentence}");
                assert!(sentence.ends_with(['.', '?', '!', ':']), "{sentence}");
            }
            for text in [&context.text, &ask.question, &ask.gold] {
                assert!(!text.contains(['{', '}', '<', '>']) && !text.contains("  ") && text.trim() == text, "{text}");
            }
            let titles: Vec<&str> = context.text.lines().filter(|line| line.starts_with("Document ")).collect();
            assert!(!titles.is_empty() && titles[0].starts_with("Document 1: "));
            assert!(ask.evidence.iter().all(|piece| context.text.contains(piece.as_str())), "{:?}", ask.evidence);
        });
    }
}

#[test]
fn samples_keep_their_length_and_depend_on_their_address_alone() {
    for task in TaskType::ALL {
        for id in 0..200 {
            let lengths = if id % 8 == 0 { (900, 1500) } else { LENGTHS };
            let draw = |id| sample(at(task, 0), id, task, flavour(task), lengths, &measure);
            let drawn = draw(id);
            let tokens = measure(&drawn.text);
            assert!((lengths.0..=lengths.1).contains(&tokens), "{task} {id}: {tokens}");
            if id % 8 == 1 {
                assert_eq!(draw(id), drawn);
                assert_ne!(draw(id + 1).text, drawn.text);
            }
            assert_eq!((drawn.id, drawn.task, drawn.world), (id, task, World::English));
        }
    }
}

#[test]
fn all_kinds_of_numeric_questions_come_up() {
    let operations = (0..100).map(|id| match of(TaskType::Numeric, id).1.plan {
        Way::Rows(Operation::Count(_), ..) => "count",
        Way::Rows(operation, ..) => match operation {
            Operation::Sum => "sum",
            Operation::Difference => "difference",
            _ => "maximum",
        },
        other => panic!("{other:?}"),
    });
    assert_eq!(operations.collect::<BTreeSet<_>>().len(), 4);
    let aggregate = |wanted| {
        let flavour = Flavour { hops: (1, 1), aggregate: Some(wanted) };
        (0..50).all(|id| {
            let drawn = drawn(&mut at(TaskType::Numeric, id).stream(), TaskType::Numeric, flavour, LENGTHS, &measure);
            let Way::Rows(operation, ..) = drawn.1.plan else { return false };
            matches!(operation, Operation::Maximum | Operation::Count(_)) == wanted
        })
    };
    assert!(aggregate(true) && aggregate(false));
}

/// A fact needs its head: what names nobody and holds no number says nothing that is asked.
#[test]
fn fillers_name_nobody_and_hold_no_numbers() {
    let of =
        |genre: &'static Genre| [&genre.openings, &genre.closings, &genre.leads, &genre.fillers].into_iter().flatten();
    let slots = Sheet::of(include_str!("words/slots.txt"));
    let talk = chat::SHEET.all("talk");
    let phrases: Vec<&str> = GENRES.iter().flat_map(of).copied().chain(talk.iter().copied()).collect();
    let entries = slots.lines().iter().flat_map(|(_, entries)| entries.split(", "));
    assert!(GENRES.iter().all(|genre| genre.fillers.len() >= 29) && talk.len() >= 60);
    for phrase in phrases.iter().copied().chain(entries) {
        assert!(!phrase.contains(|c: char| c.is_ascii_digit()), "{phrase}");
        for list in [&TOWNS, &FIRMS, &RIVERS, &STREETS] {
            assert!(list.iter().all(|name| !phrase.contains(name)), "{phrase}");
        }
        let words: Vec<&str> = phrase.split(|c: char| !c.is_alphanumeric()).collect();
        assert!(!words.windows(2).any(|pair| FIRST.contains(&pair[0]) && LAST.contains(&pair[1])), "{phrase}");
    }
    let matters = || chat::MATTERS.iter().map(|matter| matter.name);
    assert!(talk.iter().all(|remark| matters().all(|name| !remark.contains(name))));
    let mut stream = at(TaskType::Reading, 0).stream();
    for phrase in phrases {
        let text = filled(&mut stream, phrase, &[]).replace("{c}", "");
        assert!(!text.contains(['{', '}']), "{text}");
    }
}

#[test]
fn answers_of_the_chat_are_of_one_matter_and_short() {
    assert!(chat::MATTERS.len() >= 14);
    for matter in chat::MATTERS.iter() {
        assert!(matter.parts.iter().all(|part| part.len() > chat::ALIKE), "{}", matter.name);
        for [who, did, end] in
            (0..125).map(|n| [matter.parts[0][n / 25], matter.parts[1][n / 5 % 5], matter.parts[2][n % 5]])
        {
            let words = [who, did, end].join(" ").split(' ').count();
            assert!((8..=15).contains(&words), "{who} {did} {end}");
            let elsewhere = chat::MATTERS.iter().filter(|other| other.name != matter.name);
            assert!(elsewhere.map(|other| other.name).all(|name| !end.contains(name) && !did.contains(name)), "{end}");
        }
    }
}

#[test]
fn pools_are_large_and_no_name_hides_in_another() {
    let distinct = |list: &[&str]| list.iter().collect::<BTreeSet<_>>().len() == list.len();
    assert!(FIRST.len() >= 200 && LAST.len() >= 200 && distinct(&FIRST) && distinct(&LAST));
    assert!(FIRST.iter().all(|name| !LAST.contains(name)));
    let lists =
        [&TOWNS, &FIRMS, &names::ENDINGS, &RIVERS, &STREETS, &names::INSTRUMENTS, &names::DISHES, &names::PRODUCTS];
    let all: Vec<&str> = lists.into_iter().flat_map(|list| list.iter().copied()).collect();
    for name in &all {
        let words = |text: &str| format!(" {text} ");
        let hidden = all.iter().find(|other| *other != name && words(other).contains(&words(name)));
        assert_eq!(hidden, None, "{name} hides in it");
    }
    assert!(distinct(&all));
    let mut stream = at(TaskType::Reading, 1).stream();
    let people = names::people(&mut stream, 100);
    let parts = |place: usize| people.iter().map(|name| name.split(' ').nth(place)).collect::<BTreeSet<_>>().len();
    assert_eq!((parts(0), parts(1)), (100, 100));
}

#[test]
fn everything_can_be_said_in_several_ways() {
    for relation in &RELATIONS {
        assert!(relation.clauses.len() >= 4 && relation.questions.len() >= 2, "{relation:?}");
        assert!(relation.clauses.iter().all(|clause| clause.contains("{h}") && clause.contains("{t}")), "{relation:?}");
        assert!(relation.questions.iter().all(|question| question.contains("{x}") && question.ends_with('?')));
        assert!(relation.description.contains("{x}"));
    }
    for topic in &TOPICS {
        assert!(topic.sentences.iter().all(|text| text.contains("{x}") && text.contains("{n}") && text.ends_with('.')));
        assert!([topic.sum, topic.maximum, topic.count].iter().all(|text| text.contains("{xs}")));
        assert!(topic.difference.contains("{a}") && topic.difference.contains("{b}") && topic.count.contains("{k}"));
    }
}

const CALM: Noise = Noise { hasty: 0.0, mistakes: 0.0, detours: 0.5 };

fn lesson_of(id: u64, noise: Noise, response: usize) -> Lesson {
    let plan = Plan { tokens: LENGTHS, questions: 4, response, noise };
    lesson(&mut Address::new(5, Purpose::Warm).sample(id).stream(), &plan, &measure)
}

fn score(ask: &Ask, trace: &Trace) -> f64 {
    let response = World::English.response(&trace.thinking, &trace.answer);
    World::English.grade(ask.task, &ask.gold, &response, true).score
}

#[test]
fn a_trace_without_mistakes_cites_the_evidence_in_order_and_ends_in_the_gold_answer() {
    for (task, id) in TaskType::ALL.into_iter().flat_map(|task| (0..50).map(move |id| (task, id))) {
        let (context, ask) = of(task, id);
        let trace = trace::draw(&mut at(task, 1000 + id).stream(), &context, &ask, &CALM, &|_| true);
        assert_eq!(score(&ask, &trace), 1.0, "{ask:?} {trace:?}");
        assert!(trace.thinking.ends_with('.') && !trace.thinking.contains('\n'), "{trace:?}");
        assert!(trace.answer.starts_with("Therefore, the answer is "), "{trace:?}");
        let cited: Vec<String> = match &ask.plan {
            Way::Hops(path, _) => path.iter().map(|&hop| stated(&context)[hop].what.tail.clone()).collect(),
            Way::Rows(..) => {
                ask.evidence.iter().map(|row| row.chars().filter(char::is_ascii_digit).collect()).collect()
            }
            Way::Recall(..) => vec![ask.gold.split(' ').take(2).collect::<Vec<_>>().join(" ")],
        };
        let mut rest = trace.thinking.as_str();
        for piece in cited {
            rest = rest.split_once(&piece).unwrap_or_else(|| panic!("{piece} is not in its place: {trace:?}")).1;
        }
    }
}

/// The noise leaves every task type in need of learning, and none without a chance.
#[test]
fn noisy_traces_are_right_between_a_third_and_nine_tenths_of_the_time() {
    let noise = Noise { hasty: 0.3, mistakes: 0.1, detours: 0.2 };
    let turns: Vec<(Ask, Trace)> = (0..250).flat_map(|id| lesson_of(id, noise, 64).turns).collect();
    for task in TaskType::ALL {
        let own: Vec<&(Ask, Trace)> = turns.iter().filter(|(ask, _)| ask.task == task).collect();
        let right = own.iter().filter(|(ask, trace)| score(ask, trace) == 1.0).count() as f64 / own.len() as f64;
        assert!(own.len() > 100 && (0.33..0.9).contains(&right), "{task}: {right} of {}", own.len());
    }
    let long = turns.iter().filter(|(_, trace)| measure(&trace.thinking) + measure(&trace.answer) > 64).count();
    assert!(long * 100 <= turns.len(), "{long} of {}", turns.len());
}

#[test]
fn a_lesson_asks_nothing_twice_and_depends_on_its_address_alone() {
    for id in 0..60 {
        let lesson = lesson_of(id, CALM, 64);
        let texts: BTreeSet<&str> = lesson.turns.iter().map(|(ask, _)| ask.question.as_str()).collect();
        assert!(lesson.turns.len() >= 2 && texts.len() >= lesson.turns.len() - 1, "{texts:?}");
        let again = lesson_of(id, CALM, 64);
        assert!(again.text == lesson.text && again.turns == lesson.turns);
        assert!((LENGTHS.0..=LENGTHS.1).contains(&measure(&lesson.text)));
    }
}

#[test]
#[ignore = "prints samples and lessons to be read"]
fn print() {
    for task in TaskType::ALL {
        let (context, ask) = of(task, 3);
        println!("{}\n\n>>> {}\n>>> {}\n", context.text, ask.question, ask.gold);
    }
    let noise = Noise { hasty: 0.3, mistakes: 0.1, detours: 0.2 };
    for (ask, trace) in (0..10).flat_map(|id| lesson_of(id, noise, 64).turns) {
        println!("{}\n  {}\n  {}", ask.question, trace.thinking, trace.answer);
    }
}
