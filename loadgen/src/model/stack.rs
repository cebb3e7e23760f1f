//! Which stack is meant, and what one that loadgen starts is told.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Identity, Policy, Reason, Selector};

/// Who started the stack, and so who ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StackKind {
    /// Child processes of this run, on loopback.
    Embedded,
    /// This project's containers.
    Compose,
    External,
}

impl fmt::Display for StackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Compose => "compose",
            Self::External => "external",
        })
    }
}

impl FromStr for StackKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = [Self::Embedded, Self::Compose, Self::External];
        let kind = kinds.into_iter().find(|kind| kind.to_string() == text);
        kind.ok_or_else(|| format!("`{text}` is none of embedded, compose and external"))
    }
}

/// Where the load goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StackChoice {
    /// The running compose stack if there is one, else embedded.
    Auto,
    /// Child processes on loopback.
    Embedded,
    /// This project's containers, brought up if they are not.
    Compose,
    External(External),
}

/// A stack that somebody else runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct External {
    /// The proxy's origin, where `host:port` means `http://host:port`, or `unix:/path/to.sock`.
    pub target: String,
    /// Replicas' metrics pages by group.
    #[serde(default)]
    pub replicas: Vec<ReplicaPage>,
    /// The proxy's own metrics page: `stub_status`, or with `proxy_counter` a Prometheus page.
    #[serde(default)]
    pub proxy_metrics: Option<String>,
    /// The counter to read from it.
    #[serde(default)]
    pub proxy_counter: Option<Selector>,
    /// Whether certificates go unchecked.
    #[serde(default)]
    pub insecure: bool,
    /// A file with certificates to trust, PEM.
    #[serde(default)]
    pub cacert: Option<String>,
    /// What the client shows for itself where the target asks for a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// A replica's metrics page given by hand. A name with several addresses is several replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReplicaPage {
    /// The host group it serves.
    pub group: String,
    pub url: String,
}

/// What the embedded stack is told for an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EmbeddedSpec {
    /// What its proxy really does.
    pub policy: Policy,
    /// Flags of `app` for the replicas of a group, or for one of them.
    pub replica_args: Vec<ReplicaArg>,
    /// When its proxy asks another replica.
    #[serde(default)]
    pub retries: Retries,
}

/// When the embedded proxy asks another replica for an answer that one did not give. What cannot be
/// sent twice is never sent again.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Retries {
    /// Never, as NGINX with `proxy_next_upstream off`.
    Off,
    /// Where the replica took no connection, and so has not seen the request.
    #[default]
    Connect,
    /// Also where the connection broke, as NGINX does by default.
    On,
}

impl FromStr for Retries {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Off, Self::Connect, Self::On];
        let found = all.into_iter().find(|one| one.to_string() == text);
        found.ok_or_else(|| format!("`{text}` is none of off, connect and on"))
    }
}

impl fmt::Display for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Connect => "connect",
            Self::On => "on",
        })
    }
}

/// A flag of `app` for the replicas of a group (`app-group-1`) or one of them (`app-group-1/2`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ReplicaArg {
    /// `GROUP` or `GROUP/N`.
    pub whose: String,
    /// As `--service-time=exp:5ms`.
    pub flag: String,
}

impl Default for EmbeddedSpec {
    fn default() -> Self {
        Self {
            policy: Policy::round_robin(),
            replica_args: Vec::new(),
            retries: Retries::default(),
        }
    }
}

impl FromStr for ReplicaPage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((group, url)) if !group.is_empty() && !url.is_empty() => Ok(Self {
                group: group.to_owned(),
                url: url.to_owned(),
            }),
            _ => Err(format!("`{text}` is not GROUP=URL")),
        }
    }
}

impl fmt::Display for ReplicaPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.group, self.url)
    }
}

impl FromStr for ReplicaArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((whose, flag)) if !whose.is_empty() => Ok(Self {
                whose: whose.to_owned(),
                flag: flag.to_owned(),
            }),
            _ => Err(format!("`{text}` is not GROUP[/N]=FLAG")),
        }
    }
}

impl TryFrom<String> for ReplicaArg {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ReplicaArg> for String {
    fn from(arg: ReplicaArg) -> Self {
        format!("{}={}", arg.whose, arg.flag)
    }
}

/// Something that looks wrong but does not stop a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackWarning {
    /// The target answered as if it did not know the group.
    GroupNotServed {
        group: String,
        /// 404 or 421.
        status: u16,
    },
    /// The load's own request had no complete answer before the load.
    Unanswered { group: String, why: Reason },
    /// A target that is loaded in the clear takes a TLS handshake.
    WantsHttps { group: String },
    /// The target asked for a client certificate, got none, and answered so.
    WantsCertificate { group: String, status: u16 },
    /// Several pages whose origins answer with one name.
    TwinReplicas {
        group: String,
        name: String,
        pages: Vec<String>,
    },
    /// The target's name has several addresses.
    SeveralAddresses {
        /// Connections take turns over these.
        spread: Vec<String>,
        /// Tried only where those fail.
        left_out: Vec<String>,
    },
}

impl StackWarning {
    /// The group that it is about, where it is about one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::GroupNotServed { group, .. }
            | Self::Unanswered { group, .. }
            | Self::WantsHttps { group }
            | Self::WantsCertificate { group, .. }
            | Self::TwinReplicas { group, .. } => Some(group),
            Self::SeveralAddresses { .. } => None,
        }
    }
}

impl fmt::Display for StackWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GroupNotServed { group, status } => write!(
                f,
                "the target answers {status} for host group {group}: it may not know that name, or the path"
            ),
            Self::Unanswered { why, .. } => write!(
                f,
                "the load's own request had no complete answer before the load: {}",
                why.text
            ),
            Self::WantsHttps { .. } => f.write_str(
                "the target is loaded as http://, and takes a TLS handshake on the same port",
            ),
            Self::WantsCertificate { status, .. } => write!(
                f,
                "the target asked for a client certificate, got none, and answers {status}"
            ),
            Self::TwinReplicas { name, pages, .. } => write!(
                f,
                "{} pages answer as {name} ({}): they are called by their addresses",
                pages.len(),
                pages.join(", ")
            ),
            Self::SeveralAddresses { spread, left_out } => {
                write!(f, "the target has several addresses: ")?;
                match spread.as_slice() {
                    [] => f.write_str("none takes connections")?,
                    [one] => write!(f, "all connections go to {one}")?,
                    several => write!(f, "connections take turns over {}", several.join(", "))?,
                }
                if left_out.is_empty() {
                    return Ok(());
                }
                write!(f, "; left out: {}", left_out.join(", "))
            }
        }
    }
}
