//! Times the streamed output head and prints one line of JSON, as `benches/peers/head.py` does for PyTorch.
//!
//! Arguments, all optional: `--tokens 4096 --width 576 --vocabulary 49152 --dtype bf16 --threads 1 --repeats 3
//! --warmup 1 --temperature 0.7 --kept 134217728 --isa best --gradient own --forward`. `--gradient f32` has bf16 inputs
//! give f32 gradients.

use longlab_kernels::head::{Gradient, Head, Isa, Options, Values, Workspace, forward, forward_backward};
use longlab_kernels::stream::{Address, Purpose};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

struct Arguments(Vec<String>);

impl Arguments {
    fn text(&self, name: &str, default: &str) -> String {
        let at = self.0.iter().position(|argument| argument == name);
        at.and_then(|at| self.0.get(at + 1)).cloned().unwrap_or_else(|| default.to_string())
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.text(name, "").parse().unwrap_or(default)
    }
}

/// Bytes of resident memory (Linux; 0 elsewhere).
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Processor seconds of all threads so far (Linux, in steps of 10 ms; 0 elsewhere).
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or("").split(' ').skip(12).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap_or(0.0)).sum::<f64>() / 100.0
}

/// Wall and processor seconds of each repeat, and the peak of resident memory above the start.
fn measure(warmup: usize, repeats: usize, mut work: impl FnMut()) -> ([Vec<f64>; 2], usize) {
    let (stop, peak, before) = (AtomicBool::new(false), AtomicUsize::new(0), resident());
    let seconds = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                peak.fetch_max(resident(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let mut seconds = [vec![], vec![]];
        for turn in 0..warmup + repeats {
            let start = (Instant::now(), processor());
            work();
            if turn >= warmup {
                seconds[0].push(start.0.elapsed().as_secs_f64());
                seconds[1].push(processor() - start.1);
            }
        }
        stop.store(true, Ordering::Relaxed);
        seconds
    });
    (seconds, peak.into_inner().max(before) - before)
}

/// Numbers of deviation `scale`, near enough to normal for timing.
fn random(count: usize, scale: f32, purpose: u32) -> Vec<f32> {
    let mut stream = Address::new(u64::from(purpose), Purpose::Test).stream();
    let mut uniform = || (0..count).map(|_| stream.uniform() as f32 - 0.5).collect::<Vec<_>>();
    uniform().into_iter().map(|value| value * scale * 12f32.sqrt()).collect()
}

fn bf16(values: &[f32]) -> Vec<u16> {
    values.iter().map(|value| ((value.to_bits() + 0x8000) >> 16) as u16).collect()
}

fn main() {
    let arguments = Arguments(std::env::args().collect());
    let (tokens, width) = (arguments.number("--tokens", 4096), arguments.number("--width", 576));
    let vocabulary = arguments.number("--vocabulary", 49152);
    let half = arguments.text("--dtype", "bf16") == "bf16";
    let name = arguments.text("--isa", "best");
    let isa = Isa::ALL.into_iter().find(|isa| format!("{isa:?}").eq_ignore_ascii_case(&name)).unwrap_or(Isa::best());
    let temperature = arguments.text("--temperature", "0.7").parse().expect("a number");
    let kept_bytes = arguments.number("--kept", Options::default().kept_bytes);
    let options = Options { temperature, threads: arguments.number("--threads", 1), isa, kept_bytes };
    let (hidden, weights) =
        (random(tokens * width, 1.0, 1), random(vocabulary * width, 2.0 / (width as f32).sqrt(), 2));
    let narrow = if half { [bf16(&hidden), bf16(&weights)] } else { [vec![], vec![]] };
    let targets: Vec<u32> = (0..tokens).map(|token| (token * 7919 % vocabulary) as u32).collect();
    let up = [random(tokens, 1.0, 3), random(tokens, 1.0, 4)];
    let upstream = |tokens: Range<usize>, _: &[f32], _: &[f32], dlogp: &mut [f32], dentropy: &mut [f32]| {
        dlogp.copy_from_slice(&up[0][tokens.clone()]);
        dentropy.copy_from_slice(&up[1][tokens]);
    };
    let head = match half {
        true => Head { hidden: Values::Bf16(&narrow[0]), weights: Values::Bf16(&narrow[1]), width, targets: &targets },
        false => Head { hidden: Values::F32(&hidden), weights: Values::F32(&weights), width, targets: &targets },
    };
    let (mut logp, mut entropy) = (vec![1.0; tokens], vec![1.0; tokens]);
    let short = half && arguments.text("--gradient", "own") == "own";
    // Written before, so that their pages count as outputs.
    let mut long_out = if short { [vec![], vec![]] } else { [vec![1.0f32; hidden.len()], vec![1.0; weights.len()]] };
    let mut short_out = if short { [vec![1u16; hidden.len()], vec![1; weights.len()]] } else { [vec![], vec![]] };
    let only_forward = arguments.0.iter().any(|argument| argument == "--forward");
    let mut space = Workspace::default();
    let (seconds, extra) = measure(arguments.number("--warmup", 1), arguments.number("--repeats", 3), || {
        if only_forward {
            return forward(&head, &options, &mut space, &mut logp, &mut entropy).expect("a head");
        }
        let ([a, b], [c, d]) = (&mut long_out, &mut short_out);
        let out = if short { [Gradient::Bf16(c), Gradient::Bf16(d)] } else { [Gradient::F32(a), Gradient::F32(b)] };
        forward_backward(&head, &options, &mut space, &mut logp, &mut entropy, upstream, out).expect("a head");
    });
    let [wall, cpu] = seconds;
    let first = logp[0];
    println!(
        r#"{{"seconds": {wall:?}, "cpu_seconds": {cpu:.2?}, "extra_bytes": {extra}, "isa": "{isa:?}", "logp": {first}}}"#
    );
}
