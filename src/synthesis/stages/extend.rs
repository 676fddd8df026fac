//! Items are put into their contexts.

use super::{BARRED, CHUNK, Candidate, ITEMS};
use crate::corpus::Corpus;
use crate::error::Result;
use crate::extend::{Extender, bare, length};
use crate::files::{Lines, WholeFile, read_json};
use crate::funnel::Counts;
use crate::item::{Engine, Item};
use crate::observer::Watch;
use crate::spec::Spec;
use crate::tokens::Counter;
use crate::tools::Search;
use longlab_documents::Hash;
use longlab_kernels::stream::{Address, Purpose};
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Words of a reply where there is no dialogue engine.
const REPLY: [usize; 2] = [60, 200];

/// Share of its length below which a prompt counts as short.
const SHORT: f64 = 0.9;

/// What the stage works with.
pub struct Extending<'a> {
    /// The settings.
    pub spec: &'a Spec,
    /// The documents.
    pub corpus: &'a Corpus,
    /// Their hash.
    pub hash: &'a Hash,
    /// Counts tokens.
    pub counter: &'a Counter,
    /// Makes the index.
    pub search: Option<&'a dyn Search>,
}

/// Puts the items of the engines into contexts, into `folder`.
///
/// # Errors
/// Of the corpus, of the files, or [`SynthesisError::Stopped`](crate::SynthesisError::Stopped).
pub fn extend(engines: &[(Engine, PathBuf)], with: &Extending, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    let search = with.search.filter(|_| with.spec.context.near > 0.0);
    let index =
        search.map(|search| search.index(&mut with.corpus.documents().map(|read| Ok(read?.text)))).transpose()?;
    let mut extender = Extender {
        corpus: with.corpus,
        spec: &with.spec.context,
        reply: with.spec.engines.dialogue.as_ref().map_or(REPLY, |dialogue| dialogue.words),
        counter: with.counter,
        index: index.as_deref(),
        barred: HashSet::new(),
    };
    let bases = bases(engines, &extender)?;
    let address = Address::new(with.spec.seed, Purpose::Order);
    let lengths = length::assign(&with.spec.context.length, with.spec.context.most, &bases, &mut address.stream());
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let mut counts = Counts::default();
    let mut done = 0;
    for (engine, path) in engines {
        let address = Address::new(with.spec.seed, Purpose::World).rollout(*engine as u32).position(1);
        let mut lines = Lines::<Item>::open(&path.join(ITEMS))?;
        extender.barred = read_json::<Vec<Hash>>(&path.join(BARRED))?.into_iter().collect();
        let mut own = 0;
        while let Some(items) = lines.chunk(CHUNK)? {
            watch.progress(done, bases.len())?;
            let one = |(at, item): (usize, Item)| {
                let stream = &mut address.sample((own + at) as u64).stream();
                extender.extend(item, lengths[done + at], with.hash, stream)
            };
            let count = items.len();
            let extended: Vec<_> = items.into_par_iter().enumerate().map(one).collect();
            for (at, item) in extended.into_iter().enumerate() {
                match item? {
                    Ok(item) => keep(item, lengths[done + at], &mut counts, &mut file)?,
                    Err(reason) => counts.drop(reason),
                }
            }
            (own, done) = (own + count, done + count);
        }
    }
    file.finish()?;
    Ok(counts)
}

fn keep(mut item: Item, target: usize, counts: &mut Counts, file: &mut WholeFile) -> Result<()> {
    counts.keep();
    let tokens = item.certificate.tokens;
    if tokens > target {
        counts.remark("longer than the length drawn: its evidence is");
    } else if (tokens as f64) < target as f64 * SHORT {
        counts.remark("shorter than nine tenths of the length drawn: the corpus has no more");
    }
    bare(&mut item);
    file.line(&Candidate { item, target, rate: None, tried: vec![], bin: None })?;
    Ok(())
}

/// Tokens of each item with what must be in its prompt.
fn bases(engines: &[(Engine, PathBuf)], extender: &Extender) -> Result<Vec<usize>> {
    let mut bases = vec![];
    for (_, path) in engines {
        let mut lines = Lines::<Item>::open(&path.join(ITEMS))?;
        while let Some(items) = lines.chunk(CHUNK)? {
            bases.extend(items.par_iter().map(|item| extender.base(item)).collect::<Result<Vec<usize>>>()?);
        }
    }
    Ok(bases)
}
