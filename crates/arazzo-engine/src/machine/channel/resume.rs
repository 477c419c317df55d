//! Channels of a run that goes on in another process: nothing was listened to meanwhile.

use super::super::Machine;
use super::super::message::{Channel, ChannelRequest, Delivery, Mark, Protocol, SubscriptionId};
use super::super::wire::{FailureKind, Turn};
use super::arrive::print_of_all;
use super::messaging::Listening;
use super::resolve::Resolved;
use crate::expr::StepId;
use crate::limits::Millis;
use crate::value::Json;

impl Machine {
    /// What a broker keeps is asked for from where the run has come to, and a channel is listened to again by which nothing
    /// can have come that the run was to hear. What came by any other is not known: it is lost.
    pub(in super::super) fn resume_channels(&mut self, now: Millis, ms: Millis, turn: &mut Turn) {
        let Some(messaging) = &mut self.state.messaging else { return };
        for receive in &mut messaging.receives {
            (receive.since, receive.until) = (receive.since.saturating_add(ms), receive.until.saturating_add(ms));
        }
        let open = messaging.subscriptions.iter().filter(|known| !matches!(known.status, Listening::Lost(..)));
        for id in open.map(|known| known.id).collect::<Vec<_>>() {
            let channel = self.listen_again(now, id, turn);
            let limits = &self.state.settings.limits;
            let (timeout_ms, message_bytes) = (limits.request_ms, limits.body_bytes);
            let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) else { continue };
            let Some(channel) = channel else {
                let message = "the process that was connected has ended, and what came since is not known".to_owned();
                known.status = Listening::Lost(FailureKind::ConnectionLost, message);
                continue;
            };
            (known.status, known.is_resumed) = (Listening::Opening, true);
            let after = known.marks.iter().map(|(part, at)| Mark { part: part.clone(), at: at.clone() }).collect();
            turn.channels.push(ChannelRequest::Subscribe {
                subscription: id,
                channel,
                timeout_ms,
                message_bytes,
                after,
            });
        }
    }

    /// The channel of a subscription, if nothing that it was to bring is missed by listening to it again.
    fn listen_again(&mut self, now: Millis, id: SubscriptionId, turn: &mut Turn) -> Option<Channel> {
        let messaging = self.state.messaging.as_ref()?;
        let known = messaging.subscription(id)?;
        let waits = messaging.receives.iter().any(|open| open.subscription == id && open.found.is_none());
        // Nothing has left since that could have brought an answer about, and no step waits for what comes by itself.
        let is_quiet = known.calls == self.state.calls && (known.status == Listening::Opening || !waits);
        let (is_marked, key, steps) = (!known.marks.is_empty(), known.key, known.steps.clone());
        let resolved =
            steps.into_iter().find_map(|step| self.find_again(now, step, turn).filter(|found| found.key == key))?;
        let is_queue = is_queue(&resolved.channel);
        if is_queue {
            self.forget_unjudged(id);
        }
        self.learn_login(resolved.channel.login.as_ref());
        (is_quiet || is_marked || is_queue).then_some(resolved.channel)
    }

    /// Where the channel of a step is, by what is known now.
    fn find_again(&mut self, now: Millis, id: StepId, turn: &mut Turn) -> Option<Resolved> {
        let program = self.program.clone();
        let step = program.step(id)?;
        let call = step.call.receive()?;
        if call.request.is_some() {
            return self.find_stream_again(now, id, step, turn);
        }
        let place = self.state.frames.iter().rposition(|frame| frame.workflow == step.workflow);
        let view = place.map_or_else(|| self.view(None), |place| self.view_at(place, None));
        self.resolve_receive(step, call, true, &view).ok()
    }

    /// A queue gives what was not judged back, and brings it again.
    fn forget_unjudged(&mut self, id: SubscriptionId) {
        let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) else { return };
        let kept = std::mem::take(&mut known.buffer);
        let prints: Vec<u64> = kept
            .iter()
            .filter_map(|kept| self.unstash::<Delivery>(&kept.slot))
            .map(|delivery| print_of_all(&delivery.message))
            .collect();
        if let Some(known) = self.state.messaging.as_mut().and_then(|m| m.subscription_mut(id)) {
            known.seen.retain(|print| !prints.contains(print));
        }
    }
}

/// `true` for a queue of the broker that others may have too, which holds its messages while nobody takes them.
fn is_queue(channel: &Channel) -> bool {
    if !matches!(channel.protocol, Protocol::Amqp | Protocol::Amqps) {
        return false;
    }
    let bindings = &channel.bindings;
    let exchange = bindings.get("exchange").and_then(|exchange| exchange.get("name")?.as_str());
    let is = bindings.get("is").and_then(Json::as_str);
    let goes_away = |name: &str| bindings.get("queue").and_then(|queue| queue.get(name)?.as_bool()) == Some(true);
    (is == Some("queue") || exchange.is_none()) && !goes_away("exclusive") && !goes_away("autoDelete")
}
