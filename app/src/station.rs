//! Decides when a request has been served: a service station with slots and one queue.
//!
//! Nothing waits here. When a request arrives, first come first served fixes its
//! future: it starts when it has arrived and a slot is free, and it leaves a service
//! time later. So its departure is arithmetic on the slots' free times, and no
//! hand-over between two requests costs time: the next one starts at the instant at
//! which the slot *should* have become free, not when a timer woke up. This makes the
//! station exact enough to hold against M/D/1 and M/M/1.
//!
//! A client that goes away does not shorten the queue: accepted work is done, as it
//! is by a pool of worker threads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::service_time::{Draws, ServiceTime};

#[derive(Debug)]
pub(crate) struct Station {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    draws: Draws,
    slots: Slots,
}

#[derive(Debug)]
enum Slots {
    Unlimited,
    /// When each slot becomes free, the earliest on top; at most `limit` of them.
    Limited {
        limit: NonZeroUsize,
        free_at: BinaryHeap<Reverse<Instant>>,
    },
}

impl Station {
    pub(crate) fn new(time: ServiceTime, slots: Option<NonZeroUsize>, seed: u64) -> Self {
        let slots = slots.map_or(Slots::Unlimited, |limit| Slots::Limited {
            limit,
            free_at: BinaryHeap::new(),
        });
        Self {
            state: Mutex::new(State {
                draws: Draws::new(time, seed),
                slots,
            }),
        }
    }

    /// Takes in a request that arrived at `arrival`; tells when it leaves.
    pub(crate) fn admit(&self, arrival: Instant) -> Instant {
        // A poisoned lock can only mean a panic in arithmetic; the state is still whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let time = state.draws.draw();
        match &mut state.slots {
            Slots::Unlimited => arrival + time,
            Slots::Limited { limit, free_at } => {
                // A slot that was never taken has been free for ever.
                let free = (free_at.len() == limit.get())
                    .then(|| free_at.pop())
                    .flatten();
                let start = free.map_or(arrival, |Reverse(free)| free.max(arrival));
                let departure = start + time;
                free_at.push(Reverse(departure));
                departure
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn station(time: &str, slots: usize) -> Station {
        Station::new(time.parse().unwrap(), NonZeroUsize::new(slots), 1)
    }

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn without_slots_nobody_queues() {
        let (station, now) = (station("fixed:5ms", 0), Instant::now());
        for _ in 0..100 {
            assert_eq!(station.admit(now), now + millis(5));
        }
    }

    #[test]
    fn one_slot_serves_one_after_the_other_without_drift() {
        let (station, now) = (station("fixed:5ms", 1), Instant::now());
        for nth in 1..=1000 {
            assert_eq!(station.admit(now), now + millis(5) * nth);
        }
    }

    #[test]
    fn two_slots_serve_in_pairs() {
        let (station, now) = (station("fixed:5ms", 2), Instant::now());
        let departures = [(); 5].map(|()| station.admit(now) - now);
        assert_eq!(departures, [5, 5, 10, 10, 15].map(millis));
    }

    #[test]
    fn an_idle_slot_starts_at_the_arrival() {
        let (station, now) = (station("fixed:5ms", 1), Instant::now());
        assert_eq!(station.admit(now), now + millis(5));
        assert_eq!(station.admit(now + millis(7)), now + millis(12));
        assert_eq!(station.admit(now + millis(8)), now + millis(17));
    }

    /// Mean wait over simulated Poisson arrivals, in units of the mean service time.
    fn mean_wait(station: &Station, load: f64) -> f64 {
        let n_arrivals = 400_000;
        let mut gaps = Draws::new("exp:1ms".parse().unwrap(), 99);
        let (mut arrival, mut previous, mut waited) = (Instant::now(), None, 0.0);
        for _ in 0..n_arrivals {
            arrival += gaps.draw().div_f64(load);
            let departure = station.admit(arrival);
            // With one slot the wait is what is left of the previous request.
            let free = previous.replace(departure).unwrap_or(arrival);
            waited += free.saturating_duration_since(arrival).as_secs_f64();
        }
        waited / f64::from(n_arrivals) / 0.001
    }

    #[test]
    fn waits_agree_with_m_d_1_and_m_m_1() {
        let load = 0.7;
        let m_d_1 = mean_wait(&station("fixed:1ms", 1), load);
        assert!(
            (m_d_1 / (load / (2.0 * (1.0 - load))) - 1.0).abs() < 0.03,
            "{m_d_1}"
        );
        let m_m_1 = mean_wait(&station("exp:1ms", 1), load);
        assert!(
            (m_m_1 / (load / (1.0 - load)) - 1.0).abs() < 0.03,
            "{m_m_1}"
        );
    }
}
