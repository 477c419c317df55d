//! JSON text → [`Node`], several times as fast as reading it as YAML.
//!
//! What is valid is not decided here: [`read`] is given text that `serde_json` has accepted, and only finds where
//! everything stands.

use super::{Key, Kind, Node, NodeLimits, duplicates};
use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, Span};

/// The tree of a valid JSON text; nothing if the text turns out to be something else, or too deep or too much.
pub(super) fn read(source: SourceId, text: &str, limits: NodeLimits, faults: &mut Diagnostics) -> Option<Node> {
    let mut reader = Reader { source, text, at: 0, depth: limits.depth, nodes: limits.nodes, faults };
    let node = reader.value()?;
    reader.blanks();
    (reader.at == text.len()).then_some(node)
}

struct Reader<'a, 'f> {
    source: SourceId,
    text: &'a str,
    at: usize,
    /// Levels that are left.
    depth: usize,
    /// Values that are left.
    nodes: usize,
    faults: &'f mut Diagnostics,
}

impl<'a> Reader<'a, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn span(&self, start: usize) -> Span {
        Span::new(self.source, start..self.at)
    }

    fn value(&mut self) -> Option<Node> {
        self.nodes = self.nodes.checked_sub(1)?;
        self.blanks();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => self.nested(Self::object)?,
            b'[' => self.nested(Self::array)?,
            b'"' => Kind::String(self.string()?),
            _ => {
                let rest = self.text.get(start..)?;
                let word = rest.get(..rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(rest.len()))?;
                self.at += word.len();
                match word {
                    "null" => Kind::Null,
                    "true" => Kind::Bool(true),
                    "false" => Kind::Bool(false),
                    number => Kind::Number(number.to_owned()),
                }
            }
        };
        Some(Node { kind, span: self.span(start) })
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Option<Kind>) -> Option<Kind> {
        self.depth = self.depth.checked_sub(1)?;
        self.at += 1;
        let kind = inside(self);
        self.depth += 1;
        kind
    }

    fn array(&mut self) -> Option<Kind> {
        let mut items = vec![];
        if self.eat(b']') {
            return Some(Kind::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat(b']') {
                return Some(Kind::Array(items));
            }
            self.eat(b',').then_some(())?;
        }
    }

    fn object(&mut self) -> Option<Kind> {
        let mut members = vec![];
        if self.eat(b'}') {
            return Some(Kind::Object(members));
        }
        loop {
            self.blanks();
            let start = self.at;
            let name = self.string()?;
            let key = Key { name, span: self.span(start) };
            self.eat(b':').then_some(())?;
            members.push((key, self.value()?));
            if self.eat(b'}') {
                duplicates(&members, self.faults);
                return Some(Kind::Object(members));
            }
            self.eat(b',').then_some(())?;
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        let mut bytes = self.text.as_bytes().get(start + 1..)?;
        let mut escaped = false;
        loop {
            let next = bytes.iter().position(|b| matches!(b, b'"' | b'\\'))?;
            let quote = bytes.get(next) == Some(&b'"');
            escaped |= !quote;
            bytes = bytes.get(next + if quote { 1 } else { 2 }..)?;
            if quote {
                break;
            }
        }
        self.at = self.text.len() - bytes.len();
        let quoted: &'a str = self.text.get(start..self.at)?;
        if escaped {
            return serde_json::from_str(quoted).ok();
        }
        quoted.get(1..quoted.len() - 1).map(str::to_owned)
    }
}
