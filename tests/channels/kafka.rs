//! Kafka, against tansu.

use std::path::Path;
use std::process::Command;

use super::brokers::{Broker, folder, free_port, installed};
use super::*;

/// A broker that says it is to be found at `announced`, by default where it is.
pub(super) fn tansu(announced: Option<&str>, more: &[&str]) -> Option<Broker> {
    let program = installed("tansu", "ARAZZO_TANSU")?;
    let (port, folder) = (free_port(), folder("tansu"));
    let here = format!("tcp://127.0.0.1:{port}");
    let announced = announced.map_or_else(|| here.clone(), |host| format!("tcp://{host}:{port}"));
    let mut command = Command::new(program);
    command.args(["broker", "--listener-url", &here, "--advertised-listener-url", &announced]);
    command.args(["--storage-engine", "memory://tansu/"]).args(more).current_dir(&folder);
    Some(Broker::start(&mut command, port, folder))
}

pub(super) fn create(broker: &Broker, topic: &str, partitions: u32) {
    let program = installed("tansu", "ARAZZO_TANSU").unwrap();
    let url = format!("tcp://{}", broker.host());
    run(&program, &["topic", "create", "--broker", &url, "--partitions", &partitions.to_string(), topic]);
}

fn run(program: &Path, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?} {done:?}");
}

fn at(broker: &Broker, address: &str) -> Channel {
    channel(Protocol::Kafka, &broker.host(), address)
}

#[test]
fn kafka_a_subscription_begins_where_the_topic_ends_and_messages_keep_key_and_headers() {
    let Some(broker) = tansu(None, &[]) else { return };
    create(&broker, "orders", 1);
    let channels = channels(Network::default(), &broker.host());
    let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
    let orders = at(&broker, "orders");
    other.send(&orders, text("before")).unwrap();
    let heard = one.subscribe(&orders).unwrap();
    let message = Message {
        headers: vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())],
        key: Some("k".to_owned()),
        payload: vec![0, 255],
        ..Message::default()
    };
    other.send(&orders, message.clone()).unwrap();
    let delivery = one.receive(heard);
    assert_eq!(delivery.message, message);
    let named = bound(at(&broker, "channel"), arazzo::json!({ "topic": "orders", "key": "of the binding" }));
    other.send(&named, text("x")).unwrap();
    assert_eq!(one.receive(heard).message.key.as_deref(), Some("of the binding"));
    one.request(ChannelRequest::Unsubscribe(heard));
    one.close();
}

#[test]
fn kafka_what_it_has_no_place_for_is_refused_by_name() {
    let Some(broker) = tansu(None, &[]) else { return };
    create(&broker, "orders", 1);
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let orders = at(&broker, "orders");
    for (message, says) in [
        (Message { correlation: Some("c".to_owned()), ..text("x") }, "a correlation id"),
        (Message { reply_to: Some("r".to_owned()), ..text("x") }, "an address to answer to"),
    ] {
        let refused = peer.send(&orders, message).unwrap_err();
        assert!(refused.message.contains(says) && !refused.in_doubt, "{}", refused.message);
    }
    let refused = peer.subscribe(&bound(orders.clone(), arazzo::json!({ "groupId": "g" }))).unwrap_err();
    assert!(refused.message.contains("`groupId`"), "{}", refused.message);
    let refused = peer.send(&bound(orders, arazzo::json!({ "schemaIdLocation": "header" })), text("x")).unwrap_err();
    assert!(refused.message.contains("`schemaIdLocation`"), "{}", refused.message);
    let absent = peer.subscribe(&at(&broker, "absent")).unwrap_err();
    assert!(absent.message.contains("no topic `absent`"), "{}", absent.message);
}

#[test]
fn kafka_a_broker_that_a_cluster_announces_is_judged_too() {
    let Some(broker) = tansu(Some("127.0.0.2"), &[]) else { return };
    create(&broker, "orders", 1);
    let mut peer = Peer::new(&channels(Network::default(), &broker.host()));
    let denied = peer.subscribe(&at(&broker, "orders")).unwrap_err();
    assert_eq!(denied.kind, FailureKind::Refused, "{}", denied.message);
    assert!(denied.message.contains("127.0.0.2") && denied.message.contains("may not be called"), "{}", denied.message);
    let unsent = peer.send(&at(&broker, "orders"), text("x")).unwrap_err();
    assert_eq!((unsent.kind, unsent.in_doubt), (FailureKind::Refused, false), "{}", unsent.message);
}

#[test]
fn kafka_a_broker_that_ends_is_lost() {
    let Some(mut broker) = tansu(None, &[]) else { return };
    create(&broker, "orders", 1);
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let heard = peer.subscribe(&at(&broker, "orders")).unwrap();
    broker.kill();
    is_lost(&peer.lost(heard), &broker.host());
    let unsent = peer.send(&at(&broker, "orders"), text("x")).unwrap_err();
    assert!(unsent.message.contains(&broker.host()), "{}", unsent.message);
}

#[test]
fn kafka_a_credential_is_sent_and_a_refused_one_is_named() {
    let Some(broker) = tansu(None, &["--authentication"]) else { return };
    let channels = channels(Network::default(), &broker.host());
    let mut peer = Peer::new(&channels);
    let orders = at(&broker, "orders");
    let login = |user: &str, password: &str| {
        [
            (Login::ScramSha256 { user: user.to_owned(), password: password.to_owned() }, "SCRAM-SHA-256"),
            (Login::ScramSha512 { user: user.to_owned(), password: password.to_owned() }, "SCRAM-SHA-512"),
            (Login::Password { user: user.to_owned(), password: password.to_owned() }, "SASL PLAIN"),
        ]
    };
    for (login, scheme) in login("me", "wr0ng") {
        let refused = peer.subscribe(&Channel { login: Some(login), ..orders.clone() }).unwrap_err();
        assert_eq!(refused.kind, FailureKind::NotLetIn, "{}", refused.message);
        assert!(refused.message.contains(scheme) && !refused.message.contains("wr0ng"), "{}", refused.message);
    }
    let token = peer.subscribe(&Channel { login: Some(Login::Token("t".to_owned())), ..orders }).unwrap_err();
    assert!(token.message.contains("no place for a credential"), "{}", token.message);
}

#[test]
fn kafka_a_broker_that_is_absent_or_denied_is_not_reached() {
    absent_and_denied(|host| channel(Protocol::Kafka, host, "orders"));
}
