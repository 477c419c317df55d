//! A value becomes path, query, header and cookie text, in the default styles (`simple`, `form`).
//!
//! Pure text work: knows no operation. What cannot be sent safely is refused with a reason.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use crate::value::json_text;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a value cannot be sent.
pub type Unsafe = &'static str;

/// Percent-encodes all but unreserved characters.
#[must_use]
pub fn percent(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A name or value of `application/x-www-form-urlencoded`: a blank is `+`.
#[must_use]
pub fn form_text(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Fills a path template, `simple` style. `value` gives the parameter of a name; the rest of the template is kept as
/// it is written.
///
/// # Errors
/// The parameter whose value would change the route (empty, or a segment that becomes `.` or `..`), with the reason;
/// a parameter without a value.
pub fn path(template: &str, mut value: impl FnMut(&str) -> Option<(Json, bool)>) -> Result<String, (&str, Unsafe)> {
    let mut filled = Vec::new();
    for segment in template.split('/') {
        let mut text = String::new();
        let mut rest = segment;
        let mut parameter = None;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            text.push_str(before);
            let (json, explode) = value(name).ok_or((name, "it has no value"))?;
            let encoded = simple(&json, explode, percent);
            if encoded.is_empty() {
                return Err((name, "an empty value would change the path"));
            }
            text.push_str(&encoded);
            parameter = Some(name);
            rest = after;
        }
        text.push_str(rest);
        if let (Some(name), "." | "..") = (parameter, text.as_str()) {
            return Err((name, "the path segment would be `.` or `..`"));
        }
        filled.push(text);
    }
    Ok(filled.join("/"))
}

/// `name=value` pairs of a query or cookie parameter in `form` style, percent-encoded.
#[must_use]
pub fn form(name: &str, value: &Json, explode: bool) -> Vec<(String, String)> {
    let name = percent(name);
    let text = |json: &Json| percent(&json_text(json));
    match (value, explode) {
        (Json::Array(items), true) => items.iter().map(|item| (name.clone(), text(item))).collect(),
        (Json::Object(members), true) => members.iter().map(|(key, item)| (percent(key), text(item))).collect(),
        _ => vec![(name, simple(value, false, percent))],
    }
}

/// A query as a whole (OpenAPI 3.2, `in: querystring`): a text in the form of its media type, or an object that is
/// written so. A form is kept as it is written; what cannot stand in a query is encoded.
#[must_use]
pub fn query_string(value: &Json, content: Option<&str>) -> String {
    const UNSAFE: &AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
    let form = content.is_none_or(|content| content.starts_with("application/x-www-form-urlencoded"));
    match value {
        Json::String(text) if form => utf8_percent_encode(text, UNSAFE).to_string(),
        Json::Object(members) if form => {
            let pair =
                |(name, value): (&String, &Json)| format!("{}={}", form_text(name), form_text(&json_text(value)));
            members.iter().map(pair).collect::<Vec<_>>().join("&")
        }
        value => percent(&json_text(value)),
    }
}

/// The text of a header parameter in `simple` style, not encoded.
///
/// # Errors
/// If the text holds a carriage return, a line feed or a NUL, or anything else that a header cannot carry.
pub fn header(value: &Json, explode: bool) -> Result<String, Unsafe> {
    let text = simple(value, explode, str::to_owned);
    if text.contains(['\r', '\n', '\0']) {
        return Err("a header cannot hold a line break or NUL");
    }
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err("a header cannot hold control characters");
    }
    Ok(text)
}

/// `true` if a name can be a header's name (RFC 9110 §5.6.2).
#[must_use]
pub fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

fn simple(value: &Json, explode: bool, encode: impl Fn(&str) -> String) -> String {
    let text = |json: &Json| encode(&json_text(json));
    match value {
        Json::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Json::Object(members) => {
            let sign = if explode { "=" } else { "," };
            members
                .iter()
                .map(|(key, item)| format!("{}{sign}{}", encode(key), text(item)))
                .collect::<Vec<_>>()
                .join(",")
        }
        scalar => text(scalar),
    }
}
