//! Starts children, and ends them when it is dropped.
//!
//! A thread of its own does it. The kernel takes the death of the *thread* that started a
//! child for the death of its parent, and a runtime's threads come and go; this one lives
//! exactly as long as the children.

use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

/// The owner of all children of one stack.
pub(super) struct Supervisor {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// The ends of a child's pipes that stay here.
pub(super) struct Pipes {
    /// The how many-th child it is, from 0.
    pub(super) order: usize,
    /// Held open, it keeps the child going.
    pub(super) lifeline: ChildStdin,
    /// Where the child says that it is ready; it ends when the child does.
    pub(super) announcements: ChildStdout,
    /// What the child complains about.
    pub(super) complaints: ChildStderr,
}

enum Order {
    Start(Box<Command>, oneshot::Sender<io::Result<Pipes>>),
    Inspect(oneshot::Sender<Vec<Option<ExitStatus>>>),
    Signal(usize, Signal, oneshot::Sender<io::Result<()>>),
}

impl Supervisor {
    /// A supervisor without children.
    pub(super) fn open() -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || keep(&inbox))?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Starts a child; its three standard streams must be pipes.
    pub(super) async fn start(&self, command: Command) -> io::Result<Pipes> {
        self.ask(|reply| Order::Start(Box::new(command), reply))
            .await?
    }

    /// How each child ended, in the order they were started; `None` while it runs.
    pub(super) async fn inspect(&self) -> io::Result<Vec<Option<ExitStatus>>> {
        self.ask(Order::Inspect).await
    }

    /// Sends a signal to the child of this order; an error where it has ended.
    pub(super) async fn signal(&self, order: usize, signal: Signal) -> io::Result<()> {
        self.ask(|reply| Order::Signal(order, signal, reply))
            .await?
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> io::Result<T> {
        let gone = || io::Error::other("the thread that keeps the children is gone");
        let (reply, answer) = oneshot::channel();
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(order(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // It kills and reaps, which takes no time worth speaking of.
            let _ = thread.join();
        }
    }
}

fn keep(inbox: &mpsc::Receiver<Order>) {
    let mut children: Vec<Child> = Vec::new();
    for order in inbox {
        match order {
            Order::Start(mut command, reply) => {
                let started = command.spawn().and_then(|mut child| {
                    let pipes = pipes_of(&mut child, children.len());
                    children.push(child);
                    pipes
                });
                // Nobody waits for it any more: it ends with the others.
                let _ = reply.send(started);
            }
            Order::Inspect(reply) => {
                let ends = children
                    .iter_mut()
                    .map(|child| child.try_wait().ok().flatten());
                let _ = reply.send(ends.collect());
            }
            Order::Signal(order, signal, reply) => {
                let sent = children.get_mut(order).ok_or_else(gone);
                let _ = reply.send(sent.and_then(|child| send(child, signal)));
            }
        }
    }
    for child in &mut children {
        // An error means that it has ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn gone() -> io::Error {
    io::Error::other("the process has ended")
}

/// A child that is not waited for yet keeps its number, so that the signal meets no other.
fn send(child: &mut Child, signal: Signal) -> io::Result<()> {
    if child.try_wait()?.is_some() {
        return Err(gone());
    }
    Ok(kill_process(Pid::from_child(child), signal)?)
}

fn pipes_of(child: &mut Child, order: usize) -> io::Result<Pipes> {
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(lifeline), Some(announcements), Some(complaints)) => Ok(Pipes {
            order,
            lifeline,
            announcements,
            complaints,
        }),
        _ => Err(io::Error::other("a child without pipes")),
    }
}
