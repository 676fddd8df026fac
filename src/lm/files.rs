//! Files that are there whole or not at all.

use super::LmError;
use std::path::Path;

/// [`crate::files::write_whole`] with this room's error.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LmError> {
    crate::files::write_whole(path, bytes).map_err(|source| LmError::io(path, source))
}
