//! Samples of a dataset: of its folder, of its lines, or of rows for training (`longlab synth`, `longlab data convert`).

use super::Sample;
use super::sample::Asked;
use crate::task::{TaskType, World};
use anyhow::{Context, Result, bail};
use longlab_client::Message;
use longlab_kernels::stream::Address;
use longlab_synthesis::Form;
use longlab_synthesis::dataset::{Split, TrainingRow, rows};
use longlab_synthesis::score::Gold;
use std::path::Path;

/// Most bytes of a token that are believed of a whole prompt: one that is longer than this is too long without being counted.
const BYTES_A_TOKEN: usize = 32;

/// How prompts are written and measured for a policy.
pub struct Writing<'a> {
    /// The prompt of messages, up to the response.
    pub render: &'a dyn Fn(&[Message]) -> Result<String>,
    /// Tokens of a prompt.
    pub count: &'a dyn Fn(&str) -> Result<usize>,
}

/// Lengths of prompts that are wanted, tokens, both ends included.
pub type Lengths = (usize, usize);

/// The samples of a split whose prompts have one of the wanted lengths, in the order of the file, numbered by their place in it.
///
/// # Errors
/// A file that is no dataset, a row of a task type that is not known, a prompt that does not render, and where no prompt fits: then the lengths
/// that there are.
pub fn read(path: &Path, split: Split, wanted: &[Lengths], writing: &Writing) -> Result<Vec<Sample>> {
    let longest = wanted.iter().map(|(_, most)| *most).max().unwrap_or(0);
    let (mut samples, mut found, mut failed) = (vec![], Found::default(), None);
    let mut id = 0;
    rows(path, Some(split), &mut |row| {
        match sample(id, row, longest, writing) {
            Ok(Some(sample)) => {
                let tokens = sample.tokens();
                found.add(tokens);
                if wanted.iter().any(|(least, most)| (*least..=*most).contains(&tokens)) {
                    samples.push(sample);
                }
            }
            Ok(None) => found.longer += 1,
            Err(error) => failed = Some(error),
        }
        id += 1;
        Ok(failed.is_none())
    })
    .with_context(|| format!("`data.file` = {:?}", path.display().to_string()))?;
    match failed {
        Some(error) => Err(error.context(format!("{}, {} {id}", path.display(), split.name()))),
        None if samples.is_empty() => bail!("{}", found.none_fits(path, split, wanted)),
        None => Ok(samples),
    }
}

/// At most `most` of the samples, drawn at an address, in their order.
pub fn drawn(samples: Vec<Sample>, most: usize, address: Address) -> Vec<Sample> {
    if samples.len() <= most {
        return samples;
    }
    let mut chosen = address.stream().choose_distinct(samples.len(), most);
    chosen.sort_unstable();
    let mut chosen = chosen.into_iter().peekable();
    samples
        .into_iter()
        .enumerate()
        .filter(|(at, _)| chosen.next_if_eq(at).is_some())
        .map(|(_, sample)| sample)
        .collect()
}

/// The sample of a row; none where it is longer than the longest wanted.
fn sample(id: u64, row: TrainingRow, longest: usize, writing: &Writing) -> Result<Option<Sample>> {
    let bytes: usize = row.prompt.iter().map(|message| message.content.len()).sum();
    if bytes > longest.saturating_mul(BYTES_A_TOKEN) {
        return Ok(None);
    }
    let Some(task) = TaskType::ALL.into_iter().find(|task| task.name() == row.ability) else {
        let names = TaskType::ALL.map(TaskType::name).join(", ");
        bail!("`ability` is {:?}; task types are {names}", row.ability)
    };
    let prompt = (writing.render)(&row.prompt)?;
    let tokens = (writing.count)(&prompt)?;
    let aliases = row.aliases();
    let TrainingRow { prompt: messages, reward_model, extra_info, .. } = row;
    let question = match extra_info.question {
        question if question.is_empty() => messages.last().map(|message| message.content.clone()).unwrap_or_default(),
        question => question,
    };
    Ok(Some(Sample {
        id,
        task,
        world: World::English,
        text: String::new(),
        question,
        gold: reward_model.ground_truth,
        evidence: vec![],
        asked: Some(Asked { prompt, tokens, aliases, prefix: extra_info.prefix, engine: extra_info.engine }),
    }))
}

/// The rule of a task type for samples of datasets.
pub(super) fn gold<'a>(sample: &'a Sample, asked: &'a Asked) -> Gold<'a> {
    let form = match sample.task {
        TaskType::MultipleChoice => Form::MultipleChoice,
        TaskType::MultiHop => Form::MultiHop,
        TaskType::Reading => Form::Reading,
        TaskType::Dialogue => Form::Dialogue,
        TaskType::Numeric => Form::Numeric,
    };
    Gold { form, text: &sample.gold, aliases: &asked.aliases, prefix: &asked.prefix }
}

/// What was found where nothing fits.
#[derive(Default)]
struct Found {
    counted: usize,
    shortest: usize,
    longest: usize,
    /// Prompts too long to be counted.
    longer: usize,
}

impl Found {
    fn add(&mut self, tokens: usize) {
        self.shortest = if self.counted == 0 { tokens } else { self.shortest.min(tokens) };
        self.longest = self.longest.max(tokens);
        self.counted += 1;
    }

    fn none_fits(&self, path: &Path, split: Split, wanted: &[Lengths]) -> String {
        let Found { counted, shortest, longest, longer } = self;
        let (path, split) = (path.display(), split.name());
        if counted + longer == 0 {
            return format!("{path} has no samples for {split}; make it with `output.test` between 0 and 1");
        }
        let asked: Vec<String> = wanted.iter().map(|(least, most)| format!("{least} to {most}")).collect();
        let there = match (counted, longer) {
            (0, _) => "all are far longer".to_string(),
            (_, 0) => format!("they have {shortest} to {longest}"),
            _ => format!("they have {shortest} to {longest}, and {longer} far more"),
        };
        let keys = if split == "train" {
            "data.min_tokens and data.max_tokens"
        } else {
            "eval.min_tokens and eval.max_tokens"
        };
        format!(
            "none of the {} prompts for {split} in {path} has {} tokens by the policy's tokenizer: {there}; set {keys}",
            counted + longer,
            asked.join(" or ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longlab_kernels::stream::Purpose;
    use longlab_synthesis::dataset::{ExtraInfo, RewardModel};

    fn row(ability: &str, words: usize) -> String {
        let row = TrainingRow {
            data_source: format!("set/{ability}"),
            prompt: vec![Message::user("word ".repeat(words))],
            ability: ability.into(),
            reward_model: RewardModel { ground_truth: "12".into(), style: "rule".into() },
            extra_info: ExtraInfo { question: "How many?".into(), split: "train".into(), ..ExtraInfo::default() },
        };
        serde_json::to_string(&row).expect("a row is JSON") + "\n"
    }

    fn read_rows(rows: &[String], wanted: Lengths) -> Result<Vec<Sample>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rows.jsonl");
        std::fs::write(&path, rows.concat())?;
        let render = |messages: &[Message]| Ok(format!("user: {}", messages[0].content));
        let count = |text: &str| Ok(text.split_whitespace().count());
        read(&path, Split::Train, &[wanted], &Writing { render: &render, count: &count })
    }

    #[test]
    fn samples_are_those_that_fit_numbered_by_their_rows() {
        let rows = [row("numeric", 10), row("reading", 99), row("dialogue", 20), row("numeric", 9_000)];
        let samples = read_rows(&rows, (11, 50)).expect("two fit");
        let told: Vec<(u64, TaskType, usize)> = samples.iter().map(|s| (s.id, s.task, s.tokens())).collect();
        assert_eq!(told, [(0, TaskType::Numeric, 11), (2, TaskType::Dialogue, 21)]);
        assert_eq!(samples[0].question, "How many?");
        assert!(samples[0].prompt().starts_with("user: word"));
        assert_eq!(samples[0].grade("The answer is: 12", true).score, 1.0);
    }

    #[test]
    fn where_none_fits_the_lengths_and_the_mend_are_said() {
        let error = read_rows(&[row("numeric", 10), row("reading", 99)], (200, 300)).expect_err("none").to_string();
        assert!(
            error.contains("11 to 100") && error.contains("200 to 300") && error.contains("data.max_tokens"),
            "{error}"
        );
        let error = read_rows(&[], (1, 9)).expect_err("none at all").to_string();
        assert!(error.contains("no samples for train"), "{error}");
        let error = format!("{:#}", read_rows(&[row("poetry", 3)], (1, 9)).expect_err("no task type"));
        assert!(error.contains("poetry") && error.contains("multi_hop"), "{error}");
    }

    #[test]
    fn a_draw_keeps_the_order_and_depends_on_its_address() {
        let rows: Vec<String> = (0..20).map(|_| row("numeric", 5)).collect();
        let draw = |seed| {
            let samples = read_rows(&rows, (1, 9)).expect("all fit");
            drawn(samples, 6, Address::new(seed, Purpose::Pool)).iter().map(|sample| sample.id).collect::<Vec<_>>()
        };
        assert!(draw(1).len() == 6 && draw(1).is_sorted());
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
