//! Channels that are listened to too late: an answer could come before.

use std::collections::BTreeMap;

use super::Lint;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::expr::{Root, StepId};
use crate::program::{Call, Channel, Location, ReceiveCall, Workflow};

impl Lint<'_> {
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
    let wildcard = channel.server().and_then(|server| server.protocol).is_some_and(|p| p.wildcard().is_some());
    let arguments = call.target.arguments.iter().filter(|a| !(wildcard && a.location == Location::Path));
    let reads = arguments.flat_map(|argument| argument.value.reads());
    reads
        .filter_map(|read| match &read.expr.root {
            Root::StepOutput(step, _) | Root::StepOutputs(step) => Some(*step),
            _ => None,
        })
        .collect()
}
