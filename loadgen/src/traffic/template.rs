//! Texts with variables: read once, written for every arrival.

use bytes::Bytes;

use super::text::is_name;
use super::{Data, Values};

/// A text with variables, in pieces.
///
/// `{seq}` is the arrival's number k, `{seq % n}` its remainder, `{uuid}` an identifier, and
/// `{NAME.COLUMN}` a cell of the row that the arrival takes. `{{` is a brace, and `}}` after it one
/// that closes. A brace before anything but a letter is itself, so that JSON can be written as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Box<[Piece]>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Literal(Bytes),
    Seq,
    SeqModulo(u64),
    Uuid,
    /// A cell, by the places of its table and column.
    Cell {
        table: usize,
        column: usize,
    },
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{variable}` at line {line}, column {column} {reason}")]
pub struct TemplateError {
    /// As it is written, braces included; cut where it is long.
    pub variable: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    pub reason: String,
}

impl Template {
    /// A text in which nothing is a variable.
    #[must_use]
    pub fn fixed(text: &[u8]) -> Self {
        Self::bytes(Bytes::copy_from_slice(text))
    }

    /// The same, sharing the text instead of copying it.
    #[must_use]
    pub fn bytes(text: Bytes) -> Self {
        let piece = (!text.is_empty()).then_some(Piece::Literal(text));
        Self {
            pieces: piece.into_iter().collect(),
        }
    }

    /// Reads a text whose variables may name these tables.
    pub fn read(text: &[u8], data: &[Data]) -> Result<Self, TemplateError> {
        let mut pieces = Pieces::default();
        let (mut at, mut open) = (0, 0_usize);
        while let Some(byte) = text.get(at) {
            match (byte, text.get(at + 1)) {
                (b'{', Some(b'{')) => {
                    open += 1;
                    at += 1;
                }
                (b'}', Some(b'}')) if open > 0 => {
                    open -= 1;
                    at += 1;
                }
                (b'{', Some(next)) if next.is_ascii_alphabetic() => {
                    let length = variable_length(&text[at..])
                        .ok_or_else(|| error_at(text, at, "is not closed".to_owned()))?;
                    let name = &text[at + 1..at + length - 1];
                    let variable = variable(&String::from_utf8_lossy(name), data);
                    pieces.variable(variable.map_err(|reason| error_at(text, at, reason))?);
                    at += length;
                    continue;
                }
                _ => {}
            }
            pieces.literal.push(*byte);
            at += 1;
        }
        Ok(pieces.finish())
    }

    /// The text, where it is the same for every arrival.
    #[must_use]
    pub fn as_fixed(&self) -> Option<Bytes> {
        match &*self.pieces {
            [] => Some(Bytes::new()),
            [Piece::Literal(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// Texts one behind the other.
    #[must_use]
    pub fn joined(texts: &[&Self]) -> Self {
        let mut pieces = Pieces::default();
        for piece in texts.iter().flat_map(|text| &text.pieces) {
            match piece {
                Piece::Literal(text) => pieces.literal.extend_from_slice(text),
                variable => pieces.variable(variable.clone()),
            }
        }
        pieces.finish()
    }

    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Appends the text of arrival `k`. Allocates only where `out` has no room.
    #[inline]
    pub fn write(&self, values: &Values, k: u64, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            values.write(piece, k, out);
        }
    }

    /// The length in bytes of the text of arrival `k`.
    #[inline]
    #[must_use]
    pub fn length(&self, values: &Values, k: u64) -> usize {
        self.pieces
            .iter()
            .map(|piece| values.length(piece, k))
            .sum()
    }
}

/// Pieces as they are read.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    literal: Vec<u8>,
}

impl Pieces {
    fn variable(&mut self, piece: Piece) {
        self.end_literal();
        self.done.push(piece);
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            let text = std::mem::take(&mut self.literal);
            self.done.push(Piece::Literal(text.into()));
        }
    }

    fn finish(mut self) -> Template {
        self.end_literal();
        Template {
            pieces: self.done.into(),
        }
    }
}

/// The length of the variable that a text begins with, braces included.
fn variable_length(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|byte| matches!(byte, b'}' | b'\n'))?;
    (text[end] == b'}').then_some(end + 1)
}

/// The variable of this name; else what is wrong with it.
fn variable(name: &str, data: &[Data]) -> Result<Piece, String> {
    if name.trim() == "seq" {
        return Ok(Piece::Seq);
    }
    if name.trim() == "uuid" {
        return Ok(Piece::Uuid);
    }
    if let Some((what, n)) = name.split_once('%')
        && what.trim() == "seq"
    {
        return match n.trim().parse() {
            Ok(n) if n > 0 => Ok(Piece::SeqModulo(n)),
            _ => Err("needs a whole number above 0 behind its `%`".to_owned()),
        };
    }
    match name.trim().split_once('.') {
        Some((table, column)) if is_name(table) && is_name(column) => cell(table, column, data),
        _ => Err(
            "is no variable: {seq}, {seq % n}, {uuid} and {NAME.COLUMN} are; write {{ for a brace"
                .to_owned(),
        ),
    }
}

fn cell(table: &str, column: &str, data: &[Data]) -> Result<Piece, String> {
    let Some(place) = data.iter().position(|one| one.name == table) else {
        return Err(format!(
            "names data that the plan does not have: add [data.{table}]"
        ));
    };
    let columns = data[place].table.columns();
    match columns.iter().position(|name| name == column) {
        Some(column) => Ok(Piece::Cell {
            table: place,
            column,
        }),
        None => Err(format!(
            "names no column of {table}, which has {}",
            columns.join(", ")
        )),
    }
}

fn error_at(text: &[u8], at: usize, reason: String) -> TemplateError {
    let before = &text[..at];
    let begin = before.iter().rposition(|byte| *byte == b'\n');
    let rest = &text[at..];
    let length = variable_length(rest).unwrap_or(rest.len()).min(40);
    TemplateError {
        variable: String::from_utf8_lossy(&rest[..length]).into_owned(),
        line: before.split(|byte| *byte == b'\n').count(),
        column: at - begin.map_or(0, |begin| begin + 1) + 1,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Order, Table};
    use proptest::prelude::*;

    fn users() -> Vec<Data> {
        vec![Data {
            name: "users".into(),
            order: Order::InTurn,
            table: Table::read(b"id,name\n7,anna\n8,bert\n").expect("a table"),
        }]
    }

    fn written(text: &str, k: u64) -> String {
        let data = users();
        let template = Template::read(text.as_bytes(), &data).expect(text);
        let values = Values {
            seed: 1,
            group: 0,
            data: data.into(),
        };
        let mut out = Vec::new();
        template.write(&values, k, &mut out);
        assert_eq!(out.len(), template.length(&values, k), "{text}");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn variables_are_replaced_and_braces_kept() {
        for (text, expected) in [
            ("/items/{seq}", "/items/1234"),
            ("/items?page={seq % 50}&n={seq%7}", "/items?page=34&n=2"),
            (
                r#"{"user":"{users.id}","n":{seq}}"#,
                r#"{"user":"7","n":1234}"#,
            ),
            (r#"{"a":{"b":{"c":{seq}}}}"#, r#"{"a":{"b":{"c":1234}}}"#),
            ("{{seq}} {{{seq}}}", "{seq} {1234}"),
            ("{{id}", "{id}"),
            ("{ } {} {1} {", "{ } {} {1} {"),
            ("", ""),
        ] {
            assert_eq!(written(text, 1_234), expected, "{text}");
        }
    }

    #[test]
    fn an_identifier_has_the_form_of_version_4_and_is_always_the_same() {
        assert_eq!(written("{uuid}", 0), "fa7b1e50-c140-48f6-b4be-d48dd733c928");
        assert_eq!(written("{uuid}", 1), "12bf22ee-272f-4bb1-9b6f-f54f015df70f");
    }

    #[test]
    fn an_unknown_variable_is_refused_with_its_place() {
        for (text, place, reason) in [
            ("a\n b{foo}", "`{foo}` at line 2, column 3", "no variable"),
            ("{seq % 0}", "line 1, column 1", "above 0"),
            ("{seq % x}", "line 1, column 1", "above 0"),
            ("{seq", "`{seq` at", "not closed"),
            ("{seq\n}", "`{seq", "not closed"),
            ("{orders.id}", "`{orders.id}`", "[data.orders]"),
            ("{users.age}", "`{users.age}`", "which has id, name"),
        ] {
            let error = Template::read(text.as_bytes(), &users()).expect_err(text);
            let error = error.to_string();
            assert!(error.contains(place) && error.contains(reason), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_read_or_refused_and_never_anything_else(
            text in r"[a-z{}%. \n0-9]{0,40}", k: u64,
        ) {
            if let Ok(template) = Template::read(text.as_bytes(), &users()) {
                let values = Values { seed: 1, group: 0, data: users().into() };
                let mut out = Vec::new();
                template.write(&values, k, &mut out);
                prop_assert_eq!(out.len(), template.length(&values, k));
            }
        }

        #[test]
        fn identifiers_of_different_arrivals_and_groups_differ(a: u64, b: u64, group in 0_u64..9) {
            prop_assume!(a != b);
            let write = |k, group| {
                let values = Values { seed: 1, group, data: users().into() };
                let mut out = Vec::new();
                Template::read(b"{uuid}", &[]).expect("a text").write(&values, k, &mut out);
                out
            };
            prop_assert_ne!(write(a, group), write(b, group));
            prop_assert_ne!(write(a, group), write(a, group + 1));
        }
    }
}
