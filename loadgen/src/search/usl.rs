//! The Universal Scalability Law: how the highest rate grows with the number of replicas.
//!
//! `X(N) = λN / (1 + σ(N − 1) + κN(N − 1))` (N. J. Gunther, *Guerrilla Capacity Planning*, 2007):
//! λ is what one replica carries, σ the share of the work that waits for something shared, κ what
//! the replicas cost one another. `N / X` is linear in `1/λ`, `σ/λ` and `κ/λ`, so that least squares
//! over relative deviations have one solution, and neither start values nor steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One measured number of replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub replicas: u32,
    /// The highest rate, per second; above 0.
    pub rate: f64,
    /// What it may be by its search: the highest that held, the lowest that broke.
    pub bracket: (f64, f64),
}

/// The law's coefficients; σ and κ are never negative.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usl {
    /// Requests per second of one replica.
    pub lambda: f64,
    /// Contention, 0–1.
    pub sigma: f64,
    /// Coherency, per pair of replicas.
    pub kappa: f64,
    /// What the coefficients may be, with every rate anywhere in its bracket.
    pub intervals: Intervals,
    /// The number of replicas beyond which the rate falls; absent where it does not.
    pub peak_replicas: Option<f64>,
}

/// Lowest and highest value of each coefficient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Intervals {
    pub lambda: [f64; 2],
    pub sigma: [f64; 2],
    pub kappa: [f64; 2],
}

/// Points that a fit takes at most: each doubles the corners that are looked at.
pub const MOST_POINTS: usize = 10;
/// Points that the law needs.
pub const LEAST_POINTS: usize = 3;
/// The largest number of replicas that is told as enough for a rate.
const MOST_REPLICAS: u32 = 10_000;

/// `1/λ`, `σ/λ`, `κ/λ`.
type Coefficients = [f64; 3];

/// The law that fits best; `None` with fewer than three different numbers of replicas, or with more
/// points than [`MOST_POINTS`].
#[must_use]
pub fn fit(points: &[Point]) -> Option<Usl> {
    let mut counts: Vec<_> = points.iter().map(|point| point.replicas).collect();
    counts.sort_unstable();
    counts.dedup();
    let usable = points
        .iter()
        .all(|point| point.rate > 0.0 && point.replicas > 0);
    if counts.len() < LEAST_POINTS || points.len() > MOST_POINTS || !usable {
        return None;
    }
    let rates: Vec<_> = points.iter().map(|point| point.rate).collect();
    let best = solve(points, &rates)?;
    Some(law(best, corners(points, best)))
}

fn law([a, b, c]: Coefficients, intervals: Intervals) -> Usl {
    let (lambda, sigma, kappa) = (1.0 / a, b / a, c / a);
    // Below this the peak is beyond any number that was or will be measured.
    let bends = kappa > 1e-9 && sigma < 1.0;
    Usl {
        lambda,
        sigma,
        kappa,
        intervals,
        peak_replicas: bends.then(|| ((1.0 - sigma) / kappa).sqrt()),
    }
}

impl Usl {
    /// The rate that the law gives for so many replicas.
    #[must_use]
    pub fn rate(&self, replicas: f64) -> f64 {
        let n = replicas;
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// The smallest number of replicas that carries this rate by the law; `None` where none does.
    #[must_use]
    pub fn needed(&self, rate: f64) -> Option<u32> {
        (1..=MOST_REPLICAS).find(|n| self.rate(f64::from(*n)) >= rate)
    }
}

/// The coefficients at every corner of the brackets.
fn corners(points: &[Point], best: Coefficients) -> Intervals {
    let mut all = vec![best];
    for corner in 0..1_u32 << points.len() {
        let rates: Vec<_> = (points.iter().enumerate())
            .map(|(place, point)| {
                let (low, high) = point.bracket;
                if corner >> place & 1 == 1 { high } else { low }
            })
            .collect();
        if rates.iter().all(|rate| *rate > 0.0) {
            all.extend(solve(points, &rates));
        }
    }
    let span = |value: fn(&Coefficients) -> f64| {
        let values = all.iter().map(value);
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
            [low.min(value), high.max(value)]
        })
    };
    Intervals {
        lambda: span(|[a, _, _]| 1.0 / a),
        sigma: span(|[a, b, _]| b / a),
        kappa: span(|[a, _, c]| c / a),
    }
}

/// Least squares with σ and κ held at 0 or above: of the solutions with some of them left out, the
/// best that is allowed.
fn solve(points: &[Point], rates: &[f64]) -> Option<Coefficients> {
    let masks = [[true, true], [true, false], [false, true], [false, false]];
    let solutions = masks.into_iter().filter_map(|[sigma, kappa]| {
        let mut solution = unbounded(points, rates, [true, sigma, kappa])?;
        // What is left of a rounding error is none.
        for value in &mut solution[1..] {
            if *value < 0.0 && *value > -1e-12 * solution_scale(rates) {
                *value = 0.0;
            }
        }
        let allowed = solution[0] > 0.0 && solution[1..].iter().all(|value| *value >= 0.0);
        allowed.then(|| (deviation(points, rates, solution), solution))
    });
    let best = solutions.min_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, solution)| solution)
}

fn solution_scale(rates: &[f64]) -> f64 {
    1.0 / rates.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The row of a point: what `N / X` is the sum of, each over its coefficient, and all of it relative
/// to the measured `N / X`.
fn row(point: &Point, rate: f64) -> [f64; 3] {
    let n = f64::from(point.replicas);
    let weight = rate / n;
    [weight, weight * (n - 1.0), weight * n * (n - 1.0)]
}

fn deviation(points: &[Point], rates: &[f64], solution: Coefficients) -> f64 {
    let each = points.iter().zip(rates).map(|(point, rate)| {
        let row = row(point, *rate);
        let sum: f64 = row
            .iter()
            .zip(solution)
            .map(|(one, other)| one * other)
            .sum();
        (sum - 1.0).powi(2)
    });
    each.sum()
}

/// The normal equations over the coefficients that are in, by Gaussian elimination.
fn unbounded(points: &[Point], rates: &[f64], used: [bool; 3]) -> Option<Coefficients> {
    let places: Vec<usize> = (0..3).filter(|place| used[*place]).collect();
    let rows: Vec<_> = points
        .iter()
        .zip(rates)
        .map(|(point, rate)| row(point, *rate))
        .collect();
    let mut matrix: Vec<Vec<f64>> = places
        .iter()
        .map(|i| {
            let sums = places
                .iter()
                .map(|j| rows.iter().map(|row| row[*i] * row[*j]).sum());
            let right = rows.iter().map(|row| row[*i]).sum();
            sums.chain([right]).collect()
        })
        .collect();
    eliminate(&mut matrix)?;
    let mut solution = [0.0; 3];
    for (line, place) in matrix.iter().zip(&places) {
        solution[*place] = *line.last()?;
    }
    Some(solution)
}

/// Brings a matrix with its right side into diagonal form; `None` where it has no one solution.
fn eliminate(matrix: &mut [Vec<f64>]) -> Option<()> {
    let n = matrix.len();
    for column in 0..n {
        let largest = |line: &usize| matrix[*line][column].abs();
        let pivot = (column..n).max_by(|one, other| largest(one).total_cmp(&largest(other)))?;
        if matrix[pivot][column].abs() < 1e-12 {
            return None;
        }
        matrix.swap(column, pivot);
        let lead = matrix[column][column];
        matrix[column].iter_mut().for_each(|value| *value /= lead);
        let line = matrix[column].clone();
        for (place, other) in matrix.iter_mut().enumerate() {
            if place != column {
                let factor = other[column];
                other
                    .iter_mut()
                    .zip(&line)
                    .for_each(|(value, one)| *value -= factor * one);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(lambda: f64, sigma: f64, kappa: f64, counts: &[u32]) -> Vec<Point> {
        let point = |replicas: &u32| {
            let n = f64::from(*replicas);
            let rate = lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
            Point {
                replicas: *replicas,
                rate,
                bracket: (rate * 0.975, rate * 1.025),
            }
        };
        counts.iter().map(point).collect()
    }

    #[test]
    fn a_system_that_scales_has_neither_contention_nor_coherency() {
        let law = fit(&exact(200.0, 0.0, 0.0, &[1, 2, 4])).expect("a law");
        assert!((law.lambda - 200.0).abs() < 1e-6, "{law:?}");
        assert!(law.sigma < 1e-9 && law.kappa < 1e-9, "{law:?}");
        assert_eq!(law.peak_replicas, None);
        assert_eq!(law.needed(1_000.0), Some(5));
        assert!(law.intervals.sigma[1] > 0.0, "brackets leave room for some");
    }

    #[test]
    fn a_system_with_a_bottleneck_never_carries_what_is_wanted() {
        let law = fit(&exact(200.0, 0.5, 0.0, &[1, 2, 4, 8])).expect("a law");
        assert!((law.sigma - 0.5).abs() < 1e-6, "{law:?}");
        assert_eq!(law.needed(1_000.0), None, "its limit is 400/s");
    }

    #[test]
    fn two_points_are_no_law() {
        assert_eq!(fit(&exact(200.0, 0.1, 0.0, &[1, 2])), None);
        assert_eq!(fit(&exact(200.0, 0.1, 0.0, &[1, 2, 2])), None);
        let dead = Point {
            replicas: 4,
            rate: 0.0,
            bracket: (0.0, 0.0),
        };
        let mut points = exact(200.0, 0.1, 0.0, &[1, 2]);
        points.push(dead);
        assert_eq!(fit(&points), None);
    }

    proptest! {
        #[test]
        fn the_law_behind_exact_points_is_found(
            lambda in 10.0_f64..1e5, sigma in 0.0_f64..0.9, kappa in 0.0_f64..0.1,
        ) {
            let law = fit(&exact(lambda, sigma, kappa, &[1, 2, 3, 4, 8])).expect("a law");
            prop_assert!((law.lambda / lambda - 1.0).abs() < 1e-6, "{law:?}");
            prop_assert!((law.sigma - sigma).abs() < 1e-5, "{law:?}");
            prop_assert!((law.kappa - kappa).abs() < 1e-5, "{law:?}");
        }

        /// Rates as searches find them, anywhere within their brackets: the intervals hold what is
        /// true of them, and the coefficients stay possible ones.
        #[test]
        fn noise_stays_within_the_intervals(
            sigma in 0.0_f64..0.5, noise in proptest::collection::vec(-0.024_f64..0.024, 4),
        ) {
            let mut points = exact(200.0, sigma, 0.0, &[1, 2, 4, 8]);
            for (point, noise) in points.iter_mut().zip(noise) {
                point.rate *= 1.0 + noise;
                point.bracket = (point.rate * 0.97, point.rate * 1.03);
            }
            let law = fit(&points).expect("a law");
            prop_assert!(law.sigma >= 0.0 && law.kappa >= 0.0 && law.lambda > 0.0);
            let [low, high] = law.intervals.sigma;
            prop_assert!(low <= law.sigma && law.sigma <= high);
            prop_assert!(low <= sigma + 0.02 && sigma <= high + 0.02, "{sigma} in {low} to {high}");
        }

        #[test]
        fn whatever_the_rates_are_a_law_is_a_possible_one(
            rates in proptest::collection::vec(0.1_f64..1e6, 3..6),
        ) {
            let points: Vec<_> = (1..).zip(&rates).map(|(replicas, rate)| Point {
                replicas, rate: *rate, bracket: (rate * 0.9, rate * 1.1),
            }).collect();
            if let Some(law) = fit(&points) {
                prop_assert!(law.lambda.is_finite() && law.lambda > 0.0);
                prop_assert!(law.sigma >= 0.0 && law.kappa >= 0.0);
            }
        }
    }
}
