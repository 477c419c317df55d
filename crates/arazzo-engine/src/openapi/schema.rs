//! A Schema Object of an OpenAPI document → a JSON Schema that can be checked: self-contained, one dialect.
//!
//! References become `$defs`, also circular ones; a reference that leads nowhere accepts anything.
//! What OpenAPI 3.0 writes in its own way (`nullable`, boolean `exclusiveMinimum`) is written as JSON Schema 2020-12.

use std::collections::BTreeMap;

use crate::json;
use crate::value::{Json, Map};
use jsonschema::PatternOptions;

use super::shape::Schema;
use super::{Api, Version};
use crate::json_schema::checking::{Validator, plain};
use crate::json_schema::exact;
use crate::json_schema::{Definitions, insert_definitions};
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
    converted(api, schema, direction, None).map(|checked| checked.validator)
}

/// As [`validator`], with the places of the description.
///
/// # Errors
/// Why it is no JSON Schema, in words.
pub fn checked(api: Api<'_>, schema: &Node, direction: Direction) -> Result<Checked, String> {
    converted(api, schema, direction, Some(BTreeMap::new()))
}

/// A validator that knows where what it checks is written.
#[derive(Debug)]
pub struct Checked {
    /// The validator.
    pub validator: Validator,
    /// Parts of the schema, as the validator names them → where they are written.
    places: BTreeMap<String, Span>,
    /// Where the schema is written.
    span: Span,
    /// Parts of the schema that cannot be used and accept anything, and why.
    unusable: Vec<(Span, String)>,
}

impl Checked {
    /// Parts of the schema that cannot be used and accept anything, and why.
    #[must_use]
    pub fn unusable(&self) -> &[(Span, String)] {
        &self.unusable
    }

    /// Where a part of the schema is written, or the nearest around it.
    #[must_use]
    pub fn span(&self, path: &str) -> Span {
        let mut path = path;
        loop {
            if let Some(span) = self.places.get(path) {
                return *span;
            }
            match path.rsplit_once('/') {
                Some((outer, _)) => path = outer,
                None => return self.span,
            }
        }
    }
}

fn converted(
    api: Api<'_>,
    schema: &Node,
    direction: Direction,
    places: Option<BTreeMap<String, Span>>,
) -> Result<Checked, String> {
    let mut converter =
        Converter { api, direction, definitions: Definitions::new("d"), places, unusable: vec![], around: vec![] };
    let mut root = converter.convert(schema, "");
    let mut definitions = Map::new();
    while let Some((name, node)) = converter.definitions.take() {
        let at = format!("/$defs/{name}");
        definitions.insert(name, converter.convert(node, &at));
    }
    insert_definitions(&mut root, definitions);
    let Converter { places, unusable, .. } = converter;
    Validator::build(|| exact::options().with_pattern_options(PatternOptions::regex()), false, &root)
        .map(|validator| Checked { validator, places: places.unwrap_or_default(), span: schema.span, unusable })
        .map_err(|error| plain(&error.to_string()))
}

struct Converter<'a> {
    api: Api<'a>,
    direction: Direction,
    definitions: Definitions<'a>,
    /// Where the parts of the schema are written, if somebody wants to know.
    places: Option<BTreeMap<String, Span>>,
    unusable: Vec<(Span, String)>,
    /// Schemas that hold of the same value as the one that is converted, which is in their `allOf`.
    around: Vec<Schema<'a>>,
}

impl<'a> Converter<'a> {
    /// `at` is where the result will stand in the whole schema, as a JSON Pointer.
    fn convert(&mut self, node: &'a Node, at: &str) -> Json {
        self.place(at.to_owned(), node.span);
        let Kind::Object(members) = &node.kind else { return node.to_json() };
        let mut schema = Map::new();
        if let Some(text) = node.get("$ref").and_then(Node::as_str) {
            match self.reference(text, node) {
                Some(reference) => schema.insert("$ref".to_owned(), json!(reference)),
                None => {
                    self.unusable.push((node.span, format!("`{text}` leads to no schema")));
                    return json!(true);
                }
            };
            // Beside a reference, 3.0 and 2.0 ignore everything.
            if self.api.dialect() < Version::V3_1 {
                return Json::Object(schema.into());
            }
        }
        // Its target is known when a value is checked only.
        if node.get("$dynamicRef").is_some() {
            self.unusable.push((node.span, "`$dynamicRef` is not followed".to_owned()));
            return json!(true);
        }
        let around = std::mem::take(&mut self.around);
        for (key, value) in members {
            if key.name == "allOf" {
                self.around.clone_from(&around);
                self.around.extend(Schema { api: self.api, node }.parts());
            }
            if let Some(converted) = self.member(&key.name, value, at) {
                schema.insert(key.name.clone(), converted);
            }
            self.around.clear();
        }
        self.around = around;
        exclusive_limits(node, &mut schema);
        let required = self.required(node);
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if node.get("nullable").and_then(Node::as_bool) == Some(true) {
            nullable(schema)
        } else {
            Json::Object(schema.into())
        }
    }

    /// The value of a keyword of the schema at `at`; nothing for one that is no assertion, or is converted elsewhere.
    fn member(&mut self, name: &str, value: &'a Node, at: &str) -> Option<Json> {
        let inner = self.below(at, name);
        self.place(inner.clone(), value.span);
        Some(match name {
            "$ref" | "$id" | "$anchor" | "$dynamicAnchor" | "$schema" | "discriminator" | "xml" | "example"
            | "examples" | "externalDocs" | "nullable" | "required" => return None,
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => Json::Object(
                value
                    .members()
                    .iter()
                    .map(|(key, value)| {
                        let at = self.below(&inner, &key.name);
                        (key.name.clone(), self.convert(value, &at))
                    })
                    .collect(),
            ),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                let items = value.items().iter().enumerate();
                let around = std::mem::take(&mut self.around);
                let converted = items.map(|(index, item)| {
                    self.around.clone_from(&around);
                    self.convert(item, &format!("{inner}/{index}"))
                });
                converted.collect()
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
            | "unevaluatedProperties" => self.convert(value, &inner),
            "exclusiveMinimum" | "exclusiveMaximum" if value.as_bool().is_some() => return None,
            _ => value.to_json(),
        })
    }

    /// The names that a value must have, without those that do not go this way.
    fn required(&self, node: &'a Node) -> Vec<&'a str> {
        let hidden = match self.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        let goes = |name: &&str| {
            let around = self.around.iter().map(|part| part.node).chain([node]);
            let mut properties = around.filter_map(|part| part.get("properties")?.get(name));
            !properties.any(|node| Schema { api: self.api, node }.has_flag(hidden))
        };
        let names = node.get("required").map(Node::items).unwrap_or_default();
        names.iter().filter_map(Node::as_str).filter(goes).collect()
    }

    fn place(&mut self, at: String, span: Span) {
        if let Some(places) = &mut self.places {
            places.insert(at, span);
        }
    }

    /// The pointer to a member; nothing is put together where nobody wants to know.
    fn below(&self, at: &str, name: &str) -> String {
        match self.places {
            Some(_) => format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
            None => String::new(),
        }
    }

    /// The reference to a definition; nothing if the target is not there.
    fn reference(&mut self, text: &str, node: &'a Node) -> Option<String> {
        let target = self.api.target(text, node).ok().filter(|_| self.definitions.count() < DEFINITIONS)?;
        Some(self.definitions.refer(target))
    }
}

/// Writes `minimum` with `exclusiveMinimum: true` (3.0) as `exclusiveMinimum`, and the same at the other end.
fn exclusive_limits(node: &Node, schema: &mut Map<String, Json>) {
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if node.get(exclusive).and_then(Node::as_bool) == Some(true)
            && let Some(value) = schema.swap_remove(limit)
        {
            schema.insert(exclusive.to_owned(), value);
        }
    }
}

/// A schema that accepts null beside what it accepts (`nullable`, 3.0).
fn nullable(mut schema: Map<String, Json>) -> Json {
    let (Some(Json::String(kind)), false) = (schema.get("type").cloned(), schema.contains_key("const")) else {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    };
    schema.insert("type".to_owned(), json!([kind, "null"]));
    if let Some(Json::Array(values)) = schema.get_mut("enum") {
        values.push(Json::Null);
    }
    Json::Object(schema.into())
}
