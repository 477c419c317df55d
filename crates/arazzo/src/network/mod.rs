//! Bytes out, by policy: a request becomes an answer, on a connection to an address that may be called.
//!
//! The client is behind the feature `http`: whoever embeds the library with a transport of their own builds none of
//! hyper, TLS and the content codings.

#[cfg(feature = "channel")]
pub(crate) mod channel;
#[cfg(feature = "http")]
pub(crate) mod coding;
#[cfg(feature = "http")]
pub(crate) mod connect;
#[cfg(feature = "http")]
mod heard;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod options;
#[cfg(feature = "http")]
pub(crate) mod pool;
pub(crate) mod shared;
#[cfg(feature = "http")]
pub(crate) mod tls;

use std::sync::Arc;

use arazzo_engine::machine::message::Protocol;

use crate::policy::hosts::Hosts;
use crate::transport::Transport;
use shared::SharedNetwork;

/// The text of a header: UTF-8, or Latin-1, in which all bytes are characters (RFC 9110, 5.5).
#[cfg(feature = "http")]
pub(crate) fn header_text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

/// `true` if this build can send requests by itself.
pub(crate) const HAS_CLIENT: bool = cfg!(feature = "http");

/// Headers that the client of this build adds to requests that have no own of the name.
pub(crate) fn usual_headers() -> Vec<(String, String)> {
    #[cfg(feature = "http")]
    let headers = &http::USUAL_HEADERS[..];
    #[cfg(not(feature = "http"))]
    let headers: &[(&str, &str)] = &[];
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The client of this build, which asks `hosts` about each request and the address that it goes to.
///
/// # Errors
/// The part of `network` that cannot be used, or that this build has no client.
#[cfg(feature = "http")]
pub(crate) fn client(network: &SharedNetwork, hosts: Hosts) -> Result<Arc<dyn Transport>, String> {
    Ok(Arc::new(http::Http::new(network.pool()?, hosts)))
}

/// The feature of this build that a protocol needs, and whether it is on.
pub(crate) fn channel_feature(protocol: Protocol) -> (&'static str, bool) {
    match protocol {
        Protocol::Ws | Protocol::Wss => ("channel-ws", cfg!(feature = "channel-ws")),
        Protocol::Http | Protocol::Https => ("channel-http", cfg!(feature = "channel-http")),
        Protocol::Mqtt | Protocol::Mqtt5 | Protocol::SecureMqtt => ("channel-mqtt", cfg!(feature = "channel-mqtt")),
        Protocol::Nats => ("channel-nats", cfg!(feature = "channel-nats")),
        Protocol::Amqp | Protocol::Amqps => ("channel-amqp", cfg!(feature = "channel-amqp")),
        Protocol::Kafka | Protocol::KafkaSecure => ("channel-kafka", cfg!(feature = "channel-kafka")),
    }
}

/// The protocols that this build does not speak, each with what has it.
pub(crate) fn absent_protocols() -> Vec<(Protocol, String)> {
    let all = Protocol::ALL.iter().copied();
    let absent = all.filter_map(|protocol| match channel_feature(protocol) {
        (_, true) => None,
        (feature, false) => Some((protocol, format!("the feature `{feature}`"))),
    });
    absent.collect()
}

/// The brokers of this build, to which connections go where `hosts` lets them; they listen for `webhooks` if any are received.
///
/// # Errors
/// The part of `network` that cannot be used.
#[cfg(feature = "channel")]
pub(crate) fn channel_client(
    network: &SharedNetwork,
    hosts: Hosts,
    webhooks: bool,
) -> Result<Arc<dyn crate::channel::Channels>, String> {
    Ok(Arc::new(channel::Brokers::new(network, hosts, webhooks)?))
}

#[cfg(not(feature = "http"))]
pub(crate) fn client(_: &SharedNetwork, _: Hosts) -> Result<Arc<dyn Transport>, String> {
    Err("this build of the library sends no requests by itself: give it a transport, or turn on its feature `http`"
        .to_owned())
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use super::header_text;

    #[test]
    fn a_header_is_utf_8_or_else_latin_1() {
        for (bytes, text) in
            [(&b"plain"[..], "plain"), (b"caf\xe9", "café"), (b"\xa3 5", "£ 5"), ("日 é".as_bytes(), "日 é")]
        {
            assert_eq!(header_text(bytes), text);
        }
    }
}
