//! Everything of a run that a recording needs, kept while the run goes on.

use std::hash::{DefaultHasher, Hash, Hasher};

use arazzo_engine::event::{Event, EventKind};
use arazzo_engine::limits::{AllowedHost, Limits, Millis, Servers};
use arazzo_engine::machine::message::{ChannelInput, ChannelRequest};
use arazzo_engine::machine::{CallId, Input, Request};
use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;

/// What a session takes in: an input, or what whoever goes on with its run says before that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "nearly all are inputs")]
pub(crate) enum Taken {
    Input(Input),
    /// No process had the run for so many ms; these calls are sent again.
    Resumed {
        away_ms: Millis,
        again: Vec<CallId>,
    },
    /// A run that has failed begins again at a step.
    BegunAgain {
        step: String,
    },
    /// Other limits from now on.
    Limits(Box<Limits>),
    /// Other servers and permitted hosts from now on.
    Servers(Box<CalledServers>),
}

/// The servers that a run calls in the place of described ones, and hosts that no source names and that it may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalledServers {
    pub(crate) servers: Servers,
    pub(crate) allowed_hosts: Vec<AllowedHost>,
}

/// The log that a driver keeps of a run that is to be recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// The bytes of requests and answers that it may have.
    pub(super) most: u64,
    pub(super) inputs: Vec<(Millis, Taken)>,
    /// The events and their kinds, to compare.
    pub(super) events: Vec<Print>,
    pub(super) run: String,
    pub(super) epoch_ms: i64,
    pub(super) bytes: u64,
}

impl Recorder {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, ..Self::default() }
    }

    pub(crate) fn input(&mut self, now: Millis, input: &Input) {
        match input {
            Input::Reply { result: Ok(response), .. } => self.note(&response.headers, response.body.len()),
            Input::Channel(ChannelInput::Received { delivery, .. }) => {
                self.note(&delivery.message.headers, delivery.message.payload.len());
            }
            Input::Start { epoch_ms } => self.epoch_ms = *epoch_ms,
            _ => {}
        }
        if !self.is_too_large() {
            self.inputs.push((now, Taken::Input(input.clone())));
        }
    }

    /// What is no input.
    pub(crate) fn taken(&mut self, now: Millis, taken: &Taken) {
        if !self.is_too_large() {
            self.inputs.push((now, taken.clone()));
        }
    }

    /// Takes note of a request: a recording has it, made again.
    pub(crate) fn request(&mut self, request: &Request) {
        self.note(&request.headers, request.url.len() + request.body.as_ref().map_or(0, Vec::len));
    }

    /// As [`Recorder::request`], of a message.
    pub(crate) fn channel(&mut self, request: &ChannelRequest) {
        if let ChannelRequest::Send { message, .. } = request {
            self.note(&message.headers, message.payload.len());
        }
    }

    fn note(&mut self, headers: &[(String, String)], bytes: usize) {
        let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.bytes = self.bytes.saturating_add((headers + bytes) as u64);
        if self.is_too_large() {
            // Nothing comes of it any more.
            self.inputs = vec![];
        }
    }

    /// `true` if there is more than a recording may have.
    pub(super) fn is_too_large(&self) -> bool {
        self.bytes > self.most
    }

    pub(crate) fn event(&mut self, envelope: &Envelope) {
        if self.run.is_empty() {
            self.run.clone_from(&envelope.run);
        }
        self.events.push(Print::of(&envelope.event));
    }
}

/// The gist of an event, without what depends on the lengths of secrets: sizes, and base64 around a secret.
#[derive(Debug)]
pub(super) struct Print {
    hash: u64,
    /// Of a body that is shown whole.
    body: Option<u64>,
    /// The event and its place, in words.
    pub(super) what: String,
}

impl Print {
    pub(super) fn of(event: &Event) -> Self {
        let mut event = event.clone();
        let body = match &mut event.kind {
            EventKind::RequestSent { body, .. } => body.take(),
            EventKind::RequestFailed { request: Some(request), .. } => request.body.take(),
            EventKind::MessageSent { body, .. }
            | EventKind::MessageReceived { body, .. }
            | EventKind::MessageIgnored { body, .. } => body.take(),
            EventKind::ResponseReceived { body, headers, .. } => {
                headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
                body.take()
            }
            _ => None,
        };
        let json = serde_json::to_value(&event).unwrap_or_default();
        let kind = json.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
        let step = event.step.as_deref().map(|step| format!(" of step `{step}`")).unwrap_or_default();
        let what = format!("`{kind}`{step}");
        let hash = |text: &str| {
            let mut hasher = DefaultHasher::new();
            beside_masks(text).hash(&mut hasher);
            hasher.finish()
        };
        let shown = body.map_or(Some(String::new()), |body| (!body.cut).then(|| body.text.to_string()));
        Self { hash: hash(&json.to_string()), body: shown.as_deref().map(hash), what }
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.hash == other.hash && (self.body == other.body || self.body.is_none() || other.body.is_none())
    }
}

/// A text without the letters that stand directly beside a mask and could be the rest of its base64.
fn beside_masks(text: &str) -> String {
    let letter = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    let mut kept = String::new();
    for (number, part) in text.split('›').enumerate() {
        let behind = if number > 0 { part.trim_start_matches(letter) } else { part };
        let (before, name) = behind.split_once('‹').unwrap_or((behind, ""));
        kept.push_str(if name.is_empty() { before } else { before.trim_end_matches(letter) });
        kept.push('‹');
        kept.push_str(name);
    }
    kept
}
