//! What a worker refuses, and how much it takes.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::engine::{Engine, arazzo, free_port, printed, until};
use crate::server::{Reply, Server};

const API: &str = "openapi: 3.1.0
info: { title: Big, version: '1' }
servers: [{ url: 'https://api.example' }]
paths: { /big: { get: { operationId: big, responses: { '200': { description: bytes } } } } }
";

const FLOW: &str = "arazzo: 1.0.1
info: { title: Big, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: get
    steps:
      - stepId: fetch
        operationId: big
        successCriteria: [{ condition: $statusCode == 200 }]
        outputs: { status: $statusCode }
    outputs: { status: $steps.fetch.outputs.status }
";

const EVENTS: &str = "asyncapi: 3.0.0
info: { title: Events, version: '1' }
channels: { orders: { address: orders, messages: { order: { payload: { type: object } } } } }
operations: { receiveOrder: { action: receive, channel: { $ref: '#/channels/orders' } } }
";

const CHANNEL: &str = "arazzo: 1.1.0
info: { title: Receives, version: '1' }
sourceDescriptions: [{ name: events, url: events.yaml, type: asyncapi }]
workflows:
  - workflowId: get
    steps:
      - { stepId: receive-it, channelPath: '{$sourceDescriptions.events.url}#/channels/orders', action: receive }
";

struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("arazzo-restate-limits-{}-{}", std::process::id(), free_port()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("api.yaml"), API).unwrap();
        std::fs::write(path.join("big.arazzo.yaml"), FLOW).unwrap();
        std::fs::write(path.join("big.yaml"), FLOW).unwrap();
        std::fs::write(path.join("other one.yaml"), FLOW).unwrap();
        Self(path)
    }

    fn worker(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = arazzo(&["worker"]);
        command.args(arguments).current_dir(&self.0);
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn what_a_worker_may_not_do_is_said_before_it_listens() {
    let folder = Folder::new();
    let here = "127.0.0.1:0";
    // Deny by default: hosts of the documents have to be given.
    let refused = printed(folder.worker(&["big.arazzo.yaml", "--listen", here]), 6);
    assert!(refused.contains("api.example") && refused.contains("--allow-host"), "{refused}");
    let given = ["--allow-host", "api.example"];
    let mut without_key = folder.worker(&["big.arazzo.yaml", "--listen", here]);
    without_key.args(given).env_remove("ARAZZO_STATE_KEY");
    assert!(printed(without_key, 2).contains("ARAZZO_STATE_KEY"));
    let mut open = folder.worker(&["big.arazzo.yaml", "--listen", "0.0.0.0:0"]);
    open.args(given);
    assert!(printed(open, 2).contains("--identity-key"));
    let mut wrong = folder.worker(&["big.arazzo.yaml", "--listen", "0.0.0.0:0", "--identity-key", "publickeyv1_no"]);
    wrong.args(given);
    assert!(printed(wrong, 2).contains("identity key"));
    let mut twice = folder.worker(&["big.arazzo.yaml", "big.yaml", "--listen", here]);
    twice.args(given);
    assert!(printed(twice, 2).contains("arazzo.big.get"));
    std::fs::write(folder.0.join("events.yaml"), EVENTS).unwrap();
    std::fs::write(folder.0.join("channel.arazzo.yaml"), CHANNEL).unwrap();
    let channel = printed(folder.worker(&["channel.arazzo.yaml", "--listen", here]), 3);
    assert!(channel.contains("channel") && channel.contains("receive-it"), "{channel}");
    let mut unnamed = folder.worker(&["other one.yaml", "--listen", here]);
    unnamed.args(given);
    assert!(printed(unnamed, 2).contains("NAME=DOC"));
}

#[test]
fn an_answer_that_is_too_large_to_keep_stops_its_run() {
    let Some(engine) = Engine::start() else { return };
    let server = Server::start(|_, number| {
        Reply::status(200).body("application/octet-stream", vec![b'x'; if number == 0 { 25 << 20 } else { 12 << 20 }])
    });
    engine.write("api.yaml", API);
    let document = engine.write("big.arazzo.yaml", FLOW);
    let named = format!("other={}", document.display());
    let more =
        engine.arazzo(&["worker", &named, "--listen", "127.0.0.1:0", "-S", &server.url(), "--max-body", "64MiB"]);
    assert!(printed(more, 2).contains("20971520"));
    let _worker = engine.worker(free_port(), &[&named, "-S", &server.url(), "--max-body", "20MiB"]);
    let result = engine.call("arazzo.other.get/large/run", &json!({})).unwrap();
    assert_eq!((&result["exit"], &result["why"]["code"]), (&json!(5), &json!("body-limit")), "{result}");
    let result = engine.call("arazzo.other.get/smaller/run", &json!({})).unwrap();
    assert_eq!(result["status"], "succeeded", "{result}");
}

#[test]
fn runs_are_kept_as_long_as_was_said() {
    let Some(engine) = Engine::start() else { return };
    let server = Server::start(|_, _| Reply::status(200));
    engine.write("api.yaml", API);
    let document = engine.write("big.arazzo.yaml", FLOW);
    let (document, url) = (document.to_str().unwrap(), server.url());
    for (more, expected) in [(vec![], "7d"), (vec!["--retention", "30d"], "30d")] {
        let mut arguments = vec![document, "-S", &url];
        arguments.extend(more);
        let _worker = engine.worker(free_port(), &arguments);
        let said = crate::engine::curl(&[&format!("{}/services/arazzo.big.get", engine.admin())]).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        let kept = said["workflow_completion_retention"].to_string();
        let days = |text: &str| text.replace(['"', ' '], "").replace("days", "d");
        assert_eq!(days(&kept), expected, "{said}");
    }
}

#[test]
fn requests_that_the_engine_has_not_signed_are_refused() {
    let pem = std::env::temp_dir().join(format!("arazzo-restate-{}.pem", std::process::id()));
    let made =
        std::process::Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&pem).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: openssl makes no key");
        return;
    }
    let more = format!("request-identity-private-key-pem-file = \"{}\"", pem.display());
    let Some(engine) = Engine::start_with(&more) else { return };
    let log = until("it says its key", || {
        let log = engine.log();
        log.contains("publickeyv1_").then_some(log)
    });
    let letters = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let at = log.find("publickeyv1_").unwrap();
    let key = log[at..].split(letters).next().unwrap().to_owned();
    let server = Server::start(|_, _| Reply::status(200));
    engine.write("api.yaml", API);
    let document = engine.write("big.arazzo.yaml", FLOW);
    let (document, url, port) = (document.to_str().unwrap(), server.url(), free_port());
    let _worker = engine.worker(port, &[document, "-S", &url, "--identity-key", &key]);
    let result = engine.call("arazzo.big.get/signed/run", &json!({})).unwrap();
    assert_eq!(result["status"], "succeeded");
    let unsigned = format!("http://127.0.0.1:{port}/1/discover");
    let code = std::process::Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--http2-prior-knowledge", &unsigned])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(code.stdout).unwrap(), "401");
    let _ = std::fs::remove_file(pem);
}

#[test]
fn the_engine_gives_a_worker_no_more_runs_at_once_than_it_is_told() {
    let Some(engine) = Engine::start_with("[worker.invoker]\nconcurrent-invocations-limit = 3\n") else { return };
    let counts = std::sync::Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let seen = counts.clone();
    let server = Server::start(move |_, _| {
        let now = seen.0.fetch_add(1, Ordering::SeqCst) + 1;
        seen.1.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(100));
        seen.0.fetch_sub(1, Ordering::SeqCst);
        Reply::status(200)
    });
    engine.write("api.yaml", API);
    let document = engine.write("big.arazzo.yaml", FLOW);
    let _worker = engine.worker(free_port(), &[document.to_str().unwrap(), "-S", &server.url()]);
    for n in 0..24 {
        engine.call(&format!("arazzo.big.get/{n}/run/send"), &json!({})).unwrap();
    }
    for n in 0..24 {
        let path = format!("{}/restate/workflow/arazzo.big.get/{n}/attach", engine.ingress());
        assert!(crate::engine::curl(&[&path]).unwrap().contains("succeeded"));
    }
    // The limit is that of a partition, of which there are four.
    let most = counts.1.load(Ordering::SeqCst);
    assert!((1..=12).contains(&most), "{most} at once");
}

#[test]
fn a_run_whose_key_is_missing_is_paused_and_goes_on_with_it() {
    let more = "[default-retry-policy]\ninitial-interval = \"50ms\"\nmax-interval = \"50ms\"\nmax-attempts = 3\non-max-attempts = \"pause\"\n";
    let Some(engine) = Engine::start_with(more) else { return };
    let server = Server::start(|_, number| Reply::status(if number == 0 { 503 } else { 200 }));
    engine.write("api.yaml", API);
    let waits = FLOW.replace(
        "        outputs: { status",
        "        onFailure: [{ name: again, type: retry, retryAfter: 4, retryLimit: 3 }]\n        outputs: { status",
    );
    let document = engine.write("big.arazzo.yaml", waits);
    let (document, url, port) = (document.to_str().unwrap(), server.url(), free_port());
    let arguments = [document, "-S", url.as_str()];
    let mut worker = engine.worker(port, &arguments);
    engine.call("arazzo.big.get/one/run/send", &json!({})).unwrap();
    until("it waits", || (engine.status("arazzo.big.get/one")["state"] == "waiting").then_some(()));
    worker.kill();
    let mut other = engine.worker_with(&"7c".repeat(32), port, &arguments);
    let paused = until("it is paused", || {
        let listed =
            printed(engine.arazzo(&["runs", "list", "--failed", "--restate-admin", engine.admin(), "--json"]), 0);
        let run: Value = serde_json::from_str(listed.lines().next()?).unwrap();
        (run["state"] == "paused").then_some(run)
    });
    assert!(paused["reason"].as_str().unwrap_or_default().contains("is encrypted with the key"), "{paused}");
    other.kill();
    let _worker = engine.worker(port, &arguments);
    let resume = format!("{}/invocations/{}/resume", engine.admin(), paused["invocation"].as_str().unwrap());
    crate::engine::curl(&["-X", "PATCH", &resume]).unwrap();
    let path = format!("{}/restate/workflow/arazzo.big.get/one/attach", engine.ingress());
    let result: Value = serde_json::from_str(&crate::engine::curl(&[&path]).unwrap()).unwrap();
    assert_eq!((&result["status"], server.lines().len()), (&json!("succeeded"), 2), "{result}");
}
