//! [`Account`]: a whole run as its events told it, folded into what reports need. Knows the events and nothing else, so
//! a run that was recorded can be told as well as one that has just ended.

use arazzo::engine::code::Code;
use arazzo::engine::event::{
    ActionKind, Because, CriteriaOf, EventKind, FailureKind, On, RunStatus, Saw, StartedFor, StepStatus, WaitReason,
    Why,
};
use arazzo::engine::redact::BodyText;
use arazzo::engine::source::Place;
use arazzo::{Envelope, Report};
use serde_json::{Map, Value as Json};

/// A run. All text is masked, as it is in the events.
#[derive(Default)]
pub(crate) struct Account {
    /// The document, as people call it.
    pub(crate) document: String,
    pub(crate) title: String,
    /// The workflow that was run.
    pub(crate) workflow: String,
    /// The name of the run.
    pub(crate) run: String,
    /// The wall clock of the first event, RFC 3339.
    pub(crate) started: String,
    /// The inputs of the workflow that was run.
    pub(crate) inputs: Map<String, Json>,
    /// What is unusual about the documents, and what the run itself noted.
    pub(crate) notes: Vec<Note>,
    /// The workflows, in the order in which they began.
    pub(crate) frames: Vec<Frame>,
    /// Every attempt of every step, in the order in which they began.
    pub(crate) attempts: Vec<Attempt>,
    /// The changes that the run made, for what it leaves behind.
    pub(crate) report: Report,
    /// The last event; none while the run goes on.
    pub(crate) end: Option<Envelope>,
    /// Steps that the workflow has, by workflow and `stepId`, whether or not they ran; empty where nobody knows.
    pub(crate) planned: Vec<(String, String)>,
}

/// A diagnostic.
pub(crate) struct Note {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) place: Option<Place>,
}

/// A workflow in progress.
pub(crate) struct Frame {
    pub(crate) frame: u32,
    pub(crate) workflow: String,
    pub(crate) parent: Option<u32>,
    /// What it ran for; none for the workflow that was run.
    pub(crate) because: Option<StartedFor>,
    pub(crate) started_ms: u64,
}

/// One attempt of a step.
pub(crate) struct Attempt {
    pub(crate) frame: u32,
    pub(crate) workflow: String,
    pub(crate) step: String,
    pub(crate) visit: u32,
    pub(crate) attempt: u32,
    pub(crate) operation: Option<String>,
    /// The workflow that it calls.
    pub(crate) calls: Option<String>,
    pub(crate) place: Option<Place>,
    pub(crate) started_ms: u64,
    /// When it ended, and how; none if the run ended in it.
    pub(crate) finished: Option<Finished>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) criteria: Vec<Criterion>,
    /// What came next, if an action said so.
    pub(crate) action: Option<Action>,
    /// What had no value and was left out: expression and target.
    pub(crate) absent: Vec<(String, String)>,
    /// How long the run waited after it, in ms, and why.
    pub(crate) wait: Option<(u64, WaitReason)>,
}

/// The end of an attempt.
pub(crate) struct Finished {
    pub(crate) ms: u64,
    pub(crate) status: StepStatus,
    pub(crate) outputs: Map<String, Json>,
    pub(crate) why: Option<Why>,
    pub(crate) again: bool,
}

/// A request and what became of it.
pub(crate) struct Exchange {
    pub(crate) call: u64,
    /// What it was sent for, if not for the step itself.
    pub(crate) because: Option<Because>,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<BodyText>,
    pub(crate) sent_ms: u64,
    /// The wall clock when it was sent, RFC 3339.
    pub(crate) time: String,
    pub(crate) answer: Answer,
}

/// What became of a request.
pub(crate) enum Answer {
    /// The run ended before anything came.
    None,
    Received {
        status: u16,
        duration_ms: u64,
        headers: Vec<(String, String)>,
        body: Option<BodyText>,
    },
    Lost {
        failure: FailureKind,
        message: String,
        duration_ms: u64,
        in_doubt: bool,
    },
}

/// A criterion with the values it saw.
pub(crate) struct Criterion {
    /// The list that it stands in.
    pub(crate) of: CriteriaOf,
    pub(crate) condition: String,
    pub(crate) context: Option<String>,
    pub(crate) met: bool,
    pub(crate) saw: Vec<Saw>,
    pub(crate) problem: Option<String>,
    pub(crate) place: Option<Place>,
}

/// An action that was chosen.
pub(crate) struct Action {
    pub(crate) name: String,
    pub(crate) kind: ActionKind,
    pub(crate) target: Option<String>,
    pub(crate) on: On,
}

/// All attempts of one step of one workflow, whoever called it.
pub(crate) struct Step<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) step: &'a str,
    /// Empty if it did not run.
    pub(crate) attempts: Vec<&'a Attempt>,
}

impl Account {
    /// Takes one more event in.
    pub(crate) fn add(&mut self, envelope: &Envelope) {
        let event = &envelope.event;
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
            EventKind::StepStarted { operation, calls } => self.attempts.push(Attempt {
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

    /// An event of an attempt.
    fn within(&mut self, envelope: &Envelope) {
        let event = &envelope.event;
        let Some(name) = &event.step else { return };
        let own = |attempt: &&mut Attempt| attempt.frame == event.frame && attempt.step == *name;
        let Some(attempt) = self.attempts.iter_mut().rev().find(own) else { return };
        match &event.kind {
            EventKind::RequestSent { call, method, url, headers, body, because } => attempt.exchanges.push(Exchange {
                call: *call,
                because: Some(*because).filter(|because| !because.is_operation()),
                method: method.clone(),
                url: url.clone(),
                headers: headers.clone(),
                body: body.clone(),
                sent_ms: envelope.ms,
                time: envelope.time.clone(),
                answer: Answer::None,
            }),
            EventKind::ResponseReceived { call, status, duration_ms, headers, body } => {
                let answer = Answer::Received {
                    status: *status,
                    duration_ms: *duration_ms,
                    headers: headers.clone(),
                    body: body.clone(),
                };
                attempt.answered(*call, answer);
            }
            EventKind::RequestFailed { call, failure, message, duration_ms, in_doubt } => {
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
    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
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

    /// All requests, in the order in which they were sent, each with the attempt that sent it.
    pub(crate) fn exchanges(&self) -> Vec<(&Attempt, &Exchange)> {
        let mut all: Vec<_> =
            self.attempts.iter().flat_map(|attempt| attempt.exchanges.iter().map(move |e| (attempt, e))).collect();
        all.sort_by_key(|(_, exchange)| exchange.call);
        all
    }

    /// The last event.
    pub(crate) fn verdict(&self) -> Verdict<'_> {
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

    /// The outputs of the run, as far as they exist.
    pub(crate) fn outputs(&self) -> Option<&Map<String, Json>> {
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

/// How a run ended.
pub(crate) struct Verdict<'a> {
    /// None if the events end before the run does.
    pub(crate) status: Option<RunStatus>,
    pub(crate) exit: Option<u8>,
    pub(crate) duration_ms: u64,
    pub(crate) why: Option<&'a Why>,
    pub(crate) missing: &'a [String],
    pub(crate) ended_by: Option<&'a str>,
}

impl Verdict<'_> {
    /// One word: `succeeded`, `ended`, `failed`, `stopped`, `interrupted`, `unfinished`.
    pub(crate) fn word(&self) -> &'static str {
        match (self.status, self.exit) {
            (Some(RunStatus::Succeeded), _) => "succeeded",
            (Some(RunStatus::Ended), _) => "ended",
            (Some(RunStatus::Failed), _) => "failed",
            (Some(RunStatus::Stopped), Some(130 | 143)) => "interrupted",
            (Some(RunStatus::Stopped), _) => "stopped",
            (None, _) => "unfinished",
        }
    }

    /// `true` if the exit code is 0.
    pub(crate) fn good(&self) -> bool {
        self.exit == Some(0)
    }
}

impl Attempt {
    fn answered(&mut self, call: u64, answer: Answer) {
        if let Some(known) = self.exchanges.iter_mut().find(|known| known.call == call) {
            known.answer = answer;
        }
    }

    pub(crate) fn status(&self) -> Option<StepStatus> {
        self.finished.as_ref().map(|finished| finished.status)
    }

    pub(crate) fn why(&self) -> Option<&Why> {
        self.finished.as_ref().and_then(|finished| finished.why.as_ref())
    }

    /// When it ended, in ms since the start; for one without an end, the last thing that is known of it.
    pub(crate) fn end_ms(&self) -> u64 {
        let last = |exchange: &Exchange| exchange.sent_ms + exchange.duration_ms().unwrap_or(0);
        self.finished
            .as_ref()
            .map(|finished| finished.ms)
            .unwrap_or_else(|| self.exchanges.iter().map(last).max().unwrap_or(self.started_ms))
    }

    /// The status of the last answer, or what was the matter with it.
    pub(crate) fn answer(&self) -> String {
        match self.exchanges.last().map(|exchange| &exchange.answer) {
            Some(Answer::Received { status, .. }) => status.to_string(),
            Some(Answer::Lost { failure, .. }) => failure.word().to_owned(),
            Some(Answer::None) => "no answer".to_owned(),
            None => String::new(),
        }
    }

    /// What it does: `GET /api/volumes/vol-1`, or the workflow that it calls.
    pub(crate) fn does(&self) -> String {
        match (&self.calls, self.exchanges.last()) {
            (Some(workflow), _) => format!("workflow {workflow}"),
            (None, Some(exchange)) => format!("{} {}", exchange.method, exchange.path()),
            (None, None) => self.operation.clone().unwrap_or_default(),
        }
    }
}

impl Step<'_> {
    /// How it ended the last time it ran; none if it did not run, or the run ended in it.
    pub(crate) fn status(&self) -> Option<StepStatus> {
        self.attempts.last().and_then(|attempt| attempt.status())
    }

    /// How long all its attempts took together, in ms, without the waits between them.
    pub(crate) fn duration_ms(&self) -> u64 {
        self.attempts.iter().map(|attempt| attempt.end_ms().saturating_sub(attempt.started_ms)).sum()
    }

    /// How often it was entered.
    pub(crate) fn visits(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.attempt == 1).count()
    }
}

impl Exchange {
    pub(crate) fn duration_ms(&self) -> Option<u64> {
        match &self.answer {
            Answer::None => None,
            Answer::Received { duration_ms, .. } | Answer::Lost { duration_ms, .. } => Some(*duration_ms),
        }
    }

    /// The host, with its port: `app.daytona.io`.
    pub(crate) fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }

    /// The path and query of the url.
    pub(crate) fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
    }
}
