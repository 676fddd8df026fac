//! Hashes of files, in hexadecimal digits.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A hash that a file should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// SHA-256 of the content.
    Sha256(String),
    /// What git names the content by: SHA-1 of `blob <bytes>`, a zero byte and the content.
    Git(String),
}

impl Expected {
    /// The expected digits.
    pub fn digits(&self) -> &str {
        match self {
            Expected::Sha256(digits) | Expected::Git(digits) => digits,
        }
    }

    /// The digits that a file has.
    pub fn found(&self, path: &Path) -> io::Result<String> {
        let file = File::open(path)?;
        match self {
            Expected::Sha256(_) => digest(Sha256::new(), file),
            Expected::Git(_) => {
                let bytes = file.metadata()?.len();
                digest(Sha1::new_with_prefix(format!("blob {bytes}\0")), file)
            }
        }
    }
}

fn digest<D: Digest>(mut hash: D, mut file: File) -> io::Result<String> {
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            count => hash.update(&piece[..count]),
        }
    }
}

/// Two digits a byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum_and_git() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello\n").unwrap();
        let sha256 = Expected::Sha256(String::new()).found(file.path()).unwrap();
        assert_eq!(sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        let git = Expected::Git(String::new()).found(file.path()).unwrap();
        assert_eq!(git, "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
