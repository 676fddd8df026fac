//! Long-context questions from real documents, each with a certificate.

mod item;

pub use item::{Answer, Certificate, Engine, Evidence, Form, Item, Passage, Proof, Style, Work};
