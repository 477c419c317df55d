//! Large YAML documents, of which one operation is wanted: found by their indentation, and read where they are looked at.
//!
//! The entries of `paths` and of the objects in `components` stay text until somebody asks for a member of theirs.
//! Only the plainest layout is taken apart: block mappings with one `key:` a line. Whatever looks different is read
//! whole, and so is a document of which a part cannot be read alone (an alias of an anchor elsewhere).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::{Builder, Key, Kind, Node, NodeLimits, duplicates};
use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, Span};

/// A value that is read when it is looked at.
#[derive(Debug, Clone)]
pub struct Deferred {
    part: Arc<Part>,
    /// Set when it is looked at in this copy of the tree: a part that nobody looks at has no faults.
    looked_at: OnceLock<()>,
}

/// The text of a value, and what is known of it: found out once, for all copies of the tree.
#[derive(Debug)]
struct Part {
    document: Arc<Document>,
    /// Its bytes, whole lines.
    start: usize,
    end: usize,
    /// The names of the members that lead to it.
    way: Vec<String>,
    node: OnceLock<Result<Box<Node>, Diagnostics>>,
}

#[derive(Debug)]
struct Document {
    source: SourceId,
    text: Arc<str>,
    limits: NodeLimits,
    ids: OnceLock<Ids>,
    /// How many paths there are, and which of them may have any operation: [`is_opaque`].
    opaque: OnceLock<(usize, Vec<usize>)>,
}

/// Where operations get their names: the bytes of each `operationId`, in order. The text is searched once, and not for
/// each operation that is asked for.
#[derive(Debug, Default)]
struct Ids {
    by_name: BTreeMap<String, Vec<usize>>,
    /// Those whose names are not seen in the text: in escapes, behind an alias, on another line.
    hidden: Vec<usize>,
}

impl PartialEq for Deferred {
    fn eq(&self, other: &Self) -> bool {
        self.node().ok() == other.node().ok()
    }
}

impl Deferred {
    fn new(document: Arc<Document>, range: std::ops::Range<usize>, way: Vec<String>) -> Self {
        let (start, end) = (range.start, range.end);
        let part = Part { document, start, end, way, node: OnceLock::new() };
        Self { part: Arc::new(part), looked_at: OnceLock::new() }
    }

    /// The value.
    ///
    /// # Errors
    /// The faults of the document, if neither the part nor the whole can be read.
    pub(super) fn node(&self) -> Result<&Node, &Diagnostics> {
        self.looked_at.get_or_init(|| ());
        self.part.node.get_or_init(|| self.part.read()).as_deref()
    }

    /// The value, which does not count as looked at; nothing if no reference in it leads to another document.
    pub(super) fn referring(&self) -> Option<&Node> {
        may_refer(self.part.text()).then(|| self.peek())?
    }

    /// The value, which does not count as looked at.
    pub(super) fn peek(&self) -> Option<&Node> {
        self.part.node.get_or_init(|| self.part.read()).as_deref().ok()
    }

    /// As [`Node::naming`], by the places of the members: this is the first of them that is deferred.
    pub(super) fn naming(&self, members: &[(Key, Node)], id: &str) -> BTreeSet<usize> {
        let document = &self.part.document;
        let ids = document.ids.get_or_init(|| ids(&document.text));
        let shown = ids.by_name.get(id).map(Vec::as_slice).unwrap_or_default();
        // They stand in the order of the text, so that those of a description with thousands are not all walked through
        // for each name that is looked up.
        let holding = shown.iter().chain(&ids.hidden).filter_map(|at| {
            let behind = members.partition_point(|(key, _)| key.span.start as usize <= *at);
            behind.checked_sub(1)
        });
        let opaque = || members.iter().enumerate().filter(|(_, (_, node))| is_opaque(node)).map(|(index, _)| index);
        let (count, known) = document.opaque.get_or_init(|| (members.len(), opaque().collect()));
        let known = if *count == members.len() { known.clone() } else { opaque().collect() };
        known.into_iter().chain(holding).collect()
    }

    /// The faults that were found when the value was looked at.
    pub(super) fn faults(&self) -> Option<&Diagnostics> {
        self.looked_at.get().and(self.part.node.get()).and_then(|read| read.as_ref().err())
    }

    /// The same value, not looked at.
    pub(super) fn unseen(&self) -> Self {
        Self { part: self.part.clone(), looked_at: OnceLock::new() }
    }
}

impl Part {
    fn text(&self) -> &str {
        self.document.text.get(self.start..self.end).unwrap_or_default()
    }

    fn read(&self) -> Result<Box<Node>, Diagnostics> {
        let Document { source, text, limits, .. } = self.document.as_ref();
        let alone = Builder::read_part(*source, text, self.start..self.end, *limits).map(Box::new);
        alone.or_else(|_| {
            let whole = Builder::read_part(*source, text, 0..text.len(), *limits)?;
            let found = self.way.iter().try_fold(&whole, |node, name| node.get(name));
            Ok(Box::new(found.cloned().unwrap_or(Node { kind: Kind::Null, span: whole.span })))
        })
    }

    /// `true` if the value is a reference to another one, or may be.
    fn refers(&self) -> bool {
        let text = self.text();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let own = text.lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')).map(indent);
        let refers =
            |line: &str| Some(indent(line)) == own && line.trim_start_matches([' ', '"', '\'']).starts_with("$ref");
        text.lines().any(refers)
    }
}

/// `true` if the text of a member does not show which operations it has: one that was read, and a reference.
fn is_opaque(node: &Node) -> bool {
    match &node.kind {
        Kind::Deferred(deferred) => deferred.part.refers(),
        _ => true,
    }
}

/// The names of operations in a text.
fn ids(text: &str) -> Ids {
    let mut found = Ids::default();
    for (at, key) in text.match_indices("operationId") {
        let behind = text.get(at + key.len()..).unwrap_or_default().trim_start_matches(['"', '\'']).trim_start();
        let Some(value) = behind.strip_prefix(':') else { continue };
        let line = value.split(['\n', '\r']).next().unwrap_or_default().trim_start();
        let names: Vec<&str> = match line.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inside = line.get(1..).and_then(|rest| rest.split_once(quote));
                inside.map(|(name, _)| name).filter(|name| !name.contains('\\')).into_iter().collect()
            }
            // What ends a name in braces is a part of it elsewhere.
            Some(c) if c.is_alphanumeric() || c == '_' => {
                let whole = line.split(" #").next().unwrap_or_default().trim();
                let within = whole.split([',', '}']).next().unwrap_or_default().trim();
                if within == whole { vec![whole] } else { vec![whole, within] }
            }
            _ => vec![],
        };
        if names.is_empty() {
            found.hidden.push(at);
        }
        for name in names {
            found.by_name.entry(name.to_owned()).or_default().push(at);
        }
    }
    found
}

/// `false` if a text shows that no reference in it leads out of its document. What is none in the end may count.
fn may_refer(text: &str) -> bool {
    text.match_indices("$ref").any(|(at, name)| {
        let after = text.get(at + name.len()..).unwrap_or_default().trim_start_matches(['"', '\'']).trim_start();
        let value = after.strip_prefix(':').map(|value| value.trim_start().trim_start_matches(['"', '\'']));
        value.is_some_and(|value| !value.starts_with('#'))
    })
}

/// A line: where it begins, where its content begins, where it ends without its line break.
#[derive(Clone, Copy)]
struct Line<'t> {
    start: usize,
    indent: usize,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn content(self) -> &'t str {
        self.text.get(self.indent..).unwrap_or_default()
    }

    fn is_blank(self) -> bool {
        let content = self.content();
        content.is_empty() || content.starts_with('#')
    }
}

/// The tree of an OpenAPI document with deferred parts; nothing if it is not laid out plainly.
pub(super) fn read(source: SourceId, text: &Arc<str>, limits: NodeLimits) -> Option<Node> {
    // Most documents are no OpenAPI: that is seen before they are taken apart.
    let begins =
        |at: usize| text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with(['\n', '"', '\'']));
    text.match_indices("openapi").any(|(at, _)| begins(at)).then_some(())?;
    // What a merge key brings is not in the text of its object.
    let merges = |(at, _): (usize, &str)| text.get(at + 2..).is_some_and(|rest| rest.trim_start().starts_with(':'));
    if limits.merge_keys && text.match_indices("<<").any(merges) {
        return None;
    }
    let document =
        Arc::new(Document { source, text: text.clone(), limits, ids: OnceLock::new(), opaque: OnceLock::new() });
    let mut lines = vec![];
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let text = raw.trim_end_matches(['\n', '\r', ' ']);
        let indent = text.len() - text.trim_start_matches(' ').len();
        lines.push(Line { start, indent, text });
        start += raw.len();
    }
    // A document may begin with its marker; another one, or a directive, is somebody else's business.
    let first = lines.iter().position(|line| !line.is_blank())?;
    let lines = lines.get(first + usize::from(lines.get(first)?.text == "---")..)?;
    let top = entries(lines, 0)?;
    top.iter().any(|(name, _)| name == "openapi").then_some(())?;
    let mut members = vec![];
    for (name, range) in top {
        let part = lines.get(range.clone())?;
        let end = lines.get(range.end).map_or(text.len(), |line| line.start);
        let deep = match name.as_str() {
            "paths" => Some(1),
            "components" => Some(2),
            _ => None,
        };
        members.push(member(&document, part, end, vec![name], deep)?);
    }
    let mut faults = Diagnostics::default();
    duplicates(&members, &mut faults);
    let (first, last) = (members.first()?.0.span.start, members.last()?.1.span.end);
    let span = Span { source, start: first, end: last };
    faults.is_empty().then_some(Node { kind: Kind::Object(members), span })
}

/// The entries of a block mapping with this indentation: their names, and their lines, the first of which is the key's.
fn entries(lines: &[Line<'_>], indent: usize) -> Option<Vec<(String, std::ops::Range<usize>)>> {
    let mut found: Vec<(String, std::ops::Range<usize>)> = vec![];
    for (index, line) in lines.iter().enumerate() {
        let content = line.content();
        // An item of a sequence may stand as far left as the key it belongs to.
        let inside = line.indent > indent || content.starts_with("- ") || content == "-";
        if line.is_blank() || inside {
            continue;
        }
        if line.indent < indent || content.starts_with("---") || content.starts_with("...") {
            return None;
        }
        if let Some((_, before)) = found.last_mut() {
            before.end = index;
        }
        found.push((name(content)?.0, index..lines.len()));
    }
    // What comes before the first key belongs to nobody.
    let first = found.first()?.1.start;
    lines.iter().take(first).all(|line| line.is_blank()).then_some(found)
}

/// The name of `name:`, `'name':` or `"name":`, and how many bytes it takes with its quotes.
fn name(content: &str) -> Option<(String, usize)> {
    let quote = content.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let (name, taken) = match quote {
        Some(quote) => {
            let inner = content.get(1..)?;
            let end = inner.find(quote)?;
            (inner.get(..end)?, end + 2)
        }
        None => {
            let end = content.find(": ").or_else(|| content.strip_suffix(':').map(str::len))?;
            (content.get(..end)?, end)
        }
    };
    let after = content.get(taken..)?;
    let indicator = quote.is_none() && name.starts_with(|c: char| "!&*-?|>@%`#{}[],:~".contains(c));
    // The blank of `name :` is no part of the name.
    let blank = quote.is_none() && name.ends_with(' ');
    let strange = blank || indicator || name.is_empty() || name.contains(['\\', '\t']) || name.contains(" #");
    (!strange && (after == ":" || after.starts_with(": "))).then(|| (name.to_owned(), taken))
}

/// The member whose key is the first of these lines. Its value is deferred, or entries `deep` levels below are; it is
/// read where it is not laid out so.
fn member(
    document: &Arc<Document>,
    lines: &[Line<'_>],
    end: usize,
    way: Vec<String>,
    deep: Option<usize>,
) -> Option<(Key, Node)> {
    let split = deep.and_then(|deep| object(document, lines, end, way, deep));
    split.or_else(|| {
        let part = lines.first()?.start..end;
        match Builder::read_part(document.source, &document.text, part, document.limits).ok()?.kind {
            Kind::Object(mut one) if one.len() == 1 => one.pop(),
            _ => None,
        }
    })
}

fn object(
    document: &Arc<Document>,
    lines: &[Line<'_>],
    end: usize,
    way: Vec<String>,
    deep: usize,
) -> Option<(Key, Node)> {
    let (head, below) = lines.split_first()?;
    let (key, taken) = name(head.content())?;
    // `paths: {}` and `paths: # all of them` are not worth a rule.
    (head.content().len() == taken + 1).then_some(())?;
    let at = head.start + head.indent;
    let key = Key { name: key, span: Span::new(document.source, at..at + taken) };
    let first = below.iter().find(|line| !line.is_blank())?;
    let last = below.iter().rfind(|line| !line.is_blank())?;
    (first.indent > head.indent).then_some(())?;
    let start = first.start + first.indent;
    let whole = Span::new(document.source, start..last.start + last.text.len());
    if deep == 0 {
        let begins = below.first()?.start;
        let deferred = Deferred::new(document.clone(), begins..end, way);
        return Some((key, Node { kind: Kind::Deferred(deferred), span: whole }));
    }
    let mut members = vec![];
    for (name, range) in entries(below, first.indent)? {
        let part = below.get(range.clone())?;
        let end = below.get(range.end).map_or(end, |line| line.start);
        let mut way = way.clone();
        way.push(name);
        members.push(member(document, part, end, way, Some(deep - 1))?);
    }
    let mut faults = Diagnostics::default();
    duplicates(&members, &mut faults);
    faults.is_empty().then_some((key, Node { kind: Kind::Object(members), span: whole }))
}
