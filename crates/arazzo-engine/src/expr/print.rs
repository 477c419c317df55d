//! Expression and condition → text: what [`super::parse`] and [`super::condition::parse`] read as the same tree.

use crate::value::Json;

use super::condition::Condition;
use super::{Expr, Root, Scope, WorkflowId};

/// The text of an expression, in the form of the specification: the way into a value is a JSON Pointer.
#[must_use]
pub fn expression(expr: &Expr, scope: &Scope<'_>) -> String {
    let mut text = match &expr.root {
        Root::Url => "$url".to_owned(),
        Root::Method => "$method".to_owned(),
        Root::StatusCode => "$statusCode".to_owned(),
        Root::RequestHeader(name) => format!("$request.header.{name}"),
        Root::RequestQuery(name) => format!("$request.query.{name}"),
        Root::RequestPath(name) => format!("$request.path.{name}"),
        Root::RequestBody => "$request.body".to_owned(),
        Root::ResponseHeader(name) => format!("$response.header.{name}"),
        Root::ResponseBody => "$response.body".to_owned(),
        Root::MessageHeader(name) => format!("$message.header.{name}"),
        Root::MessagePayload => "$message.payload".to_owned(),
        Root::Inputs => "$inputs".to_owned(),
        Root::Input(name) => format!("$inputs.{name}"),
        Root::Output(name) => format!("$outputs.{name}"),
        Root::StepOutput(id, name) => format!("$steps.{}.outputs.{name}", step(*id, scope)),
        Root::StepOutputs(id) => format!("$steps.{}.outputs", step(*id, scope)),
        Root::WorkflowInput(id, name) => format!("{}.inputs.{name}", workflow(*id, scope)),
        Root::WorkflowOutput(id, name) => format!("{}.outputs.{name}", workflow(*id, scope)),
        Root::Constant(constant) => constant.text.clone(),
        Root::Nothing(text) => text.clone(),
    };
    if !expr.at.is_whole() && expr.dotted {
        // Written with dots, it means `.length` too.
        for token in expr.at.tokens() {
            text.push_str(&format!("['{token}']"));
        }
    } else if !expr.at.is_whole() {
        text.push('#');
        text.push_str(&expr.at.to_string());
    }
    if let Some(query) = &expr.query {
        text.push_str(query.text.strip_prefix('$').unwrap_or_default());
    }
    text
}

fn step<'a>(id: super::StepId, scope: &Scope<'a>) -> &'a str {
    scope.steps.iter().find(|step| step.id == id).map_or("", |step| step.name.as_str())
}

fn workflow(id: WorkflowId, scope: &Scope<'_>) -> String {
    let document = scope.document;
    if let Some(workflow) = document.workflows.iter().find(|workflow| workflow.id == id) {
        return format!("$workflows.{}", workflow.name);
    }
    let found = document.sources.iter().find_map(|source| {
        let workflow = source.workflows.iter().find(|workflow| workflow.id == id)?;
        Some(format!("$sourceDescriptions.{}.{}", source.name, workflow.name))
    });
    found.unwrap_or_default()
}

/// The text of a simple condition, with as few parentheses as its meaning needs.
#[must_use]
pub fn condition(condition: &Condition, scope: &Scope<'_>) -> String {
    let inner = |part: &Condition, wraps: fn(&Condition) -> bool| {
        let text = self::condition(part, scope);
        if wraps(part) { format!("({text})") } else { text }
    };
    let compound = |part: &Condition| {
        matches!(part, Condition::And(_) | Condition::Or(_) | Condition::Compare(..) | Condition::Contains(..))
    };
    match condition {
        Condition::Literal(Json::String(text)) => format!("'{}'", text.replace('\'', "''")),
        Condition::Literal(other) => other.to_string(),
        Condition::Value(expr, _) => expression(expr, scope),
        Condition::Not(part) => format!("!{}", inner(part, compound)),
        Condition::And(parts) => {
            let wraps = |part: &Condition| matches!(part, Condition::And(_) | Condition::Or(_));
            parts.iter().map(|part| inner(part, wraps)).collect::<Vec<_>>().join(" && ")
        }
        Condition::Or(parts) => {
            let wraps = |part: &Condition| matches!(part, Condition::Or(_));
            parts.iter().map(|part| inner(part, wraps)).collect::<Vec<_>>().join(" || ")
        }
        Condition::Contains(left, right) => format!("{} contains {}", inner(left, compound), inner(right, compound)),
        Condition::Compare(operator, left, right) => {
            format!("{} {} {}", inner(left, compound), operator.text(), inner(right, compound))
        }
    }
}
