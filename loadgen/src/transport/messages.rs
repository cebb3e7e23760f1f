//! What one group sends: each of its requests ready to be sent, or to be filled in for an arrival.

use std::sync::Arc;

use bytes::Bytes;

use super::http1::header_lines;
use super::{Message, RequestParts};
use crate::traffic::{Call, RequestText, Template, Traffic, Values, write_number};

/// The requests of a group. Every copy is of the same bytes.
#[derive(Clone, Debug)]
pub struct Messages(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    forms: Vec<Form>,
    values: Values,
}

#[derive(Debug)]
enum Form {
    Fixed(Message),
    Text(Box<Text>),
}

/// A request that differs by arrival.
#[derive(Debug)]
struct Text {
    method: String,
    host: String,
    path: Template,
    headers: Vec<(String, Template)>,
    /// The head as HTTP/1.1 writes it, up to the length of the body where there is one.
    head: Template,
    body: Option<Template>,
    secure: bool,
}

impl From<Message> for Messages {
    fn from(message: Message) -> Self {
        Self(Arc::new(Inner {
            forms: vec![Form::Fixed(message)],
            values: Values::default(),
        }))
    }
}

impl Messages {
    /// The requests of a group for its `host`.
    #[must_use]
    pub fn new(traffic: &Traffic, host: &str, secure: bool, keep_alive: bool) -> Self {
        let form = |text: &RequestText| match fixed(text, host, secure, keep_alive) {
            Some(message) => Form::Fixed(message),
            None => Form::Text(Box::new(Text::new(text, host, secure, keep_alive))),
        };
        Self(Arc::new(Inner {
            forms: traffic.requests.iter().map(form).collect(),
            values: traffic.values.clone(),
        }))
    }

    /// Whether answers to it have no body.
    #[inline]
    pub(super) fn is_head(&self, call: Call) -> bool {
        match &self.0.forms[call.request] {
            Form::Fixed(message) => message.method() == "HEAD",
            Form::Text(text) => text.method == "HEAD",
        }
    }

    /// Makes a request ready that differs by arrival: it is in `room` then.
    #[inline]
    pub(super) fn fill(&self, call: Call, room: &mut Vec<u8>) {
        if let Form::Text(text) = &self.0.forms[call.request] {
            room.clear();
            text.write(&self.0.values, call.k, room);
        }
    }

    /// How many bytes it is in HTTP/1.1, once it was filled in.
    #[inline]
    pub(super) fn len(&self, call: Call, room: &[u8]) -> usize {
        match &self.0.forms[call.request] {
            Form::Fixed(message) => message.len(),
            Form::Text(_) => room.len(),
        }
    }

    /// What is to be written when so many bytes were.
    #[inline]
    pub(super) fn after<'a>(&'a self, call: Call, room: &'a [u8], written: usize) -> &'a [u8] {
        match &self.0.forms[call.request] {
            Form::Fixed(message) => message.after(written),
            Form::Text(_) => &room[written..],
        }
    }

    /// Head and body for HTTP/2; why they cannot be made, where some part is not allowed there.
    pub(super) fn http2(&self, call: Call) -> Result<(http::Request<()>, Bytes), Arc<str>> {
        match &self.0.forms[call.request] {
            Form::Fixed(message) => Ok((message.http2()?, message.body())),
            Form::Text(text) => text.http2(&self.0.values, call.k),
        }
    }
}

/// The request as one that is the same for every arrival, where it is.
fn fixed(text: &RequestText, host: &str, secure: bool, keep_alive: bool) -> Option<Message> {
    let path = as_text(&text.path)?;
    let headers = text.headers.iter();
    let headers: Option<Vec<(String, String)>> = headers
        .map(|(name, value)| Some((name.clone(), as_text(value)?)))
        .collect();
    let headers = headers?;
    let body = match &text.body {
        Some(body) => Some(body.as_fixed()?),
        None => None,
    };
    Some(Message::new(&RequestParts {
        method: &text.method,
        path: &path,
        host,
        headers: &headers,
        body: body.as_ref(),
        secure,
        keep_alive,
    }))
}

fn as_text(template: &Template) -> Option<String> {
    let text = template.as_fixed()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

impl Text {
    fn new(text: &RequestText, host: &str, secure: bool, keep_alive: bool) -> Self {
        // The headers that are ours depend on the names of theirs alone.
        let names: Vec<(String, String)> = (text.headers.iter())
            .map(|(name, _)| (name.clone(), String::new()))
            .collect();
        let lines = header_lines(&RequestParts {
            method: &text.method,
            path: "/",
            host,
            headers: &names,
            body: None,
            secure,
            keep_alive,
        });
        let given = |name: &str| names.iter().any(|(theirs, _)| theirs == name);
        let mut headers: Vec<(String, Template)> = (lines.into_iter())
            .filter(|(name, _)| !given(name) && *name != "Content-Length")
            .map(|(name, value)| (name.to_owned(), Template::fixed(value.as_bytes())))
            .collect();
        headers.extend(text.headers.clone());
        // A method that defines a body says so even when it is empty (RFC 9110, section 8.6).
        let expects_body = matches!(text.method.as_str(), "POST" | "PUT" | "PATCH");
        let body = text.body.clone();
        Self {
            head: head(text, host, &headers, keep_alive),
            body: body.or_else(|| expects_body.then(Template::default)),
            method: text.method.clone(),
            host: host.to_owned(),
            path: text.path.clone(),
            headers,
            secure,
        }
    }

    fn write(&self, values: &Values, k: u64, out: &mut Vec<u8>) {
        self.head.write(values, k, out);
        if let Some(body) = &self.body {
            out.extend_from_slice(b"Content-Length: ");
            write_number(body.length(values, k) as u64, out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if let Some(body) = &self.body {
            body.write(values, k, out);
        }
    }

    fn http2(&self, values: &Values, k: u64) -> Result<(http::Request<()>, Bytes), Arc<str>> {
        let written = |template: &Template| {
            let mut text = Vec::new();
            template.write(values, k, &mut text);
            text
        };
        let body = self.body.as_ref().map(written);
        let uri = http::Uri::builder()
            .scheme(if self.secure { "https" } else { "http" })
            .authority(self.host.as_str())
            .path_and_query(written(&self.path))
            .build();
        let refused = |error: http::Error| Arc::from(error.to_string());
        let mut request = http::Request::builder()
            .version(http::Version::HTTP_2)
            .method(self.method.as_str())
            .uri(uri.map_err(refused)?);
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), written(value));
        }
        if let Some(body) = &body {
            request = request.header("content-length", body.len());
        }
        let request = request.body(()).map_err(refused)?;
        Ok((request, body.unwrap_or_default().into()))
    }
}

fn head(
    text: &RequestText,
    host: &str,
    headers: &[(String, Template)],
    keep_alive: bool,
) -> Template {
    let fixed = |text: &str| Template::fixed(text.as_bytes());
    let mut parts = vec![
        fixed(&format!("{} ", text.method)),
        text.path.clone(),
        fixed(&format!(" HTTP/1.1\r\nHost: {host}\r\n")),
    ];
    for (name, value) in headers {
        parts.extend([fixed(&format!("{name}: ")), value.clone(), fixed("\r\n")]);
    }
    if !keep_alive {
        parts.push(fixed("Connection: close\r\n"));
    }
    Template::joined(&parts.iter().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::Choice;

    fn messages(method: &str, path: &str, body: Option<&str>) -> Messages {
        let read = |text: &str| Template::read(text.as_bytes(), &[]).expect("a text");
        let request = RequestText {
            name: "one".into(),
            method: method.into(),
            path: read(path),
            headers: vec![("Accept".into(), read("text/{seq % 3}"))],
            body: body.map(read),
        };
        let traffic = Traffic {
            choice: Choice::only(),
            requests: [request].into(),
            values: Values::default(),
        };
        Messages::new(&traffic, "group", true, true)
    }

    fn written(messages: &Messages, k: u64) -> String {
        let (call, mut room) = (Call { k, request: 0 }, Vec::new());
        messages.fill(call, &mut room);
        assert_eq!(messages.len(call, &room), room.len());
        String::from_utf8(messages.after(call, &room, 0).to_vec()).expect("text")
    }

    #[test]
    fn a_request_is_filled_in_for_each_arrival() {
        let create = messages("POST", "/items/{seq}", Some(r#"{"n":{seq}}"#));
        let text = written(&create, 1_234);
        assert!(
            text.starts_with("POST /items/1234 HTTP/1.1\r\nHost: group\r\nUser-Agent: loadgen/")
        );
        assert!(text.ends_with("\r\nAccept: text/1\r\nContent-Length: 10\r\n\r\n{\"n\":1234}"));
        assert!(
            written(&messages("PUT", "/{seq}", None), 7).ends_with("Content-Length: 0\r\n\r\n")
        );
        assert!(written(&messages("GET", "/{seq}", None), 7).ends_with("Accept: text/1\r\n\r\n"));
    }

    #[test]
    fn http_2_has_the_same_request() {
        let create = messages("POST", "/items/{seq}", Some(r#"{"n":{seq}}"#));
        let call = Call {
            k: 1_234,
            request: 0,
        };
        let (request, body) = create.http2(call).expect("a request");
        assert_eq!(request.uri(), "https://group/items/1234");
        assert_eq!(request.headers()["accept"], "text/1");
        assert_eq!(request.headers()["content-length"], "10");
        assert_eq!(body, "{\"n\":1234}");
    }
}
