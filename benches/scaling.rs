//! How the cost of an update grows with rollouts a prompt, prompt length and vocabulary, on one thread. Writes `scaling.csv` and the plot
//! `scaling.svg` to a folder:
//!
//!     cargo bench --bench scaling -- docs/measured
//!     cargo bench --bench scaling -- --large      (the shared prefix at 135M alone)
//!
//! Criterion would measure each point for seconds; a plot wants many points, so each is the median of a few runs.
#![allow(missing_docs)]

use longlab::lm::{Config, Decoder};
use longlab::report::plots::panels::{Panel, Panels, curve_key, plain};
use longlab::report::plots::style::colour;
use longlab::report::plots::{Drawing, Plot};
use longlab::rl::batch::{self, Part, Row, learn};
use std::path::{Path, PathBuf};
use std::time::Instant;

const RESPONSE: usize = 32;
const RUNS: usize = 5;

/// One point: rollouts, prompt tokens, vocabulary.
#[derive(Clone, Copy)]
struct Shape {
    group: usize,
    prompt: usize,
    vocabulary: usize,
}

const USUAL: Shape = Shape { group: 8, prompt: 512, vocabulary: 1024 };

fn tokens(count: usize, vocabulary: usize, salt: usize) -> Vec<u32> {
    (0..count).map(|t| ((t * t * 31 + t * 7 + salt) % vocabulary) as u32).collect()
}

/// How the rollouts of a prompt pass through the model.
#[derive(Clone, Copy)]
enum Way {
    /// The prompt once for all of them.
    Shared,
    /// Each with a prompt of its own, so many of them a pass.
    Plain(usize),
}

/// Median seconds of forward and backward over one prompt and its rollouts of so many tokens.
fn seconds(model: &Decoder, shape: Shape, response: usize, way: Way, runs: usize) -> f64 {
    let prompt = tokens(shape.prompt, shape.vocabulary, 1);
    let (last, prefix) = prompt.split_last().expect("a prompt");
    let row = |r| Row::response(*last, &tokens(response, shape.vocabulary, r), &vec![1.0 / response as f32; response]);
    let update = |parts: &[Part]| {
        learn(model, parts, batch::Way { pad: 0, temperature: 0.7, again: false }, false).expect("a pass");
    };
    let run = || {
        let clock = Instant::now();
        match way {
            Way::Shared => update(&[Part { prefix, rows: (0..shape.group).map(row).collect() }]),
            Way::Plain(most) => {
                let parts: Vec<Part> = (0..shape.group).map(|r| Part { prefix, rows: vec![row(r)] }).collect();
                parts.chunks(most).for_each(update);
            }
        }
        clock.elapsed().as_secs_f64()
    };
    run();
    let mut times: Vec<f64> = (0..runs).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

/// The shared prefix against the plain path at the shape of SmolLM2-135M: prompt 1,024, 8 rollouts of 64 tokens, one run after a warm-up.
fn large() {
    let config = Config {
        hidden_size: 576,
        intermediate_size: 1536,
        num_hidden_layers: 30,
        num_attention_heads: 9,
        num_key_value_heads: 3,
        head_dim: 64,
        max_position_embeddings: 8192,
        ..Config::micro(49_152)
    };
    let model = Decoder::init(config, 1).expect("a shape");
    let shape = Shape { group: 8, prompt: 1024, vocabulary: 49_152 };
    let times = [Way::Shared, Way::Plain(2)].map(|way| seconds(&model, shape, 64, way, 1));
    println!("135M: shared {:.2} s, plain {:.2} s, {:.2} times", times[0], times[1], times[1] / times[0]);
}

struct Sweep {
    title: &'static str,
    across: &'static str,
    shapes: Vec<(f64, Shape)>,
}

fn sweeps() -> Vec<Sweep> {
    let over = |values: &[usize], shape: fn(usize) -> Shape| values.iter().map(|&v| (v as f64, shape(v))).collect();
    vec![
        Sweep {
            title: "Rollouts",
            across: "rollouts a prompt (prompt 512)",
            shapes: over(&[1, 2, 4, 8, 16, 32], |group| Shape { group, ..USUAL }),
        },
        Sweep {
            title: "Prompt",
            across: "prompt tokens (8 rollouts)",
            shapes: over(&[256, 512, 1024, 2048, 4096], |prompt| Shape { prompt, ..USUAL }),
        },
        Sweep {
            title: "Vocabulary",
            across: "vocabulary (8 rollouts, prompt 512)",
            shapes: over(&[1024, 4096, 16384, 50_000, 100_000, 152_000], |vocabulary| Shape { vocabulary, ..USUAL }),
        },
    ]
}

fn main() {
    longlab::runtime::start(1);
    if std::env::args().any(|arg| arg == "--large") {
        return large();
    }
    let Some(folder) = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).map(PathBuf::from) else {
        println!("give a folder for scaling.csv and scaling.svg");
        return;
    };
    std::fs::create_dir_all(&folder).expect("a folder that can be written");
    let mut csv = String::from("sweep,group,prompt,vocabulary,shared_seconds,plain_seconds\n");
    let panels = sweeps().iter().map(|sweep| measure(sweep, &mut csv)).collect();
    std::fs::write(folder.join("scaling.csv"), csv).expect("scaling.csv");
    draw(&folder, panels);
}

fn measure(sweep: &Sweep, csv: &mut String) -> Panel {
    let (mut shared, mut plainly) = (vec![], vec![]);
    for &(x, shape) in &sweep.shapes {
        let config = Config { max_position_embeddings: 8192, ..Config::micro(shape.vocabulary) };
        let model = Decoder::init(config, 1).expect("a shape");
        let of = |way| seconds(&model, shape, RESPONSE, way, RUNS);
        let (one, each) = (of(Way::Shared), of(Way::Plain(shape.group)));
        println!("{} {x}: {one:.4} s, prompt once a rollout {each:.4} s", sweep.title);
        let Shape { group, prompt, vocabulary } = shape;
        csv.push_str(&format!("{},{group},{prompt},{vocabulary},{one:.5},{each:.5}\n", sweep.title.to_lowercase()));
        shared.push((x, one));
        plainly.push((x, each));
    }
    Panel {
        title: sweep.title.into(),
        axis: "seconds an update".into(),
        across: sweep.across.into(),
        keys: vec![],
        curves: vec![plain("shared", colour(0), &shared), plain("plain", colour(1), &plainly)],
        phases: vec![],
    }
}

fn draw(folder: &Path, panels: Vec<Panel>) {
    let keys = vec![curve_key("prompt once a group", colour(0)), curve_key("prompt once a rollout", colour(1))];
    let plot = Plot {
        name: "scaling",
        heading: "How an update grows".into(),
        caption: "Seconds of forward and backward on one thread, micro model, responses of 32 tokens.".into(),
        published: false,
        drawing: Drawing::Panels(Panels { panels, columns: 3, height: 260, keys }),
    };
    std::fs::write(folder.join("scaling.svg"), plot.picture().expect("a plot").svg).expect("scaling.svg");
}
