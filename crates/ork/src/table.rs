//! Columns of text.

/// Rows as lines, each column as wide as its widest cell, two blanks between columns; a column that is empty in all rows
/// is left out. `paint` gives a cell its colour, by column.
pub fn lines(rows: &[Vec<String>], paint: impl Fn(usize, &str) -> String) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().filter(|(column, _)| widths[*column] > 0).map(|(column, cell)| {
            let is_last = column + 1 == row.len();
            let blanks = if is_last { 0 } else { widths[column] - cell.chars().count() };
            let painted = if cell.is_empty() { String::new() } else { paint(column, cell) };
            format!("{painted}{}", " ".repeat(blanks))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".to_owned(), "bb".to_owned()], vec!["ccc".to_owned(), String::new()]];
        assert_eq!(lines(&rows, |_, cell| cell.to_owned()), ["a    bb", "ccc"]);
        let rows = [["a", "", "b"], ["", "", "c"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(lines(&rows, |_, cell| cell.to_owned()), ["a  b", "   c"]);
    }
}
