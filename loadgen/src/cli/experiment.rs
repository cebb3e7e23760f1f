//! The flags of experiments, and what they ask for.

use std::time::Duration;

use clap::Args;

use super::args::{OutputArgs, RunArgs};
use super::{UsageError, resolve};
use crate::plan::PlanSpec;
use crate::search::Bounds;

/// How close a search brings what held and what broke.
const RESOLUTION: f64 = 0.02;
/// The most rates of a sweep, and numbers of replicas of a scaling.
const MOST_RATES: usize = 100;

/// A search for the highest rate.
#[derive(Clone, Debug, Args)]
pub struct SearchArgs {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub search: SearchFlags,
    /// Exit with 99 where the highest rate is below this
    #[arg(long, value_name = "RPS", help_heading = "Search")]
    pub at_least: Option<f64>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How a search is made.
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help, where backticks would be seen"
)]
#[derive(Clone, Debug, Args)]
pub struct SearchFlags {
    /// What has to hold, the same as --require; repeatable: p99<50ms, error_rate<0.1%
    #[arg(long, value_name = "EXPR", help_heading = "Search")]
    pub slo: Vec<String>,
    /// The first rate, per host group
    #[arg(
        long,
        value_name = "RPS",
        default_value_t = 50.0,
        allow_negative_numbers = true,
        help_heading = "Search"
    )]
    pub from: f64,
    /// The highest rate that is tried
    #[arg(
        long,
        value_name = "RPS",
        default_value_t = 100_000.0,
        allow_negative_numbers = true,
        help_heading = "Search"
    )]
    pub to: f64,
    /// How long each rate is measured
    #[arg(long, value_name = "D", default_value = "10s", help_heading = "Search")]
    pub step: String,
    /// How long a rate near the limit is measured, and the rate that is found
    #[arg(long, value_name = "D", default_value = "30s", help_heading = "Search")]
    pub confirm: String,
}

/// A list of rates.
#[derive(Clone, Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// The rates that are measured, in this order, per host group: 100,200,400
    #[arg(
        long,
        value_name = "RPS,…",
        value_delimiter = ',',
        required = true,
        help_heading = "Sweep"
    )]
    pub rates: Vec<f64>,
    /// What has to hold at each, the same as --require; repeatable
    #[arg(long, value_name = "EXPR", help_heading = "Sweep")]
    pub slo: Vec<String>,
    /// How long each rate is measured
    #[arg(long, value_name = "D", default_value = "10s", help_heading = "Sweep")]
    pub step: String,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A search for each of several numbers of replicas. These are given by `--replicas 1,2,4`.
#[derive(Clone, Debug, Args)]
pub struct ScalingArgs {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub search: SearchFlags,
    /// Tell how many replicas this rate needs
    #[arg(long, value_name = "RPS", help_heading = "Search")]
    pub want: Option<f64>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What an experiment is made of, once its flags are read.
#[derive(Clone, Debug)]
pub struct ExperimentAsked {
    pub spec: PlanSpec,
    pub step: Duration,
    pub confirm: Duration,
}

impl SearchFlags {
    /// Where the search may go.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        Bounds {
            from: self.from,
            to: self.to,
            resolution: RESOLUTION,
        }
    }

    /// What a search measures.
    pub fn asked(&self, run: RunArgs) -> Result<ExperimentAsked, UsageError> {
        if !(self.from > 0.0 && self.from.is_finite() && self.to.is_finite()) {
            return Err(rate("--from", self.from));
        }
        if self.to < self.from {
            return Err(UsageError::new(
                format!("--to {} is below --from {}", self.to, self.from),
                "a search goes up from --from: give a --to above it",
            ));
        }
        let spec = spec(run, &self.slo)?;
        if spec.objectives().is_empty() {
            return Err(UsageError::new(
                "a search needs something that has to hold",
                "give an objective, as --slo 'p99<50ms' --slo 'error_rate<0.1%'",
            ));
        }
        Ok(ExperimentAsked {
            spec,
            step: length("--step", &self.step)?,
            confirm: length("--confirm", &self.confirm)?,
        })
    }
}

impl SweepArgs {
    /// What a sweep measures.
    pub fn asked(&self) -> Result<ExperimentAsked, UsageError> {
        if let Some(wrong) = self
            .rates
            .iter()
            .find(|one| !(**one > 0.0 && one.is_finite()))
        {
            return Err(rate("--rates", *wrong));
        }
        if self.rates.len() > MOST_RATES {
            return Err(UsageError::new(
                format!("--rates has {} rates", self.rates.len()),
                format!("give at most {MOST_RATES}"),
            ));
        }
        let step = length("--step", &self.step)?;
        Ok(ExperimentAsked {
            spec: spec(self.run.clone(), &self.slo)?,
            step,
            confirm: step,
        })
    }
}

impl ScalingArgs {
    /// What each search measures, and the numbers of replicas.
    pub fn asked(&self) -> Result<(ExperimentAsked, Vec<u32>), UsageError> {
        let mut run = self.run.clone();
        let counts = replica_counts(run.replicas.take().as_deref())?;
        let asked = self.search.asked(run)?;
        Ok((asked, counts))
    }
}

/// `1,2,4`: three different numbers at least, for the law has three coefficients.
fn replica_counts(text: Option<&str>) -> Result<Vec<u32>, UsageError> {
    const HINT: &str = "give --replicas three or more different numbers, as 1,2,4";
    let text = text.ok_or_else(|| UsageError::new("scaling needs numbers of replicas", HINT))?;
    let parse = |word: &str| match word.trim().parse::<u32>() {
        Ok(count) if (1..=1_000).contains(&count) => Ok(count),
        _ => Err(UsageError::new(
            format!("--replicas `{word}` is no number of replicas from 1 to 1,000"),
            HINT,
        )),
    };
    let mut counts: Vec<_> = text.split(',').map(parse).collect::<Result<_, _>>()?;
    counts.sort_unstable();
    counts.dedup();
    if counts.len() < crate::search::LEAST_POINTS {
        return Err(UsageError::new(
            format!(
                "--replicas {text}: the law of scaling has three coefficients, and needs as many points"
            ),
            HINT,
        ));
    }
    if counts.len() > crate::search::MOST_POINTS {
        return Err(UsageError::new(
            format!("--replicas {text}: {} numbers", counts.len()),
            format!("give at most {}", crate::search::MOST_POINTS),
        ));
    }
    Ok(counts)
}

/// What is measured at each rate. An experiment sets rate and length itself.
fn spec(run: RunArgs, slo: &[String]) -> Result<PlanSpec, UsageError> {
    let own = [
        ("--rps", run.rps.is_some()),
        ("--stages", run.stages.is_some()),
        ("--closed", run.closed),
        ("--requests", run.requests.is_some()),
        ("--duration", run.duration.is_some()),
        (
            "--host NAME=RPS",
            run.host.iter().any(|host| host.contains('=')),
        ),
    ];
    if let Some((flag, _)) = own.iter().find(|(_, given)| *given) {
        return Err(UsageError::new(
            format!("{flag} has no place here: the experiment sets rate and length itself"),
            "leave it out; --step says how long each rate is measured",
        ));
    }
    let mut spec = resolve::spec(run, None)?;
    spec.require.extend(resolve::thresholds("--slo", slo)?);
    resolve::ready(spec)
}

fn length(flag: &str, text: &str) -> Result<Duration, UsageError> {
    let length = resolve::span(flag, Some(text))?.unwrap_or_default();
    if length < Duration::from_millis(500) || length > Duration::from_secs(3_600) {
        return Err(UsageError::new(
            format!("{flag} {text}: a step lasts from 500 ms to an hour"),
            format!("give {flag} 10s"),
        ));
    }
    Ok(length)
}

fn rate(flag: &str, value: f64) -> UsageError {
    UsageError::new(
        format!("{flag} {value} is no rate"),
        format!("give {flag} a number above 0"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_replicas_are_three_at_least() {
        assert_eq!(replica_counts(Some("4,1,2")).expect("a list"), [1, 2, 4]);
        for wrong in ["1,2", "1,1,2", "", "0,1,2", "1,2,x"] {
            replica_counts(Some(wrong)).expect_err(wrong);
        }
        replica_counts(None).expect_err("nothing");
    }
}
