//! The CPU time of a container, and how much of it there is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Nanos;

/// What a container of a stack is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Proxy,
    Replica,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy => "proxy",
            Self::Replica => "replica",
        })
    }
}

/// What a container had used of its CPUs by an instant, as its engine counts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuReading {
    pub role: Role,
    /// A replica's name; the proxy's, and its version.
    pub name: String,
    /// When its process was last started, RFC 3339: with it the count begins.
    pub started_at: Option<String>,
    /// Since an instant that is the same for all readings of a run.
    pub at: Nanos,
    /// CPU time of all its processes, in seconds.
    pub used_s: f64,
    /// How many CPUs it can keep busy.
    pub of: f64,
    /// Its workers, where these hold it to `of`: each can keep one CPU busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
}

/// How busy a container was between two readings, in the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CpuUse {
    pub role: Role,
    /// A replica's name; the proxy's, and its version.
    pub name: String,
    /// CPUs that it kept busy, from before the load to after it.
    pub cpus: f64,
    /// How many it can keep busy: those of its machine, of its quota or set of CPUs, or as many as the
    /// proxy has workers.
    pub of: f64,
    /// The proxy's workers, where these hold it to `of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
}

impl CpuUse {
    /// Of every container that was read twice, and neither started again nor given other CPUs meanwhile.
    #[must_use]
    pub fn between(first: &[CpuReading], last: &[CpuReading]) -> Vec<Self> {
        let uses = first.iter().filter_map(|before| {
            let same =
                |after: &&CpuReading| (after.role, &after.name) == (before.role, &before.name);
            Self::of_one(before, last.iter().find(same)?)
        });
        uses.collect()
    }

    fn of_one(before: &CpuReading, after: &CpuReading) -> Option<Self> {
        let took = after.at.0.checked_sub(before.at.0).map(Nanos)?;
        let used = after.used_s - before.used_s;
        let unchanged = (&before.started_at, before.of) == (&after.started_at, after.of);
        if took.0 == 0 || used < 0.0 || !unchanged {
            return None;
        }
        Some(Self {
            role: after.role,
            name: after.name.clone(),
            cpus: used / took.as_secs_f64(),
            of: after.of,
            workers: after.workers,
        })
    }

    /// The part of its CPUs that it kept busy; 0 where it has none.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.of > 0.0 {
            self.cpus / self.of
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    fn reading(seconds: u64, used_s: f64) -> CpuReading {
        CpuReading {
            role: Role::Proxy,
            name: "nginx 1.22".into(),
            started_at: Some("2026-01-01T00:00:00Z".into()),
            at: Nanos(seconds * 1_000_000_000),
            used_s,
            of: 2.0,
            workers: Some(2),
        }
    }

    #[test]
    fn cpus_in_use_are_the_time_used_by_the_time_that_went_by() {
        let uses = CpuUse::between(&[reading(10, 100.0)], &[reading(20, 115.0)]);
        assert!((uses[0].cpus - 1.5).abs() < 1e-9, "{uses:?}");
        assert!((uses[0].share() - 0.75).abs() < 1e-9, "{uses:?}");
    }

    #[test]
    fn nothing_is_said_of_two_readings_that_do_not_belong_together() {
        let before = reading(10, 100.0);
        let nothing =
            |after| CpuUse::between(slice::from_ref(&before), slice::from_ref(&after)).is_empty();
        assert!(nothing(reading(10, 110.0)), "no time between them");
        assert!(nothing(reading(9, 110.0)));
        assert!(nothing(reading(20, 99.0)), "another count");
        let started_at = Some("2026-01-01T00:00:15Z".to_owned());
        assert!(nothing(CpuReading {
            started_at,
            ..reading(20, 110.0)
        }));
        assert!(nothing(CpuReading {
            of: 0.1,
            ..reading(20, 110.0)
        }));
        assert!(nothing(CpuReading {
            role: Role::Replica,
            ..reading(20, 110.0)
        }));
        assert!(CpuUse::between(slice::from_ref(&before), &[]).is_empty());
        assert!(!nothing(reading(20, 110.0)));
    }
}
