//! Step → the request that is answered with the stream that it listens to.

use url::Url;

use super::super::Machine;
use super::super::auth::Ready;
use super::super::message::{self, Login, Opening};
use super::super::phase::Phase;
use super::super::request::Built;
use super::super::wire::{Stop, Turn};
use super::resolve::Resolved;
use crate::expr::StepId;
use crate::limits::{Millis, is_overridden, is_safe};
use crate::program::{ReceiveCall, Step};
use crate::reason::Reason;
use crate::remedy::Limit;
use crate::value::Map;

impl Machine {
    /// Opens the stream of a step that was not reached yet, where its request does nothing and everything in it is known.
    pub(super) fn open_ahead(&mut self, now: Millis, id: StepId, call: &ReceiveCall, turn: &mut Turn) {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return };
        let Ok((mut built, Ready::Now)) = self.build_request(now, step, None, self.state.calls) else { return };
        let is_known = built.absent.is_empty() && may_open_ahead(&built);
        if !is_known || self.refuse_unplanned_stream(id, step, &built.request).is_some() {
            return;
        }
        self.learn_stream(id, step, &mut built, turn);
        let Some(resolved) = self.resolve_stream(step, built, false) else { return };
        self.listen_to(id, call, (resolved, false), turn);
    }

    /// The stream of a step that begins to listen.
    ///
    /// # Errors
    /// What follows instead: the request cannot be made, or others have to go before it.
    pub(super) fn open_stream(
        &mut self,
        now: Millis,
        id: StepId,
        step: &Step,
        turn: &mut Turn,
    ) -> Result<Resolved, Box<Phase>> {
        let (mut built, ready) = match self.build_request(now, step, None, self.state.calls) {
            Ok(built) => built,
            Err(_) if self.budget.exceeded() => return Err(Box::new(self.stop_at_limit(Limit::Value, None))),
            Err(fault) => return Err(Box::new(Phase::Fail { step: id, fault: *fault, exchange: None })),
        };
        if let Ready::First(before) = ready {
            return Err(Box::new(self.send_before(now, id, before, None, turn)));
        }
        if let Some(fault) = self.refuse_unplanned_stream(id, step, &built.request) {
            return Err(Box::new(Phase::Stop(Stop::Policy, fault)));
        }
        self.learn_stream(id, step, &mut built, turn);
        let repeats = self.view(None).state(id).is_some_and(|state| state.attempt > 1 || state.visits > 1);
        let renews = repeats && !may_open_ahead(&built);
        self.resolve_stream(step, built, renews).ok_or_else(|| {
            let fault = self.fault_at(id, Reason::UnknownServer, "the server of the stream is not known".to_owned());
            Box::new(Phase::Fail { step: id, fault, exchange: None })
        })
    }

    /// The stream of a step that was listened to by another process, where its request does nothing.
    pub(super) fn find_stream_again(
        &mut self,
        now: Millis,
        id: StepId,
        step: &Step,
        turn: &mut Turn,
    ) -> Option<Resolved> {
        if step.workflow != self.frame().workflow {
            return None;
        }
        let Ok((mut built, Ready::Now)) = self.build_request(now, step, None, self.state.calls) else { return None };
        if !may_open_ahead(&built) || self.refuse_unplanned_stream(id, step, &built.request).is_some() {
            return None;
        }
        self.learn_stream(id, step, &mut built, turn);
        self.resolve_stream(step, built, false)
    }

    fn learn_stream(&mut self, id: StepId, step: &Step, built: &mut Built, turn: &mut Turn) {
        self.learn_built(id, step, built, turn);
        self.learn_password(&built.request.url);
    }

    /// The channel that a request opens.
    fn resolve_stream(&self, step: &Step, built: Built, renews: bool) -> Option<Resolved> {
        let endpoint = self.endpoint_of(self.program.channel_of(step)?).ok()?;
        let request = built.request;
        let url = Url::parse(&request.url).ok()?;
        let path = url.path().to_owned();
        let target = url.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let opening = Opening { method: request.method, target, body: request.body.unwrap_or_default() };
        let channel = message::Channel {
            protocol: endpoint.protocol,
            host: endpoint.host,
            path,
            query: vec![],
            headers: request.headers,
            address: String::new(),
            login: endpoint.user.map(|(user, password)| Login::Password { user, password }),
            proof: None,
            bindings: Map::new(),
            hook: None,
            opening: Some(opening),
        };
        Some(Resolved { channel, is_pattern: false, key: built.print, renews })
    }
}

/// `true` for a request that changes nothing, so that it may be made before its step is reached, and stay open for another.
fn may_open_ahead(built: &Built) -> bool {
    is_safe(&built.request.method) && !is_overridden(&built.request.headers, &built.request.url)
}
