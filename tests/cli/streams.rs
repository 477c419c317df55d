//! What goes to stdout and what to stderr, how much of it, and what happens when somebody stops listening.

use super::Arazzo;
use crate::server::{Reply, Server, daytona, daytona_except, unreachable_url};
use serde_json::{Value, json};
use std::process::Child;

const READY: &[&str] = &["creating", "creating", "ready"];

#[test]
fn each_finished_step_and_each_poll_is_a_line() {
    let server = daytona(READY);
    let output = Arazzo::provision(&server.url()).args(["--loop-delay", "5ms"]).run();
    output.exits(0);
    output.says_in_a_line(&["ok", "createVolume", "POST", "/volumes", "200", "ms"]);
    output.says_in_a_line(&["loop", "pollVolume", "visit 1 -> 2", "stillCreating", "wait"]);
    output.says_in_a_line(&["loop", "pollVolume", "visit 2 -> 3", "stillCreating", "wait"]);
    output.says_in_a_line(&["ok", "pollVolume", "GET", "/volumes/vol-1", "200", "3 visits"]);
    output.says_in_a_line(&["ok", "createSandbox", "POST", "/sandbox", "200"]);
    output.says_in_a_line(&["ok", "provision-volume-and-sandbox"]);
    let lines = |word: &str| output.stderr.lines().filter(|line| line.starts_with(word)).count();
    output.check((lines("ok "), lines("loop ")) == (4, 2), "four lines `ok`, two lines `loop`");
}

#[test]
fn a_pipe_gets_no_colour_unless_it_is_asked_for() {
    let server = daytona(&["error"]);
    Arazzo::provision(&server.url()).run().exits(0).never_says(&["\u{1b}", "\r"]);
    Arazzo::provision(&server.url()).args(["--strict"]).run().exits(3).never_says(&["\u{1b}", "\r"]);
    Arazzo::provision(&server.url()).env("NO_COLOR", "1").run().exits(0).never_says(&["\u{1b}"]);
}

#[test]
fn quiet_says_nothing_of_success_and_everything_of_failure() {
    let outputs = json!({"volumeId": "vol-1", "sandboxId": "sb-1", "sandboxState": "started"});
    let output = Arazzo::provision(&daytona(READY).url()).args(["-q"]).run();
    output.exits(0).prints(&outputs).check(!output.stderr.contains("pollVolume "), "no progress");
    output.check(!output.stderr.lines().any(|line| line.starts_with("ok") || line.starts_with("loop")), "no progress");
    let refusing = daytona_except(READY, |_, _| Some(Reply::status(403)));
    Arazzo::provision(&refusing.url()).args(["-q"]).run().exits(1).says(&["criterion-not-met", "403"]);
    Arazzo::provision(&unreachable_url()).args(["-q"]).run().exits(4).says(&["createVolume"]);
}

#[test]
fn verbose_shows_headers_and_more_verbose_shows_bodies() {
    let run = |flags: &[&str]| Arazzo::provision(&daytona(READY).url()).args(flags).run();
    let headers = |text: &str| {
        text.to_lowercase().contains("authorization:") && text.to_lowercase().contains("content-type: application/json")
    };
    let body = "\"mountPath\"";
    let (plain, verbose, more) = (run(&[]), run(&["-v"]), run(&["-vv"]));
    for output in [&plain, &verbose, &more] {
        output.exits(0).prints(&json!({"volumeId": "vol-1", "sandboxId": "sb-1", "sandboxState": "started"}));
    }
    plain.check(!headers(&plain.stderr), "no headers").never_says(&[body]);
    verbose.check(headers(&verbose.stderr), "headers").never_says(&[body]);
    more.check(headers(&more.stderr), "headers").says(&[body, "/data", "creating", "started"]);
}

/// What every stream of events keeps.
#[track_caller]
fn events(call: Arazzo, exit: i32) -> Vec<Value> {
    let output = call.args(["--json"]).run();
    output.exits(exit);
    let events = output.events();
    let first = events[0]["seq"].as_i64().unwrap_or(-1);
    output.check(first == 0 || first == 1, "seq from 0 or 1");
    for (number, event) in (first..).zip(&events) {
        output.check(event["v"] == 1 && event["seq"] == number, &format!("v 1 and seq {number} in {event}"));
        output.check(event["type"].is_string() && event["ms"].is_u64(), &format!("type and ms in {event}"));
        output.check(event["run"].is_string() && event["run"] == events[0]["run"], &format!("one run in {event}"));
        let time = event["time"].as_str().unwrap_or_default().as_bytes();
        output.check(time.len() == 24 && time[10] == b'T' && time[23] == b'Z', &format!("RFC 3339 with ms in {event}"));
    }
    let last = &events[events.len() - 1];
    output
        .check(last["type"] == "run.finished" && last["exit"] == exit, &format!("run.finished with exit {exit} last"));
    output.check(!output.stderr.lines().any(|line| line.starts_with("ok ")), "no progress beside the events");
    events
}

#[test]
fn events_tell_the_whole_run() {
    let events = events(Arazzo::provision(&daytona(READY).url()), 0);
    let last = &events[events.len() - 1];
    assert_eq!(last["status"], "succeeded");
    assert_eq!(last["outputs"], json!({"volumeId": "vol-1", "sandboxId": "sb-1", "sandboxState": "started"}));
    assert_eq!([&last["steps"], &last["visits"], &last["requests"]], [3, 5, 5]);
    for code in ["unbraced-expression", "unqualified-operation-id", "jsonpath-comparison"] {
        assert!(last["warnings"].as_array().unwrap().iter().any(|warning| warning == code), "{last}");
    }
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    assert_eq!(events[0]["type"], "run.started");
    assert_eq!((of("workflow.started").len(), of("workflow.finished").len()), (1, 1));
    assert_eq!((of("request.sent").len(), of("response.received").len()), (5, 5));
    let chosen: Vec<_> = of("action.selected").iter().map(|event| event["action"].clone()).collect();
    assert_eq!(chosen, ["stillCreating", "stillCreating", "ready"]);
    let polls: Vec<_> = of("request.sent")
        .iter()
        .filter(|event| event["step"] == "pollVolume")
        .map(|event| event["visit"].clone())
        .collect();
    assert_eq!(polls, [1, 2, 3]);
}

#[test]
fn events_end_with_how_the_run_ended() {
    let last = |call, exit| events(call, exit).pop().unwrap();
    let ended = last(Arazzo::provision(&daytona(&["error"]).url()), 0);
    assert_eq!((&ended["status"], &ended["missing"]), (&json!("ended"), &json!(["sandboxId", "sandboxState"])));
    let refusing = daytona_except(READY, |_, _| Some(Reply::status(403)));
    assert_eq!(last(Arazzo::provision(&refusing.url()), 1)["status"], "failed");
    assert_eq!(last(Arazzo::provision(&unreachable_url()), 4)["status"], "failed");
    let never = daytona(&["creating"]);
    let limited = Arazzo::provision(&never.url()).args(["--max-steps", "4", "--loop-delay", "0"]);
    assert_eq!(last(limited, 5)["status"], "stopped");
}

#[test]
fn required_outputs_count_in_the_events_too() {
    let last = events(Arazzo::provision(&daytona(&["error"]).url()).args(["--require-outputs"]), 1).pop().unwrap();
    assert_eq!(last["status"], "ended");
}

fn finish(child: Child) -> (Option<i32>, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_reader_that_goes_away_does_not_make_it_panic() {
    for flags in [&[][..], &["--json"], &["-vv"], &["--dry-run"]] {
        let mut child = Arazzo::provision(&daytona(READY).url()).args(flags).spawn();
        drop(child.stdout.take());
        let (status, _, stderr) = finish(child);
        assert!(status != Some(101) && !stderr.contains("panicked"), "{flags:?}: {status:?}\n{stderr}");
        let mut child = Arazzo::provision(&daytona(READY).url()).args(flags).spawn();
        drop(child.stderr.take());
        let (status, stdout, _) = finish(child);
        assert!(status != Some(101), "{flags:?}: {status:?}\n{stdout}");
    }
    for args in [&["--help"][..], &["run", "--help"], &["inspect", super::PROVISION]] {
        let mut child = Arazzo::new(args.iter().copied()).spawn();
        drop(child.stdout.take());
        let (status, _, stderr) = finish(child);
        assert!(status != Some(101) && !stderr.contains("panicked"), "{args:?}: {status:?}\n{stderr}");
    }
}

#[cfg(unix)]
mod signals {
    use super::*;
    use crate::server::Server;
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    /// Returns once so many requests have come; gives up long after any machine would have sent them.
    fn wait_for(server: &Server, requests: usize) {
        for _ in 0..6_000 {
            if server.lines().len() >= requests {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("only {:?} came", server.lines());
    }

    fn signal(child: &Child, name: &str) {
        Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    }

    /// The part of stderr that comes after the progress.
    fn farewell(stderr: &str) -> &str {
        let at = stderr.find("interrupt").or_else(|| stderr.find("stopp"));
        at.map(|at| &stderr[at..]).unwrap_or_default()
    }

    #[test]
    fn ctrl_c_between_polls_stops_and_says_what_was_created() {
        let server = daytona(&["creating"]);
        let child = Arazzo::provision(&server.url()).args(["--loop-delay", "50ms"]).spawn();
        wait_for(&server, 3);
        signal(&child, "-INT");
        let (status, stdout, stderr) = finish(child);
        assert_eq!(status, Some(130), "{stdout}\n{stderr}");
        assert!(farewell(&stderr).contains("vol-1"), "{stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("secret-of-the-tests"), "{stderr}");
        assert!(!server.lines().contains(&"POST /api/sandbox".to_owned()));
    }

    #[test]
    fn ctrl_c_during_a_long_wait_does_not_wait() {
        let server = daytona(&["creating"]);
        let child = Arazzo::provision(&server.url()).args(["--loop-delay", "30m"]).spawn();
        wait_for(&server, 2);
        signal(&child, "-INT");
        assert_eq!(finish(child).0, Some(130));
    }

    #[test]
    fn ctrl_c_twice_stops_at_once_and_names_the_request_in_doubt() {
        let server = daytona_except(READY, |request, _| {
            (request.path == "/api/sandbox").then(|| Reply::status(200).json(&json!({"id": "sb-1"})).delay(600_000))
        });
        let child = Arazzo::provision(&server.url()).spawn();
        wait_for(&server, 5);
        signal(&child, "-INT");
        thread::sleep(Duration::from_millis(200));
        signal(&child, "-INT");
        let (status, stdout, stderr) = finish(child);
        assert_eq!(status, Some(130), "{stdout}\n{stderr}");
        assert!(farewell(&stderr).contains("createSandbox") && farewell(&stderr).contains("vol-1"), "{stderr}");
    }

    #[test]
    fn ctrl_c_ends_the_events_with_run_finished() {
        let server = daytona(&["creating"]);
        let child = Arazzo::provision(&server.url()).args(["--loop-delay", "50ms", "--json"]).spawn();
        wait_for(&server, 3);
        signal(&child, "-INT");
        let (status, stdout, stderr) = finish(child);
        assert_eq!(status, Some(130), "{stdout}\n{stderr}");
        let last: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default()).unwrap_or_default();
        assert_eq!(
            (&last["type"], &last["status"], &last["exit"]),
            (&json!("run.finished"), &json!("stopped"), &json!(130)),
            "{stdout}"
        );
    }

    #[test]
    fn a_request_to_terminate_stops_it_too() {
        let server = daytona(&["creating"]);
        let child = Arazzo::provision(&server.url()).args(["--loop-delay", "50ms", "--json"]).spawn();
        wait_for(&server, 3);
        signal(&child, "-TERM");
        let (status, stdout, stderr) = finish(child);
        assert_eq!(status, Some(143), "{stdout}\n{stderr}");
        assert!(stdout.lines().last().is_some_and(|line| line.contains("\"exit\":143")), "{stdout}");
    }

    /// The end of its terminal; who started it with `nohup` wants it to go on.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_end_of_its_terminal_stops_it_unless_that_was_ignored_before() {
        let server = daytona(&["creating"]);
        let child = Arazzo::provision(&server.url()).args(["--loop-delay", "50ms", "--json"]).spawn();
        wait_for(&server, 3);
        signal(&child, "-HUP");
        let (status, stdout, stderr) = finish(child);
        assert_eq!(status, Some(143), "{stdout}\n{stderr}");
        assert!(stdout.lines().last().is_some_and(|line| line.contains("\"exit\":143")), "{stdout}");
        let server = daytona(&["creating"]);
        let child =
            Arazzo::provision(&server.url()).args(["--loop-delay", "50ms", "--json"]).ignoring_hangups().spawn();
        wait_for(&server, 3);
        signal(&child, "-HUP");
        let before = server.requests().len();
        wait_for(&server, before + 3);
        signal(&child, "-TERM");
        assert_eq!(finish(child).0, Some(143));
    }
}

/// In a job of GitHub Actions whose repository is the workspace.
fn in_a_job(call: Arazzo, summary: &std::path::Path) -> Arazzo {
    call.env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", super::root().to_str().unwrap())
        .env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())
}

#[test]
fn a_job_of_github_gets_annotations_and_a_summary() {
    let folder = super::Folder::new();
    let summary = folder.write("summary.md", "before\n");
    let refusing = daytona_except(READY, |request, _| {
        (request.method == "GET")
            .then(|| Reply::status(403).json(&json!({"message": "##[add-mask]x\n::error::forged"})))
    });
    let output = in_a_job(Arazzo::provision(&refusing.url()), &summary).run();
    output.exits(1).says(&["::error file=specs/daytona-provision.yml,line=77,col=18,title=arazzo%3A criterion-not-met::success criterion not met: was 403%0Ahelp: "]);
    output.never_says(&["##[", "\n::error::forged"]);
    assert_eq!(output.stderr.lines().filter(|line| line.starts_with("::")).count(), 1, "{}", output.stderr);
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n### ❌ provision") && text.contains("pollVolume"), "{text}");
    // From another folder, a document with errors: the file is named from the root of the repository.
    let there = super::root().join("specs");
    let refused = Arazzo::new(["run", "daytona-provision.yml", "--strict", "--dry-run"]).cwd(&there);
    let output = in_a_job(refused, &summary).run();
    output
        .exits(3)
        .says(&["::error file=specs/daytona-provision.yml,line=54,col=22,title=arazzo%3A unbraced-expression::"]);
    // Success appends too, and nothing is said outside of a job.
    in_a_job(Arazzo::provision(&daytona(READY).url()), &summary).run().exits(0).never_says(&["::error"]);
    assert_eq!(std::fs::read_to_string(&summary).unwrap().matches("### ").count(), 2);
    Arazzo::provision(&refusing.url()).run().exits(1).never_says(&["::error file"]);
}

/// Text that terminals and the runners of CI jobs obey.
const OBEYED: &str = "a\x1b[2J\r::error::forged\n##teamcity[x]\n##vso[y]\u{9b}31m\u{202e}z";

/// `true` if nothing in it acts on a terminal or a runner.
fn is_inert(text: &str) -> bool {
    let acts = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    !text.contains(acts) && !text.contains("##") && !text.lines().any(|line| line.trim_start().starts_with("::"))
}

#[test]
fn what_a_server_says_is_inert_in_the_log_of_every_job_and_exact_elsewhere() {
    let folder = super::Folder::new();
    folder.write(
        "api.yaml",
        "openapi: 3.1.0\ninfo: {title: t, version: '1'}\nservers: [{url: https://t.example}]\npaths:\n  /a: {get: {operationId: a, responses: {'200': {description: ok}}}}\n",
    );
    let server = Server::start(|_, _| Reply::status(200).body("text/plain", OBEYED));
    let call = || Arazzo::new(["call", "api.yaml", "a", "-v", "--server", &server.url()]).cwd(folder.path());
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITLAB_CI", "true"),
        ("JENKINS_URL", "https://j.example"),
        ("TEAMCITY_VERSION", "2024.1"),
        ("BUILDKITE", "true"),
        ("CIRCLECI", "true"),
        ("BITBUCKET_BUILD_NUMBER", "1"),
        ("DRONE", "true"),
        ("TF_BUILD", "True"),
    ] {
        let job = call().env(name, value).run();
        job.exits(0).check(is_inert(&job.stdout) && is_inert(&job.stderr), name);
        job.check(job.stdout.contains("\\u001b[2J"), "written out");
    }
    for call in [call(), call().env("CI", "false"), call().args(["-o", "-"])] {
        let exact = call.run();
        exact.exits(0).check(exact.stdout == OBEYED, "the bytes that came, and no line end more");
    }
    let file = call().env("CI", "true").args(["-o", "body"]).run();
    file.exits(0).prints_nothing();
    assert_eq!(std::fs::read_to_string(folder.path().join("body")).unwrap(), OBEYED);
}

#[test]
fn what_a_document_says_is_inert_in_every_command() {
    let folder = super::Folder::new();
    let name = "w\\e]52;c;eA==\\a\\r::error::forged\\u009b31m\\u202e##vso[x]";
    folder.write(
        "api.yaml",
        "openapi: 3.1.0\ninfo: {title: t, version: '1'}\nservers: [{url: https://t.example}]\npaths:\n  /a: {get: {operationId: a, responses: {'200': {description: ok}}}}\n",
    );
    folder.write(
        "f.arazzo.yaml",
        format!(
            "# raw \u{202e} of a comment\narazzo: 1.0.1\ninfo: {{title: \"{name}\", version: '1'}}\nsourceDescriptions: [{{name: api, url: api.yaml, type: openapi}}]\nworkflows:\n  - workflowId: \"{name}\"\n    summary: \"{name}\"\n    steps: [{{stepId: \"{name}\", operationId: a, unknown: 1}}]\n"
        ),
    );
    for command in [
        &["run", "f.arazzo.yaml", "--dry-run"][..],
        &["run", "f.arazzo.yaml", "--mock", "-v"],
        &["run", "f.arazzo.yaml", "--strict"],
        &["inspect", "f.arazzo.yaml"],
        &["lint", "f.arazzo.yaml"],
        &["graph", "f.arazzo.yaml"],
        &["test"],
    ] {
        let output = Arazzo::new(command.iter().copied()).cwd(folder.path()).env("CI", "true").run();
        output.check(is_inert(&output.stdout) && is_inert(&output.stderr), "nothing that is obeyed");
        let piped = Arazzo::new(command.iter().copied()).cwd(folder.path()).run();
        piped.check(!piped.stderr.contains(['\x1b', '\r', '\u{9b}', '\u{202e}']), "no control on stderr");
    }
    let lint = Arazzo::new(["lint", "f.arazzo.yaml", "--format", "github"]).cwd(folder.path());
    let lint = lint.env("GITHUB_ACTIONS", "true").run();
    lint.check(lint.stdout.lines().all(|line| line.starts_with("::")) && !lint.stdout.is_empty(), "commands");
    lint.check(!lint.stdout.contains(['\x1b', '\r', '\u{9b}', '\u{202e}']), "without controls");
}

#[test]
fn the_key_in_the_query_of_a_server_is_masked() {
    let folder = super::Folder::new();
    folder.write(
        "api.yaml",
        "openapi: 3.1.0\ninfo: {title: t, version: '1'}\nservers: [{url: https://t.example}]\ncomponents: {securitySchemes: {q: {type: apiKey, in: query, name: own}}}\npaths:\n  /a: {get: {operationId: a, security: [{q: []}], responses: {'200': {description: ok}}}}\n",
    );
    folder.write(
        "f.arazzo.yaml",
        "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: api, url: api.yaml, type: openapi}]\nworkflows: [{workflowId: w, steps: [{stepId: a, operationId: a}]}]\n",
    );
    let server = Server::start(|_, _| Reply::status(200));
    let url = format!("{}/?api_key=CANARY%2B0123456789&own=CANARY-of-a-scheme&version=2024-01-01", server.url());
    let run = |more: &[&str]| {
        Arazzo::new(["run", "f.arazzo.yaml", "--server", &url, "-vv"])
            .args(more.iter().copied())
            .cwd(folder.path())
            .run()
    };
    for more in [
        &["--dry-run"][..],
        &["--json"],
        &["--record", "r.ndjson", "--report", "har=r.har", "--report", "html=r.html", "--report", "md=r.md"],
    ] {
        let output = run(more);
        output.exits(0).never_says(&["CANARY"]);
        output.check(format!("{}{}", output.stdout, output.stderr).contains("version=2024-01-01"), "others are shown");
    }
    for file in ["r.ndjson", "r.har", "r.html", "r.md"] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(!text.contains("CANARY"), "{file}: {text}");
    }
    Arazzo::new(["replay", "r.ndjson"]).cwd(folder.path()).run().exits(0).never_says(&["CANARY"]);
    assert!(server.requests().iter().all(|request| request.path.contains("CANARY%2B0123456789")));
}
