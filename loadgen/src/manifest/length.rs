//! How much a worker says over a run. A kubelet keeps the end of a container's log, and of a worker
//! whose beginning is missing nothing can be believed.

use super::{Asked, ManifestError};
use crate::plan::GroupPlan;

/// Bytes of a histogram in a line, of one request and for the root of their number: measured on windows
/// of 10 to 10,000 requests, and a quarter more.
const OF_HISTOGRAM: f64 = 450.0;
const OF_ROOT: f64 = 18.0;
/// More requests than this fill no more buckets.
const MOST_FILLED: f64 = 20_000.0;
/// Histograms of a group's second, without those of its replicas and of its requests by name.
const HISTOGRAMS: usize = 5;
/// Replicas that answer, where it is not known how many.
const REPLICAS: usize = 4;
/// The signs of life of a second, and what a container runtime writes before each line.
const OF_SECOND: f64 = 400.0;
/// The first and the last lines.
const OF_RUN: f64 = 8_192.0;
/// Of what a kubelet keeps, the part that is safe.
const SAFE: f64 = 0.8;

/// How many bytes the log of a worker has at the end, where that is safe.
pub(super) fn check(asked: &Asked) -> Result<u64, ManifestError> {
    let each = of_second(asked);
    let plan = &asked.job.plan;
    let rest = (plan.warmup + plan.timeout * 2).as_secs_f64();
    let seconds = plan.duration.as_secs_f64();
    let bytes = OF_RUN + each * (seconds + rest);
    let most = asked.log_kept as f64 * SAFE;
    if bytes <= most {
        return Ok(bytes as u64);
    }
    Err(ManifestError::TooLong {
        bytes: bytes as u64,
        kept: asked.log_kept,
        most: most as u64,
        seconds: ((most - OF_RUN) / each - rest).max(0.0) as u64,
    })
}

/// Bytes of a worker's second.
fn of_second(asked: &Asked) -> f64 {
    let plan = &asked.job.plan;
    let of_group = |group: &GroupPlan| {
        let rate = group.load.peak_rate().unwrap_or(f64::INFINITY);
        let filled = (rate / f64::from(asked.workers)).min(MOST_FILLED);
        let known = asked.job.topology.replicas_of(&group.host).count();
        let names = if group.requests.len() > 1 {
            2 * group.requests.len()
        } else {
            0
        };
        let histograms = HISTOGRAMS + known.max(REPLICAS) + names;
        histograms as f64 * (OF_HISTOGRAM + OF_ROOT * filled.sqrt())
    };
    OF_SECOND + plan.groups.iter().map(of_group).sum::<f64>()
}
