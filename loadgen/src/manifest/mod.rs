//! One load as objects of a cluster: what `kubectl apply` takes, so that an Indexed Job of Kubernetes
//! starts the workers.
//!
//! # Layout
//! [`kubernetes`] checks what was [`Asked`], and writes three objects as one JSON list: `pod` makes the
//! Job, `stored` the `ConfigMap` and the Secret that hold the plan and the files that it names, `length`
//! estimates how much a worker says, `names` are what the cluster takes as a name, and `steps` what to
//! type then.
//!
//! **Invariant:** a pure function: no clock, no file, no network, and nothing is pasted: every object is
//! one of the API's types.

mod error;
mod length;
mod names;
mod pod;
mod steps;
mod stored;
#[cfg(test)]
mod tests;

pub use error::ManifestError;

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;

use crate::workers::Job;

/// What the workers are to be.
#[derive(Debug)]
pub struct Asked {
    /// The plan, what it goes through, and the password of its user, which goes into the Secret.
    pub job: Job,
    /// What the files hold that the plan names and does not hold itself.
    pub files: Vec<Shipped>,
    /// At least 1.
    pub workers: u32,
    pub image: String,
    /// Where the cluster puts it, if not where `kubectl` says.
    pub namespace: Option<String>,
    /// What all objects are called; by the run, where nobody says.
    pub name: Option<String>,
    /// The run's name in the frames of its workers.
    pub run: String,
    /// When the load begins.
    pub start: SystemTime,
    /// How long after it was applied the Job is ended, whatever it does.
    pub deadline: Duration,
    /// Quantities of Kubernetes: `1`, `500m`; `512Mi`.
    pub cpu: String,
    pub memory: String,
    /// How many bytes of a container's log the kubelets keep to be read.
    pub log_kept: u64,
}

/// A file that goes with the plan.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// As the plan names it.
    pub path: String,
    pub bytes: Vec<u8>,
    /// Whether nobody but the workers may read it.
    pub is_secret: bool,
}

/// What is to be applied, and what is to be known of it.
#[derive(Debug)]
pub struct Manifest {
    /// A `List` in JSON, which `kubectl apply -f -` takes.
    pub text: String,
    /// What to type to apply it, to collect what the workers say, and to remove it; for people.
    pub steps: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Value>,
}

/// The objects of a load whose workers an Indexed Job starts.
pub fn kubernetes(asked: &Asked) -> Result<Manifest, ManifestError> {
    let name = names::object(asked)?;
    names::check(asked)?;
    let log_bytes = length::check(asked)?;
    let stored = stored::of(asked, &name)?;
    let job = pod::job(asked, &name, &stored);
    let secret = stored.secret.as_ref().map(value);
    let items = [value(&stored.config), value(&job)];
    let list = List {
        api_version: "v1",
        kind: "List",
        items: secret.into_iter().chain(items).collect(),
    };
    let text = serde_json::to_string_pretty(&list)
        .unwrap_or_else(|error| unreachable!("objects have string keys only: {error}"));
    Ok(Manifest {
        text,
        steps: steps::of(asked, &name, log_bytes),
    })
}

fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object)
        .unwrap_or_else(|error| unreachable!("objects have string keys only: {error}"))
}
