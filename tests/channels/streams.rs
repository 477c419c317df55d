//! Runs of the built command that receive the events of operations of OpenAPI documents, from a server in this process.

use super::sse::Streams;
use crate::cli::{Arazzo, Folder, Output};

/// A workflow that posts what comes back as an event, and waits for that. `{events}` is the path of the stream.
fn flow(events: &str) -> [(&'static str, String); 2] {
    let flow = "arazzo: 1.1.0
info: { title: Jobs, version: '1' }
sourceDescriptions: [{ name: jobs, url: jobs.yaml, type: openapi }]
workflows:
  - workflowId: watch
    inputs: { type: object, properties: { path: { type: string, default: jobs } } }
    steps:
      - stepId: post
        operationId: post
        requestBody: { payload: { number: 7 } }
        parameters: [{ name: X-Event, in: header, value: done }]
      - stepId: done
        operationId: events
        action: receive
        timeout: 20000
        outputs: { event: $message.header.event, number: $message.payload#/number }
    outputs: { event: $steps.done.outputs.event, number: $steps.done.outputs.number }
";
    let api = "openapi: 3.1.0
info: { title: Jobs, version: '1' }
servers: [{ url: http://jobs.example }]
components: { securitySchemes: { key: { type: http, scheme: bearer } } }
paths:
  /jobs:
    post:
      operationId: post
      parameters: [{ name: X-Event, in: header, schema: { type: string } }]
      requestBody: { content: { application/json: {} } }
      responses: { '202': { description: done } }
  EVENTS:
    METHOD:
      operationId: events
      security: [{ key: [] }]
      responses: { '200': { description: events, content: { text/event-stream: { schema: { type: object, properties: { number: { type: integer } } } } } } }
";
    let (method, path) = events.split_once(' ').unwrap();
    [("flow.yaml", flow.to_owned()), ("jobs.yaml", api.replace("EVENTS", path).replace("METHOD", method))]
}

fn run(folder: &Folder, server: &Streams, bearer: &str) -> Output {
    let url = format!("http://{}", server.host);
    let run = Arazzo::new(["run", "flow.yaml", "--server", &url, "--bearer", "login"]);
    run.env("ARAZZO_SECRET_login", bearer).cwd(folder.path()).run()
}

fn heads(server: &Streams) -> Vec<String> {
    server.heads.lock().unwrap().iter().map(|head| head.to_lowercase()).collect()
}

#[test]
fn streams_of_operations_are_listened_to_before_what_brings_events_about() {
    let (server, folder) = (Streams::start(false), Folder::new());
    // One operation of the path posts, the other listens.
    for (name, text) in flow("get /jobs") {
        let text = text.replace("  /jobs:\n    get:", "    get:");
        folder.write(name, text);
    }
    let output = run(&folder, &server, "t0ken");
    output.exits(0).prints(&serde_json::json!({ "event": "done", "number": 7 }));
    let heads = heads(&server);
    assert!(heads[0].starts_with("get /jobs ") && heads[1].starts_with("post /jobs "), "{heads:?}");
    assert!(
        heads[0].contains("authorization: bearer t0ken") && heads[0].contains("accept: text/event-stream"),
        "{heads:?}"
    );
}

#[test]
fn streams_that_do_not_begin_fail_their_step_with_what_came() {
    let server = Streams::start(false);
    for (path, said) in [("/broken", "503"), ("/page", "text/html"), ("/secret", "401")] {
        let folder = Folder::new();
        for (name, text) in flow(&format!("get {path}")) {
            folder.write(name, text);
        }
        let given = if path == "/secret" { "wr0ng" } else { "t0ken" };
        let output = run(&folder, &server, given);
        output.exits(4).says(&["connection-lost", said]).never_says(&[given]);
    }
}

#[test]
fn streams_of_requests_that_do_something_are_opened_at_their_step() {
    let (server, folder) = (Streams::start(false), Folder::new());
    for (name, text) in flow("post /page") {
        folder.write(name, text);
    }
    let output = run(&folder, &server, "t0ken");
    output.exits(4);
    let heads = heads(&server);
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert!(heads[0].starts_with("post /jobs ") && heads[1].starts_with("post /page "), "{heads:?}");
}

#[test]
fn streams_go_nowhere_that_the_policy_does_not_allow() {
    let (server, folder) = (Streams::start(false), Folder::new());
    for (name, text) in flow("get /other") {
        let parameter =
            "        parameters: [{ name: X-Token, in: header, value: $inputs.apiToken }]\n        action: receive";
        let text = text.replace("        action: receive", parameter);
        let text = text.replace(
            "type: object, properties: { path:",
            "type: object, properties: { apiToken: { type: string, format: password }, path:",
        );
        folder.write(name, text);
    }
    let url = format!("http://{}", server.host);
    let output = Arazzo::new(["run", "flow.yaml", "--server", &url, "--secret", "apiToken"])
        .args(["--secret-host", "apiToken=api.example"])
        .env("ARAZZO_SECRET_apiToken", "s3cret-value")
        .cwd(folder.path())
        .run();
    output.exits(6).says(&["apiToken"]).never_says(&["s3cret-value"]);
    assert!(heads(&server).iter().all(|head| !head.contains("s3cret-value")), "{:?}", heads(&server));
}
