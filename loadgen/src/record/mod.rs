//! What a run leaves to be read: the versioned [`Record`], its findings and verdict, and old ones.
//!
//! **Invariant:** an old record is always read. Fields are added, and what an old record lacks has
//! a default; a change of meaning changes [`SCHEMA_VERSION`]. Nothing is drawn here.

mod aged;
mod assemble;
mod code;
mod event;
mod evidence;
mod interval;
mod json;
mod judgement;
mod quantiles;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what it owns"
)]
mod record;
mod request;
mod route;
mod summary;
mod versions;
mod worker;

pub use aged::{Aged, Folding};
pub use assemble::assemble;
pub use code::Code;
pub use event::{EventPhase, EventRecord};
pub use evidence::{EVIDENCE_VERSION, Evidence, EvidenceError, Happened, Look, bounded};
pub use interval::{IntervalRecord, IntervalReplica};
pub use json::{NEWER, ReadError, from_json, read_json, schema, to_json, write_json};
pub use judgement::{
    Balance, BalanceCount, BalanceVerdict, BucketedQuantile, CLIENT, Certificate, CertificateItem,
    ClassCount, CountVerdict, CrossCheck, Finding, Ground, GroupJudgement, Held, Judgement,
    Pairing, REPLICAS, RequestCheck, Residual, ServerTime, Severity, Status, ThresholdResult,
    Verdict,
};
pub use quantiles::Quantiles;
pub use record::{
    Environment, GroupRecord, Rates, Record, ReplicaInfo, ReplicaRecord, RequestCounts, RunInfo,
    SCHEMA_VERSION, StackInfo, StallInfo, ThreadInfo,
};
pub use request::RequestRecord;
pub use route::{RouteCost, RouteQuantile};
pub use summary::{GroupSummary, RecordSummary};
pub use versions::Versions;
pub use worker::{WorkerRecord, WorkerState, is_complete};
