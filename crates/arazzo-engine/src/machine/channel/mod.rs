//! Channels of a run: who listens to what, what came and nobody has taken, which steps wait for a message.
//!
//! A channel that a step may receive from is listened to before the steps before it send anything (`subscribe.rs`), what
//! comes is matched or kept (`arrive.rs`, `correlate.rs`), a step that receives waits for it, or lets others run meanwhile
//! (`wait.rs`). `send.rs` sends, `resolve.rs` says where a channel is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::Next;
use super::message::{DeliveryId, SubscriptionId};
use super::store::Slot;
use super::wire::FailureKind;
use crate::event::IgnoredBecause;
use crate::expr::StepId;
use crate::limits::Millis;
use crate::program::ChannelId;

mod arrive;
mod correlate;
mod resolve;
mod send;
mod subscribe;
mod wait;

pub use wait::AwaitedMessage;

/// Messages that a subscription keeps until a step takes them, and their bytes.
const BUFFERED: usize = 1_000;
const BUFFERED_BYTES: u64 = 16 << 20;

/// How many events say that a message was ignored, for each subscription; beyond them they are counted.
const IGNORED_SHOWN: u32 = 100;

/// Everything that a run remembers of its channels.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Messaging {
    pub(super) subscriptions: Vec<Subscription>,
    /// Steps that wait for a message, in the order in which they began to.
    pub(super) receives: Vec<OpenReceive>,
    /// Steps that others wait for, and what follows.
    pub(super) joining: Vec<Joining>,
    /// Fingerprints of what was sent and may come back.
    pub(super) sent: Vec<u64>,
    /// The number of the next subscription, and of the next step that waits.
    pub(super) next: u64,
    /// Messages that were sent.
    pub(super) count: u32,
}

/// A channel that is listened to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) id: SubscriptionId,
    pub(super) channel: ChannelId,
    /// The fingerprint of where it is: what is the same is listened to once.
    pub(super) key: u64,
    pub(super) address: String,
    pub(super) status: Listening,
    /// The steps that receive from it.
    pub(super) steps: Vec<StepId>,
    /// What came and no step has taken, oldest first.
    pub(super) buffer: Vec<Buffered>,
    /// Fingerprints of what came.
    pub(super) seen: Vec<u64>,
    /// What was ignored, by the reason.
    pub(super) ignored: BTreeMap<IgnoredBecause, u32>,
    /// Events that said so.
    pub(super) shown: u32,
}

/// How a subscription gets on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Listening {
    Opening,
    Open,
    /// It is no more, or did not come about.
    Lost(FailureKind, String),
}

/// A message that came. What it holds may be a secret, so it is kept with those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Buffered {
    pub(super) delivery: DeliveryId,
    pub(super) bytes: u64,
    pub(super) slot: Slot,
}

/// A step that waits for a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct OpenReceive {
    pub(super) number: u64,
    pub(super) frame: u32,
    pub(super) step: StepId,
    pub(super) subscription: SubscriptionId,
    pub(super) since: Millis,
    pub(super) until: Millis,
    /// `correlationId`
    pub(super) correlation: Option<Slot>,
    /// The address, where the subscription is to more than one.
    pub(super) address: Option<String>,
    /// The message that it was waiting for, with its number.
    pub(super) found: Option<(DeliveryId, Slot)>,
}

/// A step that is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Joining {
    pub(super) frame: u32,
    pub(super) receive: StepId,
    /// What follows when it is over; nothing for the end of the workflow.
    pub(super) then: Option<Next>,
}

impl Messaging {
    pub(super) fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| subscription.id == id)
    }

    pub(super) fn subscription_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|subscription| subscription.id == id)
    }

    /// The step that waits in a frame.
    pub(super) fn receive(&self, frame: u32, step: StepId) -> Option<&OpenReceive> {
        self.receives.iter().find(|receive| (receive.frame, receive.step) == (frame, step))
    }

    /// Calls `visit` with every slot.
    pub(super) fn each_slot(&self, visit: &mut impl FnMut(&Slot)) {
        self.subscriptions.iter().flat_map(|subscription| &subscription.buffer).for_each(|kept| visit(&kept.slot));
        for receive in &self.receives {
            receive.correlation.iter().for_each(&mut *visit);
            receive.found.iter().for_each(|(_, slot)| visit(slot));
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
