//! A hub's list of files, and names that may be trusted.

use super::FetchError;
use serde::Deserialize;

/// What the hub says about a repository at a revision.
#[derive(Deserialize)]
pub(in crate::lm) struct Listing {
    /// The commit.
    pub sha: String,
    siblings: Vec<Sibling>,
}

/// A file of it.
#[derive(Deserialize)]
pub(in crate::lm) struct Sibling {
    pub rfilename: String,
    pub size: Option<u64>,
    #[serde(rename = "blobId")]
    pub blob: Option<String>,
    pub lfs: Option<Large>,
}

/// A file that git keeps elsewhere.
#[derive(Deserialize)]
pub(in crate::lm) struct Large {
    pub sha256: String,
    pub size: u64,
}

impl Listing {
    /// Reads the list that an address has given.
    ///
    /// # Errors
    /// What is no list, has no commit or no config.json, or has a wanted name that leaves the folder.
    pub fn read(text: &[u8], url: &str) -> Result<Listing, FetchError> {
        let wrong = |reason: String| FetchError::Listing { url: url.to_owned(), reason };
        let listing: Listing = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        if !is_hexadecimal(&listing.sha) {
            return Err(wrong(format!("`{}` is no commit", listing.sha)));
        }
        // Hidden files are harmless and common (.gitattributes); they are never fetched.
        if let Some(file) = listing.wanted().find(|file| !stays_below(&file.rfilename)) {
            return Err(FetchError::Name { from: url.to_owned(), name: file.rfilename.clone() });
        }
        if !listing.siblings.iter().any(|file| file.rfilename == "config.json") {
            return Err(wrong("there is no config.json; this is no model in Hugging Face's format".to_owned()));
        }
        Ok(listing)
    }

    /// The files that a model is made of.
    pub fn wanted(&self) -> impl Iterator<Item = &Sibling> {
        self.siblings.iter().filter(|file| is_wanted(&file.rfilename))
    }
}

/// Configuration, tokenizer, template, licence and safetensors of the top folder; neither other formats of the same weights nor
/// the second copy that some keep as `consolidated`.
fn is_wanted(name: &str) -> bool {
    let ends = [".json", ".safetensors", ".jinja"].iter().any(|end| name.ends_with(end));
    let named = ["merges.txt", "vocab.txt", "tokenizer.model", "LICENSE"].contains(&name);
    let below = name.contains('/') && stays_below(name);
    (ends || named) && !below && !name.starts_with("consolidated")
}

/// Whether a text is a hash in hexadecimal digits, SHA-1 or SHA-256.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a name stays below the folder that it is put into: no root, no `..`, no backslash, no colon, no empty or hidden part.
pub(super) fn stays_below(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.len() <= 255;
    !name.contains(['\\', ':', '\0']) && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_top_folder_are_wanted_and_names_that_leave_it_refused() {
        let read = |name: &str| {
            let list = serde_json::json!({"sha": "0".repeat(40), "siblings": [{"rfilename": "config.json"}, {"rfilename": name}]});
            let listing = Listing::read(list.to_string().as_bytes(), "url")?;
            Ok::<_, FetchError>(listing.wanted().map(|file| file.rfilename.clone()).collect::<Vec<_>>())
        };
        assert_eq!(read("model.safetensors").unwrap(), ["config.json", "model.safetensors"]);
        for name in ["onnx/model.json", "onnx/mo..del.json", "consolidated.safetensors", "model.bin"] {
            assert_eq!(read(name).unwrap(), ["config.json"], "{name}");
        }
        for name in ["../x.json", "a/../x.json", "a/../../x.json", "/x.json", "a//x.json", "a/.x.json"] {
            assert!(matches!(read(name), Err(FetchError::Name { .. })), "{name}");
        }
    }
}
