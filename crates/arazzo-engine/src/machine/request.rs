//! Step + scope → request: arguments are built, encoded and checked, and become a url, headers and a body.

use crate::value::Json;
use url::Url;

use super::fault::{Fault, Remark};
use super::payload;
use super::values::ValueBuilder;
use super::wire::Request;
use crate::expr::eval::Sent;
use crate::expr::{Lookup, Template};
use crate::fingerprint::fingerprint;
use crate::limits::{Servers, is_loopback};
use crate::openapi::encode::{self, Serialization};
use crate::openapi::join::join;
use crate::openapi::path;
use crate::program::{Argument, Build, Location, Operation, Program, Step};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::value::Value;

/// A request with what was learned while it was built.
pub(super) struct Built {
    pub(super) request: Request,
    /// Its url, without what credentials add to it.
    pub(super) url: Url,
    /// Its parts before they were encoded.
    pub(super) sent: Sent,
    /// `true` if it goes to this machine.
    pub(super) loopback: bool,
    /// Its fingerprint, without credentials.
    pub(super) print: u64,
    /// Expressions without a value, and what was left out because of them.
    pub(super) absent: Vec<(String, String)>,
    /// Values in credential positions, with the names of their parameters.
    pub(super) credentials: Vec<(String, Json)>,
}

/// Builds the request of a step. `given` are the headers that were given for all requests, of which `Content-Type` says
/// how a body is written, before the step and its operation.
///
/// # Errors
/// A [`Fault`] if it cannot be sent: a value is absent where one is needed, or cannot be sent safely.
pub(super) fn build(
    program: &Program,
    step: &Step,
    servers: &Servers,
    given: &[(String, String)],
    lookup: &dyn Lookup,
) -> Result<Built, Box<Fault>> {
    let missing = || Fault::unsent(Reason::NoOperation, step, step.span, "the operation is not known".to_owned());
    let Some(operation) = program.operation_of(step) else { return Err(missing()) };
    let (arguments, body) = (step.call.arguments(), step.call.body());
    let mut builder = ValueBuilder::new(program, step, lookup);
    let parameters = Parameters { step, arguments, values: build_arguments(&mut builder, arguments)? };
    let (path, query, cookies) =
        (parameters.encode_path(operation)?, parameters.encode_query(operation), parameters.encode_cookies()?);
    let url = build_url(program, step, operation, servers, (&path, &query))?;
    let mut headers = parameters.encode_headers()?;
    headers.extend(cookies.map(|cookies| ("Cookie".to_owned(), cookies)));
    let is_type = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
    if let Some(given) = given.iter().rfind(is_type) {
        headers.retain(|header| !is_type(&header));
        headers.push(given.clone());
    }
    let typed = headers.iter().position(|header| is_type(&header));
    let named = typed.and_then(|at| headers.get(at)).map(|(_, value)| value.clone());
    let named = named.filter(|value| !value.trim().is_empty());
    let body = body.as_ref().map(|body| payload::encode(&mut builder, body, named.as_deref())).transpose()?;
    let (body, sent_body) = match body {
        Some(body) => {
            match typed.and_then(|at| headers.get_mut(at)) {
                Some((_, value)) => *value = body.content_type,
                None => headers.push(("Content-Type".to_owned(), body.content_type)),
            }
            (Some(body.bytes), Some(body.value))
        }
        None => (None, None),
    };
    let loopback = is_loopback(&url);
    let request = Request { method: operation.method.clone(), url: url.as_str().to_owned(), headers, body };
    let sent = Sent {
        headers: vec![],
        query: parameters.values_in(Location::Query),
        path: parameters.values_in(Location::Path),
        body: sent_body,
    };
    let print = fingerprint_of(&request);
    Ok(Built { request, url, sent, loopback, print, absent: builder.absent, credentials: builder.credentials })
}

/// Builds the values of arguments; those that are left out are learned by the builder.
fn build_arguments<'a>(
    builder: &mut ValueBuilder<'_>,
    arguments: &'a [Argument],
) -> Result<Vec<(&'a Argument, Json)>, Box<Fault>> {
    // By the letter, it is sent without (docs/readings.md, `missing-required-parameter`).
    let letter = builder.program.readings == Readings::Letter;
    let needed = |argument: &Argument| argument.location == Location::Path || argument.required && !letter;
    let mut values = vec![];
    for argument in arguments {
        let value = match argument.location {
            // A value inside of a query can add nothing to it.
            Location::Querystring => {
                let escape = |value: &Value| encode::form_text(&value.to_text());
                builder.build_escaped(&argument.value, &argument.name, &escape)?
            }
            _ => builder.build(&argument.value, &argument.name)?,
        };
        if value.as_ref().is_some_and(Value::holds_bytes) {
            let (kind, name) = (argument.location.word(), &argument.name);
            let message = format!("{kind} parameter `{name}` cannot be sent: it holds bytes that are not text");
            return Err(Fault::unsent(Reason::UnsafeValue, builder.step, argument.span, message));
        }
        match value.map(Value::into_json) {
            Some(Json::Null) if argument.how.content.is_none() => {
                if needed(argument) {
                    let (kind, name) = (argument.location.word(), &argument.name);
                    let message = format!("{kind} parameter `{name}` is required, and its value is null");
                    return Err(Fault::unsent(Reason::AbsentValue, builder.step, argument.span, message));
                }
                builder.absent.push((text_of(&argument.value), argument.name.clone()));
            }
            // An empty media type is none: the body is written as without.
            Some(Json::String(text)) if !letter && text.trim().is_empty() && names_type(argument) => {
                builder.absent.push((text_of(&argument.value), argument.name.clone()));
            }
            Some(value) => {
                if argument.credential {
                    builder.credentials.push((argument.name.clone(), value.clone()));
                }
                values.push((argument, value));
            }
            None if needed(argument) => return Err(absent_argument(builder, argument)),
            None => {}
        }
    }
    Ok(values)
}

fn names_type(argument: &Argument) -> bool {
    argument.location == Location::Header && argument.name.eq_ignore_ascii_case("content-type")
}

/// The fault of an argument that must have a value and has none.
fn absent_argument(builder: &ValueBuilder<'_>, argument: &Argument) -> Box<Fault> {
    let (kind, name) = (argument.location.word(), &argument.name);
    let is = if argument.location == Location::Path { "" } else { "is required and " };
    let Build::Template(leaf) = &argument.value else {
        let message = format!("{kind} parameter `{name}` {is}has no value");
        return Fault::unsent(Reason::AbsentValue, builder.step, argument.span, message);
    };
    let message = format!("{kind} parameter `{name}` {is}has no value: `{}` found nothing", leaf.text);
    let mut fault = Fault::unsent(Reason::AbsentValue, builder.step, argument.span, message);
    if let Template::Whole(expr) = &leaf.template {
        fault.remarks.extend(builder.explain_absence(expr).map(Remark::Fact));
    }
    fault
}

/// The parameters of a request, each with the value that it is sent with.
struct Parameters<'a> {
    step: &'a Step,
    /// All that the step gives, also those without a value.
    arguments: &'a [Argument],
    values: Vec<(&'a Argument, Json)>,
}

impl<'a> Parameters<'a> {
    fn arguments_in(&self, location: Location) -> impl Iterator<Item = (&'a Argument, &Json)> {
        let fits = self.values.iter().filter(move |(argument, _)| argument.location == location);
        fits.map(|(argument, value)| (*argument, value))
    }

    /// Names and values as they were before they were encoded.
    fn values_in(&self, location: Location) -> Vec<(String, Json)> {
        self.arguments_in(location).map(|(argument, value)| (argument.name.clone(), value.clone())).collect()
    }

    fn find(&self, location: Location, name: &str) -> Option<(&Json, &Serialization)> {
        let argument = self.arguments_in(location).find(|(argument, _)| argument.name == name);
        argument.map(|(argument, value)| (value, &argument.how))
    }

    /// The path with the query that its template has.
    fn encode_path(&self, operation: &Operation) -> Result<String, Box<Fault>> {
        let (path, query) = path::split(&operation.path);
        let filled = encode::path(path, |name| self.find(Location::Path, name));
        let filled = filled.map_err(|(name, reason)| {
            let span = self.arguments.iter().find(|a| a.name == name).map_or(self.step.span, |a| a.span);
            let message = format!("path parameter `{name}` cannot be sent: {reason}");
            Fault::unsent(Reason::UnsafeValue, self.step, span, message)
        })?;
        let value = |name: &str| self.find(Location::Query, name).or_else(|| self.find(Location::Path, name));
        let query = encode::template_query(query, value);
        Ok(if query.is_empty() { filled } else { format!("{filled}?{query}") })
    }

    /// The parameters of the query that do not stand in the query of the template.
    fn encode_query(&self, operation: &Operation) -> String {
        let (_, template) = path::split(&operation.path);
        let whole = self.arguments_in(Location::Querystring);
        let whole = whole.map(|(argument, value)| encode::query_string(value, argument.how.content.as_deref()));
        let mut query: Vec<String> = whole.filter(|text| !text.is_empty()).collect();
        let pairs = self.arguments_in(Location::Query).filter(|(a, _)| !path::names(template, &a.name));
        let pairs = pairs.flat_map(|(argument, value)| encode::query(&argument.name, value, &argument.how));
        query.extend(pairs.map(|(name, value)| format!("{name}={value}")));
        query.join("&")
    }

    /// The value of the header `Cookie`, if there is one to send.
    fn encode_cookies(&self) -> Result<Option<String>, Box<Fault>> {
        let mut cookies: Vec<String> = vec![];
        for (argument, value) in self.arguments_in(Location::Cookie) {
            let text = encode::cookie(&argument.name, value, &argument.how);
            cookies.push(text.map_err(|reason| self.unsafe_value(argument, "cookie", reason))?);
        }
        cookies.retain(|text| !text.is_empty());
        Ok(Some(cookies.join("; ")).filter(|_| !cookies.is_empty()))
    }

    fn encode_headers(&self) -> Result<Vec<(String, String)>, Box<Fault>> {
        let is_sent =
            |(argument, value): &(&Argument, &Json)| argument.how.content.is_some() || !encode::is_undefined(value);
        let headers = self.arguments_in(Location::Header).filter(is_sent).map(|(argument, value)| {
            let text = encode::header(value, &argument.how);
            let text = text.map_err(|reason| self.unsafe_value(argument, "header", reason))?;
            Ok((argument.name.clone(), text))
        });
        headers.collect()
    }

    fn unsafe_value(&self, argument: &Argument, kind: &str, reason: &str) -> Box<Fault> {
        let message = format!("{kind} parameter `{}` cannot be sent: {reason}", argument.name);
        Fault::unsent(Reason::UnsafeValue, self.step, argument.span, message)
    }
}

/// The url of an operation at the server that serves its source.
fn build_url(
    program: &Program,
    step: &Step,
    operation: &Operation,
    servers: &Servers,
    (path, query): (&str, &str),
) -> Result<Url, Box<Fault>> {
    let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
    let server = operation.server_url(source, servers);
    let server = server.map_err(|error| Fault::unsent(Reason::UnknownServer, step, step.span, error.to_string()))?;
    join(&server, path, query).map_err(|error| {
        let message = format!("`{}` of `{source}` cannot be called: {error}", operation.endpoint());
        Fault::unsent(Reason::UnsafePath, step, step.span, message)
    })
}

/// The text that a value is made of, as it is written.
fn text_of(build: &Build) -> String {
    match build {
        Build::Template(leaf) => leaf.text.clone(),
        Build::Select(selection) => selection.text.clone(),
        Build::Constant(json) => json.to_string(),
        Build::Array(_) | Build::Object(_) | Build::Keyed(_) => String::new(),
    }
}

fn fingerprint_of(request: &Request) -> u64 {
    let headers = request.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let head = [request.method.as_bytes(), request.url.as_bytes(), request.body.as_deref().unwrap_or_default()];
    fingerprint(head.into_iter().chain(headers))
}
