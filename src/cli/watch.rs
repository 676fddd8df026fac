//! `longlab watch SPEC`

use super::{Exit, chosen::Chosen};
use crate::lab::Layout;
use crate::lab::experiment::Plan;
use crate::watch::{Board, State, draw, plain, screen};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Watch the jobs of an experiment: progress, curves, latch, time left
///
/// Reads job folders and changes nothing; it may be given while `longlab run` works here, on another machine or under a scheduler, and
/// ends with the last job. Without a terminal it prints a line for every change.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab watch experiments/table5.toml
  ssh cluster longlab watch experiments/table5.toml     a line for every change
  longlab watch experiments/table5.toml --once          one look, as text

Keys: up and down choose a job, tab changes between the curves of the job, of its variant and of all variants, p pauses, q leaves

Exit codes: 0 all jobs are done or the view was left, 1 jobs failed")]
pub(super) struct WatchArgs {
    #[command(flatten)]
    chosen: Chosen,
    /// Print one look as text and end
    #[arg(long)]
    once: bool,
    /// Print a line for every change, also on a terminal
    #[arg(long, conflicts_with = "once")]
    plain: bool,
    /// Seconds between looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    every: f64,
}

/// A pause that neither burns the processor nor overflows.
fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    if (0.1..=3600.0).contains(&value) { Ok(value) } else { Err(format!("{text} is not within 0.1..3600")) }
}

/// Size of a look where no terminal gives one.
const SIZE: (u16, u16) = (100, 30);

/// Set by SIGTERM or SIGHUP, so that the terminal is put in order first.
static STOP: AtomicBool = AtomicBool::new(false);

pub(super) fn run(args: &WatchArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = args.chosen.load()?;
    let plan = Plan::new(&experiment, layout)?;
    let mut board = Board::new(&experiment, &plan, layout);
    let look = |board: &mut Board| board.look(&plan.name, layout);
    let every = Duration::from_secs_f64(args.every);
    let mut out = std::io::stdout();
    if args.once {
        let (width, height) = size();
        out.write_all(draw::text(&board, width, height).as_bytes())?;
        return Ok(exit(&board));
    }
    if !args.plain && out.is_terminal() && std::io::stdin().is_terminal() {
        ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst))?;
        screen::show(&mut board, every, &STOP, look)?;
        writeln!(out, "{}", plain::total(&board))?;
    } else {
        lines(&mut board, every, look, &mut out)?;
    }
    Ok(exit(&board))
}

fn lines(board: &mut Board, every: Duration, look: impl Fn(&mut Board), out: &mut impl Write) -> std::io::Result<()> {
    let mut plain = plain::Plain::default();
    writeln!(out, "{}", board.heading)?;
    loop {
        for line in plain.changes(board) {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        if board.ended() {
            return Ok(());
        }
        std::thread::sleep(every);
        look(board);
    }
}

/// The size of the terminal, of `COLUMNS` and `LINES`, or [`SIZE`].
fn size() -> (u16, u16) {
    let told = |name: &str| std::env::var(name).ok()?.parse::<u16>().ok().filter(|value| *value > 0);
    let terminal = std::io::stdout().is_terminal().then(|| ratatui::crossterm::terminal::size().ok()).flatten();
    let (width, height) = terminal.unwrap_or(SIZE);
    (told("COLUMNS").unwrap_or(width).min(500), told("LINES").unwrap_or(height).min(500))
}

fn exit(board: &Board) -> Exit {
    if board.ended() && board.number(State::Failed) > 0 { Exit::Failed } else { Exit::Done }
}
