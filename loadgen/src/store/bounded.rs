//! Reads and writes with a bound: what lies in a folder may be anything.

use std::io::{BufRead, Read as _, Write as _};
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

/// Bytes compressed for gzip.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::default());
    let written = to.write_all(bytes).and_then(|()| to.finish());
    written.unwrap_or_else(|error| unreachable!("writing to memory cannot fail: {error}"))
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
