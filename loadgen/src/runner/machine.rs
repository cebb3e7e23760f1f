//! Reads what the machine is, from the kernel.

use std::fs::read_to_string;

use crate::model::Machine;
use rustix::process::{Resource, getrlimit};

/// The machine this process runs on. What the kernel does not tell stays empty or zero.
pub(super) fn read() -> Machine {
    let uname = rustix::system::uname();
    let field = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Machine {
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        kernel: format!("{} {}", field(uname.sysname()), field(uname.release())),
        clocksource: line("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .unwrap_or_else(|| "unknown".into()),
        cpu_model: after("/proc/cpuinfo", "model name").unwrap_or_default(),
        memory_bytes: (after("/proc/meminfo", "MemTotal"))
            .and_then(|text| text.strip_suffix(" kB")?.trim().parse::<u64>().ok())
            .map_or(0, |kib| kib * 1024),
        open_files_limit: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        ephemeral_ports: line("/proc/sys/net/ipv4/ip_local_port_range").and_then(|text| {
            let (first, last) = text.split_once(char::is_whitespace)?;
            Some((first.parse().ok()?, last.trim().parse().ok()?))
        }),
    }
}

/// What the machine is called.
pub(super) fn node() -> String {
    let uname = rustix::system::uname();
    uname.nodename().to_string_lossy().into_owned()
}

fn line(path: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

/// The value of the first line `KEY : value`.
fn after(path: &str, key: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
