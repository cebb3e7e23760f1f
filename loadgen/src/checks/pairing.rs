//! Which metrics page belongs to which name in the answers.
//!
//! A replica that was asked says so itself: its page's origin gives the name. Else the counts tell, where
//! exactly one page counted as many requests as exactly one name gave answers, or where one of each is
//! left. What is not told stays apart, and nothing is guessed.

use std::collections::BTreeSet;

use super::evidence::GroupEvidence;
use crate::model::ReplicaId;
use crate::record::{Ground, Pairing};
use crate::scrape::ReplicaState;

/// A replica, by its page, by its name, or by both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// What it is called in the topology, where it has a page.
    pub(super) page: Option<ReplicaId>,
    /// What it is called in the answers, where any name it.
    pub(super) name: Option<ReplicaId>,
    /// Why the two are one.
    pub(super) ground: Option<Ground>,
}

impl Member {
    /// What it is called in findings and in the record: as it calls itself, where it does.
    pub(super) fn id(&self) -> ReplicaId {
        let known = self.name.as_ref().or(self.page.as_ref());
        known.cloned().unwrap_or_else(|| ReplicaId(String::new()))
    }
}

impl Member {
    /// The same for the record.
    pub(super) fn record(&self) -> Pairing {
        let text = |id: &Option<ReplicaId>| id.as_ref().map(|id| id.0.clone());
        Pairing {
            id: self.id().0,
            page: text(&self.page),
            name: text(&self.name),
            ground: self.ground,
        }
    }
}

/// The replicas of a group: those with a page in the topology's order, then other names.
pub(super) fn members(group: &GroupEvidence<'_>) -> Vec<Member> {
    let pages = pages(group);
    let names: Vec<ReplicaId> = if group.names_are_of_replicas() {
        group.named().into_keys().collect()
    } else {
        Vec::new()
    };
    let mut members: Vec<Member> = pages
        .iter()
        .map(|page| {
            let same = names.contains(page);
            Member {
                page: Some(page.clone()),
                name: same.then(|| page.clone()),
                ground: same.then_some(Ground::Answer),
            }
        })
        .collect();
    let mut strangers: Vec<ReplicaId> = names
        .into_iter()
        .filter(|name| !pages.contains(name))
        .collect();
    pair_by_counts(group, &mut members, &mut strangers);
    pair_the_last(&mut members, &mut strangers);
    members.extend(strangers.into_iter().map(|name| Member {
        page: None,
        name: Some(name),
        ground: None,
    }));
    members
}

/// The names of the replicas that have a page.
fn pages(group: &GroupEvidence<'_>) -> Vec<ReplicaId> {
    let discovered = group.all.topology.replicas_of(group.host);
    let mut pages: Vec<ReplicaId> = discovered.map(|replica| replica.id.clone()).collect();
    pages.extend(group.deltas().map(|delta| delta.id.clone()));
    let mut seen = BTreeSet::new();
    pages.retain(|id| seen.insert(id.clone()));
    pages
}

fn pair_by_counts(
    group: &GroupEvidence<'_>,
    members: &mut [Member],
    strangers: &mut Vec<ReplicaId>,
) {
    let named = group.named();
    let counted = |page: &ReplicaId| {
        let mut own = group.deltas().filter(|delta| delta.id == *page);
        let delta = own
            .next()
            .filter(|delta| delta.state == ReplicaState::Whole)?;
        Some(
            group
                .counted(delta)?
                .saturating_sub(group.own_scrapes(delta)),
        )
    };
    let counts: Vec<Option<u64>> = members
        .iter()
        .map(|member| match (&member.page, &member.name) {
            (Some(page), None) => counted(page).filter(|count| *count > 0),
            _ => None,
        })
        .collect();
    let answers: Vec<u64> = strangers.iter().map(|name| named[name]).collect();
    strangers.retain(|name| {
        let given = named[name];
        let alone = answers.iter().filter(|other| **other == given).count() == 1;
        let mut fits = (0..members.len()).filter(|place| counts[*place] == Some(given));
        match (alone, fits.next(), fits.next()) {
            (true, Some(place), None) => {
                members[place].name = Some(name.clone());
                members[place].ground = Some(Ground::Counts);
                false
            }
            _ => true,
        }
    });
}

/// Where one page and one name are left, and others were paired, they are one.
fn pair_the_last(members: &mut [Member], strangers: &mut Vec<ReplicaId>) {
    let paired = members.iter().any(|member| member.name.is_some());
    let mut open = members.iter_mut().filter(|member| member.name.is_none());
    if let (true, Some(member), None, [_]) = (paired, open.next(), open.next(), &strangers[..]) {
        member.name = strangers.pop();
        member.ground = Some(Ground::Elimination);
    }
}
