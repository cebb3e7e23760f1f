//! What a group was asked to carry, as the plan has it.

use super::format::rate;
use crate::plan::Load;
use crate::record::{GroupRecord, Record};

/// Points at which a ramp is looked at.
const POINTS: u32 = 200;

/// A group's rate as it is planned; none in closed loop, and where the plan has no such group.
fn planned(record: &Record, group: &GroupRecord, at: f64) -> Option<f64> {
    let mut plans = record.plan.groups.iter();
    let plan = plans.find(|plan| plan.name == group.label())?;
    match &plan.load {
        Load::Open { schedule } => Some(plan.part(schedule.profile.rate_at(at))),
        Load::Closed { .. } => None,
    }
}

/// The intended rate at an instant; over the whole where the plan does not say.
pub(super) fn intended_at(record: &Record, group: &GroupRecord, at: f64) -> f64 {
    planned(record, group, at).unwrap_or(group.rate.intended)
}

/// The lowest and the highest intended rate of the measured part.
pub(super) fn bounds(record: &Record, group: &GroupRecord) -> (f64, f64) {
    let end = record.run.duration_s * 0.999;
    let at = |n: u32| intended_at(record, group, end * f64::from(n) / f64::from(POINTS));
    let mut bounds = (f64::INFINITY, 0.0_f64);
    for rate in (0..=POINTS).map(at) {
        bounds = (bounds.0.min(rate), bounds.1.max(rate));
    }
    bounds
}

/// Whether one rate was intended all along.
pub(super) fn is_constant(record: &Record, group: &GroupRecord) -> bool {
    let (least, most) = bounds(record, group);
    most - least < 1e-9
}

/// The intended rate without its unit: `500`, or `50 to 800`; none in closed loop.
pub(super) fn intended(record: &Record, group: &GroupRecord, between: &str) -> Option<String> {
    if group.rate.intended <= 0.0 {
        return None;
    }
    let (least, most) = bounds(record, group);
    Some(if most - least < 1e-9 {
        rate(most)
    } else {
        format!("{}{between}{}", rate(least), rate(most))
    })
}

/// The load in words: `500/s`, `50 to 800/s`, `closed loop`.
pub(super) fn words(record: &Record, group: &GroupRecord) -> String {
    let intended = intended(record, group, " to ");
    intended.map_or_else(|| "closed loop".into(), |rates| format!("{rates}/s"))
}
