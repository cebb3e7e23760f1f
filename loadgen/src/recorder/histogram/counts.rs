//! The counts of a histogram, with memory for those stretches of time alone that hold any.
//!
//! The buckets are those of `HdrHistogram` with three digits from 1 µs on: 2,048 of 512 ns, then
//! 1,024 for each doubling. They are kept in parts of [`WIDTH`], which come into being as they are
//! needed. What a service answers in lies within few of them: ten or twenty kilobytes instead of 155.

use super::{BUCKETS, LOWEST};

/// Buckets that come into being together, a kilobyte of them.
const WIDTH: usize = 128;
const PARTS: usize = BUCKETS / WIDTH;
/// Buckets of one width; there are twice as many of the first.
const HALF: usize = 1 << HALF_BITS;
const HALF_BITS: u32 = 10;
/// The first buckets are 512 ns wide: the power of two below the least that is told apart.
const UNIT_BITS: u32 = LOWEST.ilog2();

/// How many spans lie in each bucket.
#[derive(Clone)]
pub(super) struct Counts {
    /// For each part of the buckets its place among `parts`, from 1; 0 where it holds nothing.
    places: [u8; PARTS],
    parts: Vec<[u64; WIDTH]>,
}

const _: () = assert!(PARTS < u8::MAX as usize && PARTS * WIDTH == BUCKETS);

impl Counts {
    pub(super) const fn new() -> Self {
        Self {
            places: [0; PARTS],
            parts: Vec::new(),
        }
    }

    /// Counts one more in a bucket. Allocates only where a part is needed and none was let go of.
    #[inline]
    pub(super) fn record(&mut self, bucket: usize) {
        self.part(bucket / WIDTH)[bucket % WIDTH] += 1;
    }

    /// Counts so many more in a bucket.
    pub(super) fn add_to(&mut self, bucket: usize, more: u64) {
        let count = &mut self.part(bucket / WIDTH)[bucket % WIDTH];
        *count = count.saturating_add(more);
    }

    #[inline]
    fn part(&mut self, part: usize) -> &mut [u64; WIDTH] {
        if self.places[part] == 0 {
            self.open(part);
        }
        &mut self.parts[usize::from(self.places[part]) - 1]
    }

    #[cold]
    fn open(&mut self, part: usize) {
        if self.parts.len() == self.parts.capacity() {
            // As little as a name that comes once needs, and few steps for what is loaded.
            self.parts.reserve_exact((self.parts.len() / 2).max(1));
        }
        self.parts.push([0; WIDTH]);
        self.places[part] = self.parts.len() as u8;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (part, theirs) in other.held() {
            for (ours, more) in self.part(part).iter_mut().zip(theirs) {
                *ours = ours.saturating_add(*more);
            }
        }
    }

    /// Forgets all counts and keeps the memory, for whichever parts come next.
    pub(super) fn empty(&mut self) {
        self.places = [0; PARTS];
        self.parts.clear();
    }

    /// The parts that hold anything, or did, in order.
    fn held(&self) -> impl DoubleEndedIterator<Item = (usize, &[u64; WIDTH])> {
        let places = self.places.iter().enumerate();
        let held = places.filter(|(_, place)| **place > 0);
        held.map(|(part, place)| (part, &self.parts[usize::from(*place) - 1]))
    }

    /// The buckets that are not empty, in order, and what they hold.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, u64)> + '_ {
        let each = self.held().flat_map(|(part, counts)| {
            let counts = counts.iter().enumerate();
            counts.map(move |(within, count)| (part * WIDTH + within, *count))
        });
        each.filter(|(_, count)| *count > 0)
    }

    /// Bytes that are allocated.
    pub(super) const fn bytes(&self) -> usize {
        self.parts.capacity() * size_of::<[u64; WIDTH]>()
    }
}

impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The bucket that a span lies in; beyond [`BUCKETS`] where it is above the ceiling.
#[inline]
pub(super) const fn bucket_of(span: u64) -> usize {
    const FIRST: u64 = (2 << (HALF_BITS + UNIT_BITS)) - 1;
    const FIRST_ZEROS: u32 = FIRST.leading_zeros();
    let doubling = FIRST_ZEROS - (span | FIRST).leading_zeros();
    ((doubling as usize) << HALF_BITS) + (span >> (doubling + UNIT_BITS)) as usize
}

/// The shortest span of a bucket, and how many spans it takes together.
pub(super) const fn span_of(bucket: usize) -> (u64, u64) {
    let doubling = (bucket >> HALF_BITS).saturating_sub(1);
    let within = bucket - (doubling << HALF_BITS);
    let bits = doubling as u32 + UNIT_BITS;
    ((within as u64) << bits, 1 << bits)
}

/// The longest span of a bucket.
pub(super) const fn longest_of(bucket: usize) -> u64 {
    let (shortest, width) = span_of(bucket);
    shortest.saturating_add(width - 1)
}

const _: () = assert!(HALF * 19 == BUCKETS && bucket_of(super::HIGHEST) < BUCKETS);
