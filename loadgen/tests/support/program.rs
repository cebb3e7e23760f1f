//! Runs the real binary, bounded in time, and keeps what it says and leaves.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use loadgen::record::{self, Record};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tempfile::TempDir;

use super::judged::judged_the_same;
use super::schema;

/// How long anything may take here; only reached when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(90);

const LOADGEN: &str = env!("CARGO_BIN_EXE_loadgen");

/// A command to come, in a folder of its own.
pub struct Program {
    command: Command,
    place: TempDir,
    /// Flags with their values that are added where they were not given.
    usual: &'static [(&'static str, &'static str)],
}

/// `loadgen` with these words, in an empty folder and where no Docker Engine is.
pub fn loadgen(words: &str) -> Program {
    Program::of(Command::new(LOADGEN), words)
}

/// A test of a second, whose record goes to standard output and into `run`.
pub fn test(words: &str) -> Program {
    loadgen(words).for_a_second()
}

const FOR_A_SECOND: &[(&str, &str)] = &[
    ("--duration", "1s"),
    ("--warmup", "0s"),
    ("--out", "run"),
    ("--format", "json"),
];

/// A command of loadgen as it stands, in the folder and with the engine that it names; its record
/// goes to standard output, and into a folder of its own.
pub fn recorded(mut command: Command) -> Program {
    let place = tempfile::tempdir().unwrap();
    command
        .args(["--format", "json", "--out"])
        .arg(place.path().join("run"));
    Program {
        command,
        place,
        usual: &[],
    }
}

/// `loadgen` with these words, started by a shell that has done `before`.
pub fn under(before: &str, words: &str) -> Program {
    Program::by(
        "sh",
        &["-c", &format!("{before}; exec \"$@\""), "sh"],
        words,
    )
}

impl Program {
    /// `loadgen` with these words, started by another program.
    pub fn by(starter: &str, its_words: &[&str], words: &str) -> Self {
        let mut command = Command::new(starter);
        command.args(its_words).arg(LOADGEN);
        Self::of(command, words)
    }

    fn of(mut command: Command, words: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        command
            .args(words.split_whitespace())
            .current_dir(place.path())
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .env_remove("COMPOSE_PROJECT_NAME")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("FORCE_COLOR")
            .env("TMPDIR", place.path());
        Self {
            command,
            place,
            usual: &[],
        }
    }

    /// A test of a second, where nothing else is said: its record goes to standard output and into
    /// `run`.
    pub fn for_a_second(mut self) -> Self {
        self.usual = FOR_A_SECOND;
        self
    }

    /// Further words.
    pub fn words(mut self, words: &str) -> Self {
        self.command.args(words.split_whitespace());
        self
    }

    /// The words of a command line, as a shell takes them apart.
    #[track_caller]
    pub fn line(mut self, line: &str) -> Self {
        let (mut words, mut quoted) = (vec![String::new()], false);
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                _ => words.last_mut().unwrap().push(c),
            }
        }
        assert!(!quoted, "{line}");
        words.retain(|word| !word.is_empty());
        self.command.args(words);
        self
    }

    /// A further word that may have blanks in it.
    pub fn word(mut self, word: &str) -> Self {
        self.command.arg(word);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The folder it will run in.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// Starts it.
    pub fn start(self) -> Started {
        self.start_with(None)
    }

    /// Starts it with a terminal of this size as its standard error.
    pub fn start_on_terminal(self, columns: u16, rows: u16) -> Started {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let terminal = File::from(terminal);
        resize(&terminal, columns, rows);
        self.start_with(Some(terminal))
    }

    fn start_with(mut self, terminal: Option<File>) -> Started {
        for (flag, value) in self.usual {
            if !self.command.get_args().any(|word| word == *flag) {
                self.command.args([flag, value]);
            }
        }
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(terminal) = &terminal {
            let name = ptsname(terminal, Vec::new()).unwrap();
            let inner = File::options()
                .read(true)
                .write(true)
                .open(name.to_str().unwrap());
            self.command.stderr(inner.unwrap());
        }
        let mut child = self.command.spawn().unwrap();
        let stderr = match &terminal {
            Some(terminal) => collect(terminal.try_clone().unwrap()),
            None => collect(child.stderr.take().unwrap()),
        };
        Started {
            stdout: collect(child.stdout.take().unwrap()),
            stderr,
            child,
            place: self.place,
            terminal,
        }
    }

    /// Runs it to its end.
    pub fn run(self) -> Ended {
        self.start().end()
    }
}

/// What a stream has said so far, and the thread that listens to its end.
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

fn resize(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}

fn collect(mut stream: impl Read + Send + 'static) -> Heard {
    let bytes = Arc::<Mutex<Vec<u8>>>::default();
    let heard = Arc::clone(&bytes);
    let thread = std::thread::spawn(move || {
        let mut piece = [0; 8192];
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            heard.lock().unwrap().extend_from_slice(&piece[..length]);
        }
    });
    Heard { bytes, thread }
}

impl Heard {
    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn until_its_end(self) -> String {
        self.thread.join().unwrap();
        let bytes = self.bytes.lock().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A command that runs.
pub struct Started {
    child: Child,
    stdout: Heard,
    stderr: Heard,
    place: TempDir,
    terminal: Option<File>,
}

impl Started {
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Gives its terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        resize(self.terminal.as_ref().unwrap(), columns, rows);
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> String {
        self.stderr.so_far()
    }

    /// Where `--out run` is.
    pub fn folder(&self) -> PathBuf {
        self.place.path().join("run")
    }

    /// The seconds it has spooled so far.
    pub fn spooled(&self) -> Vec<record::IntervalRecord> {
        loadgen::store::spooled(&self.folder()).unwrap_or_default()
    }

    /// Waits until it has spooled seconds of which `enough` says that they will do.
    pub fn until_spooled(&self, enough: impl Fn(&[record::IntervalRecord]) -> bool) {
        until("the spool to hold what is waited for", || {
            enough(&self.spooled())
        });
    }

    /// Waits for a line on standard error that begins with `word`, and tells the rest of it.
    pub fn until_said(&self, word: &str) -> String {
        let mut told = None;
        until("standard error to say what is waited for", || {
            let said = self.stderr.so_far();
            let whole = said.rfind('\n').map_or("", |end| &said[..end]);
            told = whole
                .lines()
                .find_map(|line| line.strip_prefix(word).map(str::to_owned));
            told.is_some()
        });
        told.unwrap_or_default()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if since.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let ended = Ended {
            code: status.and_then(|status| status.code()),
            stdout: self.stdout.until_its_end(),
            stderr: self.stderr.until_its_end(),
            place: self.place,
        };
        assert!(status.is_some(), "no end within {PATIENCE:?}: {ended:?}");
        // What was refused has no record of its own.
        if ended.code != Some(2) && ended.folder().join("record.json").exists() {
            judged_the_same(&ended.folder(), &ended.record());
        }
        ended
    }
}

/// A command that has run.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    place: TempDir,
}

impl Ended {
    /// Where `--out run` is.
    pub fn folder(&self) -> PathBuf {
        self.place.path().join("run")
    }

    /// The record it stored.
    pub fn record(&self) -> Record {
        let text = fs::read_to_string(self.folder().join("record.json"));
        let text = text.unwrap_or_else(|error| panic!("no record: {error}: {self:?}"));
        schema::record(&text)
    }

    /// It refused, and said why and what to do: the words are in the message, or in the hint.
    #[track_caller]
    pub fn refused(&self, code: i32, message: &[&str], hint: &[&str]) {
        self.said(code, message, hint);
        assert_eq!(self.stdout, "", "a refusal prints nothing else");
    }

    /// The same, whatever it had printed before.
    #[track_caller]
    pub fn said(&self, code: i32, message: &[&str], hint: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let (said, advice) = self
            .stderr
            .split_once("hint: ")
            .unwrap_or_else(|| panic!("no hint: {}", self.stderr));
        let said = said
            .rsplit_once("error: ")
            .unwrap_or_else(|| panic!("no error: {}", self.stderr))
            .1;
        for word in message {
            assert!(said.contains(word), "no `{word}` in the message: {said}");
        }
        for word in hint {
            assert!(advice.contains(word), "no `{word}` in the hint: {advice}");
        }
    }
}

/// Waits for something that will come.
#[track_caller]
pub fn until(what: &str, mut come: impl FnMut() -> bool) {
    let since = Instant::now();
    while !come() {
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The children of a process.
pub fn children_of(parent: Pid) -> Vec<u32> {
    let parent = parent.as_raw_nonzero().get().unsigned_abs();
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| matches!(stat(*pid), Some((_, ppid)) if ppid == parent))
        .collect()
}

/// Whether a process runs; one that has ended and is not reaped does not.
pub fn runs(pid: u32) -> bool {
    matches!(stat(pid), Some((state, _)) if state != 'Z' && state != 'X')
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may have any character in it.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
