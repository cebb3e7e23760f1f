//! Rows of a CSV file, of which each arrival takes one.

use super::Order;
use super::draw::{Purpose, below, draw};

/// The largest file of data, in bytes.
pub const MOST_DATA: u64 = 64 << 20;
/// The most columns.
const MOST_COLUMNS: usize = 256;

/// A table that was read: its cells stand one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<String>,
    bytes: Vec<u8>,
    /// Where each cell ends.
    ends: Vec<u32>,
}

/// A table with its name in the plan, and how rows are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    pub name: String,
    pub order: Order,
    pub table: Table,
}

/// Why a file is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    #[error("it is longer than {} MiB", MOST_DATA >> 20)]
    TooLong,
    #[error("{0}")]
    Syntax(String),
    #[error("its header line has {0} columns, and 1 to {MOST_COLUMNS} are possible")]
    Columns(usize),
    #[error(
        "its header line names column `{0}`: letters, digits, `_` and `-` are possible, each name once"
    )]
    Name(String),
    #[error("it has a header line and no rows")]
    NoRows,
}

impl Table {
    /// Reads a CSV text with its header line.
    pub fn read(text: &[u8]) -> Result<Self, DataError> {
        if text.len() as u64 > MOST_DATA {
            return Err(DataError::TooLong);
        }
        // Spreadsheets begin a file with a byte order mark, which is no part of the first name.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let syntax = |error: csv::Error| DataError::Syntax(error.to_string());
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers().map_err(syntax)?;
        let columns: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        check_columns(&columns)?;
        let mut table = Self {
            columns,
            ..Self::default()
        };
        let mut row = csv::ByteRecord::new();
        while reader.read_byte_record(&mut row).map_err(syntax)? {
            for cell in &row {
                table.bytes.extend_from_slice(cell);
                table.ends.push(table.bytes.len() as u32);
            }
        }
        if table.ends.is_empty() {
            return Err(DataError::NoRows);
        }
        Ok(table)
    }

    /// A table of which no row is known.
    #[must_use]
    pub fn of_columns(columns: Vec<String>) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// A table of one column.
    #[must_use]
    pub fn of_cells<'a>(column: &str, cells: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut table = Self::of_columns(vec![column.to_owned()]);
        for cell in cells {
            table.bytes.extend_from_slice(cell);
            table.ends.push(table.bytes.len() as u32);
        }
        table
    }

    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are, the header line not among them.
    #[must_use]
    pub fn rows(&self) -> u64 {
        (self.ends.len() / self.columns.len().max(1)) as u64
    }

    /// The bytes of a cell; rows and columns count from 0.
    #[inline]
    #[must_use]
    pub fn cell(&self, row: u64, column: usize) -> &[u8] {
        let place = row as usize * self.columns.len() + column;
        let from = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[from as usize..self.ends[place] as usize]
    }
}

fn check_columns(columns: &[String]) -> Result<(), DataError> {
    if columns.is_empty() || columns.len() > MOST_COLUMNS {
        return Err(DataError::Columns(columns.len()));
    }
    for (place, name) in columns.iter().enumerate() {
        if !super::text::is_name(name) || columns[..place].contains(name) {
            return Err(DataError::Name(name.clone()));
        }
    }
    Ok(())
}

impl Data {
    /// The row that arrival `k` takes of the table in this place.
    #[inline]
    #[must_use]
    pub fn row_of(&self, place: usize, seed: u64, k: u64) -> u64 {
        match self.order {
            Order::InTurn => k % self.table.rows(),
            Order::Random => below(self.table.rows(), draw(seed, Purpose::Row(place as u64), k)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_cells_of_its_file() {
        let table = Table::read(b"\xef\xbb\xbfid,name\n7,\"a, \"\"b\"\"\"\n8,\n").expect("a table");
        assert_eq!(table.columns(), ["id", "name"]);
        assert_eq!(table.rows(), 2);
        assert_eq!(table.cell(0, 0), b"7");
        assert_eq!(table.cell(0, 1), b"a, \"b\"");
        assert_eq!(table.cell(1, 0), b"8");
        assert_eq!(table.cell(1, 1), b"");
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_place() {
        for (text, reason) in [
            (&b""[..], "0 columns"),
            (b"id\n", "no rows"),
            (b"id,id\n1,2\n", "`id`"),
            (b"a b\n1\n", "`a b`"),
            (b"id,name\n1,2\n3\n", "line: 3"),
        ] {
            let error = Table::read(text).expect_err("no table").to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn rows_come_in_turn_or_by_chance_and_always_the_same() {
        let table = Table::read(b"id\n1\n2\n3\n").expect("a table");
        let rows = |order| -> Vec<u64> {
            let data = Data {
                name: "d".into(),
                order,
                table: table.clone(),
            };
            (0..12).map(|k| data.row_of(0, 1, k)).collect()
        };
        assert_eq!(rows(Order::InTurn), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!(rows(Order::Random), [0, 2, 1, 0, 2, 0, 2, 2, 2, 1, 0, 2]);
    }
}
