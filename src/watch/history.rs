//! What a job has written so far: its curves, its speed.

use crate::lab::estimate::median;
use crate::lab::layout;
use crate::lab::rows::Rows;
use crate::spec::Kind;
use std::path::Path;

/// The two measures whose curves are shown, as column of `metrics.csv` and title with unit.
pub fn measures(kind: Kind) -> [(&'static str, &'static str); 2] {
    match kind {
        Kind::Rl => [("reward", "reward (0 to 1)"), ("entropy", "entropy (nats)")],
        Kind::Base => [("accuracy", "share right (0 to 1)"), ("loss", "loss (nats a token)")],
    }
}

/// Points of a curve: step and value.
pub type Curve = Vec<(f64, f64)>;

/// The rows of a job so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Curves of the two [`measures`].
    pub curves: [Curve; 2],
    /// Step and 1 where AEPO's latch was on, 0 where it was off; empty for jobs without that column.
    pub latch: Curve,
    /// Response tokens a second in the last step.
    pub rate: Option<f64>,
    /// Median seconds of a step.
    pub step_seconds: Option<f64>,
}

impl History {
    /// Reads `metrics.csv` and `timing.csv` of a job; what is not there yet is empty.
    pub fn read(dir: &Path, kind: Kind) -> History {
        let metrics = Rows::read(&layout::metrics_csv(dir));
        let timing = Rows::read(&layout::timing_csv(dir));
        let seconds = timing.last("rollout_seconds").filter(|seconds| *seconds > 0.0);
        let rate = timing.last("rollout_tokens").zip(seconds);
        History {
            curves: measures(kind).map(|(column, _)| metrics.column(column)),
            latch: metrics.column("latch"),
            rate: rate.map(|(tokens, seconds)| tokens / seconds),
            step_seconds: median(timing.step_seconds()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_torn_row_and_an_empty_cell_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(History::read(dir.path(), Kind::Rl), History::default());
        fs::write(layout::metrics_csv(dir.path()), "step,reward,entropy,latch\n1,0.5,0.25,0\n2,,0.5,1\n3,0.").unwrap();
        let timing =
            "step,rollout_seconds,rollout_tokens,update_seconds\n1,1.0,100,0.5\n2,2.0,300,1.0\n3,0.5,900,0.5\n";
        fs::write(layout::timing_csv(dir.path()), timing).unwrap();
        let history = History::read(dir.path(), Kind::Rl);
        assert_eq!(history.curves, [vec![(1.0, 0.5)], vec![(1.0, 0.25), (2.0, 0.5)]]);
        assert_eq!(history.latch, [(1.0, 0.0), (2.0, 1.0)]);
        assert_eq!((history.rate, history.step_seconds), (Some(1800.0), Some(1.5)));
    }
}
