//! One host group of a plan.

use serde::{Deserialize, Serialize};

use super::traffic::is_in_turn;
use super::{Load, RequestPlan};
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
            requests: Vec::new(),
            order: Order::InTurn,
        }
    }
}
