//! A run is the same, whoever keeps it.

use serde_json::{Value, json};

use crate::engine::{Engine, arazzo, free_port, printed, root, until};
use crate::server::{Reply, Server, daytona};

const STATES: &[&str] = &["creating", "creating", "ready"];

/// Holds JSON to the schema that the command gives.
pub(crate) fn checked(text: &str) {
    let schema = printed(arazzo(&["schema", "engine"]), 0);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let faults: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&value).map(|one| one.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}: {text}");
}

/// Requests as far as they do not depend on the connection.
fn requests(server: &Server) -> Vec<(String, String, Option<String>, Value)> {
    let shown = server.requests();
    let shown = shown.iter().map(|one| {
        let token = one.header("authorization").map(str::to_owned);
        (one.method.clone(), one.path.clone(), token, one.json())
    });
    shown.collect()
}

#[test]
fn the_reference_workflow_does_what_it_does_without_an_engine() {
    let Some(engine) = Engine::start() else { return };
    let document = root().join("specs/daytona-provision.yml");
    let document = document.to_str().unwrap();
    let inputs = json!({ "volumeName": "data", "snapshot": "ubuntu", "mountPath": "/data" });
    let server = daytona(STATES);
    let mut run = arazzo(&["run", document, "-S", &format!("{}/api", server.url()), "-s", "apiToken", "--inputs", "-"]);
    let given = engine.write("inputs.json", inputs.to_string());
    run.stdin(std::fs::File::open(given).unwrap()).env("ARAZZO_SECRET_apiToken", "the-token");
    let outputs: Value = serde_json::from_str(&printed(run, 0)).unwrap();
    let sent = requests(&server);
    assert_eq!(sent.len(), 5);

    let mut name = None;
    for how in ["ingress", "start"] {
        let server = daytona(STATES);
        let given = format!("{}/api", server.url());
        let port = free_port();
        let secret = engine.write("token", "the-token\n");
        let secret = format!("apiToken@{}", secret.display());
        let _worker = engine.worker(port, &[document, "-S", &given, "-s", &secret]);
        let service = "arazzo.daytona-provision.provision-volume-and-sandbox";
        let result = match how {
            "ingress" => engine.call(&format!("{service}/{how}/run"), &inputs).unwrap()["outputs"].clone(),
            _ => {
                let mut start = engine.arazzo(&["start", document, "--restate", engine.ingress(), "--wait"]);
                start.args(["-i", "volumeName=data", "-i", "snapshot=ubuntu", "mountPath=/data", "--id", how]);
                serde_json::from_str(&printed(start, 0)).unwrap()
            }
        };
        assert_eq!(result, outputs, "{how}");
        assert_eq!(requests(&server), sent, "{how}");
        name = Some(format!("{service}/{how}"));
    }
    let name = name.unwrap();
    let listed = printed(engine.arazzo(&["runs", "list", "--restate-admin", engine.admin(), "--json"]), 0);
    listed.lines().for_each(checked);
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|run| run["state"] == "succeeded" && run["v"] == 1), "{listed:?}");
    let shown = printed(engine.arazzo(&["runs", "show", "start", "--restate-admin", engine.admin(), "--json"]), 0);
    checked(&shown);
    let shown: Value = serde_json::from_str(&shown).unwrap_or_default();
    assert!(shown["run"] == name.as_str(), "{shown}");
    let entries: Vec<&str> =
        shown["journal"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    for entry in ["begin", "createVolume#1 intent", "createVolume#1", "pollVolume#3", "createSandbox#1"] {
        assert!(entries.contains(&entry), "{entry}: {entries:?}");
    }
    // A second start under the same key is the same run.
    let again = engine.arazzo(&[
        "start",
        document,
        "--restate",
        engine.ingress(),
        "--id",
        "start",
        "--json",
        "-i",
        "volumeName=x",
        "-i",
        "snapshot=y",
        "mountPath=/z",
    ]);
    let again = printed(again, 0);
    checked(&again);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((again["started"].as_bool(), again["run"].as_str()), (Some(false), Some(name.as_str())));
}

const API: &str = "openapi: 3.1.0
info: { title: Parts, version: '1' }
servers: [{ url: 'http://127.0.0.1:1' }]
paths:
  /old: { get: { operationId: old, responses: { '200': { description: ok } } } }
  /new: { get: { operationId: new, responses: { '200': { description: ok } } } }
";

fn flow(operation: &str) -> String {
    format!(
        "arazzo: 1.0.1
info: {{ title: Parts, version: '1' }}
sourceDescriptions: [{{ name: api, url: api.yaml, type: openapi }}]
workflows:
  - workflowId: get
    steps:
      - stepId: ask
        operationId: {operation}
        successCriteria: [{{ condition: $statusCode == 200 }}]
        onFailure: [{{ name: again, type: retry, retryAfter: 3, retryLimit: 5 }}]
      - stepId: last
        operationId: {operation}
        successCriteria: [{{ condition: $statusCode == 200 }}]
    outputs: {{ which: '{operation}' }}
"
    )
}

#[test]
fn a_run_ends_as_it_was_begun_whatever_has_become_of_its_document() {
    let Some(engine) = Engine::start() else { return };
    let server = Server::start(|_, number| Reply::status(if number < 2 { 503 } else { 200 }));
    engine.write("api.yaml", API);
    let document = engine.write("parts.arazzo.yaml", flow("old"));
    let document = document.to_str().unwrap();
    let port = free_port();
    let url = server.url();
    let arguments = [document, "-S", url.as_str()];
    let mut worker = engine.worker(port, &arguments);
    for key in ["one", "two"] {
        engine.call(&format!("arazzo.parts.get/{key}/run/send"), &json!({})).unwrap();
    }
    until("both wait", || (server.lines().len() >= 2).then_some(()));
    until("the engine knows", || {
        ["one", "two"]
            .iter()
            .all(|key| engine.status(&format!("arazzo.parts.get/{key}"))["state"] == "waiting")
            .then_some(())
    });
    worker.kill();
    engine.write("parts.arazzo.yaml", flow("new"));
    let _worker = engine.worker(port, &arguments);
    engine.call("arazzo.parts.get/three/run", &json!({})).unwrap();
    for key in ["one", "two"] {
        let path = format!("{}/restate/workflow/arazzo.parts.get/{key}/attach", engine.ingress());
        let result: Value = serde_json::from_str(&crate::engine::curl(&[&path]).unwrap()).unwrap();
        assert_eq!(result["status"], "succeeded", "{result}");
    }
    let (old, new): (Vec<String>, Vec<String>) = server.lines().into_iter().partition(|line| line == "GET /old");
    assert_eq!((old.len(), new.len()), (6, 2), "{old:?} {new:?}");
}

#[test]
fn a_run_is_cancelled_while_it_waits_and_a_worker_ends_when_it_is_asked_to() {
    let Some(engine) = Engine::start() else { return };
    let server = Server::start(|_, _| Reply::status(503));
    engine.write("api.yaml", API);
    let document = engine.write(
        "parts.arazzo.yaml",
        flow("old").replace("retryAfter: 3", "retryAfter: 600").replace(", retryLimit: 5", ""),
    );
    let document = document.to_str().unwrap();
    let port = free_port();
    let mut worker = engine.worker(port, &[document, "-S", &server.url()]);
    let health = format!("http://127.0.0.1:{port}/healthz");
    assert!(crate::engine::curl(&[&health]).unwrap().contains("ok"));
    let run = printed(engine.arazzo(&["start", document, "--restate", engine.ingress()]), 0);
    let run = run.trim();
    until("it waits", || (engine.status(run)["state"] == "waiting").then_some(()));
    let cancelled = printed(engine.arazzo(&["runs", "cancel", run, "--restate-admin", engine.admin(), "--json"]), 0);
    checked(&cancelled);
    assert!(cancelled.contains("\"cancelled\":true"), "{cancelled}");
    let key = run.split_once('/').unwrap().1;
    let waited =
        printed(engine.arazzo(&["start", document, "--restate", engine.ingress(), "--id", key, "--wait"]), 130);
    assert!(waited.contains("cancelled"), "{waited}");
    assert_eq!(worker.terminate(), Some(0));
    assert_eq!(server.lines().len(), 1);
}
