//! Suites: each stands for a column of the paper's tables and is drawn from a stream of its own.

use crate::data::{Sample, file};
use crate::spec::settings::Eval;
use crate::synth::{Flavour, Maker};
use crate::task::TaskType;
use longlab_kernels::stream::{Address, Purpose};

/// The engine whose numbers are counted and summed over the tables of many documents.
const TABLES: &str = "table";

/// The six evaluation suites, columns of the paper's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// Sums and differences of figures.
    DocMath,
    /// Four-way multiple choice over one or two hops.
    Lbv2,
    /// Three or four hops; three in English.
    Frames,
    /// The i-th of several alike pieces of a dialogue; similarity score.
    Mrcr,
    /// Counts and maxima over rows of several documents.
    CorpusQa,
    /// One or two hops, paraphrased.
    Lbv1Qa,
}

/// The main split has contexts as long as those of training, the long split longer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// Contexts of `eval.min_tokens` to `eval.max_tokens`.
    Main,
    /// Contexts of `eval.long_min` to `eval.long_max`.
    Long,
}

impl Split {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Split::Main => "main",
            Split::Long => "long",
        }
    }

    /// Items a suite, and the lengths of their contexts.
    pub fn wanted(self, eval: &Eval) -> (usize, (usize, usize)) {
        match self {
            Split::Main => (eval.items, (eval.min_tokens, eval.max_tokens)),
            Split::Long => (eval.long_items, (eval.long_min, eval.long_max)),
        }
    }
}

impl Suite {
    /// All suites in the order of the paper's columns.
    pub const ALL: [Suite; 6] =
        [Suite::DocMath, Suite::Lbv2, Suite::Frames, Suite::Mrcr, Suite::CorpusQa, Suite::Lbv1Qa];

    /// The name used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Suite::DocMath => "DocMath",
            Suite::Lbv2 => "LBV2",
            Suite::Frames => "Frames",
            Suite::Mrcr => "MRCR",
            Suite::CorpusQa => "CorpusQA",
            Suite::Lbv1Qa => "LBV1-QA",
        }
    }

    fn draws(self, item: u64) -> (TaskType, Flavour) {
        let plain = |hops| Flavour { hops, aggregate: None };
        match self {
            Suite::DocMath => (TaskType::Numeric, Flavour { hops: (1, 1), aggregate: Some(false) }),
            Suite::Lbv2 => (TaskType::MultipleChoice, plain((1, 2))),
            Suite::Frames => (TaskType::MultiHop, plain((3, 4))),
            Suite::Mrcr => (TaskType::Dialogue, plain((1, 1))),
            Suite::CorpusQa => (TaskType::Numeric, Flavour { hops: (1, 1), aggregate: Some(true) }),
            Suite::Lbv1Qa if item.is_multiple_of(2) => (TaskType::Reading, plain((1, 1))),
            Suite::Lbv1Qa => (TaskType::MultiHop, plain((2, 2))),
        }
    }

    /// The items of the suite: a function of `eval.seed`, the split and the item's number (in English, of the tokenizer too).
    pub fn items(self, split: Split, eval: &Eval, maker: &Maker) -> Vec<Sample> {
        let (count, tokens) = split.wanted(eval);
        let address = Address::new(eval.seed, Purpose::World).step(self.number(split));
        (0..count as u64)
            .map(|item| {
                let (task, flavour) = self.draws(item);
                maker.sample(address, item, task, flavour, tokens)
            })
            .collect()
    }

    /// The suite that a sample of a dataset stands in: the one whose benchmark asks such questions.
    fn of(sample: &Sample) -> Suite {
        match sample.task {
            TaskType::MultipleChoice => Suite::Lbv2,
            TaskType::MultiHop => Suite::Frames,
            TaskType::Reading => Suite::Lbv1Qa,
            TaskType::Dialogue => Suite::Mrcr,
            TaskType::Numeric if sample.asked.as_ref().is_some_and(|asked| asked.engine == TABLES) => Suite::CorpusQa,
            TaskType::Numeric => Suite::DocMath,
        }
    }

    /// The items of the suite among the samples of a dataset: those of its task types whose prompts have the lengths of the split, at most so
    /// many as `eval` says, drawn at `eval.seed`.
    pub fn among(self, samples: &[Sample], split: Split, eval: &Eval) -> Vec<Sample> {
        let (count, (least, most)) = split.wanted(eval);
        let fits = |sample: &&Sample| Suite::of(sample) == self && (least..=most).contains(&sample.tokens());
        let own: Vec<Sample> = samples.iter().filter(fits).cloned().collect();
        file::drawn(own, count, Address::new(eval.seed, Purpose::Suite).step(self.number(split)))
    }

    /// A number of its own for each suite and split: part of the address of every draw.
    pub fn number(self, split: Split) -> u32 {
        2 * self as u32 + split as u32
    }
}
