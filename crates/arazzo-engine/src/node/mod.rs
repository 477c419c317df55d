//! YAML or JSON text → [`Node`]: one tree in which every value knows its bytes.
//!
//! YAML 1.2 core schema, which JSON is a part of, with the merge keys of 1.1 (docs/readings.md, `yaml-merge-key`). Absent
//! on purpose: custom tags, several documents in one file, and any type but those of JSON. Numbers keep their source text,
//! so nothing is lost before it is needed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceId, Sources, Span};
use crate::value::{Json, Pointer};

use duplicates::duplicates;
use merge::Pending;
use scalar::number;
pub(crate) use scalar::plain_scalar;
use size::{Size, size};

mod deferred;
mod duplicates;
mod json;
pub(crate) mod layout;
mod merge;
mod scalar;
mod size;
mod slips;
mod standing;
mod syntax;
mod written;

pub use deferred::Deferred;
pub use merge::{Anchors, Merge};
pub use standing::Standing;
pub use written::scalar_of;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The kind of value, with its content.
    pub kind: Kind,
    /// Its bytes, quotes included; for objects and arrays from the first member to the end of the last.
    pub span: Span,
}

/// The types of JSON, numbers as they are written.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `17`, `1.50`, `0x1F`: the source text.
    Number(String),
    /// `text`, `'text'`, `"text"`, and block scalars.
    String(String),
    /// `[a, b]`
    Array(Vec<Node>),
    /// `{a: b}`; keys are unique.
    Object(Vec<(Key, Node)>),
    /// A part of a large document that is read when it is looked at: [`Node::read`].
    Deferred(Deferred),
}

/// The name of a member, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The name.
    pub name: String,
    /// Its place in the document.
    pub span: Span,
}

/// Limits on the cost of one document, and of what it may be written with. Each has a name, so that a message can say which
/// was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLimits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Bytes of the text of an Arazzo document.
    pub arazzo_bytes: usize,
    /// Nesting of objects and arrays.
    pub depth: usize,
    /// Values and names in one document: each takes some hundred bytes.
    pub nodes: usize,
    /// Nodes that aliases may add, beyond twice the nodes that are written.
    pub alias_nodes: usize,
    /// Bytes of texts and names that aliases may add, beyond twice the bytes of the document.
    pub alias_bytes: usize,
    /// `false` if `<<` is a name as any other in YAML.
    pub merge_keys: bool,
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            arazzo_bytes: 16 << 20,
            depth: 128,
            nodes: 1_000_000,
            alias_nodes: 100_000,
            alias_bytes: 4 << 20,
            merge_keys: true,
        }
    }
}

impl Node {
    /// Parses the text of a source.
    ///
    /// # Errors
    /// The diagnostics that say why there is no tree: syntax, duplicate keys (all of them), limits.
    pub fn parse(sources: &Sources, id: SourceId, limits: NodeLimits) -> Result<Self, Diagnostics> {
        Self::parse_with_anchors(sources, id, limits).map(|(node, _)| node)
    }

    /// As [`Node::parse`], with how the text shares values between places.
    ///
    /// # Errors
    /// As [`Node::parse`].
    pub fn parse_with_anchors(
        sources: &Sources,
        id: SourceId,
        limits: NodeLimits,
    ) -> Result<(Self, Anchors), Diagnostics> {
        let text = sources.get(id).map(|s| s.text.clone()).unwrap_or_default();
        if text.len() > limits.bytes {
            return Err(too_large(id, text.len(), limits.bytes).into());
        }
        Builder::read_with_anchors(id, &text, 0..text.len(), limits).map_err(|faults| withholding(faults, sources, id))
    }

    /// As [`Node::parse`]; of a large OpenAPI document in plain block layout, parts are read when they are looked at.
    /// What is wrong in them is known then: [`Node::faults`].
    ///
    /// # Errors
    /// As [`Node::parse`], for what is read now.
    pub fn parse_deferred(sources: &Sources, id: SourceId, limits: NodeLimits) -> Result<(Self, Anchors), Diagnostics> {
        let text = sources.get(id).map(|s| s.text.clone()).unwrap_or_default();
        match deferred::read(id, &text, limits).filter(|_| text.len() <= limits.bytes) {
            Some(node) => Ok((node, Anchors::default())),
            None => Self::parse_with_anchors(sources, id, limits),
        }
    }

    /// The faults of parts that were looked at.
    #[must_use]
    pub fn faults(&self) -> Diagnostics {
        let mut found = Diagnostics::default();
        let mut nodes = vec![self];
        while let Some(node) = nodes.pop() {
            match &node.kind {
                // Each part that cannot be read names what is wrong with the whole: once is enough.
                Kind::Deferred(deferred) if found.is_empty() => {
                    found.extend(deferred.faults().into_iter().flatten().cloned());
                }
                Kind::Object(members) => nodes.extend(members.iter().map(|(_, value)| value)),
                _ => {}
            }
        }
        found
    }

    /// `true` if a part of the document was deferred, read or not.
    pub(crate) fn is_deferred(&self) -> bool {
        match &self.kind {
            Kind::Deferred(_) => true,
            Kind::Object(members) => members.iter().any(|(_, value)| value.is_deferred()),
            _ => false,
        }
    }

    /// A copy of the document that shares what was read of it, and of which nothing has been looked at: its faults are
    /// those of the copy.
    pub(crate) fn unseen(&self) -> Self {
        let kind = match &self.kind {
            Kind::Deferred(deferred) => Kind::Deferred(deferred.unseen()),
            Kind::Object(members) => {
                Kind::Object(members.iter().map(|(key, value)| (key.clone(), value.unseen())).collect())
            }
            other => other.clone(),
        };
        Self { kind, span: self.span }
    }

    /// The value itself, read if that was deferred; null if it cannot be read.
    #[must_use]
    pub fn read(&self) -> &Self {
        static NOTHING: Node = Node { kind: Kind::Null, span: Span { source: SourceId(0), start: 0, end: 0 } };
        match &self.kind {
            Kind::Deferred(deferred) => deferred.node().unwrap_or(&NOTHING),
            _ => self,
        }
    }

    /// Of the members of `paths`, those in which an operation may be called so: the text of deferred ones shows that of
    /// the others, which are not read for it.
    pub(crate) fn naming<'n>(members: &'n [(Key, Self)], id: &str) -> Vec<&'n (Key, Self)> {
        // All are parts of one text.
        let text = members.iter().find_map(|(_, node)| match &node.kind {
            Kind::Deferred(deferred) => Some(deferred),
            _ => None,
        });
        let Some(text) = text else { return members.iter().collect() };
        text.naming(members, id).into_iter().filter_map(|index| members.get(index)).collect()
    }

    /// The value itself, without a look at it that counts.
    pub(crate) fn peek(&self) -> &Self {
        match &self.kind {
            Kind::Deferred(deferred) => deferred.peek().unwrap_or(self),
            _ => self,
        }
    }

    /// The value itself, without a look at it that counts; nothing if it is deferred and its text shows that no reference
    /// in it leads to another document.
    pub(crate) fn referring(&self) -> Option<&Self> {
        match &self.kind {
            Kind::Deferred(deferred) => deferred.referring(),
            _ => Some(self),
        }
    }

    /// As [`Node::parse`], of a text that is known to be JSON.
    ///
    /// # Errors
    /// As [`Node::parse`].
    pub fn parse_json(sources: &Sources, id: SourceId, limits: NodeLimits) -> Result<Self, Diagnostics> {
        let mut faults = Diagnostics::default();
        let text = sources.get(id).map(|s| s.text.clone()).unwrap_or_default();
        match json::read(id, &text, limits, &mut faults).filter(|_| text.len() <= limits.bytes) {
            Some(node) if faults.is_empty() => Ok(node),
            Some(_) => Err(withholding(faults, sources, id)),
            // JSON is YAML too, and that reader can say what is wrong.
            None => Self::parse(sources, id, limits),
        }
    }

    /// The member of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.member(name).map(|(_, value)| value)
    }

    /// The member of an object, with its key.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<(&Key, &Self)> {
        self.members().iter().find(|(key, _)| key.name == name).map(|(key, value)| (key, value))
    }

    /// The members of an object; empty for anything else.
    #[must_use]
    pub fn members(&self) -> &[(Key, Self)] {
        match &self.read().kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of an array; empty for anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.read().kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.read().kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string or of a number as it is written; nothing for other values.
    #[must_use]
    pub fn as_written(&self) -> &str {
        match &self.read().kind {
            Kind::String(text) | Kind::Number(text) => text,
            _ => "",
        }
    }

    /// The value of a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.read().kind {
            Kind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The kind for messages: `an object`, `a string`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.read().kind {
            Kind::Null | Kind::Deferred(_) => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }

    /// The value under a JSON Pointer.
    #[must_use]
    pub fn at(&self, pointer: &Pointer) -> Option<&Self> {
        pointer.tokens().iter().try_fold(self, |node, token| match &node.read().kind {
            Kind::Object(_) => node.get(token),
            Kind::Array(items) => items.get(token.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The tree as JSON, numbers with their digits.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.read().kind {
            Kind::Null | Kind::Deferred(_) => Json::Null,
            Kind::Bool(value) => Json::Bool(*value),
            Kind::Number(text) => number(text),
            Kind::String(text) => Json::String(text.clone()),
            Kind::Array(items) => items.iter().map(Self::to_json).collect(),
            Kind::Object(members) => {
                Json::Object(members.iter().map(|(key, value)| (key.name.clone(), value.to_json())).collect())
            }
        }
    }

    /// The place of a part of a string: `range` counts bytes of its value. The whole node where escapes or folding
    /// make the value differ from the text and the part is not found in it.
    #[must_use]
    pub fn part(&self, sources: &Sources, range: std::ops::Range<usize>) -> Span {
        let (Some(value), raw) = (self.as_str(), sources.text(self.span)) else { return self.span };
        let Some(part) = value.get(range.clone()) else { return self.span };
        let start = self.span.start as usize;
        let exact = written::place(raw, value, range.start);
        let exact = exact.filter(|at| raw.get(*at..).is_some_and(|rest| rest.starts_with(part)));
        // Folded and escaped strings: the part itself usually stands there as it is.
        let found = exact.or_else(|| if part.is_empty() { None } else { raw.find(part) });
        match found {
            Some(at) => Span::new(self.span.source, start + at..start + at + part.len()),
            None => self.span,
        }
    }
}

/// Faults as they may be said about a text: of one that may hold secrets, without what they quote.
fn withholding(faults: Diagnostics, sources: &Sources, id: SourceId) -> Diagnostics {
    let Some(source) = sources.get(id).filter(|source| source.withheld().is_some()) else { return faults };
    let mut said = Diagnostics::default();
    said.extend(faults.into_iter().map(|fault| fault.withholding(source)));
    said
}

/// A document of `size` bytes where `limit` is the most.
pub(crate) fn too_large(id: SourceId, size: usize, limit: usize) -> Diagnostic {
    let message = format!("the document has {size} bytes, more than the limit of {limit}");
    Diagnostic::error(Code::DocumentTooLarge, Span::new(id, 0..0), message).help("split the document".to_owned())
}

/// The values that anchors name may be so many times what aliases may add: most have no alias.
const ANCHORED: usize = 4;

/// Faults are boxed: they are rare and large.
type Fault = Box<Diagnostic>;

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    /// The part of the text that is read.
    part: std::ops::Range<usize>,
    limits: NodeLimits,
    anchors: HashMap<usize, (Arc<Node>, Size)>,
    uses: Anchors,
    shared: HashSet<Span>,
    written: usize,
    expanded: Size,
    /// Copies of values that anchors name: an alias may come for each of them.
    anchored: Size,
    faults: Diagnostics,
}

/// A collection that is being read.
enum Open {
    Array {
        items: Vec<Node>,
        start: usize,
        end: usize,
        anchor: usize,
    },
    Object {
        members: Vec<(Key, Node)>,
        merges: Vec<Pending>,
        key: Option<OpenKey>,
        start: usize,
        end: usize,
        anchor: usize,
    },
}

/// The key whose value comes next.
enum OpenKey {
    Name(Key),
    Merge(Span),
}

impl<'a> Builder<'a> {
    /// Reads a part of a text as if it were a document, with the places that it has in the whole.
    fn read_part(
        source: SourceId,
        text: &'a str,
        part: std::ops::Range<usize>,
        limits: NodeLimits,
    ) -> Result<Node, Diagnostics> {
        Self::read_with_anchors(source, text, part, limits).map(|(node, _)| node)
    }

    fn read_with_anchors(
        source: SourceId,
        text: &'a str,
        part: std::ops::Range<usize>,
        limits: NodeLimits,
    ) -> Result<(Node, Anchors), Diagnostics> {
        let (anchors, uses, faults) = (HashMap::new(), Anchors::default(), Diagnostics::default());
        let (shared, expanded, anchored) = (HashSet::new(), Size::default(), Size::default());
        let mut builder =
            Self { source, text, part, limits, anchors, uses, shared, written: 0, expanded, anchored, faults };
        match builder.document() {
            Ok(node) if builder.faults.is_empty() => Ok((node, builder.uses)),
            Ok(_) => Err(builder.faults),
            Err(fault) => {
                builder.faults.push(*fault);
                Err(builder.faults)
            }
        }
    }

    /// Reads the one document of the text without recursion.
    fn document(&mut self) -> Result<Node, Fault> {
        let mut options = Options::default();
        options.flow_nesting_limit = self.limits.depth;
        options.block_nesting_limit = self.limits.depth;
        let part = self.text.get(self.part.clone()).unwrap_or_default();
        let mut parser = Parser::new_from_str_with_options(part, options);
        let mut stack: Vec<Open> = vec![];
        let mut root: Option<Node> = None;
        while let Some(next) = parser.next_event() {
            let (event, at) = next.map_err(|error| self.syntax(&error))?;
            let range = at.byte_range().unwrap_or(0..0);
            let range = range.start + self.part.start..range.end + self.part.start;
            if stack.len() > self.limits.depth {
                return Err(self.too_deep(range));
            }
            let merges = self.limits.merge_keys
                && matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text.as_ref() == "<<");
            // An alias has the place of its value, which is not where it ends.
            let alias_end = matches!(event, Event::Alias(_)).then_some(range.end);
            let (node, anchor) = match event {
                Event::Scalar(text, style, anchor, tag) => (self.scalar(&text, style, tag.as_deref(), range)?, anchor),
                Event::Alias(id) => (self.alias(id, range)?, 0),
                Event::SequenceStart(_, anchor, tag) => {
                    self.tag(tag.as_deref(), &["seq"], &range)?;
                    stack.push(Open::Array { items: vec![], start: range.start, end: range.start, anchor });
                    continue;
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.tag(tag.as_deref(), &["map"], &range)?;
                    let (start, end) = (range.start, range.start);
                    stack.push(Open::Object { members: vec![], merges: vec![], key: None, start, end, anchor });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                    Some(open) => self.close(open, range)?,
                    None => continue,
                },
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(Box::new(
                        Diagnostic::error(
                            Code::SeveralDocuments,
                            Span::new(self.source, range),
                            "a second YAML document starts here",
                        )
                        .help("put each document into a file of its own".to_owned()),
                    ));
                }
                _ => continue,
            };
            self.written += 1;
            if self.written > self.limits.nodes {
                let message = format!("the document has more than {} values and names", self.limits.nodes);
                return Err(Box::new(Diagnostic::error(Code::DocumentTooLarge, node.span, message)));
            }
            if anchor != 0 {
                let size = size(&node);
                self.anchored.add(size);
                // Each within the other, they are copied as often as they are deep.
                if self.is_much(self.anchored, ANCHORED) {
                    let message = "the values that anchors name here are too large together";
                    return Err(Box::new(
                        Diagnostic::error(Code::AliasLimit, node.span, message)
                            .help("leave out anchors that no alias names".to_owned()),
                    ));
                }
                self.anchors.insert(anchor, (Arc::new(node.clone()), size));
            }
            let end = alias_end.unwrap_or(node.span.end as usize);
            match stack.last_mut() {
                None => root = Some(node),
                Some(open) => self.add(open, node, end, merges)?,
            }
        }
        root.ok_or_else(|| {
            Box::new(Diagnostic::error(Code::YamlSyntax, Span::new(self.source, 0..0), "the document is empty"))
        })
    }

    /// Adds what was read to the collection around it; `end` is where it ends as it is written, `merges` says that it is
    /// a merge key if it is a key.
    fn add(&self, open: &mut Open, node: Node, end: usize, merges: bool) -> Result<(), Fault> {
        match open {
            Open::Array { items, end: last, .. } => {
                *last = end;
                items.push(node);
            }
            Open::Object { members, merges: pending, key, end: last, .. } => {
                *last = end;
                match key.take() {
                    Some(OpenKey::Name(name)) => members.push((name, node)),
                    Some(OpenKey::Merge(key)) => pending.push(Pending { at: members.len(), key, value: node, end }),
                    None if merges => *key = Some(OpenKey::Merge(node.span)),
                    None => *key = Some(OpenKey::Name(self.key(node)?)),
                }
            }
        }
        Ok(())
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&granit_parser::Tag>,
        range: std::ops::Range<usize>,
    ) -> Result<Node, Fault> {
        let range = self.trimmed(style, range);
        let span = Span::new(self.source, range.clone());
        let is_string = match tag.map(|tag| (tag.core_suffix(), tag.original())) {
            None => style != ScalarStyle::Plain,
            Some((Some("str"), _)) => true,
            Some((_, original)) if original == "!" => true,
            Some((Some("int" | "float" | "bool" | "null"), _)) => false,
            Some(_) => {
                self.tag(tag, &[], &range)?;
                true
            }
        };
        let kind = if is_string { Kind::String(text.to_owned()) } else { plain_scalar(text) };
        if matches!(text, ".inf" | "-.inf" | "+.inf" | ".nan" | ".NaN" | ".Inf") && style == ScalarStyle::Plain {
            return Err(Box::new(
                Diagnostic::error(Code::NotJson, span, format!("`{text}` is not a JSON value"))
                    .help("quote it, or write a number".to_owned()),
            ));
        }
        Ok(Node { kind, span })
    }

    /// Block scalars end with the line breaks that follow them; a caret should not.
    fn trimmed(&self, style: ScalarStyle, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) || style == ScalarStyle::Plain {
            let raw = self.text.get(range.clone()).unwrap_or_default();
            return range.start..range.start + raw.trim_end().len();
        }
        range
    }

    /// Only the tags of the JSON schema are allowed (specification, Format).
    fn tag(
        &self,
        tag: Option<&granit_parser::Tag>,
        allowed: &[&str],
        range: &std::ops::Range<usize>,
    ) -> Result<(), Fault> {
        let Some(tag) = tag else { return Ok(()) };
        if tag.core_suffix().is_some_and(|suffix| allowed.contains(&suffix)) {
            return Ok(());
        }
        if let Some(text) = self.text_as_tag(range.start, &tag.original()) {
            return Err(Box::new(text.section("§Format")));
        }
        Err(Box::new(
            Diagnostic::error(
                Code::YamlTag,
                Span::new(self.source, range.clone()),
                format!("the tag `{}` is not one of JSON's types", tag.original()),
            )
            .help("leave the tag out".to_owned())
            .section("§Format"),
        ))
    }

    fn alias(&mut self, id: usize, range: std::ops::Range<usize>) -> Result<Node, Fault> {
        let span = Span::new(self.source, range);
        let Some((node, size)) = self.anchors.get(&id).cloned() else {
            return Err(Box::new(
                Diagnostic::error(Code::YamlAlias, span, "this alias stands inside the value that it names")
                    .help("an anchor can be used only after its value has ended".to_owned()),
            ));
        };
        self.expanded.add(size);
        if self.is_much(self.expanded, 1) {
            let (values, bytes) = (self.limits.alias_nodes.max(2 * self.written), self.alias_bytes());
            let message = if self.expanded.nodes > values {
                format!("aliases add more than {values} values here")
            } else {
                format!("aliases add more than {bytes} bytes of text here")
            };
            return Err(Box::new(Diagnostic::error(Code::AliasLimit, span, message)));
        }
        if self.shared.insert(node.span) {
            self.uses.shared.push(node.span);
        }
        // The copy keeps the places of the original: that is where its text stands.
        Ok(Node::clone(&node))
    }

    /// Bytes of text that aliases may add.
    fn alias_bytes(&self) -> usize {
        self.limits.alias_bytes.max(2 * self.part.len())
    }

    /// `true` if copies of values come to more than so many times what aliases may add.
    fn is_much(&self, copies: Size, times: usize) -> bool {
        copies.nodes > times * self.limits.alias_nodes.max(2 * self.written)
            || copies.bytes > times * self.alias_bytes()
    }

    fn key(&self, node: Node) -> Result<Key, Fault> {
        let span = node.span;
        let name = match node.kind {
            Kind::String(name) => name,
            // `200:` and `true:` are strings by the failsafe schema (specification, Format); `200` and `'200'` clash.
            Kind::Number(_) | Kind::Bool(_) => self.text.get(span.range()).unwrap_or_default().to_owned(),
            Kind::Null if span.start != span.end => self.text.get(span.range()).unwrap_or_default().to_owned(),
            _ => {
                return Err(Box::new(
                    Diagnostic::error(Code::YamlKey, span, "a key must be a string")
                        .help("quote the key".to_owned())
                        .section("§Format"),
                ));
            }
        };
        Ok(Key { name, span })
    }

    fn close(&mut self, open: Open, range: std::ops::Range<usize>) -> Result<(Node, usize), Fault> {
        // A block collection's end marker stands at the next token; a flow collection's is its bracket.
        let bracket = self.text.get(range.clone()).is_some_and(|t| t.starts_with([']', '}']));
        let span = |start: usize, end: usize| {
            let end = if bracket { range.end } else { end };
            Span::new(self.source, start..end.max(start))
        };
        Ok(match open {
            Open::Array { items, start, end, anchor } => {
                (Node { span: span(start, end), kind: Kind::Array(items) }, anchor)
            }
            Open::Object { mut members, merges, start, end, anchor, .. } => {
                let span = span(start, end);
                duplicates(&members, &mut self.faults);
                if !merges.is_empty() {
                    let merged = merge::merge(members, merges, self.text, bracket)?;
                    members = merged.members;
                    self.uses.merges.extend(merged.merges);
                }
                (Node { span, kind: Kind::Object(members) }, anchor)
            }
        })
    }

    fn too_deep(&self, range: std::ops::Range<usize>) -> Fault {
        Box::new(Diagnostic::error(
            Code::DocumentTooDeep,
            Span::new(self.source, range),
            format!("values are nested deeper than {} levels here", self.limits.depth),
        ))
    }
}
