//! What a workflow will call, told without calling: for `inspect` and `--dry-run`.

use serde::Serialize;

use crate::limits::Servers;
use crate::program::{Build, Call, Location, Program, WorkflowId};
use crate::source::Place;

/// One step as it is written, with its method and url.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// The workflow of the step.
    pub workflow: String,
    /// How many calls of workflows lead to it.
    pub depth: u32,
    /// `stepId`
    pub step: String,
    /// The workflow that the step calls; its steps follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<String>,
    /// `operationId`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The source description of the operation.
    pub source: String,
    /// `GET`
    pub method: String,
    /// The host, with its port if it has one; empty if no server is known.
    pub host: String,
    /// The path of the operation, that of the server before it: `/api/volumes/{volumeId}`.
    pub path: String,
    /// The url, with expressions in braces where values are not known yet.
    pub url: String,
    /// Headers and cookies as they are written.
    pub headers: Vec<(String, String)>,
    /// The body as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Where the step is written.
    pub span: Place,
}

/// The most steps of a plan: workflows that call others twice, and those others twice, call very many.
pub const MOST: usize = 10_000;
/// How deep workflows that call workflows are followed; a run has the same limit.
const DEPTH: usize = 32;

/// The first [`MOST`] steps of a workflow in the order of the document, those of the workflows it depends on before and those of the
/// workflows it calls behind the step that calls them.
#[must_use]
pub fn plan(program: &Program, workflow: WorkflowId, servers: &Servers) -> Vec<PlannedStep> {
    let mut planned = vec![];
    let dependencies = program.workflow(workflow).map(|workflow| workflow.dependencies.as_slice()).unwrap_or_default();
    for id in dependencies.iter().chain([&workflow]) {
        add(program, *id, servers, &mut vec![], &mut planned);
    }
    planned
}

fn add(
    program: &Program,
    id: WorkflowId,
    servers: &Servers,
    open: &mut Vec<WorkflowId>,
    planned: &mut Vec<PlannedStep>,
) {
    // What calls itself is shown once.
    if open.contains(&id) || open.len() >= DEPTH {
        return;
    }
    let Some(workflow) = program.workflow(id) else { return };
    let depth = open.len() as u32;
    open.push(id);
    for step in workflow.steps.iter().filter_map(|id| program.step(*id)) {
        if planned.len() >= MOST {
            break;
        }
        let mut shown = match step.call {
            Call::Operation { .. } => one(program, step, servers),
            Call::Workflow { workflow, .. } => Some(call(program, step, workflow)),
        };
        if let Some(shown) = &mut shown {
            (shown.workflow, shown.depth) = (workflow.name.clone(), depth);
        }
        planned.extend(shown);
        if let Call::Workflow { workflow, .. } = step.call {
            add(program, workflow, servers, open, planned);
        }
    }
    open.pop();
}

fn call(program: &Program, step: &crate::program::Step, workflow: WorkflowId) -> PlannedStep {
    PlannedStep {
        workflow: String::new(),
        depth: 0,
        step: step.name.clone(),
        calls: program.workflow(workflow).map(|workflow| workflow.name.clone()),
        operation: None,
        source: String::new(),
        method: String::new(),
        host: String::new(),
        path: String::new(),
        url: String::new(),
        headers: vec![],
        body: None,
        span: step.place.clone(),
    }
}

fn one(program: &Program, step: &crate::program::Step, servers: &Servers) -> Option<PlannedStep> {
    let Call::Operation { operation, arguments, body } = &step.call else { return None };
    let operation = program.operation(*operation)?;
    let source = program.apis.get(operation.api).map(|api| api.name.clone()).unwrap_or_default();
    let server = operation.server_url(&source, servers).unwrap_or_default();
    let written =
        |location| arguments.iter().filter(move |a| a.location == location).map(|a| (a.name.clone(), text(&a.value)));
    let mut path = operation.path.clone();
    for (name, value) in written(Location::Path) {
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    let whole = written(Location::Querystring).map(|(_, value)| value);
    let query: Vec<String> =
        whole.chain(written(Location::Query).map(|(name, value)| format!("{name}={value}"))).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let mut headers: Vec<(String, String)> = written(Location::Header).collect();
    headers.extend(written(Location::Cookie).map(|(name, value)| ("Cookie".to_owned(), format!("{name}={value}"))));
    if let Some(body) = body {
        headers.push(("Content-Type".to_owned(), body.content_type.clone()));
    }
    let base = url::Url::parse(&server).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    let host = url::Url::parse(&server).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    });
    Some(PlannedStep {
        workflow: String::new(),
        depth: 0,
        step: step.name.clone(),
        calls: None,
        operation: operation.id.clone(),
        source,
        method: operation.method.clone(),
        host: host.unwrap_or_default(),
        path: format!("{base}{}", operation.path),
        url: format!("{}{path}{query}", server.trim_end_matches('/')),
        headers,
        body: body.as_ref().map(|body| json(&body.payload)),
        span: step.place.clone(),
    })
}

fn text(build: &Build) -> String {
    match json(build) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

fn json(build: &Build) -> serde_json::Value {
    match build {
        Build::Constant(json) => json.clone(),
        Build::Template(leaf) => serde_json::Value::String(if leaf.text.starts_with('$') {
            format!("{{{}}}", leaf.text)
        } else {
            leaf.text.clone()
        }),
        Build::Select(selection) => {
            serde_json::Value::String(format!("{{{} {}}}", selection.context_text, selection.text))
        }
        Build::Array(items) => items.iter().map(json).collect(),
        Build::Object(members) => {
            serde_json::Value::Object(members.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
    }
}
