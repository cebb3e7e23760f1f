//! `HdrHistogram` interval logs, format 1.3: what the Java, Go and Python tools read.
//!
//! Response time is untagged, so that every tool plots it; service time, send lag and its two parts
//! stand beside it under tags. Both start and base time are written, because readers guess where one is absent.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use crate::record::{Quantiles, Record};
use crate::recorder::Histogram;

/// The interval log of one group; values are nanoseconds, the maximum is in milliseconds.
#[must_use]
pub fn render_hlog(record: &Record, host: &str) -> String {
    let started = humantime::parse_rfc3339(&record.run.started_at).unwrap_or(UNIX_EPOCH);
    let started = started
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    let stamp = super::sentences::plain(&record.run.started_at);
    let mut log = format!(
        "#[loadgen {}, values in nanoseconds]\n\
         #[Histogram log format version 1.3]\n\
         #[StartTime: {started:.3} (seconds since epoch), {stamp}]\n\
         #[BaseTime: {started:.3} (seconds since epoch)]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        super::sentences::plain(&record.run.loadgen_version),
    );
    let empty = Histogram::new().to_base64();
    for interval in record
        .intervals
        .iter()
        .filter(|interval| interval.host == host)
    {
        let start = record.run.warmup_s + interval.second as f64;
        let length = interval.seconds();
        let mut line = |tag: &str, times: &Quantiles| {
            let hdr = if times.hdr.is_empty() {
                &empty
            } else {
                &times.hdr
            };
            let max = times.max as f64 / 1e6;
            let _ = writeln!(log, "{tag}{start:.3},{length}.000,{max:.3},{hdr}");
        };
        line("", &interval.response_time);
        line("Tag=service,", &interval.service_time);
        line("Tag=send-lag,", &interval.send_lag);
        if interval.release_lag.count > 0 {
            line("Tag=release-lag,", &interval.release_lag);
            line("Tag=connection-wait,", &interval.connection_wait);
        }
    }
    log
}

/// A group's name as a file's: `<host>.hlog` without what a path could mean.
#[must_use]
pub fn hlog_name(host: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = host.chars().take(120).map(safe).collect();
    format!("{}.hlog", name.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn every_line_of_the_log_holds_its_second() {
        let record = synthetic::clean();
        let log = render_hlog(&record, "app-group-1");
        if let Ok(folder) = std::env::var("LOADGEN_PAGES") {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(format!("{folder}/clean.hlog"), &log).expect("a log");
        }
        assert!(
            log.contains("#[StartTime: 1785585600.000 (seconds since epoch)"),
            "{log}"
        );
        let lines: Vec<_> = log
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert_eq!(lines.len(), 10);
        let count: u64 = lines
            .iter()
            .map(|line| {
                let hdr = line.rsplit(',').next().expect("a histogram");
                Histogram::from_base64(hdr).expect("readable").count()
            })
            .sum();
        assert_eq!(count, 5_000);
    }

    #[test]
    fn a_hostile_host_cannot_leave_the_folder() {
        assert_eq!(hlog_name("../../etc/passwd"), "_.._etc_passwd.hlog");
        assert_eq!(hlog_name("app-group-1:8080"), "app-group-1_8080.hlog");
    }
}
