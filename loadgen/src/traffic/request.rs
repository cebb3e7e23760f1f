//! What one group sends: its requests as texts with variables, and which of them arrival k is.

use std::sync::Arc;

use super::{Choice, Template, Values};

/// Which request an arrival is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The arrival's number, from the beginning of the warm-up.
    pub k: u64,
    /// The request's place among the group's.
    pub request: usize,
}

/// One request, without its `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestText {
    /// What it is called where results are told.
    pub name: String,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, from its slash.
    pub path: Template,
    pub headers: Vec<(String, Template)>,
    pub body: Option<Template>,
}

/// What one group sends. Every copy is of the same texts and tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    pub choice: Choice,
    /// At least one.
    pub requests: Arc<[RequestText]>,
    pub values: Values,
}

impl Traffic {
    /// What arrival `k` asks for.
    #[inline]
    #[must_use]
    pub fn call(&self, k: u64) -> Call {
        Call {
            k,
            request: self.choice.of(k),
        }
    }

    /// The same with a header in every request that has none of its name.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let with = |request: &RequestText| {
            let mut request = request.clone();
            if !request.has_header(name) {
                let value = Template::fixed(value.as_bytes());
                request.headers.push((name.to_owned(), value));
            }
            request
        };
        self.requests = self.requests.iter().map(with).collect();
        self
    }

    /// The names by which results are told apart: none where there is only one request.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match &*self.requests {
            [_] => Vec::new(),
            several => several.iter().map(|one| one.name.clone()).collect(),
        }
    }
}

impl RequestText {
    fn has_header(&self, name: &str) -> bool {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.any(|given| given.eq_ignore_ascii_case(name))
    }

    /// Whether every arrival's is the same.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        let headers = self.headers.iter().map(|(_, value)| value);
        let mut texts = headers.chain(&self.body).chain([&self.path]);
        texts.all(|text| text.as_fixed().is_some())
    }
}
