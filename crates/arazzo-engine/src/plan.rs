//! What a workflow will call, told without calling: for `inspect` and `--dry-run`.

use serde::Serialize;

use crate::limits::Servers;
use crate::program::{Build, Call, Location, Program, WorkflowId};
use crate::source::Place;

/// One step as it is written, with its method and url.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// `stepId`
    pub step: String,
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

/// The steps of a workflow in the order of the document.
#[must_use]
pub fn plan(program: &Program, workflow: WorkflowId, servers: &Servers) -> Vec<PlannedStep> {
    let steps = program.workflow(workflow).map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
    steps.iter().filter_map(|id| planned(program, program.step(*id)?, servers)).collect()
}

fn planned(program: &Program, step: &crate::program::Step, servers: &Servers) -> Option<PlannedStep> {
    let Call::Operation { operation, arguments, body } = &step.call;
    let operation = program.operation(*operation)?;
    let source = program.apis.get(operation.api).map(|api| api.name.clone()).unwrap_or_default();
    let server = servers.of(&source).or(operation.server.as_deref()).unwrap_or_default();
    let written =
        |location| arguments.iter().filter(move |a| a.location == location).map(|a| (a.name.clone(), text(&a.value)));
    let mut path = operation.path.clone();
    for (name, value) in written(Location::Path) {
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    let query: Vec<String> = written(Location::Query).map(|(name, value)| format!("{name}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let mut headers: Vec<(String, String)> = written(Location::Header).collect();
    headers.extend(written(Location::Cookie).map(|(name, value)| ("Cookie".to_owned(), format!("{name}={value}"))));
    if let Some(body) = body {
        headers.push(("Content-Type".to_owned(), body.content_type.clone()));
    }
    let base = url::Url::parse(server).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    let host = url::Url::parse(server).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    });
    Some(PlannedStep {
        step: step.name.clone(),
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
        Build::Array(items) => items.iter().map(json).collect(),
        Build::Object(members) => {
            serde_json::Value::Object(members.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
    }
}
