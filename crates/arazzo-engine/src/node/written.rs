//! Edits within a string of a document: the new text is written as the string is.

use std::ops::Range;

use crate::value::Json;

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
            // Which of several is meant cannot be told where the text is folded.
            if place(raw, value, range.start).is_none() && raw.matches(part).count() > 1 {
                return None;
            }
            let span = self.part(sources, range);
            // A folded string: the text of the value is not the text of the document.
            if sources.text(span) != part {
                return None;
            }
            if raw.contains('\n') || self.is_block(sources) || stays_plain(before, text, after) {
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

impl Node {
    /// The edit that takes a member out of an object: its line, or its pair in braces with the comma beside it. Nothing
    /// where something else would go with it.
    pub(crate) fn without_member(&self, sources: &Sources, name: &str) -> Option<Edit> {
        let (key, value) = self.member(name)?;
        let text = &sources.get(key.span.source)?.text;
        let start = key.span.start as usize;
        // Where no value is written, its place is anywhere.
        let written = value.span.start >= key.span.end && value.span.start < value.span.end;
        let behind_key = key.span.end as usize + text.get(key.span.end as usize..)?.find(':')? + 1;
        let end = if written { value.span.end as usize } else { behind_key };
        let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
        let after = text.get(end..)?;
        let rest = after.lines().next().unwrap_or_default();
        let cut = |range: Range<usize>| Some(Edit { span: Span::new(key.span.source, range), text: String::new() });
        if text.get(line..start)?.trim().is_empty() && rest.trim().is_empty() {
            return cut(line..(end + rest.len() + 1).min(text.len()));
        }
        if let Some(next) = after.trim_start().strip_prefix(',') {
            return cut(start..text.len() - next.trim_start().len());
        }
        let before = text.get(..start)?.trim_end();
        if before.ends_with(',') && after.trim_start().starts_with('}') {
            return cut(before.len() - 1..end);
        }
        None
    }

    /// The edit that takes an item out of a list that has others: its lines, or its place in brackets with the comma beside
    /// it. Nothing where something else would go with it.
    pub(crate) fn without_item(&self, sources: &Sources, index: usize) -> Option<Edit> {
        let (items, text) = (self.items(), &sources.get(self.span.source)?.text);
        let item = items.get(index).filter(|item| items.len() > 1 && item.span.start < item.span.end)?;
        let (start, end) = (item.span.start as usize, written_end(text, item.span)?);
        let after = text.get(end..)?;
        let cut = |range: Range<usize>| Some(Edit { span: Span::new(item.span.source, range), text: String::new() });
        if sources.text(self.span).starts_with('[') {
            return match after.trim_start().strip_prefix(',') {
                Some(next) if !next.trim_start().starts_with(']') => cut(start..text.len() - next.trim_start().len()),
                _ => {
                    let before = text.get(..start)?.trim_end();
                    before.ends_with(',').then(|| cut(before.len() - 1..end))?
                }
            };
        }
        let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
        let rest = after.lines().next().unwrap_or_default();
        let alone = text.get(line..start)?.trim() == "-" && rest.trim().is_empty();
        alone.then(|| cut(line..(end + rest.len() + 1).min(text.len())))?
    }

    /// The values around a place, from this one inwards; the last begins and ends there.
    fn values_around(&self, place: Span) -> Vec<&Self> {
        let holds = |node: &&Self| {
            node.span.source == place.source && node.span.start <= place.start && place.end <= node.span.end
        };
        let mut way = vec![self];
        while let Some(last) = way.last() {
            let mut below = last.items().iter().chain(last.members().iter().map(|(_, value)| value));
            let Some(next) = below.find(holds) else { break };
            way.push(next);
        }
        way
    }

    /// The edit that takes the item of a list out of which a value at this place is a member, and the list with it where
    /// it is the only one. Nothing for what stands elsewhere.
    pub(crate) fn without_item_around(&self, sources: &Sources, value: Span, list: &str) -> Option<Edit> {
        let way = self.values_around(value);
        let [.., parent, items, item, last] = way.as_slice() else { return None };
        let (_, own) = parent.member(list).filter(|(_, own)| last.span == value && own.span == items.span)?;
        match own.items() {
            [_] => parent.without_member(sources, list),
            several => items.without_item(sources, several.iter().position(|one| one.span == item.span)?),
        }
    }

    /// The edit that takes the member out of an object that holds a value at this place.
    pub(crate) fn without_member_around(&self, sources: &Sources, value: Span, name: &str) -> Option<Edit> {
        let way = self.values_around(value);
        let [.., object, last] = way.as_slice() else { return None };
        object.member(name).filter(|(_, own)| last.span == value && own.span == value)?;
        object.without_member(sources, name)
    }

    /// The edits that make a list of one of an object.
    pub(crate) fn in_list(&self, sources: &Sources) -> Option<Vec<Edit>> {
        let source = self.span.source;
        let (text, start) = (&sources.get(source)?.text, self.span.start as usize);
        let end = written_end(text, self.span)?;
        let edit = |range: Range<usize>, text: String| Edit { span: Span::new(source, range), text };
        if sources.text(self.span).starts_with('{') {
            return Some(vec![edit(start..start, "[".to_owned()), edit(end..end, "]".to_owned())]);
        }
        let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
        text.get(line..start).filter(|indent| indent.trim().is_empty())?;
        let mut lines = text.get(start..end)?.split_inclusive('\n');
        let first = lines.next()?;
        let others = lines.map(|line| if line.trim().is_empty() { line.to_owned() } else { format!("  {line}") });
        Some(vec![edit(start..end, format!("- {first}{}", others.collect::<String>()))])
    }

    /// The edits that make a list of an object of objects, with the keys as members of this name.
    pub(crate) fn in_list_with_keys(&self, sources: &Sources, name: &str) -> Option<Vec<Edit>> {
        let source = self.span.source;
        let text = &sources.get(source)?.text;
        let edit = |range: Range<usize>, text: String| Edit { span: Span::new(source, range), text };
        let column =
            |at: u32| text.get(..at as usize).map(|before| before.len() - before.rfind('\n').map_or(0, |n| n + 1));
        let flow = sources.text(self.span).starts_with('{');
        let mut edits = vec![];
        for (key, value) in self.members() {
            let (start, inside) = (key.span.start as usize, value.span.start as usize);
            let (first, _) = value.members().first().filter(|_| value.member(name).is_none())?;
            let between = text.get(key.span.end as usize..inside)?;
            let quoted = scalar_of(&key.name);
            // In JSON, names and texts are in quotes.
            if sources.text(key.span).starts_with('"') && sources.text(value.span).starts_with('{') && flow {
                let member = format!("{{\"{name}\": {}, ", Json::from(key.name.as_str()));
                edits.push(edit(start..inside + 1, member));
                continue;
            }
            if sources.text(value.span).starts_with('{') && between.trim() == ":" {
                let open = if flow { "{" } else { "- {" };
                edits.push(edit(start..inside + 1, format!("{open}{name}: {quoted}, ")));
            } else if !flow && between.trim() == ":" && column(first.span.start)? >= column(key.span.start)? + 2 {
                let rest = between.find('\n').filter(|at| between.get(..*at).is_some_and(|head| head.trim() == ":"))?;
                let head = format!("- {name}: {quoted}");
                let too_far = column(first.span.start)? - column(key.span.start)? - 2;
                let below = key.span.end as usize + rest;
                if too_far == 0 {
                    // What stands below is where it has to be behind a dash.
                    edits.push(edit(start..below, head));
                    continue;
                }
                let end = written_end(text, value.span)?;
                let lines = text.get(below..end)?.split_inclusive('\n');
                let nearer = lines.map(|line| line.strip_prefix(" ".repeat(too_far).as_str()).unwrap_or(line));
                edits.push(edit(start..end, format!("{head}{}", nearer.collect::<String>())));
            } else {
                return None;
            }
        }
        if flow {
            let (start, end) = (self.span.start as usize, written_end(text, self.span)?);
            edits.push(edit(start..start + 1, "[".to_owned()));
            edits.push(edit(end - 1..end, "]".to_owned()));
        }
        Some(edits)
    }

    /// The edit that adds entries, written as JSON, to the list of a member; without one, it is written before another.
    pub(crate) fn with_entries(&self, sources: &Sources, name: &str, entries: &[String], before: &str) -> Option<Edit> {
        let joined = entries.join(", ");
        if let Some((_, list)) = self.member(name) {
            let (source, written) = (list.span.source, sources.text(list.span));
            if written.starts_with('[') {
                let end = list.span.end as usize - 1;
                let text = if list.items().is_empty() { joined } else { format!(", {joined}") };
                return Some(Edit { span: Span::new(source, end..end), text });
            }
            let last = list.items().last()?.span;
            let text = &sources.get(source)?.text;
            let line = text.get(..last.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
            let dash = text.get(line..last.start as usize)?;
            let indent = dash.strip_suffix("- ").filter(|indent| indent.trim().is_empty())?;
            let text = entries.iter().map(|entry| format!("\n{indent}- {entry}")).collect();
            return Some(Edit { span: Span::new(source, last.end as usize..last.end as usize), text });
        }
        let (key, _) = self.member(before)?;
        let source = key.span.source;
        let at = key.span.start as usize;
        let text = &sources.get(source)?.text;
        let line = text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
        let indent = text.get(line..at)?;
        let quoted = sources.text(key.span).starts_with('"');
        let text = match (indent.trim().is_empty(), quoted) {
            (true, false) => format!("{name}: [{joined}]\n{indent}"),
            (_, true) => format!("\"{name}\": [{joined}], "),
            // Behind a dash, or in braces.
            (false, false) if indent.trim() == "-" => return None,
            (false, false) => format!("{name}: [{joined}], "),
        };
        Some(Edit { span: Span::new(source, at..at), text })
    }

    /// `true` for the text of a block scalar: `|` or `>` ends the line above, with what follows it there.
    fn is_block(&self, sources: &Sources) -> bool {
        let text = sources.get(self.span.source).and_then(|source| source.text.get(..self.span.start as usize));
        let Some((above, own)) = text.and_then(|text| text.rsplit_once('\n')) else { return false };
        let above = above.lines().last().unwrap_or_default();
        let above = above.split(" #").next().unwrap_or_default().trim_end();
        let head = above.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
        own.trim().is_empty() && (head.ends_with(" |") || head.ends_with(" >"))
    }
}

/// The end of what is written of a value: blanks and lines behind it are no part of it.
fn written_end(text: &str, span: Span) -> Option<usize> {
    let written = text.get(span.start as usize..span.end as usize)?;
    Some(span.start as usize + written.trim_end().len())
}

/// The byte of a text of the document at which the byte `at` of its value stands: where the value stands there as it is,
/// or line by line behind an indentation, as in a block.
pub(super) fn place(raw: &str, value: &str, at: usize) -> Option<usize> {
    if let Some(start) = raw.find(value) {
        return Some(start + at);
    }
    let (mut in_raw, mut in_value) = (0, 0);
    let mut lines = raw.split_inclusive('\n');
    for line in value.split_inclusive('\n') {
        let written = lines.next()?;
        let (text, own) = (line.trim_end_matches('\n'), written.trim_end_matches(['\n', '\r']));
        if !own.ends_with(text) || !own.get(..own.len() - text.len())?.trim().is_empty() {
            return None;
        }
        if at < in_value + line.len() {
            return Some(in_raw + own.len() - text.len() + (at - in_value));
        }
        in_raw += written.len();
        in_value += line.len();
    }
    None
}

/// A text as a scalar of YAML that can stand anywhere, also in braces and as a key: in quotes where it needs them.
#[must_use]
pub fn scalar_of(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-$./#=!<>&|()' ".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '$' | '/' | '('));
    let plain = begins && text.chars().all(harmless) && !text.contains(" #") && !text.ends_with(' ');
    match plain_scalar(text) {
        Kind::String(_) if plain => text.to_owned(),
        _ => quoted(text),
    }
}

/// A text in the quotes of JSON, with everything written out that YAML does not take as it is, or takes for the end of a line.
fn quoted(text: &str) -> String {
    let hidden =
        |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let mut whole = String::new();
    for c in Json::String(text.to_owned()).to_string().chars() {
        match hidden(c) {
            true => whole.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => whole.push(c),
        }
    }
    whole
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
        // A block needs no quotes, and would keep them.
        for (written, expected) in
            [("|\n  x, y", "|\n  {x}, y"), (">-\n  x, y", ">-\n  {x}, y"), ("|2- # why\n  x, y", "|2- # why\n  {x}, y")]
        {
            let text = format!("a: {written}\nb: [ 1 ]\n");
            let mut sources = Sources::default();
            let id = sources.add("t", "t", text.as_str());
            let node = Node::parse(&sources, id, NodeLimits::default()).unwrap();
            let edit = node.get("a").unwrap().rewrite(&sources, 0..1, "{x}", false).unwrap();
            let mut repaired = text.clone();
            repaired.replace_range(edit.span.range(), &edit.text);
            assert_eq!(repaired, format!("a: {expected}\nb: [ 1 ]\n"));
        }
        // In a block each part stands in its own line.
        let text = "a: |\n  x {\n    y: x\n  }\n";
        let mut sources = Sources::default();
        let id = sources.add("t", "t", text);
        let node = Node::parse(&sources, id, NodeLimits::default()).unwrap();
        let edit = node.get("a").unwrap().rewrite(&sources, 9..10, "z", false).unwrap();
        let mut repaired = text.to_owned();
        repaired.replace_range(edit.span.range(), &edit.text);
        assert_eq!(repaired, "a: |\n  x {\n    y: z\n  }\n");
        // Which of two is meant cannot be told where the text is folded.
        let mut sources = Sources::default();
        let id = sources.add("t", "t", "a: \"x\n  x\"\n");
        let node = Node::parse(&sources, id, NodeLimits::default()).unwrap();
        assert_eq!(node.get("a").unwrap().rewrite(&sources, 0..1, "y", false), None);
    }
}
