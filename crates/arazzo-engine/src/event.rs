//! Everything that can happen in a run, already masked: the seam between running and reporting.
//!
//! Terminal, reports and machines see nothing else. The driver adds the envelope (`v`, `seq`, `time`, `ms`, `run`).
//! A reader ignores fields it does not know; a breaking change raises [`VERSION`].

use std::borrow::Cow;

use crate::value::{Json, Map};
use serde::{Deserialize, Serialize};

use crate::address;
use crate::code::{Code, Severity};
use crate::reason::Reason;
use crate::redact::{BodyText, Masked, Redactor};
use crate::remedy::{Naming, Remedy};
use crate::source::Place;
use crate::string_enum::string_enum;

mod masking;
mod words;

use masking::Masking;

pub use words::{ActionKind, Because, CriteriaOf, FailureKind, IgnoredBecause, On, StartedFor, WaitReason};

/// The version of the events, `v` in the envelope.
pub const VERSION: u32 = 1;

/// The part of what happens in a run that its reader wants to hear. The rest is not even made; what is made is the same
/// for every reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Interest {
    /// The beginning and the end of the run, and what is unusual about it: `run.started`, `run.resumed`, `diagnostic`,
    /// `contract.departed`, `run.finished`.
    Verdict,
    /// Every event; of requests and answers, neither headers nor bodies.
    Steps,
    /// Everything.
    #[default]
    Wire,
}

/// One thing that happened, and where in the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Event {
    /// The workflow.
    pub workflow: String,
    /// The frame: 0 for the workflow that was run, a number of its own for each workflow that is called.
    pub frame: u32,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The number of the visit of the step, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<u32>,
    /// The number of the attempt of this visit, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The place in the documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Place>,
    /// The kind of event, with its fields.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Kinds of events; `type` in JSON. All text is masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum EventKind {
    /// The first event of every run.
    #[serde(rename = "run.started")]
    RunStarted {
        /// The document, as people call it.
        document: String,
        /// `info.title`
        title: String,
        /// Names of the inputs whose values are masked.
        secrets: Vec<String>,
    },
    /// The run goes on in another process than before.
    #[serde(rename = "run.resumed")]
    RunResumed {
        /// The time in which no process had it, in ms. It counts for no limit.
        away_ms: u64,
        /// Calls that were in flight and are sent again.
        again: Vec<u64>,
    },
    /// A workflow begins.
    #[serde(rename = "workflow.started")]
    WorkflowStarted {
        /// Its inputs.
        inputs: Map<String, Json>,
        /// The frame that it runs for; none for the workflow that was run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<u32>,
        /// The cause; none for the workflow that was run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<StartedFor>,
    },
    /// A step begins.
    #[serde(rename = "step.started")]
    StepStarted {
        /// The `operationId`, if it has one.
        operation: Option<String>,
        /// The workflow that it calls, if it calls one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        calls: Option<String>,
    },
    /// A request waits for its turn: its server gets no more at once. Nothing of it has left, and no time of it passes.
    #[serde(rename = "request.queued")]
    RequestQueued {
        /// The call; what becomes of it has the same number.
        call: u64,
        /// `GET`
        method: String,
        /// The whole url.
        url: String,
        /// The cause, if it is not sent for the step itself.
        #[serde(default, skip_serializing_if = "Because::is_operation")]
        because: Because,
    },
    /// The first byte of a request was written: from here on its server may act on it.
    #[serde(rename = "request.sent")]
    RequestSent {
        /// The call; the answer has the same number.
        call: u64,
        /// `GET`
        method: String,
        /// The whole url.
        url: String,
        /// Headers in the order in which they are sent.
        headers: Vec<(String, String)>,
        /// The body, cut at a limit.
        body: Option<BodyText>,
        /// The cause, if it is not sent for the step itself.
        #[serde(default, skip_serializing_if = "Because::is_operation")]
        because: Because,
    },
    /// An answer arrived.
    #[serde(rename = "response.received")]
    ResponseReceived {
        /// The call.
        call: u64,
        /// The status code.
        status: u16,
        /// Milliseconds since the request was sent.
        duration_ms: u64,
        /// Headers as received.
        headers: Vec<(String, String)>,
        /// The body, cut at a limit.
        body: Option<BodyText>,
    },
    /// No answer arrived.
    #[serde(rename = "request.failed")]
    RequestFailed {
        /// The call.
        call: u64,
        /// The kind.
        failure: FailureKind,
        /// The event, in words.
        message: String,
        /// Milliseconds since the request was sent, or began to be, if it was not; without the time in a queue.
        duration_ms: u64,
        /// `false` if it is certain that the server did not get the request.
        in_doubt: bool,
        /// The request, if it was not sent: no [`EventKind::RequestSent`] says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<Box<UnsentRequest>>,
    },
    /// The protocol of a channel has accepted a message.
    #[serde(rename = "message.sent")]
    MessageSent {
        /// The call.
        call: u64,
        /// The channel.
        channel: String,
        /// Its address: a topic, a subject, a path.
        address: String,
        /// Milliseconds until it was accepted.
        duration_ms: u64,
        /// Headers in the order in which they are sent.
        headers: Vec<(String, String)>,
        /// The payload, cut at a limit.
        body: Option<BodyText>,
    },
    /// The message came that a step was waiting for.
    #[serde(rename = "message.received")]
    MessageReceived {
        /// The channel.
        channel: String,
        /// The address that it came by.
        address: String,
        /// Milliseconds that the step had waited.
        waited_ms: u64,
        /// The place of the id that the step named, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        correlated_by: Option<String>,
        /// Headers as received.
        headers: Vec<(String, String)>,
        /// The payload, cut at a limit.
        body: Option<BodyText>,
    },
    /// A message came that no step takes. After 100 of a channel they are counted only.
    #[serde(rename = "message.ignored")]
    MessageIgnored {
        /// The channel.
        channel: String,
        /// The address that it came by.
        address: String,
        /// The reason.
        because: IgnoredBecause,
        /// Headers as received.
        headers: Vec<(String, String)>,
        /// The payload, cut at a limit.
        body: Option<BodyText>,
    },
    /// A criterion was evaluated.
    #[serde(rename = "criterion.evaluated")]
    CriterionEvaluated {
        /// The list it stands in: `successCriteria`, or the name of an action.
        of: CriteriaOf,
        /// The condition, as written.
        condition: String,
        /// The context, as written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
        /// `true` if it is met.
        met: bool,
        /// The values it read: expression and value; absent values have none.
        saw: Vec<Saw>,
        /// The reason why it could not be evaluated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    },
    /// An answer is not as its operation documents it (`--check contract`); `span` is the place in the description.
    #[serde(rename = "contract.departed")]
    ContractDeparted {
        /// The part of the answer.
        part: ContractPart,
        /// The header, or the place in the body as a JSON Pointer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
        /// The fault, in words.
        message: String,
        /// `warning`, or `error` if the step fails because of it.
        severity: Severity,
    },
    /// An optional input had no value and was left out of a request (`absent-optional-input`).
    #[serde(rename = "value.absent")]
    ValueAbsent {
        /// The expression.
        expression: String,
        /// The target that was left out, or is null.
        target: String,
    },
    /// An action was chosen.
    #[serde(rename = "action.selected")]
    ActionSelected {
        /// Its name.
        action: String,
        /// The type of it.
        kind: ActionKind,
        /// The step or workflow it goes to; for a retry, what runs before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// The list it stands in.
        on: On,
        /// The time that the next request waits, in ms.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delay_ms: Option<u64>,
        /// The cause of the wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delay_because: Option<WaitReason>,
    },
    /// The run waits.
    #[serde(rename = "wait.started")]
    WaitStarted {
        /// The time, in ms.
        delay_ms: u64,
        /// The reason.
        because: WaitReason,
    },
    /// A visit of a step ended.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// The status.
        status: StepStatus,
        /// Its outputs; null for one that found nothing.
        outputs: Map<String, Json>,
        /// The reason of the failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Why>,
        /// Milliseconds since the visit began, waits included.
        duration_ms: u64,
        /// `true` if the same step is entered again next.
        again: bool,
    },
    /// A workflow ended.
    #[serde(rename = "workflow.finished")]
    WorkflowFinished {
        /// The status.
        status: RunStatus,
        /// Its outputs.
        outputs: Map<String, Json>,
    },
    /// The last event of every run.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// The status.
        status: RunStatus,
        /// The exit code that the command line gives for this.
        exit: u8,
        /// Milliseconds since the start.
        duration_ms: u64,
        /// Different steps that ran.
        steps: u32,
        /// Visits of steps.
        visits: u32,
        /// Requests sent.
        requests: u32,
        /// Milliseconds spent waiting between requests.
        waited_ms: u64,
        /// The outputs that exist.
        outputs: Map<String, Json>,
        /// Outputs without a value.
        missing: Vec<String>,
        /// The `end` action that ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_by: Option<String>,
        /// The reason why it failed or stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Why>,
        /// Codes of the warnings about the documents.
        warnings: Vec<Code>,
    },
    /// Something about the documents that does not keep them from running.
    #[serde(rename = "diagnostic")]
    Diagnostic {
        /// The code.
        code: Code,
        /// The severity.
        severity: Severity,
        /// The message.
        message: String,
        /// The remedy, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
}

string_enum! {
    /// A part of an answer that an operation documents.
    #[non_exhaustive]
    pub enum ContractPart: "part of an answer" {
        /// The status code.
        Status = "status",
        /// The media type.
        ContentType = "content-type",
        /// A header.
        Header = "header",
        /// The body.
        Body = "body",
    }
}

impl ContractPart {
    /// The part with the header or the place in it, for people: ``header `ETag` ``, `body /items/0`.
    #[must_use]
    pub fn words(self, at: Option<&str>) -> String {
        match (self, at) {
            (Self::Status, _) => "status".to_owned(),
            (Self::ContentType, _) => "content type".to_owned(),
            (Self::Header, at) => format!("header `{}`", at.unwrap_or_default()),
            (Self::Body, None | Some("")) => "body".to_owned(),
            (Self::Body, Some(at)) => format!("body {at}"),
        }
    }
}

/// A value that a criterion read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Saw {
    /// The expression.
    pub expression: String,
    /// Its value as JSON, cut at a limit; none if it was absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Masked>,
}

string_enum! {
    /// The end of a visit of a step.
    pub enum StepStatus: "status of a step" {
        /// Its criteria were met.
        Succeeded = "succeeded",
        /// They were not, or there was no answer.
        Failed = "failed",
        /// The run stopped in it.
        Stopped = "stopped",
    }
}

string_enum! {
    /// The end of a run.
    pub enum RunStatus: "status of a run" {
        /// The last step succeeded.
        Succeeded = "succeeded",
        /// An `end` action on success ended it.
        Ended = "ended",
        /// A step failed and nothing handled it, or an `end` action on failure ended it.
        Failed = "failed",
        /// A limit or an interrupt stopped it.
        Stopped = "stopped",
    }
}

/// A request that never left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UnsentRequest {
    /// `GET`
    pub method: String,
    /// The whole url.
    pub url: String,
    /// Headers in the order in which they would have been sent.
    pub headers: Vec<(String, String)>,
    /// The body, cut at a limit.
    pub body: Option<BodyText>,
    /// The cause, if it was not for the step itself.
    #[serde(default, skip_serializing_if = "Because::is_operation")]
    pub because: Because,
}

/// The reason why a step or a run did not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Why {
    /// The kind of reason.
    pub code: Reason,
    /// The event, in words.
    pub message: String,
    /// A few words under the caret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The place in the documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Further places, with a few words each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<(Place, String)>,
    /// Facts, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The remedy, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The setting of the run that remedies it; its words are still to come ([`Event::word`]). Events say it in words.
    #[serde(skip)]
    pub remedy: Option<Box<Remedy>>,
}

impl EventKind {
    /// The least interest that hears of it.
    #[must_use]
    pub fn interest(&self) -> Interest {
        match self {
            Self::RunStarted { .. }
            | Self::RunResumed { .. }
            | Self::RunFinished { .. }
            | Self::Diagnostic { .. }
            | Self::ContractDeparted { .. } => Interest::Verdict,
            Self::WorkflowStarted { .. }
            | Self::StepStarted { .. }
            | Self::RequestQueued { .. }
            | Self::RequestSent { .. }
            | Self::ResponseReceived { .. }
            | Self::RequestFailed { .. }
            | Self::MessageSent { .. }
            | Self::MessageReceived { .. }
            | Self::MessageIgnored { .. }
            | Self::CriterionEvaluated { .. }
            | Self::ValueAbsent { .. }
            | Self::ActionSelected { .. }
            | Self::WaitStarted { .. }
            | Self::StepFinished { .. }
            | Self::WorkflowFinished { .. } => Interest::Steps,
        }
    }
}

impl Event {
    /// An event that was read with the values of what it was read from, which have all their digits.
    #[must_use]
    pub fn with_values_of(mut self, written: &Json) -> Self {
        let (values, field) = match &mut self.kind {
            EventKind::WorkflowStarted { inputs, .. } => (inputs, "inputs"),
            EventKind::StepFinished { outputs, .. }
            | EventKind::WorkflowFinished { outputs, .. }
            | EventKind::RunFinished { outputs, .. } => (outputs, "outputs"),
            _ => return self,
        };
        if let Some(exact) = written.get(field).and_then(Json::as_object) {
            values.clone_from(exact);
        }
        self
    }

    /// The event with every text in it masked. The match is exhaustive: a new kind of event has to say what is text in it.
    #[must_use]
    pub fn masked(mut self, redactor: &Redactor) -> Self {
        let text = |text: &mut String| mask_text(text, redactor);
        let mut masking = Masking::new(redactor);
        let mut map = |map: &mut Map<String, Json>| {
            let masked = std::mem::take(map).into_iter();
            *map = masked.map(|(name, value)| (redactor.mask(&name), masking.json(&value))).collect();
        };
        let why = |why: &mut Option<Why>| why.iter_mut().for_each(|why| why.mask(redactor));
        let headers = |headers: &mut Vec<(String, String)>| {
            for (name, value) in headers {
                if !is_credential_header(name) {
                    redactor.mask_in_place(name);
                    redactor.mask_in_place(value);
                    continue;
                }
                let own = redactor.mask(name);
                let masked = redactor.mask(value);
                *value = if masked == *value {
                    format!("‹{}›", name.to_ascii_lowercase())
                } else if value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic ")) {
                    // The letters of base64 around a secret hold bits of it.
                    let mask = masked.find('‹').zip(masked.find('›')).and_then(|(at, end)| masked.get(at..end));
                    format!("Basic {}›", mask.unwrap_or("‹authorization"))
                } else {
                    masked
                };
                *name = own;
            }
        };
        match &mut self.kind {
            EventKind::RunStarted { .. } | EventKind::RunResumed { .. } | EventKind::StepStarted { .. } => {}
            EventKind::WorkflowStarted { inputs, .. } => map(inputs),
            // Bodies are masked where they are cut, so that no cut goes through a secret.
            EventKind::RequestSent { url, headers: list, .. } => {
                text(url);
                headers(list);
            }
            EventKind::ResponseReceived { headers: list, .. } => headers(list),
            EventKind::MessageSent { address, headers: list, .. }
            | EventKind::MessageReceived { address, headers: list, .. }
            | EventKind::MessageIgnored { address, headers: list, .. } => {
                text(address);
                headers(list);
            }
            EventKind::RequestQueued { url, .. } => text(url),
            EventKind::RequestFailed { message, request, .. } => {
                text(message);
                if let Some(request) = request {
                    text(&mut request.url);
                    headers(&mut request.headers);
                }
            }
            // What it saw is masked where it is cut.
            EventKind::CriterionEvaluated { problem, .. } => problem.iter_mut().for_each(text),
            EventKind::ValueAbsent { .. } | EventKind::ActionSelected { .. } | EventKind::WaitStarted { .. } => {}
            EventKind::StepFinished { outputs, why: reason, .. } => {
                map(outputs);
                why(reason);
            }
            EventKind::WorkflowFinished { outputs, .. } => map(outputs),
            EventKind::RunFinished { outputs, why: reason, .. } => {
                map(outputs);
                why(reason);
            }
            EventKind::ContractDeparted { at, message, .. } => {
                at.iter_mut().for_each(&text);
                text(message);
            }
            EventKind::Diagnostic { message, help, .. } => {
                text(message);
                help.iter_mut().for_each(text);
            }
        }
        self
    }
}

impl Event {
    /// Makes words of remedies: what a setting is called says `naming`.
    pub fn word(&mut self, naming: Naming) {
        if let EventKind::StepFinished { why: Some(why), .. } | EventKind::RunFinished { why: Some(why), .. } =
            &mut self.kind
        {
            why.word(naming);
        }
    }
}

/// Masks a text. A password in a url is known by its place, also where it is too short to be looked for.
fn mask_text(text: &mut String, redactor: &Redactor) {
    redactor.mask_in_place(text);
    if let Cow::Owned(shown) = address::without_secrets(text) {
        *text = shown;
    }
}

impl Why {
    /// Makes words of its remedy, as [`Event::word`] does.
    pub fn word(&mut self, naming: Naming) {
        if let Some(remedy) = self.remedy.take() {
            remedy.put(naming, &mut self.message, &mut self.remarks, &mut self.help);
        }
    }

    /// Masks the texts in it.
    pub fn mask(&mut self, redactor: &Redactor) {
        let text = |text: &mut String| mask_text(text, redactor);
        text(&mut self.message);
        self.label.iter_mut().for_each(text);
        self.remarks.iter_mut().for_each(text);
        self.help.iter_mut().for_each(text);
        self.remedy.iter_mut().for_each(|remedy| remedy.each_text(text));
    }
}

/// Headers whose values are credentials even if nobody marked them.
fn is_credential_header(name: &str) -> bool {
    ["authorization", "proxy-authorization", "cookie", "set-cookie"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}
