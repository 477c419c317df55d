//! Who calls: credentials of the command line and the environment, on real connections.

use super::{Arazzo, Folder};
use crate::server::{Reply, Server};
use serde_json::json;

const FLOW: &str = "arazzo: 1.0.1
info: { title: Small, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: small
    steps:
      - { stepId: keyed, operationId: keyed }
      - { stepId: tokened, operationId: tokened }
";

fn folder(server: &Server) -> Folder {
    let folder = Folder::new();
    folder.write(
        "api.yaml",
        format!(
            "openapi: 3.1.0
info: {{ title: Things, version: '1' }}
servers: [{{ url: '{0}/v1' }}]
components:
  securitySchemes:
    apiKey: {{ type: apiKey, in: query, name: key }}
    login: {{ type: oauth2, flows: {{ clientCredentials: {{ tokenUrl: '{0}/token', scopes: {{}} }} }} }}
paths:
  /keyed: {{ get: {{ operationId: keyed, security: [{{ apiKey: [] }}], responses: {{}} }} }}
  /tokened: {{ get: {{ operationId: tokened, security: [{{ login: [] }}], responses: {{}} }} }}
",
            server.url()
        ),
    );
    folder
}

fn api() -> Server {
    Server::start(|request, _| match request.path.as_str() {
        "/token" => Reply::status(200).json(&json!({"access_token": "fetched-0123456789"})),
        _ => Reply::status(200).json(&json!({})),
    })
}

#[test]
fn a_recording_keeps_nothing_of_a_credential_with_a_colon() {
    let server = api();
    let folder = folder(&server);
    folder.write("flow.yaml", FLOW);
    let credentials: [&[&str]; 5] = [
        &["--auth", "apiKey=AKIAIOSF:wJalrXUt"],
        &["--auth", "apiKey=k", "-H", "X-Api-Key: AKIAIOSF:wJalrXUt"],
        &["--auth", "apiKey=k", "-H", "Authorization: Bearer AKIAIOSF:wJalrXUt"],
        &["--auth", "apiKey=k", "-u", "joe:AKIAIOSF:wJalrXUt"],
        &["--auth", "apiKey=k", "--auth", "login.clientSecret=AKIAIOSF:wJalrXUt"],
    ];
    for flags in credentials {
        let run = Arazzo::new(["run", "flow.yaml", "--record", "o.rec", "--auth", "login.clientId=me"]).args(flags);
        let run = run.args(["--auth", "login.clientSecret=hush-0123456789"]).cwd(folder.path());
        run.run();
        let recorded = std::fs::read_to_string(folder.path().join("o.rec")).unwrap();
        assert!(!recorded.contains("AKIA") && !recorded.contains("wJal"), "{flags:?}\n{recorded}");
        Arazzo::new(["replay", "o.rec"]).cwd(folder.path()).run().exits(0);
        std::fs::remove_file(folder.path().join("o.rec")).unwrap();
    }
}

#[test]
fn a_token_that_lives_no_time_is_not_fetched_without_end() {
    for life in [json!(0), json!(-1), json!(0.0001), json!("0"), json!(-1e300)] {
        let server = Server::start(move |request, _| match request.path.as_str() {
            "/token" => Reply::status(200).json(&json!({"access_token": "fetched-0123456789", "expires_in": life})),
            _ => Reply::status(200).json(&json!({})),
        });
        let folder = folder(&server);
        let flow = folder.write("flow.yaml", FLOW).to_str().unwrap().to_owned();
        let run = Arazzo::new(["run", &flow, "--auth", "apiKey=k", "--auth", "login.clientId=me"])
            .args(["--auth", "login.clientSecret=hush-0123456789"]);
        run.clone().run().exits(0);
        assert_eq!(server.lines(), ["GET /v1/keyed?key=k", "POST /token", "GET /v1/tokened"]);
        // Each of them counts.
        run.args(["--max-requests", "2"]).run().exits(5).says(&["request-limit", "--max-requests"]);
        assert_eq!(server.lines().len(), 5);
    }
}

#[test]
fn credentials_come_from_flags_and_from_the_environment() {
    let server = api();
    let folder = folder(&server);
    let flow = folder.write("flow.yaml", FLOW).to_str().unwrap().to_owned();
    let run = Arazzo::new(["run", &flow, "--auth", "apiKey=k/1&x", "-vv"])
        .env("ARAZZO_SECRET_LOGIN_CLIENT_ID", "me")
        .env("ARAZZO_SECRET_LOGIN_CLIENT_SECRET", "hush-0123456789")
        .run();
    run.exits(0).never_says(&["hush-0123456789", "fetched-0123456789", "k/1&x", "k%2F1"]);
    assert_eq!(server.lines(), ["GET /v1/keyed?key=k%2F1%26x", "POST /token", "GET /v1/tokened"]);
    let sent = server.requests();
    let header = |index: usize| {
        let mut headers = sent[index].headers.iter();
        headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value.as_str())
    };
    assert_eq!(header(1), Some("Basic bWU6aHVzaC0wMTIzNDU2Nzg5"));
    assert_eq!(header(2), Some("Bearer fetched-0123456789"));
}

#[test]
fn missing_credentials_are_said_before_the_first_request() {
    let server = api();
    let folder = folder(&server);
    let flow = folder.write("flow.yaml", FLOW).to_str().unwrap().to_owned();
    let said = ["missing-credentials", "operation `keyed`", "--auth apiKey=KEY"];
    Arazzo::new(["run", &flow]).run().exits(0).says(&said);
    assert_eq!(server.lines().len(), 2);
    let refused = Arazzo::new(["run", &flow, "--strict"]).run();
    refused.exits(3).says(&said).says(&["--auth login=TOKEN", "described here"]);
    assert_eq!(server.lines().len(), 2);
    // A mock asks nobody who they are.
    Arazzo::new(["run", &flow, "--mock"]).run().exits(0).never_says(&["missing-credentials"]);
}

#[test]
fn a_credential_for_a_scheme_that_is_not_there_is_refused_with_the_right_name() {
    let server = api();
    let folder = folder(&server);
    let flow = folder.write("flow.yaml", FLOW).to_str().unwrap().to_owned();
    Arazzo::new(["run", &flow, "--auth", "apikey=x"]).run().exits(2).says(&["`apikey`", "did you mean `apiKey`?"]);
    Arazzo::new(["run", &flow, "--bearer", "login"]).run().exits(2).says(&["set ARAZZO_SECRET_login"]);
    Arazzo::new(["run", &flow, "--user", "ann"]).run().exits(2).says(&["write -u USER:PASSWORD"]).never_says(&["ann"]);
    let token = format!("eyJ{}", "x".repeat(80));
    Arazzo::new(["run", &flow, "--bearer", &token]).run().exits(2).never_says(&[&token]);
    assert!(server.lines().is_empty());
}

#[test]
fn a_redirect_to_another_port_of_this_machine_is_refused() {
    let canary = api();
    let elsewhere = format!("{}/stolen", canary.url());
    let server = Server::start(move |_, _| Reply::status(302).header("Location", &elsewhere));
    let folder = folder(&server);
    let flow = folder.write("flow.yaml", FLOW).to_str().unwrap().to_owned();
    let run = Arazzo::new(["run", &flow, "--auth", "apiKey=k-0123456789"]).run();
    run.exits(6).says(&["redirect-refused", "no source names that host", "--allow-host 127.0.0.1"]);
    assert!(canary.lines().is_empty());
    let port = canary.url().rsplit(':').next().unwrap().to_owned();
    let allowed = format!("127.0.0.1:{port}");
    let run = Arazzo::new(["run", &flow, "--auth", "apiKey=k-0123456789", "--allow-host", &allowed]).run();
    run.never_says(&["redirect-refused"]);
    assert_eq!(canary.lines()[0], "GET /stolen");
}

#[test]
fn a_token_is_asked_for_at_the_server_with_the_fields_that_were_given() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/api/v1/token" => Reply::status(200)
            .body("application/x-www-form-urlencoded", "access_token=fetched-0123456789&token_type=bearer"),
        _ => Reply::status(200).json(&json!({})),
    });
    let folder = Folder::new();
    folder.write(
        "api.yaml",
        format!(
            "openapi: 3.0.3
info: {{ title: Things, version: '1' }}
servers: [{{ url: '{}/api/v1' }}]
components: {{ securitySchemes: {{ login: {{ type: oauth2, flows: {{ clientCredentials: {{ tokenUrl: token, scopes: {{}} }} }} }} }} }}
paths: {{ /keyed: {{ get: {{ operationId: keyed, security: [{{ login: [] }}], responses: {{}} }} }} }}
",
            server.url()
        ),
    );
    folder.write("flow.yaml", FLOW.replace("      - { stepId: tokened, operationId: tokened }\n", ""));
    let run = Arazzo::new(["run", "flow.yaml", "--auth", "login.clientId=me"]).cwd(folder.path());
    let run = run.args(["--auth", "login.clientSecret=hush-0123456789"]);
    let fields = ["--auth", "login.audience=https://api.example", "--auth", "login.field.pass_code=open-0123456789"];
    let shown = run.clone().args(["--auth", "login.clientAuth=body", "-vv"]).args(fields).run();
    shown.exits(0).never_says(&["hush-0123456789", "open-0123456789"]);
    let sent = server.requests();
    assert_eq!((sent[0].path.as_str(), sent[0].header("authorization")), ("/api/v1/token", None));
    let body = String::from_utf8(sent[0].body.clone()).unwrap();
    assert_eq!(
        body,
        "grant_type=client_credentials&audience=https%3A%2F%2Fapi.example&pass_code=open-0123456789&client_id=me&client_secret=hush-0123456789"
    );
    assert_eq!(sent[1].header("authorization"), Some("Bearer fetched-0123456789"));
    run.clone().args(["--auth", "login.clientAuth=both"]).run().exits(2).says(&["is basic, or body"]);
    run.args(["--auth", "logn.audience=a"]).run().exits(2).says(&["did you mean `login`"]);
}
