//! What a worker says, and how it stands in the payloads of its frames: a word, a blank, and JSON.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::Nanos;
use crate::record::{IntervalRecord, bounded};
use crate::recorder::{Distinct, Moment, Stalls, ThreadHealth};

/// The most bytes of a message, over all of its frames: as much as a line of a spool.
pub(super) const MOST_MESSAGE: usize = 64 << 20;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Who it is; the first.
    Hello(Hello),
    /// Everything is set up, and it waits for the start.
    Ready(Ready),
    /// A sign of life, once a second.
    Tick(Tick),
    /// A second of a group is over.
    Interval(Box<IntervalRecord>),
    /// All was said; the last.
    Final(Box<Final>),
    /// It was ready too late, and sends nothing; the last.
    Late(Late),
    /// It cannot go on; the last.
    Error(Complaint),
}

/// Who a worker is, and what it was given. Instants of the wall clock are milliseconds since 1970, by
/// the clock of whoever says them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The [fingerprint](super::fingerprint) of its plan.
    pub plan: String,
    /// How many workers there are.
    pub of: u32,
    /// The machine that it runs on.
    pub node: String,
    pub cores: u32,
    pub version: String,
    pub wall_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    pub wall_ms: f64,
    /// Seconds until the start.
    pub lead_s: f64,
}

/// Counts are totals of the measured part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub wall_ms: f64,
    pub sent: u64,
    pub finished: u64,
}

/// What is known at the end, and how the lines before it are told to be whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Final {
    /// Frames before this message.
    pub frames: u32,
    /// SHA-256 of their lines, each with its end, in hexadecimal digits.
    pub sha256: String,
    /// Whether it was told to end early.
    pub interrupted: bool,
    pub measured: Nanos,
    pub warmup: Nanos,
    pub threads: Vec<ThreadHealth>,
    pub stalls: Stalls,
    /// Short windows near events.
    pub moments: Vec<Moment>,
    /// Of each group the names of replicas that it did not tell apart.
    pub beyond: Vec<Distinct>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Late {
    pub wall_ms: f64,
    /// Seconds until the start when it was ready; negative where that had passed.
    pub lead_s: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    pub reason: String,
}

impl Message {
    /// The message in bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Hello(body) => bytes("HELLO", body),
            Self::Ready(body) => bytes("READY", body),
            Self::Tick(body) => bytes("TICK", body),
            Self::Interval(body) => bytes("INTERVAL", body),
            Self::Final(body) => bytes("FINAL", body),
            Self::Late(body) => bytes("LATE", body),
            Self::Error(body) => bytes("ERROR", body),
        }
    }

    /// Reads a message; `None` where it is none, or holds a number that no run has.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let blank = bytes.iter().position(|byte| *byte == b' ')?;
        let (word, body) = (&bytes[..blank], &bytes[blank + 1..]);
        Some(match word {
            b"HELLO" => Self::Hello(bounded(body)?),
            b"READY" => Self::Ready(bounded(body)?),
            b"TICK" => Self::Tick(bounded(body)?),
            b"INTERVAL" => Self::Interval(boxed(body)?),
            b"FINAL" => Self::Final(boxed(body)?),
            b"LATE" => Self::Late(bounded(body)?),
            b"ERROR" => Self::Error(bounded(body)?),
            _ => return None,
        })
    }

    /// The wall clock of whoever said it, where it says.
    pub(super) const fn wall_ms(&self) -> Option<f64> {
        match self {
            Self::Hello(hello) => Some(hello.wall_ms),
            Self::Ready(ready) => Some(ready.wall_ms),
            Self::Tick(tick) => Some(tick.wall_ms),
            Self::Late(late) => Some(late.wall_ms),
            Self::Interval(_) | Self::Final(_) | Self::Error(_) => None,
        }
    }
}

fn boxed<T: DeserializeOwned>(body: &[u8]) -> Option<Box<T>> {
    bounded(body).map(Box::new)
}

fn bytes(word: &str, body: &impl Serialize) -> Vec<u8> {
    let mut bytes = format!("{word} ").into_bytes();
    let body = serde_json::to_vec(body)
        .unwrap_or_else(|error| unreachable!("a message has string keys only: {error}"));
    bytes.extend(body);
    bytes
}
