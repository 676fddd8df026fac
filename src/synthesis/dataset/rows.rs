//! Rows for training, read from whatever holds them: a dataset's folder, lines of items, lines of rows, Parquet.

use super::parquet;
use super::record::{Record, Split};
use super::row::TrainingRow;
use super::write::{MANIFEST, Manifest};
use crate::error::{Result, SynthesisError};
use crate::files::read_json;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What tells a line of an item from a row.
#[derive(Deserialize)]
struct Marks {
    certificate: Option<IgnoredAny>,
    reward_model: Option<IgnoredAny>,
}

/// The files that the rows of a path are in: of a folder `train.jsonl` and `test.jsonl`, else the file itself.
///
/// # Errors
/// A path that is not there, or of another kind.
pub fn files(path: &Path, split: Option<Split>) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        let wanted = Split::ALL.into_iter().filter(|own| split.is_none_or(|split| split == *own));
        let files: Vec<PathBuf> = wanted.map(|split| path.join(format!("{}.jsonl", split.name()))).collect();
        return match files.iter().find(|file| !file.is_file()) {
            Some(missing) => {
                let reason = "is missing; name the folder that `longlab synth` calls its dataset".into();
                Err(SynthesisError::Kind { path: missing.clone(), reason })
            }
            None => Ok(files),
        };
    }
    std::fs::metadata(path).map_err(SynthesisError::reading(path))?;
    match path.extension().and_then(|end| end.to_str()) {
        Some("jsonl" | "parquet") => Ok(vec![path.to_path_buf()]),
        _ => {
            let reason = "is no dataset; name a dataset's folder, a .jsonl or a .parquet file".into();
            Err(SynthesisError::Kind { path: path.to_path_buf(), reason })
        }
    }
}

/// Hands on the rows of a path, until it is told to end: of the dataset of a folder, of lines of items, of lines of rows, or of Parquet. With `split`
/// only those that are set aside for it; rows that do not say what for belong to both.
///
/// # Errors
/// Those of [`files`](fn@files), lines that are neither, items whose prompt does not render, and what `see` fails with.
pub fn rows(path: &Path, split: Option<Split>, see: &mut dyn FnMut(TrainingRow) -> Result<bool>) -> Result<()> {
    let goes_on = Cell::new(true);
    let mut wanted = |row: TrainingRow| -> Result<bool> {
        let fits = row.split().is_none_or(|own| split.is_none_or(|split| split == own));
        goes_on.set(!fits || see(row)?);
        Ok(goes_on.get())
    };
    for file in files(path, split)? {
        match file.extension().is_some_and(|end| end == "parquet") {
            true => parquet::read(&file, &mut wanted)?,
            false => lines(&file, &mut wanted)?,
        }
        if !goes_on.get() {
            break;
        }
    }
    Ok(())
}

fn lines(path: &Path, see: &mut dyn FnMut(TrainingRow) -> Result<bool>) -> Result<()> {
    let name = name(path);
    let mut reader = BufReader::new(File::open(path).map_err(SynthesisError::reading(path))?);
    let (mut line, mut number) = (vec![], 0);
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(SynthesisError::reading(path))? == 0 {
            return Ok(());
        }
        number += 1;
        let wrong = |reason: String| SynthesisError::Kind {
            path: path.to_path_buf(),
            reason: format!("line {number} is neither an item nor a row for training: {reason}"),
        };
        let marks: Marks = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
        let row = match marks {
            Marks { certificate: Some(_), .. } => {
                let record = Record::parse(&line).map_err(|error| wrong(error.to_string()))?;
                TrainingRow::of(&record, &name)?
            }
            Marks { reward_model: Some(_), .. } => {
                serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?
            }
            _ => return Err(wrong("it has neither `certificate` nor `reward_model`".into())),
        };
        if !see(row)? {
            return Ok(());
        }
    }
}

/// The name of the dataset that a file of items belongs to: that of the manifest beside it, else the file's own.
fn name(path: &Path) -> String {
    let manifest = read_json::<Manifest>(&path.with_file_name(MANIFEST));
    let own = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    manifest.map_or_else(|_| own(), |manifest| manifest.name)
}
