//! Which plots a report has, and what each of them shows.

use super::super::analysis::{Analysis, ScoreRow, finished, measures};
use super::super::error::ReportError;
use super::super::input::{Input, Row, SeedRun};
use super::super::published::PublishedFigure;
use super::super::scatter;
use super::dots::Dots;
use super::panels::{Curve, GATED, Panel, Panels, Phase, Point, STEPS, curve_key, phase_key, plain};
use super::points::{Cloud, Points};
use super::style::{COLOURS, Key, colour};
use super::{Drawing, Plot};
use plotters::style::RGBColor;
use std::collections::BTreeMap;

/// Measures of training that get a panel each: column, title, axis.
const MEASURES: [(&str, &str, &str); 5] = [
    ("reward", "Reward", "mean reward (0 to 1)"),
    ("entropy", "Entropy", "entropy (nats a token)"),
    ("response_tokens", "Response length", "tokens a response"),
    ("accuracy", "Accuracy of the warm start", "share right (0 to 1)"),
    ("context_tokens", "Context length of the warm start", "tokens a context"),
];
/// The loss means something by itself in a supervised run only.
const LOSS: (&str, &str, &str) = ("loss", "Loss of the warm start", "nats a token");

/// All plots of a report, in reading order.
pub(crate) fn all(input: &Input, analysis: &Analysis) -> Result<Vec<Plot>, ReportError> {
    let mut plots = Vec::new();
    plots.extend(scores("scores", "Scores by suite", "main split", &analysis.main));
    plots.extend(scores("long", "Scores on the long split", "long split", &analysis.long));
    plots.extend(curves(input));
    plots.extend(scatter(input));
    plots.extend(tasks(input));
    plots.extend(published(input)?);
    Ok(plots)
}

fn scores(name: &'static str, heading: &str, split: &str, rows: &[ScoreRow]) -> Option<Plot> {
    let groups: Vec<_> = measures()
        .enumerate()
        .map(|(at, measure)| {
            let name = if measure == "avg" { "Avg" } else { measure };
            (name.to_owned(), rows.iter().map(|row| row.cells[at]).collect::<Vec<_>>())
        })
        .filter(|(_, cells)| cells.iter().any(Option::is_some))
        .collect();
    if groups.is_empty() {
        return None;
    }
    let dots = Dots {
        title: format!("Score by suite, {split} (measured)"),
        axis: "score (points, 0 to 100), 95% interval".into(),
        keys: rows.iter().enumerate().map(|(at, row)| curve_key(&row.variant, colour(at))).collect(),
        groups,
    };
    Some(Plot {
        name,
        heading: heading.into(),
        caption: format!(
            "Measured scores on the {split}: mean and 95% interval over seeds and items, one dot a variant."
        ),
        published: false,
        drawing: Drawing::Dots(dots),
    })
}

/// Most points of a variant in a plot: more hide one another.
const MOST_POINTS: usize = 1500;

fn scatter(input: &Input) -> Option<Plot> {
    let which = input.scatter?;
    let mut shown = Vec::new();
    for (at, row) in input.rows.iter().enumerate() {
        let all: Vec<(f64, f64)> =
            finished(row).flat_map(|run| &run.responses).map(|one| (one.entropy, one.slope)).collect();
        let every = all.len().div_ceil(MOST_POINTS).max(1);
        let points: Vec<(f64, f64)> = all.into_iter().step_by(every).collect();
        if !points.is_empty() {
            shown.push(Cloud { key: curve_key(&row.variant, colour(at)), points, every });
        }
    }
    let thinned: Vec<String> = shown
        .iter()
        .filter(|cloud| cloud.every > 1)
        .map(|cloud| format!(" Of {} one response in {} is drawn.", cloud.key.name, cloud.every))
        .collect();
    let clouds = (!shown.is_empty()).then_some(shown)?;
    Some(Plot {
        name: "scatter",
        heading: "Entropy against gradient norm".into(),
        caption: format!(
            "Measured: each point one of the {}, all steps and seeds.{}",
            scatter::whose(which),
            thinned.concat()
        ),
        published: false,
        drawing: Drawing::Points(Points {
            title: "Entropy against gradient norm (measured)".into(),
            across: "mean entropy of a response's tokens (nats)".into(),
            axis: "mean gradient norm of its tokens".into(),
            clouds,
        }),
    })
}

/// Keys of the variants that have a curve.
fn variant_keys(input: &Input) -> Vec<Key> {
    let shown = |row: &Row| finished(row).any(|run| !run.metrics.rows.is_empty());
    let rows = input.rows.iter().enumerate().filter(|(_, row)| shown(row));
    rows.map(|(at, row)| curve_key(&row.variant, colour(at))).collect()
}

/// Share of a panel's range of values below which two curves cannot be told apart: about a pixel.
const A_PIXEL: f64 = 0.005;

/// Says which curves cannot be seen in any panel since one drawn later lies on them.
fn covered(panels: &[Panel], keys: &[Key]) -> String {
    let under = |below: &Key, above: &Key| {
        let pairs: Vec<_> = panels
            .iter()
            .filter_map(|panel| {
                let of = |key: &Key| panel.curves.iter().find(|curve| curve.colour == key.colour);
                Some((panel, of(below)?, of(above)))
            })
            .collect();
        !pairs.is_empty() && pairs.iter().all(|(panel, low, high)| high.is_some_and(|high| lies_on(panel, high, low)))
    };
    let keys: Vec<&Key> = keys.iter().filter(|key| !key.area).collect();
    let hidden = keys.iter().enumerate().filter_map(|(at, below)| {
        let above = keys[at + 1..].iter().find(|above| under(below, above))?;
        Some(format!(" {} lies under {}, from which it cannot be told apart here.", below.name, above.name))
    });
    hidden.collect()
}

/// Whether `high` is, to a pixel, where `low` is, at every step that `low` has.
fn lies_on(panel: &Panel, high: &Curve, low: &Curve) -> bool {
    let values = || panel.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.y));
    let range = values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min);
    low.points.iter().all(|point| {
        let other = high.points.iter().find(|other| other.x == point.x);
        other.is_some_and(|other| (other.y - point.y).abs() <= A_PIXEL * range)
    })
}

fn curves(input: &Input) -> Option<Plot> {
    let mut measures = MEASURES.to_vec();
    if has_column(input, "accuracy") {
        measures.push(LOSS);
    }
    let panel = |(column, title, axis): (&str, &str, &str)| Panel {
        title: format!("{title} (measured)"),
        axis: axis.into(),
        across: STEPS.into(),
        keys: vec![],
        curves: band_curves(input, column),
        phases: latch(input),
    };
    let panels: Vec<Panel> = measures.into_iter().filter(|(column, ..)| has_column(input, column)).map(panel).collect();
    let phases = panels.first()?.phases.clone();
    let mut keys = variant_keys(input);
    for (at, row) in input.rows.iter().enumerate() {
        if phases.iter().any(|phase| phase.colour == colour(at)) {
            keys.push(phase_key(&latch_key(row), colour(at)));
        }
    }
    let mut caption = String::from(
        "Measured curves by training step: mean over seeds, band from the lowest to the highest seed, no smoothing.",
    );
    if !phases.is_empty() {
        caption.push_str(" Shaded steps: the latch is on; the darker, the larger the share of seeds.");
    }
    caption.push_str(&covered(&panels, &keys));
    Some(Plot {
        name: "curves",
        heading: "Training curves".into(),
        caption,
        published: false,
        drawing: Drawing::Panels(Panels { panels, columns: 1, height: 270, keys }),
    })
}

fn tasks(input: &Input) -> Option<Plot> {
    let panel = |task: crate::task::TaskType| Panel {
        title: task.name().replace('_', " "),
        axis: "mean reward (0 to 1)".into(),
        across: STEPS.into(),
        keys: vec![],
        curves: band_curves(input, &format!("reward_{task}")),
        phases: vec![],
    };
    let panels: Vec<Panel> = crate::task::TaskType::ALL
        .into_iter()
        .filter(|task| has_column(input, &format!("reward_{task}")))
        .map(panel)
        .filter(|panel| !panel.curves.is_empty())
        .collect();
    if panels.is_empty() {
        return None;
    }
    let keys = variant_keys(input);
    Some(Plot {
        name: "tasks",
        heading: "Reward by task type".into(),
        caption: "Measured reward by task type and training step: mean over the seeds whose batch held the task type, \
                  band from the lowest to the highest of them."
            .to_owned()
            + &covered(&panels, &keys),
        published: false,
        drawing: Drawing::Panels(Panels { panels, columns: 2, height: 230, keys }),
    })
}

fn published(input: &Input) -> Result<Option<Plot>, ReportError> {
    let mut panels = Vec::new();
    for figure in &input.figures {
        panels.push(published_panel(input, &PublishedFigure::read(figure)?));
    }
    if panels.is_empty() {
        return Ok(None);
    }
    Ok(Some(Plot {
        name: "published",
        heading: "The paper's own curves".into(),
        caption: "Published (QwenLong-L1.5, arXiv 2512.12967), recovered from the paper's vector graphics; nothing here was measured by us. \
                  Scales differ from the measured curves."
            .into(),
        published: true,
        drawing: Drawing::Panels(Panels { panels, columns: 1, height: 290, keys: vec![] }),
    }))
}

/// Legend of the steps of a published curve without negative gradient.
const GATE_KEY: &str = "negative gradient off";

fn latch_key(row: &Row) -> String {
    format!("{} latch on", row.variant)
}

fn published_panel(input: &Input, figure: &PublishedFigure) -> Panel {
    let variants: Vec<&str> = input.rows.iter().map(|row| row.paper_row.as_str()).collect();
    let names: Vec<&str> = figure.curves.iter().map(|(name, _)| name.as_str()).collect();
    let colours: Vec<RGBColor> = places(&variants, &names).into_iter().map(colour).collect();
    let mut keys: Vec<Key> = names.iter().zip(&colours).map(|(name, colour)| curve_key(name, *colour)).collect();
    if !figure.gated.is_empty() {
        keys.push(phase_key(GATE_KEY, GATED));
    }
    Panel {
        title: format!("{} (published)", figure.title),
        axis: figure.unit.clone(),
        across: STEPS.into(),
        keys,
        curves: figure
            .curves
            .iter()
            .zip(&colours)
            .map(|((name, points), colour)| plain(name, *colour, points))
            .collect(),
        phases: figure.gated.iter().map(|&x| Phase { name: GATE_KEY.into(), x, colour: GATED, share: 1.0 }).collect(),
    }
}

/// Places in the palette for published curves: that of the variant which a curve stands for; the others take places of
/// their own, first those that no variant has.
fn places(variants: &[&str], names: &[&str]) -> Vec<usize> {
    let letters = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let variants: Vec<String> = variants.iter().map(|name| letters(name)).collect();
    let own = |name: &str| {
        let name = letters(name);
        let equal = variants.iter().position(|variant| *variant == name);
        equal.or_else(|| variants.iter().position(|variant| variant.ends_with(&name))).filter(|at| *at < COLOURS)
    };
    let matched: Vec<Option<usize>> = names.iter().map(|name| own(name)).collect();
    let mut free = (variants.len().min(COLOURS)..COLOURS).chain(0..COLOURS).filter(|at| !matched.contains(&Some(*at)));
    matched.iter().map(|place| place.or_else(|| free.next()).unwrap_or_default()).collect()
}

fn has_column(input: &Input, column: &str) -> bool {
    let mut runs = input.rows.iter().flat_map(finished);
    runs.any(|run| run.metrics.column(column).is_some_and(|values| values.iter().any(Option::is_some)))
}

fn band_curves(input: &Input, column: &str) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (at, row) in input.rows.iter().enumerate() {
        let runs: Vec<&SeedRun> = finished(row).collect();
        let points: Vec<Point> =
            by_step(&runs, column).into_iter().map(|(step, values)| point(step, &values)).collect();
        if !points.is_empty() {
            curves.push(Curve { name: row.variant.clone(), colour: colour(at), points });
        }
    }
    curves
}

/// Values of a column over seeds, by step.
fn by_step(runs: &[&SeedRun], column: &str) -> BTreeMap<u64, Vec<f64>> {
    let mut steps: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for run in runs {
        let values = run.metrics.column(column).unwrap_or_default();
        let numbers = run.metrics.column("step").unwrap_or_default();
        for (step, value) in numbers.into_iter().zip(values) {
            if let (Some(step), Some(value)) = (step, value) {
                steps.entry(step as u64).or_default().push(value);
            }
        }
    }
    steps
}

fn point(step: u64, values: &[f64]) -> Point {
    Point {
        x: step as f64,
        y: values.iter().sum::<f64>() / values.len() as f64,
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

fn latch(input: &Input) -> Vec<Phase> {
    let mut phases = Vec::new();
    for (at, row) in input.rows.iter().enumerate() {
        let runs: Vec<&SeedRun> = finished(row).collect();
        for (step, values) in by_step(&runs, "latch") {
            let share = values.iter().sum::<f64>() / values.len() as f64;
            if share > 0.0 {
                phases.push(Phase { name: latch_key(row), x: step as f64, colour: colour(at), share });
            }
        }
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_curves_keep_the_colours_of_their_variants_and_never_share_one() {
        let variants = ["base", "GRPO", "GRPO + clip low-entropy tokens", "a", "b", "c", "d"];
        assert_eq!(places(&variants, &["GRPO", "clip low entropy tokens", "other", "another"]), [1, 2, 7, 8]);
        let many = ["GRPO", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        assert_eq!(places(&many, &["GRPO", "other", "another"]), [0, 1, 2], "no colour is left but those of variants");
        assert_eq!(places(&["GRPO", "AEPO"], &["entropy", "GRPO"]), [2, 0]);
    }
}
