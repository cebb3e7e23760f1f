//! Judges the spread of requests by what the declared policy gives.
//!
//! Round robin is deterministic, so it is held to its exact bound. Any stretch of turns of one
//! rotation leaves busiest minus idlest at 1 or less (per weight), wherever it starts: that is
//! why the warm-up is counted in and no second's edge is judged. Rotations side by side add up,
//! and turns that left no mark are allowances with a name. Draws and hashes are judged by a
//! G-test at one false alarm in a million runs.

mod allowances;
mod causes;
mod ejected;
mod health;
mod identify;
mod spread;
mod timeline;

pub(super) use health::share_of;
pub use health::tail_shares;

use std::collections::BTreeMap;

use super::crosscheck::Checked;
use super::evidence::GroupEvidence;
use super::pairing::Member;
use super::statistics::g_test;
use crate::model::Policy;
use crate::plan::Route;
use crate::record::{Balance, BalanceVerdict, CLIENT, Finding, REPLICAS};
use identify::{Counts, IMPOSSIBLE, Identified};
use spread::Spread;
use timeline::{Shift, Window};

/// Everything the sub-rooms look at for one group.
struct Case<'a> {
    group: &'a GroupEvidence<'a>,
    spread: Spread,
    windows: Vec<Window>,
    shifts: Vec<Shift>,
    identified: Option<Identified>,
    /// Places of replicas that were there all along and got nothing.
    starved: Vec<usize>,
}

/// Judges the balance of one group.
pub(super) fn judge(
    group: &GroupEvidence<'_>,
    members: &[Member],
    checked: &Checked,
    findings: &mut Vec<Finding>,
) -> Balance {
    let case = Case::of(group, members, checked);
    health::judge(group, findings);
    let mut balance = case.figures();
    let policy = &group.all.plan.policy;
    let n = case.spread.ids.len() as u64;
    // Ten each, so that a small skew is not mistaken for luck, nor luck for a skew.
    let is_told = case.spread.from_replicas || group.names_are_of_replicas();
    if !group.names_are_of_replicas() {
        findings.push(causes::too_many_names(group));
    }
    let no_turns = checked.cached > 0 || group.disturbance().is_rescaled;
    balance.verdict = if !is_told || no_turns || group.route() == Route::Direct {
        // Straight to the replicas the turns are our own. What a cache answered took no turn, and replicas that came or went had none all along.
        BalanceVerdict::NotJudged
    } else if n < 2 || case.spread.total() < 10 * n {
        causes::too_few(&case, findings);
        BalanceVerdict::TooFew
    } else {
        match policy {
            Policy::None => BalanceVerdict::NotJudged,
            Policy::RoundRobin { .. } => case.round_robin(checked, &mut balance),
            Policy::Random { .. } => case.random(&mut balance),
            Policy::LeastConn => case.least_conn(),
            Policy::Hash => case.hash(),
        }
    };
    // Turns with allowances may look drawn; where they are even, that is no discovery.
    let is_declared =
        matches!(policy, Policy::RoundRobin { .. }) && balance.verdict == BalanceVerdict::Even;
    let by_chance = matches!(
        case.identified,
        Some(Identified::Random | Identified::WorkersOrRandom)
    );
    if is_declared && by_chance {
        balance.identified = None;
    }
    let is_judged = matches!(
        balance.verdict,
        BalanceVerdict::Even | BalanceVerdict::Uneven
    );
    if is_judged {
        causes::tell(&case, &balance, findings);
    }
    balance
}

impl<'a> Case<'a> {
    fn of(group: &'a GroupEvidence<'a>, members: &[Member], checked: &Checked) -> Self {
        let spread = Spread::of(group, members, checked);
        let windows = timeline::windows(group, &spread.ids);
        let total = spread.total();
        let fixed = group.all.plan.policy.declared_weights().is_some();
        let shares: Vec<f64> = if fixed {
            spread.expected_shares()
        } else {
            let share = |count: &u64| *count as f64 / total.max(1) as f64;
            spread.counts.iter().map(share).collect()
        };
        // An answer may fall into a later second than its turn: as many as can be in flight.
        let slack =
            u64::from(group.all.plan.connections) + u64::from(group.all.topology.proxy.workers);
        let shifts = timeline::shifts(&windows, &spread.ids, &shares, slack);
        let starved = causes::starved(group, &spread);
        let fed: Vec<u64> = spread
            .counts
            .iter()
            .copied()
            .filter(|count| *count > 0)
            .collect();
        let telling = timeline::telling(&windows);
        let counts = Counts {
            totals: &spread.counts,
            windows: &telling,
            rotations: u64::from(group.all.topology.proxy.workers.max(1)),
        };
        // Among the fed ones a starved one would look like anything but turns.
        let fed_windows: Vec<Vec<u64>> = telling
            .iter()
            .map(|window| {
                let of_fed = window.iter().zip(&spread.counts);
                let of_fed = of_fed.filter(|(_, total)| **total > 0);
                of_fed.map(|(count, _)| *count).collect()
            })
            .collect();
        let identified = match counts.identify() {
            None if !starved.is_empty() && fed.len() > 1 => Counts {
                totals: &fed,
                windows: &fed_windows,
                ..counts
            }
            .identify(),
            identified => identified,
        };
        Self {
            group,
            spread,
            windows,
            shifts,
            identified,
            starved,
        }
    }

    fn figures(&self) -> Balance {
        let spread = &self.spread;
        Balance {
            policy: self.group.all.plan.policy.to_string(),
            verdict: BalanceVerdict::NotJudged,
            source: if spread.from_replicas {
                REPLICAS
            } else {
                CLIENT
            }
            .to_owned(),
            counts: spread.per_replica(),
            max_minus_min: spread.max_minus_min().ceil() as u64,
            bound: None,
            unproven: 0,
            allowances: BTreeMap::new(),
            identified: self.identified.as_ref().map(ToString::to_string),
            max_over_min: spread.max_over_min(),
            coefficient_of_variation: spread.coefficient_of_variation(),
            p_value: None,
        }
    }

    fn round_robin(&self, checked: &Checked, balance: &mut Balance) -> BalanceVerdict {
        balance.allowances = allowances::of(self, checked);
        let bound = balance.allowances.values().sum::<u64>();
        balance.bound = Some(bound);
        balance.unproven = allowances::unproven(self);
        // Thirds and the like are not exact in binary.
        let beyond = self.spread.max_minus_min() - bound as f64 - 1e-6;
        if self.starved.is_empty() && beyond > 0.0 && beyond <= balance.unproven as f64 {
            return BalanceVerdict::NotJudged;
        }
        even(beyond <= 0.0 && self.starved.is_empty())
    }

    fn random(&self, balance: &mut Balance) -> BalanceVerdict {
        let shares = self.spread.expected_shares();
        let tails = g_test(&self.spread.counts, &shares);
        balance.p_value = Some(tails.right);
        let telling = timeline::telling(&self.windows);
        let counts = Counts {
            totals: &self.spread.counts,
            windows: &telling,
            rotations: 1,
        };
        let left = counts.by_second(&shares).map_or(1.0, |tails| tails.left);
        even(tails.right >= IMPOSSIBLE && left >= IMPOSSIBLE && self.starved.is_empty())
    }

    /// It fixes no shares, and a slower replica rightly gets less: only gross effects count.
    fn least_conn(&self) -> BalanceVerdict {
        let gross = self.spread.max_over_min().is_none_or(|ratio| ratio > 2.0);
        even(!gross && self.starved.is_empty())
    }

    /// A hash may send one client anywhere, everything to one replica included. What it cannot
    /// do is to give strict turns.
    fn hash(&self) -> BalanceVerdict {
        even(!matches!(
            self.identified,
            Some(Identified::RoundRobin { .. })
        ))
    }
}

fn even(is: bool) -> BalanceVerdict {
    if is {
        BalanceVerdict::Even
    } else {
        BalanceVerdict::Uneven
    }
}
