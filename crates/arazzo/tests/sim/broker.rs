//! Seed → a broker in memory: messages that are sent come back, are answered, and come between others; they are dropped,
//! delayed, doubled, and come in another order. Connections are refused and lost.

use std::collections::{BTreeMap, BTreeSet};

use arazzo::messages::{
    Channel, ChannelInput, ChannelRequest, Delivery, DeliveryId, Message, Protocol, SubscriptionId,
};
use arazzo::{Failure, FailureKind};
use serde_json::{Value as Json, json};

use crate::chance::Chance;
use crate::documents::{Case, GIVEN};
use crate::promises::{Broken, broken};

/// What comes, and after how many ms.
pub type Coming = (u64, ChannelInput);

/// The other side of channels. The same seed does the same with the same messages.
pub struct Broker {
    chance: Chance,
    /// How many messages in a hundred meet a fault.
    faults: u64,
    /// Where each subscription is.
    open: BTreeMap<SubscriptionId, String>,
    calls: BTreeSet<u64>,
    /// Messages that were handed out: whether the run itself sent each, and which were taken.
    own: BTreeMap<u64, bool>,
    taken: BTreeSet<u64>,
    deliveries: u64,
}

impl Broker {
    pub fn new(case: &Case) -> Self {
        let mut chance = Chance::new(case.seed, "broker");
        let faults = chance.pick(&[0, 10, 40]);
        let (open, calls, own, taken) = Default::default();
        Self { chance, faults, open, calls, own, taken, deliveries: 0 }
    }

    /// What comes of what is asked.
    pub fn ask(&mut self, request: &ChannelRequest) -> Result<Vec<Coming>, Broken> {
        match request {
            ChannelRequest::Subscribe { subscription, channel, .. } => {
                is_given(channel)?;
                Ok(self.subscribe(*subscription, channel))
            }
            ChannelRequest::Send { call, channel, message, timeout_ms, .. } => {
                is_given(channel)?;
                if !self.calls.insert(call.0) {
                    return Err(broken("7 no unsafe request twice", format!("message {} leaves twice", call.0)));
                }
                let mut coming = vec![];
                let mut result = Ok(());
                let after = self.delay().min(*timeout_ms);
                if self.chance.percent(self.faults / 2) {
                    let in_doubt = self.chance.percent(50);
                    let kind = self.chance.pick(&[FailureKind::Connect, FailureKind::Reset, FailureKind::Timeout]);
                    result = Err(failure(kind, in_doubt, &message.payload));
                    if !in_doubt {
                        return Ok(vec![(after, ChannelInput::Sent { call: *call, result })]);
                    }
                }
                coming.push((after, ChannelInput::Sent { call: *call, result }));
                coming.extend(self.spread(channel, message));
                Ok(coming)
            }
            ChannelRequest::Acknowledge { delivery, .. } => {
                match self.own.get(&delivery.0) {
                    Some(true) => return Err(broken("14 own messages", "one that the run sent is taken")),
                    None => return Err(broken("14 own messages", "one is taken that was not handed out")),
                    Some(false) => {}
                }
                match self.taken.insert(delivery.0) {
                    true => Ok(vec![]),
                    false => Err(broken("14 own messages", format!("message {} is taken twice", delivery.0))),
                }
            }
            ChannelRequest::Unsubscribe(subscription) => {
                self.open.remove(subscription);
                Ok(vec![])
            }
        }
    }

    fn subscribe(&mut self, subscription: SubscriptionId, channel: &Channel) -> Vec<Coming> {
        let after = self.delay();
        if self.chance.percent(self.faults / 4) {
            let failure = failure(FailureKind::Connect, false, channel.address.as_bytes());
            return vec![(after, ChannelInput::Lost { subscription, failure })];
        }
        self.open.insert(subscription, channel.address.clone());
        let mut coming = vec![(after, ChannelInput::Subscribed(subscription))];
        // What others have to say, also before anybody has sent anything.
        for _ in 0..self.chance.below(3) {
            let later = after + self.delay();
            let message = self.strange();
            let is_stored = self.chance.percent(30);
            coming.push((later, self.delivered(subscription, &channel.address, message, (is_stored, false, false))));
        }
        if self.chance.percent(self.faults / 4) {
            let failure = failure(FailureKind::Reset, false, b"gone");
            coming.push((after + self.delay() + self.delay(), ChannelInput::Lost { subscription, failure }));
        }
        coming
    }

    /// What a message that is sent brings about: itself, where its address is listened to; an answer, between others.
    fn spread(&mut self, channel: &Channel, message: &Message) -> Vec<Coming> {
        let mut coming = vec![];
        for (subscription, address) in self.open.clone() {
            if Protocol::Mqtt5.covers(&address, &channel.address) {
                let after = self.delay();
                let heard = self.delivered(subscription, &channel.address, message.clone(), (false, false, true));
                coming.push((after, heard));
                continue;
            }
            if self.chance.percent(self.faults) && self.chance.percent(30) {
                // It is dropped.
                continue;
            }
            for _ in 0..self.chance.below(3) {
                let (after, strange) = (self.delay(), self.strange());
                coming.push((
                    after,
                    self.delivered(subscription, &answered_at(&address), strange, (false, false, false)),
                ));
            }
            let after = self.delay();
            let answer = self.answer(message);
            let copies = if self.chance.percent(self.faults) { 2 } else { 1 };
            for copy in 0..copies {
                let parts = (false, copy > 0, false);
                coming
                    .push((after + copy, self.delivered(subscription, &answered_at(&address), answer.clone(), parts)));
            }
        }
        coming
    }

    fn delivered(
        &mut self,
        subscription: SubscriptionId,
        address: &str,
        message: Message,
        (is_stored, is_redelivered, is_own): (bool, bool, bool),
    ) -> ChannelInput {
        self.deliveries += 1;
        self.own.insert(self.deliveries, is_own);
        let delivery = Delivery {
            delivery: DeliveryId(self.deliveries),
            address: address.to_owned(),
            is_stored,
            is_redelivered,
            mark: None,
            message,
        };
        ChannelInput::Received { subscription, delivery }
    }

    /// An answer with the id of a message, which may say what it was sent.
    fn answer(&mut self, message: &Message) -> Message {
        let sent: Json = serde_json::from_slice(&message.payload).unwrap_or(Json::Null);
        let mut body = json!({
            "id": sent["id"], "n": self.chance.below(5), "state": self.chance.pick(&["queued", "done"]),
        });
        if self.chance.percent(40) {
            body["echo"] = sent;
        }
        if self.chance.percent(5) {
            return Message { payload: b"{\"id\": ".to_vec(), ..Message::default() };
        }
        Message { payload: body.to_string().into_bytes(), ..Message::default() }
    }

    /// A message that is for somebody else.
    fn strange(&mut self) -> Message {
        let body = json!({ "id": format!("other-{}", self.chance.below(1_000)), "n": 1, "state": "done" });
        Message { payload: body.to_string().into_bytes(), ..Message::default() }
    }

    fn delay(&mut self) -> u64 {
        match self.chance.below(8) {
            0 => self.chance.below(12_000),
            1 => 0,
            _ => self.chance.below(300),
        }
    }
}

/// An address that a pattern stands for.
fn answered_at(pattern: &str) -> String {
    pattern.replace('+', "any")
}

fn failure(kind: FailureKind, in_doubt: bool, said: &[u8]) -> Failure {
    Failure { kind, message: format!("the broker said {}", String::from_utf8_lossy(said)), in_doubt }
}

fn is_given(channel: &Channel) -> Result<(), Broken> {
    let host = channel.host.split(':').next().unwrap_or_default();
    match GIVEN.contains(&host) {
        true => Ok(()),
        false => Err(broken("3 hosts that were given", format!("{} is connected to", channel.host))),
    }
}
