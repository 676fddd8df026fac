//! Curves over steps in one or several panels, with bands and shaded phases.

use super::hover::Frame;
use super::style::{self, GRID, INK, Key, decimals, draw_legend, legend_height, put, text};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

type Area<DB> = DrawingArea<DB, Shift>;
type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Framed<T, DB> = Result<T, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;
type Drawn<DB> = Framed<(), DB>;

/// A point of a curve: mean and the ends of its band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Training step.
    pub x: f64,
    /// Mean.
    pub y: f64,
    /// Lower end of the band.
    pub low: f64,
    /// Upper end of the band.
    pub high: f64,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What it is a curve of.
    pub name: String,
    /// Its colour.
    pub colour: RGBColor,
    /// Its points by step.
    pub points: Vec<Point>,
}

/// Steps that are shaded behind the curves.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// What is the case in the step.
    pub name: String,
    /// Step.
    pub x: f64,
    /// Colour.
    pub colour: RGBColor,
    /// Share of seeds (0..1) that are in the phase.
    pub share: f64,
}

/// One pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Title above the panel.
    pub title: String,
    /// Name and unit of the vertical axis.
    pub axis: String,
    /// Name and unit of the horizontal axis.
    pub across: String,
    /// Legend of this panel alone.
    pub keys: Vec<Key>,
    /// Curves.
    pub curves: Vec<Curve>,
    /// Shaded steps.
    pub phases: Vec<Phase>,
}

/// A figure of panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels {
    /// Panels in reading order.
    pub panels: Vec<Panel>,
    /// Panels side by side.
    pub columns: usize,
    /// Height of a panel in pixels.
    pub height: i32,
    /// Legend of all panels.
    pub keys: Vec<Key>,
}

const TITLE: i32 = 26;
const EDGE: i32 = 8;

impl Panels {
    /// Height of the figure at `width`, both in unscaled pixels.
    pub fn size(&self, width: i32) -> i32 {
        let rows = self.panels.len().div_ceil(self.columns) as i32;
        2 * EDGE + legend_height(&self.keys, width - 2 * EDGE, 1.0) + rows * self.height
    }

    /// Draws the figure, `scale` pixels a pixel; gives the place of every panel's axes.
    pub fn draw<DB: DrawingBackend>(&self, area: &Area<DB>, scale: f64) -> Framed<Vec<Frame>, DB> {
        let px = |value: i32| (f64::from(value) * scale) as i32;
        let width = area.dim_in_pixel().0 as i32;
        let inner = width - px(2 * EDGE);
        draw_legend(area, &self.keys, (px(EDGE), px(EDGE)), inner, scale)?;
        let top = px(EDGE) + legend_height(&self.keys, inner, scale);
        let column = inner / self.columns as i32;
        let mut frames = Vec::new();
        for (index, panel) in self.panels.iter().enumerate() {
            let x = px(EDGE) + (index % self.columns) as i32 * column;
            let y = top + (index / self.columns) as i32 * px(self.height);
            let place = area.clone().shrink((x, y), (column, px(self.height)));
            frames.push(panel.draw(&place, scale)?);
        }
        Ok(frames)
    }
}

impl Panel {
    fn draw<DB: DrawingBackend>(&self, area: &Area<DB>, scale: f64) -> Framed<Frame, DB> {
        let px = |value: i32| (f64::from(value) * scale) as i32;
        let (width, height) = area.dim_in_pixel();
        put(area, &self.title, (px(4), px(TITLE / 2)), 17.0, scale, HPos::Left)?;
        let keys = width as i32 - px(8);
        draw_legend(area, &self.keys, (px(4), px(TITLE)), keys, scale)?;
        let top = px(TITLE) + legend_height(&self.keys, keys, scale);
        let body = area.clone().shrink((0, top), (width as i32, height as i32 - top));
        let ((x0, x1), (y0, y1)) = (self.steps(), self.values());
        let mut chart = ChartBuilder::on(&body)
            .margin_right(px(14))
            .margin_bottom(px(4))
            .margin_top(px(4))
            .x_label_area_size(px(42))
            .y_label_area_size(px(62))
            .build_cartesian_2d(x0..x1, y0..y1)?;
        self.phases(&mut chart)?;
        self.axes(&mut chart, scale, y1 - y0)?;
        self.curves(&mut chart, scale)?;
        let (across, down) = chart.plotting_area().get_pixel_range();
        Ok(Frame { place: [across.start, down.start, across.end, down.end], x: [x0, x1], y: [y0, y1] })
    }

    fn axes<DB: DrawingBackend>(&self, chart: &mut Chart<'_, DB>, scale: f64, range: f64) -> Drawn<DB> {
        let label = text(14.0, scale, (HPos::Left, VPos::Center));
        let digits = decimals(range);
        let steps = if narrow(chart) { 5 } else { 9 };
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(scale.ceil() as u32))
            .axis_style(INK.stroke_width(scale.ceil() as u32))
            .set_all_tick_mark_size((4.0 * scale) as i32)
            .x_labels(steps)
            .y_labels(6)
            .x_desc(self.across.as_str())
            .y_desc(self.axis.as_str())
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&move |y| format!("{y:.digits$}"))
            .label_style(label.clone())
            .axis_desc_style(label)
            .draw()
    }

    fn phases<DB: DrawingBackend>(&self, chart: &mut Chart<'_, DB>) -> Drawn<DB> {
        let (x, y) = (chart.x_range(), chart.y_range());
        chart.draw_series(self.phases.iter().map(|phase| {
            let (left, right) = ((phase.x - 0.5).max(x.start), (phase.x + 0.5).min(x.end));
            Rectangle::new([(left, y.start), (right, y.end)], phase.colour.mix(0.25 * phase.share).filled())
        }))?;
        Ok(())
    }

    fn curves<DB: DrawingBackend>(&self, chart: &mut Chart<'_, DB>, scale: f64) -> Drawn<DB> {
        // Many bands on one another must not hide the curves.
        let depth = if self.curves.len() > 4 { 0.08 } else { 0.16 };
        for curve in &self.curves {
            let above = curve.points.iter().map(|point| (point.x, point.high));
            let below = curve.points.iter().rev().map(|point| (point.x, point.low));
            let band: Vec<(f64, f64)> = above.chain(below).collect();
            if curve.points.iter().any(|point| point.high > point.low) {
                chart.draw_series([Polygon::new(band, curve.colour.mix(depth).filled())])?;
            }
        }
        for curve in &self.curves {
            let points: Vec<(f64, f64)> = curve.points.iter().map(|point| (point.x, point.y)).collect();
            chart.draw_series([PathElement::new(points, curve.colour.stroke_width((2.0 * scale) as u32))])?;
        }
        Ok(())
    }

    fn steps(&self) -> (f64, f64) {
        let steps = || self.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.x));
        let (low, high) = (steps().fold(f64::INFINITY, f64::min), steps().fold(f64::NEG_INFINITY, f64::max));
        if low < high { (low, high) } else { (0.0, high.max(1.0)) }
    }

    /// The range of values with some air; not below zero where all values are positive.
    fn values(&self) -> (f64, f64) {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let low = points().map(|point| point.low).fold(f64::INFINITY, f64::min);
        let high = points().map(|point| point.high).fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return (0.0, 1.0);
        }
        // A curve that never leaves zero: any axis will do whose ticks can be told apart.
        if low == 0.0 && high == 0.0 {
            return (0.0, 1.0);
        }
        let air = ((high - low) * 0.06).max(high.abs() * 0.01).max(1e-6);
        (if low >= 0.0 { (low - air).max(0.0) } else { low - air }, high + air)
    }
}

fn narrow<DB: DrawingBackend>(chart: &Chart<'_, DB>) -> bool {
    let (width, height) = chart.plotting_area().dim_in_pixel();
    width < 2 * height
}

/// The horizontal axis of everything that is measured by step.
pub const STEPS: &str = "training step";

/// Legend entry of a shaded phase.
pub fn phase_key(name: &str, colour: RGBColor) -> Key {
    Key { name: name.into(), colour, area: true }
}

/// Legend entry of a curve.
pub fn curve_key(name: &str, colour: RGBColor) -> Key {
    Key { name: name.into(), colour, area: false }
}

/// Curves without a band.
pub fn plain(name: &str, colour: RGBColor, points: &[(f64, f64)]) -> Curve {
    let points = points.iter().map(|&(x, y)| Point { x, y, low: y, high: y }).collect();
    Curve { name: name.into(), colour, points }
}

/// Grey for gated steps of published curves.
pub const GATED: RGBColor = style::SHADE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_that_stays_at_zero_has_axes_whose_ticks_differ() {
        let range = |points: &[(f64, f64)]| {
            let (across, keys, phases) = (STEPS.to_string(), vec![], vec![]);
            let curves = vec![plain("a", INK, points)];
            let (low, high) =
                Panel { title: String::new(), axis: String::new(), across, keys, curves, phases }.values();
            (low, decimals(high - low))
        };
        assert_eq!(range(&[(1.0, 0.0), (2.0, 0.0)]), (0.0, 1));
        assert_eq!(range(&[(1.0, 0.0), (2.0, 0.02)]), (0.0, 3));
    }
}
