//! Counts as turns per weight of a rotation: what strict turns leave between the busiest and the idlest.

/// Turns per weight: in k whole turns per weight of a weighted rotation each replica has k. Standbys,
/// whose weight is 0, have none.
pub(super) fn per_weight(counts: &[u64], weights: &[u32]) -> Vec<f64> {
    let weight = |place: usize| weights.get(place).copied().unwrap_or(1);
    let each = counts
        .iter()
        .enumerate()
        .filter(|(place, _)| weight(*place) > 0);
    each.map(|(place, count)| *count as f64 / f64::from(weight(place)))
        .collect()
}

/// Busiest minus idlest, per weight (no weights: equal ones). One strict rotation gives at most 1
/// over any stretch of turns: after k whole turns per weight and part of one, each replica has had between k
/// and k + 1 times its weight.
pub(super) fn spread_of(counts: &[u64], weights: &[u32]) -> f64 {
    let per_weight = per_weight(counts, weights);
    let max = per_weight.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = per_weight.iter().copied().fold(f64::INFINITY, f64::min);
    if per_weight.is_empty() {
        0.0
    } else {
        max - min
    }
}
