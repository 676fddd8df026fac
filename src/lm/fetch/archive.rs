//! One file out of a zip archive.

use super::FetchError;
use super::digest::hexadecimal;
use super::listing::stays_below;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::Path;
use zip::ZipArchive;

/// Takes `member` out of an archive to `target`, if it has `bytes` bytes of the given SHA-256. It is written under a temporary name,
/// synced, and renamed. Never more than `bytes` bytes are written, whatever the archive says or inflates to.
///
/// # Errors
/// An archive that cannot be read, that has names which leave its folder (none of its files is taken then), or that holds the member
/// not, encrypted, or with another size or content.
pub fn unpack(archive: &Path, member: &str, bytes: u64, sha256: &str, target: &Path) -> Result<(), FetchError> {
    let file = File::open(archive).map_err(FetchError::at(archive))?;
    let wrong = |error: zip::result::ZipError| FetchError::archive(archive, error);
    let mut opened = ZipArchive::new(BufReader::new(file)).map_err(wrong)?;
    for number in 0..opened.len() {
        let name = opened.name_for_index(number).transpose().map_err(wrong)?.unwrap_or_default();
        if !stays_below(name.strip_suffix('/').unwrap_or(&name)) {
            let from = archive.display().to_string();
            return Err(FetchError::Name { from, name: name.into_owned() });
        }
    }
    let mut inside = opened.by_name(member).map_err(wrong)?;
    if !inside.is_file() || inside.size() != bytes {
        let reason = format!("`{member}` is no file of {bytes} bytes, it has {}", inside.size());
        return Err(FetchError::archive(archive, reason));
    }
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = target.with_file_name(name);
    let written = write(&mut inside, bytes, &temporary, archive);
    let checked = written.and_then(|found| {
        if found == sha256 {
            return fs::rename(&temporary, target).map_err(FetchError::at(target));
        }
        Err(FetchError::Hash { file: member.to_owned(), expected: sha256.to_owned(), found })
    });
    checked.inspect_err(|_| {
        // The first error is the one to tell; a temporary that cannot be removed is overwritten next time.
        let _ = fs::remove_file(&temporary);
    })
}

/// Writes so many bytes, and gives their SHA-256.
fn write(from: &mut impl Read, bytes: u64, to: &Path, archive: &Path) -> Result<String, FetchError> {
    let mut file = File::create(to).map_err(FetchError::at(to))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        let count = from.read(&mut piece).map_err(|error| FetchError::archive(archive, error))?;
        if count == 0 {
            break;
        }
        written += count as u64;
        if written > bytes {
            return Err(FetchError::archive(archive, format!("a file inflates to more than its {bytes} bytes")));
        }
        hash.update(&piece[..count]);
        file.write_all(&piece[..count]).map_err(FetchError::at(to))?;
    }
    file.sync_all().map_err(FetchError::at(to))?;
    Ok(hexadecimal(&hash.finalize()))
}
