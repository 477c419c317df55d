//! [`Report`]: a fold over events. Knows no machine: what it says, anybody with the events can say.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::value::{Json, Map};
use serde::{Deserialize, Serialize};

use crate::event::{Because, Event, EventKind, RunStatus, StepStatus, Why};
use crate::plan::is_safe;

/// The state of a run so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// Steps in the order in which they were first entered.
    pub steps: Vec<StepReport>,
    /// The end of the run; none while it runs.
    pub status: Option<RunStatus>,
    /// The reason why it did not succeed.
    pub why: Option<Why>,
    /// The index of a step in `steps`.
    #[serde(skip)]
    places: HashMap<(String, String), usize>,
}

/// The state of a step so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The workflow of the step.
    pub workflow: String,
    /// `stepId`
    pub step: String,
    /// Visits so far.
    pub visits: u32,
    /// Requests that were sent, the last one last.
    pub calls: Vec<CallReport>,
    /// The end of the last visit.
    pub status: Option<StepStatus>,
    /// Outputs of the last visit.
    pub outputs: Map<String, Json>,
}

/// One request and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallReport {
    /// The call.
    pub call: u64,
    /// `POST`
    pub method: String,
    /// The url, masked.
    pub url: String,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// The cause, if it was not sent for the step itself.
    #[serde(default, skip_serializing_if = "Because::is_operation")]
    pub because: Because,
    /// `true` if nobody knows whether the server acted: no answer yet, or it was lost after sending.
    pub in_doubt: bool,
    /// The outputs of the visit that it is of; nothing while that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Map<String, Json>>,
}

/// Words of the paths at which tokens and sessions are given out.
const LOGIN: [&str; 9] = ["login", "logon", "signin", "sign-in", "token", "tokens", "auth", "authenticate", "session"];

impl StepReport {
    /// `true` if a call gave out a token and nothing else: as little is left behind as by a token that the run fetches
    /// itself. By its path, and by what the step keeps: secrets alone.
    fn is_login(&self, call: &CallReport) -> bool {
        let path = call.url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let last = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let masked = |value: &Json| value.as_str().is_some_and(|text| text.starts_with('‹') && text.ends_with('›'));
        let mut kept = self.outputs.values().filter(|value| !value.is_null()).peekable();
        LOGIN.contains(&last.as_str()) && kept.peek().is_some() && kept.all(masked)
    }
}

/// A change that a run made or may have made.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The step.
    pub step: &'a str,
    /// The request.
    pub call: &'a CallReport,
    /// Outputs of the step that name what was created; empty if it did not succeed.
    pub outputs: &'a Map<String, Json>,
}

/// The outputs of a visit that goes on.
static NONE: LazyLock<Map<String, Json>> = LazyLock::new(Map::new);

impl Report {
    /// Takes one more event in.
    pub fn add(&mut self, event: &Event) {
        if let EventKind::RunFinished { status, why, .. } = &event.kind {
            self.status = Some(*status);
            self.why.clone_from(why);
        }
        let Some(name) = &event.step else { return };
        // A report that was read from somewhere has its steps, and not yet their places.
        if self.places.len() != self.steps.len() {
            let key = |step: &StepReport| (step.workflow.clone(), step.step.clone());
            self.places = self.steps.iter().enumerate().map(|(index, step)| (key(step), index)).collect();
        }
        // Most events are of the step that was entered last; two workflows may share a stepId.
        let last = self.steps.last().filter(|last| last.step == *name && last.workflow == event.workflow);
        let index = if last.is_some() { self.steps.len() - 1 } else { self.place_of(&event.workflow, name) };
        let Some(step) = self.steps.get_mut(index) else { return };
        match &event.kind {
            EventKind::StepStarted { .. } => step.visits += 1,
            EventKind::RequestSent { call, method, url, because, .. } => {
                // The same request, whose effect is that of both.
                if let (Because::Reconnect, Some(before)) = (because, step.calls.last_mut()) {
                    before.in_doubt = false;
                }
                step.calls.push(CallReport {
                    call: *call,
                    method: method.clone(),
                    url: url.clone(),
                    status: None,
                    because: *because,
                    in_doubt: true,
                    outputs: None,
                });
            }
            EventKind::ResponseReceived { call, status, .. } => {
                if let Some(known) = step.calls.iter_mut().find(|known| known.call == *call) {
                    (known.status, known.in_doubt) = (Some(*status), false);
                }
            }
            EventKind::RequestFailed { call, in_doubt, request: Some(request), .. } => step.calls.push(CallReport {
                call: *call,
                method: request.method.clone(),
                url: request.url.clone(),
                status: None,
                because: request.because,
                in_doubt: *in_doubt,
                outputs: None,
            }),
            EventKind::RequestFailed { call, in_doubt, .. } => {
                if let Some(known) = step.calls.iter_mut().find(|known| known.call == *call) {
                    known.in_doubt = *in_doubt;
                }
            }
            EventKind::StepFinished { status, outputs, .. } => {
                step.status = Some(*status);
                step.outputs.clone_from(outputs);
                for call in step.calls.iter_mut().rev().take_while(|call| call.outputs.is_none()) {
                    // What changes nothing leaves nothing behind.
                    call.outputs = Some(if is_safe(&call.method) { Map::new() } else { outputs.clone() });
                }
            }
            _ => {}
        }
    }

    /// The index of a step in `steps`, which is new if it was not entered before.
    fn place_of(&mut self, workflow: &str, step: &str) -> usize {
        let (steps, key) = (&mut self.steps, (workflow.to_owned(), step.to_owned()));
        *self.places.entry(key).or_insert_with_key(|(workflow, step)| {
            steps.push(StepReport { workflow: workflow.clone(), step: step.clone(), ..StepReport::default() });
            steps.len() - 1
        })
    }

    /// Requests with unsafe methods (RFC 9110 §9.2.1) that were answered with success, or whose answer is unknown:
    /// what a run that did not succeed leaves behind.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        self.steps.iter().flat_map(|step| {
            step.calls
                .iter()
                .filter(|call| !is_safe(&call.method))
                // A token is nothing that is left behind; a server that redirects may have acted before.
                .filter(|call| call.because != Because::Token)
                .filter(|call| call.in_doubt || call.status.is_some_and(|status| (200..400).contains(&status)))
                .filter(|call| call.in_doubt || !step.is_login(call))
                .map(|call| Change { step: &step.step, call, outputs: call.outputs.as_ref().unwrap_or(&NONE) })
        })
    }
}
