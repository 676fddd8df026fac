//! Rollouts of a batch: G responses a sample, graded.

use super::play::Role;
use crate::data::Sample;
use crate::lm::{Decoder, Request, Response, Sampling, Tokenizer, generate};
use crate::task::{Graded, template};
use anyhow::{Context, Result};
use longlab_kernels::stream::Address;
use std::borrow::Cow;

/// One graded rollout.
pub struct Rollout {
    /// Tokens, log-probabilities and entropies.
    pub response: Response,
    /// Status and score.
    pub graded: Graded,
}

/// A sample with its prompt tokens and rollouts.
pub struct Group<'a> {
    /// The sample.
    pub sample: Cow<'a, Sample>,
    /// Who the rollouts were.
    pub role: Role,
    /// Prompt tokens.
    pub prompt: Vec<u32>,
    /// Its rollouts: `train.group` of them, in self-play what the role has.
    pub rollouts: Vec<Rollout>,
}

impl Group<'_> {
    /// The group with a sample of its own.
    pub fn owned(self) -> Group<'static> {
        let Group { sample, role, prompt, rollouts } = self;
        Group { sample: Cow::Owned(sample.into_owned()), role, prompt, rollouts }
    }
}

/// How responses are drawn: limits, and how many prompts are decoded side by side.
pub struct Drawing {
    /// Temperature, top-p, response limit.
    pub sampling: Sampling,
    /// Responses a prompt.
    pub rows: usize,
    /// Prompts decoded side by side.
    pub side_by_side: usize,
}

/// The sampling of a spec's keys under a tokenizer.
pub fn sampling(tokenizer: &Tokenizer, temperature: f64, top_p: f64, max_tokens: usize) -> Result<Sampling> {
    let eos = tokenizer.id(template::END).context("the tokenizer has no <|im_end|> token")?;
    Ok(Sampling { temperature, top_p, max_tokens, eos: i64::from(eos) })
}

/// Draws and grades responses to samples. Every token is drawn at `address` with the sample's number (and how often the sample
/// came before in this call), the row and the position: no draw depends on another.
pub fn roll_out<'a>(
    model: &Decoder,
    tokenizer: &Tokenizer,
    samples: &[&'a Sample],
    drawing: &Drawing,
    address: Address,
) -> Result<Vec<Group<'a>>> {
    let prompts = samples.iter().map(|sample| tokenizer.encode(&sample.prompt()));
    let prompts: Vec<Vec<u32>> = prompts.collect::<Result<_, _>>()?;
    let keys: Vec<u64> = (0..samples.len())
        .map(|i| samples[i].id | (samples[..i].iter().filter(|s| s.id == samples[i].id).count() as u64) << 40)
        .collect();
    let requests: Vec<Request> =
        prompts.iter().zip(&keys).map(|(prompt, &key)| Request { prompt, rows: drawing.rows, key }).collect();
    let draw = |key: u64, row: usize, position: usize| {
        address.sample(key).rollout(row as u32).position(position as u32).stream().uniform()
    };
    let responses = generate(model, &requests, &drawing.sampling, &draw, drawing.side_by_side)?;
    let graded = samples.iter().zip(prompts).zip(responses).map(|((&sample, prompt), responses)| {
        let rollouts = responses.into_iter().map(|response| {
            let text = tokenizer.decode(&response.tokens, true)?;
            let graded = sample.grade(&text, response.finished);
            Ok(Rollout { response, graded })
        });
        Ok(Group {
            sample: Cow::Borrowed(sample),
            role: Role::Responder,
            prompt,
            rollouts: rollouts.collect::<Result<_>>()?,
        })
    });
    graded.collect()
}
