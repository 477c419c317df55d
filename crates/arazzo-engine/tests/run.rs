//! `suite/run/*.yaml`: a document and canned replies in virtual time, and in the `.txt` beside it the events. Each run
//! also gives them where it is stored and restored after every step.

use std::fmt::Write as _;
use std::sync::Arc;

use arazzo_engine::event::{Event, EventKind, Interest};
use arazzo_engine::inputs::accept;
use arazzo_engine::json;
use arazzo_engine::machine::message::{
    Channel, ChannelInput, ChannelRequest, Delivery, DeliveryId, Message, SubscriptionId,
};
use arazzo_engine::machine::{CallId, Failure, Input, Machine, Outgoing, Turn};
use arazzo_engine::program::WorkflowId;
use arazzo_engine::remedy::Remedy;
use arazzo_engine::value::{Json, Map};

use crate::suite::{Case, canned, files_below, golden, rendered, settings, suite_path};

#[test]
fn runs_give_the_expected_events() {
    golden("run", |case| {
        let mut world = World::new(case);
        world.run()
    });
}

/// A machine with a virtual clock and canned replies.
pub struct World {
    pub machine: Machine,
    replies: Vec<Json>,
    /// What comes for calls, and when.
    pending: Vec<(u64, CallId, Input)>,
    now: u64,
    pub lines: String,
    events: Vec<Event>,
    done: bool,
    cancel_at: Vec<u64>,
    /// `show: wire`: requests as they are sent, and only those events that are not about requests and answers.
    shows_wire: bool,
    wake: Option<u64>,
    /// `channels:`: what comes of what is asked of channels.
    script: Vec<Json>,
    subscriptions: Vec<(SubscriptionId, String)>,
    deliveries: u64,
}

/// No call: what comes of channels is not given up with one.
const NO_CALL: CallId = CallId(u64::MAX);

impl World {
    pub fn new(case: &Case) -> Self {
        let (compiled, loading, sources) = case.load();
        let compiled = compiled.unwrap_or_else(|| panic!("{}", rendered(&loading, &sources)));
        let workflow = WorkflowId(0);
        let found = compiled.of(workflow);
        assert!(!found.has_errors(), "{}", rendered(&found, &sources));
        let given = case.head["inputs"].as_object().cloned().unwrap_or_default();
        let inputs = accept(&compiled.program, workflow, given).unwrap();
        let mut machine = Machine::new(compiled.program, workflow, inputs, settings(&case.head["settings"])).unwrap();
        let replies = case.head["replies"].as_array().cloned().unwrap_or_default();
        if replies.iter().any(|reply| reply.get("progress").is_some()) {
            machine.await_progress();
        }
        let cancel_at = case.head["cancel"].as_array().into_iter().flatten().filter_map(Json::as_u64).collect();
        let shows_wire = case.head["show"] == json!("wire");
        Self {
            shows_wire,
            machine,
            replies,
            pending: vec![],
            now: 0,
            lines: String::new(),
            events: vec![],
            done: false,
            cancel_at,
            wake: None,
            script: case.head["channels"].as_array().cloned().unwrap_or_default(),
            subscriptions: vec![],
            deliveries: 0,
        }
    }

    pub fn run(&mut self) -> String {
        let turn = self.machine.step(0, Input::Start { epoch_ms: 1_800_000_000_000 });
        self.take(turn);
        for _ in 0..10_000 {
            if self.done {
                return std::mem::take(&mut self.lines);
            }
            self.next();
        }
        panic!("the run does not end:\n{}", self.lines);
    }

    /// The next thing that happens: a reply, a cancel, or the time the machine asked for.
    pub fn next(&mut self) {
        self.pending.sort_by_key(|(at, ..)| *at);
        let reply = self.pending.first().map(|(at, ..)| *at);
        let cancel = self.cancel_at.first().copied();
        let wake = self.wake;
        let at = [reply, cancel, wake].into_iter().flatten().min().expect("a run that waits for nothing");
        self.now = self.now.max(at);
        let input = if cancel == Some(at) {
            self.cancel_at.remove(0);
            Input::Cancel
        } else if reply == Some(at) {
            self.pending.remove(0).2
        } else {
            Input::Tick
        };
        let turn = self.machine.step(self.now, input);
        self.take(turn);
    }

    /// What goes over the wire, unmasked, if the case wants to show that.
    fn wire(&mut self, send: &Outgoing) {
        if !self.shows_wire {
            return;
        }
        let request = &send.request;
        write!(self.lines, "   -> {} {}", request.method, request.url).unwrap();
        for (name, value) in &request.headers {
            write!(self.lines, "  {name}: {value}").unwrap();
        }
        let body = request.body.as_ref().map(|body| format!("  {}", String::from_utf8_lossy(body)));
        writeln!(self.lines, "{}", body.unwrap_or_default()).unwrap();
    }

    /// What a channel is asked, and what comes of it: an entry of the script happens at every request whose line it names.
    fn ask(&mut self, request: ChannelRequest) {
        let place = |channel: &Channel| match channel.address.as_str() {
            "" => channel.path.clone(),
            address => address.to_owned(),
        };
        let line = match &request {
            ChannelRequest::Subscribe { subscription, channel, .. } => {
                self.subscriptions.push((*subscription, place(channel)));
                format!("subscribe {}", place(channel))
            }
            ChannelRequest::Send { channel, .. } => format!("send {}", place(channel)),
            ChannelRequest::Acknowledge { delivery, .. } => format!("acknowledge {}", delivery.0),
            ChannelRequest::Unsubscribe(subscription) => format!("unsubscribe {}", subscription.0),
        };
        let shown = match &request {
            ChannelRequest::Send { channel, message, .. } => {
                let mut text = format!(" {} {}", channel.protocol, channel.host);
                message.headers.iter().for_each(|(name, value)| write!(text, "  {name}: {value}").unwrap());
                message.correlation.iter().for_each(|id| write!(text, "  correlation {id}").unwrap());
                message.reply_to.iter().for_each(|to| write!(text, "  reply to {to}").unwrap());
                if !channel.bindings.is_empty() {
                    write!(text, "  {}", Json::from(channel.bindings.clone())).unwrap();
                }
                format!("{text}  {}", String::from_utf8_lossy(&message.payload))
            }
            ChannelRequest::Subscribe { channel, .. } => format!(" {} {}", channel.protocol, channel.host),
            _ => String::new(),
        };
        if self.shows_wire || !self.script.is_empty() {
            writeln!(self.lines, "   -> {line}{shown}").unwrap();
        }
        let entries: Vec<Json> =
            self.script.iter().filter(|entry| entry["when"] == json!(line.as_str())).cloned().collect();
        let own = entries.iter().find(|entry| entry.get("failure").is_some());
        let failure = own.map(|entry| Failure {
            kind: serde_json::from_value(entry["failure"].to_serde()).unwrap(),
            message: "it broke".to_owned(),
            in_doubt: entry["inDoubt"] == json!(true),
        });
        let accepted = entries.iter().find_map(|entry| entry["accept"].as_u64()).unwrap_or(1);
        let answer = match (&request, failure) {
            (ChannelRequest::Subscribe { subscription, .. }, None) => Some(ChannelInput::Subscribed(*subscription)),
            (ChannelRequest::Subscribe { subscription, .. }, Some(failure)) => {
                Some(ChannelInput::Lost { subscription: *subscription, failure })
            }
            (ChannelRequest::Send { call, .. }, failure) => {
                Some(ChannelInput::Sent { call: *call, result: failure.map_or(Ok(()), Err) })
            }
            _ => None,
        };
        if let Some(answer) = answer {
            self.pending.push((self.now + accepted, NO_CALL, Input::Channel(answer)));
        }
        for entry in entries.iter().filter(|entry| entry["to"].is_string()) {
            self.come(entry);
        }
    }

    /// A message comes, or a subscription is lost.
    fn come(&mut self, entry: &Json) {
        let (to, at) = (entry["to"].as_str().unwrap(), self.now + entry["after"].as_u64().unwrap_or(10));
        let address = entry["address"].as_str().unwrap_or_default().to_owned();
        let Some((subscription, _)) = self.subscriptions.iter().find(|(_, place)| place == to).cloned() else { return };
        if let Some(kind) = entry.get("lost") {
            let kind = serde_json::from_value(kind.to_serde()).unwrap();
            let failure = Failure { kind, message: "it ended".to_owned(), in_doubt: false };
            self.pending.push((at, NO_CALL, Input::Channel(ChannelInput::Lost { subscription, failure })));
            return;
        }
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let headers = entry["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
        let message = Message {
            headers,
            content_type: entry["contentType"].as_str().map(str::to_owned),
            correlation: entry["correlation"].as_str().map(str::to_owned),
            payload: entry.get("payload").map(text).unwrap_or_default().into_bytes(),
            ..Message::default()
        };
        for copy in 0..entry["copies"].as_u64().unwrap_or(1) {
            self.deliveries += 1;
            let delivery = Delivery {
                delivery: DeliveryId(self.deliveries),
                address: address.clone(),
                is_stored: entry["stored"] == json!(true),
                is_redelivered: entry["redelivered"] == json!(true) || copy > 0,
                mark: None,
                message: message.clone(),
            };
            self.pending.push((at, NO_CALL, Input::Channel(ChannelInput::Received { subscription, delivery })));
        }
    }

    fn take(&mut self, turn: Turn) {
        for mut event in turn.events {
            event.word(Remedy::plain);
            self.events.push(event.clone());
            let text = serde_json::to_string(&event).unwrap();
            let Some(Json::Object(mut fields)) = Json::parse(text) else { panic!() };
            let workflow = fields.shift_remove("workflow");
            let frame = match (fields.shift_remove("frame"), workflow) {
                (Some(frame), Some(Json::String(workflow))) if frame != 0 => format!(" [{frame} {workflow}]"),
                _ => String::new(),
            };
            let attempt = fields.shift_remove("attempt").filter(|attempt| *attempt != 1);
            let text = |fields: &mut Map<String, Json>, name: &str| {
                fields.shift_remove(name).and_then(|v| v.as_str().map(str::to_owned))
            };
            let kind = text(&mut fields, "type").unwrap();
            if self.shows_wire && kind.starts_with("re") {
                continue;
            }
            let step = text(&mut fields, "step").map(|step| format!(" {step}")).unwrap_or_default();
            let attempt = attempt.map(|attempt| format!(".{attempt}")).unwrap_or_default();
            let visit = fields.shift_remove("visit").map(|visit| format!("#{visit}{attempt}")).unwrap_or_default();
            let place =
                fields.shift_remove("span").map(|p| format!(" @{}:{}", p["line"], p["column"])).unwrap_or_default();
            for (_, value) in &mut fields {
                if let Some(place) = value.get_mut("place") {
                    *place =
                        json!(format!("{}:{}:{}", place["file"].as_str().unwrap(), place["line"], place["column"]));
                }
                if let Some(Json::Object(why)) = Some(value) {
                    why.shift_remove("notes");
                }
            }
            writeln!(self.lines, "{:>5} {kind}{frame}{step}{visit}{place} {}", self.now, Json::Object(fields)).unwrap();
        }
        for send in &turn.sends {
            self.wire(send);
            let reply = if self.replies.len() > 1 { self.replies.remove(0) } else { self.replies[0].clone() };
            let (call, mut at) = (send.call, self.now);
            // `progress: [[queued, 0], [begun, 500], [written, 20]]`: each so long after the one before.
            for stage in reply["progress"].as_array().into_iter().flatten() {
                at += stage[1].as_u64().unwrap();
                let progress = serde_json::from_value(stage[0].to_serde()).unwrap();
                self.pending.push((at, call, Input::Progress { call, progress }));
            }
            at += reply["after"].as_u64().unwrap_or(10);
            self.pending.push((at, call, Input::Reply { call, result: canned(&reply) }));
        }
        for request in turn.channels {
            self.ask(request);
        }
        self.pending.retain(|(_, call, _)| !turn.aborts.contains(call));
        self.wake = turn.wake;
        self.done |= turn.done.is_some();
    }
}

#[test]
fn a_reader_of_less_hears_a_part_of_the_same_events() {
    let hear = |case: &Case, interest| {
        let mut world = World::new(case);
        world.machine.set_interest(interest);
        world.run();
        world.events
    };
    for path in files_below(&suite_path("run"), &["yaml"]) {
        let case = Case::read(&path);
        let mut whole = hear(&case, Interest::Wire);
        for event in &mut whole {
            let (headers, body) = match &mut event.kind {
                EventKind::RequestSent { headers, body, .. } | EventKind::ResponseReceived { headers, body, .. } => {
                    (headers, body)
                }
                EventKind::RequestFailed { request: Some(request), .. } => (&mut request.headers, &mut request.body),
                EventKind::MessageSent { headers, body, .. }
                | EventKind::MessageReceived { headers, body, .. }
                | EventKind::MessageIgnored { headers, body, .. } => (headers, body),
                _ => continue,
            };
            (*headers, *body) = (vec![], None);
        }
        assert_eq!(hear(&case, Interest::Steps), whole, "{}", path.display());
        whole.retain(|event| event.kind.interest() == Interest::Verdict);
        assert!(whole.len() >= 2, "{}", path.display());
        assert_eq!(hear(&case, Interest::Verdict), whole, "{}", path.display());
    }
}

#[test]
fn a_run_that_is_stored_after_every_step_gives_the_same_events() {
    let (mut stored_runs, mut secrets_looked_for) = (0, 0);
    for path in files_below(&suite_path("run"), &["yaml"]) {
        let case = Case::read(&path);
        let straight = World::new(&case).run();
        let mut world = World::new(&case);
        let program: Arc<_> = case.load().0.unwrap().program;
        let turn = world.machine.step(0, Input::Start { epoch_ms: 1_800_000_000_000 });
        world.take(turn);
        while !world.done {
            let (state, secrets) = world.machine.stored().unwrap();
            let [state, secrets] = [serde_json::to_string(&state), serde_json::to_string(&secrets)].map(Result::unwrap);
            let known: Json = serde_json::from_str(&secrets).unwrap();
            for value in known["learned"]["values"].as_array().unwrap() {
                let value = value[1].as_str().unwrap();
                assert!(!state.contains(value), "{}: a stored state holds `{value}`", path.display());
                secrets_looked_for += 1;
            }
            let (state, secrets) = (serde_json::from_str(&state).unwrap(), serde_json::from_str(&secrets).unwrap());
            world.machine = Machine::restore(program.clone(), state, secrets).unwrap();
            stored_runs += 1;
            world.next();
        }
        assert_eq!(world.lines, straight, "{}", path.display());
    }
    assert!(stored_runs > 200 && secrets_looked_for > 300, "{stored_runs} {secrets_looked_for}");
}
