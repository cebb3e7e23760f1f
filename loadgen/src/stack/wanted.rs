//! What is asked of this room: which stack, with which groups, and where to look for it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::StackError;

/// Replicas per group where nobody says how many.
pub const DEFAULT_REPLICAS: u32 = 2;

/// Everything [`bring_up`](super::bring_up) has to know.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which stack.
    pub choice: Choice,
    /// The host groups that will be loaded; empty means every group the stack has.
    pub groups: Vec<String>,
    /// Replicas per group, for stacks that loadgen starts; `None` leaves it to the stack.
    pub replicas: Option<u32>,
    /// How long the steps may take.
    pub timeouts: Timeouts,
    /// What embedded children are told.
    pub embedded: EmbeddedOptions,
    /// Where the compose project is.
    pub project: Project,
    /// The Docker Engine to ask; `None` is the one every Docker tool would take.
    pub engine: Option<String>,
    /// Gets the compose tool's output, line by line, while it works.
    pub output: Option<fn(&str)>,
}

impl Wanted {
    /// A stack with nothing said about it but its kind.
    pub fn new(choice: Choice) -> Self {
        Self {
            choice,
            groups: Vec::new(),
            replicas: None,
            timeouts: Timeouts::default(),
            embedded: EmbeddedOptions::default(),
            project: Project::here(),
            engine: None,
            output: None,
        }
    }

    pub(super) fn n_replicas(&self) -> u32 {
        self.replicas.unwrap_or(DEFAULT_REPLICAS)
    }
}

/// Which stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The running compose stack if there is one, else embedded.
    Auto,
    /// Child processes on loopback.
    Embedded,
    /// This project's containers, brought up if they are not.
    Compose,
    /// Anything that listens.
    External(External),
}

/// A stack that somebody else runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct External {
    /// The proxy's origin; `host:port` means `http://host:port`.
    pub target: String,
    /// Pairs of a host group and a replica's metrics page.
    pub replicas: Vec<(String, String)>,
    /// The proxy's own metrics page.
    pub proxy_metrics: Option<String>,
    /// The counter to read from it, `NAME{label="value"}`; without one it is `stub_status`.
    pub proxy_counter: Option<String>,
    /// The header that names the replica in an answer; `None` is the body.
    pub id_header: Option<String>,
}

/// How long the steps of bringing a stack up may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// All of asking the Docker Engine what runs, before `auto` takes the embedded stack.
    pub engine: Duration,
    /// A connection to be made, or a name to be resolved.
    pub connect: Duration,
    /// An answer to a probe.
    pub probe: Duration,
    /// An embedded child to say that it listens.
    pub child: Duration,
    /// Containers to become healthy once the compose tool has started them.
    pub healthy: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            engine: Duration::from_millis(300),
            connect: Duration::from_secs(2),
            probe: Duration::from_secs(2),
            child: Duration::from_secs(5),
            healthy: Duration::from_secs(60),
        }
    }
}

/// What embedded children are told.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// The groups that can be asked for.
    pub groups: Vec<String>,
    /// The program that has [`child_main`](super::child_main); `None` is this program.
    pub program: Option<PathBuf>,
    /// Flags of `app` for the replicas of a group (`app-group-1`), or for one of them
    /// (`app-group-1/2`), such as `--service-time=exp:5ms`.
    pub replica_args: Vec<(String, Vec<String>)>,
    /// How the proxy picks a replica.
    pub rotation: Rotation,
    /// How long the proxy waits for a replica's answer before it says 504.
    pub upstream_timeout: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            groups: vec!["app-group-1".to_owned(), "app-group-2".to_owned()],
            program: None,
            replica_args: Vec::new(),
            rotation: Rotation::RoundRobin(Vec::new()),
            upstream_timeout: Duration::from_secs(30),
        }
    }
}

/// How the embedded proxy picks a replica: `round-robin`, `round-robin:3,1`, `random`, `hash`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// In strict turn; with weights by NGINX's smooth algorithm. Empty means equal.
    RoundRobin(Vec<u32>),
    /// Independently of one another, reproducibly.
    Random,
    /// By the client's address, so that one client has one replica.
    Hash,
}

/// The most that the weights of a rotation may add up to.
const MAX_TOTAL_WEIGHT: u32 = 10_000;

impl FromStr for Rotation {
    type Err = StackError;

    fn from_str(text: &str) -> Result<Self, StackError> {
        let refused = |reason: &str| StackError::BadArgument {
            argument: text.to_owned(),
            reason: reason.to_owned(),
        };
        match text.split_once(':').unwrap_or((text, "")) {
            ("round-robin", "") => Ok(Self::RoundRobin(Vec::new())),
            ("round-robin", weights) => {
                let weights: Vec<u32> = weights
                    .split(',')
                    .map(|weight| weight.trim().parse().ok().filter(|weight| *weight > 0))
                    .collect::<Option<_>>()
                    .ok_or_else(|| refused("weights are whole numbers from 1"))?;
                let total = weights.iter().try_fold(0_u32, |sum, w| sum.checked_add(*w));
                match total {
                    Some(1..=MAX_TOTAL_WEIGHT) => Ok(Self::RoundRobin(weights)),
                    _ => Err(refused("weights add up to 10000 at most")),
                }
            }
            ("random", "") => Ok(Self::Random),
            ("hash", "") => Ok(Self::Hash),
            _ => Err(refused(
                "is not `round-robin`, `round-robin:3,1`, `random` or `hash`",
            )),
        }
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundRobin(weights) if weights.is_empty() => f.write_str("round-robin"),
            Self::RoundRobin(weights) => {
                let weights: Vec<_> = weights.iter().map(u32::to_string).collect();
                write!(f, "round-robin:{}", weights.join(","))
            }
            Self::Random => f.write_str("random"),
            Self::Hash => f.write_str("hash"),
        }
    }
}

/// Where the compose project is.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder with `docker-compose.yml`.
    pub directory: PathBuf,
    /// Its name, where several run; `None` takes the one that was started in `directory`.
    pub name: Option<String>,
    /// What `docker-compose.yml` lets be set from outside, such as `HTTP_PORT`.
    pub variables: Vec<(String, String)>,
}

impl Default for Project {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("."),
            name: None,
            variables: Vec::new(),
        }
    }
}

impl Project {
    /// The project in this folder, or the one that `COMPOSE_PROJECT_NAME` names.
    pub fn here() -> Self {
        Self {
            name: std::env::var("COMPOSE_PROJECT_NAME")
                .ok()
                .filter(|name| !name.is_empty()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_survives_the_way_through_text() {
        for text in ["round-robin", "round-robin:3,1", "random", "hash"] {
            assert_eq!(text.parse::<Rotation>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_rotation_that_means_nothing_is_refused() {
        for text in [
            "",
            "robin",
            "random:1",
            "round-robin:0",
            "round-robin:1,x",
            "round-robin:4294967295,1",
            "round-robin:10001",
        ] {
            assert!(text.parse::<Rotation>().is_err(), "{text}");
        }
    }
}
