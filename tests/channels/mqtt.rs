//! MQTT 3.1.1 and 5, against mosquitto.

use std::process::Command;

use super::brokers::{Broker, folder, free_port, installed};
use super::*;
use crate::tls::Authority;

/// A broker with these lines of configuration beside its listener; `HERE` is its folder.
pub(super) fn mosquitto(more: &str) -> Option<Broker> {
    let program = installed("mosquitto", "ARAZZO_MOSQUITTO")?;
    let (port, folder) = (free_port(), folder("mosquitto"));
    let file = folder.join("mosquitto.conf");
    let more = more.replace("HERE", &folder.display().to_string());
    let quiet = if more.contains("log_dest") { "" } else { "log_dest none\n" };
    // It gives up its rights if it has too many, and then cannot read what is here.
    let text = format!("listener {port} 127.0.0.1\npersistence false\nuser root\n{quiet}{more}\n");
    std::fs::write(&file, text).unwrap();
    Some(Broker::start(Command::new(program).arg("-c").arg(file), port, folder))
}

pub(super) const OPEN: &str = "allow_anonymous true";

#[test]
fn mqtt5_fields_of_a_message_arrive_and_own_messages_do_not() {
    let Some(broker) = mosquitto(OPEN) else { return };
    let channels = channels(Network::default(), &broker.host());
    let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
    let orders = channel(Protocol::Mqtt5, &broker.host(), "orders/7");
    let pattern = Channel { address: "orders/+".to_owned(), ..orders.clone() };
    let heard = one.subscribe(&pattern).unwrap();
    let message = Message {
        headers: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
        content_type: Some("text/plain".to_owned()),
        correlation: Some("c".to_owned()),
        reply_to: Some("back".to_owned()),
        ..text("of another")
    };
    one.send(&orders, text("own")).unwrap();
    other.send(&orders, message.clone()).unwrap();
    let delivery = one.receive(heard);
    assert_eq!(delivery.message, message);
    assert_eq!(delivery.address, "orders/7");
    let refused = one.send(&orders, Message { key: Some("k".to_owned()), ..text("x") }).unwrap_err();
    assert!(refused.message.contains("a key"), "{}", refused.message);
}

#[test]
fn mqtt_retained_messages_are_stored_and_each_subscription_has_its_own() {
    let Some(broker) = mosquitto(OPEN) else { return };
    let channels = channels(Network::default(), &broker.host());
    for protocol in [Protocol::Mqtt, Protocol::Mqtt5] {
        let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
        let state = channel(protocol, &broker.host(), &format!("{protocol}/state"));
        let kept = bound(state.clone(), arazzo::json!({ "retain": true, "qos": 2, "bindingVersion": "0.2.0" }));
        other.send(&kept, text("before")).unwrap();
        let first = one.subscribe(&state).unwrap();
        let stored = one.receive(first);
        assert_eq!((payload(&stored), stored.is_stored), ("before", true), "{protocol}");
        other.send(&bound(state.clone(), arazzo::json!({ "qos": 0 })), text("now")).unwrap();
        let live = one.receive(first);
        assert_eq!((payload(&live), live.is_stored), ("now", false), "{protocol}");
        // Not listened to any more, the address is silent; another is not.
        one.request(ChannelRequest::Unsubscribe(first));
        let other_state = Channel { address: format!("{protocol}/other"), ..state.clone() };
        let second = one.subscribe(&other_state).unwrap();
        other.send(&state, text("unheard")).unwrap();
        other.send(&other_state, text("heard")).unwrap();
        assert_eq!(payload(&one.receive(second)), "heard");
        assert!(one.heard.is_empty(), "{:?}", one.heard);
        one.close();
    }
}

#[test]
fn mqtt_a_message_that_fits_several_patterns_comes_to_each_once() {
    let Some(broker) = mosquitto(OPEN) else { return };
    let channels = channels(Network::default(), &broker.host());
    for protocol in [Protocol::Mqtt, Protocol::Mqtt5] {
        let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
        let at = |address: &str| channel(protocol, &broker.host(), address);
        let all: Vec<_> = ["a/b", "a/+", "a/#", "a/b"].map(|address| one.subscribe(&at(address)).unwrap()).into();
        for number in ["1", "2"] {
            other.send(&at("a/b"), text(number)).unwrap();
            for subscription in &all {
                assert_eq!(payload(&one.receive(*subscription)), number, "{protocol}");
            }
        }
        assert!(one.heard.is_empty(), "{protocol} {:?}", one.heard);
    }
}

#[test]
fn mqtt_what_it_has_no_place_for_is_refused_by_name() {
    let Some(broker) = mosquitto(OPEN) else { return };
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let orders = channel(Protocol::Mqtt, &broker.host(), "orders");
    let headed = Message { headers: vec![("trace".to_owned(), "1".to_owned())], ..text("x") };
    let refused = peer.send(&orders, headed).unwrap_err();
    assert!(refused.message.contains("header `trace`"), "{}", refused.message);
    for (bindings, says) in [
        (arazzo::json!({ "qos": 3 }), "from 0 to 2"),
        (arazzo::json!({ "retain": "yes" }), "`retain`"),
        (arazzo::json!({ "qso": 1 }), "`qso`"),
    ] {
        let refused = peer.send(&bound(orders.clone(), bindings), text("x")).unwrap_err();
        assert!(refused.message.contains(says) && !refused.in_doubt, "{}", refused.message);
    }
    let pattern = Channel { address: "orders/#/x".to_owned(), ..orders };
    assert!(peer.subscribe(&pattern).unwrap_err().message.contains("orders/#/x"));
}

#[test]
fn mqtt_what_is_larger_than_a_broker_takes_is_said_and_the_connection_goes_on() {
    let Some(broker) = mosquitto(&format!("{OPEN}\nmax_packet_size 2000")) else { return };
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let orders = channel(Protocol::Mqtt5, &broker.host(), "orders");
    let large = peer.send(&orders, text(&"x".repeat(2_000))).unwrap_err();
    assert!(large.message.contains("2000 bytes at most") && !large.in_doubt, "{}", large.message);
    assert_eq!(peer.send(&orders, text(&"x".repeat(1_900))), Ok(()));
    // By 3.1.1 a broker has no way to say so but to go away.
    let orders = Channel { protocol: Protocol::Mqtt, ..orders };
    let large = peer.send(&orders, text(&"x".repeat(2_000))).unwrap_err();
    assert!(large.message.contains(&broker.host()) && large.in_doubt, "{}", large.message);
}

#[test]
fn mqtt_a_broker_that_ends_is_lost() {
    for protocol in [Protocol::Mqtt, Protocol::Mqtt5] {
        let Some(mut broker) = mosquitto(OPEN) else { return };
        let channels = channels(Network::default(), &broker.host());
        let mut peer = Peer::new(&channels);
        let heard = peer.subscribe(&channel(protocol, &broker.host(), "a")).unwrap();
        broker.kill();
        is_lost(&peer.lost(heard), &broker.host());
    }
}

/// A broker that lets one user in, and the folder with its password.
pub(super) fn with_a_user() -> Option<(Broker, std::path::PathBuf)> {
    let program = installed("mosquitto_passwd", "ARAZZO_MOSQUITTO_PASSWD")?;
    let keys = folder("mqtt-users");
    let users = keys.join("users");
    let made = Command::new(program).args(["-b", "-c"]).arg(&users).args(["me", "s3cret"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    Some((mosquitto(&format!("allow_anonymous false\npassword_file {}", users.display()))?, keys))
}

#[test]
fn mqtt_a_credential_is_sent_and_a_refused_one_is_named() {
    let Some((broker, keys)) = with_a_user() else { return };
    let channels = channels(Network::default(), &broker.host());
    for protocol in [Protocol::Mqtt, Protocol::Mqtt5] {
        let mut peer = Peer::new(&channels);
        let orders = channel(protocol, &broker.host(), "orders");
        assert!(peer.subscribe(&Channel { login: password("me", "s3cret"), ..orders.clone() }).is_ok());
        let refused = peer.subscribe(&Channel { login: password("me", "wr0ng"), ..orders.clone() }).unwrap_err();
        assert_eq!(refused.kind, FailureKind::NotLetIn);
        assert!(refused.message.contains("user and password"), "{}", refused.message);
        assert!(!refused.message.contains("wr0ng"));
        let missing = peer.send(&orders, text("x")).unwrap_err();
        assert!(missing.message.contains("none was given") && !missing.in_doubt, "{}", missing.message);
        let token = Channel { login: Some(Login::Token("t".to_owned())), ..orders };
        assert!(peer.subscribe(&token).unwrap_err().message.contains("no place for a credential"));
    }
    std::fs::remove_dir_all(keys).unwrap();
}

#[test]
fn secure_mqtt_trusts_the_authorities_that_were_given() {
    let authority = Authority::new();
    let (certificate, key) = authority.server_pem(&["broker.example"]);
    let keys = folder("mqtt-keys");
    let file = |name: &str, text: &str| {
        let file = keys.join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let (ca, certificate, key) =
        (file("ca.pem", &authority.pem()), file("cert.pem", &certificate), file("key.pem", &key));
    let more = format!("{OPEN}\ncertfile {}\nkeyfile {}", certificate.display(), key.display());
    let Some(broker) = mosquitto(&more) else { return };
    let mut network = Network::default();
    network.connect_to.push(format!("broker.example:8883:127.0.0.1:{}", broker.port).parse().unwrap());
    let orders = channel(Protocol::SecureMqtt, "broker.example:8883", "orders");
    let stranger = Peer::new(&channels(network.clone(), "broker.example")).subscribe(&orders).unwrap_err();
    assert_eq!(stranger.kind, FailureKind::Tls, "{}", stranger.message);
    network.authorities = Some(ca);
    let channels = channels(network, "broker.example");
    let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
    let heard = one.subscribe(&orders).unwrap();
    other.send(&orders, text("safe")).unwrap();
    assert_eq!(payload(&one.receive(heard)), "safe");
    std::fs::remove_dir_all(keys).unwrap();
}

#[test]
fn mqtt_a_broker_that_is_absent_or_denied_is_not_reached() {
    for protocol in [Protocol::Mqtt, Protocol::Mqtt5] {
        absent_and_denied(|host| channel(protocol, host, "orders"));
    }
}

#[test]
fn mqtt_a_broker_that_stands_still_is_not_waited_for() {
    for protocol in [Protocol::Mqtt, Protocol::Mqtt5] {
        let Some(broker) = mosquitto(OPEN) else { return };
        stands_still(&broker, &channel(protocol, &broker.host(), "a"));
    }
}
