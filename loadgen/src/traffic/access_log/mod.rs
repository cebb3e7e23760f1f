//! A server's access log as the requests that it tells of, and what of it cannot be sent again.
//!
//! Lines are in the combined format or JSON, each by its first byte. Nothing in them is trusted: what
//! cannot be sent again is counted by its reason.

mod combined;
mod instant;
mod json;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Log;
use super::log::LogBuilder;

/// The longest line, in bytes; no server takes a longer request line.
const LONGEST_LINE: usize = 64 * 1024;
/// The most requests of a log.
pub const MOST_LOGGED: usize = 1_000_000;

/// A log that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLog {
    pub log: Log,
    /// How many lines it has, empty ones not among them.
    pub lines: u64,
    /// How many of them are not sent again, by reason.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// Whether some of its times are whole seconds, over which their requests were spread.
    pub whole_seconds: bool,
}

/// Why a line of a log is not sent again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOut {
    /// It had a body, and bodies are in no log.
    Body,
    /// It went to a host that gets no load.
    OtherHost,
    /// It holds no request, as for bytes that were none.
    NoRequest,
    Method,
    Path,
    Host,
    Time,
    TooLong,
    /// It is of no format that is known.
    NoLine,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Body => "POST, PUT or PATCH, whose bodies are in no log",
            Self::OtherHost => "for other hosts",
            Self::NoRequest => "without a request",
            Self::Method => "with a method that cannot be sent",
            Self::Path => "with a path that cannot be sent",
            Self::Host => "with a host that is none",
            Self::Time => "with a time that is none",
            Self::TooLong => "longer than 64 KiB",
            Self::NoLine => "neither in the combined format nor JSON",
        })
    }
}

/// Why a log cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    #[error("it has more than 1,000,000 requests")]
    TooMany,
    #[error("none of its {lines} lines can be sent again{}", told(left_out))]
    Nothing {
        lines: u64,
        left_out: BTreeMap<LeftOut, u64>,
    },
    /// A stored log that was changed.
    #[error("line {0} of the stored log is no request")]
    Stored(usize),
}

impl LogError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooMany => "give a part of it, as `tail -n 1000000` makes one",
            Self::Nothing { .. } => {
                "give an access log in the combined format, or in the JSON format that nginx.conf has for replays"
            }
            Self::Stored(_) => "take the plan as it was stored, or give the log with --replay",
        }
    }
}

/// Reasons with their numbers: `: 3 without a request, 1 …`; nothing where there are none.
fn told(left_out: &BTreeMap<LeftOut, u64>) -> String {
    let each = left_out.iter().map(|(why, n)| format!("{n} {why}"));
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        String::new()
    } else {
        format!(": {}", each.join(", "))
    }
}

/// A line that asks for something, before that is checked.
#[derive(Debug)]
struct Line {
    /// Nanoseconds since 1970.
    at: u64,
    is_whole_second: bool,
    host: Option<Vec<u8>>,
    method: Vec<u8>,
    path: Vec<u8>,
}

impl AccessLog {
    /// Reads the text of a log.
    pub fn read(text: &[u8]) -> Result<Self, LogError> {
        let mut to = LogBuilder::default();
        let (mut lines, mut left_out) = (0, BTreeMap::new());
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            lines += 1;
            match added(line, &mut to) {
                Ok(()) if to.len() > MOST_LOGGED => return Err(LogError::TooMany),
                Ok(()) => {}
                Err(why) => *left_out.entry(why).or_default() += 1,
            }
        }
        if to.len() == 0 {
            return Err(LogError::Nothing { lines, left_out });
        }
        Ok(Self {
            whole_seconds: to.has_whole_seconds(),
            log: to.finish(),
            lines,
            left_out,
        })
    }
}

fn added(line: &[u8], to: &mut LogBuilder) -> Result<(), LeftOut> {
    if line.len() > LONGEST_LINE {
        return Err(LeftOut::TooLong);
    }
    let Line {
        at,
        is_whole_second,
        host,
        method,
        path,
    } = if line[0] == b'{' {
        json::read(line)?
    } else {
        combined::read(line)?
    };
    if matches!(&*method, b"POST" | b"PUT" | b"PATCH") {
        return Err(LeftOut::Body);
    }
    to.add(at, is_whole_second, host.as_deref(), &method, &path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Nanos;
    use proptest::prelude::*;

    fn combined(second: u32, request: &str) -> String {
        format!(
            "10.0.0.1 - - [10/Oct/2000:13:55:{second:02} +0000] \"{request}\" 200 5 \"-\" \"-\"\n"
        )
    }

    fn instants(log: &AccessLog) -> Vec<u64> {
        log.log.requests().map(|one| one.at.0).collect()
    }

    #[test]
    fn requests_of_a_second_are_spread_over_it_in_their_order() {
        let mut text = String::new();
        for (second, path) in [
            (10, "/a"),
            (12, "/d"),
            (10, "/b"),
            (12, "/e"),
            (12, "/f"),
            (10, "/c"),
            (12, "/g"),
        ] {
            text += &combined(second, &format!("GET {path} HTTP/1.1"));
        }
        let log = AccessLog::read(text.as_bytes()).expect("a log");
        assert!(log.whole_seconds);
        let paths: Vec<_> = log.log.requests().map(|one| one.path).collect();
        assert_eq!(paths, [b"/a", b"/b", b"/c", b"/d", b"/e", b"/f", b"/g"]);
        let third = Nanos::SECOND.0 / 3;
        let ms = 1_000_000;
        assert_eq!(
            instants(&log),
            [
                0,
                third,
                2 * third,
                2_000 * ms,
                2_250 * ms,
                2_500 * ms,
                2_750 * ms
            ]
        );
    }

    #[test]
    fn requests_come_in_the_order_of_their_arrival_not_of_their_answers() {
        let text = r#"{"time":5.000,"method":"GET","uri":"/fast","request_time":0.001}
{"time":5.100,"method":"GET","uri":"/slow","request_time":2.100}"#;
        let log = AccessLog::read(text.as_bytes()).expect("a log");
        let paths: Vec<_> = log.log.requests().map(|one| one.path).collect();
        assert_eq!(paths, [&b"/slow"[..], b"/fast"]);
        assert_eq!(instants(&log), [0, 1_999_000_000]);
        assert!(!log.whole_seconds);
    }

    #[test]
    fn what_cannot_be_sent_again_is_counted_by_its_reason() {
        let mut text = combined(1, "GET / HTTP/1.1");
        for request in [
            "POST /a HTTP/1.1",
            "PUT /a HTTP/1.1",
            r"\x16\x03",
            "get / HTTP/1.1",
            "CONNECT a:443 HTTP/1.1",
            r"GET /\xc3\xbc HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET /a b HTTP/1.1",
            r"GET /\x0d\x0aX:\x20y HTTP/1.1",
        ] {
            text += &combined(2, request);
        }
        text += "\r\n\nnonsense\n\u{0}\u{1}\u{2}\n{\"time\":1}\n";
        text += "{\"time\":1,\"host\":\"a b\",\"method\":\"GET\",\"uri\":\"/\"}\n";
        text += &combined(2, "GET / HTTP/1.1").replace("Oct", "Okt");
        text += &"x".repeat(LONGEST_LINE + 1);
        let log = AccessLog::read(text.as_bytes()).expect("a log");
        let counted: Vec<_> = log.left_out.clone().into_iter().collect();
        let expected = [
            (LeftOut::Body, 2),
            (LeftOut::NoRequest, 2),
            (LeftOut::Method, 2),
            (LeftOut::Path, 4),
            (LeftOut::Host, 1),
            (LeftOut::Time, 1),
            (LeftOut::TooLong, 1),
            (LeftOut::NoLine, 2),
        ];
        assert_eq!(counted, expected);
        assert_eq!(log.log.len(), 1);
        let left_out: u64 = log.left_out.values().sum();
        assert_eq!(log.lines, 1 + left_out);
    }

    #[test]
    fn a_log_of_nothing_is_refused_with_the_reasons() {
        let error = AccessLog::read(b"").expect_err("nothing").to_string();
        assert_eq!(error, "none of its 0 lines can be sent again");
        let text = combined(1, "POST / HTTP/1.1");
        let error = AccessLog::read(text.as_bytes()).expect_err("nothing");
        assert!(
            error
                .to_string()
                .contains("1 lines can be sent again: 1 POST, PUT or PATCH")
        );
    }

    #[test]
    fn there_are_only_so_many_requests() {
        let line = "{\"time\":1,\"method\":\"GET\",\"uri\":\"/\"}\n";
        let text = line.repeat(MOST_LOGGED);
        assert!(AccessLog::read(text.as_bytes()).is_ok());
        let text = text + line;
        assert_eq!(AccessLog::read(text.as_bytes()), Err(LogError::TooMany));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_counted(
            lines in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..80),
                    "[ -~]{0,60}".prop_map(String::into_bytes),
                    r#"\[[0-9/A-Za-z: +-]{0,28}\] "(GET|POST) /[ -~]{0,9} HTTP/1.1""#
                        .prop_map(String::into_bytes),
                    (0_u32..60, "[ -~]{0,20}").prop_map(|(second, path)| {
                        combined(second, &format!("GET /{path} HTTP/1.1")).into_bytes()
                    }),
                ],
                0..20,
            ),
        ) {
            let text = lines.join(&b'\n');
            if let Ok(log) = AccessLog::read(&text) {
                let left_out: u64 = log.left_out.values().sum();
                prop_assert_eq!(log.log.len() as u64 + left_out, log.lines);
                prop_assert!(log.log.requests().is_sorted_by_key(|one| one.at));
                let stored = log.log.to_string();
                prop_assert_eq!(stored.len(), log.log.stored_length());
                prop_assert_eq!(stored.parse::<Log>(), Ok(log.log));
            }
        }
    }
}
