//! Tables, plots, claims; Markdown, HTML, LaTeX, CSV.
