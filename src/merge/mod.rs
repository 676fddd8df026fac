//! Merging models that lie in Hugging Face folders, tensor by tensor and piece by piece: a few megabytes are held, whatever
//! the models' size. The recipes are those of [`longlab_kernels::merge`].
//!
//! | file | what it does |
//! |---|---|
//! | `recipe` | what is to be merged and how, as written in TOML or by flags |
//! | `folder` | the tensors of a model, mapped |
//! | `plan` | which tensors belong together, and where in which shard each result lies |
//! | `tensor` | one tensor of all models: read, checked, hashed, merged |
//! | `write` | the folder of the result, which appears whole or not at all |
//!
//! The bytes of the result depend on nothing but the recipe and the numbers in the models: not on threads, and not on how the
//! models are cut into shards.

mod error;
mod plan;
mod recipe;
mod tensor;
mod work;
mod write;

#[cfg(test)]
mod tests;

pub use error::MergeFilesError;
pub use recipe::{Method, Recipe, Size};
pub use work::Merged;

use crate::shards::Shards;
use plan::Plan;
use std::num::NonZeroUsize;
use std::path::Path;
use write::Target;

/// A merge whose recipe and models have been found sound; nothing has been written.
pub struct Merge<'a> {
    recipe: &'a Recipe,
    /// The base, if the recipe has one, and then the models.
    folders: Vec<Shards>,
    plan: Plan,
}

impl<'a> Merge<'a> {
    /// Opens the models of a recipe and compares names, shapes and types of their tensors.
    ///
    /// # Errors
    /// If a setting of the recipe cannot be used, a folder holds no whole model, or the models' tensors differ.
    pub fn open(recipe: &'a Recipe) -> Result<Self, MergeFilesError> {
        recipe.check()?;
        let paths = recipe.base.iter().chain(&recipe.models);
        let folders = paths.map(|path| Shards::open(path)).collect::<Result<Vec<_>, _>>()?;
        let plan = Plan::new(&folders, recipe)?;
        Ok(Merge { recipe, folders, plan })
    }

    /// Bytes of all models together.
    pub fn bytes(&self) -> u64 {
        self.folders.iter().flat_map(|folder| folder.tensors.values()).map(|entry| entry.bytes.len() as u64).sum()
    }

    /// Merges and writes the folder `out`, which must not exist yet. `progress` is told how many of the models'
    /// [`bytes`](Merge::bytes) have been seen since it was last told, from any thread.
    ///
    /// # Errors
    /// If `out` exists or cannot be written, or a tensor holds a number that is not finite, or would in the result.
    pub fn write(
        &self,
        out: &Path,
        threads: NonZeroUsize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Merged, MergeFilesError> {
        let target = Target::new(out)?;
        let merged = work::run(self, &target, threads, progress)?;
        write::copy_files(self.folders.first().map(|folder| folder.path.as_path()), self.recipe.dtype, &target)?;
        write::record(self, &merged, &target)?;
        target.finish()?;
        Ok(merged)
    }
}
