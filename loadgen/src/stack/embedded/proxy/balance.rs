//! Picks a peer: strict turns with NGINX's smooth weights, at random, or by the client.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::model::{GOLDEN, Policy, mixed};

/// The state of one group's rotation. Picks are indices below the number of peers.
pub(super) enum Balance {
    /// The order of one whole round, and how many picks there have been.
    Turns {
        round: Box<[usize]>,
        picks: AtomicUsize,
    },
    /// A counter that `mix` makes random numbers of, each a place in one whole round.
    Random {
        round: Box<[usize]>,
        state: AtomicU64,
    },
    /// No state: a client always has the same peer.
    Hash { n_peers: usize },
}

impl Balance {
    /// A rotation over `n_peers`, at least one. Weights must be one per peer, or none.
    pub(super) fn new(policy: &Policy, n_peers: usize) -> Result<Self, String> {
        Ok(match policy {
            Policy::RoundRobin { weights } | Policy::Random { weights }
                if !weights.is_empty() && weights.len() != n_peers =>
            {
                return Err(format!(
                    "{} weights for {n_peers} replicas of a group",
                    weights.len()
                ));
            }
            Policy::RoundRobin { .. } => Self::Turns {
                round: round(policy, n_peers),
                picks: AtomicUsize::new(0),
            },
            Policy::Random { .. } => Self::Random {
                round: round(policy, n_peers),
                state: AtomicU64::new(0),
            },
            Policy::Hash => Self::Hash { n_peers },
            Policy::LeastConn | Policy::None => {
                return Err(format!("the embedded proxy cannot do {policy}"));
            }
        })
    }

    /// The next peer for a request of `client`.
    pub(super) fn pick(&self, client: IpAddr) -> usize {
        match self {
            Self::Turns { round, picks } => {
                // Wraps after 2^64 picks; a round that does not divide that is then cut once.
                round[picks.fetch_add(1, Ordering::Relaxed) % round.len()]
            }
            Self::Random { round, state } => {
                let number = mix(state.fetch_add(1, Ordering::Relaxed));
                // The high half of the product is uniform below the length.
                round[((u128::from(number) * (round.len() as u128)) >> 64) as usize]
            }
            Self::Hash { n_peers } => {
                let number = match client {
                    IpAddr::V4(address) => u64::from(address.to_bits()),
                    IpAddr::V6(address) => address.to_bits() as u64,
                };
                (mix(number) % (*n_peers as u64)) as usize
            }
        }
    }
}

fn round(policy: &Policy, n_peers: usize) -> Box<[usize]> {
    smooth_round(&policy.weights(n_peers).unwrap_or_else(|| vec![1; n_peers]))
}

/// One round of NGINX's smooth weighted algorithm: each turn adds to every peer its weight,
/// takes the first of the greatest, and subtracts the total from it. 3,1 → a a b a.
fn smooth_round(weights: &[u32]) -> Box<[usize]> {
    let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
    let mut current = vec![0_i64; weights.len()];
    (0..total)
        .map(|_| {
            let mut best = 0;
            for (peer, weight) in weights.iter().enumerate() {
                current[peer] += i64::from(*weight);
                if current[peer] > current[best] {
                    best = peer;
                }
            }
            current[best] -= total;
            best
        })
        .collect()
}

/// `SplitMix64`: a counter becomes a number that looks like nothing of the kind.
fn mix(counter: u64) -> u64 {
    mixed(counter.wrapping_add(1).wrapping_mul(GOLDEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(rotation: &str, n_peers: usize, n_picks: usize) -> Vec<usize> {
        let balance = Balance::new(&rotation.parse().unwrap(), n_peers).unwrap();
        (0..n_picks)
            .map(|_| balance.pick(IpAddr::from([127, 0, 0, 1])))
            .collect()
    }

    #[test]
    fn peers_take_strict_turns() {
        assert_eq!(picks("round-robin", 3, 7), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn weights_are_spread_smoothly() {
        assert_eq!(picks("round-robin:3,1", 2, 8), [0, 0, 1, 0, 0, 0, 1, 0]);
        assert_eq!(picks("round-robin:5,1,1", 3, 7), [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn random_picks_are_even_in_the_long_run_and_never_out_of_range() {
        let picks = picks("random", 3, 30_000);
        for peer in 0..3 {
            let n = picks.iter().filter(|pick| **pick == peer).count();
            // Five standard deviations of a binomial count.
            assert!(n.abs_diff(10_000) < 410, "{n}");
        }
    }

    #[test]
    fn one_client_has_one_peer() {
        let picks = picks("hash", 2, 100);
        assert!(picks.iter().all(|pick| *pick == picks[0]));
    }

    #[test]
    fn weights_for_other_peers_are_refused() {
        assert!(Balance::new(&"round-robin:3,1".parse().unwrap(), 3).is_err());
    }
}
