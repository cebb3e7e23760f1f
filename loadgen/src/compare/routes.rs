//! Two routes of one group in one run: the difference of their quantiles.
//!
//! Both took the arrivals of one schedule in turn, so each second is a pair, and what drifts hits
//! both. Where the difference lies is found by drawing seconds again, both routes' together. Whether
//! there is one is asked of chance: if the route made no difference, the two halves of a second might
//! as well be swapped, so a difference that random swaps reach is none.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::judge::BEYOND;
use super::sample::{Sample, quantile, quantile_of_both, size};
use super::statistics::{block_length, chance, draw_blocks, interval};
use crate::plan::{GroupPlan, Route};
use crate::record::{Record, RouteCost, RouteQuantile};

const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];
const RESAMPLES: u32 = 1_000;
/// None of so many swaps may reach a difference that is called one: three quantiles so give a false
/// alarm in a thousand runs.
const SWAPS: u32 = 3_000;
/// With fewer seconds there are not as many ways to swap them, and chance alone may be the largest.
const LEAST_SWAPPED: usize = 13;
/// The least difference that is called one, in nanoseconds. At a low rate a route has one connection,
/// and where its two ends happen to run stays with it for as long as the run: over two equal routes
/// (`.ci/route-oracle`) that made up to 74 µs at p50, which no drawing of seconds can tell from a cost.
const LEAST_TOLD: f64 = 100e3;
/// Fewer seconds say nothing of how much they differ from one another.
const LEAST_SECONDS: usize = 5;

/// What the proxy costs, for each pair of groups that a run loaded by both routes.
#[must_use]
pub fn routes(record: &Record) -> Vec<RouteCost> {
    let groups = &record.plan.groups;
    let direct = groups.iter().filter(|group| group.route == Route::Direct);
    let pairs = direct.filter_map(|direct| {
        let pair = |group: &&GroupPlan| {
            group.route == Route::Proxy
                && group.host == direct.host
                && group.slice.of == direct.slice.of
                && group.load == direct.load
        };
        Some((groups.iter().find(pair)?, direct))
    });
    pairs
        .map(|(proxy, direct)| Pair::of(record, proxy, direct).cost(proxy, direct))
        .collect()
}

/// One group by both routes, second by second.
struct Pair {
    proxy: Sample,
    direct: Sample,
    /// How many seconds both have; 0 where that is too few, or not as many.
    blocks: usize,
}

impl Pair {
    fn of(record: &Record, proxy: &GroupPlan, direct: &GroupPlan) -> Self {
        let sample = |group: &GroupPlan| Sample::of(&[record], &group.name);
        let (proxy, direct) = (sample(proxy), sample(direct));
        let same = proxy.n_blocks() == direct.n_blocks() && proxy.n_blocks() >= LEAST_SECONDS;
        Self {
            blocks: if same { proxy.n_blocks() } else { 0 },
            proxy,
            direct,
        }
    }

    fn cost(&self, proxy: &GroupPlan, direct: &GroupPlan) -> RouteCost {
        let drawn = self.drawn_again();
        let real = self.beyond_swaps();
        let told = QUANTILES.iter().zip(drawn).zip(real);
        let told = told.filter_map(|((at, drawn), real)| self.quantile(*at, drawn, real));
        let quantiles: Vec<_> = told.collect();
        RouteCost {
            host: proxy.host.clone(),
            proxy: proxy.name.clone(),
            direct: direct.name.clone(),
            found: quantiles.iter().any(|one| one.found),
            quantiles,
        }
    }

    /// The difference at each quantile, as it was.
    fn differences(&self) -> [f64; 3] {
        let sides = (&self.proxy.whole.response, &self.direct.whole.response);
        QUANTILES.map(|at| quantile(sides.0, at) - quantile(sides.1, at))
    }

    /// The same of seconds that were drawn again.
    fn drawn_again(&self) -> [Vec<f64>; 3] {
        let mut differences = [const { Vec::new() }; 3];
        if self.blocks == 0 {
            return differences;
        }
        let mut rng = chance(1);
        for _ in 0..RESAMPLES {
            let drawn = draw_blocks(self.blocks, block_length(self.blocks), &mut rng);
            let (proxy, direct) = (
                self.proxy.response_of(&drawn),
                self.direct.response_of(&drawn),
            );
            for (found, at) in differences.iter_mut().zip(QUANTILES) {
                found.push(quantile(&proxy, at) - quantile(&direct, at));
            }
        }
        differences
    }

    /// At which quantiles the difference is larger than swaps of the routes by chance make it.
    fn beyond_swaps(&self) -> [bool; 3] {
        let seen = self.differences().map(f64::abs);
        let mut beyond = [self.blocks >= LEAST_SWAPPED; 3];
        let mut rng = chance(2);
        for _ in 0..SWAPS {
            if beyond == [false; 3] {
                break;
            }
            let Some(swapped) = self.swapped(&mut rng) else {
                continue;
            };
            for ((beyond, seen), by_chance) in beyond.iter_mut().zip(seen).zip(swapped) {
                *beyond &= by_chance.abs() < seen;
            }
        }
        beyond
    }

    /// The differences with the routes of some seconds swapped; `None` where that is all or none.
    fn swapped(&self, rng: &mut ChaCha8Rng) -> Option<[f64; 3]> {
        let swap: Vec<u32> = (0..self.blocks)
            .map(|_| u32::from(rng.random_bool(0.5)))
            .collect();
        let count = swap.iter().sum::<u32>() as usize;
        if count == 0 || count == self.blocks {
            return None;
        }
        let stay: Vec<u32> = swap.iter().map(|swap| 1 - swap).collect();
        let (proxy, direct) = (&self.proxy, &self.direct);
        let one = (proxy.response_of(&stay), direct.response_of(&swap));
        let other = (direct.response_of(&stay), proxy.response_of(&swap));
        Some(QUANTILES.map(|at| {
            quantile_of_both(&one.0, &one.1, at) - quantile_of_both(&other.0, &other.1, at)
        }))
    }

    fn quantile(&self, at: f64, mut drawn: Vec<f64>, real: bool) -> Option<RouteQuantile> {
        let (proxy, direct) = (&self.proxy.whole.response, &self.direct.whole.response);
        let fewest = size(proxy).min(size(direct)) as f64;
        if fewest * (1.0 - at) < BEYOND {
            return None;
        }
        let (proxy, direct) = (quantile(proxy, at), quantile(direct, at));
        let difference = proxy - direct;
        let interval = interval(difference, &mut drawn, self.blocks);
        let is_large = interval.is_some_and(|(low, high)| low > LEAST_TOLD || high < -LEAST_TOLD);
        Some(RouteQuantile {
            quantile: at,
            proxy,
            direct,
            difference,
            interval,
            found: is_large && real,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::two_routes;

    fn told(seed: u64, micros: f64) -> RouteCost {
        let told = routes(&two_routes(seed, micros));
        assert_eq!(told.len(), 1);
        told.into_iter().next().expect("one pair")
    }

    #[test]
    fn where_nothing_differs_nothing_is_found() {
        let found: Vec<_> = (0..20).filter(|seed| told(*seed, 0.0).found).collect();
        assert_eq!(found, [0_u64; 0]);
    }

    #[test]
    fn what_the_proxy_adds_lies_in_the_interval() {
        for seed in 0..5 {
            let cost = told(seed, 2_000.0);
            assert_eq!(cost.quantiles.len(), 3);
            let median = &cost.quantiles[0];
            let (low, high) = median.interval.expect("twenty seconds");
            // An answer takes a multiple of its scene's usual time, 34 µs of lag before it.
            let truth = (median.direct - 34e3) / 420e3 * 2e6;
            let near = 0.015 * truth;
            assert!(median.found && high - low < 0.1 * truth, "{cost:?}");
            assert!(low - near <= truth && truth <= high + near, "{cost:?}");
        }
    }

    #[test]
    fn a_run_of_one_route_tells_of_none() {
        assert_eq!(routes(&crate::synthetic::two_groups()), []);
    }
}
