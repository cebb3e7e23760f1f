//! What the load goes through: a proxy, and the replicas behind it by group.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Selector, StackKind, Target};

/// The name a replica gives in its answers: a container id, or `--id`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct ReplicaId(pub String);

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything a run has to know of its stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    pub kind: StackKind,
    /// Why this one was taken, as a sentence for the first line of output.
    pub why: String,
    pub proxy: Proxy,
    /// The host groups the stack has, in order; empty when unknown (external).
    pub groups: Vec<String>,
    /// Every replica known by its metrics page.
    pub replicas: Vec<Replica>,
}

/// The one door to all groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// What it is, for people: `nginx 1.30.6`, `embedded round robin`, `external`.
    pub name: String,
    /// Its origin, `http://127.0.0.1:80`, or its unix socket, `unix:/run/app.sock`.
    pub target: String,
    /// Where its own count of requests is read, if it has one.
    pub counter: Option<ProxyCounter>,
    /// Worker processes that keep a rotation of their own (1 with a shared zone).
    pub workers: u32,
}

/// A page that tells how many requests the proxy took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "format")]
pub enum ProxyCounter {
    /// NGINX's `stub_status`: one number for all groups, its own reads included.
    StubStatus { url: String },
    /// Any Prometheus counter.
    Prometheus {
        url: String,
        /// Where its series have a `host` label, the count is per group.
        counter: Selector,
    },
}

/// One running copy of a group's service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// The host group it serves.
    pub group: String,
    /// The name it gives in its answers.
    pub id: ReplicaId,
    /// Its metrics page, reached around the proxy.
    pub metrics_url: String,
}

impl Proxy {
    /// Whether it is a unix socket.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.target.starts_with(Target::SOCKET)
    }

    /// Host and port of its origin; `localhost` for a unix socket, which has no name.
    #[must_use]
    pub fn authority(&self) -> &str {
        if self.is_socket() {
            return "localhost";
        }
        let rest = self.target.split_once("://");
        let rest = rest.map_or(self.target.as_str(), |(_, rest)| rest);
        rest.trim_end_matches('/')
    }
}

impl Topology {
    /// The same, where somebody says how many workers of the proxy have a rotation of their own.
    #[must_use]
    pub fn with_workers(mut self, workers: Option<u32>) -> Self {
        self.proxy.workers = workers.unwrap_or(self.proxy.workers);
        self
    }

    /// The replicas of one group, in order.
    pub fn replicas_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Replica> {
        self.replicas
            .iter()
            .filter(move |replica| replica.group == group)
    }
}
