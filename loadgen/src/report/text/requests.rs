//! A group's requests by name: how many, how fast, and whether their counts agree.

use std::fmt::Write as _;

use super::layout::{Ink, Page};
use crate::record::{GroupRecord, RequestRecord};
use crate::report::format::{TimeUnit, grouped};
use crate::report::sentences;

/// The longest name that is shown whole.
const WIDEST: usize = 20;

/// A row for each name, and a sentence for each count that is compared; nothing where the group has
/// one request.
pub(super) fn requests(page: &mut Page, group: &GroupRecord) {
    let requests = &group.requests_by_name;
    if requests.is_empty() {
        return;
    }
    let names = requests.iter().map(|request| request.name.chars().count());
    let width = names.max().unwrap_or(0).clamp(7, WIDEST);
    let typical = requests.iter().map(|request| request.response_time.p50);
    let largest = requests.iter().map(|request| request.response_time.max);
    let unit = TimeUnit::spanning(
        typical.filter(|p50| *p50 > 0).min().unwrap_or(0),
        largest.max().unwrap_or(0),
    );
    let head = format!(
        "  {:<width$}{:>10}{:>10}{:>8}{:>12}{:>10}{:>10}",
        "request",
        "sent",
        "answered",
        "failed",
        format!("p50 {}", unit.sign()),
        "p99",
        "max"
    );
    let head = page.ink(Ink::Faint, &head);
    page.line(&head);
    for request in requests {
        row(page, request, unit, width);
    }
    for request in requests {
        if let Some(counts) = sentences::request_counts(request) {
            page.sentence(2, &counts);
        }
    }
}

fn row(page: &mut Page, request: &RequestRecord, unit: TimeUnit, width: usize) {
    let name: String = sentences::plain(&request.name)
        .chars()
        .take(width)
        .collect();
    let failed = format!("{:>8}", grouped(request.failed));
    let failed = if request.failed > 0 {
        page.ink(Ink::Bad, &failed)
    } else {
        failed
    };
    let mut line = format!(
        "  {name:<width$}{:>10}{:>10}{failed}",
        grouped(request.sent),
        grouped(request.succeeded)
    );
    let times = &request.response_time;
    for (value, width) in [(times.p50, 12), (times.p99, 10), (times.max, 10)] {
        let cell = if times.count > 0 {
            unit.of(value)
        } else {
            "–".to_owned()
        };
        let _ = write!(line, "{cell:>width$}");
    }
    page.line(&line);
}
