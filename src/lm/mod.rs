//! Tokenizer, model, weights, generation.
