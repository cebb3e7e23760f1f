//! Counts as laps of a rotation: what strict turns leave between the busiest and the idlest.

/// Turns per weight: in k whole laps of a weighted rotation each replica has k.
pub(super) fn laps(counts: &[u64], weights: &[u32]) -> Vec<f64> {
    let weight = |place: usize| f64::from(weights.get(place).copied().unwrap_or(1).max(1));
    let each = counts.iter().enumerate();
    each.map(|(place, count)| *count as f64 / weight(place))
        .collect()
}

/// Busiest minus idlest, per weight (no weights: equal ones). One strict rotation gives at most 1
/// over any stretch of turns: after k whole laps and part of one, each replica has had between k
/// and k + 1 times its weight.
pub(super) fn spread_of(counts: &[u64], weights: &[u32]) -> f64 {
    let laps = laps(counts, weights);
    let max = laps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = laps.iter().copied().fold(f64::INFINITY, f64::min);
    if laps.is_empty() { 0.0 } else { max - min }
}
