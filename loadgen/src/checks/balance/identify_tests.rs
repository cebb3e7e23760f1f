//! What counts look like: turns, weighted turns, draws, one replica, or nothing known.

use super::*;

fn identify(totals: &[u64], windows: &[Vec<u64>]) -> Option<String> {
    let counts = Counts {
        totals,
        windows,
        rotations: 1,
    };
    counts.identify().map(|identified| identified.to_string())
}

#[test]
fn turns_are_far_too_even_to_be_drawn() {
    let windows = vec![vec![250, 250]; 10];
    assert_eq!(
        identify(&[2_500, 2_501], &windows).as_deref(),
        Some("round-robin")
    );
}

#[test]
fn weights_are_found_to_the_turn_only() {
    assert_eq!(
        identify(&[3_000, 2_000], &[]).as_deref(),
        Some("round-robin:3,2")
    );
    assert_eq!(
        identify(&[3_750, 1_250], &[]).as_deref(),
        Some("round-robin:3,1")
    );
    assert_eq!(identify(&[3_760, 1_240], &[]), None);
}

#[test]
fn all_to_one_is_a_hash_and_few_are_nothing() {
    assert_eq!(identify(&[5_000, 0], &[]).as_deref(), Some("hash"));
    assert_eq!(identify(&[5, 0], &[]), None);
}

#[test]
fn a_steady_skew_is_neither_turns_nor_draws() {
    let windows = vec![vec![255, 245]; 10];
    assert_eq!(identify(&[2_550, 2_450], &windows), None);
}
