//! The library as its users see it: what is an error and what is an outcome, what an observer gets, and that a run can
//! be given up at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arazzo::report::{self, ReportContext, RunRecord};
use arazzo::{
    Clock, Error, EventKind, Failure, Inputs, Interrupt, Limits, LoopDelay, Outcome, Outgoing, Pending, Readings,
    Response, Stop, Transport, Workflow,
};
use serde_json::json;

use crate::server::{Reply, Server, daytona, daytona_except};
use crate::suite::{files_below, workspace_root};

fn provision(server: &Server) -> arazzo::Builder {
    arazzo::open(workspace_root().join("specs/daytona-provision.yml"))
        .folder(workspace_root().join("openapi"))
        .server(None, format!("{}/api", server.url()))
}

fn inputs() -> Inputs {
    Inputs::new().set("apiToken", "the-secret-token").set("volumeName", "v").set("snapshot", "s").set("mountPath", "/d")
}

fn only(builder: arazzo::Builder) -> Workflow {
    builder.load_blocking().unwrap().workflow(None).unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_run_tells_an_observer_everything_and_gives_its_outputs() {
    let server = daytona(&["creating", "ready"]);
    let workflow = only(provision(&server));
    let mut seen = vec![];
    let outcome = wait(workflow.run(inputs(), |envelope| seen.push(envelope.clone()))).unwrap();
    let Outcome::Succeeded { outputs, missing } = outcome else { panic!("{outcome:?}") };
    assert_eq!(outputs["sandboxId"], json!("sb-1"));
    assert!(missing.is_empty());
    assert_eq!(seen.iter().map(|e| e.seq).collect::<Vec<_>>(), (0..seen.len() as u64).collect::<Vec<_>>());
    assert!(matches!(seen.last().unwrap().event.kind, EventKind::RunFinished { exit: 0, .. }));
    assert!(!serde_json::to_string(&seen).unwrap().contains("the-secret-token"));
    // Events are data: what was written can be read again.
    let text = serde_json::to_string(&seen).unwrap();
    assert_eq!(serde_json::from_str::<Vec<arazzo::Envelope>>(&text).unwrap(), seen);
}

#[test]
fn a_host_that_is_none_is_said_when_the_document_is_read() {
    let server = daytona(&[]);
    let ports =
        ["api.example:99999", "api.example:", "api.example:0", "api.example:+80", "api.example:http", "[::1]:x"];
    for text in ports.iter().chain(&["", "a b", "http://api.example", "api.example/v1", "*.example", "[::1", "[a]:80"])
    {
        assert!(arazzo::check_host(text).is_err(), "{text}");
        for builder in [provision(&server).allow_host(*text), provision(&server).secret_host("apiToken", *text)] {
            let error = builder.load_blocking().map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")) && error.contains("HOST:PORT"), "{error}");
        }
    }
    for text in ["api.example", "api.example:8443", "127.1", "[::1]:80", "[::1]", "::1", "API.example.:1"] {
        assert_eq!(arazzo::check_host(text), Ok(()), "{text}");
        assert!(provision(&server).allow_host(text).load_blocking().is_ok(), "{text}");
    }
}

#[test]
fn events_become_every_report_of_the_library_without_a_secret() {
    let server = Server::start(|_, _| Reply::status(500));
    let workflow = only(provision(&server));
    let mut record = RunRecord::of_plan(&workflow.plan());
    wait(workflow.run(inputs(), |event| record.add(event))).unwrap();
    let context = ReportContext::of(workflow.description(), &record).command("embedded");
    assert!(context.graph.is_some() && context.snippet.is_some());
    for kind in report::KINDS {
        let (name, text) = (kind.name, (kind.text)(&record, &context));
        assert!(text.contains("createVolume"), "{name}: {text}");
        assert!(!text.contains("the-secret-token"), "{name} shows a secret");
    }
    // Steps that the run did not come to are reported, and so is a run that only began.
    let junit = report::junit(&record, &context);
    assert!(junit.contains("skipped=\"2\""), "{junit}");
    for kind in report::KINDS {
        assert!(!(kind.text)(&RunRecord::default(), &ReportContext::default()).is_empty(), "{}", kind.name);
    }
}

#[test]
fn the_last_attempts_of_a_run_say_why_it_failed_as_all_attempts_do() {
    let (mut cases, mut failed) = (0, 0);
    for path in files_below(&workspace_root().join("tests/suite/report"), &["ndjson"]) {
        let (mut whole, mut last) = (RunRecord::default(), RunRecord::default().last_attempts());
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let event = serde_json::from_str(line).unwrap();
            whole.add(&event);
            last.add(&event);
        }
        let why = |record: &RunRecord| {
            let reason = report::explanation(record, &Default::default(), false, 80);
            let request = record.failing_exchange().map(report::Exchange::curl);
            (reason, request, report::left_behind(&record.report), record.outputs().cloned())
        };
        assert_eq!(why(&whole), why(&last), "{}", path.display());
        assert_eq!(last.attempts.len(), last.steps().len(), "{}", path.display());
        assert!(last.attempts.len() <= whole.attempts.len());
        (cases, failed) = (cases + 1, failed + usize::from(why(&last).0.is_some()));
    }
    assert!(cases >= 4 && failed >= 2, "{cases} {failed}");
}

#[test]
fn a_run_that_fails_is_an_outcome() {
    let server = Server::start(|_, _| Reply::status(500));
    let outcome = wait(only(provision(&server)).run(inputs(), |_| {})).unwrap();
    assert!(matches!(&outcome, Outcome::Failed { step, .. } if step == "createVolume"), "{outcome:?}");
    assert_eq!(outcome.exit_code(), 1);
}

#[test]
fn what_cannot_be_run_is_an_error_and_sends_nothing() {
    let server = daytona(&["ready"]);
    let workflow = only(provision(&server));
    let Err(Error::Inputs(faults)) = wait(workflow.run(Inputs::new().set("apiToke", "x"), |_| {})) else { panic!() };
    assert_eq!(faults.len(), 5, "one unknown, four missing: {faults:?}");
    let refused = provision(&server).readings(Readings::Strict).load_blocking().unwrap().workflow(None);
    let Err(Error::Documents { diagnostics, .. }) = refused else { panic!() };
    assert_eq!(diagnostics.errors().count(), 9);
    assert!(matches!(
        provision(&server).load_blocking().unwrap().workflow(Some("other")),
        Err(Error::NoSuchWorkflow { .. })
    ));
    assert!(matches!(arazzo::open("no/such/file.yml").load_blocking(), Err(Error::Documents { .. })));
    assert!(matches!(
        provision(&server).server(Some("volumeApi"), "http://localhost").load_blocking(),
        Err(Error::Setup(_))
    ));
    assert!(server.requests().is_empty());
}

#[test]
fn what_remedies_a_fault_is_named_as_a_call_or_as_somebody_else_says() {
    let server = daytona(&["creating"]);
    let few = || provision(&server).loop_delay(LoopDelay::Fixed(0)).limits(Limits { steps: 4, ..Limits::default() });
    let stopped = |builder: arazzo::Builder| {
        let mut told = None;
        let outcome = wait(only(builder).run(inputs(), |envelope| {
            if let EventKind::RunFinished { why, .. } = &envelope.event.kind {
                told = why.as_ref().and_then(|why| why.help.clone());
            }
        }));
        let Ok(Outcome::Stopped { stop: Stop::Limit, why, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(why.help, told, "events and the outcome say the same");
        told.unwrap()
    };
    assert_eq!(stopped(few()), "raise `Limits::steps`, or give the loop an end");
    assert_eq!(stopped(few().naming(|_| "the slider".to_owned())), "raise the slider, or give the loop an end");
    let Err(Error::Inputs(faults)) = only(few()).check(Inputs::new()) else { panic!() };
    let help: Vec<String> = faults.iter().filter_map(|fault| Some(fault.help.as_ref()?.to_string())).collect();
    assert!(help.contains(&"give it with `Inputs::set(\"apiToken\", …)`".to_owned()), "{help:?}");
    let unknown =
        provision(&server).source("elsewhere", "api.yaml").load_blocking().and_then(|found| found.workflow(None));
    let said = unknown.unwrap_err().to_string();
    assert!(said.contains("`Builder::source` names `elsewhere`"), "{said}");
    let wrong = provision(&server).allow_header("Content-Length").load_blocking();
    assert!(matches!(wrong, Err(Error::Setup(message)) if message.starts_with("`Builder::allow_header`: ")));
}

#[test]
fn dropping_a_run_gives_its_call_up_and_sends_nothing_more() {
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = arrived.clone();
    let server = Server::start(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Reply::status(200).json(&json!({"id": "vol-1", "state": "creating"})).delay(200)
    });
    let workflow = only(provision(&server));
    wait(async {
        let run = workflow.run(inputs(), |_| {});
        tokio::select! {
            outcome = run => panic!("{outcome:?}"),
            () = async { while arrived.load(Ordering::SeqCst) == 0 { tokio::time::sleep(Duration::from_millis(5)).await } } => {}
        }
    });
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(arrived.load(Ordering::SeqCst), 1, "a dropped run went on");
}

#[test]
fn an_interrupt_stops_a_run_from_outside() {
    let server = daytona(&["creating"]);
    let workflow = only(provision(&server).loop_delay(LoopDelay::Fixed(3_600_000)));
    let interrupt = Interrupt::new();
    let outcome = wait(workflow.run_until(inputs(), &interrupt, |envelope| {
        if matches!(envelope.event.kind, EventKind::WaitStarted { .. }) {
            interrupt.stop();
        }
    }))
    .unwrap();
    let Outcome::Stopped { stop: Stop::Interrupt, outputs, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(outputs["volumeId"], json!("vol-1"));
}

#[test]
fn one_interrupt_stops_every_run_that_shares_it() {
    let server = daytona(&["creating"]);
    let workflow = only(provision(&server).loop_delay(LoopDelay::Fixed(3_600_000)));
    let (interrupt, waiting) = (Interrupt::new(), AtomicUsize::new(0));
    let one = || {
        workflow.run_until(inputs(), &interrupt, |envelope| {
            if matches!(envelope.event.kind, EventKind::WaitStarted { .. })
                && waiting.fetch_add(1, Ordering::SeqCst) == 1
            {
                interrupt.stop();
            }
        })
    };
    let (first, second) = wait(async { tokio::join!(one(), one()) });
    for outcome in [first.unwrap(), second.unwrap()] {
        assert!(matches!(outcome, Outcome::Stopped { stop: Stop::Interrupt, .. }), "{outcome:?}");
    }
}

/// So many runs at once, which all succeed.
fn side_by_side(workflow: &Workflow, count: usize) {
    wait(async {
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..count {
            let workflow = workflow.clone();
            runs.spawn(async move { workflow.run(inputs(), |_| {}).await });
        }
        while let Some(outcome) = runs.join_next().await {
            assert!(matches!(outcome.unwrap().unwrap(), Outcome::Succeeded { .. }));
        }
    });
}

#[test]
fn runs_side_by_side_do_not_disturb_each_other() {
    let server = daytona(&["ready"]);
    let workflow = only(provision(&server));
    side_by_side(&workflow, 20);
    assert_eq!(server.requests().len(), 60);
}

#[test]
fn a_host_gets_no_more_requests_at_once_than_it_should() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (here, peak) = (now.clone(), most.clone());
    let server = daytona_except(&["ready"], move |_, _| {
        peak.fetch_max(here.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(10));
        here.fetch_sub(1, Ordering::SeqCst);
        None
    });
    let workflow = only(provision(&server));
    side_by_side(&workflow, 40);
    assert_eq!((server.requests().len(), now.load(Ordering::SeqCst)), (120, 0));
    assert!((2..=8).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

/// A wall clock that jumps a day with every look, forward and back.
struct Jumping(std::sync::atomic::AtomicU64, AtomicUsize);

impl Clock for Jumping {
    fn wall(&self) -> Duration {
        let looks = self.1.fetch_add(1, Ordering::SeqCst) as u64;
        Duration::from_secs(86_400 * (20_000 + if looks.is_multiple_of(2) { looks } else { 0 }))
    }
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        let passed = u64::try_from(time.as_millis()).unwrap();
        Box::pin(async move {
            // What is ready goes first, as in a real wait.
            tokio::task::yield_now().await;
            self.0.fetch_add(passed, Ordering::SeqCst);
        })
    }
}

/// Answers at once: a volume that is ready when it was asked for four times.
struct AtOnce(AtomicUsize);

impl Transport for AtOnce {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let get = outgoing.request.method == "GET";
        let asked = if get { self.0.fetch_add(1, Ordering::SeqCst) } else { 0 };
        let state = if get && asked >= 3 { "ready" } else { "creating" };
        let body = json!({ "id": "x", "name": "data", "state": state }).to_string().into_bytes();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(async { Ok(Response { status: 200, headers, body }) })
    }
}

#[test]
fn a_wall_clock_that_jumps_moves_no_wait() {
    let server = daytona(&["ready"]);
    let clock = Jumping(Default::default(), AtomicUsize::new(0));
    let workflow =
        only(provision(&server).loop_delay(LoopDelay::Fixed(7_000)).transport(AtOnce(0.into())).clock(clock));
    let mut events = vec![];
    let outcome = wait(workflow.run(inputs(), |event| events.push(event.clone()))).unwrap();
    assert!(matches!(outcome, Outcome::Succeeded { .. }));
    let times: Vec<&str> = events.iter().map(|event| event.time.get(..10).unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] == pair[1]), "{times:?}");
    // Three waits of seven seconds, and nothing else.
    assert_eq!(events.last().unwrap().ms, 21_000);
}
