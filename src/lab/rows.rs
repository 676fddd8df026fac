//! The rows that a job has written so far: `metrics.csv` and `timing.csv`, numbers without quotes, perhaps being written just now.

use std::fs;
use std::path::Path;

/// The whole lines of such a file; nothing where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    names: Vec<String>,
    cells: Vec<Vec<Option<f64>>>,
}

impl Rows {
    /// Reads a file. A last line without its end is left out; a cell that is no number is empty.
    pub fn read(path: &Path) -> Rows {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.lines();
        let names = lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
        let cells = lines.map(|line| line.split(',').map(|cell| cell.parse().ok()).collect()).collect();
        Rows { names, cells }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }

    /// Step and value of every row that has both.
    pub fn column(&self, name: &str) -> Vec<(f64, f64)> {
        let (Some(step), Some(column)) = (self.place("step"), self.place(name)) else { return vec![] };
        self.cells.iter().filter_map(|row| Some((cell(row, step)?, cell(row, column)?))).collect()
    }

    /// A cell of the last row.
    pub fn last(&self, name: &str) -> Option<f64> {
        cell(self.cells.last()?, self.place(name)?)
    }

    /// The sum of all columns of seconds, row by row.
    pub fn step_seconds(&self) -> Vec<f64> {
        let columns: Vec<usize> = (0..self.names.len()).filter(|&c| self.names[c].ends_with("_seconds")).collect();
        self.cells.iter().map(|row| columns.iter().filter_map(|&column| cell(row, column)).sum()).collect()
    }
}

fn cell(row: &[Option<f64>], column: usize) -> Option<f64> {
    row.get(column).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_row_and_an_empty_cell_are_left_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("rows.csv");
        assert_eq!(Rows::read(&path).last("step"), None);
        fs::write(&path, "step,reward,a_seconds,b_seconds\n1,0.5,1.0,0.25\n2,,2.0,\n3,0.").expect("written");
        let rows = Rows::read(&path);
        assert_eq!(rows.column("reward"), [(1.0, 0.5)]);
        assert_eq!((rows.last("step"), rows.last("reward"), rows.last("latch")), (Some(2.0), None, None));
        assert_eq!(rows.step_seconds(), [1.25, 2.0]);
        assert_eq!(rows.column("nothing"), []);
    }
}
