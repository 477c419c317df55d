//! What the language can do, over real connections: several documents, calls, retries, files; and `arazzo lint`.

use super::{Arazzo, Folder};
use crate::server::{Reply, Server};
use serde_json::json;

const FLOW: &str = "\
arazzo: 1.1.0
info: { title: Main, version: '1' }
sourceDescriptions: [{ name: far, url: far/session.yaml, type: arazzo }, { name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: main
    inputs: { type: object, required: [report], properties: { report: { type: string, format: binary }, note: { type: string } } }
    dependsOn: [$sourceDescriptions.far.login]
    outputs: { id: $steps.send.outputs.id }
    steps:
      - stepId: send
        operationId: upload
        parameters: [{ name: Authorization, in: header, value: 'Bearer {$sourceDescriptions.far.login.outputs.token}' }]
        requestBody: { contentType: multipart/form-data, payload: { report: $inputs.report, note: $inputs.note } }
        successCriteria: [{ condition: $statusCode == 201 }]
        outputs: { id: $response.body#/id }
        onFailure: [{ name: busy, type: retry, retryAfter: 0.01, retryLimit: 2, criteria: [{ condition: $statusCode == 503 }] }]
";

const SESSION: &str = "\
arazzo: 1.0.1
info: { title: Session, version: '1' }
sourceDescriptions: [{ name: auth, url: ../api.yaml, type: openapi }]
workflows:
  - workflowId: login
    inputs: { type: object, required: [user], properties: { user: { type: string } } }
    outputs: { token: $steps.ask.outputs.token }
    steps:
      - stepId: ask
        operationId: login
        requestBody: { contentType: application/x-www-form-urlencoded, payload: 'user={$inputs.user}' }
        outputs: { token: $response.body#/token }
";

const API: &str = "\
openapi: 3.1.0
info: { title: Api, version: '1' }
servers: [{ url: 'http://127.0.0.1:9' }]
paths:
  /login: { post: { operationId: login, responses: { '200': { description: a token } } } }
  /upload: { post: { operationId: upload, responses: { '201': { description: kept }, '503': { description: busy } } } }
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("flow.yaml", FLOW);
    folder.write("far/session.yaml", SESSION);
    folder.write("api.yaml", API);
    folder.write("q3.pdf", b"\x00\x01\xffpdf");
    folder
}

fn api() -> Server {
    Server::start(|request, count| match (request.path.as_str(), count) {
        ("/login", _) => Reply::status(200).json(&json!({ "token": "tok-very-secret" })),
        (_, 1) => Reply::status(503),
        _ => Reply::status(201).json(&json!({ "id": "r-1" })),
    })
}

#[test]
fn a_file_is_sent_with_the_token_of_another_document_after_a_retry() {
    let (folder, server) = (folder(), api());
    let args = ["run", "flow.yaml", "-i", "user=a b&c", "-i", "report@q3.pdf", "-i", "note=hello", "-S", &server.url()];
    let output = Arazzo::new(args).cwd(folder.path()).run();
    output.exits(0).prints(&json!({ "id": "r-1" })).never_says(&["tok-very-secret"]);
    output.says(&["workflow login  (needed first)", "attempt 1 -> 2 (busy)", "2 attempts"]);
    assert_eq!(server.lines(), ["POST /login", "POST /upload", "POST /upload"]);
    let requests = server.requests();
    assert_eq!(String::from_utf8_lossy(&requests[0].body), "user=a+b%26c");
    let sent = &requests[2];
    assert_eq!(sent.header("authorization"), Some("Bearer tok-very-secret"));
    let boundary = sent.header("content-type").unwrap().split("boundary=").nth(1).unwrap().to_owned();
    let expected: Vec<u8> = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"report\"; filename=\"q3.pdf\"\r\nContent-Type: application/octet-stream\r\n\r\n").into_bytes(),
        b"\x00\x01\xffpdf".to_vec(),
        format!("\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--{boundary}--\r\n").into_bytes(),
    ]
    .concat();
    assert_eq!(sent.body, expected);
}

#[test]
fn inputs_of_a_workflow_that_is_needed_first_are_asked_for() {
    let folder = folder();
    let output = Arazzo::new(["run", "flow.yaml", "-i", "report=x"]).cwd(folder.path()).run();
    output.exits(2).says(&["missing-input", "`user` is required"]);
    let output = Arazzo::new(["inspect", "flow.yaml"]).cwd(folder.path()).run();
    output.exits(0).check(output.stdout.contains("user*"), "user* among the inputs");
    let output =
        Arazzo::new(["run", "flow.yaml", "-i", "report=x", "-i", "user=u", "--dry-run"]).cwd(folder.path()).run();
    output.exits(0).check(output.stdout.contains("main: 2 steps"), "the step of the other document too");
}

#[test]
fn a_source_of_another_document_is_called_by_its_way() {
    let (folder, server) = (folder(), api());
    let args = ["run", "flow.yaml", "-i", "user=u", "-i", "report=x", "-S", &format!("api={}", server.url())];
    Arazzo::new(args).cwd(folder.path()).run().exits(0);
    // Both documents describe the same API, which has one name: that of the document that was loaded first.
    let output = Arazzo::new(["run", "flow.yaml", "-i", "user=u", "-i", "report=x", "-S", "aip=http://127.0.0.1:1"]);
    output.cwd(folder.path()).run().exits(2).says(&["did you mean `api`?"]);
}

#[test]
fn a_run_with_other_documents_can_be_mocked() {
    let folder = folder();
    folder.write("api.yaml", API.replace("description: a token", "description: a token, content: { application/json: { schema: { type: object, required: [token], properties: { token: { type: string } } } } }"));
    let output = Arazzo::new(["run", "flow.yaml", "--mock", "--fault", "upload#1=503"]).cwd(folder.path()).run();
    output.exits(0).says(&["inputs generated for the mock", "attempt 1 -> 2 (busy)"]);
}

#[test]
fn lint_says_every_error_and_warning_with_its_place() {
    let folder = folder();
    Arazzo::new(["lint", "flow.yaml", "far/session.yaml"])
        .cwd(folder.path())
        .run()
        .exits(0)
        .says(&["2 documents: nothing found"]);
    folder.write(
        "flow.yaml",
        FLOW.replace("$statusCode == 201", "$statusCod == 201").replace("type: retry", "typ: retry"),
    );
    let output = Arazzo::new(["lint", "flow.yaml"]).cwd(folder.path()).run();
    output.exits(3).says(&["1 document: 2 errors"]);
    for words in ["error[unknown-root]", "flow.yaml:14:40", "error[unknown-field]", "did you mean `type`?"] {
        output.check(output.stdout.contains(words), words);
    }
    // The structure alone does not know what is read.
    let output = Arazzo::new(["validate", "--only", "structure", "flow.yaml"]).cwd(folder.path()).run();
    output.exits(3).says(&["1 document: 1 error"]);
    folder.write("flow.yaml", FLOW.replace("url: api.yaml", "url: gone.yaml"));
    Arazzo::new(["lint", "--only", "structure", "flow.yaml"]).cwd(folder.path()).run().exits(0);
    Arazzo::new(["lint", "flow.yaml"]).cwd(folder.path()).run().exits(3);
    Arazzo::new(["lint", "--only", "structure", "gone.yaml"]).cwd(folder.path()).run().exits(3);
    Arazzo::new(["lint", "--only", "strcture", "flow.yaml"]).cwd(folder.path()).run().exits(2).says(&["structure"]);
}
