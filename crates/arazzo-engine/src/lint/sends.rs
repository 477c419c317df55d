//! Values that are sent, against the schemas of the operations and workflows that take them.

use std::collections::BTreeSet;

use crate::value::Json;

use super::Lint;
use super::answers::{After, Resolution, Unresolved, walk};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, nearest};
use crate::document::Text;
use crate::expr::{Expr, Root, StepId, Template};
use crate::media_type::{self, MediaType};
use crate::node::{Kind, Node};
use crate::openapi::shape::{Child, NoChild, Schema, Shape, ValueKind, articles, overlap};
use crate::openapi::{Api, Operation, Parameter};
use crate::program::{Argument, Body, Build, Call, Location, Media as BodyMedia, Passed, Select, SendCall, WorkflowId};
use crate::source::Span;
use crate::value::PathSegment;

/// Headers that OpenAPI leaves to other fields.
const FREE_HEADERS: [&str; 3] = ["authorization", "accept", "content-type"];

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
    /// Checks what a step sends.
    pub(super) fn check_sent(&mut self, id: StepId) {
        let program = self.program;
        let (arguments, body) = match program.step(id).map(|step| &step.call) {
            Some(call @ Call::Operation { .. }) => (call.arguments(), call.body()),
            Some(call @ Call::Receive(receive)) if receive.request.is_some() => (call.arguments(), call.body()),
            Some(Call::Workflow { workflow, passed, .. }) => return self.passed(id, *workflow, passed),
            Some(Call::Send(call)) => return self.message(id, call),
            Some(Call::Receive(_)) | None => return,
        };
        let Some(operation) = self.step(id).and_then(|view| view.operation) else { return };
        let (declared, _) = operation.parameters();
        for argument in arguments {
            self.argument(id, argument, &operation, &declared);
        }
        self.body_type(id, body, &operation);
        self.body_charset(id, body);
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
            let ([schema], Some(span)) = (found.as_slice(), Some(value.span)) else { continue };
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
        let span = argument.span;
        let what = format!("parameter `{}`", argument.name);
        let sent = Sent { what: &what, textual: true, step, named: None, replaced: &[] };
        self.fits(&argument.value, None, span, Schema { api: operation.api(), node: schema }, &sent);
    }

    /// A body that the operation does not describe, or not of this type.
    fn body_type(&mut self, id: StepId, body: Option<&Body>, operation: &Operation<'a>) {
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
        // A word for a media type is what it was read as; what is none was said to be none.
        let sent = body.map_or(text.value.as_str(), |body| body.content_type.as_str());
        if !media_type::is_whole(sent) || media_type::is_range(sent) {
            return;
        }
        if !described.content.is_empty() && described.media(sent).is_none() {
            let names: Vec<&str> = described.content.iter().map(|media| media.name).collect();
            self.content_type(text.span(), sent, &names, operation);
        }
    }

    /// A charset in which no text can be written.
    fn body_charset(&mut self, id: StepId, body: Option<&Body>) {
        let Some(body) = body else { return };
        let Some(label) = MediaType::parse(&body.content_type).parameter("charset") else { return };
        if media_type::is_known_charset(label) {
            return;
        }
        let reason = format!("the charset `{label}` is not known");
        let written = self.step(id).and_then(|view| view.document.request_body.as_ref()?.content_type.as_ref());
        self.push(
            Diagnostic::warning(Code::UnknownCharset, written.map_or(body.span, Text::span), reason)
                .label("the step fails before it sends a text")
                .help("write charset=utf-8, or leave it out")
                .section("§Request Body Object"),
        );
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
        let text = body.media == BodyMedia::Xml && !matches!(node.kind, Kind::Object(_));
        if body.media == BodyMedia::Raw || text {
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

    /// The payload of a message, where it can be only one of those of its channel.
    fn message(&mut self, step: StepId, call: &SendCall) {
        let Some(body) = &call.body else { return };
        let Some(written) = self.step(step).and_then(|view| view.document.request_body.as_ref()) else { return };
        let Some(node) = &written.payload else { return };
        if body.media != BodyMedia::Json || !written.replacements.is_empty() {
            return;
        }
        let described = self.messages_of(&call.target);
        let [message] = described.as_slice() else { return };
        let Ok(Some(schema)) = message.payload() else { return };
        let view = self.step(step);
        // What the compiler is certain of it has said.
        let own = view.and_then(|view| view.node).map(|node| node.span);
        let is_own = |known: &Diagnostic| {
            known.code == Code::MessageMismatch && own.zip(known.span).is_some_and(|(own, span)| own.contains(span))
        };
        let said = self.known.iter().any(is_own);
        let named = view.and_then(|view| view.node?.get("requestBody")?.member("payload"));
        let named = named.filter(|(_, payload)| matches!(payload.kind, Kind::Object(_))).map(|(key, _)| key.span);
        let sent = Sent { what: "the payload", textual: false, step, named, replaced: &[] };
        let before = std::mem::take(&mut self.diagnostics);
        self.fits(&body.payload, Some(node), node.span, Schema { api: message.api(), node: schema }, &sent);
        let own = std::mem::replace(&mut self.diagnostics, before);
        self.diagnostics.extend(own.into_iter().filter(|found| !said || found.code == Code::UnknownMember));
    }

    /// Targets of replacements that the body does not have.
    fn targets(&mut self, body: &Body, schema: Schema<'a>, operation: &Operation<'a>) {
        for replacement in &body.replacements {
            let Select::Pointer(pointer) = &replacement.target else { continue };
            let ways: Vec<PathSegment> = pointer.tokens().iter().cloned().map(PathSegment::Member).collect();
            let Resolution::Nowhere(end) = walk(Shape::Schemas(vec![schema]), &ways) else { continue };
            let Unresolved { token, nothing, .. } = *end;
            let near = nearest(&token, nothing.members.iter().copied());
            let (Some(span), true) = (Some(replacement.span), near.is_some() || nothing.closed) else {
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
            // Which names it has is known in a run.
            Build::Keyed(_) => _ = self.typed(&["object".to_owned()].into(), "an object", span, schema, sent),
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
            && let Some(edit) = self.replace_once(span, name, near)
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
                let read = Json::parse(text).filter(|v| v.is_number() || v.is_boolean());
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
            Diagnostic::hint(Code::ValueMismatch, span, message)
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
            // A string may read as anything: it is sent as it is.
            let travels = text_wanted || given.contains("string");
            // A list of one, or a list as text: `a,b`.
            let list = schema.types().is_some_and(|types| types.contains("array")) && given.contains("string");
            let whole = list || schema.types().is_none_or(|types| types.iter().any(scalar));
            if given.iter().all(scalar) && (travels && whole || matches!(expr.root, Root::ResponseHeader(_))) {
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
