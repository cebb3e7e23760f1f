//! Which of a group's requests arrival k is.

use std::sync::Arc;

use super::Order;
use super::draw::{Purpose, draw};
use crate::model::GOLDEN;

/// Requests by their weights.
///
/// In turn, arrival k stands at the fractional part of k/φ on a line of length one, of which each
/// request has its share. Any stretch of arrivals so has each request nearly as often as its weight
/// says, and the pattern never repeats: it cannot fall into step with a proxy's rotation, as a
/// period would, and send all of one request to one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Where the share of each request but the last ends.
    ends: Arc<[u64]>,
    order: Order,
    seed: u64,
    /// Where arrival 0 stands.
    phase: u64,
    /// The place of each arrival's request, where a log says it; none otherwise.
    recorded: Arc<[u8]>,
}

impl Choice {
    /// A choice by weights, at least one of which is above 0.
    #[must_use]
    pub fn new(weights: &[u32], order: Order, seed: u64) -> Self {
        let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        let mut reached = 0;
        let ends = weights.iter().map(|weight| {
            reached += u128::from(*weight);
            ((reached << 64) / whole.max(1)).min(u128::from(u64::MAX)) as u64
        });
        let mut ends: Vec<u64> = ends.collect();
        ends.pop();
        Self {
            ends: ends.into(),
            order,
            seed,
            phase: draw(seed, Purpose::Request, 0),
            recorded: [].into(),
        }
    }

    /// The requests of a log: the place of each arrival's, and from the first one on again.
    #[must_use]
    pub fn recorded(places: Vec<u8>) -> Self {
        Self {
            recorded: places.into(),
            ..Self::only()
        }
    }

    /// The one request that there is.
    #[must_use]
    pub fn only() -> Self {
        Self::new(&[1], Order::InTurn, 0)
    }

    /// The place of the request that arrival `k` is.
    #[inline]
    #[must_use]
    pub fn of(&self, k: u64) -> usize {
        if self.ends.is_empty() {
            let n = self.recorded.len() as u64;
            let place = k.checked_rem(n).map(|at| self.recorded[at as usize]);
            return place.map_or(0, usize::from);
        }
        let at = match self.order {
            Order::InTurn => self.phase.wrapping_add(k.wrapping_mul(GOLDEN)),
            Order::Random => draw(self.seed, Purpose::Request, k),
        };
        self.ends.partition_point(|end| *end <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_twenty_are_these_on_every_machine_and_release() {
        let first = |order, seed| {
            let choice = Choice::new(&[8, 1, 1], order, seed);
            (0..20)
                .map(|k| choice.of(k).to_string())
                .collect::<String>()
        };
        assert_eq!(first(Order::InTurn, 1), "01000020010000200000");
        assert_eq!(first(Order::InTurn, 2), "00100001000020010000");
        assert_eq!(first(Order::Random, 1), "00020000020002202200");
    }

    #[test]
    fn a_request_does_not_fall_into_step_with_a_rotation_of_replicas() {
        for replicas in 2..9 {
            let choice = Choice::new(&[1, 1], Order::InTurn, 1);
            let mut met = vec![0_u32; replicas];
            for k in (0..8_000).filter(|k| choice.of(*k) == 0) {
                met[k as usize % replicas] += 1;
            }
            let even = 4_000.0 / replicas as f64;
            assert!(
                met.iter().all(|met| (f64::from(*met) - even).abs() < 8.0),
                "{met:?}"
            );
        }
    }

    /// The most by which a request's share of `n` arrivals differs from its weight's.
    fn deviation(choice: &Choice, weights: &[u32], start: u64, n: u64) -> f64 {
        let whole: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let mut met = vec![0_u64; weights.len()];
        for k in 0..n {
            met[choice.of(start.wrapping_add(k))] += 1;
        }
        let off = |(met, weight): (&u64, &u32)| {
            (*met as f64 / n as f64 - f64::from(*weight) / whole).abs()
        };
        met.iter().zip(weights).map(off).fold(0.0, f64::max)
    }

    proptest! {
        #[test]
        fn any_thousand_arrivals_have_their_weights(
            weights in prop::collection::vec(1_u32..1_000, 2..32), seed: u64, start: u64,
        ) {
            let choice = Choice::new(&weights, Order::InTurn, seed);
            let off = deviation(&choice, &weights, start, 1_000);
            prop_assert!(off < 0.01, "{off}");
        }

        #[test]
        fn chance_has_them_in_the_long_run(
            weights in prop::collection::vec(1_u32..10, 2..6), seed: u64, start: u64,
        ) {
            let choice = Choice::new(&weights, Order::Random, seed);
            // Seven standard deviations of a share of one half.
            let off = deviation(&choice, &weights, start, 100_000);
            prop_assert!(off < 0.011, "{off}");
        }

        #[test]
        fn a_weight_of_zero_is_never_chosen(seed: u64, k: u64, random: bool) {
            let order = if random { Order::Random } else { Order::InTurn };
            let chosen = Choice::new(&[0, 3, 0, 1, 0], order, seed).of(k);
            prop_assert!(chosen == 1 || chosen == 3);
        }
    }
}
