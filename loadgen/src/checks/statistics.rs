//! The G-test and the chi-square distribution, both tails.
//!
//! The regularised incomplete gamma function is written out here (series and continued fraction):
//! a crate for one function would be the larger risk.

/// ln Γ(x) for x > 0, by Lanczos' approximation (relative error below 1e-13).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let terms = COEFFICIENTS[1..].iter().zip(1u32..);
    let sum = COEFFICIENTS[0] + terms.map(|(c, i)| c / (x + f64::from(i))).sum::<f64>();
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Both tails of the regularised incomplete gamma function: (P(a, x), Q(a, x)).
///
/// Each is computed directly where it is the smaller one, so that a tail of 1e-20 is not lost in
/// a subtraction from 1.
fn gamma_tails(shape: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    let scale = (shape * x.ln() - x - ln_gamma(shape)).exp();
    if x < shape + 1.0 {
        let lower = (scale * lower_series(shape, x)).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (scale * upper_fraction(shape, x)).min(1.0);
        (1.0 - upper, upper)
    }
}

fn lower_series(shape: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut divisor) = (1.0 / shape, 1.0 / shape, shape);
    for _ in 0..10_000 {
        divisor += 1.0;
        term *= x / divisor;
        sum += term;
        if term < sum * 1e-16 {
            break;
        }
    }
    sum
}

/// The continued fraction, by Lentz's method.
fn upper_fraction(shape: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut constant = x + 1.0 - shape;
    let (mut above, mut below) = (1.0 / TINY, 1.0 / constant);
    let mut fraction = below;
    for step in 1..10_000 {
        let step = f64::from(step);
        let factor = -step * (step - shape);
        constant += 2.0;
        below = 1.0 / away_from_zero(factor * below + constant, TINY);
        above = away_from_zero(constant + factor / above, TINY);
        fraction *= below * above;
        if (below * above - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

fn away_from_zero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// How probable a chi-square value at most, and at least, this large is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tails {
    /// P(X ≤ x): small when the spread is too even to be random.
    pub(super) left: f64,
    /// P(X ≥ x): small when it is too uneven.
    pub(super) right: f64,
}

/// The tails of a chi-square value with `df` degrees of freedom.
pub(super) fn chi_square_tails(value: f64, df: f64) -> Tails {
    let (left, right) = gamma_tails(df / 2.0, value / 2.0);
    Tails { left, right }
}

/// G = 2 Σ O ln(O/E) for counts against shares that sum to 1.
pub(super) fn g_statistic(counts: &[u64], shares: &[f64]) -> f64 {
    let total = counts.iter().sum::<u64>() as f64;
    let terms = counts.iter().zip(shares).filter(|(count, _)| **count > 0);
    let sum: f64 = terms
        .map(|(count, share)| {
            let observed = *count as f64;
            observed * (observed / (total * share)).ln()
        })
        .sum();
    (2.0 * sum).max(0.0)
}

/// The G-test of counts against shares that sum to 1.
pub(super) fn g_test(counts: &[u64], shares: &[f64]) -> Tails {
    chi_square_tails(g_statistic(counts, shares), counts.len() as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 + 1e-6 * b.abs()
    }

    #[test]
    fn the_tails_are_those_of_the_tables() {
        for (value, df, right) in [
            (3.841_458_820_694_124, 1.0, 0.05),
            (6.634_896_601_021_213, 1.0, 0.01),
            (5.991_464_547_107_979, 2.0, 0.05),
            (18.307_038_053_275_146, 10.0, 0.05),
            (124.342_113_404_004, 100.0, 0.05),
        ] {
            let tails = chi_square_tails(value, df);
            assert!(near(tails.right, right), "{value} {df}: {tails:?}");
            assert!(near(tails.left, 1.0 - right), "{value} {df}: {tails:?}");
        }
        // df 2 is the exponential distribution, far out too.
        assert!(near(
            chi_square_tails(80.0, 2.0).right / (-40f64).exp(),
            1.0
        ));
        // X² = 0.0064 at one degree of freedom, from facts.md 7.1.
        assert!((chi_square_tails(0.0064, 1.0).left - 0.0638).abs() < 1e-3);
    }

    #[test]
    fn a_chi_square_first_rejects_196_of_ten_thousand() {
        let p = |d: u64| g_test(&[5_000 + d / 2, 5_000 - d / 2], &[0.5, 0.5]).right;
        assert!(p(194) > 0.05 && p(196) < 0.0501, "{} {}", p(194), p(196));
    }

    proptest! {
        #[test]
        fn the_tails_sum_to_one(value in 0.0f64..500.0, df in 1u32..400) {
            let tails = chi_square_tails(value, f64::from(df));
            prop_assert!(near(tails.left + tails.right, 1.0));
            prop_assert!((0.0..=1.0).contains(&tails.left) && (0.0..=1.0).contains(&tails.right));
        }
    }
}
