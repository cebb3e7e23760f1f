//! The stack that somebody else runs: a target, and perhaps its replicas' metrics pages.
//!
//! **Invariant:** everything that comes from there is hostile; each read has a bound in time
//! and bytes.

mod address;

use futures_util::future::try_join_all;

use self::address::Page;
use super::StackError;
use super::spec::{StackSpec, Timeouts};
use crate::model::{
    External, OriginError, Proxy, ProxyCounter, Replica, ReplicaId, ReplicaPage, StackKind, Target,
    Topology,
};

/// Describes what was given. Nothing is asked: what answers there is for the load's own request to
/// find out, and what the replicas call themselves.
pub(super) async fn find(spec: &StackSpec, external: &External) -> Result<Topology, StackError> {
    let target = target(&external.target)?;
    let counter = counter(external)?;
    let replicas = replicas(external, &spec.timeouts).await?;
    let groups = if spec.groups.is_empty() {
        let mut groups: Vec<String> = Vec::new();
        for replica in &replicas {
            if !groups.contains(&replica.group) {
                groups.push(replica.group.clone());
            }
        }
        groups
    } else {
        spec.groups.clone()
    };
    Ok(Topology {
        kind: StackKind::External,
        why: format!("external stack: --target {} was given", external.target),
        proxy: Proxy {
            name: "external".to_owned(),
            target: target.to_string(),
            counter,
            workers: 1,
        },
        groups,
        replicas,
    })
}

/// A socket, or an origin, which may lack its scheme.
fn target(text: &str) -> Result<Target, StackError> {
    let refused = |reason: String| StackError::bad_url("target", text, reason);
    if text.starts_with(Target::SOCKET) {
        return text
            .parse()
            .map_err(|error: OriginError| refused(error.to_string()));
    }
    let page = Page::read("target", text, "/")?;
    if page.path != "/" {
        return Err(refused("has a path, which belongs into --path".to_owned()));
    }
    Ok(Target::Origin(page.origin))
}

fn counter(external: &External) -> Result<Option<ProxyCounter>, StackError> {
    let Some(page) = &external.proxy_metrics else {
        return Ok(None);
    };
    Ok(Some(match &external.proxy_counter {
        Some(counter) => ProxyCounter::Prometheus {
            url: Page::read("proxy metrics page", page, "/metrics")?.to_string(),
            counter: counter.clone(),
        },
        None => ProxyCounter::StubStatus {
            url: Page::read("proxy status page", page, "/status")?.to_string(),
        },
    }))
}

/// Every replica by its page, its host's addresses taken apart.
async fn replicas(external: &External, timeouts: &Timeouts) -> Result<Vec<Replica>, StackError> {
    let pages = external
        .replicas
        .iter()
        .map(|ReplicaPage { group, url }| async move {
            let page = Page::read("replica", url, "/metrics")?;
            let addresses = page.resolve(timeouts.connect).await?;
            Ok(match addresses.as_slice() {
                // By its name, which its server may insist on.
                [_one] => vec![(group, page)],
                several => several.iter().map(|one| (group, page.at(*one))).collect(),
            })
        });
    let pages: Vec<_> = try_join_all(pages).await?.into_iter().flatten().collect();
    let replicas = pages.into_iter().map(|(group, page)| Replica {
        group: group.clone(),
        id: ReplicaId(page.origin.authority()),
        metrics_url: page.to_string(),
    });
    Ok(replicas.collect())
}
