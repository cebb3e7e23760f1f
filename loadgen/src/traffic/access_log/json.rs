//! Lines of the format that `nginx.conf` has for replays: one JSON object each.

use std::borrow::Cow;

use serde::Deserialize;

use super::instant;
use super::{LeftOut, Line};

/// What is read of an object; others may have more.
#[derive(Deserialize)]
struct Fields<'a> {
    /// `$msec`: when it was answered, for NGINX writes a line then.
    time: Option<f64>,
    /// `$request_time`: how long that had taken, in seconds.
    request_time: Option<f64>,
    #[serde(borrow)]
    host: Option<Cow<'a, str>>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    /// `$request_uri`: the path and query as they came.
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
}

/// What one line asks for: it arrived when it was answered, less the time that had taken.
pub(super) fn read(line: &[u8]) -> Result<Line, LeftOut> {
    let fields: Fields<'_> = serde_json::from_slice(line).map_err(|_| LeftOut::NoLine)?;
    let given = |text: Option<Cow<'_, str>>| {
        let text = text.filter(|text| !text.is_empty());
        text.map(|text| text.into_owned().into_bytes())
    };
    let time = fields.time.ok_or(LeftOut::Time)?;
    let taken = (fields.request_time).filter(|taken| taken.is_finite() && *taken > 0.0);
    Ok(Line {
        at: instant::of_seconds(time - taken.unwrap_or(0.0)).ok_or(LeftOut::Time)?,
        is_whole_second: false,
        host: given(fields.host),
        method: given(fields.method).ok_or(LeftOut::NoRequest)?,
        path: given(fields.uri).ok_or(LeftOut::NoRequest)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_its_request() {
        let text = r#"{"time":1700000000.250,"host":"shop","method":"GET","uri":"/a\"b","status":200,"request_length":80,"request_time":0.050,"more":[1,{}]}"#;
        let line = read(text.as_bytes()).expect("a request");
        assert_eq!(line.at, 1_700_000_000_200_000_000);
        assert_eq!(line.host.as_deref(), Some(&b"shop"[..]));
        assert_eq!(line.method, b"GET");
        assert_eq!(line.path, b"/a\"b");
    }

    #[test]
    fn what_is_no_request_is_left_out() {
        for (text, reason) in [
            ("{", LeftOut::NoLine),
            ("{}", LeftOut::Time),
            (
                r#"{"time":"now","method":"GET","uri":"/"}"#,
                LeftOut::NoLine,
            ),
            (
                r#"{"time":1e999,"method":"GET","uri":"/"}"#,
                LeftOut::NoLine,
            ),
            (r#"{"time":-1,"method":"GET","uri":"/"}"#, LeftOut::Time),
            (r#"{"time":1e300,"method":"GET","uri":"/"}"#, LeftOut::Time),
            (r#"{"time":1,"method":"","uri":""}"#, LeftOut::NoRequest),
            (
                r#"{"time":1,"method":"GET","uri":null}"#,
                LeftOut::NoRequest,
            ),
            (r#"{"time":1,"method":"GET","uri":"/"} x"#, LeftOut::NoLine),
            (
                "{\"time\":1,\"method\":\"GET\",\"uri\":\"/\u{1}\"}",
                LeftOut::NoLine,
            ),
        ] {
            assert_eq!(read(text.as_bytes()).err(), Some(reason), "{text}");
        }
        let bytes = b"{\"time\":1,\"method\":\"GET\",\"uri\":\"/\xff\"}";
        assert_eq!(read(bytes).err(), Some(LeftOut::NoLine));
    }
}
