//! A channel that a step may receive from is listened to as soon as it is known where it is, and before any step sends.

use std::collections::BTreeMap;

use super::super::Machine;
use super::super::fault::Fault;
use super::super::frame::{Next, View};
use super::super::message::{ChannelInput, ChannelRequest, Delivery, SubscriptionId};
use super::super::phase::Phase;
use super::super::wire::{Failure, FailureKind, Stop, Turn};
use super::messaging::{Listening, Subscription};
use super::resolve::{Resolved, part_of, remedy_of_loss, shown_address};
use crate::asyncapi::CorrelationPlace;
use crate::expr::StepId;
use crate::limits::Millis;
use crate::program::{Argument, Call, ReceiveCall, SendCall, Step, WorkflowId};
use crate::reason::Reason;

impl Machine {
    /// What has to be done about channels before a step is entered: others are waited for, or channels are listened to.
    pub(in super::super) fn prepare_channels(&mut self, now: Millis, next: Next, turn: &mut Turn) -> Option<Phase> {
        if !self.program.has_channels() {
            return None;
        }
        if let Next::Visit(step) = next
            && let Some(phase) = self.join_before(now, step, next, turn)
        {
            return Some(phase);
        }
        self.subscribe_ahead(now, turn);
        let messaging = self.state.messaging.as_ref()?;
        let opening = messaging.subscriptions.iter().any(|subscription| subscription.status == Listening::Opening);
        opening.then_some(Phase::Wait)
    }

    /// Listens to the channels of steps that may still receive, where it is known by now where they are.
    fn subscribe_ahead(&mut self, now: Millis, turn: &mut Turn) {
        let program = self.program.clone();
        let own = self.frame().workflow;
        let started = self.state.frames.first().map_or(own, |frame| frame.workflow);
        // What another workflow receives may be the answer to what this one sends; what lies deeper than the limit never runs.
        let mut workflows: Vec<WorkflowId> = program.within_depth(started, self.state.settings.limits.depth);
        workflows.retain(|id| program.workflow(*id).is_some_and(|workflow| !workflow.receives.is_empty()));
        for id in workflows {
            let receives = program.workflow(id).map(|workflow| workflow.receives.as_slice()).unwrap_or_default();
            for receive in receives {
                let Some(step) = program.step(*receive) else { continue };
                let Some(call) = step.call.receive() else { continue };
                let reads = |argument: &Argument| argument.value.reads_any(&mut |_| true);
                let fixed = !call.target.arguments.iter().any(reads);
                let known = id == own || fixed && call.reply_to.is_none();
                if !known {
                    continue;
                }
                if call.request.is_some() {
                    self.open_ahead(now, *receive, call, turn);
                    continue;
                }
                let resolved = self.resolve_receive(step, call, true, &self.view(None));
                if let Ok(resolved) = resolved {
                    let address = Some(resolved.channel.address.as_str()).filter(|_| !resolved.is_pattern);
                    if self.find_pattern(step, call, address).is_some() {
                        continue;
                    }
                    self.listen_to(*receive, call, (resolved, false), turn);
                }
            }
        }
    }

    /// The channel that a step receives from.
    pub(super) fn resolve_receive(
        &self,
        step: &Step,
        call: &ReceiveCall,
        open: bool,
        view: &View<'_>,
    ) -> Result<Resolved, Box<Fault>> {
        let address = match &call.reply_to {
            Some(place) => self.reply_address(step, call, place, view),
            None => None,
        };
        self.resolve_channel(step, &call.target, address.as_deref(), (open, None), view)
    }

    /// The address that the message of the same operation says its answer comes to: the message that is sent, as far as it is
    /// known by now.
    fn reply_address(
        &self,
        step: &Step,
        call: &ReceiveCall,
        place: &CorrelationPlace,
        view: &View<'_>,
    ) -> Option<String> {
        let workflow = self.program.workflow(step.workflow)?;
        let sends = workflow.steps.iter().filter_map(|id| self.program.step(*id));
        sends.filter(|sender| sender.call.answers(call)).find_map(|sender| {
            let Call::Send(send) = &sender.call else { return None };
            let (_, seen, _) = self.draft_message(sender, send, view).ok()?;
            part_of(&seen, place).filter(|address| !address.is_empty())
        })
    }

    /// Why the answer to a message could not be heard that a step of the workflow still waits for: nothing says where it
    /// comes, or what does is no address.
    pub(super) fn unheard_answer(&self, step: &Step, send: &SendCall) -> Option<Box<Fault>> {
        let place = send.reply_to.as_ref()?;
        let view = self.view(None);
        let receives = self.program.workflow(step.workflow)?.receives.iter();
        let waits = |id: &&StepId| view.state(**id).is_none_or(|state| state.visits == 0);
        receives.filter(waits).filter_map(|id| self.program.step(*id)).find_map(|receiver| {
            let call = receiver.call.receive().filter(|call| step.call.answers(call) && call.reply_to.is_some())?;
            let fault = self.resolve_receive(receiver, call, true, &view).err()?;
            let message = format!(
                "the answer that step `{}` waits for could not come, by {place} of the message: {}",
                receiver.name, fault.message
            );
            let mut unheard = Fault::unsent(fault.code, step, step.span, message);
            unheard.notes.push((receiver.span, "it waits for the answer".to_owned()));
            Some(unheard)
        })
    }

    /// Listens to a channel for a step, unless it is listened to already.
    pub(super) fn listen_to(
        &mut self,
        step: StepId,
        call: &ReceiveCall,
        (resolved, again): (Resolved, bool),
        turn: &mut Turn,
    ) -> SubscriptionId {
        self.learn_login(resolved.channel.login.as_ref());
        let key = resolved.key;
        let limits = &self.state.settings.limits;
        let (timeout_ms, message_bytes) = (limits.request_ms, limits.body_bytes);
        let calls = self.state.calls;
        let messaging = self.state.messaging.get_or_insert_default();
        let id = SubscriptionId(messaging.next + 1);
        if let Some(known) = messaging.subscriptions.iter_mut().find(|subscription| subscription.key == key) {
            if !known.steps.contains(&step) {
                known.steps.push(step);
            }
            // No silent second connection: only a step that is tried again makes one.
            let is_lost = matches!(known.status, Listening::Lost(..));
            if !resolved.renews && (!again || !is_lost) {
                return known.id;
            }
            if !is_lost {
                turn.channels.push(ChannelRequest::Unsubscribe(known.id));
            }
            (known.id, known.status) = (id, Listening::Opening);
            messaging.next += 1;
            let channel = resolved.channel;
            known.calls = calls;
            known.marks.clear();
            let after = vec![];
            turn.channels.push(ChannelRequest::Subscribe {
                subscription: id,
                channel,
                timeout_ms,
                message_bytes,
                after,
            });
            return id;
        }
        messaging.next += 1;
        messaging.subscriptions.push(Subscription {
            id,
            channel: call.target.channel,
            key,
            address: shown_address(&resolved.channel),
            status: Listening::Opening,
            steps: vec![step],
            buffer: vec![],
            seen: vec![],
            ignored: BTreeMap::new(),
            shown: 0,
            marks: BTreeMap::new(),
            calls,
            is_resumed: false,
        });
        let (channel, after) = (resolved.channel, vec![]);
        turn.channels.push(ChannelRequest::Subscribe { subscription: id, channel, timeout_ms, message_bytes, after });
        id
    }

    /// Takes in what is heard of channels.
    pub(in super::super) fn take_channel(&mut self, now: Millis, input: ChannelInput, turn: &mut Turn) -> Phase {
        match input {
            ChannelInput::Placed { subscription, marks } => {
                if let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(subscription)) {
                    known.marks = marks.into_iter().map(|mark| (mark.part, mark.at)).collect();
                }
                Phase::Resume
            }
            ChannelInput::Subscribed(id) => {
                if let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id))
                    && known.status == Listening::Opening
                {
                    known.status = Listening::Open;
                }
                Phase::Resume
            }
            ChannelInput::Received { subscription, delivery } => self.take_delivery(now, subscription, delivery, turn),
            ChannelInput::Lost { subscription, failure } => self.lose(subscription, failure),
            ChannelInput::Sent { call, result } => self.take_sent(now, call, result, turn),
        }
    }

    fn take_delivery(
        &mut self,
        now: Millis,
        subscription: SubscriptionId,
        delivery: Delivery,
        turn: &mut Turn,
    ) -> Phase {
        self.arrive(now, subscription, delivery, turn);
        if self.kept.exceeded() {
            return self.stop_at_limit(crate::remedy::Limit::Kept, None);
        }
        Phase::Resume
    }

    fn lose(&mut self, id: SubscriptionId, failure: Failure) -> Phase {
        let message = self.mask(&failure.message);
        let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) else {
            return Phase::Resume;
        };
        known.status = Listening::Lost(failure.kind, message.clone());
        let step = known.steps.first().copied();
        if failure.kind == FailureKind::Refused {
            let fault = match step {
                Some(step) => self.fault_at(step, Reason::HostRefused, message),
                None => Fault::new(Reason::HostRefused, message),
            };
            return Phase::Stop(Stop::Policy, fault);
        }
        Phase::Resume
    }

    /// Why a channel cannot be listened to that a step of the same workflow has still to receive from.
    pub(in super::super) fn deaf_to(&self, id: StepId, step: &Step) -> Option<Fault> {
        let messaging = self.state.messaging.as_ref()?;
        let view = self.view(None);
        let waits = |id: &StepId| {
            let known = self.program.step(*id).is_some_and(|known| known.workflow == step.workflow);
            known && view.state(*id).is_none_or(|state| state.visits == 0)
        };
        messaging.subscriptions.iter().find_map(|subscription| match &subscription.status {
            Listening::Lost(kind, message) if subscription.steps.iter().any(waits) => {
                let channel = self.program.channel(subscription.channel);
                let name = channel.map(|channel| channel.name.as_str()).unwrap_or_default();
                let message = format!("channel `{name}` cannot be listened to: {message}");
                let fault = self.fault_at(id, Reason::ConnectionLost, message);
                Some(fault.with_remedy(remedy_of_loss(*kind, channel)))
            }
            _ => None,
        })
    }

    /// Ends what is listened to, when the run does.
    pub(in super::super) fn unsubscribe(&mut self, turn: &mut Turn) {
        let Some(messaging) = self.state.messaging.take() else { return };
        let open = messaging.subscriptions.iter().filter(|known| !matches!(known.status, Listening::Lost(..)));
        turn.channels.extend(open.map(|subscription| ChannelRequest::Unsubscribe(subscription.id)));
        // What is left of it is what was sent.
        self.state.messaging = Some(Box::new(super::messaging::Messaging {
            count: messaging.count,
            ..super::messaging::Messaging::default()
        }));
    }
}
