//! Expression + what has happened → value, or absent, or the reason why it cannot be told.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Expr, Piece, QueryBehind, Root, StepId, Template, WorkflowId, jsonpath};
use crate::value::{Json, Pointer, Value, stored};

/// One request and its answer, as expressions see them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The url as sent, after templating and query.
    pub url: String,
    /// The method, in capitals.
    pub method: String,
    /// What was sent, part by part.
    pub request: Sent,
    /// The answer; `None` if there was none.
    pub answer: Option<Answer>,
    /// The message that the step sent or received, which has neither request nor answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<SeenMessage>>,
}

/// A message of a channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SeenMessage {
    /// Its headers, in their order.
    pub headers: Vec<(String, String)>,
    /// The payload; `None` if it was empty.
    pub payload: Option<Value>,
    /// Its media type, without parameters; empty if it is not known.
    pub media_type: String,
}

impl SeenMessage {
    /// The first header of this name, without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header_lines(&self.headers, name).next()
    }
}

/// The parts of a request, as `$request` sees them: values before they were encoded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// Query parameters.
    #[serde(with = "stored::named")]
    pub query: Vec<(String, Json)>,
    /// Path parameters.
    #[serde(with = "stored::named")]
    pub path: Vec<(String, Json)>,
    /// The body.
    pub body: Option<Value>,
}

/// An answer, its body decoded by its media type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names as received, values as text.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if it was empty.
    pub body: Option<Value>,
    /// Its media type, without parameters; empty if it was not given.
    pub media_type: String,
}

impl Answer {
    /// The first line of the header of this name, without regard to case: what a field that has one value is read by.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_lines(name).next()
    }

    /// All lines of the header of this name.
    pub fn header_lines(&self, name: &str) -> impl Iterator<Item = &str> {
        header_lines(&self.headers, name)
    }
}

fn header_lines<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The value of a header: its lines combined (RFC 9110, 5.3). A cookie may hold a comma, so each of them has a line.
fn combined(headers: &[(String, String)], name: &str) -> Option<Value> {
    let lines: Vec<&str> = header_lines(headers, name).collect();
    let between = if name.eq_ignore_ascii_case("set-cookie") { "\n" } else { ", " };
    (!lines.is_empty()).then(|| Value::string(lines.join(between)))
}

/// What has happened so far, for the expressions of one step.
pub trait Lookup {
    /// The value of an input; `None` if it was not given.
    fn input(&self, name: &str) -> Option<Cow<'_, Value>>;
    /// All inputs as one object.
    fn inputs(&self) -> Json;
    /// An output of a step; `None` if the step has not run or found nothing.
    fn output(&self, step: StepId, name: &str) -> Option<Cow<'_, Value>>;
    /// `true` if a server has a part in the value of an expression: it came in an answer, or was made of one.
    fn is_foreign(&self, expr: &Expr) -> bool {
        expr.root.is_foreign()
    }
    /// All outputs of a step that has run.
    fn outputs(&self, step: StepId) -> Option<Json>;
    /// `$outputs.name`: of the workflow that the step called, or of the workflow itself.
    fn returned(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }
    /// An input of a workflow that has run, or runs.
    fn workflow_input(&self, _workflow: WorkflowId, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }
    /// An output of a workflow that has run.
    fn workflow_output(&self, _workflow: WorkflowId, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }
    /// `true` if something of so many bytes may be built from values. To refuse it stops the run.
    fn has_room(&self, _bytes: usize) -> bool {
        true
    }
    /// The request of this step and its answer; `None` before it is sent.
    fn exchange(&self) -> Option<&Exchange>;
}

/// Why an expression has no value that could be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalError {
    /// There was no answer to read from (docs/readings.md, "no answer").
    NoAnswer,
    /// The value is not of the kind that the expression or criterion needs; the text says which.
    NotEvaluable(String),
}

/// Evaluates an expression; `Ok(None)` is *absent*.
///
/// # Errors
/// [`EvalError`] if there is no answer, or a way leads into something that has no members.
pub fn eval<'a>(expr: &Expr, lookup: &'a dyn Lookup) -> Result<Option<Cow<'a, Value>>, EvalError> {
    let answer = || lookup.exchange().and_then(|exchange| exchange.answer.as_ref()).ok_or(EvalError::NoAnswer);
    let message = || lookup.exchange().and_then(|exchange| exchange.message.as_deref()).ok_or(EvalError::NoAnswer);
    let text = |text: &str| Some(Cow::Owned(Value::string(text)));
    let sent = || lookup.exchange().map(|exchange| &exchange.request).ok_or(EvalError::NoAnswer);
    let parameter = |list: &'a [(String, Json)], name: &str| {
        list.iter().find(|(known, _)| known == name).map(|(_, value)| Cow::Owned(value.clone().into_value()))
    };
    let value = match &expr.root {
        Root::Url => lookup.exchange().and_then(|exchange| text(&exchange.url)),
        Root::Method => lookup.exchange().and_then(|exchange| text(&exchange.method)),
        Root::RequestHeader(name) => combined(&sent()?.headers, name).map(Cow::Owned),
        Root::RequestQuery(name) => parameter(&sent()?.query, name),
        Root::RequestPath(name) => parameter(&sent()?.path, name),
        Root::RequestBody => sent()?.body.as_ref().map(Cow::Borrowed),
        Root::MessageHeader(name) => combined(&message()?.headers, name).map(Cow::Owned),
        Root::MessagePayload => message()?.payload.as_ref().map(Cow::Borrowed),
        Root::Nothing(_) => None,
        Root::Constant(constant) => constant.value.clone().map(|value| Cow::Owned(Value::Json(value))),
        Root::Output(name) => lookup.returned(name),
        Root::WorkflowInput(workflow, name) => lookup.workflow_input(*workflow, name),
        Root::WorkflowOutput(workflow, name) => lookup.workflow_output(*workflow, name),
        Root::StatusCode => Some(Cow::Owned(Value::Json(Json::from(answer()?.status)))),
        Root::ResponseHeader(name) => combined(&answer()?.headers, name).map(Cow::Owned),
        Root::ResponseBody => {
            let answer = answer()?;
            let body = answer.body.as_ref();
            if (!expr.at.is_whole() || expr.query.is_some())
                && body.is_some_and(|body| !matches!(body.read(), Value::Json(_)))
            {
                return Err(EvalError::NotEvaluable(not_json(answer)));
            }
            body.map(Cow::Borrowed)
        }
        Root::Inputs => Some(Cow::Owned(Value::Json(lookup.inputs()))),
        Root::Input(name) => lookup.input(name),
        Root::StepOutput(step, name) => lookup.output(*step, name),
        Root::StepOutputs(step) => lookup.outputs(*step).map(|json| Cow::Owned(Value::Json(json))),
    };
    match value {
        None => Ok(None),
        Some(value) if expr.at.is_whole() && expr.query.is_none() => Ok(Some(value)),
        Some(value) => match value.read() {
            Value::Json(json) => match &expr.query {
                None => Ok(find(json, expr).map(Cow::Owned)),
                Some(query) => match expr.at.find(json) {
                    Some(json) => select(json, query).map(|found| found.map(Cow::Owned)),
                    None => Ok(None),
                },
            },
            _ => Err(EvalError::NotEvaluable("the value is text, which has no members".to_owned())),
        },
    }
}

/// What a body is that cannot be read as JSON.
fn not_json(answer: &Answer) -> String {
    match answer.media_type.as_str() {
        "" => "the response body is not JSON but of an unknown type".to_owned(),
        kind if kind.to_ascii_lowercase().contains("json") => {
            format!("the response body is not JSON, although it says that it is {kind}")
        }
        kind => format!("the response body is not JSON but {kind}"),
    }
}

/// The selection of a query behind an expression: a value where it names one, else the list.
fn select(json: &Json, query: &QueryBehind) -> Result<Option<Value>, EvalError> {
    let found = query.query.select(json, &[], &jsonpath::Limits::default());
    let mut found = found.map_err(|error| EvalError::NotEvaluable(error.to_string()))?.into_iter().cloned();
    Ok(match query.query.is_singular() {
        true => found.next().map(Value::Json),
        false => Some(Value::Json(found.collect())),
    })
}

fn find(json: &Json, expr: &Expr) -> Option<Value> {
    if let Some(found) = expr.at.find(json) {
        return Some(found.clone().into_value());
    }
    // `.length` of an array or a string that has no such member (docs/readings.md, simple conditions).
    let (last, way) = expr.at.tokens().split_last()?;
    if !expr.dotted || last != "length" {
        return None;
    }
    match Pointer::of(way.to_vec()).find(json)? {
        Json::Array(items) => Some(Value::Json(Json::from(items.len()))),
        Json::String(text) => Some(Value::Json(Json::from(text.chars().count()))),
        _ => None,
    }
}

/// An expression inside a text that has no value: where it stands in the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentInText(pub std::ops::Range<usize>);

/// Fills a template. `Ok(Ok(None))` is *absent*: the whole value is one expression without a value.
///
/// # Errors
/// [`EvalError`] as [`eval`]; the inner error if an expression inside a longer text is absent.
pub fn fill(template: &Template, lookup: &dyn Lookup) -> Result<Result<Option<Value>, AbsentInText>, EvalError> {
    fill_escaped(template, lookup, &|value| value.to_text())
}

/// As [`fill`], with values inside a longer text written by `escape`.
///
/// # Errors
/// As [`fill`].
pub fn fill_escaped(
    template: &Template,
    lookup: &dyn Lookup,
    escape: &dyn Fn(&Value) -> String,
) -> Result<Result<Option<Value>, AbsentInText>, EvalError> {
    match template {
        Template::Literal(text) => Ok(Ok(Some(Value::string(text.clone())))),
        Template::Constant(json) => Ok(Ok(Some(Value::Json(json.clone())))),
        Template::Whole(expr) => Ok(Ok(eval(expr, lookup)?.map(Cow::into_owned))),
        Template::Text(pieces) => {
            // Braces do not make a text of bytes.
            if let [Piece::Value(expr, _)] = pieces.as_slice()
                && let Some(value) = eval(expr, lookup)?.filter(|value| value.holds_bytes())
            {
                return Ok(Ok(Some(value.into_owned())));
            }
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(part) => text.push_str(part),
                    Piece::Value(expr, range) => match eval(expr, lookup)? {
                        Some(value) if value.holds_bytes() => {
                            return Err(EvalError::NotEvaluable("the value is bytes that are not text".to_owned()));
                        }
                        Some(value) => {
                            let part = escape(&value);
                            if !lookup.has_room(text.len() + part.len()) {
                                return Err(EvalError::NotEvaluable("the text is too long".to_owned()));
                            }
                            text.push_str(&part);
                        }
                        None => return Ok(Err(AbsentInText(range.clone()))),
                    },
                }
            }
            Ok(Ok(Some(Value::string(text))))
        }
    }
}
