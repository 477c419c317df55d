//! Reply → ended call: secrets of it are learned, it is recorded and shown, then judged, or something else is sent.

use super::fault::Fault;
use super::frame::{CallPurpose, PendingCall};
use super::pace::parse_retry_after;
use super::phase::Phase;
use super::redirect::{self, Hop};
use super::wire::{CallId, Failure, FailureKind, Response, Stop, Turn, is_idempotent};
use super::{Machine, answer};
use crate::event::{EventKind, Interest};
use crate::expr::eval::Answer;
use crate::expr::{Exchange, StepId};
use crate::fingerprint::fingerprint;
use crate::limits::Millis;
use crate::program::Step;
use crate::reason::Reason;
use crate::redact::BodyText;
use crate::remedy::{Limit, Remedy};
use crate::value::Value;

/// The longest message about a missing answer, in characters: it may quote the server.
const FAILURE_SHOWN: usize = 400;

/// The end of a call: an exchange with an answer, or one without and the reason.
type Came = Result<Exchange, (Failure, Exchange)>;

impl Machine {
    pub(super) fn take_reply(
        &mut self,
        now: Millis,
        call: CallId,
        result: Result<Response, Failure>,
        turn: &mut Turn,
    ) -> Phase {
        // A driver that goes on with a run says so that it does not know what became of a message.
        if self.state.waiting.get(&call).is_some_and(|pending| pending.purpose == CallPurpose::Message) {
            return self.take_sent(now, call, result.map(|_| ()), turn);
        }
        // An answer, and a doubt whether there may be one, are of a request that was sent.
        if result.as_ref().map_or_else(|failure| failure.in_doubt, |_| true) {
            self.mark_written(now, call, turn);
        }
        let Some(pending) = self.take_call(now, call) else { return Phase::Resume };
        let exchange = match self.record_reply(now, &pending, result, turn) {
            Ok(came) => came,
            Err(stopped) => return *stopped,
        };
        let (program, id) = (self.program.clone(), pending.step);
        let Some(step) = program.step(id) else { return Phase::Resume };
        match exchange {
            Ok(exchange) => self.follow_answer(now, id, step, pending, exchange, turn),
            Err((failure, exchange)) => {
                let stale = failure.kind == FailureKind::StaleConnection;
                if stale
                    && !pending.reconnect
                    && is_idempotent(&pending.method)
                    && let Some(phase) = self.repeat_call(now, pending.clone(), exchange.clone(), turn)
                {
                    return phase;
                }
                let url = self.other_url(&pending).unwrap_or_else(|| exchange.url.clone());
                let server = url::Url::parse(&url).ok().map(|u| u.origin().ascii_serialization()).unwrap_or_default();
                let shown = self.redactor.shown(&failure.message, FAILURE_SHOWN);
                let mut fault = Fault::new(Reason::NoAnswer, format!("no answer from {server}: {shown}"))
                    .of_step(step)
                    .with_remedy(
                        matches!(failure.kind, FailureKind::Dns | FailureKind::Connect)
                            .then_some(Remedy::GiveOtherServer)
                            .or(stale.then_some(Remedy::FreshConnections)),
                    );
                if failure.in_doubt {
                    fault.remark("whether the server acted on the request is not known");
                }
                Phase::Fail { step: id, fault, exchange: Some(exchange) }
            }
        }
    }

    /// An answer has come: it is judged, or something else has to be sent before there is one to judge.
    pub(super) fn follow_answer(
        &mut self,
        now: Millis,
        id: StepId,
        step: &Step,
        pending: PendingCall,
        exchange: Exchange,
        turn: &mut Turn,
    ) -> Phase {
        let Some(answer) = &exchange.answer else { return Phase::Resume };
        if pending.purpose != CallPurpose::Operation {
            return self.receive_token(now, id, pending, answer);
        }
        if answer.status == 401
            && pending.challenge.is_none()
            && pending.hops == 0
            && let Some(challenge) = self.find_challenge(step, answer)
        {
            return Phase::Send { step: id, challenge: Some(challenge) };
        }
        if !(300..400).contains(&answer.status) {
            return Phase::Judge { step: id, exchange };
        }
        let Some(request) = self.request_of(&pending) else { return Phase::Judge { step: id, exchange } };
        match self.decide_hop(id, step, &request, (answer.status, answer.header("location")), pending.hops) {
            Hop::Judge => Phase::Judge { step: id, exchange },
            Hop::Refuse(fault) => Phase::Stop(Stop::Policy, *fault),
            Hop::TooMany => {
                let message = format!("more than {} redirects followed one another", redirect::HOPS);
                let fault = self.fault_at(id, Reason::RedirectLimit, message);
                Phase::Stop(Stop::Limit, fault)
            }
            Hop::Follow(mut request) => {
                if self.state.settings.cookies {
                    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
                    self.add_cookies(now, &mut request);
                }
                let slot = self.stash(&request);
                let exchange = Some(Box::new(Exchange { answer: None, ..exchange }));
                let hops = pending.hops + 1;
                let next = self.new_call(now, id, CallPurpose::Operation, pending.challenge);
                let next = PendingCall { hops, request: Some(slot), exchange, built: pending.built, ..next };
                self.dispatch_call(now, *request, next, turn).unwrap_or(Phase::Resume)
            }
        }
    }

    /// Records what came for a call.
    ///
    /// # Errors
    /// The stop of the run that follows from it.
    pub(super) fn record_reply(
        &mut self,
        now: Millis,
        pending: &PendingCall,
        result: Result<Response, Failure>,
        turn: &mut Turn,
    ) -> Result<Came, Box<Phase>> {
        let (id, exchange) = (pending.step, self.exchange_of(pending));
        Ok(match result {
            Ok(response) => Ok(self.record_response(now, id, pending, (exchange, response), turn)?),
            Err(failure) => Err((self.record_failure(now, id, pending, failure, turn)?, exchange)),
        })
    }

    /// Records a response: what is secret of it is learned before it is shown. The exchange with its answer.
    ///
    /// # Errors
    /// The stop of the run, if the answer exceeds a limit.
    fn record_response(
        &mut self,
        now: Millis,
        id: StepId,
        pending: &PendingCall,
        (mut exchange, mut response): (Exchange, Response),
        turn: &mut Turn,
    ) -> Result<Exchange, Box<Phase>> {
        let own = pending.purpose == CallPurpose::Operation;
        let print = fingerprint([response.status.to_string().as_bytes(), &response.body]);
        let (status, size) = (response.status, response.body.len());
        let bytes = if self.is_heard(Interest::Wire) { self.shown_part(id, own, &response.body) } else { vec![] };
        let excess = answer::find_excess(&response, self.state.settings.limits.body_bytes);
        if excess.is_some() {
            response.body.clear();
        }
        exchange.answer = Some(answer::decode(response));
        let known = self.redactor.values().count();
        if own {
            self.learn_answer(id, &exchange, &bytes);
        }
        let Some(answer) = exchange.answer.as_ref() else { return Ok(exchange) };
        self.learn_tokens(&pending.purpose, answer);
        if self.state.settings.cookies {
            let url = self.other_url(pending).unwrap_or_else(|| exchange.url.clone());
            self.keep_cookies(now, &url, &answer.headers);
        }
        self.note_secrets(known);
        if own {
            let clock = self.state.epoch_ms.saturating_add_unsigned(now);
            let asked = answer.header("retry-after").and_then(|text| parse_retry_after(text, clock));
            self.state.paces.entry(id).or_default().note_answer(print, asked);
        }
        if self.is_heard(Interest::Steps) {
            let (headers, body) = if self.is_heard(Interest::Wire) {
                (answer.headers.clone(), self.show_body(&bytes, size, answer))
            } else {
                (vec![], None)
            };
            let (call, duration_ms) = (pending.call.0, pending.spent(now));
            self.emit(turn, Some(id), None, EventKind::ResponseReceived { call, status, duration_ms, headers, body });
        }
        if let Some(fault) = excess {
            return Err(Box::new(Phase::Stop(Stop::Limit, self.place_fault(id, fault))));
        }
        Ok(exchange)
    }

    /// The bytes of an answer that an event may show. A body may be large; what is shown of it is not. A secret that the
    /// answer gives may be as large as it.
    fn shown_part(&self, id: StepId, own: bool, body: &[u8]) -> Vec<u8> {
        let gives_secrets = !own || self.program.step(id).is_some_and(|step| !step.secrets.is_empty());
        let limits = &self.state.settings.limits;
        let shown = limits.shown_bytes.max(limits.report_bytes);
        let head = if gives_secrets { body.len() } else { shown.saturating_add(self.redactor.lookahead()) };
        body.get(..head.saturating_add(4)).unwrap_or(body).to_vec()
    }

    /// The beginning of a body of `size` bytes, as an event holds it.
    fn show_body(&self, beginning: &[u8], size: usize, answer: &Answer) -> Option<BodyText> {
        let (shown, kept) = (self.state.settings.limits.shown_bytes, self.state.settings.limits.report_bytes);
        let mut body = self.redactor.beginning(beginning, size, &answer.media_type, shown);
        if let Some(body) = &mut body {
            body.kept = self.redactor.kept(beginning, size, kept);
        }
        // A text of another charset is shown as it is read.
        if let (Some(body), Some(Value::Body(read))) = (&mut body, &answer.body)
            && read.charset.is_some()
            && !read.spoilt
            && let text = read.read.to_text()
            && let Some(shown) = self.redactor.body(text.as_bytes(), &answer.media_type, shown)
        {
            (body.text, body.cut) = (shown.text, shown.cut);
            body.kept = self.redactor.kept(text.as_bytes(), text.len(), kept);
        }
        body
    }

    /// Records that there is no answer.
    ///
    /// # Errors
    /// The stop of the run that follows from the reason.
    fn record_failure(
        &mut self,
        now: Millis,
        id: StepId,
        pending: &PendingCall,
        failure: Failure,
        turn: &mut Turn,
    ) -> Result<Failure, Box<Phase>> {
        self.state.paces.entry(id).or_default().retry_after = None;
        let message = self.redactor.shown(&failure.message, FAILURE_SHOWN).to_string();
        let kind = EventKind::RequestFailed {
            call: pending.call.0,
            failure: failure.kind,
            message: message.clone(),
            duration_ms: pending.spent(now),
            in_doubt: failure.in_doubt,
            request: if pending.is_written() { None } else { self.show_pending(pending) },
        };
        self.emit(turn, Some(id), None, kind);
        let (stop, fault) = match failure.kind {
            FailureKind::BodyTooLarge => {
                let limit = self.state.settings.limits.body_bytes;
                let message = format!("the answer has more than {limit} bytes of body");
                let fault = self.fault_at(id, Reason::BodyLimit, message);
                (Stop::Limit, fault.with_remedy(Remedy::Raise(Limit::Body)))
            }
            FailureKind::HeadTooLarge => (Stop::Limit, self.fault_at(id, Reason::HeadLimit, message)),
            FailureKind::Refused => (Stop::Policy, self.fault_at(id, Reason::HostRefused, message)),
            _ => return Ok(failure),
        };
        Err(Box::new(Phase::Stop(stop, fault)))
    }
}
