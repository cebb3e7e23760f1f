//! The arithmetic of comparison: block bootstrap within runs, Mann–Whitney between runs.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Student's t at 99.5 %, for 1 to 30 degrees of freedom: what few blocks cost in certainty.
const T: [f64; 30] = [
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012,
    2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779,
    2.771, 2.763, 2.756, 2.750,
];
/// The same of the normal distribution.
const Z: f64 = 2.576;

/// Draws `n` blocks out of `n` with replacement, in runs of `length` neighbours (circular), and
/// returns how often each was drawn.
pub(super) fn draw_blocks(n: usize, length: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut drawn = vec![0; n];
    let mut left = n;
    while left > 0 {
        let start = rng.random_range(0..n);
        for offset in 0..length.min(left) {
            drawn[(start + offset) % n] += 1;
        }
        left -= length.min(left);
    }
    drawn
}

/// A generator of chance with a stream of its own.
pub(super) fn chance(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Neighbours drawn together: n^(1/3), the usual order for a mean of a dependent series.
pub(super) fn block_length(n: usize) -> usize {
    (n as f64).cbrt().round().max(1.0) as usize
}

/// A 99 % interval around `estimate` from bootstrap replicates, widened for few blocks.
pub(super) fn interval(estimate: f64, replicates: &mut [f64], blocks: usize) -> Option<(f64, f64)> {
    if blocks < 3 || replicates.is_empty() || replicates.iter().any(|value| !value.is_finite()) {
        return None;
    }
    replicates.sort_by(f64::total_cmp);
    let at = |share: f64| replicates[((replicates.len() - 1) as f64 * share).round() as usize];
    let freedom = blocks - 1;
    let widen = T.get(freedom - 1).map_or(1.0, |t| t / Z) * (blocks as f64 / freedom as f64).sqrt();
    Some((
        estimate - (estimate - at(0.005)).max(0.0) * widen,
        estimate + (at(0.995) - estimate).max(0.0) * widen,
    ))
}

/// The two-sided p of Mann and Whitney's U: exact without ties and up to 20 a side, otherwise
/// normal with ties corrected.
pub(super) fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (*x, *y)));
    let (mut above, mut ties) = (0.0, 0_u32);
    for (x, y) in pairs {
        if x > y {
            above += 1.0;
        } else if x.total_cmp(&y).is_eq() {
            above += 0.5;
            ties += 1;
        }
    }
    if ties == 0 && a.len() <= 20 && b.len() <= 20 {
        exact(above, a.len(), b.len())
    } else {
        normal(above, a, b)
    }
}

/// How many of the orders of n + m values have each U.
fn orders(n: usize, m: usize) -> Vec<f64> {
    // counts[i][j][u], built by which side the largest value belongs to.
    let mut counts = vec![vec![vec![0.0; n * m + 1]; m + 1]; n + 1];
    for i in 0..=n {
        for j in 0..=m {
            for u in 0..=i * j {
                counts[i][j][u] = if i == 0 || j == 0 {
                    1.0
                } else {
                    let from_a = if u >= j { counts[i - 1][j][u - j] } else { 0.0 };
                    from_a + counts[i][j - 1][u]
                };
            }
        }
    }
    counts[n][m].clone()
}

fn exact(u: f64, n: usize, m: usize) -> f64 {
    let counts = orders(n, m);
    let all: f64 = counts.iter().sum();
    let low = u.min((n * m) as f64 - u).round() as usize;
    let tail: f64 = counts[..=low].iter().sum();
    (2.0 * tail / all).min(1.0)
}

fn normal(above: f64, a: &[f64], b: &[f64]) -> f64 {
    let pairs = (a.len() * b.len()) as f64;
    let mut all: Vec<f64> = a.iter().chain(b).copied().collect();
    all.sort_by(f64::total_cmp);
    let ties: f64 = all
        .chunk_by(|x, y| x.total_cmp(y).is_eq())
        .map(|same| (same.len() as f64).powi(3) - same.len() as f64)
        .sum();
    let total = all.len() as f64;
    let variance = pairs / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)).max(1.0));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = ((above - pairs / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
    (2.0 * (1.0 - phi(z))).clamp(0.0, 1.0)
}

/// The normal distribution function (Abramowitz and Stegun 26.2.17, to 7.5e-8).
fn phi(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    1.0 - density * poly
}

/// Hodges and Lehmann's estimate of a shift between runs, and its 95 % interval: the median of
/// all pairwise differences, and the order statistics that U gives.
pub(super) fn shift(
    base: &[f64],
    candidate: &[f64],
    difference: impl Fn(f64, f64) -> f64,
) -> (f64, Option<(f64, f64)>) {
    let mut pairs: Vec<f64> = base
        .iter()
        .flat_map(|b| {
            candidate
                .iter()
                .map(|c| difference(*b, *c))
                .collect::<Vec<_>>()
        })
        .collect();
    pairs.sort_by(f64::total_cmp);
    if pairs.is_empty() {
        return (f64::NAN, None);
    }
    let middle = f64::midpoint(pairs[(pairs.len() - 1) / 2], pairs[pairs.len() / 2]);
    let (n, m) = (base.len(), candidate.len());
    if n > 20 || m > 20 {
        return (middle, None);
    }
    let counts = orders(n, m);
    let all: f64 = counts.iter().sum();
    let mut tail = 0.0;
    let outside = counts.iter().take_while(|count| {
        tail += *count;
        tail / all <= 0.025
    });
    match outside.count() {
        0 => (middle, None),
        k => (middle, Some((pairs[k - 1], pairs[pairs.len() - k]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_against_four_apart_has_the_textbook_p() {
        let p = mann_whitney(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]);
        assert!((p - 0.028_57).abs() < 1e-4, "{p}");
        let p = mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]);
        assert!((p - 0.1).abs() < 1e-9, "{p}");
    }

    #[test]
    fn equal_values_are_no_difference() {
        assert!(mann_whitney(&[1.0; 4], &[1.0; 4]) > 0.99);
    }

    #[test]
    fn the_shift_of_four_runs_is_bounded_by_its_extremes() {
        let (shift, interval) = shift(
            &[10.0, 11.0, 12.0, 13.0],
            &[20.0, 21.0, 22.0, 23.0],
            |b, c| c - b,
        );
        assert!((shift - 10.0).abs() < 1e-9);
        assert_eq!(interval, Some((7.0, 13.0)));
    }

    #[test]
    fn blocks_are_drawn_in_full_number_and_from_the_seed() {
        let drawn = draw_blocks(10, 2, &mut chance(1));
        assert_eq!(drawn.iter().sum::<u32>(), 10);
        assert_eq!(drawn, draw_blocks(10, 2, &mut chance(1)));
    }
}
