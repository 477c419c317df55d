//! Texts and their bytes: every value of a document knows where it was written.
//!
//! Knows no files: a source is a name, a uri and a text that somebody else read.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

/// Index of a text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// A range of bytes in one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span of `range` in `source`; offsets beyond 4 GiB are cut (texts are limited far below).
    #[must_use]
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { source, start: cut(range.start), end: cut(range.end) }
    }

    /// `true` if `inner` is a part of it.
    #[must_use]
    pub(crate) fn contains(self, inner: Self) -> bool {
        self.source == inner.source && self.start <= inner.start && inner.end <= self.end
    }

    /// The bytes as a range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One text: a document that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name people see: the path as they typed it, or the url.
    pub name: String,
    /// The absolute uri that it was read from, the base of its relative references.
    pub uri: String,
    /// The whole text, without a byte order mark.
    pub text: Arc<str>,
    /// The text may hold secrets: it has places, and nothing of it is shown but these words.
    withheld: Option<Vec<String>>,
    /// Made when the first place is asked for: most texts are never shown.
    lines: Arc<OnceLock<Lines>>,
}

/// The lines of a text.
#[derive(Debug, Clone)]
struct Lines {
    /// First byte of each.
    starts: Vec<u32>,
    /// `true` if a column is a byte: nothing has to be counted then, and a document may be one line of megabytes.
    is_ascii: bool,
}

/// All texts of one description, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

/// A place for people and editors: 1-based lines, 1-based columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Name of the source.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// First column, from 1, in characters.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// One past the last column.
    pub end_column: u32,
}

impl Sources {
    /// Adds a text and returns its id.
    pub fn add(&mut self, name: impl Into<String>, uri: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(Source {
            name: name.into(),
            uri: uri.into(),
            text: text.into(),
            withheld: None,
            lines: Arc::default(),
        })
    }

    /// Adds a text that may hold secrets and returns its id: diagnostics about it have their places, and show nothing of
    /// it but these words.
    pub fn add_withheld<'w>(
        &mut self,
        name: impl Into<String>,
        text: impl Into<Arc<str>>,
        words: impl IntoIterator<Item = &'w str>,
    ) -> SourceId {
        let (name, words) = (name.into(), words.into_iter().map(str::to_owned).collect());
        self.push(Source { uri: name.clone(), name, text: text.into(), withheld: Some(words), lines: Arc::default() })
    }

    fn push(&mut self, source: Source) -> SourceId {
        self.0.push(source);
        SourceId(self.0.len() as u32 - 1)
    }

    /// The source with this id, if it is one of these.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(id.0 as usize)
    }

    /// All sources in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.0.iter().enumerate().map(|(i, s)| (SourceId(i as u32), s))
    }

    /// The text of a span; empty if the span is not of these sources.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source).and_then(|s| s.text.get(span.range())).unwrap_or_default()
    }

    /// File, line and column of a span.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let Some(source) = self.get(span.source) else {
            return Place { file: String::new(), line: 1, column: 1, end_line: 1, end_column: 1 };
        };
        let (line, column) = source.line_column(span.start);
        let (end_line, end_column) = source.line_column(span.end.max(span.start));
        Place { file: source.name.clone(), line, column, end_line, end_column }
    }

    /// The span of a place that an event or a recording holds; the inverse of [`Sources::place`]. Where a program or a
    /// document is at hand, it has the span itself.
    #[must_use]
    pub fn span(&self, place: &Place) -> Option<Span> {
        let (id, source) = self.iter().find(|(_, s)| s.name == place.file)?;
        let start = source.offset(place.line, place.column)?;
        let end = source.offset(place.end_line, place.end_column)?;
        Some(Span::new(id, start..end))
    }
}

impl Source {
    /// The only words of this text that may be shown; nothing if all of it may.
    #[must_use]
    pub fn withheld(&self) -> Option<&[String]> {
        self.withheld.as_deref()
    }

    fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| Lines {
            starts: std::iter::once(0).chain(self.text.match_indices('\n').map(|(i, _)| i as u32 + 1)).collect(),
            is_ascii: self.text.is_ascii(),
        })
    }

    /// The lines of a range of bytes: the number of the first, from 1, and where they begin and end, without the line feed of
    /// the last.
    pub(crate) fn lines_of(&self, range: Range<usize>) -> (usize, Range<usize>) {
        let starts = &self.lines().starts;
        let behind = |offset: usize| starts.partition_point(|start| *start as usize <= offset).max(1);
        let line = behind(range.start);
        let start = starts.get(line - 1).map_or(0, |start| *start as usize);
        let end = starts.get(behind(range.end)).map_or(self.text.len(), |next| *next as usize - 1);
        (line, start..end)
    }

    fn line_column(&self, offset: u32) -> (u32, u32) {
        let Lines { starts, is_ascii } = self.lines();
        let line = starts.partition_point(|start| *start <= offset).max(1);
        let start = starts.get(line - 1).copied().unwrap_or(0);
        let end = (offset as usize).min(self.text.len());
        let characters = match self.text.get(start as usize..end) {
            Some(before) if *is_ascii => before.len(),
            Some(before) => before.chars().count(),
            None => 0,
        };
        (line as u32, characters as u32 + 1)
    }

    fn offset(&self, line: u32, column: u32) -> Option<usize> {
        let start = *self.lines().starts.get((line as usize).checked_sub(1)?)? as usize;
        let rest = self.text.get(start..)?;
        let within = rest.char_indices().nth((column as usize).checked_sub(1)?).map_or(rest.len(), |(i, _)| i);
        Some(start + within)
    }
}
