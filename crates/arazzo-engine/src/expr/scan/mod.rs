//! The scanner of one expression: from its `$` to its end, against the names that are declared.
//!
//! It serves the three positions that an expression can stand in. They differ only in where an expression ends and in
//! whether `.` and `[]` are part of the language there. `declared.rs` scans what documents declare, `message.rs` what
//! was sent and received, `pointer.rs` the way into the value, `signs.rs` names that other signs than dots stand between.

use std::ops::Range;

use super::parts::{Part, Parts};
use super::{Constant, Expr, Finding, Root, Scope, jsonpath};
use crate::code::Code;
use crate::diagnostic::{Help, IntoHelp, nearest};
use crate::readings::Readings;
use crate::value::Pointer;

mod declared;
mod message;
mod pointer;
mod signs;

use message::MessageKind;
pub(super) use signs::{begins_with_sign, between_names};

/// The position that an expression stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// Alone: it reaches to the end of the text.
    Whole,
    /// In a longer text, without braces.
    Text,
    /// In a condition or a context, where `.` and `[]` are operators.
    Condition,
}

/// The answer of the scanner about a `$`.
pub(super) enum Scanned {
    /// An expression that ends before this byte.
    Found(Expr, usize),
    /// Something that was meant as an expression and is not one; a finding says why.
    Wrong,
    /// Other text.
    None,
}

pub(super) const ROOTS: [&str; 13] = [
    "url",
    "method",
    "statusCode",
    "request",
    "response",
    "message",
    "inputs",
    "outputs",
    "steps",
    "workflows",
    "sourceDescriptions",
    "components",
    "self",
];

/// Words of other languages for values that come from outside of a document.
const OUTSIDE: [&str; 8] = ["config", "env", "environment", "process", "secret", "secrets", "variables", "vars"];

/// Scans the expression whose `$` stands at byte `at`; alone, it reaches to the end of `text`.
pub(super) fn expression(
    text: &str,
    at: usize,
    position: Position,
    scope: &Scope<'_>,
    findings: &mut Vec<Finding>,
) -> Scanned {
    let after = text.get(at + 1..).unwrap_or_default();
    let word_length = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
    let (word, rest) = after.split_at(word_length);
    let word_end = at + 1 + word_length;
    if scope.readings != Readings::Letter
        && let Some(scanned) = between_names(text, at, position, scope, findings)
    {
        return scanned;
    }
    let parts = Parts::of_root(at..word_end);
    let mut scanner = Scanner { text, position, scope, findings, start: at, parts };
    match word {
        "url" => scanner.bare(Root::Url, word_end),
        "method" => match scope.method {
            Some(method) => scanner.constant(word_end, Some(method.into())),
            None => scanner.bare(Root::Method, word_end),
        },
        "statusCode" => scanner.bare(Root::StatusCode, word_end),
        "inputs" if rest.starts_with('.') => scanner.input(word_end + 1),
        "inputs" => scanner.bare(Root::Inputs, word_end),
        "steps" if rest.starts_with('.') => scanner.step(word_end + 1),
        "response" if rest.starts_with('.') => scanner.message(MessageKind::Response, word_end + 1),
        "request" if rest.starts_with('.') => scanner.message(MessageKind::Request, word_end + 1),
        "message" if rest.starts_with('.') => scanner.message(MessageKind::Message, word_end + 1),
        "outputs" if rest.starts_with('.') => scanner.output(word_end + 1),
        "dependencies" if rest.starts_with('.') => scanner.dependency(word_end + 1),
        "workflows" if rest.starts_with('.') => scanner.workflow(word_end + 1),
        "sourceDescriptions" if rest.starts_with('.') => scanner.source(word_end + 1),
        "components" if rest.starts_with('.') => scanner.component(word_end + 1),
        "self" => scanner.constant(word_end, scope.document.self_uri.clone().map(crate::value::Json::String)),
        "steps" if rest.starts_with('[') && position == Position::Whole && scope.readings != Readings::Letter => {
            scanner.bracketed_step(word_end)
        }
        "outputs" | "response" | "request" | "steps" | "workflows"
            if rest.is_empty() && at == 0 && position == Position::Whole && scope.readings != Readings::Letter =>
        {
            scanner.only_root(word)
        }
        // `$` + word + `.` was meant as an expression; any other `$` text (`$5`, `$ref`) is text.
        _ if !word.is_empty()
            && rest.starts_with('.')
            && (position == Position::Condition
                || position == Position::Whole && scope.readings != Readings::Letter)
            && rest.chars().nth(1).is_some_and(char::is_alphabetic) =>
        {
            scanner.unknown_root(word)
        }
        _ if position == Position::Condition => scanner.unknown_root(word),
        _ => Scanned::None,
    }
}

struct Scanner<'a, 'b> {
    text: &'a str,
    position: Position,
    scope: &'a Scope<'b>,
    findings: &'a mut Vec<Finding>,
    start: usize,
    /// The parts that were passed.
    parts: Parts,
}

impl<'a> Scanner<'a, '_> {
    fn rest(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }

    fn written(&self, end: usize) -> &'a str {
        self.text.get(self.start..end).unwrap_or_default()
    }

    /// `$url`, `$inputs` as a whole: only a pointer or, in a condition, navigation may follow.
    fn bare(&mut self, root: Root, end: usize) -> Scanned {
        self.with_pointer(root, end, true)
    }

    /// A value that stands in the document.
    fn constant(&mut self, end: usize, value: Option<crate::value::Json>) -> Scanned {
        let text = self.written(end).to_owned();
        self.with_pointer(Root::Constant(Box::new(Constant { text, value })), end, false)
    }

    /// An expression that nothing selects from.
    fn whole_value(&self, root: Root, end: usize) -> Scanned {
        let parts = Some(self.parts.ending(end, end));
        Scanned::Found(Expr { root, at: Pointer::default(), dotted: false, query: None, parts }, end)
    }

    fn wrong(&mut self, code: Code, range: Range<usize>, message: String, help: impl IntoHelp) -> Scanned {
        self.refuse(Finding::new(code, range, message).help(help))
    }

    fn refuse(&mut self, finding: Finding) -> Scanned {
        self.findings.push(finding);
        Scanned::Wrong
    }

    /// `$outputs`, `$response` and nothing else.
    fn only_root(&mut self, word: &str) -> Scanned {
        let message = format!("`${word}` does not say which value");
        let help = match word {
            "outputs" => "write $outputs.<name>",
            "response" => "write $response.body or $response.header.<name>",
            "request" => "write $request.body or $request.header.<name>",
            "steps" => "write $steps.<stepId>.outputs.<name>",
            _ => "write $workflows.<workflowId>.outputs.<name>",
        };
        let end = self.start + 1 + word.len();
        self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help.to_owned()))
    }

    /// `$steps['a'].outputs.id`: names stand behind dots.
    fn bracketed_step(&mut self, at: usize) -> Scanned {
        let rest = self.rest(at);
        let mut right = self.written(at).to_owned();
        for c in rest.chars() {
            match c {
                '[' => right.push('.'),
                ']' | '\'' | '"' => {}
                c => right.push(c),
            }
        }
        let message = format!("`{}` does not name a step", self.written(at + rest.len()));
        self.wrong(Code::ExpressionSyntax, self.start..at + rest.len(), message, Some(format!("write {right}")))
    }

    fn unknown_root(&mut self, word: &str) -> Scanned {
        let end = self.start + 1 + word.len();
        let step = self.scope.steps.get(word).is_some().then_some("$steps.");
        let workflow = self.scope.document.workflows.iter().any(|workflow| workflow.name == word);
        let named = step.or(workflow.then_some("$workflows.")).filter(|_| self.rest(end).starts_with(".outputs."));
        let help = match named {
            Some(root) => Some(Help::meant_behind(root, word)),
            None if word.is_empty() => self.path_of_body(end).map(Help::words),
            None if OUTSIDE.contains(&word) => {
                let name: String =
                    self.rest(end).trim_start_matches('.').chars().take_while(|c| is_strict(*c)).collect();
                let name = if name.is_empty() { "NAME".to_owned() } else { name };
                Some(Help::words(format!(
                    "values from outside are inputs: declare `{name}` in `inputs`, and write $inputs.{name}"
                )))
            }
            None if word == "body" => Some(Help::meant_behind("$response.", word)),
            None if matches!(word, "status" | "code") => Some(Help::meant_behind("$", "statusCode")),
            None => nearest(word, ROOTS).map(|root| Help::meant_behind("$", root)),
        };
        let message = format!("`${word}` is not the beginning of a runtime expression");
        self.wrong(Code::UnknownRoot, self.start..end, message, help)
    }

    /// What to write for `$.state`, a path where an expression stands; `at` is behind its `$`.
    fn path_of_body(&self, at: usize) -> Option<String> {
        let rest = self.rest(at);
        let ends = |c: char| c.is_whitespace() || "=!<>&|(){}".contains(c);
        let way = rest.get(..rest.find(ends).unwrap_or(rest.len()))?;
        let query = jsonpath::Query::parse(&format!("${way}"), jsonpath::Dialect::Rfc9535, false).ok()?;
        let pointer = query.to_pointer().filter(|pointer| !pointer.is_whole())?;
        Some(format!("write $response.body#{pointer}"))
    }

    /// A declared name at `at`, or any where others are accepted; else the name that stands there and where it ends.
    /// `root` says whether something can be selected from the value, and what it is.
    fn named(
        &mut self,
        at: usize,
        declared: &[&str],
        open: bool,
        part: Part,
        what: &str,
        root: impl Fn(&str) -> (bool, Root),
    ) -> Result<Scanned, (String, usize)> {
        if let Some(name) = self.declared_name(at, declared) {
            let (navigable, root) = root(&name);
            self.parts.push(part, at..at + name.len());
            return Ok(self.with_pointer(root, at + name.len(), navigable));
        }
        let name = self.identifier(at);
        if name.is_empty() {
            return Ok(self.nothing_named(at, what));
        }
        let end = at + name.len();
        if open {
            self.parts.push(part, at..end);
            return Ok(self.with_pointer(root(&name).1, end, true));
        }
        Err((name, end))
    }

    fn nothing_named(&mut self, at: usize, what: &str) -> Scanned {
        if self.position == Position::Text {
            return Scanned::None;
        }
        let message = format!("`{}` does not name {what}", self.written(at));
        self.wrong(Code::ExpressionSyntax, self.start..at, message, None::<Help>)
    }

    /// The longest declared name that stands at `at` and ends there at a boundary. Alone, the exact rest goes first:
    /// names may contain dots, brackets and blanks.
    fn declared_name(&mut self, at: usize, declared: &[&str]) -> Option<String> {
        let rest = self.rest(at);
        let ends_well = |name: &str| match rest.get(name.len()..).and_then(|after| after.chars().next()) {
            None => true,
            // `$inputs.a-$inputs.b`: the sign belongs to neither.
            Some('_' | '-') => rest.get(name.len() + 1..).is_some_and(|after| after.starts_with(['$', '{'])),
            Some(next) => !next.is_ascii_alphanumeric(),
        };
        let name =
            declared.iter().filter(|name| rest.starts_with(**name) && ends_well(name)).max_by_key(|name| name.len())?;
        let name = (*name).to_owned();
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            let end = at + name.len();
            self.findings.push(
                Finding::new(
                    Code::NameOutsideGrammar,
                    self.start..end,
                    format!("the name `{name}` cannot be written in a runtime expression"),
                )
                .help("rename it with letters, digits, `.`, `-` and `_` only".to_owned()),
            );
        }
        Some(name)
    }

    fn identifier(&self, at: usize) -> String {
        let name: String =
            self.rest(at).chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).collect();
        match self.position {
            Position::Whole => name.trim_end_matches('.').to_owned(),
            // Dots are navigation in a condition, and punctuation in a text.
            _ => name.split('.').next().unwrap_or_default().to_owned(),
        }
    }
}

/// `[A-Za-z0-9_-]`: names of steps, workflows and source descriptions.
fn is_strict(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}
