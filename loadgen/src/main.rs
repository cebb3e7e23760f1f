//! The thin binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The embedded stack's replicas and proxy are this program, started again.
    if let Some(code) = loadgen::stack::child_main() {
        return code;
    }
    ExitCode::SUCCESS
}
