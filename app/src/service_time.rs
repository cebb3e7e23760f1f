//! How long serving a request takes, drawn from a seeded distribution.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::ParseOptionError;

/// The distribution of service times: D (fixed) or M (exponential) in queueing terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTime {
    /// Every request takes exactly this long.
    Fixed(Duration),
    /// Exponentially distributed with this mean.
    Exponential(Duration),
}

impl FromStr for ServiceTime {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (kind, time) = text.split_once(':')?;
            let time = humantime::parse_duration(time).ok()?;
            match kind {
                "fixed" => Some(Self::Fixed(time)),
                "exp" => Some(Self::Exponential(time)),
                _ => None,
            }
        };
        parse().ok_or_else(|| {
            ParseOptionError::new(text, "a service time such as `fixed:5ms` or `exp:500us`")
        })
    }
}

impl fmt::Display for ServiceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, time) = match self {
            Self::Fixed(time) => ("fixed", time),
            Self::Exponential(time) => ("exp", time),
        };
        // humantime separates units by blanks, and takes them without as well.
        let time = humantime::format_duration(*time)
            .to_string()
            .replace(' ', "");
        write!(f, "{kind}:{time}")
    }
}

/// An endless, reproducible sequence of service times.
#[derive(Debug)]
pub(crate) struct Draws {
    distribution: ServiceTime,
    random: ChaCha8Rng,
}

impl Draws {
    pub(crate) fn new(distribution: ServiceTime, seed: u64) -> Self {
        Self {
            distribution,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    pub(crate) fn draw(&mut self) -> Duration {
        match self.distribution {
            ServiceTime::Fixed(time) => time,
            ServiceTime::Exponential(mean) => mean.mul_f64(-(1.0 - self.uniform()).ln()),
        }
    }

    /// Uniform in [0, 1) with all the 53 bits that a double holds.
    fn uniform(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_times_survive_the_way_through_text() {
        for text in ["fixed:5ms", "exp:500us", "exp:1ms500us"] {
            assert_eq!(text.parse::<ServiceTime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["5ms", "exp:", "exp:5", "uniform:5ms", "exp:-5ms"] {
            let error = text.parse::<ServiceTime>().unwrap_err().to_string();
            assert!(
                error.contains(text) && error.contains("fixed:5ms"),
                "{error}"
            );
        }
    }

    #[test]
    fn exponential_draws_have_the_mean_and_the_spread_of_theory() {
        let n_draws = 200_000;
        let mut draws = Draws::new("exp:5ms".parse().unwrap(), 1);
        let times: Vec<f64> = (0..n_draws).map(|_| draws.draw().as_secs_f64()).collect();
        let mean = times.iter().sum::<f64>() / f64::from(n_draws);
        let variance =
            times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / f64::from(n_draws);
        // Three standard errors of the mean are 0.7 %.
        assert!((mean / 0.005 - 1.0).abs() < 0.007, "mean {mean}");
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.02,
            "deviation {}",
            variance.sqrt()
        );
    }

    #[test]
    fn equal_seeds_draw_equal_times() {
        let draw = |seed| {
            let mut draws = Draws::new("exp:5ms".parse().unwrap(), seed);
            [draws.draw(), draws.draw(), draws.draw()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
