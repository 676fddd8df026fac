//! What a job has written so far: its curves, its speed.

use crate::lab::layout;
use crate::spec::Kind;
use std::fs;
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
        let last = |name: &str| timing.column(name).last().map(|(_, value)| *value);
        let rate = last("rollout_tokens").zip(last("rollout_seconds").filter(|seconds| *seconds > 0.0));
        History {
            curves: measures(kind).map(|(column, _)| metrics.column(column)),
            latch: metrics.column("latch"),
            rate: rate.map(|(tokens, seconds)| tokens / seconds),
            step_seconds: timing.step_seconds(),
        }
    }
}

/// The whole lines of a CSV file without quotes.
struct Rows {
    names: Vec<String>,
    cells: Vec<Vec<Option<f64>>>,
}

impl Rows {
    fn read(path: &Path) -> Rows {
        let text = fs::read_to_string(path).unwrap_or_default();
        // A line without its end is being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.lines();
        let names = lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
        let cells = lines.map(|line| line.split(',').map(|cell| cell.parse().ok()).collect()).collect();
        Rows { names, cells }
    }

    /// Step and value of every row that has both.
    fn column(&self, name: &str) -> Curve {
        let place = |name: &str| self.names.iter().position(|own| own == name);
        let (Some(step), Some(column)) = (place("step"), place(name)) else { return vec![] };
        let at = |row: &[Option<f64>], column: usize| row.get(column).copied().flatten();
        self.cells.iter().filter_map(|row| Some((at(row, step)?, at(row, column)?))).collect()
    }

    fn step_seconds(&self) -> Option<f64> {
        let columns: Vec<usize> = (0..self.names.len()).filter(|&c| self.names[c].ends_with("_seconds")).collect();
        let sum = |row: &Vec<Option<f64>>| columns.iter().filter_map(|&c| row.get(c).copied().flatten()).sum::<f64>();
        let mut seconds: Vec<f64> = self.cells.iter().map(sum).collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
