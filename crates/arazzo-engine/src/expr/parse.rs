//! Text → expression or template, against the names that are declared.
//!
//! One scanner serves the three places an expression can stand in: alone, in a longer text, in a condition. They
//! differ only in where an expression ends and in whether `.` and `[]` are part of the language there.

use std::ops::Range;

use super::{Constant, DeclaredWorkflow, Expr, Finding, Piece, Root, Scope, Template};
use crate::code::Code;
use crate::diagnostic::{Help, IntoHelp, Owner, Subject, nearest};
use crate::readings::Readings;
use crate::value::Pointer;

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Alone: it reaches to the end of the text.
    Whole,
    /// In a longer text, without braces.
    Text,
    /// In a condition or a context, where `.` and `[]` are operators.
    Condition,
}

/// Parses a string value: a parameter value, a member of a payload, an output.
///
/// Returns the template, or the findings that make it impossible; departures are pushed to `findings` either way.
pub fn template(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Template> {
    if text.starts_with('$') {
        let mut own = vec![];
        match expression(text, 0, Place::Whole, scope, &mut own) {
            Scanned::Found(expr, end) if end == text.len() => {
                findings.append(&mut own);
                return Some(Template::Whole(expr));
            }
            // A text that begins with an expression and goes on is a longer text, unless its name is simply wrong.
            Scanned::Wrong if !text.contains(|c: char| c.is_whitespace()) && !text.contains('{') => {
                findings.append(&mut own);
                return None;
            }
            _ => {}
        }
    }
    text_of(pieces(text, true, scope, findings)?)
}

/// Parses a text that stays text, whatever it holds: a string inside a JSON text.
pub fn text(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Template> {
    text_of(pieces(text, true, scope, findings)?)
}

/// Parses a condition in another language: expressions stand in braces there, and nothing else is one.
pub fn spliced(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Piece>> {
    pieces(text, false, scope, findings)
}

fn text_of(mut pieces: Vec<Piece>) -> Option<Template> {
    Some(match pieces.as_mut_slice() {
        [] => Template::Literal(String::new()),
        [Piece::Text(text)] => Template::Literal(std::mem::take(text)),
        _ => Template::Text(pieces),
    })
}

/// Parses an expression that must stand alone, such as a `context`; `.` and `[]` are the text's own there.
pub fn context(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Expr> {
    // `{$response.body}`: braces around the whole of it (docs/readings.md, `braced-condition`).
    if let Some(inner) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).filter(|t| !t.contains(['{', '}'])) {
        findings.push(
            Finding::new(Code::BracedCondition, 0..text.len(), "a context stands without braces")
                .help(format!("write {}", inner.trim()))
                .fix(inner.trim(), true),
        );
        let offset = 1 + inner.len() - inner.trim_start().len();
        let mut own = vec![];
        let expr = context(inner.trim(), scope, &mut own);
        findings.extend(own.into_iter().map(|f| Finding { range: f.range.start + offset..f.range.end + offset, ..f }));
        return expr;
    }
    let scanned =
        if text.starts_with('$') { expression(text, 0, Place::Condition, scope, findings) } else { Scanned::None };
    match scanned {
        Scanned::Found(expr, end) if end == text.len() => Some(expr),
        Scanned::Found(_, end) => {
            findings.push(Finding::new(
                Code::ExpressionSyntax,
                end..text.len(),
                format!("`{}` after the expression", text.get(end..).unwrap_or_default()),
            ));
            None
        }
        Scanned::Wrong => None,
        Scanned::None => {
            findings.push(
                Finding::new(Code::ExpressionSyntax, 0..text.len(), format!("`{text}` is not a runtime expression"))
                    .help("write an expression such as $response.body".to_owned()),
            );
            None
        }
    }
}

/// How much of what is wrong with one text is said.
const MOST_FINDINGS: usize = 100;
/// Bytes of the longest expression, and of the longest text that a help shows whole.
const LONGEST: usize = 4 << 10;

fn pieces(text: &str, loose: bool, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Piece>> {
    let mut pieces: Vec<Piece> = vec![];
    let mut literal = String::new();
    let mut good = true;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let scanned = if let Some(inner) = rest.strip_prefix("{$") {
            braced(inner, at + 1, scope, findings)
        } else if loose && rest.starts_with('$') {
            unbraced(text, at, scope, findings)
        } else {
            Scanned::None
        };
        match scanned {
            Scanned::Found(expr, end) => {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Value(expr, at..end));
                at = end;
            }
            // An open brace that is never closed: nor is any behind it.
            Scanned::Wrong if findings.len() > MOST_FINDINGS || !rest.contains('}') => return None,
            Scanned::Wrong => {
                good = false;
                at += 1;
            }
            Scanned::None => {
                let next = rest.chars().next().unwrap_or(' ');
                literal.push(next);
                at += next.len_utf8();
            }
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    good.then_some(pieces)
}

/// `{$…}`: `inner` follows the `{$`, `start` is the place of its `$`.
fn braced(inner: &str, start: usize, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Scanned {
    let Some(length) = inner.find('}') else {
        findings.push(
            Finding::new(Code::ExpressionSyntax, start - 1..start + 1 + inner.len(), "this brace is never closed")
                .help("write the expression as {$…}".to_owned()),
        );
        return Scanned::Wrong;
    };
    if length > LONGEST {
        let message = format!("this expression has more than {LONGEST} bytes");
        findings.push(Finding::new(Code::ExpressionSyntax, start - 1..start + 1, message));
        return Scanned::Wrong;
    }
    let body = format!("${}", inner.get(..length).unwrap_or_default());
    let trimmed = body.trim_end();
    let mut own = vec![];
    let scanned = expression(trimmed, 0, Place::Whole, scope, &mut own);
    findings.extend(
        own.into_iter()
            .map(|finding| Finding { range: finding.range.start + start..finding.range.end + start, ..finding }),
    );
    match scanned {
        Scanned::Found(expr, end) if end == trimmed.len() => Scanned::Found(expr, start + body.len() + 1),
        // By the letter, braces around anything else are text.
        Scanned::None if scope.readings == Readings::Letter => Scanned::None,
        Scanned::Found(..) | Scanned::None => {
            findings.push(Finding::new(
                Code::ExpressionSyntax,
                start..start + body.len(),
                format!("`{body}` is not a runtime expression"),
            ));
            Scanned::Wrong
        }
        Scanned::Wrong => Scanned::Wrong,
    }
}

/// The reading `unbraced-expression`: an expression inside a longer text without braces.
fn unbraced(text: &str, at: usize, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Scanned {
    const READ: [&str; 6] = ["$inputs.", "$steps.", "$response.", "$request.", "$workflows.", "$outputs."];
    let rest = text.get(at..).unwrap_or_default();
    if scope.readings == Readings::Letter || !READ.iter().any(|root| rest.starts_with(root)) {
        return Scanned::None;
    }
    let mut own = vec![];
    let scanned = expression(text, at, Place::Text, scope, &mut own);
    if let Scanned::Found(_, end) = scanned
        && findings.len() <= MOST_FINDINGS
    {
        let written = text.get(at..end).unwrap_or_default();
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(end..).unwrap_or_default());
        let whole =
            if text.len() > LONGEST { format!("{{{written}}}") } else { format!("{before}{{{written}}}{after}") };
        findings.push(
            Finding::new(Code::UnbracedExpression, at..end, "runtime expression inside a longer text needs braces")
                .help(format!("write {whole:?}"))
                .fix(format!("{{{written}}}"), true),
        );
    }
    findings.extend(own);
    scanned
}

/// What stands at a `$`.
pub(super) enum Scanned {
    /// An expression that ends before this byte.
    Found(Expr, usize),
    /// Something that was meant as an expression and is not one; a finding says why.
    Wrong,
    /// Other text.
    None,
}

/// The three things with parts: what was sent, what came back, what a channel brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Request,
    Response,
    Message,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Message => "message",
        }
    }

    /// The parts that it has.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["header", "query", "path", "body"],
            Self::Response => &["header", "body"],
            Self::Message => &["header", "payload"],
        }
    }
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

/// Scans the expression whose `$` stands at byte `at`.
pub(super) fn expression(
    text: &str,
    at: usize,
    place: Place,
    scope: &Scope<'_>,
    findings: &mut Vec<Finding>,
) -> Scanned {
    let after = text.get(at + 1..).unwrap_or_default();
    let word_length = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
    let (word, rest) = after.split_at(word_length);
    let word_end = at + 1 + word_length;
    let mut scanner = Scanner { text, place, scope, findings, start: at };
    match word {
        "url" => scanner.bare(Root::Url, word_end),
        "method" => scanner.bare(Root::Method, word_end),
        "statusCode" => scanner.bare(Root::StatusCode, word_end),
        "inputs" if rest.starts_with('.') => scanner.input(word_end + 1),
        "inputs" => scanner.bare(Root::Inputs, word_end),
        "steps" if rest.starts_with('.') => scanner.step(word_end + 1),
        "response" if rest.starts_with('.') => scanner.part(Part::Response, word_end + 1),
        "request" if rest.starts_with('.') => scanner.part(Part::Request, word_end + 1),
        "message" if rest.starts_with('.') => scanner.part(Part::Message, word_end + 1),
        "outputs" if rest.starts_with('.') => scanner.output(word_end + 1),
        "workflows" if rest.starts_with('.') => scanner.workflow(word_end + 1),
        "sourceDescriptions" if rest.starts_with('.') => scanner.source(word_end + 1),
        "components" if rest.starts_with('.') => scanner.component(word_end + 1),
        "self" => scanner.constant(word_end, scope.document.self_uri.clone().map(serde_json::Value::String)),
        // `$` + word + `.` was meant as an expression; any other `$` text (`$5`, `$ref`) is text.
        _ if !word.is_empty()
            && rest.starts_with('.')
            && (place == Place::Condition || place == Place::Whole && scope.readings != Readings::Letter)
            && rest.chars().nth(1).is_some_and(char::is_alphabetic) =>
        {
            scanner.unknown_root(word)
        }
        _ if place == Place::Condition => scanner.unknown_root(word),
        _ => Scanned::None,
    }
}

struct Scanner<'a, 'b> {
    text: &'a str,
    place: Place,
    scope: &'a Scope<'b>,
    findings: &'a mut Vec<Finding>,
    start: usize,
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
        self.way_into(root, end, true)
    }

    fn wrong(&mut self, code: Code, range: Range<usize>, message: String, help: impl IntoHelp) -> Scanned {
        self.found(Finding::new(code, range, message).help(help))
    }

    fn found(&mut self, finding: Finding) -> Scanned {
        self.findings.push(finding);
        Scanned::Wrong
    }

    fn unknown_root(&mut self, word: &str) -> Scanned {
        let end = self.start + 1 + word.len();
        let help = nearest(word, ROOTS).map(|root| Help::meant_behind("$", root));
        let message = format!("`${word}` is not the beginning of a runtime expression");
        self.wrong(Code::UnknownRoot, self.start..end, message, help)
    }

    fn input(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        let declared: Vec<&str> = scope.inputs.iter().map(|input| input.name.as_str()).collect();
        let scalar = |name: &str| scope.inputs.iter().any(|input| input.name == name && input.scalar);
        self.named(at, &declared, scope.open, "an input", |name| (!scalar(name), Root::Input(name.to_owned())))
            .unwrap_or_else(|(name, end)| {
                let help = match nearest(&name, declared.iter().copied()) {
                    Some(near) => Help::meant_behind("$inputs.", near),
                    None if declared.is_empty() => {
                        Help::words("the workflow declares no inputs: add it to `inputs.properties`")
                    }
                    None => Help::words(format!("declared inputs: {}", declared.join(", "))),
                };
                let message = format!("the workflow declares no input `{name}`");
                self.wrong(Code::UnknownInput, self.start..end, message, Some(help))
            })
    }

    /// A declared name at `at`, or any where others are accepted; else the name that stands there and where it ends.
    /// `root` says whether something can be selected from the value, and what it is.
    fn named(
        &mut self,
        at: usize,
        declared: &[&str],
        open: bool,
        what: &str,
        root: impl Fn(&str) -> (bool, Root),
    ) -> Result<Scanned, (String, usize)> {
        if let Some(name) = self.declared_name(at, declared) {
            let (navigable, root) = root(&name);
            return Ok(self.way_into(root, at + name.len(), navigable));
        }
        let name = self.identifier(at);
        if name.is_empty() {
            return Ok(self.nothing_named(at, what));
        }
        let end = at + name.len();
        if open {
            return Ok(self.way_into(root(&name).1, end, true));
        }
        Err((name, end))
    }

    fn output(&mut self, at: usize) -> Scanned {
        let declared: Vec<&str> = self.scope.outputs.iter().map(String::as_str).collect();
        self.named(at, &declared, false, "an output", |name| (true, Root::Output(name.to_owned()))).unwrap_or_else(
            |(name, end)| {
                let step = self.scope.steps.iter().find(|step| step.outputs.contains(&name));
                let help = match (nearest(&name, declared.iter().copied()), step) {
                    (_, Some(step)) => Help::meant_behind(format!("$steps.{}.outputs.", step.name), name.as_str()),
                    (Some(near), _) => Help::meant_behind("$outputs.", near),
                    _ if declared.is_empty() => Help::words("there is no workflow output to read here"),
                    _ => Help::words(format!("outputs: {}", declared.join(", "))),
                };
                let message = format!("`$outputs` are those of a workflow, which has no `{name}`");
                let finding = Finding::new(Code::UnknownOutput, self.start..end, message).help(help);
                self.found(finding.about(Subject::Output { of: Owner::Called, name }))
            },
        )
    }

    /// `$workflows.<id>.inputs.<name>`, `$workflows.<id>.outputs.<name>`
    fn workflow(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        match self.field_of(at, &scope.document.workflows) {
            Some(scanned) => scanned,
            None => {
                let name: String = self.rest(at).chars().take_while(|c| is_strict(*c)).collect();
                let end = at + name.len();
                if scope.document.workflows.iter().any(|workflow| workflow.name == name) {
                    let message = format!("`{}` does not say which value of the workflow", self.written(end));
                    let own = self.rest(end).strip_prefix(".steps.").filter(|rest| {
                        scope.steps.iter().any(|step| rest.starts_with(&format!("{}.outputs.", step.name)))
                    });
                    let help = match own {
                        Some(rest) => format!("write $steps.{rest}"),
                        None => format!("write $workflows.{name}.outputs.<name> or $workflows.{name}.inputs.<name>"),
                    };
                    return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help));
                }
                let names: Vec<&str> = scope.document.workflows.iter().map(|w| w.name.as_str()).collect();
                let help = nearest(&name, names.iter().copied()).map_or_else(
                    || Help::words(format!("workflows of this document: {}", names.join(", "))),
                    |near| Help::meant_behind("$workflows.", near),
                );
                let message = format!("the document has no workflow `{name}`");
                self.wrong(Code::UnknownWorkflow, self.start..end, message, Some(help))
            }
        }
    }

    /// `<workflowId>.inputs.<name>` or `<workflowId>.outputs.<name>` of one of these workflows; nothing if none is
    /// named so.
    fn field_of(&mut self, at: usize, workflows: &[DeclaredWorkflow]) -> Option<Scanned> {
        let rest = self.rest(at);
        let fits = |workflow: &&DeclaredWorkflow| {
            let after = rest.strip_prefix(workflow.name.as_str());
            after.is_some_and(|after| after.starts_with(".inputs.") || after.starts_with(".outputs."))
        };
        let workflow = workflows.iter().filter(fits).max_by_key(|workflow| workflow.name.len())?;
        let after = at + workflow.name.len();
        let (id, name) = (workflow.id, &workflow.name);
        let inputs = self.rest(after).starts_with(".inputs.");
        let (field, declared) = if inputs { ("inputs", &workflow.inputs) } else { ("outputs", &workflow.outputs) };
        let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
        let at_name = after + field.len() + 2;
        let root = |name: &str| match inputs {
            true => (true, Root::WorkflowInput(id, name.to_owned())),
            false => (true, Root::WorkflowOutput(id, name.to_owned())),
        };
        let scanned = self.named(at_name, &declared, inputs && workflow.open, "a value", root);
        Some(scanned.unwrap_or_else(|(wrong, end)| {
            let help = match nearest(&wrong, declared.iter().copied()) {
                Some(near) => Help::meant(near),
                None if declared.is_empty() => Help::words(format!("workflow `{name}` declares no {field}")),
                None => Help::words(format!("{field} of `{name}`: {}", declared.join(", "))),
            };
            let message = format!("workflow `{name}` declares no {} `{wrong}`", field.trim_end_matches('s'));
            let (workflow, range) = (name.clone(), self.start..end);
            let (code, subject) = match inputs {
                true => (Code::UnknownInput, Subject::Input { workflow, name: wrong }),
                false => (Code::UnknownOutput, Subject::Output { of: Owner::Workflow(workflow), name: wrong }),
            };
            self.found(Finding::new(code, range, message).help(help).about(subject))
        }))
    }

    /// `$sourceDescriptions.<name>.<field>`, `$sourceDescriptions.<name>.<workflowId>.outputs.<name>`
    fn source(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        let rest = self.rest(at);
        let named = scope
            .document
            .sources
            .iter()
            .filter(|source| rest.strip_prefix(source.name.as_str()).is_some_and(|after| after.starts_with('.')));
        let Some(source) = named.max_by_key(|source| source.name.len()) else {
            let name = rest.split(['.', '#', '}', ' ']).next().unwrap_or_default();
            let end = at + name.len();
            if scope.document.sources.iter().any(|source| source.name == name) {
                let message = format!("`{}` does not say what of the source description", self.written(end));
                let help = format!("write $sourceDescriptions.{name}.url");
                return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help));
            }
            let names: Vec<&str> = scope.document.sources.iter().map(|source| source.name.as_str()).collect();
            let help = nearest(name, names.iter().copied())
                .map_or_else(|| Help::words(format!("source descriptions: {}", names.join(", "))), Help::meant);
            let message = format!("no source description is called `{name}`");
            return self.wrong(Code::UnknownSource, self.start..end, message, Some(help));
        };
        let after = at + source.name.len() + 1;
        if let Some(scanned) = self.field_of(after, &source.workflows) {
            return scanned;
        }
        let field: String = self.rest(after).chars().take_while(|c| is_strict(*c)).collect();
        let end = after + field.len();
        if let Some((_, value)) = source.fields.iter().find(|(known, _)| *known == field) {
            return self.constant(end, Some(value.clone()));
        }
        // Fields that a source description may have and this one has not.
        if field == "type" || field.starts_with("x-") {
            return self.constant(end, None);
        }
        // A source that could not be read may have it: its own diagnostic is the one that helps.
        if !source.read {
            let rest = self.rest(after);
            let length = rest.find(|c: char| !(is_strict(c) || c == '.')).unwrap_or(rest.len());
            return self.constant(after + length, None);
        }
        let known: Vec<&str> = source.fields.iter().map(|(name, _)| name.as_str()).collect();
        let help = nearest(&field, known.iter().copied()).map_or_else(
            || Help::words("an operation or a workflow is called by a step, and is not a value"),
            Help::meant,
        );
        let message = format!("source description `{}` has no field `{field}`", source.name);
        self.wrong(Code::UnknownFieldOfSource, self.start..end, message, Some(help))
    }

    /// `$components.parameters.<name>`: the object as it is written.
    fn component(&mut self, at: usize) -> Scanned {
        let components = &self.scope.document.components;
        let name = self.identifier(at);
        let name = if self.place == Place::Condition {
            self.rest(at).chars().take_while(|c| is_strict(*c) || *c == '.').collect()
        } else {
            name
        };
        let end = at + name.len();
        let (kind, key) = name.split_once('.').unwrap_or((&name, ""));
        if let Some(value) = components.get(kind).and_then(|map| map.get(key)) {
            return self.constant(end, Some(value.clone()));
        }
        let names = components.get(kind).and_then(serde_json::Value::as_object).into_iter().flatten();
        let help = nearest(key, names.map(|(name, _)| name.as_str()))
            .map(|near| Help::meant_behind(format!("$components.{kind}."), near));
        self.wrong(Code::UnknownComponent, self.start..end, format!("there is no component `{name}`"), help)
    }

    /// A value that stands in the document.
    fn constant(&mut self, end: usize, value: Option<serde_json::Value>) -> Scanned {
        let text = self.written(end).to_owned();
        self.way_into(Root::Constant(Box::new(Constant { text, value })), end, false)
    }

    fn step(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        let rest = self.rest(at);
        // A name may hold `.outputs`: the longest that is declared is meant.
        let mut names = rest.rmatch_indices(".outputs").filter_map(|(end, _)| rest.get(..end));
        let found = names.find_map(|name| scope.steps.get(name));
        let Some(step) = found else { return self.unknown_step(at) };
        let (id, outputs) = (step.id, step.outputs.as_slice());
        let after = at + step.name.len() + ".outputs".len();
        if !self.rest(after).starts_with('.') {
            return self.way_into(Root::StepOutputs(id), after, false);
        }
        let at_name = after + 1;
        let declared: Vec<&str> = outputs.iter().map(String::as_str).collect();
        if let Some(name) = self.declared_name(at_name, &declared) {
            return self.way_into(Root::StepOutput(id, name.clone()), at_name + name.len(), true);
        }
        let name = self.identifier(at_name);
        let end = at_name + name.len();
        let step_name = step.name.clone();
        let help = match nearest(&name, declared.iter().copied()) {
            Some(near) => Help::meant_behind(format!("$steps.{step_name}.outputs."), near),
            None if declared.is_empty() => Help::words(format!("step `{step_name}` declares no outputs")),
            None => Help::words(format!("outputs of `{step_name}`: {}", declared.join(", "))),
        };
        let message = format!("step `{step_name}` declares no output `{name}`");
        let finding = Finding::new(Code::UnknownOutput, self.start..end, message).help(help);
        self.found(finding.about(Subject::Output { of: Owner::Step(step_name), name }))
    }

    fn unknown_step(&mut self, at: usize) -> Scanned {
        let rest = self.rest(at);
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
        let end = at + name.len();
        let known = self.scope.steps.get(&name).is_some();
        if known {
            let message = format!("`{}` does not say which output of step `{name}`", self.written(end));
            // `$steps.a.output.x`, `$steps.a.x`
            let steps = self.scope.steps.iter().find(|step| step.name == name);
            let output = self
                .rest(end)
                .rsplit('.')
                .next()
                .filter(|last| steps.is_some_and(|step| step.outputs.iter().any(|output| output == last)));
            let help = format!("write $steps.{name}.outputs.{}", output.unwrap_or("<name>"));
            return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help));
        }
        let near = nearest(&name, self.scope.steps.iter().map(|step| step.name.as_str()));
        let help = near.map_or_else(
            || {
                let names: Vec<&str> = self.scope.steps.iter().map(|s| s.name.as_str()).collect();
                Help::words(format!("steps of this workflow: {}", names.join(", ")))
            },
            |near| Help::meant_behind("$steps.", near),
        );
        self.wrong(Code::UnknownStep, self.start..end, format!("the workflow has no step `{name}`"), Some(help))
    }

    /// `$request.…`, `$response.…`, `$message.…`
    fn part(&mut self, part: Part, at: usize) -> Scanned {
        let rest = self.rest(at);
        let whole = part.word();
        for (word, plural) in [("headers.", true), ("header.", false)] {
            if !rest.starts_with(word) {
                continue;
            }
            let from = at + word.len();
            let name: String = self.rest(from).chars().take_while(|c| is_tchar(*c)).collect();
            // In a condition, `!`, `&` and `|` begin operators.
            let name = match self.place {
                Place::Whole => name,
                _ => name.split(['!', '&', '|', '\'']).next().unwrap_or_default().to_owned(),
            };
            let name = if self.place == Place::Text { name.trim_end_matches('.').to_owned() } else { name };
            if name.is_empty() {
                return self.nothing_named(from, "a header");
            }
            let end = from + name.len();
            if plural {
                let right = format!("${whole}.header.{name}");
                self.findings.push(
                    Finding::new(Code::PluralHeaders, self.start..end, "the part is called `header`")
                        .help(format!("write {right}"))
                        .fix(right, true),
                );
            }
            let root = match part {
                Part::Request => Root::RequestHeader(name),
                Part::Response => Root::ResponseHeader(name),
                Part::Message => Root::MessageHeader(name),
            };
            return Scanned::Found(Expr { root, at: Pointer::default(), dotted: false }, end);
        }
        let is = |word: &str| {
            let after = rest.strip_prefix(word);
            after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        };
        match part {
            Part::Request if is("body") => return self.way_into(Root::RequestBody, at + 4, true),
            Part::Response if is("body") => return self.way_into(Root::ResponseBody, at + 4, true),
            Part::Message if is("payload") => return self.way_into(Root::MessagePayload, at + 7, true),
            _ => {}
        }
        for word in ["query.", "path."] {
            if !rest.starts_with(word) {
                continue;
            }
            let from = at + word.len();
            let name = self.parameter_name(from);
            if name.is_empty() {
                return self.nothing_named(from, "a parameter");
            }
            let end = from + name.len();
            if part == Part::Request {
                let root = if word == "query." { Root::RequestQuery(name) } else { Root::RequestPath(name) };
                return Scanned::Found(Expr { root, at: Pointer::default(), dotted: false }, end);
            }
        }
        let word = self.identifier(at);
        let end = at + word.len();
        // The grammar gives every part to all three; nothing is ever found there.
        let grammatical =
            ["query.", "path."].iter().any(|known| rest.starts_with(known)) || is("body") || is("payload");
        if grammatical && self.scope.readings == Readings::Letter {
            let end = if self.place == Place::Whole { self.text.len() } else { end };
            let root = Root::Nothing(self.written(end).to_owned());
            return Scanned::Found(Expr { root, at: Pointer::default(), dotted: false }, end);
        }
        let first = word.split('.').next().unwrap_or_default();
        if self.place != Place::Text && ["header", "headers"].contains(&first) {
            let message = format!("`{}` does not say which header", self.written(end));
            return self.wrong(
                Code::ExpressionSyntax,
                self.start..end,
                message,
                Some(format!("write ${whole}.header.<name>")),
            );
        }
        let help = nearest(first, part.parts().iter().copied()).map_or_else(
            || match part {
                Part::Request => Help::words("a request has `header.<name>`, `query.<name>`, `path.<name>` and `body`"),
                Part::Response => Help::words("a response has `header.<name>` and `body`"),
                Part::Message => Help::words("a message has `header.<name>` and `payload`"),
            },
            |near| Help::meant_behind(format!("${whole}."), near),
        );
        self.wrong(Code::ExpressionSyntax, self.start..end, format!("a {whole} has no part `{first}`"), Some(help))
    }

    /// The name of a query or path parameter, which may hold almost anything: alone, all that follows.
    fn parameter_name(&self, at: usize) -> String {
        let rest = self.rest(at);
        match self.place {
            Place::Whole => rest.to_owned(),
            Place::Text => rest.chars().take_while(|c| is_strict(*c)).collect(),
            Place::Condition => {
                let ends = |c: char| c.is_whitespace() || "'\"()=!<>&|,{}".contains(c);
                rest.split(ends).next().unwrap_or_default().to_owned()
            }
        }
    }

    fn nothing_named(&mut self, at: usize, what: &str) -> Scanned {
        if self.place == Place::Text {
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
            Some(next) => !(next.is_ascii_alphanumeric() || matches!(next, '_' | '-')),
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
        match self.place {
            Place::Whole => name.trim_end_matches('.').to_owned(),
            // Dots are navigation in a condition, and punctuation in a text.
            _ => name.split('.').next().unwrap_or_default().to_owned(),
        }
    }

    /// `#/a/b`, or `.a[0]` where it is allowed or read leniently.
    fn way_into(&mut self, root: Root, at: usize, navigable: bool) -> Scanned {
        let rest = self.rest(at);
        if let Some(pointer) = rest.strip_prefix('#') {
            let length = match self.place {
                Place::Whole => pointer.len(),
                Place::Text => pointer
                    .find(|c: char| {
                        c.is_whitespace() || matches!(c, '"' | '\'' | '{' | '}' | '[' | ']' | '(' | ')' | '<' | '>')
                    })
                    .unwrap_or(pointer.len()),
                Place::Condition => pointer
                    .find(|c: char| {
                        c.is_whitespace()
                            || matches!(
                                c,
                                '"' | '\''
                                    | '{'
                                    | '}'
                                    | '['
                                    | ']'
                                    | '('
                                    | ')'
                                    | '<'
                                    | '>'
                                    | '='
                                    | '!'
                                    | '&'
                                    | '|'
                                    | ','
                            )
                    })
                    .unwrap_or(pointer.len()),
            };
            let written = pointer.get(..length).unwrap_or_default();
            let end = at + 1 + length;
            if let Some(tilde) = written
                .match_indices('~')
                .map(|(i, _)| i)
                .find(|i| !written.get(i + 1..).is_some_and(|after| after.starts_with(['0', '1'])))
            {
                let range = at + 1 + tilde..at + 2 + tilde;
                let message = "this `~` of a JSON Pointer stands alone".to_owned();
                return self.wrong(
                    Code::PointerSyntax,
                    range,
                    message,
                    Some("write ~0 for ~, and ~1 for /".to_owned()),
                );
            }
            if !written.is_empty() && !written.starts_with('/') {
                self.departure(Code::DottedBody, end, "a JSON Pointer begins with `/`", &Pointer::parse(written));
            }
            let mut at_pointer = Pointer::parse(written);
            let mut end = end;
            let mut dotted = false;
            if self.place == Place::Condition {
                let (more, after) = self.navigation(end);
                dotted = !more.is_empty();
                end = after;
                at_pointer = Pointer::of(at_pointer.tokens().iter().cloned().chain(more).collect());
            }
            return Scanned::Found(Expr { root, at: at_pointer, dotted }, end);
        }
        let body = matches!(root, Root::ResponseBody | Root::RequestBody | Root::MessagePayload);
        let whole = self.place == Place::Whole && self.scope.readings != Readings::Letter;
        if whole && body && rest.starts_with('/') && !rest.contains(|c: char| c.is_whitespace() || "{}$".contains(c)) {
            // `$response.body/id`: a pointer that lost its `#`.
            let (end, pointer) = (self.text.len(), Pointer::parse(rest));
            let right = format!("{}#{rest}", self.written(at));
            self.findings.push(
                Finding::new(Code::DottedBody, self.start..end, "a JSON Pointer stands after `#`")
                    .help(format!("write {right}"))
                    .fix(right, true),
            );
            return Scanned::Found(Expr { root, at: pointer, dotted: true }, end);
        }
        let (tokens, end) = if navigable { self.navigation(at) } else { (vec![], at) };
        let dotted = !tokens.is_empty();
        let pointer = Pointer::of(tokens);
        if dotted && self.place != Place::Condition {
            let (code, message) = match root {
                Root::ResponseBody | Root::RequestBody | Root::MessagePayload => {
                    (Code::DottedBody, "a way into a body is a JSON Pointer after `#`")
                }
                _ => (Code::DottedOutput, "a way into a value is a JSON Pointer after `#`"),
            };
            self.departure(code, end, message, &pointer);
            if code == Code::DottedOutput && self.scope.readings == Readings::Letter {
                // By the letter, the dots belong to a name, which nothing declares.
                let root = Root::Nothing(self.written(end).to_owned());
                return Scanned::Found(Expr { root, at: Pointer::default(), dotted: false }, end);
            }
        }
        match self.place {
            Place::Whole if end < self.text.len() => {
                // Something follows that no name and no way explains: for the caller it is a longer text.
                Scanned::None
            }
            _ => Scanned::Found(Expr { root, at: pointer, dotted }, end),
        }
    }

    fn departure(&mut self, code: Code, end: usize, message: &str, pointer: &Pointer) {
        let written = self.written(end);
        let head = written.split(['#']).next().unwrap_or_default();
        // Cut the dotted way off again: everything after the last name.
        let head = if written.contains('#') { head.to_owned() } else { strip_way(head, pointer).to_owned() };
        let right = format!("{head}#{pointer}");
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

/// `$steps.a.outputs.b` of `$steps.a.outputs.b.c[0]`.
fn strip_way<'a>(written: &'a str, pointer: &Pointer) -> &'a str {
    let mut head = written;
    for token in pointer.tokens().iter().rev() {
        let bare = head.strip_suffix(']').map_or(head, |h| h.trim_end_matches(['\'', '"']));
        head = bare.strip_suffix(token.as_str()).unwrap_or(bare).trim_end_matches(['[', '\'', '"']);
        head = head.strip_suffix('.').unwrap_or(head);
    }
    head
}

/// `[A-Za-z0-9_-]`: names of steps, workflows and source descriptions.
fn is_strict(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

fn is_tchar(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}
