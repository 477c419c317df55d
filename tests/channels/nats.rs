//! NATS, against nats-server.

use std::process::Command;

use super::brokers::{Broker, folder, free_port, installed};
use super::*;
use crate::tls::Authority;

pub(super) fn nats(more: &[&str]) -> Option<Broker> {
    let program = installed("nats-server", "ARAZZO_NATS_SERVER")?;
    let (port, folder) = (free_port(), folder("nats"));
    let number = port.to_string();
    Some(Broker::start(Command::new(program).args(["-a", "127.0.0.1", "-p", &number]).args(more), port, folder))
}

fn at(broker: &Broker, address: &str) -> Channel {
    channel(Protocol::Nats, &broker.host(), address)
}

#[test]
fn nats_own_messages_do_not_come_back_and_patterns_have_their_addresses() {
    let Some(broker) = nats(&[]) else { return };
    let channels = channels(Network::default(), &broker.host());
    let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
    let heard = one.subscribe(&at(&broker, "orders.*")).unwrap();
    one.send(&at(&broker, "orders.7"), text("own")).unwrap();
    let message = Message {
        headers: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
        reply_to: Some("back".to_owned()),
        payload: vec![0, 13, 10, 255],
        ..Message::default()
    };
    other.send(&at(&broker, "orders.7"), message.clone()).unwrap();
    let delivery = one.receive(heard);
    assert_eq!((delivery.message, delivery.address.as_str()), (message, "orders.7"));
    one.request(ChannelRequest::Unsubscribe(heard));
    let rest = one.subscribe(&at(&broker, "rest.>")).unwrap();
    other.send(&at(&broker, "orders.7"), text("unheard")).unwrap();
    other.send(&at(&broker, "rest.a.b"), text("heard")).unwrap();
    assert_eq!(payload(&one.receive(rest)), "heard");
    assert!(one.heard.is_empty(), "{:?}", one.heard);
    one.close();
}

#[test]
fn nats_a_group_shares_its_messages() {
    let Some(broker) = nats(&[]) else { return };
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let work = bound(at(&broker, "work"), arazzo::json!({ "queue": "workers" }));
    let (first, second) = (peer.subscribe(&work).unwrap(), peer.subscribe(&work).unwrap());
    let mut other = Peer::new(&channels);
    for number in 0..10 {
        other.send(&at(&broker, "work"), text(&number.to_string())).unwrap();
    }
    let mut found = vec![];
    for _ in 0..10 {
        found.push(peer.wait("a message", |input| match input {
            ChannelInput::Received { subscription, delivery } if [first, second].contains(subscription) => {
                Some(payload(delivery).to_owned())
            }
            _ => None,
        }));
    }
    found.sort();
    assert_eq!(found.concat(), "0123456789");
}

#[test]
fn nats_what_it_has_no_place_for_is_refused_by_name() {
    let Some(broker) = nats(&[]) else { return };
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let orders = at(&broker, "orders");
    for (message, says) in [
        (Message { correlation: Some("c".to_owned()), ..text("x") }, "a correlation id"),
        (Message { key: Some("k".to_owned()), ..text("x") }, "a key"),
        (Message { headers: vec![("a b".to_owned(), "1".to_owned())], ..text("x") }, "header `a b`"),
        (Message { payload: vec![0; (1 << 20) + 1], ..Message::default() }, "takes 1048576"),
    ] {
        let refused = peer.send(&orders, message).unwrap_err();
        assert!(refused.message.contains(says) && !refused.in_doubt, "{}", refused.message);
    }
    let refused = peer.send(&at(&broker, "a b"), text("x")).unwrap_err();
    assert!(refused.message.contains("`a b` is no subject"), "{}", refused.message);
    let refused = peer.send(&bound(orders.clone(), arazzo::json!({ "stream": "S" })), text("x")).unwrap_err();
    assert!(refused.message.contains("`stream`"), "{}", refused.message);
    // It is that of whoever listens.
    peer.send(&bound(orders.clone(), arazzo::json!({ "queue": "q" })), text("x")).unwrap();
    let refused = peer.subscribe(&bound(orders, arazzo::json!({ "stream": "S" }))).unwrap_err();
    assert!(refused.message.contains("`stream`"), "{}", refused.message);
}

#[test]
fn nats_a_broker_that_ends_is_lost() {
    let Some(mut broker) = nats(&[]) else { return };
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let heard = peer.subscribe(&at(&broker, "a")).unwrap();
    broker.kill();
    is_lost(&peer.lost(heard), &broker.host());
}

#[test]
fn nats_a_credential_is_sent_and_a_refused_one_is_named() {
    let Some(broker) = nats(&["--user", "me", "--pass", "s3cret"]) else { return };
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let orders = at(&broker, "orders");
    assert!(peer.subscribe(&Channel { login: password("me", "s3cret"), ..orders.clone() }).is_ok());
    let refused = peer.subscribe(&Channel { login: password("me", "wr0ng"), ..orders.clone() }).unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotLetIn);
    assert!(refused.message.contains("user and password") && !refused.message.contains("wr0ng"), "{}", refused.message);
    assert!(peer.send(&orders, text("x")).unwrap_err().message.contains("none was given"));

    let Some(broker) = nats(&["--auth", "t0ken"]) else { return };
    let mut peer = Peer::new(&super::channels(Network::default(), &broker.host()));
    let with = |token: &str| Channel { login: Some(Login::Token(token.to_owned())), ..at(&broker, "orders") };
    assert!(peer.subscribe(&with("t0ken")).is_ok());
    let refused = peer.subscribe(&with("wr0ng")).unwrap_err();
    assert!(refused.message.contains("(token)"), "{}", refused.message);
}

#[test]
fn nats_over_tls_is_checked_and_without_it_no_credential_leaves_this_machine() {
    let authority = Authority::new();
    let (certificate, key) = authority.server_pem(&["broker.example"]);
    let keys = folder("nats-keys");
    let file = |name: &str, text: &str| {
        let file = keys.join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let (ca, certificate, key) =
        (file("ca.pem", &authority.pem()), file("cert.pem", &certificate), file("key.pem", &key));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let user = ["--user", "me", "--pass", "s3cret"];
    let secure = [&["--tls", "--tlscert", certificate, "--tlskey", key][..], &user].concat();
    let (Some(open), Some(broker)) = (nats(&user), nats(&secure)) else { return };
    let to = |broker: &Broker| {
        let mut network = Network::default();
        network.connect_to.push(format!("broker.example:4222:127.0.0.1:{}", broker.port).parse().unwrap());
        network
    };
    let orders =
        Channel { login: password("me", "s3cret"), ..channel(Protocol::Nats, "broker.example:4222", "orders") };
    let clear = Peer::new(&channels(to(&open), "broker.example")).subscribe(&orders).unwrap_err();
    assert_eq!(clear.kind, FailureKind::Refused);
    assert!(clear.message.contains("not encrypted"), "{}", clear.message);
    let stranger = Peer::new(&channels(to(&broker), "broker.example")).subscribe(&orders).unwrap_err();
    assert_eq!(stranger.kind, FailureKind::Tls, "{}", stranger.message);
    let mut network = to(&broker);
    network.authorities = Some(ca);
    assert!(Peer::new(&channels(network, "broker.example")).subscribe(&orders).is_ok());
    std::fs::remove_dir_all(keys).unwrap();
}

#[test]
fn nats_a_broker_that_is_absent_or_denied_is_not_reached() {
    absent_and_denied(|host| channel(Protocol::Nats, host, "orders"));
}

#[test]
fn nats_a_broker_that_stands_still_is_not_waited_for() {
    let Some(broker) = nats(&[]) else { return };
    stands_still(&broker, &at(&broker, "a"));
}
