//! How far a run is: a bar on a terminal, a line a stage elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use longlab_synthesis::Observer;
use longlab_synthesis::funnel::Counts;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const KNOWN: &str = "{msg:16} {bar:30} {human_pos} of {human_len}, {eta} left";
const OPEN: &str = "{msg:16} {spinner} {human_pos}, {elapsed}";

/// Tells on standard error how a run goes on, and ends it when it is asked to.
pub(super) struct Told<'a> {
    quiet: bool,
    bar: ProgressBar,
    begun: Instant,
    stop: &'a AtomicBool,
}

impl<'a> Told<'a> {
    pub(super) fn new(quiet: bool, stop: &'a AtomicBool) -> Told<'a> {
        Told { quiet, bar: ProgressBar::hidden(), begun: Instant::now(), stop }
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }
}

impl Observer for Told<'_> {
    fn begins(&mut self, stage: &str) {
        self.begun = Instant::now();
        if self.quiet {
            return;
        }
        // Nothing is drawn where standard error is no terminal.
        self.bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        self.style(OPEN);
        self.bar.set_message(stage.to_owned());
        self.bar.enable_steady_tick(Duration::from_millis(200));
        if !std::io::stderr().is_terminal() {
            eprintln!("{stage} begins");
        }
    }

    fn progress(&mut self, _stage: &str, done: usize, of: usize) {
        if of > 0 && self.bar.length().is_none() {
            self.bar.set_length(of as u64);
            self.style(KNOWN);
        }
        self.bar.set_position(done as u64);
    }

    fn ended(&mut self, stage: &str, counts: &Counts, cached: bool) {
        self.bar.finish_and_clear();
        if self.quiet {
            return;
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let how = if cached { "found finished".to_string() } else { format!("{seconds:.1} s") };
        eprintln!("{stage:16} {} of {} kept, {how}", counts.kept, counts.taken);
    }

    fn goes_on(&mut self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

/// How many finished stages lie in a folder.
pub(super) fn stages_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().join("done.json").is_file()).count()
}
