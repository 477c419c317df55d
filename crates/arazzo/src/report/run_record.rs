//! [`RunRecord`]: a whole run as its events told it, folded into what reports need. Knows the events and nothing else,
//! so a run that was recorded can be told as well as one that has just ended.

use arazzo_engine::code::Code;
use arazzo_engine::event::{
    ActionKind, Because, CriteriaOf, EventKind, FailureKind, On, RunStatus, Saw, StartedFor, StepStatus, UnsentRequest,
    WaitReason, Why,
};
use arazzo_engine::plan::PlannedStep;
use arazzo_engine::redact::BodyText;
use arazzo_engine::report::{Report, StepReport};
use arazzo_engine::source::Place;
use arazzo_engine::value::{Json, Map};

use crate::channel::SEND;
use crate::envelope::Envelope;

/// A run, folded from its events with [`RunRecord::add`]. All text is masked, as it is in the events.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunRecord {
    /// The document, as people call it.
    pub document: String,
    /// `info.title` of the document.
    pub title: String,
    /// The workflow that was run.
    pub workflow: String,
    /// The name of the run.
    pub run: String,
    /// The wall clock of the first event, RFC 3339.
    pub started: String,
    /// The inputs of the workflow that was run.
    pub inputs: Map<String, Json>,
    /// Warnings about the documents, and those of the run itself.
    pub notes: Vec<Note>,
    /// The workflows, in the order in which they began.
    pub frames: Vec<Frame>,
    /// Every attempt of every step, in the order in which they began.
    pub attempts: Vec<Attempt>,
    /// The changes that the run made, for what it leaves behind.
    pub report: Report,
    /// The last event; none while the run goes on.
    pub end: Option<Envelope>,
    /// Steps that the workflow has, by workflow and `stepId`, whether or not they ran; empty where nobody knows.
    pub planned: Vec<(String, String)>,
    /// `true` if only the last attempt of every step is kept.
    last_attempts: bool,
    /// The number and the time of the last event.
    last: Option<(u64, u64)>,
    gaps: Vec<Gap>,
    /// Bytes of bodies that were kept for reports.
    kept_bytes: usize,
}

/// Bytes of all bodies that a record keeps for reports, beyond what events show of each.
pub(super) const KEPT_BYTES: usize = 64 << 20;

/// Something unusual that the run noted about its documents or an answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Note {
    /// The code: `unbraced-expression`.
    pub code: Code,
    /// The message.
    pub message: String,
    /// The remedy, in words.
    pub help: Option<String>,
    /// The place in the documents.
    pub place: Option<Place>,
}

/// A workflow in progress.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Frame {
    /// Its number; 0 for the workflow that was run.
    pub frame: u32,
    /// `workflowId`
    pub workflow: String,
    /// The frame that it runs for; none for the workflow that was run.
    pub parent: Option<u32>,
    /// The cause; none for the workflow that was run.
    pub because: Option<StartedFor>,
    /// The time of its start, in ms since the start of the run.
    pub started_ms: u64,
}

/// One attempt of a step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// The frame of its workflow.
    pub frame: u32,
    /// The workflow of the step.
    pub workflow: String,
    /// `stepId`
    pub step: String,
    /// The number of the visit of the step, from 1.
    pub visit: u32,
    /// The number of the attempt of the visit, from 1.
    pub attempt: u32,
    /// The `operationId`, if it has one.
    pub operation: Option<String>,
    /// The workflow that it calls.
    pub calls: Option<String>,
    /// The place of the step.
    pub place: Option<Place>,
    /// The time of its start, in ms since the start of the run.
    pub started_ms: u64,
    /// The time and kind of its end; none if the run ended in it.
    pub finished: Option<Finished>,
    /// Its requests, in the order in which they were sent.
    pub exchanges: Vec<Exchange>,
    /// The criteria that were tested, in their order.
    pub criteria: Vec<Criterion>,
    /// The action that was taken, if there was one.
    pub action: Option<Action>,
    /// The values that were absent: expression and target.
    pub absent: Vec<(String, String)>,
    /// The wait after it, in ms, and its cause.
    pub wait: Option<(u64, WaitReason)>,
}

/// The end of an attempt.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// The time, in ms since the start of the run.
    pub ms: u64,
    /// The status.
    pub status: StepStatus,
    /// The outputs of the step.
    pub outputs: Map<String, Json>,
    /// The reason of the failure.
    pub why: Option<Why>,
    /// `true` if the same step is entered again next.
    pub again: bool,
}

/// A request and what became of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// The number of the call; a message that came has none.
    pub call: Option<u64>,
    /// The cause, if it was not sent for the step itself.
    pub because: Option<Because>,
    /// `GET`
    pub method: String,
    /// The whole url.
    pub url: String,
    /// Headers in the order in which they were sent.
    pub headers: Vec<(String, String)>,
    /// The body, cut at a limit.
    pub body: Option<BodyText>,
    /// The time at which it was sent, in ms since the start of the run.
    pub sent_ms: u64,
    /// The wall clock when it was sent, RFC 3339.
    pub time: String,
    /// The answer.
    pub answer: Answer,
}

/// The answer to a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer {
    /// The run ended before anything came.
    None,
    /// An answer.
    Received {
        /// The status code.
        status: u16,
        /// Milliseconds since the request was sent.
        duration_ms: u64,
        /// Headers as received.
        headers: Vec<(String, String)>,
        /// The body, cut at a limit.
        body: Option<BodyText>,
    },
    /// It is a message: its protocol has accepted it, or it is the one that a step was waiting for.
    Message {
        /// Milliseconds until it was accepted, or came.
        duration_ms: u64,
    },
    /// No answer will come.
    Lost {
        /// The kind of failure.
        failure: FailureKind,
        /// The event, in words.
        message: String,
        /// Milliseconds since the request was sent.
        duration_ms: u64,
        /// `false` if it is certain that the server did not get the request.
        in_doubt: bool,
    },
}

/// As [`SEND`], of a message that came.
const RECEIVE: &str = "RECEIVE";

impl Exchange {
    /// A request that never left.
    fn unsent(call: u64, request: &UnsentRequest, envelope: &Envelope, duration_ms: u64) -> Self {
        Self {
            call: Some(call),
            because: Some(request.because).filter(|because| !because.is_operation()),
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            sent_ms: envelope.ms.saturating_sub(duration_ms),
            time: envelope.time.clone(),
            answer: Answer::None,
        }
    }

    /// A message that was accepted, or came.
    fn of_message(envelope: &Envelope, body: Option<BodyText>) -> Option<Self> {
        let (verb, call, address, duration_ms, headers) = match &envelope.event.kind {
            EventKind::MessageSent { call, address, duration_ms, headers, .. } => {
                (SEND, Some(*call), address, *duration_ms, headers)
            }
            EventKind::MessageReceived { address, waited_ms, headers, .. } => {
                (RECEIVE, None, address, *waited_ms, headers)
            }
            _ => return None,
        };
        Some(Self {
            call,
            because: None,
            method: verb.to_owned(),
            url: address.clone(),
            headers: headers.clone(),
            body,
            sent_ms: envelope.ms.saturating_sub(duration_ms),
            time: envelope.time.clone(),
            answer: Answer::Message { duration_ms },
        })
    }

    /// `true` for a message, which is no request.
    #[must_use]
    pub fn is_message(&self) -> bool {
        matches!(self.answer, Answer::Message { .. })
    }
}

/// A criterion with the values it saw.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Criterion {
    /// The list that it stands in.
    pub of: CriteriaOf,
    /// The condition, as written.
    pub condition: String,
    /// The context, as written.
    pub context: Option<String>,
    /// `true` if it is met.
    pub met: bool,
    /// The values that it read.
    pub saw: Vec<Saw>,
    /// The reason why it could not be evaluated.
    pub problem: Option<String>,
    /// Its place in the document.
    pub place: Option<Place>,
}

/// An action that was chosen.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Action {
    /// Its name.
    pub name: String,
    /// The type of it.
    pub kind: ActionKind,
    /// The step or workflow that it goes to; for a retry, what runs before it.
    pub target: Option<String>,
    /// The list that it stands in.
    pub on: On,
}

/// Events that are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Their number.
    pub count: u64,
    /// The time of the event before, in ms since the start.
    pub from_ms: u64,
    /// The time of the event after.
    pub to_ms: u64,
}

impl Gap {
    /// The gap in words.
    #[must_use]
    pub fn words(&self) -> String {
        let events = if self.count == 1 { "1 event is".to_owned() } else { format!("{} events are", self.count) };
        let seconds = |ms: u64| format!("{}.{:03} s", ms / 1_000, ms % 1_000);
        let (from, to) = (seconds(self.from_ms), seconds(self.to_ms));
        format!(
            "{events} not kept between {from} and {to}: of a step that is tried again and again, a journal keeps the first and the last attempts"
        )
    }
}

/// All attempts of one step of one workflow, whoever called it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The workflow of the step.
    pub workflow: &'a str,
    /// `stepId`
    pub step: &'a str,
    /// Empty if it did not run.
    pub attempts: Vec<&'a Attempt>,
}

impl RunRecord {
    /// The record of a run that has not begun, of a workflow with this plan ([`crate::Workflow::plan`]): steps that the
    /// run does not come to are reported too.
    #[must_use]
    pub fn of_plan(plan: &[PlannedStep]) -> Self {
        let planned = plan.iter().map(|step| (step.workflow.clone(), step.step.clone())).collect();
        Self { planned, ..Self::default() }
    }

    /// Keeps only the last attempt of every step, so that the record of a run that polls for hours stays small. It holds
    /// why the run failed and what it leaves; a report of it would not be whole.
    #[must_use]
    pub fn last_attempts(mut self) -> Self {
        self.last_attempts = true;
        self
    }

    /// Events that are missing: a journal keeps the first and the last attempts of a step that is tried again and again.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Takes one more event in.
    pub fn add(&mut self, envelope: &Envelope) {
        let event = &envelope.event;
        if let Some((seq, from_ms)) = self.last
            && envelope.seq > seq.saturating_add(1)
        {
            self.gaps.push(Gap { count: envelope.seq - seq - 1, from_ms, to_ms: envelope.ms });
        }
        self.last = Some((envelope.seq, envelope.ms));
        self.report.add(event);
        match &event.kind {
            EventKind::RunStarted { document, title, .. } => {
                (self.document, self.title) = (document.clone(), title.clone());
                self.workflow.clone_from(&event.workflow);
                (self.run, self.started) = (envelope.run.clone(), envelope.time.clone());
            }
            EventKind::Diagnostic { code, message, help, .. } => self.notes.push(Note {
                code: *code,
                message: message.clone(),
                help: help.clone(),
                place: event.span.clone(),
            }),
            EventKind::ContractDeparted { part, at, message, .. } => self.notes.push(Note {
                code: Code::ContractDeparted,
                message: format!("{}: {message}", part.words(at.as_deref())),
                help: None,
                place: event.span.clone(),
            }),
            EventKind::WorkflowStarted { inputs, parent, because } => {
                if event.frame == 0 && self.inputs.is_empty() {
                    self.inputs.clone_from(inputs);
                }
                self.frames.push(Frame {
                    frame: event.frame,
                    workflow: event.workflow.clone(),
                    parent: *parent,
                    because: *because,
                    started_ms: envelope.ms,
                });
            }
            EventKind::StepStarted { operation, calls } => self.begin(Attempt {
                frame: event.frame,
                workflow: event.workflow.clone(),
                step: event.step.clone().unwrap_or_default(),
                visit: event.visit.unwrap_or(1),
                attempt: event.attempt.unwrap_or(1),
                operation: operation.clone(),
                calls: calls.clone(),
                place: event.span.clone(),
                started_ms: envelope.ms,
                finished: None,
                exchanges: vec![],
                criteria: vec![],
                action: None,
                absent: vec![],
                wait: None,
            }),
            EventKind::RunFinished { .. } => self.end = Some(envelope.clone()),
            _ => self.within(envelope),
        }
    }

    fn begin(&mut self, attempt: Attempt) {
        // A list of all attempts is gone through for the few steps that come again.
        let again = |known: &StepReport| known.step == attempt.step && known.workflow == attempt.workflow;
        if self.last_attempts && self.report.steps.iter().rev().find(|known| again(known)).is_some_and(|s| s.visits > 1)
        {
            self.attempts.retain(|known| known.step != attempt.step || known.workflow != attempt.workflow);
        }
        self.attempts.push(attempt);
    }

    /// A body, without what is kept of it for reports once that is too much for the memory of a run.
    fn keep_body(&mut self, body: &Option<BodyText>) -> Option<BodyText> {
        let mut body = body.clone()?;
        if let Some(kept) = &body.kept {
            self.kept_bytes = self.kept_bytes.saturating_add(kept.text.as_str().len());
        }
        if self.kept_bytes > KEPT_BYTES {
            body.kept = None;
        }
        Some(body)
    }

    /// An event of an attempt.
    fn within(&mut self, envelope: &Envelope) {
        let event = &envelope.event;
        let Some(name) = &event.step else { return };
        let body = match &event.kind {
            EventKind::RequestSent { body, .. }
            | EventKind::ResponseReceived { body, .. }
            | EventKind::MessageSent { body, .. }
            | EventKind::MessageReceived { body, .. } => self.keep_body(body),
            _ => None,
        };
        let own = |attempt: &&mut Attempt| attempt.frame == event.frame && attempt.step == *name;
        let Some(attempt) = self.attempts.iter_mut().rev().find(own) else { return };
        match &event.kind {
            EventKind::RequestSent { call, method, url, headers, because, .. } => attempt.exchanges.push(Exchange {
                call: Some(*call),
                because: Some(*because).filter(|because| !because.is_operation()),
                method: method.clone(),
                url: url.clone(),
                headers: headers.clone(),
                body,
                sent_ms: envelope.ms,
                time: envelope.time.clone(),
                answer: Answer::None,
            }),
            EventKind::MessageSent { .. } | EventKind::MessageReceived { .. } => {
                attempt.exchanges.extend(Exchange::of_message(envelope, body));
            }
            EventKind::ResponseReceived { call, status, duration_ms, headers, .. } => {
                let answer =
                    Answer::Received { status: *status, duration_ms: *duration_ms, headers: headers.clone(), body };
                attempt.answered(*call, answer);
            }
            EventKind::RequestFailed { call, failure, message, duration_ms, in_doubt, request } => {
                // One that was not sent is first heard of now.
                if let Some(request) = request {
                    attempt.exchanges.push(Exchange::unsent(*call, request, envelope, *duration_ms));
                }
                let answer = Answer::Lost {
                    failure: *failure,
                    message: message.clone(),
                    duration_ms: *duration_ms,
                    in_doubt: *in_doubt,
                };
                attempt.answered(*call, answer);
            }
            EventKind::CriterionEvaluated { of, condition, context, met, saw, problem } => {
                attempt.criteria.push(Criterion {
                    of: of.clone(),
                    condition: condition.clone(),
                    context: context.clone(),
                    met: *met,
                    saw: saw.clone(),
                    problem: problem.clone(),
                    place: event.span.clone(),
                });
            }
            // A wait belongs to the attempt after which it comes.
            EventKind::WaitStarted { delay_ms, because } => attempt.wait = Some((*delay_ms, *because)),
            EventKind::ValueAbsent { expression, target } => attempt.absent.push((expression.clone(), target.clone())),
            EventKind::ActionSelected { action, kind, target, on, .. } => {
                attempt.action = Some(Action { name: action.clone(), kind: *kind, target: target.clone(), on: *on });
            }
            EventKind::StepFinished { status, outputs, why, again, .. } => {
                attempt.finished = Some(Finished {
                    ms: envelope.ms,
                    status: *status,
                    outputs: outputs.clone(),
                    why: why.clone(),
                    again: *again,
                });
            }
            _ => {}
        }
    }

    /// The steps that ran, in the order in which they were first entered, then those that did not.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'_>> {
        let mut steps: Vec<Step<'_>> = vec![];
        for attempt in &self.attempts {
            match steps.iter_mut().find(|known| known.workflow == attempt.workflow && known.step == attempt.step) {
                Some(known) => known.attempts.push(attempt),
                None => steps.push(Step { workflow: &attempt.workflow, step: &attempt.step, attempts: vec![attempt] }),
            }
        }
        for (workflow, step) in &self.planned {
            if !steps.iter().any(|known| known.workflow == workflow && known.step == step) {
                steps.push(Step { workflow, step, attempts: vec![] });
            }
        }
        steps
    }

    /// All requests, in the order in which they were sent (a message that came, since it was waited for), each with the attempt that sent it.
    #[must_use]
    pub fn exchanges(&self) -> Vec<(&Attempt, &Exchange)> {
        let mut all: Vec<_> =
            self.attempts.iter().flat_map(|attempt| attempt.exchanges.iter().map(move |e| (attempt, e))).collect();
        all.sort_by_key(|(_, exchange)| (exchange.sent_ms, exchange.call.unwrap_or(u64::MAX)));
        all
    }

    /// The last event.
    #[must_use]
    pub fn verdict(&self) -> Verdict<'_> {
        match self.end.as_ref().map(|end| &end.event.kind) {
            Some(EventKind::RunFinished { status, exit, duration_ms, why, missing, ended_by, .. }) => Verdict {
                status: Some(*status),
                exit: Some(*exit),
                duration_ms: *duration_ms,
                why: why.as_ref(),
                missing,
                ended_by: ended_by.as_deref(),
            },
            _ => Verdict {
                status: None,
                exit: None,
                duration_ms: self.last_ms(),
                why: None,
                missing: &[],
                ended_by: None,
            },
        }
    }

    /// The last request of the attempt that the run ended in; none if that attempt sent nothing.
    #[must_use]
    pub fn failing_exchange(&self) -> Option<&Exchange> {
        let why = self.verdict().why.filter(|why| why.code.was_sent())?;
        let last = self.attempts.iter().rev().find(|attempt| Some(&attempt.step) == why.step.as_ref())?;
        last.exchanges.last()
    }

    /// The outputs of the run, as far as they exist.
    #[must_use]
    pub fn outputs(&self) -> Option<&Map<String, Json>> {
        match &self.end.as_ref()?.event.kind {
            EventKind::RunFinished { outputs, .. } => Some(outputs),
            _ => None,
        }
    }

    /// The time of the last thing that is known of a run that has no end.
    fn last_ms(&self) -> u64 {
        self.attempts.iter().map(Attempt::end_ms).max().unwrap_or(0)
    }
}

/// The end of a run.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Verdict<'a> {
    /// None if the events end before the run does.
    pub status: Option<RunStatus>,
    /// The exit code that the command line gives for this.
    pub exit: Option<u8>,
    /// Milliseconds since the start; of a run without an end, to the last thing that is known of it.
    pub duration_ms: u64,
    /// The reason why it failed or stopped.
    pub why: Option<&'a Why>,
    /// Outputs without a value.
    pub missing: &'a [String],
    /// The `end` action that ended it.
    pub ended_by: Option<&'a str>,
}

impl Verdict<'_> {
    /// One word: `succeeded`, `ended`, `failed`, `stopped`, `interrupted`, `unfinished`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.status, self.exit) {
            (Some(RunStatus::Stopped), Some(130 | 143)) => "interrupted",
            (Some(status), _) => status.word(),
            (None, _) => "unfinished",
        }
    }

    /// `true` if the exit code is 0.
    #[must_use]
    pub fn good(&self) -> bool {
        self.exit == Some(0)
    }
}

impl Attempt {
    fn answered(&mut self, call: u64, answer: Answer) {
        if let Some(known) = self.exchanges.iter_mut().find(|known| known.call == Some(call)) {
            known.answer = answer;
        }
    }

    /// Its end; none if the run ended in it.
    #[must_use]
    pub fn status(&self) -> Option<StepStatus> {
        self.finished.as_ref().map(|finished| finished.status)
    }

    /// The reason why it failed; a failure that was retried or handled has no reason of its own.
    #[must_use]
    pub fn why(&self) -> Option<&Why> {
        self.finished.as_ref().and_then(|finished| finished.why.as_ref())
    }

    /// The time of its end, in ms since the start; for one without an end, the last thing that is known of it.
    #[must_use]
    pub fn end_ms(&self) -> u64 {
        let last = |exchange: &Exchange| exchange.sent_ms + exchange.duration_ms().unwrap_or(0);
        self.finished
            .as_ref()
            .map(|finished| finished.ms)
            .unwrap_or_else(|| self.exchanges.iter().map(last).max().unwrap_or(self.started_ms))
    }

    /// The status of the last answer, or what was the matter with it.
    #[must_use]
    pub fn answer(&self) -> String {
        match self.exchanges.last().map(|exchange| &exchange.answer) {
            Some(Answer::Received { status, .. }) => status.to_string(),
            Some(Answer::Lost { failure, .. }) => failure.word().to_owned(),
            Some(Answer::None) => "no answer".to_owned(),
            Some(Answer::Message { .. }) => "message".to_owned(),
            None => String::new(),
        }
    }

    /// The call: `GET /api/volumes/vol-1`, or the workflow that it calls.
    #[must_use]
    pub fn does(&self) -> String {
        match (&self.calls, self.exchanges.last()) {
            (Some(workflow), _) => format!("workflow {workflow}"),
            (None, Some(exchange)) => format!("{} {}", exchange.method, exchange.path()),
            (None, None) => self.operation.clone().unwrap_or_default(),
        }
    }
}

impl Step<'_> {
    /// The end of its last attempt; none if it did not run, or the run ended in it.
    #[must_use]
    pub fn status(&self) -> Option<StepStatus> {
        self.attempts.last().and_then(|attempt| attempt.status())
    }

    /// The time of all its attempts together, in ms, without the waits between them.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.attempts.iter().map(|attempt| attempt.end_ms().saturating_sub(attempt.started_ms)).sum()
    }

    /// The number of visits.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.attempt == 1).count()
    }
}

impl Exchange {
    /// The bodies that were sent and that came.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &BodyText> {
        let came = if let Answer::Received { body, .. } = &self.answer { body.as_ref() } else { None };
        self.body.iter().chain(came)
    }

    /// The time that the answer took, in ms; none if nothing came.
    #[must_use]
    pub fn duration_ms(&self) -> Option<u64> {
        match &self.answer {
            Answer::None => None,
            Answer::Received { duration_ms, .. }
            | Answer::Message { duration_ms }
            | Answer::Lost { duration_ms, .. } => Some(*duration_ms),
        }
    }

    /// The host, with its port: `app.daytona.io`.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }

    /// The path and query of the url.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
    }
}
