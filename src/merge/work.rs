//! Tensors shared out among threads.

use super::tensor::{self, Place};
use super::write::{ShardFile, Target};
use super::{Merge, MergeFilesError};
use std::cmp::Reverse;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// What a merge came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Tensors of the result.
    pub tensors: usize,
    /// Numbers of the result.
    pub places: u64,
    /// Bytes of all its shards.
    pub bytes: u64,
    /// Its shards.
    pub shards: usize,
    /// A hash of the names, shapes, types and numbers of the base, if there is one, and of each model: blake3 over, tensor by
    /// tensor in the order of names, the line `name dtype shape blake3-of-its-bytes`. Cutting a model into other shards
    /// changes nothing.
    pub hashes: Vec<String>,
}

/// The hash of a tensor's bytes in each model, and which tensor it is.
type Hashed = (usize, Vec<blake3::Hash>);

pub(super) fn run(
    merge: &Merge,
    target: &Target,
    threads: NonZeroUsize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Merged, MergeFilesError> {
    let shards = merge.plan.shards.iter().map(|shard| target.shard(shard)).collect::<Result<Vec<_>, _>>()?;
    let mut hashed = share(merge, &shards, threads, progress)?;
    hashed.sort_by_key(|(number, _)| *number);
    Ok(Merged {
        tensors: merge.plan.tensors.len(),
        places: merge.plan.tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>() as u64).sum(),
        bytes: merge.plan.shards.iter().map(|shard| shard.size).sum(),
        shards: shards.len(),
        hashes: (0..merge.folders.len()).map(|folder| merge.hash(folder, &hashed)).collect(),
    })
}

/// Threads take the largest tensor that is left, so that none has a large one to do when the others are done.
fn share(
    merge: &Merge,
    shards: &[ShardFile],
    threads: NonZeroUsize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Hashed>, MergeFilesError> {
    let tensors = &merge.plan.tensors;
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&number| Reverse(tensors[number].size));
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || -> Result<Vec<Hashed>, Box<(usize, MergeFilesError)>> {
        let mut hashed = Vec::new();
        while let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            let shard = &shards[tensors[number].shard];
            let place = Place { file: &shard.file, path: &shard.path };
            let done = tensor::merge(merge, &tensors[number], &place, progress)
                .and_then(|hashes| shard.done().map(|()| hashes));
            match done {
                Ok(hashes) => hashed.push((number, hashes)),
                Err(error) => {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(Box::new((number, error)));
                }
            }
        }
        Ok(hashed)
    };
    let ended: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    // Of several errors, that of the first tensor.
    let (done, mut failed): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    failed.sort_by_key(|ended| ended.as_ref().err().map(|failed| failed.0));
    match failed.into_iter().next() {
        Some(Err(failed)) => Err(failed.1),
        _ => Ok(done.into_iter().flatten().flatten().collect()),
    }
}

impl Merge<'_> {
    /// `base`, or a model by its position, as the recipes' errors call them.
    pub(super) fn title(&self, folder: usize) -> String {
        match (self.recipe.base.is_some(), folder) {
            (true, 0) => "base".into(),
            (based, number) => format!("model {}", number - usize::from(based)),
        }
    }

    fn hash(&self, folder: usize, hashed: &[Hashed]) -> String {
        let mut hasher = blake3::Hasher::new();
        for ((name, entry), (_, hashes)) in self.folders[folder].tensors.iter().zip(hashed) {
            hasher.update(format!("{name} {} {:?} {}\n", entry.dtype, entry.shape, hashes[folder]).as_bytes());
        }
        hasher.finalize().to_string()
    }
}
