//! Draws stored records: the versioned [`Record`] and its renderers.
//!
//! **Invariant:** a report is a pure function of a record, and an old record always renders.

mod record;

pub use record::{
    Environment, GroupRecord, IntervalRecord, IntervalReplica, Quantiles, Rates, Record,
    ReplicaInfo, ReplicaRecord, RequestCounts, RunInfo, SCHEMA_VERSION, StackInfo, ThreadInfo,
};
