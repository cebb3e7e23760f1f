//! One thread's own recorder: it holds the window that is now and hands over each that has passed.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::{Distinct, Names, Phase, ReplicaTally, RequestTally, Tally, TallyPool, Window};
use crate::model::{ErrorClass, Grid, Nanos, Outcome, Reason, ReplicaId, Sample};

/// What a thread sends to the collector.
#[derive(Debug)]
pub enum ThreadMessage {
    /// The windows of a span that has passed.
    Passed(Passed),
    /// The thread has ended by itself; nothing more comes.
    End {
        /// The thread's number.
        thread: usize,
        /// CPU time over the measured part.
        cpu: CpuTime,
        /// Of each group the names that it did not tell apart.
        beyond: Vec<Distinct>,
    },
}

/// CPU time of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    pub used: Nanos,
    /// The time for which it could have run, and others did; 0 where the kernel does not say.
    pub waited: Nanos,
}

impl CpuTime {
    /// What was added since an earlier reading.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            used: self.used.since(earlier.used),
            waited: self.waited.since(earlier.waited),
        }
    }
}

/// What one thread counted in one span.
#[derive(Debug)]
pub struct Passed {
    /// The thread's number.
    pub thread: usize,
    /// When the span began, in nanoseconds from the beginning of the measured part. The thread may
    /// still add to it, for an arrival may be met shortly after it was due.
    pub start: i64,
    /// How long it was.
    pub length: Nanos,
    /// One of the measured part for each group, and those of the warm-up that have anything in them.
    pub windows: Vec<Window>,
    /// CPU time the thread used since the span before.
    pub cpu: Nanos,
    /// Where its memory goes back to.
    pub(super) back: Sender<TallyPool>,
}

/// One finished request, as the engine saw it.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// Its place among the group's requests.
    pub request: usize,
    pub due: Nanos,
    pub released: Nanos,
    pub sent: Nanos,
    pub done: Nanos,
    pub outcome: Outcome,
    /// The replica's name as it stands in the answer; empty when it names none.
    pub name: &'a [u8],
    /// Upstream servers the proxy says it tried; 0 where it does not say.
    pub tries: u16,
    /// What [`Recorder::finished`] gave for the answer before on this connection.
    pub previous: Option<usize>,
}

/// What a thread's recorder has to know.
#[derive(Clone, Debug)]
pub struct RecorderOptions {
    /// The thread's number.
    pub thread: usize,
    /// For each group the names of its requests; none where it has only one.
    pub groups: Vec<Vec<String>>,
    /// The instant the measured part begins; requests due before are warm-up.
    pub measured_from: Nanos,
    /// How time is cut into windows.
    pub grid: Grid,
    /// How many names of replicas each group may tell apart.
    pub most_names: usize,
    /// Tells the CPU time of the thread that calls it.
    pub cpu_clock: fn() -> CpuTime,
}

/// A thread's recorder. One writer, no lock; allocates once a window, never per request, and its
/// histograms go round between it and the collector.
#[derive(Debug)]
pub struct Recorder {
    options: RecorderOptions,
    /// Where the window that is now begins, from the beginning of the measured part.
    start: i64,
    length: Nanos,
    /// When it began; arrivals due before it belong to the one before.
    began: Nanos,
    ends: Nanos,
    groups: Vec<Group>,
    out: Sender<ThreadMessage>,
    pool: TallyPool,
    back: (Sender<TallyPool>, Receiver<TallyPool>),
    cpu_at_last: Nanos,
    cpu_at_start: Option<CpuTime>,
}

#[derive(Debug, Default)]
struct Group {
    names: Names,
    requests: Vec<String>,
    /// By phase: the warm-up's, and the measured part's.
    phases: [Current; 2],
}

/// What is counted now, of one group and phase.
#[derive(Debug, Default)]
struct Current {
    tally: Tally,
    by_name: Vec<ReplicaTally>,
    /// By the request's place; empty where the group has only one.
    by_request: Vec<RequestTally>,
    /// Arrivals met in this window that were due in the one before.
    planned_before: u64,
}

impl Recorder {
    /// A recorder that hands its windows to `out`.
    #[must_use]
    pub fn new(options: RecorderOptions, out: Sender<ThreadMessage>) -> Self {
        // For each group the window that is now, and the one on its way to the collector and back.
        let pool = TallyPool::telling_apart(options.most_names);
        let mut pool = pool.stocked(2 * options.groups.len());
        let group = |requests: &Vec<String>| Group {
            phases: [Tally::default(), pool.tally()]
                .map(|tally| Current::of(tally, requests.len())),
            requests: requests.clone(),
            names: Names::at_most(options.most_names),
        };
        let groups = options.groups.iter().map(group).collect();
        let mut recorder = Self {
            options,
            start: 0,
            length: Nanos::SECOND,
            began: Nanos::ZERO,
            ends: Nanos::ZERO,
            groups,
            out,
            pool,
            back: channel(),
            cpu_at_last: Nanos::ZERO,
            cpu_at_start: None,
        };
        recorder.begin_window_of(Nanos::ZERO);
        recorder
    }

    /// When the window that is now ends.
    #[must_use]
    pub const fn next_boundary(&self) -> Nanos {
        self.ends
    }

    /// Begins the window that an instant lies in.
    fn begin_window_of(&mut self, at: Nanos) {
        let from = self.options.measured_from.0;
        let at = at.0.cast_signed() - from.cast_signed();
        (self.start, self.length) = self.options.grid.window_at(at);
        self.began = Nanos(from.saturating_add_signed(self.start));
        let end = self.start.saturating_add_unsigned(self.length.0);
        self.ends = Nanos(from.saturating_add_signed(end));
    }

    /// Tells the time, so that a window that has passed is handed over.
    #[inline]
    pub fn turn(&mut self, now: Nanos) {
        if now >= self.ends {
            self.pass_on(now);
        }
    }

    #[cold]
    fn pass_on(&mut self, now: Nanos) {
        if self.cpu_at_start.is_none() && now >= self.options.measured_from {
            let cpu = (self.options.cpu_clock)();
            (self.cpu_at_start, self.cpu_at_last) = (Some(cpu), cpu.used);
        }
        self.hand_over();
        // A thread that was not run for seconds has nothing to say of them.
        self.begin_window_of(now);
    }

    #[inline]
    fn current(&mut self, group: usize, due: Nanos) -> &mut Current {
        let phase = usize::from(due >= self.options.measured_from);
        &mut self.groups[group].phases[phase]
    }

    /// An arrival was due at `due`, and met now.
    #[inline]
    pub fn planned(&mut self, group: usize, request: usize, due: Nanos) {
        let is_late = due < self.began;
        let current = self.current(group, due);
        if is_late {
            current.planned_before += 1;
        } else {
            current.tally.counts.planned += 1;
        }
        // By name it is this window's, late or not: nobody draws names by the window.
        if let Some(tally) = current.by_request.get_mut(request) {
            tally.counts.planned += 1;
        }
    }

    /// A request due at `due` was handed to the kernel.
    #[inline]
    pub fn sent(&mut self, group: usize, request: usize, due: Nanos) {
        let current = self.current(group, due);
        current.tally.counts.sent += 1;
        if let Some(tally) = current.by_request.get_mut(request) {
            tally.counts.sent += 1;
        }
    }

    /// An arrival due at `due` was given up.
    pub fn dropped(&mut self, group: usize, request: usize, due: Nanos) {
        let current = self.current(group, due);
        current.tally.counts.dropped += 1;
        if let Some(tally) = current.by_request.get_mut(request) {
            tally.counts.dropped += 1;
        }
    }

    /// Why a request due at `due` failed by this class; asked for the first of a window.
    pub fn explain(
        &mut self,
        group: usize,
        due: Nanos,
        class: ErrorClass,
        why: impl FnOnce() -> Reason,
    ) {
        let reasons = &mut self.current(group, due).tally.reasons;
        reasons.entry(class).or_insert_with(why);
    }

    /// What became of a group's connections. They are the measured part's, whenever they are made:
    /// they stay for it.
    pub fn connections(&mut self, group: usize) -> &mut super::Connections {
        &mut self.groups[group].phases[Phase::Measured as usize]
            .tally
            .counts
            .connections
    }

    /// A request is finished. Gives the number of the replica that its answer names.
    #[inline]
    pub fn finished(&mut self, group: usize, request: Finished<'_>) -> Option<usize> {
        self.turn(request.done);
        let phase = usize::from(request.due >= self.options.measured_from);
        let Self { groups, pool, .. } = self;
        let Group { names, phases, .. } = &mut groups[group];
        let sample = Sample {
            due: request.due,
            released: request.released,
            sent: request.sent,
            done: request.done,
            outcome: request.outcome,
            tries: request.tries,
        };
        let named = (!request.name.is_empty()).then(|| names.index_of(request.name));
        if let Some(place) = names.take_given_up() {
            for current in phases.iter_mut() {
                current.give_up_name(place, names.others());
            }
        }
        let current = &mut phases[phase];
        if current.by_name.len() < names.len() {
            (current.by_name).resize_with(names.len(), || pool.replica());
        }
        let connections = &mut current.tally.counts.connections;
        match (request.previous, named) {
            (Some(previous), Some(now)) if previous == now => connections.same_replica += 1,
            (Some(_), Some(_)) => connections.other_replica += 1,
            _ => {}
        }
        let replica = named.map(|index| &mut current.by_name[index]);
        if let Some(tally) = current.by_request.get_mut(request.request) {
            tally.finish(&sample, replica.is_some());
        }
        current.tally.finish(&sample, replica);
        named
    }

    /// Hands over what is left and says good-bye.
    pub fn end(mut self) {
        let cpu = (self.options.cpu_clock)().since(self.cpu_at_start.unwrap_or_default());
        // A run that ended in its warm-up has an empty first window.
        self.start = self.start.max(0);
        self.hand_over();
        // The collector outlives every thread; if it is gone, nobody is left to tell.
        let _ = self.out.send(ThreadMessage::End {
            thread: self.options.thread,
            cpu,
            beyond: (self.groups.iter())
                .map(|group| group.names.beyond().clone())
                .collect(),
        });
    }

    fn hand_over(&mut self) {
        let cpu = (self.options.cpu_clock)().used;
        for pool in self.back.1.try_iter() {
            self.pool.absorb(pool);
        }
        let (start, length) = (self.start, self.length);
        // Arrivals that were met late belong to the window before.
        let (start_before, length_before) = self.options.grid.window_at(start - 1);
        let mut windows = Vec::new();
        for (place, group) in self.groups.iter_mut().enumerate() {
            for (phase, current) in Phase::ALL.into_iter().zip(&mut group.phases) {
                let is_due = match phase {
                    Phase::WarmUp => !current.is_empty(),
                    // What is counted of it before it begins, connections, is its first window's.
                    Phase::Measured => start >= 0,
                };
                if is_due {
                    let window = |start, length, tally| Window {
                        group: place,
                        phase,
                        start,
                        length,
                        tally,
                    };
                    let tally = current.take(&group.names, &group.requests, &mut self.pool);
                    windows.push(window(start, length, tally));
                    let before = current.take_late(&mut self.pool);
                    windows.extend(before.map(|late| window(start_before, length_before, late)));
                }
            }
        }
        let passed = Passed {
            thread: self.options.thread,
            start,
            length,
            windows,
            cpu: cpu.since(self.cpu_at_last),
            back: self.back.0.clone(),
        };
        self.cpu_at_last = cpu;
        let _ = self.out.send(ThreadMessage::Passed(passed));
    }
}

impl Current {
    fn of(tally: Tally, n_requests: usize) -> Self {
        Self {
            tally,
            by_request: vec![RequestTally::default(); n_requests],
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        let counts = &self.tally.counts;
        let counted = counts.planned + counts.sent + counts.dropped + self.planned_before;
        counted == 0 && self.tally.response.is_empty()
    }

    /// The arrivals that were due in the window before, if there are any.
    fn take_late(&mut self, pool: &mut TallyPool) -> Option<Tally> {
        let late = std::mem::take(&mut self.planned_before);
        (late > 0).then(|| {
            let mut before = pool.tally();
            before.counts.planned = late;
            before
        })
    }

    /// Counts what has this place among all others from now on.
    fn give_up_name(&mut self, place: usize, others: usize) {
        if self.by_name.len() <= place {
            return;
        }
        self.by_name.resize_with(others + 1, ReplicaTally::default);
        let (named, others) = self.by_name.split_at_mut(others);
        others[0].add(&named[place]);
        named[place].empty();
    }

    fn take(&mut self, names: &Names, requests: &[String], pool: &mut TallyPool) -> Tally {
        let mut tally = std::mem::replace(&mut self.tally, pool.tally());
        let counted = requests.iter().zip(&mut self.by_request);
        for (name, request) in counted.filter(|(_, request)| !request.is_empty()) {
            let counted = std::mem::replace(request, pool.request());
            tally.requests.insert(name.clone(), counted);
        }
        let met = names.iter().zip(&mut self.by_name);
        for (name, replica) in met.filter(|(_, replica)| replica.requests > 0) {
            let replica = std::mem::replace(replica, pool.replica());
            // Names that differ in bytes which are no text look the same as text.
            match tally.replicas.entry(ReplicaId(name)) {
                std::collections::btree_map::Entry::Occupied(same) => same.into_mut().add(&replica),
                std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(replica)),
            }
        }
        tally
    }
}
