//! The stack that needs nothing: replicas and a proxy as child processes on loopback.
//!
//! # Layout
//! `supervisor` owns the processes, `process` is one of them seen from here, and `member` a replica or
//! the proxy over all of its processes; `deeds` is what can be done to them. `entry` is the other
//! side, which becomes a `replica` or a `proxy`, and `child` what these two have in common.

mod arguments;
mod child;
mod deeds;
mod entry;
mod member;
mod process;
mod proxy;
mod replica;
mod supervisor;

pub use entry::child_main;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{join_all, try_join_all};

use self::member::{FAREWELL, Member, Starter};
use self::supervisor::Supervisor;
use super::StackError;
use super::spec::{EmbeddedOptions, StackSpec};
use crate::model::{
    Policy, Proxy, ProxyCounter, Replica, ReplicaArg, ReplicaId, ReplicaStatus, RunState,
    StackKind, Topology,
};

/// The most that the weights of its proxy may add up to.
const MOST_TOTAL_WEIGHT: u64 = 10_000;

/// A running embedded stack. Dropped without [`take_down`](Self::take_down), it kills.
pub(super) struct Embedded {
    /// The replicas in order of group, and within it of number.
    slots: Mutex<Vec<Arc<Slot>>>,
    proxy: Member,
    groups: Vec<String>,
    /// Replicas per group at the beginning.
    began_with: usize,
    options: EmbeddedOptions,
    // Last, because it is dropped last: what it kills has been let go by then.
    starter: Starter,
}

/// One replica with what it is started by.
struct Slot {
    spec: ReplicaSpec,
    member: Member,
}

/// One replica that is to be started.
struct ReplicaSpec {
    group: String,
    id: String,
    args: Vec<String>,
}

impl ReplicaSpec {
    fn flags(&self) -> Vec<String> {
        let id = format!("--id={}", self.id);
        std::iter::once(id)
            .chain(self.args.iter().cloned())
            .collect()
    }
}

impl Slot {
    /// The replica as the proxy is told of it.
    fn peer(&self) -> String {
        format!("{}={}", self.spec.group, self.member.address())
    }
}

impl Embedded {
    /// Starts all replicas at once, and the proxy as soon as they listen.
    pub(super) async fn start(
        spec: &StackSpec,
        why: String,
    ) -> Result<(Self, Topology), StackError> {
        let options = &spec.embedded;
        let groups = groups_to_start(&spec.groups, &options.groups)?;
        let replica_specs = replica_specs(&groups, spec.n_replicas(), &options.spec.replica_args)?;
        check_policy(&options.spec.policy, spec.n_replicas())?;
        let starter = Starter {
            program: program(options)?,
            supervisor: Supervisor::open().map_err(|error| StackError::NotStarted {
                name: "the embedded stack".to_owned(),
                reason: error.to_string(),
            })?,
            within: spec.timeouts.child,
        };
        let started = replica_specs.into_iter().map(|spec| async {
            let name = format!("replica {}", spec.id);
            let member = Member::new(child::REPLICA, name, spec.flags(), 1)?;
            member.start(&starter).await?;
            Ok(Arc::new(Slot { spec, member }))
        });
        let slots = try_join_all(started).await?;

        let mut flags = vec![
            format!("--policy={}", options.spec.policy),
            format!("--retries={}", options.spec.retries),
            format!("--timeout-ms={}", options.upstream_timeout.as_millis()),
        ];
        flags.extend(slots.iter().map(|slot| format!("--peer={}", slot.peer())));
        let proxy = Member::new(child::PROXY, "the proxy".to_owned(), flags, 2)?;
        proxy.start(&starter).await?;

        let front = (proxy.address(), proxy.last_address());
        let topology = Topology {
            kind: StackKind::Embedded,
            why,
            proxy: describe_proxy(&options.spec.policy, front.0, front.1),
            groups: groups.clone(),
            replicas: slots.iter().map(|slot| describe_replica(slot)).collect(),
        };
        let stack = Self {
            slots: Mutex::new(slots),
            proxy,
            groups,
            began_with: spec.n_replicas() as usize,
            options: options.clone(),
            starter,
        };
        Ok((stack, topology))
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.clone()
    }

    fn slots_of(&self, group: &str) -> Vec<Arc<Slot>> {
        let mut slots = self.slots();
        slots.retain(|slot| slot.spec.group == group);
        slots
    }

    /// Takes a further replica in, behind the others of its group.
    fn remember(&self, slot: Arc<Slot>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let last = slots
            .iter()
            .rposition(|other| other.spec.group == slot.spec.group);
        let place = last.map_or(slots.len(), |last| last + 1);
        slots.insert(place, slot);
    }

    fn forget(&self, slot: &Slot) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|other| other.spec.id != slot.spec.id);
    }

    /// The `number`-th replica of a group, counted from 1.
    fn spec_of(&self, group: &str, number: usize) -> Result<ReplicaSpec, StackError> {
        let args = &self.options.spec.replica_args;
        let specs = replica_specs(&[group.to_owned()], number as u32, args)?;
        let spec = specs.into_iter().next_back();
        spec.ok_or_else(|| StackError::Event {
            whom: group.to_owned(),
            reason: "a replica needs a number".to_owned(),
        })
    }

    /// The replicas that there are now.
    pub(super) fn replicas(&self) -> Vec<Replica> {
        self.slots()
            .iter()
            .map(|slot| describe_replica(slot))
            .collect()
    }

    /// What has become of each replica.
    pub(super) async fn statuses(&self) -> Result<Vec<ReplicaStatus>, StackError> {
        let slots = self.slots();
        let statuses = slots.iter().map(|slot| async {
            let fate = slot.member.fate(&self.starter).await?;
            let replica = describe_replica(slot);
            Ok(ReplicaStatus {
                group: replica.group,
                id: replica.id,
                state: fate.ended.map_or(RunState::Running, RunState::Ended),
                health: None,
                started_at: None,
                restarts: fate.restarts,
                metrics_url: Some(replica.metrics_url),
            })
        });
        try_join_all(statuses).await
    }

    /// Lets every child end by itself, and kills those that do not.
    pub(super) async fn take_down(mut self) {
        // The proxy first, or it would see its replicas go.
        self.proxy.let_go();
        let slots = self
            .slots
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // Nobody else holds them any more.
        let mut slots: Vec<_> = slots.into_iter().filter_map(Arc::into_inner).collect();
        for slot in &mut slots {
            slot.member.let_go();
        }
        let members = slots.iter_mut().map(|slot| &mut slot.member);
        let members = members.chain([&mut self.proxy]);
        join_all(members.map(|member| member.ended(FAREWELL))).await;
    }
}

/// The groups asked for, or all; each must be known.
fn groups_to_start(asked: &[String], known: &[String]) -> Result<Vec<String>, StackError> {
    if let Some(group) = asked.iter().find(|group| !known.contains(group)) {
        return Err(StackError::UnknownGroup {
            group: group.clone(),
            known: known.to_vec(),
        });
    }
    let asked_for = |group: &&String| asked.is_empty() || asked.contains(group);
    Ok(known.iter().filter(asked_for).cloned().collect())
}

fn replica_specs(
    groups: &[String],
    n_replicas: u32,
    replica_args: &[ReplicaArg],
) -> Result<Vec<ReplicaSpec>, StackError> {
    for arg in replica_args {
        replica::check(std::slice::from_ref(&arg.flag)).map_err(|reason| {
            StackError::BadArgument {
                argument: String::from(arg.clone()),
                reason,
            }
        })?;
    }
    let args_for = |who: &str| -> Vec<String> {
        let own = replica_args.iter().filter(|arg| arg.whose == who);
        own.map(|arg| arg.flag.clone()).collect()
    };
    let of_group = |group: &String| -> Vec<ReplicaSpec> {
        let replica_spec = |index| {
            let mut args = args_for(group);
            args.extend(args_for(&format!("{group}/{index}")));
            ReplicaSpec {
                group: group.clone(),
                id: format!("{group}-{index}"),
                args,
            }
        };
        (1..=n_replicas).map(replica_spec).collect()
    };
    Ok(groups.iter().flat_map(of_group).collect())
}

/// Refuses what the proxy cannot do.
fn check_policy(policy: &Policy, n_replicas: u32) -> Result<(), StackError> {
    let reason = match policy {
        Policy::RoundRobin { weights } | Policy::Random { weights } => {
            let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            if !weights.is_empty() && weights.len() != n_replicas as usize {
                format!("has {} weights for {n_replicas} replicas", weights.len())
            } else if total > MOST_TOTAL_WEIGHT {
                format!("weights add up to {MOST_TOTAL_WEIGHT} at most")
            } else {
                return Ok(());
            }
        }
        Policy::Hash => return Ok(()),
        Policy::LeastConn | Policy::None => {
            "is not `round-robin`, `round-robin:3,1`, `random` or `hash`".to_owned()
        }
    };
    Err(StackError::BadArgument {
        argument: policy.to_string(),
        reason,
    })
}

fn program(options: &EmbeddedOptions) -> Result<PathBuf, StackError> {
    match &options.program {
        Some(program) => Ok(program.clone()),
        None => match std::env::current_exe() {
            Ok(program) if program.exists() => Ok(program),
            // The file was replaced since this process was started; the kernel still has it.
            Ok(_) => Ok(PathBuf::from("/proc/self/exe")),
            Err(error) => Err(StackError::NotStarted {
                name: "the embedded stack".to_owned(),
                reason: format!("this program's own file is unknown: {error}"),
            }),
        },
    }
}

fn describe_proxy(policy: &Policy, front: SocketAddr, status: SocketAddr) -> Proxy {
    let rotation = match policy {
        Policy::RoundRobin { weights } if weights.is_empty() => "round robin".to_owned(),
        other => other.to_string(),
    };
    Proxy {
        name: format!("embedded {rotation}"),
        target: format!("http://{front}"),
        counter: Some(ProxyCounter::Prometheus {
            url: format!("http://{status}{}", proxy::COUNTER_PATH),
            counter: proxy::requests(),
        }),
        // One process with one thread: one rotation.
        workers: 1,
    }
}

fn describe_replica(slot: &Slot) -> Replica {
    Replica {
        group: slot.spec.group.clone(),
        id: ReplicaId(slot.spec.id.clone()),
        metrics_url: format!("http://{}/metrics", slot.member.address()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_the_groups_asked_for_are_started_in_the_stacks_order() {
        let known = names(&["a", "b", "c"]);
        assert_eq!(groups_to_start(&[], &known).unwrap(), known);
        let asked = names(&["c", "a"]);
        assert_eq!(groups_to_start(&asked, &known).unwrap(), names(&["a", "c"]));
        let error = groups_to_start(&names(&["d"]), &known).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown host group d; this stack has a, b and c"
        );
    }

    #[test]
    fn arguments_are_for_a_group_or_for_one_replica_of_it() {
        let args = [
            "a=--seed=1".parse().unwrap(),
            "a/2=--service-time=fixed:1ms".parse().unwrap(),
        ];
        let replica_specs = replica_specs(&names(&["a", "b"]), 2, &args).unwrap();
        let told: Vec<_> = replica_specs
            .iter()
            .map(|replica_spec| (replica_spec.id.as_str(), replica_spec.args.join(" ")))
            .collect();
        assert_eq!(
            told,
            [
                ("a-1", "--seed=1".to_owned()),
                ("a-2", "--seed=1 --service-time=fixed:1ms".to_owned()),
                ("b-1", String::new()),
                ("b-2", String::new()),
            ]
        );
    }

    #[test]
    fn a_replica_argument_that_means_nothing_is_refused_before_anything_starts() {
        let args = ["a=--speed=1".parse().unwrap()];
        let error = replica_specs(&names(&["a"]), 2, &args).err().unwrap();
        assert_eq!(error.to_string(), "`a=--speed=1`: unknown flag --speed");
    }
}
