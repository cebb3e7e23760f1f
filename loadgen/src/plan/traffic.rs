//! Several requests of a group and their data, checked so that whatever arrives is a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::body::MOST_HELD;
use super::request::{check_header, check_method};
use super::threshold::is_place;
use super::{Body, GroupPlan, Plan, PlanError, PlanFields};
use crate::model::{Selector, StackChoice};
use crate::traffic::{Choice, Data, Order, Piece, RequestText, Table, Template, Traffic, Values};

/// The most requests of a group: each has histograms of its own.
const MOST_REQUESTS: usize = 64;
/// The most tables of a plan.
const MOST_TABLES: usize = 16;

/// One of a group's requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPlan {
    /// What it is called where results are told; unlike any other's of its group.
    pub name: String,
    /// How often it is sent beside the others.
    #[serde(default = "one")]
    pub weight: u32,
    /// The method, in capitals.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query, with variables.
    #[serde(default = "root")]
    pub path: String,
    /// Further headers, with variables in their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The file that the body was read from, in which nothing is a variable.
    #[serde(default, alias = "body-file", skip_serializing_if = "Option::is_none")]
    pub body_file: Option<String>,
    /// The body, with variables where it comes from no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The replicas' counter that counts it; found by handler and method where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Selector>,
}

/// A CSV file of which each arrival takes a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataPlan {
    /// Where it lies, seen from the plan file.
    pub file: String,
    /// Which row arrival k takes.
    #[serde(default, skip_serializing_if = "is_in_turn")]
    pub order: Order,
    /// Of the file, in hexadecimal digits: what was measured with is what it is repeated with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The names in its header line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// What it holds; absent where that is more than 256 KiB.
    #[serde(default, skip_serializing_if = "is_too_large")]
    pub content: Option<Body>,
}

impl RequestPlan {
    /// A request of a method and a name, and nothing else.
    pub(super) fn of(name: String, method: String) -> Self {
        Self {
            name,
            weight: one(),
            method,
            path: root(),
            headers: BTreeMap::new(),
            body_file: None,
            body: None,
            counter: None,
        }
    }
}

const fn one() -> u32 {
    1
}

fn get() -> String {
    "GET".into()
}

fn root() -> String {
    "/".into()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
pub(super) fn is_in_turn(order: &Order) -> bool {
    *order == Order::InTurn
}

#[expect(clippy::ref_option, reason = "the form that serde calls")]
fn is_too_large(content: &Option<Body>) -> bool {
    content
        .as_ref()
        .is_none_or(|body| body.bytes().len() > MOST_HELD)
}

impl DataPlan {
    /// The same with what its file holds.
    pub fn with_content(mut self, content: Vec<u8>) -> Result<Self, String> {
        let table = Table::read(&content).map_err(|error| error.to_string())?;
        self.columns = table.columns().to_vec();
        self.rows = Some(table.rows());
        self.content = Some(content.into());
        Ok(self)
    }

    fn table(&self, name: &str) -> Result<Table, PlanError> {
        let refused = |reason: String| PlanError::Data {
            name: name.to_owned(),
            reason,
        };
        match &self.content {
            Some(content) => Table::read(&content.bytes())
                .map_err(|error| refused(format!("{}: {error}", self.file))),
            None => Ok(Table::of_columns(self.columns.clone())),
        }
    }
}

/// What every group of a plan sends, in order; a plan that says something impossible is refused.
pub(super) fn compile(plan: &PlanFields) -> Result<Vec<Traffic>, PlanError> {
    if plan.data.len() > MOST_TABLES {
        return Err(PlanError::Data {
            name: plan.data.keys().next_back().cloned().unwrap_or_default(),
            reason: format!("{} files are more than {MOST_TABLES}", plan.data.len()),
        });
    }
    let data: Result<Vec<Data>, PlanError> = (plan.data.iter())
        .map(|(name, data)| {
            Ok(Data {
                name: name.clone(),
                order: data.order,
                table: data.table(name)?,
            })
        })
        .collect();
    let data: Arc<[Data]> = data?.into();
    let groups = plan.groups.iter().enumerate();
    groups
        .map(|(place, group)| {
            if let Some(replay) = &plan.replay {
                return Ok(super::replay::traffic(replay, group, plan, place));
            }
            let values = Values {
                seed: plan.seed,
                group: place as u64,
                data: Arc::clone(&data),
            };
            group.traffic(plan, values)
        })
        .collect()
}

impl Plan {
    /// What every group sends, in order.
    ///
    /// # Panics
    /// Never: a plan that this could fail for cannot be made.
    #[must_use]
    pub fn traffic(&self) -> Vec<Traffic> {
        compile(self).unwrap_or_else(|error| unreachable!("a plan was validated: {error}"))
    }

    /// Whether the plan does not hold all of its data, or of its log, and needs their files.
    #[must_use]
    pub fn needs_files(&self) -> bool {
        let needs_log = self.replay.as_ref().is_some_and(|one| one.log.is_none());
        let named = self.groups.iter().flat_map(|group| &group.requests);
        let mut bodies = named
            .filter_map(|request| request.body.as_ref())
            .chain(self.request.body());
        needs_log
            || self.data.values().any(|data| data.content.is_none())
            || bodies.any(|body| body.unread().is_some())
    }
}

impl Plan {
    /// The files that whoever sends this load has to find, for the plan as it is stored does not hold
    /// them: each with whether it is a key.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, bool> {
        let log = self.replay.iter().filter(|one| !one.is_held());
        let data = self.data.values().filter(|one| is_too_large(&one.content));
        let named = self.groups.iter().flat_map(|group| &group.requests);
        let bodies = named
            .filter_map(|request| request.body.as_ref())
            .chain(self.request.body());
        let bodies = bodies.filter_map(|body| match body {
            Body::Large(large) => Some(large.file.clone()),
            Body::Held(_) => None,
        });
        let mut files: BTreeMap<_, _> = (log.map(|one| one.file.clone()))
            .chain(data.map(|one| one.file.clone()))
            .chain(bodies)
            .map(|file| (file, false))
            .collect();
        if let StackChoice::External(external) = &self.stack {
            files.extend(external.cacert.iter().map(|file| (file.clone(), false)));
            let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
            if let Some(identity) = &external.identity {
                files.insert(text(&identity.certificate), false);
                files.insert(text(&identity.key), true);
            }
        }
        files
    }
}

impl GroupPlan {
    fn traffic(&self, plan: &PlanFields, values: Values) -> Result<Traffic, PlanError> {
        if self.requests.is_empty() {
            return Ok(Traffic {
                choice: Choice::only(),
                requests: [fixed(plan)].into(),
                values,
            });
        }
        let refused = |request: &RequestPlan, reason: String| PlanError::RequestOf {
            group: self.name.clone(),
            request: request.name.clone(),
            reason,
        };
        if let Some(request) = self.requests.get(MOST_REQUESTS) {
            let reason = format!("a group has at most {MOST_REQUESTS} requests");
            return Err(refused(request, reason));
        }
        for (place, request) in self.requests.iter().enumerate() {
            let mut before = self.requests[..place].iter();
            if before.any(|other| other.name == request.name) {
                return Err(refused(request, "its name is given twice".to_owned()));
            }
        }
        let read = |request: &RequestPlan| {
            let text = request.text(&values.data);
            text.map_err(|reason| refused(request, reason))
        };
        let requests: Result<Vec<_>, _> = self.requests.iter().map(read).collect();
        let weights: Vec<_> = self.requests.iter().map(|request| request.weight).collect();
        Ok(Traffic {
            choice: Choice::new(&weights, self.order, plan.seed),
            requests: requests?.into(),
            values,
        })
    }
}

/// The run's one request, in which nothing is a variable.
fn fixed(plan: &PlanFields) -> RequestText {
    let request = &plan.request;
    let headers = request.headers().iter();
    RequestText {
        name: String::new(),
        method: request.method().to_owned(),
        path: Template::fixed(request.path().as_bytes()),
        headers: headers
            .map(|(name, value)| (name.clone(), Template::fixed(value.as_bytes())))
            .collect(),
        body: (request.body()).map(|body| Template::bytes(body.bytes())),
    }
}

impl RequestPlan {
    fn text(&self, data: &[Data]) -> Result<RequestText, String> {
        if !crate::traffic::is_name(&self.name) {
            return Err("a name has 1 to 64 letters, digits, `_` or `-`".to_owned());
        }
        if is_place(&self.name) {
            return Err(
                "thresholds use this word for other metrics; give it another name".to_owned(),
            );
        }
        if !(1..=1_000_000).contains(&self.weight) {
            return Err(format!(
                "weight {} is outside of 1 to 1,000,000",
                self.weight
            ));
        }
        check_method(&self.method).map_err(|error| error.to_string())?;
        let headers = self.headers.iter().map(|(name, value)| {
            let what = format!("header {name}");
            check_header(name, "").map_err(|error| error.to_string())?;
            let value = read(&what, value.as_bytes(), data)?;
            each_byte(&what, &value, data, |byte| {
                byte == b'\t' || (byte >= 0x20 && byte != 0x7f)
            })?;
            Ok((name.clone(), value))
        });
        let body = match (&self.body, &self.body_file) {
            (Some(body), Some(_)) => Some(Template::bytes(body.bytes())),
            (Some(body), None) => Some(read("body", &body.bytes(), data)?),
            (None, Some(file)) => return Err(format!("body file {file} was not read")),
            (None, None) => None,
        };
        Ok(RequestText {
            name: self.name.clone(),
            method: self.method.clone(),
            path: self.path_text(data)?,
            headers: headers.collect::<Result<_, String>>()?,
            body,
        })
    }

    fn path_text(&self, data: &[Data]) -> Result<Template, String> {
        let path = read("path", self.path.as_bytes(), data)?;
        each_byte("path", &path, data, |byte| (0x21..0x7f).contains(&byte))?;
        let slash = match path.pieces().first() {
            Some(Piece::Literal(text)) => text.starts_with(b"/"),
            Some(Piece::Cell { table, column }) => {
                let table = &data[*table].table;
                (0..table.rows()).all(|row| table.cell(row, *column).starts_with(b"/"))
            }
            _ => false,
        };
        if slash {
            Ok(path)
        } else {
            Err(format!("path `{}` must begin with `/`", self.path))
        }
    }
}

fn read(what: &str, text: &[u8], data: &[Data]) -> Result<Template, String> {
    Template::read(text, data).map_err(|error| format!("{what}: {error}"))
}

/// Refuses a text, or a cell in it, that has a byte which cannot stand there.
fn each_byte(
    what: &str,
    text: &Template,
    data: &[Data],
    may_be: impl Fn(u8) -> bool,
) -> Result<(), String> {
    let holds = |bytes: &[u8]| bytes.iter().all(|byte| may_be(*byte));
    for piece in text.pieces() {
        match piece {
            Piece::Literal(text) if !holds(text) => {
                let text = String::from_utf8_lossy(text).into_owned();
                return Err(format!(
                    "{what}: `{}` holds a blank or a control character",
                    text.escape_debug()
                ));
            }
            Piece::Cell { table, column } => {
                let Data { name, table, .. } = &data[*table];
                let mut rows = 0..table.rows();
                if let Some(row) = rows.find(|row| !holds(table.cell(*row, *column))) {
                    let column = &table.columns()[*column];
                    let row = row + 1;
                    return Err(format!(
                        "{what}: row {row} of {name}.{column} holds a byte that cannot stand there; write it as %20, say"
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
