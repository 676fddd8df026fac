//! Lessons in English, for a policy that can read: documents with a few questions, each answered by a trace. Only responses are learned.

use super::{Example, Line, Role};
use crate::lm::Tokenizer;
use crate::spec::settings::Settings;
use crate::synth::Maker;
use crate::synth::english::question::Ask;
use crate::synth::english::trace::Trace;
use crate::synth::english::{Plan, lesson};
use crate::synth::micro::trace::Noise;
use crate::task::World;
use anyhow::Result;
use longlab_kernels::stream::{Address, Purpose};

/// Usual length of a question with its instruction and response, tokens.
const ROW_TOKENS: usize = 120;

/// What a step reads: as many contexts of training length, with `warm.questions` questions each, as `warm.tokens` carries.
pub(super) fn lessons(settings: &Settings, tokenizer: &Tokenizer, seed: u64, step: u64) -> Result<Vec<Example>> {
    let (warm, data) = (&settings.warm, &settings.data);
    let maker = Maker { world: World::English, tokenizer };
    let plan = Plan {
        tokens: (data.min_tokens, data.max_tokens),
        questions: warm.questions,
        response: settings.rollout.max_tokens,
        noise: Noise { hasty: warm.hasty, mistakes: warm.mistakes, detours: warm.detours },
    };
    let contexts = (warm.tokens / (data.max_tokens + warm.questions * ROW_TOKENS)).max(1);
    (0..contexts as u64)
        .map(|n| {
            let mut stream = Address::new(seed, Purpose::Warm).step(step as u32).sample(n).stream();
            let lesson = lesson(&mut stream, &plan, &|text| maker.count(text));
            let lines = lesson.turns.iter().map(|(ask, trace)| line(tokenizer, ask, trace)).collect::<Result<_>>()?;
            Ok(Example { prefix: tokenizer.encode(&World::English.documents(&lesson.text))?, lines })
        })
        .collect()
}

fn line(tokenizer: &Tokenizer, ask: &Ask, trace: &Trace) -> Result<Line> {
    let mut tokens = tokenizer.encode(&World::English.question(&ask.question))?;
    let asked = tokens.len();
    let answer_from = asked + tokenizer.encode(&trace.thinking)?.len();
    tokens.extend(tokenizer.encode(&World::English.response(&trace.thinking, &trace.answer))?);
    let learned = (0..tokens.len()).map(|t| t >= asked).collect();
    Ok(Line { tokens, learned, role: Role::Trace(answer_from) })
}
