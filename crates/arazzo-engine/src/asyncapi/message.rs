//! Message Objects with their traits, and the places in messages that expressions of AsyncAPI name.

use std::borrow::Cow;

use crate::node::{Kind, Node};
use crate::value::Pointer;

use super::AsyncApi;
use crate::openapi::Api;

/// A Message Object.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    document: AsyncApi<'a>,
    /// Its key in the channel.
    pub name: &'a str,
    node: &'a Node,
}

/// A place in a message: `$message.header#/id`, `$message.payload#/meta/id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrelationPlace {
    /// The part of the message.
    pub part: MessagePart,
    /// The place in it; in headers, the name of one.
    pub at: Pointer,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagePart {
    /// The headers.
    Header,
    /// The payload.
    Payload,
}

impl CorrelationPlace {
    /// Reads a runtime expression of AsyncAPI.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$message.")?;
        let (part, rest) = match rest.strip_prefix("header").or_else(|| rest.strip_prefix("headers")) {
            Some(rest) => (MessagePart::Header, rest),
            None => (MessagePart::Payload, rest.strip_prefix("payload")?),
        };
        let at = match rest {
            "" => Pointer::default(),
            rest => Pointer::parse(rest.strip_prefix('#')?),
        };
        (part == MessagePart::Payload || at.tokens().len() == 1).then_some(Self { part, at })
    }

    /// The name of the header, where it is one.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        let name = self.at.tokens().first().map(String::as_str);
        name.filter(|_| self.part == MessagePart::Header)
    }
}

impl std::fmt::Display for CorrelationPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.part, self.header()) {
            (MessagePart::Header, name) => write!(f, "header `{}`", name.unwrap_or_default()),
            (MessagePart::Payload, _) => write!(f, "payload {}", self.at),
        }
    }
}

impl<'a> Message<'a> {
    pub(super) fn new(document: AsyncApi<'a>, name: &'a str, node: &'a Node) -> Self {
        Self { document, name, node }
    }

    pub(super) fn node(&self) -> &'a Node {
        self.node
    }

    /// The view through which its schemas are read.
    #[must_use]
    pub fn api(&self) -> Api<'a> {
        self.document.api()
    }

    /// The place of the message.
    #[must_use]
    pub fn span(&self) -> crate::source::Span {
        self.node.span
    }

    /// A field of the message, else of the last of its traits that has it.
    fn field(&self, name: &str) -> Option<&'a Node> {
        self.node.get(name).or_else(|| {
            let traits = self.node.get("traits").map(Node::items).unwrap_or_default();
            let api = self.document.api();
            traits.iter().rev().filter_map(|node| api.resolve(node).ok()).find_map(|node| node.get(name))
        })
    }

    /// `contentType`, else `defaultContentType`.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        self.field("contentType").and_then(Node::as_str).or_else(|| self.document.default_content_type())
    }

    /// `correlationId.location`, and where it is written.
    #[must_use]
    pub fn correlation(&self) -> Option<(CorrelationPlace, &'a Node)> {
        let node = self.document.api().resolve(self.field("correlationId")?).ok()?;
        let location = node.get("location")?;
        Some((CorrelationPlace::parse(location.as_str()?)?, location))
    }

    /// `true` unless the schemas of the message say for certain that it has nothing at a place.
    #[must_use]
    pub fn can_hold(&self, place: &CorrelationPlace) -> bool {
        let schema = match place.part {
            MessagePart::Header => self.merged_headers(),
            MessagePart::Payload => self.payload().ok().flatten().map(Cow::Borrowed),
        };
        schema.is_none_or(|schema| has_place(self.document.api(), &schema, place.at.tokens()))
    }

    /// `headers` of the message and of its traits, put together: what the message says itself counts, then what its last traits
    /// say.
    #[must_use]
    pub fn merged_headers(&self) -> Option<Cow<'a, Node>> {
        let all = self.header_schemas();
        let (first, others) = all.split_first()?;
        if others.is_empty() {
            return Some(Cow::Borrowed(*first));
        }
        let mut merged = (*first).clone();
        for other in others {
            merge(&mut merged, other);
        }
        Some(Cow::Owned(merged))
    }

    /// The schemas of headers of the message and of its traits, the one that counts most before others.
    #[must_use]
    pub fn header_schemas(&self) -> Vec<&'a Node> {
        let api = self.document.api();
        let traits = self.node.get("traits").map(Node::items).unwrap_or_default();
        let traits = traits.iter().rev().filter_map(|node| api.resolve(node).ok());
        let all = std::iter::once(self.node).chain(traits).filter_map(|node| node.get("headers"));
        all.filter_map(|node| unwrapped(api, node).ok().flatten()).collect()
    }

    /// `payload`: its schema.
    ///
    /// # Errors
    /// The format of a schema that is no JSON Schema, and where it is named.
    pub fn payload(&self) -> Result<Option<&'a Node>, (&'a str, &'a Node)> {
        self.schema("payload")
    }

    /// A schema, taken out of a Multi Format Schema Object.
    fn schema(&self, name: &str) -> Result<Option<&'a Node>, (&'a str, &'a Node)> {
        self.field(name).map_or(Ok(None), |node| unwrapped(self.document.api(), node))
    }

    /// The names of its declared headers, with those of a schema's `allOf`.
    #[must_use]
    pub fn header_names(&self) -> Vec<&'a str> {
        let mut found = vec![];
        let mut left: Vec<&'a Node> = self.header_schemas();
        while let Some(node) = left.pop() {
            let Ok(node) = self.document.api().resolve(node) else { continue };
            found.extend(
                node.get("properties").map(Node::members).unwrap_or_default().iter().map(|(key, _)| key.name.as_str()),
            );
            left.extend(node.get("allOf").map(Node::items).unwrap_or_default());
            if found.len() > 1_000 {
                break;
            }
        }
        found
    }

    /// `examples`: headers and payload of each.
    pub fn examples(&self) -> impl Iterator<Item = (Option<&'a Node>, Option<&'a Node>)> + use<'a> {
        let items = self.field("examples").map(Node::items).unwrap_or_default();
        items.iter().map(|example| (example.get("headers"), example.get("payload")))
    }

    /// `bindings`
    #[must_use]
    pub fn bindings(&self) -> Option<&'a Node> {
        self.document.api().resolve(self.field("bindings")?).ok()
    }
}

/// A schema, taken out of a Multi Format Schema Object.
fn unwrapped<'a>(api: Api<'a>, node: &'a Node) -> Result<Option<&'a Node>, (&'a str, &'a Node)> {
    let Ok(node) = api.resolve(node) else { return Ok(None) };
    let Some(format) = node.get("schemaFormat") else { return Ok(Some(node)) };
    if !is_json_schema(format) {
        return Err((format.as_written(), format));
    }
    Ok(node.get("schema"))
}

/// Adds to a value what it does not say itself (JSON Merge Patch, with the value as the patch).
fn merge(own: &mut Node, other: &Node) {
    let (Kind::Object(members), Kind::Object(others)) = (&mut own.kind, &other.kind) else { return };
    for (key, value) in others {
        match members.iter_mut().find(|(known, _)| known.name == key.name) {
            Some((_, known)) => merge(known, value),
            None => members.push((key.clone(), value.clone())),
        }
    }
}

/// `true` for the `schemaFormat` of a JSON Schema.
pub(super) fn is_json_schema(format: &Node) -> bool {
    let text = format.as_written();
    ["vnd.aai.asyncapi", "schema+json", "schema+yaml", "vnd.oai.openapi"].iter().any(|known| text.contains(known))
}

/// `true` unless a schema says for certain that its values have nothing at the end of a way.
fn has_place(api: Api<'_>, schema: &Node, way: &[String]) -> bool {
    let Some((first, rest)) = way.split_first() else { return true };
    let Ok(schema) = api.resolve(schema) else { return true };
    // What schemas that are put together say of one another is not looked into.
    if ["allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas"]
        .iter()
        .any(|word| schema.get(word).is_some())
    {
        return true;
    }
    let kinds: Vec<&str> = match schema.get("type") {
        Some(kinds) if kinds.as_str().is_none() => kinds.items().iter().filter_map(Node::as_str).collect(),
        kind => kind.and_then(Node::as_str).into_iter().collect(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| matches!(*kind, "object" | "array")) {
        return false;
    }
    if kinds.contains(&"array") {
        return true;
    }
    match schema.get("properties").and_then(|properties| properties.get(first)) {
        Some(below) => has_place(api, below, rest),
        None => schema.get("additionalProperties").and_then(Node::as_bool) != Some(false),
    }
}

/// Headers that relate messages by their name alone, in lower case.
const ID_HEADERS: [&str; 3] = ["correlationid", "correlation-id", "x-correlation-id"];

/// `true` for a header that relates messages by its name alone.
#[must_use]
pub fn is_id_header(name: &str) -> bool {
    ID_HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}
