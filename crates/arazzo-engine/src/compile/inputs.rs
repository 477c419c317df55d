//! `inputs`: a JSON Schema of the document → the declared inputs and what validates them (specification, Resolving URI
//! Fragments): `$ref` by pointer and by `$anchor`, within the document.

use crate::credentials::is_credential_name;
use crate::value::{Json, Map};

use super::Compiler;
use super::constants::as_text;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, Subject, nearest};
use crate::document::type_word;
use crate::expr::DeclaredInput;
use crate::inputs::spelled;
use crate::json_schema::checking::plain;
use crate::json_schema::{Definitions, TYPES, insert_definitions, types};
use crate::node::{Key, Kind, Node};
use crate::program::{Input, InputSchema, Inputs, SchemaStep};
use crate::value::Pointer;

/// How many schemas one `inputs` may be made of.
const PARTS: usize = 256;

/// How deep parts of inputs are looked at that may be secrets.
const PART_DEPTH: usize = 8;

/// Members of a schema that are data, not schemas.
const DATA: [&str; 5] = ["default", "enum", "const", "examples", "example"];

/// The keywords of a schema whose members are schemas by name.
const BY_NAME: [&str; 4] = ["properties", "patternProperties", "$defs", "dependentSchemas"];

impl<'b> Compiler<'b> {
    pub(super) fn inputs(&mut self, schema: Option<&'b Node>) -> Inputs {
        let Some(node) = schema else { return Inputs { open: true, ..Inputs::default() } };
        if let Some(accepts) = node.as_bool() {
            return Inputs { open: accepts, ..Inputs::default() };
        }
        let document = Schemas { root: &self.document().root, own: node };
        let parts = document.parts(node);
        let listed = |part: &&'b Node| part.get("required").map(Node::items).unwrap_or_default();
        let mut required: Vec<&str> = parts.iter().flat_map(listed).filter_map(Node::as_str).collect();
        required.extend(parts.iter().flat_map(|part| flagged(part)).filter(|flag| flag.needed).map(|flag| flag.name));
        let mut declared: Vec<Input> = vec![];
        for (key, schema) in parts.iter().flat_map(|part| part.get("properties").map(Node::members).unwrap_or_default())
        {
            if declared.iter().any(|known| known.name == key.name) {
                continue;
            }
            let chain = document.parts(schema);
            let find = |name: &str| chain.iter().find_map(|part| part.get(name));
            let types = {
                let named = chain.iter().map(|part| types(part).map(str::to_owned).collect::<Vec<_>>());
                named.into_iter().find(|types| !types.is_empty()).unwrap_or_default()
            };
            declared.push(Input {
                name: key.name.clone(),
                required: required.contains(&key.name.as_str()),
                default: find("default").map(|node| self.default_value(&key.name, &types, node)),
                types,
                description: find("description").and_then(Node::as_str).map(str::to_owned),
                secret: find("format").and_then(Node::as_str) == Some("password") || is_credential_name(&key.name),
                file: find("format").and_then(Node::as_str) == Some("binary")
                    || find("contentMediaType").is_some() && find("contentEncoding").is_none(),
                secret_parts: document.secret_parts(schema),
            });
        }
        let additional = parts.iter().find_map(|part| part.get("additionalProperties"));
        let any = |name: &str| parts.iter().any(|part| part.get(name).is_some());
        let open = additional
            .map_or_else(|| !any("properties") || any("patternProperties"), |node| node.as_bool() != Some(false));
        let (json, faults, flagged) = document.bundled();
        for object in flagged {
            self.boolean_required(object);
        }
        let good = faults.is_empty();
        for fault in faults {
            self.push(fault);
        }
        let validator = if good { self.validator(node, &json) } else { None };
        Inputs { schema: Some(json), validator, declared, open, ..Inputs::default() }
    }

    /// The default of an input; a text that spells a value of its type is that (docs/readings.md, `input-as-text`).
    fn default_value(&mut self, name: &str, types: &[String], node: &Node) -> Json {
        let json = node.to_json();
        let Some(text) = json.as_str().filter(|_| !types.is_empty() && !types.iter().any(|kind| kind == "string"))
        else {
            return json;
        };
        let Some(value) = spelled(types, text) else { return json };
        let kind = types.first().map_or("another type", String::as_str);
        let message = format!("input `{name}` is of type {kind}, and its default is a string");
        let diagnostic = as_text(node.span, message, &value, self.sources().text(node.span));
        self.departure(diagnostic.section("§Workflow Object"));
        value
    }

    /// The reading `boolean-required`: `required: true` on a property belongs into the list of its object.
    fn boolean_required(&mut self, object: &Node) {
        let flags = flagged(object);
        let Some(first) = flags.first() else { return };
        let needed: Vec<String> =
            flags.iter().filter(|flag| flag.needed).map(|flag| Json::from(flag.name).to_string()).collect();
        let names = flags.iter().map(|flag| format!("`{}`", flag.name)).collect::<Vec<_>>().join(", ");
        let message = format!("`required` is a list of names beside `properties`, not a flag of {names}");
        let help = match needed.as_slice() {
            [] => "leave it out: what is not listed is not required".to_owned(),
            some => format!("write required: [{}] beside `properties`", some.join(", ")),
        };
        let mut diagnostic = Diagnostic::warning(Code::BooleanRequired, first.key.span, message)
            .label(if needed.is_empty() { "says nothing" } else { "read as an entry of that list" })
            .help(help.clone())
            .section("§Workflow Object");
        for flag in flags.iter().skip(1) {
            diagnostic = diagnostic.note(flag.key.span, "and here");
        }
        let mut edits: Vec<Option<Edit>> =
            flags.iter().map(|flag| flag.property.without_member(self.sources(), "required")).collect();
        if !needed.is_empty() {
            edits.push(object.with_entries(self.sources(), "required", &needed, "properties"));
        }
        if let Some(edits) = edits.into_iter().collect::<Option<Vec<Edit>>>() {
            diagnostic = diagnostic.fix(help, true, edits);
        }
        self.departure(diagnostic);
    }

    fn validator(&mut self, node: &Node, schema: &Json) -> Option<InputSchema> {
        let errors = match InputSchema::of(schema) {
            Ok(schema) => return Some(schema),
            Err(errors) => errors,
        };
        for error in errors {
            let at = Pointer::parse(&error.instance_path().to_string());
            let found = node.at(&at);
            let (message, help) = match (at.tokens().last().map(String::as_str), found.and_then(Node::as_str)) {
                (Some("type"), Some(name)) => (
                    format!("`{name}` is not a type of JSON Schema"),
                    Some(match nearest(name, TYPES) {
                        Some(near) => Help::meant(near),
                        None => Help::words(format!("a type is one of {}", TYPES.join(", "))),
                    }),
                ),
                _ => match found.and_then(|found| otherwise(&at, found)) {
                    Some((message, help)) => (message, Some(Help::words(help))),
                    None => (format!("not a JSON Schema: {}", plain(&error.to_string())), None),
                },
            };
            let span = found.map_or(node.span, |n| n.span);
            let diagnostic = Diagnostic::error(Code::InvalidInputSchema, span, message);
            self.push(diagnostic.help(help).section("§Workflow Object"));
        }
        None
    }
}

/// What is said of a value that stands in a schema in another form than JSON Schema has, and what to write.
fn otherwise(at: &Pointer, found: &Node) -> Option<(String, String)> {
    let (last, before) = {
        let mut tokens = at.tokens().iter().rev();
        (tokens.next()?.as_str(), tokens.next().map(String::as_str))
    };
    if before.is_some_and(|name| BY_NAME.contains(&name)) {
        let message = format!("`{last}` is described by a schema, and this is {}", found.type_name());
        let kind = type_word(found).unwrap_or("string");
        return Some((message, format!("write {last}: {{ type: {kind} }}")));
    }
    let written = |node: &Node| node.as_str().map_or_else(|| node.to_json().to_string(), str::to_owned);
    let form = |kind: &str| format!("`{last}` is {kind}, and this is {}", found.type_name());
    match (last, &found.kind) {
        (name, Kind::Array(items)) if BY_NAME.contains(&name) => {
            let name = items.first().and_then(Node::as_str).unwrap_or("NAME");
            Some((form("a map of names and their schemas"), format!("write {last}: {{ {name}: {{ type: string }} }}")))
        }
        ("required" | "enum" | "examples", Kind::String(_) | Kind::Number(_)) => {
            Some((form("a list"), format!("write {last}: [{}]", written(found))))
        }
        ("allOf" | "anyOf" | "oneOf", Kind::Object(_)) => {
            Some((form("a list of schemas"), format!("write a `-` before each schema below `{last}:`")))
        }
        ("items" | "additionalProperties" | "not", Kind::String(_)) => {
            let kind = type_word(found).unwrap_or("string");
            Some((form("a schema"), format!("write {last}: {{ type: {kind} }}")))
        }
        _ => None,
    }
}

/// A property with `required: true` or `required: false`.
struct Flag<'n> {
    name: &'n str,
    property: &'n Node,
    key: &'n Key,
    needed: bool,
}

/// What a flag says; other versions of YAML, and other languages, have more words for it.
fn flag(value: &Node) -> Option<bool> {
    let word = value.as_str().map(str::to_ascii_lowercase);
    match word.as_deref() {
        Some("true" | "yes" | "on") => Some(true),
        Some("false" | "no" | "off") => Some(false),
        Some(_) => None,
        None => value.as_bool(),
    }
}

/// The properties of a schema that say themselves whether they are required.
fn flagged(schema: &Node) -> Vec<Flag<'_>> {
    let properties = schema.get("properties").map(Node::members).unwrap_or_default();
    let flags = properties.iter().filter_map(|(name, property)| {
        let (key, value) = property.member("required")?;
        Some(Flag { name: &name.name, property, key, needed: flag(value)? })
    });
    flags.collect()
}

pub(super) fn declared_input(input: &Input) -> DeclaredInput {
    let scalar = !input.types.is_empty()
        && input.types.iter().all(|t| matches!(t.as_str(), "string" | "number" | "integer" | "boolean" | "null"));
    DeclaredInput { name: input.name.clone(), scalar }
}

/// The numbers of a format (specification, Data Types), which JSON Schema does not know.
fn range(format: &str) -> Option<(i64, i64)> {
    match format {
        "int32" => Some((i32::MIN.into(), i32::MAX.into())),
        "int64" => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

/// The schemas of a document, as one `inputs` sees them.
struct Schemas<'n> {
    root: &'n Node,
    own: &'n Node,
}

impl<'n> Schemas<'n> {
    /// What a reference leads to: a pointer into the document, else into the schema itself; or a plain name.
    fn target(&self, reference: &str) -> Option<&'n Node> {
        let fragment = reference.strip_prefix('#')?;
        let decoded = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
        if decoded.is_empty() {
            return Some(self.own);
        }
        if decoded.starts_with('/') {
            let pointer = Pointer::parse(&decoded);
            return self.root.at(&pointer).or_else(|| self.own.at(&pointer));
        }
        self.anchored(&decoded)
    }

    /// The schema with this `$anchor`: of `inputs`, else of the document's schemas in its order.
    fn anchored(&self, name: &str) -> Option<&'n Node> {
        let components = self.root.at(&Pointer::parse("/components/inputs")).map(Node::members).unwrap_or_default();
        let workflows = self.root.get("workflows").map(Node::items).unwrap_or_default();
        let schemas = std::iter::once(self.own)
            .chain(components.iter().map(|(_, schema)| schema))
            .chain(workflows.iter().filter_map(|workflow| workflow.get("inputs")));
        schemas.into_iter().find_map(|schema| {
            let mut stack = vec![schema];
            while let Some(node) = stack.pop() {
                if node.get("$anchor").and_then(Node::as_str) == Some(name) {
                    return Some(node);
                }
                stack.extend(node.items().iter().rev());
                stack.extend(
                    node.members()
                        .iter()
                        .rev()
                        .filter(|(key, _)| !DATA.contains(&key.name.as_str()))
                        .map(|(_, value)| value),
                );
            }
            None
        })
    }

    /// A schema with those that it refers to and is made of (`$ref`, `allOf`): all say something about the same value.
    fn parts(&self, schema: &'n Node) -> Vec<&'n Node> {
        let mut parts: Vec<&Node> = vec![schema];
        let mut next = 0;
        while let Some(part) = parts.get(next).copied().filter(|_| parts.len() < PARTS) {
            next += 1;
            let referred = part.get("$ref").and_then(Node::as_str).and_then(|reference| self.target(reference));
            let all = part.get("allOf").map(Node::items).unwrap_or_default();
            for found in referred.into_iter().chain(all) {
                if !parts.iter().any(|known| known.span == found.span) {
                    parts.push(found);
                }
            }
        }
        parts
    }

    /// The ways to the parts of a value that are secrets by their schemas or names.
    fn secret_parts(&self, schema: &'n Node) -> Vec<Vec<SchemaStep>> {
        let mut found = vec![];
        let mut waiting: Vec<(&'n Node, Vec<SchemaStep>)> = vec![(schema, vec![])];
        // Schemas may refer to themselves.
        for _ in 0..PARTS {
            let Some((schema, way)) = waiting.pop() else { break };
            let parts = self.parts(schema);
            let password = |part: &&'n Node| part.get("format").and_then(Node::as_str) == Some("password");
            if !way.is_empty() && parts.iter().any(password) {
                found.push(way);
                continue;
            }
            if way.len() >= PART_DEPTH {
                continue;
            }
            for part in &parts {
                let under = |step: SchemaStep| way.iter().cloned().chain([step]).collect::<Vec<_>>();
                for (key, schema) in part.get("properties").map(Node::members).unwrap_or_default() {
                    let way = under(SchemaStep::Member(key.name.clone()));
                    if is_credential_name(&key.name) {
                        found.push(way);
                    } else {
                        waiting.push((schema, way));
                    }
                }
                waiting.extend(part.get("items").map(|items| (items, under(SchemaStep::Items))));
                for chosen in ["anyOf", "oneOf"] {
                    let schemas = part.get(chosen).map(Node::items).unwrap_or_default();
                    waiting.extend(schemas.iter().map(|schema| (schema, way.clone())));
                }
            }
        }
        found
    }

    /// The schema as one document that refers to nothing outside of itself, the references that lead nowhere, and the
    /// objects whose properties say themselves that they are required.
    fn bundled(&self) -> (Json, Vec<Diagnostic>, Vec<&'n Node>) {
        let definitions = Definitions::new("schema-");
        let mut bundle = Bundling { schemas: self, definitions, faults: vec![], flagged: vec![] };
        let mut json = bundle.convert(self.own);
        let mut definitions = Map::new();
        while let Some((name, node)) = bundle.definitions.take() {
            let converted = bundle.convert(node);
            definitions.insert(name, converted);
        }
        insert_definitions(&mut json, definitions);
        (json, bundle.faults, bundle.flagged)
    }
}

struct Bundling<'a, 'n> {
    schemas: &'a Schemas<'n>,
    definitions: Definitions<'n>,
    faults: Vec<Diagnostic>,
    flagged: Vec<&'n Node>,
}

impl<'n> Bundling<'_, 'n> {
    fn convert(&mut self, node: &'n Node) -> Json {
        // A schema with its own identity resolves its references itself.
        if node.get("$id").is_some() {
            return node.to_json();
        }
        match &node.kind {
            Kind::Array(items) => items.iter().map(|item| self.convert(item)).collect(),
            Kind::Object(members) => {
                let mut converted = Map::new();
                for (key, value) in members {
                    let json = match key.name.as_str() {
                        "$ref" => match value.as_str() {
                            Some(reference) => Json::String(self.reference(reference, value)),
                            None => value.to_json(),
                        },
                        "$anchor" => continue,
                        name if BY_NAME.contains(&name) && matches!(value.kind, Kind::Object(_)) => {
                            let by_name = value.members().iter();
                            Json::Object(
                                by_name.map(|(key, value)| (key.name.clone(), self.member(name, value))).collect(),
                            )
                        }
                        name if DATA.contains(&name) => value.to_json(),
                        _ => self.convert(value),
                    };
                    converted.insert(key.name.clone(), json);
                }
                let flags = flagged(node);
                if !flags.is_empty() {
                    self.flagged.push(node);
                }
                let names = flags.iter().filter(|flag| flag.needed).map(|flag| Json::from(flag.name));
                let names: Vec<Json> = names.collect();
                if !names.is_empty()
                    && let Some(list) = converted
                        .entry("required".to_owned())
                        .or_insert_with(|| Json::Array(vec![].into()))
                        .as_array_mut()
                {
                    let new: Vec<Json> = names.into_iter().filter(|name| !list.contains(name)).collect();
                    list.extend(new);
                }
                if let Some((least, most)) = converted.get("format").and_then(Json::as_str).and_then(range) {
                    converted.entry("minimum".to_string()).or_insert(least.into());
                    converted.entry("maximum".to_string()).or_insert(most.into());
                }
                Json::Object(converted.into())
            }
            _ => node.to_json(),
        }
    }

    /// A schema that has a name; of a property, whether it is required is said of the object that has it.
    fn member(&mut self, keyword: &str, schema: &'n Node) -> Json {
        let mut json = self.convert(schema);
        if let (Json::Object(members), "properties") = (&mut json, keyword)
            && schema.get("required").and_then(flag).is_some()
        {
            members.shift_remove("required");
        }
        json
    }

    /// `true` if a schema refers to one that refers to one … that is the first, with nothing in between.
    fn leads_to_itself(&self, schema: &'n Node) -> bool {
        let refers = |schema: &'n Node| self.schemas.target(schema.get("$ref")?.as_str()?);
        let mut seen = vec![schema.span];
        let mut at = schema;
        while let Some(next) = refers(at) {
            if seen.contains(&next.span) {
                return true;
            }
            seen.push(next.span);
            at = next;
        }
        false
    }

    fn reference(&mut self, reference: &str, at: &'n Node) -> String {
        let Some(target) = self.schemas.target(reference) else {
            let help = match reference.strip_prefix("#/components/inputs/") {
                Some(name) => {
                    let known = self.schemas.root.at(&Pointer::parse("/components/inputs")).map(Node::members);
                    nearest(name, known.unwrap_or_default().iter().map(|(key, _)| key.name.as_str()))
                        .map(|near| Help::meant_behind("#/components/inputs/", near))
                }
                None if !reference.starts_with('#') => {
                    Some(Help::words("schemas of other documents are not read: put it under `components.inputs`"))
                }
                None => None,
            };
            self.faults.push(
                Diagnostic::error(Code::BrokenReference, at.span, format!("`{reference}` leads to no schema"))
                    .about(Subject::Reference(reference.to_owned()))
                    .help(help)
                    .section("§Resolving URI Fragments"),
            );
            return "#".to_owned();
        };
        if self.leads_to_itself(target) {
            self.faults.push(
                Diagnostic::error(Code::BrokenReference, at.span, format!("`{reference}` leads back to itself"))
                    .about(Subject::Reference(reference.to_owned()))
                    .help("a circle of references describes nothing: let one of them lead to a schema".to_owned())
                    .section("§Resolving URI Fragments"),
            );
            return "#".to_owned();
        }
        self.definitions.refer(target)
    }
}
