//! One generator thread: its runtime, its slice of the schedule, its workers, its recorder.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use super::calls::Calls;
use super::contention::thread_time;
use super::dispatch::{Dispatch, Offer};
use super::pacer::Pacer;
use super::worker::{ClosedLoop, Shared, Worker};
use super::{Clock, Gate, Job, LEAD, Lane, Stop};
use crate::model::Nanos;
use crate::recorder::{Recorder, RecorderOptions, ThreadMessage};
use crate::schedule::{Load, Slice};
use crate::transport::Transport;

/// How long what is in flight may take after a signal asked to stop.
const GRACE: Duration = Duration::from_secs(1);
/// Arrivals that are dispatched before other tasks get their turn.
const BATCH: usize = 32;

/// How a thread ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Whether a signal cut it short.
    pub interrupted: bool,
    /// Until when arrivals were released.
    pub arrivals_until: Nanos,
}

/// Starts generator thread `number`.
pub fn spawn<T, F>(
    number: usize,
    job: &Job,
    transport: F,
    (out, gate): (Sender<ThreadMessage>, Gate),
    stop: watch::Receiver<Stop>,
) -> std::io::Result<JoinHandle<Result<Ended, String>>>
where
    T: Transport,
    F: Fn(Lane) -> Result<T, String> + Send + 'static,
{
    let job = job.clone();
    std::thread::Builder::new()
        .name(format!("generator-{number}"))
        .spawn(move || {
            tighten_timers();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return gate.shut(number, format!("no runtime: {error}")),
            };
            let local = LocalSet::new();
            let ended = local.block_on(&runtime, async {
                let recorder = Recorder::new(recorder_options(number, &job), out);
                let (pacer, lanes) = match equipment(&job, transport) {
                    Ok(equipment) => equipment,
                    Err(reason) => return gate.shut(number, reason),
                };
                let Some(clock) = gate.pass() else {
                    return Err("another thread could not be set up".to_owned());
                };
                let thread = Thread::new(number, &job, clock, recorder, pacer, &lanes);
                thread.run(stop).await
            });
            // Whatever is still in flight is dropped with the set, and stays unfinished.
            drop(local);
            ended
        })
}

fn recorder_options(thread: usize, job: &Job) -> RecorderOptions {
    RecorderOptions {
        thread,
        groups: job
            .groups
            .iter()
            .map(|group| group.requests.clone())
            .collect(),
        measured_from: job.measured_from(),
        grid: job.grid.clone(),
        most_names: job.most_names,
        cpu_clock: thread_time,
    }
}

/// What a thread needs and may not get. Making it can take long (certificates are read), and so it
/// is made before the time line begins.
fn equipment<T, F>(job: &Job, transport: F) -> Result<(Pacer, Lanes<T>), String>
where
    T: Transport,
    F: Fn(Lane) -> Result<T, String>,
{
    let pacer =
        Pacer::new(job.spin, job.peak_of_thread()).map_err(|error| format!("no timer: {error}"))?;
    let lanes = job.groups.iter().enumerate().flat_map(|(group, planned)| {
        (0..planned.lanes.max(1)).map(move |number| Lane { group, number })
    });
    let lanes = lanes.map(|lane| Ok((lane, Rc::new(transport(lane)?))));
    Ok((pacer, lanes.collect::<Result<_, String>>()?))
}

/// Every lane of every group with its transport.
type Lanes<T> = Vec<(Lane, Rc<T>)>;

/// Lets the kernel delay this thread's timers by 1 ns instead of 50 µs.
fn tighten_timers() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

struct Thread {
    job: Job,
    number: usize,
    shared: Rc<Shared>,
    pacer: Pacer,
    lines: Vec<Line>,
    workers: JoinSet<()>,
}

/// This thread's part of one lane.
struct Line {
    /// The group's place in the job.
    group: usize,
    arrivals: Option<std::iter::Peekable<Box<dyn Iterator<Item = Nanos>>>>,
    calls: Rc<Calls>,
    dispatch: Rc<Dispatch>,
    closed: Option<Rc<ClosedLoop>>,
}

impl Thread {
    fn new<T: Transport>(
        number: usize,
        job: &Job,
        clock: Clock,
        recorder: Recorder,
        pacer: Pacer,
        lanes: &Lanes<T>,
    ) -> Self {
        let shared = Rc::new(Shared {
            clock,
            recorder: RefCell::new(recorder),
            patience: job.patience.into(),
            name_source: job.name_source.clone(),
            keep_alive: job.keep_alive,
        });
        let mut thread = Self {
            job: job.clone(),
            number,
            shared,
            pacer,
            lines: Vec::new(),
            workers: JoinSet::new(),
        };
        for (lane, transport) in lanes {
            let line = thread.line(*lane, transport);
            thread.lines.push(line);
        }
        thread
    }

    /// Sets up this thread's part of a lane, and starts its workers.
    fn line<T: Transport>(&mut self, lane: Lane, transport: &Rc<T>) -> Line {
        let group = &self.job.groups[lane.group];
        let in_turn = Slice {
            index: lane.number,
            of: group.lanes.max(1),
        };
        let within = in_turn.sliced(self.job.slice_of(self.number));
        let connections = share(group.connections as u64, within).max(1) as usize;
        let slice = group.slice.sliced(within);
        let calls = Rc::new(Calls::new(group.choice.clone(), slice));
        let (arrivals, closed, most_queued) = match &group.load {
            Load::Open { schedule } => {
                let peak = schedule.profile.peak() / slice.of as f64;
                let most_queued = (peak * self.job.patience.as_secs_f64()).ceil().max(1.0) as usize;
                let arrivals: Box<dyn Iterator<Item = Nanos>> =
                    Box::new(schedule.arrivals(slice).map(|due| LEAD.plus(due)));
                (
                    Some(arrivals.peekable()),
                    None,
                    most_queued.max(connections),
                )
            }
            Load::Closed { requests } => {
                let limits = ClosedLoop {
                    from: LEAD,
                    until: self.job.end(),
                    measured_from: self.job.measured_from(),
                    left: Cell::new(requests.map_or(u64::MAX, |n| share(n, slice))),
                    stopped: Cell::new(false),
                    calls: Rc::clone(&calls),
                };
                (None, Some(Rc::new(limits)), 1)
            }
        };
        let dispatch = Rc::new(Dispatch::new(connections, most_queued));
        for number in 0..connections {
            let worker = Worker {
                shared: Rc::clone(&self.shared),
                group: lane.group,
                number,
                transport: Rc::clone(transport),
                dispatch: Rc::clone(&dispatch),
                named: Cell::new(None),
            };
            match &closed {
                Some(limits) => self
                    .workers
                    .spawn_local(worker.closed_loop(Rc::clone(limits))),
                None => self.workers.spawn_local(worker.open_loop()),
            };
        }
        Line {
            group: lane.group,
            arrivals,
            calls,
            dispatch,
            closed,
        }
    }

    /// Releases arrivals until they are over or a signal comes, then waits for what is in flight.
    async fn run(mut self, mut stop: watch::Receiver<Stop>) -> Result<Ended, String> {
        let end = self.job.end();
        let closed = self.lines.iter().all(|line| line.closed.is_some());
        let interrupted = {
            let load = async {
                if closed {
                    // Its workers know when to stop: at the end, or when their number is up.
                    let limit = Duration::from(end) + drain_limit(&self.job);
                    drain(&self.shared, &self.pacer, &mut self.workers, limit).await;
                } else {
                    release(&self.shared, &self.pacer, &mut self.lines, end).await;
                }
            };
            let stopped = stop.wait_for(|stop| *stop == Stop::Soon);
            tokio::pin!(load, stopped);
            tokio::select! { biased; () = load => false, _ = stopped => true }
        };
        let released = self.shared.clock.now();
        if interrupted {
            self.give_up_queue();
        }
        for line in &self.lines {
            line.dispatch.end();
        }
        let limit = if interrupted {
            GRACE
        } else {
            drain_limit(&self.job)
        };
        let waited = {
            let shared = Rc::clone(&self.shared);
            let stopped = async { stop.wait_for(|stop| *stop == Stop::Soon).await.is_ok() };
            let drained = drain(&shared, &self.pacer, &mut self.workers, limit);
            tokio::pin!(drained);
            if interrupted {
                drained.await;
                false
            } else {
                tokio::select! { biased; () = &mut drained => false, stopped = stopped => stopped }
            }
        };
        if waited {
            self.give_up_queue();
            drain(&self.shared, &self.pacer, &mut self.workers, GRACE).await;
        }
        self.workers.abort_all();
        while self.workers.join_next().await.is_some() {}
        // Empty as a rule; whatever cut the drain short, no arrival is lost from the counts.
        self.give_up_queue();
        let early = interrupted || closed;
        let arrivals_until = if early { released.min(end) } else { end };
        drop(self.lines);
        let shared = Rc::into_inner(self.shared).ok_or("a worker outlived its thread")?;
        shared.recorder.into_inner().end();
        Ok(Ended {
            interrupted: interrupted || waited,
            arrivals_until,
        })
    }

    /// Counts what waits in the queues as dropped.
    fn give_up_queue(&self) {
        for line in &self.lines {
            if let Some(limits) = &line.closed {
                limits.stopped.set(true);
            }
            while let Some(arrival) = line.dispatch.take() {
                let mut recorder = self.shared.recorder.borrow_mut();
                recorder.dropped(line.group, arrival.call.request, arrival.due);
            }
        }
    }
}

/// Releases each arrival when it is due, and hands over each second when it has passed.
async fn release(shared: &Shared, pacer: &Pacer, lines: &mut [Line], end: Nanos) {
    let mut batch = 0;
    let mut woken = Nanos::ZERO;
    loop {
        let next = (lines.iter_mut().enumerate())
            .filter_map(|(place, line)| Some((*line.arrivals.as_mut()?.peek()?, place)))
            .min();
        let now = shared.clock.now();
        match next {
            Some((due, place)) if due <= now && batch < BATCH => {
                batch += 1;
                let line = &mut lines[place];
                let mut recorder = shared.recorder.borrow_mut();
                recorder.turn(now);
                let call = line.calls.next();
                recorder.planned(line.group, call.request, due);
                if line.dispatch.offer(due, call, now) == Offer::Refused {
                    recorder.dropped(line.group, call.request, due);
                }
                line.arrivals.as_mut().and_then(Iterator::next);
                continue;
            }
            None if now >= end => return,
            _ => {}
        }
        batch = 0;
        shared.recorder.borrow_mut().turn(now);
        let due = next.map_or(end, |(due, _)| due);
        let boundary = shared.recorder.borrow().next_boundary();
        let at = due.min(boundary).max(woken.plus(pacer.hold()));
        pacer.wait_until(shared.clock, at).await;
        woken = shared.clock.now();
    }
}

/// The longest that draining can take: a wait in the queue, then a connection, then an answer.
fn drain_limit(job: &Job) -> Duration {
    job.longest().since(job.end()).into()
}

/// Waits for the workers, and goes on handing over seconds meanwhile.
async fn drain(shared: &Shared, pacer: &Pacer, workers: &mut JoinSet<()>, limit: Duration) {
    let until = shared.clock.now().plus(limit.into());
    loop {
        let boundary = shared.recorder.borrow().next_boundary();
        tokio::select! {
            biased;
            ended = workers.join_next() => if ended.is_none() { return },
            () = pacer.wait_until(shared.clock, boundary.min(until)) => {
                let now = shared.clock.now();
                shared.recorder.borrow_mut().turn(now);
                if now >= until {
                    return;
                }
            }
        }
    }
}

/// A slice's part of a number: the parts of all slices add up to it.
const fn share(whole: u64, slice: Slice) -> u64 {
    let (of, index) = (slice.of as u64, slice.index as u64);
    whole / of + if index < whole % of { 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        for whole in [0, 1, 7, 64, 1_000_003] {
            for of in 1..9 {
                let sum: u64 = (0..of).map(|index| share(whole, Slice { index, of })).sum();
                assert_eq!(sum, whole);
            }
        }
    }
}
