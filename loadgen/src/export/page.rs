//! The page itself, in Prometheus' text format 0.0.4.

use std::fmt::{Display, Write as _};
use std::time::UNIX_EPOCH;

use super::buckets::Buckets;
use super::meter::{GroupSums, Sums};
use crate::model::{ErrorClass, plain};

pub(super) fn write(sums: &Sums) -> String {
    let mut page = Page::default();
    page.about(sums);
    page.requests(sums);
    page.answers(sums);
    page.times(sums);
    page.text
}

type CountOf = fn(&GroupSums) -> u64;

/// Counters with one sample per group.
const PER_GROUP: [(&str, &str, CountOf); 7] = [
    (
        "loadgen_requests_planned_total",
        "Arrivals that the schedule asked for.",
        |group| group.counts.planned,
    ),
    (
        "loadgen_requests_sent_total",
        "Requests handed to the kernel, or whose connection failed.",
        |group| group.counts.sent,
    ),
    (
        "loadgen_requests_dropped_total",
        "Arrivals given up because every connection was busy for too long.",
        |group| group.counts.dropped,
    ),
    (
        "loadgen_requests_succeeded_total",
        "Requests answered with 2xx or 3xx.",
        |group| group.counts.succeeded,
    ),
    (
        "loadgen_requests_failed_total",
        "Requests answered with another status, or not at all.",
        |group| group.counts.failed,
    ),
    (
        "loadgen_warmup_requests_total",
        "Requests of the warm-up, which are in no other figure.",
        |group| group.warmup_requests,
    ),
    (
        "loadgen_connections_opened_total",
        "Connections made.",
        |group| group.counts.connections.opened,
    ),
];

type BucketsOf = fn(&GroupSums) -> &Buckets;

const HISTOGRAMS: [(&str, &str, BucketsOf); 3] = [
    (
        "loadgen_response_time_seconds",
        "From when a request was due to its end: what a user would have felt.",
        |group| &group.response,
    ),
    (
        "loadgen_service_time_seconds",
        "From when a request was sent to its end: what the system did once asked.",
        |group| &group.service,
    ),
    (
        "loadgen_send_lag_seconds",
        "From when a request was due to when it was sent: what the generator did.",
        |group| &group.lag,
    ),
];

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn about(&mut self, sums: &Sums) {
        self.family("loadgen_build_info", "gauge", "The version of loadgen.");
        let version = env!("CARGO_PKG_VERSION");
        self.sample("loadgen_build_info", &[("version", version)], 1);
        let name = "loadgen_start_time_seconds";
        self.family(name, "gauge", "When the test began, since 1970.");
        let started = sums.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.sample(name, &[], started.as_secs_f64());
        let name = "loadgen_load_running";
        self.family(
            name,
            "gauge",
            "1 while the load is on; with 0 after it, all counts are final.",
        );
        self.sample(name, &[], u8::from(sums.running));
        let name = "loadgen_measured_seconds_total";
        self.family(
            name,
            "counter",
            "Seconds of the measured part on this page.",
        );
        self.sample(name, &[], sums.seconds);
    }

    fn requests(&mut self, sums: &Sums) {
        for (name, help, count) in PER_GROUP {
            self.family(name, "counter", help);
            for group in &sums.groups {
                self.sample(name, &[("host", &group.host)], count(group));
            }
        }
    }

    fn answers(&mut self, sums: &Sums) {
        let name = "loadgen_answers_total";
        self.family(name, "counter", "Answers by HTTP status.");
        for group in &sums.groups {
            for (status, count) in &group.counts.status {
                let labels = [("host", &*group.host), ("status", &status.to_string())];
                self.sample(name, &labels, count);
            }
        }
        let name = "loadgen_replica_answers_total";
        let help = "Answers by the replica they name; failed is neither 2xx nor 3xx.";
        self.family(name, "counter", help);
        for group in &sums.groups {
            for (id, (good, bad)) in &group.replicas {
                for (result, count) in [("succeeded", good), ("failed", bad)] {
                    let labels = [
                        ("host", &*group.host),
                        ("replica", &*id.0),
                        ("result", result),
                    ];
                    self.sample(name, &labels, count);
                }
            }
        }
        let name = "loadgen_errors_total";
        self.family(name, "counter", "Requests without an answer, by class.");
        for group in &sums.groups {
            // Every class from the beginning: a rate is seen only of a series that was there.
            for class in ErrorClass::ALL {
                let count = group.counts.errors.get(&class).copied().unwrap_or(0);
                let labels = [("host", &*group.host), ("class", class.name())];
                self.sample(name, &labels, count);
            }
        }
    }

    fn times(&mut self, sums: &Sums) {
        for (name, help, of) in HISTOGRAMS {
            self.family(name, "histogram", help);
            for group in &sums.groups {
                let (host, buckets) = (("host", &*group.host), of(group));
                let bucket = format!("{name}_bucket");
                for (bound, count) in buckets.cumulative() {
                    self.sample(&bucket, &[host, ("le", &bound.to_string())], count);
                }
                self.sample(&bucket, &[host, ("le", "+Inf")], buckets.count());
                self.sample(&format!("{name}_sum"), &[host], buckets.sum);
                self.sample(&format!("{name}_count"), &[host], buckets.count());
            }
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            let opening = if place == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{opening}{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// A label's value as the format wants it. Names come from the target: none of them ends the
/// label, the line or the page.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in plain(value).chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Meter;
    use super::*;
    use crate::model::{Nanos, ReplicaId};
    use crate::recorder::{ReplicaTally, Tally, Window};

    fn second(number: u64, replica: &str) -> Window {
        let mut tally = Tally::default();
        tally.counts.planned = 3;
        tally.counts.sent = 3;
        tally.counts.succeeded = 2;
        tally.counts.failed = 1;
        tally.counts.status.insert(200, 2);
        tally.counts.errors.insert(ErrorClass::BodyTimeout, 1);
        for _ in 0..3 {
            tally.response.record(Nanos(2_000_000));
            tally.service.record(Nanos(1_000_000));
            tally.lag.record(Nanos(20_000));
        }
        let answered = ReplicaTally {
            requests: 2,
            failed: 0,
            ..ReplicaTally::default()
        };
        tally.replicas.insert(ReplicaId(replica.into()), answered);
        Window {
            start: (number * Nanos::SECOND.0).cast_signed(),
            length: Nanos::SECOND,
            tally,
            ..Window::default()
        }
    }

    fn meter(replica: &str) -> Meter {
        let meter = Meter::new();
        meter.begin(["app \"1\"\\"].into_iter());
        meter.add(&second(0, replica));
        meter.add(&second(1, replica));
        meter
    }

    #[test]
    fn seconds_add_up_and_the_load_ends() {
        let meter = meter("a");
        let page = write(&meter.sums());
        for line in [
            "loadgen_load_running 1",
            "loadgen_measured_seconds_total 2",
            r#"loadgen_requests_planned_total{host="app \"1\"\\"} 6"#,
            r#"loadgen_answers_total{host="app \"1\"\\",status="200"} 4"#,
            r#"loadgen_replica_answers_total{host="app \"1\"\\",replica="a",result="succeeded"} 4"#,
            r#"loadgen_errors_total{host="app \"1\"\\",class="body-timeout"} 2"#,
            r#"loadgen_errors_total{host="app \"1\"\\",class="connect"} 0"#,
            r#"loadgen_response_time_seconds_bucket{host="app \"1\"\\",le="0.001"} 0"#,
            r#"loadgen_response_time_seconds_bucket{host="app \"1\"\\",le="0.0025"} 6"#,
            r#"loadgen_send_lag_seconds_bucket{host="app \"1\"\\",le="0.000025"} 6"#,
            r#"loadgen_service_time_seconds_bucket{host="app \"1\"\\",le="+Inf"} 6"#,
            r#"loadgen_service_time_seconds_count{host="app \"1\"\\"} 6"#,
        ] {
            assert!(
                page.lines().any(|told| told == line),
                "no {line} in\n{page}"
            );
        }
        meter.end();
        assert!(write(&meter.sums()).contains("\nloadgen_load_running 0\n"));
    }

    #[test]
    fn a_hostile_replica_cannot_write_a_sample_of_its_own() {
        let page = write(&meter("x\"} 1\nevil 666\r\nmore \\").sums());
        assert!(!page.lines().any(|line| line.starts_with("evil")), "{page}");
        assert!(
            page.contains(r#"replica="x\"} 1\\nevil 666\\r"#) && !page.contains('\r'),
            "{page}"
        );
    }

    #[test]
    fn before_the_load_the_page_is_there_and_empty_of_groups() {
        let page = write(&Meter::new().sums());
        assert!(page.contains("loadgen_load_running 0\n"), "{page}");
        assert!(!page.contains("host="), "{page}");
    }
}
