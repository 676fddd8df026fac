//! What the fuzz targets share: odd numbers, shapes, the plain definitions that results are held against, and the main crate's
//! readers of files, compiled by path because its libtorch is not wanted here.

#[cfg(feature = "documents")]
pub mod documents;
#[cfg(feature = "files")]
#[allow(dead_code, missing_docs)]
#[path = "../../../src/files.rs"]
pub mod files;
pub mod foreign;
#[cfg(feature = "files")]
#[allow(dead_code, unused_imports)]
pub mod lm;
#[cfg(feature = "files")]
#[allow(dead_code, unused_imports, missing_docs)]
#[path = "../../../src/merge/mod.rs"]
pub mod merge;
pub mod numbers;
#[cfg(feature = "files")]
#[allow(dead_code, missing_docs)]
#[path = "../../../src/shards.rs"]
mod shards;
#[cfg(feature = "spec")]
#[allow(dead_code, unused_imports, missing_docs)]
#[path = "../../../src/spec/mod.rs"]
pub mod spec;
pub mod text;
