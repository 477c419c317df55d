//! A text that is no YAML, in words: the parser says where it stopped, and the slip is often before that.

use super::{Builder, Fault};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

impl Builder<'_> {
    /// A quote that was forgotten takes in the lines up to the next one, behind which nothing fits.
    fn open_quote(&self, at: usize, info: &str) -> Option<Diagnostic> {
        if !info.contains("quoted scalar") {
            return None;
        }
        let quote = if info.contains("double") { '"' } else { '\'' };
        let before = self.text.get(self.part.start..at)?;
        let close = before.rfind(quote)?;
        let open = before.get(..close)?.rfind(quote)?;
        let taken = before.get(open..close)?;
        if !taken.contains('\n') {
            return None;
        }
        let start = self.part.start + open;
        let end = start + taken.lines().next().unwrap_or_default().trim_end().len();
        let place = |range| Span::new(self.source, range);
        Some(
            Diagnostic::error(
                Code::YamlSyntax,
                place(start..end),
                "not valid YAML: this quote is not closed on its line",
            )
            .note(place(self.part.start + close..self.part.start + close + 1), "the text in quotes ends here")
            .help("close the quote".to_owned()),
        )
    }

    /// A line that is indented with a tab; it may be noticed at the end of the line before.
    fn tab(&self, at: usize, info: &str) -> Option<Diagnostic> {
        if !info.contains("tab") {
            return None;
        }
        let first = self.text.get(..at)?.rfind('\n').map_or(0, |before| before + 1);
        let mut start = first;
        let mut found = None;
        for line in self.text.get(first..)?.split_inclusive('\n').take(2) {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            found = found.or(line.get(..indent)?.find('\t').map(|tab| start + tab));
            start += line.len();
        }
        let tab = found?;
        Some(
            Diagnostic::error(
                Code::YamlSyntax,
                Span::new(self.source, tab..tab + 1),
                "not valid YAML: this line is indented with a tab",
            )
            .help("indent with blanks: YAML does not allow tabs".to_owned()),
        )
    }

    /// A line without `:` goes on in the next one, whose `:` is then one too many.
    fn without_colon(&self, at: usize, info: &str) -> Option<Diagnostic> {
        if !info.contains("mapping values") {
            return None;
        }
        let start = self.text.get(self.part.start..at)?.rfind('\n').map(|before| self.part.start + before + 1)?;
        let line = self.text.get(start..at)?;
        let before = self.text.get(self.part.start..start)?.trim_end();
        let from = self.part.start + before.rfind('\n').map_or(0, |line| line + 1);
        let written = self.text.get(from..self.part.start + before.len())?;
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
        let content = written.get(indent(written)..)?;
        let plain = content.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !content.contains(':');
        if !plain || indent(written) != indent(line) || line.contains(": ") {
            return None;
        }
        let place = Span::new(self.source, from + indent(written)..from + written.len());
        let message = "not valid YAML: this line has no `:` between a key and a value";
        Some(Diagnostic::error(Code::YamlSyntax, place, message).help("write `key: value`".to_owned()))
    }

    /// A line that begins in a column at which no open key or list stands: the nearest one is what it was meant to be
    /// beside.
    fn misaligned(&self, at: usize, info: &str) -> Option<Diagnostic> {
        if !info.contains("did not find expected") && !info.contains("mapping values") {
            return None;
        }
        let part = self.text.get(self.part.start..)?;
        let first = part.get(..at - self.part.start)?.rfind('\n').map_or(0, |before| before + 1);
        let line = part.get(first..)?.lines().next()?;
        let (indent, is_item) = beginning(line)?;
        // A line of a flow or of a text is not where the slip is, nor is the first line below a key.
        let before = part.get(..first)?.lines().rev().find(|line| beginning(line).is_some())?;
        let opens = before.trim_end().ends_with(':') && beginning(before)?.0 < indent;
        if opens || !is_item && !line.contains(':') {
            return None;
        }
        let (mut levels, mut lowest) = (vec![], usize::MAX);
        for (number, before) in part.get(..first)?.lines().enumerate().collect::<Vec<_>>().into_iter().rev() {
            let Some((column, item)) = beginning(before).filter(|(column, _)| *column < lowest) else { continue };
            if item {
                let content = before.get(column + 1..)?;
                let blanks = content.len() - content.trim_start().len();
                levels.push((column + 1 + blanks, false, number, content.trim()));
            }
            levels.push((column, item, number, before.trim()));
            lowest = column;
        }
        if levels.iter().any(|(column, item, ..)| (*column, *item) == (indent, is_item)) {
            return None;
        }
        let same = levels.iter().filter(|(_, item, ..)| *item == is_item);
        let (column, _, number, beside) = same.min_by_key(|(column, ..)| column.abs_diff(indent))?;
        let beside = beside.split(':').next().unwrap_or_default().trim();
        let number = number + 1 + self.text.get(..self.part.start)?.matches('\n').count();
        let start = self.part.start + first + indent;
        let end = start + line.get(indent..)?.split(':').next().unwrap_or_default().trim_end().len();
        let kind = if is_item { "item" } else { "key" };
        let message = format!("not valid YAML: this {kind} is indented by {}, as no {kind} above is", blanks(indent));
        let help = match column {
            0 => format!("begin it at the margin, as `{beside}` in line {number}"),
            column => format!("indent it by {}, as `{beside}` in line {number}", blanks(*column)),
        };
        Some(Diagnostic::error(Code::YamlSyntax, Span::new(self.source, start..end), message).help(help))
    }

    pub(super) fn syntax(&self, error: &granit_parser::ScanError) -> Fault {
        let at = (error.marker().byte_offset().unwrap_or(0) + self.part.start).min(self.text.len());
        let next =
            self.text.get(at..).and_then(|t| t.chars().next()).map_or(0, |c| if c == '\n' { 0 } else { c.len_utf8() });
        let info = error.info();
        if info.contains("nesting") || info.contains("recursion") {
            return self.too_deep(at..at + next);
        }
        let known = self
            .open_quote(at, &info)
            .or_else(|| self.tab(at, &info))
            .or_else(|| self.unclosed(at, &info))
            .or_else(|| self.glued(at, &info))
            .or_else(|| self.without_colon(at, &info))
            .or_else(|| self.unquoted(at, &info));
        if let Some(fault) = known.or_else(|| self.misaligned(at, &info)) {
            return Box::new(fault);
        }
        let diagnostic = Diagnostic::error(
            Code::YamlSyntax,
            Span::new(self.source, at..at + next),
            format!("not valid YAML: {info}"),
        );
        let line_start = self.text.get(..at).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
        let line = self.text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let help = if info.contains("mapping values") && line.matches(": ").count() > 1 {
            Some("a value that contains `: ` must be quoted".to_owned())
        } else if info.contains("unclosed quote") {
            Some("close the quote where its text ends".to_owned())
        } else {
            None
        };
        Box::new(diagnostic.help(help))
    }
}

/// The column at which a line begins, and whether it is an item of a list; nothing for a blank one and a comment.
fn beginning(line: &str) -> Option<(usize, bool)> {
    let content = line.trim_start_matches(' ');
    if content.trim().is_empty() || content.starts_with('#') {
        return None;
    }
    Some((line.len() - content.len(), content == "-" || content.starts_with("- ")))
}

fn blanks(count: usize) -> String {
    if count == 1 { "1 blank".to_owned() } else { format!("{count} blanks") }
}
