//! The state machine: `step(now, input) → turn`. The only place where control flows.
//!
//! ```text
//!          Start                     send                       Reply
//!   Fresh ───────▶ Go(next) ─┬──────────────▶ Calling(step) ──────────▶ judge → act
//!                   ▲   ▲    │ workflowId                                 │
//!                   │   │    └──▶ Inside(step): a frame above ──▶ its end ┤ next, goto, retry
//!                   │   │ due                                             │
//!                   │  Waiting(next) ◀─────────── paced, retryAfter ──────┤
//!                   └─────────────────────────────────────────────────────┤
//!                                                                         ▼
//!   any ── limit, Cancel ──▶ Stopping ──▶ Done ◀── end, failed, last step ┘
//! ```
//!
//! A workflow in progress is a frame; a step that calls a workflow, a dependency and a detour of a retry push one, its
//! end pops it. `goto` a workflow takes the place of a frame.
//!
//! Absent on purpose: clocks (time is an argument), sockets, randomness, threads, documents. A state can be stored
//! between any two steps; the values of secrets are kept apart from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::code::{Code, Severity};
use crate::credentials::Credentials;
use crate::diagnostic::Diagnostics;
use crate::event::{Event, EventKind, Why};
use crate::expr::{Exchange, StepId};
use crate::inputs::InputValues;
use crate::limits::{Millis, Settings};
use crate::program::{Call, Operation, Program, Step, WorkflowId};
use crate::reason::Reason;
use crate::redact::Redactor;
use crate::source::Span;
use crate::stand_in::StandIns;

mod act;
mod answer;
mod auth;
mod call;
mod contract;
mod cookies;
mod criterion;
mod digest;
mod enter;
mod fault;
mod fingerprint;
mod finish;
mod frame;
mod judge;
mod outputs;
mod pace;
mod payload;
mod receive;
mod redirect;
mod request;
mod secrets;
mod select;
mod send;
mod servers;
mod state;
mod values;
mod wire;

use cookies::Cookie;
use fault::Fault;
use finish::End;
use frame::{ByteBudget, Frame, Kept, Next, Position, Purpose, Slot, StepState, View};
use servers::missing_servers;
use state::Phase;

pub(crate) use auth::choice;
pub use auth::missing_credentials;
pub use frame::Secrets;
pub use state::{RestoreError, SEMANTICS, State};
pub use wire::{Because, CallId, Failure, FailureKind, Input, Outcome, Outgoing, Request, Response, Stop, Turn};

/// A run in progress.
#[derive(Debug)]
pub struct Machine {
    program: Arc<Program>,
    state: State,
    secrets: Secrets,
    redactor: Redactor,
    budget: ByteBudget,
}

impl Machine {
    /// A run of `workflow` with inputs that [`crate::inputs::accept`] returned.
    ///
    /// # Errors
    /// [`Diagnostics`] about servers that neither a description nor a setting gives.
    pub fn new(
        program: Arc<Program>,
        workflow: WorkflowId,
        inputs: InputValues,
        mut settings: Settings,
    ) -> Result<Self, Diagnostics> {
        let faults = missing_servers(&program, workflow, &settings);
        if faults.has_errors() {
            return Err(faults);
        }
        let credentials = std::mem::take(&mut settings.credentials);
        let mut machine = Self {
            state: State::new(settings),
            program,
            secrets: Secrets::default(),
            redactor: Redactor::default(),
            budget: ByteBudget::default(),
        };
        machine.take_credentials(credentials);
        machine.budget.bytes = machine.state.settings.limits.value_bytes;
        let program = machine.program.clone();
        let own = program.workflow(workflow).map(|workflow| &workflow.inputs);
        let (mut inputs_of, mut extra) = (vec![], vec![]);
        for (name, value) in inputs {
            let passed_on = own.is_some_and(|own| own.passes_on(&name));
            let slot = machine.keep_input(workflow, &name, value);
            if passed_on { extra.push((name, slot)) } else { inputs_of.push((name, slot)) }
        }
        machine.push_frame(workflow, Purpose::Run, inputs_of, extra);
        machine.learn_constants(workflow);
        Ok(machine)
    }

    /// Goes on from a stored state; `secrets` are the values that [`Machine::secrets`] gave with it.
    ///
    /// A call that was in flight is still expected: a driver that cannot know its answer replies with a failure.
    ///
    /// # Errors
    /// [`RestoreError`] if the state does not fit the program, the secrets or this version.
    pub fn restore(program: Arc<Program>, state: State, secrets: Secrets) -> Result<Self, RestoreError> {
        state.check(&program, secrets.0.len())?;
        let mut machine =
            Self { program, state, secrets, redactor: Redactor::default(), budget: ByteBudget::default() };
        machine.budget.bytes = machine.state.settings.limits.value_bytes;
        let of_cookies: BTreeSet<u32> = machine.state.cookies.iter().filter_map(Cookie::slot).collect();
        for (number, (name, value)) in machine.state.secret_names.iter().zip(&machine.secrets.0).enumerate() {
            let value = value.clone().into_json();
            if of_cookies.contains(&(number as u32)) {
                machine.redactor.learn_masked(name, &value);
            } else {
                machine.redactor.learn_built(name, &value);
            }
        }
        if let Some(first) = machine.state.frames.first().map(|frame| frame.workflow) {
            machine.learn_constants(first);
        }
        Ok(machine)
    }

    /// The state between two steps, without the values of secrets.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The values of the secrets, to be kept apart from the state.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Masks a text of the world (an error of the transport, a panic) as events are masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.redactor.mask(text)
    }

    /// Stand-ins for every secret that the run was given or knows by now: what a transcript of it holds in their place.
    #[must_use]
    pub fn stand_ins(&self, given: &Credentials) -> StandIns {
        StandIns::of(given, &self.redactor)
    }

    /// Takes one input in at `now` (ms since the start, never less than before) and says what follows.
    ///
    /// Total: an input that does not fit the state (an answer to a call that was given up, a tick before its time)
    /// changes nothing.
    pub fn step(&mut self, now: Millis, input: Input) -> Turn {
        let mut turn = Turn::default();
        match (self.state.phase, input) {
            (Phase::Fresh, Input::Start { epoch_ms }) => self.start_run(epoch_ms, &mut turn),
            (Phase::Running, Input::Reply { call, result }) => {
                self.expire_attempts(now.saturating_sub(1), now, &mut turn);
                self.take_reply(now, call, result, &mut turn);
            }
            (Phase::Running | Phase::Fresh, Input::Cancel) => self.cancel_run(now, &mut turn),
            (Phase::Stopping(_), Input::Reply { call, result }) => self.take_late_reply(now, call, result, &mut turn),
            (Phase::Stopping(_), Input::Cancel) => self.interrupt_run(now, &mut turn),
            (Phase::Stopping(until), Input::Tick) if now >= until => self.interrupt_run(now, &mut turn),
            // Named, so that a new input or phase has to be placed: nothing follows from these.
            (Phase::Running | Phase::Fresh | Phase::Stopping(_), Input::Tick)
            | (Phase::Running | Phase::Stopping(_) | Phase::Done, Input::Start { .. })
            | (Phase::Fresh | Phase::Done, Input::Reply { .. })
            | (Phase::Done, Input::Tick | Input::Cancel) => {}
        }
        self.proceed(now, &mut turn);
        turn.wake = self.next_wake();
        turn
    }

    fn start_run(&mut self, epoch_ms: i64, turn: &mut Turn) {
        self.state.phase = Phase::Running;
        self.state.epoch_ms = epoch_ms;
        let document = self.program.sources.iter().next().map(|(_, source)| source.name.clone()).unwrap_or_default();
        let secrets = self.redactor.names().to_vec();
        self.emit(turn, None, None, EventKind::RunStarted { document, title: self.program.title.clone(), secrets });
        for warning in self.state.settings.warnings.clone() {
            let kind = EventKind::Diagnostic {
                code: warning.code,
                severity: Severity::Warning,
                message: warning.message,
                help: warning.help,
            };
            self.emit(turn, None, warning.span, kind);
        }
        for name in self.redactor.short().to_vec() {
            let message = format!("the value of `{name}` is shorter than 4 characters and cannot be masked");
            self.emit(
                turn,
                None,
                None,
                EventKind::Diagnostic { code: Code::ShortSecret, severity: Severity::Warning, message, help: None },
            );
        }
        self.announce_workflow(None, turn);
    }

    /// An input for an event: a secret is its mask, whatever its length or type.
    fn mask_input(&self, name: &str, slot: &Slot) -> Json {
        match slot.kept {
            Kept::Secret(_) => Json::String(format!("‹{name}›")),
            Kept::Plain(_) => slot.json(&self.secrets),
        }
    }

    /// Goes on as far as it can without an input.
    fn proceed(&mut self, now: Millis, turn: &mut Turn) {
        while self.state.phase == Phase::Running {
            if now >= self.state.settings.limits.run_ms {
                return self.stop_at_time_limit(now, turn);
            }
            if self.budget.exceeded() {
                return self.stop_at_value_limit(now, turn);
            }
            if self.expire_attempts(now, now, turn) {
                continue;
            }
            match self.frame().position {
                Position::Start => self.begin_workflow(now, turn),
                Position::Go(next) => self.go_to(now, next, turn),
                Position::Waiting { next, until } if now >= until => self.go_to(now, next, turn),
                Position::Waiting { .. } | Position::Calling { .. } => return,
                // The frame above is gone, which never happens: there is nothing to wait for.
                Position::Inside(_) | Position::Left => self.end_workflow(now, End::Succeeded, turn),
            }
        }
    }

    /// The time of the next tick.
    fn next_wake(&self) -> Option<Millis> {
        let limit = self.state.settings.limits.run_ms;
        let deadline = self.state.frames.iter().filter_map(|frame| frame.deadline).min().unwrap_or(limit).min(limit);
        match (self.state.phase, &self.frame().position) {
            (Phase::Running, Position::Waiting { until, .. }) => Some((*until).min(deadline)),
            (Phase::Running, _) => Some(deadline),
            (Phase::Stopping(until), _) => Some(until),
            (Phase::Fresh | Phase::Done, _) => None,
        }
    }

    fn go_to(&mut self, now: Millis, next: Next, turn: &mut Turn) {
        match next {
            Next::Visit(step) => self.enter_step(now, step, true, turn),
            Next::Attempt(step) => self.enter_step(now, step, false, turn),
            Next::Detour(step) => self.take_detour(now, step, turn),
        }
    }

    /// A fault of a step.
    fn fault_at(&self, step: StepId, code: Reason, message: String) -> Fault {
        self.place_fault(step, Fault::new(code, message))
    }

    fn place_fault(&self, step: StepId, fault: Fault) -> Fault {
        match self.program.step(step) {
            Some(step) => fault.of_step(step),
            None => fault,
        }
    }

    /// The values that expressions see now.
    fn view<'a>(&'a self, exchange: Option<&'a Exchange>) -> View<'a> {
        let frame = self.frame();
        let below = self.state.frames.split_last().map(|(_, below)| below).unwrap_or_default();
        let (secrets, completed) = (&self.secrets, &self.state.completed);
        View { frame, first: self.first_step(), secrets, below, completed, exchange, budget: &self.budget }
    }

    /// The workflow in progress.
    #[expect(clippy::expect_used, reason = "the first frame is pushed by `new` and never popped")]
    fn frame(&self) -> &Frame {
        self.state.frames.last().expect("a run has a frame")
    }

    #[expect(clippy::expect_used, reason = "the first frame is pushed by `new` and never popped")]
    fn frame_mut(&mut self) -> &mut Frame {
        self.state.frames.last_mut().expect("a run has a frame")
    }

    /// The first step of the workflow in progress.
    fn first_step(&self) -> StepId {
        self.program.workflow(self.frame().workflow).and_then(|w| w.steps.first().copied()).unwrap_or(StepId(0))
    }

    /// Everything that a step of the workflow in progress has done.
    fn step_state(&mut self, step: StepId) -> Option<&mut StepState> {
        let index = step.0.checked_sub(self.first_step().0)? as usize;
        self.frame_mut().steps.get_mut(index)
    }

    /// A fault in the words and places of people.
    fn explain(&self, fault: Fault) -> Box<Why> {
        Box::new(fault.explain(&self.program.sources))
    }

    /// The only door for events: masked here, and nowhere else.
    fn emit(&self, turn: &mut Turn, step: Option<StepId>, span: Option<Span>, kind: EventKind) {
        let known = step.and_then(|id| self.program.step(id));
        let view = self.view(None);
        let state = step.and_then(|id| view.state(id));
        let workflow = self.program.workflow(view.frame.workflow).map(|w| w.name.clone()).unwrap_or_default();
        let event = Event {
            workflow,
            frame: view.frame.number,
            step: known.map(|s| s.name.clone()),
            visit: state.map(|state| state.visits),
            attempt: state.map(|state| state.attempt.max(1)),
            span: span.map(|span| self.program.sources.place(span)),
            kind,
        };
        turn.events.push(event.masked(&self.redactor));
    }
}

/// The operation that a step calls, if it calls one.
pub(crate) fn operation_of<'p>(program: &'p Program, step: &Step) -> Option<&'p Operation> {
    match &step.call {
        Call::Operation { operation, .. } => program.operation(*operation),
        Call::Workflow { .. } => None,
    }
}
