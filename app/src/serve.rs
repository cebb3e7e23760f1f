//! Serves a replica on a listener until it is told to stop.

use std::io;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Options;
use crate::handlers::routed;

/// How long requests under way may take to finish after `shutdown`.
///
/// Long enough for the services worth simulating, short enough that stopping a stack
/// takes less than a second.
pub const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// Serves a replica until `shutdown` completes and what is under way has been answered,
/// or [`DRAIN_LIMIT`] has passed. Idle connections are closed at once.
///
/// It needs a Tokio runtime with I/O and time enabled; one thread is enough, and keeps
/// the metrics of a replica on one core.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (router, connections) = routed(&options);
    let listener = listener.tap_io(move |connection| {
        connections.inc();
        // Without it an answer may wait 40 ms for the acknowledgement of the previous
        // one. It can only fail on a connection that is already gone.
        let _ = connection.set_nodelay(true);
    });
    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        let _ = stopping.send(());
    });
    tokio::select! {
        done = serving => done,
        () = drain_limit(stopped) => Ok(()),
    }
}

async fn drain_limit(stopped: oneshot::Receiver<()>) {
    match stopped.await {
        Ok(()) => tokio::time::sleep(DRAIN_LIMIT).await,
        // The server ended by itself; its own result is the one to report.
        Err(_) => std::future::pending().await,
    }
}
