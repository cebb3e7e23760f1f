//! What an experiment leaves: `search.json` and `scaling.json`, version 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Found, Limit, Purpose, Step, Usl};
use crate::model::exit;
use crate::record::Status;

/// Bumped when a field changes its meaning, never when one is added.
pub const SEARCH_SCHEMA_VERSION: u32 = 1;

/// The efficiency below which replicas do not carry what they would by themselves.
const WHOLE: f64 = 0.75;

/// A search or a sweep. Rates per second, times in integer nanoseconds, shares 0–1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Search {
    /// [`SEARCH_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// The host groups that were loaded, each at every rate.
    pub hosts: Vec<String>,
    /// What had to hold.
    pub slo: Vec<String>,
    /// Absent where no rate can be told.
    pub found: Option<FoundRate>,
    /// What ended the search; absent in a sweep and where it was interrupted.
    pub limit: Option<Limit>,
    /// What the evidence of the step that broke names as the limit, where it names one.
    #[serde(default)]
    pub bottleneck: Option<Bottleneck>,
    /// In the order of time.
    pub steps: Vec<StepRecord>,
    /// Whether a signal cut it short.
    #[serde(default)]
    pub interrupted: bool,
}

/// The highest rate at which every objective holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundRate {
    pub rate: f64,
    /// The highest rate that held and the lowest that broke; the same twice where none broke.
    pub bracket: [f64; 2],
}

/// One measured rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Intended arrivals per second and group.
    pub rate: f64,
    pub purpose: Purpose,
    /// The folder of the run, beside this file.
    pub run: String,
    /// Whether every objective held; absent where the generator could not tell.
    pub holds: Option<bool>,
    /// The run's own verdict: pass, fail or invalid.
    pub verdict: Status,
    /// Why it broke or could not be told, in the words of the run's first finding about it.
    pub reason: Option<String>,
    /// Finished requests per second, of the worst group.
    pub completed: f64,
    /// Response time of the worst group.
    pub p50: u64,
    pub p99: u64,
    /// Of the worst group.
    pub error_rate: f64,
}

/// The part of the system that an overloaded step shows to be its limit, and what shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bottleneck {
    /// `replicas`, `proxy` or `shared`; `replicas-cpu` or `proxy-cpu` where its CPUs were busy.
    pub part: String,
    /// The figures that name it.
    pub evidence: String,
}

/// A search per number of replicas, and the law behind them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scaling {
    /// [`SEARCH_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// The command as it was typed.
    pub command: Vec<String>,
    pub hosts: Vec<String>,
    pub slo: Vec<String>,
    /// In the order of replicas.
    pub points: Vec<ScalingPoint>,
    /// Absent with fewer than three numbers of replicas that have a rate.
    pub usl: Option<Usl>,
    /// The rate that was asked for with `--want`, and the replicas it needs by the law.
    #[serde(default)]
    pub want: Option<f64>,
    #[serde(default)]
    pub needed: Option<u32>,
    #[serde(default)]
    pub interrupted: bool,
}

/// What so many replicas carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScalingPoint {
    pub replicas: u32,
    /// Absent where no rate can be told.
    pub rate: Option<f64>,
    pub bracket: Option<[f64; 2]>,
    /// The rate over that of as many replicas as carry what those of the first point do each.
    pub efficiency: Option<f64>,
    pub limit: Option<Limit>,
    pub bottleneck: Option<Bottleneck>,
    /// The folder of the search, beside this file.
    pub search: String,
}

impl Search {
    /// What is measured next, and what is known by now, in one line.
    #[must_use]
    pub fn outlook(&self, next: &Step) -> String {
        let held = self.steps.iter().filter(|step| step.holds == Some(true));
        let held = held.map(|step| step.rate).reduce(f64::max);
        let known = held.map_or_else(
            || "nothing held yet".to_owned(),
            |rate| format!("{rate}/s held"),
        );
        let number = self.steps.len() + 1;
        let why = next.purpose.words();
        format!("step {number}: {}/s, {why}; {known}", next.rate)
    }

    /// The exit code that tells it: [`exit::FAILED`] also where less was found than wanted.
    #[must_use]
    pub fn exit_code(&self, at_least: Option<f64>) -> u8 {
        let broke = self.steps.iter().any(|step| step.holds == Some(false));
        let unknown = self.steps.iter().any(|step| step.holds.is_none());
        match (self.limit, self.found) {
            _ if self.interrupted => exit::INTERRUPTED,
            (Some(Limit::System | Limit::Maximum), Some(found)) => {
                if at_least.is_some_and(|least| found.rate < least) {
                    exit::FAILED
                } else {
                    exit::PASSED
                }
            }
            (Some(Limit::Nothing), _) => exit::FAILED,
            (Some(_), _) => exit::UNTRUSTED,
            (None, _) if unknown => exit::UNTRUSTED,
            (None, _) if broke => exit::FAILED,
            (None, _) => exit::PASSED,
        }
    }

    /// Takes in what the controller found.
    pub fn conclude(&mut self, found: &Found) {
        self.limit = Some(found.limit);
        self.found = found.rate.map(|rate| FoundRate {
            rate,
            bracket: [
                found.bracket.0.unwrap_or(rate),
                found.bracket.1.unwrap_or(rate),
            ],
        });
    }
}

impl Scaling {
    /// Adds a point, with its efficiency by the first that has a rate.
    pub fn add(&mut self, mut point: ScalingPoint) {
        let first = self
            .points
            .iter()
            .find_map(|first| Some((first.replicas, first.rate?)));
        let (replicas, rate) = match (first, point.rate) {
            (Some(first), _) => first,
            (None, Some(rate)) => (point.replicas, rate),
            (None, None) => return self.points.push(point),
        };
        let each = rate / f64::from(replicas);
        point.efficiency = point
            .rate
            .map(|rate| rate / f64::from(point.replicas) / each);
        point.name_what_is_shared();
        self.points.push(point);
    }

    /// The exit code that tells it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.usl {
            _ if self.interrupted => exit::INTERRUPTED,
            Some(_) => exit::PASSED,
            None => exit::UNTRUSTED,
        }
    }

    /// Fits the law to the points that have a rate.
    pub fn conclude(&mut self) {
        let points: Vec<_> = self
            .points
            .iter()
            .filter_map(ScalingPoint::measured)
            .collect();
        self.usl = super::fit(&points);
        self.needed = self
            .usl
            .zip(self.want)
            .and_then(|(law, want)| law.needed(want));
    }
}

impl ScalingPoint {
    /// What a search with so many replicas found.
    #[must_use]
    pub fn of(replicas: u32, search: &Search, folder: String) -> Self {
        Self {
            replicas,
            rate: search.found.map(|found| found.rate),
            bracket: search.found.map(|found| found.bracket),
            efficiency: None,
            limit: search.limit,
            bottleneck: search.bottleneck.clone(),
            search: folder,
        }
    }

    /// Replicas that are the limit, and carry much less together than each alone, wait for something
    /// that they share.
    fn name_what_is_shared(&mut self) {
        let (Some(efficiency), Some(found)) = (self.efficiency, &mut self.bottleneck) else {
            return;
        };
        if efficiency < WHOLE && found.part == "replicas" {
            "shared".clone_into(&mut found.part);
            found.evidence = format!(
                "{}, and {} replicas carry {:.0} % of what each carries alone, times their number",
                found.evidence,
                self.replicas,
                efficiency * 100.0
            );
        }
    }

    fn measured(&self) -> Option<super::Point> {
        let rate = self.rate?;
        let [low, high] = self.bracket.unwrap_or([rate, rate]);
        Some(super::Point {
            replicas: self.replicas,
            rate,
            bracket: (low, high),
        })
    }
}

/// JSON Schema of `search.json`.
#[must_use]
pub fn search_schema() -> schemars::Schema {
    schemars::schema_for!(Search)
}

/// JSON Schema of `scaling.json`.
#[must_use]
pub fn scaling_schema() -> schemars::Schema {
    schemars::schema_for!(Scaling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efficiency_is_measured_by_the_first_point_that_has_a_rate() {
        let mut scaling = Scaling {
            schema_version: SEARCH_SCHEMA_VERSION,
            started_at: String::new(),
            command: Vec::new(),
            hosts: Vec::new(),
            slo: Vec::new(),
            points: Vec::new(),
            usl: None,
            want: Some(700.0),
            needed: None,
            interrupted: false,
        };
        let point = |replicas, rate| ScalingPoint {
            replicas,
            rate,
            bracket: None,
            efficiency: None,
            limit: None,
            bottleneck: None,
            search: String::new(),
        };
        for (replicas, rate) in [
            (1, None),
            (2, Some(400.0)),
            (4, Some(600.0)),
            (8, Some(800.0)),
        ] {
            scaling.add(point(replicas, rate));
        }
        let efficiencies: Vec<_> = scaling.points.iter().map(|one| one.efficiency).collect();
        assert_eq!(efficiencies, [None, Some(1.0), Some(0.75), Some(0.5)]);
        scaling.conclude();
        assert!(scaling.usl.is_some());
        assert!(
            scaling
                .needed
                .is_some_and(|needed| (4..8).contains(&needed))
        );
    }
}
