//! What a machine does next without an input, and the loop over it.
//!
//! A phase is a value: each says which one comes after it, and none calls another. So nothing is deep, however many
//! workflows call one another, and a stack of calls holds nothing that a state does not.

use super::Machine;
use super::fault::Fault;
use super::finish::End;
use super::frame::{Next, Position, Slot};
use super::state::Stage;
use super::wire::{Stop, Turn};
use crate::expr::{Exchange, StepId};
use crate::limits::Millis;

/// What is done next.
pub(super) enum Phase {
    /// The workflow in progress goes on where it is, or waits there for an input.
    Resume,
    /// A step is entered, or tried again.
    Enter { step: StepId, visit: bool },
    /// The detour of a retry is taken.
    TakeDetour(StepId),
    /// The request of a step is sent, or the one that has to go before it; `challenge` is what the server asked for when
    /// it refused the request before.
    Send { step: StepId, challenge: Option<String> },
    /// An answer is judged.
    Judge { step: StepId, exchange: Exchange },
    /// The workflow that a step called has come back.
    Return { step: StepId, answer: Option<Slot> },
    /// A step has succeeded.
    Succeed { step: StepId, exchange: Exchange },
    /// A success action is looked for, from a place of the list on.
    AfterSuccess { step: StepId, exchange: Exchange, from: usize },
    /// A step has failed.
    Fail { step: StepId, fault: Fault, exchange: Option<Exchange> },
    /// A failure action is looked for, from a place of the list on.
    Handle { step: StepId, fault: Fault, exchange: Exchange, from: usize },
    /// An action of a list applies.
    Act { step: StepId, success: bool, index: usize, fault: Option<Fault>, exchange: Exchange },
    /// The detour of a retry has ended well.
    DetourDone,
    /// The detour of a retry has failed.
    DetourFailed,
    /// The workflow in progress has come to its end.
    End(End),
    /// A limit, or somebody, stops the run.
    Stop(Stop, Fault),
    /// Nothing, until there is an input; nothing any more, after the end of the run.
    Wait,
}

impl Machine {
    /// Goes from phase to phase until an input is needed, or the run is over.
    pub(super) fn advance(&mut self, now: Millis, mut phase: Phase, turn: &mut Turn) {
        loop {
            phase = match phase {
                Phase::Wait => return,
                Phase::Resume => self.resume(now, turn),
                Phase::Enter { step, visit } => self.enter_step(now, step, visit, turn),
                Phase::TakeDetour(step) => self.take_detour(step, turn),
                Phase::Send { step, challenge } => self.send_step(now, step, challenge, turn),
                Phase::Judge { step, exchange } => self.judge_answer(step, exchange, turn),
                Phase::Return { step, answer } => self.judge_return(step, answer, turn),
                Phase::Succeed { step, exchange } => self.succeed_step(step, exchange, turn),
                Phase::AfterSuccess { step, exchange, from } => self.handle_success(now, step, exchange, from, turn),
                Phase::Fail { step, fault, exchange } => self.fail_step(step, fault, exchange, turn),
                Phase::Handle { step, fault, exchange, from } => {
                    self.handle_failure(now, step, fault, exchange, from, turn)
                }
                Phase::Act { step, success, index, fault, exchange } => {
                    self.take_action(now, step, (success, index), fault, exchange, turn)
                }
                Phase::DetourDone => self.finish_detour(),
                Phase::DetourFailed => self.fail_detour(),
                Phase::End(end) => self.end_workflow(now, end, turn),
                Phase::Stop(stop, fault) => self.stop_run(now, stop, fault, turn),
            };
        }
    }

    /// Looks at where the workflow in progress is; before that, at what ends a run or a step wherever it is.
    fn resume(&mut self, now: Millis, turn: &mut Turn) -> Phase {
        if self.state.stage != Stage::Running {
            return Phase::Wait;
        }
        if now >= self.state.settings.limits.run_ms {
            return self.stop_at_time_limit();
        }
        if self.budget.exceeded() {
            return self.stop_at_value_limit();
        }
        if let Some(expired) = self.expire_attempts(now, now, turn) {
            return expired;
        }
        let next = match self.frame().position {
            Position::Start => return self.begin_workflow(turn),
            Position::Go(next) => next,
            Position::Waiting { next, until } if now >= until => next,
            Position::Waiting { .. } | Position::Calling { .. } => return Phase::Wait,
            // The frame above is gone, which never happens: there is nothing to wait for.
            Position::Inside(_) | Position::Left => return Phase::End(End::Succeeded),
        };
        match next {
            Next::Visit(step) => Phase::Enter { step, visit: true },
            Next::Attempt(step) => Phase::Enter { step, visit: false },
            Next::Detour(step) => Phase::TakeDetour(step),
        }
    }
}
