//! Files to documents: one reader a format.

mod chat;
mod code;
mod delimited;
mod epub;
mod grid;
mod html;
mod json;
mod markdown;
mod notebook;
mod packed;
mod pdf;
mod plain;
mod remark;
mod split;

use crate::draft::{Draft, file_name};
use crate::encoding::{Encoding, decode};
use crate::error::{Fault, ReadError};
use crate::kind::{KindRule, kind_of};
use crate::{Document, Format, Limits, format};
use grid::Cells;
pub use remark::Remark;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes that are looked at to tell what a file of an unknown name is.
const SNIFFED: u64 = 8192;

/// What a file held.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// How it was read.
    pub format: Format,
    /// How its text was stored; none of formats that say it themselves.
    pub encoding: Option<Encoding>,
    /// Its documents, in order.
    pub documents: Vec<Document>,
    /// What was left out, cut or guessed.
    pub remarks: Vec<Remark>,
}

/// Reads files of every format that is known here.
///
/// ```
/// use longlab_documents::Reader;
/// let reading = Reader::default().read("notes/x.md", b"# Rivers\n\nThe [Rhine](rhine.md) is long.\n")?;
/// let rivers = &reading.documents[0];
/// assert_eq!(rivers.title, "Rivers");
/// assert_eq!(rivers.links[0].span.of(&rivers.text), Some("Rhine"));
/// # Ok::<(), longlab_documents::ReadError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reader {
    /// Bounds.
    pub limits: Limits,
    /// Kinds that the caller knows better; the first rule that fits decides.
    pub kinds: Vec<KindRule>,
}

/// What readers need beside the file, and what they remark.
struct Context<'a> {
    source: &'a str,
    limits: &'a Limits,
    remarks: Vec<Remark>,
    cells: Cells,
}

/// The bytes of a file, or its beginning.
struct Bytes {
    bytes: Vec<u8>,
    /// Bytes of the whole, where these are its beginning only.
    cut_from: Option<u64>,
}

impl Reader {
    /// Reads a file; `source` is what its documents will be called after.
    ///
    /// # Errors
    /// A file that cannot be read, is no text, is damaged or breaks a limit.
    pub fn read_file(&self, path: &Path, source: &str) -> Result<Reading, ReadError> {
        let taken = self.take(path, source).map_err(|fault| fault.at(source))?;
        self.read_bytes(source, taken)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// Bytes that are no text, are damaged or break a limit.
    pub fn read(&self, source: &str, bytes: &[u8]) -> Result<Reading, ReadError> {
        let limit = usize::try_from(self.limits.file_bytes).unwrap_or(usize::MAX);
        let cut_from = (bytes.len() > limit).then_some(bytes.len() as u64);
        self.read_bytes(source, Bytes { bytes: bytes[..bytes.len().min(limit)].to_vec(), cut_from })
    }

    fn take(&self, path: &Path, source: &str) -> Result<Bytes, Fault> {
        if let Some((name, mend)) = format::unread(source) {
            return Err(Fault::Unread { name, mend });
        }
        let mut file = File::open(path).map_err(Fault::Io)?;
        let size = file.metadata().map_err(Fault::Io)?.len();
        let mut bytes = Vec::new();
        file.by_ref().take(self.limits.file_bytes.min(SNIFFED)).read_to_end(&mut bytes).map_err(Fault::Io)?;
        // Most files of unknown names are no text, which the first bytes tell.
        if named(source).is_none() && Format::of_content(&bytes).is_none() && !is_gzip(&bytes) {
            decode(&bytes, true)?;
        }
        file.take(self.limits.file_bytes - bytes.len() as u64).read_to_end(&mut bytes).map_err(Fault::Io)?;
        let cut_from = (size > bytes.len() as u64).then_some(size);
        Ok(Bytes { bytes, cut_from })
    }

    fn read_bytes(&self, source: &str, taken: Bytes) -> Result<Reading, ReadError> {
        let (name, taken) = match is_gzip(&taken.bytes) {
            true => (source.strip_suffix(".gz").unwrap_or(source), self.unpack(source, taken)?),
            false => (source, taken),
        };
        let format = named(name).or_else(|| Format::of_content(&taken.bytes)).unwrap_or(Format::Text);
        let cells = Cells { room: self.limits.cells, left_out: 0 };
        let mut context = Context { source, limits: &self.limits, remarks: Vec::new(), cells };
        if let Some(size) = taken.cut_from {
            if !format.can_be_cut() {
                let limit = self.limits.file_bytes;
                return Err(Fault::TooLarge { format, size, limit, key: "file_bytes" }.at(source));
            }
            context.remarks.push(Remark::FileCut { read: taken.bytes.len() as u64, of: size });
        }
        let (format, encoding, drafts) =
            guarded(format, || context.drafts(format, &taken)).map_err(|f| f.at(source))?;
        if context.cells.left_out > 0 {
            context.remarks.push(Remark::RowsCut { left_out: context.cells.left_out });
        }
        let mut documents = Vec::new();
        for draft in drafts {
            documents.extend(self.documents(format, draft, &mut context));
        }
        if documents.is_empty() {
            return Err(Fault::Empty.at(source));
        }
        Ok(Reading { format, encoding, documents, remarks: remark::gathered(context.remarks) })
    }

    fn unpack(&self, source: &str, taken: Bytes) -> Result<Bytes, ReadError> {
        packed::inflate(&taken.bytes, taken.cut_from, &self.limits)
            .map(|(bytes, cut_from)| Bytes { bytes, cut_from })
            .map_err(|fault| fault.at(source))
    }

    /// The documents of a draft: one, or its parts where it is too long.
    fn documents(&self, format: Format, draft: Draft, context: &mut Context) -> Vec<Document> {
        if draft.text.trim().is_empty() {
            return Vec::new();
        }
        let finish = |draft: Draft| {
            let kind = kind_of(format, context.source, &draft.text, &self.kinds);
            draft.finish(context.source, kind)
        };
        let limits = context.limits;
        let parts = split::parts(thinned(draft, limits, &mut context.remarks), limits, &mut context.remarks);
        parts.into_iter().map(finish).collect()
    }
}

impl Context<'_> {
    fn drafts(&mut self, format: Format, taken: &Bytes) -> Result<(Format, Option<Encoding>, Vec<Draft>), Fault> {
        match format {
            Format::Pdf => return Ok((format, None, vec![pdf::read(&taken.bytes, self)?])),
            Format::Epub => return Ok((format, None, vec![epub::read(&taken.bytes, self)?])),
            _ => {}
        }
        let (text, encoding) = decode(&taken.bytes, taken.cut_from.is_some())?;
        if matches!(encoding, Encoding::Latin1 | Encoding::Windows1252) {
            self.remarks.push(Remark::Guessed { encoding });
        }
        let is_utf8 = matches!(encoding, Encoding::Utf8 | Encoding::Utf8Mark);
        let lost = if is_utf8 { 0 } else { text.matches(char::REPLACEMENT_CHARACTER).count() };
        if lost > 0 {
            self.remarks.push(Remark::LettersLost { lost });
        }
        let (format, drafts) = self.text_drafts(format, text)?;
        Ok((format, Some(encoding), drafts))
    }

    fn text_drafts(&mut self, format: Format, text: String) -> Result<(Format, Vec<Draft>), Fault> {
        let drafts = match format {
            Format::Text => match chat::read(&text) {
                Some(draft) => return Ok((Format::Chat, vec![draft])),
                None => vec![plain::read(text, &mut self.cells)],
            },
            Format::Markdown => vec![markdown::read(text, &mut self.cells)],
            Format::Html => vec![html::read(&text, self)],
            Format::Delimited => delimited::read(&text, self)?,
            Format::Json => json::read(&text, self)?,
            Format::JsonLines => json::read_lines(&text, self)?,
            Format::Notebook => vec![notebook::read(&text, self)?],
            Format::Python | Format::Rust | Format::C | Format::JavaScript => vec![code::read(format, text, self)],
            Format::Code | Format::Chat | Format::Pdf | Format::Epub => vec![Draft::of(text)],
        };
        Ok((format, drafts))
    }
}

/// Runs a reader; a parser of others that panics costs its file only.
fn guarded<T>(format: Format, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Fault::Crashed { format, reason: said.unwrap_or("it panicked").to_owned() })
    })
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The format that a name tells, the name inside of a compressed file too.
fn named(source: &str) -> Option<Format> {
    let name = file_name(source);
    Format::of_name(name.strip_suffix(".gz").unwrap_or(name))
}

/// Notes and links beyond the limit are left out.
fn thinned(mut draft: Draft, limits: &Limits, remarks: &mut Vec<Remark>) -> Draft {
    let over = draft.notes.len().saturating_sub(limits.notes) + draft.links.len().saturating_sub(limits.notes);
    if over > 0 {
        draft.notes.truncate(limits.notes);
        draft.links.truncate(limits.notes);
        remarks.push(Remark::NotesCut { left_out: over });
    }
    draft
}
