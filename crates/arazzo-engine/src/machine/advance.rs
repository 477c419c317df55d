//! The loop over the phases of a machine, up to the next input.

use super::Machine;
use super::frame::{Next, Position};
use super::phase::{End, Phase};
use super::state::Stage;
use super::wire::Turn;
use crate::limits::Millis;
use crate::remedy::Limit;

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
                Phase::SendMessage(step) => self.send_message(now, step, turn),
                Phase::OpenReceive(step) => self.open_receive(now, step, turn),
                Phase::JudgeMessage { step, exchange } => self.judge_message(step, exchange, turn),
                Phase::Judge { step, exchange } => self.judge_answer(step, exchange, turn),
                Phase::Return { step, answer } => self.judge_return(step, answer, turn),
                Phase::Succeed { step, exchange } => self.succeed_step(step, exchange, turn),
                Phase::AfterSuccess { step, exchange, from } => self.handle_success(now, step, exchange, from, turn),
                Phase::Fail { step, fault, exchange } => self.fail_step(now, step, fault, exchange, turn),
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
        if now >= self.state.run_limit() {
            return self.stop_at_limit(Limit::Time, None);
        }
        // Of a run that goes on, which has been stopped there before.
        if self.state.attempts > self.state.settings.limits.steps {
            return self.stop_at_limit(Limit::Steps, None);
        }
        if self.count_requests() > self.state.settings.limits.most_requests() as usize {
            return self.stop_at_limit(Limit::Requests, None);
        }
        if self.budget.exceeded() {
            return self.stop_at_limit(Limit::Value, None);
        }
        if self.kept.exceeded() {
            return self.stop_at_limit(Limit::Kept, None);
        }
        if let Some(expired) = self.expire_attempts(now, now, turn) {
            return expired;
        }
        if self.frame().position == Position::Left
            && let Some(joined) = self.join_at_end(now, turn)
        {
            return joined;
        }
        let next = match self.frame().position {
            Position::Start => return self.begin_workflow(turn),
            Position::Go(next) => next,
            Position::Waiting { next, until } if now >= until => {
                // The wait is over, also where channels that are being opened keep the run here.
                self.frame_mut().position = Position::Go(next);
                next
            }
            Position::Waiting { .. } | Position::Calling { .. } => return Phase::Wait,
            Position::Receiving { step } => return self.await_message(now, step),
            // The frame above is gone, which never happens: there is nothing to wait for.
            Position::Inside(_) | Position::Left => return Phase::End(End::Succeeded),
        };
        if let Some(before) = self.prepare_channels(now, next, turn) {
            return before;
        }
        match next {
            Next::Visit(step) => Phase::Enter { step, visit: true },
            Next::Attempt(step) => Phase::Enter { step, visit: false },
            Next::Detour(step) => Phase::TakeDetour(step),
        }
    }
}
