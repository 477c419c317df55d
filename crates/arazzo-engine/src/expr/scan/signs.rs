//! Names with signs of other languages between them: `$inputs->id`, `$inputs:id`, `$steps::a::outputs::id`
//! (docs/readings.md, `dialect-word`).

use super::{Position, Scanned, expression};
use crate::code::Code;
use crate::expr::{Finding, Scope};

/// The roots that names follow.
const ROOTS: [&str; 8] =
    ["$inputs", "$steps", "$outputs", "$response", "$request", "$message", "$workflows", "$sourceDescriptions"];
/// What stands between names elsewhere, those that begin with others first.
const SIGNS: [&str; 4] = ["->", "::", ":", "/"];

/// `true` if a text begins with a root and another sign than a dot behind it.
pub(in crate::expr) fn begins_with_sign(text: &str) -> bool {
    behind_root(text).is_some()
}

/// The length of the root that a text begins with, where another sign than a dot follows.
fn behind_root(text: &str) -> Option<usize> {
    let root = ROOTS.iter().find(|root| text.starts_with(**root))?;
    let rest = text.get(root.len()..)?;
    let name = SIGNS.iter().find_map(|sign| rest.strip_prefix(sign))?;
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(root.len())
}

/// The expression that begins at byte `at`, read with dots between its names; nothing where dots stand already.
///
/// In a longer text it has to be one: there, the signs may be the text's own.
pub(in crate::expr) fn between_names(
    text: &str,
    at: usize,
    position: Position,
    scope: &Scope<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Scanned> {
    let rest = text.get(at..)?;
    let root = behind_root(rest)?;
    let (mut right, mut length) = (rest.get(..root)?.to_owned(), root);
    while let Some(after) = rest.get(length..) {
        let Some(sign) = [".", "->", "::", ":", "/"].into_iter().find(|sign| after.starts_with(sign)) else { break };
        let name = after.get(sign.len()..)?;
        let end = name
            .char_indices()
            .find(|(i, c)| {
                let arrow = name.get(*i..).is_some_and(|rest| rest.starts_with("->"));
                arrow || !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            })
            .map_or(name.len(), |(i, _)| i);
        if end == 0 {
            break;
        }
        right.push('.');
        right.push_str(name.get(..end)?);
        length += sign.len() + end;
    }
    if position == Position::Whole {
        right.push_str(rest.get(length..)?);
        length = rest.len();
    }
    let range = at..at + length;
    let mut own = vec![];
    match expression(&right, 0, position, scope, &mut own) {
        Scanned::Found(mut expr, end) if end == right.len() => {
            // One report: what else departs is repaired with it.
            let whole = |finding: &Finding| finding.range == (0..right.len());
            let repaired = own.iter().find(|finding| whole(finding)).and_then(|finding| finding.fix.clone());
            let (right, exact) = repaired.unwrap_or((right.clone(), true));
            let message = "names of a runtime expression stand behind dots";
            let finding = Finding::new(Code::DialectWord, range, message).help(format!("write {right}"));
            findings.push(finding.fix(right, exact));
            expr.parts = None;
            Some(Scanned::Found(expr, at + length))
        }
        Scanned::Wrong if position != Position::Text => {
            findings.extend(own.into_iter().map(|finding| Finding { range: range.clone(), fix: None, ..finding }));
            Some(Scanned::Wrong)
        }
        _ => None,
    }
}
