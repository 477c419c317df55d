//! Runs that fail: what is said, and the exit code.

use super::{Arazzo, PROVISION};
use crate::server::{Reply, daytona, daytona_except, unreachable_url};
use serde_json::json;

#[test]
fn an_unmet_criterion_is_shown_with_its_place_its_values_and_the_answer() {
    let server = daytona_except(&["ready"], |request, _| {
        (request.method == "GET")
            .then(|| Reply::status(403).json(&json!({"message": "token lacks scope volumes:read"})))
    });
    let output = Arazzo::provision(&server.url()).run();
    output.exits(1).says(&["criterion-not-met", "$statusCode == 200", "403", "token lacks scope volumes:read"]);
    output.says(&["pollVolume"]).never_says(&["succeeded"]);
    output.check(output.places("daytona-provision.yml").contains(&(77, 18)), "daytona-provision.yml:77:18");
    assert_eq!(server.lines(), ["POST /api/volumes", "GET /api/volumes/vol-1"]);
}

#[test]
fn a_failed_step_can_be_reproduced_with_curl_and_the_secret_is_a_variable() {
    let server = daytona_except(&["ready"], |request, _| (request.path == "/api/sandbox").then(|| Reply::status(403)));
    let output = Arazzo::provision(&server.url()).run();
    output.exits(1);
    let curl = output.stderr.find("curl ").map(|at| &output.stderr[at..]).unwrap_or_default();
    // Double quotes, so that a shell fills the variable in; the url and the body so that it is the same request.
    for words in ["Bearer $ARAZZO_SECRET_apiToken\"", &format!("{}/api/sandbox", server.url()), "\"volumeId\"", "vol-1"]
    {
        output.check(curl.contains(words), &format!("`{words}` in the curl"));
    }
    output.check(curl.to_lowercase().contains("\"authorization: bearer $"), "a header in double quotes");
}

#[test]
fn what_was_created_before_a_failure_is_named() {
    let server = daytona_except(&["ready"], |request, _| (request.path == "/api/sandbox").then(|| Reply::status(500)));
    let output = Arazzo::provision(&server.url()).run();
    output.exits(1).says_in_a_line(&["createVolume", "vol-1"]);
}

#[test]
fn outputs_that_exist_are_printed_when_a_step_fails() {
    let server = daytona_except(&["ready"], |request, _| (request.path == "/api/sandbox").then(|| Reply::status(500)));
    Arazzo::provision(&server.url()).run().exits(1).prints(&json!({"volumeId": "vol-1"}));
}

#[test]
fn a_host_that_is_not_there_is_named() {
    let url = unreachable_url();
    let output = Arazzo::provision(&url).run();
    output.exits(4).says(&["createVolume", url.trim_start_matches("http://")]);
}

#[test]
fn a_connection_that_closes_without_an_answer_is_a_failure_of_transport() {
    let server = daytona_except(&["ready"], |request, _| (request.method == "GET").then(Reply::reset));
    Arazzo::provision(&server.url()).run().exits(4).says(&["pollVolume"]).never_says(&["succeeded"]);
    assert!(!server.lines().contains(&"POST /api/sandbox".to_owned()));
}

#[test]
fn an_answer_that_breaks_off_is_a_failure_of_transport() {
    let server = daytona_except(&["ready"], |request, _| {
        (request.method == "GET")
            .then(|| Reply::status(200).json(&json!({"id": "vol-1", "state": "ready"})).truncated(20))
    });
    Arazzo::provision(&server.url()).run().exits(4).says(&["pollVolume"]);
    assert!(!server.lines().contains(&"POST /api/sandbox".to_owned()));
}

#[test]
fn messages_name_no_command_that_does_not_exist() {
    let help = Arazzo::new(["--help"]).run().stdout;
    let refusing = daytona_except(&["ready"], |request, _| (request.method == "GET").then(|| Reply::status(403)));
    let outputs = [
        Arazzo::provision(&refusing.url()).run(),
        Arazzo::provision(&daytona(&["ready"]).url()).run(),
        Arazzo::provision(&daytona(&["error"]).url()).args(["--strict"]).run(),
        Arazzo::new(["run", PROVISION]).run(),
    ];
    for command in ["lint", "explain", "runs", "replay", "mock", "graph", "test", "fmt", "trust", "serve"] {
        let exists = help.lines().any(|line| line.trim_start().starts_with(&format!("{command} ")));
        for output in outputs.iter().filter(|_| !exists) {
            output.never_says(&[&format!("arazzo {command}")]);
        }
    }
    outputs[0].never_says(&["journal", "resume"]);
}

/// What the report says after `reproduce: `, run by a shell in `folder` with the secret in its variable.
fn reproduce(output: &super::Output, folder: &super::Folder) {
    let line = output.stderr.lines().find_map(|line| line.strip_prefix("reproduce: ")).unwrap_or_default();
    output.check(line.starts_with("curl "), "a command that reproduces");
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &line.replacen("curl ", "curl --silent --noproxy '*' ", 1)]).current_dir(folder.path());
    let status = shell.env("ARAZZO_SECRET_token", "s3cret-of-the-tests").status().unwrap();
    output.check(status.success(), "a command that a shell runs");
}

#[test]
fn the_command_that_reproduces_sends_the_same_request_when_it_is_pasted() {
    let there = |program: &str| std::process::Command::new(program).arg("--version").output().is_ok();
    if !there("curl") || !there("bash") {
        eprintln!("skipped: curl or bash is absent");
        return;
    }
    let folder = super::Folder::new();
    folder.write("api.yaml", include_str!("../suite/terminal/reproduce/api.yaml"));
    folder.write("flow.yaml", include_str!("../suite/terminal/reproduce/flow.yaml"));
    folder.write("photo.bin", b"a\x00b\xff\r\nc");
    for workflow in ["json", "text", "get", "form", "upload", "bytes"] {
        let server = crate::server::Server::start(|_, _| Reply::status(418));
        let call = Arazzo::new(["run", "flow.yaml", workflow, "-S", &server.url(), "-s", "token"]);
        let output = call
            .args(["-i", "photo@photo.bin", "-i", "text=it's \"$HOME\" `x`\\ \r\n\u{1b}[2Jü\u{202e}"])
            .env("ARAZZO_SECRET_token", "s3cret-of-the-tests")
            .cwd(folder.path())
            .run();
        output.exits(1).never_says(&["s3cret-of-the-tests", "\u{1b}"]);
        if workflow == "bytes" {
            output.says(&["with the 7 bytes of the body in the file `body`"]);
            folder.write("body", b"a\x00b\xff\r\nc");
        }
        reproduce(&output, &folder);
        let [first, second] = &server.requests()[..] else { panic!("{:?}", server.lines()) };
        assert_eq!((&first.method, &first.path), (&second.method, &second.path), "{workflow}");
        for (name, value) in first.headers.iter().filter(|(name, _)| name.to_lowercase().starts_with("x-")) {
            assert_eq!(second.header(name), Some(value.as_str()), "{workflow}: {name}");
        }
        assert_eq!(first.header("authorization"), Some("Bearer s3cret-of-the-tests"));
        assert_eq!(first.header("authorization"), second.header("authorization"), "{workflow}");
        // A form has a border of its own each time.
        let body = |request: &crate::server::Request| {
            let kind = request.header("content-type").unwrap_or_default();
            let border = kind.split_once("boundary=").map(|(_, border)| border.to_owned()).unwrap_or_default();
            let body = String::from_utf8_lossy(&request.body).into_owned();
            if border.is_empty() { format!("{kind} {body}") } else { body.replace(&border, "BORDER") }
        };
        assert_eq!(body(first), body(second), "{workflow}\n{}", output.stderr);
    }
}

#[test]
fn every_value_of_a_compound_condition_is_said_also_behind_the_one_that_decided() {
    let folder = super::Folder::new();
    folder.write("api.yaml", include_str!("../suite/terminal/reproduce/api.yaml"));
    folder.write("flow.yaml", include_str!("../suite/terminal/reproduce/flow.yaml"));
    let server = crate::server::Server::start(|_, _| Reply::status(200).json(&json!({"state": "creating", "n": 3})));
    let output = Arazzo::new(["run", "flow.yaml", "compound", "-S", &server.url()]).cwd(folder.path()).run();
    output.exits(1).says(&["= $statusCode was 200", "= $response.body#/state was \"creating\""]);
    output.says(&["= $response.body#/n was 3", "= $response.body#/gone was absent"]);
}
