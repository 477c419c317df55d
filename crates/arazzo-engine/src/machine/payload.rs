//! Payload + media type → bytes (specification, Request Body Object): JSON, forms, multipart, XML, text and bytes; with
//! replacements. A value never changes the structure of what it is put into.

use std::cell::RefCell;

use crate::value::{Json, Map};

use super::charset::{self, declared_encoding, is_utf8};
use super::fault::Fault;
use super::fields;
use super::select;
use super::values::ValueBuilder;
use crate::expr::jsonpath;
use crate::expr::pattern::{escaped, escaped_for_xpath};
use crate::media_type::MediaType;
use crate::openapi::Field;
use crate::openapi::encode::form_text;
use crate::openapi::xml;
use crate::program::{Body, Build, Media, Replacement, Select};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::value::{Body as ReadBody, Value};

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
    let is_text = matches!(value.read(), Value::Text(_) | Value::Json(Json::String(_)));
    if is_text && media == Media::Json && media != body.media && Media::of(&body.content_type) != media {
        let message = format!(
            "the body cannot be sent: it is a text of {}, and the header `Content-Type` says that it is {content_type}",
            body.content_type
        );
        return Err(Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message));
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
    let bytes = in_charset(builder, body, "the body", transcode(&value, bytes, content_type, media))?;
    Ok(Encoded { bytes, content_type: content_type.to_owned(), value })
}

/// The bytes of a whole body in the charset that its media type names, which what is sent is read in: files and bytes are
/// in theirs already, and so is an answer that is passed on under the charset in which it was read.
fn transcode(value: &Value, bytes: Vec<u8>, content_type: &str, media: Media) -> Result<Vec<u8>, String> {
    let kind = MediaType::parse(content_type);
    let label = kind.parameter("charset");
    let declared = |text| declared_encoding(text).filter(|_| kind.is_xml());
    match value {
        Value::Bytes(_) | Value::File(_) => Ok(bytes),
        Value::Body(body) if body.spoilt => Ok(bytes),
        // What is written of it is not what came.
        Value::Body(body) if is_rewritten(body, media) => write_in(bytes, label),
        Value::Body(_) if label.is_none() && !kind.is_text() && !kind.is_json() => Ok(bytes),
        Value::Body(body) => {
            let text = charset::text_of(body);
            match label.or_else(|| declared(&text)) {
                Some(label) if charset::is_in(&bytes, body.charset.as_deref(), label) => Ok(bytes),
                Some(label) => charset::encode(&text, label),
                // It says itself how it is read; JSON is UTF-8 (RFC 8259).
                None if body.charset.is_none() || charset::marked(&bytes).is_some() && !kind.is_json() => Ok(bytes),
                None => Ok(text.into_owned().into_bytes()),
            }
        }
        Value::Json(Json::String(text)) | Value::Text(text) => {
            let label = label.or_else(|| declared(text));
            write_in(bytes, label)
        }
        Value::Json(_) => write_in(bytes, label),
    }
}

/// `true` if an answer is not sent as it came: a text as JSON is a string, a string as text is what is in it.
fn is_rewritten(body: &ReadBody, media: Media) -> bool {
    match (&*body.read, media) {
        (Value::Json(Json::String(_)), media) => media != Media::Json,
        (Value::Json(_), _) => false,
        (_, media) => media == Media::Json,
    }
}

/// A text, which is UTF-8, in a charset.
fn write_in(text: Vec<u8>, label: Option<&str>) -> Result<Vec<u8>, String> {
    match label.filter(|label| !is_utf8(label)) {
        Some(label) => charset::encode(&String::from_utf8_lossy(&text), label),
        None => Ok(text),
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
    let Writing { content_type, media, body, .. } = *writing;
    let kind = MediaType::parse(content_type);
    let label = kind.parameter("charset").filter(|label| !is_utf8(label));
    let unwritten = RefCell::new(None);
    let form_text = |text: &str| {
        let encoded = form_text(text);
        let Some(label) = label else { return encoded };
        charset::encode_form(&encoded, label).unwrap_or_else(|reason| {
            unwritten.replace(Some(reason));
            encoded
        })
    };
    let escape = |value: &Value| match (media, value) {
        // By the letter, a text that was not parsed is embedded as it is.
        (Media::Xml, Value::Text(text)) if letter => text.clone(),
        (Media::Xml, value) => escape_xml(&value.to_text()),
        (Media::Form, value) => form_text(&value.to_text()),
        (_, value) => value.to_text(),
    };
    let built = builder.build_escaped(&body.payload, "the body", &escape)?;
    if let Some(reason) = unwritten.take() {
        return in_charset(builder, body, "the body", Err(reason)).map(|_| Value::string(""));
    }
    match built {
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
    let fields = match build_fields(builder, writing)? {
        Ok(fields) => fields,
        // A text is the form itself.
        Err(value) if media == Media::Form => {
            let bytes = transcode(&value, value.clone().into_bytes(), content_type, media);
            let bytes = in_charset(builder, body, "the body", bytes)?;
            return Ok(Encoded { bytes, content_type: content_type.to_owned(), value });
        }
        Err(_) => {
            let message = "a multipart body is an object of parts, and the payload is none".to_owned();
            return Err(Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message));
        }
    };
    let seen = fields.iter().map(|(name, value)| (name.clone(), value.clone().into_json())).collect::<Map<_, _>>();
    let value = Value::Json(Json::Object(seen.into()));
    let unsent = |message| Fault::unsent(Reason::UnsafeValue, builder.step, body.span, message);
    if media == Media::Form {
        let bytes = fields::write_form(&fields, described, label).map_err(unsent)?;
        return Ok(Encoded { bytes, content_type: content_type.to_owned(), value });
    }
    let (bytes, boundary) = fields::write_multipart(fields, described, label).map_err(unsent)?;
    Ok(Encoded { bytes, content_type: kind.with_parameter("boundary", &boundary), value })
}

/// The fields of a payload; `Err` is one that has none.
#[expect(clippy::type_complexity, reason = "a fault, or one of two values")]
fn build_fields(
    builder: &mut ValueBuilder<'_>,
    writing: &Writing<'_>,
) -> Result<Result<Vec<(String, Value)>, Value>, Box<Fault>> {
    let body = writing.body;
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
            match value {
                value if !matches!(value.read(), Value::Json(Json::Object(_))) => return Ok(Err(value)),
                value => {
                    if let Json::Object(members) = value.into_json() {
                        fields.extend(members.into_iter().map(|(name, value)| (name, value.into_value())));
                    }
                }
            }
        }
    }
    Ok(Ok(fields))
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
    let spoilt = payload.holds_bytes();
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
            if spoilt {
                return Err(wrong("the payload holds bytes that are not text".to_owned()));
            }
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
