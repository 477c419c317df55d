//! The reference workflow: wait until the volume is ready, only then create the sandbox with it.

use super::{Arazzo, PROVISION, root};
use crate::server::{Reply, Server, daytona, daytona_except};
use serde_json::json;
use std::{env, fs};

const READY: &[&str] = &["creating", "creating", "ready"];
const NEVER: &[&str] = &["creating"];
const TO_READY: [&str; 5] = [
    "POST /api/volumes",
    "GET /api/volumes/vol-1",
    "GET /api/volumes/vol-1",
    "GET /api/volumes/vol-1",
    "POST /api/sandbox",
];

fn polls(server: &Server) -> usize {
    server.lines().iter().filter(|line| line.starts_with("GET ")).count()
}

fn sandboxes(server: &Server) -> usize {
    server.lines().iter().filter(|line| line.contains("sandbox")).count()
}

#[test]
fn a_volume_that_becomes_ready_is_mounted_in_a_sandbox() {
    let server = daytona(READY);
    let output = Arazzo::provision_with(&server.url(), "the-token").run();
    output.exits(0).prints(&json!({"volumeId": "vol-1", "sandboxId": "sb-1", "sandboxState": "started"}));
    assert_eq!(server.lines(), TO_READY);
    let requests = server.requests();
    for request in &requests {
        assert_eq!(request.header("authorization"), Some("Bearer the-token"), "{request:?}");
    }
    for (number, body) in [
        (0, json!({"name": "data"})),
        (4, json!({"snapshot": "ubuntu", "volumes": [{"volumeId": "vol-1", "mountPath": "/data"}]})),
    ] {
        assert_eq!(requests[number].header("content-type"), Some("application/json"));
        assert_eq!(requests[number].json(), body);
    }
    assert!(requests[1..4].iter().all(|request| request.body.is_empty()));
}

#[test]
fn the_outputs_are_one_line_so_that_scripts_can_read_them() {
    let output = Arazzo::provision(&daytona(READY).url()).run();
    assert_eq!(output.stdout, "{\"volumeId\":\"vol-1\",\"sandboxId\":\"sb-1\",\"sandboxState\":\"started\"}\n");
}

#[test]
fn every_departure_of_the_document_is_one_warning_of_its_kind() {
    let output = Arazzo::provision(&daytona(READY).url()).run();
    for code in ["unbraced-expression", "unqualified-operation-id", "jsonpath-comparison"] {
        let times = output.stderr.matches(&format!("warning[{code}]")).count();
        output.check(times == 1, &format!("one warning[{code}], not {times}"));
    }
    output.check(output.places("daytona-provision.yml").len() >= 3, "a place for each");
}

#[test]
fn a_volume_in_error_ends_the_run_and_no_sandbox_is_created() {
    let server = daytona(&["creating", "error"]);
    let output = Arazzo::provision(&server.url()).run();
    output.exits(0).prints(&json!({"volumeId": "vol-1"}));
    output.says_in_a_line(&["ended", "failed"]).says(&["sandboxId", "sandboxState"]).never_says(&["succeeded"]);
    assert_eq!(server.lines(), TO_READY[..3]);
}

#[test]
fn a_run_that_ended_without_its_outputs_fails_where_they_are_required() {
    let server = daytona(&["error"]);
    let output = Arazzo::provision(&server.url()).args(["--require-outputs"]).run();
    output.exits(1).prints(&json!({"volumeId": "vol-1"})).says(&["sandboxId", "sandboxState"]);
    assert_eq!(sandboxes(&server), 0);
    Arazzo::provision(&daytona(READY).url()).args(["--require-outputs"]).run().exits(0);
}

#[test]
fn a_volume_that_never_becomes_ready_is_given_up_at_the_step_limit() {
    let server = daytona(NEVER);
    let output = Arazzo::provision(&server.url()).args(["--max-steps", "20", "--loop-delay", "0"]).run();
    output.exits(5).says(&["pollVolume", "20"]).never_says(&["succeeded"]);
    assert!((2..=20).contains(&polls(&server)), "{} polls", polls(&server));
    assert_eq!(sandboxes(&server), 0);
}

#[test]
fn a_volume_that_never_becomes_ready_is_given_up_at_the_time_limit() {
    let server = daytona(NEVER);
    let output = Arazzo::provision(&server.url()).args(["--timeout", "1s", "--loop-delay", "50ms"]).run();
    output.exits(5).says(&["pollVolume"]).never_says(&["succeeded"]);
    assert!(polls(&server) > 1);
    assert_eq!(sandboxes(&server), 0);
}

#[test]
fn the_time_limit_also_stops_a_request_that_is_not_answered() {
    let slow =
        |request: &crate::server::Request, _| (request.method == "GET").then(|| Reply::status(200).delay(60_000));
    let server = daytona_except(READY, slow);
    Arazzo::provision(&server.url()).args(["--timeout", "1s"]).run().exits(5).says(&["pollVolume"]);
    assert_eq!(sandboxes(&server), 0);
}

#[test]
fn a_page_where_json_was_due_fails_the_step_and_no_sandbox_is_created() {
    let page = "<!doctype html><title>Please sign in</title>";
    let server = daytona_except(READY, move |request, _| {
        (request.method == "GET").then(|| Reply::status(200).body("text/html; charset=utf-8", page))
    });
    let output = Arazzo::provision(&server.url()).run();
    output.exits(1).says(&["criterion-not-evaluable", "pollVolume"]);
    output.check(
        output.places("daytona-provision.yml").iter().any(|(line, _)| (84..=87).contains(line)),
        "the criterion's place",
    );
    assert_eq!(server.lines(), TO_READY[..2]);
}

#[test]
fn an_answer_that_claims_to_be_json_and_is_not_fails_the_step() {
    let server = daytona_except(READY, |request, _| {
        (request.method == "GET").then(|| Reply::status(200).body("application/json", r#"{"state": "rea"#))
    });
    Arazzo::provision(&server.url()).run().exits(1).says(&["criterion-not-evaluable"]);
    assert_eq!(server.lines(), TO_READY[..2]);
}

#[test]
fn a_state_in_other_letters_is_not_ready() {
    let server = daytona(&["READY", "Ready", "ready"]);
    Arazzo::provision(&server.url()).run().exits(0);
    assert_eq!(server.lines(), TO_READY);
}

#[test]
fn an_answer_without_a_state_is_polled_again() {
    let server = daytona_except(&["ready"], |request, n| {
        (request.method == "GET" && n < 3).then(|| Reply::status(200).json(&json!({"id": "vol-1"})))
    });
    Arazzo::provision(&server.url()).run().exits(0);
    assert_eq!(server.lines(), TO_READY);
}

#[test]
fn strict_refuses_the_document_with_every_place_and_sends_nothing() {
    let server = daytona(READY);
    for flags in [&["--strict"][..], &["--readings", "strict"]] {
        let output = Arazzo::provision(&server.url()).args(flags).run();
        output.exits(3).prints_nothing();
        for code in ["unbraced-expression", "unqualified-operation-id", "jsonpath-comparison"] {
            output.says(&[&format!("error[{code}]")]);
        }
        let places = output.places("daytona-provision.yml");
        for line in [50, 54, 86] {
            output.check(places.iter().any(|place| place.0 == line), &format!("daytona-provision.yml:{line}:…"));
        }
        output.check(places.contains(&(54, 22)), "the place of the expression, not of the text around it");
    }
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn the_letter_sends_an_unbraced_expression_as_it_is_written() {
    let server = daytona_except(READY, |_, _| Some(Reply::status(403)));
    Arazzo::provision(&server.url()).args(["--readings", "letter"]).run().exits(1);
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer $inputs.apiToken"));
}

#[test]
fn each_source_can_have_a_server_of_its_own() {
    let (volumes, sandboxes) = (daytona(READY), daytona(READY));
    let output = Arazzo::new(["run", PROVISION, "-i", "apiToken=the-token", "-i", "volumeName=data"])
        .args(["-i", "snapshot=ubuntu", "-i", "mountPath=/data"])
        .args([
            "-S",
            &format!("volumesApi={}/api", volumes.url()),
            "-S",
            &format!("sandboxApi={}/api/", sandboxes.url()),
        ])
        .run();
    output.exits(0);
    assert_eq!(volumes.lines(), TO_READY[..4]);
    assert_eq!(sandboxes.lines(), TO_READY[4..]);
}

#[test]
fn the_published_descriptions_work_in_the_place_of_ours() {
    let folder = root().join("../shared/daytona");
    if !folder.exists() {
        assert!(env::var_os("ARAZZO_REQUIRE_SHARED").is_none(), "no {}", folder.display());
        eprintln!("skipped: no {}", folder.display());
        return;
    }
    let published = fs::read(folder.join("daytona-io-provision-volume-and-sandbox-workflow.yml")).unwrap();
    assert!(fs::read(root().join(PROVISION)).unwrap() == published, "{PROVISION} is the published one, byte for byte");
    let server = daytona(READY);
    let source = |name, file| format!("{name}={}", folder.join("openapi").join(file).display());
    let output = Arazzo::provision(&server.url())
        .args(["--source", &source("volumesApi", "daytona-volumes-api-openapi.yml")])
        .args(["--source", &source("sandboxApi", "daytona-sandbox-api-openapi.yml")])
        .run();
    output.exits(0).prints(&json!({"volumeId": "vol-1", "sandboxId": "sb-1", "sandboxState": "started"}));
    assert_eq!(server.lines(), TO_READY);
}
