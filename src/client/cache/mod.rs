//! Answers that are remembered: the same request again has the same answer, without being sent.
//!
//! One file of JSON lines that only grows, `{"blake3":"<checksum>","entry":{"key":...,"reply":...}}`. A line whose checksum does not fit (a
//! torn write, a flipped bit) is left out; what stands around it is kept. Several processes may use one file.

mod claim;
mod file;
mod key;
mod line;

pub use file::Cache;
pub use key::RequestKey;
