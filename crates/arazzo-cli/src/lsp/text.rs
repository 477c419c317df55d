//! Bytes of a text ↔ lines and columns, as client and server have agreed to count them.

use gen_lsp_types::{Position, Range};

/// How columns are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
}

/// The lines of a text, each with the byte at which it begins.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    encoding: Encoding,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str, encoding: Encoding) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            // Alone, it ends a line too.
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts, encoding }
    }

    /// The text of a line, without its end.
    fn line(&self, line: usize) -> &'t str {
        let start = self.starts.get(line).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n'])
    }

    /// The place of a byte; of one within a character, that of the character.
    pub(super) fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        let character = match self.encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => before.encode_utf16().count(),
        };
        Position { line: number(line), character: number(character) }
    }

    /// The byte at a place; behind the end of a line it is that end, behind the end of the text that.
    pub(super) fn offset(&self, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize) else { return self.text.len() };
        let line = self.line(position.line as usize);
        let wanted = position.character as usize;
        let (mut within, mut counted) = (0, 0);
        for c in line.chars() {
            let width = match self.encoding {
                Encoding::Utf8 => c.len_utf8(),
                Encoding::Utf16 => c.len_utf16(),
            };
            if counted + width > wanted {
                break;
            }
            counted += width;
            within += c.len_utf8();
        }
        start + within
    }

    /// The place of a range of bytes.
    pub(super) fn range(&self, range: std::ops::Range<usize>) -> Range {
        Range { start: self.position(range.start), end: self.position(range.end.max(range.start)) }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_bytes_are_each_others_inverse_in_both_encodings() {
        let text = "a\r\nπ𐐷b\n\r\n\rend";
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            let lines = Lines::new(text, encoding);
            for (at, c) in text.char_indices().filter(|(_, c)| !['\r', '\n'].contains(c)) {
                assert_eq!(lines.offset(lines.position(at)), at, "{c} in {encoding:?}");
            }
        }
        let at = |encoding, offset| Lines::new(text, encoding).position(offset);
        let b = text.find('b').unwrap_or_default();
        assert_eq!(at(Encoding::Utf16, b), Position { line: 1, character: 3 });
        assert_eq!(at(Encoding::Utf8, b), Position { line: 1, character: 6 });
        // A lone \r ends a line.
        assert_eq!(at(Encoding::Utf16, text.len()), Position { line: 4, character: 3 });
    }

    #[test]
    fn places_that_are_not_there_are_the_next_ones_that_are() {
        let lines = Lines::new("ab\n𐐷", Encoding::Utf16);
        assert_eq!(lines.offset(Position { line: 0, character: 9 }), 2);
        assert_eq!(lines.offset(Position { line: 7, character: 0 }), 7);
        // Within a pair of units: before the character.
        assert_eq!(lines.offset(Position { line: 1, character: 1 }), 3);
        assert_eq!(lines.position(99), Position { line: 1, character: 2 });
    }
}
