//! A replica's own latency histogram: cumulative buckets, their difference and their quantiles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Exposition;
use crate::model::Selector;

/// A latency histogram in seconds. Of a page: totals. Of a delta: what was added between two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    /// Their sum, in seconds.
    pub sum: f64,
    /// Upper bounds in seconds, ascending, with the observations up to each (cumulative).
    #[serde(with = "bounds")]
    pub buckets: Vec<(f64, u64)>,
}

/// Buckets as JSON has them, which knows no infinity: that bound is `null`.
mod bounds {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        buckets: &[(f64, u64)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let finite = |(bound, count): &(f64, u64)| (bound.is_finite().then_some(*bound), *count);
        to.collect_seq(buckets.iter().map(finite))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(f64, u64)>, D::Error> {
        let buckets = Vec::<(Option<f64>, u64)>::deserialize(from)?.into_iter();
        Ok(buckets
            .map(|(bound, count)| (bound.unwrap_or(f64::INFINITY), count))
            .collect())
    }
}

/// The bucket a quantile falls into: above `lower` and up to `upper`, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Exclusive; 0 for the first.
    pub lower: f64,
    /// Inclusive; infinite for the last.
    pub upper: f64,
}

impl Latency {
    /// What was observed between two pages; `None` when the buckets differ or fell.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<Self> {
        if before.buckets.is_empty() {
            return Some(self.clone());
        }
        if self.buckets.len() != before.buckets.len() {
            return None;
        }
        let pairs = self.buckets.iter().zip(&before.buckets);
        let buckets = pairs
            .map(|(now, then)| {
                let same = now.0.total_cmp(&then.0).is_eq();
                Some((now.0, now.1.checked_sub(then.1).filter(|_| same)?))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            count: self.count.checked_sub(before.count)?,
            sum: (self.sum - before.sum).max(0.0),
            buckets,
        })
    }

    /// Adds another replica's; `false`, and nothing added, when the buckets differ.
    pub fn add(&mut self, other: &Self) -> bool {
        if self.buckets.is_empty() && self.count == 0 {
            *self = other.clone();
            return true;
        }
        let bounds = |latency: &Self| -> Vec<u64> {
            latency
                .buckets
                .iter()
                .map(|(bound, _)| bound.to_bits())
                .collect()
        };
        if bounds(self) != bounds(other) {
            return false;
        }
        self.count += other.count;
        self.sum += other.sum;
        for (ours, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            ours.1 += theirs.1;
        }
        true
    }

    /// The mean in seconds; `None` when nothing was observed.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The bucket in which the quantile (0–1) lies; `None` when nothing was observed.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Bucket> {
        let rank = ((self.count as f64 * quantile).ceil() as u64).max(1);
        let mut lower = 0.0;
        for (upper, cumulative) in &self.buckets {
            if *cumulative >= rank {
                return Some(Bucket {
                    lower,
                    upper: *upper,
                });
            }
            lower = *upper;
        }
        (self.count > 0).then_some(Bucket {
            lower,
            upper: f64::INFINITY,
        })
    }
}

/// The families of a page that can be latencies of the selected requests: named so, in seconds,
/// with the selector's handler or no handler at all.
pub(super) fn read(page: &Exposition<'_>, selector: &Selector) -> BTreeMap<String, Latency> {
    let mut found: BTreeMap<String, (Latency, BTreeMap<u64, u64>)> = BTreeMap::new();
    for sample in &page.samples {
        let Some((family, part)) = split(&sample.name) else {
            continue;
        };
        let (wanted, handler) = (selector.label("handler"), sample.label("handler"));
        let in_scope = wanted.is_none() || handler.is_none() || handler == wanted;
        if !in_scope || !(0.0..1e15).contains(&sample.value) {
            continue;
        }
        let (latency, buckets) = found.entry(family.to_owned()).or_default();
        match part {
            "_sum" => latency.sum += sample.value,
            "_count" => latency.count += sample.value as u64,
            _ => {
                let bound: Option<f64> = sample.label("le").and_then(|le| le.parse().ok());
                // The bits of positive doubles are in the order of their values.
                if let Some(bound) = bound.filter(|bound| *bound >= 0.0) {
                    *buckets.entry(bound.to_bits()).or_default() += sample.value as u64;
                }
            }
        }
    }
    found.retain(|_, (_, buckets)| buckets.len() > 1);
    let finish = |(family, (mut latency, buckets)): (String, (Latency, BTreeMap<u64, u64>))| {
        latency.buckets = buckets
            .into_iter()
            .map(|(bits, count)| (f64::from_bits(bits), count))
            .collect();
        (family, latency)
    };
    found.into_iter().map(finish).collect()
}

fn split(name: &str) -> Option<(&str, &'static str)> {
    ["_bucket", "_sum", "_count"].into_iter().find_map(|part| {
        let family = name.strip_suffix(part)?;
        let is_latency = family.contains("duration") || family.contains("latency");
        (is_latency && family.ends_with("_seconds")).then_some((family, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: [u64; 3]) -> Latency {
        Latency {
            count: counts[2],
            sum: 0.1 * counts[2] as f64,
            buckets: [0.1, 0.5, f64::INFINITY].into_iter().zip(counts).collect(),
        }
    }

    #[test]
    fn a_quantile_is_known_to_its_bucket() {
        let latency = of([90, 99, 100]);
        let bucket = |quantile| {
            latency
                .quantile(quantile)
                .map(|bucket| (bucket.lower, bucket.upper))
        };
        assert_eq!(bucket(0.5), Some((0.0, 0.1)));
        assert_eq!(bucket(0.95), Some((0.1, 0.5)));
        assert_eq!(bucket(1.0), Some((0.5, f64::INFINITY)));
        assert_eq!(Latency::default().quantile(0.5), None);
    }

    #[test]
    fn a_delta_holds_what_was_added_and_refuses_what_fell() {
        let delta = of([10, 20, 30]).since(&of([4, 5, 6])).expect("grew");
        assert_eq!(
            delta.buckets.iter().map(|(_, n)| *n).collect::<Vec<_>>(),
            [6, 15, 24]
        );
        assert_eq!(of([1, 2, 3]).since(&of([4, 5, 6])), None);
        let mut sum = Latency::default();
        assert!(sum.add(&delta) && sum.add(&delta));
        assert_eq!(sum.count, 48);
    }

    #[test]
    fn a_family_is_read_in_the_selectors_scope() {
        let page = crate::scrape::parse(
            "d_duration_seconds_bucket{handler=\"/\",le=\"0.1\"} 1\nd_duration_seconds_bucket{handler=\"/\",le=\"+Inf\"} 2\n\
             d_duration_seconds_sum{handler=\"/\"} 0.3\nd_duration_seconds_count{handler=\"/\"} 2\n\
             d_duration_seconds_bucket{handler=\"/x\",le=\"0.1\"} 9\nd_duration_seconds_count{handler=\"/x\"} 9\n",
        ).expect("valid");
        let selector = "n{handler=\"/\"}".parse().expect("valid");
        let latency = &read(&page, &selector)["d_duration_seconds"];
        assert_eq!((latency.count, latency.buckets.len()), (2, 2));
    }
}
