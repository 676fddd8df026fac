//! The plots of a report, drawn by one code for SVG (800 pixels wide) and PNG (twice as fine).

mod build;
pub mod dots;
pub mod hover;
pub mod panels;
pub mod points;
pub mod style;

pub(crate) use build::all;

use super::csvfile::{finish, temporary_name, write_whole};
use super::error::ReportError;
use hover::Frame;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::{Path, PathBuf};

const WIDTH: i32 = 800;
const FINE: f64 = 2.0;

/// One plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// File name without ending.
    pub name: &'static str,
    /// Heading above the plot.
    pub heading: String,
    /// What it shows, for the caption and for readers who cannot see it.
    pub caption: String,
    /// Shows published numbers only.
    pub published: bool,
    /// What is drawn.
    pub drawing: Drawing,
}

/// A plot as a page shows it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Picture {
    /// SVG text.
    pub svg: String,
    /// What a pointer over the curves is told ([`hover::json`]).
    pub hover: Option<String>,
}

/// The kinds of plot.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawing {
    /// Curves over steps.
    Panels(panels::Panels),
    /// Intervals by suite.
    Dots(dots::Dots),
    /// Responses one by one.
    Points(points::Points),
}

impl Plot {
    fn height(&self) -> i32 {
        match &self.drawing {
            Drawing::Panels(panels) => panels.size(WIDTH),
            Drawing::Dots(dots) => dots.size(WIDTH),
            Drawing::Points(points) => points.size(WIDTH),
        }
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<Vec<Frame>, ReportError> {
        let drawn = area.fill(&style::PAPER).and_then(|()| match &self.drawing {
            Drawing::Panels(panels) => panels.draw(area, scale),
            Drawing::Dots(dots) => dots.draw(area, scale).map(|()| vec![]),
            Drawing::Points(points) => points.draw(area, scale).map(|()| vec![]),
        });
        drawn.and_then(|frames| area.present().map(|()| frames)).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ReportError {
        ReportError::Plot { name: self.name.into(), what: error.to_string() }
    }

    /// The plot as SVG, with the values behind its curves.
    pub fn picture(&self) -> Result<Picture, ReportError> {
        style::register_font()?;
        let mut svg = String::new();
        let size = (WIDTH as u32, self.height() as u32);
        let frames = self.draw(&SVGBackend::with_string(&mut svg, size).into_drawing_area(), 1.0)?;
        let hover = match &self.drawing {
            Drawing::Panels(panels) => Some(hover::json(panels, &frames)),
            Drawing::Dots(_) | Drawing::Points(_) => None,
        };
        Ok(Picture { svg, hover })
    }

    /// Writes `<name>.svg` and `<name>.png` into a folder; gives the picture.
    pub fn write(&self, folder: &Path) -> Result<(Picture, [PathBuf; 2]), ReportError> {
        let picture = self.picture()?;
        let path = folder.join(format!("{}.svg", self.name));
        write_whole(&path, picture.svg.as_bytes())?;
        let png = folder.join(format!("{}.png", self.name));
        self.write_png(&png)?;
        Ok((picture, [path, png]))
    }

    fn write_png(&self, path: &Path) -> Result<(), ReportError> {
        // The ending decides the format, so it has to stay at the end of the temporary name.
        let temporary = temporary_name(path).with_extension("tmp.png");
        let size = ((f64::from(WIDTH) * FINE) as u32, (f64::from(self.height()) * FINE) as u32);
        let drawn = self.draw(&BitMapBackend::new(&temporary, size).into_drawing_area(), FINE);
        if let Err(error) = drawn {
            let _ = std::fs::remove_file(&temporary);
            return Err(error);
        }
        let synced = std::fs::File::open(&temporary).and_then(|file| file.sync_all());
        finish(synced, &temporary, path)
    }
}
