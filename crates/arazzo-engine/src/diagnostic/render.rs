//! Diagnostics → text with carets, as people read it. Text is made last, and here.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::address;
use crate::code::Severity;
use crate::source::{Place, Source, SourceId, Sources, Span};

/// Bytes of the lines that are shown at most.
const LONGEST_LINES: usize = 64 << 10;

/// The parts of what is shown at its place: of a diagnostic, of the reason of a failure, of a difference.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The severity.
    pub severity: Severity,
    /// The word in brackets.
    pub word: &'a str,
    /// The fault, in words.
    pub message: &'a str,
    /// The place.
    pub span: Option<Span>,
    /// A few words under the caret.
    pub label: Option<&'a str>,
    /// Further places.
    pub notes: &'a [(Span, String)],
    /// Facts without a place, one line each.
    pub remarks: &'a [String],
    /// The remedy, in words.
    pub help: Option<&'a str>,
}

impl Shown<'_> {
    /// The text with its snippets; with ANSI colours if `color`, `width` columns wide.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool, width: usize) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Hint => Level::INFO.with_name("hint"),
        };
        let mut group = Group::with_title(level.primary_title(one_line(self.message)).id(self.word));
        type Part = (Range<usize>, String, AnnotationKind);
        let mut by_source: Vec<(SourceId, Vec<Part>)> = vec![];
        let primary = self.span.map(|span| (span, self.label.unwrap_or_default().to_owned(), AnnotationKind::Primary));
        let others = self.notes.iter().map(|(span, text)| (*span, text.clone(), AnnotationKind::Context));
        for (span, text, kind) in primary.into_iter().chain(others) {
            let Some(source) = sources.get(span.source) else { continue };
            let annotation = (underlined_range(&source.text, span), text, kind);
            match by_source.iter_mut().find(|(id, _)| *id == span.source) {
                Some((_, list)) => list.push(annotation),
                None => by_source.push((span.source, vec![annotation])),
            }
        }
        for (id, parts) in by_source {
            let Some(source) = sources.get(id) else { continue };
            if source.withheld().is_some() {
                group = self.withheld(group, source, sources, id);
                continue;
            }
            // Only the lines that are looked at: a document may be large, and have many faults.
            let bytes = source.text.as_bytes();
            let first = parts.iter().map(|(range, ..)| range.start).min().unwrap_or(0);
            let last = parts.iter().map(|(range, ..)| range.end).max().unwrap_or(0);
            let (line, Range { start, end }) = source.lines_of(first..last);
            // A carriage return before the line feed is no part of the line.
            let end = if end > last && bytes.get(end - 1) == Some(&b'\r') { end - 1 } else { end };
            if end - start > LONGEST_LINES {
                // Lines that nobody reads: the place must do.
                let column = source.text.get(start..first).unwrap_or_default().chars().count() + 1;
                group = group.element(Origin::path(one_line(&source.name)).line(line).char_column(column));
                continue;
            }
            let annotations = parts
                .into_iter()
                .map(|(range, text, kind)| kind.span(range.start - start..range.end - start).label(one_line(&text)));
            let lines = address::blanked(source.text.get(start..end).unwrap_or_default());
            let window = lines.split("\r\n").map(plain).collect::<Vec<_>>().join("\r\n");
            let snippet = Snippet::source(window).line_start(line).path(one_line(&source.name)).fold(true);
            group = group.element(snippet.annotations(annotations));
        }
        for remark in self.remarks {
            group = group.element(Level::NOTE.no_name().message(plain(remark)));
        }
        if let Some(help) = self.help {
            group = group.element(Level::HELP.message(plain(help)));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(width).render(&[group])
    }

    /// The places in a text that is not shown.
    fn withheld<'g>(&self, mut group: Group<'g>, source: &Source, sources: &Sources, id: SourceId) -> Group<'g> {
        let place = |span: Span| sources.place(span);
        if let Some(at) = self.span.filter(|span| span.source == id).map(place) {
            let (line, column) = (at.line as usize, at.column as usize);
            group = group.element(Origin::path(one_line(&source.name)).line(line).char_column(column));
        }
        for (span, text) in self.notes.iter().filter(|(span, _)| span.source == id) {
            let Place { file, line, column, .. } = place(*span);
            let note = format!("{text}: {}:{line}:{column}", one_line(&file));
            group = group.element(Level::NOTE.no_name().message(note));
        }
        group
    }
}

/// Control and direction-changing characters could move the cursor or forge lines; they are shown as `\u{…}`.
/// Tabs and line ends stay: byte positions of a snippet must not move more than they must.
#[must_use]
pub fn plain(text: &str) -> String {
    let unsafe_char = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.chars().any(unsafe_char) {
        return text.to_owned();
    }
    // A replacement of the same length in bytes and in characters keeps every caret and column where it belongs.
    let same_length = |c: char| match c.len_utf8() {
        1 => '?',
        2 => '\u{bf}',
        _ => '\u{fffd}',
    };
    text.chars().map(|c| if unsafe_char(c) { same_length(c) } else { c }).collect()
}

fn one_line(text: &str) -> String {
    plain(text).replace('\n', "\\n")
}

/// The part of a span that a snippet underlines: its first line, at least one character, on character borders.
fn underlined_range(text: &str, span: Span) -> Range<usize> {
    let mut start = (span.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (span.end as usize).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let first_line = text.get(start..end).unwrap_or_default();
    let end = first_line.find('\n').map_or(end, |i| start + first_line.get(..i).unwrap_or_default().trim_end().len());
    start..end.max(start)
}
