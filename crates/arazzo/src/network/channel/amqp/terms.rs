//! What the bindings of AMQP ask for.

use std::time::{SystemTime, UNIX_EPOCH};

use arazzo_engine::machine::Failure;
use arazzo_engine::machine::message::{Channel, Message};
use arazzo_engine::value::Json;
use lapin::BasicProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldArray, FieldTable};

use super::short;
use crate::network::channel::{binding, refusal};

/// Where messages come from and go to.
pub(super) enum Source {
    /// An exchange of this name; the empty one sends to queues by their names.
    Exchange(String),
    Queue {
        name: String,
        /// How it is made if it is not there; else it has to be.
        declared: Option<QueueDeclareOptions>,
    },
}

/// The bindings of a channel, read.
pub(super) struct Terms {
    pub(super) source: Source,
    pub(super) acknowledges: bool,
    pub(super) mandatory: bool,
    expiration: Option<u64>,
    user: Option<String>,
    copies: [(&'static str, Vec<String>); 2],
    priority: Option<u8>,
    mode: Option<u8>,
    reply_to: Option<String>,
    timestamp: bool,
    encoding: Option<String>,
    kind: Option<String>,
}

impl Terms {
    /// # Errors
    /// The binding that is not honoured, by its name.
    pub(super) fn of(channel: &Channel, vhost: &str, sends: bool) -> Result<Self, Failure> {
        binding::check(channel, sends)?;
        let text = |name| binding::text(channel, name).map(str::to_owned);
        Ok(Self {
            source: source(channel, vhost)?,
            acknowledges: channel.bindings.get("ack").and_then(Json::as_bool).unwrap_or(true),
            mandatory: binding::flag(channel, "mandatory"),
            expiration: binding::whole(channel, "expiration"),
            user: text("userId"),
            copies: [("CC", "cc"), ("BCC", "bcc")].map(|(header, name)| (header, texts(channel, name))),
            priority: binding::whole(channel, "priority"),
            mode: binding::whole(channel, "deliveryMode"),
            reply_to: text("replyTo"),
            timestamp: binding::flag(channel, "timestamp"),
            encoding: text("contentEncoding"),
            kind: text("messageType"),
        })
    }

    /// The properties of a message.
    ///
    /// # Errors
    /// The one that cannot be written, or has no place.
    pub(super) fn properties(&self, message: &Message) -> Result<BasicProperties, Failure> {
        if message.key.is_some() {
            return Err(refusal("`amqp` has no place for a key"));
        }
        let mut headers = FieldTable::default();
        for (name, value) in &message.headers {
            headers.insert(short(name, &format!("header `{name}`"))?, AMQPValue::LongString(value.as_str().into()));
        }
        for (name, copies) in self.copies.iter().filter(|(_, copies)| !copies.is_empty()) {
            let copies = copies.iter().map(|copy| AMQPValue::LongString(copy.as_str().into())).collect::<Vec<_>>();
            headers.insert(short(name, name)?, AMQPValue::FieldArray(FieldArray::from(copies)));
        }
        let mut properties = BasicProperties::default().with_headers(headers);
        if let Some(content_type) = &message.content_type {
            properties = properties.with_content_type(short(content_type, "content type")?);
        }
        if let Some(correlation) = &message.correlation {
            properties = properties.with_correlation_id(short(correlation, "correlation id")?);
        }
        if let Some(reply_to) = message.reply_to.as_ref().or(self.reply_to.as_ref()) {
            properties = properties.with_reply_to(short(reply_to, "address to answer to")?);
        }
        if let Some(ms) = self.expiration {
            properties = properties.with_expiration(short(&ms.to_string(), "binding `expiration`")?);
        }
        if let Some(user) = &self.user {
            properties = properties.with_user_id(short(user, "binding `userId`")?);
        }
        if let Some(priority) = self.priority {
            properties = properties.with_priority(priority);
        }
        if let Some(mode) = self.mode {
            properties = properties.with_delivery_mode(mode);
        }
        if self.timestamp {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            properties = properties.with_timestamp(now.as_secs());
        }
        if let Some(encoding) = &self.encoding {
            properties = properties.with_content_encoding(short(encoding, "binding `contentEncoding`")?);
        }
        if let Some(kind) = &self.kind {
            properties = properties.with_type(short(kind, "binding `messageType`")?);
        }
        Ok(properties)
    }
}

fn source(channel: &Channel, vhost: &str) -> Result<Source, Failure> {
    let part = |name| channel.bindings.get(name).and_then(Json::as_object);
    let (exchange, queue) = (part("exchange"), part("queue"));
    for (part, what) in [(exchange, "exchange"), (queue, "queue")] {
        let other = part.and_then(|part| part.get("vhost")).and_then(Json::as_str).filter(|other| *other != vhost);
        if let Some(other) = other {
            return Err(refusal(format!(
                "the binding `{what}.vhost` is `{other}`, and the connection is to `{vhost}`"
            )));
        }
    }
    let name = |part: Option<&arazzo_engine::value::Map<String, Json>>| {
        part.and_then(|part| part.get("name")).and_then(Json::as_str).map(str::to_owned)
    };
    // The description says `routingKey` where it says nothing, but then it names an exchange.
    match (binding::text(channel, "is"), name(exchange)) {
        (None | Some("routingKey"), Some(exchange)) => Ok(Source::Exchange(exchange)),
        _ => {
            let flag = |name: &str| queue.and_then(|queue| queue.get(name)).and_then(Json::as_bool).unwrap_or(false);
            let (exclusive, auto_delete) = (flag("exclusive"), flag("autoDelete"));
            let options = QueueDeclareOptions {
                durable: flag("durable"),
                exclusive,
                auto_delete,
                ..QueueDeclareOptions::default()
            };
            // Only a queue that goes again by itself is made here.
            let declared = (exclusive || auto_delete).then_some(options);
            Ok(Source::Queue { name: name(queue).unwrap_or_else(|| channel.address.clone()), declared })
        }
    }
}

fn texts(channel: &Channel, name: &str) -> Vec<String> {
    let texts = channel.bindings.get(name).and_then(Json::as_array);
    texts.into_iter().flat_map(|texts| texts.iter()).filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
