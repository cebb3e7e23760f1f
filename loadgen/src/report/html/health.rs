//! Whether the measurement can be believed: what was checked, and how the generator fared.

use askama::Template;

use super::super::format::{percent, span};
use super::super::sentences::plain;
use super::super::workers;
use crate::record::Record;

/// The section; empty where an old record has nothing of it.
pub(super) fn section(record: &Record) -> String {
    let items: Vec<_> = record.certificate.items.iter().map(Item::of).collect();
    if items.is_empty() && record.threads.is_empty() {
        return String::new();
    }
    let section = Section {
        takeaway: takeaway(&items),
        several: record.groups.len() > 1,
        items,
        threads: record
            .threads
            .iter()
            .map(|thread| {
                [
                    span(thread.cpu as f64),
                    rounded(thread.share),
                    rounded(thread.busiest_second),
                ]
            })
            .collect(),
        workers: workers::rows(record),
        sent_by: workers::sentence(record).unwrap_or_default(),
        titles: workers::TITLES,
    };
    section
        .render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

fn takeaway(items: &[Item]) -> String {
    let broken = items.iter().filter(|item| !item.ok).count();
    match (items.len(), broken) {
        (0, _) => "The record holds no checks of the measurement itself.".into(),
        (all, 0) => format!("All {all} checks of the measurement itself hold."),
        (all, n) => format!("{n} of {all} checks of the measurement itself do not hold."),
    }
}

/// CPU time is counted in ticks: more digits would be noise.
fn rounded(share: f64) -> String {
    percent((share * 1e3).round() / 1e3)
}

#[derive(Template)]
#[template(path = "health.html")]
struct Section {
    takeaway: String,
    several: bool,
    items: Vec<Item>,
    threads: Vec<[String; 3]>,
    workers: Vec<[String; 8]>,
    /// Who sent the load, in words; empty where it was one process.
    sent_by: String,
    titles: [&'static str; 8],
}

struct Item {
    name: String,
    group: String,
    observed: String,
    budget: String,
    ok: bool,
}

impl Item {
    fn of(item: &crate::record::CertificateItem) -> Self {
        Self {
            name: plain(&item.name),
            group: plain(item.group.as_deref().unwrap_or("all")),
            observed: plain(&item.observed),
            budget: plain(&item.budget),
            ok: item.ok,
        }
    }
}
