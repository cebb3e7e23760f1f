//! A method and a handler's template, under which services count: `POST /items/{id}`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a series counts requests of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Route {
    /// Absent where the series do not tell methods apart.
    method: Option<String>,
    handler: String,
}

/// Stands for a method that is not told.
const ANY: &str = "*";

impl Route {
    #[must_use]
    pub fn new(method: Option<&str>, handler: &str) -> Self {
        Self {
            method: method.map(str::to_owned),
            handler: handler.to_owned(),
        }
    }

    #[must_use]
    pub fn handler(&self) -> &str {
        &self.handler
    }

    /// Whether it is the route of these labels; those that are not given may be anything.
    #[must_use]
    pub fn has(&self, method: Option<&str>, handler: Option<&str>) -> bool {
        let same = |wanted: Option<&str>, own: Option<&str>| {
            wanted.is_none() || own.is_none() || wanted == own
        };
        same(method, self.method.as_deref()) && same(handler, Some(&self.handler))
    }

    /// How well the handler's template fits a path, whose variable segments are `None`: the number
    /// of segments that are the same word for word. `None` where it does not fit.
    #[must_use]
    pub fn fit(&self, method: &str, path: &[Option<&str>]) -> Option<usize> {
        if !self.has(Some(method), None) {
            return None;
        }
        let mut rest = path.iter();
        let mut exact = 0;
        for part in segments(&self.handler) {
            if is_parameter(part) && part.contains(":path}") {
                return rest.next().is_some().then_some(exact);
            }
            match rest.next()? {
                Some(word) if *word == part => exact += 1,
                _ if is_parameter(part) => {}
                _ => return None,
            }
        }
        rest.next().is_none().then_some(exact)
    }
}

/// The segments of a path.
pub fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// `{id}` as `FastAPI` and axum write it, `:id` and `<id>` as others do.
fn is_parameter(part: &str) -> bool {
    (part.starts_with('{') && part.ends_with('}'))
        || (part.starts_with('<') && part.ends_with('>'))
        || (part.starts_with(':') && part.len() > 1)
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_deref().unwrap_or(ANY);
        write!(f, "{method} {}", self.handler)
    }
}

impl From<Route> for String {
    fn from(route: Route) -> Self {
        route.to_string()
    }
}

impl From<String> for Route {
    fn from(text: String) -> Self {
        match text.split_once(' ') {
            Some((ANY, handler)) => Self::new(None, handler),
            Some((method, handler)) => Self::new(Some(method), handler),
            None => Self::new(None, &text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(route: &str, request: &str) -> Option<usize> {
        let (method, path) = request.split_once(' ').expect("method and path");
        let path: Vec<_> = segments(path)
            .map(|part| (part != "*").then_some(part))
            .collect();
        Route::from(route.to_owned()).fit(method, &path)
    }

    #[test]
    fn a_template_fits_the_paths_it_stands_for() {
        assert_eq!(fit("GET /items", "GET /items"), Some(1));
        assert_eq!(fit("* /items", "GET /items"), Some(1));
        assert_eq!(fit("POST /items", "GET /items"), None);
        assert_eq!(fit("GET /items/{id}", "GET /items/7"), Some(1));
        assert_eq!(fit("GET /items/{id}", "GET /items/*"), Some(1));
        assert_eq!(fit("GET /items/new", "GET /items/*"), None);
        assert_eq!(fit("GET /items/new", "GET /items/new"), Some(2));
        assert_eq!(fit("GET /items/{id}", "GET /items"), None);
        assert_eq!(fit("GET /items/{id}", "GET /items/7/parts"), None);
        assert_eq!(fit("GET /files/{name:path}", "GET /files/a/b"), Some(1));
        assert_eq!(fit("GET /", "GET /"), Some(1));
        assert_eq!(fit("GET /:id", "GET /7"), Some(0));
    }

    #[test]
    fn a_route_reads_back() {
        for text in ["POST /items/{id}", "* /a b"] {
            assert_eq!(Route::from(text.to_owned()).to_string(), text);
        }
    }
}
