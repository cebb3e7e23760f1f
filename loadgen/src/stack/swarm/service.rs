//! The job that a run's workers are, in the engine's words.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models::{
    ConfigSpec, NetworkAttachmentConfig, SecretSpec, ServiceSpec, ServiceSpecMode,
    ServiceSpecModeReplicatedJob, TaskSpec, TaskSpecContainerSpec, TaskSpecContainerSpecConfigs,
    TaskSpecContainerSpecFile, TaskSpecContainerSpecFile1, TaskSpecContainerSpecSecrets,
    TaskSpecLogDriver, TaskSpecPlacement, TaskSpecRestartPolicy,
    TaskSpecRestartPolicyConditionEnum,
};

use super::{RUN, UNTIL, WORKERS};
use crate::stack::StackError;

/// The most bytes of a file that a Swarm gives to its tasks.
pub const MOST_FILE: usize = 500 * 1_000;
/// Whose files secrets are, and who reads them: the image's user.
const USER: &str = "65532";
/// How long a worker has to say what it did after it was told to end, in nanoseconds.
const GRACE: i64 = 10_000_000_000;
/// The most of a worker's lines that its machine keeps.
const MOST_LOG: &str = "256m";

/// What a run's workers are to be.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The run's name, as a token of frames.
    pub run: String,
    /// How many there are, at least 1.
    pub workers: u32,
    pub image: String,
    /// The network that they are in.
    pub network: String,
    /// By when they have ended by themselves, in seconds since 1970.
    pub until: u64,
    /// The folder that they are started in.
    pub home: String,
    /// What the image's program is told.
    pub arguments: Vec<String>,
    pub files: Vec<Shipped>,
}

/// A file that workers have, at most [`MOST_FILE`] bytes long.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// What it is, for people: `the plan`.
    pub what: String,
    /// Where it is in a worker, from the root.
    pub path: String,
    pub content: Vec<u8>,
    /// Whether it is kept encrypted, and never on a worker's disk.
    pub is_secret: bool,
}

impl Shipped {
    /// Refuses a file that is too large for a Swarm, which would say so in words of its own.
    pub(super) fn check(&self) -> Result<(), StackError> {
        let bytes = self.content.len();
        if bytes <= MOST_FILE {
            return Ok(());
        }
        Err(StackError::TooLargeForSwarm {
            file: self.what.clone(),
            bytes,
            most: MOST_FILE,
        })
    }

    pub(super) fn config(&self, name: &str, run: &str) -> ConfigSpec {
        ConfigSpec {
            name: Some(name.to_owned()),
            labels: Some(labels(run)),
            data: Some(STANDARD.encode(&self.content)),
            ..ConfigSpec::default()
        }
    }

    pub(super) fn config_at(&self, name: &str, id: String) -> TaskSpecContainerSpecConfigs {
        TaskSpecContainerSpecConfigs {
            file: Some(TaskSpecContainerSpecFile1 {
                name: Some(self.path.clone()),
                uid: Some("0".into()),
                gid: Some("0".into()),
                mode: Some(0o444),
            }),
            config_id: Some(id),
            config_name: Some(name.to_owned()),
            ..TaskSpecContainerSpecConfigs::default()
        }
    }

    pub(super) fn secret(&self, name: &str, run: &str) -> SecretSpec {
        SecretSpec {
            name: Some(name.to_owned()),
            labels: Some(labels(run)),
            data: Some(STANDARD.encode(&self.content)),
            ..SecretSpec::default()
        }
    }

    pub(super) fn secret_at(&self, name: &str, id: String) -> TaskSpecContainerSpecSecrets {
        TaskSpecContainerSpecSecrets {
            file: Some(TaskSpecContainerSpecFile {
                name: Some(self.path.clone()),
                uid: Some(USER.into()),
                gid: Some(USER.into()),
                mode: Some(0o400),
            }),
            secret_id: Some(id),
            secret_name: Some(name.to_owned()),
        }
    }
}

fn labels(run: &str) -> HashMap<String, String> {
    HashMap::from([(RUN.to_owned(), run.to_owned())])
}

/// The name of a run's service: its files have a number more, and a name has 64 characters at most.
pub(super) fn name_of(run: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let run: String = run.chars().map(plain).take(48).collect();
    format!("loadgen-{}", run.trim_end_matches('-'))
}

/// A job of one round, whose tasks are never started again on purpose. Where there are as many machines
/// as workers, each has one.
pub(super) fn job(
    assignment: &Assignment,
    name: &str,
    nodes: u64,
    configs: Vec<TaskSpecContainerSpecConfigs>,
    secrets: Vec<TaskSpecContainerSpecSecrets>,
) -> ServiceSpec {
    let log = HashMap::from([
        ("max-size".to_owned(), MOST_LOG.to_owned()),
        ("max-file".to_owned(), "1".to_owned()),
    ]);
    // A slot of 0 is written as the id of the node, so a worker is told both.
    let env = [
        "LOADGEN_SLOT={{.Task.Slot}}",
        "LOADGEN_NODE_ID={{.Node.ID}}",
        "LOADGEN_NODE={{.Node.Hostname}}",
        "LOADGEN_TASK={{.Task.ID}}",
    ];
    let container = TaskSpecContainerSpec {
        image: Some(assignment.image.clone()),
        labels: Some(labels(&assignment.run)),
        args: Some(assignment.arguments.clone()),
        env: Some(env.map(str::to_owned).into()),
        dir: Some(assignment.home.clone()),
        read_only: Some(true),
        capability_drop: Some(vec!["ALL".into()]),
        stop_grace_period: Some(GRACE),
        configs: Some(configs),
        secrets: Some(secrets),
        ..TaskSpecContainerSpec::default()
    };
    let task = TaskSpec {
        container_spec: Some(container),
        networks: Some(vec![NetworkAttachmentConfig {
            target: Some(assignment.network.clone()),
            ..NetworkAttachmentConfig::default()
        }]),
        log_driver: Some(TaskSpecLogDriver {
            name: Some("json-file".into()),
            options: Some(log),
        }),
        restart_policy: Some(TaskSpecRestartPolicy {
            condition: Some(TaskSpecRestartPolicyConditionEnum::NONE),
            ..TaskSpecRestartPolicy::default()
        }),
        placement: Some(TaskSpecPlacement {
            max_replicas: (nodes >= u64::from(assignment.workers)).then_some(1),
            ..TaskSpecPlacement::default()
        }),
        ..TaskSpec::default()
    };
    let mut labels = labels(&assignment.run);
    labels.insert(WORKERS.to_owned(), assignment.workers.to_string());
    labels.insert(UNTIL.to_owned(), assignment.until.to_string());
    ServiceSpec {
        name: Some(name.to_owned()),
        labels: Some(labels),
        task_template: Some(task),
        mode: Some(rounds_of(assignment.workers.into())),
        ..ServiceSpec::default()
    }
}

/// The next round of a job, without tasks.
pub(super) fn emptied(mut spec: ServiceSpec) -> ServiceSpec {
    if let Some(task) = &mut spec.task_template {
        task.force_update = Some(task.force_update.unwrap_or(0) + 1);
    }
    spec.mode = Some(ServiceSpecMode {
        replicated_job: Some(ServiceSpecModeReplicatedJob {
            max_concurrent: Some(1),
            total_completions: Some(0),
        }),
        ..ServiceSpecMode::default()
    });
    spec
}

fn rounds_of(workers: i64) -> ServiceSpecMode {
    ServiceSpecMode {
        replicated_job: Some(ServiceSpecModeReplicatedJob {
            max_concurrent: Some(workers),
            total_completions: Some(workers),
        }),
        ..ServiceSpecMode::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment() -> Assignment {
        Assignment {
            run: "20261130T120000Z.a1b2".into(),
            workers: 3,
            image: "loadgen".into(),
            network: "host".into(),
            until: 1_800_000_000,
            home: "/loadgen".into(),
            arguments: vec!["worker".into()],
            files: Vec::new(),
        }
    }

    #[test]
    fn a_service_has_a_name_that_an_engine_takes() {
        assert_eq!(
            name_of("20261130T120000Z.a1b2"),
            "loadgen-20261130T120000Z-a1b2"
        );
        assert!(name_of(&"x".repeat(96)).len() < 60);
        assert_eq!(name_of("a__"), "loadgen-a");
    }

    #[test]
    fn each_worker_has_a_machine_where_there_are_enough() {
        let most = |nodes| {
            let job = job(&assignment(), "loadgen-a", nodes, Vec::new(), Vec::new());
            job.task_template?.placement?.max_replicas
        };
        assert_eq!(most(3), Some(1));
        assert_eq!(most(2), None);
    }

    #[test]
    fn a_round_without_tasks_is_another_round() {
        let job = job(&assignment(), "loadgen-a", 1, Vec::new(), Vec::new());
        let emptied = emptied(job.clone());
        assert_ne!(
            job.task_template.and_then(|task| task.force_update),
            emptied.task_template.and_then(|task| task.force_update)
        );
        let rounds = emptied.mode.and_then(|mode| mode.replicated_job);
        assert_eq!(rounds.and_then(|job| job.total_completions), Some(0));
    }
}
