//! NATS, core: a protocol of lines, spoken here, because the connection is to be ours from its first byte (no client takes
//! one). What this connection sends does not come back to it. No other server that the broker names is called.

mod line;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use arazzo_engine::machine::message::{Channel, Login, Message, SubscriptionId};
use arazzo_engine::machine::{CallId, Failure, FailureKind};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, Interval};

use super::desk::{Desk, Incoming, Order, SendOrder, SubscribeOrder, at, late, too_large};
use super::{GOODBYE, Way, binding, broken, cleartext, no_place_for, not_let_in, refusal, target, unreached};
use crate::network::connect::Stream;
use crate::policy::hosts::is_this_machine;
use line::{Heard, Reader, Unread};

/// How often the other side is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The longest that a line may take to be written, whatever the run allows.
const WRITE: Duration = Duration::from_secs(30);

/// An open connection.
struct Conversation {
    host: String,
    input: ReadHalf<Box<dyn Stream>>,
    output: WriteHalf<Box<dyn Stream>>,
    reader: Reader,
    /// Bytes of a payload that the server takes.
    largest: usize,
    /// What was asked for before each `PING` that is not answered yet.
    asked: VecDeque<Asked>,
    /// What the server did not like of the oldest.
    objection: Option<String>,
    subscriptions: HashMap<u64, SubscriptionId>,
    last: u64,
}

enum Asked {
    Subscribe(u64, Box<SubscribeOrder>),
    Send(CallId, Instant),
    /// Nothing, or nobody wants to know any more.
    Nothing,
    IsThere,
}

pub(super) async fn serve(way: &Way, channel: &Channel, until: Instant, mut desk: Desk) {
    let mut conversation = match desk.bounded(until, "accept the connection", connect(way, channel, desk.most())).await
    {
        Some(Ok(conversation)) => conversation,
        Some(Err(failure)) => return desk.close(failure).await,
        None => return,
    };
    let mut alive = tokio::time::interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    loop {
        match conversation.go_on(&mut desk, &mut alive).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(failure) => {
                for asked in conversation.asked {
                    match asked {
                        Asked::Subscribe(_, order) => desk.lost(order.subscription, failure.clone()).await,
                        Asked::Send(call, _) => desk.sent(call, Err(failure.clone())).await,
                        Asked::Nothing | Asked::IsThere => {}
                    }
                }
                return desk.close(failure).await;
            }
        }
    }
}

async fn connect(way: &Way, channel: &Channel, most: u64) -> Result<Conversation, Failure> {
    let proof = match &channel.login {
        None => json!({}),
        Some(Login::Password { user, password }) => json!({ "user": user, "pass": password }),
        Some(Login::Token(token)) => json!({ "auth_token": token }),
        Some(login) => return Err(no_place_for(channel, login)),
    };
    let target = target(channel)?;
    let mut stream = way.stream(channel).await?;
    let mut reader = Reader::new(most);
    let strange = |why: &str| Failure {
        kind: FailureKind::Connect,
        message: format!("`{}` does not speak NATS: {why}", channel.host),
        in_doubt: false,
    };
    let info = loop {
        match reader.next() {
            Ok(None) => {}
            Ok(Some(Heard::Info(info))) => break info,
            Err(Unread::Strange(why)) => return Err(strange(&why)),
            _ => return Err(strange("it does not begin with its description")),
        }
        match stream.read_buf(reader.buffer()).await {
            Ok(0) => return Err(strange("it closed the connection")),
            Ok(_) => {}
            Err(error) => return Err(strange(&error.to_string())),
        }
    };
    let flag = |name: &str| info.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
    let has_login = channel.login.is_some();
    let is_far = !is_this_machine(&target.host);
    let secure = flag("tls_required") || flag("tls_available") && has_login && is_far;
    if has_login && !secure && is_far {
        return Err(cleartext(channel));
    }
    if secure {
        stream = way.connector.secure(&target.host, stream).await.map_err(|error| unreached(&channel.host, error))?;
    }
    let largest = info.get("max_payload").and_then(serde_json::Value::as_u64).unwrap_or(1 << 20);
    let mut hello = json!({
        "verbose": false, "pedantic": false, "tls_required": secure, "echo": false, "headers": true, "no_responders": false,
        "protocol": 1, "lang": "rust", "name": "arazzo", "version": env!("CARGO_PKG_VERSION"),
    });
    if let (Some(hello), serde_json::Value::Object(proof)) = (hello.as_object_mut(), proof) {
        hello.extend(proof);
    }
    let (input, output) = tokio::io::split(stream);
    let mut conversation = Conversation {
        host: channel.host.clone(),
        input,
        output,
        reader,
        largest: usize::try_from(largest).unwrap_or(usize::MAX),
        asked: VecDeque::new(),
        objection: None,
        subscriptions: HashMap::new(),
        last: 0,
    };
    conversation.write(format!("CONNECT {hello}\r\nPING\r\n").as_bytes()).await?;
    loop {
        match conversation.hear().await {
            Ok(Heard::Pong) => return Ok(conversation),
            Ok(Heard::Ping) => conversation.write(b"PONG\r\n").await?,
            Ok(Heard::Objection(why)) => {
                let is_proof =
                    ["authorization", "authentication"].iter().any(|word| why.to_ascii_lowercase().contains(word));
                return Err(if is_proof { not_let_in(channel, why) } else { strange(&why) });
            }
            Ok(_) => {}
            Err(failure) => return Err(Failure { kind: FailureKind::Connect, in_doubt: false, ..failure }),
        }
    }
}

impl Conversation {
    /// One thing more; `false` if the run is over.
    async fn go_on(&mut self, desk: &mut Desk, alive: &mut Interval) -> Result<bool, Failure> {
        let first = self.asked.iter().filter_map(Asked::until).min();
        let heard = tokio::select! {
            biased;
            order = desk.order() => match order {
                Some(order) => {
                    self.obey(desk, order).await?;
                    return Ok(true);
                }
                None => {
                    let _ = tokio::time::timeout(GOODBYE, self.output.shutdown()).await;
                    return Ok(false);
                }
            },
            heard = Self::hear_on(&self.host, &mut self.reader, &mut self.input) => heard?,
            () = at(first) => {
                self.give_up(desk).await;
                return Ok(true);
            }
            _ = alive.tick() => {
                if self.asked.iter().any(|asked| matches!(asked, Asked::IsThere)) {
                    return Err(broken(&self.host, format!("it said nothing for {} s", KEEP_ALIVE.as_secs())));
                }
                self.asked.push_back(Asked::IsThere);
                self.write(b"PING\r\n").await?;
                return Ok(true);
            }
        };
        self.take(desk, heard).await?;
        Ok(true)
    }

    async fn take(&mut self, desk: &mut Desk, heard: Heard) -> Result<(), Failure> {
        match heard {
            Heard::Ping => self.write(b"PONG\r\n").await,
            Heard::Pong => {
                let objection = self.objection.take();
                let host = &self.host;
                let refused = |why: String| Failure {
                    kind: FailureKind::Connect,
                    message: format!("`{host}` refuses it: {why}"),
                    in_doubt: false,
                };
                match (self.asked.pop_front(), objection) {
                    (Some(Asked::Subscribe(_, order)), None) => desk.subscribed(&order).await,
                    (Some(Asked::Subscribe(number, order)), Some(why)) => {
                        self.subscriptions.remove(&number);
                        desk.lost(order.subscription, refused(why)).await;
                    }
                    (Some(Asked::Send(call, _)), why) => {
                        desk.sent(call, why.map_or(Ok(()), |why| Err(refused(why)))).await
                    }
                    (Some(Asked::Nothing | Asked::IsThere) | None, _) => {}
                }
                Ok(())
            }
            Heard::Objection(why) => {
                // After any other the server closes the connection.
                if why.to_ascii_lowercase().starts_with("permissions violation") {
                    self.objection = Some(why);
                    return Ok(());
                }
                Err(broken(&self.host, why))
            }
            Heard::Message { number, subject, reply_to, headers, payload } => {
                let Some(&subscription) = self.subscriptions.get(&number) else { return Ok(()) };
                let message = Message { headers, reply_to, payload, ..Message::default() };
                let incoming =
                    Incoming { address: subject, is_stored: false, is_redelivered: false, mark: None, message };
                desk.received(subscription, incoming).await;
                Ok(())
            }
            Heard::Info(_) | Heard::Fine => Ok(()),
        }
    }

    async fn obey(&mut self, desk: &mut Desk, order: Order) -> Result<(), Failure> {
        match order {
            Order::Subscribe(order) => {
                let queue = binding::check(&order.channel, false).and_then(|()| {
                    let queue = binding::text(&order.channel, "queue");
                    line::check_subject(&order.channel.address, queue).map_err(refusal)
                });
                match queue {
                    Err(failure) => desk.lost(order.subscription, failure).await,
                    Ok(queue) => {
                        self.last += 1;
                        let line = format!("SUB {} {queue}{}\r\nPING\r\n", order.channel.address, self.last);
                        self.subscriptions.insert(self.last, order.subscription);
                        self.asked.push_back(Asked::Subscribe(self.last, Box::new(order)));
                        self.write(line.as_bytes()).await?;
                    }
                }
            }
            Order::Send(order) => match self.publication(&order) {
                Err(failure) => desk.sent(order.call, Err(failure)).await,
                Ok(bytes) => {
                    self.asked.push_back(Asked::Send(order.call, order.until));
                    self.write(&bytes).await?;
                }
            },
            Order::Unsubscribe(subscription) => {
                desk.forget(subscription);
                let found =
                    self.subscriptions.iter().find(|(_, open)| **open == subscription).map(|(number, _)| *number);
                if let Some(number) = found {
                    self.subscriptions.remove(&number);
                    self.write(format!("UNSUB {number}\r\n").as_bytes()).await?;
                }
            }
            Order::Acknowledge(..) => {}
        }
        Ok(())
    }

    fn publication(&self, order: &SendOrder) -> Result<Vec<u8>, Failure> {
        binding::check(&order.channel, true)?;
        let Message { headers, correlation, reply_to, key, payload, content_type: _ } = &order.message;
        for (value, what) in [(correlation, "a correlation id beside headers and payload"), (key, "a key")] {
            if value.is_some() {
                return Err(refusal(format!("`nats` has no place for {what}")));
            }
        }
        let mut bytes =
            line::publish(&order.channel.address, reply_to.as_deref(), headers, payload).map_err(refusal)?;
        if payload.len() > self.largest {
            let (length, largest) = (payload.len(), self.largest);
            return Err(refusal(format!("the message has {length} bytes, and `{}` takes {largest}", self.host)));
        }
        bytes.extend_from_slice(b"PING\r\n");
        Ok(bytes)
    }

    /// Answers what was asked for and whose time is over.
    async fn give_up(&mut self, desk: &mut Desk) {
        let now = Instant::now();
        for asked in &mut self.asked {
            if asked.until().is_none_or(|until| until > now) {
                continue;
            }
            match std::mem::replace(asked, Asked::Nothing) {
                Asked::Send(call, _) => desk.sent(call, Err(late(&self.host, "accept the message"))).await,
                Asked::Subscribe(number, order) => {
                    self.subscriptions.remove(&number);
                    desk.lost(order.subscription, late(&self.host, "grant the subscription")).await;
                }
                Asked::Nothing | Asked::IsThere => {}
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let write = async {
            self.output.write_all(bytes).await?;
            self.output.flush().await
        };
        match tokio::time::timeout(WRITE, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(&self.host, error)),
            Err(_) => Err(broken(&self.host, "it reads no further")),
        }
    }

    async fn hear(&mut self) -> Result<Heard, Failure> {
        Self::hear_on(&self.host, &mut self.reader, &mut self.input).await
    }

    /// The next thing that the server says. It may be dropped at any time.
    async fn hear_on(host: &str, reader: &mut Reader, input: &mut ReadHalf<Box<dyn Stream>>) -> Result<Heard, Failure> {
        loop {
            match reader.next() {
                Ok(Some(heard)) => return Ok(heard),
                Ok(None) => {}
                Err(Unread::Strange(why)) => return Err(broken(host, why)),
                Err(Unread::TooLarge(length)) => return Err(too_large(host, Some(length), reader.most())),
            }
            match input.read_buf(reader.buffer()).await {
                Ok(0) => return Err(broken(host, "the server closed it")),
                Ok(_) => {}
                Err(error) => return Err(broken(host, error)),
            }
        }
    }
}

impl Asked {
    fn until(&self) -> Option<Instant> {
        match self {
            Self::Send(_, until) => Some(*until),
            Self::Subscribe(_, order) => Some(order.until),
            Self::Nothing | Self::IsThere => None,
        }
    }
}
