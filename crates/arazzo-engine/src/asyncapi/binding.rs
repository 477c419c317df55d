//! Bindings: what a description asks of a protocol, and which of it can be. What is not honoured is refused by its name.

use super::protocol::Protocol;
use crate::value::{Json, Map};

/// What the value of a binding can be.
#[derive(Clone, Copy)]
enum Kind {
    /// Anything: it describes, and asks for nothing.
    Described,
    /// A schema, where a value would not be honoured.
    Schema,
    Flag,
    /// A whole number from the first to the second.
    Whole(u64, u64),
    Text,
    /// A text for which the protocol has 255 bytes.
    Short,
    /// A list of texts.
    Texts,
    Word(&'static [&'static str]),
    Object(&'static [(&'static str, Self)]),
}

type Known = (&'static str, Kind);

/// Seconds as MQTT writes them.
const SECONDS: Kind = Kind::Whole(0, u32::MAX as u64);

const WS: &[Known] = &[("method", Kind::Word(&["GET"])), ("query", Kind::Described), ("headers", Kind::Described)];
const HTTP: &[Known] = &[
    ("type", Kind::Described),
    ("query", Kind::Described),
    ("headers", Kind::Described),
    ("statusCode", Kind::Described),
];
const HTTP_SENT: &[Known] = &[("method", Kind::Word(&["POST", "PUT", "PATCH"]))];
const HTTP_STREAM: &[Known] = &[("method", Kind::Word(&["GET"]))];
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
    ("groupId", Kind::Described),
    // Any client id fits a schema of one; a run has its own.
    ("clientId", Kind::Schema),
];
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
    /// What a value has to be, where it is not: the way to it, and the words.
    fn refuses(self, value: &Json) -> Option<(Option<String>, String)> {
        let own = |words: String| Some((None, words));
        match self {
            Self::Schema if value.is_string() => own("a schema: a value is not honoured".to_owned()),
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
            Self::Word(words) if !value.as_str().is_some_and(|text| words.contains(&text)) => match words {
                [only] => own(format!("{only} here")),
                words => own(format!("one of {}", words.join(", "))),
            },
            Self::Object(known) => {
                let Some(members) = value.as_object() else { return own("an object".to_owned()) };
                members.iter().filter(|(_, value)| !value.is_null()).find_map(|(name, value)| {
                    match known.iter().find(|(word, _)| *word == name.as_str()) {
                        Some((_, kind)) => kind.refuses(value).map(|(_, words)| (Some(name.clone()), words)),
                        None => Some((Some(name.clone()), String::new())),
                    }
                })
            }
            _ => None,
        }
    }
}

/// A binding that cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// Its name, and that of the member of it that is meant.
    pub(crate) at: Vec<String>,
    /// What it has to be; nothing if it is not known.
    pub(crate) wanted: Option<String>,
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
            (Self::Kafka | Self::KafkaSecure, _) => &[KAFKA],
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
                return Some(Unfit { at: vec![name.clone()], wanted: None });
            };
            let (below, wanted) = kind.refuses(value)?;
            let wanted = Some(wanted).filter(|wanted| !wanted.is_empty());
            Some(Unfit { at: [name.clone()].into_iter().chain(below).collect(), wanted })
        });
        unfit.collect()
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
