//! Where names stand in the text, without their quotes, and where a schema has its properties.

use crate::document::Text;
use crate::node::{Key, Node};
use crate::source::{Sources, Span};
use crate::value::Pointer;

/// References that are followed to find the properties of a schema.
const DEPTH: usize = 8;

/// The place of a text without its quotes; all of it where escapes keep it from being found.
pub(super) fn within(text: &Text, sources: &Sources) -> Span {
    let start = start(text);
    text.node.part(sources, start..start + text.value.len())
}

/// Where a name begins in what is written: behind the brace of `{$sourceDescriptions.far.tour}`.
pub(super) fn start(text: &Text) -> usize {
    text.node.as_str().and_then(|written| written.find(&text.value)).unwrap_or(0)
}

/// The place of the name of a member without its quotes.
pub(super) fn key_span(key: &Key, sources: &Sources) -> Span {
    let written = sources.text(key.span);
    let quoted = written.strip_prefix(['"', '\'']).is_some_and(|inside| inside.starts_with(&key.name));
    if !quoted || written.len() != key.name.len() + 2 {
        return key.span;
    }
    let start = key.span.start as usize + 1;
    Span::new(key.span.source, start..start + key.name.len())
}

/// The properties of a schema, also behind a `$ref` into the document, and of the parts of an `allOf`.
pub(super) fn properties<'n>(root: &'n Node, schema: &'n Node) -> Vec<(&'n Key, &'n Node)> {
    let mut found: Vec<(&Key, &Node)> = vec![];
    let mut left = vec![(schema, 0)];
    while let Some((schema, depth)) = left.pop() {
        for (key, node) in schema.get("properties").map(Node::members).unwrap_or_default() {
            if !found.iter().any(|(known, _)| known.name == key.name) {
                found.push((key, node));
            }
        }
        if depth == DEPTH {
            continue;
        }
        left.extend(schema.get("allOf").map(Node::items).unwrap_or_default().iter().map(|part| (part, depth + 1)));
        let reference = schema.get("$ref").and_then(Node::as_str).and_then(|text| text.strip_prefix('#'));
        left.extend(reference.and_then(|text| root.at(&Pointer::parse(text))).map(|target| (target, depth + 1)));
    }
    found
}
