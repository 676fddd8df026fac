//! Every setting of a job, resolved: one declaration a key. Keys in a spec are the dotted paths of these fields.
//!
//! The macro below makes the structs with their defaults, and [`KEYS`], from which validation, suggestions, the resolved
//! spec, job identity and `docs/keys.md` come.

pub use super::choice::*;
use super::key::{Key, Setting};
pub use super::level::{Bound, Threshold};
use serde::{Deserialize, Serialize};

/// All settings of one cell.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The model.
    pub model: Model,
    /// The training pool.
    pub data: Data,
    /// How batches are drawn.
    pub sampler: Sampler,
    /// How responses are sampled in training.
    pub rollout: Rollout,
    /// Rewards to advantages.
    pub advantage: Advantage,
    /// Who judges answers.
    pub reward: Reward,
    /// The policy loss.
    pub loss: Loss,
    /// How entropy is measured.
    pub entropy: Entropy,
    /// Negative-gradient clipping.
    pub gate: Gate,
    /// Adaptive entropy-controlled policy optimisation.
    pub aepo: Aepo,
    /// The training loop and its optimizer.
    pub train: Train,
    /// Self-play.
    pub spell: Spell,
    /// Low-rank adapters.
    pub lora: Lora,
    /// The supervised warm start.
    pub warm: Warm,
    /// Evaluation.
    pub eval: Eval,
}

/// The dotted path of a field, as a text.
macro_rules! path {
    (($($part:ident).+), $field:ident) => { concat!($(stringify!($part), ".",)+ stringify!($field)) };
}

/// The field at a dotted path.
macro_rules! at {
    ($settings:ident, ($($part:ident).+), $field:ident) => { $settings.$($part).+.$field };
}

/// An optional range as a pair.
macro_rules! range {
    () => {
        None
    };
    ($low:literal $high:literal) => {
        Some(($low as f64, $high as f64))
    };
}

/// The path of a group, as a text.
macro_rules! group {
    (($first:ident $(. $part:ident)*)) => { concat!(stringify!($first), $(".", stringify!($part),)*) };
}

macro_rules! settings {
    ($(
        $(#[doc = $about:literal])*
        group $at:tt $Group:ident $(+ $sub:ident: $Sub:ident)? {
            $(
                $field:ident: $Type:ty = $default:expr, $(in $low:literal..=$high:literal,)?
                $(unit $unit:literal,)? source $source:literal, doc $doc:literal;
            )*
        }
    )*) => {
        $(
            $(#[doc = $about])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $Group {
                $(#[doc = $doc] pub $field: $Type,)*
                $(#[doc = "A group of keys of its own."] pub $sub: $Sub,)?
            }

            impl Default for $Group {
                fn default() -> Self {
                    $Group { $($field: $default,)* $($sub: $Sub::default(),)? }
                }
            }
        )*

        /// Every key, in the order of the docs.
        pub static KEYS: &[Key] = &[$($(Key {
            path: path!($at, $field),
            kind: <$Type as Setting>::TYPE,
            range: range!($($low $high)?),
            choices: <$Type as Setting>::CHOICES,
            unit: concat!($($unit)?),
            source: $source,
            doc: $doc,
            get: |settings| at!(settings, $at, $field).to_toml(),
            put: |settings, value| {
                at!(settings, $at, $field) = <$Type as Setting>::from_toml(value)?;
                Ok(())
            },
        },)*)*];

        /// Every group of keys: its path and what it is about.
        pub static GROUPS: &[(&str, &str)] = &[$((group!($at), concat!($($about),*)),)*];
    };
}

/// What `warm.from` says where a policy is made from random weights.
const SCRATCH: &str = "scratch";

/// What `data.file` says where samples are drawn in a world.
const NO_DATASET: &str = "none";

impl Data {
    /// The dataset that samples come from; none where they are drawn in a world.
    pub fn dataset(&self) -> Option<&str> {
        (self.file != NO_DATASET).then_some(self.file.as_str())
    }
}

impl Settings {
    /// Folder of the policy that a job of a kind begins from; none for one from scratch.
    pub fn begins_from(&self, kind: super::choice::Kind) -> Option<&str> {
        match kind {
            super::choice::Kind::Rl => Some(&self.model.base),
            super::choice::Kind::Base => (self.warm.from != SCRATCH).then_some(self.warm.from.as_str()),
        }
    }
}

settings! {
    /// The base policy that training starts from, and the shape of one that is built from scratch.
    group (model) Model {
        base: String = "experiments/micro/base".to_string(), source "ours; the base policy that ships with longlab",
            doc "Folder of the base policy (config.json, model.safetensors, tokenizer.json), relative to the working directory. Its content is part of a job's identity, its path is not. Kind `rl` only.";
        width: usize = 128, in 8..=8192, unit "numbers", source "ours; prototype of the micro scale",
            doc "Width of the residual stream. Kind `base` only, as the other keys of the shape.";
        layers: usize = 4, in 1..=128, unit "layers", source "ours; prototype of the micro scale", doc "Decoder layers.";
        heads: usize = 4, in 1..=128, unit "heads", source "ours; prototype of the micro scale", doc "Query heads of the attention.";
        kv_heads: usize = 2, in 1..=128, unit "heads", source "ours; grouped-query attention as in Qwen3",
            doc "Key/value heads; they divide the query heads.";
        head_dim: usize = 32, in 4..=512, unit "numbers", source "ours; prototype of the micro scale",
            doc "Width of one head; an even number, since rotary embeddings turn pairs.";
        ffn: usize = 384, in 8..=65536, unit "numbers", source "ours; three times the width as in Qwen3", doc "Inner width of the SwiGLU layers.";
        theta: f64 = 1e6, in 1..=1000000000, source "that of Qwen3; slow enough that half of each head compares content over the whole context", doc "Base of the rotary embeddings.";
    }

    /// The training pool.
    group (data) Data + mix: Mix {
        world: World = World::Micro, source "ours", doc "Where samples come from, in training and in evaluation: the micro world, or English documents for pretrained policies (docs/smol.md). With `english` the warm start goes on from the policy of `warm.from`, and of the keys of `warm` only `steps`, `tokens`, `questions`, `rate`, `warmup`, `hasty`, `mistakes` and `detours` act.";
        file: String = NO_DATASET.to_string(), source "ours; the paper trains on such a dataset", doc "A dataset to draw samples from in place of the world: the folder that `longlab synth` made, a file of its items, or rows for training (`longlab data convert`), relative to the working directory; `none` for the world. Kind `rl` only. Prompts are written by the chat template of `model.base` and kept where they have `data.min_tokens` to `data.max_tokens` tokens of its tokenizer, at most `data.samples` of them; the test split is evaluated, by task type. `data.world` and `data.mix` do not act then. The content is part of a job's identity, the path is not.";
        seed: u64 = 1, in 0..=9007199254740992_i64, source "ours", doc "Seed of the pool; the same for all seeds of an experiment, so that variants and seeds share their samples.";
        samples: usize = 1280, in 1..=10000000, unit "samples", source "ours; twice what 40 steps of 16 prompts use", doc "Size of the pool.";
        min_tokens: usize = 256, in 32..=1000000, unit "tokens", source "ours; section 4.1 has 20K (Fig. 6: 32K) as the limit of stage 1", doc "Least length of a context.";
        max_tokens: usize = 512, in 32..=1000000, unit "tokens", source "ours; section 4.1 has 20K (Fig. 6: 32K) as the limit of stage 1", doc "Greatest length of a context.";
    }

    /// Shares of the task types in the training pool; they are divided by their sum.
    group (data.mix) Mix {
        multiple_choice: f64 = 0.30, in 0..=1, unit "share", source "unpublished; chosen uneven, so that task-balanced sampling has something to balance", doc "Share of multiple choice.";
        multi_hop: f64 = 0.30, in 0..=1, unit "share", source "unpublished; chosen uneven", doc "Share of multi-hop reasoning over several documents.";
        reading: f64 = 0.20, in 0..=1, unit "share", source "unpublished; chosen uneven", doc "Share of one-hop reading comprehension.";
        dialogue: f64 = 0.05, in 0..=1, unit "share", source "unpublished; chosen uneven, the rarest as dense rewards are in the paper's mixture", doc "Share of dialogue memory, the only task type with a reward between 0 and 1.";
        numeric: f64 = 0.15, in 0..=1, unit "share", source "unpublished; chosen uneven", doc "Share of numerical calculation over the corpus.";
    }

    /// How the prompts of a batch are drawn.
    group (sampler) Sampler {
        kind: SamplerKind = SamplerKind::Random, source "section 4.2; random is the plain GRPO of Table 2", doc "Draw in the proportions of the pool, or the same number from each task type.";
    }

    /// How responses are sampled in training.
    group (rollout) Rollout {
        temperature: f64 = 0.7, in 0.01..=10, source "section 4.1", doc "Sampling temperature.";
        top_p: f64 = 0.95, in 0.01..=1, source "section 4.1", doc "Nucleus: the smallest set of tokens with at least this probability is sampled from.";
        max_tokens: usize = 96, in 1..=100000, unit "tokens", source "ours; section 4.1 has 12K in stage 1", doc "Limit of a response; a longer one is cut and scores 0.";
    }

    /// Rewards to advantages.
    group (advantage) Advantage {
        scale: AdvantageScale = AdvantageScale::Group, source "Eq. 3 (group), Table 2 (batch), Eq. 7 (task_batch)", doc "Standard deviation that divides the difference of a reward to the mean of its group.";
        epsilon: f64 = 1e-6, in 0..=1, source "released code, compute_grpo_task_norm_outcome_advantage", doc "Added to the standard deviation. Does not act with scale `none`.";
        centre: Centre = Centre::Group, source "Eq. 3", doc "What is taken off a reward.";
        single: Single = Single::One, source "ours; verl has `reward`, the released task-norm code `raw`", doc "Advantage of a response that is alone in its scope of scaling.";
        ddof: u32 = 1, in 0..=1, source "released code: torch.std, unbiased", doc "Divisor of the variance: 1 for n - 1, 0 for n. Does not act with scale `none`.";
    }

    /// The policy loss.
    group (loss) Loss {
        kind: LossKind = LossKind::OnPolicy, source "Eq. 4; the others from the papers named in kernels/README.md", doc "The policy loss.";
        normalizer: Normalizer = Normalizer::Group, source "Eq. 4; verl's token-mean is the other reading", doc "Over which tokens the loss is averaged.";
        clip_low: f64 = 0.2, in 0..=1, source "PPO's custom; GSPO's paper has 3e-4, GMPO's 0.4", doc "How far the ratio may fall before it is clipped. Acts with losses that clip.";
        clip_high: f64 = 0.2, in 0..=1000, source "PPO's custom; DAPO has 0.28, GSPO's paper 4e-4, GMPO's 0.4", doc "How far the ratio may rise before it is clipped. Acts with losses that clip.";
        dual_clip: f64 = 0.0, in 0..=1000, source "verl has 3", doc "Greatest ratio that counts for a negative advantage; 0 for no second clip. Acts with `ppo_clip`.";
        cov_share: f64 = 2e-4, in 0..=1, unit "share", source "arXiv 2505.22617", doc "Share of the tokens of a forward and backward pass that is silenced or held back, at least one. Acts with `clip_cov` and `kl_cov`.";
        cov_coefficient: f64 = 1.0, in 0..=1000, source "arXiv 2505.22617; verl's configuration has 0.1", doc "Weight of the KL penalty on those tokens. Acts with `kl_cov`.";
        dro_beta: f64 = 0.5, in 0..=1000, source "ours; verl has no default", doc "Weight of the squared log-ratio. Acts with `dro`.";
        entropy: f64 = 0.0, in -10..=10, source "the paper runs without", doc "Coefficient of an entropy bonus; with a target, the coefficient at the first step.";
        entropy_target: f64 = 0.0, in 0..=100, unit "nats", source "Skywork-OR1, arXiv 2505.22312", doc "Entropy that the bonus aims at: its coefficient grows below and shrinks above; 0 for a fixed coefficient.";
        entropy_step: f64 = 0.005, in 0..=10, source "TRL's default", doc "What that coefficient moves by at each step.";
        kl: f64 = 0.0, in 0..=1000, source "the paper runs without; GRPO as first published has 0.04", doc "Weight of the KL divergence to the base policy.";
        kl_estimator: KlEstimator = KlEstimator::K3, source "GRPO, arXiv 2402.03300", doc "How it is estimated. Acts with `loss.kl` above 0.";
        top_entropy: f64 = 1.0, in 0..=1, unit "share", source "arXiv 2506.01939 has 0.2", doc "Share of the batch's tokens, those with the highest entropy, that keep their gradient.";
    }

    /// How the entropy of a batch is measured; what the AEPO latch reads and what metrics show.
    group (entropy) Entropy {
        measure: EntropyMeasure = EntropyMeasure::SequenceMean, source "Eq. 11; verl's token-mean is the other reading", doc "Mean over responses of their means, or mean over tokens.";
        temperature: EntropyTemperature = EntropyTemperature::Sampling, source "unpublished; verl divides logits by the sampling temperature first", doc "Temperature at which entropies are taken.";
    }

    /// Negative-gradient clipping (Eq. 8 and 9).
    group (gate) Gate {
        level: GateLevel = GateLevel::None, source "Eq. 9", doc "Clip single tokens, whole responses, or nothing.";
        side: GateSide = GateSide::High, source "Eq. 9 (high); Table 4 reverses it (low)", doc "Clip what lies above the threshold or what lies below it. Acts with level `token` or `sequence`.";
        removal: Removal = Removal::Mask, source "Eq. 8", doc "How responses lose their gradient under level `all`: their tokens stay in the normaliser, or not.";
        threshold: Threshold = Threshold::Quantile(0.8), source "unpublished; a quantile of the batch's negatives is ours", doc "Where clipping begins: `\"q0.8\"` is the 0.8 quantile of the entropies of the batch's negatives, so that side `high` clips a fifth of them (side `low` does so with `\"q0.2\"`); a number is an entropy in nats. Acts with a level other than `none`.";
    }

    /// Adaptive entropy-controlled policy optimisation (section 4.3).
    group (aepo) Aepo {
        mode: AepoMode = AepoMode::Off, source "section 4.3 and the authors' correction of 4 February 2026 (latch); README (band)", doc "The two-threshold latch, the interval test of the README, or off. A variant that sets a bound where no mode is written means `latch`.";
        low: Bound = Bound::Times(1.1), source "unpublished; Fig. 11 fits about 1.1 times the entropy at the start", doc "Negative gradient comes back when the entropy falls below this: `\"1.1x\"` of the entropy at the first step, or nats. Acts with a mode other than `off`, as do the keys below.";
        high: Bound = Bound::Times(2.0), source "unpublished; Fig. 11 fits about 2 times the entropy at the start", doc "Negative gradient goes when the entropy rises above this: `\"2x\"` of the entropy at the first step, or nats.";
        removal: Removal = Removal::Mask, source "Eq. 8 keeps all tokens in the normaliser (mask); the released code filters the batch (drop)", doc "How responses with a negative advantage lose their gradient.";
        lag: u32 = 0, in 0..=1, unit "steps", source "unpublished; a lag of 1 fits the ends of the phases in Fig. 11 better", doc "Decide with the entropy of this step (0) or of the one before (1).";
    }

    /// The training loop and its optimizer.
    group (train) Train {
        steps: u64 = 40, in 0..=1000000, unit "steps", source "Fig. 8 and 10, x axis", doc "Updates; 0 evaluates the base policy as it is.";
        prompts: usize = 16, in 1..=4096, unit "prompts", source "ours; section 4.1 has 128", doc "Prompts in a batch.";
        updates: usize = 1, in 1..=4096, unit "updates", source "section 2: strictly on-policy, one update a batch", doc "Updates a batch: its prompts are split into so many parts. With more than one, ratios are taken to the rollout's log-probabilities.";
        group: usize = 8, in 1..=1024, unit "responses", source "section 4.1", doc "Group size G: responses to each prompt.";
        rate: f64 = 2e-4, in 0..=1, source "ours; section 4.1 has 2e-6 at 4B and 30B", doc "Learning rate, constant.";
        clip_norm: f64 = 1.0, in 0.000001..=1000000, source "unpublished; default of the QwenLong-L1 scripts", doc "Greatest norm of the gradient; a longer one is scaled down.";
        weight_decay: f64 = 0.01, in 0..=1, source "unpublished; default of the QwenLong-L1 scripts", doc "Decoupled weight decay of AdamW.";
        beta1: f64 = 0.9, in 0..=0.999999, source "unpublished; AdamW's default", doc "Decay of the first moment.";
        beta2: f64 = 0.999, in 0..=0.999999, source "unpublished; AdamW's default", doc "Decay of the second moment.";
        epsilon: f64 = 1e-8, in 0..=1, source "unpublished; AdamW's default", doc "Added to the root of the second moment.";
        micro_prompts: usize = 4, in 1..=4096, unit "prompts", source "ours; fits the caches of a small CPU", doc "Prompts in one forward and backward pass. Changes the order of sums and so the bits; with `loss.normalizer` = `micro_batch` also the loss.";
        threads: usize = 1, in 1..=1024, unit "threads", source "ours; libtorch's bits depend on it", doc "Threads of the job process.";
        compute: Compute = Compute::F32, source "ours; the paper's trainer computes in bf16", doc "Type of the activations and of the matrices in a pass. Weights, gradients and optimizer stay in f32.";
        recompute: Recompute = Recompute::None, source "ours; does not change what is computed, only its last bits", doc "What is computed again on the way back in place of being kept: saves memory for a third more products.";
        checkpoint_every: u64 = 10, in 1..=1000000, unit "steps", source "ours; does not change a result and is no part of a job's identity", doc "Steps between checkpoints.";
    }

    /// Rewards that a rule cannot give: a model as judge (section 4.1), in training and in evaluation.
    group (reward) Reward {
        judge: JudgedBy = JudgedBy::Rule, source "section 4.1: rule first, a judge where the rule fails", doc "Who has the last word on answers that the rule of a task type calls wrong (`multi_hop`, `reading`, `numeric`).";
        judge_url: String = "http://127.0.0.1:8000/v1".to_string(), source "ours", doc "Address of an OpenAI-compatible server. No part of a job's identity; a key is read from LONGLAB_API_KEY.";
        judge_model: String = "gpt-oss-120b".to_string(), source "the judge of the paper", doc "The judge, as the server calls it.";
        judge_tokens: usize = 2048, in 1..=1000000, unit "tokens", source "ours", doc "Longest reply of the judge, thinking included.";
    }

    /// Self-play: one policy poses questions over the pool's documents, answers them and judges the answers (docs/spell.md). `train.prompts` questions
    /// with `train.group` responses each make a batch.
    group (spell) Spell {
        learn: Learn = Learn::Off, source "SPELL, arXiv 2509.23863: all; the others are its ablations", doc "Whether there is self-play, and which roles learn. The other keys of `spell` act where this is not `off`.";
        documents: usize = 5, in 1..=1000, unit "documents", source "SPELL's scripts", doc "Documents of a cluster that a questioner sees for the first time, at most; the responder sees all.";
        memory: usize = 3, in 0..=1000, unit "questions", source "SPELL's scripts (`cache_size`)", doc "Earlier questions about a cluster that its questioner sees, with their documents; 0 for none.";
        solved_low: f64 = 0.01, in 0..=1, unit "reward", source "SPELL's scripts (`cached_lower`)", doc "Least mean reward of the responses to a question that is remembered.";
        solved_high: f64 = 1.0, in 0..=1, unit "reward", source "SPELL's scripts (`cached_higher`)", doc "Greatest mean reward of those.";
        grounding: usize = 1, in 0..=1024, unit "answers", source "SPELL's code: one", doc "Answers without documents by which questions are sorted out; 0 for no such check.";
        grounding_bar: f64 = 0.1, in 0..=1, unit "score", source "SPELL's code", doc "Mean score by the rule from which on a question counts as answered without documents.";
        votes: usize = 8, in 0..=1024, unit "votes", source "SPELL's scripts (`self_verification.n`)", doc "Votes on each answer; 0 for the rule alone.";
        ties: TiedVotes = TiedVotes::First, source "SPELL's code; the paper does not say", doc "Which verdict wins where two have the most votes.";
        combine: Combined = Combined::Max, source "SPELL, Eq. 6", doc "How score and verdict make the reward of a response.";
        worth: Worth = Worth::Gaussian, source "SPELL, Eq. 7; the others are what its code compares it with", doc "What a question is worth by the mean reward of its responses; nothing where all or none of them solve it.";
        centre: f64 = 0.5, in 0..=1, unit "reward", source "SPELL, Eq. 7", doc "Mean reward of the questions that are worth most. Acts with `gaussian`.";
        width: f64 = 0.5 / 3.0, in 0.001..=100, unit "reward", source "SPELL, Eq. 7: 0.5 / 3", doc "Standard deviation of the bell. Acts with `gaussian`.";
        malformed: f64 = -1.0, in -10..=1, unit "reward", source "SPELL's code", doc "Reward of a malformed question.";
        ungrounded: f64 = -0.5, in -10..=1, unit "reward", source "SPELL's code", doc "Reward of a question that is answered without documents.";
        bad_share: f64 = 1.0, in 0..=1000, unit "share", source "SPELL's scripts (`questioner_bad_case_ratio`)", doc "Questions without open answers that are learned from, to each with.";
        verdicts: Verdicts = Verdicts::Consistent, source "SPELL's scripts (`maj_cons`)", doc "Which divided votes are learned from.";
        agree_low: f64 = 0.51, in 0..=1, unit "share", source "SPELL's scripts (`update_lower_bound`)", doc "Least share of the sound votes with the majority, of votes that are learned from.";
        agree_high: f64 = 0.99, in 0..=1, unit "share", source "SPELL's scripts (`update_upper_bound`)", doc "Greatest share of those.";
        verifier_share: f64 = 0.125, in 0..=1000, unit "share", source "SPELL's scripts: one over the votes", doc "Votes that are learned from, to each response that is.";
        rounds: usize = 10, in 1..=1000, unit "rounds", source "SPELL's scripts (`max_num_gen_batches`)", doc "Rounds of `train.prompts` questions in a step, at most, until as many are open.";
    }

    /// Low-rank matrices that are learned in place of the weights (LoRA, arXiv 2106.09685).
    group (lora) Lora {
        rank: usize = 0, in 0..=1024, unit "columns", source "ours; the paper trains all weights", doc "Rank of the adapters; 0 trains all weights.";
        alpha: f64 = 16.0, in 0.001..=1000000, source "ours; a common choice", doc "What an adapter adds is scaled by `lora.alpha / lora.rank`.";
        targets: LoraTargets = LoraTargets::All, source "ours; Schulman et al. 2025 (LoRA without regret) find all of them needed", doc "Projections that get an adapter.";
    }

    /// The supervised warm start that makes a base policy (kind `base`).
    group (warm) Warm {
        from: String = SCRATCH.to_string(), source "ours", doc "Folder of a policy to go on from, relative to the working directory, or `scratch` for random weights. Its content is part of a job's identity, its path is not.";
        steps: u64 = 2000, in 0..=1000000, unit "steps", source "ours", doc "Updates.";
        tokens: usize = 6000, in 64..=100000000, unit "tokens", source "ours", doc "Token budget of a step: as many contexts with their rows as it carries.";
        questions: usize = 4, in 1..=1024, unit "questions", source "ours; one question a context stayed on a plateau", doc "Questions to each context.";
        rate: f64 = 2e-3, in 0..=1, source "ours; prototype of the micro scale", doc "Greatest learning rate.";
        warmup: u64 = 50, in 0..=1000000, unit "steps", source "ours", doc "Steps over which the rate grows linearly.";
        echo: u64 = 0, in 0..=1000000, unit "steps", source "ours; the copying circuit forms on random sequences first (Olsson et al. 2022, arXiv 2209.11895)", doc "Steps at the beginning that echo random sequences, at most: text begins as soon as sequences of 40 tokens are echoed well.";
        sums: usize = 0, in 0..=1000000, unit "rows", source "ours; practised among the traces alone, sums were not learned in 3,300 steps", doc "Rows of worked arithmetic at each step, three computations each, after empty contexts: all from the end of the echoes until it is mastered, an eighth afterwards, none over the last quarter of the steps.";
        riddles: usize = 0, in 0..=1024, unit "rows", source "ours; the roles of self-play are taught before it", doc "Questions posed by a questioner, to each context of facts.";
        verdicts: usize = 0, in 0..=1000000, unit "rows", source "ours", doc "Verdicts on two answers at each step, after empty contexts.";
        start_tokens: usize = 48, in 16..=1000000, unit "tokens", source "ours; contexts that do not grow stayed on a plateau", doc "Length of contexts at step 0.";
        mastery: f64 = 0.8, in 0..=1, unit "share", source "ours; contexts that grew on a clock outran the learner", doc "Contexts grow while the running share of right look-ups is at least this.";
        patience: u64 = 850, in 0..=1000000, unit "steps", source "ours", doc "From this step on contexts grow at a quarter of `warm.growth` even where look-ups are not mastered.";
        growth: f64 = 0.02, in 0..=1, unit "share a step", source "ours", doc "How much longer contexts become at a step, up to `data.max_tokens`.";
        long_share: f64 = 0.1, in 0..=1, unit "share", source "ours", doc "Share of late contexts that are drawn up to `warm.long_tokens`.";
        long_tokens: usize = 2048, in 32..=1000000, unit "tokens", source "ours; the long evaluation split", doc "Greatest length of those.";
        drills: f64 = 0.75, in 0..=1, unit "share", source "ours; without plain look-ups the reading circuits did not form in a thousand steps", doc "Share of rows that are plain look-ups while contexts grow; a third of it afterwards, none over the last quarter of the steps.";
        hasty: f64 = 0.4, in 0..=1, unit "share", source "ours; gives reinforcement learning a habit to unlearn", doc "Share of traces that guess without looking anything up.";
        mistakes: f64 = 0.3, in 0..=1, unit "share", source "ours; leaves the policy wrong answers to learn from", doc "Share of traces with a wrong look-up.";
        detours: f64 = 0.2, in 0..=1, unit "share", source "ours; leaves the policy entropy to lose or gain", doc "Share of traces with a detour or a second look.";
    }

    /// Evaluation after training, on items of their own.
    group (eval) Eval {
        seed: u64 = 7, in 0..=9007199254740992_i64, source "ours", doc "Seed of the items; the same for all jobs, so that comparisons are paired.";
        items: usize = 100, in 1..=100000, unit "items", source "ours; the paper's suites have 320 to 1,500", doc "Items a suite in the main split.";
        answers: usize = 4, in 1..=1024, unit "answers", source "ours; the paper's grids fit one", doc "Answers an item.";
        temperature: f64 = 0.7, in 0..=10, source "the paper's evaluation settings", doc "Sampling temperature; 0 takes the likeliest token.";
        top_p: f64 = 0.95, in 0.01..=1, source "the paper's evaluation settings", doc "Nucleus.";
        max_response: usize = 96, in 1..=100000, unit "tokens", source "ours; the paper evaluates with 50K", doc "Limit of a response.";
        min_tokens: usize = 256, in 32..=1000000, unit "tokens", source "ours; that of the training contexts", doc "Least length of a context of the main split.";
        max_tokens: usize = 512, in 32..=1000000, unit "tokens", source "ours; that of the training contexts", doc "Greatest length of a context of the main split.";
        long_items: usize = 20, in 0..=100000, unit "items", source "ours", doc "Items a suite in the long split; 0 for none.";
        long_min: usize = 1024, in 32..=1000000, unit "tokens", source "ours; twice the longest training context", doc "Least length of a context of the long split.";
        long_max: usize = 2048, in 32..=1000000, unit "tokens", source "ours; four times the longest training context", doc "Greatest length of a context of the long split.";
    }
}
