//! Step → call in flight: its request with credentials and cookies, or the one that has to go before it.

use super::auth::Ready;
use super::fault::Fault;
use super::frame::{CallPurpose, PendingCall, Position};
use super::phase::Phase;
use super::wire::{Because, CallId, Outgoing, Request, Turn};
use super::{Machine, request};
use crate::event::EventKind;
use crate::expr::{Exchange, StepId};
use crate::limits::Millis;
use crate::program::Step;
use crate::redact::BodyText;

impl Machine {
    /// Sends the request of a step, or the one that has to go before it. `challenge` is what the server asked for when it
    /// refused the request before.
    pub(super) fn send_step(&mut self, now: Millis, id: StepId, challenge: Option<String>, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        let (built, ready) = match self.build_request(now, step, challenge.as_deref(), self.state.calls) {
            Ok(built) => built,
            Err(_) if self.budget.exceeded() => return self.stop_at_value_limit(),
            Err(fault) => return Phase::Fail { step: id, fault: *fault, exchange: None },
        };
        if let Ready::First(purpose, request) = ready {
            let because = if matches!(purpose, CallPurpose::Token(_)) { Because::Token } else { Because::Discovery };
            let pending = PendingCall { request: Some(self.stash(&request)), ..self.new_call(now, purpose, challenge) };
            return self.dispatch_call(id, *request, because, pending, turn);
        }
        if challenge.is_none() {
            for (expression, target) in built.absent {
                self.emit(turn, Some(id), None, EventKind::ValueAbsent { expression, target });
            }
        }
        for (name, value) in &built.credentials {
            self.learn_credential(name, value);
        }
        let request = built.request;
        let print = built.print;
        self.state.loopback = built.loopback;
        self.state.paces.entry(id).or_default().note_request(print);
        let exchange =
            Exchange { url: request.url.clone(), method: request.method.clone(), request: built.sent, answer: None };
        let because = if challenge.is_some() { Because::Challenge } else { Because::Operation };
        let pending =
            PendingCall { exchange: Some(Box::new(exchange)), ..self.new_call(now, CallPurpose::Operation, challenge) };
        self.bind_tokens(pending.call);
        self.dispatch_call(id, request, because, pending, turn)
    }

    /// The request of a step with its credentials and cookies.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot be sent.
    fn build_request(
        &self,
        now: Millis,
        step: &Step,
        challenge: Option<&str>,
        call: u64,
    ) -> Result<(request::Built, Ready), Box<Fault>> {
        let mut built = request::build(&self.program, step, &self.state.settings.servers, &self.view(None))?;
        let ready = self.authorize(now, step, &mut built, challenge, call)?;
        if self.state.settings.cookies {
            self.add_cookies(now, &mut built.request);
        }
        self.add_headers(&mut built.request);
        Ok((built, ready))
    }

    /// A call that is to begin now.
    pub(super) fn new_call(&self, now: Millis, purpose: CallPurpose, challenge: Option<String>) -> PendingCall {
        let call = CallId(self.state.calls);
        PendingCall {
            call,
            method: String::new(),
            sent: now,
            purpose,
            challenge,
            hops: 0,
            request: None,
            exchange: None,
        }
    }

    /// Sends a request; the step waits for its answer.
    pub(super) fn dispatch_call(
        &mut self,
        id: StepId,
        request: Request,
        because: Because,
        pending: PendingCall,
        turn: &mut Turn,
    ) -> Phase {
        if self.state.requests >= self.state.settings.limits.most_requests() {
            return self.stop_at_request_limit(id);
        }
        self.learn_password(&request.url);
        let media_type = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, v)| v.clone())
            .unwrap_or_default();
        let (shown, kept) = (self.state.settings.limits.shown_bytes, self.state.settings.limits.report_bytes);
        let body = request.body.as_deref().and_then(|bytes| {
            let body = self.redactor.body(bytes, &media_type, shown)?;
            Some(BodyText { kept: self.redactor.kept(bytes, bytes.len(), kept), ..body })
        });
        let call = pending.call;
        self.state.calls += 1;
        self.state.requests += 1;
        self.emit(
            turn,
            Some(id),
            None,
            EventKind::RequestSent {
                call: call.0,
                method: request.method.clone(),
                url: request.url.clone(),
                headers: request.headers.clone(),
                body,
                because,
            },
        );
        self.state.pending_calls.push(PendingCall { method: request.method.clone(), ..pending });
        self.frame_mut().position = Position::Calling { step: id, call };
        let limits = &self.state.settings.limits;
        turn.sends.push(Outgoing {
            call,
            request,
            because,
            timeout_ms: limits.request_ms,
            body_bytes: limits.body_bytes,
        });
        Phase::Resume
    }

    /// The exchange of a call in flight; after a restore, what was sent is built again.
    pub(super) fn exchange_of(&self, step: StepId, pending: &PendingCall) -> Exchange {
        if let Some(exchange) = &pending.exchange {
            return Exchange::clone(exchange);
        }
        if pending.purpose != CallPurpose::Operation {
            let url = self.other_url(pending).unwrap_or_default();
            return Exchange { method: pending.method.clone(), url, ..Exchange::default() };
        }
        let built = self.program.step(step).map(|step| {
            let challenge = pending.challenge.as_deref();
            self.build_request(pending.sent, step, challenge, pending.call.0.saturating_sub(pending.hops.into()))
        });
        match built {
            Some(Ok((built, _))) => {
                Exchange { url: built.request.url, method: built.request.method, request: built.sent, answer: None }
            }
            _ => Exchange { method: pending.method.clone(), ..Exchange::default() },
        }
    }

    /// The url of a call whose request is not the one that its step builds.
    pub(super) fn other_url(&self, pending: &PendingCall) -> Option<String> {
        let slot = pending.request.as_ref()?;
        self.unstash::<Request>(slot).map(|request| request.url)
    }

    /// A request that is in flight, made again.
    #[must_use]
    pub fn outgoing(&self, call: CallId) -> Option<Outgoing> {
        let pending = self.state.pending_calls.iter().find(|pending| pending.call == call)?;
        let Position::Calling { step, .. } = self.frame().position else { return None };
        let because = match &pending.purpose {
            CallPurpose::Token(_) => Because::Token,
            CallPurpose::Discovery(_) => Because::Discovery,
            CallPurpose::Operation if pending.hops > 0 => Because::Redirect,
            CallPurpose::Operation if pending.challenge.is_some() => Because::Challenge,
            CallPurpose::Operation => Because::Operation,
        };
        let request = self.request_of(step, pending)?;
        let limits = &self.state.settings.limits;
        Some(Outgoing { call, request, because, timeout_ms: limits.request_ms, body_bytes: limits.body_bytes })
    }

    /// The calls in flight.
    pub fn calls(&self) -> impl Iterator<Item = CallId> + '_ {
        self.state.pending_calls.iter().map(|pending| pending.call)
    }

    /// The request that is in flight.
    pub(super) fn request_of(&self, step: StepId, pending: &PendingCall) -> Option<Request> {
        if let Some(slot) = &pending.request {
            return self.unstash(slot);
        }
        let challenge = pending.challenge.as_deref();
        self.build_request(pending.sent, self.program.step(step)?, challenge, pending.call.0)
            .ok()
            .map(|(built, _)| built.request)
    }
}
