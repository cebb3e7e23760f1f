//! Asks before the load, by the load's own request and transport: the target for each group, and each
//! replica around it.
//!
//! Only a connection that cannot be made ends a run here. A slow or a bad answer is what the load
//! would get too: it is noted, and measured.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{join_all, try_join_all};

use super::RunError;
use super::aim::Aim;
use crate::engine::name_in;
use crate::model::{Cause, ErrorClass, NameSource, Nanos, ReplicaId, StackWarning, Topology};
use crate::traffic::Call;
use crate::transport::{
    Answer, Client, ClientOptions, Connection as _, Failure, Place, Tls, Transport as _, Trust,
};

/// What was learnt before the load.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) warnings: Vec<StackWarning>,
    /// What each replica of the topology calls itself, where it was asked and said so.
    pub(super) names: Vec<Option<ReplicaId>>,
}

/// How one question ended.
enum Probed {
    /// There was no connection.
    Unconnected(Failure),
    /// There was a connection, and no complete answer.
    Unanswered(Failure),
    Answered(Told),
}

/// What an answer said.
struct Told {
    answer: Answer,
    /// The replica's name, where it gives one.
    name: Option<String>,
}

/// Asks the target for each group, and the replicas.
pub(super) async fn reach(aims: &[Aim], topology: &Topology) -> Result<Reached, RunError> {
    let warnings = ask_target(aims, topology).await?;
    let named = topology.replicas.iter().map(|replica| {
        let aim = aims.iter().find(|aim| aim.host == replica.group);
        let page = &replica.metrics_url;
        async move {
            let options = aim?.around(page)?;
            match ask(options).await.ok()? {
                Probed::Answered(told) => told.name.filter(|_| told.answer.status < 400),
                Probed::Unconnected(_) | Probed::Unanswered(_) => None,
            }
        }
    });
    let names = join_all(named).await;
    let mut reached = Reached {
        warnings,
        names: names.into_iter().map(|name| name.map(ReplicaId)).collect(),
    };
    reached.tell_twins_apart(topology);
    Ok(reached)
}

/// Asks the target for each group.
pub(super) async fn ask_target(
    aims: &[Aim],
    topology: &Topology,
) -> Result<Vec<StackWarning>, RunError> {
    let target = &topology.proxy.target;
    let asked = aims.iter().map(|aim| about_group(aim, target));
    Ok(try_join_all(asked).await?.concat())
}

/// What the target's answer to one group is worth knowing for.
async fn about_group(aim: &Aim, target: &str) -> Result<Vec<StackWarning>, RunError> {
    let group = aim.host.clone();
    let options = &aim.options;
    let mut warnings = Vec::new();
    let suspicious = match ask(Arc::clone(options)).await? {
        Probed::Unconnected(failure) => return Err(unreached(aim, target, &failure)),
        Probed::Unanswered(failure) if failure.class == ErrorClass::Tls => {
            return Err(unreached(aim, target, &failure));
        }
        Probed::Unanswered(failure) => {
            let why = failure.reason(Nanos::ZERO);
            warnings.push(StackWarning::Unanswered {
                group: group.clone(),
                why,
            });
            true
        }
        Probed::Answered(told) => {
            warnings.extend(about_answer(&told, aim));
            told.answer.status == 400
        }
    };
    if suspicious && speaks_tls(options).await {
        warnings.push(StackWarning::WantsHttps { group });
    }
    Ok(warnings)
}

fn about_answer(told: &Told, aim: &Aim) -> Option<StackWarning> {
    let group = aim.host.clone();
    let status = told.answer.status;
    let lacks_certificate = (aim.options.tls.as_ref()).is_some_and(Tls::lacks_certificate);
    match status {
        400..=403 | 495..=496 if lacks_certificate => {
            Some(StackWarning::WantsCertificate { group, status })
        }
        404 | 421 if aim.is_named => Some(StackWarning::GroupNotServed { group, status }),
        _ => None,
    }
}

fn unreached(aim: &Aim, target: &str, failure: &Failure) -> RunError {
    let (target, reason, cause) = (target.to_owned(), failure.to_string(), failure.cause);
    if aim.options.tls.is_none() || cause == Cause::Refused {
        return RunError::Unreached {
            target,
            reason,
            cause,
        };
    }
    RunError::NoAnswer {
        target,
        host: aim.host.clone(),
        reason,
        cause,
    }
}

/// Whether a target that was asked in the clear takes a TLS handshake: measured, not read out of its
/// answer.
async fn speaks_tls(options: &ClientOptions) -> bool {
    if options.tls.is_some() {
        return false;
    }
    let Ok(tls) = Tls::new(("localhost", ""), &Trust::Anything, None, None) else {
        return false;
    };
    let secure = ClientOptions {
        tls: Some(tls),
        protocol: None,
        ..options.clone()
    };
    let asked = ask(Arc::new(secure)).await;
    !matches!(asked, Ok(Probed::Unconnected(_)) | Err(_))
}

/// Sends the request once, in a runtime of its own: a client's connections live on one thread.
async fn ask(options: Arc<ClientOptions>) -> Result<Probed, RunError> {
    let internal = |error: &dyn std::fmt::Display| RunError::Internal(error.to_string());
    let asked = tokio::task::spawn_blocking(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build()?;
        let local = tokio::task::LocalSet::new();
        std::io::Result::Ok(local.block_on(&runtime, exchange(options)))
    });
    let asked = asked.await.map_err(|error| internal(&error))?;
    asked.map_err(|error| internal(&error))
}

async fn exchange(options: Arc<ClientOptions>) -> Probed {
    let names = options.names.clone();
    let mut connection = match Client::new(options).connect().await {
        Ok(connection) => connection,
        Err(failure) => return Probed::Unconnected(failure),
    };
    match connection.exchange(Instant::now(), Call::default()).await {
        Ok(answer) => {
            let name = match names {
                NameSource::Body => name_in(connection.short_body()),
                NameSource::Header(_) => connection.named_header().trim_ascii(),
            };
            Probed::Answered(Told {
                answer,
                name: printable(name),
            })
        }
        Err(failure) => Probed::Unanswered(failure),
    }
}

fn printable(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let fits = !name.is_empty() && !name.contains(char::is_control);
    fits.then(|| name.to_owned())
}

impl Reached {
    /// Two pages with one name are told apart by their addresses, and it is said.
    fn tell_twins_apart(&mut self, topology: &Topology) {
        let names = self.names.clone();
        let count = |name: &ReplicaId| names.iter().flatten().filter(|one| *one == name).count();
        for (place, name) in names.iter().enumerate() {
            let Some(name) = name.as_ref().filter(|name| count(name) > 1) else {
                continue;
            };
            self.names[place] = None;
            if names.iter().position(|one| one.as_ref() == Some(name)) == Some(place) {
                let of_name = topology.replicas.iter().zip(&names);
                let of_name = of_name.filter(|(_, one)| one.as_ref() == Some(name));
                self.warnings.push(StackWarning::TwinReplicas {
                    group: topology.replicas[place].group.clone(),
                    name: name.0.clone(),
                    pages: of_name.map(|(twin, _)| twin.metrics_url.clone()).collect(),
                });
            }
        }
    }
}

/// Where there are several addresses: the ones that take connections, in the order of the system's
/// resolver, and the others behind them. Connections are spread over those of one family.
pub(super) async fn sort(
    found: Vec<std::net::SocketAddr>,
    within: std::time::Duration,
) -> (Place, Option<StackWarning>) {
    if found.len() < 2 {
        return (Place::of(&found), None);
    }
    let tried = found.iter().map(|address| async move {
        let connecting = tokio::net::TcpStream::connect(*address);
        matches!(tokio::time::timeout(within, connecting).await, Ok(Ok(_)))
    });
    let alive = join_all(tried).await;
    let first = found.iter().zip(&alive).find(|(_, alive)| **alive);
    let family = first.map_or(found[0], |(address, _)| *address).is_ipv4();
    let (taken, others): (Vec<_>, Vec<_>) = (found.iter().zip(&alive))
        .partition(|(address, alive)| **alive && address.is_ipv4() == family);
    let addresses = |some: &[(&std::net::SocketAddr, &bool)]| -> Vec<_> {
        some.iter().map(|(address, _)| **address).collect()
    };
    let (taken, dead): (Vec<_>, Vec<_>) = (addresses(&taken), addresses(&others));
    let texts = |all: &[std::net::SocketAddr]| all.iter().map(ToString::to_string).collect();
    let warning = StackWarning::SeveralAddresses {
        spread: texts(&taken),
        left_out: texts(&dead),
    };
    let spread = taken.len().max(1);
    let all = crate::transport::Addresses::new([taken, dead].concat(), spread);
    (Place::Addresses(all), Some(warning))
}
