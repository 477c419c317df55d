//! Step → call in flight: its request with credentials and cookies, or the one that has to go before it.

use super::auth::Ready;
use super::fault::Fault;
use super::frame::{CallPurpose, PendingCall, Position};
use super::phase::Phase;
use super::wire::{CallId, Outgoing, ParsedUrl, Progress, Request, Stop, Turn};
use super::{Machine, request};
use crate::event::EventKind;
use crate::expr::{Exchange, StepId};
use crate::limits::{Millis, is_overridden, is_safe};
use crate::program::Step;
use crate::remedy::Limit;

impl Machine {
    /// Sends the request of a step, or the one that has to go before it. `challenge` is what the server asked for when it
    /// refused the request before.
    pub(super) fn send_step(&mut self, now: Millis, id: StepId, challenge: Option<String>, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        // What had to go before a stream has gone.
        if step.call.receive().is_some() {
            return Phase::OpenReceive(id);
        }
        let (mut built, ready) = match self.build_request(now, step, challenge.as_deref(), self.state.calls) {
            Ok(built) => built,
            Err(_) if self.budget.exceeded() => return self.stop_at_limit(Limit::Value, None),
            Err(fault) => return Phase::Fail { step: id, fault: *fault, exchange: None },
        };
        if let Ready::First(before) = ready {
            return self.send_before(now, id, before, challenge.as_deref(), turn);
        }
        if challenge.is_some() {
            built.absent.clear();
        }
        // What it brings about would be said where nobody listens.
        if let Some(mut fault) = self.deaf_to(id, step).filter(|_| !is_safe(&built.request.method)) {
            fault.remark("no request was sent");
            return Phase::Fail { step: id, fault, exchange: None };
        }
        self.learn_built(id, step, &mut built, turn);
        let request = built.request;
        let print = built.print;
        self.state.loopback = built.loopback;
        self.state.paces.entry(id).or_default().note_request(print);
        let exchange = Exchange {
            url: request.url.clone(),
            method: request.method.clone(),
            request: built.sent,
            ..Exchange::default()
        };
        let pending = self.new_call(now, id, CallPurpose::Operation, challenge);
        let url = ParsedUrl(Some(built.url));
        let pending = PendingCall { exchange: Some(Box::new(exchange)), url, ..pending };
        self.bind_tokens(pending.call);
        self.dispatch_call(now, request, pending, turn).unwrap_or(Phase::Resume)
    }

    /// Sends the requests that have to go before that of a step.
    pub(super) fn send_before(
        &mut self,
        now: Millis,
        id: StepId,
        before: Vec<(CallPurpose, Request)>,
        challenge: Option<&str>,
        turn: &mut Turn,
    ) -> Phase {
        // Those of several schemes do not wait for one another.
        for (purpose, request) in before {
            let slot = self.stash(&request);
            let pending = self.new_call(now, id, purpose, challenge.map(str::to_owned));
            let pending = PendingCall { request: Some(slot), ..pending };
            if let Some(stopped) = self.dispatch_call(now, request, pending, turn) {
                return stopped;
            }
        }
        Phase::Resume
    }

    /// Says what was left out of a request, and learns what of it is secret.
    pub(super) fn learn_built(&mut self, id: StepId, step: &Step, built: &mut request::Built, turn: &mut Turn) {
        for (expression, target) in std::mem::take(&mut built.absent) {
            self.emit(turn, Some(id), None, EventKind::ValueAbsent { expression, target });
        }
        for (name, value) in &built.credentials {
            self.learn_credential(name, value);
        }
        for value in step.call.values() {
            self.learn_derived(&format!("{}.selected", step.name), value, None);
        }
    }

    /// The request of a step with its credentials and cookies.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot be sent.
    pub(super) fn build_request(
        &self,
        now: Millis,
        step: &Step,
        challenge: Option<&str>,
        call: u64,
    ) -> Result<(request::Built, Ready), Box<Fault>> {
        let given = self.given_headers();
        let mut built = request::build(&self.program, step, &self.state.settings.servers, &given, &self.view(None))?;
        let ready = self.authorize(now, step, &mut built, challenge, call)?;
        if self.state.settings.cookies {
            self.add_cookies(now, &mut built.request);
        }
        put_headers(&mut built.request, given);
        self.add_idempotency_key(step, &mut built.request, call);
        if self.program.reads_sent_headers() {
            built.sent.headers = self.headers_sent(&built.request);
        }
        Ok((built, ready))
    }

    /// All headers of a request as it leaves: its own, and those that the connection adds.
    fn headers_sent(&self, request: &Request) -> Vec<(String, String)> {
        let mut headers = request.headers.clone();
        // The url was written by a parser: the host stands where it has to, without a port that goes without saying.
        let host = request.url.split_once("://").map(|(_, behind)| {
            let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
            authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
        });
        let length = request.body.as_ref().map(|body| body.len().to_string());
        let own = [("Host", host), ("Content-Length", length)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        for (name, value) in own.chain(self.state.settings.usual_headers.iter().cloned()) {
            if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                headers.push((name, value));
            }
        }
        headers
    }

    /// A call of a step of the workflow in progress that is to begin now.
    pub(super) fn new_call(
        &self,
        now: Millis,
        step: StepId,
        purpose: CallPurpose,
        challenge: Option<String>,
    ) -> PendingCall {
        PendingCall {
            call: CallId(self.state.calls),
            frame: self.frame().number,
            step,
            method: String::new(),
            built: (now, self.state.calls),
            progress: Progress::Begun,
            since: now,
            purpose,
            reconnect: false,
            challenge,
            hops: 0,
            request: None,
            exchange: None,
            url: ParsedUrl::default(),
            shown: None,
        }
    }

    /// The requests that have left and that are about to.
    pub(super) fn count_requests(&self) -> usize {
        let unsent = self.state.waiting.values().filter(|pending| !pending.is_written()).count();
        let messages = self.state.messaging.as_ref().map_or(0, |messaging| messaging.count);
        self.state.requests as usize + messages as usize + unsent
    }

    /// Sends a request; its step waits for the answer. What follows instead, if a limit forbids it.
    pub(super) fn dispatch_call(
        &mut self,
        now: Millis,
        request: Request,
        mut pending: PendingCall,
        turn: &mut Turn,
    ) -> Option<Phase> {
        if self.count_requests() >= self.state.settings.limits.most_requests() as usize {
            return Some(self.stop_at_limit(Limit::Requests, Some(pending.step)));
        }
        self.learn_password(&request.url);
        if let Some(fault) = self.refuse_unplanned(&pending, &request) {
            return Some(Phase::Stop(Stop::Policy, fault));
        }
        let (call, because) = (pending.call, pending.because());
        self.state.calls += 1;
        pending.shown = self.show_request(&request, because);
        pending.method.clone_from(&request.method);
        let parsed = std::mem::take(&mut pending.url);
        self.frame_mut().position = Position::Calling { step: pending.step };
        self.state.waiting.insert(call, pending);
        if !self.state.awaits_progress {
            self.mark_written(now, call, turn);
        }
        let limits = &self.state.settings.limits;
        turn.sends.push(Outgoing {
            call,
            request,
            because,
            timeout_ms: limits.request_ms,
            body_bytes: limits.body_bytes,
            parsed,
        });
        None
    }

    /// Sends a request once more, because the connection had ended that it was sent on.
    pub(super) fn repeat_call(
        &mut self,
        now: Millis,
        pending: PendingCall,
        exchange: Exchange,
        turn: &mut Turn,
    ) -> Option<Phase> {
        let request = self.request_of(&pending)?;
        // Some servers take another method than the one of the request: nobody knows whether that may be sent twice.
        if is_overridden(&request.headers, &request.url) {
            return None;
        }
        let slot = self.stash(&request);
        let (call, exchange) = (CallId(self.state.calls), Some(Box::new(exchange)));
        let (progress, since, shown) = (Progress::Begun, now, None);
        let again = PendingCall { call, progress, since, shown, exchange, reconnect: true, ..pending };
        let again = PendingCall { request: Some(slot), ..again };
        Some(self.dispatch_call(now, request, again, turn).unwrap_or(Phase::Resume))
    }

    /// The exchange of a call in flight; after a restore, what was sent is built again.
    pub(super) fn exchange_of(&self, pending: &PendingCall) -> Exchange {
        if let Some(exchange) = &pending.exchange {
            return Exchange::clone(exchange);
        }
        if pending.purpose == CallPurpose::Message {
            let Exchange { url, .. } = self.sent_exchange(pending);
            return Exchange { method: pending.method.clone(), url, ..Exchange::default() };
        }
        if pending.purpose != CallPurpose::Operation {
            let url = self.other_url(pending).unwrap_or_default();
            return Exchange { method: pending.method.clone(), url, ..Exchange::default() };
        }
        match self.build_again(pending) {
            Some((built, _)) => Exchange {
                url: built.request.url,
                method: built.request.method,
                request: built.sent,
                ..Exchange::default()
            },
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
        let pending = self.state.waiting.get(&call)?;
        let (request, because) = (self.request_of(pending)?, pending.because());
        if self.refuse_unplanned(pending, &request).is_some() {
            return None;
        }
        let limits = &self.state.settings.limits;
        let (timeout_ms, body_bytes) = (limits.request_ms, limits.body_bytes);
        Some(Outgoing { call, request, because, timeout_ms, body_bytes, parsed: ParsedUrl::default() })
    }

    /// The calls in flight.
    pub fn calls(&self) -> impl Iterator<Item = CallId> + '_ {
        self.state.waiting.keys().copied()
    }

    /// The request that is in flight.
    pub(super) fn request_of(&self, pending: &PendingCall) -> Option<Request> {
        match &pending.request {
            Some(slot) => self.unstash(slot),
            None => self.build_again(pending).map(|(built, _)| built.request),
        }
    }

    /// The request that a step built for a call, as it was then.
    fn build_again(&self, pending: &PendingCall) -> Option<(request::Built, Ready)> {
        let (at, call) = pending.built;
        self.build_request(at, self.program.step(pending.step)?, pending.challenge.as_deref(), call).ok()
    }
}

/// Puts headers on a request in the place of its own of those names, as lines. The type of its body is that in which it
/// was written.
fn put_headers(request: &mut Request, given: Vec<(String, String)>) {
    let is = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let written = |name: &str| request.body.is_some() && is(name, "content-type");
    let given: Vec<_> = given.into_iter().filter(|(name, _)| !written(name)).collect();
    request.headers.retain(|(known, _)| !given.iter().any(|(name, _)| is(name, known)));
    request.headers.extend(given);
}
