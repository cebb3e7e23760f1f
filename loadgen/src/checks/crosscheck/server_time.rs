//! Where the time went: generator, network and proxy, replica, by the replicas' own histograms.

use crate::checks::evidence::GroupEvidence;
use crate::model::Nanos;
use crate::plan::SERVER_QUANTILES;
use crate::record::{BucketedQuantile, Code, CountVerdict, CrossCheck, Finding, ServerTime};
use crate::scrape::Latency;

/// The replicas' own latency beside the client's; `None` where no page has a histogram.
pub(in crate::checks) fn server_time(
    group: &GroupEvidence<'_>,
    crosscheck: &CrossCheck,
    findings: &mut Vec<Finding>,
) -> Option<ServerTime> {
    let (metric, latency) = summed(group)?;
    let service = &group.tally.service;
    let replica_mean = latency.mean()? * 1e9;
    let quantile = |quantile: f64| {
        let bucket = latency.quantile(quantile)?;
        Some(BucketedQuantile {
            quantile,
            lower: (bucket.lower * 1e9) as u64,
            upper: bucket
                .upper
                .is_finite()
                .then_some((bucket.upper * 1e9) as u64),
            client: service.quantile(quantile).0,
        })
    };
    findings.extend(impossible(group, crosscheck, &latency));
    Some(ServerTime {
        metric,
        count: latency.count,
        lag_mean: group.tally.lag.mean().0,
        network_and_proxy_mean: service.mean().0.cast_signed() - replica_mean as i64,
        replica_mean: replica_mean as u64,
        quantiles: SERVER_QUANTILES
            .iter()
            .filter_map(|(_, known)| quantile(*known))
            .collect(),
    })
}

/// The sum over the replicas of the finest histogram that all of them have.
fn summed(group: &GroupEvidence<'_>) -> Option<(String, Latency)> {
    let (family, _) = group.deltas().find_map(|delta| delta.finest_latency())?;
    let mut sum = Latency::default();
    for delta in group.deltas() {
        if !sum.add(delta.latencies.get(family)?) {
            return None;
        }
    }
    (sum.count > 0).then(|| (family.to_owned(), sum))
}

/// No client waits for less time than its replica works.
///
/// The replicas' histogram holds the warm-up too, which may have been slower. So the client's
/// quantile is held against the lowest the replicas' can be when every warm-up request was among
/// the slowest. With foreign traffic or lost requests nothing can be said.
fn impossible(
    group: &GroupEvidence<'_>,
    crosscheck: &CrossCheck,
    latency: &Latency,
) -> Option<Finding> {
    let counts = &group.tally.counts;
    let measured = counts.answered();
    let clean = crosscheck.verdict == CountVerdict::Agree
        && crosscheck.residuals.is_empty()
        && measured == counts.sent
        && counts.sent + group.warmup.counts.sent == latency.count;
    if !clean || measured < 100 {
        return None;
    }
    let measured_share = measured as f64 / latency.count as f64;
    let (quantile, lowest, client) = [0.5, 0.9].into_iter().find_map(|quantile| {
        let lowest = latency.quantile(quantile * measured_share)?.lower;
        let client = group.tally.service.quantile(quantile);
        // The client's histogram keeps three digits.
        ((client.as_secs_f64() * 1.002) < lowest).then_some((quantile, lowest, client))
    })?;
    let message = format!(
        "the client's p{:.0} of {client} is below the {} that the replicas themselves needed at least",
        quantile * 100.0,
        Nanos::from_secs_f64(lowest)
    );
    Some(
        Finding::new(Code::ImpossibleLatency, message)
            .of_group(group.name)
            .hint("no answer can be faster than its replica: the clocks or the scope of the histogram are wrong"),
    )
}
