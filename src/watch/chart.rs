//! Curves in braille, and the latch by step.

use super::board::{Board, Scope};
use super::history::{Curve, measures};
use ratatui::layout::Rect;
use ratatui::prelude::{Color, Frame, Line, Span, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph};
use std::collections::BTreeMap;

/// Colours of the sixteen that every terminal has.
const COLOURS: [Color; 6] = [Color::Cyan, Color::Yellow, Color::Green, Color::Magenta, Color::Red, Color::Blue];

/// Colour of the n-th variant.
pub fn colour(index: usize) -> Color {
    COLOURS[index % COLOURS.len()]
}

/// A curve with its name and colour.
struct Named {
    name: String,
    colour: Color,
    points: Curve,
}

/// Names of the variants, in the order of the experiment.
pub fn variants(board: &Board) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for job in &board.jobs {
        if !names.contains(&job.variant.as_str()) {
            names.push(&job.variant);
        }
    }
    names
}

/// What the curves are of.
pub fn subject(board: &Board) -> String {
    let Some(job) = board.jobs.get(board.chosen) else { return String::new() };
    match board.scope {
        Scope::Job => format!("{} seed {}", job.variant, job.seed),
        Scope::Variant => format!("{}, every seed", job.variant),
        Scope::All => "every variant, mean over seeds".into(),
    }
}

/// The curves that are looked at; `pick` takes one of a job.
fn curves(board: &Board, pick: impl Fn(&super::board::Watched) -> &Curve) -> Vec<Named> {
    let names = variants(board);
    let place = |variant: &str| names.iter().position(|name| *name == variant).unwrap_or_default();
    let Some(chosen) = board.jobs.get(board.chosen) else { return vec![] };
    let of_variant = |variant: &str| board.jobs.iter().filter(move |job| job.variant == variant).collect::<Vec<_>>();
    match board.scope {
        Scope::Job => vec![Named {
            name: format!("seed {}", chosen.seed),
            colour: colour(place(&chosen.variant)),
            points: pick(chosen).clone(),
        }],
        Scope::Variant => of_variant(&chosen.variant)
            .iter()
            .enumerate()
            .map(|(at, job)| Named {
                name: format!("seed {}", job.seed),
                colour: colour(at),
                points: pick(job).clone(),
            })
            .collect(),
        Scope::All => names
            .iter()
            .enumerate()
            .map(|(at, name)| Named {
                name: (*name).to_owned(),
                colour: colour(at),
                points: mean(of_variant(name).into_iter().map(&pick)),
            })
            .collect(),
    }
}

/// Mean by step over the curves that have it.
fn mean<'a>(curves: impl Iterator<Item = &'a Curve>) -> Curve {
    let mut steps: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (step, value) in curves.flatten() {
        let (sum, number) = steps.entry(*step as u64).or_default();
        *sum += value;
        *number += 1.0;
    }
    steps.into_iter().map(|(step, (sum, number))| (step as f64, sum / number)).collect()
}

/// Draws the n-th measure.
pub fn draw(board: &Board, measure: usize, frame: &mut Frame, area: Rect) {
    let curves = curves(board, |job| &job.history.curves[measure]);
    let title = format!(" {} ", measures(board.kind)[measure].1);
    let block = Block::bordered().title(title.bold()).border_style(Color::DarkGray);
    let points = || curves.iter().flat_map(|curve| &curve.points);
    if points().next().is_none() {
        return frame.render_widget(Paragraph::new("no step yet").dim().centered().block(block), area);
    }
    let end = board.jobs.iter().map(|job| job.steps).max().unwrap_or(1).max(2) as f64;
    let low = points().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = points().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let air = ((high - low) * 0.05).max(1e-3);
    let (low, high) = (low - air, high + air);
    let sets = curves.iter().map(|curve| {
        let set = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line);
        // One curve needs no legend: the heading names it.
        let set = if curves.len() > 1 { set.name(curve.name.clone()) } else { set };
        set.style(Style::new().fg(curve.colour)).data(&curve.points)
    });
    let number = |value: f64| Span::raw(format!("{value:.3}"));
    let chart = Chart::new(sets.collect())
        .block(block)
        .x_axis(Axis::default().bounds([1.0, end]).labels(["1".to_string(), format!("{end:.0}")]).dim())
        .y_axis(
            Axis::default().bounds([low, high]).labels([number(low), number((low + high) / 2.0), number(high)]).dim(),
        );
    frame.render_widget(chart, area);
}

/// One line: by step, whether the latch was on in most (full) or some (half) of the jobs looked at.
pub fn latch(board: &Board, width: usize) -> Option<Line<'static>> {
    let shares = mean(curves(board, |job| &job.history.latch).iter().map(|curve| &curve.points));
    let (first, last) = (shares.first()?.0, shares.last()?.0);
    let word = if shares.last()?.1 > 0.0 { "latch on   " } else { "latch off  " };
    let columns = width.saturating_sub(word.len() + 2).min(shares.len());
    let sign = |column: usize| {
        let span = (last - first + 1.0) / columns as f64;
        let (from, to) = (first + span * column as f64, first + span * (column + 1) as f64);
        let own: Vec<f64> =
            shares.iter().filter(|(step, _)| (from..to).contains(step)).map(|(_, share)| *share).collect();
        match own.iter().sum::<f64>() / own.len().max(1) as f64 {
            share if share > 0.5 => '█',
            share if share > 0.0 => '▄',
            _ => '·',
        }
    };
    let strip: String = (0..columns).map(sign).collect();
    Some(Line::from(vec![Span::raw(" "), Span::raw(word).bold(), Span::raw(strip).yellow()]))
}
