//! A recorded run, run again without a socket: the machine gets what came then, in virtual time, and what it sends is
//! compared with what was sent then.
//!
//! As long as both send from the same steps, everything comes at the time at which it came. Where they part (another
//! step sends, or at another time), each request gets what the recorded one like it got, after as long.

use arazzo_engine::limits::Millis;
use arazzo_engine::machine::message::{ChannelInput, ChannelRequest};
use arazzo_engine::machine::{CallId, Input, Outcome, Progress};
use arazzo_engine::node::Node;
use arazzo_engine::program::{Argument, Location, Program, Step};
use arazzo_engine::source::{Place, SourceId, Sources, Span};
use arazzo_engine::value::Json;
use arazzo_engine::value::Pointer;
use serde::Serialize;
use url::Url;

use crate::channel::SEND;
use crate::drivers::recorder::Taken;
use crate::drivers::recording::{Content, End, Entry, Recording, Sent, sent};
use crate::envelope::Envelope;
use crate::session::Session;

/// The number of members of one body that are told apart.
const MEMBERS: usize = 20;

/// The result of a replay.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// Its end; nothing if it sent what was not recorded, so that nothing could answer.
    pub outcome: Option<Outcome>,
    /// The differences, in the order in which they showed.
    pub drifts: Vec<Drift>,
    /// The number of requests that were sent.
    pub requests: usize,
    /// The number of events.
    pub events: u64,
}

/// Something that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Drift {
    /// The kind.
    pub kind: DriftKind,
    /// The workflow.
    pub workflow: String,
    /// The step.
    pub step: String,
    /// The number of the visit of the step, from 1.
    pub visit: u32,
    /// The part: `method`, `url`, `query page`, `header X-Trace`, `body /name`, `body`, `outcome`, `output id`.
    pub part: String,
    /// The recorded value; nothing if there was none.
    pub recorded: Option<String>,
    /// The value now; nothing if there is none.
    pub now: Option<String>,
    /// The place of that in the document.
    pub place: Option<Place>,
}

/// Kinds of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DriftKind {
    /// A request is sent, but not the same.
    RequestChanged,
    /// A request was sent then, and is not any more.
    RequestMissing,
    /// A request is sent that was not sent then. The replay ends with it.
    RequestUnexpected,
    /// The run ends differently.
    OutcomeChanged,
}

impl DriftKind {
    /// The word: `request-changed`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RequestChanged => "request-changed",
            Self::RequestMissing => "request-missing",
            Self::RequestUnexpected => "request-unexpected",
            Self::OutcomeChanged => "outcome-changed",
        }
    }
}

/// Plays a recording to a fresh machine.
pub(crate) fn play<'r>(
    recording: &'r Recording,
    mut session: Session,
    program: &'r Program,
    observe: impl FnMut(&Envelope),
) -> Replay {
    if recording.head.awaits_progress {
        session.await_progress();
    }
    let exchanges = recording
        .entries
        .iter()
        .filter_map(
            |entry| if let Entry::Request(sent) = entry { Some(Exchanged { sent, taken: false }) } else { None },
        )
        .collect();
    let mut player = Player {
        recording,
        session,
        spans: Spans(program),
        exchanges,
        at: 0,
        waiting: None,
        drifts: vec![],
        requests: 0,
        events: 0,
        observe,
    };
    player.run()
}

/// A recorded request, and whether one of this replay has taken its place.
struct Exchanged<'r> {
    sent: &'r Sent,
    taken: bool,
}

struct Player<'r, F> {
    recording: &'r Recording,
    session: Session,
    spans: Spans<'r>,
    exchanges: Vec<Exchanged<'r>>,
    /// The next entry, as long as everything goes as it went.
    at: usize,
    /// Once it does not: what is still to come, and when.
    waiting: Option<Vec<(Millis, Input)>>,
    drifts: Vec<Drift>,
    requests: usize,
    events: u64,
    observe: F,
}

impl<F: FnMut(&Envelope)> Player<'_, F> {
    fn run(&mut self) -> Replay {
        let mut now = 0;
        loop {
            let turn = self.session.turn(now);
            turn.events.iter().for_each(&mut self.observe);
            self.events += turn.events.len() as u64;
            let requests = sent(&turn, now, &self.session);
            self.requests += requests.len();
            if let Some(waiting) = &mut self.waiting {
                let is_over = |input: &Input| match input {
                    Input::Reply { call, .. } | Input::Progress { call, .. } => turn.aborts.contains(call),
                    Input::Start { .. } | Input::Channel(_) | Input::Tick | Input::Cancel => false,
                };
                waiting.retain(|(_, input)| !is_over(input));
                // Whoever listens hears what was heard then.
                for request in &turn.channels {
                    if let ChannelRequest::Subscribe { subscription, .. } = request {
                        waiting.push((now, Input::Channel(ChannelInput::Subscribed(*subscription))));
                    }
                }
            }
            let known = self.sent(now, &requests);
            let goes_on = self.begins_again();
            if let Some(outcome) = turn.outcome.filter(|_| !goes_on) {
                self.missing();
                self.compare_ends(End::of(now, &turn.events).as_ref());
                return self.replay(Some(outcome));
            }
            if !known {
                return self.replay(None);
            }
            let Some((at, input)) = self.next(now, turn.wake) else {
                // It waits for an answer that never came, until somebody stopped it, and nobody does any more.
                self.missing();
                return self.replay(None);
            };
            now = at;
            self.session.take(now, input);
        }
    }

    /// `true` if a run that has ended went on after that.
    fn begins_again(&self) -> bool {
        let next = self.recording.entries.get(self.at..).unwrap_or_default().iter();
        // What came too late for it changes nothing.
        let after =
            next.filter(|entry| !matches!(entry, Entry::Reply { .. } | Entry::Failure { .. } | Entry::Limits { .. }));
        self.waiting.is_none() && matches!(after.take(1).next(), Some(Entry::BegunAgain { .. }))
    }

    fn replay(&mut self, outcome: Option<Outcome>) -> Replay {
        Replay { outcome, drifts: std::mem::take(&mut self.drifts), requests: self.requests, events: self.events }
    }

    /// Compares what is sent now with what was sent; `false` if something is sent that nothing answers.
    fn sent(&mut self, now: Millis, requests: &[Sent]) -> bool {
        if self.waiting.is_none() {
            let recording = self.recording;
            let rest = recording.entries.get(self.at..).unwrap_or_default();
            let then: Vec<&Sent> = rest
                .iter()
                .map_while(|entry| if let Entry::Request(sent) = entry { Some(sent) } else { None })
                .collect();
            let alike = |(now, then): (&Sent, &&Sent)| same_step(now, then) || same_request(now, then);
            if requests.len() == then.len() && requests.iter().zip(&then).all(alike) {
                self.at += then.len();
                for (request, then) in requests.iter().zip(then) {
                    self.take(then);
                    self.compare(then, request);
                }
                return true;
            }
            self.leave_recording(now);
        }
        requests.iter().all(|request| self.answer(now, request))
    }

    fn take(&mut self, then: &Sent) {
        let exchange = self.exchanges.iter_mut().find(|exchange| !exchange.taken && exchange.sent.call == then.call);
        if let Some(exchange) = exchange {
            exchange.taken = true;
        }
    }

    /// From now on nothing comes by itself but what was under way.
    fn leave_recording(&mut self, now: Millis) {
        let taken = |call: CallId| self.exchanges.iter().any(|e| e.taken && e.sent.call == call);
        let rest = self.recording.entries.get(self.at..).unwrap_or_default();
        let coming = rest.iter().filter_map(|entry| match entry {
            Entry::Cancel { ms } => Some((*ms, Input::Cancel)),
            other => match taken_input(other)? {
                input @ (Input::Reply { call, .. } | Input::Progress { call, .. }) => {
                    taken(call).then_some((other.ms(), input))
                }
                input @ Input::Channel(ChannelInput::Sent { call, .. }) => taken(call).then_some((other.ms(), input)),
                Input::Channel(ChannelInput::Subscribed(_)) => None,
                input @ Input::Channel(_) => Some((other.ms(), input)),
                Input::Start { .. } | Input::Tick | Input::Cancel => None,
            },
        });
        self.waiting = Some(coming.map(|(ms, input)| (ms.max(now), input)).collect());
    }

    /// Gives a request what the recorded one like it got; `false` if there is none.
    fn answer(&mut self, now: Millis, request: &Sent) -> bool {
        let free = |like: &dyn Fn(&Sent) -> bool| self.exchanges.iter().position(|e| !e.taken && like(e.sent));
        let found = free(&|then| same_step(request, then) && same_request(request, then))
            .or_else(|| free(&|then| same_request(request, then)))
            .or_else(|| free(&|then| same_step(request, then)));
        let Some(exchange) = found.and_then(|index| self.exchanges.get_mut(index)) else {
            let span = self.spans.step(request);
            self.drift(DriftKind::RequestUnexpected, request, "request", None, Some(line(request)), span);
            return false;
        };
        exchange.taken = true;
        let then = exchange.sent;
        self.compare(then, request);
        if request.method == SEND {
            let heard = ChannelInput::Sent { call: request.call, result: Ok(()) };
            self.waiting.iter_mut().for_each(|waiting| waiting.push((now, Input::Channel(heard.clone()))));
            return true;
        }
        let answer = self.recording.entries.iter().find_map(|entry| {
            let (call, result) = entry.answer()?;
            (call == then.call).then_some((entry.ms().saturating_sub(then.ms), result))
        });
        if let (Some((after, result)), Some(waiting)) = (answer, &mut self.waiting) {
            let (call, progress) = (request.call, Progress::Written);
            waiting.push((now, Input::Progress { call, progress }));
            waiting.push((now.saturating_add(after), Input::Reply { call, result }));
        }
        true
    }

    /// The next input, and its time.
    fn next(&mut self, now: Millis, wake: Option<Millis>) -> Option<(Millis, Taken)> {
        if self.waiting.is_none() {
            if let Some(entry) = self.recording.entries.get(self.at) {
                self.at += 1;
                return Some((entry.ms(), entry.taken()?));
            }
            self.leave_recording(now);
        }
        let waiting = self.waiting.as_mut()?;
        let first = waiting.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(index, (at, _))| (index, *at));
        match (first, wake) {
            (Some((index, at)), wake) if wake.is_none_or(|wake| at <= wake) => {
                let (_, input) = waiting.remove(index);
                Some((at.max(now), Taken::Input(input)))
            }
            (_, Some(wake)) => Some((wake.max(now), Taken::Input(Input::Tick))),
            (_, None) => None,
        }
    }

    /// Reports the requests that were sent then, and are not sent now.
    fn missing(&mut self) {
        let missing: Vec<&Sent> = self.exchanges.iter().filter(|e| !e.taken).map(|e| e.sent).collect();
        for then in missing {
            let span = self.spans.step(then);
            self.drift(DriftKind::RequestMissing, then, "request", Some(line(then)), None, span);
        }
    }

    fn compare(&mut self, then: &Sent, now: &Sent) {
        for (part, recorded, is) in parts(then, now) {
            let span = self.spans.find_part(now, &part);
            self.drift(DriftKind::RequestChanged, now, &part, recorded, is, span);
        }
    }

    fn drift(
        &mut self,
        kind: DriftKind,
        at: &Sent,
        part: &str,
        recorded: Option<String>,
        now: Option<String>,
        span: Option<Span>,
    ) {
        self.drifts.push(Drift {
            kind,
            workflow: at.workflow.clone(),
            step: at.step.clone(),
            visit: at.visit,
            part: part.to_owned(),
            recorded,
            now,
            place: self.spans.place(span),
        });
    }

    fn compare_ends(&mut self, now: Option<&End>) {
        let then = &self.recording.end;
        let Some(now) = now else { return };
        let said = |end: &End| {
            let why = end.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let step = end.step.as_ref().map(|step| format!(" at {step}")).unwrap_or_default();
            format!("{} (exit {}){why}{step}", end.status, end.exit)
        };
        let workflow = &self.recording.head.workflow;
        let drift = |part: String, recorded: Option<String>, is: Option<String>, span: Option<Span>| Drift {
            kind: DriftKind::OutcomeChanged,
            workflow: workflow.clone(),
            step: now.step.clone().unwrap_or_default(),
            visit: 1,
            part,
            recorded,
            now: is,
            place: self.spans.place(span),
        };
        if said(then) != said(now) {
            self.drifts.push(drift("outcome".to_owned(), Some(said(then)), Some(said(now)), None));
        }
        let names = then.outputs.keys().chain(now.outputs.keys().filter(|name| !then.outputs.contains_key(*name)));
        for name in names.filter(|name| then.outputs.get(*name) != now.outputs.get(*name)) {
            let span = self.spans.output(workflow, name);
            let text = |json: Option<&Json>| json.map(Json::to_string);
            let part = format!("output {name}");
            self.drifts.push(drift(part, text(then.outputs.get(name)), text(now.outputs.get(name)), span));
        }
    }
}

/// The input that an entry is, of a run that goes another way.
fn taken_input(entry: &Entry) -> Option<Input> {
    match entry.taken()? {
        Taken::Input(input) => Some(input),
        _ => None,
    }
}

fn line(sent: &Sent) -> String {
    format!("{} {}", sent.method, sent.url)
}

fn same_step(one: &Sent, other: &Sent) -> bool {
    (&one.workflow, &one.step) == (&other.workflow, &other.step)
}

fn same_request(one: &Sent, other: &Sent) -> bool {
    (&one.method, &one.url, &one.headers, &one.body) == (&other.method, &other.url, &other.headers, &other.body)
}

/// A part of a request that is not as it was: its name, what it was, what it is.
type Part = (String, Option<String>, Option<String>);

/// The parts in which two requests differ.
fn parts(then: &Sent, now: &Sent) -> Vec<Part> {
    let mut found: Vec<Part> = vec![];
    if then.method != now.method {
        found.push(("method".to_owned(), Some(then.method.clone()), Some(now.method.clone())));
    }
    if then.url != now.url {
        urls(&then.url, &now.url, &mut found);
    }
    let values = |headers: &[(String, String)], name: &str| -> Option<String> {
        let all: Vec<&str> =
            headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    let mut names: Vec<&str> = vec![];
    for (name, _) in then.headers.iter().chain(&now.headers) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    for name in names {
        let (recorded, is) = (values(&then.headers, name), values(&now.headers, name));
        // The parts of a multipart body are told apart by what is in them.
        if recorded != is {
            found.push((format!("header {name}"), recorded, is));
        }
    }
    if then.body != now.body {
        bodies(&then.body, &now.body, &mut found);
    }
    found
}

fn urls(then: &str, now: &str, found: &mut Vec<Part>) {
    let (Ok(one), Ok(other)) = (Url::parse(then), Url::parse(now)) else {
        return found.push(("url".to_owned(), Some(then.to_owned()), Some(now.to_owned())));
    };
    let place = |url: &Url| {
        let mut url = url.clone();
        url.set_query(None);
        url.to_string()
    };
    if place(&one) != place(&other) {
        return found.push(("url".to_owned(), Some(then.to_owned()), Some(now.to_owned())));
    }
    let pairs = |url: &Url| -> Vec<(String, String)> { url.query_pairs().into_owned().collect() };
    let (one, other) = (pairs(&one), pairs(&other));
    let values = |pairs: &[(String, String)], name: &str| -> Option<String> {
        let all: Vec<&str> = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    let before = found.len();
    let mut names: Vec<&String> = vec![];
    for (name, _) in one.iter().chain(&other) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let (recorded, is) = (values(&one, name), values(&other, name));
        if recorded != is {
            found.push((format!("query {name}"), recorded, is));
        }
    }
    if found.len() == before {
        // The same pairs in another order, or written differently.
        found.push(("url".to_owned(), Some(then.to_owned()), Some(now.to_owned())));
    }
}

fn bodies(then: &Content, now: &Content, found: &mut Vec<Part>) {
    let json = |content: &Content| -> Option<Json> { Json::parse(content.text.as_deref()?) };
    let before = found.len();
    if let (Some(one), Some(other)) = (json(then), json(now)) {
        members("", Some(&one), Some(&other), found, before + MEMBERS);
    }
    if found.len() == before {
        let text = |content: &Content| match (&content.text, &content.base64) {
            (Some(text), _) => Some(text.clone()),
            (None, Some(base64)) => Some(format!("bytes, base64 {base64}")),
            (None, None) => None,
        };
        found.push(("body".to_owned(), text(then), text(now)));
    }
}

fn members(at: &str, then: Option<&Json>, now: Option<&Json>, found: &mut Vec<Part>, limit: usize) {
    if then == now || found.len() >= limit {
        return;
    }
    let token = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match (then, now) {
        (Some(Json::Object(one)), Some(Json::Object(other))) => {
            for name in one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))) {
                members(&format!("{at}/{}", token(name)), one.get(name), other.get(name), found, limit);
            }
        }
        (Some(Json::Array(one)), Some(Json::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                members(&format!("{at}/{index}"), one.get(index), other.get(index), found, limit);
            }
        }
        _ => {
            let part = if at.is_empty() { "body".to_owned() } else { format!("body {at}") };
            found.push((part, then.map(Json::to_string), now.map(Json::to_string)));
        }
    }
}

/// Spans of the documents as they are now.
struct Spans<'p>(&'p Program);

impl<'p> Spans<'p> {
    /// The place of a span for people.
    fn place(&self, span: Option<Span>) -> Option<Place> {
        span.map(|span| self.0.sources.place(span))
    }

    fn find(&self, sent: &Sent) -> Option<&'p Step> {
        let program = self.0;
        program.steps.iter().find(|step| {
            step.name == sent.step && program.workflow(step.workflow).is_some_and(|w| w.name == sent.workflow)
        })
    }

    /// The id of a step; of its workflow if the step is gone.
    fn step(&self, sent: &Sent) -> Option<Span> {
        if let Some(step) = self.find(sent) {
            return Some(step.span);
        }
        self.0.workflows.iter().find(|workflow| workflow.name == sent.workflow).map(|workflow| workflow.span)
    }

    /// The span that a part of a request comes from.
    fn find_part(&self, sent: &Sent, part: &str) -> Option<Span> {
        let step = self.find(sent)?;
        let own = step.span;
        let (arguments, body) = (step.call.arguments(), step.call.body());
        let (kind, name) = part.split_once(' ').unwrap_or((part, ""));
        let argument = |wanted: &dyn Fn(&Argument) -> bool| arguments.iter().find(|a| wanted(a)).map(|a| a.span);
        let field = |field: &str| self.written(own.source, &sent.workflow, Some(&sent.step), &[field.to_owned()]);
        let found = match kind {
            "header" => argument(&|a| a.location == Location::Header && a.name.eq_ignore_ascii_case(name))
                .or_else(|| argument(&|a| a.location == Location::Cookie && name.eq_ignore_ascii_case("cookie"))),
            "query" => argument(&|a| a.location == Location::Query && a.name == name)
                .or_else(|| argument(&|a| a.location == Location::Querystring)),
            "url" => argument(&|a| a.location == Location::Path),
            "body" => body.as_ref().map(|body| {
                let payload = ["requestBody".to_owned(), "payload".to_owned()];
                // The member itself, or the nearest one around it that is written.
                let mut path = [payload.as_slice(), Pointer::parse(name).tokens()].concat();
                while path.len() > payload.len() {
                    if let Some(span) = self.written(own.source, &sent.workflow, Some(&sent.step), &path) {
                        return span;
                    }
                    path.pop();
                }
                body.span
            }),
            _ => field("operationId").or_else(|| field("operationPath")),
        };
        Some(found.unwrap_or(own))
    }

    /// The span of an output of a workflow.
    fn output(&self, workflow: &str, name: &str) -> Option<Span> {
        let found = self.0.own_workflows().find(|(_, known)| known.name == workflow)?.1;
        self.written(found.span.source, workflow, None, &["outputs".to_owned(), name.to_owned()])
    }

    /// The span of a field below a workflow, or below one of its steps.
    fn written(&self, source: SourceId, workflow: &str, step: Option<&str>, path: &[String]) -> Option<Span> {
        let sources: &Sources = &self.0.sources;
        let root = Node::parse(sources, source, Default::default()).ok()?;
        let named = |list: &Node, key: &str, name: &str| {
            list.items().iter().find(|item| item.get(key).and_then(Node::as_str) == Some(name)).cloned()
        };
        let mut node = named(root.get("workflows")?, "workflowId", workflow)?;
        if let Some(step) = step {
            node = named(node.get("steps")?, "stepId", step)?;
        }
        let found = node.at(&Pointer::of(path.to_vec()))?;
        Some(found.span)
    }
}
