//! One group's arrivals over several routes in turn, so that whatever drifts meanwhile hits each alike.

use super::{GroupPlan, Load, PlanError, PlanFields, Route};
use crate::model::StackChoice;
use crate::schedule::Slice;

/// The most shares that a schedule is cut into.
const MOST_SLICES: usize = 1_024;

/// Why groups cannot be loaded by the routes that are wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutesRefused {
    #[error("route {0} is given twice")]
    Twice(Route),
    #[error(
        "{0} is loaded in closed loop, which has no arrivals that two routes could take in turn"
    )]
    Closed(String),
    #[error("nothing is known of the replicas behind the target, to load {0} directly")]
    NowhereDirect(String),
    #[error("slice {index} of {of} of the arrivals of {group} is none")]
    Slice {
        group: String,
        index: usize,
        of: usize,
    },
}

impl RoutesRefused {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Twice(_) => "give --via proxy,direct, or one of the two",
            Self::Closed(_) => "give a rate by --rps, or one route in --via",
            Self::NowhereDirect(_) => {
                "give each replica's page, as --replica app-group-1=http://127.0.0.1:9101/metrics"
            }
            Self::Slice { .. } => "give index less than of, and of at most 1024",
        }
        .into()
    }
}

/// The groups once for each route: every one has its slice of the group's own schedule.
pub(super) fn split(groups: Vec<GroupPlan>, via: &[Route]) -> Result<Vec<GroupPlan>, PlanError> {
    if via.is_empty() {
        return Ok(groups);
    }
    let twice = |place: usize| via[..place].contains(&via[place]);
    if let Some(place) = (0..via.len()).find(|place| twice(*place)) {
        return Err(RoutesRefused::Twice(via[place]).into());
    }
    let closed = |group: &&GroupPlan| matches!(group.load, Load::Closed { .. });
    if let Some(group) = groups.iter().find(closed).filter(|_| via.len() > 1) {
        return Err(RoutesRefused::Closed(group.name.clone()).into());
    }
    let each = |group: GroupPlan| {
        via.iter()
            .enumerate()
            .map(move |at| group.on(via.len(), at))
    };
    Ok(groups.into_iter().flat_map(each).collect())
}

/// The groups as they were before they were split.
pub(super) fn joined(groups: &[GroupPlan]) -> impl Iterator<Item = &GroupPlan> {
    groups.iter().filter(|group| group.slice.index == 0)
}

/// The routes that the groups were split by; none where they were not.
pub(super) fn taken(groups: &[GroupPlan]) -> Vec<Route> {
    let Some(first) = groups.iter().find(|group| group.slice.of > 1) else {
        return Vec::new();
    };
    let same = groups.iter().filter(|group| group.host == first.host);
    let sliced = same.filter(|group| group.slice.of == first.slice.of);
    sliced.map(|group| group.route).collect()
}

/// What is true of the routes of every plan, however it was written.
pub(super) fn check(plan: &PlanFields) -> Result<(), PlanError> {
    for group in &plan.groups {
        let Slice { index, of } = group.slice;
        if index >= of || of > MOST_SLICES {
            let group = group.name.clone();
            return Err(RoutesRefused::Slice { group, index, of }.into());
        }
        let blind = matches!(&plan.stack, StackChoice::External(it) if it.replicas.is_empty());
        if group.route == Route::Direct && blind {
            return Err(RoutesRefused::NowhereDirect(group.name.clone()).into());
        }
    }
    Ok(())
}

impl GroupPlan {
    /// The group on one of so many routes. The first one keeps its name.
    fn on(&self, several: usize, (index, route): (usize, &Route)) -> Self {
        let name = match index {
            0 => self.name.clone(),
            _ => format!("{} {route}", self.name),
        };
        Self {
            name,
            route: *route,
            slice: Slice { index, of: several },
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rate;
    use crate::plan::PlanSpec;
    use crate::plan::tests::topology;

    const BOTH: [Route; 2] = [Route::Proxy, Route::Direct];

    fn spec(via: &[Route]) -> PlanSpec {
        PlanSpec {
            host: vec![
                "a=10".parse().expect("a group"),
                "b".parse().expect("a group"),
            ],
            rps: Rate::new(5.0).ok(),
            via: via.to_vec(),
            ..PlanSpec::default()
        }
    }

    fn groups(spec: &PlanSpec) -> Result<Vec<GroupPlan>, PlanError> {
        let plan = spec.resolve(&topology())?;
        Ok(plan.groups.clone())
    }

    #[test]
    fn two_routes_share_the_arrivals_of_one_schedule() {
        let groups = groups(&spec(&BOTH)).expect("a plan");
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["a", "a direct", "b", "b direct"]);
        let due = |group: &GroupPlan, slice| match &group.load {
            Load::Open { schedule } => schedule.arrivals(slice).collect::<Vec<_>>(),
            Load::Closed { .. } => unreachable!("an open loop was planned"),
        };
        let mut both = due(&groups[0], groups[0].slice);
        both.extend(due(&groups[1], groups[1].slice));
        both.sort_unstable();
        assert_eq!(both, due(&groups[0], Slice::WHOLE));
        assert_eq!(groups[0].peak_rate(), Some(5.0));
    }

    #[test]
    fn a_plan_over_two_routes_is_asked_for_again_as_it_was() {
        let before = spec(&BOTH).resolve(&topology());
        let before = before.expect("a plan");
        let again = PlanSpec::from(&before);
        assert_eq!(again.via, BOTH);
        let after = again.resolve(&topology());
        assert_eq!(after.expect("a plan").groups, before.groups);
    }

    #[test]
    fn one_route_twice_and_a_closed_loop_over_two_are_refused() {
        let twice = groups(&spec(&[Route::Direct, Route::Direct]));
        assert!(matches!(
            twice,
            Err(PlanError::Routes(RoutesRefused::Twice(_)))
        ));
        let closed = PlanSpec {
            rps: None,
            host: Vec::new(),
            closed: true,
            ..spec(&BOTH)
        };
        assert!(matches!(
            groups(&closed),
            Err(PlanError::Routes(RoutesRefused::Closed(_)))
        ));
        let blind = PlanSpec {
            target: Some("http://127.0.0.1:1".into()),
            ..spec(&BOTH)
        };
        assert!(matches!(
            blind.check(),
            Err(PlanError::Routes(RoutesRefused::NowhereDirect(_)))
        ));
    }
}
