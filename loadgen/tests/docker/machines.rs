//! Two machines for a Swarm, on one: the engine that is here, and a second one with its own data, whose
//! containers share the network of this machine.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::program::until;
use crate::support::server::closed_port;

/// Whether the engine was made a Swarm here, and is to be none again.
static MADE: OnceLock<bool> = OnceLock::new();

/// Makes the engine that is here the manager of a Swarm on loopback, if it manages none.
pub fn swarm() {
    MADE.get_or_init(|| {
        let state = docker("info --format {{.Swarm.ControlAvailable}}");
        if succeeded(&state).trim() == "true" {
            return false;
        }
        let listen = format!("127.0.0.1:{}", closed_port().port());
        let words = format!("swarm init --advertise-addr {listen} --listen-addr {listen}");
        succeeded(&docker(&words));
        true
    });
}

/// Ends the Swarm, if it was made here.
pub fn sweep() {
    if MADE.get() == Some(&true) {
        let _ = docker("swarm leave --force");
    }
}

/// What the engine that is here says to these words.
pub fn docker(words: &str) -> Output {
    let mut command = Command::new("docker");
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command.args(words.split_whitespace()).output().unwrap()
}

#[track_caller]
pub fn succeeded(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// A second engine; it and its containers end with this.
pub struct Second {
    daemon: Child,
    place: TempDir,
    /// What its containers are called together where several engines share one containerd, and its bridge.
    namespace: String,
    bridge: String,
}

impl Second {
    /// Starts it. It is in no Swarm.
    pub fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let pid = std::process::id();
        let (namespace, bridge) = (format!("loadgen-second-{pid}"), format!("lg{pid}"));
        // Without one of its own it takes, or removes, that of the engine that is here.
        let address = format!("10.213.{}.1/24", pid % 250);
        for words in [
            format!("link add {bridge} type bridge"),
            format!("address add {address} dev {bridge}"),
        ] {
            let mut ip = Command::new("ip");
            succeeded(&ip.args(words.split_whitespace()).output().unwrap());
        }
        fs::write(place.path().join("daemon.json"), "{}").unwrap();
        let log = fs::File::create(place.path().join("log")).unwrap();
        let at = |name: &str| place.path().join(name);
        let mut command = Command::new("dockerd");
        command
            .arg("--config-file")
            .arg(at("daemon.json"))
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .arg("--host")
            .arg(format!("unix://{}", at("socket").display()))
            .args(["--iptables=false", "--bridge", &bridge])
            .args(["--containerd-namespace", &namespace])
            .args([
                "--containerd-plugins-namespace",
                &format!("{namespace}-plugins"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let daemon = command.spawn().expect("dockerd, for a second engine");
        let second = Self {
            daemon,
            place,
            namespace,
            bridge,
        };
        until("the second engine", || {
            second.docker("info").status.success()
        });
        second
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("unix://{}", self.place.path().join("socket").display())
    }

    /// What it says to these words.
    pub fn docker(&self, words: &str) -> Output {
        docker(&format!("--host {} {words}", self.address()))
    }

    /// Gives it an image that the engine has that is here.
    pub fn load(&self, image: &str) {
        let file = self.place.path().join("image.tar");
        succeeded(&docker(&format!(
            "save --output {} {image}",
            file.display()
        )));
        succeeded(&self.docker(&format!("load --quiet --input {}", file.display())));
        fs::remove_file(file).unwrap();
    }

    /// Makes it a machine of the Swarm of the engine that is here.
    pub fn join(&self) {
        swarm();
        let token = succeeded(&docker("swarm join-token --quiet worker"));
        let mut command = Command::new("docker");
        command.args([
            "info",
            "--format",
            "{{(index .Swarm.RemoteManagers 0).Addr}}",
        ]);
        let manager = succeeded(&command.output().unwrap());
        let listen = format!("127.0.0.1:{}", closed_port().port());
        let words = format!(
            "swarm join --token {} --listen-addr {listen} --advertise-addr {listen} --data-path-addr 127.0.0.1 {}",
            token.trim(),
            manager.trim()
        );
        succeeded(&self.docker(&words));
    }

    /// Kills it, as a machine that is gone is gone: its containers go on, and nobody hears of them.
    pub fn kill(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    /// The processes that hold its containers.
    fn shims(&self) -> Vec<Pid> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let shim = |path: PathBuf| {
            let pid = path.file_name()?.to_str()?.parse().ok()?;
            let words = fs::read(path.join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words).into_owned();
            let is_ours = words.contains("containerd-shim") && words.contains(&self.namespace);
            is_ours.then(|| Pid::from_raw(pid)).flatten()
        };
        processes.filter_map(|entry| shim(entry.path())).collect()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        for shim in self.shims() {
            for child in crate::support::program::children_of(shim) {
                let child = Pid::from_raw(child.cast_signed()).unwrap();
                let _ = kill_process(child, Signal::KILL);
            }
            let _ = kill_process(shim, Signal::KILL);
        }
        let pid = Pid::from_raw(self.daemon.id().cast_signed()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.daemon.wait();
        let _ = Command::new("ip")
            .args(["link", "delete", &self.bridge])
            .status();
        // What it mounted is in the way of its folder.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let ours = self.place.path().display().to_string();
        let places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        for place in places.filter(|place| place.starts_with(&ours)) {
            let _ = Command::new("umount")
                .args(["--lazy", "--quiet", place])
                .status();
        }
        // None where the engine that is here manages no Swarm.
        let nodes = docker("node ls --quiet --filter role=worker").stdout;
        for node in String::from_utf8_lossy(&nodes).lines() {
            let _ = docker(&format!("node rm --force {node}"));
        }
    }
}
