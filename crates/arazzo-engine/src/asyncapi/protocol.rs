//! The protocols of channels: what each is called, and what it can carry.

use crate::string_enum::string_enum;

string_enum! {
    /// A protocol of `servers[].protocol` that can be spoken.
    pub enum Protocol: "protocol" {
        /// WebSocket.
        Ws = "ws",
        /// WebSocket over TLS.
        Wss = "wss",
        /// A stream of server-sent events; a send is a POST.
        Http = "http",
        /// As `http`, over TLS.
        Https = "https",
        /// MQTT 3.1.1.
        Mqtt = "mqtt",
        /// MQTT 5.
        Mqtt5 = "mqtt5",
        /// MQTT 3.1.1 over TLS.
        SecureMqtt = "secure-mqtt",
        /// Kafka.
        Kafka = "kafka",
        /// Kafka over TLS.
        KafkaSecure = "kafka-secure",
        /// NATS, core.
        Nats = "nats",
        /// AMQP 0-9-1.
        Amqp = "amqp",
        /// AMQP 0-9-1 over TLS.
        Amqps = "amqps",
    }
}

impl Protocol {
    /// The protocol of a word, of a document or the scheme of a url, with its version.
    #[must_use]
    pub fn of(word: &str, version: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "mqtt" if version.starts_with('5') => Self::Mqtt5,
            "mqtts" => Self::SecureMqtt,
            "sse" => Self::Http,
            // AMQP 1.0 is another protocol of the same name.
            "amqp" | "amqps" if version.starts_with('1') => return None,
            word => word.parse().ok()?,
        })
    }

    /// `true` for the same protocol in another version, or with or without TLS.
    #[must_use]
    pub(crate) fn is_akin(self, other: Self) -> bool {
        let name = |protocol: Self| protocol.binding_names().first().copied();
        name(self) == name(other)
    }

    /// The port where none is written.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Ws | Self::Http => 80,
            Self::Wss | Self::Https => 443,
            Self::Mqtt | Self::Mqtt5 => 1883,
            Self::SecureMqtt => 8883,
            Self::Kafka | Self::KafkaSecure => 9092,
            Self::Nats => 4222,
            Self::Amqp => 5672,
            Self::Amqps => 5671,
        }
    }

    /// `true` where what connects is a url with a path and a query, and the address is a part of its path.
    #[must_use]
    pub const fn is_web(self) -> bool {
        matches!(self, Self::Ws | Self::Wss | Self::Http | Self::Https)
    }

    /// `true` where messages have headers.
    #[must_use]
    pub const fn has_headers(self) -> bool {
        !matches!(self, Self::Ws | Self::Wss | Self::Mqtt | Self::SecureMqtt)
    }

    /// `true` where the protocol has a field of its own for the id that relates messages.
    #[must_use]
    pub const fn has_correlation(self) -> bool {
        matches!(self, Self::Mqtt5 | Self::Amqp | Self::Amqps)
    }

    /// `true` where what is sent may come back to whoever sent it: that is no answer.
    #[must_use]
    pub const fn echoes(self) -> bool {
        !self.is_web()
    }

    /// `true` where a message has a field of its own for the address that its answer is to come to.
    #[must_use]
    pub const fn has_reply_to(self) -> bool {
        matches!(self, Self::Mqtt5 | Self::Nats | Self::Amqp | Self::Amqps)
    }

    /// What separates the levels of an address, whether a subscription can leave one open or not.
    #[must_use]
    pub(crate) const fn separator(self) -> char {
        match self.wildcard() {
            Some((_, separator)) => separator,
            None if self.is_web() => '/',
            None => '.',
        }
    }

    /// What stands for one level of an address in a subscription, and what separates levels; nothing where a subscription
    /// names one address.
    #[must_use]
    pub const fn wildcard(self) -> Option<(&'static str, char)> {
        match self {
            Self::Mqtt | Self::Mqtt5 | Self::SecureMqtt => Some(("+", '/')),
            Self::Nats | Self::Amqp | Self::Amqps => Some(("*", '.')),
            Self::Ws | Self::Wss | Self::Http | Self::Https | Self::Kafka | Self::KafkaSecure => None,
        }
    }

    /// What stands in a subscription for a part of an address that is not known, between what is before and behind it; nothing
    /// where that is no whole level.
    #[must_use]
    pub fn open_level(self, before: &str, behind: &str) -> Option<&'static str> {
        let (wildcard, separator) = self.wildcard()?;
        let is_edge = |next: Option<char>| next.is_none_or(|next| next == separator);
        (is_edge(before.chars().next_back()) && is_edge(behind.chars().next())).then_some(wildcard)
    }

    /// `true` if a parameter of an address can be left open in a subscription, wherever it stands.
    #[must_use]
    pub fn leaves_open(self, address: &str, name: &str) -> bool {
        let braced = format!("{{{name}}}");
        let mut places = address.match_indices(&braced);
        places.all(|(at, _)| {
            let (before, behind) = (address.get(..at), address.get(at + braced.len()..));
            self.open_level(before.unwrap_or_default(), behind.unwrap_or_default()).is_some()
        })
    }
}
