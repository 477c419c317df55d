//! `arazzo test`, as people type it; the examples are green.

use super::{Arazzo, Folder};
use serde_json::{Value, json};

const API: &str = "\
openapi: 3.1.0
info: {title: t, version: '1'}
servers: [{url: https://t.example}]
paths:
  /a:
    get:
      operationId: a
      responses: {'200': {description: ok, content: {application/json: {example: {id: x-1, n: 3}}}}}
";

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: t, version: '1'}
sourceDescriptions: [{name: t, url: t.openapi.yaml, type: openapi}]
workflows:
  - workflowId: w
    steps:
      - stepId: one
        operationId: a
        successCriteria: [{condition: $statusCode == 200}]
        onFailure: [{name: again, type: retry, retryAfter: 60, retryLimit: 2}]
        outputs: {id: $response.body#/id, n: $response.body#/n}
    outputs: {id: $steps.one.outputs.id, n: $steps.one.outputs.n}
";

fn folder(cases: &str) -> Folder {
    let folder = Folder::new();
    folder.write("t.openapi.yaml", API);
    folder.write("t.arazzo.yaml", FLOW);
    if !cases.is_empty() {
        folder.write("t.test.yaml", cases);
    }
    folder
}

fn test(folder: &Folder, more: &[&str]) -> super::Output {
    Arazzo::new(["test"]).args(more.iter().copied()).cwd(folder.path()).run()
}

#[test]
fn every_example_passes_and_is_clean_by_strict_reading() {
    let output = Arazzo::new(["test", "examples", "--strict", "--json"]).run();
    output.exits(0);
    let lines = output.events();
    let documents: std::collections::BTreeSet<&str> =
        lines.iter().filter_map(|line| line["document"].as_str()).collect();
    assert!(documents.len() >= 10, "{documents:?}");
    assert_eq!(lines.last().unwrap()["failed"], json!(0));
    for document in documents {
        let lint = Arazzo::new(["lint", "--strict", document]).run();
        lint.exits(0).check(lint.stdout.contains("nothing found") || lint.stdout.is_empty(), "a clean document");
    }
}

#[test]
fn documents_are_found_by_their_content_and_run_once_without_a_test_file() {
    let folder = folder("");
    folder.write("deep/other.yml", FLOW.replace("t.openapi", "../t.openapi"));
    folder.write("node_modules/no.yaml", FLOW);
    folder.write(".hidden/no.yaml", FLOW);
    folder.write("values.yaml", "a: 1\n");
    let output = test(&folder, &["--jobs", "1"]);
    output.exits(0).says(&["pass  deep/other.yml  w runs", "pass  t.arazzo.yaml  w runs", "2 passed, 0 failed"]);
    output.prints_nothing().never_says(&["node_modules", "hidden"]);
}

#[test]
fn a_case_that_fails_shows_what_was_expected_and_the_report_of_the_run() {
    let folder = folder(
        "cases:\n- {name: wrong, replies: {one: [{status: 500}, {status: 500}, {status: 500}]}, expect: {outputs: {id: x-1}}}\n\
         - {name: other, expect: {outputs: {id: y, n: {$type: string}}, path: [one, two], requests: [{method: POST}]}}\n\
         - {name: right, expect: {exactOutputs: {id: {$matches: '^x-'}, n: {$any: true}}}}\n",
    );
    let output = test(&folder, &["--report", "junit=out/j.xml"]);
    output.exits(1).says(&[
        "FAIL  t.arazzo.yaml  wrong",
        "exit: expected 0, is 1",
        "outputs /id: expected \"x-1\"",
        "error[criterion-not-met]",
        "outputs /n: expected {\"$type\":\"string\"}, is 3",
        "path: expected one -> two, is one",
        "request 1 was not sent: the nearest, GET http://127.0.0.1",
        "pass  t.arazzo.yaml  right",
        "1 passed, 2 failed",
    ]);
    let junit = std::fs::read_to_string(folder.path().join("out/j.xml")).unwrap();
    assert!(junit.contains("tests=\"3\"") && junit.contains("failures=\"2\""), "{junit}");
    let stopped = test(&folder, &["--fail-fast", "--jobs", "1"]);
    stopped.exits(1).says(&["0 passed, 1 failed, 2 not run"]);
}

#[test]
fn replies_stand_ready_in_virtual_time_and_are_counted() {
    let folder = folder(
        "cases:\n- {name: waits, replies: {one: [{status: 503}, {failure: reset, after: 5m}, {body: {id: z, n: 1}}]}, \
         expect: {path: [one, one, one], outputs: {id: z}}}\n\
         - {name: none left, replies: {a: [{status: 503}]}, expect: {exit: 4}}\n\
         - {name: too many, replies: {a: [{body: {id: z, n: 1}}, {status: 500}]}}\n",
    );
    let output = test(&folder, &[]);
    output.exits(1).says(&[
        "pass  t.arazzo.yaml  waits",
        "no reply is left for step `one`",
        "a reply for `a` was not asked for",
    ]);
    let unknown = self::folder("cases: [{name: c, replies: {onn: {status: 200}}}]\n");
    test(&unknown, &[]).exits(1).says(&["there is no step or operation `onn`", "did you mean `one`?"]);
}

#[test]
fn faults_of_a_test_file_have_their_place_and_nothing_runs() {
    let folder = folder("cases:\n- name: c\n  expct: {}\n  expect: {outcome: suceeded, exit: 300}\n- {inputs: [1]}\n");
    let output = test(&folder, &[]);
    output.exits(3).prints_nothing().says(&[
        "t.test.yaml:3:3",
        "a case has no `expct`",
        "did you mean `expect`?",
        "did you mean `succeeded`?",
        "`exit` is a number from 0 to 255",
        "a case has a `name`",
        "`inputs` is an object, not an array",
    ]);
    output.never_says(&["passed"]);
}

#[test]
fn nothing_to_run_is_an_exit_of_its_own_and_filters_choose() {
    let folder = folder("cases: [{name: first}, {name: second}]\n");
    test(&folder, &["--case", "third"]).exits(8).says(&["nothing-ran"]);
    test(&folder, &["--case", "third", "--allow-empty"]).exits(0);
    test(&folder, &["--case", "sec"]).exits(0).says(&["1 passed"]);
    test(&folder, &["--workflow", "v"]).exits(8);
    test(&folder, &["--workflow", "w"]).exits(0).says(&["2 passed"]);
    test(&folder, &["none"]).exits(2).says(&["`none`: no such file"]);
    let list = test(&folder, &["--list", "--json"]);
    let lines: Vec<Value> = list.exits(0).events();
    assert_eq!(lines.iter().map(|line| line["case"].clone()).collect::<Vec<_>>(), [json!("first"), json!("second")]);
}
