//! MQTT 3.1.1 and 5: one connection a server, with a clean session. What comes is acknowledged as it comes; what this
//! connection sends does not come back to it (MQTT 5 only: 3.1.1 has no word for that).

mod v4;
mod v5;

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arazzo_engine::machine::message::{Channel, Login, Message, Protocol, SubscriptionId};
use arazzo_engine::machine::{Failure, FailureKind};
use tokio::time::Instant;

use super::desk::{Desk, Incoming, Order, SendOrder, SubscribeOrder, at, late, too_large};
use super::{GOODBYE, Way, binding, broken, no_place_for, not_let_in, refusal};
use crate::network::connect::Stream;
use crate::transport::Pending;
pub(super) use v4::V4;
pub(super) use v5::V5;

/// Seconds without a word after which the other side is asked whether it is there.
const KEEP_ALIVE: u16 = 30;

/// Bytes of a packet at most, where what a broker is told of it lets it drop messages without a word.
const LARGEST: u32 = 64 << 20;

/// Bytes of a packet beside its payload, at most: a topic, and the number of the packet.
const HEAD: u32 = (1 << 16) + 4;

/// Longer than what bounds a connection from outside.
const LONG: Duration = Duration::from_secs(86_400);

/// A version of the protocol. The libraries of both are made alike, and share no types.
pub(super) trait Dialect: Send + Sync + 'static {
    type Client: Send + Sync;
    type Events: Send;

    fn begin(opening: Opening) -> Result<(Self::Client, Self::Events), String>;
    fn next(events: &mut Self::Events) -> impl Future<Output = Result<Heard, Broken>> + Send;
    fn subscribe(client: &Self::Client, filter: &str, number: usize, quality: u8) -> Result<(), String>;
    fn unsubscribe(client: &Self::Client, filter: &str) -> Result<(), String>;
    /// Gives what says that the message was accepted; the reason why not is `Err(Some)`, and nothing if it is not known.
    fn publish(client: &Self::Client, order: &SendOrder, terms: &Terms) -> Result<Accepted, Failure>;
    fn disconnect(client: &Self::Client);
}

/// Ends when a message was accepted, or says why it is not.
pub(super) type Accepted = Pending<'static, Result<(), Option<String>>>;

/// What a connection begins with.
pub(super) struct Opening {
    client_id: String,
    user: Option<(String, String)>,
    socket: Socket,
    /// Bytes of a payload that are read.
    most: u64,
}

/// An open stream that is given once: nothing connects again in silence.
#[derive(Clone)]
struct Socket(Arc<Mutex<Option<Box<dyn Stream>>>>);

impl Socket {
    fn take(&self) -> io::Result<Box<dyn Stream>> {
        let stream = self.0.lock().ok().and_then(|mut stream| stream.take());
        stream.ok_or_else(|| io::Error::other("it has ended"))
    }
}

/// How a message is sent.
pub(super) struct Terms {
    quality: u8,
    retain: bool,
    /// Seconds for which it is kept.
    expiry: Option<u32>,
    is_text: Option<bool>,
    /// Bytes of a packet that the broker takes, if it says so.
    most: Option<u32>,
}

/// What a connection hears.
pub(super) enum Heard {
    /// The connection was accepted, by a broker that takes so many bytes of a packet, if it says so.
    Connected {
        most: Option<u32>,
    },
    /// The oldest subscription without a number has left, with this one.
    Numbered(u16),
    /// A subscription was answered.
    Granted(u16, Result<(), String>),
    Message(Published),
    Other,
}

pub(super) struct Published {
    topic: String,
    is_stored: bool,
    is_redelivered: bool,
    /// The filters that it came by, if the broker says so.
    numbers: Vec<usize>,
    message: Message,
}

/// Why a connection ended.
pub(super) enum Broken {
    /// The credential was refused.
    NotLetIn(String),
    /// The connection was refused for another reason.
    Refused(String),
    /// A packet is too large.
    TooLarge,
    Lost(String),
}

/// Filters with their subscriptions.
#[derive(Default)]
struct Filters {
    filters: Vec<Filter>,
    last: usize,
    /// Those that have no packet number yet, in the order in which they leave.
    unnumbered: Vec<Option<SubscribeOrder>>,
    asked: Vec<(u16, SubscribeOrder)>,
}

struct Filter {
    number: usize,
    text: String,
    open: Vec<SubscriptionId>,
}

pub(super) async fn serve<D: Dialect>(way: Arc<Way>, channel: Channel, until: Instant, mut desk: Desk) {
    let started = desk.bounded(until, "accept the connection", connect::<D>(&way, &channel, desk.most())).await;
    let (client, mut events, most) = match started {
        Some(Ok(started)) => started,
        Some(Err(failure)) => return desk.close(failure).await,
        None => return,
    };
    let mut filters = Filters::default();
    loop {
        let heard = tokio::select! {
            biased;
            order = desk.order() => match order {
                Some(order) => {
                    obey::<D>((&client, most), &mut desk, &mut filters, order).await;
                    continue;
                }
                None => {
                    D::disconnect(&client);
                    let goodbye = async { while D::next(&mut events).await.is_ok() {} };
                    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
                    return;
                }
            },
            heard = D::next(&mut events) => heard,
            () = at(filters.first_end()) => {
                filters.give_up(&mut desk).await;
                continue;
            }
        };
        match heard {
            Ok(Heard::Numbered(number)) if !filters.unnumbered.is_empty() => {
                let order = filters.unnumbered.remove(0);
                filters.asked.extend(order.map(|order| (number, order)));
            }
            Ok(Heard::Granted(number, granted)) => filters.granted(&mut desk, number, granted).await,
            Ok(Heard::Message(published)) => filters.deliver(&mut desk, published).await,
            Ok(Heard::Connected { .. } | Heard::Numbered(_) | Heard::Other) => {}
            Err(why) => {
                let failure = failure(&channel, desk.most(), why);
                let asked = filters.asked.into_iter().map(|(_, order)| order);
                for order in asked.chain(filters.unnumbered.into_iter().flatten()) {
                    desk.lost(order.subscription, failure.clone()).await;
                }
                return desk.close(failure).await;
            }
        }
    }
}

/// The client, what it hears, and bytes of a packet that the broker takes.
async fn connect<D: Dialect>(
    way: &Way,
    channel: &Channel,
    most: u64,
) -> Result<(D::Client, D::Events, Option<u32>), Failure> {
    let user = match &channel.login {
        None => None,
        Some(Login::Password { user, password }) => Some((user.clone(), password.clone())),
        Some(login) => return Err(no_place_for(channel, login)),
    };
    let stream = way.stream(channel).await?;
    // Names of clients have to differ, and no more.
    let chance = RandomState::new().build_hasher().finish();
    let socket = Socket(Arc::new(Mutex::new(Some(stream))));
    let opening = Opening { client_id: format!("arazzo-{chance:016x}"), user, socket, most };
    let (client, mut events) = D::begin(opening).map_err(refusal)?;
    loop {
        match D::next(&mut events).await {
            Ok(Heard::Connected { most }) => return Ok((client, events, most)),
            Ok(_) => {}
            Err(Broken::Lost(why)) => {
                let message = format!("`{}` closed the connection before it accepted it: {why}", channel.host);
                return Err(Failure { kind: FailureKind::Connect, message, in_doubt: false });
            }
            Err(why) => return Err(failure(channel, most, why)),
        }
    }
}

fn failure(channel: &Channel, most: u64, why: Broken) -> Failure {
    match why {
        Broken::NotLetIn(why) => not_let_in(channel, why),
        Broken::Refused(why) => Failure {
            kind: FailureKind::Connect,
            message: format!("`{}` refuses the connection: {why}", channel.host),
            in_doubt: false,
        },
        Broken::TooLarge => too_large(&channel.host, None, most),
        Broken::Lost(why) => broken(&channel.host, why),
    }
}

async fn obey<D: Dialect>(
    (client, most): (&D::Client, Option<u32>),
    desk: &mut Desk,
    filters: &mut Filters,
    order: Order,
) {
    match order {
        Order::Subscribe(order) => {
            let asked = binding::check(&order.channel, false).and_then(|()| {
                let number = filters.number(&order.channel.address);
                D::subscribe(client, &order.channel.address, number, quality(&order.channel))
                    .map_err(|why| refusal(format!("`{}` cannot be subscribed to: {why}", order.channel.address)))
            });
            match asked {
                Ok(()) => filters.unnumbered.push(Some(order)),
                Err(failure) => desk.lost(order.subscription, failure).await,
            }
        }
        Order::Send(order) => {
            let publish = || {
                binding::check(&order.channel, true)?;
                D::publish(client, &order, &terms(&order.channel, most))
            };
            match publish() {
                Err(failure) => desk.sent(order.call, Err(failure)).await,
                Ok(accepted) => {
                    // Messages come meanwhile.
                    let reporter = desk.reporter();
                    tokio::spawn(async move {
                        let host = &order.channel.host;
                        let accepted = async {
                            accepted.await.map_err(|why| match why {
                                Some(why) => refusal(format!("`{host}` does not accept the message: {why}")),
                                None => broken(host, "it ended before the message was accepted"),
                            })
                        };
                        reporter.sent(order.call, order.until, "accept the message", accepted).await;
                    });
                }
            }
        }
        Order::Unsubscribe(subscription) => {
            desk.forget(subscription);
            if let Some(filter) = filters.remove(subscription) {
                // What cannot be asked for any more ends with the connection.
                let _ = D::unsubscribe(client, &filter);
            }
        }
        // It was, when it came.
        Order::Acknowledge(..) => {}
    }
}

fn quality(channel: &Channel) -> u8 {
    binding::whole(channel, "qos").unwrap_or(1)
}

fn terms(channel: &Channel, most: Option<u32>) -> Terms {
    let is_text = binding::whole::<u8>(channel, "payloadFormatIndicator").map(|one| one == 1);
    let expiry = binding::whole(channel, "messageExpiryInterval");
    Terms { quality: quality(channel), retain: binding::flag(channel, "retain"), expiry, is_text, most }
}

impl Filters {
    /// The number of a filter, which it keeps.
    fn number(&mut self, text: &str) -> usize {
        if let Some(found) = self.filters.iter().find(|filter| filter.text == text) {
            return found.number;
        }
        self.last += 1;
        self.filters.push(Filter { number: self.last, text: text.to_owned(), open: vec![] });
        self.last
    }

    /// When the time of the first subscription ends that is not answered.
    fn first_end(&self) -> Option<Instant> {
        let asked = self.asked.iter().map(|(_, order)| order);
        self.unnumbered.iter().flatten().chain(asked).map(|order| order.until).min()
    }

    /// Answers the subscriptions whose time is over; what comes of them later goes to nobody.
    async fn give_up(&mut self, desk: &mut Desk) {
        let now = Instant::now();
        let asked = self.asked.extract_if(.., |(_, order)| order.until <= now).map(|(_, order)| order);
        // Those without a number leave their places empty: the next number is that of the first.
        let unnumbered = self.unnumbered.iter_mut().filter_map(|order| order.take_if(|order| order.until <= now));
        let late_ones: Vec<_> = asked.chain(unnumbered).collect();
        for order in late_ones {
            desk.lost(order.subscription, late(&order.channel.host, "grant the subscription")).await;
        }
    }

    async fn granted(&mut self, desk: &mut Desk, number: u16, granted: Result<(), String>) {
        let Some(at) = self.asked.iter().position(|(asked, _)| *asked == number) else { return };
        let (_, order) = self.asked.swap_remove(at);
        match granted {
            Ok(()) => {
                let filter = self.filters.iter_mut().find(|filter| filter.text == order.channel.address);
                filter.into_iter().for_each(|filter| filter.open.push(order.subscription));
                desk.subscribed(&order).await;
            }
            Err(why) => {
                let Channel { host, address, .. } = &order.channel;
                let failure = Failure {
                    kind: FailureKind::Connect,
                    message: format!("`{host}` does not grant the subscription to `{address}`: {why}"),
                    in_doubt: false,
                };
                desk.lost(order.subscription, failure).await;
            }
        }
    }

    async fn deliver(&mut self, desk: &mut Desk, published: Published) {
        let Published { topic, is_stored, is_redelivered, numbers, message } = published;
        let came_by = |filter: &&Filter| match &numbers[..] {
            [] => Protocol::Mqtt.covers(&filter.text, &topic),
            numbers => numbers.contains(&filter.number),
        };
        let open: Vec<_> = self.filters.iter().filter(came_by).flat_map(|filter| filter.open.clone()).collect();
        for subscription in open {
            let (address, message) = (topic.clone(), message.clone());
            desk.received(subscription, Incoming { address, is_stored, is_redelivered, mark: None, message }).await;
        }
    }

    /// Takes a subscription out; gives the filter that nobody listens to any more.
    fn remove(&mut self, subscription: SubscriptionId) -> Option<String> {
        let at = self.filters.iter().position(|filter| filter.open.contains(&subscription))?;
        let filter = self.filters.get_mut(at)?;
        filter.open.retain(|open| *open != subscription);
        filter.open.is_empty().then(|| self.filters.swap_remove(at).text)
    }
}

/// `true` if there is a topic that both filters mean.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let levels = |filter| Protocol::Mqtt.without_group(filter).split('/');
    let (mut one, mut other) = (levels(one), levels(other));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) => return true,
            (None, None) => return true,
            (Some(level), Some(against)) if level == against || level == "+" || against == "+" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn filters_overlap_where_a_topic_fits_both() {
        for (one, other) in [("a/+", "a/b"), ("a/#", "a"), ("#", "x/y"), ("+/b", "a/+"), ("a/+/c", "a/b/#")] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a/+", "b/+"), ("a", "a/b"), ("a/+", "a/b/c"), ("a/b/#", "a/c/#")] {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
    }
}
