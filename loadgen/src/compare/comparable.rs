//! What the two sides have in common: only what was asked alike can be compared.

use crate::model::User;
use crate::plan::Load;
use crate::record::{GroupRecord, Record};
use crate::schedule::Profile;

use super::Why;

/// Constant rates this close, as a share, are the same.
const SAME_RATE: f64 = 0.01;

/// One group's plan on both sides.
pub(super) struct Asked<'a> {
    host: &'a str,
    records: Vec<&'a Record>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(host: &'a str, base: &'a [Record], candidate: &'a [Record]) -> Self {
        let has = |record: &&Record| loads(record, host).next().is_some();
        Self {
            host,
            records: base.iter().chain(candidate).filter(has).collect(),
        }
    }

    /// Why no figure that depends on the load can be compared.
    pub(super) fn obstacle(&self) -> Option<Why> {
        let (first, others) = self.records.split_first()?;
        if others.iter().any(|other| !same_request(first, other)) {
            return Some(Why::DifferentRequest);
        }
        let differs = others.iter().any(|other| !self.same_load(first, other));
        differs.then_some(Why::DifferentLoad)
    }

    fn same_load(&self, one: &Record, other: &Record) -> bool {
        let pair = (loads(one, self.host).next(), loads(other, self.host).next());
        match pair {
            (Some(Load::Closed { .. }), Some(Load::Closed { .. })) => {
                one.plan.connections == other.plan.connections
            }
            (Some(Load::Open { schedule: a }), Some(Load::Open { schedule: b })) => {
                let kind = std::mem::discriminant(&a.process);
                kind == std::mem::discriminant(&b.process) && same_profile(&a.profile, &b.profile)
            }
            _ => false,
        }
    }
}

/// Whether the groups of both have the same requests, in the same order.
pub(super) fn same_mixes(one: &Record, other: &Record) -> bool {
    let (one, other) = (&one.plan.groups, &other.plan.groups);
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(a, b)| a.requests == b.requests && a.order == b.order)
}

/// Whether both show themselves to the target in the same way.
pub(super) fn same_client(one: &Record, other: &Record) -> bool {
    let (one, other) = (&one.plan, &other.plan);
    let name = |user: &Option<User>| user.as_ref().map(|user| user.name().to_owned());
    one.http == other.http
        && one.keep_alive == other.keep_alive
        && name(&one.user) == name(&other.user)
}

/// Method, path and body; a header more is told, and still the same request.
fn same_request(one: &Record, other: &Record) -> bool {
    let log = |record: &Record| {
        let replay = record.plan.replay.as_ref();
        replay.map(|replay| replay.sha256.clone())
    };
    if !same_mixes(one, other) || log(one) != log(other) {
        return false;
    }
    let (one, other) = (&one.plan.request, &other.plan.request);
    one.method() == other.method() && one.path() == other.path() && one.body() == other.body()
}

/// The load of the group with this label.
fn loads<'a>(record: &'a Record, host: &str) -> impl Iterator<Item = &'a Load> {
    let groups = record.plan.groups.iter();
    groups
        .filter(move |group| group.name == host)
        .map(|group| &group.load)
}

fn same_profile(one: &Profile, other: &Profile) -> bool {
    match (one, other) {
        (Profile::Constant { rate: a }, Profile::Constant { rate: b }) => {
            (a.per_second() / b.per_second() - 1.0).abs() <= SAME_RATE
        }
        _ => one == other,
    }
}

/// Groups that one side alone has, as a sentence each.
pub(super) fn lonely(base: &[Record], candidate: &[Record]) -> Vec<String> {
    let of = |records: &[Record], others: &[Record], side: &str| {
        let known = |label: &str| {
            let groups = others.iter().flat_map(|record| &record.groups);
            groups.map(GroupRecord::label).any(|other| other == label)
        };
        let mut labels: Vec<_> = records
            .iter()
            .flat_map(|record| &record.groups)
            .map(GroupRecord::label)
            .filter(|label| !known(label))
            .map(|label| format!("{label} is only in the {side}, and is not compared."))
            .collect();
        labels.dedup();
        labels
    };
    let mut sentences = of(base, candidate, "baseline");
    sentences.extend(of(candidate, base, "candidate"));
    sentences
}
