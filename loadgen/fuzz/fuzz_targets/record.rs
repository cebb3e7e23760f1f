//! A stored record that somebody else wrote: read or refused, and whatever is read can be drawn
//! and compared.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen::{record, report};

fuzz_target!(|text: &str| {
    if let Ok(record) = record::from_json(text) {
        for (_, contents) in report::files(&record) {
            std::hint::black_box(contents);
        }
        let again = record::to_json(&record);
        let again = record::from_json(&again).expect("what was written is a record");
        assert_eq!(record::to_json(&again), record::to_json(&record));
    }
});
