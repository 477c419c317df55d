//! Text → template or expression, against the names that are declared: where expressions stand in a text, and what is
//! said about braces. `scan/` reads each of them.

use std::ops::Range;

use super::scan::{Position, Scanned, begins_with_sign, between_names, expression};
use super::{Expr, Finding, Piece, Scope, Template};
use crate::code::Code;
use crate::diagnostic::Help;
use crate::readings::Readings;

pub use super::roots::begins_expression;

/// Parses a string value: a parameter value, a member of a payload, an output.
///
/// Returns the template, or the findings that make it impossible; departures are pushed to `findings` either way.
pub fn template(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Template> {
    if let Some(template) = within_margins(text, scope, findings) {
        return Some(template);
    }
    if text.starts_with('$') {
        let mut own = vec![];
        match expression(text, 0, Position::Whole, scope, &mut own) {
            Scanned::Found(expr, end) if end == text.len() => {
                findings.append(&mut own);
                return Some(Template::Whole(expr));
            }
            // A text that begins with an expression and goes on is a longer text, unless its name is simply wrong.
            Scanned::Wrong if !text.contains(|c: char| c.is_whitespace()) && !braced_text(text) => {
                findings.append(&mut own);
                return None;
            }
            _ => {}
        }
    }
    text_of(pieces(text, Language::Text, scope, findings)?)
}

/// `true` for a text with a brace that does not stand in the JSON Pointer behind its first expression.
fn braced_text(text: &str) -> bool {
    text.split_once('{').is_some_and(|(before, _)| !before.contains("#/"))
}

/// Parses a text that stays text, whatever it holds: a string inside a JSON text.
pub fn text(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Template> {
    text_of(pieces(text, Language::Text, scope, findings)?)
}

/// Parses a condition in another language: expressions stand in braces there, and nothing else is one.
pub fn spliced(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Piece>> {
    pieces(text, Language::Query, scope, findings)
}

/// Parses a text that begins with an expression in braces, also with blanks in them.
pub fn placeholder(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Piece>> {
    let language = if text.starts_with("{$") { Language::Query } else { Language::Text };
    pieces(text, language, scope, findings)
}

/// Parses a pattern: expressions stand in braces there. A `$` that a letter follows matches nothing, so that one without
/// them is read too.
pub fn pattern(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Piece>> {
    pieces(text, Language::Pattern, scope, findings)
}

/// The reading `unbraced-expression` of an expression with nothing but blanks around it, such as the line break behind
/// one in a block.
fn within_margins(text: &str, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Template> {
    let trimmed = text.trim();
    if trimmed.len() == text.len() || !begins_expression(trimmed) || scope.readings == Readings::Letter {
        return None;
    }
    let start = text.len() - text.trim_start().len();
    let mut own = vec![];
    let before = text.get(..start + trimmed.len())?;
    match expression(before, start, Position::Whole, scope, &mut own) {
        Scanned::Found(expr, end) if end == before.len() => {
            let fixed = own.iter().any(|finding| finding.fix.is_some());
            let message = "blanks stand around the expression; they are left out";
            let finding =
                Finding::new(Code::UnbracedExpression, 0..text.len(), message).help(format!("write {trimmed}"));
            findings.push(if fixed { finding } else { finding.fix(trimmed, true) });
            findings.append(&mut own);
            Some(Template::Whole(expr))
        }
        _ => None,
    }
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

const WITHOUT_BRACES: &str = "runtime expression inside a longer text needs braces";

/// What a text with expressions in it is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    /// None: it is a text.
    Text,
    /// A regular expression, in which a backslash has a meaning of its own.
    Pattern,
    /// Another one, in which only braces with an expression say that there is one.
    Query,
}

fn pieces(text: &str, language: Language, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Piece>> {
    let loose = language != Language::Query;
    let first = findings.len();
    let mut pieces: Vec<Piece> = vec![];
    let mut literal = String::new();
    let mut good = true;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("\\{$") && scope.readings != Readings::Letter {
            // An escape in a text (docs/readings.md, "a brace that begins no expression"); a pattern has its own.
            literal.push_str(if language == Language::Text { "{$" } else { "\\{$" });
            at += "\\{$".len();
            continue;
        }
        let scanned = if rest.starts_with("{$") {
            braced(text, at, scope, findings)
        } else if let Some(inner) = blank_braces(rest).filter(|_| loose && scope.readings != Readings::Letter) {
            within_blanks(text, at, inner, scope, findings)
        } else if language == Language::Pattern && (literal.ends_with('\\') || rest.starts_with("$dependencies.")) {
            // `\$inputs.` is a dollar sign and a word.
            Scanned::None
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
                // `{$x = 1}`: code of another language, in a text.
                if let Some(last) = findings.last_mut().filter(|_| language == Language::Text && rest.starts_with("{$"))
                    && last.code == Code::ExpressionSyntax
                    && last.help.is_none()
                {
                    last.help = Some(Help::words("for the text `{$` write \\{$"));
                }
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
    say_once(text, first, findings);
    good.then_some(pieces)
}

/// Of several expressions without braces in one text, one report is enough: the findings from `first` on become one.
fn say_once(text: &str, first: usize, findings: &mut Vec<Finding>) {
    let own = findings.get(first..).unwrap_or_default();
    let plain = |finding: &&Finding| finding.code == Code::UnbracedExpression && finding.message == WITHOUT_BRACES;
    let unbraced: Vec<&Finding> = own.iter().filter(plain).collect();
    let (Some(begin), Some(end)) = (unbraced.first(), unbraced.last()) else { return };
    let range = begin.range.start..end.range.end;
    // What else is said of them has edits of its own.
    let beside = own
        .iter()
        .any(|finding| !plain(&finding) && finding.range.start < range.end && range.start < finding.range.end);
    if unbraced.len() < 2 || beside || unbraced.iter().any(|finding| finding.fix.is_none()) {
        return;
    }
    let (mut right, mut at) = (String::new(), range.start);
    for finding in &unbraced {
        right.push_str(text.get(at..finding.range.start).unwrap_or_default());
        right.push_str(finding.fix.as_ref().map_or("", |(text, _)| text.as_str()));
        at = finding.range.end;
    }
    let (before, after) = (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    let help = if text.len() > LONGEST {
        format!("write {right:?}")
    } else {
        format!("write {:?}", format!("{before}{right}{after}"))
    };
    let message = format!("{} runtime expressions inside a longer text need braces", unbraced.len());
    let finding = Finding::new(Code::UnbracedExpression, range, message).help(help).fix(right, true);
    let mut kept: Vec<Finding> = findings.drain(first..).collect();
    let place = kept.iter().position(|finding| plain(&finding)).unwrap_or(0);
    kept.retain(|finding| !plain(&finding));
    kept.insert(place.min(kept.len()), finding);
    findings.append(&mut kept);
}

/// `{$…}`, whose brace stands at byte `at`.
fn braced(text: &str, at: usize, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Scanned {
    let start = at + 1;
    let rest = text.get(start..).unwrap_or_default();
    let Some(length) = rest.find('}') else {
        // By the letter, a brace that begins no expression is text.
        if scope.readings == Readings::Letter {
            return Scanned::None;
        }
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
        Scanned::Found(expr, end) if end == trimmed => {
            if trimmed < start + length && scope.readings != Readings::Letter {
                let right = format!("{{{}}}", text.get(start..trimmed).unwrap_or_default());
                let message = "an expression fills its braces, and there are blanks in these";
                let finding = Finding::new(Code::UnbracedExpression, at..start + length + 1, message);
                findings.push(finding.help(format!("write {right}")).fix(right, true));
            }
            Scanned::Found(expr, start + length + 1)
        }
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

/// The expression of `{ $inputs.a }`, by its range in a text that begins with the brace.
fn blank_braces(text: &str) -> Option<Range<usize>> {
    let inner = text.strip_prefix('{').filter(|inner| inner.starts_with(char::is_whitespace))?.trim_start();
    let start = text.len() - inner.len();
    // To the next blank or brace, and not to the end of the text.
    let length = inner.find(|c: char| c.is_whitespace() || matches!(c, '{' | '}'))?;
    let closed = inner.get(length..)?.trim_start().starts_with('}');
    (closed && begins_expression(inner)).then_some(start..start + length)
}

/// The reading `unbraced-expression`, where there are braces, and blanks inside of them.
fn within_blanks(
    text: &str,
    at: usize,
    inner: Range<usize>,
    scope: &Scope<'_>,
    findings: &mut Vec<Finding>,
) -> Scanned {
    let (start, end) = (at + inner.start, at + inner.end);
    let mut own = vec![];
    let before = text.get(..end).unwrap_or_default();
    match expression(before, start, Position::Whole, scope, &mut own) {
        Scanned::Found(expr, found) if found == end => {
            let close = text.get(end..).and_then(|rest| rest.find('}')).map_or(end, |length| end + length + 1);
            let right = format!("{{{}}}", text.get(start..end).unwrap_or_default());
            // One edit in a place: another departure of the expression is repaired first.
            let fixed = own.iter().any(|finding| finding.fix.is_some());
            let message = "an expression fills its braces, and there are blanks in these";
            let finding = Finding::new(Code::UnbracedExpression, at..close, message).help(format!("write {right}"));
            // Of `{{ $inputs.a }}` it is said that there are too many braces.
            let doubled = text.get(..at).is_some_and(|before| before.ends_with('{'))
                && text.get(close..).is_some_and(|after| after.starts_with('}'));
            if !doubled {
                // Behind a backslash, braces would be an escape.
                let escaped = text.get(..at).is_some_and(|before| before.ends_with('\\'));
                findings.push(if fixed || escaped { finding } else { finding.fix(right, true) });
            }
            findings.extend(own);
            Scanned::Found(expr, close)
        }
        Scanned::Wrong => {
            findings.extend(own);
            Scanned::Wrong
        }
        _ => Scanned::None,
    }
}

/// The expression that a text begins with, and its text; the findings are those of a longer text, of which it begins
/// at byte `start`.
pub fn begun<'t>(
    text: &'t str,
    scope: &Scope<'_>,
    start: usize,
    findings: &mut Vec<Finding>,
) -> Option<(&'t str, Expr)> {
    let mut own = vec![];
    let scanned = expression(text, 0, Position::Text, scope, &mut own);
    let range = |range: Range<usize>| range.start + start..range.end + start;
    findings.extend(own.into_iter().map(|finding| Finding { range: range(finding.range.clone()), ..finding }));
    match scanned {
        Scanned::Found(mut expr, end) => {
            expr.parts = expr.parts.map(|parts| parts.shifted(start));
            Some((text.get(..end)?, expr))
        }
        Scanned::Wrong => None,
        Scanned::None => {
            let message = format!("`{text}` is not a runtime expression");
            findings.push(Finding::new(Code::ExpressionSyntax, start..start + text.len(), message));
            None
        }
    }
}

/// The reading `unbraced-expression`: an expression inside a longer text without braces.
fn unbraced(text: &str, at: usize, scope: &Scope<'_>, findings: &mut Vec<Finding>) -> Scanned {
    let rest = text.get(at..).unwrap_or_default();
    let with_sign = begins_with_sign(rest);
    if scope.readings == Readings::Letter || !(begins_expression(rest) || with_sign) {
        return Scanned::None;
    }
    let mut own = vec![];
    let scanned = match with_sign {
        true => between_names(text, at, Position::Text, scope, &mut own).unwrap_or(Scanned::None),
        false => expression(text, at, Position::Text, scope, &mut own),
    };
    if let Scanned::Found(_, end) = scanned
        && findings.len() <= MOST_FINDINGS
    {
        // With other signs than dots in it, it is written with dots and braces at once.
        let signs = with_sign.then(|| own.pop()).flatten().and_then(|finding| finding.fix);
        let written = match &signs {
            Some((right, _)) => right.as_str(),
            None => text.get(at..end).unwrap_or_default(),
        };
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(end..).unwrap_or_default());
        if at == 0 && is_prose(after) && text.len() <= LONGEST {
            let sent = format!("{{{written}}}{after}");
            let message = format!("words stand behind the expression: {sent:?} is sent");
            let finding = Finding::new(Code::ProseAfterExpression, end..text.len(), message);
            let differs = "the words behind it are not sent any more";
            findings.push(finding.help(format!("write {written} alone")).fix("", false).differs(differs));
            findings.extend(own);
            return scanned;
        }
        let whole =
            if text.len() > LONGEST { format!("{{{written}}}") } else { format!("{before}{{{written}}}{after}") };
        let finding = Finding::new(Code::UnbracedExpression, at..end, WITHOUT_BRACES);
        findings.push(match before.ends_with('\\') {
            // Behind a backslash, braces would be an escape.
            true => finding
                .help("a backslash before `{$` makes a literal brace: put the text together elsewhere".to_owned()),
            false => finding.help(format!("write {whole:?}")).fix(format!("{{{written}}}"), true),
        });
    }
    findings.extend(own);
    scanned
}

/// `true` for a blank and words, or an operator or a call of another language, that follow an expression, and hold no
/// other.
fn is_prose(after: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let name = after.trim_start_matches(plain);
    // `.toUpperCase()`, `(x => x.id)`
    let call = name.starts_with('(') && name.ends_with(')') && (after.starts_with('.') || name.contains("=>"));
    let filter = after.strip_prefix('|').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
    if (call || filter) && !after.contains('$') {
        return true;
    }
    let operator = ["??", "||", "|", "+ ", "* "].iter().any(|sign| after.trim_start().starts_with(sign));
    after.starts_with(char::is_whitespace) && (after.contains(char::is_alphabetic) || operator) && !after.contains('$')
}
