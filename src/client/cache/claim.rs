//! One process a request.

use super::RequestKey;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A folder that goes away while a file is made in it is made again; so often.
const LOOKS: usize = 100;

/// The right to send a request, held until it is dropped. The system takes it back from a process that dies.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    /// Locked.
    _file: File,
}

impl Claim {
    /// Waits until no other process has the claim; none if there cannot be one here.
    pub fn take(cache: &Path, key: &RequestKey) -> Option<Claim> {
        let mut name = cache.file_name()?.to_owned();
        name.push(".asked");
        let folder = cache.with_file_name(name);
        let path = folder.join(key.to_string());
        for _ in 0..LOOKS {
            fs::create_dir_all(&folder).ok()?;
            let Ok(file) = File::options().create(true).truncate(false).write(true).open(&path) else { continue };
            file.lock().ok()?;
            if is_at(&file, &path) {
                return Some(Claim { path, _file: file });
            }
        }
        None
    }
}

/// Whether a file is still the one under its name; its last holder has removed it.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(mine), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (mine.dev(), mine.ino()) == (there.dev(), there.ino())
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Removed before it is unlocked: whoever waits for it sees that, and finds the answer in the cache. The folder goes with its last
        // claim.
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}
