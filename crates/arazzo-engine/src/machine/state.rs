//! Everything a run is, as data: small, serializable, without the values of secrets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::auth::Token;
use super::channel::Messaging;
use super::cookies::Cookie;
use super::frame::{Completed, Frame, PendingCall};
use super::pace::Pace;
use super::store::{Kept, SecretRef, Slot};
use super::wire::CallId;
use crate::expr::{StepId, WorkflowId};
use crate::limits::{Millis, Settings};
use crate::program::Program;
use crate::source::Span;

/// The version of what this machine means; stored with every state, so that a stored run is never read differently.
pub const SEMANTICS: u32 = 1;

/// Everything a run is, but the program and the values of secrets. Small, serializable, cheap to copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) stage: Stage,
    pub(super) epoch_ms: i64,
    /// The workflows in progress, each run for the one before.
    pub(super) frames: Vec<Frame>,
    /// The number of the next frame.
    pub(super) frame_count: u32,
    /// Workflows that have run to their end, each as it ran last.
    pub(super) completed: Vec<Completed>,
    /// Workflows that others depend on, and that have failed.
    pub(super) failed_dependencies: BTreeSet<WorkflowId>,
    /// Steps that were completed and that steps of other workflows depend on.
    pub(super) done_steps: BTreeSet<StepId>,
    /// The repetitions of each step.
    pub(super) paces: BTreeMap<StepId, Pace>,
    /// `true` if the last request went to this machine.
    pub(super) loopback: bool,
    /// The calls in flight, each with the frame and the step that wait for it.
    pub(super) waiting: BTreeMap<CallId, PendingCall>,
    /// `true` if every call is said to be written before it counts as sent.
    pub(super) awaits_progress: bool,
    /// The time since which all calls in flight have been waiting for their turn: then no time of a step passes.
    pub(super) queued_since: Option<Millis>,
    /// Credentials, by [`crate::credentials`]' keys.
    pub(super) credentials: BTreeMap<String, Slot>,
    pub(super) certificate: bool,
    pub(super) tokens: Vec<Token>,
    pub(super) cookies: Vec<Cookie>,
    pub(super) calls: u64,
    pub(super) attempts: u32,
    pub(super) requests: u32,
    pub(super) visits: u32,
    /// Different steps that were entered.
    pub(super) steps: u32,
    pub(super) waited_ms: Millis,
    /// The time in which no process had the run: no part of its limit.
    #[serde(default)]
    pub(super) unowned_ms: Millis,
    /// The last jump that an action made: what a limit names as the loop.
    pub(super) jump: Option<Jump>,
    /// What is known of channels, once one was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) messaging: Option<Box<Messaging>>,
}

impl State {
    /// A run that has not begun.
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            stage: Stage::Fresh,
            epoch_ms: 0,
            frames: vec![],
            frame_count: 0,
            completed: vec![],
            failed_dependencies: BTreeSet::new(),
            done_steps: BTreeSet::new(),
            paces: BTreeMap::new(),
            loopback: false,
            waiting: BTreeMap::new(),
            awaits_progress: false,
            queued_since: None,
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
            unowned_ms: 0,
            jump: None,
            messaging: None,
        }
    }

    /// The numbers of the secrets that its slots hold.
    pub(super) fn owned_secrets(&self) -> BTreeSet<SecretRef> {
        let mut found = BTreeSet::new();
        self.each_slot(&mut |slot| {
            if let Kept::Secret(number) = slot.kept {
                found.insert(number);
            }
        });
        found
    }

    /// Calls `visit` with every slot.
    pub(super) fn each_slot(&self, visit: &mut impl FnMut(&Slot)) {
        for frame in &self.frames {
            frame.inputs.iter().chain(&frame.extra).for_each(|(_, slot)| visit(slot));
            let outputs = frame.steps.iter().filter_map(|step| step.outputs.as_ref());
            let outputs = outputs.chain(frame.inherited.as_ref()).chain(std::iter::once(&frame.returned));
            outputs.flatten().filter_map(|(_, slot)| slot.as_ref()).for_each(&mut *visit);
            frame.answer.iter().for_each(&mut *visit);
            frame.detours.iter().for_each(|detour| visit(&detour.exchange));
        }
        for completed in &self.completed {
            completed.inputs.iter().for_each(|(_, slot)| visit(slot));
            let steps = completed.steps.iter().flat_map(|(_, outputs)| outputs);
            completed.outputs.iter().chain(steps).filter_map(|(_, slot)| slot.as_ref()).for_each(&mut *visit);
        }
        self.waiting.values().filter_map(|pending| pending.request.as_ref()).for_each(&mut *visit);
        self.messaging.iter().for_each(|messaging| messaging.each_slot(visit));
        self.credentials.values().for_each(&mut *visit);
        self.tokens.iter().flat_map(|token| token.slots()).for_each(&mut *visit);
        self.cookies.iter().for_each(|cookie| visit(cookie.value()));
    }

    /// The time at which the limit of the run is reached.
    pub(super) fn run_limit(&self) -> Millis {
        self.settings.limits.run_ms.saturating_add(self.unowned_ms)
    }

    /// `true` if it is a state of a run of `program`.
    pub(super) fn fits(&self, program: &Program) -> bool {
        let fits = |frame: &Frame| program.workflow(frame.workflow).is_some_and(|w| w.steps.len() == frame.steps.len());
        !self.frames.is_empty() && self.frames.iter().all(fits)
    }
}

/// The progress of the run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    Fresh,
    Running,
    /// Cancelled; calls in flight may end until then.
    Stopping(Millis),
    Done,
}

/// A jump from one step to another that an action made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Jump {
    pub(super) from: StepId,
    pub(super) to: StepId,
    pub(super) action: String,
    pub(super) span: Span,
}
