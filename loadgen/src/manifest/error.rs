//! Why a load cannot be made into objects of a cluster, and what to do about it.

use crate::model::grouped;

/// Why there is no manifest. Exit code 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A name that the cluster does not take: which flag said it, what, and why.
    #[error("{flag} `{text}` is no name in Kubernetes: {why}")]
    Name {
        flag: &'static str,
        text: String,
        why: String,
    },
    /// A quantity that it does not take.
    #[error("{flag} `{text}` is no quantity in Kubernetes")]
    Quantity { flag: &'static str, text: String },
    #[error("--image `{0}` is no name of an image")]
    Image(String),
    /// A file that cannot lie where the plan finds it.
    #[error("file `{0}` of the plan cannot be mounted where the plan finds it")]
    Path(String),
    /// The plan and its files, in bytes.
    #[error("the plan and the files that it names are {} bytes, and {what} holds {}", grouped(*bytes), grouped(*most))]
    TooLarge {
        what: &'static str,
        bytes: u64,
        most: u64,
    },
    /// What a worker says, in bytes.
    #[error(
        "a worker is estimated to say {} bytes over this run, and of a log of which kubelets keep {} bytes no more than {} are safe",
        grouped(*bytes), grouped(*kept), grouped(*most)
    )]
    TooLong {
        bytes: u64,
        kept: u64,
        most: u64,
        /// The longest run of this plan that is safe, in whole seconds.
        seconds: u64,
    },
}

impl ManifestError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Name { .. } => {
                "use small letters, digits and `-`, a letter or digit first and last".into()
            }
            Self::Quantity { flag: "--pod-cpu", .. } => "give --pod-cpu as 1, 0.5 or 500m".into(),
            Self::Quantity { .. } => "give --pod-memory as 512Mi or 1Gi".into(),
            Self::Image(_) => "give --image as registry.example/loadgen:1".into(),
            Self::Path(_) => {
                "name it by a path without `..`, seen from the folder where this is called".into()
            }
            Self::TooLarge { .. } => {
                "send less data with each plan, or put it into the image and start `loadgen worker` there by hand".into()
            }
            Self::TooLong { seconds, .. } => format!(
                "give --duration at most {seconds}s, or more workers; where the kubelets' containerLogMaxSize is larger, say so with --log-kept 64Mi"
            ),
        }
    }
}
