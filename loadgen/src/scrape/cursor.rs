//! Reads names, quoted texts and label sets from one line: shared by pages and selectors.

use std::borrow::Cow;

use super::Reason;

/// The most labels of one sample.
const MOST_LABELS: usize = 64;

/// A label's name and value, unescaped.
pub(super) type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A place in one line. Always on a character boundary.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes `wanted` if it comes next.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn expect(&mut self, wanted: char, name: &'static str) -> Result<(), Reason> {
        if self.eat(wanted) {
            Ok(())
        } else {
            let found = if self.rest.is_empty() {
                "the end of the line".to_owned()
            } else {
                shorten(self.rest)
            };
            Err(Reason::Wanted {
                wanted: name.into(),
                found,
            })
        }
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    pub(super) fn metric_name(&mut self) -> Result<&'a str, Reason> {
        self.identifier(true)
            .ok_or_else(|| Reason::Name(shorten(self.rest)))
    }

    fn identifier(&mut self, colons: bool) -> Option<&'a str> {
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colons && byte == b':');
        let end = self
            .rest
            .bytes()
            .position(|byte| !allowed(byte))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name
            .bytes()
            .next()
            .is_none_or(|first| first.is_ascii_digit())
        {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    /// A text in double quotes with the escapes `\\`, `\"` and `\n`.
    pub(super) fn quoted(&mut self) -> Result<Cow<'a, str>, Reason> {
        self.expect('"', "\"")?;
        let end = self.rest.find(['"', '\\']).ok_or(Reason::Unclosed)?;
        if self.rest.as_bytes()[end] == b'"' {
            let text = &self.rest[..end];
            self.rest = &self.rest[end + 1..];
            return Ok(Cow::Borrowed(text));
        }
        self.unescape().map(Cow::Owned)
    }

    fn unescape(&mut self) -> Result<String, Reason> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, same @ ('\\' | '"'))) => text.push(same),
                    Some((_, other)) => return Err(Reason::Escape(other)),
                    None => return Err(Reason::Unclosed),
                },
                other => text.push(other),
            }
        }
        Err(Reason::Unclosed)
    }

    /// What follows `{`, up to and with `}`. A quoted text without `=` in the first place is the
    /// metric's name, as format 1.0.0 writes names that are no identifiers. Labels come sorted.
    pub(super) fn labels(&mut self) -> Result<(Option<Cow<'a, str>>, Vec<Label<'a>>), Reason> {
        let (mut name, mut labels) = (None, Vec::<Label<'a>>::new());
        loop {
            self.skip_blanks();
            if self.eat('}') {
                break;
            }
            let label = self.label_name()?;
            self.skip_blanks();
            let is_name = matches!(label, LabelName::Quoted(_)) && !self.rest.starts_with('=');
            if is_name && name.is_none() && labels.is_empty() {
                name = Some(label.into_text());
            } else {
                self.expect('=', "=")?;
                self.skip_blanks();
                let value = self.quoted()?;
                if labels.len() == MOST_LABELS {
                    return Err(Reason::TooManyLabels(MOST_LABELS));
                }
                labels.push((label.into_text(), value));
                self.skip_blanks();
            }
            if !self.eat(',') {
                self.expect('}', "}")?;
                break;
            }
        }
        labels.sort_unstable();
        match labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(twice) => Err(Reason::DuplicateLabel(shorten(&twice[0].0))),
            None => Ok((name, labels)),
        }
    }

    fn label_name(&mut self) -> Result<LabelName<'a>, Reason> {
        if self.rest.starts_with('"') {
            return self.quoted().map(LabelName::Quoted);
        }
        self.identifier(false)
            .map(LabelName::Plain)
            .ok_or_else(|| Reason::LabelName(shorten(self.rest)))
    }
}

enum LabelName<'a> {
    Plain(&'a str),
    Quoted(Cow<'a, str>),
}

impl<'a> LabelName<'a> {
    fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Plain(text) => Cow::Borrowed(text),
            Self::Quoted(text) => text,
        }
    }
}

/// At most 40 characters, so that a hostile page cannot fill a terminal.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
