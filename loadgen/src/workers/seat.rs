//! One task of a worker: what it said so far, and whether it may say what it says now.

use super::message::{Final, Hello, Late, Message, Ready};
use super::task::{Fault, Task};
use crate::record::IntervalRecord;

/// A task, and what is known by it.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) task: Task,
    pub(super) hello: Option<Hello>,
    pub(super) ready: Option<Ready>,
    pub(super) late: Option<Late>,
    has_ended: bool,
    /// Whether nothing more is taken of it.
    pub(super) is_refused: bool,
}

/// What a message means for the worker.
#[derive(Debug)]
pub(super) enum Seated {
    Nothing,
    Interval(Box<IntervalRecord>),
    Final(Box<Final>),
    /// It sends nothing, or nothing more.
    Ended,
}

impl Seat {
    pub(super) fn new(task: &str) -> Self {
        Self {
            task: Task::new(task.to_owned()),
            hello: None,
            ready: None,
            late: None,
            has_ended: false,
            is_refused: false,
        }
    }

    /// Takes in a message, of a task that must have this plan and be one of so many workers.
    pub(super) fn hear(
        &mut self,
        message: Message,
        plan: &str,
        workers: u32,
    ) -> Result<Seated, Fault> {
        if self.has_ended {
            return Err(Fault::AfterEnd);
        }
        if let Message::Hello(hello) = message {
            if hello.plan != plan {
                let shown = hello.plan.chars().take(64).collect();
                return Err(Fault::OtherPlan(shown));
            }
            if hello.of != workers {
                return Err(Fault::OtherCount {
                    found: hello.of,
                    expected: workers,
                });
            }
            self.hello = Some(hello);
            return Ok(Seated::Nothing);
        }
        if self.hello.is_none() {
            return Err(Fault::NoHello);
        }
        Ok(match message {
            Message::Interval(interval) => Seated::Interval(interval),
            Message::Hello(_) | Message::Tick(_) => Seated::Nothing,
            Message::Ready(ready) => {
                self.ready = Some(ready);
                Seated::Nothing
            }
            Message::Late(late) => {
                (self.late, self.has_ended) = (Some(late), true);
                Seated::Ended
            }
            Message::Error(complaint) => {
                self.has_ended = true;
                return Err(Fault::Said(complaint.reason.chars().take(500).collect()));
            }
            Message::Final(last) => {
                self.has_ended = true;
                Seated::Final(last)
            }
        })
    }
}
