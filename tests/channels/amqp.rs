//! AMQP 0-9-1, against RabbitMQ, which takes ten seconds to start: one test for all of it.

use std::process::{Command, Stdio};

use super::brokers::{Broker, folder, free_port, installed};
use super::*;

/// The user that it has by itself, and queues, which are not ours to make.
const DEFINITIONS: &str = r#"{
    "vhosts": [{ "name": "/" }],
    "users": [{ "name": "guest", "password_hash": "kI3GCrswBLNZQzHJJ95QLoyfAVooYhnvf7jbqiW9BjOYUloe", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "administrator" }],
    "permissions": [{ "user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*" }],
    "queues": [
        { "name": "asked", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {} },
        { "name": "told", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {} }
    ]
}"#;

fn rabbitmq() -> Option<(Broker, Epmd)> {
    // What stands on the path of Debian changes the user.
    let inner = std::path::Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    let program = installed("rabbitmq-server", "ARAZZO_RABBITMQ")?;
    let program = if inner.is_file() { inner.to_owned() } else { program };
    let (port, distribution, epmd) = (free_port(), free_port(), free_port());
    let folder = folder("rabbitmq");
    let plugins = folder.join("plugins");
    std::fs::write(&plugins, "[].\n").unwrap();
    let definitions = folder.join("definitions.json");
    std::fs::write(&definitions, DEFINITIONS).unwrap();
    let configuration = folder.join("rabbitmq.conf");
    std::fs::write(&configuration, format!("load_definitions = {}\n", definitions.display())).unwrap();
    let mut command = Command::new(program);
    let epmd = Epmd(epmd.to_string());
    command
        // Then it takes the place of the script that starts it, and can be ended by its id.
        .env("RUNNING_UNDER_SYSTEMD", "1")
        .env("HOME", &folder)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        // It may be ended before it has noticed that the node has ended.
        .env("ERL_EPMD_RELAXED_COMMAND_CHECK", "1")
        .env("ERL_EPMD_PORT", &epmd.0)
        .env("RABBITMQ_CONFIG_FILE", &configuration)
        .env("RABBITMQ_NODENAME", format!("arazzo{port}@localhost"))
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        // Its second port would be open to everybody.
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", &plugins);
    Some((Broker::start(&mut command, port, folder), epmd))
}

/// The names of nodes: a process that RabbitMQ starts and leaves behind.
struct Epmd(String);

impl Drop for Epmd {
    fn drop(&mut self) {
        let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status().map(drop);
        let _ = quiet(Command::new("epmd").args(["-port", &self.0, "-kill"]));
    }
}

#[test]
fn amqp_sends_receives_acknowledges_and_says_what_is_refused() {
    let Some((mut broker, _epmd)) = rabbitmq() else { return };
    let channels = channels(Network::default(), &broker.host());
    let at = |address: &str| channel(Protocol::Amqp, &broker.host(), address);
    let topic = |address: &str| {
        let exchange = arazzo::json!({ "is": "routingKey", "exchange": { "name": "amq.topic", "type": "topic" } });
        bound(at(address), exchange)
    };
    fields_arrive(&channels, topic("orders.7"), topic("orders.*"));
    what_is_not_acknowledged_goes_back(&channels, &at("work"));
    what_comes_by_a_queue_has_its_address(&channels, &at("own"), &at("elsewhere"));
    what_cannot_be_is_refused(&channels, &at("orders"));
    every::names_the_scheme_that_was_refused("amqp", &broker.host(), "{ type: plain }", &["SASL PLAIN"]);
    let mut peer = Peer::new(&channels);
    let heard = peer.subscribe(&topic("orders.#")).unwrap();
    let log = broker.folder.join("log");
    let farewells = every::Farewells { log, clean: "closing AMQP connection", unclean: "unexpectedly closed" };
    let host = broker.host();
    let secure = Channel { host: format!("broker.example:{}", broker.port), ..topic("safe") };
    every::trusts_the_authorities_that_were_given(&Channel { protocol: Protocol::Amqps, ..secure });
    let queues = every::Side::of(every::queues(["asked", "told"]), host.clone());
    queues.a_killed_run_hears_what_was_kept(&channels);
    let manner = every::manner("amqp");
    let side = every::Side { farewells: Some(farewells), ..every::Side::of(manner, host.clone()) };
    every::Side { end: Box::new(|| broker.kill()), ..side }.keeps_its_promises();
    is_lost(&peer.lost(heard), &host);
}

#[test]
fn amqp_a_broker_that_is_absent_or_denied_is_not_reached() {
    absent_and_denied(|host| channel(Protocol::Amqp, host, "orders"));
}

fn fields_arrive(channels: &Arc<dyn Channels>, address: Channel, pattern: Channel) {
    let (mut one, mut other) = (Peer::new(channels), Peer::new(channels));
    let heard = one.subscribe(&pattern).unwrap();
    let message = Message {
        headers: vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())],
        content_type: Some("text/plain".to_owned()),
        correlation: Some("c".to_owned()),
        reply_to: Some("back".to_owned()),
        key: None,
        payload: vec![0, 255],
    };
    let mut sent = address;
    for (name, value) in [("deliveryMode", 2), ("priority", 3), ("expiration", 60_000)] {
        sent.bindings.insert(name.to_owned(), arazzo::json!(value));
    }
    sent.bindings.insert("timestamp".to_owned(), arazzo::json!(true));
    sent.bindings.insert("messageType".to_owned(), arazzo::json!("order"));
    other.send(&sent, message.clone()).unwrap();
    let delivery = one.receive(heard);
    assert_eq!((delivery.message, delivery.address.as_str()), (message, "orders.7"));
    assert!(!delivery.is_stored && !delivery.is_redelivered);
    one.close();
}

fn what_is_not_acknowledged_goes_back(channels: &Arc<dyn Channels>, work: &Channel) {
    let (mut one, mut two, mut other) = (Peer::new(channels), Peer::new(channels), Peer::new(channels));
    let queue = bound(work.clone(), arazzo::json!({ "is": "queue", "queue": { "autoDelete": true } }));
    let first = one.subscribe(&queue).unwrap();
    for number in 0..103 {
        other.send(&queue, text(&number.to_string())).unwrap();
    }
    let taken: Vec<_> = (0..100).map(|_| one.receive(first)).collect();
    assert!(taken.iter().all(|delivery| !delivery.is_stored));
    // The queue holds three more, which wait for the next who listens.
    let second = two.subscribe(&queue).unwrap();
    let stored: Vec<_> = (0..3).map(|_| two.receive(second)).collect();
    assert!(stored.iter().all(|delivery| delivery.is_stored && !delivery.is_redelivered));
    for delivery in &taken[..99] {
        one.request(ChannelRequest::Acknowledge { subscription: first, delivery: delivery.delivery });
    }
    for delivery in &stored {
        two.request(ChannelRequest::Acknowledge { subscription: second, delivery: delivery.delivery });
    }
    one.request(ChannelRequest::Unsubscribe(first));
    let back = two.receive(second);
    assert_eq!((payload(&back), back.is_redelivered), ("99", true));
}

fn what_comes_by_a_queue_has_its_address(channels: &Arc<dyn Channels>, own: &Channel, elsewhere: &Channel) {
    let (mut one, mut other) = (Peer::new(channels), Peer::new(channels));
    let queue = bound(own.clone(), arazzo::json!({ "is": "queue", "queue": { "autoDelete": true } }));
    let heard = one.subscribe(&queue).unwrap();
    other.send(&bound(elsewhere.clone(), arazzo::json!({ "cc": ["own"] })), text("x")).unwrap();
    assert_eq!(one.receive(heard).address, "own");
    one.close();
}

fn what_cannot_be_is_refused(channels: &Arc<dyn Channels>, orders: &Channel) {
    let mut peer = Peer::new(channels);
    for (bindings, says) in [
        (arazzo::json!({ "queue": { "vhost": "/other" } }), "`queue.vhost`"),
        (arazzo::json!({ "queue": { "size": 3 } }), "`queue.size`"),
        (arazzo::json!({ "is": "routingKey" }), "`exchange.name`"),
        (arazzo::json!({ "deliveryMode": 3 }), "`deliveryMode`"),
        (arazzo::json!({ "quorum": true }), "`quorum`"),
    ] {
        let refused = peer.send(&bound(orders.clone(), bindings), text("x")).unwrap_err();
        assert!(refused.message.contains(says) && !refused.in_doubt, "{}", refused.message);
    }
    let absent = peer.subscribe(orders).unwrap_err();
    assert!(absent.message.contains("no queue 'orders'"), "{}", absent.message);
    let exchange = arazzo::json!({ "exchange": { "name": "absent" } });
    let absent = peer.subscribe(&bound(orders.clone(), exchange.clone())).unwrap_err();
    assert!(absent.message.contains("no exchange 'absent'"), "{}", absent.message);
    let absent = peer.send(&bound(orders.clone(), exchange), text("x")).unwrap_err();
    assert!(absent.message.contains("no exchange 'absent'"), "{}", absent.message);
    // A message that nobody gets is accepted, unless it must not be.
    assert_eq!(peer.send(orders, text("x")), Ok(()));
    let back = peer.send(&bound(orders.clone(), arazzo::json!({ "mandatory": true })), text("x")).unwrap_err();
    assert!(back.message.contains("NO_ROUTE"), "{}", back.message);

    let refused = peer.subscribe(&Channel { login: password("guest", "wr0ng"), ..orders.clone() }).unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotLetIn);
    assert!(refused.message.contains("SASL PLAIN") && !refused.message.contains("wr0ng"), "{}", refused.message);
    let absent = peer.subscribe(&Channel { path: "/absent".to_owned(), ..orders.clone() }).unwrap_err();
    assert_eq!(absent.kind, FailureKind::Connect);
    assert!(absent.message.contains("vhost"), "{}", absent.message);
}
