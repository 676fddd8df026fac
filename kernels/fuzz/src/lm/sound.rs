//! What must hold of whatever was opened.

use super::checkpoint::{Checkpoint, Scaling, decode, encode};
use std::path::Path;
use tempfile::TempDir;
use tokenizers::Tokenizer;

/// Numbers that are read of a tensor.
const MOST: usize = 1 << 16;

/// Texts that tokenizers are tried with.
const TEXTS: [&str; 6] = [
    "",
    "Where is Bern?",
    " 12,345.6\n\n\t x's",
    "Zürich 東京 🙂 e\u{301}",
    "<s>[UNK]</s> ##a ab",
    "\u{0}\u{feff}\u{200d}",
];

/// A folder in memory, where there is such a file system.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Texts become tokens that exist, or an error; tokens become a text, or an error.
pub fn tokenizer(tokenizer: &Tokenizer) {
    for text in TEXTS {
        let Ok(tokens) = encode(tokenizer, text, true) else { continue };
        if tokens.len() <= 4096 {
            let _ = decode(tokenizer, &tokens, tokens.len() % 2 == 0);
        }
    }
    let _ = decode(tokenizer, &[0, 1, 2, 3, u32::MAX], false);
}

/// The numbers of a shape fit together, and every tensor can be read, row by row as at once.
pub fn checkpoint(checkpoint: &Checkpoint) {
    let shape = checkpoint.config();
    assert!(shape.rms_norm_eps.is_finite() && shape.rms_norm_eps >= 0.0, "{shape:?}");
    assert!(shape.rope_theta.is_finite() && shape.rope_theta > 0.0, "{shape:?}");
    scaling(shape.rope_scaling.as_ref());
    assert!(shape.active() <= shape.parameters());
    let total: usize = checkpoint.tensors().values().map(|stored| stored.rows() * stored.width()).sum();
    assert!(shape.tie_word_embeddings || total as u64 == shape.parameters(), "{total} numbers of {shape:?}");
    for (name, stored) in checkpoint.tensors() {
        let (rows, width) = (stored.rows(), stored.width());
        if rows * width > MOST {
            continue;
        }
        let mut all = vec![0.0; rows * width];
        if checkpoint.read(name, 0..rows, &mut all).is_err() {
            continue;
        }
        let mut one = vec![0.0; width];
        checkpoint.read(name, rows - 1..rows, &mut one).expect("the last row");
        let same = one.iter().zip(&all[(rows - 1) * width..]).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{name}: the last row differs");
        assert!(checkpoint.read(name, rows..rows + 1, &mut one).is_err(), "{name}: a row that is not there");
    }
    match checkpoint.tokenizer() {
        Ok(found) => tokenizer(&found),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn scaling(scaling: Option<&Scaling>) {
    let numbers = match scaling {
        None => vec![],
        Some(Scaling::Linear { factor }) => vec![*factor],
        Some(Scaling::Yarn { factor, attention_factor, beta_fast, beta_slow, .. }) => {
            vec![*factor, attention_factor.unwrap_or(1.0), *beta_fast, *beta_slow]
        }
        Some(Scaling::Llama3 { factor, low_freq_factor, high_freq_factor, .. }) => {
            assert!(low_freq_factor < high_freq_factor, "{scaling:?}");
            vec![*factor, *low_freq_factor, *high_freq_factor]
        }
        Some(Scaling::Factors { factors }) => factors.iter().map(|&factor| f64::from(factor)).collect(),
    };
    assert!(numbers.iter().all(|number| number.is_finite() && *number > 0.0), "{scaling:?}");
}
