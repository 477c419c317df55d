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

use std::sync::Arc;

use crate::value::Json;

use crate::code::{Code, Severity};
use crate::credentials::Credentials;
use crate::diagnostic::Diagnostics;
use crate::event::{Event, EventKind, Interest, Why};
use crate::expr::{Exchange, StepId};
use crate::inputs::InputValues;
use crate::limits::{Millis, Settings, Warning};
use crate::program::{Program, WorkflowId};
use crate::reason::Reason;
use crate::redact::Redactor;
use crate::source::Span;
use crate::stand_in::StandIns;

mod act;
mod advance;
mod answer;
mod auth;
mod call;
mod channel;
mod charset;
mod contract;
mod cookies;
mod criterion;
mod digest;
mod enter;
mod failed;
mod fault;
mod fields;
mod finish;
mod forecast;
mod frame;
mod idempotency;
mod judge;
mod kept;
mod leaving;
pub mod message;
mod outputs;
mod pace;
mod payload;
mod phase;
mod receive;
mod redirect;
mod request;
mod resume;
mod secrets;
mod select;
mod send;
mod servers;
mod state;
mod store;
mod stored;
mod values;
mod waiting;
mod wire;

use fault::Fault;
use frame::{ByteBudget, Frame, Position, Purpose, StepState, View};
use kept::KeptBudget;
use message::ChannelInput;
use phase::Phase;
use servers::missing_servers;
use state::{Stage, State};
use store::{Kept, SecretStore, Slot};

pub(crate) use auth::choice;
pub use auth::missing_credentials;
pub use channel::AwaitedMessage;
pub use forecast::{Course, Forecast};
pub use resume::{NoSuchStep, PendingRequest};
pub(crate) use secrets::learn_input;
pub(crate) use servers::secrets_of_query;
pub use state::SEMANTICS;
pub use stored::{RestoreError, Secrets, StoredState};
pub use wire::{
    Because, CallId, Failure, FailureKind, Input, Outcome, Outgoing, Outputs, ParsedUrl, Progress, Request, Response,
    Stop, StoredOutgoing, Turn, is_idempotent,
};

/// A run in progress.
#[derive(Debug)]
pub struct Machine {
    program: Arc<Program>,
    state: State,
    secrets: SecretStore,
    redactor: Redactor,
    budget: ByteBudget,
    /// No part of the state: whoever goes on with a run says it anew.
    interest: Interest,
    kept: KeptBudget,
    /// `true` if no secret is forgotten.
    remembers: bool,
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
        Self::check(&program, workflow, &settings)?;
        let credentials = std::mem::take(&mut settings.credentials);
        let mut machine = Self {
            state: State::new(settings),
            program,
            secrets: SecretStore::default(),
            redactor: Redactor::default(),
            budget: ByteBudget::default(),
            interest: Interest::default(),
            kept: KeptBudget::default(),
            remembers: false,
        };
        machine.take_credentials(credentials);
        machine.learn_servers();
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
        machine.warn_of_plain_secrets();
        machine.weigh_anew();
        Ok(machine)
    }

    /// Looks for what keeps [`Machine::new`] from making a run, and makes none.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn check(program: &Program, workflow: WorkflowId, settings: &Settings) -> Result<(), Diagnostics> {
        let faults = missing_servers(program, workflow, settings);
        if faults.has_errors() { Err(faults) } else { Ok(()) }
    }

    /// Secrets that masking cannot hide, or hides too much for, are said before the run: a recording, whose stand-ins are
    /// none, has that from here.
    fn warn_of_plain_secrets(&mut self) {
        let warning = |message: String| Warning { code: Code::ShortSecret, message, help: None, span: None };
        let common =
            self.redactor.common().into_iter().map(|name| {
                warning(format!("the value of `{name}` is a common word, which is masked wherever it stands"))
            });
        let short =
            self.redactor.short().iter().map(|name| {
                warning(format!("the value of `{name}` is shorter than 4 characters and cannot be masked"))
            });
        self.state.settings.warnings.extend(common.chain(short));
    }

    /// What is said when the run begins.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.state.settings.warnings
    }

    /// Goes on from a stored run.
    ///
    /// A call that was in flight is still expected: a driver that cannot know its answer replies with a failure.
    ///
    /// # Errors
    /// [`RestoreError`] if the state does not fit the program, the secrets or this version.
    pub fn restore(program: Arc<Program>, stored: StoredState, secrets: Secrets) -> Result<Self, RestoreError> {
        let (state, secrets, redactor) = SecretStore::put_back(&program, stored, secrets)?;
        let mut budget = ByteBudget::default();
        budget.bytes = state.settings.limits.value_bytes;
        let (interest, kept) = (Interest::default(), KeptBudget::default());
        let mut machine = Self { program, state, secrets, redactor, budget, interest, kept, remembers: false };
        machine.weigh_anew();
        Ok(machine)
    }

    /// Makes only the events that a reader with this interest hears, from now on. Without it, all of them.
    pub fn set_interest(&mut self, interest: Interest) {
        self.interest = interest;
    }

    /// The run between two steps: a state that holds no secret, and the secrets, which are to be kept apart from it and
    /// encrypted. Both can go to another process.
    ///
    /// # Errors
    /// Why it could not be written, which says that something is wrong with this library.
    pub fn stored(&self) -> Result<(StoredState, Secrets), serde_json::Error> {
        self.secrets.take_out(&self.program, &self.state, &self.redactor)
    }

    /// Masks a text of the world (an error of the transport, a panic) as events are masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.redactor.mask(text)
    }

    /// From now on no secret is forgotten, however many servers give: what is kept of the run has stand-ins for all.
    pub fn remember_secrets(&mut self) {
        self.remembers = true;
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
        let phase = match (self.state.stage, input) {
            (Stage::Fresh, Input::Start { epoch_ms }) => self.start_run(epoch_ms, &mut turn),
            // What came at the last moment still counts.
            (Stage::Running, Input::Reply { call, result }) => {
                match self.expire_attempts(now.saturating_sub(1), now, &mut turn) {
                    Some(expired) => expired,
                    None => self.take_reply(now, call, result, &mut turn),
                }
            }
            (Stage::Running, Input::Progress { call, progress }) => {
                if progress == Progress::Begun {
                    // Before it is judged whether the time of its step is over.
                    self.begin_later(now, call);
                }
                match self.expire_attempts(now.saturating_sub(1), now, &mut turn) {
                    Some(expired) => expired,
                    None => {
                        self.note_progress(now, call, progress, &mut turn);
                        Phase::Resume
                    }
                }
            }
            (Stage::Running, Input::Channel(input)) => {
                match self.expire_attempts(now.saturating_sub(1), now, &mut turn) {
                    Some(expired) => expired,
                    None => self.take_channel(now, input, &mut turn),
                }
            }
            (Stage::Stopping(_), Input::Channel(ChannelInput::Sent { call, result })) => {
                self.take_late_sent(now, call, result, &mut turn)
            }
            (Stage::Running, Input::Tick) => Phase::Resume,
            (Stage::Running | Stage::Fresh, Input::Cancel) => self.cancel_run(now, &mut turn),
            (Stage::Stopping(_), Input::Reply { call, result }) => self.take_late_reply(now, call, result, &mut turn),
            (Stage::Stopping(_), Input::Cancel) => self.interrupt_run(),
            (Stage::Stopping(until), Input::Tick | Input::Progress { .. } | Input::Channel(_)) if now >= until => {
                self.interrupt_run()
            }
            // Named, so that a new input or stage has to be placed: nothing follows from these.
            (Stage::Fresh | Stage::Stopping(_), Input::Tick)
            | (Stage::Running | Stage::Stopping(_) | Stage::Done, Input::Start { .. })
            | (Stage::Fresh | Stage::Done, Input::Reply { .. })
            | (Stage::Fresh | Stage::Stopping(_) | Stage::Done, Input::Progress { .. } | Input::Channel(_))
            | (Stage::Done, Input::Tick | Input::Cancel) => Phase::Wait,
        };
        self.advance(now, phase, &mut turn);
        self.secrets.sweep(|| self.state.owned_secrets());
        if !self.remembers {
            self.redactor.forget(|| self.secrets.texts().chain(serde_json::to_string(&self.state)).collect());
        }
        turn.wake = self.next_wake();
        turn
    }

    fn start_run(&mut self, epoch_ms: i64, turn: &mut Turn) -> Phase {
        self.state.stage = Stage::Running;
        self.state.epoch_ms = epoch_ms;
        self.redactor.begin();
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
        self.announce_workflow(None, turn);
        Phase::Resume
    }

    /// An input for an event: a secret is its mask, whatever its length or type.
    fn mask_input(&self, name: &str, slot: &Slot) -> Json {
        match slot.kept {
            Kept::Secret(_) => Json::String(format!("‹{name}›")),
            Kept::Plain(_) => slot.json(&self.secrets),
        }
    }

    /// The time of the next tick.
    fn next_wake(&self) -> Option<Millis> {
        let limit = self.state.run_limit();
        let deadlines = self.state.frames.iter().filter_map(|frame| frame.deadline);
        let deadlines = deadlines.filter(|_| self.state.queued_since.is_none());
        let deadline = deadlines.min().unwrap_or(limit).min(limit);
        match (self.state.stage, &self.frame().position) {
            (Stage::Running, Position::Waiting { until, .. }) => Some((*until).min(deadline)),
            (Stage::Running, Position::Receiving { .. }) => {
                Some(self.receive_deadline().unwrap_or(deadline).min(deadline))
            }
            (Stage::Running, _) => Some(deadline),
            (Stage::Stopping(until), _) => Some(until),
            (Stage::Fresh | Stage::Done, _) => None,
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

    /// `true` if events of this interest are read: else, what costs something to say is not put together.
    fn is_heard(&self, interest: Interest) -> bool {
        interest <= self.interest
    }

    /// The only door for events: masked here, and nowhere else. What no one reads does not pass.
    fn emit(&self, turn: &mut Turn, step: Option<StepId>, span: Option<Span>, kind: EventKind) {
        if !self.is_heard(kind.interest()) {
            return;
        }
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
