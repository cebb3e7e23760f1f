//! What real runs have and independent samples lack: seconds that depend on one another, stalls
//! that hold up all requests at once, and runs that differ though nothing was changed.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How much of it there is; none by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noise {
    /// Standard deviation of a second's service time about the run's, as a share.
    pub drift: f64,
    /// How much of a second's deviation the next one keeps, 0–1.
    pub memory: f64,
    /// Standard deviation of a run's service time about that of all runs, as a share.
    pub wander: f64,
    /// The share of seconds with a stall of 5 to 25 ms.
    pub stalls: f64,
}

/// The noise of one run, second by second.
pub(super) struct NoiseModel {
    noise: Noise,
    rng: ChaCha8Rng,
    run: f64,
    now: f64,
}

/// The noise of one second.
pub(super) struct SecondNoise {
    /// What service times are multiplied by.
    pub(super) factor: f64,
    /// When in the second a stall begins, and how long it is; in seconds.
    stall: Option<(f64, f64)>,
}

impl Noise {
    /// The noise of a run, from a stream of its own: without any, a run is what it was.
    pub(super) fn over(self, seed: u64) -> NoiseModel {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed_0f5e_a501);
        let run = self.wander * normal(&mut rng);
        let now = self.drift * normal(&mut rng);
        NoiseModel {
            noise: self,
            rng,
            run,
            now,
        }
    }
}

impl NoiseModel {
    pub(super) fn next(&mut self) -> SecondNoise {
        let Noise {
            drift,
            memory,
            stalls,
            ..
        } = self.noise;
        let fresh = drift * (1.0 - memory * memory).max(0.0).sqrt();
        self.now = memory * self.now + fresh * normal(&mut self.rng);
        let stalled = self.rng.random::<f64>() < stalls;
        let (from, long) = (
            self.rng.random::<f64>() * 0.97,
            0.005 + 0.02 * self.rng.random::<f64>(),
        );
        SecondNoise {
            factor: (self.run + self.now).exp(),
            stall: stalled.then_some((from, long)),
        }
    }
}

impl SecondNoise {
    /// How long a request that comes at this part of the second is held up, in nanoseconds.
    pub(super) fn held(&self, at: f64) -> f64 {
        let left = |(from, long): (f64, f64)| {
            if at >= from {
                (from + long - at).max(0.0)
            } else {
                0.0
            }
        };
        self.stall.map_or(0.0, left) * 1e9
    }
}

/// A standard normal deviate (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (angle * std::f64::consts::TAU).cos()
}
