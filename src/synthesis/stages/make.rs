//! An engine makes items out of the corpus.

use super::{BARRED, ITEMS};
use crate::corpus::Corpus;
use crate::error::Result;
use crate::extend::bare;
use crate::files::{WholeFile, write_json};
use crate::funnel::Counts;
use crate::item::Item;
use crate::observer::Watch;
use crate::tools::Maker;
use std::path::Path;

/// Items between two looks at the observer.
const STRIDE: usize = 16;

/// Lets an engine make its items into `folder`.
///
/// # Errors
/// Of the corpus, of the file, or [`SynthesisError::Stopped`](crate::SynthesisError::Stopped).
pub fn make(maker: &dyn Maker, corpus: &Corpus, seed: u64, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let mut counts = Counts::default();
    let mut made = 0;
    let mut put = |mut item: Item| {
        bare(&mut item);
        file.line(&item)?;
        made += 1;
        if made % STRIDE == 0 { watch.progress(made, 0) } else { Ok(()) }
    };
    let barred = maker.make(corpus, seed, &mut counts, &mut put)?;
    file.finish()?;
    write_json(&folder.join(BARRED), &barred)?;
    Ok(counts)
}
