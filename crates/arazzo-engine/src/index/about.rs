//! What symbols are, in Markdown, and the outline of a document.

use super::places::{key_span, within};
use super::{Outlined, SymbolKind};
use crate::asyncapi;
use crate::document::{Document, Output, SourceDescription, Step, Workflow};
use crate::node::{Key, Kind, Node};
use crate::openapi::Operation;
use crate::source::{Sources, Span};

/// Characters of a value that are shown.
const SHOWN: usize = 200;

pub(super) fn source(source: &SourceDescription) -> String {
    let kind = source.kind.as_ref().map(|kind| format!(" ({})", kind.value)).unwrap_or_default();
    format!("source description `{}`{kind}\n\n{}", source.name.value, source.url.value)
}

pub(super) fn workflow(workflow: &Workflow, inputs: &[(&Key, &Node)], sources: &Sources) -> String {
    let mut text = format!("workflow `{}`", workflow.id.value);
    if let Some(summary) = &workflow.summary {
        text += &format!("\n\n{}", summary.value);
    }
    if !inputs.is_empty() {
        text += "\n\ninputs:";
        for (key, node) in inputs {
            text += &format!("\n- `{}`{}", key.name, type_of(node).map(|kind| format!(": {kind}")).unwrap_or_default());
        }
    }
    if !workflow.outputs.is_empty() {
        text += "\n\noutputs:";
        for output in &workflow.outputs {
            text += &format!("\n- `{}`: `{}`", output.name.name, shown(&output.value, sources));
        }
    }
    text
}

pub(super) fn step(step: &Step) -> String {
    let mut text = format!("step `{}`", step.id.value);
    if let Some(target) = target(step) {
        text += &format!(", calls `{target}`");
    }
    if let Some(description) = &step.description {
        text += &format!("\n\n{}", description.value);
    }
    text
}

/// What a step calls, as it is written.
pub(super) fn target(step: &Step) -> Option<&str> {
    let targets = [&step.operation_id, &step.operation_path, &step.workflow_id, &step.channel_path];
    targets.into_iter().flatten().next().map(|text| text.value.as_str())
}

pub(super) fn input(key: &Key, node: &Node, schema: Option<&Node>) -> String {
    let required = schema.and_then(|schema| schema.get("required")).map(Node::items).unwrap_or_default();
    let required = required.iter().any(|name| name.as_str() == Some(&key.name));
    let mut text = format!("input `{}`", key.name);
    if let Some(kind) = type_of(node) {
        text += &format!(": {kind}");
    }
    if required {
        text += ", required";
    }
    if is_secret(node) {
        text += ", secret";
    }
    if let Some(default) = node.get("default").filter(|_| !is_secret(node)) {
        text += &format!(", default `{}`", cut(&default.to_json().to_string()));
    }
    if let Some(words) = node.get("description").and_then(Node::as_str) {
        text += &format!("\n\n{words}");
    }
    text
}

/// `true` for an input that its schema says is a secret.
pub(super) fn is_secret(schema: &Node) -> bool {
    schema.get("format").and_then(Node::as_str) == Some("password")
        || schema.get("writeOnly").and_then(Node::as_bool) == Some(true)
}

pub(super) fn output(output: &Output, owner: &str, sources: &Sources) -> String {
    format!("output `{}` of `{owner}`\n\n`{}`", output.name.name, shown(&output.value, sources))
}

pub(super) fn component(kind: &str, key: &Key, node: &Node, sources: &Sources) -> String {
    format!("`$components.{kind}.{}`\n\n```yaml\n{}\n```", key.name, cut(sources.text(node.span)))
}

pub(super) fn operation(operation: &Operation<'_>) -> String {
    let mut text = format!("`{}`", operation.endpoint());
    if let Some(id) = operation.id() {
        text += &format!(" ({id})");
    }
    for field in ["summary", "description"] {
        if let Some(words) = operation.node.get(field).and_then(Node::as_str) {
            text += &format!("\n\n{}", words.trim());
            break;
        }
    }
    let (parameters, _) = operation.parameters();
    if !parameters.is_empty() {
        text += "\n\nparameters:";
        for parameter in parameters {
            let kind = parameter.schema().and_then(type_of).map(|kind| format!(", {kind}")).unwrap_or_default();
            let required = if parameter.required { ", required" } else { "" };
            text += &format!("\n- `{}` in {}{kind}{required}", parameter.name, parameter.location);
        }
    }
    let answers = operation.responses();
    if !answers.is_empty() {
        text += "\n\nanswers:";
        for (status, words) in answers {
            text += &format!("\n- `{status}` {}", words.unwrap_or_default().lines().next().unwrap_or_default());
        }
    }
    text
}

pub(super) fn async_operation(operation: &asyncapi::Operation<'_>) -> String {
    let action = operation.action().and_then(Node::as_str).unwrap_or_default();
    let mut text = format!("operation `{}`", operation.id());
    if let Ok(Some(channel)) = operation.channel() {
        text += &format!(" ({action}) of the channel `{}`", channel.name());
        text += &messages(&operation.messages(&channel));
    }
    text
}

pub(super) fn channel(channel: &asyncapi::Channel<'_>) -> String {
    let address = channel.address().map(|address| format!(" at `{address}`")).unwrap_or_default();
    format!("channel `{}`{address}{}", channel.name(), messages(&channel.messages()))
}

fn messages(messages: &[asyncapi::Message<'_>]) -> String {
    let line = |message: &asyncapi::Message<'_>| format!("\n- `{}`", message.name);
    match messages {
        [] => String::new(),
        messages => format!("\n\nmessages:{}", messages.iter().map(line).collect::<String>()),
    }
}

/// The type of a schema in a word or two.
pub(super) fn type_of(schema: &Node) -> Option<String> {
    let kind = schema.get("type")?;
    let word = match kind.as_str() {
        Some(word) => word.to_owned(),
        None => kind.items().iter().filter_map(Node::as_str).collect::<Vec<_>>().join(" or "),
    };
    (!word.is_empty()).then_some(word)
}

fn shown(node: &Node, sources: &Sources) -> String {
    match &node.kind {
        Kind::String(text) => cut(text),
        _ => cut(sources.text(node.span)),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The workflows with their inputs, steps and outputs, then the source descriptions.
pub(super) fn outline(document: &Document, sources: &Sources) -> Vec<Outlined> {
    let entry = |kind, name: &str, detail: &str, name_span: Span, span: Span| Outlined {
        kind,
        name: name.to_owned(),
        detail: detail.to_owned(),
        name_span,
        span: around(span, name_span),
        children: vec![],
    };
    let mut found = vec![];
    for source in &document.source_descriptions {
        let name_span = within(&source.name, sources);
        let span = around(source.url.span(), source.name.span());
        found.push(entry(SymbolKind::Source, &source.name.value, &source.url.value, name_span, span));
    }
    let written = document.root.get("workflows").map(Node::items).unwrap_or_default();
    for workflow in &document.workflows {
        let summary = workflow.summary.as_ref().map(|text| text.value.as_str()).unwrap_or_default();
        let name_span = within(&workflow.id, sources);
        let mut outlined = entry(SymbolKind::Workflow, &workflow.id.value, summary, name_span, workflow.span);
        let node = written.iter().find(|node| node.span == workflow.span);
        let properties = workflow.inputs.as_ref().and_then(|schema| schema.get("properties"));
        for (key, schema) in properties.map(Node::members).unwrap_or_default() {
            let detail = type_of(schema).unwrap_or_default();
            let name_span = key_span(key, sources);
            outlined.children.push(entry(
                SymbolKind::Input,
                &key.name,
                &detail,
                name_span,
                around(key.span, schema.span),
            ));
        }
        let nodes = node.and_then(|node| node.get("steps")).map(Node::items).unwrap_or_default();
        for step in &workflow.steps {
            let name_span = within(&step.id, sources);
            let holds = |node: &&Node| node.span.start <= name_span.start && name_span.end <= node.span.end;
            let span = nodes.iter().find(holds).map_or(name_span, |node| node.span);
            let detail = target(step).unwrap_or_default();
            let mut own = entry(SymbolKind::Step, &step.id.value, detail, name_span, span);
            own.children = outputs(SymbolKind::Output, &step.outputs, sources);
            outlined.children.push(own);
        }
        outlined.children.extend(outputs(SymbolKind::WorkflowOutput, &workflow.outputs, sources));
        found.push(outlined);
    }
    found
}

fn outputs(kind: SymbolKind, outputs: &[Output], sources: &Sources) -> Vec<Outlined> {
    let entry = |output: &Output| Outlined {
        kind,
        name: output.name.name.clone(),
        detail: shown(&output.value, sources),
        name_span: key_span(&output.name, sources),
        span: around(output.name.span, output.value.span),
        children: vec![],
    };
    outputs.iter().map(entry).collect()
}

/// The smallest place that holds both; aliases stand elsewhere, and then it is the first.
fn around(first: Span, second: Span) -> Span {
    if first.source != second.source {
        return first;
    }
    Span { source: first.source, start: first.start.min(second.start), end: first.end.max(second.end) }
}
