//! An answer against what its operation documents: status, content type, headers, body.

use crate::value::Json;

use crate::event::ContractPart;
use crate::expr::eval::Answer;
use crate::json_schema::checking::plain;
use crate::json_schema::read_text;
use crate::media_type::is_json;
use crate::openapi::schema::Checked;
use crate::openapi::status::find_response;
use crate::program::{Contract, DocumentedHeader, DocumentedResponse, Operation};
use crate::source::Span;
use crate::value::Value;

/// Findings that one schema reports at most.
const REPORTED: usize = 20;

/// The longest value in a message, in bytes.
const SHOWN: usize = 120;

/// A difference between an answer and its description.
pub(super) struct Departure {
    /// The part of the answer.
    pub(super) part: ContractPart,
    /// The header, or the place in the body as a JSON Pointer.
    pub(super) at: Option<String>,
    /// The difference in words.
    pub(super) message: String,
    /// The place of the description that it departs from.
    pub(super) span: Span,
    /// `true` if it is not known whether it departs: what it is checked against cannot be used.
    pub(super) unchecked: bool,
}

/// Everything in which an answer departs from what is documented; `head` for an answer that never has a body.
pub(super) fn find_departures(contract: &Contract, answer: &Answer, head: bool) -> Vec<Departure> {
    let status = answer.status;
    let Some(documented) = contract.response(status) else {
        let known: Vec<&str> = contract.responses.iter().map(|response| response.status.as_str()).collect();
        let known = if known.is_empty() { "none is".to_owned() } else { format!("documented: {}", known.join(", ")) };
        let message = format!("{status} is not documented; {known}");
        return vec![Departure {
            part: ContractPart::Status,
            at: None,
            message,
            span: contract.span,
            unchecked: false,
        }];
    };
    let mut found: Vec<Departure> = documented.headers.iter().flat_map(|wanted| check_header(wanted, answer)).collect();
    if !head && !matches!(status, 100..=199 | 204 | 304) {
        found.extend(check_content(documented, answer));
    }
    found
}

fn check_header(wanted: &DocumentedHeader, answer: &Answer) -> Vec<Departure> {
    let found = |message: String, span: Span, unchecked: bool| Departure {
        part: ContractPart::Header,
        at: Some(wanted.name.clone()),
        message,
        span,
        unchecked,
    };
    let departure = |message: String, span: Span| found(message, span, false);
    let values = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&wanted.name));
    let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
    if values.is_empty() {
        let missing = wanted.required.then(|| departure("it is required and missing".to_owned(), wanted.span));
        return missing.into_iter().collect();
    }
    let schema = match &wanted.schema {
        Some(Ok(schema)) => schema,
        Some(Err(unusable)) => return vec![found(unusable.reason.clone(), unusable.span, true)],
        None => return vec![],
    };
    let text = values.join(",");
    let value = if wanted.types.iter().any(|kind| kind == "array") {
        let types = || wanted.items.iter().map(String::as_str);
        text.split(',').map(|item| read_text(item.trim(), types())).collect()
    } else if wanted.types.iter().any(|kind| kind == "object") {
        // Members in a header are not read back.
        return vec![];
    } else {
        read_text(&text, wanted.types.iter().map(String::as_str))
    };
    match find_faults(schema, &value) {
        Ok(faults) => faults.into_iter().map(|(_, message, span)| departure(message, span)).collect(),
        Err(reason) => vec![found(reason, wanted.span, true)],
    }
}

fn check_content(documented: &DocumentedResponse, answer: &Answer) -> Vec<Departure> {
    let departure =
        |part, message: String| vec![Departure { part, at: None, message, span: documented.span, unchecked: false }];
    let unchecked = |message: String, span: Span| {
        vec![Departure { part: ContractPart::Body, at: None, message, span, unchecked: true }]
    };
    if documented.content.is_empty() {
        return vec![];
    }
    let Some(body) = &answer.body else {
        return departure(ContractPart::Body, "it is documented and missing".to_owned());
    };
    let kind = answer.media_type.as_str();
    let Some(media) = documented.media(kind) else {
        let known: Vec<&str> = documented.content.iter().map(|media| media.media_type.as_str()).collect();
        let is = if kind.is_empty() { "it is missing".to_owned() } else { format!("`{kind}` is not documented") };
        return departure(ContractPart::ContentType, format!("{is}; documented: {}", known.join(", ")));
    };
    let schema = match &media.schema {
        Some(Ok(schema)) => schema,
        Some(Err(unusable)) => return unchecked(unusable.reason.clone(), unusable.span),
        None => return vec![],
    };
    let of_body =
        |(at, message, span)| Departure { part: ContractPart::Body, at: Some(at), message, span, unchecked: false };
    let check = |json: &Json| match find_faults(schema, json) {
        Ok(faults) => faults.into_iter().map(of_body).collect(),
        Err(reason) => unchecked(reason, documented.span),
    };
    match body.read() {
        Value::Json(json) => check(json),
        _ if is_json(kind) => departure(ContractPart::Body, "it is not JSON".to_owned()),
        Value::Text(text) if kind == "text/plain" => check(&Json::String(text.clone())),
        _ => vec![],
    }
}

/// Where a value is not as a schema says, why, and where that is written.
///
/// # Errors
/// Why that cannot be found out.
fn find_faults(schema: &Checked, value: &Json) -> Result<Vec<(String, String, Span)>, String> {
    let found = schema.validator.faults(value, REPORTED, |error| {
        let span = schema.span(error.schema_path().as_str());
        // A message holds the value whole; a long one says nothing more.
        let long = error.instance().to_string().len() > SHOWN;
        let message = if long { error.masked_with("the value").to_string() } else { error.to_string() };
        (error.instance_path().to_string(), plain(&message), span)
    });
    found.map_err(|reason| reason.to_string())
}

/// The entry of an operation's responses that a status is nearest to (`404`, then `4XX`, then
/// `default`), and its description.
pub(super) fn find_documented(operation: &Operation, status: u16) -> Option<&(String, Option<String>)> {
    find_response(&operation.responses, |(known, _)| known, status)
}
