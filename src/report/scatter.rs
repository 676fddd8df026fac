//! Responses one by one: their entropy against the norm of their gradients (paper Fig. 9).

use super::analysis::finished;
use super::doc::{Block, Cell, Table};
use super::error::ReportError;
use super::input::{Input, Response, Row};
use super::text::{NOTHING, interval};
use crate::rl::record::Record;
use crate::spec::Scatter;
use longlab_kernels::stats;
use std::path::{Path, PathBuf};

const MEND: &str = "delete the job folder and run the experiment again";

/// Reads the responses of all steps of a job from its rollouts.
pub(crate) fn responses(folder: &Path, which: Scatter) -> Result<Vec<Response>, ReportError> {
    let folder = folder.join("rollouts");
    let unread = |source| ReportError::read(&folder, source, MEND);
    let entries = std::fs::read_dir(&folder).map_err(unread)?;
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unread)?;
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let record = Record::load(&file)
            .map_err(|error| ReportError::read(&file, std::io::Error::other(format!("{error:#}")), MEND))?;
        let step = file.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).unwrap_or(0);
        all.extend(of_step(&record, step, which));
    }
    Ok(all)
}

/// The responses of a step that are asked for. The sign of an advantage is that of the reward less the group's mean, whatever it is
/// divided by; a group with equal rewards has no advantages.
fn of_step(record: &Record, step: u64, which: Scatter) -> Vec<Response> {
    let size = (record.rewards.len() / record.samples.len().max(1)).max(1);
    let mut found = Vec::new();
    for (group, rewards) in record.rewards.chunks(size).enumerate() {
        let centre = stats::mean(rewards).unwrap_or(0.0);
        if rewards.iter().all(|reward| *reward == rewards[0]) {
            continue;
        }
        for (place, reward) in rewards.iter().enumerate() {
            let asked = match which {
                Scatter::Negative => *reward < centre,
                Scatter::Positive => *reward > centre,
                Scatter::All => true,
            };
            let at = group * size + place;
            let entropies: Vec<f64> = record.entropies[at].iter().map(|&entropy| f64::from(entropy)).collect();
            if let Some(entropy) = stats::mean(&entropies).filter(|_| asked) {
                let slope = f64::from(record.slopes[at]);
                found.push(Response { step, entropy: rounded(entropy), slope: rounded(slope) });
            }
        }
    }
    found
}

/// Five decimals: what the report keeps of them in its data.
fn rounded(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

/// Spearman's rho of each finished seed that has one.
fn correlations(row: &Row) -> Vec<f64> {
    let rho = |responses: &[Response]| {
        let side = |pick: fn(&Response) -> f64| responses.iter().map(pick).collect::<Vec<f64>>();
        stats::spearman(&side(|response| response.entropy), &side(|response| response.slope))
    };
    finished(row).filter_map(|run| rho(&run.responses)).collect()
}

/// The words for the responses that are shown.
pub(crate) fn whose(which: Scatter) -> &'static str {
    match which {
        Scatter::Negative => "responses with a negative advantage",
        Scatter::Positive => "responses with a positive advantage",
        Scatter::All => "responses whose group has unequal rewards",
    }
}

/// The table of correlations, where the report shows responses.
pub(crate) fn blocks(input: &Input) -> Vec<Block> {
    let Some(which) = input.scatter else { return vec![] };
    let rows = input.rows.iter().map(|row| {
        let (rhos, count) = (correlations(row), finished(row).map(|run| run.responses.len()).sum::<usize>());
        let mean = stats::mean(&rhos).map_or(NOTHING.into(), |mean| Cell {
            main: format!("{mean:.3}"),
            interval: stats::student_interval(&rhos).ok().map(|found| interval(&found.into(), 3)),
            ..Cell::default()
        });
        let each: Vec<String> = rhos.iter().map(|rho| format!("{rho:.3}")).collect();
        vec![
            row.variant.clone().into(),
            rhos.len().to_string().into(),
            count.to_string().into(),
            mean,
            each.join(", ").into(),
        ]
    });
    let table = Table {
        caption: format!(
            "Spearman's rank correlation of entropy and gradient norm over the {} (measured)",
            whose(which)
        ),
        published: false,
        head: ["variant", "seeds", "responses", "rho, mean and 95% interval over seeds", "each seed"]
            .map(str::to_owned)
            .into(),
        rows: rows.collect(),
        ..Table::default()
    };
    vec![Block::Heading("Entropy against gradient norm".into()), Block::Table(table), Block::Text(NOTE.into())]
}

const NOTE: &str = "Entropy: mean over the tokens of a response, at the sampling temperature. Gradient norm: mean over its tokens of the \
    Euclidean length of the gradient of the token's log-probability in the logits over the temperature, |e(y) - p|, before advantage and \
    normaliser. It is at least 1 - p(y): that it grows with entropy is a property of the softmax first, and of learning second.";

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let row = |entropy: f32| vec![entropy, entropy + 0.5];
        let rows: Vec<Vec<f32>> = [0.0, 1.0, 2.0, 3.0].map(row).into();
        Record {
            seats: None,
            samples: vec![3, 4],
            tasks: vec![0, 1],
            rewards: vec![1.0, 0.0, 0.5, 0.5],
            finished: vec![true; 4],
            slopes: vec![0.1, 0.2, 0.3, 0.4],
            tokens: vec![vec![1, 2]; 4],
            logprobs: rows.clone(),
            entropies: rows.clone(),
            entropies_one: rows,
        }
    }

    #[test]
    fn the_sign_of_the_advantage_decides_and_equal_rewards_have_none() {
        let entropies = |which| of_step(&record(), 7, which).iter().map(|one| one.entropy).collect::<Vec<f64>>();
        assert_eq!(entropies(Scatter::Negative), [1.25]);
        assert_eq!(entropies(Scatter::Positive), [0.25]);
        assert_eq!(entropies(Scatter::All), [0.25, 1.25]);
        assert_eq!(of_step(&record(), 7, Scatter::Negative)[0], Response { step: 7, entropy: 1.25, slope: 0.2 });
    }

    #[test]
    fn responses_are_read_step_by_step() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("rollouts")).expect("a folder");
        for step in [10, 2] {
            record().save(&Record::path(&dir.path().join("rollouts"), step)).expect("written");
        }
        let found = responses(dir.path(), Scatter::All).expect("read");
        assert_eq!(found.iter().map(|one| one.step).collect::<Vec<u64>>(), [2, 2, 10, 10]);
    }

    #[test]
    fn damaged_rollouts_are_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("rollouts");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("000001.safetensors"), "no").expect("written");
        let error = responses(dir.path(), Scatter::All).expect_err("damaged").to_string();
        assert!(error.contains("000001.safetensors") && error.contains("damaged"), "{error}");
    }
}
