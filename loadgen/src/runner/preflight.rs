//! Refuses a plan that this machine or stack cannot carry; the rest goes on as findings.

use super::RunError;
use crate::checks::{self, Finding, Machine, Severity};
use crate::model::Topology;
use crate::plan::Plan;

/// Checks a plan before any load: what would make the run worthless is an error now, and what is
/// merely worth knowing is told with the results.
pub(super) fn check(
    plan: &Plan,
    topology: &Topology,
    machine: &Machine,
) -> Result<Vec<Finding>, RunError> {
    let findings = checks::preflight(plan, topology, machine);
    match findings
        .iter()
        .find(|finding| finding.severity == Severity::Invalid)
    {
        Some(refused) => Err(RunError::Preflight {
            message: refused.message.clone(),
            hint: refused.hint.clone().unwrap_or_default(),
        }),
        None => Ok(findings),
    }
}
