//! Channels against real brokers: each protocol subscribes, sends, receives; what is stored, what comes back, what is
//! refused, what is lost. Servers are processes of this test on free ports of this machine, or in it. One that is not
//! installed is said to be skipped, or is a fault where `ARAZZO_REQUIRE_BROKERS` is set, as `.ci/run` does.

#[cfg(feature = "channel-amqp")]
mod amqp;
mod brokers;
mod every;
#[cfg(feature = "channel-kafka")]
mod kafka;
#[cfg(feature = "channel-mqtt")]
mod mqtt;
#[cfg(feature = "channel-nats")]
mod nats;
mod runs;
#[cfg(feature = "channel-http")]
mod sse;
mod streams;
#[cfg(feature = "channel-ws")]
mod webhooks;
mod ws;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arazzo::messages::{Channel, ChannelInput, ChannelRequest, Delivery, Login, Message, Protocol, SubscriptionId};
use arazzo::values::Json;
use arazzo::{CallId, ChannelLink, Channels, Failure, FailureKind, Network};
use tokio::runtime::Runtime;

/// How long a broker may take for anything; reached only where a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

/// The channels to one broker.
fn channels(network: Network, host: &str) -> Arc<dyn Channels> {
    network.shared().channels([host]).unwrap()
}

/// A channel without anything that is not said.
fn channel(protocol: Protocol, host: &str, address: &str) -> Channel {
    Channel {
        protocol,
        host: host.to_owned(),
        path: String::new(),
        query: vec![],
        headers: vec![],
        address: address.to_owned(),
        login: None,
        proof: None,
        bindings: arazzo::values::Map::new(),
        hook: None,
        opening: None,
    }
}

fn bound(mut channel: Channel, bindings: Json) -> Channel {
    channel.bindings = bindings.as_object().unwrap().clone();
    channel
}

fn password(user: &str, password: &str) -> Option<Login> {
    Some(Login::Password { user: user.to_owned(), password: password.to_owned() })
}

fn text(payload: &str) -> Message {
    Message { payload: payload.as_bytes().to_vec(), ..Message::default() }
}

fn payload(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.message.payload).unwrap()
}

/// A run, as its channels see it.
struct Peer {
    link: Option<Box<dyn ChannelLink>>,
    heard: VecDeque<ChannelInput>,
    next: u64,
}

impl Peer {
    fn new(channels: &Arc<dyn Channels>) -> Self {
        Self { link: Some(channels.open()), heard: VecDeque::new(), next: 0 }
    }

    fn request(&mut self, request: ChannelRequest) {
        let _entered = runtime().enter();
        self.link.as_mut().unwrap().request(request);
    }

    /// The first input that `of` wants; the others stay.
    fn wait<T>(&mut self, what: &str, of: impl Fn(&ChannelInput) -> Option<T>) -> T {
        if let Some(at) = self.heard.iter().position(|input| of(input).is_some()) {
            return of(&self.heard.remove(at).unwrap()).unwrap();
        }
        let link = self.link.as_mut().unwrap();
        let heard = &mut self.heard;
        let look = async {
            loop {
                let input = link.next().await;
                match of(&input) {
                    Some(found) => return found,
                    None => heard.push_back(input),
                }
            }
        };
        let found = runtime().block_on(async { tokio::time::timeout(PATIENCE, look).await });
        found.unwrap_or_else(|_| panic!("{what} did not come; what came: {:?}", self.heard))
    }

    fn subscribe(&mut self, channel: &Channel) -> Result<SubscriptionId, Failure> {
        self.subscribe_with(channel, 15_000, 1 << 20)
    }

    fn subscribe_with(
        &mut self,
        channel: &Channel,
        timeout_ms: u64,
        message_bytes: u64,
    ) -> Result<SubscriptionId, Failure> {
        self.next += 1;
        let id = SubscriptionId(self.next);
        let channel = channel.clone();
        self.request(ChannelRequest::Subscribe { subscription: id, channel, timeout_ms, message_bytes, after: vec![] });
        self.wait("the subscription", |input| match input {
            ChannelInput::Subscribed(subscription) if *subscription == id => Some(Ok(id)),
            ChannelInput::Lost { subscription, failure } if *subscription == id => Some(Err(failure.clone())),
            _ => None,
        })
    }

    fn send(&mut self, channel: &Channel, message: Message) -> Result<(), Failure> {
        self.next += 1;
        let id = CallId(self.next);
        let channel = channel.clone();
        self.request(ChannelRequest::Send { call: id, channel, message, timeout_ms: 15_000, message_bytes: 1 << 20 });
        self.wait("the end of a send", |input| match input {
            ChannelInput::Sent { call, result } if *call == id => Some(result.clone()),
            _ => None,
        })
    }

    fn receive(&mut self, id: SubscriptionId) -> Delivery {
        self.wait("a message", |input| match input {
            ChannelInput::Received { subscription, delivery } if *subscription == id => Some(delivery.clone()),
            ChannelInput::Lost { subscription, failure } if *subscription == id => panic!("lost: {}", failure.message),
            _ => None,
        })
    }

    fn lost(&mut self, id: SubscriptionId) -> Failure {
        self.wait("the loss", |input| match input {
            ChannelInput::Lost { subscription, failure } if *subscription == id => Some(failure.clone()),
            _ => None,
        })
    }

    fn close(mut self) {
        runtime().block_on(self.link.take().unwrap().close());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _entered = runtime().enter();
        drop(self.link.take());
    }
}

/// Where nobody listens.
fn nowhere() -> String {
    crate::server::unreachable_url().trim_start_matches("http://").to_owned()
}

/// A broker that is not there, and one that may not be called, for a protocol.
fn absent_and_denied(channel: impl Fn(&str) -> Channel) {
    let host = nowhere();
    let mut peer = Peer::new(&channels(Network::default(), &host));
    let absent = peer.subscribe(&channel(&host)).unwrap_err();
    assert_eq!((absent.kind, absent.in_doubt), (FailureKind::Connect, false), "{}", absent.message);
    assert!(absent.message.contains(&host), "{}", absent.message);
    let unsent = peer.send(&channel(&host), text("x")).unwrap_err();
    assert_eq!((unsent.kind, unsent.in_doubt), (FailureKind::Connect, false), "{}", unsent.message);

    let mut peer = Peer::new(&channels(Network::default(), "other.example"));
    let denied = peer.subscribe(&channel(&host)).unwrap_err();
    assert_eq!((denied.kind, denied.in_doubt), (FailureKind::Refused, false), "{}", denied.message);
    assert!(denied.message.contains("may not be called"), "{}", denied.message);

    let mut peer = Peer::new(&channels(Network::default(), "broker.example"));
    let open = Channel { login: password("me", "s3cret"), ..channel("broker.example:1") };
    // Of NATS, the server says first whether it is to be secure.
    if open.protocol != Protocol::Nats {
        let open = peer.subscribe(&open).unwrap_err();
        assert_eq!(open.kind, FailureKind::Refused, "{}", open.message);
        assert!(open.message.contains("not encrypted") && !open.message.contains("s3cret"), "{}", open.message);
    }
}

/// A subscription at a broker that stands still ends in its time, and the connection goes on.
fn stands_still(broker: &brokers::Broker, channel: &Channel) {
    let channels = channels(Network::default(), &channel.host);
    let mut peer = Peer::new(&channels);
    peer.subscribe(channel).unwrap();
    let other = Channel { address: "other".to_owned(), ..channel.clone() };
    broker.signal("STOP");
    let late = peer.subscribe_with(&other, 200, 1 << 20);
    broker.signal("CONT");
    let late = late.unwrap_err();
    assert_eq!(late.kind, FailureKind::Timeout, "{}", late.message);
    assert!(late.message.contains(&channel.host) && late.message.contains("in time"), "{}", late.message);
    let heard = peer.subscribe(&other).unwrap();
    Peer::new(&channels).send(&other, text("after")).unwrap();
    assert_eq!(payload(&peer.receive(heard)), "after");
}

/// A connection that ended, with its address.
fn is_lost(failure: &Failure, host: &str) {
    assert_eq!(failure.kind, FailureKind::ConnectionLost, "{}", failure.message);
    assert!(failure.message.contains(host) && failure.message.contains("was lost"), "{}", failure.message);
}

#[test]
fn a_protocol_that_is_not_built_in_says_which_feature_it_lacks() {
    let features = [
        (Protocol::Ws, "channel-ws", cfg!(feature = "channel-ws")),
        (Protocol::Http, "channel-http", cfg!(feature = "channel-http")),
        (Protocol::Mqtt5, "channel-mqtt", cfg!(feature = "channel-mqtt")),
        (Protocol::Nats, "channel-nats", cfg!(feature = "channel-nats")),
        (Protocol::Amqp, "channel-amqp", cfg!(feature = "channel-amqp")),
        (Protocol::KafkaSecure, "channel-kafka", cfg!(feature = "channel-kafka")),
    ];
    let host = nowhere();
    let mut peer = Peer::new(&channels(Network::default(), &host));
    for (protocol, feature, is_built_in) in features {
        let failure = peer.subscribe(&channel(protocol, &host, "a")).unwrap_err();
        let says = failure.kind == FailureKind::Protocol && failure.message.contains(feature);
        assert_eq!(says, !is_built_in, "{}", failure.message);
    }
}
