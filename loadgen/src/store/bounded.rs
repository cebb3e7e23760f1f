//! Reads and writes with a bound: what lies in a folder may be anything.

use std::io::{BufRead, BufWriter, Read as _, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::input::{self, InputError, Limit};

/// One line without its end; `None` at the end, or where a line is longer than `most` bytes.
pub(super) fn line(from: &mut impl BufRead, most: usize) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let limit = most as u64 + 1;
    let read = from
        .by_ref()
        .take(limit)
        .read_until(b'\n', &mut line)
        .ok()?;
    if read == 0 || line.len() > most {
        return None;
    }
    line.pop_if(|last| *last == b'\n');
    Some(line)
}

/// Writes a value as JSON, compressed for gzip.
pub(super) fn compress(to: impl Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut to = BufWriter::new(GzEncoder::new(to, Compression::default()));
    serde_json::to_writer(&mut to, value)?;
    let to = to
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    to.finish().map(drop)
}

/// What a gzip file holds; the limit is that of the file and of what is in it.
pub(super) fn decompress(path: &Path, limit: Limit) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let mut from = GzDecoder::new(input::open(path, limit)?).take(limit.bytes + 1);
    from.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit.bytes {
        return Err(InputError::TooLong { bytes: None, limit });
    }
    Ok(bytes)
}
