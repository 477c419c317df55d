//! Whether a message is the one that a step waits for: by its address, and by the id that the step names.

use crate::asyncapi::{CorrelationPlace, MessagePart, Protocol, is_id_header};
use crate::event::IgnoredBecause;
use crate::expr::eval::SeenMessage;
use crate::media_type::MediaType;
use crate::program::{Channel, ReceiveCall};
use crate::value::{Body, Json, Map, Value};

use super::super::answer::{decode, find_excess};
use super::super::message::Message;
use super::super::wire::Response;

/// A message as expressions see it: decoded by its content type, or that which it is described with.
pub(in super::super) fn see(message: &Message, described: Option<&str>, most: u64) -> SeenMessage {
    let content_type = message.content_type.as_deref().or(described).unwrap_or_default();
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    let response = Response { status: 200, headers, body: message.payload.clone() };
    if find_excess(&response, most).is_some() {
        let payload = Some(Value::Bytes(message.payload.clone().into()));
        return SeenMessage { headers: message.headers.clone(), payload, media_type: String::new() };
    }
    if MediaType::parse(content_type).is_form() {
        let payload = (!message.payload.is_empty()).then(|| fields_of(&message.payload));
        let media_type = MediaType::parse(content_type).essence().to_owned();
        return SeenMessage { headers: message.headers.clone(), payload, media_type };
    }
    let answer = decode(response);
    SeenMessage { headers: message.headers.clone(), payload: answer.body, media_type: answer.media_type }
}

/// The fields of a form, as texts; of one that is there more than once, all.
fn fields_of(form: &[u8]) -> Value {
    let mut fields: Map<String, Json> = Map::new();
    for (name, value) in url::form_urlencoded::parse(form) {
        let value = Json::String(value.into_owned());
        match fields.get_mut(name.as_ref()) {
            None => _ = fields.insert(name.into_owned(), value),
            Some(known) => {
                let mut all = known.as_array().cloned().unwrap_or_else(|| vec![known.clone()]);
                all.push(value);
                *known = Json::Array(all.into());
            }
        }
    }
    let read = Box::new(Value::Json(Json::Object(fields.into())));
    Value::Body(Body { read, bytes: form.to_vec().into(), charset: None, spoilt: false })
}

/// Where the id of a message is, in words; nothing if it is not that of the step.
fn correlate(
    (channel, protocol): (&Channel, Option<Protocol>),
    call: &ReceiveCall,
    wanted: &Json,
    message: &Message,
    seen: &SeenMessage,
    address: &str,
) -> Option<String> {
    let places: Vec<&CorrelationPlace> =
        channel.messages_of(&call.target).filter_map(|message| message.correlation.as_ref()).collect();
    if !places.is_empty() {
        return places.into_iter().find(|place| is_at(place, wanted, seen)).map(ToString::to_string);
    }
    if let Some(own) = &message.correlation {
        return is_text(wanted, own).then(|| "the correlation field of the protocol".to_owned());
    }
    let mut by_name = seen.headers.iter().filter(|(name, _)| is_id_header(name)).peekable();
    if by_name.peek().is_some() {
        return by_name.find(|(_, value)| is_text(wanted, value)).map(|(name, _)| format!("header `{name}`"));
    }
    find_anywhere((channel, protocol), wanted, seen, address)
}

/// The reading `no-correlation-place`: exactly one header that is called an id, level of the address or member of the
/// payload is equal.
fn find_anywhere(
    (channel, protocol): (&Channel, Option<Protocol>),
    wanted: &Json,
    seen: &SeenMessage,
    address: &str,
) -> Option<String> {
    let is_id = |name: &str| name.to_ascii_lowercase().ends_with("id");
    let headers = seen.headers.iter().filter(|(name, value)| is_id(name) && is_text(wanted, value));
    let mut found: Vec<String> = headers.map(|(name, _)| format!("header `{name}`")).collect();
    if let Some(Value::Json(Json::Object(members))) = seen.payload.as_ref().map(Value::read) {
        let same = members.iter().filter(|(_, value)| is_same(wanted, value));
        found.extend(same.map(|(name, _)| format!("payload /{name}")));
    }
    let written = channel.address.as_deref().unwrap_or_default();
    if written.contains('{') {
        let separator = protocol.map_or('/', Protocol::separator);
        let parameters = written.split(separator).zip(address.split(separator));
        let same = parameters.filter(|(name, value)| name.starts_with('{') && is_text(wanted, value));
        found.extend(same.map(|(name, _)| format!("address {name}")));
    }
    match found.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

fn is_at(place: &CorrelationPlace, wanted: &Json, seen: &SeenMessage) -> bool {
    match place.part {
        MessagePart::Header => {
            place.header().and_then(|name| seen.header(name)).is_some_and(|value| is_text(wanted, value))
        }
        MessagePart::Payload => match seen.payload.as_ref().map(Value::read) {
            Some(Value::Json(json)) => place.at.find(json).is_some_and(|value| is_same(wanted, value)),
            Some(Value::Text(text)) if place.at.is_whole() => is_text(wanted, text),
            _ => false,
        },
    }
}

/// A scalar as text: objects and lists are only in payloads.
fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::Object(_) | Json::Array(_) | Json::Null | Json::Bytes(_) => None,
        Json::String(text) => Some(text.clone()),
        scalar => Some(scalar.to_string()),
    }
}

fn is_text(wanted: &Json, text: &str) -> bool {
    text_of(wanted).is_some_and(|wanted| wanted == text)
}

/// As JSON, where `42` equals `"42"`.
fn is_same(wanted: &Json, value: &Json) -> bool {
    wanted == value || text_of(value).is_some_and(|value| is_text(wanted, &value))
}

/// The reason why a message is not the one that a step waits for; else where its id is. A channel without a protocol has
/// no patterns.
pub(super) fn matches(
    (channel, protocol): (&Channel, Option<Protocol>),
    call: &ReceiveCall,
    (wanted, address): (Option<&Json>, Option<&str>),
    (came_by, message, seen): (&str, &Message, &SeenMessage),
) -> Result<Option<String>, IgnoredBecause> {
    let is_one = |pattern: &str| protocol.map_or(pattern == came_by, |protocol| protocol.covers(pattern, came_by));
    if address.is_some_and(|address| !came_by.is_empty() && !is_one(address)) {
        return Err(IgnoredBecause::Address);
    }
    if protocol.is_some_and(|protocol| channel.has_other_parameters(came_by, protocol)) {
        return Err(IgnoredBecause::Address);
    }
    let Some(wanted) = wanted else { return Ok(None) };
    correlate((channel, protocol), call, wanted, message, seen, came_by).map(Some).ok_or(IgnoredBecause::Correlation)
}
