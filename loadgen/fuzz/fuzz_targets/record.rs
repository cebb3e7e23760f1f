//! A stored record that somebody else wrote: read or refused, and whatever is read can be drawn
//! and compared.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen::report;

fuzz_target!(|text: &str| {
    let _ = report::interval_from_json(text);
    if let Ok(record) = report::from_json(text) {
        for (_, contents) in report::files(&record) {
            std::hint::black_box(contents);
        }
        let again = report::to_json(&record);
        let again = report::from_json(&again).expect("what was written is a record");
        assert_eq!(report::to_json(&again), report::to_json(&record));
    }
});
