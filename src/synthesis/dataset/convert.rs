//! From one file of rows to another: items to rows, rows from lines to Parquet and back.

use super::parquet::Table;
use super::record::Split;
use super::rows::rows;
use crate::error::{Result, SynthesisError};
use crate::files::WholeFile;
use std::path::Path;

/// Writes the rows for training of `from` (see [`rows()`]) to `to`, as Parquet or as lines of JSON by its ending; gives how many. `goes_on` is asked at each
/// row whether to go on.
///
/// # Errors
/// Those of [`rows()`]; a file that is there already, or of another ending; [`SynthesisError::Stopped`]. Nothing half-written stays.
pub fn convert(from: &Path, split: Option<Split>, to: &Path, goes_on: &dyn Fn() -> bool) -> Result<usize> {
    let refused = |reason: &str| Err(SynthesisError::Kind { path: to.to_path_buf(), reason: reason.into() });
    if to.exists() {
        return refused("is there already; remove it or name another file");
    }
    let mut count = 0;
    let mut more = || {
        count += 1;
        if goes_on() { Ok(true) } else { Err(SynthesisError::Stopped) }
    };
    match to.extension().and_then(|end| end.to_str()) {
        Some("parquet") => {
            let mut table = Table::create(to)?;
            rows(from, split, &mut |row| table.put(row).and_then(|()| more()))?;
            table.finish()?;
        }
        Some("jsonl") => {
            let mut file = WholeFile::create(to)?;
            rows(from, split, &mut |row| file.line(&row).and_then(|_| more()))?;
            file.finish()?;
        }
        _ => return refused("is no kind of file that is written; let it end in .parquet or .jsonl"),
    }
    Ok(count)
}
