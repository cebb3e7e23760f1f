//! Flags of the hidden children: `--flag value` or `--flag=value`, and nothing else.
//!
//! The children are no part of the command line that people see, so they stay out of `cli`.

use std::fmt::Display;
use std::str::FromStr;

/// What is left of a child's command line.
pub(super) struct Arguments<I>(I);

/// One flag with its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flag {
    /// Its name, with the dashes.
    pub(super) name: String,
    /// Its value, as it was written.
    pub(super) value: String,
}

impl<I: Iterator<Item = String>> Arguments<I> {
    pub(super) fn new(words: impl IntoIterator<IntoIter = I>) -> Self {
        Self(words.into_iter())
    }

    /// The next flag, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Flag>, String> {
        let Some(word) = self.0.next() else {
            return Ok(None);
        };
        if let Some((name, value)) = word.split_once('=') {
            return Ok(Some(Flag {
                name: name.to_owned(),
                value: value.to_owned(),
            }));
        }
        match self.0.next() {
            Some(value) => Ok(Some(Flag { name: word, value })),
            None => Err(format!("{word} needs a value")),
        }
    }
}

impl Flag {
    /// The value as what it means.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self) -> Result<T, String> {
        self.value
            .parse()
            .map_err(|error| format!("{} {}: {error}", self.name, self.value))
    }

    pub(super) fn unknown(&self) -> String {
        format!("unknown flag {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Arguments<std::vec::IntoIter<String>> {
        Arguments::new(words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_value_follows_its_flag_or_an_equals_sign() {
        let mut arguments = arguments(&["--id", "a=b", "--seed=7"]);
        let flag = arguments.next().unwrap().unwrap();
        assert_eq!((flag.name.as_str(), flag.value.as_str()), ("--id", "a=b"));
        let flag = arguments.next().unwrap().unwrap();
        assert_eq!(flag.parse::<u64>(), Ok(7));
        assert_eq!(arguments.next(), Ok(None));
    }

    #[test]
    fn a_flag_without_a_value_is_refused() {
        assert_eq!(
            arguments(&["--id"]).next(),
            Err("--id needs a value".to_owned())
        );
    }
}
