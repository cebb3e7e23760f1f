//! What a person sees on standard error while a run goes on.
//!
//! **Invariant:** the terminal is never left changed: no raw mode, no hidden cursor, no other
//! screen. However the process ends, what it leaves is text.

mod frame;
mod line;
mod plain;
mod screen;
mod state;
mod terminal;

pub use terminal::columns;

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::args::ProgressMode;
use super::color::{colored, is_dumb};
use crate::model::{Course, Notice, Progress};
use plain::Plain;
use screen::Screen;
use state::State;

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(200);

/// The live view.
#[derive(Debug)]
pub enum View {
    /// Nothing is shown.
    Quiet,
    /// A line now and then.
    Plain(Plain),
    /// A picture that is drawn again and again, by a thread of its own.
    Picture(Painter),
}

impl View {
    /// A view for one run.
    #[must_use]
    pub fn new(mode: ProgressMode) -> Self {
        let able = std::io::stderr().is_terminal() && !is_dumb(std::env::var_os("TERM"));
        match mode {
            ProgressMode::None => Self::Quiet,
            ProgressMode::Auto | ProgressMode::Tui if able => {
                Painter::start().map_or_else(|| Self::Plain(Plain::default()), Self::Picture)
            }
            // What is no terminal, or a dumb one, shows no picture, even if one was asked for.
            _ => Self::Plain(Plain::default()),
        }
    }

    /// Shows one notice. What cannot be shown is let go: a view never ends a run.
    pub fn show(&mut self, notice: Notice<'_>) {
        match self {
            Self::Quiet => {}
            Self::Plain(plain) => {
                for line in plain.lines(notice) {
                    let _ = writeln!(std::io::stderr(), "{line}");
                }
            }
            Self::Picture(painter) => painter.show(notice),
        }
    }
}

/// The thread that draws, and the way to it.
#[derive(Debug)]
pub struct Painter {
    news: Option<Sender<News>>,
    thread: Option<JoinHandle<()>>,
}

/// A notice on its way to the thread that draws.
#[derive(Debug)]
enum News {
    Said(String),
    Load(Course),
    Progress(Progress),
}

impl Painter {
    /// Starts the thread; nothing where the system has none to give.
    fn start() -> Option<Self> {
        let (news, heard) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("view".into())
            .spawn(move || paint(&heard));
        Some(Self {
            news: Some(news),
            thread: Some(thread.ok()?),
        })
    }

    fn show(&mut self, notice: Notice<'_>) {
        let news = match notice {
            Notice::Stack(text) | Notice::State(text) => News::Said(text.to_owned()),
            Notice::Load(course) => News::Load(course),
            Notice::Progress(progress) => News::Progress(progress.clone()),
            Notice::Done => return self.end(),
        };
        if let Some(way) = &self.news {
            // A thread that is gone draws nothing more, and nothing else is lost.
            let _ = way.send(news);
        }
    }

    /// Takes the picture away, so that the summary begins where it was.
    fn end(&mut self) {
        self.news = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        self.end();
    }
}

/// Draws until there is nobody left to hear from.
fn paint(heard: &Receiver<News>) {
    let mut screen = Screen::new(std::io::stderr(), colored(&std::io::stderr()));
    let mut state = State::default();
    loop {
        match heard.recv_timeout(FRAME) {
            Ok(News::Said(text)) => screen.say(&text, terminal::size()),
            Ok(News::Load(course)) => state.begin(course),
            Ok(News::Progress(progress)) => state.take(progress),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let size = terminal::size();
        screen.draw(&frame::lines(&state, state.since_begin(), size), size);
    }
    screen.clear(terminal::size());
}

/// Says what went wrong and what to do about it, on standard error.
pub fn say_error(message: &str, hint: &str) {
    use std::fmt::Write as _;
    let color = colored(&std::io::stderr());
    let (red, cyan, reset) = if color {
        ("\x1b[1;31m", "\x1b[36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let mut text = format!("{red}error{reset}: {message}\n");
    if !hint.is_empty() {
        let _ = writeln!(text, "\n{cyan}hint{reset}: {hint}");
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}
