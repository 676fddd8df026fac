//! What a row of a table opens to: the jobs behind it, how their answers ended by suite, and every item of every job.

use super::analysis::last_steps;
use super::doc::{Block, Cell, Table};
use super::input::{Item, Row, STATUSES, SUITES, SeedRun};
use super::text::{NOTHING, count};

/// How a word of [`items`] is read.
const LEGEND: &str = "Items below a job: the right answers of each item in order, in groups of ten; a letter for each answer that was \
     unparsable (u), truncated (t) or failed (f), all others are wrong. Scores: data/items.csv.";

/// The blocks below the row of a variant. `jobs` leads from the report to the job folders, `window` is the number of last steps
/// whose rewards are averaged.
pub fn of_variant(row: &Row, jobs: &str, window: usize) -> Vec<Block> {
    let mut blocks = vec![Block::Table(jobs_table(row, jobs, window))];
    if row.seeds.iter().any(|run| !run.items.is_empty()) {
        blocks.push(Block::Text(LEGEND.into()));
        blocks.push(Block::Table(suites(row)));
    }
    blocks
}

fn jobs_table(row: &Row, jobs: &str, window: usize) -> Table {
    let reward = format!("reward, last {}", count(window, "step"));
    let head = ["seed", "job", "status", "minutes", &reward].into_iter().chain(STATUSES);
    Table {
        caption: format!("Jobs of {}; answers of both splits", row.variant),
        head: head.map(str::to_owned).collect(),
        rows: row.seeds.iter().map(|run| job_cells(run, jobs, window)).collect(),
        details: row.seeds.iter().map(items).collect(),
        ..Table::default()
    }
}

fn job_cells(run: &SeedRun, jobs: &str, window: usize) -> Vec<Cell> {
    let job = Cell { link: run.done.map(|_| format!("{jobs}/{}/", run.job)), ..run.job.as_str().into() };
    let minutes = run.done.map_or(NOTHING.into(), |done| format!("{:.1}", done.seconds / 60.0));
    let reward = last_steps(run, "reward", window).map_or(NOTHING.into(), |reward| format!("{reward:.3}"));
    let fixed = [run.seed.to_string().into(), job, run.status.name().into(), minutes.into(), reward.into()];
    let sums = sums(run.items.iter());
    let shown = |sum: u64| if run.items.is_empty() { NOTHING.into() } else { Cell::from(sum.to_string()) };
    fixed.into_iter().chain(sums.map(shown)).collect()
}

/// Answers by status.
fn sums<'a>(items: impl Iterator<Item = &'a Item>) -> [u64; 5] {
    items.fold([0; 5], |mut sums, item| {
        sums.iter_mut().zip(item.counts).for_each(|(sum, count)| *sum += count);
        sums
    })
}

/// Splits and suites that some run has met, in reading order.
fn parts<'a>(runs: &'a [SeedRun]) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    let all = ["main", "long"].into_iter().flat_map(|split| SUITES.iter().map(move |(suite, _)| (split, *suite)));
    all.filter(|part| runs.iter().any(|run| of_part(run, *part).next().is_some()))
}

fn of_part<'a>(run: &'a SeedRun, (split, suite): (&'a str, &'a str)) -> impl Iterator<Item = &'a Item> {
    run.items.iter().filter(move |item| item.split == split && item.suite == suite)
}

fn suites(row: &Row) -> Table {
    let head = ["suite", "split", "answers", "score x 100"].into_iter().chain(STATUSES);
    let cells = |part: (&str, &str)| {
        let own: Vec<&Item> = row.seeds.iter().flat_map(|run| of_part(run, part)).collect();
        let counts = sums(own.iter().copied());
        let score = 100.0 * own.iter().map(|item| item.score).sum::<f64>() / own.len() as f64;
        let answers = counts.iter().sum::<u64>().to_string();
        let fixed = [part.1.into(), part.0.into(), answers.into(), Cell::from(format!("{score:.2}"))];
        fixed.into_iter().chain(counts.map(|count| count.to_string().into())).collect()
    };
    Table {
        caption: format!("Answers of {} by suite, all seeds", row.variant),
        head: head.map(str::to_owned).collect(),
        rows: parts(&row.seeds).map(cells).collect(),
        ..Table::default()
    }
}

/// One line a suite: a word for each item of a job.
fn items(run: &SeedRun) -> Vec<Block> {
    let one = std::slice::from_ref(run);
    let line = |part: (&str, &str)| Block::Tally {
        name: format!("{}, {}", part.1, part.0),
        words: of_part(run, part).map(word).collect(),
    };
    parts(one).map(line).collect()
}

/// How the answers of an item ended, in a word.
fn word(item: &Item) -> String {
    let [right, _, unparsable, truncated, failed] = item.counts;
    let letters = [("u", unparsable), ("t", truncated), ("f", failed)];
    let letters: String = letters.map(|(letter, count)| letter.repeat(count as usize)).concat();
    format!("{right}{letters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_told_by_its_right_answers_and_those_that_were_none() {
        let item = |counts| {
            word(&Item {
                split: "main".into(),
                suite: "MRCR".into(),
                item: 0,
                task: "reading".into(),
                score: 0.5,
                counts,
            })
        };
        assert_eq!(item([4, 0, 0, 0, 0]), "4");
        assert_eq!(item([1, 0, 1, 2, 0]), "1utt");
        assert_eq!(item([0, 3, 0, 0, 1]), "0f");
    }
}
