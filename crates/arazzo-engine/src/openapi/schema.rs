//! A Schema Object of an OpenAPI document → a JSON Schema that can be checked: self-contained, one dialect.
//!
//! References become `$defs`, also circular ones; a reference that leads nowhere accepts anything.
//! What OpenAPI 3.0 writes in its own way (`nullable`, boolean `exclusiveMinimum`) is written as JSON Schema 2020-12.

use std::collections::BTreeMap;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value as Json, json};

use super::{Api, Version};
use crate::node::{Kind, Node};
use crate::source::Span;

/// Schemas that one schema may refer to; beyond them anything is accepted.
const DEFINITIONS: usize = 4_000;

/// Which way a value goes: `readOnly` members are not asked for in requests, `writeOnly` ones not in responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    Request,
    /// From the server.
    Response,
}

/// A validator for values of a Schema Object.
///
/// # Errors
/// Why it is no JSON Schema, in words.
pub fn validator(api: Api<'_>, schema: &Node, direction: Direction) -> Result<Validator, String> {
    let mut converter = Converter { api, direction, names: BTreeMap::new(), waiting: vec![] };
    let mut root = converter.convert(schema);
    let mut definitions = Map::new();
    while let Some((name, node)) = converter.waiting.pop() {
        definitions.insert(name, converter.convert(node));
    }
    if let (Json::Object(members), false) = (&mut root, definitions.is_empty()) {
        members.insert("$defs".to_owned(), Json::Object(definitions));
    }
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .build(&root)
        .map_err(|error| error.to_string())
}

struct Converter<'a> {
    api: Api<'a>,
    direction: Direction,
    /// What was referred to → the name of its definition.
    names: BTreeMap<Span, String>,
    /// Definitions that were named and not converted yet.
    waiting: Vec<(String, &'a Node)>,
}

impl<'a> Converter<'a> {
    fn convert(&mut self, node: &'a Node) -> Json {
        let Kind::Object(members) = &node.kind else { return node.to_json() };
        let old = self.api.dialect() < Version::V3_1;
        let mut schema = Map::new();
        if let Some(text) = node.get("$ref").and_then(Node::as_str) {
            match self.reference(text, node) {
                Some(reference) => schema.insert("$ref".to_owned(), json!(reference)),
                None => return json!(true),
            };
            // Beside a reference, 3.0 and 2.0 ignore everything.
            if old {
                return Json::Object(schema);
            }
        }
        for (key, value) in members {
            let name = key.name.as_str();
            let converted = match name {
                "$ref" | "$id" | "$anchor" | "$dynamicAnchor" | "$schema" | "discriminator" | "xml" | "example"
                | "examples" | "externalDocs" | "nullable" | "required" => continue,
                "$dynamicRef" => return json!(true),
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => Json::Object(
                    value.members().iter().map(|(key, value)| (key.name.clone(), self.convert(value))).collect(),
                ),
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    value.items().iter().map(|item| self.convert(item)).collect()
                }
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties" => self.convert(value),
                "exclusiveMinimum" | "exclusiveMaximum" if value.as_bool().is_some() => continue,
                _ => value.to_json(),
            };
            schema.insert(name.to_owned(), converted);
        }
        for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
            if node.get(exclusive).and_then(Node::as_bool) == Some(true)
                && let Some(value) = schema.remove(limit)
            {
                schema.insert(exclusive.to_owned(), value);
            }
        }
        let hidden = match self.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        let required: Vec<&str> = node
            .get("required")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_str)
            .filter(|name| {
                let property = node.get("properties").and_then(|properties| properties.get(name));
                let property = property.and_then(|property| self.api.resolve(property).ok());
                property.and_then(|p| p.get(hidden)).and_then(Node::as_bool) != Some(true)
            })
            .collect();
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if node.get("nullable").and_then(Node::as_bool) == Some(true) {
            if let (Some(Json::String(kind)), false) = (schema.get("type").cloned(), schema.contains_key("const")) {
                schema.insert("type".to_owned(), json!([kind, "null"]));
                if let Some(Json::Array(values)) = schema.get_mut("enum") {
                    values.push(Json::Null);
                }
            } else {
                return json!({ "anyOf": [schema, { "type": "null" }] });
            }
        }
        Json::Object(schema)
    }

    /// The reference to a definition; nothing if the target is not there.
    fn reference(&mut self, text: &str, node: &'a Node) -> Option<String> {
        let next = self.names.len();
        let target = self.api.target(text, node).ok().filter(|_| next < DEFINITIONS)?;
        let name = self.names.entry(target.span).or_insert_with(|| {
            let name = format!("d{next}");
            self.waiting.push((name.clone(), target));
            name
        });
        Some(format!("#/$defs/{name}"))
    }
}
