//! Bindings: what a description asks of a protocol. Each is honoured, or refused by its name.

use arazzo_engine::machine::Failure;
use arazzo_engine::machine::message::Channel;
use arazzo_engine::value::Json;

use super::refusal;

/// Lets no binding pass that is not one of these.
///
/// # Errors
/// The first that is not, by its name.
pub(super) fn only(channel: &Channel, known: &[&str]) -> Result<(), Failure> {
    let asks = |name: &str| name != "bindingVersion" && !name.starts_with("x-");
    let stranger = channel.bindings.keys().find(|name| asks(name) && !known.contains(&name.as_str()));
    match stranger {
        Some(name) => Err(unknown(channel, name)),
        None => Ok(()),
    }
}

fn unknown(channel: &Channel, name: &str) -> Failure {
    refusal(format!(
        "the binding `{name}` of `{}` is not known here, and what it asks for would not be done",
        channel.protocol
    ))
}

fn wrong(channel: &Channel, name: &str, wanted: &str) -> Failure {
    refusal(format!("the binding `{name}` of `{}` has to be {wanted}", channel.protocol))
}

/// The value of a binding, if it is there and not null.
fn found<'c>(channel: &'c Channel, name: &str) -> Option<&'c Json> {
    channel.bindings.get(name).filter(|value| **value != Json::Null)
}

#[cfg(any(feature = "channel-mqtt", feature = "channel-amqp"))]
pub(super) fn flag(channel: &Channel, name: &str) -> Result<Option<bool>, Failure> {
    found(channel, name).map(|value| value.as_bool().ok_or_else(|| wrong(channel, name, "true or false"))).transpose()
}

#[cfg(any(feature = "channel-mqtt", feature = "channel-amqp"))]
pub(super) fn whole(channel: &Channel, name: &str) -> Result<Option<u64>, Failure> {
    found(channel, name).map(|value| value.as_u64().ok_or_else(|| wrong(channel, name, "a whole number"))).transpose()
}

/// Lets a schema pass where a value would not be honoured.
///
/// # Errors
/// The name of the binding that has a value.
#[cfg(feature = "channel-kafka")]
pub(super) fn no_text(channel: &Channel, name: &str) -> Result<(), Failure> {
    match found(channel, name).and_then(Json::as_str) {
        Some(_) => Err(refusal(format!("the binding `{name}` of `{}` is not honoured", channel.protocol))),
        None => Ok(()),
    }
}

pub(super) fn text<'c>(channel: &'c Channel, name: &str) -> Result<Option<&'c str>, Failure> {
    found(channel, name).map(|value| value.as_str().ok_or_else(|| wrong(channel, name, "a text"))).transpose()
}
