//! Runtime expressions, templates and criteria: types with the syntax on each variant.
//!
//! Knows no documents and no OpenAPI: what is declared comes in as a [`Scope`] when an expression is parsed, and what
//! has happened comes in as a [`Lookup`] when it is evaluated. Step names are ids after parsing.

use std::collections::HashMap;
use std::ops::Range;

use crate::code::{Code, Severity};
use crate::diagnostic::{Help, IntoHelp, Subject};
use crate::readings::Readings;
use crate::value::Pointer;

pub mod condition;
pub(crate) mod dialect;
pub mod eval;
pub mod foreign;
pub mod jsonpath;
pub mod parse;
pub mod parts;
pub mod pattern;
pub mod print;
mod roots;
mod scan;
pub mod xpath;

pub use eval::{EvalError, Exchange, Lookup};
pub use parts::{Part, Parts};

/// A step of a program: its index in `Program::steps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct StepId(pub u32);

/// A workflow: its index in `Program::workflows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct WorkflowId(pub u32);

/// A runtime expression (specification, Runtime Expressions): where a value begins, and the way into it.
///
/// Two expressions are equal if they read the same, wherever they stand.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Where the value comes from.
    pub root: Root,
    /// `#/a/0`, or the same way written with dots and brackets.
    pub at: Pointer,
    /// `true` if the way was written with dots or brackets; then `.length` of an array or a string is its length.
    pub dotted: bool,
    /// A query behind the way: `[*].id` (docs/readings.md, `query-after-output`).
    pub query: Option<Box<QueryBehind>>,
    /// Where its parts stand in the string that it is written in; nothing where that is not known, in a string within a
    /// JSON text that has escapes.
    pub parts: Option<Parts>,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        let Self { root, at, dotted, query, parts: _ } = self;
        (root, at, dotted, query) == (&other.root, &other.at, &other.dotted, &other.query)
    }
}

impl Eq for Expr {}

/// A JSONPath query that stands behind an expression.
#[derive(Debug, Clone)]
pub struct QueryBehind {
    /// The query over the value of the expression: `$[*].id`.
    pub text: String,
    /// The same, parsed.
    pub query: jsonpath::Query,
}

impl PartialEq for QueryBehind {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for QueryBehind {}

impl Expr {
    /// The part that stands at an offset of the string that the expression is written in, and its range there.
    #[must_use]
    pub fn part_at(&self, offset: usize) -> Option<(Part, Range<usize>)> {
        self.parts.as_ref()?.at(offset)
    }
}

/// One variant per alternative of the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `$url`
    Url,
    /// `$method`
    Method,
    /// `$statusCode`
    StatusCode,
    /// `$request.header.Name`; names compare without case.
    RequestHeader(String),
    /// `$request.query.name`
    RequestQuery(String),
    /// `$request.path.name`
    RequestPath(String),
    /// `$request.body`
    RequestBody,
    /// `$response.header.Name`; names compare without case.
    ResponseHeader(String),
    /// `$response.body`
    ResponseBody,
    /// `$message.header.Name`
    MessageHeader(String),
    /// `$message.payload`
    MessagePayload,
    /// `$inputs`: all of them.
    Inputs,
    /// `$inputs.name`
    Input(String),
    /// `$steps.step.outputs.name`
    StepOutput(StepId, String),
    /// `$steps.step.outputs`: all of them.
    StepOutputs(StepId),
    /// `$outputs.name`: of the workflow that the step called, else of the workflow itself.
    Output(String),
    /// `$workflows.workflow.inputs.name`, also of another document.
    WorkflowInput(WorkflowId, String),
    /// `$workflows.workflow.outputs.name`, also of another document.
    WorkflowOutput(WorkflowId, String),
    /// `$self`, `$sourceDescriptions.name.url`, `$components.parameters.name`: what the document itself says.
    Constant(Box<Constant>),
    /// What the grammar has and no request, answer or message does: `$response.query.a`.
    Nothing(String),
}

/// A value that stands in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// The expression as written.
    pub text: String,
    /// Its value; `None` if the document does not give one.
    pub value: Option<crate::value::Json>,
}

impl Root {
    /// `true` if the value is in the hands of whoever answers a request: it came in an answer, or may have. Whether it did
    /// is known by [`Lookup::is_foreign`].
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        match self {
            Self::Inputs | Self::Input(_) | Self::Constant(_) | Self::Nothing(_) | Self::Method => false,
            Self::Url
            | Self::StatusCode
            | Self::RequestHeader(_)
            | Self::RequestQuery(_)
            | Self::RequestPath(_)
            | Self::RequestBody
            | Self::ResponseHeader(_)
            | Self::ResponseBody
            | Self::MessageHeader(_)
            | Self::MessagePayload
            | Self::StepOutput(..)
            | Self::StepOutputs(_)
            | Self::Output(_)
            | Self::WorkflowInput(..)
            | Self::WorkflowOutput(..) => true,
        }
    }
}

/// A string value that may hold expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// No expression at all.
    Literal(String),
    /// Not a string at all: `true`, `17`.
    Constant(crate::value::Json),
    /// `$inputs.a`: the whole value is one expression; its type is preserved.
    Whole(Expr),
    /// `a {$inputs.b} c`: text with values in it.
    Text(Vec<Piece>),
}

impl Template {
    /// Says that the template is a part of a longer string, in which it begins at this byte; nothing if that is not
    /// known. The ranges of its pieces stay those of its own text.
    pub(crate) fn begin_at(&mut self, start: Option<usize>) {
        let exprs: Vec<&mut Expr> = match self {
            Self::Literal(_) | Self::Constant(_) => vec![],
            Self::Whole(expr) => vec![expr],
            Self::Text(pieces) => pieces
                .iter_mut()
                .filter_map(|piece| if let Piece::Value(expr, _) = piece { Some(expr) } else { None })
                .collect(),
        };
        for expr in exprs {
            expr.parts = expr.parts.zip(start).map(|(parts, start)| parts.shifted(start));
        }
    }

    /// The expression that it is, alone or in braces with nothing around them.
    #[must_use]
    pub(crate) fn only(&self) -> Option<&Expr> {
        match self {
            Self::Whole(expr) => Some(expr),
            Self::Text(pieces) => match pieces.as_slice() {
                [Piece::Value(expr, _)] => Some(expr),
                _ => None,
            },
            Self::Literal(_) | Self::Constant(_) => None,
        }
    }

    /// The expressions in it, in order.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let (whole, pieces) = match self {
            Self::Literal(_) | Self::Constant(_) => (None, [].as_slice()),
            Self::Whole(expr) => (Some(expr), [].as_slice()),
            Self::Text(pieces) => (None, pieces.as_slice()),
        };
        let inside =
            pieces.iter().filter_map(|piece| if let Piece::Value(expr, _) = piece { Some(expr) } else { None });
        whole.into_iter().chain(inside)
    }
}

/// A part of a text template.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// A value, embedded as text; the range is where its expression stands in the template.
    Value(Expr, Range<usize>),
}

/// What may be named where an expression stands.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// The declared inputs; any other name is unknown unless `open`.
    pub inputs: &'a [DeclaredInput],
    /// `true` if inputs that are not declared may be given.
    pub open: bool,
    /// The steps of the workflow.
    pub steps: &'a DeclaredSteps,
    /// Outputs that `$outputs` names: of the workflow that the step calls, else of the workflow itself.
    pub outputs: &'a [String],
    /// What the document declares.
    pub document: &'a DeclaredDocument,
    /// The workflows that this one depends on.
    pub dependencies: &'a [WorkflowId],
    /// The method of the request that is being built: what `$method` is before it is sent.
    pub method: Option<&'a str>,
    /// How departures are read.
    pub readings: Readings,
}

/// What a document declares beside one workflow.
#[derive(Debug, Clone, Default)]
pub struct DeclaredDocument {
    /// Its workflows.
    pub workflows: Vec<DeclaredWorkflow>,
    /// Its source descriptions.
    pub sources: Vec<DeclaredSource>,
    /// `$self`, absolute.
    pub self_uri: Option<String>,
    /// `components`
    pub components: crate::value::Json,
}

/// A workflow with the names it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredWorkflow {
    /// Its `workflowId`.
    pub name: String,
    /// Its id in the program.
    pub id: WorkflowId,
    /// Names of its inputs.
    pub inputs: Vec<String>,
    /// `true` if it takes inputs that it does not declare.
    pub open: bool,
    /// Names of its outputs.
    pub outputs: Vec<String>,
    /// Its steps, with the outputs that they declare themselves.
    pub steps: Vec<DeclaredStep>,
}

/// A source description with the fields it has.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredSource {
    /// `name`
    pub name: String,
    /// Its fields, as written.
    pub fields: Vec<(String, crate::value::Json)>,
    /// The workflows of an Arazzo document.
    pub workflows: Vec<DeclaredWorkflow>,
    /// `true` if it was read: else nobody knows what it has.
    pub read: bool,
}

/// An input that the workflow declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredInput {
    /// Its name.
    pub name: String,
    /// `true` if its schema says that it is a string, number or boolean: nothing can be selected from it.
    pub scalar: bool,
}

/// A step with the outputs it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredStep {
    /// Its `stepId`.
    pub name: String,
    /// Its id in the program.
    pub id: StepId,
    /// Names of its outputs, with those of the workflow it calls.
    pub outputs: Vec<String>,
}

/// The steps of a workflow in the order of the document, found by name at once.
#[derive(Debug, Clone, Default)]
pub struct DeclaredSteps {
    all: Vec<DeclaredStep>,
    by_name: HashMap<String, usize>,
}

impl From<Vec<DeclaredStep>> for DeclaredSteps {
    fn from(all: Vec<DeclaredStep>) -> Self {
        let mut by_name = HashMap::with_capacity(all.len());
        for (index, step) in all.iter().enumerate() {
            // Of two with one name, which is a fault that was said, the first is meant.
            by_name.entry(step.name.clone()).or_insert(index);
        }
        Self { all, by_name }
    }
}

impl DeclaredSteps {
    /// The step of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&DeclaredStep> {
        self.by_name.get(name).and_then(|index| self.all.get(*index))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &DeclaredStep> {
        self.all.iter()
    }
}

/// Something to say about a part of a text: a departure that was read leniently, or a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The code; `Readings::severity` says how much it matters.
    pub code: Code,
    /// The part of the text, in bytes.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What it is about.
    pub subject: Option<Subject>,
    /// What to do.
    pub help: Option<Help>,
    /// Replacement for the range that repairs it, and whether it keeps the meaning exactly.
    pub fix: Option<(String, bool)>,
    /// What is different when that is done.
    pub differs: Option<String>,
    /// What the whole string becomes instead, which is no string: a Selector Object.
    pub becomes: Option<String>,
    /// Its weight in lenient mode, if that is not a warning.
    pub weight: Option<Severity>,
}

impl Finding {
    pub(crate) fn new(code: Code, range: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            range,
            message: message.into(),
            subject: None,
            help: None,
            fix: None,
            differs: None,
            becomes: None,
            weight: None,
        }
    }

    pub(crate) fn help(mut self, help: impl IntoHelp) -> Self {
        self.help = help.into_help();
        self
    }

    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    pub(crate) fn weighing(mut self, weight: Severity) -> Self {
        self.weight = Some(weight);
        self
    }

    pub(crate) fn differs(mut self, words: impl Into<String>) -> Self {
        self.differs = Some(words.into());
        self
    }

    pub(crate) fn fix(mut self, text: impl Into<String>, exact: bool) -> Self {
        self.fix = Some((text.into(), exact));
        self
    }
}
