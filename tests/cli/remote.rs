//! Documents on the network: what is fetched, and what is not.

use std::sync::Arc;

use super::{Arazzo, Folder, Output};
use crate::server::{Reply, Server};
use crate::tls::{Authority, Peer};

const API: &str = "\
openapi: 3.1.0
info: { title: Api, version: '1' }
servers: [{ url: 'http://127.0.0.1:9' }]
paths: { /x: { $ref: 'parts/x.yaml' } }
";

const PART: &str = "get: { operationId: get, responses: { '200': { description: ok } } }\n";

/// `arazzo run --dry-run` of a document whose only source is at this url.
fn dry_run(source: &str, itself: Option<&str>, flags: &[&str]) -> Output {
    let folder = Folder::new();
    let itself = itself.map(|uri| format!("$self: {uri}\n")).unwrap_or_default();
    folder.write(
        "flow.yaml",
        format!(
            "arazzo: 1.1.0\n{itself}info: {{ title: Far, version: '1' }}\nsourceDescriptions: [{{ name: api, url: '{source}', type: openapi }}]\nworkflows: [{{ workflowId: main, steps: [{{ stepId: get, operationId: get }}] }}]\n"
        ),
    );
    folder.write("token.txt", "a-token\n");
    Arazzo::new(["run", "flow.yaml", "--dry-run"]).args(flags.iter().copied()).cwd(folder.path()).run()
}

/// A server of documents; `redirect` leads from `/moved.yaml` there.
fn documents(redirect: &str) -> Server {
    let redirect = redirect.to_owned();
    Server::start(move |request, _| match request.path.as_str() {
        "/v1/api.yaml" => Reply::status(200).body("application/yaml", API),
        "/v1/parts/x.yaml" => Reply::status(200).body("application/yaml", PART),
        "/moved.yaml" => Reply::status(302).header("location", &redirect),
        "/bomb.yaml" => Reply::status(200).body("application/yaml", vec![b' '; 70 << 20]),
        _ => Reply::status(404),
    })
}

#[test]
fn a_source_that_is_named_is_fetched_with_what_it_refers_to_and_without_credentials() {
    let server = documents("/v1/api.yaml");
    let url = format!("{}/v1/api.yaml", server.url());
    dry_run(&url, None, &["--bearer", "token@token.txt", "-H", "X-Api-Key: secret"]).exits(0);
    dry_run(&format!("{}/moved.yaml", server.url()), None, &[]).exits(0);
    assert!(server.lines().contains(&"GET /v1/parts/x.yaml".to_owned()), "{:?}", server.lines());
    let sent = server.requests();
    assert!(sent.iter().all(|request| request.header("authorization").or(request.header("x-api-key")).is_none()));
    // Given by who runs it.
    dry_run("nowhere.yaml", None, &["--source", &format!("api={url}")]).exits(0);
}

#[test]
fn what_is_not_there_or_not_safe_is_said() {
    let server = documents("http://localhost.example/api.yaml");
    let at = |path: &str| dry_run(&format!("{}{path}", server.url()), None, &[]);
    at("/none.yaml").exits(3).says(&["source-not-found", "the server answered 404"]);
    at("/moved.yaml").exits(6).says(&["source-refused", "it is not https"]);
    at("/bomb.yaml").exits(6).says(&["source-refused", "more than 67108864 bytes"]);
    dry_run("http://api.example/api.yaml", None, &[]).exits(6).says(&["source-refused", "it is not https"]);
    dry_run("http://user:secret@127.0.0.1/a.yaml", None, &[]).exits(6).says(&["a user in its url"]);
    dry_run("https://169.254.169.254/api.yaml", None, &[]).exits(6).says(&["source-refused", "may not be called"]);
    let (before, url) = (server.lines().len(), format!("{}/v1/api.yaml", server.url()));
    dry_run(&url, None, &["--offline"]).exits(6).says(&["source-refused", "--source api=FILE"]);
    assert_eq!(server.lines().len(), before);
    // A certificate of nobody.
    let peer = Peer::http1(Authority::self_signed(&["localhost"]));
    dry_run(&format!("{}/api.yaml", peer.url("localhost")), None, &[])
        .exits(3)
        .says(&["the certificate is self-signed"]);
    assert_eq!(peer.requests(), 0);
}

#[test]
fn identity_is_not_permission() {
    let server = documents("/");
    let itself = format!("{}/v1/flow.yaml", server.url());
    dry_run("api.yaml", Some(&itself), &[]).exits(6).says(&["source-refused", "does not name it"]);
    assert!(server.lines().is_empty());
}

#[test]
fn redirects_of_documents_stay_at_their_host() {
    let other = Arc::new(documents("/"));
    let server = documents(&format!("{}/v1/api.yaml", other.url()));
    let output = dry_run(&format!("{}/moved.yaml", server.url()), None, &[]);
    output.exits(6).says(&["it redirects to another host"]);
    assert!(other.lines().is_empty());
}

#[test]
fn the_library_fetches_from_hosts_that_were_given() {
    let server = documents("/");
    let folder = Folder::new();
    let url = format!("{}/v1/api.yaml", server.url());
    folder.write("flow.yaml", format!("arazzo: 1.0.1\ninfo: {{ title: Far, version: '1' }}\nsourceDescriptions: [{{ name: api, url: '{url}', type: openapi }}]\nworkflows: [{{ workflowId: main, steps: [{{ stepId: get, operationId: get }}] }}]\n"));
    let open = || arazzo::open(folder.path().join("flow.yaml"));
    assert!(open().load_blocking().unwrap().diagnostics().has_errors());
    assert!(server.lines().is_empty());
    assert!(!open().allow_host("127.0.0.1").load_blocking().unwrap().diagnostics().has_errors());
    // Also where something asynchronous is.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(
        runtime.block_on(async { !open().allow_host("127.0.0.1").load_blocking().unwrap().diagnostics().has_errors() })
    );
}

#[test]
fn documents_come_in_the_time_that_answers_have() {
    let server = Server::start(|_, _| Reply::status(200).delay(5_000));
    let url = format!("{}/api.yaml", server.url());
    dry_run(&url, None, &["--max-time", "60ms"]).exits(3).says(&["source-not-found", "no answer within 0.06 s"]);
    // All of them have the time of the run.
    dry_run(&url, None, &["--timeout", "60ms"]).exits(3).says(&["source-not-found", "no answer within 0.0"]);
}

#[test]
fn what_a_run_does_not_need_is_not_read() {
    let api = |body: &str, parameter: &str, other: &str| {
        format!(
            "openapi: 3.1.0
info: {{ title: Api, version: '1' }}
servers: [{{ url: 'http://127.0.0.1:9' }}]
paths:
  /x:
    get:
      operationId: get
      parameters: [{parameter}]
      responses: {{ '200': {{ description: ok, content: {{ application/json: {{ schema: {body} }} }} }} }}
  /y: {{ get: {{ operationId: other, parameters: [{other}], responses: {{}} }} }}
"
        )
    };
    let refer = |url: &str| format!("{{ $ref: '{url}' }}");
    let folder = Folder::new();
    let flow = "arazzo: 1.1.0\ninfo: { title: Far, version: '1' }\nsourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]\nworkflows: [{ workflowId: main, steps: [{ stepId: get, operationId: get }] }]\n";
    folder.write("flow.yaml", flow);
    let call = |args: &[&str]| Arazzo::new(args.iter().copied()).cwd(folder.path()).run();
    let far = refer("https://schemas.example/s.json");
    for api in [api(&far, "", ""), api("{}", "", &far), api(&far, "", &far)] {
        folder.write("api.yaml", api);
        call(&["lint", "flow.yaml"]).exits(0).never_says(&["refused"]);
        call(&["run", "flow.yaml", "--dry-run"]).exits(0).never_says(&["refused"]);
        call(&["run", "flow.yaml", "--mock"]).exits(0).never_says(&["refused"]);
    }
    folder.write("api.yaml", api("{}", &far, ""));
    call(&["lint", "flow.yaml"]).exits(6);
    call(&["run", "flow.yaml", "--mock"]).exits(6).says(&["source-refused", "schemas.example", "save it to a file"]);
    folder.write(
        "api.yaml",
        api("{}", "", "").replace("paths:", "paths:\n  /z: { $ref: 'https://schemas.example/z.yaml' }"),
    );
    call(&["run", "flow.yaml", "--mock"]).exits(0);
    folder.write("flow.yaml", flow.replace("operationId: get", "operationId: elsewhere"));
    call(&["run", "flow.yaml", "--mock"]).exits(6).says(&["source-refused", "z.yaml"]);
    // What may be read is read where the operations that are called lead to it.
    let parts = "/y: { get: { operationId: other, parameters: [{ $ref: 'parts/none.yaml' }], responses: {} } }";
    let served = Server::start({
        let text = API.replace(
            "paths: { /x: { $ref: 'parts/x.yaml' } }",
            &format!("paths: {{ {parts}, /x: {{ get: {{ operationId: get, responses: {{}} }} }} }}"),
        );
        move |_, _| Reply::status(200).body("application/yaml", text.clone())
    });
    dry_run(&format!("{}/v1/api.yaml", served.url()), None, &[]).exits(0);
    assert_eq!(served.lines(), ["GET /v1/api.yaml"]);
}
