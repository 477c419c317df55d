//! Steps that receive: each waits for its message, or lets others run until one of them needs it.

use super::super::Machine;
use super::super::fault::Fault;
use super::super::frame::{Next, Position};
use super::super::phase::Phase;
use super::super::wire::{Failure, FailureKind, Stop, Turn};
use super::messaging::{BUFFERED, Joining, Listening, OpenReceive};
use super::resolve::remedy_of_loss;
use crate::asyncapi::Protocol;
use crate::event::{EventKind, IgnoredBecause, StepStatus};
use crate::expr::eval::SeenMessage;
use crate::expr::{Exchange, StepId};
use crate::limits::Millis;
use crate::program::{Draft, ReceiveCall, Step};
use crate::reason::Reason;
use crate::remedy::{Limit, Remedy};
use crate::value::{Json, Map, Value};

/// A message that a step waits for, as whoever makes messages up has to know it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AwaitedMessage {
    /// The number of the wait: of this step, this time.
    pub number: u64,
    /// The step.
    pub step: StepId,
    /// The subscription that it has to come by.
    pub subscription: super::super::message::SubscriptionId,
    /// The address that it has to come by.
    pub address: String,
    /// The id that it has to have, if the step names one.
    pub correlation: Option<Json>,
    /// The time that it is waited for, in ms.
    pub timeout_ms: Millis,
}

impl Machine {
    /// The messages that steps wait for, whose channels are listened to.
    pub fn awaited(&self) -> impl Iterator<Item = AwaitedMessage> + '_ {
        let messaging = self.state.messaging.iter();
        messaging.flat_map(|messaging| messaging.receives.iter().map(move |receive| (messaging, receive))).filter_map(
            |(messaging, receive)| {
                let known = messaging.subscription(receive.subscription)?;
                let open = known.status == Listening::Open && receive.found.is_none();
                open.then(|| AwaitedMessage {
                    number: receive.number,
                    step: receive.step,
                    subscription: receive.subscription,
                    address: receive.address.clone().unwrap_or_else(|| known.address.clone()),
                    correlation: receive.correlation.as_ref().map(|slot| slot.json(&self.secrets)),
                    timeout_ms: receive.until.saturating_sub(receive.since),
                })
            },
        )
    }

    /// `true` if a message is the one that decides about a step that waits, whatever it then makes of it.
    #[must_use]
    pub fn has_id(&self, awaited: &AwaitedMessage, message: &super::super::message::Message) -> bool {
        let step = self.program.step(awaited.step);
        let Some((call, channel)) = step.and_then(|step| Some((step.call.receive()?, self.program.channel_of(step)?)))
        else {
            return false;
        };
        let described = self.content_type_of(channel, &[awaited.step]);
        let seen = super::correlate::see(message, described, self.state.settings.limits.body_bytes);
        let wanted = (awaited.correlation.as_ref(), None);
        let known = (channel, self.protocol_of(channel));
        let is_meant = super::correlate::matches(known, call, wanted, (&awaited.address, message, &seen)).is_ok();
        let messaging = self.state.messaging.as_ref();
        let open = messaging.and_then(|messaging| messaging.receives.iter().find(|open| open.number == awaited.number));
        let number = open.map(|open| open.frame);
        let frame = self.state.frames.iter().position(|frame| Some(frame.number) == number);
        is_meant && self.decides(awaited.step, frame, &seen)
    }

    /// Why a message is none of those that the channel of a step is described with; nothing if it is one, or may be.
    #[must_use]
    pub fn misfit(&self, awaited: &AwaitedMessage, message: &super::super::message::Message) -> Option<String> {
        let step = self.program.step(awaited.step)?;
        let (call, channel) = (step.call.receive()?, self.program.channel_of(step)?);
        let described = self.content_type_of(channel, &[awaited.step]);
        let seen = super::correlate::see(message, described, self.state.settings.limits.body_bytes);
        let draft = Draft {
            headers: message.headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect(),
            payload: match seen.payload.as_ref().map(Value::read) {
                Some(Value::Json(json)) => Some(json.clone()),
                _ => Json::parse(message.payload.as_slice()),
            },
            content_type: message.content_type.as_deref().or(described).unwrap_or_default(),
            has_headers: self.protocol_of(channel).is_some_and(Protocol::has_headers),
            ..Draft::default()
        };
        let misfit = channel.refuses(&call.target, &draft)?;
        Some(format!("channel `{}` has no message like this: {}", channel.name, misfit.words()))
    }

    /// `true` if the step that waits for a message would succeed with this one.
    #[must_use]
    pub fn would_take(&self, awaited: &AwaitedMessage, message: &super::super::message::Message) -> bool {
        let Some(step) = self.program.step(awaited.step) else { return false };
        let Some(channel) = self.program.channel_of(step) else { return false };
        let described = self.content_type_of(channel, &[awaited.step]);
        let seen = super::correlate::see(message, described, self.state.settings.limits.body_bytes);
        let exchange = Exchange { message: Some(Box::new(seen)), ..Exchange::default() };
        step.criteria.is_empty() || self.would_succeed(step, &exchange)
    }

    /// A step begins to receive.
    pub(in super::super) fn open_receive(&mut self, now: Millis, id: StepId, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        let Some(call) = step.call.receive() else { return self.go_on_to(None) };
        let fail = |fault: Box<Fault>| Phase::Fail { step: id, fault: *fault, exchange: None };
        let resolved = if call.request.is_some() {
            match self.open_stream(now, id, step, turn) {
                Ok(resolved) => resolved,
                Err(phase) => return *phase,
            }
        } else {
            match self.resolve_receive(step, call, true, &self.view(None)) {
                Ok(resolved) => resolved,
                Err(fault) => return fail(fault),
            }
        };
        let address =
            (!resolved.is_pattern && !resolved.channel.address.is_empty()).then(|| resolved.channel.address.clone());
        let again = self.view(None).state(id).is_some_and(|state| state.attempt > 1);
        let subscription = self.find_pattern(step, call, address.as_deref());
        let subscription = subscription.unwrap_or_else(|| self.listen_to(id, call, (resolved, again), turn));
        let correlation = match self.correlation_of(step, call) {
            Ok(correlation) => correlation,
            Err(fault) => return fail(fault),
        };
        let limit = self.state.settings.limits.receive_ms;
        let until = now.saturating_add(step.timeout_ms.unwrap_or(limit));
        // The time of the step is that of its wait.
        self.frame_mut().deadline = None;
        let frame = self.frame().number;
        let messaging = self.state.messaging.get_or_insert_default();
        let number = messaging.number();
        messaging.receives.push(OpenReceive {
            number,
            frame,
            step: id,
            subscription,
            since: now,
            until,
            correlation,
            address,
            found: None,
        });
        let is_joined = messaging.joining.iter().any(|joining| (joining.frame, joining.receive) == (frame, id));
        self.look_through(now, subscription, turn);
        if call.stays_open && !is_joined && !self.is_detour(id) {
            self.frame_mut().visiting = None;
            return self.go_on_to(step.next);
        }
        self.frame_mut().position = Position::Receiving { step: id };
        Phase::Resume
    }

    /// A subscription that was made while parameters of the address were not known.
    pub(super) fn find_pattern(
        &self,
        step: &Step,
        call: &ReceiveCall,
        address: Option<&str>,
    ) -> Option<super::super::message::SubscriptionId> {
        let address = address.filter(|_| call.request.is_none())?;
        let messaging = self.state.messaging.as_ref()?;
        let program = &self.program;
        let protocol = program.channel(call.target.channel).and_then(|channel| self.protocol_of(channel));
        let own = |id: &StepId| program.step(*id).is_some_and(|known| known.span == step.span);
        let known = messaging.subscriptions.iter().find(|known| {
            known.channel == call.target.channel
                && known.steps.iter().any(own)
                && !matches!(known.status, Listening::Lost(..))
                && protocol.map_or(known.address == address, |protocol| protocol.covers(&known.address, address))
        });
        known.map(|known| known.id)
    }

    /// The id of the message that a step waits for.
    fn correlation_of(
        &mut self,
        step: &Step,
        call: &ReceiveCall,
    ) -> Result<Option<super::super::store::Slot>, Box<Fault>> {
        let Some(build) = &call.correlation else { return Ok(None) };
        let value = super::super::select::evaluate(build, &self.view(None));
        let absent = || {
            let message = "`correlationId` has no value, so that no message can have it".to_owned();
            Fault::unsent(Reason::AbsentValue, step, step.span, message)
        };
        let value = value.filter(|value| value.clone().into_json() != Json::Null).ok_or_else(absent)?;
        // It may be a secret: it is kept with them.
        let slot = self.keep_secret(value);
        self.note_kept(&slot, &vec![]);
        Ok(Some(slot))
    }

    /// Before a step, those are waited for that it names or reads. What follows instead.
    pub(super) fn join_before(&mut self, now: Millis, id: StepId, next: Next, turn: &mut Turn) -> Option<Phase> {
        let program = self.program.clone();
        let joins = program.step(id).map(|step| step.joins.as_slice()).unwrap_or_default();
        if joins.is_empty() {
            return None;
        }
        let frame = self.frame().number;
        let messaging = self.state.messaging.as_ref()?;
        let receive = messaging.receives.iter().find(|open| open.frame == frame && joins.contains(&open.step))?.step;
        Some(self.join(now, receive, Some(next), turn))
    }

    /// At the end of a workflow, all that are open are waited for.
    pub(in super::super) fn join_at_end(&mut self, now: Millis, turn: &mut Turn) -> Option<Phase> {
        let frame = self.frame().number;
        let messaging = self.state.messaging.as_ref()?;
        let receive = messaging.receives.iter().find(|open| open.frame == frame)?.step;
        Some(self.join(now, receive, None, turn))
    }

    fn join(&mut self, _now: Millis, receive: StepId, then: Option<Next>, _turn: &mut Turn) -> Phase {
        let frame = self.frame().number;
        let messaging = self.state.messaging.get_or_insert_default();
        messaging.joining.retain(|joining| joining.frame != frame);
        messaging.joining.push(Joining { frame, receive, then });
        let frame = self.frame_mut();
        frame.visiting = Some(receive);
        frame.position = Position::Receiving { step: receive };
        Phase::Resume
    }

    /// A step that waits: its message has come, its time is over, or it goes on waiting.
    pub(in super::super) fn await_message(&mut self, now: Millis, id: StepId) -> Phase {
        let frame = self.frame().number;
        let Some(messaging) = self.state.messaging.as_mut() else { return self.go_on_to(None) };
        let Some(at) = messaging.receives.iter().position(|open| (open.frame, open.step) == (frame, id)) else {
            return self.go_on_to(None);
        };
        let Some(open) = messaging.receives.get(at).cloned() else { return Phase::Wait };
        let status = messaging.subscription(open.subscription).map(|known| known.status.clone());
        if let Some((_, slot)) = &open.found {
            let seen: Option<SeenMessage> = self.unstash(slot);
            self.close_receive(at);
            let exchange = Exchange { message: seen.map(Box::new), ..Exchange::default() };
            return Phase::JudgeMessage { step: id, exchange };
        }
        if let Some(Listening::Lost(kind, message)) = status {
            self.close_receive(at);
            return self.fail_lost(id, kind, &message);
        }
        if now < open.until {
            return Phase::Wait;
        }
        let fault = self.explain_nothing_came(id, &open);
        self.close_receive(at);
        if fault.code == Reason::BufferLimit {
            return Phase::Stop(Stop::Limit, fault);
        }
        Phase::Fail { step: id, fault, exchange: None }
    }

    fn close_receive(&mut self, at: usize) {
        if let Some(messaging) = self.state.messaging.as_mut() {
            messaging.receives.remove(at);
        }
    }

    fn fail_lost(&self, id: StepId, kind: FailureKind, message: &str) -> Phase {
        let failure = Failure { kind, message: message.to_owned(), in_doubt: false };
        let channel = self.program.step(id).and_then(|step| self.program.channel_of(step));
        let name = channel.map(|channel| channel.name.as_str()).unwrap_or_default();
        let message = format!("channel `{name}` is not listened to any more: {}", failure.message);
        if kind == FailureKind::BodyTooLarge {
            let fault = self.fault_at(id, Reason::BodyLimit, message);
            return Phase::Stop(Stop::Limit, fault.with_remedy(Some(Remedy::Raise(Limit::Body))));
        }
        let mut fault = self.fault_at(id, Reason::ConnectionLost, message);
        fault = fault.with_remedy(remedy_of_loss(kind, channel));
        Phase::Fail { step: id, fault, exchange: None }
    }

    /// Nothing came in time: what did come, and why it was not taken.
    fn explain_nothing_came(&self, id: StepId, open: &OpenReceive) -> Fault {
        let known = self.state.messaging.as_ref().and_then(|m| m.subscription(open.subscription));
        let channel = known.and_then(|known| self.program.channel(known.channel));
        let name = channel.map(|channel| channel.name.as_str()).unwrap_or_default();
        let ms = open.until.saturating_sub(open.since);
        let ignored = known.map(|known| known.ignored.clone()).unwrap_or_default();
        let overflowed = ignored.get(&IgnoredBecause::Overflow).copied().unwrap_or_default();
        let message = format!("no message that matches came by channel `{name}` within {ms} ms");
        let reason = if overflowed > 0 { Reason::BufferLimit } else { Reason::NoMatchingMessage };
        let mut fault = self.fault_at(id, reason, message);
        for (because, count) in ignored {
            fault.remark(format!(
                "{count} {} ignored: {}",
                if count == 1 { "message was" } else { "messages were" },
                because.words()
            ));
        }
        let kept = known.map_or(0, |known| known.buffer.len());
        if kept > 0 {
            fault.remark(format!("{kept} more are kept for other steps"));
        }
        match self.program.step(id).and_then(|step| step.timeout_ms) {
            _ if overflowed > 0 => {
                let most =
                    format!("of the messages that wait for a step, the last {BUFFERED} (16 MiB) of a channel are kept");
                let help = "give the step a `correlationId`, or let it receive before steps that take long";
                fault.help = Some(format!("{most}: {help}"));
            }
            Some(_) => fault.help = Some("raise `timeout` of the step".to_owned()),
            None => fault = fault.with_remedy(Remedy::Raise(Limit::Receive)),
        }
        fault
    }

    /// What follows a step that has succeeded: what waited for it, else the next of the list.
    pub(in super::super) fn go_on_after_step(&mut self, id: StepId, next: Option<StepId>) -> Phase {
        match self.take_joining(id) {
            Some(Some(then)) => {
                self.frame_mut().position = Position::Go(then);
                Phase::Resume
            }
            Some(None) => self.go_on_to(None),
            None => self.go_on_to(next),
        }
    }

    /// Forgets that a step was waited for, and says what was to follow.
    pub(in super::super) fn take_joining(&mut self, id: StepId) -> Option<Option<Next>> {
        let frame = self.frame().number;
        let messaging = self.state.messaging.as_mut()?;
        let at = messaging.joining.iter().position(|joining| (joining.frame, joining.receive) == (frame, id))?;
        Some(messaging.joining.remove(at).then)
    }

    /// The workflow of the last frame is left: nothing of it waits any more.
    pub(in super::super) fn leave_receives(&mut self, now: Millis, turn: &mut Turn) {
        let frame = self.frame().number;
        if let Some(messaging) = self.state.messaging.as_mut() {
            messaging.joining.retain(|joining| joining.frame != frame);
        }
        self.stop_receives(now, |open| open.frame == frame, turn);
    }

    /// A step is entered: what it waited for before, nothing has waited for.
    pub(in super::super) fn leave_receive_of(&mut self, now: Millis, id: StepId, turn: &mut Turn) {
        let frame = self.frame().number;
        self.stop_receives(now, |open| (open.frame, open.step) == (frame, id), turn);
    }

    /// Closes open receives, and says that their steps were stopped.
    fn stop_receives(&mut self, now: Millis, which: impl Fn(&OpenReceive) -> bool, turn: &mut Turn) {
        let Some(messaging) = self.state.messaging.as_mut() else { return };
        let (left, kept): (Vec<OpenReceive>, Vec<OpenReceive>) =
            std::mem::take(&mut messaging.receives).into_iter().partition(which);
        messaging.receives = kept;
        let visiting = self.frame().visiting;
        for open in left.into_iter().filter(|open| Some(open.step) != visiting) {
            let kind = EventKind::StepFinished {
                status: StepStatus::Stopped,
                outputs: Map::new(),
                why: None,
                duration_ms: now.saturating_sub(open.since),
                again: false,
            };
            self.emit(turn, Some(open.step), None, kind);
        }
    }

    /// The time at which the step that the workflow in progress waits in is over.
    pub(in super::super) fn receive_deadline(&self) -> Option<Millis> {
        let Position::Receiving { step } = self.frame().position else { return None };
        let messaging = self.state.messaging.as_ref()?;
        messaging.receive(self.frame().number, step).map(|open| open.until)
    }
}
