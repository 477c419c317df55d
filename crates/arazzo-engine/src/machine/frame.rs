//! One workflow in progress: where it is, what its steps have given, and how expressions see that.
//!
//! Values of secret slots are not part of the state: a slot holds a reference into [`SecretStore`], so that a state can
//! be stored without them.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::value::Json;
use serde::{Deserialize, Serialize};

use crate::event::{Because, StartedFor, StepStatus, UnsentRequest};
use crate::expr::{Exchange, Expr, Lookup, Root, StepId};
use crate::limits::Millis;
use crate::program::WorkflowId;
use crate::value::Value;

use super::fault::Fault;
use super::store::{SecretStore, Slot};
use super::wire::{CallId, ParsedUrl, Progress};

/// A workflow in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    /// 0 for the workflow that was started.
    pub(super) number: u32,
    pub(super) workflow: WorkflowId,
    pub(super) purpose: Purpose,
    pub(super) inputs: Inputs,
    /// Inputs that were given for the workflows it depends on.
    pub(super) extra: Inputs,
    /// In the order of the workflow's steps.
    pub(super) steps: Vec<StepState>,
    pub(super) position: Position,
    /// The step that was said to begin and not yet to end, wherever the frame is by then.
    pub(super) visiting: Option<StepId>,
    /// The time at which the current attempt of its step must be over.
    pub(super) deadline: Option<Millis>,
    /// The outputs that `$outputs` names: of the workflow that its step called, or its own as far as they are known.
    pub(super) returned: Outputs,
    /// Outputs of the workflow that went over to this one.
    pub(super) inherited: Option<Outputs>,
    /// The last answer, if the step that called the workflow reads it; kept with the secrets.
    pub(super) answer: Option<Slot>,
    /// Retries that wait for a detour to end, the innermost last.
    pub(super) detours: Vec<Detour>,
}

/// Inputs by name.
pub(super) type Inputs = Vec<(String, Slot)>;
/// Outputs by name; `None` if an output found nothing.
pub(super) type Outputs = Vec<(String, Option<Slot>)>;

/// The purpose for which a workflow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// It was started.
    Run,
    /// A step of the frame below calls it.
    Step,
    /// The workflow of the frame below depends on it.
    Dependency,
    /// A retry of the frame below goes there first.
    Detour,
}

impl Purpose {
    /// The word for it in events.
    pub(super) fn started_for(self) -> Option<StartedFor> {
        match self {
            Self::Run => None,
            Self::Step => Some(StartedFor::Step),
            Self::Dependency => Some(StartedFor::Dependency),
            Self::Detour => Some(StartedFor::Retry),
        }
    }
}

/// The position of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Position {
    /// Its dependencies and then its first step are to be run.
    Start,
    /// A step is to be entered now.
    Go(Next),
    /// A step is to be entered at this time.
    Waiting { next: Next, until: Millis },
    /// The step waits for calls: those in flight know their frame and step.
    Calling { step: StepId },
    /// The step waits for a message.
    Receiving { step: StepId },
    /// The frame above runs for this step, or before the first.
    Inside(Option<StepId>),
    /// The last step has been left.
    Left,
}

/// The next thing that a frame does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Next {
    /// The step is entered.
    Visit(StepId),
    /// The step is tried again.
    Attempt(StepId),
    /// The detour of the last entry of [`Frame::detours`] is taken.
    Detour(StepId),
}

impl Next {
    pub(super) fn step(self) -> StepId {
        match self {
            Self::Visit(step) | Self::Attempt(step) | Self::Detour(step) => step,
        }
    }
}

/// A retry that waits for its detour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Detour {
    /// The step that is to be retried.
    pub(super) of: StepId,
    /// The step that runs before, if it is one of the same workflow.
    pub(super) step: Option<StepId>,
    /// `true` if the action stands in `onSuccess`; its place there.
    pub(super) success: bool,
    pub(super) action: usize,
    /// Why the step failed.
    pub(super) fault: Option<Fault>,
    /// The exchange of the step, which the next actions look at if the detour fails. It may hold anything that a server
    /// sent, so it is kept with the secrets.
    pub(super) exchange: Slot,
    /// The retries that the step has used: the detour may visit the same step.
    pub(super) used: Vec<Used>,
    pub(super) attempt: u32,
}

/// The count of an action's retries in this visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Used {
    pub(super) success: bool,
    pub(super) action: usize,
    pub(super) times: u32,
}

/// The past of a step in this frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StepState {
    pub(super) visits: u32,
    /// Attempts of this visit.
    pub(super) attempt: u32,
    /// Retries of this visit.
    pub(super) used: Vec<Used>,
    /// The time at which the current attempt began.
    pub(super) entered: Millis,
    pub(super) status: Option<StepStatus>,
    /// Of the last visit.
    pub(super) outputs: Option<Outputs>,
}

impl StepState {
    /// Counts retries that were made elsewhere in this visit.
    pub(super) fn count_retries(&mut self, made: &[Used]) {
        for other in made {
            match self.used.iter_mut().find(|used| (used.success, used.action) == (other.success, other.action)) {
                Some(used) => used.times = used.times.max(other.times),
                None => self.used.push(*other),
            }
        }
    }
}

/// A workflow that has run to its end in this run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Completed {
    pub(super) workflow: WorkflowId,
    pub(super) inputs: Inputs,
    pub(super) outputs: Outputs,
    /// The outputs of its steps that other workflows read.
    #[serde(default)]
    pub(super) steps: Vec<(StepId, Outputs)>,
}

/// A request in flight. What was sent may hold secrets, so it is not part of a stored state: it is built again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PendingCall {
    pub(super) call: CallId,
    /// The frame and the step that wait for it.
    pub(super) frame: u32,
    pub(super) step: StepId,
    pub(super) method: String,
    /// The time and the number of the call with which the request was built, which build the same again.
    pub(super) built: (Millis, u64),
    /// The stage that it has come to, and when.
    pub(super) progress: Progress,
    pub(super) since: Millis,
    pub(super) purpose: CallPurpose,
    /// `true` if it repeats a request whose connection had ended.
    pub(super) reconnect: bool,
    /// The challenge with which the server refused the request before.
    pub(super) challenge: Option<String>,
    /// The redirects that led to it.
    pub(super) hops: u32,
    /// The request, kept with the secrets, if it is not the one that the step builds.
    pub(super) request: Option<Slot>,
    #[serde(skip)]
    pub(super) exchange: Option<Box<Exchange>>,
    /// The url of the request, until it is handed out.
    #[serde(skip)]
    pub(super) url: ParsedUrl,
    /// The request as events show it, not masked yet, until it was said to be sent; nothing if no one reads them.
    #[serde(skip)]
    pub(super) shown: Option<Box<UnsentRequest>>,
}

impl PendingCall {
    /// `false` if nothing of it has left yet.
    pub(super) fn is_written(&self) -> bool {
        self.progress == Progress::Written
    }

    /// The time that it has taken, without that in a queue.
    pub(super) fn spent(&self, now: Millis) -> Millis {
        if self.progress == Progress::Queued { 0 } else { now.saturating_sub(self.since) }
    }

    /// The cause for which it is sent.
    pub(super) fn because(&self) -> Because {
        match &self.purpose {
            _ if self.reconnect => Because::Reconnect,
            CallPurpose::Token(_) => Because::Token,
            CallPurpose::Discovery(_) => Because::Discovery,
            CallPurpose::Message => Because::Operation,
            CallPurpose::Operation if self.hops > 0 => Because::Redirect,
            CallPurpose::Operation if self.challenge.is_some() => Because::Challenge,
            CallPurpose::Operation => Because::Operation,
        }
    }
}

/// The purpose of a request in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CallPurpose {
    /// The answer of the operation.
    Operation,
    /// The token with this key.
    Token(String),
    /// The place where the token with this key is to be had.
    Discovery(String),
    /// A message that a protocol accepts.
    Message,
}

/// A frame as expressions see it.
pub(super) struct View<'a> {
    pub(super) frame: &'a Frame,
    /// The first step of the workflow: steps of a workflow have consecutive ids.
    pub(super) first: StepId,
    pub(super) secrets: &'a SecretStore,
    /// The frames below this one, outermost first.
    pub(super) below: &'a [Frame],
    pub(super) completed: &'a [Completed],
    pub(super) exchange: Option<&'a Exchange>,
    pub(super) budget: &'a ByteBudget,
}

/// The bytes that may be built from values; the run stops when something did not fit.
#[derive(Debug, Default)]
pub(super) struct ByteBudget {
    pub(super) bytes: u64,
    exceeded: AtomicBool,
}

impl ByteBudget {
    /// `true` if something did not fit.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// Begins anew.
    pub(super) fn clear(&self) {
        self.exceeded.store(false, Ordering::Relaxed);
    }
}

impl Lookup for View<'_> {
    fn has_room(&self, bytes: usize) -> bool {
        let fits = bytes as u64 <= self.budget.bytes;
        self.budget.exceeded.fetch_or(!fits, Ordering::Relaxed);
        fits
    }

    fn input(&self, name: &str) -> Option<Cow<'_, Value>> {
        let (_, slot) = self.frame.inputs.iter().find(|(known, _)| known == name)?;
        slot.value(self.secrets).map(Cow::Borrowed)
    }

    fn inputs(&self) -> Json {
        Json::Object(self.frame.inputs.iter().map(|(name, slot)| (name.clone(), slot.json(self.secrets))).collect())
    }

    fn output(&self, step: StepId, name: &str) -> Option<Cow<'_, Value>> {
        let outputs = self.outputs_of(step)?;
        let slot = outputs.iter().find(|(known, _)| known == name)?.1.as_ref()?;
        slot.value(self.secrets).map(Cow::Borrowed)
    }

    fn outputs(&self, step: StepId) -> Option<Json> {
        let outputs = self.state(step)?.outputs.as_ref()?;
        Some(Json::Object(
            outputs.iter().filter_map(|(name, slot)| Some((name.clone(), slot.as_ref()?.json(self.secrets)))).collect(),
        ))
    }

    fn returned(&self, name: &str) -> Option<Cow<'_, Value>> {
        let (_, slot) = self.frame.returned.iter().find(|(known, _)| known == name)?;
        slot.as_ref()?.value(self.secrets).map(Cow::Borrowed)
    }

    fn workflow_input(&self, workflow: WorkflowId, name: &str) -> Option<Cow<'_, Value>> {
        let (_, slot) = self.inputs_of(workflow)?.iter().find(|(known, _)| known == name)?;
        slot.value(self.secrets).map(Cow::Borrowed)
    }

    fn workflow_output(&self, workflow: WorkflowId, name: &str) -> Option<Cow<'_, Value>> {
        let completed = self.completed.iter().find(|completed| completed.workflow == workflow)?;
        let (_, slot) = completed.outputs.iter().find(|(known, _)| known == name)?;
        slot.as_ref()?.value(self.secrets).map(Cow::Borrowed)
    }

    fn exchange(&self) -> Option<&Exchange> {
        self.exchange
    }

    fn is_foreign(&self, expr: &Expr) -> bool {
        let slot = |slots: &[(String, Slot)], name: &str| {
            slots.iter().find(|(known, _)| known == name).is_some_and(|(_, slot)| slot.foreign)
        };
        // An output that is not there has no value that could do harm; one that may come is an answer's.
        let output = |outputs: Option<&Outputs>, name: Option<&str>| {
            let mut named = outputs.into_iter().flatten().filter(|(known, _)| name.is_none_or(|name| known == name));
            outputs.is_none() || named.any(|(_, slot)| slot.as_ref().is_some_and(|slot| slot.foreign))
        };
        let first = || expr.at.tokens().first().map(String::as_str);
        match &expr.root {
            Root::Input(name) => slot(&self.frame.inputs, name),
            Root::Inputs => match first() {
                Some(name) => slot(&self.frame.inputs, name),
                None => self.frame.inputs.iter().any(|(_, slot)| slot.foreign),
            },
            Root::StepOutput(step, name) => output(self.outputs_of(*step), Some(name)),
            Root::StepOutputs(step) => output(self.state(*step).and_then(|state| state.outputs.as_ref()), first()),
            Root::Output(name) => output(Some(&self.frame.returned), Some(name)),
            Root::WorkflowInput(workflow, name) => self.inputs_of(*workflow).is_none_or(|inputs| slot(inputs, name)),
            Root::WorkflowOutput(workflow, name) => {
                let completed = self.completed.iter().find(|completed| completed.workflow == *workflow);
                output(completed.map(|completed| &completed.outputs), Some(name))
            }
            root => root.is_foreign(),
        }
    }
}

impl<'a> View<'a> {
    /// The inputs of a workflow that runs, or has run.
    fn inputs_of(&self, workflow: WorkflowId) -> Option<&'a Inputs> {
        let mut running = std::iter::once(self.frame).chain(self.below.iter().rev());
        match running.find(|frame| frame.workflow == workflow) {
            Some(frame) => Some(&frame.inputs),
            None => Some(&self.completed.iter().find(|completed| completed.workflow == workflow)?.inputs),
        }
    }

    /// The outputs of a step of this workflow, or of one that has run.
    pub(super) fn outputs_of(&self, step: StepId) -> Option<&'a Outputs> {
        let kept = || self.completed.iter().flat_map(|completed| &completed.steps).find(|(id, _)| *id == step);
        match self.state(step) {
            Some(state) => state.outputs.as_ref(),
            None => kept().map(|(_, outputs)| outputs),
        }
    }

    pub(super) fn state(&self, step: StepId) -> Option<&'a StepState> {
        self.frame.steps.get(step.0.checked_sub(self.first.0)? as usize)
    }
}
