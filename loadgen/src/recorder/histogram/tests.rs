//! Held beside the reference: `hdrhistogram`, which reads and writes the same.

use super::*;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use proptest::prelude::*;

/// The reference with these spans.
fn reference(spans: &[u64]) -> Hdr<u64> {
    let mut hdr = Hdr::new_with_bounds(LOWEST, HIGHEST, DIGITS).expect("bounds");
    for span in spans {
        hdr.saturating_record(*span);
    }
    hdr
}

fn base64_of(hdr: &Hdr<u64>) -> String {
    let mut bytes = Vec::new();
    let mut to = V2DeflateSerializer::new();
    to.serialize(hdr, &mut bytes).expect("written");
    STANDARD.encode(bytes)
}

fn of(spans: &[u64]) -> Histogram {
    let mut histogram = Histogram::new();
    for span in spans {
        histogram.record(Nanos(*span));
    }
    histogram
}

#[test]
fn a_span_above_the_ceiling_counts_at_the_ceiling() {
    let histogram = of(&[u64::MAX]);
    assert_eq!(histogram.count(), 1);
    assert!(histogram.max() >= Nanos::CEILING);
}

#[test]
fn a_histogram_is_as_large_as_what_it_holds_and_never_larger_than_bounds_assume() {
    // `plan::threads` reckons with 155 kB.
    assert_eq!(Histogram::MOST_BYTES, 155_648);
    assert_eq!(BUCKETS, reference(&[]).distinct_values());
    assert_eq!(Histogram::new().bytes(), 0);
    assert_eq!(of(&[420_000]).bytes(), 1_024);
    let usual: Vec<_> = (0..10_000).map(|n| 300_000 + 40 * n).collect();
    assert!(of(&usual).bytes() <= 12 << 10, "{}", of(&usual).bytes());
    let all: Vec<_> = (0..BUCKETS).map(|bucket| span_of(bucket).0).collect();
    let held = of(&all).bytes();
    assert!(held < Histogram::MOST_BYTES * 3 / 2, "{held}");
    // What was let go of serves other buckets.
    let mut histogram = of(&usual);
    let held = histogram.bytes();
    for doubling in 0..10 {
        histogram.empty();
        for span in &usual {
            histogram.record(Nanos(*span << doubling));
        }
    }
    assert!(histogram.bytes() <= 2 * held, "{}", histogram.bytes());
}

#[test]
fn an_empty_histogram_is_all_zero() {
    let empty = Histogram::new();
    assert_eq!(
        (empty.min(), empty.max(), empty.quantile(0.5)),
        (Nanos(0), Nanos(0), Nanos(0))
    );
}

#[test]
fn an_emptied_histogram_is_as_good_as_new() {
    let mut histogram = of(&[5_000, 7_000_000]);
    histogram.empty();
    assert_eq!(histogram, Histogram::new());
    assert_eq!(histogram.max(), Nanos(0));
    histogram.record(Nanos(90_000));
    assert_eq!(histogram, of(&[90_000]));
}

#[test]
fn garbage_is_refused_and_never_a_panic() {
    assert!(Histogram::from_base64("no base64!").is_err());
    assert!(Histogram::from_base64("AAAAAAAA").is_err());
    let whole = STANDARD
        .decode(of(&[5_000, 7_000_000]).to_base64())
        .expect("base64");
    for length in 0..whole.len() {
        assert!(Histogram::from_base64(&STANDARD.encode(&whole[..length])).is_err());
    }
}

/// A few bytes that say they are four gigabytes of counts.
#[test]
fn what_says_it_is_large_takes_no_memory() {
    let mut plain = vec![0; 40];
    plain[..4].copy_from_slice(&0x1c84_9313_u32.to_be_bytes());
    plain[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    plain[12..16].copy_from_slice(&3_u32.to_be_bytes());
    plain[16..24].copy_from_slice(&LOWEST.to_be_bytes());
    plain[24..32].copy_from_slice(&HIGHEST.to_be_bytes());
    plain[32..40].copy_from_slice(&1.0_f64.to_be_bytes());
    let mut to = flate2::write::ZlibEncoder::new(vec![0; 8], flate2::Compression::default());
    std::io::Write::write_all(&mut to, &plain).expect("written");
    let mut bytes = to.finish().expect("written");
    bytes[..4].copy_from_slice(&0x1c84_9314_u32.to_be_bytes());
    let refused = Histogram::from_base64(&STANDARD.encode(bytes)).expect_err("refused");
    assert!(refused.to_string().contains("cut short"), "{refused}");
}

#[test]
fn other_bounds_or_digits_are_refused() {
    for (low, high, digits) in [
        (LOWEST, HIGHEST, 2),
        (1, HIGHEST, DIGITS),
        (LOWEST, 60_000_000_000, DIGITS),
    ] {
        let mut other = Hdr::new_with_bounds(low, high, digits).expect("bounds");
        other.record(5_000_000).expect("within");
        let refused = Histogram::from_base64(&base64_of(&other));
        assert!(matches!(refused, Err(HistogramError::Bounds)), "{low}");
    }
}

/// Spans of every length, and some that no histogram holds.
fn spans() -> impl Strategy<Value = Vec<u64>> {
    let span = prop_oneof![0..3_000_000_u64, 1_000..HIGHEST, any::<u64>()];
    prop::collection::vec(span, 0..80)
}

proptest! {
    #[test]
    fn every_figure_is_the_references(spans in spans(), limit in any::<u64>()) {
        let (ours, hdr) = (of(&spans), reference(&spans));
        for quantile in [0.0, 0.001, 0.5, 0.9, 0.99, 0.999, 1.0] {
            prop_assert_eq!(ours.quantile(quantile).0, hdr.value_at_quantile(quantile));
        }
        prop_assert_eq!((ours.count(), ours.min().0), (hdr.len(), hdr.min()));
        prop_assert_eq!((ours.max().0, ours.mean().0), (hdr.max(), hdr.mean().round() as u64));
        for limit in [limit, limit >> 30] {
            let above = hdr.iter_recorded().filter(|step| {
                step.value_iterated_to() > hdr.highest_equivalent(limit)
            });
            let above: u64 = above.map(|step| step.count_at_value()).sum();
            prop_assert_eq!(ours.count_above(Nanos(limit)), above);
        }
        let buckets = hdr.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        let own = ours.buckets().map(|(span, count)| (span.0, count));
        prop_assert!(own.eq(buckets));
    }

    #[test]
    fn it_is_stored_as_the_reference_stores_it(spans in spans(), times in 1..1_u64 << 60) {
        let (mut ours, mut hdr) = (of(&spans), reference(&spans));
        ours.counts.add_to(7, times);
        ours.total = ours.total.saturating_add(times);
        hdr.record_n(7 * 512, times).expect("within");
        prop_assert_eq!(ours.to_base64(), base64_of(&hdr));
        let bytes = STANDARD.decode(ours.to_base64()).expect("base64");
        let read: Hdr<u64> = Deserializer::new().deserialize(&mut &*bytes).expect("readable");
        prop_assert_eq!(read, hdr.clone());
        prop_assert!(Histogram::from_base64(&base64_of(&hdr)).expect("readable") == ours);
    }

    #[test]
    fn adding_is_recording_the_union(a in prop::collection::vec(1_000..HIGHEST, 0..50),
                                     b in prop::collection::vec(1_000..HIGHEST, 0..50)) {
        let mut sum = of(&a);
        sum.add(&of(&b));
        prop_assert_eq!(sum, of(&[a, b].concat()));
    }

    #[test]
    fn base64_keeps_every_bucket(spans in prop::collection::vec(1_000..HIGHEST, 0..50)) {
        let histogram = of(&spans);
        let read = Histogram::from_base64(&histogram.to_base64()).expect("what we wrote");
        prop_assert_eq!(read.buckets().collect::<Vec<_>>(), histogram.buckets().collect::<Vec<_>>());
    }
}
