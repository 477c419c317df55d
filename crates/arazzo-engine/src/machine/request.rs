//! Step + scope → request: values are built, encoded and checked. Sends nothing.

use serde_json::{Map, Value as Json};

use super::frame::fingerprint;
use super::wire::Request;
use super::{payload, select};
use crate::event::Why;
use crate::expr::eval::{AbsentInText, EvalError, Sent, fill_escaped};
use crate::expr::{Expr, Lookup, Piece, Root, Template};
use crate::limits::{Servers, is_loopback};
use crate::openapi::encode;
use crate::openapi::join::join;
use crate::program::{Argument, Build, Call, Leaf, Location, Passed, Program, Selection, Step};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::source::Place;
use crate::value::Value;

/// A request with what was learned while it was built.
pub(super) struct Built {
    pub(super) request: Request,
    /// Its parts before they were encoded.
    pub(super) sent: Sent,
    /// `true` if it goes to this machine.
    pub(super) loopback: bool,
    /// What tells it from others, without who calls.
    pub(super) print: u64,
    /// Expressions without a value, and what was left out because of them.
    pub(super) absent: Vec<(String, String)>,
    /// Values in credential positions, with the names of their parameters.
    pub(super) credentials: Vec<(String, Json)>,
}

/// The inputs of a workflow that is called, with what was learned while they were built.
pub(super) struct BuiltInputs {
    /// By name; `true` for one in which a server has a part.
    pub(super) values: Vec<(String, Value, bool)>,
    pub(super) absent: Vec<(String, String)>,
    pub(super) credentials: Vec<(String, Json)>,
}

/// Builds the inputs that a step or an action passes to a workflow.
///
/// # Errors
/// Why they cannot be built.
pub(super) fn passed(
    program: &Program,
    step: &Step,
    passed: &Passed,
    lookup: &dyn Lookup,
) -> Result<BuiltInputs, Box<Why>> {
    let mut builder = Builder { program, step, lookup, absent: vec![], credentials: vec![], bytes: 0 };
    let mut values = vec![];
    for passed in &passed.values {
        if let Some(value) = builder.value(&passed.value, &passed.name)? {
            values.push((passed.name.clone(), value, select::is_foreign(&passed.value, lookup)));
        }
    }
    Ok(BuiltInputs { values, absent: builder.absent, credentials: builder.credentials })
}

/// Builds the request of a step.
///
/// # Errors
/// Why it cannot be sent: a value that is absent where one is needed, or one that cannot be sent safely.
pub(super) fn build(program: &Program, step: &Step, servers: &Servers, lookup: &dyn Lookup) -> Result<Built, Box<Why>> {
    let missing = || why(Reason::NoOperation, step, &step.place, "the operation is not known".to_owned());
    let Call::Operation { operation, arguments, body } = &step.call else { return Err(missing()) };
    let Some(operation) = program.operation(*operation) else { return Err(missing()) };
    let mut builder = Builder { program, step, lookup, absent: vec![], credentials: vec![], bytes: 0 };
    let mut values: Vec<(&Argument, Json)> = vec![];
    // By the letter, it is sent without (docs/readings.md, `missing-required-parameter`).
    let letter = program.readings == Readings::Letter;
    let needed = |argument: &Argument| argument.location == Location::Path || argument.required && !letter;
    for argument in arguments {
        let value = match argument.location {
            // A value inside of a query can add nothing to it.
            Location::Querystring => {
                let escape = |value: &Value| encode::form_text(&value.to_text());
                builder.escaped(&argument.value, &argument.name, &escape)?
            }
            _ => builder.value(&argument.value, &argument.name)?,
        };
        let value = value.map(Value::into_json);
        match value {
            Some(Json::Null) if argument.how.content.is_none() => {
                if needed(argument) {
                    let (kind, name) = (argument.location.word(), &argument.name);
                    let message = format!("{kind} parameter `{name}` is required, and its value is null");
                    return Err(why(Reason::AbsentValue, step, &argument.place, message));
                }
                builder.absent.push((written(&argument.value), argument.name.clone()));
            }
            Some(value) => {
                if argument.credential {
                    builder.credentials.push((argument.name.clone(), value.clone()));
                }
                values.push((argument, value));
            }
            None if needed(argument) => return Err(builder.absent_parameter(argument)),
            None => {}
        }
    }
    let of = |location: Location| values.iter().filter(move |(argument, _)| argument.location == location);
    let path = encode::path(&operation.path, |name| {
        of(Location::Path).find(|(argument, _)| argument.name == name).map(|(argument, value)| (value, &argument.how))
    });
    let path = path.map_err(|(name, reason)| {
        let place = arguments.iter().find(|a| a.name == name).map_or(&step.place, |a| &a.place);
        why(Reason::UnsafeValue, step, place, format!("path parameter `{name}` cannot be sent: {reason}"))
    })?;
    let whole =
        of(Location::Querystring).map(|(argument, value)| encode::query_string(value, argument.how.content.as_deref()));
    let mut query: Vec<String> = whole.filter(|text| !text.is_empty()).collect();
    let pairs = of(Location::Query).flat_map(|(argument, value)| encode::query(&argument.name, value, &argument.how));
    query.extend(pairs.map(|(name, value)| format!("{name}={value}")));
    let unsafe_value = |argument: &Argument, kind: &str, reason: &str| {
        let message = format!("{kind} parameter `{}` cannot be sent: {reason}", argument.name);
        why(Reason::UnsafeValue, step, &argument.place, message)
    };
    let mut cookies: Vec<String> = vec![];
    for (argument, value) in of(Location::Cookie) {
        let text = encode::cookie(&argument.name, value, &argument.how);
        cookies.push(text.map_err(|reason| unsafe_value(argument, "cookie", reason))?);
    }
    cookies.retain(|text| !text.is_empty());
    let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
    let server = operation.server_url(source, servers);
    let server = server.map_err(|error| why(Reason::UnknownServer, step, &step.place, error.to_string()))?;
    let url = join(&server, &path, &query.join("&")).map_err(|error| {
        let message = format!("`{}` of `{source}` cannot be called: {error}", operation.endpoint());
        why(Reason::UnsafePath, step, &step.place, message)
    })?;
    let mut headers: Vec<(String, String)> = vec![];
    let is_sent =
        |(argument, value): &&(&Argument, Json)| argument.how.content.is_some() || !encode::is_undefined(value);
    for (argument, value) in of(Location::Header).filter(is_sent) {
        let text = encode::header(value, &argument.how).map_err(|reason| unsafe_value(argument, "header", reason))?;
        headers.push((argument.name.clone(), text));
    }
    if !cookies.is_empty() {
        headers.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    let mut bytes = None;
    let mut sent_body = None;
    if let Some(body) = body {
        let encoded = payload::encode(&mut builder, body)?;
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type".to_owned(), encoded.content_type));
        }
        bytes = Some(encoded.bytes);
        sent_body = Some(encoded.value);
    }
    let loopback = is_loopback(&url);
    let request = Request { method: operation.method.clone(), url: url.into(), headers, body: bytes };
    let of_kind = |location: Location| {
        let fits = values.iter().filter(move |(argument, _)| argument.location == location);
        fits.map(|(argument, value)| (argument.name.clone(), value.clone())).collect::<Vec<_>>()
    };
    let sent = Sent {
        headers: request.headers.clone(),
        query: of_kind(Location::Query),
        path: of_kind(Location::Path),
        body: sent_body,
    };
    let print = print_of(&request);
    Ok(Built { request, sent, loopback, print, absent: builder.absent, credentials: builder.credentials })
}

pub(super) struct Builder<'a> {
    pub(super) program: &'a Program,
    pub(super) step: &'a Step,
    pub(super) lookup: &'a dyn Lookup,
    pub(super) absent: Vec<(String, String)>,
    pub(super) credentials: Vec<(String, Json)>,
    /// Bytes of the values that were put together so far.
    pub(super) bytes: usize,
}

impl Builder<'_> {
    /// The value, or nothing if it is one expression without a value.
    pub(super) fn value(&mut self, build: &Build, target: &str) -> Result<Option<Value>, Box<Why>> {
        self.escaped(build, target, &|value| value.to_text())
    }

    /// As [`Builder::value`], with values inside of texts written by `escape`.
    pub(super) fn escaped(
        &mut self,
        build: &Build,
        target: &str,
        escape: &dyn Fn(&Value) -> String,
    ) -> Result<Option<Value>, Box<Why>> {
        match build {
            Build::Constant(json) => Ok(Some(Value::Json(json.clone()))),
            Build::Template(leaf) => self.leaf(leaf, target, escape),
            Build::Select(selection) => self.selected(selection, target),
            Build::Array(items) => {
                let mut built = vec![];
                for item in items {
                    let value = self.value(item, &format!("an item of `{target}`"))?;
                    built.extend(self.part(value)?);
                }
                Ok(Some(Value::Json(Json::Array(built))))
            }
            Build::Object(members) => {
                let mut built = Map::new();
                for (name, member) in members {
                    let value = self.value(member, name)?;
                    if let Some(value) = self.part(value)? {
                        built.insert(name.clone(), value);
                    }
                }
                Ok(Some(Value::Json(Json::Object(built))))
            }
        }
    }

    /// A part of an object or an array, if there is still room for it.
    fn part(&mut self, value: Option<Value>) -> Result<Option<Json>, Box<Why>> {
        let Some(value) = value.map(Value::into_json) else { return Ok(None) };
        self.bytes += json_bytes(&value);
        if !self.lookup.has_room(self.bytes) {
            let message = "the values that are put together here are too large".to_owned();
            return Err(why(Reason::ValueLimit, self.step, &self.step.place, message));
        }
        Ok(Some(value))
    }

    /// What a Selector Object selects.
    fn selected(&mut self, selection: &Selection, target: &str) -> Result<Option<Value>, Box<Why>> {
        let found = select::select(selection, self.lookup).map_err(|error| {
            let reason = match error {
                EvalError::NoAnswer => "there is no answer to read".to_owned(),
                EvalError::NotEvaluable(reason) => reason,
            };
            let message = format!("the selector `{}` cannot be evaluated: {reason}", selection.text);
            why(Reason::AbsentValue, self.step, &selection.place, message)
        })?;
        match &found {
            Some(value) if selection.credential => {
                self.credentials.push((target.to_owned(), value.clone().into_json()));
            }
            Some(_) => {}
            None => self.absent.push((selection.text.clone(), target.to_owned())),
        }
        Ok(found)
    }

    fn leaf(
        &mut self,
        leaf: &Leaf,
        target: &str,
        escape: &dyn Fn(&Value) -> String,
    ) -> Result<Option<Value>, Box<Why>> {
        let filled = match fill_escaped(&leaf.template, self.lookup, escape) {
            Ok(filled) => filled,
            Err(EvalError::NoAnswer) => {
                return Err(why(
                    Reason::AbsentValue,
                    self.step,
                    &leaf.place,
                    format!("`{}` reads an answer before the request is sent", leaf.text),
                ));
            }
            Err(EvalError::NotEvaluable(reason)) => {
                return Err(why(
                    Reason::AbsentValue,
                    self.step,
                    &leaf.place,
                    format!("`{}` cannot be read: {reason}", leaf.text),
                ));
            }
        };
        match filled {
            Ok(Some(value)) => {
                if leaf.credential {
                    self.credentials.push((target.to_owned(), value.clone().into_json()));
                }
                Ok(Some(value))
            }
            Ok(None) => {
                self.absent.push((leaf.text.clone(), target.to_owned()));
                Ok(None)
            }
            Err(AbsentInText(range)) => {
                let written = leaf.text.get(range.clone()).unwrap_or_default();
                let mut why = why(
                    Reason::AbsentValue,
                    self.step,
                    &leaf.place,
                    format!("`{written}` has no value, and the text cannot be built without it"),
                );
                if let Template::Text(pieces) = &leaf.template {
                    let expr = pieces.iter().find_map(|piece| match piece {
                        Piece::Value(expr, at) if *at == range => Some(expr),
                        _ => None,
                    });
                    why.remarks.extend(expr.and_then(|expr| self.origin(expr)));
                }
                Err(why)
            }
        }
    }

    fn absent_parameter(&self, argument: &Argument) -> Box<Why> {
        let (kind, name) = (argument.location.word(), &argument.name);
        let is = if argument.location == Location::Path { "" } else { "is required and " };
        let Build::Template(leaf) = &argument.value else {
            let message = format!("{kind} parameter `{name}` {is}has no value");
            return why(Reason::AbsentValue, self.step, &argument.place, message);
        };
        let message = format!("{kind} parameter `{name}` {is}has no value: `{}` found nothing", leaf.text);
        let mut why = why(Reason::AbsentValue, self.step, &argument.place, message);
        if let Template::Whole(expr) = &leaf.template {
            why.remarks.extend(self.origin(expr));
        }
        why
    }

    /// Where a value would have come from, for a message about its absence.
    fn origin(&self, expr: &Expr) -> Option<String> {
        match &expr.root {
            Root::Input(name) => Some(format!("input `{name}` was not given")),
            Root::StepOutput(step, name) => {
                let from = self.program.step(*step)?;
                if self.lookup.outputs(*step).is_none() {
                    return Some(format!("step `{}` has not run", from.name));
                }
                let output = from.outputs.iter().find(|output| output.name == *name)?;
                Some(format!("output `{name}` of step `{}` is `{}`, which found nothing", from.name, output.text))
            }
            _ => None,
        }
    }
}

/// What a value is made of, as it is written.
fn written(build: &Build) -> String {
    match build {
        Build::Template(leaf) => leaf.text.clone(),
        Build::Select(selection) => selection.text.clone(),
        Build::Constant(json) => json.to_string(),
        Build::Array(_) | Build::Object(_) => String::new(),
    }
}

fn print_of(request: &Request) -> u64 {
    let headers = request.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let head = [request.method.as_bytes(), request.url.as_bytes(), request.body.as_deref().unwrap_or_default()];
    fingerprint(head.into_iter().chain(headers))
}

pub(super) fn why(code: Reason, step: &Step, place: &Place, message: String) -> Box<Why> {
    Box::new(Why {
        code,
        message,
        label: None,
        step: Some(step.name.clone()),
        place: Some(place.clone()),
        notes: vec![(step.place.clone(), "in this step".to_owned())],
        remarks: vec!["no request was sent".to_owned()],
        help: None,
        remedy: None,
    })
}

/// About as many bytes as a value takes in memory or on the wire.
fn json_bytes(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(json_bytes).sum::<usize>() + 8,
        Json::Object(members) => members.iter().map(|(name, value)| name.len() + json_bytes(value)).sum::<usize>() + 8,
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
    }
}
