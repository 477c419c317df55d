//! The progress of a run, as far as people follow it: a fold over events. Knows the events so far and nothing else;
//! how it looks is decided by `lines.rs` and `tree.rs`.

use std::collections::{BTreeMap, BTreeSet};

use arazzo::diagnostics::{Code, Severity};
use arazzo::events::{ActionKind, BodyText, CriteriaOf, Saw, StartedFor, StepStatus};
use arazzo::values::Json;
use arazzo::{Envelope, Event, EventKind};

use super::time;

/// The amount of detail that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// `-qq`
    Nothing,
    /// `-q`
    Failures,
    /// `--progress none`
    Verdict,
    Steps,
    /// `-v`
    Headers,
    /// `-vv`
    Bodies,
}

/// Something worth a line.
pub(crate) enum Happening {
    /// A step calls a workflow, whose steps follow.
    Calls { name: Name, calls: String },
    /// A workflow begins that no step calls.
    Flow { depth: usize, workflow: String, because: &'static str },
    /// The same step comes again.
    Again { name: Name, next: Next, answer: Option<String>, wait_ms: Option<u64> },
    /// A step ended.
    Finished(Finished),
    /// Something that the run itself found.
    Note { message: String, code: String },
    /// A value was left out of a request.
    Absent { expression: String, target: String },
    /// A request or an answer, with `>` or `<`.
    Wire { sign: char, first: String, headers: Vec<(String, String)>, body: Option<BodyText> },
}

/// A step, and how many workflows deep it stands.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) step: String,
    pub(crate) depth: usize,
}

/// The reason for which a step comes again.
pub(crate) enum Next {
    Attempt { last: u32, by: String, first: Option<String> },
    Visit { last: u32, by: String },
}

/// A step that ended, with all its visits.
pub(crate) struct Finished {
    pub(crate) name: Name,
    pub(crate) status: StepStatus,
    /// `GET /volumes/vol-1`, or `workflow login`.
    pub(crate) call: String,
    /// A status code, a kind of failure, or nothing.
    pub(crate) answer: String,
    /// Since the first visit began.
    pub(crate) total_ms: u64,
    pub(crate) visits: u32,
    pub(crate) attempts: u32,
    /// The values that decided its visits, and how often each came: `creating`, 3.
    pub(crate) path: Vec<(String, u32)>,
    /// The outputs of the last visit, as text.
    pub(crate) outputs: Vec<(String, String)>,
    /// The action that follows a failure, and where it leads.
    pub(crate) handled: Option<(String, Option<String>)>,
    /// Why it failed, where that is handled and no answer says it: the word of the reason, and the reason.
    pub(crate) why: Option<(String, String)>,
    pub(crate) wait_ms: Option<u64>,
}

/// The step that is under way.
pub(crate) struct Current<'p> {
    pub(crate) depth: usize,
    pub(crate) step: &'p str,
    pub(crate) call: &'p str,
    /// The last answer; empty if there was none.
    pub(crate) answer: &'p str,
    /// The time at which its first visit began.
    pub(crate) since_ms: u64,
    pub(crate) visit: u32,
    pub(crate) attempt: u32,
    /// The expression that decided the last visit, and its value: `state`, `creating`.
    pub(crate) decided: Option<(&'p str, &'p str)>,
    /// The time at which the next request is due, if it waits.
    pub(crate) due_ms: Option<u64>,
    /// The condition that was not met, which it waits for.
    pub(crate) wants: Option<&'p str>,
    /// The time at which the request was sent that has no response yet.
    pub(crate) sent_ms: Option<u64>,
}

/// The run so far.
pub(crate) struct Progress {
    detail: Detail,
    /// By frame and step: two workflows may share a stepId.
    steps: BTreeMap<Key, Seen>,
    /// The depth of each frame.
    depths: BTreeMap<u32, usize>,
    /// The action that was chosen last.
    action: Option<Chosen>,
    /// Criteria of this visit: whose they are, whether they are met, what they read.
    criteria: Vec<(CriteriaOf, bool, Vec<Saw>)>,
    /// `true` from the first workflow on.
    began: bool,
    current: Option<Key>,
    due_ms: Option<u64>,
    pub(crate) requests: u32,
    /// Warnings about the documents, which were shown before: code and place.
    warned: BTreeSet<(Code, Option<(u32, u32)>)>,
    /// Notes that were shown: code and message.
    noted: BTreeSet<(String, String)>,
}

type Key = (u32, String);

/// An action: its name, its type, where it leads, and how long it waits.
struct Chosen {
    action: String,
    retry: bool,
    target: Option<String>,
    delay_ms: Option<u64>,
}

#[derive(Default)]
struct Seen {
    call: String,
    answer: String,
    first_ms: Option<u64>,
    visit: u32,
    attempt: u32,
    /// The expression that decides whether the step comes again.
    decides: Option<String>,
    path: Vec<(String, u32)>,
    /// The success criterion that was not met last.
    wants: Option<String>,
    /// The time at which the request was sent that has no response yet.
    sent_ms: Option<u64>,
}

impl Progress {
    pub(crate) fn new(detail: Detail) -> Self {
        Self {
            detail,
            steps: BTreeMap::new(),
            depths: BTreeMap::new(),
            action: None,
            criteria: vec![],
            began: false,
            current: None,
            due_ms: None,
            requests: 0,
            warned: BTreeSet::new(),
            noted: BTreeSet::new(),
        }
    }

    /// Takes an event in; what is worth a line comes out, often nothing.
    pub(crate) fn follow(&mut self, envelope: &Envelope) -> Option<Happening> {
        let event = &envelope.event;
        let key = (event.frame, event.step.clone().unwrap_or_default());
        match &event.kind {
            EventKind::StepStarted { calls, .. } => self.start_step(key, envelope, calls.as_deref()),
            EventKind::RequestSent { method, url, headers, body, .. } => {
                self.requests += 1;
                self.due_ms = None;
                let seen = self.steps.entry(key).or_default();
                (seen.call, seen.answer) = (format!("{method} {}", shorten_path(url)), String::new());
                seen.sent_ms = Some(envelope.ms);
                self.show_wire('>', format!("{method} {url}"), headers, body.as_ref())
            }
            EventKind::ResponseReceived { status, headers, body, .. } => {
                let seen = self.steps.entry(key).or_default();
                (seen.answer, seen.sent_ms) = (status.to_string(), None);
                self.show_wire('<', status.to_string(), headers, body.as_ref())
            }
            EventKind::MessageSent { .. } | EventKind::MessageReceived { .. } | EventKind::MessageIgnored { .. } => {
                self.follow_message(key, &event.kind)
            }
            EventKind::RequestQueued { method, url, .. } => {
                let seen = self.steps.entry(key).or_default();
                (seen.call, seen.answer) = (format!("{method} {}", shorten_path(url)), "queued".to_owned());
                None
            }
            EventKind::RequestFailed { failure, message, request, .. } => {
                let seen = self.steps.entry(key).or_default();
                if let Some(request) = request {
                    seen.call = format!("{} {}", request.method, shorten_path(&request.url));
                }
                (seen.answer, seen.sent_ms) = (failure.word().to_owned(), None);
                self.show_wire('<', format!("no answer: {message}"), &[], None)
            }
            EventKind::CriterionEvaluated { of, met, saw, condition, .. } => {
                if *of == CriteriaOf::Success {
                    self.steps.entry(key).or_default().wants = (!met).then(|| condition.clone());
                }
                self.criteria.push((of.clone(), *met, saw.clone()));
                None
            }
            EventKind::ActionSelected { action, kind, target, delay_ms, .. } => {
                self.action = Some(Chosen {
                    action: action.clone(),
                    retry: *kind == ActionKind::Retry,
                    target: target.clone(),
                    delay_ms: *delay_ms,
                });
                None
            }
            EventKind::WaitStarted { delay_ms, .. } => {
                self.due_ms = Some(envelope.ms + delay_ms);
                None
            }
            EventKind::StepFinished { status, again, duration_ms, outputs, why } => {
                let outputs =
                    outputs.iter().filter_map(|(name, value)| Some((name.clone(), short_text(value)?))).collect();
                let why = why.as_ref().map(|why| (why.code.word().to_owned(), why.message.clone()));
                self.finish_step(key, (*status, why), *again, *duration_ms, envelope.ms, outputs)
            }
            EventKind::RunResumed { away_ms, again } => Some(resumed(*away_ms, again.len())),
            EventKind::WorkflowStarted { parent, because, .. } => self.start_workflow(event, *parent, *because),
            EventKind::Diagnostic { code, message, .. } => self.diagnose(event, *code, message),
            // One that fails its step is in the report of that.
            EventKind::ContractDeparted { part, at, message, severity, .. } if *severity == Severity::Warning => {
                let place = event.span.as_ref();
                let place = place.map(|place| format!(", {}:{}:{}", place.file, place.line, place.column));
                let message = format!("{}: {message}", part.words(at.as_deref()));
                self.note(message, format!("{}{}", Code::ContractDeparted, place.unwrap_or_default()))
            }
            EventKind::ValueAbsent { expression, target } => {
                Some(Happening::Absent { expression: expression.clone(), target: target.clone() })
            }
            _ => None,
        }
    }

    /// A message that was sent, came, or is ignored.
    fn follow_message(&mut self, key: Key, kind: &EventKind) -> Option<Happening> {
        match kind {
            EventKind::MessageSent { channel, address, headers, body, .. } => {
                self.requests += 1;
                let seen = self.steps.entry(key).or_default();
                (seen.call, seen.answer) = (format!("send {channel}"), "sent".to_owned());
                self.show_wire('>', format!("message to {address}"), headers, body.as_ref())
            }
            EventKind::MessageReceived { channel, address, headers, body, .. } => {
                let seen = self.steps.entry(key).or_default();
                (seen.call, seen.answer) = (format!("receive {channel}"), "received".to_owned());
                self.show_wire('<', format!("message from {address}"), headers, body.as_ref())
            }
            EventKind::MessageIgnored { address, because, headers, body, .. } => {
                let first = format!("message from {address} is ignored: {}", because.words());
                self.show_wire('<', first, headers, body.as_ref())
            }
            _ => None,
        }
    }

    /// Warnings about the documents are shown elsewhere, once a kind; those of the run itself are notes, unless one was
    /// such a warning.
    fn diagnose(&mut self, event: &Event, code: Code, message: &str) -> Option<Happening> {
        let place = event.span.as_ref().map(|place| (place.line, place.column));
        if !self.began && code != Code::ShortSecret {
            self.warned.insert((code, place));
            return None;
        }
        let is_new = !self.warned.contains(&(code, place));
        is_new.then(|| self.note(message.to_owned(), code.word().to_owned())).flatten()
    }

    /// A note is worth a line once, not at every visit of its step.
    fn note(&mut self, message: String, code: String) -> Option<Happening> {
        let is_new = self.noted.insert((code.clone(), message.clone()));
        is_new.then_some(Happening::Note { message, code })
    }

    /// A step begins, or is tried again: worth a line only if it calls a workflow.
    fn start_step(&mut self, key: Key, envelope: &Envelope, calls: Option<&str>) -> Option<Happening> {
        self.criteria.clear();
        let seen = self.steps.entry(key.clone()).or_default();
        (seen.visit, seen.attempt) = (envelope.event.visit.unwrap_or(1), envelope.event.attempt.unwrap_or(1));
        seen.first_ms.get_or_insert(envelope.ms);
        seen.call = calls.map(|calls| format!("workflow {calls}")).unwrap_or_default();
        let name = self.name_of(&key);
        self.current = Some(key);
        calls.map(|calls| Happening::Calls { name, calls: calls.to_owned() })
    }

    /// A workflow begins: worth a line unless a step calls it, which was one.
    fn start_workflow(&mut self, event: &Event, parent: Option<u32>, because: Option<StartedFor>) -> Option<Happening> {
        self.began = true;
        let depth = parent.map_or(0, |parent| self.depth_of(parent) + 1);
        self.depths.insert(event.frame, depth);
        let because = match because {
            Some(StartedFor::Dependency) => "needed first",
            Some(StartedFor::Retry) => "before a retry",
            Some(StartedFor::Goto) => "goto",
            Some(StartedFor::Step) | None => return None,
        };
        Some(Happening::Flow { depth: depth.saturating_sub(1), workflow: event.workflow.clone(), because })
    }

    /// The step that is under way.
    pub(crate) fn current(&self) -> Option<Current<'_>> {
        let key = self.current.as_ref()?;
        let seen = self.steps.get(key)?;
        let label = seen.decides.as_deref().map(last_name).filter(|label| !label.is_empty());
        Some(Current {
            depth: self.depth_of(key.0),
            step: &key.1,
            call: &seen.call,
            answer: &seen.answer,
            since_ms: seen.first_ms?,
            visit: seen.visit,
            attempt: seen.attempt,
            decided: label.zip(seen.path.last().map(|(value, _)| value.as_str())),
            due_ms: self.due_ms,
            wants: seen.wants.as_deref(),
            sent_ms: seen.sent_ms,
        })
    }

    /// A request or an answer, copied only for those who want to see it.
    fn show_wire(
        &self,
        sign: char,
        first: String,
        headers: &[(String, String)],
        body: Option<&BodyText>,
    ) -> Option<Happening> {
        let body = body.filter(|_| self.detail >= Detail::Bodies).cloned();
        (self.detail >= Detail::Headers).then(|| Happening::Wire { sign, first, headers: headers.to_vec(), body })
    }

    fn depth_of(&self, frame: u32) -> usize {
        self.depths.get(&frame).copied().unwrap_or(0)
    }

    fn name_of(&self, key: &Key) -> Name {
        Name { step: key.1.clone(), depth: self.depth_of(key.0) }
    }

    /// A step ends: for good, or to come again.
    fn finish_step(
        &mut self,
        key: Key,
        (status, why): (StepStatus, Option<(String, String)>),
        again: bool,
        duration_ms: u64,
        now: u64,
        outputs: Vec<(String, String)>,
    ) -> Option<Happening> {
        let action = self.action.take();
        let name = self.name_of(&key);
        let criteria = std::mem::take(&mut self.criteria);
        let seen = self.steps.get_mut(&key)?;
        seen.decide(&criteria, action.as_ref().map(|chosen| chosen.action.as_str()));
        let wait_ms = action.as_ref().and_then(|chosen| chosen.delay_ms);
        if let (true, Some(chosen)) = (again, &action) {
            let by = chosen.action.clone();
            let next = if chosen.retry {
                Next::Attempt { last: seen.attempt, by, first: chosen.target.clone() }
            } else {
                Next::Visit { last: seen.visit, by }
            };
            let answer = (status == StepStatus::Failed).then(|| seen.answer.clone());
            return Some(Happening::Again { name, next, answer, wait_ms });
        }
        self.current = None;
        self.due_ms = None;
        let handled = match (status, action) {
            (StepStatus::Failed, Some(chosen)) => Some((chosen.action, chosen.target)),
            _ => None,
        };
        Some(Happening::Finished(Finished {
            name,
            status,
            call: seen.call.clone(),
            answer: seen.answer.clone(),
            total_ms: seen.first_ms.take().map_or(duration_ms, |first| now.saturating_sub(first)),
            visits: seen.visit,
            attempts: seen.attempt,
            path: std::mem::take(&mut seen.path),
            outputs,
            why: why.filter(|_| handled.is_some() && seen.answer.is_empty()),
            handled,
            wait_ms,
        }))
    }
}

impl Seen {
    /// Remembers the value that decided a visit: one that the criteria of the chosen action read, or, when none was
    /// chosen, what that expression was now.
    fn decide(&mut self, criteria: &[(CriteriaOf, bool, Vec<Saw>)], action: Option<&str>) {
        let of_action = criteria
            .iter()
            .filter(|(of, met, _)| *met && action.is_some_and(|name| of.is_action(name)))
            .flat_map(|(.., saw)| saw)
            .next_back();
        let known = || {
            let all = || criteria.iter().flat_map(|(.., saw)| saw);
            all().find(|saw| Some(&saw.expression) == self.decides.as_ref())
        };
        let Some(saw) = known().or(of_action) else { return };
        let Some(value) = saw.value.as_deref().map(plain_text).filter(|value| !value.is_empty()) else { return };
        self.decides = Some(saw.expression.clone());
        match self.path.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => self.path.push((value, 1)),
        }
    }
}

/// A run that goes on in another process, with so many requests that are sent again.
fn resumed(away_ms: u64, again: usize) -> Happening {
    let sent = match again {
        0 => String::new(),
        1 => "; a request is sent again".to_owned(),
        count => format!("; {count} requests are sent again"),
    };
    Happening::Note {
        message: format!("goes on after {} without a process{sent}", time(away_ms)),
        code: "run.resumed".to_owned(),
    }
}

/// A JSON text as people write it: a text without its quotes, nothing for arrays and objects.
fn plain_text(json: &str) -> String {
    Json::parse(json).and_then(|value| short_text(&value)).unwrap_or_default()
}

/// A value that is worth showing in a few words.
fn short_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The last name in an expression: `state` of `$response.body#/state`.
fn last_name(expression: &str) -> &str {
    let start = expression
        .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
        .map_or(0, |at| at + expression.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8));
    expression.get(start..).unwrap_or_default()
}

/// The path and query of a url, cut.
fn shorten_path(url: &str) -> String {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(url);
    match path.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", path.get(..at).unwrap_or_default()),
        None => path.to_owned(),
    }
}
