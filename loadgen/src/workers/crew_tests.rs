//! Many workers, small: what fifty say comes to what one would have said, bucket by bucket.

use super::{Merged, Merger, MergerOptions};
use crate::model::Nanos;
use crate::record::WorkerState;
use crate::recorder::Window;
use crate::schedule::Slice;
use crate::synthetic::Crew;

/// What the lines of all workers of a crew come to, each worker's read one after the other or in
/// turns of a line, and the windows that were given away before the end.
fn merged(crew: &Crew, in_turns: bool) -> (Merged, Vec<Window>) {
    let lines: Vec<Vec<String>> = (0..crew.workers)
        .map(|n| {
            let mut bytes = Vec::new();
            crew.write(n, &mut bytes).expect("memory");
            let text = String::from_utf8(bytes).expect("text");
            text.lines().map(str::to_owned).collect()
        })
        .collect();
    let mut merger = Merger::new(MergerOptions {
        run: crew.run.clone(),
        plan: crew.job().plan,
        workers: crew.workers,
        asked_at_ms: None,
    });
    let longest = lines.iter().map(Vec::len).max().unwrap_or(0);
    let order: Vec<&String> = if in_turns {
        let turn = |place: usize| lines.iter().filter_map(move |said| said.get(place));
        (0..longest).flat_map(turn).collect()
    } else {
        lines.iter().flatten().collect()
    };
    let mut windows = Vec::new();
    for line in order {
        windows.extend(merger.accept(Ok(line), None).expect("a frame"));
    }
    (merger.finish(), windows)
}

#[test]
fn what_fifty_workers_say_is_what_one_would_have_said_bucket_by_bucket() {
    let crew = Crew::new(50, 20.0, 3);
    let whole: Vec<_> = crew.windows(Slice::WHOLE).collect();
    assert_eq!(whole.len(), 4, "a second of warm-up, and three");
    for in_turns in [false, true] {
        let (merged, mut windows) = merged(&crew, in_turns);
        assert!(merged.refused.is_empty());
        windows.extend(merged.windows);
        assert!(windows == whole, "each second, each bucket");
        let measured = &merged.recording.groups[0].measured;
        assert_eq!(measured.counts.planned, 3_000);
        assert_eq!(merged.recording.measured, Nanos(3 * Nanos::SECOND.0));
        assert_eq!(merged.workers.len(), 50);
        for worker in &merged.workers {
            assert_eq!(worker.state, WorkerState::Done, "{worker:?}");
            assert_eq!((worker.planned, worker.sent, worker.unsent), (60, 60, 0));
            assert_eq!(worker.node, format!("node-{}", worker.n));
        }
    }
}
