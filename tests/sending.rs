//! Requests on their way: those that wait for their turn, connections that have ended, transports of one's own.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arazzo::{
    Clock, Credentials, Envelope, EventKind, Failure, Inputs, Interrupt, Limits, Network, Outcome, Outgoing, Pending,
    Progress, Response, SendProgress, Transport, Workflow,
};
use serde_json::{Value, json};

use crate::cli::{Arazzo, Folder};
use crate::server::{Reply, Server};

/// An API of one resource, and a workflow of these steps.
fn folder(steps: &str) -> Folder {
    let folder = Folder::new();
    folder.write(
        "api.yaml",
        "openapi: 3.1.0
info: { title: Things, version: '1' }
servers: [{ url: 'http://api.example' }]
paths:
  /things:
    get: { operationId: list, responses: { '200': { description: things } } }
    post: { operationId: add, responses: { '200': { description: a thing } } }
    put: { operationId: set, responses: { '200': { description: a thing } } }
    delete: { operationId: drop, responses: { '200': { description: nothing } } }
",
    );
    folder.write(
        "flow.yaml",
        format!(
            "arazzo: 1.1.0
info: {{ title: Sending, version: '1' }}
sourceDescriptions: [{{ name: api, url: api.yaml, type: openapi }}]
workflows:
  - workflowId: main
    steps:
{steps}"
        ),
    );
    folder
}

fn ok() -> Reply {
    Reply::status(200).json(&json!({ "n": 1 }))
}

/// `arazzo run` against a server.
fn run(folder: &Folder, server: &str) -> Arazzo {
    Arazzo::new(["run", "flow.yaml", "--server", server, "--json"]).cwd(folder.path())
}

fn of_type<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// One of many runs: its outcome, and what was said about its requests.
type Ran = (Outcome, Vec<String>);

/// So many runs at once; they are stopped so many ms after something was said about a request of each of them.
fn crowd(workflow: &Workflow, count: usize, stop_after: Option<u64>) -> Vec<Ran> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let (interrupt, mut set) = (Interrupt::new(), tokio::task::JoinSet::new());
        let begun = Arc::new(AtomicUsize::new(0));
        for _ in 0..count {
            let (workflow, interrupt, begun) = (workflow.clone(), interrupt.clone(), begun.clone());
            set.spawn(async move {
                let mut said = vec![];
                let observe = |event: &Envelope| {
                    let kind = &event.event.kind;
                    begun.fetch_add(
                        usize::from(matches!(kind, EventKind::RequestQueued { .. } | EventKind::RequestSent { .. })),
                        Ordering::SeqCst,
                    );
                    said.push(match &event.event.kind {
                        EventKind::RequestQueued { .. } => "queued".to_owned(),
                        EventKind::RequestSent { .. } => "sent".to_owned(),
                        EventKind::ResponseReceived { .. } => "received".to_owned(),
                        EventKind::RequestFailed { failure, in_doubt, request, .. } => {
                            format!("{failure} in doubt {in_doubt} unsent {}", request.is_some())
                        }
                        _ => return,
                    });
                };
                let outcome = workflow.run_until(Inputs::new(), &interrupt, observe).await.unwrap();
                (outcome, said)
            });
        }
        if let Some(ms) = stop_after {
            while begun.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_millis(ms)).await;
            interrupt.stop();
        }
        set.join_all().await
    })
}

fn one_at_once(folder: &Folder, server: &Server, limits: Limits) -> Workflow {
    let mut network = Network::default();
    network.per_host = std::num::NonZeroUsize::MIN;
    let builder = arazzo::open(folder.path().join("flow.yaml")).server(None, server.url());
    builder.network(network).limits(limits).load_blocking().unwrap().workflow(None).unwrap()
}

const UNSENT: &str = "given-up in doubt false unsent true";

#[test]
fn what_waits_for_its_turn_does_not_leave_after_a_stop() {
    let folder = folder("      - { stepId: a, operationId: add }\n");
    let in_time = Limits { run_ms: 4_000, ..Limits::default() };
    for (limits, stop) in [(Limits::default(), Some(50)), (in_time, None)] {
        let server = Server::start(|_, _| ok().delay(20_000));
        let ran = crowd(&one_at_once(&folder, &server, limits), 12, stop);
        let (sent, waited): (Vec<&Ran>, Vec<&Ran>) =
            ran.iter().partition(|(_, said)| said.iter().any(|said| said == "sent"));
        // Each run has a limit of its own: where one has reached it, the next may have its turn before it does.
        assert!(stop.is_none() || sent.len() <= 1, "{sent:?}");
        for (outcome, said) in waited {
            assert_eq!(said.last().map(String::as_str), Some(UNSENT), "{said:?}");
            let Outcome::Stopped { why, .. } = outcome else { panic!("{outcome:?}") };
            let unsent = why.remarks.iter().any(|remark| remark.ends_with("/things was not sent"));
            assert!(unsent || stop.is_none(), "{why:?}");
        }
        std::thread::sleep(Duration::from_millis(100));
        assert!(server.requests().len() <= sent.len(), "nothing leaves when it would have been its turn");
    }
}

#[test]
fn the_time_of_a_step_and_of_a_request_does_not_pass_in_a_queue() {
    let folder =
        folder("      - { stepId: a, operationId: add, timeout: 4000 }\n      - { stepId: b, operationId: list }\n");
    let server = Server::start(|_, _| ok().delay(100));
    let limits = Limits { request_ms: 4_000, ..Limits::default() };
    let ran = crowd(&one_at_once(&folder, &server, limits), 25, None);
    assert!(ran.iter().all(|(outcome, _)| matches!(outcome, Outcome::Succeeded { .. })), "{ran:?}");
    assert!(ran.iter().filter(|(_, said)| said.first().is_some_and(|said| said == "queued")).count() >= 24);
    assert_eq!(server.requests().len(), 50);
}

#[test]
fn a_kept_connection_that_was_closed_is_opened_again_for_what_may_be_sent_twice() {
    let steps = ["list", "set", "drop", "list"];
    let lines: String =
        steps.iter().enumerate().map(|(at, id)| format!("      - {{ stepId: s{at}, operationId: {id} }}\n")).collect();
    let folder = folder(&lines);
    // Every connection is closed, without a byte, when its second request has come.
    let server = Server::start(|_, number| if number % 2 == 1 { Reply::reset() } else { ok() });
    let output = run(&folder, &server.url()).args(["--record", "run.ndjson"]).run();
    output.exits(0);
    let events = output.events();
    let again: Vec<&Value> =
        of_type(&events, "request.sent").into_iter().filter(|event| event["because"] == "reconnect").collect();
    assert_eq!((again.len(), server.requests().len(), server.connections()), (3, 7, 4));
    let failed = of_type(&events, "request.failed");
    assert!(failed.iter().all(|event| event["failure"] == "stale-connection"), "{failed:?}");
    // What is recorded is replayed to the same end; what was repeated is none of what is left behind.
    let replayed = Arazzo::new(["replay", "run.ndjson", "--json"]).cwd(folder.path()).run();
    replayed.exits(0);
    assert_eq!(replayed.events(), events);
    // Without connections that are kept, nothing is to be repeated.
    let server = Server::start(|_, _| ok());
    let output = run(&folder, &server.url()).args(["--fresh-connections"]).run();
    output.exits(0);
    assert_eq!((server.requests().len(), server.connections()), (4, 4));
}

#[test]
fn a_post_is_not_sent_twice_on_a_connection_that_was_closed() {
    let folder = folder("      - { stepId: one, operationId: list }\n      - { stepId: two, operationId: add }\n");
    let server = Server::start(|_, number| if number == 1 { Reply::reset() } else { ok() });
    let output = run(&folder, &server.url()).run();
    output.exits(4);
    assert_eq!(server.lines(), ["GET /things", "POST /things"]);
    let events = output.events();
    let why = &of_type(&events, "run.finished")[0]["why"];
    assert!(why["help"].as_str().unwrap().contains("--fresh-connections"), "{why}");
    assert!(why["remarks"].to_string().contains("whether the server acted"), "{why}");
}

#[test]
fn what_a_redirect_leads_to_is_asked_for_again_on_a_fresh_connection() {
    let folder = folder("      - { stepId: one, operationId: set }\n");
    let server = Server::start(|request, number| match number {
        0 => Reply::status(303).header("location", "/things"),
        1 => Reply::reset(),
        _ if request.method == "GET" => ok(),
        _ => Reply::status(500),
    });
    let output = run(&folder, &server.url()).args(["--record", "run.ndjson"]).run();
    output.exits(0);
    assert_eq!(server.lines(), ["PUT /things", "GET /things", "GET /things"]);
    let replayed = Arazzo::new(["replay", "run.ndjson", "--json"]).cwd(folder.path()).run();
    replayed.exits(0);
    assert_eq!(replayed.events(), output.events());
}

#[test]
fn a_token_is_not_asked_for_twice_on_a_connection_that_was_closed() {
    let folder = folder("      - { stepId: one, operationId: list }\n      - { stepId: two, operationId: set }\n");
    let secured = "servers: [{ url: 'http://api.example' }]
components: { securitySchemes: { login: { type: oauth2, flows: { clientCredentials: { tokenUrl: /token, scopes: {} } } } } }";
    let text = std::fs::read_to_string(folder.path().join("api.yaml")).unwrap();
    let text = text.replace("servers: [{ url: 'http://api.example' }]", secured);
    folder.write("api.yaml", text.replace("operationId: set,", "operationId: set, security: [{ login: [] }],"));
    let server = Server::start(|_, number| if number == 1 { Reply::reset() } else { ok() });
    let output = run(&folder, &server.url()).args([
        "--auth",
        "login.clientId=app",
        "--auth",
        "login.clientSecret=tok-0123456789",
    ]);
    let output = output.run();
    output.exits(4);
    assert_eq!(server.lines(), ["GET /things", "POST /token"]);
    let events = output.events();
    let why = &of_type(&events, "run.finished")[0]["why"];
    assert!(why["help"].as_str().unwrap().contains("--fresh-connections"), "{why}");
}

/// A server that answers each connection once with `answer`, then reads once more, writes `more`, and ends.
fn once(answer: &'static str, more: &'static str, reads_again: bool) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (url, read) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(Mutex::new(0)));
    let count = read.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let count = count.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                if stream.read(&mut bytes).unwrap_or(0) > 0 {
                    *count.lock().unwrap() += 1;
                    stream.write_all(answer.as_bytes()).unwrap();
                }
                if reads_again && stream.read(&mut bytes).unwrap_or(0) > 0 {
                    *count.lock().unwrap() += 1;
                    stream.write_all(more.as_bytes()).unwrap();
                }
                drop(stream.shutdown(Shutdown::Both));
            });
        }
    });
    (url, read)
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

#[test]
fn what_is_known_to_be_closed_is_not_used() {
    // The server closes behind each answer, and a POST comes later.
    let step = "{ stepId: STEP, operationId: add, successCriteria: [{ condition: $response.body#/n == 1 }], onFailure: [{ name: again, type: retry, retryAfter: 0.2, retryLimit: 3 }] }";
    let folder = folder(&format!("      - {}\n", step.replace("STEP", "a")));
    let (url, read) = once(ANSWER, "", false);
    let output = run(&folder, &url).run();
    output.exits(1);
    assert_eq!(*read.lock().unwrap(), 4);
    assert!(of_type(&output.events(), "request.failed").is_empty());
}

#[test]
fn an_answer_that_has_begun_is_not_asked_for_again() {
    let folder = folder("      - { stepId: one, operationId: list }\n      - { stepId: two, operationId: list }\n");
    let (url, read) = once(ANSWER, "HTT", true);
    let output = run(&folder, &url).run();
    output.exits(4);
    assert_eq!(*read.lock().unwrap(), 2);
    assert_eq!(of_type(&output.events(), "request.failed")[0]["failure"], "reset");
}

#[test]
fn a_reset_that_the_mock_is_asked_for_is_sent_once() {
    let folder = folder("      - { stepId: one, operationId: list }\n      - { stepId: two, operationId: list }\n");
    let output =
        Arazzo::new(["run", "flow.yaml", "--mock", "--fault", "list#2=reset", "--json"]).cwd(folder.path()).run();
    output.exits(4);
    let events = output.events();
    assert_eq!(of_type(&events, "request.sent").len(), 2);
    assert_eq!(of_type(&events, "request.failed")[0]["failure"], "reset");
}

#[test]
fn what_finds_no_server_is_not_sent() {
    let folder = folder("      - { stepId: one, operationId: add }\n");
    let output = run(&folder, &crate::server::unreachable_url()).run();
    output.exits(4);
    let events = output.events();
    assert!(of_type(&events, "request.sent").is_empty());
    let failed = of_type(&events, "request.failed")[0];
    assert_eq!((&failed["failure"], &failed["inDoubt"]), (&json!("connect"), &json!(false)));
    assert_eq!(failed["request"]["method"], "POST");
    assert_eq!(of_type(&events, "run.finished")[0]["requests"], 0);
}

#[test]
fn what_has_no_connection_in_time_is_not_in_doubt() {
    // It accepts, and never answers the handshake of TLS.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let folder = folder("      - { stepId: one, operationId: add }\n");
    for flags in [["--max-time", "300ms"], ["--idle-timeout", "300ms"]] {
        let output = run(&folder, &url).args(flags).run();
        output.exits(4);
        let events = output.events();
        assert!(of_type(&events, "request.sent").is_empty(), "{flags:?}");
        assert_eq!(of_type(&events, "request.failed")[0]["inDoubt"], false, "{flags:?}");
    }
}

/// Answers everything, and keeps what it was asked.
#[derive(Clone, Default)]
struct Own(Arc<Mutex<Vec<String>>>);

impl Transport for Own {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let url = outgoing.request.url;
        self.0.lock().unwrap().push(format!("{} {url}", outgoing.request.method));
        let (status, headers) = match url.as_str() {
            "https://api.example/moved" => (302, vec![("location".to_owned(), "https://files.example/x".to_owned())]),
            _ => (200, vec![("content-type".to_owned(), "application/json".to_owned())]),
        };
        let body = br#"{"access_token":"t0ken-of-tests","token_endpoint":"https://files.example/token"}"#.to_vec();
        Box::pin(async move { Ok(Response { status, headers, body }) })
    }
}

/// What a transport is asked for by one operation, where these hosts are given, and how the run ends.
fn asked(
    operation: &str,
    hosts: &[&str],
    change: impl FnOnce(arazzo::Builder) -> arazzo::Builder,
) -> (Vec<String>, String) {
    let api = json!({
        "openapi": "3.1.0", "info": { "title": "Api", "version": "1" }, "servers": [{ "url": "https://api.example" }],
        "components": { "securitySchemes": {
            "token": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "https://login.example/token", "scopes": {} } } },
            "found": { "type": "openIdConnect", "openIdConnectUrl": "https://login.example/openid" },
        } },
        "paths": {
            "/plain": { "get": { "operationId": "plain", "responses": {} } },
            "/moved": { "get": { "operationId": "moved", "responses": {} } },
            "/tokened": { "get": { "operationId": "tokened", "security": [{ "token": [] }], "responses": {} } },
            "/found": { "get": { "operationId": "found", "security": [{ "found": [] }], "responses": {} } },
        },
    });
    // A second source names the host that answers lead to.
    let files = json!({
        "openapi": "3.1.0", "info": { "title": "Files", "version": "1" }, "servers": [{ "url": "https://files.example" }],
        "paths": { "/x": { "get": { "operationId": "x", "responses": {} } } },
    });
    let flow = json!({
        "arazzo": "1.0.1", "info": { "title": "Own", "version": "1" },
        "sourceDescriptions": [
            { "name": "api", "url": "./api.json", "type": "openapi" },
            { "name": "files", "url": "./files.json", "type": "openapi" },
        ],
        "workflows": [{ "workflowId": "main", "steps": [
            { "stepId": "s", "operationId": format!("$sourceDescriptions.api.{operation}") },
        ] }],
    });
    let own = Own::default();
    let mut credentials = Credentials::new();
    for scheme in ["token", "found"] {
        credentials = credentials.scheme(format!("{scheme}.clientId"), "me");
        credentials = credentials.scheme(format!("{scheme}.clientSecret"), "the-client-secret");
    }
    let builder = arazzo::open("memory/flow.json").offline(true).text(flow.to_string()).credentials(credentials);
    let builder = builder.document("memory/api.json", api.to_string()).document("memory/files.json", files.to_string());
    let builder = hosts.iter().fold(builder.transport(own.clone()), |builder, host| builder.allow_host(*host));
    let workflow = change(builder).load_blocking().unwrap().workflow(None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(workflow.run(Inputs::new(), |_| {})).unwrap();
    let end = match outcome {
        Outcome::Stopped { why, .. } | Outcome::Failed { why, .. } => why.code.word().to_owned(),
        _ => "well".to_owned(),
    };
    let asked = own.0.lock().unwrap().clone();
    (asked, end)
}

#[test]
fn a_transport_of_ones_own_is_asked_for_nothing_that_the_policy_refuses() {
    let (api, login, files) = ("api.example", "login.example", "files.example");
    let same = |builder| builder;
    for (operation, hosts, expected, end) in [
        ("plain", vec![], vec![], "host-refused"),
        ("plain", vec![files], vec![], "host-refused"),
        ("plain", vec![api], vec!["GET https://api.example/plain"], "well"),
        ("tokened", vec![api], vec![], "host-refused"),
        ("tokened", vec![login], vec!["POST https://login.example/token"], "host-refused"),
        ("found", vec![api], vec![], "host-refused"),
        // The configuration names a host for tokens that was not given.
        ("found", vec![api, login], vec!["GET https://login.example/openid"], "no-token"),
        ("moved", vec![api], vec!["GET https://api.example/moved"], "redirect-refused"),
        ("moved", vec![api, files], vec!["GET https://api.example/moved", "GET https://files.example/x"], "well"),
    ] {
        assert_eq!(asked(operation, &hosts, same), (expected.into_iter().map(str::to_owned).collect(), end.to_owned()));
    }
    // Of a mocked source it is asked for what the mock answers on this machine, and for no token.
    let mocked = |builder: arazzo::Builder| builder.mock(arazzo::mock::Mocked::new().only("api"));
    for operation in ["plain", "tokened", "found"] {
        let (lines, end) = asked(operation, &[], mocked);
        let is_own = |line: &String| line.starts_with("GET http://127.0.0.1:") && line.ends_with(operation);
        assert!(end == "well" && lines.len() == 1 && lines.iter().all(is_own), "{operation}: {end}, {lines:?}");
    }
}

/// A transport with a queue, in which a call stands until it is given up.
struct Full;

impl Transport for Full {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        panic!("a run says how its requests get on")
    }

    fn send_with_progress(&self, _: Outgoing, progress: SendProgress) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(async move {
            // Said from elsewhere, as a transport does that has a thread of its own.
            let says = progress.clone();
            std::thread::spawn(move || {
                says.report(Progress::Queued);
                says.report(Progress::Begun);
                says.report(Progress::Queued);
            });
            std::future::pending().await
        })
    }
}

#[test]
fn a_transport_of_ones_own_has_its_queue() {
    let folder = folder("      - { stepId: a, operationId: add, timeout: 100 }\n");
    let builder = arazzo::open(folder.path().join("flow.yaml")).allow_host("api.example").transport(Full);
    let workflow = builder.load_blocking().unwrap().workflow(None).unwrap();
    let (outcome, said) = crowd(&workflow, 1, Some(400)).remove(0);
    assert!(matches!(outcome, Outcome::Stopped { .. }), "its time does not pass: {outcome:?}");
    assert_eq!(said, ["queued", "queued", UNSENT]);
}

/// A clock that goes on when it is told to, and a transport that answers at once.
#[derive(Clone, Default)]
struct Told(Arc<AtomicUsize>);

impl Clock for Told {
    fn wall(&self) -> Duration {
        Duration::from_secs(1_798_000_000)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst) as u64)
    }

    fn sleep(&self, _: Duration) -> Pending<'_, ()> {
        Box::pin(std::future::pending())
    }
}

impl Transport for Told {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(async { Ok(Response { status: 200, headers: vec![], body: vec![] }) })
    }
}

#[test]
fn what_a_run_takes_itself_is_not_the_time_of_a_step() {
    let folder = folder("      - { stepId: a, operationId: list, timeout: 100 }\n");
    let time = Told::default();
    let builder = arazzo::open(folder.path().join("flow.yaml")).allow_host("api.example");
    let workflow = builder.transport(time.clone()).clock(time.clone()).load_blocking().unwrap().workflow(None).unwrap();
    let mut took = None;
    let observe = |event: &Envelope| match &event.event.kind {
        // Whoever shows it is slow.
        EventKind::StepStarted { .. } => drop(time.0.fetch_add(300, Ordering::SeqCst)),
        EventKind::StepFinished { duration_ms, .. } => took = Some(*duration_ms),
        _ => {}
    };
    let run = workflow.run(Inputs::new(), observe);
    let outcome = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run).unwrap();
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert_eq!(took, Some(0));
}
