//! The `longlab` command (trial).

use longlab::rl::batch::{Part, Row, forward};
use longlab::rl::job::{Places, Policy, fresh, warm_start};
use longlab::rl::optimizer::{AdamW, clip_gradients};
use longlab::rl::progress::{Event, Observer};
use longlab::rl::rollout::{Drawing, roll_out, sampling};
use longlab::spec::settings::Settings;
use longlab::synth::micro::{self, question::Flavour};
use longlab::task::TaskType;
use longlab_kernels::stream::{Address, Purpose};
use std::path::Path;

struct Lines(std::time::Instant);
impl Observer for Lines {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        if let Event::Step { done, loss, .. } = event {
            if done % 25 == 0 {
                println!("{done} {:.3} {:.0}s", loss.unwrap_or(0.0), self.0.elapsed().as_secs_f64());
            }
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    unsafe {
        libc::mallopt(-4, 0);
        libc::mallopt(-1, i32::MAX);
        libc::mallopt(-2, 256 << 20);
    }
    let args: Vec<String> = std::env::args().collect();
    let settings: Settings = toml::from_str(&args[3..].join("\n"))?;
    tch::set_num_threads(settings.train.threads as i32);
    let dir = Path::new(&args[2]);
    let places = Places::inside(dir);
    std::fs::create_dir_all(dir)?;
    if args[1] == "show" {
        for task in TaskType::ALL {
            let s = micro::sample(Address::new(1, Purpose::Pool), 3, task, Flavour::of(task), (100, 160));
            println!("{}\nGOLD {} EVIDENCE {:?}\n", longlab::task::template::prompt(&s), s.gold, s.evidence);
        }
        let mut st = Address::new(1, Purpose::Warm).stream();
        for _ in 0..5 {
            let l = micro::lesson(
                &mut st,
                &micro::Plan {
                    tokens: 120,
                    questions: 2,
                    drills: 2,
                    noise: micro::trace::Noise { hasty: 0.3, mistakes: 0.3, detours: 0.3 },
                },
            );
            println!("{}", l.text);
            println!("{:?}", l.drills);
            for (a, t) in l.turns {
                println!("Q {} | {} </think> {} | gold {}", a.question, t.thinking, t.answer, a.gold);
            }
        }
        return Ok(());
    }
    let policy = fresh(&settings, 0)?;
    if args[1] == "more" {
        warm_start(&settings, 0, &policy, &places, &mut Lines(std::time::Instant::now()))?;
        return Ok(());
    }
    if args[1] == "copy" {
        let mode = &args[2];
        let env = |n: &str, d: f64| std::env::var(n).ok().and_then(|v| v.parse::<f64>().ok()).unwrap_or(d);
        {
            let _g = tch::no_grad_guard();
            for (n, p) in policy.model.parameters() {
                let mut p = p.shallow_clone();
                if n.contains("embed") {
                    let _ = p.g_mul_scalar_(env("E", 1.0));
                    let sh = p.get(7) * env("C", 0.0);
                    let _ = p.g_add_(&sh);
                } else if n.contains("o_proj") || n.contains("down_proj") {
                    let _ = p.g_mul_scalar_(env("O", env("S", 1.0)));
                } else if n.contains("q_norm") || n.contains("k_norm") {
                    let _ = p.g_mul_scalar_(env("Q", 1.0));
                } else if p.dim() > 1 {
                    let _ = p.g_mul_scalar_(env("S", 1.0));
                }
            }
        }
        if env("MIM", 0.0) > 0.0 {
            let _g = tch::no_grad_guard();
            let ps: std::collections::BTreeMap<String, tch::Tensor> =
                policy.model.parameters().iter().map(|(n, p)| (n.clone(), p.shallow_clone())).collect();
            for l in 0..4 {
                let g = |n: &str| ps[&format!("model.layers.{l}.self_attn.{n}.weight")].shallow_clone();
                let (q, mut k, v, o) = (g("q_proj"), g("k_proj"), g("v_proj"), g("o_proj"));
                k.copy_(&tch::Tensor::cat(&[q.narrow(0, 0, 32), q.narrow(0, 64, 32)], 0));
                if env("MIM", 0.0) > 1.5 {
                    q.narrow(0, 32, 32).copy_(&q.narrow(0, 0, 32));
                    q.narrow(0, 96, 32).copy_(&q.narrow(0, 64, 32));
                }
                for h in 0..4 {
                    o.narrow(1, h * 32, 32).copy_(&(v.narrow(0, (h / 2) * 32, 32).transpose(0, 1) * env("VO", 0.5)));
                }
            }
        }
        let mut opt = AdamW::new(policy.model.parameters(), &settings.train);
        for step in 1..=(env("N", 400.0) as u64) {
            let mut st = Address::new(0, Purpose::Test).step(step as u32).stream();
            let (mut hits, mut all) = (0, 0);
            let mut data = vec![];
            for _ in 0..(env("B", 24.0) as usize) {
                let keys = st.choose_distinct(env("V", 100.0) as usize, env("K", 4.0) as usize);
                let vals: Vec<usize> = (0..keys.len()).map(|_| 100 + st.below(env("V", 100.0) as usize)).collect();
                let mut ctx: Vec<u32> = vec![];
                for i in 0..keys.len() {
                    ctx.extend([50u32 + keys[i] as u32, 50 + vals[i] as u32, 10]);
                }
                let mut rows = vec![];
                for _ in 0..4 {
                    let order = st.choose_distinct(keys.len(), keys.len());
                    let mut toks: Vec<u32> = vec![11];
                    let mut w = vec![false];
                    for i in order {
                        toks.extend([50u32 + keys[i] as u32, 50 + vals[i] as u32]);
                        w.extend([false, true]);
                    }
                    rows.push((toks, w));
                }
                data.push((ctx, rows));
            }
            let one = [12u32];
            let wt = (1.0 / (env("B", 24.0) * 4.0 * env("K", 4.0))) as f32;
            let parts: Vec<Part> = data
                .iter()
                .map(|(ctx, rows)| {
                    let rs = rows
                        .iter()
                        .map(|(toks, w)| {
                            let (mut t, mut ww) = (toks.clone(), w.clone());
                            if mode == "plain" {
                                t = [ctx.clone(), t].concat();
                                ww = [vec![false; ctx.len()], ww].concat();
                            }
                            Row {
                                inputs: t[..t.len() - 1].to_vec(),
                                targets: t[1..].to_vec(),
                                weights: ww[1..].iter().map(|&b| if b { wt } else { 0.0 }).collect(),
                            }
                        })
                        .collect();
                    Part { prefix: if mode == "plain" { &one[..] } else { &ctx[..] }, rows: rs }
                })
                .collect();
            let pass = forward(&policy.model, &parts, 0, 1.0, true);
            let obj = -pass.objective;
            obj.backward();
            for (&(p, r, t), &b) in pass.positions.iter().zip(&pass.best) {
                all += 1;
                hits += (b == parts[p].rows[r].targets[t]) as usize;
            }
            let gn = clip_gradients(policy.model.parameters(), 1.0);
            if step == 30 {
                for (n, p) in policy.model.parameters() {
                    println!("{n} w {:.4} g {:.6}", p.std(false).double_value(&[]), p.grad().norm().double_value(&[]));
                }
            }
            opt.step(policy.model.parameters(), env("LR", 2e-3) * (step as f64 / 50.0).min(1.0));
            if step % 25 == 0 {
                println!("{step} {:.3} {:.3} {gn:.3}", obj.double_value(&[]), hits as f64 / all as f64);
            }
        }
        return Ok(());
    }
    if args[1] == "warm" {
        println!("vocab {}", policy.tokenizer.vocab_size());
        warm_start(&settings, 0, &policy, &places, &mut Lines(std::time::Instant::now()))?;
        policy.save(&places.checkpoint)?;
    }
    let policy = Policy::load(&places.checkpoint)?;
    for task in TaskType::ALL {
        let clock = std::time::Instant::now();
        let samples: Vec<_> = (0..48)
            .map(|i| {
                micro::sample(
                    Address::new(99, Purpose::Pool),
                    i,
                    task,
                    Flavour::of(task),
                    (settings.data.min_tokens, settings.data.max_tokens),
                )
            })
            .collect();
        let refs: Vec<_> = samples.iter().collect();
        let d = Drawing { sampling: sampling(&policy.tokenizer, 0.7, 0.95, 96)?, rows: 8, side_by_side: 16 };
        let groups = roll_out(&policy.model, &policy.tokenizer, &refs, &d, Address::new(5, Purpose::Rollout))?;
        let n = 48.0 * 8.0;
        let mean: f64 = groups.iter().flat_map(|g| &g.rollouts).map(|r| r.graded.score).sum::<f64>() / n;
        let pass: f64 =
            groups.iter().map(|g| f64::from(g.rollouts.iter().any(|r| r.graded.score >= 0.999) as u8)).sum::<f64>()
                / 48.0;
        let pass5: f64 =
            groups.iter().map(|g| f64::from(g.rollouts.iter().any(|r| r.graded.score >= 0.5) as u8)).sum::<f64>()
                / 48.0;
        let ent: f64 = groups
            .iter()
            .flat_map(|g| &g.rollouts)
            .map(|r| r.response.entropies.iter().map(|&e| e as f64).sum::<f64>() / r.response.entropies.len() as f64)
            .sum::<f64>()
            / n;
        let len: f64 = groups.iter().flat_map(|g| &g.rollouts).map(|r| r.response.tokens.len() as f64).sum::<f64>() / n;
        let trunc: f64 = groups.iter().flat_map(|g| &g.rollouts).filter(|r| !r.response.finished).count() as f64 / n;
        println!(
            "{task}: reward {mean:.3} pass8 {pass:.2} pass8(.5) {pass5:.2} entropy {ent:.3} len {len:.1} trunc {trunc:.3} {:.1}s",
            clock.elapsed().as_secs_f64()
        );
        for g in groups.iter().take(1) {
            for r in g.rollouts.iter().take(3) {
                println!(
                    "   Q {} gold {} | {} | {}",
                    g.sample.question,
                    g.sample.gold,
                    policy.tokenizer.decode(&r.response.tokens, true)?,
                    r.graded.score
                );
            }
        }
    }
    Ok(())
}
