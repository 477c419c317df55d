//! The mock in runs and over HTTP: real documents run against it (`suite/mock/corpus.txt`), faults are what a run sees.
//! What it answers is a suite of the engine.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arazzo::mock::{Mocked, serve};
use arazzo::{Clock, EventKind, Inputs, Limits, Outcome, Pending, Transport};
use arazzo_engine::machine::{Failure, Outgoing, Response};
use arazzo_engine::mock::Fault;
use serde_json::json;

use crate::suite::{files_below, mapped, shared, workspace_root};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Why real documents are refused: each was looked at. The file, the workflow, the reason.
const REFUSED: [(&str, &str, &str); 11] = [
    ("FAPI-PAR.arazzo.yaml", "*", "it calls `PAR?`, and the operation is called `PAR`"),
    ("bnpl-arazzo.yaml", "*", "it reads outputs that its steps do not declare"),
    ("pet-coupons.arazzo.yaml", "apply-coupon", "it gives `pet_id`, and the path has `petId`"),
    ("cafe-workflows.yaml", "place-order", "an `end` action has parameters"),
    ("httpbin_complex.arazzo.yaml", "*", "its source is not in the corpus"),
    ("ecommerce-onboarding.arazzo.yaml", "*", "its sources are not in the corpus, and conditions are filters"),
    ("pet-adoption.arazzo.yaml", "*", "its source is not in the corpus"),
    ("httpbin-components.arazzo.yaml", "*", "its source is not in the corpus"),
    ("soap-customer-crud.arazzo.yaml", "*", "its source is not in the corpus"),
    ("03-retry-action.arazzo.yaml", "expect_error_retry_then_end", "it reads an output that a step does not declare"),
    ("05-nested-workflow.arazzo.yaml", "order_with_dependency", "`$dependencies` is no expression of Arazzo"),
];

/// Workflows that do not end with success on the mock because they are not as their API is: each was looked at. The
/// file, the workflow, and the code with which lint says it.
const MISMATCHED: [(&str, &str, &str); 3] = [
    // The API answers with JSON alone, and XPath looks into it.
    ("xPath.json", "getPets", "never-met"),
    // A token is asked for without the `client_id` that the API requires.
    ("oauth.arazzo.yaml", "refresh-token-flow", "missing-member"),
    // It reads `title` beside the `contents` in which the API has the jokes.
    ("workflows.arazzo.json", "manage-personal-joke-collection", "unknown-member"),
];

#[test]
fn real_documents_run_against_the_mock() {
    let Some(corpus) = shared("corpus").map(|corpus| corpus.canonicalize().unwrap()) else { return };
    let mut lines = String::new();
    for path in files_below(&corpus, &["yaml", "yml", "json"]) {
        let limits = Limits { steps: 60, ..Limits::default() };
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.lines().any(|line| line.trim_start().trim_start_matches('"').starts_with("arazzo")) {
            continue;
        }
        let shown = path.strip_prefix(&corpus).unwrap().display().to_string();
        let top = corpus.join(path.strip_prefix(&corpus).unwrap().components().next().unwrap());
        let open = || {
            let builder = arazzo::open(&path).workspace(true).folder(&top).limits(limits.clone());
            let sources = mapped(&corpus, &path).into_iter();
            sources.fold(builder, |b, (uri, file)| b.source(uri, file.trim_start_matches("file://")))
        };
        let builder = open().mock(Mocked::new());
        let description = match builder.load_blocking() {
            Ok(description) => description,
            Err(error) => {
                writeln!(lines, "{shown}  refused: {}", refusals(&error)).unwrap();
                continue;
            }
        };
        for name in description.workflows() {
            let workflow = match description.workflow(Some(name)) {
                Ok(workflow) => workflow,
                Err(error) => {
                    let file = shown.rsplit('/').next().unwrap();
                    let reason =
                        REFUSED.iter().find(|(known, workflow, _)| *known == file && ["*", name].contains(workflow));
                    let (.., reason) =
                        reason.unwrap_or_else(|| panic!("no reason is listed for {shown} {name}: {error}"));
                    writeln!(lines, "{shown} {name}  refused: {} ({reason})", refusals(&error)).unwrap();
                    continue;
                }
            };
            let outcome = wait(workflow.run(workflow.example_inputs(), |_| {}));
            let ended = match &outcome {
                Ok(Outcome::Failed { step, why, .. }) => format!("failed at {step}: {}", why.code),
                Ok(Outcome::Stopped { why, .. }) => format!("stopped: {}", why.code),
                Ok(Outcome::Succeeded { missing, .. } | Outcome::Ended { missing, .. }) if missing.is_empty() => {
                    "succeeded".to_owned()
                }
                Ok(Outcome::Succeeded { missing, .. } | Outcome::Ended { missing, .. }) => {
                    format!("succeeded without {}", missing.join(", "))
                }
                other => format!("{other:?}"),
            };
            if outcome.as_ref().is_ok_and(|outcome| outcome.exit_code() != 0) {
                let known = MISMATCHED.iter().find(|(file, workflow, _)| shown.ends_with(file) && *workflow == name);
                let (.., code) = known.unwrap_or_else(|| panic!("no mismatch is listed for {shown} {name}: {ended}"));
                let said = open().lint().unwrap().diagnostics;
                assert!(
                    said.iter().any(|found| found.code.word() == *code),
                    "{shown} {name}: lint does not say {code}"
                );
                writeln!(lines, "{shown} {name}  {ended} ({code})").unwrap();
                continue;
            }
            writeln!(lines, "{shown} {name}  {ended}").unwrap();
        }
    }
    let expected = workspace_root().join("tests/suite/mock/corpus.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&expected, &lines).unwrap();
    }
    assert_eq!(lines, std::fs::read_to_string(expected).unwrap_or_default(), "(UPDATE=1 rewrites the list)");
}

/// The codes of what is wrong, each once.
fn refusals(error: &arazzo::Error) -> String {
    let arazzo::Error::Documents { diagnostics, .. } = error else { return error.to_string() };
    let mut codes: Vec<&str> = diagnostics.errors().map(|found| found.code.word()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.join(", ")
}

fn provision() -> arazzo::Builder {
    arazzo::open(workspace_root().join("specs/daytona-provision.yml")).folder(workspace_root().join("openapi"))
}

#[test]
fn every_run_gets_a_mock_that_begins_anew() {
    let workflow = provision().mock(Mocked::new()).load_blocking().unwrap().workflow(None).unwrap();
    let inputs = Inputs::new().set("volumeName", "mine");
    let run = || workflow.run(inputs.clone().or(workflow.example_inputs()), |_| {});
    let polls = |outcome: &Outcome| outcome.outputs()["sandboxState"].clone();
    let (first, second) = wait(async { tokio::join!(run(), run()) });
    assert_eq!((polls(&first.unwrap()), polls(&second.unwrap())), (json!("started"), json!("started")));
    let seen = Mutex::new(vec![]);
    let third = wait(workflow.run(workflow.example_inputs(), |envelope| {
        if let EventKind::RequestSent { method, url, .. } = &envelope.event.kind {
            seen.lock().unwrap().push(format!("{method} {}", url.split("/api").last().unwrap()));
        }
    }));
    assert_eq!(third.unwrap().exit_code(), 0);
    let expected = ["POST /volumes", "GET /volumes/vol-1", "GET /volumes/vol-1", "GET /volumes/vol-1", "POST /sandbox"];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_fault_is_what_the_run_sees() {
    for (fault, exit, code) in [
        ("createSandbox=reset", 4, "no-answer"),
        ("getVolume#2=503", 1, "criterion-not-met"),
        ("getVolume=malformed", 1, "criterion-not-evaluable"),
    ] {
        let mocked = Mocked::new().fault(Fault::parse(fault).unwrap());
        let workflow = provision().mock(mocked).load_blocking().unwrap().workflow(None).unwrap();
        let outcome = wait(workflow.run(workflow.example_inputs(), |_| {})).unwrap();
        let Outcome::Failed { why, .. } = &outcome else { panic!("{fault}: {outcome:?}") };
        assert_eq!((outcome.exit_code(), why.code.word()), (exit, code), "{fault}");
    }
}

#[test]
fn what_is_typed_wrong_is_said_before_the_first_request() {
    for (text, words) in [
        ("getVolume", "write OPERATION"),
        ("getVolume=", "is not something that can happen"),
        ("getVolume=99", "is not something that can happen"),
        ("getVolume#0=503", "counts from 1"),
        ("getVolume#x=503", "counts from 1"),
        ("getVolume#3-2=503", "write OPERATION"),
        ("=503", "write OPERATION"),
        ("getVolume=delay:soon", "write a duration"),
    ] {
        let reason = Fault::parse(text).unwrap_err();
        assert!(reason.contains(words), "{text}: {reason}");
    }
    let refused = |builder: arazzo::Builder| builder.load_blocking().unwrap_err().to_string();
    let fault = Fault::parse("getVolum=503").unwrap();
    assert!(refused(provision().mock(Mocked::new().fault(fault))).contains("did you mean `getVolume`?"));
    assert!(refused(provision().mock(Mocked::new().only("volumeApi"))).contains("did you mean `volumesApi`?"));
    let both = provision().mock(Mocked::new()).server(Some("volumesApi"), "http://localhost");
    assert!(refused(both).contains("has a server too"));
    assert!(refused(provision().mock(Mocked::new()).server(None, "http://localhost")).contains("would not be called"));
    let one = provision().mock(Mocked::new().only("volumesApi")).load_blocking().unwrap().workflow(None).unwrap();
    assert_eq!(one.example_inputs(), Inputs::new(), "made-up values must not reach a server of somebody");
}

/// Reports that take minutes: named examples, which never change, are their states.
const SLOW: &str = "openapi: 3.0.3
info: { title: Reports, version: '1' }
servers: [{ url: 'https://reports.example' }]
paths:
  /reports/{id}:
    get:
      operationId: getReport
      parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]
      responses:
        '200':
          description: a report
          content: { application/json: { schema: { type: object, properties: { state: { type: string, enum: [queued, done] } } }, examples: { queued: { value: { state: queued } }, done: { value: { state: done } } } } }
  /titles/{id}:
    get:
      operationId: getTitle
      parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]
      responses:
        '200':
          description: a title
          content: { application/json: { schema: { type: object, properties: { title: { type: string, enum: [a, b] } } } } }
";

fn slow(criterion: &str, operation: &str, mocked: Mocked) -> arazzo::Workflow {
    let flow = format!(
        "arazzo: 1.0.1
info: {{ title: Reports, version: '1' }}
sourceDescriptions: [{{ name: reports, url: slow.yaml, type: openapi }}]
workflows:
  - workflowId: wait
    inputs: {{ type: object, required: [id], properties: {{ id: {{ type: integer }} }} }}
    steps:
      - stepId: poll
        operationId: {operation}
        parameters: [{{ name: id, in: path, value: $inputs.id }}]
        successCriteria: [{{ condition: \"{criterion}\" }}]
        onFailure: [{{ name: again, type: retry, retryAfter: 40, retryLimit: 3 }}]
"
    );
    let builder = arazzo::open("memory/flow.yaml").text(flow).document("memory/slow.yaml", SLOW).mock(mocked);
    builder.load_blocking().unwrap().workflow(None).unwrap()
}

#[test]
fn nobody_waits_for_a_mock() {
    let begun = std::time::Instant::now();
    let workflow = slow("$response.body#/state == 'done'", "getReport", Mocked::new());
    let mut last = 0;
    let outcome = wait(workflow.run(workflow.example_inputs(), |envelope| last = envelope.ms)).unwrap();
    assert_eq!(outcome.exit_code(), 0);
    // The time of the run has passed, and nobody has waited for it.
    assert!((40_000..50_000).contains(&last) && begun.elapsed() < Duration::from_secs(30), "{last} ms");
}

#[test]
fn a_run_that_fails_on_the_mock_says_what_was_generated() {
    let workflow = slow("$response.body#/title == 'c'", "getTitle", Mocked::new());
    let mut said = None;
    let outcome = wait(workflow.run(workflow.example_inputs(), |envelope| {
        if let EventKind::RunFinished { why, .. } = &envelope.event.kind {
            said.clone_from(why);
        }
    }));
    let Outcome::Failed { why, .. } = outcome.unwrap() else { panic!("it has to fail") };
    let remarks = why.remarks.join("\n");
    assert!(remarks.contains("`title` of `getTitle` was generated by the mock"), "{remarks}");
    assert!(remarks.contains("slow.yaml:19:"), "{remarks}");
    assert_eq!(said.unwrap().remarks, why.remarks);
    // What has an example was not generated.
    let workflow = slow("$response.body#/state == 'c'", "getReport", Mocked::new());
    let outcome = wait(workflow.run(workflow.example_inputs(), |_| {})).unwrap();
    let Outcome::Failed { why, .. } = outcome else { panic!("it has to fail") };
    assert!(!why.remarks.join(" ").contains("generated"), "{:?}", why.remarks);
}

#[test]
fn a_mock_can_be_served_for_anyone() {
    let root = workspace_root();
    let seen = Arc::new(Mutex::new(vec![]));
    let log = seen.clone();
    wait(async {
        let documents =
            [root.join("specs/daytona-provision.yml"), root.join("openapi/daytona-volumes-api-openapi.yml")];
        let observe = move |answered: &arazzo::mock::Answered| log.lock().unwrap().push(answered.clone());
        let server = serve(&documents, &Mocked::new(), None, observe).await.unwrap();
        let names: Vec<&str> = server.endpoints().iter().map(|endpoint| endpoint.name.as_str()).collect();
        assert_eq!(names, ["volumesApi", "sandboxApi", "daytona-volumes-api-openapi"]);
        let inputs =
            Inputs::new().set("apiToken", "token").set("volumeName", "v").set("snapshot", "s").set("mountPath", "/d");
        let builder = provision()
            .server(Some("volumesApi"), &server.endpoints()[0].url)
            .server(Some("sandboxApi"), &server.endpoints()[1].url);
        let workflow = builder.load_blocking().unwrap().workflow(None).unwrap();
        assert_eq!(workflow.run(inputs, |_| {}).await.unwrap().exit_code(), 0);
    });
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 5);
    assert_eq!((seen[3].note.as_str(), seen[3].operation.as_deref()), ("example third", Some("getVolume")));
}

#[test]
fn pages_of_any_origin_may_ask_a_served_mock() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    wait(async {
        let document = workspace_root().join("openapi/daytona-volumes-api-openapi.yml");
        let server = serve(&[document], &Mocked::new(), None, |_| {}).await.unwrap();
        let (host, base) = server.endpoints()[0].url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let ask = async |line: &str, headers: &str| {
            let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
            let (method, path) = line.split_once(' ').unwrap();
            let head = format!("Host: {host}\r\nConnection: close\r\n{headers}\r\n");
            let text = format!("{method} /{base}{path} HTTP/1.1\r\n{head}");
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let asked = "Origin: https://page.example\r\nAccess-Control-Request-Method: DELETE\r\nAccess-Control-Request-Headers: authorization, x-id\r\n";
        let answer = ask("OPTIONS /volumes/v-1", asked).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        for header in ["allow-origin: *", "allow-methods: DELETE", "allow-headers: authorization, x-id"] {
            assert!(answer.contains(&format!("access-control-{header}\r\n")), "{answer}");
        }
        let answer = ask("GET /volumes/v-1", "Origin: https://page.example\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access-control-allow-origin: *"), "{answer}");
        let answer = ask("GET /volumes/v-1", "Prefer: example=third\r\n").await;
        assert!(answer.contains("preference-applied: example=\"third\"") && answer.contains("ready"), "{answer}");
        assert!(!answer.contains("access-control"), "{answer}");
        let answer = ask("GET /volumes/v-1", "Prefer: code=599\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("is not described"), "{answer}");
    });
}

/// A transport that answers at once, and a clock whose waits take no time.
struct Made;

impl Transport for Made {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let state = if outgoing.request.method == "GET" { "creating" } else { "started" };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(async move {
            Ok(Response { status: 200, headers, body: json!({ "id": "x", "state": state }).to_string().into_bytes() })
        })
    }
}

struct Virtual(Mutex<Duration>);

impl Clock for Virtual {
    fn wall(&self) -> Duration {
        Duration::from_secs(1_800_000_000)
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        Box::pin(async move {
            // Lets what is ready go first, as a real wait does.
            tokio::task::yield_now().await;
            *self.0.lock().unwrap() += time;
        })
    }
}

#[test]
fn transport_and_clock_can_be_replaced() {
    // A wait for an answer is woken by the limit of the run only when nothing else happens: an hour passes at once.
    let builder =
        provision().allow_host("app.daytona.io").transport(Made).clock(Virtual(Mutex::new(Duration::from_secs(7))));
    let workflow =
        builder.limits(Limits { steps: 40, ..Limits::default() }).load_blocking().unwrap().workflow(None).unwrap();
    let inputs =
        Inputs::new().set("apiToken", "token").set("volumeName", "v").set("snapshot", "s").set("mountPath", "/d");
    let mut last = None;
    let outcome = wait(workflow.run(inputs, |envelope| last = Some(envelope.clone()))).unwrap();
    let Outcome::Stopped { why, .. } = &outcome else { panic!("{outcome:?}") };
    let last = last.unwrap();
    // 500 ms growing by half up to 5 s, between 39 polls: minutes that nobody waited for.
    assert!(last.ms > 150_000, "{} ms, {}", last.ms, why.code);
    assert!(last.time.starts_with("2027-01-15T08:0"), "{}", last.time);
}

/// A transport that breaks down.
struct Broken;

impl Transport for Broken {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        Box::pin(async { panic!("token") })
    }
}

#[test]
fn a_transport_that_breaks_down_fails_the_step_and_says_nothing_else() {
    let workflow =
        provision().allow_host("app.daytona.io").transport(Broken).load_blocking().unwrap().workflow(None).unwrap();
    let inputs =
        Inputs::new().set("apiToken", "token").set("volumeName", "v").set("snapshot", "s").set("mountPath", "/d");
    let outcome = wait(workflow.run(inputs, |_| {})).unwrap();
    let Outcome::Failed { why, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((outcome.exit_code(), why.code.word()), (4, "no-answer"));
    assert!(format!("{why:?}").contains("the transport broke down"), "{why:?}");
}
