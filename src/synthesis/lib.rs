//! Long-context questions from real documents, each with a certificate.

mod item;
pub mod name;
pub mod operation;

pub use item::{
    Answer, Certificate, Column, ColumnKind, Engine, Evidence, Form, Item, Passage, Proof, Row, Shape, Style, Work,
};
