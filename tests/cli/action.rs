//! `action.yml`: its steps are run as GitHub would run them, with a release on loopback.
#![cfg(unix)]

use super::{Arazzo, Folder, PROVISION, root};
use crate::server::{Reply, Server, daytona};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

fn action() -> Value {
    let mut sources = arazzo_engine::source::Sources::default();
    let id = sources.add("action.yml", "action.yml", std::fs::read_to_string(root().join("action.yml")).unwrap());
    arazzo_engine::node::Node::parse(&sources, id, Default::default()).unwrap().to_json().to_serde()
}

/// What a job has of the action: the streams, and the files through which steps speak to the runner.
struct Done {
    code: Option<i32>,
    said: String,
    outputs: BTreeMap<String, String>,
    summary: String,
    path: String,
}

/// A machine with the action, and the files that it keeps between its steps.
struct Runner {
    folder: Folder,
    given: Vec<(&'static str, String)>,
    env: Vec<(&'static str, String)>,
}

impl Runner {
    fn new(given: &[(&'static str, &str)]) -> Self {
        let given = given.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { folder: Folder::new(), given, env: vec![] }
    }

    /// The value of `${{ … }}`.
    fn value(&self, action: &Value, expression: &str) -> String {
        match expression.split_once('.').unwrap() {
            ("inputs", name) => {
                let declared = &action["inputs"][name];
                assert!(declared.is_object(), "action.yml has no input {name}");
                let given = self.given.iter().find(|(known, _)| *known == name);
                given.map_or_else(
                    || declared["default"].as_str().unwrap_or_default().to_owned(),
                    |(_, value)| value.clone(),
                )
            }
            ("github", "action_path") => root().display().to_string(),
            ("github", "server_url") => "https://github.example".to_owned(),
            // As in an action that is used by the path of a folder.
            ("github", "action_repository") => String::new(),
            other => panic!("{other:?}"),
        }
    }

    /// Runs the step with this name.
    fn step(&self, name: &str) -> Done {
        let action = action();
        let steps = action["runs"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        assert_eq!(step["shell"], "bash");
        let mut bash = Command::new("bash");
        for name in Arazzo::foreign() {
            bash.env_remove(name);
        }
        for (name, text) in step["env"].as_object().unwrap() {
            let text = text.as_str().unwrap();
            let expression = text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}"));
            bash.env(name, expression.map_or_else(|| text.to_owned(), |expression| self.value(&action, expression)));
        }
        let file = |name: &str| self.folder.write(name, "");
        let (output, summary, path) = (file("output"), file("summary"), file("path"));
        let done = bash
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().unwrap()])
            .current_dir(root())
            .env("RUNNER_TEMP", self.folder.path())
            .env("RUNNER_OS", "Linux")
            .envs([("GITHUB_OUTPUT", &output), ("GITHUB_STEP_SUMMARY", &summary), ("GITHUB_PATH", &path)])
            .env("GITHUB_ACTIONS", "true")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        Done {
            code: done.status.code(),
            said: String::from_utf8_lossy(&done.stderr).into_owned(),
            outputs: outputs(&read(&output)),
            summary: read(&summary),
            path: read(&path),
        }
    }

    /// The built command, where the first step would put it.
    fn installed(self) -> Self {
        let bin = self.folder.write("arazzo/bin/README", "").parent().unwrap().to_owned();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_arazzo"), bin.join("arazzo")).unwrap();
        self
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// The outputs in a file: `name=value`, or lines between delimiters.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let (mut found, mut lines) = (BTreeMap::new(), text.lines());
    while let Some(line) = lines.next() {
        let (name, value) = match line.split_once("<<") {
            Some((name, end)) => (name, lines.by_ref().take_while(|line| *line != end).collect::<Vec<_>>().join("\n")),
            None => line.split_once('=').map(|(name, value)| (name, value.to_owned())).unwrap(),
        };
        found.insert(name.to_owned(), value);
    }
    found
}

#[test]
fn the_action_runs_a_workflow_and_gives_what_came_of_it() {
    let server = daytona(&["ready"]);
    let mut runner = Runner::new(&[
        ("document", PROVISION),
        ("workflow", "provision-volume-and-sandbox"),
        ("inputs", "volumeName=two words; $(touch x)\r\nsnapshot=base\nmountPath=/data\n"),
        ("secrets", "apiToken"),
    ])
    .installed();
    let reports = format!("junit={}\r\njson={}/", runner.path("junit.xml"), runner.path("reports"));
    runner.given.push(("report", reports));
    runner.given.push(("arguments", format!("--server\n{}/api", server.url())));
    runner.env.push(("ARAZZO_SECRET_apiToken", "secret-of-the-tests".to_owned()));
    let done = runner.step("Run arazzo");
    assert_eq!(done.code, Some(0), "{}", done.said);
    assert_eq!(server.requests()[0].json()["name"], "two words; $(touch x)");
    let of = |name: &str| done.outputs.get(name).map_or("", String::as_str);
    assert_eq!((of("exit-code"), of("passed"), of("failed")), ("0", "3", "0"));
    assert_eq!(serde_json::from_str::<Value>(of("outputs")).unwrap()["sandboxId"], "sb-1");
    assert_eq!(of("report"), format!("{}\n{}", runner.path("junit.xml"), runner.path("reports/report.json")));
    assert!(done.summary.contains("provision-volume-and-sandbox succeeded"), "{}", done.summary);
    // Every output of the action is one that the step can give.
    for (name, output) in action()["outputs"].as_object().unwrap() {
        assert_eq!(output["value"], format!("${{{{ steps.run.outputs.{name} }}}}"));
        assert!(done.outputs.contains_key(name), "{name}");
    }
}

#[test]
fn the_action_ends_as_the_run_ends() {
    let nowhere = Runner::new(&[("document", "specs/nowhere.yml")]).installed().step("Run arazzo");
    assert_eq!((nowhere.code, nowhere.outputs["exit-code"].as_str()), (Some(3), "3"), "{}", nowhere.said);
    assert!(!nowhere.outputs.contains_key("report") && !nowhere.outputs.contains_key("outputs"));
    let failing = [("document", PROVISION), ("arguments", "--mock\n--fault\ngetVolume=403")];
    let failed = Runner::new(&failing).installed().step("Run arazzo");
    assert_eq!(failed.code, Some(1), "{}", failed.said);
    assert_eq!((failed.outputs["passed"].as_str(), failed.outputs["failed"].as_str()), ("1", "1"));
    assert!(failed.summary.contains("failed"), "{}", failed.summary);
    let other = Runner::new(&[("document", PROVISION), ("command", "serve")]).installed().step("Run arazzo");
    assert_eq!((other.code, other.outputs["exit-code"].as_str()), (Some(2), "2"));
}

#[test]
fn the_action_runs_test_files_and_counts_their_cases() {
    let given = [("command", "test"), ("document", "examples/polling\nexamples/login")];
    let done = Runner::new(&given).installed().step("Run arazzo");
    assert_eq!(done.code, Some(0), "{}", done.said);
    let passed: usize = done.outputs["passed"].parse().unwrap();
    assert!(passed >= 4 && done.outputs["failed"] == "0", "{:?}", done.outputs);
    assert_eq!(done.summary.matches(&format!("{passed} passed, 0 failed")).count(), 1, "{}", done.summary);
    let misplaced = Runner::new(&[given[0], given[1], ("inputs", "a=b")]).installed().step("Run arazzo");
    assert_eq!(misplaced.code, Some(2), "{}", misplaced.said);
    // A case that fails is named.
    let mut runner = Runner::new(&[("command", "test")]).installed();
    for name in ["polling.arazzo.yaml", "jobs.openapi.yaml"] {
        runner.folder.write(name, std::fs::read(root().join("examples/polling").join(name)).unwrap());
    }
    let document = runner.folder.path().join("polling.arazzo.yaml");
    let case = "cases:\n- name: a <wrong> case\n  inputs: {kind: report}\n  expect: {outcome: failed}\n";
    runner.folder.write("polling.test.yaml", case);
    runner.given.push(("document", document.display().to_string()));
    let done = runner.step("Run arazzo");
    assert_eq!((done.code, done.outputs["failed"].as_str()), (Some(1), "1"), "{}", done.said);
    assert_eq!(done.summary.matches("a &lt;wrong&gt; case").count(), 1, "{}", done.summary);
}

/// A release with an archive for every Linux, whose command is the built one.
fn release(folder: &Folder) -> Option<Server> {
    for program in ["tar", "sha256sum", "curl"] {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("skipped: {program} is absent");
            return None;
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut script = "set -e\n".to_owned();
    for target in
        ["x86_64", "aarch64"].iter().flat_map(|cpu| ["gnu", "musl"].map(|libc| format!("{cpu}-unknown-linux-{libc}")))
    {
        let name = format!("arazzo-{version}-{target}");
        let command = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_arazzo"));
        folder.write(&format!("{name}/arazzo"), command);
        script +=
            &format!("chmod 755 {name}/arazzo; tar -czf {name}.tar.gz {name}; sha256sum {name}.tar.gz >> SHA256SUMS\n");
    }
    let made = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    let place = folder.path().to_owned();
    Some(Server::start(move |request, _| match std::fs::read(place.join(request.path.trim_start_matches('/'))) {
        Ok(bytes) => Reply::status(200).body("application/octet-stream", bytes),
        Err(_) => Reply::status(404),
    }))
}

#[test]
fn the_action_installs_the_release_that_it_is_of() {
    let files = Folder::new();
    let Some(server) = release(&files) else { return };
    let runner = Runner::new(&[("document", PROVISION), ("arguments", "--mock"), ("from", &server.url())]);
    let done = runner.step("Install arazzo");
    assert_eq!(done.code, Some(0), "{}", done.said);
    assert_eq!(done.path.trim(), runner.path("arazzo/bin"), "later steps find the command");
    let run = runner.step("Run arazzo");
    assert_eq!((run.code, run.outputs["passed"].as_str()), (Some(0), "3"), "{}", run.said);
    // A version that there is not.
    let other =
        Runner::new(&[("document", PROVISION), ("version", "0.0.1"), ("from", &server.url())]).step("Install arazzo");
    assert!(other.code == Some(1) && other.said.contains("could not download"), "{}", other.said);
    // From a folder there is no release to take, and nothing is built unasked.
    let local = Runner::new(&[("document", PROVISION)]).step("Install arazzo");
    assert!(local.code == Some(2) && local.said.contains("set `build: true`"), "{}", local.said);
}

#[test]
fn reports_without_a_path_are_where_the_action_says() {
    let script = std::fs::read_to_string(root().join("packaging/action/run.sh")).unwrap();
    for kind in arazzo::report::KINDS {
        let line = format!("\"{} \"*/) path+={} ;;", kind.name, kind.file);
        assert!(script.contains(&line), "{line}");
    }
}
