//! The counts of each request name: the client's against those of the replicas' series for it.

use std::collections::{BTreeMap, BTreeSet};

use super::crosscheck::Checked;
use super::evidence::{GroupEvidence, connected};
use super::finding::grouped;
use crate::plan::{Plan, RequestPlan};
use crate::record::{Code, CountVerdict, Finding, RequestCheck};
use crate::recorder::{Counts, RequestTally};
use crate::scrape::{Delta, Route, segments};
use crate::traffic::{Data, Piece, Template, Traffic};

/// The routes that count each of a group's requests, in their order; empty where none fits.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestRoutes {
    by_request: Vec<Vec<Route>>,
    all: Vec<Route>,
}

impl RequestRoutes {
    /// Of all requests, each once.
    pub(super) fn all(&self) -> &[Route] {
        &self.all
    }
}

/// The delta with the selected series being those of the requests of each group, where a plan has
/// requests of its own and the pages tell them apart; and which these are.
pub(super) fn narrowed(plan: &Plan, delta: Option<Delta>) -> (Option<Delta>, Vec<RequestRoutes>) {
    let Some(mut delta) = delta else {
        return (None, Vec::new());
    };
    if plan.groups.iter().all(|group| group.requests.is_empty()) {
        return (Some(delta), Vec::new());
    }
    let found = |(group, traffic): (&crate::plan::GroupPlan, Traffic)| {
        let mut known: BTreeMap<&Route, u64> = BTreeMap::new();
        for replica in delta.replicas_of(&group.host) {
            for route in replica.by_route.keys() {
                *known.entry(route).or_default() += replica.counted_by(route);
            }
        }
        let known: Vec<&Route> = (known.into_iter())
            .filter(|(_, count)| *count > 0)
            .map(|(route, _)| route)
            .collect();
        routes_of(&group.requests, &traffic, plan.replay.is_some(), &known)
    };
    let routes: Vec<_> = plan.groups.iter().zip(plan.traffic()).map(found).collect();
    for replica in &mut delta.replicas {
        let groups = plan.groups.iter().zip(&routes);
        let own: Vec<Route> = groups
            .filter(|(group, _)| group.host == replica.group)
            .flat_map(|(_, routes)| routes.all.clone())
            .collect();
        if !own.is_empty() {
            *replica = replica.clone().of_routes(&own);
        }
    }
    (Some(delta), routes)
}

/// The routes of a group's requests. What is replayed is known by the paths of its names: their
/// queries differ.
fn routes_of(
    requests: &[RequestPlan],
    traffic: &Traffic,
    is_replay: bool,
    known: &[&Route],
) -> RequestRoutes {
    let by_request: Vec<Vec<Route>> = (requests.iter().zip(&*traffic.requests))
        .map(|(request, text)| {
            if let Some(counter) = &request.counter {
                let (method, handler) = (counter.label("method"), counter.label("handler"));
                let named = known.iter().filter(|route| route.has(method, handler));
                return named.map(|route| (*route).clone()).collect();
            }
            let replayed = Template::fixed(request.path.as_bytes());
            let path = if is_replay { &replayed } else { &text.path };
            let found = fitting(&request.method, path, &traffic.values.data, known);
            found.into_iter().cloned().collect()
        })
        .collect();
    let all: BTreeSet<&Route> = by_request.iter().flatten().collect();
    RequestRoutes {
        all: all.into_iter().cloned().collect(),
        by_request,
    }
}

/// The one route that a path is counted under: of those whose template fits, the one that has most
/// of its words; none where two have as many.
fn fitting<'a>(
    method: &str,
    path: &Template,
    data: &[Data],
    known: &[&'a Route],
) -> Option<&'a Route> {
    let text = outline(path, data)?;
    let words: Vec<Option<&str>> = segments(&text)
        .map(|word| (!word.contains('\0')).then_some(word))
        .collect();
    let fits = known
        .iter()
        .filter_map(|route| Some((route.fit(method, &words)?, *route)));
    let fits: Vec<(usize, &Route)> = fits.collect();
    let most = fits.iter().map(|(exact, _)| *exact).max()?;
    let mut best = fits.into_iter().filter(|(exact, _)| *exact == most);
    let (_, route) = best.next()?;
    best.next().is_none().then_some(route)
}

/// The path without its query, NUL where a value stands; `None` where a value may be several
/// segments.
fn outline(path: &Template, data: &[Data]) -> Option<String> {
    let mut text = String::new();
    for piece in path.pieces() {
        match piece {
            Piece::Literal(literal) => text.push_str(&String::from_utf8_lossy(literal)),
            Piece::Cell { table, column } => {
                let table = &data[*table].table;
                let divides = |row| {
                    let cell = table.cell(row, *column);
                    cell.iter().any(|byte| matches!(byte, b'/' | b'?' | b'#'))
                };
                if !text.contains('?') && (0..table.rows()).any(divides) {
                    return None;
                }
                text.push('\0');
            }
            _ => text.push('\0'),
        }
    }
    let end = text.find(['?', '#']).unwrap_or(text.len());
    text.truncate(end);
    Some(text)
}

/// Compares the counts of each request name; nothing where the group has no requests of its own.
pub(super) fn judge(
    group: &GroupEvidence<'_>,
    checked: &Checked,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, RequestCheck> {
    let Some(planned) = group.all.plan.groups.get(group.place) else {
        return BTreeMap::new();
    };
    if planned.requests.len() < 2 {
        return BTreeMap::new();
    }
    let nothing = RequestRoutes::default();
    let routes = group.routes().unwrap_or(&nothing);
    let mut told = BTreeSet::new();
    let each = planned.requests.iter().enumerate().map(|(place, request)| {
        let own = routes.by_request.get(place).cloned().unwrap_or_default();
        let others = planned.requests.iter().enumerate().filter(|(other, _)| {
            *other != place && routes.by_request.get(*other) == Some(&own) && !own.is_empty()
        });
        let with: Vec<String> = others.map(|(_, other)| other.name.clone()).collect();
        let names = std::iter::once(&request.name).chain(&with);
        let sides = Sides::of(group, names, &own);
        let verdict = sides.verdict(group, checked);
        if verdict == CountVerdict::Disagree && told.insert(own.clone()) {
            findings.push(
                sides
                    .mismatch(&request.name, &with, &own)
                    .of_group(group.name),
            );
        }
        let check = RequestCheck {
            verdict,
            client: sides.sent,
            replicas: (verdict != CountVerdict::Unavailable).then(|| sides.replicas()),
            counted_by: in_words(&own),
            counted_with: with,
        };
        (request.name.clone(), check)
    });
    each.collect()
}

fn in_words(routes: &[Route]) -> Option<String> {
    let names: Vec<_> = routes.iter().map(Route::to_string).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// What both sides counted of some requests.
struct Sides {
    sent: u64,
    warmup: u64,
    /// Of both phases, what was handed to a connection.
    connected: u64,
    /// What the replicas may have missed.
    lacking: u64,
    /// What the proxy tried again, by its own word.
    again: u64,
    /// Without a series nothing is known.
    counted: Option<u64>,
}

impl Sides {
    fn of<'n>(
        group: &GroupEvidence<'_>,
        names: impl Iterator<Item = &'n String>,
        routes: &[Route],
    ) -> Self {
        let mut sides = Self {
            sent: 0,
            warmup: 0,
            connected: 0,
            lacking: 0,
            again: 0,
            counted: (!routes.is_empty()).then(|| {
                let deltas = group.deltas();
                deltas
                    .flat_map(|delta| routes.iter().map(|route| delta.counted_by(route)))
                    .sum()
            }),
        };
        for name in names {
            let of = |tally: Option<&RequestTally>| {
                tally.map_or_else(Counts::default, |tally| tally.counts.clone())
            };
            let measured = of(group.tally.requests.get(name));
            let warmup = of(group.warmup.requests.get(name));
            sides.sent += measured.sent;
            sides.warmup += connected(&warmup);
            for counts in [measured, warmup] {
                sides.connected += connected(&counts);
                sides.lacking += may_be_missed(&counts);
                sides.again += counts.extra_tries;
            }
        }
        sides
    }

    /// The measured part of what the replicas counted.
    fn replicas(&self) -> u64 {
        self.counted.unwrap_or(0).saturating_sub(self.warmup)
    }

    fn verdict(&self, group: &GroupEvidence<'_>, checked: &Checked) -> CountVerdict {
        let Some(counted) = self.counted.filter(|_| group.counters_are_whole()) else {
            return CountVerdict::Unavailable;
        };
        let others = checked.foreign + checked.health_checks + checked.masked;
        let elsewhere: u64 = group
            .deltas()
            .map(|delta| group.counted_elsewhere(delta))
            .sum();
        let (most, least) = (
            self.connected + self.again,
            self.connected.saturating_sub(self.lacking),
        );
        if (least..=most).contains(&counted) {
            CountVerdict::Agree
        } else if (counted > most && others > 0)
            || (counted < least && elsewhere + checked.cached > 0)
        {
            CountVerdict::Undecided
        } else {
            CountVerdict::Disagree
        }
    }

    fn mismatch(&self, name: &str, with: &[String], routes: &[Route]) -> Finding {
        let counted = self.counted.unwrap_or(0);
        let (what, difference) = match counted.checked_sub(self.connected) {
            Some(more) => ("more", more),
            None => ("less", self.connected - counted),
        };
        let names: Vec<&str> = std::iter::once(name)
            .chain(with.iter().map(String::as_str))
            .collect();
        let message = format!(
            "request {}: the replicas counted {} {what} under {} than were sent: client {}, replicas {}, warm-up included",
            names.join(" and "),
            grouped(difference),
            in_words(routes).unwrap_or_default(),
            grouped(self.connected),
            grouped(counted),
        );
        let hint = "does this route count these requests, and nothing else? `counter` of the request names another";
        Finding::new(Code::CountMismatch, message).hint(hint)
    }
}

/// Requests that were sent and that a replica may never have counted: without an answer, or with an
/// error that names no replica.
fn may_be_missed(counts: &Counts) -> u64 {
    let errors = counts.errors.iter();
    let errors = errors.filter(|(class, _)| class.may_have_reached_a_replica());
    let unnamed: u64 = counts.unnamed.range(400..).map(|(_, count)| count).sum();
    errors.map(|(_, count)| count).sum::<u64>() + unnamed + counts.unfinished()
}
