//! The routes and what they answer.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::IntCounter;

use crate::count::Count;
use crate::failures::Failures;
use crate::metrics::{Books, Metrics};
use crate::station::Station;
use crate::{Options, exposition, wait};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What the handlers of one replica share.
struct Replica {
    name: Bytes,
    station: Option<Station>,
    failures: Failures,
    metrics: Arc<Metrics>,
}

/// The service of one replica, with books of its own.
///
/// # Panics
/// Never, unless two metrics of this crate were given the same name.
pub fn router(options: &Options) -> Router {
    routed(options).0
}

/// The same, with the counter of the connections over which it is reached.
pub(crate) fn routed(options: &Options) -> (Router, IntCounter) {
    let metrics = Arc::new(Metrics::new().expect("metric names are valid and differ"));
    let replica = Arc::new(Replica::new(options, Arc::clone(&metrics)));
    // Each route counts under its own template: nothing is looked up per request, and
    // the layer also covers "method not allowed", which keeps the template.
    let count = |handler| Count::into(Books::new(&metrics, handler));
    let root = Count::into(Books::under_load(&metrics, options.miscount));
    let connections = metrics.connections();
    let router = Router::new()
        .route("/", get(name).layer(root))
        .route("/healthz", get(healthy).layer(count("/healthz")))
        .route("/metrics", get(page).layer(count("/metrics")))
        .fallback(not_found.layer(count("none")))
        .with_state(replica);
    (router, connections)
}

impl Replica {
    fn new(options: &Options, metrics: Arc<Metrics>) -> Self {
        let seed = options.effective_seed();
        let name = serde_json::to_vec(&options.id).expect("a string is valid JSON");
        Self {
            name: name.into(),
            // Without a service time a slot is free again at once, so nobody queues.
            station: options
                .service_time
                .map(|time| Station::new(time, options.concurrency, seed)),
            failures: Failures::new(options.fail_ratio, seed),
            metrics,
        }
    }
}

/// Who answered, also when the answer is an error: a failure has to be somebody's.
async fn name(State(replica): State<Arc<Replica>>) -> Response {
    let fails = replica.failures.next();
    if let Some(station) = &replica.station {
        wait::until(station.admit(Instant::now())).await;
    }
    let mut answer = Response::new(Body::from(replica.name.clone()));
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
    if fails {
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    answer
}

async fn healthy() -> &'static str {
    "ok\n"
}

async fn page(State(replica): State<Arc<Replica>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, exposition::CONTENT_TYPE)],
        replica.metrics.page(),
    )
}

async fn not_found() -> impl IntoResponse {
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, JSON)],
        r#"{"detail":"Not Found"}"#,
    )
}
