//! Routes beside `/`, so that a mix of requests has something to hit: items, bytes, statuses and
//! delays. What a request may ask for is bounded; beyond that it is refused with 422, as `FastAPI`
//! does, and a body that is too long with 413.
//!
//! They keep nothing and take no part in `--service-time`, `--fail-ratio` and `--miscount`, which
//! are about `GET /`.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::filler::Filler;
use crate::wait;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Bytes of the longest body, either way: `client_max_body_size` of the nginx.conf here.
const MAX_BODY: u64 = 10 << 20;

/// Milliseconds of the longest delay.
const MAX_DELAY: u64 = 60_000;

/// Items on a page of the list.
const N_LISTED: u64 = 10;

/// `GET /items`: one page, the same for every query.
pub(crate) async fn list() -> Response {
    let items: Vec<Value> = (1..=N_LISTED).map(|id| json!({ "id": id })).collect();
    answer(StatusCode::OK, &json!({ "items": items }))
}

/// `GET /items/{id}`: every name is that of an item.
pub(crate) async fn item(Path(id): Path<String>) -> Response {
    answer(StatusCode::OK, &json!({ "id": id }))
}

/// `POST /items`: tells how long the body was.
pub(crate) async fn create(body: Body) -> Response {
    match length(body).await {
        Ok(length) => answer(StatusCode::CREATED, &json!({ "length": length })),
        Err(status) => {
            let detail = format!("the body must be whole, and of at most {MAX_BODY} bytes");
            answer(status, &json!({ "detail": detail }))
        }
    }
}

/// Reads a body, keeping none of it, to its end or to where it is too long.
async fn length(mut body: Body) -> Result<u64, StatusCode> {
    let mut n_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        n_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if n_bytes > MAX_BODY {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    Ok(n_bytes)
}

/// `GET /bytes/{n}`: that many bytes.
pub(crate) async fn bytes(Path(n): Path<String>) -> Response {
    let Some(n_bytes) = within(&n, 0, MAX_BODY) else {
        return unprocessable(&n, &format!("a number of bytes from 0 to {MAX_BODY}"));
    };
    let mut answer = Response::new(Body::new(Filler::of(n_bytes)));
    let octets = HeaderValue::from_static("application/octet-stream");
    answer.headers_mut().insert(header::CONTENT_TYPE, octets);
    answer
}

/// `GET /status/{code}`: an answer with that status.
pub(crate) async fn status(Path(code): Path<String>) -> Response {
    // One below 200 is no last answer.
    let status = within(&code, 200, 599).and_then(|code| u16::try_from(code).ok());
    match status.and_then(|code| StatusCode::from_u16(code).ok()) {
        Some(status @ (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)) => bare(status),
        Some(status) => answer(status, &json!({ "status": status.as_u16() })),
        None => unprocessable(&code, "a status from 200 to 599"),
    }
}

/// `GET /delay/{ms}`: an answer that long after the request.
pub(crate) async fn delay(Path(ms): Path<String>) -> Response {
    let arrival = Instant::now();
    let Some(delay) = within(&ms, 0, MAX_DELAY) else {
        return unprocessable(&ms, &format!("milliseconds from 0 to {MAX_DELAY}"));
    };
    wait::until(arrival + Duration::from_millis(delay)).await;
    answer(StatusCode::OK, &json!({ "delay_ms": delay }))
}

fn within(text: &str, least: u64, most: u64) -> Option<u64> {
    let number = text.parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}

fn unprocessable(text: &str, expected: &str) -> Response {
    let detail = format!("`{text}` is not {expected}");
    answer(
        StatusCode::UNPROCESSABLE_ENTITY,
        &json!({ "detail": detail }),
    )
}

fn answer(status: StatusCode, content: &Value) -> Response {
    let mut answer = Response::new(Body::from(content.to_string()));
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
    *answer.status_mut() = status;
    answer
}

fn bare(status: StatusCode) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
