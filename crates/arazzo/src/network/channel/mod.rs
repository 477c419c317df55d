//! Brokers: a message becomes bytes on a connection to an address that may be called, and what comes on it becomes
//! messages. A file a protocol; what they share is here, in `desk.rs` and in `binding.rs`.
//!
//! Each connection is a task, which ends with it and never connects again, but where its protocol says where to go on
//! (Kafka, event streams). It belongs to one run.

#[cfg(feature = "channel-amqp")]
mod amqp;
mod binding;
#[cfg(feature = "channel-amqp")]
mod bridge;
mod desk;
#[cfg(feature = "channel-http")]
mod http;
#[cfg(feature = "channel-kafka")]
mod kafka;
#[cfg(feature = "channel-mqtt")]
mod mqtt;
#[cfg(feature = "channel-nats")]
mod nats;
#[cfg(feature = "channel-http")]
mod webhook;
#[cfg(feature = "channel-ws")]
mod ws;

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arazzo_engine::limits::plain_host;
use arazzo_engine::machine::message::{Channel, ChannelInput, ChannelRequest, Login, Protocol, SubscriptionId};
use arazzo_engine::machine::{CallId, Failure, FailureKind};
#[cfg(any(feature = "channel-ws", feature = "channel-http"))]
use base64::Engine as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::channel::{ChannelLink, Channels};
use crate::network::channel_feature;
use crate::network::connect::{ConnectError, Connector, Stream, Target};
use crate::network::shared::SharedNetwork;
use crate::policy::hosts::{Hosts, is_this_machine};
use crate::runtime;
use crate::transport::Pending;
use desk::{Desk, Order, SendOrder, SubscribeOrder};

/// The messages that wait for a run to take them, of all its connections; then these read no further.
const WAITING: usize = 64;

/// How long brokers may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Brokers over one network, those that `hosts` lets be called.
pub(crate) struct Brokers(Arc<Way>);

/// The way to brokers: what opens connections, and where to.
struct Way {
    connector: Connector,
    hosts: Hosts,
    /// What webhooks come to; none after it was taken.
    #[cfg_attr(not(feature = "channel-http"), expect(dead_code, reason = "webhooks come over HTTP"))]
    listener: Mutex<Option<TcpListener>>,
}

impl Brokers {
    /// # Errors
    /// The part of the network that cannot be used.
    pub(crate) fn new(network: &SharedNetwork, hosts: Hosts, webhooks: bool) -> Result<Self, String> {
        let listener = Mutex::new(if webhooks { listener(network)? } else { None });
        Ok(Self(Arc::new(Way { connector: network.pool()?.connector().clone(), hosts, listener })))
    }
}

/// What webhooks come to, if that was asked for: at an address that only this machine reaches.
fn listener(network: &SharedNetwork) -> Result<Option<TcpListener>, String> {
    let Some(address) = network.options().listen else { return Ok(None) };
    if !address.ip().is_loopback() {
        return Err(format!(
            "webhooks are listened for on this machine alone, and {address} can be reached from others"
        ));
    }
    let refused = |error: std::io::Error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(Some(listener))
}

impl Channels for Brokers {
    fn open(&self) -> Box<dyn ChannelLink> {
        let (inputs, heard) = mpsc::channel(WAITING);
        Box::new(Link {
            way: self.0.clone(),
            inputs,
            heard,
            refused: VecDeque::new(),
            connections: vec![],
            open: vec![],
        })
    }
}

/// The connections of a run.
struct Link {
    way: Arc<Way>,
    inputs: mpsc::Sender<ChannelInput>,
    heard: mpsc::Receiver<ChannelInput>,
    /// What never came to a connection.
    refused: VecDeque<ChannelInput>,
    connections: Vec<Connection>,
    open: Vec<Open>,
}

/// A subscription, and the connection that it was given to.
#[cfg_attr(not(feature = "channel-mqtt"), expect(dead_code, reason = "only patterns of MQTT 3.1.1 are compared"))]
struct Open {
    subscription: SubscriptionId,
    orders: mpsc::UnboundedSender<Order>,
    host: String,
    address: String,
}

struct Connection {
    peer: Peer,
    orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

/// What two channels have to have in common to share a connection.
#[derive(PartialEq)]
struct Peer {
    protocol: Protocol,
    host: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    login: Option<Login>,
    /// Bytes of a message that it reads.
    most: u64,
    /// A connection of its own: an event stream, a message that is sent as a request, a pattern that overlaps another.
    own: Option<Own>,
}

#[derive(PartialEq)]
enum Own {
    Subscription(SubscriptionId),
    Call(CallId),
}

impl Peer {
    fn of(channel: &Channel, most: u64, own: Own) -> Self {
        let is_http = matches!(channel.protocol, Protocol::Http | Protocol::Https);
        if channel.hook.is_some() {
            // One listener for all of them.
            let (host, path) = ("webhooks".to_owned(), String::new());
            let (query, headers) = (vec![], vec![]);
            return Self { protocol: channel.protocol, host, path, query, headers, login: None, most, own: None };
        }
        Self {
            protocol: channel.protocol,
            host: channel.host.clone(),
            path: channel.path.clone(),
            query: channel.query.clone(),
            headers: channel.headers.clone(),
            login: channel.login.clone(),
            most,
            own: is_http.then_some(own),
        }
    }
}

impl ChannelLink for Link {
    fn request(&mut self, request: ChannelRequest) {
        let until = |timeout_ms| Instant::now() + Duration::from_millis(timeout_ms);
        self.open.retain(|open| !open.orders.is_closed());
        match request {
            ChannelRequest::Subscribe { subscription, channel, timeout_ms, message_bytes, after } => {
                let mut peer = Peer::of(&channel, message_bytes, Own::Subscription(subscription));
                if self.is_crowded(&channel) {
                    peer.own = Some(Own::Subscription(subscription));
                }
                let (host, address, until) = (channel.host.clone(), channel.address.clone(), until(timeout_ms));
                let order = Order::Subscribe(SubscribeOrder { subscription, channel, until, after });
                if let Some(orders) = self.give(peer, order) {
                    self.open.push(Open { subscription, orders, host, address });
                }
            }
            ChannelRequest::Send { call, channel, message, timeout_ms, message_bytes } => {
                let peer = Peer::of(&channel, message_bytes, Own::Call(call));
                let order = Order::Send(SendOrder { call, channel, message, until: until(timeout_ms) });
                self.give(peer, order);
            }
            ChannelRequest::Acknowledge { subscription, delivery } => {
                self.tell(subscription, Order::Acknowledge(subscription, delivery));
            }
            ChannelRequest::Unsubscribe(subscription) => {
                self.tell(subscription, Order::Unsubscribe(subscription));
                self.open.retain(|open| open.subscription != subscription);
            }
        }
    }

    fn next(&mut self) -> Pending<'_, ChannelInput> {
        Box::pin(async {
            if let Some(refused) = self.refused.pop_front() {
                return refused;
            }
            match self.heard.recv().await {
                Some(input) => input,
                // It holds a sender itself.
                None => std::future::pending().await,
            }
        })
    }

    fn close(self: Box<Self>) -> Pending<'static, ()> {
        Box::pin(async move {
            let Self { connections, open, heard, .. } = *self;
            drop((open, heard));
            let tasks: Vec<_> = connections.into_iter().map(|connection| connection.task).collect();
            let ended = async {
                for task in tasks {
                    // One that breaks down has ended too.
                    let _ = task.await;
                }
            };
            let _ = tokio::time::timeout(GOODBYE, ended).await;
        })
    }
}

impl Link {
    /// Gives an order to the connection to a peer, which is opened if there is none.
    fn give(&mut self, peer: Peer, order: Order) -> Option<mpsc::UnboundedSender<Order>> {
        let channel = order.channel()?;
        if let Err(failure) = admit(channel).and_then(|()| runtime_here()) {
            self.refused.extend(order.refused(failure));
            return None;
        }
        self.connections.retain(|connection| !connection.orders.is_closed());
        let mut order = order;
        if let Some(found) = self.connections.iter().find(|connection| connection.peer == peer) {
            match found.orders.send(order) {
                Ok(()) => return Some(found.orders.clone()),
                // It has ended at this moment.
                Err(back) => order = back.0,
            }
        }
        let (channel, until) = (order.channel()?.clone(), order.until()?);
        let (orders, taken) = mpsc::unbounded_channel();
        let desk = Desk::new((channel.host.clone(), peer.most), taken, self.inputs.clone());
        // The channel is open until the task has it.
        let _ = orders.send(order);
        let task = tokio::spawn(converse(self.way.clone(), channel, until, desk));
        self.connections.push(Connection { peer, orders: orders.clone(), task });
        Some(orders)
    }

    fn tell(&self, subscription: SubscriptionId, order: Order) {
        if let Some(open) = self.open.iter().find(|open| open.subscription == subscription) {
            // A connection that has ended needs no telling.
            let _ = open.orders.send(order);
        }
    }

    /// `true` if a message could fit this subscription and another one of MQTT 3.1.1: the broker would give it once for
    /// each, or not, and does not say for which. Then it needs a connection of its own.
    fn is_crowded(&self, channel: &Channel) -> bool {
        #[cfg(feature = "channel-mqtt")]
        if matches!(channel.protocol, Protocol::Mqtt | Protocol::SecureMqtt) {
            let fits = |open: &Open| open.address != channel.address && mqtt::overlap(&open.address, &channel.address);
            return self.open.iter().any(|open| open.host == channel.host && fits(open));
        }
        let _ = channel;
        false
    }
}

/// A connection, from its first order to its end.
async fn converse(way: Arc<Way>, channel: Channel, until: Instant, desk: Desk) {
    // A server that takes a connection and says nothing has not let it in.
    let until = until.min(Instant::now() + way.connector.network().connect_timeout);
    match channel.protocol {
        #[cfg(feature = "channel-ws")]
        Protocol::Ws | Protocol::Wss => ws::serve(&way, &channel, until, desk).await,
        #[cfg(feature = "channel-http")]
        Protocol::Http | Protocol::Https if channel.hook.is_some() => webhook::serve(&way, desk).await,
        #[cfg(feature = "channel-http")]
        Protocol::Http | Protocol::Https => http::serve(&way, until, desk).await,
        #[cfg(feature = "channel-mqtt")]
        Protocol::Mqtt | Protocol::SecureMqtt => mqtt::serve::<mqtt::V4>(way, channel, until, desk).await,
        #[cfg(feature = "channel-mqtt")]
        Protocol::Mqtt5 => mqtt::serve::<mqtt::V5>(way, channel, until, desk).await,
        #[cfg(feature = "channel-nats")]
        Protocol::Nats => nats::serve(&way, &channel, until, desk).await,
        #[cfg(feature = "channel-amqp")]
        Protocol::Amqp | Protocol::Amqps => amqp::serve(&way, &channel, until, desk).await,
        #[cfg(feature = "channel-kafka")]
        Protocol::Kafka | Protocol::KafkaSecure => kafka::serve(way, channel, until, desk).await,
        #[allow(unreachable_patterns, reason = "it depends on the features")]
        protocol => desk.close(not_built_in(protocol)).await,
    }
}

fn not_built_in(protocol: Protocol) -> Failure {
    let (feature, _) = channel_feature(protocol);
    refusal(format!("this build does not speak `{protocol}`: it was made without the feature `{feature}`"))
}

/// Decides about a channel before anything connects: its protocol, and whether what proves who connects may go there.
fn admit(channel: &Channel) -> Result<(), Failure> {
    if !channel_feature(channel.protocol).1 {
        return Err(not_built_in(channel.protocol));
    }
    let target = target(channel)?;
    let has_proof = channel.login.is_some() || channel.proof_beside_login().is_some();
    // A connection over NATS says by itself whether it is to be secure: `nats.rs` decides.
    if has_proof && !target.secure && channel.protocol != Protocol::Nats && !is_this_machine(&target.host) {
        return Err(cleartext(channel));
    }
    Ok(())
}

fn cleartext(channel: &Channel) -> Failure {
    let what = match channel.proof_beside_login().filter(|_| channel.login.is_none()) {
        Some(name) => format!("the credential `{name}`"),
        None => "the credential".to_owned(),
    };
    let message = format!(
        "{what} is not sent to `{}`: the connection of `{}` is not encrypted, and it does not stay on this machine",
        channel.host, channel.protocol
    );
    Failure { kind: FailureKind::Refused, message, in_doubt: false }
}

fn is_secure(protocol: Protocol) -> bool {
    use Protocol::{Amqps, Https, KafkaSecure, SecureMqtt, Wss};
    matches!(protocol, Wss | Https | SecureMqtt | KafkaSecure | Amqps)
}

/// Where a channel connects to.
fn target(channel: &Channel) -> Result<Target, Failure> {
    let wrong = || refusal(format!("`{}` is no host with a port", channel.host));
    let (host, port) = channel.host.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let host = plain_host(host.trim_start_matches('[').trim_end_matches(']'));
    if host.is_empty() { Err(wrong()) } else { Ok(Target { secure: is_secure(channel.protocol), host, port }) }
}

impl Way {
    /// An open stream to the server of a channel, over TLS if its protocol is.
    async fn stream(&self, channel: &Channel) -> Result<Box<dyn Stream>, Failure> {
        let target = target(channel)?;
        self.connector.stream(&target, &self.hosts).await.map_err(|error| unreached(&channel.host, error))
    }
}

/// The reason why a broker was not reached.
fn unreached(host: &str, error: ConnectError) -> Failure {
    let message = match error.kind {
        FailureKind::Refused => error.message,
        _ => format!("`{host}` cannot be reached: {}", error.message),
    };
    Failure { kind: error.kind, message, in_doubt: false }
}

fn runtime_here() -> Result<(), Failure> {
    runtime::available().map_err(refusal)
}

/// Something that is not done, and that no other try will mend.
fn refusal(message: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Protocol, message: message.into(), in_doubt: false }
}

/// The reason why a subscription is no more: its connection.
fn broken(host: &str, why: impl std::fmt::Display) -> Failure {
    Failure {
        kind: FailureKind::ConnectionLost,
        message: format!("the connection to `{host}` was lost: {why}"),
        in_doubt: true,
    }
}

/// The server did not let us in; `scheme` is what we proved ourselves with.
fn not_let_in(channel: &Channel, why: impl std::fmt::Display) -> Failure {
    let (host, shown) = (&channel.host, channel.login.as_ref().map(|login| scheme(channel, login).to_owned()));
    let message = match shown.or_else(|| channel.proof_beside_login().map(|name| format!("`{name}`"))) {
        Some(shown) => format!("`{host}` does not accept the credential ({shown}): {why}"),
        None => format!("`{host}` wants a credential, and none was given: {why}"),
    };
    Failure { kind: FailureKind::NotLetIn, message, in_doubt: false }
}

/// What a credential is called.
fn scheme(channel: &Channel, login: &Login) -> &'static str {
    use Protocol::{Amqp, Amqps, Kafka, KafkaSecure, Nats};
    match (login, channel.protocol) {
        (Login::Password { .. }, Kafka | KafkaSecure | Amqp | Amqps) => "SASL PLAIN",
        (Login::Password { .. }, Protocol::Ws | Protocol::Wss | Protocol::Http | Protocol::Https) => "HTTP basic",
        (Login::Password { .. }, _) => "user and password",
        (Login::ScramSha256 { .. }, _) => "SASL SCRAM-SHA-256",
        (Login::ScramSha512 { .. }, _) => "SASL SCRAM-SHA-512",
        (Login::Token(_), Nats) => "token",
        (Login::Token(_), _) => "bearer token",
    }
}

/// A credential that a protocol has no place for.
fn no_place_for(channel: &Channel, login: &Login) -> Failure {
    refusal(format!("`{}` has no place for a credential of the kind {}", channel.protocol, scheme(channel, login)))
}

/// The header of a credential, for handshakes and requests.
#[cfg(any(feature = "channel-ws", feature = "channel-http"))]
fn authorization(channel: &Channel) -> Result<Option<String>, Failure> {
    match &channel.login {
        None => Ok(None),
        Some(Login::Password { user, password }) => {
            let proof = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            Ok(Some(format!("Basic {proof}")))
        }
        Some(Login::Token(token)) => Ok(Some(format!("Bearer {token}"))),
        Some(login) => Err(no_place_for(channel, login)),
    }
}

/// The path and query of a handshake or request, encoded.
#[cfg(any(feature = "channel-ws", feature = "channel-http"))]
fn path_and_query(channel: &Channel) -> String {
    let path = if channel.path.is_empty() { "/" } else { &channel.path };
    if channel.query.is_empty() {
        return path.to_owned();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&channel.query);
    let joint = if path.contains('?') { '&' } else { '?' };
    // A plus is a space in forms only.
    format!("{path}{joint}{}", query.finish().replace('+', "%20"))
}
