//! Stored evidence that somebody else wrote: read or refused, and whatever is read can be judged, the
//! same way twice, and drawn.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen::record::{Evidence, IntervalRecord, Versions, assemble};
use loadgen::recorder::TallyPool;
use loadgen::{checks, report};

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    if let Ok(mut evidence) = Evidence::from_json(lines.next().unwrap_or_default(), Versions::Known) {
        // What follows are windows, as a spool has them.
        let mut pool = TallyPool::default();
        for interval in lines.filter_map(IntervalRecord::from_json) {
            evidence.recording.add(&interval.window(0), &mut pool);
        }
        judged(&evidence);
    }
});

fn judged(evidence: &Evidence) {
    let judgement = checks::judge(evidence);
    assert_eq!(judgement, checks::judge(evidence));
    let record = assemble(evidence, &judgement, Vec::new());
    std::hint::black_box(report::files(&record));
}
