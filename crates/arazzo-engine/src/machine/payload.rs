//! Payload + media type → bytes (specification, Request Body Object): JSON, forms, multipart, XML, text and bytes; with
//! replacements. A value never changes the structure of what it is put into.

use crate::value::{Json, Map};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::charset::{self, declared_encoding, is_utf8};
use super::fault::Fault;
use super::select;
use super::values::ValueBuilder;
use crate::expr::jsonpath;
use crate::expr::pattern::{escaped, escaped_for_xpath};
use crate::fingerprint::fingerprint;
use crate::media_type::{MediaType, is_json};
use crate::openapi::Field;
use crate::openapi::encode::{self, form_text};
use crate::openapi::xml;
use crate::program::{Body, Build, Media, Replacement, Select};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::value::{File, Value, json_text};

/// A body as it is sent.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: String,
    /// The value that `$request.body` reads.
    pub(super) value: Value,
}

/// How a body is written: as a parameter `Content-Type` says, else the step, else the operation.
struct Writing<'a> {
    content_type: &'a str,
    media: Media,
    fields: &'a [Field],
    body: &'a Body,
}

/// Builds and writes the body of a request. `named` is the media type of a parameter `Content-Type`.
///
/// # Errors
/// A [`Fault`] if it cannot be sent: a value is absent, a replacement leads nowhere, it cannot be written so.
pub(super) fn encode(builder: &mut ValueBuilder<'_>, body: &Body, named: Option<&str>) -> Result<Encoded, Box<Fault>> {
    let content_type = named.unwrap_or(&body.content_type);
    // What is described of fields is of the media type that was known before.
    let writing = match Media::of(content_type) {
        media if media != Media::of(&body.content_type) => Writing { content_type, media, fields: &[], body },
        _ => Writing { content_type, media: body.media, fields: &body.fields, body },
    };
    match writing.media {
        Media::Form | Media::Multipart => encode_fields(builder, &writing),
        Media::Json | Media::Xml | Media::Raw => encode_single(builder, &writing),
    }
}

/// A body that is one value.
fn encode_single(builder: &mut ValueBuilder<'_>, writing: &Writing<'_>) -> Result<Encoded, Box<Fault>> {
    let Writing { content_type, media, body, .. } = *writing;
    let mut value = build_whole(builder, writing)?;
    if let (Media::Xml, Value::Json(json @ (Json::Object(_) | Json::Array(_)))) = (media, value.read()) {
        value = Value::Text(write_xml(builder, body, json)?);
    }
    for replacement in &body.replacements {
        value = replace(builder, replacement, value)?;
    }
    let structure = matches!(value.read(), Value::Json(Json::Object(_) | Json::Array(_)));
    if structure && media == Media::Xml && media != body.media {
        let message = "the body cannot be sent: a parameter says that it is XML, and it is an object or a list";
        return Err(Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message.to_owned()));
    }
    let text = media == Media::Json || matches!(value, Value::Json(_));
    if text && value.holds_bytes() {
        return Err(unwritable(builder, body, "the body"));
    }
    let bytes = match (&value, media) {
        (Value::Json(json), Media::Json) => json.to_string().into_bytes(),
        (Value::Body(body), Media::Json) if matches!(*body.read, Value::Json(_)) => body.bytes.to_vec(),
        // Text that is sent as JSON is a JSON string.
        (other, Media::Json) => Json::String(other.to_text()).to_string().into_bytes(),
        (value, _) => value.clone().into_bytes(),
    };
    let label = MediaType::parse(content_type).parameter("charset").map(str::to_owned);
    let declared = || match &value {
        Value::Json(Json::String(text)) | Value::Text(text) if media == Media::Xml => declared_encoding(text),
        _ => None,
    };
    let bytes = match label.as_deref().or_else(declared).filter(|label| !is_utf8(label)) {
        Some(label) => in_charset(builder, body, "the body", transcode(&value, bytes, label))?,
        None => bytes,
    };
    Ok(Encoded { bytes, content_type: content_type.to_owned(), value })
}

/// The bytes of a value in a charset; files and bytes are in theirs already, and so is an answer that is passed on.
fn transcode(value: &Value, bytes: Vec<u8>, label: &str) -> Result<Vec<u8>, String> {
    match value {
        Value::Bytes(_) | Value::File(_) => Ok(bytes),
        Value::Body(body) if body.is_spoilt() => Ok(bytes),
        Value::Body(body) => match std::str::from_utf8(&bytes) {
            Ok(text) => charset::encode(text, label),
            Err(_) => charset::encode(&body.read.to_text(), label),
        },
        Value::Json(_) | Value::Text(_) => charset::encode(&String::from_utf8_lossy(&bytes), label),
    }
}

/// What was written in a charset, or the fault of what could not be.
fn in_charset(
    builder: &ValueBuilder<'_>,
    body: &Body,
    place: &str,
    written: Result<Vec<u8>, String>,
) -> Result<Vec<u8>, Box<Fault>> {
    written.map_err(|reason| {
        let message = format!("{place} cannot be sent: {reason}");
        Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message)
    })
}

/// The fault of bytes in what can be text only.
fn unwritable(builder: &ValueBuilder<'_>, body: &Body, place: &str) -> Box<Fault> {
    let message = format!("{place} cannot be sent: it is text, and holds bytes that are not");
    Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message)
}

/// An object as XML (docs/readings.md, `xml-object`).
fn write_xml(builder: &ValueBuilder<'_>, body: &Body, json: &Json) -> Result<String, Box<Fault>> {
    let members: Vec<&str> = json.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let named = body.xml.as_ref().is_some_and(|shape| shape.names_root(&members));
    let guessed = builder.program.readings == Readings::Strict && !named;
    let wrong = |reason: String| {
        let message = format!("the body cannot be written as XML: {reason}");
        Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message)
    };
    if guessed {
        return Err(wrong("no schema says how".to_owned()));
    }
    xml::write(json, body.xml.as_ref(), None).map_err(|reason| wrong(reason.to_string()))
}

/// The whole payload.
fn build_whole(builder: &mut ValueBuilder<'_>, writing: &Writing<'_>) -> Result<Value, Box<Fault>> {
    let letter = builder.program.readings == Readings::Letter;
    let Writing { media, body, .. } = *writing;
    let escape = |value: &Value| match (media, value) {
        // By the letter, a text that was not parsed is embedded as it is.
        (Media::Xml, Value::Text(text)) if letter => text.clone(),
        (Media::Xml, value) => escape_xml(&value.to_text()),
        (Media::Form, value) => form_text(&value.to_text()),
        (_, value) => value.to_text(),
    };
    match builder.build_escaped(&body.payload, "the body", &escape)? {
        Some(value) => Ok(value),
        None => {
            let text = builder.absent.last().map(|(text, _)| text.clone()).unwrap_or_default();
            let message = format!("`{text}` has no value, and the whole body is made of it");
            Err(Fault::unsent(Reason::AbsentValue, builder.step, body.span, message))
        }
    }
}

/// A body of named fields: a form, or the parts of a multipart body.
fn encode_fields(builder: &mut ValueBuilder<'_>, writing: &Writing<'_>) -> Result<Encoded, Box<Fault>> {
    let Writing { content_type, media, fields: described, body } = *writing;
    let kind = MediaType::parse(content_type);
    let label = kind.parameter("charset").filter(|label| !is_utf8(label));
    let mut fields: Vec<(String, Value)> = vec![];
    match &body.payload {
        Build::Object(members) if body.replacements.is_empty() => {
            for (name, member) in members {
                if let Some(value) = builder.build(member, name)? {
                    fields.push((name.clone(), value));
                }
            }
        }
        Build::Keyed(members) if body.replacements.is_empty() => {
            for (key, member) in members {
                let name = builder.name(key)?;
                if let Some(value) = builder.build(member, &name)? {
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(builder.doubled_member(&name));
                    }
                    fields.push((name, value));
                }
            }
        }
        _ => {
            let mut value = build_whole(builder, writing)?;
            for replacement in &body.replacements {
                value = replace(builder, replacement, value)?;
            }
            match value.into_read() {
                Value::Json(Json::Object(members)) => {
                    fields.extend(members.into_iter().map(|(name, value)| (name, value.into_value())));
                }
                // A text is the form itself.
                value if media == Media::Form => {
                    let bytes = value.clone().into_bytes();
                    return Ok(Encoded { bytes, content_type: content_type.to_owned(), value });
                }
                _ => {
                    let message = "a multipart body is an object of parts, and the payload is none".to_owned();
                    return Err(Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message));
                }
            }
        }
    }
    let field = |name: &str| described.iter().find(|field| field.name == name);
    if let Some((name, _)) = fields.iter().find(|(name, value)| is_unwritable(value, field(name))) {
        return Err(unwritable(builder, body, &format!("the field `{name}`")));
    }
    let seen = fields.iter().map(|(name, value)| (name.clone(), value.clone().into_json())).collect::<Map<_, _>>();
    let value = Value::Json(Json::Object(seen.into()));
    if media == Media::Form {
        let pairs = fields.iter().flat_map(|(name, value)| encode_pairs(name, value, field(name)));
        let text: Vec<String> = pairs.map(|(name, text)| format!("{name}={text}")).collect();
        let mut bytes = text.join("&").into_bytes();
        if let Some(label) = label {
            bytes = in_charset(builder, body, "the body", charset::encode_form(&bytes, label))?;
        }
        return Ok(Encoded { bytes, content_type: content_type.to_owned(), value });
    }
    let mut parts: Vec<Part<'_>> = vec![];
    for (name, value) in fields {
        let field = field(&name);
        parts.extend(build_parts(&name, value, field));
    }
    if let Some(part) = parts.iter().find(|part| part.name.contains(['\r', '\n', '\0'])) {
        let message =
            format!("the part `{}` cannot be sent: its name holds a line break or NUL", part.name.escape_debug());
        return Err(Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message));
    }
    transcode_parts(builder, body, &mut parts)?;
    let (bytes, boundary) = write_multipart(&parts);
    Ok(Encoded { bytes, content_type: kind.with_parameter("boundary", &boundary), value })
}

/// Writes the texts of parts in the charsets that their media types name.
fn transcode_parts(builder: &ValueBuilder<'_>, body: &Body, parts: &mut [Part<'_>]) -> Result<(), Box<Fault>> {
    for part in parts {
        let label = part.media_type.and_then(|kind| MediaType::parse(kind).parameter("charset"));
        let text = part.file.is_none().then(|| std::str::from_utf8(&part.bytes).ok()).flatten();
        if let (Some(label), Some(text)) = (label.filter(|label| !is_utf8(label)), text) {
            let place = format!("the part `{}`", part.name);
            part.bytes = in_charset(builder, body, &place, charset::encode(text, label))?;
        }
    }
    Ok(())
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

/// A field of a form, encoded (OpenAPI, Encoding Object). With a style, it is what a query parameter would be; by
/// default, arrays repeat their name and objects are JSON.
fn encode_pairs(name: &str, value: &Value, field: Option<&Field>) -> Vec<(String, String)> {
    let pair = |text: &str| (form_text(name), form_text(text));
    let json = field.and_then(|field| field.content_type(None)).is_some_and(is_json);
    match (value.read(), field.and_then(|field| field.how.as_ref())) {
        (Value::Json(json), Some(how)) => encode::query(name, json, how),
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
            vec![(form_text(name), form_urlencoded::byte_serialize(bytes).collect())]
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
}

const BYTES: &str = "application/octet-stream";

/// The parts of a field: an array is one part an item; objects are JSON, files and bytes are files. With a style, they
/// are what the pairs of a query would be, not encoded.
fn build_parts<'a>(name: &str, value: Value, field: Option<&'a Field>) -> Vec<Part<'a>> {
    let headers = field.map(|field| field.headers.as_slice()).unwrap_or_default();
    let of = |file: Option<&str>| field.and_then(|field| field.content_type(file));
    let part = |file: Option<String>, usual: Option<&'a str>, bytes| {
        let media_type = of(file.as_deref()).or(usual);
        Part { name: name.to_owned(), file, media_type, headers, bytes }
    };
    let is_file = field.is_some_and(|field| field.file);
    match value.into_read() {
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
            vec![part(Some(file), Some(BYTES), bytes.into_inner())]
        }
        Value::Bytes(bytes) => vec![part(Some(name.to_owned()), Some(BYTES), bytes.into_inner())],
        value if is_file => vec![part(Some(name.to_owned()), Some(BYTES), value.into_bytes())],
        value => vec![part(None, None, value.into_bytes())],
    }
}

/// The bytes of a multipart body, and a boundary that none of its parts holds.
fn write_multipart(parts: &[Part<'_>]) -> (Vec<u8>, String) {
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
        bytes.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", escape_name(&part.name)).as_bytes(),
        );
        if let Some(file) = &part.file {
            bytes.extend_from_slice(format!("; filename=\"{}\"", escape_name(file)).as_bytes());
        }
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
    (bytes, boundary)
}

/// A name in quotes, as browsers write it (WHATWG, multipart/form-data encoding algorithm).
fn escape_name(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text inside of XML, in elements and in attributes.
fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Sets one value within a payload.
fn replace(builder: &mut ValueBuilder<'_>, replacement: &Replacement, payload: Value) -> Result<Value, Box<Fault>> {
    let step = builder.step;
    let wrong = |message: String| Fault::unsent(Reason::ReplacementTarget, step, replacement.span, message);
    let Some(value) = builder.build(&replacement.value, &replacement.text)? else {
        let text = builder.absent.last().map(|(text, _)| text.clone()).unwrap_or_default();
        let message = format!("`{text}` has no value to put at `{}`", replacement.text);
        return Err(Fault::unsent(Reason::AbsentValue, step, replacement.span, message));
    };
    let escape = if matches!(replacement.target, Select::Xpath(..)) { escaped_for_xpath } else { escaped };
    let bindings = select::build_bindings(replacement.target.placeholders(), builder.lookup, escape);
    let bindings = bindings.map_err(|_| wrong(format!("an expression in `{}` has no value", replacement.text)))?;
    let nowhere = || wrong(format!("`{}` leads nowhere in the payload", replacement.text));
    match (&replacement.target, payload.into_read()) {
        (Select::Pointer(pointer), Value::Json(mut json)) => {
            if pointer.set(&mut json, value.into_json()) {
                Ok(Value::Json(json))
            } else {
                Err(nowhere())
            }
        }
        (Select::Jsonpath(query, _), Value::Json(mut json)) => {
            let found = query.locate(&json, &bindings, &jsonpath::Limits::default());
            let found = found.map_err(|error| wrong(error.to_string()))?;
            if found.is_empty() {
                return Err(nowhere());
            }
            let value = value.into_json();
            // From the end: what stands inside of another place is set before that is.
            for place in found.iter().rev() {
                place.set(&mut json, value.clone());
            }
            Ok(Value::Json(json))
        }
        (Select::Xpath(query, _), payload) => {
            let Some(xml) = select::read_xml(&payload) else { return Err(wrong("the payload is not XML".to_owned())) };
            if value.holds_bytes() {
                return Err(wrong(format!("the value at `{}` is bytes that are not text", replacement.text)));
            }
            let (text, count) = query.replace(&xml, &bindings, &value.to_text()).map_err(wrong)?;
            if count == 0 { Err(nowhere()) } else { Ok(Value::Text(text)) }
        }
        (Select::Pointer(_) | Select::Jsonpath(..), _) => Err(wrong("the payload is not JSON".to_owned())),
    }
}
