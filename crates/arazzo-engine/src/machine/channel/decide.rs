//! Which of the messages that match decides about a step: the first, or the first with which its criteria hold.

use super::super::Machine;
use super::super::criterion::evaluate;
use super::super::frame::View;
use crate::expr::eval::SeenMessage;
use crate::expr::{Exchange, Expr, Root, StepId};
use crate::limits::Decides;
use crate::program::{Criterion, Step};

impl Machine {
    /// `true` if a message that a step of a frame waits for decides about it.
    pub(super) fn decides(&self, id: StepId, frame: Option<usize>, seen: &SeenMessage) -> bool {
        if self.state.settings.receive == Decides::First {
            return true;
        }
        let Some(step) = self.program.step(id) else { return true };
        let exchange = Exchange { message: Some(Box::new(seen.clone())), ..Exchange::default() };
        let view = match frame {
            Some(place) => self.view_at(place, Some(&exchange)),
            None => self.view(Some(&exchange)),
        };
        self.is_decisive(step, &view)
    }

    /// `true` if a message could decide about a step when it is reached. What other steps have to give is not known yet.
    pub(super) fn may_decide(&self, id: StepId, place: usize, seen: &SeenMessage) -> bool {
        let Some(step) = self.program.step(id) else { return true };
        let frame = self.state.frames.get(place).map(|frame| frame.number);
        let messaging = self.state.messaging.as_ref();
        let waits = messaging.zip(frame).is_some_and(|(messaging, frame)| messaging.receive(frame, id).is_some());
        let known = |expr: &Expr| {
            matches!(expr.root, Root::MessagePayload | Root::MessageHeader(_) | Root::Input(_) | Root::Inputs)
        };
        let criteria = || step.criteria.iter().chain(step.on_failure.iter().flat_map(|action| &action.criteria));
        let is_known = waits || criteria().flat_map(Criterion::expressions).all(known);
        !is_known || self.decides(id, Some(place), seen)
    }

    /// `true` unless the criteria of a step say that it waits for another message. One that cannot be evaluated decides: the
    /// step says why. So does one that an action on failure names.
    fn is_decisive(&self, step: &Step, view: &View<'_>) -> bool {
        let met = |criterion: &Criterion| evaluate(criterion, view, self.program.readings).met;
        let first = step.criteria.iter().map(met).find(|met| *met != Ok(true));
        let mut named = step.on_failure.iter().filter(|action| !action.criteria.is_empty());
        first != Some(Ok(false)) || named.any(|action| action.criteria.iter().all(|one| met(one) == Ok(true)))
    }
}
