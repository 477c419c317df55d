//! The seam to brokers: what subscribes and sends for a run. It can be replaced.

use std::sync::Arc;

use arazzo_engine::machine::message::{ChannelInput, ChannelRequest};

use crate::transport::Pending;

/// What stands in the place of the method of a request, of a message.
pub(crate) const SEND: &str = "SEND";

/// Reaches brokers: the channels of runs. Implement it to use clients of your own, or to answer in tests.
pub trait Channels: Send + Sync {
    /// The link of one run, which has no connection yet: the first request for a broker opens it.
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

/// The channels of one run. Dropping it closes every connection.
pub trait ChannelLink: Send + 'static {
    /// Takes a request of the run, and does not wait. Every subscription and every send is answered by
    /// [`ChannelLink::next`]; keeping to their `timeout_ms` and `message_bytes` is the link's duty. Nothing is sent twice. What
    /// is asked last (that messages were taken, that nobody listens any more) is to be done also where the link is dropped then.
    fn request(&mut self, request: ChannelRequest);

    /// The next thing that the run hears, in the order in which it happened; it waits while there is none. The future may be
    /// dropped at any time, and nothing is lost by that.
    fn next(&mut self) -> Pending<'_, ChannelInput>;

    /// Says goodbye to every broker and waits for a second at most, where a runtime ends with the run; by default, and where
    /// it is only dropped, connections are closed as their tasks get to it.
    fn close(self: Box<Self>) -> Pending<'static, ()> {
        Box::pin(async move { drop(self) })
    }
}
