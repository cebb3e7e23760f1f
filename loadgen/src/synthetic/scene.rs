//! What a run looks like whose page is drawn in tests: who is slow, who starves, what fails.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::noise::{Noise, SecondNoise};
use super::run::{Fate, Run, Setup};
use crate::checks::tail_shares;
use crate::model::{ErrorClass, Nanos, Outcome};
use crate::record::{
    Balance, BalanceVerdict, Certificate, CountVerdict, CrossCheck, Ground, GroupJudgement,
    Judgement, Pairing, Record, Residual, Status, Verdict, assemble,
};
use crate::recorder::Tally;

/// What a synthetic run looks like.
#[derive(Clone, Debug)]
pub struct Scene {
    pub host: &'static str,
    pub seconds: u64,
    pub rate: u64,
    pub replicas: Vec<&'static str>,
    /// Typical service time, in microseconds.
    pub base: f64,
    /// The replica, and from which second, that is ten times slower.
    pub slow: Option<(usize, u64)>,
    /// The replica, and the seconds, in which it gets nothing.
    pub starved: Option<(usize, std::ops::Range<u64>)>,
    /// The share of answers that are 500.
    pub failing: f64,
    /// Whether anything answers at all.
    pub answers: bool,
    /// Send lag, in microseconds.
    pub lag: f64,
    /// The seconds in which two arrivals in five are given up.
    pub given_up: std::ops::Range<u64>,
    /// What makes seconds depend on one another, and runs differ.
    pub noise: Noise,
    pub seed: u64,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            host: "app-group-1",
            seconds: 10,
            rate: 500,
            replicas: vec!["782bf3ef4322", "a90c11d7e85b"],
            base: 420.0,
            slow: None,
            starved: None,
            failing: 0.0,
            answers: true,
            lag: 34.0,
            given_up: 0..0,
            noise: Noise::default(),
            seed: 1,
        }
    }
}

impl Scene {
    /// The run of this scene.
    #[must_use]
    pub fn run(&self) -> Run {
        let setup = Setup {
            host: self.host.into(),
            replicas: self.replicas.iter().map(|id| (*id).to_owned()).collect(),
            rate: self.rate as f64,
            seconds: self.seconds,
            connections: 4,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut noise = self.noise.over(self.seed);
        let (mut turn, mut now) = (0, noise.next());
        setup.run(|k, _due| {
            let number = k % self.rate;
            let second = (k / self.rate).checked_sub(1);
            if number == 0 && second.is_some_and(|second| second > 0) {
                now = noise.next();
            }
            self.fate(second, number, &mut turn, &mut rng, &now)
        })
    }

    /// The record of this scene, in which nothing was found.
    #[must_use]
    pub fn record(&self) -> Record {
        let run = self.run();
        let evidence = run.evidence();
        let groups = evidence.recording.groups.iter();
        let groups = groups.map(|group| self.judgement(&group.measured));
        let judgement = Judgement {
            events: Vec::new(),
            verdict: Verdict {
                status: Status::Pass,
                exit_code: 0,
            },
            findings: Vec::new(),
            groups: groups.collect(),
            thresholds: Vec::new(),
            certificate: Certificate::default(),
        };
        let mut record = assemble(&evidence, &judgement, run.intervals);
        for group in &mut record.groups {
            for replica in &mut group.replicas {
                replica.counted = Some(replica.requests);
            }
        }
        record
    }

    /// What becomes of the request with this number in its second; the warm-up has no second.
    fn fate(
        &self,
        second: Option<u64>,
        number: u64,
        turn: &mut usize,
        rng: &mut ChaCha8Rng,
        now: &SecondNoise,
    ) -> Fate<'static> {
        let lag = self.lag * 1e3 * (0.6 + rng.random::<f64>() * rng.random::<f64>() * 2.0);
        let given_up = second.is_some_and(|second| self.given_up.contains(&second));
        let mut fate = Fate {
            lag: Nanos(lag as u64),
            service: None,
            outcome: Outcome::Failed(ErrorClass::Connect),
            name: "",
        };
        if given_up && number % 5 >= 3 {
            return fate;
        }
        if !self.answers {
            fate.service = Some(Nanos((90e3 + 40e3 * rng.random::<f64>()) as u64));
            return fate;
        }
        let place = self.turn(second, turn);
        let slow = self.slow.is_some_and(|(which, from)| {
            which == place && second.is_some_and(|second| second >= from)
        });
        let base = self.base * now.factor * if slow { 10.0 } else { 1.0 };
        let noise = -(1.0 - rng.random::<f64>()).ln();
        let spike = if rng.random::<f64>() < 0.004 {
            6.0
        } else {
            1.0
        };
        let held = now.held(number as f64 / self.rate as f64);
        let service = base * 1e3 * (0.8 + 0.25 * noise) * spike + held;
        let ok = rng.random::<f64>() >= self.failing;
        Fate {
            service: Some(Nanos(service as u64)),
            outcome: Outcome::Answered {
                status: if ok { 200 } else { 500 },
            },
            name: self.replicas[place],
            ..fate
        }
    }

    fn turn(&self, second: Option<u64>, turn: &mut usize) -> usize {
        loop {
            let place = *turn % self.replicas.len();
            *turn += 1;
            let starves = |(which, when): &(usize, std::ops::Range<u64>)| {
                *which == place && second.is_some_and(|second| when.contains(&second))
            };
            if !self.starved.as_ref().is_some_and(starves) {
                return place;
            }
        }
    }

    /// What would be said of a quiet group.
    fn judgement(&self, tally: &Tally) -> GroupJudgement {
        let sent = tally.counts.sent;
        GroupJudgement {
            host: self.host.into(),
            requests: BTreeMap::new(),
            balance: Balance {
                policy: "round-robin".into(),
                verdict: if self.answers {
                    BalanceVerdict::Even
                } else {
                    BalanceVerdict::TooFew
                },
                source: "replicas".into(),
                counts: Vec::new(),
                unproven: 0,
                max_minus_min: 0,
                bound: Some(1),
                allowances: BTreeMap::new(),
                identified: None,
                max_over_min: self.answers.then_some(1.0),
                coefficient_of_variation: 0.0,
                p_value: None,
            },
            crosscheck: CrossCheck {
                verdict: CountVerdict::Agree,
                client: sent,
                proxy: Some(sent),
                replicas: Some(sent),
                by_class: Vec::new(),
                by_handler: BTreeMap::new(),
                counted_by: None,
                residuals: Vec::new(),
                excluded: vec![Residual {
                    name: "warm-up".into(),
                    count: self.rate.cast_signed(),
                    side: "replicas".into(),
                    note: None,
                }],
                unnamed: 0,
            },
            server_time: None,
            tail_share: tail_shares(tally),
            replicas: self.pairings(tally),
        }
    }

    /// Every replica, with the name that its page has.
    fn pairings(&self, tally: &Tally) -> Vec<Pairing> {
        let met = tally.replicas.keys().map(|id| id.0.as_str());
        let known = self.replicas.iter().copied();
        let ids: std::collections::BTreeSet<&str> = known.chain(met).collect();
        let pairing = |id: &str| Pairing {
            id: id.to_owned(),
            page: self.replicas.contains(&id).then(|| id.to_owned()),
            name: Some(id.to_owned()),
            ground: Some(Ground::Answer),
        };
        ids.into_iter().map(pairing).collect()
    }
}
