//! `report.html`: one file that needs no network and no script. The script adds sorting, rows that open by a click, and values
//! beside the pointer.

use super::doc::{Block, Cell, Document, Table};
use super::plots::Picture;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing is fetched, from wherever: what the page needs is in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The document as HTML; `plots` holds the picture of each plot.
pub fn render(document: &Document, plots: &BTreeMap<String, Picture>) -> String {
    let mut body = String::new();
    for block in &document.blocks {
        write_block(&mut body, block, plots);
    }
    let policy = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n");
    page(&document.title, &policy, &body) + &format!("<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

/// A page up to the end of its `main`; what is missing is `</body></html>`.
pub(crate) fn page(title: &str, head: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{head}\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n"
    )
}

fn write_block(text: &mut String, block: &Block, plots: &BTreeMap<String, Picture>) {
    let _ = match block {
        Block::Heading(heading) => writeln!(text, "<h2>{}</h2>", escape(heading)),
        Block::Text(paragraph) => writeln!(text, "<p>{}</p>", escape(paragraph)),
        Block::Warning(warning) => writeln!(text, "<p class=\"warning\">{}</p>", escape(warning)),
        Block::List(entries) => {
            let entries: String = entries.iter().map(|entry| format!("<li>{}</li>\n", escape(entry))).collect();
            writeln!(text, "<ul>\n{entries}</ul>")
        }
        Block::Table(table) => write_table(text, table, plots),
        Block::Tally { name, words } => {
            let groups: Vec<String> = words.chunks(10).map(|group| group.join(" ")).collect();
            writeln!(text, "<p class=\"tally\"><b>{}</b> {}</p>", escape(name), escape(&groups.join("  ")))
        }
        Block::Plot { name, caption, published } => {
            let picture = plots.get(name).cloned().unwrap_or_default();
            write_plot(text, &picture, caption, *published)
        }
    };
}

fn write_plot(text: &mut String, picture: &Picture, caption: &str, published: bool) -> std::fmt::Result {
    let (mark, caption) = (mark(published), escape(caption));
    let data = picture.hover.as_ref().map(|json| format!("\n<script type=\"application/json\">{json}</script>"));
    writeln!(
        text,
        "<figure{}>\n<div class=\"plot\">\n{}\n</div>\n<figcaption>{mark}{caption}</figcaption>{}\n</figure>",
        class(published),
        inline(&picture.svg, &caption),
        data.unwrap_or_default()
    )
}

/// An SVG file as an element of the page: it scales with the page and tells screen readers what it shows.
fn inline(svg: &str, caption: &str) -> String {
    let start = svg.find("<svg").unwrap_or_default();
    let opening = format!("<svg role=\"img\" aria-label=\"{caption}\"");
    // The namespace is implied inside HTML.
    svg[start..].replacen("<svg", &opening, 1).replace(" xmlns=\"http://www.w3.org/2000/svg\"", "")
}

fn class(published: bool) -> &'static str {
    if published { " class=\"published\"" } else { "" }
}

/// Text of more letters is set as text, not as a number.
const WORDS: usize = 24;

fn kind(cell: &Cell, published: bool) -> &'static str {
    if !published && cell.main.chars().count() > WORDS { " class=\"words\"" } else { class(published) }
}

/// What stands before a caption, so that published numbers are told apart without colours too.
fn mark(published: bool) -> &'static str {
    if published { "<b class=\"mark\">published</b> " } else { "" }
}

fn write_table(text: &mut String, table: &Table, plots: &BTreeMap<String, Picture>) -> std::fmt::Result {
    writeln!(
        text,
        "<div class=\"scroll\"><table{}>\n<caption>{}{}</caption>",
        class(table.published),
        mark(table.published),
        escape(&table.caption)
    )?;
    let foreign: Vec<bool> = table.head.iter().map(|name| name.ends_with("(published)")).collect();
    let head = table.head.iter().zip(&foreign);
    let head: String =
        head.map(|(name, published)| format!("<th scope=\"col\"{}>{}</th>", class(*published), escape(name))).collect();
    writeln!(text, "<thead><tr>{head}</tr></thead>\n<tbody>")?;
    for (at, row) in table.rows.iter().enumerate() {
        let mut cells = row.iter().zip(&foreign);
        let first = cells.next().map_or(String::new(), |(first, _)| cell(first));
        let rest: String =
            cells.map(|(own, published)| format!("<td{}>{}</td>", kind(own, *published), cell(own))).collect();
        writeln!(text, "<tr><th scope=\"row\">{first}</th>{rest}</tr>")?;
        if let Some(blocks) = table.details.get(at).filter(|blocks| !blocks.is_empty()) {
            write_details(text, row, blocks, plots)?;
        }
    }
    writeln!(text, "</tbody>\n</table></div>")
}

/// What a row opens to, as a row of its own below it.
fn write_details(
    text: &mut String,
    row: &[Cell],
    blocks: &[Block],
    plots: &BTreeMap<String, Picture>,
) -> std::fmt::Result {
    let name = row.first().map_or(String::new(), |first| escape(&first.main));
    writeln!(
        text,
        "<tr class=\"more\"><td colspan=\"{}\"><details><summary>behind {name}</summary>\n<div class=\"inner\">",
        row.len()
    )?;
    for block in blocks {
        write_block(text, block, plots);
    }
    writeln!(text, "</div></details></td></tr>")
}

fn cell(cell: &Cell) -> String {
    let main = match &cell.link {
        Some(link) => format!("<a href=\"{}\">{}</a>", escape(link), escape(&cell.main)),
        None => escape(&cell.main),
    };
    match &cell.interval {
        Some(interval) => format!("{main} <small>{}</small>", escape(interval)),
        None => main,
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
