//! The routes and what they answer.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::IntCounter;
use tower::util::MapResponseLayer;

use crate::count::Count;
use crate::failures::Failures;
use crate::metrics::{HandlerMetrics, Metrics};
use crate::resources::JSON;
use crate::station::Station;
use crate::{Options, exposition, resources, wait};

/// Names the replica on every answer, whatever its body is.
const X_REPLICA: HeaderName = HeaderName::from_static("x-replica");

/// What the handlers of one replica share.
struct Replica {
    name: Bytes,
    station: Option<Station>,
    failures: Failures,
    metrics: Arc<Metrics>,
}

/// The service of one replica, with metrics of its own.
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
    let signed = signature(&options.id);
    // Each route counts under its own template: nothing is looked up per request, and
    // the layers also cover "method not allowed", which keeps the template.
    let count = |handler| {
        let count = Count::into(HandlerMetrics::new(&metrics, handler));
        (count, signed.clone())
    };
    let root = Count::into(HandlerMetrics::under_load(&metrics, options.miscount));
    let connections = metrics.connections();
    let items = get(resources::list).post(resources::create);
    let router = Router::new()
        .route("/", get(name).layer((root, signed.clone())))
        .route("/items", items.layer(count("/items")))
        .route(
            "/items/{id}",
            get(resources::item).layer(count("/items/{id}")),
        )
        .route(
            "/bytes/{n}",
            get(resources::bytes).layer(count("/bytes/{n}")),
        )
        .route(
            "/status/{code}",
            get(resources::status).layer(count("/status/{code}")),
        )
        .route(
            "/delay/{ms}",
            get(resources::delay).layer(count("/delay/{ms}")),
        )
        .route("/healthz", get(healthy).layer(count("/healthz")))
        .route("/metrics", get(page).layer(count("/metrics")))
        .fallback(not_found.layer(count("none")))
        .with_state(replica);
    (router, connections)
}

/// Puts the replica's name on answers. A header cannot carry control characters: a name has
/// `?` in their place there.
fn signature(id: &str) -> MapResponseLayer<impl Fn(Response) -> Response + Clone + use<>> {
    let name = id.replace(char::is_control, "?");
    let name = HeaderValue::from_bytes(name.as_bytes()).expect("no control characters are left");
    MapResponseLayer::new(move |mut answer: Response| {
        answer.headers_mut().insert(X_REPLICA, name.clone());
        answer
    })
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
