//! The proxy's own count of requests, as a Prometheus page on a port of its own.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::Connection;
use super::group::Groups;
use crate::model::Selector;

/// The counter of requests, by host group.
pub(in crate::stack::embedded) const REQUESTS: &str = "proxy_requests_total";

/// The counter as a selector.
pub(in crate::stack::embedded) fn requests() -> Selector {
    Selector::of_name(REQUESTS)
}

/// The path of the page.
pub(in crate::stack::embedded) const PATH: &str = "/metrics";

/// The host label of requests for no group; no host has this name.
const NO_HOST: &str = "_";

/// Serves the page on one connection.
pub(super) async fn served(connection: Connection, groups: Arc<Groups>) {
    connection
        .answer(|request| std::future::ready(answer(&request, &groups)))
        .await;
}

fn answer(request: &Request<Incoming>, groups: &Groups) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NOT_FOUND;
        return answer;
    }
    let mut answer = Response::new(Full::from(page(groups)));
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    answer
}

fn page(groups: &Groups) -> String {
    let groups_sorted = groups.sorted();
    let mut page = format!(
        "# HELP {REQUESTS} Requests that arrived, by host group.\n# TYPE {REQUESTS} counter\n"
    );
    let hosts = groups_sorted
        .iter()
        .map(|(host, group)| (*host, &group.requests))
        .chain([(NO_HOST, &groups.misdirected)]);
    for (host, count) in hosts {
        line(
            &mut page,
            REQUESTS,
            &format!("host=\"{}\"", escaped(host)),
            count,
        );
    }
    let tries = "proxy_upstream_tries_total";
    let _ = write!(
        page,
        "# HELP {tries} Requests that a replica was tried with.\n# TYPE {tries} counter\n"
    );
    for (host, group) in &groups_sorted {
        for peer in group.peers().iter() {
            let labels = format!("host=\"{}\",upstream=\"{}\"", escaped(host), peer.authority);
            line(&mut page, tries, &labels, &peer.tries);
        }
    }
    page
}

fn line(page: &mut String, name: &str, labels: &str, count: &AtomicU64) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{name}{{{labels}}} {}", count.load(Ordering::Relaxed));
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_counts_each_group_and_what_belongs_to_none() {
        let peers = [("a".to_owned(), "127.0.0.1:9".parse().unwrap())];
        let groups = Groups::new(&peers, &"round-robin".parse().unwrap()).unwrap();
        for host in ["a", "A:80", "b"] {
            groups.arrived(host);
        }
        let page = page(&groups);
        for line in [
            "proxy_requests_total{host=\"a\"} 2",
            "proxy_requests_total{host=\"_\"} 1",
            "proxy_upstream_tries_total{host=\"a\",upstream=\"127.0.0.1:9\"} 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{page}");
        }
    }
}
