//! The answers of operations as they are described: their bodies and headers, and where a read of them leads.

use std::rc::Rc;

use super::Lint;
use super::comparisons::equalities;
use crate::expr::{Expr, Root, StepId, Template};
use crate::json_schema::TYPES;
use crate::media_type::is_json;
use crate::node::Node;
use crate::openapi::shape::{Child, NoChild, Schema, Shape, ValueKind};
use crate::openapi::status::is_success;
use crate::openapi::{Media, Operation};
use crate::program::{Build, Select, WorkflowId};
use crate::value::PathSegment;

/// How many outputs a value is followed through.
const DEPTH: usize = 16;

/// Why a way leads nowhere.
pub(super) struct Unresolved<'a> {
    pub(super) token: String,
    /// `true` if it is `length`, and nothing follows.
    pub(super) is_length: bool,
    pub(super) nothing: NoChild<'a>,
}

/// What a way leads to.
pub(super) enum Resolution<'a> {
    To(Shape<'a>),
    Nowhere(Box<Unresolved<'a>>),
    /// The operation answers without a body; its documented statuses.
    NoBody(String),
}

/// Where an answer is read: after a step, which may have failed.
#[derive(Clone, Copy)]
pub(super) struct After {
    pub(super) step: StepId,
    pub(super) failed: bool,
}

impl After {
    /// What comes after a step that succeeded.
    pub(super) fn good(step: StepId) -> Self {
        Self { step, failed: false }
    }
}

/// What the answers of an operation hold.
pub(super) enum Answers<'a> {
    Unknown,
    NoBody(String),
    Bodies(Vec<Schema<'a>>),
}

impl<'a> Lint<'a> {
    /// What an expression, and then a way into its value, leads to. `called` becomes the operation whose answer is read.
    pub(super) fn resolve_read(
        &self,
        after: Option<After>,
        expr: &Expr,
        more: &[PathSegment],
        called: &mut Option<Operation<'a>>,
        depth: usize,
    ) -> Resolution<'a> {
        match self.follow(after, expr, more, called, depth) {
            Resolution::Nowhere(end)
                if expr.dotted && more.is_empty() && end.is_length && is_measured(&end.nothing) =>
            {
                Resolution::To(Shape::Types(["integer".to_owned()].into()))
            }
            led => led,
        }
    }

    fn follow(
        &self,
        after: Option<After>,
        expr: &Expr,
        more: &[PathSegment],
        called: &mut Option<Operation<'a>>,
        depth: usize,
    ) -> Resolution<'a> {
        let step = after.map(|after| after.step);
        let unknown = Resolution::To(Shape::Unknown);
        if depth > DEPTH || expr.query.is_some() {
            return unknown;
        }
        let mut ways: Vec<PathSegment> = expr.at.tokens().iter().cloned().map(PathSegment::Member).collect();
        ways.extend_from_slice(more);
        let shape = match &expr.root {
            Root::StatusCode => Shape::Types(["integer".to_owned()].into()),
            Root::ResponseHeader(_) | Root::Url | Root::Method => Shape::Types(["string".to_owned()].into()),
            Root::ResponseBody => {
                let Some(operation) = step.and_then(|id| self.step(id)?.operation) else { return unknown };
                *called = Some(operation);
                match self.answers(&operation, after).as_ref() {
                    Answers::Unknown => return unknown,
                    Answers::NoBody(statuses) => return Resolution::NoBody(statuses.clone()),
                    Answers::Bodies(schemas) => Shape::Schemas(schemas.clone()),
                }
            }
            Root::MessagePayload => match step.and_then(|id| self.received(id)) {
                Some(shape) => shape,
                None => return unknown,
            },
            Root::Input(name) => {
                let inputs = step.and_then(|id| self.program.workflow(self.program.step(id)?.workflow));
                let declared = inputs.and_then(|w| w.inputs.declared.iter().find(|input| input.name == *name));
                let Some(input) = declared.filter(|input| !input.types.is_empty() && ways.is_empty()) else {
                    return unknown;
                };
                // What is no type was said when the schema was read.
                if !input.types.iter().all(|name| TYPES.contains(&name.as_str())) {
                    return unknown;
                }
                Shape::Types(input.types.iter().cloned().collect())
            }
            Root::StepOutput(read, name) => {
                let Some(other) = self.program.step(*read) else { return unknown };
                if let Some(output) = other.outputs.iter().find(|output| output.name == *name) {
                    return self.built(Some(*read), &output.value, &ways, called, depth + 1);
                }
                let Some(workflow) = other.call.workflow() else { return unknown };
                return self.returned(workflow, name, &ways, called, depth + 1);
            }
            Root::WorkflowOutput(workflow, name) => return self.returned(*workflow, name, &ways, called, depth + 1),
            _ => return unknown,
        };
        walk(shape, &ways)
    }

    /// What the answers of an operation hold, those after which a step succeeds or fails.
    fn answers(&self, operation: &Operation<'a>, after: Option<After>) -> Rc<Answers<'a>> {
        let status = after.and_then(|after| self.status_after(after));
        let mut known = self.answers.borrow_mut();
        let found = known.entry((operation.key.span, status)).or_insert_with(|| {
            Rc::new(match status {
                Some(status) => answers_with(operation, status),
                None => answers(operation),
            })
        });
        found.clone()
    }

    /// The only status with which a step succeeds, if its criteria say so.
    pub(super) fn status_after(&self, after: After) -> Option<u16> {
        if after.failed {
            return None;
        }
        let criteria = &self.program.step(after.step)?.criteria;
        let mut equal = criteria.iter().flat_map(equalities).filter(|(expr, _)| matches!(expr.root, Root::StatusCode));
        equal.find_map(|(_, json)| json.as_u64()).and_then(|status| u16::try_from(status).ok())
    }

    fn returned(
        &self,
        workflow: WorkflowId,
        name: &str,
        ways: &[PathSegment],
        called: &mut Option<Operation<'a>>,
        depth: usize,
    ) -> Resolution<'a> {
        let output = self.program.workflow(workflow).and_then(|w| w.outputs.iter().find(|output| output.name == name));
        match output {
            Some(output) => self.built(None, &output.value, ways, called, depth),
            None => Resolution::To(Shape::Unknown),
        }
    }

    fn built(
        &self,
        step: Option<StepId>,
        value: &Build,
        ways: &[PathSegment],
        called: &mut Option<Operation<'a>>,
        depth: usize,
    ) -> Resolution<'a> {
        let whole = match value {
            Build::Template(leaf) => match &leaf.template {
                Template::Whole(expr) => Some((expr, ways.to_vec())),
                _ => None,
            },
            Build::Select(selection) => match &selection.select {
                Select::Pointer(pointer) => {
                    let mut all: Vec<PathSegment> = pointer.tokens().iter().cloned().map(PathSegment::Member).collect();
                    all.extend_from_slice(ways);
                    Some((&selection.context, all))
                }
                Select::Jsonpath(..) | Select::Xpath(..) => None,
            },
            _ => None,
        };
        let Some((expr, all)) = whole else { return Resolution::To(Shape::Unknown) };
        // Where the output itself leads nowhere, that was said there.
        let after = step.map(After::good);
        let own = if all.is_empty() { None } else { Some(self.resolve_read(after, expr, &[], called, depth)) };
        if matches!(own, Some(Resolution::Nowhere(_) | Resolution::NoBody(_))) {
            return Resolution::To(Shape::Unknown);
        }
        match self.resolve_read(after, expr, &all, called, depth) {
            Resolution::Nowhere(_) | Resolution::NoBody(_) if ways.is_empty() => Resolution::To(Shape::Unknown),
            led => led,
        }
    }
}

fn answers<'a>(operation: &Operation<'a>) -> Answers<'a> {
    let responses = operation.response_nodes();
    if responses.is_empty() {
        return Answers::Unknown;
    }
    let mut success = vec![];
    let mut others = vec![];
    let (mut good, mut with_body) = (0, 0);
    for (status, node) in responses {
        let Ok(node) = operation.api().resolve(node) else { return Answers::Unknown };
        let content = operation.content(node);
        let is_good = is_success(&status.name) || status.name == "default";
        good += usize::from(is_good);
        with_body += usize::from(is_good && !content.is_empty());
        let json: Vec<&Media<'a>> = content.iter().filter(|media| is_json(media.name) || media.name == "*/*").collect();
        if json.is_empty() && !content.is_empty() {
            return Answers::Unknown;
        }
        for media in json {
            let Some(schema) = media.schema else { return Answers::Unknown };
            let schema = Schema { api: operation.api(), node: schema };
            if is_good { success.push(schema) } else { others.push(schema) }
        }
    }
    let statuses = || responses.iter().map(|(status, _)| status.name.as_str()).collect::<Vec<_>>().join(", ");
    if operation.method == "head" {
        return Answers::NoBody(statuses());
    }
    if good > 0 && with_body == 0 {
        // Only these statuses have none for certain: descriptions leave out the bodies of others. And a body that only
        // failures have may be what is read.
        let empty = |status: &str| matches!(status, "204" | "205") || !is_success(status) && status != "default";
        if !responses.iter().all(|(status, _)| empty(&status.name)) {
            return Answers::Unknown;
        }
        if others.is_empty() {
            return Answers::NoBody(statuses());
        }
    }
    success.extend(others);
    if success.is_empty() { Answers::Unknown } else { Answers::Bodies(success) }
}

/// As [`answers`], for the one with this status.
fn answers_with<'a>(operation: &Operation<'a>, status: u16) -> Answers<'a> {
    let Some(node) = operation.response(status) else { return Answers::Unknown };
    let Ok(node) = operation.api().resolve(node) else { return Answers::Unknown };
    let content = operation.content(node);
    if content.is_empty() {
        // What else has no body may have been left out of the description.
        let certain = matches!(status, 204 | 205);
        return if certain { Answers::NoBody(status.to_string()) } else { answers(operation) };
    }
    let json = content.iter().filter(|media| is_json(media.name) || media.name == "*/*");
    let schemas: Option<Vec<Schema<'a>>> =
        json.map(|media| Some(Schema { api: operation.api(), node: media.schema? })).collect();
    schemas.filter(|schemas| !schemas.is_empty()).map_or(Answers::Unknown, Answers::Bodies)
}

/// The headers that are described for the answer with a status, or for any; `None` if they are not known.
pub(super) fn headers<'a>(operation: &Operation<'a>, status: Option<u16>) -> Option<Vec<&'a str>> {
    let responses: Vec<&Node> = match status {
        Some(status) => vec![operation.response(status)?],
        None => operation.node.get("responses")?.members().iter().map(|(_, node)| node).collect(),
    };
    let mut found = vec![];
    for node in responses {
        let node = operation.api().resolve(node).ok()?;
        found.extend(
            node.get("headers").map(Node::members).unwrap_or_default().iter().map(|(key, _)| key.name.as_str()),
        );
    }
    Some(found)
}

/// Follows a way into a value.
pub(super) fn walk<'a>(mut shape: Shape<'a>, ways: &[PathSegment]) -> Resolution<'a> {
    for (index, way) in ways.iter().enumerate() {
        let Shape::Schemas(schemas) = shape else { return Resolution::To(Shape::Unknown) };
        let mut below = vec![];
        let mut nothing: Option<NoChild<'a>> = None;
        for schema in &schemas {
            match schema.below(way) {
                Child::Unknown => return Resolution::To(Shape::Unknown),
                Child::Schemas(found) => below.extend(found),
                // The first that is known is that of success.
                Child::Nothing(found) => match &mut nothing {
                    Some(known) => known.closed &= found.closed,
                    None => nothing = Some(found),
                },
            }
        }
        if below.is_empty() {
            let (Some(nothing), PathSegment::Member(token)) = (nothing, way) else {
                return Resolution::To(Shape::Unknown);
            };
            let is_length = token == "length" && index + 1 == ways.len();
            return Resolution::Nowhere(Box::new(Unresolved { token: token.clone(), is_length, nothing }));
        }
        shape = Shape::Schemas(below);
    }
    Resolution::To(shape)
}

/// `true` for what has a length.
fn is_measured(nothing: &NoChild<'_>) -> bool {
    nothing.what == ValueKind::Array || nothing.what == ValueKind::Scalar("string".to_owned())
}
