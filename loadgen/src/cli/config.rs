//! `--config FILE.toml`: the same names as the flags, and flags win.

use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::UsageError;
use super::args::RunArgs;

/// Reads a file of flags.
pub fn read(path: &Path) -> Result<RunArgs, UsageError> {
    let text = std::fs::read_to_string(path).map_err(|reason| {
        let message = format!("configuration {} cannot be read: {reason}", path.display());
        UsageError::new(message, "give --config the path of a TOML file")
    })?;
    toml::from_str(&text).map_err(|reason| {
        let message = format!("configuration {} is not valid: {}", path.display(), reason.to_string().trim_end());
        UsageError::new(message, "its names are those of the flags, without the dashes: rps = 500, host = [\"app-group-1\"]")
    })
}

/// The flags, and behind them the file's values for what was not typed.
pub fn merge(flags: RunArgs, file: RunArgs) -> RunArgs {
    let list = |flags: Vec<String>, file: Vec<String>| if flags.is_empty() { file } else { flags };
    // The three ways to give a load exclude one another, so one typed replaces one in the file.
    let load_typed = flags.rps.is_some() || flags.stages.is_some() || flags.closed;
    let file = if load_typed {
        RunArgs {
            rps: None,
            stages: None,
            closed: false,
            ..file
        }
    } else {
        file
    };
    RunArgs {
        host: list(flags.host, file.host),
        rps: flags.rps.or(file.rps),
        stages: flags.stages.or(file.stages),
        closed: flags.closed || file.closed,
        duration: flags.duration.or(file.duration),
        warmup: flags.warmup.or(file.warmup),
        requests: flags.requests.or(file.requests),
        connections: flags.connections.or(file.connections),
        arrivals: flags.arrivals.or(file.arrivals),
        seed: flags.seed.or(file.seed),
        threads: flags.threads.or(file.threads),
        pacing: flags.pacing.or(file.pacing),
        path: flags.path.or(file.path),
        method: flags.method.or(file.method),
        header: list(flags.header, file.header),
        body: flags.body.or(file.body),
        timeout: flags.timeout.or(file.timeout),
        connect_timeout: flags.connect_timeout.or(file.connect_timeout),
        stack: flags.stack.or(file.stack),
        target: flags.target.or(file.target),
        replica: list(flags.replica, file.replica),
        replica_id: flags.replica_id.or(file.replica_id),
        replicas: flags.replicas.or(file.replicas),
        proxy_metrics: flags.proxy_metrics.or(file.proxy_metrics),
        proxy_counter: flags.proxy_counter.or(file.proxy_counter),
        proxy_workers: flags.proxy_workers.or(file.proxy_workers),
        insecure: flags.insecure || file.insecure,
        cacert: flags.cacert.or(file.cacert),
        policy: flags.policy.or(file.policy),
        counter: flags.counter.or(file.counter),
        fail_if: list(flags.fail_if, file.fail_if),
        replica_arg: list(flags.replica_arg, file.replica_arg),
        embedded_policy: flags.embedded_policy.or(file.embedded_policy),
    }
}

/// A number in a file may be written as a number or as a text.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Whole(i64),
        Decimal(f64),
        Text(String),
    }
    Ok(Some(match Number::deserialize(from)? {
        Number::Whole(number) => number.to_string(),
        Number::Decimal(number) => number.to_string(),
        Number::Text(text) => text,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<RunArgs, UsageError> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("writable");
        read(file.path())
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = file("rps = 0.5\nhost = [\"a\"]\nduration = \"3s\"").expect("valid");
        let flags = RunArgs {
            rps: Some("7".into()),
            ..RunArgs::default()
        };
        let merged = merge(flags, file);
        assert_eq!(merged.rps.as_deref(), Some("7"));
        assert_eq!(merged.host, ["a"]);
        assert_eq!(merged.duration.as_deref(), Some("3s"));
    }

    #[test]
    fn a_load_typed_replaces_another_kind_of_load_in_the_file() {
        let merged = merge(
            RunArgs {
                closed: true,
                ..RunArgs::default()
            },
            file("rps = 5").expect("valid"),
        );
        assert!(merged.closed && merged.rps.is_none());
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        let error = file("rpm = 5").expect_err("unknown");
        assert!(error.to_string().contains("rpm"), "{error}");
    }
}
