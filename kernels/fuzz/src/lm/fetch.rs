//! The main crate's `src/lm/fetch`, as far as it asks no network.

#[path = "../../../../src/lm/fetch/archive.rs"]
mod archive;
#[path = "../../../../src/lm/fetch/digest.rs"]
mod digest;
#[path = "../../../../src/lm/fetch/error.rs"]
mod error;
#[path = "../../../../src/lm/fetch/listing.rs"]
mod listing;

pub use archive::unpack;
pub use error::FetchError;

/// Names of the files that a list would have fetched.
///
/// # Errors
/// As the list's reader.
pub fn wanted(text: &[u8]) -> Result<Vec<String>, FetchError> {
    Ok(listing::Listing::read(text, "url")?.wanted().map(|file| file.rfilename.clone()).collect())
}
