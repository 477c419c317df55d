//! The way into a value: a JSON Pointer after `#`, or dots and brackets where they are allowed or read leniently.

use super::{Position, Scanned, Scanner};
use crate::code::Code;
use crate::expr::{Expr, Finding, Root};
use crate::readings::Readings;
use crate::value::Pointer;

impl Scanner<'_, '_> {
    /// The expression of a root that ends at `at`, with the pointer that follows; `navigable` if dots may take its
    /// place.
    pub(super) fn with_pointer(&mut self, root: Root, at: usize, navigable: bool) -> Scanned {
        let rest = self.rest(at);
        if let Some(written) = rest.strip_prefix('#') {
            return self.pointer(root, at, written);
        }
        let whole = self.position == Position::Whole && self.scope.readings != Readings::Letter;
        let is_pointer = || rest.starts_with('/') && !rest.contains(|c: char| c.is_whitespace() || "{}$".contains(c));
        if whole && is_content(&root) && is_pointer() {
            // `$response.body/id`: a pointer that lost its `#`.
            let (end, pointer) = (self.text.len(), Pointer::parse(rest));
            let right = format!("{}#{rest}", self.written(at));
            self.findings.push(
                Finding::new(Code::DottedBody, self.start..end, "a JSON Pointer stands after `#`")
                    .help(format!("write {right}"))
                    .fix(right, true),
            );
            let parts = Some(self.parts.ending(at, end));
            return Scanned::Found(Expr { root, at: pointer, dotted: true, parts }, end);
        }
        self.dotted(root, at, navigable)
    }

    /// A JSON Pointer, of which `rest` is what follows its `#`.
    fn pointer(&mut self, root: Root, at: usize, rest: &str) -> Scanned {
        let ends = |c: char| c.is_whitespace() || "\"'{}[]()<>".contains(c);
        let length = match self.position {
            Position::Whole => rest.len(),
            Position::Text => rest.find(ends).unwrap_or(rest.len()),
            Position::Condition => rest.find(|c: char| ends(c) || "=!&|,".contains(c)).unwrap_or(rest.len()),
        };
        let written = rest.get(..length).unwrap_or_default();
        let mut end = at + 1 + length;
        let mut tildes = written.match_indices('~').map(|(i, _)| i);
        let is_alone = |i: &usize| !written.get(i + 1..).is_some_and(|after| after.starts_with(['0', '1']));
        if let Some(tilde) = tildes.find(is_alone) {
            let range = at + 1 + tilde..at + 2 + tilde;
            let message = "this `~` of a JSON Pointer stands alone".to_owned();
            let help = "write ~0 for ~, and ~1 for /".to_owned();
            return self.wrong(Code::PointerSyntax, range, message, Some(help));
        }
        if !written.is_empty() && !written.starts_with('/') {
            self.departure(Code::DottedBody, at, end, "a JSON Pointer begins with `/`", &Pointer::parse(written));
        }
        let mut pointer = Pointer::parse(written);
        let mut dotted = false;
        if self.position == Position::Condition {
            let (more, after) = self.navigation(end);
            dotted = !more.is_empty();
            end = after;
            pointer = Pointer::of(pointer.tokens().iter().cloned().chain(more).collect());
        }
        let parts = Some(self.parts.ending(at, end));
        Scanned::Found(Expr { root, at: pointer, dotted, parts }, end)
    }

    /// `.a[0]`, if something may be selected so; else the root alone.
    fn dotted(&mut self, root: Root, at: usize, navigable: bool) -> Scanned {
        let (tokens, end) = if navigable { self.navigation(at) } else { (vec![], at) };
        let dotted = !tokens.is_empty();
        let pointer = Pointer::of(tokens);
        if dotted && self.position != Position::Condition {
            let (code, message) = match is_content(&root) {
                true => (Code::DottedBody, "a way into a body is a JSON Pointer after `#`"),
                false => (Code::DottedOutput, "a way into a value is a JSON Pointer after `#`"),
            };
            self.departure(code, at, end, message, &pointer);
            if code == Code::DottedOutput && self.scope.readings == Readings::Letter {
                // By the letter, the dots belong to a name, which nothing declares.
                let root = Root::Nothing(self.written(end).to_owned());
                let parts = Some(self.parts.ending_with_name(end));
                return Scanned::Found(Expr { root, at: Pointer::default(), dotted: false, parts }, end);
            }
        }
        if self.position == Position::Whole && end < self.text.len() {
            // Something follows that no name and no way explains: for the caller it is a longer text.
            return Scanned::None;
        }
        let parts = Some(self.parts.ending(at, end));
        Scanned::Found(Expr { root, at: pointer, dotted, parts }, end)
    }

    /// Says how the pointer between `at` and `end` is written.
    fn departure(&mut self, code: Code, at: usize, end: usize, message: &str, pointer: &Pointer) {
        let right = format!("{}#{pointer}", self.written(at));
        let range = self.start..end;
        self.findings.push(Finding::new(code, range, message).help(format!("write {right}")).fix(right, true));
    }

    /// `.name`, `[0]`, `['name']`, as far as they go.
    fn navigation(&self, at: usize) -> (Vec<String>, usize) {
        let mut tokens = vec![];
        let mut end = at;
        loop {
            let rest = self.rest(end);
            if let Some(after) = rest.strip_prefix('.') {
                let name: String =
                    after.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
                if name.is_empty() {
                    break;
                }
                end += 1 + name.len();
                tokens.push(name);
            } else if let Some(after) = rest.strip_prefix('[') {
                let Some(close) = after.find(']') else { break };
                let inner = after.get(..close).unwrap_or_default().trim();
                let unquoted = inner
                    .strip_prefix('\'')
                    .and_then(|s| s.strip_suffix('\''))
                    .or_else(|| inner.strip_prefix('"').and_then(|s| s.strip_suffix('"')));
                match unquoted {
                    Some(name) => tokens.push(name.to_owned()),
                    None if !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit()) => {
                        tokens.push(inner.to_owned())
                    }
                    None => break,
                }
                end += close + 2;
            } else {
                break;
            }
        }
        (tokens, end)
    }
}

/// `true` for the content of a message: a body or a payload.
fn is_content(root: &Root) -> bool {
    matches!(root, Root::ResponseBody | Root::RequestBody | Root::MessagePayload)
}
