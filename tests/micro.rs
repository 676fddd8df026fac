//! The micro world: every sample can be answered from its documents, and only from them.

use longlab::data::{pool, sampler::Sampler};
use longlab::lm::{Tokenizer, build_wordpiece};
use longlab::rl::warm;
use longlab::spec::settings::{Data, Mix, SamplerKind};
use longlab::synth::micro::{self, question::Flavour, render::count_tokens};
use longlab::task::{TaskType, grade, template};
use longlab_kernels::stream::{Address, Purpose};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let words = warm::vocabulary();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    build_wordpiece(&words, &template::SPECIALS).expect("the vocabulary of the micro world makes a tokenizer")
});

fn tasks() -> impl Strategy<Value = TaskType> {
    prop::sample::select(TaskType::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn evidence_stands_in_the_documents_and_the_gold_answer_scores_one(seed in 0u64..1 << 40, id in 0u64..1 << 30, task in tasks()) {
        let sample = micro::sample(Address::new(seed, Purpose::Pool), id, task, Flavour::of(task), (256, 512));
        for sentence in &sample.evidence {
            prop_assert!(sample.text.contains(sentence.as_str()), "{sentence} is not in {}", sample.text);
        }
        let phrase = if task == TaskType::MultipleChoice { "The correct answer is" } else { "Therefore, the answer is" };
        let response = format!("x {} {phrase} {}.", template::THINK_END, sample.gold);
        prop_assert_eq!(grade(task, &sample.gold, &response, true).score, 1.0);
    }

    #[test]
    fn the_facts_of_a_path_lie_in_different_documents(seed in 0u64..1 << 40, id in 0u64..1 << 30) {
        let task = TaskType::MultiHop;
        let sample = micro::sample(Address::new(seed, Purpose::Pool), id, task, Flavour::of(task), (256, 512));
        let documents: Vec<&str> = sample.text.split("Document ").collect();
        let homes: BTreeSet<usize> = sample.evidence.iter()
            .map(|sentence| documents.iter().position(|text| text.contains(sentence.as_str())).expect("evidence is in a document"))
            .collect();
        prop_assert_eq!(homes.len(), sample.evidence.len());
    }

    #[test]
    fn contexts_have_the_length_that_was_asked_for(seed in 0u64..1 << 40, task in tasks(), low in 256usize..1500) {
        let sample = micro::sample(Address::new(seed, Purpose::Pool), 0, task, Flavour::of(task), (low, low));
        let tokens = TOKENIZER.encode(&sample.text).expect("the text encodes");
        prop_assert_eq!(tokens.len(), count_tokens(&sample.text));
        // Dialogues are whole turns and whole sentences of small talk.
        let slack = if task == TaskType::Dialogue { 21 + low / 20 } else { 10 };
        prop_assert!(tokens.len().abs_diff(low) <= slack, "{} for {low}", tokens.len());
        let unknown = TOKENIZER.id("<unk>");
        let prompt = TOKENIZER.encode(&template::prompt(&sample)).expect("the prompt encodes");
        prop_assert!(prompt.iter().all(|&token| Some(token) != unknown));
        prop_assert_eq!(prompt.last().copied(), TOKENIZER.id(template::THINK));
    }

    #[test]
    fn a_sample_depends_on_its_address_alone(seed in 0u64..1 << 40, id in 0u64..1000, task in tasks()) {
        let draw = |id| micro::sample(Address::new(seed, Purpose::Pool), id, task, Flavour::of(task), (256, 300));
        let alone = draw(id);
        let _ = draw(id + 1);
        prop_assert_eq!(&draw(id), &alone);
        prop_assert_ne!(draw(id + 1).text, alone.text);
    }

    #[test]
    fn pool_counts_follow_the_mix(shares in prop::array::uniform5(0.0f64..1.0), total in 1usize..500) {
        prop_assume!(shares.iter().sum::<f64>() > 0.01);
        let [multiple_choice, multi_hop, reading, dialogue, numeric] = shares;
        let mix = Mix { multiple_choice, multi_hop, reading, dialogue, numeric };
        let counts = pool::counts(&mix, total);
        prop_assert_eq!(counts.iter().sum::<usize>(), total);
        for (count, share) in counts.iter().zip(shares) {
            let exact = share / shares.iter().sum::<f64>() * total as f64;
            prop_assert!((*count as f64 - exact).abs() <= 1.0);
        }
    }

    #[test]
    fn a_balanced_batch_holds_every_task_type_equally(seed in any::<u64>(), step in 1u64..200, batch in 5usize..40) {
        let pool = small_pool();
        let sampler = Sampler::new(SamplerKind::TaskBalanced, seed, batch, &pool);
        let drawn = sampler.batch(step);
        let counts: Vec<usize> = TaskType::ALL.iter().map(|&task| drawn.iter().filter(|&&i| pool[i].task == task).count()).collect();
        prop_assert_eq!(drawn.len(), batch);
        prop_assert!(counts.iter().max().zip(counts.iter().min()).is_some_and(|(most, least)| most - least <= 1), "{counts:?}");
        prop_assert_eq!(drawn, sampler.batch(step));
    }

    #[test]
    fn a_random_epoch_visits_every_sample_once(seed in any::<u64>()) {
        let pool = small_pool();
        let sampler = Sampler::new(SamplerKind::Random, seed, 4, &pool);
        let mut seen: Vec<usize> = (1..=pool.len() as u64 / 4).flat_map(|step| sampler.batch(step)).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..pool.len()).collect::<Vec<_>>());
    }
}

fn small_pool() -> Vec<longlab::data::Sample> {
    static POOL: LazyLock<Vec<longlab::data::Sample>> = LazyLock::new(|| {
        let data = Data { samples: 40, min_tokens: 64, max_tokens: 96, ..Data::default() };
        pool::draw(&data, |address, id, task, tokens| micro::sample(address, id, task, Flavour::of(task), tokens))
    });
    POOL.clone()
}

#[test]
fn no_name_hides_in_another() {
    use micro::lexicon as lex;
    let names: Vec<&str> =
        [&lex::PEOPLE[..], &lex::COMPANIES, &lex::CITIES, &lex::DRINKS, &lex::ANIMALS, &lex::PRODUCTS, &lex::RIVERS]
            .concat();
    for a in &names {
        assert!(names.iter().all(|b| a == b || !b.contains(a)), "{a} hides in another name");
    }
}

#[test]
fn the_shipped_policy_knows_every_word() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/micro/base/tokenizer.json");
    let tokenizer = Tokenizer::load(&path).expect("a tokenizer");
    let unknown = tokenizer.id("<unk>").expect("a token for unknown words");
    let words = warm::vocabulary().join(" ");
    let tokens = tokenizer.encode(&words).expect("encoded");
    let lost: Vec<&str> =
        words.split(' ').filter(|word| tokenizer.encode(word).expect("encoded").contains(&unknown)).collect();
    assert!(!tokens.contains(&unknown), "it does not know {lost:?}");
}
