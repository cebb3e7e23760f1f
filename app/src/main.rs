//! The replica as a program: `app --listen 0.0.0.0:80`.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A small HTTP service that says who it is and keeps exact metrics of it.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:80")]
    listen: SocketAddr,

    #[command(flatten)]
    options: app::Options,

    /// Ask a replica whether it is healthy, and exit with 0 if so
    #[arg(long, value_name = "URL")]
    check_health: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.check_health {
        Some(url) => app::check_health(url).map_err(|error| format!("{url}: {error}")),
        None => run(cli),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One thread serves everything: replicas scale by number, and the counters of one
/// replica stay in one core's cache.
#[tokio::main(flavor = "current_thread")]
async fn run(cli: Cli) -> Result<(), String> {
    // Before the port is open, so that a signal can never find us unprepared: as
    // process 1 of a container we would not even get the default action.
    let (terminate, interrupt) = signals().map_err(|error| format!("signals: {error}"))?;
    let listener = TcpListener::bind(cli.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    // With port 0 this line is the only way to learn the port.
    println!("listening on http://{address}");
    app::serve(listener, cli.options, either(terminate, interrupt))
        .await
        .map_err(|error| format!("serving on {}: {error}", cli.listen))
}

fn signals() -> std::io::Result<(Signal, Signal)> {
    Ok((
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ))
}

async fn either(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
