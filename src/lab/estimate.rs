//! How long jobs will take, from what finished jobs took.

use super::rows::Rows;
use super::{Layout, job, layout};
use crate::spec::{Job, Kind};
use serde_json::Value;
use std::fs;

/// The pace of finished jobs of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// Median seconds of one step; none when nothing was measured yet.
    pub step_seconds: Option<f64>,
    /// Median seconds of one evaluation.
    pub eval_seconds: Option<f64>,
    /// Jobs this was measured on.
    pub jobs: usize,
}

impl Pace {
    /// The pace of all finished jobs of `kind` in the results folder.
    pub fn of(layout: &Layout, kind: Kind) -> Pace {
        let (mut steps, mut evals, mut jobs) = (Vec::new(), Vec::new(), 0);
        for entry in fs::read_dir(layout.jobs()).into_iter().flatten().flatten() {
            let dir = entry.path();
            let Some(done) = job::read_done(&dir) else { continue };
            if job::read(&dir).is_ok_and(|spec| spec.kind == kind) {
                jobs += 1;
                steps.extend(Rows::read(&layout::timing_csv(&dir)).step_seconds());
                evals.extend(done.get("eval_seconds").and_then(Value::as_f64));
            }
        }
        Pace { step_seconds: median(steps), eval_seconds: median(evals), jobs }
    }

    /// Minutes a job will take; none when no step of its kind was ever timed.
    pub fn minutes(&self, job: &Job) -> Option<f64> {
        self.step_seconds.map(|step| (step * steps(job) as f64 + self.eval_seconds.unwrap_or(0.0)) / 60.0)
    }
}

/// Training steps of a job in all.
pub fn steps(job: &Job) -> u64 {
    match job.kind {
        Kind::Rl => job.settings.train.steps,
        Kind::Base => job.settings.warm.steps,
    }
}

/// The middle of some values, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_median_of_steps_and_evaluations_counts() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), folder.path());
        assert_eq!(Pace::of(&layout, Kind::Rl), Pace::default());
        for (id, eval) in [("a", 10.0), ("b", 30.0)] {
            let spec = job::JobSpec { id: id.into(), kind: Kind::Rl, seed: 0, settings: Default::default() };
            let dir = layout.job(id);
            job::prepare(&dir, &spec, Some(&json!({}))).unwrap();
            let rows =
                "step,rollout_seconds,rollout_tokens,update_seconds,update_tokens\n1,1.0,9,0.5,9\n2,2.0,9,1.0,9\n";
            fs::write(layout::timing_csv(&dir), rows).unwrap();
            fs::write(layout::done_json(&dir), json!({"id": id, "eval_seconds": eval}).to_string()).unwrap();
        }
        let pace = Pace::of(&layout, Kind::Rl);
        assert_eq!(pace, Pace { step_seconds: Some(2.25), eval_seconds: Some(20.0), jobs: 2 });
        assert_eq!(Pace::of(&layout, Kind::Base).jobs, 0);
    }
}
