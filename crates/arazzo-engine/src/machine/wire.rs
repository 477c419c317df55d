//! The messages of a machine: inputs, turns, requests, answers, outcomes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::value::{Json, Map, Shared, Value, as_base64, stored};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

pub use super::failed::{CallId, Failure};
use super::message::{ChannelInput, ChannelRequest};
pub use crate::event::{Because, FailureKind};
use crate::event::{Event, Why};
use crate::limits::Millis;
use crate::remedy::Naming;
use crate::string_enum::string_enum;

/// The only things that move a machine. One may hold a secret ([`Input::may_hold_secrets`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// Begin; `epoch_ms` is the wall clock, for dates in `Retry-After` only.
    Start {
        /// Milliseconds since 1970-01-01T00:00:00Z.
        epoch_ms: i64,
    },
    /// A call got on, before it ends: for machines that are told so ([`crate::machine::Machine::await_progress`]).
    Progress {
        /// The call.
        call: CallId,
        /// The stage that it has come to.
        progress: Progress,
    },
    /// A call ended.
    Reply {
        /// The call.
        call: CallId,
        /// The answer, or the reason why there is none.
        result: Result<Response, Failure>,
    },
    /// Something is heard of a channel.
    Channel(ChannelInput),
    /// Time has passed: at least up to the `wake` of the last turn.
    Tick,
    /// Stop. The first lets calls in flight end for 5 s, the second stops at once.
    Cancel,
}

impl Input {
    /// `true` if it may bring a secret, as an answer may: whoever stores it encrypts it.
    #[must_use]
    pub fn may_hold_secrets(&self) -> bool {
        matches!(self, Self::Reply { .. } | Self::Channel(_))
    }
}

string_enum! {
    /// The stage of a call on its way to the server.
    pub enum Progress: "stage of a call" {
        /// It waits for its turn: neither its time nor that of its step passes.
        Queued = "queued",
        /// It is its turn, and nothing of it has left yet.
        Begun = "begun",
        /// Its first byte was written, or is about to be: from here on the server may act on it.
        Written = "written",
    }
}

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers in the order in which they came; bytes that are not text are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, decoded from its content codings.
    #[serde(with = "as_base64")]
    pub body: Vec<u8>,
}

/// A request as it goes out. Holds secrets: its `Debug` shows method and length only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// `GET`
    pub method: String,
    /// The whole url, encoded.
    pub url: String,
    /// Headers in the order in which to send them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

/// `true` for methods that may be sent twice to the same effect (RFC 9110 §9.2.2).
#[must_use]
pub fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY" | "PUT" | "DELETE")
}

/// The url of a request, parsed. Whoever judges a request and whoever sends it need it so, and parsing costs more than all
/// else that they do with it. Holds secrets as the request does: its `Debug` shows nothing.
#[derive(Clone, Default)]
pub struct ParsedUrl(pub(super) Option<Url>);

impl PartialEq for ParsedUrl {
    /// Requests with the same url are the same, parsed or not.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ParsedUrl {}

impl std::fmt::Debug for ParsedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ParsedUrl")
    }
}

/// A request to send, and on which terms. It is written as [`StoredOutgoing`], without the request: that may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The call; the reply names it.
    pub call: CallId,
    /// The request.
    pub request: Request,
    /// The purpose for which it is sent.
    pub because: Because,
    /// The time that the answer may take, to its last byte, in ms.
    pub timeout_ms: Millis,
    /// Bytes of decoded body to accept at most.
    pub body_bytes: u64,
    /// The url of the request, if it was parsed already: [`Outgoing::url`].
    pub parsed: ParsedUrl,
}

impl Outgoing {
    /// The url of the request, parsed; nothing if it is none.
    #[must_use]
    pub fn url(&self) -> Option<Cow<'_, Url>> {
        match &self.parsed.0 {
            // It may have been changed since.
            Some(url) if url.as_str() == self.request.url => Some(Cow::Borrowed(url)),
            _ => Url::parse(&self.request.url).ok().map(Cow::Owned),
        }
    }
}

/// An [`Outgoing`] as data that may lie anywhere: its request is made again from the state and the secrets beside it, by
/// its call ([`crate::machine::Machine::outgoing`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredOutgoing {
    /// The call.
    pub call: CallId,
    /// The purpose for which it is sent.
    pub because: Because,
    /// As [`Outgoing::timeout_ms`].
    pub timeout_ms: Millis,
    /// As [`Outgoing::body_bytes`].
    pub body_bytes: u64,
}

impl Serialize for Outgoing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { call, because, timeout_ms, body_bytes, .. } = *self;
        StoredOutgoing { call, because, timeout_ms, body_bytes }.serialize(serializer)
    }
}

/// The result of a step of the machine: requests to send, and events.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Requests to send now.
    pub sends: Vec<Outgoing>,
    /// What is asked of channels now, in this order. They may hold secrets, and are not written.
    #[serde(skip)]
    pub channels: Vec<ChannelRequest>,
    /// Calls whose answer is not wanted any more.
    pub aborts: Vec<CallId>,
    /// The time to tick at, in ms since the start, if nothing else happens before.
    pub wake: Option<Millis>,
    /// The outcome; after it, nothing more happens.
    pub done: Option<Outcome>,
}

/// Outputs of a run by name, in the order of the document: a map, and beside it the bytes of bodies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    #[serde(with = "stored::members")]
    values: Map<String, Json>,
    /// Bodies whose bytes are not those that their value would be written as.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    bodies: BTreeMap<String, Bytes>,
}

/// Bytes that are written in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Bytes(#[serde(with = "as_base64")] Shared<Vec<u8>>);

impl Outputs {
    /// The bytes of an output that is bytes, or a body whose bytes are not those that its value would be written as.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let own = || {
            self.values.get(name).and_then(|value| if let Json::Bytes(file) = value { Some(&file.bytes) } else { None })
        };
        self.bodies.get(name).map(|body| &body.0).or_else(own).map(|bytes| bytes.as_slice())
    }

    /// The outputs in which there are bytes that JSON cannot hold: in its text they are base64.
    pub fn encoded(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(_, value)| value.bytes_within().is_some()).map(|(name, _)| name.as_str())
    }
}

impl std::ops::Deref for Outputs {
    type Target = Map<String, Json>;

    fn deref(&self) -> &Self::Target {
        &self.values
    }
}

impl From<Map<String, Json>> for Outputs {
    fn from(values: Map<String, Json>) -> Self {
        Self { values, bodies: BTreeMap::new() }
    }
}

impl FromIterator<(String, Value)> for Outputs {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(values: I) -> Self {
        let mut outputs = Self::default();
        for (name, value) in values {
            if let Value::Body(body) = &value {
                outputs.bodies.insert(name.clone(), Bytes(body.bytes.clone()));
            }
            outputs.values.insert(name, value.into_json());
        }
        outputs
    }
}

impl From<Outputs> for serde_json::Value {
    /// As [`Outcome::outputs`].
    fn from(outputs: Outputs) -> Self {
        Json::from(outputs.values).to_serde()
    }
}

/// The end of a run. A failed run is data, not an error. What is written of it may hold secrets, as outputs may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Outcome {
    /// The last step succeeded.
    Succeeded {
        /// The outputs that exist; null for one that found nothing.
        outputs: Outputs,
        /// Outputs without a value.
        missing: Vec<String>,
    },
    /// An `end` action on success ended the workflow.
    Ended {
        /// The action's name.
        by: String,
        /// The outputs that exist.
        outputs: Outputs,
        /// Outputs without a value.
        missing: Vec<String>,
    },
    /// A step failed and nothing handled it, or an `end` action on failure ended the workflow.
    Failed {
        /// The step.
        step: String,
        /// The reason.
        why: Box<Why>,
        /// The outputs that exist.
        outputs: Outputs,
        /// Outputs without a value.
        missing: Vec<String>,
    },
    /// A limit, a policy or the user stopped the run.
    Stopped {
        /// The kind of stop.
        stop: Stop,
        /// The reason.
        why: Box<Why>,
        /// The outputs that exist.
        outputs: Outputs,
        /// Outputs without a value.
        missing: Vec<String>,
    },
}

/// The kind of cause that stopped a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// A limit of [`crate::limits::Limits`].
    Limit,
    /// A policy: a host that may not be reached, a secret that may not go there. No document can catch it.
    Policy,
    /// [`Input::Cancel`].
    Interrupt,
}

impl Outcome {
    /// Makes words of its remedy: what a setting is called says `naming`.
    pub fn word(&mut self, naming: Naming) {
        if let Self::Failed { why, .. } | Self::Stopped { why, .. } = self {
            why.word(naming);
        }
    }

    /// The outputs that exist, as serde_json has them: a number of more than 64 bits is the nearest double, and bytes are
    /// base64. [`Outcome::values`] has them as they are.
    #[must_use]
    pub fn outputs(&self) -> serde_json::Map<String, serde_json::Value> {
        self.values().iter().map(|(name, value)| (name.clone(), value.to_serde())).collect()
    }

    /// The outputs that exist, numbers with their digits, and bytes as bytes.
    #[must_use]
    pub fn values(&self) -> &Outputs {
        match self {
            Self::Succeeded { outputs, .. }
            | Self::Ended { outputs, .. }
            | Self::Failed { outputs, .. }
            | Self::Stopped { outputs, .. } => outputs,
        }
    }

    /// Declared outputs without a value: not reached, or found nothing.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        match self {
            Self::Succeeded { missing, .. }
            | Self::Ended { missing, .. }
            | Self::Failed { missing, .. }
            | Self::Stopped { missing, .. } => missing,
        }
    }

    /// The exit code of the command line: 0 succeeded or ended, 1 failed, 4 failed without an answer, 5 stopped by a
    /// limit, 6 refused by policy, 130 interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Succeeded { .. } | Self::Ended { .. } => 0,
            Self::Failed { why, .. } | Self::Stopped { why, .. } => why.code.exit(),
        }
    }
}
