//! Reply → verdict: what an answer is, and whether criteria are met. Decides nothing about where to go.

use encoding_rs::Encoding;
use regex::Regex;
use serde_json::Value as Json;

use super::select::{binding, bindings, xml};
use super::wire::Response;
use crate::expr::eval::{Answer, EvalError, eval, fill};
use crate::expr::jsonpath::{self, ObjectFilter};
use crate::expr::{Expr, Lookup, Piece, Root, Template, condition, pattern, xpath};
use crate::media_type::MediaType;
use crate::openapi::status::find_response;
use crate::program::{Criterion, JsonpathTest, Operation, Pattern, SplicedTest, Test};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::remedy::{Limit, Remedy};
use crate::value::ExpressionType;
use crate::value::{Body, Value};

/// A value that a criterion read, as JSON; none if it was absent. It may hold secrets, and is whole.
pub(super) struct Seen {
    pub(super) expression: String,
    pub(super) value: Option<String>,
}

/// What a criterion came to.
pub(super) struct Judged {
    /// Whether it is met; the text says why it cannot be told.
    pub(super) met: Result<bool, String>,
    /// The values it read.
    pub(super) saw: Vec<Seen>,
    /// `true` if a filter tested an object as itself (docs/readings.md, `jsonpath-filter-on-object`).
    pub(super) tested_self: bool,
}

impl Judged {
    fn new(met: Result<bool, String>, saw: Vec<Seen>) -> Self {
        Self { met, saw, tested_self: false }
    }
}

/// Decodes an answer by its media type (docs/readings.md, bodies).
pub(super) fn answer(response: Response) -> Answer {
    let header = |name: &str| {
        response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    };
    let content_type = MediaType::parse(header("content-type").unwrap_or_default());
    let media_type = content_type.essence().to_owned();
    let body = if response.body.is_empty() { None } else { Some(body(response.body, &content_type)) };
    Answer { status: response.status, headers: response.headers, body, media_type }
}

/// How deep the values of a JSON body may nest.
const NESTING: usize = 128;

/// How many times the bytes of the largest body its values may take in memory.
const GROWTH: u64 = 8;

/// What the smallest object takes in memory, and any other value.
const OBJECT: u64 = 500;
const VALUE: u64 = 80;

/// Why a JSON answer is not read, if bodies may have so many bytes: a code, what it is, and what to do.
///
/// Values take memory: a hundred times what was sent, for `[{},{},…`.
pub(super) fn beyond_limits(response: &Response, body_bytes: u64) -> Option<(Reason, String, Option<Remedy>)> {
    let content_type = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = MediaType::parse(content_type.map(|(_, value)| value.as_str()).unwrap_or_default());
    if !media_type.is_json() && !media_type.essence().is_empty() {
        return None;
    }
    let most = body_bytes.saturating_mul(GROWTH).max(1 << 20);
    let (mut depth, mut takes) = (0_usize, 0_u64);
    for byte in structure(&response.body) {
        match byte {
            b'{' => takes += OBJECT,
            b'[' | b',' => takes += VALUE,
            _ => {}
        }
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // What does not say that it is JSON may be anything.
        if depth > NESTING && media_type.is_json() {
            let message = format!("the values of the answer nest deeper than {NESTING} levels");
            return Some((Reason::NestingLimit, message, None));
        }
        if takes > most {
            let message = format!("the values of the answer would take more than {most} bytes of memory");
            return Some((Reason::ValuesLimit, message, Some(Remedy::Raise(Limit::BodyValues))));
        }
    }
    None
}

/// The bytes of a JSON text outside of its strings.
fn structure(text: &[u8]) -> impl Iterator<Item = u8> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().copied().filter(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted,
        }
        false
    })
}

/// The charset of a text, if it is not UTF-8: by its first bytes, its header, or the declaration of an XML document.
fn charset(bytes: &[u8], content_type: &MediaType<'_>) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Some(encoding).filter(|encoding| *encoding != encoding_rs::UTF_8);
    }
    let named = content_type.parameter("charset").map(str::to_owned);
    let declared = || {
        let head = bytes.get(..bytes.len().min(200)).filter(|head| head.starts_with(b"<?xml"))?;
        let head = String::from_utf8_lossy(head).into_owned();
        let (_, after) = head.split_once("?>")?.0.split_once("encoding")?;
        let value = after.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        value.split(quote).nth(1).map(str::to_owned)
    };
    let encoding = Encoding::for_label(named.or_else(declared)?.as_bytes())?;
    (encoding != encoding_rs::UTF_8).then_some(encoding)
}

fn body(bytes: Vec<u8>, content_type: &MediaType<'_>) -> Value {
    let (text_type, json_type) = (content_type.is_text(), content_type.is_json());
    let is_unknown = content_type.essence().is_empty();
    if let Some(encoding) = Some(()).filter(|()| text_type || json_type).and_then(|()| charset(&bytes, content_type)) {
        let (text, ..) = encoding.decode(&bytes);
        let json = if json_type { serde_json::from_str(&text).ok() } else { None };
        let read = json.map_or_else(|| Value::Text(text.into_owned()), Value::Json);
        return Value::Body(Body { read: Box::new(read), bytes });
    }
    if json_type || is_unknown {
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        if let Ok(json) = serde_json::from_slice::<Json>(text) {
            // Numbers, blanks and doubled members are kept for whoever sends it on.
            return if json.is_string() || json.to_string().as_bytes() == bytes.as_slice() {
                Value::Json(json)
            } else {
                Value::Body(Body { read: Box::new(Value::Json(json)), bytes })
            };
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if text_type || json_type || is_unknown => Value::Text(text),
        Err(error) if text_type => {
            let read = Box::new(Value::Text(String::from_utf8_lossy(error.as_bytes()).into_owned()));
            Value::Body(Body { read, bytes: error.into_bytes() })
        }
        Ok(text) => Value::Bytes(text.into_bytes()),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}

/// Evaluates one criterion.
pub(super) fn criterion(criterion: &Criterion, lookup: &dyn Lookup, readings: Readings) -> Judged {
    match &criterion.test {
        Test::Simple(parsed) => {
            let mut seen = vec![];
            let met = condition::holds(parsed, lookup, &mut seen);
            if matches!(met, Ok(false)) {
                // Whoever asks why wants all of it, also what stands behind the part that decided.
                seen.clear();
                condition::read(parsed, lookup, &mut seen);
            }
            let mut saw: Vec<Seen> = vec![];
            for (range, value) in seen {
                let expression = criterion.text.get(range).unwrap_or_default().to_owned();
                if !saw.iter().any(|known| known.expression == expression) {
                    saw.push(Seen { expression, value: value.as_ref().map(Json::to_string) });
                }
            }
            Judged::new(told(met), saw)
        }
        Test::Jsonpath(test) => {
            let JsonpathTest { context, condition, placeholders } = test.as_ref();
            let context_text = criterion.context.as_deref().unwrap_or_default();
            let root = match eval(context, lookup) {
                Ok(Some(value)) => value.into_owned().into_read(),
                Ok(None) if context.root == Root::ResponseBody && context.at.is_whole() => {
                    return problem(
                        context_text,
                        None,
                        "the response has no body, so there is nothing to query".to_owned(),
                    );
                }
                Ok(None) => {
                    return Judged::new(Ok(false), vec![Seen { expression: context_text.to_owned(), value: None }]);
                }
                Err(error) => return Judged::new(told(Err(error)), vec![]),
            };
            let json = match root {
                Value::Json(json) => json,
                Value::Text(text) => {
                    let kind = lookup
                        .exchange()
                        .and_then(|e| e.answer.as_ref())
                        .map(|a| a.media_type.as_str())
                        .filter(|_| context.root == Root::ResponseBody);
                    let kind = kind
                        .filter(|kind| !kind.is_empty())
                        .map_or_else(|| "text".to_owned(), |kind| format!("`{kind}`"));
                    return problem(
                        context_text,
                        Some(Json::String(text).to_string()),
                        format!("`{context_text}` is not JSON but {kind}"),
                    );
                }
                Value::Bytes(_) | Value::File(_) | Value::Body(_) => {
                    return problem(context_text, None, format!("`{context_text}` is not JSON"));
                }
            };
            let mut bindings = vec![];
            for placeholder in placeholders {
                match binding(placeholder, lookup, pattern::escaped) {
                    Ok(Some(value)) => bindings.push(value),
                    Ok(None) => {
                        return problem(&placeholder.text, None, format!("`{}` has no value", placeholder.text));
                    }
                    Err(error) => return Judged::new(told(Err(error)), vec![]),
                }
            }
            let saw = condition
                .operands(&json, &bindings)
                .into_iter()
                .map(|(expression, value)| Seen { expression, value: value.as_ref().map(Json::to_string) })
                .collect();
            let is_query = matches!(condition, jsonpath::Condition::Query(_));
            if json.is_null() && is_query {
                // "If the context evaluates to null, the condition MUST evaluate to fail."
                return Judged::new(Ok(false), saw);
            }
            // Some evaluate over an array around the context (docs/readings.md, `respect-context`).
            let wrapped = matches!(condition, jsonpath::Condition::Query(query) if query.expects_wrapping());
            if wrapped && json.is_object() && readings != Readings::Letter {
                let reason = "`$[0]` selects nothing of an object: leave it out (respect-context)";
                return Judged::new(Err(reason.to_owned()), saw);
            }
            let filter = if readings == Readings::Letter { ObjectFilter::Members } else { ObjectFilter::MembersOrSelf };
            match condition.holds(&json, &bindings, &jsonpath::Limits::default(), filter) {
                Err(error) => Judged { met: Err(error.to_string()), saw, tested_self: false },
                Ok(verdict) if verdict.tested_self && readings == Readings::Strict => {
                    let reason = "its filter stands over an object whose members have nothing that it asks for (jsonpath-filter-on-object)";
                    Judged { met: Err(reason.to_owned()), saw, tested_self: true }
                }
                Ok(verdict) => Judged { met: Ok(verdict.met), saw, tested_self: verdict.tested_self },
            }
        }
        Test::Regex(test) => {
            let written = criterion.context.as_deref().unwrap_or_default();
            match &test.pattern {
                Pattern::Fixed(pattern) => regex(&test.context, pattern, written, lookup),
                Pattern::Pieces(pieces) => match pattern_of(pieces, lookup) {
                    Ok(pattern) => regex(&test.context, &pattern, written, lookup),
                    Err(met) => Judged::new(met, vec![]),
                },
            }
        }
        Test::Xpath(test) => match bindings(&test.placeholders, lookup, pattern::escaped_for_xpath) {
            Ok(bindings) => xpath(&test.context, &test.query, &bindings, criterion, lookup),
            Err(error) => Judged::new(told(Err(error)), vec![]),
        },
        Test::Pointer(test) => {
            let written = criterion.context.as_deref().unwrap_or_default();
            match eval(&test.0, lookup) {
                Ok(Some(value)) => {
                    let found = match value.read() {
                        Value::Json(json) => test.1.find(json).cloned(),
                        _ => return problem(written, None, format!("`{written}` is not JSON")),
                    };
                    let saw = Seen { expression: criterion.text.clone(), value: found.as_ref().map(Json::to_string) };
                    Judged::new(Ok(found.is_some_and(|json| !json.is_null())), vec![saw])
                }
                Ok(None) => Judged::new(Ok(false), vec![Seen { expression: written.to_owned(), value: None }]),
                Err(error) => Judged::new(told(Err(error)), vec![]),
            }
        }
        Test::Spliced(test) => spliced(test, criterion, lookup),
        Test::Fails(reason) => Judged::new(Err(reason.clone()), vec![]),
    }
}

/// By the letter: the values become part of the condition as text, and the result is evaluated as what it is then.
fn spliced(test: &SplicedTest, criterion: &Criterion, lookup: &dyn Lookup) -> Judged {
    let filled = fill(&Template::Text(test.pieces.clone()), lookup);
    let text = match filled {
        Ok(Ok(value)) => value.map(|value| value.to_text()).unwrap_or_default(),
        Ok(Err(_)) => return Judged::new(Err("an expression in the condition has no value".to_owned()), vec![]),
        Err(error) => return Judged::new(told(Err(error)), vec![]),
    };
    let written = criterion.context.as_deref().unwrap_or_default();
    let fails = |reason: String| Judged::new(Err(reason), vec![]);
    match test.kind {
        ExpressionType::Simple | ExpressionType::Jsonpointer => {
            fails("expressions in braces do not stand here".to_owned())
        }
        ExpressionType::Regex => match pattern::compile(&text) {
            Ok(pattern) => regex(&test.context, &pattern, written, lookup),
            Err(reason) => fails(format!("not a pattern: {reason}")),
        },
        ExpressionType::Xpath(_) => match xpath::Query::parse(&text, false) {
            Ok(query) => xpath(&test.context, &query, &[], criterion, lookup),
            // Its message would quote a part of the values, cut before they are masked.
            Err(_) => fails("with its values, the condition is not an XPath query".to_owned()),
        },
        ExpressionType::Jsonpath | ExpressionType::Goessner => {
            let dialect = match test.kind {
                ExpressionType::Goessner => jsonpath::Dialect::Goessner,
                _ => jsonpath::Dialect::Rfc9535,
            };
            let query = match jsonpath::Query::parse(&text, dialect, false) {
                Ok(query) => query,
                Err(_) => return fails("with its values, the condition is not a JSONPath query".to_owned()),
            };
            match eval(&test.context, lookup) {
                Ok(Some(value)) => match value.read() {
                    Value::Json(Json::Null) => Judged::new(Ok(false), vec![]),
                    Value::Json(json) => match query.select(json, &[], &jsonpath::Limits::default()) {
                        Ok(found) => Judged::new(Ok(!found.is_empty()), vec![]),
                        Err(error) => fails(error.to_string()),
                    },
                    _ => problem(written, None, format!("`{written}` is not JSON")),
                },
                Ok(None) => Judged::new(Ok(false), vec![]),
                Err(error) => Judged::new(told(Err(error)), vec![]),
            }
        }
    }
}

/// A query over XML; null and nothing do not pass (specification, XPath Conditions).
fn xpath(
    context: &Expr,
    query: &xpath::Query,
    bindings: &[Json],
    criterion: &Criterion,
    lookup: &dyn Lookup,
) -> Judged {
    let written = criterion.context.as_deref().unwrap_or_default();
    let value = match eval(context, lookup) {
        Ok(Some(value)) => value,
        Ok(None) if context.root == Root::ResponseBody && context.at.is_whole() => {
            return problem(written, None, "the response has no body, so there is nothing to query".to_owned());
        }
        Ok(None) => return Judged::new(Ok(false), vec![Seen { expression: written.to_owned(), value: None }]),
        Err(error) => return Judged::new(told(Err(error)), vec![]),
    };
    if matches!(value.read(), Value::Json(Json::Null)) {
        return Judged::new(Ok(false), vec![Seen { expression: written.to_owned(), value: None }]);
    }
    let Some(xml) = xml(&value) else { return problem(written, None, format!("`{written}` is not XML")) };
    let saw = vec![Seen { expression: written.to_owned(), value: Some(Json::String(xml.to_string()).to_string()) }];
    match query.holds(&xml, bindings) {
        Ok(met) => Judged::new(Ok(met), saw),
        Err(reason) => Judged::new(Err(reason), saw),
    }
}

/// A pattern with values in it: what its author and its user wrote is part of the pattern, what a server
/// sent stands for itself, however it was passed on.
fn pattern_of(pieces: &[Piece], lookup: &dyn Lookup) -> Result<Regex, Result<bool, String>> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Value(expr, _) => match eval(expr, lookup) {
                Ok(Some(value)) if lookup.is_foreign(expr) => text.push_str(&pattern::escaped(&value.to_text())),
                Ok(Some(value)) => text.push_str(&value.to_text()),
                Ok(None) => return Err(Err("an expression in the pattern has no value".to_owned())),
                Err(error) => return Err(told(Err(error))),
            },
        }
    }
    pattern::compile(&text).map_err(|reason| Err(format!("not a pattern: {reason}")))
}

/// A pattern over the text of a value; null and nothing do not match (specification, Regex Conditions).
fn regex(context: &Expr, pattern: &Regex, written: &str, lookup: &dyn Lookup) -> Judged {
    let value = match eval(context, lookup) {
        Ok(value) => value,
        Err(error) => return Judged::new(told(Err(error)), vec![]),
    };
    let saw = |value: Option<String>| vec![Seen { expression: written.to_owned(), value }];
    match value.as_deref().map(Value::read) {
        None | Some(Value::Json(Json::Null)) => Judged::new(Ok(false), saw(None)),
        Some(Value::Bytes(_)) => problem(written, None, format!("`{written}` is not text")),
        Some(value) => {
            let text = value.to_text();
            Judged::new(Ok(pattern.is_match(&text)), saw(Some(Json::String(text).to_string())))
        }
    }
}

fn problem(expression: &str, value: Option<String>, problem: String) -> Judged {
    Judged::new(Err(problem), vec![Seen { expression: expression.to_owned(), value }])
}

/// Without an answer a criterion is not met, whatever its operators say (docs/readings.md, "no answer").
fn told(met: Result<bool, EvalError>) -> Result<bool, String> {
    match met {
        Ok(met) => Ok(met),
        Err(EvalError::NoAnswer) => Ok(false),
        Err(EvalError::NotEvaluable(problem)) => Err(problem),
    }
}

/// What the operation says about a status: the entry of its responses that is nearest (`404`, then `4XX`, then
/// `default`), and its description.
pub(super) fn documented(operation: &Operation, status: u16) -> Option<&(String, Option<String>)> {
    find_response(&operation.responses, |(known, _)| known, status)
}
