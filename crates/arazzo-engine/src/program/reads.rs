//! The expressions of a program: which values, criteria and outputs read what.

use super::{Build, Call, Criterion, Output, Pattern, Placeholder, Select, Selection, Step, Test};
use crate::expr::{Expr, Piece, Root, StepId};
use crate::source::Span;

/// An expression, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Read<'p> {
    /// The expression.
    pub expr: &'p Expr,
    /// The text it is a part of, as written.
    pub text: &'p str,
    /// Where that is written.
    pub span: Span,
    /// `true` if it stands in a credential position.
    pub credential: bool,
}

impl Call {
    /// Everything that is built before the call.
    pub fn values(&self) -> Box<dyn Iterator<Item = &Build> + '_> {
        match self {
            Self::Operation { arguments, body, .. } => {
                let replaced = body.iter().flat_map(|body| body.replacements.iter().map(|r| &r.value));
                Box::new(
                    arguments
                        .iter()
                        .map(|argument| &argument.value)
                        .chain(body.iter().map(|body| &body.payload))
                        .chain(replaced),
                )
            }
            Self::Workflow { passed, .. } => Box::new(passed.values.iter().map(|value| &value.value)),
        }
    }

    /// The expressions that it reads, those in the targets of replacements among them.
    #[must_use]
    pub fn reads(&self) -> Vec<Read<'_>> {
        let mut reads: Vec<Read<'_>> = self.values().flat_map(Build::reads).collect();
        if let Self::Operation { body: Some(body), .. } = self {
            for replacement in &body.replacements {
                reads.extend(replacement.target.placeholders().iter().map(|placeholder| Read {
                    expr: &placeholder.expr,
                    text: &replacement.text,
                    span: replacement.span,
                    credential: false,
                }));
            }
        }
        reads
    }
}

impl Select {
    /// The expressions in braces in it.
    #[must_use]
    pub fn placeholders(&self) -> &[Placeholder] {
        match self {
            Self::Pointer(_) => &[],
            Self::Jsonpath(_, placeholders) | Self::Xpath(_, placeholders) => placeholders,
        }
    }
}

impl Step {
    /// `true` if a criterion or output of the step reads an answer.
    #[must_use]
    pub fn reads_answer(&self) -> bool {
        let answer = |expr: &Expr| matches!(expr.root, Root::ResponseBody | Root::ResponseHeader(_) | Root::StatusCode);
        let outputs = self.outputs.iter().flat_map(|output| output.value.reads());
        self.all_criteria().flat_map(Criterion::expressions).any(answer) || outputs.map(|read| read.expr).any(answer)
    }
}

impl Build {
    /// The Selector Objects in it.
    #[must_use]
    pub fn selections(&self) -> Vec<&Selection> {
        match self {
            Self::Constant(_) | Self::Template(_) => vec![],
            Self::Select(selection) => vec![selection.as_ref()],
            Self::Array(items) => items.iter().flat_map(Self::selections).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, member)| member.selections()).collect(),
            Self::Keyed(members) => {
                members.iter().flat_map(|(key, member)| [key.selections(), member.selections()]).flatten().collect()
            }
        }
    }

    /// The expressions in it, in order.
    #[must_use]
    pub fn reads(&self) -> Vec<Read<'_>> {
        match self {
            Self::Constant(_) => vec![],
            Self::Template(leaf) => {
                let read = |expr| Read { expr, text: &leaf.text, span: leaf.span, credential: leaf.credential };
                leaf.template.expressions().into_iter().map(read).collect()
            }
            Self::Select(selection) => {
                let Selection { context, select, text, span, credential, .. } = selection.as_ref();
                let read = |expr| Read { expr, text, span: *span, credential: *credential };
                std::iter::once(context)
                    .chain(select.placeholders().iter().map(|placeholder| &placeholder.expr))
                    .map(read)
                    .collect()
            }
            Self::Array(items) => items.iter().flat_map(Self::reads).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, value)| value.reads()).collect(),
            Self::Keyed(members) => {
                members.iter().flat_map(|(key, value)| [key.reads(), value.reads()].concat()).collect()
            }
        }
    }
}

impl Criterion {
    /// The expressions that it reads, its context among them.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expr> {
        fn values(pieces: &[Piece]) -> impl Iterator<Item = &Expr> {
            pieces.iter().filter_map(|piece| if let Piece::Value(expr, _) = piece { Some(expr) } else { None })
        }
        match &self.test {
            Test::Simple(condition) => condition.expressions(),
            Test::Jsonpath(test) => std::iter::once(&test.context)
                .chain(test.placeholders.iter().map(|placeholder| &placeholder.expr))
                .collect(),
            Test::Xpath(test) => std::iter::once(&test.context)
                .chain(test.placeholders.iter().map(|placeholder| &placeholder.expr))
                .collect(),
            Test::Regex(test) => match &test.pattern {
                Pattern::Fixed(_) => vec![&test.context],
                Pattern::Pieces(pieces) => std::iter::once(&test.context).chain(values(pieces)).collect(),
            },
            Test::Pointer(test) => vec![&test.0],
            Test::Spliced(test) => std::iter::once(&test.context).chain(values(&test.pieces)).collect(),
            Test::Fails(_) => vec![],
        }
    }
}

impl Output {
    /// The step outputs that it reads; no name where it reads all of a step.
    #[must_use]
    pub fn step_outputs(&self) -> Vec<(StepId, Option<String>)> {
        self.value
            .reads()
            .into_iter()
            .filter_map(|read| match &read.expr.root {
                Root::StepOutput(step, name) => Some((*step, Some(name.clone()))),
                Root::StepOutputs(step) => Some((*step, None)),
                _ => None,
            })
            .collect()
    }

    /// `true` if it reads the body of the answer.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.value.reads().iter().any(|read| read.expr.root == Root::ResponseBody)
    }
}
