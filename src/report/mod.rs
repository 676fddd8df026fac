//! Tables, plots, claims; Markdown, HTML, LaTeX, CSV.
//!
//! A report is a function of an [`Input`]: the same input gives the same bytes. [`gather`] makes the input from a spec and its
//! result folders, [`reread`] from the small files that every report keeps in its `data` folder.

mod analysis;
pub mod card;
mod compare;
mod csvfile;
pub(crate) mod doc;
mod error;
mod estimate;
mod gallery;
pub mod game;
mod gather;
pub(crate) mod html;
pub mod input;
pub mod jobdir;
mod latex;
pub(crate) mod markdown;
mod method;
pub mod plots;
mod power;
mod published;
mod readings;
mod rows;
mod scatter;
mod sections;
mod spread;
mod store;
mod summary;
mod table;
pub mod text;
mod verdict;

pub use compare::{Compared, compare, suite_measures};
pub use error::ReportError;
pub use estimate::Paired;
pub use gallery::{Gallery, gallery};
pub use gather::{gather, gather_or_reread, planned};
pub use input::Input;
pub use power::{Deviations, Needed, measured_deviations, power};
pub use spread::Spread;
pub use store::read as reread;
pub use verdict::Verdict;

use csvfile::write_whole;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was rendered.
#[derive(Debug)]
pub struct Rendered {
    /// Every file that was written.
    pub files: Vec<PathBuf>,
    /// The claims with their verdicts.
    pub verdicts: Vec<Verdict>,
    /// The summary paragraph.
    pub summary: String,
}

/// Where job folders lie beside a report in `reports/<experiment>`, unless other folders are chosen.
pub const JOBS: &str = "../../results/jobs";

/// Renders a report into a folder (`reports/<experiment>`), which is made if it is missing.
///
/// Writes `report.html`, `report.md`, `table.csv`, `table.tex`, `summary.json`, the plots as PNG and SVG, and `data/`. Nothing is
/// written before all estimates are made, and every file appears whole or not at all.
pub fn render(input: &Input, out: &Path) -> Result<Rendered, ReportError> {
    render_beside(input, out, JOBS)
}

/// [`render`], with the way from the report to the job folders (`../../results/jobs`).
pub fn render_beside(input: &Input, out: &Path, jobs: &str) -> Result<Rendered, ReportError> {
    let analysis = analysis::analyse(input)?;
    let plots = plots::all(input, &analysis)?;
    let document = sections::document(input, &analysis, &plots, jobs)?;
    let (csv, latex) = (table::csv(input, &analysis)?, latex::latex(input, &analysis)?);
    let card = card::of(input, &analysis, &plots);
    std::fs::create_dir_all(out).map_err(|source| ReportError::Write { path: out.into(), source })?;
    let mut files = store::write(input, out)?;
    let mut drawn = BTreeMap::new();
    for plot in &plots {
        let (picture, written) = plot.write(out)?;
        drawn.insert(plot.name.to_owned(), picture);
        files.extend(written);
    }
    let html = html::render(&document, &drawn);
    let texts = [
        ("table.csv", csv),
        ("table.tex", latex.into_bytes()),
        ("report.md", markdown::render(&document).into_bytes()),
        ("report.html", html.into_bytes()),
        (card::FILE, card.bytes()),
    ];
    for (name, bytes) in texts {
        write_whole(&out.join(name), &bytes)?;
        files.push(out.join(name));
    }
    Ok(Rendered { files, verdicts: analysis.verdicts, summary: card.summary })
}
