//! Writes the dataset of a run, and puts it where it is to lie.

use super::card;
use super::parquet::Table;
use super::record::{Placed, Record, Split};
use super::row::TrainingRow;
use super::stats::Stats;
use crate::agents::replay::Kept;
use crate::corpus::{Corpus, DECISIONS, DOCUMENTS, Decision, ENTRIES, Entry};
use crate::error::{Result, SynthesisError};
use crate::extend::fill_texts;
use crate::files::{Lines, WholeFile, hash_file, make_folder, sync_folder, write_json, write_whole};
use crate::funnel::{Counts, Funnel};
use crate::item::Proof;
use crate::observer::Watch;
use crate::spec::{ReadSpec, Spec};
use crate::stages::replay::{self, Setting};
use crate::stages::{CHUNK, Candidate, Finished, ITEMS};
use crate::tokens::Counter;
use longlab_documents::Hash;
use longlab_kernels::stream::{Address, Purpose};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the dataset's folder in the output folder.
pub const DATASET: &str = "dataset";

/// Name of the file that says what the dataset is.
pub const MANIFEST: &str = "dataset.json";

/// What a dataset is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Version of the schema of its lines.
    pub schema: u32,
    /// Seed of every draw.
    pub seed: u64,
    /// Items of each split.
    pub items: BTreeMap<String, usize>,
    /// Hash of the tokenizer that counted tokens; none where they are estimated from bytes.
    pub tokenizer: Option<Hash>,
    /// How documents were read for the graph engine; none where it made nothing.
    #[serde(default)]
    pub reading: Option<ReadSpec>,
    /// BLAKE3 of each file.
    pub files: BTreeMap<String, Hash>,
}

/// What a dataset is written from.
pub struct Publishing<'a> {
    /// The specification.
    pub spec: &'a Spec,
    /// The documents.
    pub corpus: &'a Corpus,
    /// Counted tokens.
    pub counter: &'a Counter,
    /// What the stages counted.
    pub funnel: &'a Funnel,
    /// How items were checked by a model, and the folder of its answers; none where none was asked.
    pub checks: Option<(Setting, &'a Path)>,
    /// Where a model said which documents are good enough; none where none was asked.
    pub judged: Option<&'a Path>,
    /// How agents played, where they did.
    pub agents: Option<&'a Kept>,
}

/// The files of one split.
struct Sink {
    lines: WholeFile,
    table: Option<Table>,
    count: usize,
}

impl Publishing<'_> {
    /// Writes the items of `from` with all that belongs to them into `folder`.
    ///
    /// # Errors
    /// Of the corpus and of the files.
    pub fn write(&self, from: &Path, folder: &Path, watch: &mut Watch) -> Result<Counts> {
        let mut sinks = BTreeMap::new();
        for split in Split::ALL {
            sinks.insert(split, self.sink(split, folder)?);
        }
        let (mut counts, mut stats) = (Counts::default(), Stats::default());
        let (mut used, mut asked) = (BTreeSet::new(), HashSet::new());
        let mut lines = Lines::<Candidate>::open(&from.join(ITEMS))?;
        while let Some(chunk) = lines.chunk(CHUNK)? {
            watch.progress(counts.kept, 0)?;
            let filled = chunk.into_par_iter().map(|candidate| self.filled(candidate)).collect::<Result<Vec<_>>>()?;
            for candidate in filled {
                let split = self.split(&candidate);
                let Some(sink) = sinks.get_mut(&split) else { continue };
                let record = Record { placed: placed(&candidate, split, sink.count), item: candidate.item };
                used.extend(record.item.passages.iter().filter_map(|passage| self.corpus.number(&passage.document)));
                asked.extend(replay::calls(&record.item).into_iter().map(|call| call.input));
                if let Proof::Models(played) = &record.item.certificate.proof {
                    asked.extend(played.calls.iter().map(|call| call.request.clone()));
                }
                stats.add(&record);
                sink.put(&record, &self.spec.name)?;
                counts.keep();
                counts.remark(split.name());
            }
        }
        let mut items = BTreeMap::new();
        for (split, sink) in sinks {
            items.insert(split.name().to_string(), sink.count);
            sink.finish()?;
        }
        self.write_documents(&used, folder)?;
        if let Some((setting, answers)) = &self.checks {
            replay::write(setting, answers, &asked, folder)?;
        }
        self.judged.map_or(Ok(()), |judged| self.write_decisions(judged, &used, folder))?;
        self.agents.map_or(Ok(()), |agents| agents.write(&asked, folder))?;
        self.write_words(&stats, folder)?;
        self.write_manifest(items, folder)?;
        Ok(counts)
    }

    fn sink(&self, split: Split, folder: &Path) -> Result<Sink> {
        let path = |ending: &str| folder.join(format!("{}.{ending}", split.name()));
        let table = self.spec.output.parquet.then(|| Table::create(&path("parquet"))).transpose()?;
        Ok(Sink { lines: WholeFile::create(&path("jsonl"))?, table, count: 0 })
    }

    fn filled(&self, mut candidate: Candidate) -> Result<Candidate> {
        fill_texts(self.corpus, &mut candidate.item.passages)?;
        Ok(candidate)
    }

    /// The split of an item: drawn for the document of its first evidence.
    fn split(&self, candidate: &Candidate) -> Split {
        let first = candidate.item.certificate.evidence.first();
        let hash = first.map_or(candidate.item.id.0.as_str(), |evidence| evidence.document.0.as_str());
        let number = hash.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let address = Address::new(self.spec.seed, Purpose::Suite).sample(number);
        if address.stream().chance(self.spec.output.test) { Split::Test } else { Split::Train }
    }

    /// The documents that passages are from, in the form of a corpus.
    fn write_documents(&self, used: &BTreeSet<usize>, folder: &Path) -> Result<()> {
        let mut documents = WholeFile::create(&folder.join(DOCUMENTS))?;
        let mut entries = WholeFile::create(&folder.join(ENTRIES))?;
        for number in used {
            let offset = documents.written();
            let length = documents.line(&self.corpus.read(*number)?)?;
            entries.line(&Entry { offset, length, ..self.corpus.entries()[*number].clone() })?;
        }
        documents.finish()?;
        entries.finish()
    }

    /// What a model said of the documents that passages are from.
    fn write_decisions(&self, judged: &Path, used: &BTreeSet<usize>, folder: &Path) -> Result<()> {
        let hash = |number: &usize| &self.corpus.entries()[*number].hash;
        let used: HashSet<&Hash> = used.iter().map(hash).collect();
        let mut file = WholeFile::create(&folder.join(DECISIONS))?;
        for decision in Lines::<Decision>::open(&judged.join(DECISIONS))? {
            let decision = decision?;
            if used.contains(&decision.document) {
                file.line(&decision)?;
            }
        }
        file.finish()
    }

    fn write_words(&self, stats: &Stats, folder: &Path) -> Result<()> {
        write_json(&folder.join("funnel.json"), self.funnel)?;
        write_json(&folder.join("stats.json"), stats)?;
        let funnel =
            format!("# {}: what each stage kept\n\n{}\n{}", self.spec.name, self.funnel.markdown(), stats.markdown());
        write_whole(&folder.join("funnel.md"), funnel.as_bytes())?;
        write_whole(&folder.join("card.md"), card::card(self, stats)?.as_bytes())
    }

    fn write_manifest(&self, items: BTreeMap<String, usize>, folder: &Path) -> Result<()> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(SynthesisError::reading(folder))? {
            let entry = entry.map_err(SynthesisError::reading(folder))?;
            files.insert(entry.file_name().to_string_lossy().into_owned(), hash_file(&entry.path())?);
        }
        let manifest = Manifest {
            name: self.spec.name.clone(),
            schema: 1,
            seed: self.spec.seed,
            items,
            tokenizer: self.counter.hash().cloned(),
            reading: self.spec.engines.graph.as_ref().map(|graph| graph.read.clone()),
            files,
        };
        write_json(&folder.join(MANIFEST), &manifest)
    }
}

fn placed(candidate: &Candidate, split: Split, index: usize) -> Placed {
    let Candidate { target, bin, rate, tried, .. } = candidate;
    Placed { split, index, target: *target, bin: bin.unwrap_or(0), rate: *rate, tried: tried.clone() }
}

impl Sink {
    fn put(&mut self, record: &Record, name: &str) -> Result<()> {
        let line = record.line().map_err(std::io::Error::other).map_err(SynthesisError::writing(Path::new(ITEMS)))?;
        self.lines.line(&line)?;
        self.count += 1;
        self.table.as_mut().map_or(Ok(()), |table| table.put(TrainingRow::of(record, name)?))
    }

    fn finish(self) -> Result<()> {
        self.lines.finish()?;
        self.table.map_or(Ok(()), Table::finish)
    }
}

/// Puts a finished dataset into the output folder: the files of its stage under a second name, or copied where the file system has no such thing.
///
/// # Errors
/// Where the folder cannot be written.
pub fn publish(finished: &Finished, output: &Path) -> Result<PathBuf> {
    let (folder, part) = (output.join(DATASET), output.join(format!("{DATASET}.part")));
    for stale in [&part, &folder] {
        match fs::remove_dir_all(stale) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(SynthesisError::writing(stale)(error));
            }
            _ => {}
        }
    }
    make_folder(&part)?;
    for entry in fs::read_dir(&finished.folder).map_err(SynthesisError::reading(&finished.folder))? {
        let from = entry.map_err(SynthesisError::reading(&finished.folder))?;
        if [crate::stages::COUNTS, crate::stages::DONE].iter().any(|own| from.file_name() == *own) {
            continue;
        }
        let to = part.join(from.file_name());
        let linked = fs::hard_link(from.path(), &to).or_else(|_| fs::copy(from.path(), &to).map(|_| ()));
        linked.map_err(SynthesisError::writing(&to))?;
    }
    fs::rename(&part, &folder).map_err(SynthesisError::writing(&folder))?;
    sync_folder(&folder);
    Ok(folder)
}
