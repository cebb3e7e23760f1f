//! Refuses a plan that this machine or stack cannot carry.

use super::RunError;
use crate::checks;
use crate::model::{Machine, Topology};
use crate::plan::Plan;
use crate::record::Severity;

/// Checks a plan before any load: what would make the run worthless is an error now, and what is
/// merely worth knowing is judged with the results.
pub(super) fn check(plan: &Plan, topology: &Topology, machine: &Machine) -> Result<(), RunError> {
    let findings = checks::preflight(plan, topology, machine);
    let mut refused = findings.into_iter();
    match refused.find(|finding| finding.severity == Severity::Invalid) {
        Some(refused) => Err(RunError::Preflight {
            message: refused.message,
            hint: refused.hint.unwrap_or_default(),
        }),
        None => Ok(()),
    }
}
