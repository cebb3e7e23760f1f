//! What the benches measure on: synthetic runs, a schedule, and a metrics page.

use loadgen::checks::judge;
use loadgen::model::{Nanos, Outcome, Rate};
use loadgen::record::{Evidence, Record, assemble};
use loadgen::schedule::{Process, Profile, Schedule};
use loadgen::synthetic::{Fate, Run, Setup};

/// The names the replicas give.
pub const REPLICAS: [&str; 4] = [
    "782bf3ef4322",
    "3c56bd588a50",
    "a1b2c3d4e5f6",
    "0f1e2d3c4b5a",
];

/// A schedule without a warm-up.
///
/// # Panics
/// Where `rate` is no rate.
#[must_use]
pub fn schedule(rate: f64, seconds: u64, process: Process) -> Schedule {
    Schedule {
        process,
        profile: Profile::Constant {
            rate: Rate::new(rate).expect("a rate"),
        },
        warmup: Nanos::ZERO,
        duration: Nanos(seconds * Nanos::SECOND.0),
        requests: None,
    }
}

/// A stream of pseudo-random service times: 200 µs and up, with a long tail.
pub fn service_times() -> impl Iterator<Item = Nanos> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        Nanos((200_000.0 - 80_000.0 * (1.0 - uniform).ln()) as u64)
    })
}

/// A run of four replicas in turn.
#[must_use]
pub fn run(rate: f64, seconds: u64) -> Run {
    let setup = Setup {
        host: "app-group-1".into(),
        replicas: REPLICAS.map(str::to_owned).into(),
        rate,
        seconds,
        connections: 64,
    };
    let mut times = service_times();
    setup.run(|k, _due| Fate {
        lag: Nanos(20_000),
        service: times.next(),
        outcome: Outcome::Answered { status: 200 },
        name: REPLICAS[k as usize % REPLICAS.len()],
    })
}

/// The evidence and the record of a run of ten minutes with four replicas.
#[must_use]
pub fn ten_minutes() -> (Evidence, Record) {
    let run = run(500.0, 600);
    let evidence = run.evidence();
    let record = assemble(&evidence, &judge(&evidence), run.intervals);
    (evidence, record)
}

/// A metrics page as the replica serves it, some 150 lines.
#[must_use]
pub fn metrics_page() -> String {
    use std::fmt::Write as _;
    let mut page = String::new();
    for family in [
        "http_request_duration_seconds",
        "http_request_duration_highr_seconds",
        "fine_seconds",
    ] {
        let _ = writeln!(page, "# HELP {family} Latency.\n# TYPE {family} histogram");
        for bucket in 1..=40 {
            let _ = writeln!(
                page,
                "{family}_bucket{{handler=\"/\",le=\"{}\",method=\"GET\"}} {}",
                f64::from(bucket) / 100.0,
                bucket * 1_000
            );
        }
        let _ = writeln!(
            page,
            "{family}_bucket{{handler=\"/\",le=\"+Inf\",method=\"GET\"}} 40000"
        );
        let _ = writeln!(
            page,
            "{family}_sum{{handler=\"/\",method=\"GET\"}} 1.234567e+06"
        );
        let _ = writeln!(page, "{family}_count{{handler=\"/\",method=\"GET\"}} 40000");
    }
    page.push_str("# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n");
    for handler in ["/", "/metrics", "/healthz", "none"] {
        for status in ["2xx", "4xx", "5xx"] {
            let _ = writeln!(
                page,
                "http_requests_total{{handler=\"{handler}\",method=\"GET\",status=\"{status}\"}} 12345.0"
            );
        }
    }
    page
}
