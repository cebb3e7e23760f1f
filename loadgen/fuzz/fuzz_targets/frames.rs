//! Lines that somebody says are workers', and messages in frames that are in order: folded or refused.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use loadgen::plan::Plan;
use loadgen::record;
use loadgen::workers::{
    Frame, FrameWriter, Hello, Lines, Merger, MergerOptions, Message, fingerprint,
};

/// The plan of the sample, which two workers share.
static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let text = include_str!("../../../reports/sample/record.json");
    record::from_json(text).expect("a record").plan
});

fn hello() -> Vec<u8> {
    let mut line = Vec::new();
    let mut writer = FrameWriter::new(&mut line, "run".into(), 1, "0".into());
    let hello = Hello {
        plan: fingerprint(&PLAN),
        of: 2,
        node: String::new(),
        cores: 1,
        version: String::new(),
        wall_ms: 0.0,
    };
    writer.send(&Message::Hello(hello)).expect("memory");
    line
}

fuzz_target!(|bytes: &[u8]| {
    let mut merger = Merger::new(MergerOptions {
        run: "run".into(),
        plan: PLAN.clone(),
        workers: 2,
        asked_at_ms: None,
    });
    let mut stream = bytes.to_vec();
    stream.push(b'\n');
    stream.extend(hello());
    for (place, message) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let payload: Vec<u8> = b".".iter().chain(message).copied().take(5_000).collect();
        let frame = Frame {
            run: "run".into(),
            worker: 1,
            task: "0".into(),
            seq: place as u32 + 1,
            payload,
        };
        let line = frame.line();
        assert_eq!(Frame::read(&line), Ok(frame));
        stream.extend(line.bytes().chain([b'\n']));
    }
    let mut lines = Lines::default();
    for piece in stream.chunks(1_000) {
        for line in lines.push(piece) {
            let windows = merger.accept(line.as_deref().map_err(|long| *long), Some(0.0));
            merger.recycle(windows.unwrap_or_default());
        }
    }
    assert_eq!(merger.finish().workers.len(), 2);
});
