//! What a first user meets who has read little: values that are no secrets by their schemas, variables that a job of CI
//! leaves empty, files that are called otherwise, documents that are wrong and run all the same.

use super::{Arazzo, Folder, Output, root};
use crate::server::{Reply, Server};
use serde_json::json;
use std::fs;

/// A folder with the documents of the mistakes, none of which is in it.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, file) in [("flow.yaml", "right.yaml"), ("reports.openapi.yaml", "reports.openapi.yaml")] {
        folder.write(name, fs::read(root().join("tests/suite/mistakes").join(file)).unwrap());
    }
    folder
}

fn arazzo(folder: &Folder, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let command = Arazzo::new(words).cwd(folder.path());
    variables.iter().fold(command, |command, (name, value)| command.env(name, value)).run()
}

/// Changes a text of the flow.
fn change(folder: &Folder, from: &str, to: &str) {
    let text = fs::read_to_string(folder.path().join("flow.yaml")).unwrap();
    assert!(text.contains(from), "{from}");
    folder.write("flow.yaml", text.replace(from, to));
}

#[test]
fn a_dry_run_masks_what_a_run_masks() {
    let folder = folder();
    let secret = [("ARAZZO_SECRET_title", "top-secret-1")];
    for more in [&[][..], &["--json"]] {
        let dry = |inputs: &[&str]| {
            let words = [&["run", "flow.yaml", "--dry-run", "-s", "title"], inputs, more].concat();
            let output = arazzo(&folder, &words, &secret);
            output.exits(0).never_says(&["top-secret-1"]);
            output
        };
        // Named as a secret: where it is read, and where another value has it in it.
        let output = dry(&["-i", "user=it is top-secret-1!"]);
        output.check(output.stdout.contains(r#""title":"‹title›""#), "the secret that was named");
        output.check(output.stdout.contains("it is ‹title›!"), "another input with the secret in it");
    }
    // In a path, escaped for it, and a constant that is the same.
    change(&folder, "value: $steps.create.outputs.id", "value: $inputs.title");
    change(&folder, "user: $inputs.user", "user: top secret/1");
    let output =
        arazzo(&folder, &["run", "flow.yaml", "--dry-run", "-s", "title"], &[("ARAZZO_SECRET_title", "top secret/1")]);
    output.exits(0).never_says(&["top secret/1", "top%20secret"]);
    output.check(output.stdout.contains("/reports/‹title›"), "the path");
    // A member of an object that its schema calls a password.
    change(
        &folder,
        "title: { type: string }",
        "title: { type: object, properties: { pin: { type: string, format: password } } }",
    );
    change(&folder, "value: $inputs.title", "value: a");
    let output = arazzo(&folder, &["run", "flow.yaml", "--dry-run", "title:={\"pin\":\"s3cret-pin\"}"], &[]);
    output.exits(0).never_says(&["s3cret-pin"]);
    output.check(output.stdout.contains("‹title.pin›"), "the member");
}

#[test]
fn an_empty_secret_is_no_secret() {
    let folder = folder();
    let line = |words: &[&str], variables: &[(&str, &str)]| {
        arazzo(&folder, &[&["run", "flow.yaml", "--mock"], words].concat(), variables)
    };
    line(&["-s", "password"], &[("ARAZZO_SECRET_password", "")]).exits(2).says(&["ARAZZO_SECRET_password is empty"]);
    line(&["-s", "password"], &[("ARAZZO_SECRET_PASSWORD", "")]).exits(2).says(&["ARAZZO_SECRET_PASSWORD is empty"]);
    folder.write("empty", "\n");
    line(&["-s", "password@empty"], &[]).exits(2).says(&["secret `password` is empty"]);
    line(&["--bearer", "token"], &[("ARAZZO_SECRET_token", "")]).exits(2).says(&["ARAZZO_SECRET_token is empty"]);
    // The one of a scheme is read without a flag.
    line(&[], &[("ARAZZO_SECRET_bearer", "")]).exits(2).says(&["ARAZZO_SECRET_bearer is empty"]);
    // In a job, what keeps a run from beginning is an annotation too.
    let job = [("GITHUB_ACTIONS", "true")];
    let output = arazzo(&folder, &["run", "flow.yaml", "-i", "user=u", "-i", "title=t"], &job);
    output.exits(2).says(&["::error title=arazzo%3A missing-input::input `password` is required%0Ahelp: "]);
}

#[test]
fn an_empty_variable_does_not_choose_another_server() {
    let folder = folder();
    for name in ["ARAZZO_SERVER", "ARAZZO_PROFILE"] {
        for command in ["run", "test"] {
            let output = arazzo(&folder, &[command, "flow.yaml"], &[(name, "")]);
            output.exits(2).says(&[&format!("{name} is empty")]);
        }
        // What has no such flag does not mind, and neither does who gives it.
        arazzo(&folder, &["lint", "flow.yaml"], &[(name, "")]).exits(0);
    }
    let server = Server::start(|_, _| Reply::status(403));
    let given = ["run", "flow.yaml", "-S", &server.url(), "-i", "user=u", "-i", "password=p", "-i", "title=t"];
    arazzo(&folder, &given, &[("ARAZZO_SERVER", "")]).exits(1).never_says(&["is empty"]);
    assert_eq!(server.requests().len(), 1);
    arazzo(&folder, &["run", "flow.yaml", "--mock"], &[("ARAZZO_TIMEOUT", "")]).exits(0);
}

#[test]
fn the_name_of_a_file_is_not_its_content() {
    let folder = folder();
    folder.write("cover.png", "picture");
    let dry = |words: &[&str]| arazzo(&folder, &[&["run", "flow.yaml", "--dry-run"], words].concat(), &[]);
    let output = dry(&["title=@cover.png"]);
    output.exits(2).says(&["its content is not read", "write --input title@cover.png for the content"]);
    dry(&["-i", "title=@cover.png"]).exits(2);
    // The text all the same, and a text that names no file.
    dry(&[r#"title:="@cover.png""#]).exits(0);
    dry(&["title=@cover"]).exits(0);
    dry(&["title=cover.png"]).exits(0);
    // What the schema calls the content of a file is one.
    change(&folder, "title: { type: string }", "title: { type: string, format: binary }");
    let run = |words: &[&str]| {
        arazzo(&folder, &[&["run", "flow.yaml", "-i", "user=u", "-i", "password=p"], words].concat(), &[])
    };
    run(&[]).exits(2).says(&["input `title` is required", "give it with --input title@FILE"]);
    run(&["title=cover.png"]).exits(2).says(&["write --input title@cover.png"]);
}

#[test]
fn a_test_says_what_lint_warns_of_and_can_fail_for_it() {
    let folder = folder();
    change(&folder, "            title: $inputs.title", "            title: inputs.title");
    folder.write("flow.test.yaml", "cases: [{ name: one }, { name: two }]\n");
    let output = arazzo(&folder, &["test", "flow.yaml"], &[]);
    output.exits(0).says(&["warning[expression-without-dollar]", "flow.yaml:50", "$inputs.title", "2 passed"]);
    output.check(output.stderr.matches("expression-without-dollar").count() == 1, "once for the document");
    arazzo(&folder, &["test", "flow.yaml", "-q"], &[]).exits(0).never_says(&["warning["]);
    let denied = |words: &[&str], variables: &[(&str, &str)]| {
        let output = arazzo(&folder, words, variables);
        let said = format!("{}{}", output.stdout, output.stderr);
        output.exits(3).check(said.contains("error[expression-without-dollar]"), "the warning as an error");
    };
    denied(&["test", "flow.yaml", "--deny", "warnings"], &[]);
    denied(&["test", "flow.yaml"], &[("ARAZZO_DENY", "warnings")]);
    denied(&["lint", "flow.yaml", "--deny", "warnings"], &[]);
    denied(&["lint", "."], &[("ARAZZO_DENY", "warnings")]);
    arazzo(&folder, &["lint", "flow.yaml"], &[]).exits(0);
    // A project says it for all, and leaves out what it leaves out.
    folder.write("arazzo.toml", "[lint]\ndeny = \"warnings\"\n");
    denied(&["lint", "flow.yaml"], &[]);
    denied(&["test", "flow.yaml"], &[]);
    arazzo(&folder, &["test", "flow.yaml", "--no-config"], &[]).exits(0);
    folder.write("arazzo.toml", "[lint]\ndeny = \"warnings\"\n[lint.severity]\nexpression-without-dollar = \"off\"\n");
    arazzo(&folder, &["test", "flow.yaml"], &[]).exits(0).never_says(&["expression-without-dollar"]);
    folder.write("arazzo.toml", "[test]\ndeny = \"warnings\"\n");
    denied(&["test", "flow.yaml"], &[]);
}

#[test]
fn a_test_file_that_belongs_to_no_document_is_said() {
    for (name, near) in [
        ("flwo.test.yaml", "did you mean `flow.test.yaml`?"),
        ("flow.tests.yaml", "did you mean `flow.test.yaml`?"),
        ("other-things.test.json", "is called `NAME.test.yaml`"),
    ] {
        let folder = folder();
        folder.write(name, "{\"cases\": [{ \"name\": \"it ends\", \"expect\": { \"outcome\": \"failed\" } }]}\n");
        arazzo(&folder, &["test"], &[]).exits(0).says(&["belongs to no document", name, near]);
        arazzo(&folder, &["test", "flow.yaml"], &[]).exits(0).says(&["belongs to no document", name]);
        arazzo(&folder, &["test", "--deny", "warnings"], &[]).exits(3).says(&["error[test-file]", name]);
        arazzo(&folder, &["test", name], &[]).exits(2).says(&["belongs to no document", near]);
    }
    let folder = folder();
    folder.write("flow.test.yaml", "cases: [{ name: one }]\n");
    arazzo(&folder, &["test"], &[]).exits(0).never_says(&["belongs to no document"]);
    let lint = arazzo(&folder, &["lint", "flow.test.yaml"], &[]);
    lint.exits(3)
        .check(lint.stdout.contains("it is a test file: `arazzo test flow.test.yaml` runs its cases"), "what it is");
}

#[test]
fn flags_of_other_tools_lead_to_the_ones_that_there_are() {
    let folder = folder();
    let run = |words: &[&str]| arazzo(&folder, &[&["run", "flow.yaml", "--mock"], words].concat(), &[]);
    run(&["--variable", "user=ada"]).exits(2).says(&["an input is given with '-i NAME=VALUE'"]);
    run(&["--var", "user=ada"]).exits(2).says(&["an input is given with '-i NAME=VALUE'"]);
    run(&["--customer", "Emma"]).exits(2).says(&["an input is given with '-i customer=VALUE'"]);
    run(&["-F", "title=Emma"]).exits(2).says(&["an input is given with '-i NAME=VALUE'"]).never_says(&["use '--"]);
    run(&["--timeuot", "3s"]).exits(2).says(&["--timeout"]).never_says(&["an input is given"]);
    run(&["--report", "junit", "out.xml"]).exits(2).says(&["--report junit=out.xml"]);
    arazzo(&folder, &["test", "--report", "junit", "out.xml"], &[]).exits(2).says(&["--report junit=out.xml"]);
    run(&["--inputs", "user=ada"]).exits(2).says(&["-i user=VALUE"]).never_says(&["ada"]);
    run(&["--fault", "getReport:404"]).exits(2).says(&["--fault getReport=404"]);
    run(&["--fault", "poll=404"]).exits(2).says(&["`poll` is a step", "write getReport=…"]);
    run(&["--fault", "getReprot=404"]).exits(2).says(&["did you mean `getReport`?"]);
}

#[test]
fn a_failure_that_is_handled_says_why_where_no_answer_does() {
    let folder = folder();
    change(
        &folder,
        "      - stepId: delete\n",
        "        onFailure: [{ name: undo, type: goto, stepId: delete }]\n      - stepId: delete\n",
    );
    change(
        &folder,
        "        onFailure:\n          - name: notYet\n            type: retry\n            retryAfter: 1\n            retryLimit: 10\n            criteria:\n              - condition: $statusCode == 200\n",
        "",
    );
    change(&folder, "          id: $response.body#/id", "          id: $response.header.X-Id");
    let server = Server::start(|request, _| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/login") => Reply::status(200).json(&json!({ "accessToken": "t0ken-1234" })),
        ("GET", "/reports") => Reply::status(200).json(&json!([])),
        _ => Reply::status(201).json(&json!({ "id": "r-1", "status": "done" })),
    });
    let given = ["run", "flow.yaml", "-S", &server.url(), "-i", "user=u", "-i", "password=p4ssword", "-i", "title=t"];
    let output = arazzo(&folder, &given, &[]);
    output.says(&["-> delete (undo)  absent-value: "]);
}

#[test]
fn a_command_that_repeats_a_form_encodes_its_secrets() {
    let folder = folder();
    change(
        &folder,
        "          contentType: application/json\n          payload:\n            user:",
        "          contentType: application/x-www-form-urlencoded\n          payload:\n            user:",
    );
    let server = Server::start(|_, _| Reply::status(403));
    let url = server.url();
    let given =
        ["run", "flow.yaml", "-S", &url, "-i", "user=a b&c", "-i", "password=a&b c+%d", "-i", "title=t", "--curl"];
    let output = arazzo(&folder, &given, &[]);
    output.exits(1).says(&["--data-raw 'user=a", "--data-urlencode \"password=$ARAZZO_SECRET_password\""]);
    // A dry run shows its fields, and no JSON.
    let dry = arazzo(&folder, &["run", "flow.yaml", "--dry-run", "-i", "user=ada", "-i", "password=p4ssword"], &[]);
    dry.exits(0).check(dry.stdout.contains("\n  user=ada\n  password=‹password›\n"), "the fields");
    // In JSON, what the shell puts in is not escaped.
    change(&folder, "application/x-www-form-urlencoded", "application/json");
    let output = arazzo(&folder, &given, &[]);
    output.exits(1).says(&["# ARAZZO_SECRET_password in JSON: write \" as \\\" and \\ as \\\\ in it"]);
}

#[test]
fn what_is_wrong_in_a_test_file_has_its_place() {
    let folder = folder();
    let test = |case: &str| {
        folder.write("flow.test.yaml", format!("cases:\n  - name: one\n    {}\n", case.replace('\n', "\n    ")));
        arazzo(&folder, &["test", "flow.yaml"], &[])
    };
    test("expect: { path: login list create }")
        .exits(3)
        .says(&["flow.test.yaml:3:21", "write path: [login, list, create]"]);
    test("expect: { path: login -> list }").exits(3).says(&["write path: [login, list]"]);
    test("expect: { requests: { step: login } }").exits(3).says(&["flow.test.yaml:3:25", "begin each with `- `"]);
    test("expect: { requests: [{ step: login, method: post }, { step: list, method: Get }] }").exits(0);
    test("inputs: { titel: a }").exits(1).says(&[
        "the workflow has no input `titel`",
        "flow.test.yaml:3:15",
        "did you mean `title`?",
    ]);
    test("inputs: { user: [1] }").exits(1).says(&["flow.test.yaml:3:15", "`user`"]);
    test("workflow: make-reprot").exits(1).says(&["flow.test.yaml:3:15", "did you mean `make-report`?"]);
}
