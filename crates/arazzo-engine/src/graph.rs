//! The flow of a workflow as a graph: its steps, and the ways from one to another with their conditions.

use serde::Serialize;

use crate::program::{Action, Call, Operation, Program, Step, Target, Then, WorkflowId};

/// The flow of one workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    /// `workflowId`
    pub workflow: String,
    /// Workflows that run before it, in their order.
    pub dependencies: Vec<String>,
    /// The step that runs first: its index in `steps`.
    pub entry: Option<usize>,
    /// The steps, in the order of the document.
    pub steps: Vec<GraphStep>,
}

/// A step and the ways out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphStep {
    /// `stepId`
    pub step: String,
    /// The call: `GET /volumes/{volumeId}`, or `workflow payment`.
    pub does: String,
    /// The ways out, in the order in which they are looked at: those on success, what comes after success without an
    /// action, those on failure. A failure that no action takes up fails the workflow, and is not among them.
    pub exits: Vec<Exit>,
}

/// A way out of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// The name of the action; none for what comes next by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// `true` if it is taken on failure.
    pub on_failure: bool,
    /// The conditions that must be met, as written.
    pub conditions: Vec<String>,
    /// The target.
    pub to: Edge,
}

/// The target of an exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Edge {
    /// To a step of the workflow: its index.
    Step(usize),
    /// To another workflow, which takes the place of this one.
    Workflow(String),
    /// To the end of the workflow.
    End,
    /// Back into the same step.
    Retry {
        /// Retries after the first attempt.
        limit: u32,
        /// The delay before each, in ms.
        after_ms: u64,
        /// The step or workflow that runs before each.
        first: Option<String>,
    },
}

/// The graph of a workflow; none if there is no such workflow.
#[must_use]
pub fn graph(program: &Program, id: WorkflowId) -> Option<Graph> {
    let workflow = program.workflow(id)?;
    let place = |wanted| workflow.steps.iter().position(|id| *id == wanted);
    let name = |id: &WorkflowId| program.workflow(*id).map(|workflow| workflow.name.clone()).unwrap_or_default();
    let way = |action: &Action| match &action.then {
        Then::End => Some(Edge::End),
        Then::Goto(Target::Step(step)) => place(*step).map(Edge::Step),
        Then::Goto(Target::Workflow { workflow, .. }) => Some(Edge::Workflow(name(workflow))),
        Then::Retry { after_ms, limit, detour } => {
            let first = detour.as_ref().map(|detour| match detour {
                Target::Step(step) => program.step(*step).map(|step| step.name.clone()).unwrap_or_default(),
                Target::Workflow { workflow, .. } => format!("workflow {}", name(workflow)),
            });
            Some(Edge::Retry { limit: *limit, after_ms: *after_ms, first })
        }
    };
    let exits = |step: &Step| {
        let of = |actions: &[Action], on_failure: bool| -> Vec<Exit> {
            let exit = |action: &Action| {
                let conditions = action.criteria.iter().map(|criterion| criterion.text.clone()).collect();
                Some(Exit { action: Some(action.name.clone()), on_failure, conditions, to: way(action)? })
            };
            actions.iter().filter_map(exit).collect()
        };
        let mut exits = of(&step.on_success, false);
        // An action without criteria is always taken; only a retry lets what follows it have a turn.
        let always = |exit: &Exit| exit.conditions.is_empty() && !matches!(exit.to, Edge::Retry { .. });
        if !exits.iter().any(always) {
            let to = step.next.and_then(place).map_or(Edge::End, Edge::Step);
            exits.push(Exit { action: None, on_failure: false, conditions: vec![], to });
        }
        exits.extend(of(&step.on_failure, true));
        exits
    };
    let does = |step: &Step| match &step.call {
        Call::Operation { operation, .. } => program.operation(*operation).map(Operation::endpoint).unwrap_or_default(),
        Call::Workflow { workflow, .. } => format!("workflow {}", name(workflow)),
        Call::Send(_) | Call::Receive(_) => program.describe_message(step).unwrap_or_default(),
    };
    let steps = workflow.steps.iter().filter_map(|id| program.step(*id));
    Some(Graph {
        workflow: workflow.name.clone(),
        dependencies: workflow.dependencies.iter().map(name).collect(),
        entry: workflow.entry.and_then(place),
        steps: steps.map(|step| GraphStep { step: step.name.clone(), does: does(step), exits: exits(step) }).collect(),
    })
}
