//! Formats, told by name and by content.

use serde::{Deserialize, Serialize};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Plain text, reStructuredText among it.
    Text,
    /// Markdown.
    Markdown,
    /// HTML and XHTML.
    Html,
    /// PDF.
    Pdf,
    /// CSV and TSV.
    Delimited,
    /// One JSON value.
    Json,
    /// A JSON value a line.
    JsonLines,
    /// EPUB.
    Epub,
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// C, and headers.
    C,
    /// JavaScript.
    JavaScript,
    /// Source code of other languages, read as plain text.
    Code,
    /// A Jupyter notebook.
    Notebook,
    /// A log of a conversation in plain text.
    Chat,
}

impl Format {
    /// Its name in reports, as it is serialised.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Pdf => "pdf",
            Format::Delimited => "delimited",
            Format::Json => "json",
            Format::JsonLines => "json_lines",
            Format::Epub => "epub",
            Format::Python => "python",
            Format::Rust => "rust",
            Format::C => "c",
            Format::JavaScript => "java_script",
            Format::Code => "code",
            Format::Notebook => "notebook",
            Format::Chat => "chat",
        }
    }

    /// The format of a name's ending; none where it says nothing.
    pub fn of_name(name: &str) -> Option<Format> {
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "txt" | "text" | "rst" | "log" | "asc" => Format::Text,
            "md" | "markdown" | "mkd" | "mdown" => Format::Markdown,
            "html" | "htm" | "xhtml" => Format::Html,
            "pdf" => Format::Pdf,
            "csv" | "tsv" | "tab" => Format::Delimited,
            "json" => Format::Json,
            "jsonl" | "ndjson" => Format::JsonLines,
            "epub" => Format::Epub,
            "py" | "pyi" => Format::Python,
            "rs" => Format::Rust,
            "c" | "h" => Format::C,
            "js" | "mjs" | "cjs" | "jsx" => Format::JavaScript,
            "ipynb" => Format::Notebook,
            ending if is_other_code(ending) => Format::Code,
            _ => return None,
        })
    }

    /// The format that the first bytes of a file speak of; none where they say nothing.
    pub fn of_content(bytes: &[u8]) -> Option<Format> {
        let begins = |magic: &[u8]| bytes.starts_with(magic);
        if begins(b"%PDF-") {
            return Some(Format::Pdf);
        }
        // The first entry of an EPUB is `mimetype`, stored as it is, after a header of 30 bytes.
        if begins(b"PK\x03\x04") && bytes.get(30..58) == Some(b"mimetypeapplication/epub+zip") {
            return Some(Format::Epub);
        }
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
        let head: Vec<u8> = bytes[start..].iter().take(14).map(u8::to_ascii_lowercase).collect();
        (head.starts_with(b"<!doctype html") || head.starts_with(b"<html")).then_some(Format::Html)
    }

    /// Whether its text is source code.
    pub fn is_code(self) -> bool {
        matches!(self, Format::Python | Format::Rust | Format::C | Format::JavaScript | Format::Code)
    }

    /// Whether the beginning of a file of it can be read without the rest.
    pub(crate) fn can_be_cut(self) -> bool {
        matches!(self, Format::Text | Format::Markdown | Format::Delimited | Format::JsonLines | Format::Code)
            || self == Format::Chat
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Format::Text => "plain text",
            Format::Markdown => "Markdown",
            Format::Html => "HTML",
            Format::Pdf => "PDF",
            Format::Delimited => "CSV",
            Format::Json => "JSON",
            Format::JsonLines => "JSON lines",
            Format::Epub => "EPUB",
            Format::Python => "Python",
            Format::Rust => "Rust",
            Format::C => "C",
            Format::JavaScript => "JavaScript",
            Format::Code => "source code",
            Format::Notebook => "Jupyter notebook",
            Format::Chat => "chat log",
        })
    }
}

fn is_other_code(ending: &str) -> bool {
    matches!(
        ending,
        "cc" | "cpp"
            | "cxx"
            | "hh"
            | "hpp"
            | "java"
            | "go"
            | "ts"
            | "tsx"
            | "rb"
            | "pl"
            | "pm"
            | "php"
            | "sh"
            | "bash"
            | "swift"
            | "kt"
            | "scala"
            | "cs"
            | "lua"
            | "r"
            | "jl"
            | "hs"
            | "ml"
            | "f"
            | "f90"
            | "sql"
            | "el"
            | "lisp"
            | "scm"
            | "tcl"
            | "pyx"
            | "pxd"
            | "cu"
            | "m4"
            | "css"
            | "scss"
            | "proto"
            | "zig"
    )
}

/// A file that is known to hold no text of ours: what it is, and what to do about it.
pub(crate) fn unread(name: &str) -> Option<(&'static str, &'static str)> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "zip" | "tar" | "tgz" | "bz2" | "xz" | "zst" | "7z" | "rar" | "whl" | "deb" => ("archive", "unpack it first"),
        "png" | "jpg" | "jpeg" | "gif" | "bmp" | "ico" | "tif" | "tiff" | "webp" | "svg" => {
            ("picture", "there is no text to read")
        }
        "mp3" | "wav" | "ogg" | "flac" | "mp4" | "avi" | "mkv" | "webm" => {
            ("sound and film", "there is no text to read")
        }
        "doc" | "docx" | "odt" | "rtf" | "ppt" | "pptx" | "mobi" => ("office", "export it as PDF or HTML"),
        "xls" | "xlsx" | "ods" => ("spreadsheet", "export it as CSV"),
        "so" | "o" | "a" | "dll" | "exe" | "pyc" | "class" | "wasm" => ("machine code", "there is no text to read"),
        "mo" | "po" | "pot" => ("translation", "there is no text to read"),
        "parquet" | "npy" | "npz" | "pkl" | "h5" | "sqlite" | "db" => ("data", "export it as CSV"),
        "ttf" | "otf" | "woff" | "woff2" | "eot" => ("font", "there is no text to read"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_tell_formats() {
        assert_eq!(Format::of_name("a/b.tar.HTML"), Some(Format::Html));
        assert_eq!(Format::of_name("Makefile"), None);
        assert_eq!(Format::of_content(b"%PDF-1.7\n"), Some(Format::Pdf));
        assert_eq!(Format::of_content(b"\n <!DOCTYPE html><p>"), Some(Format::Html));
        assert_eq!(Format::of_content(b"<htm"), None);
        assert_eq!(Format::of_content(b""), None);
        assert_eq!(unread("x.PNG").map(|known| known.0), Some("picture"));
    }
}
