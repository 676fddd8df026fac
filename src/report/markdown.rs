//! `report.md`: the document for readers on a code host, plots as files beside it.

use super::doc::{Block, Cell, Document, Table};
use std::fmt::Write as _;

/// The document as Markdown.
pub fn render(document: &Document) -> String {
    let mut text = format!("# {}\n", escape(&document.title));
    for block in &document.blocks {
        text.push('\n');
        write_block(&mut text, block);
    }
    text
}

fn write_block(text: &mut String, block: &Block) {
    let _ = match block {
        Block::Heading(heading) => writeln!(text, "## {}", escape(heading)),
        Block::Text(paragraph) => writeln!(text, "{}", escape(paragraph)),
        Block::Warning(warning) => writeln!(text, "> **Note.** {}", escape(warning)),
        Block::List(entries) => entries.iter().try_for_each(|entry| writeln!(text, "- {}", escape(entry))),
        Block::Table(table) => write_table(text, table),
        Block::Tally { name, words } => writeln!(text, "{}: {}", escape(name), words.join(" ")),
        Block::Plot { name, caption, .. } => {
            writeln!(text, "![{}]({name}.png)\n\n*{}*", escape(caption), escape(caption))
        }
    };
}

fn write_table(text: &mut String, table: &Table) -> std::fmt::Result {
    writeln!(text, "**{}**\n", escape(&table.caption))?;
    writeln!(text, "| {} |", table.head.iter().map(|name| escape(name)).collect::<Vec<_>>().join(" | "))?;
    writeln!(text, "|---{}|", "|---:".repeat(table.head.len().saturating_sub(1)))?;
    for row in &table.rows {
        writeln!(text, "| {} |", row.iter().map(cell).collect::<Vec<_>>().join(" | "))?;
    }
    Ok(())
}

fn cell(cell: &Cell) -> String {
    match &cell.interval {
        Some(interval) => format!("{} <sub>{}</sub>", escape(&cell.main), escape(interval)),
        None => escape(&cell.main),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' => escaped.extend(['\\', letter]),
            '<' => escaped.push_str("&lt;"),
            '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
