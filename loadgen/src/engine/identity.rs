//! Finds the replica's name in an answer.

use crate::model::NameSource;
use crate::transport::Connection;

/// The name a connection's last answer gives; empty when it gives none.
#[inline]
pub fn name_of<'a, C: Connection>(connection: &'a C, source: &NameSource) -> &'a [u8] {
    match source {
        NameSource::Body => name_in(connection.short_body()),
        NameSource::Header(_) => connection.named_header().trim_ascii(),
    }
}

/// The name a body gives: the inside of a JSON string, or one word without blanks. A proxy's own
/// error page is neither, so it names nobody.
#[inline]
#[must_use]
pub fn name_in(body: &[u8]) -> &[u8] {
    let body = body.trim_ascii();
    if let [b'"', name @ .., b'"'] = body {
        return if name.contains(&b'"') { &[] } else { name };
    }
    let word = |byte: &u8| byte.is_ascii_graphic() && !b"<>{}\"".contains(byte);
    if body.iter().all(word) { body } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_a_replica_or_nobody() {
        for (body, name) in [
            (&b"\"782bf3ef4322\""[..], &b"782bf3ef4322"[..]),
            (b"\"<script>\"\n", b"<script>"),
            (b"782bf3ef4322\n", b"782bf3ef4322"),
            (b"", b""),
            (b"\"", b""),
            (b"bad gateway", b""),
            (b"<html>", b""),
            (b"{\"id\":1}", b""),
            (b"\"a\" \"b\"", b""),
        ] {
            assert_eq!(name_in(body), name, "{:?}", String::from_utf8_lossy(body));
        }
    }
}
