//! What can be known before the load begins, with the arithmetic in the message.
//!
//! A finding that is [invalid](crate::record::Severity::Invalid) means that the run cannot succeed and should be refused.

use std::collections::BTreeMap;

use super::finding::{counted, grouped};
use crate::model::Machine;
use crate::model::{Nanos, Topology};
use crate::plan::PlanFields;
use crate::record::{Code, Finding};

/// Descriptors that a run needs beside its connections: pages, pipes, files, the runtime.
const OTHER_DESCRIPTORS: u64 = 64;
/// Answers faster than this are rare even on loopback.
const FAST_ANSWER: f64 = 100e-6;

/// Looks at a plan, the machine and the stack it is about to be run on.
#[must_use]
pub fn preflight(plan: &PlanFields, topology: &Topology, machine: &Machine) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(descriptors(plan, machine));
    if !topology.proxy.is_socket() {
        findings.extend(ports(plan, machine));
    }
    findings.extend(connections(plan));
    for group in &plan.groups {
        findings.extend(twins(topology, &group.host));
        findings.extend(weights(plan, topology, &group.host));
    }
    findings
}

fn all_connections(plan: &PlanFields) -> u64 {
    u64::from(plan.connections) * plan.groups.len() as u64
}

fn descriptors(plan: &PlanFields, machine: &Machine) -> Option<Finding> {
    let (groups, limit) = (plan.groups.len(), machine.open_files_limit);
    let needed = all_connections(plan) + OTHER_DESCRIPTORS;
    (limit > 0 && needed > limit).then(|| {
        let message = format!(
            "{groups} × {} connections and {OTHER_DESCRIPTORS} others need {} descriptors, and the limit is {}",
            plan.connections,
            grouped(needed),
            grouped(limit)
        );
        Finding::new(Code::DescriptorsExhausted, message)
            .hint(format!("`ulimit -n {needed}` raises it, or use fewer --connections"))
    })
}

fn ports(plan: &PlanFields, machine: &Machine) -> Option<Finding> {
    let (first, last) = machine.ephemeral_ports?;
    let ports = u64::from(last.saturating_sub(first)) + 1;
    let needed = all_connections(plan);
    (needed > ports).then(|| {
        let message = format!(
            "{} to one address need a port each, and {first} to {last} are only {}",
            counted(needed, "connection"),
            grouped(ports)
        );
        Finding::new(Code::PortsExhausted, message)
            .hint("widen net.ipv4.ip_local_port_range, or use fewer --connections")
    })
}

/// Little's law: connections in use = rate × time of an answer.
fn connections(plan: &PlanFields) -> Option<Finding> {
    let mut rates = plan
        .groups
        .iter()
        .filter_map(|group| Some((group, group.peak_rate()?)));
    let longest = |rate: f64| f64::from(plan.connections) / rate;
    let (group, rate) = rates.find(|(_, rate)| longest(*rate) < FAST_ANSWER)?;
    let message = format!(
        "{rate}/s over {} connections leave each answer {}: above that, arrivals wait for a connection",
        plan.connections,
        Nanos::from_secs_f64(longest(rate))
    );
    Some(
        Finding::new(Code::FewConnections, message)
            .of_group(&group.host)
            .hint("connections = rate × the time an answer takes, and some to spare"),
    )
}

/// Two replicas with one name cannot be told apart in answers.
fn twins(topology: &Topology, host: &str) -> Vec<Finding> {
    let mut pages: BTreeMap<&str, u64> = BTreeMap::new();
    for replica in topology.replicas_of(host) {
        *pages.entry(&replica.id.0).or_default() += 1;
    }
    let twins = pages.into_iter().filter(|(_, pages)| *pages > 1);
    twins
        .map(|(id, pages)| {
            let message =
                format!("{pages} replicas answer as {id}: their shares cannot be told apart");
            Finding::new(Code::TwinReplicas, message)
                .of_group(host)
                .hint("one page given twice, or replicas started with the same --id or host name?")
        })
        .collect()
}

fn weights(plan: &PlanFields, topology: &Topology, host: &str) -> Option<Finding> {
    let weights = plan.policy.declared_weights()?;
    let replicas = topology.replicas_of(host).count();
    (!weights.is_empty() && replicas > 0 && weights.len() != replicas).then(|| {
        let message = format!(
            "{} weights were declared for {replicas} replicas; the balance is judged with equal ones",
            weights.len()
        );
        Finding::new(Code::WeightsMismatch, message)
            .of_group(host)
            .hint("one weight per replica, in the replicas' order: --policy round-robin:3,1; 0 is a standby")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::tests::scene::scene;

    #[test]
    fn what_cannot_work_is_refused_with_its_arithmetic() {
        let mut scene = scene(2, 500, 1, |k| (k % 2) as usize);
        let machine = |open_files_limit, ports| Machine {
            open_files_limit,
            ephemeral_ports: Some(ports),
            ..Machine::default()
        };
        let codes =
            |scene: &crate::checks::tests::scene::Scene, machine: &Machine| -> Vec<String> {
                let findings = preflight(&scene.plan, &scene.topology, machine).into_iter();
                findings.map(|finding| finding.code.to_string()).collect()
            };
        assert_eq!(
            codes(&scene, &machine(1_024, (32_768, 60_999))),
            Vec::<String>::new()
        );
        assert_eq!(
            codes(&scene, &machine(100, (40_000, 40_010))),
            ["descriptors-exhausted", "ports-exhausted"]
        );
        scene.topology.replicas[1].id = scene.topology.replicas[0].id.clone();
        scene.plan.policy = "round-robin:3,1,1".parse().expect("a policy");
        scene.plan.connections = 1;
        scene.plan.groups = crate::checks::tests::scene::plan(20_000.0, 1).groups;
        assert_eq!(
            codes(&scene, &Machine::default()),
            ["few-connections", "twin-replicas", "weights-mismatch"]
        );
    }
}
