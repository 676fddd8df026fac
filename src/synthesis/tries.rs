//! Items made by tries: each try has a number and its own draws, so that neither threads nor order change what comes out.

use crate::error::Result;
use crate::funnel::Counts;
use crate::item::Item;
use rayon::prelude::*;

/// Tries made at once; must not depend on the number of threads.
const AT_ONCE: usize = 64;

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
    let most = wanted.saturating_mul(patience).max(AT_ONCE);
    for first in (0..most).step_by(AT_ONCE) {
        let tried: Vec<_> = (first..first + AT_ONCE).into_par_iter().map(|number| one(number as u64)).collect();
        for item in tried {
            if counts.kept == wanted {
                return Ok(());
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
    counts.remark("the corpus has no more than these");
    Ok(())
}
