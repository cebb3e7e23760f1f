//! Experiments that are loops over honest runs: the highest rate, a list of rates, and how the
//! highest rate grows with the replicas.
//!
//! # Layout
//! [`Controller`] says which rate is measured next; [`Search`] and [`Scaling`] are what is stored of
//! an experiment; [`fit`] is the law behind the second.
//!
//! **Invariant:** no clock, no I/O, no stack. Whoever measures asks what is next, and answers.

mod controller;
mod judge;
mod result;
mod usl;

pub use controller::{Answer, Bounds, Controller, Found, Limit, MOST_STEPS, Next, Purpose, Step};
pub use judge::{answer, bottleneck};
pub use result::{
    Bottleneck, FoundRate, SEARCH_SCHEMA_VERSION, Scaling, ScalingPoint, Search, StepRecord,
    scaling_schema, search_schema,
};
pub use usl::{Intervals, LEAST_POINTS, MOST_POINTS, Point, Usl, fit};
