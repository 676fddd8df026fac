//! One process at a time.

use super::{Event, FetchError};
use std::fs::{File, TryLockError};
use std::path::Path;

/// Waits until no other process holds the lock. The system gives it back when the file is closed, however the process ends.
pub(super) fn take(path: &Path, see: &mut dyn FnMut(Event)) -> Result<File, FetchError> {
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(FetchError::at(path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::Error(cause)) => return Err(FetchError::at(path)(cause)),
        Err(TryLockError::WouldBlock) => see(Event::Waiting),
    }
    file.lock().map_err(FetchError::at(path))?;
    Ok(file)
}
