//! Long-context questions from real documents, each with a certificate.

pub mod graph;
mod item;

pub use item::{Answer, Certificate, Engine, Evidence, Form, Item, Passage, Proof, Style, Work};
