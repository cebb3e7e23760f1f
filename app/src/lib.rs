//! The replica: a small HTTP service that says who it is, does as much work as it
//! is told to, and keeps exact metrics of it.
//!
//! It answers `GET /` with its name as a JSON string, `GET /healthz` for health
//! checks and `GET /metrics` with the contract of prometheus-fastapi-instrumentator. A few
//! routes more (`/items`, `/bytes/{n}`, `/status/{code}`, `/delay/{ms}`) give a mix of requests
//! something to hit. Every answer names its replica in `x-replica`.
//!
//! # Layout
//! - [`Options`]: what a replica can be told, for the command line and for embedders
//! - [`router`], [`serve`]: the service, and the service on a listener
//! - [`check_health`]: the client of `/healthz`, for containers that have no `curl`
//! - inside: `handlers` and `resources` answer, `count` enters each answer into `metrics`, `exposition`
//!   writes them out; `station` decides when a request has been served,
//!   `wait` waits until exactly then, `failures` decides which answers are errors.
//!
//! # Invariants
//! - When a client holds the complete answer, the counter has already moved.
//! - A request whose client went away is counted too, as status `4xx` (499).
//! - No label is looked up per request.

mod count;
mod exposition;
mod failures;
mod family;
mod filler;
mod handlers;
mod health;
mod metrics;
mod options;
mod process;
mod resources;
mod serve;
mod service_time;
mod station;
mod summary;
mod wait;

pub use handlers::router;
pub use health::{HealthError, check_health};
pub use options::{FailRatio, Miscount, Options, ParseOptionError};
pub use serve::{DRAIN_LIMIT, serve};
pub use service_time::ServiceTime;
