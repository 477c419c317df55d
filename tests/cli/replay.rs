//! `run --record` and `arazzo replay`, as people type them.

use std::fs;
use std::path::Path;

use super::{Arazzo, Folder, PROVISION, random};
use crate::server::{Reply, Server};
use serde_json::json;

const API: &str = "\
openapi: 3.1.0
info: {title: notes, version: '1'}
servers: [{url: https://notes.example}]
paths:
  /login:
    post:
      operationId: login
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'200': {description: a token}}
  /notes:
    get:
      operationId: list
      parameters: [{name: page, in: query, schema: {type: integer}}, {name: X-Trace, in: header, schema: {type: string}}]
      responses: {'200': {description: notes}}
";

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: notes, version: '1'}
sourceDescriptions: [{name: notes, url: notes.openapi.yaml, type: openapi}]
workflows:
  - workflowId: read
    inputs:
      type: object
      required: [user, password]
      properties: {user: {type: string}, password: {type: string, format: password}}
    steps:
      - stepId: login
        operationId: login
        requestBody:
          contentType: application/json
          payload:
            user: $inputs.user
            password: $inputs.password
            device: {kind: cli, version: 1}
        successCriteria: [{condition: $statusCode == 200}]
        outputs: {token: $response.body#/token}
      - stepId: list
        operationId: list
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$steps.login.outputs.token}'}
          - {name: page, in: query, value: 1}
          - {name: X-Trace, in: header, value: a-trace}
        successCriteria: [{condition: $statusCode == 200}]
        outputs: {first: $response.body#/0/title}
    outputs: {first: $steps.list.outputs.first}
";

/// Records a run against a server that is gone afterwards; gives the token and the password that it had.
fn recorded(folder: &Folder) -> (String, String) {
    let (token, password) = (random(24), random(16));
    let given = token.clone();
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/login" => Reply::status(200).json(&json!({ "token": given, "ttl": 60 })),
        _ => Reply::status(200).json(&json!([{ "title": "first" }])),
    });
    folder.write("notes.openapi.yaml", API);
    folder.write("notes.arazzo.yaml", FLOW);
    let url = server.url();
    run(folder, ["run", "notes.arazzo.yaml", "-S", &url, "--record", "run.ndjson", "-i", "user=ada", "-s", "password"])
        .env("ARAZZO_SECRET_password", &password)
        .run()
        .exits(0)
        .prints(&json!({ "first": "first" }))
        .says(&["record run.ndjson  (arazzo replay run.ndjson)"]);
    (token, password)
}

fn run<'a>(folder: &Folder, args: impl IntoIterator<Item = &'a str>) -> Arazzo {
    Arazzo::new(args).cwd(folder.path())
}

fn replay(folder: &Folder, flow: &str) -> super::Output {
    folder.write("changed.arazzo.yaml", flow);
    run(folder, ["replay", "run.ndjson", "changed.arazzo.yaml"]).run()
}

#[test]
fn a_recorded_run_replays_without_a_server_and_the_file_holds_no_secret() {
    let folder = Folder::new();
    let (token, password) = recorded(&folder);
    let text = fs::read_to_string(folder.path().join("run.ndjson")).unwrap();
    for secret in [&token, &password] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
    let output = run(&folder, ["replay", "run.ndjson"]).run();
    output.exits(0).prints_nothing().says(&["ok    list", "same  2 requests, the same outcome"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.path().join("run.ndjson")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_replay_prints_the_events_of_the_recorded_run_byte_for_byte() {
    let folder = Folder::new();
    let file = folder.path().join("run.ndjson");
    let live = Arazzo::new(["run", PROVISION, "--mock", "--json", "--record", file.to_str().unwrap()]).run();
    live.exits(0);
    let again = Arazzo::new(["replay", file.to_str().unwrap(), "--json"]).run();
    again.exits(0).check(again.stdout == live.stdout, &format!("exactly these events:\n{}", live.stdout));
    let text = fs::read_to_string(file).unwrap();
    Arazzo::new(["replay", "-", "-q"]).stdin(&text).run().exits(0).prints_nothing();
}

#[test]
fn drift_is_told_by_its_part_with_the_place_in_the_document_that_changed() {
    let folder = Folder::new();
    recorded(&folder);
    let output = replay(&folder, &FLOW.replace("kind: cli", "kind: app"));
    output.exits(1).says(&[
        "error[request-changed]: step `login` sends another body `/device/kind`",
        "--> changed.arazzo.yaml:18:28",
        "= recorded: \"cli\"",
        "= now: \"app\"",
        "drift 1 difference: 2 requests now, 2 recorded; changed since it was recorded: notes.arazzo.yaml",
    ]);
    let output = replay(&folder, &FLOW.replace("query, value: 1", "query, value: 2"));
    output.exits(1).says(&["sends another query `page`", "changed.arazzo.yaml:25:44"]);
    let output = replay(&folder, &FLOW.replace("value: a-trace", "value: b-trace"));
    output.exits(1).says(&["sends another header `X-Trace`", "changed.arazzo.yaml:26:48", "a-trace", "b-trace"]);
    let output = replay(&folder, &FLOW.replace("          - {name: X-Trace, in: header, value: a-trace}\n", ""));
    output.exits(1).says(&["does not send the header `X-Trace` that was recorded"]);
    let output = replay(&folder, &FLOW.replace("Bearer {", "Token {"));
    output.exits(1).says(&["= recorded: Bearer ‹login.token›", "= now: Token ‹login.token›"]);
    let output = replay(&folder, &FLOW.replace("#/0/title", "#/0/name"));
    output.exits(1).says(&["error[outcome-changed]: the output `first` has another value"]);
}

#[test]
fn requests_that_are_missing_or_one_too_many_are_told_with_their_step() {
    let folder = Folder::new();
    recorded(&folder);
    let fails = FLOW.replacen("$statusCode == 200", "$statusCode == 201", 1);
    replay(&folder, &fails).exits(1).says(&[
        "error[request-missing]: step `list` does not send a request that was recorded",
        "= recorded: GET http://127.0.0.1:",
        "error[outcome-changed]: the run ends differently",
        "= recorded: succeeded (exit 0)",
        "= now: failed (exit 1): criterion-not-met at login",
    ]);
    let more = FLOW.replace(
        "    outputs: {first: $steps",
        "      - {stepId: more, operationId: list}\n    outputs: {first: $steps",
    );
    let output = replay(&folder, &more);
    output.exits(1).says(&["error[request-unexpected]: step `more` sends a request that was not recorded", "29:18"]);
    let events = run(&folder, ["replay", "run.ndjson", "changed.arazzo.yaml", "--json"]).run();
    events.exits(1);
    let last = events.events().pop().unwrap();
    assert_eq!(
        (&last["type"], &last["kind"], &last["step"]),
        (&json!("drift"), &json!("request-unexpected"), &json!("more"))
    );
    assert_eq!(last["place"]["line"], json!(29));
}

#[test]
fn a_recording_that_would_be_too_large_is_not_kept_and_the_run_is_as_it_is() {
    let folder = Folder::new();
    folder.write("notes.openapi.yaml", API);
    // What is sent counts as what comes: it is in the recording too.
    for (sent, came) in [(10, 40_000), (40_000, 10)] {
        let note = format!("payload: {{note: {}}}", "n".repeat(sent));
        let steps = "      - stepId: login\n        operationId: login\n        requestBody:\n          contentType: application/json\n";
        let flow = FLOW.split("    inputs:").next().unwrap();
        folder.write("notes.arazzo.yaml", format!("{flow}    steps:\n{steps}          {note}\n"));
        let server = Server::start(move |_, _| Reply::status(200).json(&json!({ "filling": "x".repeat(came) })));
        let url = server.url();
        let record = ["run", "notes.arazzo.yaml", "-S", &url, "--record", "run.ndjson", "--max-kept"];
        let most = |bytes: &'static str| record.into_iter().chain([bytes]);
        let output = run(&folder, most("30000")).run();
        let words = "its requests and answers have more than 30000 bytes; raise --max-kept";
        output.exits(7).says(&["the recording could not be written", words]);
        assert!(!folder.path().join("run.ndjson").exists());
        run(&folder, most("60000")).run().exits(0);
        fs::remove_file(folder.path().join("run.ndjson")).unwrap();
    }
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let folder = Folder::new();
    recorded(&folder);
    let refused = |name: &str, words: &str| {
        run(&folder, ["replay", name]).run().exits(2).prints_nothing().says(&[words]);
    };
    refused("none.ndjson", "`none.ndjson`: no such file");
    refused("notes.arazzo.yaml", "this is no recording");
    let text = fs::read_to_string(folder.path().join("run.ndjson")).unwrap();
    let cut = text.lines().take(3).collect::<Vec<_>>().join("\n");
    folder.write("cut.ndjson", cut);
    refused("cut.ndjson", "the last line is missing, which says how the run ended");
    folder.write("old.ndjson", text.replacen("\"v\":1", "\"v\":99", 1));
    refused("old.ndjson", "another version");
    folder.write("broken.ndjson", text.replacen("\"type\":\"reply\"", "\"type\":\"rply\"", 1));
    let line = 1 + text.lines().take_while(|line| !line.contains("\"type\":\"reply\"")).count();
    refused("broken.ndjson", &format!("line {line}: unknown variant `rply`"));
    folder.write("moved.ndjson", text.replacen("notes.arazzo.yaml", "gone.arazzo.yaml", 1));
    refused("moved.ndjson", "name it: arazzo replay moved.ndjson DOC");
    let events = run(&folder, ["run", "notes.arazzo.yaml", "--mock", "--json"]).run();
    folder.write("events.ndjson", &events.stdout);
    refused("events.ndjson", "these are the events of a run");
    let nowhere = Path::new("none/run.ndjson");
    let record = ["run", "notes.arazzo.yaml", "--mock", "--record", nowhere.to_str().unwrap()];
    run(&folder, record).run().exits(7).says(&["the recording could not be written: `none/run.ndjson`"]);
}
