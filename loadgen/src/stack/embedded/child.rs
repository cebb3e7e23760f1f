//! What a replica and a proxy have in common: the tie to their parent, and how they say that they listen.
//!
//! **Invariant:** a child ends with its parent, however that ends. The kernel kills it when
//! the parent dies, and the end of its standard input tells it where the kernel does not.

use std::future::Future;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::net::unix::pipe;

/// The hidden first argument that makes this program a replica.
pub(super) const REPLICA: &str = "__replica";
/// The hidden first argument that makes this program a proxy.
pub(super) const PROXY: &str = "__proxy";

/// Ties this process to `parent`, and then runs `work` on one thread.
pub(super) fn run<W>(parent: i32, work: impl FnOnce(Lifeline) -> W) -> Result<(), String>
where
    W: Future<Output = Result<(), String>>,
{
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("cannot be tied to the parent's life: {error}"))?;
    // The parent may have died before the line above; then nobody would kill us.
    if getppid()
        .map(Pid::as_raw_nonzero)
        .map(std::num::NonZero::get)
        != Some(parent)
    {
        return Err("the parent is gone".to_owned());
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("runtime: {error}"))?
        .block_on(async { work(Lifeline::hold()?).await })
}

/// Standard input, which the parent holds open for as long as it wants this child.
pub(super) struct Lifeline(pipe::Receiver);

impl Lifeline {
    fn hold() -> Result<Self, String> {
        io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .and_then(pipe::Receiver::from_owned_fd)
            .map(Self)
            .map_err(|error| format!("standard input is not the parent's pipe: {error}"))
    }

    /// Completes when the parent lets go.
    pub(super) async fn cut(self) {
        self.heed(|_| {}).await;
    }

    /// The same, and meanwhile gives away each line that the parent writes.
    pub(super) async fn heed(self, mut told: impl FnMut(&str)) {
        let mut lines = BufReader::new(self.0).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            told(&line);
        }
    }
}

/// Listens at an address, where the parent gave one, or anywhere on loopback.
pub(super) async fn listen(address: Option<std::net::SocketAddr>) -> Result<TcpListener, String> {
    let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
    TcpListener::bind(address.unwrap_or(anywhere))
        .await
        .map_err(|error| format!("cannot listen on loopback: {error}"))
}

/// Tells the parent where this child listens: the one line it ever writes to standard output.
pub(super) fn announce(addresses: &[std::net::SocketAddr]) -> Result<(), String> {
    let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "ready {}", words.join(" "))
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot tell the parent the port: {error}"))
}
