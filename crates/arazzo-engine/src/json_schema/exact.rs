//! JSON Schemas that are checked on our values as they are: numbers with their digits, bytes by their count.
//!
//! The validator reads schemas as serde_json has them, in which a number is one of 64 bits or a double. A keyword whose
//! number is neither is written under another name, with its digits as a text, and checked here.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use jsonschema::json::{Array, Json as Representation, JsonNumber, Node, NodeIdentity, Object};
use jsonschema::types::JsonType;
use jsonschema::{Keyword, Retrieve, ValidationError, ValidationOptions};
use serde_json::Value as Serde;

use crate::value::{Json, Map, Number};

/// The representation of values that a [`Validator`] takes.
#[derive(Debug)]
pub struct Exact;

/// A schema that values are checked against.
pub type Validator = jsonschema::Validator<Exact>;

/// Before the names of keywords that are checked here.
const OWN: &str = "x-exact-";

/// Keywords with a number, and the orders of a value and that number which they allow.
const BOUNDS: [(&str, &[Ordering], &str); 4] = [
    ("minimum", &[Ordering::Equal, Ordering::Greater], "less than the minimum of"),
    ("maximum", &[Ordering::Equal, Ordering::Less], "greater than the maximum of"),
    ("exclusiveMinimum", &[Ordering::Greater], "less than or equal to the minimum of"),
    ("exclusiveMaximum", &[Ordering::Less], "greater than or equal to the maximum of"),
];

/// How schemas of 2020-12 are read.
#[must_use]
pub fn options() -> ValidationOptions<'static, Arc<dyn Retrieve>, Exact> {
    let mut options = jsonschema::options_for::<Exact>().with_draft(jsonschema::Draft::Draft202012);
    for keyword in BOUNDS.map(|(name, ..)| name).into_iter().chain(["multipleOf", "enum", "const"]) {
        options = options.with_keyword(format!("{OWN}{keyword}"), move |_, schema, _| {
            let text = schema.as_str().unwrap_or_default();
            let known = Json::parse(text).unwrap_or_default();
            Ok(Box::new(Own { keyword, known }) as Box<dyn for<'i> Keyword<'i, Exact>>)
        });
    }
    options
}

/// A schema as the validator takes it.
#[must_use]
pub fn schema_of(schema: &Json) -> Serde {
    match schema {
        Json::Object(members) => Serde::Object(members.iter().map(|(name, value)| keyword_of(name, value)).collect()),
        Json::Array(items) => items.iter().map(schema_of).collect(),
        other => other.to_serde(),
    }
}

fn keyword_of(name: &str, value: &Json) -> (String, Serde) {
    let own = match (name, value) {
        ("multipleOf", Json::Number(_)) => true,
        ("const", _) | ("enum", Json::Array(_)) => !is_exact(value),
        (_, Json::Number(_)) => BOUNDS.iter().any(|(bound, ..)| *bound == name) && !is_exact(value),
        _ => false,
    };
    match name {
        _ if own => (format!("{OWN}{name}"), Serde::String(value.to_string())),
        // Their members have names of their own choice, which are no keywords.
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => match value {
            Json::Object(schemas) => {
                let schemas = schemas.iter().map(|(name, schema)| (name.clone(), schema_of(schema)));
                (name.to_owned(), Serde::Object(schemas.collect()))
            }
            other => (name.to_owned(), other.to_serde()),
        },
        // What is in them is no schema.
        "enum" | "const" | "default" | "example" | "examples" => (name.to_owned(), value.to_serde()),
        _ => (name.to_owned(), schema_of(value)),
    }
}

/// `true` if serde_json has all numbers of a value as they are.
fn is_exact(value: &Json) -> bool {
    match value {
        Json::Number(number) => Number::from(serde_json::Number::from(number)).order(number) == Ordering::Equal,
        Json::Array(items) => items.iter().all(is_exact),
        Json::Object(members) => members.values().all(is_exact),
        _ => true,
    }
}

/// A keyword that is checked here.
struct Own {
    keyword: &'static str,
    known: Json,
}

impl<'i> Keyword<'i, Exact> for Own {
    fn validate(&self, instance: &'i Json) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        let known = &self.known;
        let is = BOUNDS.iter().find(|(name, ..)| *name == self.keyword).map(|(.., words)| *words);
        Err(ValidationError::custom(match (is, self.keyword) {
            (Some(words), _) => format!("the value is {words} {known}"),
            (None, "multipleOf") => format!("the value is not a multiple of {known}"),
            (None, "const") => format!("the value is not {known}"),
            (None, _) => format!("the value is not one of {known}"),
        }))
    }

    fn is_valid(&self, instance: &'i Json) -> bool {
        match (self.keyword, instance, &self.known) {
            ("const", ..) => is_equal(instance, &self.known),
            ("enum", _, Json::Array(items)) => items.iter().any(|item| is_equal(instance, item)),
            ("multipleOf", Json::Number(value), Json::Number(divisor)) => value.is_multiple_of(divisor),
            (_, Json::Number(value), Json::Number(bound)) => {
                let allowed = BOUNDS.iter().find(|(name, ..)| *name == self.keyword).map(|(_, allowed, _)| *allowed);
                allowed.is_none_or(|allowed| allowed.contains(&value.order(bound)))
            }
            _ => true,
        }
    }
}

/// Equality as JSON Schema has it: numbers by their values, bytes as they are written.
fn is_equal(one: &Json, other: &Json) -> bool {
    key_of(one) == key_of(other)
}

/// A text that equal values have in common, and no others.
fn key_of(value: &Json) -> String {
    let mut key = String::new();
    write_key(value, &mut key);
    key
}

fn write_key(value: &Json, key: &mut String) {
    match value {
        Json::Number(number) => key.push_str(&number.canonical()),
        Json::Array(items) => {
            key.push('[');
            items.iter().for_each(|item| {
                write_key(item, key);
                key.push(',');
            });
            key.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<(&String, &Json)> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            key.push('{');
            for (name, member) in members {
                key.push_str(&Json::String(name.clone()).to_string());
                key.push(':');
                write_key(member, key);
                key.push(',');
            }
            key.push('}');
        }
        Json::Bytes(file) => key.push_str(&Json::String(file.written()).to_string()),
        Json::Null | Json::Bool(_) | Json::String(_) => key.push_str(&value.to_string()),
    }
}

impl Representation for Exact {
    type Node<'a> = &'a Json;
    type PreparedKey = String;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(&Json) -> T) -> T {
        f(&Json::String(string.to_owned()))
    }
}

impl<'a> Node<'a, Exact> for &'a Json {
    type Object = &'a Map<String, Json>;
    type Array = &'a [Json];
    type Number = Digits<'a>;

    fn as_object(&self) -> Option<&'a Map<String, Json>> {
        Json::as_object(self)
    }

    fn as_array(&self) -> Option<&'a [Json]> {
        Json::as_array(self).map(Vec::as_slice)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Json::String(text) => Some(Cow::Borrowed(text)),
            Json::Bytes(file) => Some(Cow::Owned(file.written())),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Digits<'a>> {
        if let Json::Number(number) = self { Some(Digits(number)) } else { None }
    }

    fn as_boolean(&self) -> Option<bool> {
        self.as_bool()
    }

    fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Json::Null => JsonType::Null,
            Json::Bool(_) => JsonType::Boolean,
            Json::Number(_) => JsonType::Number,
            Json::String(_) | Json::Bytes(_) => JsonType::String,
            Json::Array(_) => JsonType::Array,
            Json::Object(_) => JsonType::Object,
        }
    }

    /// Of bytes that are no text, their number: how they are written is nobody's length.
    fn string_length(&self) -> Option<u64> {
        match self {
            Json::Bytes(file) => {
                let characters = std::str::from_utf8(&file.bytes).map(|text| text.chars().count());
                Some(characters.unwrap_or(file.bytes.len()) as u64)
            }
            _ => self.as_string().map(|text| text.chars().count() as u64),
        }
    }

    fn equals_value(&self, expected: &Serde) -> bool {
        is_equal(self, &Json::from(expected.clone()))
    }

    fn to_value(&self) -> Cow<'a, Serde> {
        Cow::Owned(self.to_serde())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Json>(self).addr()))
    }
}

impl<'a> Object<'a, Exact> for &'a Map<String, Json> {
    type Node = &'a Json;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        Map::len(self)
    }

    fn get(&self, key: &String) -> Option<&'a Json> {
        Map::get(*self, key)
    }

    fn members(&self) -> Members<'a> {
        Members(self.iter())
    }
}

/// The members of an object, in their order.
pub struct Members<'a>(indexmap::map::Iter<'a, String, Json>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Json);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.as_str(), value))
    }
}

impl<'a> Array<'a, Exact> for &'a [Json] {
    type Node = &'a Json;
    type ElementsIter = std::slice::Iter<'a, Json>;

    fn len(&self) -> usize {
        <[Json]>::len(self)
    }

    fn elements(&self) -> std::slice::Iter<'a, Json> {
        self.iter()
    }

    fn is_unique(&self) -> bool {
        let mut known = HashSet::new();
        self.iter().all(|item| known.insert(key_of(item)))
    }
}

/// A number as a schema reads it.
pub struct Digits<'a>(&'a Number);

impl JsonNumber for Digits<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.as_u64().or_else(|| self.0.as_integer()?.try_into().ok())
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.as_i64().or_else(|| self.0.as_integer()?.try_into().ok())
    }

    fn as_f64(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn as_str(&self) -> Cow<'_, str> {
        self.0.text()
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(self.0.into())
    }

    fn is_integer(&self) -> bool {
        self.0.is_integer()
    }

    fn is_written_as_integer(&self) -> bool {
        !self.0.text().contains(['.', 'e', 'E'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked_with_all_of_their_digits() {
        let valid = |schema: &str, value: &str| {
            let validator = options().build(&schema_of(&Json::parse(schema)?)).ok()?;
            let value = Json::parse(value)?;
            assert_eq!(validator.is_valid(&value), validator.iter_errors(&value).next().is_none());
            Some(validator.is_valid(&value))
        };
        let (big, next) = ("100000000000000000001", "100000000000000000002");
        for (schema, right, wrong) in [
            (format!("{{\"enum\": [1, {big}]}}"), big, next),
            (format!("{{\"const\": {big}}}"), "1.00000000000000000001e20", next),
            ("{\"enum\": [9007199254740993]}".to_owned(), "9007199254740993.0", "9007199254740992"),
            (format!("{{\"exclusiveMinimum\": {big}}}"), next, big),
            (format!("{{\"exclusiveMaximum\": {next}}}"), big, next),
            (format!("{{\"minimum\": {next}}}"), next, big),
            (format!("{{\"maximum\": {big}}}"), big, next),
            ("{\"exclusiveMinimum\": 9007199254740992}".to_owned(), "9007199254740993.0", "9007199254740992.0"),
            ("{\"multipleOf\": 3}".to_owned(), next, big),
            ("{\"multipleOf\": 0.01}".to_owned(), "1.10", "1.101"),
            ("{\"multipleOf\": 9007199254740993}".to_owned(), "18014398509481986", "18014398509481984"),
            ("{\"multipleOf\": 1e2}".to_owned(), "1e30", "1.5e2"),
            (format!("{{\"multipleOf\": {big}}}"), "300000000000000000003", "300000000000000000002"),
            (format!("{{\"multipleOf\": {big}}}"), "100000000000000000001e40", "100000000000000000002e40"),
            ("{\"multipleOf\": 0.100000000000000000001}".to_owned(), "0.3000000000000000000030", "0.3"),
            (format!("{{\"const\": {{\"a\": [{big}]}}}}"), "{\"a\": [1.00000000000000000001e20]}", "{\"a\": [1e20]}"),
            (format!("{{\"enum\": [{{\"a\": {big}}}]}}"), "{\"a\": 100000000000000000001}", "{\"a\": 1e20}"),
            (
                format!("{{\"properties\": {{\"const\": {{\"maximum\": {big}}}}}}}"),
                "{\"const\": 100000000000000000001}",
                "{\"const\": 100000000000000000002}",
            ),
            (format!("{{\"$defs\": {{\"enum\": {{\"minimum\": {next}}}}}, \"$ref\": \"#/$defs/enum\"}}"), next, big),
            ("{\"uniqueItems\": true}".to_owned(), "[100000000000000000001, 100000000000000000002]", "[1, 1.0]"),
            (
                "{\"properties\": {\"multipleOf\": {\"const\": 1}}}".to_owned(),
                "{\"multipleOf\": 1}",
                "{\"multipleOf\": 2}",
            ),
            ("{\"const\": {\"multipleOf\": 3}}".to_owned(), "{\"multipleOf\": 3}", "{}"),
            ("{\"type\": \"integer\"}".to_owned(), "1.0", "1.5"),
        ] {
            assert_eq!((valid(&schema, right), valid(&schema, wrong)), (Some(true), Some(false)), "{schema}");
        }
    }

    #[test]
    fn the_length_of_bytes_is_their_number() {
        let file = |bytes: &[u8]| {
            Json::Bytes(crate::value::File { name: "f".to_owned(), bytes: bytes.to_vec().into(), text: false }.into())
        };
        let valid = |value| {
            let validator = options().build(&schema_of(&crate::json!({ "maxLength": 3 }))).ok()?;
            Some(validator.is_valid(&value))
        };
        let fits = [file(&[0xff; 3]), file("ééé".as_bytes())].map(valid);
        let not = [file(&[0xff; 4]), file(b"four")].map(valid);
        assert_eq!((fits, not), ([Some(true); 2], [Some(false); 2]));
    }
}
