//! Every command in the pages about experiments and workers, run in a short form: the words as they stand there, on
//! the embedded stack, with shorter times and lower rates behind them. The last of a repeated flag counts.

use super::program::loadgen;

const PAGES: [&str; 3] = [
    include_str!("../../../docs/experiments.md"),
    include_str!("../../../docs/machines.md"),
    include_str!("../../../docs/search.md"),
];

/// The commands that stand in blocks of their own, lines put together.
fn commands(page: &'static str) -> Vec<String> {
    let blocks = page
        .split("\n```\n")
        .filter(|block| block.starts_with("loadgen "));
    blocks.map(|block| block.replace("\\\n", " ")).collect()
}

/// What makes the command short, and how it may end: as the page says, or untrusted on a busy machine.
fn in_short(command: &str) -> (&'static str, &'static [i32]) {
    match command.split_whitespace().nth(1) {
        Some("search") => (
            "--from 20 --to 40 --step 1s --confirm 1s --warmup 0s",
            &[0, 4, 99],
        ),
        Some("sweep") => ("--rates 20,40 --step 1s --warmup 0s", &[0, 4, 99]),
        Some("scaling") => (
            "--replicas 1,2,3 --from 20 --to 40 --step 1s --confirm 1s --warmup 0s",
            &[0, 4, 99],
        ),
        // A crash without retries loses requests, and more than one in a hundred of them fails a run.
        _ if command.contains("--event") => ("-d 9s --warmup 0s", &[0, 4, 99]),
        _ => ("-d 5s --warmup 0s", &[0, 4]),
    }
}

#[test]
fn every_command_of_the_pages_runs_in_its_short_form() {
    let commands: Vec<_> = PAGES.into_iter().flat_map(commands).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let (shorter, codes) = in_short(&command);
        let line = command.strip_prefix("loadgen ").unwrap();
        let ended = loadgen("")
            .line(line)
            .words(shorter)
            .words("--stack embedded --out run")
            .run();
        assert!(
            ended.code.is_some_and(|code| codes.contains(&code)),
            "{command}: {ended:?}"
        );
        assert!(
            ended
                .folder()
                .read_dir()
                .is_ok_and(|mut files| files.next().is_some())
        );
    }
}
