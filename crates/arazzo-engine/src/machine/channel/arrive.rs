//! A message comes: it is the one that a step waits for, or it is kept for one that may, or it is ignored, and that is said.

use super::super::Machine;
use super::super::frame::View;
use super::super::message::{ChannelRequest, Delivery, Message, SubscriptionId};
use super::super::wire::Turn;
use super::correlate::{matches, see};
use super::messaging::{BUFFERED, BUFFERED_BYTES, Buffered, IGNORED_SHOWN, OpenReceive};
use crate::event::{EventKind, IgnoredBecause, Interest};
use crate::expr::eval::SeenMessage;
use crate::expr::{Exchange, StepId};
use crate::fingerprint::fingerprint;
use crate::limits::Millis;
use crate::program::{Channel, ReceiveCall};
use crate::value::Json;

/// Fingerprints of messages that are remembered of a subscription.
const SEEN: usize = 10_000;

/// The fingerprint of a message at an address of a broker, by whichever channel it goes and comes.
pub(super) fn print_of(host: &str, address: &str, payload: &[u8]) -> u64 {
    fingerprint([host.as_bytes(), address.as_bytes(), payload])
}

/// The fingerprint of all of a message.
pub(super) fn print_of_all(message: &Message) -> u64 {
    let headers = message.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    fingerprint([message.payload.as_slice()].into_iter().chain(headers))
}

impl Machine {
    /// A message has come.
    pub(super) fn arrive(&mut self, now: Millis, id: SubscriptionId, delivery: Delivery, turn: &mut Turn) {
        let program = self.program.clone();
        let Some(known) = self.state.messaging.as_ref().and_then(|m| m.subscription(id)) else { return };
        let Some(channel) = program.channel(known.channel) else { return };
        let address = if delivery.address.is_empty() { known.address.clone() } else { delivery.address.clone() };
        let message = &delivery.message;
        let endpoint = self.endpoint_of(channel).ok();
        let host = endpoint.as_ref().map(|endpoint| endpoint.host.as_str()).unwrap_or_default();
        let print = print_of(host, &address, &message.payload);
        let whole = print_of_all(message);
        let is_known = known.seen.contains(&whole);
        let seen = see(message, self.content_type_of(channel, &known.steps), self.state.settings.limits.body_bytes);
        for step in known.steps.clone() {
            self.learn_message(step, &seen);
        }
        let echoes = endpoint.is_some_and(|endpoint| endpoint.protocol.echoes());
        let Some(messaging) = self.state.messaging.as_mut() else { return };
        let own = messaging.sent.iter().position(|sent| *sent == print).filter(|_| echoes);
        if let Some(place) = own {
            messaging.sent.remove(place);
        }
        let mut is_resumed = false;
        if let Some(known) = messaging.subscription_mut(id) {
            is_resumed = known.is_resumed;
            if let Some(mark) = delivery.mark.clone() {
                known.marks.insert(mark.part, mark.at);
            }
            known.seen.push(whole);
            if known.seen.len() > SEEN {
                known.seen.remove(0);
            }
        }
        let because = match () {
            () if own.is_some() => Some(IgnoredBecause::Own),
            // What was queued while no process had the run came after it had begun to listen.
            () if delivery.is_stored && !self.state.settings.receive_stored && (is_known || !is_resumed) => {
                Some(IgnoredBecause::Older)
            }
            () if delivery.is_redelivered && is_known => Some(IgnoredBecause::Duplicate),
            () => None,
        };
        if let Some(because) = because {
            return self.ignore_message(id, channel, (&address, &delivery, &seen), because, turn);
        }
        if self.offer_message(now, id, channel, (&address, &delivery, &seen), turn) {
            return;
        }
        match self.reason_to_drop(id, channel, (&address, &delivery, &seen)) {
            Some(because) => self.ignore_message(id, channel, (&address, &delivery, &seen), because, turn),
            None => self.buffer_message(id, channel, &delivery, turn),
        }
    }

    /// The content type that a payload is described with, where the message itself names none.
    pub(super) fn content_type_of<'c>(&self, channel: &'c Channel, steps: &[StepId]) -> Option<&'c str> {
        let mut calls = steps.iter().filter_map(|id| self.program.step(*id)?.call.receive());
        calls.find_map(|call| {
            let mut meant = call.target.messages.iter().filter_map(|index| channel.messages.get(*index));
            meant.find_map(|message| message.content_type.as_deref())
        })
    }

    /// Gives a message to the first step that waits for it.
    fn offer_message(
        &mut self,
        now: Millis,
        id: SubscriptionId,
        channel: &Channel,
        (address, delivery, seen): (&str, &Delivery, &SeenMessage),
        turn: &mut Turn,
    ) -> bool {
        let program = self.program.clone();
        let Some(messaging) = &self.state.messaging else { return false };
        let known = (channel, self.protocol_of(channel));
        let waits = |receive: &OpenReceive| {
            receive.subscription == id && receive.found.is_none() && now < receive.until.saturating_add(1)
        };
        let found =
            messaging.receives.iter().enumerate().filter(|(_, receive)| waits(receive)).find_map(|(at, receive)| {
                let call = program.step(receive.step)?.call.receive()?;
                let wanted = receive.correlation.as_ref().map(|slot| slot.json(&self.secrets));
                let named = matches(
                    known,
                    call,
                    (wanted.as_ref(), receive.address.as_deref()),
                    (address, &delivery.message, seen),
                );
                let named = named.ok()?;
                let frame = self.state.frames.iter().position(|frame| frame.number == receive.frame);
                self.decides(receive.step, frame, seen).then_some((at, receive.step, receive.since, named))
            });
        let Some((at, step, since, correlated_by)) = found else { return false };
        self.announce_received(
            step,
            channel,
            (address, seen, &delivery.message.payload),
            (now.saturating_sub(since), correlated_by),
            turn,
        );
        let slot = self.stash(seen);
        if let Some(receive) = self.state.messaging.as_mut().and_then(|m| m.receives.get_mut(at)) {
            receive.found = Some((delivery.delivery, slot));
        }
        turn.channels.push(ChannelRequest::Acknowledge { subscription: id, delivery: delivery.delivery });
        true
    }

    /// Why no step that may still receive can take a message; nothing if one may.
    fn reason_to_drop(
        &self,
        id: SubscriptionId,
        channel: &Channel,
        (address, delivery, seen): (&str, &Delivery, &SeenMessage),
    ) -> Option<IgnoredBecause> {
        let steps = &self.state.messaging.as_ref()?.subscription(id)?.steps;
        let mut because = None;
        for step in steps {
            let call = self.program.step(*step)?.call.receive()?;
            match self.may_match(*step, call, channel, (address, delivery, seen)) {
                Ok(()) => return None,
                Err(reason) => because = Some(reason),
            }
        }
        because
    }

    /// Whether a step could take a message when it is reached, by what is known now.
    fn may_match(
        &self,
        id: StepId,
        call: &ReceiveCall,
        channel: &Channel,
        (address, delivery, seen): (&str, &Delivery, &SeenMessage),
    ) -> Result<(), IgnoredBecause> {
        let step = self.program.step(id);
        let workflow = step.map(|step| step.workflow);
        let place = self.state.frames.iter().rposition(|frame| Some(frame.workflow) == workflow);
        let known = (channel, self.protocol_of(channel));
        let wanted = place.zip(call.correlation.as_ref());
        let wanted =
            wanted.and_then(|(place, wanted)| super::super::select::evaluate(wanted, &self.view_at(place, None)));
        let wanted: Option<Json> = wanted.map(|wanted| wanted.into_json());
        matches(known, call, (wanted.as_ref(), None), (address, &delivery.message, seen))?;
        let may_decide = place.is_none_or(|place| self.may_decide(id, place, seen));
        may_decide.then_some(()).ok_or(IgnoredBecause::Criteria)
    }

    /// The values that expressions of a frame see.
    pub(super) fn view_at<'v>(&'v self, place: usize, exchange: Option<&'v Exchange>) -> View<'v> {
        let own = self.view(exchange);
        let Some(frame) = self.state.frames.get(place) else { return own };
        let first = self.program.workflow(frame.workflow).and_then(|workflow| workflow.steps.first().copied());
        let below = self.state.frames.get(..place).unwrap_or_default();
        View { frame, first: first.unwrap_or(StepId(0)), below, ..own }
    }

    fn buffer_message(&mut self, id: SubscriptionId, channel: &Channel, delivery: &Delivery, turn: &mut Turn) {
        let slot = self.stash(delivery);
        let bytes = delivery.message.payload.len() as u64;
        let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) else { return };
        known.buffer.push(Buffered { delivery: delivery.delivery, bytes, slot });
        let total: u64 = known.buffer.iter().map(|kept| kept.bytes).sum();
        if known.buffer.len() <= BUFFERED && total <= BUFFERED_BYTES {
            return;
        }
        let oldest = known.buffer.remove(0);
        if let Some(delivery) = self.unstash::<Delivery>(&oldest.slot) {
            let seen = SeenMessage { headers: delivery.message.headers.clone(), ..SeenMessage::default() };
            let address = delivery.address.clone();
            self.ignore_message(id, channel, (&address, &delivery, &seen), IgnoredBecause::Overflow, turn);
        }
    }

    /// Looks through what was kept, for a step that waits now. What no step can take any more is ignored.
    pub(super) fn look_through(&mut self, now: Millis, id: SubscriptionId, turn: &mut Turn) {
        let program = self.program.clone();
        let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) else { return };
        let Some(channel) = program.channel(known.channel) else { return };
        let (own_address, steps) = (known.address.clone(), known.steps.clone());
        for kept in std::mem::take(&mut known.buffer) {
            let Some(delivery) = self.unstash::<Delivery>(&kept.slot) else { continue };
            let address = if delivery.address.is_empty() { own_address.clone() } else { delivery.address.clone() };
            let most = self.state.settings.limits.body_bytes;
            let seen = see(&delivery.message, self.content_type_of(channel, &steps), most);
            if self.offer_message(now, id, channel, (&address, &delivery, &seen), turn) {
                continue;
            }
            match self.reason_to_drop(id, channel, (&address, &delivery, &seen)) {
                Some(because) => self.ignore_message(id, channel, (&address, &delivery, &seen), because, turn),
                None => {
                    if let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) {
                        known.buffer.push(kept);
                    }
                }
            }
        }
    }

    /// Says that a message was not taken, and why.
    fn ignore_message(
        &mut self,
        id: SubscriptionId,
        channel: &Channel,
        (address, delivery, seen): (&str, &Delivery, &SeenMessage),
        because: IgnoredBecause,
        turn: &mut Turn,
    ) {
        let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) else { return };
        *known.ignored.entry(because).or_default() += 1;
        known.shown += 1;
        let (shown, step) = (known.shown, known.steps.first().copied());
        if shown > IGNORED_SHOWN || !self.is_heard(Interest::Steps) {
            return;
        }
        let (headers, body) = self.show_message(seen, &delivery.message.payload);
        let kind = EventKind::MessageIgnored {
            channel: channel.name.clone(),
            address: address.to_owned(),
            because,
            headers,
            body,
        };
        let _ = step;
        self.emit(turn, None, None, kind);
    }

    fn announce_received(
        &self,
        step: StepId,
        channel: &Channel,
        (address, seen, payload): (&str, &SeenMessage, &[u8]),
        (waited_ms, correlated_by): (Millis, Option<String>),
        turn: &mut Turn,
    ) {
        if !self.is_heard(Interest::Steps) {
            return;
        }
        let (headers, body) = self.show_message(seen, payload);
        let kind = EventKind::MessageReceived {
            channel: channel.name.clone(),
            address: address.to_owned(),
            waited_ms,
            correlated_by,
            headers,
            body,
        };
        self.emit(turn, Some(step), None, kind);
    }

    /// Headers and payload as an event shows them.
    pub(super) fn show_message(
        &self,
        seen: &SeenMessage,
        payload: &[u8],
    ) -> (Vec<(String, String)>, Option<crate::redact::BodyText>) {
        if !self.is_heard(Interest::Wire) {
            return (vec![], None);
        }
        let (shown, kept) = (self.state.settings.limits.shown_bytes, self.state.settings.limits.report_bytes);
        let body = self.redactor.body(payload, &seen.media_type, shown);
        let body =
            body.map(|body| crate::redact::BodyText { kept: self.redactor.kept(payload, payload.len(), kept), ..body });
        (seen.headers.clone(), body)
    }
}
