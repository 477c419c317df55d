//! Workers and nodes that end in the middle: nothing is lost, and nothing unsafe is sent twice without a decision.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::engine::{Engine, curl, free_port, printed, until};
use crate::server::{Reply, Request, Server};

const API: &str = "openapi: 3.1.0
info: { title: Orders, version: '1' }
servers: [{ url: 'http://127.0.0.1:1' }]
paths:
  /stock/{n}:
    parameters: [{ name: n, in: path, required: true, schema: { type: string } }]
    get: { operationId: stock, responses: { '200': { description: ok } } }
  /orders/{n}:
    parameters: [{ name: n, in: path, required: true, schema: { type: string } }]
    post: { operationId: order, responses: { '201': { description: ok } } }
  /bills/{n}:
    parameters: [{ name: n, in: path, required: true, schema: { type: string } }]
    get: { operationId: bill, responses: { '200': { description: ok } } }
";

/// Three steps, the second of which may not be repeated.
const FLOW: &str = "arazzo: 1.0.1
info: { title: Orders, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: order
    inputs: { type: object, required: [n], properties: { n: { type: string } } }
    steps:
      - stepId: look
        operationId: stock
        parameters: [{ name: n, in: path, value: $inputs.n }]
        successCriteria: [{ condition: $statusCode == 200 }]
      - stepId: buy
        operationId: order
        parameters: [{ name: n, in: path, value: $inputs.n }]
        successCriteria: [{ condition: $statusCode == 201 }]
        outputs: { id: $response.body#/id }
      - stepId: pay
        operationId: bill
        parameters: [{ name: n, in: path, value: $inputs.n }]
        successCriteria: [{ condition: $statusCode == 200 }]
    outputs: { id: $steps.buy.outputs.id }
";

fn number(request: &Request) -> String {
    request.path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn answer(request: &Request) -> Reply {
    match request.method.as_str() {
        "POST" => Reply::status(201).json(&json!({ "id": format!("order-{}", number(request)) })),
        _ => Reply::status(200).json(&json!({})),
    }
}

/// The engine with the documents in its folder; the document.
fn prepared() -> Option<(Engine, String)> {
    let engine = Engine::start()?;
    engine.write("api.yaml", API);
    let document = engine.write("orders.arazzo.yaml", FLOW);
    Some((engine, document.to_str().unwrap().to_owned()))
}

fn end(engine: &Engine, run: &str) -> Value {
    let path = format!("{}/restate/workflow/{run}/attach", engine.nodes.last().unwrap().ingress);
    serde_json::from_str(&curl(&[&path]).unwrap()).unwrap()
}

/// No step is sent again once the next one was: it had ended then.
fn check_nothing_repeated(server: &Server) -> usize {
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in server.requests() {
        seen.entry(number(&request)).or_default().push(request.path.split('/').nth(1).unwrap_or_default().to_owned());
    }
    let mut repeated = 0;
    for (run, steps) in &seen {
        let mut last = 0;
        for (at, step) in steps.iter().enumerate() {
            let place = ["stock", "orders", "bills"].iter().position(|known| known == step).unwrap();
            assert!(place >= last, "a step of {run} that has ended is repeated: {steps:?}");
            repeated += usize::from(at > 0 && place == last);
            last = place;
        }
    }
    repeated
}

#[test]
fn a_hundred_runs_end_though_their_worker_is_killed_twice() {
    let Some((engine, document)) = prepared() else { return };
    let server = Server::start(|request, _| answer(request).delay(150));
    let (port, url) = (free_port(), server.url());
    let arguments = [document.as_str(), "-S", &url, "--unknown", "retry"];
    let mut worker = engine.worker(port, &arguments);
    for n in 0..100 {
        engine.call(&format!("arazzo.orders.order/{n}/run/send"), &json!({ "n": n.to_string() })).unwrap();
    }
    for some in [60, 180] {
        until("enough is under way", || (server.requests().len() >= some).then_some(()));
        worker.kill();
        worker = engine.worker(port, &arguments);
    }
    for n in 0..100 {
        let result = end(&engine, &format!("arazzo.orders.order/{n}"));
        assert_eq!((&result["status"], &result["outputs"]["id"]), (&json!("succeeded"), &json!(format!("order-{n}"))));
    }
    let repeated = check_nothing_repeated(&server);
    eprintln!("{repeated} of {} requests were in flight when a worker was killed", server.requests().len());
    assert_eq!(server.requests().len(), 300 + repeated);
}

#[test]
fn a_request_in_doubt_waits_until_it_is_decided_and_each_decision_works() {
    let Some((engine, document)) = prepared() else { return };
    // The first order of each run is never answered.
    let server = Server::start(|request, _| {
        let first = request.method == "POST" && !request.headers.iter().any(|(name, _)| name == "X-Again");
        if first && !request.path.ends_with("/again") { answer(request).delay(2_000) } else { answer(request) }
    });
    let (port, url) = (free_port(), server.url());
    let arguments = [document.as_str(), "-S", url.as_str()];
    let mut worker = engine.worker(port, &arguments);
    let names = ["retry", "fail", "skip"];
    for n in names {
        engine.call(&format!("arazzo.orders.order/{n}/run/send"), &json!({ "n": n })).unwrap();
    }
    let posts = |n: &str| server.lines().iter().filter(|line| **line == format!("POST /orders/{n}")).count();
    until("all are sent", || names.iter().all(|n| posts(n) == 1).then_some(()));
    worker.kill();
    let worker = engine.worker(port, &arguments);
    for n in names {
        let run = format!("arazzo.orders.order/{n}");
        let status = until("it is in doubt", || Some(engine.status(&run)).filter(|said| said["state"] == "in-doubt"));
        assert_eq!((&status["step"], &status["method"]), (&json!("buy"), &json!("POST")), "{status}");
        let asked = printed(engine.arazzo(&["runs", "resume", &run, "--restate", engine.ingress()]), 9);
        assert!(asked.contains("--unknown retry") && asked.contains(&format!("/orders/{n}")), "{asked}");
        assert_eq!(posts(n), 1, "the engine's own retry sends it again");
    }
    // Another worker waits as the first one did.
    drop(worker);
    let _worker = engine.worker(port, &arguments);
    let answer = engine.write("answer.json", r#"{"status": 201, "body": {"id": "order-by-hand-7d1f"}}"#);
    for (n, more) in [("retry", None), ("fail", None), ("skip", answer.to_str())] {
        let run = format!("arazzo.orders.order/{n}");
        let mut resume = engine.arazzo(&["runs", "resume", &run, "--restate", engine.ingress(), "--unknown", n]);
        resume.args(more.iter().flat_map(|file| ["--with-response", file]));
        printed(resume, 0);
        let result = end(&engine, &run);
        let expected = match n {
            "retry" => (json!("succeeded"), json!("order-retry"), 2),
            "skip" => (json!("succeeded"), json!("order-by-hand-7d1f"), 1),
            _ => (json!("failed"), Value::Null, 1),
        };
        assert_eq!((result["status"].clone(), result["outputs"]["id"].clone(), posts(n)), expected, "{result}");
    }
    // What was decided once is not decided again.
    let late = engine.arazzo(&[
        "runs",
        "resume",
        "arazzo.orders.order/retry",
        "--restate",
        engine.ingress(),
        "--unknown",
        "fail",
    ]);
    assert!(printed(late, 2).contains("nothing of this run is in doubt"));
}

#[test]
fn a_worker_may_let_requests_in_doubt_fail() {
    let Some((engine, document)) = prepared() else { return };
    let server = Server::start(
        |request, _| if request.method == "POST" { answer(request).delay(2_000) } else { answer(request) },
    );
    let (port, url) = (free_port(), server.url());
    let arguments = [document.as_str(), "-S", &url, "--unknown", "fail"];
    let mut worker = engine.worker(port, &arguments);
    engine.call("arazzo.orders.order/one/run/send", &json!({ "n": "one" })).unwrap();
    until("it is sent", || server.lines().contains(&"POST /orders/one".to_owned()).then_some(()));
    worker.kill();
    let _worker = engine.worker(port, &arguments);
    let result = end(&engine, "arazzo.orders.order/one");
    assert_eq!((&result["status"], &result["why"]["code"]), (&json!("failed"), &json!("no-answer")), "{result}");
    assert_eq!(server.lines(), ["GET /stock/one", "POST /orders/one"]);
}

#[test]
fn a_worker_that_is_asked_to_end_leaves_nothing_in_doubt() {
    let Some((engine, document)) = prepared() else { return };
    let server = Server::start(|request, _| answer(request).delay(700));
    let (port, url) = (free_port(), server.url());
    let arguments = [document.as_str(), "-S", url.as_str()];
    let mut worker = engine.worker(port, &arguments);
    for n in 0..8 {
        engine.call(&format!("arazzo.orders.order/{n}/run/send"), &json!({ "n": n.to_string() })).unwrap();
    }
    until("orders are under way", || server.lines().iter().any(|line| line.starts_with("POST")).then_some(()));
    assert_eq!(worker.terminate(), Some(0));
    let before = server.lines().len();
    let _worker = engine.worker(port, &arguments);
    for n in 0..8 {
        assert_eq!(end(&engine, &format!("arazzo.orders.order/{n}"))["status"], "succeeded");
    }
    assert!(before < 24 && server.lines().len() == 24, "{before} {:?}", server.lines());
}

#[test]
fn three_nodes_bring_every_run_to_its_end_when_the_leader_is_killed() {
    if std::env::var_os("ARAZZO_RESTATE_NODES").is_none_or(|nodes| nodes != "3") {
        eprintln!("skipped: three nodes are for CI_FULL=1, which sets ARAZZO_RESTATE_NODES=3");
        return;
    }
    let Some(mut engine) = Engine::of(3, "") else { return };
    engine.write("api.yaml", API);
    let document = engine.write("orders.arazzo.yaml", FLOW);
    let server = Server::start(|request, _| answer(request).delay(300));
    let (port, url) = (free_port(), server.url());
    let _worker = engine.worker(port, &[document.to_str().unwrap(), "-S", &url]);
    for n in 0..30 {
        until("it is taken", || {
            engine.call(&format!("arazzo.orders.order/{n}/run/send"), &json!({ "n": n.to_string() }))
        });
    }
    until("enough is under way", || (server.requests().len() >= 30).then_some(()));
    // The node that leads the most partitions.
    let leader = (0..3).max_by_key(|node| engine.log_of(*node).matches("became Leader").count()).unwrap();
    assert!(engine.log_of(leader).contains("became Leader"));
    engine.nodes[leader].process.kill();
    let survivor = (leader + 1) % 3;
    for n in 0..30 {
        let run = format!("arazzo.orders.order/{n}");
        // An attempt that lost its node in the middle of an order is asked about, once.
        let result = until("it ends", || {
            let ingress = &engine.nodes[survivor].ingress;
            let said = curl(&["-X", "POST", &format!("{ingress}/{run}/status")]).unwrap_or_default();
            if said.contains("in-doubt") {
                drop(engine.arazzo(&["runs", "resume", &run, "--restate", ingress, "--unknown", "retry"]).output());
            }
            let output = curl(&[&format!("{ingress}/restate/workflow/{run}/output")])?;
            serde_json::from_str::<Value>(&output).ok()
        });
        assert_eq!(result["status"], "succeeded", "{result}");
    }
    check_nothing_repeated(&server);
}
