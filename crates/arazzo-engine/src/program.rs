//! [`Program`]: what the compiler has decided. Flat tables and ids; no name is looked up after this.
//!
//! This file is the glossary of the house. A program says what to do when, for every step; it holds no state and no
//! secret values, and it can be shared by any number of runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::expr::{Expr, Root, StepId, Template, condition, jsonpath};
use crate::readings::Readings;
use crate::source::{Place, Sources};
use crate::value::Pointer;

/// A workflow: its index in [`Program::workflows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkflowId(pub u32);

/// An operation: its index in [`Program::operations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperationId(pub u32);

/// A compiled Arazzo description.
#[derive(Debug)]
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
    /// All workflows, in the order of the document.
    pub workflows: Vec<Workflow>,
    /// All steps of all workflows.
    pub steps: Vec<Step>,
    /// All operations that a step calls.
    pub operations: Vec<Operation>,
}

/// A described document: what it is called and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSource {
    /// `name`
    pub name: String,
    /// The file or url it was read from, as people see it.
    pub file: String,
}

/// A workflow.
#[derive(Debug)]
pub struct Workflow {
    /// `workflowId`
    pub name: String,
    /// Where its id is written.
    pub place: Place,
    /// `summary`
    pub summary: Option<String>,
    /// `inputs`
    pub inputs: Inputs,
    /// Its steps, in the order of the document.
    pub steps: Vec<StepId>,
    /// `outputs`
    pub outputs: Vec<Output>,
    /// `true` if nothing that was found keeps it from running.
    pub runnable: bool,
}

/// What a workflow takes.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The schema, if there is one.
    pub schema: Option<Json>,
    /// The schema, compiled; `None` without a schema.
    pub validator: Option<Arc<jsonschema::Validator>>,
    /// The declared inputs.
    pub declared: Vec<Input>,
    /// `true` if names that are not declared are accepted.
    pub open: bool,
    /// Names of the inputs whose values are masked, declared or not.
    pub secret: BTreeSet<String>,
}

/// A declared input.
#[derive(Debug, Clone, PartialEq)]
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
}

/// A step.
#[derive(Debug)]
pub struct Step {
    /// `stepId`
    pub name: String,
    /// The workflow it belongs to.
    pub workflow: WorkflowId,
    /// Where its id is written.
    pub place: Place,
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
}

/// What a step does. Sub-workflows and messages get their variants here.
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
}

/// An operation as far as a call needs it.
#[derive(Debug)]
pub struct Operation {
    /// Index in [`Program::apis`].
    pub api: usize,
    /// `operationId`
    pub id: Option<String>,
    /// In capitals: `GET`.
    pub method: String,
    /// The path template.
    pub path: String,
    /// The base url of its server, variables filled with their defaults; `None` if the description leaves it open (no
    /// server, or a relative one), so that it must be given.
    pub server: Option<String>,
    /// Where the operation is described.
    pub place: Place,
    /// Documented answers with their descriptions.
    pub responses: Vec<(String, Option<String>)>,
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
}

/// A parameter with the value a step gives it.
#[derive(Debug)]
pub struct Argument {
    /// `name`
    pub name: String,
    /// `in`
    pub location: Location,
    /// `explode`, as the operation describes it or by default.
    pub explode: bool,
    /// `value`
    pub value: Build,
    /// `true` if it is a credential by its place or name.
    pub credential: bool,
    /// Where its value is written.
    pub place: Place,
}

/// A request body.
#[derive(Debug)]
pub struct Body {
    /// The media type that is sent.
    pub content_type: String,
    /// `payload`
    pub payload: Build,
    /// Where the payload is written.
    pub place: Place,
}

/// How to build a value.
#[derive(Debug)]
pub enum Build {
    /// A constant.
    Constant(Json),
    /// A string with expressions.
    Template(Box<Leaf>),
    /// An array of these.
    Array(Vec<Self>),
    /// An object of these.
    Object(Vec<(String, Self)>),
}

/// A string with expressions, and where it stands.
#[derive(Debug)]
pub struct Leaf {
    /// The parsed string.
    pub template: Template,
    /// The string as written.
    pub text: String,
    /// Where it is written.
    pub place: Place,
    /// `true` if it stands in a credential position.
    pub credential: bool,
}

/// A criterion.
#[derive(Debug)]
pub struct Criterion {
    /// `condition`, as written.
    pub text: String,
    /// `context`, as written.
    pub context: Option<String>,
    /// Where the condition is written.
    pub place: Place,
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
    Regex(Box<(Expr, regex::Regex)>),
    /// Evaluates to *fail* by the letter of the specification; the text says why.
    Fails(String),
}

/// A query or comparison over a context.
#[derive(Debug)]
pub struct JsonpathTest {
    /// What it is applied to.
    pub context: Expr,
    /// The query, or the comparison.
    pub condition: jsonpath::Condition,
    /// The values for its expressions in braces, in order.
    pub holes: Vec<Hole>,
}

/// An expression in braces inside a JSONPath condition.
#[derive(Debug)]
pub struct Hole {
    /// The expression.
    pub expr: Expr,
    /// The expression as written.
    pub text: String,
}

/// A success or failure action.
#[derive(Debug)]
pub struct Action {
    /// `name`, or a stand-in for a missing one.
    pub name: String,
    /// What it does.
    pub then: Then,
    /// `criteria`: all must be met.
    pub criteria: Vec<Criterion>,
    /// Where it is written.
    pub place: Place,
}

/// What an action does. Retries and workflow targets get their variants here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// `type: end`
    End,
    /// `type: goto`, `stepId`
    Goto(StepId),
}

/// An output of a step or a workflow.
#[derive(Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: Leaf,
    /// `true` if its value reaches a credential position.
    pub secret: bool,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPart {
    /// The name its mask shows, such as `login.token`.
    pub name: String,
    /// Where it is.
    pub part: AnswerPart,
}

/// Where in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerPart {
    /// A header.
    Header(String),
    /// A part of the body.
    Body(Pointer),
}

impl Call {
    /// Everything that is built for the request.
    pub fn values(&self) -> impl Iterator<Item = &Build> {
        let Self::Operation { arguments, body, .. } = self;
        arguments.iter().map(|argument| &argument.value).chain(body.iter().map(|body| &body.payload))
    }
}

impl Step {
    /// The criteria of the step and of its actions.
    pub fn all_criteria(&self) -> impl Iterator<Item = &Criterion> {
        let actions = self.on_success.iter().chain(&self.on_failure).flat_map(|action| &action.criteria);
        self.criteria.iter().chain(actions)
    }
}

impl Build {
    /// The strings with expressions, in order.
    #[must_use]
    pub fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Constant(_) => vec![],
            Self::Template(leaf) => vec![leaf],
            Self::Array(items) => items.iter().flat_map(Self::leaves).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, value)| value.leaves()).collect(),
        }
    }
}

impl Criterion {
    /// The expressions that it reads, its context among them.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expr> {
        match &self.test {
            Test::Simple(condition) => condition.expressions(),
            Test::Jsonpath(test) => {
                std::iter::once(&test.context).chain(test.holes.iter().map(|hole| &hole.expr)).collect()
            }
            Test::Regex(test) => vec![&test.0],
            Test::Fails(_) => vec![],
        }
    }
}

impl Output {
    /// The step outputs that it reads; no name where it reads all of a step.
    #[must_use]
    pub fn reads(&self) -> Vec<(StepId, Option<String>)> {
        self.value
            .template
            .expressions()
            .into_iter()
            .filter_map(|expr| match &expr.root {
                Root::StepOutput(step, name) => Some((*step, Some(name.clone()))),
                Root::StepOutputs(step) => Some((*step, None)),
                _ => None,
            })
            .collect()
    }
}

impl Program {
    /// The workflow with this `workflowId`.
    #[must_use]
    pub fn workflow_named(&self, name: &str) -> Option<WorkflowId> {
        self.workflows.iter().position(|workflow| workflow.name == name).map(|index| WorkflowId(index as u32))
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

    /// An operation of this program.
    #[must_use]
    pub fn operation(&self, id: OperationId) -> Option<&Operation> {
        self.operations.get(id.0 as usize)
    }
}
