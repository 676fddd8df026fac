//! Scores with intervals: one group a suite, one dot a variant.

use super::super::estimate::Interval;
use super::style::{GRID, INK, Key, draw_legend, legend_height, put, text};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// A plot of intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Dots {
    /// Title above the plot.
    pub title: String,
    /// Name and unit of the horizontal axis.
    pub axis: String,
    /// Variants with their colours.
    pub keys: Vec<Key>,
    /// Name of a group and one interval a variant.
    pub groups: Vec<(String, Vec<Option<Interval>>)>,
}

const EDGE: i32 = 8;
const TITLE: i32 = 26;
const LANE: i32 = 15;
const GAP: i32 = 12;
const NAMES: i32 = 150;
const FOOT: i32 = 46;

impl Dots {
    /// Height of the plot at `width`, both in unscaled pixels.
    pub fn size(&self, width: i32) -> i32 {
        let head = 2 * EDGE + TITLE + legend_height(&self.keys, width - 2 * EDGE, 1.0);
        head + self.groups.len() as i32 * self.group() + FOOT
    }

    fn group(&self) -> i32 {
        (self.keys.len() as i32 * LANE + GAP).max(30)
    }

    fn range(&self) -> (f64, f64) {
        let all = || self.groups.iter().flat_map(|(_, cells)| cells.iter().flatten());
        let low = all().map(|cell| cell.low).fold(f64::INFINITY, f64::min);
        let high = all().map(|cell| cell.high).fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return (0.0, 100.0);
        }
        // No interval ends on the axis, where it would look cut off.
        let low = ((low - 0.5) / 5.0).floor() * 5.0;
        (low.max(0.0), ((high / 5.0).ceil() * 5.0).max(low + 5.0))
    }

    /// Draws the plot; `scale` pixels a pixel.
    pub fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Drawn<DB> {
        let px = |value: i32| (f64::from(value) * scale) as i32;
        let (width, height) = (area.dim_in_pixel().0 as i32, area.dim_in_pixel().1 as i32);
        put(area, &self.title, (px(EDGE + 4), px(EDGE + TITLE / 2)), 17.0, scale, HPos::Left)?;
        let inner = width - px(2 * EDGE);
        draw_legend(area, &self.keys, (px(EDGE + 4), px(EDGE + TITLE)), inner, scale)?;
        let top = px(EDGE + TITLE) + legend_height(&self.keys, inner, scale);
        let body = area.clone().shrink((px(EDGE), top), (inner, height - top - px(EDGE)));
        let (low, high) = self.range();
        let rows = self.groups.len() as f64;
        // The vertical axis counts groups downwards.
        let mut chart = ChartBuilder::on(&body)
            .margin_right(px(18))
            .x_label_area_size(px(FOOT))
            .y_label_area_size(px(NAMES))
            .build_cartesian_2d(low..high, rows..0.0)?;
        let label = text(14.0, scale, (HPos::Left, VPos::Center));
        let line = scale.ceil() as u32;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(line))
            .axis_style(INK.stroke_width(line))
            .disable_y_mesh()
            .y_labels(0)
            .x_labels(10)
            .x_desc(self.axis.as_str())
            .x_label_formatter(&|x| format!("{x:.0}"))
            .label_style(label.clone())
            .axis_desc_style(label)
            .draw()?;
        for (index, (name, cells)) in self.groups.iter().enumerate() {
            self.draw_group(chart.plotting_area(), index as f64, cells, scale)?;
            let y = (f64::from(px(self.group())) * (index as f64 + 0.5)) as i32;
            put(&body, name, (px(NAMES - 10), y), 16.0, scale, HPos::Right)?;
        }
        Ok(())
    }

    fn draw_group<DB: DrawingBackend>(
        &self,
        plot: &DrawingArea<
            DB,
            Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
        >,
        top: f64,
        cells: &[Option<Interval>],
        scale: f64,
    ) -> Drawn<DB> {
        let (low, high) = self.range();
        if top > 0.0 {
            plot.draw(&PathElement::new([(low, top), (high, top)], GRID.stroke_width(scale.ceil() as u32)))?;
        }
        let group = f64::from(self.group());
        let first = (group - f64::from(self.keys.len() as i32 * LANE)) / 2.0 + f64::from(LANE) / 2.0;
        for (lane, (cell, key)) in cells.iter().zip(&self.keys).enumerate() {
            let Some(cell) = cell else { continue };
            let y = top + (first + lane as f64 * f64::from(LANE)) / group;
            let stroke = key.colour.stroke_width((2.0 * scale) as u32);
            plot.draw(&PathElement::new([(cell.low, y), (cell.high, y)], stroke))?;
            plot.draw(&Circle::new((cell.mean, y), 4.5 * scale, key.colour.filled()))?;
        }
        Ok(())
    }
}
