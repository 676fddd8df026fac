//! Plain tables with aligned columns.

/// Aligns the cells of `rows` below `header`; columns named in `right` (by position) are set to the right.
pub(super) fn render(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(column, cell)| match right.contains(&column) {
            true => format!("{cell:>width$}", width = widths[column]),
            false => format!("{cell:width$}", width = widths[column]),
        });
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    [line(header.to_vec())].into_iter().chain(body).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["GRPO".to_string(), "0".to_string()], vec!["AEPO+".to_string(), "12".to_string()]];
        assert_eq!(super::render(&["variant", "seed"], &rows, &[1]), "variant  seed\nGRPO        0\nAEPO+      12\n");
    }
}
