//! How many arrivals a second, over time, and the inverse: when a count is reached.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Recorded;
use crate::model::{Rate, span_of, span_text};

/// The intended rate over the measured part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Profile {
    Constant {
        /// Arrivals per second.
        rate: Rate,
    },
    Stages {
        /// At least two, in order of time, the first at 0.
        stages: Stages,
    },
    /// As it was once.
    Recorded(Recorded),
}

/// Points of a rate that is linear between them: at least two, in order of time, the first at 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Vec<Stage>", into = "Vec<Stage>")]
#[schemars(with = "Vec<Stage>")]
pub struct Stages(Vec<Stage>);

/// A rate to be reached at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Stage {
    /// Seconds since the measured part began.
    pub at: f64,
    /// Arrivals per second, 0 or more.
    pub rate: f64,
}

/// Why stages are no profile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// A profile needs two points to have a length.
    #[error("stages need at least two points, and {0} is given")]
    TooFew(usize),
    /// The first stage fixes the start.
    #[error("the first stage must be at 0, and it is at {0} s")]
    LateStart(f64),
    #[error("stage times must grow, and {1} s follows {0} s")]
    Unordered(f64, f64),
    /// Rates cannot be negative.
    #[error("a stage's rate must be 0 or more and finite, and {0} is not")]
    BadRate(f64),
    /// A point that is not `TIME:RPS`.
    #[error("stage `{stage}` {reason}")]
    Malformed {
        /// The text of the point.
        stage: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A time that no run can last.
    #[error("stage `{0}` is not within a day")]
    TooLong(String),
    /// Somewhere there has to be load.
    #[error("every stage has rate 0, so nothing would ever be sent")]
    Silent,
    /// Counts of seconds that do not fill their time.
    #[error("recorded arrivals of {0} seconds do not have that length")]
    Recorded(usize),
}

/// The latest that a stage can be, in seconds.
const A_DAY: f64 = 86_400.0;

impl TryFrom<Vec<Stage>> for Stages {
    type Error = ProfileError;

    fn try_from(stages: Vec<Stage>) -> Result<Self, ProfileError> {
        match stages.first() {
            Some(first) if first.at != 0.0 => return Err(ProfileError::LateStart(first.at)),
            _ if stages.len() < 2 => return Err(ProfileError::TooFew(stages.len())),
            _ => {}
        }
        if let Some(pair) = stages
            .windows(2)
            .find(|pair| pair[1].at.partial_cmp(&pair[0].at) != Some(std::cmp::Ordering::Greater))
        {
            return Err(ProfileError::Unordered(pair[0].at, pair[1].at));
        }
        if let Some(bad) = stages
            .iter()
            .find(|stage| !stage.rate.is_finite() || stage.rate < 0.0)
        {
            return Err(ProfileError::BadRate(bad.rate));
        }
        if stages.iter().all(|stage| stage.rate == 0.0) {
            return Err(ProfileError::Silent);
        }
        match stages.iter().find(|stage| stage.at > A_DAY) {
            Some(late) => Err(ProfileError::TooLong(late.to_string())),
            None => Ok(Self(stages)),
        }
    }
}

impl From<Stages> for Vec<Stage> {
    fn from(stages: Stages) -> Self {
        stages.0
    }
}

impl FromStr for Stages {
    type Err = ProfileError;

    /// `0:100,30s:500,60s:500`
    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let stages: Result<Vec<_>, _> = text.split(',').map(str::parse).collect();
        stages?.try_into()
    }
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages: Vec<_> = self.0.iter().map(Stage::to_string).collect();
        f.write_str(&stages.join(","))
    }
}

impl FromStr for Stage {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let text = text.trim();
        let malformed = |reason: &str| ProfileError::Malformed {
            stage: text.to_owned(),
            reason: reason.to_owned(),
        };
        let (at, rate) = text
            .split_once(':')
            .ok_or_else(|| malformed("has no `:`"))?;
        let at = span_of(at)
            .map_err(|error| malformed(&format!("begins with no time: {error}")))?
            .as_secs_f64();
        if !(0.0..=A_DAY).contains(&at) {
            return Err(ProfileError::TooLong(text.to_owned()));
        }
        let rate = rate
            .parse()
            .map_err(|_| malformed("ends with no number of requests per second"))?;
        Ok(Self { at, rate })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Duration::try_from_secs_f64(self.at) {
            Ok(at) => write!(f, "{}:{}", span_text(at), self.rate),
            Err(_) => write!(f, "{}s:{}", self.at, self.rate),
        }
    }
}

impl Profile {
    /// Checks stages and makes them a profile.
    pub fn stages(stages: Vec<Stage>) -> Result<Self, ProfileError> {
        Ok(Self::Stages {
            stages: stages.try_into()?,
        })
    }

    /// The length the profile has by itself, in seconds.
    #[must_use]
    pub fn length(&self) -> Option<f64> {
        match self {
            Self::Constant { .. } => None,
            Self::Stages { stages } => stages.0.last().map(|stage| stage.at),
            Self::Recorded(recorded) => Some(recorded.length()),
        }
    }

    /// The highest rate it reaches, per second.
    #[must_use]
    pub fn peak(&self) -> f64 {
        match self {
            Self::Constant { rate } => rate.per_second(),
            Self::Stages { stages } => stages.0.iter().map(|stage| stage.rate).fold(0.0, f64::max),
            Self::Recorded(recorded) => recorded.peak(),
        }
    }

    /// The rate at an instant, in seconds.
    #[must_use]
    pub fn rate_at(&self, at: f64) -> f64 {
        match self {
            Self::Constant { rate } => rate.per_second(),
            Self::Stages { stages } => segments(&stages.0)
                .find(|(from, to)| (from.at..to.at).contains(&at))
                .map_or(0.0, |(from, to)| {
                    from.rate + slope(from, to) * (at - from.at)
                }),
            Self::Recorded(recorded) => recorded.rate_at(at),
        }
    }

    /// Expected arrivals until an instant, in seconds.
    #[must_use]
    pub fn integral(&self, until: f64) -> f64 {
        match self {
            Self::Constant { rate } => rate.per_second() * until,
            Self::Stages { stages } => segments(&stages.0)
                .map(|(from, to)| {
                    let t = (until - from.at).clamp(0.0, to.at - from.at);
                    t * (from.rate + slope(from, to) * t / 2.0)
                })
                .sum(),
            Self::Recorded(recorded) => recorded.integral(until),
        }
    }

    /// The instant, in seconds, at which `count` arrivals are reached; `None` if never.
    pub(super) fn time_of(&self, count: f64) -> Option<f64> {
        match self {
            Self::Constant { rate } => Some(count / rate.per_second()),
            Self::Stages { stages } => {
                let mut left = count;
                for (from, to) in segments(&stages.0) {
                    let area = (to.at - from.at) * f64::midpoint(from.rate, to.rate);
                    if left < area {
                        return Some(from.at + time_within(from.rate, slope(from, to), left));
                    }
                    left -= area;
                }
                None
            }
            Self::Recorded(recorded) => recorded.time_of(count),
        }
    }

    /// The profile of the warm-up: the first rate above zero, held. A ramp from zero warms up at
    /// nothing, so it has none. What was recorded has its own.
    pub(super) fn warm_up(&self) -> Option<Self> {
        if let Self::Recorded(recorded) = self {
            return Some(Self::Recorded(recorded.warm_up()));
        }
        Rate::new(self.rate_at(0.0))
            .ok()
            .map(|rate| Self::Constant { rate })
    }
}

fn segments(stages: &[Stage]) -> impl Iterator<Item = (&Stage, &Stage)> {
    stages.iter().zip(&stages[1..])
}

fn slope(from: &Stage, to: &Stage) -> f64 {
    (to.rate - from.rate) / (to.at - from.at)
}

/// Solves `rate·t + slope·t²/2 = area` for the smaller t ≥ 0, in the form that does not cancel.
fn time_within(rate: f64, slope: f64, area: f64) -> f64 {
    let root = (rate * rate + 2.0 * slope * area).max(0.0).sqrt();
    if area <= 0.0 {
        0.0
    } else {
        2.0 * area / (rate + root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_is_no_stage_is_refused_with_its_reason() {
        let at = |at, rate| Stage { at, rate };
        assert_eq!(
            Profile::stages(vec![at(0.0, 1.0)]),
            Err(ProfileError::TooFew(1))
        );
        assert_eq!(
            Profile::stages(vec![at(1.0, 1.0), at(2.0, 1.0)]),
            Err(ProfileError::LateStart(1.0))
        );
        assert_eq!(
            Profile::stages(vec![at(0.0, 1.0), at(0.0, 1.0)]),
            Err(ProfileError::Unordered(0.0, 0.0))
        );
        assert_eq!(
            Profile::stages(vec![at(0.0, -1.0), at(1.0, 1.0)]),
            Err(ProfileError::BadRate(-1.0))
        );
        assert_eq!(
            Profile::stages(vec![at(0.0, 0.0), at(1.0, 0.0)]),
            Err(ProfileError::Silent)
        );
    }

    #[test]
    fn the_time_of_a_count_inverts_the_integral() {
        let profile = Profile::stages(vec![
            Stage {
                at: 0.0,
                rate: 10.0,
            },
            Stage {
                at: 5.0,
                rate: 50.0,
            },
            Stage { at: 9.0, rate: 0.0 },
        ])
        .expect("valid");
        for count in [0.0, 1.0, 77.7, 149.9, 160.0, 249.0] {
            let at = profile.time_of(count).expect("reached");
            assert!((profile.integral(at) - count).abs() < 1e-9, "{count}");
        }
        assert_eq!(profile.time_of(250.5), None);
    }
}
