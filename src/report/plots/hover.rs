//! What a pointer over a curve is told: the values behind every panel, with the place of its axes in the SVG.

use super::panels::{Curve, Panel, Panels, Phase};
use super::style::decimals;
use plotters::style::RGBColor;
use serde_json::{Value, json};

/// Where the axes of a panel lie, in pixels of the drawing, and what their ends stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Left, top, right and bottom edge.
    pub place: [i32; 4],
    /// Steps at the left and the right edge.
    pub x: [f64; 2],
    /// Values at the bottom and the top edge.
    pub y: [f64; 2],
}

/// Decimals beyond those of the axis: a hundredth of a tick can be read off.
const FINER: usize = 2;

/// The values of all panels as JSON that may stand inside an HTML script element.
pub fn json(panels: &Panels, frames: &[Frame]) -> String {
    let all: Vec<Value> = panels.panels.iter().zip(frames).map(|(panel, frame)| of_panel(panel, frame)).collect();
    // `</script>` in a name would end the element.
    json!(all).to_string().replace('<', "\\u003c")
}

fn of_panel(panel: &Panel, frame: &Frame) -> Value {
    let digits = decimals(frame.y[1] - frame.y[0]) + FINER;
    let curves: Vec<Value> = panel.curves.iter().map(|curve| of_curve(curve, digits)).collect();
    json!({
        "title": panel.title, "axis": panel.axis, "digits": digits, "place": frame.place, "x": frame.x, "y": frame.y,
        "curves": curves, "phases": of_phases(&panel.phases),
    })
}

fn of_curve(curve: &Curve, digits: usize) -> Value {
    let values = |pick: fn(&super::panels::Point) -> f64| -> Vec<Value> {
        curve.points.iter().map(|point| rounded(pick(point), digits)).collect()
    };
    let mut value = json!({
        "name": curve.name, "colour": hex(curve.colour),
        "at": values(|point| point.x), "mean": values(|point| point.y),
    });
    if curve.points.iter().any(|point| point.high > point.low) {
        value["low"] = json!(values(|point| point.low));
        value["high"] = json!(values(|point| point.high));
    }
    value
}

/// The shaded steps, gathered by name.
fn of_phases(phases: &[Phase]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for phase in phases {
        if !names.contains(&phase.name.as_str()) {
            names.push(&phase.name);
        }
    }
    let of = |name: &str| {
        let own: Vec<&Phase> = phases.iter().filter(|phase| phase.name == name).collect();
        let steps: Vec<Value> = own.iter().map(|phase| rounded(phase.x, FINER)).collect();
        let shares: Vec<Value> = own.iter().map(|phase| rounded(phase.share, FINER)).collect();
        json!({"name": name, "colour": own.first().map(|phase| hex(phase.colour)), "at": steps, "share": shares})
    };
    names.into_iter().map(of).collect()
}

fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// A number with so many decimals, a whole one without any.
fn rounded(value: f64, digits: usize) -> Value {
    let factor = 10_f64.powi(digits as i32);
    let value = (value * factor).round() / factor;
    if value.fract() == 0.0 && value.abs() < 1e9 { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_names_cannot_leave_the_script() {
        assert_eq!(json!([rounded(1.0, 3), rounded(0.123_456, 3), rounded(-0.000_1, 2)]).to_string(), "[1,0.123,0]");
        let curve = Curve { name: "</script>".into(), colour: RGBColor(0, 114, 178), points: vec![] };
        let panel = Panel {
            title: "Reward".into(),
            axis: "mean".into(),
            across: "step".into(),
            keys: vec![],
            curves: vec![curve],
            phases: [1.0, 2.0].map(|x| Phase { name: "on".into(), x, colour: RGBColor(1, 2, 3), share: 0.5 }).into(),
        };
        let panels = Panels { panels: vec![panel], columns: 1, height: 10, keys: vec![] };
        let text = json(&panels, &[Frame { place: [1, 2, 3, 4], x: [1.0, 2.0], y: [0.0, 1.0] }]);
        assert!(!text.contains('<') && text.contains("\\u003c/script>"), "{text}");
        assert!(
            text.contains("\"phases\":[{\"name\":\"on\",\"colour\":\"#010203\",\"at\":[1,2],\"share\":[0.5,0.5]}]")
        );
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back[0]["curves"][0]["name"], "</script>");
    }
}
