//! `reports/index.html`: the runs of a folder, with verdict, rate and p99, and how p99 moved.

use std::collections::BTreeMap;

use askama::Template;

use super::super::chart::{self, Chart};
use super::super::format::{TimeUnit, counted, grouped, rate};
use super::super::sentences::{self, plain};
use super::group::figure;
use super::{SHELL, Shell};
use crate::record::{GroupSummary, RecordSummary, Status};

/// The runs of a folder as one HTML file, newest first.
#[must_use]
pub fn render_index(runs: &[RecordSummary]) -> String {
    let mut runs: Vec<_> = runs.iter().collect();
    runs.sort_by(|a, b| {
        b.started_at
            .cmp(&a.started_at)
            .then_with(|| a.folder.cmp(&b.folder))
    });
    let index = Index {
        shell: SHELL,
        count: counted(runs.len() as u64, "run"),
        tally: tally(&runs),
        trends: trends(&runs).iter().map(figure).collect(),
        rows: runs
            .iter()
            .flat_map(|run| run.groups.iter().map(|group| RunRow::of(run, group)))
            .collect(),
    };
    index
        .render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

/// One trend per host group that has at least two runs that can be believed.
fn trends(newest_first: &[&RecordSummary]) -> Vec<Chart> {
    let mut by_host: BTreeMap<&str, Vec<chart::TrendPoint>> = BTreeMap::new();
    for run in newest_first.iter().rev() {
        for group in run
            .groups
            .iter()
            .filter(|group| run.status != Status::Invalid && group.p99 > 0)
        {
            let point = chart::TrendPoint {
                name: started(run),
                p50: group.p50,
                p99: group.p99,
            };
            by_host.entry(&group.host).or_default().push(point);
        }
    }
    let enough = by_host.into_iter().filter(|(_, points)| points.len() >= 2);
    enough
        .enumerate()
        .map(|(place, (host, points))| chart::trend(&format!("t{place}"), host, &points))
        .collect()
}

/// How the runs ended, in one sentence.
fn tally(runs: &[&RecordSummary]) -> String {
    let ended = |status| runs.iter().filter(|run| run.status == status).count();
    let Some(last) = runs.first() else {
        return String::new();
    };
    format!(
        "The last one is {}. {} passed, {} failed, and {} cannot be trusted.",
        sentences::word(last.status),
        ended(Status::Pass),
        ended(Status::Fail),
        ended(Status::Invalid)
    )
}

fn started(run: &RecordSummary) -> String {
    // To the second: a list is for finding, not for timing.
    let whole = run.started_at.split(['.', 'Z']).next();
    plain(whole.unwrap_or_default()).replace('T', " ")
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index {
    shell: Shell,
    count: String,
    tally: String,
    trends: Vec<String>,
    rows: Vec<RunRow>,
}

struct RunRow {
    link: String,
    status: String,
    word: &'static str,
    started: String,
    host: String,
    cells: [String; 4],
}

impl RunRow {
    fn of(run: &RecordSummary, group: &GroupSummary) -> Self {
        let word = sentences::word(run.status);
        let millis = |nanos: u64| {
            if nanos > 0 {
                TimeUnit::Millis.of(nanos)
            } else {
                "–".into()
            }
        };
        Self {
            link: format!("./{}/index.html", encoded(&run.folder)),
            status: word.to_ascii_lowercase(),
            word,
            started: started(run),
            host: plain(&group.host),
            cells: [
                rate(group.completed),
                millis(group.p50),
                millis(group.p99),
                grouped(group.failed),
            ],
        }
    }
}

/// A folder's name as part of a relative address.
fn encoded(folder: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    folder
        .bytes()
        .map(|byte| {
            if safe(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
