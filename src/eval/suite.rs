//! Suites: each stands for a column of the paper's tables and is drawn from a stream of its own.

use crate::data::Sample;
use crate::spec::settings::Eval;
use crate::synth::{Flavour, Maker};
use crate::task::TaskType;
use longlab_kernels::stream::{Address, Purpose};

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
        let (count, tokens) = match split {
            Split::Main => (eval.items, (eval.min_tokens, eval.max_tokens)),
            Split::Long => (eval.long_items, (eval.long_min, eval.long_max)),
        };
        let address = Address::new(eval.seed, Purpose::World).step(self.number(split));
        (0..count as u64)
            .map(|item| {
                let (task, flavour) = self.draws(item);
                maker.sample(address, item, task, flavour, tokens)
            })
            .collect()
    }

    /// A number of its own for each suite and split: part of the address of every draw.
    pub fn number(self, split: Split) -> u32 {
        2 * self as u32 + split as u32
    }
}
