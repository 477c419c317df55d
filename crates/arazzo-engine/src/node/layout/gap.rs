//! What stands between two values of a text: comments, empty lines, and the signs of YAML.

use std::collections::VecDeque;
use std::ops::Range;

use super::Unknown;

/// A line without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Empty,
    /// With its `#`.
    Comment(String),
}

/// A part of what stands between two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Empty,
    /// With its `#`, and whether it has a line of its own.
    Comment {
        text: String,
        column: usize,
        is_alone: bool,
    },
    Dash {
        column: usize,
    },
    Colon,
    /// `---`
    Marker,
    /// An anchor or a tag.
    Property(String),
    /// `|`, `>-`
    Header(String),
    /// Brackets, braces, commas.
    Flow,
}

/// The parts between two values, in their order.
#[derive(Debug, Default)]
pub(super) struct Gap {
    pieces: VecDeque<Piece>,
    pub(super) start: usize,
    /// The byte behind the line of a `|` or `>`: what follows is a text.
    pub(super) header_end: usize,
}

impl Gap {
    pub(super) fn read(text: &str, range: Range<usize>) -> Result<Self, Unknown> {
        let mut gap = Self { start: range.start, ..Self::default() };
        let mut at = range.start;
        // Nothing but blanks so far in this line.
        let mut is_alone = at == 0 || text.get(..at).is_some_and(|before| before.ends_with('\n'));
        while let Some(c) = text.get(at..range.end).and_then(|rest| rest.chars().next()) {
            let rest = text.get(at..).unwrap_or_default();
            let line = rest.lines().next().unwrap_or_default();
            let column = at - text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
            let word = |from: usize| {
                let word = rest.get(from..).unwrap_or_default();
                from + word.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)).unwrap_or(word.len())
            };
            let (piece, length) = match c {
                '\n' => {
                    gap.pieces.extend(is_alone.then_some(Piece::Empty));
                    is_alone = true;
                    at += 1;
                    continue;
                }
                ' ' | '\t' => {
                    at += 1;
                    continue;
                }
                '#' => (Piece::Comment { text: line.trim_end().to_owned(), column, is_alone }, line.len()),
                '-' if column == 0 && line.trim_end() == "---" => (Piece::Marker, line.len()),
                '-' if line.get(1..2).is_none_or(|next| next.trim().is_empty()) => (Piece::Dash { column }, 1),
                ':' => (Piece::Colon, 1),
                '&' | '!' => (Piece::Property(rest.get(..word(1)).unwrap_or_default().to_owned()), word(1)),
                '|' | '>' => {
                    let length = word(1);
                    gap.pieces.push_back(Piece::Header(rest.get(..length).unwrap_or_default().to_owned()));
                    let comment = line.get(length..).unwrap_or_default();
                    if let Some(begin) = comment.find('#') {
                        let text = comment.get(begin..).unwrap_or_default().trim_end().to_owned();
                        gap.pieces.push_back(Piece::Comment { text, column: 0, is_alone: false });
                    }
                    gap.header_end = (at + line.len() + 1).min(text.len());
                    return Ok(gap);
                }
                ',' | '[' | ']' | '{' | '}' => (Piece::Flow, 1),
                '?' => return Err(Unknown { at, what: "a name that begins with `?`" }),
                '.' => return Err(Unknown { at, what: "a line that ends the document" }),
                '%' => return Err(Unknown { at, what: "a directive" }),
                _ => return Err(Unknown { at, what: "something that is no value and no comment" }),
            };
            gap.pieces.push_back(piece);
            is_alone = false;
            at += length;
        }
        Ok(gap)
    }

    pub(super) fn peek(&self) -> Option<&Piece> {
        self.pieces.front()
    }

    pub(super) fn take(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    pub(super) fn take_if(&mut self, test: impl Fn(&Piece) -> bool) -> Option<Piece> {
        self.peek().is_some_and(test).then(|| self.pieces.pop_front())?
    }

    /// Comments and empty lines, up to something else.
    pub(super) fn lines(&mut self) -> Vec<Line> {
        let mut lines = vec![];
        loop {
            match self.take_if(|piece| matches!(piece, Piece::Empty | Piece::Comment { .. })) {
                Some(Piece::Comment { text, .. }) => lines.push(Line::Comment(text)),
                Some(_) => lines.push(Line::Empty),
                None => return lines,
            }
        }
    }

    /// Comments that are indented at least so far, and further than what follows them, with the empty lines before them.
    pub(super) fn lines_from(&mut self, own: usize, following: Option<usize>) -> Vec<Line> {
        let is_own = |piece: &Piece| match piece {
            Piece::Comment { column, .. } => *column >= own && following.is_none_or(|next| *column > next),
            _ => false,
        };
        let mut lines = vec![];
        loop {
            let empty = self.pieces.iter().take_while(|piece| **piece == Piece::Empty).count();
            if !self.pieces.get(empty).is_some_and(is_own) {
                return lines;
            }
            for _ in 0..=empty {
                match self.take() {
                    Some(Piece::Comment { text, .. }) => lines.push(Line::Comment(text)),
                    _ => lines.push(Line::Empty),
                }
            }
        }
    }

    /// The comment in the line of what was read last.
    pub(super) fn beside(&mut self) -> Option<String> {
        match self.take_if(|piece| matches!(piece, Piece::Comment { is_alone: false, .. })) {
            Some(Piece::Comment { text, .. }) => Some(text),
            _ => None,
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.take_if(|piece| *piece == Piece::Empty).is_some() {}
    }

    /// Anchor and tag, as they are written.
    pub(super) fn properties(&mut self) -> String {
        let mut words = vec![];
        while let Some(Piece::Property(word)) = self.take_if(|piece| matches!(piece, Piece::Property(_))) {
            words.push(word);
        }
        words.join(" ")
    }

    /// The column of the next dash, if nothing else stands before it.
    pub(super) fn first_column(&self) -> Option<usize> {
        let lines = self.pieces.iter().find(|piece| !matches!(piece, Piece::Empty | Piece::Comment { .. }))?;
        if let Piece::Dash { column } = lines { Some(*column) } else { None }
    }
}
