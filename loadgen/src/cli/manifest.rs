//! The flags of a load as objects of a cluster.

use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};

use super::UsageError;
use super::args::PlanArgs;
use super::resolve::{instant, span};
use crate::input::{self, Limit};

/// How long the cluster has to start the workers, where nobody says.
const START_IN: Duration = Duration::from_secs(60);
/// The least: images are pulled, and pods are placed.
const LEAST_START_IN: Duration = Duration::from_secs(5);
/// The longest that a start is ahead.
const MOST_START_IN: Duration = Duration::from_secs(7 * 24 * 3_600);
/// No object holds more.
const FILE: Limit = Limit {
    what: "a file of an object in Kubernetes",
    bytes: 1 << 20,
};

/// For which cluster.
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help, where backticks would be seen"
)]
#[derive(Debug, Subcommand)]
pub enum ManifestCommand {
    /// An Indexed Job of Kubernetes, with a ConfigMap and a Secret: `loadgen manifest kubernetes
    /// http://shop.default/ -r 9000 --workers 3 | kubectl apply --server-side -f -`
    Kubernetes(Box<KubernetesArgs>),
}

/// A load whose workers an Indexed Job starts.
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help, where backticks would be seen"
)]
#[derive(Clone, Debug, Args)]
pub struct KubernetesArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// How many pods send the load, each on a machine of its own and with its slice of the one schedule
    #[arg(long, value_name = "N", help_heading = "Kubernetes",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub workers: u32,
    /// The image of loadgen
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = "loadgen",
        help_heading = "Kubernetes"
    )]
    pub image: String,
    /// The namespace [default: that of kubectl]
    #[arg(long, value_name = "NAME", help_heading = "Kubernetes")]
    pub namespace: Option<String>,
    /// What Job, ConfigMap and Secret are called [default: loadgen-RUN]
    #[arg(long, value_name = "NAME", help_heading = "Kubernetes")]
    pub name: Option<String>,
    /// The run's name in the workers' lines [default: the start, as 20260131T235959Z]
    #[arg(long, value_name = "ID", help_heading = "Kubernetes")]
    pub run_id: Option<String>,
    /// When the load begins, UTC
    #[arg(
        long,
        value_name = "2026-01-31T23:59:59Z",
        conflicts_with = "start_in",
        help_heading = "Kubernetes"
    )]
    pub start_at: Option<String>,
    /// How long from now the load begins: to apply this, to pull the image, and to start the pods
    /// [default: 60s]
    #[arg(long, value_name = "D", help_heading = "Kubernetes")]
    pub start_in: Option<String>,
    /// CPUs of each worker, which it asks for and is limited to
    #[arg(
        long,
        value_name = "QUANTITY",
        default_value = "1",
        help_heading = "Kubernetes"
    )]
    pub pod_cpu: String,
    /// Memory of each worker, the same
    #[arg(
        long,
        value_name = "QUANTITY",
        default_value = "512Mi",
        help_heading = "Kubernetes"
    )]
    pub pod_memory: String,
    /// How much of a container's log the kubelets keep to be read: their containerLogMaxSize
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "10Mi",
        help_heading = "Kubernetes"
    )]
    pub log_kept: String,
}

impl KubernetesArgs {
    /// When the load begins, and how long that is from now on.
    pub fn start(&self, now: SystemTime) -> Result<(SystemTime, Duration), UsageError> {
        let start = if let Some(text) = &self.start_at {
            instant("--start-at", text)?
        } else {
            let start_in = span("--start-in", self.start_in.as_deref())?.unwrap_or(START_IN);
            now + start_in.min(MOST_START_IN * 2)
        };
        let ahead = start.duration_since(now).unwrap_or_default();
        if !(LEAST_START_IN..=MOST_START_IN).contains(&ahead) {
            return Err(UsageError::new(
                format!(
                    "the start is {} from now, and 5s to 7days are possible",
                    humantime::format_duration(Duration::from_secs(ahead.as_secs()))
                ),
                "give the cluster time to start the pods: --start-in 60s is the default",
            ));
        }
        Ok((start, ahead))
    }

    /// How many bytes the kubelets keep.
    pub fn kept(&self) -> Result<u64, UsageError> {
        let text = &self.log_kept;
        let units = [("Ki", 10), ("Mi", 20), ("Gi", 30)];
        let unit = units.iter().find(|(unit, _)| text.ends_with(unit));
        let (number, shift) = match unit {
            Some((unit, shift)) => (text.trim_end_matches(unit), *shift),
            None => (text.as_str(), 0),
        };
        let number = number.parse::<u32>().ok().filter(|number| *number > 0);
        number
            .map(|number| u64::from(number) << shift)
            .ok_or_else(|| {
                UsageError::new(
                    format!("--log-kept `{text}` is no size"),
                    "give it as the kubelets' containerLogMaxSize has it: 10Mi",
                )
            })
    }

    /// As many threads as a worker has CPUs for, where nobody says how many.
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.pod_cpu.parse::<f64>().map_or(1, |n| n.max(1.0) as u32)
    }
}

/// What a file holds that is to be part of an object.
pub fn shipped(path: &str) -> Result<Vec<u8>, UsageError> {
    input::read(Path::new(path), FILE).map_err(|reason| {
        UsageError::new(
            format!("file {path} of the plan cannot go with it: {reason}"),
            "a ConfigMap holds 1 MiB, with the plan and all of its files",
        )
    })
}
