//! The parameters that a step does not pass and has to.

use super::entries::Wanted;
use super::offers::Around;
use super::{about, operations};
use crate::diagnostic::Edit;
use crate::document::{OrReusable, Parameter};
use crate::load::Bundle;
use crate::node::{Node, scalar_of};
use crate::source::SourceId;
use crate::value::Pointer;

/// The names of what is missing at the step around a byte of a text, and the edit that passes it.
pub(super) fn parameters(bundle: &Bundle, source: SourceId, offset: u32) -> Option<(Vec<String>, Edit)> {
    let around = Around::at(bundle, source, offset)?;
    let step = around.here.step?;
    let node = around.here.document.root.at(&Pointer::of(around.tokens.get(..4)?.to_vec()))?;
    let lists = [step.parameters.as_slice(), around.here.workflow?.parameters.as_slice()];
    let given: Vec<(&str, Option<&str>)> = lists.into_iter().flatten().filter_map(|p| given(&around, p)).collect();
    let wanted: Vec<(String, Option<&str>, Option<String>)> =
        match operations::of_step(bundle, around.here.number, step) {
            Some(operation) => {
                let (parameters, _) = operation.parameters();
                let passed = |parameter: &crate::openapi::Parameter<'_>| {
                    given
                        .iter()
                        .any(|(name, place)| *name == parameter.name && place.is_none_or(|p| p == parameter.location))
                };
                let needed = parameters.iter().filter(|parameter| parameter.required && !passed(parameter));
                needed.map(|p| (p.name.to_owned(), Some(p.location), p.schema().and_then(about::type_of))).collect()
            }
            None => {
                let called = around.here.called_by_step()?;
                let schema = called.workflow?.inputs.as_ref()?;
                let required =
                    schema.get("required").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str);
                let passed = |name: &&str| given.iter().any(|(known, _)| known == name);
                let kind = |name: &str| schema.get("properties")?.get(name).and_then(about::type_of);
                required.filter(|name| !passed(name)).map(|name| (name.to_owned(), None, kind(name))).collect()
            }
        };
    if wanted.is_empty() {
        return None;
    }
    let quoted = bundle.sources.text(node.span).starts_with('{') && bundle.sources.text(node.span).contains('"');
    let entry = |(name, place, kind): &(String, Option<&str>, Option<String>)| {
        let value = around.value_for(Wanted { name, kind: kind.as_deref() });
        let text = |text: &str| match quoted {
            true => crate::value::Json::String(text.to_owned()).to_string(),
            false => scalar_of(text),
        };
        let name_of = |field: &str| if quoted { format!("\"{field}\"") } else { field.to_owned() };
        let place = place.map(|place| format!("{}: {}, ", name_of("in"), text(place))).unwrap_or_default();
        format!("{{ {}: {}, {place}{}: {} }}", name_of("name"), text(name), name_of("value"), text(&value))
    };
    let entries: Vec<String> = wanted.iter().map(entry).collect();
    let names = wanted.into_iter().map(|(name, ..)| name).collect();
    Some((names, written(bundle, node, &entries)?))
}

/// A parameter that is passed: its name, and its place where it says one.
fn given<'b>(around: &Around<'b>, parameter: &'b OrReusable<Parameter>) -> Option<(&'b str, Option<&'b str>)> {
    match parameter {
        OrReusable::Object(own) => Some((&own.name.value, own.location.as_ref().map(|place| place.value.as_str()))),
        OrReusable::Reference { reference, .. } => {
            let name = reference.value.strip_prefix("$components.parameters.")?;
            let entries = &around.here.document.components.parameters;
            let (_, own) = entries.iter().find(|(key, _)| key.name == name)?;
            Some((&own.name.value, own.location.as_ref().map(|place| place.value.as_str())))
        }
    }
}

/// Entries behind those that a step has, else a list behind what it calls.
fn written(bundle: &Bundle, step: &Node, entries: &[String]) -> Option<Edit> {
    let (sources, list) = (&bundle.sources, "parameters");
    let is_listed = step.get(list).is_some_and(|list| !list.items().is_empty() || sources.text(list.span) == "[]");
    if is_listed {
        return step.with_entries(sources, list, entries, list);
    }
    // A field without a value is to be filled in by its author.
    if step.get(list).is_some() {
        return None;
    }
    let target =
        ["operationId", "operationPath", "workflowId", "channelPath"].iter().find_map(|name| step.member(name));
    let (key, value) = target?;
    let text = &sources.get(key.span.source)?.text;
    let line = text.get(..key.span.start as usize)?.rsplit('\n').next()?;
    let rest = text.get(value.span.end as usize..)?.split(['\n', '\r']).next()?;
    if line.contains(['{', '[']) || rest.trim_start().starts_with([',', '}']) {
        let behind = ["stepId", "description"].into_iter().chain(["operationId", "workflowId"]);
        return behind.filter_map(|name| step.with_entries(sources, list, entries, name)).next();
    }
    let column = line.chars().take_while(|c| matches!(c, ' ' | '-')).count();
    let indent = " ".repeat(column);
    let end = value.span.end as usize + rest.len();
    let entries: String = entries.iter().map(|entry| format!("\n{indent}  - {entry}")).collect();
    let span = crate::source::Span::new(key.span.source, end..end);
    Some(Edit { span, text: format!("\n{indent}parameters:{entries}") })
}
