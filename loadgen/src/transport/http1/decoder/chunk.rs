//! The state of a chunked body between two bytes.

/// Where in a chunked body the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    Size { size: u64, digits: u8 },
    Extension { size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataEnd { lf: bool },
    TrailerStart,
    Trailer,
    TrailerEnd,
    End,
}

impl Chunk {
    /// The state after one byte that is not data; `None` when the byte cannot come here.
    pub(super) fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size { size, digits }, _) if byte.is_ascii_hexdigit() && digits < 16 => {
                let digit = u64::from(char::from(byte).to_digit(16)?);
                Self::Size {
                    size: size << 4 | digit,
                    digits: digits + 1,
                }
            }
            (Self::Size { digits: 0, .. }, _) => return None,
            (Self::Size { size, .. } | Self::Extension { size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { size, .. }, b';' | b' ' | b'\t') => Self::Extension { size },
            (Self::Extension { size }, byte) if byte != b'\n' => Self::Extension { size },
            (Self::SizeEnd { size }, b'\n') if size > 0 => Self::Data { left: size },
            (Self::DataEnd { lf: false }, b'\r') => Self::DataEnd { lf: true },
            (Self::DataEnd { lf: true }, b'\n') => Self::Size { size: 0, digits: 0 },
            (Self::TrailerStart, b'\r') => Self::TrailerEnd,
            (Self::TrailerEnd, b'\n') => Self::End,
            (Self::SizeEnd { .. } | Self::TrailerStart | Self::Trailer, b'\n') => {
                Self::TrailerStart
            }
            (Self::TrailerStart | Self::Trailer, _) => Self::Trailer,
            _ => return None,
        })
    }

    /// Whether what comes next is behind the last chunk.
    pub(super) const fn is_trailer(self) -> bool {
        matches!(self, Self::TrailerStart | Self::Trailer)
    }
}
