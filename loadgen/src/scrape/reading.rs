//! What one page says: the selected counter, its breakdowns, when the process began, latencies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::latency::{self, Latency};
use super::{Exposition, Route, Sample, ScrapeError};
use crate::model::{Selector, StatusClass};

/// Up to here every whole number is a double.
const MOST: f64 = 9_007_199_254_740_992.0;
/// The counter of connections that our own replica has; others may have it too.
const CONNECTIONS: &str = "http_connections_total";
/// Labels under which services put the status.
const STATUS_LABELS: [&str; 4] = ["status", "code", "status_code", "http_status"];

/// A replica's page, as far as the counts need it. Counts are totals since the process began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Sum over the selected series.
    pub total: u64,
    /// The same by status class, where the series tell it.
    pub by_class: BTreeMap<StatusClass, u64>,
    /// All series of the counter's name by their `handler` label, selected or not.
    pub by_handler: BTreeMap<String, u64>,
    /// The same by [`Route`] and status class, where the series tell a handler.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_route: BTreeMap<Route, BTreeMap<StatusClass, u64>>,
    /// When the process began, seconds since 1970.
    pub process_start: Option<f64>,
    /// When each selected series began, by its labels.
    pub created: BTreeMap<String, f64>,
    /// Connections accepted, where the page tells.
    pub connections: Option<u64>,
    /// CPU time that the process used, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Whether one of the selected series is the sum of the others, so that each request is in
    /// `total` twice.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub doubled: bool,
    /// Every latency histogram whose scope is the selected series or the whole process.
    pub latencies: BTreeMap<String, Latency>,
}

/// A proxy's page. Counts are totals since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyReading {
    /// Requests taken, all hosts.
    pub total: u64,
    /// The same by `host` label, where the series have one.
    pub by_host: BTreeMap<String, u64>,
}

impl Reading {
    /// Digests a replica's page.
    pub fn of(url: &str, page: &Exposition<'_>, selector: &Selector) -> Result<Self, ScrapeError> {
        let mut reading = Self {
            total: total(url, page, selector)?,
            ..Self::default()
        };
        for sample in page.named(&selector.name) {
            // A series that is not selected is no concern of the counts when it is no count.
            if let (Some(handler), Ok(count)) =
                (sample.label("handler"), count(url, selector, sample.value))
            {
                *reading.by_handler.entry(handler.to_owned()).or_default() += count;
                let route = Route::new(sample.label("method"), handler);
                let class = class_of(sample).unwrap_or(StatusClass(0));
                let classes = reading.by_route.entry(route).or_default();
                *classes.entry(class).or_default() += count;
            }
            if let (true, Some(class)) = (selector.matches(sample), class_of(sample)) {
                *reading.by_class.entry(class).or_default() += count(url, selector, sample.value)?;
            }
        }
        reading.process_start = page
            .named("process_start_time_seconds")
            .next()
            .map(|sample| sample.value)
            .filter(|start| start.is_finite());
        reading.cpu_seconds = page
            .named("process_cpu_seconds_total")
            .next()
            .map(|sample| sample.value)
            .filter(|seconds| seconds.is_finite());
        reading.doubled = is_doubled(page, selector);
        reading.connections = page
            .named(CONNECTIONS)
            .next()
            .and_then(|sample| count(url, selector, sample.value).ok());
        let base = selector
            .name
            .strip_suffix("_total")
            .unwrap_or(&selector.name);
        let created = format!("{base}_created");
        reading.created = page
            .named(&created)
            .filter(|sample| selector.labels_match(sample) && sample.value.is_finite())
            .map(|sample| (key_of(sample), sample.value))
            .collect();
        reading.latencies = latency::read(page, selector);
        Ok(reading)
    }

    /// Whether this later page is another process's, or one whose counters began anew.
    #[must_use]
    pub fn is_reset_since(&self, before: &Self) -> bool {
        // Some services work out their start anew at each read, from a boot time that jitters.
        let moved = |a: f64, b: f64| (a - b).abs() > 0.9;
        let restarted = (self.process_start.zip(before.process_start))
            .is_some_and(|(now, then)| moved(now, then));
        let recreated = before
            .created
            .iter()
            .any(|(key, then)| self.created.get(key).is_none_or(|now| moved(*now, *then)));
        let fell = (before.by_class.iter())
            .any(|(class, then)| self.by_class.get(class).copied().unwrap_or(0) < *then);
        restarted || recreated || fell || self.total < before.total
    }
}

/// Whether one series beside others has fewer labels than all of them, and their sum: a series for
/// all requests beside one for each status, say.
fn is_doubled(page: &Exposition<'_>, selector: &Selector) -> bool {
    let named = page.named(&selector.name);
    let selected: Vec<_> = named.filter(|sample| selector.matches(sample)).collect();
    let sum: f64 = selected.iter().map(|sample| sample.value).sum();
    selected.iter().any(|whole| {
        let parts = selected.iter().filter(|part| !std::ptr::eq(*part, whole));
        let mut parts = parts.peekable();
        let is_part = |part: &&&Sample<'_>| {
            part.labels.len() > whole.labels.len()
                && (whole.labels.iter()).all(|(name, value)| part.label(name) == Some(value))
        };
        whole.value > 0.0
            && parts.peek().is_some()
            && parts.all(|part| is_part(&part))
            && (sum - 2.0 * whole.value).abs() < 0.5
    })
}

impl ProxyReading {
    /// Digests a proxy's page of the Prometheus kind.
    pub fn of(url: &str, page: &Exposition<'_>, selector: &Selector) -> Result<Self, ScrapeError> {
        let mut reading = Self {
            total: total(url, page, selector)?,
            by_host: BTreeMap::new(),
        };
        for sample in page
            .samples
            .iter()
            .filter(|sample| selector.matches(sample))
        {
            if let Some(host) = sample.label("host") {
                *reading.by_host.entry(host.to_owned()).or_default() +=
                    count(url, selector, sample.value)?;
            }
        }
        Ok(reading)
    }
}

fn total(url: &str, page: &Exposition<'_>, selector: &Selector) -> Result<u64, ScrapeError> {
    let sum = selector
        .sum(page)
        .ok_or_else(|| ScrapeError::MissingCounter {
            url: url.to_owned(),
            counter: selector.name.clone(),
        })?;
    count(url, selector, sum)
}

/// A counter is a double on the page and a whole number in the counts.
fn count(url: &str, selector: &Selector, value: f64) -> Result<u64, ScrapeError> {
    if value.fract() == 0.0 && (0.0..=MOST).contains(&value) {
        Ok(value as u64)
    } else {
        Err(ScrapeError::NotACount {
            url: url.to_owned(),
            counter: selector.to_string(),
            value: value.to_string(),
        })
    }
}

/// `2xx`, `200` and `2XX` are all class 2.
fn class_of(sample: &Sample<'_>) -> Option<StatusClass> {
    let status = STATUS_LABELS.iter().find_map(|label| sample.label(label))?;
    match status.as_bytes() {
        [digit @ b'1'..=b'9', _, _] => Some(StatusClass(digit - b'0')),
        _ => None,
    }
}

fn key_of(sample: &Sample<'_>) -> String {
    let pairs: Vec<_> = sample
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::parse;

    fn reading(page: &str) -> Result<Reading, ScrapeError> {
        let selector = r#"http_requests_total{handler="/"}"#.parse().expect("valid");
        Reading::of(
            "http://r/metrics",
            &parse(page).expect("valid page"),
            &selector,
        )
    }

    const PAGE: &str = "# TYPE http_requests_total counter\n\
        http_requests_total{handler=\"/\",method=\"GET\",status=\"2xx\"} 1.5e+03\n\
        http_requests_total{handler=\"/\",method=\"GET\",status=\"5xx\"} 2.0\n\
        http_requests_total{handler=\"/metrics\",method=\"GET\",status=\"2xx\"} 7.0\n\
        http_requests_created{handler=\"/\",method=\"GET\",status=\"2xx\"} 1.7e+09\n\
        http_connections_total 12.0\n\
        process_start_time_seconds 1.6e+09\n";

    #[test]
    fn a_page_is_digested_by_class_and_handler() {
        let reading = reading(PAGE).expect("readable");
        assert_eq!(reading.total, 1502);
        assert_eq!(reading.by_class[&StatusClass(5)], 2);
        assert_eq!(reading.by_handler["/metrics"], 7);
        assert_eq!(reading.process_start, Some(1.6e9));
        assert_eq!(reading.connections, Some(12));
        assert_eq!(reading.created.len(), 1);
    }

    #[test]
    fn a_counter_that_is_missing_or_no_count_is_refused() {
        assert!(matches!(
            reading("m 1\n"),
            Err(ScrapeError::MissingCounter { .. })
        ));
        for value in ["NaN", "-1", "1.5", "+Inf", "1e300"] {
            let page = format!("http_requests_total{{handler=\"/\"}} {value}\n");
            assert!(
                matches!(reading(&page), Err(ScrapeError::NotACount { .. })),
                "{value}"
            );
        }
    }

    #[test]
    fn a_reset_is_seen_by_a_fall_a_new_start_or_a_new_creation() {
        let before = reading(PAGE).expect("readable");
        let after = |from: &str, to: &str| reading(&PAGE.replace(from, to)).expect("readable");
        assert!(!before.is_reset_since(&before));
        assert!(!after("1.5e+03", "1.6e+03").is_reset_since(&before));
        assert!(after("1.5e+03", "1.4e+03").is_reset_since(&before));
        assert!(after("1.6e+09", "1.61e+09").is_reset_since(&before));
        assert!(after("1.7e+09", "1.71e+09").is_reset_since(&before));
    }
}
