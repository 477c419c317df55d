//! What operations document about their answers, in the form in which a run checks it: validators with the places of
//! the description, no documents. Only where somebody asks for it: it is work for every schema of every answer.

use std::sync::Arc;

use super::Compiled;
use crate::expr::{Root, Template};
use crate::json_schema::types;
use crate::load::{Bundle, DescribedKind};
use crate::media_type::is_json;
use crate::node::Node;
use crate::openapi::schema::{Checked, Direction, checked};
use crate::openapi::{self, Api};
use crate::program::{Build, Contract, DocumentedBody, DocumentedHeader, DocumentedResponse, Select, Unusable};
use crate::value::PathSegment;

/// How deep schemas are made of others, where one is looked for that requires a member.
const PARTS: usize = 16;

impl Compiled {
    /// Adds to each operation what it documents about its answers, for `--check contract`.
    pub fn add_contracts(&mut self, bundle: &Bundle) {
        let numbers = bundle.numbers();
        let Some(program) = Arc::get_mut(&mut self.program) else { return };
        for operation in &mut program.operations {
            let described = bundle.described.iter().zip(&numbers).find(|(_, number)| **number == operation.api);
            let root = described
                .filter(|(described, _)| described.kind == DescribedKind::Openapi)
                .and_then(|(described, _)| described.root.as_deref());
            let api = root.map(|root| Api::new(root, &bundle.store));
            let mut known = api.into_iter().flat_map(Api::operations);
            let view =
                known.find(|view| view.path == operation.path && view.method.eq_ignore_ascii_case(&operation.method));
            operation.contract = view.map(|view| contract(&view));
        }
    }
}

fn contract(operation: &openapi::Operation<'_>) -> Contract {
    let responses = operation.response_nodes().iter().filter(|(key, _)| !key.name.starts_with("x-"));
    let documented = responses.map(|(status, node)| {
        let node = operation.api().resolve(node).unwrap_or(node);
        let headers = node.get("headers").map(Node::members).unwrap_or_default();
        // "If a response header is defined with the name "Content-Type", it SHALL be ignored."
        let headers = headers.iter().filter(|(key, _)| !key.name.eq_ignore_ascii_case("content-type"));
        DocumentedResponse {
            status: status.name.clone(),
            span: status.span,
            headers: headers.map(|(key, node)| header(operation, &key.name, node)).collect(),
            content: operation.content(node).iter().map(|media| body(operation, media)).collect(),
        }
    });
    let span = operation.node.member("responses").map_or(operation.key.span, |(key, _)| key.span);
    Contract { span, responses: documented.collect() }
}

fn header<'a>(operation: &openapi::Operation<'a>, name: &str, node: &'a Node) -> DocumentedHeader {
    let api = operation.api();
    let node = api.resolve(node).unwrap_or(node);
    let names = |schema: &Node| types(schema).map(str::to_owned).collect();
    let schema = operation.header_schema(node).map(|schema| api.resolve(schema).unwrap_or(schema));
    DocumentedHeader {
        name: name.to_owned(),
        required: node.get("required").and_then(Node::as_bool) == Some(true),
        span: node.span,
        types: schema.map(names).unwrap_or_default(),
        items: schema
            .and_then(|schema| schema.get("items"))
            .and_then(|items| api.resolve(items).ok())
            .map(names)
            .unwrap_or_default(),
        schema: schema.map(|schema| usable(api, schema)),
    }
}

fn body(operation: &openapi::Operation<'_>, media: &openapi::Media<'_>) -> DocumentedBody {
    let schema = media.schema.map(|schema| usable(operation.api(), schema));
    DocumentedBody { media_type: media.name.to_owned(), schema }
}

/// A schema as answers are checked against it. What would accept anything, because it cannot be used, is none.
fn usable<'a>(api: Api<'a>, schema: &'a Node) -> Result<Checked, Unusable> {
    let checked = checked(api, schema, Direction::Response)
        .map_err(|reason| Unusable { span: schema.span, reason: format!("it is no JSON Schema: {reason}") })?;
    match checked.unusable().first().cloned() {
        Some((span, reason)) => Err(Unusable { span, reason }),
        None => Ok(checked),
    }
}

/// `true` if a value is a part of the answer that every described answer of success has.
pub(super) fn promises(operation: &openapi::Operation<'_>, value: &Build) -> bool {
    let token = match value {
        Build::Template(leaf) => match &leaf.template {
            Template::Whole(expr) if expr.root == Root::ResponseBody => expr.at.tokens().first().cloned(),
            _ => None,
        },
        Build::Select(selection) if selection.context.root == Root::ResponseBody => match &selection.select {
            Select::Pointer(pointer) => selection.context.at.tokens().iter().chain(pointer.tokens()).next().cloned(),
            Select::Jsonpath(query, _) => {
                let first = query.reads().first().and_then(|way| way.first()).and_then(|segment| match segment {
                    PathSegment::Member(name) => Some(name.clone()),
                    PathSegment::Any => None,
                });
                selection.context.at.tokens().first().cloned().or(first)
            }
            Select::Xpath(..) => None,
        },
        _ => None,
    };
    let Some(token) = token else { return false };
    let api = operation.api();
    let good = operation.response_nodes().iter().filter(|(status, _)| status.name.starts_with('2'));
    let mut answers =
        good.filter_map(|(_, node)| api.resolve(node).ok()).map(|node| operation.content(node)).peekable();
    let json = |media: &openapi::Media<'_>| is_json(media.name);
    answers.peek().is_some()
        && answers.all(|content| {
            let required =
                |media: &openapi::Media<'_>| media.schema.is_some_and(|schema| requires(api, schema, &token, 0));
            content.iter().any(json) && content.iter().filter(|media| json(media)).all(required)
        })
}

/// `true` if a schema requires a member.
fn requires<'a>(api: Api<'a>, schema: &'a Node, name: &str, depth: usize) -> bool {
    let Some(schema) = api.resolve(schema).ok().filter(|_| depth < PARTS) else { return false };
    let listed = schema.get("required").map(Node::items).unwrap_or_default();
    let all = schema.get("allOf").map(Node::items).unwrap_or_default();
    listed.iter().any(|item| item.as_str() == Some(name)) || all.iter().any(|part| requires(api, part, name, depth + 1))
}
