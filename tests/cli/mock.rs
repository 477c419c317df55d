//! `--mock` and `arazzo mock`, as people type them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::{Arazzo, Folder, PROVISION};
use crate::server::{Reply, Server};
use serde_json::json;

fn mocked() -> Arazzo {
    Arazzo::new(["run", PROVISION, "--mock"])
}

#[test]
fn the_reference_workflow_runs_without_the_api_with_one_flag() {
    let output = mocked().run();
    output.exits(0).prints(&json!({"volumeId": "vol-1", "sandboxId": "sb-1", "sandboxState": "started"}));
    output.says(&["note: inputs generated for the mock: apiToken volumeName=\"volumeName-1\"", "3 visits"]);
    // A made-up secret is masked like any other.
    output.never_says(&["apiToken-1"]);
}

#[test]
fn given_inputs_are_not_made_up_and_wrong_ones_are_refused() {
    mocked().args(["-i", "volumeName=data", "-i", "apiToken=token"]).run().exits(0).never_says(&["volumeName="]);
    mocked().args(["-i", "volumeNam=data"]).run().exits(2).says(&["unknown-input", "did you mean `volumeName`?"]);
    mocked().args(["-i", "volumeName:=3"]).run().exits(2).says(&["invalid-input"]);
}

#[test]
fn some_sources_can_be_mocked_and_the_others_called() {
    let server = Server::start(|_, _| Reply::status(200).json(&json!({"id": "real", "state": "started"})));
    let inputs = ["-i", "apiToken=token", "-i", "volumeName=v", "-i", "snapshot=s", "-i", "mountPath=/d"];
    let run = Arazzo::new(["run", PROVISION, "--mock=volumesApi", "-S", &format!("sandboxApi={}", server.url())]);
    let output = run.clone().args(inputs).run();
    output.exits(0).prints(&json!({"volumeId": "vol-1", "sandboxId": "real", "sandboxState": "started"}));
    assert_eq!(server.lines(), ["POST /sandbox"]);
    Arazzo::new(["run", PROVISION, "--mock", "volumesApi"]).run().exits(2).says(&["write --mock=volumesApi"]);
    // What is made up must not reach a server of somebody.
    run.run().exits(2).says(&["missing-input"]);
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn a_mocked_source_calls_no_token_endpoint() {
    let login = Server::start(|_, _| Reply::status(200).json(&json!({"access_token": "real", "token_endpoint": "/"})));
    let url = login.url();
    let schemes = [
        format!("{{type: oauth2, flows: {{clientCredentials: {{tokenUrl: '{url}/token', scopes: {{}}}}}}}}"),
        format!(
            "{{type: oauth2, flows: {{password: {{tokenUrl: '{url}/token', refreshUrl: '{url}/more', scopes: {{}}}}}}}}"
        ),
        format!("{{type: openIdConnect, openIdConnectUrl: '{url}/.well-known/openid-configuration'}}"),
    ];
    let mut called: Vec<&str> = vec![];
    for scheme in schemes {
        let folder = Folder::new();
        let described = format!(
            "openapi: 3.1.0
info: {{title: t, version: '1'}}
servers: [{{url: 'https://api.good.example'}}]
paths: {{/a: {{get: {{operationId: look, responses: {{'200': {{description: ok}}}}}}}}}}
components: {{securitySchemes: {{o: {scheme}}}}}
security: [{{o: []}}]
"
        );
        folder.write("api.yaml", &described);
        folder.write("real.yaml", described.replace("https://api.good.example", &url));
        let flow = |sources: &str, steps: &str| {
            format!(
                "arazzo: 1.0.1
info: {{title: t, version: '1'}}
sourceDescriptions: [{sources}]
workflows: [{{workflowId: w, steps: [{steps}]}}]
"
            )
        };
        let api = "{name: api, url: ./api.yaml, type: openapi}";
        let flow_of_one = flow(api, "{stepId: a, operationId: look}");
        let one = folder.write("flow.yaml", flow_of_one).to_str().unwrap().to_owned();
        let credentials = [
            "--auth",
            "o.clientId=id",
            "--auth",
            "o.clientSecret=CANARY-secret",
            "--auth",
            "o.username=me",
            "--auth",
            "o.password=CANARY-password",
        ];
        let output = Arazzo::new(["run", &one, "--mock", "-vv"]).args(credentials).run();
        output.exits(0).never_says(&["CANARY"]);
        assert_eq!(login.lines(), called, "{scheme}");
        // A source beside it that is called gets its token as ever.
        let two = flow(
            &format!("{api}, {{name: real, url: ./real.yaml, type: openapi}}"),
            "{stepId: a, operationId: $sourceDescriptions.api.look}, {stepId: b, operationId: $sourceDescriptions.real.look}",
        );
        let two = folder.write("two.yaml", two).to_str().unwrap().to_owned();
        if scheme.contains("clientCredentials") {
            Arazzo::new(["run", &two, "--mock=api"]).args(credentials).run().exits(0);
            called.extend(["POST /token", "GET /a"]);
            assert_eq!(login.lines(), called);
        }
    }
}

#[test]
fn what_is_for_a_mock_takes_no_proxy_and_goes_to_no_other_address() {
    let other = Server::start(|_, _| Reply::status(200).json(&json!({})));
    let url = other.url();
    let address = url.trim_start_matches("http://");
    let folder = Folder::new();
    folder.write(
        "api.yaml",
        "openapi: 3.1.0
info: {title: t, version: '1'}
servers: [{url: 'https://api.good.example'}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}
security: [{key: []}]
paths: {/c: {post: {operationId: c, responses: {'200': {description: ok}}}}}
",
    );
    let flow = |source: &str, step: &str| {
        format!(
            "arazzo: 1.0.1
info: {{title: t, version: '1'}}
sourceDescriptions: [{source}]
workflows: [{{workflowId: w, steps: [{{stepId: a, {step}}}]}}]
"
        )
    };
    folder.write("flow.yaml", flow("{name: api, url: ./api.yaml, type: openapi}", "operationId: c"));
    folder.write(
        "outer.yaml",
        flow("{name: inn, url: ./flow.yaml, type: arazzo}", "workflowId: $sourceDescriptions.inn.w"),
    );
    let connect = format!("::{address}");
    let steered: [&[&str]; 2] = [&["-x", &url], &["--connect-to", &connect]];
    for flags in steered {
        for command in [
            &["run", "flow.yaml", "--mock"][..],
            &["run", "outer.yaml", "--mock=inn"],
            &["run", "outer.yaml", "--mock=inn.api"],
            &["call", "api.yaml", "c", "--mock"],
        ] {
            let run = Arazzo::new(command).args(["--auth", "key=CANARY-secret"]).args(flags).cwd(folder.path());
            run.run().exits(0);
        }
    }
    let run = Arazzo::new(["run", "flow.yaml", "--mock", "--auth", "key=CANARY-secret"]).env("ARAZZO_PROXY", &url);
    run.cwd(folder.path()).run().exits(0);
    assert_eq!(other.connections(), 0);
    Arazzo::new(["run", "outer.yaml", "--mock=in"]).cwd(folder.path()).run().exits(2);
}

#[test]
fn faults_happen_where_they_are_asked_for() {
    let output = mocked().args(["--fault", "getVolume#2=503"]).run();
    output.exits(1).says(&[
        "was 503",
        "a fault that was asked for",
        "`arazzo mock specs/daytona-provision.yml` serves it again",
    ]);
    let output = mocked().args(["--fault", "createSandbox=reset"]).run();
    output.exits(4).says(&["closed before the answer was complete"]);
    let folder = Folder::new();
    let file = folder.write("faults.yaml", "getVolume#1: 401\ncreateVolume: { delay: 10ms }\n");
    let output = mocked().args(["--fault", file.to_str().unwrap()]).run();
    output.exits(1).says(&["was 401", "No key was sent"]);
    mocked().args(["--fault", "getVolum=503"]).run().exits(2).says(&["did you mean `getVolume`?"]);
    mocked().args(["--fault", "getVolume=often"]).run().exits(2).says(&["`often` is not something that can happen"]);
    mocked().args(["--fault", "none.yaml"]).run().exits(2).says(&["--fault none.yaml"]);
    Arazzo::new(["run", PROVISION, "--fault", "getVolume=503"]).run().exits(2).says(&["add --mock"]);
}

#[test]
fn a_request_that_is_not_as_described_is_refused_with_the_place() {
    let folder = Folder::new();
    folder.write(
        "api.yaml",
        "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths:\n  /a:\n    get:\n      operationId: a\n      parameters:\n        - { name: n, in: query, schema: { type: integer } }\n      responses: { '200': { description: ok } }\n",
    );
    let flow = folder.write(
        "flow.yaml",
        "arazzo: 1.0.1\ninfo: { title: t, version: '1' }\nsourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]\nworkflows:\n  - workflowId: w\n    steps:\n      - stepId: s\n        operationId: a\n        parameters: [{ name: n, in: query, value: many }]\n",
    );
    let output = Arazzo::new(["run", flow.to_str().unwrap(), "--mock"]).run();
    output.exits(1).says(&["query parameter `n`", "is not of type \\\"integer\\\"", "api.yaml:8:19"]);
}

/// The answer to a request, head and body.
fn ask(url: &str, request: &str) -> String {
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[cfg(unix)]
#[test]
fn a_mock_serves_until_it_is_stopped() {
    let arguments = ["mock", "openapi/daytona-sandbox-api-openapi.yml", PROVISION, "--fault", "listVolumes#2=500"];
    let mut child = Arazzo::new(arguments).spawn();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut urls = vec![];
    for name in ["daytona-sandbox-api-openapi", "volumesApi", "sandboxApi"] {
        let line = lines.next().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(words[0] == name && words[1].ends_with("/api") && words[3] == "operations", "{line}");
        urls.push(words[1].to_owned());
    }
    assert!(ask(&urls[1], "GET /api/volumes HTTP/1.1").starts_with("HTTP/1.1 200 OK"));
    assert!(ask(&urls[1], "GET /api/volumes HTTP/1.1").starts_with("HTTP/1.1 500 "));
    assert!(ask(&urls[0], "GET /api/sandbx HTTP/1.1").contains("did you mean GET /api/sandbox?"));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "200 GET /api/volumes  listVolumes  example one\n500 GET /api/volumes  listVolumes  fault: 500\n";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_mock_takes_no_more_than_its_room() {
    let document = "openapi/daytona-volumes-api-openapi.yml";
    let arguments = ["mock", document, "-q", "--idle-timeout", "200ms", "--max-bytes", "256KiB"];
    let mut child = Arazzo::new(arguments).spawn();
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let url = line.split_whitespace().nth(1).unwrap().to_owned();
    let address = url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let begin = |text: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let rest = |mut stream: TcpStream| {
        let mut text = String::new();
        drop(stream.read_to_string(&mut text));
        text
    };
    // A head, and a body, that stand still.
    assert_eq!(rest(begin("GET /api/volumes HTTP/1.1\r\nhost: x\r\n")), "");
    let unfinished =
        "POST /api/volumes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    assert_eq!(rest(begin(unfinished)), "");
    // A body that has no room beside the others.
    let body = "x".repeat(300 << 10);
    let large = format!("POST /api/volumes HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(&address).unwrap();
    drop(stream.write_all(large.as_bytes()));
    let answer = rest(stream);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    // What was taken is given back.
    let get = "GET /api/volumes HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let open: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(&address).unwrap()).collect();
    drop(open);
    let mut tries = (0..100).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        rest(begin(get))
    });
    assert!(tries.any(|answer| answer.starts_with("HTTP/1.1 200 OK")));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_mock_that_cannot_serve_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    Arazzo::new(["mock", PROVISION, "--port", &port]).run().exits(2).says(&["cannot listen on 127.0.0.1:", &port]);
    Arazzo::new(["mock", "specs/none.yml"]).run().exits(2).says(&["cannot read `specs/none.yml`: no such file"]);
    Arazzo::new(["mock", "README.md"]).run().exits(3);
    Arazzo::new(["mock", PROVISION, "--fault", "x=500"]).run().exits(2).says(&["no operation is called `x`"]);
}
