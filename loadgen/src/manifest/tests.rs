//! Manifests as they are printed, and what has no manifest.

use std::time::{Duration, SystemTime};

use serde::Deserialize as _;

use super::*;
use crate::model::{External, Identity, StackChoice};
use crate::plan::PlanFields;
use crate::synthetic::Crew;

/// Three workers of a crew's load, at an external target.
fn asked() -> Asked {
    let mut job = Crew::new(3, 100.0, 60).job();
    let mut plan = PlanFields::from(job.plan);
    plan.stack = StackChoice::External(External {
        target: "http://shop.default".into(),
        replicas: Vec::new(),
        proxy_metrics: None,
        proxy_counter: None,
        insecure: false,
        cacert: None,
        identity: None,
    });
    job.plan = plan.validate().expect("a plan");
    Asked {
        job,
        files: Vec::new(),
        workers: 3,
        image: "loadgen".into(),
        namespace: None,
        name: None,
        run: "20260801T120000Z".into(),
        start: SystemTime::UNIX_EPOCH + Duration::from_secs(1_785_585_600),
        deadline: Duration::from_millis(137_200),
        cpu: "1".into(),
        memory: "512Mi".into(),
        log_kept: 10 << 20,
    }
}

/// The same with a user, a key and a certificate.
fn secret() -> Asked {
    let mut asked = asked();
    let mut plan = PlanFields::from(asked.job.plan);
    if let StackChoice::External(external) = &mut plan.stack {
        external.target = "https://shop.default".into();
        external.cacert = Some("/etc/ssl/ca.pem".into());
        external.identity = Some(Identity {
            certificate: "tls/me.pem".into(),
            key: "tls/me.key".into(),
        });
    }
    asked.job.plan = plan.validate().expect("a plan");
    asked.job.password = Some("s3cr3t".into());
    let files = asked.job.plan.files();
    assert_eq!(files.len(), 3);
    let shipped = |(path, is_secret): (String, bool)| Shipped {
        bytes: format!("what {path} holds").into_bytes(),
        path,
        is_secret,
    };
    asked.files = files.into_iter().map(shipped).collect();
    asked.namespace = Some("load".into());
    asked.name = Some("friday".into());
    asked
}

fn refused(change: impl FnOnce(&mut Asked)) -> ManifestError {
    let mut asked = asked();
    change(&mut asked);
    kubernetes(&asked).expect_err("refused")
}

#[test]
fn a_load_is_a_job_and_a_config_map() {
    let manifest = kubernetes(&asked()).expect("a manifest");
    insta::assert_snapshot!("plain", manifest.text);
    insta::assert_snapshot!("steps", manifest.steps);
}

#[test]
fn a_password_and_a_key_are_in_the_secret_and_nowhere_else() {
    let manifest = kubernetes(&secret()).expect("a manifest");
    insta::assert_snapshot!("secret", manifest.text);
    assert!(!manifest.text.contains("s3cr3t") && !manifest.steps.contains("s3cr3t"));
    let list: Value = serde_json::from_str(&manifest.text).expect("JSON");
    let of_kind = |kind: &str| {
        let items = list["items"].as_array().expect("items");
        let found = items.iter().find(|item| item["kind"] == kind);
        found.expect(kind).to_string()
    };
    // The base64 of both.
    for part in ["czNjcjN0", "d2hhdCB0bHMvbWUua2V5IGhvbGRz"] {
        assert!(of_kind("Secret").contains(part));
        assert!(!of_kind("ConfigMap").contains(part) && !of_kind("Job").contains(part));
    }
}

#[test]
fn every_field_is_one_of_the_api() {
    use k8s_openapi::api::{batch::v1::Job, core::v1::ConfigMap, core::v1::Secret};
    let list: Value =
        serde_json::from_str(&kubernetes(&secret()).expect("a manifest").text).expect("JSON");
    for item in list["items"].as_array().expect("items") {
        // What the type does not know would be missing when it is written again.
        let again = match item["kind"].as_str() {
            Some("Job") => value(&Job::deserialize(item).expect("a Job")),
            Some("ConfigMap") => value(&ConfigMap::deserialize(item).expect("a ConfigMap")),
            Some("Secret") => value(&Secret::deserialize(item).expect("a Secret")),
            other => panic!("{other:?}"),
        };
        assert_eq!(&again, item);
    }
}

#[test]
fn names_are_those_that_a_cluster_takes() {
    for (name, why) in [
        ("Friday", "`F` may not stand in one"),
        ("a_b", "`_` may not stand in one"),
        ("-a", "begins or ends"),
        ("", "0 bytes"),
        (&"a".repeat(62), "62 bytes, and 1 to 61"),
    ] {
        let error = refused(|asked| asked.name = Some(name.into()));
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.hint().contains("small letters"));
        assert!(error.to_string().starts_with("--name"));
    }
    let namespace = refused(|asked| asked.namespace = Some("a.b".into()));
    assert!(namespace.to_string().contains("--namespace `a.b`"));
    let run = refused(|asked| asked.run = "-r".into());
    assert!(run.to_string().contains("--run-id `-r`"));
    // A made one is a label whatever the run is called, with a pod's number behind it.
    let mut asked = asked();
    (asked.run, asked.workers) = (format!("R.{}_z", "x".repeat(58)), 1_000);
    let name = names::object(&asked).expect("a name");
    assert!(name.starts_with("loadgen-r-xxx") && name.len() + "-999".len() <= 63);
}

#[test]
fn quantities_and_images_are_checked() {
    for (cpu, memory, flag) in [
        ("1.5.0", "1Gi", "--pod-cpu `1.5.0`"),
        ("one", "1Gi", "--pod-cpu `one`"),
        ("1Gi", "1Gi", "--pod-cpu `1Gi`"),
        ("0", "1Gi", "--pod-cpu `0`"),
        ("500m", "512MB", "--pod-memory `512MB`"),
    ] {
        let error = refused(|asked| (asked.cpu, asked.memory) = (cpu.into(), memory.into()));
        assert!(error.to_string().contains(flag), "{error}");
    }
    for image in ["", "a b", "-x", "a\nb"] {
        let error = refused(|asked| asked.image = image.into());
        assert!(matches!(error, ManifestError::Image(_)), "{error}");
    }
}

#[test]
fn what_an_object_cannot_hold_or_a_pod_not_find_is_refused() {
    let file = |path: &str, bytes: usize| Shipped {
        path: path.into(),
        bytes: vec![0; bytes],
        is_secret: false,
    };
    let large = refused(|asked| asked.files = vec![file("a", 600 << 10), file("b", 600 << 10)]);
    assert!(
        large.to_string().contains("a ConfigMap holds 1,048,576"),
        "{large}"
    );
    let above = refused(|asked| asked.files = vec![file("../a", 1)]);
    assert!(above.hint().contains("without `..`"));
}

#[test]
fn a_log_that_a_kubelet_would_not_keep_is_refused_with_the_longest_run() {
    let long = |asked: &mut Asked, seconds: u64| {
        let mut plan = PlanFields::from(asked.job.plan.clone());
        plan.duration = Duration::from_secs(seconds);
        asked.job.plan = plan.validate().expect("a plan");
    };
    let ManifestError::TooLong { bytes, seconds, .. } = refused(|asked| long(asked, 7_200)) else {
        panic!("too long")
    };
    assert!(bytes > 10 << 20 && seconds > 600, "{bytes} {seconds}");
    let mut as_long_as_may_be = asked();
    long(&mut as_long_as_may_be, seconds);
    assert!(kubernetes(&as_long_as_may_be).is_ok());
    // Where the kubelets keep more, it is possible.
    let mut kept = asked();
    long(&mut kept, 7_200);
    kept.log_kept = 100 << 20;
    assert!(kubernetes(&kept).is_ok());
}

#[test]
fn workers_say_no_more_than_is_estimated() {
    for (workers, rate, seconds) in [
        (2, 1.0, 20),
        (1, 100.0, 20),
        (2, 2_000.0, 5),
        (1, 20_000.0, 3),
    ] {
        let crew = Crew::new(workers, rate, seconds);
        let mut said = Vec::new();
        crew.write(0, &mut said).expect("memory");
        let lines = said.split(|byte| *byte == b'\n').count() - 1;
        // What a container runtime writes before each: the instant, the stream, and a mark.
        let said = (said.len() + lines * 45) as u64;
        let estimated = length::check(&Asked {
            job: crew.job(),
            workers,
            ..asked()
        });
        let estimated = estimated.expect("short");
        assert!(said < estimated, "{said} of {estimated} at {rate}/s");
    }
}
