//! Verdict → action: which action of a list applies, and where it leads.

use crate::value::Map;

use super::Machine;
use super::fault::{Fault, Remark};
use super::frame::{Next, Position, Purpose, Used};
use super::judge::Met;
use super::outputs::outputs_json;
use super::phase::{End, Phase};
use super::state::Jump;
use super::wire::{FailureKind, Stop, Turn};
use crate::event::{ActionKind, EventKind, Interest, On, Saw, StepStatus, WaitReason};
use crate::expr::{Exchange, StepId};
use crate::limits::Millis;
use crate::program::{Action, Criterion, Target, Then};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::remedy::{Limit, Remedy};

/// The choice among a list of actions.
enum Choice<'p> {
    /// The place in the list of the first whose criteria are all met.
    Action(usize),
    /// None applies: what each action of a failure asked for and saw, in words, and whether one was used up.
    Nothing { unmet: Vec<String>, spent: bool },
    /// It cannot be told; the text says why.
    Unknown(&'p Criterion, String),
}

/// The most actions that are named where none applies.
const NAMED: usize = 5;

/// What an action asks for that is not so.
fn word_unmet(action: &Action, criterion: &Criterion, saw: &[Saw]) -> String {
    let value = |saw: &Saw| saw.value.as_deref().unwrap_or("absent").to_owned();
    let saw = match saw {
        [] => String::new(),
        [one] => format!(" (was {})", value(one)),
        several => {
            let words = several.iter().take(3).map(|saw| format!("{} was {}", saw.expression, value(saw)));
            format!(" ({})", words.collect::<Vec<_>>().join(", "))
        }
    };
    format!("`{}` asks for `{}`{saw}", action.name, criterion.text.trim())
}

impl Machine {
    /// The first action of a list that applies, from a place on. In a detour only retries do: where the detour leads, the
    /// retry that took it decides (docs/readings.md, `retry` with `stepId`). A retry that has been made as often as it may
    /// is passed over.
    fn choose_action<'p>(
        &mut self,
        id: StepId,
        (success, actions): (bool, &'p [Action]),
        from: usize,
        exchange: &Exchange,
        turn: &mut Turn,
    ) -> Choice<'p> {
        let detour = self.is_detour(id);
        let (mut unmet, mut spent) = (vec![], false);
        for (index, action) in actions.iter().enumerate().skip(from) {
            let retry = matches!(action.then, Then::Retry { .. });
            if detour && (success || !retry) {
                continue;
            }
            match self.evaluate_criteria(id, &action.criteria, Some(&action.name), exchange, turn) {
                Met::Yes if retry && !self.may_retry(id, success, index, action) => spent = true,
                Met::Yes => return Choice::Action(index),
                Met::No(criterion, saw) if !success && unmet.len() < NAMED => {
                    unmet.push(word_unmet(action, criterion, &saw));
                }
                Met::No(..) => {}
                Met::Unknown(criterion, problem) => return Choice::Unknown(criterion, problem),
            }
        }
        Choice::Nothing { unmet, spent }
    }

    fn may_retry(&self, id: StepId, success: bool, index: usize, action: &Action) -> bool {
        let Then::Retry { limit, .. } = action.then else { return true };
        let view = self.view(None);
        let used =
            view.state(id).and_then(|state| state.used.iter().find(|u| (u.success, u.action) == (success, index)));
        used.map_or(0, |used| used.times) < limit
    }

    /// A step succeeded: keeps its outputs.
    pub(super) fn succeed_step(&mut self, id: StepId, exchange: Exchange, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        self.frame_mut().deadline = None;
        self.keep_outputs(id, step, Some(&exchange), true, turn);
        if self.kept.exceeded() {
            return self.stop_at_limit(Limit::Kept, Some(id));
        }
        if step.awaited {
            self.state.done_steps.insert(id);
        }
        Phase::AfterSuccess { step: id, exchange, from: 0 }
    }

    /// Looks for a success action, from a place of the list on.
    pub(super) fn handle_success(
        &mut self,
        now: Millis,
        id: StepId,
        exchange: Exchange,
        from: usize,
        turn: &mut Turn,
    ) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        let list = (true, step.on_success.as_slice());
        let choice = self.choose_action(id, list, from, &exchange, turn);
        let again = match &choice {
            Choice::Action(index) => step.on_success.get(*index).is_some_and(|action| returns_to(action, id)),
            Choice::Nothing { .. } => false,
            Choice::Unknown(..) => true,
        };
        if !again && self.is_last_wanted(id) {
            self.finish_visit(now, id, StepStatus::Succeeded, None, false, turn);
            return Phase::End(End::Ended(format!("stop after {}", step.name)));
        }
        match choice {
            Choice::Action(index) => Phase::Act { step: id, success: true, index, fault: None, exchange },
            Choice::Nothing { .. } => {
                self.finish_visit(now, id, StepStatus::Succeeded, None, false, turn);
                if self.is_detour(id) { Phase::DetourDone } else { self.go_on_after_step(id, step.next) }
            }
            // No falling through: a choice that cannot be made is a failure of the step.
            Choice::Unknown(criterion, problem) => {
                let fault = self.explain_not_evaluable(id, step, criterion, &problem);
                Phase::Fail { step: id, fault, exchange: Some(exchange) }
            }
        }
    }

    /// `true` if the run is to end after this step.
    fn is_last_wanted(&self, id: StepId) -> bool {
        let wanted = self.state.settings.until.as_ref();
        wanted.is_some()
            && self.state.frames.len() == 1
            && !self.is_detour(id)
            && self.program.step(id).map(|step| &step.name) == wanted
    }

    /// A step failed: keeps the outputs that resolve and looks for a failure action, else the workflow fails.
    pub(super) fn fail_step(
        &mut self,
        now: Millis,
        id: StepId,
        fault: Fault,
        exchange: Option<Exchange>,
        turn: &mut Turn,
    ) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        self.frame_mut().deadline = None;
        let frame = self.frame().number;
        self.give_up_calls(
            now,
            ("its step failed", Some(FailureKind::GivenUp)),
            |pending| pending.frame == frame,
            turn,
        );
        self.keep_outputs(id, step, exchange.as_ref(), false, turn);
        if self.kept.exceeded() {
            return self.stop_at_limit(Limit::Kept, Some(id));
        }
        Phase::Handle { step: id, fault, exchange: exchange.unwrap_or_default(), from: 0 }
    }

    /// Looks for a failure action, from a place of the list on.
    pub(super) fn handle_failure(
        &mut self,
        now: Millis,
        id: StepId,
        mut fault: Fault,
        exchange: Exchange,
        from: usize,
        turn: &mut Turn,
    ) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        let list = (false, step.on_failure.as_slice());
        match self.choose_action(id, list, from, &exchange, turn) {
            Choice::Action(index) => Phase::Act { step: id, success: false, index, fault: Some(fault), exchange },
            Choice::Nothing { .. } if self.is_detour(id) => {
                self.finish_visit(now, id, StepStatus::Failed, Some(fault), false, turn);
                Phase::DetourFailed
            }
            Choice::Nothing { unmet, spent } => {
                let retried = self.word_retries(id, u32::from(from > 0));
                let after = retried.map(|retried| format!(" after {retried}")).unwrap_or_default();
                let mut reason = if step.on_failure.is_empty() {
                    "the step has no onFailure".to_owned()
                } else if spent || from > 0 {
                    format!("no onFailure action is left{after}")
                } else {
                    format!("no onFailure action matched{after}")
                };
                if !unmet.is_empty() {
                    reason.push_str(&format!(": {}", unmet.join("; ")));
                }
                // What a workflow that was called did not handle, its caller might have.
                fault.remarks.retain(|remark| !matches!(remark, Remark::NotHandled(_)));
                if !self.state.settings.single_call {
                    fault.remarks.push(Remark::NotHandled(reason));
                }
                self.fail_workflow(now, id, fault, turn)
            }
            // The workflow fails here: no later action is looked at.
            Choice::Unknown(criterion, problem) => {
                let mut unknown = self.explain_not_evaluable(id, step, criterion, &problem);
                unknown.remark(format!("the step had failed before: {}", fault.message));
                self.fail_workflow(now, id, unknown, turn)
            }
        }
    }

    /// The retries of a step in this visit, in words. One whose detour failed was not made.
    fn word_retries(&self, id: StepId, not_made: u32) -> Option<String> {
        let times: u32 = self.view(None).state(id)?.used.iter().map(|used| used.times).sum();
        let times = times.saturating_sub(not_made);
        (times > 0).then(|| format!("{times} {}", if times == 1 { "retry" } else { "retries" }))
    }

    /// Does what an action says.
    pub(super) fn take_action(
        &mut self,
        now: Millis,
        id: StepId,
        (success, index): (bool, usize),
        fault: Option<Fault>,
        exchange: Exchange,
        turn: &mut Turn,
    ) -> Phase {
        let program = self.program.clone();
        let action = program.step(id).and_then(|step| step.actions_on(success).get(index));
        let Some(action) = action else { return self.go_on_to(None) };
        let status = if success { StepStatus::Succeeded } else { StepStatus::Failed };
        if !matches!(action.then, Then::Retry { .. }) {
            // It leads elsewhere than to what waited for the step.
            let _ = self.take_joining(id);
        }
        match &action.then {
            Then::Goto(Target::Step(target)) => self.go_to_step(now, id, *target, action, (status, fault), turn),
            Then::Goto(Target::Workflow { workflow, passed }) => {
                let inputs = match self.pass_inputs(id, *workflow, passed, Some(&exchange), turn) {
                    Ok(inputs) => inputs,
                    // What cannot be gone to is a failure that nothing handles.
                    Err(problem) => return self.fail_workflow(now, id, *problem, turn),
                };
                let name = program.workflow(*workflow).map(|w| w.name.clone());
                self.announce_action(id, action, (ActionKind::Goto, success), name, None, turn);
                self.finish_visit(now, id, status, fault, false, turn);
                let entry = program.workflow(*workflow).and_then(|w| w.entry);
                self.go_to_workflow(now, *workflow, inputs, turn);
                // A loop of workflows is paced as one of steps is.
                if let (Some(entry), true) =
                    (entry, program.workflow(*workflow).is_some_and(|w| w.dependencies.is_empty()))
                {
                    let delay = self.find_delay(entry);
                    return self.go_on_after(now, Next::Visit(entry), delay, turn);
                }
                Phase::Resume
            }
            Then::End if success => {
                self.announce_action(id, action, (ActionKind::End, true), None, None, turn);
                self.finish_visit(now, id, status, None, false, turn);
                Phase::End(End::Ended(action.name.clone()))
            }
            Then::End => {
                let Some(mut fault) = fault else { return Phase::Resume };
                self.announce_action(id, action, (ActionKind::End, false), None, None, turn);
                fault.remark(format!("action `{}` ended the workflow", action.name));
                // The author chose how to stop: the exit code is that of a failed workflow, also without an answer.
                if fault.code == Reason::NoAnswer {
                    fault.code = Reason::EndedOnFailure;
                }
                self.fail_workflow(now, id, fault, turn)
            }
            Then::Retry { after_ms, detour, .. } => {
                self.retry_step(now, id, (success, index, action), (*after_ms, detour.as_ref()), fault, &exchange, turn)
            }
        }
    }

    /// Tries the step again: after a wait, and after the detour that the action names.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of the retry")]
    fn retry_step(
        &mut self,
        now: Millis,
        id: StepId,
        (success, index, action): (bool, usize, &Action),
        (after_ms, detour): (Millis, Option<&Target>),
        fault: Option<Fault>,
        exchange: &Exchange,
        turn: &mut Turn,
    ) -> Phase {
        let status = if success { StepStatus::Succeeded } else { StepStatus::Failed };
        // A workflow that was called has left what its last answer asked for.
        let calls = self.program.step(id).is_some_and(|step| step.call.workflow().is_some());
        let asked = self.state.paces.get(&id).and_then(|pace| pace.retry_after);
        let asked = asked.filter(|_| calls || exchange.answer.is_some());
        let delay = match asked {
            Some(asked) => (asked, WaitReason::RetryAfter),
            None => (after_ms, WaitReason::Retry),
        };
        if let Some(stopped) = self.refuse_long_wait(now, id, delay, (status, &fault), turn) {
            return stopped;
        }
        if let Some(state) = self.step_state(id) {
            match state.used.iter_mut().find(|used| (used.success, used.action) == (success, index)) {
                Some(used) => used.times += 1,
                None => state.used.push(Used { success, action: index, times: 1 }),
            }
        }
        // Its own step, named again, is no detour: nobody means two requests (docs/readings.md, `retry` with `stepId`).
        let letter = self.program.readings == Readings::Letter;
        let detour = detour.filter(|detour| letter || !matches!(detour, Target::Step(step) if *step == id));
        let target = match detour {
            Some(Target::Step(step)) => self.program.step(*step).map(|step| step.name.clone()),
            Some(Target::Workflow { workflow, .. }) => self.program.workflow(*workflow).map(|w| w.name.clone()),
            None => None,
        };
        self.announce_action(id, action, (ActionKind::Retry, success), target, Some(delay), turn);
        self.finish_visit(now, id, status, fault.clone(), true, turn);
        let next = match detour {
            Some(target) => {
                self.suspend_retry(id, (success, index), target, fault, exchange);
                Next::Detour(id)
            }
            None => Next::Attempt(id),
        };
        self.go_on_after(now, next, Some(delay), turn)
    }

    /// A server that asks to wait longer than the limit stops the run. What the user or the document asked for is bounded
    /// by the run's own time only.
    fn refuse_long_wait(
        &mut self,
        now: Millis,
        id: StepId,
        (ms, because): (Millis, WaitReason),
        (status, fault): (StepStatus, &Option<Fault>),
        turn: &mut Turn,
    ) -> Option<Phase> {
        let limit = self.state.settings.limits.wait_ms;
        if because != WaitReason::RetryAfter || ms <= limit {
            return None;
        }
        self.finish_visit(now, id, status, fault.clone(), false, turn);
        let mut stop = self.fault_at(
            id,
            Reason::WaitLimit,
            format!("the server asks to wait {} s, longer than the limit of {} s", ms / 1000, limit / 1000),
        );
        stop.remark(format!("asked by {because} of its last answer"));
        stop.remedy = Some(Box::new(Remedy::Raise(Limit::Wait)));
        // The step is over.
        self.frame_mut().position = Position::Left;
        Some(Phase::Stop(Stop::Limit, stop))
    }

    /// What the last answer of a step asked to wait for, the step waits for too that called its workflow.
    fn pass_on_wait(&mut self, id: StepId) {
        let asked = self.state.paces.get(&id).and_then(|pace| pace.retry_after);
        let below = self.state.frames.iter().rev().nth(1).map(|frame| &frame.position);
        if let (Purpose::Step, Some(Position::Inside(Some(caller)))) = (self.frame().purpose, below) {
            let caller = *caller;
            self.state.paces.entry(caller).or_default().retry_after = asked;
        }
    }

    /// A step failed and nothing handled it: so does its workflow.
    fn fail_workflow(&mut self, now: Millis, id: StepId, fault: Fault, turn: &mut Turn) -> Phase {
        self.pass_on_wait(id);
        self.finish_visit(now, id, StepStatus::Failed, Some(fault.clone()), false, turn);
        Phase::End(End::Failed(fault))
    }

    fn go_to_step(
        &mut self,
        now: Millis,
        id: StepId,
        target: StepId,
        action: &Action,
        (status, fault): (StepStatus, Option<Fault>),
        turn: &mut Turn,
    ) -> Phase {
        self.state.jump = Some(Jump { from: id, to: target, action: action.name.clone(), span: action.span });
        let delay = self.find_delay(target);
        if let Some(stopped) = delay.and_then(|delay| self.refuse_long_wait(now, id, delay, (status, &fault), turn)) {
            return stopped;
        }
        let name = self.program.step(target).map(|step| step.name.clone());
        self.announce_action(id, action, (ActionKind::Goto, status == StepStatus::Succeeded), name, delay, turn);
        self.finish_visit(now, id, status, fault, target == id, turn);
        self.go_on_after(now, Next::Visit(target), delay, turn)
    }

    /// Goes on after a delay, if there is one.
    fn go_on_after(&mut self, now: Millis, next: Next, delay: Option<(Millis, WaitReason)>, turn: &mut Turn) -> Phase {
        let Some((ms, because)) = delay.filter(|(ms, _)| *ms > 0) else {
            self.frame_mut().position = Position::Go(next);
            return Phase::Resume;
        };
        let kind = EventKind::WaitStarted { delay_ms: ms, because };
        self.emit(turn, Some(next.step()), None, kind);
        self.state.waited_ms = self.state.waited_ms.saturating_add(ms);
        self.frame_mut().position = Position::Waiting { next, until: now.saturating_add(ms) };
        Phase::Resume
    }

    /// Goes on to a step that no jump leads to: it is no loop yet.
    pub(super) fn go_on_to(&mut self, next: Option<StepId>) -> Phase {
        if let Some(next) = next {
            self.state.paces.remove(&next);
        }
        self.frame_mut().position = next.map_or(Position::Left, |next| Position::Go(Next::Visit(next)));
        Phase::Resume
    }

    fn announce_action(
        &self,
        id: StepId,
        action: &Action,
        (kind, success): (ActionKind, bool),
        target: Option<String>,
        delay: Option<(Millis, WaitReason)>,
        turn: &mut Turn,
    ) {
        if !self.is_heard(Interest::Steps) {
            return;
        }
        let delay = delay.filter(|(ms, _)| *ms > 0);
        let kind = EventKind::ActionSelected {
            action: action.name.clone(),
            kind,
            target,
            on: if success { On::Success } else { On::Failure },
            delay_ms: delay.map(|(ms, _)| ms),
            delay_because: delay.map(|(_, because)| because),
        };
        self.emit(turn, Some(id), Some(action.span), kind);
    }

    /// The last event of a visit.
    fn finish_visit(
        &mut self,
        now: Millis,
        id: StepId,
        status: StepStatus,
        fault: Option<Fault>,
        again: bool,
        turn: &mut Turn,
    ) {
        if let Some(state) = self.step_state(id) {
            state.status = Some(status);
        }
        self.frame_mut().visiting = None;
        if !self.is_heard(Interest::Steps) {
            return;
        }
        let view = self.view(None);
        let state = view.state(id);
        let outputs = state
            .and_then(|state| state.outputs.as_deref())
            .map_or_else(Map::new, |outputs| outputs_json(outputs, &self.secrets));
        let entered = state.map_or(now, |state| state.entered);
        let kind = EventKind::StepFinished {
            status,
            outputs,
            why: fault.map(|fault| *self.explain(fault)),
            duration_ms: now.saturating_sub(entered),
            again,
        };
        self.emit(turn, Some(id), None, kind);
    }
}

/// `true` if an action leads back into its own step.
fn returns_to(action: &Action, id: StepId) -> bool {
    match &action.then {
        Then::Retry { .. } => true,
        Then::Goto(Target::Step(step)) => *step == id,
        Then::Goto(Target::Workflow { .. }) | Then::End => false,
    }
}
