//! The URL that stands alone on a command line: what to load, and which path of it.

use super::UsageError;
use super::args::RunArgs;
use crate::model::{Target, masked};

/// Whether a word names what to load rather than a file or a command.
#[must_use]
pub fn is_url(word: &str) -> bool {
    word.contains("://") || word.starts_with(Target::SOCKET)
}

/// The flags with a URL taken apart: its origin is the target, what follows is the path.
pub fn aimed(mut args: RunArgs, url: Option<&str>) -> Result<RunArgs, UsageError> {
    let Some(url) = url else {
        return Ok(args);
    };
    if !is_url(url) {
        return Err(UsageError::new(
            format!("`{url}` is neither a command nor a URL"),
            format!(
                "a URL begins with its scheme, as http://{url}; `loadgen --help` lists the commands"
            ),
        ));
    }
    let (origin, path) = split(url);
    refuse_two("target", args.target.as_deref(), url)?;
    args.target = Some(origin.to_owned());
    if let Some(path) = path {
        refuse_two("path", args.path.as_deref(), url)?;
        args.path = Some(path);
    }
    Ok(args)
}

fn refuse_two(flag: &str, said: Option<&str>, url: &str) -> Result<(), UsageError> {
    match said {
        None => Ok(()),
        Some(said) => Err(UsageError::new(
            format!(
                "{} and --{flag} {} both say where to go",
                masked(url),
                masked(said)
            ),
            format!("leave out one of the two: the URL stands for --{flag}, too"),
        )),
    }
}

/// Origin or socket, and path with query; what is behind a `#` is the client's own.
fn split(url: &str) -> (&str, Option<String>) {
    if let Some(socket) = url.strip_prefix(Target::SOCKET) {
        let Some(at) = socket.find(":/") else {
            return (url, None);
        };
        let path = socket[at + 1..].split('#').next().unwrap_or_default();
        return (&url[..Target::SOCKET.len() + at], Some(path.to_owned()));
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url, None);
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let length = rest.find(['/', '?']).unwrap_or(rest.len());
    let origin = &url[..scheme.len() + "://".len() + length];
    let path = &rest[length..];
    let path = match path.chars().next() {
        None => None,
        Some('?') => Some(format!("/{path}")),
        Some(_) => Some(path.to_owned()),
    };
    (origin, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_at_its_first_slash() {
        for (url, origin, path) in [
            ("http://a:80", "http://a:80", None),
            ("http://a:80/", "http://a:80", Some("/")),
            ("https://a/b?c=d/e#f", "https://a", Some("/b?c=d/e")),
            ("http://a?b", "http://a", Some("/?b")),
            ("http://[::1]:80/x", "http://[::1]:80", Some("/x")),
            ("unix:/run/app.sock", "unix:/run/app.sock", None),
            ("unix:/a.sock:/b?c=:/d#e", "unix:/a.sock", Some("/b?c=:/d")),
            ("unix:///a.sock", "unix:///a.sock", None),
        ] {
            let args = aimed(RunArgs::default(), Some(url)).expect(url);
            assert_eq!(args.target.as_deref(), Some(origin));
            assert_eq!(args.path.as_deref(), path);
        }
    }

    #[test]
    fn what_is_said_twice_or_is_none_is_refused() {
        let both = RunArgs {
            path: Some("/c".into()),
            ..RunArgs::default()
        };
        let error = aimed(both.clone(), Some("http://a/b")).expect_err("two paths");
        assert!(error.to_string().contains("--path /c"), "{error}");
        assert!(aimed(both, Some("http://a")).is_ok());
        let error = aimed(RunArgs::default(), Some("upp")).expect_err("no URL");
        assert!(error.hint().contains("--help"), "{}", error.hint());
    }
}
