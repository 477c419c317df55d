//! Bindings: what a description asks of a protocol. The engine says which of them can be; here they are read.

use arazzo_engine::machine::Failure;
use arazzo_engine::machine::message::Channel;
use arazzo_engine::value::Json;

use super::refusal;

/// Lets no binding pass that a connection cannot honour.
///
/// # Errors
/// The first that is not, by its name.
pub(super) fn check(channel: &Channel, sends: bool) -> Result<(), Failure> {
    channel.protocol.refuses_bindings(&channel.bindings, sends).map_or(Ok(()), |why| Err(refusal(why)))
}

#[cfg(any(feature = "channel-mqtt", feature = "channel-amqp"))]
pub(super) fn flag(channel: &Channel, name: &str) -> bool {
    channel.bindings.get(name).and_then(Json::as_bool).unwrap_or(false)
}

/// A whole number that fits its field.
#[cfg(any(feature = "channel-mqtt", feature = "channel-amqp"))]
pub(super) fn whole<T: TryFrom<u64>>(channel: &Channel, name: &str) -> Option<T> {
    channel.bindings.get(name).and_then(Json::as_u64).and_then(|number| number.try_into().ok())
}

pub(super) fn text<'c>(channel: &'c Channel, name: &str) -> Option<&'c str> {
    channel.bindings.get(name).and_then(Json::as_str)
}
