//! One thread's own recorder: it holds the second that is now and hands over each that has passed.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::{Names, ReplicaTally, Spare, Tally};
use crate::model::{Nanos, Outcome, ReplicaId, Sample};

/// What a thread sends to the collector.
#[derive(Debug)]
pub enum HandOver {
    /// A second that has passed.
    Second(Second),
    /// The thread has ended by itself; nothing more comes.
    End {
        /// The thread's number.
        thread: usize,
        /// CPU time it used over the measured part.
        cpu: Nanos,
    },
}

/// One second of one thread.
#[derive(Debug)]
pub struct Second {
    /// The thread's number.
    pub thread: usize,
    /// Seconds since the measured part began.
    pub number: u64,
    /// One tally per group, in plan order.
    pub tallies: Vec<Tally>,
    /// Arrivals, per group, met in this second that were due in the one before.
    pub planned_before: Vec<u64>,
    /// CPU time the thread used since the second before.
    pub cpu: Nanos,
    /// Where its memory goes back to.
    back: Sender<Spare>,
}

impl Second {
    /// Empties the tallies and gives their memory back to the thread.
    pub fn give_back(self) {
        let mut spare = Spare::default();
        for tally in self.tallies {
            spare.give(tally);
        }
        // A thread that has ended needs none.
        let _ = self.back.send(spare);
    }
}

/// One finished request, as the engine saw it.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// When it was due.
    pub due: Nanos,
    /// When it was sent.
    pub sent: Nanos,
    /// When it was done.
    pub done: Nanos,
    /// What became of it.
    pub outcome: Outcome,
    /// The replica's name as it stands in the answer; empty when it names none.
    pub name: &'a [u8],
    /// Upstream servers tried.
    pub tries: u16,
}

/// A thread's recorder. One writer, no lock; allocates once a second, never per request, and its
/// histograms go round between it and the collector.
#[derive(Debug)]
pub struct Recorder {
    thread: usize,
    /// The instant the measured part begins; requests due before are warm-up.
    measured_from: Nanos,
    number: u64,
    groups: Vec<Group>,
    out: Sender<HandOver>,
    spare: Spare,
    back: (Sender<Spare>, Receiver<Spare>),
    cpu_clock: fn() -> Nanos,
    cpu_at_last: Nanos,
    cpu_at_start: Option<Nanos>,
}

#[derive(Debug, Default)]
struct Group {
    tally: Tally,
    names: Names,
    by_name: Vec<ReplicaTally>,
    planned_before: u64,
}

impl Recorder {
    /// A recorder for `groups` groups that hands its seconds to `out`. `cpu_clock` tells the CPU
    /// time of the thread that calls it.
    #[must_use]
    pub fn new(
        thread: usize,
        groups: usize,
        measured_from: Nanos,
        out: Sender<HandOver>,
        cpu_clock: fn() -> Nanos,
    ) -> Self {
        // For each group the second that is now, and the one on its way to the collector and back.
        let mut spare = Spare::stocked(2 * groups);
        let group = || Group {
            tally: spare.tally(),
            ..Group::default()
        };
        Self {
            thread,
            measured_from,
            number: 0,
            groups: std::iter::repeat_with(group).take(groups).collect(),
            out,
            spare,
            back: channel(),
            cpu_clock,
            cpu_at_last: Nanos::ZERO,
            cpu_at_start: None,
        }
    }

    /// When the second that is now ends.
    #[must_use]
    pub const fn next_boundary(&self) -> Nanos {
        self.measured_from
            .plus(Nanos((self.number + 1) * Nanos::SECOND.0))
    }

    /// Tells the time, so that a second that has passed is handed over.
    #[inline]
    pub fn turn(&mut self, now: Nanos) {
        if self.cpu_at_start.is_none() && now >= self.measured_from {
            let cpu = (self.cpu_clock)();
            (self.cpu_at_start, self.cpu_at_last) = (Some(cpu), cpu);
        }
        if now >= self.next_boundary() {
            self.hand_over();
            // A thread that was not run for seconds has nothing to say of them.
            self.number = now.since(self.measured_from).0 / Nanos::SECOND.0;
        }
    }

    /// An arrival was due at `due`, and met now.
    #[inline]
    pub fn planned(&mut self, group: usize, due: Nanos) {
        if due < self.measured_from {
            return;
        }
        let group = &mut self.groups[group];
        if due.since(self.measured_from).0 / Nanos::SECOND.0 < self.number {
            group.planned_before += 1;
        } else {
            group.tally.counts.planned += 1;
        }
    }

    /// A request due at `due` was handed to the kernel.
    #[inline]
    pub fn sent(&mut self, group: usize, due: Nanos) {
        let counts = &mut self.groups[group].tally.counts;
        if due < self.measured_from {
            counts.warmup.sent += 1;
        } else {
            counts.sent += 1;
        }
    }

    /// An arrival due at `due` was given up.
    pub fn dropped(&mut self, group: usize, due: Nanos) {
        if due >= self.measured_from {
            self.groups[group].tally.counts.dropped += 1;
        }
    }

    /// A connection was made.
    pub fn connected(&mut self, group: usize) {
        self.groups[group].tally.counts.connections.opened += 1;
    }

    /// A connection could not be made.
    pub fn refused(&mut self, group: usize) {
        self.groups[group].tally.counts.connections.refused += 1;
    }

    /// The peer ended a connection between two requests.
    pub fn closed_by_peer(&mut self, group: usize) {
        self.groups[group].tally.counts.connections.closed_by_peer += 1;
    }

    /// A request is finished.
    #[inline]
    pub fn finished(&mut self, group: usize, request: Finished<'_>) {
        self.turn(request.done);
        let group = &mut self.groups[group];
        let replica = (!request.name.is_empty()).then(|| group.names.index_of(request.name));
        let sample = Sample {
            due: request.due,
            sent: request.sent,
            done: request.done,
            outcome: request.outcome,
            tries: request.tries,
        };
        if request.due < self.measured_from {
            // By the table, which is bounded, and under the same names as in the measured part.
            let id = replica
                .and_then(|index| group.names.iter().nth(index))
                .map(ReplicaId);
            group.tally.counts.warmup.finish(&sample, id.as_ref());
            return;
        }
        if group.by_name.len() < group.names.len() {
            group
                .by_name
                .resize_with(group.names.len(), || self.spare.replica());
        }
        let tally = replica.map(|index| &mut group.by_name[index]);
        group.tally.finish(&sample, tally);
    }

    /// Hands over what is left and says good-bye.
    pub fn end(mut self) {
        let cpu = (self.cpu_clock)().since(self.cpu_at_start.unwrap_or_default());
        self.hand_over();
        // The collector outlives every thread; if it is gone, nobody is left to tell.
        let _ = self.out.send(HandOver::End {
            thread: self.thread,
            cpu,
        });
    }

    fn hand_over(&mut self) {
        let cpu = (self.cpu_clock)();
        for spare in self.back.1.try_iter() {
            self.spare.absorb(spare);
        }
        let spare = &mut self.spare;
        let second = Second {
            thread: self.thread,
            number: self.number,
            planned_before: self
                .groups
                .iter_mut()
                .map(|group| std::mem::take(&mut group.planned_before))
                .collect(),
            tallies: (self.groups.iter_mut())
                .map(|group| group.take(spare))
                .collect(),
            cpu: cpu.since(self.cpu_at_last),
            back: self.back.0.clone(),
        };
        self.cpu_at_last = cpu;
        let _ = self.out.send(HandOver::Second(second));
    }
}

impl Group {
    fn take(&mut self, spare: &mut Spare) -> Tally {
        let mut tally = std::mem::replace(&mut self.tally, spare.tally());
        let names = self.names.iter().map(ReplicaId);
        let met = (names.zip(&mut self.by_name)).filter(|(_, replica)| replica.requests > 0);
        for (id, replica) in met {
            let replica = std::mem::replace(replica, spare.replica());
            // Names that differ in bytes which are no text look the same as text.
            match tally.replicas.get_mut(&id) {
                Some(same) => same.add(&replica),
                None => drop(tally.replicas.insert(id, replica)),
            }
        }
        tally
    }
}
