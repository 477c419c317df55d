//! Addresses: which texts can be one, protocol by protocol.

use super::protocol::Protocol;
use crate::openapi::path::is_dots;

/// Bytes of a topic of MQTT at most.
const MQTT_TOPIC: usize = 65_535;

/// Letters of a topic of Kafka at most.
const KAFKA_TOPIC: usize = 249;

/// Bytes of a name of AMQP at most.
const AMQP_NAME: usize = 255;

impl Protocol {
    /// Why a text cannot be the address of a channel, in words that go on behind it: `has a space in it`. What is sent
    /// goes to one address; what is listened to may be a pattern, where the protocol has such.
    #[must_use]
    pub(crate) fn refuses_address(self, address: &str, sends: bool) -> Option<String> {
        match self {
            Self::Ws | Self::Wss | Self::Http | Self::Https => web(address),
            Self::Mqtt | Self::Mqtt5 | Self::SecureMqtt => mqtt(address, sends),
            Self::Nats => nats(address, sends),
            Self::Kafka | Self::KafkaSecure => kafka(address),
            Self::Amqp | Self::Amqps => longer(address, AMQP_NAME),
        }
    }
}

fn longer(address: &str, most: usize) -> Option<String> {
    (address.len() > most).then(|| format!("has {} bytes, and {most} are the most", address.len()))
}

fn blank(address: &str) -> Option<String> {
    let found = address.chars().find(|c| c.is_whitespace() || c.is_control())?;
    Some(if found == ' ' { "has a space in it".to_owned() } else { "has a control character in it".to_owned() })
}

fn web(address: &str) -> Option<String> {
    let path = address.split('?').next().unwrap_or_default();
    let leads_elsewhere =
        || path.split('/').any(is_dots).then(|| "has a `.` or `..` that leads to another path".to_owned());
    let fragment = || address.contains('#').then(|| "has a fragment, which is never sent".to_owned());
    blank(address).or_else(fragment).or_else(leads_elsewhere)
}

fn mqtt(address: &str, sends: bool) -> Option<String> {
    if address.is_empty() {
        return Some("is empty, and a topic has a character at least".to_owned());
    }
    if address.contains('\0') {
        return Some("has a control character in it".to_owned());
    }
    let wildcard = address.chars().find(|c| matches!(c, '+' | '#'));
    if let (true, Some(wildcard)) = (sends, wildcard) {
        return Some(format!("has the wildcard `{wildcard}` in it, and a message goes to one topic"));
    }
    let levels: Vec<&str> = address.split('/').collect();
    let last = levels.len().saturating_sub(1);
    let wrong = levels.iter().enumerate().find_map(|(at, level)| {
        let whole = match level.chars().find(|c| matches!(c, '+' | '#'))? {
            '#' => *level == "#" && at == last,
            _ => *level == "+",
        };
        (!whole).then_some(*level)
    });
    match wrong {
        Some("#") => Some("has the wildcard `#` before its end".to_owned()),
        Some(level) => Some(format!("has the level `{level}`, where a wildcard stands for a whole level")),
        None => longer(address, MQTT_TOPIC),
    }
}

fn nats(address: &str, sends: bool) -> Option<String> {
    if address.is_empty() {
        return Some("is empty, and a subject has a character at least".to_owned());
    }
    if let Some(blank) = blank(address) {
        return Some(blank);
    }
    let tokens: Vec<&str> = address.split('.').collect();
    if tokens.iter().any(|token| token.is_empty()) {
        return Some("has nothing between two dots, or at an end".to_owned());
    }
    let wildcard = tokens.iter().find(|token| matches!(**token, "*" | ">"));
    if let (true, Some(wildcard)) = (sends, wildcard) {
        return Some(format!("has the wildcard `{wildcard}` in it, and a message goes to one subject"));
    }
    let early = tokens.iter().rev().skip(1).any(|token| *token == ">");
    early.then(|| "has the wildcard `>` before its end".to_owned())
}

fn kafka(address: &str) -> Option<String> {
    if address.is_empty() {
        return Some("is empty, and a topic has a character at least".to_owned());
    }
    if matches!(address, "." | "..") {
        return Some("is no name that a topic can have".to_owned());
    }
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(found) = address.chars().find(|c| !fits(c)) {
        let found = found.escape_debug();
        return Some(format!("has `{found}` in it, and topics have letters of ASCII, digits, `.`, `_` and `-`"));
    }
    longer(address, KAFKA_TOPIC)
}

impl Protocol {
    /// `true` if an address is one that a pattern stands for. Where a protocol has no patterns, that is the address itself.
    /// The group of a shared subscription is no part of a pattern.
    #[must_use]
    pub fn covers(self, pattern: &str, address: &str) -> bool {
        let pattern = self.without_group(pattern);
        let Some((wildcard, separator)) = self.wildcard() else { return pattern == address };
        let is_mqtt = separator == '/';
        // What a broker says of itself is asked for by its name (MQTT 5, 4.7.2).
        if is_mqtt && address.starts_with('$') && pattern.starts_with(['+', '#']) {
            return false;
        }
        // What stands for any number of levels, and the fewest.
        let (rest, fewest) = if self == Self::Nats { (">", 1) } else { ("#", 0) };
        let known: Vec<&str> = pattern.split(separator).collect();
        let levels: Vec<&str> = address.split(separator).collect();
        covers(&known, &levels, (wildcard, rest, fewest))
    }

    /// A pattern without the group of a shared subscription, `$share/GROUP/PATTERN`.
    #[must_use]
    pub fn without_group(self, pattern: &str) -> &str {
        let is_mqtt = matches!(self, Self::Mqtt | Self::Mqtt5 | Self::SecureMqtt);
        let shared = pattern.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
        shared.filter(|_| is_mqtt).map_or(pattern, |(_, pattern)| pattern)
    }
}

/// Compares levels one by one. In AMQP, what stands for any number of them may have others behind it: then all ways are
/// looked at, level by level.
fn covers(pattern: &[&str], levels: &[&str], (one, rest, fewest): (&str, &str, usize)) -> bool {
    // The beginnings of the levels that the pattern stands for so far, by their lengths.
    let mut reached = vec![false; levels.len() + 1];
    reached.iter_mut().take(1).for_each(|start| *start = true);
    for known in pattern {
        let mut next = vec![false; levels.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, is)| **is) {
            if *known == rest {
                next.iter_mut().skip(at + fewest).for_each(|any| *any = true);
            } else if levels.get(at).is_some_and(|level| *known == one || known == level) {
                next.iter_mut().skip(at + 1).take(1).for_each(|behind| *behind = true);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::Protocol::{self, Amqp, Kafka, Mqtt, Mqtt5, Nats, SecureMqtt, Ws};

    #[test]
    fn a_pattern_stands_for_its_addresses() {
        let cases: [(Protocol, &str, &str, &str); 33] = [
            (Mqtt, "q/+/x", "q/1/x", "q/1/y"),
            (Mqtt, "q/+/x", "q//x", "q/1/x/2"),
            (Mqtt5, "q/#", "q", "r/q"),
            (Mqtt5, "q/#", "q/1/2", "qu"),
            (SecureMqtt, "+/x", "q/x", "x"),
            (Mqtt, "a/b", "a/b", "a/b/c"),
            (Mqtt, "a/+", "a/b", "a/b/c"),
            (Mqtt, "+/b", "/b", "$a/b"),
            (Mqtt, "#", "a/b", "$SYS/a"),
            (Mqtt, "$SYS/#", "$SYS/a", "a/SYS"),
            (Mqtt, "$share/g/q/y", "q/y", "g/q/y"),
            (Mqtt5, "$share/g/q/+", "q/y", "q/y/z"),
            // Characters of other protocols are letters.
            (Mqtt, "q/*", "q/*", "q/1"),
            (Mqtt, "q/>", "q/>", "q/1"),
            (Mqtt, "a.b", "a.b", "a/b"),
            (Mqtt, "a.+", "a.+", "a.b"),
            (Nats, "orders.*", "orders.new", "orders.new.eu"),
            (Nats, "orders.>", "orders.new.eu", "orders"),
            (Nats, "orders.#", "orders.#", "orders.new"),
            (Nats, "a/b.*", "a/b.c", "a.b.c"),
            (Nats, "a/+", "a/+", "a/b"),
            (Nats, "$share/g/q", "$share/g/q", "q"),
            (Amqp, "orders.#", "orders.new.eu", "order"),
            (Amqp, "orders.#", "orders", "orders/new"),
            (Amqp, "#.eu", "orders.new.eu", "orders.eu.new"),
            (Amqp, "orders.#.eu", "orders.eu", "orders.us"),
            (Amqp, "orders.#.eu.*", "orders.a.eu.eu.b", "orders.a.eu"),
            (Amqp, "a.*", "a.b", "a"),
            (Amqp, "a.>", "a.>", "a.b"),
            (Kafka, "orders.*", "orders.*", "orders.new"),
            (Kafka, "orders.#", "orders.#", "orders.new"),
            (Ws, "/a/+", "/a/+", "/a/b"),
            (Ws, "/a/#", "/a/#", "/a"),
        ];
        for (protocol, pattern, yes, no) in cases {
            assert!(protocol.covers(pattern, yes), "{protocol}: {pattern} {yes}");
            assert!(!protocol.covers(pattern, no), "{protocol}: {pattern} {no}");
        }
    }
}
