//! The messages between a machine and its channels: what it asks of a broker, and what it hears.
//!
//! A subscription is open from [`ChannelRequest::Subscribe`] to [`ChannelRequest::Unsubscribe`] or its loss. A send is a call
//! in flight as a request is one: it ends with [`ChannelInput::Sent`].

use serde::{Deserialize, Serialize};

use super::failed::{CallId, Failure};
pub use crate::asyncapi::Protocol;
use crate::credentials::is_credential_name;
use crate::limits::Millis;
use crate::value::{Json, Map, as_base64};

/// An open subscription of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubscriptionId(pub u64);

/// A message that a subscription brought, so that it can be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryId(pub u64);

/// A channel, as a connection needs it. Holds secrets (query, headers, credentials): its `Debug` shows protocol and host only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The protocol.
    pub protocol: Protocol,
    /// `host:port`, the port always given.
    pub host: String,
    /// The path of the server's url and of a handshake, with a leading slash: `/chat`. Empty where the protocol has none.
    pub path: String,
    /// Query of the handshake (ws, http).
    pub query: Vec<(String, String)>,
    /// Headers of the handshake or request (ws, http).
    pub headers: Vec<(String, String)>,
    /// The address: a topic, a subject, a routing key; in a subscription it may be a pattern of the protocol
    /// (`orders/+`, `orders.*`). Empty for ws and http, whose path says it.
    pub address: String,
    /// The proof of who connects.
    pub login: Option<Login>,
    /// The header or the parameter of the query that is one too, by a scheme of the document.
    pub proof: Option<String>,
    /// Bindings of channel, operation and message for this protocol, merged: `{qos: 1, retain: false}`, `{exchange: …}`,
    /// `{key: …}`, `{groupId: …}`. Whatever the connection cannot honour it refuses by name.
    pub bindings: Map<String, Json>,
    /// The requests that are the messages, of a webhook: they are listened for at the path, and nothing is connected to.
    #[serde(default)]
    pub hook: Option<Hook>,
    /// The request that is answered with the stream that is listened to, of an operation of OpenAPI (http); else it is a GET
    /// of the path.
    #[serde(default)]
    pub opening: Option<Opening>,
}

/// What is listened for, of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// `POST`
    pub method: String,
    /// The status of the answer to a request that is taken.
    pub status: u16,
}

/// A request that is answered with a stream of events; its headers are those of its channel. Holds secrets: its `Debug` shows
/// the method only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// `GET`
    pub method: String,
    /// The path with its query, encoded.
    pub target: String,
    /// The body.
    #[serde(with = "as_base64")]
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Channel {
    /// The header or the parameter of the query that proves who connects, by a scheme or by its name: it leaves this machine
    /// over TLS only, as a login does.
    #[must_use]
    pub fn proof_beside_login(&self) -> Option<&str> {
        let named = self.headers.iter().chain(&self.query).map(|(name, _)| name.as_str());
        self.proof.as_deref().or_else(|| named.into_iter().find(|name| is_credential_name(name)))
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("protocol", &self.protocol).field("host", &self.host).finish_non_exhaustive()
    }
}

/// The proof of who connects to a broker.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Login {
    /// User and password: `userPassword`, SASL PLAIN, HTTP basic.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// SASL SCRAM with SHA-256.
    ScramSha256 {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// SASL SCRAM with SHA-512.
    ScramSha512 {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token: NATS auth token, bearer.
    Token(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// A message. Holds secrets: its `Debug` shows its length only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Headers in their order; bytes that are not text are replaced. Of an event stream: `event`, `id`.
    pub headers: Vec<(String, String)>,
    /// The content type, where the protocol has a field for it.
    pub content_type: Option<String>,
    /// The protocol's own correlation field: AMQP correlation-id, MQTT 5 correlation data.
    pub correlation: Option<String>,
    /// Where an answer is wanted, where the protocol has a field for it: AMQP reply-to, MQTT 5 response topic, NATS reply.
    pub reply_to: Option<String>,
    /// The key of a Kafka record.
    pub key: Option<String>,
    /// The payload.
    #[serde(with = "as_base64")]
    pub payload: Vec<u8>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("bytes", &self.payload.len()).finish_non_exhaustive()
    }
}

/// How far a subscription has come, where its broker keeps what comes: it goes on behind that in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The part of the channel, of one that has several: the partition of a topic.
    pub part: String,
    /// The place in it, in words of the protocol: an offset, the id of an event.
    pub at: String,
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number in the subscription.
    pub delivery: DeliveryId,
    /// The address that it came by, where the subscription is a pattern.
    pub address: String,
    /// `true` if it was stored before the subscription: retained, queued.
    pub is_stored: bool,
    /// `true` if the broker says that it was delivered before.
    pub is_redelivered: bool,
    /// How far the subscription has come with it, where its broker keeps what comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// The message.
    pub message: Message,
}

/// What a run asks of its channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelRequest {
    /// Begin to listen; answered by `Subscribed` or `Lost`.
    Subscribe {
        /// The subscription, which all that comes of it names.
        subscription: SubscriptionId,
        /// The channel.
        channel: Channel,
        /// The time that connecting may take, in ms.
        timeout_ms: Millis,
        /// Bytes of a payload at most; a larger message is `Lost`.
        message_bytes: u64,
        /// Where it goes on; empty where it begins.
        after: Vec<Mark>,
    },
    /// Send a message; answered by `Sent` when the protocol has accepted it, or why not.
    Send {
        /// The call.
        call: CallId,
        /// The channel.
        channel: Channel,
        /// The message.
        message: Message,
        /// The time that it may take, in ms.
        timeout_ms: Millis,
        /// Bytes of a payload at most that its connection reads.
        message_bytes: u64,
    },
    /// A message was judged: it is taken (`true`), or goes back when the subscription ends.
    Acknowledge {
        /// The subscription.
        subscription: SubscriptionId,
        /// The message.
        delivery: DeliveryId,
    },
    /// Listen no more. What was not acknowledged goes back.
    Unsubscribe(SubscriptionId),
}

/// What a run hears of its channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelInput {
    /// How far a subscription has come before it brings anything, where its broker keeps what comes.
    Placed {
        /// The subscription.
        subscription: SubscriptionId,
        /// The place in each part.
        marks: Vec<Mark>,
    },
    /// From now on no message is missed.
    Subscribed(SubscriptionId),
    /// A message came.
    Received {
        /// The subscription.
        subscription: SubscriptionId,
        /// The message.
        delivery: Delivery,
    },
    /// A subscription is no more, or did not come about. `connection-lost`, a refused credential, a host that may not be
    /// connected to are kinds of [`Failure`].
    Lost {
        /// The subscription.
        subscription: SubscriptionId,
        /// The reason.
        failure: Failure,
    },
    /// A send ended.
    Sent {
        /// The call.
        call: CallId,
        /// Accepted by the protocol, or why not; in doubt if it may have been.
        result: Result<(), Failure>,
    },
}
