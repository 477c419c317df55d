//! A run that goes on after a time without a process: what was in flight, what that time does not count for, and where a
//! run that has ended begins again.

use super::Machine;
use super::frame::{Next, Position};
use super::message::ChannelRequest;
use super::state::Stage;
use super::wire::{CallId, Turn};
use crate::event::EventKind;
use crate::limits::{AllowedHost, Limits, Millis, Servers};

/// A call that is in flight, as a driver that goes on with a run has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingRequest {
    /// The call.
    pub call: CallId,
    /// `false` if nothing of it has left.
    pub written: bool,
    /// `true` if it may be sent twice to the same effect whatever its server is: by its method, as below.
    pub idempotent: bool,
    /// `true` if it may be sent twice to the same effect: by its method (RFC 9110 §9.2.2), if no header and no query asks
    /// for another one, or because it has a key by which its server knows it
    /// ([`IdempotencyKeys`](crate::limits::IdempotencyKeys)).
    pub repeatable: bool,
}

/// The workflow that was run has no step of this name; it has these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchStep(pub Vec<String>);

impl Machine {
    /// The calls that are in flight.
    pub fn pending(&self) -> impl Iterator<Item = PendingRequest> + '_ {
        self.state.waiting.values().map(|pending| PendingRequest {
            call: pending.call,
            written: pending.is_written(),
            idempotent: self.is_idempotent(pending),
            repeatable: self.is_repeatable(pending),
        })
    }

    /// The step that waits for a call.
    #[must_use]
    pub fn step_of(&self, call: CallId) -> Option<&str> {
        let pending = self.state.waiting.get(&call)?;
        self.program.step(pending.step).map(|step| step.name.as_str())
    }

    /// `true` for what is asked of a channel of a source that is mocked.
    #[must_use]
    pub fn is_mocked_channel(&self, request: &ChannelRequest) -> bool {
        let subscription = |id| {
            let known = self.state.messaging.as_ref().and_then(|messaging| messaging.subscription(id));
            known.map(|known| known.channel)
        };
        let channel = match request {
            ChannelRequest::Send { call, .. } => {
                let step = self.sender_of(*call).and_then(|id| self.program.step(id));
                step.and_then(|step| Some(step.call.target()?.channel))
            }
            ChannelRequest::Subscribe { subscription: id, .. }
            | ChannelRequest::Acknowledge { subscription: id, .. }
            | ChannelRequest::Unsubscribe(id) => subscription(*id),
        };
        let api =
            channel.and_then(|id| self.program.channel(id)).and_then(|channel| self.program.apis.get(channel.api));
        api.is_some_and(|api| self.state.settings.mocked.contains(&api.name))
    }

    /// The name of the channel that a call sends a message to; nothing for a request.
    #[must_use]
    pub fn channel_of(&self, call: CallId) -> Option<String> {
        let step = self.sender_of(call).and_then(|id| self.program.step(id))?;
        self.program.channel_of(step).map(|channel| channel.name.clone())
    }

    /// The names of the workflow and the step that wait for a call.
    #[must_use]
    pub fn place_of(&self, call: CallId) -> (String, String) {
        let step = self.sender_of(call).and_then(|id| self.program.step(id));
        let workflow = step.and_then(|step| self.program.workflow(step.workflow));
        (workflow.map(|w| w.name.clone()).unwrap_or_default(), step.map(|step| step.name.clone()).unwrap_or_default())
    }

    /// The step that waits for a call, in this program.
    #[must_use]
    pub fn sender_of(&self, call: CallId) -> Option<crate::expr::StepId> {
        self.state.waiting.get(&call).map(|pending| pending.step)
    }

    /// Takes in that no process had the run for so many ms, and that calls are sent again, and says so: the time counts for
    /// no limit and for no step. Waits end when they would have.
    pub fn resume_after(&mut self, now: Millis, ms: Millis, again: &[CallId]) -> Turn {
        self.state.unowned_ms = self.state.unowned_ms.saturating_add(ms);
        self.shift_steps(ms);
        self.state.waiting.values_mut().for_each(|pending| pending.since = pending.since.saturating_add(ms));
        let mut turn = Turn::default();
        let again = again.iter().map(|call| call.0).collect();
        self.emit(&mut turn, None, None, EventKind::RunResumed { away_ms: ms, again });
        self.resume_channels(now, ms, &mut turn);
        turn
    }

    /// The limits of the run.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.state.settings.limits
    }

    /// Gives the run other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.budget.bytes = limits.value_bytes;
        self.state.settings.limits = limits;
    }

    /// The servers that are called in the place of described ones, and the hosts that no source names and that may be called.
    #[must_use]
    pub fn servers(&self) -> (&Servers, &[AllowedHost]) {
        (&self.state.settings.servers, &self.state.settings.allowed_hosts)
    }

    /// Lets the run call these from now on.
    pub fn set_servers(&mut self, servers: Servers, allowed_hosts: Vec<AllowedHost>) {
        self.state.settings.servers = servers;
        self.state.settings.allowed_hosts = allowed_hosts;
    }

    /// Lets a run that has ended begin again at a step of its workflow, with the outputs that its steps have by now. The
    /// next tick enters the step.
    ///
    /// # Errors
    /// [`NoSuchStep`]; nothing is changed then.
    pub fn begin_again(&mut self, step: &str) -> Result<(), NoSuchStep> {
        let steps = self.program.workflow(self.frame().workflow).map(|workflow| workflow.steps.as_slice());
        let mut named = steps.unwrap_or_default().iter().filter_map(|id| Some((*id, &self.program.step(*id)?.name)));
        let Some((id, _)) = named.clone().find(|(_, name)| *name == step) else {
            return Err(NoSuchStep(named.by_ref().map(|(_, name)| name.clone()).collect()));
        };
        self.state.stage = Stage::Running;
        self.state.waiting.clear();
        self.state.messaging = None;
        let frame = self.frame_mut();
        frame.position = Position::Go(Next::Visit(id));
        (frame.visiting, frame.deadline) = (None, None);
        frame.detours.clear();
        Ok(())
    }
}
