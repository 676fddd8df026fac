//! `longlab gallery`

use super::Exit;
use crate::lab::Layout;
use crate::report;

/// Write a page with a card for every report: reports/index.html
///
/// Reads the summary.json of each report and nothing else. `longlab run` and `longlab report` do the same at their end.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab gallery
  longlab gallery --reports draft")]
pub(super) struct GalleryArgs {}

pub(super) fn run(_: &GalleryArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let made = report::gallery(layout.reports())?;
    println!("gallery: {} ({})", made.page.display(), report::text::count(made.cards, "report"));
    if !made.without.is_empty() {
        eprintln!("left out, to be rendered again with this version: {}", made.without.join(", "));
    }
    Ok(Exit::Done)
}
