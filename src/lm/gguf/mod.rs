//! GGUF files (versions 2 and 3, little-endian), mapped: a header with metadata and the places of tensors, then the tensors.
//!
//! | file | what it does |
//! |---|---|
//! | `cursor` | reads little-endian numbers and texts, never past the end |
//! | `value` | the metadata's types |
//! | `kind` | how tensors are stored: numbers a block, bytes a block |
//! | `header` | what the file says it holds, checked against its length |
//! | `blocks`, `k_blocks` | stored blocks to f32 |
//! | `file` | a mapped file, whose tensors are read some rows at a time |
//!
//! Layout: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Nothing is trusted: a count is compared with the bytes
//! that are left before memory is asked for, and whatever does not fit is an error that names the place.

mod blocks;
mod cursor;
mod error;
mod file;
mod header;
mod k_blocks;
mod kind;
mod value;

pub use error::{Fault, GgufError};
pub use file::{Gguf, dequantise};
pub use header::{Header, Info};
pub use kind::Kind;
pub use value::{Array, Value};
