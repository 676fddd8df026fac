//! Points of two numbers, a cloud a variant.

use super::style::{GRID, INK, Key, decimals, draw_legend, legend_height, put, text};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// The points of one variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// Name and colour.
    pub key: Key,
    /// Points (x, y).
    pub points: Vec<(f64, f64)>,
    /// One of how many is in `points`.
    pub every: usize,
}

/// A plot of clouds.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// Title above the plot.
    pub title: String,
    /// Name and unit of the horizontal axis.
    pub across: String,
    /// Name and unit of the vertical axis.
    pub axis: String,
    /// The clouds; the first is drawn first.
    pub clouds: Vec<Cloud>,
}

const EDGE: i32 = 8;
const TITLE: i32 = 26;
const BODY: i32 = 400;

impl Points {
    fn keys(&self) -> Vec<Key> {
        self.clouds.iter().map(|cloud| cloud.key.clone()).collect()
    }

    /// Height of the plot at `width`, both in unscaled pixels.
    pub fn size(&self, width: i32) -> i32 {
        2 * EDGE + TITLE + legend_height(&self.keys(), width - 2 * EDGE, 1.0) + BODY
    }

    /// The largest value of a side, with some room above it; both axes begin at 0.
    fn end(&self, side: fn(&(f64, f64)) -> f64) -> f64 {
        let values = self.clouds.iter().flat_map(|cloud| cloud.points.iter().map(side));
        let most = values.fold(0.0, f64::max);
        if most > 0.0 { 1.05 * most } else { 1.0 }
    }

    /// Draws the plot; `scale` pixels a pixel.
    pub fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Drawn<DB> {
        let px = |value: i32| (f64::from(value) * scale) as i32;
        let (width, height) = (area.dim_in_pixel().0 as i32, area.dim_in_pixel().1 as i32);
        put(area, &self.title, (px(EDGE + 4), px(EDGE + TITLE / 2)), 17.0, scale, HPos::Left)?;
        let (inner, keys) = (width - px(2 * EDGE), self.keys());
        draw_legend(area, &keys, (px(EDGE + 4), px(EDGE + TITLE)), inner, scale)?;
        let top = px(EDGE + TITLE) + legend_height(&keys, inner, scale);
        let body = area.clone().shrink((px(EDGE), top), (inner, height - top - px(EDGE)));
        let (x, y) = (self.end(|point| point.0), self.end(|point| point.1));
        let mut chart = ChartBuilder::on(&body)
            .margin_right(px(18))
            .margin_top(px(6))
            .x_label_area_size(px(46))
            .y_label_area_size(px(70))
            .build_cartesian_2d(0.0..x, 0.0..y)?;
        let label = text(14.0, scale, (HPos::Left, VPos::Center));
        let line = scale.ceil() as u32;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(line))
            .axis_style(INK.stroke_width(line))
            .x_desc(self.across.as_str())
            .y_desc(self.axis.as_str())
            .x_label_formatter(&|value| format!("{value:.*}", decimals(x)))
            .y_label_formatter(&|value| format!("{value:.*}", decimals(y)))
            .label_style(label.clone())
            .axis_desc_style(label)
            .draw()?;
        for cloud in &self.clouds {
            let style = cloud.key.colour.mix(0.45).filled();
            chart.draw_series(cloud.points.iter().map(|&point| Circle::new(point, 2.0 * scale, style)))?;
        }
        Ok(())
    }
}
