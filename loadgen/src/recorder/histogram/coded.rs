//! A histogram as bytes: `HdrHistogram` V2 with DEFLATE, which the libraries of other languages read.
//!
//! What is read may be anybody's: nothing is made as large as it says it is.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::counts::Counts;
use super::{BUCKETS, DIGITS, HIGHEST, HistogramError, LOWEST};

/// What compressed bytes begin with, and what is in them.
const COMPRESSED: u32 = 0x1c84_9314;
const PLAIN: u32 = 0x1c84_9313;
/// Bytes before the counts.
const HEAD: usize = 40;
/// The most bytes of one number.
const LONGEST: usize = 9;

/// The bytes of these counts.
pub(super) fn encode(counts: &Counts) -> Vec<u8> {
    let counts = encode_counts(counts);
    let mut plain = Vec::with_capacity(HEAD + counts.len());
    plain.extend(PLAIN.to_be_bytes());
    plain.extend((counts.len() as u32).to_be_bytes());
    // The offset of the first bucket, which is 0 always.
    plain.extend(0_u32.to_be_bytes());
    plain.extend(u32::from(DIGITS).to_be_bytes());
    plain.extend(LOWEST.to_be_bytes());
    plain.extend(HIGHEST.to_be_bytes());
    // What integers are multiplied with.
    plain.extend(1.0_f64.to_be_bytes());
    plain.extend(counts);
    let mut to = ZlibEncoder::new(vec![0; 8], Compression::default());
    let written = to.write_all(&plain).and_then(|()| to.finish());
    let mut bytes =
        written.unwrap_or_else(|error| unreachable!("writing to memory cannot fail: {error}"));
    let length = bytes.len() as u32 - 8;
    bytes[..4].copy_from_slice(&COMPRESSED.to_be_bytes());
    bytes[4..8].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Counts in order up to the last, and for several empty buckets their number as a negative one.
fn encode_counts(counts: &Counts) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut next = 0;
    for (bucket, count) in counts.iter() {
        match bucket - next {
            0 => {}
            1 => write_number(&mut bytes, 0),
            empty => write_number(&mut bytes, -(empty as u64).cast_signed()),
        }
        // As many as that nobody counts.
        write_number(&mut bytes, i64::try_from(count).unwrap_or(i64::MAX));
        next = bucket + 1;
    }
    if next == 0 {
        write_number(&mut bytes, 0);
    }
    bytes
}

/// Zigzag, then seven bits a byte, the lowest first; a ninth byte has all eight.
fn write_number(to: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    for _ in 1..LONGEST {
        if left < 0x80 {
            break;
        }
        to.push(left as u8 | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}

fn read_number(from: &mut &[u8]) -> Option<i64> {
    let (mut number, mut bits) = (0_u64, 0);
    for n in 1..=LONGEST {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        if n < LONGEST && byte & 0x80 > 0 {
            number |= u64::from(byte & 0x7f) << bits;
            bits += 7;
        } else {
            number |= u64::from(*byte) << bits;
            break;
        }
    }
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

/// The counts that bytes hold.
pub(super) fn decode(bytes: &[u8]) -> Result<Counts, HistogramError> {
    let (head, compressed) = bytes.split_at_checked(8).ok_or(CUT)?;
    if number::<4>(head, 0).map(u32::from_be_bytes) != Some(COMPRESSED) {
        return Err(HistogramError::Format("it begins with something else"));
    }
    let most = HEAD + BUCKETS * LONGEST;
    let mut plain = Vec::new();
    let read = (ZlibDecoder::new(compressed).take(most as u64)).read_to_end(&mut plain);
    read.map_err(|_| HistogramError::Format("it cannot be unpacked"))?;
    let whole = plain.as_slice();
    if number::<4>(whole, 0).map(u32::from_be_bytes) != Some(PLAIN) {
        return Err(HistogramError::Format("what is packed is something else"));
    }
    let length = number::<4>(whole, 4).map(u32::from_be_bytes).ok_or(CUT)? as usize;
    let digits = number::<4>(whole, 12).map(u32::from_be_bytes);
    let bounds = [16, 24].map(|at| number::<8>(whole, at).map(u64::from_be_bytes));
    if digits != Some(DIGITS.into()) || bounds != [Some(LOWEST), Some(HIGHEST)] {
        return Err(HistogramError::Bounds);
    }
    let is_plain = number::<4>(whole, 8) == Some([0; 4])
        && number::<8>(whole, 32) == Some(1.0_f64.to_be_bytes());
    if !is_plain {
        return Err(HistogramError::Format("its numbers are shifted"));
    }
    let counts = whole.get(HEAD..HEAD.saturating_add(length)).ok_or(CUT)?;
    decode_counts(counts)
}

const CUT: HistogramError = HistogramError::Format("it is cut short");

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn decode_counts(mut bytes: &[u8]) -> Result<Counts, HistogramError> {
    let mut counts = Counts::new();
    let mut bucket = 0_usize;
    while !bytes.is_empty() {
        let number = read_number(&mut bytes).ok_or(CUT)?;
        let (count, buckets) = match u64::try_from(number) {
            Ok(count) => (count, 1),
            Err(_) => (0, number.unsigned_abs() as usize),
        };
        if count > 0 && bucket < BUCKETS {
            counts.add_to(bucket, count);
        }
        bucket = bucket.saturating_add(buckets);
        if bucket > BUCKETS {
            return Err(HistogramError::Format("it has too many counts"));
        }
    }
    Ok(counts)
}
