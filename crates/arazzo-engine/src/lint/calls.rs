//! What is sent and read, against the schemas of the API descriptions.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value as Json;

use super::Lint;
use super::conditions::equalities;
use super::shape::{Child, NoChild, Schema, Shape, ValueKind, articles, overlap};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, nearest};
use crate::expr::condition::Condition;
use crate::expr::jsonpath::Operator;
use crate::expr::{Expr, Root, StepId, Template};
use crate::json_schema::{TYPES, with_article};
use crate::media_type::is_json;
use crate::node::{Kind, Node};
use crate::openapi::status::is_success;
use crate::openapi::{Api, Media, Operation, Parameter};
use crate::program::{
    Action, Argument, Body, Build, Call, Criterion, Location, Media as BodyMedia, Passed, Select, Test, WorkflowId,
};
use crate::source::{Place, Span};
use crate::value::PathSegment;

/// How many outputs a value is followed through.
const DEPTH: usize = 16;

/// Headers that OpenAPI leaves to other fields.
const FREE_HEADERS: [&str; 3] = ["authorization", "accept", "content-type"];

/// Why a way leads nowhere.
pub(super) struct Unresolved<'a> {
    token: String,
    nothing: NoChild<'a>,
}

/// What a way leads to.
pub(super) enum Resolution<'a> {
    To(Shape<'a>),
    Nowhere(Box<Unresolved<'a>>),
    /// The operation answers without a body; its documented statuses.
    NoBody(String),
}

/// Headers that answers have whether or not they are described.
const USUAL_HEADERS: [&str; 24] = [
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "server",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "www-authenticate",
];

/// What is read: how, where it is written, and for what.
struct Read<'r> {
    expr: &'r Expr,
    ways: Vec<PathSegment>,
    text: &'r str,
    place: &'r Place,
    role: Role,
}

/// What a value is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// To be sent, or kept as an output.
    Used,
    /// By a test that may ask for what is not there.
    Tested,
    /// By a test of an action on failure: the answer may be any.
    TestedFailure,
    /// By a test that no answer without it meets, and that the step must meet.
    Needed,
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

/// What a value is sent as.
struct Sent<'s> {
    /// In the words of a message: ``parameter `limit` ``.
    what: &'s str,
    /// `true` where everything becomes text on its way.
    textual: bool,
    step: StepId,
    /// The key whose value it is: where people look for a member that is missing.
    named: Option<Span>,
    /// The ways to what is replaced in it.
    replaced: &'s [&'s [String]],
}

impl<'a> Lint<'a> {
    pub(super) fn calls(&mut self) {
        for workflow in self.own() {
            let Some(compiled) = self.program.workflow(workflow) else { continue };
            for id in &compiled.steps {
                self.sent(*id);
                self.read(*id);
                self.conditions(*id);
            }
            for output in &compiled.outputs {
                for (expr, ways) in looked_at(&output.value) {
                    let read = Read { expr, ways, text: &output.text, place: &output.place, role: Role::Used };
                    self.leads(None, &read);
                }
            }
        }
    }

    /// What the answers of a step are read for.
    fn read(&mut self, id: StepId) {
        let program = self.program;
        let Some(step) = program.step(id) else { return };
        let mut reads: Vec<Read<'_>> = vec![];
        for output in &step.outputs {
            for (expr, ways) in looked_at(&output.value) {
                reads.push(Read { expr, ways, text: &output.text, place: &output.place, role: Role::Used });
            }
        }
        for read in step.call.values().flat_map(Build::reads) {
            reads.push(Read { expr: read.expr, ways: vec![], text: read.text, place: read.place, role: Role::Used });
        }
        let of = |actions: &'a [Action]| actions.iter().flat_map(|action| &action.criteria);
        let own = step.criteria.iter().map(|criterion| (criterion, Role::Needed));
        let good = of(&step.on_success).map(|criterion| (criterion, Role::Tested));
        let bad = of(&step.on_failure).map(|criterion| (criterion, Role::TestedFailure));
        for (criterion, role) in own.chain(good).chain(bad) {
            let role = if role == Role::Needed && !needs(criterion) { Role::Tested } else { role };
            let (text, place) = (criterion.text.as_str(), &criterion.place);
            let context = criterion.context_place.as_ref().zip(criterion.context.as_deref());
            let context = context.filter(|_| !matches!(criterion.test, Test::Simple(_)));
            for (index, expr) in criterion.expressions().into_iter().enumerate() {
                // The first is the context, where there is one.
                let (place, text) = context.filter(|_| index == 0).unwrap_or((place, text));
                reads.push(Read { expr, ways: vec![], text, place, role });
            }
            if let Test::Jsonpath(test) = &criterion.test
                && matches!(
                    self.resolve_read(Some(After::good(id)), &test.context, &[], &mut None, 0),
                    Resolution::To(_)
                )
            {
                for ways in test.condition.reads() {
                    reads.push(Read { expr: &test.context, ways, text, place, role });
                }
            }
        }
        for read in &reads {
            self.leads(Some(id), read);
        }
    }

    /// Says where a way into a value leads nowhere.
    fn leads(&mut self, step: Option<StepId>, read: &Read<'_>) {
        let mut called = None;
        let after = step.map(|step| After { step, failed: read.role == Role::TestedFailure });
        if let (Root::ResponseHeader(name), Some(after)) = (&read.expr.root, after) {
            self.header(after, name, read);
        }
        let led = self.resolve_read(after, read.expr, &read.ways, &mut called, 0);
        if matches!(led, Resolution::To(_)) {
            return;
        }
        let operation = called.map_or_else(String::new, |operation: Operation<'_>| operation.name());
        let Some(span) = self.span(read.place) else { return };
        match led {
            Resolution::To(_) => {}
            Resolution::NoBody(statuses) => {
                // A test may ask whether there is one, unless it is met only by an answer that is known to have none.
                let certain = after.and_then(|after| self.status_after(after)).is_some();
                if read.role == Role::Used || read.role == Role::Needed && certain {
                    let mut diagnostic = Diagnostic::warning(
                        Code::NoBody,
                        span,
                        format!("`{}` reads a body, and operation `{operation}` answers without one", read.text),
                    )
                    .section("§Runtime Expressions");
                    if let Some(operation) = called {
                        let node = operation.node.get("responses").map_or(operation.key.span, |node| node.span);
                        diagnostic = diagnostic.note(node, format!("documented answers: {statuses}"));
                    }
                    self.push(diagnostic);
                }
            }
            Resolution::Nowhere(end) => self.push_unresolved(read, span, &operation, &end),
        }
    }

    fn push_unresolved(&mut self, read: &Read<'_>, span: Span, operation: &str, end: &Unresolved<'_>) {
        let Unresolved { token, nothing } = end;
        let near = nearest(token, nothing.members.iter().copied());
        // A test may ask whether there is more than what is described.
        let asks = matches!(read.role, Role::Tested | Role::TestedFailure);
        if asks && near.is_none() && !nothing.closed {
            return;
        }
        let message = match &nothing.what {
            ValueKind::Object => format!("the answer of operation `{operation}` has no member `{token}` here"),
            ValueKind::Array => format!("`{token}` is read of an array, whose items have numbers"),
            ValueKind::Scalar(name) => format!("`{token}` is read of {}, which has no members", with_article(name)),
        };
        let help = match (&nothing.what, near) {
            (ValueKind::Object, Some(near)) => Some(Help::meant(near)),
            (ValueKind::Object, None) if !nothing.members.is_empty() => {
                let members: Vec<&str> = nothing.members.iter().copied().take(12).collect();
                Some(Help::words(format!("it has {}", members.join(", "))))
            }
            (ValueKind::Array, _) => Some(Help::words(format!("write the number of the item before it: 0/{token}"))),
            _ => None,
        };
        let mut diagnostic = Diagnostic::warning(Code::UnknownMember, span, message)
            .note(nothing.schema.span, "described here")
            .help(help)
            .section("§Runtime Expressions");
        if let (Some(near), ValueKind::Object) = (near, &nothing.what)
            && let Some(edit) = self.only(span, token, near)
        {
            diagnostic = diagnostic.fix(format!("write `{near}`: another value is read"), false, vec![edit]);
        }
        self.push(diagnostic);
    }

    /// The edit that writes `new` for `old`, if that stands in a text only once.
    fn only(&self, span: Span, old: &str, new: &str) -> Option<Edit> {
        let text = self.bundle.sources.text(span);
        let mut found = text.match_indices(old);
        let (at, _) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        let start = span.start as usize + at;
        Some(Edit { span: Span::new(span.source, start..start + old.len()), text: new.to_owned() })
    }

    /// What an expression, and then a way into its value, leads to. `called` becomes the operation whose answer is read.
    pub(super) fn resolve_read(
        &self,
        after: Option<After>,
        expr: &Expr,
        more: &[PathSegment],
        called: &mut Option<Operation<'a>>,
        depth: usize,
    ) -> Resolution<'a> {
        let step = after.map(|after| after.step);
        let unknown = Resolution::To(Shape::Unknown);
        if depth > DEPTH {
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
                let Call::Workflow { workflow, .. } = &other.call else { return unknown };
                return self.returned(*workflow, name, &ways, called, depth + 1);
            }
            Root::WorkflowOutput(workflow, name) => return self.returned(*workflow, name, &ways, called, depth + 1),
            _ => return unknown,
        };
        walk(shape, &ways, expr.dotted)
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
    fn status_after(&self, after: After) -> Option<u16> {
        if after.failed {
            return None;
        }
        let criteria = &self.program.step(after.step)?.criteria;
        let mut equal = criteria.iter().flat_map(equalities).filter(|(expr, _)| matches!(expr.root, Root::StatusCode));
        equal.find_map(|(_, json)| json.as_u64()).and_then(|status| u16::try_from(status).ok())
    }

    /// A header that no answer is described to have.
    fn header(&mut self, after: After, name: &str, read: &Read<'_>) {
        let Some(operation) = self.step(after.step).and_then(|view| view.operation) else { return };
        if read.role == Role::TestedFailure || USUAL_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return;
        }
        let status = self.status_after(after);
        let Some(described) = headers(&operation, status) else { return };
        if described.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return;
        }
        let near = nearest(name, described.iter().copied());
        // Where no answer of the document has a header, headers were left out of the description.
        let others = |other: Operation<'a>| headers(&other, None).is_some_and(|found| !found.is_empty());
        if near.is_none() && (read.role == Role::Tested || !operation.api().operations().any(others)) {
            return;
        }
        let Some(span) = self.span(read.place) else { return };
        let message = format!("the answer of operation `{}` has no header `{name}`", operation.name());
        let node = operation.node.get("responses").map_or(operation.key.span, |node| node.span);
        let help = match near {
            Some(near) => Some(Help::meant(near)),
            None if described.is_empty() => None,
            None => Some(Help::words(format!("it has {}", described.join(", ")))),
        };
        let mut diagnostic = Diagnostic::warning(Code::UnknownMember, span, message)
            .note(node, "the documented answers")
            .help(help)
            .section("§Runtime Expressions");
        if let Some(edit) = near.and_then(|near| self.only(span, name, near)) {
            let title = format!("write `{}`: another value is read", edit.text);
            diagnostic = diagnostic.fix(title, false, vec![edit]);
        }
        self.push(diagnostic);
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

    /// What a step sends.
    fn sent(&mut self, id: StepId) {
        let program = self.program;
        let (arguments, body) = match program.step(id).map(|step| &step.call) {
            Some(Call::Operation { arguments, body, .. }) => (arguments, body),
            Some(Call::Workflow { workflow, passed, .. }) => return self.passed(id, *workflow, passed),
            None => return,
        };
        let Some(operation) = self.step(id).and_then(|view| view.operation) else { return };
        let (declared, _) = operation.parameters();
        for argument in arguments {
            self.argument(id, argument, &operation, &declared);
        }
        self.body_type(id, &operation);
        if let Some(body) = body {
            self.payload(id, body, &operation);
        }
    }

    /// What a step passes to the workflow that it calls.
    fn passed(&mut self, step: StepId, workflow: WorkflowId, passed: &Passed) {
        let document = self.program.workflow(workflow).and_then(|w| self.bundle.documents.get(w.document));
        let inputs = self.workflow(workflow).and_then(|view| view.document.inputs.as_ref());
        let (Some(loaded), Some(node)) = (document, inputs) else { return };
        let inputs = Schema { api: Api::new(&loaded.document.root, &self.bundle.store), node };
        for value in &passed.values {
            let Child::Schemas(found) = inputs.below(&PathSegment::Member(value.name.clone())) else { continue };
            let ([schema], Some(span)) = (found.as_slice(), self.span(&value.place)) else { continue };
            let what = format!("input `{}`", value.name);
            let sent = Sent { what: &what, textual: false, step, named: None, replaced: &[] };
            match &value.value {
                // What they are made of is looked at when the workflow begins.
                Build::Array(_) => _ = self.typed(&["array".to_owned()].into(), "a list", span, *schema, &sent),
                Build::Object(_) => _ = self.typed(&["object".to_owned()].into(), "an object", span, *schema, &sent),
                value => self.fits(value, None, span, *schema, &sent),
            }
        }
    }

    fn argument(&mut self, step: StepId, argument: &Argument, operation: &Operation<'a>, declared: &[Parameter<'a>]) {
        let place = match argument.location {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
            Location::Cookie => "cookie",
            Location::Querystring => return,
        };
        let header = place == "header";
        if header && FREE_HEADERS.contains(&argument.name.to_ascii_lowercase().as_str()) {
            return;
        }
        let same = |p: &&Parameter<'a>| {
            p.location == place && (p.name == argument.name || header && p.name.eq_ignore_ascii_case(&argument.name))
        };
        let Some(schema) = declared.iter().find(same).and_then(Parameter::schema) else { return };
        let Some(span) = self.span(&argument.place) else { return };
        let what = format!("parameter `{}`", argument.name);
        let sent = Sent { what: &what, textual: true, step, named: None, replaced: &[] };
        self.fits(&argument.value, None, span, Schema { api: operation.api(), node: schema }, &sent);
    }

    /// A body that the operation does not describe, or not of this type.
    fn body_type(&mut self, id: StepId, operation: &Operation<'a>) {
        let Some(written) = self.step(id).and_then(|view| view.document.request_body.as_ref()) else { return };
        let Ok(described) = operation.request_body() else { return };
        let Some(described) = described else {
            // Where no operation of the document takes a body, bodies were left out of the description.
            let others = |other: Operation<'_>| matches!(other.request_body(), Ok(Some(_)));
            if !matches!(operation.method, "get" | "head") && !operation.api().operations().any(others) {
                return;
            }
            let name = operation.name();
            let message = format!("operation `{name}` describes no request body, and the step sends one");
            self.push(
                Diagnostic::warning(Code::UndeclaredBody, written.span, message)
                    .note(operation.key.span, "the operation")
                    .help("leave out `requestBody`, or name the operation that takes one".to_owned())
                    .section("§Request Body Object"),
            );
            return;
        };
        let Some(text) = &written.content_type else { return };
        if !described.content.is_empty() && described.media(&text.value).is_none() {
            let names: Vec<&str> = described.content.iter().map(|media| media.name).collect();
            self.content_type(text.span(), &text.value, &names, operation);
        }
    }

    fn payload(&mut self, step: StepId, body: &Body, operation: &Operation<'a>) {
        let Some(written) = self.step(step).and_then(|view| view.document.request_body.as_ref()) else { return };
        let Ok(Some(described)) = operation.request_body() else { return };
        let Some(media) = described.media(&body.content_type) else { return };
        let Some(node) = &written.payload else { return };
        let what = "the payload";
        let named = self.step(step).and_then(|view| view.node?.get("requestBody")?.member("payload"));
        // A payload that is a text has no members of its own.
        let named = named.filter(|(_, payload)| matches!(payload.kind, Kind::Object(_))).map(|(key, _)| key.span);
        let sent = Sent { what, textual: body.media != BodyMedia::Json, step, named, replaced: &[] };
        if body.media == BodyMedia::Raw || body.media == BodyMedia::Xml {
            return;
        }
        let Some(schema) = media.schema else { return };
        let schema = Schema { api: operation.api(), node: schema };
        self.targets(body, schema, operation);
        if written.replacements.is_empty() {
            self.fits(&body.payload, Some(node), node.span, schema, &sent);
            return;
        }
        // What is replaced is not sent as it is written.
        let replaced: Option<Vec<&[String]>> = body
            .replacements
            .iter()
            .map(|replacement| match &replacement.target {
                Select::Pointer(pointer) => Some(pointer.tokens()),
                _ => None,
            })
            .collect();
        if let Some(replaced) = replaced {
            self.fits(&body.payload, Some(node), node.span, schema, &Sent { replaced: &replaced, ..sent });
        }
    }

    /// Targets of replacements that the body does not have.
    fn targets(&mut self, body: &Body, schema: Schema<'a>, operation: &Operation<'a>) {
        for replacement in &body.replacements {
            let Select::Pointer(pointer) = &replacement.target else { continue };
            let ways: Vec<PathSegment> = pointer.tokens().iter().cloned().map(PathSegment::Member).collect();
            let Resolution::Nowhere(end) = walk(Shape::Schemas(vec![schema]), &ways, false) else { continue };
            let Unresolved { token, nothing } = *end;
            let near = nearest(&token, nothing.members.iter().copied());
            let (Some(span), true) = (self.span(&replacement.place), near.is_some() || nothing.closed) else {
                continue;
            };
            let message = format!("the body of operation `{}` has no member `{token}` here", operation.name());
            self.push(
                Diagnostic::warning(Code::UnknownMember, span, message)
                    .note(nothing.schema.span, "described here")
                    .help(near.map(Help::meant))
                    .section("§Payload Replacement Object"),
            );
        }
    }

    fn content_type(&mut self, span: Span, written: &str, names: &[&str], operation: &Operation<'a>) {
        let help = nearest(written, names.iter().copied())
            .map_or_else(|| Help::words(format!("it takes {}", names.join(", "))), Help::meant);
        let node = operation.node.get("requestBody").map_or(operation.key.span, |node| node.span);
        let message = format!("operation `{}` does not take a body of type `{written}`", operation.name());
        let mut diagnostic = Diagnostic::warning(Code::UndeclaredContentType, span, message)
            .note(node, "described here")
            .help(help)
            .section("§Request Body Object");
        if let [only] = names {
            let edit = Edit { span, text: (*only).to_owned() };
            diagnostic = diagnostic.fix(format!("write {only}: the body is sent as that"), false, vec![edit]);
        }
        self.push(diagnostic);
    }

    /// Says what of a value the schema does not accept.
    fn fits(&mut self, value: &Build, node: Option<&Node>, span: Span, schema: Schema<'a>, sent: &Sent<'_>) {
        if sent.replaced.iter().any(|way| way.is_empty()) {
            return;
        }
        let within = |name: &str| -> Vec<&[String]> {
            let ways = sent.replaced.iter().filter_map(|way| way.split_first());
            ways.filter(|(first, _)| *first == name).map(|(_, rest)| rest).collect()
        };
        match value {
            Build::Constant(json) => self.constant(json, span, schema, sent),
            Build::Template(leaf) => match &leaf.template {
                Template::Whole(expr) => self.expression(expr, &leaf.text, span, schema, sent),
                Template::Literal(text) => self.constant(&Json::String(text.clone()), span, schema, sent),
                // `"{$inputs.products}"` alone in quotes is meant as the value, whatever it becomes.
                Template::Text(pieces) if !sent.textual && pieces.len() > 1 => {
                    self.typed(&["string".to_owned()].into(), &leaf.text, span, schema, sent);
                }
                Template::Text(_) | Template::Constant(_) => {}
            },
            Build::Select(_) => {}
            Build::Array(items) => {
                if !self.typed(&["array".to_owned()].into(), "a list", span, schema, sent) {
                    return;
                }
                let Child::Schemas(below) = schema.below(&PathSegment::Member("0".to_owned())) else { return };
                let [below] = below.as_slice() else { return };
                let nodes = node.map(Node::items).unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    let node = nodes.get(index);
                    let what = format!("an item of {}", sent.what);
                    let replaced = within(&index.to_string());
                    let sent = Sent { what: &what, named: None, replaced: &replaced, ..*sent };
                    self.fits(item, node, node.map_or(span, |n| n.span), *below, &sent);
                }
            }
            Build::Object(members) => {
                if !self.typed(&["object".to_owned()].into(), "an object", span, schema, sent) {
                    return;
                }
                let keys = node.map(Node::members).unwrap_or_default();
                let added =
                    sent.replaced.iter().filter_map(|way| if let [name] = way { Some(name.as_str()) } else { None });
                let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).chain(added).collect();
                self.missing_members(&names, sent.named.unwrap_or(span), schema, sent);
                for (name, value) in members {
                    let written = keys.iter().find(|(key, _)| key.name == *name);
                    let at = written.map_or(span, |(_, node)| node.span);
                    match schema.below(&PathSegment::Member(name.clone())) {
                        Child::Schemas(below) => {
                            if let [below] = below.as_slice() {
                                let what = format!("member `{name}`");
                                let named = written.map(|(key, _)| key.span);
                                let replaced = within(name);
                                let sent = Sent { what: &what, named, replaced: &replaced, ..*sent };
                                self.fits(value, written.map(|(_, node)| node), at, *below, &sent);
                            }
                        }
                        Child::Nothing(nothing) => {
                            let key = written.map_or(span, |(key, _)| key.span);
                            self.unknown_member(name, &names, key, &nothing);
                        }
                        Child::Unknown => {}
                    }
                }
            }
        }
    }

    fn missing_members(&mut self, names: &[&str], span: Span, schema: Schema<'a>, sent: &Sent<'_>) {
        let described: Vec<&str> = match schema.below(&PathSegment::Member(String::new())) {
            Child::Nothing(nothing) => nothing.members,
            _ => vec![],
        };
        let stray: Vec<&&str> = names.iter().filter(|name| !described.contains(*name)).collect();
        for name in schema.required() {
            if names.contains(&name) {
                continue;
            }
            // One that is misspelt is not missing.
            let misspelt = !described.is_empty() && stray.iter().any(|stray| means(stray, name));
            if misspelt {
                continue;
            }
            let message = format!("{} has no `{name}`, which the operation requires", sent.what);
            self.push(
                Diagnostic::warning(Code::MissingMember, span, message)
                    .note(schema.node.read().span, "described here")
                    .help(format!("add `{name}`"))
                    .section("§Request Body Object"),
            );
        }
    }

    fn unknown_member(&mut self, name: &str, names: &[&str], span: Span, nothing: &NoChild<'_>) {
        let free: Vec<&str> = nothing.members.iter().copied().filter(|member| !names.contains(member)).collect();
        let near = nearest(name, free.iter().copied()).or_else(|| free.into_iter().find(|member| means(name, member)));
        if nothing.what != ValueKind::Object || near.is_none() && !nothing.closed {
            return;
        }
        let message = if nothing.closed {
            format!("the body has no member `{name}`, and allows no others")
        } else {
            format!("the body describes no member `{name}`")
        };
        let mut diagnostic = Diagnostic::warning(Code::UnknownMember, span, message)
            .note(nothing.schema.span, "described here")
            .help(near.map_or_else(|| Help::words(format!("it has {}", nothing.members.join(", "))), Help::meant))
            .section("§Request Body Object");
        if let Some(near) = near
            && let Some(edit) = self.only(span, name, near)
        {
            diagnostic = diagnostic.fix(format!("write `{near}`: another member is sent"), false, vec![edit]);
        }
        self.push(diagnostic);
    }

    fn constant(&mut self, json: &Json, span: Span, schema: Schema<'a>, sent: &Sent<'_>) {
        let mut value = json.clone();
        if sent.textual {
            // On its way it is text: what counts is what it reads as.
            if let (Json::String(text), Some(types)) = (json, schema.types()) {
                let read = serde_json::from_str::<Json>(text).ok().filter(|v| v.is_number() || v.is_boolean());
                let text_fits = types.contains("string") || types.contains("array") || types.contains("object");
                if let (Some(read), false) = (read, text_fits) {
                    self.quoted(span, &read, schema, sent);
                    value = read;
                }
            } else if let (Some(true), true) = (schema.types().map(|types| types.contains("string")), !json.is_string())
            {
                // `value: 10` for a string: it is sent as 10.
                if !json.is_array() && !json.is_object() {
                    value = Json::String(crate::value::json_text(json));
                }
            }
        }
        if let Some(reason) = schema.refuses(&value) {
            let shown = self.bundle.sources.text(span);
            let shown = if shown.len() > 60 || shown.contains('\n') { "the value" } else { shown };
            let mut diagnostic =
                Diagnostic::warning(Code::ValueMismatch, span, format!("{}: `{shown}` {reason}", sent.what))
                    .note(schema.node.read().span, "described here")
                    .section("§Parameter Object");
            if let (Json::String(text), Some(values)) = (json, schema.values()) {
                let words: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
                if let Some(near) = nearest(text, words) {
                    diagnostic = diagnostic.help(Help::meant(near));
                }
            }
            self.push(diagnostic);
            return;
        }
        match json {
            Json::Object(members) => {
                let names: Vec<&str> = members.keys().map(String::as_str).collect();
                self.missing_members(&names, span, schema, sent);
                for (name, value) in members {
                    match schema.below(&PathSegment::Member(name.clone())) {
                        Child::Schemas(below) => {
                            if let [below] = below.as_slice() {
                                let what = format!("member `{name}`");
                                self.constant(value, span, *below, &Sent { what: &what, ..*sent });
                            }
                        }
                        Child::Nothing(nothing) => self.unknown_member(name, &names, span, &nothing),
                        Child::Unknown => {}
                    }
                }
            }
            Json::Array(items) => {
                let Child::Schemas(below) = schema.below(&PathSegment::Member("0".to_owned())) else { return };
                let [below] = below.as_slice() else { return };
                for item in items {
                    self.constant(item, span, *below, sent);
                }
            }
            _ => {}
        }
    }

    /// `'10'` for a number: it is sent as the same text.
    fn quoted(&mut self, span: Span, read: &Json, schema: Schema<'a>, sent: &Sent<'_>) {
        let Some(types) = schema.types().filter(|types| schema.refuses(read).is_none() && !types.contains("null"))
        else {
            return;
        };
        let message = format!("{} is {}, and `\"{read}\"` is a string", sent.what, articles(&types));
        let edit = Edit { span, text: read.to_string() };
        self.push(
            Diagnostic::warning(Code::ValueMismatch, span, message)
                .note(schema.node.read().span, "described here")
                .help(format!("write {read}, without quotes"))
                .fix("leave out the quotes", true, vec![edit])
                .section("§Parameter Object"),
        );
    }

    fn expression(&mut self, expr: &Expr, text: &str, span: Span, schema: Schema<'a>, sent: &Sent<'_>) {
        let Resolution::To(shape) = self.resolve_read(Some(After::good(sent.step)), expr, &[], &mut None, 0) else {
            return;
        };
        let Some(given) = shape.types() else { return };
        if sent.textual {
            // A header or status sent on as text is what it reads as.
            let scalar = |name: &String| !matches!(name.as_str(), "object" | "array");
            let text_wanted = schema.types().is_none_or(|types| types.contains("string"));
            if given.iter().all(scalar) && (text_wanted || matches!(expr.root, Root::ResponseHeader(_))) {
                return;
            }
        }
        self.typed(&given, text, span, schema, sent);
    }

    /// `false` if no type fits, which is said.
    fn typed(&mut self, given: &BTreeSet<String>, text: &str, span: Span, schema: Schema<'a>, sent: &Sent<'_>) -> bool {
        let Some(wanted) = schema.types() else { return true };
        if overlap(given, &wanted) {
            return true;
        }
        let named: BTreeSet<String> = given.iter().filter(|name| *name != "null").cloned().collect();
        let wanted: BTreeSet<String> = wanted.into_iter().filter(|name| name != "null").collect();
        let shown = if text.starts_with("a ") || text.starts_with("an ") {
            format!("{} is {}, not {}", sent.what, text, articles(&wanted))
        } else {
            format!("{} is {}, and `{text}` is {}", sent.what, articles(&wanted), articles(&named))
        };
        self.push(
            Diagnostic::warning(Code::ValueMismatch, span, shown)
                .note(schema.node.read().span, "described here")
                .section("§Parameter Object"),
        );
        false
    }
}

/// `true` if one name is most likely written for another: it is near, or a part of it.
fn means(written: &str, name: &str) -> bool {
    let (folded, whole) = (written.to_ascii_lowercase(), name.to_ascii_lowercase());
    let part = folded.len() > 3 && whole.len() > 3 && (whole.contains(&folded) || folded.contains(&whole));
    part || nearest(written, [name]).is_some()
}

/// What the answers of an operation hold.
pub(super) enum Answers<'a> {
    Unknown,
    NoBody(String),
    Bodies(Vec<Schema<'a>>),
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
    if good > 0 && with_body == 0 {
        // Where no answer of the document has a body, bodies were left out of the description; and a body that only
        // failures have may be what is read.
        let empty = |status: &str| matches!(status, "204" | "205") || !is_success(status);
        let bodiless = responses.iter().all(|(status, _)| empty(&status.name));
        if others.is_empty() && (bodiless || describes_bodies(operation)) {
            let statuses: Vec<&str> = responses.iter().map(|(status, _)| status.name.as_str()).collect();
            return Answers::NoBody(statuses.join(", "));
        }
        if !bodiless {
            return Answers::Unknown;
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
fn headers<'a>(operation: &Operation<'a>, status: Option<u16>) -> Option<Vec<&'a str>> {
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

/// `true` for a test that is only met where everything that it reads is there.
fn needs(criterion: &Criterion) -> bool {
    fn simple(condition: &Condition) -> bool {
        match condition {
            Condition::Value(..) | Condition::Literal(_) => true,
            Condition::Not(_) | Condition::Or(_) => false,
            Condition::And(list) => list.iter().all(simple),
            Condition::Compare(operator, left, right) => {
                let null = |side: &Condition| matches!(side, Condition::Literal(Json::Null));
                (*operator == Operator::NotEqual) == (null(left) || null(right))
            }
        }
    }
    // A query that names another way, an opposite or null may be met without.
    let open = |text: &str| text.contains('!') || text.contains("||") || text.contains("null");
    match &criterion.test {
        Test::Simple(condition) => simple(condition),
        Test::Jsonpath(_) => !open(&criterion.text),
        _ => false,
    }
}

/// `true` if some operation of the document answers with a body.
fn describes_bodies(operation: &Operation<'_>) -> bool {
    operation.api().operations().any(|other| {
        let responses = other.response_nodes();
        let good = responses.iter().filter(|(status, _)| is_success(&status.name));
        good.into_iter().any(|(_, node)| other.api().resolve(node).is_ok_and(|node| !other.content(node).is_empty()))
    })
}

/// Follows a way into a value.
pub(super) fn walk<'a>(mut shape: Shape<'a>, ways: &[PathSegment], dotted: bool) -> Resolution<'a> {
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
            let last = index + 1 == ways.len();
            let measured = nothing.what == ValueKind::Array || nothing.what == ValueKind::Scalar("string".to_owned());
            if dotted && last && token == "length" && measured {
                return Resolution::To(Shape::Types(["integer".to_owned()].into()));
            }
            return Resolution::Nowhere(Box::new(Unresolved { token: token.clone(), nothing }));
        }
        shape = Shape::Schemas(below);
    }
    Resolution::To(shape)
}

/// The expressions of a value, with the ways into them.
fn looked_at(value: &Build) -> Vec<(&Expr, Vec<PathSegment>)> {
    match value {
        Build::Select(selection) => match &selection.select {
            Select::Pointer(pointer) => {
                vec![(&selection.context, pointer.tokens().iter().cloned().map(PathSegment::Member).collect())]
            }
            Select::Jsonpath(query, _) => query.reads().into_iter().map(|ways| (&selection.context, ways)).collect(),
            Select::Xpath(..) => vec![],
        },
        _ => value.reads().into_iter().map(|read| (read.expr, vec![])).collect(),
    }
}
