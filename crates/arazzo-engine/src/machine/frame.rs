//! One workflow in progress: where it is, what its steps have given, and how expressions see that.
//!
//! Values of secret slots are not part of the state: a slot holds a reference into [`Secrets`], so that a state can be
//! stored without them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::event::StepStatus;
use crate::expr::{Exchange, Lookup, StepId};
use crate::limits::Millis;
use crate::program::WorkflowId;
use crate::value::Value;

use super::wire::CallId;

/// Values of secret slots, by number. Never serialized.
#[derive(Clone, Default, PartialEq)]
pub struct Secrets(pub(super) Vec<Value>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// A value, or the number of a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Slot {
    Plain(Value),
    Secret(u32),
}

impl Slot {
    fn value<'a>(&'a self, secrets: &'a Secrets) -> Option<&'a Value> {
        match self {
            Self::Plain(value) => Some(value),
            Self::Secret(number) => secrets.0.get(*number as usize),
        }
    }

    pub(super) fn json(&self, secrets: &Secrets) -> Json {
        self.value(secrets).cloned().map_or(Json::Null, Value::into_json)
    }
}

/// A workflow in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    pub(super) workflow: WorkflowId,
    pub(super) inputs: Vec<(String, Slot)>,
    /// In the order of the workflow's steps.
    pub(super) steps: Vec<StepState>,
    pub(super) position: Position,
}

/// Where a frame is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Position {
    /// The step is to be entered now.
    Enter(StepId),
    /// The step is to be entered at this time.
    Waiting { step: StepId, until: Millis },
    /// The step waits for an answer.
    Calling { step: StepId, call: CallId },
    /// The last step has been left.
    Left,
}

/// What a step has done in this frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StepState {
    pub(super) visits: u32,
    /// When the first and the current visit began.
    pub(super) entered: Millis,
    pub(super) sent: Millis,
    pub(super) status: Option<StepStatus>,
    /// Of the last visit; `None` inside if an output found nothing.
    pub(super) outputs: Option<Vec<(String, Option<Slot>)>>,
    pub(super) pace: Pace,
}

/// How often a step has sent the same, and got the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pace {
    /// Fingerprint of the last request.
    pub(super) request: Option<u64>,
    /// Fingerprint of the last answer.
    pub(super) answer: Option<u64>,
    /// How many answers in a row were equal to the last one, itself included.
    pub(super) unchanged: u32,
    /// The last delay in ms.
    pub(super) delay: Millis,
    /// What the last answer asked to wait, in ms from when it came.
    pub(super) retry_after: Option<Millis>,
}

/// A request in flight. Its url may hold secrets, so it is not part of a stored state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Flight {
    pub(super) call: CallId,
    pub(super) method: String,
    #[serde(skip)]
    pub(super) url: String,
}

/// What expressions see of a frame.
pub(super) struct View<'a> {
    pub(super) frame: &'a Frame,
    /// The first step of the workflow: steps of a workflow have consecutive ids.
    pub(super) first: StepId,
    pub(super) secrets: &'a Secrets,
    pub(super) exchange: Option<&'a Exchange>,
}

impl Lookup for View<'_> {
    fn input(&self, name: &str) -> Option<Cow<'_, Value>> {
        let (_, slot) = self.frame.inputs.iter().find(|(known, _)| known == name)?;
        slot.value(self.secrets).map(Cow::Borrowed)
    }

    fn inputs(&self) -> Json {
        Json::Object(self.frame.inputs.iter().map(|(name, slot)| (name.clone(), slot.json(self.secrets))).collect())
    }

    fn output(&self, step: StepId, name: &str) -> Option<Cow<'_, Value>> {
        let outputs = self.state(step)?.outputs.as_ref()?;
        let slot = outputs.iter().find(|(known, _)| known == name)?.1.as_ref()?;
        slot.value(self.secrets).map(Cow::Borrowed)
    }

    fn outputs(&self, step: StepId) -> Option<Json> {
        let outputs = self.state(step)?.outputs.as_ref()?;
        Some(Json::Object(
            outputs.iter().filter_map(|(name, slot)| Some((name.clone(), slot.as_ref()?.json(self.secrets)))).collect(),
        ))
    }

    fn exchange(&self) -> Option<&Exchange> {
        self.exchange
    }
}

impl<'a> View<'a> {
    pub(super) fn state(&self, step: StepId) -> Option<&'a StepState> {
        self.frame.steps.get(step.0.checked_sub(self.first.0)? as usize)
    }
}

/// Outputs of a step as JSON, null for one that found nothing.
pub(super) fn outputs_json(outputs: &[(String, Option<Slot>)], secrets: &Secrets) -> Map<String, Json> {
    outputs
        .iter()
        .map(|(name, slot)| (name.clone(), slot.as_ref().map_or(Json::Null, |slot| slot.json(secrets))))
        .collect()
}

/// FNV-1a, so that a stored state means the same everywhere.
pub(super) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let byte = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    parts
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, part| byte(part.iter().fold(hash, |hash, b| byte(hash, *b)), 0))
}
