//! What variables stand for: the values that all of a group's texts share.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::draw::{Purpose, draw};
use super::{Data, Piece};

/// How requests or rows follow one another.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Requests by their weights in any stretch of arrivals; rows one after the other.
    #[default]
    InTurn,
    /// By chance, the same for the same seed.
    Random,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "in-turn" => Ok(Self::InTurn),
            "random" => Ok(Self::Random),
            _ => Err(format!("`{text}` is neither in-turn nor random")),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InTurn => "in-turn",
            Self::Random => "random",
        })
    }
}

/// The seed and the tables from which variables take their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    pub seed: u64,
    /// Tells the groups of a run apart where identifiers must not be the same.
    pub group: u64,
    pub data: Arc<[Data]>,
}

impl Values {
    /// Writes what a piece of a text is for arrival `k`. Allocates only where `out` has no room.
    #[inline]
    pub(super) fn write(&self, piece: &Piece, k: u64, out: &mut Vec<u8>) {
        match piece {
            Piece::Literal(text) => out.extend_from_slice(text),
            Piece::Seq => write_number(k, out),
            Piece::SeqModulo(n) => write_number(k % n, out),
            Piece::Uuid => write_uuid(self.uuid(k), out),
            Piece::Cell { table, column } => out.extend_from_slice(self.cell(*table, *column, k)),
        }
    }

    /// How many bytes [`Values::write`] would write.
    #[inline]
    pub(super) fn length(&self, piece: &Piece, k: u64) -> usize {
        match piece {
            Piece::Literal(text) => text.len(),
            Piece::Seq => digits(k),
            Piece::SeqModulo(n) => digits(k % n),
            Piece::Uuid => 36,
            Piece::Cell { table, column } => self.cell(*table, *column, k).len(),
        }
    }

    fn cell(&self, table: usize, column: usize, k: u64) -> &[u8] {
        let data = &self.data[table];
        data.table.cell(data.row_of(table, self.seed, k), column)
    }

    /// A random UUID by its form (RFC 9562, version 4).
    fn uuid(&self, k: u64) -> u128 {
        let seed = draw(self.seed, Purpose::Uuid(2), self.group);
        let half = |n| u128::from(draw(seed, Purpose::Uuid(n), k));
        let bits = half(0) << 64 | half(1);
        bits & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    }
}

/// Appends a number in decimal.
#[inline]
pub fn write_number(mut n: u64, out: &mut Vec<u8>) {
    let mut text = [0; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

pub(super) const fn digits(n: u64) -> usize {
    match n.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

fn write_uuid(bits: u128, out: &mut Vec<u8>) {
    for place in 0..32 {
        if matches!(place, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        let nibble = (bits >> (124 - 4 * place)) as usize & 0xF;
        out.push(b"0123456789abcdef"[nibble]);
    }
}

/// Whether this can be the method of a request: a token (RFC 9110, section 5.6.2) in capitals.
#[must_use]
pub fn is_method(text: &str) -> bool {
    let capitals = text.bytes().all(|byte| !byte.is_ascii_lowercase());
    !text.is_empty() && text.bytes().all(is_token) && capitals && text != "CONNECT"
}

#[must_use]
pub const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Whether this can be the path and query of a request: printable ASCII from a slash on.
#[must_use]
pub fn is_path(text: &[u8]) -> bool {
    text.starts_with(b"/") && text.iter().all(|byte| (0x21..0x7f).contains(byte))
}

/// Whether this can be the name of a host, with its port where there is one.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether this can be the name of a request, a table or a column.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}
