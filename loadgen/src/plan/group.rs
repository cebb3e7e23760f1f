//! One host group of a plan.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::traffic::is_in_turn;
use super::{Load, RequestPlan};
use crate::model::Nanos;
use crate::schedule::Slice;
use crate::traffic::Order;

/// One host group and its load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "GroupFields")]
#[schemars(!from)]
pub struct GroupPlan {
    /// What the group is called where results are told; unlike any other's.
    pub name: String,
    /// The `Host` header.
    pub host: String,
    /// The way its requests take.
    pub route: Route,
    /// The load it gets.
    pub load: Load,
    /// Which arrivals of that load's schedule are its own, where it shares one with another route.
    #[serde(default, skip_serializing_if = "is_whole")]
    pub slice: Slice,
    /// What it sends, by weight; the run's request where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestPlan>,
    /// How requests follow one another, where there are several.
    #[serde(default, skip_serializing_if = "is_in_turn")]
    pub order: Order,
}

/// The way a group's requests take.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Through the stack's proxy.
    #[default]
    Proxy,
    /// Straight to the group's replicas, which take turns.
    Direct,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "proxy" => Ok(Self::Proxy),
            "direct" => Ok(Self::Direct),
            _ => Err(format!("`{text}` is neither proxy nor direct")),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy => "proxy",
            Self::Direct => "direct",
        })
    }
}

fn is_whole(slice: &Slice) -> bool {
    *slice == Slice::WHOLE
}

/// As it is written; a group without a name of its own has its host's.
#[derive(Deserialize)]
struct GroupFields {
    name: Option<String>,
    host: String,
    #[serde(default)]
    route: Route,
    load: Load,
    #[serde(default)]
    slice: Slice,
    #[serde(default)]
    requests: Vec<RequestPlan>,
    #[serde(default)]
    order: Order,
}

impl From<GroupFields> for GroupPlan {
    fn from(fields: GroupFields) -> Self {
        Self {
            name: fields.name.unwrap_or_else(|| fields.host.clone()),
            host: fields.host,
            route: fields.route,
            load: fields.load,
            slice: fields.slice,
            requests: fields.requests,
            order: fields.order,
        }
    }
}

impl GroupPlan {
    /// A group that is called as its host, through the proxy.
    #[must_use]
    pub fn new(host: impl Into<String>, load: Load) -> Self {
        let host = host.into();
        Self {
            name: host.clone(),
            host,
            route: Route::Proxy,
            load,
            slice: Slice::WHOLE,
            requests: Vec::new(),
            order: Order::InTurn,
        }
    }

    /// Arrivals per second that are intended at most; `None` in closed loop.
    #[must_use]
    pub fn peak_rate(&self) -> Option<f64> {
        self.load.peak_rate().map(|rate| self.part(rate))
    }

    /// Arrivals per second that are intended in so much of the measured part; 0 in closed loop.
    #[must_use]
    pub fn intended_rate(&self, measured: Nanos) -> f64 {
        self.part(self.load.intended_rate(measured))
    }

    /// Its part of a number that the whole schedule has.
    #[must_use]
    pub fn part(&self, whole: f64) -> f64 {
        whole / self.slice.of.max(1) as f64
    }
}
