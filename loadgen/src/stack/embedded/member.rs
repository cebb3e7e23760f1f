//! A replica or the proxy of the stack, over all of its lives: each is a process of its own, on the
//! same ports.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpSocket;
use tokio::time::Instant;

use super::process::{self, ChildProcess};
use super::supervisor::Supervisor;
use crate::stack::StackError;

/// How long children may take to end by themselves. A replica drains for half a second.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// How long after a crash the next life begins.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// What it takes to start any child.
pub(super) struct Starter {
    pub(super) program: PathBuf,
    pub(super) supervisor: Supervisor,
    /// How long a child may take to say that it listens.
    pub(super) within: Duration,
}

/// One that has been started at least once.
pub(super) struct Member {
    /// What it is called, for people.
    pub(super) name: String,
    role: &'static str,
    /// The flags of its next life.
    flags: Mutex<Vec<String>>,
    ports: Vec<Port>,
    process: tokio::sync::Mutex<Option<ChildProcess>>,
    is_paused: AtomicBool,
    restarts: AtomicU64,
}

/// A port that stays this member's while it is down: bound here and listened at there. Whoever
/// connects meanwhile is refused.
struct Port {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Port {
    fn free() -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // The child binds the same port; it may, as long as this socket does not listen.
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self {
            address: socket.local_addr()?,
            _held: socket,
        })
    }
}

/// What has become of a member.
pub(super) struct Fate {
    /// How its process ended, where it does not run.
    pub(super) ended: Option<String>,
    pub(super) restarts: u64,
}

impl Member {
    /// Holds `ports` ports for a member that is not started yet.
    pub(super) fn new(
        role: &'static str,
        name: String,
        flags: Vec<String>,
        ports: usize,
    ) -> Result<Self, StackError> {
        let ports = (0..ports).map(|_| Port::free()).collect::<Result<_, _>>();
        let ports = ports.map_err(|error| StackError::NotStarted {
            name: name.clone(),
            reason: format!("no free port on loopback: {error}"),
        })?;
        Ok(Self {
            name,
            role,
            flags: Mutex::new(flags),
            ports,
            process: tokio::sync::Mutex::new(None),
            is_paused: AtomicBool::new(false),
            restarts: AtomicU64::new(0),
        })
    }

    /// Where it listens, the first of its ports.
    pub(super) fn address(&self) -> SocketAddr {
        self.ports[0].address
    }

    /// Its last port.
    pub(super) fn last_address(&self) -> SocketAddr {
        self.ports[self.ports.len() - 1].address
    }

    /// Changes the flags of its next life.
    pub(super) fn change_flags(&self, change: impl FnOnce(&mut Vec<String>)) {
        change(&mut self.flags.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Starts it, and waits until it listens.
    pub(super) async fn start(&self, starter: &Starter) -> Result<(), StackError> {
        let mut process = self.process.lock().await;
        if process.is_some() {
            return Err(self.refused("it runs already"));
        }
        *process = Some(self.born(starter).await?);
        Ok(())
    }

    async fn born(&self, starter: &Starter) -> Result<ChildProcess, StackError> {
        let mut command = process::command(&starter.program, self.role);
        let listen = self
            .ports
            .iter()
            .map(|port| format!("--listen={}", port.address));
        let flags = self
            .flags
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        command.args(listen).args(flags);
        let mut child =
            ChildProcess::start(&starter.supervisor, self.name.clone(), command).await?;
        child.ready(starter.within, self.ports.len()).await?;
        Ok(child)
    }

    /// Kills it, and starts it again a second later.
    pub(super) async fn crash(&self, starter: &Starter) -> Result<(), StackError> {
        let mut process = self.process.lock().await;
        let killed = Instant::now();
        self.end(starter, &mut process, Signal::KILL).await?;
        tokio::time::sleep_until(killed + RESTART_DELAY).await;
        *process = Some(self.born(starter).await?);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Lets it end by itself, and kills it where it does not.
    pub(super) async fn stop(&self, starter: &Starter) -> Result<(), StackError> {
        let mut process = self.process.lock().await;
        let child = process
            .as_mut()
            .ok_or_else(|| self.refused("it does not run"))?;
        child.let_go();
        child.ended(FAREWELL).await;
        self.end(starter, &mut process, Signal::KILL).await
    }

    /// Stops it and starts it again at once.
    pub(super) async fn restart(&self, starter: &Starter) -> Result<(), StackError> {
        self.stop(starter).await?;
        self.start(starter).await?;
        self.restarts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn end(
        &self,
        starter: &Starter,
        process: &mut Option<ChildProcess>,
        signal: Signal,
    ) -> Result<(), StackError> {
        let mut child = process
            .take()
            .ok_or_else(|| self.refused("it does not run"))?;
        // Where it has ended by itself there is nothing to signal.
        let _ = starter.supervisor.signal(child.order, signal).await;
        child.ended(FAREWELL).await;
        self.is_paused.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn pause(&self, starter: &Starter) -> Result<(), StackError> {
        self.signal(starter, Signal::STOP).await?;
        self.is_paused.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn go_on(&self, starter: &Starter) -> Result<(), StackError> {
        self.signal(starter, Signal::CONT).await?;
        self.is_paused.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn signal(&self, starter: &Starter, signal: Signal) -> Result<(), StackError> {
        let process = self.process.lock().await;
        let child = process
            .as_ref()
            .ok_or_else(|| self.refused("it does not run"))?;
        let sent = starter.supervisor.signal(child.order, signal).await;
        sent.map_err(|error| self.refused(&error.to_string()))
    }

    /// Lets it run, whatever was done to it.
    pub(super) async fn mend(&self, starter: &Starter) -> Result<(), StackError> {
        if self.is_paused.load(Ordering::Relaxed) {
            self.go_on(starter).await?;
        }
        let is_down = self.process.lock().await.is_none();
        if is_down {
            self.start(starter).await?;
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Tells it something by its standard input.
    pub(super) async fn tell(&self, line: &str) -> Result<(), StackError> {
        let mut process = self.process.lock().await;
        // One that is down is told by the flags of its next life.
        let Some(child) = process.as_mut() else {
            return Ok(());
        };
        child
            .tell(line)
            .map_err(|error| self.refused(&error.to_string()))
    }

    /// What has become of it.
    pub(super) async fn fate(&self, starter: &Starter) -> Result<Fate, StackError> {
        let ends = starter.supervisor.inspect().await;
        let ends = ends.map_err(|error| self.refused(&error.to_string()))?;
        let process = self.process.lock().await;
        let ended = match process.as_ref() {
            None => Some("stopped".to_owned()),
            Some(child) => match ends.get(child.order) {
                Some(Some(end)) => Some(format!("{end}: {}", child.complaint())),
                _ => None,
            },
        };
        Ok(Fate {
            ended,
            restarts: self.restarts.load(Ordering::Relaxed),
        })
    }

    /// Asks it to end, without waiting.
    pub(super) fn let_go(&mut self) {
        if let Some(child) = self.process.get_mut() {
            child.let_go();
        }
    }

    /// Waits until it has ended, for so long.
    pub(super) async fn ended(&mut self, within: Duration) {
        if let Some(child) = self.process.get_mut() {
            child.ended(within).await;
        }
    }

    fn refused(&self, reason: &str) -> StackError {
        StackError::Event {
            whom: self.name.clone(),
            reason: reason.to_owned(),
        }
    }
}
