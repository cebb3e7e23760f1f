//! Where the load goes, as the transport is told it: one client's options for each group.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{RunError, reach};
use crate::model::{Origin, Scheme, StackChoice, StackWarning, Target, Topology, User};
use crate::plan::{GroupPlan, Plan, Route};
use crate::traffic::Traffic;
use crate::transport::{ClientOptions, Messages, Place, Tls, Trust, resolve};

/// One group's aim.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) host: String,
    /// Whether the host was named, rather than taken from the target.
    pub(super) is_named: bool,
    /// Where it is asked: the target, or the first replica.
    pub(super) options: Arc<ClientOptions>,
    /// The places that its arrivals go to in turn.
    pub(super) lanes: Vec<Arc<ClientOptions>>,
    /// Whether a password goes with it that nobody between may read.
    is_secret: bool,
}

/// Each group's aim, in the plan's order, and what is worth knowing of the addresses.
pub(super) async fn at(
    plan: &Plan,
    topology: &Topology,
) -> Result<(Vec<Aim>, Option<StackWarning>), RunError> {
    let target = target(topology)?;
    let (place, warning) = place(&target, plan.connect_timeout).await?;
    let own = topology.proxy.authority();
    let groups = plan.groups.iter().zip(plan.traffic());
    let aims = groups.map(|(group, traffic)| {
        let options = Arc::new(options(plan, (group, &traffic), &target, &place)?);
        let aim = Aim {
            host: group.host.clone(),
            is_named: group.host != own,
            is_secret: target.is_secure() && (plan.user.is_some() || has_secret(&traffic)),
            lanes: vec![Arc::clone(&options)],
            options,
        };
        match group.route {
            Route::Proxy => Ok(aim),
            Route::Direct => aim.straight_to(topology),
        }
    });
    Ok((aims.collect::<Result<_, RunError>>()?, warning))
}

impl Aim {
    /// The same requests to the group's replicas, each by itself.
    fn straight_to(self, topology: &Topology) -> Result<Self, RunError> {
        let pages = topology.replicas_of(&self.host);
        let lanes = pages.map(|replica| {
            let page = &replica.metrics_url;
            self.around(page).ok_or_else(|| format!("nothing but its page {page} is known of {}, and that address cannot be asked directly", replica.id))
        });
        let lanes: Vec<_> = lanes.collect::<Result<_, _>>().map_err(not_direct)?;
        let options = lanes.first().cloned();
        let options =
            options.ok_or_else(|| not_direct(format!("no replica of {} is known", self.host)))?;
        Ok(Self {
            options,
            lanes,
            ..self
        })
    }

    /// The same request, to the origin of a replica's page, over plain HTTP; `None` where that has no
    /// address, or where a password would go in the clear that TLS hides on the way to the target.
    pub(super) fn around(&self, page: &str) -> Option<Arc<ClientOptions>> {
        let (scheme, rest) = page.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let origin: Origin = format!("{scheme}://{authority}").parse().ok()?;
        // Over TLS its certificate is another than the target's, and nothing says who signed it.
        if origin.scheme == Scheme::Https || self.is_secret {
            return None;
        }
        let found = resolve(&origin).ok()?;
        Some(Arc::new(ClientOptions {
            place: Place::of(&found),
            tls: None,
            // Its page is read over HTTP/1.1, so that much it speaks.
            protocol: None,
            ..ClientOptions::clone(&self.options)
        }))
    }
}

fn not_direct(message: String) -> RunError {
    RunError::Preflight {
        message,
        hint: "load it --via proxy, or name each replica's page in the clear, as --replica app-group-1=http://127.0.0.1:9101/metrics".into(),
    }
}

/// Where connections lead to, and what is worth knowing of the addresses.
async fn place(
    target: &Target,
    within: Duration,
) -> Result<(Place, Option<StackWarning>), RunError> {
    let origin = match target {
        Target::Unix(path) => return Ok((Place::Unix(path.as_path().into()), None)),
        Target::Origin(origin) => origin.clone(),
    };
    let found = tokio::task::spawn_blocking(move || resolve(&origin)).await;
    let found = found.map_err(|error| RunError::Internal(error.to_string()))??;
    Ok(reach::sort(found, within).await)
}

fn target(topology: &Topology) -> Result<Target, RunError> {
    let target = &topology.proxy.target;
    target.parse().map_err(|reason| RunError::Target {
        target: target.clone(),
        reason,
    })
}

/// Whether a header says who asks.
fn has_secret(traffic: &Traffic) -> bool {
    const NAMES: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
    let requests = traffic.requests.iter();
    let mut headers = requests.flat_map(|request| &request.headers);
    headers.any(|(name, _)| NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret)))
}

fn options(
    plan: &Plan,
    (group, traffic): (&GroupPlan, &Traffic),
    target: &Target,
    place: &Place,
) -> Result<ClientOptions, RunError> {
    let signed = signed(plan, traffic);
    let (secure, keep_alive) = (target.is_secure(), plan.keep_alive);
    Ok(ClientOptions {
        place: place.clone(),
        tls: tls(plan, &group.host, target)?,
        protocol: plan.http,
        messages: Messages::new(&signed, &group.host, secure, keep_alive),
        names: plan.replica_id.clone(),
        keep_alive,
        connect_timeout: plan.connect_timeout,
        timeout: plan.timeout,
    })
}

/// The requests with who asks; one that has a header of its own for that keeps it.
fn signed(plan: &Plan, traffic: &Traffic) -> Traffic {
    let value = plan.user.as_ref().and_then(User::authorization);
    match value {
        Some(value) => traffic.clone().with_header("Authorization", &value),
        None => traffic.clone(),
    }
}

/// `None` in the clear.
fn tls(plan: &Plan, host: &str, target: &Target) -> Result<Option<Tls>, RunError> {
    let Target::Origin(origin) = target else {
        return Ok(None);
    };
    if !target.is_secure() {
        return Ok(None);
    }
    let identity = match &plan.stack {
        StackChoice::External(external) => external.identity.as_ref(),
        _ => None,
    };
    let names = (origin.host.as_str(), host);
    let tls = Tls::new(names, &trust(plan), identity, plan.http)?;
    Ok(Some(tls))
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
