//! A command line, as a script may have put it together: a plan, or an error that says why not.
#![no_main]

use clap::Parser as _;
use libfuzzer_sys::fuzz_target;
use loadgen::cli::{Cli, ready, spec};

fuzz_target!(|text: &str| {
    // Words that would read this machine's files are left to the tests.
    if text.contains('@') || text.contains("conf") || text.contains("replay") {
        return;
    }
    let words = std::iter::once("loadgen").chain(text.split_ascii_whitespace());
    if let Ok(cli) = Cli::try_parse_from(words)
        && let Err(error) = spec(cli.run, None).and_then(ready)
    {
        assert!(!error.to_string().is_empty());
    }
});
