//! The promises of a run, held against its events and requests one by one.

use std::collections::{BTreeMap, BTreeSet};

use arazzo::events::{Because, Reason, RunStatus};
use arazzo::messages::ChannelRequest;
use arazzo::plan::Footprint;
use arazzo::{CallId, Envelope, Event, EventKind, FailureKind, Limits, Outcome, Outgoing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use crate::documents::{Case, GIVEN};

/// A promise that was not kept.
#[derive(Debug, Clone)]
pub struct Broken {
    pub promise: &'static str,
    pub how: String,
}

pub fn broken(promise: &'static str, how: impl Into<String>) -> Broken {
    Broken { promise, how: how.into() }
}

/// A visit of a step: frame, step, number.
type Visit = (u32, String, u32);

/// Everything that has to be remembered of a run to know whether it keeps its promises.
pub struct Watch {
    limits: Limits,
    /// What `inspect` shows of the workflow.
    shown: Footprint,
    require_outputs: bool,
    next_seq: u64,
    /// Frames in progress.
    frames: BTreeSet<u32>,
    /// Visits in progress, with their attempt.
    visits: BTreeMap<Visit, u32>,
    /// Steps that are to be tried again: if a detour fails, their visit is said to end once more. A detour that came back
    /// to the step has begun another visit, whose number stands there then.
    again: Vec<(u32, String)>,
    /// Calls without an answer.
    calls: BTreeSet<u64>,
    /// Calls that were sent.
    sent: BTreeSet<u64>,
    /// Visits whose last request met a connection that had ended.
    stale: BTreeSet<Visit>,
    /// Frames that wait, until when.
    waits: BTreeMap<u32, u64>,
    /// Visits whose last request may have changed something, until something is said that leads to another one.
    changing: BTreeSet<Visit>,
    /// The host of the last request.
    last_host: String,
    requests: u32,
    attempts: u32,
    cancelled: Option<u64>,
    /// The last event, if it was that of the end.
    finished: Option<(RunStatus, u8)>,
    /// Secrets with the forms in which they may be written; how many of them are known.
    forms: Vec<String>,
    known: usize,
}

impl Watch {
    pub fn new(case: &Case, shown: Footprint) -> Self {
        Self {
            limits: case.limits(),
            shown,
            require_outputs: case.requires_outputs(),
            next_seq: 0,
            frames: BTreeSet::new(),
            visits: BTreeMap::new(),
            again: vec![],
            calls: BTreeSet::new(),
            sent: BTreeSet::new(),
            stale: BTreeSet::new(),
            waits: BTreeMap::new(),
            changing: BTreeSet::new(),
            last_host: String::new(),
            requests: 0,
            attempts: 0,
            cancelled: None,
            finished: None,
            forms: vec![],
            known: 0,
        }
    }

    pub fn cancel(&mut self, now: u64) {
        self.cancelled.get_or_insert(now);
    }

    /// A request leaves.
    pub fn request(&mut self, now: u64, outgoing: &Outgoing, secrets: &[String]) -> Result<(), Broken> {
        let url = &outgoing.request.url;
        let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        if !GIVEN.contains(&host.as_str()) {
            return Err(broken("3 hosts that were given", format!("{url} is called")));
        }
        if !self.is_shown(outgoing.because, url, &host) {
            let shown = serde_json::to_string(&self.shown).unwrap_or_default();
            return Err(broken("13 hosts that are shown", format!("{url} is called, which is not in {shown}")));
        }
        if now > self.limits.run_ms {
            return Err(broken("5 limits", format!("a request leaves at {now} ms")));
        }
        if outgoing.because == Because::Redirect && host != self.last_host {
            self.learn(secrets);
            let body = String::from_utf8_lossy(outgoing.request.body.as_deref().unwrap_or_default());
            let sent = serde_json::json!([url, outgoing.request.headers, body]);
            if let Some(text) = find_text(&sent, &|text| self.forms.iter().any(|form| text.contains(form))) {
                return Err(broken("4 no secret", format!("goes on from {} to {host}: {text}", self.last_host)));
            }
        }
        self.last_host = host;
        Ok(())
    }

    /// Something is asked of a channel.
    pub fn message(&self, now: u64, request: &ChannelRequest) -> Result<(), Broken> {
        let (channel, sends) = match request {
            ChannelRequest::Subscribe { channel, .. } => (channel, false),
            ChannelRequest::Send { channel, .. } => (channel, true),
            ChannelRequest::Acknowledge { .. } | ChannelRequest::Unsubscribe(_) => return Ok(()),
        };
        let name = &channel.host;
        if !self.shown.hosts.iter().any(|known| known.host == *name) {
            let shown = serde_json::to_string(&self.shown).unwrap_or_default();
            return Err(broken("13 hosts that are shown", format!("{name} is connected to, which is not in {shown}")));
        }
        if now > self.limits.run_ms {
            return Err(broken("5 limits", format!("a channel is asked at {now} ms")));
        }
        if self.cancelled.is_some() && sends {
            return Err(broken("10 cancelled", format!("a message leaves at {now} ms")));
        }
        Ok(())
    }

    /// `true` if it was shown before the run that a host may be called for this.
    fn is_shown(&self, because: Because, url: &str, host: &str) -> bool {
        let calls = self.shown.hosts.iter().any(|known| known.host == host);
        let fetches = self.shown.credentials.iter().any(|asked| asked.hosts.iter().any(|known| known == host));
        let leads = self.shown.leads_to.iter().any(|known| known == host);
        match because {
            Because::Redirect => calls || leads,
            // An OpenID configuration said where.
            Because::Token => fetches || url.ends_with("/found") && (calls || leads),
            Because::Discovery => fetches,
            Because::Operation => calls,
            // What is sent again may be what a redirect led to.
            _ => calls || fetches || leads,
        }
    }

    /// A turn was taken.
    pub fn turn(&mut self, now: u64, aborts: &[CallId], wake: Option<u64>, ended: bool) -> Result<(), Broken> {
        for call in aborts {
            self.calls.remove(&call.0);
        }
        if ended {
            return Ok(());
        }
        if let Some(at) = self.cancelled
            && (now >= at + 5_000 || wake.is_none_or(|wake| wake > at + 5_000))
        {
            return Err(broken("10 cancelled", format!("at {at} ms, in progress at {now} ms, wakes at {wake:?}")));
        }
        if self.cancelled.is_none() && now > self.limits.run_ms {
            return Err(broken("1 every run ends", format!("in progress at {now} ms")));
        }
        match wake {
            Some(wake) if wake > now => Ok(()),
            _ => Err(broken("6 waits", format!("at {now} ms it wakes at {wake:?}"))),
        }
    }

    /// Something was said.
    pub fn event(&mut self, envelope: &Envelope, secrets: &[String]) -> Result<(), Broken> {
        let event = &envelope.event;
        let wrong = |how: String| Err(broken("9 events", format!("event {}: {how}", envelope.seq)));
        if envelope.seq != self.next_seq {
            return wrong(format!("{} was to come", self.next_seq));
        }
        self.next_seq += 1;
        if self.finished.is_some() || (envelope.seq == 0) != matches!(event.kind, EventKind::RunStarted { .. }) {
            return wrong("it stands before the first or behind the last one".to_owned());
        }
        let json = serde_json::to_value(event).map_err(|error| broken("9 events", error.to_string()))?;
        self.hides("in an event", &json, secrets)?;
        match &event.kind {
            EventKind::WorkflowStarted { .. } if !self.frames.insert(event.frame) => {
                return wrong(format!("frame {} is started twice", event.frame));
            }
            EventKind::WorkflowFinished { .. } => {
                self.waits.remove(&event.frame);
                if !self.frames.remove(&event.frame) {
                    return wrong(format!("frame {} is finished and was not started", event.frame));
                }
                if let Some((visit, _)) = self.visits.iter().find(|((frame, ..), _)| *frame == event.frame) {
                    return wrong(format!("{visit:?} is not finished"));
                }
            }
            EventKind::StepStarted { .. } => {
                self.attempts += 1;
                if event.attempt.is_some_and(|attempt| attempt > 1) {
                    self.take_again(event);
                }
                if self.visits.insert(visit_of(event), event.attempt.unwrap_or_default()).is_some() {
                    return wrong("the step is started twice".to_owned());
                }
            }
            EventKind::StepFinished { again, .. } => {
                if self.visits.remove(&visit_of(event)).is_none() && !self.take_again(event) {
                    return wrong("the step is finished and was not started".to_owned());
                }
                if *again {
                    let (frame, step, _) = visit_of(event);
                    self.again.push((frame, step));
                }
            }
            EventKind::RunFinished { status, exit, requests, .. } => {
                self.finished = Some((*status, *exit));
                if *requests != self.requests {
                    return wrong(format!("{requests} requests are said, {} were", self.requests));
                }
            }
            _ => {}
        }
        self.exchange(envelope)
    }

    /// `true` if the step was to be tried again, which it is now, or is not at all.
    fn take_again(&mut self, event: &Event) -> bool {
        let (frame, step, _) = visit_of(event);
        let at = self.again.iter().rposition(|waiting| *waiting == (frame, step.clone()));
        at.map(|at| self.again.remove(at)).is_some()
    }

    /// What is said about requests and pauses.
    fn exchange(&mut self, envelope: &Envelope) -> Result<(), Broken> {
        let event = &envelope.event;
        match &event.kind {
            EventKind::RequestSent { call, method, because, .. } => {
                self.requests += 1;
                self.calls.insert(*call);
                if !self.sent.insert(*call) {
                    return Err(broken("9 events", format!("call {call} is sent twice")));
                }
                if let Some(at) = self.cancelled {
                    return Err(broken(
                        "10 cancelled",
                        format!("at {at} ms, call {call} is sent at {} ms", envelope.ms),
                    ));
                }
                let again = *because == Because::Reconnect;
                let repeatable = !matches!(method.as_str(), "POST" | "PATCH");
                if again && !(self.stale.remove(&visit_of(event)) && repeatable) {
                    return Err(broken(
                        "7 no unsafe request twice",
                        format!("{method} is repeated in {:?}", visit_of(event)),
                    ));
                }
                if let Some((frame, until)) = self.waits.iter().find(|(_, until)| envelope.ms < **until) {
                    return Err(broken(
                        "6 waits",
                        format!("frame {frame} waits until {until} ms, not {}", envelope.ms),
                    ));
                }
                let changes = !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
                let own = !matches!(because, Because::Token | Because::Discovery);
                if own && changes && !self.changing.insert(visit_of(event)) && !again {
                    return Err(broken("7 no unsafe request twice", format!("{method} in {:?}", visit_of(event))));
                }
            }
            EventKind::ResponseReceived { call, status, .. } => {
                if !self.calls.remove(call) {
                    return Err(broken("9 events", format!("call {call} is answered twice")));
                }
                if *status == 401 || (300..400).contains(status) {
                    self.changing.remove(&visit_of(event));
                }
            }
            EventKind::RequestQueued { call, .. } if self.sent.contains(call) => {
                return Err(broken("9 events", format!("call {call} is queued after it was sent")));
            }
            EventKind::RequestFailed { call, request: Some(_), in_doubt, .. }
                if *in_doubt || self.sent.contains(call) =>
            {
                return Err(broken("9 events", format!("call {call} is said not to be sent")));
            }
            EventKind::RequestFailed { request: Some(_), .. } => {}
            EventKind::RequestFailed { call, failure, .. } => {
                if !self.calls.remove(call) {
                    return Err(broken("9 events", format!("call {call} fails twice")));
                }
                if *failure == FailureKind::StaleConnection {
                    self.stale.insert(visit_of(event));
                }
            }
            EventKind::ActionSelected { .. } => {
                self.changing.remove(&visit_of(event));
            }
            EventKind::WaitStarted { delay_ms, .. } => {
                self.waits.insert(event.frame, envelope.ms.saturating_add(*delay_ms));
            }
            _ => {}
        }
        Ok(())
    }

    /// No secret stands in a value, in none of the forms in which texts are written.
    pub fn hides(&mut self, place: &str, json: &Json, secrets: &[String]) -> Result<(), Broken> {
        self.learn(secrets);
        match find_text(json, &|text| self.forms.iter().any(|form| text.contains(form))) {
            Some(text) => Err(broken("4 no secret", format!("{place}: {text}"))),
            None => Ok(()),
        }
    }

    fn learn(&mut self, secrets: &[String]) {
        for secret in secrets.get(self.known..).unwrap_or_default() {
            self.forms.extend(forms_of(secret));
        }
        self.known = secrets.len();
    }

    /// The run has ended.
    pub fn end(&self, outcome: &Outcome) -> Result<(), Broken> {
        let Some((status, exit)) = self.finished else {
            return Err(broken("9 events", "the last one is not that of the end"));
        };
        if !self.frames.is_empty() || !self.visits.is_empty() || !self.calls.is_empty() {
            let left = (&self.frames, &self.visits, &self.calls);
            return Err(broken("9 events", format!("at the end there are {left:?}")));
        }
        let expected = match outcome {
            Outcome::Succeeded { .. } => RunStatus::Succeeded,
            Outcome::Ended { .. } => RunStatus::Ended,
            Outcome::Failed { .. } => RunStatus::Failed,
            Outcome::Stopped { .. } => RunStatus::Stopped,
            _ => status,
        };
        let fits = match status {
            RunStatus::Succeeded | RunStatus::Ended => outcome.exit_code() == 0,
            RunStatus::Failed => matches!(outcome.exit_code(), 1 | 4),
            RunStatus::Stopped => matches!(outcome.exit_code(), 5 | 6 | 130),
        };
        let said = exit == outcome.exit_code() || (exit == 1 && outcome.exit_code() == 0 && self.requires(outcome));
        if status != expected || !fits || !said {
            let code = outcome.exit_code();
            return Err(broken(
                "2 exit code",
                format!("{status:?} with {exit}, the outcome says {expected:?} with {code}"),
            ));
        }
        if self.attempts > self.limits.steps || self.requests > self.limits.most_requests() {
            let (attempts, requests) = (self.attempts, self.requests);
            return Err(broken("5 limits", format!("{attempts} attempts, {requests} requests of {:?}", self.limits)));
        }
        let interrupted = matches!(outcome, Outcome::Stopped { why, .. } if why.code == Reason::Interrupted);
        if interrupted && self.cancelled.is_none() {
            return Err(broken("10 cancelled", "the run was interrupted by nothing"));
        }
        Ok(())
    }

    /// Outputs are missing, which may be a failure for who runs it and is none of the workflow.
    fn requires(&self, outcome: &Outcome) -> bool {
        self.require_outputs && (!outcome.missing().is_empty() || outcome.outputs().values().any(Json::is_null))
    }
}

fn visit_of(event: &Event) -> Visit {
    (event.frame, event.step.clone().unwrap_or_default(), event.visit.unwrap_or_default())
}

/// A secret as it is, percent-encoded, and in base64 behind any number of bytes.
fn forms_of(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()];
    for before in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&vec![0; before][..], secret.as_bytes()].concat());
        // The letters at the ends hold bits of what stands around it.
        let whole = encoded.get(if before == 0 { 0 } else { 4 }..encoded.len() - 2).unwrap_or_default();
        forms.push(whole.to_owned());
    }
    forms
}

/// The first text or name in a value that is as asked.
fn find_text<'j>(json: &'j Json, is: &dyn Fn(&str) -> bool) -> Option<&'j str> {
    match json {
        Json::String(text) => is(text).then_some(text),
        Json::Array(items) => items.iter().find_map(|item| find_text(item, is)),
        Json::Object(members) => {
            members.iter().find_map(|(name, value)| if is(name) { Some(name.as_str()) } else { find_text(value, is) })
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => None,
    }
}
