//! The first paragraph of a report, made from its numbers, and the remarks that must not be overlooked.

use super::analysis::{Analysis, ScoreRow, averaged, finished};
use super::doc::Block;
use super::input::{Input, Metrics, Row, SeedRun, Status};
use super::text::{count, interval, signed};

/// Below this number of seeds an interval over seeds says little.
const FEW: usize = 3;

/// One paragraph.
pub fn paragraph(input: &Input, analysis: &Analysis) -> String {
    let seeds = input.rows.iter().map(|row| row.seeds.len()).max().unwrap_or_default();
    let mut sentences = vec![format!(
        "{} measured at scale {} with {} each.",
        count(input.rows.len(), "variant"),
        input.scale,
        count(seeds, "seed")
    )];
    sentences.extend(averages(&analysis.main));
    sentences.extend(gains(analysis));
    sentences.extend(verdicts(analysis));
    sentences.join(" ")
}

fn averages(rows: &[ScoreRow]) -> Option<String> {
    let mut ranked: Vec<_> = rows.iter().filter_map(|row| row.cells[0].map(|cell| (row, cell))).collect();
    ranked.sort_by(|left, right| right.1.mean.total_cmp(&left.1.mean));
    let (best, top) = ranked.first()?;
    let mut text = format!(
        "The highest average over {} is {:.2} ({}; 95% interval {})",
        averaged(rows),
        top.mean,
        best.variant,
        interval(top, 1)
    );
    if let Some((last, bottom)) = ranked.get(1..).and_then(<[_]>::last) {
        text.push_str(&format!(", the lowest {:.2} ({}; {})", bottom.mean, last.variant, interval(bottom, 1)));
    }
    Some(text + ".")
}

fn gains(analysis: &Analysis) -> Option<String> {
    let rows = analysis.training.iter().filter_map(|row| row.reward.as_ref().map(|change| (row, change)));
    let gains: Vec<String> =
        rows.map(|(row, change)| format!("{} by {}", row.variant, signed(change.gain.mean, 3))).collect();
    if gains.is_empty() {
        return None;
    }
    Some(format!(
        "Mean training reward changed from the first to the last {} steps: {}.",
        analysis.window,
        gains.join(", ")
    ))
}

fn verdicts(analysis: &Analysis) -> Option<String> {
    let number = |word: &str| analysis.verdicts.iter().filter(|verdict| verdict.word() == word).count();
    if analysis.verdicts.is_empty() {
        return None;
    }
    Some(format!(
        "Scorecard: of {}, {} reproduced, {} contradicted, {} not resolved.",
        count(analysis.verdicts.len(), "claim"),
        number("reproduced"),
        number("contradicted"),
        number("not resolved")
    ))
}

/// Few seeds, failed seeds, failed answers.
pub fn warnings(input: &Input) -> Vec<Block> {
    let mut warnings = Vec::new();
    let fewest = input.rows.iter().map(done).min().unwrap_or_default();
    if fewest < FEW {
        warnings.push(format!(
            "Intervals over so few seeds are unreliable: {} finished in the variant with the fewest. They cannot see how much training itself \
             varies from seed to seed; at least {FEW} seeds are needed, five are better.",
            count(fewest, "seed")
        ));
    }
    for row in &input.rows {
        let missing = row.seeds.iter().filter(|run| run.status != Status::Done);
        let missing: Vec<String> =
            missing.map(|run| format!("seed {} {} (job {})", run.seed, run.status.name(), run.job)).collect();
        if !missing.is_empty() {
            warnings.push(format!(
                "{}: {}. The numbers of this variant are over the {} that finished.",
                row.variant,
                missing.join(", "),
                count(done(row), "seed")
            ));
        }
    }
    warnings.extend(alike(input));
    warnings.extend(input.rows.iter().filter_map(|row| {
        let way = row.entropy.as_ref()?;
        Some(format!(
            "{} measures entropy as {way}: its entropies do not compare with those of variants that do not.",
            row.variant
        ))
    }));
    let failed: u64 =
        input.rows.iter().flat_map(|row| &row.seeds).flat_map(|run| &run.items).map(|item| item.counts[4]).sum();
    if failed > 0 {
        warnings.push(format!("{} failed and count as 0 until they are retried.", count(failed as usize, "answer")));
    }
    warnings.into_iter().map(Block::Warning).collect()
}

/// Pairs of trained variants whose outcomes agree item for item in every finished seed.
fn alike(input: &Input) -> impl Iterator<Item = String> {
    let rows = input.rows.iter().filter(|row| done(row) > 0);
    let pairs =
        rows.clone().enumerate().flat_map(move |(i, left)| rows.clone().skip(i + 1).map(move |right| (left, right)));
    pairs.filter_map(|(left, right)| {
        let steps = same_outcomes(left, right)?;
        let (left, right) = (&left.variant, &right.variant);
        Some(if steps {
            format!(
                "{left} and {right} are the same run in every seed, step for step and answer for answer: what sets them apart never acted. \
                 A difference of 0 between them says nothing about it."
            )
        } else {
            format!(
                "{left} and {right} have the same outcomes, item for item in every seed, though their training differs in some digit: what sets \
                 them apart had next to no effect. A difference of 0 between their scores says nothing more."
            )
        })
    })
}

/// Whether two variants whose outcomes agree agree in every step too.
fn same_outcomes(left: &Row, right: &Row) -> Option<bool> {
    let differ = left.entropy != right.entropy;
    let (left, right): (Vec<_>, Vec<_>) = (finished(left).collect(), finished(right).collect());
    let trained = |runs: &[&SeedRun]| runs.iter().all(|run| !run.metrics.rows.is_empty());
    let same = |(a, b): (&&SeedRun, &&SeedRun)| a.seed == b.seed && a.items == b.items;
    let alike = left.len() == right.len() && trained(&left) && left.iter().zip(&right).all(same);
    alike.then(|| left.iter().zip(&right).all(|(a, b)| same_steps(&a.metrics, &b.metrics, differ)))
}

/// Whether two runs agree in every step; `differ` leaves out entropies, which the two measure in different ways.
fn same_steps(left: &Metrics, right: &Metrics, differ: bool) -> bool {
    if !differ {
        return left == right;
    }
    let others =
        |metrics: &Metrics| metrics.columns.iter().filter(|name| *name != "entropy").cloned().collect::<Vec<_>>();
    let names = others(left);
    names == others(right) && names.iter().all(|name| left.column(name) == right.column(name))
}

fn done(row: &Row) -> usize {
    finished(row).count()
}
