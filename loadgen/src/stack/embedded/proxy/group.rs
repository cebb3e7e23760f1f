//! The host groups: their peers, their rotation and what has been counted for each.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hyper::header::HeaderValue;
use hyper::http::uri::Authority;

use super::balance::Balance;
use crate::model::Policy;

/// Every host group by its name, and the requests that belong to none.
pub(super) struct Groups {
    by_host: HashMap<String, Group>,
    pub(super) misdirected: AtomicU64,
}

pub(super) struct Group {
    peers: RwLock<Arc<Peers>>,
    policy: Policy,
    /// Requests that arrived for it, counted before anything is done with them.
    pub(super) requests: AtomicU64,
}

/// The peers that there are at a time, and their rotation.
pub(super) struct Peers {
    list: Vec<Arc<Peer>>,
    balance: Balance,
}

/// A request's way through the peers.
pub(super) struct Pass {
    peers: Arc<Peers>,
    first: usize,
}

/// One replica as the proxy sees it.
pub(super) struct Peer {
    /// The authority of every request to it.
    pub(super) authority: Authority,
    /// The same, as `X-Upstream` gives it.
    pub(super) name: HeaderValue,
    /// Requests that it was tried with.
    pub(super) tries: AtomicU64,
}

impl Groups {
    /// Peers keep their order within a group.
    pub(super) fn new(peers: &[(String, SocketAddr)], policy: &Policy) -> Result<Self, String> {
        let mut by_group: HashMap<String, Vec<Arc<Peer>>> = HashMap::new();
        for (group, address) in peers {
            let peer = Arc::new(Peer::new(*address)?);
            by_group
                .entry(group.to_ascii_lowercase())
                .or_default()
                .push(peer);
        }
        let by_host = by_group
            .into_iter()
            .map(|(host, peers)| {
                let group = Group {
                    peers: RwLock::new(Peers::of(peers, policy)?),
                    policy: policy.clone(),
                    requests: AtomicU64::new(0),
                };
                Ok((host, group))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            by_host,
            misdirected: AtomicU64::new(0),
        })
    }

    /// Takes a peer in, by `peer GROUP=ADDRESS`, or lets it go, by `gone GROUP=ADDRESS`.
    pub(super) fn heed(&self, line: &str) -> Result<(), String> {
        let unknown = || "is neither peer nor gone".to_owned();
        let (what, whom) = line.split_once(' ').ok_or_else(unknown)?;
        let (group, address) = super::peer(whom)?;
        let group = self.by_host.get(&group.to_ascii_lowercase());
        let group = group.ok_or_else(|| "is about no group that is known".to_owned())?;
        let name = address.to_string();
        group.change(|list| {
            match what {
                "peer" => list.push(Arc::new(Peer::new(address)?)),
                "gone" => list.retain(|peer| peer.authority.as_str() != name),
                _ => return Err(unknown()),
            }
            Ok(())
        })
    }

    /// The group a `Host` header means, and counts the request for it.
    pub(super) fn arrived(&self, host: &str) -> Option<&Group> {
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        let group = match self.by_host.get(name) {
            Some(group) => Some(group),
            // Host names do not know capitals; nearly nobody writes them.
            None => self.by_host.get(&name.to_ascii_lowercase()),
        };
        let count = group.map_or(&self.misdirected, |group| &group.requests);
        count.fetch_add(1, Ordering::Relaxed);
        group
    }

    /// The groups in the order of their names.
    pub(super) fn sorted(&self) -> Vec<(&str, &Group)> {
        let mut groups: Vec<_> = self
            .by_host
            .iter()
            .map(|(host, group)| (host.as_str(), group))
            .collect();
        groups.sort_unstable_by_key(|(host, _)| *host);
        groups
    }
}

impl Group {
    /// Every peer once: the one whose turn it is, and then the others as stand-ins.
    pub(super) fn pass(&self, client: IpAddr) -> Pass {
        let peers = self.peers();
        let first = peers.balance.pick(client);
        Pass { peers, first }
    }

    /// The peers that there are now.
    pub(super) fn peers(&self) -> Arc<Peers> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&peers)
    }

    /// Changes the peers. Their rotation begins anew.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Arc<Peer>>) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut peers = self.peers.write().unwrap_or_else(PoisonError::into_inner);
        let mut list = peers.list.clone();
        change(&mut list)?;
        *peers = Peers::of(list, &self.policy)?;
        Ok(())
    }
}

impl Peers {
    fn of(list: Vec<Arc<Peer>>, policy: &Policy) -> Result<Arc<Self>, String> {
        if list.is_empty() {
            return Err("a group needs a replica".to_owned());
        }
        let balance = Balance::new(policy, list.len())?;
        Ok(Arc::new(Self { list, balance }))
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.list.iter().map(AsRef::as_ref)
    }
}

impl Pass {
    /// The peers in the order in which they are to be tried.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Peer> {
        let (before, from) = self.peers.list.split_at(self.first);
        from.iter().chain(before).map(AsRef::as_ref)
    }
}

impl Peer {
    fn new(address: SocketAddr) -> Result<Self, String> {
        let text = address.to_string();
        Ok(Self {
            authority: text.parse().map_err(|error| format!("{text}: {error}"))?,
            name: HeaderValue::from_str(&text).map_err(|error| format!("{text}: {error}"))?,
            tries: AtomicU64::new(0),
        })
    }
}
