//! A token goes to the server and nowhere else.

use super::{Arazzo, Folder, Output, PROVISION, random};
use crate::server::{Reply, daytona, daytona_except, unreachable_url};
use serde_json::json;

const MODES: &[&[&str]] =
    &[&[], &["-v"], &["-vv"], &["--json"], &["--json", "-vv"], &["--dry-run"], &["--dry-run", "-vv"]];

#[track_caller]
fn hides(output: &Output, token: &str) {
    output.never_says(&[token, &token.to_uppercase(), &token[..10], &token[10..]]);
}

/// Runs in every mode; `code` is the exit code of those that send.
fn hidden_in_every_mode(url: &str, token: &str, code: i32) {
    for flags in MODES {
        let output = Arazzo::provision_with(url, token).args(*flags).run();
        output.exits(if flags.contains(&"--dry-run") { 0 } else { code });
        hides(&output, token);
    }
}

#[test]
fn a_token_is_hidden_when_the_run_succeeds() {
    hidden_in_every_mode(&daytona(&["ready"]).url(), &random(20), 0);
}

#[test]
fn a_token_is_hidden_when_the_server_sends_it_back_in_a_refusal() {
    let token = random(20);
    let echo = json!({"message": format!("token {token} lacks scope volumes:read"), "authorization": token});
    let server = daytona_except(&["ready"], move |request, _| {
        (request.method == "GET")
            .then(|| Reply::status(403).header("x-seen", &format!("Bearer {}", echo["authorization"])).json(&echo))
    });
    hidden_in_every_mode(&server.url(), &token, 1);
}

#[test]
fn an_output_that_echoes_a_token_is_data_and_is_said() {
    let token = random(20);
    let echo = json!({"id": token, "state": "started"});
    let server = daytona_except(&["ready"], move |request, _| {
        (request.path == "/api/sandbox").then(|| Reply::status(200).json(&echo))
    });
    // Outputs are data and are never altered; people are told. Events are for people and logs: they stay masked.
    let output = Arazzo::provision_with(&server.url(), &token).args(["-vv"]).run();
    output.exits(0).says(&["secret-in-output", "sandboxId"]);
    assert!(output.stdout.contains(&token) && !output.stderr.contains(&token));
    let output = Arazzo::provision_with(&server.url(), &token).args(["--json"]).run();
    output.exits(0);
    assert!(output.stdout.contains("secret-in-output"));
    assert!(!output.stdout.contains(&token) && !output.stderr.contains(&token));
}

#[test]
fn a_token_is_hidden_when_the_workflow_ends() {
    hidden_in_every_mode(&daytona(&["error"]).url(), &random(20), 0);
}

#[test]
fn a_token_is_hidden_when_the_host_is_not_there() {
    hidden_in_every_mode(&unreachable_url(), &random(20), 4);
}

#[test]
fn a_token_is_hidden_when_a_limit_stops_the_run() {
    let token = random(20);
    let server = daytona(&["creating"]);
    for flags in [["-vv"], ["--json"]] {
        let limits = ["--max-steps", "5", "--loop-delay", "0"];
        let output = Arazzo::provision_with(&server.url(), &token).args(limits).args(flags).run();
        output.exits(5);
        hides(&output, &token);
    }
}

#[test]
fn a_token_is_hidden_when_the_command_line_or_the_document_is_refused() {
    let server = daytona(&["ready"]);
    let token = random(20);
    let strict = Arazzo::provision_with(&server.url(), &token).args(["--strict", "-vv"]).run();
    strict.exits(3);
    hides(&strict, &token);
    for refused in [format!("apiTokn={token}"), format!("apiToken:={{\"{token}\""), format!("apiToken:=[\"{token}\"]")]
    {
        let output = Arazzo::new(["run", PROVISION, "-vv", "--input", &refused]).run();
        output.exits(2);
        hides(&output, &token);
    }
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn a_secret_comes_from_the_environment_and_is_sent() {
    let (server, token) = (daytona(&["ready"]), random(20));
    let output = Arazzo::new(["run", PROVISION, "-S", &format!("{}/api", server.url()), "-s", "apiToken", "-vv"])
        .args(["-i", "volumeName=data", "-i", "snapshot=ubuntu", "-i", "mountPath=/data"])
        .env("ARAZZO_SECRET_apiToken", &token)
        .run();
    output.exits(0);
    hides(&output, &token);
    assert_eq!(server.requests()[0].header("authorization"), Some(format!("Bearer {token}").as_str()));
}

#[test]
fn a_secret_that_is_nowhere_is_asked_for_by_the_name_of_its_variable() {
    let server = daytona(&["ready"]);
    let output = Arazzo::new(["run", PROVISION, "-S", &format!("{}/api", server.url()), "--secret", "apiToken"])
        .args(["-i", "volumeName=data", "-i", "snapshot=ubuntu", "-i", "mountPath=/data"])
        .run();
    output.exits(2).says(&["ARAZZO_SECRET_apiToken"]);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn a_token_from_a_file_is_hidden_too() {
    let (server, folder, token) = (daytona(&["error"]), Folder::new(), random(20));
    let inputs = json!({"apiToken": token, "volumeName": "data", "snapshot": "ubuntu", "mountPath": "/data"});
    let file = folder.write("inputs.json", inputs.to_string());
    let output =
        Arazzo::new(["run", PROVISION, "-S", &format!("{}/api", server.url()), "-vv", "--inputs"]).args([file]).run();
    output.exits(0);
    hides(&output, &token);
    assert_eq!(server.requests()[0].header("authorization"), Some(format!("Bearer {token}").as_str()));
}
