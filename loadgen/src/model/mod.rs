//! The words every other room speaks: instants, samples, rates, replicas, the topology.
//!
//! **Invariant:** nothing here reads a clock, does I/O or imports a sibling room.

mod client;
mod clock_offset;
mod count;
mod cpu;
mod event;
pub mod exit;
mod grid;
mod machine;
mod memory;
mod name;
mod origin;
mod outcome;
mod planned_event;
mod policy;
mod printed;
mod rate;
mod reason;
mod sample;
mod selector;
mod span;
mod split_mix;
mod stack;
mod status;
mod target;
mod time;
mod topology;

pub use client::{Identity, MASK, Protocol, User, UserError, masked};
pub use clock_offset::ClockOffset;
pub use count::grouped;
pub use cpu::{CpuReading, CpuUse, Role};
pub use event::{GroupProgress, LoadOutline, Progress, ReplicaProgress, RunEvent};
pub use grid::{Grid, second_of};
pub use machine::Machine;
pub use memory::Memory;
pub use name::NameSource;
pub use origin::{Origin, OriginError, Scheme};
pub use outcome::{ErrorClass, Outcome, StatusClass};
pub use planned_event::{Deed, PlannedEvent, PlannedEventError, Whom};
pub use policy::{Policy, PolicyError, shares};
pub use printed::{no_command, plain, printed, printed_json};
pub use rate::{Rate, RateError};
pub use reason::{Cause, Reason};
pub use sample::{Sample, lag_budget};
pub use selector::Selector;
pub use span::{SpanError, span_of, span_text};
pub use split_mix::{GOLDEN, mixed};
pub use stack::{
    EmbeddedSpec, External, ReplicaArg, ReplicaPage, Retries, StackChoice, StackKind, StackWarning,
};
pub use status::{ReplicaStatus, RunState, StatusChange, changes};
pub use target::Target;
pub use time::Nanos;
pub use topology::{Proxy, ProxyCounter, Replica, ReplicaId, Topology};
