//! Runs of the built command against real brokers: a request and its answer, with answers for others before it, and a broker
//! that vanishes.

use std::io::{BufRead as _, BufReader};

use super::brokers::Broker;
use super::*;
use crate::cli::{Arazzo, Folder};

const FLOW: &str = "arazzo: 1.1.0
info: { title: Orders, version: '1' }
sourceDescriptions: [{ name: orders, url: events.yaml, type: asyncapi }]
workflows:
  - workflowId: order
    inputs: { type: object, required: [id], properties: { id: { type: string } } }
    steps:
      - stepId: place
        operationId: placeOrder
        action: send
        requestBody: { payload: { id: $inputs.id, item: tea } }
      - stepId: confirmed
        operationId: placeOrder
        action: receive
        correlationId: $inputs.id
        timeout: 20000
        outputs: { number: $message.payload#/number }
    outputs: { number: $steps.confirmed.outputs.number }
";

const EVENTS: &str = "asyncapi: 3.0.0
info: { title: Orders, version: '1' }
defaultContentType: application/json
servers: { broker: { host: localhost, protocol: PROTOCOL } }
channels:
  orders: { address: orders, bindings: BINDINGS, messages: { order: { payload: { type: object, required: [id, item] } } } }
  confirmed:
    address: confirmed
    bindings: BINDINGS
    messages:
      confirmed:
        correlationId: { location: '$message.payload#/id' }
        payload: { type: object, properties: { id: { type: string }, number: { type: integer } } }
operations:
  placeOrder:
    action: receive
    channel: { $ref: '#/channels/orders' }
    reply: { channel: { $ref: '#/channels/confirmed' } }
";

/// A run at the broker of a scheme.
fn command(folder: &Folder, scheme: &str, host: &str) -> Arazzo {
    folder.write("flow.yaml", FLOW);
    // Without an exchange, an address is a queue, which has to be there.
    let bindings = match scheme {
        "amqp" => "{ amqp: { is: routingKey, exchange: { name: amq.topic, type: topic } } }",
        _ => "{}",
    };
    folder.write("events.yaml", EVENTS.replace("PROTOCOL", scheme).replace("BINDINGS", bindings));
    let server = format!("orders={scheme}://{host}");
    Arazzo::new(["run", "flow.yaml", "-i", "id=o-5", "--json", "-S", &server]).cwd(folder.path())
}

/// The run takes its own answer of several, and says which it did not take.
pub(super) fn takes_its_answer(scheme: &str, host: &str, at: impl Fn(&str) -> Channel) {
    let channels = channels(Network::default(), host);
    let mut shop = Peer::new(&channels);
    let orders = shop.subscribe(&at("orders")).unwrap();
    let folder = Folder::new();
    let child = command(&folder, scheme, host).spawn();
    let order: Json = loop {
        let order: Json = serde_json::from_slice(&shop.receive(orders).message.payload).unwrap();
        if order.get("item").is_some() {
            break order;
        }
    };
    assert_eq!(order.get("id").and_then(Json::as_str), Some("o-5"));
    for number in 0..20 {
        shop.send(&at("confirmed"), text(&format!("{{\"id\":\"of another {number}\",\"number\":1}}"))).unwrap();
    }
    shop.send(&at("confirmed"), text("{\"id\":\"o-5\",\"number\":7}")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let events: Vec<Json> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|event| event.get("type").and_then(Json::as_str) == Some(kind)).count();
    assert_eq!((of("message.sent"), of("message.received")), (1, 1), "{said}");
    assert!(of("message.ignored") >= 20, "{said}");
    let outputs = events.last().and_then(|last| last.get("outputs"));
    assert_eq!(outputs.and_then(|outputs| outputs.get("number")).and_then(Json::as_u64), Some(7), "{said}");
    shop.close();
}

/// A broker that vanishes while a message is waited for ends the run with its address.
pub(super) fn says_who_vanished(scheme: &str, mut broker: Broker, at: impl Fn(&str, &str) -> Channel) {
    let host = broker.host();
    let channels = channels(Network::default(), &host);
    let mut shop = Peer::new(&channels);
    let orders = shop.subscribe(&at(&host, "orders")).unwrap();
    let folder = Folder::new();
    let mut child = command(&folder, scheme, &host).spawn();
    shop.receive(orders);
    // The shop may have the message before the run knows that the broker took it.
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(events.any(|event| event.unwrap().contains("\"message.sent\"")));
    broker.kill();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("connection-lost") && said.contains(&host), "{said}");
}
