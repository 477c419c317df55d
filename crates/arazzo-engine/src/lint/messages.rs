//! Channels that are listened to too late, so that an answer could come before, and steps about which a message decides that
//! may not be the last one: what is described of the messages of steps.

use std::collections::BTreeMap;

use super::Lint;
use super::answers::{After, Resolution};
use super::comparisons::{equalities, same};
use crate::asyncapi::{self, AsyncApi};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::expr::{Root, StepId};
use crate::media_type::is_json;
use crate::openapi::shape::{Schema, Shape};
use crate::program::{Call, Channel, Location, MessageTarget, ReceiveCall, Then, Workflow};
use crate::remedy::Remedy;
use crate::value::{Json, json_text};

/// With so many other values, some of them may come before the one that is waited for; with one it is a result.
const OTHERS: usize = 2;

impl<'a> Lint<'a> {
    /// The messages of a step, as they are described.
    pub(super) fn messages_of(&self, target: &MessageTarget) -> Vec<asyncapi::Message<'a>> {
        let Some(channel) = self.program.channel(target.channel) else { return vec![] };
        let numbers = self.bundle.numbers();
        let mut of_channel = self.bundle.described.iter().zip(numbers).filter(|(_, number)| *number == channel.api);
        let Some(root) = of_channel.find_map(|(described, _)| described.root.as_ref()) else { return vec![] };
        let document = AsyncApi::new(root, &self.bundle.store);
        let Ok(Some(described)) = document.channel(&channel.name) else { return vec![] };
        let names: Vec<&str> = channel.messages_of(target).map(|message| message.name.as_str()).collect();
        described.messages().into_iter().filter(|message| names.contains(&message.name)).collect()
    }

    /// What the payload of the message that a step receives is; nothing where it may be anything.
    pub(super) fn received(&self, step: StepId) -> Option<Shape<'a>> {
        let call = self.program.step(step)?.call.receive()?;
        let messages = self.messages_of(&call.target);
        let schema = |message: &asyncapi::Message<'a>| {
            let node = message.payload().ok().flatten()?;
            let text = message.content_type().is_some_and(|kind| !is_json(kind));
            (!text).then_some(Schema { api: message.api(), node })
        };
        let schemas: Option<Vec<Schema<'a>>> = messages.iter().map(schema).collect();
        schemas.filter(|schemas| !schemas.is_empty()).map(Shape::Schemas)
    }

    /// A step that succeeds with any of several messages, of which one may say that something went wrong.
    pub(super) fn check_any_message(&mut self) {
        let program = self.program;
        let receives = self.own().into_iter().filter_map(|id| program.workflow(id)).flat_map(|w| &w.receives);
        for step in receives.filter_map(|id| program.step(*id)).filter(|step| step.criteria.is_empty()) {
            let (Some(target), Some(channel)) = (step.call.target(), program.channel_of(step)) else { continue };
            let names: Vec<String> = channel.messages_of(target).map(|message| format!("`{}`", message.name)).collect();
            if names.len() < 2 {
                continue;
            }
            let message = format!("step `{}` succeeds with any of {}", step.name, names.join(", "));
            self.push(
                Diagnostic::warning(Code::FirstMessageDecides, step.span, message)
                    .note(channel.span, "the channel")
                    .help("add `successCriteria` that say which message is a success")
                    .section("§Defining Success for Asynchronous Steps"),
            );
        }
    }

    /// A step that waits for one of many values: the first message that matches decides, and may have another.
    pub(super) fn check_first_messages(&mut self) {
        let program = self.program;
        let receives = self.own().into_iter().filter_map(|id| program.workflow(id)).flat_map(|w| &w.receives);
        for id in receives.copied().collect::<Vec<_>>() {
            let Some(step) = program.step(id) else { continue };
            // What comes of another value is said.
            if step.on_failure.iter().any(|action| !matches!(action.then, Then::End)) {
                continue;
            }
            for criterion in &step.criteria {
                for (expr, wanted) in equalities(criterion) {
                    if expr.root != Root::MessagePayload {
                        continue;
                    }
                    let led = self.resolve_read(Some(After::good(id)), expr, &[], &mut None, 0);
                    let Resolution::To(shape) = led else { continue };
                    let values = shape.values().unwrap_or_default();
                    let others: Vec<&Json> = values.iter().filter(|value| !same(value, wanted)).collect();
                    if others.len() < OTHERS || others.len() == values.len() {
                        continue;
                    }
                    let others: Vec<String> = others.into_iter().map(json_text).collect();
                    let message = format!(
                        "the first message that matches decides about step `{}`, and it may be {}",
                        step.name,
                        others.join(", ")
                    );
                    self.push(
                        Diagnostic::warning(Code::FirstMessageDecides, criterion.span, message)
                            .remedy(Remedy::ReceiveUntil)
                            .section("§Defining Success for Asynchronous Steps"),
                    );
                }
            }
        }
    }

    /// A channel whose address is known only behind a step that sends, where an answer to that could be missed.
    pub(super) fn check_subscriptions(&mut self) {
        let program = self.program;
        for workflow in self.own().into_iter().filter_map(|id| program.workflow(id)) {
            let places = places(self, workflow);
            for id in &workflow.receives {
                let (Some(step), Some(place)) = (program.step(*id), places.get(id)) else { continue };
                let (Some(call), Some(channel)) = (step.call.receive(), program.channel_of(step)) else { continue };
                let known = needed(call, channel).iter().filter_map(|id| places.get(id)).max().copied();
                let Some(known) = known else { continue };
                let sends = |id: &&StepId| program.step(**id).is_some_and(|step| matches!(step.call, Call::Send(_)));
                let mut before = workflow.steps.iter().filter(sends);
                let late = before.find(|id| places.get(id).is_some_and(|at| *at <= known && at < place));
                let Some(sender) = late.and_then(|id| program.step(*id)) else { continue };
                let message = format!(
                    "channel `{}` is listened to only after step `{}` has sent: an answer could come before",
                    channel.name, sender.name
                );
                self.push(
                    Diagnostic::warning(Code::LateSubscription, step.span, message)
                        .note(sender.span, "it sends")
                        .help("let the address depend on inputs, or on steps before it alone")
                        .section("§Defining Success for Asynchronous Steps"),
                );
            }
        }
    }
}

/// The places of steps in the order in which they run.
fn places(lint: &Lint<'_>, workflow: &Workflow) -> BTreeMap<StepId, usize> {
    let mut places = BTreeMap::new();
    let mut next = workflow.entry;
    while let Some(id) = next.filter(|_| places.len() < workflow.steps.len()) {
        places.insert(id, places.len());
        next = lint.program.step(id).and_then(|step| step.next);
    }
    places
}

/// The steps whose outputs have to be known before a channel can be listened to. A level of an address is left open where
/// the protocol can.
fn needed(call: &ReceiveCall, channel: &Channel) -> Vec<StepId> {
    let protocol = channel.server().and_then(|server| server.protocol);
    let address = channel.address.as_deref().unwrap_or_default();
    let is_left = |name: &str| protocol.is_some_and(|protocol| protocol.leaves_open(address, name));
    let arguments = call.target.arguments.iter().filter(|a| !(a.location == Location::Path && is_left(&a.name)));
    let reads = arguments.flat_map(|argument| argument.value.reads());
    reads
        .filter_map(|read| match &read.expr.root {
            Root::StepOutput(step, _) | Root::StepOutputs(step) => Some(*step),
            _ => None,
        })
        .collect()
}
