//! `arazzo test` against a server that stands for staging: what it is given, where secrets go, which part of the cases
//! runs, and what is kept.

use super::{Arazzo, Folder, Output, random};
use crate::server::{Reply, Request, Server};
use serde_json::{Value, json};
use std::fs;

const API: &str = "\
openapi: 3.1.0
info: {title: things, version: '1'}
servers: [{url: https://production.example/v1}]
security: [{bearer: []}]
paths:
  /things/{id}:
    get:
      operationId: getThing
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {'200': {description: one, content: {application/json: {example: {id: 1, name: sample}}}}}
components: {securitySchemes: {bearer: {type: http, scheme: bearer}}}
";

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: things, version: '1'}
sourceDescriptions: [{name: things, url: things.openapi.yaml, type: openapi}]
workflows:
  - workflowId: look
    inputs:
      type: object
      required: [id]
      properties: {id: {type: integer}}
    steps:
      - stepId: get
        operationId: getThing
        parameters: [{name: id, in: path, value: $inputs.id}]
        successCriteria: [{condition: $statusCode == 200}]
        outputs: {id: $response.body#/id}
    outputs: {id: $steps.get.outputs.id}
";

fn folder(cases: &str) -> Folder {
    let folder = Folder::new();
    folder.write("things.openapi.yaml", API);
    folder.write("things.arazzo.yaml", FLOW);
    if !cases.is_empty() {
        folder.write("things.test.yaml", cases);
    }
    folder
}

/// Gives every thing to whoever has a token, but for those that `fails` names.
fn staging(fails: impl Fn(&str, usize) -> Option<u16> + Send + Sync + 'static) -> Server {
    Server::start(move |request: &Request, n| {
        let id = request.path.rsplit('/').next().unwrap_or_default().to_owned();
        match (request.header("authorization"), fails(&id, n)) {
            (None, _) => Reply::status(401).json(&json!({"message": "no token"})),
            (_, Some(status)) => Reply::status(status).json(&json!({"message": "not now", "id": id})),
            _ => Reply::status(200).json(&json!({"id": id.parse::<u64>().unwrap_or(0), "name": "real"})),
        }
    })
}

fn test(folder: &Folder, server: &Server, more: &[&str]) -> Arazzo {
    let command = Arazzo::new(["test", "--server", &format!("{}/v1", server.url())]);
    command.args(more.iter().copied()).cwd(folder.path())
}

const THREE: &str = "cases:\n- {name: first, inputs: {id: 1}, expect: {outputs: {id: 1}}}\n\
                     - {name: second, inputs: {id: 2}}\n- {name: third, inputs: {id: 3}}\n";

#[test]
fn cases_call_the_server_with_inputs_secrets_and_headers() {
    let (folder, server) = (folder(THREE), staging(|_, _| None));
    let secret = random(16);
    let output =
        test(&folder, &server, &["--auth", "bearer", "-H", "X-Run: nightly", "-i", "id=7", "--case", "second"])
            .env("ARAZZO_SECRET_bearer", &secret)
            .run();
    output.exits(0).says(&["pass  things.arazzo.yaml  second", "1 passed, 0 failed"]);
    let request = &server.requests()[0];
    assert_eq!(request.path, "/v1/things/7", "what is typed wins over the file");
    assert_eq!(request.header("authorization"), Some(format!("Bearer {secret}").as_str()));
    assert_eq!(request.header("x-run"), Some("nightly"));
    // The scheme's variable alone will do, and an input of the environment where the case has none.
    let folder = self::folder("cases: [{name: from outside}]\n");
    let output = test(&folder, &server, &[]).env("ARAZZO_SECRET_bearer", &secret).env("ARAZZO_INPUT_id", "9").run();
    output.exits(0);
    assert_eq!(server.lines().last().unwrap(), "GET /v1/things/9");
    // Against the mock, the environment changes nothing.
    let mocked = Arazzo::new(["test"]).cwd(folder.path()).env("ARAZZO_INPUT_id", "no number").run();
    mocked.exits(0).says(&["1 passed"]);
}

#[test]
fn names_that_no_document_has_are_refused_and_those_of_some_are_passed_over_elsewhere() {
    let (folder, server) = (folder(THREE), staging(|_, _| None));
    folder
        .write("other.arazzo.yaml", FLOW.replace("id: {type: integer}", "id: {type: integer}, color: {type: string}"));
    for (more, words) in [
        (["-i", "idd=1"], ["--input names `idd`", "did you mean `id`?"]),
        (["-S", "thing=https://t.example"], ["--server names the source `thing`", "did you mean `things`?"]),
        (["--auth", "bearr=x"], ["--auth names a security scheme", ""]),
        (["-s", "tokn"], ["--secret names an input", ""]),
    ] {
        test(&folder, &server, &more).run().exits(2).prints_nothing().says(&words);
    }
    assert_eq!(server.lines(), Vec::<String>::new());
    let output = test(&folder, &server, &["-i", "id=1", "-i", "color=red", "--auth", "bearer=abc-def-ghi"]).run();
    output.exits(0).says(&["4 passed"]);
}

#[test]
fn a_secret_goes_to_no_host_that_only_a_document_names() {
    let tokens =
        Server::start(|_, _| Reply::status(200).json(&json!({"access_token": "t-1234567", "token_type": "Bearer"})));
    let (folder, server) = (folder("cases: [{name: one, inputs: {id: 1}}]\n"), staging(|_, _| None));
    let scheme = format!(
        "{{oauth: {{type: oauth2, flows: {{clientCredentials: {{tokenUrl: '{}/token', scopes: {{}}}}}}}}}}",
        tokens.url()
    );
    let api = API.replace("{bearer: {type: http, scheme: bearer}}", &scheme).replace("[{bearer: []}]", "[{oauth: []}]");
    folder.write("things.openapi.yaml", api);
    let secret = random(16);
    let run = |more: &[&str]| {
        let given = ["--auth", "oauth.clientId=me", "--auth", "oauth.clientSecret"];
        test(&folder, &server, &given).args(more.iter().copied()).env("ARAZZO_SECRET_oauth.clientSecret", &secret).run()
    };
    let host = tokens.url().replace("http://", "");
    run(&[]).exits(1).says(&["it cannot be run", "oauth.clientSecret", &host]).never_says(&[&secret]);
    // That it may be called says nothing about secrets.
    run(&["--allow-host", &host]).exits(1).says(&["--secret-host"]).never_says(&[&secret]);
    assert_eq!((tokens.lines().len(), server.lines().len()), (0, 0));
    let allowed = format!("oauth={host}");
    let own = format!("oauth={}", server.url().replace("http://", ""));
    run(&["--allow-host", &host, "--secret-host", &allowed, "--secret-host", &own]).exits(0);
    assert_eq!((tokens.lines().len(), server.lines().len()), (1, 1));
}

#[test]
fn sources_without_a_server_are_mocked_and_production_is_not_called() {
    let (folder, server) = (folder(""), staging(|_, _| None));
    folder.write("more.openapi.yaml", API.replace("getThing", "getMore"));
    let flow = FLOW.replace("type: openapi}]", "type: openapi}, {name: more, url: more.openapi.yaml, type: openapi}]");
    let second = "      - stepId: more\n        operationId: $sourceDescriptions.more.getMore\n        \
                  parameters: [{name: id, in: path, value: 5}]\n        outputs: {name: $response.body#/name}\n    outputs: {name: $steps.more.outputs.name, ";
    let flow = flow.replace("operationId: getThing", "operationId: $sourceDescriptions.things.getThing");
    folder.write("things.arazzo.yaml", flow.replace("\n    outputs: {", &format!("\n{second}")));
    folder.write(
        "things.test.yaml",
        "cases: [{name: both, inputs: {id: 1}, expect: {outputs: {name: sample, id: 1}}}]\n",
    );
    let url = format!("things={}/v1", server.url());
    let output =
        Arazzo::new(["test", "-S", &url, "--auth", "things.bearer=abc-def-ghi", "--auth", "more.bearer=x-y-z-x-y"])
            .cwd(folder.path())
            .run();
    output.exits(0).says(&["1 passed"]);
    assert_eq!(server.lines(), ["GET /v1/things/1"]);
}

#[test]
fn shards_have_every_case_once() {
    let (folder, server) = (folder(THREE), staging(|_, _| None));
    let names = |shard: &str| -> Vec<String> {
        let output = test(&folder, &server, &["--list", "--json", "--shard", shard]).run();
        output.exits(0);
        let lines = output.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["case"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names("1/2"), names("2/2")), (vec!["first".to_owned(), "third".to_owned()], vec!["second".to_owned()]));
    let output = test(&folder, &server, &["--shard", "4/4", "--auth", "bearer=abc-def-ghi"]).run();
    output.exits(0).says(&["shard 4 of 4: 0 of 3 cases", "0 passed"]);
    for wrong in ["0/2", "3/2", "half"] {
        test(&folder, &server, &["--shard", wrong]).run().exits(2).says(&["--shard", "I/N"]);
    }
}

#[test]
fn cases_that_failed_are_kept_and_run_again() {
    let (folder, server) = (folder(THREE), staging(|id, n| (id != "1" && n < 3).then_some(503)));
    let run = |more: &[&str]| {
        test(&folder, &server, &["--auth", "bearer=abc-def-ghi", "--jobs", "1"]).args(more.iter().copied()).run()
    };
    run(&["--rerun-failed"]).exits(8).says(&["no case of these failed when it ran last"]);
    run(&["--rerun-failed", "--allow-empty"]).exits(0);
    run(&[]).exits(1).says(&["1 passed, 2 failed"]);
    let kept = fs::read_to_string(folder.path().join("arazzo-report/failed.json")).unwrap();
    assert!(kept.contains("second") && kept.contains("third") && !kept.contains("first"), "{kept}");
    // A part that passes says nothing about the rest.
    run(&["--rerun-failed", "--case", "second"]).exits(0).says(&["1 passed"]);
    run(&["--rerun-failed"]).exits(0).says(&["pass  things.arazzo.yaml  third", "1 passed, 0 failed"]);
    assert!(!folder.path().join("arazzo-report/failed.json").exists());
}

#[test]
fn a_case_that_fails_once_in_several_runs_has_failed() {
    let (folder, server) = (folder(THREE), staging(|id, n| (id == "2" && n == 4).then_some(500)));
    let given = ["--auth", "bearer=abc-def-ghi", "--jobs", "1"];
    let output = test(&folder, &server, &given).args(["--repeat", "3", "--json"]).run();
    output.exits(1).says(&["1 of 3 runs failed", "2 passed, 1 failed"]);
    let second = &output.events()[1];
    assert_eq!((&second["runs"], &second["failures"], &second["passed"]), (&json!(3), &json!(1), &json!(false)));
    assert_eq!(server.lines().len(), 9);
    let (folder, server) = (self::folder(THREE), staging(|_, _| Some(500)));
    let output = test(&folder, &server, &given).args(["--fail-fast"]).run();
    output.exits(1).says(&["0 passed, 1 failed, 2 not run"]);
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn cases_that_need_the_mock_are_skipped_against_a_server_and_test_files_may_be_named() {
    let cases = "cases:\n- {name: faulty, inputs: {id: 1}, faults: {getThing: 503}, expect: {exit: 1}}\n\
                 - {name: stub, inputs: {id: 1}, replies: {get: {body: {id: 8}}}, expect: {outputs: {id: 8}}}\n";
    let (folder, server) = (folder(cases), staging(|_, _| None));
    let output = test(&folder, &server, &["--auth", "bearer=abc-def-ghi", "things.test.yaml"]).run();
    output.exits(0).says(&[
        "skip  things.arazzo.yaml  faulty  its `faults` are those of the mock",
        "1 passed, 0 failed, 1 skipped",
    ]);
    assert_eq!(server.lines(), Vec::<String>::new());
}

fn failing() -> (Folder, Server) {
    (folder(THREE), staging(|id, _| (id == "2").then_some(503)))
}

#[test]
fn results_are_reported_in_every_form() {
    let (folder, server) = failing();
    let reports = ["junit=out/j.xml", "tap=out/t.tap", "md=out/s.md", "json=out/r.json", "html=out/", "har=out/"];
    let reports = reports.iter().flat_map(|report| ["--report", report]);
    let output = test(&folder, &server, &["--auth", "bearer=abc-def-ghi"]).args(reports).run();
    output.exits(1).says(&["2 passed, 1 failed"]).prints_nothing().never_says(&["abc-def-ghi"]);
    let read = |name: &str| {
        fs::read_to_string(folder.path().join("out").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let all = ["j.xml", "t.tap", "s.md", "r.json", "report.2.things.second.html", "run.1.things.first.har"].map(read);
    for (text, words) in all.iter().zip([
        &["name=\"second\"", "response: {&quot;message&quot;", "reproduce: curl", "failures=\"1\""][..],
        &["1..3", "not ok 2 - things.arazzo.yaml second", "  message: \"exit: expected 0, is 1\"", "reproduce: curl"],
        &["### ❌ 2 passed, 1 failed", "**second**", "reproduce: curl"],
        &["\"type\":\"tests\"", "\"failed\":1", "\"case\":\"second\""],
        &["criterion-not-met", "503"],
        &["\"status\": 200"],
    ]) {
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} in\n{text}");
        assert!(!text.contains("abc-def-ghi"), "{text}");
    }
    super::reports::check_junit(&folder.path().join("out/j.xml"));
    assert!(!folder.path().join("out/report.html").exists());
    let tap = test(&folder, &server, &["--auth", "bearer=abc-def-ghi", "--report", "tap=-"]).run();
    tap.exits(1).check(tap.stdout.starts_with("TAP version 14\n1..3\n"), "TAP on stdout");
    test(&folder, &server, &["--report", "html=-"]).run().exits(2).says(&["a file for each case"]);
}

#[test]
fn a_job_of_github_is_annotated_and_has_a_summary() {
    let (folder, server) = failing();
    let summary = folder.path().join("summary.md");
    let output: Output = test(&folder, &server, &["--auth", "bearer=abc-def-ghi"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())
        .run();
    output
        .exits(1)
        .says(&["::error file=things.arazzo.yaml,line=14,col=", "title=arazzo%3A test::second: exit: expected 0"]);
    assert!(fs::read_to_string(summary).unwrap().contains("### ❌ 2 passed, 1 failed"));
}

#[test]
fn coverage_says_what_the_cases_reached() {
    let cases = "cases:\n- {name: good, inputs: {id: 1}}\n- {name: bad, inputs: {id: 1}, faults: {getThing: 404}, expect: {exit: 1}}\n";
    let folder = folder("cases: [{name: good, inputs: {id: 1}}]\n");
    let action =
        "        onFailure: [{name: again, type: retry, retryLimit: 1, criteria: [{condition: $statusCode == 503}]}]\n";
    folder.write(
        "things.arazzo.yaml",
        FLOW.replace(
            "        outputs: {id: $response.body#/id}\n",
            &format!("{action}        outputs: {{id: $response.body#/id}}\n"),
        ),
    );
    let run = |more: &[&str]| {
        Arazzo::new(["test", "--auth", "bearer=abc-def-ghi"]).args(more.iter().copied()).cwd(folder.path()).run()
    };
    run(&["--coverage"]).exits(0).prints_nothing().says(&[
        "things.arazzo.yaml  steps 1/1  actions 0/1  criteria met 1/2, not met 0/2",
        "line 14: $statusCode == 200 of get was always met",
        "line 15: action again of get was not taken",
        "line 15: $statusCode == 503 of get was not tested",
    ]);
    folder.write("things.test.yaml", cases);
    let output = run(&["--coverage=json=-", "--coverage=lcov", "-q"]);
    let found: Value = serde_json::from_str(&output.exits(0).stdout).unwrap();
    assert_eq!(super::json::faults("coverage", &found), Vec::<String>::new());
    let document = &found["documents"][0];
    assert_eq!((&document["met"]["reached"], &document["notMet"]["reached"]), (&json!(1), &json!(2)));
    assert_eq!(document["parts"][1]["notMet"], 1);
    let lcov = fs::read_to_string(folder.path().join("arazzo-report/lcov.info")).unwrap();
    for line in
        ["SF:things.arazzo.yaml", "DA:11,2", "BRDA:14,0,0,1", "BRDA:14,0,1,1", "BRF:5", "BRH:3", "end_of_record"]
    {
        assert!(lcov.lines().any(|known| known == line), "{line} in\n{lcov}");
    }
    run(&["--coverage=cobertura"]).exits(2).says(&["text, json or lcov"]);
}

#[test]
fn a_signal_ends_the_tests_with_their_summary_and_reports() {
    let (folder, server) = (
        folder(THREE),
        Server::start(|_, n| match n {
            0 => Reply::status(200).json(&json!({"id": 1})),
            _ => Reply::status(200).delay(60_000),
        }),
    );
    let given = ["--auth", "bearer=abc-def-ghi", "--jobs", "1", "--report", "junit=r.xml", "--json"];
    let child = test(&folder, &server, &given).spawn();
    while server.lines().len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    for _ in 0..2 {
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(130), "{out}{err}");
    assert!(err.contains("1 passed, 1 failed") && err.contains("1 not run"), "{err}");
    assert!(err.contains("it was interrupted"), "{err}");
    assert!(out.contains("\"type\":\"summary\""), "{out}");
    let junit = fs::read_to_string(folder.path().join("r.xml")).unwrap();
    assert!(junit.contains("tests=\"3\"") && junit.contains("the tests were stopped before"), "{junit}");
}

#[test]
fn an_annotation_points_at_the_case_and_only_one_thing_goes_to_stdout() {
    let cases =
        "cases:\n- name: first\n  inputs: {id: 1}\n- name: wrong\n  inputs: {id: 1}\n  expect: {outputs: {id: 7}}\n";
    let (folder, server) = (folder(cases), staging(|_, _| None));
    let given = ["--auth", "bearer=abc-def-ghi"];
    let output = test(&folder, &server, &given).env("GITHUB_ACTIONS", "true").run();
    output.exits(1);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("file=things.test.yaml,line=4,"), "{said}");
    for more in [["--report", "junit=-", "--coverage=json=-"], ["--json", "--coverage=json=-", "-q"]] {
        test(&folder, &server, &given).args(more).run().exits(2).says(&["stdout"]);
    }
}

#[test]
fn a_name_of_secret_host_that_is_misspelt_is_said() {
    let (folder, server) = (folder(THREE), staging(|_, _| None));
    let given = ["--auth", "bearer=abc-def-ghi", "--secret-host", "bearr=id.example.com"];
    let output = test(&folder, &server, &given).run();
    output.exits(2).says(&["--secret-host names `bearr`", "did you mean `bearer`?"]);
    for (name, words) in [
        ("zzzzz=id.example.com", "a name that no secret is called; names: bearer, "),
        ("Bearer=id.example.com", "did you mean `bearer`?"),
        ("bearer=id.example.com:99999", "NAME=HOST:PORT"),
        ("bearer=id.example.com:", "NAME=HOST:PORT"),
        ("bearer=http://id.example.com", "NAME=HOST:PORT"),
    ] {
        let given = ["--auth", "bearer=abc-def-ghi", "--secret-host", name];
        test(&folder, &server, &given).run().exits(2).says(&[words]).never_says(&["zzzzz`"]);
    }
    test(&folder, &server, &["--allow-host", "id.example.com:0"]).run().exits(2).says(&["HOST:PORT"]);
    let url = format!("{}/v1", server.url());
    let output =
        Arazzo::new(["run", "things.arazzo.yaml", "-i", "id=1", "-S", &url]).args(given).cwd(folder.path()).run();
    output.exits(2).says(&["did you mean `bearer`?"]);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn a_recording_becomes_a_test_file_that_passes() {
    let folder = folder("");
    let server = staging(|id, n| (id == "2" && n == 0).then_some(503));
    let secret = random(16);
    folder.write(
        "things.arazzo.yaml",
        FLOW.replace(
            "        outputs:",
            "        onFailure: [{name: again, type: retry, retryAfter: 0, retryLimit: 2}]\n        outputs:",
        ),
    );
    let url = format!("{}/v1", server.url());
    let auth = format!("bearer={secret}");
    let run =
        Arazzo::new(["run", "things.arazzo.yaml", "-i", "id=2", "-S", &url, "--auth", &auth, "--record", "r.ndjson"]);
    run.cwd(folder.path()).run().exits(0);
    let command = |words: &[&str]| Arazzo::new(words.iter().copied()).cwd(folder.path()).run();
    let output = command(&["test", "--init", "r.ndjson", "--json"]);
    output.exits(0).says(&["wrote things.test.yaml"]);
    let text = fs::read_to_string(folder.path().join("things.test.yaml")).unwrap();
    assert!(text.contains("status: 503") && text.contains("outcome: succeeded"), "{text}");
    assert!(!text.contains(&secret) && !text.contains("content-length"), "{text}");
    command(&["test", "things.arazzo.yaml"]).exits(0).says(&["1 passed, 0 failed"]);
    // What was written by hand since is not lost.
    command(&["test", "--init", "r.ndjson"]).exits(2).says(&["`things.test.yaml` is there already"]);
    command(&["test", "--init", "nothing.ndjson"]).exits(2).says(&["nothing.ndjson"]);
    command(&["test", "--init", "r.ndjson", "--list"]).exits(2).says(&["--list"]);
}
