//! Holds the sources to `docs/architecture.md`: who may import whom, which crate belongs to
//! which room, what lies in the repository's root, and how a file opens.
//!
//! It reads text, not syntax: comments and literals are blanked out, and paths are resolved from
//! what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Set = BTreeSet<String>;

#[test]
fn rooms_import_only_what_their_row_allows() {
    let allowed = column_by_room("may import");
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        for (line, imported) in source.imports() {
            // Tests of any room may use synthetic runs; other code cannot, for it would not be
            // compiled without them.
            if imported != *room && imported != "synthetic" && !allowed[room].contains(&imported) {
                wrong.push(format!(
                    "{}:{line}: `{room}` may not import `{imported}`",
                    source.name
                ));
            }
        }
    }
    none(&wrong, "imports that the table of rooms does not allow");
}

#[test]
fn every_room_has_a_row_and_every_row_a_room() {
    let rows: Set = column_by_room("owns").into_keys().collect();
    let source = root().join("loadgen/src");
    let folders: Set = entries(&source)
        .into_iter()
        .filter(|name| source.join(name).is_dir())
        .collect();
    let allowed: Set = column_by_room("may import")
        .into_values()
        .flatten()
        .collect();
    let unknown: Vec<_> = allowed.difference(&rows).collect();
    assert_eq!(folders, rows, "folders of loadgen/src against rows");
    assert!(unknown.is_empty(), "rows import no such room: {unknown:?}");
    let loose: Vec<_> = entries(&source)
        .into_iter()
        .filter(|name| !folders.contains(name) && name != "lib.rs" && name != "main.rs")
        .collect();
    assert!(loose.is_empty(), "files outside any room: {loose:?}");
}

#[test]
fn rooms_depend_on_one_another_in_one_direction() {
    let mut left = column_by_room("may import");
    while !left.is_empty() {
        let free: Set = left
            .iter()
            .filter(|(_, imports)| imports.iter().all(|room| !left.contains_key(room)))
            .map(|(room, _)| room.clone())
            .collect();
        assert!(!free.is_empty(), "rooms in a circle: {:?}", left.keys());
        left.retain(|room, _| !free.contains(room));
    }
}

#[test]
fn crates_stay_in_the_rooms_they_belong_to() {
    let owners: BTreeMap<String, Set> = table("crate")
        .into_iter()
        .map(|row| (ticked(&row["crate"]).remove(0), set(&row["rooms"])))
        .collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        for (line, name) in source.crates() {
            if owners.get(&name).is_some_and(|rooms| !rooms.contains(room)) {
                wrong.push(format!("{}:{line}: `{name}` in `{room}`", source.name));
            }
        }
    }
    none(&wrong, "crates outside their rooms");
}

/// `cli::printed` is where text leaves the program. Whoever writes to a stream by a macro passes it by,
/// and panics where nobody reads any more. The children of the embedded stack speak to their parent.
#[test]
fn nothing_is_printed_past_the_one_place() {
    let ours = |file: &PathBuf| {
        let name = relative(file);
        !name.contains("/stack/embedded/") && !name.ends_with("tests.rs")
    };
    let files = rust_files(&root().join("loadgen/src")).into_iter();
    let wrong: Vec<_> = files
        .filter(ours)
        .filter(|file| {
            let code = code(&read(file));
            code.contains("print!(") || code.contains("println!(")
        })
        .map(|file| relative(&file))
        .collect();
    none(&wrong, "files that print by a macro");
}

#[test]
fn every_file_says_what_it_is_for() {
    let wrong: Vec<_> = rust_files(&root())
        .into_iter()
        .filter(|file| !read(file).starts_with("//! "))
        .map(|file| relative(&file))
        .collect();
    none(&wrong, "files that do not open with `//! `");
}

#[test]
fn the_top_level_holds_what_the_page_lists() {
    let listed: Set = table("entry")
        .iter()
        .flat_map(|row| ticked(&row["entry"]))
        .collect();
    let extra: Vec<_> = kept_in_git().difference(&listed).cloned().collect();
    let gone: Vec<_> = listed
        .into_iter()
        .filter(|entry| !root().join(entry).exists())
        .collect();
    none(&extra, "entries that docs/architecture.md does not list");
    none(&gone, "entries that docs/architecture.md lists in vain");
}

#[test]
fn paths_are_found_however_they_are_written() {
    let check = |text: &str, module: &[&str], expected: &[&str]| {
        let source = Source::new("loadgen/src/a.rs", module, text);
        let found: Vec<_> = source.imports().into_iter().map(|(_, room)| room).collect();
        assert_eq!(found, expected, "in {text:?}");
    };
    check("use crate::model::Nanos;", &["a"], &["model"]);
    check(
        "use crate::{model, plan::{self, Plan}};",
        &["a"],
        &["model", "plan"],
    );
    check("use crate::{\n  stack as s,\n};", &["a"], &["stack"]);
    check("use crate as all;", &["a"], &["crate as …"]);
    check("use crate::*;", &["a"], &["*"]);
    check("fn f() -> crate :: model::Rate {}", &["a"], &["model"]);
    check(
        "use super::super::{stack, Mine};",
        &["a", "b"],
        &["stack", "Mine"],
    );
    check("use super::super::stack;", &["a", "b", "c"], &[]);
    check("mod t { use super::super::stack; }", &["a"], &["stack"]);
    check("use super::{stack::Up};", &["a"], &["stack"]);
    check("use loadgen::stack;", &["a"], &["stack"]);
    check("pub(in crate::report) fn f() {}", &["report"], &["report"]);
    check("// crate::x\n/* crate::y /* */ crate::z */", &["a"], &[]);
    check(
        r##"let a = "crate::x"; let b = r#"" crate::y"#;"##,
        &["a"],
        &[],
    );
    check(
        "let c = '\"'; crate::model::f(); let d = '\"';",
        &["a"],
        &["model"],
    );
    check("pub(crate) fn f<'a>(x: &'a str) {}", &["a"], &[]);
}

/// A file of the sources, with comments and literals blanked out.
struct Source {
    name: String,
    /// The modules it is in, from the crate's root; its room comes first.
    module: Vec<String>,
    room: Option<String>,
    tokens: Vec<(usize, String)>,
}

impl Source {
    fn new(name: &str, module: &[&str], text: &str) -> Self {
        let module: Vec<String> = module.iter().map(|&part| part.to_owned()).collect();
        Self {
            name: name.to_owned(),
            room: module.first().cloned(),
            module,
            tokens: tokens(&code(text)),
        }
    }

    /// The first name after the crate's root, of each path that leads there.
    fn imports(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        // Modules written in the file itself: the depth of braces at which each one ends.
        let (mut depth, mut inner) = (0_usize, Vec::new());
        let mut at = 0;
        while at < self.tokens.len() {
            match self.token(at) {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    inner.pop_if(|ends| *ends == depth);
                }
                "mod" if self.token(at + 2) == "{" => inner.push(depth),
                "crate" | "loadgen" if self.is_path_start(at) => {
                    if self.token(at + 1) == "::" {
                        self.heads(at + 2, &mut found);
                    } else if self.token(at + 1) == "as" {
                        found.push((self.tokens[at].0, "crate as …".to_owned()));
                    }
                }
                "super" if self.is_path_start(at) => {
                    let mut up = 0;
                    while self.token(at) == "super" && self.token(at + 1) == "::" {
                        up += 1;
                        at += 2;
                    }
                    if up > 0 {
                        if up == self.module.len() + inner.len() {
                            self.heads(at, &mut found);
                        }
                        continue;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        found
    }

    /// Each name that a path begins with: `name::…`, and `use name`.
    fn crates(&self) -> Vec<(usize, String)> {
        (0..self.tokens.len())
            .filter(|&at| self.is_path_start(at))
            .filter(|&at| self.token(at + 1) == "::" || self.before(at) == "use")
            .map(|at| self.tokens[at].clone())
            .collect()
    }

    /// What stands at the head of a path, or of each path of a group.
    fn heads(&self, at: usize, found: &mut Vec<(usize, String)>) {
        if self.token(at) != "{" {
            found.extend(self.tokens.get(at).cloned());
            return;
        }
        let (mut depth, mut at) = (0_usize, at);
        loop {
            match self.token(at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "" => return,
                _ if depth == 1 && matches!(self.before(at), "{" | ",") => {
                    found.push(self.tokens[at].clone());
                }
                _ => {}
            }
            if depth == 0 {
                return;
            }
            at += 1;
        }
    }

    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |(_, token)| token)
    }

    fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |at| self.token(at))
    }

    fn is_path_start(&self, at: usize) -> bool {
        let word = self
            .token(at)
            .starts_with(|first: char| first.is_alphabetic());
        // `::name` is a path from outside; `a::name` is not a start.
        let inside = self.before(at) == "::" && at >= 2 && is_word(self.token(at - 2));
        word && !inside
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphanumeric() || first == '_' || first == '>')
        && !matches!(token, "use" | "return" | "in" | "as")
}

/// Words, `::` and single signs, each with its line.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if rest.starts_with("::") {
                2
            } else if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            tokens.push((number + 1, rest[..length].to_owned()));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The text with comments, strings and characters taken out, line by line as it was.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = out.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(end) = raw_string(rest).filter(|_| !after_word) {
            end
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            0
        };
        if skipped == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..skipped].chars().filter(|&c| c == '\n'));
            out.push(' ');
            rest = &rest[skipped..];
        }
    }
    out
}

/// Length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a raw string, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let opened = body.trim_start_matches('#').strip_prefix('"')?;
    let hashes = body.len() - opened.len() - 1;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = opened.find(&end)? + end.len();
    Some(text.len() - opened.len() + length)
}

/// Length of a literal that begins and ends with a quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Whether a quote begins a character, rather than a lifetime.
fn is_character(text: &str) -> bool {
    let mut after = text.chars().skip(1);
    after.next() == Some('\\') || after.next() == Some('\'')
}

/// The rows of the table whose first column has this title, by column.
fn table(first: &str) -> Vec<BTreeMap<String, String>> {
    let page = read(&root().join("docs/architecture.md"));
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = page
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {first} |")));
    let titles = cells(
        lines
            .next()
            .unwrap_or_else(|| panic!("no table of {first}")),
    );
    lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| titles.iter().cloned().zip(cells(line)).collect())
        .collect()
}

/// A column of the table of rooms, as the names it has in backticks.
fn column_by_room(column: &str) -> BTreeMap<String, Set> {
    table("room")
        .into_iter()
        .map(|row| (ticked(&row["room"]).remove(0), set(&row[column])))
        .collect()
}

fn set(cell: &str) -> Set {
    ticked(cell).into_iter().collect()
}

/// What stands in backticks.
fn ticked(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

fn sources() -> Vec<Source> {
    let folder = root().join("loadgen/src");
    let parse = |file: &PathBuf| {
        let mut path = file.strip_prefix(&folder).expect("inside").to_owned();
        path.set_extension("");
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let module = match &parts[..] {
            ["lib" | "main"] => &[],
            [above @ .., "mod"] => above,
            all => all,
        };
        Source::new(&relative(file), module, &read(file))
    };
    rust_files(&folder).iter().map(parse).collect()
}

/// All of our Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in entries(folder) {
        let path = folder.join(&name);
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// First components of what git keeps. Without git (in an archive, say) there is nothing that
/// could be there by mistake.
fn kept_in_git() -> Set {
    let listing = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    let listing = listing.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&listing)
        .split('\0')
        .filter_map(|path| path.split('/').next())
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn relative(file: &Path) -> String {
    let path = file.strip_prefix(root()).unwrap_or(file);
    path.display().to_string()
}

fn none(wrong: &[String], what: &str) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}
