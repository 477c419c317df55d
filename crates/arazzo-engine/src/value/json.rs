//! The tree of a JSON value, as `serde_json::Value` has it, and three things more: numbers keep their digits, lists and
//! objects are shared instead of copied, and bytes may stand in it where a step put them.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::number::Number;
use super::shared::Shared;
use super::{File, Value};

/// Members of an object, in the order in which they were written.
pub type Map<K, V> = indexmap::IndexMap<K, V>;

/// A JSON value.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `17`, `1e20`
    Number(Number),
    /// `"text"`
    String(String),
    /// `[1, 2]`
    Array(Shared<Vec<Self>>),
    /// `{"a": 1}`
    Object(Shared<Map<String, Self>>),
    /// What no JSON text holds: bytes, or a file, within a list or an object.
    Bytes(Shared<File>),
}

impl Json {
    /// `true` if it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// `true` if it is a string.
    #[must_use]
    pub fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    /// `true` if it is a number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// `true` if it is a boolean.
    #[must_use]
    pub fn is_boolean(&self) -> bool {
        matches!(self, Self::Bool(_))
    }

    /// `true` if it is a list.
    #[must_use]
    pub fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// `true` if it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number.
    #[must_use]
    pub fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    /// As [`Number::as_i64`].
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// As [`Number::as_u64`].
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// As [`Number::as_f64`].
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// The items of a list.
    #[must_use]
    pub fn as_array(&self) -> Option<&Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// As [`Json::as_array`], to change them.
    #[must_use]
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Map<String, Self>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// As [`Json::as_object`], to change them.
    #[must_use]
    pub fn as_object_mut(&mut self) -> Option<&mut Map<String, Self>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The member of an object, or the item of a list.
    #[must_use]
    pub fn get<I: Place>(&self, place: I) -> Option<&Self> {
        place.of(self)
    }

    /// As [`Json::get`], to change it.
    #[must_use]
    pub fn get_mut<I: Place>(&mut self, place: I) -> Option<&mut Self> {
        place.of_mut(self)
    }

    /// The value under a JSON Pointer.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        super::Pointer::parse(pointer).find(self)
    }

    /// The value, and null in its place.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The first bytes in the value that are not text; `None` if JSON can hold all of it.
    #[must_use]
    pub fn bytes_within(&self) -> Option<&File> {
        match self {
            Self::Bytes(file) => Some(&**file).filter(|file| std::str::from_utf8(&file.bytes).is_err()),
            Self::Array(items) => items.iter().find_map(Self::bytes_within),
            Self::Object(members) => members.values().find_map(Self::bytes_within),
            _ => None,
        }
    }

    /// As serde_json has it: numbers beyond 64 bits become the nearest double, bytes become base64.
    #[must_use]
    pub fn to_serde(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.into()),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => items.iter().map(Self::to_serde).collect(),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.to_serde())).collect())
            }
            Self::Bytes(file) => Value::String(file.written()),
        }
    }

    /// The value of a run that it is: bytes that stood in a list or an object are bytes again.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Bytes(file) if file.name.is_empty() => Value::Bytes(file.into_inner().bytes),
            Self::Bytes(file) => Value::File(file.into_inner()),
            other => Value::Json(other),
        }
    }
}

/// The name of a member, or the index of an item.
pub trait Place {
    /// The value at this place.
    fn of<'j>(&self, json: &'j Json) -> Option<&'j Json>;
    /// As [`Place::of`], to change it.
    fn of_mut<'j>(&self, json: &'j mut Json) -> Option<&'j mut Json>;
}

impl Place for str {
    fn of<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        json.as_object()?.get(self)
    }

    fn of_mut<'j>(&self, json: &'j mut Json) -> Option<&'j mut Json> {
        json.as_object_mut()?.get_mut(self)
    }
}

impl Place for String {
    fn of<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        self.as_str().of(json)
    }

    fn of_mut<'j>(&self, json: &'j mut Json) -> Option<&'j mut Json> {
        self.as_str().of_mut(json)
    }
}

impl Place for usize {
    fn of<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        json.as_array()?.get(*self)
    }

    fn of_mut<'j>(&self, json: &'j mut Json) -> Option<&'j mut Json> {
        json.as_array_mut()?.get_mut(*self)
    }
}

impl<P: Place + ?Sized> Place for &P {
    fn of<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        (**self).of(json)
    }

    fn of_mut<'j>(&self, json: &'j mut Json) -> Option<&'j mut Json> {
        (**self).of_mut(json)
    }
}

impl<P: Place> Index<P> for Json {
    type Output = Self;

    /// Null where there is nothing.
    fn index(&self, place: P) -> &Self {
        static NULL: Json = Json::Null;
        place.of(self).unwrap_or(&NULL)
    }
}

impl IndexMut<&str> for Json {
    /// The member, new if there was none. What is no object becomes one.
    fn index_mut(&mut self, name: &str) -> &mut Self {
        if !self.is_object() {
            *self = Self::from(Map::new());
        }
        match self {
            Self::Object(members) => members.entry(name.to_owned()).or_default(),
            other => other,
        }
    }
}

impl fmt::Display for Json {
    /// JSON text; bytes as a string in base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = vec![];
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Json {
    /// `true` if this is its JSON text, found out without writing it.
    pub(crate) fn is_written_as(&self, text: &[u8]) -> bool {
        self.skip(text).is_some_and(<[u8]>::is_empty)
    }

    /// What stands behind its JSON text; nothing if it is not what another text begins with.
    fn skip<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        match self {
            Self::Null => text.strip_prefix(b"null"),
            Self::Bool(value) => text.strip_prefix(if *value { b"true".as_slice() } else { b"false" }),
            Self::Number(number) => text.strip_prefix(number.text().as_bytes()),
            Self::String(string) => skip_string(string, text),
            Self::Array(items) => {
                let mut rest = text.strip_prefix(b"[")?;
                for (number, item) in items.iter().enumerate() {
                    rest = item.skip(if number > 0 { rest.strip_prefix(b",")? } else { rest })?;
                }
                rest.strip_prefix(b"]")
            }
            Self::Object(members) => {
                let mut rest = text.strip_prefix(b"{")?;
                for (number, (name, value)) in members.iter().enumerate() {
                    rest = skip_string(name, if number > 0 { rest.strip_prefix(b",")? } else { rest })?;
                    rest = value.skip(rest.strip_prefix(b":")?)?;
                }
                rest.strip_prefix(b"}")
            }
            Self::Bytes(file) => skip_string(&file.written(), text),
        }
    }

    /// Appends its JSON text.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Number(number) => out.extend_from_slice(number.text().as_bytes()),
            Self::String(text) => write_string(text, out),
            Self::Array(items) => {
                out.push(b'[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (number, (name, value)) in members.iter().enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    write_string(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
            Self::Bytes(file) => write_string(&file.written(), out),
        }
    }
}

/// What stands behind a string, as [`write_string`] writes it.
fn skip_string<'t>(string: &str, text: &'t [u8]) -> Option<&'t [u8]> {
    if string.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        let mut written = vec![];
        write_string(string, &mut written);
        return text.strip_prefix(written.as_slice());
    }
    text.strip_prefix(b"\"")?.strip_prefix(string.as_bytes())?.strip_prefix(b"\"")
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items.iter()),
            Self::Object(members) => serializer.collect_map(members.iter()),
            Self::Bytes(file) => serializer.serialize_str(&file.written()),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tree;

        impl<'de> Visitor<'de> for Tree {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_none<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
                Deserialize::deserialize(deserializer)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(number.into())
            }

            fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
                Ok(number.into())
            }

            fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
                Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(text.into())
            }

            fn visit_string<E>(self, text: String) -> Result<Json, E> {
                Ok(text.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
                let mut list: Vec<Json> = vec![];
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(list.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Json>()? {
                    map.insert(name, value);
                }
                Ok(map.into())
            }
        }
        deserializer.deserialize_any(Tree)
    }
}

macro_rules! from_number {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Json {
            fn from(number: $kind) -> Self {
                Self::Number(number.into())
            }
        }

        impl PartialEq<$kind> for Json {
            fn eq(&self, other: &$kind) -> bool {
                self.as_number().is_some_and(|number| *number == Number::from(*other))
            }
        }
    )*};
}

from_number!(u8, u16, u32, u64, usize, i32, i64);

impl From<Number> for Json {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<f64> for Json {
    fn from(number: f64) -> Self {
        Number::from_f64(number).map_or(Self::Null, Self::Number)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl<T: Into<Self>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        items.into_iter().collect()
    }
}

impl From<Map<String, Self>> for Json {
    fn from(members: Map<String, Self>) -> Self {
        Self::Object(members.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl From<serde_json::Value> for Json {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value;
        match json {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number.into()),
            Value::String(text) => Self::String(text),
            Value::Array(items) => items.into_iter().collect(),
            Value::Object(members) => {
                Self::Object(members.into_iter().map(|(name, value)| (name, Self::from(value))).collect())
            }
        }
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Json {
    fn from(members: serde_json::Map<String, serde_json::Value>) -> Self {
        serde_json::Value::Object(members).into()
    }
}

impl From<&Json> for serde_json::Value {
    fn from(json: &Json) -> Self {
        json.to_serde()
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<String> for Json {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<bool> for Json {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl PartialEq<serde_json::Value> for Json {
    fn eq(&self, other: &serde_json::Value) -> bool {
        use serde_json::Value;
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(one), Value::Bool(other)) => one == other,
            (Self::Number(one), Value::Number(other)) => *one.text() == other.to_string(),
            (Self::String(one), Value::String(other)) => one == other,
            (Self::Array(one), Value::Array(other)) => **one == *other,
            (Self::Object(one), Value::Object(other)) => {
                one.len() == other.len() && one.iter().all(|(name, value)| other.get(name).is_some_and(|o| value == o))
            }
            _ => false,
        }
    }
}

impl PartialEq<Json> for serde_json::Value {
    fn eq(&self, other: &Json) -> bool {
        other == self
    }
}
