//! How arrivals are spaced, before any rate: a stream of counts with mean gap one.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The spacing of arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Process {
    Constant,
    /// Independent of one another, as users are: exponential gaps.
    Poisson {
        /// The same seed gives the same arrivals, on every machine and release.
        seed: u64,
    },
}

impl Process {
    /// The counts at which arrivals happen: 0, 1, 2, … or a unit-rate Poisson stream.
    pub(super) fn counts(self) -> Counts {
        match self {
            Self::Constant => Counts::Constant { next: 0 },
            Self::Poisson { seed } => {
                let rng = Box::new(ChaCha8Rng::seed_from_u64(seed));
                Counts::Poisson { at: 0.0, rng }
            }
        }
    }

    /// The same spacing for the warm-up, from another stream of chance.
    pub(super) const fn warm_up(self) -> Self {
        match self {
            Self::Constant => Self::Constant,
            Self::Poisson { seed } => Self::Poisson { seed: !seed },
        }
    }
}

/// The stream behind [`Process::counts`].
pub(super) enum Counts {
    Constant { next: u64 },
    Poisson { at: f64, rng: Box<ChaCha8Rng> },
}

impl Iterator for Counts {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        match self {
            Self::Constant { next } => {
                let count = *next as f64;
                *next += 1;
                Some(count)
            }
            Self::Poisson { at, rng } => {
                // 1 − u lies in (0, 1], so the logarithm is finite.
                let uniform: f64 = rng.random();
                *at += -(1.0 - uniform).ln();
                Some(*at)
            }
        }
    }
}
