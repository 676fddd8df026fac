//! What is printed where there is no terminal: a line for every change.

use super::board::{Board, State, Watched};
use crate::lab::view::clock;

/// What was last said of each job.
#[derive(Default)]
pub struct Plain {
    said: Vec<(State, u64)>,
}

impl Plain {
    /// A line for every job whose state or step is another than at the last call; at the first call one for every job that is no
    /// longer waiting.
    pub fn changes(&mut self, board: &Board) -> Vec<String> {
        let now: Vec<(State, u64)> = board.jobs.iter().map(|job| (job.state, job.status.step)).collect();
        self.said.resize(now.len(), (State::Waiting, 0));
        let changed = board.jobs.iter().zip(self.said.iter().zip(&now)).filter(|(_, (old, new))| old != new);
        let mut lines: Vec<String> = changed.map(|(job, _)| line(job)).collect();
        if !lines.is_empty() {
            lines.push(total(board));
        }
        self.said = now;
        lines
    }
}

/// All that is known of a job, in a line.
pub fn line(job: &Watched) -> String {
    let number = |name: &str, value: Option<f64>| value.map(|value| format!("{name} {value:.3}"));
    let working = |value: Option<f64>| value.filter(|_| job.state.works());
    let parts = [
        number("reward", job.status.reward),
        number("entropy", job.status.entropy),
        job.status.latch.map(|on| format!("latch {}", if on { "on" } else { "off" })),
        working(job.history.rate).map(|rate| format!("{rate:.0} tokens/s")),
        working(job.left).map(|left| format!("{} left", clock(left))),
    ];
    let name = format!("{} seed {} ({})", job.variant, job.seed, job.id);
    let place = format!("{} {}/{}", job.state.word(), job.status.step, job.steps);
    [format!("{name}: {place}")].into_iter().chain(parts.into_iter().flatten()).collect::<Vec<_>>().join(", ")
}

/// Where the experiment stands, in a line.
pub fn total(board: &Board) -> String {
    let left = board.left().map_or(String::new(), |left| format!(", {} left", clock(left)));
    format!("all jobs: {}, {:.0}% of the steps{left}", board.counts(), 100.0 * board.share())
}
