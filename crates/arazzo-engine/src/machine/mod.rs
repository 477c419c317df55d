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

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::code::{Code, Severity};
use crate::credentials::Credentials;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, EventKind, Why};
use crate::expr::{Exchange, StepId};
use crate::inputs::InputValues;
use crate::limits::{Millis, Settings};
use crate::openapi::server::NoUrl;
use crate::program::{Call, Output, Program, Step, WorkflowId};
use crate::reason::Reason;
use crate::redact::Redactor;
use crate::remedy::{Limit, Remedy};
use crate::source::Span;
use crate::stand_in::StandIns;
use crate::value::{Value, fingerprint};

mod act;
mod answer;
mod auth;
mod call;
mod contract;
mod cookies;
mod criterion;
mod digest;
mod fault;
mod finish;
mod frame;
mod judge;
mod payload;
mod redirect;
mod request;
mod secrets;
mod select;
mod store;
mod values;
mod wire;

use auth::{Ready, Token};
use cookies::Cookie;
use fault::Fault;
use frame::{
    ByteBudget, CallPurpose, Completed, Frame, Kept, Next, Pace, PendingCall, Position, Purpose, Slot, StepState, View,
};

use redirect::Hop;
use store::SecretStore;

pub(crate) use auth::choice;
pub use auth::missing_credentials;
pub use store::{RestoreError, Secrets, StoredState};
pub use wire::{Because, CallId, Failure, FailureKind, Input, Outcome, Outgoing, Request, Response, Stop, Turn};

/// The version of what this machine means; stored with every state, so that a stored run is never read differently.
pub const SEMANTICS: u32 = 1;

/// How long what is said about a missing answer may be, in characters: it may quote the server.
const FAILURE_SHOWN: usize = 400;

/// How long calls in flight may still take after the first cancel, in ms.
const GRACE: Millis = 5_000;

/// A run in progress.
#[derive(Debug)]
pub struct Machine {
    program: Arc<Program>,
    state: State,
    secrets: SecretStore,
    redactor: Redactor,
    budget: ByteBudget,
}

/// Everything a run is, but the program and the values of secrets. Small, serializable, cheap to copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    settings: Settings,
    phase: Phase,
    epoch_ms: i64,
    /// The workflows in progress, each run for the one before.
    frames: Vec<Frame>,
    /// The number of the next frame.
    frame_count: u32,
    /// Workflows that have run to their end, each as it ran last.
    completed: Vec<Completed>,
    /// Steps that were completed and that steps of other workflows depend on.
    done_steps: BTreeSet<StepId>,
    /// How often each step has sent the same, and got the same.
    paces: BTreeMap<StepId, Pace>,
    /// `true` if the last request went to this machine.
    loopback: bool,
    pending_calls: Vec<PendingCall>,
    /// What proves who calls, by [`crate::credentials`]' keys.
    credentials: BTreeMap<String, Slot>,
    certificate: bool,
    tokens: Vec<Token>,
    cookies: Vec<Cookie>,
    calls: u64,
    attempts: u32,
    requests: u32,
    visits: u32,
    /// Different steps that were entered.
    steps: u32,
    waited_ms: Millis,
    /// The last jump that an action made: what a limit names as the loop.
    jump: Option<Jump>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Fresh,
    Running,
    /// Cancelled; calls in flight may end until then.
    Stopping(Millis),
    Done,
}

/// What came for a call: an answer, or none; the exchange says to what.
type Came = Result<Exchange, (Failure, Exchange)>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Jump {
    from: StepId,
    to: StepId,
    action: String,
    span: Span,
}

impl Machine {
    /// A run of `workflow` with inputs that [`crate::inputs::accept`] returned.
    ///
    /// # Errors
    /// What is missing to run it with these settings: a server that neither a description nor a setting gives.
    pub fn new(
        program: Arc<Program>,
        workflow: WorkflowId,
        inputs: InputValues,
        mut settings: Settings,
    ) -> Result<Self, Diagnostics> {
        let faults = servers(&program, workflow, &settings);
        if faults.has_errors() {
            return Err(faults);
        }
        let credentials = std::mem::take(&mut settings.credentials);
        let mut machine = Self {
            state: State {
                phase: Phase::Fresh,
                epoch_ms: 0,
                frames: vec![],
                frame_count: 0,
                completed: vec![],
                done_steps: BTreeSet::new(),
                paces: BTreeMap::new(),
                loopback: false,
                pending_calls: vec![],
                credentials: BTreeMap::new(),
                certificate: false,
                tokens: vec![],
                cookies: vec![],
                calls: 0,
                attempts: 0,
                requests: 0,
                visits: 0,
                steps: 0,
                waited_ms: 0,
                jump: None,
                settings,
            },
            program,
            secrets: SecretStore::default(),
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
            let slot = machine.input_slot(workflow, &name, value);
            if passed_on { extra.push((name, slot)) } else { inputs_of.push((name, slot)) }
        }
        machine.push_frame(workflow, Purpose::Run, inputs_of, extra);
        machine.learn_constants(workflow);
        Ok(machine)
    }

    /// Goes on from a stored run.
    ///
    /// A call that was in flight is still expected: a driver that cannot know its answer replies with a failure.
    ///
    /// # Errors
    /// [`RestoreError`] if the state does not fit the program, the secrets or this version.
    pub fn restore(program: Arc<Program>, stored: StoredState, secrets: Secrets) -> Result<Self, RestoreError> {
        let (state, secrets, redactor) = SecretStore::put_back(&program, stored, secrets)?;
        let fits = |frame: &Frame| program.workflow(frame.workflow).is_some_and(|w| w.steps.len() == frame.steps.len());
        if state.frames.is_empty() || !state.frames.iter().all(fits) {
            return Err(RestoreError::Program);
        }
        let mut budget = ByteBudget::default();
        budget.bytes = state.settings.limits.value_bytes;
        Ok(Self { program, state, secrets, redactor, budget })
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
            (Phase::Fresh, Input::Start { epoch_ms }) => self.start(epoch_ms, &mut turn),
            (Phase::Running, Input::Reply { call, result }) => {
                self.expire(now.saturating_sub(1), now, &mut turn);
                self.reply(now, call, result, &mut turn);
            }
            (Phase::Running | Phase::Fresh, Input::Cancel) => self.cancel(now, &mut turn),
            (Phase::Stopping(_), Input::Reply { call, result }) => self.late_reply(now, call, result, &mut turn),
            (Phase::Stopping(_), Input::Cancel) => self.interrupted(now, &mut turn),
            (Phase::Stopping(until), Input::Tick) if now >= until => self.interrupted(now, &mut turn),
            // Named, so that a new input or phase has to be placed: nothing follows from these.
            (Phase::Running | Phase::Fresh | Phase::Stopping(_), Input::Tick)
            | (Phase::Running | Phase::Stopping(_) | Phase::Done, Input::Start { .. })
            | (Phase::Fresh | Phase::Done, Input::Reply { .. })
            | (Phase::Done, Input::Tick | Input::Cancel) => {}
        }
        self.proceed(now, &mut turn);
        self.secrets.sweep(&self.state);
        turn.wake = self.wake();
        turn
    }

    fn start(&mut self, epoch_ms: i64, turn: &mut Turn) {
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
        self.announce(None, turn);
    }

    /// An input for an event: a secret is its mask, whatever its length or type.
    fn shown(&self, name: &str, slot: &Slot) -> Json {
        match slot.kept {
            Kept::Secret(_) => Json::String(format!("‹{name}›")),
            Kept::Plain(_) => slot.json(&self.secrets),
        }
    }

    /// Goes on as far as it can without an input.
    fn proceed(&mut self, now: Millis, turn: &mut Turn) {
        while self.state.phase == Phase::Running {
            if now >= self.state.settings.limits.run_ms {
                return self.time_limit(now, turn);
            }
            if self.budget.exceeded() {
                return self.value_limit(now, turn);
            }
            if self.expire(now, now, turn) {
                continue;
            }
            match self.frame().position {
                Position::Start => self.begin(now, turn),
                Position::Go(next) => self.go(now, next, turn),
                Position::Waiting { next, until } if now >= until => self.go(now, next, turn),
                Position::Waiting { .. } | Position::Calling { .. } => return,
                // The frame above is gone, which never happens: there is nothing to wait for.
                Position::Inside(_) | Position::Left => self.ended(now, finish::End::Succeeded, turn),
            }
        }
    }

    fn wake(&self) -> Option<Millis> {
        let limit = self.state.settings.limits.run_ms;
        let deadline = self.state.frames.iter().filter_map(|frame| frame.deadline).min().unwrap_or(limit).min(limit);
        match (self.state.phase, &self.frame().position) {
            (Phase::Running, Position::Waiting { until, .. }) => Some((*until).min(deadline)),
            (Phase::Running, _) => Some(deadline),
            (Phase::Stopping(until), _) => Some(until),
            (Phase::Fresh | Phase::Done, _) => None,
        }
    }

    fn go(&mut self, now: Millis, next: Next, turn: &mut Turn) {
        match next {
            Next::Visit(step) => self.enter(now, step, true, turn),
            Next::Attempt(step) => self.enter(now, step, false, turn),
            Next::Detour(step) => self.take_detour(now, step, turn),
        }
    }

    /// Enters a step, or tries it again: builds its request and sends it, or starts the workflow that it calls.
    fn enter(&mut self, now: Millis, id: StepId, visit: bool, turn: &mut Turn) {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.frame_mut().position = Position::Left };
        if self.state.attempts >= self.state.settings.limits.steps {
            return self.step_limit(now, id, turn);
        }
        self.state.attempts += 1;
        let mut first = false;
        if let Some(state) = self.step_state(id) {
            if visit {
                first = state.visits == 0;
                state.visits += 1;
                state.attempt = 0;
                state.used.clear();
            }
            state.attempt += 1;
            state.entered = now;
        }
        self.state.visits += u32::from(visit);
        self.state.steps += u32::from(first);
        let deadline = step.timeout_ms.map(|ms| now.saturating_add(ms));
        let frame = self.frame_mut();
        frame.deadline = deadline;
        frame.returned.clear();
        let operation = operation_of(&program, step).and_then(|operation| operation.id.clone());
        let calls = match &step.call {
            Call::Workflow { workflow, .. } => program.workflow(*workflow).map(|workflow| workflow.name.clone()),
            Call::Operation { .. } => None,
        };
        self.emit(turn, Some(id), Some(step.span), EventKind::StepStarted { operation, calls });
        if let Some(missing) = self.not_completed(step) {
            let name = program.step(missing).map(|step| step.name.clone()).unwrap_or_default();
            let message = format!("step `{}` depends on step `{name}`, which has not been completed", step.name);
            let why = self.why(id, Reason::DependencyNotMet, message);
            return self.failed(now, id, why, None, turn);
        }
        match &step.call {
            Call::Operation { .. } => self.send(now, id, step, None, turn),
            Call::Workflow { workflow, passed, .. } => self.call(now, id, *workflow, passed, turn),
        }
    }

    /// A step that must have been completed before this one, and was not.
    fn not_completed(&self, step: &Step) -> Option<StepId> {
        let view = self.view(None);
        let own = |id: StepId| {
            self.program.step(id).is_some_and(|other| other.workflow == step.workflow)
                && view.state(id).is_some_and(|state| state.status == Some(crate::event::StepStatus::Succeeded))
        };
        step.after.iter().copied().find(|id| !own(*id) && !self.state.done_steps.contains(id))
    }

    /// Sends the request of a step, or the one that has to go before it. `challenge` is what the server asked for when it
    /// refused the request before.
    fn send(&mut self, now: Millis, id: StepId, step: &Step, challenge: Option<String>, turn: &mut Turn) {
        let (built, ready) = match self.built(now, step, challenge.as_deref(), self.state.calls) {
            Ok(built) => built,
            Err(_) if self.budget.exceeded() => return self.value_limit(now, turn),
            Err(why) => return self.failed(now, id, *why, None, turn),
        };
        if let Ready::First(purpose, request) = ready {
            let because = if matches!(purpose, CallPurpose::Token(_)) { Because::Token } else { Because::Discovery };
            let pending = PendingCall { request: Some(self.stash(&request)), ..self.pending(now, purpose, challenge) };
            return self.dispatch(now, id, *request, because, pending, turn);
        }
        if challenge.is_none() {
            for (expression, target) in built.absent {
                self.emit(turn, Some(id), None, EventKind::ValueAbsent { expression, target });
            }
        }
        for (name, value) in &built.credentials {
            self.learn_credential(name, value);
        }
        let request = built.request;
        let print = built.print;
        self.state.loopback = built.loopback;
        let pace = self.state.paces.entry(id).or_default();
        if pace.request != Some(print) {
            *pace = Pace { request: Some(print), ..Pace::default() };
        }
        let exchange =
            Exchange { url: request.url.clone(), method: request.method.clone(), request: built.sent, answer: None };
        let because = if challenge.is_some() { Because::Challenge } else { Because::Operation };
        let pending =
            PendingCall { exchange: Some(Box::new(exchange)), ..self.pending(now, CallPurpose::Operation, challenge) };
        self.bind_tokens(pending.call);
        self.dispatch(now, id, request, because, pending, turn);
    }

    /// The request of a step with its credentials and cookies.
    ///
    /// # Errors
    /// Why it cannot be sent.
    fn built(
        &self,
        now: Millis,
        step: &Step,
        challenge: Option<&str>,
        call: u64,
    ) -> Result<(request::Built, Ready), Box<Fault>> {
        let mut built = request::build(&self.program, step, &self.state.settings.servers, &self.view(None))?;
        let ready = self.authorize(now, step, &mut built, challenge, call)?;
        if self.state.settings.cookies {
            self.add_cookies(now, &mut built.request);
        }
        self.add_headers(&mut built.request);
        Ok((built, ready))
    }

    /// A flight that is to begin now.
    fn pending(&self, now: Millis, purpose: CallPurpose, challenge: Option<String>) -> PendingCall {
        let call = CallId(self.state.calls);
        PendingCall {
            call,
            method: String::new(),
            sent: now,
            purpose,
            challenge,
            hops: 0,
            request: None,
            exchange: None,
        }
    }

    /// Sends a request; the step waits for its answer.
    fn dispatch(
        &mut self,
        now: Millis,
        id: StepId,
        request: Request,
        because: Because,
        pending: PendingCall,
        turn: &mut Turn,
    ) {
        if self.state.requests >= self.state.settings.limits.most_requests() {
            return self.request_limit(now, id, turn);
        }
        self.learn_password(&request.url);
        let media_type = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, v)| v.clone())
            .unwrap_or_default();
        let body = request
            .body
            .as_deref()
            .and_then(|bytes| self.redactor.body(bytes, &media_type, self.state.settings.limits.shown_bytes));
        let call = pending.call;
        self.state.calls += 1;
        self.state.requests += 1;
        self.emit(
            turn,
            Some(id),
            None,
            EventKind::RequestSent {
                call: call.0,
                method: request.method.clone(),
                url: request.url.clone(),
                headers: request.headers.clone(),
                body,
                because,
            },
        );
        self.state.pending_calls.push(PendingCall { method: request.method.clone(), ..pending });
        self.frame_mut().position = Position::Calling { step: id, call };
        let limits = &self.state.settings.limits;
        turn.sends.push(Outgoing {
            call,
            request,
            because,
            timeout_ms: limits.request_ms,
            body_bytes: limits.body_bytes,
        });
    }

    /// The exchange of a flight; after a restore, what was sent is built again.
    fn exchange_of(&self, step: StepId, pending: &PendingCall) -> Exchange {
        if let Some(exchange) = &pending.exchange {
            return Exchange::clone(exchange);
        }
        if pending.purpose != CallPurpose::Operation {
            let url = self.other_url(pending).unwrap_or_default();
            return Exchange { method: pending.method.clone(), url, ..Exchange::default() };
        }
        let built = self.program.step(step).map(|step| {
            let challenge = pending.challenge.as_deref();
            self.built(pending.sent, step, challenge, pending.call.0.saturating_sub(pending.hops.into()))
        });
        match built {
            Some(Ok((built, _))) => {
                Exchange { url: built.request.url, method: built.request.method, request: built.sent, answer: None }
            }
            _ => Exchange { method: pending.method.clone(), ..Exchange::default() },
        }
    }

    /// The url of a flight whose request is not the one that its step builds.
    fn other_url(&self, pending: &PendingCall) -> Option<String> {
        let slot = pending.request.as_ref()?;
        self.unstash::<Request>(slot).map(|request| request.url)
    }

    /// The request that is in flight.
    fn request_of(&self, step: StepId, pending: &PendingCall) -> Option<Request> {
        if let Some(slot) = &pending.request {
            return self.unstash(slot);
        }
        let challenge = pending.challenge.as_deref();
        self.built(pending.sent, self.program.step(step)?, challenge, pending.call.0)
            .ok()
            .map(|(built, _)| built.request)
    }

    fn reply(&mut self, now: Millis, call: CallId, result: Result<Response, Failure>, turn: &mut Turn) {
        let Position::Calling { step: id, call: expected } = self.frame().position else { return };
        if call != expected {
            return;
        }
        let Some((pending, exchange)) = self.arrived(now, id, call, result, turn) else { return };
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return };
        match exchange {
            Ok(exchange) => self.answered(now, id, step, pending, exchange, turn),
            Err((failure, exchange)) => {
                let url = self.other_url(&pending).unwrap_or_else(|| exchange.url.clone());
                let server = url::Url::parse(&url).ok().map(|u| u.origin().ascii_serialization()).unwrap_or_default();
                let shown = self.redactor.shown(&failure.message, FAILURE_SHOWN);
                let mut why = Fault::new(Reason::NoAnswer, format!("no answer from {server}: {shown}"))
                    .of_step(step)
                    .with_remedy(
                        matches!(failure.kind, FailureKind::Dns | FailureKind::Connect)
                            .then_some(Remedy::GiveOtherServer),
                    );
                if failure.in_doubt {
                    why.remark("whether the server acted on the request is not known");
                }
                self.failed(now, id, why, Some(exchange), turn);
            }
        }
    }

    /// An answer has come: it is judged, or something else has to be sent before there is one to judge.
    fn answered(
        &mut self,
        now: Millis,
        id: StepId,
        step: &Step,
        pending: PendingCall,
        exchange: Exchange,
        turn: &mut Turn,
    ) {
        let Some(answer) = &exchange.answer else { return };
        if pending.purpose != CallPurpose::Operation {
            let answer = answer.clone();
            return self.token_came(now, id, pending, &answer, turn);
        }
        if answer.status == 401
            && pending.challenge.is_none()
            && pending.hops == 0
            && let Some(challenge) = self.challenged(step, answer)
        {
            return self.send(now, id, step, Some(challenge), turn);
        }
        if !(300..400).contains(&answer.status) {
            return self.judge(now, id, step, exchange, turn);
        }
        let Some(request) = self.request_of(id, &pending) else { return self.judge(now, id, step, exchange, turn) };
        match self.hop(id, step, &request, (answer.status, answer.header("location")), pending.hops) {
            Hop::Judge => self.judge(now, id, step, exchange, turn),
            Hop::Refuse(why) => self.stop(now, Stop::Policy, *why, turn),
            Hop::TooMany => {
                let message = format!("more than {} redirects followed one another", redirect::HOPS);
                let why = self.why(id, Reason::RedirectLimit, message);
                self.stop(now, Stop::Limit, why, turn);
            }
            Hop::Follow(mut request) => {
                if self.state.settings.cookies {
                    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
                    self.add_cookies(now, &mut request);
                }
                let slot = self.stash(&request);
                let exchange = Some(Box::new(Exchange { answer: None, ..exchange }));
                let hops = pending.hops + 1;
                let next = self.pending(now, CallPurpose::Operation, pending.challenge);
                let next = PendingCall { hops, request: Some(slot), exchange, ..next };
                self.dispatch(now, id, *request, Because::Redirect, next, turn);
            }
        }
    }

    /// Records what came for a call. Nothing if the run stopped because of it.
    fn arrived(
        &mut self,
        now: Millis,
        id: StepId,
        call: CallId,
        result: Result<Response, Failure>,
        turn: &mut Turn,
    ) -> Option<(PendingCall, Came)> {
        let at = self.state.pending_calls.iter().position(|pending| pending.call == call)?;
        let pending = self.state.pending_calls.remove(at);
        let duration_ms = now.saturating_sub(pending.sent);
        let mut exchange = self.exchange_of(id, &pending);
        let own = pending.purpose == CallPurpose::Operation;
        match result {
            Ok(mut response) => {
                let shown = self.state.settings.limits.shown_bytes;
                let print = fingerprint([response.status.to_string().as_bytes(), &response.body]);
                let (status, headers, size) = (response.status, response.headers.clone(), response.body.len());
                // A body may be large; what is shown of it is not. A secret that the answer gives may be as large as it.
                let gives_secrets = !own || self.program.step(id).is_some_and(|step| !step.secrets.is_empty());
                let head = if gives_secrets { size } else { shown.saturating_add(self.redactor.longest()) };
                let bytes = response.body.get(..head.saturating_add(4)).unwrap_or(&response.body).to_vec();
                let beyond = answer::find_excess(&response, self.state.settings.limits.body_bytes);
                if beyond.is_some() {
                    response.body.clear();
                }
                exchange.answer = Some(answer::decode(response));
                if own {
                    self.learn_answer(id, &exchange);
                }
                let answer = exchange.answer.as_ref()?;
                self.learn_tokens(&pending.purpose, answer);
                if self.state.settings.cookies {
                    let url = self.other_url(&pending).unwrap_or_else(|| exchange.url.clone());
                    self.keep_cookies(now, &url, &headers);
                }
                let mut body = self.redactor.beginning(&bytes, size, &answer.media_type, shown);
                // A text of another charset is shown as it is read.
                if let (Some(body), Some(Value::Body(read))) = (&mut body, &answer.body)
                    && std::str::from_utf8(&bytes).is_err()
                    && let Some(text) = self.redactor.body(read.read.to_text().as_bytes(), &answer.media_type, shown)
                {
                    (body.text, body.cut) = (text.text, text.cut);
                }
                let retry_after = answer
                    .header("retry-after")
                    .and_then(|text| act::retry_after(text, self.state.epoch_ms.saturating_add_unsigned(now)));
                if own {
                    let pace = self.state.paces.entry(id).or_default();
                    pace.unchanged = if pace.answer == Some(print) { pace.unchanged + 1 } else { 1 };
                    pace.answer = Some(print);
                    pace.retry_after = retry_after;
                }
                self.emit(
                    turn,
                    Some(id),
                    None,
                    EventKind::ResponseReceived { call: call.0, status, duration_ms, headers, body },
                );
                if let Some(fault) = beyond {
                    self.stop(now, Stop::Limit, self.at_step(id, fault), turn);
                    return None;
                }
                Some((pending, Ok(exchange)))
            }
            Err(failure) => {
                self.state.paces.entry(id).or_default().retry_after = None;
                self.emit(
                    turn,
                    Some(id),
                    None,
                    EventKind::RequestFailed {
                        call: call.0,
                        failure: failure.kind,
                        message: self.redactor.shown(&failure.message, FAILURE_SHOWN).to_string(),
                        duration_ms,
                        in_doubt: failure.in_doubt,
                    },
                );
                if failure.kind == FailureKind::BodyTooLarge {
                    let limit = self.state.settings.limits.body_bytes;
                    let why =
                        self.why(id, Reason::BodyLimit, format!("the answer has more than {limit} bytes of body"));
                    let why = why.with_remedy(Remedy::Raise(Limit::Body));
                    self.stop(now, Stop::Limit, why, turn);
                    return None;
                }
                if let Some((stop, code)) = match failure.kind {
                    FailureKind::HeadTooLarge => Some((Stop::Limit, Reason::HeadLimit)),
                    FailureKind::Refused => Some((Stop::Policy, Reason::HostRefused)),
                    _ => None,
                } {
                    let message = self.redactor.shown(&failure.message, FAILURE_SHOWN).to_string();
                    let why = self.why(id, code, message);
                    self.stop(now, stop, why, turn);
                    return None;
                }
                Some((pending, Err((failure, exchange))))
            }
        }
    }

    fn why(&self, step: StepId, code: Reason, message: String) -> Fault {
        self.at_step(step, Fault::new(code, message))
    }

    fn at_step(&self, step: StepId, fault: Fault) -> Fault {
        match self.program.step(step) {
            Some(step) => fault.of_step(step),
            None => fault,
        }
    }

    fn fill_output(&self, output: &Output, exchange: Option<&Exchange>) -> Option<Value> {
        select::value(&output.value, &self.view(exchange))
    }

    fn view<'a>(&'a self, exchange: Option<&'a Exchange>) -> View<'a> {
        let frame = self.frame();
        let below = self.state.frames.split_last().map(|(_, below)| below).unwrap_or_default();
        let (secrets, completed) = (&self.secrets, &self.state.completed);
        View { frame, first: self.first(), secrets, below, completed, exchange, budget: &self.budget }
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

    fn first(&self) -> StepId {
        self.program.workflow(self.frame().workflow).and_then(|w| w.steps.first().copied()).unwrap_or(StepId(0))
    }

    fn step_state(&mut self, step: StepId) -> Option<&mut StepState> {
        let index = step.0.checked_sub(self.first().0)? as usize;
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

/// Which servers are missing, or are not what can be called.
fn servers(program: &Program, workflow: WorkflowId, settings: &Settings) -> Diagnostics {
    let mut faults = Diagnostics::default();
    let workflows = program.reached(workflow);
    let steps = workflows.iter().filter_map(|id| program.workflow(*id)).flat_map(|workflow| &workflow.steps);
    for operation in steps.filter_map(|id| program.step(*id)).filter_map(|step| operation_of(program, step)) {
        let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
        if let Err(error) = operation.server_url(source, &settings.servers) {
            let called = operation.name();
            let remedy = match &error {
                NoUrl::Variable(name) | NoUrl::Value(name, _) => Remedy::GiveServerVariable(name.clone()),
                NoUrl::Relative | NoUrl::NotHttp(_) => Remedy::GiveServer(source.to_owned()),
            };
            let message = format!("operation `{called}` cannot be called: {error}");
            faults.push(Diagnostic::error(Code::UnknownServer, operation.span, message).remedy(remedy));
        }
    }
    let given = settings.servers.named.values().chain(&settings.servers.all);
    for url in given {
        let good =
            url::Url::parse(url).is_ok_and(|parsed| matches!(parsed.scheme(), "http" | "https") && parsed.has_host());
        if !good {
            faults.push(
                Diagnostic::error(
                    Code::UnknownServer,
                    None,
                    "a server is not an absolute http or https url".to_owned(),
                )
                .remedy(Remedy::GiveWholeServer),
            );
        }
    }
    faults
}

pub(crate) fn operation_of<'p>(program: &'p Program, step: &Step) -> Option<&'p crate::program::Operation> {
    match &step.call {
        Call::Operation { operation, .. } => program.operation(*operation),
        Call::Workflow { .. } => None,
    }
}
