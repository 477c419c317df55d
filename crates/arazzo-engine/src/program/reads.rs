//! The expressions of a program: which values, criteria and outputs read what.

use super::{Build, Call, Criterion, Output, Pattern, Placeholder, Program, Select, Selection, Step, Test};
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
        if let Self::Workflow { passed, .. } = self {
            return Box::new(passed.values.iter().map(|value| &value.value));
        }
        let (arguments, body) = (self.arguments(), self.body());
        let replaced = body.into_iter().flat_map(|body| body.replacements.iter().map(|r| &r.value));
        let correlation = self.receive().and_then(|receive| receive.correlation.as_ref());
        let arguments = arguments.iter().map(|argument| &argument.value);
        Box::new(arguments.chain(body.map(|body| &body.payload)).chain(replaced).chain(correlation))
    }

    /// The expressions that it reads, those in the targets of replacements among them.
    #[must_use]
    pub fn reads(&self) -> Vec<Read<'_>> {
        let mut reads: Vec<Read<'_>> = self.values().flat_map(Build::reads).collect();
        if let Some(body) = self.body() {
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

impl Program {
    /// `true` if an expression reads a header of a request: for it, the headers that leave are put together.
    #[must_use]
    pub fn reads_sent_headers(&self) -> bool {
        *self.found_out.sent_headers.get_or_init(|| {
            let outputs = self.workflows.iter().flat_map(|workflow| &workflow.outputs);
            self.steps.iter().any(Step::reads_sent_header) || outputs.map(|output| &output.value).any(reads_sent_header)
        })
    }
}

fn is_sent_header(expr: &Expr) -> bool {
    matches!(expr.root, Root::RequestHeader(_))
}

fn reads_sent_header(build: &Build) -> bool {
    build.reads_any(&mut |read| is_sent_header(read.expr))
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
    fn reads_sent_header(&self) -> bool {
        self.call.reads().iter().any(|read| is_sent_header(read.expr))
            || self.all_criteria().flat_map(Criterion::expressions).any(is_sent_header)
            || self.passed().map(|passed| &passed.value).any(reads_sent_header)
            || self.outputs.iter().map(|output| &output.value).any(reads_sent_header)
    }

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
        let mut reads = vec![];
        self.reads_any(&mut |read| {
            reads.push(read);
            false
        });
        reads
    }

    /// `true` if one of the expressions in it is as `is` asks; those behind it are not looked at. Makes no list: runs ask
    /// this at every step.
    pub fn reads_any<'p>(&'p self, is: &mut dyn FnMut(Read<'p>) -> bool) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Template(leaf) => {
                let read = |expr| Read { expr, text: &leaf.text, span: leaf.span, credential: leaf.credential };
                leaf.template.expressions().map(read).any(is)
            }
            Self::Select(selection) => {
                let Selection { context, select, text, span, credential, .. } = selection.as_ref();
                let read = |expr| Read { expr, text, span: *span, credential: *credential };
                let inside = select.placeholders().iter().map(|placeholder| &placeholder.expr);
                std::iter::once(context).chain(inside).map(read).any(is)
            }
            Self::Array(items) => items.iter().any(|item| item.reads_any(is)),
            Self::Object(members) => members.iter().any(|(_, value)| value.reads_any(is)),
            Self::Keyed(members) => members.iter().any(|(key, value)| key.reads_any(is) || value.reads_any(is)),
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
    /// `true` if one of the step outputs that it reads is as `is` asks; no name where it reads all of a step.
    pub fn reads_step(&self, is: impl Fn(StepId, Option<&str>) -> bool) -> bool {
        self.value.reads_any(&mut |read| match &read.expr.root {
            Root::StepOutput(step, name) => is(*step, Some(name)),
            Root::StepOutputs(step) => is(*step, None),
            _ => false,
        })
    }

    /// `true` if it reads the body of the answer.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.value.reads_any(&mut |read| read.expr.root == Root::ResponseBody)
    }
}
