//! What can be done with a run of a journal beside going on with it: written as a recording, looked at as it was, gone on
//! with other documents and servers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::journal::{KEY, Runs, STATES, TOKEN, killed_at, until};
use super::{Arazzo, Output};
use crate::server::{Reply, Server, daytona};

/// A workflow of two steps and its description, in the folder of the journal.
const API: &str = "openapi: 3.1.0
info: { title: t, version: '1' }
paths:
  /things: { get: { operationId: list, responses: { '200': { description: ok } } } }
  /orders: { post: { operationId: order, responses: { '201': { description: ok } } } }
";
const FLOW: &str = "arazzo: 1.0.1
info: { title: t, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: w
    steps:
      - stepId: look
        operationId: list
        successCriteria: [{ condition: $statusCode == 200 }]
        outputs: { id: $response.body#/id, all: $response.body }
      - stepId: buy
        operationId: order
        parameters: [{ name: X-Thing, in: header, value: $steps.look.outputs.id }]
        successCriteria: [{ condition: $statusCode == 201 }]
        outputs: { order: $response.body#/order }
    outputs: { order: $steps.buy.outputs.order }
";

fn shop() -> Runs {
    let runs = Runs::new();
    runs.0.write("api.yaml", API);
    runs.0.write("flow.yaml", FLOW);
    runs
}

fn run_in(runs: &Runs, args: &[&str]) -> Output {
    runs.on(Arazzo::new(args.iter().copied()).cwd(runs.0.path())).run()
}

/// Answers the first step, and the second with this status.
fn orders(status: fn(usize) -> u16) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |request, _| match request.method.as_str() {
        "GET" => Reply::status(200).json(&json!({ "id": "t-1" })),
        _ => Reply::status(status(count.fetch_add(1, Ordering::SeqCst))).json(&json!({ "order": 7 })),
    })
}

#[test]
fn an_export_is_what_record_writes() {
    let (runs, server) = (Runs::new(), daytona(STATES));
    let recorded = runs.0.path().join("recorded.ndjson").display().to_string();
    runs.on(Arazzo::provision(&server.url()).args(["--record", &recorded])).run().exits(0);
    let exported = runs.export("exported.ndjson");
    let lines = |file: &str| -> Vec<Value> {
        let text = fs::read_to_string(file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(lines(&recorded), lines(&exported));
    assert_eq!(fs::metadata(&exported).unwrap().permissions().mode() & 0o777, 0o600);
    runs.is_sound(&[TOKEN]);
    let whole = runs.runs(["export", &runs.only()]);
    assert_eq!(whole.exits(0).stdout, fs::read_to_string(&exported).unwrap());
    let about = runs.runs(["export", &runs.only(), "-o", &exported, "--json"]);
    assert_eq!(about.exits(0).events()[0]["requests"], json!(5));
    Arazzo::new(["replay", &exported]).run().exits(0).says(&["same"]);
}

#[test]
fn a_run_that_has_not_come_to_its_end_is_exported_as_far_as_it_went() {
    let (runs, _server) = killed_at(super::journal::is_sandbox);
    let recording = runs.export("run.ndjson");
    let end: Value = serde_json::from_str(fs::read_to_string(&recording).unwrap().lines().last().unwrap()).unwrap();
    assert_eq!((&end["type"], &end["status"]), (&json!("outcome"), &json!("stopped")));
    Arazzo::new(["replay", &recording]).run().exits(0).says(&["same"]);
    runs.resume(["--unknown", "retry"]).exits(0);
    Arazzo::new(["replay", &runs.export("run.ndjson")]).run().exits(0).says(&["same"]);
}

#[test]
fn runs_that_were_stopped_failed_and_went_on_are_exported_as_one() {
    let (runs, server) = (Runs::new(), daytona(&["creating", "creating", "creating", "ready"]));
    let command = Arazzo::provision(&server.url()).args(["--max-steps", "3", "--loop-delay", "0"]);
    runs.on(command).run().exits(5);
    Arazzo::new(["replay", &runs.export("stopped.ndjson")]).run().exits(0).says(&["same"]);
    runs.resume(["--max-steps", "100"]).exits(0);
    Arazzo::new(["replay", &runs.export("whole.ndjson")]).run().exits(0).says(&["same"]);

    let (runs, server) = (shop(), orders(|order| if order == 0 { 500 } else { 201 }));
    run_in(&runs, &["run", "flow.yaml", "-S", &server.url()]).exits(1);
    runs.resume(["--from", "buy"]).exits(0).prints(&json!({ "order": 7 }));
    let recording = runs.export("again.ndjson");
    run_in(&runs, &["replay", &recording]).exits(0).says(&["same"]);
}

#[test]
fn what_is_not_kept_is_said_by_an_export() {
    let polls: Vec<&str> = std::iter::repeat_n("creating", 100).chain(["ready"]).collect();
    let (runs, server) = (Runs::new(), daytona(&polls));
    runs.on(Arazzo::provision(&server.url()).args(["--loop-delay", "0", "-q", "--durability", "process"]))
        .run()
        .exits(0);
    let run = runs.only();
    runs.runs(["export", &run]).exits(2).prints_nothing().says(&["not kept", "pollVolume", "again and again"]);
    // The gap is in reports too.
    let report = runs.0.path().join("report.md").display().to_string();
    let shown = runs.runs(["show", &run, "--report", &format!("md={report}")]);
    shown.exits(0).says(&["events are not kept between"]);
    assert!(fs::read_to_string(report).unwrap().contains("events are not kept between"));

    let (runs, large) = (shop(), "A".repeat(80 << 10));
    let text = json!({ "id": "t-1", "large": large }).to_string();
    let server = Server::start(move |request, _| match request.method.as_str() {
        "GET" => Reply::status(200).body("application/json", text.clone()),
        _ => Reply::status(201).json(&json!({ "order": 7 })),
    });
    runs.0.write("flow.yaml", FLOW.replace(", all: $response.body", ""));
    run_in(&runs, &["run", "flow.yaml", "-S", &server.url()]).exits(0);
    runs.runs(["export", &runs.only()]).exits(2).says(&["not kept", "step `look`", "64 KiB", "hash"]);
    // Nothing of the body is there but what was read of it, and what events show.
    let journal = Connection::open(runs.journal()).unwrap();
    let (hash, most): (String, i64) = journal
        .query_row("SELECT max(cut), max(length(input)) FROM inputs", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert!(!hash.is_empty() && most < 2_000, "{hash} {most}");
    let most: i64 = journal.query_row("SELECT max(length(event)) FROM events", [], |row| row.get(0)).unwrap();
    assert!(most < 20 << 10, "{most}");
}

#[test]
fn a_run_is_shown_as_it_was_at_an_event() {
    let (runs, server) = (Runs::new(), daytona(STATES));
    runs.on(Arazzo::provision(&server.url())).run().exits(0);
    let run = runs.only();
    let all = runs.runs(["show", &run, "--json"]).events();
    let at = all.iter().position(|event| event["step"] == json!("pollVolume")).unwrap().to_string();
    let then = runs.runs(["show", &run, "--at", &at, "--json"]).events();
    assert_eq!(then, all[..=at.parse::<usize>().unwrap()]);
    let shown = runs.runs(["show", &run, "--at", &at]);
    shown.check(shown.stdout.contains(&format!("at {at} of")), "the event in the place of the state");
    shown
        .exits(0)
        .says(&[&format!("at event {at} of"), "pollVolume"])
        // What it came to is not its state then.
        .never_says(&["POST /api/sandbox", "succeeded"]);
    runs.runs(["export", &run, "-o", "no/where.ndjson"]).exits(7).says(&["the recording could not be written"]);
    runs.runs(["show", &run, "--at", "9999"]).exits(2).says(&["the last event of the run"]);
}

#[test]
fn a_run_goes_on_with_documents_that_have_changed_where_it_would_have_come_so_far() {
    let (runs, server) = (shop(), orders(|order| if order == 0 { 500 } else { 201 }));
    let url = server.url();
    run_in(&runs, &["run", "flow.yaml", "-S", &url]).exits(1);
    let run = runs.only();
    let resume = |more: &[&str]| {
        let command = ["runs", "resume", &run, "--with-new-documents"].into_iter().chain(more.iter().copied());
        run_in(&runs, &command.collect::<Vec<_>>())
    };
    // The step that was done would be done otherwise.
    runs.0.write(
        "flow.yaml",
        FLOW.replace(
            "operationId: list",
            "operationId: list\n        parameters: [{ name: X-New, in: header, value: '1' }]",
        ),
    );
    resume(&["--from", "buy"])
        .exits(1)
        .says(&["request-changed", "X-New", "flow.yaml:9", "would not have come so far", "runs resume"])
        .prints_nothing();
    // The run would have ended before the step, or gone another way.
    let successes = "successCriteria: [{ condition: $statusCode == 200 }]";
    let other_ways = [
        (successes, "successCriteria: [{ condition: $statusCode == 204 }]"),
        (
            successes,
            "successCriteria: [{ condition: $statusCode == 200 }]\n        onSuccess: [{ name: e, type: end }]",
        ),
    ];
    for (was, is) in other_ways {
        runs.0.write("flow.yaml", FLOW.replace(was, is));
        resume(&["--from", "buy"]).exits(1).says(&["would not have come so far"]).prints_nothing();
    }
    // The step that failed is another one.
    let mended = FLOW
        .replace("name: X-Thing", "name: X-Other")
        .replace("$response.body#/order", "$response.body#/order, more: $statusCode");
    runs.0.write("flow.yaml", &mended);
    let folder = runs.0.path().to_path_buf();
    resume(&["--from", "buy"]).exits(0).prints(&json!({ "order": 7 }));
    let last = server.requests().pop().unwrap();
    assert_eq!((last.header("x-other"), last.header("x-thing")), (Some("t-1"), None));
    assert_eq!(server.lines(), ["GET /things", "POST /orders", "POST /orders"]);
    // From now on it is a run of these documents.
    let recording = runs.export("run.ndjson");
    let replayed = Arazzo::new(["replay", &recording]).cwd(&folder).run();
    replayed.exits(0).says(&["same"]).never_says(&["changed since"]);
    let events = runs.runs(["show", &run, "--json"]).events();
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_run_in_the_middle_goes_on_with_documents_that_have_changed() {
    let runs = shop();
    let server = Server::start(|request, _| match request.method.as_str() {
        "GET" => Reply::status(200).json(&json!({ "id": "t-1" })),
        _ => Reply::status(503),
    });
    runs.0.write("flow.yaml", FLOW.replace("outputs: { order: $response", "onFailure: [{ name: again, type: retry, retryAfter: 60, retryLimit: 5 }]\n        outputs: { order: $response"));
    let mut child = runs.on(Arazzo::new(["run", "flow.yaml", "-S", &server.url()]).cwd(runs.0.path())).spawn();
    until(|| server.lines().len() == 2);
    // The wait is written when the answer is.
    until(|| {
        runs.runs(["show", &runs.only(), "--json"]).events().iter().any(|event| event["type"] == json!("wait.started"))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let run = runs.only();
    runs.0.write(
        "flow.yaml",
        FLOW.replace(
            "outputs: { order: $response",
            "onFailure: [{ name: again, type: end }]\n        outputs: { order: $response",
        ),
    );
    // What it waits for is not there any more: it would have ended.
    run_in(&runs, &["runs", "resume", &run, "--with-new-documents"]).exits(1).says(&["would not have come so far"]);
    runs.is_sound(&[]);
}

#[test]
fn a_resume_takes_servers_hosts_and_files_of_outputs_anew() {
    let (runs, server) = killed_at(|request| request.method == "GET");
    let other = daytona(STATES);
    let file = runs.0.path().join("state.txt").display().to_string();
    let refused = runs.resume(["--save", "nowhere.id=x.txt"]);
    refused.exits(2).says(&["--save", "no step `nowhere`"]);
    let url = format!("{}/api", other.url());
    let output = runs.resume(["-S", &url, "--save", &format!("createVolume.volumeId={file}")]);
    output.exits(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "vol-1");
    assert_eq!(server.lines().len(), 2, "{:?}", server.lines());
    runs.resume(["--save", "createVolume.volumeId=x.txt"]).exits(2).says(&["has ended already"]);
    assert!(other.lines().contains(&"POST /api/sandbox".to_owned()), "{:?}", other.lines());
    Arazzo::new(["replay", &runs.export("run.ndjson")]).run().exits(0).says(&["same"]);
}

#[test]
fn a_journal_that_others_may_read_is_said() {
    let (runs, server) = (Runs::new(), daytona(STATES));
    runs.on(Arazzo::provision(&server.url())).run().exits(0).never_says(&["chmod"]);
    assert_eq!(fs::metadata(runs.journal()).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(runs.journal(), fs::Permissions::from_mode(0o644)).unwrap();
    runs.on(Arazzo::provision(&server.url())).run().exits(0).says(&["others may read the journal", "chmod 600"]);
    runs.on(Arazzo::provision(&server.url()).args(["-q"])).run().exits(0).never_says(&["chmod"]);
}

#[test]
fn each_of_several_runs_says_how_it_goes_on() {
    let (runs, server) = (shop(), orders(|_| 500));
    let output = run_in(&runs, &["run", "flow.yaml", "-S", &server.url(), "--repeat", "2"]);
    output.exits(1);
    for run in runs.list() {
        output.says(&[&format!("resume: arazzo runs resume {} --from buy", run["id"].as_str().unwrap())]);
    }
}

#[test]
fn a_journal_of_the_release_before_opens_and_goes_on() {
    let (runs, _server) = killed_at(|request| request.method == "GET");
    let run = runs.only();
    // As version 1 had it.
    let journal = Connection::open(runs.journal()).unwrap();
    journal.execute_batch("DROP TABLE inputs; ALTER TABLE runs DROP COLUMN opening; PRAGMA user_version = 1;").unwrap();
    drop(journal);
    runs.runs(["export", &run]).exits(2).says(&["not kept", "earlier release"]);
    runs.resume([]).exits(0);
}

#[test]
fn exports_need_the_key() {
    let (runs, server) = (Runs::new(), daytona(STATES));
    runs.on(Arazzo::provision(&server.url())).run().exits(0);
    let export = |key: &str| runs.on(Arazzo::new(["runs", "export", &runs.only()])).env("ARAZZO_STATE_KEY", key).run();
    export(&"ff".repeat(32)).exits(2).says(&["is encrypted with the key"]);
    export(KEY).exits(0);
}
