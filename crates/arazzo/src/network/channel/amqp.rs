//! AMQP 0-9-1: one connection a server and virtual host. What an exchange distributes comes to a queue of this run alone;
//! a queue that is named is read with acknowledgements, and what was not acknowledged goes back.

mod terms;

use std::collections::BTreeMap;

use arazzo_engine::machine::message::{Channel, DeliveryId, Login, Message, SubscriptionId};
use arazzo_engine::machine::{Failure, FailureKind};
use async_compat::CompatExt as _;
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Acker, AsyncTcpStream, Confirmation, Connection, ConnectionProperties, ErrorKind, ExchangeKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::bridge::over_tcp;
use super::desk::{Desk, Incoming, Order, SendOrder, SubscribeOrder};
use super::{GOODBYE, Way, broken, no_place_for, not_let_in, refusal};
use terms::{Source, Terms};

/// Messages that a named queue gives before one is acknowledged.
const AHEAD: u16 = 100;

/// Seconds without a word after which the other side is gone.
const HEARTBEAT: u16 = 30;

/// A subscription at the broker.
struct Consumer {
    channel: lapin::Channel,
    /// Messages that were in the queue before.
    stored: u32,
    /// Those that are not acknowledged; nothing is kept where nothing has to be.
    open: BTreeMap<DeliveryId, Acker>,
    acknowledges: bool,
    /// The address of all that comes by a queue, whatever it was sent to.
    address: Option<String>,
}

struct Conversation {
    connection: Connection,
    /// Where everything is sent, with confirmations; opened with the first message.
    sending: Option<lapin::Channel>,
    consumers: BTreeMap<SubscriptionId, Consumer>,
    heard: mpsc::Sender<(SubscriptionId, Result<Delivery, String>)>,
    vhost: String,
}

pub(super) async fn serve(way: &Way, channel: &Channel, until: Instant, mut desk: Desk) {
    let connection = match desk.bounded(until, "accept the connection", connect(way, channel)).await {
        Some(Ok(connection)) => connection,
        Some(Err(failure)) => return desk.close(failure).await,
        None => return,
    };
    let mut events = std::pin::pin!(connection.events_listener());
    let (heard, mut deliveries) = mpsc::channel(16);
    let vhost = vhost(channel);
    let mut conversation = Conversation { connection, sending: None, consumers: BTreeMap::new(), heard, vhost };
    loop {
        tokio::select! {
            biased;
            order = desk.order() => match order {
                Some(order) => conversation.obey(&mut desk, order).await,
                None => {
                    let close = conversation.connection.close(200, ShortString::default());
                    let _ = tokio::time::timeout(GOODBYE, close).await;
                    return;
                }
            },
            delivery = deliveries.recv() => {
                if let Some((subscription, delivery)) = delivery {
                    conversation.deliver(&mut desk, &channel.host, subscription, delivery).await;
                }
            }
            event = events.next() => {
                let why = match event {
                    Some(lapin::Event::Error(error)) => words(&error),
                    None => return desk.close(broken(&channel.host, "the broker closed it")).await,
                    Some(_) => continue,
                };
                if !conversation.connection.status().connected() {
                    return desk.close(broken(&channel.host, why)).await;
                }
            }
        }
    }
}

/// `/` and nothing are the first virtual host, which is called `/`.
fn vhost(channel: &Channel) -> String {
    let path = channel.path.strip_prefix('/').unwrap_or(&channel.path);
    let name = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    if name.is_empty() { "/".to_owned() } else { name.into_owned() }
}

async fn connect(way: &Way, channel: &Channel) -> Result<Connection, Failure> {
    let (username, password) = match &channel.login {
        // Who everybody is that does not say so, on the machine of the broker.
        None => ("guest".to_owned(), "guest".to_owned()),
        Some(Login::Password { user, password }) => (user.clone(), password.clone()),
        Some(login) => return Err(no_place_for(channel, login)),
    };
    let stream = way.stream(channel).await?;
    let failed = |why: String| Failure { kind: FailureKind::Connect, message: why, in_doubt: false };
    let near =
        over_tcp(stream).await.map_err(|error| failed(format!("`{}` cannot be reached: {error}", channel.host)))?;
    let uri = AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority { userinfo: AMQPUserInfo { username, password }, host: channel.host.clone(), port: 0 },
        vhost: vhost(channel),
        query: AMQPQueryString { heartbeat: Some(HEARTBEAT), ..AMQPQueryString::default() },
    };
    let runtime = lapin::runtime::default_runtime().map_err(|error| refusal(error.to_string()))?;
    // It is asked for once: nothing connects again in silence.
    let near = std::sync::Mutex::new(Some(near));
    let give = async move |_: AMQPUri, _| {
        let near = near.lock().ok().and_then(|mut near| near.take());
        let near = near.ok_or_else(|| std::io::Error::other("it has ended"))?;
        Ok(AsyncTcpStream::Plain(near.compat()))
    };
    let properties = ConnectionProperties::default().with_connection_name("arazzo".into());
    Connection::connector(uri, runtime, give, properties).await.map_err(|error| match error.kind() {
        ErrorKind::ProtocolError(why) if why.get_id() == 403 => not_let_in(channel, "access was refused"),
        _ => failed(format!("`{}` refuses the connection: {}", channel.host, words(&error))),
    })
}

/// The reason, without names of types.
fn words(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(why) => why.get_message().to_string(),
        ErrorKind::IOError(why) => why.to_string(),
        ErrorKind::MissingHeartbeatError => format!("the broker said nothing for {HEARTBEAT} s"),
        ErrorKind::InvalidConnectionState(_) => "it has ended".to_owned(),
        _ => error.to_string(),
    }
}

impl Conversation {
    async fn obey(&mut self, desk: &mut Desk, order: Order) {
        match order {
            Order::Subscribe(order) => {
                match desk.bounded(order.until, "begin the subscription", self.consume(&order)).await {
                    Some(Ok((consumer, deliveries))) => {
                        self.consumers.insert(order.subscription, consumer);
                        desk.subscribed(&order).await;
                        self.forward(order.subscription, deliveries);
                    }
                    Some(Err(failure)) => desk.lost(order.subscription, failure).await,
                    None => {}
                }
            }
            Order::Send(order) => match desk.bounded(order.until, "take the message", self.publish(&order)).await {
                Some(Ok(confirm)) => {
                    let reporter = desk.reporter();
                    tokio::spawn(async move {
                        let host = &order.channel.host;
                        let accepted = async {
                            match confirm.await {
                                Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => Ok(()),
                                Ok(Confirmation::Ack(Some(back)) | Confirmation::Nack(Some(back))) => {
                                    let why = back.reply_text.to_string();
                                    Err(refusal(format!("`{host}` gave the message back: {why}")))
                                }
                                Ok(Confirmation::Nack(None)) => {
                                    Err(refusal(format!("`{host}` does not accept the message")))
                                }
                                Err(error) => Err(unsent(&order, &error, true)),
                            }
                        };
                        reporter.sent(order.call, order.until, "confirm the message", accepted).await;
                    });
                }
                Some(Err(failure)) => desk.sent(order.call, Err(failure)).await,
                None => {}
            },
            Order::Acknowledge(subscription, delivery) => {
                let acker = self.consumers.get_mut(&subscription).and_then(|consumer| consumer.open.remove(&delivery));
                if let Some(acker) = acker {
                    // One that does not arrive is one that goes back.
                    let _ = acker.ack(BasicAckOptions::default()).await;
                }
            }
            Order::Unsubscribe(subscription) => {
                desk.forget(subscription);
                if let Some(consumer) = self.consumers.remove(&subscription) {
                    // The end of its channel gives back what was not acknowledged.
                    let _ = tokio::time::timeout(GOODBYE, consumer.channel.close(200, ShortString::default())).await;
                }
            }
        }
    }

    async fn consume(&self, order: &SubscribeOrder) -> Result<(Consumer, lapin::Consumer), Failure> {
        let Channel { host, address, .. } = &order.channel;
        let terms = Terms::of(&order.channel, &self.vhost, false)?;
        let failed = |error: lapin::Error| {
            let message = format!("`{host}` does not grant the subscription to `{address}`: {}", words(&error));
            Failure { kind: FailureKind::Connect, message, in_doubt: false }
        };
        let channel = self.connection.create_channel().await.map_err(failed)?;
        let (queue, acknowledges) = match &terms.source {
            Source::Exchange(exchange) => {
                self.check_exchange(exchange).await.map_err(failed)?;
                let own = QueueDeclareOptions::exclusive().auto_delete();
                let queue =
                    channel.queue_declare(ShortString::default(), own, FieldTable::default()).await.map_err(failed)?;
                let (name, key) = (queue.name().clone(), short(address, "address")?);
                let exchange = short(exchange, "binding `exchange`")?;
                let options = QueueBindOptions::default();
                channel.queue_bind(name, exchange, key, options, FieldTable::default()).await.map_err(failed)?;
                (queue, false)
            }
            Source::Queue { name, declared } => {
                let name = short(name, "address")?;
                let options =
                    declared.unwrap_or(QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() });
                (channel.queue_declare(name, options, FieldTable::default()).await.map_err(failed)?, terms.acknowledges)
            }
        };
        channel.basic_qos(AHEAD, BasicQosOptions::default()).await.map_err(failed)?;
        let options = BasicConsumeOptions { no_ack: !acknowledges, ..BasicConsumeOptions::default() };
        let deliveries = channel
            .basic_consume(queue.name().clone(), ShortString::default(), options, FieldTable::default())
            .await
            .map_err(failed)?;
        let own = matches!(terms.source, Source::Queue { .. }).then(|| address.clone());
        let (stored, open) = (queue.message_count(), BTreeMap::new());
        Ok((Consumer { channel, stored, open, acknowledges, address: own }, deliveries))
    }

    /// An exchange is the broker's: it is not made here. A channel ends with an exchange that does not exist, so it is one
    /// of its own.
    async fn check_exchange(&self, exchange: &str) -> Result<(), lapin::Error> {
        if exchange.is_empty() {
            return Ok(());
        }
        let channel = self.connection.create_channel().await?;
        let name = ShortString::try_new(exchange).unwrap_or_default();
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(name, ExchangeKind::Topic, options, FieldTable::default()).await?;
        channel.close(200, ShortString::default()).await
    }

    /// Gives what comes to the connection, for as long as it comes.
    fn forward(&self, subscription: SubscriptionId, mut deliveries: lapin::Consumer) {
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Some(delivery) = deliveries.next().await {
                let delivery = delivery.map_err(|error| words(&error));
                let is_last = delivery.is_err();
                if heard.send((subscription, delivery)).await.is_err() || is_last {
                    return;
                }
            }
            // Nobody hears it where the run listens no more.
            let _ = heard.send((subscription, Err("the broker ended the subscription".to_owned()))).await;
        });
    }

    async fn deliver(
        &mut self,
        desk: &mut Desk,
        host: &str,
        subscription: SubscriptionId,
        delivery: Result<Delivery, String>,
    ) {
        let Some(consumer) = self.consumers.get_mut(&subscription) else { return };
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(why) => {
                self.consumers.remove(&subscription);
                return desk.lost(subscription, broken(host, why)).await;
            }
        };
        let is_stored = consumer.stored > 0;
        consumer.stored = consumer.stored.saturating_sub(1);
        let incoming = Incoming {
            address: consumer.address.clone().unwrap_or_else(|| delivery.routing_key.to_string()),
            is_stored,
            is_redelivered: delivery.redelivered,
            mark: None,
            message: message(&delivery),
        };
        match desk.received(subscription, incoming).await {
            Some(number) if consumer.acknowledges => drop(consumer.open.insert(number, delivery.acker)),
            Some(_) => {}
            None => {
                if let Some(consumer) = self.consumers.remove(&subscription) {
                    let _ = tokio::time::timeout(GOODBYE, consumer.channel.close(200, ShortString::default())).await;
                }
            }
        }
    }

    async fn publish(&mut self, order: &SendOrder) -> Result<lapin::PublisherConfirm, Failure> {
        let terms = Terms::of(&order.channel, &self.vhost, true)?;
        let properties = terms.properties(&order.message)?;
        let (exchange, key) = match &terms.source {
            Source::Exchange(exchange) => (short(exchange, "binding `exchange`")?, &order.channel.address),
            Source::Queue { name, .. } => (ShortString::default(), name),
        };
        let key = short(key, "address")?;
        let wrong = |error: lapin::Error| unsent(order, &error, false);
        // The broker ends a channel on which something could not be done.
        let channel = match self.sending.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => {
                let channel = self.connection.create_channel().await.map_err(wrong)?;
                channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(wrong)?;
                channel
            }
        };
        let options = BasicPublishOptions { mandatory: terms.mandatory, ..BasicPublishOptions::default() };
        let confirm = channel.basic_publish(exchange, key, options, &order.message.payload, properties).await;
        self.sending = Some(channel);
        confirm.map_err(|error| unsent(order, &error, true))
    }
}

fn unsent(order: &SendOrder, error: &lapin::Error, in_doubt: bool) -> Failure {
    match error.kind() {
        ErrorKind::ProtocolError(why) => {
            refusal(format!("`{}` does not accept the message: {}", order.channel.host, why.get_message()))
        }
        _ => Failure { in_doubt, ..broken(&order.channel.host, words(error)) },
    }
}

/// A text for which the protocol has 255 bytes.
fn short(text: &str, what: &str) -> Result<ShortString, Failure> {
    ShortString::try_new(text)
        .map_err(|_| refusal(format!("the {what} is longer than the 255 bytes that AMQP has for it")))
}

fn message(delivery: &Delivery) -> Message {
    let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string);
    let properties = &delivery.properties;
    let headers = properties.headers().iter().flat_map(|table| table.inner());
    Message {
        headers: headers.map(|(name, value)| (name.to_string(), header_text(value))).collect(),
        content_type: text(properties.content_type()),
        correlation: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        key: None,
        payload: delivery.data.clone(),
    }
}

/// A value of a header as text; a list or a table as JSON would be of no use to anybody who compares.
fn header_text(value: &AMQPValue) -> String {
    match value {
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(value) => value.to_string(),
        AMQPValue::ShortShortUInt(value) => value.to_string(),
        AMQPValue::ShortInt(value) => value.to_string(),
        AMQPValue::ShortUInt(value) => value.to_string(),
        AMQPValue::LongInt(value) => value.to_string(),
        AMQPValue::LongUInt(value) => value.to_string(),
        AMQPValue::LongLongInt(value) => value.to_string(),
        AMQPValue::Float(value) => value.to_string(),
        AMQPValue::Double(value) => value.to_string(),
        AMQPValue::Timestamp(value) => value.to_string(),
        AMQPValue::ShortString(value) => value.to_string(),
        AMQPValue::LongString(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        AMQPValue::ByteArray(value) => String::from_utf8_lossy(value.as_slice()).into_owned(),
        AMQPValue::Void => String::new(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}
