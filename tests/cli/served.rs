//! `arazzo mock` for channels: WebSocket and event streams, as other clients meet them, and `arazzo run` as one of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;

use super::{Arazzo, Folder};
use serde_json::json;

/// A mock that runs until it is dropped, and its urls.
struct Mock(Child, Vec<String>);

impl Mock {
    fn start(arguments: &[&str], urls: usize) -> Self {
        let mut child = Arazzo::new(["mock"]).args(arguments.iter().copied()).spawn();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = |line: String| line.split_whitespace().nth(1).unwrap().to_owned();
        let urls = (0..urls).map(|_| url(lines.next().unwrap().unwrap())).collect();
        Self(child, urls)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_workflow_runs_over_a_websocket_of_the_mock() {
    let document = "examples/chat-websocket/chat.arazzo.yaml";
    let mock = Mock::start(&[document, "-q"], 1);
    assert!(mock.1[0].starts_with("ws://127.0.0.1:"), "{:?}", mock.1);
    let server = format!("chat={}", mock.1[0]);
    let inputs = ["-i", "room=lobby", "-i", "name=eve", "-i", "question=Is there tea?"];
    let output = Arazzo::new(["run", document, "-S", &server]).args(inputs).run();
    output.exits(0).prints(&json!({"answer": "There is.", "from": "bob"}));
    // The next client begins as the first one did.
    Arazzo::new(["run", document, "-S", &server]).args(inputs).run().exits(0);
}

#[test]
fn a_workflow_runs_over_the_event_stream_of_an_operation() {
    let folder = Folder::new();
    let flow = folder.write(
        "flow.yaml",
        "arazzo: 1.1.0
info: {title: t, version: '1'}
sourceDescriptions: [{name: jobs, url: jobs.yaml, type: openapi}]
workflows:
  - workflowId: w
    steps:
      - stepId: done
        operationId: events
        action: receive
        timeout: 20000
        successCriteria: [{condition: $message.payload#/state == 'done'}]
        outputs: {state: $message.payload#/state}
    outputs: {state: $steps.done.outputs.state}
",
    );
    folder.write(
        "jobs.yaml",
        "openapi: 3.2.0
info: {title: t, version: '1'}
servers: [{url: https://jobs.example/v1}]
paths:
  /events:
    get:
      operationId: events
      responses:
        '200':
          description: events
          content:
            text/event-stream:
              itemSchema:
                type: object
                properties:
                  data:
                    contentMediaType: application/json
                    contentSchema: {type: object, properties: {state: {enum: [queued, done]}}}
",
    );
    let flow = flow.to_str().unwrap();
    let mock = Mock::start(&[flow, "-q"], 1);
    let output = Arazzo::new(["run", flow, "-S", &format!("jobs={}", mock.1[0])]).run();
    output.exits(0).prints(&json!({"state": "done"}));
    let text = ask(&mock.1[0], "GET /v1/events HTTP/1.1", "");
    assert!(
        text.contains("content-type: text/event-stream") && text.contains("data: {\"state\":\"done\"}\n\n"),
        "{text}"
    );
}

#[test]
fn channels_over_http_take_requests_and_send_events() {
    let mock = Mock::start(&["examples/job-events/job.arazzo.yaml", "-q"], 2);
    let url = mock.1.iter().find(|url| !url.contains("/jobs")).unwrap();
    let events = mock.1.last().unwrap_or(url);
    let mut stream = open(events);
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut text = String::new();
    let mut bytes = [0; 1024];
    while !text.contains("42 lines") {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("text/event-stream"), "{text}");
    // What is none of its messages is refused.
    let refused = ask(events, "POST /events HTTP/1.1", "{\"state\": 3}");
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("required property"), "{refused}");
    assert!(ask(events, "GET /evnts HTTP/1.1", "").contains("did you mean /events?"));
}

#[test]
fn a_mock_says_which_servers_it_does_not_serve() {
    let output = Arazzo::new(["mock", "examples/order-mqtt/shop.asyncapi.yaml"]).run();
    output
        .exits(2)
        .says(&["nothing of `shop.asyncapi` can be served", "a mock speaks WebSocket and HTTP, and not mqtt"]);
    let output = Arazzo::new(["mock", "examples/order-mqtt/order.arazzo.yaml"]).run();
    output.exits(2).says(&["a mock speaks WebSocket and HTTP, and not mqtt"]);
}

fn open(url: &str) -> TcpStream {
    TcpStream::connect(url.split("://").nth(1).unwrap().split('/').next().unwrap()).unwrap()
}

/// The whole answer to one request.
fn ask(url: &str, line: &str, body: &str) -> String {
    let mut stream = open(url);
    let length = body.len();
    let head = format!(
        "{line}\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
