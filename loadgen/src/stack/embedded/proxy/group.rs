//! The host groups: their peers, their rotation and what has been counted for each.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::HeaderValue;
use hyper::http::uri::Authority;

use super::balance::Balance;
use crate::stack::Rotation;

/// Every host group by its name, and the requests that belong to none.
pub(super) struct Groups {
    by_host: HashMap<String, Group>,
    pub(super) misdirected: AtomicU64,
}

/// One host group.
pub(super) struct Group {
    peers: Vec<Peer>,
    balance: Balance,
    /// Requests that arrived for it, counted before anything is done with them.
    pub(super) requests: AtomicU64,
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
    pub(super) fn new(peers: &[(String, SocketAddr)], rotation: &Rotation) -> Result<Self, String> {
        let mut by_group: HashMap<String, Vec<Peer>> = HashMap::new();
        for (group, address) in peers {
            let peer = Peer::new(*address)?;
            by_group
                .entry(group.to_ascii_lowercase())
                .or_default()
                .push(peer);
        }
        let by_host = by_group
            .into_iter()
            .map(|(host, peers)| {
                let balance = Balance::new(rotation, peers.len())?;
                let requests = AtomicU64::new(0);
                let group = Group {
                    peers,
                    balance,
                    requests,
                };
                Ok((host, group))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            by_host,
            misdirected: AtomicU64::new(0),
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
    pub(super) fn pass(&self, client: IpAddr) -> impl Iterator<Item = &Peer> {
        let first = self.balance.pick(client);
        let (before, from) = self.peers.split_at(first);
        from.iter().chain(before)
    }

    /// The peers in order.
    pub(super) fn peers(&self) -> &[Peer] {
        &self.peers
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
