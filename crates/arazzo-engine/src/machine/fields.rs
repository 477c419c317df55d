//! Named fields → a form, or the parts of a multipart body (OpenAPI, Encoding Object), in the charset that its media
//! type names.

use crate::value::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::charset::{self, declared_encoding, is_utf8};
use crate::fingerprint::fingerprint;
use crate::media_type::{MediaType, is_json};
use crate::openapi::Field;
use crate::openapi::encode::{self, form_text};
use crate::value::{File, Value, json_text};

/// A form.
///
/// # Errors
/// The reason why it cannot be sent.
pub(super) fn write_form(
    fields: &[(String, Value)],
    described: &[Field],
    label: Option<&str>,
) -> Result<Vec<u8>, String> {
    let mut written: Vec<String> = vec![];
    for (name, value) in fields {
        let field = described.iter().find(|field| field.name == *name);
        if is_unwritable(value, field) {
            return Err(unwritable(name));
        }
        let value = whole(value.clone());
        for Pair { name, value, text } in encode_pairs(name, &value, field) {
            let Some(label) = label else {
                written.push(format!("{name}={value}"));
                continue;
            };
            let encode = |part: &str| {
                charset::encode_form(part, label).map_err(|reason| format!("the body cannot be sent: {reason}"))
            };
            written.push(format!("{}={}", encode(&name)?, if text { encode(&value)? } else { value }));
        }
    }
    Ok(written.join("&").into_bytes())
}

/// A multipart body, and its boundary.
///
/// # Errors
/// The reason why it cannot be sent.
pub(super) fn write_multipart(
    fields: Vec<(String, Value)>,
    described: &[Field],
    label: Option<&str>,
) -> Result<(Vec<u8>, String), String> {
    if let Some(label) = label {
        charset::within_ascii("a multipart body", label)
            .map_err(|reason| format!("the body cannot be sent: {reason}"))?;
    }
    let mut parts: Vec<Part<'_>> = vec![];
    for (name, value) in fields {
        let field = described.iter().find(|field| field.name == name);
        if is_unwritable(&value, field) {
            return Err(unwritable(&name));
        }
        parts.extend(build_parts(&name, whole(value), field));
    }
    if let Some(part) = parts.iter().find(|part| part.name.contains(['\r', '\n', '\0'])) {
        let name = part.name.escape_debug();
        return Err(format!("the part `{name}` cannot be sent: its name holds a line break or NUL"));
    }
    for part in &mut parts {
        part.transcode(label).map_err(|reason| format!("the part `{}` cannot be sent: {reason}", part.name))?;
    }
    join_parts(&parts, label)
}

/// A value as a field: an answer as what it was read as, or as its bytes where that is not all of it.
fn whole(value: Value) -> Value {
    match value {
        Value::Body(body) if body.spoilt => Value::Bytes(body.bytes),
        value => value.into_read(),
    }
}

/// The words for bytes in what can be text only.
fn unwritable(name: &str) -> String {
    format!("the field `{name}` cannot be sent: it is text, and holds bytes that are not")
}

/// `true` if bytes stand where a field is text: they are written as they are, but not within the text of an object or a
/// style.
fn is_unwritable(value: &Value, field: Option<&Field>) -> bool {
    match value {
        Value::Json(Json::Array(items)) if field.is_none_or(is_repeated) => {
            items.iter().any(|item| !matches!(item, Json::Bytes(_)) && item.bytes_within().is_some())
        }
        Value::Json(json) => json.bytes_within().is_some(),
        _ => false,
    }
}

/// A name and a value of a form, encoded.
struct Pair {
    name: String,
    value: String,
    /// `false` if the value is bytes, which are in no charset of ours.
    text: bool,
}

/// A field of a form, encoded (OpenAPI, Encoding Object). With a style, it is what a query parameter would be; by
/// default, arrays repeat their name and objects are JSON.
fn encode_pairs(name: &str, value: &Value, field: Option<&Field>) -> Vec<Pair> {
    let pair = |text: &str| Pair { name: form_text(name), value: form_text(text), text: true };
    let json = field.and_then(|field| field.content_type(None)).is_some_and(is_json);
    match (value.read(), field.and_then(|field| field.how.as_ref())) {
        (Value::Json(json), Some(how)) => {
            encode::query(name, json, how).into_iter().map(|(name, value)| Pair { name, value, text: true }).collect()
        }
        (Value::Json(value), _) if json && !value.is_string() => vec![pair(&value.to_string())],
        (Value::Json(Json::Array(items)), _) => {
            let each = items.iter().flat_map(|item| match item {
                Json::Bytes(_) => encode_pairs(name, &item.clone().into_value(), field),
                item => vec![pair(&json_text(item))],
            });
            each.collect()
        }
        (Value::Json(Json::Null), _) => vec![pair("")],
        (Value::File(File { bytes, text: false, .. }) | Value::Bytes(bytes), _) if is_base64(field) => {
            vec![pair(&STANDARD.encode(&**bytes))]
        }
        (Value::File(File { bytes, .. }) | Value::Bytes(bytes), _) => {
            let value = form_urlencoded::byte_serialize(bytes).collect();
            vec![Pair { name: form_text(name), value, text: false }]
        }
        (value, _) => vec![pair(&value.to_text())],
    }
}

/// `true` if the items of a list are fields of their own.
fn is_repeated(field: &Field) -> bool {
    field.how.is_none() && !field.content_type(None).is_some_and(is_json)
}

fn is_base64(field: Option<&Field>) -> bool {
    field.is_some_and(|field| field.base64)
}

/// A part of a multipart body.
struct Part<'a> {
    name: String,
    file: Option<String>,
    media_type: Option<&'a str>,
    headers: &'a [(String, String)],
    bytes: Vec<u8>,
    /// `true` if they are a text in UTF-8, which can be written in another charset.
    text: bool,
}

const BYTES: &str = "application/octet-stream";

/// The parts of a field: an array is one part an item; objects are JSON, files and bytes are files. With a style, they
/// are what the pairs of a query would be, not encoded.
fn build_parts<'a>(name: &str, value: Value, field: Option<&'a Field>) -> Vec<Part<'a>> {
    let headers = field.map(|field| field.headers.as_slice()).unwrap_or_default();
    let of = |file: Option<&str>| field.and_then(|field| field.content_type(file));
    let part = |file: Option<String>, usual: Option<&'a str>, bytes: Vec<u8>| {
        let media_type = of(file.as_deref()).or(usual);
        let text = std::str::from_utf8(&bytes).is_ok();
        Part { name: name.to_owned(), file, media_type, headers, bytes, text }
    };
    let file_part = |file: String, bytes| Part { text: false, ..part(Some(file), Some(BYTES), bytes) };
    let is_file = field.is_some_and(|field| field.file);
    match value {
        Value::Json(json) if let Some(how) = field.and_then(|field| field.how.as_ref()) => {
            let pairs = encode::plain_pairs(name, &json, how).into_iter();
            pairs.map(|(name, text)| Part { name, ..part(None, None, text.into_bytes()) }).collect()
        }
        Value::Json(Json::Array(items)) => {
            items.into_iter().flat_map(|item| build_parts(name, item.into_value(), field)).collect()
        }
        Value::Json(json @ Json::Object(_)) => {
            vec![part(None, Some("application/json"), json.to_string().into_bytes())]
        }
        Value::Json(Json::Null) => vec![part(None, None, vec![])],
        Value::Json(json) if !is_file && of(None).is_some_and(is_json) => {
            vec![part(None, None, json.to_string().into_bytes())]
        }
        Value::File(File { bytes, text: false, .. }) | Value::Bytes(bytes) if is_base64(field) => {
            vec![part(None, None, STANDARD.encode(&*bytes).into_bytes())]
        }
        Value::File(File { name: file, bytes, text }) if is_file || !text => {
            vec![file_part(file, bytes.into_inner())]
        }
        Value::Bytes(bytes) => vec![file_part(name.to_owned(), bytes.into_inner())],
        value if is_file => vec![part(Some(name.to_owned()), Some(BYTES), value.into_bytes())],
        value => vec![part(None, None, value.into_bytes())],
    }
}

impl Part<'_> {
    /// Writes a text in the charset that its media type names, or the document that it is, else that of the whole body.
    ///
    /// # Errors
    /// The reason why it cannot be written so.
    fn transcode(&mut self, label: Option<&str>) -> Result<(), String> {
        let text = std::str::from_utf8(&self.bytes).ok().filter(|_| self.text);
        let kind = MediaType::parse(self.media_type.unwrap_or("text/plain"));
        let Some(text) = text else { return Ok(()) };
        let declared = || declared_encoding(text).filter(|_| kind.is_xml());
        let usual = || label.filter(|_| kind.is_text() && !kind.is_xml());
        let label = kind.parameter("charset").or_else(declared).or_else(usual);
        if let Some(label) = label.filter(|label| !is_utf8(label)) {
            self.bytes = charset::encode(text, label)?;
        }
        Ok(())
    }
}

/// The bytes of a multipart body, and a boundary that none of its parts holds.
///
/// # Errors
/// The reason why a name cannot be sent.
fn join_parts(parts: &[Part<'_>], label: Option<&str>) -> Result<(Vec<u8>, String), String> {
    let mut print = fingerprint(parts.iter().flat_map(|part| [part.name.as_bytes(), part.bytes.as_slice()]));
    let boundary = loop {
        let boundary = format!("arazzo-{print:016x}");
        let inside = |part: &Part<'_>| part.bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes());
        if !parts.iter().any(inside) {
            break boundary;
        }
        print = print.wrapping_add(1);
    };
    let mut bytes = vec![];
    for part in parts {
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", escape_name(&part.name));
        if let Some(file) = &part.file {
            head.push_str(&format!("; filename=\"{}\"", escape_name(file)));
        }
        let named = label.map_or_else(|| Ok(head.clone().into_bytes()), |label| charset::encode(&head, label));
        let named = named.map_err(|reason| format!("the name of the part `{}` cannot be sent: {reason}", part.name))?;
        bytes.extend(named);
        bytes.extend_from_slice(b"\r\n");
        if let Some(media_type) = part.media_type {
            bytes.extend_from_slice(format!("Content-Type: {media_type}\r\n").as_bytes());
        }
        for (name, value) in part.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&part.bytes);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((bytes, boundary))
}

/// A name in quotes, as browsers write it (WHATWG, multipart/form-data encoding algorithm).
fn escape_name(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
