//! The values that flow through a run: JSON, text, bytes, and nothing at all.
//!
//! *Absent* is `Option::None`, never JSON null (docs/readings.md, rule 4).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

pub(crate) mod as_base64;
mod json;
mod notation;
mod number;
mod read;
mod shared;
#[doc(hidden)]
pub mod stored;

pub use json::{Json, Map, Place};
pub use number::Number;
pub use shared::Shared;

/// A value of a run. A response body that is not JSON is [`Value::Text`] or [`Value::Bytes`], so that a query over it
/// is known to be impossible instead of empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Inputs, JSON bodies, and everything selected from them.
    Json(#[serde(with = "stored")] Json),
    /// A body that is text and not JSON: XML, HTML, plain text.
    Text(String),
    /// A body that is neither.
    Bytes(#[serde(with = "as_base64")] Shared<Vec<u8>>),
    /// A file that was given as an input: text where text is wanted, a file in a multipart body.
    File(File),
    /// A body whose bytes are not those that its value would be written as.
    Body(Body),
}

/// A body that is read as a value, and sent again as the bytes that came (docs/readings.md, bodies).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// The value that it is read as: JSON or text.
    pub read: Box<Value>,
    /// The bytes that came.
    #[serde(with = "as_base64")]
    pub bytes: Shared<Vec<u8>>,
    /// The charset that they were read in, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// `true` if what was read is not all that came: some of the bytes are no text in the charset.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spoilt: bool,
}

/// A file that was given as an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name, without folders.
    pub name: String,
    /// Its bytes.
    #[serde(with = "as_base64")]
    pub bytes: Shared<Vec<u8>>,
    /// `true` if the schema of the input says that its value is text: then it is sent as text everywhere.
    pub text: bool,
}

impl File {
    /// The text that it is, or its bytes in base64: how it is shown where only JSON can be.
    #[must_use]
    pub fn written(&self) -> String {
        std::str::from_utf8(&self.bytes).map_or_else(|_| STANDARD.encode(&*self.bytes), str::to_owned)
    }
}

impl Value {
    /// A JSON string.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self::Json(Json::String(text.into()))
    }

    /// The value that a body is read as; every other value is itself.
    #[must_use]
    pub fn read(&self) -> &Self {
        if let Self::Body(body) = self { &body.read } else { self }
    }

    /// As [`Value::read`].
    #[must_use]
    pub fn into_read(self) -> Self {
        if let Self::Body(body) = self { *body.read } else { self }
    }

    /// As [`Value::into_json`], without a copy of what is JSON.
    pub(crate) fn as_json(&self) -> Cow<'_, Json> {
        match self {
            Self::Json(json) => Cow::Borrowed(json),
            other => Cow::Owned(other.clone().into_json()),
        }
    }

    /// The value as a part of a list or an object: text as a string, bytes and files as themselves.
    #[must_use]
    pub fn into_json(self) -> Json {
        match self {
            Self::Json(json) => json,
            Self::Text(text) => Json::String(text),
            Self::Bytes(bytes) => Json::Bytes(File { name: String::new(), bytes, text: false }.into()),
            Self::File(file) => Json::Bytes(file.into()),
            Self::Body(body) if body.spoilt => Self::Bytes(body.bytes).into_json(),
            Self::Body(body) => body.read.into_json(),
        }
    }

    /// The value as it is compared: as [`Value::into_json`], bytes that are text as that text. Other bytes are equal to the
    /// same bytes alone, whatever their file is called.
    #[must_use]
    pub fn into_compared(self) -> Json {
        match self.into_json() {
            Json::Bytes(file) => match std::str::from_utf8(&file.bytes) {
                Ok(text) => Json::String(text.to_owned()),
                Err(_) => Json::Bytes(File { name: String::new(), bytes: file.into_inner().bytes, text: false }.into()),
            },
            other => other,
        }
    }

    /// The text form for embedding (specification, Runtime Expressions): scalars as text, strings as they are, objects
    /// and arrays as JSON. Bytes that are not text get replacement characters: [`Value::holds_bytes`] tells.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Json(json) => json_text(json),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) | Self::File(File { bytes, .. }) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Body(body) => body.read.to_text(),
        }
    }

    /// `true` if there are bytes in it that are not text.
    #[must_use]
    pub fn holds_bytes(&self) -> bool {
        match self.read() {
            Self::Json(json) => json.bytes_within().is_some(),
            Self::Bytes(bytes) | Self::File(File { bytes, .. }) => std::str::from_utf8(bytes).is_err(),
            Self::Text(_) | Self::Body(_) => matches!(self, Self::Body(body) if body.spoilt),
        }
    }

    /// The bytes of the value as they are sent where nothing says more about them.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Json(json) => json_text(&json).into_bytes(),
            Self::Text(text) => text.into_bytes(),
            // A JSON string is the text in it.
            Self::Body(Body { read, .. }) if matches!(*read, Self::Json(Json::String(_))) => read.into_bytes(),
            Self::Bytes(bytes) | Self::File(File { bytes, .. }) | Self::Body(Body { bytes, .. }) => bytes.into_inner(),
        }
    }

    /// The value under a JSON Pointer; `None` if there is none, or if this is not JSON and the pointer is not empty.
    #[must_use]
    pub fn at(&self, pointer: &Pointer) -> Option<Self> {
        match self.read() {
            _ if pointer.is_whole() => Some(self.clone()),
            Self::Json(json) => pointer.find(json).cloned().map(Json::into_value),
            _ => None,
        }
    }
}

/// The text form of a JSON value: strings without quotes, everything else as JSON.
#[must_use]
pub fn json_text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Bytes(file) => String::from_utf8_lossy(&file.bytes).into_owned(),
        other => other.to_string(),
    }
}

/// A JSON Pointer (RFC 6901), taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// The pointer `/a/b`, with `~1` and `~0` decoded; a text without a leading `/` counts as one with it, the empty
    /// text is the whole value.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let text = text.strip_prefix('/').unwrap_or(text);
        Self(text.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
    }

    /// A pointer of these reference tokens.
    #[must_use]
    pub fn of(tokens: Vec<String>) -> Self {
        Self(tokens)
    }

    /// `true` for the empty pointer, which is the whole value.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// The decoded reference tokens.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.0
    }

    /// Sets the value at this pointer. The last token may name a new member, or be the index behind the last item or
    /// `-`; `false` if there is no such place.
    pub fn set(&self, json: &mut Json, value: Json) -> bool {
        let Some((last, way)) = self.0.split_last() else {
            *json = value;
            return true;
        };
        let parent = way.iter().try_fold(json, |value, token| match value {
            Json::Object(map) => map.get_mut(token),
            Json::Array(items) => items.get_mut(index(token)?),
            _ => None,
        });
        match parent {
            Some(Json::Object(map)) => {
                map.insert(last.clone(), value);
                true
            }
            Some(Json::Array(items)) => match if last == "-" { Some(items.len()) } else { index(last) } {
                Some(index) if index == items.len() => {
                    items.push(value);
                    true
                }
                Some(index) => items.get_mut(index).map(|item| *item = value).is_some(),
                None => false,
            },
            _ => false,
        }
    }

    /// The value under this pointer.
    #[must_use]
    pub fn find<'a>(&self, json: &'a Json) -> Option<&'a Json> {
        self.0.iter().try_fold(json, |value, token| match value {
            Json::Object(map) => map.get(token),
            Json::Array(items) => items.get(index(token)?),
            _ => None,
        })
    }
}

/// An index of RFC 6901: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let digits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit());
    (digits && (token == "0" || !token.starts_with('0'))).then(|| token.parse().ok()).flatten()
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

/// A step of a way to values that are not there yet, such as those that a workflow will read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathSegment {
    /// A member of an object, or an item of an array.
    Member(String),
    /// Whatever a wildcard, slice or filter selects; a filter over an object may mean the object.
    Any,
}

/// The number that a JSON value is, or that its string spells in JSON number syntax.
#[must_use]
pub fn numeric(json: &Json) -> Option<Number> {
    match json {
        Json::Number(number) => Some(number.clone()),
        Json::String(text) if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Number::parse(text),
        _ => None,
    }
}

/// The language of a condition or selector: `type` of a criterion, a selector or a replacement, a word or an Expression
/// Type Object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionType {
    /// `simple`
    Simple,
    /// `regex`
    Regex,
    /// `jsonpath`, `rfc9535`
    Jsonpath,
    /// `jsonpath`, `draft-goessner-dispatch-jsonpath-00`
    Goessner,
    /// `jsonpointer`
    Jsonpointer,
    /// `xpath`: `xpath-31` unless another version is given.
    Xpath(XpathVersion),
}

/// A version of XPath.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XpathVersion {
    /// `xpath-10`
    V10,
    /// `xpath-20`
    V20,
    /// `xpath-30`
    V30,
    /// `xpath-31`
    V31,
}

impl ExpressionType {
    /// `simple`, `regex`, `jsonpath`, `xpath`, `jsonpointer`
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Regex => "regex",
            Self::Jsonpath | Self::Goessner => "jsonpath",
            Self::Jsonpointer => "jsonpointer",
            Self::Xpath(_) => "xpath",
        }
    }
}
