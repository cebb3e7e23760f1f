//! What one group sends of a log: when, what, and by which names its results are told.

use std::collections::BTreeMap;

use super::{Choice, Data, Log, Logged, Order, Table};
use crate::model::Nanos;

/// The most methods and paths that have a name each; with more there is a name for each method.
const MOST_NAMED: usize = 20;
/// The longest name, before a number that tells two apart.
const LONGEST_NAME: usize = 56;
/// Stands for the path of a name that has several.
const ANY_PATH: &str = "*";

/// The requests of a log that one group sends, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// When each is due, from the beginning of the warm-up.
    pub due: Vec<Nanos>,
    /// Which name each belongs to.
    pub places: Vec<u8>,
    /// In the order in which they are first met.
    pub names: Vec<Replayed>,
}

/// Requests that are told by one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub name: String,
    pub method: String,
    /// The path without its query; `*` where there are several.
    pub path: String,
    /// How many there are.
    pub requests: u32,
}

type Key<'a> = (&'a str, &'a [u8]);

impl Replay {
    /// The requests for a host, or all of them where none is told apart, `speed` times as fast.
    #[must_use]
    pub fn of(log: &Log, host: Option<&str>, speed: f64) -> Self {
        let by_path = few(requests(log, host));
        let mut replay = Self::default();
        let mut known: BTreeMap<Key<'_>, u8> = BTreeMap::new();
        for one in requests(log, host) {
            let key = if by_path {
                key(&one)
            } else {
                (one.method, &[][..])
            };
            let place = *known.entry(key).or_insert_with(|| {
                replay.names.push(named(key, &replay.names));
                (replay.names.len() - 1) as u8
            });
            replay.names[usize::from(place)].requests += 1;
            replay.places.push(place);
            replay.due.push(at_speed(one.at, speed));
        }
        replay
    }

    /// Which name arrival k belongs to.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice::recorded(self.places.clone())
    }

    /// The paths of the requests for a host: arrival k takes the cell of row k.
    #[must_use]
    pub fn paths(log: &Log, host: Option<&str>) -> Data {
        let paths = requests(log, host).map(|one| one.path);
        Data {
            name: "log".into(),
            order: Order::InTurn,
            table: Table::of_cells("path", paths),
        }
    }
}

/// The instant of a log at which something is due that is replayed at this speed.
pub(super) fn at_speed(at: Nanos, speed: f64) -> Nanos {
    Nanos((at.0 as f64 / speed).round() as u64)
}

impl Log {
    /// How long it takes at this speed: to the end of the second of its last request.
    #[must_use]
    pub fn length(&self, speed: f64) -> Nanos {
        let last = self.requests().last().map_or(Nanos::ZERO, |one| one.at);
        let seconds = at_speed(last, speed).0 / Nanos::SECOND.0;
        Nanos(seconds.saturating_add(1).saturating_mul(Nanos::SECOND.0))
    }
}

/// The requests for a host; its port, if it has one, is not what a log says.
fn requests<'a>(log: &'a Log, host: Option<&'a str>) -> impl Iterator<Item = Logged<'a>> {
    let host = host.map(without_port);
    let is_ours = move |one: &Logged<'_>| {
        host.is_none_or(|host| one.host.is_some_and(|of| of.eq_ignore_ascii_case(host)))
    };
    log.requests().filter(is_ours)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn key<'a>(one: &Logged<'a>) -> Key<'a> {
    let end = one.path.iter().position(|byte| matches!(byte, b'?' | b'#'));
    (one.method, &one.path[..end.unwrap_or(one.path.len())])
}

/// Whether there are so few methods and paths that each can have a name.
fn few<'a>(requests: impl Iterator<Item = Logged<'a>>) -> bool {
    let mut known: Vec<Key<'_>> = Vec::new();
    for one in requests {
        let key = key(&one);
        if !known.contains(&key) {
            known.push(key);
            if known.len() > MOST_NAMED {
                return false;
            }
        }
    }
    true
}

/// A name for a method and a path, unlike those there are.
fn named((method, path): Key<'_>, others: &[Replayed]) -> Replayed {
    let path = String::from_utf8_lossy(path).into_owned();
    let words = format!("{} {path}", method.to_ascii_lowercase());
    let words = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(LONGEST_NAME);
    let is_taken = |name: &str| others.iter().any(|other| other.name == name);
    let numbered = (2..).map(|n| format!("{name}-{n}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    let is_free = |name: &String| !name.is_empty() && !is_taken(name);
    Replayed {
        name: names.find(is_free).unwrap_or_default(),
        method: method.to_owned(),
        path: if path.is_empty() {
            ANY_PATH.into()
        } else {
            path
        },
        requests: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::is_name;

    fn log(text: &str) -> Log {
        text.parse().expect("a log")
    }

    #[test]
    fn few_paths_have_a_name_each_and_many_a_name_for_each_method() {
        let text = "0 GET - /items?page=1\n1 GET - /items/7\n1 HEAD - /items\n1 GET - /items?page=2\n1 GET - /\n1 GET - /items-7\n";
        let replay = Replay::of(&log(text), None, 1.0);
        let names: Vec<_> = replay.names.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "get-items",
                "get-items-7",
                "head-items",
                "get",
                "get-items-7-2"
            ]
        );
        assert_eq!(replay.places, [0, 1, 2, 0, 3, 4]);
        assert_eq!(replay.names[0].path, "/items");
        assert_eq!(replay.names[0].requests, 2);
        let line = |n: u32| format!("0 GET - /{n}\n");
        let many: String = (0..21).map(line).collect();
        let replay = Replay::of(&log(&(many + "0 HEAD - /\n")), None, 1.0);
        let names: Vec<_> = replay.names.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["get", "head"]);
        assert_eq!(replay.names[0].path, "*");
    }

    #[test]
    fn a_name_is_one_whatever_the_method_and_the_path_are() {
        let long = "x".repeat(300);
        let text = format!("0 GET - /{long}a\n0 GET - /{long}b\n0 *~ - /%~\n0 !! - /\n0 ~~ - /\n");
        let replay = Replay::of(&log(&text), None, 1.0);
        assert_eq!(replay.names.len(), 5);
        for (place, one) in replay.names.iter().enumerate() {
            assert!(is_name(&one.name), "{}", one.name);
            assert!(
                replay.names[..place]
                    .iter()
                    .all(|other| other.name != one.name)
            );
        }
    }

    #[test]
    fn requests_are_due_at_their_instants_by_the_speed_and_are_those_of_the_host() {
        let text = "0 GET shop /a\n1000000000 GET other /b\n2000000001 GET Shop /c\n";
        let log = log(text);
        let replay = Replay::of(&log, Some("shop:8080"), 2.0);
        assert_eq!(replay.due, [Nanos(0), Nanos(1_500_000_001)]);
        let paths = Replay::paths(&log, Some("shop"));
        assert_eq!(paths.table.rows(), 2);
        assert_eq!(paths.table.cell(1, 0), b"/c");
        assert_eq!(Replay::of(&log, None, 0.5).due[2], Nanos(6_000_000_002));
        assert_eq!(log.length(1.0), Nanos(4 * Nanos::SECOND.0));
        assert_eq!(log.length(2.0), Nanos(2 * Nanos::SECOND.0));
        assert_eq!(log.length(3.1), Nanos(Nanos::SECOND.0));
    }
}
