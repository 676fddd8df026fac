//! One file: resumed where an earlier try has ended, checked, under its name only when whole.

use super::digest::Expected;
use super::http::{Answer, get};
use super::{Event, FetchError, Settings};
use std::fs::{self, File as Opened};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use ureq::Body;
use ureq::http::Response;

/// A server may ask for so long a pause, no longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A file to download.
pub(super) struct File<'a> {
    pub url: &'a str,
    pub token: Option<&'a str>,
    /// What it is called on a progress bar.
    pub name: &'a str,
    /// Its size, where that is known before.
    pub bytes: Option<u64>,
    pub digest: Option<Expected>,
}

/// How a try ended that was no error.
enum End {
    Whole,
    /// Bytes are missing, or all of them.
    Broken {
        cause: String,
        after: Option<Duration>,
    },
}

/// Downloads a file to `target`; nothing if it is there. What has come stands in `<target>.part` until it is whole.
///
/// # Errors
/// What the server refuses, tries that all fail, another size or hash than expected, or what the file system says.
pub(super) fn download(
    file: &File,
    target: &Path,
    settings: &Settings,
    see: &mut dyn FnMut(Event),
) -> Result<(), FetchError> {
    if target.exists() {
        return Ok(());
    }
    let part = part(target);
    let resumed = size(&part) > 0;
    complete(file, &part, settings, see)?;
    match check(file, &part, see) {
        // The beginning may have been that of another version of the file.
        Err(FetchError::Hash { .. }) if resumed => {
            complete(file, &part, settings, see)?;
            check(file, &part, see)?;
        }
        checked => checked?,
    }
    Opened::open(&part).and_then(|whole| whole.sync_all()).map_err(FetchError::at(&part))?;
    fs::rename(&part, target).map_err(FetchError::at(target))
}

fn part(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    target.with_file_name(name)
}

/// Removes what has come, if anything has.
fn discard(part: &Path) -> Result<(), FetchError> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FetchError::at(part)(error)),
        _ => Ok(()),
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// Tries until all bytes are there. Only tries that brought nothing count.
fn complete(file: &File, part: &Path, settings: &Settings, see: &mut dyn FnMut(Event)) -> Result<(), FetchError> {
    let mut failed = 0;
    loop {
        let before = size(part);
        let (cause, after) = match attempt(file, part, settings, see)? {
            End::Whole => return Ok(()),
            End::Broken { cause, after } => (cause, after),
        };
        failed = if size(part) > before { 1 } else { failed + 1 };
        if failed >= settings.tries {
            return Err(FetchError::Network { url: file.url.to_owned(), reason: cause });
        }
        let doubled = settings.pause.saturating_mul(1 << (failed - 1).min(6));
        let after = after.unwrap_or(doubled).min(LONGEST_PAUSE);
        see(Event::Again { file: file.name.to_owned(), cause, after });
        thread::sleep(after);
    }
}

fn attempt(file: &File, part: &Path, settings: &Settings, see: &mut dyn FnMut(Event)) -> Result<End, FetchError> {
    let have = size(part);
    match file.bytes {
        Some(bytes) if have == bytes && part.exists() => return Ok(End::Whole),
        // Nothing that could be gone on with.
        Some(bytes) if have > bytes => discard(part)?,
        _ => {}
    }
    let have = size(part);
    let response = match get(file.url, have, file.token, settings)? {
        Answer::Good(response) => response,
        Answer::Later { cause, after } => return Ok(End::Broken { cause, after }),
    };
    let start = match response.status().as_u16() {
        // Asked for bytes beyond the end: the file has changed.
        416 => {
            discard(part)?;
            return Ok(End::Broken { cause: "the server has no such range".to_owned(), after: None });
        }
        206 if begins_at(&response, have) => have,
        206 => {
            discard(part)?;
            return Ok(End::Broken { cause: "the server gives another range".to_owned(), after: None });
        }
        // The whole file: the server knows no ranges.
        _ => 0,
    };
    store(file, response, start, part, see)
}

/// Whether a partial answer begins at a byte: `Content-Range: bytes 5-9/10`.
fn begins_at(response: &Response<Body>, byte: u64) -> bool {
    let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
    let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    first == Some(byte)
}

/// Writes a body from a byte on.
fn store(
    file: &File,
    mut response: Response<Body>,
    start: u64,
    part: &Path,
    see: &mut dyn FnMut(Event),
) -> Result<End, FetchError> {
    let announced = response.body().content_length().map(|length| start + length);
    let of = file.bytes.or(announced);
    let mut to = Opened::options();
    let to = if start > 0 { to.append(true) } else { to.write(true).create(true).truncate(true) };
    let mut to = to.open(part).map_err(FetchError::at(part))?;
    let mut body = response.body_mut().as_reader();
    let mut piece = vec![0; 1 << 16];
    let mut have = start;
    loop {
        let count = match body.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Ok(End::Broken { cause: error.to_string(), after: None }),
        };
        have += count as u64;
        if let Some(expected) = file.bytes.filter(|&expected| have > expected) {
            drop(to);
            discard(part)?;
            return Err(FetchError::Size { url: file.url.to_owned(), expected, found: have });
        }
        to.write_all(&piece[..count]).map_err(FetchError::at(part))?;
        see(Event::Bytes { file: file.name.to_owned(), have, of });
    }
    match of {
        Some(of) if have < of => Ok(End::Broken { cause: format!("{have} of {of} bytes have come"), after: None }),
        _ => Ok(End::Whole),
    }
}

/// Compares the hash; a file with another one is removed.
fn check(file: &File, part: &Path, see: &mut dyn FnMut(Event)) -> Result<(), FetchError> {
    let Some(expected) = &file.digest else { return Ok(()) };
    see(Event::Checking { file: file.name.to_owned() });
    let found = expected.found(part).map_err(FetchError::at(part))?;
    if found == expected.digits() {
        return Ok(());
    }
    discard(part)?;
    Err(FetchError::Hash { file: file.name.to_owned(), expected: expected.digits().to_owned(), found })
}
