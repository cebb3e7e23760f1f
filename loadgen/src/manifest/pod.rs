//! The Job, and the pod that each of its workers is.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, ConfigMapProjection, Container, EnvVar, EnvVarSource,
    ObjectFieldSelector, PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec,
    PodTemplateSpec, ProjectedVolumeSource, ResourceRequirements, SeccompProfile, SecretProjection,
    SecurityContext, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::Asked;
use super::stored::{JOB_PATH, PASSWORD_PATH, Stored, labels, meta};

/// The container, and the volume.
const WORKER: &str = "worker";
const VOLUME: &str = "plan";
/// The folder from which the plan's files are seen.
const FOLDER: &str = "/plan";
/// Nobody; the image's own user.
const USER: i64 = 65_532;
/// How long the Job, its pods and their logs stay after the end, in seconds.
const KEPT: i32 = 3_600;
/// How long a worker may take to end that is told to, and the Job to be over, in seconds.
const GRACE: i64 = 30;
/// Read by all: the volume's owner is root, and the worker is not.
const READ_ONLY: i32 = 0o444;

/// The Job, whose pods are the workers.
pub(super) fn job(asked: &Asked, name: &str, stored: &Stored) -> Job {
    let workers = i32::try_from(asked.workers).unwrap_or(i32::MAX);
    let deadline = asked.deadline.as_secs_f64().ceil() as i64 + GRACE;
    Job {
        metadata: meta(asked, name),
        spec: Some(JobSpec {
            completion_mode: Some("Indexed".into()),
            completions: Some(workers),
            parallelism: Some(workers),
            backoff_limit_per_index: Some(0),
            pod_replacement_policy: Some("Failed".into()),
            active_deadline_seconds: Some(deadline),
            ttl_seconds_after_finished: Some(KEPT),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(asked)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(asked, name, stored)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn pod(asked: &Asked, name: &str, stored: &Stored) -> PodSpec {
    PodSpec {
        affinity: Some(one_a_machine(asked)),
        automount_service_account_token: Some(false),
        containers: vec![container(asked, stored)],
        enable_service_links: Some(false),
        restart_policy: Some("Never".into()),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        termination_grace_period_seconds: Some(GRACE),
        volumes: Some(vec![volume(name, stored)]),
        ..PodSpec::default()
    }
}

/// No two workers on one machine.
fn one_a_machine(asked: &Asked) -> Affinity {
    let run = ("loadgen.run".to_owned(), asked.run.clone());
    let term = PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_labels: Some([run].into()),
            match_expressions: None,
        }),
        topology_key: "kubernetes.io/hostname".into(),
        ..PodAffinityTerm::default()
    };
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![term]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn container(asked: &Asked, stored: &Stored) -> Container {
    let share = || {
        let of = |name: &str, amount: &str| (name.to_owned(), Quantity(amount.to_owned()));
        Some(BTreeMap::from([
            of("cpu", &asked.cpu),
            of("memory", &asked.memory),
        ]))
    };
    Container {
        name: WORKER.into(),
        image: Some(asked.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        args: Some(arguments(asked)),
        env: Some(vec![
            of_pod("LOADGEN_TASK", "metadata.name"),
            of_pod("LOADGEN_NODE", "spec.nodeName"),
        ]),
        // A share of its own, so that nobody takes it away: limits as requests.
        resources: Some(ResourceRequirements {
            claims: None,
            limits: share(),
            requests: share(),
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                add: None,
                drop: Some(vec!["ALL".into()]),
            }),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts(stored)),
        working_dir: Some(FOLDER.into()),
        ..Container::default()
    }
}

/// Which worker it is, the Job says by `JOB_COMPLETION_INDEX`.
fn arguments(asked: &Asked) -> Vec<String> {
    let start = humantime::format_rfc3339_millis(asked.start).to_string();
    let of = asked.workers.to_string();
    let words = ["worker", JOB_PATH, "--of", &of, "--run-id", &asked.run];
    let password = ["--password-file", PASSWORD_PATH];
    let password = password.iter().filter(|_| asked.job.password.is_some());
    let words = words.iter().chain(&["--start-at"]).map(ToString::to_string);
    let start = std::iter::once(start);
    let password = password.map(ToString::to_string);
    words.chain(start).chain(password).collect()
}

/// A variable that is a field of the pod.
fn of_pod(name: &str, field: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: None,
                field_path: field.to_owned(),
            }),
            ..EnvVarSource::default()
        }),
    }
}

fn volume(name: &str, stored: &Stored) -> Volume {
    let config = VolumeProjection {
        config_map: Some(ConfigMapProjection {
            items: Some(stored.config_items.clone()),
            name: name.to_owned(),
            optional: None,
        }),
        ..VolumeProjection::default()
    };
    let secret = stored.secret.as_ref().map(|_| VolumeProjection {
        secret: Some(SecretProjection {
            items: Some(stored.secret_items.clone()),
            name: name.to_owned(),
            optional: None,
        }),
        ..VolumeProjection::default()
    });
    Volume {
        name: VOLUME.into(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(READ_ONLY),
            sources: Some(std::iter::once(config).chain(secret).collect()),
        }),
        ..Volume::default()
    }
}

fn mounts(stored: &Stored) -> Vec<VolumeMount> {
    let mount = |mount_path: &str, sub_path: Option<String>| VolumeMount {
        name: VOLUME.into(),
        mount_path: mount_path.to_owned(),
        sub_path,
        read_only: Some(true),
        ..VolumeMount::default()
    };
    let folder = std::iter::once(mount(FOLDER, None));
    let absolute = stored.absolute.iter();
    let files = absolute.map(|(from, to)| mount(to, Some(from.clone())));
    folder.chain(files).collect()
}
