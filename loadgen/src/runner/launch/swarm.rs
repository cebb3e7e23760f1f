//! The Swarm engine: workers that are tasks of a replicated job, on whichever machines it has.
//!
//! The first task of a slot is its worker. An engine may start one again; what that says is passed on
//! too, for whoever merges to tell them apart. A machine that is gone takes no order: what runs on it
//! is given up, and ends by itself with its plan.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle};

use super::super::RunError;
use super::super::worker::{nanos, wall_ms};
use super::crew::{Asked, KEPT, PATIENCE, Said, in_a_line, tail};
use crate::stack::swarm::{self, Assignment, Shipped, Source, Swarm, Task, TaskPhase};
use crate::store;
use crate::workers::{Job, Lines};

/// How often the engine is asked what has become of the tasks.
const LOOK: Duration = Duration::from_millis(500);
/// In how many looks the machines are asked for once.
const NODES_IN: u32 = 4;
/// How often a log that breaks is read again, from its beginning.
const MOST_READINGS: u32 = 10;
/// How long a worker stays after its last line: as long as a launcher needs to remove it. Of a task that
/// ends by itself its machine keeps the container, also when its service is removed (20.10 does).
const LINGER: &str = "60s";
/// Where a worker finds what it is to do.
const HOME: &str = "/loadgen";
const JOB: &str = "/loadgen/job.json";
const PASSWORD: &str = "/loadgen/password";

/// The tasks of a run.
pub(super) struct Tasks {
    crew: Arc<swarm::Crew>,
    run: String,
    slots: Slots,
    said: mpsc::Sender<Said>,
    watcher: JoinHandle<()>,
}

/// What is known of each worker, for whoever follows it and whoever asks.
#[derive(Clone)]
struct Slots(Arc<Mutex<Vec<Slot>>>);

#[derive(Default)]
struct Slot {
    /// Its worker, as it was seen last.
    task: Option<Task>,
    /// What that machine is called.
    host: Option<String>,
    complaints: Vec<u8>,
    follower: Option<AbortHandle>,
    /// Its end was told.
    is_told: bool,
    /// Its end was heard.
    has_ended: bool,
    /// Its machine is down.
    is_cut_off: bool,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a worker's end is still to be told; it is from now on.
    fn is_first_end(&self, n: u32) -> bool {
        let mut slots = self.lock();
        let slot = slots.get_mut(n as usize);
        slot.is_some_and(|slot| !std::mem::replace(&mut slot.is_told, true))
    }

    /// Whether a task is its slot's worker.
    fn is_worker(&self, task: &Task) -> bool {
        let slots = self.lock();
        let worker = slots
            .get(task.slot as usize)
            .and_then(|slot| slot.task.as_ref());
        worker.is_some_and(|worker| worker.id == task.id)
    }
}

impl Tasks {
    /// Starts them, and listens.
    pub(super) async fn start(
        asked: &Asked,
        job: &Job,
        (image, network): (&str, &str),
        said: mpsc::Sender<Said>,
    ) -> Result<Self, RunError> {
        let assignment = Assignment {
            run: asked.run.clone(),
            workers: asked.workers,
            image: image.to_owned(),
            network: network.to_owned(),
            until: nanos(asked.until) / 1_000_000_000,
            home: HOME.to_owned(),
            arguments: arguments(asked, job),
            files: files(job)?,
        };
        let swarm = Swarm::reach().await.map_err(RunError::Workers)?;
        let crew = swarm.start(&assignment).await.map_err(RunError::Workers)?;
        Ok(Self::listen_to(
            crew,
            asked.run.clone(),
            asked.workers,
            said,
        ))
    }

    /// Listens to tasks, whoever started them.
    pub(super) fn listen_to(
        crew: swarm::Crew,
        run: String,
        workers: u32,
        said: mpsc::Sender<Said>,
    ) -> Self {
        let crew = Arc::new(crew);
        let slots = (0..workers).map(|_| Slot::default()).collect();
        let slots = Slots(Arc::new(Mutex::new(slots)));
        let watcher = tokio::spawn(watch(Arc::clone(&crew), slots.clone(), said.clone()));
        Self {
            crew,
            run,
            slots,
            said,
            watcher,
        }
    }

    /// Asks all of them to end; what they say of it is still heard.
    pub(super) async fn let_go(&self) {
        // Where that fails they end with their plan, or by being removed.
        let _ = self.crew.let_go().await;
    }

    /// Nothing more is heard of a worker.
    pub(super) fn give_up(&self, n: u32) {
        if let Some(slot) = self.slots.lock().get_mut(n as usize)
            && let Some(follower) = slot.follower.take()
        {
            follower.abort();
        }
        let (slots, said) = (self.slots.clone(), self.said.clone());
        tokio::spawn(async move { tell_end(&slots, n, &said).await });
    }

    /// Nothing more is heard of any.
    pub(super) fn stop_listening(&self) {
        self.watcher.abort();
        for slot in self.slots.lock().iter_mut() {
            if let Some(follower) = slot.follower.take() {
                follower.abort();
            }
        }
    }

    /// Removes them, and all that belongs to their run; a clause where something is left.
    pub(super) async fn remove(&self) -> Option<String> {
        self.stop_listening();
        let error = self.crew.remove(&self.run).await.err()?;
        Some(format!(
            "something of the workers is left ({error}); `loadgen down --run {}` removes it",
            self.run
        ))
    }

    pub(super) fn has_ended(&self, n: u32) -> bool {
        self.slots
            .lock()
            .get(n as usize)
            .is_none_or(|slot| slot.has_ended)
    }

    /// How a worker ended whose lines are over, in words.
    pub(super) fn ended(&self, n: u32) -> String {
        let mut slots = self.slots.lock();
        let Some(slot) = slots.get_mut(n as usize) else {
            return String::new();
        };
        slot.has_ended = true;
        let host = slot.host.clone().unwrap_or_default();
        let mut words = match &slot.task {
            _ if slot.is_cut_off => format!("its machine {host} is down"),
            Some(task) => format!("its task ended, {}", task.words),
            None => "its task is gone".to_owned(),
        };
        let complaints = in_a_line(&slot.complaints);
        if !complaints.is_empty() {
            words = format!("{words}: {complaints}");
        }
        words
    }

    /// What the engine says of a task that has not ended, as a clause.
    pub(super) fn about(&self, n: u32) -> Option<String> {
        let slots = self.slots.lock();
        let slot = slots.get(n as usize)?;
        let Some(task) = &slot.task else {
            return Some("the engine has no task for it".to_owned());
        };
        let on = slot.host.as_ref().map(|host| format!(" on {host}"));
        Some(format!(
            "its task{} is {}",
            on.unwrap_or_default(),
            task.words
        ))
    }
}

/// What the image's program is told.
fn arguments(asked: &Asked, job: &Job) -> Vec<String> {
    let start = humantime::format_rfc3339_nanos(asked.start).to_string();
    let of = asked.workers.to_string();
    let words = [
        "worker",
        JOB,
        "--of",
        &of,
        "--run-id",
        &asked.run,
        "--start-at",
        &start,
        "--linger",
        LINGER,
    ];
    let secret = job.password.as_ref().map(|_| ["--password-file", PASSWORD]);
    let words = words.into_iter().chain(secret.into_iter().flatten());
    words.map(str::to_owned).collect()
}

/// What the workers are given: the test, its password apart, and the files that its plan names.
fn files(job: &Job) -> Result<Vec<Shipped>, RunError> {
    let mut files = vec![Shipped {
        what: "the plan".to_owned(),
        path: JOB.to_owned(),
        content: job.without_password().line().into_bytes(),
        is_secret: false,
    }];
    files.extend(job.password.as_ref().map(|password| Shipped {
        what: "the password".to_owned(),
        path: PASSWORD.to_owned(),
        content: password.clone().into_bytes(),
        is_secret: true,
    }));
    for (file, is_secret) in job.plan.files() {
        let content = store::read_companion(Path::new(&file));
        let content = content.map_err(|reason| RunError::Preflight {
            message: format!("{file}, which the plan names and the workers need: {reason}"),
            hint: "start loadgen where the plan's files are".into(),
        })?;
        files.push(Shipped {
            path: within(HOME, &file),
            what: file,
            content,
            is_secret,
        });
    }
    Ok(files)
}

/// Where a worker that was started in `home` looks for a file.
fn within(home: &str, file: &str) -> String {
    let mut path = PathBuf::new();
    for part in Path::new(home).join(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}

/// Looks what has become of the tasks, until it is ended; each that runs or ran is listened to.
async fn watch(crew: Arc<swarm::Crew>, slots: Slots, said: mpsc::Sender<Said>) {
    let (mut heard, mut looks) = (HashSet::new(), 0_u32);
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        // An engine that does not answer now may do so the next time.
        let mut tasks = crew.tasks().await.unwrap_or_default();
        // Where there are several of a slot, those that run or ran are before those that wait.
        tasks.sort_by_key(|task| task.phase == TaskPhase::Coming);
        for task in tasks {
            note(&slots, &task);
            let is_there = task.phase != TaskPhase::Coming;
            if is_there && heard.insert(task.id.clone()) {
                let follower = follow(Arc::clone(&crew), task.clone(), slots.clone(), said.clone());
                let follower = tokio::spawn(follower).abort_handle();
                if slots.is_worker(&task)
                    && let Some(slot) = slots.lock().get_mut(task.slot as usize)
                {
                    slot.follower = Some(follower);
                }
            }
        }
        if looks.is_multiple_of(NODES_IN) {
            for n in cut_off(&crew, &slots).await {
                tell_end(&slots, n, &said).await;
            }
        }
        looks += 1;
    }
}

/// Keeps what is known of a worker, which is the first task of its slot that is seen.
fn note(slots: &Slots, task: &Task) {
    let mut slots = slots.lock();
    let Some(slot) = slots.get_mut(task.slot as usize) else {
        return;
    };
    match &slot.task {
        Some(known) if known.id != task.id => {}
        _ => slot.task = Some(task.clone()),
    }
}

/// The workers whose machine is down since the last look; what machines are called is kept.
async fn cut_off(crew: &swarm::Crew, slots: &Slots) -> Vec<u32> {
    let nodes = crew.nodes().await.unwrap_or_default();
    let mut slots = slots.lock();
    let mut down = Vec::new();
    for (n, slot) in slots.iter_mut().enumerate() {
        let id = slot.task.as_ref().and_then(|task| task.node.as_ref());
        let Some(node) = nodes.iter().find(|node| Some(&node.id) == id) else {
            continue;
        };
        slot.host = Some(node.hostname.clone());
        if node.is_down && !slot.has_ended && !slot.is_cut_off {
            slot.is_cut_off = true;
            down.push(n as u32);
        }
    }
    down
}

/// Passes on what a task prints, and the end of a worker.
async fn follow(crew: Arc<swarm::Crew>, task: Task, slots: Slots, said: mpsc::Sender<Said>) {
    for _ in 0..MOST_READINGS {
        let is_whole = listen(&crew, &task, &slots, &said).await;
        let tasks = crew.tasks().await.unwrap_or_default();
        let now = tasks.into_iter().find(|other| other.id == task.id);
        let is_over = now.as_ref().is_none_or(|now| now.phase == TaskPhase::Over);
        if let Some(now) = now {
            note(&slots, &now);
        }
        if is_over && is_whole {
            break;
        }
        // The log broke, or ended before its task: what comes twice is taken once.
        tokio::time::sleep(LOOK).await;
    }
    if slots.is_worker(&task) {
        tell_end(&slots, task.slot, &said).await;
    }
}

/// Reads a task's log as far as it goes; tells whether that was its end.
async fn listen(crew: &swarm::Crew, task: &Task, slots: &Slots, said: &mpsc::Sender<Said>) -> bool {
    let opened = tokio::time::timeout(PATIENCE, crew.log(&task.id, true)).await;
    let Ok(Ok(mut log)) = opened else {
        return false;
    };
    let n = task.slot;
    let mut lines = Lines::default();
    let mut is_whole = true;
    let tell = async |line| {
        let read_at_ms = wall_ms();
        let line = Said {
            n,
            line: Some(line),
            read_at_ms,
        };
        said.send(line).await.is_ok()
    };
    while let Some(piece) = log.next().await {
        match piece.source {
            Source::Output => {
                for line in lines.push(&piece.bytes) {
                    if !tell(line).await {
                        return true;
                    }
                }
            }
            Source::Errors => {
                if let Some(slot) = slots.lock().get_mut(n as usize) {
                    tail(&mut slot.complaints, &piece.bytes, KEPT);
                }
            }
            Source::Engine => is_whole = false,
        }
    }
    if let Some(line) = lines.finish().filter(|_| is_whole) {
        tell(line).await;
    }
    is_whole && !log.is_broken()
}

/// Says that a worker has ended, once.
async fn tell_end(slots: &Slots, n: u32, said: &mpsc::Sender<Said>) {
    if slots.is_first_end(n) {
        let read_at_ms = wall_ms();
        // Where nobody hears it any more, it is nobody's to know.
        let _ = said
            .send(Said {
                n,
                line: None,
                read_at_ms,
            })
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_where_a_worker_looks_for_it() {
        assert_eq!(within("/loadgen", "users.csv"), "/loadgen/users.csv");
        assert_eq!(
            within("/loadgen", "./data/../users.csv"),
            "/loadgen/users.csv"
        );
        assert_eq!(within("/loadgen", "../../users.csv"), "/users.csv");
        assert_eq!(within("/loadgen", "/srv/users.csv"), "/srv/users.csv");
    }
}
