//! Kafka: a subscription reads all partitions of a topic, from where they end when it begins, and goes on by offset where a
//! connection broke. No consumer groups: nothing is taken from anybody.

mod proxy;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arazzo_engine::machine::message::{Channel, Login, Mark, Message, SubscriptionId};
use arazzo_engine::machine::{Failure, FailureKind};
use rskafka::BackoffConfig;
use rskafka::client::error::Error;
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rskafka::record::{Record, RecordAndOffset};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::desk::{Desk, Incoming, Order, SendOrder, SubscribeOrder};
use super::{Way, binding, broken, no_place_for, not_let_in, refusal};
use proxy::Proxy;

/// Bytes of what is fetched at once.
const LARGEST: i32 = 50 << 20;

/// How long a broker may wait for something to come.
const WAIT_MS: i32 = 500;

/// How long a subscription looks for its brokers again.
const AGAIN: Duration = Duration::from_secs(5);

struct Conversation {
    channel: Channel,
    proxy: Arc<Proxy>,
    /// Does everything once: nothing is sent twice.
    once: Client,
    /// Bytes of what is fetched at once; more where a message alone has more.
    fetched: i32,
    /// Tries again; opened with the first subscription.
    patient: Option<Client>,
    topics: BTreeMap<String, Arc<Topic>>,
    reading: BTreeMap<SubscriptionId, JoinSet<()>>,
    heard: mpsc::Sender<Heard>,
}

/// A record of a partition came, or nothing comes any more.
type Heard = (SubscriptionId, Result<(i32, RecordAndOffset), Failure>);

/// The offset from which a partition is read on.
fn mark(partition: i32, offset: i64) -> Mark {
    Mark { part: partition.to_string(), at: offset.to_string() }
}

/// Where messages to a topic are sent.
struct Topic {
    partitions: Vec<PartitionClient>,
    next: AtomicUsize,
}

pub(super) async fn serve(way: Arc<Way>, channel: Channel, until: Instant, mut desk: Desk) {
    let (heard, mut records) = mpsc::channel(16);
    let begin = Conversation::begin(way, channel.clone(), desk.most(), heard);
    let mut conversation = match desk.bounded(until, "describe its cluster", begin).await {
        Some(Ok(conversation)) => conversation,
        Some(Err(failure)) => return desk.close(failure).await,
        None => return,
    };
    loop {
        tokio::select! {
            biased;
            order = desk.order() => match order {
                Some(order) => conversation.obey(&mut desk, order).await,
                None => return,
            },
            record = records.recv() => match record {
                Some((subscription, Ok((partition, record)))) => {
                    let incoming = incoming(&channel, mark(partition, record.offset + 1), record.record);
                    if desk.received(subscription, incoming).await.is_none() {
                        conversation.reading.remove(&subscription);
                    }
                }
                Some((subscription, Err(failure))) => {
                    if conversation.reading.remove(&subscription).is_some() {
                        desk.lost(subscription, failure).await;
                    }
                }
                None => return,
            },
        }
    }
}

fn incoming(channel: &Channel, mark: Mark, record: Record) -> Incoming {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let message = Message {
        headers: record.headers.into_iter().map(|(name, value)| (name, text(value))).collect(),
        key: record.key.map(text),
        payload: record.value.unwrap_or_default(),
        ..Message::default()
    };
    Incoming { address: channel.address.clone(), is_stored: false, is_redelivered: false, mark: Some(mark), message }
}

impl Conversation {
    async fn begin(way: Arc<Way>, channel: Channel, most: u64, heard: mpsc::Sender<Heard>) -> Result<Self, Failure> {
        let proxy = Proxy::start(way, &channel).await;
        let proxy =
            Arc::new(proxy.map_err(|error| refusal(format!("there is no way to `{}`: {error}", channel.host)))?);
        let once = client(&channel, &proxy, Duration::ZERO).await?;
        let fetched = i32::try_from(most).unwrap_or(LARGEST).clamp(1 << 16, LARGEST);
        Ok(Self {
            channel,
            proxy,
            once,
            fetched,
            patient: None,
            topics: BTreeMap::new(),
            reading: BTreeMap::new(),
            heard,
        })
    }

    async fn obey(&mut self, desk: &mut Desk, order: Order) {
        match order {
            Order::Subscribe(order) => {
                match desk.bounded(order.until, "say where the topic ends", self.ends(&order)).await {
                    Some(Ok(ends)) => {
                        let marks = ends.iter().map(|(number, _, offset)| mark(*number, *offset)).collect();
                        desk.placed(order.subscription, marks).await;
                        desk.subscribed(&order).await;
                        self.read(order.subscription, ends);
                    }
                    Some(Err(failure)) => desk.lost(order.subscription, failure).await,
                    None => {}
                }
            }
            Order::Send(order) => match desk.bounded(order.until, "say where the topic is", self.topic(&order)).await {
                Some(Ok(topic)) => {
                    let (reporter, channel, proxy) = (desk.reporter(), self.channel.clone(), self.proxy.clone());
                    tokio::spawn(async move {
                        let sent = send(&topic, &order, &channel, &proxy);
                        reporter.sent(order.call, order.until, "accept the message", sent).await;
                    });
                }
                Some(Err(failure)) => desk.sent(order.call, Err(Failure { in_doubt: false, ..failure })).await,
                None => {}
            },
            Order::Unsubscribe(subscription) => {
                desk.forget(subscription);
                self.reading.remove(&subscription);
            }
            // Nothing was taken from anybody.
            Order::Acknowledge(..) => {}
        }
    }

    /// The partitions of a topic, with the offsets at which they end now, or up to which another process has read them.
    async fn ends(&mut self, order: &SubscribeOrder) -> Result<Vec<(i32, PartitionClient, i64)>, Failure> {
        binding::check(&order.channel, false)?;
        let name = topic_name(&order.channel).to_owned();
        let numbers = self.partitions(&name).await?;
        if self.patient.is_none() {
            self.patient = Some(client(&self.channel, &self.proxy, AGAIN).await?);
        }
        let mut ends = vec![];
        for number in numbers {
            let once = self.partition(&self.once, &name, number).await?;
            let mark = order.after.iter().find(|mark| mark.part == number.to_string());
            let end = match mark.and_then(|mark| mark.at.parse().ok()) {
                Some(offset) => offset,
                None => once.get_offset(OffsetAt::Latest).await.map_err(|error| self.failure(&error))?,
            };
            let patient = self.patient.as_ref().unwrap_or(&self.once);
            ends.push((number, self.partition(patient, &name, number).await?, end));
        }
        Ok(ends)
    }

    async fn topic(&mut self, order: &SendOrder) -> Result<Arc<Topic>, Failure> {
        binding::check(&order.channel, true)?;
        let name = topic_name(&order.channel).to_owned();
        if let Some(topic) = self.topics.get(&name) {
            return Ok(topic.clone());
        }
        let mut partitions = vec![];
        for number in self.partitions(&name).await? {
            partitions.push(self.partition(&self.once, &name, number).await?);
        }
        let topic = Arc::new(Topic { partitions, next: AtomicUsize::new(0) });
        self.topics.insert(name, topic.clone());
        Ok(topic)
    }

    async fn partitions(&self, name: &str) -> Result<Vec<i32>, Failure> {
        let topics = self.once.list_topics().await.map_err(|error| self.failure(&error))?;
        let topic = topics.into_iter().find(|topic| topic.name == name).filter(|topic| !topic.partitions.is_empty());
        let absent = || Failure {
            kind: FailureKind::Connect,
            message: format!("`{}` has no topic `{name}`", self.channel.host),
            in_doubt: false,
        };
        Ok(topic.ok_or_else(absent)?.partitions.into_iter().collect())
    }

    async fn partition(&self, client: &Client, name: &str, number: i32) -> Result<PartitionClient, Failure> {
        let client = client.partition_client(name, number, UnknownTopicHandling::Error).await;
        client.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &Error) -> Failure {
        failure(&self.channel, &self.proxy, error)
    }

    fn read(&mut self, subscription: SubscriptionId, ends: Vec<(i32, PartitionClient, i64)>) {
        let mut reading = JoinSet::new();
        for (number, partition, mut offset) in ends {
            let (heard, channel, proxy) = (self.heard.clone(), self.channel.clone(), self.proxy.clone());
            let fetched = self.fetched;
            reading.spawn(async move {
                loop {
                    let fetched = tokio::select! {
                        fetched = partition.fetch_records(offset, 1..fetched, WAIT_MS) => {
                            fetched.map_err(|error| failure(&channel, &proxy, &error))
                        }
                        // The client tries for as long as it takes.
                        why = proxy.unreachable(AGAIN) => Err(why),
                    };
                    match fetched {
                        Ok((records, _)) => {
                            for record in records {
                                offset = record.offset + 1;
                                if heard.send((subscription, Ok((number, record)))).await.is_err() {
                                    return;
                                }
                            }
                        }
                        Err(why) => {
                            let why = broken(&channel.host, why.message);
                            // Nobody hears it when the run is over.
                            let _ = heard.send((subscription, Err(why))).await;
                            return;
                        }
                    }
                }
            });
        }
        self.reading.insert(subscription, reading);
    }
}

/// A client that tries for this time.
async fn client(channel: &Channel, proxy: &Proxy, time: Duration) -> Result<Client, Failure> {
    let of = |user: &String, password: &String| Credentials::new(user.clone(), password.clone());
    let proof = match &channel.login {
        None => None,
        Some(Login::Password { user, password }) => Some(SaslConfig::Plain(of(user, password))),
        Some(Login::ScramSha256 { user, password }) => Some(SaslConfig::ScramSha256(of(user, password))),
        Some(Login::ScramSha512 { user, password }) => Some(SaslConfig::ScramSha512(of(user, password))),
        Some(login) => return Err(no_place_for(channel, login)),
    };
    let pause = Duration::from_millis(100);
    let backoff = BackoffConfig { init_backoff: pause, max_backoff: pause * 5, base: 2., deadline: Some(time) };
    let builder = ClientBuilder::new(vec![channel.host.clone()])
        .client_id("arazzo")
        .socks5_proxy(proxy.address.clone())
        .backoff_config(backoff);
    let builder = match proof {
        Some(proof) => builder.sasl_config(proof),
        None => builder,
    };
    builder.build().await.map_err(|error| match failure(channel, proxy, &error) {
        // Before anything was asked of the cluster.
        Failure { kind: FailureKind::ConnectionLost, message, .. } => {
            let message = match channel.login {
                None => format!("{message}; it may want a credential, and none was given"),
                Some(_) => message,
            };
            Failure { kind: FailureKind::Connect, message, in_doubt: false }
        }
        failure => failure,
    })
}

fn failure(channel: &Channel, proxy: &Proxy, error: &Error) -> Failure {
    if let Some(failure) = proxy.take_failure() {
        return failure;
    }
    let text = error.to_string();
    if text.contains("Sasl") || text.contains("sasl") {
        return not_let_in(channel, "the handshake failed");
    }
    match error {
        Error::ServerError { protocol_error, error_message, .. } => {
            let why = error_message.clone().unwrap_or_else(|| format!("{protocol_error:?}"));
            refusal(format!("`{}` refuses it: {why}", channel.host))
        }
        Error::Connection(_) | Error::Request(_) | Error::RetryFailed(_) | Error::Timeout => {
            broken(&channel.host, "the broker does not answer any more")
        }
        _ => broken(&channel.host, text),
    }
}

fn topic_name(channel: &Channel) -> &str {
    binding::text(channel, "topic").unwrap_or(&channel.address)
}

async fn send(topic: &Topic, order: &SendOrder, channel: &Channel, proxy: &Proxy) -> Result<(), Failure> {
    let Message { headers, correlation, reply_to, key, payload, content_type: _ } = &order.message;
    for (value, what) in
        [(correlation, "a correlation id beside headers and payload"), (reply_to, "an address to answer to")]
    {
        if value.is_some() {
            return Err(refusal(format!("`kafka` has no place for {what}")));
        }
    }
    // A description has the schema of keys here; a text is a key.
    let given = order.channel.bindings.get("key").and_then(arazzo_engine::value::Json::as_str);
    let key = key.as_deref().or(given).map(|key| key.as_bytes().to_vec());
    let mut fields = BTreeMap::new();
    for (name, value) in headers {
        if fields.insert(name.clone(), value.clone().into_bytes()).is_some() {
            return Err(refusal(format!(
                "the header `{name}` is there twice, and the client for Kafka sends one of a name"
            )));
        }
    }
    let count = topic.partitions.len();
    let at = match &key {
        Some(key) => usize::try_from(murmur2(key) & 0x7fff_ffff).unwrap_or(0) % count,
        None => topic.next.fetch_add(1, Ordering::Relaxed) % count,
    };
    let partition = topic.partitions.get(at).ok_or_else(|| refusal("the topic has no partition"))?;
    let record = Record { key, value: Some(payload.clone()), headers: fields, timestamp: chrono::Utc::now() };
    match partition.produce(vec![record], Compression::NoCompression).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let failure = failure(channel, proxy, &error);
            let in_doubt = failure.kind == FailureKind::ConnectionLost;
            Err(Failure { in_doubt, ..failure })
        }
    }
}

/// The hash by which clients of Kafka choose the partition of a key.
fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mix = |word: u32| {
        let word = word.wrapping_mul(M);
        (word ^ (word >> 24)).wrapping_mul(M)
    };
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut words = key.chunks_exact(4);
    let mut hash = words.by_ref().fold(0x9747_b28c_u32 ^ length, |hash, word| {
        let word = word.try_into().map(u32::from_le_bytes).unwrap_or_default();
        hash.wrapping_mul(M) ^ mix(word)
    });
    let rest = words.remainder();
    if !rest.is_empty() {
        let bytes = rest.iter().rev().fold(0, |bytes: u32, byte| (bytes << 8) | u32::from(*byte));
        hash = (hash ^ bytes).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::murmur2;

    #[test]
    fn a_key_has_the_hash_that_the_first_client_of_kafka_gives_it() {
        // From the tests of Apache Kafka, UtilsTest.testMurmur2.
        let cases: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }
}
