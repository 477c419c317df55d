//! The desk of a connection: orders come in, what was heard goes out.

use std::collections::BTreeMap;
use std::future::Future;

use arazzo_engine::machine::message::{Channel, ChannelInput, Delivery, DeliveryId, Mark, Message, SubscriptionId};
use arazzo_engine::machine::{CallId, Failure, FailureKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What a run asks of a connection.
pub(super) enum Order {
    Subscribe(SubscribeOrder),
    Send(SendOrder),
    #[cfg_attr(not(feature = "channel-amqp"), expect(dead_code, reason = "only AMQP gives messages back"))]
    Acknowledge(SubscriptionId, DeliveryId),
    Unsubscribe(SubscriptionId),
}

pub(super) struct SubscribeOrder {
    pub(super) subscription: SubscriptionId,
    pub(super) channel: Channel,
    pub(super) until: Instant,
    /// Where it goes on; empty where it begins.
    #[cfg_attr(
        not(any(feature = "channel-http", feature = "channel-kafka")),
        expect(dead_code, reason = "only event streams and Kafka keep what came")
    )]
    pub(super) after: Vec<Mark>,
}

pub(super) struct SendOrder {
    pub(super) call: CallId,
    pub(super) channel: Channel,
    pub(super) message: Message,
    pub(super) until: Instant,
}

impl Order {
    pub(super) fn channel(&self) -> Option<&Channel> {
        match self {
            Self::Subscribe(order) => Some(&order.channel),
            Self::Send(order) => Some(&order.channel),
            Self::Acknowledge(..) | Self::Unsubscribe(_) => None,
        }
    }

    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Subscribe(order) => Some(order.until),
            Self::Send(order) => Some(order.until),
            Self::Acknowledge(..) | Self::Unsubscribe(_) => None,
        }
    }

    /// What is heard of an order that nothing comes of; nothing of those that are not answered.
    pub(super) fn refused(self, failure: Failure) -> Option<ChannelInput> {
        match self {
            Self::Subscribe(order) => Some(ChannelInput::Lost { subscription: order.subscription, failure }),
            // Nothing was sent.
            Self::Send(order) => {
                Some(ChannelInput::Sent { call: order.call, result: Err(Failure { in_doubt: false, ..failure }) })
            }
            Self::Acknowledge(..) | Self::Unsubscribe(_) => None,
        }
    }
}

/// A message as a connection hears it.
pub(super) struct Incoming {
    pub(super) address: String,
    pub(super) is_stored: bool,
    pub(super) is_redelivered: bool,
    /// How far the subscription has come with it, where its broker keeps what comes.
    pub(super) mark: Option<Mark>,
    pub(super) message: Message,
}

/// What a connection and its run tell one another.
pub(super) struct Desk {
    host: String,
    orders: mpsc::UnboundedReceiver<Order>,
    inputs: mpsc::Sender<ChannelInput>,
    /// Bytes of a payload at most.
    most: u64,
    /// What is open, each with the number of its next message.
    open: BTreeMap<SubscriptionId, u64>,
}

impl Desk {
    pub(super) fn new(
        (host, most): (String, u64),
        orders: mpsc::UnboundedReceiver<Order>,
        inputs: mpsc::Sender<ChannelInput>,
    ) -> Self {
        Self { host, orders, inputs, most, open: BTreeMap::new() }
    }

    /// Bytes of a payload at most: what says how long it is, and is longer, is not read.
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// The next order; nothing when the run is over. It may be dropped at any time.
    pub(super) async fn order(&mut self) -> Option<Order> {
        self.orders.recv().await
    }

    /// Does something that takes until then at most; nothing if the run is over before.
    pub(super) async fn bounded<T>(
        &self,
        until: Instant,
        what: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Option<Result<T, Failure>> {
        tokio::select! {
            done = tokio::time::timeout_at(until, work) => Some(done.unwrap_or_else(|_| Err(late(&self.host, what)))),
            () = self.inputs.closed() => None,
        }
    }

    /// The ids of what is open.
    pub(super) fn subscriptions(&self) -> Vec<SubscriptionId> {
        self.open.keys().copied().collect()
    }

    pub(super) async fn subscribed(&mut self, order: &SubscribeOrder) {
        self.open.insert(order.subscription, 0);
        self.say(ChannelInput::Subscribed(order.subscription)).await;
    }

    /// How far a subscription has come that brings nothing yet.
    #[cfg(feature = "channel-kafka")]
    pub(super) async fn placed(&self, subscription: SubscriptionId, marks: Vec<Mark>) {
        self.say(ChannelInput::Placed { subscription, marks }).await;
    }

    /// Hands a message over, and gives its number; nothing if the subscription is not open, or is lost by the message.
    pub(super) async fn received(&mut self, subscription: SubscriptionId, incoming: Incoming) -> Option<DeliveryId> {
        let next = self.open.get_mut(&subscription)?;
        let length = incoming.message.payload.len() as u64;
        if length > self.most {
            self.lost(subscription, too_large(&self.host, Some(length), self.most)).await;
            return None;
        }
        let delivery = DeliveryId(*next);
        *next += 1;
        let Incoming { address, is_stored, is_redelivered, mark, message } = incoming;
        let delivery = Delivery { delivery, address, is_stored, is_redelivered, mark, message };
        let number = delivery.delivery;
        self.say(ChannelInput::Received { subscription, delivery }).await;
        Some(number)
    }

    pub(super) async fn sent(&self, call: CallId, result: Result<(), Failure>) {
        self.say(ChannelInput::Sent { call, result }).await;
    }

    /// A subscription is no more, or does not come about.
    pub(super) async fn lost(&mut self, subscription: SubscriptionId, failure: Failure) {
        self.open.remove(&subscription);
        self.say(ChannelInput::Lost { subscription, failure }).await;
    }

    /// As [`Desk::close`], where a subscription has not come about either.
    #[cfg(feature = "channel-http")]
    pub(super) async fn close_with(mut self, subscription: SubscriptionId, failure: Failure) {
        self.orders.close();
        self.lost(subscription, failure.clone()).await;
        self.close(failure).await;
    }

    /// The run listens no more.
    #[cfg(any(
        feature = "channel-ws",
        feature = "channel-http",
        feature = "channel-mqtt",
        feature = "channel-nats",
        feature = "channel-amqp",
        feature = "channel-kafka"
    ))]
    pub(super) fn forget(&mut self, subscription: SubscriptionId) {
        self.open.remove(&subscription);
    }

    /// The connection has ended: all that is open is lost, and all that waits comes to nothing.
    pub(super) async fn close(mut self, failure: Failure) {
        // Whoever hears of it and asks again is to get another connection.
        self.orders.close();
        for subscription in self.subscriptions() {
            self.lost(subscription, failure.clone()).await;
        }
        while let Some(order) = self.orders.recv().await {
            if let Some(input) = order.refused(failure.clone()) {
                self.say(input).await;
            }
        }
    }

    /// What reports the end of a send beside the connection.
    #[cfg(any(feature = "channel-mqtt", feature = "channel-amqp", feature = "channel-kafka"))]
    pub(super) fn reporter(&self) -> Reporter {
        Reporter { host: self.host.clone(), inputs: self.inputs.clone() }
    }

    async fn say(&self, input: ChannelInput) {
        // Nobody hears it when the run is over.
        let _ = self.inputs.send(input).await;
    }
}

/// Ends at a time, if there is one.
#[cfg(any(feature = "channel-mqtt", feature = "channel-nats"))]
pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// A message is larger than what is read of one.
pub(super) fn too_large(host: &str, length: Option<u64>, most: u64) -> Failure {
    let message = match length {
        Some(length) => format!("a message of {length} bytes came from `{host}`, and {most} are the limit"),
        None => format!("a message came from `{host}` that is larger than the limit, {most} bytes"),
    };
    Failure { kind: FailureKind::BodyTooLarge, message, in_doubt: false }
}

pub(super) fn late(host: &str, what: &str) -> Failure {
    Failure { kind: FailureKind::Timeout, message: format!("`{host}` did not {what} in time"), in_doubt: true }
}

/// Reports sends that end while the connection does something else.
#[cfg(any(feature = "channel-mqtt", feature = "channel-amqp", feature = "channel-kafka"))]
pub(super) struct Reporter {
    host: String,
    inputs: mpsc::Sender<ChannelInput>,
}

#[cfg(any(feature = "channel-mqtt", feature = "channel-amqp", feature = "channel-kafka"))]
impl Reporter {
    /// Waits for the end of a send, and says it.
    pub(super) async fn sent(
        self,
        call: CallId,
        until: Instant,
        what: &str,
        accepted: impl Future<Output = Result<(), Failure>>,
    ) {
        tokio::select! {
            done = tokio::time::timeout_at(until, accepted) => {
                let result = done.unwrap_or_else(|_| Err(late(&self.host, what)));
                // Nobody hears it when the run is over.
                let _ = self.inputs.send(ChannelInput::Sent { call, result }).await;
            }
            () = self.inputs.closed() => {}
        }
    }
}
