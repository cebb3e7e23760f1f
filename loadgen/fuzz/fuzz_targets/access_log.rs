//! An access log, as a server that was asked anything may have written it: requests in order, each of
//! which can be sent, or lines that are counted. So is one that a plan has stored.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen::traffic::{AccessLog, Log, Replay, is_host, is_method, is_name, is_path};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = AccessLog::read(bytes) {
        let left_out: u64 = read.left_out.values().sum();
        assert_eq!(read.log.len() as u64 + left_out, read.lines);
        can_be_sent(&read.log);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(log) = text.parse::<Log>()
    {
        can_be_sent(&log);
    }
});

fn can_be_sent(log: &Log) {
    assert!(log.requests().is_sorted_by_key(|one| one.at));
    for one in log.requests() {
        assert!(is_method(one.method) && is_path(one.path));
        assert!(one.host.is_none_or(is_host));
    }
    let stored = log.to_string();
    assert_eq!(stored.len(), log.stored_length());
    assert_eq!(stored.parse::<Log>().as_ref(), Ok(log));
    let replay = Replay::of(log, None, 2.0);
    assert_eq!(replay.due.len(), log.len());
    assert!(replay.due.is_sorted());
    for (place, one) in replay.names.iter().enumerate() {
        assert!(is_name(&one.name), "{}", one.name);
        assert!(replay.names[..place].iter().all(|other| other.name != one.name));
    }
}
