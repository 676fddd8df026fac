//! PDF: the text of its pages, in the order in which it is drawn.

mod font;
mod layout;

use super::{Context, Remark};
use crate::draft::Draft;
use crate::error::Fault;
use crate::{Format, Limits};
use font::{Font, Fonts};
use layout::Layout;
use lopdf::content::Content;
use lopdf::{DecompressError, Document, Error, LoadOptions, Object, ObjectId};
use std::collections::BTreeMap;

/// Bytes of drawing instructions of a page.
const PAGE_BYTES: usize = 16 << 20;
/// Bytes of a string that are made a text at once: whole codes of one to four bytes. A code may mean 256 letters.
const PIECE: usize = 12 << 10;

/// Bytes that may still come out of a file: of instructions, and of the text that they draw.
struct Room {
    content: usize,
    text: usize,
}

pub(super) fn read(bytes: &[u8], context: &mut Context) -> Result<Draft, Fault> {
    let pdf = load(bytes, context.limits)?;
    let pages: Vec<ObjectId> = pdf.page_iter().take(context.limits.pages + 1).collect();
    if pages.is_empty() {
        return Err(Fault::damaged(Format::Pdf, "it has no pages"));
    }
    let mut draft = Draft { title: title(&pdf), ..Draft::default() };
    let mut fonts = Fonts::default();
    let most = usize::try_from(context.limits.inflated_bytes).unwrap_or(usize::MAX);
    let mut room = Room { content: most, text: most };
    let mut lost = pages.len().saturating_sub(context.limits.pages);
    for (number, &page) in pages.iter().enumerate().take(context.limits.pages) {
        match page_text(&pdf, page, &mut fonts, &mut room) {
            Some(text) => put(&mut draft, number + 1, &text),
            None => lost += 1,
        }
    }
    if lost > 0 {
        context.remarks.push(Remark::PagesCut { left_out: lost });
    }
    match (draft.text.is_empty(), lost) {
        (false, _) => Ok(draft),
        (true, lost) if lost >= pages.len() => Err(Fault::damaged(Format::Pdf, "no page can be read")),
        (true, _) => Err(Fault::Scanned { pages: pages.len() }),
    }
}

fn load(bytes: &[u8], limits: &Limits) -> Result<Document, Fault> {
    let most = usize::try_from(limits.inflated_bytes).unwrap_or(usize::MAX);
    let options = LoadOptions { max_decompressed_size: Some(most), ..LoadOptions::default() };
    let pdf = Document::load_mem_with_options(bytes, options).map_err(|error| match error {
        Error::Decryption(_) | Error::InvalidPassword | Error::UnsupportedSecurityHandler(_) => Fault::Encrypted,
        Error::Decompress(DecompressError::MemoryLimitExceeded { limit }) => {
            Fault::Bomb { compressed: bytes.len() as u64, inflated: limit as u64, key: "inflated_bytes" }
        }
        error => Fault::damaged(Format::Pdf, error),
    })?;
    // What an empty password opens is open by now.
    if pdf.is_encrypted() && !pdf.was_encrypted() { Err(Fault::Encrypted) } else { Ok(pdf) }
}

fn title(pdf: &Document) -> Option<String> {
    let info = pdf.trailer.get_deref(b"Info", pdf).and_then(Object::as_dict).ok()?;
    let title = lopdf::decode_text_string(info.get_deref(b"Title", pdf).ok()?).ok()?;
    Some(title.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|title| !title.is_empty() && !title.contains('\0'))
}

/// A page with its number above it.
fn put(draft: &mut Draft, number: usize, text: &str) {
    if text.is_empty() {
        return;
    }
    let mut page = Draft::of(format!("[page {number}]\n{text}\n"));
    page.headline(&format!("page {number}"), 1, 0);
    draft.absorb(page);
}

/// The text of a page; none where it is damaged or there is no room left.
fn page_text<'a>(pdf: &'a Document, page: ObjectId, fonts: &mut Fonts<'a>, room: &mut Room) -> Option<String> {
    let content = pdf.get_page_content_with_limit(page, PAGE_BYTES.min(room.content)).ok()?;
    room.content = room.content.saturating_sub(content.len());
    let dictionaries = pdf.get_page_fonts(page).unwrap_or_default();
    let named: BTreeMap<Vec<u8>, usize> =
        dictionaries.into_iter().map(|(name, font)| (name, fonts.number(pdf, font))).collect();
    let mut layout = Layout::new(room.text);
    let mut font: Option<&Font> = None;
    for operation in Content::decode_iter(&content).map_while(Result::ok) {
        let operands = operation.operands.as_slice();
        match operation.operator.as_str() {
            "Tf" => {
                font =
                    operands.first().and_then(|name| name.as_name().ok()).and_then(|name| fonts.get(*named.get(name)?));
                layout.size = number(operands.get(1));
            }
            "Tj" => show(&mut layout, font, operands.first()),
            "'" => {
                layout.next_line();
                show(&mut layout, font, operands.first());
            }
            "\"" => {
                layout.next_line();
                show(&mut layout, font, operands.get(2));
            }
            "TJ" => shows(&mut layout, font, operands.first()),
            operator => layout.place(operator, operands),
        }
        if layout.is_full() {
            return None;
        }
    }
    let text = layout.finish();
    room.text -= text.len();
    Some(text)
}

fn shows(layout: &mut Layout, font: Option<&Font>, parts: Option<&Object>) {
    for part in parts.and_then(|parts| parts.as_array().ok()).into_iter().flatten() {
        match part {
            Object::String(..) => show(layout, font, Some(part)),
            part => layout.kern(number(Some(part))),
        }
    }
}

fn show(layout: &mut Layout, font: Option<&Font>, string: Option<&Object>) {
    if let (Some(font), Some(bytes)) = (font, string.and_then(|string| string.as_str().ok())) {
        let (first, rest) = bytes.split_at(bytes.len().min(PIECE));
        for piece in std::iter::once(first).chain(rest.chunks(PIECE)) {
            if layout.is_full() {
                return;
            }
            layout.show(&font.text(piece), font.width(piece), piece.len());
        }
    }
}

/// A number; 0 of what is none.
fn number(object: Option<&Object>) -> f32 {
    object.and_then(|object| object.as_float().ok()).filter(|number| number.is_finite()).unwrap_or(0.0)
}
