//! A run as a file: what a machine took in, and what it sent. With the document, that is enough to run it again without
//! a socket ([`crate::Description::replay`]).
//!
//! The text is one JSON object a line: a head, what came and what was sent in their order, and how the run ended. No
//! secret is in it: each has a stand-in, everywhere ([`StandIns`]). What a recording says was sent is what a run with
//! those stand-ins sends; if such a run does not go as the real one went, [`Recording::unlike`] says where.

use arazzo_engine::credentials::{Credential, Credentials};
use arazzo_engine::event::{Event, EventKind, RunStatus};
use arazzo_engine::inputs::InputValues;
use arazzo_engine::limits::{Limits, Millis, Settings, Warning};
use arazzo_engine::machine::message::{
    ChannelInput, ChannelRequest, Delivery, DeliveryId, Mark, Message, SubscriptionId,
};
use arazzo_engine::machine::{CallId, Failure, FailureKind, Input, Outgoing, Progress, Response, SEMANTICS};
use arazzo_engine::readings::Readings;
use arazzo_engine::reason::Reason;
use arazzo_engine::remedy::{Limit, Naming, Remedy};
use arazzo_engine::source::Sources;
use arazzo_engine::stand_in::StandIns;
use arazzo_engine::value::{Json, Map, stored};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::channel::SEND;
use crate::drivers::recorder::{CalledServers, Print, Recorder, Taken};
use crate::envelope::Envelope;
use crate::error::Error;
use crate::session::{Session, SessionTurn};

/// The version of the file.
const VERSION: u32 = 1;

/// A run that was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    pub(crate) head: Head,
    pub(crate) entries: Vec<Entry>,
    pub(crate) end: End,
    unlike: Option<String>,
}

/// The first line of a recording: the run, and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    v: u32,
    semantics: u32,
    /// The document, as it was named.
    pub(crate) document: String,
    pub(crate) workflow: String,
    /// The run, and when it began.
    pub(crate) run: String,
    pub(crate) epoch_ms: i64,
    /// `true` if it says when requests were written. Older ones do not: there they were when they were handed out.
    #[serde(default)]
    pub(crate) awaits_progress: bool,
    /// The mode of reading.
    readings: Readings,
    #[serde(with = "stored::members")]
    pub(crate) inputs: InputValues,
    /// Names of the inputs that are secret, and so have stand-ins.
    pub(crate) secret: Vec<String>,
    settings: Settings,
    credentials: Vec<Proof>,
    certificate: bool,
    /// All documents that were read.
    pub(crate) documents: Vec<Fingerprint>,
}

/// A credential that was given, or its stand-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Proof {
    key: String,
    name: String,
    value: String,
    secret: bool,
}

/// A text, as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) name: String,
    sha256: String,
}

/// A line of a recording: what came or was sent; `ms` since the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Entry {
    Request(Sent),
    Reply {
        ms: Millis,
        call: CallId,
        status: u16,
        headers: Vec<(String, String)>,
        #[serde(flatten)]
        body: Content,
    },
    Failure {
        ms: Millis,
        call: CallId,
        kind: FailureKind,
        message: String,
        in_doubt: bool,
    },
    Progress {
        ms: Millis,
        call: CallId,
        progress: Progress,
    },
    /// What was heard of a channel.
    Channel {
        ms: Millis,
        heard: ChannelInput,
    },
    Tick {
        ms: Millis,
    },
    Cancel {
        ms: Millis,
    },
    /// Another process went on with the run.
    Resumed {
        ms: Millis,
        away_ms: Millis,
        again: Vec<CallId>,
    },
    /// It had failed, and began again at a step.
    BegunAgain {
        ms: Millis,
        step: String,
    },
    /// It went on with other limits.
    Limits {
        ms: Millis,
        limits: Box<Limits>,
    },
    /// It went on with other servers.
    Servers {
        ms: Millis,
        #[serde(flatten)]
        called: Box<CalledServers>,
    },
}

/// A request, masked as events are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    pub(crate) ms: Millis,
    pub(crate) call: CallId,
    pub(crate) workflow: String,
    pub(crate) step: String,
    pub(crate) visit: u32,
    pub(crate) attempt: u32,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    #[serde(flatten)]
    pub(crate) body: Content,
}

/// A body; at most one of both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
}

/// The end of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct End {
    pub(crate) ms: Millis,
    pub(crate) status: RunStatus,
    pub(crate) exit: u8,
    #[serde(with = "stored::members")]
    pub(crate) outputs: Map<String, Json>,
    /// The code of why it did not succeed, and the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// The messages that steps took, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<TakenMessage>,
}

/// A message that a step took, or a step that waited for one in vain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TakenMessage {
    pub(crate) step: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<(SubscriptionId, DeliveryId)>,
}

/// One line of the file, but for the entries.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
enum Line {
    #[serde(rename = "recording")]
    Head(Box<Head>),
    #[serde(rename = "outcome")]
    End(End),
}

/// The parts of the first line of a recording.
pub(crate) struct RecordingHeader<'a> {
    pub(crate) document: String,
    pub(crate) readings: Readings,
    pub(crate) workflow: String,
    pub(crate) run: String,
    pub(crate) epoch_ms: i64,
    pub(crate) inputs: InputValues,
    /// Names of the inputs that are secret.
    pub(crate) secret: Vec<String>,
    pub(crate) settings: Settings,
    pub(crate) sources: &'a Sources,
}

impl Recording {
    /// Makes a recording of a run that has ended, from what it began with. `begin` gives a machine of the same workflow for
    /// other inputs and settings.
    ///
    /// # Errors
    /// [`Error::Setup`] if the run was too large to keep.
    pub(crate) fn of(
        log: Recorder,
        mut stand_ins: StandIns,
        (mut head, naming): (Head, Naming),
        begin: impl FnOnce(InputValues, Settings, i64) -> Result<Session, Error>,
    ) -> Result<Self, Error> {
        if log.is_too_large() {
            let raise = naming(&Remedy::Raise(Limit::Kept));
            let message = format!("its requests and answers have more than {} bytes; raise {raise}", log.most);
            return Err(Error::Setup(message));
        }
        head.hide_inputs(&mut stand_ins);
        log.inputs.iter().for_each(|(_, taken)| learn_cookies(taken, &mut stand_ins));
        head.hide_rest(&mut stand_ins)?;
        (head.run, head.epoch_ms) = (log.run, log.epoch_ms);

        let mut session = begin(head.inputs.clone(), head.settings(), head.epoch_ms)?;
        session.await_progress();
        let (mut entries, mut events, mut messages, mut end) = (vec![], vec![], vec![], None);
        for (ms, taken) in log.inputs {
            let taken = match taken {
                Taken::Input(input) => Taken::Input(hidden_input(input, &stand_ins)),
                Taken::Servers(called) => Taken::Servers(hidden(&called, &stand_ins)?),
                other => other,
            };
            entries.extend(Entry::of(ms, &taken));
            if !matches!(taken, Taken::Input(Input::Start { .. })) {
                session.take(ms, taken);
            }
            let turn = session.turn(ms);
            events.extend(turn.events.iter().map(|envelope| Print::of(&envelope.event)));
            entries.extend(sent(&turn, ms, &session).into_iter().map(Entry::Request));
            messages.extend(taken_messages(&turn));
            end = End::of(ms, &turn.events).or(end);
        }
        let mut both = log.events.iter().zip(&events);
        let unlike = both.find(|(real, other)| !real.is_like(other)).map(|(real, _)| real.what.clone());
        let unlike = match (unlike, &end) {
            (None, None) => Some("the end".to_owned()),
            (found, _) => found,
        };
        let last = log.events.len() as Millis;
        let mut end = end.unwrap_or(End {
            ms: last,
            status: RunStatus::Stopped,
            exit: 1,
            outputs: Map::new(),
            why: None,
            step: None,
            messages: vec![],
        });
        end.messages = messages;
        Ok(Self { head, entries, end, unlike })
    }

    /// The event at which a run with stand-ins does not go as the real one went: a criterion that looks into a secret,
    /// for instance. Nothing if a replay gives the same events. Known when a run was recorded, not when a file was read.
    #[must_use]
    pub fn unlike(&self) -> Option<&str> {
        self.unlike.as_deref()
    }

    /// The document that was run, as it was named.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.head.document
    }

    /// The mode of reading.
    #[must_use]
    pub fn readings(&self) -> Readings {
        self.head.readings
    }

    /// The settings of the run, with stand-ins for its credentials.
    pub(crate) fn settings(&self) -> Settings {
        self.head.settings()
    }

    /// The `workflowId`.
    #[must_use]
    pub fn workflow(&self) -> &str {
        &self.head.workflow
    }

    /// The number of requests that were sent.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, Entry::Request(_))).count()
    }

    /// Names of the documents that are not what they were when the run was recorded.
    #[must_use]
    pub fn changed(&self, sources: &Sources) -> Vec<&str> {
        let now: Vec<Fingerprint> = sources.iter().map(|(_, s)| Fingerprint::of(&s.name, &s.text)).collect();
        let known = |then: &&Fingerprint| !now.iter().any(|now| now.sha256 == then.sha256);
        self.head.documents.iter().filter(known).map(|then| then.name.as_str()).collect()
    }

    /// The text of the file, without the last line end.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lines = vec![serde_json::to_string(&Line::Head(Box::new(self.head.clone())))];
        lines.extend(self.entries.iter().map(serde_json::to_string));
        lines.push(serde_json::to_string(&Line::End(self.end.clone())));
        // Nothing in it has keys that are not text, which is all that could fail.
        lines.into_iter().filter_map(Result::ok).collect::<Vec<_>>().join("\n")
    }

    /// Reads the text of a file; `name` is what a message calls it.
    ///
    /// # Errors
    /// [`Error::Setup`] with the line that is wrong.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let wrong = |message: String| Error::Setup(format!("`{name}`: {message}"));
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let first = lines.next().map(|(_, line)| line).unwrap_or_default();
        let json: Json = serde_json::from_str(first).unwrap_or_default();
        if json.get("type").and_then(Json::as_str) != Some("recording") {
            let what = match json.get("type").and_then(Json::as_str) {
                Some("run.started") => "these are the events of a run; `Workflow::record` makes recordings",
                _ => "this is no recording: its first line is not one of type `recording`",
            };
            return Err(wrong(what.to_owned()));
        }
        let number = |key: &str| json.get(key).and_then(Json::as_u64);
        if (number("v"), number("semantics")) != (Some(u64::from(VERSION)), Some(u64::from(SEMANTICS))) {
            return Err(wrong("it was recorded by another version of arazzo; record the run again".to_owned()));
        }
        let head = match serde_json::from_str(first) {
            Ok(Line::Head(head)) => head,
            Ok(Line::End(_)) => return Err(wrong("line 1 is no head".to_owned())),
            Err(error) => return Err(wrong(format!("line 1: {error}"))),
        };
        let (mut entries, mut end) = (vec![], None);
        for (index, line) in lines {
            let place = index + 1;
            if end.is_some() {
                return Err(wrong(format!("line {place} stands behind the outcome")));
            }
            if line.starts_with("{\"type\":\"outcome\"") {
                match serde_json::from_str(line) {
                    Ok(Line::End(found)) => end = Some(found),
                    Ok(Line::Head(_)) => return Err(wrong(format!("line {place} is a second head"))),
                    Err(error) => return Err(wrong(format!("line {place}: {error}"))),
                }
                continue;
            }
            let entry: Entry = serde_json::from_str(line).map_err(|error| wrong(format!("line {place}: {error}")))?;
            entry.check().map_err(|error| wrong(format!("line {place}: {error}")))?;
            if entries.last().is_some_and(|last: &Entry| last.ms() > entry.ms()) {
                return Err(wrong(format!("line {place} is earlier than the line before it")));
            }
            entries.push(entry);
        }
        let Some(end) = end else {
            return Err(wrong("the last line is missing, which says how the run ended".to_owned()));
        };
        Ok(Self { head: *head, entries, end, unlike: None })
    }
}

impl Head {
    /// What a run begins with. Holds secrets.
    pub(crate) fn of(made: RecordingHeader<'_>) -> Self {
        let settings = made.settings;
        let proofs = settings.credentials.iter().map(|(key, Credential { name, value, secret })| Proof {
            key: key.to_owned(),
            name: name.clone(),
            value: value.clone(),
            secret: *secret,
        });
        Self {
            v: VERSION,
            semantics: SEMANTICS,
            document: made.document,
            workflow: made.workflow,
            run: made.run,
            epoch_ms: made.epoch_ms,
            awaits_progress: true,
            readings: made.readings,
            inputs: made.inputs,
            secret: made.secret,
            credentials: proofs.collect(),
            certificate: settings.credentials.certificate,
            settings,
            documents: made.sources.iter().map(|(_, source)| Fingerprint::of(&source.name, &source.text)).collect(),
        }
    }

    /// The warnings about the documents.
    pub(crate) fn set_warnings(&mut self, warnings: &[Warning]) {
        self.settings.warnings = warnings.to_vec();
    }

    /// Puts stand-ins in the place of secret inputs.
    fn hide_inputs(&mut self, stand_ins: &mut StandIns) {
        let secret = |name: &str| self.secret.iter().any(|secret| secret == name);
        for (name, value) in self.inputs.iter_mut().filter(|(name, _)| secret(name)) {
            *value = stand_ins.of_value(name, value);
        }
    }

    /// Puts stand-ins in the place of all other secrets.
    fn hide_rest(&mut self, stand_ins: &mut StandIns) -> Result<(), Error> {
        for (_, value) in &mut self.inputs {
            *value = stand_ins.in_json(value);
        }
        for proof in self.credentials.iter_mut().filter(|proof| proof.secret) {
            proof.value = stand_ins.of_text(&proof.name, &proof.value);
        }
        let settings = &mut self.settings;
        settings.files.values_mut().for_each(|file| file.bytes = stand_ins.in_bytes(&file.bytes).into());
        *settings = hidden(settings, stand_ins)?;
        Ok(())
    }

    /// The documents are others from now on.
    #[cfg(feature = "journal")]
    pub(crate) fn set_documents(&mut self, sources: &Sources) {
        self.documents = sources.iter().map(|(_, source)| Fingerprint::of(&source.name, &source.text)).collect();
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut credentials = Credentials::new();
        credentials.certificate = self.certificate;
        for Proof { key, name, value, secret } in self.credentials.iter().cloned() {
            credentials.insert(key, Credential { name, value, secret });
        }
        let mut settings = self.settings.clone();
        settings.credentials = credentials;
        settings
    }
}

/// Settings with stand-ins.
fn hidden<T: Serialize + DeserializeOwned>(settings: &T, stand_ins: &StandIns) -> Result<T, Error> {
    let hidden = serde_json::to_value(settings).map(|settings| stand_ins.in_json(&settings.into()).to_serde());
    hidden.and_then(serde_json::from_value).map_err(|error| Error::Setup(error.to_string()))
}

/// Cookies are credentials, whether or not anything else knows their values.
fn learn_cookies(taken: &Taken, stand_ins: &mut StandIns) {
    let Taken::Input(Input::Reply { result: Ok(response), .. }) = taken else { return };
    for (_, value) in response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
        if let Some((_, rest)) = value.split_once('=') {
            let value = rest.split(';').next().unwrap_or_default().trim();
            let unknown = stand_ins.in_text(value) == value;
            if unknown && !value.is_empty() {
                stand_ins.of_text("cookie", value);
            }
        }
    }
}

/// What was heard of a channel, with stand-ins.
fn hide_heard(heard: ChannelInput, stand_ins: &StandIns) -> ChannelInput {
    let hidden = |failure: Failure| Failure { message: stand_ins.in_text(&failure.message), ..failure };
    match heard {
        heard @ (ChannelInput::Subscribed(_) | ChannelInput::Placed { .. }) => heard,
        ChannelInput::Lost { subscription, failure } => ChannelInput::Lost { subscription, failure: hidden(failure) },
        ChannelInput::Sent { call, result } => ChannelInput::Sent { call, result: result.map_err(hidden) },
        ChannelInput::Received { subscription, delivery } => {
            let Delivery { address, message, .. } = &delivery;
            let text = |text: &Option<String>| text.as_ref().map(|text| stand_ins.in_text(text));
            let headers =
                message.headers.iter().map(|(name, value)| (stand_ins.in_text(name), stand_ins.in_text(value)));
            let message = Message {
                headers: headers.collect(),
                content_type: message.content_type.clone(),
                correlation: text(&message.correlation),
                reply_to: text(&message.reply_to),
                key: text(&message.key),
                payload: stand_ins.in_bytes(&message.payload),
            };
            let address = stand_ins.in_text(address);
            // The id of an event may be anything.
            let mark = delivery.mark.clone().map(|mark| Mark { at: stand_ins.in_text(&mark.at), ..mark });
            ChannelInput::Received { subscription, delivery: Delivery { address, message, mark, ..delivery } }
        }
    }
}

fn hidden_input(input: Input, stand_ins: &StandIns) -> Input {
    let (call, result) = match input {
        Input::Reply { call, result } => (call, result),
        Input::Channel(heard) => return Input::Channel(hide_heard(heard, stand_ins)),
        other => return other,
    };
    let result = match result {
        Ok(response) => {
            let body = stand_ins.in_bytes(&response.body);
            // The length of a body tells that of the secrets in it.
            let length = (body != response.body).then(|| body.len().to_string());
            let header = |(name, value): &(String, String)| match &length {
                Some(length) if name.eq_ignore_ascii_case("content-length") => (name.clone(), length.clone()),
                _ => (stand_ins.in_text(name), stand_ins.in_text(value)),
            };
            let headers = response.headers.iter().map(header).collect();
            Ok(Response { headers, body, ..response })
        }
        Err(failure) => Err(Failure { message: stand_ins.in_text(&failure.message), ..failure }),
    };
    Input::Reply { call, result }
}

/// The requests of a turn, as events show them but whole.
pub(crate) fn sent(turn: &SessionTurn, ms: Millis, session: &Session) -> Vec<Sent> {
    let of = |outgoing: &Outgoing| {
        let is_sent = |event: &Event| match &event.kind {
            EventKind::RequestSent { call, .. } => *call == outgoing.call.0,
            _ => false,
        };
        let said = turn.events.iter().map(|envelope| &envelope.event).find(|event| is_sent(event)).cloned();
        let event = said.or_else(|| session.sent_event(outgoing.call));
        let event = event.as_ref();
        let (method, url, headers) = match event.map(|event| &event.kind) {
            Some(EventKind::RequestSent { method, url, headers, .. }) => (method.clone(), url.clone(), headers.clone()),
            _ => (outgoing.request.method.clone(), session.mask(&outgoing.request.url), vec![]),
        };
        let body = outgoing.request.body.as_deref().map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => Content { text: Some(session.mask(text)), base64: None },
            Err(_) => Content::of(bytes),
        });
        Sent {
            ms,
            call: outgoing.call,
            workflow: event.map(|event| event.workflow.clone()).unwrap_or_default(),
            step: event.and_then(|event| event.step.clone()).unwrap_or_default(),
            visit: event.and_then(|event| event.visit).unwrap_or(1),
            attempt: event.and_then(|event| event.attempt).unwrap_or(1),
            method,
            url,
            headers,
            body: body.unwrap_or_default(),
        }
    };
    let messages = turn.channels.iter().filter_map(|request| sent_message(request, ms, session));
    turn.sends.iter().map(of).chain(messages).collect()
}

/// The messages that steps took in a turn, and steps that have waited in vain.
fn taken_messages(turn: &SessionTurn) -> Vec<TakenMessage> {
    // One of each message that is taken, in the same order.
    let mut acknowledged = turn.channels.iter().filter_map(|request| match request {
        ChannelRequest::Acknowledge { subscription, delivery } => Some((*subscription, *delivery)),
        _ => None,
    });
    let events = turn.events.iter().map(|envelope| &envelope.event);
    events
        .filter_map(|event| {
            let message = match &event.kind {
                EventKind::MessageReceived { .. } => Some(acknowledged.next()?),
                EventKind::StepFinished { why: Some(why), .. } if why.code == Reason::NoMatchingMessage => None,
                _ => return None,
            };
            Some(TakenMessage { step: event.step.clone()?, message })
        })
        .collect()
}

/// A message as a request is recorded: its channel in the place of a url.
fn sent_message(request: &ChannelRequest, ms: Millis, session: &Session) -> Option<Sent> {
    let ChannelRequest::Send { call, channel, message, .. } = request else { return None };
    let address = format!("{}/{}", channel.path, channel.address);
    let (workflow, step) = session.place_of(*call);
    let header = |(name, value): &(String, String)| (name.clone(), session.mask(value));
    let payload = match std::str::from_utf8(&message.payload) {
        Ok(text) => Content { text: (!text.is_empty()).then(|| session.mask(text)), base64: None },
        Err(_) => Content::of(&message.payload),
    };
    Some(Sent {
        ms,
        call: *call,
        workflow,
        step,
        visit: 1,
        attempt: 1,
        method: SEND.to_owned(),
        url: session.mask(&format!("{}://{}{}", channel.protocol, channel.host, address.trim_end_matches('/'))),
        headers: message.headers.iter().map(header).collect(),
        body: payload,
    })
}

impl End {
    pub(crate) fn of(ms: Millis, events: &[Envelope]) -> Option<Self> {
        events.iter().find_map(|envelope| match &envelope.event.kind {
            EventKind::RunFinished { status, exit, outputs, why, .. } => Some(Self {
                ms,
                status: *status,
                exit: *exit,
                outputs: outputs.clone(),
                why: why.as_ref().map(|why| why.code.word().to_owned()),
                step: why.as_ref().and_then(|why| why.step.clone()),
                messages: vec![],
            }),
            _ => None,
        })
    }
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok("") => Self::default(),
            Ok(text) => Self { text: Some(text.to_owned()), base64: None },
            Err(_) => Self { text: None, base64: Some(STANDARD.encode(bytes)) },
        }
    }

    /// The bytes; a base64 that is none was refused when the file was read.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match (&self.text, &self.base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(base64)) => STANDARD.decode(base64).unwrap_or_default(),
            (None, None) => vec![],
        }
    }
}

impl Fingerprint {
    fn of(name: &str, text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        Self { name: name.to_owned(), sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect() }
    }
}

impl Entry {
    fn of(ms: Millis, taken: &Taken) -> Option<Self> {
        let input = match taken {
            Taken::Input(input) => input,
            Taken::Resumed { away_ms, again } => {
                return Some(Self::Resumed { ms, away_ms: *away_ms, again: again.clone() });
            }
            Taken::BegunAgain { step } => return Some(Self::BegunAgain { ms, step: step.clone() }),
            Taken::Limits(limits) => return Some(Self::Limits { ms, limits: limits.clone() }),
            Taken::Servers(called) => return Some(Self::Servers { ms, called: called.clone() }),
        };
        Some(match input {
            Input::Start { .. } => return None,
            Input::Tick => Self::Tick { ms },
            Input::Channel(heard) => Self::Channel { ms, heard: heard.clone() },
            Input::Cancel => Self::Cancel { ms },
            Input::Progress { call, progress } => Self::Progress { ms, call: *call, progress: *progress },
            Input::Reply { call, result: Ok(Response { status, headers, body }) } => {
                Self::Reply { ms, call: *call, status: *status, headers: headers.clone(), body: Content::of(body) }
            }
            Input::Reply { call, result: Err(Failure { kind, message, in_doubt }) } => {
                Self::Failure { ms, call: *call, kind: *kind, message: message.clone(), in_doubt: *in_doubt }
            }
        })
    }

    pub(crate) fn ms(&self) -> Millis {
        match self {
            Self::Request(Sent { ms, .. })
            | Self::Reply { ms, .. }
            | Self::Failure { ms, .. }
            | Self::Progress { ms, .. }
            | Self::Channel { ms, .. }
            | Self::Tick { ms }
            | Self::Cancel { ms }
            | Self::Resumed { ms, .. }
            | Self::BegunAgain { ms, .. }
            | Self::Limits { ms, .. }
            | Self::Servers { ms, .. } => *ms,
        }
    }

    /// What a session takes in then; nothing if it was sent.
    pub(crate) fn taken(&self) -> Option<Taken> {
        let input = match self {
            Self::Request(_) => return None,
            Self::Resumed { away_ms, again, .. } => {
                return Some(Taken::Resumed { away_ms: *away_ms, again: again.clone() });
            }
            Self::BegunAgain { step, .. } => return Some(Taken::BegunAgain { step: step.clone() }),
            Self::Limits { limits, .. } => return Some(Taken::Limits(limits.clone())),
            Self::Servers { called, .. } => return Some(Taken::Servers(called.clone())),
            Self::Tick { .. } => Input::Tick,
            Self::Channel { heard, .. } => Input::Channel(heard.clone()),
            Self::Cancel { .. } => Input::Cancel,
            Self::Progress { call, progress, .. } => Input::Progress { call: *call, progress: *progress },
            Self::Reply { .. } | Self::Failure { .. } => {
                let (call, result) = self.answer()?;
                Input::Reply { call, result }
            }
        };
        Some(Taken::Input(input))
    }

    /// The answer to a call.
    pub(crate) fn answer(&self) -> Option<(CallId, Result<Response, Failure>)> {
        match self {
            Self::Reply { call, status, headers, body, .. } => {
                Some((*call, Ok(Response { status: *status, headers: headers.clone(), body: body.bytes() })))
            }
            Self::Failure { call, kind, message, in_doubt, .. } => {
                Some((*call, Err(Failure { kind: *kind, message: message.clone(), in_doubt: *in_doubt })))
            }
            _ => None,
        }
    }

    fn check(&self) -> Result<(), String> {
        let (Self::Request(Sent { body, .. }) | Self::Reply { body, .. }) = self else { return Ok(()) };
        match &body.base64 {
            Some(base64) => STANDARD.decode(base64).map(drop).map_err(|error| format!("`base64`: {error}")),
            None => Ok(()),
        }
    }
}
