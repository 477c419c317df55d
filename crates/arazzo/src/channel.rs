//! The seam to brokers: who makes connections, and one connection to all channels of a run.

use std::sync::Arc;

use arazzo_engine::machine::message::{ChannelInput, ChannelRequest};

use crate::transport::Pending;

/// Connects runs to their channels.
pub trait Channels: Send + Sync {
    /// A link for one run.
    fn open(&self) -> Box<dyn ChannelLink>;
}

/// Who connects to brokers, as a description keeps it.
#[derive(Clone)]
pub(crate) struct Connections(pub(crate) Arc<dyn Channels>);

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connections")
    }
}

/// The channels of a run: requests are answered in their order.
pub trait ChannelLink: Send {
    /// Asks something of a channel. What comes of it is heard by [`ChannelLink::next`]. What is asked last (that messages
    /// were taken, that nobody listens any more) is to be done also where the link is dropped then.
    fn request(&mut self, request: ChannelRequest);

    /// The next thing that is heard of a channel. Dropping the future loses nothing.
    fn next(&mut self) -> Pending<'_, ChannelInput>;
}
