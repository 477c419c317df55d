//! What the engine keeps holds no secret.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::engine::{Engine, curl, free_port, printed, until};
use crate::server::{Reply, Server};

const API: &str = "openapi: 3.1.0
info: { title: Notes, version: '1' }
servers: [{ url: 'http://127.0.0.1:1' }]
paths:
  /login:
    post:
      operationId: login
      requestBody: { required: true, content: { application/json: { schema: { type: object } } } }
      responses: { '200': { description: a token } }
  /notes:
    get:
      operationId: notes
      security: [{ bearer: [] }]
      responses: { '200': { description: notes } }
components: { securitySchemes: { bearer: { type: http, scheme: bearer } } }
";

const FLOW: &str = "arazzo: 1.0.1
info: { title: Log in, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: read
    inputs:
      type: object
      required: [user, password]
      properties: { user: { type: string }, password: { type: string, format: password } }
    steps:
      - stepId: login
        operationId: login
        requestBody: { contentType: application/json, payload: { user: $inputs.user, password: $inputs.password } }
        successCriteria: [{ condition: $statusCode == 200 }]
        outputs: { token: $response.body#/token }
      - stepId: list
        operationId: notes
        parameters: [{ name: Authorization, in: header, value: 'Bearer {$steps.login.outputs.token}' }]
        successCriteria: [{ condition: $statusCode == 200 }]
        outputs: { first: $response.body#/first }
    outputs: { first: $steps.list.outputs.first, token: $steps.login.outputs.token }
";

const PASSWORD: &str = "correct-horse-Xq7";
const TOKEN: &str = "tok-9f2d71aa6c01e4b3";
const BY_HAND: &str = "tok-by-hand-51c7e0d2";
/// What is no secret, and may be found.
const USER: &str = "user=ada-3e8b90c4d7";
const SHOWN: [&str; 2] = ["ada-3e8b90c4d7", "Milk-note-4c1d"];

/// The files below a folder that hold one of these texts.
fn holding(folder: &Path, texts: &[&str], found: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files += holding(&entry.path(), texts, found);
        } else if let Ok(bytes) = fs::read(entry.path()) {
            files += 1;
            for text in texts.iter().filter(|text| bytes.windows(text.len()).any(|part| part == text.as_bytes())) {
                found.push(format!("{text} in {}", entry.path().display()));
            }
        }
    }
    files
}

#[test]
fn the_folder_of_the_engine_holds_no_secret() {
    let Some(mut engine) = Engine::start() else { return };
    let server = Server::start(|request, _| match request.path.as_str() {
        "/login" if request.json()["user"] == "bo" => Reply::status(200).json(&json!({ "token": TOKEN })).delay(2_000),
        "/login" => Reply::status(200).json(&json!({ "token": TOKEN })),
        _ => Reply::status(200).json(&json!({ "first": "Milk-note-4c1d" })),
    });
    engine.write("api.yaml", API);
    let document = engine.write("notes.arazzo.yaml", FLOW);
    let document = document.to_str().unwrap();
    let secret = engine.write("password", PASSWORD);
    let secret = format!("password@{}", secret.display());
    let (port, url) = (free_port(), server.url());
    let arguments = [document, "-S", &url, "-s", &secret];
    let mut worker = engine.worker(port, &arguments);

    // By the command with the key, the outputs are whole; without it and for the ingress, they are masked.
    let start = |key: &str| {
        ["start", document, "--restate", engine.ingress(), "--wait", "-i", USER, "--id", key].map(str::to_owned)
    };
    let run = |arguments: [String; 9]| engine.arazzo(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let whole: Value = serde_json::from_str(&printed(run(start("ada")), 0)).unwrap();
    assert_eq!(whole, json!({ "first": "Milk-note-4c1d", "token": TOKEN }));
    let mut masked = run(start("ada"));
    masked.env_remove("ARAZZO_STATE_KEY");
    let masked: Value = serde_json::from_str(&printed(masked, 0)).unwrap();
    assert!(masked["token"].as_str().unwrap().contains('‹') && masked["first"] == "Milk-note-4c1d", "{masked}");

    // An answer by hand is a secret as well.
    engine.call("arazzo.notes.read/bo/run/send", &json!({ "user": "bo" })).unwrap();
    until("it is sent", || (server.lines().iter().filter(|line| line.contains("login")).count() == 2).then_some(()));
    worker.kill();
    let _worker = engine.worker(port, &arguments);
    until("it is in doubt", || (engine.status("arazzo.notes.read/bo")["state"] == "in-doubt").then_some(()));
    let status = engine.status("arazzo.notes.read/bo");
    assert!(status["body"].as_str().unwrap().contains("‹password›"), "{status}");
    let answer = engine.write("answer.json", json!({ "status": 200, "body": { "token": BY_HAND } }).to_string());
    printed(
        engine.arazzo(&[
            "runs",
            "resume",
            "arazzo.notes.read/bo",
            "--restate",
            engine.ingress(),
            "--unknown",
            "skip",
            "--with-response",
            answer.to_str().unwrap(),
        ]),
        0,
    );
    curl(&[&format!("{}/restate/workflow/arazzo.notes.read/bo/attach", engine.ingress())]).unwrap();
    assert_eq!(server.requests().last().unwrap().header("authorization"), Some(format!("Bearer {BY_HAND}").as_str()));

    // What the engine says of its journals, its state and its promises.
    let said: String =
        ["sys_journal", "state", "sys_promise", "sys_invocation"].map(|table| engine.table(table)).concat();
    let bytes = unhexed(&said);
    let is_in = |text: &str| said.contains(text) || bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for secret in [PASSWORD, TOKEN, BY_HAND] {
        assert!(!is_in(secret), "{secret} is in a table of the engine");
    }
    assert!(SHOWN.iter().all(|text| is_in(text)), "the look into the tables finds nothing");

    // What stands on its disk, once it has written all of it.
    engine.nodes[0].process.terminate();
    let mut found = vec![];
    let files = holding(&engine.data(), &[PASSWORD, TOKEN, BY_HAND], &mut found);
    assert!(files > 10 && found.is_empty(), "{files} files; {found:?}");
    holding(&engine.data(), &SHOWN, &mut found);
    assert!(!found.is_empty(), "the look into the folder finds nothing");
}

/// The bytes that hexadecimal digits in a text stand for.
fn unhexed(text: &str) -> Vec<u8> {
    let digits = |part: &str| {
        part.len() > 8 && part.len().is_multiple_of(2) && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| digits(part));
    parts
        .flat_map(|part| (0..part.len()).step_by(2).map(|at| u8::from_str_radix(&part[at..at + 2], 16).unwrap()))
        .collect()
}

#[test]
fn a_secret_in_a_request_is_refused() {
    let Some(engine) = Engine::start() else { return };
    let server = Server::start(|_, _| Reply::status(200));
    engine.write("api.yaml", API);
    let document = engine.write("notes.arazzo.yaml", FLOW);
    let document = document.to_str().unwrap();
    let start = ["start", document, "--restate", engine.ingress(), "-i", "user=ada"];
    // Before anything is sent.
    let mut typed = start.to_vec();
    typed.push("password=correct-horse");
    let refused = printed(engine.arazzo(&typed), 2);
    assert!(refused.contains("arazzo worker") && !refused.contains("correct-horse"), "{refused}");
    let mut unknown = start.to_vec();
    unknown.push("usr=bo");
    assert!(printed(engine.arazzo(&unknown), 2).contains("did you mean `user`"));
    let mut named = start.to_vec();
    named.extend(["-s", "password"]);
    let mut named = engine.arazzo(&named);
    named.env("ARAZZO_SECRET_password", "correct-horse");
    assert!(printed(named, 2).contains("arazzo worker"));

    let secret = engine.write("password", PASSWORD);
    let secret = format!("password@{}", secret.display());
    let _worker = engine.worker(free_port(), &[document, "-S", &server.url(), "-s", &secret]);
    let url = format!("{}/arazzo.notes.read/one/run", engine.ingress());
    let output = std::process::Command::new("curl")
        .args([
            "-s",
            "-w",
            "%{http_code}",
            &url,
            "-H",
            "content-type: application/json",
            "-d",
            r#"{"user":"ada","password":"hunter2"}"#,
        ])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("400") && said.contains("password") && said.contains("to the worker instead"), "{said}");
    assert!(!said.contains("hunter2") && server.lines().is_empty(), "{said}");
}
