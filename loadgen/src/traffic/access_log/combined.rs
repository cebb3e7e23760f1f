//! Lines of the combined format: `ADDRESS - USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"`.

use super::instant;
use super::{LeftOut, Line};

/// What one line asks for.
///
/// Between its quotes NGINX writes `"`, `\` and what is no printable ASCII as `\xHH`, and others
/// write a backslash before a quote, so that the first quote of a line begins the request, and the
/// time stands before it.
pub(super) fn read(line: &[u8]) -> Result<Line, LeftOut> {
    let quote = position(line, b'"').ok_or(LeftOut::NoLine)?;
    let (before, request) = (&line[..quote], &line[quote + 1..]);
    let before = before.strip_suffix(b"] ").ok_or(LeftOut::NoLine)?;
    let bracket = before.iter().rposition(|byte| *byte == b'[');
    let time = &before[bracket.ok_or(LeftOut::NoLine)? + 1..];
    let request = unescaped(request).ok_or(LeftOut::NoLine)?;
    let seconds = instant::of_local_time(time).ok_or(LeftOut::Time)?;
    let (method, path) = parts(&request).ok_or(LeftOut::NoRequest)?;
    Ok(Line {
        at: seconds * 1_000_000_000,
        is_whole_second: true,
        host: None,
        method: method.to_vec(),
        path: path.to_vec(),
    })
}

/// Method and target of `METHOD TARGET HTTP/1.1`.
fn parts(request: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = position(request, b' ')?;
    let (method, rest) = (&request[..blank], &request[blank + 1..]);
    let end = rest.iter().rposition(|byte| *byte == b' ')?;
    let (target, protocol) = (&rest[..end], &rest[end + 1..]);
    protocol.starts_with(b"HTTP/").then_some((method, target))
}

/// What stands before the closing quote, as it was before it was written; `None` without one.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut rest) = (Vec::new(), text);
    loop {
        match rest {
            [b'"', ..] => return Some(plain),
            [b'\\', b'x', high, low, after @ ..] => {
                plain.push(digit(*high)? << 4 | digit(*low)?);
                rest = after;
            }
            [b'\\', b'n' | b'r' | b't' | b'v' | b'b' | b'f', after @ ..] => {
                // Whichever it is, it is none that a request may have.
                plain.push(b'\n');
                rest = after;
            }
            [b'\\', literal, after @ ..] => {
                plain.push(*literal);
                rest = after;
            }
            [byte, after @ ..] => {
                plain.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

fn position(text: &[u8], wanted: u8) -> Option<usize> {
    text.iter().position(|byte| *byte == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "10/Oct/2000:13:55:36 -0700";

    fn line(request: &str) -> Result<(String, String), LeftOut> {
        let line = format!("10.0.0.1 - - [{TIME}] \"{request}\" 200 5 \"-\" \"curl\"");
        let line = read(line.as_bytes())?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((text(line.method), text(line.path)))
    }

    #[test]
    fn a_line_is_its_request() {
        let (method, path) = line("GET /a?b=c HTTP/1.1").expect("a request");
        assert_eq!((method.as_str(), path.as_str()), ("GET", "/a?b=c"));
        for (request, path) in [
            (r"GET /\x22\x5C%20 HTTP/2.0", "/\"\\%20"),
            (r#"GET /\"x HTTP/1.1"#, "/\"x"),
            (r"GET /\\ HTTP/1.0", "/\\"),
            (r"GET /\x0A HTTP/1.0", "/\n"),
            (r"GET /a b HTTP/1.0", "/a b"),
        ] {
            assert_eq!(line(request).expect(request).1, path);
        }
    }

    #[test]
    fn what_is_no_request_is_left_out() {
        for request in [
            "",
            "-",
            "GET",
            "GET /",
            "GET  ",
            r"\x16\x03\x01\x00",
            "GET / FTP/1",
        ] {
            assert_eq!(line(request), Err(LeftOut::NoRequest), "{request}");
        }
        for request in [r"GET /\xZZ HTTP/1.1", r"GET /\x2"] {
            assert_eq!(line(request), Err(LeftOut::NoLine), "{request}");
        }
        for text in [
            "",
            "\"",
            "[] \"",
            "GET / HTTP/1.1",
            "] \"GET / HTTP/1.1\"",
            "[10/Oct/2000:13:55:36 -0700]\"GET / HTTP/1.1\"",
            "[10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1",
            "[10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\\",
        ] {
            assert_eq!(read(text.as_bytes()).err(), Some(LeftOut::NoLine), "{text}");
        }
        let text = "a - - [yesterday] \"GET / HTTP/1.1\" 200 1";
        assert_eq!(read(text.as_bytes()).err(), Some(LeftOut::Time));
    }

    #[test]
    fn a_user_cannot_pretend_to_be_a_request() {
        let user = r"[01/Jan/2001:00:00:00 +0000] \x22DELETE / HTTP/1.1\x22";
        let text = format!("10.0.0.1 - {user} [{TIME}] \"GET /mine HTTP/1.1\" 200 5");
        let line = read(text.as_bytes()).expect("a request");
        assert_eq!(line.path, b"/mine");
        assert_eq!(line.at, 971_211_336_000_000_000);
    }
}
