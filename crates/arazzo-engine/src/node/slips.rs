//! Texts that YAML reads as something else than a text, because of a sign in them: which value is meant, and how it is
//! quoted.

use super::Builder;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Signs with which a text without quotes may not begin.
const FIRST: [char; 6] = ['@', '`', '%', '*', '&', '!'];

impl Builder<'_> {
    /// A value that needs quotes, where the parser stops in it or behind its first part.
    pub(super) fn unquoted(&self, at: usize, info: &str) -> Option<Diagnostic> {
        let stops = ["did not find expected", "unexpected character", "unknown anchor", "trailing content"];
        if !stops.iter().any(|words| info.contains(words)) && !info.contains("mapping values") {
            return None;
        }
        let (line_start, line) = self.line_at(at)?;
        let (start, of_key) = value_start(line, at.checked_sub(line_start)?)?;
        let rest = line.get(start..)?;
        let first = rest.chars().next()?;
        let in_flow = line.get(..start)?.contains(['{', '[']);
        let quoted = matches!(first, '\'' | '"');
        let value = if quoted { through_quotes(rest, first, in_flow)? } else { whole(rest, in_flow) };
        let odd = if quoted {
            info.contains("trailing content")
        } else {
            // A flow that begins here and is the whole value is none.
            // What begins an item may be a key itself.
            let colon = of_key && value.contains(": ");
            value.len() > 1 && (FIRST.contains(&first) || value.contains(['{', '[']) || colon)
        };
        let is_flow = value.starts_with('{') && value.ends_with('}') || value.starts_with('[') && value.ends_with(']');
        if !odd || is_flow || self.text.get(line_start + start..at).is_none() {
            return None;
        }
        let why = match first {
            '\'' | '"' => format!("the quote `{first}` ends before the text does"),
            '`' => "a text without quotes does not begin with a backtick".to_owned(),
            first if FIRST.contains(&first) => format!("a text without quotes does not begin with `{first}`"),
            _ if value.contains(": ") => "a text without quotes has no `: ` in it".to_owned(),
            _ => "the braces or brackets in this text are read as YAML".to_owned(),
        };
        let start = line_start + start;
        let place = Span::new(self.source, start..start + value.len());
        let fault = Diagnostic::error(Code::YamlSyntax, place, format!("not valid YAML: {why}"));
        let right = if quoted { requoted(value, first)? } else { in_quotes(value) };
        Some(fault.help(format!("quote the whole value: {right}")))
    }

    /// A brace or bracket without its end: it was forgotten, or what looks like a fragment is a comment.
    pub(super) fn unclosed(&self, at: usize, info: &str) -> Option<Diagnostic> {
        let at = match info.contains("unclosed bracket") {
            true => at,
            // What follows in the next line was taken into the flow.
            false if info.contains("did not find expected ','") || info.contains("only valid inside a block") => {
                self.left_open(at)?
            }
            false => return None,
        };
        let (line_start, line) = self.line_at(at)?;
        let open = line.get(at - line_start..)?;
        let (sign, close) = match open.chars().next()? {
            '{' => ('{', '}'),
            '[' => ('[', ']'),
            _ => return None,
        };
        let fragment = open
            .find(" #/")
            .or_else(|| open.find(" #").filter(|hash| open.get(*hash..).is_some_and(|rest| rest.contains(close))));
        let place = |range| Span::new(self.source, range);
        if let Some(hash) = fragment {
            let message = "not valid YAML: ` #` begins a comment, and takes the rest of the line with it";
            let fault = Diagnostic::error(Code::YamlSyntax, place(at + hash + 1..at + open.trim_end().len()), message);
            return Some(
                fault
                    .note(place(at..at + 1), format!("this `{sign}` is not closed then"))
                    .help("write no blank before the `#`, or quote the value"),
            );
        }
        let fault = Diagnostic::error(
            Code::YamlSyntax,
            place(at..at + 1),
            format!("not valid YAML: this `{sign}` is not closed"),
        );
        Some(fault.help(format!("close it with `{close}`")))
    }

    /// The brace or bracket that the line before leaves open, where a key or an item begins the line of an offset.
    fn left_open(&self, at: usize) -> Option<usize> {
        let (line_start, line) = self.line_at(at)?;
        let content = line.trim_start_matches(' ');
        let is_block = content.starts_with("- ")
            || content.split_once(':').is_some_and(|(key, _)| !key.contains([' ', '{', '[', ',']));
        let before = self.text.get(..line_start)?.trim_end();
        let start = before.rfind('\n').map_or(0, |line| line + 1);
        let (mut open, mut quote) = (vec![], None);
        let line = before.get(start..)?;
        for (index, c) in line.char_indices() {
            match (c, quote) {
                // What follows is a comment.
                ('#', None) if line.get(..index).is_some_and(|before| before.ends_with(' ')) => break,
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(known)) if c == known => quote = None,
                ('{' | '[', None) => open.push(start + index),
                ('}' | ']', None) => drop(open.pop()),
                _ => {}
            }
        }
        open.first().copied().filter(|_| is_block && quote.is_none())
    }

    /// What is glued to the sign before it: `-stepId: a`, `operationId:createBook`.
    pub(super) fn glued(&self, at: usize, info: &str) -> Option<Diagnostic> {
        let (line_start, line) = self.line_at(at)?;
        let content = line.trim_start_matches(' ');
        let start = line_start + line.len() - content.len();
        let is_key =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-$".contains(c));
        let fault = |length: usize, message: &str| {
            Diagnostic::error(Code::YamlSyntax, Span::new(self.source, start..start + length), message.to_owned())
        };
        if let Some((key, _)) = content.strip_prefix('-').and_then(|rest| rest.split_once(':'))
            && key.starts_with(|c: char| c.is_ascii_alphabetic())
            && is_key(key)
        {
            let written = content.trim_end().strip_prefix('-').unwrap_or_default();
            let message = "not valid YAML: the `-` of a list stands before a blank";
            return Some(fault(1, message).help(format!("write - {written}")));
        }
        let (key, value) = content.trim_end().split_once(':')?;
        let (key, dash) = key.strip_prefix("- ").map_or((key, ""), |key| (key, "- "));
        if info.contains("expected ':'") && is_key(key) && !value.starts_with([' ', '/']) && !value.is_empty() {
            let message = "not valid YAML: a blank stands behind the `:` of a key";
            return Some(fault(dash.len() + key.len() + 1, message).help(format!("write {dash}{key}: {value}")));
        }
        None
    }

    /// A text that begins with `!`, which is a tag to YAML; `end` is behind it.
    pub(super) fn text_as_tag(&self, end: usize, tag: &str) -> Option<Diagnostic> {
        if tag.starts_with("!!") || !tag.contains(['$', '{', '(', '.', '#', '=']) {
            return None;
        }
        let (line_start, line) = self.line_at(end.min(self.text.len()))?;
        let start = line.rfind(tag)?;
        let in_flow = line.get(..start)?.contains(['{', '[']);
        let value = whole(line.get(start..)?, in_flow);
        let place = Span::new(self.source, line_start + start..line_start + start + value.len());
        let message = format!("`{tag}` is read as a tag: a text without quotes does not begin with `!`");
        Some(
            Diagnostic::error(Code::YamlTag, place, message)
                .help(format!("quote the whole value: {}", in_quotes(value))),
        )
    }

    /// The line that an offset stands in, and where it begins.
    fn line_at(&self, at: usize) -> Option<(usize, &str)> {
        let start = self.text.get(..at)?.rfind('\n').map_or(0, |before| before + 1);
        Some((start, self.text.get(start..)?.lines().next()?))
    }
}

/// Where the value begins that stands at an offset of a line, and whether it is that of a key: behind the last `: `, or at the
/// beginning of an item.
fn value_start(line: &str, at: usize) -> Option<(usize, bool)> {
    // The parser may stop at the `:` of a value, or in front of what follows it.
    let before = line.get(..at)?;
    let colon = before.rfind(": ").map(|colon| colon + 2);
    let item = || {
        let content = before.trim_start_matches([' ', '-']);
        (before.len() > content.len()).then_some(before.len() - content.len())
    };
    let start = colon.or_else(item)?;
    let blanks = line.get(start..)?.len() - line.get(start..)?.trim_start().len();
    Some((start + blanks, colon.is_some()))
}

/// The text from its first letter to where the value ends: in a flow, before the sign that ends it there.
fn whole(rest: &str, in_flow: bool) -> &str {
    let rest = rest.split(" #").next().unwrap_or(rest).trim_end();
    if !in_flow {
        return rest;
    }
    let mut depth = 0_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' if depth == 0 => return rest.get(..at).unwrap_or(rest).trim_end(),
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => return rest.get(..at).unwrap_or(rest).trim_end(),
            _ => {}
        }
    }
    rest
}

/// A text in quotes that go on behind their end: up to the last one of the line.
fn through_quotes(rest: &str, quote: char, in_flow: bool) -> Option<&str> {
    let end = if in_flow { rest.rfind(quote)? + 1 } else { rest.trim_end().len() };
    rest.get(..end).filter(|text| text.matches(quote).count() > 2 || !in_flow)
}

/// The text in quotes that it has not in it.
fn in_quotes(text: &str) -> String {
    if text.contains(['"', '\\']) { format!("'{}'", text.replace('\'', "''")) } else { format!("\"{text}\"") }
}

/// A text with quotes around it and the same ones in it: double ones outside, and single ones inside.
fn requoted(text: &str, quote: char) -> Option<String> {
    let inner = text.strip_prefix(quote)?;
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    let inner = if quote == '"' { inner.replace('"', "'") } else { inner.to_owned() };
    (!inner.contains(['"', '\\'])).then(|| format!("\"{inner}\""))
}
