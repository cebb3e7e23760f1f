//! What the way through the proxy costs, beside the direct one, as the record tells it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Two groups of a run that differ in their route alone: their response times, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteCost {
    pub host: String,
    /// What the group is called that went through the proxy.
    pub proxy: String,
    /// What the group is called that went straight to the replicas.
    pub direct: String,
    /// Whether a difference was found at any of the quantiles.
    pub found: bool,
    /// At p50, p90 and p99; a quantile that too few requests lie beyond is left out.
    pub quantiles: Vec<RouteQuantile>,
}

/// One quantile of the response time by either route, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteQuantile {
    /// 0.5, 0.9 or 0.99.
    pub quantile: f64,
    pub proxy: f64,
    pub direct: f64,
    /// The first less the second.
    pub difference: f64,
    /// Where the difference lies, at 99 %; absent where there were too few seconds.
    pub interval: Option<(f64, f64)>,
    /// Whether all of the interval is beyond 0.1 ms, and no swap of the routes by chance, second by
    /// second, made as large a difference; in fewer than 13 seconds none is found.
    pub found: bool,
}
