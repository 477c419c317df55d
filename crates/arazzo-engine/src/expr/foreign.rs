//! Placeholders of other tools in a text: `{{x}}`, `${x}`, `${{x}}`, `#{x}`, `%{x}`, `@{x}`, `$(x)`, `{% x %}`, `<%= x %>`,
//! `{steps.x}`, `<x>`, `Bearer <x>`, `:x`, `$x`, `$uuid`, `$.steps.x` (docs/readings.md, `foreign-placeholder`). They are text; what was meant is found here, so that it can be said.

use std::ops::Range;

use super::scan::ROOTS;
use super::{Finding, Scope, Template, parse};
use crate::code::{Code, Severity};
use crate::readings::Readings;

/// Bytes of the longest placeholder.
const LONGEST: usize = 200;
/// How many of one text are said.
const MOST: usize = 20;
/// Values that other tools generate where their names stand.
const GENERATED: [&str; 8] =
    ["uuid", "uuidv4", "guid", "randomUUID", "isoTimestamp", "timestampISO", "unixTimestamp", "randomInt"];
/// As [`GENERATED`]; in a payload they may be names of fields.
const FIELDS: [&str; 6] = ["timestamp", "now", "date", "datetime", "today", "random"];
/// Schemes of `Authorization` that a token stands behind.
const SCHEMES: [&str; 7] = ["Bearer", "Basic", "Token", "ApiKey", "Api-Key", "JWT", "OAuth"];

/// A text without any of these holds no placeholder.
const SIGNS: [char; 8] = ['{', '<', '$', ':', '[', '%', '_', '@'];
/// How placeholders begin and end, those that begin with others first. `{` alone begins one only before a root of an
/// expression.
const BRACKETS: [(&str, &str); 12] = [
    ("${{", "}}"),
    ("{{", "}}"),
    ("${", "}"),
    ("#{", "}"),
    ("%{", "}"),
    ("@{", "}"),
    ("$(", ")"),
    ("{%", "%}"),
    ("<%=", "%>"),
    ("<%-", "%>"),
    ("<%", "%>"),
    ("{", "}"),
];
/// What stands around the name of an input in other tools, and may be a text of its own around any other name.
const AROUND: [(&str, &str); 6] = [("$", ""), (":", ""), ("[[", "]]"), ("%", "%"), ("__", "__"), ("@", "")];

/// What is to be said about the placeholders of a text; `in_payload` if it is a part of a payload, where a longer text
/// may be a template of its own.
pub fn findings(text: &str, scope: &Scope<'_>, in_payload: bool) -> Vec<Finding> {
    if scope.readings == Readings::Letter || !text.contains(SIGNS) {
        return vec![];
    }
    let found = placeholders(text, scope).into_iter().take(MOST).map(|(range, right)| {
        let whole = range == (0..text.len());
        let written = text.get(range.clone()).unwrap_or_default();
        let inner = written.trim_start_matches('{').trim_start();
        let own = written.starts_with('{') && inner.starts_with('$');
        let message = match own {
            true => format!("`{written}` has more braces than an expression: its value is sent between the others"),
            false => format!("`{written}` is a placeholder of another language, and is sent as it is written"),
        };
        let finding = Finding::new(Code::ForeignPlaceholder, range, message);
        let finding = match right {
            Some(right) => {
                let right = if whole { right } else { format!("{{{right}}}") };
                finding.help(format!("write {right}")).fix(right, false).differs("its value is sent instead")
            }
            None => finding.help("write an expression in braces, such as {$inputs.name}"),
        };
        // `$timestamp` may be the name of a field for whoever reads the payload.
        let unsure = !whole && !own || whole && FIELDS.iter().any(|name| written.strip_prefix('$') == Some(*name));
        if in_payload && unsure { finding.weighing(Severity::Hint) } else { finding }
    });
    found.collect()
}

/// The placeholder that a text begins with, where a value has to stand: its bytes, and the expression that it means.
pub(crate) fn at_start(text: &str, scope: &Scope<'_>) -> Option<(usize, Option<String>)> {
    let near = || {
        let mut limit = text.len().min(LONGEST);
        while !text.is_char_boundary(limit) {
            limit -= 1;
        }
        text.get(..limit)
    };
    let angle = || {
        let inner = near()?.strip_prefix('<')?;
        let inner = inner.get(..inner.find('>')?)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.$".contains(c);
        let named = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') && inner.chars().all(plain);
        named.then_some((inner, inner.len() + 2))
    };
    let single = || {
        let inner = near()?.strip_prefix('{')?;
        let inner = inner.get(..inner.find('}')?)?;
        let known = scope.inputs.iter().any(|input| input.name == inner.trim());
        (known || ROOTS.contains(&inner.trim().split('.').next().unwrap_or_default()))
            .then_some((inner, inner.len() + 2))
    };
    let (inner, length) = begun(text).or_else(single).or_else(angle)?;
    Some((length, right(inner, scope)))
}

/// The placeholders of a query or a JSON text, which is none because of them; `string` tells whether a byte is in a
/// string of it.
pub(crate) fn outside_strings(text: &str, scope: &Scope<'_>) -> Vec<Finding> {
    let (mut quote, mut escaped) = (None, false);
    let mut found: Vec<Finding> = vec![];
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && found.len() < MOST) {
        let next = rest.chars().next().unwrap_or(' ');
        let begins = quote.is_none() && matches!(next, '{' | '$' | '<' | '#' | '%' | '@');
        if let Some((length, right)) = begins.then(|| at_start(rest, scope)).flatten() {
            // An expression in its braces is none, and neither is a comparison.
            let sure = !rest.starts_with("{$") && (next != '<' || right.is_some());
            if sure {
                let range = at..at + length;
                let message =
                    format!("`{}` is a placeholder of another language", rest.get(..length).unwrap_or_default());
                let finding = Finding::new(Code::ForeignPlaceholder, range, message).weighing(Severity::Error);
                found.push(match right {
                    Some(right) => {
                        let right = format!("{{{right}}}");
                        finding.help(format!("write {right}")).fix(right, false).differs("its value is read instead")
                    }
                    None => finding.help("write an expression in braces, such as {$inputs.name}"),
                });
                at += length;
                continue;
            }
        }
        match (quote, next) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), next) if next == open => quote = None,
            (None, '\'' | '"') => quote = Some(next),
            _ => {}
        }
        at += next.len_utf8();
    }
    found
}

/// The expression that is all of a text in quotes, with or without braces.
fn only_expression<'t>(text: &'t str, scope: &Scope<'_>) -> Option<&'t str> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).map_or(trimmed, str::trim);
    let whole = || matches!(parse::template(inner, scope, &mut vec![]), Some(Template::Whole(_)));
    (inner.starts_with('$') && whole()).then_some(inner)
}

/// As [`only_expression`], of those whose value is meant (docs/readings.md, `quoted-expression`).
pub(crate) fn quoted<'t>(text: &'t str, scope: &Scope<'_>) -> Option<&'t str> {
    let is_read = |inner: &&str| parse::begins_expression(inner);
    only_expression(text, scope).filter(|inner| scope.readings != Readings::Letter && is_read(inner))
}

/// What is said of an expression in quotes, which stand in this range; `right` is to be written.
pub(crate) fn in_quotes(range: Range<usize>, right: &str) -> Finding {
    let message = "an expression in quotes is a text: its value is meant";
    Finding::new(Code::QuotedExpression, range, message).help(format!("write {right}")).fix(right, true)
}

/// What is to be said about a text in quotes that is compared as it is, and was meant as a value. `range` is that of the
/// literal with its quotes.
pub(crate) fn in_literal(text: &str, range: Range<usize>, scope: &Scope<'_>) -> Option<Finding> {
    if scope.readings == Readings::Letter || !text.contains(SIGNS) {
        return None;
    }
    let (first, right) = match only_expression(text, scope) {
        Some(own) => (0..text.len(), Some(own.to_owned())),
        None => placeholders(text, scope).into_iter().next()?,
    };
    let whole = first == (0..text.len());
    let message = format!("`{text}` stands in quotes, and is compared as it is written");
    let finding = Finding::new(Code::ForeignPlaceholder, range, message);
    Some(match right.filter(|_| whole) {
        Some(right) => {
            finding.help(format!("write {right}")).fix(right, false).differs("its value is compared instead")
        }
        None => finding.help("a condition compares values as they are: make an output of the text, and compare that"),
    })
}

/// The expression that a placeholder which is the whole text means, if that can be told.
pub fn meant(text: &str, scope: &Scope<'_>) -> Option<String> {
    placeholders(text, scope).into_iter().find(|(range, _)| *range == (0..text.len())).and_then(|(_, right)| right)
}

/// The placeholders of a text, with the expressions that they mean.
fn placeholders(text: &str, scope: &Scope<'_>) -> Vec<(Range<usize>, Option<String>)> {
    if let Some(inner) =
        alone(text).or_else(|| input(text, scope)).or_else(|| around(text, scope)).or_else(|| generated(text))
    {
        return vec![(0..text.len(), right(inner, scope))];
    }
    if let Some((before, right)) = behind_scheme(text, scope).or_else(|| behind_root(text, scope)) {
        return vec![(before..text.len(), right)];
    }
    let mut found = vec![];
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match begun(rest).or_else(|| of_step(rest, scope)) {
            Some((inner, length)) => {
                found.push((at..at + length, right(inner, scope)));
                at += length;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// `$login.token`, where `login` is a step: its name stands in the place of a root.
fn of_step<'t>(text: &'t str, scope: &Scope<'_>) -> Option<(&'t str, usize)> {
    let inner = text.strip_prefix('$')?;
    let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.#/".contains(c))).unwrap_or(inner.len());
    let inner = inner.get(..length.min(LONGEST))?.trim_end_matches('.');
    let (root, _) = inner.split_once('.')?;
    (!ROOTS.contains(&root) && scope.steps.get(root).is_some()).then_some((inner, inner.len() + 1))
}

/// The inside of `<x>`, `{{$url}`, `{$url}}` where nothing else stands in the text.
fn alone(text: &str) -> Option<&str> {
    if let Some(inner) = text.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')) {
        let plain = |c: char| c.is_ascii_alphanumeric() || " _-.$".contains(c);
        return (inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') && inner.chars().all(plain))
            .then_some(inner);
    }
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let braces = text.len() - inner.len();
    let odd = text.starts_with('{') && text.ends_with('}') && braces != 2;
    (odd && inner.starts_with('$') && !inner.contains(['{', '}', ' '])).then_some(inner)
}

/// The inside of `$uuid`, `$guid()`, `$randomEmail`, values that other tools generate.
fn generated(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let name = inner.strip_suffix("()").unwrap_or(inner);
    let random = name.strip_prefix("random").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (plain && (random || GENERATED.iter().chain(&FIELDS).any(|known| *known == name))).then_some(name)
}

/// `Bearer <token>`, `Bearer {token}`: where the placeholder begins, and what it means.
fn behind_scheme(text: &str, scope: &Scope<'_>) -> Option<(usize, Option<String>)> {
    let (scheme, rest) = text.split_once(' ')?;
    SCHEMES.iter().find(|known| known.eq_ignore_ascii_case(scheme))?;
    let inner =
        if rest.starts_with('<') { alone(rest)? } else { input(rest, scope).or_else(|| around(rest, scope))? };
    Some((text.len() - rest.len(), right(inner, scope)))
}

/// `$.steps.a.outputs.b`, `$.inputs.x`: the way of a JSONPath to what there is.
fn behind_root(text: &str, scope: &Scope<'_>) -> Option<(usize, Option<String>)> {
    let inner = text.strip_prefix("$.")?;
    let (root, _) = inner.split_once(['.', '#'])?;
    (["inputs", "steps", "workflows"].contains(&root) || scope.steps.get(root).is_some()).then_some(())?;
    Some((0, Some(right(inner, scope)?)))
}

/// The name of an input in the braces of `{input}`, where nothing else stands in the text.
fn input<'t>(text: &'t str, scope: &Scope<'_>) -> Option<&'t str> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    scope.inputs.iter().any(|input| input.name == inner).then_some(inner)
}

/// The name of an input in `$input`, `:input`, `[[input]]`, `%input%`, where nothing else stands in the text.
fn around<'t>(text: &'t str, scope: &Scope<'_>) -> Option<&'t str> {
    AROUND.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        scope.inputs.iter().any(|input| input.name == inner).then_some(inner)
    })
}

/// The inside of the placeholder that a text begins with, and how long it is.
fn begun(text: &str) -> Option<(&str, usize)> {
    let (open, close) = BRACKETS.into_iter().find(|(open, _)| text.starts_with(open))?;
    let inner = text.get(open.len()..)?;
    // Not to the end of the text for each brace in it.
    let mut limit = inner.len().min(LONGEST);
    while !inner.is_char_boundary(limit) {
        limit -= 1;
    }
    let inner = inner.get(..limit)?;
    let inner = inner.get(..inner.find(close)?)?;
    let length = inner.len();
    let name = inner.trim();
    let plain = |c: char| c.is_alphanumeric() || "_-.$#/[]:'|* ".contains(c);
    let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '.');
    let is_placeholder = match open {
        // `{` alone begins one only before a root of an expression: `{steps.a.outputs.id}`.
        "{" => name.split_once('.').is_some_and(|(root, _)| ROOTS.contains(&root)) && name == inner,
        _ => true,
    };
    (is_placeholder && name.starts_with(begins) && name.chars().all(plain))
        .then_some((inner, open.len() + length + close.len()))
}

/// The expression that the inside of a placeholder means: `steps.a.outputs.id`, `a.id`, `name` of an input.
fn right(inner: &str, scope: &Scope<'_>) -> Option<String> {
    let name = inner.trim().trim_start_matches('$').trim_start_matches('.');
    let input = scope.inputs.iter().any(|input| input.name == name).then(|| format!("$inputs.{name}"));
    let root = name.split(['.', '#']).next().unwrap_or_default();
    let own = ROOTS.contains(&root).then(|| format!("${name}"));
    let step = scope.steps.get(root).map(|_| format!("$steps.{name}"));
    [own, input, step].into_iter().flatten().find_map(|written| {
        let mut own = vec![];
        let whole = matches!(parse::template(&written, scope, &mut own), Some(Template::Whole(_)));
        match own.as_slice() {
            [] if whole => Some(written),
            [Finding { fix: Some((right, true)), range, .. }] if whole && *range == (0..written.len()) => {
                Some(right.clone())
            }
            _ => None,
        }
    })
}
