//! The stack that somebody else runs: a target, and perhaps its replicas' metrics pages.
//!
//! **Invariant:** everything that comes from there is hostile; each read has a bound in time
//! and bytes.

mod origin;
mod probe;

use std::collections::HashMap;
use std::fmt;

use futures_util::future::{join_all, try_join_all};
use hyper::StatusCode;

use self::origin::Page;
use self::probe::Answer;
use super::StackError;
use super::wanted::{External, Timeouts, Wanted};
use crate::model::{Proxy, ProxyBook, Replica, ReplicaId, StackKind, Topology};

/// The longest name of a replica.
const MAX_ID_BYTES: usize = 128;

/// Something that looks wrong but does not stop a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The target answered a probe as if it did not know the group.
    GroupNotServed {
        /// The group.
        group: String,
        /// 404 or 421.
        status: u16,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GroupNotServed { group, status } => write!(
                f,
                "the target answers {status} for host group {group}: it may not know that name"
            ),
        }
    }
}

/// Reaches the target, asks each replica for its name, and describes what was found.
pub(super) async fn find(
    wanted: &Wanted,
    external: &External,
) -> Result<(Topology, Vec<Warning>), StackError> {
    let target = Page::read("target", &external.target, "/")?;
    if target.path != "/" {
        return Err(StackError::BadUrl {
            what: "target",
            url: external.target.clone(),
            reason: "has a path, which belongs into --path".to_owned(),
        });
    }
    let book = book(external)?;
    let warnings = reach(&target, &wanted.groups, &wanted.timeouts).await?;
    let replicas = replicas(external, &wanted.timeouts).await?;
    let groups = if wanted.groups.is_empty() {
        let mut groups: Vec<String> = Vec::new();
        for replica in &replicas {
            if !groups.contains(&replica.group) {
                groups.push(replica.group.clone());
            }
        }
        groups
    } else {
        wanted.groups.clone()
    };
    let topology = Topology {
        kind: StackKind::External,
        why: format!("external stack: --target {} was given", external.target),
        proxy: Proxy {
            name: "external".to_owned(),
            target: target.origin.to_string(),
            book,
            workers: 1,
        },
        groups,
        replicas,
    };
    Ok((topology, warnings))
}

fn book(external: &External) -> Result<Option<ProxyBook>, StackError> {
    let Some(page) = &external.proxy_metrics else {
        return Ok(None);
    };
    Ok(Some(match &external.proxy_counter {
        Some(counter) => ProxyBook::Prometheus {
            url: Page::read("proxy metrics page", page, "/metrics")?.to_string(),
            counter: counter.clone(),
        },
        None => ProxyBook::StubStatus {
            url: Page::read("proxy status page", page, "/status")?.to_string(),
        },
    }))
}

/// Makes sure that something listens and speaks HTTP; asks it for every group.
async fn reach(
    target: &Page,
    groups: &[String],
    timeouts: &Timeouts,
) -> Result<Vec<Warning>, StackError> {
    let origin = &target.origin;
    let addresses = origin.resolve(timeouts.connect).await?;
    let nothing = |reason: String| StackError::NothingListens {
        target: origin.to_string(),
        reason,
    };
    let own = [origin.authority()];
    let hosts = if groups.is_empty() { &own } else { groups };
    let mut warnings = Vec::new();
    for host in hosts {
        let stream = probe::connect(&addresses, timeouts.connect).await;
        let stream = stream.map_err(nothing)?;
        if origin.tls {
            // What lies behind TLS is for the transport that can speak it.
            break;
        }
        let answer = probe::get(stream, host, "/", timeouts.probe).await;
        let answer = answer.map_err(|reason| StackError::NoHttp {
            target: origin.to_string(),
            reason,
        })?;
        let unknown = [StatusCode::NOT_FOUND, StatusCode::MISDIRECTED_REQUEST];
        if !groups.is_empty() && unknown.contains(&answer.status) {
            warnings.push(Warning::GroupNotServed {
                group: host.clone(),
                status: answer.status.as_u16(),
            });
        }
    }
    Ok(warnings)
}

/// Every replica by its page, its host's addresses taken apart, and asked for its name.
pub(super) async fn replicas(
    external: &External,
    timeouts: &Timeouts,
) -> Result<Vec<Replica>, StackError> {
    let pages = external.replicas.iter().map(|(group, url)| async move {
        let page = Page::read("replica", url, "/metrics")?;
        let addresses = page.origin.resolve(timeouts.connect).await?;
        Ok(match addresses.as_slice() {
            // By its name, which its server may insist on.
            [_one] => vec![(group, page)],
            several => several.iter().map(|one| (group, page.at(*one))).collect(),
        })
    });
    let pages: Vec<_> = try_join_all(pages).await?.into_iter().flatten().collect();
    let named = join_all(pages.iter().map(|(group, page)| async move {
        Replica {
            group: (*group).clone(),
            id: ReplicaId(name(page, external.id_header.as_deref(), timeouts).await),
            metrics_url: page.to_string(),
        }
    }))
    .await;
    check_names(&named)?;
    Ok(named)
}

fn check_names(replicas: &[Replica]) -> Result<(), StackError> {
    let mut pages: HashMap<&ReplicaId, &str> = HashMap::new();
    for replica in replicas {
        if let Some(first) = pages.insert(&replica.id, &replica.metrics_url) {
            return Err(StackError::DuplicateReplica {
                id: replica.id.0.clone(),
                first: first.to_owned(),
                second: replica.metrics_url.clone(),
            });
        }
    }
    Ok(())
}

/// What a replica calls itself in an answer; its address, where that cannot be told.
async fn name(page: &Page, id_header: Option<&str>, timeouts: &Timeouts) -> String {
    let answered = ask(page, timeouts).await;
    let named = answered.and_then(|answer| match id_header {
        Some(header) => printable(answer.headers.get(header)?.as_bytes()),
        None => name_in_body(&answer.body),
    });
    named.unwrap_or_else(|| page.origin.authority())
}

async fn ask(page: &Page, timeouts: &Timeouts) -> Option<Answer> {
    if page.origin.tls {
        return None;
    }
    let addresses = page.origin.resolve(timeouts.connect).await.ok()?;
    let stream = probe::connect(&addresses, timeouts.connect).await.ok()?;
    let host = page.origin.authority();
    let answer = probe::get(stream, &host, "/", timeouts.probe).await.ok()?;
    answer.status.is_success().then_some(answer)
}

/// A JSON string, or a line of plain text.
fn name_in_body(body: &[u8]) -> Option<String> {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(serde_json::Value::String(name)) => printable(name.as_bytes()),
        // An object or a number is JSON, but no name.
        Ok(_) => None,
        Err(_) => printable(body),
    }
}

fn printable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let fits = (1..=MAX_ID_BYTES).contains(&text.len()) && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_json_string_or_a_short_line() {
        for (body, name) in [
            ("\"782bf3ef4322\"", Some("782bf3ef4322")),
            ("782bf3ef4322\n", Some("782bf3ef4322")),
            ("{\"message\":\"hello\"}", None),
            ("<html>\n<body>", None),
            ("42", None),
            ("", None),
        ] {
            assert_eq!(name_in_body(body.as_bytes()).as_deref(), name, "{body}");
        }
        assert_eq!(name_in_body(&[b'x'; 129]), None);
        assert_eq!(name_in_body(&[0xff, 0xfe]), None);
    }
}
