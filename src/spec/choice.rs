//! Values of settings that are not plain numbers: named choices, and levels written as a text or as a number.

use super::key::{Setting, wrong_type};
use super::suggest::nearest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A text that is none of the choices of its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not one of {}", listed(choices))]
pub struct UnknownChoice {
    /// What was written.
    pub given: String,
    /// What can be written.
    pub choices: &'static [&'static str],
    /// The choice that was probably meant.
    pub nearest: Option<&'static str>,
}

impl UnknownChoice {
    fn new(given: &str, choices: &'static [&'static str]) -> Self {
        let nearest = nearest(given, choices.iter().copied());
        UnknownChoice { given: given.to_string(), choices, nearest }
    }
}

/// `a`, `b` and `c` as they are listed in messages.
pub(crate) fn listed<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    words.join(", ")
}

/// Declares an enum whose values are written in snake case; with `as`, one that stands for an enum of the kernels crate which has
/// the same values.
macro_rules! choice {
    ($(#[doc = $about:literal])* $Name:ident as $Kernel:path {
        $($(#[doc = $doc:literal])* $Value:ident = $text:literal,)*
    }) => {
        choice! { $(#[doc = $about])* $Name { $($(#[doc = $doc])* $Value = $text,)* } }

        impl From<$Name> for $Kernel {
            fn from(choice: $Name) -> $Kernel {
                use $Kernel as Kernel;
                match choice { $($Name::$Value => Kernel::$Value,)* }
            }
        }
    };
    ($(#[doc = $about:literal])* $Name:ident { $($(#[doc = $doc:literal])* $Value:ident = $text:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $Name { $($(#[doc = $doc])* $Value,)* }

        impl $Name {
            /// Every value, in the order of the docs.
            pub const ALL: &'static [$Name] = &[$($Name::$Value),*];
            /// The texts of all values.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The text used in specs and files.
            pub fn name(self) -> &'static str {
                match self { $($Name::$Value => $text,)* }
            }
        }

        impl FromStr for $Name {
            type Err = UnknownChoice;
            fn from_str(text: &str) -> Result<Self, UnknownChoice> {
                match text {
                    $($text => Ok($Name::$Value),)*
                    _ => Err(UnknownChoice::new(text, Self::NAMES)),
                }
            }
        }

        impl TryFrom<String> for $Name {
            type Error = UnknownChoice;
            fn try_from(text: String) -> Result<Self, UnknownChoice> { text.parse() }
        }

        impl From<$Name> for &'static str {
            fn from(value: $Name) -> &'static str { value.name() }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.name()) }
        }

        impl Setting for $Name {
            const TYPE: &'static str = "choice";
            const CHOICES: &'static [&'static str] = $Name::NAMES;
            fn from_toml(value: &toml::Value) -> Result<Self, super::key::Misfit> {
                let text = value.as_str().ok_or_else(|| wrong_type::<Self>(value))?;
                Ok(text.parse::<Self>()?)
            }
            fn to_toml(&self) -> toml::Value { self.name().into() }
        }
    };
}

choice! {
    /// What an experiment makes.
    Kind {
        /// Policies trained by reinforcement learning from a base policy.
        Rl = "rl",
        /// Base policies, trained from scratch on worked traces.
        Base = "base",
    }
}

choice! {
    /// Where samples come from.
    World {
        /// Facts in a small vocabulary, for policies that are trained from random weights.
        Micro = "micro",
        /// English documents, for policies that were pretrained on text.
        English = "english",
    }
}

choice! {
    /// Which responses a report shows one by one: entropy against gradient norm (paper Fig. 9).
    Scatter {
        /// Those with a negative advantage, as in the paper.
        Negative = "negative",
        /// Those with a positive advantage.
        Positive = "positive",
        /// All whose group has both.
        All = "all",
    }
}

choice! {
    /// The size of model and machine that an experiment is for.
    Scale {
        /// About 1M parameters, trained from scratch, minutes on two CPU cores.
        Micro = "micro",
        /// SmolLM2-135M.
        Smol = "smol",
        /// Qwen3-4B-Thinking-2507.
        B4 = "4b",
        /// Qwen3-30B-A3B-Thinking-2507.
        B30 = "30b",
    }
}

choice! {
    /// How the prompts of a batch are drawn from the pool (paper section 4.2).
    SamplerKind {
        /// In the proportions of the pool.
        Random = "random",
        /// The same number of each task type in every batch.
        TaskBalanced = "task_balanced",
    }
}

choice! {
    /// What divides the difference of a reward to the mean of its group.
    AdvantageScale as longlab_kernels::advantage::Scale {
        /// Standard deviation of the rewards of the group (Eq. 3).
        Group = "group",
        /// Standard deviation of all rewards of the batch (Table 2, "batch-std").
        Batch = "batch",
        /// Standard deviation of all rewards of the same task type in the batch (Eq. 7).
        TaskBatch = "task_batch",
        /// Nothing: the difference itself.
        None = "none",
    }
}

choice! {
    /// Over which tokens the policy loss is averaged.
    Normalizer {
        /// Within each group, then over the prompts (Eq. 4).
        Group = "group",
        /// Over the tokens of each forward and backward pass, then over the passes (what verl's token-mean does).
        MicroBatch = "micro_batch",
        /// Over all tokens of the batch (token-level loss of DAPO).
        GlobalBatch = "global_batch",
        /// Over the tokens of each response, then over the responses (GRPO as first published).
        SequenceMean = "sequence_mean",
        /// The sum over the tokens of each response divided by `rollout.max_tokens`, then the mean over the responses (Dr. GRPO).
        SequenceSum = "sequence_sum",
        /// Not at all: the plain sum.
        TokenSum = "token_sum",
    }
}

choice! {
    /// The policy loss; all are in the kernels crate with formula and source.
    LossKind {
        /// The plain surrogate: ratio times advantage, no clip (Eq. 4).
        OnPolicy = "on_policy",
        /// log-probability times advantage, no ratio.
        Reinforce = "reinforce",
        /// PPO's clipped surrogate; clip-higher with unequal bounds (DAPO).
        PpoClip = "ppo_clip",
        /// One ratio a response (GSPO).
        Gspo = "gspo",
        /// GSPO with its gradient through each token.
        GspoToken = "gspo_token",
        /// Geometric mean of the ratios of a response (GMPO).
        Gmpo = "gmpo",
        /// The clipped ratio as a constant weight (CISPO).
        Cispo = "cispo",
        /// A soft gate instead of a clip (SAPO).
        Sapo = "sapo",
        /// PPO-clip without the tokens whose covariance with the advantage is high (Clip-Cov).
        ClipCov = "clip_cov",
        /// The surrogate with a KL penalty on those tokens (KL-Cov).
        KlCov = "kl_cov",
        /// No gradient where a token's probability has moved too far, by total variation (DPPO).
        DppoTv = "dppo_tv",
        /// The same, by binary KL.
        DppoKl = "dppo_kl",
        /// A penalty on the squared log-ratio instead of a bound (DRO).
        Dro = "dro",
        /// The ratio of the whole response in a soft weight (VESPO).
        Vespo = "vespo",
    }
}

choice! {
    /// How the KL divergence to the base policy is estimated from sampled tokens.
    KlEstimator as longlab_kernels::loss::KlEstimator {
        /// The log-ratio.
        K1 = "k1",
        /// Half its square.
        K2 = "k2",
        /// exp(-d) + d - 1.
        K3 = "k3",
        /// k3, at most 10 (verl's low_var_kl).
        LowVariance = "low_variance",
    }
}

choice! {
    /// What is taken off a reward before it is scaled.
    Centre as longlab_kernels::advantage::Centre {
        /// The mean of its group (Eq. 3).
        Group = "group",
        /// The mean of the others of its group (RLOO).
        LeaveOneOut = "leave_one_out",
    }
}

choice! {
    /// What happens to the advantage of a response that is alone in its scope of scaling.
    Single as longlab_kernels::advantage::Single {
        /// It is not scaled; of a group of one it is 0, since the response is its own mean.
        One = "one",
        /// It is divided by epsilon: up to a million times its size (the released task-norm code).
        Raw = "raw",
        /// It is zero.
        Zero = "zero",
        /// Of a group of one it is the reward itself (verl).
        Reward = "reward",
    }
}

choice! {
    /// How the entropy of a batch is averaged.
    EntropyMeasure as longlab_kernels::gate::EntropyMeasure {
        /// Mean over responses of the mean over their tokens (Eq. 11).
        SequenceMean = "sequence_mean",
        /// Mean over all tokens (what verl's token-mean does).
        TokenMean = "token_mean",
    }
}

choice! {
    /// The temperature at which entropies are taken.
    EntropyTemperature {
        /// That of the rollouts (what verl does).
        Sampling = "sampling",
        /// One: the model's own distribution.
        One = "one",
    }
}

choice! {
    /// What negative-gradient clipping looks at (Eq. 9).
    GateLevel {
        /// Nothing is clipped.
        None = "none",
        /// Single tokens of responses with a negative advantage.
        Token = "token",
        /// Whole responses with a negative advantage.
        Sequence = "sequence",
        /// All responses with a negative advantage, whatever their entropy: only good answers teach.
        All = "all",
    }
}

choice! {
    /// On which side of the threshold gradient is taken away (Eq. 9 and its reverse).
    GateSide as longlab_kernels::gate::Side {
        /// Above it: uncertain mistakes go unpunished.
        High = "high",
        /// Below it: confident mistakes go unpunished.
        Low = "low",
    }
}

choice! {
    /// When AEPO takes the negative gradient away (section 4.3).
    AepoMode as longlab_kernels::gate::AepoMode {
        /// Never.
        Off = "off",
        /// From the step where the entropy rises above the high bound until it falls below the low one.
        Latch = "latch",
        /// Whenever the entropy lies between the bounds (as the README printed it; withdrawn by its authors).
        Band = "band",
    }
}

choice! {
    /// How AEPO takes responses with a negative advantage away.
    Removal {
        /// Their gradient is zero; their tokens still count in the normaliser (as in Eq. 8).
        Mask = "mask",
        /// They leave the batch, and so does every response without a positive advantage (the released code).
        Drop = "drop",
    }
}

choice! {
    /// Type that a pass computes in.
    Compute {
        /// 32 bits.
        F32 = "f32",
        /// 16 bits, with the exponent of f32.
        Bf16 = "bf16",
    }
}

choice! {
    /// What a pass computes again on the way back.
    Recompute {
        /// Nothing: all activations are kept.
        None = "none",
        /// Every layer, from the stream before it.
        Layers = "layers",
    }
}

choice! {
    /// Projections with a low-rank adapter.
    LoraTargets {
        /// Queries, keys, values and the output of the attention.
        Attention = "attention",
        /// Gate, up and down.
        Mlp = "mlp",
        /// All seven.
        All = "all",
    }
}

impl LoraTargets {
    /// Names of the projections, as the families of `lm` call them.
    pub fn projections(self) -> Vec<String> {
        let attention = ["q_proj", "k_proj", "v_proj", "o_proj"];
        let mlp = ["gate_proj", "up_proj", "down_proj"];
        let names: Vec<&str> = match self {
            LoraTargets::Attention => attention.to_vec(),
            LoraTargets::Mlp => mlp.to_vec(),
            LoraTargets::All => attention.into_iter().chain(mlp).collect(),
        };
        names.into_iter().map(String::from).collect()
    }
}

choice! {
    /// Who has the last word on an answer.
    JudgedBy {
        /// The rule of its task type.
        Rule = "rule",
        /// A model behind an OpenAI-compatible server, where the rule says wrong.
        Server = "server",
    }
}

choice! {
    /// Which roles of self-play learn; all of them are played by the policy.
    Learn {
        /// There is no self-play: samples come from the pool with their gold answers.
        Off = "off",
        /// All three.
        All = "all",
        /// Responder and verifier.
        WithoutQuestioner = "without_questioner",
        /// Questioner and responder.
        WithoutVerifier = "without_verifier",
        /// The responder alone.
        Responder = "responder",
    }
}

impl Learn {
    /// Whether there is self-play.
    pub fn is_on(self) -> bool {
        self != Learn::Off
    }

    /// Whether the questioner learns.
    pub fn questioner(self) -> bool {
        matches!(self, Learn::All | Learn::WithoutVerifier)
    }

    /// Whether the verifier learns.
    pub fn verifier(self) -> bool {
        matches!(self, Learn::All | Learn::WithoutQuestioner)
    }
}

choice! {
    /// Which verdict wins where two have the most votes.
    TiedVotes as longlab_kernels::self_play::Ties {
        /// The one that was cast first.
        First = "first",
        /// That the answers differ.
        No = "no",
        /// That they are the same.
        Yes = "yes",
    }
}

choice! {
    /// How the score of the rule and the verdict of the majority make the reward of a response.
    Combined as longlab_kernels::self_play::Combine {
        /// The greater of the two.
        Max = "max",
        /// Their mean.
        Mean = "mean",
        /// The lesser of the two.
        Min = "min",
        /// The rule alone; verdicts are drawn and learned all the same.
        Rule = "rule",
    }
}

choice! {
    /// What a question is worth to its questioner.
    Worth {
        /// A bell over the mean reward of the responses.
        Gaussian = "gaussian",
        /// The less the better (Absolute Zero, arXiv 2505.03335).
        Reverse = "reverse",
        /// The nearer to one half the better, along straight lines (R-Zero, arXiv 2508.05004).
        Tent = "tent",
    }
}

choice! {
    /// Which divided votes the verifier learns from.
    Verdicts {
        /// Those whose majority says what the rule says.
        Consistent = "consistent",
        /// All.
        Any = "any",
    }
}
