//! Inputs for a run that nobody gave inputs: from the schema of the workflow, and of what they are sent as.

use std::collections::BTreeMap;

use crate::value::{Json, Map};

use super::Source;
use crate::expr::{Root, Template};
use crate::json_schema::{is_of, types};
use crate::node::{Node, NodeLimits};
use crate::openapi::sample::{member, sample};
use crate::openapi::store::DocumentStore;
use crate::openapi::{Api, Operation, Parameter};
use crate::program::{Build, Location, Program, Workflow};
use crate::source::Sources;
use crate::value::PathSegment;

/// Keywords that say more about a value than its type.
const TELLING: [&str; 12] = [
    "example",
    "examples",
    "enum",
    "const",
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "multipleOf",
];

/// Inputs that a parameter is made of without which an operation cannot be called.
fn read_by_required<'a>(program: &'a Program, workflow: &Workflow) -> Vec<&'a str> {
    let mut found = vec![];
    for step in workflow.steps.iter().filter_map(|id| program.step(*id)) {
        for argument in step.call.arguments().iter().filter(|a| a.required || a.location == Location::Path) {
            if let Build::Template(leaf) = &argument.value
                && let Template::Whole(expr) = &leaf.template
                && let Root::Input(name) = &expr.root
                && expr.at.is_whole()
            {
                found.push(name.as_str());
            }
        }
    }
    found
}

/// Values for the inputs that a run needs and that have no default: those that are required, and those that required
/// parameters are made of.
pub(super) fn made_up(
    sources: &[Source],
    store: &DocumentStore,
    program: &Program,
    workflow: &Workflow,
) -> Map<String, Json> {
    // The compiled schema holds all that it refers to.
    let mut texts = Sources::default();
    let written = workflow.inputs.schema.as_ref().map(Json::to_string).unwrap_or_default();
    let id = texts.add("inputs", "inputs", written);
    let Ok(schema) = Node::parse_json(&texts, id, NodeLimits::default()) else { return Map::new() };
    let schema = &schema;
    let api = Api::alone(schema);
    let property = |name: &str| member(api, schema, name);
    let needed = workflow.inputs.declared.iter().filter(|input| input.required && input.default.is_none());
    let mut names: Vec<&str> = needed.map(|input| input.name.as_str()).collect();
    // Names that are required and not declared.
    let required = schema.get("required").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str);
    names.extend(required.filter(|name| !workflow.inputs.declares(name)));
    for name in read_by_required(program, workflow) {
        let given = workflow.inputs.declared.iter().any(|input| input.name == name && input.default.is_some());
        if !given && !names.contains(&name) {
            names.push(name);
        }
    }
    let wanted: Vec<[PathSegment; 1]> = names.iter().map(|name| [PathSegment::Member((*name).to_owned())]).collect();
    let ways: Vec<&[PathSegment]> = wanted.iter().map(<[PathSegment; 1]>::as_slice).collect();
    let Json::Object(made) = sample(api, schema, "", &ways) else { return Map::new() };
    let mut made = made.into_inner();
    made.retain(|name, _| names.contains(&name.as_str()));
    let sent = sent_as(sources, store, program, workflow);
    for (name, value) in &mut made {
        let own = property(name);
        if own.is_some_and(|node| TELLING.iter().any(|keyword| node.get(keyword).is_some())) {
            continue;
        }
        // What the workflow leaves open, the operation that gets it may say.
        if let Some((api, schema)) = sent.get(name.as_str()) {
            let better = sample(*api, schema, name, &[]);
            if own.is_none_or(|node| fits(node, &better)) {
                *value = better;
            }
        }
    }
    made
}

/// The schema of the first parameter or body member that an input is sent as, by input.
fn sent_as<'a>(
    sources: &'a [Source],
    store: &'a DocumentStore,
    program: &'a Program,
    workflow: &Workflow,
) -> BTreeMap<&'a str, (Api<'a>, &'a Node)> {
    let mut found = BTreeMap::new();
    for step in workflow.steps.iter().filter_map(|id| program.step(*id)) {
        let Some(operation) = program.operation_of(step) else { continue };
        let (arguments, body) = (step.call.arguments(), step.call.body());
        let Some(root) = sources.get(operation.api).and_then(|source| source.root.as_ref()) else { continue };
        let api = Api::new(root, store);
        let method = operation.method.to_ascii_lowercase();
        let Some(view) = api.operations().find(|o| o.path == operation.path && o.method == method) else { continue };
        let parameters = view.parameters().0;
        for argument in arguments {
            let Some(input) = whole_input(&argument.value) else { continue };
            let place = argument.location.word();
            let parameter = parameters.iter().find(|p| p.name == argument.name && p.location == place);
            let schema = parameter.and_then(Parameter::schema).and_then(|schema| api.resolve(schema).ok());
            schema.map(|schema| found.entry(input).or_insert((api, schema)));
        }
        if let (Some(Build::Object(members)), Some(schema)) =
            (body.as_ref().map(|body| &body.payload), body_schema(&view))
        {
            for (name, value) in members {
                let Some(input) = whole_input(value) else { continue };
                member(api, schema, name).map(|schema| found.entry(input).or_insert((api, schema)));
            }
        }
    }
    found
}

fn whole_input(value: &Build) -> Option<&str> {
    let Build::Template(leaf) = value else { return None };
    let Template::Whole(expr) = &leaf.template else { return None };
    match &expr.root {
        Root::Input(name) if expr.at.is_whole() => Some(name),
        _ => None,
    }
}

fn body_schema<'a>(operation: &Operation<'a>) -> Option<&'a Node> {
    operation.request_body().ok()??.content.first()?.schema
}

/// `true` if a value is of a type that a schema allows.
fn fits(schema: &Node, value: &Json) -> bool {
    schema.get("type").is_none() || types(schema).any(|kind| is_of(value, kind))
}
