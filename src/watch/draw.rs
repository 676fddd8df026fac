//! The board as cells of a terminal.

use super::board::{Board, State, Watched};
use super::chart;
use crate::lab::view::clock;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::prelude::{Color, Frame, Line, Span, Style, Stylize};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};

/// Lines below which there are no curves.
const SMALL: u16 = 20;
/// Columns from which the two curves stand side by side.
const WIDE: u16 = 70;
const BAR: usize = 12;

/// Draws the whole board.
pub fn draw(board: &Board, frame: &mut Frame) {
    let area = frame.area();
    let latch = chart::latch(board, area.width as usize);
    let table = board.jobs.len() as u16 + 1;
    let curves = if area.height < SMALL { 0 } else { (area.height - 4).saturating_sub(table).max(area.height / 2 - 2) };
    let rows = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(curves),
        Constraint::Length(u16::from(curves > 0 && latch.is_some())),
        Constraint::Length(1),
    ]);
    let [head, jobs, middle, strip, foot] = rows.areas(area);
    frame.render_widget(Paragraph::new(heading(board, area.width as usize)), head);
    draw_jobs(board, frame, jobs);
    if curves > 0 {
        draw_curves(board, frame, middle);
        frame.render_widget(Paragraph::new(latch.unwrap_or_default()), strip);
    }
    frame.render_widget(Paragraph::new(keys(board)), foot);
}

fn heading(board: &Board, width: usize) -> Vec<Line<'static>> {
    let left = board.left().map_or(String::new(), |left| format!("  {} left", clock(left)));
    let words = format!(" {:3.0}%{left}  {}", 100.0 * board.share(), board.counts());
    let bar = bar(board.share(), width.saturating_sub(words.chars().count() + 2).min(30));
    let paused = if board.paused { "  paused" } else { "" };
    vec![
        Line::from(vec![Span::raw(format!(" {}", board.heading)).bold(), Span::raw(paused).red().bold()]),
        Line::from(vec![Span::raw(" "), Span::raw(bar).cyan(), Span::raw(words)]),
    ]
}

/// A bar of `width` signs, `share` of it full.
fn bar(share: f64, width: usize) -> String {
    let full = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "━".repeat(full) + &"─".repeat(width - full)
}

fn draw_jobs(board: &Board, frame: &mut Frame, area: Rect) {
    let names = chart::variants(board);
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(7).clamp(7, 28) as u16;
    let columns = ["variant", "seed", "state", "", "step", "reward", "entropy", "latch", "tokens/s", "left"];
    let widths = [longest, 4, 9, BAR as u16, 9, 6, 7, 5, 8, 7].map(Constraint::Length);
    let rows = board.jobs.iter().map(|job| {
        let place = names.iter().position(|name| *name == job.variant).unwrap_or_default();
        row(job, chart::colour(place))
    });
    let head = columns.into_iter().enumerate().map(|(at, name)| match at {
        1 | 4.. => Cell::from(Line::from(name).right_aligned()),
        _ => Cell::from(name),
    });
    let table = Table::new(rows, widths)
        .header(Row::new(head).style(Style::new().dim()))
        .row_highlight_style(Style::new().reversed())
        .highlight_symbol(">");
    let mut state = TableState::default().with_selected(Some(board.chosen));
    frame.render_stateful_widget(table, area, &mut state);
}

fn row(job: &Watched, colour: Color) -> Row<'static> {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
    let share = match (job.state, job.steps) {
        (State::Done, _) => 1.0,
        (_, 0) => 0.0,
        (_, steps) => job.status.step as f64 / steps as f64,
    };
    let latch = job.status.latch.map_or("-", |on| if on { "on" } else { "off" });
    let left = if job.state == State::Done { job.status.seconds } else { job.left };
    let time = left.map_or("-".into(), clock);
    let numbers = [
        format!("{}/{}", job.status.step, job.steps),
        number(job.status.reward, 3),
        number(job.status.entropy, 3),
        latch.to_owned(),
        number(job.history.rate.filter(|_| job.state.works()), 0),
        if job.state == State::Done { "-".into() } else { time },
    ];
    let fixed = [
        Cell::from(Span::raw(job.variant.clone()).fg(colour)),
        Cell::from(Line::from(job.seed.to_string()).right_aligned()),
        Cell::from(Span::raw(job.state.word()).fg(state_colour(job.state))),
        Cell::from(Span::raw(bar(share, BAR)).fg(state_colour(job.state))),
    ];
    Row::new(fixed.into_iter().chain(numbers.map(|text| Cell::from(Line::from(text).right_aligned()))))
}

fn state_colour(state: State) -> Color {
    match state {
        State::Done => Color::Green,
        State::Running | State::Elsewhere => Color::Cyan,
        State::Failed => Color::Red,
        State::Stopped => Color::Yellow,
        State::Waiting => Color::DarkGray,
    }
}

fn draw_curves(board: &Board, frame: &mut Frame, area: Rect) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(Line::from(format!(" {}", chart::subject(board))).bold()), head);
    let halves = [Constraint::Fill(1), Constraint::Fill(1)];
    let places: [Rect; 2] =
        if area.width >= WIDE { Layout::horizontal(halves).areas(body) } else { Layout::vertical(halves).areas(body) };
    for (measure, place) in places.into_iter().enumerate() {
        chart::draw(board, measure, frame, place);
    }
}

fn keys(board: &Board) -> Line<'static> {
    let pause = if board.paused { "p goes on" } else { "p pauses" };
    Line::from(format!(" arrows choose a job   tab job, variant, all   {pause}   q leaves")).dim()
}

/// The board as plain lines, without colours, `width` columns wide and `height` lines high.
pub fn text(board: &Board, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory cannot fail");
    terminal.draw(|frame| draw(board, frame)).expect("memory cannot fail");
    let buffer = terminal.backend().buffer();
    let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
    (0..height).map(line).collect()
}
