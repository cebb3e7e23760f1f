//! Everything a verdict rests on, as it is stored: a run can be judged again from it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RunInfo, Versions, WorkerRecord};
use crate::model::{
    CpuReading, Deed, Machine, Nanos, PlannedEvent, ReplicaId, ReplicaStatus, StackWarning,
    Topology,
};
use crate::plan::Plan;
use crate::recorder::{Recording, TimelinePoint};
use crate::scrape::{IdleWatch, Snapshot};

/// Bumped when a field changes its meaning, never when one is added.
pub const EVIDENCE_VERSION: u32 = 1;

/// What is known of a run, before anything is made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`EVIDENCE_VERSION`].
    pub evidence_version: u32,
    /// When it was, and what was asked; its lengths are the planned ones.
    pub run: RunInfo,
    pub plan: Plan,
    /// The generator's machine.
    pub environment: Machine,
    /// What the load went through, as found before it.
    pub topology: Topology,
    /// What looked wrong when the stack was found.
    #[serde(default)]
    pub warnings: Vec<StackWarning>,
    /// What the servers said of themselves, in order of time: before the load, and after it.
    pub looks: Vec<Look>,
    /// What the counters did by themselves after the load, where they held more than was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdleWatch>,
    /// What was done to the stack while the load went on, in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Happened>,
    /// What the client measured.
    pub recording: Recording,
    /// What became of each worker, where several sent the load; in order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerRecord>,
}

/// What became of one event of the plan. Instants count from the beginning of the measured part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    pub asked: PlannedEvent,
    /// The same with its replica, where the seed drew one.
    pub deed: Deed,
    /// The replicas that it was done to, by the names they give in their answers.
    #[serde(default)]
    pub replicas: Vec<ReplicaId>,
    /// Absent where the run ended before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Nanos>,
    /// When it was carried out: a replica that was killed runs again, a pause is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Nanos>,
    /// Why it could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What a command said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

impl Happened {
    /// An event that is to come.
    #[must_use]
    pub fn planned(asked: PlannedEvent, deed: Deed, topology: &Topology) -> Self {
        Self {
            replicas: deed.targets(topology),
            asked,
            deed,
            began: None,
            done: None,
            failed: None,
            output: String::new(),
        }
    }
}

/// The servers at one time: their counters, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Look {
    pub counters: Snapshot,
    /// Empty where whoever runs the replicas does not tell.
    pub replicas: Vec<ReplicaStatus>,
    /// What the stack's containers had used of their CPUs; empty where nobody tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu: Vec<CpuReading>,
}

/// The largest number that evidence may hold: three days in nanoseconds. Sums of such numbers do not
/// overflow, whoever wrote them.
const MOST: f64 = (1u64 << 48) as f64;

/// Why bytes are no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("it is no evidence: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("it is evidence of version {0}, and this loadgen knows {EVIDENCE_VERSION}")]
    Version(u32),
    #[error("it contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl Evidence {
    /// Reads evidence as it was stored, of these versions.
    pub fn from_json(bytes: &[u8], versions: Versions) -> Result<Self, EvidenceError> {
        let value: Value = serde_json::from_slice(bytes)?;
        if !is_bounded(&value) {
            return Err(EvidenceError::Contradiction("a number is out of bounds"));
        }
        let evidence: Self = serde_json::from_value(value)?;
        let version = evidence.evidence_version;
        if version == 0 || versions.refuse(version.into(), EVIDENCE_VERSION) {
            return Err(EvidenceError::Version(version));
        }
        let (plan, recording) = (&evidence.plan, &evidence.recording);
        let planned = plan.groups.iter().map(|group| &group.name);
        if !planned.eq(recording.groups.iter().map(|group| &group.name)) {
            let reason = "its recording is not of the groups of its plan";
            return Err(EvidenceError::Contradiction(reason));
        }
        let known = |point: &TimelinePoint| point.group < plan.groups.len();
        if !recording.timeline.iter().all(known) {
            let reason = "its time line is not of the groups of its plan";
            return Err(EvidenceError::Contradiction(reason));
        }
        Ok(evidence)
    }

    /// What the servers said before the load and at the end, where both were asked.
    #[must_use]
    pub fn first_and_last_look(&self) -> Option<(&Look, &Look)> {
        match self.looks.as_slice() {
            [first, .., last] => Some((first, last)),
            _ => None,
        }
    }
}

/// Reads what a process of ours, or anybody, wrote as JSON; `None` where it is of another shape, or
/// holds a number that no run has.
#[must_use]
pub fn bounded<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value = serde_json::from_slice(bytes).ok()?;
    let bounded = is_bounded(&value).then_some(value)?;
    serde_json::from_value(bounded).ok()
}

/// Whether every number but a seed is one that a run may have.
fn is_bounded(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= MOST),
        Value::Array(values) => values.iter().all(is_bounded),
        Value::Object(fields) => fields
            .iter()
            .all(|(name, value)| name == "seed" || is_bounded(value)),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::Scene;

    fn changed(change: impl FnOnce(&mut Value)) -> Result<Evidence, EvidenceError> {
        let evidence = Scene::default().run().evidence();
        let mut value = serde_json::to_value(&evidence).expect("JSON");
        change(&mut value);
        Evidence::from_json(value.to_string().as_bytes(), Versions::Known)
    }

    #[test]
    fn evidence_reads_back_as_it_was() {
        let evidence = Scene::default().run().evidence();
        assert_eq!(changed(|_| ()).expect("evidence"), evidence);
    }

    #[test]
    fn what_is_no_evidence_is_refused_with_its_reason() {
        let refused = |change: fn(&mut Value)| changed(change).expect_err("refused").to_string();
        assert!(refused(|value| value["evidence_version"] = 7.into()).contains("version 7"));
        assert!(refused(|value| value["evidence_version"] = 0.into()).contains("version 0"));
        assert!(
            refused(|value| value["recording"]["measured"] = u64::MAX.into()).contains("bound")
        );
        assert!(
            refused(|value| value["recording"]["groups"] = Vec::<u8>::new().into())
                .contains("groups")
        );
        assert!(
            refused(|value| value["recording"]["timeline"][0]["group"] = 3.into())
                .contains("time line")
        );
        assert!(refused(|value| value["plan"]["duration"] = 0.into()).contains("duration"));
        assert!(Evidence::from_json(b"{", Versions::Known).is_err());
    }
}
