//! The folder of a run: written while it goes on, whole when it is over, and read again.
//!
//! # Layout
//! A [`Folder`] begins a [`Spool`], keeps record and evidence when the run is over, and takes the
//! files that were drawn. `reading` finds runs again by their `names`, `list` what a list says of them.
//!
//! **Invariant:** nothing measured is lost. Each window is in the spool when it has passed; a file
//! appears under its name only when it is complete. What is drawn is for others to say.

mod aging;
mod bounded;
mod error;
mod folder;
mod list;
mod names;
mod reading;
mod spool;

pub use error::StorageError;
pub use folder::{Folder, create_experiment, now, refuse_taken};
pub use list::{runs_beside, write_list};
pub use reading::{
    StoredRun, folder_of, keep_recovered, open_lines, read_companion, read_evidence, read_run,
    runs_at, write_again,
};
pub use spool::{Spool, spooled};
