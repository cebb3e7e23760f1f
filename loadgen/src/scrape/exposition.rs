//! A strict parser for the Prometheus text format (0.0.4 and 1.0.0).
//!
//! It refuses what it cannot read, with line and reason: a line that is skipped in silence is a
//! counter that is missing from the counts. Names and values are borrowed from the page.
//!
//! **Invariant:** any text gives a value or an error, never a panic.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cursor::{Cursor, Label, shorten};
use super::{ParseError, Reason};

/// The largest page, in bytes.
const MOST_BYTES: usize = 16 << 20;
const MOST_SAMPLES: usize = 200_000;

/// All samples of a page, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition<'a> {
    pub samples: Vec<Sample<'a>>,
    /// The types given by `# TYPE` lines, by family name.
    pub types: HashMap<&'a str, Kind>,
}

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name.
    pub name: Cow<'a, str>,
    /// Its labels, unescaped, sorted by name.
    pub labels: Vec<Label<'a>>,
    /// Its value; may be NaN or infinite.
    pub value: f64,
    /// Milliseconds since 1970, where one was given.
    pub timestamp: Option<i64>,
    line: usize,
}

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    /// Goes up and down.
    Gauge,
    Histogram,
    /// Sum, count and perhaps quantiles.
    Summary,
    Untyped,
}

impl Exposition<'_> {
    /// The samples of one name, in order.
    pub fn named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Sample<'e>> {
        self.samples
            .iter()
            .filter(move |sample| sample.name == name)
    }
}

impl Sample<'_> {
    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
    }
}

/// Reads a whole page.
pub fn parse(text: &str) -> Result<Exposition<'_>, ParseError> {
    let whole = |reason| ParseError { line: 0, reason };
    if text.len() > MOST_BYTES {
        return Err(whole(Reason::TooManyBytes(text.len(), MOST_BYTES)));
    }
    let mut page = Exposition::default();
    let mut ended = false;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let at = |reason| ParseError {
            line: number,
            reason,
        };
        let line = line
            .strip_suffix('\n')
            .ok_or_else(|| at(Reason::Truncated))?;
        if ended {
            return Err(at(Reason::AfterEof));
        }
        let line = line.trim_matches([' ', '\t']);
        if let Some(comment) = line.strip_prefix('#') {
            ended = comment == " EOF";
            read_comment(comment, &mut page).map_err(at)?;
        } else if !line.is_empty() {
            if page.samples.len() == MOST_SAMPLES {
                return Err(at(Reason::TooManySamples(MOST_SAMPLES)));
            }
            page.samples.push(read_sample(line, number).map_err(at)?);
        }
    }
    refuse_duplicates(&page.samples)?;
    Ok(page)
}

/// `# TYPE name kind` and `# HELP name text`; everything else is a comment for people.
fn read_comment<'a>(comment: &'a str, page: &mut Exposition<'a>) -> Result<(), Reason> {
    let mut words = comment.splitn(4, [' ', '\t']);
    if words.next() != Some("") {
        return Ok(());
    }
    let (keyword, name) = (words.next(), words.next().unwrap_or_default());
    match keyword {
        Some("TYPE") => {
            let name = family_name(name)?;
            let kind = match words.next().unwrap_or_default().trim() {
                "counter" => Kind::Counter,
                "gauge" => Kind::Gauge,
                "histogram" => Kind::Histogram,
                "summary" => Kind::Summary,
                "untyped" | "unknown" => Kind::Untyped,
                other => return Err(Reason::Type(shorten(other))),
            };
            match page.types.insert(name, kind) {
                Some(_) => Err(Reason::DuplicateType(shorten(name))),
                None => Ok(()),
            }
        }
        Some("HELP") => family_name(name).map(|_| ()),
        _ => Ok(()),
    }
}

/// A family's name: an identifier, or anything in quotes (1.0.0), which is kept as it stands.
fn family_name(name: &str) -> Result<&str, Reason> {
    if let Some(quoted) = name.strip_prefix('"') {
        return Ok(quoted.strip_suffix('"').unwrap_or(quoted));
    }
    let mut cursor = Cursor::new(name);
    let read = cursor.metric_name()?;
    if cursor.rest.is_empty() {
        Ok(read)
    } else {
        Err(Reason::Name(shorten(name)))
    }
}

fn read_sample(line: &str, number: usize) -> Result<Sample<'_>, Reason> {
    let mut cursor = Cursor::new(line);
    let mut name = if line.starts_with('{') {
        None
    } else {
        Some(Cow::Borrowed(cursor.metric_name()?))
    };
    cursor.skip_blanks();
    let mut labels = Vec::new();
    if cursor.eat('{') {
        let (quoted, read) = cursor.labels()?;
        if name.is_some() && quoted.is_some() {
            return Err(Reason::Name(shorten(line)));
        }
        (name, labels) = (name.or(quoted), read);
    }
    let name = name.ok_or_else(|| Reason::Name(shorten(line)))?;
    let mut words = cursor
        .rest
        .split([' ', '\t'])
        .filter(|word| !word.is_empty());
    let value = words.next().unwrap_or_default();
    // Rust reads what Go reads here: decimals, exponents, Inf and NaN in any case.
    let value: f64 = (value.parse()).map_err(|_| Reason::Number(shorten(value)))?;
    let timestamp = match words.next() {
        Some(word) if word.starts_with('#') => return Err(Reason::Exemplar),
        Some(word) => Some(word.parse().map_err(|_| Reason::Timestamp(shorten(word)))?),
        None => None,
    };
    match words.next() {
        Some(word) if word.starts_with('#') => Err(Reason::Exemplar),
        Some(word) => Err(Reason::Trailing(shorten(word))),
        None => Ok(Sample {
            name,
            labels,
            value,
            timestamp,
            line: number,
        }),
    }
}

/// Which of two equal series would count? Neither is safe.
fn refuse_duplicates(samples: &[Sample<'_>]) -> Result<(), ParseError> {
    let mut order: Vec<&Sample<'_>> = samples.iter().collect();
    order.sort_by(|a, b| (&a.name, &a.labels, a.line).cmp(&(&b.name, &b.labels, b.line)));
    let twice = order
        .windows(2)
        .find(|pair| pair[0].name == pair[1].name && pair[0].labels == pair[1].labels);
    match twice {
        Some(pair) => Err(ParseError {
            line: pair[1].line,
            reason: Reason::DuplicateSample(shorten(&pair[1].name), pair[0].line),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;
