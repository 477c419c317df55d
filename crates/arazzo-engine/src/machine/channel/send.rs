//! Step → message: it is built, handed out, and its step goes on when the protocol has accepted it.

use super::super::Machine;
use super::super::fault::Fault;
use super::super::frame::{CallPurpose, PendingCall, Position, View};
use super::super::message::{Channel, ChannelRequest, Message};
use super::super::payload;
use super::super::phase::Phase;
use super::super::values::ValueBuilder;
use super::super::wire::{CallId, Failure, FailureKind, ParsedUrl, Progress, Stop, Turn};
use super::arrive::print_of;
use super::resolve::{key_of, merged, part_of, remedy_of_loss, shown_address};
use crate::asyncapi::is_id_header;
use crate::event::{EventKind, Interest};
use crate::expr::eval::SeenMessage;
use crate::expr::{Exchange, StepId};
use crate::fingerprint::fingerprint;
use crate::limits::Millis;
use crate::media_type::MediaType;
use crate::openapi::encode;
use crate::program::{Draft, Location, SendCall, Step};
use crate::reason::Reason;
use crate::remedy::Limit;
use crate::value::{Json, Value};

/// What is learned while a message is built: values that are absent, and credentials.
pub(super) struct Learned {
    absent: Vec<(String, String)>,
    credentials: Vec<(String, Json)>,
}

/// A message that is to be sent, with what was learned while it was built.
pub(in super::super) struct BuiltMessage {
    channel: Channel,
    message: Message,
    seen: SeenMessage,
    /// The fingerprint of it and of where it goes.
    pub(in super::super) print: u64,
    /// `true` if it goes to this machine.
    pub(in super::super) loopback: bool,
    absent: Vec<(String, String)>,
    credentials: Vec<(String, Json)>,
}

impl Machine {
    /// Headers and payload of the message of a step, with what was learned while they were built.
    pub(super) fn draft_message(
        &self,
        step: &Step,
        call: &SendCall,
        view: &View<'_>,
    ) -> Result<(Message, SeenMessage, Learned), Box<Fault>> {
        let mut builder = ValueBuilder::new(&self.program, step, view);
        let mut message = Message::default();
        for argument in call.target.arguments.iter().filter(|argument| argument.location == Location::Header) {
            match builder.build(&argument.value, &argument.name)?.map(Value::into_json) {
                Some(Json::Null) | None => {}
                Some(value) => {
                    let text = encode::header(&value, &argument.how).map_err(|reason| {
                        let message = format!("header `{}` cannot be sent: {reason}", argument.name);
                        Fault::unsent(Reason::UnsafeValue, step, argument.span, message)
                    })?;
                    if argument.credential {
                        builder.credentials.push((argument.name.clone(), value));
                    }
                    message.headers.push((argument.name.clone(), text));
                }
            }
        }
        let mut seen = SeenMessage { headers: message.headers.clone(), ..SeenMessage::default() };
        if let Some(body) = &call.body {
            let encoded = payload::encode(&mut builder, body, None)?;
            seen.media_type = MediaType::parse(&encoded.content_type).essence().to_owned();
            seen.payload = Some(encoded.value);
            (message.payload, message.content_type) = (encoded.bytes, Some(encoded.content_type));
        }
        Ok((message, seen, Learned { absent: builder.absent, credentials: builder.credentials }))
    }

    /// The message of a step.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot be sent: a value is absent where one is needed, or cannot be sent safely.
    pub(in super::super) fn build_message(&self, step: &Step, call: &SendCall) -> Result<BuiltMessage, Box<Fault>> {
        let view = self.view(None);
        let (mut message, seen, Learned { absent, credentials }) = self.draft_message(step, call, &view)?;
        self.match_message(step, call, &message, &seen)?;
        let mut resolved = self.resolve_channel(step, &call.target, None, (false, Some(&seen)), &view)?;
        let channel = &mut resolved.channel;
        let described = self.program.channel(call.target.channel);
        let own = described.into_iter().flat_map(|known| known.messages_of(&call.target)).map(|known| &known.bindings);
        channel.bindings.extend(merged(channel.protocol, own));
        // The headers of a handshake are those of the message, where it has none of its own.
        if channel.protocol.has_correlation() {
            let id = message.headers.iter().find(|(name, _)| is_id_header(name));
            message.correlation = id.map(|(_, value)| value.clone());
        }
        // Where the payload says it, it is said.
        if let Some(reply_to) = call.reply_to.as_ref().filter(|place| place.header().is_some())
            && channel.protocol.has_reply_to()
        {
            message.reply_to = part_of(&seen, reply_to);
        }
        if let Some(Json::String(key)) =
            channel.bindings.get("key").filter(|_| channel.protocol.binding_names() == ["kafka"])
        {
            message.key = Some(key.clone());
        }
        let headers = message.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let place = key_of(channel).to_be_bytes();
        let print = fingerprint([place.as_slice(), &message.payload].into_iter().chain(headers));
        let host = url::Url::parse(&format!("http://{}", channel.host)).ok();
        let loopback = host.is_some_and(|url| crate::limits::is_loopback(&url));
        Ok(BuiltMessage { channel: resolved.channel, message, seen, print, loopback, absent, credentials })
    }

    /// Whether a message is one of those of its channel.
    fn match_message(
        &self,
        step: &Step,
        call: &SendCall,
        message: &Message,
        seen: &SeenMessage,
    ) -> Result<(), Box<Fault>> {
        let Some(channel) = self.program.channel(call.target.channel) else { return Ok(()) };
        let payload = seen.payload.as_ref().map(Value::read);
        let draft = Draft {
            headers: message.headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect(),
            payload: match payload {
                Some(Value::Json(json)) => Some(json.clone()),
                Some(_) => Json::parse(message.payload.as_slice()),
                None => None,
            },
            content_type: message.content_type.as_deref().unwrap_or_default(),
            has_headers: self.endpoint_of(channel).is_ok_and(|endpoint| endpoint.protocol.has_headers()),
            ..Draft::default()
        };
        let Some(misfit) = channel.refuses(&call.target, &draft) else { return Ok(()) };
        let what = format!("channel `{}` has no message like this: {}", channel.name, misfit.words());
        let span = call.body.as_ref().map_or(step.span, |body| body.span);
        let mut fault = Fault::unsent(Reason::MessageMismatch, step, span, what);
        for known in misfit.each {
            fault.notes.push((known.span, format!("message `{}` is described here", known.name)));
        }
        Err(fault)
    }

    /// Sends the message of a step.
    pub(in super::super) fn send_message(&mut self, now: Millis, id: StepId, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        let crate::program::Call::Send(call) = &step.call else { return self.go_on_to(None) };
        // An answer would come where nobody listens.
        if let Some(mut fault) = self.deaf_to(id, step) {
            fault.remark("no message was sent");
            return Phase::Fail { step: id, fault, exchange: None };
        }
        if let Some(fault) = self.unheard_answer(step, call) {
            return Phase::Fail { step: id, fault: *fault, exchange: None };
        }
        let built = match self.build_message(step, call) {
            Ok(built) => built,
            Err(_) if self.budget.exceeded() => return self.stop_at_limit(Limit::Value, None),
            Err(fault) => return Phase::Fail { step: id, fault: *fault, exchange: None },
        };
        if self.count_requests() >= self.state.settings.limits.most_requests() as usize {
            return self.stop_at_limit(Limit::Requests, Some(id));
        }
        for (expression, target) in built.absent {
            self.emit(turn, Some(id), None, EventKind::ValueAbsent { expression, target });
        }
        for (name, value) in &built.credentials {
            self.learn_credential(name, value);
        }
        for value in step.call.values() {
            self.learn_derived(&format!("{}.selected", step.name), value, None);
        }
        self.learn_login(built.channel.login.as_ref());
        self.state.loopback = built.loopback;
        self.state.paces.entry(id).or_default().note_request(built.print);
        let name = program.channel(call.target.channel).map(|channel| channel.name.clone()).unwrap_or_default();
        let address = shown_address(&built.channel);
        let exchange =
            Exchange { url: name, method: address.clone(), message: Some(Box::new(built.seen)), ..Exchange::default() };
        let slot = self.stash(&exchange);
        let pending = self.new_call(now, id, CallPurpose::Message, None);
        // From here on nobody knows whether it has left.
        let pending = PendingCall {
            request: Some(slot),
            progress: Progress::Written,
            method: "message".to_owned(),
            url: ParsedUrl::default(),
            ..pending
        };
        let call = pending.call;
        self.state.calls += 1;
        self.state.waiting.insert(call, pending);
        self.frame_mut().position = Position::Calling { step: id };
        let limits = &self.state.settings.limits;
        let (timeout_ms, message_bytes) = (limits.request_ms, limits.body_bytes);
        // A broker in memory gives nothing back: what it makes may well be what was sent.
        let mocked = program.source_of(step).is_some_and(|source| self.state.settings.mocked.contains(source));
        let messaging = self.state.messaging.get_or_insert_default();
        messaging.count += 1;
        if built.channel.protocol.echoes() && !mocked {
            messaging.sent.push(print_of(&built.channel.host, &address, &built.message.payload));
        }
        let (channel, message) = (built.channel, built.message);
        turn.channels.push(ChannelRequest::Send { call, channel, message, timeout_ms, message_bytes });
        Phase::Resume
    }

    /// A send has ended.
    pub(in super::super) fn take_sent(
        &mut self,
        now: Millis,
        call: CallId,
        result: Result<(), Failure>,
        turn: &mut Turn,
    ) -> Phase {
        let Some(pending) = self.take_call(now, call) else { return Phase::Resume };
        let id = pending.step;
        let exchange = self.sent_exchange(&pending);
        match result {
            Ok(()) => {
                self.announce_sent(now, &pending, &exchange, turn);
                Phase::JudgeMessage { step: id, exchange }
            }
            Err(failure) => {
                let shown = self.mask(&failure.message);
                let channel = &exchange.url;
                if failure.kind == FailureKind::Refused {
                    return Phase::Stop(Stop::Policy, self.fault_at(id, Reason::HostRefused, shown));
                }
                let message = format!("the message to channel `{channel}` was not accepted: {shown}");
                let mut fault = self.fault_at(id, Reason::MessageNotSent, message);
                let channel = self.program.step(id).and_then(|step| self.program.channel_of(step));
                fault = fault.with_remedy(remedy_of_loss(failure.kind, channel));
                if failure.in_doubt {
                    fault.remark("whether it has arrived is not known");
                }
                Phase::Fail { step: id, fault, exchange: Some(exchange) }
            }
        }
    }

    /// The message that a call sends.
    pub(in super::super) fn sent_exchange(&self, pending: &PendingCall) -> Exchange {
        pending.request.as_ref().and_then(|slot| self.unstash(slot)).unwrap_or_default()
    }

    /// A send that ends after the run was cancelled: it is recorded.
    pub(in super::super) fn take_late_sent(
        &mut self,
        now: Millis,
        call: CallId,
        result: Result<(), Failure>,
        turn: &mut Turn,
    ) -> Phase {
        let Some(pending) = self.take_call(now, call) else { return Phase::Wait };
        if result.is_ok() {
            let exchange = self.sent_exchange(&pending);
            self.announce_sent(now, &pending, &exchange, turn);
        }
        if self.state.waiting.is_empty() { self.interrupt_run() } else { Phase::Wait }
    }

    fn announce_sent(&self, now: Millis, pending: &PendingCall, exchange: &Exchange, turn: &mut Turn) {
        if !self.is_heard(Interest::Steps) {
            return;
        }
        let Some(seen) = &exchange.message else { return };
        let payload = seen.payload.as_ref().map(|value| value.clone().into_bytes()).unwrap_or_default();
        let (headers, body) = self.show_message(seen, &payload);
        let kind = EventKind::MessageSent {
            call: pending.call.0,
            channel: exchange.url.clone(),
            address: exchange.method.clone(),
            duration_ms: pending.spent(now),
            headers,
            body: body.filter(|_| !payload.is_empty()),
        };
        self.emit(turn, Some(pending.step), None, kind);
    }
}
