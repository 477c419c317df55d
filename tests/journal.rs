//! Journals from Rust: time in which no process has a run, documents that have changed, what cannot be.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arazzo::journal::{Journal, JournalKey, RunState};
use arazzo::{
    Builder, Clock, Error, Failure, Inputs, Interrupt, Limits, Outcome, Outgoing, Pending, Response, Transport,
};

use crate::cli::Folder;

const API: &str = "openapi: 3.1.0
info: { title: Things, version: '1' }
servers: [{ url: 'https://api.example' }]
paths: { /things: { get: { operationId: list, responses: { '200': { description: things } } } } }
";

/// A step that is tried again after half a minute, of a run that may take a minute.
const FLOW: &str = "arazzo: 1.0.1
info: { title: Waits, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: w
    steps:
      - stepId: wait
        operationId: list
        successCriteria: [{ condition: $statusCode == 200 }]
        onFailure: [{ name: again, type: retry, retryAfter: 30, retryLimit: 3 }]
        outputs: { status: $statusCode }
    outputs: { status: $steps.wait.outputs.status }
";

/// A clock whose hands are moved; `stopped`, it never comes to the end of a wait, as a process that has ended.
#[derive(Clone, Default)]
struct Hands {
    ms: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    slept: Arc<Mutex<Vec<Duration>>>,
}

impl Clock for Hands {
    fn wall(&self) -> Duration {
        // Near the time of this machine, by which owners are seen.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.ms.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        if self.stopped.load(Ordering::SeqCst) {
            return Box::pin(std::future::pending());
        }
        self.slept.lock().unwrap().push(time);
        self.ms.fetch_add(u64::try_from(time.as_millis()).unwrap() + 1, Ordering::SeqCst);
        Box::pin(async {})
    }
}

/// Answers with 503, and then with 200.
#[derive(Clone, Default)]
struct Second(Arc<AtomicU64>);

impl Transport for Second {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let status = if self.0.fetch_add(1, Ordering::SeqCst) == 0 { 503 } else { 200 };
        Box::pin(async move { Ok(Response { status, headers: vec![], body: vec![] }) })
    }
}

struct Stage {
    folder: Folder,
    clock: Hands,
    servers: Second,
}

impl Stage {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("api.yaml", API);
        folder.write("flow.yaml", FLOW);
        Self { folder, clock: Hands::default(), servers: Second::default() }
    }

    fn journal(&self) -> Journal {
        let key = JournalKey::parse(&"5a".repeat(32)).unwrap();
        Journal::open(self.folder.path().join("state/runs.db")).unwrap().with_key(key)
    }

    fn on(&self, builder: Builder) -> Builder {
        builder.transport(self.servers.clone()).clock(self.clock.clone())
    }

    fn builder(&self) -> Builder {
        let limits = Limits { run_ms: 60_000, ..Limits::default() };
        self.on(arazzo::open(self.folder.path().join("flow.yaml")).allow_host("api.example").limits(limits))
    }

    /// A run whose process ends while it waits.
    fn ends_in_wait(&self) {
        self.clock.stopped.store(true, Ordering::SeqCst);
        let workflow = self.builder().load_blocking().unwrap().workflow(None).unwrap().journaled(&self.journal());
        let run = async { tokio::time::timeout(Duration::from_millis(300), workflow.run(Inputs::new(), |_| {})).await };
        assert!(block_on(run).is_err(), "it waits");
        self.clock.stopped.store(false, Ordering::SeqCst);
    }

    fn resume(&self) -> Result<Outcome, Error> {
        let journal = self.journal();
        let run = journal.runs()?.remove(0);
        assert_eq!((run.state, run.can_resume()), (RunState::Interrupted, true));
        let resumption = journal.resume(&run.id)?;
        let builder = self.on(resumption.builder()?);
        block_on(resumption.load(builder)?.run(&Interrupt::new(), |_| {}))
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[track_caller]
fn succeeded(outcome: Result<Outcome, Error>) {
    assert_eq!(serde_json::Value::from(outcome.unwrap().outputs()), serde_json::json!({ "status": 200 }));
}

#[test]
fn a_wait_that_was_over_in_the_meantime_is_not_waited_again_and_no_time_of_the_run_has_passed() {
    let stage = Stage::new();
    stage.ends_in_wait();
    // Far beyond the minute that the run may take.
    stage.clock.ms.fetch_add(7_200_000, Ordering::SeqCst);
    succeeded(stage.resume());
    assert_eq!(*stage.clock.slept.lock().unwrap(), Vec::<Duration>::new(), "it went on at once");
    assert_eq!(stage.servers.0.load(Ordering::SeqCst), 2);
}

#[test]
fn a_wait_that_is_not_over_is_waited_to_its_end() {
    let stage = Stage::new();
    stage.ends_in_wait();
    stage.clock.ms.fetch_add(10_000, Ordering::SeqCst);
    succeeded(stage.resume());
    let slept: Duration = stage.clock.slept.lock().unwrap().iter().sum();
    assert!(slept > Duration::from_secs(10) && slept <= Duration::from_secs(20), "{slept:?} of half a minute are left");
}

#[test]
fn a_run_that_has_begun_goes_on_with_the_documents_that_it_began_with() {
    let stage = Stage::new();
    stage.ends_in_wait();
    stage.folder.write("flow.yaml", "arazzo: 2.0.0");
    std::fs::remove_file(stage.folder.path().join("api.yaml")).unwrap();
    succeeded(stage.resume());
}

#[test]
fn a_run_that_is_given_up_is_free_for_another_owner() {
    let stage = Stage::new();
    stage.ends_in_wait();
    let (one, other) = (stage.journal(), stage.journal());
    let run = one.runs().unwrap().remove(0);
    let held = one.resume(&run.id).unwrap();
    assert_eq!(other.run(&run.id).unwrap().state, RunState::Running);
    assert!(matches!(other.resume(&run.id), Err(Error::Setup(message)) if message.contains("has an owner")));
    drop(held);
    other.resume(&run.id).map(drop).unwrap();
    succeeded(stage.resume());
}

#[test]
fn a_journal_without_a_key_lists_and_keeps_no_run() {
    let stage = Stage::new();
    stage.ends_in_wait();
    let keyless = Journal::open(stage.folder.path().join("state/runs.db")).unwrap();
    let run = keyless.runs().unwrap().remove(0);
    assert_eq!((run.workflow.as_str(), run.step.as_deref()), ("w", Some("wait")));
    assert!(matches!(keyless.resume(&run.id), Err(Error::Setup(message)) if message.contains("has no key")));
    let workflow = stage.builder().load_blocking().unwrap().workflow(None).unwrap().journaled(&keyless);
    let before = stage.servers.0.load(Ordering::SeqCst);
    assert!(matches!(block_on(workflow.run(Inputs::new(), |_| {})), Err(Error::Setup(_))));
    assert_eq!(stage.servers.0.load(Ordering::SeqCst), before);
    assert!(matches!(keyless.run("01"), Ok(found) if found.id == run.id));
    assert!(keyless.run("ZZ").is_err() && keyless.run("").is_err() && keyless.run("'; --").is_err());
    assert!(Journal::open(stage.folder.path().join("flow.yaml/runs.db")).is_err());
}
