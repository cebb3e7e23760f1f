//! What can be known before the load begins: refused with its arithmetic, or told as a finding.

use super::RunError;
use crate::checks::{Finding, Machine, Severity};
use crate::model::Topology;
use crate::plan::Plan;

/// Descriptors that are open beside the connections: files, pipes, timers, scrapes.
const OTHER_DESCRIPTORS: u64 = 64;

/// Checks a plan against the machine.
pub(super) fn check(
    plan: &Plan,
    topology: &Topology,
    machine: &Machine,
) -> Result<Vec<Finding>, RunError> {
    let groups = plan.groups.len() as u64;
    let needed = u64::from(plan.connections) * groups + OTHER_DESCRIPTORS;
    if machine.open_files_limit > 0 && needed > machine.open_files_limit {
        return Err(RunError::Preflight {
            message: format!(
                "{} connections to each of {groups} host groups need {needed} descriptors, and the limit is {}",
                plan.connections, machine.open_files_limit
            ),
            hint: format!("raise the limit with `ulimit -n {needed}`, or lower --connections"),
        });
    }
    if let Some((first, last)) = machine.ephemeral_ports {
        let ports = u64::from(last.saturating_sub(first)) + 1;
        let connections = u64::from(plan.connections) * groups;
        if connections > ports {
            return Err(RunError::Preflight {
                message: format!(
                    "{connections} connections to one target need as many ephemeral ports, and {first}–{last} are {ports}"
                ),
                hint: "lower --connections, or widen net.ipv4.ip_local_port_range".into(),
            });
        }
    }
    Ok(same_id(topology).into_iter().collect())
}

/// Two replicas of a group that give the same name cannot be told apart.
fn same_id(topology: &Topology) -> Option<Finding> {
    let replicas = &topology.replicas;
    let twin = replicas.iter().enumerate().find_map(|(place, one)| {
        let other = replicas[..place]
            .iter()
            .find(|other| other.id == one.id && other.group == one.group)?;
        Some((one, other))
    });
    twin.map(|(one, other)| Finding {
        code: "ambiguous-replica".into(),
        severity: Severity::Warning,
        group: Some(one.group.clone()),
        replica: Some(one.id.0.clone()),
        message: format!(
            "{} and {} both call themselves {}, so their answers cannot be told apart",
            other.metrics_url, one.metrics_url, one.id
        ),
        hint: Some("give each replica a name of its own, or use --replica-id header:NAME".into()),
    })
}
