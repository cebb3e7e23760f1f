//! The metrics: five metric families of prometheus-fastapi-instrumentator, their
//! `_created` series, and two of our own: a histogram for services below 10 ms, and a
//! counter of connections, which tells whether a proxy keeps them.
//!
//! Names, help texts (with their trailing blanks) and buckets are that project's
//! contract, so that its dashboards work here. Every series is looked up once, when it
//! is first needed; after that a request touches atomics only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use axum::http::{Method, StatusCode};
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    core::Collector,
};

use crate::process::Process;
use crate::summary::{SizeSummary, Sizes};
use crate::{Miscount, exposition};

const REQUESTS: &str = "Total number of requests by method, status and handler.";
const REQUEST_SIZE: &str = "Content length of incoming requests by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ";
const RESPONSE_SIZE: &str = "Content length of outgoing responses by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ";
const HIGHR: &str = "Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ";
const LOWR: &str = "Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ";
const FINE: &str = "Latency of the handler / in buckets that resolve microseconds, for services far below 10 milliseconds.";

const CONNECTIONS: &str = "Connections accepted, whatever came over them.";

const HIGHR_BUCKETS: [f64; 21] = [
    0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0,
    7.5, 10.0, 30.0, 60.0,
];
const LOWR_BUCKETS: [f64; 3] = [0.1, 0.5, 1.0];
const FINE_BUCKETS: [f64; 22] = [
    1e-5, 2.5e-5, 5e-5, 7.5e-5, 1e-4, 2.5e-4, 5e-4, 7.5e-4, 0.001, 0.0025, 0.005, 0.0075, 0.01,
    0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Methods with a label of their own. Any other counts as `OTHER`: the label must not
/// grow by what clients make up.
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "OTHER",
];

/// Statuses are grouped by their first digit, as the original does by default.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// All families of one replica, in a registry of their own.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    requests_created: GaugeVec,
    request_size: SizeSummary,
    request_size_created: GaugeVec,
    response_size: SizeSummary,
    response_size_created: GaugeVec,
    highr: Histogram,
    lowr: HistogramVec,
    lowr_created: GaugeVec,
    fine: Histogram,
    connections: IntCounter,
}

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let by_all = ["handler", "method", "status"];
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(Opts::new("http_requests_total", REQUESTS), &by_all)?,
            requests_created: created("http_requests_created", REQUESTS, &by_all)?,
            request_size: SizeSummary::new("http_request_size_bytes", REQUEST_SIZE)?,
            request_size_created: created(
                "http_request_size_bytes_created",
                REQUEST_SIZE,
                &["handler"],
            )?,
            response_size: SizeSummary::new("http_response_size_bytes", RESPONSE_SIZE)?,
            response_size_created: created(
                "http_response_size_bytes_created",
                RESPONSE_SIZE,
                &["handler"],
            )?,
            highr: Histogram::with_opts(
                HistogramOpts::new("http_request_duration_highr_seconds", HIGHR)
                    .buckets(HIGHR_BUCKETS.to_vec()),
            )?,
            lowr: HistogramVec::new(
                HistogramOpts::new("http_request_duration_seconds", LOWR)
                    .buckets(LOWR_BUCKETS.to_vec()),
                &["handler", "method"],
            )?,
            lowr_created: created(
                "http_request_duration_seconds_created",
                LOWR,
                &["handler", "method"],
            )?,
            fine: Histogram::with_opts(
                HistogramOpts::new("http_request_duration_fine_seconds", FINE)
                    .buckets(FINE_BUCKETS.to_vec()),
            )?,
            connections: IntCounter::new("http_connections_total", CONNECTIONS)?,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        let highr_created = created("http_request_duration_highr_seconds_created", HIGHR, &[])?;
        let fine_created = created("http_request_duration_fine_seconds_created", FINE, &[])?;
        for gauge in [&highr_created, &fine_created] {
            gauge.with_label_values::<&str>(&[]).set(unix_seconds());
        }
        let collectors: [Box<dyn Collector>; 14] = [
            Box::new(self.requests.clone()),
            Box::new(self.requests_created.clone()),
            Box::new(self.request_size.clone()),
            Box::new(self.request_size_created.clone()),
            Box::new(self.response_size.clone()),
            Box::new(self.response_size_created.clone()),
            Box::new(self.highr.clone()),
            Box::new(highr_created),
            Box::new(self.lowr.clone()),
            Box::new(self.lowr_created.clone()),
            Box::new(self.fine.clone()),
            Box::new(fine_created),
            Box::new(self.connections.clone()),
            Box::new(Process::new()?),
        ];
        collectors
            .into_iter()
            .try_for_each(|collector| self.registry.register(collector))
    }

    /// The counter of connections, for whoever accepts them.
    pub(crate) fn connections(&self) -> IntCounter {
        self.connections.clone()
    }

    /// The metrics page.
    pub(crate) fn page(&self) -> String {
        exposition::write(&self.registry.gather())
    }
}

fn created(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
    GaugeVec::new(Opts::new(name, help), labels)
}

fn unix_seconds() -> f64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0.0, |time| time.as_secs_f64())
}

/// The series of one handler (route template), each resolved when first needed.
#[derive(Debug)]
pub(crate) struct HandlerMetrics {
    metrics: Arc<Metrics>,
    handler: &'static str,
    /// Whether this handler's latencies belong into the histogram of our own.
    fine: bool,
    requests: [[OnceLock<IntCounter>; STATUSES.len()]; METHODS.len()],
    durations: [OnceLock<Histogram>; METHODS.len()],
    sizes: OnceLock<(Arc<Sizes>, Arc<Sizes>)>,
    miscount: Option<Miscount>,
    n_recorded: AtomicU64,
}

/// One finished request, as it is counted.
pub(crate) struct Finished {
    pub(crate) method: MethodIndex,
    pub(crate) status: StatusCode,
    pub(crate) elapsed: Duration,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
}

impl HandlerMetrics {
    pub(crate) fn new(metrics: &Arc<Metrics>, handler: &'static str) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            handler,
            fine: false,
            requests: Default::default(),
            durations: Default::default(),
            sizes: OnceLock::new(),
            miscount: None,
            n_recorded: AtomicU64::new(0),
        }
    }

    /// The metrics of the handler under load: its counter is there from the start, at
    /// zero, so that a scrape before the first request has something to subtract.
    pub(crate) fn under_load(metrics: &Arc<Metrics>, miscount: Option<Miscount>) -> Self {
        let under_load = Self {
            fine: true,
            miscount,
            ..Self::new(metrics, "/")
        };
        under_load.requests(MethodIndex::of(&Method::GET), StatusCode::OK);
        under_load.duration(MethodIndex::of(&Method::GET));
        under_load.sizes();
        under_load
    }

    pub(crate) fn record(&self, finished: &Finished) {
        let seconds = finished.elapsed.as_secs_f64();
        let (request_sizes, response_sizes) = self.sizes();
        request_sizes.observe(finished.request_bytes);
        response_sizes.observe(finished.response_bytes);
        self.metrics.highr.observe(seconds);
        self.duration(finished.method).observe(seconds);
        if self.fine {
            self.metrics.fine.observe(seconds);
        }
        self.requests(finished.method, finished.status)
            .inc_by(self.step());
    }

    fn step(&self) -> u64 {
        self.miscount.map_or(1, |miscount| {
            miscount.step(self.n_recorded.fetch_add(1, Ordering::Relaxed) + 1)
        })
    }

    fn requests(&self, method: MethodIndex, status: StatusCode) -> &IntCounter {
        // The type admits 100 to 999; what has no group of its own is an error of ours.
        let class = usize::from(status.as_u16() / 100 - 1).min(STATUSES.len() - 1);
        self.requests[method.0][class].get_or_init(|| {
            let labels = [self.handler, METHODS[method.0], STATUSES[class]];
            self.metrics
                .requests_created
                .with_label_values(&labels)
                .set(unix_seconds());
            self.metrics.requests.with_label_values(&labels)
        })
    }

    fn duration(&self, method: MethodIndex) -> &Histogram {
        self.durations[method.0].get_or_init(|| {
            let labels = [self.handler, METHODS[method.0]];
            self.metrics
                .lowr_created
                .with_label_values(&labels)
                .set(unix_seconds());
            self.metrics.lowr.with_label_values(&labels)
        })
    }

    fn sizes(&self) -> &(Arc<Sizes>, Arc<Sizes>) {
        self.sizes.get_or_init(|| {
            let metrics = &self.metrics;
            for created in [
                &metrics.request_size_created,
                &metrics.response_size_created,
            ] {
                created
                    .with_label_values(&[self.handler])
                    .set(unix_seconds());
            }
            (
                metrics.request_size.handler(self.handler),
                metrics.response_size.handler(self.handler),
            )
        })
    }
}

/// Where a method stands in [`METHODS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct MethodIndex(usize);

impl MethodIndex {
    pub(crate) fn of(method: &Method) -> Self {
        let known = METHODS.iter().position(|name| *name == method.as_str());
        Self(known.unwrap_or(METHODS.len() - 1))
    }
}
