//! What a person sees on standard error while a run goes on.
//!
//! **Invariant:** the terminal is never left changed: no raw mode, no hidden cursor, no other
//! screen. However the process ends, what it leaves is text.

mod layout;
mod line;
mod plain;
mod screen;
mod state;
mod terminal;

pub use terminal::columns;

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use super::args::ProgressMode;
use super::color::{colored, is_dumb};
use super::printed::note;
use crate::model::{LoadOutline, Progress, RunEvent};
use plain::Plain;
use screen::Screen;
use state::State;

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(200);

/// How long the end of a run waits for the picture to be taken away. A terminal that was stopped
/// (Ctrl-S) takes nothing, and must not keep a run from being stored.
const PATIENCE: Duration = Duration::from_secs(1);

/// Notices that may wait for a thread that draws; more are let go.
const WAITING: usize = 64;

/// The live view.
#[derive(Debug)]
pub enum View {
    /// Nothing is shown.
    Quiet,
    /// A line now and then.
    Plain(Plain),
    /// A picture that is drawn again and again, by a thread of its own.
    Diagram(Painter),
}

impl View {
    /// A view for one run.
    #[must_use]
    pub fn new(mode: ProgressMode) -> Self {
        let able = std::io::stderr().is_terminal() && !is_dumb(std::env::var_os("TERM"));
        match mode {
            ProgressMode::None => Self::Quiet,
            ProgressMode::Auto | ProgressMode::Tui if able => Painter::start(std::io::stderr())
                .map_or_else(|| Self::Plain(Plain::default()), Self::Diagram),
            // What is no terminal, or a dumb one, shows no picture, even if one was asked for.
            _ => Self::Plain(Plain::default()),
        }
    }

    /// Shows one notice. What cannot be shown is let go: a view never ends a run.
    pub fn show(&mut self, notice: RunEvent<'_>) {
        match self {
            Self::Quiet => {}
            Self::Plain(plain) => {
                for line in plain.lines(notice) {
                    note(&line);
                }
            }
            Self::Diagram(painter) => painter.show(notice),
        }
    }
}

/// The thread that draws, and the way to it.
#[derive(Debug)]
pub struct Painter {
    news: Option<SyncSender<News>>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

/// A notice on its way to the thread that draws.
#[derive(Debug)]
enum News {
    Said(String),
    Load(LoadOutline),
    Progress(Progress),
}

impl Painter {
    /// Starts the thread; nothing where the system has none to give.
    fn start(terminal: impl std::io::Write + Send + 'static) -> Option<Self> {
        let (news, heard) = mpsc::sync_channel(WAITING);
        let (alive, ended) = mpsc::channel();
        std::thread::Builder::new()
            .name("view".into())
            .spawn(move || {
                let _alive: Sender<()> = alive;
                paint(&heard, terminal);
            })
            .ok()?;
        Some(Self {
            news: Some(news),
            ended,
        })
    }

    fn show(&mut self, notice: RunEvent<'_>) {
        let news = match notice {
            RunEvent::Stack(text) | RunEvent::State(text) => News::Said(text.to_owned()),
            RunEvent::Load(outline) => News::Load(outline),
            RunEvent::Progress(progress) => News::Progress(progress.clone()),
            RunEvent::Done => return self.end(),
        };
        if let Some(way) = &self.news {
            // A thread that is gone or held up draws less, and nothing else is lost.
            let _ = way.try_send(news);
        }
    }

    /// Takes the picture away, so that the summary begins where it was.
    fn end(&mut self) {
        if self.news.take().is_some() {
            let _ = self.ended.recv_timeout(PATIENCE);
        }
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        self.end();
    }
}

/// Draws until there is nobody left to hear from.
fn paint(heard: &Receiver<News>, terminal: impl std::io::Write) {
    let mut screen = Screen::new(terminal, colored(&std::io::stderr()));
    let mut state = State::default();
    loop {
        match heard.recv_timeout(FRAME) {
            Ok(News::Said(text)) => screen.say(&text, terminal::size()),
            Ok(News::Load(outline)) => state.begin(outline),
            Ok(News::Progress(progress)) => state.take(progress),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let size = terminal::size();
        screen.draw(&layout::lines(&state, state.since_begin(), size), size);
    }
    screen.clear(terminal::size());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal that was stopped: nothing that is written to it ever returns.
    struct Stopped(Receiver<()>);

    impl std::io::Write for Stopped {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_is_stopped_keeps_no_run_from_its_end() {
        let (resume, stopped) = mpsc::channel();
        let mut painter = Painter::start(Stopped(stopped)).expect("a thread");
        // More than may wait, so that the one that is too many would block.
        for _ in 0..=2 * WAITING {
            painter.show(RunEvent::State("still here"));
        }
        painter.show(RunEvent::Done);
        drop(resume);
        let thread_ended = painter.ended.recv_timeout(Duration::from_secs(30));
        assert_eq!(thread_ended, Err(RecvTimeoutError::Disconnected));
    }
}
