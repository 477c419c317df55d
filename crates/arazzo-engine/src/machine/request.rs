//! Step + scope → request: values are built, encoded and checked. Sends nothing.

use serde_json::{Map, Value as Json};

use super::wire::Request;
use crate::event::Why;
use crate::expr::eval::{AbsentInText, EvalError, fill};
use crate::expr::{Expr, Lookup, Piece, Root, Template};
use crate::limits::{Servers, is_loopback};
use crate::openapi::encode;
use crate::program::{Argument, Build, Call, Leaf, Location, Program, Step};
use crate::source::Place;

/// A request with what was learned while it was built.
pub(super) struct Built {
    pub(super) request: Request,
    /// `true` if it goes to this machine.
    pub(super) loopback: bool,
    /// Expressions without a value, and what was left out because of them.
    pub(super) absent: Vec<(String, String)>,
    /// Values in credential positions, with the names of their parameters.
    pub(super) credentials: Vec<(String, Json)>,
}

/// Builds the request of a step.
///
/// # Errors
/// Why it cannot be sent: a value that is absent where one is needed, or one that cannot be sent safely.
pub(super) fn build(program: &Program, step: &Step, servers: &Servers, lookup: &dyn Lookup) -> Result<Built, Box<Why>> {
    let Call::Operation { operation, arguments, body } = &step.call;
    let Some(operation) = program.operation(*operation) else {
        return Err(why("no-operation", step, &step.place, "the operation is not known".to_owned()));
    };
    let mut builder = Builder { program, step, lookup, absent: vec![], credentials: vec![] };
    let mut values: Vec<(&Argument, Json)> = vec![];
    for argument in arguments {
        let value = builder.value(&argument.value, &argument.name)?;
        match value {
            Some(value) => {
                if argument.credential {
                    builder.credentials.push((argument.name.clone(), value.clone()));
                }
                values.push((argument, value));
            }
            None if argument.location == Location::Path => return Err(builder.absent_path(argument)),
            None => {}
        }
    }
    let of = |location: Location| values.iter().filter(move |(argument, _)| argument.location == location);
    let path = encode::path(&operation.path, |name| {
        of(Location::Path)
            .find(|(argument, _)| argument.name == name)
            .map(|(argument, value)| (value.clone(), argument.explode))
    });
    let path = path.map_err(|(name, reason)| {
        let place = arguments.iter().find(|a| a.name == name).map_or(&step.place, |a| &a.place);
        why("unsafe-value", step, place, format!("path parameter `{name}` cannot be sent: {reason}"))
    })?;
    let pairs =
        |location| of(location).flat_map(|(argument, value)| encode::form(&argument.name, value, argument.explode));
    let query: Vec<String> = pairs(Location::Query).map(|(name, value)| format!("{name}={value}")).collect();
    let cookies: Vec<String> = pairs(Location::Cookie).map(|(name, value)| format!("{name}={value}")).collect();
    let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
    let server = servers.of(source).or(operation.server.as_deref()).unwrap_or_default();
    let mut url = format!("{}{path}", server.trim_end_matches('/'));
    if !query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&query.join("&"));
    }
    let mut headers: Vec<(String, String)> = vec![];
    for (argument, value) in of(Location::Header) {
        let text = encode::header(value, argument.explode).map_err(|reason| {
            why(
                "unsafe-value",
                step,
                &argument.place,
                format!("header parameter `{}` cannot be sent: {reason}", argument.name),
            )
        })?;
        headers.push((argument.name.clone(), text));
    }
    if !cookies.is_empty() {
        headers.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    let mut bytes = None;
    if let Some(body) = body {
        let Some(value) = builder.value(&body.payload, "the body")? else {
            let text = builder.absent.last().map(|(text, _)| text.clone()).unwrap_or_default();
            return Err(why(
                "absent-value",
                step,
                &body.place,
                format!("`{text}` has no value, and the whole body is made of it"),
            ));
        };
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type".to_owned(), body.content_type.clone()));
        }
        bytes = Some(value.to_string().into_bytes());
    }
    let parsed = url::Url::parse(&url).map_err(|error| {
        why("unsafe-value", step, &step.place, format!("the url of the request is not valid: {error}"))
    })?;
    let request = Request { method: operation.method.clone(), url: parsed.to_string(), headers, body: bytes };
    let loopback = is_loopback(&parsed);
    Ok(Built { request, loopback, absent: builder.absent, credentials: builder.credentials })
}

struct Builder<'a> {
    program: &'a Program,
    step: &'a Step,
    lookup: &'a dyn Lookup,
    absent: Vec<(String, String)>,
    credentials: Vec<(String, Json)>,
}

impl Builder<'_> {
    /// The value, or nothing if it is one expression without a value.
    fn value(&mut self, build: &Build, target: &str) -> Result<Option<Json>, Box<Why>> {
        match build {
            Build::Constant(json) => Ok(Some(json.clone())),
            Build::Template(leaf) => self.leaf(leaf, target),
            Build::Array(items) => {
                let mut built = vec![];
                for item in items {
                    built.extend(self.value(item, &format!("an item of `{target}`"))?);
                }
                Ok(Some(Json::Array(built)))
            }
            Build::Object(members) => {
                let mut built = Map::new();
                for (name, member) in members {
                    if let Some(value) = self.value(member, name)? {
                        built.insert(name.clone(), value);
                    }
                }
                Ok(Some(Json::Object(built)))
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf, target: &str) -> Result<Option<Json>, Box<Why>> {
        let filled = match fill(&leaf.template, self.lookup) {
            Ok(filled) => filled,
            Err(EvalError::NoAnswer) => {
                return Err(why(
                    "absent-value",
                    self.step,
                    &leaf.place,
                    format!("`{}` reads an answer before the request is sent", leaf.text),
                ));
            }
            Err(EvalError::NotEvaluable(reason)) => {
                return Err(why(
                    "absent-value",
                    self.step,
                    &leaf.place,
                    format!("`{}` cannot be read: {reason}", leaf.text),
                ));
            }
        };
        match filled {
            Ok(Some(value)) => {
                let json = value.into_json();
                if leaf.credential {
                    self.credentials.push((target.to_owned(), json.clone()));
                }
                Ok(Some(json))
            }
            Ok(None) => {
                self.absent.push((leaf.text.clone(), target.to_owned()));
                Ok(None)
            }
            Err(AbsentInText(range)) => {
                let written = leaf.text.get(range.clone()).unwrap_or_default();
                let mut why = why(
                    "absent-value",
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

    fn absent_path(&self, argument: &Argument) -> Box<Why> {
        let Build::Template(leaf) = &argument.value else {
            return why(
                "absent-value",
                self.step,
                &argument.place,
                format!("path parameter `{}` has no value", argument.name),
            );
        };
        let mut why = why(
            "absent-value",
            self.step,
            &argument.place,
            format!("path parameter `{}` has no value: `{}` found nothing", argument.name, leaf.text),
        );
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
                Some(format!("output `{name}` of step `{}` is `{}`, which found nothing", from.name, output.value.text))
            }
            _ => None,
        }
    }
}

fn why(code: &str, step: &Step, place: &Place, message: String) -> Box<Why> {
    Box::new(Why {
        code: code.to_owned(),
        message,
        label: None,
        step: Some(step.name.clone()),
        place: Some(place.clone()),
        notes: vec![(step.place.clone(), "in this step".to_owned())],
        remarks: vec!["no request was sent".to_owned()],
        help: None,
    })
}
