//! [`Program`]: what the compiler has decided. Flat tables and ids; no name is looked up after this.
//!
//! This file is the glossary of the house. A program says what to do when, for every step; it holds no state and no
//! secret values, and it can be shared by any number of runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::value::Json;
use serde::{Deserialize, Serialize};

pub(crate) use self::channel::Endpoint;
pub use self::channel::{
    Channel, ChannelId, ChannelKind, ChannelParameter, ChannelScheme, ChannelServer, Message, MessageTarget,
    ReceiveCall, SendCall, StreamRequest, Surroundings,
};
pub(crate) use self::destinations::{Destinations, host_with_port};
pub(crate) use self::found_out::FoundOut;
pub use self::input_schema::InputSchema;
pub(crate) use self::misfit::{Draft, Misfit, refused_text};
pub use self::operation::{Contract, DocumentedBody, DocumentedHeader, DocumentedResponse, Operation, Unusable};
pub use self::reads::Read;
pub use crate::expr::WorkflowId;
use crate::expr::pattern::Regexp;
use crate::expr::{Expr, Piece, StepId, Template, condition, jsonpath, xpath};
use crate::media_type::MediaType;
use crate::openapi::Field;
use crate::openapi::encode::Serialization;
use crate::openapi::xml::XmlShape;
use crate::readings::Readings;
use crate::source::{Sources, Span};
use crate::value::ExpressionType;
use crate::value::Pointer;

mod channel;
mod destinations;
pub(crate) mod entry;
mod found_out;
mod input_schema;
mod misfit;
mod operation;
mod reads;

/// An operation: its index in [`Program::operations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperationId(pub u32);

/// A compiled Arazzo description.
#[derive(Debug)]
#[non_exhaustive]
pub struct Program {
    /// `arazzo`, as written.
    pub version: String,
    /// `info.title`
    pub title: String,
    /// All texts, for places and snippets.
    pub sources: Arc<Sources>,
    /// How departures were read.
    pub readings: Readings,
    /// The documents that were described, by name.
    pub apis: Vec<ApiSource>,
    /// All workflows: those of the entry document in its order, then those of the documents it refers to.
    pub workflows: Vec<Workflow>,
    /// All steps of all workflows.
    pub steps: Vec<Step>,
    /// All operations that a step calls.
    pub operations: Vec<Operation>,
    /// All channels that a step sends to or receives from.
    pub channels: Vec<Channel>,
    /// What is found out when it is asked for.
    pub(crate) found_out: FoundOut,
}

/// A described document: what it is called and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiSource {
    /// `name`; of a document that the entry document refers to as `other`, `other.name`.
    pub name: String,
    /// The file or url it was read from, as people see it.
    pub file: String,
    /// Names of its security schemes.
    pub schemes: Vec<String>,
}

/// A workflow.
#[derive(Debug)]
#[non_exhaustive]
pub struct Workflow {
    /// `workflowId`
    pub name: String,
    /// Which document it stands in: 0 is the entry document.
    pub document: usize,
    /// Where its id is written.
    pub span: Span,
    /// `summary`
    pub summary: Option<String>,
    /// `inputs`
    pub inputs: Inputs,
    /// `dependsOn`, with what those depend on: all that must have run before it, each after what it needs.
    pub dependencies: Vec<WorkflowId>,
    /// Its steps, in the order of the document; their ids are consecutive.
    pub steps: Vec<StepId>,
    /// The step that runs first.
    pub entry: Option<StepId>,
    /// `outputs`
    pub outputs: Vec<Output>,
    /// Its steps that receive messages: their channels are listened to before they are reached.
    pub receives: Vec<StepId>,
    /// `true` if nothing that was found keeps it from running.
    pub runnable: bool,
}

/// What a workflow takes.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Inputs {
    /// The schema, if there is one.
    pub schema: Option<Json>,
    /// The schema as values are checked against it; `None` without a schema.
    pub validator: Option<InputSchema>,
    /// The declared inputs.
    pub declared: Vec<Input>,
    /// Inputs of the workflows it depends on, which are given with its own.
    pub passed_on: Vec<Input>,
    /// `true` if names that are not declared are accepted.
    pub open: bool,
    /// Names of the inputs whose values are masked, declared or not.
    pub secret: BTreeSet<String>,
}

/// A declared input.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The types its schema allows; empty for any.
    pub types: Vec<String>,
    /// `true` if it must be given.
    pub required: bool,
    /// What it is when it is not given.
    pub default: Option<Json>,
    /// `description`
    pub description: Option<String>,
    /// `true` if its value reaches a credential position, or it is one by its schema or name.
    pub secret: bool,
    /// `true` if its schema says that it is the content of a file.
    pub file: bool,
    /// The ways to the parts of it that are secrets by their schemas or names.
    pub secret_parts: Vec<Vec<SchemaStep>>,
}

/// A step of the way from a schema to one inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaStep {
    /// To the member of this name.
    Member(String),
    /// To every item.
    Items,
}

/// A step.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// `stepId`
    pub name: String,
    /// The workflow it belongs to.
    pub workflow: WorkflowId,
    /// Where its id is written.
    pub span: Span,
    /// What it does.
    pub call: Call,
    /// `successCriteria`; if there are none, any 2xx answer is a success.
    pub criteria: Vec<Criterion>,
    /// `onSuccess`
    pub on_success: Vec<Action>,
    /// `onFailure`
    pub on_failure: Vec<Action>,
    /// `outputs`
    pub outputs: Vec<Output>,
    /// The step that follows in the list.
    pub next: Option<StepId>,
    /// Parts of the answer whose values are secrets, found backwards from credential positions.
    pub secrets: Vec<SecretPart>,
    /// `timeout`: how long an attempt may take, in ms.
    pub timeout_ms: Option<u64>,
    /// `dependsOn`: steps that must have been completed, also of other workflows.
    pub after: Vec<StepId>,
    /// `true` if a step of another workflow depends on it.
    pub awaited: bool,
    /// `true` if another workflow reads its outputs.
    pub read_elsewhere: bool,
    /// Steps of its workflow that may be waiting for a message while others run, and that it names or reads: it waits for
    /// them.
    pub joins: Vec<StepId>,
}

/// What a step does.
#[derive(Debug)]
pub enum Call {
    /// `operationId`, `operationPath`: an HTTP request.
    Operation {
        /// Which operation.
        operation: OperationId,
        /// `parameters`
        arguments: Vec<Argument>,
        /// `requestBody`
        body: Option<Body>,
    },
    /// `workflowId`: another workflow, run to its end.
    Workflow {
        /// Which workflow.
        workflow: WorkflowId,
        /// `parameters`: its inputs.
        passed: Passed,
        /// `true` if the step reads the last answer that the workflow got (docs/readings.md, `answer-of-workflow`).
        keeps_answer: bool,
    },
    /// `action: send`: a message to a channel.
    Send(Box<SendCall>),
    /// `action: receive`: a message of a channel.
    Receive(Box<ReceiveCall>),
}

/// The inputs of a workflow that is called or gone to.
#[derive(Debug, Default)]
pub struct Passed {
    /// By name.
    pub values: Vec<PassedValue>,
    /// Inputs that come from those of the caller of the same name.
    pub inherited: Inherited,
}

/// Which inputs of a called workflow come from those of its caller of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Inherited {
    /// None.
    #[default]
    Nothing,
    /// These, because the workflow requires them and nothing else gives them.
    These(Vec<String>),
    /// All.
    All,
}

/// An input of a workflow that is called.
#[derive(Debug)]
pub struct PassedValue {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Build,
    /// Where it is written.
    pub span: Span,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// `path`
    Path,
    /// `query`
    Query,
    /// `header`
    Header,
    /// `cookie`
    Cookie,
    /// `querystring`: all of the query.
    Querystring,
}

impl Location {
    /// The word of `in`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Querystring => "querystring",
        }
    }
}

/// A parameter with the value a step gives it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Argument {
    /// `name`
    pub name: String,
    /// `in`
    pub location: Location,
    /// How its value is written, as the operation describes it or by default.
    pub how: Serialization,
    /// `value`
    pub value: Build,
    /// `true` if the operation cannot be called without it.
    pub required: bool,
    /// `true` if it is a credential by its place or name.
    pub credential: bool,
    /// Where its value is written.
    pub span: Span,
}

/// A request body.
#[derive(Debug)]
#[non_exhaustive]
pub struct Body {
    /// The media type that is sent.
    pub content_type: String,
    /// How the payload is written.
    pub media: Media,
    /// `payload`
    pub payload: Build,
    /// `replacements`
    pub replacements: Vec<Replacement>,
    /// How fields of a form, and parts of a multipart body, are written; by default if they are not here.
    pub fields: Vec<Field>,
    /// How an object is written as XML, if the body has a schema.
    pub xml: Option<XmlShape>,
    /// Where the payload is written.
    pub span: Span,
}

/// How a payload is written: what a media type comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data` and its kin.
    Multipart,
    /// XML, as text.
    Xml,
    /// Other text, and bytes as they are.
    Raw,
}

impl Media {
    /// How a payload of a media type is written.
    #[must_use]
    pub fn of(content_type: &str) -> Self {
        match MediaType::parse(content_type) {
            kind if kind.is_json() => Self::Json,
            kind if kind.is_xml() => Self::Xml,
            kind if kind.is_form() => Self::Form,
            kind if kind.is_multipart() => Self::Multipart,
            _ => Self::Raw,
        }
    }
}

/// A value that is set within a payload.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replacement {
    /// `target`, as written.
    pub text: String,
    /// Which place.
    pub target: Select,
    /// `value`
    pub value: Build,
    /// Where the target is written.
    pub span: Span,
}

/// How a part of a value is found.
#[derive(Debug)]
pub enum Select {
    /// `jsonpointer`
    Pointer(Pointer),
    /// `jsonpath`, with the values for its expressions in braces.
    Jsonpath(Box<jsonpath::Query>, Vec<Placeholder>),
    /// `xpath`, with the values for its expressions in braces.
    Xpath(Box<xpath::Query>, Vec<Placeholder>),
}

/// A Selector Object.
#[derive(Debug)]
#[non_exhaustive]
pub struct Selection {
    /// What it is applied to.
    pub context: Expr,
    /// The context as written.
    pub context_text: String,
    /// The part that is selected.
    pub select: Select,
    /// `selector`, as written.
    pub text: String,
    /// Where it is written.
    pub span: Span,
    /// `true` if it stands in a credential position.
    pub credential: bool,
}

/// How to build a value.
#[derive(Debug)]
pub enum Build {
    /// A constant.
    Constant(Json),
    /// A string with expressions.
    Template(Box<Leaf>),
    /// A part of another value.
    Select(Box<Selection>),
    /// An array of these.
    Array(Vec<Self>),
    /// An object of these.
    Object(Vec<(String, Self)>),
    /// An object of which some names are built too (docs/readings.md, `expression-as-key`).
    Keyed(Vec<(Self, Self)>),
}

/// A string with expressions, and where it stands.
#[derive(Debug)]
#[non_exhaustive]
pub struct Leaf {
    /// The parsed string.
    pub template: Template,
    /// The string as written.
    pub text: String,
    /// Where it is written.
    pub span: Span,
    /// `true` if it stands in a credential position.
    pub credential: bool,
}

/// A criterion.
#[derive(Debug)]
#[non_exhaustive]
pub struct Criterion {
    /// `condition`, as written.
    pub text: String,
    /// `context`, as written.
    pub context: Option<String>,
    /// Where the condition is written.
    pub span: Span,
    /// Where the context is written.
    pub context_span: Option<Span>,
    /// What is tested.
    pub test: Test,
}

/// What a criterion tests.
#[derive(Debug)]
pub enum Test {
    /// `type: simple`
    Simple(condition::Condition),
    /// `type: jsonpath`
    Jsonpath(Box<JsonpathTest>),
    /// `type: regex`, over a context; unanchored.
    Regex(Box<RegexTest>),
    /// `type: xpath`
    Xpath(Box<XpathTest>),
    /// `type: jsonpointer`: met if it leads to a value other than null.
    Pointer(Box<(Expr, Pointer)>),
    /// By the letter, expressions in braces are put into the condition as text, whatever it becomes.
    Spliced(Box<SplicedTest>),
    /// Evaluates to *fail* by the letter of the specification; the text says why.
    Fails(String),
}

/// A query or comparison over a context.
#[derive(Debug)]
#[non_exhaustive]
pub struct JsonpathTest {
    /// What it is applied to.
    pub context: Expr,
    /// The query, or the comparison.
    pub condition: jsonpath::Condition,
    /// The values for its expressions in braces, in order.
    pub placeholders: Vec<Placeholder>,
}

/// A pattern over a context.
#[derive(Debug)]
#[non_exhaustive]
pub struct RegexTest {
    /// What it is applied to.
    pub context: Expr,
    /// The pattern.
    pub pattern: Pattern,
}

/// A pattern, or what makes one.
#[derive(Debug)]
pub enum Pattern {
    /// Known before anything runs.
    Fixed(Regexp),
    /// With expressions in braces: those of the author are part of the pattern, what others sent stands for itself.
    Pieces(Vec<Piece>),
}

/// A query over XML.
#[derive(Debug)]
#[non_exhaustive]
pub struct XpathTest {
    /// What it is applied to.
    pub context: Expr,
    /// The query.
    pub query: xpath::Query,
    /// The values for its expressions in braces, in order.
    pub placeholders: Vec<Placeholder>,
}

/// A condition that is known only when its expressions have values.
#[derive(Debug)]
#[non_exhaustive]
pub struct SplicedTest {
    /// What it is applied to.
    pub context: Expr,
    /// The language of the condition.
    pub kind: ExpressionType,
    /// The condition.
    pub pieces: Vec<Piece>,
}

/// An expression in braces inside a condition or selector.
#[derive(Debug)]
#[non_exhaustive]
pub struct Placeholder {
    /// The expression.
    pub expr: Expr,
    /// The expression as written.
    pub text: String,
    /// `true` if it is a part of a quoted string.
    pub in_string: bool,
    /// `true` if it is a part of a pattern: what a server gave stands for itself there.
    pub in_pattern: bool,
}

/// A success or failure action.
#[derive(Debug)]
#[non_exhaustive]
pub struct Action {
    /// `name`, or a stand-in for a missing one.
    pub name: String,
    /// What it does.
    pub then: Then,
    /// `criteria`: all must be met.
    pub criteria: Vec<Criterion>,
    /// Where it is written.
    pub span: Span,
}

/// What an action does.
#[derive(Debug)]
pub enum Then {
    /// `type: end`
    End,
    /// `type: goto`
    Goto(Target),
    /// `type: retry`
    Retry {
        /// `retryAfter`, in ms.
        after_ms: u64,
        /// `retryLimit`: retries after the first attempt.
        limit: u32,
        /// What runs before each retry.
        detour: Option<Target>,
    },
}

/// Where an action leads.
#[derive(Debug)]
pub enum Target {
    /// `stepId`
    Step(StepId),
    /// `workflowId`
    Workflow {
        /// Which workflow.
        workflow: WorkflowId,
        /// `parameters`
        passed: Passed,
    },
}

/// An output of a step or a workflow.
#[derive(Debug)]
#[non_exhaustive]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: Build,
    /// The expression or selector, as written.
    pub text: String,
    /// Where it is written.
    pub span: Span,
    /// `true` if its value reaches a credential position.
    pub secret: bool,
    /// `true` if it reads a member that the described answers of the operation require.
    pub promised: bool,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretPart {
    /// The name its mask shows, such as `login.token`.
    pub name: String,
    /// Where it is.
    pub part: AnswerPart,
    /// `true` if it is one also of an answer that says that something went wrong: a header, or a member that is called a
    /// secret. Else what would have been a token is the text of the error, which people need.
    pub of_error: bool,
}

/// Where in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerPart {
    /// A header.
    Header(String),
    /// A part of the body.
    Body(Pointer),
    /// What the output of this name selects.
    Selected(String),
}

impl Call {
    /// The operation that it sends a request to, also one that is answered with a stream.
    #[must_use]
    pub fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Operation { operation, .. } => Some(*operation),
            Self::Receive(receive) => receive.request.as_ref().map(|request| request.operation),
            Self::Workflow { .. } | Self::Send(_) => None,
        }
    }

    /// The parameters of its request, or of its channel and message.
    #[must_use]
    pub fn arguments(&self) -> &[Argument] {
        match self {
            Self::Operation { arguments, .. } => arguments,
            Self::Workflow { .. } => &[],
            Self::Send(send) => &send.target.arguments,
            Self::Receive(receive) => &receive.target.arguments,
        }
    }

    /// The body of its request, or the payload of its message.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        match self {
            Self::Operation { body, .. } => body.as_ref(),
            Self::Send(send) => send.body.as_ref(),
            Self::Receive(receive) => receive.request.as_ref().and_then(|request| request.body.as_ref()),
            Self::Workflow { .. } => None,
        }
    }

    /// The workflow that it runs.
    #[must_use]
    pub fn workflow(&self) -> Option<WorkflowId> {
        self.passed().map(|(workflow, _)| workflow)
    }

    /// The workflow that it runs, and the inputs that it passes to it.
    #[must_use]
    pub fn passed(&self) -> Option<(WorkflowId, &Passed)> {
        match self {
            Self::Operation { .. } | Self::Send(_) | Self::Receive(_) => None,
            Self::Workflow { workflow, passed, .. } => Some((*workflow, passed)),
        }
    }

    /// `true` if the step reads the last answer that the workflow which it runs got.
    #[must_use]
    pub fn keeps_answer(&self) -> bool {
        matches!(self, Self::Workflow { keeps_answer: true, .. })
    }
}

impl Then {
    /// Where it leads, or goes on the way.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::End => None,
            Self::Goto(target) => Some(target),
            Self::Retry { detour, .. } => detour.as_ref(),
        }
    }
}

impl Step {
    /// The criteria of the step and of its actions.
    pub fn all_criteria(&self) -> impl Iterator<Item = &Criterion> {
        self.criteria.iter().chain(self.actions().flat_map(|action| &action.criteria))
    }

    /// `onSuccess` or `onFailure`.
    #[must_use]
    pub fn actions_on(&self, success: bool) -> &[Action] {
        if success { &self.on_success } else { &self.on_failure }
    }

    /// The actions of both lists.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.on_success.iter().chain(&self.on_failure)
    }

    /// The values that its actions pass to workflows.
    pub fn passed(&self) -> impl Iterator<Item = &PassedValue> {
        self.actions().filter_map(|action| action.then.target()).flat_map(|target| match target {
            Target::Workflow { passed, .. } => passed.values.as_slice(),
            Target::Step(_) => &[],
        })
    }
}

impl Inputs {
    /// The inputs that are given to a run: its own, and those of the workflows it depends on.
    pub fn given(&self) -> impl Iterator<Item = &Input> {
        self.declared.iter().chain(&self.passed_on)
    }
}

impl Program {
    /// The workflows of the entry document: those that can be run by name.
    pub fn own_workflows(&self) -> impl Iterator<Item = (WorkflowId, &Workflow)> {
        let all = self.workflows.iter().enumerate().map(|(index, workflow)| (WorkflowId(index as u32), workflow));
        all.filter(|(_, workflow)| workflow.document == 0)
    }

    /// The workflows that running this one may run, itself first.
    #[must_use]
    pub fn reached(&self, from: WorkflowId) -> Vec<WorkflowId> {
        let mut reached = vec![from];
        let mut met = BTreeSet::from([from]);
        let mut next = 0;
        while let Some(id) = reached.get(next).copied() {
            next += 1;
            reached.extend(self.runs(id).into_iter().filter(|id| met.insert(*id)));
        }
        reached
    }

    /// The workflows that a workflow runs itself: those it depends on, those that its steps call, those that its actions
    /// go to.
    #[must_use]
    pub fn runs(&self, id: WorkflowId) -> Vec<WorkflowId> {
        let Some(workflow) = self.workflow(id) else { return vec![] };
        let mut found: Vec<WorkflowId> = workflow.dependencies.clone();
        for step in workflow.steps.iter().filter_map(|id| self.step(*id)) {
            found.extend(step.call.workflow());
            found.extend(step.actions().filter_map(|action| match action.then.target() {
                Some(Target::Workflow { workflow, .. }) => Some(*workflow),
                _ => None,
            }));
        }
        found
    }

    /// A workflow of this program.
    #[must_use]
    pub fn workflow(&self, id: WorkflowId) -> Option<&Workflow> {
        self.workflows.get(id.0 as usize)
    }

    /// A step of this program.
    #[must_use]
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(id.0 as usize)
    }

    /// The operation that a step sends a request to.
    #[must_use]
    pub fn operation_of(&self, step: &Step) -> Option<&Operation> {
        self.operation(step.call.operation()?)
    }

    /// An operation of this program.
    #[must_use]
    pub fn operation(&self, id: OperationId) -> Option<&Operation> {
        self.operations.get(id.0 as usize)
    }
}
