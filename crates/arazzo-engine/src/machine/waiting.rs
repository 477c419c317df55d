//! Calls in flight: how each gets on, whose it is, and which are given up.
//!
//! Every call knows the frame and the step that wait for it. A reply to one that is not in flight any more, or never was,
//! belongs to nothing and is dropped.

use super::Machine;
use super::frame::{CallPurpose, PendingCall, Position};
use super::wire::{CallId, FailureKind, Progress, Request, Turn};
use crate::event::{Because, EventKind, Interest, UnsentRequest};
use crate::limits::Millis;
use crate::redact::BodyText;

impl Machine {
    /// From now on a request counts as sent when [`Input::Progress`](super::Input::Progress) says that it is written, or
    /// when its answer comes; else it does when it is handed out.
    pub fn await_progress(&mut self) {
        self.state.awaits_progress = true;
    }

    /// A call that is in flight, taken out of those that are; nothing if no step waits for it.
    pub(super) fn take_call(&mut self, now: Millis, call: CallId) -> Option<PendingCall> {
        let pending = self.state.waiting.get(&call)?;
        let frame = self.frame();
        let waits = frame.number == pending.frame && frame.position == Position::Calling { step: pending.step };
        let pending = if waits { self.state.waiting.remove(&call) } else { None };
        self.settle_queue(now);
        pending
    }

    /// Takes in how a call gets on. What was written stays so.
    pub(super) fn note_progress(&mut self, now: Millis, call: CallId, progress: Progress, turn: &mut Turn) {
        if progress == Progress::Written {
            return self.mark_written(now, call, turn);
        }
        let Some(pending) = self.state.waiting.get_mut(&call) else { return };
        if pending.is_written() || pending.progress == progress {
            return;
        }
        (pending.progress, pending.since) = (progress, now);
        let (step, because) = (pending.step, pending.because());
        self.settle_queue(now);
        if progress == Progress::Queued
            && let Some(request) = self.show_call(call)
        {
            let UnsentRequest { method, url, .. } = *request;
            self.emit(turn, Some(step), None, EventKind::RequestQueued { call: call.0, method, url, because });
        }
    }

    /// Takes in that a call was handed to its transport later than it was made. The time in between was the runner's own:
    /// neither that of the call nor, if no other call was in flight meanwhile, that of a step.
    pub(super) fn begin_later(&mut self, now: Millis, call: CallId) {
        let begun = |pending: &&PendingCall| pending.progress == Progress::Begun;
        let Some(made) = self.state.waiting.get(&call).filter(begun).map(|pending| pending.since) else { return };
        if self.state.waiting.values().all(|pending| begun(&pending) && pending.since == made) {
            self.state.waiting.values_mut().for_each(|pending| pending.since = now);
            self.shift_steps(now.saturating_sub(made));
        } else if let Some(pending) = self.state.waiting.get_mut(&call) {
            pending.since = now;
        }
    }

    /// The first byte of a call was written.
    pub(super) fn mark_written(&mut self, now: Millis, call: CallId, turn: &mut Turn) {
        let Some(pending) = self.state.waiting.get_mut(&call).filter(|pending| !pending.is_written()) else { return };
        (pending.progress, pending.since) = (Progress::Written, now);
        let (step, shown) = (pending.step, pending.shown.take());
        self.settle_queue(now);
        self.state.requests += 1;
        if let Some(request) = shown.or_else(|| self.show_call(call)) {
            self.emit(turn, Some(step), None, sent_event(call, *request));
        }
    }

    /// The event that says that a call was sent, before it is; nothing for one that was, or that is not in flight.
    #[must_use]
    pub fn sent_event(&self, call: CallId) -> Option<crate::event::Event> {
        let pending = self.state.waiting.get(&call).filter(|pending| !pending.is_written())?;
        let kind = sent_event(call, *self.show_call(call)?);
        let mut turn = Turn::default();
        self.emit(&mut turn, Some(pending.step), None, kind);
        turn.events.pop()
    }

    /// A request as events show it, which are masked when they are made; without what no one reads.
    pub(super) fn show_request(&self, request: &Request, because: Because) -> Option<Box<UnsentRequest>> {
        if !self.is_heard(Interest::Steps) {
            return None;
        }
        let (method, url) = (request.method.clone(), request.url.clone());
        if !self.is_heard(Interest::Wire) {
            return Some(Box::new(UnsentRequest { method, url, headers: vec![], body: None, because }));
        }
        let content_type = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let media_type = content_type.map(|(_, value)| value.as_str()).unwrap_or_default();
        let (shown, kept) = (self.state.settings.limits.shown_bytes, self.state.settings.limits.report_bytes);
        let body = request.body.as_deref().and_then(|bytes| {
            let body = self.redactor.body(bytes, media_type, shown)?;
            Some(BodyText { kept: self.redactor.kept(bytes, bytes.len(), kept), ..body })
        });
        Some(Box::new(UnsentRequest { method, url, headers: request.headers.clone(), body, because }))
    }

    /// The request of a call that has not left; after a restore it is made again.
    fn show_call(&self, call: CallId) -> Option<Box<UnsentRequest>> {
        self.show_pending(self.state.waiting.get(&call)?)
    }

    pub(super) fn show_pending(&self, pending: &PendingCall) -> Option<Box<UnsentRequest>> {
        match &pending.shown {
            Some(shown) => Some(shown.clone()),
            None if self.is_heard(Interest::Steps) => self.show_request(&self.request_of(pending)?, pending.because()),
            None => None,
        }
    }

    /// Gives calls up. Of one that has not left it is said that it was not sent; of one that has, that it is in doubt, where
    /// `kind` says for what.
    pub(super) fn give_up_calls(
        &mut self,
        now: Millis,
        (why, kind): (&str, Option<FailureKind>),
        which: impl Fn(&PendingCall) -> bool,
        turn: &mut Turn,
    ) {
        let calls: Vec<CallId> = self.state.waiting.values().filter(|pending| which(pending)).map(|p| p.call).collect();
        for call in calls {
            turn.aborts.push(call);
            let Some(pending) = self.state.waiting.get(&call) else { continue };
            let unsent = !pending.is_written();
            // No event says that a message was sent before it is accepted, and none that it was not.
            if pending.purpose == CallPurpose::Message {
                continue;
            }
            let Some(failure) = kind.filter(|_| !unsent).or(unsent.then_some(FailureKind::GivenUp)) else { continue };
            let kind = EventKind::RequestFailed {
                call: call.0,
                failure,
                message: if unsent { format!("not sent: {why}") } else { format!("given up when {why}") },
                duration_ms: pending.spent(now),
                in_doubt: !unsent,
                request: if unsent { self.show_pending(pending) } else { None },
            };
            self.emit(turn, Some(pending.step), None, kind);
        }
        self.state.waiting.retain(|call, _| !turn.aborts.contains(call));
        turn.sends.retain(|send| !turn.aborts.contains(&send.call));
        self.settle_queue(now);
    }

    /// Lets the time of steps stand still while all calls in flight wait for their turn, and go on behind it.
    fn settle_queue(&mut self, now: Millis) {
        let mut waiting = self.state.waiting.values().peekable();
        let queued = waiting.peek().is_some() && waiting.all(|pending| pending.progress == Progress::Queued);
        match self.state.queued_since {
            None if queued => self.state.queued_since = Some(now),
            Some(since) if !queued => {
                self.state.queued_since = None;
                self.shift_steps(now.saturating_sub(since));
            }
            None | Some(_) => {}
        }
    }

    /// Moves the beginnings and the ends of all steps in progress.
    pub(super) fn shift_steps(&mut self, ms: Millis) {
        for frame in &mut self.state.frames {
            frame.deadline = frame.deadline.map(|deadline| deadline.saturating_add(ms));
            let first = self.program.workflow(frame.workflow).and_then(|workflow| workflow.steps.first());
            let place = frame.visiting.zip(first).and_then(|(step, first)| step.0.checked_sub(first.0));
            if let Some(state) = place.and_then(|place| frame.steps.get_mut(place as usize)) {
                state.entered = state.entered.saturating_add(ms);
            }
        }
    }
}

fn sent_event(call: CallId, request: UnsentRequest) -> EventKind {
    let UnsentRequest { method, url, headers, body, because } = request;
    EventKind::RequestSent { call: call.0, method, url, headers, body, because }
}
