//! The stack that needs nothing: replicas and a proxy as child processes on loopback.
//!
//! # Layout
//! `nursery` owns the processes, `offspring` is one of them seen from here; `child` is the
//! other side, which becomes a `replica` or a `proxy`.

mod arguments;
mod child;
mod nursery;
mod offspring;
mod proxy;
mod replica;

pub use child::child_main;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};

use self::nursery::Nursery;
use self::offspring::Offspring;
use super::life::{Life, State};
use super::wanted::{EmbeddedOptions, Wanted};
use super::{Rotation, StackError};
use crate::model::{Proxy, ProxyBook, Replica, ReplicaId, StackKind, Topology};

/// How long children may take to end by themselves. A replica drains for half a second.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running embedded stack. Dropped without [`take_down`](Self::take_down), it kills.
pub(super) struct Embedded {
    replicas: Vec<Offspring>,
    proxy: Offspring,
    // Last, because it is dropped last: what it kills has been let go by then.
    nursery: Nursery,
}

/// One replica that is to be started.
struct Cot {
    group: String,
    id: String,
    args: Vec<String>,
}

impl Embedded {
    /// Starts all replicas at once, and the proxy as soon as their ports are known.
    pub(super) async fn start(
        wanted: &Wanted,
        why: String,
    ) -> Result<(Self, Topology), StackError> {
        let options = &wanted.embedded;
        let groups = groups_to_start(&wanted.groups, &options.groups)?;
        let cots = cots(&groups, wanted.n_replicas(), &options.replica_args)?;
        check_weights(&options.rotation, wanted.n_replicas())?;
        let program = program(options)?;
        let nursery = Nursery::open().map_err(|error| StackError::NotStarted {
            name: "the embedded stack".to_owned(),
            reason: error.to_string(),
        })?;

        let within = wanted.timeouts.child;
        let started = try_join_all(cots.iter().map(|cot| async {
            let mut command = offspring::command(&program, child::REPLICA);
            command.args(["--id", &cot.id]).args(&cot.args);
            let name = format!("replica {}", cot.id);
            let mut replica = Offspring::start(&nursery, name, command).await?;
            let [address] = replica.ready(within).await?;
            Ok((replica, address))
        }))
        .await?;
        let (replicas, addresses): (Vec<_>, Vec<_>) = started.into_iter().unzip();

        let mut command = offspring::command(&program, child::PROXY);
        command
            .args(["--policy", &options.rotation.to_string()])
            .arg(format!(
                "--timeout-ms={}",
                options.upstream_timeout.as_millis()
            ));
        for (cot, address) in cots.iter().zip(&addresses) {
            command.args(["--peer", &format!("{}={address}", cot.group)]);
        }
        let mut proxy = Offspring::start(&nursery, "the proxy".to_owned(), command).await?;
        let [front, status] = proxy.ready(within).await?;

        let topology = Topology {
            kind: StackKind::Embedded,
            why,
            proxy: describe_proxy(&options.rotation, front, status),
            groups,
            replicas: cots
                .into_iter()
                .zip(addresses)
                .map(describe_replica)
                .collect(),
        };
        let stack = Self {
            replicas,
            proxy,
            nursery,
        };
        Ok((stack, topology))
    }

    /// What has become of each replica, in the topology's order.
    pub(super) async fn lives(&self, topology: &Topology) -> Result<Vec<Life>, StackError> {
        let ends = self
            .nursery
            .inspect()
            .await
            .map_err(|error| StackError::NotStarted {
                name: "the embedded stack".to_owned(),
                reason: error.to_string(),
            })?;
        // Replicas are started before the proxy, but not in the topology's order.
        Ok(topology
            .replicas
            .iter()
            .zip(&self.replicas)
            .map(|(replica, offspring)| Life {
                group: replica.group.clone(),
                id: replica.id.clone(),
                state: match ends.get(offspring.order) {
                    Some(Some(end)) => State::Ended(format!("{end}: {}", offspring.complaint())),
                    _ => State::Running,
                },
                health: None,
                started_at: None,
                restarts: 0,
                metrics_url: Some(replica.metrics_url.clone()),
            })
            .collect())
    }

    /// Lets every child end by itself, and kills those that do not.
    pub(super) async fn take_down(mut self) {
        // The proxy first, or it would see its replicas go.
        self.proxy.let_go();
        self.replicas.iter_mut().for_each(Offspring::let_go);
        let children = self.replicas.iter_mut().chain([&mut self.proxy]);
        join_all(children.map(|child| child.ended(FAREWELL))).await;
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

fn cots(
    groups: &[String],
    n_replicas: u32,
    replica_args: &[(String, Vec<String>)],
) -> Result<Vec<Cot>, StackError> {
    for (who, args) in replica_args {
        replica::check(args).map_err(|reason| StackError::BadArgument {
            argument: format!("{who}={}", args.join(" ")),
            reason,
        })?;
    }
    let args_for = |who: &str| -> Vec<String> {
        let own = replica_args.iter().filter(|(name, _)| name == who);
        own.flat_map(|(_, args)| args.iter().cloned()).collect()
    };
    let of_group = |group: &String| -> Vec<Cot> {
        let cot = |index| {
            let mut args = args_for(group);
            args.extend(args_for(&format!("{group}/{index}")));
            Cot {
                group: group.clone(),
                id: format!("{group}-{index}"),
                args,
            }
        };
        (1..=n_replicas).map(cot).collect()
    };
    Ok(groups.iter().flat_map(of_group).collect())
}

fn check_weights(rotation: &Rotation, n_replicas: u32) -> Result<(), StackError> {
    match rotation {
        Rotation::RoundRobin(weights)
            if !weights.is_empty() && weights.len() != n_replicas as usize =>
        {
            Err(StackError::BadArgument {
                argument: rotation.to_string(),
                reason: format!("has {} weights for {n_replicas} replicas", weights.len()),
            })
        }
        _ => Ok(()),
    }
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

fn describe_proxy(rotation: &Rotation, front: SocketAddr, status: SocketAddr) -> Proxy {
    let rotation = match rotation {
        Rotation::RoundRobin(weights) if weights.is_empty() => "round robin".to_owned(),
        other => other.to_string(),
    };
    Proxy {
        name: format!("embedded {rotation}"),
        target: format!("http://{front}"),
        book: Some(ProxyBook::Prometheus {
            url: format!("http://{status}{}", proxy::BOOK_PATH),
            counter: proxy::REQUESTS.to_owned(),
        }),
        // One process with one thread: one rotation.
        workers: 1,
    }
}

fn describe_replica((cot, address): (Cot, SocketAddr)) -> Replica {
    Replica {
        group: cot.group,
        id: ReplicaId(cot.id),
        metrics_url: format!("http://{address}/metrics"),
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
            ("a".to_owned(), names(&["--seed", "1"])),
            ("a/2".to_owned(), names(&["--service-time", "fixed:1ms"])),
        ];
        let cots = cots(&names(&["a", "b"]), 2, &args).unwrap();
        let told: Vec<_> = cots
            .iter()
            .map(|cot| (cot.id.as_str(), cot.args.join(" ")))
            .collect();
        assert_eq!(
            told,
            [
                ("a-1", "--seed 1".to_owned()),
                ("a-2", "--seed 1 --service-time fixed:1ms".to_owned()),
                ("b-1", String::new()),
                ("b-2", String::new()),
            ]
        );
    }

    #[test]
    fn a_replica_argument_that_means_nothing_is_refused_before_anything_starts() {
        let args = [("a".to_owned(), names(&["--speed", "1"]))];
        let error = cots(&names(&["a"]), 2, &args).err().unwrap();
        assert_eq!(error.to_string(), "`a=--speed 1`: unknown flag --speed");
    }
}
