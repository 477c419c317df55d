//! Command lines as people type them who have not read the manual: what is meant is done, or the command that does it is
//! said.

use super::{Arazzo, Folder, root};
use crate::server::{Reply, Server};
use serde_json::{Value, json};
use std::fs;

/// A folder with the documents of the mistakes, none of which is in it.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, file) in [("flow.yaml", "right.yaml"), ("reports.openapi.yaml", "reports.openapi.yaml")] {
        folder.write(name, fs::read(root().join("tests/suite/mistakes").join(file)).unwrap());
    }
    folder
}

fn arazzo(folder: &Folder, words: &[&str]) -> super::Output {
    Arazzo::new(words).cwd(folder.path()).run()
}

const GIVEN: [&str; 3] = ["user=ada", "password=s3cret-of-ada", "title=My Report"];

#[test]
fn a_document_alone_is_run_and_a_test_file_alone_is_tested() {
    let folder = folder();
    arazzo(&folder, &["flow.yaml", "--mock"]).exits(0).prints(&json!({ "rows": 1 }));
    arazzo(&folder, &["--color", "never", "./flow.yaml", "--mock"]).exits(0);
    folder.write("flow.test.yaml", "cases: [{ name: it runs }]\n");
    for words in [&["flow.test.yaml"][..], &["test", "flow.test.yaml"]] {
        let output = arazzo(&folder, words);
        output.exits(0).check(output.stderr.contains("it runs") || output.stdout.contains("it runs"), "the case");
    }
    // What is no document is a command that does not exist.
    arazzo(&folder, &["flow"]).exits(2).says(&["unrecognized subcommand 'flow'"]);
    arazzo(&folder, &["flo.yaml", "--mock"]).exits(3).says(&["did you mean `flow.yaml`?"]);
    arazzo(&folder, &["test", "flo.yaml"]).exits(2).says(&["no such file", "did you mean `flow.yaml`?"]);
}

#[test]
fn inputs_need_no_flag() {
    let folder = folder();
    let line = |words: &[&str]| arazzo(&folder, &[&["run", "flow.yaml"], words, &["--mock"]].concat());
    line(&GIVEN).exits(0).never_says(&["generated", "s3cret-of-ada"]);
    line(&[&["make-report"], &GIVEN[..]].concat()).exits(0).never_says(&["generated"]);
    line(&[&["-w", "make-report"], &GIVEN[..]].concat()).exits(0).never_says(&["generated"]);
    line(&["titel=x"]).exits(2).says(&["no input `titel`", "did you mean `title`?"]);
    line(&["title"]).exits(2).says(&["`title` is an input, not a workflow: write title=VALUE"]);
    line(&["user=ada", "make-report"]).exits(2).says(&["`make-report` is neither a workflow nor an input"]);
    // A value of two words without quotes; the second may be part of a secret.
    let output = line(&["-i", "title=My", "Report"]);
    output.exits(2).says(&["a value with blanks is put in quotes", "is not shown"]).never_says(&["Report"]);
    // Nothing of it is taken for an input either.
    let output = line(&["-H", "Authorization: Basic", "c2VjcmV0LWtleQ="]);
    output.exits(2).says(&["is not shown"]).never_says(&["c2VjcmV0LWtleQ"]);
    line(&["-i", "user=ada", "title=x"]).exits(0).never_says(&["title="]);
    // A report that others read shows them as it shows inputs with a flag.
    arazzo(&folder, &[&["run", "flow.yaml", "--mock", "--report", "html=page.html"], &GIVEN[..]].concat()).exits(0);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("title=My Report") && !page.contains("s3cret-of-ada"), "{page}");
}

#[test]
fn a_dash_is_stdin_and_stdout() {
    let folder = folder();
    let text = fs::read_to_string(folder.path().join("flow.yaml")).unwrap();
    let piped = |words: &[&str]| Arazzo::new(words).cwd(folder.path()).stdin(&text).run();
    piped(&["run", "-", "--mock"]).exits(0).prints(&json!({ "rows": 1 }));
    let output = piped(&["inspect", "-"]);
    output.exits(0).check(output.stdout.contains("workflow  make-report"), "what it holds");
    piped(&["graph", "-"]).exits(0);
    let broken = text.replace("$inputs.title", "$inputs.titel");
    let output = Arazzo::new(["run", "-", "--mock"]).cwd(folder.path()).stdin(&broken).run();
    output.exits(3).says(&["stdin:50:20", "did you mean `$inputs.title`?"]);
    piped(&["run", "-", "--mock", "--inputs", "-"]).exits(2).says(&["stdin can be read only once"]);
    // A report in the place of the outputs.
    let output = arazzo(&folder, &["run", "flow.yaml", "--mock", "--report", "json=-"]);
    let report: Value = serde_json::from_str(&output.exits(0).stdout).unwrap();
    assert_eq!(report["workflow"], "make-report");
    output.never_says(&["report -"]);
    let output = arazzo(&folder, &["run", "flow.yaml", "--mock", "--report", "md=-", "-o", "out.json"]);
    output.exits(0).check(output.stdout.contains("make-report"), "the summary");
    assert!(folder.path().join("out.json").exists() && !folder.path().join("-").exists());
    for (words, said) in [
        (&["--report", "md=-", "--report", "json=-"][..], "two reports go to stdout"),
        (&["--report", "md=-", "--json"], "both go to stdout"),
        (&["--report", "md=-", "-o", "-"], "both go to stdout"),
    ] {
        arazzo(&folder, &[&["run", "flow.yaml", "--mock"], words].concat()).exits(2).says(&[said]);
    }
}

#[test]
fn a_folder_and_an_openapi_document_lead_to_the_commands_that_take_them() {
    let folder = folder();
    folder.write("empty/readme.txt", "nothing");
    arazzo(&folder, &["run", "."]).exits(3).says(&["it is a folder", "`arazzo run ./flow.yaml`", "`arazzo test .`"]);
    arazzo(&folder, &["run", "empty"]).exits(3).says(&["there is no Arazzo document in it"]);
    for command in ["run", "graph"] {
        let said = ["`arazzo inspect reports.openapi.yaml`", "`arazzo call reports.openapi.yaml OPERATION`"];
        arazzo(&folder, &[command, "reports.openapi.yaml"]).exits(3).says(&said);
    }
}

#[test]
fn inspect_lists_what_an_openapi_document_describes() {
    let folder = folder();
    let output = arazzo(&folder, &["inspect", "reports.openapi.yaml"]);
    output.exits(0);
    for line in [
        "openapi 3.0.3   Reports 1.0.0",
        "servers   http://localhost:8123/v1",
        "auth      bearer: a bearer token   (--auth bearer=…)",
        "  getReport     GET     /reports/{reportId}  reportId*",
        "  createReport  POST    /reports             body* application/json",
        "call one  arazzo call reports.openapi.yaml listReports --mock",
    ] {
        output.check(output.stdout.lines().any(|known| known == line), line);
    }
    let output = arazzo(&folder, &["inspect", "reports.openapi.yaml", "--json"]);
    let found: Value = serde_json::from_str(&output.exits(0).stdout).unwrap();
    assert_eq!((&found["v"], &found["openapi"]), (&json!(1), &json!("openapi 3.0.3")));
    let operation = &found["operations"][3];
    assert_eq!(operation["operationId"], "getReport");
    assert_eq!(operation["parameters"], json!([{ "name": "reportId", "in": "path", "required": true }]));
    assert_eq!(operation["security"], json!([["bearer"]]));
    assert_eq!(found["securitySchemes"], json!([{ "name": "bearer", "asks": "a bearer token" }]));
}

#[test]
fn lint_says_what_is_wrong_with_an_openapi_document() {
    let folder = folder();
    let output = arazzo(&folder, &["lint", "reports.openapi.yaml"]);
    output.exits(0).says(&["1 document: nothing found"]);
    folder.write(
        "api.yaml",
        "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths:\n  /a/{id}:\n    get: { operationId: a, responses: { '200': { description: d } } }\n  \
         /b:\n    get: { operationId: a, parameters: [{ $ref: '#/components/parameters/none' }] }\n",
    );
    let output = arazzo(&folder, &["lint", "api.yaml", "--json"]);
    let found: Value = serde_json::from_str(&output.exits(3).stdout).unwrap();
    let found: Vec<(&str, u64)> = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["code"].as_str().unwrap(), one["line"].as_u64().unwrap()))
        .collect();
    let expected =
        [("undeclared-parameter", 5), ("ambiguous-operation-id", 7), ("missing-field", 7), ("broken-reference", 7)];
    assert_eq!(found, expected);
    // A syntax error is one of this document too.
    folder.write("api.yaml", "openapi: 3.1.0\npaths:\n  /a: [\n");
    arazzo(&folder, &["lint", "api.yaml"]).exits(3);
}

#[test]
fn a_server_without_the_described_path_is_pointed_out_where_nothing_is_found() {
    let folder = folder();
    let server = Server::start(|_, _| Reply::status(404));
    let url = server.url();
    let words = [&["run", "flow.yaml", "-S", &url], &GIVEN[..]].concat();
    let output = arazzo(&folder, &words);
    let help = format!("has the path /v1, and {0} has none: write --server {0}/v1", server.url());
    output.exits(1).says(&[&help]);
    let whole = format!("{}/v1", server.url());
    let output = arazzo(&folder, &[&["run", "flow.yaml", "-S", &whole], &GIVEN[..]].concat());
    output.exits(1).never_says(&["has the path"]);
}

#[test]
fn a_call_says_how_members_of_a_body_are_given_and_shows_what_it_would_send() {
    let folder = folder();
    let call = |words: &[&str]| arazzo(&folder, &[&["call", "reports.openapi.yaml"], words].concat());
    call(&["createReport", "title=Ada", "--mock"]).exits(2).says(&["a member of its body: write -F title=…"]);
    let output = call(&["createReport", "-F", "title=Ada", "--dry-run"]);
    output.exits(0).check(output.stdout.contains("POST http://localhost:8123/v1/reports"), "the request");
    output.check(output.stdout.contains(r#"{"title":"Ada"}"#), "the body that was given");
    output.never_says(&["(the call)"]);
    let server = Server::start(|_, _| Reply::status(404).json(&json!({ "error": "no report" })));
    let output = call(&["getReport", "reportId=7", "-S", &server.url()]);
    output.exits(1).says(&["GET /reports/7 answered 404 Not Found", "= request: GET", "no report"]);
    // Nothing of the document that the call becomes, which nobody wrote.
    output.never_says(&["(the call)", "onFailure", "successCriteria"]);
}

#[test]
fn a_dry_run_shows_the_inputs_that_are_given_and_asks_for_no_others() {
    let folder = folder();
    let output = arazzo(&folder, &["run", "flow.yaml", "--dry-run", "user=ada", "password=s3cret-of-ada"]);
    output.exits(0).never_says(&["s3cret-of-ada"]);
    output.check(output.stdout.contains(r#"{"user":"ada","password":"‹password›"}"#), "what is given");
    output.check(output.stdout.contains(r#"{"title":"{$inputs.title}"}"#), "what is not");
}

#[test]
fn what_a_newcomer_meets_is_said_in_words() {
    let folder = folder();
    arazzo(&folder, &["run", "flow.yaml", "--mock="]).exits(2).says(&["--mock= names no source"]);
    arazzo(&folder, &["explain", "unbraced"]).exits(2).says(&["did you mean `unbraced-expression`?"]);
    // A description that is missing has no operation that a fault could happen to.
    let text = fs::read_to_string(folder.path().join("flow.yaml")).unwrap();
    folder.write("lost.yaml", text.replace("./reports.openapi.yaml", "./report.openapi.yaml"));
    let output = arazzo(&folder, &["run", "lost.yaml", "--mock", "--fault", "getReport=403"]);
    output.exits(3).says(&["source-not-found", "did you mean `reports.openapi.yaml`?"]).never_says(&["no operation"]);
    // A fault is why it fails, not what was generated; a login is not left behind; `{}` is no output.
    let output = arazzo(&folder, &["run", "flow.yaml", "--mock", "--fault", "createReport=503"]);
    output.exits(1).never_says(&["was generated", "left behind"]).prints_nothing();
    // In a file, `{}` takes the place of what was there.
    arazzo(&folder, &["run", "flow.yaml", "--mock", "-q", "--fault", "createReport=503", "-o", "out.json"]).exits(1);
    assert_eq!(fs::read_to_string(folder.path().join("out.json")).unwrap(), "{}\n");
}

#[test]
fn a_project_weighs_what_run_warns_of_too() {
    let folder = folder();
    let text = fs::read_to_string(folder.path().join("flow.yaml")).unwrap();
    folder.write("flow.yaml", text.replace("title: $inputs.title", "title: inputs.title"));
    let said = |project: &str| {
        folder.write("arazzo.toml", project);
        arazzo(&folder, &["run", "flow.yaml", "--mock"])
    };
    said("").exits(0).says(&["warning[expression-without-dollar]"]);
    said("[lint.severity]\nexpression-without-dollar = 'off'\n").exits(0).never_says(&["expression-without-dollar"]);
    said("[[lint.ignore]]\ncode = 'expression-without-dollar'\nstep = 'create'\n")
        .exits(0)
        .never_says(&["without-dollar"]);
    said("[[lint.ignore]]\ncode = 'expression-without-dollar'\nstep = 'poll'\n").exits(0).says(&["without-dollar"]);
    let refused = said("[lint.severity]\nexpression-without-dollar = 'error'\n");
    refused.exits(3).says(&["error[expression-without-dollar]"]).never_says(&["POST"]);
}

#[test]
fn reproduce_names_variables_that_are_read_and_says_what_came_in_a_response() {
    let folder = folder();
    let server = Server::start(|request, _| match request.path.as_str() {
        "/v1/login" => Reply::status(200).json(&json!({ "accessToken": "tok-of-the-server" })),
        _ => Reply::status(500),
    });
    let words = ["run", "flow.yaml", "-S", &format!("{}/v1", server.url()), "-i", "user=ada", "-i", "title=x"];
    let run = |more: &[&str]| Arazzo::new([&words[..], more].concat()).cwd(folder.path());
    let output = run(&["-s", "password"]).env("ARAZZO_SECRET_password", "s3cret-of-ada").run();
    output.exits(1).says(&["Bearer $LOGIN_TOKEN\"", "# LOGIN_TOKEN is `login.token`, which came in a response"]);
    output.never_says(&["tok-of-the-server", "s3cret-of-ada", "left behind: login"]);
    let refusing = Server::start(|_, _| Reply::status(403));
    let words = ["run", "flow.yaml", "-S", &format!("{}/v1", refusing.url()), "-i", "user=ada", "-i", "title=x"];
    let run = |more: &[&str]| Arazzo::new([&words[..], more].concat()).cwd(folder.path());
    let output = run(&["-s", "password"]).env("ARAZZO_SECRET_password", "s3cret-of-ada").run();
    output.exits(1).says(&["$ARAZZO_SECRET_password"]).never_says(&["# set"]);
    let output = run(&["-i", "password=s3cret-of-ada"]).run();
    output.exits(1).says(&["# set ARAZZO_SECRET_password first: it stands for `password`"]);
}
