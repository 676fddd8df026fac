//! How families of models split a text before their merges apply: what their own tokenizer.json say, by the names that GGUF files
//! give to it.
//!
//! `smollm`: each digit by itself, then GPT-2's split of what is between (tokenizer.json of SmolLM2; transformers 5.23, reading the
//! GGUF file, takes GPT-2's split alone and so gets other tokens where white space stands before a digit). `qwen2`: text in NFC, split
//! by the family's expression (transformers' `Qwen2Tokenizer`). `llama-bpe`: Llama 3's expression, digits in threes, and a piece that
//! is a token by itself is not built from merges.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{Result, Tokenizer};

const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A way to split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Splitting {
    Smollm,
    Qwen2,
    Llama3,
    Gpt2,
}

impl Splitting {
    /// The names that are known.
    pub const KNOWN: &str = "smollm, qwen2, llama-bpe (llama3, llama-v3) and gpt-2";

    /// By the name in a GGUF file.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "smollm" => Splitting::Smollm,
            "qwen2" => Splitting::Qwen2,
            "llama-bpe" | "llama3" | "llama-v3" => Splitting::Llama3,
            "gpt-2" => Splitting::Gpt2,
            _ => return None,
        })
    }

    /// Whether a piece that is a token is taken as it is.
    pub fn takes_whole_tokens(self) -> bool {
        self == Splitting::Llama3
    }

    /// Puts everything around the merges into a tokenizer.
    pub fn set_up(self, tokenizer: &mut Tokenizer) -> Result<()> {
        // Its own expression is GPT-2's.
        let gpt2 = ByteLevel::new(false, true, true);
        let split: PreTokenizerWrapper = match self {
            Splitting::Smollm => Sequence::new(vec![Digits::new(true).into(), gpt2.into()]).into(),
            Splitting::Qwen2 => by_expression(QWEN2)?.into(),
            Splitting::Llama3 => by_expression(LLAMA3)?.into(),
            Splitting::Gpt2 => gpt2.into(),
        };
        if self == Splitting::Qwen2 {
            tokenizer.with_normalizer(Some(NFC))?;
        }
        tokenizer.with_pre_tokenizer(Some(split)).with_decoder(Some(ByteLevel::default()));
        Ok(())
    }
}

fn by_expression(expression: &str) -> Result<Sequence> {
    let pattern = SplitPattern::Regex(expression.to_owned());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?;
    Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, true, false).into()]))
}
