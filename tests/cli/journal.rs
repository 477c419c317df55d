//! Runs that are kept in a journal: killed anywhere, and gone on with.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Arazzo, Folder, Output};
use crate::server::{Reply, Request, Server, daytona, daytona_except};

pub(super) const KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
pub(super) const TOKEN: &str = "secret-of-the-tests";
pub(super) const STATES: &[&str] = &["creating", "creating", "ready"];

/// A folder with a journal in it.
pub(super) struct Runs(pub(super) Folder);

impl Runs {
    pub(super) fn new() -> Self {
        Self(Folder::new())
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.0.path().join("runs.db")
    }

    /// A command about this journal.
    pub(super) fn on(&self, command: Arazzo) -> Arazzo {
        command.env("ARAZZO_JOURNAL", &self.journal().display().to_string()).env("ARAZZO_STATE_KEY", KEY)
    }

    pub(super) fn runs<const N: usize>(&self, args: [&str; N]) -> Output {
        self.on(Arazzo::new(["runs"]).args(args)).run()
    }

    pub(super) fn list(&self) -> Vec<Value> {
        let output = self.runs(["list", "--json"]);
        output.exits(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The name of the only run.
    pub(super) fn only(&self) -> String {
        let runs = self.list();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0]["id"].as_str().unwrap().to_owned()
    }

    pub(super) fn resume<const N: usize>(&self, args: [&str; N]) -> Output {
        let run = self.only();
        self.on(Arazzo::new(["runs", "resume", &run]).args(args)).run()
    }

    /// The only run, written as a recording into the folder.
    pub(super) fn export(&self, name: &str) -> String {
        let file = self.0.path().join(name).display().to_string();
        self.runs(["export", &self.only(), "-o", &file]).exits(0).says(&[name]);
        file
    }

    /// The database is whole, and no file beside it holds any of these texts.
    pub(super) fn is_sound(&self, secrets: &[&str]) {
        let journal = Connection::open(self.journal()).unwrap();
        let sound: String = journal.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        for entry in fs::read_dir(self.0.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            for secret in secrets {
                let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!found, "{} holds `{secret}`", path.display());
            }
        }
    }
}

/// Waits for something that another process does.
#[track_caller]
pub(super) fn until(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it never came to be");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A workflow, its server, and what is true of every run of it.
struct Case {
    server: fn() -> Server,
    command: fn(&str) -> Arazzo,
    outputs: fn() -> Value,
    secrets: &'static [&'static str],
}

const PROVISION: Case = Case {
    server: || daytona(STATES),
    command: |url| Arazzo::provision_with(url, TOKEN),
    outputs: || json!({"volumeId": "vol-1", "sandboxId": "sb-1", "sandboxState": "started"}),
    secrets: &[TOKEN],
};

const LOGIN: Case = Case {
    server: || {
        Server::start(|request, _| match request.path.as_str() {
            "/login" => Reply::status(200).json(&json!({"token": "tok-of-the-server"})),
            _ if request.header("authorization") == Some("Bearer tok-of-the-server") => {
                Reply::status(200).json(&json!([{"title": "Milk"}]))
            }
            _ => Reply::status(401).json(&json!({})),
        })
    },
    command: |url| {
        Arazzo::new(["run", "examples/login/login.arazzo.yaml", "-S", url, "-i", "user=ada", "-s", "password"])
            .env("ARAZZO_SECRET_password", "correct-horse")
    },
    outputs: || json!({"first": "Milk"}),
    secrets: &["correct-horse", "tok-of-the-server"],
};

const SUB_WORKFLOW: Case = Case {
    server: || {
        Server::start(|request, _| match request.method.as_str() {
            "GET" => Reply::status(200).json(&json!([{"id": "p-1"}])),
            _ => Reply::status(201).json(&json!({"since": "2026-01-01"})),
        })
    },
    command: |url| {
        Arazzo::new(["run", "examples/sub-workflow/sub-workflow.arazzo.yaml", "add-to-team", "-S", url]).args([
            "-i",
            "team=t",
            "-i",
            "member=a@example.com",
            "-i",
            "lead=b@example.com",
        ])
    },
    outputs: || json!({"since": "2026-01-01"}),
    secrets: &[],
};

/// Everything that was sent and may not be sent twice: once as often as it was decided to send it again, and once more.
fn sent_twice(server: &Server) -> usize {
    let sent: Vec<(String, Vec<u8>)> =
        server.requests().into_iter().filter(|r| r.method == "POST").map(|r| (r.path, r.body)).collect();
    sent.iter().enumerate().filter(|(at, one)| sent[..*at].contains(one)).count()
}

/// Ends a run in the middle of each write to a file, and goes on with it. The file grows by a page with each write, so
/// that a limit for every page is one for every write.
fn killed_at_every_write(case: &Case) {
    // The tables are there: how they are made is tried once.
    let template = Runs::new();
    template.on(Arazzo::provision(&daytona(STATES).url())).run().exits(0);
    let run = template.only();
    template.runs(["rm", &run]).exits(0);
    let (next, last) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let one = |number: usize| {
        let (runs, server) = (Runs::new(), (case.server)());
        fs::copy(template.journal(), runs.journal()).unwrap();
        let killed = runs.on((case.command)(&server.url())).with_largest_file(number * 4, false).run();
        let Some(run) = runs.list().first().cloned() else {
            killed.check(killed.status.is_none(), "the end by a signal");
            // What may be sent twice leaves before the run is kept: nothing is lost with it.
            let changes = server.requests().into_iter().filter(|request| request.method != "GET").count();
            assert_eq!(changes, 0, "{:?}", server.lines());
            return;
        };
        let (mut decided, mut output) = (0, killed);
        if output.status.is_none() {
            output = runs.resume([]);
            while output.status == Some(9) {
                output.says(&["in-doubt", "--unknown retry", run["id"].as_str().unwrap()]).prints_nothing();
                (decided, output) = (decided + 1, runs.resume(["--unknown", "retry"]));
            }
        } else {
            last.fetch_min(number, Ordering::SeqCst);
        }
        output.exits(0).prints(&(case.outputs)());
        assert!(sent_twice(&server) <= decided, "{decided} decisions, and {:?}", server.lines());
        runs.is_sound(case.secrets);
        if !number.is_multiple_of(8) {
            return;
        }
        let events = runs.runs(["show", run["id"].as_str().unwrap(), "--json"]).events();
        let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>(), "one account without gaps");
        // However it was interrupted, it is one run that can be played again.
        let recording = runs.export("run.ndjson");
        Arazzo::new(["replay", &recording]).run().exits(0).says(&["same"]);
        runs.is_sound(case.secrets);
        // Of a run that has ended, its outputs are there again, and nothing is sent.
        let before = server.lines().len();
        runs.resume([]).exits(0).prints(&(case.outputs)());
        assert_eq!(server.lines().len(), before);
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while last.load(Ordering::SeqCst) == usize::MAX {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    assert!(number < 500, "it never comes to its end");
                    one(number);
                }
            });
        }
    });
    assert!(last.load(Ordering::SeqCst) > 20, "{} writes are too few", last.load(Ordering::SeqCst));
}

#[test]
fn the_reference_workflow_goes_on_wherever_it_is_killed() {
    killed_at_every_write(&PROVISION);
}

#[test]
fn a_run_that_logs_in_goes_on_wherever_it_is_killed() {
    killed_at_every_write(&LOGIN);
}

#[test]
fn a_run_of_workflows_that_call_workflows_goes_on_wherever_it_is_killed() {
    killed_at_every_write(&SUB_WORKFLOW);
}

#[test]
fn a_journal_that_is_killed_while_it_is_made_is_made_by_the_next_run() {
    for kib in [0, 4, 12, 40] {
        let (runs, server) = (Runs::new(), daytona(STATES));
        let killed = runs.on(Arazzo::provision(&server.url())).with_largest_file(kib, false).run();
        killed.check(killed.status.is_none(), "the end by a signal");
        assert_eq!(server.lines(), Vec::<String>::new());
        runs.on(Arazzo::provision(&server.url())).run().exits(0).prints(&(PROVISION.outputs)());
        runs.is_sound(&[TOKEN]);
    }
}

/// A server that kills the command when a request comes, and gives no answer.
fn killing(at: fn(&Request) -> bool) -> (Server, Arc<Mutex<Option<std::process::Child>>>) {
    let child = Arc::<Mutex<Option<std::process::Child>>>::default();
    let killed = child.clone();
    let server = daytona_except(STATES, move |request, _| {
        let mut child = killed.lock().unwrap();
        if !at(request) {
            return None;
        }
        let mut child = child.take()?;
        child.kill().unwrap();
        child.wait().unwrap();
        Some(Reply::reset())
    });
    (server, child)
}

/// A run that is killed when a request has come to its server, before it is answered.
pub(super) fn killed_at(at: fn(&Request) -> bool) -> (Runs, Server) {
    let runs = Runs::new();
    let (server, child) = killing(at);
    {
        let mut child = child.lock().unwrap();
        *child = Some(runs.on(Arazzo::provision(&server.url())).spawn());
    }
    until(|| child.lock().unwrap().is_none());
    (runs, server)
}

pub(super) fn is_sandbox(request: &Request) -> bool {
    request.path == "/api/sandbox"
}

#[test]
fn a_request_that_may_have_arrived_is_not_sent_again_until_that_is_decided() {
    let (runs, server) = killed_at(is_sandbox);
    let sent = || server.lines().iter().filter(|line| *line == "POST /api/sandbox").count();
    assert_eq!(
        (runs.list()[0]["state"].clone(), runs.list()[0]["unsettled"].clone()),
        (json!("interrupted"), json!(1))
    );
    runs.runs(["list"]).says(&[]).check(runs.runs(["list"]).stdout.contains("in doubt"), "that it is in doubt");
    runs.resume(["--from", "createSandbox"]).exits(2).says(&["has not failed"]);
    let open = runs.resume([]);
    open.exits(9).prints_nothing().says(&["in-doubt", "POST", "/api/sandbox", "createSandbox", "--unknown retry"]);
    open.never_says(&[TOKEN]);
    assert_eq!(sent(), 1);
    let again = runs.resume(["--unknown", "retry"]);
    again.exits(0).prints(&(PROVISION.outputs)());
    assert_eq!(sent(), 2);
    runs.is_sound(&[TOKEN]);
}

#[test]
fn a_request_in_doubt_can_count_as_not_answered() {
    let (runs, server) = killed_at(is_sandbox);
    runs.resume(["--unknown", "fail"]).exits(4).says(&["no-answer", "createSandbox", "is not known whether"]);
    assert_eq!(server.lines().iter().filter(|line| *line == "POST /api/sandbox").count(), 1);
}

#[test]
fn a_request_in_doubt_can_have_been_answered() {
    let (runs, server) = killed_at(is_sandbox);
    let answer =
        runs.0.write("answer.json", json!({"status": 200, "body": {"id": "sb-7", "state": "started"}}).to_string());
    let answer = answer.display().to_string();
    runs.resume(["--unknown", "skip"]).exits(2).says(&["--with-response"]);
    runs.resume(["--with-response", &answer]).exits(2).says(&["--unknown skip"]);
    let wrong = runs.0.write("wrong.json", "{\"status\": 20}").display().to_string();
    runs.resume(["--unknown", "skip", "--with-response", &wrong]).exits(2).says(&["status"]);
    let output = runs.resume(["--unknown", "skip", "--with-response", &answer]);
    output.exits(0).prints(&json!({"volumeId": "vol-1", "sandboxId": "sb-7", "sandboxState": "started"}));
    assert_eq!(server.lines().iter().filter(|line| *line == "POST /api/sandbox").count(), 1);
}

#[test]
fn every_run_that_can_goes_on_and_one_in_doubt_is_said() {
    let (runs, _server) = killed_at(is_sandbox);
    runs.runs(["resume", "--all"]).exits(9).prints_nothing().says(&["in-doubt", &runs.only()]);
    runs.runs(["resume", "--all", "--unknown", "retry"]).exits(0).prints(&(PROVISION.outputs)());
    runs.runs(["resume", "--all"]).exits(0).prints_nothing().says(&["no run that can go on"]);
}

#[test]
fn a_request_that_may_be_sent_twice_is() {
    let (runs, server) = killed_at(|request| request.method == "GET");
    assert_eq!(runs.list()[0]["unsettled"], json!(0));
    runs.runs(["resume", "--all"]).exits(0).prints(&(PROVISION.outputs)());
    assert_eq!(server.lines().iter().filter(|line| line.starts_with("POST")).count(), 2);
}

/// An API whose `POST` describes a key, and a workflow that calls it twice.
const KEYED: [(&str, &str); 2] = [
    (
        "api.yaml",
        "openapi: 3.1.0
info: { title: t, version: '1' }
paths:
  /orders:
    post:
      operationId: order
      parameters: [{ name: Idempotency-Key, in: header, schema: { type: string } }]
      responses: { '201': { description: made } }
  /notes:
    post: { operationId: note, responses: { '201': { description: made } } }
",
    ),
    (
        "flow.yaml",
        "arazzo: 1.0.1
info: { title: t, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: w
    steps:
      - { stepId: first, operationId: order, successCriteria: [{ condition: $statusCode == 201 }] }
      - { stepId: second, operationId: order, successCriteria: [{ condition: $statusCode == 201 }] }
      - { stepId: third, operationId: note, successCriteria: [{ condition: $statusCode == 201 }] }
",
    ),
];

#[test]
fn a_request_with_a_key_is_sent_again_with_the_same_and_is_not_in_doubt() {
    let runs = Runs::new();
    KEYED.iter().for_each(|(name, text)| drop(runs.0.write(name, text)));
    let flow = runs.0.path().join("flow.yaml").display().to_string();
    let child = Arc::<Mutex<Option<std::process::Child>>>::default();
    let killed = child.clone();
    let server = Server::start(move |_, number| {
        let mut child = killed.lock().unwrap();
        if number == 1
            && let Some(mut child) = child.take()
        {
            child.kill().unwrap();
            child.wait().unwrap();
            return Reply::reset();
        }
        Reply::status(201)
    });
    {
        let mut child = child.lock().unwrap();
        *child = Some(runs.on(Arazzo::new(["run", &flow, "-S", &server.url()])).spawn());
    }
    until(|| child.lock().unwrap().is_none());
    runs.resume([]).exits(0);
    let keys: Vec<Option<String>> =
        server.requests().iter().map(|request| request.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!((keys.len(), &keys[1], &keys[3]), (4, &keys[2], &None), "{keys:?}");
    assert!(keys[0].as_ref().is_some_and(|key| key.len() == 36) && keys[0] != keys[1], "{keys:?}");
    // A header for those that describe none; without a journal there is no key.
    let named = Arazzo::new(["run", &flow, "-S", &server.url(), "--idempotency-key", "X-Request-Id"]);
    runs.on(named.clone()).run().exits(0);
    assert!(server.requests().last().unwrap().header("x-request-id").is_some());
    named.run().exits(2).says(&["--journal"]);
    Arazzo::new(["run", &flow, "-S", &server.url()]).run().exits(0);
    assert_eq!(server.requests()[7..].iter().filter(|request| request.header("idempotency-key").is_some()).count(), 0);
}

#[test]
fn of_two_processes_one_has_a_run_and_the_other_says_which() {
    let runs = Runs::new();
    let held = Arc::new(Mutex::new(()));
    let (waits, hold) = (held.clone(), held.lock().unwrap());
    let server = daytona_except(STATES, move |request, _| {
        if request.method == "GET" {
            drop(waits.lock().unwrap());
        }
        None
    });
    let child = runs.on(Arazzo::provision(&server.url())).spawn();
    until(|| server.lines().len() == 2);
    // A second process lists while the first one runs.
    let listed = runs.list();
    assert_eq!((&listed[0]["state"], &listed[0]["pid"]), (&json!("running"), &json!(child.id())));
    let run = listed[0]["id"].as_str().unwrap().to_owned();
    runs.resume([]).exits(2).prints_nothing().says(&["has an owner", &child.id().to_string()]);
    runs.runs(["rm", &run]).exits(2).says(&["is running"]);
    runs.runs(["list", "--failed"]).exits(0).prints_nothing();
    drop(hold);
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(server.lines().len(), 5);
    runs.runs(["list", "--running"]).exits(0).prints_nothing();
}

#[test]
fn of_two_that_go_on_with_a_run_at_once_one_does() {
    let (runs, server) = killed_at(|request| request.method == "GET");
    let run = runs.only();
    let both: Vec<_> = (0..2).map(|_| runs.on(Arazzo::new(["runs", "resume", &run])).spawn()).collect();
    let codes: Vec<_> = both.into_iter().map(|child| child.wait_with_output().unwrap().status.code()).collect();
    // The second may come when the first is done: then it prints the outputs again.
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 2))) && codes.contains(&Some(0)), "{codes:?}");
    assert_eq!(server.lines().iter().filter(|line| *line == "POST /api/sandbox").count(), 1);
}

#[test]
fn a_run_that_is_interrupted_says_how_it_goes_on_and_does() {
    let runs = Runs::new();
    let server = daytona_except(&["creating"], |_, _| None);
    let child = runs.on(Arazzo::provision(&server.url()).args(["--loop-delay", "60s"])).spawn();
    until(|| server.lines().len() == 2);
    let interrupt = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let run = runs.only();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains(&format!("resume: arazzo runs resume {run}")), "{said}");
    assert_eq!(runs.list()[0]["state"], json!("stopped"));
    let events = runs.runs(["show", &run, "--json"]).events();
    assert_eq!(events.last().unwrap()["type"], json!("run.finished"));
    // It waits for what it waited for before.
    let again = runs.on(Arazzo::new(["runs", "resume", &run])).spawn();
    until(|| runs.list()[0]["state"] == json!("running"));
    assert_eq!(server.lines().len(), 2);
    runs.runs(["cancel", &run]).exits(0);
    assert_eq!(again.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(runs.list()[0]["state"], json!("cancelled"));
    runs.resume([]).exits(2).says(&["cancelled"]);
}

#[test]
fn a_run_that_was_stopped_at_a_limit_goes_on_with_a_higher_one() {
    let (runs, server) = (Runs::new(), daytona(&["creating", "creating", "creating", "ready"]));
    let command = Arazzo::provision(&server.url()).args(["--max-steps", "3", "--loop-delay", "0"]);
    runs.on(command).run().exits(5).says(&["resume: arazzo runs resume"]);
    assert_eq!(server.lines().len(), 3);
    runs.resume([]).exits(5).says(&["step-limit"]);
    assert_eq!(server.lines().len(), 3);
    runs.resume(["--max-steps", "100"]).exits(0).prints(&(PROVISION.outputs)());
    assert_eq!(server.lines().iter().filter(|line| line.starts_with("POST")).count(), 2);
    runs.resume(["--from", "pollVolume"]).exits(2).says(&["has succeeded"]);
}

#[test]
fn each_of_several_runs_in_one_call_is_kept() {
    let (runs, server) = (Runs::new(), daytona(STATES));
    runs.on(Arazzo::provision(&server.url()).args(["--repeat", "2"])).run().exits(0);
    let states: Vec<Value> = runs.list().into_iter().map(|run| run["state"].clone()).collect();
    assert_eq!(states, ["succeeded", "succeeded"]);
}

#[test]
fn an_answer_that_stops_the_run_is_kept_and_what_it_answers_is_not_sent_again() {
    let (runs, folder) = (Runs::new(), Folder::new());
    folder.write("api.yaml", "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths:\n  /a: { post: { operationId: add, responses: { '200': { description: ok } } } }\n");
    folder.write(
        "flow.yaml",
        "arazzo: 1.0.1\ninfo: { title: t, version: '1' }\nsourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]\nworkflows:\n  \
         - workflowId: w\n    outputs: { all: $steps.add.outputs.all }\n    steps:\n      - { stepId: add, operationId: add, outputs: { all: $response.body#/all } }\n",
    );
    let body = json!({ "all": "A".repeat(3_000) });
    let text = body.to_string();
    let server = Server::start(move |_, _| Reply::status(200).body("application/json", text.clone()));
    let command = Arazzo::new(["run", "flow.yaml", "-S", &server.url(), "--max-kept", "2000"]).cwd(folder.path());
    runs.on(command).run().exits(5).says(&["kept-limit", "resume: arazzo runs resume"]);
    runs.resume([]).exits(5).says(&["kept-limit"]).never_says(&["in doubt", "in-doubt"]);
    runs.resume(["--max-kept", "1MiB"]).exits(0).prints(&body);
    assert_eq!(server.lines(), ["POST /a"]);
}

#[test]
fn a_run_that_failed_begins_again_at_a_step_with_what_it_had() {
    let runs = Runs::new();
    let broken = AtomicUsize::new(0);
    let server = daytona_except(STATES, move |request, _| {
        let first = is_sandbox(request) && broken.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| Reply::status(500))
    });
    let failed = runs.on(Arazzo::provision(&server.url())).run();
    failed.exits(1).says(&[&format!("resume: arazzo runs resume {} --from createSandbox", runs.only())]);
    runs.resume([]).exits(1).prints(&json!({"volumeId": "vol-1"})).says(&["has ended already: failed", "--from"]);
    runs.resume(["--from", "sandbox"]).exits(2).says(&["createVolume", "pollVolume", "createSandbox"]);
    runs.resume(["--from", "createSandbox"]).exits(0).prints(&(PROVISION.outputs)());
    let posts = |path: &str| server.lines().iter().filter(|line| **line == format!("POST {path}")).count();
    assert_eq!((posts("/api/volumes"), posts("/api/sandbox")), (1, 2));
    let run = runs.only();
    let events = runs.runs(["show", &run, "--json"]).events();
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let folder = Folder::new();
    let report = folder.path().join("report.html").display().to_string();
    runs.runs(["show", &run, "--report", &format!("html={report}")]).exits(0);
    assert!(fs::read_to_string(report).unwrap().contains("createSandbox"));
}

#[test]
fn a_disk_that_is_full_ends_the_run_before_anything_unsafe_leaves_and_loses_nothing() {
    let mut ended = 0;
    for kib in [130, 150, 170, 190, 210, 230, 250] {
        let (runs, server) = (Runs::new(), daytona(STATES));
        let full = runs.on(Arazzo::provision(&server.url())).with_largest_file(kib, true).run();
        if full.status == Some(0) {
            continue;
        }
        full.check(matches!(full.status, Some(2 | 7)), "exit 2 or 7").says(&["journal", "runs.db"]);
        full.never_says(&["stack backtrace"]);
        let Some(run) = runs.list().first().cloned() else {
            assert_eq!(server.lines(), Vec::<String>::new());
            continue;
        };
        ended += 1;
        full.exits(7).says(&["goes on from what was written", run["id"].as_str().unwrap()]);
        let resumed = runs.resume([]);
        // The answer to a request that had left could not be written.
        let resumed = if resumed.status == Some(9) { runs.resume(["--unknown", "retry"]) } else { resumed };
        resumed.exits(0).prints(&(PROVISION.outputs)());
        assert!(run["state"] == json!("interrupted"), "{run}");
        runs.is_sound(&[TOKEN]);
    }
    assert!(ended > 0, "no run was ended by a full disk");
}

#[test]
fn what_is_no_journal_is_said() {
    let server = daytona(STATES);
    let run = |path: &Path| {
        Arazzo::provision(&server.url())
            .args([format!("--journal={}", path.display())])
            .env("ARAZZO_STATE_KEY", KEY)
            .run()
    };
    let folder = Folder::new();
    run(&folder.write("text.db", "not a database, but a text that is long enough to be taken for one"))
        .exits(2)
        .says(&["text.db", "not a database"]);
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE things (a)").unwrap();
    run(&other).exits(2).says(&["other.db", "no journal of runs"]);
    run(Path::new("/sys/runs.db")).exits(2).says(&["/sys/runs.db"]);
    run(&folder.path().join("text.db/below/runs.db")).exits(2).says(&["text.db"]);
    run(folder.path()).exits(2).says(&["folder"]);
    let newer = folder.path().join("newer.db");
    run(&newer).exits(0);
    let sent = server.lines().len();
    assert_eq!(sent, 5);
    // An output does not take the place of a journal: what it keeps would be gone.
    let before = fs::read(&newer).unwrap();
    let onto = newer.display().to_string();
    Arazzo::provision(&daytona(STATES).url())
        .args(["--record", &onto])
        .run()
        .exits(7)
        .says(&["newer.db", "not written over"]);
    assert_eq!(fs::read(&newer).unwrap(), before);
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    run(&newer).exits(2).says(&["version 99", "newer"]);
    assert_eq!(server.lines().len(), sent, "only the journal that can be written was run with");
    Arazzo::new(["runs", "list", "--journal", "nowhere.db"]).run().exits(2).says(&["nowhere.db", "--journal"]);
}

#[test]
fn a_journal_that_is_damaged_is_said_and_left_alone() {
    let (runs, server) = (Runs::new(), daytona(STATES));
    runs.on(Arazzo::provision(&server.url())).run().exits(0);
    let mut bytes = fs::read(runs.journal()).unwrap();
    // All pages but the first, which says that it is a database.
    bytes[4096..].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(runs.journal(), &bytes).unwrap();
    runs.runs(["list"]).exits(2).says(&["runs.db", "damaged"]);
    let output = runs.on(Arazzo::provision(&server.url())).run();
    output.check(matches!(output.status, Some(2 | 7)), "exit 2 or 7").says(&["damaged"]);
    assert_eq!(server.lines().len(), 5, "nothing is sent");
}

#[test]
fn another_key_is_said_before_anything_is_sent() {
    let (runs, server) = killed_at(|request| request.method == "GET");
    let run = runs.only();
    let other = "ff".repeat(32);
    let resume = |key: &str| runs.on(Arazzo::new(["runs", "resume", &run])).env("ARAZZO_STATE_KEY", key).run();
    resume(&other).exits(2).says(&["is encrypted with the key"]).never_says(&[&other, KEY]);
    resume("short").exits(2).says(&["ARAZZO_STATE_KEY", "64 hexadecimal digits"]).never_says(&["short"]);
    assert_eq!(server.lines().len(), 2);
    resume(KEY).exits(0).prints(&(PROVISION.outputs)());
}

#[test]
fn a_key_is_made_beside_the_folder_of_the_journal_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, server) = (Folder::new(), daytona(STATES));
    let state = folder.path().join("state").display().to_string();
    let command = || Arazzo::provision(&server.url()).args(["--journal"]).env("XDG_STATE_HOME", &state);
    command().run().exits(0);
    for file in ["state/arazzo/runs.db", "state/arazzo.key"] {
        let mode = fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let key = fs::read_to_string(folder.path().join("state/arazzo.key")).unwrap();
    command().run().exits(0);
    assert_eq!(fs::read_to_string(folder.path().join("state/arazzo.key")).unwrap(), key);
    let list = Arazzo::new(["runs", "list", "--json"]).env("XDG_STATE_HOME", &state).run();
    assert_eq!(list.stdout.lines().count(), 2);
    let run = list.events()[0]["id"].as_str().unwrap().to_owned();
    let resumed = Arazzo::new(["runs", "resume", &run]).env("XDG_STATE_HOME", &state).run();
    resumed.exits(0).prints(&(PROVISION.outputs)());
    fs::set_permissions(folder.path().join("state/arazzo.key"), fs::Permissions::from_mode(0o644)).unwrap();
    command().run().exits(2).says(&["arazzo.key", "chmod 600"]);
}

#[test]
fn runs_that_are_old_are_forgotten() {
    let (runs, server) = (Runs::new(), daytona(STATES));
    runs.on(Arazzo::provision(&server.url())).run().exits(0);
    let names = runs.list();
    runs.runs(["rm", "--older", "1d"]).exits(0).says(&["removed 0 runs"]);
    assert_eq!(runs.list(), names);
    runs.runs(["rm", "--older", "0s"]).exits(0).says(&["removed 1 run"]);
    assert_eq!(runs.list(), Vec::<Value>::new());
    let journal = Connection::open(runs.journal()).unwrap();
    for table in ["states", "events", "inputs", "requests", "texts", "documents"] {
        let count: i64 = journal.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

#[test]
fn a_journal_is_not_larger_for_a_run_that_polls_longer() {
    let size = |polls: usize| {
        let states: Vec<&str> = std::iter::repeat_n("creating", polls).chain(["ready"]).collect();
        let (runs, server) = (Runs::new(), daytona(&states));
        let command = Arazzo::provision(&server.url()).args(["--loop-delay", "0", "-q"]);
        runs.on(command).args(["--durability", "process"]).run().exits(0);
        let shown = runs.runs(["show", &runs.only(), "--json"]).events().len();
        (fs::metadata(runs.journal()).unwrap().len(), shown)
    };
    let (short, long) = (size(100), size(600));
    assert_eq!(short.1, long.1, "the first attempts and the last ones are kept");
    assert!(long.0 < short.0 + short.0 / 5, "{short:?} {long:?}");
}

#[test]
fn a_journal_is_asked_for() {
    let server = daytona(STATES);
    let folder = Folder::new();
    let home = folder.path().display().to_string();
    // Nothing is kept unless it is said.
    Arazzo::provision(&server.url()).env("HOME", &home).run().exits(0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    Arazzo::provision(&server.url()).args(["--journal", "--mock"]).run().exits(2).says(&["--mock"]);
    Arazzo::provision(&server.url()).args(["--durability", "process"]).run().exits(2).says(&["--journal"]);
    // A mock ends with its run, whatever the environment says.
    let mocked = Arazzo::new(["run", "examples/polling/polling.arazzo.yaml", "--mock"]);
    mocked.env("ARAZZO_JOURNAL", &format!("{home}/runs.db")).run().exits(0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_command_that_resumes_is_named_only_where_it_does() {
    let runs = Runs::new();
    let api = "openapi: 3.1.0\ninfo: {title: A, version: '1'}\nservers: [{url: http://127.0.0.1:9}]\npaths:\n  \
               /a/{id}:\n    get:\n      operationId: getA\n      parameters: [{name: id, in: path, required: true, \
               schema: {type: string}}]\n      responses: {'200': {description: ok}}\n";
    let flow = "arazzo: 1.0.1\ninfo: {title: A, version: '1'}\nsourceDescriptions: [{name: a, url: a.yaml, type: openapi}]\n\
                workflows:\n- workflowId: look\n  inputs: {type: object, properties: {id: {type: string}}}\n  steps:\n  - \
                stepId: get\n    operationId: getA\n    parameters: [{name: id, in: path, value: $inputs.id}]\n";
    runs.0.write("a.yaml", api);
    runs.0.write("flow.yaml", flow);
    let run = |more: &[&str]| {
        let command = runs.on(Arazzo::new(["run", "flow.yaml"]).args(more.iter().copied()).cwd(runs.0.path()));
        command.run()
    };
    // It fails before it waits for anything, and what is named does what it says.
    run(&[]).exits(1).says(&["absent-value", "--from get"]);
    runs.resume(["--from", "get"]).exits(1).says(&["absent-value"]);
    runs.runs(["rm", &runs.only()]).exits(0);
    // It is stopped before it waits for anything.
    run(&["-i", "id=1", "--max-requests", "0"]).exits(5).never_says(&["resume:"]);
    runs.runs(["show", &runs.only()]).exits(0).never_says(&["resume:"]);
    runs.runs(["rm", &runs.only()]).exits(0);
    let server = Server::start(|_, _| Reply::status(500));
    run(&["-i", "id=1", "-S", &server.url()]).exits(1).says(&["--from get"]);
    let only = runs.only();
    runs.runs(["show", &only]).exits(0).says(&["resume: arazzo runs resume", "--from get"]);
    runs.runs(["show", &only, "--json", "--report", "junit=-"]).exits(2).says(&["stdout"]);
    run(&["-i", "id=1", "--idempotency-key", "Host"]).exits(2).says(&["`Host`", "Idempotency-Key"]);
    // As scripts leave what they have nothing for.
    let empty =
        Arazzo::new(["runs", "list"]).env("ARAZZO_JOURNAL", "").env("HOME", &runs.0.path().display().to_string());
    empty.run().exits(2).says(&["there is no journal", ".local/state/arazzo/runs.db"]);
    let empty = Arazzo::new(["run", "flow.yaml", "--dry-run"]).env("ARAZZO_TIMEOUT", "").cwd(runs.0.path());
    empty.run().exits(0);
}

#[test]
fn a_message_that_may_have_arrived_is_in_doubt_and_not_sent_again() {
    let runs = Runs::new();
    let server = Server::start(|request: &Request, _| match request.path.as_str() {
        "/orders" => Reply::status(200).delay(60_000),
        _ => Reply::status(202),
    });
    let host = server.url().trim_start_matches("http://").to_owned();
    let flow = "arazzo: 1.1.0\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: shop, url: shop.yaml, type: asyncapi}]\n\
                workflows:\n- workflowId: wf\n  steps:\n  - {stepId: place, channelPath: '{$sourceDescriptions.shop.url}#/channels/orders', \
                action: send, requestBody: {payload: {id: 1}}, onFailure: [{name: undo, type: goto, stepId: undo}], onSuccess: [{name: e, type: end}]}\n  \
                - {stepId: undo, channelPath: '{$sourceDescriptions.shop.url}#/channels/undo', action: send, requestBody: {payload: {id: 1}}}\n";
    let channel = |name: &str| format!("{name}: {{address: /{name}, messages: {{m: {{payload: {{type: object}}}}}}}}");
    runs.0.write("flow.yaml", flow);
    runs.0.write(
        "shop.yaml",
        format!(
            "asyncapi: 3.0.0\ninfo: {{title: t, version: '1'}}\ndefaultContentType: application/json\nservers: {{s: {{host: '{host}', protocol: http}}}}\nchannels: {{{}, {}}}\n",
            channel("orders"),
            channel("undo")
        ),
    );
    let mut child = runs.on(Arazzo::new(["run", "flow.yaml"]).cwd(runs.0.path())).spawn();
    until(|| server.lines().len() == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let run = runs.only();
    runs.runs(["list"]).exits(0);
    let resume = |more: &[&str]| {
        let command = Arazzo::new(["runs", "resume", &run, "--no-input"]).args(more.iter().copied()).cwd(runs.0.path());
        runs.on(command).run()
    };
    resume(&[]).exits(9).says(&["SEND orders of step `place`", "--unknown fail"]);
    resume(&["--unknown", "retry"]).exits(2).says(&["is not sent again"]);
    assert_eq!(server.lines(), ["POST /orders"]);
    resume(&["--unknown", "fail"]).exits(0);
    assert_eq!(server.lines(), ["POST /orders", "POST /undo"]);
}
