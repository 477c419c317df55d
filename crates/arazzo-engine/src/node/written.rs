//! Edits within a string of a document: the new text is written as the string is.

use std::ops::Range;

use serde_json::Value as Json;

use super::scalar::plain_scalar;
use super::{Kind, Node};
use crate::diagnostic::Edit;
use crate::source::{Sources, Span};

impl Node {
    /// The edit that puts `text` into the place of a part of this string; `range` counts bytes of its value. Nothing
    /// where the place is not known, and where the whole string must be written anew though it has `several` edits.
    pub(crate) fn rewrite(&self, sources: &Sources, range: Range<usize>, text: &str, several: bool) -> Option<Edit> {
        let (value, raw) = (self.as_str()?, sources.text(self.span));
        let (before, part, after) = (value.get(..range.start)?, value.get(range.clone())?, value.get(range.end..)?);
        let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''));
        let start = self.span.start as usize;
        let Some(quote) = quote else {
            let span = self.part(sources, range);
            // A folded string: the text of the value is not the text of the document.
            if sources.text(span) != part {
                return None;
            }
            if raw.contains('\n') || raw.starts_with(['|', '>']) || stays_plain(before, text, after) {
                return Some(Edit { span, text: text.to_owned() });
            }
            let quoted = Json::String([before, text, after].concat()).to_string();
            return (!several).then_some(Edit { span: self.span, text: quoted });
        };
        let part = escaped(part, quote);
        let at = if raw.get(1..raw.len().saturating_sub(1)) == Some(escaped(value, quote).as_str()) {
            1 + escaped(before, quote).len()
        } else {
            // It is folded, or has escapes that need not be: the part must be told by its text.
            let mut found = raw.match_indices(part.as_str()).filter(|_| !part.is_empty());
            let (at, _) = found.next()?;
            found.next().is_none().then_some(at)?
        };
        let span = Span::new(self.span.source, start + at..start + at + part.len());
        Some(Edit { span, text: escaped(text, quote) })
    }
}

/// A text as it stands between quotes.
fn escaped(text: &str, quote: char) -> String {
    if quote == '\'' {
        return text.replace('\'', "''");
    }
    let quoted = Json::String(text.to_owned()).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// `true` if a string without quotes needs none when `text` stands in it, also within `[…]` and `{…}`.
fn stays_plain(before: &str, text: &str, after: &str) -> bool {
    let whole = [before, text, after].concat();
    let begins = |c: char| !"-?:,[]{}#&*!|>'\"%@` ".contains(c);
    !text.contains(['{', '}', '[', ']', ',', '\n'])
        && whole.starts_with(begins)
        && !whole.contains(": ")
        && !whole.contains(" #")
        && !whole.ends_with([':', ' '])
        && matches!(plain_scalar(&whole), Kind::String(_))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::node::{Node, NodeLimits};
    use crate::source::Sources;

    #[test]
    fn an_edit_is_written_as_its_string_is() {
        let new = "'it''s'";
        for (written, old, new, expected) in [
            (r#"'a "x"'"#, "\"x\"", new, "'a ''it''''s'''"),
            (r#"'it''s "x"'"#, "\"x\"", new, "'it''s ''it''''s'''"),
            (r#""a \"x\"""#, "\"x\"", new, r#""a 'it''s'""#),
            (r#""a x""#, "x", "\"y\"", r#""a \"y\"""#),
            ("a x", "x", "'y'", "a 'y'"),
            ("/a/", "/a/", "a", "a"),
            ("/12/", "/12/", "12", "\"12\""),
            ("/a,b/", "/a,b/", "a,b", "\"a,b\""),
            ("/- a/", "/- a/", "- a", "\"- a\""),
            ("x y", "x", "{x}", "\"{x} y\""),
        ] {
            let text = format!("a: {written}\nb: [ 1 ]\n");
            let mut sources = Sources::default();
            let id = sources.add("t", "t", text.as_str());
            let node = Node::parse(&sources, id, NodeLimits::default()).unwrap();
            let string = node.get("a").unwrap();
            let value = string.as_str().unwrap();
            let at = value.find(old).unwrap();
            let edit = string.rewrite(&sources, at..at + old.len(), new, false).unwrap();
            let mut repaired = text.clone();
            repaired.replace_range(edit.span.range(), &edit.text);
            assert_eq!(repaired, format!("a: {expected}\nb: [ 1 ]\n"));
            let id = sources.add("u", "u", repaired.as_str());
            let node = Node::parse(&sources, id, NodeLimits::default()).unwrap();
            assert_eq!(node.get("a").unwrap().as_str(), Some(value.replace(old, new).as_str()), "{written}");
        }
        // Which of two is meant cannot be told where the text is folded.
        let mut sources = Sources::default();
        let id = sources.add("t", "t", "a: \"x\n  x\"\n");
        let node = Node::parse(&sources, id, NodeLimits::default()).unwrap();
        assert_eq!(node.get("a").unwrap().rewrite(&sources, 0..1, "y", false), None);
    }
}
