//! From runs to estimates: what every table, plot and sentence of the report says is computed here, once.

use super::error::ReportError;
use super::estimate::{self, Grid, Interval};
use super::input::{Input, Item, Row, SUITES, SeedRun, Status};
use super::verdict::{self, Verdict};

/// Training steps at the end of a run that are averaged for a claim on a training measure.
pub const WINDOW: usize = 10;

/// All estimates of a report.
pub struct Analysis {
    /// Main split, one row a variant.
    pub main: Vec<ScoreRow>,
    /// Long split, empty if there is none.
    pub long: Vec<ScoreRow>,
    /// Mean score by task type over the main split, if there is one.
    pub tasks: TaskTable,
    /// One entry a claim.
    pub verdicts: Vec<Verdict>,
    /// First and last values of training, one row a variant.
    pub training: Vec<TrainingRow>,
    /// Steps at either end that are averaged for them: [`WINDOW`], or half of the shortest run where that is less.
    pub window: usize,
}

/// Scores of one variant in points (0..100).
pub struct ScoreRow {
    /// Name of the variant.
    pub variant: String,
    /// Avg, then the six suites; `None` where nothing was measured.
    pub cells: [Option<Interval>; 7],
    /// Seeds that finished.
    pub done: usize,
    /// Seeds in the spec.
    pub seeds: usize,
    /// Items a seed.
    pub items: usize,
    /// Answers over all seeds and items.
    pub answers: u64,
    /// Answers by status, in the order of `STATUSES`.
    pub counts: [u64; 5],
}

/// What the average is over, in words: the six suites, or those of them that a dataset has items for.
pub(crate) fn averaged(rows: &[ScoreRow]) -> String {
    let met = |row: &ScoreRow| row.cells[1..].iter().flatten().count();
    match rows.iter().map(met).max() {
        None | Some(0) | Some(6) => "the six suites".into(),
        Some(1) => "the one suite that has items".into(),
        Some(some) => format!("the {some} suites that have items"),
    }
}

/// Mean scores by task type.
pub struct TaskTable {
    /// Task types, in the order of appearance in [`crate::task::TaskType::ALL`].
    pub tasks: Vec<String>,
    /// Variant and one cell a task type, in points.
    pub rows: Vec<(String, Vec<Option<Interval>>)>,
}

/// First and last values of one training measure over seeds.
pub struct Change {
    /// Mean of the first steps.
    pub first: Interval,
    /// Mean of the last steps.
    pub last: Interval,
    /// Last minus first, by seed.
    pub gain: Interval,
}

/// Training of one variant.
pub struct TrainingRow {
    /// Name of the variant.
    pub variant: String,
    /// Seeds that finished.
    pub done: usize,
    /// Steps of a run.
    pub steps: usize,
    /// Reward (0..1).
    pub reward: Option<Change>,
    /// Entropy in nats.
    pub entropy: Option<Change>,
    /// Response length in tokens.
    pub length: Option<Change>,
    /// Share of steps with the latch on.
    pub latch: Option<f64>,
}

/// Computes everything.
pub fn analyse(input: &Input) -> Result<Analysis, ReportError> {
    let long = input.rows.iter().any(|row| finished(row).any(|run| run.items.iter().any(|item| item.split == "long")));
    let window = window(input);
    Ok(Analysis {
        main: score_rows(input, "main")?,
        long: if long { score_rows(input, "long")? } else { vec![] },
        tasks: task_table(input)?,
        verdicts: verdict::judge(input)?,
        training: input.rows.iter().map(|row| training_row(row, window)).collect(),
        window,
    })
}

/// The runs of a row that may enter a mean.
pub(crate) fn finished(row: &Row) -> impl Iterator<Item = &SeedRun> {
    row.seeds.iter().filter(|run| run.status == Status::Done)
}

fn score_rows(input: &Input, split: &str) -> Result<Vec<ScoreRow>, ReportError> {
    input.rows.iter().map(|row| score_row(row, split)).collect()
}

fn score_row(row: &Row, split: &str) -> Result<ScoreRow, ReportError> {
    let runs: Vec<&SeedRun> = finished(row).collect();
    let mut cells = [None; 7];
    for (cell, measure) in cells.iter_mut().zip(measures()) {
        let grid = grid(row, &runs, split, measure)?;
        *cell = estimate::mean(&grid, &format!("{} {measure}", row.variant))?.map(Interval::points);
    }
    let mut counts = [0; 5];
    for item in runs.iter().flat_map(|run| in_split(run, split)) {
        for (sum, count) in counts.iter_mut().zip(item.counts) {
            *sum += count;
        }
    }
    Ok(ScoreRow {
        variant: row.variant.clone(),
        cells,
        done: runs.len(),
        seeds: row.seeds.len(),
        items: runs.first().map_or(0, |run| in_split(run, split).count()),
        answers: counts.iter().sum(),
        counts,
    })
}

/// `avg` and the six suites, as written in a claim.
pub(crate) fn measures() -> impl Iterator<Item = &'static str> {
    std::iter::once("avg").chain(SUITES.iter().map(|(name, _)| *name))
}

fn in_split<'a>(run: &'a SeedRun, split: &'a str) -> impl Iterator<Item = &'a Item> {
    run.items.iter().filter(move |item| item.split == split)
}

/// Scores of runs as seeds x suites x items: for `avg` all suites that have items, else the one.
pub(crate) fn grid(row: &Row, runs: &[&SeedRun], split: &str, measure: &str) -> Result<Grid, ReportError> {
    let suites = SUITES.iter().map(|(name, _)| *name).filter(|name| measure == "avg" || *name == measure);
    // A dataset need not have questions for every suite; the average is over those it has.
    let met = |name: &&str| measure != "avg" || runs.iter().any(|run| in_split(run, split).any(|i| i.suite == **name));
    let suites: Vec<&str> = suites.filter(met).collect();
    let mut grid = Grid::new();
    for run in runs {
        let scores = |suite: &str| {
            let own = in_split(run, split).filter(|item| item.suite == suite);
            own.map(|item| item.score).collect::<Vec<f64>>()
        };
        grid.push(suites.iter().map(|suite| scores(suite)).collect());
    }
    even(row, runs, &grid, &suites)?;
    if suites.is_empty() || grid.iter().flatten().any(Vec::is_empty) {
        return Ok(Grid::new());
    }
    Ok(grid)
}

/// Every seed of a variant must have met the same items.
fn even(row: &Row, runs: &[&SeedRun], grid: &Grid, suites: &[&str]) -> Result<(), ReportError> {
    for (run, scores) in runs.iter().zip(grid).skip(1) {
        for ((suite, own), first) in suites.iter().zip(scores).zip(&grid[0]) {
            if own.len() != first.len() {
                return Err(ReportError::Uneven {
                    variant: row.variant.clone(),
                    what: format!(
                        "seed {} has {} items in {suite}, seed {} has {}",
                        run.seed,
                        own.len(),
                        runs[0].seed,
                        first.len()
                    ),
                    mend: format!("delete results/jobs/{} and run the experiment again", run.job),
                });
            }
        }
    }
    Ok(())
}

fn task_table(input: &Input) -> Result<TaskTable, ReportError> {
    let names = crate::task::TaskType::ALL.map(|task| task.name());
    let seen = |name: &str| {
        let mut runs = input.rows.iter().flat_map(finished);
        runs.any(|run| in_split(run, "main").any(|item| item.task == name))
    };
    let tasks: Vec<String> = names.into_iter().filter(|name| seen(name)).map(str::to_owned).collect();
    let mut rows = Vec::new();
    for row in &input.rows {
        let mut cells = Vec::new();
        for task in &tasks {
            let scores = |run: &SeedRun| {
                let own = in_split(run, "main").filter(|item| item.task == *task);
                vec![own.map(|item| item.score).collect::<Vec<f64>>()]
            };
            let grid: Grid = finished(row).map(scores).collect();
            let sound = grid.iter().all(|seed| !seed[0].is_empty() && seed[0].len() == grid[0][0].len());
            let cell = if sound { estimate::mean(&grid, &format!("{} {task}", row.variant))? } else { None };
            cells.push(cell.map(Interval::points));
        }
        rows.push((row.variant.clone(), cells));
    }
    Ok(TaskTable { tasks, rows })
}

/// First and last steps must not overlap, else a short run would hide its own change.
fn window(input: &Input) -> usize {
    let lengths = input.rows.iter().flat_map(finished).map(|run| run.metrics.rows.len());
    let shortest = lengths.filter(|steps| *steps > 0).min().unwrap_or_default();
    (shortest / 2).clamp(1, WINDOW)
}

fn training_row(row: &Row, window: usize) -> TrainingRow {
    let runs: Vec<&SeedRun> = finished(row).collect();
    let latch: Vec<f64> = runs.iter().filter_map(|run| mean(&values(run, "latch"))).collect();
    TrainingRow {
        variant: row.variant.clone(),
        done: runs.len(),
        steps: runs.first().map_or(0, |run| run.metrics.rows.len()),
        reward: change(&runs, "reward", window),
        entropy: change(&runs, "entropy", window),
        length: change(&runs, "response_tokens", window),
        latch: mean(&latch),
    }
}

fn change(runs: &[&SeedRun], measure: &str, window: usize) -> Option<Change> {
    let first: Option<Vec<f64>> = runs.iter().map(|run| first_steps(run, measure, window)).collect();
    let last: Option<Vec<f64>> = runs.iter().map(|run| last_steps(run, measure, window)).collect();
    let (first, last) = (first?, last?);
    let gain: Vec<f64> = last.iter().zip(&first).map(|(last, first)| last - first).collect();
    Some(Change {
        first: estimate::over_seeds(&first)?,
        last: estimate::over_seeds(&last)?,
        gain: estimate::over_seeds(&gain)?,
    })
}

/// Mean of a training measure over the first steps of a run.
fn first_steps(run: &SeedRun, measure: &str, window: usize) -> Option<f64> {
    let values = values(run, measure);
    mean(&values[..values.len().min(window)])
}

/// Mean of a training measure over the last steps of a run.
pub(crate) fn last_steps(run: &SeedRun, measure: &str, window: usize) -> Option<f64> {
    let values = values(run, measure);
    mean(&values[values.len().saturating_sub(window)..])
}

fn values(run: &SeedRun, measure: &str) -> Vec<f64> {
    run.metrics.column(measure).unwrap_or_default().into_iter().flatten().collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
