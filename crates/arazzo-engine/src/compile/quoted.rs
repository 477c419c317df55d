//! The reading `quoted-expression` of bodies: one expression and nothing else in quotes, where the description takes no text.

use std::ops::Range;

use super::Compiler;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit};
use crate::expr::{Piece, Template};
use crate::node::{Node, scalar_of};
use crate::openapi::shape::{Child, Schema, Shape, articles};
use crate::program::{Build, Leaf};
use crate::readings::Readings;
use crate::value::PathSegment;

impl Compiler<'_> {
    /// Reads such expressions as their values. `schemas` describe the value, `payload` is what it was built of.
    pub(super) fn read_quoted(&mut self, built: &mut Build, schemas: &[Schema<'_>], payload: &Node) {
        if self.readings == Readings::Letter {
            return;
        }
        match built {
            Build::Template(leaf) => self.read_quoted_leaf(leaf, schemas, payload),
            Build::Object(members) => {
                for (name, value) in members {
                    let Some(below) = below(schemas, &PathSegment::Member(name.clone())) else { continue };
                    self.read_quoted(value, &below, payload);
                }
            }
            Build::Array(items) => {
                let Some(below) = below(schemas, &PathSegment::Member("0".to_owned())) else { return };
                items.iter_mut().for_each(|item| self.read_quoted(item, &below, payload));
            }
            Build::Constant(_) | Build::Keyed(_) | Build::Select(_) => {}
        }
    }

    fn read_quoted_leaf(&mut self, leaf: &mut Leaf, schemas: &[Schema<'_>], payload: &Node) {
        let Template::Text(pieces) = &leaf.template else { return };
        let [Piece::Value(expr, _)] = pieces.as_slice() else { return };
        let wanted = Shape::Schemas(schemas.to_vec()).types().filter(|types| !types.contains("string"));
        let (Some(mut wanted), expr) = (wanted, expr.clone()) else { return };
        wanted.remove("null");
        let inner = leaf.text.trim().trim_start_matches('{').trim_end_matches('}').trim().to_owned();
        let text = payload.as_str();
        // The string of a JSON text that it stands in.
        let quotes = text.zip(expr.parts.as_ref()).and_then(|(text, parts)| quotes_around(text, parts.range()));
        let span = quotes.clone().map_or(leaf.span, |quotes| payload.part(self.sources(), quotes));
        let (help, edit) = match text {
            // Outside of strings, a JSON text has expressions in braces.
            Some(_) => {
                let right = format!("{{{inner}}}");
                let edit = quotes.and_then(|quotes| payload.rewrite(self.sources(), quotes, &right, true));
                (format!("write {right}, without quotes"), edit)
            }
            None => {
                let quoted = self.sources().text(span).starts_with(['"', '\'']);
                let edit = Edit { span, text: scalar_of(&inner) };
                (format!("write {inner}"), quoted.then_some(edit))
            }
        };
        let message = format!("this is {} for the operation, and an expression in quotes is a text", articles(&wanted));
        let mut diagnostic = Diagnostic::warning(Code::QuotedExpression, span, message)
            .label("read as the value of the expression")
            .help(help.clone())
            .section("§Runtime Expressions");
        if let Some(node) = schemas.first().map(|schema| schema.node) {
            diagnostic = diagnostic.note(node.read().span, "described here");
        }
        if let Some(edit) = edit {
            diagnostic = diagnostic.fix(help, true, vec![edit]);
        }
        // That it has no braces, or blanks in them, is said by what is to be written.
        let within = |known: &Diagnostic| known.span.is_some_and(|other| span.contains(other));
        self.diagnostics.retain(|known| known.code != Code::UnbracedExpression || !within(known));
        self.departure(diagnostic);
        leaf.template = Template::Whole(expr);
    }
}

/// The quotes around an expression of a JSON text, and around its braces.
fn quotes_around(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let before = text.get(..range.start)?.trim_end_matches(['{', ' ']).strip_suffix('"')?;
    let after = text.get(range.end..)?.trim_start_matches(['}', ' ']).strip_prefix('"')?;
    Some(before.len()..text.len() - after.len())
}

/// What is below a value of one of these schemas; nothing if one of them leaves that open.
fn below<'a>(schemas: &[Schema<'a>], way: &PathSegment) -> Option<Vec<Schema<'a>>> {
    let mut found = vec![];
    for schema in schemas {
        match schema.below(way) {
            Child::Schemas(more) => found.extend(more),
            Child::Unknown | Child::Nothing(_) => return None,
        }
    }
    Some(found)
}
