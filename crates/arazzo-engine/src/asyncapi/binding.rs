//! Bindings: what a description asks of a protocol, and which of it can be. What is not honoured is refused by its name.

use super::protocol::Protocol;
use crate::value::{Json, Map};

/// What the value of a binding can be.
#[derive(Clone, Copy)]
enum Kind {
    /// Anything: it describes, and asks for nothing.
    Described,
    /// A schema, where a value would not be honoured, for this reason.
    Schema(&'static str),
    /// Nothing that is done here, for this reason.
    Never(&'static str),
    Flag,
    /// A whole number from the first to the second.
    Whole(u64, u64),
    Text,
    /// A text for which the protocol has 255 bytes.
    Short,
    /// A list of texts.
    Texts,
    Word(&'static [&'static str]),
    /// One word, and what else it says of it.
    One(&'static str, &'static str),
    Object(&'static [(&'static str, Self)]),
}

type Known = (&'static str, Kind);

/// Seconds as MQTT writes them.
const SECONDS: Kind = Kind::Whole(0, u32::MAX as u64);

const HANDSHAKE: Kind = Kind::One("GET", "as every handshake of a WebSocket is one (RFC 6455, 4.1)");
const WS: &[Known] = &[("method", HANDSHAKE), ("query", Kind::Described), ("headers", Kind::Described)];
const HTTP: &[Known] = &[
    ("type", Kind::Described),
    ("query", Kind::Described),
    ("headers", Kind::Described),
    ("statusCode", Kind::Described),
];
const HTTP_SENT: &[Known] = &[("method", Kind::Word(&["POST", "PUT", "PATCH"]))];
const HTTP_STREAM: &[Known] = &[("method", Kind::One("GET", "by which event streams are asked for (HTML, 9.2)"))];
const MQTT: &[Known] = &[("qos", Kind::Whole(0, 2)), ("retain", Kind::Flag)];
const MQTT5: &[Known] = &[
    ("messageExpiryInterval", SECONDS),
    ("payloadFormatIndicator", Kind::Whole(0, 1)),
    ("correlationData", Kind::Described),
    ("contentType", Kind::Text),
    ("responseTopic", Kind::Text),
];
const NATS: &[Known] = &[("queue", Kind::Short)];
const KAFKA: &[Known] = &[
    ("topic", Kind::Text),
    ("partitions", Kind::Described),
    ("replicas", Kind::Described),
    ("topicConfiguration", Kind::Described),
    ("key", Kind::Described),
    // Any client id fits a schema of one.
    ("clientId", Kind::Schema("a run has a client id of its own")),
    ("schemaIdLocation", Kind::Never("ids of a schema registry are not put into messages here")),
    ("schemaIdPayloadEncoding", Kind::Described),
    ("schemaLookupStrategy", Kind::Described),
    ("schemaRegistryUrl", Kind::Described),
    ("schemaRegistryVendor", Kind::Described),
];
// The group is that of whoever listens.
const KAFKA_SENT: &[Known] = &[("groupId", Kind::Described)];
const KAFKA_HEARD: &[Known] =
    &[("groupId", Kind::Schema("a run reads the topic by itself, and takes nothing from a group"))];
const EXCHANGE: &[Known] = &[
    ("name", Kind::Short),
    ("type", Kind::Short),
    ("durable", Kind::Flag),
    ("autoDelete", Kind::Flag),
    ("vhost", Kind::Short),
];
const QUEUE: &[Known] = &[
    ("name", Kind::Short),
    ("durable", Kind::Flag),
    ("exclusive", Kind::Flag),
    ("autoDelete", Kind::Flag),
    ("vhost", Kind::Short),
];
const AMQP: &[Known] = &[
    ("is", Kind::Word(&["queue", "routingKey"])),
    ("exchange", Kind::Object(EXCHANGE)),
    ("queue", Kind::Object(QUEUE)),
    ("expiration", Kind::Whole(0, u64::MAX)),
    ("userId", Kind::Short),
    ("cc", Kind::Texts),
    ("bcc", Kind::Texts),
    ("priority", Kind::Whole(0, 255)),
    ("deliveryMode", Kind::Whole(1, 2)),
    ("mandatory", Kind::Flag),
    ("replyTo", Kind::Short),
    ("timestamp", Kind::Flag),
    ("ack", Kind::Flag),
    ("contentEncoding", Kind::Short),
    ("messageType", Kind::Short),
];

impl Kind {
    /// Why a value cannot be: the way to it, and the reason.
    fn refuses(self, value: &Json) -> Option<(Option<String>, Reason)> {
        let own = |words: String| Some((None, Reason::Wanted(words)));
        match self {
            Self::Schema(why) if value.is_string() => Some((None, Reason::Never(why))),
            Self::Never(why) => Some((None, Reason::Never(why))),
            Self::One(word, what) if value.as_str() != Some(word) => own(format!("{word}, {what}")),
            Self::Flag if value.as_bool().is_none() => own("true or false".to_owned()),
            Self::Whole(least, most) if !value.as_u64().is_some_and(|number| (least..=most).contains(&number)) => {
                match most {
                    u64::MAX => own("a whole number".to_owned()),
                    most => own(format!("a whole number from {least} to {most}")),
                }
            }
            Self::Text | Self::Short if !value.is_string() => own("a text".to_owned()),
            Self::Short if value.as_str().is_some_and(|text| text.len() > 255) => {
                own("a text of 255 bytes at most".to_owned())
            }
            Self::Texts if !value.as_array().is_some_and(|items| items.iter().all(Json::is_string)) => {
                own("a list of texts".to_owned())
            }
            Self::Word(words) if !value.as_str().is_some_and(|text| words.contains(&text)) => {
                own(format!("one of {}", words.join(", ")))
            }
            Self::Object(known) => {
                let Some(members) = value.as_object() else { return own("an object".to_owned()) };
                members.iter().filter(|(_, value)| !value.is_null()).find_map(|(name, value)| {
                    match known.iter().find(|(word, _)| *word == name.as_str()) {
                        Some((_, kind)) => kind.refuses(value).map(|(_, reason)| (Some(name.clone()), reason)),
                        None => Some((Some(name.clone()), Reason::Unknown)),
                    }
                })
            }
            _ => None,
        }
    }
}

/// Why a binding cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is not known.
    Unknown,
    /// It has to be something else.
    Wanted(String),
    /// It is known, and is not done.
    Never(&'static str),
}

/// A binding that cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// Its name, and that of the member of it that is meant.
    pub(crate) at: Vec<String>,
    pub(crate) reason: Reason,
}

impl Unfit {
    /// What is wrong with it.
    pub(crate) fn words(&self, protocol: Protocol) -> String {
        let name = self.at.join(".");
        match &self.reason {
            Reason::Unknown => {
                format!("the binding `{name}` of `{protocol}` is not known, and what it asks for would not be done")
            }
            Reason::Wanted(wanted) => format!("the binding `{name}` of `{protocol}` has to be {wanted}"),
            Reason::Never(why) => format!("the binding `{name}` of `{protocol}` is not honoured: {why}"),
        }
    }
}

impl Protocol {
    /// The names under which a description writes what it asks of this protocol.
    #[must_use]
    pub(crate) fn binding_names(self) -> &'static [&'static str] {
        match self {
            // What is written for one version stands for the other.
            Self::Mqtt5 => &["mqtt", "mqtt5"],
            Self::Mqtt | Self::SecureMqtt => &["mqtt"],
            Self::Ws | Self::Wss => &["ws"],
            Self::Http | Self::Https => &["http"],
            Self::Kafka | Self::KafkaSecure => &["kafka"],
            Self::Nats => &["nats"],
            Self::Amqp | Self::Amqps => &["amqp"],
        }
    }

    fn known_bindings(self, sends: bool) -> Vec<Known> {
        let lists: &[&[Known]] = match (self, sends) {
            (Self::Ws | Self::Wss, _) => &[WS],
            (Self::Http | Self::Https, true) => &[HTTP, HTTP_SENT],
            (Self::Http | Self::Https, false) => &[HTTP, HTTP_STREAM],
            (Self::Mqtt | Self::SecureMqtt, _) => &[MQTT],
            (Self::Mqtt5, _) => &[MQTT, MQTT5],
            (Self::Nats, _) => &[NATS],
            (Self::Amqp | Self::Amqps, _) => &[AMQP],
            (Self::Kafka | Self::KafkaSecure, true) => &[KAFKA, KAFKA_SENT],
            (Self::Kafka | Self::KafkaSecure, false) => &[KAFKA, KAFKA_HEARD],
        };
        lists.concat()
    }

    /// `true` for a binding that asks for something. Extensions, versions and schemas that describe do not, nor does what no
    /// message of this version of the protocol carries.
    #[must_use]
    pub(crate) fn asks(self, name: &str, value: &Json) -> bool {
        let is_older = matches!(self, Self::Mqtt | Self::SecureMqtt);
        let describes = (is_older || self == Self::Mqtt5) && value.is_object();
        let is_newer = is_older && MQTT5.iter().any(|(known, _)| *known == name);
        !(name == "bindingVersion" || name.starts_with("x-") || value.is_null() || describes || is_newer)
    }

    /// The names of bindings that this protocol knows, of what is sent or of what is listened to.
    #[must_use]
    pub(crate) fn bindings_known(self, sends: bool) -> Vec<&'static str> {
        self.known_bindings(sends).into_iter().map(|(name, _)| name).collect()
    }

    /// The bindings that cannot be, of those that a description writes for this protocol in one place.
    #[must_use]
    pub(crate) fn unfit_bindings<'j>(
        self,
        members: impl IntoIterator<Item = (&'j String, &'j Json)>,
        sends: bool,
    ) -> Vec<Unfit> {
        let known = self.known_bindings(sends);
        let members = members.into_iter().filter(|(name, value)| self.asks(name, value));
        let unfit = members.filter_map(|(name, value)| {
            let Some((_, kind)) = known.iter().find(|(word, _)| *word == name.as_str()) else {
                return Some(Unfit { at: vec![name.clone()], reason: Reason::Unknown });
            };
            let (below, reason) = kind.refuses(value)?;
            Some(Unfit { at: [name.clone()].into_iter().chain(below).collect(), reason })
        });
        unfit.collect()
    }

    /// Why a connection cannot do what bindings ask for, in words: the first that cannot be, of what is sent or of what is
    /// listened to.
    #[must_use]
    pub fn refuses_bindings(self, bindings: &Map<String, Json>, sends: bool) -> Option<String> {
        let unfit = self.unfit_bindings(bindings, sends).into_iter().next().map(|unfit| unfit.words(self));
        unfit.or_else(|| self.unfit_together(bindings).map(|(_, words)| words.to_owned()))
    }

    /// Why bindings that are right one by one cannot be together.
    #[must_use]
    pub(crate) fn unfit_together(self, bindings: &Map<String, Json>) -> Option<(&'static str, &'static str)> {
        let is = bindings.get("is").and_then(Json::as_str);
        let exchange = bindings.get("exchange").and_then(|exchange| exchange.get("name")).and_then(Json::as_str);
        let nowhere = matches!(self, Self::Amqp | Self::Amqps) && is == Some("routingKey") && exchange.is_none();
        nowhere.then_some(("is", "the binding `is` says `routingKey`, and `exchange.name` is not there"))
    }
}
