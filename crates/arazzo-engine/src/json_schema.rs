//! The keywords and types of JSON Schema, for all that read schemas.
//!
//! They are read for four purposes, which stay apart: `openapi/schema.rs` makes of a Schema Object what can be
//! checked, in the words of one dialect; `compile/inputs.rs` keeps a schema as its author wrote it, and says which of
//! its references lead nowhere; `lint/shape.rs` asks what schemas say for certain, and gives up where one is not known;
//! `openapi/sample.rs` chooses one branch of all that a schema leaves open. What follows a `$ref` or an `allOf` differs
//! in each. What a type is, and how schemas get their names in `$defs`, does not, and is here.

pub mod exact;

use std::collections::BTreeMap;

use crate::value::{Json, Map};

use crate::node::Node;
use crate::source::Span;

pub mod checking;
mod plain;

/// The names of types.
pub const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// The types that a schema itself names: `type`, which is a word or a list of them.
pub fn types(schema: &Node) -> impl Iterator<Item = &str> {
    let node = schema.get("type");
    let several = node.map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str);
    node.and_then(Node::as_str).into_iter().chain(several)
}

/// The type of a value; whole numbers are integers.
#[must_use]
pub fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_integer() => "integer",
        Json::Number(_) => "number",
        Json::String(_) | Json::Bytes(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// `true` if a value is of a type.
#[must_use]
pub fn is_of(value: &Json, name: &str) -> bool {
    let own = type_of(value);
    own == name || own == "integer" && name == "number"
}

/// A text as a value of the first of these types that it spells; as it is, if it spells none.
pub fn read_text<'t>(text: &str, types: impl IntoIterator<Item = &'t str>) -> Json {
    let spelled = types.into_iter().find_map(|kind| match kind {
        "integer" | "number" => crate::value::Number::parse(text).map(Json::Number),
        "boolean" => text.parse().ok().map(Json::Bool),
        "null" => (text == "null" || text.is_empty()).then_some(Json::Null),
        _ => None,
    });
    spelled.unwrap_or_else(|| Json::String(text.to_owned()))
}

/// The name of a type in a sentence: `a string`, `an integer`, `null`.
#[must_use]
pub fn with_article(name: &str) -> String {
    match name {
        "null" => "null".to_owned(),
        _ if name.starts_with(['a', 'e', 'i', 'o']) => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// The schemas that one refers to, each under a name in its `$defs`: so a schema becomes one document, circles and all.
#[derive(Debug)]
pub struct Definitions<'n> {
    prefix: &'static str,
    names: BTreeMap<Span, String>,
    /// Named, and not written yet.
    waiting: Vec<(String, &'n Node)>,
}

impl<'n> Definitions<'n> {
    /// None yet; names will begin with `prefix`.
    #[must_use]
    pub fn new(prefix: &'static str) -> Self {
        Self { prefix, names: BTreeMap::new(), waiting: vec![] }
    }

    /// The number of schemas that have a name.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// The reference to a schema, which gets a name if it has none.
    pub fn refer(&mut self, target: &'n Node) -> String {
        let next = self.names.len();
        let name = self.names.entry(target.span).or_insert_with(|| {
            let name = format!("{}{next}", self.prefix);
            self.waiting.push((name.clone(), target));
            name
        });
        format!("#/$defs/{name}")
    }

    /// A schema that has a name and is not in `$defs` yet.
    pub fn take(&mut self) -> Option<(String, &'n Node)> {
        self.waiting.pop()
    }
}

/// Puts definitions into a schema, in the place of its own: those that something refers to are among them.
pub fn insert_definitions(schema: &mut Json, definitions: Map<String, Json>) {
    if let (Json::Object(members), false) = (schema, definitions.is_empty()) {
        members.insert("$defs".to_owned(), Json::Object(definitions.into()));
    }
}
