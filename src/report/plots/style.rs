//! Colours, font and text of all plots.

use super::super::error::ReportError;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::sync::OnceLock;

/// Font family of all text. The name is one that a viewer of SVG knows as well.
pub const FAMILY: &str = "sans-serif";
/// Text, axes and marks.
pub const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xE1, 0xE4, 0xE8);
/// Background.
pub const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
/// Gated steps of published curves.
pub const SHADE: RGBColor = RGBColor(0x8C, 0x95, 0x9F);

/// Number of colours that are far from one another.
pub const COLOURS: usize = 12;

/// Okabe and Ito's palette without yellow, which vanishes on white; then darker colours for tables of many variants.
const PALETTE: [RGBColor; COLOURS] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x7A, 0x7A, 0x7A),
    RGBColor(0x2E, 0x22, 0x75),
    RGBColor(0x8C, 0x51, 0x0A),
    RGBColor(0x9E, 0x00, 0x2F),
    RGBColor(0x6B, 0x8E, 0x23),
    RGBColor(0x00, 0x00, 0x00),
];

/// Colour of the n-th variant. Beyond the palette its colours come again, each time half as far from white, so that no two variants of
/// a table share one.
pub fn colour(index: usize) -> RGBColor {
    let RGBColor(red, green, blue) = PALETTE[index % PALETTE.len()];
    let pale = |part: u8| (0..index / PALETTE.len()).fold(part, |part, _| part + (u8::MAX - part) / 2);
    RGBColor(pale(red), pale(green), pale(blue))
}

/// Makes the built-in font known to `plotters`, so that no font of the system is needed.
pub fn register_font() -> Result<(), ReportError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let registered = DONE.get_or_init(|| {
        plotters::style::register_font(FAMILY, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok()
    });
    if *registered {
        return Ok(());
    }
    Err(ReportError::Plot { name: "font".into(), what: "the built-in font could not be read".into() })
}

/// A text style: `size` in pixels of the 800-pixel plot, `scale` pixels a pixel.
pub fn text(size: f64, scale: f64, pos: (HPos, VPos)) -> TextStyle<'static> {
    (FAMILY, size * scale).into_font().color(&INK).pos(Pos::new(pos.0, pos.1))
}

/// Writes a text with its vertical middle at a place.
pub fn put<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    words: &str,
    at: (i32, i32),
    size: f64,
    scale: f64,
    side: HPos,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    // Bitmaps, which are drawn at a scale above 1, set text higher than SVG does.
    let drop = if scale > 1.0 { (0.13 * size * scale) as i32 } else { 0 };
    area.draw(&Text::new(words.to_owned(), (at.0, at.1 + drop), text(size, scale, (side, VPos::Center))))
}

/// One entry of a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// What it says.
    pub name: String,
    /// Its colour.
    pub colour: RGBColor,
    /// A shaded area instead of a line.
    pub area: bool,
}

const KEY_HEIGHT: i32 = 22;

/// Rows of legend entries that fit into `width` pixels; every entry with its place.
fn places(keys: &[Key], width: i32, scale: f64) -> Vec<(i32, i32)> {
    let (mut x, mut y, mut placed) = (0, 0, Vec::new());
    for key in keys {
        let style = text(15.0, scale, (HPos::Left, VPos::Center));
        let needed = style.font.box_size(&key.name).map_or(100, |size| size.0 as i32) + (56.0 * scale) as i32;
        if x > 0 && x + needed > width {
            x = 0;
            y += (f64::from(KEY_HEIGHT) * scale) as i32;
        }
        placed.push((x, y));
        x += needed;
    }
    placed
}

/// Height in scaled pixels that a legend needs.
pub fn legend_height(keys: &[Key], width: i32, scale: f64) -> i32 {
    let last = places(keys, width, scale).last().map(|place| place.1);
    last.map_or(0, |y| y + (f64::from(KEY_HEIGHT) * scale) as i32)
}

/// Draws a legend at a place.
pub fn draw_legend<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    keys: &[Key],
    at: (i32, i32),
    width: i32,
    scale: f64,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let px = |value: f64| (value * scale) as i32;
    for (key, (x, y)) in keys.iter().zip(places(keys, width, scale)) {
        let (x, y) = (at.0 + x, at.1 + y + px(11.0));
        if key.area {
            let corners = [(x, y - px(6.0)), (x + px(24.0), y + px(6.0))];
            area.draw(&Rectangle::new(corners, key.colour.mix(0.25).filled()))?;
        } else {
            area.draw(&PathElement::new([(x, y), (x + px(24.0), y)], key.colour.stroke_width(px(3.0) as u32)))?;
        }
        put(area, &key.name, (x + px(31.0), y), 15.0, scale, HPos::Left)?;
    }
    Ok(())
}

/// Decimals that tell the ticks of a range apart.
pub fn decimals(range: f64) -> usize {
    match range {
        r if r >= 8.0 => 0,
        r if r >= 0.8 => 1,
        r if r >= 0.08 => 2,
        r if r >= 0.008 => 3,
        _ => 5,
    }
}
