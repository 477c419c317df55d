//! A step begins: its visit is counted, its request is sent, or the workflow that it calls is started.

use super::Machine;
use super::frame::Used;
use super::phase::Phase;
use super::wire::Turn;
use crate::event::{EventKind, Interest, StepStatus};
use crate::expr::StepId;
use crate::limits::Millis;
use crate::program::{Call, Step};
use crate::reason::Reason;
use crate::remedy::Limit;

impl Machine {
    /// Enters a step, or tries it again: builds its request and sends it, or starts the workflow that it calls.
    pub(super) fn enter_step(&mut self, now: Millis, id: StepId, visit: bool, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        if self.state.attempts >= self.state.settings.limits.steps {
            return self.stop_at_limit(Limit::Steps, Some(id));
        }
        self.state.attempts += 1;
        // While the events of the step still are of its visit before.
        self.leave_receive_of(now, id, turn);
        let mut first = false;
        let suspended = self.find_suspended_budget(id);
        if let Some(state) = self.step_state(id) {
            if visit {
                first = state.visits == 0;
                state.visits += 1;
                state.attempt = 0;
                // A detour that comes back to the step it is taken for begins no new budget of retries.
                match &suspended {
                    Some(used) => state.count_retries(used),
                    None => state.used.clear(),
                }
            }
            state.attempt += 1;
            state.entered = now;
        }
        self.state.visits += u32::from(visit);
        self.state.steps += u32::from(first);
        let deadline = step.timeout_ms.map(|ms| now.saturating_add(ms));
        let frame = self.frame_mut();
        frame.deadline = deadline;
        frame.visiting = Some(id);
        frame.returned.clear();
        if self.is_heard(Interest::Steps) {
            let operation = program.operation_of(step).and_then(|operation| operation.id.clone());
            let operation = operation.or_else(|| step.call.target().and_then(|target| target.operation.clone()));
            let calls = step.call.workflow().and_then(|id| program.workflow(id)).map(|workflow| workflow.name.clone());
            self.emit(turn, Some(id), Some(step.span), EventKind::StepStarted { operation, calls });
        }
        if let Some(missing) = self.find_uncompleted(step) {
            let name = program.step(missing).map(|step| step.name.clone()).unwrap_or_default();
            let message = format!("step `{}` depends on step `{name}`, which has not been completed", step.name);
            let fault = self.fault_at(id, Reason::DependencyNotMet, message);
            return Phase::Fail { step: id, fault, exchange: None };
        }
        match &step.call {
            Call::Operation { .. } => Phase::Send { step: id, challenge: None },
            Call::Workflow { workflow, passed, .. } => self.call_workflow(id, *workflow, passed, turn),
            Call::Send(_) => Phase::SendMessage(id),
            Call::Receive(_) => Phase::OpenReceive(id),
        }
    }

    /// The retries that a step has used where it waits for a detour, in this workflow or in one below it.
    fn find_suspended_budget(&self, id: StepId) -> Option<Vec<Used>> {
        let mut detours = self.state.frames.iter().rev().flat_map(|frame| frame.detours.iter().rev());
        detours.find(|detour| detour.of == id).map(|detour| detour.used.clone())
    }

    /// A step that must have been completed before this one, and was not.
    fn find_uncompleted(&self, step: &Step) -> Option<StepId> {
        let view = self.view(None);
        let own = |id: StepId| {
            self.program.step(id).is_some_and(|other| other.workflow == step.workflow)
                && view.state(id).is_some_and(|state| state.status == Some(StepStatus::Succeeded))
        };
        step.after.iter().copied().find(|id| !own(*id) && !self.state.done_steps.contains(id))
    }
}
