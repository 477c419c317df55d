//! Schemas of the kind that most are: types, members, lists, texts of a list, references. They are checked here, where it
//! takes a walk over the value; the crate `jsonschema` compiles its own schema of schemas before the first of anybody's,
//! which takes longer than all else that a short run does.
//!
//! Only what is certain is said: what is not known here makes a schema none of the kind, and what cannot be told of a
//! value is asked of the crate.

use crate::value::{Json, Map};

use super::{TYPES, is_of};

/// References that are followed from one value, one from the other.
const FOLLOWED: usize = 64;

/// Where the schemas stand that references name.
const NAMED: &str = "#/$defs/";

/// A schema of that kind, which is valid in all its parts.
#[derive(Debug)]
pub(super) struct Plain(Json);

impl Plain {
    /// The schema, if it is of the kind; `asserts_formats` if a `format` is a promise and no remark.
    pub(super) fn of(schema: &Json, asserts_formats: bool) -> Option<Self> {
        let read = Reader { names: named(schema), asserts_formats };
        read.is_plain(schema, true).then(|| Self(schema.clone()))
    }

    pub(super) fn schema(&self) -> &Json {
        &self.0
    }

    /// Whether a value is as the schema says, if that can be told.
    pub(super) fn is_valid(&self, value: &Json) -> Option<bool> {
        fits(&self.0, value, named(&self.0), FOLLOWED)
    }
}

fn named(schema: &Json) -> Option<&Map<String, Json>> {
    schema.get("$defs")?.as_object()
}

struct Reader<'s> {
    names: Option<&'s Map<String, Json>>,
    asserts_formats: bool,
}

impl Reader<'_> {
    fn is_plain(&self, schema: &Json, is_root: bool) -> bool {
        match schema {
            Json::Bool(_) => true,
            Json::Object(members) => members.iter().all(|(name, value)| self.is_plain_keyword(name, value, is_root)),
            _ => false,
        }
    }

    fn is_plain_keyword(&self, name: &str, value: &Json, is_root: bool) -> bool {
        let all = |named: &Map<String, Json>| named.values().all(|schema| self.is_plain(schema, false));
        match name {
            "type" => match value {
                Json::Array(names) => !names.is_empty() && are_different(names) && names.iter().all(is_type),
                name => is_type(name),
            },
            "properties" => value.as_object().is_some_and(all),
            "$defs" => is_root && value.as_object().is_some_and(all),
            "items" | "additionalProperties" => self.is_plain(value, false),
            "required" => {
                value.as_array().is_some_and(|names| names.iter().all(Json::is_string) && are_different(names))
            }
            "enum" => value.as_array().is_some_and(|texts| !texts.is_empty() && texts.iter().all(Json::is_string)),
            "$ref" => value.as_str().is_some_and(|text| self.names.is_some_and(|names| target(names, text).is_some())),
            "format" => !self.asserts_formats && value.is_string(),
            "title" | "description" => value.is_string(),
            "deprecated" | "readOnly" | "writeOnly" => value.is_boolean(),
            "examples" => value.is_array(),
            "default" | "example" => true,
            _ => name.starts_with("x-"),
        }
    }
}

/// `true` if no text stands twice.
fn are_different(texts: &[Json]) -> bool {
    texts.iter().enumerate().all(|(at, text)| texts.iter().take(at).all(|before| before != text))
}

fn is_type(name: &Json) -> bool {
    name.as_str().is_some_and(|name| TYPES.contains(&name))
}

fn target<'s>(names: &'s Map<String, Json>, reference: &str) -> Option<&'s Json> {
    let name = reference.strip_prefix(NAMED)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    name.bytes().all(is_plain).then(|| names.get(name)).flatten()
}

/// `left` are the references that may still be followed.
fn fits(schema: &Json, value: &Json, names: Option<&Map<String, Json>>, left: usize) -> Option<bool> {
    let members = match schema {
        Json::Bool(all) => return Some(*all),
        Json::Object(members) => members,
        _ => return None,
    };
    if let Json::Bytes(_) = value {
        return None;
    }
    let mut known = Some(true);
    let mut and = |one: Option<bool>| {
        known = match (known, one) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    };
    for (name, keyword) in members {
        match (name.as_str(), value) {
            ("type", _) => {
                let mut several = keyword.as_array().map_or(std::slice::from_ref(keyword), Vec::as_slice).iter();
                and(Some(several.any(|one| one.as_str().is_some_and(|name| is_of(value, name)))));
            }
            ("enum", _) => and(Some(keyword.as_array().is_some_and(|texts| texts.contains(value)))),
            ("$ref", _) => {
                let target = keyword.as_str().zip(names).and_then(|(text, names)| target(names, text));
                and(left.checked_sub(1).and_then(|left| fits(target?, value, names, left)));
            }
            ("required", Json::Object(object)) => {
                let has = |name: &Json| name.as_str().is_some_and(|name| object.contains_key(name));
                and(Some(keyword.as_array().is_some_and(|names| names.iter().all(has))));
            }
            ("properties", Json::Object(object)) => {
                for (name, schema) in keyword.as_object().into_iter().flatten() {
                    if let Some(member) = object.get(name) {
                        and(fits(schema, member, names, left));
                    }
                }
            }
            ("additionalProperties", Json::Object(object)) => {
                let declared = members.get("properties").and_then(Json::as_object);
                let is_other = |name: &str| declared.is_none_or(|declared| !declared.contains_key(name));
                for (_, member) in object.iter().filter(|(name, _)| is_other(name)) {
                    and(fits(keyword, member, names, left));
                }
            }
            ("items", Json::Array(items)) => {
                for item in items.iter() {
                    and(fits(keyword, item, names, left));
                }
            }
            _ => {}
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::json_schema::exact;

    /// Values of every type, and objects and lists of them.
    fn values() -> Vec<Json> {
        let mut values = vec![json!(null), json!(true), json!(7), json!(7.5), json!("a"), json!("c"), json!("")];
        values.extend(
            ["1.0", "1e3", "-0", "100000000000000000001", "0.10"].map(|text| Json::parse(text).unwrap_or_default()),
        );
        let inner = values.clone();
        values.extend(inner.iter().map(|value| json!([value.clone(), "a"])));
        values.extend(inner.iter().map(|value| json!({ "name": value.clone() })));
        values.extend(inner.iter().map(|value| json!({ "name": "a", "next": { "name": value.clone(), "next": [] } })));
        values.extend([json!([]), json!({}), json!({ "other": 1 }), json!({ "next": { "next": { "next": {} } } })]);
        values
    }

    #[test]
    fn what_is_said_is_what_the_crate_says() {
        let node = json!({ "type": "object", "properties": { "name": { "type": "string" }, "next": { "$ref": "#/$defs/node" } } });
        let schemas = [
            json!(true),
            json!(false),
            json!({}),
            json!({ "type": "string", "description": "d", "x-own": [1], "format": "uuid" }),
            json!({ "type": ["integer", "null"], "title": "t", "default": 7, "examples": [], "deprecated": true }),
            json!({ "type": "number" }),
            json!({ "type": "integer" }),
            json!({ "type": "boolean" }),
            json!({ "enum": ["a", "b"] }),
            json!({ "type": "object", "required": ["name"], "properties": { "name": { "enum": ["a"] } } }),
            json!({ "properties": { "name": { "type": "integer" } }, "additionalProperties": false }),
            json!({ "additionalProperties": false }),
            json!({ "additionalProperties": true, "required": [] }),
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            json!({ "properties": { "name": {} }, "additionalProperties": { "type": ["array", "integer"] } }),
            json!({ "items": { "type": ["string", "number"] } }),
            json!({ "type": "array", "items": false }),
            json!({ "$ref": "#/$defs/node", "required": ["next"], "$defs": { "node": node } }),
            json!({ "type": "array", "items": { "$ref": "#/$defs/node" }, "$defs": { "node": node, "other": true } }),
        ];
        for schema in &schemas {
            let plain = Plain::of(schema, false);
            let other = exact::options().build(&exact::schema_of(schema)).ok();
            let (Some(plain), Some(other)) = (plain, other) else { unreachable!("{schema}") };
            for value in values() {
                assert_eq!(plain.is_valid(&value), Some(other.is_valid(&value)), "{schema} of {value}");
            }
        }
    }

    #[test]
    fn what_is_not_known_here_is_left_to_the_crate() {
        for schema in [
            json!(7),
            json!({ "type": "text" }),
            json!({ "type": [] }),
            json!({ "type": ["string", "string"] }),
            json!({ "required": "name" }),
            json!({ "enum": [1] }),
            json!({ "enum": [] }),
            json!({ "minLength": 1 }),
            json!({ "title": 1 }),
            json!({ "additionalProperties": { "not": {} } }),
            json!({ "$ref": "#/$defs/none", "$defs": {} }),
            json!({ "$ref": "#" }),
            json!({ "properties": { "a": { "not": {} } } }),
            json!({ "items": { "$defs": {} } }),
            json!({ "$defs": { "unused": { "type": 1 } } }),
            json!({ "$id": "x" }),
        ] {
            assert!(Plain::of(&schema, false).is_none(), "{schema}");
        }
        assert!(Plain::of(&json!({ "format": "uuid" }), true).is_none());
        // A reference to itself leads nowhere.
        let schema = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/a" } } });
        assert_eq!(Plain::of(&schema, false).and_then(|plain| plain.is_valid(&json!(1))), None);
    }
}
