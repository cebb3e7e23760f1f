//! Requests with their instants, in order: what is sent again of a log, and nothing else of it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access_log::{LeftOut, LogError, MOST_LOGGED};
use super::text::{is_host, is_method, is_path};
use crate::model::Nanos;

/// The most methods of a log: each may be a name by which results are told.
const MOST_METHODS: usize = 20;
const MOST_HOSTS: usize = 1_000;
/// Stands for the host of a request that has none.
const NO_HOST: &str = "-";

/// The requests of a log. Every copy is of the same ones.
///
/// It is stored as text, a line each: nanoseconds since the one before, method, host or `-`, path.
/// Addresses, users and agents are not in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Log(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    /// One behind the other, in any order.
    paths: Vec<u8>,
    methods: Vec<String>,
    hosts: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Nanoseconds.
    at: u64,
    path: (u32, u32),
    method: u8,
    host: Option<u16>,
    is_whole_second: bool,
}

/// One request of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged<'a> {
    /// Since the first one.
    pub at: Nanos,
    pub method: &'a str,
    pub host: Option<&'a str>,
    /// Path and query.
    pub path: &'a [u8],
}

/// Puts a [`Log`] together.
#[derive(Debug, Default)]
pub(super) struct LogBuilder {
    inner: Inner,
    /// The places of hosts.
    hosts: BTreeMap<Vec<u8>, u16>,
}

impl LogBuilder {
    /// Adds a request by nanoseconds of any epoch.
    pub(super) fn add(
        &mut self,
        at: u64,
        is_whole_second: bool,
        host: Option<&[u8]>,
        method: &[u8],
        path: &[u8],
    ) -> Result<(), LeftOut> {
        let method = std::str::from_utf8(method).unwrap_or_default();
        if !is_method(method) {
            return Err(LeftOut::Method);
        }
        if !is_path(path) {
            return Err(LeftOut::Path);
        }
        let method = self.method(method).ok_or(LeftOut::Method)?;
        let host = host
            .map(|host| self.host(host).ok_or(LeftOut::Host))
            .transpose()?;
        let start = self.inner.paths.len() as u32;
        self.inner.paths.extend_from_slice(path);
        self.inner.entries.push(Entry {
            at,
            path: (start, self.inner.paths.len() as u32),
            method,
            host,
            is_whole_second,
        });
        Ok(())
    }

    fn method(&mut self, method: &str) -> Option<u8> {
        let known = self.inner.methods.iter().position(|known| known == method);
        let place = known.or_else(|| {
            let is_room = self.inner.methods.len() < MOST_METHODS;
            is_room.then(|| {
                self.inner.methods.push(method.to_owned());
                self.inner.methods.len() - 1
            })
        });
        place.map(|place| place as u8)
    }

    fn host(&mut self, host: &[u8]) -> Option<u16> {
        if let Some(known) = self.hosts.get(host) {
            return Some(*known);
        }
        let text = std::str::from_utf8(host).ok().filter(|it| is_host(it))?;
        if self.hosts.len() >= MOST_HOSTS {
            return None;
        }
        let place = self.hosts.len() as u16;
        self.inner.hosts.push(text.to_ascii_lowercase());
        self.hosts.insert(host.to_vec(), place);
        Some(place)
    }

    pub(super) const fn len(&self) -> usize {
        self.inner.entries.len()
    }

    /// Whether some instants are whole seconds.
    pub(super) fn has_whole_seconds(&self) -> bool {
        self.inner.entries.iter().any(|entry| entry.is_whole_second)
    }

    /// The requests in order of time, from the first one on.
    pub(super) fn finish(mut self) -> Log {
        let entries = &mut self.inner.entries;
        entries.sort_by_key(|entry| entry.at);
        if entries.iter().any(|entry| entry.is_whole_second) {
            spread(entries);
            entries.sort_by_key(|entry| entry.at);
        }
        let first = entries.first().map_or(0, |entry| entry.at);
        for entry in entries.iter_mut() {
            entry.at -= first;
        }
        Log(Arc::new(self.inner))
    }
}

/// Spreads the requests of a whole second evenly over it, in their order.
fn spread(entries: &mut [Entry]) {
    for same in entries.chunk_by_mut(|one, other| one.at == other.at) {
        let n = same.iter().filter(|entry| entry.is_whole_second).count() as u64;
        let whole = same.iter_mut().filter(|entry| entry.is_whole_second);
        for (place, entry) in whole.enumerate() {
            entry.at += place as u64 * Nanos::SECOND.0 / n;
        }
    }
}

impl Log {
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The requests in order of time.
    pub fn requests(&self) -> impl Iterator<Item = Logged<'_>> {
        let Inner {
            entries,
            paths,
            methods,
            hosts,
        } = &*self.0;
        entries.iter().map(|entry| Logged {
            at: Nanos(entry.at),
            method: &methods[usize::from(entry.method)],
            host: entry.host.map(|host| hosts[usize::from(host)].as_str()),
            path: &paths[entry.path.0 as usize..entry.path.1 as usize],
        })
    }

    /// How many bytes its text has.
    #[must_use]
    pub fn stored_length(&self) -> usize {
        let (mut before, mut length) = (0, 0);
        for one in self.requests() {
            let gap = one.at.0 - before;
            let host = one.host.unwrap_or(NO_HOST);
            let words = super::text::digits(gap) + one.method.len() + host.len() + one.path.len();
            length += words + 4;
            before = one.at.0;
        }
        length
    }
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.requests().eq(other.requests())
    }
}

impl Eq for Log {}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = 0;
        for one in self.requests() {
            let host = one.host.unwrap_or(NO_HOST);
            let path = String::from_utf8_lossy(one.path);
            writeln!(f, "{} {} {host} {path}", one.at.0 - before, one.method)?;
            before = one.at.0;
        }
        Ok(())
    }
}

impl From<Log> for String {
    fn from(log: Log) -> Self {
        log.to_string()
    }
}

impl FromStr for Log {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let mut to = LogBuilder::default();
        let mut at = 0_u64;
        for (place, line) in text.lines().enumerate() {
            let wrong = LogError::Stored(place + 1);
            if place == MOST_LOGGED {
                return Err(LogError::TooMany);
            }
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            let &[gap, method, host, path] = &*words else {
                return Err(wrong);
            };
            let next = gap.parse().ok().and_then(|gap: u64| at.checked_add(gap));
            let Some(next) = next else {
                return Err(wrong);
            };
            at = next;
            let host = (host != NO_HOST).then_some(host.as_bytes());
            let added = to.add(at, false, host, method.as_bytes(), path.as_bytes());
            added.map_err(|_| wrong)?;
        }
        Ok(to.finish())
    }
}

impl TryFrom<String> for Log {
    type Error = LogError;

    fn try_from(text: String) -> Result<Self, LogError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_log_is_read_back_or_refused_by_its_line() {
        let text = "0 GET - /a\n1500000 HEAD shop /b?c={seq}\n";
        let log: Log = text.parse().expect("a log");
        assert_eq!(log.to_string(), text);
        for (line, text) in [
            (1, "GET - /a"),
            (1, "0 GET - a"),
            (2, "0 GET - /a\n-1 GET - /a"),
            (3, "0 GET - /a\n18446744073709551615 GET - /a\n1 GET - /"),
            (1, "0 GET a/b /a"),
            (1, "0 G,T - /a"),
            (1, "0 GET - /a b"),
        ] {
            assert_eq!(text.parse::<Log>(), Err(LogError::Stored(line)), "{text}");
        }
    }

    #[test]
    fn there_are_only_so_many_methods() {
        let line = |n: usize| format!("0 M{n} - /\n");
        let text: String = (0..=MOST_METHODS).map(line).collect();
        let stored = LogError::Stored(MOST_METHODS + 1);
        assert_eq!(text.parse::<Log>(), Err(stored));
    }
}
