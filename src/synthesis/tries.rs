//! Items made by tries: each try has a number and its own draws, so that neither threads nor order change what comes out.

use crate::error::Result;
use crate::funnel::Counts;
use crate::item::Item;
use rayon::ThreadPool;
use rayon::prelude::*;

/// Tries made at once; must not depend on the number of threads.
const AT_ONCE: usize = 64;

/// How items are tried for.
pub struct Trying<'a> {
    /// Items that are wanted.
    pub wanted: usize,
    /// Most tries.
    pub most: usize,
    /// Tries made at once; changes nothing that comes out.
    pub at_once: usize,
    /// Threads of their own, for tries that wait.
    pub threads: Option<&'a ThreadPool>,
}

/// Tries until so many items are there, at most `patience` times for each, and hands each on. A try gives an item, or the reason why it did not become one.
///
/// # Errors
/// The first error of a try or of `put`.
pub fn by_tries(
    (wanted, patience): (usize, usize),
    counts: &mut Counts,
    put: &mut dyn FnMut(Item) -> Result<()>,
    one: impl Fn(u64) -> Result<std::result::Result<Item, &'static str>> + Sync,
) -> Result<()> {
    let most = wanted.saturating_mul(patience).max(AT_ONCE).div_ceil(AT_ONCE).saturating_mul(AT_ONCE);
    if !tried(&Trying { wanted, most, at_once: AT_ONCE, threads: None }, counts, put, one)? {
        counts.remark("the corpus has no more than these");
    }
    Ok(())
}

/// Tries until so many items are there, and hands each on; whether all that were wanted came.
///
/// # Errors
/// The first error of a try or of `put`.
pub fn tried(
    with: &Trying,
    counts: &mut Counts,
    put: &mut dyn FnMut(Item) -> Result<()>,
    one: impl Fn(u64) -> Result<std::result::Result<Item, &'static str>> + Sync,
) -> Result<bool> {
    for first in (0..with.most).step_by(with.at_once) {
        if counts.kept == with.wanted {
            return Ok(true);
        }
        let chunk = first..with.most.min(first + with.at_once);
        let all = || chunk.into_par_iter().map(|number| one(number as u64)).collect::<Vec<_>>();
        let tried = match with.threads {
            Some(threads) => threads.install(all),
            None => all(),
        };
        for item in tried {
            if counts.kept == with.wanted {
                return Ok(true);
            }
            match item? {
                Ok(item) => {
                    counts.keep();
                    put(item)?;
                }
                Err(reason) => counts.drop(reason),
            }
        }
    }
    Ok(counts.kept == with.wanted)
}
