//! `arazzo.toml` for `run` and `test`: its flags, servers and profiles, what wins, and that it raises no trust. And the
//! variables of flags.

use super::{Arazzo, Folder, Output, random, root};
use crate::server::{Server, daytona};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// Flags without a variable, and why.
const WITHOUT_VARIABLE: [(&str, &[&str]); 8] = [
    (
        "says what this one call does",
        &[
            "all",
            "case",
            "content-type",
            "curl",
            "data",
            "diff",
            "dir",
            "dry-run",
            "fix",
            "help",
            "hints",
            "list",
            "mock",
            "no-sources",
            "only",
            "parameter",
            "field",
            "rerun-failed",
            "init",
            "run",
            "save",
            "stdin-filename",
            "until",
            "version",
            "workflow",
            "fault",
            "latency",
        ],
    ),
    (
        "lets a document do more: it is typed, or confirmed",
        &["allow-header", "allow-host", "allow-private", "allow-unsafe", "secret-host", "insecure-host"],
    ),
    (
        "has values of its own in the environment (ARAZZO_INPUT_name, ARAZZO_SECRET_name)",
        &["input", "inputs", "secret", "auth", "bearer", "user", "header"],
    ),
    ("is the form of what is printed, which the reader of stdout decides", &["format", "json", "quiet", "verbose"]),
    ("has its variable with or without a value: ARAZZO_JOURNAL", &["journal"]),
    ("names a file that this call writes or reads", &["coverage", "env-file", "output", "record", "report"]),
    ("depends on the document", &["check", "idempotency-key", "readings", "server-var", "source", "strict"]),
    ("is the way to one server, as with curl", &["connect-to", "fresh-connections", "resolve", "unix-socket"]),
];

#[test]
fn every_flag_has_its_variable_or_a_reason_not_to() {
    let help = Arazzo::new(["help", "--json"]).run();
    let help: Value = serde_json::from_str(&help.exits(0).stdout).unwrap();
    let reasons: Vec<&str> = WITHOUT_VARIABLE.iter().flat_map(|(_, flags)| flags.iter().copied()).collect();
    let (mut with, mut without) = (BTreeSet::new(), BTreeSet::new());
    for command in help["commands"].as_array().unwrap() {
        // A mock serves others: its limits are its own.
        for flag in command["flags"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|_| command["name"] != "mock" && command["name"] != "lint")
        {
            let Some(long) = flag["long"].as_str() else { continue };
            match flag["variable"].as_str() {
                Some(variable) => {
                    assert_eq!(variable, format!("ARAZZO_{}", long.to_uppercase().replace('-', "_")));
                    with.insert(long);
                }
                None => drop(without.insert(long)),
            }
        }
    }
    let missing: Vec<&&str> = without.iter().filter(|flag| !reasons.contains(flag)).collect();
    assert!(missing.is_empty(), "neither a variable nor a reason: {missing:?}");
    assert!(with.len() > 25, "{with:?}");
    assert!(with.iter().all(|flag| !reasons.contains(flag)), "a reason for a flag that has one");
}

fn folder(toml: &str) -> Folder {
    let folder = Folder::new();
    folder.write("arazzo.toml", toml);
    folder.write("specs/flow.yml", fs::read(root().join(super::PROVISION)).unwrap());
    for file in ["daytona-volumes-api-openapi.yml", "daytona-sandbox-api-openapi.yml"] {
        if let Ok(text) = fs::read(root().join("openapi").join(file)) {
            folder.write(&format!("openapi/{file}"), text);
        }
    }
    folder
}

fn run(folder: &Folder, more: &[&str]) -> Arazzo {
    let inputs = ["-i", "volumeName=data", "-i", "snapshot=ubuntu", "-i", "mountPath=/data"];
    Arazzo::new(["run", "specs/flow.yml"]).args(inputs).args(more.iter().copied()).cwd(folder.path())
}

fn with_token(folder: &Folder, server: &Server, more: &[&str]) -> Output {
    run(folder, &["--server", &format!("{}/api", server.url()), "-i", "apiToken=a-token-of-tests"])
        .args(more.iter().copied())
        .run()
}

#[test]
fn settings_are_flags_that_the_environment_and_the_command_line_win_over() {
    let server = daytona(&["creating"]);
    let folder = folder(
        "[run]\nmax-steps = 4\nloop-delay = \"0\"\nreport = [\"md=out/run.md\"]\n\n[profile.slow.run]\nmax-steps = 6\n",
    );
    let steps = |output: &Output| output.stderr.matches("pollVolume").count();
    let output = with_token(&folder, &server, &["-q"]);
    output.exits(5).says(&["its limit of 4 steps"]).check(steps(&output) > 0, "the loop");
    assert!(folder.path().join("out/run.md").exists());
    with_token(&folder, &server, &["-q", "--profile", "slow"]).exits(5).says(&["its limit of 6 steps"]);
    with_token(&folder, &server, &["-q", "--max-steps", "3"]).exits(5).says(&["its limit of 3 steps"]);
    let url = format!("{}/api", server.url());
    let output =
        run(&folder, &["-q", "--server", &url, "-i", "apiToken=a-token-of-tests"]).env("ARAZZO_MAX_STEPS", "5").run();
    output.exits(5).says(&["its limit of 5 steps"]);
    with_token(&folder, &server, &["-q", "--no-config", "--max-steps", "7"]).exits(5).says(&["its limit of 7 steps"]);
    with_token(&folder, &server, &["--profile", "slwo"])
        .exits(2)
        .says(&["there is no profile `slwo`", "did you mean `slow`?"]);
}

#[test]
fn what_is_wrong_in_the_file_is_said_with_its_line() {
    for (toml, words) in [
        ("[run]\ntimeuot = \"3s\"\n", "arazzo.toml:2: there is no setting `timeuot`; did you mean `timeout`?"),
        ("[runs]\ntimeout = \"3s\"\n", "arazzo.toml:1: there is no table `runs`; did you mean `run`?"),
        ("[run]\nallow-host = [\"evil.example\"]\n", "arazzo.toml:2: `allow-host` is given on the command line alone"),
        ("[run]\nsecret-host = [\"a=evil.example\"]\n", "`secret-host` is given on the command line alone"),
        ("[run]\ntimeout = true\n", "`timeout` is a text or a number"),
        ("[run]\nreport = [\"html=/tmp/x.html\"]\n", "does not stay in the folder of the project"),
        ("[run]\nreport = [\"html=../x.html\"]\n", "does not stay in the folder of the project"),
        ("[servers]\nvolumesApi = \"nowhere\"\n", "the server of `volumesApi` is not an absolute url"),
        ("[servers]\nvolumeApi = \"https://app.daytona.io/api\"\n", "did you mean `volumesApi`?"),
        ("[profile.a]\nrum = {}\n", "arazzo.toml:2:"),
        ("[run\n", "arazzo.toml:1:"),
    ] {
        let folder = folder(toml);
        run(&folder, &["-i", "apiToken=a-token-of-tests"]).run().exits(2).prints_nothing().says(&[words]);
    }
    let folder = folder("[lnt]\n");
    Arazzo::new(["lint", "specs/flow.yml"])
        .cwd(folder.path())
        .run()
        .exits(2)
        .says(&["there is no table `lnt`; did you mean `lint`?"]);
}

#[test]
fn servers_of_the_file_are_hosts_that_a_source_names_and_those_of_a_profile_get_no_secret() {
    let server = daytona(&["ready"]);
    let host = server.url().replace("http://", "");
    let url = format!("{}/api", server.url());
    let foreign = folder(&format!("[servers]\nvolumesApi = \"{url}\"\nsandboxApi = \"{url}\"\n"));
    let output = run(&foreign, &["-i", "apiToken=a-token-of-tests"]).run();
    output.exits(2).says(&["which no source names", "--profile NAME"]);
    let local = folder(&format!("[profile.local.servers]\nvolumesApi = \"{url}\"\nsandboxApi = \"{url}\"\n"));
    let token = format!("apiToken={}", random(16));
    // The profile was named, so its host may be called; a secret goes there only if that is said too.
    let output = run(&local, &["--profile", "local", "-i", &token]).run();
    output.exits(6).says(&["apiToken", &host, "--secret-host"]).never_says(&[&token["apiToken=".len()..]]);
    assert_eq!(server.lines(), Vec::<String>::new());
    run(&local, &["--profile", "local", "-i", &token, "--secret-host", &format!("apiToken={host}")]).run().exits(0);
    assert_eq!(server.lines().len(), 3);
    // A test calls no server of a file.
    let test = Arazzo::new(["test", "specs/flow.yml"]).cwd(foreign.path()).run();
    test.exits(0).says(&["1 passed"]);
    assert_eq!(server.lines().len(), 3);
    let same = folder("[servers]\nvolumesApi = \"https://app.daytona.io/other\"\n");
    let dry = run(&same, &["-i", &token, "--dry-run"]).run();
    dry.exits(0).check(dry.stdout.contains("https://app.daytona.io/other/volumes"), "the server of the file");
}
