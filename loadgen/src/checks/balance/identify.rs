//! Tells from counts alone what a proxy does: turns, draws, a hash, or turns with other weights.

use std::fmt;

use crate::checks::per_weight::spread_of;
use crate::checks::statistics::{Tails, chi_square_tails, g_test};

/// What the counts look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identified {
    /// Strict turns, equal or by weight.
    RoundRobin { weights: Vec<u32> },
    /// Independent draws.
    Random,
    /// Turns that several workers of a proxy take on their own, each with its rotation.
    Workers,
    /// Either of the two: the run is too short to tell.
    WorkersOrRandom,
    /// Everything to one replica, as a hash of one client's address gives it.
    OneReplica,
}

impl fmt::Display for Identified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundRobin { weights } if weights.iter().all(|weight| *weight == 1) => {
                f.write_str("round-robin")
            }
            Self::RoundRobin { weights } => {
                let weights: Vec<_> = weights.iter().map(ToString::to_string).collect();
                write!(f, "round-robin:{}", weights.join(","))
            }
            Self::Random => f.write_str("random"),
            Self::Workers => f.write_str("round-robin by several workers"),
            Self::WorkersOrRandom => f.write_str("round-robin by several workers, or random"),
            Self::OneReplica => f.write_str("hash"),
        }
    }
}

/// Below this, chance is no explanation: one false alarm in a million runs.
pub(super) const IMPOSSIBLE: f64 = 1e-6;
/// Between this and its mirror image, draws are a good explanation.
const PLAUSIBLE: f64 = 1e-3;
/// The odds from which on an explanation is taken for granted.
const CERTAIN: f64 = 20.0;
/// How many workers proxies have, and how many proxies have so many.
const WORKERS: [(f64, f64); 6] = [
    (2.0, 0.3),
    (4.0, 0.3),
    (8.0, 0.2),
    (16.0, 0.12),
    (32.0, 0.05),
    (64.0, 0.03),
];
/// The largest weight looked for.
const MOST_WEIGHT: u64 = 16;

/// Counts, and the same by second.
pub(super) struct Counts<'a> {
    /// Over the whole run.
    pub(super) totals: &'a [u64],
    /// Over each second that has enough to be looked at.
    pub(super) windows: &'a [Vec<u64>],
    /// Rotations that run side by side.
    pub(super) rotations: u64,
}

impl Counts<'_> {
    /// How a chi-square over all seconds together looks, against `shares`. Turns are far too even
    /// in every second, and the seconds' evidence adds up where one total would leave a doubt.
    pub(super) fn by_second(&self, shares: &[f64]) -> Option<Tails> {
        let df = self.windows.len() * shares.len().saturating_sub(1);
        (df > 0).then(|| Tails {
            left: too_even(self.windows, shares),
            right: chi_square_tails(chi_square(self.windows, shares, 0.0), df as f64).right,
        })
    }

    /// Whether the seconds differ from one another as draws do. A steady skew does not: each
    /// second repeats the shares of the whole too closely.
    fn vary_as_draws_do(&self) -> bool {
        let mut sums = vec![0u64; self.totals.len()];
        for window in self.windows {
            for (sum, count) in sums.iter_mut().zip(window) {
                *sum += count;
            }
        }
        let total = sums.iter().sum::<u64>().max(1) as f64;
        let own: Vec<f64> = sums.iter().map(|sum| *sum as f64 / total).collect();
        let df = self.windows.len().saturating_sub(1) * (own.len() - 1);
        df > 0
            && plausible(chi_square_tails(
                chi_square(self.windows, &own, 0.0),
                df as f64,
            ))
    }

    /// What the counts look like, where they tell.
    pub(super) fn identify(&self) -> Option<Identified> {
        let (n, total) = (self.totals.len(), self.totals.iter().sum::<u64>());
        if n < 2 || total < 20 * n as u64 {
            return None;
        }
        if self.totals.iter().filter(|count| **count > 0).count() == 1 {
            return Some(Identified::OneReplica);
        }
        let shares = vec![1.0 / n as f64; n];
        let whole = g_test(self.totals, &shares);
        let windows = self.by_second(&shares);
        let whole_left = too_even(std::slice::from_ref(&self.totals), &shares);
        let even = windows.map_or(whole_left, |windows| windows.left.min(whole_left));
        if spread_of(self.totals, &[]) <= self.rotations as f64 && even < PLAUSIBLE {
            return Some(Identified::RoundRobin {
                weights: vec![1; n],
            });
        }
        if let Some(weights) = self.weights() {
            return Some(Identified::RoundRobin { weights });
        }
        // One total alone is too lenient: small skews of turns look like draws to it.
        let right = windows.map_or(0.0, |windows| windows.right);
        if whole.right <= PLAUSIBLE || right <= PLAUSIBLE {
            return None;
        }
        let odds = self.odds_of_workers();
        if odds > CERTAIN {
            return Some(Identified::Workers);
        }
        let drawn = windows.is_some_and(plausible) && self.vary_as_draws_do();
        match drawn {
            true if odds < 1.0 => Some(Identified::Random),
            true => Some(Identified::WorkersOrRandom),
            false => None,
        }
    }

    /// How much better rotations side by side explain the seconds than draws do: the ratio of the
    /// likelihoods, over the numbers of workers that proxies have.
    ///
    /// A rotation over n replicas leaves each count of a second up to one turn beside its part, wherever
    /// it begins: a variance of 1/6. W of them leave W/6, whatever the rate; draws leave m(n-1)/n² of m
    /// requests.
    fn odds_of_workers(&self) -> f64 {
        let n = self.totals.len() as f64;
        let deviations: Vec<(f64, f64)> = self
            .windows
            .iter()
            .flat_map(|window| {
                let sum = window.iter().sum::<u64>() as f64;
                // The last count of a second is what the others leave.
                let own = window.iter().take(window.len().saturating_sub(1));
                let each = own.map(move |count| (*count as f64 - sum / n, sum));
                each.collect::<Vec<_>>()
            })
            .collect();
        let log_likelihood = |variance: &dyn Fn(f64) -> f64| -> f64 {
            let each = deviations.iter().map(|(deviation, sum)| {
                let variance = variance(*sum);
                -0.5 * (variance.ln() + deviation.powi(2) / variance)
            });
            each.sum()
        };
        let drawn = log_likelihood(&|sum| (sum * (n - 1.0) / n.powi(2)).max(1e-9));
        let each = WORKERS.iter().map(|(workers, prior)| {
            let likelihood = log_likelihood(&|_| workers / 6.0);
            prior * (likelihood - drawn).exp()
        });
        each.sum()
    }

    /// Small whole weights, not all equal, that explain the counts to the turn.
    fn weights(&self) -> Option<Vec<u32>> {
        let smallest = self.totals.iter().copied().min().filter(|min| *min > 0)?;
        (1..=4u64).find_map(|unit| {
            let weight = |count: &u64| (count * unit + smallest / 2) / smallest;
            let weights: Vec<u64> = self.totals.iter().map(weight).collect();
            let sum: u64 = weights.iter().sum();
            let per_weight = self.totals.iter().sum::<u64>() / sum.max(1);
            let small = weights.iter().all(|weight| *weight <= MOST_WEIGHT);
            let unequal = weights.iter().any(|weight| *weight != weights[0]);
            let weights: Vec<u32> = weights.into_iter().map(|weight| weight as u32).collect();
            // Few turns per weight fit many weights by chance.
            let exact = spread_of(self.totals, &weights) <= self.rotations as f64;
            (small && unequal && exact && per_weight >= 100).then_some(weights)
        })
    }
}

/// Σ (|O − E| + `more`)² / E over all cells of all windows.
fn chi_square<C: AsRef<[u64]>>(windows: &[C], shares: &[f64], more: f64) -> f64 {
    let of = |window: &C| -> f64 {
        let window = window.as_ref();
        let total = window.iter().sum::<u64>() as f64;
        let terms = window.iter().zip(shares).filter(|(_, share)| **share > 0.0);
        terms
            .map(|(count, share)| {
                ((*count as f64 - total * share).abs() + more).powi(2) / (total * share)
            })
            .sum()
    };
    windows.iter().map(of).sum()
}

/// How probable it is that draws are as even as this, or more so.
///
/// Counts are whole: 20 and 20 stand for all that lies within half a request of it, which one
/// stretch of 40 draws in eight gives. Without that half the probability would be 0.
fn too_even<C: AsRef<[u64]>>(windows: &[C], shares: &[f64]) -> f64 {
    let df = windows.len() * shares.len().saturating_sub(1);
    chi_square_tails(chi_square(windows, shares, 0.5), df as f64).left
}

fn plausible(tails: Tails) -> bool {
    tails.left > PLAUSIBLE && tails.right > PLAUSIBLE
}

#[cfg(test)]
#[path = "identify_tests.rs"]
mod tests;
