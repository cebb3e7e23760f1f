//! Compares runs: what changed, by how much, how sure that is, and whether it is a regression.
//!
//! Within a run, seconds depend on one another and samples are many, so that a test over samples
//! finds everything significant. Single runs are therefore compared by a block bootstrap over
//! their seconds; where there are four runs a side, whole runs are compared by rank.

mod comparable;
mod judge;
mod routes;
mod sample;
mod statistics;

pub use routes::routes;

use serde::Serialize;

use crate::model::exit;
use crate::record::{Code, Finding, GroupRecord, Quantiles, Record, Status};

/// How runs are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareOptions {
    /// A change for the worse beyond this share is a regression, 0–1.
    pub max_regression: f64,
    /// A relative change of a median up to this is never called one, 0–1; tails get a multiple.
    pub noise: f64,
    /// Seed of the bootstrap: the same runs give the same words.
    pub seed: u64,
    /// Bootstrap replicates.
    pub resamples: u32,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            max_regression: 0.05,
            noise: 0.05,
            seed: 1,
            resamples: 1_000,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Ids of the baseline's runs.
    pub base: Vec<String>,
    /// Ids of the candidate's runs.
    pub candidate: Vec<String>,
    /// A worse figure beyond this is a regression.
    pub max_regression: f64,
    /// What all of it comes to.
    pub outcome: Outcome,
    /// What keeps it from telling.
    pub findings: Vec<Finding>,
    /// One per host group that both sides have.
    pub groups: Vec<GroupComparison>,
    /// What makes the two sides less comparable.
    pub caveats: Vec<String>,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A figure is worse beyond what is allowed.
    Regression,
    /// In a group that is not known to be worse, no time can be told.
    CannotTell,
    /// Worse beyond noise, and within what is allowed.
    Worse,
    /// Better, and nothing is worse.
    Better,
    /// No change beyond noise.
    Same,
}

/// One host group on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupComparison {
    pub host: String,
    /// Every figure, in a fixed order.
    pub figures: Vec<FigureComparison>,
    /// Response time of the baseline's runs together.
    pub base_response: Quantiles,
    /// Response time of the candidate's runs together.
    pub candidate_response: Quantiles,
}

/// One figure on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureComparison {
    /// As `p99`, `service.p50`, `rate`, `error_rate`, `imbalance`.
    pub name: String,
    /// What its values are counted in.
    pub unit: FigureUnit,
    /// The baseline's value: nanoseconds, per second, or a share. Absent where nothing finished.
    pub base: Option<f64>,
    /// The candidate's.
    pub candidate: Option<f64>,
    /// Candidate over baseline less one; the plain difference where values are shares.
    pub change: Option<f64>,
    /// Where the change lies, as far as the runs can tell.
    pub interval: Option<(f64, f64)>,
    /// p of the Mann–Whitney test, where there are runs enough.
    pub p_value: Option<f64>,
    /// A change up to this is noise.
    pub noise: f64,
    /// Better, worse, the same, or unknown.
    pub verdict: Change,
    /// What keeps it from telling.
    pub why: Option<Why>,
    /// Whether it is worse beyond what is allowed.
    pub regression: bool,
}

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureUnit {
    /// Nanoseconds; less is better.
    Time,
    /// Per second; more is better.
    Rate,
    /// A share, 0–1; less is better.
    Share,
}

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// For the better, beyond noise.
    Better,
    /// For the worse, beyond noise.
    Worse,
    /// No change beyond noise.
    Same,
    /// Too little to tell.
    CannotTell,
}

/// Why nothing can be told of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A side has no value of it.
    NoValue,
    /// Too few requests lie beyond the quantile.
    TooFewRequests,
    /// Too few seconds or runs to know where the change lies.
    TooFewSeconds,
    /// The change may be nothing, or large.
    WideInterval,
    /// The two sides were asked for different loads.
    DifferentLoad,
    /// The two sides sent different requests.
    DifferentRequest,
}

impl Why {
    /// In a few words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoValue => "one side has none",
            Self::TooFewRequests => "too few requests",
            Self::TooFewSeconds => "too few seconds",
            Self::WideInterval => "may be nothing or much",
            Self::DifferentLoad => "different load",
            Self::DifferentRequest => "different request",
        }
    }

    /// What would let it tell.
    const fn remedy(self) -> &'static str {
        match self {
            Self::NoValue => "see what became of the requests of that side",
            Self::TooFewRequests | Self::TooFewSeconds => "run longer: a --duration of 30s or more",
            Self::WideInterval => "run longer, or give four runs a side in a folder each",
            Self::DifferentLoad => "give both sides the same --rps, arrivals and connections",
            Self::DifferentRequest => "give both sides the same --path, --method and --body",
        }
    }
}

/// Why runs cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// A side without runs.
    #[error("the {0} has no run")]
    NoRuns(&'static str),
    /// A run that proves nothing.
    #[error("run {run} of the {side} is invalid and proves nothing")]
    Invalid {
        /// `baseline` or `candidate`.
        side: &'static str,
        /// The run's id.
        run: String,
    },
    /// Different groups on the two sides.
    #[error("the two sides have no host group in common")]
    NoCommonGroup,
}

impl CompareError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoRuns(_) => "give a run's folder, or a folder of runs".into(),
            Self::Invalid { run, .. } => format!("see the findings of {run}, and measure again"),
            Self::NoCommonGroup => "compare runs with the same --host".into(),
        }
    }

    /// 4 where a measurement cannot be trusted, 2 where the question is wrong.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid { .. } => exit::UNTRUSTED,
            _ => exit::USAGE,
        }
    }
}

impl Comparison {
    /// 99 where something regressed beyond what is allowed, 5 where nothing can be told, else 0.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.outcome {
            Outcome::Regression => exit::FAILED,
            Outcome::CannotTell => exit::UNDECIDED,
            Outcome::Worse | Outcome::Better | Outcome::Same => exit::PASSED,
        }
    }

    /// Every figure of every group.
    pub fn figures(&self) -> impl Iterator<Item = &FigureComparison> {
        self.groups.iter().flat_map(|group| &group.figures)
    }
}

/// Compares the runs of two sides, group by group.
pub fn compare(
    base: &[Record],
    candidate: &[Record],
    options: &CompareOptions,
) -> Result<Comparison, CompareError> {
    for (side, records) in [("baseline", base), ("candidate", candidate)] {
        if records.is_empty() {
            return Err(CompareError::NoRuns(side));
        }
        if let Some(record) = records
            .iter()
            .find(|record| record.verdict.status == Status::Invalid)
        {
            return Err(CompareError::Invalid {
                side,
                run: record.run.id.clone(),
            });
        }
    }
    let hosts: Vec<_> = base[0]
        .groups
        .iter()
        .map(GroupRecord::label)
        .filter(|host| {
            candidate
                .iter()
                .any(|record| record.groups.iter().any(|group| group.label() == *host))
        })
        .collect();
    if hosts.is_empty() {
        return Err(CompareError::NoCommonGroup);
    }
    let groups: Vec<_> = hosts
        .into_iter()
        .map(|host| judge::group(host, base, candidate, options))
        .collect();
    let ids = |records: &[Record]| records.iter().map(|record| record.run.id.clone()).collect();
    Ok(Comparison {
        base: ids(base),
        candidate: ids(candidate),
        max_regression: options.max_regression,
        outcome: outcome(&groups),
        findings: groups.iter().filter_map(undecided).collect(),
        groups,
        caveats: caveats(base, candidate),
    })
}

impl GroupComparison {
    /// Whether something is known of its times: that one changed, or that the median did not.
    fn tells(&self) -> bool {
        let mut times = self
            .figures
            .iter()
            .filter(|figure| figure.unit == FigureUnit::Time);
        times.any(|figure| match figure.verdict {
            Change::Better | Change::Worse => true,
            Change::Same => figure.name == "p50",
            Change::CannotTell => false,
        })
    }
}

/// A gate acts on it: what is not known of one group is not outweighed by what is good in another.
fn outcome(groups: &[GroupComparison]) -> Outcome {
    let figures = || groups.iter().flat_map(|group| &group.figures);
    let any = |verdict| figures().any(|figure| figure.verdict == verdict);
    if figures().any(|figure| figure.regression) {
        Outcome::Regression
    } else if !groups.iter().all(GroupComparison::tells) {
        Outcome::CannotTell
    } else if any(Change::Worse) {
        Outcome::Worse
    } else if any(Change::Better) {
        Outcome::Better
    } else {
        Outcome::Same
    }
}

/// That nothing can be told of a group, and what would help.
fn undecided(group: &GroupComparison) -> Option<Finding> {
    let median = group.figures.iter().find(|figure| figure.name == "p50")?;
    let why = median.why.filter(|_| !group.tells())?;
    let message = format!(
        "nothing can be told of the times: p50 has no verdict ({})",
        why.words()
    );
    let finding = Finding::new(Code::CannotTell, message).of_group(&group.host);
    Some(finding.hint(why.remedy()))
}

fn caveats(base: &[Record], candidate: &[Record]) -> Vec<String> {
    let (first, second) = (&base[0], &candidate[0]);
    let mut caveats = comparable::lonely(base, candidate);
    let mut differs = |differs: bool, what: &str| {
        if differs {
            caveats.push(format!("The two sides differ in {what}."));
        }
    };
    let loads = |record: &Record| {
        record
            .plan
            .groups
            .iter()
            .map(|group| (group.name.clone(), group.peak_rate()))
            .collect::<Vec<_>>()
    };
    differs(
        loads(first) != loads(second),
        "their intended rates; what depends on the load is not compared",
    );
    differs(
        first.plan.request != second.plan.request
            || !comparable::same_mixes(first, second)
            || first.plan.data != second.plan.data,
        "the request that is sent",
    );
    differs(
        !comparable::same_client(first, second),
        "the version of HTTP, whether connections are kept, or who asks",
    );
    differs(first.stack.kind != second.stack.kind, "the kind of stack");
    differs(
        first.environment.machine.cpus != second.environment.machine.cpus
            || first.environment.machine.cpu_model != second.environment.machine.cpu_model,
        "the generator's machine",
    );
    for (side, records) in [("baseline", base), ("candidate", candidate)] {
        let failed = records
            .iter()
            .filter(|record| record.verdict.status == Status::Fail)
            .count();
        if failed > 0 {
            caveats.push(format!(
                "{failed} of {} runs of the {side} failed a check.",
                records.len()
            ));
        }
    }
    let fewest = base.len().min(candidate.len());
    if fewest < judge::RUNS_ENOUGH {
        caveats.push("With fewer than four runs a side, what differs from run to run by chance is only allowed for, not measured.".into());
    }
    caveats
}

#[cfg(test)]
mod tests;
