//! The view on a terminal, until the jobs have ended or the user leaves.

use super::board::Board;
use super::draw::draw;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a signal may wait.
const TICK: Duration = Duration::from_millis(250);

/// Shows `board`; `look` renews it every `every`. Ends when the jobs have ended, at `q`, Escape or Ctrl-C, or when `stop` is set. The
/// terminal is as before at the end, also after an error.
pub fn show(board: &mut Board, every: Duration, stop: &AtomicBool, look: impl FnMut(&mut Board)) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let ended = follow(&mut terminal, board, every, stop, look);
    ratatui::restore();
    ended
}

fn follow(
    terminal: &mut ratatui::DefaultTerminal,
    board: &mut Board,
    every: Duration,
    stop: &AtomicBool,
    mut look: impl FnMut(&mut Board),
) -> io::Result<()> {
    let mut looked = Instant::now();
    loop {
        terminal.draw(|frame| draw(board, frame))?;
        if board.ended() || stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        if event::poll(every.saturating_sub(looked.elapsed()).min(TICK))? && leaves(board, &event::read()?) {
            return Ok(());
        }
        if !board.paused && looked.elapsed() >= every {
            look(board);
            looked = Instant::now();
        }
    }
}

fn leaves(board: &mut Board, event: &Event) -> bool {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            interrupt || board.press(key.code)
        }
        _ => false,
    }
}
