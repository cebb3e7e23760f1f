//! What the cluster stores for the workers: the plan and its files in a `ConfigMap`, and what nobody
//! else may read in a Secret.

use std::path::{Component, Path};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, KeyToPath, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Asked, ManifestError, Shipped};

/// The key of the plan.
const JOB: &str = "job";
/// The key of the password.
const PASSWORD: &str = "password";
/// Where both lie, seen from the worker's folder. No plan names a file there.
pub(super) const JOB_PATH: &str = ".loadgen/job";
pub(super) const PASSWORD_PATH: &str = ".loadgen/password";
/// Where files lie in the volume whose path is absolute; they are mounted one by one.
const ABSOLUTE: &str = ".loadgen/absolute";
/// The most bytes that an object holds.
const MOST: u64 = 1 << 20;

/// Both objects, and where their parts lie in the volume.
pub(super) struct Stored {
    pub(super) config: ConfigMap,
    pub(super) secret: Option<Secret>,
    pub(super) config_items: Vec<KeyToPath>,
    pub(super) secret_items: Vec<KeyToPath>,
    /// Where a part of the volume is mounted by itself: the path in it, and the absolute one.
    pub(super) absolute: Vec<(String, String)>,
}

/// What all objects are called, where they are, and by which label they are found.
pub(super) fn meta(asked: &Asked, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: asked.namespace.clone(),
        labels: Some(labels(asked)),
        ..ObjectMeta::default()
    }
}

pub(super) fn labels(asked: &Asked) -> std::collections::BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name".into(), "loadgen".into()),
        ("loadgen.run".into(), asked.run.clone()),
    ]
    .into()
}

/// Stores the plan without its password, and every file by its place in the list.
pub(super) fn of(asked: &Asked, name: &str) -> Result<Stored, ManifestError> {
    let mut config = ConfigMap {
        immutable: Some(true),
        metadata: meta(asked, name),
        ..ConfigMap::default()
    };
    let mut secret = Secret {
        immutable: Some(true),
        metadata: meta(asked, name),
        ..Secret::default()
    };
    let job = asked.job.without_password();
    config
        .data
        .get_or_insert_default()
        .insert(JOB.into(), job.line());
    let mut config_items = vec![item(JOB, JOB_PATH)];
    let (mut secret_items, mut absolute) = (Vec::new(), Vec::new());
    if let Some(password) = &asked.job.password {
        let text = ByteString(password.clone().into_bytes());
        (secret.data.get_or_insert_default()).insert(PASSWORD.into(), text);
        secret_items.push(item(PASSWORD, PASSWORD_PATH));
    }
    for (place, file) in asked.files.iter().enumerate() {
        let key = format!("file-{place}");
        let path = place_of(file)?;
        if Path::new(&file.path).is_absolute() {
            absolute.push((path.clone(), file.path.clone()));
        }
        let (items, data) = if file.is_secret {
            (&mut secret_items, &mut secret.data)
        } else {
            (&mut config_items, &mut config.binary_data)
        };
        items.push(item(&key, &path));
        (data.get_or_insert_default()).insert(key, ByteString(file.bytes.clone()));
    }
    let length = |data: &Option<std::collections::BTreeMap<String, ByteString>>| {
        let lengths = data.iter().flatten().map(|(_, bytes)| bytes.0.len() as u64);
        lengths.sum::<u64>()
    };
    let texts = config.data.iter().flatten();
    let texts: u64 = texts.map(|(_, text)| text.len() as u64).sum();
    fits("a ConfigMap", texts + length(&config.binary_data))?;
    fits("a Secret", length(&secret.data))?;
    Ok(Stored {
        config,
        secret: secret.data.is_some().then_some(secret),
        config_items,
        secret_items,
        absolute,
    })
}

fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath {
        key: key.to_owned(),
        path: path.to_owned(),
        mode: None,
    }
}

fn fits(what: &'static str, bytes: u64) -> Result<(), ManifestError> {
    if bytes <= MOST {
        return Ok(());
    }
    Err(ManifestError::TooLarge {
        what,
        bytes,
        most: MOST,
    })
}

/// Where a file lies in the volume.
fn place_of(file: &Shipped) -> Result<String, ManifestError> {
    let refused = || ManifestError::Path(file.path.clone());
    let mut parts: Vec<&str> = Vec::new();
    for component in Path::new(&file.path).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(refused)?),
            Component::RootDir => parts.push(ABSOLUTE),
            Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(refused()),
        }
    }
    if parts.is_empty() || file.path.contains(':') {
        return Err(refused());
    }
    Ok(parts.join("/"))
}
