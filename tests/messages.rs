//! Steps that send and receive: over a link of one's own, against the mock of the command, recorded and replayed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use arazzo::messages::{ChannelInput, ChannelRequest, Delivery, DeliveryId, Message, SubscriptionId};
use arazzo::{ChannelLink, Channels, Pending, Trust};
use serde_json::Value;

use crate::cli::{Arazzo, Folder};

const FLOW: &str = "arazzo: 1.1.0
info: { title: Orders, version: '1' }
sourceDescriptions: [{ name: orders, url: events.yaml, type: asyncapi }]
workflows:
  - workflowId: order
    inputs: { type: object, required: [id], properties: { id: { type: string, example: o-1 }, token: { type: string } } }
    steps:
      - stepId: place
        operationId: placeOrder
        action: send
        parameters: [{ name: Authorization, in: header, value: $inputs.token }]
        requestBody: { payload: { id: $inputs.id, item: tea } }
      - stepId: confirmed
        operationId: placeOrder
        action: receive
        correlationId: $inputs.id
        timeout: 5000
        outputs: { number: $message.payload#/number }
    outputs: { number: $steps.confirmed.outputs.number }
";

const EVENTS: &str = "asyncapi: 3.0.0
info: { title: Orders, version: '1' }
defaultContentType: application/json
servers: { broker: { host: 'broker.example:4222', protocol: nats } }
channels:
  orders: { address: orders, messages: { order: { payload: { type: object, required: [id] } } } }
  confirmed:
    address: confirmed
    messages:
      confirmed:
        correlationId: { location: '$message.payload#/id' }
        payload: { type: object, required: [id, number], properties: { id: { type: string }, number: { type: integer } } }
operations:
  placeOrder:
    action: receive
    channel: { $ref: '#/channels/orders' }
    reply: { channel: { $ref: '#/channels/confirmed' } }
";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn documents() -> Folder {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("events.yaml", EVENTS);
    folder
}

/// A broker that answers every order twice: for somebody else first. It keeps what it was asked.
#[derive(Default, Clone)]
struct Echo(Arc<Mutex<Vec<String>>>);

struct EchoLink {
    asked: Arc<Mutex<Vec<String>>>,
    heard: VecDeque<ChannelInput>,
    subscription: Option<SubscriptionId>,
}

impl Channels for Echo {
    fn open(&self) -> Box<dyn ChannelLink> {
        Box::new(EchoLink { asked: self.0.clone(), heard: VecDeque::new(), subscription: None })
    }
}

impl ChannelLink for EchoLink {
    fn request(&mut self, request: ChannelRequest) {
        let line = match &request {
            ChannelRequest::Subscribe { subscription, channel, .. } => {
                self.subscription = Some(*subscription);
                self.heard.push_back(ChannelInput::Subscribed(*subscription));
                format!("subscribe {} {}", channel.host, channel.address)
            }
            ChannelRequest::Send { call, channel, message, .. } => {
                let order: Value = serde_json::from_slice(&message.payload).unwrap();
                for (number, id) in ["nobody", order["id"].as_str().unwrap()].iter().enumerate() {
                    let payload = serde_json::json!({ "id": id, "number": number + 6 }).to_string().into_bytes();
                    let delivery = Delivery {
                        delivery: DeliveryId(number as u64),
                        address: String::new(),
                        is_stored: false,
                        is_redelivered: false,
                        mark: None,
                        message: Message { payload, ..Message::default() },
                    };
                    self.heard.push_back(ChannelInput::Received { subscription: self.subscription.unwrap(), delivery });
                }
                // The answer comes before the send is accepted.
                self.heard.push_back(ChannelInput::Sent { call: *call, result: Ok(()) });
                format!("send {} {}", channel.address, String::from_utf8_lossy(&message.payload))
            }
            ChannelRequest::Acknowledge { delivery, .. } => format!("acknowledge {}", delivery.0),
            ChannelRequest::Unsubscribe(_) => "unsubscribe".to_owned(),
        };
        self.asked.lock().unwrap().push(line);
    }

    fn next(&mut self) -> Pending<'_, ChannelInput> {
        match self.heard.pop_front() {
            Some(heard) => Box::pin(std::future::ready(heard)),
            None => Box::pin(std::future::pending()),
        }
    }
}

#[test]
fn a_run_asks_its_link_and_hears_what_comes() {
    let folder = documents();
    let broker = Echo::default();
    let description = arazzo::open(folder.path().join("flow.yaml"))
        .allow_host("broker.example:4222")
        .channels(broker.clone())
        .load_blocking()
        .unwrap();
    let workflow = description.workflow(None).unwrap();
    let mut kinds = vec![];
    let inputs = arazzo::Inputs::new().set("id", "o-9").set("token", "t-0123456789");
    let run = workflow.run(inputs, |envelope| {
        let json = serde_json::to_value(envelope).unwrap();
        let text = json.to_string();
        assert!(!text.contains("t-0123456789"), "{text}");
        if json["type"].as_str().unwrap().starts_with("message.") {
            kinds.push(format!("{} {}", json["type"].as_str().unwrap(), json["because"].as_str().unwrap_or("-")));
        }
    });
    let outcome = runtime().block_on(run).unwrap();
    assert_eq!((outcome.exit_code(), outcome.outputs()["number"].as_u64()), (0, Some(7)));
    assert_eq!(kinds, ["message.ignored correlation", "message.sent -", "message.received -"]);
    let asked = broker.0.lock().unwrap().clone();
    assert_eq!(
        asked[..3],
        [
            "subscribe broker.example:4222 confirmed".to_owned(),
            "send orders {\"id\":\"o-9\",\"item\":\"tea\"}".to_owned(),
            "acknowledge 1".to_owned()
        ]
    );
}

#[test]
fn a_broker_that_was_not_allowed_is_not_connected_to() {
    let folder = documents();
    let broker = Echo::default();
    let description = arazzo::open(folder.path().join("flow.yaml"))
        .trust(Trust::Given)
        .channels(broker.clone())
        .load_blocking()
        .unwrap();
    let workflow = description.workflow(None).unwrap();
    let run = runtime().block_on(workflow.run(arazzo::Inputs::new().set("id", "o-9"), |_| {}));
    // Before it is asked for anything.
    assert!(run.map_or(true, |outcome| outcome.exit_code() == 6));
    assert!(broker.0.lock().unwrap().is_empty(), "{:?}", broker.0.lock().unwrap());
}

#[cfg(not(feature = "channel-nats"))]
#[test]
fn without_connections_nothing_is_sent_and_the_channel_is_named() {
    let folder = documents();
    let run = Arazzo::new(["run", "flow.yaml", "-i", "id=o-1"]).cwd(folder.path()).run();
    run.exits(3).says(&["error[unsupported-protocol]", "needs a connection by nats", "events.yaml:6:3"]);
}

#[test]
fn a_mocked_run_is_recorded_and_replayed_and_a_changed_message_is_drift() {
    let folder = documents();
    let flags = ["run", "flow.yaml", "--mock", "-s", "token", "--record", "run.ndjson", "--json"];
    let run = Arazzo::new(flags).cwd(folder.path()).env("ARAZZO_SECRET_token", "t-0123456789").run();
    run.exits(0).never_says(&["t-0123456789"]);
    let recorded = std::fs::read_to_string(folder.path().join("run.ndjson")).unwrap();
    assert!(recorded.contains("\"method\":\"SEND\"") && !recorded.contains("t-0123456789"), "{recorded}");
    Arazzo::new(["replay", "run.ndjson"]).cwd(folder.path()).run().exits(0);
    folder.write("flow.yaml", FLOW.replace("item: tea", "item: coffee"));
    Arazzo::new(["replay", "run.ndjson"]).cwd(folder.path()).run().exits(1).says(&["/item"]);
}

#[test]
fn a_recording_with_messages_becomes_a_case_also_where_a_step_waited_in_vain() {
    for (faults, code, has) in [(&[][..], 0, "number: 1"), (&["--fault", "placeOrder=drop"], 1, "confirmed: []")] {
        let folder = documents();
        let arazzo = |words: &[&str]| Arazzo::new(words.iter().copied()).cwd(folder.path());
        let recorded = ["run", "flow.yaml", "--mock", "-i", "id=o-7", "--record", "run.ndjson"];
        arazzo(&[&recorded[..], faults].concat()).run().exits(code);
        arazzo(&["test", "--init", "run.ndjson"]).run().exits(0).says(&["wrote", "flow.test.yaml"]);
        let text = std::fs::read_to_string(folder.path().join("flow.test.yaml")).unwrap();
        assert!(["messages:", "method: SEND", has].iter().all(|has| text.contains(has)), "{text}");
        arazzo(&["test", "flow.yaml"]).run().exits(0);
    }
}

#[test]
fn a_test_file_gives_a_message_an_id_where_the_protocol_has_a_field_for_it() {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    let place = "        correlationId: { location: '$message.payload#/id' }\n";
    folder.write("events.yaml", EVENTS.replace("protocol: nats", "protocol: amqp").replace(place, ""));
    folder.write(
        "flow.test.yaml",
        "cases:
  - name: its own of two
    inputs: { id: o-7 }
    messages:
      confirmed:
        - { correlationId: o-8, payload: { id: x, number: 8 } }
        - { payload: { id: x, number: 7 } }
    expect: { outputs: { number: 7 } }
  - name: nothing comes
    inputs: { id: o-7 }
    messages: { confirmed: [] }
    expect: { why: no-matching-message, step: confirmed }
",
    );
    Arazzo::new(["test", "flow.yaml"]).cwd(folder.path()).run().exits(0);
}

#[test]
fn what_a_channel_cannot_have_is_said_before_anything_connects() {
    let address = ("address: orders,", "address: new orders,", "has a space in it");
    let binding =
        ("address: orders,", "address: orders, bindings: { nats: { qos: 1 } },", "the binding `qos` of `nats`");
    let payload = ("id: $inputs.id, item", "item", "\"id\" is a required property");
    for (code, (old, new, says)) in
        [("invalid-address", address), ("invalid-binding", binding), ("message-mismatch", payload)]
    {
        let folder = Folder::new();
        folder.write("flow.yaml", FLOW.replace(old, new));
        folder.write("events.yaml", EVENTS.replace(old, new));
        let code = format!("error[{code}]");
        let words = [code.as_str(), says, "flow.yaml:", "events.yaml:"];
        for flags in [&["-i", "id=o-1"][..], &["-i", "id=o-1", "--dry-run"], &["--mock"]] {
            let run = Arazzo::new(["run", "flow.yaml"].iter().chain(flags).copied()).cwd(folder.path()).run();
            run.exits(3).says(&words);
        }
        for command in ["lint", "inspect"] {
            let run = Arazzo::new([command, "flow.yaml"]).cwd(folder.path()).run();
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(words.iter().all(|word| said.contains(word)), "{command}: {said}");
        }
    }
}

/// A code, what is said, and what is changed for that.
type Refused = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

#[test]
fn what_cannot_run_is_said_with_its_places_in_both_documents_before_anything_connects() {
    const HEADER: &str = "        parameters: [{ name: Authorization, in: header, value: $inputs.token }]\n";
    const SERVER: &str = "servers: { broker: { host: 'broker.example:4222', protocol: nats } }\n";
    let cases: [Refused; 5] = [
        ("asyncapi-version", "AsyncAPI 2.6.0", &[("asyncapi: 3.0.0", "asyncapi: 2.6.0")]),
        ("unsupported-protocol", "`jms` is not known", &[("protocol: nats", "protocol: jms")]),
        ("unknown-server", "no server of it is described", &[(SERVER, "")]),
        ("message-mismatch", "\"id\" is a required property", &[("id: $inputs.id, item", "item")]),
        (
            "no-correlation-place",
            "no headers in mqtt",
            &[(HEADER, ""), ("protocol: nats", "protocol: mqtt"), ("$message.payload#/id'", "$message.header#/id'")],
        ),
    ];
    for (code, says, changes) in cases {
        let changed = |text: &str| changes.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
        let folder = Folder::new();
        folder.write("flow.yaml", changed(FLOW));
        folder.write("events.yaml", changed(EVENTS));
        let run =
            Arazzo::new(["run", "flow.yaml", "-i", "id=o-1", "-i", "token=t-0123456789"]).cwd(folder.path()).run();
        run.exits(3).says(&[&format!("error[{code}]"), says, "flow.yaml:", "events.yaml:"]);
    }
}

#[test]
fn messages_on_the_way_to_the_one_that_is_waited_for_are_passed_over_if_asked_for() {
    let folder = Folder::new();
    let wanted =
        "correlationId: $inputs.id\n        successCriteria: [{ condition: $message.payload#/state == 'done' }]";
    let token = "        parameters: [{ name: Authorization, in: header, value: $inputs.token }]\n";
    folder.write("flow.yaml", FLOW.replace("correlationId: $inputs.id", wanted).replace(token, ""));
    let states = "number: { type: integer }, state: { enum: [queued, building, done] }";
    folder.write("events.yaml", EVENTS.replace("number: { type: integer }", states));
    folder.write(
        "flow.test.yaml",
        "cases:
  - name: built
    inputs: { id: o-7 }
    messages:
      confirmed:
        - { payload: { number: 1, state: queued } }
        - { payload: { number: 2, state: building }, after: 1s }
        - { payload: { number: 3, state: done }, after: 1s }
    expect: { outputs: { number: 3 } }
",
    );
    let arazzo = |words: &[&str]| Arazzo::new(words.iter().copied()).cwd(folder.path());
    arazzo(&["test", "flow.yaml"]).run().exits(1).says(&["was \"queued\""]);
    arazzo(&["test", "flow.yaml", "--receive", "until"]).run().exits(0);
    arazzo(&["test", "flow.yaml"]).env("ARAZZO_RECEIVE", "until").run().exits(0);
    let lint = arazzo(&["lint", "flow.yaml"]).run();
    assert!(lint.exits(0).stdout.contains("--receive until"), "{lint:?}");
    // Who passes them over knows.
    let mocked = |more: &[&str]| arazzo(&["run", "flow.yaml", "--mock"]).args(more.iter().copied()).run();
    assert!(mocked(&[]).exits(0).stderr.contains("first-message-decides"));
    assert!(!mocked(&["--receive", "until"]).exits(0).stderr.contains("first-message-decides"));
    arazzo(&["run", "flow.yaml", "--mock", "--receive", "last"]).run().exits(2);
}

#[test]
fn messages_that_stand_ready_are_judged_by_their_channel_and_come_in_any_order() {
    let folder = documents();
    let flow = "arazzo: 1.1.0
info: { title: Orders, version: '1' }
sourceDescriptions: [{ name: orders, url: events.yaml, type: asyncapi }]
workflows:
  - workflowId: order
    steps:
      - { stepId: one, operationId: placeOrder, action: send, requestBody: { payload: { id: a } } }
      - { stepId: two, operationId: placeOrder, action: send, requestBody: { payload: { id: b } } }
      - { stepId: first, operationId: placeOrder, action: receive, correlationId: a, timeout: 5000, outputs: { number: $message.payload#/number } }
      - { stepId: second, operationId: placeOrder, action: receive, correlationId: b, timeout: 5000, outputs: { number: $message.payload#/number } }
      - { stepId: last, dependsOn: [first, second], operationId: placeOrder, action: send, requestBody: { payload: { id: c } } }
    outputs: { first: $steps.first.outputs.number, second: $steps.second.outputs.number }
";
    folder.write("flow.yaml", flow);
    let case = |messages: &str| {
        folder.write(
            "flow.test.yaml",
            format!("cases:\n  - name: both\n    messages: {messages}\n    expect: {{ outputs: {{ first: 1, second: 2 }} }}\n"),
        );
        Arazzo::new(["test", "flow.yaml"]).cwd(folder.path()).run()
    };
    // By the channel, in the order of the steps and against it; by operation; by step, with times against it.
    for messages in [
        "{ confirmed: [{ payload: { id: a, number: 1 } }, { payload: { id: b, number: 2 } }] }",
        "{ confirmed: [{ payload: { id: b, number: 2 } }, { payload: { id: a, number: 1 } }] }",
        "{ placeOrder: [{ payload: { id: b, number: 2 }, after: 1s }, { payload: { id: a, number: 1 } }] }",
        "{ first: { payload: { number: 1 }, after: 2s }, second: { payload: { number: 2 }, after: 1s } }",
    ] {
        case(messages).exits(0).says(&["1 passed"]);
    }
    let wrong = case("{ first: { payload: { number: one } }, second: { payload: { number: 2 } } }");
    wrong.exits(1).says(&["a message for step `first`", "channel `confirmed` has no message like this", "/number"]);
    let absent = case("{ first: { payload: {} }, second: { payload: { number: 2 } } }");
    absent.exits(1).says(&["a message for step `first`", "\"number\" is"]);
    // Where it is meant, it is said where it is not so.
    let meant = case("{ first: { payload: { number: one }, misfit: true }, second: { payload: { number: 2 } } }");
    meant.exits(1).never_says(&["a message for step"]);
    let fits = case("{ first: { payload: { number: 1 }, misfit: true }, second: { payload: { number: 2 } } }");
    fits.exits(1).says(&["a message for step `first`: it is one of its channel"]);
    case("{ first: { payload: { number: 1 }, misfit: 7 } }").says(&["`misfit` is true or false"]);
}

#[test]
fn an_archive_has_messages_in_their_order_and_those_that_came_without_a_number() {
    let folder = documents();
    let run = Arazzo::new(["run", "flow.yaml", "--mock", "-i", "id=o-1", "--report", "har=run.har"]);
    run.cwd(folder.path()).run().exits(0);
    let text = std::fs::read_to_string(folder.path().join("run.har")).unwrap();
    let archive: Value = serde_json::from_str(&text).unwrap();
    let entries = archive["log"]["entries"].as_array().unwrap();
    let said: Vec<_> = entries.iter().map(|entry| (&entry["request"]["method"], &entry["_arazzo"]["call"])).collect();
    let (sent, came) = (serde_json::json!("SEND"), serde_json::json!("RECEIVE"));
    assert_eq!(said, [(&sent, &serde_json::json!(0)), (&came, &Value::Null)], "{text}");
}
