//! An offset in a text → what stands there: a name or a value of the tree, and a place within a string.

use super::{Key, Kind, Node};
use crate::source::Sources;
use crate::value::Pointer;

/// What stands at an offset of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'n> {
    /// The way from the root to the value, or to the value of the name.
    pub pointer: Pointer,
    /// The name, if the offset is in one.
    pub key: Option<&'n Key>,
    /// The innermost value around the offset; of a name, its value.
    pub node: &'n Node,
}

impl Node {
    /// The name or the innermost value around the byte `offset` of its text; the byte behind one belongs to it, as a
    /// cursor does. Nothing outside of the tree. Values of aliases stand where their anchors are, and are not looked for.
    #[must_use]
    pub fn standing_at(&self, offset: u32) -> Option<Standing<'_>> {
        let around = |start: u32, end: u32| (start..=end).contains(&offset);
        if !around(self.span.start, self.span.end) {
            return None;
        }
        let mut tokens: Vec<String> = vec![];
        let mut node = self;
        loop {
            let below = match &node.read().kind {
                Kind::Object(members) => {
                    if let Some((key, value)) = members.iter().find(|(key, _)| around(key.span.start, key.span.end)) {
                        tokens.push(key.name.clone());
                        return Some(Standing { pointer: Pointer::of(tokens), key: Some(key), node: value });
                    }
                    let value = members.iter().find(|(_, value)| around(value.span.start, value.span.end));
                    value.map(|(key, value)| (key.name.clone(), value))
                }
                Kind::Array(items) => {
                    let item = items.iter().enumerate().find(|(_, item)| around(item.span.start, item.span.end));
                    item.map(|(index, item)| (index.to_string(), item))
                }
                _ => None,
            };
            let Some((token, value)) = below else {
                return Some(Standing { pointer: Pointer::of(tokens), key: None, node });
            };
            tokens.push(token);
            node = value;
        }
    }

    /// The byte of a string's value that is written at the byte `offset` of its text: the inverse of [`Node::part`].
    /// Nothing where escapes or folding make the value differ from the text.
    #[must_use]
    pub fn offset_within(&self, sources: &Sources, offset: u32) -> Option<usize> {
        let (value, raw) = (self.as_str()?, sources.text(self.span));
        let quote = usize::from(raw.starts_with(['"', '\'']));
        let begins = self.span.start as usize + quote + raw.get(quote..)?.find(value)?;
        (offset as usize).checked_sub(begins).filter(|within| *within <= value.len())
    }
}
