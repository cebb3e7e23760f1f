//! Folds the windows of all threads into those of the run, and these into the whole.

use super::{Passed, Recording, TallyPool, ThreadHealth, ThreadMessage, Window, Windows};
use crate::model::{Nanos, Progress};

/// Folds what the threads hand over. Memory grows with groups and threads, not with time (but for a
/// [point of the time line](super::TimelinePoint) a window).
#[derive(Debug)]
pub struct Collector {
    open: Windows,
    /// Short windows that are closed, folded to seconds that are not.
    seconds: Windows,
    /// The start of the first window that each thread may still add to; `None` once it has ended.
    at: Vec<Option<i64>>,
    recording: Recording,
    pool: TallyPool,
}

impl Collector {
    /// A collector for groups of these names, fed by `threads` threads, each group of which tells so
    /// many names of replicas apart.
    #[must_use]
    pub fn new(names: Vec<String>, threads: usize, most_names: usize) -> Self {
        // For each group the total, the window that is open, and the one before it.
        let mut pool = TallyPool::telling_apart(most_names).stocked(3 * names.len());
        let recording = Recording {
            threads: vec![ThreadHealth::default(); threads],
            ..Recording::of(names, &mut pool)
        };
        Self {
            open: Windows::default(),
            seconds: Windows::default(),
            at: vec![Some(i64::MIN); threads],
            recording,
            pool,
        }
    }

    /// Takes back the memory of windows that were passed on.
    pub fn recycle(&mut self, windows: Vec<Window>) {
        for window in windows {
            self.pool.give(window.tally);
        }
    }

    /// Takes in what a thread handed over; returns the windows that are complete by it.
    pub fn accept(&mut self, message: ThreadMessage) -> Vec<Window> {
        match message {
            ThreadMessage::Passed(passed) => self.fold(passed),
            ThreadMessage::End {
                thread,
                cpu,
                beyond,
            } => {
                self.recording.add_beyond(&beyond);
                self.at[thread] = None;
                self.recording.threads[thread].cpu = cpu.used;
                self.recording.threads[thread].waited = cpu.waited;
                self.recording.threads[thread].finished = true;
            }
        }
        self.close()
    }

    fn fold(&mut self, passed: Passed) {
        let health = &mut self.recording.threads[passed.thread];
        let seconds = passed.length.as_secs_f64().max(1e-9);
        health.busiest_second = (health.busiest_second).max(passed.cpu.as_secs_f64() / seconds);
        // Arrivals due in the window before stay open for one window more.
        self.at[passed.thread] = Some(passed.start);
        let tallies = passed.windows.len();
        let replicas = |window: &Window| window.tally.replicas.len();
        let replicas = passed.windows.iter().map(replicas).sum();
        let requests = passed
            .windows
            .iter()
            .map(|window| window.tally.requests.len());
        let requests = requests.sum();
        for window in passed.windows {
            self.open.add(window, &mut self.pool);
        }
        // A thread that has ended needs no memory back.
        let _ = passed
            .back
            .send(self.pool.part(tallies, replicas, requests));
    }

    /// Closes every window that no thread can add to any more, and gives away the seconds that are
    /// complete by it.
    fn close(&mut self) -> Vec<Window> {
        let reached = self.at.iter().filter_map(|at| *at).min();
        let reached = reached.unwrap_or(i64::MAX);
        let closed: Vec<_> = self.open.take_before(reached).collect();
        for window in closed {
            self.recording.keep_moment(&window);
            self.seconds.add(window.into_second(), &mut self.pool);
        }
        // A second is complete when the last of its windows is: the one that ends with it.
        let complete = reached.saturating_sub_unsigned(Nanos::SECOND.0 - 1);
        let closed: Vec<_> = self.seconds.take_before(complete).collect();
        for window in &closed {
            self.recording.add(window, &mut self.pool);
        }
        closed
    }

    /// What to tell a watcher after `windows` were closed; nothing where none was of the measured
    /// part.
    #[must_use]
    pub fn progress(&self, windows: &[Window]) -> Option<Progress> {
        self.recording.progress(windows)
    }

    /// Closes what is still open, as after a thread was lost, and gives the recording away.
    #[must_use]
    pub fn finish(mut self) -> (Recording, Vec<Window>) {
        self.at.fill(None);
        let windows = self.close();
        (self.recording, windows)
    }
}
