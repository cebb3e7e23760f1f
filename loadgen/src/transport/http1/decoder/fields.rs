//! What the header lines of an answer say of its body and of its connection.

use super::{Kept, ProtocolError};
use crate::model::NameSource;
use crate::transport::{TRIES_HEADER, tries_in};

/// What the header lines say of the body and the connection.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) tries: u16,
}

impl Fields {
    pub(super) fn read(
        headers: &[httparse::Header<'_>],
        names: &NameSource,
        named: &mut Kept,
    ) -> Result<Self, ProtocolError> {
        let mut fields = Self::default();
        for header in headers {
            // By length first: most headers are none of these.
            match header.name.len() {
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    fields.connection(header.value);
                }
                10 if header.name.eq_ignore_ascii_case(TRIES_HEADER) => {
                    fields.tries = tries_in(header.value);
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    fields.content_length(header.value)?;
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    let value = header.value.trim_ascii();
                    if !value.eq_ignore_ascii_case(b"chunked") || fields.chunked {
                        return Err(ProtocolError::Encoding);
                    }
                    fields.chunked = true;
                }
                _ => {}
            }
            let watched = names.header();
            if watched.is_some_and(|name| header.name.eq_ignore_ascii_case(name)) {
                named.clear();
                // A folded line is one with blanks in it.
                for line in header.value.split(|byte| matches!(byte, b'\r' | b'\n')) {
                    named.extend(line);
                }
            }
        }
        Ok(fields)
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// One number, or a list in which it is repeated (RFC 9110, section 8.6).
    fn content_length(&mut self, value: &[u8]) -> Result<(), ProtocolError> {
        let mut members = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        members.try_for_each(|member| self.one_content_length(member))
    }

    fn one_content_length(&mut self, value: &[u8]) -> Result<(), ProtocolError> {
        let digits = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
        let length = (digits.then_some(value)).ok_or(ProtocolError::Length)?;
        let length = length
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        match self.length {
            Some(other) if other != length => Err(ProtocolError::Length),
            _ => {
                self.length = Some(length);
                Ok(())
            }
        }
    }
}
