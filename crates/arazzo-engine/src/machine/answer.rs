//! Reply → answer: a response is decoded by its media type, within limits (docs/readings.md, bodies).

use crate::value::Json;

use super::charset::{self, Decoded};
use super::fault::Fault;
use super::wire::Response;
use crate::expr::eval::Answer;
use crate::media_type::{MediaType, first_of_line};
use crate::reason::Reason;
use crate::remedy::{Limit, Remedy};
use crate::value::{Body, Value};

/// Decodes an answer by its media type.
pub(super) fn decode(response: Response) -> Answer {
    let header = |name: &str| {
        response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    };
    let content_type = MediaType::parse(first_of_line(header("content-type").unwrap_or_default()));
    let media_type = content_type.essence().to_owned();
    let body = if response.body.is_empty() { None } else { Some(decode_body(response.body, &content_type)) };
    Answer { status: response.status, headers: response.headers, body, media_type }
}

/// The depth to which the values of a JSON body may nest.
const NESTING: usize = 128;

/// The memory that the values of a body may take, in times of the largest body.
const GROWTH: u64 = 8;

/// The memory that the smallest object takes, and any other value.
const OBJECT: u64 = 500;
const VALUE: u64 = 80;

/// The limit that the values of a JSON answer exceed, if bodies may have so many bytes.
///
/// Values take memory: a hundred times what was sent, for `[{},{},…`.
pub(super) fn find_excess(response: &Response, body_bytes: u64) -> Option<Fault> {
    let content_type = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = MediaType::parse(first_of_line(content_type.map(|(_, value)| value.as_str()).unwrap_or_default()));
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
        // Without a media type it may be anything.
        if depth > NESTING && media_type.is_json() {
            let message = format!("the values of the answer nest deeper than {NESTING} levels");
            return Some(Fault::new(Reason::NestingLimit, message));
        }
        if takes > most {
            let message = format!("the values of the answer would take more than {most} bytes of memory");
            let fault = Fault::new(Reason::ValuesLimit, message);
            return Some(fault.with_remedy(Remedy::Raise(Limit::BodyValues)));
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
fn charset(bytes: &[u8], content_type: &MediaType<'_>) -> Option<String> {
    let named = content_type.parameter("charset").map(str::to_owned);
    // The mark of UTF-32 begins as that of UTF-16.
    let wide = named.as_ref().filter(|label| label.trim().to_ascii_lowercase().starts_with("utf-32"));
    let label = match (wide, charset::marked(bytes)) {
        (Some(label), _) => label.clone(),
        (None, Some(encoding)) => encoding.name().to_owned(),
        (None, None) => named.or_else(|| {
            let head = bytes.get(..bytes.len().min(200)).filter(|head| head.starts_with(b"<?xml"))?;
            charset::declared_encoding(&String::from_utf8_lossy(head)).map(str::to_owned)
        })?,
    };
    (!charset::is_utf8(&label)).then_some(label)
}

/// The value of a body.
fn decode_body(bytes: Vec<u8>, content_type: &MediaType<'_>) -> Value {
    let (text_type, json_type) = (content_type.is_text(), content_type.is_json());
    let is_unknown = content_type.essence().is_empty();
    if let Some(label) = Some(()).filter(|()| text_type || json_type).and_then(|()| charset(&bytes, content_type)) {
        let Decoded { text, spoilt } = charset::decode(&bytes, &label);
        let json = if json_type && !spoilt { Json::parse(text.as_bytes()) } else { None };
        let read = Box::new(json.map_or_else(|| Value::Text(text), Value::Json));
        return Value::Body(Body { read, bytes: bytes.into(), charset: Some(label), spoilt });
    }
    if json_type || is_unknown {
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        if let Some(json) = Json::parse(text) {
            // Numbers, blanks and doubled members are kept for whoever sends it on.
            return if json.is_written_as(&bytes) {
                Value::Json(json)
            } else {
                let read = Box::new(Value::Json(json));
                Value::Body(Body { read, bytes: bytes.into(), charset: None, spoilt: false })
            };
        }
    }
    match String::from_utf8(bytes) {
        // The mark is no part of the text.
        Ok(text) if text_type && text.starts_with('\u{feff}') => {
            let read = Box::new(Value::Text(text.trim_start_matches('\u{feff}').to_owned()));
            Value::Body(Body { read, bytes: text.into_bytes().into(), charset: None, spoilt: false })
        }
        Ok(text) if text_type || json_type || is_unknown => Value::Text(text),
        Err(error) if text_type => {
            let read = Box::new(Value::Text(String::from_utf8_lossy(error.as_bytes()).into_owned()));
            Value::Body(Body { read, bytes: error.into_bytes().into(), charset: None, spoilt: true })
        }
        Ok(text) => Value::Bytes(text.into_bytes().into()),
        Err(error) => Value::Bytes(error.into_bytes().into()),
    }
}
