//! Synthetic records for tests: the same seed gives the same record, on every machine.

use super::Scene;
use crate::plan::{PlanFields, Route, Sense, Threshold};
use crate::record::{
    BalanceVerdict, BucketedQuantile, Certificate, CertificateItem, Code, CountVerdict, Finding,
    Held, Record, RequestCheck, RequestRecord, Residual, ServerTime, Severity, Status, ThreadInfo,
    ThresholdResult, Verdict,
};
use crate::schedule::Slice;

/// A quiet run: everything answered, even, equal counts.
pub fn clean() -> Record {
    Scene::default().record()
}

/// A replica that is slow and one that starves, errors, a threshold failed, counts with residuals.
pub fn failed() -> Record {
    let scene = Scene {
        replicas: vec!["782bf3ef4322", "a90c11d7e85b", "c3d0e5f60718"],
        slow: Some((1, 4)),
        starved: Some((2, 5..10)),
        failing: 0.02,
        ..Scene::default()
    };
    let mut record = scene.record();
    record.verdict = Verdict {
        status: Status::Fail,
        exit_code: 99,
    };
    record.findings = vec![
        finding(
            "starved-replica",
            Severity::Failure,
            "replica c3d0e5f60718 was running and got nothing from second 5 on",
            Some("check `max_fails` and the health check of that upstream server"),
        ),
        finding(
            "threshold-failed",
            Severity::Failure,
            "p99 was 8.91 ms, above the limit of 5 ms",
            None,
        ),
        finding(
            "retried-requests",
            Severity::Warning,
            "NGINX tried a second server for 14 requests",
            Some("see `proxy_next_upstream`"),
        ),
    ];
    record.thresholds = vec![
        threshold("p99>5ms", true, 8.91e6, 5e6, -0.782),
        threshold("error_rate>5%", false, 0.02, 0.05, 0.6),
        threshold("dropped>0", false, 0.0, 0.0, 0.0),
    ];
    let group = &mut record.groups[0];
    group.balance.verdict = BalanceVerdict::Uneven;
    group.balance.max_minus_min = 1_667;
    group.balance.identified = Some("least-conn".into());
    group.crosscheck.proxy = Some(5_000);
    group.crosscheck.replicas = Some(5_014);
    group.crosscheck.residuals = vec![Residual {
        name: "retried-requests".into(),
        count: 14,
        side: "replicas".into(),
        note: Some("answers whose X-Upstream names two servers".into()),
    }];
    record
}

/// A run whose generator could not keep up.
pub fn invalid() -> Record {
    let scene = Scene {
        lag: 9_000.0,
        ..Scene::default()
    };
    let mut record = scene.record();
    record.verdict = Verdict {
        status: Status::Invalid,
        exit_code: 4,
    };
    record.findings = vec![
        finding(
            "generator-lag",
            Severity::Invalid,
            "send lag at p99 was 26.1 ms, above its budget of 1 ms",
            Some("use fewer --connections, more --threads, or a machine with more cores"),
        ),
        finding(
            "count-mismatch",
            Severity::Failure,
            "the replicas counted 3 requests that nobody sent",
            None,
        ),
    ];
    record.threads = vec![
        ThreadInfo {
            waited: 12_000_000,
            cpu: 9_700_000_000,
            share: 0.97,
            busiest_second: 0.99,
        },
        ThreadInfo {
            waited: 9_000_000,
            cpu: 9_500_000_000,
            share: 0.95,
            busiest_second: 0.98,
        },
    ];
    record.certificate.holds = vec![Held {
        group: "app-group-1".into(),
        what: "5,000 × status 200 were answered".into(),
    }];
    let checked = &mut record.groups[0].crosscheck;
    checked.verdict = CountVerdict::Disagree;
    checked.replicas = Some(checked.client + 3);
    checked.unnamed = 3;
    record
}

/// The shortest run people make.
pub fn one_second() -> Record {
    Scene {
        seconds: 1,
        rate: 100,
        ..Scene::default()
    }
    .record()
}

/// Nothing listens: every request failed to connect.
pub fn no_answers() -> Record {
    let mut record = Scene {
        answers: false,
        ..Scene::default()
    }
    .record();
    record.verdict = Verdict {
        status: Status::Fail,
        exit_code: 99,
    };
    record.findings = vec![finding(
        "all-failed",
        Severity::Failure,
        "none of 5000 requests was answered: connect",
        Some("is anything listening at http://127.0.0.1:8080?"),
    )];
    record
}

/// Gives a group a name that no plan would take, as a file may have it that somebody wrote.
fn relabel(record: &mut Record, host: &str) {
    host.clone_into(&mut record.groups[0].host);
    for interval in &mut record.intervals {
        host.clone_into(&mut interval.host);
    }
}

/// Names that would like to be markup or escape sequences.
pub fn hostile() -> Record {
    let mut record = Scene {
        replicas: vec![
            "<script>alert(1)</script>",
            "\u{1b}[31mred\u{7}",
            "]]>&amp;'\"",
        ],
        ..Scene::default()
    }
    .record();
    relabel(&mut record, "evil\"><img src=x onerror=alert(1)>");
    record.findings = vec![finding(
        "<b>code</b>",
        Severity::Warning,
        "</script><script>alert(2)</script>",
        Some("`<i>` & \u{202e}gnirts"),
    )];
    record.run.command = ["loadgen", "--host", "a'b", "--header", "X: </pre><script>"]
        .map(str::to_owned)
        .to_vec();
    record.stack.target = "javascript:alert(1)".into();
    record
}

/// Names longer than any line, and one that is written from right to left.
pub fn endless() -> Record {
    let long: &'static str = "replica-with-a-name-that-never-ends-".repeat(30).leak();
    let mut record = Scene {
        replicas: vec![long, "\u{645}\u{631}\u{62d}\u{628}\u{627}"],
        ..Scene::default()
    }
    .record();
    let hebrew = "\u{5e9}\u{5dc}\u{5d5}\u{5dd}-\u{5e2}\u{5d5}\u{5dc}\u{5dd}.example";
    relabel(&mut record, hebrew);
    record.findings = vec![finding("slow", Severity::Warning, long, Some(long))];
    record.run.command = ["loadgen", "--header", long].map(str::to_owned).to_vec();
    record.stack.target = format!("http://{long}/");
    timed(record)
}

/// A machine that could not keep up for three seconds, and gave arrivals up.
pub fn overloaded() -> Record {
    let mut record = Scene {
        given_up: 5..8,
        lag: 3_000.0,
        ..Scene::default()
    }
    .record();
    record.verdict = Verdict {
        status: Status::Invalid,
        exit_code: 4,
    };
    record.findings = vec![finding(
        "dropped-arrivals",
        Severity::Invalid,
        "600 of 5000 planned requests were given up",
        Some("give more `--connections`"),
    )];
    let mut record = timed(record);
    record.certificate.items[1].ok = false;
    record.groups[0].server_time = None;
    record
}

/// With the replicas' own times and the checks of the measurement, as real runs have them.
pub fn timed(mut record: Record) -> Record {
    for group in &mut record.groups {
        let service = group.service_time.mean;
        let quantile = |quantile, client: u64| BucketedQuantile {
            quantile,
            lower: client / 2,
            upper: Some(client * 7 / 10),
            client,
        };
        group.server_time = Some(ServerTime {
            metric: "http_request_duration_fine_seconds".into(),
            count: group.requests.sent + 500,
            lag_mean: group.send_lag.mean,
            network_and_proxy_mean: (service * 2 / 5).cast_signed(),
            replica_mean: service - service * 2 / 5,
            quantiles: vec![
                quantile(0.5, group.service_time.p50),
                quantile(0.9, group.service_time.p90),
                quantile(0.99, group.service_time.p99),
            ],
        });
    }
    let host = record.groups.first().map(|group| group.host.clone());
    let item = |name: &str, observed: &str, budget: &str| CertificateItem {
        name: name.into(),
        group: host.clone(),
        observed: observed.into(),
        budget: budget.into(),
        ok: true,
    };
    record.certificate = Certificate {
        items: vec![
            item("send lag p99", "79.4 µs", "at most 1.00 ms"),
            item("arrivals dropped", "0", "0"),
            item("counts", "closed", "every difference named"),
        ],
        ..Certificate::default()
    };
    record
}

/// Ten minutes over four replicas, one of which has a bad minute.
pub fn ten_minutes() -> Record {
    timed(ten_minutes_scene().record())
}

/// The scene of [`ten_minutes`].
pub fn ten_minutes_scene() -> Scene {
    Scene {
        seconds: 600,
        rate: 200,
        replicas: vec!["web-1", "web-2", "web-3", "web-4"],
        slow: Some((3, 400)),
        starved: Some((1, 200..230)),
        failing: 0.001,
        ..Scene::default()
    }
}

/// Two groups side by side.
///
/// # Panics
/// Never: the groups have names of their own.
pub fn two_groups() -> Record {
    let mut record = clean();
    let other = Scene {
        host: "app-group-2",
        rate: 200,
        base: 2_500.0,
        seed: 2,
        ..Scene::default()
    }
    .record();
    record.groups.extend(other.groups);
    let mut plan = PlanFields::from(record.plan);
    plan.groups.extend(PlanFields::from(other.plan).groups);
    record.plan = plan.validate().expect("a plan");
    record.stack.replicas.extend(other.stack.replicas);
    record.intervals.extend(other.intervals);
    record.intervals.sort_by_key(|interval| interval.second);
    record
}

/// A group by both routes; through the proxy an answer takes so many microseconds longer.
///
/// # Panics
/// Never: the groups have names of their own.
pub fn two_routes(seed: u64, cost: f64) -> Record {
    let scene = |base, seed| Scene {
        base,
        seed,
        seconds: 20,
        ..Scene::default()
    };
    let mut record = scene(420.0 + cost, 2 * seed).record();
    let mut other = scene(420.0, 2 * seed + 1).record();
    let name = format!("{} direct", other.groups[0].host);
    (other.groups[0].name, other.groups[0].route) = (Some(name.clone()), Route::Direct);
    for interval in &mut other.intervals {
        interval.host.clone_from(&name);
    }
    let mut plan = PlanFields::from(record.plan);
    let mut direct = plan.groups[0].clone();
    (direct.name, direct.route) = (name, Route::Direct);
    plan.groups.push(direct);
    for (index, group) in plan.groups.iter_mut().enumerate() {
        group.slice = Slice { index, of: 2 };
    }
    record.plan = plan.validate().expect("a plan");
    record.groups.extend(other.groups);
    record.intervals.extend(other.intervals);
    record.intervals.sort_by_key(|interval| interval.second);
    record
}

/// A group that sends two requests, of which one's counts disagree.
pub fn mix() -> Record {
    let mut record = clean();
    let whole = &record.groups[0];
    let named = |name: &str, of_nine: u64, replicas: u64| {
        let planned = whole.requests.planned * of_nine / 9;
        RequestRecord {
            name: name.into(),
            planned,
            sent: planned,
            dropped: 0,
            succeeded: planned,
            failed: 0,
            response_time: whole.response_time.clone(),
            service_time: whole.service_time.clone(),
            status: [("200".to_owned(), planned)].into(),
            errors: std::collections::BTreeMap::default(),
            unnamed: std::collections::BTreeMap::default(),
            extra_tries: 0,
            crosscheck: Some(RequestCheck {
                verdict: if replicas == planned {
                    CountVerdict::Agree
                } else {
                    CountVerdict::Disagree
                },
                client: planned,
                replicas: Some(replicas),
                counted_by: Some(format!(
                    "{} /items",
                    if of_nine == 8 { "GET" } else { "POST" }
                )),
                counted_with: Vec::new(),
            }),
        }
    };
    let planned = whole.requests.planned;
    let both = vec![
        named("list", 8, planned * 8 / 9),
        named("=create, \"<b>\"", 1, planned / 9 - 3),
    ];
    for interval in &mut record.intervals {
        interval.requests_by_name.clone_from(&both);
    }
    record.groups[0].requests_by_name = both;
    record
}

/// Every record that is quick to make, by name.
pub fn short() -> Vec<(&'static str, Record)> {
    vec![
        ("clean", clean()),
        ("failed", failed()),
        ("invalid", invalid()),
        ("one-second", one_second()),
        ("no-answers", no_answers()),
        ("hostile", hostile()),
        ("two-groups", two_groups()),
    ]
}

/// Every record that a page is drawn from in tests, by name.
pub fn pages() -> Vec<(&'static str, Record)> {
    let mut pages = short();
    pages.extend([
        ("timed", timed(clean())),
        ("overloaded", overloaded()),
        ("mix", mix()),
        ("endless", endless()),
    ]);
    pages
}

fn finding(code: &str, severity: Severity, message: &str, hint: Option<&str>) -> Finding {
    Finding {
        code: Code::of(code),
        severity,
        group: Some("app-group-1".into()),
        replica: None,
        message: message.into(),
        hint: hint.map(str::to_owned),
    }
}

fn threshold(
    expression: &str,
    failed: bool,
    observed: f64,
    limit: f64,
    margin: f64,
) -> ThresholdResult {
    ThresholdResult {
        group: "app-group-1".into(),
        expression: expression.into(),
        sense: Sense::FailIf,
        metric: expression.parse().ok().map(|one: Threshold| one.metric),
        unit: expression
            .parse()
            .ok()
            .map(|one: Threshold| one.metric.unit()),
        failed,
        observed,
        limit,
        margin,
    }
}
