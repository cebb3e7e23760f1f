//! What arrival k asks for: which of a group's requests, with which values in it.
//!
//! **Invariant:** all of it is a pure function of a seed, or of a log, and k. Threads, processes and machines that
//! share a schedule ask for exactly what one alone would have asked for; nothing here reads a clock
//! or a file.

mod access_log;
mod choice;
mod data;
mod draw;
mod log;
mod replay;
mod request;
mod template;
mod text;

pub use access_log::{AccessLog, LeftOut, LogError, MOST_LOGGED};
pub use choice::Choice;
pub use data::{Data, DataError, MOST_DATA, Table};
pub use log::{Log, Logged};
pub use replay::{Replay, Replayed};
pub use request::{Call, RequestText, Traffic};
pub use template::{Piece, Template, TemplateError};
pub use text::{Order, Values, is_host, is_method, is_name, is_path, is_token, write_number};
