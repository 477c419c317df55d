//! The end of workflows and of the run: interrupted, at a limit, or by itself. All that it leaves is in the last event
//! and the outcome.

use crate::value::{Json, Map};

use super::Machine;
use super::fault::Fault;
use super::frame::{Completed, Frame, Outputs, PendingCall, Position, Purpose};
use super::outputs::outputs_json;
use super::phase::{End, Phase};
use super::state::Stage;
use super::wire::{CallId, Failure, FailureKind, Outcome, Response, Stop, Turn};
use crate::code::{Code, Severity};
use crate::event::{EventKind, RunStatus, StepStatus};
use crate::expr::{Exchange, StepId};
use crate::limits::Millis;
use crate::reason::Reason;
use crate::remedy::{Limit, Remedy};

/// The time that calls in flight still have after the first cancel, in ms.
const GRACE: Millis = 5_000;

/// Why calls are given up then: of those that have left, the end of the run says that they are in doubt.
const STOPPED: (&str, Option<FailureKind>) = ("the run stopped", None);

impl Machine {
    /// Calls that have left may still be answered; nothing else leaves.
    pub(super) fn cancel_run(&mut self, now: Millis, turn: &mut Turn) -> Phase {
        if !self.state.waiting.values().any(PendingCall::is_written) {
            return self.interrupt_run();
        }
        self.give_up_calls(now, STOPPED, |pending| !pending.is_written(), turn);
        self.state.stage = Stage::Stopping(now.saturating_add(GRACE));
        Phase::Wait
    }

    /// An answer that comes after the run was cancelled: it is recorded.
    pub(super) fn take_late_reply(
        &mut self,
        now: Millis,
        call: CallId,
        result: Result<Response, Failure>,
        turn: &mut Turn,
    ) -> Phase {
        // An answer may be the first that is heard after the time that calls in flight were given.
        let is_over = matches!(self.state.stage, Stage::Stopping(until) if now >= until);
        let Some(pending) = self.take_call(now, call) else {
            return if is_over { self.interrupt_run() } else { Phase::Wait };
        };
        match self.record_reply(now, &pending, result, turn) {
            Err(stopped) if matches!(*stopped, Phase::Stop(..)) => *stopped,
            _ if !is_over && !self.state.waiting.is_empty() => Phase::Wait,
            _ => self.interrupt_run(),
        }
    }

    pub(super) fn interrupt_run(&mut self) -> Phase {
        let step = self.current_step();
        let fault = match step {
            Some(step) => {
                let name = self.program.step(step).map(|s| s.name.clone()).unwrap_or_default();
                let mut fault = self.fault_at(step, Reason::Interrupted, format!("interrupted in step `{name}`"));
                for pending in self.state.waiting.values() {
                    let Exchange { method, url, .. } = self.exchange_of(pending);
                    fault.remark(match pending.is_written() {
                        true => format!("{method} {url} was sent; its result is not known"),
                        false => format!("{method} {url} was not sent"),
                    });
                }
                fault
            }
            None => Fault::new(Reason::Interrupted, "interrupted"),
        };
        Phase::Stop(Stop::Interrupt, fault)
    }

    /// Stops the run at one of the limits that a loop reaches, in a step or in the one in progress.
    pub(super) fn stop_at_limit(&mut self, reached: Limit, step: Option<StepId>) -> Phase {
        let limits = &self.state.settings.limits;
        let (reason, message) = match reached {
            Limit::Time => {
                let limit = word_seconds(limits.run_ms);
                (Reason::TimeLimit, format!("the run took longer than its limit of {limit}"))
            }
            Limit::Requests => {
                (Reason::RequestLimit, format!("the run reached its limit of {} requests", limits.most_requests()))
            }
            Limit::Steps => (Reason::StepLimit, format!("the run reached its limit of {} steps", limits.steps)),
            Limit::Kept => {
                let limit = limits.kept_bytes;
                (Reason::KeptLimit, format!("what the run keeps between its steps has more than {limit} bytes"))
            }
            // Else texts or bodies that are built from values were too large.
            _ => {
                let limit = limits.value_bytes;
                (Reason::ValueLimit, format!("what is built from values here has more than {limit} bytes"))
            }
        };
        self.budget.clear();
        self.kept.clear();
        let step = step.or_else(|| self.current_step()).unwrap_or_else(|| self.first_step());
        let mut fault = self.fault_at(step, reason, message);
        self.name_loop(&mut fault);
        if reached == Limit::Kept {
            fault.remark("outputs, inputs, kept answers, cookies and the forms of secrets are among it".to_owned());
        }
        if reached == Limit::Requests {
            fault.remark("requests for tokens, challenges and redirects are among them".to_owned());
        }
        fault.remedy = Some(Box::new(Remedy::Raise(reached)));
        Phase::Stop(Stop::Limit, fault)
    }

    /// Says which loop a limit was reached in, and whether its answers still changed.
    pub(super) fn name_loop(&self, fault: &mut Fault) {
        let Some(jump) = &self.state.jump else { return };
        let name = |id: StepId| self.program.step(id).map(|step| step.name.as_str()).unwrap_or_default();
        let state = self.view(None).state(jump.from).cloned().unwrap_or_default();
        let unchanged = self.state.paces.get(&jump.from).map_or(0, |pace| pace.unchanged);
        let (from, to) = (name(jump.from), name(jump.to));
        fault.span = Some(jump.span);
        fault.label = Some(format!("{from} -> {to}, {} visits", state.visits));
        fault.message.push_str(&format!(" in the loop {from} -> {to} (action `{}`)", jump.action));
        fault.remark(match unchanged {
            0 | 1 => format!("the answers of `{from}` were still changing"),
            same => format!("the last {same} answers of `{from}` were the same"),
        });
    }

    /// Stops the run: what is in flight is given up, what exists is kept.
    pub(super) fn stop_run(&mut self, now: Millis, stop: Stop, fault: Fault, turn: &mut Turn) -> Phase {
        self.give_up_calls(now, STOPPED, |_| true, turn);
        while self.state.frames.len() > 1 {
            self.abandon_frame(now, turn);
        }
        self.leave_receives(now, turn);
        self.announce_stopped_step(now, turn);
        let (outputs, missing) = self.evaluate_final_outputs(turn);
        self.finish_run(now, Outcome::Stopped { stop, why: self.explain(fault), outputs, missing }, turn)
    }

    /// The step that the last frame is in, or goes to.
    fn current_step(&self) -> Option<StepId> {
        match self.frame().position {
            Position::Go(next) | Position::Waiting { next, .. } => Some(next.step()),
            Position::Calling { step } | Position::Receiving { step } => Some(step),
            Position::Inside(step) => step,
            Position::Start | Position::Left => None,
        }
    }

    /// Says that the step of the last frame was stopped, if it has one in progress.
    fn announce_stopped_step(&mut self, now: Millis, turn: &mut Turn) {
        let Some(step) = self.frame_mut().visiting.take() else { return };
        let entered = self.view(None).state(step).map_or(now, |state| state.entered);
        let kind = EventKind::StepFinished {
            status: StepStatus::Stopped,
            outputs: Map::new(),
            why: None,
            duration_ms: now.saturating_sub(entered),
            again: false,
        };
        self.emit(turn, Some(step), None, kind);
    }

    /// Gives the workflow of the last frame up.
    pub(super) fn abandon_frame(&mut self, now: Millis, turn: &mut Turn) {
        self.leave_receives(now, turn);
        self.announce_stopped_step(now, turn);
        self.emit(turn, None, None, EventKind::WorkflowFinished { status: RunStatus::Stopped, outputs: Map::new() });
        self.state.frames.pop();
    }

    /// Keeps what a workflow that has run took and gave.
    pub(super) fn complete(&mut self, frame: Frame, outputs: Outputs) {
        let Frame { workflow, inputs, steps, .. } = frame;
        let ids = self.program.workflow(workflow).map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let read = |id: &StepId| self.program.step(*id).is_some_and(|step| step.read_elsewhere);
        let steps = ids.iter().zip(steps).filter(|(id, _)| read(id));
        let steps = steps.filter_map(|(id, state)| Some((*id, state.outputs?))).collect();
        self.state.completed.retain(|completed| completed.workflow != workflow);
        self.state.completed.push(Completed { workflow, inputs, outputs, steps });
    }

    /// The workflow in progress has come to its end: the run does, or what it was run for goes on.
    pub(super) fn end_workflow(&mut self, now: Millis, end: End, turn: &mut Turn) -> Phase {
        if self.budget.exceeded() {
            return self.stop_at_limit(Limit::Value, None);
        }
        if self.kept.exceeded() {
            return self.stop_at_limit(Limit::Kept, None);
        }
        self.leave_receives(now, turn);
        if self.state.frames.len() == 1 {
            let (outputs, missing) = self.evaluate_final_outputs(turn);
            if self.kept.exceeded() {
                return self.stop_at_limit(Limit::Kept, None);
            }
            let outcome = match end {
                End::Succeeded => Outcome::Succeeded { outputs, missing },
                End::Ended(by) => Outcome::Ended { by, outputs, missing },
                End::Failed(fault) => {
                    let step = fault.step.clone().unwrap_or_default();
                    Outcome::Failed { step, why: self.explain(fault), outputs, missing }
                }
            };
            return self.finish_run(now, outcome, turn);
        }
        let (outputs, _) = self.evaluate_outputs(turn);
        if self.kept.exceeded() {
            return self.stop_at_limit(Limit::Kept, None);
        }
        let shown = outputs_json(&outputs, &self.secrets);
        let status = match &end {
            End::Succeeded => RunStatus::Succeeded,
            End::Ended(_) => RunStatus::Ended,
            End::Failed(_) => RunStatus::Failed,
        };
        self.emit(turn, None, None, EventKind::WorkflowFinished { status, outputs: shown });
        let Some(frame) = self.state.frames.pop() else { return Phase::Wait };
        let failed = if let End::Failed(fault) = end { Some(fault) } else { None };
        let name = self.program.workflow(frame.workflow).map(|w| w.name.clone()).unwrap_or_default();
        let (purpose, answer) = (frame.purpose, frame.answer.clone());
        if failed.is_none() {
            self.complete(frame, outputs.clone());
        }
        match (purpose, self.frame().position.clone(), failed) {
            (Purpose::Step, Position::Inside(Some(step)), None) => {
                self.frame_mut().returned = outputs;
                Phase::Return { step, answer }
            }
            (Purpose::Step, Position::Inside(Some(id)), Some(mut fault)) => {
                let program = self.program.clone();
                let Some(step) = program.step(id) else { return self.go_on_to(None) };
                fault.note_caller(step.span, format!("workflow `{name}`, called by this step"));
                self.frame_mut().returned = outputs;
                Phase::Fail { step: id, fault, exchange: None }
            }
            (Purpose::Detour, _, None) => Phase::DetourDone,
            (Purpose::Detour, _, Some(_)) => Phase::DetourFailed,
            (Purpose::Dependency, _, None) => {
                self.frame_mut().position = Position::Start;
                Phase::Resume
            }
            (Purpose::Dependency, _, Some(mut fault)) => {
                let program = self.program.clone();
                if let Some(workflow) = program.workflow(self.frame().workflow) {
                    fault.note_caller(workflow.span, format!("depends on workflow `{name}`"));
                    // Each runs once, whatever it ends as.
                    let failed = self.find_dependency(workflow);
                    self.state.failed_dependencies.extend(failed);
                }
                Phase::End(End::Failed(fault))
            }
            // A frame above another always runs for it.
            (Purpose::Run | Purpose::Step, ..) => Phase::Resume,
        }
    }

    pub(super) fn finish_run(&mut self, now: Millis, mut outcome: Outcome, turn: &mut Turn) -> Phase {
        self.state.stage = Stage::Done;
        self.unsubscribe(turn);
        // Outputs are data; what is said about the end is a text like any other.
        if let Outcome::Failed { why, .. } | Outcome::Stopped { why, .. } = &mut outcome {
            why.mask(&self.redactor);
        }
        let status = match &outcome {
            Outcome::Succeeded { .. } => RunStatus::Succeeded,
            Outcome::Ended { .. } => RunStatus::Ended,
            Outcome::Failed { .. } => RunStatus::Failed,
            Outcome::Stopped { .. } => RunStatus::Stopped,
        };
        let (outputs, missing) = ((**outcome.values()).clone(), outcome.missing().to_vec());
        for (name, _) in outputs.iter().filter(|(_, value)| self.redactor.masked_json(value).is_some()) {
            let message = format!("output `{name}` holds the value of a secret; outputs are data and are not masked");
            self.emit(
                turn,
                None,
                None,
                EventKind::Diagnostic { code: Code::SecretInOutput, severity: Severity::Warning, message, help: None },
            );
        }
        self.emit(turn, None, None, EventKind::WorkflowFinished { status, outputs: outputs.clone() });
        let incomplete = !missing.is_empty() || outputs.values().any(Json::is_null);
        let exit = match outcome.exit_code() {
            0 if self.state.settings.require_outputs && incomplete => 1,
            code => code,
        };
        let kind = EventKind::RunFinished {
            status,
            exit,
            duration_ms: now,
            steps: self.state.steps,
            visits: self.state.visits,
            requests: self.state.requests,
            waited_ms: self.state.waited_ms,
            outputs,
            missing,
            ended_by: if let Outcome::Ended { by, .. } = &outcome { Some(by.clone()) } else { None },
            why: match &outcome {
                Outcome::Failed { why, .. } | Outcome::Stopped { why, .. } => Some((**why).clone()),
                Outcome::Succeeded { .. } | Outcome::Ended { .. } => None,
            },
            warnings: self.warning_codes(),
        };
        self.emit(turn, None, None, kind);
        turn.done = Some(outcome);
        Phase::Wait
    }

    pub(super) fn warning_codes(&self) -> Vec<Code> {
        let mut codes: Vec<Code> = vec![];
        for warning in &self.state.settings.warnings {
            if !codes.contains(&warning.code) {
                codes.push(warning.code);
            }
        }
        codes
    }
}

/// A duration for people.
fn word_seconds(ms: Millis) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}
