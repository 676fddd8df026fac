//! `report.html`: one file that needs no network, readable in light and dark.

use super::doc::{Block, Cell, Document, Table};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

/// The document as HTML; `plots` holds the SVG text of each plot.
pub fn render(document: &Document, plots: &BTreeMap<String, String>) -> String {
    let title = escape(&document.title);
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    for block in &document.blocks {
        write_block(&mut text, block, plots);
    }
    text.push_str("</main>\n</body>\n</html>\n");
    text
}

fn write_block(text: &mut String, block: &Block, plots: &BTreeMap<String, String>) {
    let _ = match block {
        Block::Heading(heading) => writeln!(text, "<h2>{}</h2>", escape(heading)),
        Block::Text(paragraph) => writeln!(text, "<p>{}</p>", escape(paragraph)),
        Block::Warning(warning) => writeln!(text, "<p class=\"warning\">{}</p>", escape(warning)),
        Block::List(entries) => {
            let entries: String = entries.iter().map(|entry| format!("<li>{}</li>\n", escape(entry))).collect();
            writeln!(text, "<ul>\n{entries}</ul>")
        }
        Block::Table(table) => write_table(text, table),
        Block::Plot { name, caption, published } => {
            let svg = plots.get(name).map_or("", String::as_str);
            let (class, caption) = (class(*published), escape(caption));
            writeln!(text, "<figure{class}>\n{}\n<figcaption>{caption}</figcaption>\n</figure>", inline(svg, &caption))
        }
    };
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

fn write_table(text: &mut String, table: &Table) -> std::fmt::Result {
    writeln!(
        text,
        "<div class=\"scroll\"><table{}>\n<caption>{}</caption>",
        class(table.published),
        escape(&table.caption)
    )?;
    let head: String = table.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    writeln!(text, "<thead><tr>{head}</tr></thead>\n<tbody>")?;
    for row in &table.rows {
        let (first, rest) = row.split_first().map_or((String::new(), &[][..]), |(first, rest)| (cell(first), rest));
        let rest: String = rest.iter().map(|own| format!("<td>{}</td>", cell(own))).collect();
        writeln!(text, "<tr><th scope=\"row\">{first}</th>{rest}</tr>")?;
    }
    writeln!(text, "</tbody>\n</table></div>")
}

fn cell(cell: &Cell) -> String {
    match &cell.interval {
        Some(interval) => format!("{} <small>{}</small>", escape(&cell.main), escape(interval)),
        None => escape(&cell.main),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
