//! What an event explains: restarts, gaps in shares, failed requests. That is told under the event, and
//! is no finding of its own.

use crate::model::Nanos;
use crate::record::{Code, EventRecord, Finding, Severity};

/// What events did to one host group.
#[derive(Clone, Debug, Default)]
pub(in crate::checks) struct Disturbance {
    /// From the beginning of an event until all was as before, in seconds of the measured part: first
    /// and last.
    seconds: Vec<(u64, u64)>,
    /// Requests that failed by events.
    pub(in crate::checks) lost: u64,
    /// Requests that the proxy tried again meanwhile.
    pub(in crate::checks) retried: u64,
    /// Whether replicas came or went for good.
    pub(in crate::checks) is_rescaled: bool,
}

impl Disturbance {
    /// What events did to the group of this host; `measured` is the length of the run.
    pub(in crate::checks) fn of(events: &[EventRecord], host: &str, measured: Nanos) -> Self {
        let mut sum = Self::default();
        for event in events {
            let concerned = event.group.as_deref().is_none_or(|group| group == host);
            let Some(began) = event.began.map(Nanos).filter(|_| concerned) else {
                continue;
            };
            let end = super::end_of(event).unwrap_or(measured);
            let second = |at: Nanos| at.0 / Nanos::SECOND.0;
            sum.seconds.push((second(began), second(end)));
            sum.lost += event.lost;
            sum.retried += event.retried;
            let goes = event.verb == "stop" || event.verb == "start";
            sum.is_rescaled |= goes || event.verb == "scale";
        }
        sum
    }

    /// Whether one of the seconds from one to another is one of these, or beside one.
    pub(in crate::checks) fn covers(&self, from: u64, to: u64) -> bool {
        let near = |(first, last): &(u64, u64)| *first <= to + 1 && from <= last + 1;
        self.seconds.iter().any(near)
    }
}

/// Takes out findings that are what an event does.
pub(in crate::checks) fn explain(events: &[EventRecord], findings: &mut Vec<Finding>) {
    findings.retain(|finding| !events.iter().any(|event| explains(event, finding)));
}

fn explains(event: &EventRecord, finding: &Finding) -> bool {
    if event.began.is_none() {
        return false;
    }
    let same = |replica: &String| event.replicas.contains(replica);
    let is_its = finding.replica.as_ref().is_some_and(same);
    match &finding.code {
        Code::RestartedReplica | Code::CounterReset if is_its => restarts(event),
        Code::CounterReset => {
            let of_proxy = finding.replica.is_none() && finding.severity == Severity::Invalid;
            of_proxy && event.whom == "proxy"
        }
        Code::AddedReplica | Code::AppearedReplica | Code::VanishedReplica if is_its => {
            event.verb == "scale"
        }
        // One that is taken away is in no list of those that there are.
        Code::VanishedReplica => event.verb == "scale" && finding.severity == Severity::Warning,
        Code::SlowReplica | Code::FailingReplica => is_its && event.verb != "exec",
        _ => false,
    }
}

/// Whether it gives the replica another process.
fn restarts(event: &EventRecord) -> bool {
    matches!(
        event.verb.as_str(),
        "kill" | "stop" | "start" | "rolling-restart"
    )
}
