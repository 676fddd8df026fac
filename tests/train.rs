//! Training: a killed and resumed job ends as an undisturbed one, and the gradient is that of the objective.

use longlab::lm::Decoder;
use longlab::rl::batch::{Part, Row, Way, learn, pass};
use longlab::rl::job::{Places, Policy, fresh, reinforce, warm_start};
use longlab::rl::optimizer::AdamW;
use longlab::rl::progress::{Event, Observer, Silent, Stopped};
use longlab::spec::settings::{AepoMode, Compute, JudgedBy, Recompute, Settings, Train};
use std::fs;
use std::path::Path;
use tch::Tensor;

fn tiny() -> Settings {
    tch::set_num_threads(1);
    let mut settings = Settings::default();
    (settings.model.width, settings.model.layers, settings.model.heads) = (32, 2, 2);
    (settings.model.kv_heads, settings.model.head_dim, settings.model.ffn) = (1, 16, 48);
    (settings.data.samples, settings.data.min_tokens, settings.data.max_tokens) = (24, 64, 96);
    settings.rollout.max_tokens = 16;
    (settings.train.prompts, settings.train.group, settings.train.steps) = (4, 4, 6);
    (settings.train.micro_prompts, settings.train.checkpoint_every) = (2, 2);
    (settings.warm.steps, settings.warm.tokens, settings.warm.questions) = (6, 1200, 4);
    settings
}

/// Stops the job after a number of steps, as a kill between two checkpoints would.
struct StopAfter(u64);

impl Observer for StopAfter {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Step { done, .. } if *done == self.0 => anyhow::bail!("stopped"),
            _ => Ok(()),
        }
    }
}

/// Asks the job to end once so many steps are done; keeps the step at which it began.
struct AskAfter {
    steps: u64,
    began: Option<u64>,
    asks: bool,
}

impl AskAfter {
    fn new(steps: u64) -> AskAfter {
        AskAfter { steps, began: None, asks: false }
    }
}

impl Observer for AskAfter {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Stage { done, .. } => self.began = Some(*done),
            Event::Step { done, .. } => self.asks = *done >= self.steps,
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        self.asks
    }
}

fn files(dir: &Path) -> Vec<Vec<u8>> {
    let places = Places::inside(dir);
    [places.metrics, places.checkpoint.join("state.safetensors")]
        .map(|path| fs::read(path).expect("the job wrote its files"))
        .to_vec()
}

#[test]
fn reinforcement_learning_resumes_to_the_same_bytes() {
    let mut settings = tiny();
    settings.aepo.mode = AepoMode::Latch;
    let whole = tempfile::tempdir().expect("a folder");
    reinforce(&settings, 3, &fresh(&settings, 1).expect("a policy"), &Places::inside(whole.path()), &mut Silent)
        .expect("six steps");
    for stop in [1, 3, 5] {
        let parts = tempfile::tempdir().expect("a folder");
        let places = Places::inside(parts.path());
        let stopped = reinforce(&settings, 3, &fresh(&settings, 1).expect("a policy"), &places, &mut StopAfter(stop));
        assert!(stopped.is_err(), "the observer stops the job after step {stop}");
        reinforce(&settings, 3, &fresh(&settings, 1).expect("a policy"), &places, &mut Silent).expect("the rest");
        assert_eq!(files(whole.path()), files(parts.path()), "stopped after step {stop}");
    }
    let other = tempfile::tempdir().expect("a folder");
    reinforce(&settings, 4, &fresh(&settings, 1).expect("a policy"), &Places::inside(other.path()), &mut Silent)
        .expect("six steps");
    assert_ne!(files(whole.path()), files(other.path()), "another seed is another run");
}

#[test]
fn adapters_in_bf16_with_layers_computed_again_resume_to_the_same_bytes() {
    let mut settings = tiny();
    (settings.train.compute, settings.train.recompute, settings.lora.rank) = (Compute::Bf16, Recompute::Layers, 4);
    let policy = || fresh(&settings, 1).expect("a policy");
    let whole = tempfile::tempdir().expect("a folder");
    reinforce(&settings, 3, &policy(), &Places::inside(whole.path()), &mut Silent).expect("six steps");
    let parts = tempfile::tempdir().expect("a folder");
    let _ = reinforce(&settings, 3, &policy(), &Places::inside(parts.path()), &mut StopAfter(3));
    reinforce(&settings, 3, &policy(), &Places::inside(parts.path()), &mut Silent).expect("the rest");
    assert_eq!(files(whole.path()), files(parts.path()));
    let (warm, trained) = (tempfile::tempdir().expect("a folder"), policy());
    warm_start(&settings, 3, &trained, &Places::inside(warm.path()), &mut Silent).expect("six steps");
    for ((name, old), (_, new)) in policy().model.merged().iter().zip(trained.model.merged()) {
        assert_eq!(old.equal(&new), !name.contains("_proj"), "{name}: adapters stand beside projections alone");
    }
    trained.save(&whole.path().join("policy"), "the/base").expect("a folder of the policy");
    let loaded = Decoder::load(&whole.path().join("policy")).expect("a model");
    for ((name, ours), (_, theirs)) in trained.model.merged().iter().zip(loaded.parameters()) {
        assert!(ours.equal(theirs), "{name}");
    }
}

/// A server that says yes to every question of a judge, until it has answered `most`; gives its address and counts its answers.
fn yes_server(most: usize) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::sync::atomic::{AtomicUsize, Ordering};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let count = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            let (mut line, mut length, mut first) = (String::new(), 0usize, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if first.is_empty() {
                    first.clone_from(&line);
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let (status, reply) = if first.starts_with("GET") {
                ("200 OK", r#"{"object":"list","data":[{"id":"judge","object":"model"}]}"#.to_owned())
            } else if counted.fetch_add(1, Ordering::SeqCst) < most {
                let message = r#"{"role":"assistant","content":"The same. [[YES]]"}"#;
                let choice = format!(r#"[{{"index":0,"finish_reason":"stop","message":{message}}}]"#);
                (
                    "200 OK",
                    format!(
                        r#"{{"model":"judge-7","choices":{choice},"usage":{{"prompt_tokens":9,"completion_tokens":4}}}}"#
                    ),
                )
            } else {
                ("400 Bad Request", r#"{"error":{"message":"enough"}}"#.to_owned())
            };
            let mut stream = stream;
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}",
                reply.len()
            );
        }
    });
    (url, count)
}

#[test]
fn a_judge_has_the_last_word_and_is_asked_once_for_each_answer() {
    use std::sync::atomic::Ordering;
    let dir = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    settings.model.base = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/micro/base").to_owned();
    settings.data.samples = 24;
    (settings.train.prompts, settings.train.group, settings.train.steps, settings.train.checkpoint_every) =
        (8, 4, 2, 1);
    let policy = || Policy::begin(Path::new(&settings.model.base), &settings, 3).expect("the base policy");
    let plain = dir.path().join("plain");
    reinforce(&settings, 3, &policy(), &Places::inside(&plain), &mut Silent).expect("two steps");
    let judged = |url: &str| {
        let mut settings = settings.clone();
        (settings.reward.judge, settings.reward.judge_url, settings.reward.judge_model) =
            (JudgedBy::Server, url.into(), "judge".into());
        settings
    };
    let (url, count) = yes_server(usize::MAX);
    let with = dir.path().join("judged");
    reinforce(&judged(&url), 3, &policy(), &Places::inside(&with), &mut Silent).expect("two steps");
    let asked = count.load(Ordering::SeqCst);
    assert!(asked > 0, "some answers of the base are wrong");
    let reward = |dir: &Path| {
        fs::read_to_string(dir.join("metrics.csv")).expect("metrics").lines().nth(1).expect("a step").to_owned()
    };
    let first = |line: String| line.split(',').nth(1).expect("a reward").parse::<f64>().expect("a number");
    assert!(first(reward(&with)) > first(reward(&plain)), "yes to wrong answers is more reward");
    let verdicts = fs::read_to_string(with.join("judged/000001.jsonl")).expect("verdicts");
    let line: serde_json::Value = serde_json::from_str(verdicts.lines().next().expect("a verdict")).expect("JSON");
    assert_eq!((line["verdict"].as_str(), line["model"].as_str()), (Some("yes"), Some("judge-7")));
    // Run again from its beginning, with what the judge said kept: nothing is asked, and the bytes are the same.
    let again = dir.path().join("again");
    fs::create_dir_all(again.join("judged")).expect("a folder");
    fs::copy(with.join("judged/replies.jsonl"), again.join("judged/replies.jsonl")).expect("a copy");
    reinforce(&judged(&url), 3, &policy(), &Places::inside(&again), &mut Silent).expect("two steps");
    assert_eq!(count.load(Ordering::SeqCst), asked);
    assert_eq!(files(&with), files(&again));
    // A judge that fails ends the job, which goes on where it was when the judge is back.
    let (url, _) = yes_server(1);
    let broken = dir.path().join("broken");
    let stopped =
        reinforce(&judged(&url), 3, &policy(), &Places::inside(&broken), &mut Silent).expect_err("a judge that fails");
    assert!(format!("{stopped:#}").contains("start the job again"), "{stopped:#}");
    let (url, _) = yes_server(usize::MAX);
    reinforce(&judged(&url), 3, &policy(), &Places::inside(&broken), &mut Silent).expect("the rest");
    assert_eq!(files(&with), files(&broken));
}

#[test]
fn a_job_that_is_asked_to_end_saves_the_step_at_hand() {
    let settings = tiny();
    let policy = || fresh(&settings, 1).expect("a policy");
    let whole = tempfile::tempdir().expect("a folder");
    reinforce(&settings, 3, &policy(), &Places::inside(whole.path()), &mut Silent).expect("six steps");
    let parts = tempfile::tempdir().expect("a folder");
    let places = Places::inside(parts.path());
    let stopped = reinforce(&settings, 3, &policy(), &places, &mut AskAfter::new(2)).expect_err("asked after step 2");
    assert!(stopped.is::<Stopped>(), "{stopped}");
    let mut rest = AskAfter::new(6);
    reinforce(&settings, 3, &policy(), &places, &mut rest).expect("the rest");
    assert_eq!(rest.began, Some(3), "checkpoints are made every two steps, and this one was asked for");
    assert_eq!(files(whole.path()), files(parts.path()));
}

#[test]
fn a_warm_start_that_is_asked_to_end_saves_the_step_at_hand() {
    let settings = tiny();
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::inside(dir.path());
    let policy = || fresh(&settings, 1).expect("a policy");
    let stopped = warm_start(&settings, 3, &policy(), &places, &mut AskAfter::new(4)).expect_err("asked after step 4");
    assert!(stopped.is::<Stopped>(), "{stopped}");
    let mut rest = AskAfter::new(6);
    warm_start(&settings, 3, &policy(), &places, &mut rest).expect("the rest");
    assert_eq!(rest.began, Some(5));
}

#[test]
fn a_torn_metrics_row_is_dropped_on_resume() {
    let settings = tiny();
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::inside(dir.path());
    let _ = reinforce(&settings, 3, &fresh(&settings, 1).expect("a policy"), &places, &mut StopAfter(3));
    let mut torn = fs::read_to_string(&places.metrics).expect("metrics");
    torn.push_str("4,0.12");
    fs::write(&places.metrics, torn).expect("tear");
    reinforce(&settings, 3, &fresh(&settings, 1).expect("a policy"), &places, &mut Silent).expect("the rest");
    let text = fs::read_to_string(&places.metrics).expect("metrics");
    let steps: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(steps, ["1", "2", "3", "4", "5", "6"]);
    let columns = text.lines().next().map_or(0, |header| header.split(',').count());
    assert!(text.lines().all(|line| line.split(',').count() == columns));
}

#[test]
fn the_warm_start_resumes_to_the_same_bytes() {
    resumes(&tiny());
    // Stopped among the echoes, of which a resumed run must know how long they are: with this mastery longer at each step.
    let mut echoing = tiny();
    (echoing.warm.echo, echoing.warm.mastery) = (5, 0.0);
    resumes(&echoing);
}

fn resumes(settings: &Settings) {
    let whole = tempfile::tempdir().expect("a folder");
    warm_start(settings, 0, &fresh(settings, 0).expect("a policy"), &Places::inside(whole.path()), &mut Silent)
        .expect("six steps");
    let parts = tempfile::tempdir().expect("a folder");
    let places = Places::inside(parts.path());
    let _ = warm_start(settings, 0, &fresh(settings, 0).expect("a policy"), &places, &mut StopAfter(3));
    warm_start(settings, 0, &fresh(settings, 0).expect("a policy"), &places, &mut Silent).expect("the rest");
    assert_eq!(files(whole.path()), files(parts.path()));
}

#[test]
fn a_damaged_checkpoint_is_named_with_the_mend() {
    let settings = tiny();
    let dir = tempfile::tempdir().expect("a folder");
    let places = Places::inside(dir.path());
    let _ = reinforce(&settings, 3, &fresh(&settings, 1).expect("a policy"), &places, &mut StopAfter(2));
    let state = places.checkpoint.join("state.safetensors");
    let bytes = fs::read(&state).expect("a checkpoint");
    fs::write(&state, &bytes[..bytes.len() / 2]).expect("truncate");
    let error = reinforce(&settings, 3, &fresh(&settings, 1).expect("a policy"), &places, &mut Silent)
        .expect_err("a damaged file");
    let text = format!("{error:#}");
    assert!(text.contains("state.safetensors") && text.contains("delete it"), "{text}");
}

const WAY: Way = Way { pad: 0, temperature: 0.7, again: false };

fn model() -> Decoder {
    fresh(&tiny(), 5).expect("a policy").model
}

#[test]
fn the_gradient_is_that_of_the_objective() {
    let model = model();
    let prefix: Vec<u32> = (20..40).collect();
    let rows = || vec![Row::response(7, &[11, 12, 13], &[0.5, -0.25, 0.0]), Row::response(7, &[14, 15], &[-1.0, 0.75])];
    let objective = |model: &Decoder| {
        let logp = pass(model, &[Part { prefix: &prefix, rows: rows() }], WAY, false).expect("a pass").logp;
        (logp * Tensor::from_slice(&[0.5f32, -0.25, -1.0, 0.75])).sum(tch::Kind::Float)
    };
    let learned = learn(&model, &[Part { prefix: &prefix, rows: rows() }], WAY, false).expect("a pass");
    assert!((learned.objective - objective(&model).double_value(&[])).abs() < 1e-6);
    let (name, parameter) = &model.parameters()[3];
    // Where the gradient is largest, single precision blurs the slope least.
    let gradients = parameter.grad().flatten(0, -1);
    let place = gradients.abs().argmax(0, false).int64_value(&[]);
    // What is learned goes uphill in the objective, so that the gradient that an optimizer descends is its negative.
    let gradient = -gradients.double_value(&[place]);
    let nudge = |by: f64| {
        let _guard = tch::no_grad_guard();
        let flat = parameter.view([-1]);
        let mut entry = flat.get(place);
        let _ = entry.g_add_scalar_(by);
        let value = objective(&model).double_value(&[]);
        let _ = entry.g_add_scalar_(-by);
        value
    };
    let slope = (nudge(1e-2) - nudge(-1e-2)) / 2e-2;
    assert!((slope - gradient).abs() <= 2e-2 * slope.abs().max(1e-3), "{name}: slope {slope}, gradient {gradient}");
}

#[test]
fn a_weight_of_zero_leaves_no_trace() {
    let model = model();
    let prefix: Vec<u32> = (20..40).collect();
    let value = |second: &[u32]| {
        let rows = vec![Row::response(7, &[11, 12, 13], &[0.5, -0.25, 1.0]), Row::response(7, second, &[0.0; 3])];
        learn(&model, &[Part { prefix: &prefix, rows }], WAY, false).expect("a pass").objective
    };
    assert_eq!(value(&[30, 31, 32]), value(&[50, 51, 52]));
}

#[test]
fn adamw_agrees_with_the_kernel() {
    tch::set_num_threads(1);
    let train = Train::default();
    let start = [0.5f32, -1.0, 2.0, 0.25];
    let parameter = Tensor::from_slice(&start).view([2, 2]).set_requires_grad(true);
    let parameters = vec![("w".to_string(), parameter.shallow_clone())];
    let mut optimizer = AdamW::new(&parameters, &train);
    let mut expected = start;
    let (mut first, mut second) = ([0f32; 4], [0f32; 4]);
    let options = longlab_kernels::adamw::Options {
        rate: 0.1,
        beta1: train.beta1,
        beta2: train.beta2,
        epsilon: train.epsilon,
        weight_decay: train.weight_decay,
    };
    for t in 1..=5u64 {
        let gradient = [0.1f32 * t as f32, -0.2, 0.3, 0.0];
        (&parameter.view([-1]) * Tensor::from_slice(&gradient)).sum(tch::Kind::Float).backward();
        optimizer.step(&parameters, 0.1);
        longlab_kernels::adamw::step(&mut expected, &gradient, &mut first, &mut second, t, &options);
    }
    let got: Vec<f32> = Vec::try_from(parameter.detach().flatten(0, -1)).expect("four numbers");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{got} against {expected}");
    }
}
