//! Files that are there whole or not at all.

use super::LmError;
use std::io::Write;
use std::path::Path;

/// Writes `bytes` under a temporary name in the same folder, syncs, and renames over `path`.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LmError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".tmp{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_and_sync(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|source| {
        // A half-written file must not stay; that it cannot be removed adds nothing to the first error.
        let _ = std::fs::remove_file(&temporary);
        LmError::io(path, source)
    })
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
