//! What the picture is drawn from: the outline of the load, its last second, and a short memory.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::{LoadOutline, Progress};

/// Seconds that are remembered for the small curve.
const MEMORY: usize = 60;

/// What is known of a run that goes on.
#[derive(Debug, Default)]
pub(super) struct State {
    began: Option<Instant>,
    /// What the load is going to be; `None` before it begins.
    pub(super) outline: Option<LoadOutline>,
    /// The last second that is complete.
    pub(super) progress: Option<Progress>,
    /// Requests finished in each of the last seconds, per group.
    pub(super) finished: Vec<VecDeque<u64>>,
}

impl State {
    /// The load begins now.
    pub(super) fn begin(&mut self, outline: LoadOutline) {
        self.began = Some(Instant::now());
        self.outline = Some(outline);
    }

    /// Takes in a second.
    pub(super) fn take(&mut self, progress: Progress) {
        self.finished
            .resize_with(progress.groups.len(), VecDeque::new);
        for (memory, group) in self.finished.iter_mut().zip(&progress.groups) {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back(group.last_second[2]);
        }
        self.progress = Some(progress);
    }

    /// Time since the load began.
    pub(super) fn since_begin(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }
}
