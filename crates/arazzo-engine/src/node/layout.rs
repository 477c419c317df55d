//! A text of YAML as it is laid out: what a [`Node`](super::Node) does not keep. Comments, empty lines, anchors and how
//! values are written, each with the entry that it belongs to: for those who write a document anew.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

mod gap;
mod leaf;

pub(crate) use gap::Line;
use gap::{Gap, Piece};
use leaf::block;

/// A document in block layout.
#[derive(Debug)]
pub(crate) struct Layout {
    /// What stands before the line `---`, if there is one.
    pub(crate) head: Option<Vec<Line>>,
    pub(crate) root: Collection,
    /// Comments behind everything.
    pub(crate) foot: Vec<Line>,
}

/// An object or a list, each entry on lines of its own.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) is_object: bool,
    pub(crate) entries: Vec<Entry>,
    /// Comments behind the last entry, indented as it.
    pub(crate) below: Vec<Line>,
}

/// A member of an object, or an item of a list.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where the name or the dash stood.
    pub(crate) column: usize,
    pub(crate) above: Vec<Line>,
    pub(crate) key: Option<Scalar>,
    /// Anchor and tag of the value.
    pub(crate) properties: String,
    /// A comment behind the name or the dash, in their line.
    pub(crate) beside: Option<String>,
    /// Comments between the name and a value that begins in a line below.
    pub(crate) between: Vec<Line>,
    pub(crate) value: Written,
    /// A comment behind the value, in its last line.
    pub(crate) behind: Option<String>,
}

/// A value as it is written.
#[derive(Debug)]
pub(crate) enum Written {
    Nothing,
    Scalar(Scalar),
    /// An alias, or what stands in braces or brackets: the text.
    Verbatim(String),
    Flow(Flow),
    /// `|` and `>`: what stands behind the name, and the lines.
    Text(Block),
    Collection(Collection),
}

/// The text of a block scalar.
#[derive(Debug)]
pub(crate) struct Block {
    /// `|`, `>-`, `|2+`
    pub(crate) header: String,
    /// The lines without their indentation.
    pub(crate) lines: Vec<String>,
}

/// A scalar that is no block.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    /// As it is written.
    pub(crate) raw: String,
    /// As it is meant.
    pub(crate) text: String,
    pub(crate) is_quoted: bool,
}

/// What stands in braces and brackets of one line.
#[derive(Debug)]
pub(crate) enum Flow {
    Scalar(Scalar),
    Verbatim(String),
    List(Vec<Self>),
    Object(Vec<(Self, Self)>),
}

/// A layout that this module does not know: where, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Reads the layout of a text that is known to be YAML, with an object as its root.
pub(crate) fn read(text: &str) -> Result<Layout, Unknown> {
    let mut reader = Reader { text, tokens: tokens(text)?, next: 0, gap: Gap::default() };
    reader.fill(0)?;
    reader.document()
}

/// The comments of a text that is known to be YAML, in their order.
pub(crate) fn comments(text: &str) -> Result<Vec<String>, Unknown> {
    let (mut found, mut at) = (vec![], 0);
    let leaves = flat(text)?;
    let ends = leaves.iter().map(|leaf| Some(leaf.clone())).chain(std::iter::once(None));
    for leaf in ends {
        let end = leaf.as_ref().map_or(text.len(), |leaf| leaf.range.start);
        let mut gap = Gap::read(text, at..end.max(at))?;
        while let Some(piece) = gap.take() {
            if let Piece::Comment { text, .. } = piece {
                found.push(text);
            }
        }
        let Some(leaf) = leaf else { break };
        at = if leaf.is_block { block(text, gap.header_end, leaf.range.end, "").1 } else { leaf.range.end };
    }
    Ok(found)
}

/// A scalar or an alias, wherever it stands.
#[derive(Debug, Clone)]
struct Leaf {
    range: Range<usize>,
    text: String,
    is_quoted: bool,
    is_block: bool,
    is_alias: bool,
    has_properties: bool,
}

#[derive(Debug)]
enum Token {
    Open {
        is_object: bool,
        has_properties: bool,
    },
    Close,
    Leaf(Leaf),
    /// A whole collection in braces or brackets.
    Flow {
        range: Range<usize>,
        flow: Option<Flow>,
        has_properties: bool,
    },
}

fn leaf_of(text: &str, event: &Event<'_>, range: Range<usize>) -> Option<Leaf> {
    let (value, style, has_properties, is_alias) = match event {
        Event::Scalar(value, style, anchor, tag) => (value.as_ref(), *style, *anchor != 0 || tag.is_some(), false),
        Event::Alias(_) => ("", ScalarStyle::Plain, false, true),
        _ => return None,
    };
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    let trimmed = text.get(range.clone()).unwrap_or_default().trim_end().len();
    let end = if is_block { range.end } else { range.start + trimmed };
    Some(Leaf {
        range: range.start..end,
        text: value.to_owned(),
        is_quoted: matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted),
        is_block,
        is_alias,
        has_properties,
    })
}

/// The events of a text with their bytes.
fn events(text: &str) -> Result<Vec<(Event<'_>, Range<usize>)>, Unknown> {
    let mut found = vec![];
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, at) = next.map_err(|_| Unknown { at: 0, what: "a text that cannot be read" })?;
        found.push((event, at.byte_range().unwrap_or(0..0)));
    }
    Ok(found)
}

/// All scalars and aliases that are written, also those in braces and brackets.
fn flat(text: &str) -> Result<Vec<Leaf>, Unknown> {
    let leaves = events(text)?.into_iter().filter_map(|(event, range)| leaf_of(text, &event, range));
    Ok(leaves.filter(|leaf| leaf.is_block || !leaf.range.is_empty()).collect())
}

fn tokens(text: &str) -> Result<Vec<Token>, Unknown> {
    let (mut found, mut events) = (vec![], events(text)?.into_iter().peekable());
    while let Some((event, range)) = events.next() {
        let open = match &event {
            Event::SequenceStart(style, anchor, tag) => Some((false, *style, *anchor != 0 || tag.is_some())),
            Event::MappingStart(style, anchor, tag) => Some((true, *style, *anchor != 0 || tag.is_some())),
            _ => None,
        };
        match open {
            Some((is_object, StructureStyle::Block, has_properties)) => {
                found.push(Token::Open { is_object, has_properties });
                continue;
            }
            Some((is_object, StructureStyle::Flow, has_properties)) => {
                let (flow, end) = flow(text, is_object, &mut events);
                let is_whole = text.get(range.clone()).is_some_and(|open| open.starts_with(['{', '[']));
                let range = range.start..end;
                let flow = flow.filter(|_| is_whole && !text.get(range.clone()).unwrap_or("\n").contains('\n'));
                found.push(Token::Flow { range, flow, has_properties });
                continue;
            }
            None => {}
        }
        if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            found.push(Token::Close);
        } else if let Some(leaf) = leaf_of(text, &event, range) {
            found.push(Token::Leaf(leaf));
        }
    }
    Ok(found)
}

/// What stands in braces or brackets that have been opened, and where they end; nothing where it is written in a way that
/// cannot be told from its parts.
fn flow<'t>(
    text: &str,
    is_object: bool,
    events: &mut impl Iterator<Item = (Event<'t>, Range<usize>)>,
) -> (Option<Flow>, usize) {
    let (mut parts, mut known, mut end) = (vec![], true, text.len());
    while let Some((event, range)) = events.next() {
        match &event {
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => {
                let plain = *anchor == 0 && tag.is_none();
                let bracketed = text.get(range.clone()).is_some_and(|open| open.starts_with(['{', '[']));
                let (inner, _) = flow(text, matches!(event, Event::MappingStart(..)), events);
                known &= plain && bracketed && inner.is_some();
                parts.extend(inner);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                end = range.end;
                break;
            }
            _ => {
                let Some(leaf) = leaf_of(text, &event, range) else { continue };
                known &= !leaf.range.is_empty() && !leaf.has_properties;
                let raw = text.get(leaf.range).unwrap_or_default().to_owned();
                parts.push(if leaf.is_alias {
                    Flow::Verbatim(raw)
                } else {
                    Flow::Scalar(Scalar { raw, text: leaf.text, is_quoted: leaf.is_quoted })
                });
            }
        }
    }
    if !is_object {
        return (known.then_some(Flow::List(parts)), end);
    }
    let (mut pairs, mut parts) = (vec![], parts.into_iter());
    while let Some(key) = parts.next() {
        let (Some(value), Flow::Scalar(_)) = (parts.next(), &key) else { return (None, end) };
        pairs.push((key, value));
    }
    (known.then_some(Flow::Object(pairs)), end)
}

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    next: usize,
    /// What stands between what was read last and the next value that is written.
    gap: Gap,
}

impl Reader<'_> {
    fn unknown<T>(&self, what: &'static str) -> Result<T, Unknown> {
        Err(Unknown { at: self.gap.start, what })
    }

    /// The place of the next value that is written.
    fn upcoming(&self) -> Option<&Range<usize>> {
        self.tokens.iter().skip(self.next).find_map(|token| match token {
            Token::Leaf(leaf) if leaf.is_block || !leaf.range.is_empty() => Some(&leaf.range),
            Token::Flow { range, .. } => Some(range),
            _ => None,
        })
    }

    fn fill(&mut self, from: usize) -> Result<(), Unknown> {
        let end = self.upcoming().map_or(self.text.len(), |range| range.start);
        self.gap = Gap::read(self.text, from..end.max(from))?;
        Ok(())
    }

    fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.len() - before.rfind('\n').map_or(0, |line| line + 1)
    }

    fn document(&mut self) -> Result<Layout, Unknown> {
        let above = self.gap.lines();
        let is_marked = self.gap.take_if(|piece| matches!(piece, Piece::Marker)).is_some();
        let Some(Token::Open { is_object: true, has_properties: false }) = self.tokens.get(self.next) else {
            return self.unknown("a root that is not written in lines");
        };
        self.next += 1;
        let mut root = self.collection(true, None)?;
        let head = match root.entries.first_mut() {
            Some(first) if !is_marked => {
                first.above = above;
                None
            }
            _ => Some(above),
        };
        let foot = self.gap.lines();
        if self.gap.peek().is_some() || self.next < self.tokens.len() {
            return self.unknown("something behind the document");
        }
        Ok(Layout { head, root, foot })
    }

    /// The entries of a collection that was opened, in an entry whose name or dash stands in this column.
    fn collection(&mut self, is_object: bool, around: Option<usize>) -> Result<Collection, Unknown> {
        let mut entries: Vec<Entry> = vec![];
        loop {
            if let Some(Token::Close) = self.tokens.get(self.next) {
                self.next += 1;
                break;
            }
            let above = self.gap.lines();
            entries.push(if is_object { self.member(above)? } else { self.item(above)? });
        }
        // A list may stand in the column of the name that it belongs to.
        let own = entries.first().map_or(0, |entry| entry.column);
        let own = if around == Some(own) { own + 1 } else { own };
        let following = self.gap.first_column().or_else(|| self.upcoming().map(|range| self.column(range.start)));
        let below = self.gap.lines_from(own, following);
        Ok(Collection { is_object, entries, below })
    }

    fn member(&mut self, above: Vec<Line>) -> Result<Entry, Unknown> {
        let key = match self.tokens.get(self.next) {
            Some(Token::Leaf(leaf)) if !leaf.is_block && !leaf.is_alias && !leaf.has_properties => leaf.clone(),
            _ => return self.unknown("a name that is not a plain text"),
        };
        let raw = self.text.get(key.range.clone()).unwrap_or_default().to_owned();
        if self.gap.peek().is_some() || raw.is_empty() || raw.contains('\n') {
            return self.unknown("a name that is written over several lines, or with `?`");
        }
        let column = self.column(key.range.start);
        self.next += 1;
        self.fill(key.range.end)?;
        if self.gap.take_if(|piece| matches!(piece, Piece::Colon)).is_none() {
            return self.unknown("a name without its `:`");
        }
        let key = Scalar { raw, text: key.text, is_quoted: key.is_quoted };
        self.value(Some(key), column, above)
    }

    fn item(&mut self, above: Vec<Line>) -> Result<Entry, Unknown> {
        match self.gap.take_if(|piece| matches!(piece, Piece::Dash { .. })) {
            Some(Piece::Dash { column }) => self.value(None, column, above),
            _ => self.unknown("an item without its `-`"),
        }
    }

    /// The value of an entry, with what stands around it.
    fn value(&mut self, key: Option<Scalar>, column: usize, above: Vec<Line>) -> Result<Entry, Unknown> {
        let (properties, beside, between, behind) = (String::new(), None, vec![], None);
        let value = Written::Nothing;
        let mut entry = Entry { column, above, key, properties, beside, between, value, behind };
        let (has_properties, is_written) = match self.tokens.get(self.next) {
            Some(Token::Open { has_properties, .. }) => (*has_properties, false),
            Some(Token::Flow { has_properties, .. }) => (*has_properties, true),
            Some(Token::Leaf(leaf)) => (leaf.has_properties, leaf.is_block || !leaf.range.is_empty()),
            _ => return self.unknown("a value that is not there"),
        };
        if has_properties {
            self.gap.skip_blanks();
            entry.properties = self.gap.properties();
            if entry.properties.is_empty() {
                return self.unknown("an anchor or a tag behind a comment");
            }
        }
        let header = self.gap.take_if(|piece| matches!(piece, Piece::Header(_)));
        entry.beside = self.gap.beside();
        if is_written && header.is_none() {
            entry.between = self.gap.lines();
        }
        self.read_value(&mut entry, header)?;
        Ok(entry)
    }

    fn read_value(&mut self, entry: &mut Entry, header: Option<Piece>) -> Result<(), Unknown> {
        let header_end = self.gap.header_end;
        let rest = self.gap.peek().is_some();
        let Some(token) = self.tokens.get_mut(self.next) else { return self.unknown("a value that is not there") };
        let end = match token {
            Token::Open { is_object, .. } => {
                let is_object = *is_object;
                self.next += 1;
                entry.value = Written::Collection(self.collection(is_object, Some(entry.column))?);
                return Ok(());
            }
            Token::Leaf(leaf) if leaf.range.is_empty() && !leaf.is_block => {
                self.next += 1;
                return Ok(());
            }
            _ if rest => return self.unknown("something between a name and its value"),
            Token::Flow { range, flow, .. } => {
                let raw = self.text.get(range.clone()).unwrap_or_default();
                entry.value = flow.take().map_or_else(|| Written::Verbatim(raw.to_owned()), Written::Flow);
                range.end
            }
            Token::Leaf(leaf) if leaf.is_block => {
                let Some(Piece::Header(header)) = header else { return self.unknown("a text without its `|`") };
                let indent = header.chars().find_map(|c| c.to_digit(10)).map(|digit| entry.column + digit as usize);
                let (lines, end) = block(self.text, header_end, leaf.range.end, &header);
                let lines = leaf::unindent(&lines, indent);
                entry.value = Written::Text(Block { header, lines });
                end
            }
            Token::Leaf(leaf) => {
                let raw = self.text.get(leaf.range.clone()).unwrap_or_default().to_owned();
                entry.value = if leaf.is_alias {
                    Written::Verbatim(raw)
                } else {
                    Written::Scalar(Scalar { raw, text: leaf.text.clone(), is_quoted: leaf.is_quoted })
                };
                leaf.range.end
            }
            Token::Close => return self.unknown("a value that is not there"),
        };
        self.next += 1;
        self.fill(end)?;
        if !matches!(entry.value, Written::Text(_)) {
            entry.behind = self.gap.beside();
        }
        Ok(())
    }
}
