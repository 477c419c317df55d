//! Literals in quotes, and what is in quotes though its value is meant.

use std::ops::Range;

use super::{Condition, Parser};
use crate::code::Code;
use crate::expr::scan::{Position, Scanned, expression};
use crate::expr::{Finding, dialect, foreign};
use crate::value::Json;

impl Parser<'_, '_> {
    /// The reading `quoted-expression` of a literal that stands at these bytes with its quotes.
    fn in_quotes(&mut self, range: Range<usize>) -> Option<Condition> {
        let text = self.text.get(range.start + 1..range.end - 1)?;
        let inner = foreign::quoted(text, self.scope)?;
        let begin = range.start + 1 + text.find(inner)?;
        let mut own = vec![];
        let before = self.text.get(..begin + inner.len())?;
        let scanned = expression(before, begin, Position::Condition, self.scope, &mut own);
        let Scanned::Found(expr, end) = scanned else { return None };
        if end != before.len() {
            return None;
        }
        // One edit in a place: another departure of the expression is repaired behind this one.
        own.retain(|finding| finding.fix.is_none());
        self.findings.push(foreign::in_quotes(range, inner));
        self.findings.extend(own);
        Some(Condition::Value(expr, begin..end))
    }

    pub(super) fn quoted(&mut self) -> Option<Condition> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((i, c)) = chars.next() {
            if c != '\'' {
                text.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                text.push('\'');
                chars.next();
            } else {
                self.at = start + i + 1;
                if let Some(meant) = self.in_quotes(start..self.at) {
                    return Some(meant);
                }
                let finding = foreign::in_literal(&text, start..self.at, self.scope);
                self.findings.extend(finding);
                return Some(Condition::Literal(Json::String(text)));
            }
        }
        self.fail(
            start..self.text.len(),
            "this string is never closed".to_owned(),
            Some("a quote inside a string is written ''".to_owned()),
        );
        None
    }

    pub(super) fn double_quoted(&mut self) -> Option<Condition> {
        let start = self.at;
        let Some(length) = self.rest().get(1..).and_then(|r| r.find('"')) else {
            self.fail(
                start..self.text.len(),
                "this string is never closed".to_owned(),
                Some("strings are written in single quotes".to_owned()),
            );
            return None;
        };
        let text = self.rest().get(1..1 + length).unwrap_or_default();
        self.at = start + length + 2;
        if let Some(meant) = self.in_quotes(start..self.at) {
            return Some(meant);
        }
        if let Some(finding) = foreign::in_literal(text, start..self.at, self.scope) {
            self.findings.push(finding);
            return Some(Condition::Literal(Json::String(text.to_owned())));
        }
        let right = dialect::literal(text);
        self.findings.push(
            Finding::new(Code::DoubleQuotedLiteral, start..self.at, "strings in a condition stand in single quotes")
                .help(format!("write {right}"))
                .fix(right, true),
        );
        Some(Condition::Literal(Json::String(text.to_owned())))
    }
}
