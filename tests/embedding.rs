//! The library in a service: several runtimes, many descriptions, large answers, and none of its threads stopped.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use arazzo::{
    Clock, Error, EventKind, Failure, Inputs, Limits, LoopDelay, Network, Outcome, Outgoing, Pending, Response,
    Transport, Workflow,
};
use serde_json::json;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use crate::cli::Folder;
use crate::server::{Reply, Server, daytona, daytona_except};
use crate::suite::workspace_root;

fn provision(server: &Server) -> arazzo::Builder {
    let limits = Limits { request_ms: 5_000, run_ms: 60_000, ..Limits::default() };
    arazzo::open(workspace_root().join("specs/daytona-provision.yml"))
        .folder(workspace_root().join("openapi"))
        .server(None, format!("{}/api", server.url()))
        .loop_delay(LoopDelay::Fixed(0))
        .limits(limits)
}

fn inputs() -> Inputs {
    Inputs::new().set("apiToken", "the-secret-token").set("volumeName", "v").set("snapshot", "s").set("mountPath", "/d")
}

fn only(builder: arazzo::Builder) -> Workflow {
    builder.load_blocking().unwrap().workflow(None).unwrap()
}

fn one_thread() -> Runtime {
    RuntimeBuilder::new_current_thread().enable_all().build().unwrap()
}

fn workers(count: usize) -> Runtime {
    RuntimeBuilder::new_multi_thread().worker_threads(count).enable_all().build().unwrap()
}

async fn succeeds(workflow: &Workflow) {
    let outcome = workflow.run(inputs(), |_| {}).await.unwrap();
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
}

#[test]
fn a_workflow_is_run_on_two_runtimes_in_turns() {
    let server = daytona(&["ready"]);
    let workflow = only(provision(&server));
    let (one, other) = (one_thread(), one_thread());
    for runtime in [&one, &other, &one, &other] {
        runtime.block_on(succeeds(&workflow));
    }
    assert_eq!(server.requests().len(), 4 * 3);
    assert_eq!(server.connections(), 2, "each runtime keeps its own connection");
}

#[test]
fn runtimes_come_and_go_and_leave_nothing_behind() {
    let server = daytona(&["ready"]);
    let workflow = only(provision(&server));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..8 {
                    let runtime = one_thread();
                    runtime.block_on(async {
                        succeeds(&workflow).await;
                        succeeds(&workflow).await;
                    });
                }
            });
        }
    });
    assert_eq!((server.requests().len(), server.connections()), (4 * 8 * 2 * 3, 4 * 8));
}

#[test]
fn a_host_gets_no_more_connections_than_requests_from_all_workers() {
    let server = daytona(&["ready"]);
    let workflow = only(provision(&server));
    workers(2).block_on(async {
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let workflow = workflow.clone();
            runs.spawn(async move { succeeds(&workflow).await });
        }
        while let Some(run) = runs.join_next().await {
            run.unwrap();
        }
    });
    assert_eq!(server.requests().len(), 600);
    assert!(server.connections() <= 8, "{} connections", server.connections());
}

#[test]
fn a_run_that_is_dropped_gives_its_turn_to_the_next_one() {
    let server = daytona_except(&["ready"], |_, number| (number < 8).then(|| Reply::status(200).delay(60_000)));
    let workflow = only(provision(&server));
    one_thread().block_on(async {
        let mut stuck = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let workflow = workflow.clone();
            stuck.spawn(async move { workflow.run(inputs(), |_| {}).await.map(|_| ()) });
        }
        while server.requests().len() < 8 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stuck.shutdown().await;
        succeeds(&workflow).await;
    });
}

/// Two documents, each with one workflow that asks the same host.
fn two_documents(folder: &Folder) {
    for name in ["one", "two"] {
        let api = format!(
            "openapi: 3.1.0\ninfo: {{title: {name}, version: '1'}}\npaths:\n  /{name}:\n    get: {{operationId: ask, responses: {{'200': {{description: ok}}}}}}\n"
        );
        let flow = format!(
            "arazzo: 1.0.1\ninfo: {{title: {name}, version: '1'}}\nsourceDescriptions: [{{name: api, url: {name}-api.yaml, type: openapi}}]\nworkflows: [{{workflowId: w, steps: [{{stepId: s, operationId: ask}}]}}]\n"
        );
        folder.write(&format!("{name}-api.yaml"), api);
        folder.write(&format!("{name}.yaml"), flow);
    }
}

#[test]
fn descriptions_share_connections_where_that_is_asked_for() {
    let folder = Folder::new();
    two_documents(&folder);
    let asked = |network: &dyn Fn() -> arazzo::SharedNetwork| {
        let server = Server::start(|_, _| Reply::status(200));
        let runtime = one_thread();
        for name in ["one", "two"] {
            let document = arazzo::open(folder.path().join(format!("{name}.yaml"))).network(network());
            let workflow = only(document.server(None, server.url()));
            assert_eq!(runtime.block_on(workflow.run(Inputs::new(), |_| {})).unwrap().exit_code(), 0);
        }
        assert_eq!(server.requests().len(), 2);
        server.connections()
    };
    let shared = Network::default().shared();
    assert_eq!(asked(&|| shared.clone()), 1);
    assert_eq!(asked(&|| Network::default().into()), 2);
}

#[test]
fn a_description_calls_what_it_may_call_also_where_another_one_has_opened_a_connection() {
    let folder = Folder::new();
    two_documents(&folder);
    let server = Server::start(|_, _| Reply::status(200));
    let runtime = one_thread();
    let network = Network::default().shared();
    let run = |builder: arazzo::Builder| {
        let mut failures = vec![];
        let outcome = runtime.block_on(only(builder.network(network.clone())).run(Inputs::new(), |event| {
            if let EventKind::RequestFailed { failure, .. } = &event.event.kind {
                failures.push(failure.to_string());
            }
        }));
        (outcome.unwrap().exit_code(), failures)
    };
    let described = |name: &str| {
        let api = folder.path().join(format!("{name}-api.yaml"));
        let text = std::fs::read_to_string(&api).unwrap();
        std::fs::write(&api, text.replace("paths:", &format!("servers: [{{url: '{}'}}]\npaths:", server.url())))
            .unwrap();
        arazzo::open(folder.path().join(format!("{name}.yaml")))
    };
    assert_eq!(run(described("one").allow_host("127.0.0.1")), (0, vec![]));
    let (exit, failures) = run(described("two"));
    assert!(exit == 6 && failures == ["refused"], "{exit} {failures:?}");
    assert_eq!(server.lines(), ["GET /one"]);
}

/// Polls without a runtime, until it is ready or nothing wakes it.
fn poll_alone<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    (0..1000).find_map(|_| match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

fn setup<T>(result: Result<T, Error>) -> String {
    let Err(Error::Setup(message)) = result else { panic!("no setup error") };
    message
}

#[test]
fn without_a_runtime_nothing_begins_and_what_to_do_is_said() {
    let server = daytona(&["ready"]);
    let workflow = only(provision(&server));
    let said = setup(poll_alone(workflow.run(inputs(), |_| {})).unwrap());
    assert!(said.contains("needs a tokio runtime") && said.contains("`Runtime::block_on`"), "{said}");
    let mocked = arazzo::open(workspace_root().join("specs/daytona-provision.yml"));
    let mocked = only(mocked.folder(workspace_root().join("openapi")).mock(arazzo::mock::Mocked::new()));
    assert!(setup(poll_alone(mocked.run(mocked.example_inputs(), |_| {})).unwrap()).contains("needs a tokio runtime"));
    let said = setup(poll_alone(provision(&server).load()).unwrap());
    assert!(said.contains("`Builder::load_blocking` needs none"), "{said}");
    let said = setup(poll_alone(arazzo::open("api.yaml").call(arazzo::Call::new("ask"))).unwrap());
    assert!(said.contains("`Builder::call_blocking` needs none"), "{said}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_runtime_without_timer_or_sockets_is_refused() {
    let server = daytona(&["ready"]);
    let workflow = only(provision(&server));
    let without_timer = RuntimeBuilder::new_current_thread().enable_io().build().unwrap();
    let without_io = RuntimeBuilder::new_current_thread().enable_time().build().unwrap();
    for (runtime, off) in [(without_timer, "the timer"), (without_io, "the I/O")] {
        let said = setup(runtime.block_on(workflow.run(inputs(), |_| {})));
        assert!(said.starts_with(off) && said.contains("`enable_all`"), "{said}");
    }
    assert!(server.requests().is_empty());
}

/// Answers at once, with as many bytes as it should.
struct AtOnce {
    bytes: usize,
    answered: Arc<AtomicUsize>,
}

impl Transport for AtOnce {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let is_post = outgoing.request.method == "POST";
        let (id, state) = (if is_post { "vol-1" } else { "x" }, "ready");
        let body = json!({ "id": id, "name": "v", "state": state, "more": "x".repeat(self.bytes) }).to_string();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        self.answered.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Response { status: 200, headers, body: body.into_bytes() }) })
    }
}

struct NoClock(Instant);

impl Clock for NoClock {
    fn wall(&self) -> Duration {
        Duration::from_secs(1_798_000_000)
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, _: Duration) -> Pending<'_, ()> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_transport_and_a_clock_of_ones_own_need_no_runtime() {
    let server = daytona(&["ready"]);
    for bytes in [10, 2 << 20] {
        let answers = AtOnce { bytes, answered: Arc::default() };
        let workflow = only(provision(&server).transport(answers).clock(NoClock(Instant::now())));
        let outcome = poll_alone(workflow.run(inputs(), |_| {})).unwrap().unwrap();
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn documents_are_loaded_where_the_runtime_that_waits_for_them_serves_them() {
    let folder = Folder::new();
    two_documents(&folder);
    let api = std::fs::read(folder.path().join("one-api.yaml")).unwrap();
    let loaded = one_thread().block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let place = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", api.len());
                let answer = [head.as_bytes(), &api].concat();
                tokio::spawn(async move {
                    stream.readable().await.unwrap();
                    while stream.try_read(&mut [0; 4096]).is_err() {
                        tokio::task::yield_now().await;
                    }
                    assert_eq!(stream.try_write(&answer).unwrap(), answer.len());
                });
            }
        });
        let text = std::fs::read_to_string(folder.path().join("one.yaml")).unwrap();
        let text = text.replace("one-api.yaml", &format!("http://{place}/api.yaml"));
        let builder = arazzo::open(folder.path().join("one.yaml")).text(text).allow_host(place.to_string());
        builder
            .server(None, "http://127.0.0.1:1")
            .limits(Limits { request_ms: 3_000, ..Limits::default() })
            .load()
            .await
    });
    let found = loaded.unwrap().diagnostics();
    assert!(!found.has_errors(), "{found:?}");
}

#[test]
fn other_tasks_of_the_thread_go_on_while_a_large_answer_is_worked_out() {
    let server = daytona(&["ready"]);
    // How often another task of the thread had its turn between the last answer and the end of the run.
    let turns = |bytes: usize| {
        let answered = Arc::new(AtomicUsize::new(0));
        let workflow = only(provision(&server).transport(AtOnce { bytes, answered: answered.clone() }));
        one_thread().block_on(async {
            let since = Arc::new(AtomicUsize::new(0));
            let (answers, count) = (answered.clone(), since.clone());
            let other = tokio::spawn(poll_fn(move |context| {
                if answers.load(Ordering::SeqCst) == 1 {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            let mut first = None;
            let run = workflow.run(inputs(), |event| {
                if matches!(event.event.kind, EventKind::ResponseReceived { .. }) {
                    first.get_or_insert(since.load(Ordering::SeqCst));
                }
            });
            assert_eq!(run.await.unwrap().exit_code(), 0);
            other.abort();
            first.unwrap()
        })
    };
    assert_eq!(turns(10), 0, "a small answer is worked out where it came");
    assert!(turns(2 << 20) > 0, "nothing else went on");
}
