//! A metrics page from a hostile replica or proxy: read or refused, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = loadgen::scrape::parse(text);
    let _ = loadgen::scrape::stub_status(text);
    let _ = text.parse::<loadgen::model::Selector>();
});
