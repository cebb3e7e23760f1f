//! What a plan's events must keep: by themselves, and on the stack that is found.

use super::{Load, Plan, PlanError, PlanFields, Process};
use crate::model::{Deed, GOLDEN, Grid, Nanos, PlannedEvent, StackKind, Topology, Whom, mixed};

/// The most events that a plan may have.
const MOST_EVENTS: usize = 100;

/// Checks what needs no stack: the time of each event, and that no two meet.
pub(super) fn check(plan: &PlanFields) -> Result<(), PlanError> {
    if plan.events.len() > MOST_EVENTS {
        return Err(PlanError::TooManyEvents(plan.events.len()));
    }
    for (place, event) in plan.events.iter().enumerate() {
        if event.planned_end() >= Nanos::from(plan.duration) {
            return Err(PlanError::EventAfterEnd {
                event: event.to_string(),
                duration: plan.duration,
            });
        }
        let mut before = plan.events[..place].iter();
        if let Some(other) = before.find(|other| overlap(event, other)) {
            return Err(PlanError::EventsOverlap {
                one: other.to_string(),
                other: event.to_string(),
            });
        }
        check_group(plan, event)?;
    }
    Ok(())
}

fn overlap(one: &PlannedEvent, other: &PlannedEvent) -> bool {
    let apart = one.planned_end() < other.at || other.planned_end() < one.at;
    !apart && one.deed.meets(&other.deed)
}

/// An event needs a load that shows what it does.
fn check_group(plan: &PlanFields, event: &PlannedEvent) -> Result<(), PlanError> {
    let is_loaded = |group: &str| plan.groups.iter().any(|one| one.host == group);
    match event.deed.group() {
        Some(group) if !is_loaded(group) => Err(PlanError::EventGroup {
            event: event.to_string(),
            group: group.to_owned(),
            loaded: plan.groups.iter().map(|one| one.host.clone()).collect(),
        }),
        _ => Ok(()),
    }
}

/// How long before an event and after it the windows are short.
const BEFORE: Nanos = Nanos(4 * Nanos::SECOND.0);
const AFTER: Nanos = Nanos(20 * Nanos::SECOND.0);

impl Plan {
    /// How the run's time is cut into windows: short ones near events.
    #[must_use]
    pub fn grid(&self) -> Grid {
        let near = self.events.iter().map(|event| {
            let from = event.at.minus(BEFORE).0.cast_signed();
            from..event.planned_end().plus(AFTER).0.cast_signed()
        });
        Grid {
            fine: self.window.into(),
            near: near.collect(),
        }
    }

    /// What is done, each event with its replica: one that the seed draws where none is named.
    ///
    /// # Errors
    /// Says which event cannot be carried out on this stack, and why.
    pub fn deeds_on(&self, topology: &Topology) -> Result<Vec<Deed>, PlanError> {
        let events = self.events.iter().enumerate();
        events
            .map(|(place, event)| self.deed_on(topology, place, event))
            .collect()
    }

    fn deed_on(
        &self,
        topology: &Topology,
        place: usize,
        event: &PlannedEvent,
    ) -> Result<Deed, PlanError> {
        refuse_kind(topology.kind, event)?;
        let Some(whom) = event.deed.replica() else {
            return Ok(event.deed.clone());
        };
        let there = topology.replicas_of(&whom.group).count() as u32;
        let scaled = self.events[..place].iter();
        let scaled = scaled
            .filter_map(|earlier| scaled_to(earlier, whom))
            .next_back();
        let there = scaled.unwrap_or(there);
        match whom.number {
            Some(number) if number > there => Err(PlanError::EventReplica {
                event: event.to_string(),
                group: whom.group.clone(),
                there,
            }),
            None if there == 0 => Err(PlanError::EventReplica {
                event: event.to_string(),
                group: whom.group.clone(),
                there,
            }),
            _ => Ok((event.deed.clone()).about(1 + self.draw(place) % there.max(1))),
        }
    }

    /// A number that depends on the seed and the place of an event, and on nothing else.
    fn draw(&self, place: usize) -> u32 {
        let seeds = self.groups.iter().filter_map(|group| match &group.load {
            Load::Open { schedule } => match schedule.process {
                Process::Poisson { seed } => Some(seed),
                Process::Constant => None,
            },
            Load::Closed { .. } => None,
        });
        let seed = seeds.chain([1]).next().unwrap_or(1);
        let drawn = mixed(seed.wrapping_add((place as u64 + 1).wrapping_mul(GOLDEN)));
        (drawn >> 33) as u32
    }
}

fn scaled_to(earlier: &PlannedEvent, whom: &Whom) -> Option<u32> {
    match &earlier.deed {
        Deed::Scale { group, replicas } if *group == whom.group => Some(*replicas),
        _ => None,
    }
}

/// What a kind of stack cannot do.
fn refuse_kind(kind: StackKind, event: &PlannedEvent) -> Result<(), PlanError> {
    let lacks = match (kind, &event.deed) {
        (_, Deed::Exec(_)) | (StackKind::Compose, _) => return Ok(()),
        (StackKind::External, _) => "only a command (`exec`) can be run against an external stack",
        (StackKind::Embedded, Deed::Throttle(..)) => "an embedded replica has no CPU quota",
        (StackKind::Embedded, Deed::Disconnect(_)) => {
            "embedded replicas have no network that one could leave"
        }
        (StackKind::Embedded, Deed::ReloadProxy) => {
            "the embedded proxy has no configuration that could be read again"
        }
        (StackKind::Embedded, _) => return Ok(()),
    };
    Err(PlanError::EventStack {
        event: event.to_string(),
        kind,
        lacks,
    })
}
