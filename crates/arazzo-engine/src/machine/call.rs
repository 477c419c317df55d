//! Workflows that are run for others: steps that call one, dependencies, detours of retries, and `goto` a workflow.

use std::borrow::Cow;

use crate::value::{Json, Map};

use super::fault::Fault;
use super::frame::{CallPurpose, Detour, Frame, Inputs, Next, Outputs, PendingCall, Position, Purpose, StepState};
use super::phase::{End, Phase};
use super::secrets::learn_input;
use super::store::Slot;
use super::values::ValueBuilder;
use super::wire::{Stop, Turn};
use super::{Machine, select};
use crate::event::{EventKind, FailureKind, Interest, StartedFor};
use crate::expr::{Exchange, Lookup, StepId, WorkflowId};
use crate::fingerprint::fingerprint;
use crate::inputs::accept_own;
use crate::limits::Millis;
use crate::program::{Inherited, Passed, Program, Step, Target, Then, Workflow};
use crate::reason::Reason;
use crate::remedy::{Limit, Remedy};
use crate::value::Value;

impl Machine {
    pub(super) fn push_frame(&mut self, workflow: WorkflowId, purpose: Purpose, inputs: Inputs, extra: Inputs) {
        let steps = self.program.workflow(workflow).map(|w| w.steps.len()).unwrap_or_default();
        self.state.frames.push(Frame {
            number: self.state.frame_count,
            workflow,
            purpose,
            inputs,
            extra,
            steps: vec![StepState::default(); steps],
            position: Position::Start,
            visiting: None,
            deadline: None,
            returned: vec![],
            inherited: None,
            answer: None,
            detours: vec![],
        });
        self.note_inputs();
        self.state.frame_count += 1;
    }

    /// Says that the workflow of the last frame begins.
    pub(super) fn announce_workflow(&mut self, because: Option<StartedFor>, turn: &mut Turn) {
        if !self.is_heard(Interest::Steps) {
            return;
        }
        let frame = self.frame();
        let inputs: Map<String, Json> = frame
            .inputs
            .iter()
            .chain(&frame.extra)
            .map(|(name, slot)| (name.clone(), self.mask_input(name, slot)))
            .collect();
        let parent = self.state.frames.iter().rev().nth(1).map(|below| below.number);
        let because = because.or(frame.purpose.started_for());
        let place = self.program.workflow(frame.workflow).map(|w| w.span);
        self.emit(turn, None, place, EventKind::WorkflowStarted { inputs, parent, because });
    }

    /// Runs what the workflow depends on and has not been run yet, then its first step.
    pub(super) fn begin_workflow(&mut self, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(workflow) = program.workflow(self.frame().workflow) else { return self.go_on_to(None) };
        let Some(needed) = self.find_dependency(workflow) else { return self.go_on_to(workflow.entry) };
        let name = program.workflow(needed).map(|w| w.name.clone()).unwrap_or_default();
        if self.state.failed_dependencies.contains(&needed) {
            let message = format!(
                "workflow `{}` depends on workflow `{name}`, which has failed before in this run",
                workflow.name
            );
            return Phase::End(End::Failed(self.fault_of_workflow(Reason::DependencyNotMet, message)));
        }
        let below = self.state.frames.split_last().map(|(_, below)| below).unwrap_or_default();
        if below.iter().any(|frame| frame.workflow == needed) {
            let message = format!(
                "workflow `{}` depends on workflow `{name}`, which is in progress and waits for it",
                workflow.name
            );
            return Phase::End(End::Failed(self.fault_of_workflow(Reason::DependencyNotMet, message)));
        }
        let frame = self.frame();
        let given = frame.inputs.iter().chain(&frame.extra).cloned().collect();
        let accepted = match self.accept_inputs(needed, given) {
            Ok(accepted) => accepted,
            Err(problem) => {
                let fault =
                    self.fault_of_workflow(Reason::InvalidInput, format!("workflow `{name}` cannot run: {problem}"));
                return Phase::End(End::Failed(fault));
            }
        };
        self.frame_mut().position = Position::Inside(None);
        self.start_workflow(needed, Purpose::Dependency, accepted, turn)
    }

    /// The first workflow that one depends on and that has not come to its end in this run.
    pub(super) fn find_dependency(&self, workflow: &Workflow) -> Option<WorkflowId> {
        let ran = |id: &WorkflowId| self.state.completed.iter().any(|completed| completed.workflow == *id);
        workflow.dependencies.iter().copied().find(|id| !ran(id))
    }

    /// Starts a workflow above the one in progress, unless as many are in progress as may be.
    fn start_workflow(&mut self, workflow: WorkflowId, purpose: Purpose, inputs: Inputs, turn: &mut Turn) -> Phase {
        let limit = self.state.settings.limits.depth;
        if self.state.frames.len() < limit as usize {
            self.push_frame(workflow, purpose, inputs, vec![]);
            self.announce_workflow(None, turn);
            return Phase::Resume;
        }
        let mut fault = self.fault_of_workflow(
            Reason::DepthLimit,
            format!("{limit} workflows are in progress, each called by the one before"),
        );
        fault.remedy = Some(Box::new(Remedy::Raise(Limit::Depth)));
        Phase::Stop(Stop::Limit, fault)
    }

    /// Starts the workflow that a step calls.
    pub(super) fn call_workflow(
        &mut self,
        id: StepId,
        workflow: WorkflowId,
        passed: &Passed,
        turn: &mut Turn,
    ) -> Phase {
        let accepted = match self.pass_inputs(id, workflow, passed, None, turn) {
            Ok(accepted) => accepted,
            Err(fault) => return Phase::Fail { step: id, fault: *fault, exchange: None },
        };
        let print = self.fingerprint_inputs(&accepted);
        let pace = self.state.paces.entry(id).or_default();
        pace.note_request(print);
        pace.retry_after = None;
        self.frame_mut().position = Position::Inside(Some(id));
        self.start_workflow(workflow, Purpose::Step, accepted, turn)
    }

    /// The fingerprint of a call of a workflow with these inputs, to see whether it is made again.
    pub(super) fn fingerprint_inputs(&self, inputs: &Inputs) -> u64 {
        // They may be large: each is written once.
        let text = |(name, slot): &(String, Slot)| {
            let mut text = format!("{name}=").into_bytes();
            slot.value(&self.secrets).map_or(Cow::Owned(Json::Null), Value::as_json).write(&mut text);
            text
        };
        fingerprint(inputs.iter().map(text))
    }

    /// The inputs that a step or action passes to a workflow, checked and completed.
    pub(super) fn pass_inputs(
        &mut self,
        id: StepId,
        workflow: WorkflowId,
        passed: &Passed,
        exchange: Option<&Exchange>,
        turn: &mut Turn,
    ) -> Result<Inputs, Box<Fault>> {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return Ok(vec![]) };
        let built = build_inputs(&program, step, passed, &self.view(exchange))?;
        for (expression, target) in built.absent {
            self.emit(turn, Some(id), None, EventKind::ValueAbsent { expression, target });
        }
        for (name, value) in &built.credentials {
            self.learn_credential(name, value);
        }
        for value in &passed.values {
            self.learn_derived(&format!("{}.{}", step.name, value.name), &value.value, exchange);
        }
        let mut given: Inputs = vec![];
        let marked = program.workflow(workflow).map(|w| &w.inputs.secret);
        for (name, value, foreign) in built.values {
            let slot = if marked.is_some_and(|marked| marked.contains(&name)) {
                self.redactor.learn_built(&name, &value.as_json());
                self.keep_secret(value)
            } else {
                learn_input(&mut self.redactor, (&program, workflow, &[]), &name, &value.as_json());
                Slot::plain(value)
            };
            given.push((name, slot.with_origin(foreign)));
        }
        let inherits = |name: &String| match &passed.inherited {
            Inherited::Nothing => false,
            Inherited::These(names) => names.contains(name),
            Inherited::All => true,
        };
        for (name, slot) in self.frame().inputs.iter().filter(|(name, _)| inherits(name)) {
            if !given.iter().any(|(known, _)| known == name) {
                given.push((name.clone(), slot.clone()));
            }
        }
        self.accept_inputs(workflow, given).map_err(|problem| {
            let name = program.workflow(workflow).map(|w| w.name.as_str()).unwrap_or_default();
            Box::new(self.fault_at(
                id,
                Reason::InvalidInput,
                format!("workflow `{name}` does not accept its inputs: {problem}"),
            ))
        })
    }

    /// Inputs that a workflow accepts, defaults filled in; those it does not know are left out.
    fn accept_inputs(&mut self, workflow: WorkflowId, given: Inputs) -> Result<Inputs, String> {
        let program = self.program.clone();
        let Some(target) = program.workflow(workflow) else { return Ok(given) };
        let known = |name: &String| target.inputs.open || target.inputs.declares(name);
        let mut given: Inputs = given.into_iter().filter(|(name, _)| known(name)).collect();
        let values = given.iter().map(|(name, slot)| (name.clone(), slot.json(&self.secrets))).collect();
        let accepted = accept_own(target, values)
            .map_err(|faults| faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join("; "))?;
        let mut slots: Inputs = vec![];
        for (name, value) in accepted {
            // What was given stays what it is: a file, a secret.
            match given.iter().position(|(known, _)| *known == name) {
                Some(at) => slots.push(given.swap_remove(at)),
                None => {
                    let slot = self.keep_input(workflow, &name, value);
                    slots.push((name, slot));
                }
            }
        }
        Ok(slots)
    }

    /// The workflow of an action takes the place of the one in progress.
    pub(super) fn go_to_workflow(&mut self, now: Millis, workflow: WorkflowId, inputs: Inputs, turn: &mut Turn) {
        let program = self.program.clone();
        let declares = program.workflow(workflow).is_some_and(|w| !w.outputs.is_empty());
        let own = program.workflow(self.frame().workflow).is_some_and(|w| !w.outputs.is_empty());
        let given = match (own, self.frame().inherited.clone()) {
            // Where the other has outputs of its own, nobody waits for these: what they do not find is not said.
            (true, _) if declares => Some(self.evaluate_outputs(&mut Turn::default()).0),
            (true, _) => Some(self.evaluate_outputs(turn).0),
            (false, before) => before,
        };
        let inherited: Option<Outputs> = given.clone().filter(|_| !declares);
        let outputs = Map::new();
        self.leave_receives(now, turn);
        self.emit(turn, None, None, EventKind::WorkflowFinished { status: crate::event::RunStatus::Ended, outputs });
        let Some(old) = self.state.frames.pop() else { return };
        // Whoever depends on it has what was needed: it does not run again, whatever it has become.
        let (purpose, extra) = (old.purpose, old.extra.clone());
        self.complete(old, given.unwrap_or_default());
        self.push_frame(workflow, purpose, inputs, extra);
        // The step below waits for whoever is in progress now, as long as it would have.
        let frame = self.frame_mut();
        frame.inherited = inherited;
        self.announce_workflow(Some(StartedFor::Goto), turn);
    }

    /// Takes the detour of a retry: a step of this workflow, or another workflow.
    pub(super) fn take_detour(&mut self, of: StepId, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(detour) = self.frame().detours.last() else { return self.go_on_to(None) };
        let action = program.step(of).and_then(|step| step.actions_on(detour.success).get(detour.action));
        match action.and_then(|action| action.then.target()) {
            Some(Target::Step(step)) => Phase::Enter { step: *step, visit: true },
            Some(Target::Workflow { workflow, passed }) => {
                let exchange = self.find_held_exchange(of);
                match self.pass_inputs(of, *workflow, passed, exchange.as_ref(), turn) {
                    Ok(inputs) => {
                        self.frame_mut().position = Position::Inside(Some(of));
                        self.start_workflow(*workflow, Purpose::Detour, inputs, turn)
                    }
                    Err(_) => Phase::DetourFailed,
                }
            }
            None => Phase::DetourDone,
        }
    }

    /// The exchange that a pending retry holds.
    fn find_held_exchange(&self, of: StepId) -> Option<Exchange> {
        let detour = self.frame().detours.iter().rev().find(|detour| detour.of == of)?;
        self.unstash(&detour.exchange)
    }

    /// Keeps an exchange or a request with the secrets: it may hold anything that a server sent.
    pub(super) fn stash(&mut self, kept: &impl serde::Serialize) -> Slot {
        let text = serde_json::to_string(kept).unwrap_or_default();
        let slot = Slot::secret(self.secrets.put_text(text));
        self.note_kept(&slot, &vec![]);
        slot
    }

    /// An exchange or a request that was kept with [`Machine::stash`].
    pub(super) fn unstash<T: serde::de::DeserializeOwned>(&self, slot: &Slot) -> Option<T> {
        match slot.value(&self.secrets)? {
            Value::Text(text) => serde_json::from_str(text).ok(),
            _ => None,
        }
    }

    /// Keeps an answer for the steps that led to this workflow, if one of them reads it.
    pub(super) fn keep_answer(&mut self, exchange: &Exchange) {
        let read = self.state.frames.iter().rev().skip(1).any(|frame| {
            let step = if let Position::Inside(step) = frame.position { step } else { None };
            step.and_then(|step| self.program.step(step)).is_some_and(|step| step.call.keeps_answer())
        });
        if read && exchange.answer.is_some() {
            let slot = self.stash(exchange);
            self.frame_mut().answer = Some(slot);
        }
    }

    /// Puts a retry aside until its detour has ended.
    pub(super) fn suspend_retry(
        &mut self,
        of: StepId,
        (success, action): (bool, usize),
        target: &Target,
        fault: Option<Fault>,
        exchange: &Exchange,
    ) {
        let slot = self.stash(exchange);
        let state = self.step_state(of).cloned().unwrap_or_default();
        let step = if let Target::Step(step) = target { Some(*step) } else { None };
        self.frame_mut().detours.push(Detour {
            of,
            step,
            success,
            action,
            fault,
            exchange: slot,
            used: state.used,
            attempt: state.attempt,
        });
    }

    /// The detour has ended well: the step is tried again.
    pub(super) fn finish_detour(&mut self) -> Phase {
        let Some(detour) = self.frame_mut().detours.pop() else { return Phase::Resume };
        self.resume_step(&detour);
        self.frame_mut().position = Position::Go(Next::Attempt(detour.of));
        Phase::Resume
    }

    /// The detour has failed: it ends this retry, and the next action is looked at.
    pub(super) fn fail_detour(&mut self) -> Phase {
        let Some(of) = self.frame().detours.last().map(|detour| detour.of) else { return Phase::Resume };
        let exchange = self.find_held_exchange(of).unwrap_or_default();
        let Some(detour) = self.frame_mut().detours.pop() else { return Phase::Resume };
        self.resume_step(&detour);
        let program = self.program.clone();
        let action = program.step(of).and_then(|step| step.actions_on(detour.success).get(detour.action));
        let run = match action.map(|action| &action.then) {
            Some(Then::Retry { detour: Some(Target::Step(step)), .. }) => {
                format!("step `{}`", program.step(*step).map_or("", |step| &step.name))
            }
            Some(Then::Retry { detour: Some(Target::Workflow { workflow, .. }), .. }) => {
                let workflow = program.workflows.get(workflow.0 as usize);
                format!("workflow `{}`", workflow.map_or("", |workflow| &workflow.name))
            }
            _ => "what was to run".to_owned(),
        };
        let fault = detour.fault.map(|mut fault| {
            fault.remark(format!("{run} failed, which runs before the retry: the retry was not made"));
            fault
        });
        match fault {
            Some(fault) => Phase::Handle { step: of, fault, exchange, from: detour.action + 1 },
            None => Phase::AfterSuccess { step: of, exchange, from: detour.action + 1 },
        }
    }

    /// Goes on with the visit that the detour interrupted; what was retried in between counts.
    fn resume_step(&mut self, detour: &Detour) {
        if let Some(state) = self.step_state(detour.of) {
            state.count_retries(&detour.used);
            state.attempt = detour.attempt;
        }
    }

    /// `true` if this step runs as a detour of another.
    pub(super) fn is_detour(&self, id: StepId) -> bool {
        self.frame().detours.last().is_some_and(|detour| detour.step == Some(id))
    }

    /// Gives up the attempts whose time is over at `at`: the outermost step fails. Nothing if there is none.
    pub(super) fn expire_attempts(&mut self, at: Millis, now: Millis, turn: &mut Turn) -> Option<Phase> {
        if self.state.queued_since.is_some() {
            return None;
        }
        let over = |frame: &Frame| frame.deadline.is_some_and(|deadline| deadline <= at);
        let index = self.state.frames.iter().position(over)?;
        let first = self.state.frames.get(index).map_or(0, |frame| frame.number);
        let is_message = |pending: &PendingCall| pending.frame >= first && pending.purpose == CallPurpose::Message;
        let in_doubt = self.state.waiting.values().any(is_message);
        let why = ("the time of the step was over", Some(FailureKind::Timeout));
        self.give_up_calls(now, why, |pending| pending.frame >= first, turn);
        while self.state.frames.len() > index + 1 {
            self.abandon_frame(now, turn);
        }
        self.frame_mut().deadline = None;
        let step = match self.frame().position {
            Position::Calling { step } | Position::Inside(Some(step)) => step,
            _ => return Some(Phase::Resume),
        };
        let ms = self.program.step(step).and_then(|step| step.timeout_ms).unwrap_or_default();
        let mut fault =
            self.fault_at(step, Reason::StepTimeout, format!("the step took longer than its timeout of {ms} ms"));
        fault.help = Some("raise `timeout` of the step".to_owned());
        if in_doubt {
            fault.remark("whether the message has arrived is not known");
        }
        Some(Phase::Fail { step, fault, exchange: None })
    }

    /// A fault of the workflow in progress, before or between its steps.
    pub(super) fn fault_of_workflow(&self, code: Reason, message: String) -> Fault {
        let workflow = self.program.workflow(self.frame().workflow);
        Fault { span: workflow.map(|workflow| workflow.span), ..Fault::new(code, message) }
    }
}

/// The inputs of a workflow that is called, with what was learned while they were built.
struct BuiltInputs {
    /// By name; `true` for one in which a server has a part.
    values: Vec<(String, Value, bool)>,
    absent: Vec<(String, String)>,
    credentials: Vec<(String, Json)>,
}

/// Builds the inputs that a step or an action passes to a workflow.
///
/// # Errors
/// A [`Fault`] if they cannot be built.
fn build_inputs(
    program: &Program,
    step: &Step,
    passed: &Passed,
    lookup: &dyn Lookup,
) -> Result<BuiltInputs, Box<Fault>> {
    let mut builder = ValueBuilder::new(program, step, lookup);
    let mut values = vec![];
    for passed in &passed.values {
        if let Some(value) = builder.build(&passed.value, &passed.name)? {
            values.push((passed.name.clone(), value, select::is_foreign(&passed.value, lookup)));
        }
    }
    Ok(BuiltInputs { values, absent: builder.absent, credentials: builder.credentials })
}
