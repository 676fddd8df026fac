//! The work of a job process: train (or warm-start), export the policy, evaluate.

use super::job::JobSpec;
use crate::eval::{evaluate, probe};
use crate::rl::job::{Places, Policy, fresh, reinforce, warm_start};
use crate::rl::progress::Observer;
use crate::spec::Kind;
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// Does the work of a job in its directory, from wherever an earlier process left it, and returns what `done.json` holds.
pub fn run(spec: &JobSpec, dir: &Path, observer: &mut dyn Observer) -> Result<Value> {
    let places = Places::inside(dir);
    let clock = Instant::now();
    let settings = &spec.settings;
    let policy = match spec.kind {
        Kind::Rl => Policy::begin(Path::new(&settings.model.base), settings, spec.seed)?,
        Kind::Base => fresh(settings, spec.seed)?,
    };
    let steps = match spec.kind {
        Kind::Rl => {
            reinforce(settings, spec.seed, &policy, &places, observer)?;
            settings.train.steps
        }
        Kind::Base => {
            warm_start(settings, spec.seed, &policy, &places, observer)?;
            settings.warm.steps
        }
    };
    policy.save(&places.checkpoint, settings.begins_from(spec.kind).unwrap_or_default())?;
    let train_seconds = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    evaluate(settings, spec.seed, &policy, dir, observer)?;
    if spec.kind == Kind::Base {
        probe::write(&dir.join("probe.csv"), &probe::probe(settings, spec.seed, &policy)?)?;
    }
    let eval_seconds = clock.elapsed().as_secs_f64();
    Ok(json!({ "steps": steps, "train_seconds": train_seconds, "eval_seconds": eval_seconds }))
}
