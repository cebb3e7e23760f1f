//! The other side of `exec`: what this program does when it was started as a replica or proxy.

use std::process::ExitCode;

use super::arguments::Arguments;
use super::child::{PROXY, REPLICA};
use super::{proxy, replica};

/// Runs this process as a child of an embedded stack, if that is what it was started as.
///
/// `main` calls it before anything else, and returns the code if there is one.
pub fn child_main() -> Option<ExitCode> {
    // Lossily: what is not Unicode is not for a child, and is for `cli` to complain about.
    let words = std::env::args_os().skip(1);
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let outcome = match words.next()?.as_str() {
        REPLICA => replica::main(Arguments::new(words)),
        PROXY => proxy::main(Arguments::new(words)),
        _ => return None,
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    })
}
