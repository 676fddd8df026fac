//! Strings at places, made lines: the gap to the string before decides between nothing, a space, a line and a paragraph.

use super::number;
use lopdf::Object;

/// Gaps in sizes of the font from which on there is a space, another line and another paragraph.
const SPACE: f32 = 0.15;
const LINE: f32 = 0.4;
const PARAGRAPH: f32 = 1.8;

/// Scale and place of a line or a string. What turns and slants is left aside.
#[derive(Clone, Copy, Default)]
struct Place {
    across: f32,
    up: f32,
    x: f32,
    y: f32,
}

/// The text of a page while it is drawn. Lengths are those of the page's own measure.
#[derive(Default)]
pub(super) struct Layout {
    text: String,
    /// The font's size.
    pub size: f32,
    leading: f32,
    letter_space: f32,
    line: Place,
    here: Place,
    /// Where the last string ended.
    last: Option<(f32, f32)>,
    /// Bytes that the text may have.
    room: usize,
}

impl Layout {
    /// A page whose text may have so many bytes.
    pub fn new(room: usize) -> Self {
        Layout { room, ..Layout::default() }
    }

    /// Whether its text has become longer than that.
    pub fn is_full(&self) -> bool {
        self.text.len() > self.room
    }

    /// Takes an operation that sets where text goes.
    pub fn place(&mut self, operator: &str, operands: &[Object]) {
        let at = |index: usize| number(operands.get(index));
        match operator {
            "BT" => self.start(Place { across: 1.0, up: 1.0, x: 0.0, y: 0.0 }),
            "Tm" => {
                let length = |a: f32, b: f32| a.hypot(b);
                self.start(Place { across: length(at(0), at(1)), up: length(at(2), at(3)), x: at(4), y: at(5) });
            }
            "Td" => self.step(at(0), at(1)),
            "TD" => {
                self.leading = -at(1);
                self.step(at(0), at(1));
            }
            "TL" => self.leading = at(0),
            "Tc" => self.letter_space = at(0),
            "T*" => self.next_line(),
            _ => {}
        }
    }

    fn start(&mut self, place: Place) {
        (self.line, self.here) = (place, place);
    }

    fn step(&mut self, x: f32, y: f32) {
        let Place { across, up, .. } = self.line;
        self.start(Place { x: self.line.x + x * across, y: self.line.y + y * up, ..self.line });
    }

    pub fn next_line(&mut self) {
        // Who never says how far lines are apart still means another line.
        let leading = if self.leading == 0.0 { self.size } else { self.leading };
        self.step(0.0, -leading);
    }

    /// Moves by thousandths of the size, to the left.
    pub fn kern(&mut self, thousandths: f32) {
        self.here.x -= thousandths / 1000.0 * self.size * self.here.across;
    }

    /// Draws a string of `codes` bytes.
    pub fn show(&mut self, words: &str, thousandths: f32, codes: usize) {
        if !words.is_empty() {
            self.separate();
            self.text.push_str(words);
        }
        let width = thousandths / 1000.0 * self.size + self.letter_space * codes as f32;
        self.here.x += width * self.here.across;
        self.last = Some((self.here.x, self.here.y));
    }

    fn separate(&mut self) {
        let Some((x, y)) = self.last else { return };
        let (width, height) = (self.size.abs() * self.here.across, self.size.abs() * self.here.up);
        let down = (self.here.y - y).abs();
        let right = self.here.x - x;
        let trimmed = self.text.trim_end_matches(' ').len();
        if down > PARAGRAPH * height {
            self.text.truncate(trimmed);
            self.text.push_str("\n\n");
        } else if down > LINE * height || right < -2.0 * width {
            self.text.truncate(trimmed);
            self.text.push('\n');
        } else if right > SPACE * width && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    /// The text, without white space at its ends.
    pub fn finish(self) -> String {
        self.text.trim().to_owned()
    }
}
