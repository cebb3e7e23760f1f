//! Rows in columns that line up.

use crate::model::plain;

/// Rows as text, each column as wide as its widest cell. Nothing in a cell ends it.
#[must_use]
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| plain(cell)))
        .collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_whatever_it_holds() {
        let row = ["\u{1b}[2Ja\r\n::error::b".to_owned(), "c".to_owned()];
        assert_eq!(table(&[row]), "\\x1b[2Ja\\r\\n::error::b  c\n");
    }

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(
            table(&[row("NAME", "N"), row("x", "12")]),
            "NAME  N\nx     12\n"
        );
    }
}
