//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` under a temporary name (`<name>.tmp`), syncs, and renames. On an error nothing new stays behind.
///
/// The temporary name is fixed, so that a killed writer leaves at most one stray file, which the next one overwrites: writers
/// to one folder must take turns.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, true)?;
    sync_folder(path);
    Ok(())
}

/// [`write_whole`] for what is too large to be held in memory: `write` makes the file of the temporary name.
pub fn write_whole_by(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary(path);
    // Whatever `write` makes of the file: it is as readable as any other.
    let usual = File::create(&temporary)?.metadata()?.permissions();
    let made = write(&temporary).and_then(|()| {
        let file = File::open(&temporary)?;
        file.set_permissions(usual)?;
        file.sync_all()
    });
    made.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })?;
    sync_folder(path);
    Ok(())
}

/// [`write_whole`] without waiting for the disk: whole after any death of the process, but a power cut may leave an empty file. For what
/// is read with suspicion and can be made again.
pub fn write_soon(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, false)
}

fn replace(path: &Path, bytes: &[u8], synced: bool) -> io::Result<()> {
    let temporary = temporary(path);
    write(&temporary, bytes, synced).and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        // The first error is the one to tell; a temporary that cannot be removed either is overwritten next time.
        let _ = fs::remove_file(&temporary);
    })
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    path.with_file_name(name)
}

fn write(path: &Path, bytes: &[u8], synced: bool) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    if synced { file.sync_all() } else { Ok(()) }
}

/// Makes the rename survive a power cut; file systems that cannot sync a folder lose nothing but that.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}
