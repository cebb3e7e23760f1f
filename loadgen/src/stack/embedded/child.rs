//! The other side of `exec`: what this program does when it was started as a replica or proxy.
//!
//! **Invariant:** a child ends with its parent, however that ends. The kernel kills it when
//! the parent dies, and the end of its standard input tells it where the kernel does not.

use std::future::Future;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

use super::arguments::Arguments;
use super::{proxy, replica};

/// The hidden first argument that makes this program a replica.
pub(super) const REPLICA: &str = "__replica";
/// The hidden first argument that makes this program a proxy.
pub(super) const PROXY: &str = "__proxy";

/// Runs this process as a child of an embedded stack, if that is what it was started as.
///
/// `main` calls it before anything else, and returns the code if there is one.
pub fn child_main() -> Option<ExitCode> {
    // Lossily: what is not Unicode is not for a child, and is for `cli` to complain about.
    let words = std::env::args_os().skip(1);
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let outcome = match words.next()?.as_str() {
        REPLICA => replica::main(Arguments::new(words)),
        PROXY => proxy::main(Arguments::new(words)),
        _ => return None,
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    })
}

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
    pub(super) async fn cut(mut self) {
        let mut ignored = [0; 64];
        while let Ok(1..) = self.0.read(&mut ignored).await {}
    }
}

/// Tells the parent where this child listens: the one line it ever writes to standard output.
pub(super) fn announce(addresses: &[std::net::SocketAddr]) -> Result<(), String> {
    let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "ready {}", words.join(" "))
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot tell the parent the port: {error}"))
}
