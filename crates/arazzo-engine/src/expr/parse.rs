//! Text → template or expression, against the names that are declared: where expressions stand in a text, and what is
//! said about braces. `scan/` reads each of them.

use std::ops::Range;

use super::scan::{Position, Scanned, expression};
use super::{Expr, Finding, Piece, Scope, Template};
use crate::code::Code;
use crate::readings::Readings;

/// Parses a string value: a parameter value, a member of a payload, an output.
///
/// Returns the template, or the findings that make it impossible; departures are pushed to `findings` either way.
pub fn template(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Template> {
    if text.starts_with('$') {
        let mut own = vec![];
        match expression(text, 0, Position::Whole, scope, &mut own) {
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
    context_within(text, 0..text.len(), scope, findings)
}

/// As [`context`], of an expression that takes up a part of a text.
pub fn context_within(text: &str, range: Range<usize>, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Expr> {
    let written = text.get(range.clone()).unwrap_or_default();
    // `{$response.body}`: braces around the whole of it (docs/readings.md, `braced-condition`).
    if let Some(inner) = written.strip_prefix('{').and_then(|t| t.strip_suffix('}')).filter(|t| !t.contains(['{', '}']))
    {
        findings.push(
            Finding::new(Code::BracedCondition, range.clone(), "a context stands without braces")
                .help(format!("write {}", inner.trim()))
                .fix(inner.trim(), true),
        );
        let start = range.start + 1 + inner.len() - inner.trim_start().len();
        return context_within(text, start..start + inner.trim().len(), scope, findings);
    }
    let scanned = match text.get(..range.end).filter(|_| written.starts_with('$')) {
        Some(text) => expression(text, range.start, Position::Condition, scope, findings),
        None => Scanned::None,
    };
    match scanned {
        Scanned::Found(expr, end) if end == range.end => Some(expr),
        Scanned::Found(_, end) => {
            let message = format!("`{}` after the expression", text.get(end..range.end).unwrap_or_default());
            findings.push(Finding::new(Code::ExpressionSyntax, end..range.end, message));
            None
        }
        Scanned::Wrong => None,
        Scanned::None => {
            let message = format!("`{written}` is not a runtime expression");
            findings.push(
                Finding::new(Code::ExpressionSyntax, range, message)
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
        let scanned = if rest.starts_with("{$") {
            braced(text, at, scope, findings)
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

/// `{$…}`, whose brace stands at byte `at`.
fn braced(text: &str, at: usize, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Scanned {
    let start = at + 1;
    let rest = text.get(start..).unwrap_or_default();
    let Some(length) = rest.find('}') else {
        findings.push(
            Finding::new(Code::ExpressionSyntax, at..text.len(), "this brace is never closed")
                .help("write the expression as {$…}".to_owned()),
        );
        return Scanned::Wrong;
    };
    if length > LONGEST {
        let message = format!("this expression has more than {LONGEST} bytes");
        findings.push(Finding::new(Code::ExpressionSyntax, at..start + 1, message));
        return Scanned::Wrong;
    }
    let body = rest.get(..length).unwrap_or_default();
    let trimmed = start + body.trim_end().len();
    let scanned = expression(text.get(..trimmed).unwrap_or_default(), start, Position::Whole, scope, findings);
    match scanned {
        Scanned::Found(expr, end) if end == trimmed => Scanned::Found(expr, start + length + 1),
        // By the letter, braces around anything else are text.
        Scanned::None if scope.readings == Readings::Letter => Scanned::None,
        Scanned::Found(..) | Scanned::None => {
            let message = format!("`{body}` is not a runtime expression");
            findings.push(Finding::new(Code::ExpressionSyntax, start..start + length, message));
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
    let scanned = expression(text, at, Position::Text, scope, &mut own);
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
