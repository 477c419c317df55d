//! What a channel asks of a handshake (its query, its headers) and of the headers of messages, against what a step gives and
//! what its protocol has a place for.

use super::Aim;
use super::carriage::constant_text;
use crate::asyncapi::{self, Protocol};
use crate::code::Code;
use crate::compile::Compiler;
use crate::diagnostic::Diagnostic;
use crate::document;
use crate::node::Node;
use crate::openapi::Api;
use crate::openapi::schema::{Direction, checked};
use crate::program::{Argument, Location, MessageTarget, refused_text};

impl<'b> Compiler<'b> {
    /// The query and the headers with which a web channel is connected to, as its bindings describe them.
    pub(super) fn check_handshake(
        &mut self,
        step: &document::Step,
        aim: &Aim<'b>,
        target: &MessageTarget,
        (protocol, sends): (Protocol, bool),
    ) {
        let all = aim.channel.bindings().into_iter().chain(aim.operation_bindings());
        let api = aim.channel.document().api();
        let own = all.flat_map(|bindings| protocol.binding_names().iter().filter_map(|name| bindings.get(name)));
        let own: Vec<&'b Node> = own.filter_map(|own| api.resolve(own).ok()).collect();
        let takes_headers = !sends || protocol.has_headers();
        for (name, location) in [("query", Location::Query), ("headers", Location::Header)] {
            // A step that sends has no place for them: a step that receives gives them, or `-H`.
            if location == Location::Header && !takes_headers {
                continue;
            }
            for schema in own.iter().filter_map(|own| own.get(name)) {
                self.check_given(step, aim, (schema, location), target);
            }
        }
    }

    fn check_given(
        &mut self,
        step: &document::Step,
        aim: &Aim<'b>,
        (schema, location): (&'b Node, Location),
        target: &MessageTarget,
    ) {
        let api = aim.channel.document().api();
        let is =
            |one: &str, other: &str| one == other || location == Location::Header && one.eq_ignore_ascii_case(other);
        let given: Vec<&Argument> = target.arguments.iter().filter(|a| a.location == location).collect();
        let place = if location == Location::Query { "query" } else { "header" };
        for name in required(api, schema) {
            let by_scheme = aim
                .channel
                .servers()
                .iter()
                .flat_map(asyncapi::Server::security)
                .any(|(_, scheme)| scheme.get("name").and_then(Node::as_str).is_some_and(|known| is(known, name)));
            if by_scheme || given.iter().any(|argument| is(&argument.name, name)) {
                continue;
            }
            let (id, channel) = (&step.id.value, aim.channel.name());
            let message =
                format!("step `{id}` does not give `{name}`, which the {place} of channel `{channel}` requires");
            self.departure(
                Diagnostic::warning(Code::MissingRequiredParameter, step.id.span(), message)
                    .note(schema.span, "described here")
                    .help(format!("add {{ name: {name}, in: {place}, value: … }}"))
                    .section("§Parameter Object"),
            );
        }
        let Ok(checker) = checked(api, schema, Direction::Request) else { return };
        let texts: Vec<Option<String>> = given.iter().map(|argument| constant_text(argument)).collect();
        let pairs: Vec<(&str, Option<&str>)> =
            given.iter().zip(&texts).map(|(argument, text)| (argument.name.as_str(), text.as_deref())).collect();
        let Some((at, why, span)) = refused_text(&checker, &pairs, true) else { return };
        let name = at.tokens().first();
        let argument = given.iter().find(|argument| name.is_some_and(|name| is(&argument.name, name)));
        let message = format!("the {place} of channel `{}`: {why}", aim.channel.name());
        let at = argument.map_or_else(|| step.id.span(), |argument| argument.span);
        let fault = Diagnostic::warning(Code::ValueMismatch, at, message).note(span, "described here");
        self.push(fault.section("§Parameter Object"));
    }

    /// Headers that the messages of a channel have to have, where its protocol has none.
    pub(super) fn check_required_headers(&mut self, step: &document::Step, aim: &Aim<'b>, protocol: Protocol) {
        if protocol.has_headers() {
            return;
        }
        let needed = aim.messages.iter().map(|message| Some((message, message.merged_headers()?)));
        let needed: Option<Vec<_>> = needed.collect();
        let needed = needed.unwrap_or_default();
        let named = needed.iter().map(|(message, schema)| (message, required(message.api(), schema), schema.span));
        let named: Vec<_> = named.collect();
        let Some((message, names, span)) = named.first() else { return };
        if named.iter().any(|(_, names, _)| names.is_empty()) {
            return;
        }
        let name = names.first().copied().unwrap_or_default();
        let text = format!(
            "message `{}` is sent without header `{name}`, which it requires: messages have no headers in {protocol}",
            message.name
        );
        let fault = Diagnostic::warning(Code::NoMessageHeaders, step.id.span(), text);
        self.push(fault.note(*span, "described here").section("AsyncAPI, §Message Object"));
    }
}

/// The members that a schema requires, with those of its `allOf`.
fn required<'a>(api: Api<'a>, schema: &'a Node) -> Vec<&'a str> {
    let mut found: Vec<&str> = vec![];
    let mut left = vec![schema];
    // Parts may refer to one another in a circle.
    for _ in 0..100 {
        let Some(node) = left.pop() else { break };
        let Ok(node) = api.resolve(node) else { continue };
        found.extend(node.get("required").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str));
        left.extend(node.get("allOf").map(Node::items).unwrap_or_default());
    }
    found
}
