//! `# arazzo-ignore: code`: what an author has looked at and wants to keep.
//!
//! A comment behind something speaks of its line, one that stands alone of the next line; `# arazzo-ignore-file: code`
//! of the whole document. One that ignores nothing is said.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Help, nearest};
use crate::source::{SourceId, Sources, Span};

/// A code that a comment ignores.
struct Ignored<'t> {
    code: &'t str,
    span: Span,
    /// The line that it speaks of, from 0; the whole document without one.
    line: Option<usize>,
    used: bool,
}

/// Leaves out what comments in the text of `source` ignore; how many that were. `whole` is `true` if everything was
/// looked at, so that a comment that ignores nothing is one too many.
#[must_use]
pub fn ignore(found: Diagnostics, sources: &Sources, source: SourceId, whole: bool) -> (Diagnostics, usize) {
    let Some(text) = sources.get(source).map(|source| source.text.clone()) else { return (found, 0) };
    let mut comments = comments(&text, source);
    if comments.is_empty() {
        return (found, 0);
    }
    let mut left = Diagnostics::default();
    let mut count = 0;
    for diagnostic in found {
        let line =
            diagnostic.span.filter(|span| span.source == source).map(|span| sources.place(span).line as usize - 1);
        let of = comments.iter_mut().find(|comment| {
            comment.code == diagnostic.code.word() && line.is_some() && (comment.line.is_none() || comment.line == line)
        });
        match of {
            Some(comment) => {
                comment.used = true;
                count += 1;
            }
            None => left.push(diagnostic),
        }
    }
    for comment in comments.iter().filter(|comment| !comment.used) {
        let known = comment.code.parse::<Code>().is_ok();
        if known && !whole {
            continue;
        }
        let diagnostic = if known {
            Diagnostic::warning(
                Code::UnusedIgnore,
                comment.span,
                format!("there is no `{}` here to ignore", comment.code),
            )
            .help("leave the comment out".to_owned())
        } else {
            let near = nearest(comment.code, Code::ALL.iter().map(|code| code.word()));
            Diagnostic::warning(Code::UnusedIgnore, comment.span, format!("no diagnostic is called `{}`", comment.code))
                .help(near.map(Help::meant))
        };
        left.push(diagnostic);
    }
    (left.sorted(), count)
}

fn comments(text: &str, source: SourceId) -> Vec<Ignored<'_>> {
    const MARK: &str = "# arazzo-ignore";
    let mut found = vec![];
    if !text.contains(MARK) {
        return found;
    }
    let mut start = 0;
    let lines: Vec<&str> = text.split('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let begin = start;
        start += line.len() + 1;
        let Some(at) = line.find(MARK) else { continue };
        let before = line.get(..at).unwrap_or_default();
        if !before.is_empty() && !before.ends_with([' ', '\t']) {
            continue;
        }
        let rest = line.get(at + MARK.len()..).unwrap_or_default();
        let (file, rest) = match rest.strip_prefix("-file") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let Some(list) = rest.strip_prefix(':') else { continue };
        let alone = before.trim().is_empty();
        let speaks = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let next = lines.iter().skip(number + 1).position(speaks).map(|after| number + 1 + after);
        let line_of = match (file, alone) {
            (true, _) => None,
            (false, true) => Some(next.unwrap_or(number)),
            (false, false) => Some(number),
        };
        // What follows the codes is the reason: `# arazzo-ignore: unpaced-loop, the server is on this machine`.
        let offset = begin + line.len() - list.len();
        let mut within = 0;
        for part in list.split(',') {
            let code = part.trim();
            let at = offset + within + part.len() - part.trim_start().len();
            within += part.len() + 1;
            let word =
                !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if word {
                let span = Span::new(source, at..at + code.len());
                found.push(Ignored { code, span, line: line_of, used: false });
            }
        }
    }
    found
}
