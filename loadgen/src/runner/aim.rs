//! Where the load goes, as the transport is told it: one client's options for each group.

use std::path::PathBuf;
use std::sync::Arc;

use super::{RunError, reach};
use crate::model::{Origin, Scheme, StackChoice, StackWarning, Topology};
use crate::plan::{GroupPlan, Plan};
use crate::traffic::Traffic;
use crate::transport::{ClientOptions, Messages, Place, Tls, Trust, resolve};

/// One group's aim.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) host: String,
    /// Whether the host was named, rather than taken from the target.
    pub(super) is_named: bool,
    pub(super) options: Arc<ClientOptions>,
}

/// Each group's aim, in the plan's order, and what is worth knowing of the addresses.
pub(super) async fn at(
    plan: &Plan,
    topology: &Topology,
) -> Result<(Vec<Aim>, Option<StackWarning>), RunError> {
    let target = target(topology)?;
    let origin = target.clone();
    let found = tokio::task::spawn_blocking(move || resolve(&origin)).await;
    let found = found.map_err(|error| RunError::Internal(error.to_string()))??;
    let (place, warning) = reach::sort(found, plan.connect_timeout).await;
    let own = topology.proxy.authority();
    let groups = plan.groups.iter().zip(plan.traffic());
    let aims = groups.map(|(group, traffic)| {
        Ok(Aim {
            host: group.host.clone(),
            is_named: group.host != own,
            options: Arc::new(options(plan, (group, &traffic), &target, &place)?),
        })
    });
    Ok((aims.collect::<Result<_, RunError>>()?, warning))
}

impl Aim {
    /// The same request, to the origin of a replica's page; `None` where that has no address.
    pub(super) fn around(&self, page: &str) -> Option<Arc<ClientOptions>> {
        let (scheme, rest) = page.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let origin: Origin = format!("{scheme}://{authority}").parse().ok()?;
        if origin.scheme == Scheme::Https {
            // Its certificate is another than the target's, and nothing says who signed it.
            return None;
        }
        let found = resolve(&origin).ok()?;
        Some(Arc::new(ClientOptions {
            place: Place::of(&found),
            tls: None,
            ..ClientOptions::clone(&self.options)
        }))
    }
}

fn target(topology: &Topology) -> Result<Origin, RunError> {
    let target = &topology.proxy.target;
    target.parse().map_err(|reason| RunError::Target {
        target: target.clone(),
        reason,
    })
}

fn options(
    plan: &Plan,
    (group, traffic): (&GroupPlan, &Traffic),
    target: &Origin,
    place: &Place,
) -> Result<ClientOptions, RunError> {
    let secure = target.scheme == Scheme::Https;
    let names = (target.host.as_str(), group.host.as_str());
    Ok(ClientOptions {
        place: place.clone(),
        tls: if secure {
            Some(Tls::new(names, &trust(plan), None, None)?)
        } else {
            None
        },
        protocol: None,
        messages: Messages::new(traffic, &group.host, secure, true),
        names: plan.replica_id.clone(),
        keep_alive: true,
        connect_timeout: plan.connect_timeout,
        timeout: plan.timeout,
    })
}

fn trust(plan: &Plan) -> Trust {
    match &plan.stack {
        StackChoice::External(external) if external.insecure => Trust::Anything,
        StackChoice::External(external) => Trust::System {
            and: external.cacert.as_ref().map(PathBuf::from),
        },
        _ => Trust::System { and: None },
    }
}
