//! Test files that are made of recordings: each passes at once, or it is said why it does not.

use std::fs;

use serde_json::json;

use super::{Arazzo, Folder, Output, random};
use crate::server::{Reply, Request, Server};

/// A document of one or two steps, the fields of its operation, and what it is run with.
struct Recorded {
    name: &'static str,
    /// Below the operation `get`, and below the root of the description.
    operation: &'static str,
    description: &'static str,
    /// Of the step.
    step: &'static str,
    outputs: &'static str,
    answer: fn(&Request) -> Reply,
    args: &'static [&'static str],
    exit: i32,
}

const PLAIN: Recorded = Recorded {
    name: "",
    operation: "",
    description: "",
    step: "",
    outputs: "{ a: $response.body#/a }",
    answer: |_| Reply::status(200).json(&json!({ "a": 1 })),
    args: &[],
    exit: 0,
};

const OAUTH: &str = "components:
  securitySchemes:
    oauth: { type: oauth2, flows: { clientCredentials: { tokenUrl: /token, scopes: {} } } }
    key: { type: apiKey, in: query, name: api_key }
    bearer: { type: http, scheme: bearer }
";

fn recorded() -> Vec<Recorded> {
    vec![
        Recorded { name: "plain", ..PLAIN },
        Recorded {
            name: "a token is fetched",
            operation: "security: [{ oauth: [] }]",
            description: OAUTH,
            answer: |request| match request.path.as_str() {
                "/token" => {
                    Reply::status(200).json(&json!({ "access_token": "tok-of-the-server", "token_type": "Bearer" }))
                }
                _ if request.header("authorization") == Some("Bearer tok-of-the-server") => {
                    Reply::status(200).json(&json!({ "a": "tok-of-the-server" }))
                }
                _ => Reply::status(401),
            },
            args: &["--auth", "oauth.clientId=me", "--auth", "oauth.clientSecret=SECRET"],
            ..PLAIN
        },
        Recorded {
            name: "a key in the query, and a header",
            operation: "security: [{ key: [] }]",
            description: OAUTH,
            args: &["--auth", "key=SECRET", "-H", "X-Tenant: shop"],
            ..PLAIN
        },
        Recorded {
            name: "a bearer token and one in a body",
            operation: "security: [{ bearer: [] }]",
            description: OAUTH,
            outputs: "{ a: $response.body#/access_token, b: $response.body }",
            answer: |_| Reply::status(200).json(&json!({ "access_token": "tok-in-a-body", "more": ["tok-in-a-body"] })),
            args: &["--auth", "bearer=SECRET"],
            ..PLAIN
        },
        Recorded {
            name: "headers that come twice",
            outputs: "{ a: $response.header.X-Part }",
            answer: |_| {
                Reply::status(200)
                    .header("X-Part", "one")
                    .header("X-Part", "two: # 3")
                    .header("Set-Cookie", "a=1")
                    .header("Set-Cookie", "b=2")
            },
            ..PLAIN
        },
        Recorded {
            name: "control characters",
            outputs: "{ a: $response.body }",
            answer: |_| {
                Reply::status(200).json(&json!({ "a\u{7f}\u{85}": ["\u{1}\u{2028}\u{feff}", "- x: 1", "", "yes", "1e3", "0x1F", "\u{fffe}"], "<<": { "~": "'\n\t\"" } }))
            },
            args: &["-i", "q=\u{7f}\u{85}\u{2028}: #"],
            ..PLAIN
        },
        Recorded {
            name: "a text in Latin-1",
            outputs: "{ a: $response.body }",
            answer: |_| Reply::status(200).body("text/plain; charset=iso-8859-1", b"caf\xe9 \xa7".to_vec()),
            ..PLAIN
        },
        Recorded {
            name: "bytes",
            outputs: "{ a: $response.body }",
            answer: |_| Reply::status(200).body("application/octet-stream", vec![0, 255, 254, 10, 13]),
            ..PLAIN
        },
        Recorded { name: "an input and the mode of reading", args: &["-i", "q=a b", "--readings", "letter"], ..PLAIN },
        Recorded {
            name: "a variable of the server",
            description: "servers: [{ url: 'http://localhost:1/{v}', variables: { v: { default: one } } }]",
            args: &["--server-var", "v=two"],
            ..PLAIN
        },
        Recorded {
            name: "a status that is not expected",
            answer: |_| Reply::status(500).body("text/html", "<p>no: #1</p>\n"),
            exit: 1,
            ..PLAIN
        },
        Recorded { name: "a connection that breaks", answer: |_| Reply::reset(), exit: 4, ..PLAIN },
        Recorded {
            name: "a secret input",
            step: "onFailure: [{ name: again, type: retry, retryAfter: 0, retryLimit: 1 }]",
            args: &["-s", "q"],
            ..PLAIN
        },
    ]
}

fn written(folder: &Folder, case: &Recorded) {
    folder.write(
        "api.yaml",
        format!(
            "openapi: 3.1.0\ninfo: {{ title: t, version: '1' }}\n{}\npaths:\n  /things:\n    get:\n      operationId: get\n      parameters: [{{ name: q, in: query, schema: {{ type: string }} }}]\n      responses: {{ '200': {{ description: ok }} }}\n      {}\n",
            case.description, case.operation
        ),
    );
    let parameters = if case.args.iter().any(|arg| arg.starts_with("q=") || *arg == "q") {
        "parameters: [{ name: q, in: query, value: $inputs.q }]"
    } else {
        ""
    };
    folder.write(
        "flow.arazzo.yaml",
        format!(
            "arazzo: 1.0.1\ninfo: {{ title: t, version: '1' }}\nsourceDescriptions: [{{ name: api, url: api.yaml, type: openapi }}]\nworkflows:\n  - workflowId: w\n    inputs: {{ type: object, properties: {{ q: {{ type: string }} }} }}\n    steps:\n      - stepId: one\n        operationId: get\n        successCriteria: [{{ condition: $statusCode == 200 }}]\n        outputs: {}\n        {}\n        {parameters}\n    outputs: {{ a: $steps.one.outputs.a }}\n",
            case.outputs, case.step
        ),
    );
}

#[test]
fn a_test_file_of_a_recording_passes_at_once() {
    for case in recorded() {
        let (folder, secret) = (Folder::new(), random(20));
        written(&folder, &case);
        let answer = case.answer;
        let server = Server::start(move |request, _| answer(request));
        let command = |words: &[String]| -> Output {
            Arazzo::new(words.iter().map(String::as_str)).env("ARAZZO_SECRET_q", &secret).cwd(folder.path()).run()
        };
        let words = |all: &[&str]| -> Vec<String> { all.iter().map(|word| (*word).to_owned()).collect() };
        let mut run = words(&["run", "flow.arazzo.yaml", "--record", "r.ndjson"]);
        if case.name == "a variable of the server" {
            folder.write(
                "api.yaml",
                fs::read_to_string(folder.path().join("api.yaml"))
                    .unwrap()
                    .replace("http://localhost:1", &server.url()),
            );
        } else {
            run.extend(words(&["-S", &format!("{}/base", server.url())]));
        }
        run.extend(case.args.iter().map(|arg| arg.replace("SECRET", &secret)));
        if case.name == "a token is fetched" {
            folder.write(
                "api.yaml",
                fs::read_to_string(folder.path().join("api.yaml"))
                    .unwrap()
                    .replace("tokenUrl: /token", &format!("tokenUrl: '{}/token'", server.url())),
            );
        }
        command(&run).exits(case.exit);
        let made = command(&words(&["test", "--init", "r.ndjson"]));
        made.exits(0).says(&["wrote flow.test.yaml"]);
        let text = fs::read_to_string(folder.path().join("flow.test.yaml")).unwrap();
        assert!(!text.contains(&secret) && !text.contains("tok-of-the-server"), "{}: {text}", case.name);
        command(&words(&["test", "flow.arazzo.yaml"])).exits(0).says(&["1 passed, 0 failed"]);
    }
}

#[test]
fn why_a_recording_is_no_test_file_is_said() {
    let folder = Folder::new();
    written(&folder, &Recorded { outputs: "{ a: $statusCode }", ..PLAIN });
    let server = Server::start(|_, _| Reply::status(200));
    let command = |words: &[&str]| Arazzo::new(words.iter().copied()).cwd(folder.path()).run();
    // A limit of the command is not one of the test file.
    command(&["run", "flow.arazzo.yaml", "-S", &server.url(), "--max-requests", "0", "--record", "r.ndjson"]).exits(5);
    let made = command(&["test", "--init", "r.ndjson"]);
    made.exits(1).says(&[
        "wrote flow.test.yaml",
        "no reply is left for step `one`",
        "does not pass as it is",
        "request-limit",
    ]);
    fs::remove_file(folder.path().join("flow.test.yaml")).unwrap();
    // One that was interrupted has no end.
    let recording = fs::read_to_string(folder.path().join("r.ndjson")).unwrap();
    let mut lines: Vec<&str> = recording.lines().collect();
    lines.insert(1, "{\"type\":\"cancel\",\"ms\":0}");
    folder.write("i.ndjson", lines.join("\n"));
    command(&["test", "--init", "i.ndjson"]).exits(2).says(&["the run was interrupted", "arazzo replay"]);
    assert!(!folder.path().join("flow.test.yaml").exists());
}

#[test]
fn what_is_wrong_with_files_and_numbers_is_said_before_the_first_request() {
    let folder = Folder::new();
    written(&folder, &PLAIN);
    let server = Server::start(|_, _| Reply::status(200).json(&json!({ "a": 1 })));
    let url = server.url();
    let run = |more: &[&str]| {
        let words = ["run", "flow.arazzo.yaml", "-S", &url].into_iter().chain(more.iter().copied());
        Arazzo::new(words).cwd(folder.path()).run()
    };
    fs::create_dir(folder.path().join("there")).unwrap();
    for (file, said) in
        [("nowhere/a.txt", "nowhere/a.txt"), ("there", "it is a folder"), ("api.yaml/a.txt", "api.yaml/a.txt")]
    {
        run(&["--save", &format!("one.a={file}")]).exits(2).says(&["--save", said]);
    }
    run(&["--repeat", "2", "--jobs", "0"])
        .exits(2)
        .says(&["--jobs", "whole number from 1"])
        .never_says(&["non-zero type"]);
    assert_eq!(server.lines(), Vec::<String>::new());
    run(&["--save", "one.a=a.txt"]).exits(0);
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "1");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing stays of the trial");
}

#[test]
fn an_input_that_is_empty_in_the_environment_is_an_empty_text() {
    let folder = Folder::new();
    written(&folder, &Recorded { args: &["q="], ..PLAIN });
    let server = Server::start(|_, _| Reply::status(200).json(&json!({ "a": 1 })));
    let run = Arazzo::new(["run", "flow.arazzo.yaml", "-S", &server.url()]).cwd(folder.path());
    run.env("ARAZZO_INPUT_q", "").run().exits(0);
    assert_eq!(server.lines(), ["GET /things?q="]);
}

#[test]
fn suites_have_one_name_whether_or_not_they_ran() {
    let folder = Folder::new();
    written(&folder, &PLAIN);
    let server = Server::start(|_, _| Reply::status(500));
    let words = [
        "run",
        "./flow.arazzo.yaml",
        "-S",
        &server.url(),
        "--repeat",
        "2",
        "--jobs",
        "1",
        "--fail-fast",
        "--report",
        "junit=j.xml",
    ];
    Arazzo::new(words).cwd(folder.path()).run().exits(1);
    let text = fs::read_to_string(folder.path().join("j.xml")).unwrap();
    let names: Vec<&str> = text
        .split("<testsuite ")
        .skip(1)
        .filter_map(|suite| suite.split("name=\"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(names, ["flow.w.run1", "flow.w.run2"], "{text}");
}
