//! How much a value is: what aliases copy is counted by it.

use super::{Kind, Node};

/// How much a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) nodes: usize,
    /// Bytes of its texts and names.
    pub(super) bytes: usize,
}

impl Size {
    pub(super) fn add(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The size of a value with all that is in it.
pub(super) fn size(node: &Node) -> Size {
    let mut size = Size::default();
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        size.nodes += 1;
        size.bytes += node.members().iter().map(|(key, _)| key.name.len()).sum::<usize>();
        if let Kind::String(text) | Kind::Number(text) = &node.kind {
            size.bytes += text.len();
        }
        stack.extend(node.items());
        stack.extend(node.members().iter().map(|(_, value)| value));
    }
    size
}
