//! What a run remembers of its channels, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::frame::Next;
use super::super::message::{DeliveryId, SubscriptionId};
use super::super::store::Slot;
use super::super::wire::FailureKind;
use crate::event::IgnoredBecause;
use crate::expr::StepId;
use crate::limits::Millis;
use crate::program::ChannelId;

/// Messages that a subscription keeps until a step takes them, and their bytes.
pub(super) const BUFFERED: usize = 1_000;
pub(super) const BUFFERED_BYTES: u64 = 16 << 20;

/// How many events say that a message was ignored, for each subscription; beyond them they are counted.
pub(super) const IGNORED_SHOWN: u32 = 100;

/// Everything that a run remembers of its channels.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Messaging {
    pub(in super::super) subscriptions: Vec<Subscription>,
    /// Steps that wait for a message, in the order in which they began to.
    pub(in super::super) receives: Vec<OpenReceive>,
    /// Steps that others wait for, and what follows.
    pub(in super::super) joining: Vec<Joining>,
    /// Fingerprints of what was sent and may come back.
    pub(in super::super) sent: Vec<u64>,
    /// The number of the next subscription, and of the next step that waits.
    pub(in super::super) next: u64,
    /// Messages that were sent.
    pub(in super::super) count: u32,
}

/// A channel that is listened to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Subscription {
    pub(in super::super) id: SubscriptionId,
    pub(in super::super) channel: ChannelId,
    /// The fingerprint of where it is: what is the same is listened to once.
    pub(in super::super) key: u64,
    pub(in super::super) address: String,
    pub(in super::super) status: Listening,
    /// The steps that receive from it.
    pub(in super::super) steps: Vec<StepId>,
    /// What came and no step has taken, oldest first.
    pub(in super::super) buffer: Vec<Buffered>,
    /// Fingerprints of what came.
    pub(in super::super) seen: Vec<u64>,
    /// What was ignored, by the reason.
    pub(in super::super) ignored: BTreeMap<IgnoredBecause, u32>,
    /// Events that said so.
    pub(in super::super) shown: u32,
    /// How far it has come in each part, where its broker keeps what comes.
    #[serde(default)]
    pub(in super::super) marks: BTreeMap<String, String>,
    /// The calls that the run had made when it began.
    #[serde(default)]
    pub(in super::super) calls: u64,
    /// `true` if it goes on in another process: what was stored meanwhile has come while it was listened to.
    #[serde(default)]
    pub(in super::super) is_resumed: bool,
}

/// How a subscription gets on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) enum Listening {
    Opening,
    Open,
    /// It is no more, or did not come about.
    Lost(FailureKind, String),
}

/// A message that came. What it holds may be a secret, so it is kept with those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Buffered {
    pub(in super::super) delivery: DeliveryId,
    pub(in super::super) bytes: u64,
    pub(in super::super) slot: Slot,
}

/// A step that waits for a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct OpenReceive {
    pub(in super::super) number: u64,
    pub(in super::super) frame: u32,
    pub(in super::super) step: StepId,
    pub(in super::super) subscription: SubscriptionId,
    pub(in super::super) since: Millis,
    pub(in super::super) until: Millis,
    /// `correlationId`
    pub(in super::super) correlation: Option<Slot>,
    /// The address, where the subscription is to more than one.
    pub(in super::super) address: Option<String>,
    /// The message that it was waiting for, with its number.
    pub(in super::super) found: Option<(DeliveryId, Slot)>,
}

/// A step that is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Joining {
    pub(in super::super) frame: u32,
    pub(in super::super) receive: StepId,
    /// What follows when it is over; nothing for the end of the workflow.
    pub(in super::super) then: Option<Next>,
}

impl Messaging {
    pub(in super::super) fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| subscription.id == id)
    }

    pub(in super::super) fn subscription_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|subscription| subscription.id == id)
    }

    /// The step that waits in a frame.
    pub(in super::super) fn receive(&self, frame: u32, step: StepId) -> Option<&OpenReceive> {
        self.receives.iter().find(|receive| (receive.frame, receive.step) == (frame, step))
    }

    /// Calls `visit` with every slot.
    pub(in super::super) fn each_slot(&self, visit: &mut impl FnMut(&Slot)) {
        self.subscriptions.iter().flat_map(|subscription| &subscription.buffer).for_each(|kept| visit(&kept.slot));
        for receive in &self.receives {
            receive.correlation.iter().for_each(&mut *visit);
            receive.found.iter().for_each(|(_, slot)| visit(slot));
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
