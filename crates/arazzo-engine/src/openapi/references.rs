//! The documents that an OpenAPI or AsyncAPI description refers to: the `$ref` members of its tree that are references.
//!
//! Not what a description, an example, a default, an `enum`, a `const` or an extension holds: these are values, and a
//! `$ref` in one of them is a name as any other.

use std::collections::HashSet;

use crate::node::{Kind, Node};
use crate::source::{Sources, Span};

/// Fields whose members have names of the author's: none of these names is a field.
const MAPS: [&str; 37] = [
    "$defs",
    "additionalOperations",
    "callbacks",
    "channelBindings",
    "channels",
    "content",
    "correlationIds",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "encoding",
    "headers",
    "links",
    "mediaTypes",
    "messageBindings",
    "messageTraits",
    "messages",
    "operationBindings",
    "operationTraits",
    "operations",
    "parameters",
    "pathItems",
    "paths",
    "patternProperties",
    "properties",
    "replies",
    "replyAddresses",
    "requestBodies",
    "responses",
    "schemas",
    "securityDefinitions",
    "securitySchemes",
    "serverBindings",
    "serverVariables",
    "servers",
    "variables",
    "webhooks",
];

/// Fields that hold values.
const VALUES: [&str; 5] = ["const", "default", "description", "enum", "example"];

/// The place of a value among the objects of a description.
#[derive(Clone, Copy)]
enum Position {
    /// An object with fields, or a list of such.
    Fields,
    /// Names of the author's, each for an object with fields.
    Names,
    /// As [`Position::Names`], with extensions between them.
    Paths,
    /// Names of examples.
    Examples,
    /// An example: a reference, or an object that holds a value.
    Example,
}

/// The documents that a description refers to, each once, in the order of its text: what stands before `#`, and where.
#[must_use]
pub fn documents(root: &Node, sources: &Sources) -> Vec<(Span, String)> {
    let mut found: Vec<(Span, String)> = vec![];
    let swagger = root.get("swagger").is_some();
    walk(vec![root], swagger, &|node| node.referring(), &mut |node| {
        found.extend(document_of(node, sources));
        None
    });
    found.sort_by_key(|(span, _)| *span);
    let mut known = HashSet::new();
    found.retain(|(_, document)| known.insert(document.clone()));
    found
}

/// The references that are reached from some objects of a description; `follow` takes each, and says where it leads.
pub fn reached<'a>(start: Vec<&'a Node>, follow: &mut dyn FnMut(&'a Node) -> Option<&'a Node>) {
    walk(start, false, &|node| Some(node.read()), &mut |node| node.get("$ref").and_then(&mut *follow));
}

/// Looks through objects with fields, each once: `open` gives what is looked into, `meet` what an object leads to.
fn walk<'a>(
    start: Vec<&'a Node>,
    swagger: bool,
    open: &dyn Fn(&'a Node) -> Option<&'a Node>,
    meet: &mut dyn FnMut(&'a Node) -> Option<&'a Node>,
) {
    let mut left: Vec<(&Node, Position)> = start.into_iter().map(|node| (node, Position::Fields)).collect();
    let mut met: HashSet<*const Node> = HashSet::new();
    while let Some((node, position)) = left.pop() {
        // Most of a document are words and numbers, which lead nowhere.
        if !matches!(node.kind, Kind::Array(_) | Kind::Object(_) | Kind::Deferred(_)) {
            continue;
        }
        let Some(node) = open(node).filter(|node| met.insert(std::ptr::from_ref(*node))) else { continue };
        match &node.kind {
            Kind::Array(items) => left.extend(items.iter().map(|item| (item, Position::Fields))),
            Kind::Object(members) => {
                if !matches!(position, Position::Names | Position::Paths | Position::Examples) {
                    left.extend(meet(node).map(|target| (target, Position::Fields)));
                }
                for (key, value) in members {
                    left.extend(position_of(&key.name, value, position, swagger).map(|position| (value, position)));
                }
            }
            _ => {}
        }
    }
}

/// The document that an object refers to, if it is a reference to another one.
fn document_of(node: &Node, sources: &Sources) -> Option<(Span, String)> {
    let reference = node.get("$ref")?;
    let written = reference.as_str()?;
    let document = written.trim().split('#').next().filter(|document| !document.is_empty())?;
    let start = written.len() - written.trim_start().len();
    Some((reference.part(sources, start..start + document.len()), document.to_owned()))
}

/// The position of a member; nothing if it can hold no reference.
fn position_of(name: &str, value: &Node, position: Position, swagger: bool) -> Option<Position> {
    match position {
        Position::Names => Some(Position::Fields),
        Position::Paths => (!name.starts_with("x-")).then_some(Position::Fields),
        Position::Examples => Some(Position::Example),
        Position::Example => None,
        Position::Fields if name.starts_with("x-") || VALUES.contains(&name) => None,
        // A list of a schema's, or the values of 2.0.
        Position::Fields if name == "examples" => {
            (!swagger && matches!(value.kind, Kind::Object(_) | Kind::Deferred(_))).then_some(Position::Examples)
        }
        Position::Fields if matches!(value.kind, Kind::Array(_)) => Some(Position::Fields),
        Position::Fields if name == "paths" => Some(Position::Paths),
        // The headers of a message are a schema, those of an answer a map: no name leads to a text.
        Position::Fields if name == "headers" && ["$ref", "type"].iter().any(|word| is_text(value.get(word))) => {
            Some(Position::Fields)
        }
        Position::Fields if MAPS.contains(&name) => Some(Position::Names),
        Position::Fields => Some(Position::Fields),
    }
}

fn is_text(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.as_str().is_some())
}
