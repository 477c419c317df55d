//! Flags, help, dry runs and `inspect`: what is said without a request.

use super::{Arazzo, Folder, Output, PROVISION};
use crate::server::daytona;
use serde_json::Value;

#[test]
fn help_shows_the_commands_and_every_flag_of_run() {
    let output = Arazzo::new(["--help"]).run();
    output
        .exits(0)
        .check(["run", "inspect", "mock"].iter().all(|command| output.stdout.contains(command)), "every command");
    let output = Arazzo::new(["run", "--help"]).run();
    output.exits(0);
    let run = ["--timeout", "--max-steps", "--loop-delay", "--dry-run", "--readings", "--strict", "--require-outputs"];
    let given = ["-i, --input", "--inputs", "-s, --secret", "-S, --server", "--source"];
    let shown = ["--json", "-q,", "-v,"];
    let mock = ["--mock", "--fault", "--latency"];
    for flag in run.iter().chain(&given).chain(&shown).chain(&mock) {
        output.check(output.stdout.contains(flag), flag);
    }
    Arazzo::new(["run", "-h"]).run().exits(0);
    Arazzo::new(["inspect", "--help"]).run().exits(0);
}

#[test]
fn version_is_one_line() {
    let output = Arazzo::new(["--version"]).run();
    output.exits(0).check(output.stdout.starts_with("arazzo ") && output.stdout.lines().count() == 1, "arazzo VERSION");
}

#[test]
fn a_misspelt_flag_is_answered_with_the_nearest() {
    let output = Arazzo::new(["run", PROVISION, "--max-step", "3"]).run();
    output.exits(2).prints_nothing().says(&["--max-step", "--max-steps"]);
}

#[test]
fn flags_with_impossible_values_are_refused_by_name() {
    for [flag, value] in [
        ["--timeout", "soon"],
        ["--timeout", "-1s"],
        ["--max-steps", "many"],
        ["--max-steps", "-1"],
        ["--loop-delay", "1 fortnight"],
        ["--readings", "loose"],
        ["--server", "not a url"],
        ["--source", "no-equals-sign"],
    ] {
        let output = Arazzo::new(["run", PROVISION, &format!("{flag}={value}")]).run();
        output.exits(2).prints_nothing().says(&[flag]);
    }
}

#[test]
fn a_server_for_a_source_that_the_document_does_not_have_is_refused() {
    let server = daytona(&["ready"]);
    let output = Arazzo::provision(&server.url()).args(["-S", &format!("volumeApi={}", server.url())]).run();
    output.exits(2).says(&["volumeApi", "volumesApi"]);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn a_flag_can_be_given_in_the_environment() {
    let server = daytona(&["creating"]);
    let output = Arazzo::provision(&server.url()).env("ARAZZO_MAX_STEPS", "5").env("ARAZZO_LOOP_DELAY", "0").run();
    output.exits(5);
    assert!(server.lines().len() <= 5);
}

#[test]
fn durations_have_units_and_a_bare_number_is_seconds() {
    for delay in ["0", "0s", "10ms", "0.01", "0.01s"] {
        let output = Arazzo::provision(&daytona(&["creating", "ready"]).url()).args(["--loop-delay", delay]).run();
        output.exits(0);
    }
    Arazzo::provision(&daytona(&["ready"]).url()).args(["--timeout", "1h"]).run().exits(0);
}

#[test]
fn a_dry_run_shows_the_requests_and_sends_none() {
    let server = daytona(&["ready"]);
    let output = Arazzo::provision(&server.url()).args(["--dry-run"]).run();
    output.exits(0).never_says(&["secret-of-the-tests"]);
    let shown = format!("{}{}", output.stdout, output.stderr);
    for words in
        ["POST", "GET", "createVolume", "pollVolume", "createSandbox", "/api/volumes", "/api/sandbox", &server.url()]
    {
        output.check(shown.contains(words), words);
    }
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn a_dry_run_still_refuses_what_a_run_would_refuse() {
    Arazzo::new(["run", PROVISION, "--dry-run", "-i", "volumName=a"]).run().exits(2).says(&["volumName"]);
    Arazzo::provision("http://127.0.0.1:9").args(["--dry-run", "--strict"]).run().exits(3);
}

#[test]
fn inspect_shows_what_a_workflow_takes_sends_and_gives() {
    let output = Arazzo::new(["inspect", PROVISION]).run();
    output.exits(0);
    let takes = ["provision-volume-and-sandbox", "apiToken", "volumeName", "snapshot", "mountPath"];
    let sends = ["createVolume", "pollVolume", "createSandbox", "POST", "GET", "app.daytona.io", "/volumes/{volumeId}"];
    for words in takes.iter().chain(&sends).chain(&["sandboxId", "sandboxState"]) {
        output.check(output.stdout.contains(words), words);
    }
}

#[test]
fn inspect_speaks_json_to_programs() {
    let output = Arazzo::new(["inspect", PROVISION, "--json"]).run();
    output.exits(0);
    let shown: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    output.check(shown.is_object(), "one JSON object");
    for words in ["provision-volume-and-sandbox", "apiToken", "pollVolume", "GET", "app.daytona.io", "sandboxState"] {
        output.check(mentions(&shown, words), words);
    }
    Arazzo::new(["inspect", "no/such/flow.yaml", "--json"]).run().exits(3);
}

/// Whether a key or a text holds these words.
fn mentions(value: &Value, words: &str) -> bool {
    match value {
        Value::String(text) => text.contains(words),
        Value::Array(items) => items.iter().any(|item| mentions(item, words)),
        Value::Object(members) => members.iter().any(|(name, member)| name.contains(words) || mentions(member, words)),
        _ => false,
    }
}

/// Neither a panic nor an exit code that is not in the table.
#[track_caller]
fn is_orderly(output: &Output) {
    output.never_says(&["panicked", "RUST_BACKTRACE"]);
    output.check(matches!(output.status, Some(0..=5)), "an exit code of the table");
}

#[test]
fn no_command_line_makes_it_panic() {
    let folder = Folder::new();
    folder.write("empty.yaml", "");
    folder.write("bytes.yaml", [0xff, 0xfe, 0x00, 0x80]);
    folder.write("deep.yaml", "[".repeat(100_000));
    folder.write("scalar.yaml", "arazzo");
    folder.write("alias.yaml", "arazzo: &a [*a, *a]\n");
    folder.write("wrong.yaml", "arazzo: [1.0.1]\ninfo: 3\nsourceDescriptions: {}\nworkflows: null\n");
    let calls: &[&[&str]] = &[
        &[],
        &[""],
        &["run"],
        &["run", ""],
        &["run", "."],
        &["run", "-"],
        &["run", "empty.yaml"],
        &["run", "bytes.yaml"],
        &["run", "deep.yaml"],
        &["run", "scalar.yaml"],
        &["run", "alias.yaml"],
        &["run", "wrong.yaml"],
        &["run", "empty.yaml", "a", "b", "c"],
        &["run", "empty.yaml", "-i", ""],
        &["run", "empty.yaml", "-i", ":=@"],
        &["run", "empty.yaml", "-S", "=", "-s", ""],
        &["run", "empty.yaml", "--source", "=", "--inputs", ""],
        &["run", "empty.yaml", "--timeout", "99999999999999999999h"],
        &["run", "empty.yaml", "--loop-delay", "1e400"],
        &["run", "empty.yaml", "--max-steps", "99999999999999999999"],
        &["inspect"],
        &["inspect", "bytes.yaml"],
        &["inspect", "wrong.yaml", "--json"],
    ];
    for call in calls {
        let output = Arazzo::new(call.iter().copied()).cwd(folder.path()).run();
        is_orderly(&output);
        output.check(output.status != Some(0) || call.is_empty(), "not success");
    }
}

#[test]
#[cfg(not(feature = "restate"))]
fn a_build_without_an_engine_says_how_to_get_one() {
    for command in
        [["worker", "flow.yaml"].as_slice(), &["start", "flow.yaml"], &["runs", "list", "--restate-admin", "x"]]
    {
        let output = Arazzo::new(command).run();
        output.exits(2).prints_nothing().says(&[
            "this build is without Restate",
            "--features restate",
            "docs/scale.md",
        ]);
    }
    let output = Arazzo::new(["--help"]).run();
    output.check(!output.stdout.contains("worker"), "commands that are not there are not in the help");
}
