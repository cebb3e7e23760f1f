//! Counts every request of a route, also one whose client went away before the answer.
//!
//! A request is counted when the head of the answer is ready, before any of it is
//! written: a client that holds an answer can rely on the counter having moved. The
//! `FastAPI` original counts after the answer has left, so that its counter may lag.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::metrics::{Finished, HandlerMetrics, MethodIndex};

/// Wraps a route so that its requests are counted in `metrics`.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    metrics: Arc<HandlerMetrics>,
}

impl Count {
    pub(crate) fn into(metrics: HandlerMetrics) -> Self {
        Self {
            metrics: Arc::new(metrics),
        }
    }
}

impl<S> Layer<S> for Count {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            metrics: Arc::clone(&self.metrics),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Counted<S> {
    inner: S,
    metrics: Arc<HandlerMetrics>,
}

impl<S> Service<Request> for Counted<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = CountedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let entry = Entry::open(&self.metrics, &request);
        CountedFuture {
            answer: self.inner.call(request),
            entry,
        }
    }
}

pin_project! {
    pub(crate) struct CountedFuture<F> {
        #[pin]
        answer: F,
        entry: Entry,
    }
}

impl<F, E> Future for CountedFuture<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(cx));
        match &answer {
            // The length header is set further out than any layer: the body knows it.
            Ok(answer) => this.entry.close(
                answer.status(),
                answer.body().size_hint().exact().unwrap_or(0),
            ),
            Err(_) => this.entry.close(StatusCode::INTERNAL_SERVER_ERROR, 0),
        }
        Poll::Ready(answer)
    }
}

/// A request that is not counted yet. Dropped before that, it counts as status 499, which is what
/// NGINX calls a client that closed the request, and hence as `4xx`.
struct Entry {
    metrics: Arc<HandlerMetrics>,
    method: MethodIndex,
    request_bytes: u64,
    started: Instant,
    open: bool,
}

impl Entry {
    fn open(metrics: &Arc<HandlerMetrics>, request: &Request) -> Self {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            metrics: Arc::clone(metrics),
            method: MethodIndex::of(request.method()),
            request_bytes: length.unwrap_or(0),
            started: Instant::now(),
            open: true,
        }
    }

    fn close(&mut self, status: StatusCode, response_bytes: u64) {
        self.open = false;
        self.metrics.record(&Finished {
            method: self.method,
            status,
            elapsed: self.started.elapsed(),
            request_bytes: self.request_bytes,
            response_bytes,
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.open {
            let closed_by_client = StatusCode::from_u16(499).expect("499 is a valid status");
            self.close(closed_by_client, 0);
        }
    }
}
