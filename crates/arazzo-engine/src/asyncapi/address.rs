//! Addresses: which texts can be one, protocol by protocol.

use super::protocol::Protocol;

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
    blank(address).or_else(|| address.contains('#').then(|| "has a fragment, which is never sent".to_owned()))
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

/// `true` if an address is one that a pattern stands for: levels are compared one by one, and the last of a pattern may
/// stand for all that follow (`#`, and `>` for one at least). The group of a shared subscription is no part of it.
pub(crate) fn is_within(address: &str, pattern: &str) -> bool {
    let shared = pattern.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
    let pattern = shared.map_or(pattern, |(_, pattern)| pattern);
    if address == pattern {
        return true;
    }
    let separator = if pattern.contains(['+', '/']) { '/' } else { '.' };
    let mut levels = address.split(separator);
    for known in pattern.split(separator) {
        match (known, levels.next()) {
            ("#", _) | (">", Some(_)) => return true,
            ("+" | "*", Some(_)) => {}
            (known, Some(level)) if known == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_pattern_stands_for_its_addresses() {
        for (pattern, yes, no) in [
            ("q/+/x", "q/1/x", "q/1/y"),
            ("q/+/x", "q//x", "q/1/x/2"),
            ("q/#", "q", "r/q"),
            ("q/#", "q/1/2", "qu"),
            ("+/x", "q/x", "x"),
            ("$share/g/q/y", "q/y", "g/q/y"),
            ("$share/g/q/+", "q/y", "q/y/z"),
            ("orders.*", "orders.new", "orders.new.eu"),
            ("orders.>", "orders.new.eu", "orders"),
            ("orders.#", "orders.new.eu", "order"),
            ("q/y", "q/y", "q/z"),
        ] {
            assert!(is_within(yes, pattern), "{pattern} {yes}");
            assert!(!is_within(no, pattern), "{pattern} {no}");
        }
    }
}
