//! EPUB: the chapters of its spine, one document a book.

mod archive;
mod package;

use super::{Context, Remark, html};
use crate::Format;
use crate::draft::Draft;
use crate::encoding::decode;
use crate::error::Fault;
use archive::Archive;

pub(super) fn read(bytes: &[u8], context: &mut Context) -> Result<Draft, Fault> {
    let mut archive = Archive::open(bytes, context.limits)?;
    let container = archive.text("META-INF/container.xml")?;
    let path =
        package::path(&container).ok_or_else(|| Fault::damaged(Format::Epub, "its container names no package"))?;
    let package = package::read(&archive.text(&path)?, &path);
    if archive.is_locked() {
        return Err(Fault::Encrypted);
    }
    let mut book = Draft::default();
    let mut lost = 0;
    for chapter in &package.chapters {
        match archive.text(chapter) {
            Ok(text) => book.absorb(html::read(&text, context)),
            Err(bomb @ Fault::Bomb { .. }) => return Err(bomb),
            Err(_) => lost += 1,
        }
    }
    if package.chapters.is_empty() || lost == package.chapters.len() {
        return Err(Fault::damaged(Format::Epub, "none of its chapters can be read"));
    }
    if lost > 0 {
        context.remarks.push(Remark::ChaptersLost { left_out: lost });
    }
    book.title = package.title;
    Ok(book)
}

/// Bytes of an entry as text.
fn text_of(bytes: &[u8]) -> Result<String, Fault> {
    decode(bytes, false).map(|(text, _)| text)
}

#[cfg(test)]
mod tests;
